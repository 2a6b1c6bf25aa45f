//! A step of a calculation in plain words, with its figures as they were calculated. Computes nothing; a fraction that does not end is
//! shown with six decimals beside it.

use super::super::words::Words;
use domain::{Exact, incentive::CalculationStep};
use fluent_bundle::FluentValue;

/// What steps name of what went in.
const INPUTS: [&str; 33] = [
    "adjustments",
    "amount",
    "band_multiplier",
    "base",
    "base_per_head",
    "cap",
    "current_period",
    "denominator",
    "earned",
    "factor",
    "floor",
    "gate",
    "goal",
    "inside_cap",
    "interval",
    "level",
    "limit",
    "max_consecutive",
    "mean",
    "min_n",
    "n",
    "numerator",
    "outside_cap",
    "payout_pct",
    "people",
    "pool",
    "previous_payout_pct",
    "previously_paid",
    "protected_in_a_row",
    "proration",
    "result",
    "step_pct",
    "sum",
];
/// The rest of them.
const MORE_INPUTS: [&str; 6] = ["target", "table", "visits", "wanted", "weight", "x"];
/// Decimals beside a fraction.
const DECIMALS: u32 = 6;
/// How a step of the table between two points begins its second part.
const OF_X: &str = "(x - ";

/// A step in words.
pub(super) fn words_of(words: &Words, it: &CalculationStep) -> String {
    let given = INPUTS.iter().chain(&MORE_INPUTS).filter_map(|name| {
        let text = it.inputs.get(*name)?;
        Some((*name, FluentValue::from(input(words, name, text))))
    });
    let mut parts: Vec<(&'static str, FluentValue<'_>)> = given.collect();
    let value =
        if it.step == "sample" { words.name_of("pay-rule", &it.value) } else { figure(words, &it.value) };
    parts.push(("value", FluentValue::from(value)));
    parts.push(("formula", FluentValue::from(formula(it))));
    words.with(key(it), &parts)
}

fn input(words: &Words, name: &str, text: &str) -> String {
    match name {
        "visits" => text.replace(' ', ", "),
        "interval" if text.starts_with("none") => words.say("pay-no-interval"),
        _ => figure(words, text),
    }
}

/// A number as people read it; another text as it is.
pub(super) fn figure(words: &Words, text: &str) -> String {
    if !text.contains('/') {
        return words.figure(text);
    }
    Exact::parse(text)
        .map_or_else(|_| text.to_owned(), |it| format!("{text} (≈ {})", words.figure(&it.to_fixed(DECIMALS))))
}

/// What of the formula is shown: the arithmetic of a table between two points, and the rule of a gate.
fn formula(it: &CalculationStep) -> String {
    match it.step.as_str() {
        "table" => {
            let x = it.inputs.get("x").map_or("x", String::as_str);
            it.formula.replace(OF_X, &format!("({x} - ")).replace(") x ", ") × ")
        }
        "gate" => it.formula.split(" does not hold").next().unwrap_or_default().to_owned(),
        _ => it.formula.clone(),
    }
}

/// The text of a step; the formula as it is calculated where a later version of the rules takes one that has no words yet.
fn key(it: &CalculationStep) -> &'static str {
    let formula = it.formula.as_str();
    match it.step.as_str() {
        "result" if it.inputs.contains_key("mean") => "pay-step-mean",
        "result" if it.inputs.contains_key("numerator") => "pay-step-fraction",
        "result" => "pay-step-given",
        "sample" => "pay-step-sample",
        "attainment" if formula.starts_with("result") => "pay-step-ratio",
        "attainment" if formula.starts_with("(result") => "pay-step-range",
        "attainment" => "pay-step-inverse",
        "table" if formula.starts_with("step from") => "pay-step-table-step",
        "table" if formula.starts_with("below") => "pay-step-table-below",
        "table" if formula.starts_with("knot") => "pay-step-table-knot",
        "table" if formula.starts_with("above") => "pay-step-table-above",
        "table" => "pay-step-table-between",
        "band_protection" => "pay-step-protection",
        "amount" => "pay-step-amount",
        "accelerator" => "pay-step-accelerator",
        "decelerator" => "pay-step-decelerator",
        "gate" if it.inputs.contains_key("gate") => "pay-step-gate-of-lines",
        "gate" => "pay-step-gate",
        "gate_of_all" => "pay-step-gate-of-all",
        "component_cap" => "pay-step-component-cap",
        "proration" => "pay-step-proration",
        "round" => "pay-step-round",
        "sum" => "pay-step-sum",
        "plan_cap" => "pay-step-plan-cap",
        "recognitions" => "pay-step-recognitions",
        "payable" => "pay-step-payable",
        "index" => "pay-step-index",
        "pool" => "pay-step-pool",
        "pool_cap" => "pay-step-pool-cap",
        "share" => "pay-step-share",
        "recovery" => "pay-step-recovery",
        "retro" => "pay-step-retro",
        _ => "pay-step-other",
    }
}
