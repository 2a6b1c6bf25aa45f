//! What a plan pays, line by line, each with its calculation as data. Owns the shape of the result (DOMAIN.md 4.5-4.7).

use crate::{Date, LocalText, Rounded};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// What a plan pays for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Payout {
    /// To one person.
    Individual(IndividualPayout),
    /// To a team.
    Pool(PoolPayout),
}

/// What one person gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The person.
    pub person: String,
    /// Earned in the period, before adjustments.
    pub earned: Rounded,
    /// Paid, after adjustments; never below 0.
    pub payable: Rounded,
}

impl Payout {
    /// What each person gets, by id.
    pub fn payments(&self) -> Vec<Payment> {
        match self {
            Self::Individual(it) => vec![Payment {
                person: it.person.clone(),
                earned: it.current_period.clone(),
                payable: it.payable.clone(),
            }],
            Self::Pool(it) => it
                .people
                .iter()
                .map(|it| Payment {
                    person: it.id.clone(),
                    earned: it.total.clone(),
                    payable: it.payable.clone(),
                })
                .collect(),
        }
    }

    /// Everything that is paid.
    pub fn payable(&self) -> &Rounded {
        match self {
            Self::Individual(it) => &it.payable,
            Self::Pool(it) => &it.payable,
        }
    }

    /// What is held back until disputes are decided.
    pub fn held(&self) -> &[Held] {
        match self {
            Self::Individual(it) => &it.held,
            Self::Pool(it) => &it.held,
        }
    }
}

/// What a plan pays one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IndividualPayout {
    /// The plan.
    pub plan: String,
    /// Its version.
    pub version: u32,
    /// ISO 4217 code.
    pub currency: String,
    /// The person.
    pub person: String,
    /// Days of the period on which the person was eligible.
    pub eligible_days: u32,
    /// Days of the period.
    pub period_days: u32,
    /// Index of the protected component (see its line), where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<Rounded>,
    /// Intervals of the protected component by name: `ci90`.
    #[serde(flatten)]
    pub intervals: BTreeMap<String, [Rounded; 2]>,
    /// What its table alone would pay.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw_band_payout_pct: Option<Rounded>,
    /// Whether its previous band is protected this period.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protected: Option<bool>,
    /// Weights in force, after the sample rule, by component.
    pub weights: BTreeMap<String, Rounded>,
    /// One line for each component paid, in the order of the plan.
    pub lines: Vec<Line>,
    /// Components left out by the sample rule.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub excluded_components: Vec<ExcludedComponent>,
    /// Awards.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub recognitions: Vec<RecognitionLine>,
    /// Cap on the sum of the lines (and of the recognitions inside it), where the plan has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cap: Option<Rounded>,
    /// Earned in this period.
    pub current_period: Rounded,
    /// Adjustments of earlier periods.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<AdjustmentLine>,
    /// What is paid; never below 0.
    pub payable: Rounded,
    /// Held back until disputes are decided.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held: Vec<Held>,
    /// What a reader must know.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Note>,
    /// The calculation after the lines, step by step.
    pub steps: Vec<CalculationStep>,
}

/// One component's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    /// The component.
    pub component: String,
    /// Size of the sample, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub n: Option<u32>,
    /// Mean of the visits, 2 decimals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<Rounded>,
    /// Ids of the visits counted, where they have ids.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub visits: Vec<String>,
    /// Attainment, where the table is entered with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attainment_pct: Option<Rounded>,
    /// Percentage paid.
    pub payout_pct: Rounded,
    /// Whether the previous band was protected, where the plan protects it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protected: Option<bool>,
    /// Its share of the target.
    pub target_amount: Rounded,
    /// Amount before accelerators, decelerators and gates, where one applies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before_decelerator: Option<Rounded>,
    /// Factor of the decelerators that apply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decelerator: Option<Rounded>,
    /// Factor of the accelerators that apply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accelerator: Option<Rounded>,
    /// Factor of the gates that do not hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate: Option<Rounded>,
    /// Amount for a whole period, 4 decimals.
    pub full_period_amount: Rounded,
    /// After proration, before it is rounded, 6 decimals.
    pub unrounded: Rounded,
    /// The line; never negative.
    pub amount: Rounded,
    /// What the sample rule did: `hold_harmless`, `carry_forward`, `zero`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample_rule: Option<String>,
    /// How it was calculated, step by step.
    pub steps: Vec<CalculationStep>,
}

/// One step of a calculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalculationStep {
    /// Stable name, snake case, of DOMAIN.md 4.4: `attainment`, `table`, `proration`.
    pub step: String,
    /// The formula: `result / goal x 100`.
    pub formula: String,
    /// What went in, by name.
    pub inputs: BTreeMap<String, String>,
    /// What came out.
    pub value: String,
}

impl CalculationStep {
    pub(super) fn new(
        step: &str,
        formula: impl Into<String>,
        inputs: &[(&str, &dyn ToString)],
        value: &dyn ToString,
    ) -> Self {
        Self {
            step: step.to_string(),
            formula: formula.into(),
            inputs: inputs.iter().map(|(name, it)| ((*name).to_string(), it.to_string())).collect(),
            value: value.to_string(),
        }
    }
}

/// A component left out because its sample is too small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExcludedComponent {
    /// The component.
    pub component: String,
    /// Its sample.
    pub n: u32,
    /// What the plan asks for.
    pub min_n: u32,
    /// Its weight, which went to the others.
    pub weight: Rounded,
}

/// An award for visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecognitionLine {
    /// The recognition.
    pub id: String,
    /// The visits that qualified.
    pub visits: Vec<String>,
    /// The amount for all of them; absent for an award that is not money.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Rounded>,
    /// Whether it is paid beyond the cap.
    pub outside_cap: bool,
}

/// An adjustment of an earlier period; the only rows that may be negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdjustmentLine {
    /// `retro` or `recovery`.
    pub kind: String,
    /// The period that it mends.
    pub period: String,
    /// The component, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How it was found: `simplified` (target x weight x payout) or `rerun` (the locked period calculated again).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// Most that may be recovered this period, where the plan limits it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<Rounded>,
    /// The adjustment.
    pub amount: Rounded,
    /// What could not be recovered now and goes on to the next period.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub carried_forward: Option<Rounded>,
    /// How it was calculated.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub steps: Vec<CalculationStep>,
}

/// What is held back because visits are disputed: disputes never raise pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Held {
    /// The person.
    pub person: String,
    /// Earned with the disputed visits.
    pub with: Rounded,
    /// Earned without them.
    pub without: Rounded,
    /// The difference, paid or not by the decision, as an adjustment.
    pub amount: Rounded,
    /// The disputed visits.
    pub visits: Vec<String>,
    /// Latest day by which they are decided, where one is set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision_due: Option<Date>,
}

/// Something that a reader must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// Stable code, snake case.
    pub code: String,
    /// The text.
    pub text: LocalText,
}

impl Note {
    pub(super) fn new(code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code: code.to_string(), text: LocalText::new(es, en) }
    }

    /// About somebody who has no day in the period.
    pub fn only_adjustments() -> Self {
        Self::new(
            "only_adjustments",
            "sin días en el periodo; sólo se pagan ajustes de periodos anteriores",
            "no days in the period; only adjustments of earlier periods are paid",
        )
    }
}

/// What a plan pays a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolPayout {
    /// The plan.
    pub plan: String,
    /// Its version.
    pub version: u32,
    /// ISO 4217 code.
    pub currency: String,
    /// Days of the period.
    pub period_days: u32,
    /// Visits counted.
    pub n: u32,
    /// Mean of the visits as a fraction: `11137/120`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_exact: Option<String>,
    /// Mean of the visits, 2 decimals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<Rounded>,
    /// Percentage of the base that the table gives.
    pub step_pct: Rounded,
    /// What the sample rule did: `hold_harmless`, `zero`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample_rule: Option<String>,
    /// Base per head times people.
    pub base_pool: Rounded,
    /// Factor of the band, where the plan has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub band_multiplier: Option<Rounded>,
    /// Before the cap.
    pub pool_before_cap: Rounded,
    /// The cap, where the plan has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool_cap: Option<Rounded>,
    /// What is shared.
    pub pool: Rounded,
    /// What each person gets, by id.
    pub people: Vec<PoolShare>,
    /// Awards that are granted, over all people.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub recognitions: Vec<RecognitionLine>,
    /// Everything that is paid.
    pub payable: Rounded,
    /// Held back until disputes are decided.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held: Vec<Held>,
    /// What a reader must know.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Note>,
    /// The calculation of the pool, step by step.
    pub steps: Vec<CalculationStep>,
}

/// What a person gets of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolShare {
    /// The person.
    pub id: String,
    /// Weight in the split, 2 decimals.
    pub weight: Rounded,
    /// Share before it is rounded, 6 decimals.
    pub unrounded: Rounded,
    /// Share; all of them add up to the pool.
    pub share: Rounded,
    /// Awards in money.
    pub recognition: Rounded,
    /// Share and awards.
    pub total: Rounded,
    /// Adjustments of earlier periods.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<AdjustmentLine>,
    /// What is paid; never below 0.
    pub payable: Rounded,
    /// Whether they are here for adjustments of earlier periods only, without a share.
    #[serde(skip_serializing_if = "super::is_false", default)]
    pub only_adjustments: bool,
    /// How the share was calculated.
    pub steps: Vec<CalculationStep>,
}
