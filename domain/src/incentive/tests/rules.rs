//! Each rule of the calculation by a case.

use super::*;
use crate::FieldProblem;
use alloc::string::String;

fn individual() -> Value {
    inputs("individual_linear_prorated")
}

fn calls() -> Value {
    inputs("small_sample_protected")
}

fn pool() -> Value {
    inputs("team_pool")
}

fn with(mut plan: Value, change: impl FnOnce(&mut Value)) -> Plan {
    change(&mut plan);
    serde_json::from_value(plan).unwrap()
}

fn codes(problem: &Problem) -> Vec<(String, String)> {
    problem.errors.iter().map(|it: &FieldProblem| (it.field.clone(), it.code.clone())).collect()
}

#[test]
fn an_absent_key_means_that_its_step_is_not_applied() {
    let plan = with(plan_json("sucursal-individual"), |it| {
        it.as_object_mut().unwrap().remove("proration");
        it.as_object_mut().unwrap().remove("cap_total_pct");
    });
    let got = person(&plan, &individual());
    assert_eq!(got.cap, None);
    // 2,640 + 1,942.50 + 1,324.9995 without proration.
    assert_eq!(got.payable.to_string(), "5907.50");
    assert_eq!(got.lines[0].amount.to_string(), "2640.00");
}

#[test]
fn the_cap_lowers_the_sum_and_says_so() {
    let plan = with(plan_json("sucursal-individual"), |it| it["cap_total_pct"] = json!("90"));
    let got = person(&plan, &individual());
    // 90 % x 6,000 x 71/91.
    assert_eq!(got.current_period.to_string(), "4213.19");
    assert_eq!(got.notes[0].code, "capped");
}

#[test]
fn table_ends_pay_what_the_plan_says() {
    let plan = plan("sucursal-individual");
    for (value, attainment, payout) in [
        ("67.99", "79.9882", "0.0000"),
        ("68", "80.0000", "50.0000"),
        ("85", "100.0000", "100.0000"),
        ("102", "120.0000", "150.0000"),
        ("103", "121.1765", "150.0000"),
        ("-5", "-5.8824", "0.0000"),
    ] {
        let mut inputs = individual();
        inputs["results"]["calidad"]["value"] = json!(value);
        let line = &person(&plan, &inputs).lines[1];
        assert_eq!(line.attainment_pct.as_ref().unwrap().to_string(), attainment, "{value}");
        assert_eq!(line.payout_pct.to_string(), payout, "{value}");
    }
}

#[test]
fn a_value_at_the_last_knot_pays_that_knot_and_only_above_it_the_end() {
    let plan = with(plan_json("sucursal-individual"), |it| {
        it["tables"]["lineal_80_120"]["above"] = json!("160");
    });
    for (value, payout) in [("102", "150.0000"), ("102.01", "160.0000")] {
        let mut inputs = individual();
        inputs["results"]["calidad"]["value"] = json!(value);
        assert_eq!(person(&plan, &inputs).lines[1].payout_pct.to_string(), payout, "{value}");
    }
}

#[test]
fn tables_are_entered_with_the_rounded_mean_of_visits() {
    let mut inputs = calls();
    inputs["results"]["ms_call"]["visits"] = json!(["74.99", "75.00", "74.99", "75.00"]);
    inputs.as_object_mut().unwrap().remove("previous");
    let got = person(&plan("centro-contacto-individual"), &inputs);
    // 74.995 is 75.00.
    assert_eq!(
        (got.index.unwrap().to_string(), got.lines[0].payout_pct.to_string()),
        ("75.00".into(), "100.0000".into())
    );
    let mut inputs = pool();
    inputs["visits"] =
        json!([{"id": "a", "score": "89.99", "on_shift": []}, {"id": "b", "score": "90.00", "on_shift": []}]);
    assert_eq!(team(&plan("sucursal-bolsa-equipo"), &inputs).step_pct.to_string(), "120.0000");
}

#[test]
fn range_and_inverse_attain_between_their_base_and_their_goal() {
    let plan = with(plan_json("sucursal-individual"), |it| {
        it["components"][2]["form"] = json!("range");
        it["components"][2]["base"] = json!("1");
        it["components"][1]["form"] = json!("inverse");
        it["components"][1]["goal"] = json!("5");
        it["components"][1]["base"] = json!("15");
    });
    let mut inputs = individual();
    inputs["results"]["calidad"]["value"] = json!("6");
    let got = person(&plan, &inputs);
    // (4.29 - 1) / 3.5 and (15 - 6) / 10.
    assert_eq!(got.lines[2].attainment_pct.as_ref().unwrap().to_string(), "94.0000");
    assert_eq!(got.lines[1].attainment_pct.as_ref().unwrap().to_string(), "90.0000");
}

#[test]
fn protection_needs_the_interval_the_lower_band_and_an_unprotected_past() {
    let plan = plan("centro-contacto-individual");
    let paid_with = |change: &dyn Fn(&mut Value)| {
        let mut inputs = calls();
        change(&mut inputs);
        let got = person(&plan, &inputs);
        (got.protected.unwrap(), got.lines[0].payout_pct.to_string())
    };
    assert_eq!(paid_with(&|_| ()), (true, "100.0000".into()));
    let again = paid_with(&|it| it["previous"]["ms_call"]["protected"] = json!(true));
    assert_eq!(again, (false, "50.0000".into()));
    let proved = paid_with(&|it| it["results"]["ms_call"]["visits"] = json!(["70", "70.5", "71", "70.2"]));
    assert_eq!(proved, (false, "50.0000".into()));
    let first = paid_with(&|it| {
        it.as_object_mut().unwrap().remove("previous");
    });
    assert_eq!(first, (false, "50.0000".into()));
    // Going up is never held back, though the interval contains the limit of the lower band too.
    let upwards = paid_with(&|it| {
        it["previous"]["ms_call"]["payout_pct"] = json!("50");
        it["results"]["ms_call"]["visits"] = json!(["60", "95", "60", "95"]);
    });
    assert_eq!(upwards, (false, "100.0000".into()));
}

#[test]
fn a_small_sample_follows_the_rule_of_the_plan() {
    let paid_by = |rule: &str| {
        let plan =
            with(plan_json("centro-contacto-individual"), |it| it["insufficient_sample"] = json!(rule));
        person(&plan, &calls())
    };
    let harmless = paid_by("hold_harmless");
    let csat = &harmless.lines[2];
    assert_eq!((csat.payout_pct.to_string(), csat.amount.to_string()), ("100.0000".into(), "800.00".into()));
    assert_eq!(csat.sample_rule.as_deref(), Some("hold_harmless"));
    let zero = paid_by("zero");
    assert_eq!(zero.lines[2].amount.to_string(), "0.00");
    // Weights stay as they are when nothing is redistributed.
    assert_eq!(zero.lines[0].before_decelerator.as_ref().unwrap().to_string(), "2000.00");
    assert_eq!(zero.notes[0].code, "zero");
}

#[test]
fn carry_forward_uses_the_rolling_window_and_asks_for_it() {
    let plan = with(plan_json("centro-contacto-individual"), |it| {
        it["insufficient_sample"] = json!("carry_forward")
    });
    let refused = paid(&plan, &calls()).unwrap_err();
    assert_eq!(codes(&refused), [("/results/csat/rolling".to_string(), "missing".to_string())]);
    let mut inputs = calls();
    inputs["results"]["csat"]["rolling"] = json!({"value": "0.85", "n": 14});
    let got = person(&plan, &inputs);
    assert_eq!(got.lines[2].payout_pct.to_string(), "100.0000");
    assert_eq!(got.lines[2].sample_rule.as_deref(), Some("carry_forward"));
}

#[test]
fn when_every_component_is_short_the_target_is_paid_and_flagged() {
    let mut inputs = calls();
    inputs["results"]["ms_call"]["visits"] = json!(["10", "10"]);
    inputs["results"]["fcr"] = json!({"numerator": 1, "denominator": 29});
    let got = person(&plan("centro-contacto-individual"), &inputs);
    assert_eq!(got.current_period.to_string(), "4000.00");
    assert_eq!(got.notes.iter().filter(|it| it.code == "hold_harmless").count(), 3);
    assert!(got.excluded_components.is_empty());
}

#[test]
fn a_sample_of_exactly_the_least_size_counts() {
    let mut inputs = calls();
    inputs["results"]["csat"] = json!({"value": "0.85", "n": 10});
    let got = person(&plan("centro-contacto-individual"), &inputs);
    assert_eq!(got.lines.len(), 3);
    assert_eq!(got.weights["ms_call"].to_string(), "0.5000");
}

#[test]
fn accelerators_decelerators_gates_and_component_caps_apply_in_their_order() {
    let plan = with(plan_json("sucursal-individual"), |it| {
        it["accelerators"] =
            json!([{"component": "ms_index", "when": "attainment_pct >= 104", "factor": "1.5"}]);
        it["decelerators"] =
            json!([{"component": "calidad", "when": "confirmed_critical >= 2", "factor": "0.75"}]);
        it["gates"] = json!([{"id": "csat_minimo", "component": "csat", "require": "value >= 4.3", "otherwise": "0.5"}]);
        it["components"][0]["cap_pct"] = json!("120");
        it.as_object_mut().unwrap().remove("proration");
    });
    let mut inputs = individual();
    inputs["results"]["calidad"]["confirmed_critical"] = json!(2);
    let got = person(&plan, &inputs);
    assert_eq!(got.lines[0].accelerator.as_ref().unwrap().to_string(), "1.50");
    // 2,640 x 1.5 capped at 120 % of 2,400; 1,942.50 x 0.75; 1,324.9995 x 0.5.
    let amounts: Vec<String> = got.lines.iter().map(|it| it.amount.to_string()).collect();
    assert_eq!(amounts, ["2880.00", "1456.88", "662.50"]);
    inputs["results"]["calidad"]["confirmed_critical"] = json!(1);
    assert_eq!(person(&plan, &inputs).lines[1].decelerator, None);
}

#[test]
fn a_gate_of_all_stands_before_every_line() {
    let plan = with(plan_json("sucursal-individual"), |it| {
        it["gates"] =
            json!([{"id": "minimo", "component": "ms_index", "require": "value >= 90", "all": true}]);
    });
    let got = person(&plan, &individual());
    assert_eq!(got.payable.to_string(), "0.00");
    assert!(got.lines.iter().all(|it| it.amount.value().is_zero()));
}

#[test]
fn a_period_of_another_length_than_the_plans_is_pointed_out() {
    let mut inputs = individual();
    assert_eq!(person(&plan("sucursal-individual"), &inputs).notes, []);
    inputs["period"]["to"] = json!("2026-05-31");
    assert_eq!(person(&plan("sucursal-individual"), &inputs).notes[0].code, "period_length");
}

#[test]
fn a_person_may_have_their_own_target() {
    let mut inputs = individual();
    inputs["person"]["target"] = json!("12000.00");
    assert_eq!(person(&plan("sucursal-individual"), &inputs).lines[0].target_amount.to_string(), "4800.00");
}

#[test]
fn a_recovery_beyond_its_limit_is_carried_forward_and_pay_never_falls_below_zero() {
    let mut inputs = calls();
    inputs["adjustments"][1]["amount"] = json!("1000.00");
    let got = person(&plan("centro-contacto-individual"), &inputs);
    assert_eq!(got.adjustments[1].amount.to_string(), "-962.50");
    assert_eq!(got.adjustments[1].carried_forward.as_ref().unwrap().to_string(), "37.50");
    let unlimited = with(plan_json("centro-contacto-individual"), |it| {
        it.as_object_mut().unwrap().remove("recovery_cap_pct_of_variable");
    });
    inputs["adjustments"][1]["amount"] = json!("9999.00");
    let got = person(&unlimited, &inputs);
    assert_eq!(got.payable.to_string(), "0.00");
    // 9,999.00 less everything there is: 3,208.34 and the retro 1,000.00.
    assert_eq!(got.adjustments[1].carried_forward.as_ref().unwrap().to_string(), "5790.66");
}

#[test]
fn a_negative_retro_difference_is_recovered_within_the_same_limit() {
    let mut inputs = calls();
    inputs["adjustments"] = json!([
        {"kind": "retro", "period": "2026-03", "amount": "-900.00", "reason": "corrected visit"},
        {"kind": "recovery", "period": "2026-03", "reason": "error", "amount": "100.00"},
    ]);
    let got = person(&plan("centro-contacto-individual"), &inputs);
    assert_eq!(got.adjustments[0].amount.to_string(), "-900.00");
    assert_eq!(got.adjustments[0].method.as_deref(), Some("rerun"));
    assert_eq!(got.adjustments[1].amount.to_string(), "-62.50");
    assert_eq!(got.payable.to_string(), "2245.84");
}

#[test]
fn a_locked_period_is_mended_by_the_difference_of_a_second_calculation() {
    let plan = plan("centro-contacto-individual");
    let mut corrected = calls();
    let locked = paid(&plan, &corrected).unwrap();
    corrected["results"]["ms_call"]["visits"] = json!(["91.25", "93.10", "84.40", "98.00"]);
    let corrected = read_inputs(&plan, &corrected.to_string()).unwrap();
    let got = retro_differences(&plan, &locked, &corrected).unwrap();
    // Calls pay 130 % instead of 100 %: 4,000 x 0.625 x 0.30 x 0.75.
    assert_eq!((got.len(), got[0].difference.to_string()), (1, "562.5".into()));
    let Adjustment::Retro { amount, .. } = got[0].adjustment("2026-05", "appeal upheld", false) else {
        panic!("a retro difference")
    };
    assert_eq!(amount.unwrap().to_string(), "562.5");
    let same = read_inputs(&plan, &calls().to_string()).unwrap();
    assert_eq!(retro_differences(&plan, &locked, &same).unwrap(), []);
}

#[test]
fn a_decided_dispute_pays_what_was_held_and_a_granted_one_what_it_is_worth() {
    let plan = plan("centro-contacto-individual");
    let mut open = calls();
    open["results"]["ms_call"]["visits"] = json!([
        {"id": "a", "score": "91.25"}, {"id": "b", "score": "93.10"}, {"id": "d", "score": "97.00"}, {"id": "e", "score": "96.00"},
        {"id": "c", "score": "98.00", "critical": true, "disputed": true, "decision_due": "2026-05-20"},
    ]);
    open["results"]["ms_call"]["confirmed_critical"] = json!(2);
    let frozen = read_inputs(&plan, &open.to_string()).unwrap();
    let locked = paid(&plan, &open).unwrap();
    let held = locked.held()[0].clone();
    let decided = |score: &str, critical: bool| {
        let score = Exact::parse(score).unwrap();
        decided_inputs(&frozen, |id| {
            (id == "c").then(|| DecidedVisit::Counts { score: score.clone(), critical })
        })
    };
    assert_eq!(locked.payments()[0].earned, held.with, "the second failure slows the line down");
    // Dismissed: as it was, and no dispute.
    assert_eq!(retro_differences(&plan, &locked, &decided("98.00", true)).unwrap(), []);
    // Granted: the failure is gone from the confirmed ones, of which another stays.
    let granted = decided("98.00", false);
    assert_eq!(granted.results["ms_call"].confirmed_critical, Some(1));
    assert!(
        granted.results["ms_call"]
            .visits
            .iter()
            .flatten()
            .all(|it| !it.disputed && it.decision_due.is_none())
    );
    let granted = retro_differences(&plan, &locked, &granted).unwrap();
    assert!(!granted[0].difference.is_negative() && !granted[0].difference.is_zero());
    // What another run adjusted already is not adjusted again.
    let (whole, half) = (granted[0].difference.clone(), Exact::from(100));
    let rest = granted[0].clone().remaining(&half).unwrap();
    assert_eq!((&rest.difference + &half, rest.locked), (whole.clone(), &granted[0].locked + &half));
    assert_eq!(granted[0].clone().remaining(&whole), None);
    // Annulled: it is no visit any more.
    let gone = decided_inputs(&frozen, |id| (id == "c").then_some(DecidedVisit::Gone));
    assert_eq!(gone.results["ms_call"].visits.as_ref().map(Vec::len), Some(4));
    assert_eq!(gone.results["ms_call"].confirmed_critical, Some(1));
}

#[test]
fn a_disputed_critical_failure_counts_until_it_is_decided() {
    let plan = plan("centro-contacto-individual");
    let mut inputs = calls();
    let visit = |id: &str, critical: bool| json!({"id": id, "score": "95.00", "critical": critical});
    inputs["results"]["ms_call"]["visits"] =
        json!([visit("a", true), visit("b", true), visit("c", false), visit("d", false), visit("e", false)]);
    inputs["results"]["ms_call"]["confirmed_critical"] = json!(2);
    let before = person(&plan, &inputs);
    inputs["results"]["ms_call"]["visits"][0]["disputed"] = json!(true);
    let after = person(&plan, &inputs);
    assert_eq!(after.current_period, before.current_period);
    assert!(
        after.held[0].without > after.held[0].with,
        "without it one failure is left, which slows nothing down"
    );
}

#[test]
fn a_disputed_visit_pays_the_lower_amount_and_holds_the_difference() {
    let plan = plan("sucursal-bolsa-equipo");
    let mut inputs = pool();
    inputs["visits"][5]["disputed"] = json!(true);
    inputs["visits"][5]["decision_due"] = json!("2026-05-20");
    let got = team(&plan, &inputs);
    // Without V6: mean 91.91, the same step, but no recognition.
    assert_eq!(got.payable.to_string(), "16250.00");
    let held: Vec<_> = got.held.iter().map(|it| (it.person.as_str(), it.amount.to_string())).collect();
    assert_eq!(held, [("E02", "300.00".to_string()), ("E03", "300.00".to_string())]);
    assert_eq!(got.held[0].visits, ["V6"]);
    assert_eq!(got.held[0].decision_due.unwrap().to_string(), "2026-05-20");
}

#[test]
fn disputing_a_bad_visit_never_raises_pay() {
    let plan = plan("centro-contacto-individual");
    let mut inputs = calls();
    inputs["results"]["ms_call"]["visits"] = json!([
        {"id": "a", "score": "91.25"}, {"id": "b", "score": "93.10"}, {"id": "c", "score": "20", "disputed": true},
        {"id": "d", "score": "98.00"}, {"id": "e", "score": "97.00"},
    ]);
    inputs.as_object_mut().unwrap().remove("previous");
    let disputed = person(&plan, &inputs);
    inputs["results"]["ms_call"]["visits"][2].as_object_mut().unwrap().remove("disputed");
    let undisputed = person(&plan, &inputs);
    assert_eq!(disputed.current_period, undisputed.current_period);
    assert_eq!(disputed.held[0].visits, ["c"]);
    assert!(disputed.held[0].without > disputed.held[0].with);
}

#[test]
fn a_pool_without_enough_visits_follows_the_rule_of_the_plan() {
    for (rule, pct, payable) in [("hold_harmless", "100.0000", "14350.00"), ("zero", "0.0000", "600.00")] {
        let plan = with(plan_json("sucursal-bolsa-equipo"), |it| {
            it["min_n"] = json!(7);
            it["insufficient_sample"] = json!(rule);
        });
        let got = team(&plan, &pool());
        assert_eq!((got.step_pct.to_string(), got.payable.to_string()), (pct.into(), payable.into()));
        assert_eq!(got.notes[0].code, rule);
    }
}

#[test]
fn recognitions_inside_the_cap_come_out_of_the_same_amount() {
    let plan =
        with(plan_json("sucursal-bolsa-equipo"), |it| it["recognitions"][0]["outside_cap"] = json!(false));
    let got = team(&plan, &pool());
    assert_eq!((got.pool.to_string(), got.payable.to_string()), ("15650.00".into(), "16250.00".into()));
    let tiny = with(plan_json("sucursal-bolsa-equipo"), |it| {
        it["recognitions"][0]["outside_cap"] = json!(false);
        it["pool_cap_pct"] = json!("1");
    });
    let got = team(&tiny, &pool());
    assert_eq!((got.pool.to_string(), got.payable.to_string()), ("0.00".into(), "125.00".into()));
}

#[test]
fn an_award_that_is_not_money_is_listed_and_pays_nothing() {
    let plan = with(plan_json("sucursal-bolsa-equipo"), |it| {
        it["recognitions"] = json!([{"id": "diploma", "when": "visit_score >= 97"}]);
    });
    let got = team(&plan, &pool());
    assert_eq!(got.recognitions[0].visits, ["V6"]);
    assert_eq!((got.recognitions[0].amount.clone(), got.payable.to_string()), (None, "16250.00".into()));
}

#[test]
fn a_recognition_is_paid_once_for_each_qualifying_visit() {
    let mut inputs = pool();
    inputs["visits"][2]["on_shift"] = json!(["E02"]);
    inputs["visits"][2]["score"] = json!("97");
    let got = team(&plan("sucursal-bolsa-equipo"), &inputs);
    assert_eq!(got.people[1].recognition.to_string(), "600.00");
    assert_eq!(got.people[2].recognition.to_string(), "300.00");
}

#[test]
fn adjustments_of_a_team_belong_to_one_person() {
    let plan =
        with(plan_json("sucursal-bolsa-equipo"), |it| it["recovery_cap_pct_of_variable"] = json!("30"));
    let mut inputs = pool();
    inputs["adjustments"] = json!([
        {"kind": "recovery", "person": "E05", "period": "2026-02", "reason": "error", "amount": "1000.00"},
        {"kind": "retro", "person": "E01", "period": "2026-02", "amount": "10.00"},
    ]);
    let got = team(&plan, &inputs);
    // 30 % of 2,373.30.
    assert_eq!(got.people[4].payable.to_string(), "1661.31");
    assert_eq!(got.people[0].payable.to_string(), "4756.61");
    let sum: Exact = got.people.iter().map(|it| it.payable.value()).sum();
    assert_eq!(*got.payable.value(), sum);
}

#[test]
fn a_currency_without_cents_is_paid_in_whole_units() {
    let plan = with(plan_json("sucursal-bolsa-equipo"), |it| {
        it["currency"] = json!("CLP");
        it["money"]["minor_units"] = json!(0);
    });
    let got = team(&plan, &pool());
    let sum: Exact = got.people.iter().map(|it| it.share.value()).sum();
    assert_eq!((got.pool.to_string(), sum.to_string()), ("16250".into(), "16250".into()));
}

#[test]
fn a_pool_is_rounded_to_the_cent_before_it_is_shared() {
    let plan = with(plan_json("sucursal-bolsa-equipo"), |it| it["base_per_head"] = json!("2500.01"));
    let got = team(&plan, &pool());
    // 130 % of 12,500.05 is 16,250.065.
    let shares: Exact = got.people.iter().map(|it| it.share.value()).sum();
    assert_eq!((got.pool.to_string(), shares.to_string()), ("16250.07".into(), "16250.07".into()));
    // 16,250.07 x 91.50 / 313.25.
    assert_eq!(got.people[0].unrounded.to_string(), "4746.628587");
}

#[test]
fn a_mean_that_ends_is_printed_as_a_fraction_too() {
    let mut inputs = pool();
    inputs["visits"] =
        json!([{"id": "V1", "score": "92", "on_shift": []}, {"id": "V2", "score": "93", "on_shift": []}]);
    let got = team(&plan("sucursal-bolsa-equipo"), &inputs);
    assert_eq!(got.mean_exact.as_deref(), Some("185/2"));
    inputs["visits"][0]["score"] = json!("93");
    assert_eq!(team(&plan("sucursal-bolsa-equipo"), &inputs).mean_exact.as_deref(), Some("93"));
}

#[test]
fn a_team_whose_weights_are_all_zero_is_refused() {
    let mut inputs = pool();
    for person in inputs["people"].as_array_mut().unwrap() {
        person["days"] = json!(0);
    }
    let refused = paid(&plan("sucursal-bolsa-equipo"), &inputs).unwrap_err();
    assert_eq!(codes(&refused), [("/people".to_string(), "nothing_to_share_by".to_string())]);
}

#[test]
fn every_problem_of_a_persons_inputs_is_told_at_its_place_in_one_pass() {
    let mut inputs = calls();
    inputs["period"]["to"] = json!("2026-04-30");
    inputs["person"]["eligible_from"] = json!("2026-02-30");
    inputs["results"]["ms_call"]["visits"][1] = json!("101");
    inputs["results"]["ms_call"]["confirmed_critical"] = json!("2");
    inputs["results"]["fcr"]["value"] = json!("0.7");
    inputs["results"]["csat"].as_object_mut().unwrap().remove("n");
    inputs["results"]["otro"] = json!({"value": "1"});
    inputs["previous"]["ms_call"]["payout_pct"] = json!("77");
    inputs["adjustments"][0].as_object_mut().unwrap().remove("corrected_value");
    inputs["adjustments"][1]["amount"] = json!("-300.00");
    inputs["adjustments"].as_array_mut().unwrap().push(json!({"kind": "bonus", "period": "2026-04"}));
    inputs["extra"] = json!(1);
    inputs["band"] = json!("excelencia");
    let mut got = codes(&paid(&plan("centro-contacto-individual"), &inputs).unwrap_err());
    got.sort();
    let expected = [
        ("/adjustments/0/corrected_value", "missing"),
        ("/adjustments/1/amount", "out_of_range"),
        ("/adjustments/2/kind", "unknown_kind"),
        ("/band", "unknown_field"),
        ("/extra", "unknown_field"),
        ("/period/to", "period_reversed"),
        ("/person/eligible_from", "wrong_type"),
        ("/previous/ms_call/payout_pct", "unknown_payout_pct"),
        ("/results/csat/n", "missing"),
        ("/results/fcr", "conflicting_fields"),
        ("/results/ms_call/confirmed_critical", "wrong_type"),
        ("/results/ms_call/visits/1", "out_of_range"),
        ("/results/otro", "unknown_component"),
    ];
    assert_eq!(got, expected.map(|(field, code)| (field.to_string(), code.to_string())));
}

#[test]
fn every_problem_of_a_teams_inputs_is_told_at_its_place_in_one_pass() {
    let mut inputs = pool();
    inputs["band"] = json!("oro");
    inputs["visits"][0]["score"] = json!("x");
    inputs["visits"][1]["id"] = json!("V3");
    inputs["visits"][5]["on_shift"] = json!(["E02", "E02", "E99"]);
    inputs["people"][0]["days"] = json!(62);
    inputs["people"][1]["role_factor"] = json!("-1");
    inputs["people"][3]["id"] = json!("E03");
    inputs["person"] = json!({"id": "E01"});
    inputs["people"][4].as_object_mut().unwrap().remove("days");
    inputs["visits"][4].as_object_mut().unwrap().remove("on_shift");
    inputs["adjustments"] = json!([{"kind": "retro", "period": "2026-02", "amount": "1"}]);
    let mut got = codes(&paid(&plan("sucursal-bolsa-equipo"), &inputs).unwrap_err());
    got.sort();
    let expected = [
        ("/adjustments/0/person", "missing"),
        ("/band", "unknown_band"),
        ("/people/0/days", "out_of_range"),
        ("/people/1/role_factor", "out_of_range"),
        ("/people/3/id", "repeated_id"),
        ("/people/4/days", "missing"),
        ("/person", "unknown_field"),
        ("/visits/0/score", "wrong_type"),
        ("/visits/2/id", "repeated_id"),
        ("/visits/4/on_shift", "missing"),
        ("/visits/5/on_shift/1", "repeated_id"),
        ("/visits/5/on_shift/2", "unknown_person"),
    ];
    let got: Vec<_> = got.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
    assert_eq!(got, expected);
}

#[test]
fn somebody_who_is_not_eligible_on_any_day_is_refused() {
    let mut inputs = individual();
    inputs["person"]["eligible_from"] = json!("2026-07-01");
    let refused = paid(&plan("sucursal-individual"), &inputs).unwrap_err();
    assert_eq!(codes(&refused), [("/person/eligible_from".to_string(), "not_eligible".to_string())]);
}

#[test]
fn missing_parts_of_the_inputs_are_named() {
    let refused = paid(&plan("sucursal-individual"), &json!({"period": {"from": "2026-04-01"}})).unwrap_err();
    let fields: Vec<String> = codes(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["/period/to", "/person", "/results"].map(String::from), "{refused:?}");
}

#[test]
fn figures_that_cannot_be_are_refused_at_their_places_in_one_pass() {
    let mut inputs = calls();
    inputs["person"]["target"] = json!("100.005");
    inputs["results"]["fcr"]["numerator"] = json!(241);
    inputs["results"]["ms_call"]["confirmed_critical"] = json!(5);
    inputs["results"]["csat"] =
        json!({"value": "0.85", "n": 3, "rolling": {"numerator": 11, "denominator": 10}});
    inputs["adjustments"][0]["previously_paid"] = json!("0.001");
    inputs["adjustments"][1]["amount"] = json!("5.005");
    let rows = inputs["adjustments"].as_array_mut().unwrap();
    rows.push(rows[0].clone());
    rows[2]["corrected_value"] = json!("62.00");
    rows[2]["previously_paid"] = json!("-1.00");
    rows.push(json!({"kind": "retro", "period": "2030-99", "amount": "1/3"}));
    rows.push(json!({"kind": "retro", "period": "2026", "amount": "1.00"}));
    rows.push(json!({"kind": "retro", "period": "2026", "amount": "1.00"}));
    let mut got = codes(&paid(&plan("centro-contacto-individual"), &inputs).unwrap_err());
    got.sort();
    let expected = [
        ("/adjustments/0/previously_paid", "too_many_decimals"),
        ("/adjustments/1/amount", "too_many_decimals"),
        ("/adjustments/2", "repeated_adjustment"),
        ("/adjustments/2/previously_paid", "out_of_range"),
        ("/adjustments/3/amount", "too_many_decimals"),
        ("/adjustments/3/period", "not_a_month"),
        ("/adjustments/4/period", "not_a_month"),
        ("/adjustments/5", "repeated_adjustment"),
        ("/adjustments/5/period", "not_a_month"),
        ("/person/target", "too_many_decimals"),
        ("/results/csat/rolling/numerator", "out_of_range"),
        ("/results/fcr/numerator", "out_of_range"),
        ("/results/ms_call/confirmed_critical", "out_of_range"),
    ];
    assert_eq!(got, expected.map(|(field, code)| (field.to_string(), code.to_string())));
}

#[test]
fn a_figure_that_cannot_be_read_is_told_once() {
    let mut inputs = calls();
    inputs["person"]["eligible_from"] = json!("2026-02-30");
    inputs["person"]["target"] = json!("0.001");
    inputs["results"]["fcr"]["denominator"] = json!("many");
    inputs["adjustments"][0].as_object_mut().unwrap().remove("period");
    inputs["adjustments"][1]["amount"] = json!("-0.001");
    let mut got = codes(&paid(&plan("centro-contacto-individual"), &inputs).unwrap_err());
    got.sort();
    let expected = [
        ("/adjustments/0/period", "missing"),
        ("/adjustments/1/amount", "out_of_range"),
        ("/person/eligible_from", "wrong_type"),
        ("/person/target", "too_many_decimals"),
        ("/results/fcr/denominator", "wrong_type"),
    ];
    assert_eq!(got, expected.map(|(field, code)| (field.to_string(), code.to_string())));
}

#[test]
fn figures_at_the_edge_of_the_possible_are_taken() {
    let mut inputs = calls();
    inputs["person"]["target"] = json!("4000.0000");
    inputs["results"]["fcr"]["numerator"] = json!(240);
    inputs["results"]["ms_call"]["confirmed_critical"] = json!(4);
    inputs["adjustments"] = json!([
        {"kind": "retro", "period": "2025-12", "amount": "5.10"},
        {"kind": "retro", "period": "2025-12", "amount": "5.10", "reason": "a second appeal"},
        {"kind": "recovery", "period": "2025-12", "reason": "error", "amount": "5.1"},
    ]);
    paid(&plan("centro-contacto-individual"), &inputs).unwrap();
}
