//! What logs a phone app in: the link of an operator's code, and the demo's, each drawn as a QR.

use crate::{
    binary::{folder, printed, refused, run_in, veedor},
    world::World,
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

#[test]
fn an_operators_code_comes_with_the_link_that_logs_a_phone_in() {
    let world = World::set_up();
    let code = |words: &[&str]| {
        let command = [&["admin", "device-code", "--org", "acme", "--login", "auditor"][..], words].concat();
        run_in(world.office.path(), &command)
    };
    let link =
        |issued: &Value, origin: &str| format!("{origin}/app/#code={}", issued["code"].as_str().unwrap());
    let output = code(&[]);
    let issued = printed(&output);
    let here = link(&issued, "http://localhost:8080");
    assert_eq!(issued["link"], here);
    let seen = String::from_utf8(output.stderr).unwrap();
    assert!(seen.contains('\u{2588}') && seen.ends_with(&format!("{here}\n")), "{seen}");
    let issued = printed(&code(&["--app", "https://veedor.example.org/"]));
    assert_eq!(issued["link"], link(&issued, "https://veedor.example.org"));
    // An importer is no browser.
    let output = code(&["--kind", "import"]);
    assert!(printed(&output).get("link").is_none() && output.stderr.is_empty());
    let (problem, fields) = refused(&code(&["--app", "http://veedor.example.org"]));
    let expected = [("/--app".to_owned(), "invalid_value".to_owned())];
    assert_eq!((problem.as_str(), &fields[..]), ("invalid_arguments", &expected[..]));
}

#[test]
fn a_folder_that_is_no_phone_app_is_named() {
    let place = folder();
    let (problem, fields) = refused(&run_in(place.path(), &["admin", "--phone", "gone", "head"]));
    let expected = [("/phone".to_owned(), "bad_setting".to_owned())];
    assert_eq!((problem.as_str(), &fields[..]), ("invalid_input", &expected[..]));
}

/// Ends with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The demo, serving, with its link: `http://localhost:PORT/app/#code=CODE`.
fn demo(place: &std::path::Path) -> (Demo, String) {
    let mut command = veedor(place);
    command.args(["demo", "--listen", "127.0.0.1:0", "--visits", "400", "--data", "d"]);
    command.env("VEEDOR_PHONE", "app").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Demo(command.spawn().unwrap());
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|it| it.unwrap());
    let link = lines.find(|it| it.contains("/app/#code=")).expect("the demo tells the link");
    assert!(lines.any(|it| it.contains('\u{2588}')), "and draws it");
    (demo, link.trim().to_owned())
}

#[test]
fn the_demo_has_three_visits_for_a_phone_and_a_code_that_logs_it_in() {
    let place = folder();
    fs::create_dir(place.path().join("app")).unwrap();
    fs::write(place.path().join("app/index.html"), "the phone app").unwrap();
    let field =
        |arguments: &[&str]| run_in(place.path(), &[&["field", "--data", "phone"][..], arguments].concat());
    let (first, link) = demo(place.path());
    drop(first);
    let (running, again) = demo(place.path());
    assert_ne!(link.split_once('#').unwrap().1, again.split_once('#').unwrap().1);
    let (address, code) = again.split_once("#code=").unwrap();
    // The office listens at this name's first address only on some machines.
    let address = address.replace("localhost", "127.0.0.1");
    let page = ureq::get(&address).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(page, "the phone app");
    let server = address.trim_end_matches("/app/");
    printed(&field(&["--server", server, "login", "--code", code]));
    let list = printed(&field(&["list"]));
    let mut offered: Vec<&str> =
        list["assignments"].as_array().unwrap().iter().filter_map(|it| it["template"].as_str()).collect();
    offered.sort_unstable();
    // Those of the first run are still to be made, so the second offers none.
    assert_eq!(offered, ["cc-llamada", "mc-oficina-gobierno", "ms-banco-sucursal"], "{list}");
    assert!(
        list["branches"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["code"].as_str().unwrap().starts_with("MUESTRA-"))
    );
    drop(running);
}
