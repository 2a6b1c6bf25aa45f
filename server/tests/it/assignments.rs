//! Programmes, waves, and visits offered to auditors.

use domain::access::{Role, Scope};
use domain::ids::{AssignmentId, BranchId, UserId, audit_of_assignment};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};
use sync_core::reference::{Allowed, AssignmentRow, BranchRow};
use sync_core::{codec, exchange::RefRow, exchange::StreamId};
use uuid::Uuid;

/// An office with two branches and a manager.
struct Field {
    office: TestOffice,
    manager: TestPerson,
    branches: Vec<String>,
}

async fn field() -> Field {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let branch = |code: &str| json!({"code": code, "name": code, "zone": "America/Bogota"});
    let rows = json!([branch("B1"), branch("B2")]);
    let put = office.put("/api/v1/branches").by(&manager).json(&rows).send().await.expect_json();
    let branches =
        put["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    Field { office, manager, branches }
}

fn visit(branch: &str, auditor: UserId) -> Value {
    json!({
        "branch_id": branch, "auditor_id": auditor, "template": {"id": "ms-banco-sucursal", "version": 1},
        "window_from": "2026-11-20", "window_to": "2026-11-30",
    })
}

impl Field {
    async fn offer(&self, by: &TestPerson, rows: &Value) -> Answer {
        self.office.post("/api/v1/assignments").by(by).json(rows).send().await
    }

    async fn list(&self, by: &TestPerson, query: &str) -> Vec<Value> {
        let found = self.office.get(&format!("/api/v1/assignments{query}")).by(by).send().await.expect_json();
        found["items"].as_array().unwrap().clone()
    }

    /// The rows that the devices of an auditor are told.
    fn told(&self, auditor: UserId) -> Vec<RefRow> {
        let org = self.office.org;
        let page =
            self.office.app.db.read(|tx| db::feed::list(tx, org, StreamId::User(auditor.0), 0, 500)).unwrap();
        let rows = page.items.into_iter().filter(|it| it.kind == "row").filter_map(|it| it.payload);
        rows.map(|it| codec::from_cbor(&it).unwrap()).collect()
    }
}

fn json_of<T: serde::de::DeserializeOwned>(row: &RefRow) -> T {
    serde_json::from_slice(row.json.as_ref().unwrap()).unwrap()
}

#[actix_web::test]
async fn visits_are_offered_and_the_devices_of_each_auditor_are_told_with_the_branch() {
    let field = field().await;
    let (ana, leo) = (field.office.person(Role::Auditor), field.office.person(Role::Auditor));
    let rows = json!([
        visit(&field.branches[0], ana.id),
        visit(&field.branches[0], ana.id),
        visit(&field.branches[1], leo.id)
    ]);
    let done = field.offer(&field.manager, &rows).await.expect_json();
    let done = done["items"].as_array().unwrap();
    for it in done {
        let id: AssignmentId = it["id"].as_str().unwrap().parse().unwrap();
        assert_eq!((&it["state"], &it["audit_id"]), (&json!("offered"), &json!(audit_of_assignment(id))));
    }
    let told = field.told(ana.id);
    assert_eq!(
        told.iter().map(|it| it.kind.as_str()).collect::<Vec<_>>(),
        ["branch", "assignment", "assignment"]
    );
    let branch: BranchRow = json_of(&told[0]);
    assert_eq!((branch.code.as_str(), branch.zone.as_deref()), ("B1", Some("America/Bogota")));
    let row: AssignmentRow = json_of(&told[1]);
    let template = audit_templates::find_checklist("ms-banco-sucursal", Some(1)).unwrap();
    assert_eq!((row.state.as_str(), row.from.as_deref()), ("offered", Some("2026-11-20")));
    assert_eq!(row.content_hash.to_string(), template.sha256_hex);
    assert_eq!(json!(row.id), done[0]["id"]);
    assert_eq!(field.told(leo.id).len(), 2);
    assert_eq!(field.list(&field.manager, "").await.len(), 3);
    assert_eq!(field.list(&field.manager, &format!("?auditor={}", leo.id)).await.len(), 1);
    assert_eq!(field.list(&field.manager, "?state=accepted").await.len(), 0);
    assert_eq!(
        field.list(&field.manager, &format!("?state=offered&branch={}", field.branches[0])).await.len(),
        2
    );
    assert_eq!(field.list(&field.manager, "?limit=2").await.len(), 2);
}

#[actix_web::test]
async fn every_bad_row_is_named_and_nobody_is_told_anything() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let elsewhere = field.office.other_organization("other");
    let stranger = field.office.person_of(elsewhere, &[(Role::Auditor, Scope::Organization)]);
    let closed = json!([{"code": "B2", "name": "B2", "zone": "UTC", "active": false}]);
    field.office.put("/api/v1/branches").by(&field.manager).json(&closed).send().await.expect_json();
    let with = |name: &str, value: Value| {
        let mut row = visit(&field.branches[0], auditor.id);
        row[name] = value;
        row
    };
    let rows = json!([
        visit(&field.branches[0], auditor.id),
        with("branch_id", json!(auditor.id)),
        with("branch_id", json!(field.branches[1])),
        with("auditor_id", json!(field.manager.id)),
        with("auditor_id", json!(stranger.id)),
        with("template", json!({"id": "ms-banco-sucursal", "version": 9})),
        with("window_to", json!("2026-11-19")),
        with("wave_id", json!(auditor.id)),
    ]);
    let answer = field.offer(&field.manager, &rows).await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    let expected = [
        "/1/branch_id unknown_branch",
        "/2/branch_id branch_closed",
        "/3/auditor_id no_auditor",
        "/4/auditor_id no_auditor",
        "/5/template unknown_template",
        "/6/window_to ends_before_it_begins",
        "/7/wave_id unknown_wave",
    ];
    assert_eq!(found, expected);
    assert_eq!(field.told(auditor.id), []);
    assert_eq!(field.list(&field.manager, "").await, Vec::<Value>::new());
}

#[actix_web::test]
async fn a_wave_belongs_to_a_programme_and_holds_its_visits() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let post = async |address: &str, body: Value| {
        field.office.post(&format!("/api/v1/{address}")).by(&field.manager).json(&body).send().await
    };
    let programme = post("programmes", json!({"code": "P", "name": "Banca"})).await.expect_json();
    let answer = post("programmes", json!({"code": "P", "name": "Banca"})).await;
    assert_eq!(answer.outcome(), (409, "code_taken".to_owned()));
    assert_eq!(answer.fields(), [("/code".to_owned(), "code_taken".to_owned())]);
    let waves = format!("programmes/{}/waves", programme["id"].as_str().unwrap());
    let wave = |from: &str, to: &str| json!({"name": "Q4", "window_from": from, "window_to": to});
    let answer = post(&waves, wave("2026-12-01", "2026-11-30")).await;
    assert_eq!(answer.fields(), [("/window_to".to_owned(), "ends_before_it_begins".to_owned())]);
    let first = post(&waves, wave("2026-11-20", "2026-11-30")).await.expect_json();
    let listed = field.office.get("/api/v1/waves").by(&field.manager).send().await.expect_json();
    assert_eq!(listed["items"], json!([first]));
    let mut inside = visit(&field.branches[0], auditor.id);
    inside["wave_id"] = first["id"].clone();
    let mut outside = inside.clone();
    outside["window_to"] = json!("2026-12-01");
    let answer = field.offer(&field.manager, &json!([inside, outside])).await;
    assert_eq!(answer.fields(), [("/1/window_to".to_owned(), "outside_wave".to_owned())]);
    field.offer(&field.manager, &json!([inside])).await.expect_json();
    let query = format!("?wave={}", first["id"].as_str().unwrap());
    assert_eq!(field.list(&field.manager, &query).await.len(), 1);
    let elsewhere = field.office.other_organization("other");
    let stranger = field.office.person_of(elsewhere, &[(Role::ProgrammeManager, Scope::Organization)]);
    let body = wave("2026-11-20", "2026-11-30");
    let answer = field.office.post(&format!("/api/v1/{waves}")).by(&stranger).json(&body).send().await;
    assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn what_a_programme_allows_goes_to_the_phones_with_each_visit_and_again_where_it_changes() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let post = async |address: &str, body: Value| {
        field.office.post(&format!("/api/v1/{address}")).by(&field.manager).json(&body).send().await
    };
    let allowing = json!({"code": "P", "name": "Banca", "on_phones": {"preview_score": true}});
    let programme = post("programmes", allowing).await.expect_json();
    let expected = json!({"preview_score": true, "covert": true, "audio": false, "files": false});
    assert_eq!(programme["on_phones"], expected);
    let address = format!("programmes/{}", programme["id"].as_str().unwrap());
    let wave = json!({"name": "Q4", "window_from": "2026-11-20", "window_to": "2026-11-30"});
    let wave = post(&format!("{address}/waves"), wave).await.expect_json();
    let mut inside = visit(&field.branches[0], auditor.id);
    inside["wave_id"] = wave["id"].clone();
    let rows = json!([inside, visit(&field.branches[0], auditor.id), inside]);
    let done = field.offer(&field.manager, &rows).await.expect_json();
    let allowed = || -> Vec<(Uuid, Allowed)> {
        let rows = field.told(auditor.id);
        let rows = rows.iter().filter(|it| it.kind == "assignment");
        rows.map(json_of::<AssignmentRow>).map(|it| (it.id, it.allowed)).collect()
    };
    let ids: Vec<Uuid> = done["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().parse().unwrap())
        .collect();
    let preview = Allowed { preview_score: true, ..Allowed::default() };
    assert_eq!(allowed(), [(ids[0], preview), (ids[1], Allowed::default()), (ids[2], preview)]);
    let usual = field.told(auditor.id).into_iter().find(|it| it.id == ids[1].to_string()).unwrap();
    assert!(!String::from_utf8_lossy(usual.json.as_ref().unwrap()).contains("allowed"), "as it was before");
    let cancel = format!("assignments/{}/cancel", ids[2]);
    post(&cancel, json!({"reason": "flooded"})).await.expect_json();
    assert_eq!(allowed().len(), 4);
    let put = async |body: &Value| {
        let address = format!("/api/v1/{address}/on-phones");
        field.office.put(&address).by(&field.manager).json(body).send().await
    };
    let answer = put(&json!({"audio": 1, "video": true})).await;
    let fields: Vec<String> = answer.fields().into_iter().map(|it| it.0).collect();
    assert_eq!(fields, ["/audio", "/video"]);
    let changed = put(&json!({"covert": false, "audio": true})).await.expect_json();
    assert_eq!(changed["on_phones"]["preview_score"], json!(false));
    let heard = Allowed { covert: false, audio: true, ..Allowed::default() };
    assert_eq!(allowed()[4..], [(ids[0], heard)], "neither what is in no wave nor what was withdrawn");
    put(&json!({"covert": false, "audio": true})).await.expect_json();
    assert_eq!(allowed().len(), 5, "what changes nothing tells nothing");
}

#[actix_web::test]
async fn an_assignment_is_withdrawn_with_a_reason_once_and_its_auditor_is_told() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let rows = json!([visit(&field.branches[0], auditor.id)]);
    let done = field.offer(&field.manager, &rows).await.expect_json();
    let address = format!("/api/v1/assignments/{}/cancel", done["items"][0]["id"].as_str().unwrap());
    let cancel =
        |by: &TestPerson, reason: &str| field.office.post(&address).by(by).json(&json!({"reason": reason}));
    let answer = cancel(&field.manager, " ").send().await;
    assert_eq!(answer.fields(), [("/reason".to_owned(), "blank".to_owned())]);
    let elsewhere = field.office.other_organization("other");
    let stranger = field.office.person_of(elsewhere, &[(Role::ProgrammeManager, Scope::Organization)]);
    assert_eq!(cancel(&stranger, "no").send().await.outcome(), (404, "not_found".to_owned()));
    let reviewer = field.office.person(Role::Reviewer);
    assert_eq!(cancel(&reviewer, "no").send().await.outcome(), (403, "forbidden".to_owned()));
    assert_eq!(cancel(&field.manager, "branch flooded").send().await.expect_json()["state"], "void");
    let row: AssignmentRow = json_of(field.told(auditor.id).last().unwrap());
    assert_eq!(row.state, "void");
    let answer = cancel(&field.manager, "again").send().await;
    assert_eq!(answer.outcome(), (409, "visit_begun".to_owned()));
}

#[actix_web::test]
async fn a_manager_of_one_branch_offers_sees_and_withdraws_there_only() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let here = Scope::Branch(BranchId(field.branches[0].parse().unwrap()));
    let local = field.office.person_of(field.office.org, &[(Role::ProgrammeManager, here)]);
    let there = json!([visit(&field.branches[1], auditor.id)]);
    let answer = field.offer(&local, &there).await;
    assert_eq!(answer.fields(), [("/0/branch_id".to_owned(), "unknown_branch".to_owned())]);
    field.offer(&local, &json!([visit(&field.branches[0], auditor.id)])).await.expect_json();
    let done = field.offer(&field.manager, &there).await.expect_json();
    assert_eq!(field.list(&local, "").await.len(), 1);
    assert_eq!(field.list(&local, &format!("?branch={}", field.branches[1])).await.len(), 0);
    let address = format!("/api/v1/assignments/{}/cancel", done["items"][0]["id"].as_str().unwrap());
    let answer = field.office.post(&address).by(&local).json(&json!({"reason": "no"})).send().await;
    assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
    for role in [Role::Auditor, Role::Reviewer, Role::Admin] {
        let person = field.office.person(role);
        let answer = field.offer(&person, &there).await;
        assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{role}");
    }
    let answer = field.office.get("/api/v1/assignments").by(&auditor).send().await;
    assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn a_repeated_offer_with_its_key_offers_once() {
    let field = field().await;
    let auditor = field.office.person(Role::Auditor);
    let rows = json!([visit(&field.branches[0], auditor.id)]);
    let call = || field.office.post("/api/v1/assignments").by(&field.manager).key("k").json(&rows);
    let (first, again) = (call().send().await, call().send().await);
    assert_eq!(first.expect_json(), again.expect_json());
    assert_eq!(field.list(&field.manager, "").await.len(), 1);
}

#[actix_web::test]
async fn only_released_checklists_and_auditors_who_are_there_are_planned_with() {
    let field = field().await;
    let (ana, leo) = (field.office.person(Role::Auditor), field.office.person(Role::Auditor));
    let (org, gone) = (field.office.org, leo.id);
    field
        .office
        .app
        .db
        .write(move |tx| {
            use db::content::{ContentKind, append, find};
            let mut draft = find(tx, org, ContentKind::Checklist, "ms-banco-sucursal", 1)?.unwrap();
            draft.content_id = "a-draft".into();
            (draft.state, draft.released_at) = (domain::lifecycle::VersionState::Draft, None);
            append(tx, org, &draft)?;
            db::users::set_active(tx, org, gone, false)
        })
        .unwrap();
    let mut unreleased = visit(&field.branches[0], ana.id);
    unreleased["template"]["id"] = json!("a-draft");
    let answer = field.offer(&field.manager, &json!([unreleased])).await;
    assert_eq!(answer.fields(), [("/0/template".to_owned(), "unknown_template".to_owned())]);
    let answer = field.offer(&field.manager, &json!([visit(&field.branches[0], leo.id)])).await;
    assert_eq!(answer.fields(), [("/0/auditor_id".to_owned(), "no_auditor".to_owned())]);
}

#[actix_web::test]
async fn phones_know_where_a_branch_is_and_are_told_anew_when_that_changes() {
    let field = field().await;
    let (ana, leo) = (field.office.person(Role::Auditor), field.office.person(Role::Auditor));
    let put = async |code: &str, name: &str, place: Option<(&str, &str)>| {
        let mut row = json!({"code": code, "name": name, "zone": "America/Bogota"});
        if let Some((latitude, longitude)) = place {
            (row["latitude"], row["longitude"]) = (json!(latitude), json!(longitude));
        }
        field.office.put("/api/v1/branches").by(&field.manager).json(&json!([row])).send().await.expect_json()
    };
    put("B1", "B1", Some(("4.60971", "-74.08175"))).await;
    let rows = json!([visit(&field.branches[0], ana.id), visit(&field.branches[1], leo.id)]);
    field.offer(&field.manager, &rows).await.expect_json();
    let branch: BranchRow = json_of(&field.told(ana.id)[0]);
    assert_eq!((branch.lat_e7, branch.lon_e7), (Some(46_097_100), Some(-740_817_500)));
    let elsewhere: BranchRow = json_of(&field.told(leo.id)[0]);
    assert_eq!((elsewhere.lat_e7, elsewhere.lon_e7), (None, None));
    // What the phones know already is not told again.
    put("B1", "B1", Some(("4.60971", "-74.08175"))).await;
    assert_eq!(field.told(ana.id).len(), 2);
    put("B1", "Centro", None).await;
    let told = field.told(ana.id);
    let branch: BranchRow = json_of(told.last().unwrap());
    assert_eq!((told.len(), branch.name.as_str(), branch.lat_e7), (3, "Centro", Some(46_097_100)));
    assert_eq!(field.told(leo.id).len(), 2);
    // Whoever has nothing to do there any more is told nothing.
    let id = field.list(&field.manager, &format!("?auditor={}", ana.id)).await[0]["id"].clone();
    let address = format!("/api/v1/assignments/{}/cancel", id.as_str().unwrap());
    field.office.post(&address).by(&field.manager).json(&json!({"reason": "no"})).send().await.expect_json();
    let before = field.told(ana.id).len();
    put("B1", "Centro 2", None).await;
    assert_eq!(field.told(ana.id).len(), before);
}
