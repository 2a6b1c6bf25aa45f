//! How bodies of an exchange are packed: what a device may say, and what it is told.

use crate::exchange::{CBOR, Scene, reply};
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
