//! An office with its people and a phone, each in a folder of its own, for tests that need both. Holds no test.

use crate::binary::{Serving, fields, folder, printed, run_in, veedor, with_input};
use serde_json::{Map, Value, json};
use std::{fs, process::Output};
use sync_core::Hash;
use tempfile::TempDir;

/// Password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

const VECTORS: &str = include_str!("../../../audit-templates/tests/vectors/score_vectors.json");

/// A picture by its first bytes; the rest does not compress and differs by `seed`.
pub(crate) fn picture(seed: &str, size: usize) -> Vec<u8> {
    let noise = (0..).flat_map(|it| Hash::of(format!("{seed}{it}").as_bytes()).0);
    b"\xFF\xD8\xFF\xE0".iter().copied().chain(noise).take(size).collect()
}

/// The item of the checklist that is answered with photos.
const PHOTO_ITEM: &str = "Z02";

fn vector() -> Map<String, Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors["ms_banco_sucursal/normal"]["answers"].as_object().unwrap().clone()
}

impl Serving {
    /// One request, whose answer must be a success.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        let (status, answer) = self.try_call(method, path, token, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// One request: status and answer.
    pub(crate) fn try_call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/{path}", self.address))
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {token}"));
        let answer = match method {
            "GET" => agent.run(request.body(()).unwrap()),
            _ => agent.run(request.body(body.to_string()).unwrap()),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
    }

    /// A session's token.
    pub(crate) fn sign_in(&self, login: &str) -> String {
        let body = json!({"organization": "acme", "login": login, "password": PASSWORD});
        self.call("POST", "sessions", "", &body)["token"].as_str().unwrap().to_owned()
    }
}

/// The office's folder and the phone's.
pub(crate) struct World {
    pub(crate) office: TempDir,
    pub(crate) phone: TempDir,
    /// Id of the auditor.
    pub(crate) auditor: Value,
}

impl World {
    /// An organization with a person of each role.
    pub(crate) fn set_up() -> Self {
        let mut world = Self { office: folder(), phone: folder(), auditor: Value::Null };
        let add = ["admin", "org", "add", "--slug", "acme", "--name", "Acme"];
        printed(&run_in(world.office.path(), &add));
        for role in ["admin", "programme_manager", "reviewer"] {
            world.add_person(role);
        }
        world.auditor = world.add_person("auditor")["id"].clone();
        world
    }

    /// An office that serves, with a phone that is enrolled and has begun the visit that was offered; gives the visit's id.
    pub(crate) fn with_a_visit_begun() -> (Self, Serving, String) {
        let world = Self::set_up();
        let serving = world.serve();
        let offered = world.offer(&serving);
        let code = world.code(&serving);
        printed(&world.field(&["--server", &serving.address, "login", "--code", &code]));
        let started = printed(&world.field(&["start", "--assignment", offered["id"].as_str().unwrap()]));
        let audit = started["audit"].as_str().unwrap().to_owned();
        (world, serving, audit)
    }

    fn add_person(&self, role: &str) -> Value {
        let mut command = veedor(self.office.path());
        command.args(["admin", "user", "add", "--org", "acme", "--login", role, "--name", role]);
        command.args(["--role", role, "--password-stdin"]);
        printed(&with_input(&mut command, &format!("{PASSWORD}\n")))
    }

    /// The office, serving.
    pub(crate) fn serve(&self) -> Serving {
        Serving::start(self.office.path(), &[])
    }

    /// Offers the auditor a visit to the branch `B1`.
    pub(crate) fn offer(&self, serving: &Serving) -> Value {
        let manager = serving.sign_in("programme_manager");
        let branches = json!([{"code": "B1", "name": "Centro", "zone": "America/Mexico_City"}]);
        let branch = serving.call("PUT", "branches", &manager, &branches)["items"][0]["id"].clone();
        let offer = json!([{
            "branch_id": branch, "auditor_id": self.auditor, "window_from": "2020-01-01",
            "window_to": "2099-12-31", "template": {"id": "ms-banco-sucursal", "version": 1},
        }]);
        serving.call("POST", "assignments", &manager, &offer)["items"][0].clone()
    }

    /// A one-time code for a phone of the auditor.
    pub(crate) fn code(&self, serving: &Serving) -> String {
        let body = json!({"user": self.auditor, "kind": "phone"});
        let issued = serving.call("POST", "devices/codes", &serving.sign_in("admin"), &body);
        issued["code"].as_str().unwrap().to_owned()
    }

    /// `veedor field` on the phone.
    pub(crate) fn field(&self, arguments: &[&str]) -> Output {
        veedor(self.phone.path()).args(["field", "--data", "store"]).args(arguments).output().unwrap()
    }

    /// Answers every item of a visit on the phone, with the comments and photos that it demands; gives the answers and the visit as it then stands.
    pub(crate) fn fill_in(&self, audit: &str) -> (Map<String, Value>, Value) {
        let mut answers = vector();
        // Of photos the vector has only ids.
        answers.remove(PHOTO_ITEM);
        self.take(audit, PHOTO_ITEM, &picture(PHOTO_ITEM, 2_000));
        let mut view = Value::Null;
        for (field, value) in &answers {
            view = self.answer(audit, field, value);
        }
        for (path, _) in fields(&view["missing"]) {
            let field = path.trim_start_matches('/');
            if field.ends_with("#photo") {
                self.take(audit, field, &picture(field, 2_000));
                continue;
            }
            let comment = Value::from("Lo vi desde la entrada. ".repeat(6));
            self.answer(audit, field, &comment);
            answers.insert(field.to_owned(), comment);
        }
        view = printed(&self.field(&["status", audit]));
        assert_eq!(view["missing"], json!([]));
        (answers, view)
    }

    /// Takes a photo; gives its hash.
    pub(crate) fn take(&self, audit: &str, field: &str, bytes: &[u8]) -> String {
        fs::write(self.phone.path().join("photo.jpg"), bytes).unwrap();
        let view = printed(&self.field(&["photo", audit, field, "photo.jpg"]));
        let photo = Hash::of(bytes).to_string();
        let listed = view["attachments"][field].as_array().unwrap();
        assert!(listed.iter().any(|it| it["blob"] == photo.as_str()), "{view}");
        photo
    }

    /// Answers an item on the phone.
    pub(crate) fn answer(&self, audit: &str, field: &str, value: &Value) -> Value {
        printed(&self.field(&["answer", audit, field, &value.to_string()]))
    }
}
