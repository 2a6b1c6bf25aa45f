//! The commands of the office: settings, administration, serving with and without TLS.

use crate::binary::{Serving, folder, printed, refused, run_in, veedor, with_input};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

#[test]
fn each_source_of_settings_overrides_the_ones_before_and_secrets_are_hidden() {
    let folder = folder();
    let file = "listen = \"127.0.0.1:1\"\nsession_hours = 1\ncode_hours = 1\n\
                database_url = \"postgres://veedor:s3cret@db/veedor\"\n";
    std::fs::write(folder.path().join("veedor.toml"), file).unwrap();
    let output = veedor(folder.path())
        .args(["config", "--listen", "127.0.0.1:3"])
        .env("VEEDOR_LISTEN", "127.0.0.1:2")
        .env("VEEDOR_CODE_HOURS", "2")
        .env("VEEDOR_PASSWORD_FILE", "elsewhere")
        .output()
        .unwrap();
    let shown = printed(&output);
    assert_eq!(shown["listen"], "127.0.0.1:3");
    assert_eq!((&shown["session_hours"], &shown["code_hours"]), (&json!(1), &json!(2)));
    assert_eq!(shown["device_days"], 400);
    assert_eq!(shown["database_url"], "postgres://veedor:***@db/veedor");
}

#[test]
fn an_unknown_key_a_wrong_type_and_half_of_tls_stop_the_start() {
    let folder = folder();
    let file = folder.path().join("other.toml");
    std::fs::write(&file, "listten = \"127.0.0.1:1\"\n").unwrap();
    let named = ["serve", "--config", "other.toml"];
    let (code, fields) = refused(&run_in(folder.path(), &named));
    assert_eq!((code.as_str(), fields.len()), ("bad_settings", 1));
    std::fs::write(&file, "session_hours = \"many\"\n").unwrap();
    let (_, fields) = refused(&run_in(folder.path(), &named));
    assert_eq!(fields, [("/session_hours".to_owned(), "bad_setting".to_owned())]);
    std::fs::write(&file, "tls_cert = \"cert.pem\"\n").unwrap();
    let (_, fields) = refused(&run_in(folder.path(), &named));
    assert_eq!(fields, [("/tls_key".to_owned(), "missing".to_owned())]);
    let output = veedor(folder.path()).arg("serve").env("VEEDOR_LISTTEN", "x").output().unwrap();
    assert_eq!(refused(&output).0, "bad_settings");
    let (code, _) = refused(&run_in(folder.path(), &["serve", "--config", "absent.toml"]));
    assert_eq!(code, "unreadable_input");
}

#[test]
fn settings_that_no_machine_could_use_are_all_named_before_anything_is_opened() {
    let folder = folder();
    let bad = ["serve", "--listen", "nope", "--database-url", "mysql://root:s3cret@x"];
    let output = run_in(folder.path(), &bad);
    let expected = [("/listen", "bad_setting"), ("/database_url", "bad_setting")];
    let expected = expected.map(|(field, code)| (field.to_owned(), code.to_owned()));
    assert_eq!(refused(&output), ("bad_settings".to_owned(), expected.to_vec()));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cret"));
    let demo = refused(&run_in(folder.path(), &["demo", "--data", "d", "--visits", "1", "--listen", "nope"]));
    assert_eq!(demo, ("bad_settings".to_owned(), expected[..1].to_vec()));
}

fn add_organization(folder: &Path) {
    let added = printed(&run_in(folder, &["admin", "org", "add", "--slug", "acme", "--name", "Acme"]));
    assert_eq!(added["slug"], "acme");
}

fn add_user(folder: &Path, login: &str, password: Option<&str>) -> Output {
    let mut arguments = vec!["admin", "user", "add", "--org", "acme", "--login", login, "--name", "Ana"];
    arguments.extend(["--role", "admin"]);
    if password.is_some() {
        arguments.push("--password-stdin");
    }
    with_input(veedor(folder).args(arguments), &format!("{}\n", password.unwrap_or_default()))
}

#[test]
fn the_operator_creates_an_organization_and_its_people_and_checks_the_log() {
    let folder = folder();
    let at = folder.path();
    add_organization(at);
    let taken = run_in(at, &["admin", "org", "add", "--slug", "acme", "--name", "Acme"]);
    assert_eq!(refused(&taken).0, "slug_taken");
    let bad = run_in(at, &["admin", "org", "add", "--slug", "A b", "--name", "", "--zone", "Mars"]);
    let (_, fields) = refused(&bad);
    let found: Vec<&str> = fields.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(found, ["/name", "/slug", "/zone"]);
    let created = printed(&add_user(at, "ana", None));
    assert_eq!(created["roles"], json!([{"role": "admin", "scope": {"kind": "organization"}}]));
    assert_eq!(created["code"]["code"].as_str().map(str::len), Some(14));
    let with_password = printed(&add_user(at, "eva", Some("correct horse battery")));
    assert!(with_password["code"].is_null());
    let (_, fields) = refused(&add_user(at, "leo", Some("short")));
    assert_eq!(fields, [("/password".to_owned(), "password_length".to_owned())]);
    assert_eq!(refused(&add_user(at, "ANA", None)).0, "login_taken");
    let reset = printed(&run_in(at, &["admin", "reset-password", "--org", "acme", "--login", "ana"]));
    assert_eq!(reset["code"]["code"].as_str().map(str::len), Some(14));
    let unknown = run_in(at, &["admin", "reset-password", "--org", "acme", "--login", "nobody"]);
    assert_eq!(refused(&unknown).0, "not_found");
    let log = printed(&run_in(at, &["admin", "verify-log", "--org", "acme"]));
    assert_eq!(log["intact"], true);
    assert_eq!(refused(&run_in(at, &["admin", "verify-log", "--org", "other"])).0, "not_found");
}

#[test]
fn it_serves_what_the_operator_set_up_and_stops_when_told() {
    let folder = folder();
    add_organization(folder.path());
    printed(&add_user(folder.path(), "ana", Some("correct horse battery")));
    let serving = Serving::start(folder.path(), &[]);
    assert!(serving.address.starts_with("http://127.0.0.1:"));
    let body = json!({"organization": "acme", "login": "ana", "password": "correct horse battery"});
    let opened = ureq::post(format!("{}/api/v1/sessions", serving.address))
        .header("Content-Type", "application/json")
        .send(body.to_string())
        .unwrap();
    assert_eq!(opened.status(), 201);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn it_serves_under_tls_with_a_certificate_of_its_own() {
    let folder = folder();
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let (cert, key) = (tls.join("localhost.pem"), tls.join("localhost.key"));
    let arguments = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let serving = Serving::start(folder.path(), &arguments);
    assert!(serving.address.starts_with("https://127.0.0.1:"));
    let certificate = Certificate::from_pem(&std::fs::read(&cert).unwrap()).unwrap();
    let roots = RootCerts::new_with_certs(&[certificate]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .into();
    let answer = agent.get(format!("{}/readyz", serving.address)).call().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().get("strict-transport-security").is_some());
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_with_its_path() {
    let folder = folder();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", "no.pem", "--tls-key", "no.key"];
    let output = run_in(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no.pem"));
}

#[test]
fn the_openapi_document_is_printed_as_it_is_checked_in() {
    let folder = folder();
    let output = run_in(folder.path(), &["openapi"]);
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["paths"]["/api/v1/sessions"]["post"].is_object());
}

#[test]
fn a_server_that_begins_empty_prints_where_and_with_which_code_it_is_set_up() {
    let folder = folder();
    let begin = || {
        let mut command = veedor(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap().replace("listening at ", "");
        (child, address, lines)
    };
    let end = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let (child, address, mut lines) = begin();
    let told = lines.next().unwrap().unwrap();
    let link = told.strip_prefix("set up at ").unwrap();
    assert!(link.starts_with(&format!("{address}/setup?code=")), "{link}");
    let page = ureq::get(link).call().unwrap().body_mut().read_to_string().unwrap();
    let code = link.split("code=").nth(1).unwrap();
    assert!(page.contains(&format!("value=\"{code}\"")), "{page}");
    let form = [
        ("code", code),
        ("organization/name", "Banco"),
        ("organization/slug", "banco"),
        ("organization/locale", "es"),
        ("organization/zone", "America/Bogota"),
        ("person/name", "Ana"),
        ("person/login", "ana"),
        ("person/password", "a long enough password"),
    ];
    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).build().into();
    assert_eq!(agent.post(format!("{address}/setup")).send_form(form).unwrap().status().as_u16(), 303);
    end(child);
    let (child, _, mut lines) = begin();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(lines.next().is_none(), "an organization is there: nothing is set up");
    end(child);
}
