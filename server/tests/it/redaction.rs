//! Personal data taken out of a visit: it is gone from every byte that is stored, for whoever brings it again too, and all else is
//! proved as before.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use crate::relayed;
use domain::{
    access::{Role, Scope},
    ids::{AuditId, BranchId},
};
use serde_json::{Value, json};
use server::app::{
    verify::verify,
    visits::evidence::{check, export},
};
use std::{fs, io::Read as _};
use sync_core::{
    Bytes, Hash, Head, Kind, Op, OpId, SealedSegment, Seed,
    blob::BlobState,
    chain::Blinds,
    codec::{self, Nested},
    exchange::{Body, RefusalCode, Request, Run, StreamId},
    hlc,
    op::Opening,
    reference::KeptRow,
    relay::Proof,
};
use uuid::Uuid;

crate::on_both![
    a_redacted_answer_is_gone_from_all_that_is_stored_and_all_else_is_proved,
    a_phone_that_does_not_know_brings_back_neither_the_value_nor_the_seed,
    evidence_of_a_former_log_is_redacted_too_and_still_verified,
];

const NAME: &str = "Ximena Quetzalcoatl-Ibarguengoitia";
const SEED: Seed = Seed(*b"a seed that stands nowhere else!");

impl Scene {
    async fn redact(&self, audit: Uuid, order: Value) -> (u16, String) {
        let answer = self.review(audit, "redact", order).await;
        if answer.status == 200 { (200, String::new()) } else { answer.outcome() }
    }

    fn clean(&self) -> server::app::verify::Report {
        let report = verify(&self.office.app, None, &mut |_| ()).unwrap();
        assert_eq!(report.fault, None);
        report
    }

    /// Everything that the database holds, unpacked: each row by itself and, of a file, every byte of it.
    fn every_byte(&self) -> Vec<Vec<u8>> {
        let (org, app) = (self.office.org, &self.office.app);
        let mut all = app
            .db
            .read(|tx| -> Result<_, db::DbError> {
                let mut all = Vec::new();
                for device in db::devices::list(tx, org, None, None, 100)?.items {
                    let segments = db::devices::list_segments(tx, org, device.dev, 0, 100)?.items;
                    all.extend(segments.into_iter().map(|it| it.bytes));
                    let former = db::former::list_runs(tx, org, device.dev, None, 100)?.items;
                    all.extend(former.into_iter().map(|it| it.bytes));
                    all.extend(
                        db::feed::list_carried(tx, org, device.dev)?.into_iter().filter_map(|it| it.payload),
                    );
                }
                for audit in db::audits::list(tx, org, &db::audits::AuditFilter::default(), None, 100)?.items
                {
                    all.extend(db::audits::find_ops(tx, org, audit.audit_id)?);
                    let versions = db::scores::list_versions(tx, org, audit.audit_id)?;
                    all.extend(versions.into_iter().map(|it| it.doc.into_bytes()));
                }
                let log = db::audit_log::list(tx, org, None, 0, 500)?.items;
                all.extend(log.into_iter().map(|it| it.detail.into_bytes()));
                Ok(all)
            })
            .unwrap();
        app.db.gather().unwrap();
        if let Some(path) = app.config.database_url.strip_prefix("sqlite:") {
            all.extend(["", "-wal"].iter().filter_map(|it| fs::read(format!("{path}{it}")).ok()));
        }
        let packed: Vec<Vec<u8>> = all.iter().flat_map(|it| unpacked(it)).collect();
        all.extend(packed);
        all
    }

    #[track_caller]
    fn assert_gone(&self, parts: &[(&str, &[u8])]) {
        for (place, bytes) in self.every_byte().iter().enumerate() {
            for (name, part) in parts {
                assert!(!bytes.windows(part.len()).any(|it| it == *part), "{name} stands in part {place}");
            }
        }
    }
}

/// What was packed anywhere among these bytes, as far as it can be read.
fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let at = bytes.windows(4).enumerate().filter(|it| it.1 == MAGIC).map(|it| it.0);
    at.filter_map(|at| {
        let mut read = Vec::new();
        let mut from = zstd::stream::read::Decoder::new(bytes.get(at..)?).ok()?.single_frame();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            read.extend_from_slice(piece.get(..count)?);
        }
        Some(read)
    })
    .collect()
}

/// A visit with a name in a comment, which a second version of it repeats; handed in.
async fn named(scene: &Scene, phone: &mut Phone) -> Uuid {
    let audit = scene.new_audit();
    phone.seed = SEED;
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A01#comment", &format!("Me atendio {NAME}"));
    phone.set(audit, 1, "A01#comment", &format!("Me atendio bien {NAME}"));
    phone.set(audit, 1, "A02", "no");
    phone.write(Kind::Note, audit, 1, "", Some(Bytes::from(format!("y luego {NAME}").as_str())));
    phone.submit(audit, 1);
    let request = phone.push();
    scene.done(phone, &request).await;
    audit
}

/// The blind of a comment.
fn blind(dseq: u64) -> Vec<u8> {
    Blinds::of_seed(&SEED).unwrap().blind(dseq, Kind::Set, "A01#comment").0.to_vec()
}

async fn a_redacted_answer_is_gone_from_all_that_is_stored_and_all_else_is_proved(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let audit = named(&scene, &mut phone).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "50.00");
    let before = scene.every_byte();
    assert!(
        before.iter().any(|it| it.windows(NAME.len()).any(|it| it == NAME.as_bytes())),
        "the search finds it"
    );
    let order = json!({"fields": ["A01#comment", "A02", ""], "reason": "se pidio suprimirlo"});
    let done = scene.review(audit, "redact", order.clone()).await.expect_json();
    assert_eq!(done["ops"].as_array().unwrap().len(), 4, "{done}");
    let blinds = [3, 4, 5, 6].map(blind);
    let mut gone: Vec<(&str, &[u8])> = vec![("the name", NAME.as_bytes()), ("the seed", &SEED.0)];
    gone.extend(blinds.iter().map(|it| ("a blind", it.as_slice())));
    scene.assert_gone(&gone);
    // Still approved, still with its figures, and said to be redacted.
    let seen = scene.visit(audit).await;
    let items = seen["sections"][0]["items"].as_array().unwrap();
    assert_eq!((&seen["state"], &items[0]["answer"]), (&json!("approved"), &json!("yes")));
    assert_eq!((&items[0]["redacted"], &items[0]["comment"]), (&json!(["comment"]), &Value::Null));
    assert_eq!((&items[1]["redacted"], &items[1]["answer"]), (&json!(["answer"]), &Value::Null));
    assert_eq!(seen["scores"][0]["final"], "50.00");
    let report = scene.clean();
    assert_eq!((report.audits, report.scores), (1, 1));
    let text = export(&scene.office.app, scene.office.org, AuditId(audit)).unwrap();
    assert!(!text.contains(NAME));
    let proved = check(&text).unwrap();
    assert_eq!((proved.score_recomputed, proved.unproven.len()), (None, 0));
    let redacted = proved.ops.iter().filter(|it| it.redacted).map(|it| it.id.dseq);
    assert_eq!(redacted.collect::<Vec<_>>(), [3, 4, 5, 6]);
    // Done is done; what a person did wrong is said.
    assert_eq!(scene.redact(audit, order).await, (409, "already_redacted".to_owned()));
    assert_eq!(scene.redact(audit, json!({"fields": ["A07"], "reason": "x"})).await.0, 422);
    assert_eq!(scene.redact(audit, json!({"reason": "x"})).await.0, 422);
    assert_eq!(scene.redact(audit, json!({"fields": ["A01"], "reason": " "})).await.0, 422);
    let create = OpId::new(phone.dev(), 1).to_string();
    assert_eq!(scene.redact(audit, json!({"ops": [create], "reason": "x"})).await.0, 422);
    assert_eq!(scene.review(audit, "rescore", json!({"reason": "x"})).await.outcome().1, "answer_redacted");
    scene.clean();
}

#[actix_web::test]
async fn whoever_may_not_see_visits_takes_nothing_out_of_them_and_nobody_out_of_their_own() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let audit = named(&scene, &mut phone).await;
    let order = json!({"fields": ["A01#comment"], "reason": "x"});
    let org = scene.office.org;
    let both = [(Role::Auditor, Scope::Organization), (Role::Reviewer, Scope::Organization)];
    let elsewhere =
        scene.office.person_of(org, &[(Role::Reviewer, Scope::Branch(BranchId(scene.new_audit())))]);
    let author = scene.office.person_of(org, &both);
    let mut own = Phone::enrol(&scene.office, &scene.admin, &author, 3).await;
    let of_author = named(&scene, &mut own).await;
    let ask = |visit: Uuid, by| {
        scene.office.post(&format!("/api/v1/visits/{visit}/redact")).by(by).json(&order).send()
    };
    assert_eq!(ask(of_author, &author).await.outcome(), (403, "own_visit".to_owned()));
    assert_eq!(ask(audit, &elsewhere).await.outcome().0, 403);
    // Nor are devices told to a branch.
    let here = scene.office.person_of(org, &[(Role::BranchManager, Scope::Branch(BranchId(scene.branch)))]);
    let proof = |by| scene.office.get(&format!("/api/v1/visits/{audit}/proof")).by(by).send();
    assert_eq!(proof(&here).await.outcome().0, 403);
    assert_eq!(proof(&elsewhere).await.outcome().0, 404);
    let file = proof(&scene.reviewer).await;
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    assert_eq!(check(&text).unwrap().audit, audit);
    assert_eq!(ask(audit, &scene.manager).await.status, 200);
}

async fn a_phone_that_does_not_know_brings_back_neither_the_value_nor_the_seed(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let audit = named(&scene, &mut phone).await;
    assert_eq!(scene.redact(audit, json!({"fields": ["A01#comment", ""], "reason": "x"})).await.0, 200);
    // It goes on with the seed that it knows.
    phone.set(audit, 1, "A01", "no");
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, phone.head);
    // Another phone of the same person, renewed from this one, says the redacted op again, after others of the visit.
    let mut second = scene.phone(2).await;
    second.last_hlc = phone.last_hlc;
    second.seed = Seed(*b"another seed that stands nowhere");
    let value = |text: &str| Some(Bytes::from(format!("\"{text}\"").as_str()));
    second.write(Kind::Set, audit, 1, "A02", value("yes"));
    let request = second.push();
    scene.done(&second, &request).await;
    let dseq = second.head.dseq + 1;
    second.write(Kind::Set, audit, 1, "A01#comment", value(&format!("Me atendio {NAME}")));
    for op in &mut second.unsent {
        (op.hlc, op.origin) = (hlc::at_ms(1_795_262_399_000) + 3, Some(OpId::new(phone.dev(), 3)));
        op.hlc = op.hlc.max(second.last_hlc);
    }
    let request = second.push();
    scene.done(&second, &request).await;
    let twin = Blinds::of_seed(&second.seed).unwrap().blind(dseq, Kind::Set, "A01#comment").0;
    let first = blind(3);
    scene.assert_gone(&[
        ("the name", NAME.as_bytes()),
        ("the seed", &SEED.0),
        ("the other seed", &second.seed.0),
        ("a blind", &first),
        ("a blind of the twin", &twin),
    ]);
    scene.clean();
    // The commitment alone opens nothing: who hands in what was never redacted without its value is refused.
    let (dseq, hlc) = (phone.head.dseq + 1, phone.last_hlc + 9);
    let opening = Opening::Redacted(Hash([7; 32]));
    let (field, base) = ("A02".to_owned(), Vec::new());
    let bare =
        Op { dseq, hlc, kind: Kind::Set, audit, round: 1, field, base, value: None, opening, origin: None };
    let (segment, _) = phone.segment(phone.head, &[bare]);
    let before = scene.stored();
    let (_, refusal) = scene.refused(&phone.enrolment.token, &phone.request(vec![segment])).await;
    assert_eq!((refusal.code, refusal.reason.as_str()), (RefusalCode::Invalid, "segment_redacted"));
    assert_eq!(scene.stored(), before);
}

/// The runs of others that a phone reads, as they come.
async fn runs(scene: &Scene, phone: &Phone) -> Vec<Run> {
    let request = phone.pull(StreamId::User(phone.enrolment.user));
    let mut page = scene.done(phone, &request).await.pull.remove(0);
    let run = |body: Nested<Body>| match body {
        Nested::Known(Body::Ops(run)) => Some(run),
        _ => None,
    };
    page.items.drain(..).filter_map(|it| run(it.body)).collect()
}

#[actix_web::test]
async fn what_is_read_and_relayed_after_a_redaction_stands_by_itself() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let sibling = scene.phone(2).await;
    let audit = named(&scene, &mut phone).await;
    let old = runs(&scene, &sibling).await;
    assert_eq!(scene.redact(audit, json!({"fields": ["A01#comment", ""], "reason": "x"})).await.0, 200);
    let read = runs(&scene, &sibling).await;
    assert!(read.iter().any(|it| it.server && it.verify(&scene.office.org.0).is_ok()));
    for run in &read {
        run.verify_as_kept(&scene.office.org.0).expect("it proves itself");
        let bytes = codec::to_cbor(run).unwrap();
        assert!(!bytes.windows(NAME.len()).any(|it| it == NAME.as_bytes()));
        assert!(!bytes.windows(32).any(|it| it == SEED.0));
    }
    // Whoever kept the unredacted run brings nothing back with it.
    let before = scene.stored();
    scene.done(&sibling, &Request { relay: old, ..sibling.request(Vec::new()) }).await;
    assert_eq!(scene.stored(), before);
    scene.clean();
}

/// What a copy of a phone wrote after the first op of its log: these texts as the comment of the first item, and an answer.
pub(crate) fn given_up(scene: &Scene, phone: &Phone, audit: Uuid, texts: &[&str]) -> Run {
    let (org, dev) = (scene.office.org, phone.dev());
    let stored = scene.office.app.db.read(|tx| db::devices::find_segment(tx, org, dev, 1)).unwrap().unwrap();
    let log = codec::from_cbor::<SealedSegment>(&stored.bytes).unwrap().open().unwrap();
    let prev = Head { dseq: 1, h: log.chained(dev).unwrap().hash_at(1).unwrap() };
    let written = texts.iter().map(|it| ("A01#comment", *it)).chain([("A02", "yes")]);
    let ops: Vec<Op> = (2..)
        .zip(written)
        .map(|(dseq, (field, text))| Op {
            dseq,
            hlc: hlc::at_ms(1_795_262_399_000) + dseq,
            kind: Kind::Set,
            audit,
            round: 1,
            field: field.to_owned(),
            base: Vec::new(),
            value: Some(Bytes::from(format!("\"{text}\"").as_str())),
            opening: Opening::Seeded,
            origin: None,
        })
        .collect();
    let (segment, _) = phone.segment(prev, &ops);
    let proof = Proof { prev_h: prev.h, first: 2, epoch: 1, alg: segment.alg, sig: segment.sig };
    let key = Some(phone.key.public_key());
    Run { dev, key, server: false, dseq_first: 2, ops: segment.ops, proof: Some(proof), evidence: true }
}

async fn evidence_of_a_former_log_is_redacted_too_and_still_verified(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let audit = named(&scene, &mut phone).await;
    // A copy of the phone had gone on otherwise after the first op, also in the field that is redacted.
    let run = given_up(&scene, &phone, audit, &[NAME, NAME]);
    let (org, dev, last) = (scene.office.org, phone.dev(), run.last_hash().unwrap());
    scene.done(&phone, &Request { relay: vec![run.clone()], ..phone.request(Vec::new()) }).await;
    assert_eq!(scene.clean().former_runs, 1);
    assert_eq!(scene.redact(audit, json!({"fields": ["A01#comment", ""], "reason": "x"})).await.0, 200);
    assert_eq!(scene.clean().former_runs, 1);
    let kept = scene.office.app.db.read(|tx| db::former::list_runs(tx, org, dev, None, 10)).unwrap().items;
    assert_eq!((kept.len(), kept[0].h), (1, last));
    assert!(!kept[0].bytes.windows(32).any(|it| it == SEED.0), "the seed would open what the log redacted");
    let left: Run = codec::from_cbor(&kept[0].bytes).unwrap();
    let left = left.ops.unpack(2).unwrap();
    assert_eq!(left.iter().map(Op::is_redacted).collect::<Vec<_>>(), [true, true, false]);
    // Brought again by a phone that does not know, it is what it is.
    scene.done(&phone, &Request { relay: vec![run.clone()], ..phone.request(Vec::new()) }).await;
    assert_eq!(scene.clean().former_runs, 1);
    // The stream tells once that it is kept, and not what it says.
    assert_eq!(relayed::kept(&scene, &mut phone).await, [KeptRow { dev, through: run.last(), h: last }]);
    scene.assert_gone(&[("the name", NAME.as_bytes()), ("the seed", &SEED.0)]);
}

#[actix_web::test]
async fn a_redacted_photo_is_gone_and_is_neither_missed_nor_asked_for() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let bytes = server::testing::photos::jpeg(3, 300, 200);
    let (audit, blob) = scene.shown(&mut phone, &bytes).await;
    let folder = scene.office.blob_folder();
    let files = || {
        let mut found = Vec::new();
        let mut todo = vec![folder.clone()];
        while let Some(at) = todo.pop() {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { todo.push(path) } else { found.push(path) }
            }
        }
        found.iter().filter(|it| it.to_string_lossy().contains(&blob.id.to_string())).count()
    };
    assert_eq!(files(), 3);
    let done = scene
        .review(audit, "redact", json!({"fields": ["A01#photo"], "reason": "a face"}))
        .await
        .expect_json();
    assert_eq!(done["photos"], json!([blob.id.to_string()]));
    assert_eq!(files(), 0);
    let evidence = scene.evidence(audit).await;
    assert_eq!((&evidence["complete"], &evidence["photos"][0]["state"]), (&json!(true), &json!("redacted")));
    assert_eq!(scene.file(audit, &blob, "original").await.outcome(), (410, "redacted".to_owned()));
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Have);
    let part = scene.send_part(&phone, &blob, 0, (Hash::of(&bytes), &bytes)).await;
    assert!(matches!(part, sync_core::blob::BlobReply::Progress(it) if it.stored), "it is told to stop");
    assert_eq!(files(), 0);
    assert_eq!(scene.clean().redacted_blobs, 1);
    // A visit is approved without what was taken out of it.
    scene.review(audit, "claim", json!({})).await.expect_json();
    scene.review(audit, "approve", json!({})).await.expect_json();
    let text = export(&scene.office.app, scene.office.org, AuditId(audit)).unwrap();
    check(&text).unwrap();
    scene.clean();
    // The same photo in another visit is another's evidence, and is not sent again.
    let other = scene.declared(&mut phone, &[("A01#photo", &blob, "image/jpeg")]).await;
    assert_eq!(scene.evidence(other).await["photos"][0]["state"], "redacted");
    scene.clean();
}

#[actix_web::test]
async fn everything_that_waits_for_a_person_is_redacted_however_much_it_is() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let audit = named(&scene, &mut phone).await;
    let revoke = format!("/api/v1/devices/{}/revoke", phone.dev());
    scene.office.post(&revoke).by(&scene.admin).send().await.expect_json();
    for number in 0..1_100 {
        phone.ops = sync_core::AuditOps::new();
        phone.set(audit, 1, "A02#comment", &format!("{number} {NAME}"));
    }
    let request = phone.push();
    scene.done(&phone, &request).await;
    let (org, dev) = (scene.office.org, phone.dev());
    assert_eq!(scene.office.app.db.read(|tx| db::quarantine::count_open(tx, org, dev)).unwrap(), 1_100);
    let order = json!({"fields": ["A01#comment", "A02#comment", ""], "reason": "x"});
    let done = scene.review(audit, "redact", order).await.expect_json();
    assert_eq!(done["ops"].as_array().unwrap().len(), 1_103);
    scene.assert_gone(&[("the name", NAME.as_bytes()), ("the seed", &SEED.0)]);
    scene.clean();
}
