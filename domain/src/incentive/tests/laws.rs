//! Laws that hold for all inputs.

use super::*;
use crate::incentive::share::share_out;
use alloc::{format, string::String, vec::Vec};
use proptest::prelude::*;

fn score() -> impl Strategy<Value = String> {
    (0_i64..=10_000).prop_map(|it| Exact::scaled(it, 2).to_fixed(2))
}

fn calls_inputs(visits: &[String], numerator: u32, critical: u32, recovery: u32) -> Value {
    let mut inputs = inputs("small_sample_protected");
    let critical = critical.min(u32::try_from(visits.len()).unwrap());
    inputs["results"]["ms_call"] = json!({"visits": visits, "confirmed_critical": critical});
    inputs["results"]["fcr"]["numerator"] = json!(numerator);
    inputs["adjustments"][1]["amount"] = json!(format!("{}.01", recovery));
    inputs
}

fn team_inputs(scores: &[String], people: &[(u32, i64)], shift: &[bool]) -> Value {
    let ids: Vec<String> = (0..people.len()).map(|it| format!("E{it:02}")).collect();
    let on_shift: Vec<&String> =
        ids.iter().zip(shift.iter().cycle()).filter(|(_, on)| **on).map(|(id, _)| id).collect();
    let visits: Vec<Value> = scores
        .iter()
        .enumerate()
        .map(|(index, score)| json!({"id": format!("V{index}"), "score": score, "on_shift": on_shift}))
        .collect();
    let people: Vec<Value> = people
        .iter()
        .zip(&ids)
        .map(|((days, factor), id)| {
            json!({"id": id, "role_factor": Exact::scaled(*factor, 2).to_string(), "days": days})
        })
        .collect();
    json!({
        "period": {"from": "2026-03-01", "to": "2026-04-30"},
        "band": "excelencia", "visits": visits, "people": people,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_add_up_to_the_amount_to_the_cent(
        cents in 0_i64..10_000_000, weights in prop::collection::vec(0_i64..10_000, 1..20),
    ) {
        let ids: Vec<String> = (0..weights.len()).map(|it| format!("E{it:02}")).collect();
        let weights: Vec<(&str, Exact)> =
            ids.iter().zip(&weights).map(|(id, it)| (id.as_str(), Exact::scaled(*it, 2))).collect();
        let amount = Exact::scaled(cents, 2);
        let Some(parts) = share_out(&amount, &weights, 2) else {
            prop_assert!(weights.iter().all(|(_, it)| it.is_zero()));
            return Ok(());
        };
        let sum: Exact = parts.iter().map(|it| &it.amount).sum();
        prop_assert_eq!(sum, amount);
        for part in parts {
            prop_assert!((part.amount - &part.unrounded).abs() < Exact::scaled(1, 2));
        }
    }

    #[test]
    fn a_pool_is_shared_to_the_cent_and_never_exceeds_its_cap(
        scores in prop::collection::vec(score(), 1..8),
        people in prop::collection::vec((1_u32..=61, 1_i64..300), 1..9),
        shift in prop::collection::vec(any::<bool>(), 1..9),
    ) {
        let got = team(&plan("sucursal-bolsa-equipo"), &team_inputs(&scores, &people, &shift));
        let shares: Exact = got.people.iter().map(|it| it.share.value()).sum();
        prop_assert_eq!(&shares, got.pool.value());
        prop_assert!(got.pool <= got.pool_cap.clone().unwrap());
        prop_assert!(got.people.iter().all(|it| !it.share.value().is_negative()));
        let all: Exact = got.people.iter().map(|it| it.payable.value()).sum();
        prop_assert_eq!(&all, got.payable.value());
    }

    #[test]
    fn no_line_is_negative_and_pay_never_falls_below_zero(
        visits in prop::collection::vec(score(), 1..8), numerator in 0_u32..=240, critical in 0_u32..4, recovery in 0_u32..9_000,
    ) {
        let plan = plan("centro-contacto-individual");
        let got = person(&plan, &calls_inputs(&visits, numerator, critical, recovery));
        prop_assert!(got.lines.iter().all(|it| !it.amount.value().is_negative()));
        prop_assert!(!got.payable.value().is_negative());
        let recovered = -got.adjustments[1].amount.value().clone();
        prop_assert!(recovered <= *got.adjustments[1].limit.as_ref().unwrap().value());
        let carried = got.adjustments[1].carried_forward.as_ref().unwrap().value();
        prop_assert_eq!(recovered + carried, Exact::parse(&format!("{recovery}.01")).unwrap());
    }

    #[test]
    fn the_order_of_visits_and_people_changes_nothing(
        (scores, shuffled) in prop::collection::vec(score(), 4..8)
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let plan = plan("centro-contacto-individual");
        let paid_on = |it: &[String]| person(&plan, &calls_inputs(it, 172, 0, 10));
        prop_assert_eq!(paid_on(&scores), paid_on(&shuffled));
        let pool = super::plan("sucursal-bolsa-equipo");
        let mut inputs = inputs("team_pool");
        let before = team(&pool, &inputs);
        let people = inputs["people"].clone();
        inputs["people"] = order.iter().map(|it| people[*it].clone()).collect();
        inputs["visits"].as_array_mut().unwrap().reverse();
        prop_assert_eq!(team(&pool, &inputs), before);
    }

    #[test]
    fn a_better_result_never_pays_less(low in 0_i64..10_000, more in 0_i64..3_000) {
        let plan = plan("sucursal-individual");
        let paid_on = |value: i64| {
            let mut inputs = inputs("individual_linear_prorated");
            inputs["results"]["ms_index"]["value"] = json!(Exact::scaled(value, 2).to_string());
            person(&plan, &inputs).payable.value().clone()
        };
        prop_assert!(paid_on(low) <= paid_on(low + more));
    }

    #[test]
    fn a_better_visit_never_lowers_a_pool(scores in prop::collection::vec(0_i64..9_000, 1..8), which in 0_usize..8, more in 0_i64..1_000) {
        let pool = plan("sucursal-bolsa-equipo");
        let paid_on = |scores: &[i64]| {
            let scores: Vec<String> = scores.iter().map(|it| Exact::scaled(*it, 2).to_fixed(2)).collect();
            team(&pool, &team_inputs(&scores, &[(61, 100), (30, 150)], &[true])).payable.value().clone()
        };
        let mut better = scores.clone();
        let index = which % better.len();
        better[index] += more;
        prop_assert!(paid_on(&scores) <= paid_on(&better));
    }

    #[test]
    fn a_cap_never_raises(value in 0_i64..15_000, cap in 0_i64..300) {
        let uncapped = {
            let mut plan = plan_json("sucursal-individual");
            plan.as_object_mut().unwrap().remove("cap_total_pct");
            serde_json::from_value::<Plan>(plan).unwrap()
        };
        let capped = {
            let mut plan = plan_json("sucursal-individual");
            plan["cap_total_pct"] = json!(cap.to_string());
            serde_json::from_value::<Plan>(plan).unwrap()
        };
        let mut inputs = inputs("individual_linear_prorated");
        inputs["results"]["ms_index"]["value"] = json!(Exact::scaled(value, 2).to_string());
        let (free, held) = (person(&uncapped, &inputs), person(&capped, &inputs));
        prop_assert!(held.payable <= free.payable);
        prop_assert!(held.current_period <= held.cap.unwrap());
    }

    #[test]
    fn disputing_a_visit_never_raises_anybodys_pay(
        scores in prop::collection::vec(score(), 2..8), disputed in 0_usize..8, shift in prop::collection::vec(any::<bool>(), 2),
    ) {
        let pool = plan("sucursal-bolsa-equipo");
        let mut inputs = team_inputs(&scores, &[(61, 100), (30, 150)], &shift);
        let before = team(&pool, &inputs);
        inputs["visits"][disputed % scores.len()]["disputed"] = json!(true);
        let after = team(&pool, &inputs);
        for (a, b) in after.people.iter().zip(&before.people) {
            prop_assert!(a.payable <= b.payable);
        }
    }

    #[test]
    fn an_open_appeal_never_raises_what_is_paid_to_anybody_with_critical_failures_and_a_short_sample(
        scores in prop::collection::vec(score(), 1..8), critical in prop::collection::vec(any::<bool>(), 8),
        disputed in prop::collection::vec(any::<bool>(), 8), protected in any::<bool>(),
        rolling in prop::collection::vec((score(), any::<bool>()), 1..6), carries in any::<bool>(),
    ) {
        let mut plan = plan_json("centro-contacto-individual");
        if carries {
            plan["insufficient_sample"] = json!("carry_forward");
        }
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let visits = |is_open: bool| -> Vec<Value> {
            scores.iter().enumerate().map(|(index, score)| json!({
                "id": format!("V{index}"), "score": score, "critical": critical[index], "disputed": is_open && disputed[index],
            })).collect()
        };
        let failed = critical.iter().take(scores.len()).filter(|it| **it).count();
        let inputs_with = |is_open: bool| {
            let mut inputs = inputs("small_sample_protected");
            inputs["results"]["csat"]["n"] = json!(50);
            let over_a_year: Vec<Value> = rolling.iter().enumerate().map(|(index, (score, is_disputed))| json!({
                "id": format!("R{index}"), "score": score, "disputed": is_open && *is_disputed,
            })).collect();
            inputs["results"]["ms_call"] = json!({
                "visits": visits(is_open), "confirmed_critical": failed, "rolling": {"visits": over_a_year},
            });
            if !protected {
                inputs.as_object_mut().unwrap().remove("previous");
            }
            inputs
        };
        let (before, after) = (person(&plan, &inputs_with(false)), person(&plan, &inputs_with(true)));
        prop_assert!(after.current_period <= before.current_period);
        prop_assert!(after.payable <= before.payable);
        let held: Exact = after.held.iter().map(|it| it.amount.value()).sum();
        let with = after.held.first().map_or(after.current_period.value(), |it| it.with.value());
        prop_assert_eq!(with, before.current_period.value(), "with the disputed visits is as if nobody had appealed");
        prop_assert!(!held.is_negative());
    }

    #[test]
    fn redistributed_weights_add_up_to_one(n in 0_u32..20) {
        let mut inputs = inputs("small_sample_protected");
        inputs["results"]["csat"]["n"] = json!(n);
        let got = person(&plan("centro-contacto-individual"), &inputs);
        let sum: Exact = got.weights.values().map(crate::Rounded::value).sum();
        prop_assert_eq!(sum, Exact::one());
    }
}
