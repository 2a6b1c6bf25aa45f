//! Conflicts and late ops, settled by a person. A reviewer chooses among what the auditor's devices recorded and never writes an
//! answer; the choice is an op of the server's own log, with its reason beside it. Only a visit that is handed in and not decided
//! is the reviewer's to settle: before, its auditor does; after an approval nothing changes.

use super::step::lock_visit;
use crate::{
    app::{
        App,
        reading::check_text,
        visits::{content, facts},
    },
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
    answer::parse_field,
    ids::AuditId,
    lifecycle::{Actor, State},
    visit_facts::is_reserved,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::str::FromStr;
use sync_core::{
    AuditOps, AuditView, Bytes, DeviceId, Kind, OpId,
    fold::ConflictKind,
    op::MAX_BASE,
    payload::{self, CreateValue, ReasonValue},
};
use utoipa::ToSchema;
use validator::Validate;

/// Which of the recorded values stands.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// The field in conflict; empty for the checklist's version that the visit pins.
    #[validate(length(max = 200))]
    pub(crate) field: String,
    /// The op whose value stands, as `device:position`: one of the conflict.
    #[validate(length(min = 1, max = 80))]
    pub(crate) stands: String,
    /// Why, in the words of the person who chooses.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// Ops that a person took note of.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledgement {
    /// The ops of open conflicts, as `device:position`.
    #[validate(length(min = 1, max = 64))]
    pub(crate) ops: Vec<String>,
    /// Why they are left as they are.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// A visit after a conflict was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Settled {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    visit: AuditId,
    /// The op that settled it, as `device:position`.
    op: String,
    /// Conflicts that are still open.
    open_conflicts: u32,
}

/// The identity of an op, as `device:position`.
pub(crate) fn parse_op_id(text: &str) -> Option<OpId> {
    let (dev, dseq) = text.split_once(':')?;
    Some(OpId::new(DeviceId::from_str(dev).ok()?, dseq.parse().ok()?))
}

/// The visit, where its conflicts are a reviewer's to settle.
fn lock(tx: &mut Tx<'_>, office: &Office, visit: AuditId) -> Result<Audit, ApiError> {
    let visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    if matches!(visit.state, State::Submitted | State::InReview | State::OnHold) {
        return Ok(visit);
    }
    let state = visit.state.label();
    Err(ApiError::conflict(
        "wrong_state",
        format!("La visita está «{}»: sus conflictos no los resuelve quien revisa.", state.es),
        format!("the visit is \"{}\": its conflicts are not the reviewer's to settle", state.en),
    ))
}

/// Settles a field: one of the values that were recorded stands in place of the others and of late answers.
///
/// # Errors
/// As all commands of the review; `wrong_state` (409) before the visit is handed in and after it is decided, `no_conflict`
/// (409), `unknown_choice` (422) for an op that is not of the conflict, `invalid_answers` where the checklist does not take it.
pub(crate) fn resolve(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    visit: AuditId,
    choice: &Choice,
) -> Result<Settled, ApiError> {
    let mut visit = lock(tx, office, visit)?;
    let mut ops = content::ops(tx, office.org(), visit.audit_id)?;
    let view = ops.view();
    let (heads, late) = sides(&ops, &view, &choice.field);
    if heads.len() < 2 && late.is_empty() {
        return Err(ApiError::conflict(
            "no_conflict",
            "El campo no tiene ningún conflicto abierto.",
            "the field has no open conflict",
        ));
    }
    let mut base = heads;
    base.extend(late);
    base.truncate(MAX_BASE);
    let stands = parse_op_id(&choice.stands).filter(|it| base.contains(it));
    let Some(stands) = stands else { return Err(unknown_choice(&base)) };
    base.sort_unstable();
    let value = ops.get(&stands).and_then(|it| it.op.value.clone());
    let kind = if choice.field.is_empty() {
        take_pin(tx, app, office, &mut visit, &ops, &stands)?;
        Kind::Create
    } else {
        check_answer(tx, app, office, &visit, &choice.field, value.as_ref())?;
        Kind::Resolve
    };
    let settled = Told { kind, field: choice.field.clone(), base: base.clone(), value };
    let op = tell(tx, office, &visit, &mut ops, settled)?;
    let reason = Some(Bytes::from(choice.reason.as_str()));
    let note = Told { kind: Kind::Note, field: choice.field.clone(), base: Vec::new(), value: reason };
    tell(tx, office, &visit, &mut ops, note)?;
    let among: Vec<String> = base.iter().map(ToString::to_string).collect();
    let detail =
        json!({"field": choice.field, "stands": stands.to_string(), "among": among, "reason": choice.reason});
    store(tx, office, visit, &ops, op, ("conflict_resolved", detail))
}

/// What stands in a field, and what came too late for it and was not settled.
fn sides(ops: &AuditOps, view: &AuditView, field: &str) -> (Vec<OpId>, Vec<OpId>) {
    if field.is_empty() {
        let conflict = view.open_conflicts().find(|it| it.kind == ConflictKind::Field && it.field.is_empty());
        return (conflict.map(|it| it.ops.clone()).unwrap_or_default(), Vec::new());
    }
    let heads = view.fields.get(field).map(|it| it.heads.iter().map(|head| head.id).collect());
    let is_answer = |id: &OpId| ops.get(id).is_some_and(|it| it.op.kind.writes_field());
    let late = view.open_conflicts().filter(|it| it.kind == ConflictKind::Late && it.field == field);
    let late = late.flat_map(|it| it.ops.iter().copied()).filter(is_answer);
    (heads.unwrap_or_default(), late.collect())
}

fn unknown_choice(among: &[OpId]) -> ApiError {
    let among: Vec<String> = among.iter().map(ToString::to_string).collect();
    let among = among.join(", ");
    ApiError::field(
        "/stands",
        "unknown_choice",
        format!("Indique una de las respuestas en conflicto: {among}."),
        format!("name one of the answers in conflict: {among}"),
    )
}

fn check_answer(
    tx: &mut Tx<'_>,
    app: &App,
    office: &Office,
    visit: &Audit,
    field: &str,
    value: Option<&Bytes>,
) -> Result<(), ApiError> {
    // What was stated beside the answers stands as it was recorded, whatever version of the app wrote it.
    let Some(value) = value.filter(|_| !is_reserved(field)) else { return Ok(()) };
    let checklist = content::checklist(tx, app, office.org(), visit.template_hash)?;
    let json = String::from_utf8_lossy(value);
    parse_field(checklist.checklist(), field, &json)
        .map(drop)
        .map_err(|problem| ApiError::from(FieldProblem { field: "/stands".to_owned(), ..problem }))
}

/// Lets the visit pin what the op that stands pins.
fn take_pin(
    tx: &mut Tx<'_>,
    app: &App,
    office: &Office,
    visit: &mut Audit,
    ops: &AuditOps,
    stands: &OpId,
) -> Result<(), ApiError> {
    let pin: Option<CreateValue> = ops.get(stands).and_then(|it| payload::of_op(&it.op).ok());
    let Some(pin) = pin else { return Err(unknown_choice(&[])) };
    let checklist = content::checklist(tx, app, office.org(), pin.content_hash)?;
    visit.template_id.clone_from(&checklist.checklist().id);
    visit.template_version = checklist.checklist().version;
    visit.template_hash = pin.content_hash;
    Ok(())
}

/// Takes note of conflicts that change no answer: what came too late, a clock that ran ahead, a log that forked, a round handed
/// in twice. What stands stays as it is.
///
/// # Errors
/// As all commands of the review; `wrong_state` (409) as for [`resolve`], `no_conflict` (422) for an op of no open conflict,
/// `needs_resolution` (422) for one of a field with several values.
pub(crate) fn acknowledge(
    tx: &mut Tx<'_>,
    office: &mut Office,
    visit: AuditId,
    note: &Acknowledgement,
) -> Result<Settled, ApiError> {
    let visit = lock(tx, office, visit)?;
    let mut ops = content::ops(tx, office.org(), visit.audit_id)?;
    let base = acknowledged(&ops.view(), &note.ops)?;
    let value =
        payload::to_value(&ReasonValue { reason: note.reason.clone() }).map_err(ApiError::internal)?;
    let told = Told { kind: Kind::AckConflict, field: String::new(), base, value: Some(value) };
    let op = tell(tx, office, &visit, &mut ops, told)?;
    let detail = json!({"ops": note.ops, "reason": note.reason});
    store(tx, office, visit, &ops, op, ("conflict_acknowledged", detail))
}

fn acknowledged(view: &AuditView, named: &[String]) -> Result<Vec<OpId>, ApiError> {
    let (mut base, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in named.iter().enumerate() {
        let id = parse_op_id(text);
        let of = |it: &&sync_core::fold::Conflict| id.is_some_and(|id| it.ops.contains(&id));
        let kinds: Vec<ConflictKind> = view.open_conflicts().filter(of).map(|it| it.kind).collect();
        let (code, es, en) = match id.filter(|_| !kinds.is_empty()) {
            None => ("no_conflict", "no es de ningún conflicto abierto", "it is of no open conflict"),
            Some(_) if kinds.contains(&ConflictKind::Field) => (
                "needs_resolution",
                "elija cuál de las respuestas vale",
                "choose which of the answers stands",
            ),
            Some(id) => {
                base.push(id);
                continue;
            }
        };
        problems.push(FieldProblem::new(format!("/ops/{index}"), code, es, en));
    }
    base.sort_unstable();
    base.dedup();
    if problems.is_empty() { Ok(base) } else { Err(ApiError::invalid(problems)) }
}

struct Told {
    kind: Kind,
    field: String,
    base: Vec<OpId>,
    value: Option<Bytes>,
}

fn tell(
    tx: &mut Tx<'_>,
    office: &Office,
    visit: &Audit,
    ops: &mut AuditOps,
    told: Told,
) -> Result<OpId, ApiError> {
    let round = ops.view().rounds.current;
    let Told { kind, field, base, value } = told;
    let draft =
        Draft { audit: visit.audit_id, auditor: visit.auditor_id, ops, kind, round, field, base, value };
    let written = append_server_ops(tx, office.org(), office.environment(), vec![draft])?;
    written.first().copied().ok_or_else(|| ApiError::internal("a server op got no identity"))
}

fn store(
    tx: &mut Tx<'_>,
    office: &mut Office,
    mut visit: Audit,
    ops: &AuditOps,
    op: OpId,
    (action, detail): (&'static str, serde_json::Value),
) -> Result<Settled, ApiError> {
    let view = ops.view();
    let count = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    visit.open_conflicts = count(view.open_conflicts().count());
    visit.late_ops = count(view.late.len());
    visit.kind = facts::kind_of(&view, visit.kind);
    visit.updated_at = office.now();
    audits::update(tx, office.org(), visit.state, &visit)?;
    content::store_ops(tx, office.org(), visit.audit_id, ops)?;
    office.record(action, "visit", visit.audit_id, &detail)?;
    Ok(Settled { visit: visit.audit_id, op: op.to_string(), open_conflicts: visit.open_conflicts })
}
