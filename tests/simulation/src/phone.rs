//! A phone of a run: a folder with the key, a disk with the real store, a clock that may be wrong. Owns switching it off
//! and on; what its person does is `people`'s.

use crate::{
    dice::Dice,
    disk::{Disk, Image, temporary_folder},
    office::{BEGIN_MS, Office},
    vfs,
};
use device::{Device, DeviceError, DeviceKind, NewDevice, Sync, Upload};
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use sync_core::{
    DeviceId, Hash, Head, OpId,
    exchange::ClockReading,
    ingest::{Enrolment, EnrolmentRequest},
    session::Finish,
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
    /// Whether the system looks at it before it takes a certificate.
    pub is_looked_at: bool,
}

/// How far a clock may be off before certificates do not hold by it.
const CERTIFICATE_MS: u64 = 365 * 86_400_000;

impl PhoneClock {
    fn wall(&self, now_ms: u64) -> u64 {
        let since = i64::try_from(now_ms.saturating_sub(BEGIN_MS)).unwrap_or(0);
        let shown = now_ms.saturating_add_signed(self.offset_ms + since * self.drift / 1_000_000);
        self.frozen_at.unwrap_or(shown)
    }

    /// Whether no certificate holds by it.
    #[must_use]
    pub fn is_refused(&self, now_ms: u64) -> bool {
        self.is_looked_at && self.wall(now_ms).abs_diff(now_ms) > CERTIFICATE_MS
    }
}

/// Why a phone is not used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Working,
    /// Its database is damaged.
    Damaged,
    /// The office revoked it.
    Revoked,
    /// Nobody has it any more.
    Lost,
}

/// A copy of a database, and what it holds by the simulator's own account.
pub struct Saved {
    image: Image,
    dev: DeviceId,
    log: Vec<Hash>,
    made: BTreeSet<usize>,
    is_damaged: bool,
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
    /// The store, while the app runs.
    pub device: Option<Device>,
    /// The exchange that is under way.
    pub sync: Option<Sync>,
    /// The photos that are under way.
    pub upload: Option<Upload>,
    /// Whether it is in use.
    pub standing: Standing,
    /// Its clock.
    pub clock: PhoneClock,
    /// The chain hash after each op of its log.
    pub log: Vec<Hash>,
    /// What was recorded in its database, also under former names.
    pub made: BTreeSet<usize>,
    /// Since the office was last made from a copy it has read all that there was.
    pub has_read: bool,
    /// What it held of others when the office was made from a copy: op and audit.
    pub mirror: BTreeMap<OpId, Uuid>,
    /// What it was called before it lost its key.
    pub keyless: BTreeSet<DeviceId>,
    /// What it last believed to be on the server.
    pub acked: Head,
    /// A replica that lags behind answered in the exchange that is under way.
    pub has_read_stale: bool,
    /// How its last exchange ended.
    pub ended: Option<Finish>,
    /// The system stops the app, and not the phone.
    pub is_stopped: bool,
    /// A receipt that the office never signed came in the exchange that is under way.
    pub has_forged: bool,
    /// An answer from before the server was restored may still be in its hands.
    pub has_old_answer: bool,
    /// Its database was copied, or is an old one: another log may stand under its name.
    pub is_copy: bool,
    /// It is an old one.
    pub is_set_back: bool,
    /// Whose key lies beside the database.
    key_of: DeviceId,
    /// An edit that failed may have left something in the log that no commit has overwritten yet.
    pub has_leavings: bool,
    /// A bit of its database was turned.
    pub is_damaged: bool,
    /// An older copy of its database.
    pub saved: Option<Saved>,
    /// Its last exchange ended with nothing more on either side.
    pub is_done: bool,
    /// Its last run of photos left none that could be sent.
    pub is_sent: bool,
    /// When it may ask again.
    pub wait_until: u64,
}

/// Phones here write little, so they make segments ready of few ops.
pub const SEAL_FROM: usize = 4;

impl Phone {
    /// A new phone of an auditor, which is not enrolled.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(auditor: usize, secret: [u8; 32], dice: &mut Dice) -> Result<Self, DeviceError> {
        let folder = temporary_folder();
        let disk = Disk::default();
        vfs::mount(folder.path(), &disk);
        let mut device = Device::create(folder.path(), &NewDevice { secret, kind: DeviceKind::Phone })?;
        device.seal_from(SEAL_FROM);
        let phone = Self {
            auditor,
            disk,
            folder,
            dev: device.dev(),
            key_of: device.dev(),
            device: Some(device),
            sync: None,
            upload: None,
            standing: Standing::Working,
            clock: PhoneClock {
                offset_ms: 0,
                drift: 0,
                frozen_at: None,
                boot: dice.number(),
                is_looked_at: false,
            },
            log: Vec::new(),
            made: BTreeSet::new(),
            has_read: false,
            mirror: BTreeMap::new(),
            keyless: BTreeSet::new(),
            acked: Head::EMPTY,
            has_read_stale: false,
            ended: None,
            is_stopped: false,
            has_forged: false,
            has_old_answer: false,
            is_copy: false,
            is_set_back: false,
            has_leavings: false,
            is_damaged: false,
            saved: None,
            is_done: false,
            is_sent: false,
            wait_until: 0,
        };
        phone.prefer_small_parts()?;
        Ok(phone)
    }

    /// As after a bad link: parts of photos begin small, so that a small photo has several.
    fn prefer_small_parts(&self) -> Result<(), DeviceError> {
        let small = u64::from(sync_core::lane::MIN_CHUNK_BYTES).to_be_bytes();
        let put = "INSERT INTO meta (key, value) VALUES ('blob_chunk', ?1) ON CONFLICT DO NOTHING";
        Connection::open(self.database())?.execute(put, [small])?;
        Ok(())
    }

    /// A second phone with everything of this one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn copy(&mut self) -> Result<Self, DeviceError> {
        self.kill();
        let folder = temporary_folder();
        copy_files(self.folder.path(), folder.path());
        let disk = Disk::of(&self.disk.image());
        vfs::mount(folder.path(), &disk);
        self.is_copy = true;
        let mut copy = Self {
            disk,
            folder,
            device: None,
            sync: None,
            upload: None,
            log: self.log.clone(),
            made: self.made.clone(),
            mirror: self.mirror.clone(),
            keyless: self.keyless.clone(),
            saved: None,
            is_copy: true,
            ended: None,
            ..*self
        };
        copy.start()?;
        self.start()?;
        Ok(copy)
    }

    /// What its database is now, kept.
    pub fn save(&mut self) {
        let (image, log, made) = (self.disk.image(), self.log.clone(), self.made.clone());
        let (dev, is_damaged) = (self.dev, self.is_damaged);
        self.saved = Some(Saved { image, dev, log, made, is_damaged });
    }

    /// The database that was kept is put in the place of the one that is there; whether there was one.
    pub fn set_back(&mut self) -> bool {
        let Some(saved) = self.saved.take() else { return false };
        self.disk.put_back(&saved.image);
        (self.dev, self.log, self.made) = (saved.dev, saved.log, saved.made);
        (self.is_copy, self.is_set_back, self.is_damaged) = (true, true, saved.is_damaged);
        self.has_read = false;
        self.mirror.clear();
        true
    }

    /// Whether the office told it that it may read no longer.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        let status = self.device.as_ref().and_then(|it| it.status().ok());
        status.is_some_and(|it| it.ended.is_some())
    }

    /// Everything is gone from its folder but the key, or that too; the app is installed anew.
    ///
    /// # Errors
    /// Those of the store.
    pub fn install(&mut self, secret: [u8; 32]) -> Result<(), DeviceError> {
        let new = NewDevice { secret, kind: DeviceKind::Phone };
        let mut device = Device::create(self.folder.path(), &new)?;
        device.seal_from(SEAL_FROM);
        (self.dev, self.key_of) = (device.dev(), device.dev());
        self.device = Some(device);
        (self.log, self.made, self.acked) = (Vec::new(), BTreeSet::new(), Head::EMPTY);
        self.mirror.clear();
        (self.is_copy, self.is_set_back) = (false, false);
        (self.has_leavings, self.has_old_answer, self.has_read) = (false, false, false);
        self.prefer_small_parts()
    }

    /// Its database is another device's than before: the app goes on under that name.
    pub fn take_name(&mut self) {
        let Some(device) = &self.device else { return };
        (self.dev, self.key_of) = (device.dev(), device.dev());
        (self.log, self.acked) = (Vec::new(), Head::EMPTY);
        (self.is_copy, self.is_set_back) = (false, false);
        (self.has_leavings, self.has_old_answer, self.has_read) = (false, false, false);
    }

    /// The key beside its database, for whoever plays somebody that stole it.
    pub(crate) fn read_secret(&self) -> Option<[u8; 32]> {
        let text = fs::read_to_string(self.folder.path().join(KEY_FILE)).ok()?;
        text.trim().parse::<Hash>().ok().map(|it| it.0)
    }

    /// Whether its database is without its key.
    #[must_use]
    pub fn lacks_key(&self) -> bool {
        self.key_of != self.dev
    }

    /// Where its database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE_FILE)
    }

    /// Where the file of a photo is.
    #[must_use]
    pub fn photo(&self, id: &Hash) -> PathBuf {
        self.folder.path().join("blobs").join(id.to_string())
    }

    /// Its log after a position, as it lies on the disk: position, audit, chain hash.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn log_after(&self, after: u64) -> Result<Vec<(u64, Uuid, Hash)>, rusqlite::Error> {
        let store = Connection::open(self.database())?;
        let mut list = store.prepare("SELECT dseq, audit, h FROM oplog WHERE dseq > ?1 ORDER BY dseq")?;
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?), Hash(row.get(2)?)));
        list.query_map([after], row)?.collect()
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

    /// Whether an exchange or photos are under way.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.sync.is_some() || self.upload.is_some()
    }

    /// The app is killed; what the system holds of its files lives on.
    pub fn kill(&mut self) {
        self.disk.switch_off();
        self.close();
        self.disk.revive();
    }

    /// The power is cut.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        self.disk.switch_off();
        self.close();
        self.disk.lose_power(dice);
    }

    /// The app ends; whoever closes the store last writes its log into the database.
    pub fn close(&mut self) {
        (self.device, self.sync, self.upload) = (None, None, None);
    }

    /// The app is started.
    ///
    /// # Errors
    /// Those of the store.
    pub fn start(&mut self) -> Result<(), DeviceError> {
        if self.device.is_none() {
            let mut device = Device::open(self.folder.path())?;
            device.seal_from(SEAL_FROM);
            self.device = Some(device);
        }
        Ok(())
    }

    /// The key is gone.
    pub fn lose_key(&mut self) {
        self.kill();
        fs::remove_file(self.folder.path().join(KEY_FILE)).expect("there is a key");
        self.keyless.insert(self.dev);
        self.key_of = DeviceId([0; 16]);
    }

    /// The database is gone.
    pub fn lose_database(&mut self) {
        self.kill();
        self.disk.put_back(&crate::disk::Image::default());
        fs::remove_file(self.folder.path().join(DATABASE_FILE)).expect("there is a database");
    }

    /// The photos are gone.
    pub fn lose_photos(&self) {
        let _ = fs::remove_dir_all(self.folder.path().join("blobs"));
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

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).expect("a folder can be made");
            copy_files(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.disk.switch_off();
        self.device = None;
        vfs::unmount(self.folder.path());
    }
}
