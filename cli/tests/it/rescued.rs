//! A phone whose line never comes back: all that was only on it goes to the office as one sealed file, by hand.
#![cfg(unix)]

use crate::{
    binary::{Serving, folder, printed, refused, run_in},
    world::{World, picture},
};
use serde_json::{Value, json};
use std::fs;

/// A visit that is filled in, with all its photos, and was never sent.
fn only_on_the_phone() -> (World, Serving, String) {
    let (world, serving, audit) = World::with_a_visit_begun();
    printed(&world.field(&["sync"]));
    world.fill_in(&audit);
    printed(&world.field(&["submit", &audit]));
    (world, serving, audit)
}

/// The phone's rescue file as the office's operator has it.
fn rescue_file(world: &World) -> (String, Value) {
    let path = world.office.path().join("phone.rescate");
    let path = path.to_str().unwrap().to_owned();
    let written = printed(&world.field(&["rescue", &path]));
    (path, written)
}

fn import(world: &World, path: &str) -> Value {
    printed(&run_in(world.office.path(), &["admin", "rescue", "import", path]))
}

#[test]
fn what_is_only_on_a_phone_comes_by_hand_and_neither_a_second_time_nor_the_phone_itself_doubles_it() {
    let (world, serving, audit) = only_on_the_phone();
    let (path, written) = rescue_file(&world);
    assert_eq!(written["code"], Value::Null, "{written}");
    let photos = written["holds"]["photos"].as_u64().unwrap();
    assert!(photos > 0, "{written}");
    let first = import(&world, &path);
    assert_eq!(first["photos"], json!({"new": photos, "before": 0, "damaged": 0}), "{first}");
    let (new, before) = (&first["visits"][&audit]["new"], &first["visits"][&audit]["before"]);
    assert!(
        new.as_u64().unwrap() > 10 && first["person"] == "auditor" && first["waits"].is_null(),
        "{first}"
    );
    let admin = serving.sign_in("reviewer");
    let visit = serving.call("GET", &format!("visits/{audit}"), &admin, &Value::Null);
    assert_eq!(visit["state"], "submitted", "{visit}");

    let second = import(&world, &path);
    assert_eq!(second["visits"][&audit]["new"], 0, "{second}");
    let all = new.as_u64().unwrap() + before.as_u64().unwrap();
    assert_eq!(second["visits"][&audit]["before"].as_u64(), Some(all), "{second}");
    assert_eq!(second["photos"], json!({"new": 0, "before": photos, "damaged": 0}), "{second}");

    // The line is back: the phone sends the same, and nothing stands twice.
    let synced = printed(&world.field(&["sync"]));
    assert_eq!((&synced["pending_ops"], &synced["unsent"]["photos"]), (&json!(0), &json!(0)), "{synced}");
    assert_eq!(serving.call("GET", &format!("visits/{audit}"), &admin, &Value::Null), visit);
    assert!(run_in(world.office.path(), &["admin", "verify"]).status.success());
}

#[test]
fn a_file_of_another_office_or_one_that_is_cut_short_is_refused_and_nothing_of_it_is_taken() {
    let (world, _serving, _) = only_on_the_phone();
    let (path, _) = rescue_file(&world);
    let other = World::set_up();
    let told = refused(&run_in(other.office.path(), &["admin", "rescue", "import", &path]));
    assert_eq!(told.0, "rescue_of_another_office");
    let whole = fs::read(&path).unwrap();
    let bad = world.office.path().join("bad.rescate");
    let mut cases = vec![(whole[..whole.len() - 40].to_vec(), "rescue_damaged")];
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    cases.push((changed, "rescue_damaged"));
    cases.push((picture("not a rescue file", 3_000), "not_a_rescue_file"));
    for (bytes, code) in cases {
        fs::write(&bad, bytes).unwrap();
        let told = run_in(world.office.path(), &["admin", "rescue", "import", bad.to_str().unwrap()]);
        assert_eq!(refused(&told).0, code);
    }
    let taken = import(&world, &path);
    assert_eq!(taken["photos"]["before"], 0, "{taken}");
}

#[test]
fn what_a_phone_that_was_taken_out_brings_by_hand_waits_for_a_person() {
    let (world, serving, audit) = only_on_the_phone();
    let (path, _) = rescue_file(&world);
    let admin = serving.sign_in("admin");
    let devices = serving.call("GET", "devices", &admin, &Value::Null);
    let phone = devices["items"].as_array().unwrap().iter().find(|it| it["kind"] == "phone").unwrap();
    let dev = phone["dev"].as_str().unwrap();
    serving.call("POST", &format!("devices/{dev}/revoke"), &admin, &json!({}));
    let taken = import(&world, &path);
    assert_eq!(taken["waits"], "device_revoked", "{taken}");
    let visit = serving.call("GET", &format!("visits/{audit}"), &serving.sign_in("reviewer"), &Value::Null);
    assert_ne!(visit["state"], "submitted", "{visit}");
    let aside = serving.call("GET", "quarantine", &admin, &Value::Null);
    assert!(!aside["items"].as_array().unwrap().is_empty(), "{aside}");
}

#[test]
fn an_office_that_was_made_from_a_copy_takes_in_the_file_of_a_phone_that_it_never_enrolled() {
    let world = World::set_up();
    let serving = world.serve();
    let copies = folder();
    let copy = copies.path().join("copy.veedor");
    let copy = copy.to_str().unwrap();
    printed(&run_in(world.office.path(), &["admin", "backup", "--to", copy]));
    let offered = world.offer(&serving);
    let code = world.code(&serving);
    printed(&world.field(&["--server", &serving.address, "login", "--code", &code]));
    let started = printed(&world.field(&["start", "--assignment", offered["id"].as_str().unwrap()]));
    world.fill_in(started["audit"].as_str().unwrap());
    let (path, _) = rescue_file(&world);
    let restored = folder();
    printed(&run_in(restored.path(), &["admin", "restore", "--from", copy]));
    let taken = printed(&run_in(restored.path(), &["admin", "rescue", "import", &path]));
    assert_eq!(taken["waits"], "device_unknown", "{taken}");
    assert!(taken["visits"].as_object().unwrap().values().all(|it| it["new"] != 0), "{taken}");
    let again = printed(&run_in(restored.path(), &["admin", "rescue", "import", &path]));
    assert!(again["visits"].as_object().unwrap().values().all(|it| it["new"] == 0), "{again}");
}
