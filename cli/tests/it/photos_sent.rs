//! Photos on their way from a phone to a reviewer: cut in the middle, edited, shared by two visits, and sent again to an
//! office that was restored without them.
#![cfg(unix)]

use crate::{
    binary::{Serving, failure, printed, refused, run_in, veedor},
    world::{World, picture},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};
use sync_core::Hash;

/// Bytes of a part, as the server announces them.
const PART: u64 = 512 * 1024;

/// A line to a server that goes dead, without closing, once it has carried so many bytes there; later calls find nobody.
struct Line {
    address: String,
    dead: Receiver<[TcpStream; 2]>,
}

impl Line {
    fn to(serving: &Serving, bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = serving.address.strip_prefix("http://").unwrap().to_owned();
        let (left, (died, dead)) = (Arc::new(Mutex::new(bytes)), channel());
        thread::spawn(move || {
            for call in listener.incoming() {
                let Ok(call) = call else { return };
                if *left.lock().unwrap() == 0 {
                    continue;
                }
                let Ok(office) = TcpStream::connect(&server) else { continue };
                let (mut back, mut phone) = (office.try_clone().unwrap(), call.try_clone().unwrap());
                thread::spawn(move || {
                    std::io::copy(&mut back, &mut phone).map(|_| phone.shutdown(Shutdown::Both))
                });
                let (left, died) = (Arc::clone(&left), died.clone());
                thread::spawn(move || carry(call, office, &left, &died));
            }
        });
        Self { address, dead }
    }
}

fn carry(mut call: TcpStream, mut office: TcpStream, left: &Mutex<u64>, died: &Sender<[TcpStream; 2]>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = call.read(&mut buffer) {
        let mut left = left.lock().unwrap();
        let passed = usize::try_from(*left).unwrap().min(read);
        *left -= u64::try_from(passed).unwrap();
        if office.write_all(&buffer[..passed]).is_err() {
            return;
        }
        if *left == 0 {
            let _ = died.send([call, office]);
            return;
        }
    }
    let _ = office.shutdown(Shutdown::Write);
}

impl World {
    fn sync(&self, serving: &Serving) -> Value {
        printed(&self.field(&["--server", &serving.address, "sync"]))
    }

    fn status(&self, audit: &str) -> Value {
        printed(&self.field(&["status", audit]))
    }

    /// Answers everything and hands the visit in, with a photo beside the first answer; gives the photo's hash.
    fn hand_in_with(&self, audit: &str, photo: &[u8]) -> String {
        self.fill_in(audit);
        let hash = self.take(audit, "A01#photo", photo);
        assert_eq!(printed(&self.field(&["submit", audit]))["phase"], "submitted");
        hash
    }
}

/// Where a photo of a visit is, as the phone tells it.
fn state(visit: &Value, photo: &str) -> Value {
    let fields = visit["attachments"].as_object().unwrap();
    let mut photos = fields.values().flat_map(|it| it.as_array().unwrap());
    photos.find(|it| it["blob"] == photo).unwrap()["state"].clone()
}

/// One request of the reviewer, whatever it is answered.
fn ask(serving: &Serving, path: &str, body: &Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let call = agent
        .post(format!("{}/api/v1/{path}", serving.address))
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Bearer {}", serving.sign_in("reviewer")));
    let mut answer = call.send(body.to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
}

/// Why a visit cannot be approved.
fn obstacles(serving: &Serving, audit: &str) -> Vec<Value> {
    let (status, problem) = ask(serving, &format!("visits/{audit}/approve"), &json!({}));
    assert_eq!((status, &problem["code"]), (422, &json!("guard_failed")), "{problem}");
    problem["errors"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect()
}

#[track_caller]
fn review(serving: &Serving, audit: &str, step: &str, body: &Value) -> Value {
    let (status, answer) = ask(serving, &format!("visits/{audit}/{step}"), body);
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The bytes of a photo as the reviewer gets them.
fn original(serving: &Serving, audit: &str, photo: &str) -> Vec<u8> {
    let address = format!("{}/api/v1/visits/{audit}/evidence/{photo}/original", serving.address);
    let token = format!("Bearer {}", serving.sign_in("reviewer"));
    let mut answer = ureq::get(address).header("Authorization", token).call().unwrap();
    answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap()
}

#[test]
fn photos_outlive_a_killed_phone_and_a_killed_office_and_the_visit_is_approved_once_they_are_there() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let large = picture("large", 3_000_000);
    let photo = world.hand_in_with(&audit, &large);
    // The answers go without the photos.
    let synced = printed(&world.field(&["--server", &serving.address, "sync", "--no-photos"]));
    assert_eq!(
        (&synced["pending_ops"], &synced["photos"]["paused"]["code"]),
        (&json!(0), &json!("paused_by_hand"))
    );
    let waiting = synced["unsent"]["photos"].as_u64().unwrap();
    assert!(waiting > 1, "{synced}");
    review(&serving, &audit, "claim", &json!({}));
    assert_eq!(obstacles(&serving, &audit), ["blobs_missing"]);

    // The phone dies in the fourth part; three are there.
    let line = Line::to(&serving, 3 * PART + 150_000);
    let mut sync = veedor(world.phone.path());
    sync.args(["field", "--data", "store", "--server", &line.address, "sync"]);
    let mut sync = sync.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _open = line.dead.recv().unwrap();
    sync.kill().unwrap();
    sync.wait().unwrap();
    let cut = world.status(&audit);
    assert_eq!((&cut["unsent"]["photos"], state(&cut, &photo)), (&json!(1), json!("uploading")));

    // The office dies in the next part but one.
    let line = Line::to(&serving, PART + 150_000);
    let mut sync = veedor(world.phone.path());
    sync.args(["field", "--data", "store", "--server", &line.address, "sync"]);
    let sync = sync.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let [phone, office] = line.dead.recv().unwrap();
    drop(serving);
    for end in [phone, office] {
        let _ = end.shutdown(Shutdown::Both);
    }
    assert_eq!(failure(&sync.wait_with_output().unwrap())["status"], 503);

    let serving = world.serve();
    assert_eq!(obstacles(&serving, &audit), ["blobs_missing"]);
    let synced = world.sync(&serving);
    // Four parts of it were there: nothing of them is sent again.
    assert_eq!(
        (&synced["photos"]["stored"], &synced["photos"]["bytes"]),
        (&json!(1), &json!(3_000_000 - 4 * PART))
    );
    assert_eq!(synced["unsent"], json!({"photos": 0, "bytes": 0, "lost": 0}));
    assert_eq!(state(&world.status(&audit), &photo), "stored");
    assert_eq!(original(&serving, &audit, &photo), large);
    review(&serving, &audit, "approve", &json!({}));
    assert_eq!(world.sync(&serving)["requests"], 1);
    assert_eq!(world.status(&audit)["phase"], "approved");
}

#[test]
fn a_photo_that_is_edited_after_it_was_taken_is_shown_as_lost_until_it_is_taken_again() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let photo = world.hand_in_with(&audit, &picture("edited", 20_000));
    let file = world.phone.path().join("store/blobs").join(&photo);
    fs::write(&file, picture("retouched", 20_000)).unwrap();
    let synced = world.sync(&serving);
    assert_eq!((&synced["photos"]["lost"], &synced["unsent"]["lost"]), (&json!(1), &json!(1)));
    assert_eq!((&synced["pending_ops"], &synced["conflicts"]), (&json!(0), &json!(1)));
    let visit = world.status(&audit);
    assert_eq!((state(&visit, &photo), &visit["conflicts"][0]["kind"]), (json!("lost"), &json!("blob_lost")));

    let reviewer = serving.sign_in("reviewer");
    let seen =
        || serving.call("GET", &format!("visits/{audit}"), &reviewer, &Value::Null)["conflicts"].clone();
    let told = json!({"kind": "blob_lost", "field": "A01#photo", "open": true, "blocks_approval": true});
    assert!(told.as_object().unwrap().iter().all(|(key, value)| seen()[0][key] == *value), "{}", seen());
    review(&serving, &audit, "claim", &json!({}));
    let mut obstacles = obstacles(&serving, &audit);
    obstacles.sort_by_key(ToString::to_string);
    assert_eq!(obstacles, ["blobs_missing", "conflicts_open"]);
    let order =
        json!({"items": [{"item": "A01", "reason": "Falta la foto"}], "deadline": "2099-01-01T00:00:00Z"});
    review(&serving, &audit, "return", &order);
    world.sync(&serving);
    let (code, named) = refused(&world.field(&["submit", &audit]));
    assert_eq!(
        (code.as_str(), named),
        ("incomplete", vec![("/A01#photo".to_owned(), "photo_lost".to_owned())])
    );
    printed(&world.field(&["detach", &audit, "A01#photo", &photo]));
    let again = world.take(&audit, "A01#photo", &picture("again", 20_000));
    printed(&world.field(&["submit", &audit]));
    world.sync(&serving);
    assert_eq!(state(&world.status(&audit), &again), "stored");
    assert_eq!(seen()[0]["open"], json!(false));
    review(&serving, &audit, "claim", &json!({}));
    review(&serving, &audit, "approve", &json!({}));
}

#[test]
fn a_photo_of_two_visits_and_of_two_phones_is_sent_once() {
    let (world, serving, first) = World::with_a_visit_begun();
    let begin = ["start", "--branch", "B1", "--template", "ms-banco-sucursal"];
    let second = printed(&world.field(&begin))["audit"].as_str().unwrap().to_owned();
    let photo = picture("same", 700_000);
    world.take(&first, "A01#photo", &photo);
    world.take(&second, "A01#photo", &photo);
    let synced = world.sync(&serving);
    assert_eq!((&synced["photos"]["stored"], &synced["photos"]["bytes"]), (&json!(1), &json!(700_000)));

    let other = |arguments: &[&str]| {
        let mut command = veedor(world.phone.path());
        printed(&command.args(["field", "--data", "other"]).args(arguments).output().unwrap())
    };
    other(&["--server", &serving.address, "login", "--code", &world.code(&serving)]);
    let third = other(&begin)["audit"].as_str().unwrap().to_owned();
    other(&["photo", &third, "A01#photo", "photo.jpg"]);
    let synced = other(&["sync"]);
    assert_eq!((&synced["photos"]["had"], &synced["photos"]["bytes"]), (&json!(1), &json!(0)));
    let photo = Hash::of(&photo).to_string();
    assert_eq!(state(&other(&["status", &third]), &photo), "stored");
    // What the other phone took is shown as taken elsewhere.
    assert_eq!(state(&other(&["status", &first]), &photo), "stored");
}

#[test]
fn an_office_that_is_restored_without_a_photo_gets_it_again() {
    let (world, serving, audit) = World::with_a_visit_begun();
    world.sync(&serving);
    let folder = world.office.path();
    printed(&run_in(folder, &["admin", "backup", "--to", "copy"]));
    let bytes = picture("lost", 900_000);
    let photo = world.hand_in_with(&audit, &bytes);
    world.sync(&serving);
    assert_eq!(state(&world.status(&audit), &photo), "stored");
    assert_eq!(serving.stop(), Some(0));
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("veedor.db") {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            }
            .unwrap();
        }
    }
    printed(&run_in(folder, &["admin", "restore", "--from", "copy"]));
    let serving = world.serve();
    let synced = world.sync(&serving);
    assert_eq!(synced["unsent"]["photos"], 0);
    assert!(synced["photos"]["stored"].as_u64() > Some(1), "{synced}");
    assert_eq!(original(&serving, &audit, &photo), bytes);
    review(&serving, &audit, "claim", &json!({}));
    review(&serving, &audit, "approve", &json!({}));
}
