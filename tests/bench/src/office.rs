//! The office of a bench: the `veedor` binary in a process of its own, on the embedded default, set up over its command line
//! and its API. Owns starting it and reading what it costs.

use crate::{Outcome, meter::Usage};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use uuid::Uuid;

/// Texts of the checklist: the answers of W. Beside them stands one scored item, which every checklist must have.
pub(crate) const ITEMS: usize = 40;
/// The scored item.
pub(crate) const SCORED: &str = "A40";
/// The item for photos.
pub(crate) const PHOTO: &str = "A41";
const PASSWORD: &str = "correct horse battery staple";
const SLUG: &str = "bench";
/// Enrolments between two starts: the server counts the knocks of an address at its open doors in memory.
const ENROLMENTS: u32 = 50;

/// A running office with one checklist and one branch.
pub(crate) struct Office {
    binary: PathBuf,
    folder: PathBuf,
    running: Running,
    admin: String,
    enrolled: u32,
    /// The branch that all visits are at.
    pub(crate) branch: Uuid,
}

struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(binary: &Path, folder: &Path) -> Outcome<Self> {
        let mut command = veedor(binary, folder);
        // What is logged of each request is a cost that every installation has; it is written and thrown away.
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening at ").ok_or("the server does not listen")?;
        Ok(Self { address: address.to_owned(), child })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn veedor(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(folder).env_clear().env("VEEDOR_SECOND_FACTOR", "offered");
    command
}

fn admin(binary: &Path, folder: &Path, arguments: &[&str]) -> Outcome<Value> {
    let mut child = veedor(binary, folder)
        .arg("admin")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(format!("{PASSWORD}\n").as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A checklist of [`ITEMS`] texts, one scored item and one for photos.
fn checklist() -> Value {
    let text = json!({"es": "Texto", "en": "Text"});
    let mut items: Vec<Value> = (0..ITEMS)
        .map(|it| json!({"id": format!("A{it:02}"), "type": "text", "weight": 0, "required": false, "q": text}))
        .collect();
    items.push(json!({"id": SCORED, "type": "yes_no", "weight": 1, "required": true, "q": text}));
    items.push(json!({"id": PHOTO, "type": "photo", "weight": 0, "required": false, "q": text}));
    json!({
        "schema": "cem-checklist/1", "id": "bench", "version": 1, "kind": "inspection", "channel": "presencial",
        "title": text, "purpose": text, "scenario": text, "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0,
            "submit_within_hours": 24},
        "scoring": {"mode": "points_pooled", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
            "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "none"},
            "rounding": {"decimals": 2, "mode": "half_up"}, "bands": [{"id": "all", "min": "0", "es": "t", "en": "t"}]},
        "sections": [{"id": "A", "weight": 100, "touchpoint": "t", "title": text, "items": items}],
    })
}

impl Office {
    /// Sets an office up in an empty folder and starts it.
    pub(crate) fn set_up(binary: &Path, folder: &Path) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        admin(binary, folder, &["org", "add", "--slug", SLUG, "--name", "Bench"])?;
        let add = ["user", "add", "--org", SLUG, "--login", "admin", "--name", "Admin", "--password-stdin"];
        let roles = ["--role", "admin", "--role", "programme_manager"];
        admin(binary, folder, &[&add[..], &roles[..]].concat())?;
        let running = Running::start(binary, folder)?;
        let (binary, folder) = (binary.to_owned(), folder.to_owned());
        let mut office =
            Self { binary, folder, running, admin: String::new(), enrolled: 0, branch: Uuid::nil() };
        let body = json!({"organization": SLUG, "login": "admin", "password": PASSWORD});
        let session = office.call("POST", "/api/v1/sessions", &body)?;
        office.admin = session["token"].as_str().ok_or("no token")?.to_owned();
        let content = json!({"kind": "checklist", "text": checklist().to_string()});
        office.call("POST", "/api/v1/content", &content)?;
        office.call("POST", "/api/v1/content/checklist/bench/1/release", &json!({}))?;
        let branches = json!([{"code": "B1", "name": "Centro", "zone": "America/Mexico_City"}]);
        let done = office.call("PUT", "/api/v1/branches", &branches)?;
        office.branch = serde_json::from_value(done["items"][0]["id"].clone())?;
        Ok(office)
    }

    /// Where it answers, without the scheme.
    pub(crate) fn host(&self) -> &str {
        self.running.address.trim_start_matches("http://")
    }

    /// What it has cost since it was started.
    pub(crate) fn usage(&self) -> Outcome<Usage> {
        Usage::at_rest(self.running.child.id())
    }

    /// Stops it and starts it again over the same data.
    pub(crate) fn restart(&mut self) -> Outcome<()> {
        self.running.child.kill()?;
        self.running.child.wait()?;
        self.running = Running::start(&self.binary, &self.folder)?;
        self.enrolled = 0;
        Ok(())
    }

    /// A person who visits; gives their id.
    pub(crate) fn auditor(&mut self, login: &str) -> Outcome<Uuid> {
        let person = json!({"login": login, "name": login, "roles": [{"role": "auditor"}]});
        let made = self.call("POST", "/api/v1/users", &person)?;
        // By way of it the branch comes to their phones.
        let offer = json!([{"branch_id": self.branch, "auditor_id": made["id"], "window_from": "2020-01-01",
            "window_to": "2099-12-31", "template": {"id": "bench", "version": 1}}]);
        self.call("POST", "/api/v1/assignments", &offer)?;
        Ok(serde_json::from_value(made["id"].clone())?)
    }

    /// A one-time code for a device of an auditor.
    pub(crate) fn code(&mut self, auditor: Uuid) -> Outcome<String> {
        if self.enrolled >= ENROLMENTS {
            self.restart()?;
        }
        self.enrolled += 1;
        let body = json!({"user": auditor, "kind": "phone"});
        let issued = self.call("POST", "/api/v1/devices/codes", &body)?;
        Ok(issued["code"].as_str().ok_or("no code")?.to_owned())
    }

    /// A call of the API as the administrator.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Outcome<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.running.address))
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {}", self.admin));
        let mut answer = match method {
            "GET" => agent.run(request.body(())?)?,
            _ => agent.run(request.body(body.to_string())?)?,
        };
        let text = answer.body_mut().with_config().limit(256 << 20).read_to_string()?;
        if !answer.status().is_success() {
            return Err(format!("{method} {path}: {} {text}", answer.status()).into());
        }
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }
}
