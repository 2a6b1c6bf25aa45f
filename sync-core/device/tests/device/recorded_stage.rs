//! The script that is recorded: phones of one person and an office, from first contact to a restored office and a phone that is
//! taken out. Owns what they do and that every part of the wire is said in it.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
};

use device::{Device, PhotoFacts, Start, Sync, Transport, TransportError, Upload};
use serde::{Deserialize, Serialize};
use sync_core::{
    Bytes, Hash, Kind, Op, OpId,
    codec::{self, Nested},
    exchange::{AuditRight, Body, ClockReading, Ending, Outcome, OutcomeKind, RefRow, StreamId},
    ingest::Enrolment,
    lane,
    payload::{self, ApproveValue, ReasonValue, ReturnValue},
    renew::SuccessionRequest,
    session::{Finish, RecoverCause},
};
use uuid::Uuid;

use crate::{
    NOW, Phone, USER, ad_hoc, assign, fill,
    model::{Entry, Server},
    photos::{BlobWire, blobs::BlobServer},
    renewed::{copy_of, succeed},
    server_op, world,
};

pub(super) const STREAM: StreamId = StreamId::User(USER);
pub(super) const ASSIGNMENT: Uuid = Uuid::from_u128(31);
pub(super) const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0 a photo that was not sent when this was recorded";
const LOST_PHOTO: &[u8] = b"a photo whose file the phone lost";
/// The visit in which the office says whatever else it can say, and the one of the copied phone.
const SPARE: Uuid = Uuid::from_u128(42);
const COPIED: u128 = 43;

/// What a phone said and heard.
pub(super) struct Said {
    pub(super) by: &'static str,
    /// Nothing, or what became of the office since: `lost` is said after the copy to which it is set back.
    pub(super) when: &'static str,
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
}

/// A line to the model server on which everything is written down.
pub(super) struct Recorder<'a> {
    pub(super) server: &'a mut Server,
    pub(super) said: &'a mut Vec<Said>,
    pub(super) by: &'static str,
    pub(super) when: &'static str,
}

impl Transport for Recorder<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let reply = codec::to_cbor(&self.server.exchange(&codec::from_cbor(request).unwrap())).unwrap();
        let (by, when, request) = (self.by, self.when, request.to_vec());
        self.said.push(Said { by, when, request, reply: reply.clone() });
        Ok(reply)
    }
}

/// The server and the phones of one person: `a`, `b`, and `c`, which is a copy of `a` until it goes on as a device of its own.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) phones: Vec<Phone>,
    pub(super) said: Vec<Said>,
    pub(super) succession: Option<(SuccessionRequest, Enrolment)>,
    copy: Option<Server>,
    when: &'static str,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// The clocks of a phone that can tell all of them.
pub(super) fn clocks() -> ClockReading {
    ClockReading { wall_ms: NOW, mono_ms: Some(86_400_000), boot: Some(Uuid::from_u128(77)) }
}

impl Stage {
    pub(super) fn open() -> (Self, Hash) {
        let (mut server, hash) = world();
        server.page_items = 6;
        assign(&mut server, ASSIGNMENT, hash, "accepted");
        let phones = vec![Phone::new(1, &mut server), Phone::new(2, &mut server)];
        (Self { server, phones, said: Vec::new(), succession: None, copy: None, when: "" }, hash)
    }

    pub(super) fn sync(&mut self, at: usize) -> Finish {
        let (by, when) = (NAMES[at], self.when);
        let mut wire = Recorder { server: &mut self.server, said: &mut self.said, by, when };
        let device = self.phones[at].device();
        Sync::new(device).unwrap().run(device, &mut wire, clocks(), 1 << 31).unwrap()
    }

    fn command(&mut self, kind: Kind, audit: Uuid, round: u32, value: Option<&impl Serialize>) -> OpId {
        let value = value.map(|it| payload::to_value(it).unwrap());
        self.server.command(USER, server_op(kind, audit, round, value))
    }
}

pub(super) fn tell(server: &mut Server, body: Nested<Body>) {
    server.append(STREAM, 1, Hash::of(b"told"), Entry::Raw(body));
}

/// What a phone records offline; the two phones come into conflict on an answer.
fn work(phone: &mut Device, number: usize, hash: Hash) -> Uuid {
    let audit = phone.start(&Start::Assignment(ASSIGNMENT), NOW).unwrap();
    fill(phone, audit);
    let answer = ["\"yes\"", "\"no\""][number];
    phone.answer(audit, "A01", answer, NOW).unwrap();
    phone.batch(|it| it.note(audit, "A01", "seen from the door", NOW)).unwrap();
    let spare = phone.start(&ad_hoc(41 + number as u128, hash), NOW).unwrap();
    phone.answer(spare, "A02", "3", NOW).unwrap();
    phone.answer(spare, "A02", "null", NOW).unwrap();
    phone.void(spare, "the branch was closed", NOW).unwrap();
    audit
}

fn attach(phone: &mut Device, audit: Uuid, bytes: &[u8]) -> OpId {
    let captured = phone.capture(&mut &bytes[..]).unwrap();
    let facts =
        PhotoFacts { mime: "image/jpeg".to_owned(), captured_at_ms: Some(NOW), ..PhotoFacts::default() };
    phone.batch(|it| it.attach(audit, "A04", &captured, &facts, NOW)).unwrap()
}

/// The file of a photo goes before it was sent, and the phone says so.
fn lose(stage: &mut Stage, photo: &[u8]) {
    let file = stage.phones[0].dir.path().join("blobs").join(Hash::of(photo).to_string());
    fs::remove_file(file).unwrap();
    let mut server = BlobServer::new(stage.server.epoch, 1_000);
    let mut line = BlobWire { server: &mut server, cuts: VecDeque::new() };
    let device = stage.phones[0].device();
    let finish = Upload::new(device).unwrap().run(device, &mut line, None, 1 << 31, NOW).unwrap();
    assert!(matches!(&finish, lane::Finish::Done(it) if it.lost == 1), "{finish:?}");
}

/// The copy of a phone goes on as a device of its own once the office sees two logs.
fn go_on_as_another(stage: &mut Stage) {
    let finish = stage.sync(2);
    assert_eq!(finish, Finish::Recover(RecoverCause::Fork));
    let device = stage.phones[2].device();
    device.renew(RecoverCause::Fork, [3; 32]).unwrap();
    let request = device.succession().unwrap().unwrap();
    succeed(device, &mut stage.server);
    let enrolment = device.enrolment().unwrap().unwrap();
    stage.succession = Some((request, enrolment));
    let set_aside = Outcome { dseq: 1, kind: OutcomeKind::Quarantined, reason: "foreign_audit".to_owned() };
    stage.server.outcome = Some(set_aside);
    assert!(matches!(stage.sync(2), Finish::Done(_)));
    stage.server.outcome = None;
}

/// Pushes with every kind of op that a phone writes, up to the copy of the office.
fn before_the_copy(stage: &mut Stage, hash: Hash) -> Uuid {
    for at in [0, 1] {
        stage.sync(at);
    }
    let audit = work(stage.phones[0].device(), 0, hash);
    work(stage.phones[1].device(), 1, hash);
    let photo = attach(stage.phones[0].device(), audit, LOST_PHOTO);
    for (at, kind) in [(0, OutcomeKind::Conflict), (1, OutcomeKind::Late)] {
        stage.server.outcome = Some(Outcome { dseq: 2, kind, reason: kind.name().to_owned() });
        stage.sync(at);
    }
    stage.server.outcome = None;
    stage.sync(0);
    stage.phones[0].device = None;
    let dir = copy_of(stage.phones[0].dir.path());
    stage.phones[0].kill();
    let device = Some(Device::open(dir.path()).unwrap());
    stage.phones.push(Phone { dir, device });
    let copied = stage.phones[2].device().start(&ad_hoc(COPIED, hash), NOW).unwrap();
    stage.phones[2].device().answer(copied, "A02", "1", NOW).unwrap();
    lose(stage, LOST_PHOTO);
    stage.phones[0].device().batch(|it| it.detach(audit, photo, NOW)).unwrap();
    for field in ["A01", "A02", "A03"] {
        let json = ["\"yes\"", "4", "\"all well\""][usize::from(field.as_bytes()[2] - b'1')];
        let _ = stage.phones[0].device().resolve(audit, field, json, NOW);
    }
    stage.phones[0].device().submit(audit, NOW).unwrap();
    stage.sync(0);
    go_on_as_another(stage);
    audit
}

/// Whatever the office can say of a visit, on the one that nobody needs.
fn say_everything(stage: &mut Stage) {
    let reason = ReasonValue { reason: "because".to_owned() };
    stage.command(Kind::Assign, SPARE, 1, None::<&()>);
    stage.command(Kind::Revoke, SPARE, 1, Some(&reason));
    let submit = stage.command(Kind::Reject, SPARE, 1, Some(&reason));
    stage.command(Kind::Reopen, SPARE, 2, Some(&reason));
    stage.command(Kind::Approve, SPARE, 2, Some(&ApproveValue { submit }));
    stage.command(Kind::AckConflict, SPARE, 2, None::<&()>);
    stage.command(Kind::Unknown(999), SPARE, 2, None::<&()>);
}

/// What the office loses: its own word on visits, pages with every kind of entry, and what phones sent since.
fn after_the_copy(stage: &mut Stage, audit: Uuid) {
    stage.when = "-lost";
    let reasons = vec!["not clear".to_owned()];
    let value = ReturnValue { submit: None, items: vec![], reasons, due_ms: None };
    stage.command(Kind::Return, audit, 2, Some(&value));
    say_everything(stage);
    let gone = RefRow { kind: "assignment".into(), id: Uuid::from_u128(39).to_string(), json: None };
    stage.server.publish(STREAM, gone);
    let spare = AuditRight { audit: SPARE };
    tell(&mut stage.server, Nested::Known(Body::Revoke(spare)));
    tell(&mut stage.server, Nested::Unknown(Bytes::from(vec![0x83, 1, 2, 3])));
    tell(&mut stage.server, Nested::Known(Body::Grant(spare)));
    for at in [0, 1] {
        stage.sync(at);
    }
    let named = stage.phones[0].device().answer(audit, "A03", "\"it was Ximena\"", NOW).unwrap().unwrap();
    stage.phones[2].device().answer(Uuid::from_u128(COPIED), "A01", "\"yes\"", NOW).unwrap();
    for at in [0, 2, 1] {
        stage.sync(at);
    }
    let value = payload::to_value(&ReasonValue { reason: "asked for".into() }).ok();
    let redact = Op { field: "A03".into(), base: vec![named], ..server_op(Kind::Redact, audit, 2, value) };
    stage.server.command(USER, redact);
    for at in [0, 1] {
        stage.sync(at);
    }
}

/// What is said until the office is lost.
pub(super) fn first_part(stage: &mut Stage, hash: Hash) -> Uuid {
    let audit = before_the_copy(stage, hash);
    stage.copy = Some(stage.server.clone());
    after_the_copy(stage, audit);
    audit
}

/// What a phone had not sent when its folder was recorded.
pub(super) fn unsent(phone: &mut Device, audit: Uuid) {
    phone.answer(audit, "A03", "\"seen again\"", NOW).unwrap();
    attach(phone, audit, PHOTO);
}

/// A restored server: one phone brings its own log and what the server had said, another what a third had written, which never
/// comes again; and a phone that is taken out hands in what it has left.
pub(super) fn second_part(stage: &mut Stage, audit: Uuid) {
    // Until now every run came opened, as one that is not a whole segment does.
    stage.server.sends_segments = true;
    stage.server.durable_through = 1;
    unsent(stage.phones[0].device(), audit);
    stage.phones[1].device().answer(audit, "A02", "2", NOW).unwrap();
    for at in [0, 1, 0] {
        stage.sync(at);
    }
    let copy = stage.copy.take().unwrap();
    stage.server.restore(&copy, true);
    stage.server.sends_segments = true;
    stage.when = "-restored";
    for at in [0, 1] {
        stage.sync(at);
    }
    let device = stage.phones[0].device();
    device.answer(audit, "A01", "\"no\"", NOW).unwrap();
    let dev = device.dev();
    stage.server.ended.insert(dev, Ending::DeviceRevoked);
    stage.sync(0);
    stage.sync(0);
}

/// How each phone ends, to compare.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ends(BTreeMap<String, (u64, String)>);

pub(super) fn ends(stage: &mut Stage) -> Ends {
    let mut all = BTreeMap::new();
    for (phone, name) in stage.phones.iter_mut().zip(NAMES) {
        let shown = phone.device().projection_hash().unwrap().to_string();
        all.insert(name.to_owned(), (phone.device().head().dseq, shown));
    }
    Ends(all)
}
