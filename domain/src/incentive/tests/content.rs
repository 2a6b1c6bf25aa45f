//! Every rule of content, broken once.

use super::*;
use alloc::string::String;

type Break = (&'static str, fn(&mut Value), &'static str, &'static str);

fn remove(value: &mut Value, key: &str) {
    value.as_object_mut().unwrap().remove(key);
}

const INDIVIDUAL: &str = "sucursal-individual";
const POOL: &str = "sucursal-bolsa-equipo";
const CALLS: &str = "centro-contacto-individual";

#[rustfmt::skip]
const BREAKS: &[Break] = &[
    (INDIVIDUAL, |it| it["schema"] = json!("cem-plan/2"), "/schema", "unknown_schema"),
    (INDIVIDUAL, |it| it["version"] = json!(0), "/version", "out_of_range"),
    (INDIVIDUAL, |it| it["currency"] = json!("pesos"), "/currency", "unknown_currency"),
    (INDIVIDUAL, |it| it["money"]["minor_units"] = json!(9), "/money/minor_units", "out_of_range"),
    (INDIVIDUAL, |it| it["percent"]["decimals"] = json!(9), "/percent/decimals", "out_of_range"),
    (INDIVIDUAL, |it| it["target"] = json!("-1"), "/target", "out_of_range"),
    (INDIVIDUAL, |it| it["cap_total_pct"] = json!("-1"), "/cap_total_pct", "out_of_range"),
    (INDIVIDUAL, |it| it["components"] = json!([]), "/components", "missing"),
    (INDIVIDUAL, |it| it["components"][0]["weight"] = json!("0.41"), "/components", "sum_differs"),
    (INDIVIDUAL, |it| it["components"][0]["weight"] = json!("0"), "/components/0/weight", "out_of_range"),
    (INDIVIDUAL, |it| it["components"][1]["id"] = json!("csat"), "/components/2/id", "repeated_id"),
    (INDIVIDUAL, |it| it["components"][0]["table"] = json!("otra"), "/components/0/table", "unknown_table"),
    (INDIVIDUAL, |it| remove(&mut it["components"][0], "goal"), "/components/0/goal", "missing"),
    (INDIVIDUAL, |it| it["components"][0]["goal"] = json!("0"), "/components/0/goal", "goal_and_base"),
    (INDIVIDUAL, |it| it["components"][0]["base"] = json!("1"), "/components/0/goal", "goal_and_base"),
    (INDIVIDUAL, |it| it["components"][0]["form"] = json!("range"), "/components/0/goal", "goal_and_base"),
    (INDIVIDUAL, |it| it["components"][0]["level"] = json!("region"), "/components/0/level", "level_of_visits"),
    (INDIVIDUAL, |it| it["components"][0]["level"] = json!("organization"), "/components/0/level", "level_of_visits"),
    (INDIVIDUAL, |it| it["insufficient_sample"] = json!("zero"), "/insufficient_sample", "sample_rule"),
    (INDIVIDUAL, |it| it["pool_cap_pct"] = json!("130"), "/pool_cap_pct", "misplaced_key"),
    (INDIVIDUAL, |it| it["tables"]["lineal_80_120"]["knots"][2][0] = json!("90"), "/tables/lineal_80_120/knots", "table_not_ascending"),
    (INDIVIDUAL, |it| it["tables"]["lineal_80_120"]["above"] = json!("-1"), "/tables/lineal_80_120", "out_of_range"),
    (INDIVIDUAL, |it| it["accelerators"] = json!([{"component": "csat", "when": "value > 4", "factor": "0.9"}]), "/accelerators/0/factor", "out_of_range"),
    (INDIVIDUAL, |it| it["decelerators"] = json!([{"component": "csat", "when": "value < 4", "factor": "1.1"}]), "/decelerators/0/factor", "out_of_range"),
    (INDIVIDUAL, |it| it["gates"] = json!([{"id": "g", "component": "nps", "require": "value > 4"}]), "/gates/0/component", "unknown_component"),
    (INDIVIDUAL, |it| it["gates"] = json!([{"id": "g", "component": "csat", "require": "score > 4"}]), "/gates/0/require", "unknown_figure"),
    (INDIVIDUAL, |it| it["gates"] = json!([{"id": "g", "component": "csat", "require": "value > 4", "otherwise": "2"}]), "/gates/0/otherwise", "out_of_range"),
    (CALLS, |it| remove(it, "insufficient_sample"), "/insufficient_sample", "sample_rule"),
    (CALLS, |it| it["recovery_cap_pct_of_variable"] = json!("101"), "/recovery_cap_pct_of_variable", "out_of_range"),
    (CALLS, |it| it["components"][0]["protect_band_by_ci"]["level"] = json!("90"), "/components/0/protect_band_by_ci/level", "out_of_range"),
    (CALLS, |it| it["components"][1]["protect_band_by_ci"] = json!({"level": "0.9", "max_consecutive": 1}), "/components/1/protect_band_by_ci", "table_axis"),
    (CALLS, |it| it["decelerators"][0]["component"] = json!("otro"), "/decelerators/0/component", "unknown_component"),
    (CALLS, |it| it["decelerators"][0]["when"] = json!("criticals >= 2"), "/decelerators/0/when", "unknown_figure"),
    (POOL, |it| remove(it, "base_per_head"), "/base_per_head", "missing"),
    (POOL, |it| remove(it, "table"), "/table", "missing"),
    (POOL, |it| it["table"] = json!("lineal_80_120"), "/table", "table_axis"),
    (POOL, |it| it["band_multiplier"]["competente"] = json!("-1"), "/band_multiplier/competente", "out_of_range"),
    (POOL, |it| it["min_n"] = json!(4), "/insufficient_sample", "sample_rule"),
    (POOL, |it| it["target"] = json!("1"), "/target", "misplaced_key"),
    (POOL, |it| it["recognitions"][0]["when"] = json!("value >= 97"), "/recognitions/0/when", "unknown_figure"),
    (POOL, |it| it["recognitions"][0]["amount"] = json!("-1"), "/recognitions/0/amount", "out_of_range"),
];

#[test]
fn every_break_of_the_content_is_told_at_its_place_and_stops_the_payout() {
    for (id, change, field, code) in BREAKS {
        let mut broken = plan_json(id);
        change(&mut broken);
        let broken: Plan = serde_json::from_value(broken).unwrap();
        let told = broken.problems();
        assert!(
            told.iter().any(|it| it.field == *field && it.code == *code),
            "{id} {field} {code}: {told:?}"
        );
        let case = VECTORS.as_object().unwrap().values().find(|it| it["plan"] == *id).unwrap();
        let inputs = read_inputs(&plan(id), &case["inputs"].to_string()).unwrap();
        assert_eq!(compute(&broken, &inputs).unwrap_err().code, "invalid_plan");
    }
}

#[test]
fn unwise_content_is_warned_of() {
    let mut calls = plan_json(CALLS);
    calls["components"][0]["min_n"] = json!(2);
    let calls: Plan = serde_json::from_value(calls).unwrap();
    let codes = |plan: &Plan| plan.warnings().into_iter().map(|it| it.code).collect::<Vec<String>>();
    assert_eq!(codes(&calls), ["small_min_n"]);
    assert_eq!(codes(&plan(POOL)), ["single_visit_recognition"]);
    let mut calls = plan_json(CALLS);
    calls["components"][0]["level"] = json!("individual");
    assert_eq!(codes(&serde_json::from_value(calls).unwrap()), ["visits_of_the_branch"]);
    let mut calls = plan_json(CALLS);
    calls["components"][0]["id"] = json!("llamadas");
    calls["decelerators"][0]["component"] = json!("llamadas");
    assert_eq!(codes(&serde_json::from_value(calls).unwrap()), ["protection_without_visits"]);
}

#[test]
fn an_unknown_key_of_a_plan_is_refused() {
    let mut broken = plan_json(POOL);
    broken["bonus"] = json!(1);
    assert!(serde_json::from_value::<Plan>(broken).is_err());
}
