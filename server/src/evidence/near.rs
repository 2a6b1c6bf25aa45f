//! Which photos look alike, by few differing bits of their perceptual hashes, and how to find them without looking at all:
//! two hashes that differ in at most seven of their 64 bits differ in at most one of the 16 bits of some quarter.

/// Photos whose hashes differ in more bits are not called alike.
pub(crate) const MAX_DISTANCE: u32 = 7;
const QUARTER_BITS: u32 = 16;

/// How many bits differ.
pub(crate) fn distance(one: u64, other: u64) -> u32 {
    (one ^ other).count_ones()
}

/// The quarters of a hash, each with its place: what a photo is found by.
pub(crate) fn bands(look: u64) -> Vec<u32> {
    let bytes = look.to_be_bytes();
    let quarters = bytes.chunks_exact(2).zip(0_u32..);
    quarters
        .map(|(quarter, place)| {
            let bits = quarter.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
            place << QUARTER_BITS | bits
        })
        .collect()
}

/// The quarters of every hash that is near: each quarter as it is, and with each of its bits turned over.
pub(crate) fn probes(look: u64) -> Vec<u32> {
    let turned = |band: u32| (0..QUARTER_BITS).map(move |bit| band ^ (1 << bit));
    bands(look).into_iter().flat_map(|band| std::iter::once(band).chain(turned(band))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_near_hash_is_found_by_one_of_its_quarters(
            look in any::<u64>(),
            turned in prop::collection::btree_set(0..64_u32, 0..=7),
        ) {
            let other = turned.iter().fold(look, |it, bit| it ^ (1 << bit));
            prop_assert_eq!(distance(look, other), u32::try_from(turned.len()).unwrap());
            let probes = probes(look);
            prop_assert!(bands(other).iter().any(|band| probes.contains(band)));
        }
    }

    #[test]
    fn quarters_of_different_places_are_never_taken_for_each_other() {
        assert_eq!(bands(0), [0, 1 << 16, 2 << 16, 3 << 16]);
        assert_eq!(probes(0).len(), 4 * 17);
    }
}
