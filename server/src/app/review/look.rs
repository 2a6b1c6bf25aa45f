//! One visit with all that a reviewer decides by, read in one transaction: answers with their points, evidence, place, time line,
//! versions of the score, what stands in the way of an approval, and what this person may ask for. Only for people of the office.

use super::{
    approve::{Held, judge},
    step::{permission, sees_pay_of},
    timeline::{self, Line},
};
use crate::{
    app::{
        App, appeals,
        evidence::{self, VisitEvidence},
        scores::scoring::{self, Corrections},
        visits::{self, Explained, VisitDetail, content, facts},
    },
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{
    Micros, Tx,
    audits::{self, Audit},
    reference::Branch,
};
use domain::{
    FieldProblem,
    access::{Permission, Target},
    checklist::{Checklist, ItemType},
    flags::{self, Flag, Observed},
    ids::{AuditId, OrgId, UserId},
    lifecycle::{Actor, Command, State, commands},
    place,
    visit_facts::{ARRIVAL, DEPARTURE, OUTCOME, VisitFacts},
    visit_score::{PreparedChecklist, VisitScore},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash,
    content::{Obstacle, obstacles_to_approval},
};
use uuid::Uuid;

/// What a reviewer gives in review.
const OF_REVIEWERS: [Command; 7] = [
    Command::Claim,
    Command::Return,
    Command::Hold,
    Command::Release,
    Command::Approve,
    Command::Reject,
    Command::Publish,
];
/// What a programme manager decides of a visit.
const OF_MANAGERS: [Command; 3] = [Command::Exclude, Command::Include, Command::Void];

/// A visit as a reviewer sees it.
pub(crate) struct Looked {
    pub(crate) visit: Audit,
    pub(crate) branch: Branch,
    pub(crate) checklist: Arc<PreparedChecklist>,
    pub(crate) detail: VisitDetail,
    /// Every version of the score, oldest first.
    pub(crate) scores: Vec<Explained>,
    /// What the answers would score now; none once a score was frozen, and where they cannot be scored.
    pub(crate) preview: Option<VisitScore>,
    /// What is in the way of an approval, while the visit is in review.
    pub(crate) obstacles: Vec<FieldProblem>,
    /// What upheld appeals put in place of answers.
    pub(crate) corrections: Corrections,
    /// None for somebody who may not review.
    pub(crate) evidence: Option<VisitEvidence>,
    pub(crate) facts: VisitFacts,
    pub(crate) flags: Vec<Flag>,
    pub(crate) lines: Vec<Line>,
    /// What people call the devices of the visit.
    pub(crate) devices: BTreeMap<DeviceId, String>,
    pub(crate) names: BTreeMap<UserId, String>,
    pub(crate) receipts: Receipts,
    /// What this person may ask for now, guards left aside.
    pub(crate) commands: Vec<Command>,
    /// Whether this person may settle conflicts now.
    pub(crate) may_settle: bool,
    pub(crate) is_own: bool,
    /// Changes whenever the visit does: what a form is sent back with.
    pub(crate) mark: String,
    pub(crate) now: Micros,
}

/// How far what was recorded is here, and is what was signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipts {
    /// Ops of the visit that devices wrote.
    pub(crate) ops: usize,
    /// Whether all is here that whoever handed in had seen; none before somebody did.
    pub(crate) is_whole: Option<bool>,
    /// Whether it is what was signed when handing in.
    pub(crate) is_signed: Option<bool>,
    /// Whether whoever handed in had seen all that is shown.
    pub(crate) has_seen_all: Option<bool>,
}

/// One visit, for somebody of the office who may read it.
///
/// # Errors
/// `not_found` (404) for a visit out of reach, `forbidden` (403) for somebody who reads no visits or no auditors.
pub(crate) fn look(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    visit: AuditId,
) -> Result<Looked, ApiError> {
    let (visit, target) = find(tx, principal, visit)?;
    let org = principal.org;
    let branch = db::reference::find_branch(tx, org, visit.branch_id)?
        .ok_or_else(|| ApiError::internal("a visit of a branch that is gone"))?;
    let checklist = content::checklist(tx, app, org, visit.template_hash)?;
    let ops = content::ops(tx, org, visit.audit_id)?;
    let view = ops.view();
    let may_review = principal.may(Permission::ReviewVisits, &target);
    let is_own = visit.auditor_id == principal.user;
    let detail = visits::detail(tx, app, principal, visit.audit_id)?;
    let scores = visits::scores(tx, principal, visit.audit_id)?;
    let corrections = appeals::corrections(tx, org, visit.audit_id)?;
    let evidence = match may_review {
        true => Some(evidence::report(tx, principal, visit.audit_id)?),
        false => None,
    };
    let held = Held::read(tx, org, &[&ops])?;
    let in_review = matches!(visit.state, State::Submitted | State::InReview | State::OnHold);
    let obstacles = match judge(&visit, &ops, &checklist, None, &held) {
        Err(problem) if in_review => problem.errors,
        _ => Vec::new(),
    };
    let preview = scores.is_empty().then(|| scoring::score_corrected(&checklist, &view, &corrections).ok());
    let devices = devices(tx, org, &ops)?;
    let facts = facts::facts_of(&view);
    let seen = Seen {
        facts: &facts,
        ops: &ops,
        view: &view,
        evidence: evidence.as_ref(),
        branch: &branch,
        checklist: checklist.checklist(),
    };
    let observed = seen.observed(tx, org)?;
    Ok(Looked {
        flags: flags::flags(&observed, &checklist.checklist().visit),
        lines: timeline::lines(checklist.checklist(), &ops),
        names: names(tx, org, &visit, &detail)?,
        receipts: receipts(&ops, &view, &held),
        commands: allowed(principal, &target, &visit),
        may_settle: in_review && may_review && !is_own,
        mark: mark(&visit),
        preview: preview.flatten(),
        now: app.now(),
        visit,
        branch,
        checklist,
        detail,
        scores,
        obstacles,
        corrections,
        evidence,
        facts,
        devices,
        is_own,
    })
}

/// The visit, for somebody of the office: whoever only reads what is published is told that there is nothing.
fn find(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<(Audit, Target), ApiError> {
    for permission in [Permission::ReadVisits, Permission::SeeAuditors] {
        principal.require(permission, &Target::Own)?;
    }
    let nowhere = || ApiError::not_found("la visita", "the visit");
    let visit = audits::find(tx, principal.org, visit)?.ok_or_else(nowhere)?;
    let target = branch_target(tx, principal.org, visit.branch_id)?;
    let may =
        principal.may(Permission::ReadVisits, &target) && principal.may(Permission::SeeAuditors, &target);
    if may { Ok((visit, target)) } else { Err(nowhere()) }
}

fn allowed(principal: &Principal, target: &Target, visit: &Audit) -> Vec<Command> {
    if visit.auditor_id == principal.user {
        return Vec::new();
    }
    let capacities = [(Actor::Reviewer, &OF_REVIEWERS[..]), (Actor::Manager, &OF_MANAGERS[..])];
    let held = capacities.into_iter().filter(|(actor, _)| principal.may(permission(*actor), target));
    held.flat_map(|(actor, known)| {
        commands(Some(visit.state), actor).into_iter().filter(move |it| known.contains(it))
    })
    .collect()
}

/// What a form carries of the visit as it was shown: another one means that somebody changed it meanwhile.
pub(crate) fn mark(visit: &Audit) -> String {
    let Audit { state, round, open_conflicts, late_ops, updated_at, .. } = visit;
    let claimed_by = visit.claimed_by.map(|it| it.to_string()).unwrap_or_default();
    let of = format!("{state} {round} {open_conflicts} {late_ops} {} {claimed_by}", updated_at.0);
    Hash::of(of.as_bytes()).to_string().chars().take(16).collect()
}

/// Whether a person sees what people are paid: then they cannot be the second of an exclusion.
pub(crate) fn sees_pay(principal: &Principal) -> bool {
    sees_pay_of(principal)
}

fn devices(tx: &mut Tx<'_>, org: OrgId, ops: &AuditOps) -> Result<BTreeMap<DeviceId, String>, ApiError> {
    let ids: BTreeSet<DeviceId> = ops.iter().filter(|it| !it.1.server).map(|it| it.0.dev).collect();
    Ok(db::devices::names(tx, org, &Vec::from_iter(ids))?)
}

fn names(
    tx: &mut Tx<'_>,
    org: OrgId,
    visit: &Audit,
    detail: &VisitDetail,
) -> Result<BTreeMap<UserId, String>, ApiError> {
    let actors = detail.events.iter().flatten().filter_map(|it| it.actor_id).map(UserId);
    let of_conflicts = detail.conflicts.iter().flatten().flat_map(|it| &it.values);
    let authors = of_conflicts.filter_map(|it| it.author).map(UserId);
    let of_visit = [Some(visit.auditor_id), visit.claimed_by, visit.decided_by].into_iter().flatten();
    let all: BTreeSet<UserId> = actors.chain(authors).chain(of_visit).collect();
    Ok(db::users::names(tx, org, &Vec::from_iter(all))?)
}

fn receipts(ops: &AuditOps, view: &AuditView, held: &Held) -> Receipts {
    let mut receipts = Receipts { ops: ops.iter().filter(|it| !it.1.server).count(), ..Receipts::default() };
    let Some(submission) = view.current_submit() else { return receipts };
    let obstacles = obstacles_to_approval(ops, &submission.id, |dev| held.log(dev));
    receipts.is_whole = Some(!obstacles.contains(&Obstacle::FrontierIncomplete));
    receipts.is_signed = Some(!obstacles.contains(&Obstacle::ContentRoot));
    receipts.has_seen_all = Some(view.shown().iter().all(|it| submission.covers(it)));
    receipts
}

/// What flags are found from.
struct Seen<'a> {
    facts: &'a VisitFacts,
    ops: &'a AuditOps,
    view: &'a AuditView,
    evidence: Option<&'a VisitEvidence>,
    branch: &'a Branch,
    checklist: &'a Checklist,
}

impl Seen<'_> {
    fn observed(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<Observed, ApiError> {
        let arrival = self.facts.arrival.as_ref();
        let position = arrival.and_then(|it| it.position.as_ref());
        let at_branch = self.branch.latitude_e7.zip(self.branch.longitude_e7);
        let left = self.facts.departure.as_ref();
        let photos = self.evidence.map(|it| it.photos.as_slice()).unwrap_or_default();
        let flagged =
            |name: &str| photos.iter().filter(|it| it.flags.iter().any(|flag| flag == name)).count();
        let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        Ok(Observed {
            distance_m: position.zip(at_branch).map(|(it, at)| place::distance_m(at, (it.lat_e7, it.lon_e7))),
            accuracy_m: position.and_then(|it| it.accuracy_mm).map(|it| it.div_ceil(1_000)),
            is_simulated: position.is_some_and(|it| it.mocked == Some(true)),
            duration_ms: arrival.zip(left).and_then(|(from, to)| to.at_ms.checked_sub(from.at_ms)),
            answered_ms: timeline::first_answers(self.ops),
            same_photos: count(flagged("seen_before")),
            alike_photos: count(flagged("looks_alike")),
            skew_ms: self.skew(tx, org)?,
            scales: self.scales(),
        })
    }

    /// By how much the clock was off of the phone that handed the visit in, when it last spoke.
    fn skew(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<Option<u64>, ApiError> {
        let Some(submission) = self.view.current_submit() else { return Ok(None) };
        let report = db::reports::find(tx, org, submission.id.dev)?;
        Ok(report.map(|it| it.wall_ms.abs_diff(u64::try_from(it.seen_at.0 / 1_000).unwrap_or(0))))
    }

    fn scales(&self) -> Vec<i64> {
        let scales = self.checklist.items().filter(|it| it.kind == ItemType::Scale);
        let values = scales.filter_map(|it| self.view.answer(&it.id));
        values.filter_map(|it| serde_json::from_slice(it).ok()).collect()
    }
}

/// A person's name among those that were read.
impl Looked {
    pub(crate) fn name_of(&self, person: Option<Uuid>) -> String {
        person.and_then(|it| self.names.get(&UserId(it)).cloned()).unwrap_or_default()
    }

    /// Whether the visit states something beside its answers, by its field.
    pub(crate) fn states(&self, field: &str) -> bool {
        match field {
            ARRIVAL => self.facts.arrival.is_some(),
            DEPARTURE => self.facts.departure.is_some(),
            OUTCOME => self.facts.outcome.is_some(),
            _ => false,
        }
    }
}
