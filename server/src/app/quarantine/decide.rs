//! What a person decides of ops that were set aside: seen whole first, then taken into their visit or left out, with a reason
//! that stays beside them and in the audit log.

use super::{SetAside, require_reader, users_of};
use crate::{
    app::{App, devices, reading::check_text, review::step::own_visit},
    error::ApiError,
    exchange::{self, SetAsideOp},
    office::Office,
    principal::Principal,
    zone::instant,
};
use db::{
    Micros, Tx, audits,
    quarantine::{self, Decision, QuarantinedOp},
};
use domain::{
    access::{Permission, Target},
    ids::{AuditId, BranchId, OrgId},
    lifecycle::State,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use std::collections::BTreeSet;
use sync_core::{
    Kind, hlc,
    payload::{self, CreateValue},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// Most ops of one visit that are shown and decided at once.
const MAX_OPS: usize = 20_000;

/// Why ops are taken in or left out.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// In the words of the person who decides.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
    /// Only what this device wrote; of every device where it is left out.
    #[validate(length(max = 64))]
    #[serde(default)]
    pub(crate) dev: Option<String>,
    /// To adopt what a person dismissed before, and only that; what waits where it is left out.
    #[serde(default)]
    pub(crate) dismissed: bool,
}

impl Verdict {
    /// What was decided before of the ops that it is on.
    fn before(&self) -> Option<Decision> {
        self.dismissed.then_some(Decision::Dismissed)
    }
}

/// What was set aside on one visit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SetAsideVisit {
    /// The visit that the ops name.
    audit: Uuid,
    /// Where the visit stands; absent where there is none yet.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// What the ops say it is of, where one of them begins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Pin>,
    /// The ops, by device and position.
    ops: Vec<SeenOp>,
}

/// What a visit is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Pin {
    /// The checklist.
    template: String,
    /// Its version.
    version: u32,
    /// The branch.
    branch: Uuid,
    /// The assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    assignment: Option<Uuid>,
}

/// An op that was set aside, with what it says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SeenOp {
    /// The op, why it was set aside and what was decided of it.
    #[serde(flatten)]
    aside: SetAside,
    /// `set`, `clear`, `submit`...
    kind: String,
    /// The field, or empty.
    field: String,
    /// What it says, where that is JSON.
    #[schema(value_type = Option<Object>)]
    value: Option<Box<RawValue>>,
    /// When it was written, by the clock of the device, RFC 3339.
    written_at: String,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Decided {
    /// The visit.
    #[schema(value_type = Uuid)]
    audit: AuditId,
    /// `adopted` or `dismissed`.
    decision: &'static str,
    /// Ops.
    ops: usize,
    /// Where the visit stands now; absent where there is none.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// Conflicts that are open in it.
    open_conflicts: u32,
}

/// Everything that was set aside on a visit, with what it says.
///
/// # Errors
/// `not_found` (404) where nothing was, `forbidden` (403) as for the list.
pub(crate) fn show(
    tx: &mut Tx<'_>,
    principal: &Principal,
    audit: AuditId,
) -> Result<SetAsideVisit, ApiError> {
    require_reader(principal)?;
    let org = principal.org;
    let rows = set_aside(tx, org, audit, |_| true)?;
    if rows.is_empty() {
        return Err(nothing_there());
    }
    let ops = exchange::read_ops(tx, org, &rows)?;
    let users = users_of(tx, org, &rows)?;
    let pin = pin_of(&ops).map(|it| Pin {
        template: it.template,
        version: it.version,
        branch: it.branch,
        assignment: it.assignment,
    });
    let seen = rows.into_iter().zip(&ops).map(|(row, op)| SeenOp {
        aside: SetAside::of(row, &users),
        kind: op.op.kind.to_string(),
        field: op.op.field.clone(),
        value: op.op.value.as_deref().and_then(|it| serde_json::from_slice(it).ok()),
        written_at: instant(Micros(micros(op.op.hlc))),
    });
    let ops = seen.collect();
    let state = audits::find(tx, org, audit)?.map(|it| it.state);
    Ok(SetAsideVisit { audit: audit.0, state, pin, ops })
}

/// What was set aside on a visit and is `wanted`, by device and position, as much as is decided at once.
fn set_aside(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    wanted: impl Fn(&QuarantinedOp) -> bool,
) -> Result<Vec<QuarantinedOp>, ApiError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = quarantine::list_of_audit(tx, org, audit, after, db::MAX_PAGE)?;
        rows.extend(page.items.into_iter().filter(&wanted));
        after = page.next;
        if after.is_none() || rows.len() >= MAX_OPS {
            rows.truncate(MAX_OPS);
            return Ok(rows);
        }
    }
}

fn micros(clock: u64) -> i64 {
    i64::try_from(hlc::ms_of(clock)).unwrap_or(i64::MAX).saturating_mul(1_000)
}

fn nothing_there() -> ApiError {
    ApiError::not_found("nada apartado de esa visita", "anything set aside on this visit")
}

fn pin_of(ops: &[SetAsideOp]) -> Option<CreateValue> {
    ops.iter().filter(|it| it.op.kind == Kind::Create).find_map(|it| payload::of_op(&it.op).ok())
}

/// What waits on a visit, or what was dismissed where the verdict says so, for somebody who reviews visits where it took place and
/// wrote none of it.
fn waiting(
    tx: &mut Tx<'_>,
    office: &Office,
    audit: AuditId,
    verdict: &Verdict,
) -> Result<(Vec<QuarantinedOp>, Vec<SetAsideOp>), ApiError> {
    office.require(Permission::ReviewVisits, &Target::Own)?;
    let org = office.org();
    let dev = verdict.dev.as_deref().map(devices::of_text).transpose()?;
    let of_dev = |it: &QuarantinedOp| dev.is_none_or(|dev| it.dev == dev);
    let before = verdict.before();
    let rows = set_aside(tx, org, audit, |it| it.decision == before && of_dev(it))?;
    let ops = exchange::read_ops(tx, org, &rows)?;
    match branch_of(tx, org, audit, &ops)? {
        Some(branch) => office.require_at(tx, Permission::ReviewVisits, branch)?,
        None => office.require(Permission::ReviewVisits, &Target::Organization)?,
    }
    if rows.is_empty() {
        return Err(nothing_there());
    }
    if office.user().is_some_and(|it| ops.iter().any(|op| op.user == it)) {
        return Err(own_visit());
    }
    Ok((rows, ops))
}

/// Where the visit took place, as far as the organization knows the branch.
fn branch_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    ops: &[SetAsideOp],
) -> Result<Option<BranchId>, ApiError> {
    if let Some(visit) = audits::find(tx, org, audit)? {
        return Ok(Some(visit.branch_id));
    }
    let Some(named) = pin_of(ops).map(|it| BranchId(it.branch)) else { return Ok(None) };
    Ok(db::reference::find_branch(tx, org, named)?.map(|it| it.branch_id))
}

/// Takes what waits on a visit into it, as if it had come in good order; the visit begins where there was none. What was dismissed is
/// taken in only where the verdict names it: the auditor's phone still has it, and what is handed in there may rest on it.
///
/// # Errors
/// `not_found` (404) where nothing waits, `own_visit`, `forbidden` (403), `cannot_be_adopted` (409) with the reason where
/// the ops cannot be read as a visit.
pub(crate) fn adopt(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    audit: AuditId,
    verdict: &Verdict,
) -> Result<Decided, ApiError> {
    let (rows, ops) = waiting(tx, office, audit, verdict)?;
    let row = match exchange::adopt(tx, app, office.org(), audit, &ops, office.now())? {
        Ok(row) => row,
        Err(exchange::APPROVED_VISIT) => {
            return Err(ApiError::conflict(
                "cannot_be_adopted",
                "La visita ya está aprobada y lo apartado cambiaría lo que se aprobó; sigue apartado, o descártelo.",
                "the visit is approved and what was set aside would change what was approved; it stays set aside, or dismiss it",
            ));
        }
        Err(reason) => {
            return Err(ApiError::conflict(
                "cannot_be_adopted",
                format!("Lo apartado no se puede leer como una visita: {reason}."),
                format!("what was set aside cannot be read as a visit: {reason}"),
            ));
        }
    };
    decide(tx, office, audit, &rows, Decision::Adopted, verdict)?;
    let (state, open_conflicts) = (Some(row.state), row.open_conflicts);
    Ok(Decided { audit, decision: Decision::Adopted.as_str(), ops: rows.len(), state, open_conflicts })
}

/// Leaves what waits on a visit out of it. It stays stored, with the reason.
///
/// # Errors
/// As [`adopt`]; `dismissed_already` (422) for a verdict on what was dismissed.
pub(crate) fn dismiss(
    tx: &mut Tx<'_>,
    office: &mut Office,
    audit: AuditId,
    verdict: &Verdict,
) -> Result<Decided, ApiError> {
    if verdict.dismissed {
        return Err(ApiError::field(
            "/dismissed",
            "dismissed_already",
            "Lo descartado no se descarta otra vez; quite «dismissed».",
            "what was dismissed is not dismissed again; leave 'dismissed' out",
        ));
    }
    let (rows, _) = waiting(tx, office, audit, verdict)?;
    decide(tx, office, audit, &rows, Decision::Dismissed, verdict)?;
    let visit = audits::find(tx, office.org(), audit)?;
    Ok(Decided {
        audit,
        decision: Decision::Dismissed.as_str(),
        ops: rows.len(),
        state: visit.as_ref().map(|it| it.state),
        open_conflicts: visit.map_or(0, |it| it.open_conflicts),
    })
}

fn decide(
    tx: &mut Tx<'_>,
    office: &mut Office,
    audit: AuditId,
    rows: &[QuarantinedOp],
    decision: Decision,
    verdict: &Verdict,
) -> Result<(), ApiError> {
    let decided: Vec<_> = rows.iter().map(|it| (it.dev, it.dseq)).collect();
    let (at, by, why) = (office.now(), office.user(), verdict.reason.clone());
    let word = quarantine::Verdict { before: verdict.before(), decision, at, by, why };
    quarantine::decide(tx, office.org(), &decided, &word)?;
    let reasons: BTreeSet<&str> = rows.iter().map(|it| it.reason.as_str()).collect();
    let devices: BTreeSet<String> = rows.iter().map(|it| it.dev.to_string()).collect();
    let detail =
        json!({"ops": rows.len(), "devices": devices, "set_aside_for": reasons, "reason": verdict.reason});
    let action = match decision {
        Decision::Adopted => "set_aside_adopted",
        Decision::Dismissed => "set_aside_dismissed",
    };
    office.record(action, "visit", audit, &detail)
}
