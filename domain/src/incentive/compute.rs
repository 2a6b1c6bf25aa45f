//! Paying a plan: judges plan and inputs, calculates, and holds back what rests on disputed visits.

use super::{
    Held, IndividualPayout, Inputs, Payout, Plan, PoolPayout, ResultInput, individual::individual, inputs,
    pool::pool,
};
use crate::{Date, Exact, Problem, Rounded};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// Pays a plan for a period.
///
/// While visits are disputed, everything is calculated with and without them, each person is paid the lower amount,
/// and the difference is held (DOMAIN.md 4.3): disputes never raise pay.
///
/// - **Units**: amounts in the plan's currency with its minor units; percentages with the plan's decimals.
/// - **Shape**: people, visits and results in any order; the result is in the order of the plan, people by id.
/// - **Errors**: `invalid_plan` where the content is unsound, `invalid_inputs` with every offending field.
/// - **Source**: DOMAIN.md 4.3, 4.4 and 11 "Payout".
pub fn compute(plan: &Plan, inputs: &Inputs) -> Result<Payout, Problem> {
    let unsound = plan.problems();
    if !unsound.is_empty() {
        return Err(Problem::invalid("invalid_plan", "the plan has problems", unsound));
    }
    inputs::check(plan, inputs)?;
    let with = calculate(plan, inputs)?;
    let disputes = Disputes::of(inputs);
    if disputes.visits.is_empty() {
        return Ok(with);
    }
    let without = calculate(plan, &undisputed(inputs))?;
    Ok(lower(with, without, &disputes, plan.money.minor_units))
}

fn calculate(plan: &Plan, inputs: &Inputs) -> Result<Payout, Problem> {
    if plan.is_pool() {
        pool(plan, inputs).map(Payout::Pool)
    } else {
        Ok(Payout::Individual(individual(plan, inputs)))
    }
}

/// The disputed visits and by when they are decided.
struct Disputes {
    visits: Vec<String>,
    decision_due: Option<Date>,
}

impl Disputes {
    fn of(inputs: &Inputs) -> Self {
        let of_results = inputs.results.iter().flat_map(|(component, result)| {
            let rolling = result.rolling.iter().flat_map(|it| it.visits.iter().flatten());
            let disputed = result.visits.iter().flatten().chain(rolling).filter(|it| it.disputed);
            disputed.map(|it| (it.id.clone().unwrap_or_else(|| component.clone()), it.decision_due))
        });
        let on_shift =
            inputs.visits.iter().filter(|it| it.disputed).map(|it| (it.id.clone(), it.decision_due));
        let found: BTreeMap<String, Option<Date>> = of_results.chain(on_shift).collect();
        Self { decision_due: found.values().flatten().max().copied(), visits: found.into_keys().collect() }
    }
}

fn undisputed(inputs: &Inputs) -> Inputs {
    let mut inputs = inputs.clone();
    inputs.visits.retain(|it| !it.disputed);
    for result in inputs.results.values_mut() {
        leave_out_disputed(result);
        if let Some(rolling) = &mut result.rolling {
            leave_out_disputed(rolling);
        }
    }
    inputs
}

/// A visit that is left out takes its critical failure with it.
fn leave_out_disputed(result: &mut ResultInput) {
    let Some(visits) = &mut result.visits else { return };
    let failed = visits.iter().filter(|it| it.disputed && it.critical).count();
    let failed = u32::try_from(failed).unwrap_or(u32::MAX);
    visits.retain(|it| !it.disputed);
    result.confirmed_critical = result.confirmed_critical.map(|it| it.saturating_sub(failed));
}

/// Each person's lower amount, with the difference held.
fn lower(with: Payout, without: Payout, disputes: &Disputes, minor: u32) -> Payout {
    match (with, without) {
        (Payout::Individual(with), Payout::Individual(without)) => {
            Payout::Individual(lower_of_person(with, without, disputes))
        }
        (Payout::Pool(with), Payout::Pool(without)) => {
            Payout::Pool(lower_of_team(with, without, disputes, minor))
        }
        // Both were calculated by the same plan.
        (with, _) => with,
    }
}

fn held(person: &str, with: &Rounded, without: &Rounded, disputes: &Disputes) -> Option<Held> {
    let amount = Rounded::new(&(with.value() - without.value()).abs(), with.decimals());
    (!amount.value().is_zero()).then(|| Held {
        person: person.to_string(),
        with: with.clone(),
        without: without.clone(),
        amount,
        visits: disputes.visits.clone(),
        decision_due: disputes.decision_due,
    })
}

fn lower_of_person(
    with: IndividualPayout,
    without: IndividualPayout,
    disputes: &Disputes,
) -> IndividualPayout {
    let held = held(&with.person, &with.current_period, &without.current_period, disputes);
    let mut paid = if without.current_period < with.current_period { without } else { with };
    paid.held = held.into_iter().collect();
    paid
}

fn lower_of_team(with: PoolPayout, without: PoolPayout, disputes: &Disputes, minor: u32) -> PoolPayout {
    let mut held_back = Vec::new();
    let mut people = Vec::new();
    for (a, b) in with.people.iter().zip(&without.people) {
        held_back.extend(held(&a.id, &a.total, &b.total, disputes));
        people.push(if b.total < a.total { b.clone() } else { a.clone() });
    }
    let mut paid = if without.pool < with.pool { without } else { with };
    let payable: Exact = people.iter().map(|it| it.payable.value()).sum();
    paid.people = people;
    paid.payable = Rounded::new(&payable, minor);
    paid.held = held_back;
    paid
}
