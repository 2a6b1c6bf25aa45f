//! What the office keeps is checked as a whole: a clean store passes, and a single bit that is other than it was recorded is
//! named with its place.

use crate::databases::Database;
use crate::exchange::Scene;
use crate::incidents;
use crate::redaction::given_up;
use serde_json::json;
use server::{
    App, Config,
    app::{
        backup,
        verify::{Heads, Report, heads, verify},
    },
    testing::{TestClock, TestEntropy},
};
use std::{fs, path::Path};
use sync_core::{
    Kind,
    exchange::{Request, StreamId},
};
use uuid::Uuid;

crate::on_both![a_clean_store_passes_and_everything_in_it_was_read,];

fn checked(app: &App, against: Option<&Heads>) -> Report {
    verify(app, against, &mut |_| ()).unwrap()
}

/// An approved visit, a returned one, one that was set aside, and a push that overlaps the log.
async fn lived_in(scene: &Scene) -> Uuid {
    let (mut phone, approved) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(approved, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(approved, "claim", json!({})).await.expect_json();
    scene.review(approved, "approve", json!({})).await.expect_json();
    let mut sibling = scene.phone(2).await;
    let returned = scene.new_audit();
    sibling.fill_in(returned, &scene.pin());
    // One answer without its audit: nobody began it.
    sibling.write(Kind::Note, Uuid::from_u128(7), 1, "A01", Some(sync_core::Bytes::from("?")));
    let ops = sibling.unsent.clone();
    let (first, _) = sibling.segment(sibling.head, ops.get(..2).unwrap());
    scene.done(&sibling, &sibling.request(vec![first])).await;
    let request = sibling.push();
    scene.done(&sibling, &request).await;
    scene.review(returned, "claim", json!({})).await.expect_json();
    let reason = json!({"items": [{"item": "A01", "reason": "?"}], "deadline": "2099-01-01T00:00:00Z"});
    scene.review(returned, "return", reason).await.expect_json();
    // And what a copy of the first phone wrote in place of its second op.
    let run = given_up(scene, &phone, approved, &["another answer"]);
    scene.done(&phone, &Request { relay: vec![run], ..phone.request(Vec::new()) }).await;
    let told = incidents::plain(&phone, &incidents::report(scene));
    scene.hand_report_in(&phone.enrolment.token, &told).await.expect_json();
    approved
}

async fn a_clean_store_passes_and_everything_in_it_was_read(database: Database) {
    let scene = Scene::over(database).await;
    lived_in(&scene).await;
    let before = heads(&scene.office.app).unwrap();
    let report = checked(&scene.office.app, Some(&before));
    assert_eq!(report.fault, None);
    assert_eq!((report.organizations, report.devices, report.segments, report.ops), (1, 3, 5, 11));
    assert_eq!((report.audits, report.scores, report.former_runs), (2, 1, 1));
    assert!(report.entries > 5 && report.heads > 0, "{report:?}");
    // The office goes on, and what was written down before still stands.
    let mut phone = scene.phone(3).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    assert_ne!(heads(&scene.office.app).unwrap(), before);
    assert_eq!(checked(&scene.office.app, Some(&before)).fault, None);
    // Of a history that was written anew, even if it holds by itself, the kept heads tell.
    let mut other = before.clone();
    let head = other.organizations.iter_mut().flat_map(|it| &mut it.streams).next().unwrap();
    head.f = sync_core::Hash::of(b"other");
    assert_eq!(checked(&scene.office.app, Some(&other)).fault.unwrap().code, "kept_head");
}

/// Byte strings of every kind of row, each of which stands somewhere in the file.
fn strings(scene: &Scene, audit: Uuid) -> Vec<(&'static str, Vec<u8>)> {
    let (org, stream) = (scene.office.org, StreamId::User(scene.auditor.id.0));
    let id = domain::ids::AuditId(audit);
    let read = |tx: &mut db::Tx<'_>| -> Result<Vec<(&'static str, Vec<u8>)>, db::DbError> {
        let device = db::devices::list(tx, org, Some(scene.auditor.id), None, 10)?.items.remove(0);
        let segment = db::devices::list_segments(tx, org, device.dev, 0, 1)?.items.remove(0);
        let former = db::former::list_runs(tx, org, device.dev, None, 1)?.items.remove(0);
        let entry = db::feed::list(tx, org, stream, 0, 1)?.items.remove(0);
        let reference = db::feed::list(tx, org, StreamId::Reference(org.0), 0, 1)?.items.remove(0);
        let score = db::scores::find_current(tx, org, id)?.unwrap();
        let content =
            db::content::find_by_hash(tx, org, db::content::ContentKind::Checklist, scene.template)?.unwrap();
        Ok(vec![
            ("key", device.public_key),
            ("segment", segment.bytes),
            ("former run", former.bytes),
            ("chain hash", segment.h.0.to_vec()),
            ("feed hash", entry.f.0.to_vec()),
            ("stream end", db::feed::find_end(tx, org, stream)?.f.0.to_vec()),
            ("reference row", reference.payload.unwrap()),
            ("answers", db::audits::find_ops(tx, org, id)?.unwrap()),
            ("score", score.doc.into_bytes()),
            ("checklist", content.canonical_json.into_bytes()),
            ("incident", db::incidents::list(tx, org, None, None, 1)?.items.remove(0).body),
            ("log", db::audit_log::find_end(tx, org)?.hash.0.to_vec()),
            ("pin", db::audits::find(tx, org, id)?.unwrap().template_hash.0.to_vec()),
        ])
    };
    scene.office.app.db.read(read).unwrap()
}

fn places(file: &[u8], part: &[u8]) -> Vec<usize> {
    file.windows(part.len()).enumerate().filter(|it| it.1 == part).map(|it| it.0).collect()
}

fn open(file: &Path) -> App {
    let config = Config { database_url: format!("sqlite:{}", file.display()), ..Config::default() };
    App::open(config, server::Environment::new(TestClock::default(), TestEntropy::default())).unwrap()
}

/// A copy of an office's file, byte by byte.
fn again(app: &App, file: &Path) -> Vec<u8> {
    let to = file.with_extension("again");
    backup::back_up(app, &to, None).unwrap();
    let bytes = fs::read(&to).unwrap();
    fs::remove_file(&to).unwrap();
    bytes
}

#[actix_web::test]
async fn one_bit_of_any_row_is_named_wherever_it_stands() {
    let scene = Scene::open().await;
    let audit = lived_in(&scene).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    // A copy holds every row once, and nothing that was thrown away.
    backup::back_up(&scene.office.app, &copy, None).unwrap();
    assert_eq!(checked(&open(&copy), None).fault, None);
    let clean = fs::read(&copy).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    for (name, bytes) in strings(&scene, audit) {
        let part = bytes.get(bytes.len() / 3..).unwrap();
        let part = part.get(..part.len().min(16)).unwrap();
        let found = places(&clean, part);
        assert!(!found.is_empty(), "{name}");
        for (number, at) in found.into_iter().enumerate() {
            let mut bad = clean.clone();
            *bad.get_mut(at + 3).unwrap() ^= 1;
            let file = folder.path().join(format!("{}-{number}", name.replace(' ', "-")));
            fs::write(&file, bad).unwrap();
            let app = open(&file);
            let Some(fault) = checked(&app, None).fault else {
                // Only what no row holds may pass: the unused end of a page, which another copy writes no differently, and
                // the index of checklists by their hash, which holds it a second time.
                let slack = again(&app, &file) == again(&open(&copy), &copy);
                assert!(slack || name == "pin", "{name} at {at} passes");
                continue;
            };
            assert_eq!(fault.organization, "acme", "{name}");
            codes.insert(fault.code);
        }
    }
    let expected = [
        "audit_log",
        "audit_row",
        "content",
        "device_head",
        "device_key",
        "feed_chain",
        "feed_entry",
        "former_run",
        "incident_signature",
        "projection",
        "score",
        "segment_chain",
        "stream_end",
    ];
    for code in expected {
        assert!(codes.contains(code), "{code} is never told: {codes:?}");
    }
}
