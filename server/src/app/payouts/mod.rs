//! Payout runs: created over a unit and a period, calculated from frozen inputs, approved and locked by somebody else.
//! Money is decided by `domain::incentive`; here is who may take which step and what is kept. `gather` reads, `freeze`
//! makes the inputs, `frozen` calculates, `read` tells, with `exceptions` first and what stands `behind` each line.

mod behind;
mod exceptions;
mod export;
mod freeze;
mod frozen;
mod gather;
mod others;
mod previous;
mod read;
mod retro;
mod sheet;
mod unit;

pub use exceptions::PayException;
pub(crate) use export::export;
pub use frozen::{FrozenKpi, FrozenStaff, FrozenVisit, Unit, UnitKind, recompute};
pub(crate) use read::{Bundle, LineCursor, bundle, inputs, lines, list, statement_of, statements};
pub use read::{LineEntry, Mode, PersonTotal, Run, Statement, find, recalculated_hash};
pub(crate) use sheet::{
    Deed, Linked, Links, Listed, Offer, Part, PersonRow, RunSheet, StatementSheet, newest, offers, pieces,
    run_sheet, statement_sheet,
};
pub(crate) use unit::of_codes;

use crate::{
    app::{assessments::ContentRef, period::Period, second_factor},
    error::ApiError,
    office::Office,
    principal::Principal,
};
use db::{
    DbError, Tx,
    content::{self, ContentKind},
    payouts::{self, PayoutRun, RunMode},
};
use domain::{
    access::{Permission, Target},
    ids::{OrgId, RunId, UserId},
    incentive::{self, Plan},
    lifecycle::{RunActor, RunCommand, RunFacts, RunState, VersionState, apply_run},
};
use frozen::{Frozen, calculate};
use serde::Deserialize;
use serde_json::json;
use sync_core::Hash;
use utoipa::ToSchema;
use validator::Validate;

/// A run to be created.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// By which plan.
    #[validate(nested)]
    pub plan: ContentRef,
    /// Of which period.
    pub period: Period,
    /// Whom.
    pub unit: Unit,
    /// Whether it pays; `shadow` where it is left out.
    #[serde(default)]
    pub mode: Mode,
}

/// Creates a run.
///
/// # Errors
/// `forbidden`, `unknown_plan`, `plan_not_released`, `unit_ids` (422) where ids do not fit the kind, `unknown_unit` and
/// `reason_missing` (422) of bands given by hand, `period_length` (422) where a live run is not over one whole period of
/// the plan.
pub fn create(tx: &mut Tx<'_>, office: &mut Office, new: &NewRun) -> Result<Run, ApiError> {
    office.require(Permission::CalculatePay, &Target::Organization)?;
    let period = new.period.checked("/period")?;
    let problems = unit::problems(office.org(), &new.unit);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let (plan, plan_hash) = plan_by_ref(tx, office.org(), &new.plan)?;
    if new.mode == Mode::Live {
        check_length(&plan, period)?;
    }
    let inputs = Frozen::draft(new.unit.clone()).to_text()?;
    let run = PayoutRun {
        run_id: RunId(office.new_id()),
        plan_id: plan.id.clone(),
        plan_version: plan.version,
        plan_hash,
        period_from: period.from,
        period_to: period.to,
        currency: plan.currency.clone(),
        mode: if new.mode == Mode::Live { RunMode::Live } else { RunMode::Shadow },
        state: RunState::Draft,
        created_by: user(office),
        created_at: office.now(),
        calculated_by: None,
        calculated_at: None,
        approved_by: None,
        approved_at: None,
        locked_by: None,
        locked_at: None,
        inputs_hash: Hash::of(inputs.as_bytes()),
        inputs,
        result_hash: None,
    };
    payouts::append_run(tx, office.org(), &run)?;
    let detail = json!({
        "plan": plan.id, "version": plan.version, "from": period.from, "to": period.to, "unit": new.unit,
    });
    office.record("payout_run_created", "payout_run", run.run_id, &detail)?;
    read::shown(tx, office.org(), run)
}

/// A live run pays the amounts of a whole period, so it must be one.
fn check_length(plan: &Plan, period: Period) -> Result<(), ApiError> {
    if plan.is_whole_period(incentive::Period { from: period.from, to: period.to }) {
        return Ok(());
    }
    let months = plan.period.months();
    Err(ApiError::field(
        "/period",
        "period_length",
        format!(
            "Los periodos del plan son de {months} meses completos; otros sólo se calculan en modo shadow."
        ),
        format!("the plan's periods are of {months} whole months; others are calculated in shadow mode only"),
    ))
}

/// Who acts; the organization itself stands for the operator at the command line.
fn user(office: &Office) -> UserId {
    office.user().unwrap_or(UserId(office.org().0))
}

fn plan_by_ref(tx: &mut Tx<'_>, org: OrgId, wanted: &ContentRef) -> Result<(Plan, Hash), ApiError> {
    let found = match wanted.version {
        Some(version) => content::find(tx, org, ContentKind::Plan, &wanted.id, version)?,
        None => content::find_released(tx, org, ContentKind::Plan, &wanted.id)?,
    };
    let found = found.ok_or_else(|| {
        ApiError::field(
            "/plan/id",
            "unknown_plan",
            format!("La organización no tiene el plan «{}» en esa versión.", wanted.id),
            format!("the organization has no plan \"{}\" of that version", wanted.id),
        )
    })?;
    if found.state != VersionState::Released {
        return Err(ApiError::field(
            "/plan/version",
            "plan_not_released",
            "Esa versión del plan es un borrador; libérela antes de pagar con ella.",
            "this version of the plan is a draft; release it before paying by it",
        ));
    }
    Ok((serde_json::from_str(&found.canonical_json).map_err(ApiError::internal)?, found.hash))
}

fn plan_of(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<Plan, ApiError> {
    serde_json::from_str(&plan_text(tx, org, run)?).map_err(ApiError::internal)
}

/// The plan of a run, byte for byte.
fn plan_text(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<String, ApiError> {
    let found = content::find_by_hash(tx, org, ContentKind::Plan, run.plan_hash)?
        .ok_or_else(|| ApiError::internal("the plan of a run is gone"))?;
    Ok(found.canonical_json)
}

fn lock(tx: &mut Tx<'_>, office: &Office, id: RunId) -> Result<PayoutRun, ApiError> {
    payouts::lock_run(tx, office.org(), id)?.ok_or_else(no_such_run)
}

fn no_such_run() -> ApiError {
    ApiError::not_found("el cálculo de incentivos", "the payout run")
}

/// Freezes the inputs of a run and calculates every line.
///
/// # Errors
/// `forbidden`, `wrong_state` (409), and everything that is missing, person by person.
pub fn calculate_run(tx: &mut Tx<'_>, office: &mut Office, id: RunId) -> Result<Run, ApiError> {
    office.require(Permission::CalculatePay, &Target::Organization)?;
    let mut run = lock(tx, office, id)?;
    let from = run.state;
    run.state = apply_run(from, RunCommand::Calculate, RunActor::HrAnalyst, &RunFacts::default())?;
    let plan = plan_of(tx, office.org(), &run)?;
    let unit = Frozen::read(&run.inputs)?.unit;
    let inputs = freeze::freeze(tx, office.org(), &run, &plan, unit)?.to_text()?;
    // Calculated from the very bytes that are kept, so that a repetition reads what this one read.
    let result = calculate(id, &plan, &Frozen::read(&inputs)?)?;
    run.inputs_hash = Hash::of(inputs.as_bytes());
    run.inputs = inputs;
    run.result_hash = Some(result.hash);
    run.calculated_by = Some(user(office));
    run.calculated_at = Some(office.now());
    payouts::replace_result(tx, office.org(), id, &result.lines, &result.totals)?;
    store(tx, office, from, &run)?;
    let detail = json!({
        "inputs_hash": run.inputs_hash,
        "result_hash": result.hash,
        "people": result.totals.len(),
        "payable_minor": result.totals.iter().map(|it| it.payable_minor).sum::<i64>(),
    });
    office.record("payout_run_calculated", "payout_run", id, &detail)?;
    read::shown(tx, office.org(), run)
}

fn store(tx: &mut Tx<'_>, office: &Office, from: RunState, run: &PayoutRun) -> Result<(), ApiError> {
    match payouts::update_run(tx, office.org(), from, run) {
        Err(DbError::Refused { constraint }) => Err(ApiError::conflict(
            "run_frozen",
            format!("La base de datos no permite cambiar lo aprobado ({constraint})."),
            format!("the database refuses to change what was approved ({constraint})"),
        )),
        other => Ok(other?),
    }
}

/// What a step of a run is taken with.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunStep {
    /// Why, in the words of the person who takes it.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub reason: Option<String>,
    /// The `result_hash` of the run as it was seen: another result refuses the step.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub result_hash: Option<Hash>,
}

/// A step of a run that has nothing to calculate.
///
/// # Errors
/// `forbidden`, `wrong_state`, `result_changed` (409), `own_calculation` or `reason_missing` (422), `paid_in_another_run` (409).
pub fn advance(
    tx: &mut Tx<'_>,
    office: &mut Office,
    id: RunId,
    command: RunCommand,
    step: &RunStep,
) -> Result<Run, ApiError> {
    let may = |permission| office.require(permission, &Target::Organization);
    let actor = actor(may, command)?;
    if command == RunCommand::Approve {
        second_factor::require_fresh(tx, office)?;
    }
    let mut run = lock(tx, office, id)?;
    if step.result_hash.is_some() && step.result_hash != run.result_hash {
        return Err(ApiError::conflict(
            "result_changed",
            "El cálculo cambió desde que lo vio: revise las cifras de ahora antes de seguir.",
            "the result changed since you saw it: look at the figures of now before you go on",
        ));
    }
    let from = run.state;
    let reason = step.reason.as_deref().map(str::trim).filter(|it| !it.is_empty());
    let facts =
        RunFacts { not_the_calculator: is_second_person(&run, user(office))?, has_reason: reason.is_some() };
    run.state = apply_run(from, command, actor, &facts)?;
    let (who, now) = (Some(user(office)), Some(office.now()));
    match command {
        RunCommand::Approve => {
            (run.approved_by, run.approved_at) = (who, now);
            others::refuse_paid_twice(tx, office.org(), &run)?;
            retro::refuse_adjusted_twice(tx, office.org(), &run)?;
        }
        RunCommand::Lock => {
            (run.locked_by, run.locked_at) = (who, now);
            others::refuse_paid_twice(tx, office.org(), &run)?;
            retro::refuse_adjusted_twice(tx, office.org(), &run)?;
            check_reproducible(tx, office.org(), &run)?;
        }
        RunCommand::BackToDraft => {
            reset(&mut run)?;
            payouts::replace_result(tx, office.org(), id, &[], &[])?;
        }
        RunCommand::Calculate | RunCommand::RequestApproval | RunCommand::Export | RunCommand::MarkPaid => {}
    }
    store(tx, office, from, &run)?;
    let detail = json!({"from": from, "to": run.state, "reason": reason, "result_hash": run.result_hash});
    office.record(action(command), "payout_run", id, &detail)?;
    read::shown(tx, office.org(), run)
}

/// Whether somebody had no part in the figures of a run: neither calculated it nor decided the bands in it.
fn is_second_person(run: &PayoutRun, who: UserId) -> Result<bool, ApiError> {
    let decided_bands = run.created_by == who && !Frozen::read(&run.inputs)?.unit.bands.is_empty();
    Ok(run.calculated_by.is_some_and(|it| it != who) && !decided_bands)
}

/// What somebody may do with a run as it stands, but for what no use case does yet.
fn possible(principal: &Principal, run: &PayoutRun) -> Result<Vec<RunCommand>, ApiError> {
    let facts = RunFacts { not_the_calculator: is_second_person(run, principal.user)?, has_reason: true };
    let may = |permission| principal.require(permission, &Target::Organization);
    let is_possible = |it: &RunCommand| {
        !matches!(it, RunCommand::Export | RunCommand::MarkPaid)
            && actor(may, *it).is_ok_and(|actor| apply_run(run.state, *it, actor, &facts).is_ok())
    };
    Ok(RunCommand::ALL.iter().copied().filter(is_possible).collect())
}

fn reset(run: &mut PayoutRun) -> Result<(), ApiError> {
    let inputs = Frozen::draft(Frozen::read(&run.inputs)?.unit).to_text()?;
    run.inputs_hash = Hash::of(inputs.as_bytes());
    run.inputs = inputs;
    (run.result_hash, run.calculated_by, run.calculated_at) = (None, None, None);
    Ok(())
}

/// Calculates the frozen inputs again before they are closed for good: what is locked is what anybody finds.
fn check_reproducible(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<(), ApiError> {
    let plan = plan_of(tx, org, run)?;
    let again = calculate(run.run_id, &plan, &Frozen::read(&run.inputs)?)?;
    if Some(again.hash) == run.result_hash && Hash::of(run.inputs.as_bytes()) == run.inputs_hash {
        return Ok(());
    }
    Err(ApiError::conflict(
        "result_differs",
        "Al repetir el cálculo con los mismos datos sale otro resultado; avise a quien administra.",
        "calculating the same inputs again gives another result; report it to your administrator",
    ))
}

/// In which capacity somebody takes a step, by what they may do.
fn actor(
    may: impl Fn(Permission) -> Result<(), ApiError>,
    command: RunCommand,
) -> Result<RunActor, ApiError> {
    let analyst = || may(Permission::CalculatePay).map(|()| RunActor::HrAnalyst);
    let approver = || may(Permission::ApprovePay).map(|()| RunActor::HrApprover);
    match command {
        RunCommand::Approve | RunCommand::Lock => approver(),
        RunCommand::Calculate | RunCommand::RequestApproval => analyst(),
        RunCommand::BackToDraft | RunCommand::Export | RunCommand::MarkPaid => {
            analyst().or_else(|_| approver())
        }
    }
}

fn action(command: RunCommand) -> &'static str {
    match command {
        RunCommand::Calculate => "payout_run_calculated",
        RunCommand::RequestApproval => "payout_run_submitted",
        RunCommand::BackToDraft => "payout_run_back_to_draft",
        RunCommand::Approve => "payout_run_approved",
        RunCommand::Lock => "payout_run_locked",
        RunCommand::Export => "payout_run_exported",
        RunCommand::MarkPaid => "payout_run_paid",
    }
}
