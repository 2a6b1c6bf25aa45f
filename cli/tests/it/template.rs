//! The `template` command: checks files, lists and exports released content.

use crate::binary::{printed, problem, run};
use std::path::PathBuf;

fn content(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../audit-templates/content/checklists");
    folder.join(name).display().to_string()
}

/// A file of a test's own, under a name that no other test uses.
fn written(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the test folder can be written");
    path.display().to_string()
}

#[test]
fn a_released_checklist_can_be_exported_checked_and_listed() {
    let exported = run(&["template", "export", "cc-llamada"]);
    let path = written("exported.yaml", &String::from_utf8_lossy(&exported.stdout));
    let checked = run(&["template", "check", &path, &content("ms_banco_sucursal.yaml")]);
    let printed = printed(&checked);
    assert_eq!(printed[0]["content"][0]["id"], "cc-llamada");
    assert_eq!(printed[1]["content"][0]["id"], "ms-banco-sucursal");
    let listed = String::from_utf8(run(&["template", "list"]).stdout).expect("the list is text");
    let hash = printed[0]["content"][0]["sha256"].as_str().expect("a hash is a text");
    assert!(listed.lines().any(|it| it == format!("checklist cc-llamada 2 {hash}")), "{listed}");
}

#[test]
fn the_exported_canonical_json_is_what_was_hashed() {
    let exported = run(&["template", "export", "cc-llamada@1", "--format", "json"]);
    let text = String::from_utf8(exported.stdout).expect("canonical JSON is text");
    let hash = audit_templates::released::sha256_hex(text.as_bytes());
    let listed = String::from_utf8(run(&["template", "list"]).stdout).expect("the list is text");
    assert!(listed.contains(&hash));
}

#[test]
fn what_is_unwise_in_a_plan_stands_beside_its_hash_and_is_no_failure() {
    let file = |name: &str| format!("{}/../audit-templates/content/plans/{name}", env!("CARGO_MANIFEST_DIR"));
    let checked =
        run(&["template", "check", &file("sucursal_bolsa_equipo.yaml"), &content("ms_banco_sucursal.yaml")]);
    let printed = printed(&checked);
    let warning = &printed[0]["content"][0]["warnings"][0];
    assert_eq!(
        (&warning["field"], &warning["code"]),
        (&"/recognitions/0".into(), &"single_visit_recognition".into())
    );
    assert!(printed[1]["content"][0]["warnings"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn every_problem_of_every_file_is_told_with_file_line_and_path() {
    let text = std::fs::read_to_string(content("cc_llamada.yaml")).expect("the content is there");
    let one = written("one.yaml", &text.replacen("version: 1", "version: 0", 1));
    let two =
        written("two.yaml", &text.replacen("A01 > 60", "A01 >", 1).replacen("weight: 12", "weight: 13", 1));
    let checked = run(&["template", "check", &one, "no-such-file.yaml", &two]);
    let problem = problem(&checked);
    let found: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .expect("a problem has errors")
        .iter()
        .filter_map(|it| Some((it["field"].as_str()?, it["code"].as_str()?)))
        .collect();
    let expected = [
        ("/version", "bad_version"),
        ("", "unreadable_input"),
        ("/sections", "weights_not_100"),
        ("/sections/1/items/3/when", "bad_condition"),
    ];
    assert_eq!(found, expected);
    assert!(problem["errors"][3]["message_en"].as_str().is_some_and(|it| it.starts_with(&format!("{two}:"))));
}

#[test]
fn a_file_scores_like_the_released_checklist() {
    let file = content("cc_llamada.yaml");
    let answers = written("answers.json", r#"{"A01": 15, "B03": "no", "F01": "yes"}"#);
    let of = |template: &str| run(&["score", "--template", template, "--answers", &answers]).stdout;
    assert!(!of(&file).is_empty());
    assert_eq!(of(&file), of("cc-llamada"));
}
