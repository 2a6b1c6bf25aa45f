//! What the office itself had said before it was restored, brought back by a phone: it reaches its visit, whenever that comes.

use crate::blobs::blob_of;
use crate::databases::Database;
use crate::exchange::{Phone, Scene, assignment_of};
use crate::pages;
use crate::relayed::{lost, relaying};
use domain::ids::{AssignmentId, audit_of_assignment};
use serde_json::{Value, json};
use server::app::verify::verify;
use sync_core::{
    AuditOps, Bytes, Hash, Head, Kind, Op, OpId, Seed, Segment,
    blob::BlobState,
    codec::Nested,
    exchange::{Body, Item, Page, Request, Run},
    hlc,
    op::Opening,
    payload::{self, ReasonValue, ReturnValue},
    relay::{Proof, server_secret},
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

crate::on_both![
    a_return_that_came_before_its_visit_reaches_it_when_a_person_takes_the_visit_in,
    a_return_that_came_before_its_visit_reaches_it_when_the_phone_hands_it_in,
    a_photo_that_was_redacted_before_the_restore_is_asked_of_nobody_again,
    what_the_office_had_said_of_a_visit_that_is_not_begun_here_is_read_again_with_the_right,
];

/// The epoch that was lost with the office.
const EPOCH: u64 = 2;

/// Ops of the office's log of an epoch that this copy does not know, as a run that a phone kept.
fn of_the_office(scene: &Scene, ops: &[Op]) -> Run {
    let org = scene.office.org;
    let keys = scene.office.app.db.read(|tx| db::organizations::list_server_keys(tx, org)).unwrap();
    let first: [u8; 32] = keys[0].secret_key.0.clone().try_into().unwrap();
    let key = SigningKey::from_secret(&server_secret(&first, EPOCH).unwrap());
    let (dev, alg) = (key.public_key().device(), key.public_key().alg);
    let (segment, last) = Segment::unsigned(dev, Head::EMPTY, ops, alg, |_| Some(Seed([5; 32]))).unwrap();
    let sig = Bytes::from(key.sign(&signing_bytes(&org.0, &dev, EPOCH, 1, &last)));
    let proof = Some(Proof { prev_h: Hash::ZERO, first: 1, epoch: EPOCH, alg, sig });
    let key = Some(key.public_key());
    Run { dev, key, server: true, dseq_first: 1, ops: segment.ops, proof, evidence: false }
}

fn said(dseq: u64, kind: Kind, audit: Uuid, round: u32, value: Bytes) -> Op {
    Op {
        dseq,
        hlc: hlc::at_ms(1_795_262_399_500) + dseq,
        kind,
        audit,
        round,
        field: String::new(),
        base: Vec::new(),
        value: Some(value),
        opening: Opening::Seeded,
        origin: None,
    }
}

fn returned(dseq: u64, audit: Uuid, submit: OpId) -> Op {
    let value = ReturnValue { submit: Some(submit), items: vec![], reasons: vec![], due_ms: None };
    said(dseq, Kind::Return, audit, 2, payload::to_value(&value).unwrap())
}

/// Whether a page of a stream tells an op.
fn page_has(page: &Page, id: &OpId) -> bool {
    pages::runs(page).any(|run| {
        run.dev == id.dev && run.ops.unpack(run.dseq_first).unwrap().iter().any(|it| it.dseq == id.dseq)
    })
}

impl Scene {
    fn whole(&self) {
        let report = verify(&self.office.app, None, &mut |_| ()).unwrap();
        assert_eq!(report.fault, None);
    }

    fn folded(&self, audit: Uuid) -> AuditOps {
        let (org, audit) = (self.office.org, domain::ids::AuditId(audit));
        let bytes = self.office.app.db.read(|tx| db::audits::find_ops(tx, org, audit)).unwrap().unwrap();
        AuditOps::decode(&bytes).unwrap()
    }

    /// A visit with everything in it that two devices and the office said of it.
    async fn is_returned(&self, audit: Uuid, phone: &mut Phone) {
        let seen = self.visit(audit).await;
        assert_eq!((&seen["state"], &seen["round"]), (&json!("returned"), &json!(2)));
        let events: Vec<&str> =
            seen["events"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
        assert_eq!(events, ["start", "submit", "claim", "return"]);
        phone.ops = AuditOps::new();
        let page = phone.read(self).await;
        for (id, op) in self.folded(audit).iter() {
            assert!(page_has(&page, id), "{id} {op:?}");
        }
        self.whole();
    }

    async fn set_aside(&self, audit: Uuid) -> Value {
        let address = format!("/api/v1/quarantine/{audit}");
        self.office.get(&address).by(&self.reviewer).send().await.expect_json()
    }
}

async fn a_return_that_came_before_its_visit_reaches_it_when_a_person_takes_the_visit_in(database: Database) {
    for together in [false, true] {
        let scene = Scene::over(database).await;
        let mut sibling = scene.phone(2).await;
        let (lost, audit, run) = lost(&scene, 77).await;
        let office = of_the_office(&scene, &[returned(1, audit, OpId::new(lost.dev(), 4))]);
        let requests = if together { vec![vec![office, run]] } else { vec![vec![office], vec![run]] };
        for relay in requests {
            scene.done(&sibling, &Request { relay, ..sibling.request(Vec::new()) }).await;
            scene.whole();
        }
        // Only what devices wrote waits for a person, who sees all of it.
        assert_eq!(scene.quarantine().len(), lost.unsent.len());
        let seen = scene.set_aside(audit).await;
        assert_eq!(seen["ops"].as_array().unwrap().len(), lost.unsent.len());
        let (adopt, why) = (format!("/api/v1/quarantine/{audit}/adopt"), json!({"reason": "it was stolen"}));
        let decided = scene.office.post(&adopt).by(&scene.reviewer).json(&why).send().await.expect_json();
        assert_eq!(decided["state"], "returned", "{decided}");
        scene.is_returned(audit, &mut sibling).await;
    }
}

async fn a_return_that_came_before_its_visit_reaches_it_when_the_phone_hands_it_in(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, mut sibling, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let office = of_the_office(&scene, &[returned(1, audit, OpId::new(phone.dev(), 4))]);
    scene.done(&sibling, &relaying(&sibling, office.clone())).await;
    assert_eq!(scene.quarantine(), []);
    scene.whole();
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.outcomes, []);
    scene.is_returned(audit, &mut sibling).await;
    let before = scene.stored();
    scene.done(&sibling, &relaying(&sibling, office)).await;
    assert!(scene.stored() == before, "again it is nothing new");
    // A visit of which the office had said nothing is begun as ever.
    let other = scene.new_audit();
    phone.ops = AuditOps::new();
    phone.fill_in(other, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    assert_eq!(scene.visit(other).await["state"], "submitted");
}

async fn what_the_office_had_said_of_a_visit_that_is_not_begun_here_is_read_again_with_the_right(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let assigned = assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let audit = audit_of_assignment(AssignmentId(assigned)).0;
    let (sibling, lost) = (scene.phone(2).await, scene.phone(3).await);
    let office = of_the_office(&scene, &[returned(1, audit, OpId::new(lost.dev(), 4))]);
    let id = OpId::new(office.dev, 1);
    scene.role(&scene.auditor, &json!({"role": "auditor"}), false).await;
    // Whoever may not see the visit lets go of it.
    scene.done(&sibling, &relaying(&sibling, office)).await;
    scene.role(&scene.auditor, &json!({"role": "auditor"}), true).await;
    let page = scene.phone(4).await.read(&scene).await;
    let is_grant = |it: &Item| matches!(&it.body, Nested::Known(Body::Grant(right)) if right.audit == audit);
    let granted = page.items.iter().position(is_grant).unwrap();
    assert!(page_has(&Page { items: page.items[granted..].to_vec(), ..page }, &id));
    scene.whole();
}

async fn a_photo_that_was_redacted_before_the_restore_is_asked_of_nobody_again(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, sibling, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let why = payload::to_value(&ReasonValue { reason: "a face".to_owned() }).unwrap();
    let base = vec![OpId::new(phone.dev(), 2)];
    let redact = Op { field: "A01#photo".to_owned(), base, ..said(1, Kind::Redact, audit, 1, why) };
    let office = of_the_office(&scene, &[redact]);
    scene.done(&sibling, &relaying(&sibling, office)).await;
    phone.create(audit, &scene.pin());
    let blob = blob_of(b"what no longer is to be seen");
    phone.attach(audit, "A01#photo", &blob, "image/jpeg");
    let request = phone.push();
    scene.done(&phone, &request).await;
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Have);
    assert!(scene.folded(audit).get(&OpId::new(phone.dev(), 2)).is_some());
    scene.whole();
}

#[actix_web::test]
async fn a_redaction_that_only_a_phone_knows_is_taken_from_it_although_it_was_taken_out_and_has_no_more_to_send()
 {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    let request = phone.push();
    scene.done(&phone, &request).await;
    let address = format!("/api/v1/devices/{}/revoke", phone.dev());
    scene.office.post(&address).by(&scene.admin).send().await.expect_json();
    let why = payload::to_value(&ReasonValue { reason: "a name".to_owned() }).unwrap();
    let base = vec![OpId::new(phone.dev(), 2)];
    let redact = Op { field: "A01".to_owned(), base, ..said(1, Kind::Redact, audit, 1, why) };
    let office = of_the_office(&scene, &[redact]);
    let (status, refusal) = scene.refused(&phone.enrolment.token, &relaying(&phone, office)).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "device_revoked"));
    assert!(scene.folded(audit).get(&OpId::new(phone.dev(), 2)).unwrap().op.is_redacted());
    // Nothing else is taken from it.
    let other = scene.new_audit();
    let value = payload::to_value(&ReasonValue { reason: "x".to_owned() }).unwrap();
    let run = of_the_office(&scene, &[said(1, Kind::Return, other, 2, value)]);
    let before = scene.stored();
    scene.refused(&phone.enrolment.token, &relaying(&phone, run)).await;
    assert!(scene.stored() == before);
    scene.whole();
}
