//! Figures with their uncertainty: proportions, means, differences, NPS, shrinkage, order statistics and trends
//! (DOMAIN.md 5). Exact arithmetic; square roots are taken once, to [`ROOT_DECIMALS`], and the quantiles come from
//! `quantile`, the only place with floating numbers.

mod mean;
mod nps;
mod order;
mod proportion;
mod quantile;
mod shrinkage;
mod trend;

pub use mean::{Difference, MeanInterval, Sample, difference, mean_interval};
pub use nps::{Nps, nps};
pub use order::{median, p90};
pub use proportion::wilson;
pub use quantile::{normal_quantile, student_t};
pub use shrinkage::{Components, Group, Shrunk, estimate_components, shrink};
pub use trend::slope;

use crate::Exact;
use serde::{Deserialize, Serialize};

/// Decimals to which square roots are taken; far beyond what is ever printed.
pub const ROOT_DECIMALS: u32 = 12;

/// A confidence interval: both ends belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interval {
    /// Lower end.
    pub low: Exact,
    /// Upper end.
    pub high: Exact,
}

impl Interval {
    /// `centre` plus and minus `half`.
    pub fn around(centre: &Exact, half: &Exact) -> Self {
        Self { low: centre - half, high: centre + half }
    }

    /// Whether a value lies in it, ends included.
    pub fn contains(&self, value: &Exact) -> bool {
        &self.low <= value && value <= &self.high
    }
}

/// The usual level of confidence, 0.95.
pub fn level_95() -> Exact {
    Exact::scaled(95, 2)
}

/// How far one visit can move the mean of `n`, in percent of the scale: `100 / n` (MPSD, DOMAIN.md 5.2).
///
/// `None` without visits.
pub fn max_visit_share(n: u32) -> Option<Exact> {
    Exact::from(100).checked_div(&Exact::from(n))
}

/// A share from 0 to 1 as a percentage.
fn percent(share: &Exact) -> Exact {
    share * &Exact::from(100)
}

#[cfg(test)]
mod tests;
