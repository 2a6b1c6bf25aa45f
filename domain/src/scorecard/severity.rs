//! Severity of auditors: each against the others in the same branches (DOMAIN.md 5.3). A diagnostic to be shown;
//! nothing here ever changes a score or pay.

use super::{Figure, SCORE_DECIMALS, ScoredVisit, card::share_figure, shown};
use crate::{
    Exact, Rounded,
    statistics::{Sample, mean_interval},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// The severity of one auditor or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Severity {
    /// The auditor or group.
    pub auditor: String,
    /// Visits.
    pub n: u32,
    /// Mean of the visits.
    pub mean: Rounded,
    /// Visits with a critical failure, with the Wilson interval.
    pub critical_rate: Option<Figure>,
    /// Branches that others visited too.
    pub shared_branches: u32,
    /// Mean over the shared branches of the auditor's own mean.
    pub own_mean: Option<Rounded>,
    /// Mean over the same branches of the others' mean.
    pub others_mean: Option<Rounded>,
    /// Own minus others, branch by branch, with its interval: below 0 is harsher than the others.
    pub difference: Option<Figure>,
}

/// What one branch got from each auditor.
type Scores<'a> = BTreeMap<&'a str, Vec<&'a Exact>>;

/// The severity of every auditor, by name. Visits without an auditor count neither as own nor as others'.
pub fn severity(visits: &[ScoredVisit], level: &Exact) -> Vec<Severity> {
    let mut by_branch: BTreeMap<&str, Scores<'_>> = BTreeMap::new();
    let mut by_auditor: BTreeMap<&str, Vec<&ScoredVisit>> = BTreeMap::new();
    for visit in visits {
        if let Some(auditor) = &visit.auditor {
            by_branch.entry(&visit.branch).or_default().entry(auditor).or_default().push(&visit.score);
            by_auditor.entry(auditor).or_default().push(visit);
        }
    }
    let shared = pairs(&by_branch);
    by_auditor
        .into_iter()
        .filter_map(|(auditor, visits)| {
            one(auditor, &visits, shared.get(auditor).map_or(&[], Vec::as_slice), level)
        })
        .collect()
}

/// Own and others' mean of every auditor in every branch that both visited.
fn pairs<'a>(by_branch: &BTreeMap<&'a str, Scores<'a>>) -> BTreeMap<&'a str, Vec<(Exact, Exact)>> {
    let mut pairs: BTreeMap<&str, Vec<(Exact, Exact)>> = BTreeMap::new();
    for scores in by_branch.values().filter(|it| it.len() > 1) {
        for (auditor, own) in scores {
            let others =
                scores.iter().filter(|(it, _)| *it != auditor).flat_map(|(_, it)| it.iter().copied());
            if let (Some(own), Some(others)) = (Sample::of(own.iter().copied()), Sample::of(others)) {
                pairs.entry(auditor).or_default().push((own.mean, others.mean));
            }
        }
    }
    pairs
}

fn one(auditor: &str, visits: &[&ScoredVisit], pairs: &[(Exact, Exact)], level: &Exact) -> Option<Severity> {
    let sample = Sample::of(visits.iter().map(|it| &it.score))?;
    let critical = u32::try_from(visits.iter().filter(|it| it.has_critical).count()).ok()?;
    let differences: Vec<Exact> = pairs.iter().map(|(own, others)| own - others).collect();
    let mean_of = |side: fn(&(Exact, Exact)) -> &Exact| {
        Sample::of(pairs.iter().map(side)).map(|it| Rounded::new(&it.mean, SCORE_DECIMALS))
    };
    let difference = Sample::of(&differences).map(|sample| {
        let formula = "mean over shared branches of own mean - others' mean, t interval";
        let mut figure = Figure::new(&sample.mean, sample.n, formula, &[("level", level)]);
        figure.interval = mean_interval(&sample, level).map(|it| shown(&it.interval, SCORE_DECIMALS));
        figure
    });
    Some(Severity {
        auditor: auditor.to_string(),
        n: sample.n,
        mean: Rounded::new(&sample.mean, SCORE_DECIMALS),
        critical_rate: share_figure(critical, sample.n, level, "visits with a critical failure / visits"),
        shared_branches: u32::try_from(pairs.len()).ok()?,
        own_mean: mean_of(|it| &it.0),
        others_mean: mean_of(|it| &it.1),
        difference,
    })
}
