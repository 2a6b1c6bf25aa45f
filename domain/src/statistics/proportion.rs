//! Shares of visits: the Wilson interval, which stays sensible for few visits and for shares near 0 and 1.

use super::{Interval, ROOT_DECIMALS, normal_quantile};
use crate::Exact;

/// Wilson score interval of `successes` in `n`, as shares from 0 to 1 (DOMAIN.md 5.2).
///
/// `None` where `n` is 0, `successes` is above it, or the level is not between 0 and 1.
pub fn wilson(successes: u32, n: u32, level: &Exact) -> Option<Interval> {
    if successes > n {
        return None;
    }
    let (count, z) = (Exact::from(n), normal_quantile(level)?);
    let share = Exact::from(successes).checked_div(&count)?;
    let z_squared = &z * &z;
    let half_square = z_squared.checked_div(&(&count + &count))?;
    let quarter_square = z_squared.checked_div(&(&count * &count * Exact::from(4)))?;
    let spread = (&share * &(Exact::one() - &share)).checked_div(&count)? + quarter_square;
    let root = &z * &spread.sqrt(ROOT_DECIMALS);
    let divisor = Exact::one() + z_squared.checked_div(&count)?;
    let centre = share + half_square;
    let low = if successes == 0 { Exact::zero() } else { (&centre - &root).checked_div(&divisor)? };
    let high = if successes == n { Exact::one() } else { (&centre + &root).checked_div(&divisor)? };
    Some(Interval { low, high })
}
