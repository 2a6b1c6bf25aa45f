//! A visit that could not happen: handed in with its reason and proof in place of its answers, reviewed like any other, and never
//! scored; and what every visit states beside its answers, which no branch sees.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use domain::{access::Role, ids::AuditId};
use serde_json::{Value, json};
use server::app::verify::verify;
use sync_core::{Bytes, Kind};
use uuid::Uuid;

crate::on_both![
    a_visit_that_could_not_happen_is_reviewed_with_its_proof_and_approved_without_a_score,
    a_visit_that_was_returned_and_happened_after_all_is_a_plain_visit_with_its_score,
];

const ARRIVED: &str = r#"{"at_ms":1795262390000,"local":"2026-11-21T06:59","zone":"America/Bogota","position":{"source":"live","lat_e7":46097100,"lon_e7":-740817500,"accuracy_mm":12000,"at_ms":1795262386000}}"#;
const BROWSER: &str = r#"{"kind":"browser","hardware_key":false,"camera":true,"file_picker":true}"#;
const CLOSED: &str = r#"{"kind":"not_completed","reason":"closed_in_hours","explanation":"The door was locked at ten past nine."}"#;

impl Phone {
    fn state(&mut self, audit: Uuid, round: u32, field: &str, json: &str) -> u64 {
        self.write(Kind::Set, audit, round, field, Some(Bytes::from(json)))
    }
}

fn commands(seen: &Value) -> Vec<&str> {
    seen["events"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect()
}

fn current_scores(scene: &Scene) -> usize {
    let org = scene.office.org;
    let filter = db::scores::ScoreFilter {
        from: domain::Date::MIN,
        to: domain::Date::MAX,
        states: Vec::new(),
        branches: None,
        auditor: None,
        template_id: None,
    };
    scene.office.app.db.read(|tx| db::scores::list_current(tx, org, &filter, None, 100)).unwrap().items.len()
}

async fn a_visit_that_could_not_happen_is_reviewed_with_its_proof_and_approved_without_a_score(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    let proof = scene.upload(&phone, b"a locked door").await;
    phone.create(audit, &scene.pin());
    phone.state(audit, 1, "@platform", BROWSER);
    phone.state(audit, 1, "@arrival", ARRIVED);
    phone.state(audit, 1, "@outcome", CLOSED);
    phone.attach(audit, "@outcome#photo", &proof, "text/plain");
    phone.submit(audit, 1);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["kind"]), (&json!("submitted"), &json!("not_completed")));
    assert_eq!(commands(&seen), ["start", "not_completed"]);
    assert_eq!(seen["events"][1]["reason"], "closed_in_hours");
    assert_eq!(seen.get("unknown_fields"), None);
    let (facts, outcome) = (&seen["facts"], &seen["facts"]["outcome"]);
    let reason = json!({"code": "closed_in_hours", "label": {"es": "cerrada en su horario", "en": "closed in its hours"}});
    assert_eq!((&outcome["reason"], &outcome["proven"]), (&reason, &json!(true)));
    assert_eq!(outcome["explanation"], "The door was locked at ten past nine.");
    assert_eq!(outcome["photos"], json!([proof.id]));
    let place = json!({"latitude": "4.6097100", "longitude": "-74.0817500", "accuracy": "12.000", "at": "2026-11-21T11:59:46Z"});
    let arrival = json!({
        "at": "2026-11-21T11:59:50Z", "local": "2026-11-21T06:59", "zone": "America/Bogota", "position": place,
        "position_source": "live",
    });
    assert_eq!(facts["arrival"], arrival);
    let reasons: Vec<&str> =
        facts["evidence_reasons"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(facts["evidence_grade"], "medium");
    assert_eq!(
        reasons,
        ["browser", "no_hardware_key", "no_departure", "photo_source_unknown", "photo_without_position"]
    );
    let evidence = scene.evidence(audit).await;
    assert_eq!(evidence["photos"][0]["item"], "@outcome");
    // A person looks at it: it is not one of many.
    let body = json!({"visits": [audit]});
    let bulk = scene.office.post("/api/v1/visits/approve").by(&scene.reviewer).json(&body).send().await;
    assert_eq!(bulk.expect_json()["outcomes"][0]["problem"]["code"], "needs_a_look");
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!((&approved["state"], approved.get("version")), (&json!("approved"), None));
    scene.review(audit, "publish", json!({})).await.expect_json();
    assert_eq!((scene.visit(audit).await["scores"].clone(), current_scores(&scene)), (json!([]), 0));
    verify(&scene.office.app, None, &mut |_| ()).unwrap();
    // What the branch sees of it has no times, no places and no words of its auditor.
    let manager = scene.office.person(Role::BranchManager);
    let address = format!("/api/v1/visits/{audit}");
    let shown = scene.office.get(&address).by(&manager).send().await.expect_json();
    assert_eq!((&shown["kind"], shown.get("facts")), (&json!("not_completed"), None));
    assert!(!shown.to_string().contains("door"));
}

async fn a_visit_that_was_returned_and_happened_after_all_is_a_plain_visit_with_its_score(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.state(audit, 1, "@arrival", ARRIVED);
    phone.state(audit, 1, "@outcome", CLOSED);
    phone.submit(audit, 1);
    scene.push(&mut phone).await;
    assert_eq!(scene.visit(audit).await["kind"], "not_completed");
    scene.review(audit, "claim", json!({})).await.expect_json();
    let unknown = json!({"items": [{"item": "@mood", "reason": "?"}], "deadline": "2026-11-25T00:00:00Z"});
    assert_eq!(
        scene.review(audit, "return", unknown).await.fields(),
        [("/items/0/item".to_owned(), "unknown_item".to_owned())]
    );
    let order = json!({"items": [{"item": "@outcome", "reason": "it opens at ten"}], "deadline": "2026-11-25T00:00:00Z"});
    scene.review(audit, "return", order).await.expect_json();
    phone.read(&scene).await;
    let base = phone.ops.view().fields["@outcome"].base();
    phone.write(Kind::Clear, audit, 2, "@outcome", None);
    phone.unsent.last_mut().unwrap().base.clone_from(&base);
    phone.set(audit, 2, "A01", "yes");
    phone.set(audit, 2, "A02", "no");
    phone.submit(audit, 2);
    scene.push(&mut phone).await;
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["kind"]), (&json!("submitted"), &json!("visit")));
    assert_eq!(commands(&seen), ["start", "not_completed", "claim", "return", "start", "submit"]);
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!((&approved["final"], current_scores(&scene)), (&json!("50.00"), 1));
    verify(&scene.office.app, None, &mut |_| ()).unwrap();
}

#[actix_web::test]
async fn without_a_reason_in_words_and_proof_a_visit_that_could_not_happen_stays_where_it_is() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let short = CLOSED.replace("The door was locked at ten past nine.", "closed");
    for (outcome, arrival) in [(CLOSED, None), (short.as_str(), Some(ARRIVED)), ("\"closed\"", Some(ARRIVED))]
    {
        let audit = scene.new_audit();
        phone.ops = sync_core::AuditOps::new();
        phone.create(audit, &scene.pin());
        phone.state(audit, 1, "@outcome", outcome);
        if let Some(arrival) = arrival {
            phone.state(audit, 1, "@arrival", arrival);
        }
        phone.submit(audit, 1);
        scene.push(&mut phone).await;
        assert_eq!(scene.visit(audit).await["state"], "in_progress", "{outcome}");
    }
}

#[actix_web::test]
async fn facts_beside_the_answers_neither_keep_a_visit_back_nor_count_in_its_score() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.state(audit, 1, "@arrival", ARRIVED);
    phone.state(audit, 1, "@weather", "\"of a later version\"");
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    phone.submit(audit, 1);
    scene.push(&mut phone).await;
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["unknown_fields"]), (&json!("submitted"), &json!(["@weather"])));
    scene.review(audit, "claim", json!({})).await.expect_json();
    assert_eq!(scene.review(audit, "approve", json!({})).await.expect_json()["final"], "50.00");
    let row = scene.office.app.db.read(|tx| db::audits::find(tx, scene.office.org, AuditId(audit))).unwrap();
    assert_eq!(row.unwrap().kind, db::audits::VisitKind::Visit);
}
