//! Photos of a phone in the terminal: taken without a network, sent later in parts, and what the auditor and the reviewer
//! see of them on the way.

use crate::{
    binary::{printed, refused},
    world::{World, picture},
};
use serde_json::{Value, json};
use std::fs;
use sync_core::Hash;

#[test]
fn a_photo_is_kept_without_a_network_and_what_is_no_photo_is_told() {
    let (world, serving, audit) = World::with_a_visit_begun();
    drop(serving);
    let photo = picture("kept", 5_000);
    fs::write(world.phone.path().join("photo.jpg"), &photo).unwrap();
    let place = ["--lat", "19.4326077", "--lon", "-99.1332", "--accuracy", "12.5"];
    let taken = printed(&world.field(&[&["photo", &audit, "A01#photo", "photo.jpg"][..], &place].concat()));
    let shown = &taken["attachments"]["A01#photo"][0];
    assert_eq!(
        (&shown["mime"], &shown["size"], &shown["state"]),
        (&json!("image/jpeg"), &json!(5_000), &json!("hashed"))
    );
    let gps = json!({"lat_e7": 194_326_077, "lon_e7": -991_332_000, "accuracy_mm": 12_500, "mocked": null});
    assert_eq!((&shown["gps"], &shown["captured_at_ms"]), (&gps, &Value::Null));
    let waiting = json!({"photos": 1, "bytes": 5_000, "lost": 0});
    let status = printed(&world.field(&["status"]));
    assert_eq!((&status["unsent"], &status["unsent_by_audit"][&audit]), (&waiting, &waiting));
    assert_eq!(printed(&world.field(&["list"]))["visits"][0]["unsent"], waiting);
    // The phone's copy is its own.
    fs::remove_file(world.phone.path().join("photo.jpg")).unwrap();
    assert_eq!(printed(&world.field(&["status", &audit]))["unsent"], waiting);

    fs::write(world.phone.path().join("notes.txt"), "no picture").unwrap();
    fs::write(world.phone.path().join("photo.jpg"), picture("other", 300)).unwrap();
    let code =
        |arguments: &[&str]| refused(&world.field(&[&["photo", audit.as_str()], arguments].concat())).0;
    assert_eq!(code(&["A01#photo", "notes.txt"]), "not_a_photo");
    assert_eq!(code(&["A01#photo", "gone.jpg"]), "unreadable_input");
    assert_eq!(code(&["A01", "photo.jpg"]), "invalid_answers");
    assert_eq!(code(&["A01#photo", "photo.jpg", "--lat", "19"]), "invalid_arguments");
    assert_eq!(code(&["A01#photo", "photo.jpg", "--lat", "91", "--lon", "0"]), "invalid_arguments");
    assert_eq!(printed(&world.field(&["status"]))["unsent"], waiting);
    let hash = Hash::of(&photo).to_string();
    assert_eq!(refused(&world.field(&["detach", &audit, "B01#photo", &hash])).0, "unknown_attachment");
    let detached = printed(&world.field(&["detach", &audit, "A01#photo", &hash]));
    assert_eq!((&detached["attachments"], &detached["unsent"]["photos"]), (&json!({}), &json!(0)));
    world.take(&audit, "A01#photo", &photo);
}
