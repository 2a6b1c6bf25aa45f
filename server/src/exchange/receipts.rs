//! Receipts: what this server says, under its signature, that it holds; what it had said so before it was restored, which
//! it honours; and the proof that a new key is its own. Signs outside transactions.

use super::{author::signing_key, ingest::Caller, relay::server_secret_of};
use crate::error::ApiError;
use db::{Micros, Tx};
use domain::ids::OrgId;
use sync_core::{
    Algorithm, Bytes, Head, VerifiedSegment,
    receipt::{Receipt, Succession},
    signature::SigningKey,
};

/// What is to be said of a log, with the key that will sign it.
pub(super) struct Held {
    receipt: Receipt,
    key: SigningKey,
}

impl Held {
    /// The receipt.
    pub(super) fn sign(self, caller: &Caller) -> Receipt {
        self.receipt.signed(&caller.org.0, &self.key)
    }
}

/// What is held of the caller's log up to its end; none where nothing is.
///
/// # Errors
/// Those of the database.
pub(super) fn held(tx: &mut Tx<'_>, caller: &Caller, head: Head) -> Result<Option<Held>, ApiError> {
    let Some(arrival) = db::devices::find_arrival(tx, caller.org, caller.dev, head.dseq)? else {
        return Ok(None);
    };
    let receipt = Receipt {
        epoch: caller.epoch,
        dev: caller.dev,
        head,
        sseq: arrival.sseq,
        recv_ms: super::millis(arrival.received_at),
        alg: Algorithm::Ed25519,
        sig: Bytes::default(),
    };
    Ok(Some(Held { receipt, key: signing_key(tx, caller.org)? }))
}

/// Those of a device's receipts that this server signed, in whatever epoch.
///
/// # Errors
/// Those of the database.
pub(super) fn honoured(
    tx: &mut Tx<'_>,
    caller: &Caller,
    receipts: &[Receipt],
) -> Result<Vec<Receipt>, ApiError> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let (mut honoured, mut forged) = (Vec::new(), 0_usize);
    let mut keys = Vec::new();
    for receipt in receipts.iter().filter(|it| it.dev == caller.dev) {
        if !keys.iter().any(|(epoch, _)| *epoch == receipt.epoch) {
            keys.push((receipt.epoch, keys_of(tx, caller.org, receipt.epoch)?));
        }
        let known = keys.iter().find(|(epoch, _)| *epoch == receipt.epoch).map(|it| it.1.as_slice());
        let is_own = |it: &&SigningKey| receipt.verify(&caller.org.0, &it.public_key()).is_ok();
        if known.unwrap_or_default().iter().find(is_own).is_some() {
            honoured.push(receipt.clone());
        } else {
            forged = forged.saturating_add(1);
        }
    }
    if forged > 0 {
        tracing::warn!(dev = %caller.dev, forged, reason = "forged_receipt", "a device brings receipts that are none of this server");
    }
    Ok(honoured)
}

/// Every key with which this server may have signed in an epoch: those it has, and the one of a restore that this copy does
/// not know.
fn keys_of(tx: &mut Tx<'_>, org: OrgId, epoch: u64) -> Result<Vec<SigningKey>, ApiError> {
    let stored = db::organizations::list_server_keys(tx, org)?;
    let mut secrets = Vec::new();
    for key in &stored {
        let secret = key.secret_key.0.as_slice().try_into();
        secrets.push(secret.map_err(|_| ApiError::internal("the server key is not 32 bytes"))?);
    }
    if let Some(first) = stored.first() {
        secrets.push(server_secret_of(&first.secret_key.0, epoch)?);
    }
    Ok(secrets.iter().map(SigningKey::from_secret).collect())
}

/// When the ops of a segment came: when the earliest receipt that covers all of it says, else now.
///
/// - `all` are the segments of the push; a receipt counts only where its hash stands in one of them.
pub(super) fn received(
    all: &[&VerifiedSegment],
    segment: &VerifiedSegment,
    honoured: &[Receipt],
    now: Micros,
) -> Micros {
    let stands = |it: &&Receipt| {
        let covers = it.head.dseq >= segment.last().dseq;
        covers && all.iter().any(|part| part.hash_at(it.head.dseq) == Some(it.head.h))
    };
    let earliest = honoured.iter().filter(stands).map(|it| it.recv_ms).min();
    let earliest = earliest.and_then(|it| i64::try_from(it).ok()).map(|it| Micros(it.saturating_mul(1_000)));
    // To the millisecond, as a receipt says it.
    let now = Micros(now.0.saturating_sub(now.0.rem_euclid(1_000)));
    earliest.map_or(now, |it| it.min(now))
}

/// The key that signs now, vouched for by those that a device of an earlier epoch may know.
///
/// # Errors
/// Those of the database.
pub(super) fn succession(
    tx: &mut Tx<'_>,
    org: OrgId,
    known: u64,
    epoch: u64,
) -> Result<Succession, ApiError> {
    let before = keys_of(tx, org, known)?;
    Ok(Succession::of(&org.0, epoch, signing_key(tx, org)?.public_key(), &before))
}
