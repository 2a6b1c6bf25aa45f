//! SIGKILL at any moment: no acknowledged op is lost, the import goes on where it stopped, and what was computed is the
//! same, byte for byte, but for the ids and instants of the run.
#![cfg(unix)]

use crate::binary::{Serving, folder, veedor};
use device::Device;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use sync_core::chain::Head;
use uuid::Uuid;

/// Visits of the demo here: a few transactions of each device.
const VISITS: &str = "400";
/// Password of everybody in the demo.
const DEMO_PASSWORD: &str = "veedor-demo-2026";
const DEMO: &str = "chicago-demo";

fn quietly() -> Command {
    let mut command = veedor(Path::new(env!("CARGO_TARGET_TMPDIR")));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn demo(data: &Path) -> Command {
    let mut command = quietly();
    command.args(["demo", "--no-serve", "--listen", "127.0.0.1:0", "--visits", VISITS, "--data"]).arg(data);
    command
}

/// Bytes of everything in a folder.
fn written(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| {
        let path = entry.path();
        if path.is_dir() { written(&path) } else { entry.metadata().map_or(0, |it| it.len()) }
    };
    entries.flatten().map(size).sum()
}

/// Waits until a folder holds so much; false where the process ended by itself before.
fn reached(process: &mut Child, folder: &Path, bytes: u64) -> bool {
    while written(folder) < bytes {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

fn kill(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// `veedor serve` over a database; dropped, it is killed.
fn serve(database: &Path, listen: &str) -> Serving {
    let mut command = quietly();
    command.args(["serve", "--workers", "2", "--listen", listen, "--database-url"]);
    Serving::spawn(command.arg(format!("sqlite:{}", database.display())))
}

/// What the tests here ask of a server, whatever it answers.
impl Serving {
    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .header("Authorization", format!("Bearer {token}"));
        let answer = match method {
            "GET" => agent.run(request.body(()).unwrap()),
            _ => agent.run(request.body(body.to_string()).unwrap()),
        };
        let text = answer.unwrap().body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {text}"))
    }

    fn get(&self, path: &str, token: &str) -> Value {
        self.ask("GET", &format!("/api/v1/{path}"), token, &Value::Null)
    }

    /// All items of a list, page after page.
    fn all(&self, path: &str, token: &str) -> Vec<Value> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{joint}limit=500{after}"), token);
            items
                .extend(page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }

    fn sign_in_to(&self, organization: &str, login: &str, password: &str) -> String {
        let body = json!({"organization": organization, "login": login, "password": password});
        self.ask("POST", "/api/v1/sessions", "", &body)["token"].as_str().unwrap().to_owned()
    }
}

/// Gives ids and hashes the number of their first appearance and instants one name, since they are new in every run; all
/// else stays as it is.
#[derive(Default)]
struct Renaming(HashMap<String, usize>);

impl Renaming {
    fn token(&mut self, token: &str) -> String {
        let hex = token.bytes().all(|it| it.is_ascii_hexdigit());
        if Uuid::parse_str(token).is_ok() || (hex && (token.len() == 32 || token.len() == 64)) {
            let next = self.0.len();
            return format!("#{}", self.0.entry(token.to_owned()).or_insert(next));
        }
        token.to_owned()
    }

    fn text(&mut self, text: &str) -> String {
        let instant = text.len() > 19 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
        if instant {
            return "instant".to_owned();
        }
        text.split(':').map(|it| self.token(it)).collect::<Vec<_>>().join(":")
    }

    fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|it| self.value(it)).collect(),
            Value::Object(fields) => {
                let mut renamed: serde_json::Map<String, Value> =
                    fields.iter().map(|(key, it)| (self.token(key), self.value(it))).collect();
                // The visits of a line of pay stand in the order of their ids.
                if let Some(Value::Array(visits)) = renamed.get_mut("visits") {
                    visits.sort_by_key(ToString::to_string);
                }
                Value::Object(renamed)
            }
            other => other.clone(),
        }
    }
}

/// Sorts by a key that people gave.
fn sorted(mut items: Vec<Value>, key: impl Fn(&Value) -> String) -> Vec<Value> {
    items.sort_by_key(|it| key(it));
    items
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// Everything that was computed from the visits, as the API tells it: every visit with all versions of its score and
/// their explanations, the network, the rating, the newest run of each plan with its statements and lines.
fn computed(data: &Path) -> Vec<(String, String)> {
    let serving = serve(&data.join("veedor.db"), "127.0.0.1:0");
    let mut renaming = Renaming::default();
    let mut found = Vec::new();
    let mut tell = |name: String, value: &Value| found.push((name, renaming.value(value).to_string()));
    let reviewer = serving.sign_in_to(DEMO, "reviewer", DEMO_PASSWORD);

    let visits = sorted(serving.all("visits", &reviewer), |it| text(it, "external_ref"));
    for visit in &visits {
        let (name, id) = (text(visit, "external_ref"), text(visit, "id"));
        tell(format!("visit {name}"), &serving.get(&format!("visits/{id}"), &reviewer));
        tell(format!("scores of {name}"), &serving.get(&format!("visits/{id}/scores"), &reviewer));
    }

    let mut network = serving.get("scorecards/network?from=2010-01-01&to=2014-12-31", &reviewer);
    let branches = sorted(network["branches"].as_array().unwrap().clone(), |it| text(it, "code"));
    // The order of branches that are equal in everything falls by id.
    network.as_object_mut().unwrap().remove("branches");
    let mut unranked = branches.clone();
    unranked.iter_mut().for_each(|it| drop(it.as_object_mut().unwrap().remove("rank")));
    tell("network".to_owned(), &network);
    tell("branches".to_owned(), &unranked.into());
    for branch in &branches {
        let rated = serving.get(&format!("branches/{}/assessments", text(branch, "id")), &reviewer);
        if let Some(newest) = rated["items"].as_array().or(rated.as_array()).and_then(|it| it.last()) {
            tell(format!("rating of {}", text(branch, "code")), &newest["rating"]);
        }
    }

    let hr = serving.sign_in_to(DEMO, "hr", DEMO_PASSWORD);
    let mut newest: BTreeMap<String, Value> = BTreeMap::new();
    for run in sorted(serving.all("payout-runs", &hr), |it| text(it, "created_at")) {
        newest.insert(run["plan"].to_string(), run);
    }
    for (plan, run) in &newest {
        let id = text(run, "id");
        for part in ["payable", "people", "state", "currency"] {
            tell(format!("{part} of {plan}"), &run[part]);
        }
        let of_run = |part: &str| serving.all(&format!("payout-runs/{id}/{part}"), &hr);
        let lines = sorted(of_run("statements"), |it| text(it, "employee_no"));
        lines.iter().for_each(|it| tell(format!("statement of {plan}"), it));
    }
    drop(serving);
    found
}

/// The stores of an import's devices.
fn stores(devices: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(devices.join("devices")).into_iter().flatten().flatten();
    folders.map(|it| it.path()).filter(|it| it.join("device.db").exists()).collect()
}

/// What a server holds of a device's log, as it answers to that device.
fn held(serving: &Serving, device: &Device) -> Head {
    let status = device.status().unwrap();
    let none = json!({"dseq": 0, "h": "0".repeat(64)});
    let request = json!({
        "proto": 1, "app_build": 1, "dev": status.dev, "epoch": status.epoch,
        "hello": {
            "head": none, "acked": none, "clock": {"wall_ms": 0, "mono_ms": null, "boot": null},
            "pending": {"ops": 0, "blobs": 0, "bytes": 0},
        },
    });
    let token = device.enrolment().unwrap().expect("it is enrolled").token;
    let reply = serving.ask("POST", "/sync/v1/exchange", &token, &request);
    serde_json::from_value(reply["done"]["dev_head"].clone()).unwrap_or_else(|it| panic!("{it}: {reply}"))
}

/// A second device of the same user, filled from the server alone.
fn mirror(serving: &Serving, admin: &str, of: &Device, folder: &Path) -> Device {
    let body = json!({"user": of.status().unwrap().user, "kind": "phone"});
    let issued = serving.ask("POST", "/api/v1/devices/codes", admin, &body);
    let field = |arguments: &[&str]| {
        let mut command = quietly();
        command.args(["field", "--server", &serving.address, "--data"]).arg(folder).args(arguments);
        assert!(command.output().unwrap().status.success());
    };
    field(&["login", "--code", &text(&issued, "code")]);
    field(&["sync"]);
    Device::open(folder).unwrap()
}

/// All ops of an audit but for what only the receiver knows.
fn ops(device: &Device, audit: Uuid) -> Vec<(sync_core::OpId, sync_core::Op)> {
    device.ops(audit).unwrap().iter().map(|(id, stored)| (*id, stored.op.clone())).collect()
}

#[track_caller]
fn assert_same(found: &[(String, String)], expected: &[(String, String)]) {
    let names = |of: &[(String, String)]| of.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (one, other) in found.iter().zip(expected) {
        assert_eq!(one, other);
    }
}

#[test]
fn a_killed_demo_goes_on_and_ends_with_the_same_bytes() {
    let undisturbed = folder();
    assert!(demo(undisturbed.path()).output().unwrap().status.success());
    let expected = computed(undisturbed.path());
    assert!(expected.len() > 800 && expected.iter().any(|it| it.0.starts_with("statement")));
    let whole = written(undisturbed.path());

    let disturbed = folder();
    let mut kills = 0;
    for part in 1..8 {
        // The input files come first; what follows is the database and the devices, in step with the import.
        let mut process = demo(disturbed.path()).spawn().unwrap();
        if reached(&mut process, disturbed.path(), whole * part / 8) {
            kill(process);
            kills += 1;
        }
    }
    assert!(kills >= 3, "only {kills} of the runs could be killed under way");
    assert!(demo(disturbed.path()).output().unwrap().status.success());
    assert_same(&computed(disturbed.path()), &expected);
}

/// An office with one administrator, and the City's files for an import into it.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn set_up() -> Self {
        let folder = folder();
        // The demo writes its cut of the City's files before anything else.
        let sample = folder.path().join("sample");
        let mut process = demo(&sample).spawn().unwrap();
        while !sample.join("veedor.db").exists() {
            assert!(process.try_wait().unwrap().is_none(), "the demo ended");
            std::thread::yield_now();
        }
        kill(process);
        fs::rename(sample.join("input"), folder.path().join("input")).unwrap();
        fs::remove_dir_all(sample).unwrap();
        fs::write(folder.path().join("password.txt"), DEMO_PASSWORD).unwrap();
        let world = Self { folder };
        world.admin(&["org", "add", "--slug", "acme", "--name", "Acme"]);
        world.admin(&[
            "user",
            "add",
            "--org",
            "acme",
            "--login",
            "admin",
            "--name",
            "A",
            "--role",
            "admin",
            "--password-stdin",
        ]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("office/veedor.db")
    }

    fn admin(&self, arguments: &[&str]) {
        fs::create_dir_all(self.path("office")).unwrap();
        let mut command = quietly();
        command.args(["admin", "--database-url"]).arg(format!("sqlite:{}", self.database().display()));
        command.args(arguments).stdin(Stdio::piped());
        let mut process = command.spawn().unwrap();
        writeln!(process.stdin.take().unwrap(), "{DEMO_PASSWORD}").unwrap();
        assert!(process.wait_with_output().unwrap().status.success());
    }

    fn import(&self, serving: &Serving) -> Command {
        let mut command = quietly();
        command.args(["import", "audits", "--template", "chicago-food-canvass", "--organization", "acme"]);
        command.args(["--login", "admin", "--server", &serving.address]);
        let files = [
            ("--visits", "input/inspections.csv.gz"),
            ("--answers", "input/violations.csv.gz"),
            ("--mapping", "input/mapping.yaml"),
            ("--data", "import"),
            ("--refused", "refused.csv"),
            ("--password-file", "password.txt"),
        ];
        for (option, name) in files {
            command.arg(option).arg(self.path(name));
        }
        command
    }

    /// Every device's store against what the server says that it holds of it; gives how many ops are acknowledged.
    fn assert_nothing_acknowledged_is_lost(&self, serving: &Serving) -> u64 {
        let mut acknowledged = 0;
        for store in stores(&self.path("import")) {
            let device = match Device::open(&store) {
                Ok(device) => device,
                // Killed while it was made: it has written nothing yet.
                Err(error) if error.code() == "no_device" => continue,
                Err(error) => panic!("{}: {error}", store.display()),
            };
            if device.enrolment().unwrap().is_none() {
                continue;
            }
            let (acked, held) = (device.status().unwrap().acked, held(serving, &device));
            assert!(held.dseq >= acked.dseq, "{}: {held:?} lost {acked:?}", store.display());
            if held.dseq == acked.dseq {
                assert_eq!(held.h, acked.h);
            }
            acknowledged += acked.dseq;
        }
        acknowledged
    }

    /// Every op of every device, read back from the server by a fresh device of the same user, once and as it was
    /// written; gives how many.
    fn assert_everything_is_on_the_server(&self, serving: &Serving) -> u64 {
        let admin = serving.sign_in_to("acme", "admin", DEMO_PASSWORD);
        let mut count = 0;
        for (number, store) in stores(&self.path("import")).iter().enumerate() {
            let own = Device::open(store).unwrap();
            let mirror = mirror(serving, &admin, &own, &self.path(&format!("mirror-{number}")));
            let audits = |device: &Device| {
                device.list(None, 10_000).unwrap().iter().map(|it| it.audit).collect::<Vec<_>>()
            };
            assert_eq!(audits(&mirror), audits(&own));
            for audit in audits(&own) {
                let expected = ops(&own, audit);
                assert_eq!(ops(&mirror, audit), expected);
                count += u64::try_from(expected.len()).unwrap();
            }
        }
        count
    }
}

#[test]
fn a_server_killed_during_pushes_still_holds_every_op_that_it_acknowledged() {
    let world = World::set_up();
    let office = world.path("office");
    let mut kills = 0;
    let mut acknowledged = Vec::new();
    for _ in 0..6 {
        let serving = serve(&world.database(), "127.0.0.1:0");
        let mut import = world.import(&serving).spawn().unwrap();
        let under_way = reached(&mut import, &office, written(&office) + 600_000);
        drop(serving);
        kill(import);
        kills += u32::from(under_way);
        let again = serve(&world.database(), "127.0.0.1:0");
        acknowledged.push(world.assert_nothing_acknowledged_is_lost(&again));
        drop(again);
    }
    assert!(kills >= 3, "only {kills} of the imports were under way");
    assert!(acknowledged.is_sorted() && acknowledged.last() > acknowledged.first(), "{acknowledged:?}");

    // Once more with an importer that stays: it waits for the server and goes on.
    let serving = serve(&world.database(), "127.0.0.1:0");
    let listen = serving.address.trim_start_matches("http://").to_owned();
    let mut import = world.import(&serving).stderr(Stdio::piped()).spawn().unwrap();
    // Its devices write, so it has signed in.
    let devices = world.path("import");
    reached(&mut import, &devices, written(&devices) + 100_000);
    drop(serving);
    let serving = serve(&world.database(), &listen);
    let ended = import.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["audits"].to_string(), VISITS);

    let stored = world.assert_everything_is_on_the_server(&serving);
    assert_eq!(stored, world.assert_nothing_acknowledged_is_lost(&serving));
    drop(serving);
    // And all of it verifies, however often it was killed.
    world.admin(&["verify"]);
}
