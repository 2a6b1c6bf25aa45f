//! Who this device is: its secret key beside the database, and the user and server it was enrolled with. The database
//! without the key is a copy: it is refused, or goes on as a new device (`renew`).

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sync_core::{
    Bytes, DeviceId, Hash,
    ingest::{Enrolment, EnrolmentRequest, enrolment_bytes},
    signature::SigningKey,
};

use crate::{
    DeviceError,
    ended::ENDED,
    receipts, renew,
    store::{self, Device},
};

const KEY_FILE: &str = "device.key";
/// A key that takes the place of the other once the database is its own.
const NEXT_KEY_FILE: &str = "device.key.next";

/// What a device is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A person's phone.
    Phone,
    /// Brings audits in from files: no quotas, no flags on clocks, branches need not be mirrored.
    Import,
}

impl DeviceKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Import => "import",
        }
    }
}

/// A device to be made.
pub struct NewDevice {
    /// 32 bytes from a good random source; they never leave the device.
    pub secret: [u8; 32],
    /// What it is used for.
    pub kind: DeviceKind,
}

pub(crate) struct Keys {
    pub(crate) signing: SigningKey,
    pub(crate) secret: [u8; 32],
    dev: DeviceId,
}

fn file_error(what: &'static str) -> impl Fn(std::io::Error) -> DeviceError {
    move |source| DeviceError::File { what, source }
}

/// How a new file is made that nobody else may read.
pub(crate) fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Keys {
    pub(crate) fn of(secret: [u8; 32]) -> Self {
        let signing = SigningKey::from_secret(&secret);
        let dev = signing.public_key().device();
        Self { signing, secret, dev }
    }

    pub(crate) fn dev(&self) -> DeviceId {
        self.dev
    }

    /// Writes a new key beside the one that is in use, for [`Self::settle`].
    pub(crate) fn prepare(dir: &Path, secret: [u8; 32]) -> Result<Self, DeviceError> {
        let path = dir.join(NEXT_KEY_FILE);
        // One that was never settled belongs to no database.
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(file_error("cannot replace the device's next key file")(e));
            }
            _ => {}
        }
        let mut file = private().open(path).map_err(file_error("cannot create the device's key file"))?;
        let text = format!("{}\n", Hash(secret));
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(file_error("cannot write the device's key file"))?;
        Ok(Self::of(secret))
    }

    /// Puts the prepared key in the place of the one that was in use, which is gone from then on.
    pub(crate) fn settle(dir: &Path) -> Result<(), DeviceError> {
        fs::rename(dir.join(NEXT_KEY_FILE), dir.join(KEY_FILE))
            .map_err(file_error("cannot put the device's key file in place"))?;
        // Where a folder cannot be synced the rename is as durable as the system makes it.
        #[cfg(unix)]
        fs::File::open(dir)
            .and_then(|it| it.sync_all())
            .map_err(file_error("cannot sync the device's folder"))?;
        Ok(())
    }

    /// The key of a device in its folder, also one that was prepared and not put in place before a crash; none if it is lost.
    pub(crate) fn find(dir: &Path, dev: DeviceId) -> Result<Option<Self>, DeviceError> {
        let next = Self::read(&dir.join(NEXT_KEY_FILE)).ok().flatten().filter(|it| it.dev == dev);
        if next.is_some() {
            Self::settle(dir)?;
            return Ok(next);
        }
        Ok(Self::read(&dir.join(KEY_FILE))?.filter(|it| it.dev == dev))
    }

    fn read(path: &Path) -> Result<Option<Self>, DeviceError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let secret: Hash = text.trim().parse().map_err(|_| {
                    DeviceError::problem(
                        500,
                        "device_key_damaged",
                        "El archivo de la clave del dispositivo está dañado; hay que volver a enrolarlo",
                        "the device's key file is damaged; the device must be enrolled anew",
                    )
                })?;
                Ok(Some(Self::of(secret.0)))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error("cannot read the device's key file")(e)),
        }
    }
}

impl Device {
    /// What to send to enrol this device with a one-time code.
    ///
    /// - **Errors**: storage.
    pub fn enrolment_request(&self, code: &str) -> Result<EnrolmentRequest, DeviceError> {
        let sig = self.keys.signing.sign(&enrolment_bytes(&self.dev(), code));
        Ok(EnrolmentRequest {
            code: code.to_owned(),
            key: self.keys.signing.public_key(),
            kind: self.kind.name().to_owned(),
            sig: Bytes::from(sig),
            former: self.not_succeeded()?,
        })
    }

    /// Keeps what the server answered to an enrolment. Enrolling again with the same organization renews the session; with
    /// another one it is refused.
    ///
    /// - **Errors**: `other_organization`; storage.
    pub fn enrolled(&mut self, enrolment: &Enrolment) -> Result<(), DeviceError> {
        let other = self.enrolment()?.is_some_and(|it| (it.org, it.user) != (enrolment.org, enrolment.user));
        if other {
            return Err(DeviceError::problem(
                409,
                "other_organization",
                "El dispositivo ya está enrolado para otra organización o persona; use una carpeta nueva",
                "the device is enrolled for another organization or person; use a new folder",
            ));
        }
        let json = serde_json::to_vec(enrolment).map_err(DeviceError::corrupt)?;
        let tx = self.conn.transaction()?;
        store::put_meta(&tx, "enrolment", &json)?;
        receipts::forget_server_key(&tx)?;
        renew::forget_succession(&tx)?;
        tx.execute("DELETE FROM meta WHERE key = ?1", [ENDED])?;
        if store::get_meta(&tx, "epoch")?.is_none() {
            store::put_meta(&tx, "epoch", &enrolment.epoch.to_be_bytes())?;
        }
        for stream in &enrolment.streams {
            tx.execute(
                "INSERT INTO stream (id, cursor, f) VALUES (?1, 0, ?2) ON CONFLICT (id) DO NOTHING",
                (stream.to_string(), Hash::ZERO.0),
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// What the server answered when this device was enrolled.
    ///
    /// - **Errors**: storage.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, DeviceError> {
        store::get_meta(&self.conn, "enrolment")?
            .map(|json| serde_json::from_slice(&json).map_err(DeviceError::corrupt))
            .transpose()
    }
}
