//! The feeds that devices read: numbered entries, each a run of one device's ops or one row of reference content, with a
//! hash that covers all before it. Owns appending; reading is `pull`'s.

use crate::error::ApiError;
use db::{Micros, Tx, feed::FeedEntry};
use domain::ids::{AssignmentId, OrgId, UserId};
use sync_core::{
    Bytes, DeviceId, Hash,
    chain::feed_hash,
    codec,
    exchange::{self, RefRow, StreamId},
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
pub(crate) const OPS: &str = "ops";
/// Kind of an entry that is a run of the server's own ops which a device brought back; its payload is the run as CBOR.
pub(crate) const RETURNED: &str = "returned";
/// Kind of an entry that is a row; its payload is the row as CBOR.
pub(crate) const ROW: &str = "row";

/// Appends a run of ops to a stream; each op takes a number. Gives the last.
///
/// # Errors
/// Those of the database.
pub(super) fn publish_run(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    run: &Run,
    received_at: Micros,
) -> Result<u64, ApiError> {
    append(tx, org, stream, Carried::Run(run), received_at)
}

/// Appends a run of the server's own log that a device brought back; it carries itself, since no log here has it.
///
/// # Errors
/// Those of the database.
pub(super) fn publish_returned(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    run: &exchange::Run,
    h: Hash,
    now: Micros,
) -> Result<(), ApiError> {
    let payload = codec::to_cbor(run).map_err(ApiError::internal)?;
    let run = Run { dev: run.dev, first: run.dseq_first, last: run.last(), h };
    append(tx, org, stream, Carried::Returned(&run, payload), now).map(drop)
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
    append(tx, org, stream, Carried::Row(payload, row.hash()), now).map(drop)
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

/// What an entry carries.
enum Carried<'a> {
    Run(&'a Run),
    Returned(&'a Run, Vec<u8>),
    Row(Vec<u8>, Hash),
}

fn append(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    carried: Carried<'_>,
    received_at: Micros,
) -> Result<u64, ApiError> {
    let (count, h) = match &carried {
        Carried::Run(run) | Carried::Returned(run, _) => {
            (run.last.saturating_sub(run.first).saturating_add(1), run.h)
        }
        Carried::Row(_, h) => (1, *h),
    };
    let end = db::feed::advance(tx, org, stream, count)?;
    let sseq_last = end.last.saturating_add(count);
    let f = feed_hash(&end.f, &h, sseq_last, super::millis(received_at));
    let sseq_first = end.last.saturating_add(1);
    let mut entry = FeedEntry {
        stream,
        sseq_last,
        sseq_first,
        kind: String::new(),
        dev: None,
        dseq_first: None,
        dseq_last: None,
        h,
        f,
        received_at,
        payload: None,
    };
    match carried {
        Carried::Run(run) => {
            entry.kind = OPS.to_owned();
            entry.dev = Some(run.dev);
            entry.dseq_first = Some(run.first);
            entry.dseq_last = Some(run.last);
        }
        Carried::Returned(run, payload) => {
            entry.kind = RETURNED.to_owned();
            entry.dev = Some(run.dev);
            entry.dseq_first = Some(run.first);
            entry.dseq_last = Some(run.last);
            entry.payload = Some(payload);
        }
        Carried::Row(payload, _) => {
            entry.kind = ROW.to_owned();
            entry.payload = Some(payload);
        }
    }
    db::feed::append(tx, org, &[entry])?;
    db::feed::set_hash(tx, org, stream, f)?;
    Ok(sseq_last)
}
