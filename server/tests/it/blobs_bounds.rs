//! What the blob lane refuses, each with its own code: too large, too much, too late, foreign, not signed in. None of it
//! touches what others send, and ops stay open.

use crate::blobs::{blob_of, bytes_of, progress, refusal};
use crate::exchange::{CBOR, Phone, Scene, branch_of};
use actix_web::http::Method;
use domain::access::{Role, Scope};
use serde_json::json;
use sync_core::{
    DeviceId, Hash,
    blob::{BlobQuery, BlobReply, BlobState, CHUNK_HASH_HEADER, QUERY_PATH, blob_path, part_path},
    codec,
    exchange::{Limits, PROTO, RefusalCode},
    payload::BlobRef,
};

const DAY_SECONDS: i64 = 24 * 3_600;

async fn limits(scene: &Scene, phone: &Phone) -> Limits {
    let request = phone.request(Vec::new());
    let of_exchange = scene.done(phone, &request).await.limits;
    match scene.query(phone, &[]).await {
        BlobReply::Done(answer) => assert_eq!(answer.limits, of_exchange),
        other => panic!("{other:?}"),
    }
    of_exchange
}

fn outcome(reply: BlobReply) -> (RefusalCode, String) {
    let refusal = refusal(reply);
    (refusal.code, refusal.reason)
}

fn expected(code: RefusalCode, reason: &str) -> (RefusalCode, String) {
    (code, reason.to_owned())
}

#[actix_web::test]
async fn what_is_too_large_is_refused() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.blob_max_bytes = 2_000_000).await;
    let phone = scene.phone(1).await;
    assert_eq!(limits(&scene, &phone).await.blob_bytes, 2_000_000);
    let large = BlobRef { id: Hash([1; 32]), size: 2_000_001 };
    let state = BlobState::Refused { reason: "blob_too_large".to_owned() };
    assert_eq!(scene.blob_state(&phone, &large).await, state);
    let refused = scene.part(&phone, &large, 0, b"x").await;
    assert_eq!(outcome(refused), expected(RefusalCode::TooLarge, "blob_too_large"));
    let chunk = bytes_of(3, 512 * 1_024 + 1);
    let refused = scene.part(&phone, &blob_of(&chunk), 0, &chunk).await;
    assert_eq!(outcome(refused), expected(RefusalCode::TooLarge, "chunk_too_large"));
    let small = blob_of(b"small");
    for (offset, body) in [(0, b"small and more".as_slice()), (4, b"ll"), (u64::MAX, b"l")] {
        let refused = scene.part(&phone, &small, offset, body).await;
        assert_eq!(outcome(refused), expected(RefusalCode::Invalid, "beyond_size"), "{offset}");
    }
    assert_eq!(scene.blob_state(&phone, &small).await, BlobState::Want);
}

#[actix_web::test]
async fn a_day_s_quota_pauses_the_blobs_of_one_device_and_never_its_ops() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.blob_day_bytes = 1_000).await;
    let (mut phone, other) = (scene.phone(1).await, scene.phone(2).await);
    scene.upload(&phone, &bytes_of(3, 700)).await;
    let left = limits(&scene, &phone).await;
    assert_eq!((left.quota_left, left.pause.len()), (300, 0));
    let second = bytes_of(5, 500);
    let blob = blob_of(&second);
    let refused = refusal(scene.part(&phone, &blob, 0, &second).await);
    assert_eq!((refused.code, refused.reason.as_str()), (RefusalCode::Quota, "quota_used_up"));
    // The tests begin at noon.
    assert_eq!(refused.retry_after_ms, Some(12 * 3_600 * 1_000));
    assert_eq!(progress(&scene.part(&phone, &blob, 0, &second[..300]).await), (300, false));
    assert_eq!(limits(&scene, &phone).await.pause, ["blobs"]);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, phone.head);
    assert_eq!(limits(&scene, &other).await.quota_left, 1_000);
    // What is there already costs nothing.
    assert_eq!(scene.blob_state(&other, &blob_of(&bytes_of(3, 700))).await, BlobState::Have);
    scene.office.clock.advance_seconds(DAY_SECONDS / 2);
    assert_eq!(progress(&scene.part(&phone, &blob, 300, &second[300..]).await), (500, true));
    assert_eq!(limits(&scene, &phone).await.quota_left, 800);
}

#[actix_web::test]
async fn an_import_has_no_quota() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.blob_day_bytes = 100).await;
    let phone = scene.phone(1).await;
    let (org, dev) = (scene.office.org, DeviceId([9; 16]));
    let user = scene.auditor.id;
    let now = scene.office.app.now();
    let device = db::devices::Device {
        dev,
        user_id: Some(user),
        kind: db::devices::DeviceKind::Import,
        alg: phone.key.public_key().alg,
        public_key: vec![1; 32],
        name: "import".to_owned(),
        state: db::devices::DeviceState::Active,
        enrolled_at: now,
        revoked_at: None,
    };
    let token = "a token of sixty-four characters or less, known to nobody else...";
    let session = db::sessions::Session {
        token_hash: server::auth::token_hash(token),
        user_id: user,
        dev: Some(dev),
        created_at: now,
        expires_at: db::Micros(i64::MAX),
        revoked_at: None,
        awaits_factor: false,
        proved_at: None,
    };
    let stored = scene.office.app.act_as("test", org, move |tx, office| {
        db::devices::append(tx, office.org(), &device)?;
        Ok(db::sessions::append(tx, office.org(), &session)?)
    });
    stored.unwrap();
    let bytes = bytes_of(3, 300);
    let call = scene.office.call(Method::PATCH, &part_path(&blob_of(&bytes), 0)).bearer(token);
    let call =
        call.header(CHUNK_HASH_HEADER, &Hash::of(&bytes).to_string()).header("Accept", "application/json");
    let answer = call.body(bytes).send().await.expect_json();
    assert_eq!(
        (&answer["progress"]["stored"], &answer["progress"]["limits"]["quota_left"]),
        (&json!(true), &json!(u64::MAX >> 1))
    );
}

#[actix_web::test]
async fn a_full_disk_pauses_blobs_and_takes_ops() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.blob_reserve_bytes = u64::MAX).await;
    let mut phone = scene.phone(1).await;
    assert_eq!(limits(&scene, &phone).await.pause, ["blobs"]);
    let refused = refusal(scene.part(&phone, &blob_of(b"photo"), 0, b"photo").await);
    assert_eq!((refused.code, refused.reason.as_str()), (RefusalCode::Unavailable, "storage_full"));
    assert!(refused.retry_after_ms.is_some_and(|it| it > 0));
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, phone.head);
}

#[actix_web::test]
async fn what_never_came_whole_is_thrown_away_after_fourteen_days() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let bytes = bytes_of(3, 400);
    let blob = blob_of(&bytes);
    let stays = scene.upload(&phone, b"whole").await;
    scene.part(&phone, &blob, 0, &bytes[..100]).await;
    scene.office.clock.advance_seconds(10 * DAY_SECONDS);
    assert_eq!(progress(&scene.part(&phone, &blob, 100, &bytes[100..200]).await), (200, false));
    scene.office.clock.advance_seconds(14 * DAY_SECONDS);
    scene.office.app.tidy().unwrap();
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Partial { offset: 200 });
    scene.office.clock.advance_seconds(1);
    scene.office.app.tidy().unwrap();
    assert_eq!(scene.blob_state(&phone, &blob).await, BlobState::Want);
    assert_eq!(scene.blob_state(&phone, &stays).await, BlobState::Have);
    scene.upload(&phone, &bytes).await;
}

#[actix_web::test]
async fn nothing_tells_an_organization_what_another_one_has() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let bytes = bytes_of(3, 400);
    let blob = scene.upload(&phone, &bytes).await;
    let elsewhere = scene.office.other_organization("other");
    let person = |role| scene.office.person_of(elsewhere, &[(role, Scope::Organization)]);
    let (admin, manager, auditor) =
        (person(Role::Admin), person(Role::ProgrammeManager), person(Role::Auditor));
    branch_of(&scene.office, &manager, "X").await;
    let stranger = Phone::enrol(&scene.office, &admin, &auditor, 7).await;
    assert_eq!(scene.blob_state(&stranger, &blob).await, BlobState::Want);
    assert_eq!(scene.get_blob(&stranger, &blob, "").await.status.as_u16(), 404);
    assert_eq!(progress(&scene.part(&stranger, &blob, 0, &bytes[..100]).await), (100, false));
    let refused = refusal(scene.part(&stranger, &blob, 0, &bytes).await);
    assert_eq!((refused.code, refused.offset), (RefusalCode::Offset, Some(100)));
    assert_eq!(progress(&scene.part(&stranger, &blob, 100, &bytes[100..]).await), (400, true));
}

#[actix_web::test]
async fn only_an_active_device_speaks_in_the_lane_and_only_for_itself() {
    let scene = Scene::open().await;
    let (phone, other) = (scene.phone(1).await, scene.phone(2).await);
    let query = |dev, epoch, proto| BlobQuery { proto, dev, epoch, blobs: vec![blob_of(b"x")] };
    let (token, epoch) = (&phone.enrolment.token, phone.enrolment.epoch);
    let cases = [
        (token.as_str(), query(other.dev(), epoch, PROTO), RefusalCode::Unauthorized, "foreign_device"),
        ("nobody", query(phone.dev(), epoch, PROTO), RefusalCode::Unauthorized, "session_unknown"),
        (&scene.reviewer.token, query(phone.dev(), epoch, PROTO), RefusalCode::Unauthorized, "not_a_device"),
        (token, query(phone.dev(), epoch, PROTO + 1), RefusalCode::Upgrade, "unknown_protocol"),
        (token, query(phone.dev(), epoch + 1, PROTO), RefusalCode::Epoch, "other_epoch"),
    ];
    for (token, query, code, reason) in cases {
        let refused = refusal(scene.query_as(token, &query).await);
        assert_eq!((refused.code, refused.reason.as_str()), (code, reason));
        assert_eq!(refused.epoch, (code == RefusalCode::Epoch).then_some(epoch));
    }
    let many = BlobQuery { blobs: vec![blob_of(b"x"); 257], ..query(phone.dev(), epoch, PROTO) };
    assert_eq!(
        outcome(scene.query_as(token, &many).await),
        expected(RefusalCode::TooLarge, "too_many_blobs")
    );
    scene.upload(&phone, b"before").await;
    let address = format!("/api/v1/devices/{}/revoke", phone.dev());
    scene.office.post(&address).by(&scene.admin).send().await.expect_json();
    let refused = refusal(scene.part(&phone, &blob_of(b"after"), 0, b"after").await);
    assert_eq!((refused.code, refused.reason.as_str()), (RefusalCode::NotFound, "blob_not_awaited"));
}

#[actix_web::test]
async fn what_is_no_request_of_the_lane_is_told_so_in_its_own_words() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let token = &phone.enrolment.token;
    let hash = Hash::of(b"x").to_string();
    let path = blob_path(&Hash::of(b"x"));
    let patch = |address: &str| scene.office.call(Method::PATCH, address).header("Accept", CBOR);
    let query = |body: Vec<u8>| {
        let call = scene.office.post(QUERY_PATH).bearer(token).header("Content-Type", CBOR);
        call.header("Accept", CBOR).body(body)
    };
    let answers = [
        (query(b"<html>".to_vec()).send().await, 400, "not_a_request"),
        (query(vec![0; 70_000]).send().await, 413, "body_too_large"),
        (patch(&path).bearer(token).header(CHUNK_HASH_HEADER, &hash).send().await, 400, "not_a_part"),
        (patch(&format!("{path}?offset=0&size=1")).bearer(token).send().await, 400, "not_a_part"),
        (
            patch(&format!("{path}?offset=-1&size=1"))
                .bearer(token)
                .header(CHUNK_HASH_HEADER, &hash)
                .send()
                .await,
            400,
            "not_a_part",
        ),
        (
            patch("/sync/v1/blobs/x?offset=0&size=1")
                .bearer(token)
                .header(CHUNK_HASH_HEADER, &hash)
                .send()
                .await,
            400,
            "not_a_part",
        ),
        (
            patch(&format!("{path}?offset=0&size=1")).header(CHUNK_HASH_HEADER, &hash).send().await,
            401,
            "no_session",
        ),
    ];
    for (answer, status, reason) in answers {
        let reply: BlobReply = codec::from_cbor(&answer.body).unwrap();
        assert_eq!((answer.status.as_u16(), outcome(reply).1.as_str()), (status, reason));
    }
}

#[actix_web::test]
async fn of_what_adds_nothing_no_file_is_made() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.blob_day_bytes = 1_000).await;
    let phone = scene.phone(1).await;
    let parts = || {
        let folder = scene.office.blob_folder().join("parts").join(scene.office.org.to_string());
        std::fs::read_dir(folder.join(phone.dev().to_string())).map_or(0, Iterator::count)
    };
    let (whole, large) = (bytes_of(3, 700), bytes_of(4, 1_001));
    let (blob, too_large) = (blob_of(&whole), blob_of(&large));
    assert_eq!(progress(&scene.part(&phone, &blob, 0, b"").await), (0, false));
    let misplaced = scene.part(&phone, &blob, 300, &whole[300..]).await;
    assert_eq!(outcome(misplaced), expected(RefusalCode::Offset, "offset"));
    let broken = scene.send_part(&phone, &blob, 0, (Hash([1; 32]), &whole)).await;
    assert_eq!(outcome(broken), expected(RefusalCode::BadHash, "bad_chunk_hash"));
    let beyond = scene.part(&phone, &too_large, 0, &large).await;
    assert_eq!(outcome(beyond), expected(RefusalCode::Quota, "quota_used_up"));
    assert_eq!(parts(), 0);
    assert_eq!(progress(&scene.part(&phone, &blob, 0, &whole[..300]).await), (300, false));
    assert_eq!(parts(), 1);
    let misplaced = refusal(scene.part(&phone, &blob, 400, &whole[400..]).await);
    assert_eq!((misplaced.code, misplaced.offset), (RefusalCode::Offset, Some(300)));
    assert_eq!(progress(&scene.part(&phone, &blob, 300, &whole[300..]).await), (700, true));
    // A blob without a byte is stored by its first part.
    let empty = blob_of(b"");
    assert_eq!(progress(&scene.part(&phone, &empty, 0, b"").await), (0, true));
    assert_eq!(parts(), 0);
}

#[actix_web::test]
async fn parts_that_do_not_end_hold_four_places_of_their_device_and_none_of_others() {
    let scene = Scene::open().await;
    let (slow, other) = (scene.phone(1).await, scene.phone(2).await);
    let blob = blob_of(&bytes_of(9, 700));
    let mut endless = Vec::new();
    for number in 1..=4 {
        let call =
            scene.office.patch(&part_path(&blob, 0)).bearer(&slow.enrolment.token).header("Accept", CBOR);
        let call = call.header(CHUNK_HASH_HEADER, &blob.id.to_string());
        endless.push(actix_web::rt::spawn(call.send_without_end(vec![7; 100])));
        while scene.office.places(true).get(&slow.dev()).is_none_or(|it| *it < number) {
            assert!(!endless.iter().any(actix_web::rt::task::JoinHandle::is_finished));
            tokio::task::yield_now().await;
        }
    }
    let told = outcome(scene.part(&slow, &blob, 0, b"x").await);
    assert_eq!(told, expected(RefusalCode::TooMany, "too_many_parts"));
    scene.upload(&other, &bytes_of(5, 700)).await;
    // Its answers still go.
    scene.done(&slow, &slow.request(Vec::new())).await;
    for it in endless {
        it.abort();
        assert!(it.await.is_err_and(|it| it.is_cancelled()));
    }
    assert!(scene.office.places(true).is_empty());
    scene.upload(&slow, &bytes_of(9, 700)).await;
}
