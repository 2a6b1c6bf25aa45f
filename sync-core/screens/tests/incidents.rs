//! Reporting an incident on the screens: kept at once, told of without a word of it, and refused where it does not fit.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use device::{Device, DeviceKind, NewDevice};
use screens::{Phone, Reply};
use serde_json::{Value, json};
use sync_core::{ingest::Enrolment, signature::SigningKey};
use tempfile::TempDir;
use uuid::Uuid;

const NOW: u64 = 1_800_000_000_000;

fn phone(dir: &TempDir) -> Phone {
    let new = NewDevice { secret: [1; 32], kind: DeviceKind::Phone };
    let mut device = Device::create(dir.path(), &new).unwrap();
    let enrolment = Enrolment {
        org: Uuid::from_u128(1),
        user: Uuid::from_u128(2),
        epoch: 1,
        server_key: SigningKey::from_secret(&[2; 32]).public_key(),
        token: "secret".into(),
        streams: Vec::new(),
        rescue_key: None,
    };
    device.enrolled(&enrolment).unwrap();
    Phone::over(device)
}

fn asked(phone: &mut Phone, ask: &Value) -> Value {
    serde_json::from_str(&phone.handle(&json!({"now_ms": NOW, "ask": ask}).to_string())).unwrap()
}

#[test]
fn a_report_is_kept_at_once_and_shown_without_a_word_of_it() {
    let dir = TempDir::new().unwrap();
    let mut phone = phone(&dir);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let report = json!({
        "ask": "report", "incident": id, "seed": "07".repeat(32), "kind": "bribe", "left": true,
        "text": "Me pidieron dinero", "zone": "America/Bogota", "visit": Uuid::from_u128(9),
        "position": {"lat_e7": 194_326_077, "lon_e7": -991_332_080, "accuracy_mm": null, "at_ms": null},
    });
    let expected = json!({
        "reply": "incidents",
        "incidents": [{"id": id, "at_ms": NOW, "sealed": false, "state": "waiting"}],
    });
    assert_eq!(asked(&mut phone, &report), expected);
    assert_eq!(asked(&mut phone, &report), expected, "a second tap changes nothing");
    assert_eq!(asked(&mut phone, &json!({"ask": "incidents"})), expected);
    assert_eq!(asked(&mut phone, &json!({"ask": "outbox"}))["sync"]["incidents"], 1);
    assert_eq!(phone.sync_state().unwrap().incidents, 1);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let mut phone = phone(&dir);
    let fine = json!({
        "ask": "report", "incident": "01890a5d-ac96-774b-bcce-b302099a8057", "seed": "07".repeat(32), "kind": "other",
        "left": false, "text": "", "zone": "UTC",
    });
    for (member, wrong, code) in [
        ("incident", json!("x"), "malformed"),
        ("incident", json!(Uuid::from_u128(1)), "invalid_incident"),
        ("seed", json!("07"), "malformed"),
        ("kind", json!("party"), "malformed"),
        ("zone", json!("América"), "invalid_incident"),
        ("visit", json!("x"), "malformed"),
        ("text", json!("ñ".repeat(10_001)), "invalid_incident"),
    ] {
        let mut report = fine.clone();
        report[member] = wrong;
        let reply = asked(&mut phone, &report);
        assert_eq!(
            (&reply["reply"], &reply["problem"]["code"]),
            (&json!("refused"), &json!(code)),
            "{member}"
        );
    }
    assert_eq!(asked(&mut phone, &json!({"ask": "incidents"}))["incidents"], json!([]));
    assert!(matches!(
        phone.answer(&screens::Message { now_ms: NOW, ask: screens::Ask::Incidents {} }),
        Reply::Incidents(_)
    ));
}
