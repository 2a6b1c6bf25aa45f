//! The blob lane through its real routes: what is asked, sent in parts, cut off, and sent again; and what is then stored.

use crate::databases::Database;
use crate::exchange::{CBOR, Phone, Scene};
use actix_web::http::Method;
use proptest::{prelude::*, test_runner::TestRunner};
use server::{app::evidence::BlobCheck, testing::Answer};
use std::{fs, path::PathBuf};
use sync_core::{
    Hash,
    blob::{
        BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState, CHUNK_HASH_HEADER,
        QUERY_PATH, blob_path, part_path,
    },
    codec,
    exchange::{PROTO, RefusalCode},
    payload::{self, AttachValue, BlobRef},
};
use uuid::Uuid;

crate::on_both![
    a_blob_comes_in_parts_is_stored_once_and_is_had_by_every_device_of_the_organization,
    two_devices_send_one_blob_at_the_same_time_and_it_costs_nothing,
    a_device_reads_what_its_person_s_audits_count_on_and_nothing_else,
];

pub(crate) fn blob_of(bytes: &[u8]) -> BlobRef {
    BlobRef { id: Hash::of(bytes), size: u64::try_from(bytes.len()).unwrap() }
}

pub(crate) fn bytes_of(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|it| u8::try_from(it % 251).unwrap().wrapping_mul(seed | 1)).collect()
}

fn reply(answer: &Answer) -> BlobReply {
    assert_eq!(answer.headers.get("content-type").unwrap(), CBOR);
    let reply: BlobReply = codec::from_cbor(&answer.body).expect("the answer is a reply of the lane in CBOR");
    let status = match &reply {
        BlobReply::Done(_) | BlobReply::Progress(_) => 200,
        BlobReply::Refused(refusal) => refusal.code.status(),
    };
    assert_eq!(answer.status.as_u16(), status);
    reply
}

impl Scene {
    pub(crate) async fn query(&self, phone: &Phone, blobs: &[BlobRef]) -> BlobReply {
        let query =
            BlobQuery { proto: PROTO, dev: phone.dev(), epoch: phone.enrolment.epoch, blobs: blobs.to_vec() };
        self.query_as(&phone.enrolment.token, &query).await
    }

    pub(crate) async fn query_as(&self, token: &str, query: &BlobQuery) -> BlobReply {
        let call = self.office.post(QUERY_PATH).bearer(token).header("Content-Type", CBOR);
        reply(&call.header("Accept", CBOR).body(codec::to_cbor(query).unwrap()).send().await)
    }

    pub(crate) async fn blob_state(&self, phone: &Phone, blob: &BlobRef) -> BlobState {
        match self.query(phone, std::slice::from_ref(blob)).await {
            BlobReply::Done(BlobAnswer { mut states, .. }) => {
                let (id, state) = states.remove(0);
                assert_eq!((id, states.len()), (blob.id, 0));
                state
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends a part whose body may be another one than its hash is of.
    pub(crate) async fn send_part(
        &self,
        phone: &Phone,
        blob: &BlobRef,
        offset: u64,
        (hash, body): (Hash, &[u8]),
    ) -> BlobReply {
        let call = self.office.call(Method::PATCH, &part_path(blob, offset)).bearer(&phone.enrolment.token);
        let call = call.header(CHUNK_HASH_HEADER, &hash.to_string()).header("Accept", CBOR);
        reply(&call.body(body.to_vec()).send().await)
    }

    pub(crate) async fn part(&self, phone: &Phone, blob: &BlobRef, offset: u64, body: &[u8]) -> BlobReply {
        self.send_part(phone, blob, offset, (Hash::of(body), body)).await
    }

    /// Sends a whole blob at once.
    pub(crate) async fn upload(&self, phone: &Phone, bytes: &[u8]) -> BlobRef {
        let blob = blob_of(bytes);
        assert_eq!(progress(&self.part(phone, &blob, 0, bytes).await), (blob.size, true));
        blob
    }

    /// Where the bytes of a blob lie.
    pub(crate) fn file_of(&self, blob: &BlobRef) -> PathBuf {
        let name = blob.id.to_string();
        let folder = self.office.blob_folder().join("objects").join(self.office.org.to_string());
        folder.join(&name[..2]).join(name)
    }

    pub(crate) async fn get_blob(&self, phone: &Phone, blob: &BlobRef, range: &str) -> Answer {
        let call =
            self.office.get(&blob_path(&blob.id)).bearer(&phone.enrolment.token).header("Accept", CBOR);
        if range.is_empty() { call.send().await } else { call.header("Range", range).send().await }
    }
}

impl Phone {
    /// Attaches a blob to a field.
    pub(crate) fn attach(&mut self, audit: Uuid, field: &str, blob: &BlobRef, mime: &str) -> u64 {
        let value = AttachValue {
            blob: blob.id,
            size: blob.size,
            mime: mime.to_owned(),
            captured_at_ms: Some(1_795_262_390_000),
            gps: None,
            source: None,
            original: None,
        };
        self.write(sync_core::Kind::Attach, audit, 1, field, Some(payload::to_value(&value).unwrap()))
    }
}

pub(crate) fn progress(reply: &BlobReply) -> (u64, bool) {
    match reply {
        BlobReply::Progress(BlobProgress { offset, stored, .. }) => (*offset, *stored),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn refusal(reply: BlobReply) -> BlobRefusal {
    match reply {
        BlobReply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn said(reply: BlobReply) -> (RefusalCode, String, Option<u64>) {
    let refusal = refusal(reply);
    (refusal.code, refusal.reason, refusal.offset)
}

fn told(code: RefusalCode, reason: &str, offset: Option<u64>) -> (RefusalCode, String, Option<u64>) {
    (code, reason.to_owned(), offset)
}

async fn a_blob_comes_in_parts_is_stored_once_and_is_had_by_every_device_of_the_organization(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let (one, other) = (scene.phone(1).await, scene.phone(2).await);
    let bytes = bytes_of(3, 900);
    let blob = blob_of(&bytes);
    assert_eq!(scene.blob_state(&one, &blob).await, BlobState::Want);
    assert_eq!(progress(&scene.part(&one, &blob, 0, &bytes[..400]).await), (400, false));
    assert_eq!(scene.blob_state(&one, &blob).await, BlobState::Partial { offset: 400 });
    // What one device began is not another's to go on with.
    assert_eq!(scene.blob_state(&other, &blob).await, BlobState::Want);
    assert_eq!(progress(&scene.part(&one, &blob, 400, &bytes[400..]).await), (900, true));
    for phone in [&one, &other] {
        assert_eq!(scene.blob_state(phone, &blob).await, BlobState::Have);
        assert_eq!(progress(&scene.part(phone, &blob, 0, &bytes[..400]).await), (900, true));
    }
    assert_eq!(fs::read(scene.file_of(&blob)).unwrap(), bytes);
    assert_eq!(scene.office.app.check_blob(scene.office.org, blob.id).unwrap(), BlobCheck::Good);
    let empty = blob_of(b"");
    assert_eq!(progress(&scene.part(&one, &empty, 0, b"").await), (0, true));
}

async fn two_devices_send_one_blob_at_the_same_time_and_it_costs_nothing(database: Database) {
    let scene = Scene::over(database).await;
    let (one, other) = (scene.phone(1).await, scene.phone(2).await);
    let bytes = bytes_of(5, 600);
    let blob = blob_of(&bytes);
    for phone in [&one, &other] {
        assert_eq!(progress(&scene.part(phone, &blob, 0, &bytes[..300]).await), (300, false));
    }
    let (first, second) = tokio::join!(
        scene.part(&one, &blob, 300, &bytes[300..]),
        scene.part(&other, &blob, 300, &bytes[300..])
    );
    assert_eq!((progress(&first), progress(&second)), ((600, true), (600, true)));
    let (first, second) =
        tokio::join!(scene.part(&one, &blob, 0, &bytes), scene.part(&other, &blob, 0, &bytes));
    assert_eq!((progress(&first), progress(&second)), ((600, true), (600, true)));
    let (org, after) = (scene.office.org, None);
    let listed = scene.office.app.db.read(|tx| db::blobs::list(tx, org, after, 9)).unwrap();
    assert_eq!(listed.items.iter().map(|it| it.blob).collect::<Vec<_>>(), [blob.id]);
}

#[actix_web::test]
async fn of_one_part_that_a_device_sends_twice_at_once_one_is_taken() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let bytes = bytes_of(7, 500);
    let blob = blob_of(&bytes);
    let send = || scene.part(&phone, &blob, 0, &bytes[..200]);
    let (first, second) = tokio::join!(send(), send());
    let taken = [&first, &second].iter().filter(|it| matches!(it, BlobReply::Progress(_))).count();
    assert_eq!(taken, 1, "{first:?} {second:?}");
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Partial { offset: 200 });
    assert_eq!(progress(&scene.part(&phone, &blob, 200, &bytes[200..]).await), (500, true));
}

/// A part as it leaves a phone, and how much of it arrives where the line is cut.
type Try = (usize, Option<usize>);

#[test]
fn whatever_is_cut_off_a_phone_that_goes_on_at_the_server_s_offset_ends_with_the_same_bytes() {
    let system = actix_web::rt::System::new();
    let scene = system.block_on(Scene::open());
    let phone = system.block_on(scene.phone(1));
    let part = (1..200_usize, prop::option::of(0..200_usize));
    let cases = (any::<[u8; 8]>(), 1..600_usize, prop::collection::vec(part, 0..12));
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&cases, |(salt, length, tries)| {
        let bytes = [&salt[..], &bytes_of(9, length)].concat();
        system.block_on(resumed(&scene, &phone, &bytes, &tries));
        Ok(())
    });
    outcome.unwrap();
}

/// Sends a blob over a line that is cut as the tries say, then over a good one.
async fn resumed(scene: &Scene, phone: &Phone, bytes: &[u8], tries: &[Try]) {
    let (blob, mut held) = (blob_of(bytes), 0);
    let at = |offset: u64| usize::try_from(offset).unwrap();
    for (length, arrives) in tries {
        let part = &bytes[at(held)..(at(held) + length).min(bytes.len())];
        let body = &part[..arrives.unwrap_or(part.len()).min(part.len())];
        match scene.send_part(phone, &blob, held, (Hash::of(part), body)).await {
            BlobReply::Progress(progress) => {
                assert_eq!(body, part);
                held = progress.offset;
                if progress.stored {
                    break;
                }
            }
            refused => assert_eq!(said(refused), told(RefusalCode::BadHash, "bad_chunk_hash", Some(held))),
        }
        // The phone may have lost the answer: whatever it believes, it is told where to go on.
        let expected = if held == 0 { BlobState::Want } else { BlobState::Partial { offset: held } };
        assert_eq!(scene.blob_state(phone, &blob).await, expected);
        let wrong = scene.part(phone, &blob, held + 1, b"").await;
        if held < blob.size {
            assert_eq!(said(wrong), told(RefusalCode::Offset, "offset", Some(held)));
        }
    }
    if scene.blob_state(phone, &blob).await != BlobState::Have {
        assert_eq!(progress(&scene.part(phone, &blob, held, &bytes[at(held)..]).await), (blob.size, true));
    }
    assert_eq!(fs::read(scene.file_of(&blob)).unwrap(), bytes);
}

#[actix_web::test]
async fn bytes_that_are_another_blob_are_thrown_away_and_sent_anew() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let (bytes, other) = (bytes_of(3, 300), bytes_of(5, 300));
    let blob = blob_of(&bytes);
    assert_eq!(progress(&scene.part(&phone, &blob, 0, &other[..200]).await), (200, false));
    let refused = scene.part(&phone, &blob, 200, &other[200..]).await;
    assert_eq!(said(refused), told(RefusalCode::BadHash, "bad_blob_hash", Some(0)));
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Want);
    assert!(!scene.file_of(&blob).exists());
    scene.upload(&phone, &bytes).await;
}

#[actix_web::test]
async fn a_crash_between_the_last_part_and_the_end_is_mended_by_the_next_part() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let bytes = bytes_of(3, 300);
    let blob = blob_of(&bytes);
    // All parts are here, and the server stopped before it verified them.
    let parts = scene.office.blob_folder().join("parts").join(scene.office.org.to_string());
    let folder = parts.join(phone.dev().to_string());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{}-{}", blob.id, blob.size)), &bytes).unwrap();
    // It had begun to put them into their place, and only a part of them survived.
    fs::create_dir_all(scene.file_of(&blob).parent().unwrap()).unwrap();
    fs::write(scene.file_of(&blob), &bytes[..7]).unwrap();
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Partial { offset: 300 });
    assert_eq!(progress(&scene.part(&phone, &blob, 300, b"").await), (300, true));
    assert_eq!(fs::read(scene.file_of(&blob)).unwrap(), bytes);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

async fn a_device_reads_what_its_person_s_audits_count_on_and_nothing_else(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    let colleague = scene.office.person(domain::access::Role::Auditor);
    let stranger = Phone::enrol(&scene.office, &scene.admin, &colleague, 9).await;
    let bytes = bytes_of(3, 1_000);
    let blob = scene.upload(&phone, &bytes).await;
    assert_eq!(scene.get_blob(&phone, &blob, "").await.status.as_u16(), 404);
    phone.create(audit, &scene.pin());
    phone.attach(audit, "A01", &blob, "image/jpeg");
    let request = phone.push();
    scene.done(&phone, &request).await;
    let whole = scene.get_blob(&phone, &blob, "").await;
    assert_eq!((whole.status.as_u16(), &whole.body[..]), (200, &bytes[..]));
    let packed = scene.office.get(&blob_path(&blob.id)).bearer(&phone.enrolment.token);
    assert_eq!(packed.header("Accept-Encoding", "gzip").send().await.body, bytes);
    for (range, from, to) in [("bytes=0-9", 0, 10), ("bytes=990-", 990, 1_000), ("bytes=-3", 997, 1_000)] {
        let part = scene.get_blob(&phone, &blob, range).await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &bytes[from..to]), "{range}");
        let told = part.headers.get("content-range").unwrap().to_str().unwrap().to_owned();
        assert_eq!(told, format!("bytes {from}-{}/1000", to - 1));
    }
    assert_eq!(scene.get_blob(&phone, &blob, "bytes=1000-").await.status.as_u16(), 416);
    let foreign = scene.get_blob(&stranger, &blob, "").await;
    assert_eq!(said(reply(&foreign)), told(RefusalCode::NotFound, "no_such_blob", None));
    let unknown = scene.get_blob(&phone, &blob_of(b"never sent"), "").await;
    assert_eq!(said(reply(&unknown)), told(RefusalCode::NotFound, "no_such_blob", None));
}

#[actix_web::test]
async fn what_is_stored_is_checked_against_its_id() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let (app, org) = (&scene.office.app, scene.office.org);
    let blobs = [scene.upload(&phone, b"one").await, scene.upload(&phone, b"two").await];
    let damaged = scene.upload(&phone, b"three").await;
    fs::write(scene.file_of(&damaged), b"threE").unwrap();
    fs::remove_file(scene.file_of(&blobs[1])).unwrap();
    let checks = [&blobs[0], &blobs[1], &damaged].map(|it| app.check_blob(org, it.id).unwrap());
    assert_eq!(checks, [BlobCheck::Good, BlobCheck::Missing, BlobCheck::OtherBytes]);
    let fault = || server::app::verify::verify(app, None, &mut |_| {}).unwrap().fault.unwrap();
    let damaged_first = damaged.id < blobs[1].id;
    let first = if damaged_first { ("blob_changed", damaged.id) } else { ("blob_missing", blobs[1].id) };
    assert_eq!((fault().code.as_str(), fault().place.blob), (first.0, Some(first.1)));
    fs::write(scene.file_of(&damaged), b"three").unwrap();
    fs::write(scene.file_of(&blobs[1]), b"two").unwrap();
    let report = server::app::verify::verify(app, None, &mut |_| {}).unwrap();
    assert_eq!((report.fault, report.blobs), (None, 3));
}
