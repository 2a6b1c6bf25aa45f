//! What phones and offices of each released version of the wire said to each other, and a phone's folder of that version: today's
//! code reads it, says the same, and loses nothing. tests/recorded tells how a version is recorded.

use std::{
    fs,
    path::{Path, PathBuf},
};

use device::{Device, Sync, Transport, TransportError};
use serde::{Serialize, de::DeserializeOwned};
use sync_core::{
    Bytes, Hash, Head,
    blob::{BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState},
    codec::{self, Nested},
    exchange::{Item, Limits, PROTO, Page, Refusal, RefusalCode, Reply, Request, Response},
    ingest::Enrolment,
    payload::BlobRef,
    reference::AssignmentRow,
    renew::SuccessionRequest,
    session::Finish,
};
use tempfile::TempDir;

use crate::{NOW, Phone, template, world};
use stage::{
    ASSIGNMENT, Ends, PHOTO, Recorder, STREAM, Said, Stage, clocks, ends, first_part, second_part, tell,
    unsent,
};

#[path = "recorded_offers.rs"]
mod offers;
#[path = "recorded_stage.rs"]
mod stage;
#[path = "recorded_variants.rs"]
mod variants;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recorded/wire-1")
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

// ---- every message, one by one ----

/// Each kind of refusal with what goes with it.
fn refusals() -> Vec<(String, Refusal)> {
    let refusal = |code: RefusalCode| {
        let is_conflict = code.status() == 409;
        let dev_head = is_conflict.then(|| Head { dseq: 7, h: Hash::of(b"head") });
        let epoch = (code == RefusalCode::Epoch).then_some(9);
        let retry_after_ms = matches!(code, RefusalCode::TooMany | RefusalCode::Unavailable).then_some(1_500);
        Refusal { dev_head, epoch, retry_after_ms, ..Refusal::new(code, "why") }
    };
    variants::CODES
        .iter()
        .map(|&code| (format!("refusal-{}", variants::code_name(&code)), refusal(code)))
        .collect()
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

/// Answers with what the script has no use for.
fn answers() -> Vec<(String, Response)> {
    let plain = Response {
        epoch: 7,
        server_ms: NOW,
        dev_head: Head { dseq: 7, h: Hash::of(b"head") },
        receipt: None,
        outcomes: Vec::new(),
        pull: Vec::new(),
        limits: Limits { pause: vec!["blobs".to_owned()], retry_after_ms: 900, ..Limits::default() },
        durable_through: 5,
        min_pull_build: 3,
        ended: None,
    };
    let reset = Some("/sync/v1/snapshots/1".to_owned());
    let page =
        Page { stream: STREAM, items: vec![], next: 9, f: Hash::ZERO, more: true, reset, rewind: None };
    let mut all = vec![("answer-reset".to_owned(), Response { pull: vec![page], ..plain.clone() })];
    for ended in variants::ENDINGS {
        let name = format!("answer-{}", variants::ending_name(ended));
        all.push((name, Response { ended: Some(*ended), ..plain.clone() }));
    }
    all
}

/// Records this version of the wire: only where it was never released, which `wire-1` was. See tests/recorded.
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
    second_part(&mut stage, audit);
    let ended = ends(&mut stage);
    for (number, Said { by, when, request, reply }) in stage.said.iter().enumerate() {
        let path = |it: &str| folder.join("exchange").join(format!("{number:02}-{by}{when}-{it}"));
        write_both(&path("request"), &codec::from_cbor::<Request>(request).unwrap());
        write_both(&path("reply"), &codec::from_cbor::<Reply>(reply).unwrap());
    }
    fs::write(folder.join("ends.json"), serde_json::to_string_pretty(&ended).unwrap()).unwrap();
    let messages = folder.join("messages");
    for (name, refusal) in refusals() {
        write_both(&messages.join(name), &Reply::Refused(refusal));
    }
    for (name, answer) in answers() {
        write_both(&messages.join(name), &Reply::Done(answer));
    }
    for (name, reply) in blob_messages() {
        write_both(&messages.join(name), &reply);
    }
    write_both(&messages.join("blob-query"), &blob_query());
    // Phones know the epoch from their enrolment; another program may ask for it.
    let first: Request = codec::from_cbor(&stage.said[0].request).unwrap();
    write_both(&messages.join("request-without-epoch"), &Request { epoch: None, ..first });
    let (request, enrolment) = stage.succession.as_ref().unwrap();
    write_both(&messages.join("succession-request"), request);
    write_both(&messages.join("succession"), enrolment);
    let (mut fresh, hash) = Stage::open();
    let device = fresh.phones[1].device();
    write_both(&messages.join("enrolment-request"), &device.enrolment_request("ABCD-EFGH").unwrap());
    write_both(&messages.join("enrolment"), &device.enrolment().unwrap().unwrap());
    let audit = first_part(&mut fresh, hash);
    unsent(fresh.phones[0].device(), audit);
    let Phone { dir, device } = fresh.phones.swap_remove(0);
    drop(device);
    copy_folder(dir.path(), &folder.join("device"));
    let _ = fs::remove_file(folder.join("device/device.lock"));
    // The same folder without its key goes on as a new device.
    fs::remove_file(dir.path().join("device.key")).unwrap();
    let keyless = Device::open_without_key(dir.path(), [4; 32]).unwrap();
    let request = keyless.enrolment_request("JKLM-NPQR").unwrap();
    write_both(&messages.join("enrolment-request-keyless"), &request);
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
fn every_recorded_message_is_read_and_written_as_it_was_and_everything_that_is_known_was_said() {
    let mut heard = variants::Heard::default();
    for path in names("exchange", "cbor") {
        if path.to_string_lossy().ends_with("request.cbor") {
            heard.request(&reread(&path));
        } else {
            heard.reply(&reread(&path));
        }
    }
    for path in names("messages", "cbor") {
        match path.file_stem().unwrap().to_string_lossy().as_ref() {
            "blob-query" => drop(reread::<BlobQuery>(&path)),
            "request-without-epoch" => heard.request(&reread(&path)),
            "succession-request" => drop(reread::<SuccessionRequest>(&path)),
            "enrolment" | "succession" => drop(reread::<Enrolment>(&path)),
            it if it.starts_with("enrolment-request") => heard.enrolment_request(&reread(&path)),
            it if it.starts_with("blob-") => heard.blob_reply(&reread(&path)),
            _ => heard.reply(&reread(&path)),
        }
    }
    // What was added since has a folder of its own.
    offers::listen(&mut heard);
    // What is known today was all said then: a new shape is a new version of the recording.
    assert_eq!(heard.missing(), [""; 0]);
}

/// What the phone of this name said and heard, in order; of all phones where it is empty.
fn tape(name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = names("exchange", "cbor");
    let read = |end: &str| -> Vec<Vec<u8>> {
        let mine = all.iter().filter(|it| {
            let file = it.file_name().unwrap().to_string_lossy();
            file.split('-').nth(1).is_some_and(|it| it.starts_with(name)) && file.ends_with(end)
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
    let recorded = tape("");
    assert_eq!(stage.said.len(), recorded.len());
    for (number, (said, (request, reply))) in stage.said.iter().zip(&recorded).enumerate() {
        let (asked, request): (Request, Request) =
            (codec::from_cbor(&said.request).unwrap(), codec::from_cbor(request).unwrap());
        assert_eq!(asked, request, "{number}");
        let (answered, reply): (Reply, Reply) =
            (codec::from_cbor(&said.reply).unwrap(), codec::from_cbor(reply).unwrap());
        assert_eq!(answered, reply, "{number}");
    }
    let recorded: SuccessionRequest =
        codec::from_cbor(&fs::read(folder().join("messages/succession-request.cbor")).unwrap()).unwrap();
    assert_eq!(stage.succession.as_ref().unwrap().0, recorded);
    let recorded: Ends = serde_json::from_slice(&fs::read(folder().join("ends.json")).unwrap()).unwrap();
    assert_eq!(ends(&mut stage), recorded);
    // A phone that was at work with nothing but the recording at the other end comes to the same.
    let mut server = world().0;
    let mut phone = Phone::new(1, &mut server);
    let answers = tape("a").into_iter().take(1).collect::<Vec<_>>().into_iter();
    let mut player = Player { answers, at: "first contact".to_owned() };
    let device = phone.device();
    let finish = Sync::new(device).unwrap().run(device, &mut player, clocks(), 1 << 31).unwrap();
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
    let mut wire = Recorder { server: &mut stage.server, said: &mut stage.said, by: "a", when: "" };
    let finish = Sync::new(&device).unwrap().run(&mut device, &mut wire, clocks(), 1 << 31).unwrap();
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
    let finish = Sync::new(device).unwrap().run(device, &mut later, clocks(), 1 << 31).unwrap();
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
