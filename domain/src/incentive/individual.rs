//! What a plan pays one person (DOMAIN.md 4.4): the sample rule and weights, the lines, the cap, recognitions and
//! adjustments.

use super::{
    CalculationStep, ExcludedComponent, IndividualPayout, Inputs, InsufficientSample, Line, Note, Plan,
    Proration, RecognitionLine, adjustments,
    component::{Drawing, Drawn, Frame, Measure, figures, interval_name, line, sample_note, shown},
};
use crate::{Exact, Rounded, rule::Figures};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// Decimals of weights.
const WEIGHT_DECIMALS: u32 = 4;

/// Components after the sample rule: those that are paid and those that were left out.
struct Sampled<'a> {
    paid: Vec<Drawn<'a>>,
    excluded: Vec<ExcludedComponent>,
    notes: Vec<Note>,
}

/// Pays one person. The plan is sound and the inputs were judged against it.
pub(super) fn individual(plan: &Plan, inputs: &Inputs) -> IndividualPayout {
    let (eligible_days, period_days) = days(inputs);
    let proration = match plan.proration {
        _ if eligible_days == 0 => Exact::zero(),
        Some(Proration::CalendarDays) => {
            Exact::from(eligible_days).checked_div(&Exact::from(period_days)).unwrap_or_default()
        }
        None => Exact::one(),
    };
    let person = inputs.person.as_ref();
    let target = person.and_then(|it| it.target.clone()).or_else(|| plan.target.clone()).unwrap_or_default();
    let frame = Frame { plan, target, proration };
    let sampled = sample_rule(plan, inputs);
    let drawings: Vec<Drawing> =
        sampled.paid.iter().map(|it| line(&frame, it, inputs.previous.get(&it.component.id))).collect();
    let mut payout = IndividualPayout {
        plan: plan.id.clone(),
        version: plan.version,
        currency: plan.currency.clone(),
        person: person.map(|it| it.id.clone()).unwrap_or_default(),
        eligible_days,
        period_days,
        index: drawings.iter().find_map(|it| it.line.index.clone()),
        intervals: BTreeMap::new(),
        raw_band_payout_pct: None,
        protected: None,
        weights: sampled
            .paid
            .iter()
            .map(|it| (it.component.id.clone(), Rounded::new(&it.weight, WEIGHT_DECIMALS)))
            .collect(),
        lines: Vec::new(),
        excluded_components: sampled.excluded,
        recognitions: recognitions(plan, inputs),
        cap: None,
        current_period: Rounded::new(&Exact::zero(), plan.money.minor_units),
        adjustments: Vec::new(),
        payable: Rounded::new(&Exact::zero(), plan.money.minor_units),
        held: Vec::new(),
        notes: sampled.notes,
        steps: Vec::new(),
    };
    show_protection(&mut payout, plan, &sampled.paid, &drawings);
    payout.lines = drawings.into_iter().map(|it| it.line).collect();
    let gate = common_gate(plan, &sampled.paid, &mut payout.steps);
    total(&mut payout, &frame, &gate);
    let current = payout.current_period.value().clone();
    let adjusted = adjustments::apply(plan, &frame.target, &current, &inputs.adjustments, None);
    let sum: Exact = adjusted.lines.iter().map(|it| it.amount.value()).sum();
    let shown: &[(&str, &dyn ToString)] =
        &[("current_period", &payout.current_period), ("adjustments", &sum)];
    let formula = "current_period + adjustments, never below 0";
    payout.steps.push(CalculationStep::new("payable", formula, shown, &adjusted.payable));
    payout.notes.extend(period_note(plan, inputs));
    payout.notes.extend(inputs.only_adjust().then(Note::only_adjustments));
    payout.adjustments = adjusted.lines;
    payout.payable = Rounded::new(&adjusted.payable, plan.money.minor_units);
    payout
}

/// A note where the period is not as long as the plan's periods are: its amounts are those of a whole period.
pub(super) fn period_note(plan: &Plan, inputs: &Inputs) -> Option<Note> {
    let months = plan.period.months();
    (!plan.is_whole_period(inputs.period)).then(|| {
        Note::new(
            "period_length",
            format!("el periodo no es de {months} meses completos, como son los del plan"),
            format!("the period is not of {months} whole months, as the plan's periods are"),
        )
    })
}

fn days(inputs: &Inputs) -> (u32, u32) {
    let period = inputs.period;
    let person = inputs.person.as_ref();
    if inputs.only_adjust() {
        return (0, period.days());
    }
    let from = person.and_then(|it| it.eligible_from).unwrap_or(period.from).max(period.from);
    let to = person.and_then(|it| it.eligible_to).unwrap_or(period.to).min(period.to);
    (from.days_through(to), period.days())
}

fn sample_rule<'a>(plan: &'a Plan, inputs: &'a Inputs) -> Sampled<'a> {
    let mut drawn: Vec<Drawn<'a>> = plan
        .components
        .iter()
        .filter_map(|component| {
            let input = inputs.results.get(&component.id)?;
            let short = component.min_n.is_some_and(|it| input.sample_size().unwrap_or(0) < it);
            let rule = if short { plan.insufficient_sample } else { None };
            let carried = input.rolling.as_deref().filter(|_| rule == Some(InsufficientSample::CarryForward));
            let measure = Measure::of(carried.unwrap_or(input));
            Some(Drawn { component, input, measure, weight: component.weight.clone(), rule })
        })
        .collect();
    let left_out = |it: &Drawn<'_>| it.rule == Some(InsufficientSample::RedistributeWeight);
    let all_short = drawn.iter().all(left_out);
    if all_short {
        // Nobody is there to take the weight: the target is paid, and said so.
        drawn.iter_mut().for_each(|it| it.rule = Some(InsufficientSample::HoldHarmless));
    }
    let notes = drawn.iter().filter_map(|it| Some(sample_note(it, it.rule?))).collect();
    let (out, mut paid): (Vec<_>, Vec<_>) = drawn.into_iter().partition(left_out);
    let kept: Exact = paid.iter().map(|it| &it.weight).sum();
    if !out.is_empty() {
        for it in &mut paid {
            it.weight = it.weight.checked_div(&kept).unwrap_or_default();
        }
    }
    let excluded = out
        .iter()
        .map(|it| ExcludedComponent {
            component: it.component.id.clone(),
            n: it.input.sample_size().unwrap_or(0),
            min_n: it.component.min_n.unwrap_or(0),
            weight: Rounded::new(&it.weight, WEIGHT_DECIMALS),
        })
        .collect();
    Sampled { paid, excluded, notes }
}

/// Shows the first protected component at the top of the statement, as in DOMAIN.md 4.7.
fn show_protection(payout: &mut IndividualPayout, plan: &Plan, paid: &[Drawn<'_>], drawings: &[Drawing]) {
    let first = paid.iter().zip(drawings).find_map(|(drawn, drawing)| {
        Some((drawn.component.protect_band_by_ci.as_ref()?, drawing, drawing.protection.as_ref()?))
    });
    let Some((rule, drawing, protection)) = first else { return };
    payout.index = drawing.line.index.clone();
    payout.raw_band_payout_pct = Some(Rounded::new(&drawing.raw_payout_pct, plan.percent.decimals));
    payout.protected = Some(protection.protected);
    if let Some(interval) = &protection.interval {
        payout.intervals.insert(interval_name(&rule.level), shown(interval));
    }
}

/// The factor of the gates that stand before every component.
fn common_gate(plan: &Plan, paid: &[Drawn<'_>], steps: &mut Vec<CalculationStep>) -> Exact {
    let mut product = Exact::one();
    for gate in plan.gates.iter().filter(|it| it.all) {
        let component = paid.iter().find(|it| it.component.id == gate.component);
        // A component that the sample rule left out decides nothing.
        let Some(drawn) = component.filter(|it| it.rule.is_none()) else { continue };
        if !gate.require.holds(&figures(drawn)) {
            let factor = gate.otherwise.clone().unwrap_or_default();
            let formula = format!("{} does not hold: lines x factor", gate.require);
            steps.push(CalculationStep::new("gate", formula, &[("gate", &gate.id)], &factor));
            product = product * &factor;
        }
    }
    product
}

/// Steps 13 and 14: the cap on the sum, and recognitions inside and outside it.
fn total(payout: &mut IndividualPayout, frame: &Frame<'_>, gate: &Exact) {
    let minor = frame.plan.money.minor_units;
    gate_lines(&mut payout.lines, gate, minor);
    let sum: Exact = payout.lines.iter().map(|it| it.amount.value()).sum();
    payout.steps.push(CalculationStep::new("sum", "sum of the lines", &[], &sum));
    let awards = |outside: bool| -> Exact {
        let chosen = payout.recognitions.iter().filter(|it| it.outside_cap == outside);
        chosen.filter_map(|it| it.amount.as_ref()).map(Rounded::value).sum()
    };
    let (inside, outside) = (awards(false), awards(true));
    let mut current = &sum + &inside;
    if let Some(pct) = &frame.plan.cap_total_pct {
        let cap = Rounded::new(&(&frame.target * pct * Exact::scaled(1, 2) * &frame.proration), minor);
        let capped = current.clone().min(cap.value().clone());
        let inputs: &[(&str, &dyn ToString)] = &[("sum", &current), ("cap", &cap)];
        payout.steps.push(CalculationStep::new("plan_cap", "smaller of sum and cap", inputs, &capped));
        if capped < current {
            payout.notes.push(Note::new(
                "capped",
                format!("la suma llega al tope de {cap}"),
                format!("the sum reaches the cap of {cap}"),
            ));
        }
        current = capped;
        payout.cap = Some(cap);
    }
    if !inside.is_zero() || !outside.is_zero() {
        let inputs: &[(&str, &dyn ToString)] = &[("inside_cap", &inside), ("outside_cap", &outside)];
        let value = &current + &outside;
        payout.steps.push(CalculationStep::new("recognitions", "current + outside_cap", inputs, &value));
    }
    payout.current_period = Rounded::new(&(current + outside), minor);
}

fn gate_lines(lines: &mut [Line], gate: &Exact, minor: u32) {
    if *gate == Exact::one() {
        return;
    }
    for line in lines {
        let gated = line.unrounded.value() * gate;
        let inputs: &[(&str, &dyn ToString)] = &[("amount", &line.unrounded), ("factor", gate)];
        line.steps.push(CalculationStep::new("gate_of_all", "amount x factor, rounded", inputs, &gated));
        line.amount = Rounded::new(&gated, minor);
    }
}

/// Awards of a person for the visits on which they were on shift.
fn recognitions(plan: &Plan, inputs: &Inputs) -> Vec<RecognitionLine> {
    let person = inputs.person.as_ref().map_or("", |it| it.id.as_str());
    let granted = |it: &super::Recognition| {
        let visits = qualifying(it, inputs, person);
        if visits.is_empty() {
            return None;
        }
        let count = u32::try_from(visits.len()).unwrap_or(u32::MAX);
        let amount =
            it.amount.as_ref().map(|it| Rounded::new(&(it * &Exact::from(count)), plan.money.minor_units));
        Some(RecognitionLine { id: it.id.clone(), visits, amount, outside_cap: it.outside_cap })
    };
    plan.recognitions.iter().filter_map(granted).collect()
}

/// The visits that earn a person an award, by id.
pub(super) fn qualifying(recognition: &super::Recognition, inputs: &Inputs, person: &str) -> Vec<String> {
    let mut visits: Vec<String> = inputs
        .visits
        .iter()
        .filter(|it| it.on_shift.iter().any(|it| it == person))
        .filter(|it| recognition.when.holds(&Figures::default().with("visit_score", Some(it.score.clone()))))
        .map(|it| it.id.clone())
        .collect();
    visits.sort();
    visits
}
