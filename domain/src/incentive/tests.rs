//! The vectors of the plans, each rule of DOMAIN.md 4.3, 4.4 and 11 by a case, and laws.

extern crate std;
mod content;
mod laws;
mod left;
mod rules;

use super::*;
use crate::Problem;
use alloc::{string::ToString, vec};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static FILE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/vectors/plans.json")).unwrap());
static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/vectors/payout_vectors.json")).unwrap());

/// A plan of the file as JSON, with the file's shared keys and tables.
fn plan_json(id: &str) -> Value {
    let entry = FILE["plans"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
    let mut plan: Map<String, Value> = entry.as_object().unwrap().clone();
    for key in ["schema", "currency", "money", "percent", "tables"] {
        plan.insert(key.to_string(), FILE[key].clone());
    }
    plan.insert("version".to_string(), json!(1));
    Value::Object(plan)
}

fn plan(id: &str) -> Plan {
    serde_json::from_value(plan_json(id)).unwrap()
}

fn inputs(case: &str) -> Value {
    VECTORS[case]["inputs"].clone()
}

fn paid(plan: &Plan, inputs: &Value) -> Result<Payout, Problem> {
    compute(plan, &read_inputs(plan, &inputs.to_string())?)
}

fn person(plan: &Plan, inputs: &Value) -> IndividualPayout {
    match paid(plan, inputs).unwrap() {
        Payout::Individual(it) => it,
        Payout::Pool(_) => panic!("a plan of single people"),
    }
}

fn team(plan: &Plan, inputs: &Value) -> PoolPayout {
    match paid(plan, inputs).unwrap() {
        Payout::Pool(it) => it,
        Payout::Individual(_) => panic!("a plan of a team"),
    }
}

/// Whether `got` holds everything that `expected` does; more fields may stand beside, rows may not.
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

#[test]
fn the_vectors_hold_to_the_last_digit() {
    for (name, case) in VECTORS.as_object().unwrap() {
        let plan = plan(case["plan"].as_str().unwrap());
        let got = serde_json::to_value(paid(&plan, &case["inputs"]).unwrap()).unwrap();
        for (field, expected) in case["expected"].as_object().unwrap() {
            assert!(holds(&got[field], expected), "{name} {field}: {:#} instead of {expected:#}", got[field]);
        }
    }
}

#[test]
fn every_line_carries_its_calculation_step_by_step() {
    let got = person(&plan("sucursal-individual"), &inputs("individual_linear_prorated"));
    let csat = &got.lines[2];
    let steps: Vec<&str> = csat.steps.iter().map(|it| it.step.as_str()).collect();
    assert_eq!(steps, ["result", "attainment", "table", "amount", "proration", "round"]);
    assert_eq!(csat.steps[2].formula, "50 + (x - 80) x 2.5");
    assert_eq!(csat.steps[2].inputs["x"], "95.3333");
    assert_eq!(csat.steps[2].value, "88.3333");
    let got = person(&plan("centro-contacto-individual"), &inputs("small_sample_protected"));
    let steps: Vec<&str> = got.lines[0].steps.iter().map(|it| it.step.as_str()).collect();
    assert_eq!(steps, ["result", "table", "band_protection", "amount", "decelerator", "round"]);
    assert_eq!(got.lines[0].steps[2].inputs["limit"], "75");
    assert_eq!(got.excluded_components[0].component, "csat");
}

#[test]
fn a_result_is_read_back_from_its_json() {
    for (name, case) in VECTORS.as_object().unwrap() {
        let plan = plan(case["plan"].as_str().unwrap());
        let got = paid(&plan, &case["inputs"]).unwrap();
        let json = serde_json::to_string(&got).unwrap();
        assert_eq!(serde_json::from_str::<Payout>(&json).unwrap(), got, "{name}");
    }
}

#[test]
fn inputs_written_as_json_are_the_same_inputs() {
    for case in VECTORS.as_object().unwrap().values() {
        let plan = plan(case["plan"].as_str().unwrap());
        let read = read_inputs(&plan, &case["inputs"].to_string()).unwrap();
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(read_inputs(&plan, &written).unwrap(), read);
    }
}

#[test]
fn the_plans_are_sound_and_keep_their_canonical_json() {
    for entry in FILE["plans"].as_array().unwrap() {
        let plan = plan(entry["id"].as_str().unwrap());
        assert_eq!(plan.problems(), vec![]);
        let canonical = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&canonical).unwrap(), plan);
    }
    let codes: Vec<_> = plan("sucursal-individual").warnings().into_iter().map(|it| it.code).collect();
    assert_eq!(codes, ["ratio_on_a_mean"]);
}
