//! The vectors of DOMAIN.md 5.2, published tables, and laws.

use super::*;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use proptest::prelude::*;
use serde_json::Value;

fn exact(text: &str) -> Exact {
    Exact::parse(text).unwrap()
}

fn exacts(texts: &[&str]) -> Vec<Exact> {
    texts.iter().map(|it| exact(it)).collect()
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/statistics_vectors.json")).unwrap()
}

/// A JSON number of the vectors, with the decimals it is to be compared at.
fn digits(value: &Value, decimals: u32) -> String {
    exact(&value.to_string()).to_fixed(decimals)
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn wilson_holds_the_vectors_to_the_last_digit() {
    for (case, ends) in vectors()["wilson95"].as_object().unwrap() {
        let (successes, n) = case.split_once('/').unwrap();
        let got = wilson(successes.parse().unwrap(), n.parse().unwrap(), &level_95()).unwrap();
        assert_eq!(got.low.to_fixed(6), digits(&ends[0], 6), "{case}");
        assert_eq!(got.high.to_fixed(6), digits(&ends[1], 6), "{case}");
    }
}

#[test]
fn nps_holds_the_vectors_to_the_last_digit() {
    for (case, expected) in vectors()["nps"].as_object().unwrap() {
        let counts: Vec<u32> = case.split('/').map(|it| it.parse().unwrap()).collect();
        let got = nps(counts[0], counts[1], counts[2], &level_95()).unwrap();
        assert_eq!(got.n, number(&expected["n"]));
        assert_eq!(got.value.to_fixed(4), digits(&expected["nps"], 4));
        assert_eq!(got.standard_error.to_fixed(4), digits(&expected["se"], 4));
        assert_eq!(got.interval.low.to_fixed(4), digits(&expected["ci95"][0], 4));
        assert_eq!(got.interval.high.to_fixed(4), digits(&expected["ci95"][1], 4));
    }
}

#[test]
fn shrinkage_holds_the_vectors_to_the_last_digit() {
    for case in vectors()["shrinkage"].as_array().unwrap() {
        let field = |name: &str| exact(&case[name].to_string());
        let got = shrink(number(&case["n"]), &field("mean"), &field("grand"), Some(&field("k")));
        assert_eq!(got.weight.to_fixed(6), digits(&case["weight"], 6));
        assert_eq!(got.value.to_fixed(6), digits(&case["shrunk"], 6));
    }
}

#[test]
fn the_share_that_one_visit_can_move_holds_the_vectors() {
    for (n, expected) in vectors()["mpsd"].as_object().unwrap() {
        assert_eq!(max_visit_share(n.parse().unwrap()).unwrap().to_fixed(2), expected.as_str().unwrap());
    }
    assert_eq!(max_visit_share(0), None);
}

/// Levels 0.80, 0.90, 0.95, 0.99 and 0.999 (two-sided), as in published tables, for few and for many degrees.
const T_TABLE: &[(u32, [&str; 5])] = &[
    (1, ["3.077684", "6.313752", "12.706205", "63.656741", "636.619249"]),
    (2, ["1.885618", "2.919986", "4.302653", "9.924843", "31.599055"]),
    (3, ["1.637744", "2.353363", "3.182446", "5.840909", "12.923979"]),
    (4, ["1.533206", "2.131847", "2.776445", "4.604095", "8.610302"]),
    (5, ["1.475884", "2.015048", "2.570582", "4.032143", "6.868827"]),
    (10, ["1.372184", "1.812461", "2.228139", "3.169273", "4.586894"]),
    (29, ["1.311434", "1.699127", "2.045230", "2.756386", "3.659405"]),
    (30, ["1.310415", "1.697261", "2.042272", "2.749996", "3.645959"]),
    (120, ["1.288646", "1.657651", "1.979930", "2.617421", "3.373454"]),
    (400, ["1.283672", "1.648672", "1.965912", "2.588176", "3.315015"]),
    (401, ["1.283666", "1.648662", "1.965897", "2.588145", "3.314954"]),
    (27_599, ["1.281582", "1.644909", "1.960050", "2.576007", "3.290879"]),
];

#[test]
fn quantiles_of_student_agree_with_published_tables() {
    for (degrees, row) in T_TABLE {
        for (level, expected) in ["0.8", "0.9", "0.95", "0.99", "0.999"].into_iter().zip(row) {
            let got = student_t(&exact(level), *degrees).unwrap().to_fixed(6);
            assert_eq!(got, *expected, "{level} with {degrees} degrees");
        }
    }
}

#[test]
fn normal_quantiles_agree_with_published_tables() {
    for (level, expected) in
        [("0.8", "1.281551565545"), ("0.9", "1.644853626951"), ("0.99", "2.575829303549")]
    {
        assert_eq!(normal_quantile(&exact(level)).unwrap().to_fixed(12), expected);
    }
    assert_eq!(normal_quantile(&level_95()).unwrap().to_string(), "1.959963984540054");
}

#[test]
fn a_level_outside_0_to_1_or_no_degrees_of_freedom_have_no_quantile() {
    for level in ["0", "1", "-0.5", "1.5", "95"] {
        assert_eq!(student_t(&exact(level), 3), None, "{level}");
        assert_eq!(normal_quantile(&exact(level)), None, "{level}");
    }
    assert_eq!(student_t(&level_95(), 0), None);
}

#[test]
fn the_interval_of_the_worked_calls_is_the_printed_one() {
    let calls = Sample::of(&exacts(&["71.25", "83.10", "64.40", "78.00"])).unwrap();
    assert_eq!(calls.mean, exact("74.1875"));
    assert_eq!(calls.standard_deviation().unwrap().to_fixed(6), "8.132074");
    let got = mean_interval(&calls, &exact("0.90")).unwrap();
    assert_eq!(got.t, exact("2.353363"));
    assert_eq!(got.half_width.to_fixed(4), "9.5689");
    assert_eq!(got.interval.low.to_fixed(4), "64.6186");
    assert_eq!(got.interval.high.to_fixed(4), "83.7564");
}

#[test]
fn a_single_visit_has_no_interval() {
    let one = Sample::of(&exacts(&["98"])).unwrap();
    assert_eq!(one.standard_deviation(), None);
    assert_eq!(mean_interval(&one, &level_95()), None);
    assert_eq!(Sample::of(&[]), None);
}

#[test]
fn a_difference_has_the_interval_of_welch() {
    let current = Sample::of(&exacts(&["90", "92", "94", "96"])).unwrap();
    let previous = Sample::of(&exacts(&["70", "80", "90"])).unwrap();
    let got = difference(&current, &previous, &level_95());
    assert_eq!(got.value, exact("13"));
    // Variances of the means 5/3 and 100/3: (35)^2 / ((5/3)^2/3 + (100/3)^2/2) = 2.2013, down to 2.
    assert_eq!(got.degrees, Some(2));
    // 4.302653 x sqrt(35) = 25.4548.
    let interval = got.interval.unwrap();
    assert_eq!((interval.low.to_fixed(4), interval.high.to_fixed(4)), ("-12.4548".into(), "38.4548".into()));
    let single = Sample::of(&exacts(&["98"])).unwrap();
    assert_eq!(difference(&current, &single, &level_95()).interval, None);
    let flat = Sample::of(&exacts(&["80", "80"])).unwrap();
    let level = difference(&flat, &flat, &level_95());
    assert_eq!(level.interval.unwrap(), Interval { low: Exact::zero(), high: Exact::zero() });
}

#[test]
fn components_of_variance_are_those_of_a_hand_calculation() {
    // Means 2 and 6, each of two values 2 apart: within 2, MSB 16, n0 2, between 7, k 2/7.
    let groups = [Sample::of(&exacts(&["1", "3"])).unwrap(), Sample::of(&exacts(&["5", "7"])).unwrap()];
    let got = estimate_components(&groups).unwrap();
    assert_eq!((got.within, got.between), (exact("2"), exact("7")));
    assert_eq!((got.grand_mean, got.k), (exact("4"), Some(exact("2/7"))));
    // Groups that do not differ: between is 0 and everything shrinks to the mean of all.
    let alike = [Sample::of(&exacts(&["1", "3"])).unwrap(), Sample::of(&exacts(&["1", "3"])).unwrap()];
    let got = estimate_components(&alike).unwrap();
    assert_eq!((got.between, got.k.as_ref()), (exact("0"), None));
    assert_eq!(shrink(2, &exact("5"), &got.grand_mean, got.k.as_ref()).value, exact("2"));
    // Single visits everywhere tell nothing.
    let singles = [Sample::of(&exacts(&["1"])).unwrap(), Sample::of(&exacts(&["3"])).unwrap()];
    assert_eq!(estimate_components(&singles), None);
}

#[test]
fn median_p90_and_slope_are_those_of_a_hand_calculation() {
    let waits = exacts(&["7", "1", "3", "10", "2", "9", "4", "6", "5", "8"]);
    assert_eq!(median(&waits), Some(exact("5.5")));
    assert_eq!(median(&waits[..3]), Some(exact("3")));
    assert_eq!(p90(&waits), Some(exact("9")));
    assert_eq!(p90(&waits[..1]), Some(exact("7")));
    assert_eq!((median(&[]), p90(&[])), (None, None));
    let points = [(3, exact("8")), (1, exact("2")), (2, exact("5")), (5, exact("14"))];
    assert_eq!(slope(&points), Some(exact("3")));
    assert_eq!(slope(&points[..1]), None);
}

proptest! {
    #[test]
    fn a_wilson_interval_lies_in_0_to_1_and_holds_the_share(n in 1_u32..400, part in 0_u32..400) {
        let successes = part % (n + 1);
        let got = wilson(successes, n, &level_95()).unwrap();
        let share = Exact::ratio(successes.into(), n.into()).unwrap();
        prop_assert!(got.contains(&share));
        prop_assert!(!got.low.is_negative() && got.high <= Exact::one());
    }

    #[test]
    fn more_degrees_of_freedom_never_widen_an_interval(degrees in 1_u32..1_000, level in 50_i64..100) {
        let level = Exact::scaled(level * 10 - 5, 3);
        let (few, more) = (student_t(&level, degrees).unwrap(), student_t(&level, degrees + 1).unwrap());
        prop_assert!(more <= few, "{degrees}");
    }

    #[test]
    fn a_shrunken_mean_lies_between_the_mean_and_the_grand_mean(
        n in 1_u32..50, mean in 0_i64..10_000, grand in 0_i64..10_000, k in 0_i64..10_000,
    ) {
        let (mean, grand) = (Exact::scaled(mean, 2), Exact::scaled(grand, 2));
        let got = shrink(n, &mean, &grand, Some(&Exact::scaled(k, 3))).value;
        prop_assert!(got >= mean.clone().min(grand.clone()) && got <= mean.max(grand));
    }

    #[test]
    fn the_order_of_values_changes_nothing(
        (values, shuffled) in prop::collection::vec(0_i64..10_000, 1..12)
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        let exact = |it: &[i64]| it.iter().map(|it| Exact::scaled(*it, 2)).collect::<Vec<_>>();
        let (values, shuffled) = (exact(&values), exact(&shuffled));
        prop_assert_eq!(Sample::of(&values), Sample::of(&shuffled));
        prop_assert_eq!(median(&values), median(&shuffled));
        prop_assert_eq!(p90(&values), p90(&shuffled));
    }
}

#[test]
fn the_variance_is_that_of_the_definition() {
    let values = exacts(&["1/3", "2.25", "7", "-4"]);
    let sample = Sample::of(&values).unwrap();
    let squares: Exact = values.iter().map(|it| (it - &sample.mean) * (it - &sample.mean)).sum();
    assert_eq!(sample.variance, squares.checked_div(&Exact::from(3)), "{squares}");
}
