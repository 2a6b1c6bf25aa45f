//! A visit as evidence: the file proves by itself what was recorded, and nothing in it can be other than it was written.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use domain::ids::AuditId;
use serde_json::json;
use server::app::visits::evidence::{check, export};
use sync_core::{Bytes, Hash, Kind, signature::SigningKey};
use uuid::Uuid;

crate::on_both![a_file_proves_what_was_recorded_and_tells_nothing_of_other_visits,];

/// An approved visit between whose answers the phone wrote on another.
async fn approved(scene: &Scene) -> (Phone, Uuid) {
    let (mut phone, audit, other) = (scene.phone(1).await, scene.new_audit(), scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    let mine = std::mem::take(&mut phone.ops);
    phone.write(Kind::Note, other, 1, "A01", Some(Bytes::from("a secret of another visit")));
    phone.ops = mine;
    phone.set(audit, 1, "A02", "no");
    phone.submit(audit, 1);
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    scene.review(audit, "approve", json!({})).await.expect_json();
    (phone, audit)
}

async fn a_file_proves_what_was_recorded_and_tells_nothing_of_other_visits(database: Database) {
    let scene = Scene::over(database).await;
    let (phone, audit) = approved(&scene).await;
    let text = export(&scene.office.app, scene.office.org, AuditId(audit)).unwrap();
    for secret in [
        "a secret of another visit",
        &scene.auditor.login,
        serde_json::to_string(&Bytes::from("a secret of another visit")).unwrap().trim_matches('"'),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    let proved = check(&text).unwrap();
    assert_eq!((proved.organization, proved.audit), (scene.office.org.0, audit));
    assert_eq!(proved.server, phone.enrolment.server_key.device());
    assert_eq!((proved.score_recomputed, proved.final_score.as_deref()), (Some(true), Some("50.00")));
    assert_eq!(proved.unproven, []);
    let said: Vec<_> = proved
        .ops
        .iter()
        .filter(|it| it.id.dev == phone.dev())
        .map(|it| (it.id.dseq, it.kind.as_str(), it.field.as_str(), it.value.as_deref()))
        .collect();
    let answers = [(2, "set", "A01", Some("\"yes\"")), (4, "set", "A02", Some("\"no\""))];
    assert_eq!(said, [&[(1, "create", "", None)], &answers[..], &[(5, "submit", "", None)]].concat());
    assert_eq!(proved.devices.len(), 2);
    // Of a visit of another organization nothing is told.
    let elsewhere = scene.office.other_organization("other");
    assert_eq!(export(&scene.office.app, elsewhere, AuditId(audit)).unwrap_err().problem().code, "not_found");
}

#[actix_web::test]
async fn a_flipped_bit_anywhere_is_caught() {
    let scene = Scene::open().await;
    let (_, audit) = approved(&scene).await;
    let text = export(&scene.office.app, scene.office.org, AuditId(audit)).unwrap();
    check(&text).unwrap();
    let edges = |at: &usize| *at < 80 || *at + 300 > text.len();
    for at in (0..text.len()).filter(|at| edges(at) || at % 29 == 0) {
        let mut bytes = text.clone().into_bytes();
        *bytes.get_mut(at).unwrap() ^= 1 << (at % 8);
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(check(&changed).is_err(), "byte {at} of {}", text.len());
        }
    }
}

#[actix_web::test]
async fn not_even_who_holds_the_servers_key_can_change_what_a_phone_signed() {
    let scene = Scene::open().await;
    let (phone, audit) = approved(&scene).await;
    let org = scene.office.org;
    let text = export(&scene.office.app, org, AuditId(audit)).unwrap();
    let keys = scene.office.app.db.read(|tx| db::organizations::list_server_keys(tx, org)).unwrap();
    let secret: [u8; 32] = keys.first().unwrap().secret_key.0.as_slice().try_into().unwrap();
    let key = SigningKey::from_secret(&secret);
    let begin = text.find("\"body\":").unwrap() + 7;
    let end = text.rfind(",\"key\":{\"alg\"").unwrap();
    let (body, sig) = (text.get(begin..end).unwrap(), text.rfind("\"sig\":").unwrap());
    let resealed = |body: &str| {
        let mut signed = Vec::from(*b"veedor-visit-1");
        signed.extend_from_slice(&Hash::of(body.as_bytes()).0);
        let signature = serde_json::to_string(&Bytes::from(key.sign(&signed))).unwrap();
        let (before, key) = (text.get(..begin).unwrap(), text.get(end..sig).unwrap());
        format!("{before}{body}{key}\"sig\":{signature}}}")
    };
    assert!(resealed(body) == text);
    let bytes = |it: &str| serde_json::to_string(&Bytes::from(it)).unwrap();
    let of = |it: &sync_core::DeviceId| it.to_string();
    let cases = [
        (bytes("\"no\""), bytes("\"yes\""), "signature"),
        ("\"A02\"".to_owned(), "\"A03\"".to_owned(), "signature"),
        ("\"recv_ms\":1".to_owned(), "\"recv_ms\":2".to_owned(), "receipt"),
        ("\"kind\":\"phone\"".to_owned(), "\"kind\":\"server\"".to_owned(), "device"),
        ("\"weight\\\":1".to_owned(), "\"weight\\\":2".to_owned(), "checklist"),
        ("50.00".to_owned(), "60.00".to_owned(), "score"),
        (of(&phone.dev()), of(&key.public_key().device()), "device"),
    ];
    for (from, to, code) in cases {
        assert!(body.contains(&from), "{from}");
        let changed = resealed(&body.replacen(&from, &to, 1));
        assert_eq!(check(&changed).unwrap_err().code, code, "{from} -> {to}");
    }
}
