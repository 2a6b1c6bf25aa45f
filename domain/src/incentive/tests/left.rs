//! People who are not there in a period any more: paid what earlier periods owe them, and nothing else.

use super::*;
use alloc::{string::String, vec::Vec};
use proptest::prelude::*;

const PLAN: &str = "sucursal-individual";
const POOL: &str = "sucursal-bolsa-equipo";

fn owed(amount: &str) -> Value {
    json!({"kind": "retro", "period": "2026-01", "amount": amount, "reason": "appeal upheld"})
}

/// Somebody who left before the second quarter.
fn left(adjustments: &Value) -> Value {
    json!({
        "period": {"from": "2026-04-01", "to": "2026-06-30"},
        "person": {"id": "E09", "only_adjustments": true},
        "adjustments": adjustments,
    })
}

/// The team of the vectors, and somebody who left it.
fn team_and_one_who_left(amount: &str) -> Value {
    let mut inputs = inputs("team_pool");
    let mut owed = owed(amount);
    owed["person"] = json!("E09");
    inputs["people"].as_array_mut().unwrap().push(json!({"id": "E09", "only_adjustments": true}));
    inputs["adjustments"] = json!([owed]);
    inputs
}

fn codes(problem: &Problem) -> Vec<(&str, &str)> {
    problem.errors.iter().map(|it| (it.field.as_str(), it.code.as_str())).collect()
}

fn refused(id: &str, inputs: &Value) -> Problem {
    paid(&plan(id), inputs).unwrap_err()
}

#[test]
fn somebody_who_left_is_paid_what_is_owed_and_nothing_else() {
    let got = person(&plan(PLAN), &left(&json!([owed("352.94")])));
    assert_eq!((got.payable.to_string(), got.current_period.to_string()), ("352.94".into(), "0.00".into()));
    assert_eq!((got.eligible_days, got.lines.len(), got.cap.unwrap().to_string()), (0, 0, "0.00".into()));
    assert_eq!(got.notes[0].code, "only_adjustments");
}

#[test]
fn what_somebody_who_left_owes_is_carried_forward_and_never_below_zero() {
    for plan in [plan(PLAN), plan("centro-contacto-individual")] {
        let mut inputs = left(&json!([owed("-100.00")]));
        inputs["period"] = json!({"from": "2026-04-01", "to": "2026-04-30"});
        let got = person(&plan, &inputs);
        assert_eq!(got.payable.to_string(), "0.00");
        assert_eq!(got.adjustments[0].amount.to_string(), "0.00");
        assert_eq!(got.adjustments[0].carried_forward.as_ref().unwrap().to_string(), "100.00");
    }
}

#[test]
fn somebody_who_left_is_no_head_of_the_pool_and_has_no_share() {
    let before = team(&plan(POOL), &inputs("team_pool"));
    let got = team(&plan(POOL), &team_and_one_who_left("352.94"));
    assert_eq!((&got.base_pool, &got.pool), (&before.base_pool, &before.pool));
    let (last, others) = got.people.split_last().unwrap();
    assert_eq!(others, before.people);
    assert_eq!((last.share.to_string(), last.payable.to_string()), ("0.00".into(), "352.94".into()));
    assert!(last.only_adjustments);
}

#[test]
fn a_team_of_which_everybody_left_needs_neither_visits_nor_a_band() {
    let mut inputs = team_and_one_who_left("352.94");
    inputs["people"] = json!([{"id": "E09", "only_adjustments": true}]);
    inputs.as_object_mut().unwrap().remove("band");
    inputs.as_object_mut().unwrap().remove("visits");
    for min_n in [json!(null), json!(4)] {
        let mut plan = plan_json(POOL);
        plan["insufficient_sample"] = if min_n.is_null() { json!(null) } else { json!("hold_harmless") };
        plan["min_n"] = min_n;
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let got = team(&plan, &inputs);
        assert_eq!((got.pool.to_string(), got.payable.to_string()), ("0.00".into(), "352.94".into()));
        assert_eq!(got.notes, []);
    }
}

#[test]
fn somebody_who_left_has_adjustments_and_no_results_or_shifts() {
    assert_eq!(codes(&refused(PLAN, &left(&json!([])))), [("/adjustments", "missing")]);
    let mut of_here = left(&json!([owed("1.00")]));
    of_here["results"] = inputs("individual_linear_prorated")["results"].clone();
    of_here["visits"] = json!([{"id": "V", "score": "90", "on_shift": ["E09"]}]);
    let expected = [("/results", "unknown_field"), ("/visits", "unknown_field")];
    assert_eq!(codes(&refused(PLAN, &of_here)), expected);
    let mut unowed = team_and_one_who_left("1.00");
    unowed["adjustments"] = json!([]);
    assert_eq!(codes(&refused(POOL, &unowed)), [("/people/5/only_adjustments", "nothing_to_adjust")]);
    let mut on_shift = team_and_one_who_left("1.00");
    on_shift["visits"][0]["on_shift"] = json!(["E09"]);
    assert_eq!(codes(&refused(POOL, &on_shift)), [("/visits/0/on_shift/0", "unknown_person")]);
}

#[test]
fn inputs_of_somebody_who_left_are_read_back_from_their_json() {
    for (id, inputs) in [(PLAN, left(&json!([owed("1.00")]))), (POOL, team_and_one_who_left("1.00"))] {
        let plan = plan(id);
        let read = read_inputs(&plan, &inputs.to_string()).unwrap();
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(read_inputs(&plan, &written).unwrap(), read);
    }
}

#[test]
fn a_pool_without_visits_is_read_back_where_a_sample_rule_decides() {
    let mut plan = plan_json(POOL);
    plan["min_n"] = json!(4);
    plan["insufficient_sample"] = json!("hold_harmless");
    let plan: Plan = serde_json::from_value(plan).unwrap();
    let mut inputs = inputs("team_pool");
    inputs["visits"] = json!([]);
    let read = read_inputs(&plan, &inputs.to_string()).unwrap();
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(read_inputs(&plan, &written).unwrap(), read);
    assert_eq!(team(&plan, &inputs).sample_rule.as_deref(), Some("hold_harmless"));
}

proptest! {
    #[test]
    fn who_left_changes_nobody_elses_pay_whatever_they_are_owed(cents in -1_000_000_i64..1_000_000, equal in any::<bool>()) {
        let mut plan = plan_json(POOL);
        if equal {
            plan["split"]["by"] = json!("equal");
        }
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let amount = Exact::scaled(cents, 2);
        let got = team(&plan, &team_and_one_who_left(&amount.to_fixed(2)));
        let before = team(&plan, &inputs("team_pool"));
        let ids: Vec<String> = got.people.iter().map(|it| it.id.clone()).collect();
        prop_assert_eq!(ids.last().map(String::as_str), Some("E09"));
        prop_assert_eq!(&got.people[..5], &before.people[..]);
        let paid = got.people[5].payable.value().clone();
        prop_assert_eq!(paid, amount.max(Exact::zero()));
    }
}
