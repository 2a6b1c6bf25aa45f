//! Trend over periods: the slope of the least-squares line.

use crate::Exact;

/// Points per period of the least-squares line through `(period number, value)`, in any order.
///
/// A period without a value is simply absent, so gaps keep their width. `None` with fewer than two periods.
pub fn slope(points: &[(i64, Exact)]) -> Option<Exact> {
    let n = Exact::from(u32::try_from(points.len()).ok()?);
    let sum_x: Exact = points.iter().map(|(x, _)| Exact::from(*x)).sum();
    let sum_y: Exact = points.iter().map(|(_, y)| y).sum();
    let sum_xy: Exact = points.iter().map(|(x, y)| &Exact::from(*x) * y).sum();
    let sum_xx: Exact = points.iter().map(|(x, _)| Exact::from(*x) * Exact::from(*x)).sum();
    let above = &n * &sum_xy - &(&sum_x * &sum_y);
    let below = &n * &sum_xx - &(&sum_x * &sum_x);
    above.checked_div(&below)
}
