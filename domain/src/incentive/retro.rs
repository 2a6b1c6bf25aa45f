//! Retroactive differences: a locked period calculated again with corrected inputs. The locked result is never
//! edited; the difference becomes an adjustment of the next run (DOMAIN.md 4.4 and 11).

use super::{Adjustment, Inputs, Payment, Payout, Plan, ResultInput, ShiftVisit, VisitScore, compute};
use crate::{Exact, Problem};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// What a corrected calculation of a locked period changes for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetroDifference {
    /// The person.
    pub person: String,
    /// Earned as it was locked, before adjustments.
    pub locked: Exact,
    /// Earned by the corrected calculation.
    pub corrected: Exact,
    /// `corrected - locked`; never 0.
    pub difference: Exact,
}

impl RetroDifference {
    /// The same without what other runs adjusted already, paid or taken, in the plan's currency; none where nothing is left.
    pub fn remaining(mut self, adjusted: &Exact) -> Option<Self> {
        self.locked = &self.locked + adjusted;
        self.difference = &self.corrected - &self.locked;
        (!self.difference.is_zero()).then_some(self)
    }

    /// The adjustment for the next run. A negative difference is recovered within the limit of that run's plan.
    ///
    /// `period` names the locked period, `2026-04`; `names_person` is true for plans of teams.
    pub fn adjustment(&self, period: &str, reason: &str, names_person: bool) -> Adjustment {
        Adjustment::Retro {
            person: names_person.then(|| self.person.clone()),
            period: period.to_string(),
            component: None,
            previous_value: None,
            corrected_value: None,
            previously_paid: None,
            amount: Some(self.difference.clone()),
            reason: Some(reason.to_string()),
        }
    }
}

/// How a visit stands once an appeal against it is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedVisit {
    /// It counts.
    Counts {
        /// With this final score, 0 to 100.
        score: Exact,
        /// Whether a critical item of it failed.
        critical: bool,
    },
    /// It counts no more: it was excluded or annulled.
    Gone,
}

/// The inputs of a locked period with visits as they were decided since: without the mark of a dispute, with their score and their
/// critical failures as they are now. `decided` tells of a visit by its id, and nothing of one that stays as it was.
pub fn decided_inputs(inputs: &Inputs, decided: impl Fn(&str) -> Option<DecidedVisit>) -> Inputs {
    let mut inputs = inputs.clone();
    inputs.visits = inputs
        .visits
        .into_iter()
        .filter_map(|it| match decided(&it.id) {
            None => Some(it),
            Some(DecidedVisit::Gone) => None,
            Some(DecidedVisit::Counts { score, .. }) => {
                Some(ShiftVisit { score, disputed: false, decision_due: None, ..it })
            }
        })
        .collect();
    for result in inputs.results.values_mut() {
        decide(result, &decided);
        if let Some(rolling) = &mut result.rolling {
            decide(rolling, &decided);
        }
    }
    inputs
}

fn decide(result: &mut ResultInput, decided: &impl Fn(&str) -> Option<DecidedVisit>) {
    let Some(visits) = result.visits.take() else { return };
    let failed = |visits: &[VisitScore]| {
        u32::try_from(visits.iter().filter(|it| it.critical).count()).unwrap_or(u32::MAX)
    };
    let before = failed(&visits);
    let visits: Vec<VisitScore> = visits
        .into_iter()
        .filter_map(|it| match it.id.as_deref().and_then(decided) {
            None => Some(it),
            Some(DecidedVisit::Gone) => None,
            Some(DecidedVisit::Counts { score, critical }) => {
                Some(VisitScore { score, critical, disputed: false, decision_due: None, ..it })
            }
        })
        .collect();
    let after = failed(&visits);
    // Those that no visit is named for stay.
    result.confirmed_critical =
        result.confirmed_critical.map(|it| it.saturating_sub(before).saturating_add(after));
    result.visits = Some(visits);
}

/// Calculates a locked period again with corrected inputs and gives the difference of each person, by id.
///
/// Adjustments inside the locked period stay out of it: they were paid or carried there already. So do held amounts:
/// a decided dispute is a correction without the mark.
///
/// # Errors
/// As [`compute`].
pub fn retro_differences(
    plan: &Plan,
    locked: &Payout,
    corrected: &Inputs,
) -> Result<Vec<RetroDifference>, Problem> {
    let earned = |payout: &Payout| -> BTreeMap<String, Exact> {
        let payments: Vec<Payment> = payout.payments();
        payments.into_iter().map(|it| (it.person, it.earned.value().clone())).collect()
    };
    let (before, mut after) = (earned(locked), earned(&compute(plan, corrected)?));
    for person in before.keys() {
        after.entry(person.clone()).or_default();
    }
    let differences = after.into_iter().map(|(person, corrected)| {
        let locked = before.get(&person).cloned().unwrap_or_default();
        RetroDifference { difference: &corrected - &locked, person, locked, corrected }
    });
    Ok(differences.filter(|it| !it.difference.is_zero()).collect())
}
