//! Figures that cannot be: more cases than there were, a month that no calendar has, fractions of a cent, the same
//! correction twice.

use super::{Adjustment, Inputs, ResultInput};
use crate::{
    Date, Exact, FieldProblem,
    incentive::Plan,
    input::{Problems, complain},
    problem::pointer,
};
use alloc::{format, string::String};

/// Judges figures one by one; what was refused already is left alone.
pub(super) fn judge(plan: &Plan, inputs: &Inputs, problems: &mut Problems) {
    let mut found = Problems::new();
    for (id, it) in &inputs.results {
        let at = pointer("/results", id);
        result(&at, it, &mut found);
        if let Some(rolling) = &it.rolling {
            result(&pointer(&at, "rolling"), rolling, &mut found);
        }
    }
    let target = inputs.person.as_ref().and_then(|it| it.target.as_ref());
    money(plan, "/person/target", target, &mut found);
    for (index, it) in inputs.adjustments.iter().enumerate() {
        let at = format!("/adjustments/{index}");
        adjustment(plan, &at, it, &mut found);
        if inputs.adjustments.iter().take(index).any(|before| is_same(before, it)) {
            let (es, en) = (
                "la misma corrección ya está en la lista; quítela, o dé a cada una su motivo",
                "the same correction is listed already; leave it out, or give each its own reason",
            );
            complain(&mut found, at, "repeated_adjustment", es.into(), en.into());
        }
    }
    found.retain(|it| !problems.iter().any(|told| makes_pointless(told, &it.field)));
    problems.append(&mut found);
}

/// Whether what was told makes another problem pointless: it is about the same place or what lies in it, or a figure
/// beside it in the same result could not be read and has a stand-in.
fn makes_pointless(told: &FieldProblem, field: &str) -> bool {
    let inside = |parent: &str| told.field.strip_prefix(parent).is_some_and(|it| it.starts_with('/'));
    let parent = field.rsplit_once('/').map_or("", |it| it.0);
    told.field == field
        || inside(field)
        || (told.code == "wrong_type" && parent.starts_with("/results/") && inside(parent))
}

fn result(at: &str, it: &ResultInput, problems: &mut Problems) {
    if let (Some(numerator), Some(denominator)) = (it.numerator, it.denominator)
        && numerator > denominator
    {
        let (es, en) = (
            format!("{numerator} casos de {denominator} no es posible"),
            format!("{numerator} cases of {denominator} is not possible"),
        );
        complain(problems, pointer(at, "numerator"), "out_of_range", es, en);
    }
    if let (Some(confirmed), Some(visits)) = (it.confirmed_critical, it.sample_size())
        && confirmed > visits
    {
        let (es, en) = (
            format!("{confirmed} visitas con una falta crítica, de {visits}, no es posible"),
            format!("{confirmed} visits with a critical failure, of {visits}, is not possible"),
        );
        complain(problems, pointer(at, "confirmed_critical"), "out_of_range", es, en);
    }
}

fn adjustment(plan: &Plan, at: &str, it: &Adjustment, problems: &mut Problems) {
    let (period, amount) = match it {
        Adjustment::Retro { period, amount, previously_paid, .. } => {
            money(plan, &pointer(at, "previously_paid"), previously_paid.as_ref(), problems);
            not_negative(&pointer(at, "previously_paid"), previously_paid.as_ref(), problems);
            (period, amount.as_ref())
        }
        Adjustment::Recovery { period, amount, .. } => (period, Some(amount)),
    };
    money(plan, &pointer(at, "amount"), amount, problems);
    if Date::parse(&format!("{period}-01")).is_none() {
        let (es, en) = (
            format!("«{period}» no es un mes; escriba año-mes, como 2026-04"),
            format!("\"{period}\" is no month; write year-month, such as 2026-04"),
        );
        complain(problems, pointer(at, "period"), "not_a_month", es, en);
    }
}

/// Whole minor units of the plan's currency.
fn money(plan: &Plan, field: &str, amount: Option<&Exact>, problems: &mut Problems) {
    let decimals = plan.money.minor_units;
    if amount.is_some_and(|it| it.round_half_up(decimals) != *it) {
        let (es, en) = (
            format!("los montos en {} llevan {decimals} decimales a lo más", plan.currency),
            format!("amounts in {} have {decimals} decimals at most", plan.currency),
        );
        complain(problems, String::from(field), "too_many_decimals", es, en);
    }
}

/// What was paid; a line is never negative.
fn not_negative(field: &str, amount: Option<&Exact>, problems: &mut Problems) {
    if amount.is_some_and(Exact::is_negative) {
        let (es, en) = ("lo pagado no puede ser negativo", "what was paid cannot be negative");
        complain(problems, String::from(field), "out_of_range", es.into(), en.into());
    }
}

/// Two rows that correct the same: equal in everything, or the result of one component in one period twice.
fn is_same(one: &Adjustment, next: &Adjustment) -> bool {
    let corrected = |it: &Adjustment| match it {
        Adjustment::Retro { person, period, component: Some(component), .. } => {
            Some((person.clone(), period.clone(), component.clone()))
        }
        Adjustment::Retro { .. } | Adjustment::Recovery { .. } => None,
    };
    one == next || corrected(one).is_some_and(|it| corrected(next) == Some(it))
}
