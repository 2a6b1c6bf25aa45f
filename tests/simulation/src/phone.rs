//! A phone of a run: a folder with the key, a disk with the real store, a clock that may be wrong. Owns switching it off
//! and on; what its person does is `people`'s.

use crate::{
    dice::Dice,
    disk::Disk,
    office::{BEGIN_MS, Office},
    vfs,
};
use device::{Device, DeviceError, DeviceKind, NewDevice, Sync};
use std::{fs, path::Path};
use sync_core::{
    DeviceId, Hash, Head,
    exchange::ClockReading,
    ingest::{Enrolment, EnrolmentRequest},
};
use tempfile::TempDir;
use uuid::Uuid;

/// The key's file; the rest of what a phone keeps lies on its disk.
const KEY_FILE: &str = "device.key";
/// The database's file.
pub const DATABASE_FILE: &str = "device.db";

/// What a phone's clock shows.
#[derive(Debug, Clone, Copy)]
pub struct PhoneClock {
    /// Added to the true time.
    pub offset_ms: i64,
    /// Milliseconds too many in a million.
    pub drift: i64,
    /// Where it stands.
    pub frozen_at: Option<u64>,
    /// Which boot.
    pub boot: u64,
}

impl PhoneClock {
    fn wall(&self, now_ms: u64) -> u64 {
        let since = i64::try_from(now_ms.saturating_sub(BEGIN_MS)).unwrap_or(0);
        let shown = now_ms.saturating_add_signed(self.offset_ms + since * self.drift / 1_000_000);
        self.frozen_at.unwrap_or(shown)
    }
}

/// Why a phone is not used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Working,
    /// Its database was copied, and the server holds another's ops under its name.
    Forked,
    /// Its database is damaged.
    Damaged,
    /// It has no database, or no key.
    Lost,
    /// The office revoked it.
    Revoked,
}

/// A phone.
pub struct Phone {
    /// Whose.
    pub auditor: usize,
    /// Its disk.
    pub disk: Disk,
    folder: TempDir,
    /// Its identity.
    pub dev: DeviceId,
    /// Its secret, for whoever plays somebody that stole it.
    pub secret: [u8; 32],
    /// The store, while the app runs.
    pub device: Option<Device>,
    /// The exchange that is under way.
    pub sync: Option<Sync>,
    /// Whether it is in use.
    pub standing: Standing,
    /// Its clock.
    pub clock: PhoneClock,
    /// The chain hash after each op that was ever committed here.
    pub log: Vec<Hash>,
    /// What it last believed to be on the server.
    pub acked: Head,
    /// An answer from before the server was restored may still be in its hands.
    pub has_old_answer: bool,
    /// Its database was copied, or is an old one.
    pub is_copy: bool,
    /// An edit that failed may have left something in the log that no commit has overwritten yet.
    pub has_leavings: bool,
    /// A bit of its database was turned.
    pub is_damaged: bool,
    /// An older copy of its database, with how many ops it had.
    pub saved: Option<(crate::disk::Image, usize)>,
    /// Its last exchange ended with nothing more on either side.
    pub is_done: bool,
    /// When it may ask again.
    pub wait_until: u64,
}

impl Phone {
    /// A new phone of an auditor, which is not enrolled.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(auditor: usize, dice: &mut Dice) -> Result<Self, DeviceError> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let disk = Disk::default();
        vfs::mount(folder.path(), &disk);
        let secret = dice.bytes32();
        let device = Device::create(folder.path(), &NewDevice { secret, kind: DeviceKind::Phone })?;
        Ok(Self {
            auditor,
            disk,
            folder,
            dev: device.dev(),
            secret,
            device: Some(device),
            sync: None,
            standing: Standing::Working,
            clock: PhoneClock { offset_ms: 0, drift: 0, frozen_at: None, boot: dice.number() },
            log: Vec::new(),
            acked: Head::EMPTY,
            has_old_answer: false,
            is_copy: false,
            has_leavings: false,
            is_damaged: false,
            saved: None,
            is_done: false,
            wait_until: 0,
        })
    }

    /// A second phone with everything of this one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn copied(&mut self) -> Result<Self, DeviceError> {
        self.kill();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for entry in fs::read_dir(self.folder.path()).expect("the folder is there") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a file can be copied");
        }
        let disk = Disk::of(&self.disk.image());
        vfs::mount(folder.path(), &disk);
        self.is_copy = true;
        let mut copy = Self {
            disk,
            folder,
            device: None,
            sync: None,
            log: self.log.clone(),
            saved: None,
            is_copy: true,
            ..*self
        };
        copy.start()?;
        self.start()?;
        Ok(copy)
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether its person can use it.
    #[must_use]
    pub fn works(&self) -> bool {
        self.standing == Standing::Working
    }

    /// The time on it.
    #[must_use]
    pub fn wall(&self, now_ms: u64) -> u64 {
        self.clock.wall(now_ms)
    }

    /// All its clocks.
    #[must_use]
    pub fn reading(&self, now_ms: u64) -> ClockReading {
        let mono_ms = Some(now_ms.saturating_sub(BEGIN_MS));
        let boot = Some(Uuid::from_u128(u128::from(self.clock.boot)));
        ClockReading { wall_ms: self.wall(now_ms), mono_ms, boot }
    }

    /// The app is killed; what the system holds of its files lives on.
    pub fn kill(&mut self) {
        self.disk.switch_off();
        (self.device, self.sync) = (None, None);
        self.disk.revive();
    }

    /// The power is cut.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        self.disk.switch_off();
        (self.device, self.sync) = (None, None);
        self.disk.lose_power(dice);
    }

    /// The app is started.
    ///
    /// # Errors
    /// Those of the store.
    pub fn start(&mut self) -> Result<(), DeviceError> {
        if self.device.is_none() {
            self.device = Some(Device::open(self.folder.path())?);
        }
        Ok(())
    }

    /// The key is gone.
    pub fn lose_key(&mut self) {
        self.kill();
        fs::remove_file(self.folder.path().join(KEY_FILE)).expect("there is a key");
    }

    /// The database is gone.
    pub fn lose_database(&mut self) {
        self.kill();
        self.disk.put_back(&crate::disk::Image::default());
        fs::remove_file(self.folder.path().join(DATABASE_FILE)).expect("there is a database");
    }

    /// Enrols with a code.
    ///
    /// # Errors
    /// A text of what was refused.
    pub fn enrol(&mut self, office: &Office) -> Result<(), String> {
        let device = self.device.as_mut().ok_or("the app does not run")?;
        let issued = office.code(self.auditor);
        let code = issued.json()["code"].as_str().map(str::to_owned);
        let code = code.ok_or_else(|| format!("no code: {:?}", issued.outcome()))?;
        let request: EnrolmentRequest = device.enrolment_request(&code).map_err(|it| it.to_string())?;
        let answer = office.send(|it| it.post("/api/v1/devices/enrol").json(&request));
        if !answer.status.is_success() {
            return Err(format!("not enrolled: {:?}", answer.outcome()));
        }
        let enrolment: Enrolment = serde_json::from_value(answer.json()).map_err(|it| it.to_string())?;
        device.enrolled(&enrolment).map_err(|it| it.to_string())
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.disk.switch_off();
        self.device = None;
        vfs::unmount(self.folder.path());
    }
}
