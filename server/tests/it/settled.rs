//! What a person decides of conflicts, late ops and ops that were set aside comes out as they decided, and for whom.

use crate::exchange::{Phone, Scene, outcomes};
use domain::{access::Role, ids::AuditId};
use serde_json::{Value, json};
use sync_core::{AuditOps, exchange::OutcomeKind, hlc};
use uuid::Uuid;

impl Scene {
    async fn hand_in(&self, phone: &mut Phone) -> Vec<OutcomeKind> {
        let request = phone.push();
        let response = self.done(phone, &request).await;
        assert_eq!(response.dev_head, phone.head);
        outcomes(&response).into_iter().map(|it| it.1).collect()
    }

    async fn take_out(&self, phone: &Phone) {
        let address = format!("/api/v1/devices/{}/revoke", phone.dev());
        self.office.post(&address).by(&self.admin).send().await.expect_json();
    }

    async fn take_in(&self, audit: Uuid, body: Value) -> Value {
        let call = self.office.post(&format!("/api/v1/quarantine/{audit}/adopt")).by(&self.reviewer);
        call.json(&body).send().await.expect_json()
    }

    fn held(&self, audit: Uuid) -> (db::audits::Audit, AuditOps) {
        let (org, id) = (self.office.org, AuditId(audit));
        let read = |tx: &mut db::Tx<'_>| -> Result<_, db::DbError> {
            Ok((db::audits::find(tx, org, id)?, db::audits::find_ops(tx, org, id)?))
        };
        let (row, ops) = self.office.app.db.read(read).unwrap();
        (row.unwrap(), AuditOps::decode(&ops.unwrap()).unwrap())
    }
}

#[actix_web::test]
async fn a_reviewer_chooses_a_late_answer_or_one_of_two_and_nothing_that_nobody_recorded() {
    let scene = Scene::open().await;
    let (mut one, mut two, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    one.create(audit, &scene.pin());
    let yes = one.set(audit, 1, "A01", "yes");
    scene.hand_in(&mut one).await;
    two.read(&scene).await;
    let ours = one.set(audit, 1, "A02", "no");
    let theirs = two.set(audit, 1, "A02", "yes");
    scene.hand_in(&mut one).await;
    scene.hand_in(&mut two).await;
    one.read(&scene).await;
    one.submit(audit, 1);
    scene.hand_in(&mut one).await;
    let late = two.set(audit, 1, "A01", "no");
    assert_eq!(scene.hand_in(&mut two).await, [OutcomeKind::Late]);
    let (row, _) = scene.held(audit);
    assert_eq!((row.open_conflicts, row.late_ops), (2, 1));
    scene.review(audit, "claim", json!({})).await.expect_json();
    let choose = |field: &str, stands: String| json!({"field": field, "stands": stands, "reason": "asked"});
    // The op that began the visit is of no conflict on an answer.
    let began = format!("{}:1", one.dev());
    let refused = scene.review(audit, "resolve", choose("A02", began)).await;
    assert_eq!(refused.fields(), [("/stands".to_owned(), "unknown_choice".to_owned())]);
    let note = json!({"ops": [format!("{}:{ours}", one.dev())], "reason": "seen"});
    let refused = scene.review(audit, "acknowledge", note).await;
    assert_eq!(refused.fields(), [("/ops/0".to_owned(), "needs_resolution".to_owned())]);
    let settled = scene.review(audit, "resolve", choose("A02", format!("{}:{theirs}", two.dev()))).await;
    assert_eq!(settled.expect_json()["open_conflicts"], 1);
    let settled = scene.review(audit, "resolve", choose("A01", format!("{}:{late}", two.dev()))).await;
    assert_eq!(settled.expect_json()["open_conflicts"], 0);
    let (row, ops) = scene.held(audit);
    assert_eq!(row.open_conflicts, 0);
    assert_eq!(usize::try_from(row.late_ops).unwrap(), ops.view().late.len());
    assert_eq!(ops.view().answer("A01"), Some(&b"\"no\""[..]));
    assert_eq!(ops.view().answer("A02"), Some(&b"\"yes\""[..]));
    assert!(yes < ours);
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "50.00");
}

#[actix_web::test]
async fn of_two_devices_that_were_taken_out_one_is_taken_in_and_the_other_waits() {
    let scene = Scene::open().await;
    let (mut one, mut two, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let mut sibling = scene.phone(3).await;
    one.create(audit, &scene.pin());
    scene.hand_in(&mut one).await;
    two.read(&scene).await;
    for phone in [&one, &two] {
        scene.take_out(phone).await;
    }
    // Both clocks are years ahead: what counts is when it came, also where somebody decides an hour later.
    for phone in [&mut one, &mut two] {
        phone.last_hlc = hlc::at_ms(2_000_000_000_000);
    }
    let taken = one.set(audit, 1, "A01", "yes");
    two.set(audit, 1, "A02", "no");
    let came_ms = u64::try_from(scene.office.clock.millis()).unwrap();
    assert_eq!(scene.hand_in(&mut one).await, [OutcomeKind::Quarantined]);
    assert_eq!(scene.hand_in(&mut two).await, [OutcomeKind::Quarantined]);
    // No stream has it before somebody vouches for it.
    let before = sibling.read(&scene).await.items.len();
    assert_eq!((before, sibling.ops.len()), (1, 1));
    scene.office.clock.advance_seconds(3_600);
    let adopted = scene.take_in(audit, json!({"reason": "asked", "dev": one.dev().to_string()})).await;
    assert_eq!(adopted["ops"], 1);
    let (_, ops) = scene.held(audit);
    let stored = ops.get(&sync_core::OpId::new(one.dev(), taken)).unwrap();
    assert_eq!(stored.eff_hlc, hlc::effective(u64::MAX, came_ms).min(stored.op.hlc));
    assert_eq!(ops.len(), 2);
    sibling.read(&scene).await;
    assert_eq!(sibling.ops.view(), ops.view());
    let waiting =
        scene.office.get("/api/v1/quarantine?open=true").by(&scene.reviewer).send().await.expect_json();
    let waiting: Vec<&Value> = waiting["items"].as_array().unwrap().iter().map(|it| &it["dev"]).collect();
    assert_eq!(waiting, [&json!(two.dev().to_string())]);
}

#[actix_web::test]
async fn what_somebody_else_recorded_on_a_visit_is_taken_into_it_and_told_to_its_auditor() {
    let scene = Scene::open().await;
    let (mut theirs, audit) = (scene.phone(1).await, scene.new_audit());
    theirs.create(audit, &scene.pin());
    scene.hand_in(&mut theirs).await;
    let somebody = scene.office.person(Role::Auditor);
    let mut phone = Phone::enrol(&scene.office, &scene.admin, &somebody, 2).await;
    let brought = phone.set(audit, 1, "A01", "yes");
    assert_eq!(scene.hand_in(&mut phone).await, [OutcomeKind::Quarantined]);
    scene.take_in(audit, json!({"reason": "they went together"})).await;
    let (row, ops) = scene.held(audit);
    assert_eq!((row.auditor_id, ops.len()), (scene.auditor.id, 2));
    theirs.read(&scene).await;
    assert!(theirs.ops.get(&sync_core::OpId::new(phone.dev(), brought)).is_some());
    phone.ops = AuditOps::new();
    phone.read(&scene).await;
    assert!(phone.ops.is_empty());
}

#[actix_web::test]
async fn the_version_that_a_reviewer_chooses_is_the_one_that_the_visit_has() {
    let scene = Scene::open().await;
    let second = scene.publish_second();
    let (mut one, mut other, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let theirs = other.create(audit, &scene.second_pin(second));
    scene.hand_in(&mut other).await;
    one.last_hlc += 1_000_000;
    one.create(audit, &scene.pin());
    scene.hand_in(&mut one).await;
    one.read(&scene).await;
    one.set(audit, 1, "A01", "yes");
    one.set(audit, 1, "A02", "no");
    one.submit(audit, 1);
    scene.hand_in(&mut one).await;
    let before = scene.held(audit).0.template_hash;
    let other_one = if before == second { scene.template } else { second };
    let stands =
        if before == second { format!("{}:1", one.dev()) } else { format!("{}:{theirs}", other.dev()) };
    let (row, _) = scene.held(audit);
    assert_eq!(row.open_conflicts, 1);
    scene.review(audit, "claim", json!({})).await.expect_json();
    let choice = json!({"field": "", "stands": stands, "reason": "asked"});
    scene.review(audit, "resolve", choice).await.expect_json();
    let (row, ops) = scene.held(audit);
    assert_eq!(row.template_hash, other_one);
    assert_eq!(ops.view().pin().map(|it| it.content_hash), Some(other_one));
}
