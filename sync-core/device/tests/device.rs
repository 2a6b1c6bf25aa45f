//! The device over its real store, alone and against the model server: durability, refusals, conflicts, rebuilds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test may stop where it stands"
)]

#[path = "device/auditor.rs"]
mod auditor;
#[path = "device/clocks.rs"]
mod clocks;
#[path = "../../tests/model/mod.rs"]
mod model;
mod photos;
#[path = "device/recorded.rs"]
mod recorded;
mod redacted;
#[path = "device/relays.rs"]
mod relays;
mod renewed;
#[path = "device/rights.rs"]
mod rights;
#[path = "device/sealed.rs"]
mod sealed;
#[path = "device/stores.rs"]
mod stores;
#[path = "device/versions.rs"]
mod versions;

use std::{collections::VecDeque, path::Path};

use device::{
    Device, DeviceError, DeviceKind, NewDevice, Start, SubmitRule, Sync, Transport, TransportError,
};
use model::{Entry, Server};
use proptest::prelude::*;
use sync_core::{
    Bytes, Hash, Kind, Op, Segment,
    codec::{self, Nested},
    exchange::{ClockReading, Outcome, OutcomeKind, RefRow, StreamId},
    fold::{ConflictKind, Phase},
    ingest::Enrolment,
    op::Opening,
    payload::{self, ApproveValue, ReturnValue, ReturnedItem},
    reference::AssignmentRow,
    session::{Finish, RecoverCause},
};
use tempfile::TempDir;
use uuid::Uuid;

const USER: Uuid = Uuid::from_u128(11);
const BRANCH: Uuid = Uuid::from_u128(21);
const NOW: u64 = 1_800_000_000_000;

fn template() -> Vec<u8> {
    let item = |id: &str, kind: &str, weight: u32, required: bool| {
        let required = if required { r#","required":true"# } else { "" };
        format!(r#"{{"id":"{id}","type":"{kind}","weight":{weight}{required},"q":{{"es":"¿?","en":"?"}}}}"#)
    };
    let items = [
        item("A01", "yes_no", 3, true),
        item("A02", "scale_1_5", 2, true),
        item("A03", "text", 0, true),
        item("A04", "photo", 0, false),
    ];
    let text = |it: &str| format!(r#"{{"es":"{it}","en":"{it}"}}"#);
    format!(
        r#"{{"schema":"cem-checklist/1","id":"small","version":1,"kind":"inspection","channel":"presencial","title":{0},"purpose":{0},"scenario":{0},"default_locale":"es-MX","visit":{{"minutes_min":1,"minutes_max":60,"shopper_lockout_days":0,"branch_spacing_days":0,"submit_within_hours":24}},"scoring":{{"mode":"points_pooled","na":"exclude","hidden":"exclude","unanswered_optional":"exclude","scale_1_5":"linear","bonus_cap":"100","critical":{{"mode":"none"}},"rounding":{{"decimals":2,"mode":"half_up"}},"bands":[{{"id":"all","min":"0","es":"t","en":"t"}}]}},"sections":[{{"id":"A","weight":100,"touchpoint":"t","title":{0},"items":[{1}]}}]}}"#,
        text("x"),
        items.join(",")
    )
    .into_bytes()
}

struct Wire<'a> {
    server: &'a mut Server,
    faults: VecDeque<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Offline,
    LostReply,
    Twice,
    Portal,
}

impl Transport for Wire<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        let lost = || TransportError("connection lost".into());
        if fault == Fault::Offline {
            return Err(lost());
        }
        let request = codec::from_cbor(request).unwrap();
        let mut reply = self.server.exchange(&request);
        match fault {
            Fault::LostReply => return Err(lost()),
            Fault::Twice => reply = self.server.exchange(&request),
            Fault::Portal => return Ok(b"<html>Welcome to the hotel</html>".to_vec()),
            _ => {}
        }
        Ok(codec::to_cbor(&reply).unwrap())
    }
}

struct Phone {
    dir: TempDir,
    device: Option<Device>,
}

impl Phone {
    fn new(number: u8, server: &mut Server) -> Self {
        Self::of_kind(number, server, DeviceKind::Phone)
    }

    fn of_kind(number: u8, server: &mut Server, kind: DeviceKind) -> Self {
        let dir = TempDir::new().unwrap();
        let mut device = Device::create(dir.path(), &NewDevice { secret: [number; 32], kind }).unwrap();
        let request = device.enrolment_request("code").unwrap();
        assert_eq!(request.check().unwrap(), device.dev());
        server.enrol(request.key, USER);
        let streams = vec![StreamId::User(USER), StreamId::Reference(server.org)];
        let (org, epoch, server_key) = (server.org, server.epoch, server.key.public_key());
        let (user, token, rescue_key) = (USER, "secret".into(), None);
        let enrolment = Enrolment { org, user, epoch, server_key, token, streams, rescue_key };
        device.enrolled(&enrolment).unwrap();
        Self { dir, device: Some(device) }
    }

    fn device(&mut self) -> &mut Device {
        self.device.as_mut().unwrap()
    }

    /// What is only in memory is gone, as if the process had been killed.
    fn kill(&mut self) {
        self.device = None;
        self.device = Some(Device::open(self.dir.path()).unwrap());
    }

    fn sync_with(&mut self, server: &mut Server, faults: &[Fault]) -> Finish {
        let mut wire = Wire { server, faults: faults.iter().copied().collect() };
        let device = self.device.as_mut().unwrap();
        Sync::new(device).unwrap().run(device, &mut wire, clock(), 1 << 31).unwrap()
    }

    fn sync(&mut self, server: &mut Server) {
        let finish = self.sync_with(server, &[]);
        assert!(matches!(finish, Finish::Done(_)), "{finish:?}");
    }
}

fn clock() -> ClockReading {
    ClockReading { wall_ms: NOW, mono_ms: None, boot: None }
}

fn world() -> (Server, Hash) {
    let mut server = Server::new();
    let stream = StreamId::Reference(server.org);
    let json = template();
    let hash = Hash::of(&json);
    let row =
        |kind: &str, id: String, json: &[u8]| RefRow { kind: kind.into(), id, json: Some(Bytes::from(json)) };
    server.publish(stream, row("template", hash.to_string(), &json));
    let branch = format!(r#"{{"id":"{BRANCH}","code":"B1","name":"One"}}"#);
    server.publish(stream, row("branch", BRANCH.to_string(), branch.as_bytes()));
    (server, hash)
}

fn assign(server: &mut Server, id: Uuid, hash: Hash, state: &str) {
    let row = AssignmentRow {
        id,
        branch: BRANCH,
        template: "small".into(),
        version: 1,
        content_hash: hash,
        state: state.into(),
        from: None,
        to: None,
        notes: None,
        allowed: Default::default(),
    };
    let json = Some(Bytes::from(serde_json::to_vec(&row).unwrap()));
    server.publish(StreamId::User(USER), RefRow { kind: "assignment".into(), id: id.to_string(), json });
}

fn ad_hoc(number: u128, hash: Hash) -> Start {
    let audit = Uuid::from_u128(number);
    Start::AdHoc { audit, branch: BRANCH, content_hash: hash, source: None, visited_at: None }
}

fn fill(device: &mut Device, audit: Uuid) {
    device.answer(audit, "A01", "\"yes\"", NOW).unwrap();
    device.answer(audit, "A02", "4", NOW).unwrap();
    device.answer(audit, "A03", "\"all well\"", NOW).unwrap();
}

fn code<T: std::fmt::Debug>(result: Result<T, DeviceError>) -> String {
    result.unwrap_err().code().to_owned()
}

#[test]
fn an_assignment_is_filled_in_offline_and_travels_to_the_server_and_another_phone() {
    let (mut server, hash) = world();
    let assignment = Uuid::from_u128(31);
    assign(&mut server, assignment, hash, "accepted");
    let mut one = Phone::new(1, &mut server);
    one.sync(&mut server);
    assert_eq!(one.device().assignments().unwrap().len(), 1);
    let audit = one.device().start(&Start::Assignment(assignment), NOW).unwrap();
    assert_eq!(one.device().start(&Start::Assignment(assignment), NOW).unwrap(), audit);
    fill(one.device(), audit);
    one.device().submit(audit, NOW).unwrap();
    assert_eq!(one.device().status().unwrap().pending_ops, 5);
    one.sync(&mut server);
    assert_eq!(one.device().status().unwrap().pending_ops, 0);
    let view = server.audits[&audit].view();
    assert_eq!((view.phase, view.answer("A02")), (Phase::Submitted, Some(&b"4"[..])));
    assert_eq!(view.pin().unwrap().assignment, Some(assignment));
    let mut two = Phone::new(2, &mut server);
    two.sync(&mut server);
    let detail = two.device().view(audit).unwrap();
    assert_eq!(detail.phase, Phase::Submitted);
    assert_eq!(detail.answers["A01"].value.as_ref().unwrap().get(), "\"yes\"");
    assert_eq!(two.device().projection_hash().unwrap(), one.device().projection_hash().unwrap());
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason_and_writes_nothing() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    assert_eq!(code(phone.device().start(&ad_hoc(1, hash), NOW)), "unknown_branch");
    phone.sync(&mut server);
    assert_eq!(code(phone.device().start(&ad_hoc(1, Hash::of(b"?")), NOW)), "unknown_template");
    assert_eq!(code(phone.device().start(&Start::Assignment(USER), NOW)), "unknown_assignment");
    assign(&mut server, USER, hash, "declined");
    phone.sync(&mut server);
    assert_eq!(code(phone.device().start(&Start::Assignment(USER), NOW)), "assignment_not_accepted");
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let device = phone.device();
    let head = device.head();
    assert_eq!(code(device.answer(Uuid::from_u128(9), "A01", "\"yes\"", NOW)), "unknown_audit");
    for (field, json, expected) in [
        ("A01", "\"maybe\"", "wrong_type"),
        ("A01", "1", "wrong_type"),
        ("A02", "9", "out_of_range"),
        ("A02", "\"4\"", "wrong_type"),
        ("Z99", "\"yes\"", "unknown_item"),
        ("A01", "{", "wrong_type"),
    ] {
        let Err(DeviceError::Problem(problem)) = device.answer(audit, field, json, NOW) else { panic!() };
        assert_eq!(problem.code, "invalid_answers");
        assert_eq!(problem.errors[0].code, expected, "{field} {json}");
    }
    assert_eq!(code(device.resolve(audit, "A01", "\"yes\"", NOW)), "no_conflict");
    let Err(DeviceError::Problem(problem)) = device.submit(audit, NOW) else { panic!() };
    let missing: Vec<_> = problem.errors.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(missing, ["/A01", "/A02", "/A03"]);
    assert_eq!(device.head(), head);
    device.verify_log().unwrap();
}

#[test]
fn a_text_above_the_limit_is_refused_when_it_is_written_and_not_when_it_is_sent() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let json = format!("\"{}\"", "ñ".repeat(17_000));
    let Err(DeviceError::Problem(problem)) = phone.device().answer(audit, "A03", &json, NOW) else {
        panic!()
    };
    assert_eq!(problem.code, "op_too_large");
    assert!(problem.errors[0].message_es.contains("Demasiado grande"));
    phone.device().answer(audit, "A03", "\"short\"", NOW).unwrap();
    phone.device().verify_log().unwrap();
    phone.sync(&mut server);
}

#[test]
fn an_answer_that_stands_already_writes_nothing_and_null_takes_one_back() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let device = phone.device();
    assert!(device.answer(audit, "A02", "null", NOW).unwrap().is_none());
    assert!(device.answer(audit, "A02", "4", NOW).unwrap().is_some());
    assert!(device.answer(audit, "A02", " 4 ", NOW).unwrap().is_none());
    assert!(device.answer(audit, "A02", "null", NOW).unwrap().is_some());
    assert!(device.view(audit).unwrap().answers["A02"].value.is_none());
    device.void(audit, "wrong branch", NOW).unwrap();
    assert_eq!(code(device.answer(audit, "A02", "4", NOW)), "audit_not_editable");
}

#[test]
fn two_phones_on_one_field_make_a_conflict_that_a_person_settles() {
    let (mut server, hash) = world();
    let assignment = Uuid::from_u128(31);
    assign(&mut server, assignment, hash, "accepted");
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    let mut audit = Uuid::nil();
    for (phone, answer) in [(&mut one, "\"yes\""), (&mut two, "\"no\"")] {
        phone.sync(&mut server);
        audit = phone.device().start(&Start::Assignment(assignment), NOW).unwrap();
        phone.device().answer(audit, "A01", answer, NOW).unwrap();
    }
    one.sync(&mut server);
    two.sync(&mut server);
    one.sync(&mut server);
    for phone in [&mut one, &mut two] {
        let conflicts = phone.device().conflicts(10).unwrap();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(
            (conflicts[0].conflict.kind, conflicts[0].conflict.values.len()),
            (ConflictKind::Field, 2)
        );
    }
    one.device().resolve(audit, "A01", "\"no\"", NOW).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    for phone in [&mut one, &mut two] {
        assert!(phone.device().conflicts(10).unwrap().is_empty());
        let detail = phone.device().view(audit).unwrap();
        assert_eq!(detail.answers["A01"].value.as_ref().unwrap().get(), "\"no\"");
        assert_eq!(detail.conflicts.len(), 1);
    }
    assert_eq!(one.device().projection_hash().unwrap(), two.device().projection_hash().unwrap());
}

fn server_op(kind: Kind, audit: Uuid, round: u32, value: Option<Bytes>) -> Op {
    let field = String::new();
    Op {
        dseq: 0,
        hlc: 0,
        kind,
        audit,
        round,
        field,
        base: vec![],
        value,
        opening: Opening::Seeded,
        origin: None,
    }
}

#[test]
fn a_returned_visit_is_corrected_and_handed_in_again_until_it_is_approved() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    phone.device().submit(audit, NOW).unwrap();
    assert_eq!(code(phone.device().answer(audit, "A01", "\"no\"", NOW)), "audit_not_editable");
    phone.sync(&mut server);
    let items = vec![ReturnedItem { field: "A01".into(), reason: "look again".into() }];
    let value = ReturnValue { submit: None, items, reasons: vec![], due_ms: None };
    server.command(USER, server_op(Kind::Return, audit, 2, payload::to_value(&value).ok()));
    phone.sync(&mut server);
    let detail = phone.device().view(audit).unwrap();
    assert_eq!((detail.phase, detail.round, detail.returned), (Phase::Returned, 2, Some(value)));
    phone.device().answer(audit, "A01", "\"no\"", NOW).unwrap();
    let submit = phone.device().submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    let set = &server.audits[&audit];
    let head = server.devices[&submit.dev].head.head.dseq;
    let server_dev = server.key.public_key().device();
    let held = |it: &sync_core::DeviceId| if *it == server_dev { server.server_head.dseq } else { head };
    assert_eq!(sync_core::content::obstacles_to_approval(set, &submit, held), []);
    let approve = payload::to_value(&ApproveValue { submit }).ok();
    server.command(USER, server_op(Kind::Approve, audit, 2, approve));
    phone.sync(&mut server);
    assert_eq!(phone.device().view(audit).unwrap().phase, Phase::Approved);
    assert_eq!(code(phone.device().answer(audit, "A01", "\"yes\"", NOW)), "audit_not_editable");
}

#[test]
fn a_rebuild_gives_the_same_bytes() {
    let (mut server, hash) = world();
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    for phone in [&mut one, &mut two] {
        phone.sync(&mut server);
        for number in 0..3 {
            // A clock that is years ahead, so that ranks are settled by the server.
            let wrong = NOW + 3 * 365 * 86_400_000;
            let audit = phone.device().start(&ad_hoc(number, hash), wrong).unwrap();
            phone.device().answer(audit, "A02", if number == 1 { "1" } else { "2" }, NOW).unwrap();
        }
    }
    for _ in 0..2 {
        one.sync(&mut server);
        two.sync(&mut server);
    }
    one.device().answer(Uuid::from_u128(2), "A01", "\"yes\"", NOW).unwrap();
    let before = one.device().projection_hash().unwrap();
    assert_ne!(before, two.device().projection_hash().unwrap());
    assert!(one.device().conflicts(10).unwrap().iter().any(|it| it.conflict.kind == ConflictKind::Clock));
    one.device().rebuild().unwrap();
    assert_eq!(one.device().projection_hash().unwrap(), before);
    one.kill();
    assert_eq!(one.device().projection_hash().unwrap(), before);
}

#[test]
fn an_entry_that_cannot_be_understood_is_set_aside_and_the_cursor_moves() {
    let (mut server, hash) = world();
    let stream = StreamId::Reference(server.org);
    server.append(stream, 1, Hash::of(b"?"), Entry::Raw(Nested::Unknown(Bytes::from(vec![0x83, 1, 2, 3]))));
    let forged = RefRow { kind: "template".into(), id: hash.to_string(), json: Some(Bytes::from("{}")) };
    server.publish(stream, forged);
    let deep = RefRow {
        kind: "branch".into(),
        id: "x".into(),
        json: Some(Bytes::from("[".repeat(5_000).into_bytes())),
    };
    server.publish(stream, deep);
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let status = phone.device().status().unwrap();
    assert_eq!((status.quarantined, status.streams[&stream.to_string()]), (3, 5));
    // The template that came before stands.
    assert_eq!(phone.device().templates().unwrap().len(), 1);
    phone.device().rebuild().unwrap();
    phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
}

#[test]
fn an_audit_that_is_taken_away_leaves_the_phone_and_unsent_work_still_goes_up() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    phone.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    let revoke = sync_core::exchange::Body::Revoke(sync_core::exchange::AuditRight { audit });
    server.append(StreamId::User(USER), 1, Hash::of(b"r"), Entry::Raw(Nested::Known(revoke)));
    phone.sync(&mut server);
    assert_eq!(code(phone.device().view(audit)), "unknown_audit");
    assert_eq!(server.audits[&audit].view().answer("A01"), Some(&b"\"yes\""[..]));
    phone.device().rebuild().unwrap();
    assert_eq!(code(phone.device().view(audit)), "unknown_audit");
}

#[test]
fn a_phone_that_was_taken_out_sends_what_it_had_left_and_keeps_nothing_of_others() {
    let (mut server, hash) = world();
    let (mut phone, mut other) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    for it in [&mut phone, &mut other] {
        it.sync(&mut server);
    }
    let theirs = other.device().start(&ad_hoc(2, hash), NOW).unwrap();
    other.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    assert!(phone.device().view(theirs).is_ok());
    fill(phone.device(), audit);
    let dev = phone.device().dev();
    server.ended.insert(dev, sync_core::exchange::Ending::DeviceRevoked);
    // Segments of one op each, so that it takes several exchanges; the process dies after each of their effects.
    server.limits.seg_ops = 1;
    for after in 1..6 {
        let device = phone.device.as_mut().unwrap();
        let mut wire = Wire { server: &mut server, faults: VecDeque::new() };
        let mut sync = Sync::new(device).unwrap();
        sync.begin(clock(), 1);
        for _ in 0..after {
            if sync.advance(device, &mut wire).unwrap().is_some() {
                break;
            }
        }
        phone.kill();
    }
    for _ in 0..2 {
        let finish = phone.sync_with(&mut server, &[]);
        assert_eq!(finish, Finish::AuthNeeded { reason: "device_revoked".into() });
    }
    let status = phone.device().status().unwrap();
    assert_eq!((status.pending_ops, status.ended.as_deref()), (0, Some("device_revoked")));
    assert_eq!(server.devices[&dev].ops.len(), 4);
    assert!(status.streams.values().all(|it| *it == 0));
    let device = phone.device();
    assert_eq!((device.templates().unwrap().len(), device.branches().unwrap().len()), (0, 0));
    assert_eq!(code(device.view(theirs)), "unknown_audit");
    assert_eq!(device.view(audit).unwrap().answers.len(), 3);
    assert_eq!(code(device.answer(audit, "A01", "\"no\"", NOW)), "unknown_template");
    phone.device().rebuild().unwrap();
    // Should its person come back, it is enrolled again and reads everything anew.
    server.ended.clear();
    let enrolment = phone.device().enrolment().unwrap().unwrap();
    phone.device().enrolled(&enrolment).unwrap();
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().ended, None);
    assert_eq!(phone.device().view(theirs).unwrap().phase, Phase::Draft);
}

#[test]
fn an_audit_that_is_given_back_is_whole_again() {
    let (mut server, hash) = world();
    let (mut phone, mut other) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    for it in [&mut phone, &mut other] {
        it.sync(&mut server);
    }
    let audit = other.device().start(&ad_hoc(1, hash), NOW).unwrap();
    other.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    other.sync(&mut server);
    phone.sync(&mut server);
    let right = sync_core::exchange::AuditRight { audit };
    let tell = |server: &mut Server, body| {
        server.append(StreamId::User(USER), 1, Hash::of(b"r"), Entry::Raw(Nested::Known(body)));
    };
    tell(&mut server, sync_core::exchange::Body::Revoke(right));
    phone.device().answer(audit, "A02", "4", NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(code(phone.device().view(audit)), "unknown_audit");
    let hidden = phone.device().projection_hash().unwrap();
    phone.device().rebuild().unwrap();
    assert_eq!(phone.device().projection_hash().unwrap(), hidden);
    // What was read of others is gone from the phone, so it comes again with the right.
    tell(&mut server, sync_core::exchange::Body::Grant(right));
    let dev = other.device().dev();
    let (first, last) = (1, 2);
    let h = server.devices[&dev].ops[&2].1;
    server.append(StreamId::User(USER), 2, h, Entry::Ops { dev, first, last, server: false });
    phone.sync(&mut server);
    let answers = phone.device().view(audit).unwrap().answers;
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["A01", "A02"]);
    let whole = phone.device().projection_hash().unwrap();
    phone.device().rebuild().unwrap();
    assert_eq!(phone.device().projection_hash().unwrap(), whole);
}

#[test]
fn a_phone_that_dies_while_it_relays_more_than_one_request_holds_still_offers_the_rest() {
    const RUNS: u64 = 40;
    let mut partly = 0;
    for after in 1..40 {
        let (mut server, hash) = world();
        server.page_items = 100;
        // The least that a request is cut to: so many runs of four thousand bytes take several.
        server.limits.body_bytes = 1;
        let mut phone = Phone::new(1, &mut server);
        phone.sync(&mut server);
        let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
        phone.sync(&mut server);
        let copy = server.clone();
        for round in 2..RUNS + 2 {
            let reasons = vec!["x".repeat(4_000)];
            let value = ReturnValue { submit: None, items: vec![], reasons, due_ms: None };
            let round = u32::try_from(round).unwrap();
            server.command(USER, server_op(Kind::Return, audit, round, payload::to_value(&value).ok()));
        }
        phone.sync(&mut server);
        server.restore(&copy, true);
        let device = phone.device.as_mut().unwrap();
        let mut wire = Wire { server: &mut server, faults: VecDeque::new() };
        let mut sync = Sync::new(device).unwrap();
        sync.begin(clock(), 1);
        for _ in 0..after {
            if sync.advance(device, &mut wire).unwrap().is_some() {
                break;
            }
        }
        phone.kill();
        let waiting = phone.device().status().unwrap().unplaced;
        assert!(waiting.to_offer <= waiting.runs && waiting.runs == waiting.ops, "{waiting:?}");
        partly += usize::from((1..RUNS).contains(&waiting.to_offer));
        phone.sync(&mut server);
        assert_eq!(phone.device().status().unwrap().unplaced, device::Unplaced::default());
        assert_eq!(server.audits[&audit].view().lifecycle.len() as u64, RUNS);
        let returned = server.feeds[&StreamId::User(USER)].iter();
        let returned = returned.filter(|it| matches!(it.entry, Entry::Returned(_))).count();
        assert_eq!(returned as u64, RUNS, "after {after}");
    }
    assert!(partly > 1, "no death fell between two requests that relay");
}

#[test]
fn what_the_server_sets_aside_is_acknowledged_and_told() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    server.outcome =
        Some(Outcome { dseq: 1, kind: OutcomeKind::Quarantined, reason: "foreign_audit".into() });
    phone.sync(&mut server);
    let status = phone.device().status().unwrap();
    assert_eq!((status.pending_ops, status.set_aside["foreign_audit"]), (0, 1));
}

#[test]
fn network_faults_are_told_and_change_nothing_on_the_phone() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    for fault in [Fault::Offline, Fault::Portal] {
        let finish = phone.sync_with(&mut server, &[fault]);
        assert!(matches!(finish, Finish::Backoff { .. }));
        assert_eq!(Sync::problem(&finish).unwrap().status, 503);
    }
    assert_eq!(phone.device().status().unwrap().pending_ops, 4);
    phone.sync_with(&mut server, &[Fault::LostReply]);
    phone.kill();
    assert!(matches!(phone.sync_with(&mut server, &[Fault::Twice]), Finish::Done(_)));
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
    let dev = phone.device().dev();
    assert_eq!(server.devices[&dev].ops.len(), 4);
    server.devices.remove(&dev);
    let finish = phone.sync_with(&mut server, &[]);
    assert!(matches!(finish, Finish::AuthNeeded { .. }));
}

#[test]
fn a_clock_that_is_years_off_and_jumps_between_two_answers_loses_nothing_and_the_ops_still_rise() {
    const YEAR: u64 = 365 * 86_400_000;
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW + 5 * YEAR).unwrap();
    let answers =
        [("A01", "\"yes\"", NOW), ("A02", "1", 0), ("A02", "4", NOW - 9 * YEAR), ("A03", "\"ok\"", NOW)];
    for (field, json, clock) in answers {
        phone.device().answer(audit, field, json, clock).unwrap();
    }
    phone.kill();
    // What was answered last stands, whatever the clock said.
    let stands =
        phone.device().view(audit).unwrap().answers["A02"].value.as_ref().map(|it| it.get().to_owned());
    assert_eq!(stands.as_deref(), Some("4"));
    phone.device().submit(audit, 1).unwrap();
    phone.sync(&mut server);
    let held: Vec<u64> = server.devices[&phone.device().dev()].ops.values().map(|it| it.0.hlc).collect();
    assert_eq!(held.len(), 6);
    assert!(held.is_sorted_by(|one, next| one < next), "{held:?}");
    // To everybody it ranks at most five minutes after its receipt, so that a later answer of a right clock can win.
    let limit = sync_core::hlc::at_ms(server.now_ms + sync_core::hlc::MAX_AHEAD_MS);
    assert!(server.audits[&audit].iter().all(|it| it.1.eff_hlc <= limit));
    let view = server.audits[&audit].view();
    assert_eq!(view.phase, Phase::Submitted);
    // That the clock was not believed stays visible, and is all that is odd about it.
    assert!(view.open_conflicts().all(|it| it.kind == ConflictKind::Clock));
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
}

#[test]
fn a_device_that_is_open_is_not_opened_a_second_time() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let second = Device::open(phone.dir.path()).err().unwrap();
    assert_eq!((second.code(), second.to_problem().status), ("device_in_use", 409));
    phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.kill();
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
}

#[test]
fn a_copied_folder_without_its_key_is_refused_and_with_it_is_found_out() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let copy = TempDir::new().unwrap();
    phone.device = None;
    for file in ["device.db", "device.db-wal", "device.key"] {
        if phone.dir.path().join(file).exists() {
            std::fs::copy(phone.dir.path().join(file), copy.path().join(file)).unwrap();
        }
    }
    phone.kill();
    let mut clone = Phone { device: Some(Device::open(copy.path()).unwrap()), dir: copy };
    phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    clone.device().start(&ad_hoc(2, hash), NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(clone.sync_with(&mut server, &[]), Finish::Recover(RecoverCause::Fork));
    clone.device = None;
    std::fs::remove_file(clone.dir.path().join("device.key")).unwrap();
    assert_eq!(Device::open(clone.dir.path()).err().unwrap().code(), "device_without_key");
    assert_eq!(Device::open(Path::new("/nonexistent")).err().unwrap().code(), "no_device");
    let again = NewDevice { secret: [8; 32], kind: DeviceKind::Phone };
    assert_eq!(Device::create(phone.dir.path(), &again).err().unwrap().code(), "device_exists");
}

#[test]
fn an_answer_that_the_disk_changed_is_not_signed_in_its_authors_name() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    phone.device = None;
    let store = rusqlite::Connection::open(phone.dir.path().join("device.db")).unwrap();
    let changed = store.execute("UPDATE oplog SET value = x'35' WHERE value = x'34'", []).unwrap();
    assert_eq!(changed, 1);
    drop(store);
    phone.kill();
    let (dev, mut wire) = (phone.device().dev(), Wire { server: &mut server, faults: VecDeque::new() });
    let device = phone.device.as_mut().unwrap();
    let run = Sync::new(device).unwrap().run(device, &mut wire, clock(), 1);
    assert_eq!(code(run), "device_store_damaged");
    assert_eq!(code(device.export(audit).map(|it| it.audit)), "device_store_damaged");
    assert_eq!(server.devices[&dev].head.head.dseq, 0);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_what_a_device_keeps_even_where_they_could_before() {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let files = ["device.db", "device.db-wal", "device.db-shm", "device.key"];
    let files = files.map(|it| phone.dir.path().join(it));
    let rights = || files.each_ref().map(|it| std::fs::metadata(it).unwrap().permissions().mode() & 0o777);
    assert_eq!(rights(), [0o600; 4]);
    // As an earlier version left them.
    for file in &files[..3] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    // It is refused, since it is open; its files are tightened all the same.
    assert_eq!(Device::open(phone.dir.path()).err().unwrap().code(), "device_in_use");
    assert_eq!(rights(), [0o600; 4]);
}

#[test]
fn an_export_carries_signed_segments_that_a_server_takes_in() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    let export = phone.device().export(audit).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&serde_json::to_vec(&export).unwrap()).unwrap();
    assert_eq!(json["ops"][1]["value"], "t:\"yes\"");
    assert_eq!(json["ops"][1]["kind"], "set");
    let segment: Segment = serde_json::from_value(json["segments"][0].clone()).unwrap();
    let verified = segment.verify(&export.key, &server.org, server.epoch).unwrap();
    assert_eq!(verified.last(), phone.device().head());
    assert_eq!(verified.hashes.last(), export.ops.last().unwrap().h.as_ref());
}

#[test]
fn an_import_batch_is_one_transaction_and_survives_refused_rows() {
    let (mut server, _) = world();
    let mut phone = Phone::of_kind(3, &mut server, DeviceKind::Import);
    let hash = phone.device().add_template(&template()).unwrap();
    let before = phone.device().head();
    let failed = phone.device().batch(|batch| {
        batch.start(&ad_hoc(1, hash), NOW)?;
        batch.answer(Uuid::from_u128(1), "A02", "9", NOW)
    });
    assert!(failed.is_err());
    assert_eq!(phone.device().head(), before);
    phone
        .device()
        .batch(|batch| {
            for number in 0..200 {
                let audit = batch.start(&ad_hoc(number, hash), NOW)?;
                batch.answer(audit, "A01", "\"yes\"", NOW)?;
                assert!(batch.answer(audit, "A02", "9", NOW).is_err());
                batch.answer(audit, "A02", "5", NOW)?;
                // A03 and the photo are not in the source.
                assert!(batch.submit(audit, SubmitRule::Complete, NOW).is_err());
                batch.submit(audit, SubmitRule::ScoredItemsAnswered, NOW)?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(phone.device().head().dseq, 800);
    assert_eq!(phone.device().status().unwrap().audits["submitted"], 200);
    phone.kill();
    phone.device().verify_log().unwrap();
    let before = phone.device().projection_hash().unwrap();
    phone.device().rebuild().unwrap();
    assert_eq!(phone.device().projection_hash().unwrap(), before);
    phone.sync(&mut server);
    assert!(server.audits.values().all(|it| it.view().phase == Phase::Submitted));
    let lists = phone.device().list(None, 150).unwrap();
    let rest = phone.device().list(Some(lists[149].audit), 150).unwrap();
    assert_eq!(rest.len(), 50);
}

#[derive(Debug, Clone)]
enum Step {
    Answer {
        phone: usize,
        audit: u128,
        value: u8,
    },
    Sync {
        phone: usize,
        faults: Vec<Fault>,
    },
    /// The process dies after so many effects of a run.
    KillInSync {
        phone: usize,
        after: usize,
    },
    Return {
        audit: u128,
    },
    Backup,
    /// The server goes back to the last backup; its epoch is raised or not.
    Restore {
        raise: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let phone = 0..2_usize;
    let fault = prop::sample::select(vec![
        Fault::None,
        Fault::Offline,
        Fault::LostReply,
        Fault::Twice,
        Fault::Portal,
    ]);
    prop_oneof![
        3 => (phone.clone(), 0..2_u128, 1..4_u8).prop_map(|(phone, audit, value)| Step::Answer { phone, audit, value }),
        1 => (phone.clone(), prop::collection::vec(fault, 0..3)).prop_map(|(phone, faults)| Step::Sync { phone, faults }),
        2 => (phone, 0..9_usize).prop_map(|(phone, after)| Step::KillInSync { phone, after }),
        1 => (0..2_u128).prop_map(|audit| Step::Return { audit }),
        1 => Just(Step::Backup),
        1 => any::<bool>().prop_map(|raise| Step::Restore { raise }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// I1 to I4 and I8 over the real store: killed between any two effects, with a network that loses and repeats and a
    /// server that is restored, phones and server end with the same audits, nothing lost and nothing twice.
    #[test]
    fn killed_phones_and_restored_servers_converge(steps in prop::collection::vec(any_step(), 1..20)) {
        let (mut server, hash) = world();
        let mut phones = [Phone::new(1, &mut server), Phone::new(2, &mut server)];
        for phone in &mut phones {
            phone.sync(&mut server);
        }
        let mut backup = server.clone();
        for step in steps {
            match step {
                Step::Answer { phone, audit, value } => {
                    let device = phones[phone].device();
                    let audit = device.start(&ad_hoc(audit, hash), NOW).unwrap();
                    device.answer(audit, "A02", &value.to_string(), NOW).unwrap();
                }
                Step::Sync { phone, faults } => {
                    phones[phone].sync_with(&mut server, &faults);
                }
                Step::KillInSync { phone, after } => {
                    let device = phones[phone].device.as_mut().unwrap();
                    let mut wire = Wire { server: &mut server, faults: VecDeque::new() };
                    let mut sync = Sync::new(device).unwrap();
                    sync.begin(clock(), 1);
                    for _ in 0..after {
                        if sync.advance(device, &mut wire).unwrap().is_some() {
                            break;
                        }
                    }
                    phones[phone].kill();
                }
                Step::Return { audit } => {
                    let audit = Uuid::from_u128(audit);
                    let round = server.audits.get(&audit).map_or(1, |it| it.view().rounds.current) + 1;
                    server.command(USER, server_op(Kind::Return, audit, round, None));
                }
                Step::Backup => backup = server.clone(),
                Step::Restore { raise } => {
                    server.restore(&backup, raise);
                }
            }
        }
        for _ in 0..2 {
            for phone in &mut phones {
                phone.sync(&mut server);
            }
        }
        for phone in &mut phones {
            let device = phone.device();
            prop_assert_eq!(server.devices[&device.dev()].ops.len() as u64, device.head().dseq);
            for (audit, set) in &server.audits {
                prop_assert_eq!(&device.ops(*audit).unwrap(), set);
            }
            let hash = device.projection_hash().unwrap();
            device.rebuild().unwrap();
            prop_assert_eq!(device.projection_hash().unwrap(), hash);
            device.verify_log().unwrap();
        }
    }
}
