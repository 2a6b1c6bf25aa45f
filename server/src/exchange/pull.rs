//! What a device is told: pages of its streams, its own ops as bare ranges, others' ops with their payload.

use super::feed::{AGAIN, OPS, RETURNED, RIGHT, ROW};
use crate::{app::rights, error::ApiError};
use db::{Tx, devices::DeviceKind, feed::FeedEntry};
use domain::ids::{AssignmentId, AuditId, OrgId, UserId, audit_of_assignment};
use std::collections::BTreeSet;
use sync_core::{
    Bytes, DeviceId, Op, PublicKey, SealedRun, Seed,
    codec::{self, Nested},
    exchange::{AuditRight, Body, Item, MAX_PULL_BYTES, Mark, Page, Pull, RefRow, Run, StreamId},
    packed::PackedOps,
    reference::{ASSIGNMENT, AssignmentRow},
    relay::Proof,
};
use uuid::Uuid;

/// Entries looked at for one page.
const ENTRIES: u32 = 500;
/// About what a range of own ops takes.
const OWN_BYTES: u64 = 80;

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) org: OrgId,
    pub(super) user: UserId,
    pub(super) dev: DeviceId,
    /// Whether the person does field work anywhere: reference content is for those.
    pub(super) works: bool,
}

impl Reader {
    fn may_read(&self, stream: &StreamId) -> bool {
        *stream == StreamId::User(self.user.0) || (self.works && *stream == StreamId::Reference(self.org.0))
    }
}

/// The next pages of the streams of a request, within what an answer may carry; none for a stream that is not the
/// reader's.
///
/// # Errors
/// Those of the database.
pub(super) fn pages(tx: &mut Tx<'_>, reader: &Reader, pulls: &[Pull]) -> Result<Vec<Page>, ApiError> {
    let mut room = MAX_PULL_BYTES;
    let mut pages = Vec::new();
    for pull in pulls {
        pages.extend(page(tx, reader, pull, &mut room)?);
    }
    Ok(pages)
}

/// The next page of a stream, which takes its bytes from `room`.
fn page(tx: &mut Tx<'_>, reader: &Reader, pull: &Pull, room: &mut u64) -> Result<Option<Page>, ApiError> {
    if !reader.may_read(&pull.stream) {
        return Ok(None);
    }
    let asked = Mark { after: pull.after, f: pull.f };
    let stands = |tx: &mut Tx<'_>, mark: &Mark| -> Result<bool, ApiError> {
        Ok(db::feed::find_hash_at(tx, reader.org, pull.stream, mark.after)? == Some(mark.f))
    };
    let known = pull.begin(|mark| stands(tx, mark))?;
    if known != asked {
        // Only a server that lost what it had said before comes here.
        tracing::warn!(dev = %reader.dev, stream = %pull.stream, asked = asked.after, known = known.after,
            "a device has read more of a stream than this server has: it was restored");
        return Ok(Some(Page::rewound(pull.stream, known)));
    }
    let found = db::feed::list(tx, reader.org, pull.stream, pull.after, ENTRIES)?;
    let mut page = Page {
        stream: pull.stream,
        items: Vec::new(),
        next: pull.after,
        f: pull.f,
        more: found.next.is_some(),
        reset: None,
        rewind: None,
    };
    let limit = pull.limit_bytes.min(*room);
    let mut bytes = 0_u64;
    // What was taken from the reader is told to no phone of theirs any more, wherever it stands in the stream.
    let revoked = match pull.stream {
        StreamId::User(_) if !found.items.is_empty() => db::rights::list(tx, reader.org, reader.user)?,
        _ => BTreeSet::new(),
    };
    for entry in found.items {
        if bytes > limit {
            page.more = true;
            break;
        }
        let (item, size) = item(tx, reader, &entry, &revoked)?;
        bytes = bytes.saturating_add(size);
        page.next = entry.sseq_last;
        page.f = entry.f;
        page.items.push(item);
    }
    *room = room.saturating_sub(bytes);
    Ok(Some(page))
}

fn item(
    tx: &mut Tx<'_>,
    reader: &Reader,
    entry: &FeedEntry,
    revoked: &BTreeSet<AuditId>,
) -> Result<(Item, u64), ApiError> {
    let payload = entry.payload.as_deref();
    let carried = payload.unwrap_or_default();
    let carried_size = u64::try_from(carried.len()).unwrap_or(u64::MAX);
    let (body, size) = match (entry.kind.as_str(), entry.dev, entry.dseq_first, entry.dseq_last) {
        (OPS | AGAIN, Some(dev), Some(first), Some(_)) if dev == reader.dev => {
            (Body::Own { dseq_first: first }, OWN_BYTES)
        }
        (RETURNED, ..) | (AGAIN, Some(_), Some(_), Some(_)) if payload.is_some() => {
            let run = codec::from_cbor(carried).map_err(ApiError::internal)?;
            (Body::Ops(without(run, revoked)?), carried_size)
        }
        (OPS | AGAIN, Some(dev), Some(first), Some(last)) => {
            let body = run_body(tx, reader.org, dev, (first, last), revoked)?;
            let size = size(&body)?;
            (body, size)
        }
        (ROW, ..) => {
            let row: RefRow = codec::from_cbor(carried).map_err(ApiError::internal)?;
            (row_body(row, revoked), carried_size)
        }
        (RIGHT, ..) => (codec::from_cbor(carried).map_err(ApiError::internal)?, carried_size),
        _ => return Err(ApiError::internal(format!("feed entry {} is of no known kind", entry.sseq_last))),
    };
    let item = Item {
        first: entry.sseq_first,
        last: entry.sseq_last,
        recv_ms: super::millis(entry.received_at),
        h: entry.h,
        body: Nested::Known(body),
    };
    Ok((item, size))
}

/// What a body comes to when it is read: a small one may open to a large one.
fn size(body: &Body) -> Result<u64, ApiError> {
    if let Body::Segment(sealed) = body {
        return sealed
            .segment
            .opened_bytes()
            .ok_or_else(|| ApiError::internal("a stored segment says no size"));
    }
    let bytes = codec::to_cbor(body).map_err(ApiError::internal)?;
    Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

/// A run without the ops of audits that were taken from the reader. What is left no longer stands by its author's signature.
fn without(run: Run, revoked: &BTreeSet<AuditId>) -> Result<Run, ApiError> {
    // That something is to be redacted reaches its author too, who still has it: it says which op, and nothing of the visit.
    if run.only_redacts() || !run.ops.audits.iter().any(|it| revoked.contains(&AuditId(it.0))) {
        return Ok(run);
    }
    let mut ops = run.ops.unpack_any_clock(run.dseq_first).map_err(ApiError::internal)?;
    ops.retain(|it| !revoked.contains(&AuditId(it.audit)));
    let dseq_first = ops.first().map_or(run.dseq_first, |it| it.dseq);
    let seed_of = |audit: &Uuid| run.ops.audits.iter().find(|it| it.0 == *audit).and_then(|it| it.1);
    let ops = PackedOps::pack(run.dev, &ops, seed_of);
    Ok(Run { dseq_first, ops, proof: None, ..run })
}

/// A row; of an assignment whose audit was taken from the reader only that it was, or that it was withdrawn.
fn row_body(row: RefRow, revoked: &BTreeSet<AuditId>) -> Body {
    let told = row.json.as_deref().filter(|_| row.kind == ASSIGNMENT);
    let assignment = told.and_then(|it| serde_json::from_slice::<AssignmentRow>(it).ok());
    let open = assignment.filter(|it| !rights::WITHDRAWN.iter().any(|state| state.as_str() == it.state));
    match open.map(|it| audit_of_assignment(AssignmentId(it.id))).filter(|it| revoked.contains(it)) {
        Some(audit) => Body::Revoke(AuditRight { audit: audit.0 }),
        None => Body::RefRow(row),
    }
}

/// A run as it is told: a whole segment goes on as it came, unless something of it was taken from the reader.
fn run_body(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    (first, last): (u64, u64),
    revoked: &BTreeSet<AuditId>,
) -> Result<Body, ApiError> {
    // A run is what one push brought, so it is nearly always one segment as it is kept.
    if revoked.is_empty()
        && let Some(stored) = db::devices::find_segment(tx, org, dev, first)?
        && (stored.first_dseq, stored.last_dseq) == (first, last)
    {
        let segment = super::sealed(&stored.bytes)?;
        if segment.first == first {
            let (key, server) = author(tx, org, dev)?;
            return Ok(Body::Segment(SealedRun { dev, key, server, epoch: stored.epoch, segment }));
        }
    }
    Ok(Body::Ops(without(run(tx, org, dev, (first, last))?, revoked)?))
}

/// The key of a device, and whether it is the server's.
fn author(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<(PublicKey, bool), ApiError> {
    let device = db::devices::find(tx, org, dev)?
        .ok_or_else(|| ApiError::internal(format!("the feed names device {dev}, which is not enrolled")))?;
    let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key) };
    Ok((key, device.kind == DeviceKind::Server))
}

/// The ops of a run, out of the segments that hold them.
///
/// # Errors
/// Those of the database, and a run that is not all here.
pub(super) fn run(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    (first, last): (u64, u64),
) -> Result<Run, ApiError> {
    let (key, server) = author(tx, org, dev)?;
    let (ops, proof) = pieces(tx, org, dev, first, last)?;
    Ok(Run { dev, key: Some(key), server, dseq_first: first, ops, proof, evidence: false })
}

/// A run out of parts of segments.
fn pieces(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    first: u64,
    last: u64,
) -> Result<(PackedOps, Option<Proof>), ApiError> {
    let mut ops: Vec<Op> = Vec::new();
    let mut seeds: Vec<(Uuid, Seed)> = Vec::new();
    let (mut prev_h, mut proof) = (None, None);
    let mut next = first;
    while next <= last {
        let stored = db::devices::find_segment(tx, org, dev, next)?
            .ok_or_else(|| ApiError::internal(format!("the log of {dev} has no op {next}")))?;
        let segment = super::read_segment(&stored)?;
        let chained = segment.chained_as_kept(dev).map_err(ApiError::internal)?;
        prev_h = prev_h.or_else(|| chained.hash_at(first.saturating_sub(1)));
        if stored.last_dseq == last {
            let (first, epoch) = (segment.first, stored.epoch);
            let prev_h = prev_h.unwrap_or_default();
            proof = Some(Proof { prev_h, first, epoch, alg: segment.alg, sig: segment.sig });
        }
        ops.extend(chained.ops.into_iter().filter(|it| (next..=last).contains(&it.dseq)));
        seeds.extend(chained.seeds);
        next = stored.last_dseq.saturating_add(1);
    }
    let packed = PackedOps::pack(dev, &ops, |audit| seeds.iter().find(|it| it.0 == *audit).map(|it| it.1));
    Ok((packed, proof))
}
