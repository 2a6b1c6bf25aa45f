//! Offers answered on a phone without a line: shown at once, sent once, and what becomes of a race that was lost.

use device::{DeviceError, OfferWord, Start};
use sync_core::{
    Bytes, Hash, Kind,
    exchange::{Outcome, OutcomeKind, RefRow, StreamId},
    payload::{self, ReasonValue},
    reference::Allowed,
};
use uuid::Uuid;

use crate::{BRANCH, NOW, Phone, USER, assign, code, fill, model::Server, world};

const ONE: Uuid = Uuid::from_u128(31);
const TWO: Uuid = Uuid::from_u128(32);

/// A phone that has two offers.
fn offered() -> (Server, Hash, Phone) {
    let (mut server, hash) = world();
    assign(&mut server, ONE, hash, "offered");
    assign(&mut server, TWO, hash, "offered");
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    (server, hash, phone)
}

fn states(phone: &mut Phone) -> Vec<String> {
    let shown: Vec<String> = phone.device().assignments().unwrap().into_iter().map(|it| it.state).collect();
    let offers = phone.device().offers().unwrap();
    assert_eq!(shown, offers.into_iter().map(|it| it.assignment.state).collect::<Vec<_>>());
    shown
}

#[test]
fn an_offer_is_taken_or_refused_offline_and_shown_so_at_once_and_begins_no_visit() {
    let (mut server, _, mut phone) = offered();
    assert!(phone.device().accept(ONE, NOW).unwrap().is_some());
    assert!(phone.device().decline(TWO, "  I am away that week ", NOW).unwrap().is_some());
    assert_eq!(states(&mut phone), ["accepted", "declined"]);
    let head = phone.device().head();
    assert_eq!(phone.device().accept(ONE, NOW).unwrap(), None);
    assert_eq!(phone.device().decline(TWO, "again", NOW).unwrap(), None);
    assert_eq!(code(phone.device().decline(ONE, "no", NOW)), "not_offered");
    assert_eq!(code(phone.device().accept(TWO, NOW)), "not_offered");
    assert_eq!(code(phone.device().accept(Uuid::from_u128(9), NOW)), "unknown_assignment");
    assert_eq!(code(phone.device().start(&Start::Assignment(TWO), NOW)), "assignment_not_accepted");
    assert_eq!(phone.device().head(), head);
    // No visit is begun by it, and a rebuild comes to the same.
    assert!(phone.device().list(None, 9).unwrap().is_empty());
    assert!(phone.device().status().unwrap().audits.is_empty());
    let before = phone.device().projection_hash().unwrap();
    phone.kill();
    phone.device().rebuild().unwrap();
    phone.device().verify_log().unwrap();
    assert_eq!(phone.device().projection_hash().unwrap(), before);
    assert_eq!(states(&mut phone), ["accepted", "declined"]);
    assert!(phone.device().offers().unwrap().iter().all(|it| !it.sent && it.told == "offered"));
    phone.sync(&mut server);
    let dev = phone.device().dev();
    let said: Vec<_> = server.devices[&dev].ops.values().map(|it| (it.0.kind, it.0.value.clone())).collect();
    let reason = payload::to_value(&ReasonValue { reason: "I am away that week".into() }).unwrap();
    assert_eq!(said, [(Kind::Accept, None), (Kind::Decline, Some(reason))]);
    assert!(phone.device().offers().unwrap().iter().all(|it| it.sent && it.refused.is_none()));
    assign(&mut server, ONE, Hash::of(&crate::template()), "accepted");
    phone.sync(&mut server);
    assert_eq!(phone.device().offers().unwrap()[0].told, "accepted");
}

#[test]
fn what_was_taken_is_begun_and_what_was_begun_is_not_refused_any_more() {
    let (mut server, _, mut phone) = offered();
    phone.device().accept(ONE, NOW).unwrap();
    let audit = phone.device().start(&Start::Assignment(ONE), NOW).unwrap();
    phone.device().start(&Start::Assignment(TWO), NOW).unwrap();
    for assignment in [ONE, TWO] {
        assert_eq!(code(phone.device().decline(assignment, "too late", NOW)), "visit_begun");
    }
    phone.sync(&mut server);
    // Whoever reads the visit elsewhere sees it as if the word had not been there.
    let mut second = Phone::new(2, &mut server);
    second.sync(&mut server);
    assert_eq!(second.device().list(None, 9).unwrap().len(), 2);
    assert_eq!(second.device().projection_hash().unwrap(), phone.device().projection_hash().unwrap());
    assert_eq!(second.device().ops(audit).unwrap().len(), 1);
}

#[test]
fn a_refusal_has_its_reason_and_no_more_than_fits() {
    let (_, _, mut phone) = offered();
    for (reason, expected) in [("  ", "reason_missing"), (&"x".repeat(1_001), "too_long")] {
        let Err(DeviceError::Problem(problem)) = phone.device().decline(ONE, reason, NOW) else { panic!() };
        assert_eq!((problem.code.as_str(), problem.errors[0].code.as_str()), ("invalid_reason", expected));
        assert!(!problem.errors[0].message_es.is_empty());
    }
    assert_eq!(states(&mut phone), ["offered", "offered"]);
}

#[test]
fn a_race_that_was_lost_is_told_in_words_and_blocks_nothing() {
    let (mut server, hash, mut phone) = offered();
    let dseq = phone.device().accept(ONE, NOW).unwrap().unwrap().dseq;
    let reason = "assignment_withdrawn".to_owned();
    server.outcome = Some(Outcome { dseq, kind: OutcomeKind::Other, reason });
    phone.sync(&mut server);
    server.outcome = None;
    // Before the office tells the row anew it is an offer again; from then on it is what the office says.
    assert_eq!(states(&mut phone), ["offered", "offered"]);
    assign(&mut server, ONE, hash, "void");
    phone.sync(&mut server);
    let offer = phone.device().offers().unwrap().remove(0);
    assert_eq!((offer.told.as_str(), offer.word, offer.sent), ("void", Some(OfferWord::Accepted), true));
    let refused = offer.refused.unwrap();
    assert_eq!(refused.reason, "assignment_withdrawn");
    assert!(refused.text.es.contains("retiró") && refused.text.en.contains("withdrew"));
    assert_eq!(code(phone.device().start(&Start::Assignment(ONE), NOW)), "assignment_not_accepted");
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
    // An office that was put back may carry it out after all.
    assign(&mut server, ONE, hash, "accepted");
    phone.sync(&mut server);
    assert_eq!(phone.device().offers().unwrap()[0].refused, None);
    // What comes after it goes on as ever.
    phone.device().accept(TWO, NOW).unwrap();
    phone.device().start(&Start::Assignment(TWO), NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
}

#[test]
fn what_the_programme_allows_stands_with_the_visit_as_the_office_last_said() {
    let (mut server, hash) = world();
    let assignment = Uuid::from_u128(31);
    let mut phone = Phone::new(1, &mut server);
    let tell = |server: &mut Server, json: Option<String>| {
        let json = json.map(|it| Bytes::from(it.as_str()));
        let row = RefRow { kind: "assignment".into(), id: assignment.to_string(), json };
        server.publish(StreamId::User(USER), row);
    };
    let row = |allowed: &str| {
        Some(format!(
            r#"{{"id":"{assignment}","branch":"{BRANCH}","template":"small","version":1,"content_hash":"{hash}","state":"accepted"{allowed}}}"#
        ))
    };
    tell(&mut server, row(r#","allowed":{"preview_score":true,"video":true}"#));
    phone.sync(&mut server);
    let audit = phone.device().start(&Start::Assignment(assignment), NOW).unwrap();
    let preview = Allowed { preview_score: true, ..Allowed::default() };
    fill(phone.device(), audit);
    let filled = phone.device().filled(audit).unwrap();
    assert_eq!(filled.allowed, preview, "what a later office allows besides is passed over");
    assert_eq!(filled.checklist.unwrap().score(&filled.answers).unwrap().final_score.to_string(), "90.00");
    tell(&mut server, row(r#","allowed":{"covert":false,"audio":true}"#));
    phone.sync(&mut server);
    let heard = Allowed { covert: false, audio: true, ..Allowed::default() };
    assert_eq!(phone.device().filled(audit).unwrap().allowed, heard);
    tell(&mut server, row(""));
    phone.sync(&mut server);
    assert_eq!(
        phone.device().filled(audit).unwrap().allowed,
        Allowed::default(),
        "as an older office says it"
    );
    tell(&mut server, None);
    phone.sync(&mut server);
    assert_eq!(phone.device().filled(audit).unwrap().allowed, Allowed::default());
}
