//! Taking ops that were set aside into their visit, once a person vouched for them: they are read from the stored segments,
//! keep the instant at which they came, and reach the phones of the visit's auditor. What cannot be read as a visit (an unknown
//! branch, an unknown checklist) nobody can vouch for.

use super::{
    feed::{self, Run},
    millis,
    project::{self, Background, Changed, Quarantined, Source, Trust},
    relay,
};
use crate::{
    app::{App, rights},
    error::ApiError,
};
use db::{Micros, Tx, audits::Audit};
use domain::ids::{AuditId, OrgId, UserId};
use std::{collections::BTreeSet, ops::RangeInclusive};
use sync_core::{
    AuditOps, DeviceId, Hash, Op, OpId, Seed, VerifiedSegment,
    exchange::{Ending, StreamId},
    fold::Arrival,
};

/// An op that was set aside, as its segment has it.
#[derive(Debug, Clone)]
pub(crate) struct SetAsideOp {
    /// Which.
    pub(crate) id: OpId,
    /// What it says.
    pub(crate) op: Op,
    /// When it came.
    pub(crate) received_at: Micros,
    /// Whose device wrote it.
    pub(crate) user: UserId,
    /// Whether the stream of that person has it already.
    pub(crate) is_told: bool,
    seed: Option<Seed>,
    /// Chain hash after it.
    h: Hash,
    /// From which position on the push brought it: a segment that came again, longer, brings what follows the head.
    from: u64,
}

/// Reads ops out of the segments that brought them, in the order that is asked for.
///
/// # Errors
/// Those of the database, and a position that no segment has.
pub(crate) fn read_ops(
    tx: &mut Tx<'_>,
    org: OrgId,
    asked: &[db::quarantine::QuarantinedOp],
) -> Result<Vec<SetAsideOp>, ApiError> {
    let mut found = Vec::with_capacity(asked.len());
    let mut held: Option<Brought> = None;
    for it in asked {
        let holds = |one: &Brought| one.dev == it.dev && one.positions.contains(&it.dseq);
        if !held.as_ref().is_some_and(holds) {
            held = Some(segment_of(tx, org, it.dev, it.dseq)?);
        }
        let Some(Brought { dev, user, received_at, positions, segment }) = &held else { continue };
        let op = segment.ops.iter().find(|op| op.dseq == it.dseq);
        let (Some(op), Some(h)) = (op, segment.hash_at(it.dseq)) else {
            return Err(ApiError::internal(format!("the log of {dev} has no op {}", it.dseq)));
        };
        let seed = segment.seeds.iter().find(|seed| seed.0 == op.audit).map(|it| it.1);
        let is_told = Ending::of_name(&it.reason).is_none();
        let (id, op, from) = (OpId::new(*dev, it.dseq), op.clone(), *positions.start());
        found.push(SetAsideOp { id, op, received_at: *received_at, user: *user, is_told, seed, h, from });
    }
    Ok(found)
}

/// What one push brought of a device's log.
struct Brought {
    dev: DeviceId,
    user: UserId,
    received_at: Micros,
    positions: RangeInclusive<u64>,
    /// The segment, which may begin before them: it came again, longer.
    segment: VerifiedSegment,
}

fn segment_of(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, dseq: u64) -> Result<Brought, ApiError> {
    let device = db::devices::find(tx, org, dev)?;
    let stored = db::devices::find_segment(tx, org, dev, dseq)?;
    let (Some(user), Some(stored)) = (device.and_then(|it| it.user_id), stored) else {
        return Err(ApiError::internal(format!("the log of {dev} has no op {dseq}")));
    };
    let segment = super::read_segment(&stored)?.chained_as_kept(dev).map_err(ApiError::internal)?;
    let positions = stored.first_dseq..=stored.last_dseq;
    Ok(Brought { dev, user, received_at: stored.received_at, positions, segment })
}

/// Why ops are not taken into a visit whose approval froze something else.
pub(crate) const APPROVED_VISIT: Quarantined = "approved_visit";

/// Takes ops into the audit that they name and tells the phones of its auditor; the audit as it then stands, or why nobody
/// can vouch for them.
///
/// # Errors
/// Those of the database, and stored data that cannot be read.
pub(crate) fn adopt(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    audit: AuditId,
    set_aside: &[SetAsideOp],
    now: Micros,
) -> Result<Result<Audit, Quarantined>, ApiError> {
    let author = set_aside.iter().find(|it| it.op.kind == sync_core::Kind::Create).or(set_aside.first());
    let Some(author) = author else { return Ok(Err("audit_without_create")) };
    // A visit that exists keeps its auditor; a new one is of whoever began it.
    let user = db::audits::find(tx, org, audit)?.map_or(author.user, |it| it.auditor_id);
    rights::lock(tx, org, user)?;
    let mut known = project::known(tx, org, &[audit])?;
    let touched = [(audit.0, set_aside.iter().map(|it| &it.op).collect::<Vec<_>>())];
    let background = Background::load(tx, app, org, &touched, &known)?;
    let (row, mut ops) = match known.remove(&audit) {
        Some((row, bytes)) => (Some(row), AuditOps::decode(&bytes).map_err(ApiError::internal)?),
        None => (None, AuditOps::new()),
    };
    let before = row.is_some().then(|| ops.view());
    for it in set_aside {
        ops.insert(it.id.dev, it.op.clone(), Arrival::device(millis(it.received_at)));
    }
    for (dev, seed) in set_aside.iter().filter_map(|it| Some((it.id.dev, it.seed?))) {
        ops.set_seed(dev, seed);
    }
    let (dev, trust) = (author.id.dev, Trust::Adopted);
    let source = Source { org, user, dev, now, received: now, trust };
    let new: BTreeSet<OpId> = set_aside.iter().map(|it| it.id).collect();
    // A frontier counts positions, and cannot tell that one of them waited for a person.
    if before.is_some_and(|it| it.rounds.approved.is_some() && it.shown() != ops.view().shown()) {
        return Ok(Err(APPROVED_VISIT));
    }
    let folded = project::Folded::of(ops, &background)?;
    let is_new = row.is_none();
    let applied = match project::read_again(tx, app, &source, &background, audit, (row, folded), |it| {
        new.contains(it)
    })? {
        Ok(applied) => applied,
        Err(reason) => return Ok(Err(reason)),
    };
    let row = applied.row.clone();
    let mut changed = Changed::default();
    changed.add(applied);
    changed.store(tx, &source)?;
    let row = match is_new {
        // What the office had said of it before may move it further.
        true => {
            relay::take_up(tx, app, &source, &[audit])?;
            db::audits::find(tx, org, audit)?.unwrap_or(row)
        }
        false => row,
    };
    // Taken in, it is a visit of its auditor's like any other.
    rights::settle(tx, org, user, rights::What::Audits(&[audit]), now)?;
    tell(tx, org, user, set_aside)?;
    Ok(Ok(row))
}

/// The runs that the auditor's stream does not have yet, each out of one push: what came later ranks later, and beyond a segment
/// no signature covers a run, so that nobody who read it could bring it back.
fn tell(tx: &mut Tx<'_>, org: OrgId, auditor: UserId, set_aside: &[SetAsideOp]) -> Result<(), ApiError> {
    let news: Vec<&SetAsideOp> = set_aside.iter().filter(|it| !it.is_told || it.user != auditor).collect();
    let follows = |one: &&SetAsideOp, next: &&SetAsideOp| {
        one.id.dev == next.id.dev && one.id.dseq.checked_add(1) == Some(next.id.dseq) && one.from == next.from
    };
    for run in news.chunk_by(follows) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            let run = Run { dev: first.id.dev, first: first.id.dseq, last: last.id.dseq, h: last.h };
            // Ranked by when it came, as here.
            feed::publish_run(tx, org, StreamId::User(auditor.0), &run, first.received_at)?;
        }
    }
    Ok(())
}
