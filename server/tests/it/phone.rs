//! `/app/`: the phone's files with their types, how long they stay, packed forms, and nothing beside them.

use crate::{console::html, devices};
use domain::access::Role;
use server::{
    App, Config, Environment,
    testing::{Answer, TestOffice},
};
use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
};
use tempfile::TempDir;

const SCRIPT: &str = "assets/index-B7x_9QkL.js";

/// A phone of a few files, of which the script is packed.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("index.html", b"<!doctype html><title>Veedor</title>");
    write("sw.js", b"self;");
    write("manifest.webmanifest", b"{}");
    write(SCRIPT, b"the script as it is");
    write(&format!("{SCRIPT}.br"), b"as brotli");
    write(&format!("{SCRIPT}.gz"), b"as gzip");
    write("assets/phone_bg-0123abcd.wasm", b"\0asm");
    write("icons/icon.png", b"png");
    write(".hidden", b"not for anybody");
    write("alone.br", b"packed of nothing");
    folder
}

async fn office(folder: &TempDir) -> TestOffice {
    let path = folder.path().to_owned();
    TestOffice::open().await.with(|config| config.phone = Some(path)).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |it| it.to_str().unwrap())
}

#[actix_web::test]
async fn every_file_has_its_type_and_what_it_may_do() {
    let folder = folder();
    let office = office(&folder).await;
    for (name, media_type, cached) in [
        ("", "text/html; charset=utf-8", "no-cache"),
        ("index.html", "text/html; charset=utf-8", "no-cache"),
        ("sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("manifest.webmanifest", "application/manifest+json", "no-cache"),
        (SCRIPT, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("assets/phone_bg-0123abcd.wasm", "application/wasm", "public, max-age=31536000, immutable"),
        ("icons/icon.png", "image/png", "no-cache"),
        ("alone.br", "application/octet-stream", "no-cache"),
    ] {
        let answer = office.get(&format!("/app/{name}")).send().await;
        let told =
            (answer.status.as_u16(), header(&answer, "content-type"), header(&answer, "cache-control"));
        assert_eq!(told, (200, media_type, cached), "{name}");
        let policy = header(&answer, "content-security-policy");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';") && policy.contains("base-uri 'none'")
        );
        assert_eq!(answer.headers.get_all("content-security-policy").count(), 1);
        let rights = "camera=(self), geolocation=(self), microphone=(self)";
        assert_eq!(header(&answer, "permissions-policy"), rights);
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        let wide = if name == "sw.js" { "/app/" } else { "" };
        assert_eq!(header(&answer, "service-worker-allowed"), wide, "{name}");
    }
}

#[actix_web::test]
async fn nothing_but_the_files_of_the_folder_is_there() {
    let folder = folder();
    fs::write(folder.path().with_extension("txt"), "beside the folder").unwrap();
    let office = office(&folder).await;
    let outside = folder.path().with_extension("txt");
    let outside = outside.file_name().unwrap().to_str().unwrap();
    for name in [
        ".hidden",
        "assets",
        "assets/",
        "visits/7",
        "../healthz",
        &format!("../{outside}"),
        &format!("%2e%2e/{outside}"),
        &format!("assets/..%2f..%2f{outside}"),
        "assets/../index.html",
        &format!("{SCRIPT}.br"),
    ] {
        let answer = office.get(&format!("/app/{name}")).send().await;
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()), "{name}");
    }
    // What is written later is not there either.
    fs::write(folder.path().join("later.js"), "later").unwrap();
    assert_eq!(office.get("/app/later.js").send().await.status.as_u16(), 404);
    let moved = office.get("/app").send().await;
    assert_eq!((moved.status.as_u16(), header(&moved, "location")), (308, "/app/"));
    for address in ["/app", "/app/", "/app/sw.js"] {
        let refused = office.post(address).send().await;
        assert_eq!(refused.outcome(), (405, "method_not_allowed".to_owned()), "{address}");
    }
    fs::remove_file(folder.path().with_extension("txt")).unwrap();
}

#[actix_web::test]
async fn who_has_a_file_is_not_sent_it_again() {
    let folder = folder();
    let office = office(&folder).await;
    let first = office.get("/app/").send().await;
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let again = office.get("/app/").header("If-None-Match", &known).send().await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{known}");
        assert_eq!((header(&again, "etag"), header(&again, "cache-control")), (tag.as_str(), "no-cache"));
    }
    let other = office.get("/app/").header("If-None-Match", "\"x\"").send().await;
    assert_eq!((other.status.as_u16(), other.body), (200, first.body));
}

#[actix_web::test]
async fn a_browser_gets_the_form_that_it_takes_and_each_has_its_own_tag() {
    let folder = folder();
    let office = office(&folder).await;
    let mut tags = std::collections::BTreeSet::new();
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "as brotli"),
        ("BR;q=0.1, gzip", "br", "as brotli"),
        ("gzip", "gzip", "as gzip"),
        ("br;q=0, gzip;q=1.0", "gzip", "as gzip"),
        ("br; q=0.0, gzip;q=0", "identity", "the script as it is"),
        ("zstd", "identity", "the script as it is"),
    ] {
        let call = office.get(&format!("/app/{SCRIPT}")).header("Accept-Encoding", accepted);
        let answer = call.send().await;
        assert_eq!((header(&answer, "content-encoding"), &answer.body[..]), (encoding, body.as_bytes()));
        assert_eq!(header(&answer, "vary"), "Accept-Encoding");
        tags.insert(header(&answer, "etag").to_owned());
    }
    assert_eq!(tags.len(), 3);
    // Nothing on the way packs what has a tag already.
    let page = office.get("/app/").header("Accept-Encoding", "gzip").send().await;
    assert_eq!((header(&page, "content-encoding"), header(&page, "vary")), ("identity", ""));
}

/// One request over a line of its own: the head, and what follows it.
fn over_a_line(address: std::net::SocketAddr, request: &str) -> (String, String) {
    let mut line = std::net::TcpStream::connect(address).unwrap();
    write!(line, "{request}\r\nHost: office\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[actix_web::test]
async fn a_head_tells_the_length_and_sends_nothing() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let config = Config {
        listen: "127.0.0.1:0".to_owned(),
        database_url: format!("sqlite:{}", place.path().join("veedor.db").display()),
        phone: Some(folder.path().to_owned()),
        workers: Some(1),
        ..Config::default()
    };
    let running = server::serve::start(App::open(config, Environment::default()).unwrap()).unwrap();
    let (address, handle) = (running.addresses[0], running.handle);
    let asked = std::thread::spawn(move || {
        ["HEAD", "GET"].map(|it| over_a_line(address, &format!("{it} /app/sw.js HTTP/1.1")))
    });
    let serving = actix_web::rt::spawn(running.server);
    while !asked.is_finished() {
        actix_web::rt::task::yield_now().await;
    }
    let [head, get] = asked.join().unwrap();
    handle.stop(true).await;
    serving.await.unwrap().unwrap();
    assert!(head.0.contains("content-length: 5\r\n") && head.0.contains("etag: "), "{}", head.0);
    assert_eq!((head.1.as_str(), get.1.as_str()), ("", "self;"));
}

#[actix_web::test]
async fn an_office_without_a_phone_says_how_to_get_one() {
    let office = TestOffice::open().await;
    for address in ["/app/", "/app/sw.js"] {
        let refused = office.get(address).send().await;
        assert_eq!(refused.outcome(), (404, "no_phone".to_owned()));
        assert!(String::from_utf8_lossy(&refused.body).contains("cargo xtask phone"));
    }
}

#[test]
fn a_folder_that_is_no_phone_keeps_the_office_closed() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |phone: &Path| {
        let database_url = format!("sqlite:{}", folder.path().join("veedor.db").display());
        let config = Config { database_url, phone: Some(phone.to_owned()), ..Config::default() };
        App::open(config, Environment::default()).map(drop)
    };
    for phone in [folder.path().to_owned(), folder.path().join("gone")] {
        let refused = opened(&phone).unwrap_err();
        let error = &refused.problem().errors[0];
        assert_eq!((error.field.as_str(), error.code.as_ref()), ("/phone", "bad_setting"));
        assert!(error.message_es.contains("cargo xtask phone"), "{}", error.message_es);
    }
}

#[actix_web::test]
async fn a_person_who_visits_gets_a_phone_by_a_qr_on_a_page() {
    let folder = folder();
    let office = office(&folder).await;
    let (admin, auditor) = (office.person(Role::Admin), office.person(Role::Auditor));
    let cookie = format!("veedor_session={}", admin.token);
    let address = format!("/people/{}", auditor.id);
    let page = html(&office.get(&address).header("Cookie", &cookie).send().await);
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let send = async |host: &str| {
        let call = office.post(&format!("{address}/device")).header("Cookie", &cookie).header("Host", host);
        let call = call.header("Content-Type", "application/x-www-form-urlencoded");
        html(&call.body(format!("csrf={csrf}")).send().await)
    };
    let shown = send("localhost:8080").await;
    let link = shown.split("href=\"http://localhost:8080/app/#code=").nth(1).unwrap();
    let code = link.split('"').next().unwrap();
    assert!(shown.contains("<svg class=\"qr\"") && !shown.contains("no es segura"), "{shown}");
    let request = devices::request(&devices::key(1), code, "phone");
    devices::enrol(&office, &request).await.expect_json();
    assert!(send("veedor.example").await.contains("no es segura"));
    // Who visits nobody gets none.
    let reviewer = office.person(Role::Reviewer);
    let page = html(&office.get(&format!("/people/{}", reviewer.id)).header("Cookie", &cookie).send().await);
    assert!(!page.contains("/device\""), "{page}");
}
