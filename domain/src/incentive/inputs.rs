//! What a payout is calculated from: results with their samples, visits and people of one period. Owns reading it
//! from JSON and judging it against the plan, every problem in one pass.

mod judge;
mod possible;
mod shape;

use super::Plan;
use crate::{
    Date, Exact, Problem,
    input::{At, Json, Problems},
};
use alloc::{string::String, vec::Vec};
use ordered::BTreeMap;
use serde::Serialize;

/// What a payout is calculated from. In JSON the fields stand as here, absent where empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inputs {
    /// The period; both ends count.
    pub period: Period,
    /// The person; plans of single people only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// Results by component; plans of single people only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, ResultInput>,
    /// What components paid in the previous period; for protected ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub previous: BTreeMap<String, Previous>,
    /// Band of the branch against its standard; pools only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<String>,
    /// Visits with who was on shift: a pool's index, and recognitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visits: Vec<ShiftVisit>,
    /// The team; pools only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Payee>,
    /// Adjustments of earlier periods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
}

impl Inputs {
    /// Whether there is nobody of the period, only adjustments of earlier ones for people who are not there any more.
    pub(super) fn only_adjust(&self) -> bool {
        let alone = self.person.as_ref().is_some_and(|it| it.only_adjustments);
        alone || (!self.people.is_empty() && self.people.iter().all(|it| it.only_adjustments))
    }
}

/// A period of days; both ends count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Period {
    /// Its days.
    pub fn days(&self) -> u32 {
        self.from.days_through(self.to)
    }
}

/// Whom a plan of single people pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Employee id.
    pub id: String,
    /// First day on which the person counts; the period's first by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eligible_from: Option<Date>,
    /// Last day on which the person counts; the period's last by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eligible_to: Option<Date>,
    /// The person's own target incentive; the plan's by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Exact>,
    /// Whether they have no day in the period, and are here only for adjustments of earlier ones.
    #[serde(skip_serializing_if = "super::is_false")]
    pub only_adjustments: bool,
}

/// The result of a component: a value, or visits, or a numerator over a denominator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResultInput {
    /// The result itself, with `n` where the plan asks for a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Exact>,
    /// Scores of approved visits; the result is their mean, rounded to 2 decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visits: Option<Vec<VisitScore>>,
    /// Cases that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numerator: Option<u32>,
    /// All cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denominator: Option<u32>,
    /// Size of the sample behind `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Confirmed critical failures; 0 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_critical: Option<u32>,
    /// The result over the rolling window, for the sample rule `carry_forward`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling: Option<alloc::boxed::Box<ResultInput>>,
}

/// The score of a visit; in JSON also a bare decimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VisitScore {
    /// The visit, where it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its final score, 0 to 100.
    pub score: Exact,
    /// Whether one of the confirmed critical failures of its result is this visit's.
    #[serde(skip_serializing_if = "super::is_false")]
    pub critical: bool,
    /// Whether it is disputed.
    #[serde(skip_serializing_if = "super::is_false")]
    pub disputed: bool,
    /// Day by which the dispute is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_due: Option<Date>,
}

/// What a component paid in the previous period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Previous {
    /// Percentage paid.
    pub payout_pct: Exact,
    /// Whether its band was protected then.
    pub protected: bool,
    /// Protected periods in a row up to then; 1 or 0 by `protected` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive: Option<u32>,
}

/// A visit with the people on shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShiftVisit {
    /// The visit.
    pub id: String,
    /// Its final score, 0 to 100.
    pub score: Exact,
    /// Employee ids; asked for where the plan has recognitions.
    pub on_shift: Vec<String>,
    /// Whether it is disputed.
    #[serde(skip_serializing_if = "super::is_false")]
    pub disputed: bool,
    /// Day by which the dispute is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_due: Option<Date>,
}

/// A member of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payee {
    /// Employee id.
    pub id: String,
    /// Role, for the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Factor of the role; asked for where the split uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_factor: Option<Exact>,
    /// Days that count; asked for where the split uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Whether they are not of the team in this period, and are here only for adjustments of earlier ones: no head of the
    /// pool and no share in it.
    #[serde(skip_serializing_if = "super::is_false")]
    pub only_adjustments: bool,
}

/// An adjustment of an earlier period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a person has a handful of them at most")]
pub enum Adjustment {
    /// A corrected result of a component, from its value alone: target x weight x payout, less what was paid.
    Retro {
        /// Whom; pools only.
        #[serde(skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        /// The period that it mends.
        period: String,
        /// The component, for the simplified form.
        #[serde(skip_serializing_if = "Option::is_none")]
        component: Option<String>,
        /// The value that was paid on.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_value: Option<Exact>,
        /// The value that it should have been.
        #[serde(skip_serializing_if = "Option::is_none")]
        corrected_value: Option<Exact>,
        /// What the line paid.
        #[serde(skip_serializing_if = "Option::is_none")]
        previously_paid: Option<Exact>,
        /// The difference found by calculating the locked period again; instead of the values.
        #[serde(skip_serializing_if = "Option::is_none")]
        amount: Option<Exact>,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something paid in error, to be taken back from variable pay.
    Recovery {
        /// Whom; pools only.
        #[serde(skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        /// The period that it mends.
        period: String,
        /// Why.
        reason: String,
        /// How much, above 0.
        amount: Exact,
    },
}

impl Adjustment {
    /// Whom it is about, where that is said.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Retro { person, .. } | Self::Recovery { person, .. } => person.as_deref(),
        }
    }
}

/// Reads the inputs of a payout.
///
/// # Errors
/// `malformed_json`, or `invalid_inputs` with every offending field at its JSON Pointer.
pub fn read_inputs(plan: &Plan, text: &str) -> Result<Inputs, Problem> {
    let json = Json::parse(text)?;
    let mut problems = Problems::new();
    let inputs = shape::inputs(plan, &At::root(&json), &mut problems);
    if let Some(inputs) = &inputs {
        judge::judge(plan, inputs, &mut problems);
    }
    match inputs {
        Some(inputs) if problems.is_empty() => Ok(inputs),
        _ => Err(refused(problems)),
    }
}

/// Judges typed inputs as [`read_inputs`] does.
pub(super) fn check(plan: &Plan, inputs: &Inputs) -> Result<(), Problem> {
    let mut problems = Problems::new();
    judge::judge(plan, inputs, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(refused(problems)) }
}

fn refused(problems: Problems) -> Problem {
    Problem::invalid("invalid_inputs", "the inputs do not fit the plan", problems)
}
