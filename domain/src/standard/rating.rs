//! How a branch rates, with the explanation as data. Owns the shape of the result.

use super::Part;
use crate::{LocalText, Rounded};
use alloc::{string::String, vec::Vec};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// How a branch rates against a standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rating {
    /// The standard.
    pub standard: String,
    /// Its version.
    pub version: u32,
    /// Criteria in the order of the standard.
    pub criteria: Vec<CriterionRating>,
    /// Sections by id.
    pub sections: BTreeMap<String, SectionRating>,
    /// Sum of all points earned.
    pub total_before_gates: Rounded,
    /// The same, capped by the gates that hold.
    pub total: Rounded,
    /// Id of the band of `total`.
    pub band: String,
    /// Name of the band.
    pub band_title: LocalText,
    /// Ids of the gates that hold, in the order of the standard, even where they lower nothing.
    pub gates: Vec<String>,
    /// Ids of the criteria whose knock-out is open.
    pub ko_open: Vec<String>,
    /// Every gate: whether it holds, why, and what would lift it.
    pub gate_reports: Vec<GateReport>,
}

/// How one criterion rates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CriterionRating {
    /// The criterion.
    pub id: String,
    /// Percentage that the curve gives, 4 decimals, for display only; results only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nivel: Option<Rounded>,
    /// Its percentage, rounded down to the integer.
    pub pct_floor: u32,
    /// Points earned.
    pub earned: Rounded,
    /// Points possible.
    pub points: u32,
    /// Its part.
    pub part: Part,
    /// The dimensions as they were given.
    pub dimensions: BTreeMap<String, u32>,
    /// The weighted sum: `(30 x 100 + 40 x 75 + 30 x 75) / 100`.
    pub formula: String,
    /// The percentage before it was rounded down, exact.
    pub pct_exact: String,
    /// How the curve was used; results only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub curve: Option<CurveUse>,
    /// The state of its knock-out, where it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub knock_out: Option<KnockOut>,
}

/// Where on its curve a value lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CurveUse {
    /// The figure: `ms_index`.
    pub metric: String,
    /// Its value.
    pub value: String,
    /// Knot below, `[value, percentage]`; absent below the curve.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<[String; 2]>,
    /// Knot above; absent beyond the curve.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<[String; 2]>,
}

/// The state of a knock-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KnockOut {
    /// Whether it is open.
    pub open: bool,
    /// What opens it: `value > 0.05 and confirmed >= 2`.
    pub rule: String,
    /// Confirmed cases counted; results only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed: Option<u32>,
}

/// How one section rates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SectionRating {
    /// Points possible.
    pub points: u32,
    /// Points earned.
    pub earned: Rounded,
    /// Percentage, 2 decimals, for display; gates compare the exact one.
    pub pct: Rounded,
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GateReport {
    /// The gate.
    pub id: String,
    /// Whether it holds.
    pub holds: bool,
    /// Highest total while it holds.
    pub max_points: u32,
    /// Whether it caps the total that was reached.
    pub lowers: bool,
    /// Criteria or sections that make it hold.
    pub because: Vec<String>,
    /// What would lift it; empty texts where it does not hold.
    pub lifted_by: LocalText,
}
