//! The shape of the inputs in JSON: which fields there are and of which type. What is missing or of the wrong type
//! gets a stand-in, so that the rest is judged in the same pass and every element keeps its place.

use super::{Adjustment, Inputs, Payee, Period, Person, Previous, ResultInput, ShiftVisit, VisitScore};
use crate::{
    Date, Exact,
    incentive::Plan,
    input::{At, Object, Problems, complain},
    problem::pointer,
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// Reads inputs; `None` where there is no object at all.
pub(super) fn inputs(plan: &Plan, root: &At<'_>, problems: &mut Problems) -> Option<Inputs> {
    let mut object = root.object(problems)?;
    let period = object.need("period", problems).and_then(|it| period(&it, problems));
    let pool = plan.is_pool();
    let (mut who, mut results, mut previous) = (None, BTreeMap::new(), BTreeMap::new());
    let (mut band, mut people) = (None, Vec::new());
    if pool {
        band = object.take("band").and_then(|it| it.text(problems));
        people = all(object.need("people", problems), problems, payee);
    } else {
        who = object.need("person", problems).and_then(|it| person(&it, problems));
        let only_adjusts = who.as_ref().is_some_and(|it: &Person| it.only_adjustments);
        let given = if only_adjusts { object.take("results") } else { object.need("results", problems) };
        results = named(given, problems, result);
        previous = named(object.take("previous"), problems, previous_of);
    }
    // Whether a pool needs some is judged by its sample rule.
    let visits = object.take("visits");
    let needs_shift = !plan.recognitions.is_empty();
    let visits = all(visits, problems, |it, problems| shift_visit(it, needs_shift, problems));
    let adjustments = all(object.take("adjustments"), problems, adjustment);
    object.finish(problems);
    let period = period.unwrap_or(Period { from: Date::MIN, to: Date::MAX });
    Some(Inputs { period, person: who, results, previous, band, visits, people, adjustments })
}

fn all<T>(
    list: Option<At<'_>>,
    problems: &mut Problems,
    read: impl Fn(&At<'_>, &mut Problems) -> T,
) -> Vec<T> {
    let items = list.and_then(|it| it.list(problems)).unwrap_or_default();
    items.iter().map(|it| read(it, problems)).collect()
}

fn named<T>(
    map: Option<At<'_>>,
    problems: &mut Problems,
    read: impl Fn(&At<'_>, &mut Problems) -> Option<T>,
) -> BTreeMap<String, T> {
    let fields = map.and_then(|it| it.object(problems)).map(|mut it| it.rest()).unwrap_or_default();
    fields.iter().filter_map(|(name, it)| Some(((*name).to_string(), read(it, problems)?))).collect()
}

fn period(at: &At<'_>, problems: &mut Problems) -> Option<Period> {
    let mut object = at.object(problems)?;
    let from = object.need("from", problems).and_then(|it| it.date(problems));
    let to = object.need("to", problems).and_then(|it| it.date(problems));
    object.finish(problems);
    Some(Period { from: from.unwrap_or(Date::MIN), to: to.unwrap_or(Date::MAX) })
}

fn person(at: &At<'_>, problems: &mut Problems) -> Option<Person> {
    let mut object = at.object(problems)?;
    let id = object.need("id", problems).and_then(|it| it.text(problems));
    let eligible_from = object.take("eligible_from").and_then(|it| it.date(problems));
    let eligible_to = object.take("eligible_to").and_then(|it| it.date(problems));
    let target = object.take("target").and_then(|it| it.decimal(problems));
    let only_adjustments = only_adjustments(&mut object, problems);
    object.finish(problems);
    Some(Person { id: id.unwrap_or_default(), eligible_from, eligible_to, target, only_adjustments })
}

fn only_adjustments(object: &mut Object<'_>, problems: &mut Problems) -> bool {
    object.take("only_adjustments").and_then(|it| it.flag(problems)).unwrap_or(false)
}

fn result(at: &At<'_>, problems: &mut Problems) -> Option<ResultInput> {
    let mut object = at.object(problems)?;
    let mut found = plain_result(&mut object, problems);
    found.rolling = object.take("rolling").and_then(|it| {
        let mut object = it.object(problems)?;
        let rolling = plain_result(&mut object, problems);
        object.finish(problems);
        Some(Box::new(rolling))
    });
    object.finish(problems);
    Some(found)
}

fn plain_result(object: &mut Object<'_>, problems: &mut Problems) -> ResultInput {
    let mut count = |name: &str| object.take(name).map(|it| (it.count(problems), it));
    // A count of the wrong type was told; a stand-in keeps it from being missed as well.
    let mut number = |name: &str| count(name).map(|(number, _)| number.unwrap_or(1));
    let (numerator, denominator) = (number("numerator"), number("denominator"));
    let (n, confirmed_critical) = (number("n"), number("confirmed_critical"));
    let value = object.take("value").map(|it| it.decimal(problems).unwrap_or_default());
    let visits = object.take("visits").map(|it| all(Some(it), problems, visit_score));
    ResultInput { value, visits, numerator, denominator, n, confirmed_critical, rolling: None }
}

fn visit_score(at: &At<'_>, problems: &mut Problems) -> VisitScore {
    if !at.is_object() {
        let score = at.decimal(problems).unwrap_or_default();
        return VisitScore { id: None, score, critical: false, disputed: false, decision_due: None };
    }
    let mut object = at.fields(problems);
    let id = object.take("id").and_then(|it| it.text(problems));
    let score = score(&mut object, problems);
    let critical = object.take("critical").and_then(|it| it.flag(problems)).unwrap_or(false);
    let (disputed, decision_due) = dispute(&mut object, problems);
    object.finish(problems);
    VisitScore { id, score, critical, disputed, decision_due }
}

fn score(object: &mut Object<'_>, problems: &mut Problems) -> Exact {
    object.need("score", problems).and_then(|it| it.decimal(problems)).unwrap_or_default()
}

/// The id of an element; its place stands in for one that is missing, so that stand-ins never repeat.
fn id(object: &mut Object<'_>, problems: &mut Problems) -> String {
    let place = object.pointer.clone();
    object.need("id", problems).and_then(|it| it.text(problems)).unwrap_or(place)
}

fn dispute(object: &mut Object<'_>, problems: &mut Problems) -> (bool, Option<Date>) {
    let disputed = object.take("disputed").and_then(|it| it.flag(problems)).unwrap_or(false);
    (disputed, object.take("decision_due").and_then(|it| it.date(problems)))
}

fn previous_of(at: &At<'_>, problems: &mut Problems) -> Option<Previous> {
    let mut object = at.object(problems)?;
    let payout_pct = object.need("payout_pct", problems).and_then(|it| it.decimal(problems));
    let protected = object.need("protected", problems).and_then(|it| it.flag(problems)).unwrap_or(false);
    let consecutive = object.take("consecutive").and_then(|it| it.count(problems));
    object.finish(problems);
    Some(Previous { payout_pct: payout_pct?, protected, consecutive })
}

fn shift_visit(at: &At<'_>, needs_shift: bool, problems: &mut Problems) -> ShiftVisit {
    let mut object = at.fields(problems);
    let id = id(&mut object, problems);
    let score = score(&mut object, problems);
    let on_shift = if needs_shift { object.need("on_shift", problems) } else { object.take("on_shift") };
    let on_shift =
        all(on_shift, problems, |it, problems| it.text(problems).unwrap_or_else(|| it.pointer.clone()));
    let (disputed, decision_due) = dispute(&mut object, problems);
    object.finish(problems);
    ShiftVisit { id, score, on_shift, disputed, decision_due }
}

fn payee(at: &At<'_>, problems: &mut Problems) -> Payee {
    let mut object = at.fields(problems);
    let id = id(&mut object, problems);
    let role = object.take("role").and_then(|it| it.text(problems));
    let role_factor = object.take("role_factor").and_then(|it| it.decimal(problems));
    let days = object.take("days").and_then(|it| it.count(problems));
    let only_adjustments = only_adjustments(&mut object, problems);
    object.finish(problems);
    Payee { id, role, role_factor, days, only_adjustments }
}

fn adjustment(at: &At<'_>, problems: &mut Problems) -> Adjustment {
    let mut object = at.fields(problems);
    let kind = object.need("kind", problems).and_then(|it| it.text(problems)).unwrap_or_default();
    let person = object.take("person").and_then(|it| it.text(problems));
    let period = object.need("period", problems).and_then(|it| it.text(problems)).unwrap_or_default();
    match kind.as_str() {
        "retro" => retro(object, person, period, problems),
        "recovery" => {
            let reason = object.need("reason", problems).and_then(|it| it.text(problems)).unwrap_or_default();
            let amount = object.need("amount", problems).and_then(|it| it.decimal(problems));
            object.finish(problems);
            Adjustment::Recovery { person, period, reason, amount: amount.unwrap_or_else(Exact::one) }
        }
        _ => {
            let (es, en) = ("debe ser retro o recovery", "must be retro or recovery");
            complain(problems, pointer(&at.pointer, "kind"), "unknown_kind", es.into(), en.into());
            Adjustment::Recovery { person, period, reason: String::new(), amount: Exact::one() }
        }
    }
}

fn retro(
    mut object: Object<'_>,
    person: Option<String>,
    period: String,
    problems: &mut Problems,
) -> Adjustment {
    let component = object.take("component").and_then(|it| it.text(problems));
    let mut decimal = |name: &str| object.take(name).map(|it| it.decimal(problems).unwrap_or_default());
    let (previous_value, corrected_value) = (decimal("previous_value"), decimal("corrected_value"));
    let (previously_paid, amount) = (decimal("previously_paid"), decimal("amount"));
    let reason = object.take("reason").and_then(|it| it.text(problems));
    object.finish(problems);
    Adjustment::Retro {
        person,
        period,
        component,
        previous_value,
        corrected_value,
        previously_paid,
        amount,
        reason,
    }
}
