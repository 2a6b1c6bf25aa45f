//! Whether inputs fit a plan: every problem in one pass, at JSON Pointers into the inputs.

use super::{Adjustment, Inputs, Previous, ResultInput, possible};
use crate::{
    Exact,
    incentive::{Component, InsufficientSample, Plan},
    input::{Problems, complain, missing, unknown_field},
    problem::pointer,
};
use alloc::{
    format,
    string::{String, ToString},
};
use ordered::BTreeSet;

/// Judges inputs; adds to the problems found while reading.
pub(super) fn judge(plan: &Plan, inputs: &Inputs, problems: &mut Problems) {
    if inputs.period.days() == 0 {
        let (es, en) = ("el periodo termina antes de empezar", "the period ends before it begins");
        complain(problems, "/period/to".to_string(), "period_reversed", es.into(), en.into());
    }
    visits(inputs, problems);
    if plan.is_pool() {
        pool(plan, inputs, problems)
    } else {
        individual(plan, inputs, problems)
    }
    for (index, it) in inputs.adjustments.iter().enumerate() {
        adjustment(plan, inputs, &format!("/adjustments/{index}"), it, problems);
    }
    possible::judge(plan, inputs, problems);
}

fn out_of_range(problems: &mut Problems, field: String, es: &str, en: &str) {
    complain(problems, field, "out_of_range", es.into(), en.into());
}

fn score_range(problems: &mut Problems, field: String, score: &Exact) {
    if score.is_negative() || *score > Exact::from(100) {
        out_of_range(problems, field, "va de 0 a 100", "must lie in 0 to 100");
    }
}

fn visits(inputs: &Inputs, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (index, visit) in inputs.visits.iter().enumerate() {
        let at = format!("/visits/{index}");
        score_range(problems, pointer(&at, "score"), &visit.score);
        if !seen.insert(&visit.id) {
            repeated(problems, pointer(&at, "id"), &visit.id);
        }
        let mut on_shift = BTreeSet::new();
        for (index, id) in visit.on_shift.iter().enumerate() {
            let field = format!("{at}/on_shift/{index}");
            if !on_shift.insert(id) {
                repeated(problems, field.clone(), id);
            }
            let known = inputs.people.iter().any(|it| it.id == *id && !it.only_adjustments);
            if !known && !inputs.people.is_empty() {
                let (es, en) = (format!("«{id}» no está en people"), format!("\"{id}\" is not among people"));
                complain(problems, field, "unknown_person", es, en);
            }
        }
    }
}

fn repeated(problems: &mut Problems, field: String, id: &str) {
    let (es, en) = (format!("«{id}» aparece dos veces"), format!("\"{id}\" appears twice"));
    complain(problems, field, "repeated_id", es, en);
}

fn pool(plan: &Plan, inputs: &Inputs, problems: &mut Problems) {
    let period_days = inputs.period.days();
    let mut seen = BTreeSet::new();
    for (index, it) in inputs.people.iter().enumerate() {
        let at = format!("/people/{index}");
        if !seen.insert(&it.id) {
            repeated(problems, pointer(&at, "id"), &it.id);
        }
        if it.only_adjustments {
            is_adjusted(inputs, &at, &it.id, problems);
            continue;
        }
        let (by_factor, by_days) = plan.split.as_ref().map_or((false, false), |it| it.by.needs());
        for (name, lacks) in
            [("role_factor", by_factor && it.role_factor.is_none()), ("days", by_days && it.days.is_none())]
        {
            if lacks {
                missing(problems, pointer(&at, name));
            }
        }
        if it.days.is_some_and(|days| days > period_days) {
            let (es, en) = (
                format!("el periodo tiene {period_days} días"),
                format!("the period has {period_days} days"),
            );
            out_of_range(problems, pointer(&at, "days"), &es, &en);
        }
        if it.role_factor.as_ref().is_some_and(Exact::is_negative) {
            out_of_range(
                problems,
                pointer(&at, "role_factor"),
                "no puede ser negativo",
                "cannot be negative",
            );
        }
    }
    if inputs.people.is_empty() {
        missing(problems, "/people".to_string());
    }
    let short = plan.min_n.is_some_and(|it| it > 0);
    let only_adjusts = inputs.only_adjust();
    if inputs.visits.is_empty() && !short && !only_adjusts {
        missing(problems, "/visits".to_string());
    }
    match &inputs.band {
        None if only_adjusts => {}
        None if !plan.band_multiplier.is_empty() => missing(problems, "/band".to_string()),
        Some(band) if !plan.band_multiplier.is_empty() && !plan.band_multiplier.contains_key(band) => {
            let (es, en) = (
                format!("el plan no tiene la categoría «{band}»"),
                format!("the plan has no band \"{band}\""),
            );
            complain(problems, "/band".to_string(), "unknown_band", es, en);
        }
        _ => {}
    }
    for (field, given) in [
        ("/person", inputs.person.is_some()),
        ("/results", !inputs.results.is_empty()),
        ("/previous", !inputs.previous.is_empty()),
    ] {
        if given {
            unknown_field(problems, field.to_string());
        }
    }
}

/// Who is here for adjustments only has one.
fn is_adjusted(inputs: &Inputs, at: &str, person: &str, problems: &mut Problems) {
    if !inputs.adjustments.iter().any(|it| it.person() == Some(person)) {
        let (es, en) = (
            format!("«{person}» sólo está por ajustes, y no tiene ninguno"),
            format!("\"{person}\" is here for adjustments only, and has none"),
        );
        complain(problems, pointer(at, "only_adjustments"), "nothing_to_adjust", es, en);
    }
}

/// Somebody who is here for adjustments only: there is one, and nothing of the period.
fn only_adjusted(inputs: &Inputs, problems: &mut Problems) {
    if inputs.adjustments.is_empty() {
        missing(problems, "/adjustments".to_string());
    }
    for (field, given) in [
        ("/results", !inputs.results.is_empty()),
        ("/previous", !inputs.previous.is_empty()),
        ("/visits", !inputs.visits.is_empty()),
        ("/band", inputs.band.is_some()),
        ("/people", !inputs.people.is_empty()),
    ] {
        if given {
            unknown_field(problems, field.to_string());
        }
    }
}

fn individual(plan: &Plan, inputs: &Inputs, problems: &mut Problems) {
    if inputs.only_adjust() {
        return only_adjusted(inputs, problems);
    }
    person(plan, inputs, problems);
    // Where there are no results at all, that was told once.
    let unread = problems.iter().any(|it| it.field == "/results");
    for component in plan.components.iter().filter(|_| !unread) {
        let at = pointer("/results", &component.id);
        match inputs.results.get(&component.id) {
            None => missing(problems, at),
            Some(it) => {
                result(component, &at, it, problems);
                sample(plan, component, &at, it, problems);
            }
        }
        if let Some(it) = inputs.previous.get(&component.id) {
            previous(plan, component, it, problems);
        }
    }
    for (at, ids) in [
        ("/results", inputs.results.keys().collect::<BTreeSet<_>>()),
        ("/previous", inputs.previous.keys().collect()),
    ] {
        for id in ids.into_iter().filter(|it| plan.component(it).is_none()) {
            unknown_component(problems, pointer(at, id), id);
        }
    }
    for (field, given) in [("/band", inputs.band.is_some()), ("/people", !inputs.people.is_empty())] {
        if given {
            unknown_field(problems, field.to_string());
        }
    }
}

fn unknown_component(problems: &mut Problems, field: String, id: &str) {
    let (es, en) =
        (format!("el plan no tiene el componente «{id}»"), format!("the plan has no component \"{id}\""));
    complain(problems, field, "unknown_component", es, en);
}

fn person(plan: &Plan, inputs: &Inputs, problems: &mut Problems) {
    let Some(person) = &inputs.person else { return missing(problems, "/person".to_string()) };
    match (&person.target, &plan.target) {
        (None, None) => missing(problems, "/person/target".to_string()),
        (Some(target), _) if target.is_negative() => {
            out_of_range(
                problems,
                "/person/target".to_string(),
                "no puede ser negativo",
                "cannot be negative",
            );
        }
        _ => {}
    }
    let from = person.eligible_from.unwrap_or(inputs.period.from);
    let to = person.eligible_to.unwrap_or(inputs.period.to);
    let field = if person.eligible_from.is_some() { "/person/eligible_from" } else { "/person/eligible_to" };
    let days = from.max(inputs.period.from).days_through(to.min(inputs.period.to));
    if days == 0 && inputs.period.days() > 0 {
        let (es, en) = (
            "la persona no es elegible ningún día del periodo",
            "the person is eligible on no day of the period",
        );
        complain(problems, field.to_string(), "not_eligible", es.into(), en.into());
    }
}

/// One form only: a value, visits, or a numerator over a denominator.
fn result(component: &Component, at: &str, it: &ResultInput, problems: &mut Problems) {
    let quotient = it.numerator.is_some() || it.denominator.is_some();
    let forms = [it.value.is_some(), it.visits.is_some(), quotient];
    match forms.iter().filter(|it| **it).count() {
        0 => missing(problems, pointer(at, "value")),
        1 => {}
        _ => conflicting(
            problems,
            at,
            "value, visits o numerator/denominator",
            "value, visits or numerator/denominator",
        ),
    }
    if quotient {
        for (name, given) in [("numerator", it.numerator), ("denominator", it.denominator)] {
            if given.is_none() {
                missing(problems, pointer(at, name));
            }
        }
    }
    if it.n.is_some() && it.value.is_none() && forms != [false; 3] {
        conflicting(problems, &pointer(at, "n"), "n acompaña sólo a value", "n goes with value only");
    }
    for (index, visit) in it.visits.iter().flatten().enumerate() {
        score_range(problems, format!("{at}/visits/{index}"), &visit.score);
    }
    let mut seen = BTreeSet::new();
    for (index, id) in
        it.visits.iter().flatten().enumerate().filter_map(|(index, it)| Some((index, it.id.as_ref()?)))
    {
        if !seen.insert(id) {
            repeated(problems, format!("{at}/visits/{index}/id"), id);
        }
    }
    if component.protect_band_by_ci.is_some() && it.visits.is_none() && forms != [false; 3] {
        let (es, en) = ("la protección de categoría necesita visits", "band protection needs visits");
        complain(problems, pointer(at, "visits"), "visits_missing", es.into(), en.into());
    }
}

fn conflicting(problems: &mut Problems, at: &str, es: &str, en: &str) {
    let (es, en) = (format!("use una sola forma: {es}"), format!("use one form only: {en}"));
    complain(problems, at.to_string(), "conflicting_fields", es, en);
}

fn sample(plan: &Plan, component: &Component, at: &str, it: &ResultInput, problems: &mut Problems) {
    let n = it.sample_size();
    let Some(min_n) = component.min_n else {
        if it.visits.as_ref().is_some_and(|it| it.is_empty()) || it.denominator == Some(0) {
            let (es, en) = ("la muestra está vacía", "the sample is empty");
            complain(problems, at.to_string(), "empty_sample", es.into(), en.into());
        }
        return;
    };
    let Some(n) = n else {
        return missing(problems, pointer(at, if it.value.is_some() { "n" } else { "value" }));
    };
    let carried = plan.insufficient_sample == Some(InsufficientSample::CarryForward) && n < min_n;
    match &it.rolling {
        None if carried => missing(problems, pointer(at, "rolling")),
        Some(rolling) => {
            let at = pointer(at, "rolling");
            result(component, &at, rolling, problems);
            if rolling.sample_size().is_some_and(|it| it == 0) {
                let (es, en) = ("la muestra está vacía", "the sample is empty");
                complain(problems, at, "empty_sample", es.into(), en.into());
            }
        }
        None => {}
    }
    if min_n == 0 && n == 0 {
        let (es, en) = ("la muestra está vacía", "the sample is empty");
        complain(problems, at.to_string(), "empty_sample", es.into(), en.into());
    }
}

fn previous(plan: &Plan, component: &Component, it: &Previous, problems: &mut Problems) {
    let field = pointer(&pointer("/previous", &component.id), "payout_pct");
    if component.protect_band_by_ci.is_some() && !plan.has_band(component, &it.payout_pct) {
        let (es, en) = (
            format!("ningún escalón de {} paga {}", component.table, it.payout_pct),
            format!("no step of {} pays {}", component.table, it.payout_pct),
        );
        complain(problems, field, "unknown_payout_pct", es, en);
    }
}

fn adjustment(plan: &Plan, inputs: &Inputs, at: &str, it: &Adjustment, problems: &mut Problems) {
    match (plan.is_pool(), it.person()) {
        (true, None) => missing(problems, pointer(at, "person")),
        (true, Some(id)) if !inputs.people.iter().any(|it| it.id == id) => {
            let (es, en) = (format!("«{id}» no está en people"), format!("\"{id}\" is not among people"));
            complain(problems, pointer(at, "person"), "unknown_person", es, en);
        }
        (false, Some(_)) => unknown_field(problems, pointer(at, "person")),
        _ => {}
    }
    match it {
        Adjustment::Recovery { amount, .. } => {
            if *amount <= Exact::zero() {
                out_of_range(problems, pointer(at, "amount"), "debe ser mayor que 0", "must be above 0");
            }
        }
        Adjustment::Retro { component, corrected_value, previously_paid, previous_value, amount, .. } => {
            let values = [corrected_value, previously_paid, previous_value];
            if amount.is_some() {
                if component.is_some() || values.iter().any(|it| it.is_some()) {
                    conflicting(problems, at, "amount o los valores", "amount or the values");
                }
                return;
            }
            match component.as_deref().map(|it| (it, plan.component(it))) {
                None => missing(problems, pointer(at, "component")),
                Some((id, None)) => unknown_component(problems, pointer(at, "component"), id),
                Some((_, Some(_))) => {}
            }
            if corrected_value.is_none() {
                missing(problems, pointer(at, "corrected_value"));
            }
            if previously_paid.is_none() {
                missing(problems, pointer(at, "previously_paid"));
            }
        }
    }
}

impl ResultInput {
    /// Size of the sample: visits, or the denominator, or `n`.
    pub fn sample_size(&self) -> Option<u32> {
        match &self.visits {
            Some(visits) => u32::try_from(visits.len()).ok(),
            None => self.denominator.or(self.n),
        }
    }
}
