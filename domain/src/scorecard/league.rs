//! All scorecards of a network at once, and the order of its branches by their shrunken score.

use super::{
    Index, SCORE_DECIMALS, Scorecard, ScoredVisit, Settings,
    card::{index, scorecard},
};
use crate::{
    Exact, Rounded,
    statistics::{Components, Sample, estimate_components, shrink},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// Scope of the card of all branches.
pub(super) const NETWORK: &str = "network";
/// Decimals of weights and variances.
const WEIGHT_DECIMALS: u32 = 6;

/// The scorecards of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scorecards {
    /// All branches together; its visits are listed by the cards of the branches.
    pub network: Scorecard,
    /// Every branch with a visit in any period, by id.
    pub branches: Vec<Scorecard>,
    /// What the shrinkage rests on; absent where the visits cannot tell it.
    pub shrinkage: Option<Shrinkage>,
    /// Branches with visits in the shown period, best first.
    pub standings: Vec<Standing>,
}

/// What the shrinkage of a network rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shrinkage {
    /// Mean of all visits: what branches shrink to.
    pub grand_mean: Rounded,
    /// `within / between`; absent where branches do not differ beyond chance.
    pub k: Option<Rounded>,
    /// Variance between visits to one branch; absent where `k` was given.
    pub within: Option<Rounded>,
    /// Variance between branches; absent where `k` was given.
    pub between: Option<Rounded>,
    /// Branches counted.
    pub branches: u32,
    /// Visits counted.
    pub visits: u32,
}

/// Where a branch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    /// The branch.
    pub branch: String,
    /// Its visits.
    pub n: u32,
    /// Mean of its visits.
    pub mean: Rounded,
    /// `B x mean + (1 - B) x grand mean`.
    pub shrunken: Rounded,
    /// `B = n / (n + k)`: how much of it is its own.
    pub weight: Rounded,
    /// Rank on the shrunken score, ties by more visits, then by id; hidden below the least number of visits and where
    /// branches do not differ beyond chance.
    pub rank: Option<u32>,
    /// Branches that are ranked.
    pub of: u32,
}

/// A network and the order of its branches, without the cards of the branches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct League {
    /// All branches together, without the list of visits.
    pub network: Scorecard,
    /// The index of every branch with a visit in the shown period, by branch.
    pub indexes: BTreeMap<String, Index>,
    /// What the shrinkage rests on; absent where the visits cannot tell it.
    pub shrinkage: Option<Shrinkage>,
    /// Branches with visits in the shown period, best first.
    pub standings: Vec<Standing>,
}

/// The league of a network: what a list of thousands of branches needs, at a fraction of the cost of their cards.
///
/// - **Shape** and **Source**: as [`scorecards`], whose figures these are.
pub fn league(visits: &[ScoredVisit], settings: &Settings) -> League {
    let by_branch = by_branch(visits);
    let all: Vec<&ScoredVisit> = visits.iter().collect();
    let mut network = scorecard(NETWORK, &all, settings);
    network.visits = Vec::new();
    for it in network.sections.iter_mut().chain(&mut network.touchpoints).chain(&mut network.pillars) {
        it.visits_without = Vec::new();
    }
    let samples: Vec<(&str, Sample)> = by_branch
        .iter()
        .filter_map(|(branch, visits)| {
            let shown =
                visits.iter().filter(|visit| settings.periods.last().is_some_and(|it| it.holds(visit)));
            Some((*branch, Sample::of(shown.map(|it| &it.score))?))
        })
        .collect();
    let (shrinkage, standings) = match basis(&samples, settings) {
        Some((shrinkage, grand_mean, k)) => {
            let standings = standings(&samples, &grand_mean, k.as_ref(), settings.min_n);
            (Some(shrinkage), standings)
        }
        None => (None, Vec::new()),
    };
    let target = settings.index_target.as_ref();
    let indexes = samples
        .iter()
        .map(|(branch, it)| ((*branch).to_string(), index(it, &settings.level, target)))
        .collect();
    League { network, indexes, shrinkage, standings }
}

fn by_branch(visits: &[ScoredVisit]) -> BTreeMap<&str, Vec<&ScoredVisit>> {
    let mut by_branch: BTreeMap<&str, Vec<&ScoredVisit>> = BTreeMap::new();
    for visit in visits {
        by_branch.entry(&visit.branch).or_default().push(visit);
    }
    by_branch
}

/// The scorecards of a network and of every branch, from visits of all periods in any order.
///
/// - **Shape**: branches by id; the order of the visits changes nothing.
/// - **Source**: DOMAIN.md 5.1 (rank on the shrunken score) and 5.2 (shrinkage).
pub fn scorecards(visits: &[ScoredVisit], settings: &Settings) -> Scorecards {
    let League { network, shrinkage, standings, .. } = league(visits, settings);
    let branches =
        by_branch(visits).iter().map(|(branch, visits)| scorecard(branch, visits, settings)).collect();
    Scorecards { network, branches, shrinkage, standings }
}

/// The grand mean and `k`, given or estimated.
fn basis(samples: &[(&str, Sample)], settings: &Settings) -> Option<(Shrinkage, Exact, Option<Exact>)> {
    let groups: Vec<Sample> = samples.iter().map(|(_, it)| it.clone()).collect();
    let estimated = estimate_components(&groups);
    let shown = |it: &Exact| Rounded::new(it, WEIGHT_DECIMALS);
    if let Some(k) = &settings.shrinkage_k {
        let visits: u32 = groups.iter().map(|it| it.n).sum();
        let sum: Exact = groups.iter().map(|it| &it.mean * &Exact::from(it.n)).sum();
        let grand_mean = sum.checked_div(&Exact::from(visits))?;
        let shrinkage = Shrinkage {
            grand_mean: shown(&grand_mean),
            k: Some(shown(k)),
            within: None,
            between: None,
            branches: u32::try_from(groups.len()).ok()?,
            visits,
        };
        return Some((shrinkage, grand_mean, Some(k.clone())));
    }
    let Components { groups, n, grand_mean, within, between, k } = estimated?;
    let shrinkage = Shrinkage {
        grand_mean: shown(&grand_mean),
        k: k.as_ref().map(shown),
        within: Some(shown(&within)),
        between: Some(shown(&between)),
        branches: groups,
        visits: n,
    };
    Some((shrinkage, grand_mean, k))
}

fn standings(samples: &[(&str, Sample)], grand_mean: &Exact, k: Option<&Exact>, min_n: u32) -> Vec<Standing> {
    let mut order: Vec<(Exact, Exact, &str, &Sample)> = samples
        .iter()
        .map(|(branch, sample)| {
            let shrunk = shrink(sample.n, &sample.mean, grand_mean, k);
            (shrunk.value, shrunk.weight, *branch, sample)
        })
        .collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then(b.3.n.cmp(&a.3.n)).then(a.2.cmp(b.2)));
    let ranked = |sample: &Sample| k.is_some() && sample.n >= min_n;
    let of = u32::try_from(order.iter().filter(|it| ranked(it.3)).count()).unwrap_or(u32::MAX);
    let mut rank = 0_u32;
    order
        .into_iter()
        .map(|(value, weight, branch, sample)| {
            let place = ranked(sample).then(|| {
                rank = rank.saturating_add(1);
                rank
            });
            Standing {
                branch: branch.to_string(),
                n: sample.n,
                mean: Rounded::new(&sample.mean, SCORE_DECIMALS),
                shrunken: Rounded::new(&value, SCORE_DECIMALS),
                weight: Rounded::new(&weight, WEIGHT_DECIMALS),
                rank: place,
                of,
            }
        })
        .collect()
}
