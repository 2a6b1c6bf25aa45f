//! Who sees what of which visit: a reviewer all of it, a branch manager the published result and never the auditor.

use super::{
    branches, content,
    facts::{self, StatedFacts},
    pins::{self, PinEntry},
    renewed::{self, RenewedLog},
    sheet::{self, ConflictEntry, LateEntry, Reader, SectionAnswers, Writer},
};
use crate::{
    app::{
        App,
        scores::{change::Change, document},
    },
    error::ApiError,
    principal::{Principal, Reach, branch_target},
};
use db::{
    Page, Tx,
    audits::{self, Audit, AuditFilter, VisitEvent},
    scores::{self as versions, ScoreVersion},
};
use domain::{
    Date,
    access::{Permission, Target},
    ids::{AssignmentId, AuditId, BranchId, RegionId, UserId},
    lifecycle::{Actor, Command, State, commands},
    visit_score::{Explanation, ItemState, ItemStep, Percent, VisitScore},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{AuditOps, DeviceId, Hash};
use utoipa::ToSchema;

/// States in which a branch may see a visit.
pub(crate) const SHOWN: [State; 3] = [State::Published, State::Appealed, State::Locked];

/// A visit in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VisitSummary {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AuditId,
    /// The branch.
    #[schema(value_type = uuid::Uuid)]
    pub branch: BranchId,
    /// Who visited; only for those who may see auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub auditor: Option<UserId>,
    /// The assignment that it answers; only for those who may see auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub assignment: Option<AssignmentId>,
    /// The checklist.
    pub template: String,
    /// Its version.
    pub template_version: u32,
    /// Its state.
    #[schema(value_type = String)]
    pub state: State,
    /// `visit`, or `not_completed` where its auditor handed in that it could not happen.
    pub kind: &'static str,
    /// The round of correction.
    pub round: u32,
    /// Day of the visit, in the branch's calendar.
    #[schema(value_type = Option<String>, format = Date)]
    pub visit_date: Option<Date>,
    /// When it was handed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted_at: Option<Timestamp>,
    /// When it was approved or rejected.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Open conflicts between answers.
    pub open_conflicts: u32,
    /// Operations that came too late for their round.
    pub late_ops: u32,
    /// What the source of an import calls it, by which it could be looked up there; only for those who may see auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

/// A visit with everything that the reader may see of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VisitDetail {
    /// What the list says of it.
    #[serde(flatten)]
    pub summary: VisitSummary,
    /// Hash of the checklist's content.
    #[schema(value_type = String)]
    pub template_hash: Hash,
    /// The answers, in checklist order.
    pub sections: Vec<SectionAnswers>,
    /// What it states beside its answers; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<StatedFacts>,
    /// Fields that are of no item; reviewers only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_fields: Vec<String>,
    /// Devices that went on with this visit in place of a former one: a folder was copied or set back, or a key was lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renewed: Vec<RenewedLog>,
    /// Conflicts, open and settled; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<ConflictEntry>>,
    /// Operations that came too late; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Vec<LateEntry>>,
    /// What happened to it; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventEntry>>,
    /// Submissions of the current round, as `device:position`; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submissions: Option<Vec<String>>,
    /// Every version of the checklist that it had, where it had several; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pins: Option<Vec<PinEntry>>,
    /// What the reader may ask for now, guards left aside.
    #[schema(value_type = Vec<String>)]
    pub commands: Vec<Command>,
    /// Versions of its score, oldest first; the last one counts.
    pub scores: Vec<ScoreEntry>,
}

/// An arrow that was taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventEntry {
    /// Its number in the visit.
    pub seq: u32,
    /// The state before.
    #[schema(value_type = Option<String>)]
    pub from: Option<State>,
    /// What was asked. An event that leads where it began waits for a second person.
    #[schema(value_type = String)]
    pub command: Command,
    /// The state after.
    #[schema(value_type = String)]
    pub to: State,
    /// In which capacity.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Who; none for the server.
    pub actor_id: Option<uuid::Uuid>,
    /// When, by the server.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Hash of the content before.
    #[schema(value_type = Option<String>)]
    pub before: Option<Hash>,
    /// Hash of the content after.
    #[schema(value_type = Option<String>)]
    pub after: Option<Hash>,
}

/// A frozen version of a score.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScoreEntry {
    /// 1, 2, 3...
    pub version: u32,
    /// The submission that was scored, as `device:position`; reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submit: Option<String>,
    /// Hash of the checklist that it was scored with.
    #[schema(value_type = String)]
    pub template_hash: Hash,
    /// Version of the scoring rules.
    pub scorer_version: String,
    /// Before the critical rule.
    #[schema(value_type = Option<String>)]
    pub raw: Option<Percent>,
    /// After it.
    #[serde(rename = "final")]
    #[schema(value_type = Option<String>)]
    pub final_score: Option<Percent>,
    /// The band.
    pub band: Option<String>,
    /// Critical items that failed.
    pub critical_failed: u32,
    /// When it was frozen.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Why: `approved`, `appeal`, or where it was scored again the words of who asked, in place of which a branch reads `rescored`.
    pub reason: String,
}

/// A version of a score with every step of its sum.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Explained {
    /// The version.
    #[serde(flatten)]
    pub entry: ScoreEntry,
    /// Sections, pillars, touchpoints, and the explanation step by step, as `veedor score` prints it.
    #[schema(value_type = Object)]
    pub score: VisitScore,
}

/// Which visits a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFilter {
    pub(crate) states: Vec<State>,
    pub(crate) branch: Option<BranchId>,
    pub(crate) region: Option<RegionId>,
    pub(crate) auditor: Option<UserId>,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) in_conflict: bool,
}

/// Which of the two readings a person has: of any visit, or of what is shown to branches.
fn reach(tx: &mut Tx<'_>, principal: &Principal) -> Result<(Reach, bool), ApiError> {
    if principal.may(Permission::ReadVisits, &Target::Own) {
        return Ok((principal.reach(tx, Permission::ReadVisits)?, true));
    }
    Ok((principal.reach(tx, Permission::ReadPublishedVisits)?, false))
}

/// A page of the visits that a person may see, by id.
///
/// # Errors
/// `forbidden` (403) for somebody who reads no visits, or who asks by auditor without seeing auditors.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    filter: ListFilter,
    after: Option<AuditId>,
    limit: u32,
) -> Result<Page<VisitSummary, AuditId>, ApiError> {
    let (reach, reads_all) = reach(tx, principal)?;
    let sees_auditors = principal.may(Permission::SeeAuditors, &Target::Own);
    if filter.auditor.is_some() && !sees_auditors {
        return Err(ApiError::forbidden(Permission::SeeAuditors.as_str()));
    }
    let states = if reads_all { filter.states } else { narrowed(filter.states) };
    let branches = branches::covered(tx, principal, &reach, filter.branch, filter.region)?;
    let ListFilter { auditor, from, to, in_conflict, .. } = filter;
    let found = AuditFilter { states, branches, auditor, from, to, in_conflict };
    let page = audits::list(tx, principal.org, &found, after, limit)?;
    let items = page.items.iter().map(|it| summary(it, sees_auditors)).collect();
    Ok(Page { items, next: page.next })
}

fn narrowed(states: Vec<State>) -> Vec<State> {
    let shown: Vec<State> = states.iter().copied().filter(|it| SHOWN.contains(it)).collect();
    // An empty list shows any state, so whoever asks only for hidden ones is answered with what may be seen.
    if shown.is_empty() { SHOWN.to_vec() } else { shown }
}

fn summary(visit: &Audit, sees_auditors: bool) -> VisitSummary {
    VisitSummary {
        id: visit.audit_id,
        branch: visit.branch_id,
        auditor: sees_auditors.then_some(visit.auditor_id),
        assignment: visit.assignment_id.filter(|_| sees_auditors),
        template: visit.template_id.clone(),
        template_version: visit.template_version,
        state: visit.state,
        kind: visit.kind.as_str(),
        round: visit.round,
        visit_date: visit.visit_date,
        submitted_at: visit.submitted_at.and_then(instant).filter(|_| sees_auditors),
        decided_at: visit.decided_at.and_then(instant),
        open_conflicts: visit.open_conflicts,
        late_ops: visit.late_ops,
        external_ref: visit.external_ref.clone().filter(|_| sees_auditors),
    }
}

fn instant(micros: db::Micros) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros.0).ok()
}

/// Refuses who may not have the evidence of a visit as a file: it tells devices, and so what else one auditor did.
///
/// # Errors
/// `forbidden` (403), `not_found` (404) for a visit out of the person's reach.
pub(crate) fn require_proof(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<(), ApiError> {
    principal.require(Permission::SeeAuditors, &Target::Own)?;
    let seen = find(tx, principal, visit)?;
    let may = seen.reads_all && seen.sees_auditor;
    if may { Ok(()) } else { Err(ApiError::not_found("la visita", "the visit")) }
}

pub(super) struct Seen {
    pub(super) visit: Audit,
    reads_all: bool,
    sees_auditor: bool,
}

impl Seen {
    fn reader(&self) -> Reader {
        if self.reads_all { Reader::Office } else { Reader::Branch }
    }
}

/// The visit, for somebody who may read it: another organization's, or one that is not shown yet, is not there.
pub(super) fn find(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<Seen, ApiError> {
    let nowhere = || ApiError::not_found("la visita", "the visit");
    principal
        .require(Permission::ReadVisits, &Target::Own)
        .or_else(|_| principal.require(Permission::ReadPublishedVisits, &Target::Own))?;
    let visit = audits::find(tx, principal.org, visit)?.ok_or_else(nowhere)?;
    let at = branch_target(tx, principal.org, visit.branch_id)?;
    let reads_all = principal.may(Permission::ReadVisits, &at);
    let reads_shown = principal.may(Permission::ReadPublishedVisits, &at) && SHOWN.contains(&visit.state);
    if !reads_all && !reads_shown {
        return Err(nowhere());
    }
    let sees_auditor = principal.may(Permission::SeeAuditors, &at);
    Ok(Seen { visit, reads_all, sees_auditor })
}

/// One visit with its answers and scores.
///
/// # Errors
/// `not_found` (404) for a visit that the person may not see, `forbidden` (403) for somebody who reads no visits.
pub(crate) fn detail(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    visit: AuditId,
) -> Result<VisitDetail, ApiError> {
    let seen = find(tx, principal, visit)?;
    let checklist = content::checklist(tx, app, principal.org, seen.visit.template_hash)?;
    let ops = content::ops(tx, principal.org, visit)?;
    let view = ops.view();
    let internals = seen.reads_all && seen.sees_auditor;
    let writers = if internals { writers(tx, principal, &ops)? } else { BTreeMap::new() };
    let pins = if internals {
        Some(pins::pins(tx, app, principal.org, &ops, &view, &writers)?).filter(|it| it.len() > 1)
    } else {
        None
    };
    let events = if internals { Some(events(tx, principal, visit)?) } else { None };
    let submits = view.rounds.standing_submits(view.rounds.current);
    let scores = versions::list_versions(tx, principal.org, visit)?;
    let actor = if seen.reads_all { Actor::Reviewer } else { Actor::BranchManager };
    Ok(VisitDetail {
        summary: summary(&seen.visit, seen.sees_auditor),
        template_hash: seen.visit.template_hash,
        sections: sheet::sections(checklist.checklist(), &view, seen.reader()),
        facts: facts::stated(&view).filter(|_| internals),
        unknown_fields: if internals {
            sheet::unknown_fields(checklist.checklist(), &view)
        } else {
            Vec::new()
        },
        conflicts: internals.then(|| sheet::conflicts(&ops, &view, &writers)),
        late: internals.then(|| sheet::late(&view)),
        renewed: if internals { renewed::logs(tx, principal.org, visit, &ops)? } else { Vec::new() },
        events,
        submissions: internals.then(|| submits.iter().map(|it| it.id.to_string()).collect()),
        pins,
        commands: commands(Some(seen.visit.state), actor),
        scores: scores.iter().map(|it| entry(it, internals)).collect(),
    })
}

/// Whose the devices are that wrote a visit.
fn writers(
    tx: &mut Tx<'_>,
    principal: &Principal,
    ops: &AuditOps,
) -> Result<BTreeMap<DeviceId, Writer>, ApiError> {
    let mut writers = BTreeMap::new();
    for dev in ops.frontier().into_keys() {
        if let Some(device) = db::devices::find(tx, principal.org, dev)? {
            writers.insert(dev, Writer { user: device.user_id.map(|it| it.0), name: device.name });
        }
    }
    Ok(writers)
}

fn events(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<Vec<EventEntry>, ApiError> {
    audits::list_events(tx, principal.org, visit)?.into_iter().map(event).collect()
}

fn event(event: VisitEvent) -> Result<EventEntry, ApiError> {
    Ok(EventEntry {
        seq: event.seq,
        from: event.from_state,
        command: event.command,
        to: event.to_state,
        actor: event.actor_kind,
        actor_id: event.actor_id,
        at: Timestamp::from_microsecond(event.server_at.0).map_err(ApiError::internal)?,
        reason: event.reason,
        before: event.before_hash,
        after: event.after_hash,
    })
}

fn entry(version: &ScoreVersion, internals: bool) -> ScoreEntry {
    ScoreEntry {
        version: version.version,
        submit: internals.then(|| format!("{}:{}", version.submit_dev, version.submit_dseq)),
        template_hash: version.template_hash,
        scorer_version: version.scorer_version.clone(),
        raw: version.raw_hundredths.map(Percent::from_units),
        final_score: version.final_hundredths.map(Percent::from_units),
        band: version.band.clone(),
        critical_failed: version.critical_failed,
        created_at: instant(version.created_at).unwrap_or_default(),
        // Why it was scored again the office says to itself.
        reason: if internals {
            version.reason.clone()
        } else {
            Change::of(&version.reason).as_str().to_owned()
        },
    }
}

/// Every version of a visit's score with its explanation, oldest first.
///
/// # Errors
/// As [`detail`].
pub(crate) fn scores(
    tx: &mut Tx<'_>,
    principal: &Principal,
    visit: AuditId,
) -> Result<Vec<Explained>, ApiError> {
    let seen = find(tx, principal, visit)?;
    let internals = seen.reads_all && seen.sees_auditor;
    let versions = versions::list_versions(tx, principal.org, visit)?;
    let explained = |it: &ScoreVersion| {
        let score = document::thaw(&it.doc)?;
        let score = if seen.reads_all { score } else { for_branch(score) };
        Ok(Explained { entry: entry(it, internals), score })
    };
    versions.iter().map(explained).collect()
}

/// A score as its branch reads it: every point and its rule, and of what counted in none neither answer nor what it lacked.
pub(crate) fn for_branch(score: VisitScore) -> VisitScore {
    let told = |step| match step {
        Explanation::Item(it) if it.state != ItemState::Scored => {
            Explanation::Item(ItemStep { answer: None, ..it })
        }
        other => other,
    };
    VisitScore {
        explain: score.explain.into_iter().map(told).collect(),
        incomplete: Vec::new(),
        ignored: Vec::new(),
        ..score
    }
}
