//! Sound and files before a reviewer: kept whatever they are, told by how they begin, flagged where the programme does not permit
//! them, and handed out only to be saved.

use crate::exchange::Scene;
use domain::ids::{AssignmentId, audit_of_assignment};
use serde_json::{Value, json};
use sync_core::{
    Hash,
    payload::{BlobRef, CreateValue},
};
use uuid::Uuid;

const SOUND: &[u8] = b"\x1A\x45\xDF\xA3 a recording";
const TABLE: &[u8] = b"a,b\r\n1,2\r\n";

fn flags(seen: &Value) -> Vec<&Value> {
    seen["photos"].as_array().unwrap().iter().map(|it| &it["flags"]).collect()
}

#[actix_web::test]
async fn sound_and_files_are_kept_told_by_how_they_begin_and_handed_out_to_be_saved() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (sound, table) = (scene.upload(&phone, SOUND).await, scene.upload(&phone, TABLE).await);
    let lie = scene.upload(&phone, b"MZ\x90\0 a program").await;
    let attached =
        [("A01", &sound, "audio/webm"), ("A02", &table, "text/csv"), ("A02", &lie, "application/pdf")];
    let audit = scene.declared(&mut phone, &attached).await;
    scene.office.app.read_photos().unwrap();
    let seen = scene.evidence(audit).await;
    assert_eq!(seen["photos"][0]["mime"], "audio/webm");
    let not_permitted = json!(["not_permitted"]);
    let wrong = json!(["not_permitted", "mime_differs", "not_an_image"]);
    assert_eq!(flags(&seen), [&not_permitted, &not_permitted, &wrong], "nobody permitted it");
    for (blob, bytes, ending) in
        [(&sound, SOUND, ".webm"), (&table, TABLE, ".txt"), (&lie, b"MZ\x90\0 a program", "")]
    {
        let answer = scene.file(audit, blob, "original").await;
        let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("content-disposition"), format!("attachment; filename=\"{}{ending}\"", blob.id));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(answer.body, bytes);
        let shown = scene.file(audit, blob, "view").await;
        assert_eq!(shown.outcome(), (409, "picture_refused".to_owned()));
    }
}

#[actix_web::test]
async fn what_the_programme_permits_is_not_flagged_and_what_it_does_not_is() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let post = async |address: &str, body: Value| {
        let answer = scene.office.post(&format!("/api/v1/{address}")).by(&scene.manager).json(&body).send();
        answer.await.expect_json()
    };
    let programme = json!({"code": "P", "name": "P", "on_phones": {"audio": true}});
    let programme = post("programmes", programme).await["id"].as_str().unwrap().to_owned();
    let wave = json!({"name": "W", "window_from": "2026-11-20", "window_to": "2026-11-30"});
    let wave = post(&format!("programmes/{programme}/waves"), wave).await["id"].clone();
    let row = |wave: &Value| {
        json!({
            "branch_id": scene.branch, "auditor_id": scene.auditor.id, "wave_id": wave,
            "template": {"id": "small", "version": 1}, "window_from": "2026-11-20", "window_to": "2026-11-30",
        })
    };
    let offered = post("assignments", json!([row(&wave), row(&Value::Null)])).await;
    let id = |place: usize| -> Uuid { offered["items"][place]["id"].as_str().unwrap().parse().unwrap() };
    let (assignment, outside) = (id(0), id(1));
    let nothing = json!([]);
    let flagged = json!(["not_permitted"]);
    for (assignment, expected) in [(assignment, [&nothing, &flagged]), (outside, [&flagged, &flagged])] {
        let audit = audit_of_assignment(AssignmentId(assignment)).0;
        phone.ops = sync_core::AuditOps::new();
        phone.create(audit, &CreateValue { assignment: Some(assignment), ..scene.pin() });
        let blob = |name: &str| BlobRef { id: Hash::of(format!("{name} of {audit}").as_bytes()), size: 9 };
        phone.attach(audit, "A01", &blob("sound"), "audio/webm");
        phone.attach(audit, "A02", &blob("table"), "text/csv");
        let request = phone.push();
        scene.done(&phone, &request).await;
        assert_eq!(flags(&scene.evidence(audit).await), expected, "before any bytes are here");
    }
}
