//! What a native shell stands on: the bindings are made for every language, and Python's carries a visit against a real office.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[expect(dead_code, reason = "its `main` is the program's")]
#[path = "../examples/bindings.rs"]
mod bindings;

use std::{
    env, fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};
use server::{
    App, Config, Environment, SecondFactor,
    app::{
        incidents,
        organizations::{self, NewOrganization},
        rescue::{self, Sealer},
        users::{self, NewUser},
        verify::verify,
    },
    auth,
};
use sync_core::incident::{self, SealedFor};
use tempfile::TempDir;

/// Password of everybody in the office.
const PASSWORD: &str = "correct horse battery";
/// What reports of incidents are sealed for.
const CUSTODIANS_SECRET: [u8; 32] = [7; 32];
/// The oldest Python that the bindings run on: minor version of 3.
const OLDEST_PYTHON: &str = "import sys; sys.exit(sys.version_info < (3, 9))";

/// The library that a shell loads: cargo builds it for this test, beside it.
fn library() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}phone_ffi{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let library = folder.join(name);
    assert!(library.exists(), "{} is not there", library.display());
    library
}

/// An office that serves until the test's process ends, with a person of each role; and its address.
fn office(folder: &Path) -> (App, String, String) {
    let config = Config {
        listen: "127.0.0.1:0".to_owned(),
        database_url: format!("sqlite:{}", folder.join("veedor.db").display()),
        workers: Some(1),
        // Its administrators sign in with a password alone.
        second_factor: SecondFactor::Offered,
        ..Config::default()
    };
    let app = App::open(config, Environment::default()).unwrap();
    let organization: NewOrganization = serde_json::from_value(
        json!({"slug": "acme", "name": "Acme", "locale": "es-MX", "zone": "America/Mexico_City"}),
    )
    .unwrap();
    organizations::create(&app, organization).unwrap();
    let org = organizations::find_by_slug(&app, "acme").unwrap();
    incidents::set_key(&app, org, incident::public_key(&CUSTODIANS_SECRET).unwrap()).unwrap();
    let mut auditor = String::new();
    for role in ["admin", "programme_manager", "reviewer", "incident_custodian", "auditor"] {
        let person = json!({"login": role, "name": role, "password": PASSWORD, "roles": [{"role": role}]});
        let new: NewUser = serde_json::from_value(person).unwrap();
        let hash = auth::hash_password(new.password.as_ref().unwrap()).unwrap();
        let created =
            app.act_as("operator", org, move |tx, office| users::create(tx, office, &new, Some(&hash)));
        auditor = created.unwrap().user.id.to_string();
    }
    let (opened, address) = mpsc::channel();
    let serving = app.clone();
    thread::spawn(move || server::serve::run(serving, |all| opened.send(*all.first().unwrap()).unwrap()));
    (app, format!("http://{}", address.recv().unwrap()), auditor)
}

#[test]
fn the_bindings_of_every_language_have_the_phone_and_its_error() {
    let folder = TempDir::new().unwrap();
    bindings::make(&library(), folder.path()).unwrap();
    let made = [
        ("kotlin/uniffi/phone_ffi/phone_ffi.kt", "fun `syncNext`(): Step", "class PhoneException"),
        ("swift/phone_ffi.swift", "func syncNext() throws  -> Step", "enum PhoneError"),
        ("swift/phone_ffiFFI.h", "uniffi_phone_ffi_fn_method_phone_sync_next", "RustBuffer"),
        ("swift/phone_ffiFFI.modulemap", "phone_ffiFFI.h", "module"),
        ("python/phone_ffi.py", "def sync_next(self", "class PhoneError"),
    ];
    for (file, call, error) in made {
        let text = fs::read_to_string(folder.path().join(file)).unwrap_or_else(|it| panic!("{file}: {it}"));
        assert!(text.contains(call) && text.contains(error), "{file}");
    }
}

#[test]
fn a_shell_in_python_fills_sends_and_verifies_a_visit() {
    let python = Command::new("python3").args(["-c", OLDEST_PYTHON]).status();
    let is_there = python.is_ok_and(|it| it.success());
    assert!(is_there, "no Python 3.9 or later: install it as python3 (Debian: apt-get install python3)");
    let folder = TempDir::new().unwrap();
    bindings::make(&library(), folder.path()).unwrap();
    let modules = folder.path().join("python");
    fs::copy(library(), modules.join(library().file_name().unwrap())).unwrap();
    let (app, address, auditor) = office(folder.path());

    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let answers = ours.join("../../audit-templates/tests/vectors/score_vectors.json");
    let mut shell = Command::new("python3");
    shell.arg(ours.join("tests/shell/visit.py")).args([&address, PASSWORD, &auditor]).arg(answers);
    shell.arg(folder.path()).env("PYTHONPATH", &modules).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    assert_eq!(brought(&app, folder.path(), "records"), (false, 3, 1));
    assert_eq!(brought(&app, folder.path(), "salvaged"), (true, 0, 1), "the office has all but the original");
    let report = verify(&app, None, &mut |_| {}).unwrap();
    assert_eq!(report.fault, None);
    assert_eq!((report.organizations, report.audits, report.scores), (1, 5, 1), "{report:?}");
    assert!(report.blobs > 0 && report.former_runs > 0 && report.incidents == 1, "{report:?}");
    assert!(what_the_custodian_reads(folder.path()).contains(r#""text":"Me pidieron dinero""#));
}

/// Takes in a rescue file, sealed as an app seals it: whether it was salvaged, and how many edits and photos were new.
fn brought(app: &App, folder: &Path, records: &str) -> (bool, u64, u64) {
    let point = fs::read(folder.join("point")).unwrap();
    let mut sealer = Sealer::for_office(Vec::new(), &point, &[9; 32]).unwrap();
    sealer.write(&fs::read(folder.join(records)).unwrap()).unwrap();
    let file = sealer.finish().unwrap();
    let taken = rescue::import(app, &mut Cursor::new(file), None).unwrap();
    assert_eq!((taken.person.as_str(), taken.waits, taken.unread), ("auditor", None, 0));
    (taken.salvaged, taken.visits.values().map(|it| it.new).sum(), taken.photos.new)
}

/// The report of an incident that the office has and cannot read.
fn what_the_custodian_reads(folder: &Path) -> String {
    let facts: Value = serde_json::from_slice(&fs::read(folder.join("sealed.json")).unwrap()).unwrap();
    let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap();
    let (org, id, dev) = (fact("organization"), fact("id"), fact("dev"));
    let sealed_for =
        SealedFor { org: org.parse().unwrap(), id: id.parse().unwrap(), dev: dev.parse().unwrap() };
    let sealed = fs::read(folder.join("sealed")).unwrap();
    String::from_utf8(sealed_for.open(&CUSTODIANS_SECRET, &sealed).unwrap()).unwrap()
}
