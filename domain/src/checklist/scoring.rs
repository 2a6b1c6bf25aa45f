//! How the answers of a visit become one score and a band: the settings of a checklist. Owns their shape only.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::Exact;

/// Scoring settings of a checklist (DOMAIN.md 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    /// How sections come together.
    pub mode: ScoringMode,
    /// What an answer `"na"` does.
    pub na: Pooling,
    /// What an item does whose condition is false.
    pub hidden: Pooling,
    /// What an optional item does that nobody answered.
    pub unanswered_optional: Pooling,
    /// How a scale becomes credit.
    pub scale_1_5: ScaleCredit,
    /// Highest percentage that bonuses can lift a section (or a pooled visit) to.
    pub bonus_cap: Exact,
    /// What a critical failure does.
    pub critical: CriticalRule,
    /// How the shown score is rounded.
    pub rounding: Rounding,
    /// Bands from the lowest, which begins at 0.
    pub bands: Vec<Band>,
}

/// How sections come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScoringMode {
    /// Mean of section percentages by section weight; an excluded item never moves weight between sections.
    SectionWeighted,
    /// All points earned over all points possible; section weights are ignored.
    PointsPooled,
}

/// What an item without a usable answer does to the points of its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// It counts 0 of 0.
    Exclude,
}

/// How a scale from 1 to 5 becomes credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScaleCredit {
    /// `(value - 1) / 4`.
    Linear,
}

/// What a critical failure does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CriticalRule {
    /// The consequence.
    pub mode: CriticalMode,
    /// Highest score after a failure; only in mode `cap_overall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Exact>,
}

/// The consequence of a critical failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CriticalMode {
    /// The visit cannot score above the cap.
    CapOverall,
    /// The visit scores 0.
    ZeroOverall,
    /// The section of the failed item scores 0.
    ZeroSection,
    /// Nothing beyond the lost points.
    None,
}

/// How the shown score is rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Decimals; always 2.
    pub decimals: u32,
    /// Direction of halves.
    pub mode: RoundingMode,
}

/// Direction of halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// Halves go away from zero.
    HalfUp,
}

/// A named range of scores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Stable id, snake case.
    pub id: String,
    /// Lowest rounded score that belongs to it.
    pub min: Exact,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
}
