//! What a phone hands in from others: only what stands by itself and belongs in the caller's stream is taken, and only once.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use domain::access::Role;
use serde_json::json;
use sync_core::{
    Bytes, Hash,
    codec::Nested,
    exchange::{Body, Request, Run},
};

crate::on_both![a_genuine_run_is_taken_only_from_its_authors_own_user,];

/// A phone that handed a visit in, with its audit.
async fn a_visit_handed_in(scene: &Scene) -> (Phone, uuid::Uuid) {
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    (phone, audit)
}

/// The runs of others that a phone reads.
async fn runs(scene: &Scene, phone: &mut Phone) -> Vec<Run> {
    let page = phone.read(scene).await;
    let run = |body: Nested<Body>| match body {
        Nested::Known(Body::Ops(run)) => Some(run),
        _ => None,
    };
    page.items.into_iter().filter_map(|it| run(it.body)).collect()
}

fn relaying(phone: &Phone, run: Run) -> Request {
    Request { relay: vec![run], ..phone.request(Vec::new()) }
}

#[actix_web::test]
async fn what_is_here_already_or_does_not_stand_by_itself_changes_nothing() {
    let scene = Scene::open().await;
    a_visit_handed_in(&scene).await;
    let mut sibling = scene.phone(2).await;
    let genuine = runs(&scene, &mut sibling).await.remove(0);
    genuine.verify(&scene.office.org.0).expect("a run that the server sends proves itself");
    let mut forged = vec![genuine.clone()];
    // Further ops under the author's name, signed by the phone that relays.
    let mut other = scene.phone(3).await;
    other.fill_in(scene.new_audit(), &scene.pin());
    let before = scene.stored();
    let (segment, _) = other.segment(other.head, &other.unsent);
    let proof = genuine.proof.clone().unwrap();
    let own = sync_core::relay::Proof { prev_h: Hash::ZERO, first: 1, sig: segment.sig, ..proof.clone() };
    forged.push(Run { ops: segment.ops.clone(), dseq_first: 5, proof: Some(own.clone()), ..genuine.clone() });
    let key = Some(other.key.public_key());
    forged.push(Run { key: key.clone(), ..genuine.clone() });
    // The phone calls itself the server.
    let proof_of_phone = Some(own);
    let dev = other.dev();
    forged.push(Run {
        dev,
        key,
        server: true,
        dseq_first: 1,
        ops: segment.ops,
        proof: proof_of_phone,
        evidence: false,
    });
    forged.push(Run { proof: None, ..genuine.clone() });
    forged.push(Run { key: None, ..genuine.clone() });
    for (first, epoch, sig) in [
        (0, proof.epoch, proof.sig.clone()),
        (9, proof.epoch, proof.sig.clone()),
        (1, 2, proof.sig.clone()),
        (1, 1, Bytes::default()),
    ] {
        let proof = Some(sync_core::relay::Proof { first, epoch, sig, ..proof.clone() });
        forged.push(Run { proof, dseq_first: 5, ..genuine.clone() });
    }
    for run in forged {
        let told = format!("{run:?}");
        scene.done(&sibling, &relaying(&sibling, run)).await;
        assert!(scene.stored() == before, "{told}");
    }
}

async fn a_genuine_run_is_taken_only_from_its_authors_own_user(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, _) = a_visit_handed_in(&scene).await;
    let mut sibling = scene.phone(2).await;
    // Written and signed, and never pushed: as after a restore.
    let audit = scene.new_audit();
    phone.ops = sync_core::AuditOps::new();
    phone.fill_in(audit, &scene.pin());
    let (segment, last) = phone.segment(phone.head, &phone.unsent);
    let genuine = runs(&scene, &mut sibling).await.remove(0);
    let proof = sync_core::relay::Proof {
        prev_h: phone.head.h,
        first: segment.first,
        sig: segment.sig.clone(),
        ..genuine.proof.clone().unwrap()
    };
    let run = Run { dseq_first: segment.first, ops: segment.ops, proof: Some(proof), ..genuine };

    let stranger = scene.office.person(Role::Auditor);
    let foreign = Phone::enrol(&scene.office, &scene.admin, &stranger, 4).await;
    let before = scene.stored();
    scene.done(&foreign, &relaying(&foreign, run.clone())).await;
    assert!(scene.stored() == before);

    scene.done(&sibling, &relaying(&sibling, run.clone())).await;
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    let (org, dev) = (scene.office.org, phone.dev());
    let head = scene.office.app.db.read(|tx| db::devices::find_head(tx, org, dev)).unwrap().unwrap();
    assert_eq!(head.head.head, last);
    let after = scene.stored();
    scene.done(&sibling, &relaying(&sibling, run)).await;
    assert!(scene.stored() == after);
    // The author's own push of the same is a repeat.
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, last);
    assert!(scene.stored() == after);
}

#[actix_web::test]
async fn every_run_of_the_server_stands_by_itself() {
    let scene = Scene::open().await;
    let (mut phone, audit) = a_visit_handed_in(&scene).await;
    let stranger = scene.office.person(Role::Auditor);
    let mut other = Phone::enrol(&scene.office, &scene.admin, &stranger, 5).await;
    let second = scene.new_audit();
    other.fill_in(second, &scene.pin());
    let request = other.push();
    scene.done(&other, &request).await;
    for visit in [audit, second] {
        scene.review(visit, "claim", json!({})).await.expect_json();
    }
    let both = json!({"visits": [audit, second]});
    scene.office.post("/api/v1/visits/approve").by(&scene.reviewer).json(&both).send().await.expect_json();
    for phone in [&mut phone, &mut other] {
        let told = runs(&scene, phone).await;
        assert!(!told.is_empty() && told.iter().all(|it| it.server));
        for run in told {
            run.verify(&scene.office.org.0).expect("it proves itself");
        }
    }
}
