//! The feeds that devices read: numbered entries, each a run of one device's ops or one row of reference content, with a
//! hash that covers all before it. Owns appending; reading is `pull`'s.

use crate::error::ApiError;
use db::{Micros, Tx};
use domain::ids::{AssignmentId, OrgId, UserId};
use sync_core::{
    Bytes, DeviceId, Hash,
    chain::feed_hash,
    codec,
    exchange::{RefRow, StreamId},
    reference::{self, AssignmentRow, BranchRow},
};

/// Consecutive ops of one device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The author.
    pub(crate) dev: DeviceId,
    /// Position of the first op.
    pub(crate) first: u64,
    /// Position of the last op.
    pub(crate) last: u64,
    /// Chain hash after it.
    pub(crate) h: Hash,
}

/// Kind of an entry that is a run of ops.
pub(super) const OPS: &str = "ops";
/// Kind of an entry that is a row; its payload is the row as CBOR.
pub(super) const ROW: &str = "row";

/// Appends a run of ops to a stream; each op takes a number.
///
/// # Errors
/// Those of the database.
pub(super) fn publish_run(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    run: &Run,
    recv_ms: u64,
) -> Result<(), ApiError> {
    let count = run.last.saturating_sub(run.first).saturating_add(1);
    append(tx, org, stream, count, run.h, recv_ms, |entry| {
        entry.kind = OPS.to_owned();
        entry.dev = Some(run.dev.0);
        entry.dseq_first = Some(run.first);
        entry.dseq_last = Some(run.last);
    })
}

/// Appends a row of reference content to a stream.
///
/// # Errors
/// Those of the database.
pub(crate) fn publish_ref_row(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    row: &RefRow,
    now: Micros,
) -> Result<(), ApiError> {
    let payload = codec::to_cbor(row).map_err(ApiError::internal)?;
    append(tx, org, stream, 1, row.hash(), super::millis(now), |entry| {
        entry.kind = ROW.to_owned();
        entry.payload = Some(payload);
    })
}

/// Tells every device of the organization a released checklist: its canonical JSON under its hash.
///
/// # Errors
/// Those of the database.
pub(crate) fn publish_checklist(
    tx: &mut Tx<'_>,
    org: OrgId,
    hash: Hash,
    canonical_json: &str,
    now: Micros,
) -> Result<(), ApiError> {
    let row = RefRow {
        kind: reference::TEMPLATE.to_owned(),
        id: hash.to_string(),
        json: Some(Bytes::from(canonical_json)),
    };
    publish_ref_row(tx, org, StreamId::Reference(org.0), &row, now)
}

/// Tells an auditor's devices an assignment, with the branch that it is at: nobody is sent branches that are not theirs
/// to visit.
///
/// # Errors
/// Those of the database.
pub(crate) fn publish_assignment(
    tx: &mut Tx<'_>,
    org: OrgId,
    auditor: UserId,
    assignment: &AssignmentRow,
    branch: Option<&BranchRow>,
    now: Micros,
) -> Result<(), ApiError> {
    let stream = StreamId::User(auditor.0);
    if let Some(branch) = branch {
        publish_ref_row(tx, org, stream, &row(reference::BRANCH, branch.id, branch)?, now)?;
    }
    let id = AssignmentId(assignment.id);
    publish_ref_row(tx, org, stream, &row(reference::ASSIGNMENT, id.0, assignment)?, now)
}

fn row(kind: &str, id: uuid::Uuid, value: &impl serde::Serialize) -> Result<RefRow, ApiError> {
    let json = serde_json::to_vec(value).map_err(ApiError::internal)?;
    Ok(RefRow { kind: kind.to_owned(), id: id.to_string(), json: Some(Bytes(json)) })
}

fn append(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    count: u64,
    h: Hash,
    recv_ms: u64,
    fill: impl FnOnce(&mut db::feed::FeedEntry),
) -> Result<(), ApiError> {
    let name = stream.to_string();
    let end = db::feed::lock_stream(tx, org, &name)?;
    let last = end.last_sseq.saturating_add(count);
    let f = feed_hash(&Hash(end.f), &h, last, recv_ms);
    let mut entry = db::feed::FeedEntry {
        stream: name.clone(),
        sseq_last: last,
        sseq_first: end.last_sseq.saturating_add(1),
        kind: String::new(),
        dev: None,
        dseq_first: None,
        dseq_last: None,
        h: Some(h.0),
        f: f.0,
        received_at: Micros(i64::try_from(recv_ms.saturating_mul(1_000)).unwrap_or(i64::MAX)),
        payload: None,
    };
    fill(&mut entry);
    db::feed::append(tx, org, &[entry])?;
    db::feed::set_stream(tx, org, &db::feed::StreamEnd { stream: name, last_sseq: last, f: f.0 })?;
    Ok(())
}
