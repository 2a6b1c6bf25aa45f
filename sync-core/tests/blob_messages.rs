//! The messages of the blob lane as they travel: what old and new builds, captive portals and liars may send.

use proptest::prelude::*;
use sync_core::{
    DeviceId, Hash,
    blob::{
        BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState, MAX_QUERIED_BLOBS, blob_path,
        part_path,
    },
    codec::{from_cbor, from_json, to_cbor, to_json},
    exchange::{Limits, Refusal, RefusalCode, Reply},
    payload::BlobRef,
};

fn blob(byte: u8, size: u64) -> BlobRef {
    BlobRef { id: Hash([byte; 32]), size }
}

fn replies() -> Vec<BlobReply> {
    let states = vec![
        (Hash([1; 32]), BlobState::Have),
        (Hash([2; 32]), BlobState::Partial { offset: 7 }),
        (Hash([3; 32]), BlobState::Want),
        (Hash([4; 32]), BlobState::Refused { reason: "blob_too_large".to_owned() }),
    ];
    vec![
        BlobReply::Done(BlobAnswer { epoch: 3, states, limits: Limits::default() }),
        BlobReply::Progress(BlobProgress { offset: 512, stored: false, limits: Limits::default() }),
        BlobReply::Refused(BlobRefusal {
            offset: Some(0),
            ..BlobRefusal::new(RefusalCode::BadHash, "bad_blob_hash")
        }),
    ]
}

#[test]
fn every_reply_reads_as_it_was_written_in_both_forms() {
    for reply in replies() {
        assert_eq!(from_cbor::<BlobReply>(&to_cbor(&reply).unwrap()).unwrap(), reply);
        assert_eq!(from_json::<BlobReply>(&to_json(&reply).unwrap()).unwrap(), reply);
    }
}

#[test]
fn a_page_of_a_captive_portal_is_no_reply() {
    for page in
        ["<html>200 OK</html>", "{}", "{\"ok\":true}", "{\"stored\":true,\"offset\":9}", "null", "[]", ""]
    {
        assert!(from_json::<BlobReply>(page.as_bytes()).is_err(), "{page}");
        assert!(from_cbor::<BlobReply>(page.as_bytes()).is_err(), "{page}");
    }
}

#[test]
fn a_refusal_of_the_lane_reads_in_the_exchange_too_and_an_older_one_without_offset() {
    let refusal = BlobRefusal { offset: Some(5), ..BlobRefusal::new(RefusalCode::Offset, "offset") };
    let sent = to_json(&BlobReply::Refused(refusal.clone())).unwrap();
    assert_eq!(
        from_json::<Reply>(&sent).unwrap(),
        Reply::Refused(Refusal::new(refusal.code, &refusal.reason))
    );
    let old = br#"{"refused":{"code":"quota","reason":"quota_used_up"}}"#;
    let read = from_json::<BlobReply>(old).unwrap();
    assert_eq!(read, BlobReply::Refused(BlobRefusal::new(RefusalCode::Quota, "quota_used_up")));
}

#[test]
fn limits_of_a_server_that_says_nothing_of_the_largest_blob_have_a_default() {
    let read: Limits = from_json(br#"{"chunk_bytes":1000}"#).unwrap();
    assert_eq!(read, Limits { chunk_bytes: 1_000, ..Limits::default() });
}

#[test]
fn each_code_of_the_lane_has_its_status() {
    let codes = [RefusalCode::Offset, RefusalCode::BadHash, RefusalCode::Quota, RefusalCode::NotFound];
    assert_eq!(codes.map(RefusalCode::status), [409, 422, 507, 404]);
}

#[test]
fn a_query_asks_for_so_many_blobs_and_not_one_more() {
    let mut query = BlobQuery {
        proto: 1,
        dev: DeviceId::default(),
        epoch: 1,
        blobs: vec![blob(1, 1); MAX_QUERIED_BLOBS],
    };
    assert_eq!(query.check_bounds(), Ok(()));
    query.blobs.push(blob(2, 1));
    assert_eq!(query.check_bounds(), Err(BlobRefusal::new(RefusalCode::TooLarge, "too_many_blobs")));
}

#[test]
fn paths_name_the_blob_the_offset_and_the_size() {
    let (blob, id) = (blob(0xab, 900), "ab".repeat(32));
    assert_eq!(blob_path(&blob.id), format!("/sync/v1/blobs/{id}"));
    assert_eq!(part_path(&blob, 512), format!("/sync/v1/blobs/{id}?offset=512&size=900"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_cbor::<BlobReply>(&bytes);
        let _ = from_cbor::<BlobQuery>(&bytes);
        let _ = from_json::<BlobReply>(&bytes);
        let _ = from_json::<BlobQuery>(&bytes);
    }
}
