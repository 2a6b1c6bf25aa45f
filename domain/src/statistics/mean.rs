//! Means of visits, with Student's t: the mean, its interval and the difference of two means (Welch).

use super::{Interval, ROOT_DECIMALS, student_t};
use crate::Exact;

/// What a list of values amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Number of values.
    pub n: u32,
    /// Their mean, exact.
    pub mean: Exact,
    /// Their variance with `n - 1` below, exact; `None` for a single value.
    pub variance: Option<Exact>,
}

impl Sample {
    /// Describes values in any order; `None` where there are none.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Exact>) -> Option<Self> {
        let (mut n, mut sum, mut squares) = (0_u32, Exact::zero(), Exact::zero());
        for value in values {
            n = n.checked_add(1)?;
            sum = sum + value;
            squares = squares + &(value * value);
        }
        let count = Exact::from(n);
        let mean = sum.checked_div(&count)?;
        let variance = (squares - &(&mean * &sum)).checked_div(&(count - Exact::one()));
        Some(Self { n, mean, variance })
    }

    /// Standard deviation (`n - 1`); `None` for a single value.
    pub fn standard_deviation(&self) -> Option<Exact> {
        self.variance.as_ref().map(|it| it.sqrt(ROOT_DECIMALS))
    }

    /// Variance of the mean.
    fn mean_variance(&self) -> Option<Exact> {
        self.variance.as_ref()?.checked_div(&Exact::from(self.n))
    }
}

/// The interval of a mean and what it was calculated from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeanInterval {
    /// The interval.
    pub interval: Interval,
    /// Student's t, to the decimals of [`student_t`].
    pub t: Exact,
    /// `t x s / sqrt(n)`.
    pub half_width: Exact,
}

/// Interval of a mean at a level such as 0.95: `mean +- t(level; n - 1) x s / sqrt(n)`.
///
/// `None` for a single value ("una sola visita": there is no interval) or a level that is not between 0 and 1.
/// Source: DOMAIN.md 5.2.
pub fn mean_interval(sample: &Sample, level: &Exact) -> Option<MeanInterval> {
    let error = sample.mean_variance()?.sqrt(ROOT_DECIMALS);
    let t = student_t(level, sample.n.checked_sub(1)?)?;
    let half_width = &t * &error;
    Some(MeanInterval { interval: Interval::around(&sample.mean, &half_width), t, half_width })
}

/// The difference of two means with its interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// First mean minus second.
    pub value: Exact,
    /// Its interval; `None` where either side has a single value.
    pub interval: Option<Interval>,
    /// Degrees of freedom by Welch and Satterthwaite, rounded down; `None` without an interval or without spread.
    pub degrees: Option<u32>,
}

/// `current - previous` at a level such as 0.95, by Welch: the variances need not be equal.
///
/// Two samples without any spread differ by exactly what they show, so their interval has no width.
pub fn difference(current: &Sample, previous: &Sample, level: &Exact) -> Difference {
    let value = &current.mean - &previous.mean;
    let Some((interval, degrees)) = welch(current, previous, level, &value) else {
        return Difference { value, interval: None, degrees: None };
    };
    Difference { value, interval: Some(interval), degrees }
}

fn welch(
    current: &Sample,
    previous: &Sample,
    level: &Exact,
    value: &Exact,
) -> Option<(Interval, Option<u32>)> {
    let (a, b) = (current.mean_variance()?, previous.mean_variance()?);
    let both = &a + &b;
    let below = |variance: &Exact, n: u32| (variance * variance).checked_div(&Exact::from(n.checked_sub(1)?));
    let spread = below(&a, current.n)? + below(&b, previous.n)?;
    let Some(degrees) = (&both * &both).checked_div(&spread) else {
        return Some((Interval::around(value, &Exact::zero()), None));
    };
    let degrees = u32::try_from(degrees.floor().to_scaled(0)?).ok()?.max(1);
    let half = student_t(level, degrees)? * both.sqrt(ROOT_DECIMALS);
    Some((Interval::around(value, &half), Some(degrees)))
}
