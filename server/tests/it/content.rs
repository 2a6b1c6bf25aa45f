//! Versions of checklists, standards and plans.

use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::testing::{TestOffice, TestPerson};
use sync_core::{Hash, codec, exchange::RefRow, exchange::StreamId};

/// The built-in checklist of that id under another id, as JSON.
fn checklist(id: &str, version: u32) -> String {
    let built_in = audit_templates::find_checklist("cc-llamada", None).unwrap();
    let mut content: Value = serde_json::from_str(&built_in.canonical_json).unwrap();
    content["id"] = json!(id);
    content["version"] = json!(version);
    // Read in any order of its keys.
    content.to_string()
}

async fn store(office: &TestOffice, by: &TestPerson, kind: &str, text: &str) -> server::testing::Answer {
    office.post("/api/v1/content").by(by).json(&json!({"kind": kind, "text": text})).send().await
}

/// The ids of the rows that every device of the organization is told.
fn told(office: &TestOffice) -> Vec<String> {
    let stream = StreamId::Reference(office.org.0);
    let org = office.org;
    let page = office.app.db.read(|tx| db::feed::list(tx, org, stream, 0, 500)).unwrap();
    let rows = page.items.into_iter().filter_map(|it| it.payload);
    rows.map(|it| codec::from_cbor::<RefRow>(&it).unwrap().id).collect()
}

#[actix_web::test]
async fn a_new_organization_has_everything_built_in_released_and_its_devices_are_told_the_checklists() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let found = office.get("/api/v1/content").by(&manager).send().await.expect_json();
    let lines: Vec<String> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            assert_eq!(it["state"], "released");
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            format!("{} {} {} {}", text("kind"), text("id"), it["version"], text("hash"))
        })
        .collect();
    let mut expected: Vec<String> = audit_templates::catalogue().iter().map(|it| it.lock_line()).collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    let checklists: Vec<String> =
        audit_templates::checklists().iter().map(|it| it.sha256_hex.clone()).collect();
    assert_eq!(told(&office), checklists);
}

#[actix_web::test]
async fn a_draft_is_stored_replaced_released_and_then_never_changes() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let before = told(&office);
    let text = checklist("acme-llamada", 1);
    let stored = store(&office, &manager, "checklist", &text).await.expect_json();
    assert_eq!(
        (&stored["items"][0]["id"], &stored["items"][0]["state"]),
        (&json!("acme-llamada"), &json!("draft"))
    );
    assert_eq!(store(&office, &manager, "checklist", &text).await.expect_json(), stored);
    let address = "/api/v1/content/checklist/acme-llamada/1";
    let shown = office.get(address).by(&manager).send().await;
    let hash = Hash::of(&shown.body).to_string();
    assert_eq!(stored["items"][0]["hash"], json!(hash));
    let tag = shown.headers.get("etag").unwrap().to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{hash}\""));
    let again = office.get(address).by(&manager).header("If-None-Match", &tag).send().await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(told(&office), before);
    let release = format!("{address}/release");
    let released = office.post(&release).by(&manager).send().await.expect_json();
    assert_eq!(released["state"], "released");
    assert_eq!(told(&office).last(), Some(&hash));
    let answer = office.post(&release).by(&manager).send().await;
    assert_eq!(answer.outcome(), (409, "wrong_state".to_owned()));
    let answer = store(&office, &manager, "checklist", &text).await;
    assert_eq!(answer.outcome(), (409, "version_released".to_owned()));
    store(&office, &manager, "checklist", &checklist("acme-llamada", 2)).await.expect_json();
}

#[actix_web::test]
async fn standards_and_plans_are_read_from_yaml() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let before = told(&office);
    let standard = audit_templates::standards()[0].source_yaml.replacen("version: 1", "version: 2", 1);
    let stored = store(&office, &manager, "standard", &standard).await.expect_json();
    assert_eq!((&stored["items"][0]["id"], &stored["items"][0]["version"]), (&json!("cem-1000"), &json!(2)));
    office.post("/api/v1/content/standard/cem-1000/2/release").by(&manager).send().await.expect_json();
    let plan = audit_templates::plans()[0].source_yaml.replacen("version: 1", "version: 2", 1);
    let stored = store(&office, &manager, "plan", &plan).await.expect_json();
    assert_eq!(stored["items"][0]["kind"], "plan");
    assert_eq!(told(&office), before);
    let found = office.get("/api/v1/content?kind=standard").by(&manager).send().await.expect_json();
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn what_is_unwise_in_a_plan_is_told_to_who_stores_it() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let pool = audit_templates::find_plan("sucursal-bolsa-equipo", None).unwrap();
    let pool = pool.source_yaml.replacen("version: 1", "version: 2", 1);
    let stored = store(&office, &manager, "plan", &pool).await.expect_json();
    let warning = &stored["items"][0]["warnings"][0];
    assert_eq!(
        (&warning["field"], &warning["code"]),
        (&json!("/recognitions/0"), &json!("single_visit_recognition"))
    );
    assert!(warning["message_es"].is_string() && warning["message_en"].is_string());
}

#[actix_web::test]
async fn every_problem_of_a_file_is_told_and_nothing_is_stored() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let answer =
        store(&office, &manager, "checklist", "schema: cem-checklist/1\nid: No Good\nshoe: 1\n").await;
    assert_eq!(answer.outcome(), (422, "invalid_template".to_owned()));
    let fields: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert!(fields.contains(&"/shoe unknown_key".to_owned()), "{fields:?}");
    assert!(fields.iter().filter(|it| it.ends_with("missing_key")).count() > 1, "{fields:?}");
    let found = office.get("/api/v1/content?kind=checklist").by(&manager).send().await.expect_json();
    assert_eq!(found["items"].as_array().unwrap().len(), audit_templates::checklists().len());
}

#[actix_web::test]
async fn content_is_written_by_its_owners_only_and_another_organizations_is_not_found() {
    let office = TestOffice::open().await;
    let (manager, reviewer) = (office.person(Role::ProgrammeManager), office.person(Role::Reviewer));
    let auditor = office.person(Role::Auditor);
    store(&office, &manager, "checklist", &checklist("acme-llamada", 1)).await.expect_json();
    let address = "/api/v1/content/checklist/acme-llamada/1";
    office.get(address).by(&reviewer).send().await.expect_json();
    let release = format!("{address}/release");
    let refused = [
        store(&office, &reviewer, "checklist", &checklist("acme-llamada", 1)).await,
        office.post(&release).by(&reviewer).send().await,
        office.get(address).by(&auditor).send().await,
        office.get("/api/v1/content").by(&auditor).send().await,
    ];
    for answer in refused {
        assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
    }
    let elsewhere = office.other_organization("other");
    let stranger = office.person_of(elsewhere, &[(Role::ProgrammeManager, Scope::Organization)]);
    let unknown = [
        office.get(address).by(&stranger).send().await,
        office.post(&release).by(&stranger).send().await,
        office.get("/api/v1/content/shoe/acme-llamada/1").by(&manager).send().await,
    ];
    for answer in unknown {
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
    }
}
