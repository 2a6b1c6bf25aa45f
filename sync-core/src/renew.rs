//! A device that may not go on under its identity (its log forked, its key is lost) goes on as a new one and says again what
//! the server may lack of its former log (SYNC.md 2.3). Owns how an op is said again, and the proof that the new device is
//! the former one's successor.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::{
    AuditOps, Bytes, DeviceId, Op, OpId, PublicKey,
    content::submit_value,
    payload::{Frontier, SubmitValue},
    signature::SignatureError,
};

/// What is said again: the ops of `former` after `agreed`, from position 1 of `dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// The device that it was.
    pub former: DeviceId,
    /// Up to here the former log is on the server.
    pub agreed: u64,
    /// The device that it is from now on.
    pub dev: DeviceId,
}

impl Renewal {
    /// Where an op of the former log is said again; itself for any other op.
    fn place(&self, id: &OpId) -> OpId {
        match id.dseq.checked_sub(self.agreed) {
            Some(dseq) if id.dev == self.former && dseq > 0 => OpId::new(self.dev, dseq),
            _ => *id,
        }
    }

    /// An op of the former log after `agreed` as the new device says it: at its own position, with the same clock and value,
    /// naming as seen the ops as they are said now. A submit still needs [`Self::submit`].
    pub fn again(&self, op: &Op) -> Op {
        let id = OpId::new(self.former, op.dseq);
        Op {
            dseq: self.place(&id).dseq,
            base: op.base.iter().map(|it| self.place(it)).collect(),
            origin: Some(op.origin.unwrap_or(id)),
            ..op.clone()
        }
    }

    /// What a submit of the former log says in the new one: the same round of the same answers, as they stand there.
    ///
    /// - **Shape**: `audit` holds the agreed ops and those said again before the submit, which will be `dseq`.
    pub fn submit(&self, audit: &AuditOps, former: &SubmitValue, dseq: u64) -> SubmitValue {
        let mut seen: Frontier = former.frontier.clone();
        if let Some(last) = seen.get_mut(&self.former) {
            *last = (*last).min(self.agreed);
        }
        seen.insert(self.dev, dseq.saturating_sub(1));
        let seen = audit.seen_by(&seen);
        submit_value(&seen, &seen.view())
    }
}

/// A device that asks to go on in place of a former one, with the session of the former one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionRequest {
    /// The former device.
    pub former: DeviceId,
    /// The new device's key; the device is [`PublicKey::device`] of it.
    pub key: PublicKey,
    /// The new key's signature over [`succession_bytes`].
    pub sig: Bytes,
    /// The former key's signature over the same.
    pub former_sig: Bytes,
}

/// What both keys sign: `"veedor-succ-1" || former || dev`.
pub fn succession_bytes(former: &DeviceId, dev: &DeviceId) -> Vec<u8> {
    let mut out = Vec::from(*b"veedor-succ-1");
    out.extend_from_slice(&former.0);
    out.extend_from_slice(&dev.0);
    out
}

impl SuccessionRequest {
    /// Checks the new key and both proofs.
    ///
    /// - **Shape**: `former_key` is the enrolled key of `former`.
    /// - **Errors**: a key is none of its algorithm, or a signature does not hold.
    pub fn check(&self, former_key: &PublicKey) -> Result<DeviceId, SignatureError> {
        let key = PublicKey::parse(self.key.alg, &self.key.key)?;
        let dev = key.device();
        let signed = succession_bytes(&self.former, &dev);
        key.verify(&signed, &self.sig)?;
        if former_key.device() != self.former {
            return Err(SignatureError::BadKey);
        }
        former_key.verify(&signed, &self.former_sig)?;
        Ok(dev)
    }
}
