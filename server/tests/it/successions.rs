//! Devices that go on in place of a former one: only with both keys, or with a code for the same person, and only for one's own.

use crate::databases::Database;
use domain::access::Role;
use serde_json::{Value, json};
use server::testing::{TestOffice, TestPerson};
use sync_core::{
    Bytes, DeviceId,
    ingest::{EnrolmentRequest, enrolment_bytes},
    renew::succession_bytes,
    signature::SigningKey,
};

crate::on_both![a_new_device_goes_on_with_both_keys_and_the_former_one_is_marked_and_stays];

fn key(number: u8) -> SigningKey {
    SigningKey::from_secret(&[number; 32])
}

fn dev(number: u8) -> DeviceId {
    key(number).public_key().device()
}

async fn enrol(office: &TestOffice, person: &TestPerson, number: u8, former: Option<DeviceId>) -> Value {
    let admin = office.person(Role::Admin);
    let body = json!({"user": person.id, "kind": "phone"});
    let issued = office.post("/api/v1/devices/codes").by(&admin).json(&body).send().await.expect_json();
    let code = issued["code"].as_str().unwrap().to_owned();
    let sig = Bytes::from(key(number).sign(&enrolment_bytes(&dev(number), &code)));
    let kind = "phone".to_owned();
    let request = EnrolmentRequest { code, key: key(number).public_key(), kind, sig, former };
    let answer = office.post("/api/v1/devices/enrol").json(&json!(request)).send().await;
    if answer.status == 201 { answer.expect_json() } else { json!(answer.fields()[0].1) }
}

/// The request of `new` to go on for `former`, each signature by the key of a number.
fn succession(former: u8, new: u8, sig: u8, former_sig: u8) -> Value {
    let bytes = succession_bytes(&dev(former), &dev(new));
    let by = |number: u8| Bytes::from(key(number).sign(&bytes));
    json!({"key": key(new).public_key(), "sig": by(sig), "former_sig": by(former_sig)})
}

async fn a_new_device_goes_on_with_both_keys_and_the_former_one_is_marked_and_stays(database: Database) {
    let office = database.office().await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let first = enrol(&office, &auditor, 1, None).await;
    let token = first["token"].as_str().unwrap();
    let ask = |body: Value| office.post("/api/v1/devices/succession").bearer(token).json(&body).send();
    for forged in [succession(1, 2, 3, 1), succession(1, 2, 2, 2), succession(3, 2, 2, 3)] {
        assert_eq!(ask(forged).await.fields()[0].1, "bad_proof");
    }
    let second = ask(succession(1, 2, 2, 1)).await.expect_json();
    assert_eq!((&second["dev"], &second["user"]), (&json!(dev(2).to_string()), &json!(auditor.id)));
    // The answer was lost: asked again it is the same device with a new token.
    let again = ask(succession(1, 2, 2, 1)).await.expect_json();
    assert_eq!(again["dev"], second["dev"]);
    let whoami =
        |token: &Value| office.get("/api/v1/sessions/current").bearer(token.as_str().unwrap()).send();
    assert_eq!(whoami(&again["token"]).await.expect_json()["device"], second["dev"]);
    assert_eq!(whoami(&first["token"]).await.expect_json()["device"], json!(dev(1).to_string()));
    let listed = office.get("/api/v1/devices").by(&admin).send().await.expect_json();
    let of = |number: u8| {
        let dev = json!(dev(number).to_string());
        listed["items"].as_array().unwrap().iter().find(|it| it["dev"] == dev).unwrap().clone()
    };
    assert_eq!((&of(1)["forked"], &of(1)["former"]), (&json!(true), &Value::Null));
    assert_eq!((&of(2)["forked"], &of(2)["former"]), (&json!(false), &json!(dev(1).to_string())));
}

#[actix_web::test]
async fn a_persons_session_has_no_successor() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let asked =
        office.post("/api/v1/devices/succession").by(&admin).json(&succession(1, 2, 2, 1)).send().await;
    assert_eq!(asked.outcome(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn a_former_device_that_an_office_made_from_a_copy_never_knew_keeps_nobody_out() {
    let office = TestOffice::open().await;
    let auditor = office.person(Role::Auditor);
    let renewed = enrol(&office, &auditor, 3, Some(dev(9))).await;
    assert_eq!(renewed["dev"], json!(dev(3).to_string()));
    let admin = office.person(Role::Admin);
    let listed = office.get("/api/v1/devices").by(&admin).send().await.expect_json();
    let all = listed["items"].as_array().unwrap();
    assert!(all.iter().all(|it| it["former"].is_null() && it["dev"] != json!(dev(9).to_string())), "{all:?}");
}

#[actix_web::test]
async fn a_lost_key_is_gone_on_for_with_a_code_and_only_within_ones_own_devices() {
    let office = TestOffice::open().await;
    let (one, other) = (office.person(Role::Auditor), office.person(Role::Auditor));
    enrol(&office, &one, 1, None).await;
    assert_eq!(enrol(&office, &other, 2, Some(dev(1))).await, json!("unknown_former"));
    assert_eq!(enrol(&office, &one, 4, Some(dev(4))).await, json!("unknown_former"));
    let renewed = enrol(&office, &one, 5, Some(dev(1))).await;
    assert_eq!(renewed["dev"], json!(dev(5).to_string()));
    let admin = office.person(Role::Admin);
    let listed = office.get("/api/v1/devices").by(&admin).send().await.expect_json();
    let mut former = listed["items"].as_array().unwrap().iter().filter(|it| it["former"].is_string());
    assert_eq!(former.next().unwrap()["former"], json!(dev(1).to_string()));
    assert_eq!(former.next(), None);
}
