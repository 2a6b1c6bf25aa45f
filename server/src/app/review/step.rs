//! One arrow of a visit's state table, taken: decided by `domain::lifecycle`, stored as the new state with its event and
//! its line of the audit log. Owns that order, and how a second person agrees; which facts hold is found by the caller.

use crate::{error::ApiError, office::Office, principal::Principal};
use db::{
    Tx,
    audits::{self, Audit, VisitEvent},
};
use domain::{
    access::{Permission, Target},
    ids::{AuditId, OrgId},
    lifecycle::{Actor, Command, Facts, State, apply},
};
use serde::Serialize;
use serde_json::json;
use sync_core::Hash;
use utoipa::ToSchema;

/// Where a visit stands after a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    pub visit: AuditId,
    /// Its state.
    #[schema(value_type = String)]
    pub state: State,
    /// `second_person` where the command is noted and takes effect once another person sends it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<&'static str>,
}

/// What is asked and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) command: Command,
    pub(crate) actor: Actor,
    pub(crate) facts: Facts,
    pub(crate) reason: Option<String>,
    /// The content before and after, where the step changes or freezes it.
    pub(crate) hashes: (Option<Hash>, Option<Hash>),
}

impl Step {
    pub(crate) fn new(command: Command, actor: Actor) -> Self {
        Self { command, actor, facts: Facts::default(), reason: None, hashes: (None, None) }
    }

    /// With the reason that a person gave; blank is none.
    pub(crate) fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
        self.facts.has_reason = self.reason.is_some();
        self
    }
}

/// The permission that each capacity needs at the branch.
pub(crate) fn permission(actor: Actor) -> Permission {
    match actor {
        Actor::Auditor => Permission::FieldWork,
        Actor::Reviewer | Actor::Server => Permission::ReviewVisits,
        Actor::Manager => Permission::ManageProgrammes,
        Actor::BranchManager => Permission::AppealVisits,
    }
}

/// The visit, locked for this transaction, for somebody who may act on it in that capacity and did not make it.
///
/// # Errors
/// `not_found` (404), `forbidden` (403), and `own_visit` (403) for the auditor of the visit.
pub(crate) fn lock_visit(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: AuditId,
    actor: Actor,
) -> Result<Audit, ApiError> {
    office.require(permission(actor), &Target::Own)?;
    let found = audits::lock(tx, office.org(), visit)?.ok_or_else(no_such_visit)?;
    office.require_at(tx, permission(actor), found.branch_id)?;
    if office.user() == Some(found.auditor_id) {
        return Err(own_visit());
    }
    Ok(found)
}

pub(crate) fn no_such_visit() -> ApiError {
    ApiError::not_found("la visita", "the visit")
}

pub(crate) fn own_visit() -> ApiError {
    domain::Problem::single(
        403,
        "own_visit",
        "Quien hizo la visita no puede revisarla.",
        "the auditor of a visit cannot review it",
    )
    .into()
}

/// Takes the arrow: the new state in `visit`, stored, with its event and its line of the audit log.
///
/// # Errors
/// Those of [`apply`], and of the database.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: &mut Audit,
    step: &Step,
) -> Result<Standing, ApiError> {
    let from = visit.state;
    visit.state = apply(Some(from), step.command, step.actor, &step.facts)?;
    visit.updated_at = office.now();
    audits::update(tx, office.org(), from, visit)?;
    move_assignment(tx, office.org(), visit)?;
    note(tx, office, visit, step, from)?;
    let action = format!("visit_{}", step.command);
    record(office, visit, action_name(&action), step, from)?;
    Ok(Standing { visit: visit.audit_id, state: visit.state, waiting_for: None })
}

/// Lets the assignment of a visit stand where the visit stands.
///
/// # Errors
/// Those of the database.
pub(crate) fn move_assignment(tx: &mut Tx<'_>, org: OrgId, visit: &Audit) -> Result<(), ApiError> {
    let Some(assignment) = visit.assignment_id else { return Ok(()) };
    let Some(found) = db::programmes::find_assignment(tx, org, assignment)? else { return Ok(()) };
    if found.state != visit.state {
        db::programmes::set_assignment_state(tx, org, assignment, (found.state, visit.state))?;
    }
    Ok(())
}

fn note(tx: &mut Tx<'_>, office: &Office, visit: &Audit, step: &Step, from: State) -> Result<(), ApiError> {
    let event = VisitEvent {
        audit_id: visit.audit_id,
        seq: audits::next_event_seq(tx, office.org(), visit.audit_id)?,
        from_state: Some(from),
        command: step.command,
        to_state: visit.state,
        actor_kind: step.actor,
        actor_id: office.user().map(|it| it.0),
        device_at: None,
        server_at: office.now(),
        reason: step.reason.clone(),
        before_hash: step.hashes.0,
        after_hash: step.hashes.1,
    };
    Ok(audits::append_events(tx, office.org(), &[event])?)
}

fn record(
    office: &mut Office,
    visit: &Audit,
    action: &'static str,
    step: &Step,
    from: State,
) -> Result<(), ApiError> {
    let detail = json!({"from": from, "to": visit.state, "as": step.actor, "reason": step.reason});
    office.record(action, "visit", visit.audit_id, &detail)
}

/// Names of actions are a closed list, so that the log can be searched by them.
fn action_name(name: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "visit_claim",
        "visit_return",
        "visit_hold",
        "visit_release",
        "visit_approve",
        "visit_reject",
        "visit_reopen",
        "visit_publish",
        "visit_exclude",
        "visit_include",
        "visit_appeal",
        "visit_uphold",
        "visit_dismiss",
        "visit_withdraw",
        "visit_lock",
        "visit_void",
        "visit_supersede",
    ];
    NAMES.iter().find(|it| **it == name).copied().unwrap_or("visit_changed")
}

/// Takes an arrow that needs a second person: the first who asks is noted, another who asks for the same carries it
/// out. A change of state in between forgets who asked. Tells the reason that is kept beside where the visit stands.
///
/// # Errors
/// As [`take`]; `second_person_missing` where the same person asks twice, `second_person_sees_pay` where the plan of the
/// table asks for somebody who does not see pay.
pub(crate) fn take_by_two(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: &mut Audit,
    mut step: Step,
) -> Result<(Standing, String), ApiError> {
    let asked = first_request(tx, office, visit, step.command)?;
    let Some(asked) = asked else {
        // Everything but the second person must hold already, so that nobody waits for what cannot be.
        let mut facts = step.facts;
        facts.second_person = true;
        facts.second_person_blind_to_pay = true;
        apply(Some(visit.state), step.command, step.actor, &facts)?;
        note(tx, office, visit, &step, visit.state)?;
        record(office, visit, "visit_second_person_asked", &step, visit.state)?;
        let waiting_for = Some("second_person");
        let standing = Standing { visit: visit.audit_id, state: visit.state, waiting_for };
        return Ok((standing, step.reason.unwrap_or_default()));
    };
    step.facts.second_person = asked.actor_id != office.user().map(|it| it.0);
    step.facts.second_person_blind_to_pay = !sees_pay(office);
    if step.reason.is_none() {
        step = step.because(asked.reason.as_deref());
    }
    let standing = take(tx, office, visit, &step)?;
    Ok((standing, step.reason.unwrap_or_default()))
}

/// The request for the same command since the last change of state: an event that leads where it began.
fn first_request(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &Audit,
    command: Command,
) -> Result<Option<VisitEvent>, ApiError> {
    let events = audits::list_events(tx, office.org(), visit.audit_id)?;
    let waiting = events.into_iter().rev().take_while(|it| it.from_state == Some(it.to_state));
    Ok(waiting.filter(|it| it.command == command).last())
}

/// Whether the person may read what people are paid, anywhere.
pub(crate) fn sees_pay(office: &Office) -> bool {
    office.principal().is_some_and(sees_pay_of)
}

/// As [`sees_pay`].
pub(crate) fn sees_pay_of(principal: &Principal) -> bool {
    principal.grants.iter().any(|grant| grant.role.permissions().contains(&Permission::ReadPay))
}
