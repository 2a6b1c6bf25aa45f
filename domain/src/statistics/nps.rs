//! Net promoter score with its standard error and interval.

use super::{Interval, ROOT_DECIMALS, normal_quantile, percent};
use crate::Exact;

/// A net promoter score, in points from -100 to 100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nps {
    /// Answers counted.
    pub n: u32,
    /// The score.
    pub value: Exact,
    /// Standard error, in points.
    pub standard_error: Exact,
    /// Interval at the level asked.
    pub interval: Interval,
}

/// NPS of counted answers: `100 (P - D) / n`, with `var = (P + D) / n - ((P - D) / n)^2` (DOMAIN.md 5.2).
///
/// `None` where nobody answered or the level is not between 0 and 1. The interval is not cut at +-100: it says how
/// unsure the figure is, also near the ends.
pub fn nps(promoters: u32, passives: u32, detractors: u32, level: &Exact) -> Option<Nps> {
    let n = promoters.checked_add(passives)?.checked_add(detractors)?;
    let count = Exact::from(n);
    let (promoters, detractors) = (Exact::from(promoters), Exact::from(detractors));
    let score = (&promoters - &detractors).checked_div(&count)?;
    let variance = (promoters + detractors).checked_div(&count)? - &(&score * &score);
    // Scaled before the root, so that the digits kept are digits of points.
    let standard_error = (variance * Exact::from(10_000)).checked_div(&count)?.sqrt(ROOT_DECIMALS);
    let value = percent(&score);
    let half = normal_quantile(level)? * &standard_error;
    Some(Nps { n, interval: Interval::around(&value, &half), value, standard_error })
}
