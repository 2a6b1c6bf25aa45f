//! What a scorecard shows of a network and its branches (DOMAIN.md 5.1): index, pooled scores, gaps, trend,
//! consistency, coverage, critical rate, rank, severity of auditors, and figures of surveys. Owns the types; every
//! figure says from what it was calculated.

mod card;
mod kpi;
mod league;
mod severity;

pub use card::scorecard;
pub use kpi::{KpiFigure, Ratings, ces, csat, nps_of};
pub use league::{League, Scorecards, Shrinkage, Standing, league, scorecards};
pub use severity::{Severity, severity};

use crate::{Date, Exact, LocalText, Rounded};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// Decimals of scores, percentages and points.
const SCORE_DECIMALS: u32 = 2;
/// Decimals of the ends of intervals and of intermediate values.
const DETAIL_DECIMALS: u32 = 4;

/// An approved visit with its score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredVisit {
    /// The visit.
    pub id: String,
    /// The branch.
    pub branch: String,
    /// The auditor, or the group that stands for severity; `None` is unassigned and left out of severity.
    pub auditor: Option<String>,
    /// Day of the visit, where the branch is.
    pub date: Date,
    /// Channel: `presencial`.
    pub channel: String,
    /// Final score, 0 to 100.
    pub score: Exact,
    /// Points by section; sections that dropped out are absent.
    pub sections: BTreeMap<String, Points>,
    /// Points by touchpoint, bonuses out.
    pub touchpoints: BTreeMap<String, Points>,
    /// Points by pillar, bonuses out.
    pub pillars: BTreeMap<String, Points>,
    /// Whether a critical item failed, confirmed.
    pub has_critical: bool,
    /// Whether all required evidence is there and valid.
    pub has_complete_evidence: bool,
}

/// Points earned of points possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points {
    /// Earned.
    pub earned: Exact,
    /// Possible.
    pub possible: Exact,
}

/// A period of a scorecard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodSpan {
    /// Its name: `2026-T2`.
    pub id: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl PeriodSpan {
    fn holds(&self, visit: &ScoredVisit) -> bool {
        (self.from..=self.to).contains(&visit.date)
    }
}

/// A target of a section, touchpoint or pillar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Score aimed at, 0 to 100.
    pub target: Exact,
    /// Weight in the priority; 1 for equal weights.
    pub weight: Exact,
}

/// What scorecards are calculated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Periods in order of time; the last one is shown, the others are its past.
    pub periods: Vec<PeriodSpan>,
    /// Level of all intervals.
    pub level: Exact,
    /// Fewest visits for a rank.
    pub min_n: u32,
    /// Periods in the slope, the shown one included.
    pub slope_periods: usize,
    /// Target of the index.
    pub index_target: Option<Exact>,
    /// Targets of sections.
    pub section_targets: BTreeMap<String, Target>,
    /// Targets of touchpoints.
    pub touchpoint_targets: BTreeMap<String, Target>,
    /// Targets of pillars.
    pub pillar_targets: BTreeMap<String, Target>,
    /// Visits planned in the shown period, by branch.
    pub planned: BTreeMap<String, u32>,
    /// `k` of the shrinkage; estimated from the visits where absent.
    pub shrinkage_k: Option<Exact>,
}

impl Settings {
    /// Usual settings over one period: 95 %, rank from 4 visits, no targets.
    pub fn over(period: PeriodSpan) -> Self {
        Self {
            periods: [period].to_vec(),
            level: crate::statistics::level_95(),
            min_n: 4,
            slope_periods: 6,
            index_target: None,
            section_targets: BTreeMap::new(),
            touchpoint_targets: BTreeMap::new(),
            pillar_targets: BTreeMap::new(),
            planned: BTreeMap::new(),
            shrinkage_k: None,
        }
    }
}

/// The scorecard of a branch, a region or the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scorecard {
    /// Id of the branch or region; `network` for all.
    pub scope: String,
    /// The period shown.
    pub period: String,
    /// Visits counted, by id.
    pub visits: Vec<String>,
    /// Number of visits counted.
    pub n: u32,
    /// Mean of the visit scores; absent without visits.
    pub index: Option<Index>,
    /// Pooled scores of sections, by id.
    pub sections: Vec<Pooled>,
    /// Pooled scores of touchpoints, by id.
    pub touchpoints: Vec<Pooled>,
    /// Pooled scores of pillars, by id.
    pub pillars: Vec<Pooled>,
    /// Index by channel, by id.
    pub channels: Vec<ChannelIndex>,
    /// Change against the previous period.
    pub trend: Option<Trend>,
    /// Standard deviation between visits; absent for a single one.
    pub consistency: Option<Figure>,
    /// Approved visits of those planned; absent without a plan.
    pub coverage: Option<Figure>,
    /// Visits with a critical failure.
    pub critical_rate: Option<Figure>,
    /// Visits with all required evidence.
    pub evidence_rate: Option<Figure>,
}

/// A figure with its sample, its interval and what it was calculated from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figure {
    /// The figure.
    pub value: Rounded,
    /// Size of its sample.
    pub n: u32,
    /// Its interval, where there is one.
    pub interval: Option<[Rounded; 2]>,
    /// The formula: `100 x sum(earned) / sum(possible)`.
    pub formula: String,
    /// Intermediate values by name.
    pub inputs: BTreeMap<String, String>,
}

impl Figure {
    fn new(value: &Exact, n: u32, formula: &str, inputs: &[(&str, &dyn ToString)]) -> Self {
        Self {
            value: Rounded::new(value, SCORE_DECIMALS),
            n,
            interval: None,
            formula: formula.to_string(),
            inputs: inputs.iter().map(|(name, it)| ((*name).to_string(), it.to_string())).collect(),
        }
    }
}

/// The index of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Index {
    /// Mean of the visit scores with its t interval.
    #[serde(flatten)]
    pub figure: Figure,
    /// Whether it rests on a single visit: there is no interval then, and screens say so.
    pub single_visit: bool,
    /// The words for a single visit; empty otherwise.
    pub wording: LocalText,
    /// Gap to the target, where there is one.
    pub gap: Option<Gap>,
    /// How far one visit can move it, in points: `100 / n`.
    pub max_visit_share: Rounded,
}

/// The pooled score of a section, touchpoint or pillar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pooled {
    /// The section, touchpoint or pillar.
    pub id: String,
    /// `100 x sum(earned) / sum(possible)`; `n` counts the visits that had points there.
    #[serde(flatten)]
    pub figure: Figure,
    /// Visits of the card that had no points there.
    pub visits_without: Vec<String>,
    /// Gap to the target, where there is one.
    pub gap: Option<Gap>,
}

/// A gap to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// The target.
    pub target: Rounded,
    /// `target - current`, in points; negative where the target is exceeded.
    pub gap: Rounded,
    /// Its weight.
    pub weight: Rounded,
    /// `gap x weight`, 0 where the target is reached: what to work on first.
    pub priority: Rounded,
}

/// The index of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelIndex {
    /// The channel.
    pub id: String,
    /// Its index.
    #[serde(flatten)]
    pub index: Index,
}

/// Where an index is going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trend {
    /// The previous period that had visits.
    pub previous_period: String,
    /// Index of the previous period.
    pub previous: Rounded,
    /// Shown index minus previous one, with the interval of the difference (Welch) where both have two visits.
    pub difference: Figure,
    /// Up or down only where the interval excludes 0.
    pub arrow: Arrow,
    /// Points per period over the last periods that had visits.
    pub slope: Option<Figure>,
    /// The periods in the slope, oldest first.
    pub periods: Vec<PeriodIndex>,
}

/// An arrow of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arrow {
    /// Better, beyond chance.
    Up,
    /// Worse, beyond chance.
    Down,
    /// Nothing that the visits prove.
    None,
}

/// The index of one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeriodIndex {
    /// The period.
    pub period: String,
    /// Its visits.
    pub n: u32,
    /// Its index.
    pub index: Rounded,
}

/// The ends of an interval as they are shown.
fn shown(interval: &crate::statistics::Interval, decimals: u32) -> [Rounded; 2] {
    [Rounded::new(&interval.low, decimals), Rounded::new(&interval.high, decimals)]
}

#[cfg(test)]
mod tests;
