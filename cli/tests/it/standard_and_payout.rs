//! The `standard` and `payout` commands: the vectors through the binary, and every kind of bad input.

use crate::binary::{printed, problem, run_with, sorted_fields};
use serde_json::{Map, Value, json};
use std::process::Output;

const STANDARD_VECTORS: &str = include_str!("../../../domain/tests/vectors/standard_vectors.json");
const PAYOUT_VECTORS: &str = include_str!("../../../domain/tests/vectors/payout_vectors.json");
const CALLS: &str = include_str!("../../../audit-templates/content/plans/centro_contacto_individual.yaml");
const POOL: &str = include_str!("../../../audit-templates/content/plans/sucursal_bolsa_equipo.yaml");
const CEM: &str = include_str!("../../../audit-templates/content/standards/cem_1000.yaml");

fn standard(name: &str, inputs: &str) -> Output {
    run_with(&["standard", "--standard", name, "--inputs", "-"], inputs)
}

fn payout(name: &str, inputs: &str) -> Output {
    run_with(&["payout", "--plan", name, "--inputs", "-"], inputs)
}

fn vectors(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("the vectors are a JSON object")
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
fn every_standard_vector_comes_out_of_the_command_to_the_last_digit() {
    for (name, case) in vectors(STANDARD_VECTORS) {
        let got = printed(&standard(case["standard"].as_str().expect("an id"), &case["inputs"].to_string()));
        assert!(holds(&got, &case["expected"]), "{name}: {got:#}");
    }
}

#[test]
fn every_payout_vector_comes_out_of_the_command_to_the_last_digit() {
    for (name, case) in vectors(PAYOUT_VECTORS) {
        let got = printed(&payout(case["plan"].as_str().expect("an id"), &case["inputs"].to_string()));
        assert!(holds(&got, &case["expected"]), "{name}: {got:#}");
    }
}

#[test]
fn a_standard_and_a_plan_are_also_read_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path.display().to_string()
    };
    let cases = vectors(STANDARD_VECTORS);
    let got = printed(&standard(&path("cem.yaml", CEM), &cases["worked"]["inputs"].to_string()));
    assert_eq!(got["total"], "720.40");
    let inputs = vectors(PAYOUT_VECTORS)["small_sample_protected"]["inputs"].to_string();
    assert_eq!(printed(&payout(&path("calls.yaml", CALLS), &inputs))["payable"], "3908.34");
    let pool = POOL.split_once("plans:\n").expect("plans").1.split_once("tables:\n").expect("tables");
    let (head, calls) = CALLS.split_once("tables:\n").expect("tables");
    let both = path("both.yaml", &format!("{head}{}tables:\n{}{calls}", pool.0, pool.1));
    let chosen = format!("{both}#centro-contacto-individual");
    assert_eq!(printed(&payout(&chosen, &inputs))["payable"], "3908.34");
    assert_eq!(problem(&payout(&both, &inputs))["code"], "plan_not_named");
    assert_eq!(problem(&payout(&format!("{both}#otro"), &inputs))["code"], "unknown_template");
    let broken = path("broken.yaml", &CEM.replacen("total_points: 1000", "total_points: 1001", 1));
    let refused = problem(&standard(&broken, "{}"));
    assert_eq!(
        (refused["code"].as_str(), sorted_fields(&refused)),
        (Some("invalid_template"), vec![("/total_points", "sum_differs"),])
    );
}

#[test]
fn bad_inputs_are_refused_with_every_offending_field() {
    let mut inputs = vectors(STANDARD_VECTORS)["worked"]["inputs"].clone();
    inputs["criteria"][0]["enfoque"] = json!(60);
    inputs["criteria"][1]["despliegue"] = json!("75");
    inputs["criteria"][22]["value"] = json!([]);
    inputs["criteria"][23]["cobertura"] = json!(101);
    inputs["criteria"][2]["id"] = json!("1.2");
    inputs["criteria"][3]["note"] = json!("x");
    let refused = problem(&standard("cem-1000", &inputs.to_string()));
    assert_eq!(refused["code"], "invalid_inputs");
    let expected = [
        ("/criteria", "missing_criterion"),
        ("/criteria/0/enfoque", "out_of_range"),
        ("/criteria/1/despliegue", "wrong_type"),
        ("/criteria/2/id", "repeated_criterion"),
        ("/criteria/22/value", "wrong_type"),
        ("/criteria/23/cobertura", "out_of_range"),
        ("/criteria/3/note", "wrong_type"),
    ];
    assert_eq!(sorted_fields(&refused), expected);

    let mut inputs = vectors(PAYOUT_VECTORS)["individual_linear_prorated"]["inputs"].clone();
    inputs["period"]["from"] = json!("2026-04-31");
    inputs["results"]["calidad"] = json!({});
    inputs["results"]["csat"]["value"] = json!(null);
    inputs["results"]["nps"] = json!({"value": 1});
    inputs["bonus"] = json!(100);
    let refused = problem(&payout("sucursal-individual", &inputs.to_string()));
    assert_eq!(refused["code"], "invalid_inputs");
    let expected = [
        ("/bonus", "unknown_field"),
        ("/period/from", "wrong_type"),
        ("/results/calidad/value", "missing"),
        ("/results/csat/value", "missing"),
        ("/results/nps", "unknown_component"),
    ];
    assert_eq!(sorted_fields(&refused), expected);
}

#[test]
fn what_is_not_json_not_there_or_not_known_is_refused() {
    for text in ["", "{", "[1,2", "{\"criteria\": [}", "nul"] {
        assert_eq!(problem(&standard("cem-1000", text))["code"], "malformed_json", "{text}");
        assert_eq!(problem(&payout("sucursal-individual", text))["code"], "malformed_json", "{text}");
    }
    assert_eq!(problem(&standard("cem-2000", "{}"))["code"], "unknown_template");
    assert_eq!(problem(&standard("cem-1000@2", "{}"))["code"], "unknown_template");
    assert_eq!(problem(&payout("otro", "{}"))["code"], "unknown_template");
    assert_eq!(problem(&payout("no_such_file.yaml", "{}"))["code"], "unreadable_input");
    let missing = run_with(&["payout", "--plan", "sucursal-individual", "--inputs", "no_such_file.json"], "");
    assert_eq!(problem(&missing)["code"], "unreadable_input");
}

#[test]
fn decimals_are_read_exactly_as_numbers_and_as_strings() {
    let mut inputs = vectors(PAYOUT_VECTORS)["individual_linear_prorated"]["inputs"].clone();
    let as_text = printed(&payout("sucursal-individual", &inputs.to_string()));
    inputs["results"]["csat"]["value"] = json!(4.29);
    assert_eq!(printed(&payout("sucursal-individual", &inputs.to_string())), as_text);
}

#[test]
fn figures_that_cannot_be_are_refused_by_the_tool_as_by_the_office() {
    let mut inputs = vectors(PAYOUT_VECTORS)["small_sample_protected"]["inputs"].clone();
    inputs["person"]["target"] = json!("100.005");
    inputs["results"]["fcr"]["numerator"] = json!(241);
    inputs["results"]["ms_call"]["confirmed_critical"] = json!(5);
    inputs["adjustments"][0]["period"] = json!("2030-99");
    inputs["adjustments"][1]["amount"] = json!("5.005");
    let retro = inputs["adjustments"][0].clone();
    inputs["adjustments"].as_array_mut().expect("a list").push(retro);
    let refused = problem(&payout("centro-contacto-individual", &inputs.to_string()));
    let expected = [
        ("/adjustments/0/period", "not_a_month"),
        ("/adjustments/1/amount", "too_many_decimals"),
        ("/adjustments/2", "repeated_adjustment"),
        ("/adjustments/2/period", "not_a_month"),
        ("/person/target", "too_many_decimals"),
        ("/results/fcr/numerator", "out_of_range"),
        ("/results/ms_call/confirmed_critical", "out_of_range"),
    ];
    assert_eq!(sorted_fields(&refused), expected);
}
