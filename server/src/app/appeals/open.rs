//! The beginning of an appeal, and its end by whoever began it. Owns who may appeal what until when.

use super::{AppealDetail, hide_forbidden, lock, read, standing::decided_items};
use crate::{
    app::{
        App,
        period::Period,
        reading::check_text,
        review::{no_such_visit, own_visit, step::Step, step::take},
        scores::document,
        visits::{SHOWN, content},
    },
    error::ApiError,
    office::Office,
    zone::local_date,
};
use db::{
    DbError, Tx,
    appeals::{self, Appeal, AppealItem},
    audits::{self, Audit, VisitEvent},
    programmes, scores,
};
use domain::{
    Date, FieldProblem,
    access::{Permission, Target},
    appeal::{AppealState, DECISION_DAYS, DEFAULT_APPEAL_DAYS, is_appealable},
    ids::{AppealId, AuditId, OrgId, UserId},
    lifecycle::{Actor, Command, State},
    visit_score::Explanation,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use validator::Validate;

/// An item that a branch questions.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealedItem {
    /// Id of an item that counted in the score.
    #[validate(length(min = 1, max = 60))]
    pub(crate) item: String,
    /// What is wrong with it, in the branch's words.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// An appeal to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAppeal {
    /// The items, each with its reason.
    #[validate(length(max = 100), nested)]
    pub(crate) items: Vec<AppealedItem>,
}

/// The visit, held for this transaction, for a manager of its branch. One that is not shown to branches is not there.
fn lock_shown(tx: &mut Tx<'_>, office: &Office, visit: AuditId) -> Result<Audit, ApiError> {
    office.require(Permission::AppealVisits, &Target::Own)?;
    let found = audits::lock(tx, office.org(), visit)?;
    let found = found.filter(|it| SHOWN.contains(&it.state)).ok_or_else(no_such_visit)?;
    hide_forbidden(office.require_at(tx, Permission::AppealVisits, found.branch_id), no_such_visit)?;
    if office.user() == Some(found.auditor_id) {
        return Err(own_visit());
    }
    Ok(found)
}

/// Questions items of a published visit.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `appeal_open`, `wrong_state`, `no_score` (409), `appeal_window_closed`, `items_missing`,
/// `unknown_item`, `repeated_item`, `item_not_counted`, `item_decided` (422).
pub(crate) fn open(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    visit: AuditId,
    new: &NewAppeal,
) -> Result<AppealDetail, ApiError> {
    let appellant: UserId = office.person()?.user;
    let (org, now) = (office.org(), office.now());
    let mut visit = lock_shown(tx, office, visit)?;
    if appeals::find_open(tx, org, visit.audit_id)?.is_some() {
        return Err(already_open());
    }
    let last_day = last_day(tx, org, &visit)?;
    let today = day_of(now, &visit.zone);
    let is_inside = last_day.zip(today).is_some_and(|(last, today)| today <= last);
    if visit.state == State::Published && !is_inside {
        return Err(window_closed(last_day));
    }
    let mut step = Step::new(Command::Appeal, Actor::BranchManager);
    step.facts.inside_appeal_window = is_inside;
    step.facts.items_named = !new.items.is_empty();
    take(tx, office, &mut visit, &step)?;
    let current = scores::find_current(tx, org, visit.audit_id)?.ok_or_else(no_score)?;
    let score = document::thaw(&current.doc)?;
    check_items(tx, app, office, &visit, (&score.explain, &new.items))?;
    let appeal = Appeal {
        appeal_id: AppealId(office.new_id()),
        audit_id: visit.audit_id,
        branch_id: visit.branch_id,
        score_version: current.version,
        appellant,
        created_at: now,
        decide_by: today.map_or(Date::MAX, |it| Period::days_after(it, DECISION_DAYS)),
        state: AppealState::Open,
        decided_by: None,
        decided_at: None,
        reason: None,
        new_version: None,
    };
    let items: Vec<AppealItem> = new.items.iter().zip(0_u32..).map(|it| row(&appeal, it)).collect();
    appeals::append(tx, org, &appeal, &items).map_err(|error| match error {
        DbError::Duplicate { .. } => already_open(),
        other => other.into(),
    })?;
    let named: Vec<&str> = new.items.iter().map(|it| it.item.as_str()).collect();
    let detail = json!({"visit": visit.audit_id, "items": named, "score_version": current.version});
    office.record("appeal_opened", "appeal", appeal.appeal_id, &detail)?;
    read::detail(tx, app, office.person()?, appeal.appeal_id)
}

fn row(appeal: &Appeal, (it, place): (&AppealedItem, u32)) -> AppealItem {
    AppealItem {
        appeal_id: appeal.appeal_id,
        item: it.item.clone(),
        place,
        reason: it.reason.clone(),
        decision: None,
        decision_reason: None,
        answer: None,
        answer_redacted: false,
    }
}

fn already_open() -> ApiError {
    ApiError::conflict(
        "appeal_open",
        "La visita ya tiene una apelación abierta; agregue ahí lo que falte.",
        "the visit has an open appeal already; add there what is missing",
    )
}

fn no_score() -> ApiError {
    ApiError::conflict(
        "no_score",
        "La visita no tiene calificación: no hay nada que apelar.",
        "the visit has no score: there is nothing to appeal",
    )
}

fn window_closed(last_day: Option<Date>) -> ApiError {
    let day = last_day.map_or_else(|| "?".to_owned(), |it| it.to_string());
    ApiError::field(
        "",
        "appeal_window_closed",
        format!("El plazo para apelar terminó el {day}."),
        format!("the time to appeal ended on {day}"),
    )
}

/// The last day on which a visit may be appealed, by its branch's calendar: so many days after it was last published; none where that is
/// not known.
pub(super) fn last_day(tx: &mut Tx<'_>, org: OrgId, visit: &Audit) -> Result<Option<Date>, ApiError> {
    let events = audits::list_events(tx, org, visit.audit_id)?;
    let showed = |it: &&VisitEvent| {
        matches!(it.command, Command::Publish | Command::Include) && it.from_state != Some(it.to_state)
    };
    let Some(published) = events.iter().rev().find(showed) else { return Ok(None) };
    let days = appeal_days(tx, org, visit)?;
    Ok(day_of(published.server_at, &visit.zone).map(|it| Period::days_after(it, days)))
}

/// The day of an instant in the branch's zone.
pub(super) fn day_of(at: db::Micros, zone: &str) -> Option<Date> {
    local_date(at.0.div_euclid(1_000), zone)
}

/// How many days the visit's programme gives.
fn appeal_days(tx: &mut Tx<'_>, org: OrgId, visit: &Audit) -> Result<u32, ApiError> {
    let Some(assignment) = visit.assignment_id else { return Ok(DEFAULT_APPEAL_DAYS) };
    let wave = programmes::find_assignment(tx, org, assignment)?.and_then(|it| it.wave_id);
    let Some(wave) = wave else { return Ok(DEFAULT_APPEAL_DAYS) };
    let programme = programmes::find_programme_of_wave(tx, org, wave)?;
    Ok(programme.map_or(DEFAULT_APPEAL_DAYS, |it| it.appeal_days))
}

/// Every item that cannot be appealed, with why.
fn check_items(
    tx: &mut Tx<'_>,
    app: &App,
    office: &Office,
    visit: &Audit,
    (explain, items): (&[Explanation], &[AppealedItem]),
) -> Result<(), ApiError> {
    let checklist = content::checklist(tx, app, office.org(), visit.template_hash)?;
    let before = appeals::of_audits(tx, office.org(), &[visit.audit_id])?;
    let decided = decided_items(tx, office.org(), &before)?;
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for (index, it) in items.iter().enumerate() {
        let item = it.item.as_str();
        let found = if checklist.checklist().item(item).is_none() {
            Some((
                "unknown_item",
                format!("El cuestionario no tiene la pregunta «{item}»."),
                format!("the checklist has no item \"{item}\""),
            ))
        } else if !seen.insert(item) {
            Some((
                "repeated_item",
                format!("La pregunta «{item}» está más de una vez; deje una sola."),
                format!("the item \"{item}\" is named more than once; leave one"),
            ))
        } else if decided.contains(item) {
            Some((
                "item_decided",
                format!("Ya se decidió una apelación de la pregunta «{item}»."),
                format!("an appeal of the item \"{item}\" was decided already"),
            ))
        } else if !is_appealable(explain, item) {
            Some((
                "item_not_counted",
                format!(
                    "La pregunta «{item}» no contó en la calificación (sin peso, no aplica, sin respuesta o no preguntada): no quitó puntos."
                ),
                format!(
                    "the item \"{item}\" did not count in the score (no weight, not applicable, unanswered or not asked): it cost no points"
                ),
            ))
        } else {
            None
        };
        let place = || format!("/items/{index}/item");
        problems.extend(found.map(|(code, es, en)| FieldProblem::new(place(), code, es, en)));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

/// Takes an appeal back; its visit stands as it stood.
///
/// # Errors
/// `not_found` (404), `appeal_closed` (409), `not_the_appellant` (422).
pub(crate) fn withdraw(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    id: AppealId,
) -> Result<AppealDetail, ApiError> {
    let (found, mut visit) = lock(tx, office, id, Actor::BranchManager)?;
    let mut step = Step::new(Command::Withdraw, Actor::BranchManager);
    step.facts.is_appellant = office.user() == Some(found.appellant);
    take(tx, office, &mut visit, &step)?;
    let ended = Appeal {
        state: AppealState::Withdrawn,
        decided_by: office.user(),
        decided_at: Some(office.now()),
        ..found
    };
    appeals::close(tx, office.org(), &ended, &[])?;
    office.record("appeal_withdrawn", "appeal", id, &json!({"visit": visit.audit_id}))?;
    read::detail(tx, app, office.person()?, id)
}
