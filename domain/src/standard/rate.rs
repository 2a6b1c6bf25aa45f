//! Rating a branch against a standard (DOMAIN.md 1.4 and 11). Pure arithmetic on exact numbers; the only rounding is
//! the floor of each criterion's percentage.

use super::{
    Criterion, CriterionInput, CriterionRating, CurveUse, Dimension, Gate, GateCondition, GateReport, Inputs,
    KnockOut, LEVEL_DIMENSION, Part, Rating, Section, SectionRating, Standard, inputs,
};
use crate::{Exact, LocalText, Problem, Rounded, rule::Figures};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

/// The knock-out of an enabler is open below this percentage (DOMAIN.md 1.4).
pub const ENABLER_KNOCK_OUT_BELOW: u32 = 50;
/// Decimals of points and percentages.
const POINT_DECIMALS: u32 = 2;
/// Decimals of the percentage that a curve gives.
const LEVEL_DECIMALS: u32 = 4;

/// Rates a branch.
///
/// - **Units**: points of the standard, exact hundredths; percentages 0 to 100.
/// - **Shape**: one entry for each criterion, in any order; the result is in the order of the standard.
/// - **Errors**: `invalid_inputs` with every missing, repeated or unknown criterion and every value out of range;
///   `invalid_standard` where the content itself is unsound.
/// - **Source**: DOMAIN.md 1.4 "Rating rule" and 11 "Standard".
pub fn rate(standard: &Standard, inputs: &Inputs) -> Result<Rating, Problem> {
    let unsound = standard.problems();
    if !unsound.is_empty() {
        return Err(Problem::invalid("invalid_standard", "the standard has problems", unsound));
    }
    inputs::check(standard, inputs)?;
    let by_id: BTreeMap<&str, &CriterionInput> =
        inputs.criteria.iter().map(|it| (it.id.as_str(), it)).collect();
    let rated: Vec<Rated<'_>> = standard
        .criteria()
        .filter_map(|(section, it)| Some(rate_criterion(standard, section, it, by_id.get(it.id.as_str())?)))
        .collect();
    let sections = sections(standard, &rated);
    let before: Exact = rated.iter().map(|it| &it.earned).sum();
    let reports: Vec<GateReport> =
        standard.gates.iter().map(|it| gate(it, &rated, &sections, &before)).collect();
    let total = reports
        .iter()
        .filter(|it| it.holds)
        .map(|it| Exact::from(it.max_points))
        .fold(before.clone(), Exact::min);
    // Sound content has a band from 0.
    let band = standard.band(&total);
    Ok(Rating {
        standard: standard.id.clone(),
        version: standard.version,
        sections: sections.into_iter().map(|it| (it.section.id.clone(), it.shown())).collect(),
        total_before_gates: Rounded::new(&before, POINT_DECIMALS),
        total: Rounded::new(&total, POINT_DECIMALS),
        band: band.map(|it| it.id.clone()).unwrap_or_default(),
        band_title: band.map(|it| LocalText::new(it.es.clone(), it.en.clone())).unwrap_or_default(),
        gates: reports.iter().filter(|it| it.holds).map(|it| it.id.clone()).collect(),
        ko_open: rated.iter().filter(|it| it.knock_out_open()).map(|it| it.rating.id.clone()).collect(),
        gate_reports: reports,
        criteria: rated.into_iter().map(|it| it.rating).collect(),
    })
}

/// A rated criterion with its exact points.
struct Rated<'a> {
    section: &'a Section,
    earned: Exact,
    rating: CriterionRating,
}

impl Rated<'_> {
    fn knock_out_open(&self) -> bool {
        self.rating.knock_out.as_ref().is_some_and(|it| it.open)
    }
}

fn rate_criterion<'a>(
    standard: &Standard,
    section: &'a Section,
    criterion: &Criterion,
    input: &CriterionInput,
) -> Rated<'a> {
    let level = match (section.part, &input.value) {
        (Part::Results, Some(value)) => Some(on_curve(&criterion.curve, value)),
        _ => None,
    };
    let dimensions = &standard.rules(section.part).dimensions;
    let percent = weighted(dimensions, input, level.as_ref().map(|it| &it.0));
    let floored = percent.floor();
    let earned = Exact::from(criterion.points) * &floored * Exact::scaled(1, 2);
    // A weighted sum of percentages by weights that add up to 100 lies in 0 to 100.
    let pct_floor = floored.to_scaled(0).and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
    let rating = CriterionRating {
        id: criterion.id.clone(),
        nivel: level.as_ref().map(|it| Rounded::new(&it.0, LEVEL_DECIMALS)),
        pct_floor,
        earned: Rounded::new(&earned, POINT_DECIMALS),
        points: criterion.points,
        part: section.part,
        dimensions: input.dimensions.clone(),
        formula: formula(dimensions, input, level.as_ref().map(|it| &it.0)),
        pct_exact: percent.to_string(),
        curve: level.map(|(_, ends)| curve_use(criterion, input, ends)),
        knock_out: criterion.ko.then(|| knock_out(criterion, input, pct_floor)),
    };
    Rated { section, earned, rating }
}

fn weighted(dimensions: &[Dimension], input: &CriterionInput, level: Option<&Exact>) -> Exact {
    let sum: Exact =
        dimensions.iter().map(|it| Exact::from(it.weight) * dimension_value(it, input, level)).sum();
    sum * Exact::scaled(1, 2)
}

fn dimension_value(dimension: &Dimension, input: &CriterionInput, level: Option<&Exact>) -> Exact {
    match level {
        Some(level) if dimension.id == LEVEL_DIMENSION => level.clone(),
        // Checked: every other dimension is given.
        _ => input.dimensions.get(&dimension.id).copied().map(Exact::from).unwrap_or_default(),
    }
}

fn formula(dimensions: &[Dimension], input: &CriterionInput, level: Option<&Exact>) -> String {
    let terms: Vec<String> = dimensions
        .iter()
        .map(|it| format!("{} x {}", it.weight, dimension_value(it, input, level)))
        .collect();
    format!("({}) / 100", terms.join(" + "))
}

type Ends<'a> = [Option<&'a [Exact; 2]>; 2];

/// The percentage of a value on a curve, and the knots on either side; flat beyond the ends.
fn on_curve<'a>(knots: &'a [[Exact; 2]], value: &Exact) -> (Exact, Ends<'a>) {
    let above = knots.iter().position(|[x, _]| value < x).unwrap_or(knots.len());
    let upper = knots.get(above);
    let lower = above.checked_sub(1).and_then(|it| knots.get(it));
    let percent = match (lower, upper) {
        (Some([x0, y0]), Some([x1, y1])) => {
            let part = (value - x0).checked_div(&(x1 - x0)).unwrap_or_default();
            y0 + &(part * (y1 - y0))
        }
        (Some([_, y]), None) | (None, Some([_, y])) => y.clone(),
        (None, None) => Exact::zero(),
    };
    (percent, [lower, upper])
}

fn curve_use(criterion: &Criterion, input: &CriterionInput, [from, to]: Ends<'_>) -> CurveUse {
    let knot = |it: &[Exact; 2]| it.each_ref().map(ToString::to_string);
    CurveUse {
        metric: criterion.metric.clone().unwrap_or_default(),
        value: input.value.as_ref().map(ToString::to_string).unwrap_or_default(),
        from: from.map(knot),
        to: to.map(knot),
    }
}

fn knock_out(criterion: &Criterion, input: &CriterionInput, pct_floor: u32) -> KnockOut {
    let Some(rule) = &criterion.ko_rule else {
        return KnockOut {
            open: pct_floor < ENABLER_KNOCK_OUT_BELOW,
            rule: format!("pct < {ENABLER_KNOCK_OUT_BELOW}"),
            confirmed: None,
        };
    };
    let confirmed = input.confirmed.unwrap_or(0);
    let figures =
        Figures::default().with("value", input.value.clone()).with("confirmed", Some(Exact::from(confirmed)));
    KnockOut { open: rule.holds(&figures), rule: rule.to_string(), confirmed: Some(confirmed) }
}

/// A section with its exact percentage.
struct SectionSum<'a> {
    section: &'a Section,
    earned: Exact,
    percent: Exact,
}

impl SectionSum<'_> {
    fn shown(&self) -> SectionRating {
        SectionRating {
            points: self.section.points,
            earned: Rounded::new(&self.earned, POINT_DECIMALS),
            pct: Rounded::new(&self.percent, POINT_DECIMALS),
        }
    }
}

fn sections<'a>(standard: &'a Standard, rated: &[Rated<'_>]) -> Vec<SectionSum<'a>> {
    let sum = |section: &Section| -> Exact {
        rated.iter().filter(|it| it.section.id == section.id).map(|it| &it.earned).sum()
    };
    let percent = |section: &'a Section| {
        let earned = sum(section);
        // Sound content has points in every section that has criteria.
        let percent = (&earned * &Exact::from(100)).checked_div(&Exact::from(section.points));
        SectionSum { section, earned, percent: percent.unwrap_or_default() }
    };
    standard.sections.iter().map(percent).collect()
}

fn gate(gate: &Gate, rated: &[Rated<'_>], sections: &[SectionSum<'_>], before: &Exact) -> GateReport {
    let pct = gate.pct.unwrap_or(0);
    let criteria = |test: &dyn Fn(&Rated<'_>) -> bool| -> Vec<String> {
        rated.iter().filter(|it| test(it)).map(|it| it.rating.id.clone()).collect()
    };
    let because = match gate.when {
        GateCondition::AnyKoOpen => criteria(&|it| it.knock_out_open()),
        GateCondition::AnyCriterionZero => criteria(&|it| it.rating.pct_floor == 0),
        GateCondition::AnySectionBelowPct => sections
            .iter()
            .filter(|it| it.percent < Exact::from(pct))
            .map(|it| it.section.id.clone())
            .collect(),
    };
    let holds = !because.is_empty();
    GateReport {
        id: gate.id.clone(),
        holds,
        max_points: gate.max_points,
        lowers: holds && *before > Exact::from(gate.max_points),
        lifted_by: if holds { lifted_by(gate.when, pct, &because.join(", ")) } else { LocalText::default() },
        because,
    }
}

fn lifted_by(when: GateCondition, pct: u32, ids: &str) -> LocalText {
    match when {
        GateCondition::AnyKoOpen => LocalText::new(
            format!("cerrar el requisito excluyente de {ids}"),
            format!("close the knock-out of {ids}"),
        ),
        GateCondition::AnyCriterionZero => {
            LocalText::new(format!("sacar del cero {ids}"), format!("lift {ids} above zero"))
        }
        GateCondition::AnySectionBelowPct => LocalText::new(
            format!("llevar a {pct} % las secciones {ids}"),
            format!("bring sections {ids} to {pct} %"),
        ),
    }
}
