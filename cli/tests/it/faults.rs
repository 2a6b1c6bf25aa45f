//! What breaks under a phone or an office: a full disk, a server that is down, a second program on one device. The
//! command says so, nothing is half-written, and afterwards it goes on.
#![cfg(unix)]

use crate::{
    binary::{Serving, failure, printed, refused, veedor},
    world::{World, picture},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};
use sync_core::Hash;

/// The binary where no file may grow beyond 64 blocks of 512 bytes, as on a disk that is full. The signal is ignored, so
/// that a write which would go beyond fails.
fn on_a_full_disk(folder: &Path, arguments: &[&str]) -> Command {
    let binary = veedor(folder);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]).arg(binary.get_program());
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// A long comment that does not compress.
fn long_comment(seed: &str) -> Value {
    let parts: Vec<String> =
        (0..300).map(|it| Hash::of(format!("{seed}{it}").as_bytes()).to_string()).collect();
    Value::from(parts.concat())
}

#[test]
fn a_full_disk_under_the_phone_is_told_and_loses_no_answer() {
    let (world, serving, audit) = World::with_a_visit_begun();
    world.answer(&audit, "A01", &json!("yes"));
    let before = printed(&world.field(&["status", &audit]));
    let comment = long_comment("phone");
    let answer = ["field", "--data", "store", "answer", &audit, "A01#comment", &comment.to_string()];
    let output = on_a_full_disk(world.phone.path(), &answer).output().unwrap();
    assert_eq!(failure(&output)["code"], "device_store_full");
    assert_eq!(printed(&world.field(&["status", &audit])), before);
    // What is small enough still goes in, and everything once there is room again.
    assert_eq!(world.answer(&audit, "A01#comment", &comment)["answers"]["A01#comment"]["value"], comment);
    let synced = printed(&world.field(&["--server", &serving.address, "sync"]));
    assert_eq!((&synced["pending_ops"], &synced["head"]), (&json!(0), &synced["acked"]));
}

#[test]
fn a_full_disk_under_a_photo_is_told_and_leaves_no_half_of_it() {
    let (world, _serving, audit) = World::with_a_visit_begun();
    std::fs::write(world.phone.path().join("photo.jpg"), picture("full", 100_000)).unwrap();
    let photo = ["field", "--data", "store", "photo", &audit, "A01#photo", "photo.jpg"];
    let output = on_a_full_disk(world.phone.path(), &photo).output().unwrap();
    assert_eq!(failure(&output)["code"], "device_file_failed");
    assert_eq!(std::fs::read_dir(world.phone.path().join("store/blobs")).unwrap().count(), 0);
    world.answer(&audit, "A01", &json!("yes"));
    world.take(&audit, "A01#photo", &picture("full", 100_000));
}

#[test]
fn a_full_disk_under_the_office_is_told_and_half_writes_nothing() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let reviewer = serving.sign_in("reviewer");
    assert_eq!(serving.stop(), Some(0));
    for field in ["A01#comment", "A02#comment"] {
        world.answer(&audit, field, &long_comment(field));
    }
    let pending = printed(&world.field(&["status"]))["pending_ops"].clone();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--workers", "1"];
    let full = Serving::spawn(&mut on_a_full_disk(world.office.path(), &serve));
    let told = failure(&world.field(&["--server", &full.address, "sync"]));
    assert!(told["status"].as_u64().is_some_and(|it| it >= 500), "{told}");
    let visits = |serving: &Serving| serving.call("GET", "visits", &reviewer, &Value::Null)["items"].clone();
    let listed = visits(&full);
    assert!(listed.as_array().unwrap().iter().all(|it| it["state"] != "in_progress"), "{listed}");
    assert_eq!(printed(&world.field(&["status"]))["pending_ops"], pending);
    drop(full);

    let roomy = world.serve();
    let synced = printed(&world.field(&["--server", &roomy.address, "sync"]));
    assert_eq!((&synced["pending_ops"], &synced["head"]), (&json!(0), &synced["acked"]));
    let listed = visits(&roomy);
    assert!(listed.as_array().unwrap().iter().any(|it| it["state"] == "in_progress"), "{listed}");
}

#[test]
fn a_second_program_on_one_device_is_told_and_damages_nothing() {
    let (world, serving, audit) = World::with_a_visit_begun();
    // A server that takes the request and says nothing: the first program waits with the device open.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let mut first = veedor(world.phone.path());
    first.args(["field", "--data", "store", "--server", &address, "sync"]);
    let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let connection = silent.accept().unwrap();
    for arguments in [&["answer", &audit, "A01", "yes"][..], &["sync"], &["status"]] {
        assert_eq!(refused(&world.field(arguments)).0, "device_in_use");
    }
    drop((silent, connection));
    assert_eq!(failure(&first.wait_with_output().unwrap())["status"], 503);
    world.answer(&audit, "A01", &json!("yes"));
    let synced = printed(&world.field(&["--server", &serving.address, "sync"]));
    assert_eq!((&synced["pending_ops"], &synced["head"]), (&json!(0), &synced["acked"]));
}

#[test]
fn with_the_server_down_login_and_sync_say_so_and_all_else_works() {
    let world = World::set_up();
    let serving = world.serve();
    let (offered, code) = (world.offer(&serving), world.code(&serving));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let login = |address: &str| world.field(&["--server", address, "login", "--code", &code]);
    assert_eq!(failure(&login(&down))["code"], "server_unreachable");
    // The device that this has made goes on with the same code.
    printed(&login(&serving.address));
    drop(serving);

    let sync = || failure(&world.field(&["--server", &down, "sync"]));
    assert_eq!(sync()["status"], 503);
    let started = printed(&world.field(&["start", "--assignment", offered["id"].as_str().unwrap()]));
    let audit = started["audit"].as_str().unwrap();
    world.answer(audit, "A01", &json!("yes"));
    for arguments in [&["list"][..], &["status"], &["status", audit], &["export", audit]] {
        printed(&world.field(arguments));
    }
    assert_eq!(refused(&world.field(&["submit", audit])).0, "incomplete");
    assert_eq!(sync()["status"], 503);
    assert_eq!(printed(&world.field(&["status", audit]))["answers"]["A01"]["value"], "yes");
}

#[test]
fn a_sync_that_somebody_waits_for_is_tried_twice_and_no_more() {
    let (world, ..) = World::with_a_visit_begun();
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", deaf.local_addr().unwrap());
    let mut sync = veedor(world.phone.path());
    sync.args(["field", "--data", "store", "--server", &address, "sync"]);
    let mut sync = sync.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Each attempt is a connection, which ends without an answer.
    for _ in 0..2 {
        drop(deaf.accept().unwrap());
    }
    deaf.set_nonblocking(true).unwrap();
    let status = loop {
        assert!(deaf.accept().is_err(), "a third attempt");
        match sync.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::yield_now(),
        }
    };
    assert_eq!(status.code(), Some(1));
}
