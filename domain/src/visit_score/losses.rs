//! Where the points of a visit went: what each item cost of the 100, and what the critical rule took on top. Read from the explanation
//! of a frozen score, so that nothing is computed a second way.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

use super::{Explanation, ItemState, ItemStep, SectionStep};
use crate::{
    Exact, Rounded,
    checklist::{Scoring, ScoringMode},
};

/// Decimals of what an item cost.
const DECIMALS: u32 = 2;

/// What an item cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The item.
    pub item: String,
    /// Its section.
    pub section: String,
    /// Points of the visit's 100, before the critical rule; 0 to 100, two decimals.
    pub points: Rounded,
    /// Whether it is a critical failure.
    pub critical_failed: bool,
}

/// Where the points of a visit went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Items that cost something or failed critically: critical failures first, then what cost most.
    pub items: Vec<Loss>,
    /// What the critical rule took beyond the points of its items; none where it took nothing.
    pub by_critical: Option<Rounded>,
}

/// What each item cost, by the explanation of a score and the rules that it was scored with.
///
/// Without bonuses and caps the unrounded points of all items and the raw score add up to 100.
pub fn losses(scoring: &Scoring, explain: &[Explanation]) -> Losses {
    let sections: Vec<&SectionStep> = explain
        .iter()
        .filter_map(|it| match it {
            Explanation::Section(step) => Some(step),
            _ => None,
        })
        .collect();
    let share = Shares::of(scoring, &sections);
    let mut items: Vec<(Exact, Loss)> = explain
        .iter()
        .filter_map(|it| match it {
            Explanation::Item(step) if step.state == ItemState::Scored => share.loss(step),
            _ => None,
        })
        .collect();
    items.sort_by(|(cost, one), (other_cost, other)| {
        (other.critical_failed, other_cost, &one.item).cmp(&(one.critical_failed, cost, &other.item))
    });
    let taken = explain.iter().find_map(|it| match it {
        Explanation::Critical(step) => Some(&step.before - &step.after),
        _ => None,
    });
    let is_something = |it: &Exact| !it.is_zero() && !it.is_negative();
    Losses {
        items: items.into_iter().map(|it| it.1).collect(),
        by_critical: taken.filter(is_something).map(|it| Rounded::new(&it, DECIMALS)),
    }
}

/// What a point of each section is worth in the visit.
struct Shares<'a> {
    mode: ScoringMode,
    sections: &'a [&'a SectionStep],
    /// Sum of what all sections weigh, or of all possible points.
    whole: Exact,
}

impl<'a> Shares<'a> {
    fn of(scoring: &Scoring, sections: &'a [&'a SectionStep]) -> Self {
        let counted = sections.iter().filter(|it| it.possible.units() > 0);
        let whole = counted.map(|it| match scoring.mode {
            ScoringMode::SectionWeighted => Exact::from(it.weight),
            ScoringMode::PointsPooled => it.possible.to_exact(),
        });
        Self { mode: scoring.mode, sections, whole: whole.sum() }
    }

    /// None for an item that lost nothing.
    fn loss(&self, step: &ItemStep) -> Option<(Exact, Loss)> {
        let missed = step.possible.to_exact() - step.earned.to_exact();
        let cost = self.cost(&step.section, &missed).unwrap_or_default();
        if cost.is_zero() && !step.critical_failed {
            return None;
        }
        let points = Rounded::new(&cost, DECIMALS);
        let (item, section) = (step.item.clone(), step.section.clone());
        Some((cost, Loss { item, section, points, critical_failed: step.critical_failed }))
    }

    fn cost(&self, section: &str, missed: &Exact) -> Option<Exact> {
        let hundred = Exact::from(100_i64);
        if self.mode == ScoringMode::PointsPooled {
            return (&hundred * missed).checked_div(&self.whole);
        }
        let section = self.sections.iter().find(|it| it.section == section)?;
        let of_section = (&hundred * missed).checked_div(&section.possible.to_exact())?;
        (&Exact::from(section.weight) * &of_section).checked_div(&self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checklist::{Checklist, CriticalMode},
        visit_score::{PreparedChecklist, VisitScore},
    };
    use alloc::{format, string::ToString};

    fn checklist(mode: &str, weights: [u32; 2]) -> Checklist {
        let text = r#"{"es": "t", "en": "t"}"#;
        let item = |id: &str, weight: u32, critical: bool| {
            format!(
                r#"{{"id": "{id}", "type": "yes_no", "weight": {weight}, "critical": {critical}, "q": {text}}}"#
            )
        };
        let section = |id: &str, weight: u32, items: &str| {
            format!(
                r#"{{"id": "{id}", "weight": {weight}, "touchpoint": "t", "title": {text}, "items": [{items}]}}"#
            )
        };
        let [one, other] = weights;
        let a = section("A", one, &[item("A01", 3, false), item("A02", 1, false)].join(","));
        let e = section("E", other, &[item("E01", 1, true), item("E02", 2, false)].join(","));
        let checklist = format!(
            r#"{{"schema": "cem-checklist/1", "id": "c", "version": 1, "kind": "mystery_shopper", "channel": "c",
            "title": {text}, "purpose": {text}, "scenario": {text}, "default_locale": "es",
            "visit": {{"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0, "submit_within_hours": 24}},
            "scoring": {{"mode": "{mode}", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
                "scale_1_5": "linear", "bonus_cap": "100", "critical": {{"mode": "cap_overall", "cap": "39.99"}},
                "rounding": {{"decimals": 2, "mode": "half_up"}}, "bands": [{{"id": "low", "min": "0", "es": "l", "en": "l"}}]}},
            "sections": [{a}, {e}]}}"#
        );
        serde_json::from_str(&checklist).unwrap()
    }

    fn scored(checklist: &Checklist, answers: &[(&str, &str)]) -> VisitScore {
        let given = answers.iter().map(|(item, answer)| {
            let item = checklist.item(item).unwrap();
            let json = format!("\"{answer}\"");
            (item.id.clone(), crate::answer::parse_answer(item, &json).unwrap().unwrap())
        });
        let given = given.collect();
        PreparedChecklist::new(checklist).unwrap().score_explained(&given).unwrap()
    }

    fn costs(checklist: &Checklist, answers: &[(&str, &str)]) -> (Vec<(String, String)>, Option<String>) {
        let found = losses(&checklist.scoring, &scored(checklist, answers).explain);
        let items = found.items.into_iter().map(|it| (it.item, it.points.to_string()));
        (items.collect(), found.by_critical.map(|it| it.to_string()))
    }

    #[test]
    fn what_items_cost_and_the_raw_score_add_up_to_a_hundred() {
        for (mode, weights) in [("section_weighted", [70, 30]), ("points_pooled", [0, 0])] {
            let checklist = checklist(mode, weights);
            for mask in 0..16_u32 {
                let answer = |bit: u32| if mask >> bit & 1 == 0 { "yes" } else { "no" };
                let answers =
                    [("A01", answer(0)), ("A02", answer(1)), ("E01", answer(2)), ("E02", answer(3))];
                let score = scored(&checklist, &answers);
                let steps: Vec<&SectionStep> = score
                    .explain
                    .iter()
                    .filter_map(|it| match it {
                        Explanation::Section(step) => Some(step),
                        _ => None,
                    })
                    .collect();
                let share = Shares::of(&checklist.scoring, &steps);
                let lost: Exact = score
                    .explain
                    .iter()
                    .filter_map(|it| match it {
                        Explanation::Item(step) => share.loss(step).map(|it| it.0),
                        _ => None,
                    })
                    .sum();
                assert_eq!(lost + score.raw_exact, Exact::from(100_i64), "{mode} {mask}");
            }
        }
    }

    #[test]
    fn what_cost_most_comes_first_and_an_item_of_a_heavy_section_costs_more() {
        let answers = [("A01", "yes"), ("A02", "no"), ("E01", "yes"), ("E02", "no")];
        let cost = |it: &str, points: &str| (it.to_string(), points.to_string());
        let weighted = checklist("section_weighted", [90, 10]);
        assert_eq!(costs(&weighted, &answers), (vec_of([cost("A02", "22.50"), cost("E02", "6.67")]), None));
        let pooled = checklist("points_pooled", [90, 10]);
        assert_eq!(costs(&pooled, &answers), (vec_of([cost("E02", "28.57"), cost("A02", "14.29")]), None));
    }

    #[test]
    fn a_critical_failure_comes_first_with_what_its_rule_took() {
        let answers = [("A01", "no"), ("A02", "yes"), ("E01", "no"), ("E02", "yes")];
        let cost = |it: &str, points: &str| (it.to_string(), points.to_string());
        let mut weighted = checklist("section_weighted", [50, 50]);
        let items = vec_of([cost("E01", "16.67"), cost("A01", "37.50")]);
        assert_eq!(costs(&weighted, &answers), (items.clone(), Some("5.84".to_string())));
        weighted.scoring.critical.mode = CriticalMode::None;
        weighted.scoring.critical.cap = None;
        assert_eq!(costs(&weighted, &answers), (items, None));
    }

    fn vec_of<T: Clone, const N: usize>(items: [T; N]) -> Vec<T> {
        items.to_vec()
    }
}
