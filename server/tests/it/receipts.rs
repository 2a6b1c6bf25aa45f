//! Receipts: what the server signs of a log, what it honours of its own after a restore, and how it proves a new key.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use sync_core::{
    Bytes, Head,
    exchange::{RefusalCode, Request},
    receipt::Receipt,
    relay::server_secret,
    signature::SigningKey,
};

crate::on_both![a_push_is_answered_with_the_servers_signature_on_what_it_holds,];

/// The first key of the server, as its database keeps it.
fn server_secret_of(scene: &Scene) -> [u8; 32] {
    let org = scene.office.org;
    let keys = scene.office.app.db.read(|tx| db::organizations::list_server_keys(tx, org)).unwrap();
    keys.first().unwrap().secret_key.0.as_slice().try_into().unwrap()
}

fn received_at(scene: &Scene, phone: &Phone, dseq: u64) -> i64 {
    let (org, dev) = (scene.office.org, phone.dev());
    let found = scene.office.app.db.read(|tx| db::devices::find_segment(tx, org, dev, dseq)).unwrap();
    found.unwrap().received_at.0
}

async fn a_push_is_answered_with_the_servers_signature_on_what_it_holds(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let request = phone.request(Vec::new());
    assert_eq!(scene.done(&phone, &request).await.receipt, None);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    let pushed_ms = u64::try_from(scene.office.app.now().0 / 1_000).unwrap();
    let receipt = scene.done(&phone, &request).await.receipt.expect("a push is receipted");
    receipt.verify(&phone.enrolment.org, &phone.enrolment.server_key).expect("the enrolled key signed it");
    assert_eq!((receipt.head, receipt.dev, receipt.epoch), (phone.head, phone.dev(), 1));
    assert_eq!((receipt.recv_ms, receipt.sseq), (pushed_ms, 4));
    // Of a repeat it says when it first came.
    scene.office.clock.advance_seconds(600);
    assert_eq!(scene.done(&phone, &request).await.receipt, Some(receipt.clone()));
    for forged in [
        Receipt { recv_ms: receipt.recv_ms + 1, ..receipt.clone() },
        Receipt { sseq: 5, ..receipt.clone() },
        Receipt { epoch: 2, ..receipt.clone() },
        Receipt { head: Head { dseq: 3, ..receipt.head }, ..receipt.clone() },
    ] {
        assert!(forged.verify(&phone.enrolment.org, &phone.enrolment.server_key).is_err(), "{forged:?}");
    }
}

#[actix_web::test]
async fn only_the_servers_own_receipt_on_these_very_ops_says_when_they_came() {
    let scene = Scene::open().await;
    let first = server_secret_of(&scene);
    // The key of a restore that this copy does not know.
    let later = server_secret(&first, 99).unwrap();
    let now_ms = u64::try_from(scene.office.app.now().0 / 1_000).unwrap();
    let old_ms = now_ms - 5_000;
    let cases = [(1, first, true), (99, later, true), (99, first, true), (1, [66; 32], false)];
    for (number, (epoch, secret, honoured)) in (1_u8..).zip(cases) {
        let mut phone = scene.phone(number).await;
        phone.fill_in(scene.new_audit(), &scene.pin());
        let request = phone.push();
        let (dev, head, sig) = (phone.dev(), phone.head, Bytes::default());
        let alg = phone.key.public_key().alg;
        let said = Receipt { epoch, dev, head, sseq: 4, recv_ms: old_ms, alg, sig };
        let key = SigningKey::from_secret(&secret);
        let said = said.signed(&phone.enrolment.org, &key);
        // On another log it says nothing.
        let foreign = Receipt { dev: scene.phone(number + 100).await.dev(), ..said.clone() };
        let other_ops = Receipt { head: Head { h: sync_core::Hash::of(b"other"), ..head }, ..said.clone() };
        let other_ops = other_ops.signed(&phone.enrolment.org, &SigningKey::from_secret(&first));
        let receipts = vec![foreign, other_ops, said];
        let answer = scene.done(&phone, &Request { receipts, ..request }).await;
        let expected = if honoured { old_ms } else { now_ms };
        assert_eq!(received_at(&scene, &phone, 4) / 1_000, i64::try_from(expected).unwrap(), "{epoch}");
        assert_eq!(answer.receipt.unwrap().recv_ms, expected);
    }
}

#[actix_web::test]
async fn too_many_receipts_are_refused() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    let receipt = scene.done(&phone, &request).await.receipt.unwrap();
    let receipts = vec![receipt; sync_core::receipt::MAX_RECEIPTS + 1];
    let (status, refusal) =
        scene.refused(&phone.enrolment.token, &Request { receipts, ..phone.request(Vec::new()) }).await;
    assert_eq!((status, refusal.reason.as_str()), (422, "too_many_receipts"));
}

#[actix_web::test]
async fn another_epoch_is_told_with_a_key_that_the_known_one_vouches_for() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let request = Request { epoch: Some(2), ..phone.request(Vec::new()) };
    let (_, refusal) = scene.refused(&phone.enrolment.token, &request).await;
    assert_eq!((refusal.code, refusal.epoch), (RefusalCode::Epoch, Some(1)));
    let succession = refusal.succession.unwrap();
    let org = phone.enrolment.org;
    succession.verify(&org, &phone.enrolment.server_key).expect("the known key vouches");
    // So does the key of a restore that this copy does not know, by the epoch that the device names.
    let second = SigningKey::from_secret(&server_secret(&server_secret_of(&scene), 2).unwrap());
    succession.verify(&org, &second.public_key()).expect("the key of the later epoch vouches");
    let stranger = SigningKey::from_secret(&[66; 32]);
    assert!(succession.verify(&org, &stranger.public_key()).is_err());
    let other = sync_core::receipt::Succession { key: stranger.public_key(), ..*succession.clone() };
    assert!(other.verify(&org, &phone.enrolment.server_key).is_err());
    assert!(succession.verify(&uuid::Uuid::nil(), &phone.enrolment.server_key).is_err());
}
