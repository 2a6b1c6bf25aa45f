//! Adjustments of earlier periods: retroactive differences and recoveries within their limit (DOMAIN.md 4.4, steps
//! 15 and 16). The only rows that may be negative; what is paid never is.

use super::{Adjustment, AdjustmentLine, CalculationStep, Plan, component};
use crate::{Exact, Rounded};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Adjusted pay of one person.
pub(super) struct Adjusted {
    pub(super) lines: Vec<AdjustmentLine>,
    pub(super) payable: Exact,
}

/// Applies the adjustments of one person (of everybody where `person` is `None`) to what was earned.
pub(super) fn apply(
    plan: &Plan,
    target: &Exact,
    earned: &Exact,
    adjustments: &[Adjustment],
    person: Option<&str>,
) -> Adjusted {
    let minor = plan.money.minor_units;
    let limit = plan
        .recovery_cap_pct_of_variable
        .as_ref()
        .map(|pct| (earned * pct * Exact::scaled(1, 2)).round_half_up(minor));
    let chosen: Vec<&Adjustment> = adjustments.iter().filter(|it| it.person() == person).collect();
    let mut lines: Vec<AdjustmentLine> = chosen.iter().map(|it| line(plan, target, it)).collect();
    let gained: Exact = lines.iter().map(|it| it.amount.value()).filter(|it| !it.is_negative()).sum();
    // Without a limit of the plan the only one is that pay never falls below zero.
    let mut left = match &limit {
        Some(limit) => limit.clone().min(earned + &gained),
        None => earned + &gained,
    };
    for line in lines.iter_mut().filter(|it| it.kind == "recovery" || it.amount.value().is_negative()) {
        let wanted = -line.amount.value().clone();
        let taken = wanted.clone().min(left.clone()).max(Exact::zero());
        left = left - &taken;
        line.limit = limit.as_ref().map(|it| Rounded::new(it, minor));
        line.carried_forward = Some(Rounded::new(&(&wanted - &taken), minor));
        let inputs: &[(&str, &dyn ToString)] = &[("wanted", &wanted), ("earned", earned)];
        line.amount = Rounded::new(&-taken, minor);
        line.steps.push(CalculationStep::new(
            "recovery",
            "smaller of wanted and limit left",
            inputs,
            &line.amount,
        ));
    }
    let adjusted: Exact = lines.iter().map(|it| it.amount.value()).sum();
    Adjusted { lines, payable: (earned + &adjusted).max(Exact::zero()) }
}

/// The row as asked for; a recovery is still without its limit.
fn line(plan: &Plan, target: &Exact, adjustment: &Adjustment) -> AdjustmentLine {
    let minor = plan.money.minor_units;
    match adjustment {
        Adjustment::Recovery { period, reason, amount, .. } => {
            row("recovery", period, None, Some(reason.clone()), Rounded::new(&-amount.clone(), minor))
        }
        Adjustment::Retro { period, amount: Some(amount), reason, .. } => {
            let mut row = row("retro", period, None, reason.clone(), Rounded::new(amount, minor));
            row.method = Some("rerun".to_string());
            row
        }
        Adjustment::Retro {
            period,
            component,
            corrected_value,
            previous_value,
            previously_paid,
            reason,
            ..
        } => {
            let mut steps = Vec::new();
            let found = component.as_deref().and_then(|it| plan.component(it));
            let corrected = corrected_value.clone().unwrap_or_default();
            let paid = previously_paid.clone().unwrap_or_default();
            let payout = found.map(|it| payout_of(plan, it, &corrected, &mut steps)).unwrap_or_default();
            let weight = found.map(|it| it.weight.clone()).unwrap_or_default();
            let due = (target * &weight * &payout * Exact::scaled(1, 2)).round_half_up(minor);
            let difference = &due - &paid;
            let before = previous_value.as_ref().map_or_else(String::new, ToString::to_string);
            let inputs: &[(&str, &dyn ToString)] = &[
                ("target", target),
                ("weight", &weight),
                ("payout_pct", &payout),
                ("previous_value", &before),
                ("previously_paid", &paid),
            ];
            let formula = "target x weight x payout_pct / 100 - previously_paid";
            steps.push(CalculationStep::new("retro", formula, inputs, &difference));
            let mut row =
                row("retro", period, component.clone(), reason.clone(), Rounded::new(&difference, minor));
            row.method = Some("simplified".to_string());
            row.steps = steps;
            row
        }
    }
}

fn payout_of(
    plan: &Plan,
    found: &super::Component,
    value: &Exact,
    steps: &mut Vec<CalculationStep>,
) -> Exact {
    let Some(table) = plan.tables.get(&found.table) else { return Exact::zero() };
    let (_, x) = component::entry(plan, found, table, value, steps);
    let (payout, formula) = table.payout(&x);
    let payout = payout.round_half_up(plan.percent.decimals);
    steps.push(CalculationStep::new("table", formula, &[("x", &x), ("table", &found.table)], &payout));
    payout
}

fn row(
    kind: &str,
    period: &str,
    component: Option<String>,
    reason: Option<String>,
    amount: Rounded,
) -> AdjustmentLine {
    AdjustmentLine {
        kind: kind.to_string(),
        period: period.to_string(),
        component,
        reason,
        method: None,
        limit: None,
        amount,
        carried_forward: None,
        steps: Vec::new(),
    }
}
