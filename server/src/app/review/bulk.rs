//! Many clean visits approved at once: claimed, approved and published in one transaction, judged beforehand outside
//! the write lock. What is not clean is left where it stands, with the reason.

use super::{
    approve::{FrozenScore, Held, Judged, all_facts, draft, judge},
    step::{move_assignment, no_such_visit, own_visit},
};
use crate::{
    app::{App, scores::change::Change, visits::content},
    error::ApiError,
    exchange::append_server_ops,
    office::Office,
    principal::{Principal, Reach},
};
use db::{
    Tx,
    audits::{self, Audit, VisitEvent, VisitKind},
    scores::{self, ScoreVersion},
};
use domain::{
    Problem,
    access::Permission,
    ids::{AuditId, OrgId},
    lifecycle::{Actor, Command, State, apply},
    visit_score::{Percent, PreparedChecklist},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    num::NonZero,
    sync::Arc,
    thread,
};
use sync_core::{AuditOps, Hash};
use utoipa::ToSchema;
use validator::Validate;

/// Most visits of one request.
pub const MAX_VISITS: usize = 500;

/// Visits to be approved together.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkApproval {
    /// Their ids.
    #[validate(length(min = 1, max = 500))]
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub(crate) visits: Vec<AuditId>,
}

/// What became of each visit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BulkReport {
    /// How many are published now.
    pub published: usize,
    /// How many were left where they stand.
    pub refused: usize,
    /// One entry for each visit, in the order asked.
    pub outcomes: Vec<BulkOutcome>,
}

/// What became of one visit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BulkOutcome {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    pub visit: AuditId,
    /// Where it stands now; none for a visit that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub state: Option<State>,
    /// The version of the score that was frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The score.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub final_score: Option<Percent>,
    /// Why it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problem: Option<Problem>,
}

/// Visits judged and ready to be approved, as they stood when they were read.
#[derive(Debug, Clone)]
pub struct Prepared {
    visits: Arc<Vec<PreparedVisit>>,
}

#[derive(Debug)]
struct PreparedVisit {
    id: AuditId,
    /// The row as it was judged, with its ops; none for a visit that is not there.
    found: Option<(Audit, AuditOps)>,
    judged: Result<Judged, Problem>,
}

/// Reads and judges visits; changes nothing.
///
/// # Errors
/// Those of the database.
pub fn prepare(tx: &mut Tx<'_>, app: &App, org: OrgId, ids: &[AuditId]) -> Result<Prepared, ApiError> {
    let mut rows: BTreeMap<AuditId, Audit> =
        audits::find_many(tx, org, ids)?.into_iter().map(|it| (it.audit_id, it)).collect();
    let mut ops = BTreeMap::new();
    for stored in audits::find_ops_of_many(tx, org, ids)? {
        ops.insert(stored.audit_id, AuditOps::decode(&stored.ops).map_err(ApiError::internal)?);
    }
    let held = Held::read(tx, org, &ops.values().collect::<Vec<_>>())?;
    let mut checklists: BTreeMap<Hash, Arc<PreparedChecklist>> = BTreeMap::new();
    for row in rows.values() {
        if let Entry::Vacant(unread) = checklists.entry(row.template_hash) {
            unread.insert(content::checklist(tx, app, org, row.template_hash)?);
        }
    }
    let found: Vec<(AuditId, Option<(Audit, AuditOps)>)> = unrepeated(ids)
        .into_iter()
        .map(|id| (id, rows.remove(&id).map(|row| (row, ops.remove(&id).unwrap_or_default()))))
        .collect();
    Ok(Prepared { visits: Arc::new(judge_all(found, &checklists, &held)) })
}

fn unrepeated(ids: &[AuditId]) -> Vec<AuditId> {
    let mut seen = std::collections::BTreeSet::new();
    ids.iter().copied().filter(|it| seen.insert(*it)).collect()
}

/// Judges on as many threads as there are cores: folding and scoring is all the work of an approval.
fn judge_all(
    mut found: Vec<(AuditId, Option<(Audit, AuditOps)>)>,
    checklists: &BTreeMap<Hash, Arc<PreparedChecklist>>,
    held: &Held,
) -> Vec<PreparedVisit> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = found.len().div_ceil(threads).max(1);
    let mut parts = Vec::new();
    while !found.is_empty() {
        let rest = found.split_off(share.min(found.len()));
        parts.push(std::mem::replace(&mut found, rest));
    }
    thread::scope(|scope| {
        let judge_part = |part: Vec<(AuditId, Option<(Audit, AuditOps)>)>| {
            part.into_iter().map(|(id, found)| judge_one(id, found, checklists, held)).collect::<Vec<_>>()
        };
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || judge_part(part))).collect();
        running
            .into_iter()
            .flat_map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn judge_one(
    id: AuditId,
    found: Option<(Audit, AuditOps)>,
    checklists: &BTreeMap<Hash, Arc<PreparedChecklist>>,
    held: &Held,
) -> PreparedVisit {
    let judged = match &found {
        None => Err(no_such_visit().problem().clone()),
        Some((row, ops)) => needs_a_look(row).and_then(|()| match checklists.get(&row.template_hash) {
            Some(checklist) => judge(row, ops, checklist, None, held).and_then(complete),
            None => Err(no_such_visit().problem().clone()),
        }),
    };
    PreparedVisit { id, found, judged }
}

fn needs_a_look(row: &Audit) -> Result<(), Problem> {
    if row.kind == VisitKind::NotCompleted || row.late_ops > 0 {
        return Err(look_first());
    }
    Ok(())
}

fn complete(judged: Judged) -> Result<Judged, Problem> {
    let needs_a_look = judged.is_incomplete || judged.kind == VisitKind::NotCompleted;
    if needs_a_look { Err(look_first()) } else { Ok(judged) }
}

fn look_first() -> Problem {
    Problem::single(
        409,
        "needs_a_look",
        "La visita no se realizó, trae respuestas tardías o le falta algo obligatorio; revísela por separado.",
        "the visit did not happen, has late answers or lacks something required; review it by itself",
    )
}

/// What a transaction of many approvals writes.
#[derive(Default)]
struct Writes {
    rows: Vec<Audit>,
    ops: Vec<(Audit, AuditOps, Judged)>,
    events: Vec<VisitEvent>,
    versions: Vec<ScoreVersion>,
}

/// Approves and publishes what was prepared and has not changed since.
///
/// # Errors
/// `forbidden` for somebody who reviews nowhere; those of the database. What concerns one visit stands in its outcome.
pub fn approve_prepared(
    tx: &mut Tx<'_>,
    office: &mut Office,
    prepared: &Prepared,
) -> Result<BulkReport, ApiError> {
    let ids: Vec<AuditId> = prepared.visits.iter().map(|it| it.id).collect();
    let reach = match office.principal() {
        Some(principal) => principal.reach(tx, Permission::ReviewVisits)?,
        None => Reach::Everywhere,
    };
    let standing: BTreeMap<AuditId, Audit> =
        audits::lock_many(tx, office.org(), &ids)?.into_iter().map(|it| (it.audit_id, it)).collect();
    let within = within_reach(tx, office.org(), &reach, &standing)?;
    let seqs = audits::next_event_seqs(tx, office.org(), &ids)?;
    let mut writes = Writes::default();
    let mut outcomes = Vec::with_capacity(ids.len());
    for visit in prepared.visits.iter() {
        let now = standing.get(&visit.id).filter(|_| within.contains(&visit.id));
        let seq = seqs.get(&visit.id).copied().unwrap_or(1);
        outcomes.push(match plan_one(tx, office, visit, now, seq, &mut writes)? {
            Ok(outcome) => outcome,
            Err(problem) => BulkOutcome {
                visit: visit.id,
                state: now.map(|it| it.state),
                version: None,
                final_score: None,
                problem: Some(problem),
            },
        });
    }
    write_all(tx, office, writes)?;
    let published = outcomes.iter().filter(|it| it.problem.is_none()).count();
    let refused = outcomes.len().saturating_sub(published);
    Ok(BulkReport { published, refused, outcomes })
}

/// The visits whose branch the reviewer reaches; others are told as not there.
fn within_reach(
    tx: &mut Tx<'_>,
    org: OrgId,
    reach: &Reach,
    standing: &BTreeMap<AuditId, Audit>,
) -> Result<std::collections::BTreeSet<AuditId>, ApiError> {
    if *reach == Reach::Everywhere {
        return Ok(standing.keys().copied().collect());
    }
    let mut branches: Vec<_> = standing.values().map(|it| it.branch_id).collect();
    branches.sort_unstable();
    branches.dedup();
    let branches: BTreeMap<_, _> = db::reference::find_branches(tx, org, &branches)?
        .into_iter()
        .map(|it| (it.branch_id, it.region_id))
        .collect();
    let holds =
        |it: &&Audit| branches.get(&it.branch_id).is_some_and(|region| reach.holds(it.branch_id, *region));
    Ok(standing.values().filter(holds).map(|it| it.audit_id).collect())
}

fn plan_one(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &PreparedVisit,
    standing: Option<&Audit>,
    seq: u32,
    writes: &mut Writes,
) -> Result<Result<BulkOutcome, Problem>, ApiError> {
    let (Some((read, ops)), Some(row)) = (&visit.found, standing) else {
        return Ok(Err(no_such_visit().problem().clone()));
    };
    if office.user() == Some(row.auditor_id) {
        return Ok(Err(own_visit().problem().clone()));
    }
    let mut row = row.clone();
    let events = match arrows(office, &mut row, &visit.judged, seq) {
        Ok(events) => events,
        Err(problem) => return Ok(Err(problem)),
    };
    let judged = match &visit.judged {
        Ok(judged) => judged.clone(),
        Err(problem) => return Ok(Err(problem.clone())),
    };
    if read.updated_at != standing.map_or(read.updated_at, |it| it.updated_at) {
        return Ok(Err(changed_meanwhile()));
    }
    // Only what was in review can have been scored before.
    let version =
        if read.state == State::InReview { super::approve::next_version(tx, office, visit.id)? } else { 1 };
    let version = judged
        .score
        .as_ref()
        .map(|it| it.version(&row, judged.submit, version, office.now(), Change::Approved.as_str()));
    let outcome = BulkOutcome {
        visit: visit.id,
        state: Some(row.state),
        version: version.as_ref().map(|it| it.version),
        final_score: judged.score.as_ref().map(|it| it.last),
        problem: None,
    };
    writes.events.extend(events);
    writes.versions.extend(version);
    writes.rows.push(row.clone());
    writes.ops.push((row, ops.clone(), judged));
    Ok(Ok(outcome))
}

/// What would become of visits if they were approved now, for somebody who reviews; changes nothing.
///
/// # Errors
/// `forbidden` (403) for somebody who reviews nowhere; those of the database. What concerns one visit stands in its outcome.
pub(crate) fn outlook(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    ids: &[AuditId],
) -> Result<Vec<BulkOutcome>, ApiError> {
    let reach = principal.reach(tx, Permission::ReviewVisits)?;
    let prepared = prepare(tx, app, principal.org, ids)?;
    let rows = prepared.visits.iter().filter_map(|it| it.found.as_ref()).map(|it| &it.0);
    let rows: BTreeMap<AuditId, Audit> = rows.map(|it| (it.audit_id, it.clone())).collect();
    let within = within_reach(tx, principal.org, &reach, &rows)?;
    let outcomes = prepared.visits.iter().map(|it| {
        let row = rows.get(&it.id).filter(|_| within.contains(&it.id));
        let judged =
            row.ok_or_else(|| no_such_visit().problem().clone()).and_then(|row| foreseen(row, it, principal));
        BulkOutcome {
            visit: it.id,
            state: row.map(|it| it.state),
            version: None,
            final_score: judged.as_ref().ok().and_then(|it| it.score.as_ref()).map(|it| it.last),
            problem: judged.err(),
        }
    });
    Ok(outcomes.collect())
}

fn foreseen<'a>(row: &Audit, visit: &'a PreparedVisit, principal: &Principal) -> Result<&'a Judged, Problem> {
    if row.auditor_id == principal.user {
        return Err(own_visit().problem().clone());
    }
    if row.state != State::Submitted {
        apply(Some(row.state), Command::Approve, Actor::Reviewer, &all_facts())?;
    }
    visit.judged.as_ref().map_err(Problem::clone)
}

fn changed_meanwhile() -> Problem {
    Problem::single(
        409,
        "changed_meanwhile",
        "La visita cambió mientras se revisaba; pídala de nuevo.",
        "the visit changed while it was being judged; ask again",
    )
}

/// Claim where needed, approve, publish: each by the state table, each an event.
fn arrows(
    office: &Office,
    row: &mut Audit,
    judged: &Result<Judged, Problem>,
    first_seq: u32,
) -> Result<Vec<VisitEvent>, Problem> {
    let commands: &[Command] = match row.state {
        State::Submitted => &[Command::Claim, Command::Approve, Command::Publish],
        _ => &[Command::Approve, Command::Publish],
    };
    let mut events = Vec::with_capacity(commands.len());
    for (command, seq) in commands.iter().copied().zip(first_seq..) {
        let from = row.state;
        row.state = apply(Some(from), command, Actor::Reviewer, &all_facts())?;
        let judged = judged.as_ref().ok().filter(|_| command == Command::Approve);
        events.push(VisitEvent {
            audit_id: row.audit_id,
            seq,
            from_state: Some(from),
            command,
            to_state: row.state,
            actor_kind: Actor::Reviewer,
            actor_id: office.user().map(|it| it.0),
            device_at: None,
            server_at: office.now(),
            reason: None,
            before_hash: judged.map(|it| it.content_root),
            after_hash: judged.and_then(|it| it.score.as_ref().map(FrozenScore::hash)),
        });
    }
    row.claimed_by = office.user();
    row.decided_by = office.user();
    row.decided_at = Some(office.now());
    row.updated_at = office.now();
    Ok(events)
}

fn write_all(tx: &mut Tx<'_>, office: &mut Office, writes: Writes) -> Result<(), ApiError> {
    let Writes { rows, mut ops, events, versions } = writes;
    if rows.is_empty() {
        return Ok(());
    }
    let org = office.org();
    audits::upsert(tx, org, &rows)?;
    audits::append_events(tx, org, &events)?;
    scores::append(tx, org, &versions)?;
    for row in &rows {
        move_assignment(tx, org, row)?;
    }
    let mut drafts = Vec::with_capacity(ops.len());
    for (row, ops, judged) in &mut ops {
        drafts.push(draft(row, ops, judged.submit)?);
    }
    append_server_ops(tx, org, office.environment(), drafts)?;
    let mut stored = Vec::with_capacity(ops.len());
    for (row, ops, _) in &ops {
        let ops = ops.encode().map_err(ApiError::internal)?;
        stored.push(audits::AuditOps { audit_id: row.audit_id, ops });
    }
    audits::upsert_ops(tx, org, &stored)?;
    let visits: Vec<_> = versions
        .iter()
        .map(|it| json!({"visit": it.audit_id, "version": it.version, "final_hundredths": it.final_hundredths}))
        .collect();
    office.record("visits_approved", "organization", org, &json!({"visits": visits}))
}
