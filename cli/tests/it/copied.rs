//! A phone whose folder was copied to another, set back, or lost its key: through the binary, both phones and the office lose
//! nothing and double nothing, and the reviewer sees what happened.

use crate::{
    binary::{Serving, folder, printed, refused, veedor},
    world::World,
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::TempDir;

const FILES: [&str; 4] = ["device.db", "device.db-wal", "device.key", "server.txt"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["device.db", "device.db-wal", "device.db-shm"] {
        let _ = fs::remove_file(to.join(file));
    }
    for file in FILES.iter().filter(|it| from.join(it).exists()) {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// `veedor field` on a phone of its own.
fn field(phone: &TempDir, arguments: &[&str]) -> Value {
    printed(&veedor(phone.path()).args(["field", "--data", "store"]).args(arguments).output().unwrap())
}

fn visit(serving: &Serving, audit: &str) -> Value {
    serving.call("GET", &format!("visits/{audit}"), &serving.sign_in("reviewer"), &Value::Null)
}

fn answer(visit: &Value, item: &str) -> Value {
    let sections = visit["sections"].as_array().unwrap();
    let mut items = sections.iter().flat_map(|it| it["items"].as_array().unwrap());
    items.find(|it| it["id"] == item).unwrap()["answer"].clone()
}

#[test]
fn two_copies_of_a_phone_both_send_all_they_did_and_the_reviewer_sees_it() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let sync = ["--server", &serving.address, "sync"];
    world.answer(&audit, "A01", &json!("yes"));
    let first = printed(&world.field(&sync));
    world.answer(&audit, "A02", &json!("yes"));
    let clone = folder();
    copy(&world.phone.path().join("store"), &clone.path().join("store"));
    world.answer(&audit, "A03", &json!("no"));
    printed(&world.field(&sync));
    field(&clone, &["answer", &audit, "B01", "\"yes\""]);
    let renewed = field(&clone, &sync);
    assert_eq!((&renewed["pending_ops"], &renewed["former"]), (&json!(0), &json!([first["dev"]])));
    let seen = visit(&serving, &audit);
    let expected = [("A01", "yes"), ("A02", "yes"), ("A03", "no"), ("B01", "yes")];
    for (item, value) in expected {
        assert_eq!(answer(&seen, item), json!(value), "{item}");
    }
    assert_eq!(seen["conflicts"], json!([]));
    let log = &seen["renewed"][0];
    assert_eq!((&log["device"], &log["former"]), (&renewed["dev"], &first["dev"]));
    // A02 and B01 were not acknowledged when the copy was made.
    assert_eq!((&log["said_again"], &log["evidence"]), (&json!(2), &json!(2)));
    // Both go on, and read each other.
    assert_eq!(printed(&world.field(&sync))["dev"], first["dev"]);
    let view = printed(&world.field(&["status", &audit]));
    assert_eq!(view["answers"]["B01"]["value"], json!("yes"));
}

#[test]
fn a_phone_that_was_set_back_gets_its_work_again_and_keeps_what_it_did_since() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let sync = ["--server", &serving.address, "sync"];
    let (store, earlier) = (world.phone.path().join("store"), folder());
    copy(&store, earlier.path());
    world.answer(&audit, "A01", &json!("yes"));
    printed(&world.field(&sync));
    copy(earlier.path(), &store);
    world.answer(&audit, "A02", &json!("no"));
    let after = printed(&world.field(&sync));
    assert_eq!((&after["pending_ops"], &after["conflicts"]), (&json!(0), &json!(0)));
    let view = printed(&world.field(&["status", &audit]));
    assert_eq!(
        (&view["answers"]["A01"]["value"], &view["answers"]["A02"]["value"]),
        (&json!("yes"), &json!("no"))
    );
    let seen = visit(&serving, &audit);
    assert_eq!((answer(&seen, "A01"), answer(&seen, "A02")), (json!("yes"), json!("no")));
}

#[test]
fn a_phone_that_lost_its_key_goes_on_with_a_code_and_hands_its_visit_in() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let sync = ["--server", &serving.address, "sync"];
    world.answer(&audit, "A01", &json!("yes"));
    let before = printed(&world.field(&sync));
    world.fill_in(&audit);
    fs::remove_file(world.phone.path().join("store/device.key")).unwrap();
    let (refused, _) = refused(&world.field(&["status"]));
    assert_eq!(refused, "device_without_key");
    let code = world.code(&serving);
    let after = printed(&world.field(&["--server", &serving.address, "login", "--code", &code]));
    assert_eq!((&after["former"], &after["pending_ops"]), (&json!([before["dev"]]), &json!(0)));
    printed(&world.field(&["submit", &audit]));
    printed(&world.field(&sync));
    let seen = visit(&serving, &audit);
    assert_eq!((&seen["state"], &seen["conflicts"]), (&json!("submitted"), &json!([])));
    assert_eq!(seen["renewed"][0]["former"], before["dev"]);
}
