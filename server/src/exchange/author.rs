//! The server's own log of an organization: return, approve and the other commands that only the server orders, as
//! signed ops that reach the auditor's stream. Appends to log, feed and op sets; decides nothing.

use super::feed::{self, Run};
use crate::{environment::Environment, error::ApiError};
use db::{
    Micros, Tx,
    devices::{StoredHead, StoredSegment},
};
use domain::ids::{AuditId, OrgId, UserId};
use std::collections::BTreeMap;
use sync_core::{
    AuditOps, Bytes, Hash, Kind, Op, OpId, Seed, Segment, VerifiedSegment, exchange::StreamId, fold::Arrival,
    hlc::Clock, ingest::DeviceHead, op::Opening, segment::signing_bytes, signature::SigningKey,
};

/// One server op to be, with the op set that it joins.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The audit it concerns.
    pub(crate) audit: AuditId,
    /// Whose stream it goes to.
    pub(crate) auditor: UserId,
    /// The op set of the audit; the caller stores it again.
    pub(crate) ops: &'a mut AuditOps,
    /// What it does; a server kind.
    pub(crate) kind: Kind,
    /// The round it belongs to; of a return, the new one.
    pub(crate) round: u32,
    /// The field, or empty.
    pub(crate) field: String,
    /// The ops it names.
    pub(crate) base: Vec<OpId>,
    /// Its payload.
    pub(crate) value: Option<Bytes>,
}

/// Most ops of one segment of the server's log.
const SEGMENT_OPS: usize = 4_096;

/// Signs and appends server ops to the organization's server log, adds them to the op sets of their audits and to the
/// streams of their auditors, all in the caller's transaction. Returns their identities, in the order of `drafts`.
///
/// # Errors
/// Those of the database; `internal` where the organization has no server key.
pub(crate) fn append_server_ops(
    tx: &mut Tx<'_>,
    org: OrgId,
    environment: &Environment,
    mut drafts: Vec<Draft<'_>>,
) -> Result<Vec<OpId>, ApiError> {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    // Each auditor's ops stand together, so that they are one entry of that auditor's stream.
    order.sort_by_key(|index| drafts.get(*index).map(|it| it.auditor));
    let mut ids = vec![None; drafts.len()];
    // A segment for each, so that every run is signed by itself and a phone can prove it after a restore.
    let same = |one: &usize, next: &usize| {
        drafts.get(*one).map(|it| it.auditor) == drafts.get(*next).map(|it| it.auditor)
    };
    let parts: Vec<Vec<usize>> =
        order.chunk_by(same).flat_map(|it| it.chunks(SEGMENT_OPS)).map(<[usize]>::to_vec).collect();
    for part in parts {
        append_part(tx, org, environment, &mut drafts, &part, &mut ids)?;
    }
    ids.into_iter()
        .collect::<Option<Vec<OpId>>>()
        .ok_or_else(|| ApiError::internal("a server op got no identity"))
}

/// The key that signs for an organization.
pub(crate) fn signing_key(tx: &mut Tx<'_>, org: OrgId) -> Result<SigningKey, ApiError> {
    let key = db::organizations::find_server_key(tx, org)?
        .ok_or_else(|| ApiError::internal(format!("organization {org} has no server key")))?;
    let secret: [u8; 32] = key
        .secret_key
        .0
        .as_slice()
        .try_into()
        .map_err(|_| ApiError::internal("the server key is not 32 bytes"))?;
    Ok(SigningKey::from_secret(&secret))
}

fn append_part(
    tx: &mut Tx<'_>,
    org: OrgId,
    environment: &Environment,
    drafts: &mut [Draft<'_>],
    part: &[usize],
    ids: &mut [Option<OpId>],
) -> Result<(), ApiError> {
    let key = signing_key(tx, org)?;
    let dev = key.public_key().device();
    let now = Micros(environment.now_micros());
    let recv_ms = super::millis(now);
    let epoch = super::epoch(tx)?;
    let held = db::devices::lock_head(tx, org, dev)?
        .ok_or_else(|| ApiError::internal("the server's own device is not enrolled"))?;
    let before = held.head.head;
    let mut clock = Clock::after(held.head.hlc);
    let mut ops = Vec::with_capacity(part.len());
    let mut seeds: BTreeMap<uuid::Uuid, Seed> = BTreeMap::new();
    for (draft, dseq) in part.iter().filter_map(|it| drafts.get(*it)).zip(before.dseq + 1..) {
        let audit = draft.audit.0;
        // Of a visit of which something of this log was redacted there is no seed any more, and never is again.
        let is_closed = draft.ops.seed(&dev).is_none() && draft.ops.iter().any(|it| it.0.dev == dev);
        let opening = if is_closed { Opening::Blind(Hash(environment.bytes())) } else { Opening::Seeded };
        if !is_closed {
            let known = draft.ops.seed(&dev).copied();
            seeds.entry(audit).or_insert_with(|| known.unwrap_or_else(|| Seed(environment.bytes())));
        }
        ops.push(Op {
            dseq,
            hlc: clock.next(recv_ms, 0),
            kind: draft.kind,
            audit,
            round: draft.round,
            field: draft.field.clone(),
            base: draft.base.clone(),
            value: draft.value.clone(),
            opening,
            origin: None,
        });
    }
    let (mut segment, last) =
        Segment::unsigned(dev, before, &ops, key.public_key().alg, |it| seeds.get(it).copied())
            .map_err(ApiError::internal)?;
    segment.sig = Bytes::from(key.sign(&signing_bytes(&org.0, &dev, epoch, segment.first, &last)));
    let verified = segment.chained(dev).map_err(ApiError::internal)?;
    let sseq = publish_runs(tx, org, drafts, part, &verified, now)?;
    let stored = StoredSegment {
        dev,
        first_dseq: segment.first,
        last_dseq: last.dseq,
        h: last.h,
        epoch,
        received_at: now,
        bytes: super::packed(&segment)?,
        sseq,
    };
    db::devices::append_segments(tx, org, &[stored])?;
    let head = StoredHead { head: DeviceHead { head: last, hlc: clock.last() }, forked: held.forked };
    db::devices::set_head(tx, org, dev, &head)?;
    for (index, op) in part.iter().zip(ops) {
        if let (Some(draft), Some(id)) = (drafts.get_mut(*index), ids.get_mut(*index)) {
            *id = Some(OpId::new(dev, op.dseq));
            let seed = seeds.get(&op.audit).copied();
            draft.ops.insert(dev, op, Arrival::server(recv_ms));
            if let Some(seed) = seed {
                draft.ops.set_seed(dev, seed);
            }
        }
    }
    Ok(())
}

/// One feed entry per auditor, over the run of that auditor's ops. Gives the last number.
fn publish_runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    drafts: &[Draft<'_>],
    part: &[usize],
    segment: &VerifiedSegment,
    now: Micros,
) -> Result<u64, ApiError> {
    let mut sseq = 0;
    let auditors: Vec<UserId> = part.iter().filter_map(|it| drafts.get(*it)).map(|it| it.auditor).collect();
    let mut positions = segment.ops.iter().map(|it| it.dseq).zip(&segment.hashes);
    for run in auditors.chunk_by(|one, next| one == next) {
        let mut ops = positions.by_ref().take(run.len());
        if let (Some(auditor), Some((first, h))) = (run.first(), ops.next()) {
            let (last, h) = ops.last().unwrap_or((first, h));
            let run = Run { dev: segment.dev, first, last, h: *h };
            sseq = feed::publish_run(tx, org, StreamId::User(auditor.0), &run, now)?;
        }
    }
    Ok(sseq)
}
