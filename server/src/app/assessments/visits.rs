//! What the visits of a branch say to a standard: the figures of sections 6 and 9. Pure; owns which answers feed which
//! figure. What an auditor felt (`auditor_*`) has no weight in a score and so feeds nothing here.

use domain::{
    Exact,
    checklist::Checklist,
    ids::AuditId,
    statistics::Sample,
    visit_score::{PooledPoints, VisitScore},
};
use std::{collections::BTreeMap, sync::Arc};

/// Criterion that true and complete information is evidence for: sections of a checklist name it.
const TRANSPARENCY: &str = "9.1";
/// Shares are given with this many decimals, so that a statement can be checked by hand.
const SHARE_DECIMALS: u32 = 6;
/// Codes of what is missing of a visit's evidence.
const EVIDENCE_CODES: &[&str] = &["photo_required", "comment_required"];

/// A visit that counts.
#[derive(Debug, Clone)]
pub(crate) struct AssessedVisit {
    /// The visit.
    pub(crate) audit: AuditId,
    /// Its frozen figures.
    pub(crate) score: VisitScore,
    /// The checklist that it pins.
    pub(crate) checklist: Arc<Checklist>,
}

/// A figure with what it was counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    /// In the unit of the standard's curve.
    pub(crate) value: Exact,
    /// Confirmed cases: visits whose failure a reviewer accepted.
    pub(crate) confirmed: Option<u32>,
    /// Visits with a failure, or all visits behind the figure.
    pub(crate) visits: Vec<AuditId>,
    /// Visits counted.
    pub(crate) n: u32,
    /// What was found, for a person.
    pub(crate) note: String,
}

/// The figure of a metric over visits; `None` where the visits cannot give it.
pub(crate) fn figure(metric: &str, visits: &[AssessedVisit]) -> Option<Figure> {
    let n = u32::try_from(visits.len()).ok().filter(|it| *it > 0)?;
    match metric {
        "ms_index" => Some(index(visits, n)?),
        "min_pillar" => lowest_pillar(visits, n),
        "critical_rate" => share_of(visits, n, |it| !it.score.critical_failed.is_empty()),
        "ms_sd" => deviation(visits, n),
        "transparency_rate" => transparency(visits, n),
        "evidence_rate" => evidence(visits, n),
        _ => None,
    }
}

/// Whether less of a metric is better.
pub(crate) fn is_lower_better(metric: &str) -> bool {
    ["critical_rate", "ms_sd", "improper_count", "abandonment", "aht_dev", "complaints_per_1000"]
        .contains(&metric)
}

fn sample(visits: &[AssessedVisit]) -> Option<Sample> {
    let scores: Vec<Exact> = visits.iter().map(|it| it.score.final_score.to_exact()).collect();
    Sample::of(&scores)
}

fn ids(visits: &[AssessedVisit]) -> Vec<AuditId> {
    visits.iter().map(|it| it.audit).collect()
}

fn index(visits: &[AssessedVisit], n: u32) -> Option<Figure> {
    let value = sample(visits)?.mean.round_half_up(2);
    let note = format!("mean of {n} visits");
    Some(Figure { value, confirmed: None, visits: ids(visits), n, note })
}

fn deviation(visits: &[AssessedVisit], n: u32) -> Option<Figure> {
    let value = sample(visits)?.standard_deviation()?.round_half_up(2);
    let note = format!("standard deviation of {n} visits");
    Some(Figure { value, confirmed: None, visits: ids(visits), n, note })
}

fn lowest_pillar(visits: &[AssessedVisit], n: u32) -> Option<Figure> {
    let mut pools: BTreeMap<&str, PooledPoints> = BTreeMap::new();
    for (pillar, points) in visits.iter().flat_map(|it| &it.score.pillar_points) {
        add(pools.entry(pillar).or_default(), points);
    }
    let shares = pools.iter().filter_map(|(pillar, points)| Some((percentage(points)?, *pillar)));
    let (value, pillar) = shares.min()?;
    let note = format!("lowest of {} pillars: {pillar}", pools.len());
    Some(Figure { value, confirmed: None, visits: ids(visits), n, note })
}

fn add(pool: &mut PooledPoints, points: &PooledPoints) {
    pool.earned += points.earned;
    pool.possible += points.possible;
}

fn percentage(points: &PooledPoints) -> Option<Exact> {
    let share = points.earned.to_exact().checked_div(&points.possible.to_exact())?;
    Some((share * Exact::from(100)).round_half_up(2))
}

/// Share of visits with a failure. A failure counts as confirmed, since a reviewer approved the visit that shows it.
fn share_of(visits: &[AssessedVisit], n: u32, failed: impl Fn(&AssessedVisit) -> bool) -> Option<Figure> {
    let with: Vec<AuditId> = visits.iter().filter(|it| failed(it)).map(|it| it.audit).collect();
    let count = u32::try_from(with.len()).ok()?;
    let value = Exact::from(count).checked_div(&Exact::from(n))?.round_half_up(SHARE_DECIMALS);
    let note = format!("{count} of {n} visits");
    Some(Figure { value, confirmed: Some(count), visits: with, n, note })
}

/// Earned over possible in the sections that give evidence of true information; confirmed are visits that miss some.
fn transparency(visits: &[AssessedVisit], n: u32) -> Option<Figure> {
    let (mut pool, mut misses, mut observed) = (PooledPoints::default(), Vec::new(), 0_u32);
    for visit in visits {
        let before = pool;
        for section in
            visit.checklist.sections.iter().filter(|it| it.standard.iter().any(|it| it == TRANSPARENCY))
        {
            if let Some(score) = visit.score.sections.get(&section.id) {
                add(&mut pool, &PooledPoints { earned: score.earned, possible: score.possible });
            }
        }
        let possible = pool.possible.units().saturating_sub(before.possible.units());
        let earned = pool.earned.units().saturating_sub(before.earned.units());
        if possible > 0 {
            observed = observed.saturating_add(1);
        }
        if earned < possible {
            misses.push(visit.audit);
        }
    }
    let share = pool.earned.to_exact().checked_div(&pool.possible.to_exact())?;
    let confirmed = u32::try_from(misses.len()).ok()?;
    Some(Figure {
        value: share.round_half_up(SHARE_DECIMALS),
        confirmed: Some(confirmed),
        visits: misses,
        n,
        note: format!("transparency items of {observed} visits; {confirmed} visits with a miss"),
    })
}

fn evidence(visits: &[AssessedVisit], n: u32) -> Option<Figure> {
    let lacks =
        |it: &AssessedVisit| it.score.incomplete.iter().any(|it| EVIDENCE_CODES.contains(&it.code.as_str()));
    let missing: Vec<AuditId> = visits.iter().filter(|it| lacks(it)).map(|it| it.audit).collect();
    let complete = n.checked_sub(u32::try_from(missing.len()).ok()?)?;
    let value = Exact::from(complete).checked_div(&Exact::from(n))?.round_half_up(SHARE_DECIMALS);
    Some(Figure {
        value,
        confirmed: None,
        visits: missing,
        n,
        note: format!("complete evidence in {complete} of {n} visits"),
    })
}
