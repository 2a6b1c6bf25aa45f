//! The scorecard of one scope, from its visits.

use super::{
    Arrow, ChannelIndex, DETAIL_DECIMALS, Figure, Gap, Index, PeriodIndex, Points, Pooled, SCORE_DECIMALS,
    Scorecard, ScoredVisit, Settings, Target, Trend, shown,
};
use crate::{
    Exact, LocalText, Rounded,
    statistics::{Sample, difference, max_visit_share, mean_interval, slope, wilson},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::{BTreeMap, BTreeSet};

type Pools = fn(&ScoredVisit) -> &BTreeMap<String, Points>;

/// The scorecard of a scope from its visits of all periods, in any order.
///
/// - **Units**: scores, percentages and points from 0 to 100, two decimals; ends of intervals likewise.
/// - **Shape**: visits outside the periods are left out; figures without a sample are absent, never 0.
/// - **Source**: DOMAIN.md 5.1 and 5.2.
pub fn scorecard(scope: &str, visits: &[&ScoredVisit], settings: &Settings) -> Scorecard {
    let period = settings.periods.last();
    let mut current: Vec<&ScoredVisit> =
        visits.iter().copied().filter(|visit| period.is_some_and(|it| it.holds(visit))).collect();
    current.sort_by(|a, b| a.id.cmp(&b.id));
    let sample = Sample::of(current.iter().map(|it| &it.score));
    let pooled =
        |pools: Pools, targets: &BTreeMap<String, Target>| pooled(&current, pools, targets, &settings.level);
    Scorecard {
        scope: scope.to_string(),
        period: period.map(|it| it.id.clone()).unwrap_or_default(),
        visits: current.iter().map(|it| it.id.clone()).collect(),
        n: count(&current),
        index: sample.as_ref().map(|it| index(it, &settings.level, settings.index_target.as_ref())),
        sections: pooled(|it| &it.sections, &settings.section_targets),
        touchpoints: pooled(|it| &it.touchpoints, &settings.touchpoint_targets),
        pillars: pooled(|it| &it.pillars, &settings.pillar_targets),
        channels: channels(&current, &settings.level),
        trend: sample.as_ref().and_then(|it| trend(it, visits, settings)),
        consistency: sample.as_ref().and_then(consistency),
        coverage: coverage(scope, &current, settings),
        critical_rate: rate(&current, settings, "visits with a critical failure / visits", |it| {
            it.has_critical
        }),
        evidence_rate: rate(&current, settings, "visits with complete evidence / visits", |it| {
            it.has_complete_evidence
        }),
    }
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

pub(super) fn index(sample: &Sample, level: &Exact, target: Option<&Exact>) -> Index {
    let interval = mean_interval(sample, level);
    let mut figure = Figure::new(&sample.mean, sample.n, "mean of visit scores", &[("mean", &sample.mean)]);
    if let Some(it) = &interval {
        figure.formula = "mean of visit scores +- t x s / sqrt(n)".to_string();
        figure.interval = Some(shown(&it.interval, SCORE_DECIMALS));
        let deviation = sample.standard_deviation().unwrap_or_default();
        figure.inputs.insert("level".to_string(), level.to_string());
        figure.inputs.insert("t".to_string(), it.t.to_string());
        figure.inputs.insert("s".to_string(), deviation.to_fixed(DETAIL_DECIMALS));
        figure.inputs.insert("half_width".to_string(), it.half_width.to_fixed(DETAIL_DECIMALS));
    }
    let single_visit = sample.n == 1;
    let target = target.map(|it| Target { target: it.clone(), weight: Exact::one() });
    Index {
        figure,
        single_visit,
        wording: if single_visit {
            LocalText::new("una sola visita", "a single visit")
        } else {
            LocalText::default()
        },
        gap: target.map(|it| gap(&it, &sample.mean)),
        max_visit_share: Rounded::new(&max_visit_share(sample.n).unwrap_or_default(), SCORE_DECIMALS),
    }
}

fn gap(target: &Target, current: &Exact) -> Gap {
    let gap = &target.target - current;
    let priority = gap.clone().max(Exact::zero()) * &target.weight;
    Gap {
        target: Rounded::new(&target.target, SCORE_DECIMALS),
        gap: Rounded::new(&gap, SCORE_DECIMALS),
        weight: Rounded::new(&target.weight, SCORE_DECIMALS),
        priority: Rounded::new(&priority, SCORE_DECIMALS),
    }
}

fn pooled(
    visits: &[&ScoredVisit],
    pools: Pools,
    targets: &BTreeMap<String, Target>,
    level: &Exact,
) -> Vec<Pooled> {
    let ids: BTreeSet<&String> = visits.iter().flat_map(|it| pools(it).keys()).collect();
    ids.into_iter().filter_map(|id| pool(id, visits, pools, targets.get(id), level)).collect()
}

/// One pooled score; `None` where no point was possible.
fn pool(
    id: &str,
    visits: &[&ScoredVisit],
    pools: Pools,
    target: Option<&Target>,
    level: &Exact,
) -> Option<Pooled> {
    let (mut earned, mut possible) = (Exact::zero(), Exact::zero());
    let (mut counted, mut visits_without) = (Vec::new(), Vec::new());
    for visit in visits {
        match pools(visit).get(id).filter(|it| !it.possible.is_zero()) {
            Some(points) => {
                earned = earned + &points.earned;
                possible = possible + &points.possible;
                counted.push(points);
            }
            None => visits_without.push(visit.id.clone()),
        }
    }
    let score = (&earned * &Exact::from(100)).checked_div(&possible)?;
    let n = count(visits).saturating_sub(count(&visits_without));
    let inputs: &[(&str, &dyn ToString)] = &[("earned", &earned), ("possible", &possible)];
    let mut figure = Figure::new(&score, n, "100 x sum(earned) / sum(possible)", inputs);
    figure.interval = ratio_interval(&counted, &score, &possible, level);
    Some(Pooled { id: id.to_string(), figure, visits_without, gap: target.map(|it| gap(it, &score)) })
}

/// The t interval of a pooled score, the ratio of two sums over visits, by its usual linear form: each visit stands for the score plus
/// `n` times what it alone moves it by. None for a single visit; never beyond 0 to 100.
fn ratio_interval(
    counted: &[&Points],
    score: &Exact,
    possible: &Exact,
    level: &Exact,
) -> Option<[Rounded; 2]> {
    let hundred = Exact::from(100);
    let n = Exact::from(u32::try_from(counted.len()).ok()?);
    let moved = |it: &&Points| {
        let beyond = &hundred * &it.earned - score * &it.possible;
        Some(score + &(&n * &beyond).checked_div(possible)?)
    };
    let values: Vec<Exact> = counted.iter().map(moved).collect::<Option<_>>()?;
    let found = mean_interval(&Sample::of(&values)?, level)?.interval;
    let within = |it: Exact| Rounded::new(&it.max(Exact::zero()).min(hundred.clone()), SCORE_DECIMALS);
    Some([within(found.low), within(found.high)])
}

fn channels(visits: &[&ScoredVisit], level: &Exact) -> Vec<ChannelIndex> {
    let mut scores: BTreeMap<&String, Vec<&Exact>> = BTreeMap::new();
    for visit in visits {
        scores.entry(&visit.channel).or_default().push(&visit.score);
    }
    let index_of = |(id, scores): (&String, Vec<&Exact>)| {
        let sample = Sample::of(scores)?;
        Some(ChannelIndex { id: id.clone(), index: index(&sample, level, None) })
    };
    scores.into_iter().filter_map(index_of).collect()
}

/// The samples of all periods that had visits, with their place in time, oldest first.
fn samples<'a>(visits: &[&ScoredVisit], settings: &'a Settings) -> Vec<(i64, &'a String, Sample)> {
    let sample_of = |(place, period): (i64, &'a super::PeriodSpan)| {
        let held = visits.iter().filter(|it| period.holds(it)).map(|it| &it.score);
        Some((place, &period.id, Sample::of(held)?))
    };
    (0_i64..).zip(&settings.periods).filter_map(sample_of).collect()
}

fn trend(current: &Sample, visits: &[&ScoredVisit], settings: &Settings) -> Option<Trend> {
    let samples = samples(visits, settings);
    let (_, before) = samples.split_last()?;
    let (_, previous_period, previous) = before.last()?;
    let found = difference(current, previous, &settings.level);
    let inputs: &[(&str, &dyn ToString)] =
        &[("current", &current.mean), ("previous", &previous.mean), ("previous_n", &previous.n)];
    let mut figure = Figure::new(&found.value, current.n, "current - previous", inputs);
    if let Some(interval) = &found.interval {
        figure.formula = "current - previous +- t x sqrt(s1^2 / n1 + s2^2 / n2), Welch".to_string();
        figure.interval = Some(shown(interval, SCORE_DECIMALS));
        let degrees = found.degrees.map_or_else(|| "none".to_string(), |it| it.to_string());
        figure.inputs.insert("degrees_of_freedom".to_string(), degrees);
    }
    let arrow = match &found.interval {
        Some(it) if it.low > Exact::zero() => Arrow::Up,
        Some(it) if it.high < Exact::zero() => Arrow::Down,
        _ => Arrow::None,
    };
    let recent = samples.get(samples.len().saturating_sub(settings.slope_periods)..).unwrap_or_default();
    let points: Vec<(i64, Exact)> = recent.iter().map(|(place, _, it)| (*place, it.mean.clone())).collect();
    Some(Trend {
        previous_period: (*previous_period).clone(),
        previous: Rounded::new(&previous.mean, SCORE_DECIMALS),
        difference: figure,
        arrow,
        slope: slope(&points)
            .map(|it| Figure::new(&it, count(&points), "least squares, points per period", &[])),
        periods: recent
            .iter()
            .map(|(_, id, it)| PeriodIndex {
                period: (*id).clone(),
                n: it.n,
                index: Rounded::new(&it.mean, SCORE_DECIMALS),
            })
            .collect(),
    })
}

fn consistency(sample: &Sample) -> Option<Figure> {
    let variance = sample.variance.as_ref()?.to_fixed(DETAIL_DECIMALS);
    let deviation = sample.standard_deviation()?;
    Some(Figure::new(&deviation, sample.n, "standard deviation, n - 1", &[("variance", &variance)]))
}

/// Approved visits of those planned for the scope; for the network, of all plans.
fn coverage(scope: &str, current: &[&ScoredVisit], settings: &Settings) -> Option<Figure> {
    let planned = match settings.planned.get(scope) {
        Some(planned) => *planned,
        None if scope == super::league::NETWORK => {
            settings.planned.values().fold(0_u32, |total, it| total.saturating_add(*it))
        }
        None => return None,
    };
    let approved = count(current);
    let share = Exact::from(approved).checked_div(&Exact::from(planned))?;
    let inputs: &[(&str, &dyn ToString)] = &[("approved", &approved), ("planned", &planned)];
    Some(Figure::new(&(share * Exact::from(100)), planned, "100 x approved / planned", inputs))
}

fn rate(
    visits: &[&ScoredVisit],
    settings: &Settings,
    formula: &str,
    counts: impl Fn(&ScoredVisit) -> bool,
) -> Option<Figure> {
    let n = count(visits);
    let ids: Vec<String> = visits.iter().filter(|it| counts(it)).map(|it| it.id.clone()).collect();
    share_figure(count(&ids), n, &settings.level, formula)
}

/// A share in percent with its Wilson interval.
pub(super) fn share_figure(counted: u32, n: u32, level: &Exact, formula: &str) -> Option<Figure> {
    let hundred = Exact::from(100);
    let share = Exact::from(counted).checked_div(&Exact::from(n))? * &hundred;
    let inputs: &[(&str, &dyn ToString)] = &[("counted", &counted), ("n", &n), ("level", level)];
    let mut figure = Figure::new(&share, n, &alloc::format!("100 x {formula}, Wilson interval"), inputs);
    figure.interval = wilson(counted, n, level).map(|it| {
        [
            Rounded::new(&(it.low * &hundred), SCORE_DECIMALS),
            Rounded::new(&(it.high * &hundred), SCORE_DECIMALS),
        ]
    });
    Some(figure)
}
