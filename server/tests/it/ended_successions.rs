//! Devices that were taken out, or whose person was ended, and must go on as a new one: what they hold still arrives, set aside.

use crate::databases::Database;
use crate::exchange::{Phone, Scene, outcomes};
use serde_json::{Value, json};
use server::testing::Answer;
use sync_core::{
    AuditOps, Bytes, Head,
    exchange::{Ending, OutcomeKind, RefusalCode, Request, StreamId},
    renew::succession_bytes,
    signature::SigningKey,
};

crate::on_both![a_phone_that_was_taken_out_goes_on_as_a_new_one_and_hands_in_what_it_has_left];

impl Scene {
    /// The answer to a phone that asks to go on with the key of a number.
    async fn go_on(&self, former: &Phone, number: u8) -> Answer {
        let key = SigningKey::from_secret(&[number; 32]);
        let bytes = succession_bytes(&former.dev(), &key.public_key().device());
        let body = json!({
            "key": key.public_key(),
            "sig": Bytes::from(key.sign(&bytes)),
            "former_sig": Bytes::from(former.key.sign(&bytes)),
        });
        let call = self.office.post("/api/v1/devices/succession").bearer(&former.enrolment.token);
        call.json(&body).send().await
    }

    async fn end(&self, phone: &Phone, reason: Ending) {
        let address = match reason {
            Ending::UserEnded => format!("/api/v1/users/{}/deactivate", self.auditor.id),
            _ => format!("/api/v1/devices/{}/revoke", phone.dev()),
        };
        self.office.post(&address).by(&self.admin).send().await.expect_json();
    }
}

fn successor(former: &Phone, number: u8, answer: &Value) -> Phone {
    Phone {
        key: SigningKey::from_secret(&[number; 32]),
        enrolment: serde_json::from_value(answer.clone()).unwrap(),
        head: Head::EMPTY,
        last_hlc: former.last_hlc,
        seed: former.seed,
        ops: AuditOps::default(),
        unsent: Vec::new(),
    }
}

async fn a_phone_that_was_taken_out_goes_on_as_a_new_one_and_hands_in_what_it_has_left(database: Database) {
    let scene = Scene::over(database).await;
    for (number, reason) in [(1, Ending::DeviceRevoked), (3, Ending::UserEnded)] {
        let phone = scene.phone(number).await;
        scene.end(&phone, reason).await;
        let answer = scene.go_on(&phone, number + 1).await;
        assert_eq!(answer.status, 201, "{:?}", answer.outcome());
        // The answer was lost: asked again it is the same device.
        let again = scene.go_on(&phone, number + 1).await.expect_json();
        assert_eq!(again["dev"], answer.json()["dev"]);
        let mut new = successor(&phone, number + 1, &again);
        // Nothing is told to it.
        let idle = new.pull(StreamId::User(scene.auditor.id.0));
        let (status, refusal) = scene.refused(&new.enrolment.token, &idle).await;
        assert_eq!(
            (status, refusal.code, refusal.reason.as_str()),
            (401, RefusalCode::Unauthorized, reason.name())
        );
        for path in ["/api/v1/visits", "/api/v1/sessions/current"] {
            let asked = scene.office.get(path).bearer(&new.enrolment.token).send().await;
            assert_eq!(asked.outcome(), (401, "session_unknown".to_owned()));
        }
        // What it says again is stored, acknowledged and set aside.
        new.fill_in(scene.new_audit(), &scene.pin());
        let push = vec![new.take()];
        let response = scene.done(&new, &Request { pull: idle.pull, ..new.request(push) }).await;
        assert_eq!((response.dev_head, response.ended), (new.head, Some(reason)));
        assert_eq!(response.pull, []);
        let told = outcomes(&response);
        assert!(
            told.len() == 4
                && told.iter().all(|it| it.1 == OutcomeKind::Quarantined && it.2 == reason.name())
        );
        let devices = scene.office.get("/api/v1/devices").by(&scene.admin).send().await.expect_json();
        let named = |dev: String| {
            let all = devices["items"].as_array().unwrap();
            all.iter().find(|it| it["dev"] == json!(dev)).unwrap().clone()
        };
        let (old, listed) = (named(phone.dev().to_string()), named(new.dev().to_string()));
        assert_eq!((&listed["former"], &listed["state"]), (&old["dev"], &old["state"]));
        assert_eq!((&old["forked"], &listed["ops"]), (&json!(true), &json!(4)));
    }
}

#[actix_web::test]
async fn only_who_holds_both_keys_and_the_token_goes_on_for_a_phone_that_was_taken_out() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    scene.end(&phone, Ending::DeviceRevoked).await;
    let thief = SigningKey::from_secret(&[9; 32]);
    let token = phone.enrolment.token.clone();
    let key = SigningKey::from_secret(&[2; 32]);
    let bytes = succession_bytes(&phone.dev(), &key.public_key().device());
    let sig = Bytes::from(key.sign(&bytes));
    let forged = json!({"key": key.public_key(), "sig": sig, "former_sig": Bytes::from(thief.sign(&bytes))});
    let ask = |token: &str, body: &Value| {
        scene.office.post("/api/v1/devices/succession").bearer(token).json(body).send()
    };
    assert_eq!(ask(&token, &forged).await.fields()[0].1, "bad_proof");
    assert_eq!(ask("nobody's", &forged).await.outcome(), (401, "session_unknown".to_owned()));
    // A device of somebody else, or one that goes on for another, is not taken over.
    let other = scene.phone(3).await;
    assert_eq!(scene.go_on(&phone, 3).await.outcome(), (409, "device_known".to_owned()));
    assert!(
        scene.office.get("/api/v1/sessions/current").bearer(&other.enrolment.token).send().await.status
            == 200
    );
    // Keys cost nothing, and each could hand in as much again.
    for number in 20..36 {
        assert_eq!(scene.go_on(&phone, number).await.status, 201);
    }
    assert_eq!(scene.go_on(&phone, 36).await.outcome(), (429, "too_many_successions".to_owned()));
    assert_eq!(scene.go_on(&phone, 20).await.status, 201);
}

/// The phone asked while it was at work, and did not hear the answer.
#[actix_web::test]
async fn a_phone_that_is_taken_out_before_it_heard_that_it_may_go_on_may_only_hand_in() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let unheard = scene.go_on(&phone, 2).await.expect_json();
    scene.end(&phone, Ending::DeviceRevoked).await;
    let new = successor(&phone, 2, &scene.go_on(&phone, 2).await.expect_json());
    for token in [unheard["token"].as_str().unwrap(), &new.enrolment.token] {
        let asked = scene.office.get("/api/v1/sessions/current").bearer(token).send().await;
        assert_eq!(asked.outcome(), (401, "session_unknown".to_owned()));
    }
    let (_, refusal) = scene.refused(&new.enrolment.token, &new.request(Vec::new())).await;
    assert_eq!(refusal.reason, "device_revoked");
}

/// An administrator saw the new name in the list before the phone did.
#[actix_web::test]
async fn a_phone_whose_new_name_is_taken_out_before_it_heard_of_it_may_only_hand_in() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let unheard = successor(&phone, 2, &scene.go_on(&phone, 2).await.expect_json());
    scene.end(&unheard, Ending::DeviceRevoked).await;
    let mut new = successor(&phone, 2, &scene.go_on(&phone, 2).await.expect_json());
    let asked = scene.office.get("/api/v1/sessions/current").bearer(&new.enrolment.token).send().await;
    assert_eq!(asked.outcome(), (401, "session_unknown".to_owned()));
    new.fill_in(scene.new_audit(), &scene.pin());
    let push = vec![new.take()];
    let response = scene.done(&new, &new.request(push)).await;
    assert_eq!((response.dev_head, response.ended), (new.head, Some(Ending::DeviceRevoked)));
    assert!(outcomes(&response).iter().all(|it| it.1 == OutcomeKind::Quarantined));
    // A device that was taken out is nobody else's new name.
    let other = scene.phone(3).await;
    assert_eq!(scene.go_on(&other, 2).await.outcome(), (409, "device_known".to_owned()));
}
