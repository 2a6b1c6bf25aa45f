//! Personal data that the office takes out of a visit goes from the auditor's phone too, from every byte of its file; and a
//! restored office learns of it from the phone.

use crate::{
    binary::{Serving, printed, run_in},
    world::World,
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use sync_core::{Hash, Kind, Seed, chain::Blinds};
use uuid::Uuid;

const NAME: &str = "Ximena Quetzalcoatl-Ibarguengoitia";
const DATABASE: [&str; 3] = ["veedor.db", "veedor.db-wal", "veedor.db-shm"];

fn sync(world: &World, serving: &Serving) -> Value {
    let status = printed(&world.field(&["--server", &serving.address, "sync"]));
    assert_eq!((&status["pending_ops"], &status["head"]), (&json!(0), &status["acked"]), "{status}");
    status
}

/// A visit with a name in a comment, handed in; gives the field and the phone's seed in the visit.
fn hand_in(world: &World, audit: &str) -> (String, Seed) {
    world.fill_in(audit);
    let field = "A01#comment".to_owned();
    for text in [format!("Me atendio {NAME}."), format!("Me atendio bien {NAME}.")] {
        world.answer(audit, &field, &json!(text));
    }
    printed(&world.field(&["submit", audit]));
    let key = fs::read_to_string(world.phone.path().join("store").join("device.key")).unwrap();
    let secret: Hash = key.trim().parse().unwrap();
    let audit: Uuid = audit.parse().unwrap();
    (field, Seed::derive(&secret.0, &audit).unwrap())
}

/// Redacts a field; gives the positions in the phone's log that lost their value.
fn redact(serving: &Serving, audit: &str, field: &str) -> Vec<u64> {
    let reviewer = serving.sign_in("reviewer");
    let order = json!({"fields": [field], "reason": "lo pidio la persona"});
    let done = serving.call("POST", &format!("visits/{audit}/redact"), &reviewer, &order);
    let position = |it: &Value| it.as_str().unwrap().split_once(':').unwrap().1.parse().unwrap();
    done["ops"].as_array().unwrap().iter().map(position).collect()
}

#[track_caller]
fn assert_gone(folder: &Path, name: &str, seed: &Seed, positions: &[u64]) {
    let blinds = Blinds::of_seed(seed).unwrap();
    let mut parts = vec![NAME.as_bytes().to_vec(), seed.0.to_vec()];
    parts.extend(positions.iter().map(|it| blinds.blind(*it, Kind::Set, "A01#comment").0.to_vec()));
    for suffix in ["", "-wal", "-shm"] {
        let bytes = fs::read(folder.join(format!("{name}{suffix}"))).unwrap_or_default();
        for (number, part) in parts.iter().enumerate() {
            assert!(
                !bytes.windows(part.len()).any(|it| it == part),
                "part {number} stands in {name}{suffix}"
            );
        }
    }
}

fn holds(path: &Path, part: &[u8]) -> bool {
    fs::read(path).unwrap().windows(part.len()).any(|it| it == part)
}

/// What the reviewer reads of a field's item.
fn comment(serving: &Serving, audit: &str, field: &str) -> Value {
    let item = field.split_once('#').unwrap().0;
    let visit = serving.call("GET", &format!("visits/{audit}"), &serving.sign_in("reviewer"), &Value::Null);
    let sections = visit["sections"].as_array().unwrap().clone();
    let mut items = sections.iter().flat_map(|it| it["items"].as_array().unwrap().clone());
    items.find(|it| it["id"] == item).unwrap()
}

/// The evidence of a visit, byte by byte as it is sent.
fn proof(serving: &Serving, audit: &str) -> String {
    let address = format!("{}/api/v1/visits/{audit}/proof", serving.address);
    let token = format!("Bearer {}", serving.sign_in("reviewer"));
    let mut answer = ureq::get(address).header("Authorization", token).call().unwrap();
    answer.body_mut().read_to_string().unwrap()
}

fn verify(world: &World) {
    assert!(run_in(world.office.path(), &["admin", "verify"]).status.success());
}

#[test]
fn a_redaction_reaches_the_phone_and_both_go_on() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let (field, seed) = hand_in(&world, &audit);
    sync(&world, &serving);
    let store = world.phone.path().join("store");
    assert!(holds(&store.join("device.db"), NAME.as_bytes()), "the search finds it");
    let positions = redact(&serving, &audit, &field);
    assert!(positions.len() > 1, "what was replaced is taken out too: {positions:?}");
    sync(&world, &serving);
    assert_gone(&store, "device.db", &seed, &positions);
    let view = printed(&world.field(&["status", &audit]));
    let entry = &view["answers"][&field];
    assert_eq!((&entry["value"], &entry["redacted"]), (&Value::Null, &json!(true)));
    let seen = comment(&serving, &audit, &field);
    assert_eq!((&seen["redacted"], &seen["comment"]), (&json!(["comment"]), &Value::Null));
    // The visit goes on: returned, answered once more, handed in again.
    let reviewer = serving.sign_in("reviewer");
    serving.call("POST", &format!("visits/{audit}/claim"), &reviewer, &json!({}));
    let item = field.split_once('#').unwrap().0;
    let back =
        json!({"items": [{"item": item, "reason": "sin nombres"}], "deadline": "2099-01-01T00:00:00Z"});
    serving.call("POST", &format!("visits/{audit}/return"), &reviewer, &back);
    sync(&world, &serving);
    world.answer(&audit, &field, &json!("Lo vi desde la entrada. ".repeat(6)));
    printed(&world.field(&["submit", &audit]));
    sync(&world, &serving);
    assert_gone(&store, "device.db", &seed, &positions);
    assert!(comment(&serving, &audit, &field)["comment"].is_string());
    // One file proves the visit, and it does not tell what was taken out of it.
    let file = world.office.path().join("visit.json");
    fs::write(&file, proof(&serving, &audit)).unwrap();
    assert!(!holds(&file, NAME.as_bytes()));
    assert_eq!(serving.stop(), Some(0));
    verify(&world);
    let proved = printed(&run_in(world.office.path(), &["verify-visit", "visit.json"]));
    let redacted = proved["ops"].as_array().unwrap().iter().filter(|it| it["redacted"] == true).count();
    assert_eq!(redacted, positions.len());
}

#[test]
fn an_office_restored_from_before_learns_from_the_phone_what_it_had_redacted() {
    for before in ["nothing", "everything"] {
        let (world, serving, audit) = World::with_a_visit_begun();
        let folder = world.office.path();
        sync(&world, &serving);
        let copy = || printed(&run_in(folder, &["admin", "backup", "--to", "copy"]));
        // The copy has none of the answers, or all of them with their values.
        if before == "nothing" {
            copy();
        }
        let (field, seed) = hand_in(&world, &audit);
        sync(&world, &serving);
        if before == "everything" {
            copy();
        }
        let positions = redact(&serving, &audit, &field);
        sync(&world, &serving);
        assert_eq!(serving.stop(), Some(0));
        for name in DATABASE {
            let _ = fs::remove_file(folder.join(name));
        }
        printed(&run_in(folder, &["admin", "restore", "--from", "copy"]));
        let serving = world.serve();
        sync(&world, &serving);
        let seen = comment(&serving, &audit, &field);
        assert_eq!((&seen["redacted"], &seen["comment"]), (&json!(["comment"]), &Value::Null), "{before}");
        assert_eq!(serving.stop(), Some(0));
        verify(&world);
        assert_gone(folder, "veedor.db", &seed, &positions);
        // Nothing of it is said twice.
        let serving = world.serve();
        sync(&world, &serving);
        let order = json!({"fields": [field], "reason": "otra vez"});
        let reviewer = serving.sign_in("reviewer");
        let (status, answer) = serving.try_call("POST", &format!("visits/{audit}/redact"), &reviewer, &order);
        assert_eq!((status, &answer["code"]), (409, &json!("already_redacted")));
    }
}

/// The entry with which the office had redacted went with the visit, or with everything; the own log is still sent.
#[test]
fn what_was_redacted_is_proved_by_a_phone_that_may_no_longer_see_the_visit() {
    for taken in ["role", "device"] {
        let (world, serving, audit) = World::with_a_visit_begun();
        let folder = world.office.path();
        sync(&world, &serving);
        printed(&run_in(folder, &["admin", "backup", "--to", "copy"]));
        let (field, seed) = hand_in(&world, &audit);
        sync(&world, &serving);
        let positions = redact(&serving, &audit, &field);
        sync(&world, &serving);
        let take = |serving: &Serving| {
            let admin = serving.sign_in("admin");
            if taken == "role" {
                let address = format!("users/{}/roles/revoke", world.auditor.as_str().unwrap());
                serving.call("POST", &address, &admin, &json!({"role": "auditor"}));
            } else {
                let list = serving.call("GET", "devices", &admin, &Value::Null);
                let phone =
                    list["items"].as_array().unwrap().iter().find(|it| it["kind"] == "phone").unwrap();
                let address = format!("devices/{}/revoke", phone["dev"].as_str().unwrap());
                serving.call("POST", &address, &admin, &json!({}));
            }
        };
        take(&serving);
        let gone = world.field(&["--server", &serving.address, "sync"]);
        assert_eq!(gone.status.success(), taken == "role", "{gone:?}");
        assert_eq!(serving.stop(), Some(0));
        for name in DATABASE {
            let _ = fs::remove_file(folder.join(name));
        }
        printed(&run_in(folder, &["admin", "restore", "--from", "copy"]));
        let serving = world.serve();
        take(&serving);
        let _ = world.field(&["--server", &serving.address, "sync"]);
        // All of it came, and waits for a person.
        let reviewer = serving.sign_in("reviewer");
        let waiting = serving.call("GET", &format!("quarantine/{audit}"), &reviewer, &Value::Null);
        let ops = waiting["ops"].as_array().unwrap();
        let is_there = |dseq: &u64| ops.iter().any(|it| it["dseq"] == *dseq);
        assert!(!positions.is_empty() && positions.iter().all(is_there), "{taken}: {waiting}");
        assert!(ops.iter().any(|it| it["kind"] == "submit"), "{taken}: {waiting}");
        serving.call("POST", &format!("quarantine/{audit}/adopt"), &reviewer, &json!({"reason": "asked"}));
        let seen = comment(&serving, &audit, &field);
        assert_eq!((&seen["redacted"], &seen["comment"]), (&json!(["comment"]), &Value::Null), "{taken}");
        assert_eq!(serving.stop(), Some(0));
        verify(&world);
        assert_gone(folder, "veedor.db", &seed, &positions);
        assert_gone(&world.phone.path().join("store"), "device.db", &seed, &positions);
    }
}
