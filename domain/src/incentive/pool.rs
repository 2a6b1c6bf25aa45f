//! What a plan pays a team (DOMAIN.md 4.6): the pool from the index of the visits, its cap, its split to the cent, and
//! recognitions.

use super::{
    CalculationStep, Inputs, InsufficientSample, Note, Payee, Plan, PoolPayout, PoolShare, RecognitionLine,
    SplitBy, adjustments,
    component::{INDEX_DECIMALS, UNROUNDED_DECIMALS, factor, rule_name},
    individual::{period_note, qualifying},
    share::{Part, share_out},
};
use crate::{Exact, FieldProblem, Problem, Rounded, statistics::Sample};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// The pool before it is shared.
struct Pool {
    n: u32,
    mean: Option<Exact>,
    index: Option<Exact>,
    step_pct: Exact,
    rule: Option<InsufficientSample>,
    base: Exact,
    multiplier: Option<Exact>,
    before_cap: Exact,
    cap: Option<Exact>,
    steps: Vec<CalculationStep>,
}

/// Awards in money, by person.
struct Awards {
    inside: BTreeMap<String, Exact>,
    outside: BTreeMap<String, Exact>,
    lines: Vec<RecognitionLine>,
}

/// Pays a team. The plan is sound and the inputs were judged against it.
///
/// # Errors
/// `nothing_to_share_by` where there is a pool but everybody's weight is 0.
pub(super) fn pool(plan: &Plan, inputs: &Inputs) -> Result<PoolPayout, Problem> {
    let minor = plan.money.minor_units;
    let mut people: Vec<&Payee> = inputs.people.iter().collect();
    people.sort_by(|a, b| a.id.cmp(&b.id));
    let mut found = fill(plan, inputs);
    let mut awards = awards(plan, inputs, &people);
    let inside: Exact = awards.inside.values().sum();
    let mut amount = found.before_cap.clone();
    if let Some(cap) = &found.cap {
        // Awards inside the cap come out of the same amount, so that the cap holds for both.
        let room = (cap - &inside).max(Exact::zero());
        amount = amount.min(room);
        if inside > *cap {
            awards.inside = reduced(&awards.inside, cap, minor);
        }
        let taken: &[(&str, &dyn ToString)] =
            &[("pool", &found.before_cap), ("cap", cap), ("inside_cap", &inside)];
        found.steps.push(CalculationStep::new(
            "pool_cap",
            "smaller of pool and cap - inside_cap",
            taken,
            &amount,
        ));
    }
    let amount = amount.round_half_up(minor);
    let parts = split(plan, inputs, &people, &amount)?;
    let shares: Vec<PoolShare> = people
        .iter()
        .zip(&parts)
        .map(|(person, (weight, part))| share(plan, inputs, person, weight, part, &awards, &amount))
        .collect();
    let payable: Exact = shares.iter().map(|it| it.payable.value()).sum();
    let sample = found.rule.filter(|_| !inputs.only_adjust()).map(|it| note(plan, &found, it));
    let notes = sample.into_iter().chain(period_note(plan, inputs)).collect();
    Ok(PoolPayout {
        plan: plan.id.clone(),
        version: plan.version,
        currency: plan.currency.clone(),
        period_days: inputs.period.days(),
        n: found.n,
        mean_exact: found.mean.as_ref().map(fraction),
        index: found.index.as_ref().map(|it| Rounded::new(it, INDEX_DECIMALS)),
        step_pct: Rounded::new(&found.step_pct, plan.percent.decimals),
        sample_rule: found.rule.map(|it| rule_name(it).to_string()),
        base_pool: Rounded::new(&found.base, minor),
        band_multiplier: found.multiplier.as_ref().map(factor),
        pool_before_cap: Rounded::new(&found.before_cap, minor),
        pool_cap: found.cap.as_ref().map(|it| Rounded::new(it, minor)),
        pool: Rounded::new(&amount, minor),
        people: shares,
        recognitions: awards.lines,
        payable: Rounded::new(&payable, minor),
        held: Vec::new(),
        notes,
        steps: found.steps,
    })
}

/// A mean as a fraction: `11137/120`; an integer stays one.
fn fraction(mean: &Exact) -> String {
    let text = mean.to_fraction();
    text.strip_suffix("/1").map_or_else(|| text.clone(), ToString::to_string)
}

fn note(plan: &Plan, found: &Pool, rule: InsufficientSample) -> Note {
    let (n, min_n, name) = (found.n, plan.min_n.unwrap_or(0), rule_name(rule));
    Note::new(
        name,
        format!("muestra insuficiente ({n} de {min_n}); regla {name}"),
        format!("sample too small ({n} of {min_n}); rule {name}"),
    )
}

/// Steps 3 to 9 for a team: index, table, base, band.
fn fill(plan: &Plan, inputs: &Inputs) -> Pool {
    let mut steps = Vec::new();
    let sample = Sample::of(inputs.visits.iter().map(|it| &it.score));
    let n = sample.as_ref().map_or(0, |it| it.n);
    let mean = sample.map(|it| it.mean);
    let index = mean.as_ref().map(|it| it.round_half_up(INDEX_DECIMALS));
    if let (Some(mean), Some(index)) = (&mean, &index) {
        let inputs: &[(&str, &dyn ToString)] = &[("mean", mean), ("n", &n)];
        steps.push(CalculationStep::new("index", "mean of visits, 2 decimals", inputs, index));
    }
    let short = plan.min_n.is_some_and(|it| n < it);
    let rule = if short { plan.insufficient_sample } else { None };
    let step_pct = pool_percentage(plan, rule, index.as_ref(), &mut steps);
    let heads = inputs.people.iter().filter(|it| !it.only_adjustments).count();
    let heads = u32::try_from(heads).unwrap_or(u32::MAX);
    let per_head = plan.base_per_head.clone().unwrap_or_default();
    let base = &per_head * &Exact::from(heads);
    let multiplier = inputs.band.as_ref().and_then(|it| plan.band_multiplier.get(it)).cloned();
    let factor = multiplier.clone().unwrap_or_else(Exact::one);
    let before_cap = &base * &step_pct * Exact::scaled(1, 2) * &factor;
    let shown: &[(&str, &dyn ToString)] = &[
        ("base_per_head", &per_head),
        ("people", &heads),
        ("step_pct", &step_pct),
        ("band_multiplier", &factor),
    ];
    let formula = "base_per_head x people x step_pct / 100 x band_multiplier";
    steps.push(CalculationStep::new("pool", formula, shown, &before_cap));
    let cap = plan.pool_cap_pct.as_ref().map(|it| &base * it * Exact::scaled(1, 2));
    Pool { n, mean, index, step_pct, rule, base, multiplier, before_cap, cap, steps }
}

fn pool_percentage(
    plan: &Plan,
    rule: Option<InsufficientSample>,
    index: Option<&Exact>,
    steps: &mut Vec<CalculationStep>,
) -> Exact {
    let table = plan.table.as_ref().and_then(|it| plan.tables.get(it));
    match (rule, table, index) {
        (Some(InsufficientSample::Zero), ..) => Exact::zero(),
        (Some(_), ..) => Exact::from(100),
        (None, Some(table), Some(index)) => {
            let (pct, formula) = table.payout(index);
            let pct = pct.round_half_up(plan.percent.decimals);
            steps.push(CalculationStep::new("table", formula, &[("x", index)], &pct));
            pct
        }
        _ => Exact::zero(),
    }
}

fn weight(plan: &Plan, inputs: &Inputs, person: &Payee) -> Exact {
    let factor = person.role_factor.clone().unwrap_or_else(Exact::one);
    let days = Exact::from(person.days.unwrap_or_else(|| inputs.period.days()));
    match plan.split.as_ref().map(|it| it.by) {
        Some(SplitBy::RoleFactorDays) => factor * days,
        Some(SplitBy::RoleFactor) => factor,
        Some(SplitBy::Days) => days,
        Some(SplitBy::Equal) | None => Exact::one(),
    }
}

/// The weight and the part of each person; both are 0 for those who are here for adjustments only.
fn split(
    plan: &Plan,
    inputs: &Inputs,
    people: &[&Payee],
    amount: &Exact,
) -> Result<Vec<(Exact, Part)>, Problem> {
    let members = people.iter().filter(|it| !it.only_adjustments);
    let weights: Vec<(&str, Exact)> = members.map(|it| (it.id.as_str(), weight(plan, inputs, it))).collect();
    match share_out(amount, &weights, plan.money.minor_units) {
        Some(parts) => {
            let mut of_members = weights.into_iter().map(|(_, it)| it).zip(parts);
            let none = || (Exact::zero(), Part::default());
            let part = |it: &&Payee| {
                if it.only_adjustments { none() } else { of_members.next().unwrap_or_else(none) }
            };
            Ok(people.iter().map(part).collect())
        }
        None => Err(Problem::invalid(
            "invalid_inputs",
            "the inputs do not fit the plan",
            [FieldProblem::new(
                "/people",
                "nothing_to_share_by",
                "todas las personas pesan 0 en el reparto",
                "everybody's weight in the split is 0",
            )]
            .to_vec(),
        )),
    }
}

fn awards(plan: &Plan, inputs: &Inputs, people: &[&Payee]) -> Awards {
    let mut awards = Awards { inside: BTreeMap::new(), outside: BTreeMap::new(), lines: Vec::new() };
    for recognition in &plan.recognitions {
        let mut granted: Vec<String> = Vec::new();
        let mut total = Exact::zero();
        for person in people {
            let visits = qualifying(recognition, inputs, &person.id);
            let count = Exact::from(u32::try_from(visits.len()).unwrap_or(u32::MAX));
            granted.extend(visits);
            if let Some(amount) = &recognition.amount {
                let earned = amount * &count;
                total = total + &earned;
                let side = if recognition.outside_cap { &mut awards.outside } else { &mut awards.inside };
                let before = side.remove(&person.id).unwrap_or_default();
                side.insert(person.id.clone(), before + earned);
            }
        }
        granted.sort();
        granted.dedup();
        if !granted.is_empty() {
            awards.lines.push(RecognitionLine {
                id: recognition.id.clone(),
                visits: granted,
                amount: recognition.amount.as_ref().map(|_| Rounded::new(&total, plan.money.minor_units)),
                outside_cap: recognition.outside_cap,
            });
        }
    }
    awards
}

/// Awards cut to the cap, in proportion and to the cent.
fn reduced(awards: &BTreeMap<String, Exact>, cap: &Exact, minor: u32) -> BTreeMap<String, Exact> {
    let weights: Vec<(&str, Exact)> = awards.iter().map(|(id, it)| (id.as_str(), it.clone())).collect();
    let parts = share_out(&cap.floor_to(minor), &weights, minor).unwrap_or_default();
    weights.iter().zip(parts).map(|((id, _), part)| ((*id).to_string(), part.amount)).collect()
}

fn share(
    plan: &Plan,
    inputs: &Inputs,
    person: &Payee,
    weight: &Exact,
    part: &Part,
    awards: &Awards,
    pool: &Exact,
) -> PoolShare {
    let minor = plan.money.minor_units;
    let award = |of: &BTreeMap<String, Exact>| of.get(&person.id).cloned().unwrap_or_default();
    let recognition = Rounded::new(&(award(&awards.inside) + award(&awards.outside)), minor);
    let total = &part.amount + recognition.value();
    let target = Exact::zero();
    let adjusted = adjustments::apply(plan, &target, &total, &inputs.adjustments, Some(&person.id));
    let shown: &[(&str, &dyn ToString)] = &[("pool", pool), ("weight", weight), ("floor", &part.floor)];
    let formula = "pool x weight / sum of weights, down; left-over cents by largest remainder";
    PoolShare {
        id: person.id.clone(),
        weight: factor(weight),
        unrounded: Rounded::new(&part.unrounded, UNROUNDED_DECIMALS),
        share: Rounded::new(&part.amount, minor),
        recognition,
        total: Rounded::new(&total, minor),
        adjustments: adjusted.lines,
        payable: Rounded::new(&adjusted.payable, minor),
        only_adjustments: person.only_adjustments,
        steps: [CalculationStep::new("share", formula, shown, &part.amount)].to_vec(),
    }
}
