//! What a visit states beside its answers, on phones: registers like any answer, and a visit that could not happen.

use device::PhotoFacts;
use domain::visit_facts::{EvidenceGrade, GradeReason, OUTCOME_PHOTOS};
use sync_core::{
    Hash, Kind,
    fold::Phase,
    payload::{self, Gps, PhotoSource, ReturnValue},
};
use uuid::Uuid;

use crate::{NOW, Phone, USER, ad_hoc, code, fill, model::Server, server_op, world};

/// 2027-01-15 08:00 UTC is the clock of these tests; the branch is in Bogotá.
const ARRIVED: &str = r#"{"at_ms":1800000000000,"local":"2027-01-15T03:00","zone":"America/Bogota","position":{"source":"live","lat_e7":46097100,"lon_e7":-740817500,"accuracy_mm":12000,"at_ms":1799999996000}}"#;
const TYPED: &str = r#"{"at_ms":1800000000000,"local":"2027-01-15T03:00","zone":"America/Bogota","position":{"source":"typed","lat_e7":46097100,"lon_e7":-740817500}}"#;
const BROWSER: &str = r#"{"kind":"browser","hardware_key":false,"camera":true,"file_picker":true}"#;
const CLOSED: &str = r#"{"kind":"not_completed","reason":"closed_in_hours","explanation":"The door was locked at ten past nine."}"#;

fn begun(number: u8, server: &mut Server, hash: Hash) -> (Phone, Uuid) {
    let mut phone = Phone::new(number, server);
    phone.sync(server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    (phone, audit)
}

fn demanded(phone: &mut Phone, audit: Uuid) -> Vec<String> {
    let problem = phone.device().submit(audit, NOW).unwrap_err().to_problem();
    assert_eq!(problem.code, "incomplete");
    let shown = phone.device().view(audit).unwrap().missing;
    assert_eq!(shown, problem.errors, "what is shown is what a submit demands");
    problem.errors.iter().map(|it| format!("{} {}", it.field, it.code)).collect()
}

#[test]
fn arrival_departure_and_platform_are_kept_beside_the_answers_and_are_none_of_them() {
    let (mut server, hash) = world();
    let (mut phone, audit) = begun(1, &mut server, hash);
    fill(phone.device(), audit);
    let device = phone.device();
    for (field, json) in [("@arrival", ARRIVED), ("@departure", ARRIVED), ("@platform", BROWSER)] {
        let spaced = json.replace(':', " : ").replace("03 : 00", "03:00");
        assert!(device.answer(audit, field, &spaced, NOW).unwrap().is_some());
        assert!(device.answer(audit, field, json, NOW).unwrap().is_none(), "what stands writes nothing");
    }
    let problem = device.answer(audit, "@departure", &ARRIVED.replace("12000", "1.5"), NOW);
    assert_eq!(code(problem), "invalid_answers");
    assert_eq!(code(device.answer(audit, "@mood", "1", NOW)), "invalid_answers");
    assert_eq!(device.list(None, 9).unwrap()[0].answered, 3);
    let detail = device.view(audit).unwrap();
    assert_eq!(detail.answers["@arrival"].value.as_ref().unwrap().get(), ARRIVED);
    assert_eq!(detail.facts.arrival.unwrap().zone, "America/Bogota");
    let expected = vec![GradeReason::Browser, GradeReason::NoHardwareKey];
    assert_eq!((detail.evidence.grade, detail.evidence.reasons), (EvidenceGrade::Medium, expected));
    device.submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(server.audits[&audit].view().answer("@arrival"), Some(ARRIVED.as_bytes()));
}

#[test]
fn two_phones_that_arrive_are_in_conflict_until_one_word_is_chosen() {
    let (mut server, hash) = world();
    let (mut one, audit) = begun(1, &mut server, hash);
    one.sync(&mut server);
    let mut two = Phone::new(2, &mut server);
    two.sync(&mut server);
    one.device().answer(audit, "@arrival", ARRIVED, NOW).unwrap();
    two.device().answer(audit, "@arrival", TYPED, NOW + 1).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    one.sync(&mut server);
    let open = one.device().conflicts(9).unwrap();
    assert_eq!((open.len(), open[0].conflict.field.as_str()), (1, "@arrival"));
    one.device().resolve(audit, "@arrival", ARRIVED, NOW).unwrap();
    assert!(one.device().conflicts(9).unwrap().is_empty());
}

#[test]
fn a_visit_that_could_not_happen_is_handed_in_with_reason_words_and_proof_and_without_its_answers() {
    let (mut server, hash) = world();
    let (mut phone, audit) = begun(1, &mut server, hash);
    phone.device().answer(audit, "@outcome", r#"{"kind":"not_completed"}"#, NOW).unwrap();
    let all = [
        "/@outcome/reason reason_missing",
        "/@outcome/explanation min_chars",
        "/@outcome#photo proof_missing",
    ];
    assert_eq!(demanded(&mut phone, audit), all);
    phone.device().answer(audit, "@arrival", TYPED, NOW).unwrap();
    phone.device().answer(audit, "@outcome", CLOSED, NOW).unwrap();
    assert_eq!(demanded(&mut phone, audit), ["/@outcome#photo proof_missing"]);
    // Taken back, it is a visit like any other again.
    phone.device().answer(audit, "@outcome", "null", NOW).unwrap();
    assert!(demanded(&mut phone, audit).contains(&"/A01 required".to_owned()));
    phone.device().answer(audit, "@outcome", CLOSED, NOW).unwrap();
    let gps = Gps { lat_e7: 1, lon_e7: 2, accuracy_mm: Some(3), mocked: None, at_ms: Some(NOW) };
    let facts = PhotoFacts {
        mime: "image/jpeg".into(),
        source: Some(PhotoSource::Camera),
        gps: Some(gps),
        ..PhotoFacts::default()
    };
    let written = phone.device().answer(audit, OUTCOME_PHOTOS, "[\"x\"]", NOW);
    assert_eq!(code(written), "invalid_answers");
    phone.device().photo(audit, OUTCOME_PHOTOS, &mut &b"a locked door"[..], &facts, NOW).unwrap();
    let detail = phone.device().view(audit).unwrap();
    assert!(detail.missing.is_empty() && detail.facts.is_not_completed());
    assert_eq!(detail.attachments[OUTCOME_PHOTOS].len(), 1);
    phone.device().submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(server.audits[&audit].view().phase, Phase::Submitted);
}

#[test]
fn a_live_position_on_arrival_is_proof_without_a_photo_and_a_returned_visit_may_happen_after_all() {
    let (mut server, hash) = world();
    let (mut phone, audit) = begun(1, &mut server, hash);
    phone.device().answer(audit, "@arrival", ARRIVED, NOW).unwrap();
    phone.device().answer(audit, "@outcome", CLOSED, NOW).unwrap();
    let submit = phone.device().submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    let value =
        ReturnValue { submit: Some(submit), items: vec![], reasons: vec!["go again".into()], due_ms: None };
    server.command(USER, server_op(Kind::Return, audit, 2, payload::to_value(&value).ok()));
    phone.sync(&mut server);
    phone.device().answer(audit, "@outcome", "null", NOW).unwrap();
    fill(phone.device(), audit);
    phone.device().submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    let view = server.audits[&audit].view();
    assert_eq!((view.phase, view.answer("@outcome"), view.late.len()), (Phase::Submitted, None, 0));
}

#[test]
fn what_a_visit_states_stays_when_it_is_moved_to_another_version() {
    let (mut server, hash) = world();
    let (mut phone, audit) = begun(1, &mut server, hash);
    let second = crate::versions::publish_second(&mut server);
    phone.sync(&mut server);
    let device = phone.device();
    fill(device, audit);
    device.answer(audit, "@arrival", ARRIVED, NOW).unwrap();
    device.answer(audit, "@outcome", CLOSED, NOW).unwrap();
    let facts = PhotoFacts { mime: "image/jpeg".into(), ..PhotoFacts::default() };
    device.photo(audit, OUTCOME_PHOTOS, &mut &b"a locked door"[..], &facts, NOW).unwrap();
    let report = device.migrate(audit, &second, NOW).unwrap();
    let named: Vec<&str> = report.misfits.iter().map(|it| it.field.as_str()).collect();
    assert_eq!((named, report.answered), (vec!["/A02", "/A03"], 3));
    let detail = device.view(audit).unwrap();
    assert!(detail.answers["@arrival"].value.is_some() && detail.facts.is_not_completed());
    assert_eq!(detail.attachments[OUTCOME_PHOTOS].len(), 1);
}
