//! Why a visit scores what it scores: every step with its inputs, rule and result, as data. Owns the shape of the
//! steps; it computes nothing that `score` did not.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

use super::{
    Percent, Points, PreparedChecklist,
    prepare::{PreparedItem, Seen},
    rule::FULL_CREDIT,
    score::{ExactScore, Outcome, SectionPoints, Tally},
};
use crate::{
    Exact,
    checklist::{CriticalMode, ScoringMode},
};

/// One step of the sum. Exact values are decimals where they end, else fractions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Explanation {
    /// An item, in template order.
    Item(ItemStep),
    /// A section, in template order.
    Section(SectionStep),
    /// The sections together.
    Visit(VisitStep),
    /// The critical rule; only where a critical item failed.
    Critical(CriticalStep),
    /// The one rounding.
    Rounding(RoundingStep),
    /// The band of the rounded score.
    Band(BandStep),
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It earned credit between 0 and 1.
    Scored,
    /// Not applicable or unanswered: 0 of 0.
    Excluded,
    /// Its condition is false: 0 of 0.
    Hidden,
    /// It has no weight.
    Unscored,
}

/// An item and what it earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemStep {
    /// Id.
    pub item: String,
    /// Id of its section.
    pub section: String,
    /// What became of it.
    pub state: ItemState,
    /// The answer; of a text only its length, of photos only their number. Absent where unanswered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The rule that the answer met.
    pub rule: String,
    /// Credit from 0 to 1; absent where not scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Points>,
    /// Weight.
    pub weight: u32,
    /// `weight x credit`, or 0 for a bonus item.
    pub earned: Points,
    /// `weight`, or 0 where it does not count.
    pub possible: Points,
    /// `weight x credit` of a bonus item, else 0.
    pub bonus: Points,
    /// Whether it is critical and earned credit 0.
    pub critical_failed: bool,
}

/// A section and its percentage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SectionStep {
    /// Id.
    pub section: String,
    /// Weight in the visit.
    pub weight: u32,
    /// The formula.
    pub rule: String,
    /// Sum over its items.
    pub earned: Points,
    /// Sum over its items.
    pub possible: Points,
    /// Sum over its items.
    pub bonus: Points,
    /// Percentage before rounding; absent without possible points, and then its weight is left out too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_exact: Option<Exact>,
    /// Whether the cap on bonuses lowered it.
    pub capped: bool,
    /// Whether a critical failure makes it count as 0 in the final score.
    pub zeroed: bool,
}

/// The sections together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VisitStep {
    /// The formula.
    pub rule: String,
    /// What is divided.
    pub numerator: Exact,
    /// By what.
    pub denominator: Exact,
    /// The quotient, capped where bonuses are.
    pub raw_exact: Exact,
}

/// The critical rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CriticalStep {
    /// Its mode, and its cap where it has one.
    pub rule: String,
    /// Critical items with credit 0.
    pub failed: Vec<String>,
    /// Exact score before.
    pub before: Exact,
    /// Exact score after.
    pub after: Exact,
}

/// The one rounding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoundingStep {
    /// How halves go.
    pub rule: String,
    /// Exact score before.
    pub before: Exact,
    /// Rounded score.
    pub after: Percent,
}

/// The band of the rounded score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BandStep {
    /// Id of the band.
    pub band: String,
    /// Lowest score of the band.
    pub from: Percent,
    /// Lowest score of the next band; absent at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Percent>,
    /// The rounded score.
    pub score: Percent,
}

/// What the steps are told from.
pub(super) struct Steps<'a> {
    pub(super) prepared: &'a PreparedChecklist,
    pub(super) seen: &'a Seen<'a>,
    pub(super) tally: &'a Tally,
    pub(super) exact: &'a ExactScore,
}

impl Steps<'_> {
    pub(super) fn all(&self) -> Vec<Explanation> {
        let items = self.prepared.items.iter().zip(&self.tally.outcomes).enumerate();
        let mut steps: Vec<Explanation> = items
            .map(|(index, (item, outcome))| Explanation::Item(self.item(index, item, *outcome)))
            .collect();
        let sections = self.tally.sections.iter().enumerate();
        steps.extend(sections.map(|(index, points)| Explanation::Section(self.section(index, points))));
        steps.push(Explanation::Visit(self.visit()));
        if !self.tally.critical_failed.is_empty() {
            steps.push(Explanation::Critical(self.critical()));
        }
        let score = Percent::round(&self.exact.last);
        steps.push(Explanation::Rounding(RoundingStep {
            rule: "half up, 2 decimals".to_string(),
            before: self.exact.last.clone(),
            after: score,
        }));
        steps.push(Explanation::Band(self.band(score)));
        steps
    }

    fn item(&self, index: usize, item: &PreparedItem, outcome: Outcome) -> ItemStep {
        let answer = self.seen.usable(index);
        let (state, rule) = match outcome {
            Outcome::Hidden => {
                let when = item.item.when.as_deref().unwrap_or_default();
                (ItemState::Hidden, format!("not asked: {when} is false"))
            }
            Outcome::Unscored => (ItemState::Unscored, "weight 0".to_string()),
            Outcome::NotApplicable => (ItemState::Excluded, "not applicable: 0 of 0".to_string()),
            Outcome::Unanswered => (ItemState::Excluded, "unanswered: 0 of 0".to_string()),
            Outcome::Scored(_) => {
                (ItemState::Scored, answer.map(|it| item.rule.describe(it)).unwrap_or_default())
            }
        };
        let credit = if let Outcome::Scored(credit) = outcome { Some(credit) } else { None };
        let weight = i64::from(item.item.weight);
        let points = Points::from_units(weight * credit.unwrap_or(0));
        let counts = credit.is_some() && !item.item.bonus;
        let none = Points::default();
        ItemStep {
            item: item.item.id.clone(),
            section: self.prepared.sections.get(item.section).map(|it| it.id.clone()).unwrap_or_default(),
            state,
            answer: answer.map(ToString::to_string),
            rule,
            credit: credit.map(Points::from_units),
            weight: item.item.weight,
            earned: if item.item.bonus { none } else { points },
            possible: if counts { Points::from_units(weight * FULL_CREDIT) } else { none },
            bonus: if item.item.bonus { points } else { none },
            critical_failed: item.item.critical && credit == Some(0),
        }
    }

    fn section(&self, index: usize, points: &SectionPoints) -> SectionStep {
        let section = self.prepared.sections.get(index);
        let scoring = &self.prepared.checklist.scoring;
        let score_exact = self.exact.sections.get(index).cloned().flatten();
        let with_bonus = Exact::from(100) * (points.earned.to_exact() + points.bonus.to_exact());
        let capped = with_bonus > &scoring.bonus_cap * &points.possible.to_exact();
        SectionStep {
            section: section.map(|it| it.id.clone()).unwrap_or_default(),
            weight: section.map_or(0, |it| it.weight),
            rule: if score_exact.is_some() {
                format!("100 x (earned + bonus) / possible, at most {}", scoring.bonus_cap)
            } else {
                "left out with its weight: nothing possible".to_string()
            },
            earned: points.earned,
            possible: points.possible,
            bonus: points.bonus,
            capped: capped && score_exact.is_some(),
            zeroed: points.critical_failed && scoring.critical.mode == CriticalMode::ZeroSection,
            score_exact,
        }
    }

    fn visit(&self) -> VisitStep {
        let scoring = &self.prepared.checklist.scoring;
        // In units of 1 / FULL_CREDIT inside; told in points.
        let (rule, unit) = match scoring.mode {
            ScoringMode::SectionWeighted => ("sum of weight x section score / sum of weights".to_string(), 1),
            ScoringMode::PointsPooled => {
                let rule =
                    format!("100 x (earned + bonus) / possible, all sections, at most {}", scoring.bonus_cap);
                (rule, FULL_CREDIT)
            }
        };
        let told = |it: &Exact| it.checked_div(&Exact::from(unit)).unwrap_or_default();
        VisitStep {
            rule,
            numerator: told(&self.exact.numerator),
            denominator: told(&self.exact.denominator),
            raw_exact: self.exact.raw.clone(),
        }
    }

    fn critical(&self) -> CriticalStep {
        let rule = &self.prepared.checklist.scoring.critical;
        CriticalStep {
            rule: match rule.mode {
                CriticalMode::CapOverall => {
                    format!("cap_overall {}", rule.cap.as_ref().map(ToString::to_string).unwrap_or_default())
                }
                CriticalMode::ZeroOverall => "zero_overall".to_string(),
                CriticalMode::ZeroSection => "zero_section".to_string(),
                CriticalMode::None => "none".to_string(),
            },
            failed: self
                .tally
                .critical_failed
                .iter()
                .filter_map(|it| self.prepared.items.get(*it))
                .map(|it| it.item.id.clone())
                .collect(),
            before: self.exact.raw.clone(),
            after: self.exact.last.clone(),
        }
    }

    fn band(&self, score: Percent) -> BandStep {
        let bands = &self.prepared.bands;
        let place = bands.iter().rposition(|(min, _)| *min <= score).unwrap_or(0);
        let (from, band) = bands.get(place).cloned().unwrap_or_default();
        BandStep { band, from, below: bands.get(place + 1).map(|(min, _)| *min), score }
    }
}
