//! One component of a person's pay: from its result to its line (DOMAIN.md 4.4, steps 3 to 12).

use super::{
    AttainmentForm, Axis, BandProtection, CalculationStep, Component, InsufficientSample, Line, Plan,
    Previous, ResultInput, Table, payout,
};
use crate::{
    Exact, Rounded,
    rule::Figures,
    statistics::{Interval, Sample, mean_interval},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Decimals of the mean of visits, which is what tables are entered with.
pub(super) const INDEX_DECIMALS: u32 = 2;
/// Decimals of amounts before they are rounded to money.
const FULL_PERIOD_DECIMALS: u32 = 4;
/// Decimals of a line before it is rounded to money.
pub(super) const UNROUNDED_DECIMALS: u32 = 6;
/// Decimals of the ends of an interval.
pub(super) const INTERVAL_DECIMALS: u32 = 4;

/// A result, measured.
pub(super) struct Measure {
    /// What attainment and tables are entered with.
    pub(super) value: Exact,
    /// Size of the sample, where it is known.
    pub(super) n: Option<u32>,
    /// The visits described, where there are any.
    pub(super) sample: Option<Sample>,
    /// Ids of the visits counted.
    pub(super) visits: Vec<String>,
    step: CalculationStep,
}

impl Measure {
    /// Measures a result that was judged; an empty sample measures 0 and is caught by the sample rule.
    pub(super) fn of(input: &ResultInput) -> Self {
        let n = input.sample_size();
        if let Some(visits) = &input.visits {
            let sample = Sample::of(visits.iter().map(|it| &it.score));
            let mean = sample.as_ref().map(|it| it.mean.clone()).unwrap_or_default();
            let value = mean.round_half_up(INDEX_DECIMALS);
            // In an order of their own, so that the order of the inputs changes nothing.
            let mut sorted: Vec<_> = visits.iter().map(|it| (&it.id, &it.score)).collect();
            sorted.sort();
            let scores = sorted.iter().map(|(_, it)| it.to_string()).collect::<Vec<_>>().join(" ");
            let inputs: &[(&str, &dyn ToString)] = &[("visits", &scores), ("mean", &mean)];
            let step = CalculationStep::new("result", "mean of visits, 2 decimals", inputs, &value);
            let visits = sorted.iter().filter_map(|(id, _)| (*id).clone()).collect();
            return Self { value, n, sample, visits, step };
        }
        if let (Some(numerator), Some(denominator)) = (input.numerator, input.denominator) {
            let value = Exact::from(numerator).checked_div(&Exact::from(denominator)).unwrap_or_default();
            let inputs: &[(&str, &dyn ToString)] =
                &[("numerator", &numerator), ("denominator", &denominator)];
            let step = CalculationStep::new("result", "numerator / denominator", inputs, &value);
            return Self { value, n, sample: None, visits: Vec::new(), step };
        }
        let value = input.value.clone().unwrap_or_default();
        let step = CalculationStep::new("result", "as given", &[], &value);
        Self { value, n, sample: None, visits: Vec::new(), step }
    }
}

/// A component with its result after the sample rule.
pub(super) struct Drawn<'a> {
    pub(super) component: &'a Component,
    pub(super) input: &'a ResultInput,
    pub(super) measure: Measure,
    /// Share of the target in force; exact.
    pub(super) weight: Exact,
    /// What the sample rule did, if anything.
    pub(super) rule: Option<InsufficientSample>,
}

/// What all lines of a person share.
pub(super) struct Frame<'a> {
    pub(super) plan: &'a Plan,
    pub(super) target: Exact,
    /// Eligible days over days of the period, or 1 without proration.
    pub(super) proration: Exact,
}

/// What the protection of the previous band found.
pub(super) struct Protection {
    pub(super) protected: bool,
    pub(super) interval: Option<Interval>,
}

/// A calculated line, and what the statement shows of it elsewhere.
pub(super) struct Drawing {
    pub(super) line: Line,
    pub(super) raw_payout_pct: Exact,
    pub(super) protection: Option<Protection>,
}

/// Factors on an amount.
struct Factors {
    accelerator: Option<Exact>,
    decelerator: Option<Exact>,
    gate: Option<Exact>,
}

/// Calculates the line of a component.
pub(super) fn line(frame: &Frame<'_>, drawn: &Drawn<'_>, previous: Option<&Previous>) -> Drawing {
    let mut steps = [drawn.measure.step.clone()].to_vec();
    let decimals = frame.plan.percent.decimals;
    let fixed = match drawn.rule {
        Some(InsufficientSample::HoldHarmless) => Some(Exact::from(100)),
        Some(InsufficientSample::Zero) => Some(Exact::zero()),
        _ => None,
    };
    if let Some(rule) = drawn.rule {
        steps.push(sample_step(drawn, rule));
    }
    let (attainment, raw) = match &fixed {
        Some(payout) => (None, payout.clone()),
        None => table_payout(frame.plan, drawn, &mut steps),
    };
    let mut payout = raw.clone();
    let protection = match (&fixed, &drawn.component.protect_band_by_ci) {
        (None, Some(rule)) => {
            let table = frame.plan.tables.get(&drawn.component.table);
            Some(protect(rule, table, drawn, previous, &mut payout, &mut steps))
        }
        _ => None,
    };
    let target_amount = &frame.target * &drawn.weight;
    let before = &target_amount * &payout * Exact::scaled(1, 2);
    let inputs: &[(&str, &dyn ToString)] =
        &[("target", &frame.target), ("weight", &drawn.weight), ("payout_pct", &payout)];
    steps.push(CalculationStep::new("amount", "target x weight x payout_pct / 100", inputs, &before));
    let factors =
        if fixed.is_some() { none() } else { factors(frame.plan, drawn, attainment.as_ref(), &payout) };
    let after = apply(&factors, &before, &mut steps);
    let full = component_cap(drawn.component, &target_amount, after, &mut steps);
    let unrounded = (&full * &frame.proration).max(Exact::zero());
    if frame.plan.proration.is_some() {
        let inputs: &[(&str, &dyn ToString)] = &[("amount", &full), ("proration", &frame.proration)];
        steps.push(CalculationStep::new(
            "proration",
            "amount x eligible_days / period_days",
            inputs,
            &unrounded,
        ));
    }
    let minor = frame.plan.money.minor_units;
    let amount = Rounded::new(&unrounded, minor);
    steps.push(CalculationStep::new("round", "half up, once per line", &[("amount", &unrounded)], &amount));
    let touched = factors.accelerator.is_some() || factors.decelerator.is_some() || factors.gate.is_some();
    let line = Line {
        component: drawn.component.id.clone(),
        n: drawn.measure.n,
        index: drawn.measure.sample.as_ref().map(|_| Rounded::new(&drawn.measure.value, INDEX_DECIMALS)),
        visits: drawn.measure.visits.clone(),
        attainment_pct: attainment.map(|it| Rounded::new(&it, decimals)),
        payout_pct: Rounded::new(&payout, decimals),
        protected: protection.as_ref().map(|it| it.protected),
        target_amount: Rounded::new(&target_amount, minor),
        before_decelerator: touched.then(|| Rounded::new(&before, minor)),
        decelerator: factors.decelerator.as_ref().map(factor),
        accelerator: factors.accelerator.as_ref().map(factor),
        gate: factors.gate.as_ref().map(factor),
        full_period_amount: Rounded::new(&full, FULL_PERIOD_DECIMALS),
        unrounded: Rounded::new(&unrounded, UNROUNDED_DECIMALS),
        amount,
        sample_rule: drawn.rule.map(|it| rule_name(it).to_string()),
        steps,
    };
    Drawing { line, raw_payout_pct: raw, protection }
}

/// A factor as it is shown: two decimals, more only where they say something.
pub(super) fn factor(value: &Exact) -> Rounded {
    let two = Rounded::new(value, 2);
    if two.value() == value { two } else { Rounded::new(value, UNROUNDED_DECIMALS) }
}

pub(super) fn rule_name(rule: InsufficientSample) -> &'static str {
    match rule {
        InsufficientSample::RedistributeWeight => "redistribute_weight",
        InsufficientSample::HoldHarmless => "hold_harmless",
        InsufficientSample::CarryForward => "carry_forward",
        InsufficientSample::Zero => "zero",
    }
}

fn sample_step(drawn: &Drawn<'_>, rule: InsufficientSample) -> CalculationStep {
    let n = drawn.input.sample_size().unwrap_or(0);
    let min_n = drawn.component.min_n.unwrap_or(0);
    let name = rule_name(rule);
    CalculationStep::new("sample", "n < min_n", &[("n", &n), ("min_n", &min_n)], &name)
}

/// The attainment of a value, in percent, and its formula.
pub(super) fn attainment(component: &Component, value: &Exact) -> Option<(Exact, &'static str)> {
    let goal = component.goal.as_ref()?;
    let (above, below, formula) = match component.form {
        AttainmentForm::Ratio => (value.clone(), goal.clone(), "result / goal x 100"),
        AttainmentForm::Range => {
            let base = component.base.as_ref()?;
            (value - base, goal - base, "(result - base) / (goal - base) x 100")
        }
        AttainmentForm::Inverse => {
            let base = component.base.as_ref()?;
            (base - value, base - goal, "(base - result) / (base - goal) x 100")
        }
    };
    Some(((above * Exact::from(100)).checked_div(&below)?, formula))
}

fn table_payout(plan: &Plan, drawn: &Drawn<'_>, steps: &mut Vec<CalculationStep>) -> (Option<Exact>, Exact) {
    let Some(table) = plan.tables.get(&drawn.component.table) else { return (None, Exact::zero()) };
    let (attainment, x) = entry(plan, drawn.component, table, &drawn.measure.value, steps);
    let (payout, formula) = table.payout(&x);
    let payout = payout.round_half_up(plan.percent.decimals);
    let inputs: &[(&str, &dyn ToString)] = &[("x", &x), ("table", &drawn.component.table)];
    steps.push(CalculationStep::new("table", formula, inputs, &payout));
    (attainment, payout)
}

/// What a table is entered with: the attainment, rounded, or the value.
pub(super) fn entry(
    plan: &Plan,
    component: &Component,
    table: &Table,
    value: &Exact,
    steps: &mut Vec<CalculationStep>,
) -> (Option<Exact>, Exact) {
    let found = match table.axis() {
        Axis::AttainmentPct => attainment(component, value),
        Axis::Value => None,
    };
    let Some((exact, formula)) = found else { return (None, value.clone()) };
    let rounded = exact.round_half_up(plan.percent.decimals);
    let goal = component.goal.clone().unwrap_or_default();
    let mut step =
        CalculationStep::new("attainment", formula, &[("result", value), ("goal", &goal)], &rounded);
    if let Some(base) = &component.base {
        step.inputs.insert("base".to_string(), base.to_string());
    }
    steps.push(step);
    (Some(rounded.clone()), rounded)
}

/// Pays the previous percentage where the interval of the mean does not exclude the limit of its step.
fn protect(
    rule: &BandProtection,
    table: Option<&Table>,
    drawn: &Drawn<'_>,
    previous: Option<&Previous>,
    payout: &mut Exact,
    steps: &mut Vec<CalculationStep>,
) -> Protection {
    let interval =
        drawn.measure.sample.as_ref().and_then(|it| mean_interval(it, &rule.level)).map(|it| it.interval);
    let edge = previous.and_then(|it| table?.edge_of(&it.payout_pct));
    let (Some(previous), Some(edge)) = (previous, edge) else {
        return Protection { protected: false, interval };
    };
    let in_a_row = previous.consecutive.unwrap_or(u32::from(previous.protected));
    // A single visit has no interval: it excludes nothing.
    let contains = interval.as_ref().is_none_or(|it| it.contains(edge));
    let protected = *payout < previous.payout_pct && contains && in_a_row < rule.max_consecutive;
    if protected {
        *payout = previous.payout_pct.clone();
    }
    let shown = interval.as_ref().map_or_else(
        || "none: a single visit".to_string(),
        |it| format!("[{}, {}]", it.low.to_fixed(INTERVAL_DECIMALS), it.high.to_fixed(INTERVAL_DECIMALS)),
    );
    let formula = "the previous percentage where the interval contains the limit of its step";
    let inputs: &[(&str, &dyn ToString)] = &[
        ("level", &rule.level),
        ("interval", &shown),
        ("limit", edge),
        ("previous_payout_pct", &previous.payout_pct),
        ("protected_in_a_row", &in_a_row),
        ("max_consecutive", &rule.max_consecutive),
    ];
    steps.push(CalculationStep::new("band_protection", formula, inputs, payout));
    Protection { protected, interval }
}

fn none() -> Factors {
    Factors { accelerator: None, decelerator: None, gate: None }
}

/// The figures that rules of a plan may name.
pub(super) fn figures(drawn: &Drawn<'_>) -> Figures {
    let confirmed = drawn.input.confirmed_critical.unwrap_or(0);
    Figures::default()
        .with("value", Some(drawn.measure.value.clone()))
        .with("n", drawn.measure.n.map(Exact::from))
        .with("confirmed_critical", Some(Exact::from(confirmed)))
}

fn factors(plan: &Plan, drawn: &Drawn<'_>, attainment: Option<&Exact>, payout: &Exact) -> Factors {
    let figures =
        figures(drawn).with("attainment_pct", attainment.cloned()).with("payout_pct", Some(payout.clone()));
    let product = |modifiers: &[super::Modifier]| {
        modifiers
            .iter()
            .filter(|it| it.component == drawn.component.id && it.when.holds(&figures))
            .map(|it| it.factor.clone())
            .reduce(|a, b| a * b)
    };
    let gate = plan
        .gates
        .iter()
        .filter(|it| !it.all && it.component == drawn.component.id && !it.require.holds(&figures))
        .map(|it| it.otherwise.clone().unwrap_or_default())
        .reduce(|a, b| a * b);
    Factors { accelerator: product(&plan.accelerators), decelerator: product(&plan.decelerators), gate }
}

fn apply(factors: &Factors, before: &Exact, steps: &mut Vec<CalculationStep>) -> Exact {
    let all = [
        ("accelerator", &factors.accelerator),
        ("decelerator", &factors.decelerator),
        ("gate", &factors.gate),
    ];
    let mut amount = before.clone();
    for (name, found) in all {
        if let Some(found) = found {
            let next = &amount * found;
            let inputs: &[(&str, &dyn ToString)] = &[("amount", &amount), ("factor", found)];
            steps.push(CalculationStep::new(name, "amount x factor", inputs, &next));
            amount = next;
        }
    }
    amount
}

fn component_cap(
    component: &Component,
    target_amount: &Exact,
    amount: Exact,
    steps: &mut Vec<CalculationStep>,
) -> Exact {
    let Some(pct) = &component.cap_pct else { return amount };
    let cap = target_amount * pct * Exact::scaled(1, 2);
    let capped = amount.clone().min(cap.clone());
    let inputs: &[(&str, &dyn ToString)] = &[("amount", &amount), ("cap", &cap)];
    steps.push(CalculationStep::new("component_cap", "smaller of amount and cap", inputs, &capped));
    capped
}

/// Name of an interval at a level: `ci90`.
pub(super) fn interval_name(level: &Exact) -> String {
    format!("ci{}", level * &Exact::from(100))
}

/// The ends of an interval as they are shown.
pub(super) fn shown(interval: &Interval) -> [Rounded; 2] {
    [Rounded::new(&interval.low, INTERVAL_DECIMALS), Rounded::new(&interval.high, INTERVAL_DECIMALS)]
}

/// A note that a component's sample was too small and what followed.
pub(super) fn sample_note(drawn: &Drawn<'_>, rule: InsufficientSample) -> payout::Note {
    let (id, name) = (&drawn.component.id, rule_name(rule));
    let (n, min_n) = (drawn.input.sample_size().unwrap_or(0), drawn.component.min_n.unwrap_or(0));
    payout::Note::new(
        name,
        format!("{id}: muestra insuficiente ({n} de {min_n}); regla {name}"),
        format!("{id}: sample too small ({n} of {min_n}); rule {name}"),
    )
}
