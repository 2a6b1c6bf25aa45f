//! An office that was lost and made again from a copy, under phones that live on: what they had sent comes back.

use crate::{
    binary::{Serving, failure, printed, refused, run_in, veedor},
    world::{World, picture},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

const DATABASE: [&str; 3] = ["veedor.db", "veedor.db-wal", "veedor.db-shm"];

fn sync(world: &World, serving: &Serving) -> Value {
    printed(&world.field(&["--server", &serving.address, "sync"]))
}

fn admin(folder: &Path, arguments: &[&str]) -> Output {
    run_in(folder, &[&["admin"], arguments].concat())
}

/// Everything of the office is gone.
fn lose_the_office(folder: &Path) {
    for name in DATABASE {
        let _ = fs::remove_file(folder.join(name));
    }
}

/// The office's files as they lie there, which is no way to make a copy.
fn copy_files(from: &Path, to: &Path) {
    for name in DATABASE.iter().filter(|it| from.join(it).exists()) {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// All files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

/// Answers of a visit as the reviewer reads them, by item.
fn answers(serving: &Serving, audit: &str) -> Vec<(String, Value)> {
    let reviewer = serving.sign_in("reviewer");
    let visit = serving.call("GET", &format!("visits/{audit}"), &reviewer, &Value::Null);
    let sections = visit["sections"].as_array().unwrap().clone();
    let items = sections.iter().flat_map(|it| it["items"].as_array().unwrap().clone());
    let answered = items.filter(|it| !it["answer"].is_null());
    answered.map(|it| (it["id"].as_str().unwrap().to_owned(), it["answer"].clone())).collect()
}

#[track_caller]
fn assert_all_sent(status: &Value) {
    assert_eq!((&status["pending_ops"], &status["head"]), (&json!(0), &status["acked"]), "{status}");
}

#[test]
fn a_phone_sends_a_restored_office_again_what_the_copy_lacks() {
    let (world, serving, audit) = World::with_a_visit_begun();
    world.answer(&audit, "A01", &json!("yes"));
    assert_all_sent(&sync(&world, &serving));
    // The office goes on while it is copied, and after.
    let copied = printed(&admin(world.office.path(), &["backup", "--to", "copy", "--kept-elsewhere"]));
    assert_eq!((&copied["epoch"], &copied["encrypted"]), (&json!(1), &json!(false)));
    assert_eq!(copied["durable"], true);
    world.answer(&audit, "A01", &json!("no"));
    world.answer(&audit, "A02", &json!("yes"));
    assert_all_sent(&sync(&world, &serving));
    let lost = answers(&serving, &audit);
    assert_eq!(lost, [("A01".to_owned(), json!("no")), ("A02".to_owned(), json!("yes"))]);
    assert_eq!(serving.stop(), Some(0));

    let taken = admin(world.office.path(), &["restore", "--from", "copy"]);
    assert_eq!(refused(&taken).0, "already_exists");
    lose_the_office(world.office.path());
    let restored = printed(&admin(world.office.path(), &["restore", "--from", "copy"]));
    assert!(restored["epoch"].as_u64() > Some(1), "{restored}");
    let serving = world.serve();
    assert_eq!(answers(&serving, &audit), [("A01".to_owned(), json!("yes"))]);
    world.answer(&audit, "A03", &json!("yes"));
    let status = sync(&world, &serving);
    assert_all_sent(&status);
    assert_eq!(status["epoch"], restored["epoch"]);
    let found = answers(&serving, &audit);
    assert_eq!(found, [lost.as_slice(), &[("A03".to_owned(), json!("yes"))]].concat());
    assert_eq!(
        printed(&admin(world.office.path(), &["verify-log", "--org", "acme"]))["broken_at"],
        Value::Null
    );
}

/// What a phone says of the photo of a visit, once it has spoken with the office.
fn photo_state(world: &World, serving: &Serving, audit: &str) -> Value {
    sync(world, serving);
    printed(&world.field(&["status", audit]))["attachments"]["A01#photo"][0]["state"].clone()
}

/// The file of a photo in a folder is gone.
fn lose_photo(folder: &Path, photo: &str) {
    let lost = files(folder).into_iter().filter(|it| it.ends_with(photo));
    assert_eq!(lost.map(|it| fs::remove_file(it).unwrap()).count(), 1);
}

#[test]
fn phones_rest_on_a_copy_that_has_their_photos_and_on_no_other() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let folder = world.office.path();
    let photo = world.take(&audit, "A01#photo", &picture("A01", 2_000));
    assert_all_sent(&sync(&world, &serving));
    world.answer(&audit, "A02", &json!("yes"));
    assert_eq!(photo_state(&world, &serving, &audit), "stored");
    printed(&admin(folder, &["backup", "--to", "near"]));
    lose_photo(&folder.join("veedor.db.blobs"), &photo);
    let copied = admin(folder, &["backup", "--to", "lacking", "--kept-elsewhere", "--blobs", "elsewhere"]);
    assert_eq!(failure(&copied)["code"], "copy_not_whole");
    assert_eq!(photo_state(&world, &serving, &audit), "stored");
    // The copy itself is there, and good for what it holds.
    let copied = printed(&admin(folder, &["backup", "--to", "again", "--blobs", "elsewhere"]));
    assert_eq!((&copied["blobs"]["missing"], &copied["durable"]), (&json!(1), &json!(false)));
    assert!(folder.join("lacking").is_file());

    let counted = printed(&admin(folder, &["evidence"]));
    assert_eq!((&counted["blobs"]["missing"], &counted["blobs"]["copied"]), (&json!(1), &json!(0)));
    let brought = printed(&admin(folder, &["evidence", "--blobs", "near.blobs"]));
    assert_eq!((&brought["blobs"]["missing"], &brought["blobs"]["copied"]), (&json!(0), &json!(1)));
    let whole = ["backup", "--to", "whole", "--kept-elsewhere", "--blobs", "elsewhere"];
    assert_eq!(printed(&admin(folder, &whole))["durable"], true);
    assert_eq!(photo_state(&world, &serving, &audit), "durable");
}

#[test]
fn a_photo_that_is_nowhere_stops_no_copy_once_phones_are_asked_for_it_again() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let folder = world.office.path();
    let photo = world.take(&audit, "A01#photo", &picture("A01", 2_000));
    assert_all_sent(&sync(&world, &serving));
    lose_photo(&folder.join("veedor.db.blobs"), &photo);
    assert_eq!(failure(&admin(folder, &["verify"]))["code"], "blob_missing");
    let asked = printed(&admin(folder, &["evidence", "--ask-phones"]));
    assert_eq!((&asked["blobs"]["missing"], &asked["asked_phones"]), (&json!(1), &json!(true)));
    assert!(admin(folder, &["verify"]).status.success());
    printed(&admin(folder, &["backup", "--to", "copy", "--kept-elsewhere"]));
    // A copy that lacks it is nothing to rest on for the phone that has the last one.
    world.answer(&audit, "A02", &json!("yes"));
    assert_eq!(photo_state(&world, &serving, &audit), "stored");
    printed(&admin(folder, &["backup", "--to", "later", "--kept-elsewhere"]));
    let sent = sync(&world, &serving);
    assert_eq!(sent["photos"]["stored"], 1, "{photo}: {sent}");
}

#[test]
fn a_folder_of_copies_has_each_photo_whole_and_for_the_key_that_is_asked_for() {
    use age::secrecy::ExposeSecret as _;
    let (world, serving, audit) = World::with_a_visit_begun();
    let folder = world.office.path();
    world.take(&audit, "A01#photo", &picture("A01", 2_000));
    assert_all_sent(&sync(&world, &serving));
    let (old, new) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    fs::write(folder.join("new.key"), new.to_string().expose_secret()).unwrap();
    let copy = |to: &str, key: Option<&age::x25519::Identity>| {
        let mut arguments = vec!["backup".to_owned(), "--to".to_owned(), to.to_owned()];
        arguments
            .extend(key.into_iter().flat_map(|it| ["--recipient".to_owned(), it.to_public().to_string()]));
        arguments.extend(["--blobs", "shared", "--kept-elsewhere"].map(str::to_owned));
        let copied = printed(&admin(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        (copied["blobs"]["copied"].as_u64().unwrap(), copied["blobs"]["already"].as_u64().unwrap())
    };
    assert_eq!(copy("first", Some(&old)), (1, 0));
    assert_eq!(copy("second", Some(&old)), (0, 1));
    assert_eq!(copy("third", Some(&new)), (1, 0));
    assert_eq!(copy("clear", None), (1, 0));
    for file in files(&folder.join("shared")) {
        fs::write(&file, b"damaged").unwrap();
    }
    assert_eq!(copy("fourth", Some(&new)), (1, 0));
    assert_eq!(copy("fifth", None), (1, 0));
    assert_eq!(serving.stop(), Some(0));
    lose_the_office(folder);
    fs::remove_dir_all(folder.join("veedor.db.blobs")).unwrap();
    // A copy that cannot be read, as on a broken sector, stops nothing; what lies in the clear is as good as what is sealed.
    for file in files(&folder.join("shared")).iter().filter(|it| it.extension().is_some()) {
        fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink(file, file).unwrap();
    }
    let restored =
        admin(folder, &["restore", "--from", "fourth", "--blobs", "shared", "--identity", "new.key"]);
    let blobs = &printed(&restored)["blobs"];
    assert_eq!((&blobs["copied"], &blobs["missing"]), (&json!(1), &json!(0)));
    let again = ["backup", "--to", "last", "--blobs", "shared", "--recipient", &new.to_public().to_string()];
    assert_eq!(printed(&admin(folder, &again))["blobs"]["copied"], 1);
}

#[test]
fn what_comes_back_has_arrived_when_the_lost_office_had_signed_that_it_did() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let folder = world.office.path();
    printed(&admin(folder, &["backup", "--to", "copy"]));
    assert_all_sent(&sync(&world, &serving));
    world.fill_in(&audit);
    printed(&world.field(&["submit", &audit]));
    assert_all_sent(&sync(&world, &serving));
    let submitted_at = |serving: &Serving| {
        let reviewer = serving.sign_in("reviewer");
        serving.call("GET", &format!("visits/{audit}"), &reviewer, &Value::Null)["submitted_at"].clone()
    };
    let before = submitted_at(&serving);
    assert_eq!(serving.stop(), Some(0));
    let kept = folder.join("heads.json");
    fs::write(&kept, admin(folder, &["head"]).stdout).unwrap();
    let heads = ["verify", "--head", kept.to_str().unwrap()];
    assert!(admin(folder, &heads).status.success());
    lose_the_office(folder);
    printed(&admin(folder, &["restore", "--from", "copy"]));
    // The heads that were kept elsewhere tell that this is not the office that it was.
    assert_eq!(failure(&admin(folder, &heads))["code"], "kept_head");
    let serving = world.serve();
    assert_all_sent(&sync(&world, &serving));
    assert!(before.is_string(), "{before}");
    assert_eq!(submitted_at(&serving), before);
}

#[test]
fn an_old_copy_put_back_by_hand_is_noticed_though_it_says_nothing() {
    let (world, serving, audit) = World::with_a_visit_begun();
    assert_all_sent(&sync(&world, &serving));
    assert_eq!(serving.stop(), Some(0));
    let folder = world.office.path();
    let old = crate::binary::folder();
    copy_files(folder, old.path());
    let serving = world.serve();
    world.answer(&audit, "A01", &json!("yes"));
    assert_all_sent(&sync(&world, &serving));
    assert_eq!(serving.stop(), Some(0));

    lose_the_office(folder);
    copy_files(old.path(), folder);
    let serving = world.serve();
    // It grows past what the phone has read, by another visit.
    let another = world.offer(&serving);
    world.answer(&audit, "A02", &json!("no"));
    assert_all_sent(&sync(&world, &serving));
    let found = answers(&serving, &audit);
    assert_eq!(found, [("A01".to_owned(), json!("yes")), ("A02".to_owned(), json!("no"))]);
    let list = printed(&world.field(&["list"]));
    assert!(list["assignments"].as_array().unwrap().iter().any(|it| it["id"] == another["id"]), "{list}");
}

#[test]
fn a_phone_that_the_copy_does_not_know_logs_in_again_and_loses_nothing() {
    let world = World::set_up();
    let serving = world.serve();
    let offered = world.offer(&serving);
    printed(&admin(world.office.path(), &["backup", "--to", "copy"]));
    let code = world.code(&serving);
    printed(&world.field(&["--server", &serving.address, "login", "--code", &code]));
    let started = printed(&world.field(&["start", "--assignment", offered["id"].as_str().unwrap()]));
    let audit = started["audit"].as_str().unwrap();
    world.answer(audit, "A01", &json!("yes"));
    assert_all_sent(&sync(&world, &serving));
    assert_eq!(serving.stop(), Some(0));

    lose_the_office(world.office.path());
    printed(&admin(world.office.path(), &["restore", "--from", "copy"]));
    let serving = world.serve();
    let unknown = world.field(&["--server", &serving.address, "sync"]);
    assert_eq!(refused(&unknown).0, "session_unknown");
    let code = world.code(&serving);
    assert_all_sent(&printed(&world.field(&["--server", &serving.address, "login", "--code", &code])));
    assert_eq!(answers(&serving, audit), [("A01".to_owned(), json!("yes"))]);
}

#[test]
fn a_return_that_the_copy_does_not_know_comes_back_from_the_phone_that_read_it() {
    let (world, serving, audit) = World::with_a_visit_begun();
    world.fill_in(&audit);
    printed(&world.field(&["submit", &audit]));
    assert_all_sent(&sync(&world, &serving));
    let folder = world.office.path();
    printed(&admin(folder, &["backup", "--to", "copy"]));
    let reviewer = serving.sign_in("reviewer");
    let reason = json!({
        "items": [{"item": "A01", "reason": "No se ve la foto"}], "deadline": "2099-01-01T00:00:00Z",
    });
    serving.call("POST", &format!("visits/{audit}/claim"), &reviewer, &json!({}));
    serving.call("POST", &format!("visits/{audit}/return"), &reviewer, &reason);
    sync(&world, &serving);
    let phase = || printed(&world.field(&["status", &audit]))["phase"].clone();
    assert_eq!(phase(), "returned");
    assert_eq!(serving.stop(), Some(0));

    lose_the_office(folder);
    printed(&admin(folder, &["restore", "--from", "copy"]));
    let serving = world.serve();
    let state = |serving: &Serving| {
        let reviewer = serving.sign_in("reviewer");
        serving.call("GET", &format!("visits/{audit}"), &reviewer, &Value::Null)["state"].clone()
    };
    assert_eq!(state(&serving), "submitted");
    assert_all_sent(&sync(&world, &serving));
    assert_eq!((state(&serving), phase()), (json!("returned"), json!("returned")));
    // The second round goes on as if nothing had happened, and a second sync brings nothing twice.
    world.answer(&audit, "A01", &json!("no"));
    printed(&world.field(&["submit", &audit]));
    assert_all_sent(&sync(&world, &serving));
    assert_eq!(state(&serving), "submitted");
    let status = sync(&world, &serving);
    assert_eq!((&status["requests"], &status["conflicts"]), (&json!(1), &json!(0)), "{status}");
    // All of it holds, what came back among it, while the office serves.
    let evidence = folder.join("visit.json");
    fs::write(&evidence, admin(folder, &["export-visit", "--org", "acme", "--visit", &audit]).stdout)
        .unwrap();
    let proved = printed(&run_in(world.phone.path(), &["verify-visit", evidence.to_str().unwrap()]));
    // The return came back from the phone and stands in no log of the office: the file says what it does not prove.
    let unproven = proved["unproven"].as_array().unwrap().len();
    assert_eq!((&proved["audit"], unproven), (&json!(audit), 1), "{proved}");
    let verified = printed(&admin(folder, &["verify", "--json"]));
    assert_eq!((&verified["fault"], &verified["audits"]), (&Value::Null, &json!(1)), "{verified}");
}

#[test]
fn a_lost_phones_answers_come_back_from_another_phone_that_read_them() {
    let (world, serving, audit) = World::with_a_visit_begun();
    assert_all_sent(&sync(&world, &serving));
    let folder = world.office.path();
    printed(&admin(folder, &["backup", "--to", "copy"]));
    world.answer(&audit, "A01", &json!("yes"));
    assert_all_sent(&sync(&world, &serving));
    let second = |serving: &Serving, arguments: &[&str]| {
        let field = ["field", "--data", "second", "--server", &serving.address];
        printed(&run_in(world.phone.path(), &[&field, arguments].concat()))
    };
    second(&serving, &["login", "--code", &world.code(&serving)]);
    assert_eq!(serving.stop(), Some(0));

    // The first phone is lost with the office, and the second one is not in the copy.
    lose_the_office(folder);
    printed(&admin(folder, &["restore", "--from", "copy"]));
    let serving = world.serve();
    assert_eq!(answers(&serving, &audit), []);
    second(&serving, &["login", "--code", &world.code(&serving)]);
    assert_eq!(answers(&serving, &audit), [("A01".to_owned(), json!("yes"))]);
}

#[test]
fn an_encrypted_copy_opens_with_its_key_and_no_other() {
    use age::secrecy::ExposeSecret as _;
    let world = World::set_up();
    let folder = world.office.path();
    let (own, foreign) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    for (name, key) in [("own.key", &own), ("foreign.key", &foreign)] {
        fs::write(folder.join(name), format!("# a key\n{}\n", key.to_string().expose_secret())).unwrap();
    }
    let to = own.to_public().to_string();
    let none = admin(folder, &["backup", "--to", "copy", "--recipient", "age1nobody"]);
    assert_eq!(refused(&none).1, [("/recipient".to_owned(), "bad_recipient".to_owned())]);
    assert!(!folder.join("copy").exists());
    let copied = printed(&admin(folder, &["backup", "--to", "copy", "--recipient", &to]));
    assert_eq!(copied["encrypted"], true);
    let bytes = fs::read(folder.join("copy")).unwrap();
    assert!(!bytes.windows(15).any(|it| it == b"SQLite format 3"));
    assert_eq!(refused(&admin(folder, &["backup", "--to", "copy"])).0, "already_exists");

    lose_the_office(folder);
    let locked = admin(folder, &["restore", "--from", "copy"]);
    assert_eq!(refused(&locked).1, [("/identity".to_owned(), "no_identity".to_owned())]);
    let wrong = admin(folder, &["restore", "--from", "copy", "--identity", "foreign.key"]);
    assert_eq!(refused(&wrong).1, [("/identity".to_owned(), "wrong_identity".to_owned())]);
    assert!(!folder.join("veedor.db").exists());
    printed(&admin(folder, &["restore", "--from", "copy", "--identity", "own.key"]));
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    let strays =
        left.iter().filter(|it| it.to_string_lossy().contains('-') || it.to_string_lossy().contains("clear"));
    assert_eq!(strays.count(), 0, "{left:?}");
    let serving = world.serve();
    serving.sign_in("admin");
}

#[test]
fn a_copy_that_is_none_makes_no_office() {
    let folder = crate::binary::folder();
    fs::write(folder.path().join("copy"), "nothing").unwrap();
    let restored = veedor(folder.path()).args(["admin", "restore", "--from", "copy"]).output().unwrap();
    assert_eq!(failure(&restored)["code"], "internal");
    assert!(!folder.path().join("veedor.db").exists());
}
