//! From a branch's visits, KPI observations and hand ratings to the inputs of a rating, each with where it comes from;
//! what is missing is told criterion by criterion, with what to enter. Pure.

use super::visits::{AssessedVisit, Figure, figure, is_lower_better};
use crate::app::kpis::metrics::{is_auditors_opinion, is_from_visits};
use domain::{
    Exact, FieldProblem, Problem,
    ids::{AuditId, KpiId},
    standard::{Criterion, CriterionInput, Inputs, LEVEL_DIMENSION, Part, PartRules, Standard, judge_given},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Visits that make a branch's figures reliable enough to pay by (DOMAIN.md 4.3): full coverage where nothing was
/// planned.
const FULL_SAMPLE: u32 = 4;
/// Periods that a trend looks back.
pub(crate) const TREND_PERIODS: usize = 3;

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// The criterion.
    pub criterion: String,
    /// `visits`, `kpi` or `hand`.
    pub from: String,
    /// The figure, where the criterion has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<String>,
    /// How many visits, answers or contacts it counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub n: Option<u64>,
    /// What was counted, how trend and coverage came about.
    pub notes: Vec<String>,
    /// Visits behind it: those that failed where it counts failures, else all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub visits: Vec<AuditId>,
    /// The observation behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub kpi: Option<KpiId>,
}

/// An observation that a criterion can be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedKpi {
    /// The observation.
    pub(crate) id: KpiId,
    /// Its value.
    pub(crate) value: Exact,
    /// How many it counts.
    pub(crate) n: Option<u64>,
    /// Who measured it, and how.
    pub(crate) source: String,
}

/// The material of one period.
#[derive(Debug, Clone, Default)]
pub(crate) struct PeriodMaterial {
    /// Visits that count.
    pub(crate) visits: Vec<AssessedVisit>,
    /// Observations of the branch by metric.
    pub(crate) kpis: BTreeMap<String, ObservedKpi>,
}

/// Everything that an assessment is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Material {
    /// The period assessed.
    pub(crate) current: PeriodMaterial,
    /// The periods before it, the nearest first; an empty one has no data.
    pub(crate) previous: Vec<PeriodMaterial>,
    /// Visits that were planned in the period; none where nothing was.
    pub(crate) planned: Option<u32>,
    /// What people rated and added.
    pub(crate) by_hand: Vec<CriterionInput>,
}

/// The inputs of a rating and where each comes from.
///
/// # Errors
/// `incomplete_assessment` with what people gave that is unknown, repeated or out of range, and one entry for each
/// criterion that cannot be rated yet: what to enter and where.
pub(crate) fn fill(standard: &Standard, material: &Material) -> Result<(Inputs, Vec<Source>), Problem> {
    let (mut criteria, mut sources, mut problems) =
        (Vec::new(), Vec::new(), judge_given(standard, &material.by_hand));
    for (section, criterion) in standard.criteria() {
        let hand = material.by_hand.iter().find(|it| it.id == criterion.id);
        let filled = match section.part {
            Part::Enablers => enabler(standard.rules(Part::Enablers), criterion, hand),
            Part::Results => result(standard.rules(Part::Results), criterion, hand, material),
        };
        match filled {
            Ok((input, source)) => {
                criteria.push(input);
                sources.push(source);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok((Inputs { criteria }, sources))
    } else {
        Err(Problem::invalid("incomplete_assessment", "the branch cannot be rated yet", problems))
    }
}

type Filled = Result<(CriterionInput, Source), FieldProblem>;

fn enabler(rules: &PartRules, criterion: &Criterion, hand: Option<&CriterionInput>) -> Filled {
    let Some(hand) = hand else {
        let dimensions = dimension_names(rules);
        return Err(missing(
            "missing_rating",
            criterion,
            &format!("califique {dimensions} por la rúbrica"),
            &format!("rate {dimensions} by the rubric"),
        ));
    };
    let source = Source::of(criterion, "hand");
    Ok((hand.clone(), source))
}

fn dimension_names(rules: &PartRules) -> String {
    let names = rules.dimensions.iter().map(|it| it.id.as_str()).filter(|it| *it != LEVEL_DIMENSION);
    names.collect::<Vec<_>>().join(", ")
}

/// A value with what is known of it.
struct Found {
    value: Exact,
    confirmed: Option<u32>,
    source: Source,
    coverage: (u32, String),
}

fn result(
    rules: &PartRules,
    criterion: &Criterion,
    hand: Option<&CriterionInput>,
    material: &Material,
) -> Filled {
    let metric = criterion.metric.as_deref().unwrap_or_default();
    let found = find(metric, criterion, hand, material)?;
    let Found { value, confirmed, mut source, coverage } = found;
    let mut dimensions = BTreeMap::new();
    for dimension in rules.dimensions.iter().filter(|it| it.id != LEVEL_DIMENSION) {
        let given = hand.and_then(|it| it.dimensions.get(&dimension.id)).copied();
        let (level, note) = match (given, dimension.id.as_str()) {
            (Some(level), id) => (level, format!("{id}: by hand")),
            (None, "cobertura") => coverage.clone(),
            (None, "tendencia") => trend(metric, criterion, &value, material),
            (None, id) => {
                return Err(missing(
                    "missing_dimension",
                    criterion,
                    &format!("indique {id}, de 0 a 100"),
                    &format!("give {id}, 0 to 100"),
                ));
            }
        };
        source.notes.push(note);
        dimensions.insert(dimension.id.clone(), level);
    }
    let confirmed = hand.and_then(|it| it.confirmed).or(confirmed).filter(|_| criterion.ko);
    let input = CriterionInput { id: criterion.id.clone(), dimensions, value: Some(value), confirmed };
    Ok((input, source))
}

fn find(
    metric: &str,
    criterion: &Criterion,
    hand: Option<&CriterionInput>,
    material: &Material,
) -> Result<Found, FieldProblem> {
    let by_hand = hand.and_then(|it| it.value.clone());
    if metric == "improper_count" {
        return Ok(improper(criterion, hand, material));
    }
    if let Some(figure) = figure(metric, &material.current.visits) {
        if by_hand.is_some() {
            return Err(missing(
                "computed_from_visits",
                criterion,
                "se calcula de las visitas; quite «value»",
                "it is computed from the visits; leave \"value\" out",
            ));
        }
        return Ok(from_visits(criterion, figure, material.planned));
    }
    if let Some(kpi) = usable_kpi(metric, &material.current) {
        let mut source = Source::of(criterion, "kpi");
        source.n = kpi.n;
        source.kpi = Some(kpi.id);
        source.notes.push(kpi.source.clone());
        let coverage = (100, "cobertura: the observation is of this branch".to_owned());
        return Ok(Found { value: kpi.value.clone(), confirmed: None, source, coverage });
    }
    let Some(value) = by_hand else { return Err(what_to_enter(metric, criterion)) };
    let source = Source::of(criterion, "hand");
    Ok(Found {
        value,
        confirmed: None,
        source,
        coverage: (0, "cobertura: not given for a value by hand".to_owned()),
    })
}

/// Improper requests count only once a second reviewer or a re-audit confirmed them, which a person states.
fn improper(criterion: &Criterion, hand: Option<&CriterionInput>, material: &Material) -> Found {
    let confirmed = hand.and_then(|it| it.confirmed).unwrap_or(0);
    let n = material.current.visits.len();
    let mut source = Source::of(criterion, if confirmed > 0 { "hand" } else { "visits" });
    source.n = u64::try_from(n).ok();
    source
        .notes
        .push(format!("{confirmed} confirmed by a re-audit or by documents that a second reviewer accepted"));
    Found {
        value: Exact::from(confirmed),
        confirmed: Some(confirmed),
        source,
        coverage: coverage(u32::try_from(n).unwrap_or(u32::MAX), material.planned),
    }
}

fn from_visits(criterion: &Criterion, figure: Figure, planned: Option<u32>) -> Found {
    let mut source = Source::of(criterion, "visits");
    source.n = Some(u64::from(figure.n));
    source.notes.push(figure.note);
    source.visits = figure.visits;
    Found { value: figure.value, confirmed: figure.confirmed, source, coverage: coverage(figure.n, planned) }
}

fn coverage(n: u32, planned: Option<u32>) -> (u32, String) {
    let (whole, what) = match planned.filter(|it| *it > 0) {
        Some(planned) => (planned, "planned"),
        None => (FULL_SAMPLE, "of a full sample, nothing was planned"),
    };
    let level = (u64::from(n) * 100 / u64::from(whole)).min(100);
    (u32::try_from(level).unwrap_or(100), format!("cobertura: {n} visits of {whole} {what}"))
}

fn usable_kpi<'a>(metric: &str, period: &'a PeriodMaterial) -> Option<&'a ObservedKpi> {
    if is_auditors_opinion(metric) || is_from_visits(metric) {
        return None;
    }
    period.kpis.get(metric)
}

fn value_in(metric: &str, period: &PeriodMaterial) -> Option<Exact> {
    match figure(metric, &period.visits) {
        Some(figure) => Some(figure.value),
        None => usable_kpi(metric, period).map(|it| it.value.clone()),
    }
}

/// The rubric of trends (DOMAIN.md 1.4): at target or better for 3 periods 100, better 75, flat 50, worse 25; worse
/// for 3 periods, or nothing to compare with, 0.
fn trend(metric: &str, criterion: &Criterion, current: &Exact, material: &Material) -> (u32, String) {
    if at_target(metric, criterion, current) {
        return (100, "tendencia: at target".to_owned());
    }
    let before = material.previous.iter().map_while(|it| value_in(metric, it));
    let values: Vec<Exact> = std::iter::once(current.clone()).chain(before).collect();
    let signs: Vec<i8> = values
        .windows(2)
        .filter_map(|pair| match pair {
            [now, then] => Some(direction(metric, now, then)),
            _ => None,
        })
        .collect();
    let Some(last) = signs.first().copied() else {
        return (0, "tendencia: no earlier period to compare with".to_owned());
    };
    let run = signs.iter().take_while(|it| **it == last).count();
    match (last, run) {
        (1, run) if run >= TREND_PERIODS => (100, format!("tendencia: better for {run} periods")),
        (1, run) => (75, format!("tendencia: better for {run} periods")),
        (0, _) => (50, "tendencia: flat".to_owned()),
        (_, run) if run >= TREND_PERIODS => (0, format!("tendencia: worse for {run} periods")),
        (_, run) => (25, format!("tendencia: worse for {run} periods")),
    }
}

fn direction(metric: &str, now: &Exact, then: &Exact) -> i8 {
    match now.cmp(then) {
        std::cmp::Ordering::Equal => 0,
        order if (order == std::cmp::Ordering::Greater) != is_lower_better(metric) => 1,
        _ => -1,
    }
}

/// Whether a value lies where the curve gives all.
fn at_target(metric: &str, criterion: &Criterion, value: &Exact) -> bool {
    let full = criterion.curve.iter().filter(|[_, pct]| *pct == Exact::from(100)).map(|[value, _]| value);
    if is_lower_better(metric) {
        full.max().is_some_and(|it| value <= it)
    } else {
        full.min().is_some_and(|it| value >= it)
    }
}

fn what_to_enter(metric: &str, criterion: &Criterion) -> FieldProblem {
    if is_from_visits(metric) {
        return missing(
            "missing_visits",
            criterion,
            &format!(
                "las visitas aprobadas del periodo no dan «{metric}»; apruebe más visitas o envíe «value» a mano"
            ),
            &format!(
                "the approved visits of the period do not give \"{metric}\"; approve more visits or send \"value\" by hand"
            ),
        );
    }
    missing(
        "missing_kpi",
        criterion,
        &format!("capture una observación «{metric}» de la sucursal en el periodo, o envíe «value» a mano"),
        &format!("enter an observation \"{metric}\" of the branch in the period, or send \"value\" by hand"),
    )
}

fn missing(code: &str, criterion: &Criterion, es: &str, en: &str) -> FieldProblem {
    FieldProblem::new(
        "/criteria",
        code,
        format!("{} {}: {es}.", criterion.id, criterion.es),
        format!("{} {}: {en}", criterion.id, criterion.en),
    )
}

impl Source {
    fn of(criterion: &Criterion, from: &str) -> Self {
        Self {
            criterion: criterion.id.clone(),
            from: from.to_owned(),
            metric: criterion.metric.clone(),
            n: None,
            notes: Vec::new(),
            visits: Vec::new(),
            kpi: None,
        }
    }
}
