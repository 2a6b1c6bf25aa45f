//! What phones and offices of each released version of the wire said to each other, and a phone's folder of that version: today's
//! code reads it, says the same, and loses nothing. tests/recorded tells how a version is recorded.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use device::{Device, PhotoFacts, Start, Sync, Transport, TransportError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sync_core::{
    Bytes, Hash, Head, Kind,
    blob::{BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState},
    codec::{self, Nested},
    exchange::{
        AuditRight, Body, Ending, Item, Limits, Outcome, OutcomeKind, PROTO, RefRow, Refusal, RefusalCode,
        Reply, Request, StreamId,
    },
    ingest::{Enrolment, EnrolmentRequest},
    payload::{self, BlobRef, ReturnValue},
    reference::AssignmentRow,
    session::Finish,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    NOW, Phone, USER, ad_hoc, assign, clock, fill,
    model::{Entry, Server},
    server_op, template, world,
};

const STREAM: StreamId = StreamId::User(USER);
const ASSIGNMENT: Uuid = Uuid::from_u128(31);
const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0 a photo that was not sent when this was recorded";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recorded/wire-1")
}

// ---- what is recorded ----

/// What one phone said and heard: written down, or held against what was written down.
struct Tape {
    name: &'static str,
    said: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A line to the model server on which everything is written down.
struct Recorder<'a> {
    server: &'a mut Server,
    tape: &'a mut Tape,
}

impl Transport for Recorder<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let reply = codec::to_cbor(&self.server.exchange(&codec::from_cbor(request).unwrap())).unwrap();
        self.tape.said.push((request.to_vec(), reply.clone()));
        Ok(reply)
    }
}

/// A line to a recorded server: it answers as it did then, to a phone that asks what it then asked.
struct Player {
    answers: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    at: String,
}

impl Transport for Player {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let (asked, reply) = self.answers.next().expect("the phone asks more than was recorded");
        let (asked, now): (Request, Request) =
            (codec::from_cbor(&asked).unwrap(), codec::from_cbor(request).unwrap());
        assert_eq!(now, asked, "{}: the phone asks otherwise than was recorded", self.at);
        Ok(reply)
    }
}

/// The server and two phones of one person, whose lines are recorded.
struct Stage {
    server: Server,
    phones: [Phone; 2],
    tapes: [Tape; 2],
}

impl Stage {
    fn open() -> (Self, Hash) {
        let (mut server, hash) = world();
        assign(&mut server, ASSIGNMENT, hash, "accepted");
        let phones = [Phone::new(1, &mut server), Phone::new(2, &mut server)];
        let tapes = ["a", "b"].map(|name| Tape { name, said: Vec::new() });
        (Self { server, phones, tapes }, hash)
    }

    fn sync(&mut self, at: usize) -> Finish {
        let mut wire = Recorder { server: &mut self.server, tape: &mut self.tapes[at] };
        let device = self.phones[at].device();
        Sync::new(device).unwrap().run(device, &mut wire, clock(), 1 << 31).unwrap()
    }
}

fn tell(server: &mut Server, body: Nested<Body>) {
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

fn attach(phone: &mut Device, audit: Uuid, bytes: &[u8]) -> sync_core::OpId {
    let captured = phone.capture(&mut &bytes[..]).unwrap();
    let facts = PhotoFacts { mime: "image/jpeg".to_owned(), captured_at_ms: Some(NOW), gps: None };
    phone.batch(|it| it.attach(audit, "A04", &captured, &facts, NOW)).unwrap()
}

/// Pushes with every kind of op, and pages with every kind of entry.
fn first_part(stage: &mut Stage, hash: Hash) -> Uuid {
    for at in [0, 1] {
        stage.sync(at);
    }
    let audit = work(stage.phones[0].device(), 0, hash);
    work(stage.phones[1].device(), 1, hash);
    let photo = attach(stage.phones[0].device(), audit, b"a photo that is taken away again");
    stage.phones[0].device().batch(|it| it.detach(audit, photo, NOW)).unwrap();
    stage.server.outcome =
        Some(Outcome { dseq: 2, kind: OutcomeKind::Conflict, reason: "conflict".to_owned() });
    for at in [0, 1, 0] {
        stage.sync(at);
    }
    stage.server.outcome = None;
    for field in ["A01", "A02", "A03"] {
        let json = ["\"yes\"", "4", "\"all well\""][usize::from(field.as_bytes()[2] - b'1')];
        let _ = stage.phones[0].device().resolve(audit, field, json, NOW);
    }
    stage.phones[0].device().submit(audit, NOW).unwrap();
    stage.sync(0);
    let reasons = vec!["not clear".to_owned()];
    let value = ReturnValue { submit: None, items: vec![], reasons, due_ms: None };
    stage.server.command(USER, server_op(Kind::Return, audit, 2, payload::to_value(&value).ok()));
    let gone = RefRow { kind: "assignment".into(), id: Uuid::from_u128(39).to_string(), json: None };
    stage.server.publish(STREAM, gone);
    let spare = AuditRight { audit: Uuid::from_u128(42) };
    tell(&mut stage.server, Nested::Known(Body::Revoke(spare)));
    tell(&mut stage.server, Nested::Unknown(Bytes::from(vec![0x83, 1, 2, 3])));
    tell(&mut stage.server, Nested::Known(Body::Grant(spare)));
    for at in [0, 1] {
        stage.sync(at);
    }
    audit
}

/// What a phone had not sent when its folder was recorded.
fn unsent(phone: &mut Device, audit: Uuid) {
    phone.answer(audit, "A03", "\"seen again\"", NOW).unwrap();
    attach(phone, audit, PHOTO);
}

/// A restored server, and a phone that is taken out.
fn second_part(stage: &mut Stage, audit: Uuid) {
    // Until now every run came opened, as one that is not a whole segment does.
    stage.server.sends_segments = true;
    let copy = stage.server.clone();
    unsent(stage.phones[0].device(), audit);
    stage.phones[1].device().answer(audit, "A02", "2", NOW).unwrap();
    for at in [0, 1, 0] {
        stage.sync(at);
    }
    stage.server.restore(&copy, true);
    stage.sync(1);
    let dev = stage.phones[0].device().dev();
    stage.server.ended.insert(dev, Ending::DeviceRevoked);
    stage.sync(0);
    stage.sync(0);
}

/// How each phone ends, to compare.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ends(BTreeMap<String, (u64, String)>);

fn ends(stage: &mut Stage) -> Ends {
    let mut all = BTreeMap::new();
    for (phone, tape) in stage.phones.iter_mut().zip(&stage.tapes) {
        let shown = phone.device().projection_hash().unwrap().to_string();
        all.insert(tape.name.to_owned(), (phone.device().head().dseq, shown));
    }
    Ends(all)
}

// ---- every message, one by one ----

/// Each kind of refusal with what goes with it.
fn refusals() -> Vec<(String, Refusal)> {
    let codes = [
        RefusalCode::Malformed,
        RefusalCode::Unauthorized,
        RefusalCode::Gap,
        RefusalCode::Fork,
        RefusalCode::PrevMismatch,
        RefusalCode::Epoch,
        RefusalCode::TooLarge,
        RefusalCode::Invalid,
        RefusalCode::Offset,
        RefusalCode::BadHash,
        RefusalCode::Quota,
        RefusalCode::NotFound,
        RefusalCode::Upgrade,
        RefusalCode::TooMany,
        RefusalCode::Unavailable,
    ];
    let refusal = |code: RefusalCode| {
        let is_conflict = code.status() == 409;
        let dev_head = is_conflict.then(|| Head { dseq: 7, h: Hash::of(b"head") });
        let epoch = (code == RefusalCode::Epoch).then_some(9);
        let retry_after_ms = matches!(code, RefusalCode::TooMany | RefusalCode::Unavailable).then_some(1_500);
        Refusal { dev_head, epoch, retry_after_ms, ..Refusal::new(code, "why") }
    };
    let name = |code: RefusalCode| serde_json::to_value(code).unwrap().as_str().unwrap().to_owned();
    codes.into_iter().map(|code| (format!("refusal-{}", name(code)), refusal(code))).collect()
}

fn blob_messages() -> Vec<(&'static str, BlobReply)> {
    let id = |it: &[u8]| Hash::of(it);
    let states = vec![
        (id(b"1"), BlobState::Have),
        (id(b"2"), BlobState::Partial { offset: 512 }),
        (id(b"3"), BlobState::Want),
        (id(b"4"), BlobState::Refused { reason: "blob_too_large".to_owned() }),
    ];
    let limits = Limits { pause: vec!["blobs".to_owned()], ..Limits::default() };
    let progress = |offset, stored| BlobProgress { offset, stored, limits: limits.clone() };
    let refusal = BlobRefusal { offset: Some(512), ..BlobRefusal::new(RefusalCode::Offset, "offset") };
    vec![
        ("blob-answer", BlobReply::Done(BlobAnswer { epoch: 7, states, limits: limits.clone() })),
        ("blob-progress", BlobReply::Progress(progress(512, false))),
        ("blob-stored", BlobReply::Progress(progress(900, true))),
        ("blob-refusal", BlobReply::Refused(refusal)),
    ]
}

fn blob_query() -> BlobQuery {
    let blobs = vec![BlobRef { id: Hash::of(PHOTO), size: PHOTO.len() as u64 }];
    BlobQuery { proto: PROTO, dev: sync_core::DeviceId([7; 16]), epoch: 7, blobs }
}

fn write_both(path: &Path, message: &impl Serialize) {
    fs::write(path.with_extension("cbor"), codec::to_cbor(message).unwrap()).unwrap();
    fs::write(path.with_extension("json"), codec::to_json(message).unwrap()).unwrap();
}

/// Records this version of the wire: only where it was never released. See tests/recorded.
#[test]
#[ignore = "no test: makes the recording anew, as tests/recorded/README.md says"]
fn record() {
    let folder = folder();
    for part in ["exchange", "messages", "device"] {
        let _ = fs::remove_dir_all(folder.join(part));
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    fs::write(folder.join("template.json"), template()).unwrap();
    let (mut stage, hash) = Stage::open();
    let audit = first_part(&mut stage, hash);
    let middle = [0, 1].map(|at| stage.tapes[at].said.len());
    second_part(&mut stage, audit);
    let ended = ends(&mut stage);
    for (tape, middle) in stage.tapes.iter().zip(middle) {
        for (number, (request, reply)) in tape.said.iter().enumerate() {
            // Whoever begins where a server was not restored reads only what comes before `restored`.
            let when = if number < middle { "" } else { "-restored" };
            let path = folder.join("exchange").join(format!("{}-{number:02}{when}-request", tape.name));
            write_both(&path, &codec::from_cbor::<Request>(request).unwrap());
            let path = folder.join("exchange").join(format!("{}-{number:02}{when}-reply", tape.name));
            write_both(&path, &codec::from_cbor::<Reply>(reply).unwrap());
        }
    }
    fs::write(folder.join("ends.json"), serde_json::to_string_pretty(&ended).unwrap()).unwrap();
    let messages = folder.join("messages");
    for (name, refusal) in refusals() {
        write_both(&messages.join(name), &Reply::Refused(refusal));
    }
    for (name, reply) in blob_messages() {
        write_both(&messages.join(name), &reply);
    }
    write_both(&messages.join("blob-query"), &blob_query());
    let (mut fresh, hash) = Stage::open();
    let device = fresh.phones[1].device();
    write_both(&messages.join("enrolment-request"), &device.enrolment_request("ABCD-EFGH").unwrap());
    write_both(&messages.join("enrolment"), &device.enrolment().unwrap().unwrap());
    let audit = first_part(&mut fresh, hash);
    unsent(fresh.phones[0].device(), audit);
    let [phone, _] = fresh.phones;
    let Phone { dir, device } = phone;
    drop(device);
    copy_folder(dir.path(), &folder.join("device"));
    let _ = fs::remove_file(folder.join("device/device.lock"));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

// ---- what is held against it ----

fn names(part: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(part)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == extension));
    paths.sort();
    paths
}

/// Reads a recorded message in both forms and writes it again.
fn reread<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(path: &Path) -> T {
    let (cbor, json) = (fs::read(path).unwrap(), fs::read(path.with_extension("json")).unwrap());
    let message: T = codec::from_cbor(&cbor).map_err(|it| format!("{}: {it}", path.display())).unwrap();
    assert_eq!(codec::to_cbor(&message).unwrap(), cbor, "{}: it is written otherwise now", path.display());
    let of_json: T = codec::from_json(&json).map_err(|it| format!("{}: {it}", path.display())).unwrap();
    // The form for debugging shows an entry of a later version as what it cannot read.
    if !String::from_utf8_lossy(&json).contains(r#""body":"x:"#) {
        let value = |it: &[u8]| serde_json::from_slice::<serde_json::Value>(it).unwrap();
        let now = value(&codec::to_json(&of_json).unwrap());
        assert_eq!(now, value(&json), "{}: it is written otherwise now", path.display());
        assert_eq!(of_json, message, "{}: the two forms differ", path.display());
    }
    message
}

#[test]
fn every_recorded_message_is_read_and_written_as_it_was() {
    let (mut bodies, mut kinds, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for path in names("exchange", "cbor") {
        if path.to_string_lossy().ends_with("request.cbor") {
            let request: Request = reread(&path);
            for segment in &request.push {
                let ops = segment.open().unwrap().ops.unpack(segment.first).unwrap();
                kinds.extend(ops.iter().map(|it| it.kind.to_string()));
            }
        } else if let Reply::Done(response) = reread(&path) {
            for item in response.pull.iter().flat_map(|it| &it.items) {
                bodies.push(match &item.body {
                    Nested::Known(Body::Own { .. }) => "own",
                    Nested::Known(Body::Ops(_)) => "ops",
                    Nested::Known(Body::Segment(_)) => "segment",
                    Nested::Known(Body::RefRow(_)) => "row",
                    Nested::Known(Body::Grant(_)) => "grant",
                    Nested::Known(Body::Revoke(_)) => "revoke",
                    Nested::Unknown(_) => "unknown",
                });
            }
        }
    }
    for path in names("messages", "cbor") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match name.as_str() {
            "blob-query" => drop(reread::<BlobQuery>(&path)),
            "enrolment-request" => drop(reread::<EnrolmentRequest>(&path)),
            "enrolment" => drop(reread::<Enrolment>(&path)),
            it if it.starts_with("blob-") => drop(reread::<BlobReply>(&path)),
            _ => match reread::<Reply>(&path) {
                Reply::Refused(refusal) => codes.push(refusal.code),
                Reply::Done(_) => panic!("{name}"),
            },
        }
    }
    // What is known today was all said then: a new shape is a new version of the recording.
    for body in ["own", "ops", "segment", "row", "grant", "revoke", "unknown"] {
        assert!(bodies.contains(&body), "{body}");
    }
    for kind in ["create", "set", "clear", "attach", "detach", "resolve", "submit", "void", "note"] {
        assert!(kinds.iter().any(|it| it == kind), "{kind}");
    }
    assert_eq!(codes.len(), refusals().len());
}

/// Pairs of a phone's recorded line.
fn tape(name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = names("exchange", "cbor");
    let read = |end: &str| -> Vec<Vec<u8>> {
        let mine = all.iter().filter(|it| {
            let file = it.file_name().unwrap().to_string_lossy();
            file.starts_with(&format!("{name}-")) && file.ends_with(end)
        });
        mine.map(|it| fs::read(it).unwrap()).collect()
    };
    read("request.cbor").into_iter().zip(read("reply.cbor")).collect()
}

/// What the phones did when they were recorded, now with the recorded server at the other end.
#[test]
fn todays_phone_asks_as_was_recorded_and_understands_every_recorded_answer() {
    let (mut stage, hash) = Stage::open();
    let audit = first_part(&mut stage, hash);
    second_part(&mut stage, audit);
    for (at, name) in [(0, "a"), (1, "b")] {
        let recorded = tape(name);
        assert_eq!(stage.tapes[at].said.len(), recorded.len());
        for (number, ((asked, answered), (request, reply))) in
            stage.tapes[at].said.iter().zip(&recorded).enumerate()
        {
            let (asked, request): (Request, Request) =
                (codec::from_cbor(asked).unwrap(), codec::from_cbor(request).unwrap());
            assert_eq!(asked, request, "{name} {number}");
            let (answered, reply): (Reply, Reply) =
                (codec::from_cbor(answered).unwrap(), codec::from_cbor(reply).unwrap());
            assert_eq!(answered, reply, "{name} {number}");
        }
    }
    let recorded: Ends = serde_json::from_slice(&fs::read(folder().join("ends.json")).unwrap()).unwrap();
    assert_eq!(ends(&mut stage), recorded);
    // A phone that was at work with nothing but the recording at the other end comes to the same.
    let mut server = world().0;
    let mut phone = Phone::new(1, &mut server);
    let answers = tape("a").into_iter().take(1).collect::<Vec<_>>().into_iter();
    let mut player = Player { answers, at: "first contact".to_owned() };
    let device = phone.device();
    let finish = Sync::new(device).unwrap().run(device, &mut player, clock(), 1 << 31).unwrap();
    assert!(matches!(finish, Finish::Done(_)), "{finish:?}");
    assert_eq!(device.assignments().unwrap().len(), 1);
}

#[test]
fn a_recorded_phone_opens_and_syncs_and_nothing_of_it_is_lost() {
    let dir = TempDir::new().unwrap();
    copy_folder(&folder().join("device"), dir.path());
    let mut device = Device::open(dir.path()).unwrap();
    device.verify_log().unwrap();
    let (mut stage, hash) = Stage::open();
    let audit = first_part(&mut stage, hash);
    let status = device.status().unwrap();
    assert_eq!((status.pending_ops, status.unsent.photos), (2, 1));
    assert_eq!(device.view(audit).unwrap().attachments["A04"].len(), 1);
    let shown = device.projection_hash().unwrap();
    device.rebuild().unwrap();
    assert_eq!(device.projection_hash().unwrap(), shown);
    let mut tape = Tape { name: "a", said: Vec::new() };
    let mut wire = Recorder { server: &mut stage.server, tape: &mut tape };
    let finish = Sync::new(&device).unwrap().run(&mut device, &mut wire, clock(), 1 << 31).unwrap();
    assert!(matches!(finish, Finish::Done(_)), "{finish:?}");
    let status = device.status().unwrap();
    assert_eq!((status.pending_ops, status.acked), (0, device.head()));
    assert_eq!(stage.server.devices[&device.dev()].ops.len() as u64, device.head().dseq);
    let held = stage.server.audits[&audit].view();
    assert_eq!(held.answer("A03"), Some(&b"\"seen again\""[..]));
    assert_eq!(fs::read(dir.path().join("blobs").join(Hash::of(PHOTO).to_string())).unwrap(), PHOTO);
    stage.sync(1);
    assert_eq!(stage.phones[1].device().ops(audit).unwrap(), device.ops(audit).unwrap());
}

// ---- what a later version may say ----

/// A message of a later version: the same with more in it.
fn extended(json: &[u8], add: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(json).unwrap();
    add(&mut value);
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn what_a_later_version_adds_is_passed_over_and_the_rest_is_understood() {
    for path in names("exchange", "json") {
        let json = fs::read(&path).unwrap();
        let more = serde_json::json!({"shape": [1, {"of": "tomorrow"}]});
        if path.to_string_lossy().ends_with("request.json") {
            let request: Request = codec::from_json(&json).unwrap();
            let later = extended(&json, |it| {
                it["later"] = more.clone();
                it["hello"]["later"] = more.clone();
            });
            assert_eq!(codec::from_json::<Request>(&later).unwrap(), request);
        } else {
            let reply: Reply = codec::from_json(&json).unwrap();
            let later = extended(&json, |it| {
                for (_, inner) in it.as_object_mut().unwrap() {
                    inner["later"] = more.clone();
                    if let Some(limits) = inner.get_mut("limits") {
                        limits["later"] = more.clone();
                    }
                }
            });
            assert_eq!(codec::from_json::<Reply>(&later).unwrap(), reply);
        }
    }
}

/// A refusal as a later version could say it.
#[derive(Serialize)]
struct LaterRefusal {
    code: &'static str,
    reason: &'static str,
    hint: Vec<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LaterReply {
    Refused(LaterRefusal),
}

/// A body as a later version could say it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LaterBody {
    Reward { points: u64 },
}

#[test]
fn a_later_refusal_stops_and_harms_nothing_and_a_later_entry_is_kept_for_a_newer_program() {
    struct Later(Vec<u8>);
    impl Transport for Later {
        fn exchange(&mut self, _: &[u8]) -> Result<Vec<u8>, TransportError> {
            Ok(self.0.clone())
        }
    }
    let (mut stage, hash) = Stage::open();
    let audit = first_part(&mut stage, hash);
    unsent(stage.phones[0].device(), audit);
    let refusal = LaterRefusal { code: "wait_for_the_auditor", reason: "later", hint: vec![1] };
    let mut later = Later(codec::to_cbor(&LaterReply::Refused(refusal)).unwrap());
    let device = stage.phones[0].device();
    let finish = Sync::new(device).unwrap().run(device, &mut later, clock(), 1 << 31).unwrap();
    assert_eq!(finish, Finish::Refused { code: RefusalCode::Other, reason: "later".to_owned() });
    assert_eq!(device.status().unwrap().pending_ops, 2);
    let raw = codec::to_cbor(&LaterBody::Reward { points: 3 }).unwrap();
    let before = stage.phones[0].device().status().unwrap().quarantined;
    tell(&mut stage.server, Nested::Unknown(Bytes::from(raw.clone())));
    assert!(matches!(stage.sync(0), Finish::Done(_)));
    let status = stage.phones[0].device().status().unwrap();
    assert_eq!((status.quarantined, status.pending_ops), (before + 1, 0));
    let dir = stage.phones[0].dir.path().to_owned();
    drop(stage.phones[0].device.take());
    let store = rusqlite::Connection::open(dir.join("device.db")).unwrap();
    let kept: u64 =
        store.query_row("SELECT count(*) FROM feed WHERE body = ?1", [&raw], |it| it.get(0)).unwrap();
    assert_eq!(kept, 1);
    let item = Item { first: 1, last: 1, recv_ms: 1, h: Hash::ZERO, body: Nested::Unknown(Bytes::from(raw)) };
    let again: Item = codec::from_cbor(&codec::to_cbor(&item).unwrap()).unwrap();
    assert_eq!(again, item);
}

/// Rows of reference content as phones keep them: what a later version adds to them is passed over.
#[test]
fn a_later_row_of_reference_content_is_read() {
    let row = r#"{"id":"00000000-0000-0000-0000-00000000001f","branch":"00000000-0000-0000-0000-000000000015","template":"small","version":1,"content_hash":"HASH","state":"offered","priority":3}"#;
    let row = row.replace("HASH", &Hash::ZERO.to_string());
    assert_eq!(serde_json::from_str::<AssignmentRow>(&row).unwrap().id, ASSIGNMENT);
}
