//! What reviewers and programme managers do with a visit, but for the approval.

use super::step::{Standing, Step, lock_visit, take, take_by_two};
use crate::{
    app::{App, appeals, visits::content},
    error::ApiError,
    exchange::{Draft, append_server_ops},
    office::Office,
};
use db::{
    Tx,
    audits::{self, Audit},
};
use domain::{
    FieldProblem,
    answer::AnswerField,
    ids::AuditId,
    lifecycle::{Actor, Command},
    visit_facts::{FACTS, OUTCOME_PHOTOS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::{
    AuditOps, Kind,
    payload::{self, ReasonValue, ReturnValue, ReturnedItem, VoidValue},
};
use utoipa::ToSchema;
use validator::Validate;

/// Why a command is given.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Because {
    /// In the words of the person who gives it.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// An item to be corrected.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemToCorrect {
    /// Id of the item, or a fact of the visit: `@arrival`, `@departure`, `@platform`, `@outcome`, `@outcome#photo`.
    #[validate(length(min = 1, max = 60))]
    pub(crate) item: String,
    /// What is wrong with its answer or its evidence.
    #[validate(length(min = 1, max = 2000))]
    pub(crate) reason: String,
}

/// A visit goes back to its auditor.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnOrder {
    /// What to correct.
    #[validate(length(min = 1, max = 500), nested)]
    pub(crate) items: Vec<ItemToCorrect>,
    /// Until when, RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) deadline: Timestamp,
    /// What holds for the whole visit.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Takes a submitted visit for review.
///
/// # Errors
/// As all commands: `not_found`, `forbidden`, `own_visit`, `wrong_state` (409), `guard_failed` (422).
pub(crate) fn claim(tx: &mut Tx<'_>, office: &mut Office, visit: AuditId) -> Result<Standing, ApiError> {
    let mut visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    visit.claimed_by = office.user();
    let mut step = Step::new(Command::Claim, Actor::Reviewer);
    step.facts.independent_of_auditor = true;
    take(tx, office, &mut visit, &step)
}

/// A command of one person without further facts: hold, release, publish.
///
/// # Errors
/// As [`claim`].
pub(crate) fn plain(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: AuditId,
    command: Command,
    because: &Because,
) -> Result<Standing, ApiError> {
    let mut visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    let step = Step::new(command, Actor::Reviewer).because(because.reason.as_deref());
    take(tx, office, &mut visit, &step)
}

/// Sends a visit back to its auditor, item by item.
///
/// # Errors
/// As [`claim`]; `unknown_item`, and `deadline_past` for a deadline that is over.
pub(crate) fn send_back(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    visit: AuditId,
    order: &ReturnOrder,
) -> Result<Standing, ApiError> {
    let mut visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    let mut ops = content::ops(tx, office.org(), visit.audit_id)?;
    check_order(tx, app, office, &visit, order)?;
    let reasons: Vec<String> = order.items.iter().map(|it| format!("{}: {}", it.item, it.reason)).collect();
    let mut step = Step::new(Command::Return, Actor::Reviewer);
    step = step.because(order.reason.as_deref().or(Some(&reasons.join("; "))));
    step.facts.items_named = !order.items.is_empty();
    step.facts.has_deadline = true;
    visit.claimed_by = None;
    let standing = take(tx, office, &mut visit, &step)?;
    let view = ops.view();
    let value = ReturnValue {
        submit: view.current_submit().map(|it| it.id),
        items: order
            .items
            .iter()
            .map(|it| ReturnedItem { field: it.item.clone(), reason: it.reason.clone() })
            .collect(),
        reasons: order.reason.iter().cloned().collect(),
        due_ms: u64::try_from(order.deadline.as_millisecond()).ok(),
    };
    // The next round of the ops: they count from 1, whatever the row counts from.
    let round = view.rounds.current.saturating_add(1);
    let value = payload::to_value(&value).map_err(ApiError::internal)?;
    tell(tx, office, &visit, &mut ops, Told { kind: Kind::Return, round, value })?;
    Ok(standing)
}

fn check_order(
    tx: &mut Tx<'_>,
    app: &App,
    office: &Office,
    visit: &Audit,
    order: &ReturnOrder,
) -> Result<(), ApiError> {
    let checklist = content::checklist(tx, app, office.org(), visit.template_hash)?;
    let known = |field: &str| {
        FACTS.contains(&field)
            || field == OUTCOME_PHOTOS
            || AnswerField::parse(field).is_some_and(|it| checklist.checklist().item(it.item).is_some())
    };
    let mut problems: Vec<FieldProblem> = order
        .items
        .iter()
        .enumerate()
        .filter(|(_, it)| !known(&it.item))
        .map(|(index, it)| {
            FieldProblem::new(
                format!("/items/{index}/item"),
                "unknown_item",
                format!("El cuestionario no tiene la pregunta «{}».", it.item),
                format!("the checklist has no item \"{}\"", it.item),
            )
        })
        .collect();
    if order.deadline.as_microsecond() <= office.now().0 {
        problems.push(FieldProblem::new(
            "/deadline",
            "deadline_past",
            "El plazo ya pasó; fije uno futuro.",
            "the deadline is over; set a later one",
        ));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

/// Rejects a visit; a second reviewer has to send the same.
///
/// # Errors
/// As [`claim`].
pub(crate) fn reject(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: AuditId,
    because: &Because,
) -> Result<Standing, ApiError> {
    let mut visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    let step = Step::new(Command::Reject, Actor::Reviewer).because(because.reason.as_deref());
    let (standing, reason) = take_by_two(tx, office, &mut visit, step)?;
    if standing.waiting_for.is_none() {
        visit.decided_at = Some(office.now());
        visit.decided_by = office.user();
        audits::upsert(tx, office.org(), std::slice::from_ref(&visit))?;
        tell_value(tx, office, &visit, Kind::Reject, &ReasonValue { reason })?;
    }
    Ok(standing)
}

/// Takes a visit out of the scores or back into them, or voids it; a second manager has to send the same.
///
/// # Errors
/// As [`claim`].
pub(crate) fn manage(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: AuditId,
    command: Command,
    because: &Because,
) -> Result<Standing, ApiError> {
    let mut visit = lock_visit(tx, office, visit, Actor::Manager)?;
    let step = Step::new(command, Actor::Manager).because(because.reason.as_deref());
    let (standing, reason) = take_by_two(tx, office, &mut visit, step)?;
    if command == Command::Void && standing.waiting_for.is_none() {
        appeals::close_void(tx, office, visit.audit_id)?;
        tell_value(tx, office, &visit, Kind::Void, &VoidValue { reason })?;
    }
    Ok(standing)
}

struct Told {
    kind: Kind,
    round: u32,
    value: sync_core::Bytes,
}

fn tell_value(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &Audit,
    kind: Kind,
    value: &impl Serialize,
) -> Result<(), ApiError> {
    let mut ops = content::ops(tx, office.org(), visit.audit_id)?;
    let round = ops.view().rounds.current;
    let value = payload::to_value(value).map_err(ApiError::internal)?;
    tell(tx, office, visit, &mut ops, Told { kind, round, value })
}

/// Writes a command into the server's own log, from where it reaches the auditor's phone.
fn tell(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &Audit,
    ops: &mut AuditOps,
    told: Told,
) -> Result<(), ApiError> {
    let draft = Draft {
        audit: visit.audit_id,
        auditor: visit.auditor_id,
        ops,
        kind: told.kind,
        round: told.round,
        field: String::new(),
        base: Vec::new(),
        value: Some(told.value),
    };
    append_server_ops(tx, office.org(), office.environment(), vec![draft])?;
    content::store_ops(tx, office.org(), visit.audit_id, ops)
}
