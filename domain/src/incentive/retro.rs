//! Retroactive differences: a locked period calculated again with corrected inputs. The locked result is never
//! edited; the difference becomes an adjustment of the next run (DOMAIN.md 4.4 and 11).

use super::{Adjustment, Inputs, Payment, Payout, Plan, compute};
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
