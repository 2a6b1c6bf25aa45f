//! Shrinkage (empirical Bayes): the score of a branch with few visits leans towards the mean of all, by how much
//! visits to one place differ among themselves compared with how much places differ (DOMAIN.md 5.2).

use super::Sample;
use crate::Exact;

/// The visits of one branch, described.
pub type Group = Sample;

/// Variances within and between groups, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Groups counted.
    pub groups: u32,
    /// Values in all groups.
    pub n: u32,
    /// Mean of all values.
    pub grand_mean: Exact,
    /// Variance of values around the mean of their group.
    pub within: Exact,
    /// Variance of the groups' true means; negative estimates count as 0.
    pub between: Exact,
    /// `within / between`; `None` where the groups do not differ: then everything shrinks to the grand mean.
    pub k: Option<Exact>,
}

/// Estimates both variances by one-way analysis of variance with groups of unequal size:
/// `between = (MSB - MSW) / n0`, `n0 = (N - sum(n_i^2) / N) / (G - 1)`.
///
/// `None` with fewer than two groups or without any group of two values: nothing tells within from between.
pub fn estimate_components(groups: &[Group]) -> Option<Components> {
    let count = u32::try_from(groups.len()).ok()?;
    let n = groups.iter().try_fold(0_u32, |total, it| total.checked_add(it.n))?;
    let (total, size) = (Exact::from(n), |group: &Group| Exact::from(group.n));
    let sum: Exact = groups.iter().map(|it| size(it) * &it.mean).sum();
    let grand_mean = sum.checked_div(&total)?;
    let inside: Exact = groups
        .iter()
        .filter_map(|it| it.variance.as_ref().map(|variance| (size(it) - Exact::one()) * variance))
        .sum();
    let within = inside.checked_div(&(&total - &Exact::from(count)))?;
    let squares: Exact = groups.iter().map(|it| size(it) * &(&it.mean * &it.mean)).sum();
    let among = squares - &(&grand_mean * &sum);
    let degrees = Exact::from(count) - Exact::one();
    let mean_square = among.checked_div(&degrees)?;
    let sizes: Exact = groups.iter().map(|it| size(it) * size(it)).sum();
    let effective = (&total - &sizes.checked_div(&total)?).checked_div(&degrees)?;
    let between = (mean_square - &within).checked_div(&effective)?.max(Exact::zero());
    let k = within.checked_div(&between);
    Some(Components { groups: count, n, grand_mean, within, between, k })
}

/// A shrunken mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Weight of the group's own mean, `n / (n + k)`, from 0 to 1.
    pub weight: Exact,
    /// `weight x mean + (1 - weight) x grand mean`.
    pub value: Exact,
}

/// Shrinks the mean of `n` visits towards the grand mean; `k = None` means that groups do not differ at all.
pub fn shrink(n: u32, mean: &Exact, grand_mean: &Exact, k: Option<&Exact>) -> Shrunk {
    let count = Exact::from(n);
    let weight = k.and_then(|it| count.checked_div(&(&count + it))).unwrap_or_else(Exact::zero);
    let value = &weight * mean + (Exact::one() - &weight) * grand_mean;
    Shrunk { weight, value }
}
