//! Order statistics of waits and durations: half and nine tenths of the cases stay at or below them.

use crate::Exact;
use alloc::vec::Vec;

/// Middle value; the mean of the two middle ones for an even number. `None` where there are none.
pub fn median(values: &[Exact]) -> Option<Exact> {
    let sorted = sorted(values);
    let half = sorted.len() / 2;
    let upper = (*sorted.get(half)?).clone();
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = (*sorted.get(half.checked_sub(1)?)?).clone();
    (lower + upper).checked_div(&Exact::from(2))
}

/// Smallest value that at least 90 % of the values do not exceed (nearest rank). `None` where there are none.
pub fn p90(values: &[Exact]) -> Option<Exact> {
    let sorted = sorted(values);
    let rank = sorted.len().checked_mul(9)?.div_ceil(10);
    sorted.get(rank.checked_sub(1)?).map(|it| (*it).clone())
}

fn sorted(values: &[Exact]) -> Vec<&Exact> {
    let mut sorted: Vec<&Exact> = values.iter().collect();
    sorted.sort();
    sorted
}
