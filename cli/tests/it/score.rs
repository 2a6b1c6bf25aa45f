//! The `score` command: the vectors through the binary, and every kind of bad input.

use crate::binary::{problem, run_with, sorted_fields};
use serde_json::{Map, Value, json};
use std::process::Output;

const VECTORS: &str = include_str!("../../../audit-templates/tests/vectors/score_vectors.json");

fn score(template: &str, answers: &str) -> Output {
    run_with(&["score", "--template", template, "--answers", "-"], answers)
}

#[test]
fn every_vector_comes_out_of_the_command_to_the_last_digit() {
    let vectors: Map<String, Value> = serde_json::from_str(VECTORS).expect("the vectors are a JSON object");
    for (name, vector) in &vectors {
        let (file, _) = name.split_once('/').expect("a vector is named file/case");
        let output = score(&file.replace('_', "-"), &vector["answers"].to_string());
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(output.stderr.is_empty() && output.stdout.ends_with(b"}\n"), "{name}");
        let printed: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
        for (key, expected) in vector["expected"].as_object().expect("a vector expects an object") {
            assert_eq!(&printed[key], expected, "{name}: {key}");
        }
        for key in ["touchpoints", "explain", "incomplete", "ignored"] {
            assert!(!printed[key].is_null(), "{name}: {key}");
        }
    }
}

#[test]
fn every_offending_answer_is_named_at_once() {
    let answers = json!({
        "A01": "maybe", "A02": "na", "A04": 21, "B02": "12", "C04": 6, "D05": ["ninguno", "plazo"],
        "D06": "muchas", "Z01": "25:00", "Z02": "p1", "G06": 5, "X01": "yes", "A03#note": "x",
    });
    let found = problem(&score("ms-banco-sucursal", &answers.to_string()));
    assert_eq!(found["code"], "invalid_answers");
    let expected = [
        ("/A01", "wrong_type"),
        ("/A02", "na_not_allowed"),
        ("/A03#note", "unknown_item"),
        ("/A04", "out_of_range"),
        ("/B02", "wrong_type"),
        ("/C04", "out_of_range"),
        ("/D05", "exclusive_option"),
        ("/D06", "unknown_option"),
        ("/G06", "wrong_type"),
        ("/X01", "unknown_item"),
        ("/Z01", "wrong_type"),
        ("/Z02", "wrong_type"),
    ];
    assert_eq!(sorted_fields(&found), expected);
}

#[test]
fn repeated_keys_and_options_are_named() {
    let found = problem(&score("ms-banco-sucursal", r#"{"A01":"yes","A01":"no","D05":["plazo","plazo"]}"#));
    assert_eq!(sorted_fields(&found), [("/A01", "repeated_key"), ("/D05/1", "repeated_option")]);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in ["", "[]", "{", "{\"A01\": }", "nul", "{\"A01\": \"yes\"} x"] {
        let found = problem(&score("ms-banco-sucursal", text));
        assert_eq!(sorted_fields(&found), [("", "not_json")], "{text}");
    }
}

#[test]
fn an_unknown_template_lists_those_that_there_are() {
    for name in ["ms-banco", "ms-banco-sucursal@9", "ms-banco-sucursal@x"] {
        let found = problem(&score(name, "{}"));
        assert_eq!(found["code"], "unknown_template");
        assert!(found["errors"][0]["message_en"].as_str().is_some_and(|it| it.contains("cc-llamada@1")));
    }
}

#[test]
fn nothing_to_score_says_so() {
    let found = problem(&score("ms-banco-sucursal", r#"{"Z01":"10:00","A03":"na"}"#));
    assert_eq!(found["code"], "nothing_to_score");
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let found =
        problem(&run_with(&["score", "--template", "cc-llamada", "--answers", "no-such-file.json"], ""));
    assert_eq!(found["code"], "unreadable_input");
    let found = problem(&score("no-such-file.yaml", "{}"));
    assert_eq!(found["code"], "unreadable_input");
}

#[test]
fn missing_answers_and_evidence_are_listed_but_never_refused() {
    let answers = json!({"A01": "yes", "B02": 5, "B03": "no", "E01": "no", "C04": 2});
    let output = score("ms-banco-sucursal", &answers.to_string());
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    assert_eq!(printed["ignored"], json!(["B03"]));
    let incomplete = json!({"errors": printed["incomplete"]});
    let listed = sorted_fields(&incomplete);
    assert!(listed.contains(&("/A02", "required")));
    assert!(listed.contains(&("/E01#comment", "comment_required")));
    assert!(listed.contains(&("/C04#comment", "comment_required")));
    assert!(!listed.iter().any(|(field, _)| *field == "/B03" || *field == "/F05"));
}
