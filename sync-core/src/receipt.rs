//! The server's signed word on what it holds, and how a device learns the key of a server that was restored. Owns both
//! forms and what is signed in them; when a device asks for one is the session's.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Algorithm, Bytes, DeviceId, PublicKey,
    chain::Head,
    signature::{SignatureError, SigningKey},
};

/// Most receipts of one push: one for each of its segments.
pub const MAX_RECEIPTS: usize = crate::exchange::MAX_PUSHED_SEGMENTS;

/// The server's word that it holds a log up to a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Epoch of the server.
    pub epoch: u64,
    /// Whose log.
    pub dev: DeviceId,
    /// Up to where.
    pub head: Head,
    /// Number in the user's stream of the last op.
    pub sseq: u64,
    /// When it was received, milliseconds since 1970.
    pub recv_ms: u64,
    /// The server key's algorithm.
    pub alg: Algorithm,
    /// Its signature over [`receipt_bytes`].
    pub sig: Bytes,
}

/// What the server signs in a receipt: `"veedor-rcpt-1" || org || epoch || dev || dseq || h || sseq || recv_ms`.
pub fn receipt_bytes(
    org: &Uuid,
    epoch: u64,
    dev: &DeviceId,
    head: &Head,
    sseq: u64,
    recv_ms: u64,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(110);
    out.extend_from_slice(b"veedor-rcpt-1");
    out.extend_from_slice(org.as_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(&dev.0);
    out.extend_from_slice(&head.dseq.to_be_bytes());
    out.extend_from_slice(&head.h.0);
    out.extend_from_slice(&sseq.to_be_bytes());
    out.extend_from_slice(&recv_ms.to_be_bytes());
    out
}

impl Receipt {
    /// The same statement with the signature of a server's key.
    #[must_use]
    pub fn signed(self, org: &Uuid, key: &SigningKey) -> Self {
        let receipt = Self { alg: key.public_key().alg, ..self };
        let sig = Bytes::from(key.sign(&receipt.bytes(org)));
        Self { sig, ..receipt }
    }

    /// Checks that a key of the server signed it for an organization.
    ///
    /// - **Errors**: either of [`SignatureError`].
    pub fn verify(&self, org: &Uuid, key: &PublicKey) -> Result<(), SignatureError> {
        if self.alg != key.alg {
            return Err(SignatureError::BadSignature);
        }
        key.verify(&self.bytes(org), &self.sig)
    }

    fn bytes(&self, org: &Uuid) -> Vec<u8> {
        receipt_bytes(org, self.epoch, &self.dev, &self.head, self.sseq, self.recv_ms)
    }
}

/// The key with which a restored server signs, vouched for by the keys that it had before. A device follows the server to
/// the key where the one that it knows vouches for it; whoever has none of the server's secrets cannot make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// From which epoch on.
    pub epoch: u64,
    /// The new key.
    pub key: PublicKey,
    /// Who vouches.
    pub vouchers: Vec<Voucher>,
}

/// The signature of one earlier key over [`succession_bytes`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// The device that the earlier key makes.
    pub by: DeviceId,
    /// Its signature.
    pub sig: Bytes,
}

/// What an earlier key signs: `"veedor-next-1" || org || epoch || alg || key`.
pub fn succession_bytes(org: &Uuid, epoch: u64, key: &PublicKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(110);
    out.extend_from_slice(b"veedor-next-1");
    out.extend_from_slice(org.as_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.push(key.alg.number());
    out.extend_from_slice(&key.key);
    out
}

impl Succession {
    /// A key with the vouchers of those before it.
    pub fn of<'a>(
        org: &Uuid,
        epoch: u64,
        key: PublicKey,
        before: impl IntoIterator<Item = &'a SigningKey>,
    ) -> Self {
        let bytes = succession_bytes(org, epoch, &key);
        let vouch =
            |it: &SigningKey| Voucher { by: it.public_key().device(), sig: Bytes::from(it.sign(&bytes)) };
        Self { epoch, key, vouchers: before.into_iter().map(vouch).collect() }
    }

    /// Checks that a key which is known vouches for the new one.
    ///
    /// - **Errors**: `BadKey` where the new key is none, else `BadSignature`.
    pub fn verify(&self, org: &Uuid, known: &PublicKey) -> Result<(), SignatureError> {
        PublicKey::parse(self.key.alg, &self.key.key)?;
        let by = known.device();
        let voucher = self.vouchers.iter().find(|it| it.by == by).ok_or(SignatureError::BadSignature)?;
        known.verify(&succession_bytes(org, self.epoch, &self.key), &voucher.sig)
    }
}
