//! How bodies of an exchange are packed: what a device may say, and what it is told.

use crate::exchange::{CBOR, Scene, reply};
use std::io::Write as _;
use sync_core::{
    codec,
    exchange::{Reply, StreamId},
};

#[actix_web::test]
async fn names_of_encodings_have_no_case_and_what_is_worth_nothing_is_not_taken() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let request = phone.pull(StreamId::Reference(scene.office.org.0));
    let bytes = codec::to_cbor(&request).unwrap();
    let token = &phone.enrolment.token;
    for (encoding, packed) in [
        ("ZSTD", zstd::bulk::compress(&bytes, 3).unwrap()),
        ("Zstd", zstd::bulk::compress(&bytes, 3).unwrap()),
        ("Identity", bytes.clone()),
    ] {
        let answer = scene.post(token, CBOR, encoding, packed).await;
        assert_eq!(answer.status.as_u16(), 200, "{encoding}");
    }
    let unknown = scene.post(token, CBOR, "br", bytes.clone()).await;
    assert!(matches!(reply(&unknown), Reply::Refused(it) if it.reason == "unknown_content_encoding"));
    for (accepted, expected) in [
        ("zstd;q=0", None),
        ("ZSTD", Some("zstd")),
        ("zstd;q=0, GZIP", Some("gzip")),
        ("gzip;q=0.5, zstd", Some("zstd")),
        ("*;q=0, identity", None),
    ] {
        let call = scene.office.post("/sync/v1/exchange").bearer(token).header("Content-Type", CBOR);
        let answer = call.header("Accept-Encoding", accepted).body(bytes.clone()).send().await;
        let told = answer.headers.get("content-encoding").and_then(|it| it.to_str().ok());
        assert_eq!((answer.status.as_u16(), told), (200, expected), "{accepted}");
    }
}

#[actix_web::test]
async fn a_body_that_reaches_further_back_than_phones_pack_is_not_unpacked() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let request = codec::to_cbor(&phone.pull(StreamId::Reference(scene.office.org.0))).unwrap();
    // Written piece by piece, a body says no length, and whoever unpacks it keeps as much as it may reach back.
    let packed = |window: u32| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(window).unwrap();
        encoder.write_all(&request).unwrap();
        encoder.finish().unwrap()
    };
    for (window, expected) in [(21, None), (23, None), (24, Some("body_cannot_be_unpacked"))] {
        let answer = scene.post(&phone.enrolment.token, CBOR, "zstd", packed(window)).await;
        let refused = match reply(&answer) {
            Reply::Done(_) => None,
            Reply::Refused(refusal) => Some((answer.status.as_u16(), refusal.reason)),
        };
        assert_eq!(refused, expected.map(|it| (400, it.to_owned())), "{window}");
    }
}

#[actix_web::test]
async fn a_body_of_debugging_is_short() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let mut body = codec::to_json(&phone.pull(StreamId::Reference(scene.office.org.0))).unwrap();
    body.resize(4 << 20, b' ');
    for (spaces, status) in [(0, 200), (1, 413)] {
        let body = [&body[..], &b" "[..spaces]].concat();
        let packed = zstd::bulk::compress(&body, 3).unwrap();
        for (encoding, bytes) in [("", body), ("zstd", packed)] {
            let answer = scene.post(&phone.enrolment.token, "application/json", encoding, bytes).await;
            assert_eq!(answer.status.as_u16(), status, "{spaces} {encoding}");
        }
    }
}
