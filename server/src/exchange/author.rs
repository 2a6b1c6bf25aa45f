//! The server's own log of an organization: return, approve and the other commands that only the server orders, as
//! signed ops that reach the auditor's stream. Appends to log, feed and op sets; decides nothing.

use super::feed::{self, Run};
use crate::{environment::Environment, error::ApiError};
use db::{Micros, Tx};
use domain::ids::{AuditId, OrgId, UserId};
use std::collections::BTreeMap;
use sync_core::{
    AuditOps, Bytes, DeviceId, Head, Kind, Op, OpId, Seed, Segment,
    exchange::StreamId,
    fold::Arrival,
    hlc::Clock,
    op::Opening,
    segment::signing_bytes,
    signature::SigningKey,
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
    for part in order.chunks(SEGMENT_OPS) {
        append_part(tx, org, environment, &mut drafts, part, &mut ids)?;
    }
    ids.into_iter().collect::<Option<Vec<OpId>>>().ok_or_else(|| ApiError::internal("a server op got no identity"))
}

/// The key that signs for an organization.
fn signing_key(tx: &mut Tx<'_>, org: OrgId) -> Result<SigningKey, ApiError> {
    let key = db::organizations::find_server_key(tx, org)?
        .ok_or_else(|| ApiError::internal(format!("organization {org} has no server key")))?;
    let secret: [u8; 32] =
        key.secret_key.0.as_slice().try_into().map_err(|_| ApiError::internal("the server key is not 32 bytes"))?;
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
    let before = db::devices::lock_head(tx, org, dev.0)?;
    let mut clock = Clock::after(before.hlc);
    let mut ops = Vec::with_capacity(part.len());
    let mut seeds: BTreeMap<uuid::Uuid, Seed> = BTreeMap::new();
    for (draft, dseq) in part.iter().filter_map(|it| drafts.get(*it)).zip(before.dseq + 1..) {
        let audit = draft.audit.0;
        let known = draft.ops.seed(&dev).copied();
        seeds.entry(audit).or_insert_with(|| known.unwrap_or_else(|| Seed(environment.bytes())));
        ops.push(Op {
            dseq,
            hlc: clock.next(recv_ms, 0),
            kind: draft.kind,
            audit,
            round: draft.round,
            field: draft.field.clone(),
            base: draft.base.clone(),
            value: draft.value.clone(),
            opening: Opening::Seeded,
        });
    }
    let prev = Head { dseq: before.dseq, h: sync_core::Hash(before.h) };
    let (mut segment, last) =
        Segment::unsigned(dev, prev, &ops, key.public_key().alg, |it| seeds.get(it).copied())
            .map_err(ApiError::internal)?;
    segment.sig = Bytes(key.sign(&signing_bytes(&org.0, &dev, epoch, segment.first, &last)));
    let verified = segment.chained(dev).map_err(ApiError::internal)?;
    super::store_segment(tx, org, dev, &segment, segment.first, last, epoch, now)?;
    db::devices::set_head(tx, org, &db::devices::DeviceHead { dev: dev.0, dseq: last.dseq, h: last.h.0, hlc: clock.last() })?;
    publish_runs(tx, org, dev, drafts, part, &verified.hashes, before.dseq, recv_ms)?;
    for (index, op) in part.iter().zip(ops) {
        if let (Some(draft), Some(id)) = (drafts.get_mut(*index), ids.get_mut(*index)) {
            *id = Some(OpId::new(dev, op.dseq));
            if let Some(seed) = seeds.get(&op.audit) {
                draft.ops.set_seed(dev, *seed);
            }
            draft.ops.insert(dev, op, Arrival::server(recv_ms));
        }
    }
    Ok(())
}

/// One feed entry per auditor, over the run of that auditor's ops.
#[expect(clippy::too_many_arguments, reason = "the pieces of one append, used once")]
fn publish_runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    drafts: &[Draft<'_>],
    part: &[usize],
    hashes: &[sync_core::Hash],
    before: u64,
    recv_ms: u64,
) -> Result<(), ApiError> {
    let auditors: Vec<UserId> = part.iter().filter_map(|it| drafts.get(*it)).map(|it| it.auditor).collect();
    let mut start = 0_usize;
    while let Some(auditor) = auditors.get(start) {
        let len = auditors.iter().skip(start).take_while(|it| *it == auditor).count();
        let end = start + len;
        let h = end.checked_sub(1).and_then(|it| hashes.get(it)).copied().unwrap_or_default();
        let offset = |steps: usize| before + u64::try_from(steps).unwrap_or(0);
        let run = Run { dev, first: offset(start) + 1, last: offset(end), h };
        feed::publish_run(tx, org, StreamId::User(auditor.0), &run, recv_ms)?;
        start = end;
    }
    Ok(())
}
