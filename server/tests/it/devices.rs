//! Devices: codes, enrolment, taking out.

use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};
use sync_core::{Bytes, ingest::EnrolmentRequest, ingest::enrolment_bytes, signature::SigningKey};

pub(crate) async fn code(office: &TestOffice, admin: &TestPerson, user: &TestPerson, kind: &str) -> String {
    let body = json!({"user": user.id, "kind": kind});
    let issued = office.post("/api/v1/devices/codes").by(admin).json(&body).send().await.expect_json();
    issued["code"].as_str().unwrap().to_owned()
}

pub(crate) fn request(key: &SigningKey, code: &str, kind: &str) -> Value {
    let public = key.public_key();
    let sig = Bytes::from(key.sign(&enrolment_bytes(&public.device(), code)));
    let (code, kind) = (code.to_owned(), kind.to_owned());
    let request = EnrolmentRequest { code, key: public, kind, sig, former: None };
    serde_json::to_value(request).unwrap()
}

pub(crate) async fn enrol(office: &TestOffice, body: &Value) -> Answer {
    office.post("/api/v1/devices/enrol").json(body).send().await
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_secret(&[number; 32])
}

#[actix_web::test]
async fn a_device_is_enrolled_by_a_code_and_works_as_its_person() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let code = code(&office, &admin, &auditor, "phone").await;
    let enrolled = enrol(&office, &request(&key(1), &code, "phone")).await.expect_json();
    let read: sync_core::ingest::Enrolment = serde_json::from_value(enrolled.clone()).unwrap();
    assert_eq!((read.org, read.user), (office.org.0, auditor.id.0));
    let dev = key(1).public_key().device().to_string();
    assert_eq!(enrolled["dev"], dev);
    let whoami = office.get("/api/v1/sessions/current").bearer(&read.token).send().await.expect_json();
    assert_eq!((&whoami["user"], &whoami["device"]), (&json!(auditor.id), &json!(dev)));
    let listed = office.get("/api/v1/devices").by(&admin).send().await.expect_json();
    let mut kinds: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["kind"].as_str().unwrap(), &it["ops"]))
        .collect();
    kinds.sort_unstable_by_key(|it| it.0);
    assert_eq!(kinds, [("phone", &json!(0)), ("server", &json!(0))]);
}

#[actix_web::test]
async fn a_code_serves_once_in_its_time_and_for_its_kind() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let used = code(&office, &admin, &auditor, "phone").await;
    let refused = enrol(&office, &request(&key(1), &used, "import")).await;
    assert_eq!(refused.outcome(), (401, "code_not_valid".to_owned()));
    enrol(&office, &request(&key(1), &used, "phone")).await.expect_json();
    let again = enrol(&office, &request(&key(2), &used, "phone")).await;
    assert_eq!(again.outcome(), (401, "code_not_valid".to_owned()));
    let late = code(&office, &admin, &auditor, "phone").await;
    office.clock.advance_seconds(72 * 3600);
    let refused = enrol(&office, &request(&key(3), &late, "phone")).await;
    assert_eq!(refused.outcome(), (401, "code_not_valid".to_owned()));
    let unknown = enrol(&office, &request(&key(4), "AAAA-BBBB-CCCC", "phone")).await;
    assert_eq!(unknown.outcome(), (401, "code_not_valid".to_owned()));
}

#[actix_web::test]
async fn a_key_or_a_proof_that_does_not_hold_uses_no_code_up() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let code = code(&office, &admin, &auditor, "phone").await;
    let good = request(&key(1), &code, "phone");
    let mut short_key = good.clone();
    short_key["key"]["key"] = json!("x:0102");
    assert_eq!(enrol(&office, &short_key).await.fields()[0].1, "bad_public_key");
    let mut stolen_key = good.clone();
    stolen_key["key"] = serde_json::to_value(key(2).public_key()).unwrap();
    assert_eq!(enrol(&office, &stolen_key).await.fields()[0].1, "bad_proof");
    let mut unknown_algorithm = good.clone();
    unknown_algorithm["key"]["alg"] = json!(9);
    assert_eq!(enrol(&office, &unknown_algorithm).await.fields()[0].1, "wrong_shape");
    let mut unknown_kind = good.clone();
    unknown_kind["kind"] = json!("fridge");
    assert_eq!(enrol(&office, &unknown_kind).await.fields()[0].1, "wrong_shape");
    enrol(&office, &good).await.expect_json();
}

#[actix_web::test]
async fn a_device_that_comes_again_gets_a_new_session_unless_it_is_somebody_elses() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let first = code(&office, &admin, &auditor, "phone").await;
    let first = enrol(&office, &request(&key(1), &first, "phone")).await.expect_json();
    let second = code(&office, &admin, &auditor, "phone").await;
    let second = enrol(&office, &request(&key(1), &second, "phone")).await.expect_json();
    let whoami = |token: &Value| office.get("/api/v1/sessions/current").bearer(token.as_str().unwrap());
    assert_eq!(whoami(&first["token"]).send().await.outcome(), (401, "session_unknown".to_owned()));
    whoami(&second["token"]).send().await.expect_json();
    let other = office.person(Role::Auditor);
    let third = code(&office, &admin, &other, "phone").await;
    let refused = enrol(&office, &request(&key(1), &third, "phone")).await;
    assert_eq!(refused.outcome(), (409, "device_known".to_owned()));
}

#[actix_web::test]
async fn a_device_that_was_taken_out_cannot_come_in_nor_back() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let first = code(&office, &admin, &auditor, "phone").await;
    let enrolled = enrol(&office, &request(&key(1), &first, "phone")).await.expect_json();
    let address = format!("/api/v1/devices/{}/revoke", enrolled["dev"].as_str().unwrap());
    let stranger = office.person(Role::Auditor);
    assert_eq!(office.post(&address).by(&stranger).send().await.outcome(), (403, "forbidden".to_owned()));
    for _ in 0..2 {
        let revoked = office.post(&address).by(&admin).send().await.expect_json();
        assert_eq!(revoked["state"], "revoked");
    }
    let token = enrolled["token"].as_str().unwrap();
    let answer = office.get("/api/v1/sessions/current").bearer(token).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
    let again = code(&office, &admin, &auditor, "phone").await;
    let refused = enrol(&office, &request(&key(1), &again, "phone")).await;
    assert_eq!(refused.outcome(), (409, "device_known".to_owned()));
}

#[actix_web::test]
async fn codes_are_for_auditors_of_the_own_organization() {
    let office = TestOffice::open().await;
    let (admin, reviewer) = (office.person(Role::Admin), office.person(Role::Reviewer));
    let issue = |user: &TestPerson| {
        let body = json!({"user": user.id, "kind": "phone"});
        office.post("/api/v1/devices/codes").by(&admin).json(&body)
    };
    assert_eq!(issue(&reviewer).send().await.fields(), [("/user".to_owned(), "not_an_auditor".to_owned())]);
    let elsewhere = office.other_organization("other");
    let stranger = office.person_of(elsewhere, &[(Role::Auditor, Scope::Organization)]);
    assert_eq!(issue(&stranger).send().await.outcome(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn a_person_sees_the_own_devices_and_no_others() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let first = code(&office, &admin, &auditor, "phone").await;
    let enrolled = enrol(&office, &request(&key(1), &first, "phone")).await.expect_json();
    let own = format!("/api/v1/devices?user={}", auditor.id);
    let listed = office.get(&own).by(&auditor).send().await.expect_json();
    assert_eq!(listed["items"][0]["dev"], enrolled["dev"]);
    assert_eq!(office.get("/api/v1/devices").by(&auditor).send().await.outcome().0, 403);
    let elsewhere = office.other_organization("other");
    let stranger = office.person_of(elsewhere, &[(Role::Admin, Scope::Organization)]);
    let listed = office.get("/api/v1/devices").by(&stranger).send().await.expect_json();
    let kinds: Vec<_> = listed["items"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, [&json!("server")]);
    let address = format!("/api/v1/devices/{}/revoke", enrolled["dev"].as_str().unwrap());
    assert_eq!(office.post(&address).by(&stranger).send().await.outcome().0, 404);
}

#[actix_web::test]
async fn the_servers_own_device_cannot_be_taken_out() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let org = office.org;
    let all = office.app.db.read(|tx| db::devices::list(tx, org, None, None, 10)).unwrap().items;
    let own = all.iter().find(|it| it.kind == db::devices::DeviceKind::Server).unwrap();
    let answer = office.post(&format!("/api/v1/devices/{}/revoke", own.dev)).by(&admin).send().await;
    assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
    let answer = office.post("/api/v1/devices/12/revoke").by(&admin).send().await;
    assert_eq!(answer.fields(), [("/dev".to_owned(), "wrong_shape".to_owned())]);
}

#[actix_web::test]
async fn what_a_device_does_stands_in_the_log_with_its_name() {
    let office = TestOffice::open().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let code = code(&office, &admin, &auditor, "phone").await;
    let enrolled = enrol(&office, &request(&key(1), &code, "phone")).await.expect_json();
    let token = enrolled["token"].as_str().unwrap();
    office.delete("/api/v1/sessions/current").bearer(token).send().await;
    let log = office.get("/api/v1/audit-log").by(&admin).send().await.expect_json();
    let last = log["items"].as_array().unwrap().last().unwrap().clone();
    let device = key(1).public_key().device();
    assert_eq!(last["actor"], format!("user:{}/device:{device}", auditor.id));
}
