//! What a run is calculated from, frozen when it is calculated, and the calculation itself: a pure function of the plan
//! and of these bytes, so that anybody can repeat it (`veedor payout` reads each `inputs` as it stands here).

use super::{
    others::PaidElsewhere,
    retro::{Settled, Stands},
};
use crate::{app::period::Period, error::ApiError};
use db::payouts::{PayoutLine, PayoutTotal};
use domain::{
    Date, Exact, FieldProblem, Problem, Rounded,
    ids::{AuditId, BranchId, KpiId, RunId, StaffId},
    incentive::{Held, IndividualPayout, Inputs, Payout, Plan, PoolPayout, compute, read_inputs},
    problem::pointer,
    visit_score::Percent,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use std::collections::BTreeMap;
use sync_core::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whom a run pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// What the ids are of.
    pub kind: UnitKind,
    /// Branches or regions; empty for the organization. A pool plan makes one pool for each.
    #[serde(default)]
    pub ids: Vec<Uuid>,
    /// Band of each by id, for plans that look at it; where left out, the last assessment of the branch. Who gives bands
    /// neither approves nor locks the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub bands: BTreeMap<Uuid, String>,
    /// Why these bands hold, in 10 letters or more, where there are any; frozen with them and written to the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bands_reason: Option<String>,
}

/// What the ids of a unit are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// Single branches.
    Branch,
    /// Regions with all below them.
    Region,
    /// All of it.
    Organization,
}

/// A visit that counts in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrozenVisit {
    /// The visit.
    #[schema(value_type = Uuid)]
    pub visit: AuditId,
    /// The version of its score.
    pub version: u32,
    /// The branch.
    #[schema(value_type = Uuid)]
    pub branch: BranchId,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// Its final score.
    #[schema(value_type = String)]
    pub score: Percent,
    /// Critical items that failed, as its reviewer confirmed.
    pub critical_failed: u32,
    /// Whether the branch questions it: it never raises pay until that is decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disputed: bool,
}

/// An observation that counts in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrozenKpi {
    /// The observation.
    #[schema(value_type = Uuid)]
    pub kpi: KpiId,
    /// What it measures.
    pub metric: String,
    /// Its value.
    pub value: String,
}

/// Somebody whom a run looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrozenStaff {
    /// The member of staff.
    #[schema(value_type = Uuid)]
    pub staff: StaffId,
    /// Their employee number: the person in lines and statements.
    pub person: String,
    /// Their branch.
    #[schema(value_type = Uuid)]
    pub branch: BranchId,
    /// Days of the period on which they were employed and not absent; 0 for somebody who is here only for adjustments of
    /// earlier periods, at a branch where they are or were.
    pub days: u32,
}

/// One calculation of a run: of one person, or of one pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calculation {
    /// The person, or the unit of the pool.
    pub(crate) of: String,
    /// What `veedor payout --inputs` reads.
    pub(crate) inputs: Box<RawValue>,
}

impl Calculation {
    pub(crate) fn new(of: String, inputs: &Inputs) -> Result<Self, ApiError> {
        let inputs = serde_json::value::to_raw_value(inputs).map_err(ApiError::internal)?;
        Ok(Self { of, inputs })
    }
}

/// Everything that a run is calculated from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(crate) unit: Unit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) period: Option<Period>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) visits: Vec<FrozenVisit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kpis: Vec<FrozenKpi>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) staff: Vec<FrozenStaff>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) calculations: Vec<Calculation>,
    /// Told to the approver; nothing is calculated from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) paid_elsewhere: Vec<PaidElsewhere>,
    /// What is adjusted of earlier runs, since appeals were decided; the amounts are among the adjustments of the calculations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settled: Vec<Settled>,
    /// What of earlier runs cannot be calculated again since appeals were decided; told to the approver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stands: Vec<Stands>,
}

impl Frozen {
    /// The inputs of a run that is not calculated yet.
    pub(crate) fn draft(unit: Unit) -> Self {
        Self {
            unit,
            period: None,
            visits: Vec::new(),
            kpis: Vec::new(),
            staff: Vec::new(),
            calculations: Vec::new(),
            paid_elsewhere: Vec::new(),
            settled: Vec::new(),
            stands: Vec::new(),
        }
    }

    /// Their bytes as stored.
    pub(crate) fn to_text(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(ApiError::internal)
    }

    /// Reads stored bytes.
    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map_err(ApiError::internal)
    }
}

/// What a run pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunResult {
    pub(crate) lines: Vec<PayoutLine>,
    pub(crate) totals: Vec<PayoutTotal>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hash: Hash,
}

/// Calculates a run again from the bytes of its plan and of its frozen inputs: the bytes of its result, whose SHA-256 is
/// the run's `result_hash`. Pure: no database, no clock.
///
/// # Errors
/// `not_a_document` (422) for text that is no plan or no frozen inputs, and those of the calculation.
pub fn recompute(plan: &str, inputs: &str) -> Result<Vec<u8>, ApiError> {
    let unreadable = |field: &str, error: serde_json::Error| {
        let (es, en) = (format!("No se puede leer: {error}."), format!("cannot be read: {error}"));
        ApiError::field(field, "not_a_document", es, en)
    };
    let plan: Plan = serde_json::from_str(plan).map_err(|error| unreadable("/plan", error))?;
    let frozen: Frozen = serde_json::from_str(inputs).map_err(|error| unreadable("/inputs", error))?;
    Ok(calculate(RunId(Uuid::nil()), &plan, &frozen)?.bytes)
}

/// Calculates a run from its frozen inputs.
///
/// # Errors
/// `invalid_inputs` of the plan, each field under the calculation that it belongs to; `person_paid_twice` where two
/// pools hold the same person.
pub(crate) fn calculate(run: RunId, plan: &Plan, frozen: &Frozen) -> Result<RunResult, ApiError> {
    let (mut lines, mut totals, mut problems) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (index, calculation) in frozen.calculations.iter().enumerate() {
        let at = pointer("/calculations", index);
        match read_inputs(plan, calculation.inputs.get()).and_then(|it| compute(plan, &it)) {
            Err(problem) => problems.extend(placed(&at, &calculation.of, problem)),
            Ok(payout) => {
                let part = Part { run, plan, of: &calculation.of };
                for total in part.add(&payout, &mut lines)? {
                    if let Some(twice) = totals.insert(total.person.clone(), total) {
                        return Err(paid_twice(&twice.person));
                    }
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problem::invalid("invalid_inputs", "the run cannot be calculated yet", problems).into());
    }
    let totals: Vec<PayoutTotal> = totals.into_values().collect();
    lines.sort_by(|one: &PayoutLine, next| (&one.person, one.line).cmp(&(&next.person, next.line)));
    let bytes = result_bytes(&lines, &totals)?;
    Ok(RunResult { hash: Hash::of(&bytes), lines, totals, bytes })
}

fn paid_twice(person: &str) -> ApiError {
    ApiError::field(
        "/unit/ids",
        "person_paid_twice",
        format!("«{person}» está en dos bolsas; las unidades se traslapan."),
        format!("\"{person}\" is in two pools; the units overlap"),
    )
}

fn placed(at: &str, of: &str, problem: Problem) -> Vec<FieldProblem> {
    let place = |it: FieldProblem| FieldProblem {
        field: format!("{at}/inputs{}", it.field),
        code: it.code,
        message_es: format!("{of}: {}", it.message_es),
        message_en: format!("{of}: {}", it.message_en),
    };
    problem.errors.into_iter().map(place).collect()
}

/// Everything that is paid with every step: the same inputs give the same bytes.
fn result_bytes(lines: &[PayoutLine], totals: &[PayoutTotal]) -> Result<Vec<u8>, ApiError> {
    let lines: Vec<_> =
        lines.iter().map(|it| (&it.person, it.line, &it.component, it.amount_minor, &it.doc)).collect();
    let totals: Vec<_> = totals.iter().map(|it| (&it.person, it.payable_minor, &it.doc)).collect();
    serde_json::to_vec(&(lines, totals)).map_err(ApiError::internal)
}

struct Part<'a> {
    run: RunId,
    plan: &'a Plan,
    of: &'a str,
}

impl Part<'_> {
    /// Adds the lines of a payout; tells what each person gets.
    fn add(&self, payout: &Payout, lines: &mut Vec<PayoutLine>) -> Result<Vec<PayoutTotal>, ApiError> {
        match payout {
            Payout::Individual(it) => Ok(vec![self.individual(it, lines)?]),
            Payout::Pool(it) => self.pool(it, lines),
        }
    }

    fn individual(
        &self,
        payout: &IndividualPayout,
        lines: &mut Vec<PayoutLine>,
    ) -> Result<PayoutTotal, ApiError> {
        let mut statement = Statement { part: self, person: &payout.person, next: 1, lines };
        for line in &payout.lines {
            statement.push(&line.component, &line.amount, line)?;
        }
        for recognition in &payout.recognitions {
            if let Some(amount) = &recognition.amount {
                statement.push(&format!("recognition:{}", recognition.id), amount, recognition)?;
            }
        }
        for adjustment in &payout.adjustments {
            statement.push(&format!("adjustment:{}", adjustment.kind), &adjustment.amount, adjustment)?;
        }
        statement.push_held(&payout.held)?;
        let doc = serde_json::to_string(payout).map_err(ApiError::internal)?;
        let payable_minor = self.minor(&payout.payable)?;
        Ok(PayoutTotal { run_id: self.run, person: payout.person.clone(), payable_minor, doc })
    }

    fn pool(&self, payout: &PoolPayout, lines: &mut Vec<PayoutLine>) -> Result<Vec<PayoutTotal>, ApiError> {
        let mut totals = Vec::with_capacity(payout.people.len());
        // The pool once, without its people: what each of their statements has in common.
        let mut common = serde_json::to_value(payout).map_err(ApiError::internal)?;
        if let Some(fields) = common.as_object_mut() {
            fields.remove("people");
        }
        for share in &payout.people {
            let mut statement = Statement { part: self, person: &share.id, next: 1, lines };
            if !share.only_adjustments {
                statement.push("pool_share", &share.share, share)?;
            }
            if !share.recognition.value().is_zero() {
                statement.push("recognition", &share.recognition, &payout.recognitions)?;
            }
            for adjustment in &share.adjustments {
                statement.push(&format!("adjustment:{}", adjustment.kind), &adjustment.amount, adjustment)?;
            }
            statement.push_held(&payout.held)?;
            let doc = json!({"pool_of": self.of, "pool": common, "share": share}).to_string();
            let payable_minor = self.minor(&share.payable)?;
            totals.push(PayoutTotal { run_id: self.run, person: share.id.clone(), payable_minor, doc });
        }
        Ok(totals)
    }

    fn minor(&self, amount: &Rounded) -> Result<i64, ApiError> {
        let minor = amount.value().to_scaled(self.plan.money.minor_units);
        minor.ok_or_else(|| ApiError::internal("an amount that does not fit"))
    }
}

/// The lines of one person, numbered.
struct Statement<'a> {
    part: &'a Part<'a>,
    person: &'a str,
    next: u32,
    lines: &'a mut Vec<PayoutLine>,
}

impl Statement<'_> {
    /// What is held of this person: a line that pays nothing now and says what, why and until when.
    fn push_held(&mut self, held: &[Held]) -> Result<(), ApiError> {
        let nothing = Rounded::new(&Exact::zero(), self.part.plan.money.minor_units);
        let person = self.person;
        held.iter().filter(|it| it.person == person).try_for_each(|it| self.push("held", &nothing, it))
    }

    fn push(&mut self, component: &str, amount: &Rounded, doc: &impl Serialize) -> Result<(), ApiError> {
        self.lines.push(PayoutLine {
            run_id: self.part.run,
            person: self.person.to_owned(),
            line: self.next,
            component: component.to_owned(),
            amount_minor: self.part.minor(amount)?,
            doc: serde_json::to_string(doc).map_err(ApiError::internal)?,
        });
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}
