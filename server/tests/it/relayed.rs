//! What a phone hands in from others: only what stands by itself and belongs in the caller's stream is taken, and only once.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use domain::access::Role;
use serde_json::json;
use sync_core::{
    Bytes, DeviceId, Hash, Kind,
    codec::Nested,
    exchange::{Body, Request, Run},
    ingest::{EnrolmentRequest, enrolment_bytes},
    reference::{KEPT, KeptRow},
    relay::Proof,
    signature::SigningKey,
};

crate::on_both![
    a_genuine_run_is_taken_only_from_its_authors_own_user,
    what_a_phone_brings_of_one_that_was_enrolled_after_the_copy_waits_for_a_person,
    what_another_phone_read_of_a_log_that_goes_on_otherwise_here_is_kept_beside_it_and_shown,
];

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

/// What a phone is told that the office keeps and shows to nobody.
pub(crate) async fn kept(scene: &Scene, phone: &mut Phone) -> Vec<KeptRow> {
    let page = phone.read(scene).await;
    let row = |body: Nested<Body>| match body {
        Nested::Known(Body::RefRow(row)) if row.kind == KEPT => row.json,
        _ => None,
    };
    let rows = page.items.into_iter().filter_map(|it| row(it.body));
    rows.map(|it| serde_json::from_slice(&it).unwrap()).collect()
}

pub(crate) fn relaying(phone: &Phone, run: Run) -> Request {
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

/// A phone that an office made from a copy does not know, since it was enrolled later, and a run of its log.
pub(crate) async fn lost(scene: &Scene, number: u8) -> (Phone, uuid::Uuid, Run) {
    let (known, audit) = (scene.phone(1).await, scene.new_audit());
    let mut lost = Phone { key: SigningKey::from_secret(&[number; 32]), ..known };
    lost.fill_in(audit, &scene.pin());
    let (segment, _) = lost.segment(lost.head, &lost.unsent);
    let (prev_h, epoch) = (Hash::ZERO, lost.enrolment.epoch);
    let proof = Proof { prev_h, first: 1, epoch, alg: segment.alg, sig: segment.sig };
    let (dev, key) = (lost.dev(), Some(lost.key.public_key()));
    let (server, evidence) = (false, false);
    (lost, audit, Run { dev, key, server, dseq_first: 1, ops: segment.ops, proof: Some(proof), evidence })
}

async fn what_a_phone_brings_of_one_that_was_enrolled_after_the_copy_waits_for_a_person(database: Database) {
    let scene = Scene::over(database).await;
    let mut sibling = scene.phone(2).await;
    let (mut lost, audit, run) = lost(&scene, 77).await;
    sibling.read(&scene).await;
    scene.done(&sibling, &relaying(&sibling, run.clone())).await;
    // Stored, and shown nowhere before a person took it in: a key is all that speaks for it.
    let aside = scene.quarantine();
    assert_eq!(aside.len(), lost.unsent.len());
    assert!(aside.iter().all(|it| (it.1, it.2.as_str()) == (audit, "device_unknown")), "{aside:?}");
    let listed = scene.office.get("/api/v1/devices").by(&scene.admin).send().await.expect_json();
    let of_lost = json!(lost.dev().to_string());
    let shown = listed["items"].as_array().unwrap().iter().find(|it| it["dev"] == of_lost).unwrap();
    assert_eq!((&shown["user"], &shown["ops"]), (&json!(scene.auditor.id), &json!(lost.unsent.len())));
    assert!(shown["enrolled_at"].is_null() && shown["state"] == "active", "{shown}");
    let stored = scene.stored();
    scene.done(&sibling, &relaying(&sibling, run.clone())).await;
    assert!(scene.stored() == stored, "again it is nothing new");
    // Its stream says so: an office that is put back to before it has another stream, and is offered it again.
    let row = KeptRow { dev: lost.dev(), through: run.last(), h: run.last_hash().unwrap() };
    assert_eq!(kept(&scene, &mut sibling).await, [row]);
    assert_eq!(runs(&scene, &mut sibling).await, []);
    let adopt = format!("/api/v1/quarantine/{audit}/adopt");
    let why = json!({"reason": "her phone was stolen"});
    scene.office.post(&adopt).by(&scene.reviewer).json(&why).send().await.expect_json();
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    assert_eq!(runs(&scene, &mut sibling).await.len(), 1);
    // It turns up: with a code it goes on where it was.
    let enrolled = Phone::enrol(&scene.office, &scene.admin, &scene.auditor, 77).await;
    lost.enrolment = enrolled.enrolment;
    let other = scene.new_audit();
    lost.create(other, &scene.pin());
    let request = lost.push();
    let response = scene.done(&lost, &request).await;
    assert_eq!((response.dev_head, response.outcomes), (lost.head, Vec::new()));
    assert_eq!(scene.visit(other).await["state"], "in_progress");
}

/// Whoever sees auditors reads what it says, also where it names a visit that is not there.
async fn what_is_beside_is_read(scene: &Scene, sibling: &Phone, dev: DeviceId, audit: uuid::Uuid, last: u64) {
    let beside = format!("/api/v1/devices/{dev}/beside");
    let read = scene.office.get(&beside).by(&scene.admin).send().await.expect_json();
    let (first, rest) = (&read["items"][0], &read["items"][1]);
    let places = [&first["first"], &first["last"], &rest["first"]];
    assert_eq!(places, [&json!(1), &json!(last), &json!(last + 1)]);
    assert_eq!(first["brought_by"], sibling.dev().to_string());
    let said = &first["ops"][2];
    let told = [&said["kind"], &said["field"], &said["value"], &said["audit"]];
    assert_eq!(told, [&json!("set"), &json!("A01"), &json!("otherwise 1"), &json!(audit)]);
    let page = scene.office.get(&format!("{beside}?limit=1")).by(&scene.admin).send().await.expect_json();
    let next = format!("{beside}?limit=1&after={}", page["next"].as_str().unwrap());
    let second = scene.office.get(&next).by(&scene.admin).send().await.expect_json();
    assert_eq!((&second["items"][0], second["next"].is_null()), (rest, true));
    let nowhere = format!("/api/v1/devices/{}/beside", DeviceId([9; 16]));
    assert_eq!(scene.office.get(&nowhere).by(&scene.admin).send().await.outcome().0, 404);
    let listed = scene.office.get("/api/v1/devices").by(&scene.admin).send().await.expect_json();
    let own = json!(dev.to_string());
    let row = listed["items"].as_array().unwrap().iter().find(|it| it["dev"] == own).unwrap();
    assert_eq!(row["runs_beside"], 2);
}

async fn what_another_phone_read_of_a_log_that_goes_on_otherwise_here_is_kept_beside_it_and_shown(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let mut copy = scene.phone(1).await;
    let (mut phone, audit) = a_visit_handed_in(&scene).await;
    let mut sibling = scene.phone(2).await;
    // Its copy had handed in something else before this office was made from a copy, and more of it.
    assert_eq!(copy.dev(), phone.dev());
    copy.create(audit, &scene.pin());
    for it in 0..5 {
        copy.set(audit, 1, "A01", &format!("otherwise {it}"));
    }
    let (segment, last) = copy.segment(copy.head, &copy.unsent);
    let (prev_h, epoch) = (Hash::ZERO, copy.enrolment.epoch);
    let proof = Some(Proof { prev_h, first: 1, epoch, alg: segment.alg, sig: segment.sig });
    let (dev, key) = (copy.dev(), Some(copy.key.public_key()));
    let run = Run { dev, key, server: false, dseq_first: 1, ops: segment.ops, proof, evidence: false };
    let of_visit = scene.visit(audit).await;
    assert!(of_visit["renewed"].is_null());
    for _ in 0..2 {
        scene.done(&sibling, &relaying(&sibling, run.clone())).await;
        let seen = scene.visit(audit).await;
        let own = dev.to_string();
        let shown = json!([{"device": own, "former": own, "said_again": 0, "evidence": run.ops.ops.len()}]);
        assert_eq!((&seen["renewed"], &seen["state"]), (&shown, &of_visit["state"]));
    }
    // What follows on it is beside the log too, though nothing of what goes before is in it.
    copy.head = last;
    copy.unsent.clear();
    for _ in 0..3 {
        copy.write(Kind::Note, audit, 1, "A01", Some(Bytes::from("and on")));
    }
    let (segment, end) = copy.segment(last, &copy.unsent);
    let proof =
        Some(Proof { prev_h: last.h, first: last.dseq + 1, epoch, alg: segment.alg, sig: segment.sig });
    let rest = Run { dseq_first: last.dseq + 1, ops: segment.ops, proof, ..run.clone() };
    scene.done(&sibling, &relaying(&sibling, rest)).await;
    assert_eq!(scene.visit(audit).await["renewed"][0]["evidence"], run.ops.ops.len() + 3);
    what_is_beside_is_read(&scene, &sibling, dev, audit, last.dseq).await;
    // Nobody reads it but people, and phones are told that it is there.
    let rows = [last, end].map(|it| KeptRow { dev, through: it.dseq, h: it.h });
    assert_eq!(kept(&scene, &mut sibling).await, rows);
    assert!(runs(&scene, &mut sibling).await.iter().all(|it| it.last() <= phone.head.dseq));
    let report = server::app::verify::verify(&scene.office.app, None, &mut |_| ()).unwrap();
    assert_eq!((report.fault, report.former_runs), (None, 2));
    // The log goes on as if nothing had happened.
    let other = scene.new_audit();
    phone.create(other, &scene.pin());
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, phone.head);
}

#[actix_web::test]
async fn who_brings_a_log_of_another_person_does_not_keep_its_device_from_its_owner() {
    let scene = Scene::open().await;
    let stranger = scene.office.person(Role::Auditor);
    let foreign = Phone::enrol(&scene.office, &scene.admin, &stranger, 4).await;
    let (_, audit, run) = lost(&scene, 77).await;
    scene.done(&foreign, &relaying(&foreign, run)).await;
    assert_eq!(scene.quarantine().len(), 4);
    let (org, dev) = (scene.office.org, SigningKey::from_secret(&[77; 32]).public_key().device());
    let owner =
        || scene.office.app.db.read(|tx| db::devices::find(tx, org, dev)).unwrap().and_then(|it| it.user_id);
    assert_eq!(owner(), Some(stranger.id));
    Phone::enrol(&scene.office, &scene.admin, &scene.auditor, 77).await;
    assert_eq!(owner(), Some(scene.auditor.id));
    // Once somebody enrolled it, it is theirs.
    let body = json!({"user": stranger.id, "kind": "phone"});
    let issued =
        scene.office.post("/api/v1/devices/codes").by(&scene.admin).json(&body).send().await.expect_json();
    let code = issued["code"].as_str().unwrap().to_owned();
    let key = SigningKey::from_secret(&[77; 32]);
    let sig = Bytes::from(key.sign(&enrolment_bytes(&dev, &code)));
    let (kind, former) = ("phone".to_owned(), None);
    let request = EnrolmentRequest { code, key: key.public_key(), kind, sig, former };
    let refused = scene.office.post("/api/v1/devices/enrol").json(&request).send().await;
    assert_eq!(refused.outcome(), (409, "device_known".to_owned()));
    assert!(scene.quarantine().iter().all(|it| it.1 == audit));
}

#[actix_web::test]
async fn a_phone_makes_no_more_devices_known_than_a_person_can_have() {
    let scene = Scene::open().await;
    let sibling = scene.phone(2).await;
    let (_, _, run) = lost(&scene, 77).await;
    let (org, user) = (scene.office.org, scene.auditor.id);
    let known = scene.office.app.db.read(|tx| db::devices::find(tx, org, sibling.dev())).unwrap().unwrap();
    scene
        .office
        .app
        .db
        .write(move |tx| {
            let held = db::devices::list(tx, org, Some(user), None, 200)?.items.len();
            for number in held..101 {
                let dev = sync_core::DeviceId([u8::try_from(number + 100).unwrap(); 16]);
                db::devices::append(tx, org, &db::devices::Device { dev, ..known.clone() })?;
            }
            Ok::<_, db::DbError>(())
        })
        .unwrap();
    let before = scene.stored();
    scene.done(&sibling, &relaying(&sibling, run)).await;
    assert!(scene.stored() == before);
}
