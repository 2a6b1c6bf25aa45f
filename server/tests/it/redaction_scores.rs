//! What a redaction takes out of frozen scores: the answers that they were made of, and no others.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use serde_json::{Value, json};
use server::app::verify::verify;
use uuid::Uuid;

crate::on_both![an_answer_that_was_given_anew_after_a_redaction_stays_in_the_score_that_it_made];

impl Scene {
    /// What the explanation of a frozen score says that an item was answered with, and by which rule.
    async fn explained(&self, audit: Uuid, version: usize, item: &str) -> (Value, Value) {
        let address = format!("/api/v1/visits/{audit}/scores");
        let scores = self.office.get(&address).by(&self.reviewer).send().await.expect_json();
        let steps = scores[version]["score"]["explain"].as_array().unwrap().clone();
        let step = steps.into_iter().find(|it| it["item"] == item).unwrap();
        (step["answer"].clone(), step["rule"].clone())
    }

    async fn takes_out(&self, audit: Uuid, field: &str) {
        let order = json!({"fields": [field], "reason": "se pidio suprimirlo"});
        self.review(audit, "redact", order).await.expect_json();
        let report = verify(&self.office.app, None, &mut |_| ()).unwrap();
        assert_eq!(report.fault, None, "after {field}");
    }

    async fn approves(&self, audit: Uuid) {
        self.review(audit, "claim", json!({})).await.expect_json();
        self.review(audit, "approve", json!({})).await.expect_json();
    }
}

async fn hand_in(scene: &Scene, phone: &mut Phone, audit: Uuid, round: u32) {
    phone.submit(audit, round);
    let request = phone.push();
    scene.done(phone, &request).await;
}

async fn an_answer_that_was_given_anew_after_a_redaction_stays_in_the_score_that_it_made(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    phone.set(audit, 1, "A02#comment", "a name");
    hand_in(&scene, &mut phone, audit, 1).await;
    scene.takes_out(audit, "A01").await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    let order = json!({"items": [{"item": "A01", "reason": "again"}], "deadline": "2026-11-25T00:00:00Z"});
    scene.review(audit, "return", order).await.expect_json();
    phone.read(&scene).await;
    phone.set(audit, 2, "A01", "no");
    hand_in(&scene, &mut phone, audit, 2).await;
    scene.approves(audit).await;
    let before = scene.explained(audit, 0, "A01").await;
    assert_eq!(before.0, "no");
    scene.takes_out(audit, "A02#comment").await;
    assert_eq!(scene.explained(audit, 0, "A01").await, before);
    scene.takes_out(audit, "A02").await;
    assert_eq!(scene.explained(audit, 0, "A01").await, before);
    assert_eq!(scene.explained(audit, 0, "A02").await, (Value::Null, json!("redacted")));
    scene.takes_out(audit, "A01").await;
    assert_eq!(scene.explained(audit, 0, "A01").await, (Value::Null, json!("redacted")));
}
