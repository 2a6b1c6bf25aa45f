//! How far two points on the ground are apart. For places within a city or a region: the ground is taken as flat between them. No
//! float: positions are degrees times 10,000,000, and the cosine is a sum of whole numbers.

/// A point: degrees north and degrees east, each times 10,000,000.
pub type Point = (i64, i64);

/// Nanometres of a ten-millionth of a degree on the Earth's mean circumference.
const UNIT_NM: i128 = 11_119_508;
/// What one is in the sums of the cosine.
const ONE: i128 = 1_000_000_000;
/// A billionth of a radian in ten billion ten-millionths of a degree.
const RADIANS: i128 = 17_453_292_520;
/// Ten-millionths of a degree in a whole turn.
const TURN: i128 = 3_600_000_000;

/// How far a point lies east and north of another, in millimetres; the short way round the Earth.
pub fn offset_mm(from: Point, to: Point) -> (i64, i64) {
    let north = i128::from(to.0) - i128::from(from.0);
    let middle = (i128::from(to.0) + i128::from(from.0)) / 2;
    let turned = (i128::from(to.1) - i128::from(from.1)).rem_euclid(TURN);
    let east = if turned > TURN / 2 { turned - TURN } else { turned };
    let millimetres = |units: i128| units * UNIT_NM / 1_000_000;
    let east = millimetres(east) * cosine(middle) / ONE;
    let narrow = |it: i128| i64::try_from(it).unwrap_or(i64::MAX);
    (narrow(east), narrow(millimetres(north)))
}

/// How far two points are apart, in whole metres.
pub fn distance_m(from: Point, to: Point) -> u64 {
    let (east, north) = offset_mm(from, to);
    let square = |it: i64| u128::from(it.unsigned_abs()) * u128::from(it.unsigned_abs());
    let millimetres = (square(east) + square(north)).isqrt();
    u64::try_from(millimetres / 1_000).unwrap_or(u64::MAX)
}

/// The cosine of a latitude, times [`ONE`]: the first terms of its series, good to a hundred-thousandth up to the poles.
fn cosine(latitude: i128) -> i128 {
    let angle = latitude.clamp(-900_000_000, 900_000_000) * RADIANS / (ONE * 10);
    let square = angle * angle / ONE;
    let (mut term, mut sum) = (ONE, ONE);
    for pair in 1..=5_i128 {
        term = -term * square / ONE / (2 * pair - 1) / (2 * pair);
        sum += term;
    }
    sum.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances_come_out_within_a_hundredth() {
        let zocalo = (194_326_077, -991_332_080);
        for (to, expected) in [
            (zocalo, 0),
            // Two places in the same city and in another, by the haversine formula.
            ((194_270_245, -991_676_630), 3_667),
            ((206_772_600, -1_033_476_800), 461_400),
            ((194_335_077, -991_332_080), 100),
        ] {
            let found = distance_m(zocalo, to);
            assert!(found.abs_diff(expected) <= expected / 100 + 1, "{to:?}: {found} for {expected}");
        }
    }

    #[test]
    fn a_degree_of_longitude_shrinks_towards_the_poles() {
        let along = |latitude: i64| distance_m((latitude, 0), (latitude, 10_000_000));
        assert!(along(0).abs_diff(111_195) < 2, "{}", along(0));
        assert!(along(600_000_000).abs_diff(55_597) < 10, "{}", along(600_000_000));
        assert!(along(900_000_000) < 5, "{}", along(900_000_000));
    }

    #[test]
    fn the_way_back_is_as_long_and_goes_the_short_way_round() {
        let (one, other) = ((-170_000_000, 1_799_990_000), (-170_000_000, -1_799_990_000));
        assert_eq!(distance_m(one, other), distance_m(other, one));
        assert!(distance_m(one, other) < 300, "{}", distance_m(one, other));
    }

    #[test]
    fn whatever_a_device_says_is_no_overflow() {
        for far in [i64::MIN, i64::MAX] {
            let _ = distance_m((far, far), (-1, 1));
            let _ = offset_mm((0, 0), (far, far));
        }
    }
}
