//! A right that is taken and given again, over the wire: what the auditor's phones hold meanwhile, in their files too.

use crate::binary::{folder, printed, problem, veedor};
use crate::world::World;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Output};

const SAID: &str = "lo dijo el otro telefono";

fn on(phone: &Path, arguments: &[&str]) -> Output {
    veedor(phone).args(["field", "--data", "store"]).args(arguments).output().unwrap()
}

fn is_written(phone: &Path, text: &str) -> bool {
    ["device.db", "device.db-wal"].iter().any(|file| {
        let bytes = fs::read(phone.join("store").join(file)).unwrap_or_default();
        bytes.windows(text.len()).any(|it| it == text.as_bytes())
    })
}

#[test]
fn a_visit_leaves_the_other_phone_with_the_role_and_comes_back_with_it_and_what_was_unsent_is_not_lost() {
    let (world, serving, audit) = World::with_a_visit_begun();
    let other = folder();
    let code = world.code(&serving);
    printed(&on(other.path(), &["--server", &serving.address, "login", "--code", &code]));
    let said = json!(format!("{SAID} {}", "y nada mas ".repeat(12)));
    world.answer(&audit, "G06", &said);
    printed(&world.field(&["sync"]));
    printed(&on(other.path(), &["sync"]));
    assert!(is_written(other.path(), SAID));
    let admin = serving.sign_in("admin");
    let address = format!("users/{}/roles", world.auditor.as_str().unwrap());
    let role = json!({"role": "auditor"});
    serving.call("POST", &format!("{address}/revoke"), &admin, &role);
    // The other phone had not sent this, and does not lose it by losing the visit.
    let late = json!(format!("no se envio todavia {}", "y nada mas ".repeat(12)));
    printed(&on(other.path(), &["answer", &audit, "G06", &late.to_string()]));
    let synced = printed(&on(other.path(), &["sync"]));
    assert_eq!((&synced["pending_ops"], &synced["set_aside"]["no_field_work"]), (&json!(0), &json!(1)));
    assert!(!is_written(other.path(), SAID));
    let refused = problem(&on(other.path(), &["status", &audit]));
    assert_eq!(refused["code"], "unknown_audit");
    let reviewer = serving.sign_in("reviewer");
    let reason = json!({"reason": "written before"});
    serving.call("POST", &format!("quarantine/{audit}/adopt"), &reviewer, &reason);
    serving.call("POST", &address, &admin, &role);
    let answer = |phone: &Path| -> Value {
        printed(&on(phone, &["sync"]));
        printed(&on(phone, &["status", &audit]))["answers"]["G06"].clone()
    };
    let shown = answer(other.path());
    assert_eq!(shown["value"], late);
    assert_eq!(answer(world.phone.path()), shown);
    assert!(is_written(other.path(), SAID));
    let verified = veedor(world.office.path()).args(["admin", "verify"]).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
}
