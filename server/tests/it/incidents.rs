//! Reports of incidents: taken from a device in whatever state it is, answered the same again, seen by custodians alone, each look with
//! its reason.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use domain::{
    access::{Role, Scope},
    ids::{BranchId, IncidentId},
    incident::{IncidentKind, Report},
};
use serde_json::{Value, json};
use server::{
    app::{incidents, verify::verify},
    testing::{Answer, TestPerson},
};
use sync_core::{
    Bytes, DeviceId,
    exchange::{Body, StreamId},
    incident::{IncidentRequest, MAX_BODY_BYTES, SealedFor, key_id, key_pair},
    reference::{INCIDENT_KEY, IncidentKeyRow},
};
use uuid::Uuid;

crate::on_both![
    a_report_is_taken_once_and_the_same_again_is_answered_the_same,
    every_look_and_every_step_stands_in_the_log_of_custody_with_who_when_and_why,
    a_new_key_takes_the_place_of_the_former_one_and_phones_are_told,
];

const WORDS: &str = "Me pidieron dinero en la ventanilla 3";

pub(crate) fn report(scene: &Scene) -> Report {
    Report {
        id: IncidentId(scene.office.app.environment.new_id()),
        kind: IncidentKind::Bribe,
        left: true,
        text: WORDS.to_owned(),
        at_ms: 1_795_262_400_000,
        zone: "America/Bogota".to_owned(),
        position: None,
        visit: None,
        assignment: None,
        branch: Some(BranchId(scene.branch)),
    }
}

fn signed(phone: &Phone, mut request: IncidentRequest) -> IncidentRequest {
    let bytes = request.signed_bytes(&phone.enrolment.org, &phone.dev());
    request.sig = Bytes::from(phone.key.sign(&bytes));
    request
}

pub(crate) fn plain(phone: &Phone, report: &Report) -> IncidentRequest {
    let body = Bytes::from(report.to_json().as_str());
    signed(
        phone,
        IncidentRequest { id: report.id.0, dev: phone.dev(), key: None, body, sig: Bytes::default() },
    )
}

fn sealed(phone: &Phone, report: &Report, public: &[u8; 32]) -> IncidentRequest {
    let of = SealedFor { org: phone.enrolment.org, id: report.id.0, dev: phone.dev() };
    let body = Bytes::from(of.seal(public, report.to_json().as_bytes(), [9; 32]).unwrap());
    signed(phone, IncidentRequest { key: Some(key_id(public)), body, ..plain(phone, report) })
}

impl Scene {
    pub(crate) async fn hand_report_in(&self, token: &str, request: &IncidentRequest) -> Answer {
        self.office.post("/api/v1/incidents").bearer(token).json(request).send().await
    }

    fn custodian(&self) -> TestPerson {
        self.office.person(Role::IncidentCustodian)
    }

    async fn listed(&self, by: &TestPerson, query: &str) -> Value {
        // Entries of one millisecond stand in no order.
        self.office.clock.advance_seconds(1);
        let found = self.office.get(&format!("/api/v1/incidents{query}")).by(by).send().await;
        found.expect_json()["items"].clone()
    }

    async fn step(&self, by: &TestPerson, id: Uuid, step: &str, body: Value) -> Answer {
        self.office.clock.advance_seconds(1);
        self.office.post(&format!("/api/v1/incidents/{id}/{step}")).by(by).json(&body).send().await
    }

    async fn log_of_custody(&self, by: &TestPerson, id: Uuid) -> Vec<(String, String, Value)> {
        let found = self.office.get(&format!("/api/v1/incidents/{id}/custody")).by(by).send().await;
        let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
        let lines = found.expect_json()["items"].as_array().unwrap().clone();
        lines.iter().map(|it| (text(it, "action"), text(it, "actor"), it["reason"].clone())).collect()
    }
}

async fn a_report_is_taken_once_and_the_same_again_is_answered_the_same(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let (report, token) = (report(&scene), phone.enrolment.token.clone());
    let (secret, public) = key_pair(&[5; 32]);
    let request = sealed(&phone, &report, &public);
    let first = scene.hand_report_in(&token, &request).await.expect_json();
    assert_eq!(first["id"], json!(report.id));
    scene.office.clock.advance_seconds(60);
    assert_eq!(scene.hand_report_in(&token, &request).await.expect_json(), first);
    let other = sealed(&phone, &Report { text: "Otra cosa".to_owned(), ..report.clone() }, &public);
    assert_eq!(scene.hand_report_in(&token, &other).await.outcome(), (409, "incident_differs".to_owned()));
    // Another person who learned the id learns nothing by it.
    let stranger = scene.office.person(Role::Auditor);
    let of_stranger = Phone::enrol(&scene.office, &scene.admin, &stranger, 7).await;
    let again = signed(&of_stranger, request.clone());
    let refused = scene.hand_report_in(&of_stranger.enrolment.token, &again).await;
    assert_eq!(refused.outcome(), (409, "incident_differs".to_owned()));

    let custodian = scene.custodian();
    let listed = scene.listed(&custodian, "").await;
    let expected = json!([{
        "id": report.id, "received_at": first["received_at"], "state": "received", "key": key_id(&public),
    }]);
    assert_eq!(listed, expected);
    let opened = scene.step(&custodian, report.id.0, "open", json!({"reason": "turno"})).await.expect_json();
    assert_eq!((&opened["user"], &opened["report"]), (&json!(scene.auditor.id), &Value::Null));
    let bytes: Bytes =
        serde_json::from_value(json!(format!("x:{}", opened["sealed"].as_str().unwrap()))).unwrap();
    let of = SealedFor {
        org: serde_json::from_value(opened["organization"].clone()).unwrap(),
        id: report.id.0,
        dev: opened["dev"].as_str().unwrap().parse::<DeviceId>().unwrap(),
    };
    assert_eq!(Report::parse(&of.open(&secret, &bytes).unwrap()).unwrap(), report);
}

async fn every_look_and_every_step_stands_in_the_log_of_custody_with_who_when_and_why(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let report = report(&scene);
    scene.hand_report_in(&phone.enrolment.token, &plain(&phone, &report)).await.expect_json();
    let (custodian, id) = (scene.custodian(), report.id.0);
    let who = format!("user:{}", custodian.id);

    assert_eq!(scene.listed(&custodian, "?state=closed").await, json!([]));
    assert_eq!(scene.listed(&custodian, "?state=received").await.as_array().unwrap().len(), 1);
    for blank in [json!({}), json!({"reason": "  "})] {
        assert_eq!(scene.step(&custodian, id, "open", blank).await.status, 422);
    }
    let reason = json!({"reason": "Llamó la auditora"});
    let opened = scene.step(&custodian, id, "open", reason).await.expect_json();
    assert_eq!(opened["report"]["text"], WORDS);
    let closed = json!({"state": "closed", "note": "nada"});
    assert_eq!(
        scene.step(&custodian, id, "state", closed.clone()).await.outcome(),
        (409, "not_now".to_owned())
    );
    let in_hand = json!({"state": "in_hand", "note": "Se avisa a integridad"});
    let now = scene.step(&custodian, id, "state", in_hand.clone()).await.expect_json();
    assert_eq!(now["state"], "in_hand");
    assert_eq!(scene.step(&custodian, id, "state", in_hand).await.status, 409);
    scene.step(&custodian, id, "state", closed).await.expect_json();

    let line = |action: &str, reason: &str| (action.to_owned(), who.clone(), json!(reason));
    let expected = [
        ("received".to_owned(), "system:incident_lane".to_owned(), Value::Null),
        ("listed".to_owned(), who.clone(), Value::Null),
        line("opened", "Llamó la auditora"),
        line("in_hand", "Se avisa a integridad"),
        line("closed", "nada"),
    ];
    assert_eq!(scene.log_of_custody(&custodian, id).await, expected);

    // The audit log has each of it too, and neither whose it is nor a word of it.
    let log = scene.office.get("/api/v1/audit-log?limit=1000").by(&scene.admin).send().await.expect_json();
    let about: Vec<&Value> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["action"].as_str().unwrap().starts_with("incident"))
        .collect();
    let actions: Vec<&str> = about.iter().map(|it| it["action"].as_str().unwrap()).collect();
    let expected = [
        "incident_received",
        "incidents_listed",
        "incidents_listed",
        "incident_opened",
        "incident_handled",
        "incident_handled",
        "incident_custody_read",
    ];
    assert_eq!(actions, expected);
    let all = json!(about).to_string();
    for word in
        [WORDS, "auditora", "integridad", "nada", &scene.auditor.id.to_string(), &phone.dev().to_string()]
    {
        assert!(!all.contains(word), "{word}: {all}");
    }
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().incidents, 1);
}

async fn a_new_key_takes_the_place_of_the_former_one_and_phones_are_told(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let org = scene.office.org;
    let pairs = [1, 2].map(|it| key_pair(&[it; 32]).1);
    for public in pairs {
        scene.office.clock.advance_seconds(1);
        assert_eq!(incidents::set_key(&scene.office.app, org, public).unwrap(), key_id(&public));
    }
    let again = incidents::set_key(&scene.office.app, org, pairs[0]).unwrap_err();
    assert_eq!(again.problem().code, "already_exists");
    let keys = scene.office.app.db.read(|tx| db::incidents::list_keys(tx, org)).unwrap();
    let retired: Vec<bool> = keys.iter().map(|it| it.retired_at.is_some()).collect();
    assert_eq!(
        (keys[0].key_id, keys[1].key_id, retired),
        (key_id(&pairs[0]), key_id(&pairs[1]), vec![true, false])
    );

    let pulled = scene.done(&phone, &phone.pull(StreamId::Reference(org.0))).await;
    let rows = pulled.pull[0].items.iter().filter_map(|it| match &it.body {
        sync_core::codec::Nested::Known(Body::RefRow(row)) if row.kind == INCIDENT_KEY => row.json.clone(),
        _ => None,
    });
    let told: Vec<IncidentKeyRow> = rows.map(|it| serde_json::from_slice(&it).unwrap()).collect();
    assert_eq!(told.last().unwrap().key, Bytes::from(pairs[1].as_slice()));
}

#[actix_web::test]
async fn nobody_sees_a_report_but_custodians_of_its_whole_organization() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let report = report(&scene);
    scene.hand_report_in(&phone.enrolment.token, &plain(&phone, &report)).await.expect_json();
    let (office, org, id) = (&scene.office, scene.office.org, report.id.0);
    let at_branch = Scope::Branch(BranchId(scene.branch));
    let everywhere = Scope::Organization;
    let mut blind: Vec<TestPerson> = Role::ALL
        .iter()
        .filter(|it| **it != Role::IncidentCustodian)
        .map(|it| office.person_of(org, &[(*it, everywhere)]))
        .collect();
    blind.push(scene.auditor.clone());
    blind.push(office.person_of(org, &[(Role::BranchManager, at_branch)]));
    blind.push(office.person_of(org, &[(Role::IncidentCustodian, at_branch)]));
    // Whoever manages the branch may be what the report is about.
    blind.push(
        office.person_of(org, &[(Role::IncidentCustodian, everywhere), (Role::BranchManager, at_branch)]),
    );
    let forbidden = (403, "forbidden".to_owned());
    for person in &blind {
        let listed = office.get("/api/v1/incidents").by(person).send().await;
        assert_eq!(listed.outcome(), forbidden, "{}", person.login);
        let custody = office.get(&format!("/api/v1/incidents/{id}/custody")).by(person).send().await;
        assert_eq!(custody.outcome(), forbidden, "{}", person.login);
        let opened = scene.step(person, id, "open", json!({"reason": "curiosidad"})).await;
        assert_eq!(opened.outcome(), forbidden, "{}", person.login);
        let handled = json!({"state": "in_hand", "note": "mío"});
        assert_eq!(scene.step(person, id, "state", handled).await.outcome(), forbidden, "{}", person.login);
    }
    let listed = office.get("/api/v1/incidents").bearer(&phone.enrolment.token).send().await;
    assert_eq!(listed.outcome(), forbidden);

    let other = office.other_organization("other");
    let foreign = office.person_of(other, &[(Role::IncidentCustodian, everywhere)]);
    assert_eq!(scene.listed(&foreign, "").await, json!([]));
    for step in ["open", "state"] {
        let body =
            if step == "open" { json!({"reason": "x"}) } else { json!({"state": "in_hand", "note": "x"}) };
        assert_eq!(scene.step(&foreign, id, step, body).await.outcome(), (404, "not_found".to_owned()));
    }
    let custody = scene.log_of_custody(&scene.custodian(), id).await;
    assert_eq!(custody.len(), 1, "nobody else came near it: {custody:?}");
}

#[actix_web::test]
async fn a_device_that_was_taken_out_an_ended_person_and_a_session_that_ran_out_still_hand_in() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let token = phone.enrolment.token.clone();
    let hand_in = async || scene.hand_report_in(&token, &plain(&phone, &report(&scene))).await.outcome();
    let fine = (200, String::new());
    assert_eq!(hand_in().await, fine);
    scene.office.clock.advance_seconds(400 * 24 * 3_600);
    assert_eq!(hand_in().await, fine);
    let address = format!("/api/v1/users/{}/deactivate", scene.auditor.id);
    let admin = scene.office.person(Role::Admin);
    scene.office.post(&address).by(&admin).send().await.expect_json();
    assert_eq!(hand_in().await, fine);
    let address = format!("/api/v1/devices/{}/revoke", phone.dev());
    scene.office.post(&address).by(&admin).send().await.expect_json();
    assert_eq!(hand_in().await, fine);
    assert_eq!(scene.listed(&scene.custodian(), "").await.as_array().unwrap().len(), 4);
    // But no more often than a door allows.
    let mut last = fine.clone();
    for _ in 0..60 {
        last = hand_in().await;
    }
    assert_eq!(last, (429, "too_many_requests".to_owned()));
}

#[actix_web::test]
async fn strangers_forgeries_and_what_is_too_much_are_refused() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let (token, fine) = (phone.enrolment.token.clone(), report(&scene));
    let outcome = async |token: &str, request: &IncidentRequest| {
        let answer = scene.hand_report_in(token, request).await;
        let field = answer.fields().first().cloned().unwrap_or_default();
        (answer.status.as_u16(), field.0, field.1)
    };
    let told = |status, field: &str, code: &str| (status, field.to_owned(), code.to_owned());
    let request = plain(&phone, &fine);
    assert_eq!(outcome("nobody", &request).await, told(401, "", "session_unknown"));
    assert_eq!(outcome(&scene.auditor.token, &request).await, told(403, "", "forbidden"));
    let sibling = scene.phone(2).await;
    assert_eq!(outcome(&sibling.enrolment.token, &request).await, told(422, "/sig", "bad_proof"));
    let unsigned = IncidentRequest { body: Bytes::from("{}"), ..request.clone() };
    assert_eq!(outcome(&token, &unsigned).await, told(422, "/sig", "bad_proof"));

    let nothing = signed(&phone, IncidentRequest { body: Bytes::from("{}"), ..request.clone() });
    assert_eq!(outcome(&token, &nothing).await, told(422, "", "not_json"));
    let long = Report { text: "ñ".repeat(10_001), ..fine.clone() };
    assert_eq!(outcome(&token, &plain(&phone, &long)).await, told(422, "/text", "too_long"));
    let id = scene.office.app.environment.new_id();
    let another = signed(&phone, IncidentRequest { id, ..request.clone() });
    assert_eq!(outcome(&token, &another).await, told(422, "/id", "invalid_incident"));
    let of_key = |id, bytes: usize| {
        let (key, body) = (Some(key_id(&[1; 32])), Bytes::from(vec![0; bytes]));
        signed(&phone, IncidentRequest { id, key, body, ..request.clone() })
    };
    assert_eq!(
        outcome(&token, &of_key(id, MAX_BODY_BYTES + 1)).await,
        told(422, "/body", "incident_too_large")
    );
    assert_eq!(outcome(&token, &of_key(Uuid::from_u128(1), 1)).await, told(422, "/id", "not_uuid_v7"));
    assert_eq!(scene.listed(&scene.custodian(), "").await, json!([]));
    assert_eq!(outcome(&token, &of_key(id, MAX_BODY_BYTES)).await.0, 200);
    // The longest text that there is fits.
    let longest = Report { text: "\u{1}".repeat(10_000), ..fine };
    let (_, public) = key_pair(&[5; 32]);
    assert_eq!(outcome(&token, &sealed(&phone, &longest, &public)).await.0, 200);

    for _ in 0..198 {
        let id = scene.office.app.environment.new_id();
        assert_eq!(outcome(&token, &of_key(id, 1)).await.0, 200);
    }
    let id = scene.office.app.environment.new_id();
    assert_eq!(outcome(&token, &of_key(id, 1)).await, told(429, "", "too_many_incidents"));
    scene.office.clock.advance_seconds(24 * 3_600 + 1);
    assert_eq!(outcome(&token, &of_key(id, 1)).await.0, 200);
}
