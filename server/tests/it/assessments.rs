//! Observations and assessments: what may be entered, what fills which criterion, and what is told where it is missing.

use crate::databases::Database;
use crate::field::{CRITICAL, Field, GOOD};
use db::content::ContentKind;
use domain::access::Role;
use serde_json::{Value, json};

crate::on_both![a_branch_is_rated_from_its_visits_observations_and_hand_ratings,];

fn observation(metric: &str, branch: impl ToString, value: &str) -> Value {
    json!({
        "scope": {"kind": "branch", "id": branch.to_string()}, "metric": metric, "definition": "sample data",
        "period": {"from": "2026-10-01", "to": "2026-12-31"}, "value": value, "n": 100, "source": "survey"
    })
}

#[actix_web::test]
async fn every_observation_that_breaks_a_rule_is_named_and_nothing_is_kept() {
    let field = Field::open().await;
    let manager = field.office.person(Role::ProgrammeManager);
    let branch = field.north;
    let mut ratio = observation("fcr", branch, "0.9");
    ratio["numerator"] = json!(172);
    ratio["denominator"] = json!(240);
    let body = json!({"observations": [
        observation("csat_t2b", branch, "0.79"),
        observation("csat_t2b", branch, "79"),
        observation("ms_index", branch, "88"),
        observation("nps", field.office.app.environment.new_id(), "20"),
        ratio,
    ]});
    let refused = field.office.post("/api/v1/kpis").by(&manager).json(&body).send().await;
    let expected = [
        ("/observations/1/value", "out_of_range"),
        ("/observations/2/metric", "metric_from_visits"),
        ("/observations/3/scope/id", "unknown_scope"),
        ("/observations/4/value", "value_and_ratio"),
    ];
    assert_eq!(refused.fields(), expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let list = field.office.get("/api/v1/kpis").by(&manager).send().await.expect_json();
    assert_eq!(list["items"], json!([]));
}

async fn a_branch_is_rated_from_its_visits_observations_and_hand_ratings(database: Database) {
    let field = Field::over(database).await;
    let manager = field.office.person(Role::ProgrammeManager);
    field.store_content(ContentKind::Standard, "small", &standard());
    field
        .published(&[
            (field.north, "2026-10-05", &GOOD),
            (field.north, "2026-11-05", &CRITICAL),
            (field.north, "2026-11-09", &CRITICAL),
            (field.north, "2026-11-12", &GOOD),
        ])
        .await;
    let address = format!("/api/v1/branches/{}/assessments", field.north);
    let empty = json!({"standard": {"id": "small"}, "period": {"from": "2026-10-01", "to": "2026-12-31"}});
    let refused = field.office.post(&address).by(&manager).json(&empty).send().await;
    assert_eq!(refused.outcome(), (422, "incomplete_assessment".to_owned()));
    let codes: Vec<String> = refused.fields().into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["missing_rating", "missing_kpi"]);
    let mut wrong = empty.clone();
    wrong["criteria"] = json!([
        {"id": "8.1", "tendencia": 101},
        {"id": "9.9"},
        {"id": "1.1", "enfoque": 30, "despliegue": 100, "shoe": 1},
    ]);
    let refused = field.office.post(&address).by(&manager).json(&wrong).send().await;
    let told: Vec<String> =
        refused.fields().into_iter().map(|(field, code)| format!("{field} {code}")).collect();
    let expected = [
        "/criteria/0/tendencia out_of_range",
        "/criteria/1/id unknown_criterion",
        "/criteria/2/enfoque out_of_range",
        "/criteria/2/mejora missing",
        "/criteria/2/shoe unknown_field",
        "/criteria missing_kpi",
    ];
    assert_eq!(told, expected);
    let body = json!({"observations": [observation("csat_t2b", field.north, "0.79")]});
    field.office.post("/api/v1/kpis").by(&manager).json(&body).send().await.expect_json();
    let mut whole = empty.clone();
    whole["criteria"] = json!([{"id": "1.1", "enfoque": 75, "despliegue": 75, "mejora": 50}]);
    let rated = field.office.post(&address).by(&manager).json(&whole).send().await.expect_json();
    let input = |id: &str| {
        rated["inputs"]["criteria"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap().clone()
    };
    assert_eq!((&input("6.3")["value"], &input("6.3")["confirmed"]), (&json!("0.5"), &json!(2)));
    assert_eq!(rated["rating"]["ko_open"], json!(["6.3"]));
    assert!(rated["rating"]["gate_reports"][0]["lifted_by"]["en"].as_str().unwrap().len() > 5);
    let sources = rated["sources"].as_array().unwrap();
    assert_eq!(
        sources.iter().map(|it| it["from"].as_str().unwrap()).collect::<Vec<_>>(),
        ["hand", "visits", "kpi"]
    );
    // The rules give the same on what was kept.
    let kept: domain::standard::Inputs = serde_json::from_value(rated["inputs"].clone()).unwrap();
    let again = domain::standard::rate(&serde_json::from_str(&standard()).unwrap(), &kept).unwrap();
    assert_eq!(rated["rating"], serde_json::to_value(&again).unwrap());
    let id = rated["id"].as_str().unwrap();
    let found =
        field.office.get(&format!("/api/v1/assessments/{id}")).by(&manager).send().await.expect_json();
    assert_eq!(found, rated);
    let list = field.office.get(&address).by(&manager).send().await.expect_json();
    assert_eq!(list["items"][0]["band"], rated["rating"]["band"]);
}

pub(crate) fn standard() -> String {
    let dimensions = |ids: &[(&str, u32)]| {
        ids.iter().map(|(id, weight)| json!({"id": id, "weight": weight})).collect::<Vec<_>>()
    };
    let standard: domain::standard::Standard = serde_json::from_value(json!({
        "schema": "cem-standard/1", "id": "small", "version": 1, "total_points": 100,
        "title": {"es": "Chico", "en": "Small"},
        "rating": {
            "enablers": {"dimensions": dimensions(&[("enfoque", 30), ("despliegue", 40), ("mejora", 30)]), "levels": [0, 25, 50, 75, 100], "round": "floor_int"},
            "results": {"dimensions": dimensions(&[("nivel", 60), ("tendencia", 20), ("cobertura", 20)]), "round": "floor_int"}
        },
        "bands": [{"id": "no_conforme", "min": 0, "es": "No conforme", "en": "Non-conforming"}, {"id": "competente", "min": 65, "es": "Competente", "en": "Competent"}],
        "gates": [{"id": "ko_abierto", "when": "any_ko_open", "max_points": 44, "es": "Requisito abierto", "en": "Open knock-out"}],
        "sections": [
            {"id": "1", "part": "habilitadores", "points": 40, "title": {"es": "a", "en": "a"}, "criteria": [{"id": "1.1", "points": 40, "es": "Promesa", "en": "Promise"}]},
            {"id": "6", "part": "resultados", "points": 60, "title": {"es": "b", "en": "b"}, "criteria": [
                {"id": "6.3", "points": 30, "ko": true, "ko_rule": "value > 0.05 and confirmed >= 2", "es": "Críticas", "en": "Criticals", "metric": "critical_rate", "curve": [["0", "100"], ["0.05", "0"]]},
                {"id": "8.1", "points": 30, "es": "CSAT", "en": "CSAT", "metric": "csat_t2b", "curve": [["0.5", "0"], ["0.85", "100"]]}]}
        ]
    }))
    .unwrap();
    serde_json::to_string(&standard).unwrap()
}
