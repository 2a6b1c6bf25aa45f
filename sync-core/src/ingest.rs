//! What a server does with a push, as pure functions, for the server and for a simulator. Owns the order of the checks.
//!
//! # What the server does with `POST /sync/v1/exchange`
//!
//! 1. Bound the body (compressed and decompressed) before decoding; decode [`Request`](crate::exchange::Request), else 400
//!    `malformed`.
//! 2. Find the device: enrolled, not revoked, its session and organization right; else 401 `unauthorized`. `request.dev`
//!    must be the device of the session.
//! 3. If `request.epoch` is present and is not the server's: 410 with the server's. If it is absent, nothing may be pushed
//!    (the device could not sign): 422 `invalid`.
//! 4. In one write transaction, first locking the row `device_head(dev) = (dseq, h, hlc, forked)`:
//!    for each segment, opened ([`crate::sealed`]), in order call [`check_push`] with the head that results from the one before.
//!    - [`Push::Refused`]: roll everything back and send the refusal.
//!    - [`Push::Duplicate`]: nothing to store.
//!    - [`Push::Accepted`]: store the segment as it came, one row `(dev, from, last, epoch, recv_ms, bytes)` with
//!      `from` = `accepted.from` (which may be above `segment.first`, where an answer was lost), and `UNIQUE (dev, from)`;
//!      take `accepted.new_ops()`.
//! 5. In the same transaction: `device_head` becomes `accepted.head`; take `n` numbers from each stream that may see the
//!    ops (`UPDATE stream SET last = last + n ... RETURNING`), append one feed entry per stream and run
//!    `(stream, first, last, dev, dseq_first, dseq_last, recv_ms, h, f)` with `h` = the chain hash after the run's last op
//!    and `f` by [`feed_hash`](crate::chain::feed_hash); insert the ops into the [`AuditOps`](crate::AuditOps) of each audit
//!    ([`AuditOps::insert`](crate::AuditOps::insert) with [`Arrival`](crate::fold::Arrival)) and update the
//!    projections from its view.
//! 6. Commit (durably), and only then answer with `dev_head`, the outcomes and the pages.
//!
//! An op on an audit that its user has no right to, or of an ended user, is stored and acknowledged like any other
//! but is not inserted into the audit: it is listed as quarantined for an editor.

use alloc::{string::String, vec::Vec};
use uuid::Uuid;

use crate::{
    DeviceId, Hash, Op, OpId,
    chain::Head,
    exchange::{Refusal, RefusalCode},
    redaction::Redactions,
    segment::{Segment, SegmentError, VerifiedSegment},
    signature::PublicKey,
};

/// The end of a device's log as the server keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceHead {
    /// Position and chain hash.
    pub head: Head,
    /// Clock of the last op; the next one must be later.
    pub hlc: u64,
}

/// Against what a push is checked.
#[derive(Debug, Clone, Copy)]
pub struct Enrolled<'a> {
    /// The device's key.
    pub key: &'a PublicKey,
    /// Its organization.
    pub org: Uuid,
    /// The server's epoch.
    pub epoch: u64,
    /// What the server redacted: only such an op may come without its value.
    pub redactions: Option<&'a Redactions>,
}

/// A segment that brings new ops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Position of the first new op: one after the head that it was checked against.
    pub from: u64,
    /// How many ops of the segment were already there.
    pub skip: usize,
    /// The device's log after it.
    pub head: DeviceHead,
    /// The whole segment.
    pub segment: VerifiedSegment,
}

impl Accepted {
    /// The ops that are new.
    pub fn new_ops(&self) -> &[Op] {
        self.segment.ops.get(self.skip..).unwrap_or_default()
    }
}

/// What is to be done with a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// Append its new ops.
    Accepted(Accepted),
    /// All of it is there already.
    Duplicate,
    /// Refuse the whole request.
    Refused(Refusal),
}

fn conflict(code: RefusalCode, reason: &str, head: Head) -> Push {
    Push::Refused(Refusal { dev_head: Some(head), ..Refusal::new(code, reason) })
}

/// Checks one pushed segment against the log that the server holds for its device.
///
/// - **Shape**: `stored_hash` gives the chain hash that the server holds at a position from 0 (zero hash) to the head; it
///   is asked at most twice, and for other positions than the head only where a segment overlaps the log. A server that
///   keeps segments as rows answers from [`Segment::chained`] of the row that covers the position.
/// - **Errors**: of the store, from `stored_hash`. What is wrong with the segment is [`Push::Refused`].
pub fn check_push<E>(
    device: &DeviceHead,
    segment: &Segment,
    enrolled: &Enrolled<'_>,
    stored_hash: impl FnMut(u64) -> Result<Option<Hash>, E>,
) -> Result<Push, E> {
    match verify_pushed(segment, enrolled) {
        Ok(verified) => place(device, verified, stored_hash),
        Err(e) => Ok(Push::Refused(Refusal::new(RefusalCode::Invalid, e.code()))),
    }
}

/// The costly half of [`check_push`], for which nothing of the log needs to be known.
///
/// - **Errors**: as of [`Segment::verify_as_kept`], and [`SegmentError::Redacted`] for what the server did not redact.
pub fn verify_pushed(segment: &Segment, enrolled: &Enrolled<'_>) -> Result<VerifiedSegment, SegmentError> {
    let kept = segment.verify_as_kept(enrolled.key, &enrolled.org, enrolled.epoch)?;
    redacted_by_the_server(kept, enrolled.redactions)
}

/// The other half: where a segment that was verified stands in the log.
///
/// - **Shape**, **Errors**: as of [`check_push`].
pub fn place<E>(
    device: &DeviceHead,
    verified: VerifiedSegment,
    mut stored_hash: impl FnMut(u64) -> Result<Option<Hash>, E>,
) -> Result<Push, E> {
    let head = device.head;
    let (prev, last) = (verified.prev, verified.last());
    if prev.dseq > head.dseq {
        return Ok(conflict(RefusalCode::Gap, "gap", head));
    }
    let mut held = |dseq| if dseq == head.dseq { Ok(Some(head.h)) } else { stored_hash(dseq) };
    if held(prev.dseq)? != Some(prev.h) {
        return Ok(if prev.dseq == head.dseq {
            conflict(RefusalCode::PrevMismatch, "prev_mismatch", head)
        } else {
            conflict(RefusalCode::Fork, "fork", head)
        });
    }
    // Equal chain hashes at the end of the overlap mean that the whole overlap is equal.
    let overlap = last.dseq.min(head.dseq);
    if held(overlap)? != verified.hash_at(overlap) {
        return Ok(conflict(RefusalCode::Fork, "fork", head));
    }
    if last.dseq <= head.dseq {
        return Ok(Push::Duplicate);
    }
    let skip = usize::try_from(overlap.saturating_sub(prev.dseq)).unwrap_or(usize::MAX);
    if verified.ops.get(skip).is_none_or(|op| op.hlc <= device.hlc) {
        return Ok(Push::Refused(Refusal::new(RefusalCode::Invalid, "segment_clock")));
    }
    let hlc = verified.ops.last().map_or(device.hlc, |op| op.hlc);
    let head = DeviceHead { head: last, hlc };
    Ok(Push::Accepted(Accepted { from: overlap.saturating_add(1), skip, head, segment: verified }))
}

/// The segment, where no op lacks its value but those that the server redacted: nobody hands in a commitment to be opened, or
/// not, as it suits.
///
/// - **Errors**: [`SegmentError::Redacted`].
pub fn redacted_by_the_server(
    verified: VerifiedSegment,
    redactions: Option<&Redactions>,
) -> Result<VerifiedSegment, SegmentError> {
    let known = |op: &Op| redactions.is_some_and(|it| it.takes(&OpId::new(verified.dev, op.dseq), op));
    let fits = verified.ops.iter().all(|op| !op.is_redacted() || known(op));
    if fits { Ok(verified) } else { Err(SegmentError::Redacted) }
}

/// The parts of runs of ops that belong to one audit each, in order.
pub fn by_audit<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Vec<(Uuid, Vec<&'a Op>)> {
    let mut order: Vec<(Uuid, Vec<&Op>)> = Vec::new();
    let mut index = ordered::BTreeMap::new();
    for op in ops {
        // Most ops follow another one of their audit.
        if let Some((audit, list)) = order.last_mut()
            && *audit == op.audit
        {
            list.push(op);
            continue;
        }
        let at = *index.entry(op.audit).or_insert_with(|| {
            order.push((op.audit, Vec::new()));
            order.len().saturating_sub(1)
        });
        if let Some((_, list)) = order.get_mut(at) {
            list.push(op);
        }
    }
    order
}

/// What a device sends to be enrolled: its key, and proof that it holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EnrolmentRequest {
    /// One-time code from the console.
    pub code: String,
    /// The device's key; the device is [`PublicKey::device`] of it.
    pub key: PublicKey,
    /// `phone` or `import`.
    pub kind: String,
    /// Signature over [`enrolment_bytes`].
    pub sig: crate::Bytes,
    /// The device of the same person that this one says it goes on for, its key being lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<DeviceId>,
}

/// What a device signs to be enrolled: `"veedor-enrol-1" || dev || code`.
pub fn enrolment_bytes(dev: &DeviceId, code: &str) -> Vec<u8> {
    let mut out = Vec::from(*b"veedor-enrol-1");
    out.extend_from_slice(&dev.0);
    out.extend_from_slice(code.as_bytes());
    out
}

impl EnrolmentRequest {
    /// Checks the key and the proof.
    ///
    /// - **Errors**: the key is none of its algorithm, or the signature does not hold.
    pub fn check(&self) -> Result<DeviceId, crate::signature::SignatureError> {
        let key = PublicKey::parse(self.key.alg, &self.key.key)?;
        let dev = key.device();
        key.verify(&enrolment_bytes(&dev, &self.code), &self.sig)?;
        Ok(dev)
    }
}

/// What the server answers to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Enrolment {
    /// The organization.
    pub org: Uuid,
    /// The user that the device works for.
    pub user: Uuid,
    /// The server's epoch.
    pub epoch: u64,
    /// The server device that signs receipts and writes reviews.
    pub server_key: PublicKey,
    /// Secret of the device's session; sent as `Authorization: Bearer`.
    pub token: String,
    /// Streams to read.
    pub streams: Vec<crate::exchange::StreamId>,
    /// The point of P-256 that rescue files are sealed for ([`crate::rescue`]); absent from servers that cannot open any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescue_key: Option<PublicKey>,
}
