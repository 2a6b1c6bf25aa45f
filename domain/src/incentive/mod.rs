//! What an incentive plan pays (DOMAIN.md 4): from results with their samples to lines, each with its calculation
//! step by step. Owns the types of plans; `check` judges content, `compute` pays.

mod adjustments;
mod check;
mod component;
mod compute;
mod individual;
mod inputs;
mod payout;
mod pool;
mod retro;
mod share;
mod table;

pub use check::Warning;
pub use compute::compute;
pub use inputs::{
    Adjustment, Inputs, Payee, Period, Person, Previous, ResultInput, ShiftVisit, VisitScore, read_inputs,
};
pub use payout::{
    AdjustmentLine, CalculationStep, ExcludedComponent, Held, IndividualPayout, Line, Note, Payment, Payout,
    PoolPayout, PoolShare, RecognitionLine,
};
pub use retro::{DecidedVisit, RetroDifference, decided_inputs, retro_differences};
pub use table::{Axis, Table};

use crate::{Exact, LocalText, Rule};
use alloc::{string::String, vec::Vec};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// The only value of [`Plan::schema`] that this program reads.
pub const PLAN_SCHEMA: &str = "cem-plan/1";

/// An incentive plan: of single people (`components`) or of a team (`split`). An absent key means that its step is
/// not applied.
///
/// Its canonical JSON is `serde_json` of this type: fields in this order, no whitespace, absent where empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this shape; always [`PLAN_SCHEMA`].
    pub schema: String,
    /// Stable id, kebab case.
    pub id: String,
    /// Version of the content, from 1.
    pub version: u32,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<LocalText>,
    /// ISO 4217 code: `MXN`.
    pub currency: String,
    /// How amounts are rounded.
    pub money: MoneyRules,
    /// How attainment and payout percentages are rounded.
    pub percent: PercentRules,
    /// How long a period is.
    pub period: PeriodKind,
    /// Target incentive of a person for a whole period; a person's own target comes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Exact>,
    /// What a person is paid for; weights add up to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// What happens to a component whose sample is below its `min_n`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insufficient_sample: Option<InsufficientSample>,
    /// Factors of 1 or more on a component while a rule holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<Modifier>,
    /// Factors of 1 or less on a component while a rule holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decelerators: Vec<Modifier>,
    /// Conditions that must hold for a component (or all) to be paid in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<PayGate>,
    /// How part of a period counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proration: Option<Proration>,
    /// Cap on the sum of the lines, in percent of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_total_pct: Option<Exact>,
    /// What a team's pool holds for each of its people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_per_head: Option<Exact>,
    /// Table from the index of the visits to the percentage of a team's pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Fewest visits that decide a team's pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_n: Option<u32>,
    /// Factor on the pool by the band of the branch against its standard.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub band_multiplier: BTreeMap<String, Exact>,
    /// Cap on the pool, in percent of its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_cap_pct: Option<Exact>,
    /// How a pool is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Fixed awards for single visits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recognitions: Vec<Recognition>,
    /// Largest share of the variable pay of a period that may be recovered, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_cap_pct_of_variable: Option<Exact>,
    /// Tables by name; those that the plan uses.
    pub tables: BTreeMap<String, Table>,
}

/// How amounts are rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MoneyRules {
    /// Decimals of the currency: 2 for MXN, 0 for CLP.
    pub minor_units: u32,
    /// Direction of halves.
    pub rounding: HalfUp,
    /// Where an amount is rounded.
    pub round_at: RoundAt,
}

/// How percentages are rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PercentRules {
    /// Decimals, 0 to 6.
    pub decimals: u32,
    /// Direction of halves.
    pub rounding: HalfUp,
}

/// Direction of halves: always away from zero, because people check by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HalfUp {
    /// Away from zero.
    HalfUp,
}

/// Where an amount is rounded: once per line, so that a printed statement adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoundAt {
    /// Once per line.
    Line,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// One calendar month.
    Month,
    /// Two.
    Bimester,
    /// Three.
    Quarter,
    /// Six.
    Semester,
    /// Twelve.
    Year,
}

impl PeriodKind {
    /// Its calendar months.
    pub fn months(self) -> u16 {
        match self {
            Self::Month => 1,
            Self::Bimester => 2,
            Self::Quarter => 3,
            Self::Semester => 6,
            Self::Year => 12,
        }
    }
}

/// One thing that a person is paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Id, which is also the key of its result. One that begins with `ms_` is paid by the scores of the approved visits
    /// to the person's branch, whichever checklist they follow; any other by the KPI observation of that name.
    pub id: String,
    /// Share of the target, above 0.
    pub weight: Exact,
    /// Whose result it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<ResultLevel>,
    /// Result that is 100 % attainment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Exact>,
    /// Result that is 0 % attainment, for `range` and `inverse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Exact>,
    /// How a result becomes attainment.
    #[serde(default, skip_serializing_if = "AttainmentForm::is_ratio")]
    pub form: AttainmentForm,
    /// Table from attainment or value to payout.
    pub table: String,
    /// Fewest visits or answers that decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_n: Option<u32>,
    /// Protection against a lower band that the sample does not prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect_band_by_ci: Option<BandProtection>,
    /// Cap on its amount, in percent of its share of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_pct: Option<Exact>,
}

impl Component {
    /// Whether it is paid by the scores of visits, which its id says.
    pub fn is_of_visits(&self) -> bool {
        self.id.starts_with("ms_")
    }
}

/// Whose result a component uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResultLevel {
    /// The person's own.
    Individual,
    /// The branch's.
    Branch,
    /// The region's.
    Region,
    /// The organization's.
    Organization,
}

/// How a result becomes attainment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttainmentForm {
    /// `result / goal`: where zero means nothing.
    #[default]
    Ratio,
    /// `(result - base) / (goal - base)`: NPS, means from 1 to 5.
    Range,
    /// `(base - result) / (base - goal)`: lower is better.
    Inverse,
}

impl AttainmentForm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_ratio(&self) -> bool {
        *self == Self::Ratio
    }
}

/// Protection of the previous band: it is left downwards only where the interval of the mean excludes its limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BandProtection {
    /// Level of the interval: `0.90`.
    pub level: Exact,
    /// Protected periods in a row, at most.
    pub max_consecutive: u32,
}

/// What happens to a component whose sample is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InsufficientSample {
    /// Its weight goes to the other components, by their weights.
    RedistributeWeight,
    /// It pays its target.
    HoldHarmless,
    /// It uses the result of the rolling window.
    CarryForward,
    /// It pays nothing; has to be chosen in so many words.
    Zero,
}

/// A factor on a component while a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Modifier {
    /// The component.
    pub component: String,
    /// When it applies: on `value`, `n`, `confirmed_critical`, `attainment_pct`, `payout_pct`.
    pub when: Rule,
    /// The factor.
    pub factor: Exact,
}

/// A condition that must hold for a component, or for all, to be paid in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayGate {
    /// Id, snake case.
    pub id: String,
    /// The component whose figures the rule is about.
    pub component: String,
    /// What must hold.
    pub require: Rule,
    /// Factor where it does not hold; 0 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Exact>,
    /// Whether it stands before every component, not only its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub all: bool,
}

/// How part of a period counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Proration {
    /// Eligible days over the days of the period.
    CalendarDays,
}

/// How a pool is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Weight of each person.
    pub by: SplitBy,
    /// Who gets the cents that are left over.
    pub remainder: Remainder,
    /// Who of equals comes first.
    pub tie: Tie,
}

/// Weight of a person in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SplitBy {
    /// Role factor times days.
    #[serde(rename = "role_factor * days")]
    RoleFactorDays,
    /// Role factor.
    #[serde(rename = "role_factor")]
    RoleFactor,
    /// Days.
    #[serde(rename = "days")]
    Days,
    /// The same for all.
    #[serde(rename = "equal")]
    Equal,
}

impl SplitBy {
    /// Whether it needs role factors, and days.
    fn needs(self) -> (bool, bool) {
        (
            matches!(self, Self::RoleFactorDays | Self::RoleFactor),
            matches!(self, Self::RoleFactorDays | Self::Days),
        )
    }
}

/// Who gets the cents that are left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Remainder {
    /// Those who lost most by rounding down.
    LargestRemainder,
}

/// Who of equals comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// By id.
    EmployeeIdAsc,
}

/// A fixed award, paid once for each qualifying visit to each person on shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recognition {
    /// Id, snake case.
    pub id: String,
    /// When a visit qualifies, on `visit_score`.
    pub when: Rule,
    /// The amount; absent for an award that is not money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Exact>,
    /// Whether it is paid beyond the cap.
    #[serde(default, skip_serializing_if = "is_false")]
    pub outside_cap: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Plan {
    /// Whether it pays a team's pool rather than single people.
    pub fn is_pool(&self) -> bool {
        self.split.is_some()
    }

    /// Whether a step of the component's table pays this percentage: only such a band can be kept from one period to the
    /// next.
    pub fn has_band(&self, component: &Component, payout_pct: &Exact) -> bool {
        self.tables.get(&component.table).is_some_and(|it| it.edge_of(payout_pct).is_some())
    }

    /// Whether these days are one whole period of the plan, whose amounts are those of a whole period.
    pub fn is_whole_period(&self, period: Period) -> bool {
        period.from.is_months_through(period.to, self.period.months())
    }

    /// The component of that id.
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|it| it.id == id)
    }
}

#[cfg(test)]
mod tests;
