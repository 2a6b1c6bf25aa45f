//! Sharing an amount to the cent: everybody gets their part rounded down, and the cents that are left over go to
//! those who lost most, ties by id (DOMAIN.md 4.4). The parts always add up to the amount.

use crate::Exact;
use alloc::vec::Vec;

/// One person's part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// `amount x weight / sum of weights`, exact.
    pub(super) unrounded: Exact,
    /// The same, rounded down.
    pub(super) floor: Exact,
    /// The part paid.
    pub(super) amount: Exact,
}

/// Shares `amount`, which has no more than `decimals` decimals, by weights; `None` where all weights are 0.
///
/// Parts come in the order of the weights; ids decide ties only.
pub(super) fn share_out(amount: &Exact, weights: &[(&str, Exact)], decimals: u32) -> Option<Vec<Part>> {
    let total: Exact = weights.iter().map(|(_, it)| it).sum();
    let mut parts = weights
        .iter()
        .map(|(_, weight)| {
            let unrounded = (amount * weight).checked_div(&total)?;
            let floor = unrounded.floor_to(decimals);
            Some(Part { unrounded, amount: floor.clone(), floor })
        })
        .collect::<Option<Vec<_>>>()?;
    let given: Exact = parts.iter().map(|it| &it.floor).sum();
    let left = usize::try_from((amount - &given).to_scaled(decimals)?).ok()?;
    let mut order: Vec<(Exact, &str, &mut Part)> =
        weights.iter().zip(&mut parts).map(|((id, _), it)| (&it.unrounded - &it.floor, *id, it)).collect();
    order.sort_by(|(a, a_id, _), (b, b_id, _)| b.cmp(a).then(a_id.cmp(b_id)));
    for (_, _, part) in order.iter_mut().take(left) {
        part.amount = &part.floor + &Exact::scaled(1, decimals);
    }
    Some(parts)
}
