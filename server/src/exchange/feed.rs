//! The feeds that devices read: numbered entries, each a run of one device's ops, one row of reference content, or a right to an
//! audit, with a hash that covers all before it. Owns appending; reading is `pull`'s.

use crate::error::ApiError;
use db::{
    Micros, Tx,
    feed::{FeedEntry, ReturnedOps},
};
use domain::ids::{AuditId, OrgId, UserId};
use sync_core::{
    Bytes, DeviceId, Hash,
    chain::feed_hash,
    codec,
    exchange::{self, Body, RefRow, StreamId},
    reference::{self, AssignmentRow, BranchRow, KeptRow},
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

impl Run {
    /// How many numbers of a stream it takes: one for each op.
    fn len(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// Kind of an entry that is a run of ops.
pub(crate) const OPS: &str = "ops";
/// Kind of an entry that is a run of the server's own ops which a device brought back; its payload is the run as CBOR.
pub(crate) const RETURNED: &str = "returned";
/// Kind of an entry that is a run which the stream had before; its payload is the run as CBOR where no log here has it.
pub(crate) const AGAIN: &str = "again";
/// Kind of an entry that gives or takes an audit; its payload is the [`Body`] as CBOR.
pub(crate) const RIGHT: &str = "right";
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

/// As [`publish_run`], for runs that came together. Gives the last number of each.
///
/// # Errors
/// Those of the database.
pub(super) fn publish_all(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    runs: &[Run],
    received_at: Micros,
) -> Result<Vec<u64>, ApiError> {
    let mut last = append_all(tx, org, stream, runs.iter().map(Carried::Run).collect(), received_at)?;
    let mut numbers: Vec<u64> = Vec::with_capacity(runs.len());
    for run in runs.iter().rev() {
        numbers.push(last);
        last = last.saturating_sub(run.len());
    }
    numbers.reverse();
    Ok(numbers)
}

/// Appends a run of the server's own log that a device brought back; it carries itself, since no log here has it, and is found
/// again by the audits that it names.
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
    let audits = run.ops.audits.iter().map(|it| it.0);
    let run = Run { dev: run.dev, first: run.dseq_first, last: run.last(), h };
    let sseq_last = append(tx, org, stream, Carried::Returned(&run, payload), now)?;
    let of_audit = |audit| ReturnedOps { stream, audit_id: AuditId(audit), sseq_last };
    let audits: Vec<ReturnedOps> = audits.map(of_audit).collect();
    Ok(db::feed::append_returned(tx, org, &audits)?)
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
    append(tx, org, stream, Carried::Row(row.clone()), now).map(drop)
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
    let mut rows: Vec<Carried<'_>> = branch.map(branch_row).transpose()?.into_iter().collect();
    rows.push(assignment_row(assignment)?);
    append_all(tx, org, stream, rows, now).map(drop)
}

/// Tells a person's devices what is kept of a log that nobody is told: the log itself, or evidence beside it.
///
/// # Errors
/// Those of the database.
pub(super) fn publish_kept(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    kept: &KeptRow,
    is_evidence: bool,
    now: Micros,
) -> Result<(), ApiError> {
    let id = if is_evidence { format!("{}/{}", kept.dev, kept.h) } else { kept.dev.to_string() };
    publish_ref_row(tx, org, StreamId::User(user.0), &row(reference::KEPT, id, kept)?, now)
}

/// An assignment as an entry.
///
/// # Errors
/// None: every row can be written.
pub(crate) fn assignment_row(it: &AssignmentRow) -> Result<Carried<'static>, ApiError> {
    row(reference::ASSIGNMENT, it.id, it).map(Carried::Row)
}

/// A branch as an entry.
///
/// # Errors
/// None: every row can be written.
pub(crate) fn branch_row(it: &BranchRow) -> Result<Carried<'static>, ApiError> {
    row(reference::BRANCH, it.id, it).map(Carried::Row)
}

/// The entry that takes a row back.
pub(crate) fn withdrawn_row(kind: &str, id: uuid::Uuid) -> Carried<'static> {
    Carried::Row(RefRow { kind: kind.to_owned(), id: id.to_string(), json: None })
}

fn row(kind: &str, id: impl ToString, value: &impl serde::Serialize) -> Result<RefRow, ApiError> {
    let json = serde_json::to_vec(value).map_err(ApiError::internal)?;
    Ok(RefRow { kind: kind.to_owned(), id: id.to_string(), json: Some(Bytes::from(json)) })
}

/// What an entry carries.
pub(crate) enum Carried<'a> {
    Run(&'a Run),
    Returned(&'a Run, Vec<u8>),
    Row(RefRow),
    Right(Body),
    /// A run that the stream had before, as it then came: who was to forget it has nothing of it left.
    Again(FeedEntry),
}

/// Appends one entry. Gives its last number.
fn append(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    carried: Carried<'_>,
    received_at: Micros,
) -> Result<u64, ApiError> {
    append_all(tx, org, stream, vec![carried], received_at)
}

/// Appends entries in their order; runs that come again keep the instant at which they first came. Gives the last number.
///
/// # Errors
/// Those of the database.
pub(crate) fn append_all(
    tx: &mut Tx<'_>,
    org: OrgId,
    stream: StreamId,
    carried: Vec<Carried<'_>>,
    received_at: Micros,
) -> Result<u64, ApiError> {
    let entries: Vec<FeedEntry> =
        carried.into_iter().map(|it| entry(stream, it, received_at)).collect::<Result<_, _>>()?;
    let count = entries.iter().map(size).fold(0, u64::saturating_add);
    let end = db::feed::advance(tx, org, stream, count)?;
    let (mut last, mut f) = (end.last, end.f);
    let entries = entries.into_iter().map(|it| {
        let sseq_first = last.saturating_add(1);
        last = last.saturating_add(size(&it));
        f = feed_hash(&f, &it.h, last, super::millis(it.received_at));
        FeedEntry { sseq_first, sseq_last: last, f, ..it }
    });
    let entries: Vec<FeedEntry> = entries.collect();
    db::feed::append(tx, org, &entries)?;
    db::feed::set_hash(tx, org, stream, f)?;
    Ok(last)
}

/// How many numbers an entry takes.
fn size(entry: &FeedEntry) -> u64 {
    match (entry.dseq_first, entry.dseq_last) {
        (Some(first), Some(last)) => last.saturating_sub(first).saturating_add(1),
        _ => 1,
    }
}

/// An entry without its place in the stream.
fn entry(stream: StreamId, carried: Carried<'_>, received_at: Micros) -> Result<FeedEntry, ApiError> {
    let bare = |kind: &str, h, payload| FeedEntry {
        stream,
        sseq_last: 0,
        sseq_first: 0,
        kind: kind.to_owned(),
        dev: None,
        dseq_first: None,
        dseq_last: None,
        h,
        f: Hash::ZERO,
        received_at,
        payload,
    };
    let of_run = |kind: &str, run: &Run, payload| FeedEntry {
        dev: Some(run.dev),
        dseq_first: Some(run.first),
        dseq_last: Some(run.last),
        ..bare(kind, run.h, payload)
    };
    Ok(match carried {
        Carried::Run(run) => of_run(OPS, run, None),
        Carried::Returned(run, payload) => of_run(RETURNED, run, Some(payload)),
        Carried::Row(row) => bare(ROW, row.hash(), Some(codec::to_cbor(&row).map_err(ApiError::internal)?)),
        Carried::Right(body) => {
            let payload = codec::to_cbor(&body).map_err(ApiError::internal)?;
            bare(RIGHT, Hash::of(&payload), Some(payload))
        }
        Carried::Again(before) => FeedEntry { kind: AGAIN.to_owned(), ..before },
    })
}
