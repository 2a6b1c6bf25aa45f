//! Devices that were taken out, people who were ended and rights that were taken: what still arrives is stored, set aside and
//! decided by a person; nothing is told to who may no longer read.

use crate::blobs::{blob_of, bytes_of, refusal as refusal_of};
use crate::databases::Database;
use crate::exchange::{Phone, Scene, assignment_of, banking, outcomes};
use domain::{
    access::{Role, Scope},
    ids::{AssignmentId, AuditId, BranchId, RegionId, audit_of_assignment},
};
use serde_json::{Value, json};
use server::{
    app::verify::verify,
    testing::{Answer, TestPerson},
};
use sync_core::{
    AuditOps, Bytes, Kind,
    blob::{BlobReply, BlobState},
    exchange::{Ending, OutcomeKind, RefusalCode, Request, Response, StreamId},
    hlc,
    payload::CreateValue,
};
use uuid::Uuid;

crate::on_both![
    what_a_revoked_phone_had_left_is_handed_in_set_aside_and_taken_in_by_a_person,
    what_is_dismissed_stays_out_with_its_reason,
];

impl Scene {
    async fn revoke(&self, phone: &Phone) {
        let address = format!("/api/v1/devices/{}/revoke", phone.dev());
        self.office.post(&address).by(&self.admin).send().await.expect_json();
    }

    async fn decide(&self, by: &TestPerson, audit: Uuid, verdict: &str, reason: &str) -> Answer {
        let address = format!("/api/v1/quarantine/{audit}/{verdict}");
        self.office.post(&address).by(by).json(&json!({"reason": reason})).send().await
    }

    /// Pushes and asks for all streams at once.
    async fn exchange(&self, phone: &mut Phone) -> Response {
        let push = vec![phone.take()];
        let pull = phone.pull(StreamId::User(phone.enrolment.user)).pull;
        self.done(phone, &Request { pull, ..phone.request(push) }).await
    }

    /// Reasons for which what was pushed is set aside.
    async fn aside(&self, phone: &mut Phone) -> Vec<String> {
        let response = self.exchange(phone).await;
        assert_eq!(response.dev_head, phone.head);
        let aside = outcomes(&response).into_iter().filter(|it| it.1 == OutcomeKind::Quarantined);
        aside.map(|it| it.2.to_owned()).collect()
    }

    async fn waiting(&self) -> Vec<Value> {
        let list = self.office.get("/api/v1/quarantine?open=true").by(&self.reviewer).send().await;
        list.expect_json()["items"].as_array().unwrap().clone()
    }

    fn state(&self, audit: Uuid) -> Option<String> {
        let org = self.office.org;
        let found = self.office.app.db.read(|tx| db::audits::find(tx, org, AuditId(audit))).unwrap();
        found.map(|it| it.state.as_str().to_owned())
    }
}

async fn what_a_revoked_phone_had_left_is_handed_in_set_aside_and_taken_in_by_a_person(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    phone.set(audit, 1, "A02", "no");
    phone.submit(audit, 1);
    scene.revoke(&phone).await;
    // Nothing is told to it, and nothing of others is taken from it.
    let idle = phone.pull(StreamId::User(scene.auditor.id.0));
    let (status, refusal) = scene.refused(&phone.enrolment.token, &idle).await;
    assert_eq!(
        (status, refusal.code, refusal.reason.as_str()),
        (401, RefusalCode::Unauthorized, "device_revoked")
    );
    let visits = scene.office.get("/api/v1/visits").bearer(&phone.enrolment.token).send().await;
    assert_eq!(visits.outcome(), (401, "session_unknown".to_owned()));
    // Its own work is stored, acknowledged and set aside.
    let unsent = phone.unsent.clone();
    let response = scene.exchange(&mut phone).await;
    assert_eq!((response.dev_head, response.ended), (phone.head, Some(Ending::DeviceRevoked)));
    assert!(response.pull.is_empty());
    let set_aside = [3, 4].map(|it| (it, OutcomeKind::Quarantined, "device_revoked"));
    assert_eq!(outcomes(&response), set_aside);
    assert_eq!(scene.state(audit).as_deref(), Some("in_progress"));
    // The same again changes nothing.
    let before = scene.stored();
    let again =
        phone.segment(sync_core::Head { dseq: 2, h: response_head_before(&scene, &phone) }, &unsent).0;
    let repeated = scene.done(&phone, &phone.request(vec![again])).await;
    assert_eq!((repeated.dev_head, scene.stored()), (phone.head, before));
    // An editor sees what it says, and takes it in.
    let seen = scene.office.get(&format!("/api/v1/quarantine/{audit}")).by(&scene.reviewer).send().await;
    let seen = seen.expect_json();
    assert_eq!((&seen["state"], &seen["ops"][0]["value"]), (&json!("in_progress"), &json!("no")));
    assert_eq!(
        (&seen["ops"][1]["kind"], &seen["ops"][1]["reason"]),
        (&json!("submit"), &json!("device_revoked"))
    );
    let own = scene.office.person_of(scene.office.org, &[(Role::Reviewer, Scope::Organization)]);
    let adopted = scene.decide(&own, audit, "adopt", "the auditor was asked").await.expect_json();
    assert_eq!(
        (&adopted["decision"], &adopted["state"], &adopted["ops"]),
        (&json!("adopted"), &json!("submitted"), &json!(2))
    );
    assert_eq!(scene.decide(&own, audit, "adopt", "again").await.outcome(), (404, "not_found".to_owned()));
    assert_eq!(scene.waiting().await, Vec::<Value>::new());
    let log = scene.office.get("/api/v1/audit-log").by(&scene.admin).send().await.expect_json();
    let line =
        log["items"].as_array().unwrap().iter().find(|it| it["action"] == "set_aside_adopted").unwrap();
    assert_eq!(line["actor"], format!("user:{}", own.id));
    assert!(line.to_string().contains("the auditor was asked"), "{line}");
    // The auditor's other phone reads the same visit, ranked alike, and it can be approved.
    let mut sibling = scene.phone(2).await;
    sibling.read(&scene).await;
    let (org, id) = (scene.office.org, AuditId(audit));
    let held = scene.office.app.db.read(|tx| db::audits::find_ops(tx, org, id)).unwrap().unwrap();
    assert_eq!(sibling.ops.view(), AuditOps::decode(&held).unwrap().view());
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "50.00");
}

#[actix_web::test]
async fn what_came_at_two_times_and_is_taken_in_at_once_is_ranked_alike_by_phones_and_office() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    scene.revoke(&phone).await;
    let acked = phone.head;
    // A clock ahead of its time ranks by when the office received it.
    phone.last_hlc = hlc::at_ms(u64::try_from(scene.office.clock.millis()).unwrap() + 365 * 86_400_000);
    phone.set(audit, 1, "A01", "yes");
    let first = phone.unsent.clone();
    assert_eq!(scene.aside(&mut phone).await, ["device_revoked"]);
    // It never heard the answer, wrote on and sends both again as one segment.
    scene.office.clock.advance_seconds(600);
    (phone.head, phone.unsent) = (acked, first);
    phone.set(audit, 1, "A02", "no");
    assert_eq!(scene.aside(&mut phone).await, ["device_revoked"]);
    scene.decide(&scene.reviewer, audit, "adopt", "the auditor was asked").await.expect_json();
    let mut sibling = scene.phone(2).await;
    sibling.read(&scene).await;
    let (org, id) = (scene.office.org, AuditId(audit));
    let held = scene.office.app.db.read(|tx| db::audits::find_ops(tx, org, id)).unwrap().unwrap();
    assert_eq!(sibling.ops, AuditOps::decode(&held).unwrap());
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None);
}

/// The chain hash at the second op, as the server holds it.
fn response_head_before(scene: &Scene, phone: &Phone) -> sync_core::Hash {
    let (org, dev) = (scene.office.org, phone.dev());
    scene.office.app.db.read(|tx| db::devices::find_segment(tx, org, dev, 2)).unwrap().unwrap().h
}

#[actix_web::test]
async fn more_than_a_page_of_a_visit_is_seen_and_decided_at_once() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    scene.revoke(&phone).await;
    for number in 0..1_100 {
        phone.set(audit, 1, "A01", if number % 2 == 0 { "yes" } else { "no" });
    }
    assert_eq!(scene.aside(&mut phone).await.len(), 1_100);
    let seen = scene.office.get(&format!("/api/v1/quarantine/{audit}")).by(&scene.reviewer).send().await;
    assert_eq!(seen.expect_json()["ops"].as_array().unwrap().len(), 1_100);
    let adopted = scene.decide(&scene.reviewer, audit, "adopt", "the auditor was asked").await.expect_json();
    assert_eq!(adopted["ops"], 1_100);
    assert_eq!(scene.waiting().await, Vec::<Value>::new());
}

/// A phone with a visit of two answers, one of which was changed once its auditor did no field work any more.
async fn with_one_set_aside(scene: &Scene) -> (Phone, Uuid) {
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "yes");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    let revoke = format!("/api/v1/users/{}/roles/revoke", scene.auditor.id);
    let auditor = json!({"role": "auditor"});
    scene.office.post(&revoke).by(&scene.admin).json(&auditor).send().await.expect_json();
    phone.set(audit, 1, "A02", "no");
    assert_eq!(scene.aside(&mut phone).await, ["no_field_work"]);
    (phone, audit)
}

#[actix_web::test]
async fn what_was_dismissed_is_taken_in_after_all_where_what_is_handed_in_rests_on_it() {
    let scene = Scene::open().await;
    let (mut phone, audit) = with_one_set_aside(&scene).await;
    let grant = format!("/api/v1/users/{}/roles", scene.auditor.id);
    let auditor = json!({"role": "auditor"});
    scene.office.post(&grant).by(&scene.admin).json(&auditor).send().await.expect_json();
    scene.decide(&scene.reviewer, audit, "dismiss", "not theirs to say").await.expect_json();
    phone.submit(audit, 1);
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    scene.review(audit, "claim", json!({})).await.expect_json();
    let refused = scene.review(audit, "approve", json!({})).await;
    assert_eq!(refused.fields(), [(String::new(), "content_root_mismatch".to_owned())]);
    // Their phone has it, and what was handed in says so: a changed mind is an adoption.
    scene.decide(&scene.reviewer, audit, "dismiss", "twice").await.outcome();
    let path = format!("/api/v1/quarantine/{audit}/");
    let of_dismissed = |verb: &str| {
        let call = scene.office.post(&format!("{path}{verb}")).by(&scene.reviewer);
        call.json(&json!({"reason": "it was theirs after all", "dismissed": true})).send()
    };
    let again = of_dismissed("dismiss").await.fields();
    assert_eq!(again, [("/dismissed".to_owned(), "dismissed_already".to_owned())]);
    of_dismissed("adopt").await.expect_json();
    let visit = scene.visit(audit).await;
    assert_eq!(visit["sections"][0]["items"][1]["answer"], "no");
    scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(of_dismissed("adopt").await.outcome().0, 404);
}

#[actix_web::test]
async fn an_adoption_that_comes_twice_takes_in_nothing_that_a_person_dismissed() {
    let scene = Scene::open().await;
    let (mut phone, audit) = with_one_set_aside(&scene).await;
    scene.decide(&scene.reviewer, audit, "dismiss", "invented").await.expect_json();
    phone.set(audit, 1, "A01", "no");
    assert_eq!(scene.aside(&mut phone).await, ["no_field_work"]);
    scene.decide(&scene.reviewer, audit, "adopt", "A01 is right").await.expect_json();
    assert_eq!(scene.decide(&scene.reviewer, audit, "adopt", "A01 is right").await.outcome().0, 404);
    let visit = scene.visit(audit).await;
    let answers = visit["sections"][0]["items"].as_array().unwrap().iter().map(|it| it["answer"].clone());
    assert_eq!(Vec::from_iter(answers.take(2)), ["no", "yes"]);
}

/// A phone cannot see that an op which waits for a person lies before one that it read.
#[actix_web::test]
async fn what_waits_is_not_taken_into_an_approved_visit_that_it_would_change() {
    let scene = Scene::open().await;
    let (mut phone, mut second, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "yes");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    let of_auditor = |verb: &str| format!("/api/v1/users/{}/{verb}", scene.auditor.id);
    scene.office.post(&of_auditor("deactivate")).by(&scene.admin).send().await.expect_json();
    second.write(Kind::Note, audit, 1, "A01", Some(Bytes::from("it waits")));
    assert_eq!(scene.aside(&mut second).await, ["user_ended"]);
    scene.office.post(&of_auditor("activate")).by(&scene.admin).send().await.expect_json();
    for (number, it) in (1..).zip([&mut phone, &mut second]) {
        let enrolled = Phone::enrol(&scene.office, &scene.admin, &scene.auditor, number).await;
        it.enrolment = enrolled.enrolment;
    }
    second.write(Kind::Note, audit, 1, "A02", Some(Bytes::from("it is read")));
    assert_eq!(scene.aside(&mut second).await, Vec::<String>::new());
    phone.read(&scene).await;
    phone.submit(audit, 1);
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    scene.review(audit, "claim", json!({})).await.expect_json();
    scene.review(audit, "approve", json!({})).await.expect_json();
    let approved = scene.visit(audit).await;
    let refused = scene.decide(&scene.reviewer, audit, "adopt", "why not").await;
    assert_eq!(refused.outcome(), (409, "cannot_be_adopted".to_owned()));
    assert_eq!(scene.visit(audit).await, approved);
    scene.decide(&scene.reviewer, audit, "dismiss", "it came too late").await.expect_json();
}

#[actix_web::test]
async fn a_visit_whose_beginning_was_dismissed_is_pinned_by_its_row_and_verified() {
    let scene = Scene::open().await;
    let (mut phone, mut second, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    let of_auditor = |verb: &str| format!("/api/v1/users/{}/{verb}", scene.auditor.id);
    scene.office.post(&of_auditor("deactivate")).by(&scene.admin).send().await.expect_json();
    second.create(audit, &scene.pin());
    assert_eq!(scene.aside(&mut second).await, ["user_ended"]);
    scene.decide(&scene.reviewer, audit, "dismiss", "begun elsewhere").await.expect_json();
    scene.office.post(&of_auditor("activate")).by(&scene.admin).send().await.expect_json();
    let enrolled = Phone::enrol(&scene.office, &scene.admin, &scene.auditor, 2).await;
    second.enrolment = enrolled.enrolment;
    second.set(audit, 1, "A01", "yes");
    second.set(audit, 1, "A02", "yes");
    second.submit(audit, 1);
    assert_eq!(scene.aside(&mut second).await, Vec::<String>::new());
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None);
}

async fn what_is_dismissed_stays_out_with_its_reason(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let path = format!("/api/v1/users/{}/deactivate", scene.auditor.id);
    scene.office.post(&path).by(&scene.admin).send().await.expect_json();
    assert_eq!(scene.aside(&mut phone).await, ["user_ended"; 4]);
    assert_eq!(scene.state(audit), None);
    let dismissed = scene.decide(&scene.reviewer, audit, "dismiss", "made up").await.expect_json();
    assert_eq!((&dismissed["decision"], dismissed.get("state")), (&json!("dismissed"), None));
    assert_eq!(scene.state(audit), None);
    let address = format!("/api/v1/quarantine/{audit}");
    let seen = scene.office.get(&address).by(&scene.admin).send().await.expect_json();
    let first = &seen["ops"][0];
    assert_eq!((&first["decision"], &first["why"]), (&json!("dismissed"), &json!("made up")));
    assert_eq!(first["decided_by"], json!(scene.reviewer.id));
    assert_eq!(seen["pin"]["template"], "small");
    assert_eq!(scene.decide(&scene.reviewer, audit, "dismiss", "again").await.outcome().0, 404);
}

#[actix_web::test]
async fn a_token_that_was_never_a_devices_opens_nothing_and_a_device_that_can_log_in_again_is_told_so() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.create(scene.new_audit(), &scene.pin());
    let request = phone.push();
    let (status, refusal) = scene.refused("nobody", &request).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "session_unknown"));
    scene.office.delete("/api/v1/sessions/current").bearer(&scene.auditor.token).send().await;
    let (status, refusal) = scene.refused(&scene.auditor.token, &request).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "session_unknown"));
    // Signed out, but neither it nor its person was taken out: it is enrolled again and loses nothing.
    scene.office.delete("/api/v1/sessions/current").bearer(&phone.enrolment.token).send().await;
    let (status, refusal) = scene.refused(&phone.enrolment.token, &request).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "session_unknown"));
    // The token of one phone hands in nothing of another.
    scene.revoke(&phone).await;
    let mut other = scene.phone(2).await;
    other.create(scene.new_audit(), &scene.pin());
    let foreign = other.push();
    let (status, refusal) = scene.refused(&phone.enrolment.token, &foreign).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "foreign_device"));
    // Nor what its key did not sign.
    let forged = Request { dev: phone.dev(), push: foreign.push, ..request };
    let (status, refusal) = scene.refused(&phone.enrolment.token, &forged).await;
    assert_eq!((status, refusal.reason.as_str()), (422, "bad_signature"));
    assert_eq!(scene.quarantine(), Vec::new());
}

#[actix_web::test]
async fn a_phone_that_was_taken_out_is_told_how_far_its_log_is_here_and_sends_the_photos_that_its_ops_name() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    let (known, left, other) = (bytes_of(1, 900), bytes_of(5, 900), bytes_of(9, 900));
    phone.create(audit, &scene.pin());
    phone.attach(audit, "A01", &blob_of(&known), "image/jpeg");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    let told = phone.head;
    phone.attach(audit, "A02", &blob_of(&left), "image/jpeg");
    scene.revoke(&phone).await;
    let idle = phone.request(Vec::new());
    let (status, refusal) = scene.refused(&phone.enrolment.token, &idle).await;
    assert_eq!((status, refusal.dev_head), (401, Some(told)));
    // A photo goes once an op that names it is here, and nothing else does.
    let refused = BlobState::Refused { reason: "blob_not_awaited".to_owned() };
    assert_eq!(scene.blob_state(&phone, &blob_of(&left)).await, refused);
    assert_eq!(scene.aside(&mut phone).await, ["device_revoked"]);
    for bytes in [&known, &left] {
        assert_eq!(scene.blob_state(&phone, &blob_of(bytes)).await, BlobState::Want);
        scene.upload(&phone, bytes).await;
        assert_eq!(scene.blob_state(&phone, &blob_of(bytes)).await, BlobState::Have);
    }
    let refusal = refusal_of(scene.part(&phone, &blob_of(&other), 0, &other).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (RefusalCode::NotFound, "blob_not_awaited"));
    // It reads none, not even its own, and it has a smaller day.
    let read = scene.get_blob(&phone, &blob_of(&known), "").await;
    assert_eq!(read.status.as_u16(), 401);
    let BlobReply::Done(answer) = scene.query(&phone, &[]).await else { panic!() };
    assert_eq!(answer.limits.quota_left, 200_000_000 - 1_800);
    // Taken in, the visit has its evidence.
    scene.decide(&scene.reviewer, audit, "adopt", "asked").await.expect_json();
    let mut stranger = scene.phone(2).await;
    stranger.enrolment.token = "nobody".to_owned();
    assert_eq!(refusal_of(scene.query(&stranger, &[]).await).code, RefusalCode::Unauthorized);
}

#[actix_web::test]
async fn a_phone_in_foreign_hands_fills_no_disk() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    scene.revoke(&phone).await;
    let (org, dev, now) = (scene.office.org, phone.dev(), scene.office.app.now());
    let row = move |dseq| db::quarantine::QuarantinedOp {
        dev,
        dseq,
        audit_id: AuditId(Uuid::from_u128(9)),
        reason: "device_revoked".to_owned(),
        received_at: now,
        decision: None,
        decided_at: None,
        decided_by: None,
        why: None,
    };
    let rows: Vec<_> = (1_000_000..1_020_000).map(row).collect();
    scene.office.app.db.write(move |tx| db::quarantine::append(tx, org, &rows)).unwrap();
    let request = phone.push();
    let (status, refusal) = scene.refused(&phone.enrolment.token, &request).await;
    assert_eq!((status, refusal.reason.as_str()), (429, "too_many_waiting"));
    // And it knocks no more often than others without a session.
    for _ in 0..60 {
        scene.refused(&phone.enrolment.token, &request).await;
    }
    let (status, refusal) = scene.refused(&phone.enrolment.token, &request).await;
    assert_eq!((status, refusal.reason.as_str()), (429, "too_many_requests"));
}

#[actix_web::test]
async fn who_lost_the_role_brings_what_is_set_aside_and_reads_no_checklists() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    let reference = phone.pull(StreamId::Reference(scene.office.org.0));
    assert_eq!(scene.done(&phone, &reference).await.pull.len(), 1);
    let address = format!("/api/v1/users/{}/roles", scene.auditor.id);
    let role = json!({"role": "auditor"});
    let revoke = format!("{address}/revoke");
    scene.office.post(&revoke).by(&scene.admin).json(&role).send().await.expect_json();
    phone.set(audit, 1, "A02", "no");
    assert_eq!(scene.aside(&mut phone).await, ["no_field_work"]);
    assert_eq!(scene.done(&phone, &reference).await.pull.len(), 0);
    let a02 = |visit: &Value| visit["sections"][0]["items"][1]["answer"].clone();
    assert_eq!(a02(&scene.visit(audit).await), Value::Null);
    scene.decide(&scene.reviewer, audit, "adopt", "written before").await.expect_json();
    assert_eq!(a02(&scene.visit(audit).await), json!("no"));
    // With the role it goes on as before.
    scene.office.post(&address).by(&scene.admin).json(&role).send().await.expect_json();
    phone.set(audit, 1, "A02", "yes");
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    assert_eq!(a02(&scene.visit(audit).await), json!("yes"));
}

#[actix_web::test]
async fn what_comes_from_a_branch_that_was_moved_out_of_reach_is_set_aside() {
    let scene = Scene::open().await;
    let region = |code: &str| json!({"code": code, "name": code});
    let put = scene.office.put("/api/v1/regions").by(&scene.manager).json(&json!([region("N"), region("S")]));
    let regions = put.send().await.expect_json();
    let north = RegionId(regions["items"][0]["id"].as_str().unwrap().parse().unwrap());
    let move_to = |code: &str| {
        let row = json!([{"code": "B1", "name": "B1", "zone": "America/Bogota", "region_code": code}]);
        scene.office.put("/api/v1/branches").by(&scene.manager).json(&row)
    };
    move_to("N").send().await.expect_json();
    let auditor = scene.office.person_of(scene.office.org, &[(Role::Auditor, Scope::Region(north))]);
    let mut phone = Phone::enrol(&scene.office, &scene.admin, &auditor, 1).await;
    let audit = scene.new_audit();
    phone.create(audit, &scene.pin());
    assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
    move_to("S").send().await.expect_json();
    phone.set(audit, 1, "A01", "yes");
    assert_eq!(scene.aside(&mut phone).await, ["no_field_work"]);
    // Who reviews elsewhere does not decide it.
    let here = Scope::Branch(BranchId(scene.branch));
    let beside = scene.office.person_of(scene.office.org, &[(Role::Reviewer, Scope::Region(north))]);
    assert_eq!(scene.decide(&beside, audit, "adopt", "x").await.outcome().0, 403);
    let both = [(Role::Reviewer, here)];
    let reviewer = scene.office.person_of(scene.office.org, &both);
    scene.decide(&reviewer, audit, "adopt", "moved meanwhile").await.expect_json();
}

#[actix_web::test]
async fn a_visit_of_an_assignment_that_was_withdrawn_or_is_not_known_is_taken_in_by_a_person() {
    let scene = Scene::open().await;
    let id = assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let cancel = format!("/api/v1/assignments/{id}/cancel");
    scene
        .office
        .post(&cancel)
        .by(&scene.manager)
        .json(&json!({"reason": "closed"}))
        .send()
        .await
        .expect_json();
    // A copy of before the offer does not know it.
    let unknown = scene.new_audit();
    let template = "ms-banco-sucursal".to_owned();
    for (number, (id, reason)) in
        [(id, "assignment_withdrawn"), (unknown, "unknown_assignment")].into_iter().enumerate()
    {
        let audit = audit_of_assignment(AssignmentId(id)).0;
        let mut phone = scene.phone(u8::try_from(number).unwrap() + 1).await;
        let pin = CreateValue {
            template: template.clone(),
            content_hash: banking(),
            assignment: Some(id),
            ..scene.pin()
        };
        phone.create(audit, &pin);
        phone.set(audit, 1, "A01", "yes");
        assert_eq!(scene.aside(&mut phone).await, [reason, reason]);
        let adopted = scene.decide(&scene.reviewer, audit, "adopt", "it took place").await.expect_json();
        assert_eq!(adopted["state"], "in_progress");
        // From here on it is a visit like any other, also from a second phone.
        phone.set(audit, 1, "A02", "no");
        assert_eq!(scene.aside(&mut phone).await, Vec::<String>::new());
        let mut second = scene.phone(u8::try_from(number).unwrap() + 11).await;
        second.create(audit, &pin);
        assert_eq!(scene.aside(&mut second).await, Vec::<String>::new());
    }
}

#[actix_web::test]
async fn what_cannot_be_read_as_a_visit_is_not_taken_in_and_nobody_takes_in_the_own() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &CreateValue { branch: scene.new_audit(), ..scene.pin() });
    assert_eq!(scene.aside(&mut phone).await, ["unknown_branch"]);
    let refused = scene.decide(&scene.reviewer, audit, "adopt", "x").await;
    assert_eq!(refused.outcome(), (409, "cannot_be_adopted".to_owned()));
    assert!(String::from_utf8_lossy(&refused.body).contains("unknown_branch"));
    assert_eq!(scene.waiting().await.len(), 1);
    let both = [(Role::Reviewer, Scope::Organization), (Role::Auditor, Scope::Organization)];
    let two_hats = scene.office.person_of(scene.office.org, &both);
    let mut theirs = Phone::enrol(&scene.office, &scene.admin, &two_hats, 2).await;
    let own = scene.new_audit();
    theirs.write(Kind::Note, own, 1, "", Some(sync_core::Bytes::from("x")));
    assert_eq!(scene.aside(&mut theirs).await, ["audit_without_create"]);
    for verdict in ["adopt", "dismiss"] {
        assert_eq!(scene.decide(&two_hats, own, verdict, "x").await.outcome(), (403, "own_visit".to_owned()));
    }
    assert_eq!(scene.decide(&scene.reviewer, own, "dismiss", "").await.outcome().0, 422);
}
