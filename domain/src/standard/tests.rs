//! The vectors of the standard, the examples of the text, and laws.

use super::*;
use crate::FieldProblem;
use alloc::{format, string::ToString};
use proptest::prelude::*;
use serde_json::{Value, json};

extern crate std;
use std::sync::LazyLock;

static STANDARD: LazyLock<Standard> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/vectors/cem_1000.json")).unwrap());
static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/vectors/standard_vectors.json")).unwrap()
});

fn standard() -> Standard {
    STANDARD.clone()
}

fn vectors() -> &'static Value {
    &VECTORS
}

fn worked() -> Value {
    VECTORS["worked"]["inputs"].clone()
}

/// Whether `got` holds everything that `expected` does; more fields may stand beside.
fn holds(got: &Value, expected: &Value) -> bool {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            expected.iter().all(|(name, it)| got.get(name).is_some_and(|got| holds(got, it)))
        }
        (Value::Array(got), Value::Array(expected)) => {
            got.len() == expected.len() && got.iter().zip(expected).all(|(got, it)| holds(got, it))
        }
        _ => got == expected,
    }
}

fn rated(inputs: &Value) -> Rating {
    rate(&STANDARD, &read_inputs(&STANDARD, &inputs.to_string()).unwrap()).unwrap()
}

fn set(inputs: &mut Value, criterion: &str, field: &str, value: Value) {
    let entries = inputs["criteria"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|it| it["id"] == criterion).unwrap();
    entry[field] = value;
}

fn problems(inputs: &Value) -> Vec<(String, String)> {
    let told = read_inputs(&standard(), &inputs.to_string()).unwrap_err().errors;
    told.into_iter().map(|it: FieldProblem| (it.field, it.code)).collect()
}

fn pair(field: &str, code: &str) -> (String, String) {
    (field.to_string(), code.to_string())
}

#[test]
fn the_vectors_hold_to_the_last_digit() {
    for (name, case) in vectors().as_object().unwrap() {
        let got = serde_json::to_value(rated(&case["inputs"])).unwrap();
        assert!(holds(&got, &case["expected"]), "{name}: {got:#}");
        for (got, expected) in
            got["criteria"].as_array().unwrap().iter().zip(case["expected"]["criteria"].as_array().unwrap())
        {
            assert_eq!(got.get("nivel"), expected.get("nivel"), "{name}");
        }
        assert_eq!(
            got["sections"].as_object().unwrap().len(),
            case["expected"]["sections"].as_object().unwrap().len()
        );
    }
}

#[test]
fn the_floor_is_taken_on_the_exact_number_and_not_on_the_shown_one() {
    for (criterion, value, expected) in [("6.1", "77.0", 76), ("6.1", "86.0", 0), ("8.2", "20.0", 0)] {
        let mut inputs = worked();
        set(&mut inputs, criterion, "value", json!(value));
        set(&mut inputs, criterion, "tendencia", json!(60));
        set(&mut inputs, criterion, "cobertura", json!(100));
        let rating = rated(&inputs);
        let got = rating.criteria.iter().find(|it| it.id == criterion).unwrap();
        let exact = Exact::parse(&got.pct_exact).unwrap();
        assert_eq!(Exact::from(got.pct_floor), exact, "{criterion} at {value} is an integer exactly");
        if expected > 0 {
            assert_eq!(got.pct_floor, expected);
            assert_eq!(got.nivel.as_ref().unwrap().to_string(), "73.3333");
        }
    }
}

#[test]
fn the_ends_of_a_curve_are_flat_and_its_knots_exact() {
    for (value, nivel) in
        [("-5", "0.0000"), ("50", "0.0000"), ("75", "70.0000"), ("95", "100.0000"), ("120", "100.0000")]
    {
        let mut inputs = worked();
        set(&mut inputs, "6.1", "value", json!(value));
        let rating = rated(&inputs);
        let got = rating.criteria.iter().find(|it| it.id == "6.1").unwrap();
        assert_eq!(got.nivel.as_ref().unwrap().to_string(), nivel, "{value}");
    }
}

#[test]
fn a_gate_says_what_makes_it_hold_and_what_would_lift_it() {
    let case = &vectors()["two_confirmed_criticals_open_the_knock_out"]["inputs"];
    let gate = &rated(case).gate_reports[0];
    assert!(gate.holds && gate.lowers);
    assert_eq!(gate.because, ["6.3"]);
    assert_eq!(gate.lifted_by.en, "close the knock-out of 6.3");
}

#[test]
fn a_gate_that_does_not_hold_lowers_nothing_and_asks_for_nothing() {
    let rating = rated(&worked());
    let gate = &rating.gate_reports[0];
    assert!(*rating.total.value() > Exact::from(gate.max_points));
    assert!(!gate.holds && !gate.lowers && gate.because.is_empty() && gate.lifted_by.en.is_empty());
    // The section gate holds at 849 points, above the total: it is listed and lowers nothing.
    assert!(rating.gate_reports[3].holds && !rating.gate_reports[3].lowers);
}

#[test]
fn an_enabler_knock_out_opens_below_half_and_not_at_half() {
    for (level, open) in [(50, false), (25, true)] {
        let mut inputs = worked();
        for dimension in ["enfoque", "despliegue", "mejora"] {
            set(&mut inputs, "1.4", dimension, json!(level));
        }
        assert_eq!(rated(&inputs).ko_open.contains(&"1.4".to_string()), open, "{level}");
    }
}

#[test]
fn decimals_are_read_exactly_from_numbers_and_from_strings() {
    let mut as_number = worked();
    set(&mut as_number, "6.1", "value", json!(84.2));
    assert_eq!(rated(&as_number), rated(&worked()));
}

#[test]
fn every_problem_of_the_inputs_is_told_at_its_place_in_one_pass() {
    let mut inputs = worked();
    let entries = inputs["criteria"].as_array_mut().unwrap();
    entries[0]["enfoque"] = json!(60);
    entries[1]["enfoque"] = json!("75");
    entries[2].as_object_mut().unwrap().remove("mejora");
    entries[3]["nivel"] = json!(50);
    entries[4]["value"] = json!("3");
    entries[5]["id"] = json!("2.1");
    entries[22]["tendencia"] = json!(101);
    entries[23]["value"] = json!(true);
    entries[24]["confirmed"] = json!(-1);
    entries[25]["id"] = json!("99.9");
    entries[26]["nivel"] = json!(50);
    inputs["extra"] = json!(1);
    let mut got = problems(&inputs);
    got.sort();
    let mut expected = [
        pair("/criteria/0/enfoque", "out_of_range"),
        pair("/criteria/1/enfoque", "wrong_type"),
        pair("/criteria/2/mejora", "missing"),
        pair("/criteria/3/nivel", "unknown_field"),
        pair("/criteria/4/value", "unknown_field"),
        pair("/criteria/5/id", "repeated_criterion"),
        pair("/criteria/22/tendencia", "out_of_range"),
        pair("/criteria/23/value", "wrong_type"),
        pair("/criteria/24/confirmed", "wrong_type"),
        pair("/criteria/25/id", "unknown_criterion"),
        pair("/criteria/26/nivel", "unknown_field"),
        pair("/criteria", "missing_criterion"),
        pair("/criteria", "missing_criterion"),
        pair("/extra", "unknown_field"),
    ];
    expected.sort();
    assert_eq!(got, expected);
}

#[test]
fn inputs_that_are_not_an_object_with_criteria_are_refused() {
    assert_eq!(problems(&json!([]))[0], pair("", "wrong_type"));
    assert_eq!(problems(&json!({})), [pair("/criteria", "missing")]);
    assert_eq!(problems(&json!({"criteria": 3})), [pair("/criteria", "wrong_type")]);
    assert_eq!(read_inputs(&standard(), "{").unwrap_err().code, "malformed_json");
}

#[test]
fn the_standard_itself_is_sound_and_keeps_its_canonical_json() {
    assert_eq!(standard().problems(), []);
    let canonical = serde_json::to_string(&standard()).unwrap();
    assert_eq!(serde_json::from_str::<Standard>(&canonical).unwrap(), standard());
    assert_eq!(standard().criteria().count(), 37);
    assert_eq!(standard().criteria().filter(|(_, it)| it.ko).count(), 7);
}

/// One change that breaks the content, and where it is told.
type Break = (fn(&mut Standard), &'static str, &'static str);

#[rustfmt::skip]
const BREAKS: &[Break] = &[
    (|it| it.schema = "other/1".into(), "/schema", "unknown_schema"),
    (|it| it.version = 0, "/version", "out_of_range"),
    (|it| it.title.en.clear(), "/title/en", "text_missing"),
    (|it| it.total_points = 999, "/total_points", "sum_differs"),
    (|it| it.rating.enablers.dimensions[0].weight = 31, "/rating/enablers/dimensions", "sum_differs"),
    (|it| it.rating.enablers.levels = [25, 0].into(), "/rating/enablers/levels", "levels_not_ascending"),
    (|it| it.rating.results.dimensions[0].id = "otro".into(), "/rating/results/dimensions", "level_dimension"),
    (|it| it.bands[0].min = 1, "/bands/0/min", "bands_not_ascending"),
    (|it| it.bands[2].min = 450, "/bands/2/min", "bands_not_ascending"),
    (|it| it.bands.clear(), "/bands", "missing"),
    (|it| it.gates[0].max_points = 1001, "/gates/0/max_points", "out_of_range"),
    (|it| it.gates[0].pct = Some(50), "/gates/0/pct", "gate_pct"),
    (|it| it.gates[2].pct = None, "/gates/2/pct", "gate_pct"),
    (|it| it.gates[1].id = "ko_abierto".into(), "/gates/1/id", "repeated_id"),
    (|it| it.sections[1].id = "1".into(), "/sections/1/id", "repeated_id"),
    (|it| it.sections[0].points = 91, "/sections/0/points", "sum_differs"),
    (|it| it.sections[1].criteria[0].id = "1.1".into(), "/sections/1/criteria/0/id", "repeated_id"),
    (|it| it.sections[0].criteria[0].points = 0, "/sections/0/criteria/0/points", "out_of_range"),
    (|it| it.sections[0].criteria.clear(), "/sections/0/criteria", "missing"),
    (|it| it.sections[5].criteria[0].curve.clear(), "/sections/5/criteria/0/curve", "curve_misplaced"),
    (|it| it.sections[5].criteria[0].curve.swap(0, 1), "/sections/5/criteria/0/curve", "curve_not_ascending"),
    (|it| it.sections[5].criteria[0].curve[0][1] = Exact::from(-1), "/sections/5/criteria/0/curve", "out_of_range"),
    (|it| it.sections[5].criteria[2].ko_rule = None, "/sections/5/criteria/2/ko_rule", "ko_rule_misplaced"),
    (|it| it.sections[0].criteria[3].ko_rule = Rule::parse("value > 1").ok(), "/sections/0/criteria/3/ko_rule", "ko_rule_misplaced"),
    (|it| it.sections[5].criteria[2].ko_rule = Rule::parse("rate > 1").ok(), "/sections/5/criteria/2/ko_rule", "unknown_figure"),
];

#[test]
fn every_break_of_the_content_is_told_at_its_place_and_stops_the_rating() {
    for (change, field, code) in BREAKS {
        let mut broken = standard();
        change(&mut broken);
        let told = broken.problems();
        assert!(told.iter().any(|it| it.field == *field && it.code == *code), "{field} {code}: {told:?}");
        assert_eq!(rate(&broken, &Inputs::default()).unwrap_err().code, "invalid_standard");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_better_dimension_never_earns_less(criterion in 0_usize..22, dimension in 0_usize..3, level in 0_usize..4) {
        let name = ["enfoque", "despliegue", "mejora"][dimension];
        let levels = [0, 25, 50, 75, 100];
        let id = worked()["criteria"][criterion]["id"].as_str().unwrap().to_string();
        let total = |level: u32| {
            let mut inputs = worked();
            set(&mut inputs, &id, name, json!(level));
            rated(&inputs).total.value().clone()
        };
        prop_assert!(total(levels[level]) <= total(levels[level + 1]));
    }

    #[test]
    fn the_order_of_the_criteria_changes_nothing(order in Just((0..37).collect::<Vec<usize>>()).prop_shuffle()) {
        let inputs = worked();
        let shuffled: Vec<Value> = order.iter().map(|it| inputs["criteria"][*it].clone()).collect();
        prop_assert_eq!(rated(&json!({ "criteria": shuffled })), rated(&inputs));
    }

    #[test]
    fn a_gate_never_raises_the_total_and_no_section_earns_more_than_it_has(values in prop::collection::vec(0_i64..200, 15)) {
        let mut inputs = worked();
        for (index, value) in values.iter().enumerate() {
            let id = worked()["criteria"][22 + index]["id"].as_str().unwrap().to_string();
            set(&mut inputs, &id, "value", json!(value));
        }
        let rating = rated(&inputs);
        prop_assert!(rating.total <= rating.total_before_gates);
        for section in rating.sections.values() {
            prop_assert!(*section.earned.value() <= Exact::from(section.points), "{}", format!("{section:?}"));
        }
    }
}
