//! Versions of a checklist on a phone: kept until the visit is moved, with a report first.

use device::{MigrationReport, Start, WayOut};
use rusqlite::Connection;
use sync_core::{
    Bytes, Hash,
    exchange::{RefRow, StreamId},
    fold::Phase,
};
use uuid::Uuid;

use crate::{NOW, Phone, ad_hoc, assign, code, fill, model::Server, template, world};

/// The second version of the checklist: A03 is no longer asked, A02 is asked otherwise, A05 is new.
pub(crate) fn publish_second(server: &mut Server) -> Hash {
    let text = String::from_utf8(template()).unwrap();
    let text = text
        .replace(r#""version":1"#, r#""version":2"#)
        .replace(r#""id":"A03","type":"text","weight":0"#, r#""id":"A05","type":"yes_no","weight":1"#);
    let json = text.replace(r#""id":"A02","type":"scale_1_5""#, r#""id":"A02","type":"yes_no""#).into_bytes();
    let hash = Hash::of(&json);
    let row = RefRow { kind: "template".into(), id: hash.to_string(), json: Some(Bytes::from(json)) };
    server.publish(StreamId::Reference(server.org), row);
    hash
}

#[test]
fn a_visit_keeps_its_version_until_it_is_moved_and_the_report_comes_first() {
    let (mut server, first) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, first), NOW).unwrap();
    fill(phone.device(), audit);
    let second = publish_second(&mut server);
    // The first one is withdrawn: it stays for the visits that have it.
    let gone = RefRow { kind: "template".into(), id: first.to_string(), json: None };
    server.publish(StreamId::Reference(server.org), gone);
    phone.sync(&mut server);
    let device = phone.device();
    assert_eq!(device.view(audit).unwrap().pin.unwrap().content_hash, first);
    assert_eq!(code(device.migration(audit, &first)), "same_version");
    assert_eq!(code(device.migration(audit, &Hash::of(b"?"))), "unknown_template");
    let head = device.head();
    let report = device.migration(audit, &second).unwrap();
    assert_eq!((device.head(), report.moved, report.answered), (head, false, 3));
    let named = |list: &[domain::FieldProblem]| {
        list.iter().map(|it| format!("{} {}", it.field, it.code)).collect::<Vec<_>>()
    };
    assert_eq!(named(&report.misfits), ["/A02 other_kind", "/A03 field_gone"]);
    assert_eq!(named(&report.newly_required), ["/A02 required", "/A05 required"]);
    let done = device.migrate(audit, &second, NOW).unwrap();
    assert_eq!(done, MigrationReport { moved: true, ..report });
    let detail = device.view(audit).unwrap();
    assert_eq!(detail.pin.unwrap().version, 2);
    let standing: Vec<&str> =
        detail.answers.iter().filter(|it| it.1.value.is_some()).map(|it| it.0.as_str()).collect();
    assert_eq!((standing, detail.conflicts.len()), (vec!["A01"], 0));
    assert_eq!(code(device.submit(audit, NOW)), "incomplete");
    device.answer(audit, "A02", "\"yes\"", NOW).unwrap();
    device.answer(audit, "A05", "\"no\"", NOW).unwrap();
    device.submit(audit, NOW).unwrap();
    assert_eq!(code(device.migration(audit, &first)), "audit_not_editable");
    // What was taken back stays in the history.
    let held = device.ops(audit).unwrap();
    assert!(held.iter().any(|it| it.1.op.field == "A03" && it.1.op.value.is_some()));
    phone.sync(&mut server);
    let view = server.audits[&audit].view();
    assert_eq!((view.pin().unwrap().version, view.phase), (2, Phase::Submitted));
    phone.kill();
    phone.device().verify_log().unwrap();
}

#[test]
fn a_move_on_one_phone_and_a_start_on_another_is_a_conflict_that_a_move_settles() {
    let (mut server, first) = world();
    let assignment = Uuid::from_u128(31);
    assign(&mut server, assignment, first, "accepted");
    let second = publish_second(&mut server);
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    one.sync(&mut server);
    two.sync(&mut server);
    let audit = one.device().start(&Start::Assignment(assignment), NOW).unwrap();
    one.device().migrate(audit, &second, NOW).unwrap();
    // Begun later, so that this is what both display.
    two.device().start(&Start::Assignment(assignment), NOW + 1_000).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    one.sync(&mut server);
    let open = one.device().conflicts(9).unwrap();
    assert_eq!((open.len(), open[0].conflict.way_out), (1, WayOut::Migrate));
    assert_eq!(one.device().view(audit).unwrap().pin.unwrap().content_hash, first);
    one.device().migrate(audit, &second, NOW + 2_000).unwrap();
    assert!(one.device().conflicts(9).unwrap().is_empty());
    // An answer to what is no longer asked, of one who could not know that.
    two.device().answer(audit, "A03", "\"all well\"", NOW + 3_000).unwrap();
    two.sync(&mut server);
    one.sync(&mut server);
    let detail = one.device().view(audit).unwrap();
    assert_eq!((detail.pin.unwrap().content_hash, detail.answers["A03"].value.is_some()), (second, true));
    // It is taken back by hand, though this version does not ask it; another answer to it is none.
    assert_eq!(code(one.device().answer(audit, "A03", "\"better\"", NOW)), "invalid_answers");
    one.device().answer(audit, "A03", "null", NOW).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    assert!(two.device().view(audit).unwrap().answers["A03"].value.is_none());
    assert!(two.device().conflicts(9).unwrap().is_empty());
    assert_eq!(one.device().projection_hash().unwrap(), two.device().projection_hash().unwrap());
}

#[test]
fn another_checklist_is_no_version_and_a_photo_that_is_asked_no_more_is_taken_back() {
    let (mut server, first) = world();
    let text = String::from_utf8(template()).unwrap();
    let publish = |server: &mut Server, json: String| {
        let hash = Hash::of(json.as_bytes());
        let row = RefRow {
            kind: "template".into(),
            id: hash.to_string(),
            json: Some(Bytes::from(json.into_bytes())),
        };
        server.publish(StreamId::Reference(server.org), row);
        hash
    };
    let other = publish(&mut server, text.replace(r#""id":"small""#, r#""id":"other""#));
    let second = text.replace(r#""version":1"#, r#""version":2"#);
    let second =
        publish(&mut server, second.replace(r#""id":"A04","type":"photo""#, r#""id":"A04","type":"text""#));
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let device = phone.device();
    let audit = device.start(&ad_hoc(1, first), NOW).unwrap();
    let captured = device.capture(&mut &b"a photo"[..]).unwrap();
    let facts = device::PhotoFacts { mime: "image/jpeg".to_owned(), ..device::PhotoFacts::default() };
    device.batch(|it| it.attach(audit, "A04", &captured, &facts, NOW)).unwrap();
    assert_eq!(code(device.migrate(audit, &other, NOW)), "other_checklist");
    let report = device.migrate(audit, &second, NOW).unwrap();
    assert_eq!(report.misfits.len(), 1);
    assert!(device.view(audit).unwrap().attachments.get("A04").is_none_or(Vec::is_empty));
}

#[test]
fn a_conflict_over_what_is_asked_no_more_is_settled_by_taking_it_back() {
    let (mut server, first) = world();
    let second = publish_second(&mut server);
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    one.sync(&mut server);
    let audit = one.device().start(&ad_hoc(1, first), NOW).unwrap();
    one.device().answer(audit, "A03", "\"as it was\"", NOW).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    one.device().migrate(audit, &second, NOW + 1_000).unwrap();
    two.device().answer(audit, "A03", "\"all well\"", NOW + 2_000).unwrap();
    two.sync(&mut server);
    one.sync(&mut server);
    assert_eq!(one.device().conflicts(9).unwrap().len(), 1);
    assert_eq!(code(one.device().resolve(audit, "A03", "\"better\"", NOW)), "invalid_answers");
    assert_eq!(code(one.device().resolve(audit, "A01", "null", NOW)), "no_conflict");
    one.device().resolve(audit, "A03", "null", NOW).unwrap();
    assert!(one.device().conflicts(9).unwrap().is_empty());
    assert!(one.device().view(audit).unwrap().answers["A03"].value.is_none());
    one.device().submit(audit, NOW).unwrap_err();
    one.device().void(audit, "by mistake", NOW).unwrap();
    assert_eq!(code(one.device().resolve(audit, "A03", "null", NOW)), "audit_not_editable");
}

/// Attaches photos to A04 in one batch.
fn attach(phone: &mut Phone, audit: Uuid, photos: impl IntoIterator<Item = u8>) {
    let device = phone.device();
    let facts = device::PhotoFacts { mime: "image/jpeg".to_owned(), ..device::PhotoFacts::default() };
    let captured: Vec<_> = photos.into_iter().map(|it| device.capture(&mut &[it][..]).unwrap()).collect();
    device
        .batch(|it| {
            captured.iter().try_for_each(|photo| it.attach(audit, "A04", photo, &facts, NOW).map(drop))
        })
        .unwrap();
}

#[test]
fn photos_of_two_phones_stay_when_the_visit_is_moved_though_one_is_the_same_and_they_are_more_than_one_field_takes()
 {
    let (mut server, first) = world();
    let second = publish_second(&mut server);
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    for (many, standing) in [(1, 2), (60, 120)] {
        let assignment = Uuid::from_u128(31 + u128::from(many));
        assign(&mut server, assignment, first, "accepted");
        one.sync(&mut server);
        two.sync(&mut server);
        let audit = one.device().start(&Start::Assignment(assignment), NOW).unwrap();
        two.device().start(&Start::Assignment(assignment), NOW + 1_000).unwrap();
        // The first of each is the same picture.
        attach(&mut one, audit, 0..many);
        attach(&mut two, audit, [0].into_iter().chain(100..99 + many));
        one.sync(&mut server);
        two.sync(&mut server);
        one.sync(&mut server);
        let device = one.device();
        assert_eq!(device.view(audit).unwrap().attachments["A04"].len(), standing);
        let report = device.migration(audit, &second).unwrap();
        assert!(report.misfits.is_empty(), "{:?}", report.misfits);
        device.migrate(audit, &second, NOW + 2_000).unwrap();
        assert_eq!(device.view(audit).unwrap().attachments["A04"].len(), standing);
    }
}

#[test]
fn a_checklist_that_this_app_is_too_old_for_is_kept_and_said_and_stops_nothing_else() {
    let (mut server, first) = world();
    let text = String::from_utf8(template()).unwrap();
    let later = |from: &str, to: &str| {
        text.replace(r#""version":1"#, r#""version":9"#).replace(from, to).into_bytes()
    };
    let unknown = [
        later(r#""type":"text""#, r#""type":"hologram""#),
        later(r#""id":"A03","#, r#""id":"A03","smell":true,"#),
    ];
    let mut hashes = Vec::new();
    for json in unknown {
        let hash = Hash::of(&json);
        let row = RefRow { kind: "template".into(), id: hash.to_string(), json: Some(Bytes::from(json)) };
        server.publish(StreamId::Reference(server.org), row);
        hashes.push(hash);
    }
    let (new, old) = (Uuid::from_u128(31), Uuid::from_u128(32));
    assign(&mut server, new, hashes[0], "accepted");
    assign(&mut server, old, first, "accepted");
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let device = phone.device();
    assert_eq!(device.status().unwrap().quarantined, 0);
    assert!(hashes.iter().all(|it| device.template_hashes().unwrap().contains(it)));
    assert_eq!(device.templates().unwrap().len(), 1);
    assert_eq!(code(device.template(&hashes[1])), "checklist_too_new");
    let head = device.head();
    assert_eq!(code(device.start(&Start::Assignment(new), NOW)), "checklist_too_new");
    assert_eq!(device.head(), head, "nothing was begun");
    let audit = device.start(&Start::Assignment(old), NOW).unwrap();
    fill(device, audit);
    assert_eq!(code(device.migration(audit, &hashes[0])), "checklist_too_new");
    // As after an app that was set back: what was answered stays, can be read and is sent, and nothing is added to it.
    let store = Connection::open(phone.dir.path().join("device.db")).unwrap();
    let row = "UPDATE reference SET json = CAST('{\"schema\":\"cem-checklist/7\"}' AS BLOB) WHERE id = ?1";
    assert_eq!(store.execute(row, [first.to_string()]).unwrap(), 1);
    drop(store);
    phone.kill();
    let device = phone.device();
    let filled = device.filled(audit).unwrap();
    assert!(filled.checklist.is_none() && filled.detail.answers["A01"].value.is_some());
    assert_eq!(code(device.answer(audit, "A01", "\"no\"", NOW)), "checklist_too_new");
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
    assert_eq!(server.audits[&audit].view().answer("A01"), Some(&b"\"yes\""[..]));
}
