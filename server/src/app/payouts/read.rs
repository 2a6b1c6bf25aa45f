//! What people read of payout runs: the run with what it counts, and each person's statement as data.

use super::{
    behind::Behind,
    exceptions::{PayException, exceptions, in_another_run, of_run},
    frozen::{Frozen, FrozenKpi, FrozenVisit, Unit, calculate},
    no_such_run, plan_of, plan_text,
};
use crate::{app::period::Period, error::ApiError, principal::Principal};
use db::{
    Page, Tx,
    payouts::{self, PayoutLine, PayoutRun, PayoutTotal, RunMode},
};
use domain::{
    Exact,
    access::{Permission, Target},
    ids::{OrgId, RunId, UserId},
    lifecycle::RunState,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt, str::FromStr};
use sync_core::Hash;
use utoipa::ToSchema;

/// Totals that are shown with a run.
const MAX_TOTALS: usize = 1_000;

/// Statements of one page: each carries every step of its calculation.
const STATEMENTS: u32 = 200;

/// Whether a run pays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It only shows what would be paid.
    #[default]
    Shadow,
    /// It pays.
    Live,
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Run {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RunId,
    /// The plan.
    pub plan: String,
    /// Its version.
    pub version: u32,
    /// Hash of its content.
    #[schema(value_type = String)]
    pub plan_hash: Hash,
    /// The period.
    pub period: Period,
    /// Whom.
    pub unit: Unit,
    /// ISO 4217 code.
    pub currency: String,
    /// Whether it pays.
    pub mode: Mode,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: RunState,
    /// Who created it.
    #[schema(value_type = uuid::Uuid)]
    pub created_by: UserId,
    /// Who calculated it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub calculated_by: Option<UserId>,
    /// Who approved it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub approved_by: Option<UserId>,
    /// Who locked it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub locked_by: Option<UserId>,
    /// When it was locked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub locked_at: Option<Timestamp>,
    /// SHA-256 of the frozen inputs.
    #[schema(value_type = String)]
    pub inputs_hash: Hash,
    /// SHA-256 of every line and total; the same inputs give the same one.
    #[schema(value_type = Option<String>)]
    pub result_hash: Option<Hash>,
    /// People paid; none before it is calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<usize>,
    /// What it pays in all, in the currency; none before it is calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payable: Option<String>,
    /// What an approver has to see of the run as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PayException>,
    /// How many people have an exception; none before it is calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_exceptions: Option<usize>,
    /// What each is paid: those with exceptions first, then by employee number; at most 1000, the rest by statements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<PersonTotal>,
    /// The visits that it counts, with the versions of their scores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visits: Vec<FrozenVisit>,
    /// The observations that it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kpis: Vec<FrozenKpi>,
}

/// What a person of a run is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonTotal {
    /// The person, by employee number.
    pub person: String,
    /// What is paid.
    pub payable: String,
    /// What an approver has to see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PayException>,
}

/// A line of a statement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineEntry {
    /// The person, by employee number.
    pub person: String,
    /// Its number.
    pub line: u32,
    /// The component, or `pool_share`, `recognition...`, `adjustment:...`.
    pub component: String,
    /// The amount.
    pub amount: String,
    /// The calculation, step by step, with the visits behind it.
    #[schema(value_type = Object)]
    pub explanation: Box<RawValue>,
    /// The visits behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visits: Vec<FrozenVisit>,
}

/// What one person is paid and why: their statement as data.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Statement {
    /// The run.
    #[schema(value_type = uuid::Uuid)]
    pub run: RunId,
    /// The person, by employee number.
    pub person: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The period.
    pub period: Period,
    /// What is paid.
    pub payable: String,
    /// Its lines.
    pub lines: Vec<LineEntry>,
    /// The whole calculation, as `veedor payout` prints it.
    #[schema(value_type = Object)]
    pub calculation: Box<RawValue>,
}

pub(super) fn shown(tx: &mut Tx<'_>, org: OrgId, run: PayoutRun) -> Result<Run, ApiError> {
    let frozen = Frozen::read(&run.inputs)?;
    let plan = plan_of(tx, org, &run)?;
    let decimals = plan.money.minor_units;
    let exceptions = of_run(&plan, &run, &frozen);
    let paid = if run.result_hash.is_some() { Some(totals(tx, org, run.run_id)?) } else { None };
    let shown = paid.as_ref().map(|it| person_totals(it, &frozen, decimals)).transpose()?;
    let payable = paid.as_ref().map(|it| it.iter().map(|it| it.payable_minor).sum());
    Ok(Run {
        id: run.run_id,
        plan: run.plan_id,
        version: run.plan_version,
        plan_hash: run.plan_hash,
        period: Period { from: run.period_from, to: run.period_to },
        unit: frozen.unit,
        currency: run.currency,
        mode: if run.mode == RunMode::Live { Mode::Live } else { Mode::Shadow },
        state: run.state,
        created_by: run.created_by,
        calculated_by: run.calculated_by,
        approved_by: run.approved_by,
        locked_by: run.locked_by,
        locked_at: run.locked_at.and_then(|it| Timestamp::from_microsecond(it.0).ok()),
        inputs_hash: run.inputs_hash,
        result_hash: run.result_hash,
        people: paid.map(|it| it.len()),
        payable: payable.map(|it| amount(it, decimals)),
        exceptions,
        with_exceptions: shown.as_ref().map(|it| it.1),
        totals: shown.map(|it| it.0).unwrap_or_default(),
        visits: frozen.visits,
        kpis: frozen.kpis,
    })
}

/// Totals with exceptions first, and how many have one.
fn person_totals(
    all: &[PayoutTotal],
    frozen: &Frozen,
    decimals: u32,
) -> Result<(Vec<PersonTotal>, usize), ApiError> {
    let elsewhere = elsewhere(frozen);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for it in all {
        let total = person_total(it, &elsewhere, decimals)?;
        let group = if total.exceptions.is_empty() { &mut without } else { &mut with };
        group.push(total);
    }
    let count = with.len();
    with.append(&mut without);
    with.truncate(MAX_TOTALS);
    Ok((with, count))
}

/// The other runs that pay each person for some of the same days.
pub(super) fn elsewhere(frozen: &Frozen) -> BTreeMap<&str, Vec<RunId>> {
    let mut found = BTreeMap::<&str, Vec<RunId>>::new();
    for it in &frozen.paid_elsewhere {
        found.entry(&it.person).or_default().push(it.run);
    }
    found
}

/// A person's total with what an approver has to see of it.
pub(super) fn person_total(
    it: &PayoutTotal,
    elsewhere: &BTreeMap<&str, Vec<RunId>>,
    decimals: u32,
) -> Result<PersonTotal, ApiError> {
    let mut found = exceptions(&it.doc)?;
    found.extend(elsewhere.get(it.person.as_str()).into_iter().flatten().copied().map(in_another_run));
    let payable = amount(it.payable_minor, decimals);
    Ok(PersonTotal { person: it.person.clone(), payable, exceptions: found })
}

pub(super) fn amount(minor: i64, decimals: u32) -> String {
    Exact::scaled(minor, decimals).to_fixed(decimals)
}

/// Every total of a run.
pub(super) fn totals(tx: &mut Tx<'_>, org: OrgId, id: RunId) -> Result<Vec<PayoutTotal>, ApiError> {
    let (mut found, mut after): (Vec<PayoutTotal>, Option<String>) = (Vec::new(), None);
    loop {
        let page = payouts::list_totals(tx, org, id, after.as_deref(), db::MAX_PAGE)?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// The run, for somebody who may read what people are paid.
pub(super) fn readable(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<PayoutRun, ApiError> {
    principal.require(Permission::ReadPay, &Target::Organization)?;
    payouts::find_run(tx, principal.org, id)?.ok_or_else(no_such_run)
}

/// One run.
///
/// # Errors
/// `forbidden`, `not_found`.
pub fn find(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<Run, ApiError> {
    let run = readable(tx, principal, id)?;
    shown(tx, principal.org, run)
}

/// A page of runs, by id; what each counts is told run by run.
///
/// # Errors
/// `forbidden`.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    after: Option<RunId>,
    limit: u32,
) -> Result<Page<Run, RunId>, ApiError> {
    principal.require(Permission::ReadPay, &Target::Organization)?;
    let page = payouts::list_runs(tx, principal.org, after, limit)?;
    let mut items = Vec::with_capacity(page.items.len());
    for run in page.items {
        let mut run = shown(tx, principal.org, run)?;
        (run.visits, run.kpis, run.totals) = (Vec::new(), Vec::new(), Vec::new());
        items.push(run);
    }
    Ok(Page { items, next: page.next })
}

/// The frozen inputs of a run, byte for byte: what its `inputs_hash` is of.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn inputs(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<Box<RawValue>, ApiError> {
    let run = readable(tx, principal, id)?;
    RawValue::from_string(run.inputs).map_err(ApiError::internal)
}

/// The statements of a run, person by person.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn statements(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: RunId,
    after: Option<String>,
    limit: u32,
) -> Result<Page<Statement, String>, ApiError> {
    let run = readable(tx, principal, id)?;
    let decimals = plan_of(tx, principal.org, &run)?.money.minor_units;
    let frozen = Frozen::read(&run.inputs)?;
    let behind = Behind::of(&frozen)?;
    let page = payouts::list_totals(tx, principal.org, id, after.as_deref(), limit.min(STATEMENTS))?;
    let mut items = Vec::with_capacity(page.items.len());
    for total in page.items {
        items.push(statement(tx, principal.org, &run, total, decimals, &behind)?);
    }
    Ok(Page { items, next: page.next })
}

/// The statement of one person.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn statement_of(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: RunId,
    person: &str,
) -> Result<Statement, ApiError> {
    let run = readable(tx, principal, id)?;
    let decimals = plan_of(tx, principal.org, &run)?.money.minor_units;
    let total = totals(tx, principal.org, id)?.into_iter().find(|it| it.person == person);
    let total =
        total.ok_or_else(|| ApiError::not_found("esa persona en el cálculo", "that person in the run"))?;
    let frozen = Frozen::read(&run.inputs)?;
    statement(tx, principal.org, &run, total, decimals, &Behind::of(&frozen)?)
}

fn statement(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    total: PayoutTotal,
    decimals: u32,
    behind: &Behind<'_>,
) -> Result<Statement, ApiError> {
    let lines = payouts::list_lines(tx, org, run.run_id, Some(&total.person), None, db::MAX_PAGE)?;
    Ok(Statement {
        run: run.run_id,
        currency: run.currency.clone(),
        period: Period { from: run.period_from, to: run.period_to },
        payable: amount(total.payable_minor, decimals),
        lines: lines.items.into_iter().map(|it| line(it, decimals, behind)).collect::<Result<_, _>>()?,
        person: total.person,
        calculation: RawValue::from_string(total.doc).map_err(ApiError::internal)?,
    })
}

fn line(line: PayoutLine, decimals: u32, behind: &Behind<'_>) -> Result<LineEntry, ApiError> {
    Ok(LineEntry {
        visits: behind.visits(&line.person, &line.component, &line.doc)?,
        person: line.person,
        line: line.line,
        component: line.component,
        amount: amount(line.amount_minor, decimals),
        explanation: RawValue::from_string(line.doc).map_err(ApiError::internal)?,
    })
}

/// Where a page of lines begins: `3/E01` is after line 3 of E01.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineCursor(String, u32);

impl fmt::Display for LineCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.1, self.0)
    }
}

impl FromStr for LineCursor {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (line, person) = text.split_once('/').ok_or("no line")?;
        Ok(Self(person.to_owned(), line.parse().map_err(|_| "no number")?))
    }
}

/// The lines of a run by person and number, or those of one person.
///
/// # Errors
/// `forbidden`, `not_found`.
pub(crate) fn lines(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: RunId,
    person: Option<&str>,
    after: Option<LineCursor>,
    limit: u32,
) -> Result<Page<LineEntry, LineCursor>, ApiError> {
    let run = readable(tx, principal, id)?;
    let decimals = plan_of(tx, principal.org, &run)?.money.minor_units;
    let frozen = Frozen::read(&run.inputs)?;
    let behind = Behind::of(&frozen)?;
    let after = after.map(|it| (it.0, it.1));
    let page = payouts::list_lines(tx, principal.org, id, person, after.as_ref(), limit)?;
    let items = page.items.into_iter().map(|it| line(it, decimals, &behind)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next.map(|(person, line)| LineCursor(person, line)) })
}

/// Everything from which a run can be calculated again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bundle {
    /// The run.
    #[schema(value_type = uuid::Uuid)]
    run: RunId,
    /// The plan, byte for byte.
    #[schema(value_type = Object)]
    plan: Box<RawValue>,
    /// The SHA-256 of those bytes.
    #[schema(value_type = String)]
    plan_hash: Hash,
    /// The frozen inputs, byte for byte; each calculation as `veedor payout` reads it.
    #[schema(value_type = Object)]
    inputs: Box<RawValue>,
    /// The SHA-256 of those bytes.
    #[schema(value_type = String)]
    inputs_hash: Hash,
    /// The SHA-256 of the result.
    #[schema(value_type = String)]
    result_hash: Hash,
}

/// The bundle of a calculated run.
///
/// # Errors
/// `forbidden`, `not_found`, `not_calculated` (409).
pub(crate) fn bundle(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<Bundle, ApiError> {
    let run = readable(tx, principal, id)?;
    let result_hash = run.result_hash.ok_or_else(not_calculated)?;
    let plan = plan_text(tx, principal.org, &run)?;
    Ok(Bundle {
        run: id,
        plan: RawValue::from_string(plan).map_err(ApiError::internal)?,
        plan_hash: run.plan_hash,
        inputs: RawValue::from_string(run.inputs).map_err(ApiError::internal)?,
        inputs_hash: run.inputs_hash,
        result_hash,
    })
}

pub(super) fn not_calculated() -> ApiError {
    ApiError::conflict("not_calculated", "Aún no se calcula.", "it is not calculated yet")
}

/// Calculates the frozen inputs of a run again and tells the hash of what comes out; changes nothing.
///
/// # Errors
/// `forbidden`, `not_found`, `not_calculated` (409).
pub fn recalculated_hash(tx: &mut Tx<'_>, principal: &Principal, id: RunId) -> Result<Hash, ApiError> {
    let run = readable(tx, principal, id)?;
    if run.result_hash.is_none() {
        return Err(not_calculated());
    }
    let plan = plan_of(tx, principal.org, &run)?;
    Ok(calculate(id, &plan, &Frozen::read(&run.inputs)?)?.hash)
}
