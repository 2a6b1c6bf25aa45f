//! What feeds which criterion, and what is told where something is missing.

use super::fill::{Material, ObservedKpi, PeriodMaterial, fill};
use super::visits::AssessedVisit;
use domain::{
    Exact,
    answer::parse_answers,
    checklist::Checklist,
    ids::{AuditId, KpiId},
    standard::{CriterionInput, Standard},
    visit_score::score_visit,
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

fn standard() -> Standard {
    let dimensions = |ids: &[(&str, u32)]| {
        ids.iter().map(|(id, weight)| json!({"id": id, "weight": weight})).collect::<Vec<_>>()
    };
    serde_json::from_value(json!({
        "schema": "cem-standard/1", "id": "small", "version": 1, "total_points": 100,
        "title": {"es": "Chico", "en": "Small"},
        "rating": {
            "enablers": {"dimensions": dimensions(&[("enfoque", 30), ("despliegue", 40), ("mejora", 30)]), "levels": [0, 25, 50, 75, 100], "round": "floor_int"},
            "results": {"dimensions": dimensions(&[("nivel", 60), ("tendencia", 20), ("cobertura", 20)]), "round": "floor_int"}
        },
        "bands": [{"id": "no_conforme", "min": 0, "es": "No", "en": "No"}],
        "gates": [],
        "sections": [
            {"id": "1", "part": "habilitadores", "points": 20, "title": {"es": "a", "en": "a"}, "criteria": [
                {"id": "1.1", "points": 20, "es": "Promesa", "en": "Promise"}]},
            {"id": "6", "part": "resultados", "points": 80, "title": {"es": "b", "en": "b"}, "criteria": [
                {"id": "6.1", "points": 20, "es": "Índice", "en": "Index", "metric": "ms_index", "curve": [["50", "0"], ["95", "100"]]},
                {"id": "6.3", "points": 20, "ko": true, "ko_rule": "value > 0.05 and confirmed >= 2", "es": "Críticas", "en": "Criticals", "metric": "critical_rate", "curve": [["0", "100"], ["0.05", "0"]]},
                {"id": "8.1", "points": 20, "es": "CSAT", "en": "CSAT", "metric": "csat_t2b", "curve": [["0.5", "0"], ["0.85", "100"]]},
                {"id": "9.1", "points": 20, "ko": true, "ko_rule": "value < 0.85 and confirmed >= 2", "es": "Veraz", "en": "True", "metric": "transparency_rate", "curve": [["0.8", "0"], ["1", "100"]]}]}
        ]
    }))
    .unwrap()
}

fn checklist() -> Arc<Checklist> {
    let text = |it: &str| json!({"es": it, "en": it});
    let item = |id: &str, critical: bool| json!({"id": id, "type": "yes_no", "weight": 1, "required": true, "critical": critical, "pillar": "integridad", "q": text(id)});
    Arc::new(
        serde_json::from_value(json!({
            "schema": "cem-checklist/1", "id": "small", "version": 1, "kind": "mystery_shopper",
            "channel": "presencial", "title": text("t"), "purpose": text("p"), "scenario": text("s"),
            "default_locale": "es-MX",
            "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0, "submit_within_hours": 24},
            "scoring": {
                "mode": "section_weighted", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
                "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "none"},
                "rounding": {"decimals": 2, "mode": "half_up"}, "bands": [{"id": "todo", "min": "0", "es": "t", "en": "t"}]
            },
            "sections": [
                {"id": "A", "weight": 50, "touchpoint": "acceso", "title": text("A"), "items": [item("A01", false)]},
                {"id": "E", "weight": 50, "touchpoint": "certeza", "title": text("E"), "standard": ["9.1"], "items": [
                    item("E01", true), item("E02", false),
                    {"id": "E03", "type": "scale_1_5", "weight": 0, "indicator": "auditor_csat", "q": text("E03")}]}
            ]
        }))
        .unwrap(),
    )
}

fn visit(number: u128, answers: &str) -> AssessedVisit {
    let checklist = checklist();
    let answers = parse_answers(&checklist, answers).unwrap();
    let score = score_visit(&checklist, &answers).unwrap();
    AssessedVisit { audit: AuditId(Uuid::from_u128(number)), score, checklist }
}

fn kpi(value: &str) -> ObservedKpi {
    ObservedKpi {
        id: KpiId(Uuid::from_u128(7)),
        value: Exact::parse(value).unwrap(),
        n: Some(120),
        source: "encuesta".to_owned(),
    }
}

fn rated(id: &str) -> CriterionInput {
    let dimensions = [("enfoque", 75), ("despliegue", 50), ("mejora", 25)];
    let dimensions = dimensions.map(|(id, level)| (id.to_owned(), level)).into();
    CriterionInput { id: id.to_owned(), dimensions, value: None, confirmed: None }
}

fn material() -> Material {
    let good = r#"{"A01":"yes","E01":"yes","E02":"yes","E03":5}"#;
    let bad = r#"{"A01":"yes","E01":"no","E02":"yes","E03":5}"#;
    let visits = vec![visit(1, good), visit(2, good), visit(3, bad), visit(4, bad)];
    let kpis = BTreeMap::from([("csat_t2b".to_owned(), kpi("0.79"))]);
    Material {
        current: PeriodMaterial { visits, kpis },
        previous: vec![PeriodMaterial { visits: vec![visit(9, bad)], ..PeriodMaterial::default() }],
        planned: Some(5),
        by_hand: vec![rated("1.1")],
    }
}

#[test]
fn visits_and_observations_fill_the_results_with_their_sources() {
    let (inputs, sources) = fill(&standard(), &material()).unwrap();
    let of = |id: &str| inputs.criteria.iter().find(|it| it.id == id).unwrap();
    // (100 + 100 + 75 + 75) / 4; two of four visits fail a critical item; 6 of 8 transparency points.
    assert_eq!(of("6.1").value, Some(Exact::parse("87.5").unwrap()));
    assert_eq!(
        of("6.1").dimensions,
        BTreeMap::from([("tendencia".to_owned(), 75), ("cobertura".to_owned(), 80)])
    );
    assert_eq!((of("6.3").value.clone(), of("6.3").confirmed), (Some(Exact::parse("0.5").unwrap()), Some(2)));
    assert_eq!(
        (of("9.1").value.clone(), of("9.1").confirmed),
        (Some(Exact::parse("0.75").unwrap()), Some(2))
    );
    assert_eq!(of("8.1").value, Some(Exact::parse("0.79").unwrap()));
    let failed = &sources.iter().find(|it| it.criterion == "6.3").unwrap().visits;
    assert_eq!(*failed, [AuditId(Uuid::from_u128(3)), AuditId(Uuid::from_u128(4))]);
    domain::standard::rate(&standard(), &inputs).unwrap();
}

#[test]
fn what_is_missing_is_told_criterion_by_criterion() {
    let problem = fill(&standard(), &Material::default()).unwrap_err();
    let told: Vec<(&str, bool)> =
        problem.errors.iter().map(|it| (it.code.as_str(), it.message_en.contains("csat_t2b"))).collect();
    let expected = [
        ("missing_rating", false),
        ("missing_visits", false),
        ("missing_visits", false),
        ("missing_kpi", true),
        ("missing_visits", false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_an_auditor_felt_never_stands_in_for_a_survey() {
    let mut material = material();
    material.current.kpis = BTreeMap::from([("auditor_csat".to_owned(), kpi("0.99"))]);
    let problem = fill(&standard(), &material).unwrap_err();
    assert_eq!(problem.errors.len(), 1);
    assert_eq!(problem.errors[0].code, "missing_kpi");
}

#[test]
fn a_value_by_hand_never_replaces_what_the_visits_say() {
    let mut material = material();
    let mut hand = rated("6.1");
    hand.dimensions.clear();
    hand.value = Some(Exact::from(100));
    material.by_hand.push(hand);
    let problem = fill(&standard(), &material).unwrap_err();
    assert_eq!(problem.errors[0].code, "computed_from_visits");
}
