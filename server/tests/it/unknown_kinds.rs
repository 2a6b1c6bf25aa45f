//! Ops of a kind that a later version brings: an office that does not know it stores, chains and passes them on, whatever else it
//! decides of the visit.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use serde_json::json;
use server::app::verify::verify;
use sync_core::{
    AuditOps, Bytes, Kind, OpId,
    codec::Nested,
    exchange::{Body, Run},
};
use uuid::Uuid;

crate::on_both![
    an_op_of_a_later_kind_is_stored_and_passed_on_and_the_visit_goes_on,
    an_op_of_a_later_kind_that_was_set_aside_is_kept_whatever_a_person_decides,
];

const LATER: Kind = Kind::Unknown(700);
const VALUE: &[u8] = b"\x00what an office of today cannot read\xff";

/// A visit with an op of a later kind among its answers; where that op stands.
fn with_a_later_op(scene: &Scene, phone: &mut Phone) -> (Uuid, OpId) {
    let audit = scene.new_audit();
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    let dseq = phone.write(LATER, audit, 1, "A01", Some(Bytes::from(VALUE.to_vec())));
    phone.submit(audit, 1);
    (audit, OpId::new(phone.dev(), dseq))
}

/// What the office holds of an op.
fn held(scene: &Scene, audit: Uuid, id: &OpId) -> Option<(Kind, Option<Bytes>)> {
    let org = scene.office.org;
    let bytes = scene.office.app.db.read(|tx| db::audits::find_ops(tx, org, domain::ids::AuditId(audit)));
    let ops = AuditOps::decode(&bytes.unwrap()?).unwrap();
    ops.get(id).map(|it| (it.op.kind, it.op.value.clone()))
}

/// The op as another phone of the person reads it, in a run that proves itself.
async fn read(scene: &Scene, phone: &mut Phone, id: &OpId) -> Option<(Kind, Option<Bytes>)> {
    let page = phone.read(scene).await;
    let runs = page.items.into_iter().filter_map(|it| match it.body {
        Nested::Known(Body::Ops(run)) => Some(run),
        _ => None,
    });
    let of_author: Vec<Run> = runs.filter(|it| it.dev == id.dev).collect();
    let verified = of_author.iter().map(|it| it.verify(&scene.office.org.0).unwrap());
    let op = verified.flat_map(|it| it.ops).find(|it| it.dseq == id.dseq);
    op.map(|it| (it.kind, it.value))
}

async fn an_op_of_a_later_kind_is_stored_and_passed_on_and_the_visit_goes_on(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, mut sibling) = (scene.phone(1).await, scene.phone(2).await);
    let (audit, id) = with_a_later_op(&scene, &mut phone);
    let request = phone.push();
    let response = scene.done(&phone, &request).await;
    assert_eq!((response.dev_head, response.outcomes), (phone.head, Vec::new()));
    let said = Some((LATER, Some(Bytes::from(VALUE.to_vec()))));
    assert_eq!(held(&scene, audit, &id), said);
    assert_eq!(read(&scene, &mut sibling, &id).await, said);
    // It changes nothing of what today's office knows.
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    scene.review(audit, "claim", json!({})).await.expect_json();
    scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(held(&scene, audit, &id), said);
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None);
}

async fn an_op_of_a_later_kind_that_was_set_aside_is_kept_whatever_a_person_decides(database: Database) {
    let scene = Scene::over(database).await;
    let mut sibling = scene.phone(9).await;
    for (number, verdict) in [(1, "adopt"), (2, "dismiss")] {
        let mut phone = scene.phone(number).await;
        let (audit, id) = with_a_later_op(&scene, &mut phone);
        let address = format!("/api/v1/devices/{}/revoke", phone.dev());
        scene.office.post(&address).by(&scene.admin).send().await.expect_json();
        let request = phone.push();
        scene.done(&phone, &request).await;
        let aside: Vec<u64> = scene.quarantine().iter().filter(|it| it.1 == audit).map(|it| it.0).collect();
        assert!(aside.contains(&id.dseq));
        assert_eq!(held(&scene, audit, &id), None);
        let seen = format!("/api/v1/quarantine/{audit}");
        let seen = scene.office.get(&seen).by(&scene.reviewer).send().await.expect_json();
        let kinds: Vec<&str> =
            seen["ops"].as_array().unwrap().iter().filter_map(|it| it["kind"].as_str()).collect();
        assert!(kinds.contains(&"unknown_700"), "{kinds:?}");
        let decide = format!("/api/v1/quarantine/{audit}/{verdict}");
        let why = json!({"reason": "seen"});
        scene.office.post(&decide).by(&scene.reviewer).json(&why).send().await.expect_json();
        let said = Some((LATER, Some(Bytes::from(VALUE.to_vec()))));
        let (held, told) = (held(&scene, audit, &id), read(&scene, &mut sibling, &id).await);
        assert_eq!((held, told), if verdict == "adopt" { (said.clone(), said) } else { (None, None) });
    }
    // What was left out is in its log for good.
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None);
}
