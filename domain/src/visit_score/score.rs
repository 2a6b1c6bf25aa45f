//! The sum itself: from prepared items and answers to points, sections, raw score, critical rule, rounding and band.
//! Owns the arithmetic; integers per item, exact rationals from the section up.

use alloc::{string::String, vec, vec::Vec};
use ordered::BTreeMap;

use super::{
    Percent, Points, PooledPoints, PreparedChecklist, SectionScore, VisitScore,
    explain::{Explanation, Steps},
    prepare::{PreparedItem, Seen},
    rule::FULL_CREDIT,
};
use crate::{
    Exact, FieldProblem, Problem,
    answer::{Answer, AnswerField, Answers, parse_field},
    attachment::Permitted,
    checklist::{CriticalMode, ScoringMode},
    problem::pointer,
};

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Hidden,
    Unscored,
    NotApplicable,
    Unanswered,
    /// With its credit, in units of `1 / FULL_CREDIT`.
    Scored(i64),
}

/// Points of a section; a point is [`FULL_CREDIT`] units, as in [`Points`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SectionPoints {
    pub(super) earned: Points,
    pub(super) possible: Points,
    pub(super) bonus: Points,
    pub(super) critical_failed: bool,
}

/// Every point of a visit.
pub(super) struct Tally {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) sections: Vec<SectionPoints>,
    pub(super) critical_failed: Vec<usize>,
    touchpoints: Vec<PooledPoints>,
    pillars: Vec<PooledPoints>,
}

/// The exact results before rounding.
pub(super) struct ExactScore {
    /// Of each section with possible points: percentage with bonuses, capped.
    pub(super) sections: Vec<Option<Exact>>,
    /// Sum of weighted percentages (or 100 x points), and of weights (or possible points).
    pub(super) numerator: Exact,
    pub(super) denominator: Exact,
    /// Before the critical rule.
    pub(super) raw: Exact,
    /// After it.
    pub(super) last: Exact,
}

impl PreparedChecklist {
    /// Scores the answers of a visit without the explanation: the quick form, for many visits.
    ///
    /// # Errors
    /// As [`super::score_visit`].
    pub fn score(&self, answers: &Answers) -> Result<VisitScore, Problem> {
        self.run(answers, false)
    }

    /// Scores the answers of a visit and explains every step.
    ///
    /// # Errors
    /// As [`super::score_visit`].
    pub fn score_explained(&self, answers: &Answers) -> Result<VisitScore, Problem> {
        self.run(answers, true)
    }

    fn run(&self, answers: &Answers, explained: bool) -> Result<VisitScore, Problem> {
        let seen = self.see(answers);
        let tally = self.tally(answers, &seen)?;
        let exact = self.exact(&tally)?;
        let raw = Percent::round(&exact.raw);
        let final_score = Percent::round(&exact.last);
        let band = self.bands.iter().rev().find(|(min, _)| *min <= final_score).or(self.bands.first());
        let explain = if explained { self.explain(&seen, &tally, &exact) } else { Vec::new() };
        Ok(VisitScore {
            raw,
            final_score,
            band: band.map(|(_, id)| id.clone()).unwrap_or_default(),
            critical_failed: tally.critical_failed.iter().filter_map(|it| self.item_id(*it)).collect(),
            sections: self.section_scores(&tally, &exact),
            pillars: percentages(&self.pillars, &tally.pillars),
            touchpoints: percentages(&self.touchpoints, &tally.touchpoints),
            hidden: self.items_with(&tally, |_, it| it == Outcome::Hidden),
            excluded: self.items_with(&tally, |item, it| {
                item.item.weight > 0 && matches!(it, Outcome::NotApplicable | Outcome::Unanswered)
            }),
            incomplete: self.missing(answers, &seen, Permitted::default()),
            ignored: self.ignored(answers, &seen),
            pillar_points: pooled(&self.pillars, &tally.pillars),
            touchpoint_points: pooled(&self.touchpoints, &tally.touchpoints),
            explain,
            raw_exact: exact.raw,
        })
    }

    fn tally(&self, answers: &Answers, seen: &Seen<'_>) -> Result<Tally, Problem> {
        let mut tally = Tally {
            outcomes: Vec::with_capacity(self.items.len()),
            sections: vec![SectionPoints::default(); self.sections.len()],
            critical_failed: Vec::new(),
            touchpoints: vec![PooledPoints::default(); self.touchpoints.len()],
            pillars: vec![PooledPoints::default(); self.pillars.len()],
        };
        let mut problems = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let outcome = outcome(item, seen.is_visible(index), seen.usable(index)).unwrap_or_else(|| {
                problems.push(misfit(&item.item.id));
                Outcome::Unanswered
            });
            tally.outcomes.push(outcome);
            if let Outcome::Scored(credit) = outcome {
                self.add(&mut tally, index, item, credit);
            }
        }
        self.check_fields(answers, &mut problems);
        if problems.is_empty() { Ok(tally) } else { Err(invalid(problems)) }
    }

    fn add(&self, tally: &mut Tally, index: usize, item: &PreparedItem, credit: i64) {
        let weight = i64::from(item.item.weight);
        // Bounded by MAX_WEIGHT * FULL_CREDIT per item and MAX_ITEMS items: far below i64.
        let earned = Points::from_units(weight * credit);
        let Some(section) = tally.sections.get_mut(item.section) else { return };
        if item.item.critical && credit == 0 {
            section.critical_failed = true;
            tally.critical_failed.push(index);
        }
        if item.item.bonus {
            section.bonus += earned;
            return;
        }
        let possible = Points::from_units(weight * FULL_CREDIT);
        section.earned += earned;
        section.possible += possible;
        let touchpoint = self.sections.get(item.section).map(|it| it.touchpoint);
        let pools = [
            touchpoint.and_then(|it| tally.touchpoints.get_mut(it)),
            item.pillar.and_then(|it| tally.pillars.get_mut(it)),
        ];
        for pool in pools.into_iter().flatten() {
            pool.earned += earned;
            pool.possible += possible;
        }
    }

    fn exact(&self, tally: &Tally) -> Result<ExactScore, Problem> {
        let sections: Vec<Option<Exact>> = tally.sections.iter().map(|it| self.percentage(it)).collect();
        let (numerator, denominator) = match self.checklist.scoring.mode {
            ScoringMode::SectionWeighted => self.weighted(&sections),
            ScoringMode::PointsPooled => all_points(&tally.sections, |_| true),
        };
        let raw = numerator.checked_div(&denominator).ok_or_else(nothing_to_score)?;
        let raw = self.capped(raw);
        let last = self.after_critical(tally, &sections, &raw);
        Ok(ExactScore { sections, numerator, denominator, raw, last })
    }

    /// Percentage of a section with its bonuses, capped; `None` without possible points.
    fn percentage(&self, points: &SectionPoints) -> Option<Exact> {
        let (numerator, denominator) = all_points(core::slice::from_ref(points), |_| true);
        numerator.checked_div(&denominator).map(|it| self.capped(it))
    }

    fn capped(&self, score: Exact) -> Exact {
        score.min(self.checklist.scoring.bonus_cap.clone())
    }

    /// Weighted sum of section percentages, and sum of the weights of sections that have one.
    fn weighted(&self, sections: &[Option<Exact>]) -> (Exact, Exact) {
        let mut total = (Exact::zero(), 0_i64);
        for (section, score) in self.sections.iter().zip(sections) {
            if let Some(score) = score {
                total.0 = total.0 + &Exact::from(section.weight) * score;
                total.1 += i64::from(section.weight);
            }
        }
        (total.0, Exact::from(total.1))
    }

    fn after_critical(&self, tally: &Tally, sections: &[Option<Exact>], raw: &Exact) -> Exact {
        let rule = &self.checklist.scoring.critical;
        if tally.critical_failed.is_empty() {
            return raw.clone();
        }
        match rule.mode {
            CriticalMode::None => raw.clone(),
            CriticalMode::ZeroOverall => Exact::zero(),
            CriticalMode::CapOverall => {
                rule.cap.clone().map_or_else(|| raw.clone(), |it| it.min(raw.clone()))
            }
            CriticalMode::ZeroSection => {
                self.without_failed_sections(tally, sections).unwrap_or_else(Exact::zero)
            }
        }
    }

    fn without_failed_sections(&self, tally: &Tally, sections: &[Option<Exact>]) -> Option<Exact> {
        let (numerator, denominator) = match self.checklist.scoring.mode {
            ScoringMode::SectionWeighted => {
                let zeroed: Vec<Option<Exact>> = sections
                    .iter()
                    .zip(&tally.sections)
                    .map(|(score, points)| {
                        score
                            .as_ref()
                            .map(|it| if points.critical_failed { Exact::zero() } else { it.clone() })
                    })
                    .collect();
                self.weighted(&zeroed)
            }
            ScoringMode::PointsPooled => all_points(&tally.sections, |it| !it.critical_failed),
        };
        numerator.checked_div(&denominator).map(|it| self.capped(it))
    }

    fn section_scores(&self, tally: &Tally, exact: &ExactScore) -> BTreeMap<String, SectionScore> {
        let scored = self.sections.iter().zip(&tally.sections).zip(&exact.sections);
        scored
            .filter_map(|((section, points), score)| {
                let score = SectionScore {
                    weight: section.weight,
                    earned: points.earned,
                    possible: points.possible,
                    bonus: points.bonus,
                    score: Percent::round(score.as_ref()?),
                };
                Some((section.id.clone(), score))
            })
            .collect()
    }

    fn items_with(&self, tally: &Tally, holds: impl Fn(&PreparedItem, Outcome) -> bool) -> Vec<String> {
        let items = self.items.iter().zip(&tally.outcomes);
        items.filter(|(item, outcome)| holds(item, **outcome)).map(|(item, _)| item.item.id.clone()).collect()
    }

    fn item_id(&self, index: usize) -> Option<String> {
        self.items.get(index).map(|it| it.item.id.clone())
    }

    /// Answered fields of hidden items.
    fn ignored(&self, answers: &Answers, seen: &Seen<'_>) -> Vec<String> {
        let hidden = self.items.iter().enumerate().filter(|(index, _)| !seen.is_visible(*index));
        hidden
            .flat_map(|(_, it)| [&it.item.id, &it.comment_field, &it.photo_field])
            .filter(|it| answers.contains_key(*it))
            .cloned()
            .collect()
    }

    /// Refuses fields of no item. Free where every field is an item's answer.
    fn check_fields(&self, answers: &Answers, problems: &mut Vec<FieldProblem>) {
        let answered = self.items.iter().filter(|it| answers.contains_key(&it.item.id)).count();
        if answered == answers.len() {
            return;
        }
        for field in answers.keys() {
            let known = AnswerField::parse(field).is_some_and(|it| self.checklist.item(it.item).is_some());
            if !known {
                problems.extend(parse_field(&self.checklist, field, "null").err());
            }
        }
    }

    fn explain(&self, seen: &Seen<'_>, tally: &Tally, exact: &ExactScore) -> Vec<Explanation> {
        Steps { prepared: self, seen, tally, exact }.all()
    }
}

fn outcome(item: &PreparedItem, visible: bool, answer: Option<&Answer>) -> Option<Outcome> {
    if !visible {
        return Some(Outcome::Hidden);
    }
    if !item.item.is_scored() {
        return Some(Outcome::Unscored);
    }
    match answer {
        None => Some(Outcome::Unanswered),
        Some(Answer::NotApplicable) => item.item.accepts_na().then_some(Outcome::NotApplicable),
        Some(answer) => item.rule.credit(answer).map(Outcome::Scored),
    }
}

/// `100 x (earned + bonus)` of the sections that count, and the possible points of all, in the same units.
fn all_points(sections: &[SectionPoints], counts: impl Fn(&SectionPoints) -> bool) -> (Exact, Exact) {
    let (mut earned, mut possible) = (Points::default(), Points::default());
    for section in sections {
        possible += section.possible;
        if counts(section) {
            earned += section.earned;
            earned += section.bonus;
        }
    }
    // Bounded by MAX_ITEMS * MAX_WEIGHT * FULL_CREDIT * 100: below i64.
    (Exact::from(earned.units() * 100), Exact::from(possible.units()))
}

fn percentages(names: &[String], pools: &[PooledPoints]) -> BTreeMap<String, Percent> {
    let named = names.iter().zip(pools);
    named.filter_map(|(name, it)| Some((name.clone(), Percent::of(it.earned, it.possible)?))).collect()
}

fn pooled(names: &[String], pools: &[PooledPoints]) -> BTreeMap<String, PooledPoints> {
    let named = names.iter().zip(pools).filter(|(_, it)| it.possible.units() > 0);
    named.map(|(name, it)| (name.clone(), *it)).collect()
}

fn invalid(problems: Vec<FieldProblem>) -> Problem {
    Problem::invalid("invalid_answers", "The answers do not fit the checklist", problems)
}

fn misfit(id: &str) -> FieldProblem {
    FieldProblem::new(
        pointer("", id),
        "wrong_type",
        "La respuesta no es de las que admite la pregunta",
        "The answer is not one that the item accepts",
    )
}

fn nothing_to_score() -> Problem {
    Problem::single(
        422,
        "nothing_to_score",
        "Ninguna pregunta con peso tiene respuesta; no hay nada que calificar",
        "No item with weight has an answer; there is nothing to score",
    )
}
