//! What pushed ops come to: the row of each audit they touch, its state and its events. Everything here can be rebuilt
//! from the stored segments; an op that may not be applied is set aside with a reason, never refused.

use super::{millis, offers, relay};
use crate::{
    app::{App, rights, scores::scoring, visits::facts},
    error::ApiError,
    principal::Reach,
    zone,
};
use db::{
    Micros, Tx,
    audits::{self, Audit, VisitEvent, VisitKind},
    programmes::Assignment,
    reference::Branch,
};
use domain::{
    ids::{AssignmentId, AuditId, BranchId, OrgId, RegionId, UserId, audit_of_assignment},
    lifecycle::{self, Actor, Command, Facts, State},
    visit_score::PreparedChecklist,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, mpsc},
};
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash, Kind, Op, OpId, Seed,
    exchange::{Outcome, OutcomeKind},
    fold::{Arrival, ConflictKind, Phase},
    hlc,
    ingest::{self, Accepted},
    payload::{self, AttachValue, CreateValue},
};
use uuid::Uuid;

/// Whose ops came, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) org: OrgId,
    pub(super) user: UserId,
    pub(super) dev: DeviceId,
    pub(super) now: Micros,
    /// When the ops first came: before now where a restored server is given back what it had acknowledged.
    pub(super) received: Micros,
    /// How far they are believed.
    pub(super) trust: Trust<'a>,
}

/// How far ops are believed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trust<'a> {
    /// As those of a person who does field work here.
    Author(&'a Reach),
    /// As the server's own.
    Server,
    /// By a person who looked at them after they had been set aside.
    Adopted,
    /// Not at all, and why: whatever they say is set aside.
    Nobody(&'static str),
}

impl Source<'_> {
    /// Whether the author does field work at a branch, where that is asked.
    pub(super) fn reaches(&self, branch: BranchId, region: Option<RegionId>) -> bool {
        match self.trust {
            Trust::Author(reach) => reach.holds(branch, region),
            Trust::Server | Trust::Adopted | Trust::Nobody(_) => true,
        }
    }

    fn is_adopted(&self) -> bool {
        matches!(self.trust, Trust::Adopted)
    }
}

/// Why the ops of an audit are set aside.
pub(super) type Quarantined = &'static str;

/// Reasons that say that the author has no right to the audit: it is taken from their phones until a person takes it in.
const WITHOUT_RIGHT: [Quarantined; 4] =
    ["no_field_work", "assignment_withdrawn", "foreign_audit", "foreign_assignment"];

/// Audits of which a part is made.
const AT_ONCE: usize = 32;
/// Parts that are read ahead of the one that is stored, so that memory is bounded.
const AHEAD: usize = 3;

/// An audit as it was before these ops: its row and its ops.
pub(super) type Known = BTreeMap<AuditId, (Audit, Vec<u8>)>;

/// Applies the new ops of consecutive segments to the audits that they touch, each of which is read once; `meanwhile` is done
/// while the first of them are read.
///
/// # Errors
/// Those of the database, and stored data that cannot be read.
pub(super) fn project(
    tx: &mut Tx<'_>,
    app: &App,
    source: &Source<'_>,
    accepted: &[&Accepted],
    meanwhile: impl FnOnce(&mut Tx<'_>) -> Result<(), ApiError>,
) -> Result<Vec<Outcome>, ApiError> {
    let touched = ingest::by_audit(accepted.iter().flat_map(|it| it.new_ops()));
    let seeds: BTreeMap<Uuid, Seed> = accepted.iter().flat_map(|it| &it.segment.seeds).copied().collect();
    apply(tx, app, source, touched, &seeds, meanwhile)
}

/// As [`project`], of ops by audit.
///
/// # Errors
/// As [`project`].
pub(super) fn apply<'a>(
    tx: &mut Tx<'_>,
    app: &App,
    source: &Source<'_>,
    touched: Vec<(Uuid, Vec<&'a Op>)>,
    seeds: &BTreeMap<Uuid, Seed>,
    meanwhile: impl FnOnce(&mut Tx<'_>) -> Result<(), ApiError>,
) -> Result<Vec<Outcome>, ApiError> {
    if let Trust::Nobody(reason) = source.trust {
        meanwhile(tx)?;
        return all_aside(tx, source, &touched, reason);
    }
    let mut changed = Changed::default();
    let (words, touched) = offers::apart(touched);
    let answered = offers::take(tx, source, &words)?;
    let ids: Vec<AuditId> = touched.iter().map(|it| AuditId(it.0)).collect();
    let mut known = known(tx, source.org, &ids)?;
    let background = Background::load(tx, app, source.org, &touched, &known)?;
    let touched = touched.into_iter().map(|(audit, ops)| {
        let before = known.remove(&AuditId(audit));
        Touched { audit: AuditId(audit), ops, before, seed: seeds.get(&audit).copied() }
    });
    let mut parts = in_parts(touched);
    let mut outcomes = answered.outcomes.clone();
    rayon::in_place_scope(|scope| -> Result<(), ApiError> {
        let mut ahead = VecDeque::with_capacity(AHEAD);
        let mut meanwhile = Some(meanwhile);
        loop {
            // What needs no database happens on the other cores, while the part before is stored.
            while ahead.len() < AHEAD
                && let Some(part) = parts.next()
            {
                let (done, folded) = mpsc::sync_channel(1);
                let background = &background;
                scope.spawn(move |_| {
                    let fold = |it: Touched<'a>| it.fold(source, background);
                    // Nobody waits for it where the part before has failed.
                    drop(done.send(part.into_iter().map(fold).collect::<Vec<_>>()));
                });
                ahead.push_back(folded);
            }
            if let Some(job) = meanwhile.take() {
                job(tx)?;
            }
            let Some(folded) = ahead.pop_front() else { return Ok(()) };
            let mut read = Vec::with_capacity(AT_ONCE);
            for folded in folded.recv().map_err(ApiError::internal)? {
                let (audit, ops, folded) = folded?;
                let came_now = |id: &OpId| id.dev == source.dev && ops.iter().any(|it| it.dseq == id.dseq);
                let applied = match folded {
                    Ok(folded) => read_again(tx, app, source, &background, audit, folded, came_now)?,
                    Err(reason) => Err(reason),
                };
                match applied {
                    Ok(applied) => {
                        outcomes.extend(outcomes_of(source.dev, &ops, &applied.view));
                        read.push(changed.add(applied));
                    }
                    Err(reason) => outcomes.extend(changed.aside(audit, &ops, reason)),
                }
            }
            // A read audit is many small things, and freeing them takes its time too.
            scope.spawn(move |_| drop(read));
            changed.write(tx, source)?;
        }
    })?;
    let told = changed.without_right(tx, source)?;
    let begun = std::mem::take(&mut changed.begun);
    changed.store(tx, source)?;
    relay::take_up(tx, app, source, &begun)?;
    if !told.is_empty() {
        rights::settle(tx, source.org, source.user, rights::What::Audits(&told), source.now)?;
    }
    answered.record(tx, source)?;
    Ok(outcomes)
}

/// Sets everything aside that somebody hands in who is not believed.
fn all_aside(
    tx: &mut Tx<'_>,
    source: &Source<'_>,
    touched: &[(Uuid, Vec<&Op>)],
    reason: Quarantined,
) -> Result<Vec<Outcome>, ApiError> {
    let mut changed = Changed::default();
    let outcomes = touched.iter().flat_map(|(audit, ops)| changed.aside(AuditId(*audit), ops, reason));
    let outcomes = outcomes.collect();
    changed.store(tx, source)?;
    // Its photos may follow, so that evidence is not lost.
    let attached = touched.iter().flat_map(|it| &it.1).filter(|it| it.kind == Kind::Attach);
    let named: BTreeSet<Hash> =
        attached.filter_map(|it| payload::of_op::<AttachValue>(it).ok()).map(|it| it.blob).collect();
    let named: Vec<Hash> = named.into_iter().collect();
    db::blobs::await_of(tx, source.org, source.dev, &named)?;
    Ok(outcomes)
}

fn in_parts<'a>(touched: impl Iterator<Item = Touched<'a>>) -> impl Iterator<Item = Vec<Touched<'a>>> {
    let mut touched = touched.fuse();
    std::iter::from_fn(move || {
        let part: Vec<Touched<'a>> = touched.by_ref().take(AT_ONCE).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// What is known of audits, locked until the transaction ends.
pub(super) fn known(tx: &mut Tx<'_>, org: OrgId, ids: &[AuditId]) -> Result<Known, ApiError> {
    let mut known = Known::new();
    for ids in ids.chunks(usize::try_from(db::MAX_PAGE).unwrap_or(1)) {
        let rows = audits::lock_many(tx, org, ids)?;
        if rows.is_empty() {
            continue;
        }
        let ops = audits::find_ops_of_many(tx, org, ids)?;
        let mut ops: BTreeMap<AuditId, Vec<u8>> = ops.into_iter().map(|it| (it.audit_id, it.ops)).collect();
        for row in rows {
            let ops = ops.remove(&row.audit_id).unwrap_or_default();
            known.insert(row.audit_id, (row, ops));
        }
    }
    Ok(known)
}

/// What is written of the audits that were read.
#[derive(Default)]
pub(super) struct Changed {
    /// Audits that were known before, as they now are.
    known: (Vec<Audit>, Vec<audits::AuditOps>),
    /// Audits that were not.
    new: (Vec<Audit>, Vec<audits::AuditOps>),
    events: Vec<VisitEvent>,
    assignments: Vec<(AssignmentId, (State, State))>,
    set_aside: Vec<(u64, AuditId, Quarantined)>,
    /// All that were not known before, written or not.
    begun: Vec<AuditId>,
    blobs: BTreeMap<AuditId, BTreeSet<Hash>>,
}

impl Changed {
    /// Sets the ops of an audit aside; what their device is told.
    fn aside(&mut self, audit: AuditId, ops: &[&Op], reason: Quarantined) -> Vec<Outcome> {
        self.set_aside.extend(ops.iter().map(|it| (it.dseq, audit, reason)));
        let outcome = |dseq| Outcome { dseq, kind: OutcomeKind::Quarantined, reason: reason.to_owned() };
        ops.iter().map(|it| outcome(it.dseq)).collect()
    }

    /// Audits that the author may not see, as these ops show, or may see from here on.
    fn without_right(&self, tx: &mut Tx<'_>, source: &Source<'_>) -> Result<Vec<AuditId>, ApiError> {
        let is_right = |it: &&(u64, AuditId, Quarantined)| WITHOUT_RIGHT.contains(&it.2);
        let mut changed: BTreeSet<AuditId> = self.set_aside.iter().filter(is_right).map(|it| it.1).collect();
        if !self.begun.is_empty() {
            let revoked = db::rights::list(tx, source.org, source.user)?;
            changed.extend(self.begun.iter().filter(|it| revoked.contains(it)));
        }
        Ok(changed.into_iter().collect())
    }

    /// Takes note of an audit; gives what was only needed to read it.
    pub(super) fn add(&mut self, applied: Applied) -> (AuditOps, AuditView) {
        let (rows, ops) = if applied.is_new {
            self.begun.push(applied.row.audit_id);
            &mut self.new
        } else {
            &mut self.known
        };
        ops.push(audits::AuditOps { audit_id: applied.row.audit_id, ops: applied.bytes });
        self.blobs.extend(applied.blobs.map(|it| (applied.row.audit_id, it)));
        self.assignments.extend(applied.assignment);
        rows.push(applied.row);
        self.events.extend(applied.events);
        (applied.ops, applied.view)
    }

    /// Writes the audits that were added since the last time.
    fn write(&mut self, tx: &mut Tx<'_>, source: &Source<'_>) -> Result<(), ApiError> {
        let (rows, ops) = std::mem::take(&mut self.new);
        audits::append(tx, source.org, &rows, &ops)?;
        let (rows, ops) = std::mem::take(&mut self.known);
        audits::upsert(tx, source.org, &rows)?;
        audits::upsert_ops(tx, source.org, &ops)?;
        audits::append_events(tx, source.org, &std::mem::take(&mut self.events))?;
        let blobs = std::mem::take(&mut self.blobs);
        if !blobs.is_empty() {
            db::blobs::set_of_audits(tx, source.org, &blobs)?;
        }
        for (assignment, step) in std::mem::take(&mut self.assignments) {
            db::programmes::set_assignment_state(tx, source.org, assignment, step)?;
        }
        Ok(())
    }

    pub(super) fn store(mut self, tx: &mut Tx<'_>, source: &Source<'_>) -> Result<(), ApiError> {
        self.write(tx, source)?;
        // What the office itself had said waits for its visit (`relay::take_up`), and not for a person.
        if matches!(source.trust, Trust::Server) {
            return Ok(());
        }
        let aside: Vec<db::quarantine::QuarantinedOp> = self
            .set_aside
            .into_iter()
            .map(|(dseq, audit_id, reason)| db::quarantine::QuarantinedOp {
                dev: source.dev,
                dseq,
                audit_id,
                reason: reason.to_owned(),
                received_at: source.now,
                decision: None,
                decided_at: None,
                decided_by: None,
                why: None,
            })
            .collect();
        Ok(db::quarantine::append(tx, source.org, &aside)?)
    }
}

/// What the rows of the audits refer to, read at once.
pub(super) struct Background {
    branches: BTreeMap<BranchId, Branch>,
    assignments: BTreeMap<AssignmentId, Assignment>,
    /// The audits of these assignments.
    assigned: BTreeSet<AuditId>,
    checklists: BTreeMap<Hash, Arc<PreparedChecklist>>,
}

impl Background {
    pub(super) fn load(
        tx: &mut Tx<'_>,
        app: &App,
        org: OrgId,
        touched: &[(Uuid, Vec<&Op>)],
        known: &Known,
    ) -> Result<Self, ApiError> {
        let creates = touched.iter().flat_map(|it| &it.1).filter(|it| it.kind == Kind::Create);
        let pins: Vec<CreateValue> = creates.filter_map(|it| payload::of_op(it).ok()).collect();
        let mut branches: Vec<BranchId> = pins.iter().map(|it| BranchId(it.branch)).collect();
        branches.extend(known.values().map(|it| it.0.branch_id));
        branches.sort_unstable();
        branches.dedup();
        let mut assignments: Vec<AssignmentId> =
            pins.iter().filter_map(|it| it.assignment).map(AssignmentId).collect();
        assignments.extend(known.values().filter_map(|it| it.0.assignment_id));
        assignments.sort_unstable();
        assignments.dedup();
        let mut assignments = db::programmes::find_assignments(tx, org, &assignments)?;
        let new: Vec<AuditId> =
            touched.iter().map(|it| AuditId(it.0)).filter(|it| !known.contains_key(it)).collect();
        assignments.extend(db::programmes::find_assignments_of_audits(tx, org, &new)?);
        let mut checklists = BTreeMap::new();
        let hashes = pins.iter().map(|it| it.content_hash).chain(known.values().map(|it| it.0.template_hash));
        for hash in hashes {
            if !checklists.contains_key(&hash)
                && let Some(prepared) = app.checklist(tx, org, hash)?
            {
                checklists.insert(hash, prepared);
            }
        }
        Ok(Self {
            branches: db::reference::find_branches(tx, org, &branches)?
                .into_iter()
                .map(|it| (it.branch_id, it))
                .collect(),
            assigned: assignments.iter().map(|it| it.audit_id).collect(),
            assignments: assignments.into_iter().map(|it| (it.assignment_id, it)).collect(),
            checklists,
        })
    }
}

/// An audit after its new ops.
pub(super) struct Applied {
    pub(super) row: Audit,
    is_new: bool,
    bytes: Vec<u8>,
    ops: AuditOps,
    view: AuditView,
    events: Vec<VisitEvent>,
    /// The assignment, where its state moved, with from and to.
    assignment: Option<(AssignmentId, (State, State))>,
    /// The blobs that it counts on, where one was ever attached.
    blobs: Option<BTreeSet<Hash>>,
}

/// An audit's ops, and what is read out of them alone.
pub(super) struct Folded {
    ops: AuditOps,
    view: AuditView,
    bytes: Vec<u8>,
    /// Whether everything is there that a checklist requires, and which: the pinned one where it is at hand.
    complete: Option<(Hash, bool)>,
}

impl Folded {
    /// Reads a set of ops.
    ///
    /// # Errors
    /// A set that cannot be encoded.
    pub(super) fn of(ops: AuditOps, background: &Background) -> Result<Self, ApiError> {
        let view = ops.view();
        let bytes = ops.encode().map_err(ApiError::internal)?;
        let pin = view.pin().map(|it| it.content_hash);
        let checklist = pin.and_then(|it| Some((it, background.checklists.get(&it)?)));
        let complete = checklist.map(|(hash, it)| (hash, is_complete(Some(it), &view)));
        Ok(Self { ops, view, bytes, complete })
    }
}

/// An audit with new ops, before they are applied.
struct Touched<'a> {
    audit: AuditId,
    ops: Vec<&'a Op>,
    before: Option<(Audit, Vec<u8>)>,
    seed: Option<Seed>,
}

/// The audit as it was, and its ops with the new ones; why not, where they are somebody else's.
type FoldedAudit = Result<(Option<Audit>, Folded), Quarantined>;

impl<'a> Touched<'a> {
    fn fold(
        self,
        source: &Source<'_>,
        background: &Background,
    ) -> Result<(AuditId, Vec<&'a Op>, FoldedAudit), ApiError> {
        let Self { audit, ops: new, before, seed } = self;
        let (row, mut ops) = match before {
            Some((row, _)) if row.auditor_id != source.user => return Ok((audit, new, Err("foreign_audit"))),
            Some((row, bytes)) => (Some(row), AuditOps::decode(&bytes).map_err(ApiError::internal)?),
            None => (None, AuditOps::new()),
        };
        let server = matches!(source.trust, Trust::Server);
        let arrival = Arrival { recv_ms: Some(millis(source.received)), server };
        ops.insert_all(source.dev, new.iter().map(|it| (*it).clone()), arrival);
        if let Some(seed) = seed {
            ops.set_seed(source.dev, seed);
        }
        Ok((audit, new, Ok((row, Folded::of(ops, background)?))))
    }
}

/// Reads an audit anew after ops came into it, of which `came_now` tells: what it pins, where it stands, and what is in conflict.
pub(super) fn read_again(
    tx: &mut Tx<'_>,
    app: &App,
    source: &Source<'_>,
    background: &Background,
    audit: AuditId,
    (row, folded): (Option<Audit>, Folded),
    came_now: impl Fn(&OpId) -> bool,
) -> Result<Result<Applied, Quarantined>, ApiError> {
    let Folded { ops, view, bytes, complete } = folded;
    let is_new = row.is_none();
    let found = match row {
        Some(row) => pin_again(tx, app, source, background, row, came_now, &view)?,
        None => first_row(source, background, audit, &ops, &view),
    };
    let mut row = match found.and_then(|it| may_work_at(source, background, it)) {
        Ok(row) => row,
        Err(reason) => return Ok(Err(reason)),
    };
    let complete = match complete.filter(|it| it.0 == row.template_hash) {
        Some((_, complete)) => complete,
        None => is_complete(app.checklist(tx, source.org, row.template_hash)?.as_deref(), &view),
    };
    let first_seq = if is_new { 1 } else { audits::next_event_seq(tx, source.org, audit)? };
    let mut events = returned_again(source, &mut row, &view, first_seq);
    let next_seq = first_seq.saturating_add(count(events.len()));
    events.extend(advance(source, background, &mut row, &view, complete, next_seq));
    row.kind = facts::kind_of(&view, row.kind);
    row.round = view.rounds.current;
    row.open_conflicts = count(view.open_conflicts().count());
    row.late_ops = count(view.late.len());
    row.updated_at = source.now;
    let assignment = row.assignment_id.and_then(|it| background.assignments.get(&it));
    let assignment =
        assignment.filter(|it| it.state != row.state).map(|it| (it.assignment_id, (it.state, row.state)));
    let has_attached = ops.iter().any(|(_, it)| it.op.kind == Kind::Attach);
    let standing = || view.attachments.values().flatten().filter(|it| !it.redacted);
    let blobs = has_attached.then(|| standing().map(|it| it.value.blob).collect());
    Ok(Ok(Applied { row, is_new, bytes, ops, view, events, assignment, blobs }))
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

/// What a `create` pins, found and checked.
struct Pinned<'a> {
    branch: &'a Branch,
    checklist: &'a PreparedChecklist,
    assignment: Option<&'a Assignment>,
}

/// Checks what a `create` pins. The audit of an assignment is begun only in its name: an ad-hoc `create` on its id would
/// pass by its auditor, its state, its window and its checklist.
fn pinned<'a>(
    source: &Source<'_>,
    background: &'a Background,
    audit: AuditId,
    pin: &CreateValue,
    takes_versions: bool,
) -> Result<Pinned<'a>, Quarantined> {
    let branch = background.branches.get(&BranchId(pin.branch)).ok_or("unknown_branch")?;
    let checklist = background.checklists.get(&pin.content_hash).ok_or("unknown_template")?;
    let Some(id) = pin.assignment.map(AssignmentId) else {
        return match background.assigned.contains(&audit) {
            true => Err("assignment_not_named"),
            false => Ok(Pinned { branch, checklist, assignment: None }),
        };
    };
    let Some(assignment) = background.assignments.get(&id) else {
        // A restored copy may not know it: then a person can vouch for the visit.
        let is_vouched_for = source.is_adopted() && audit_of_assignment(id) == audit;
        let unknown = Pinned { branch, checklist, assignment: None };
        return if is_vouched_for { Ok(unknown) } else { Err("unknown_assignment") };
    };
    if assignment.auditor_id != source.user && !source.is_adopted() {
        return Err("foreign_assignment");
    }
    if audit_of_assignment(id) != audit || assignment.branch_id != branch.branch_id {
        return Err("audit_of_another_assignment");
    }
    let is_version = takes_versions && assignment.template_id == checklist.checklist().id;
    if assignment.template_hash != pin.content_hash && !is_version && !source.is_adopted() {
        return Err("template_of_another_assignment");
    }
    Ok(Pinned { branch, checklist, assignment: Some(assignment) })
}

/// The row of an audit that was not known, out of what its `create` pins.
fn first_row(
    source: &Source<'_>,
    background: &Background,
    audit: AuditId,
    ops: &AuditOps,
    view: &AuditView,
) -> Result<Audit, Quarantined> {
    let creation = view.creations.first().ok_or("audit_without_create")?;
    let pin = &creation.value;
    // A visit may have been begun and moved before anything of it was sent.
    let is_moved = ops.get(&creation.id).is_some_and(|it| !it.op.base.is_empty());
    let Pinned { branch, checklist, assignment } = pinned(source, background, audit, pin, is_moved)?;
    let withdrawn = assignment.is_some_and(|it| rights::is_withdrawn(it.state));
    if withdrawn && !source.is_adopted() {
        return Err("assignment_withdrawn");
    }
    let state = assignment.filter(|_| !withdrawn).map_or(State::Accepted, |it| it.state);
    let visit_date = match &pin.visited_at {
        Some(stated) => stated.get(..10).and_then(|it| it.parse().ok()),
        None => zone::local_date(millis_of(creation.eff_hlc), &branch.zone),
    };
    Ok(Audit {
        audit_id: audit,
        branch_id: branch.branch_id,
        auditor_id: source.user,
        assignment_id: pin.assignment.map(AssignmentId),
        template_id: checklist.checklist().id.clone(),
        template_version: checklist.checklist().version,
        template_hash: pin.content_hash,
        state,
        round: 1,
        kind: VisitKind::Visit,
        visit_date,
        zone: branch.zone.clone(),
        submitted_at: None,
        decided_at: None,
        decided_by: None,
        open_conflicts: 0,
        late_ops: 0,
        claimed_by: None,
        external_ref: pin.source.clone(),
        updated_at: source.now,
    })
}

/// Refuses what somebody brings from where they do no field work: the role was taken, or the branch was moved.
fn may_work_at(source: &Source<'_>, background: &Background, row: Audit) -> Result<Audit, Quarantined> {
    let Trust::Author(reach) = source.trust else { return Ok(row) };
    let branch = background.branches.get(&row.branch_id);
    match branch {
        Some(it) if !reach.holds(it.branch_id, it.region_id) => Err("no_field_work"),
        _ => Ok(row),
    }
}

/// Moves an audit to the checklist that the fold's first `create` pins: a new one, by which an author takes another version,
/// or an earlier one that stands again since the round was handed in without the later. It never moves to another branch or
/// assignment. Once the visit is handed in, the fold calls a `create` late, and it does not stand in the view.
fn pin_again(
    tx: &mut Tx<'_>,
    app: &App,
    source: &Source<'_>,
    background: &Background,
    mut row: Audit,
    came_now: impl Fn(&OpId) -> bool,
    view: &AuditView,
) -> Result<Result<Audit, Quarantined>, ApiError> {
    let Some(creation) = view.creations.first() else { return Ok(Ok(row)) };
    let pin = &creation.value;
    let elsewhere =
        BranchId(pin.branch) != row.branch_id || pin.assignment.map(AssignmentId) != row.assignment_id;
    if came_now(&creation.id) {
        if elsewhere {
            return Ok(Err("audit_of_another_visit"));
        }
        if pin.content_hash != row.template_hash
            && let Err(reason) = pinned(source, background, row.audit_id, pin, true)
        {
            return Ok(Err(reason));
        }
    }
    if elsewhere || pin.content_hash == row.template_hash {
        return Ok(Ok(row));
    }
    if let Some(checklist) = app.checklist(tx, source.org, pin.content_hash)? {
        row.template_id.clone_from(&checklist.checklist().id);
        row.template_version = checklist.checklist().version;
        row.template_hash = pin.content_hash;
    }
    Ok(Ok(row))
}

fn millis_of(eff_hlc: u64) -> i64 {
    i64::try_from(hlc::ms_of(eff_hlc)).unwrap_or(i64::MAX)
}

/// Whether everything that the checklist requires is there, as the server reads it.
fn is_complete(checklist: Option<&PreparedChecklist>, view: &AuditView) -> bool {
    let Some(checklist) = checklist else { return false };
    view.phase == Phase::Submitted
        && scoring::answers(checklist.checklist(), view)
            .is_ok_and(|answers| checklist.completeness(&answers).is_empty())
}

/// Takes every step of the state table that the auditor's ops ask for.
fn advance(
    source: &Source<'_>,
    background: &Background,
    row: &mut Audit,
    view: &AuditView,
    complete: bool,
    first_seq: u32,
) -> Vec<VisitEvent> {
    let inside = inside_window(background, row);
    let (has_reason, has_proof) = facts::outcome_guards(view);
    let facts = Facts {
        has_reason,
        has_proof,
        assignment_rules_hold: true,
        inside_window: inside,
        flagged_outside_window: !inside,
        required_declared: complete,
        ..Facts::default()
    };
    let mut events = Vec::new();
    while let Some(command) = next_command(row.state, view) {
        let Ok(to) = lifecycle::apply(Some(row.state), command, Actor::Auditor, &facts) else { break };
        let hands_in = matches!(command, Command::Submit | Command::NotCompleted);
        let submit = view.current_submit().filter(|_| hands_in);
        let clock = submit.or_else(|| view.rounds.submits.values().flatten().next()).map(|it| it.eff_hlc);
        let clock = clock.or_else(|| view.creations.first().map(|it| it.eff_hlc));
        if submit.is_some() {
            row.submitted_at = Some(source.received);
        }
        events.push(VisitEvent {
            audit_id: row.audit_id,
            seq: first_seq.saturating_add(count(events.len())),
            from_state: Some(row.state),
            command,
            to_state: to,
            actor_kind: Actor::Auditor,
            actor_id: Some(source.user.0),
            device_at: clock.map(|it| Micros(millis_of(it).saturating_mul(1_000))),
            server_at: source.received,
            reason: reason_of(command, inside, view),
            before_hash: None,
            after_hash: submit.map(|it| it.value.content_root),
        });
        row.state = to;
    }
    events
}

fn reason_of(command: Command, inside: bool, view: &AuditView) -> Option<String> {
    match command {
        Command::Start if !inside => Some("outside_window".to_owned()),
        Command::NotCompleted => {
            facts::facts_of(view).outcome.and_then(|it| it.reason).map(|it| it.as_str().to_owned())
        }
        _ => None,
    }
}

/// The return that a restored server had forgotten and is told of by a phone: the visit is with its auditor again. All else
/// that people had decided is for people to decide again.
fn returned_again(source: &Source<'_>, row: &mut Audit, view: &AuditView, first_seq: u32) -> Vec<VisitEvent> {
    if !matches!(source.trust, Trust::Server) || view.rounds.current <= row.round {
        return Vec::new();
    }
    let facts = Facts {
        has_reason: true,
        items_named: true,
        has_deadline: true,
        independent_of_auditor: true,
        ..Facts::default()
    };
    let (mut state, mut events) = (row.state, Vec::new());
    // Who had claimed it then is forgotten too.
    let claim = (state == State::Submitted).then_some(Command::Claim);
    for command in claim.into_iter().chain([Command::Return]) {
        let Ok(to) = lifecycle::apply(Some(state), command, Actor::Reviewer, &facts) else {
            return Vec::new();
        };
        events.push(VisitEvent {
            audit_id: row.audit_id,
            seq: first_seq.saturating_add(count(events.len())),
            from_state: Some(state),
            command,
            to_state: to,
            actor_kind: Actor::Server,
            actor_id: None,
            device_at: None,
            server_at: source.now,
            reason: Some("known_again_from_a_phone".to_owned()),
            before_hash: None,
            after_hash: None,
        });
        state = to;
    }
    (row.state, row.claimed_by) = (state, None);
    events
}

/// The step that the ops ask for next, if any.
fn next_command(state: State, view: &AuditView) -> Option<Command> {
    let in_round = view.phase == Phase::Draft || view.phase == Phase::Submitted;
    match state {
        State::Offered => Some(Command::Accept),
        State::Accepted => Some(Command::Start),
        State::Returned if in_round => Some(Command::Start),
        State::InProgress if view.phase == Phase::Submitted => {
            let could_not_happen = facts::facts_of(view).is_not_completed();
            Some(if could_not_happen { Command::NotCompleted } else { Command::Submit })
        }
        _ => None,
    }
}

fn inside_window(background: &Background, row: &Audit) -> bool {
    let assignment = row.assignment_id.and_then(|it| background.assignments.get(&it));
    match (assignment, &row.visit_date) {
        (None, _) => true,
        (Some(window), Some(date)) => *date >= window.window_from && *date <= window.window_to,
        (Some(_), None) => false,
    }
}

/// What is to be told of ops that were stored but do not simply stand.
fn outcomes_of(dev: DeviceId, new: &[&Op], view: &AuditView) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for conflict in view.open_conflicts() {
        let (kind, reason) = match conflict.kind {
            ConflictKind::Late => (OutcomeKind::Late, "late"),
            ConflictKind::Clock => (OutcomeKind::Other, "clock_suspect"),
            _ => (OutcomeKind::Conflict, "conflict"),
        };
        let mine = |id: &&OpId| id.dev == dev && new.iter().any(|op| op.dseq == id.dseq);
        let outcome = |id: &OpId| Outcome { dseq: id.dseq, kind, reason: reason.to_owned() };
        outcomes.extend(conflict.ops.iter().filter(mine).map(outcome));
    }
    outcomes
}
