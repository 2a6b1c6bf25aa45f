//! A standard that a branch is rated against (DOMAIN.md 1.4): sections with points, criteria rated by dimensions or by
//! a curve over a figure, knock-outs, gates and bands. Owns the types; `check` judges content, `rate` rates.

mod check;
mod inputs;
mod rate;
mod rating;

pub use inputs::{CriterionInput, Inputs, judge_given, read_inputs};
pub use rate::{ENABLER_KNOCK_OUT_BELOW, rate};
pub use rating::{CriterionRating, CurveUse, GateReport, KnockOut, Rating, SectionRating};

use crate::{Exact, LocalText, Rule};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The only value of [`Standard::schema`] that this program reads.
pub const STANDARD_SCHEMA: &str = "cem-standard/1";
/// The dimension of result criteria that comes from the curve, not from an input.
pub const LEVEL_DIMENSION: &str = "nivel";

/// A standard.
///
/// Its canonical JSON is `serde_json` of this type: fields in this order, no whitespace, absent where empty or false.
/// A released version never changes; it is addressed by the SHA-256 of that JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// Version of this shape; always [`STANDARD_SCHEMA`].
    pub schema: String,
    /// Stable id, kebab case: `cem-1000`.
    pub id: String,
    /// Version of the content, from 1.
    pub version: u32,
    /// What all sections add up to.
    pub total_points: u32,
    /// Name shown to people.
    pub title: LocalText,
    /// How criteria are rated.
    pub rating: RatingRules,
    /// Bands from the lowest, which begins at 0.
    pub bands: Vec<Band>,
    /// Caps on the total, applied after the sum.
    pub gates: Vec<Gate>,
    /// Sections in order.
    pub sections: Vec<Section>,
}

/// How the criteria of both parts are rated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RatingRules {
    /// Criteria of part `habilitadores`.
    pub enablers: PartRules,
    /// Criteria of part `resultados`.
    pub results: PartRules,
}

/// How the criteria of one part are rated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PartRules {
    /// Dimensions with their weights, which add up to 100.
    pub dimensions: Vec<Dimension>,
    /// Values that a dimension may take; any integer from 0 to 100 where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<u32>,
    /// How the percentage of a criterion is rounded.
    pub round: PercentRounding,
}

/// One dimension of a rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Id, which is also the field of the input: `enfoque`.
    pub id: String,
    /// Weight in percent.
    pub weight: u32,
}

/// How the percentage of a criterion is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PercentRounding {
    /// Down to the integer, on the exact number.
    FloorInt,
}

/// A named range of the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Stable id, snake case.
    pub id: String,
    /// Lowest total that belongs to it, in points.
    pub min: u32,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
}

/// A cap on the total while something holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Stable id, snake case.
    pub id: String,
    /// What closes it.
    pub when: GateCondition,
    /// Percentage that every section needs; only with `any_section_below_pct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pct: Option<u32>,
    /// Highest total while it holds, in points.
    pub max_points: u32,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
}

/// What makes a gate hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GateCondition {
    /// A knock-out is open.
    AnyKoOpen,
    /// A criterion's floored percentage is 0.
    AnyCriterionZero,
    /// A section's exact percentage is below [`Gate::pct`].
    AnySectionBelowPct,
}

/// A section of a standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Id: `"6"`.
    pub id: String,
    /// How its criteria are rated.
    pub part: Part,
    /// What its criteria add up to.
    pub points: u32,
    /// Name shown to people.
    pub title: LocalText,
    /// Criteria in order.
    pub criteria: Vec<Criterion>,
}

/// The half of a standard that a section belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Part {
    /// What the unit does: rated by people with a rubric.
    #[serde(rename = "habilitadores")]
    Enablers,
    /// What the unit achieves: calculated from figures.
    #[serde(rename = "resultados")]
    Results,
}

/// A criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Id: `"6.1"`.
    pub id: String,
    /// What 100 % is worth.
    pub points: u32,
    /// Whether it is a knock-out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ko: bool,
    /// What opens the knock-out of a result criterion, on `value` and `confirmed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ko_rule: Option<Rule>,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
    /// Kinds of evidence asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Figure that a result criterion is calculated from: `ms_index`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Knots `[value, percentage]` by ascending value; linear between them, flat beyond the ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<[Exact; 2]>,
}

impl Standard {
    /// Every criterion with its section, in order.
    pub fn criteria(&self) -> impl Iterator<Item = (&Section, &Criterion)> {
        self.sections.iter().flat_map(|section| section.criteria.iter().map(move |it| (section, it)))
    }

    /// How a part is rated.
    pub fn rules(&self, part: Part) -> &PartRules {
        match part {
            Part::Enablers => &self.rating.enablers,
            Part::Results => &self.rating.results,
        }
    }

    /// The band of a total.
    pub fn band(&self, total: &Exact) -> Option<&Band> {
        self.bands.iter().rev().find(|it| Exact::from(it.min) <= *total)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests;
