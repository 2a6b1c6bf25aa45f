//! Who this device is: its secret key beside the database, and the user and server it was enrolled with. The database
//! without the key is a copy and is refused.

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
    receipts,
    store::{self, Device},
};

const KEY_FILE: &str = "device.key";

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
    fn of(secret: [u8; 32]) -> Self {
        let signing = SigningKey::from_secret(&secret);
        let dev = signing.public_key().device();
        Self { signing, secret, dev }
    }

    pub(crate) fn dev(&self) -> DeviceId {
        self.dev
    }

    pub(crate) fn write_new(dir: &Path, secret: [u8; 32]) -> Result<Self, DeviceError> {
        let path = dir.join(KEY_FILE);
        let mut file = private().open(path).map_err(file_error("cannot create the device's key file"))?;
        let text = format!("{}\n", Hash(secret));
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(file_error("cannot write the device's key file"))?;
        Ok(Self::of(secret))
    }

    /// The key in a folder; none if there is no key file.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, DeviceError> {
        match fs::read_to_string(dir.join(KEY_FILE)) {
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
    pub fn enrolment_request(&self, code: &str) -> EnrolmentRequest {
        let sig = self.keys.signing.sign(&enrolment_bytes(&self.dev(), code));
        EnrolmentRequest {
            code: code.to_owned(),
            key: self.keys.signing.public_key(),
            kind: self.kind.name().to_owned(),
            sig: Bytes(sig),
        }
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
