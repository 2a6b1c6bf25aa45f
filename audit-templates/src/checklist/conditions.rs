//! Judges the conditions of an item: that they parse, look back and can be true. Owns what each type of item can be
//! compared with.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Exact,
    answer::TimeOfDay,
    checklist::{
        Item, ItemType,
        condition::{Comparison, Condition, Literal, Operator},
    },
};

use crate::read::Report;

/// The items that a condition may name, and those that exist at all.
pub(super) struct Known<'a> {
    pub(super) earlier: &'a BTreeMap<&'a str, Option<&'a Item>>,
    pub(super) all: &'a BTreeSet<&'a str>,
}

/// Judges the conditions of an item: `when`, on earlier items; those of its evidence and of what is confirmed, on itself too.
pub(super) fn validate(item: &Item, at: &str, known: &Known<'_>, report: &Report) {
    if let Some(when) = &item.when {
        condition(when, None, &format!("{at}.when"), known, report);
    }
    if let Some(confirm) = &item.confirm {
        condition(&confirm.required_if, Some(item), &format!("{at}.confirm.required_if"), known, report);
    }
    let evidence = item.evidence.as_ref();
    let photo = evidence.and_then(|it| it.photo.as_ref()).and_then(|it| it.required_if.as_ref());
    let comment = evidence.and_then(|it| it.comment.as_ref()).and_then(|it| it.required_if.as_ref());
    for (key, text) in [("photo", photo), ("comment", comment)] {
        if let Some(text) = text {
            condition(text, Some(item), &format!("{at}.evidence.{key}.required_if"), known, report);
        }
    }
}

fn condition(text: &str, itself: Option<&Item>, at: &str, known: &Known<'_>, report: &Report) {
    let parsed = match Condition::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.refuse(
                at,
                "bad_condition",
                format!(
                    "La condición no se entiende: {error}. Ejemplo: B02 > 10 and Z03 in ['cuenta', 'ambos']"
                ),
                format!(
                    "The condition cannot be read: {error}. Example: B02 > 10 and Z03 in ['cuenta', 'ambos']"
                ),
            );
            return;
        }
    };
    for comparison in parsed.comparisons() {
        let id = comparison.item.as_str();
        let found = known.earlier.get(id).copied().or(itself.filter(|it| it.id == id).map(Some));
        match found {
            Some(None) => {}
            Some(Some(item)) => {
                if let Err((code, es, en)) = compare(comparison, item) {
                    report.refuse(at, code, es, en);
                }
            }
            None if known.all.contains(id) => report.refuse(
                at,
                "not_earlier",
                format!(
                    "«{id}» viene después o es esta misma pregunta; una condición solo mira las anteriores"
                ),
                format!("`{id}` comes later or is this very item; a condition only looks at earlier ones"),
            ),
            None => report.refuse(
                at,
                "unknown_item",
                format!("No hay una pregunta «{id}»"),
                format!("There is no item `{id}`"),
            ),
        }
    }
}

type Refusal = (&'static str, String, String);

fn compare(comparison: &Comparison, item: &Item) -> Result<(), Refusal> {
    let Item { id, kind, .. } = item;
    if kind.holds_blobs() || *kind == ItemType::Text {
        let kind = kind.name();
        return Err((
            "not_comparable",
            format!("«{id}» es de tipo {kind} y no se puede comparar"),
            format!("`{id}` is of type {kind} and cannot be compared"),
        ));
    }
    let has_order = kind.is_numeric() || matches!(kind, ItemType::Scale | ItemType::Time);
    if comparison.operator.is_ordering() && !has_order {
        let symbol = comparison.operator.symbol();
        return Err((
            "bad_operator",
            format!("«{id}» no tiene orden: use ==, != o in en vez de {symbol}"),
            format!("`{id}` has no order: use ==, != or in instead of {symbol}"),
        ));
    }
    for value in &comparison.values {
        if !can_be(item, comparison.operator, value) {
            let (es, en) = possible_values(item);
            return Err((
                "impossible_value",
                format!("«{id}» nunca vale {value}; puede valer {es}"),
                format!("`{id}` is never {value}; it can be {en}"),
            ));
        }
    }
    Ok(())
}

fn can_be(item: &Item, operator: Operator, value: &Literal) -> bool {
    match (item.kind, value) {
        (ItemType::YesNo | ItemType::YesNoNa, Literal::Text(text)) => text == "yes" || text == "no",
        (ItemType::SingleChoice | ItemType::MultiChoice, Literal::Text(text)) => item.option(text).is_some(),
        (ItemType::Time, Literal::Text(text)) => TimeOfDay::parse(text).is_some(),
        (ItemType::Scale, Literal::Number(number)) => (1..=5).any(|it: i32| Exact::from(it) == *number),
        // An order may be asked against any number; equality only with one that can be answered.
        (ItemType::Number | ItemType::Duration, Literal::Number(number)) => {
            operator.is_ordering()
                || (item.min.as_ref().is_none_or(|it| it <= number)
                    && item.max.as_ref().is_none_or(|it| it >= number))
        }
        _ => false,
    }
}

fn possible_values(item: &Item) -> (String, String) {
    let both = |text: &str| (text.to_string(), text.to_string());
    match item.kind {
        ItemType::YesNo | ItemType::YesNoNa => (
            "'yes' o 'no' ('na' no se compara)".to_string(),
            "'yes' or 'no' ('na' is not compared)".to_string(),
        ),
        ItemType::SingleChoice | ItemType::MultiChoice => {
            both(&item.options.iter().map(|it| format!("'{}'", it.id)).collect::<Vec<_>>().join(", "))
        }
        ItemType::Scale => ("un entero de 1 a 5".to_string(), "an integer from 1 to 5".to_string()),
        ItemType::Time => ("una hora como '09:30'".to_string(), "a time such as '09:30'".to_string()),
        _ => {
            let limit = |it: &Option<Exact>| it.as_ref().map_or_else(|| "…".to_string(), ToString::to_string);
            let (min, max) = (limit(&item.min), limit(&item.max));
            (format!("un número de {min} a {max}"), format!("a number from {min} to {max}"))
        }
    }
}
