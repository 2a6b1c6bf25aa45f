//! Reports of incidents from a phone in the terminal to the custodian who opens them, with a secret that the office never sees.

use crate::{
    binary::{printed, refused, run_in, veedor, with_input},
    world::{PASSWORD, World},
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Output};
use sync_core::Hash;

const WORDS: &str = "Me pidieron 500 pesos en la ventanilla 3";

impl World {
    fn custodian(&self) {
        let mut command = veedor(self.office.path());
        command.args(["admin", "user", "add", "--org", "acme", "--login", "custodian", "--name", "Custodia"]);
        command.args(["--role", "incident_custodian", "--password-stdin"]);
        printed(&with_input(&mut command, &format!("{PASSWORD}\n")));
        fs::write(self.phone.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    }

    /// `veedor incident` on another machine than the office's.
    fn incident(&self, address: &str, login: &str, words: &[&str]) -> Output {
        let (action, rest) = words.split_first().unwrap();
        let mut command = veedor(self.phone.path());
        command.args(["incident", action, "--server", address, "--organization", "acme", "--login", login]);
        command.args(["--password-file", "password"]).args(rest).output().unwrap()
    }

    fn incident_key(&self, file: &Path) -> Output {
        let file = file.to_str().unwrap();
        run_in(self.office.path(), &["admin", "incident-key", "--org", "acme", "--out", file])
    }
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).any(|it| {
        if it.is_dir() {
            return holds(&it, needle);
        }
        fs::read(&it).unwrap().windows(needle.len()).any(|it| it == needle)
    })
}

#[test]
fn a_report_is_sealed_on_the_phone_goes_before_the_visit_and_only_the_custodian_opens_it() {
    let (world, serving, visit) = World::with_a_visit_begun();
    world.custodian();
    let keys = tempfile::tempdir().unwrap();
    let (first, second) = (keys.path().join("first.key"), keys.path().join("second.key"));
    let key = printed(&world.incident_key(&first));
    assert_eq!(refused(&world.incident_key(&first)).0, "file_not_written");
    let secret = fs::read_to_string(&first).unwrap();
    let secret = secret.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let address = serving.address.clone();
    printed(&world.field(&["sync"]));

    let told = ["incident", "--kind", "bribe", "--text", WORDS, "--left", "--visit", &visit];
    let kept = printed(&world.field(&told));
    assert_eq!((&kept["state"], &kept["sealed"]), (&json!("waiting"), &json!(true)));
    assert!(!holds(&world.phone.path().join("store"), WORDS.as_bytes()));
    assert_eq!(printed(&world.field(&["status"]))["pending_incidents"], 1);
    assert_eq!(printed(&world.field(&["sync"]))["pending_incidents"], 0);
    assert!(!holds(world.office.path(), WORDS.as_bytes()), "the office cannot read it");
    let raw = secret.parse::<Hash>().unwrap();
    assert!(!holds(world.office.path(), secret.as_bytes()), "nor has it the secret");
    assert!(!holds(world.office.path(), &raw.0), "nor its bytes");

    let listed = printed(&world.incident(&address, "custodian", &["list", "--state", "received"]));
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["key"]), (&kept["id"], &key["key"]));
    assert_eq!(refused(&world.incident(&address, "reviewer", &["list"])).0, "forbidden");
    let id = kept["id"].as_str().unwrap();
    let open = |files: &[&Path]| {
        let mut words = vec!["open", id, "--reason", "Es mi turno"];
        for file in files {
            words.extend(["--key", file.to_str().unwrap()]);
        }
        world.incident(&address, "custodian", &words)
    };
    assert_eq!(refused(&open(&[])).0, "key_missing");
    printed(&world.incident_key(&second));
    assert_eq!(refused(&open(&[&second])).0, "key_missing");
    fs::write(keys.path().join("none"), "no key\n").unwrap();
    assert_eq!(refused(&open(&[&keys.path().join("none")])).0, "not_a_key");
    let opened = printed(&open(&[&second, &first]));
    let report = &opened["report"];
    assert_eq!(
        (&report["text"], &report["kind"], &report["left"]),
        (&json!(WORDS), &json!("bribe"), &json!(true))
    );
    assert_eq!((&report["visit"], &opened["user"]), (&json!(visit), &world.auditor));
    assert!(report["branch"].is_string() && report["assignment"].is_string(), "{report}");

    let step = |words: &[&str]| world.incident(&address, "custodian", words);
    assert_eq!(refused(&step(&["close", id, "--note", "Resuelto"])).0, "not_now");
    assert_eq!(printed(&step(&["take", id, "--note", "Se avisa a integridad"]))["state"], "in_hand");
    assert_eq!(printed(&step(&["close", id, "--note", "Resuelto"]))["state"], "closed");
    let custody = printed(&step(&["custody", id]));
    let actions: Vec<&Value> = custody["items"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions.first().unwrap(), &&json!("received"));
    assert_eq!(actions.last().unwrap(), &&json!("closed"));
    let reasons: Vec<&str> =
        custody["items"].as_array().unwrap().iter().filter_map(|it| it["reason"].as_str()).collect();
    assert!(reasons.contains(&"Es mi turno") && reasons.contains(&"Se avisa a integridad"), "{reasons:?}");
    assert_eq!(printed(&run_in(world.office.path(), &["admin", "verify", "--json"]))["incidents"], 1);
}

#[test]
fn a_report_of_a_phone_that_was_taken_out_still_comes_and_without_a_key_as_it_was_written() {
    let (world, serving, _) = World::with_a_visit_begun();
    world.custodian();
    let kept = printed(&world.field(&["incident", "--kind", "danger", "--text", WORDS]));
    assert_eq!(kept["sealed"], false);
    let dev = printed(&world.field(&["status"]))["dev"].as_str().unwrap().to_owned();
    serving.call("POST", &format!("devices/{dev}/revoke"), &serving.sign_in("admin"), &json!({}));
    // What becomes of the rest is told; the report is there.
    world.field(&["sync"]);
    assert_eq!(printed(&world.field(&["status"]))["pending_incidents"], 0);
    let id = kept["id"].as_str().unwrap();
    let opened = world.incident(&serving.address, "custodian", &["open", id, "--reason", "turno"]);
    assert_eq!(printed(&opened)["report"]["text"], WORDS);
}
