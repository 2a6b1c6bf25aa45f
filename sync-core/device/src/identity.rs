//! Whom this device works for: the person and the server that it was enrolled with, and for what. Its key is the place's.

use serde::{Deserialize, Serialize};
use sync_core::{
    Bytes, Hash,
    ingest::{Enrolment, EnrolmentRequest, enrolment_bytes},
};

use crate::{
    DeviceError,
    ended::ENDED,
    receipts, renew,
    store::{self, Device},
};

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

impl Device {
    /// Whether this program signs in its name, and not the platform.
    pub fn signs_itself(&self) -> bool {
        self.key.is_software()
    }

    /// Signs in its name, for whoever drives a run and has no key.
    ///
    /// - **Errors**: `key_of_platform`.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.key.sign(bytes)
    }

    /// What to send to enrol this device with a one-time code.
    ///
    /// - **Errors**: `key_of_platform`; storage.
    pub fn enrolment_request(&self, code: &str) -> Result<EnrolmentRequest, DeviceError> {
        self.signed_enrolment(code, self.key.sign(&self.enrolment_bytes(code))?)
    }

    /// What the platform has to sign for [`Self::signed_enrolment`].
    pub fn enrolment_bytes(&self, code: &str) -> Vec<u8> {
        enrolment_bytes(&self.dev(), code)
    }

    /// As [`Self::enrolment_request`], with a signature of the platform.
    ///
    /// - **Errors**: storage.
    pub fn signed_enrolment(&self, code: &str, sig: Vec<u8>) -> Result<EnrolmentRequest, DeviceError> {
        Ok(EnrolmentRequest {
            code: code.to_owned(),
            key: self.key.public(),
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
            .map(|json| domain::json::read(&json).map_err(DeviceError::corrupt))
            .transpose()
    }
}
