//! Answers are read exactly, refused with a code, and print as they were read.
#![cfg(test)]

use domain::{
    answer::{Answer, answers_to_json, parse_answer, parse_answers, parse_field},
    checklist::Checklist,
    visit_score::completeness,
};
use proptest::prelude::*;

const BANK: &str = include_str!("fixtures/ms_banco_sucursal.json");

fn bank() -> Checklist {
    serde_json::from_str(BANK).unwrap()
}

/// The code with which a value is refused, or `ok`.
fn outcome(item: &str, json: &str) -> String {
    match parse_answer(bank().item(item).unwrap(), json) {
        Ok(_) => "ok".to_string(),
        Err(problem) => problem.code,
    }
}

#[test]
fn each_type_takes_its_values_and_refuses_the_rest() {
    for (item, json, expected) in [
        ("A01", "\"yes\"", "ok"),
        ("A01", "null", "ok"),
        ("A01", "true", "wrong_type"),
        ("A01", "\"Yes\"", "wrong_type"),
        ("A01", "\"na\"", "na_not_allowed"),
        ("A03", "\"na\"", "ok"),
        ("A04", "\"na\"", "ok"),
        ("A04", "0", "ok"),
        ("A04", "20", "ok"),
        ("A04", "20.0000000000000000001", "out_of_range"),
        ("A04", "-0.0000000000000000001", "out_of_range"),
        ("A04", "1e1", "ok"),
        ("A04", "1e99", "too_long"),
        ("A04", "\"3\"", "wrong_type"),
        ("A04", "3 4", "wrong_type"),
        ("A04", "03", "wrong_type"),
        ("A04", "NaN", "wrong_type"),
        ("B02", "\"na\"", "na_not_allowed"),
        ("C04", "1", "ok"),
        ("C04", "5", "ok"),
        ("C04", "0", "out_of_range"),
        ("C04", "6", "out_of_range"),
        ("C04", "4.5", "wrong_type"),
        ("C04", "99999999999999999999", "wrong_type"),
        ("Z03", "\"ambos\"", "ok"),
        ("Z03", "\"otro\"", "unknown_option"),
        ("Z03", "[\"ambos\"]", "wrong_type"),
        ("D05", "[]", "ok"),
        ("D05", "[\"plazo\",\"deposito\"]", "ok"),
        ("D05", "[\"ninguno\"]", "ok"),
        ("D05", "[\"plazo\",\"plazo\"]", "repeated_option"),
        ("D05", "[\"plazo\",\"ninguno\"]", "exclusive_option"),
        ("D05", "[\"plazo\",3]", "wrong_type"),
        ("D05", "[\"nada\"]", "unknown_option"),
        ("Z01", "\"00:00\"", "ok"),
        ("Z01", "\"24:00\"", "wrong_type"),
        ("Z02", "[\"a\",\"b\"]", "ok"),
        ("Z02", "[\"a\",\"a\"]", "repeated_option"),
        ("Z02", "[\"\"]", "too_long"),
        ("G06", "\"\"", "ok"),
        ("G06", "\"na\"", "ok"),
        ("G06", "7", "wrong_type"),
    ] {
        assert_eq!(outcome(item, json), expected, "{item} = {json}");
    }
    let long = format!("\"{}\"", "a".repeat(20_001));
    assert_eq!(outcome("G06", &long), "too_long");
}

#[test]
fn numbers_keep_every_digit() {
    for (json, printed) in [
        ("12.50", "12.5"),
        ("0.1", "0.1"),
        ("19.9999999999999999999", "19.9999999999999999999"),
        ("1e1", "10"),
    ] {
        let answer = parse_answer(bank().item("A04").unwrap(), json).unwrap().unwrap();
        assert_eq!(answer.to_json(), printed);
    }
}

#[test]
fn comments_and_photos_are_fields_beside_an_item() {
    let checklist = bank();
    let comment = parse_field(&checklist, "E01#comment", "\"no dieron cifras\"").unwrap().unwrap();
    assert_eq!(comment, Answer::Text("no dieron cifras".to_string()));
    assert!(parse_field(&checklist, "E03#photo", "[\"p1\"]").unwrap().is_some());
    assert!(parse_field(&checklist, "E03#photo", "null").unwrap().is_none());
    assert_eq!(parse_field(&checklist, "E03#photo", "\"p1\"").unwrap_err().field, "/E03#photo");
    for field in ["E99", "E99#comment", "E01#nota", "E01#", "#comment", ""] {
        assert_eq!(parse_field(&checklist, field, "\"x\"").unwrap_err().code, "unknown_item", "{field}");
    }
}

#[test]
fn evidence_is_demanded_by_the_answer_and_met_by_the_fields_beside_it() {
    let missing = |json: &str| -> Vec<String> {
        let checklist = bank();
        let answers = parse_answers(&checklist, json).unwrap();
        let problems = completeness(&checklist, &answers).unwrap();
        problems
            .into_iter()
            .filter(|it| it.code != "required")
            .map(|it| format!("{} {}", it.field, it.code))
            .collect()
    };
    assert_eq!(missing(r#"{"E01":"no"}"#), ["/E01#comment comment_required"]);
    assert_eq!(missing(r#"{"E01":"no","E01#comment":"corto"}"#), ["/E01#comment comment_required"]);
    let long = "x".repeat(60);
    assert_eq!(missing(&format!(r#"{{"E01":"no","E01#comment":"{long}"}}"#)), Vec::<String>::new());
    assert_eq!(missing(r#"{"E03":"yes"}"#), ["/E03#photo photo_required"]);
    assert_eq!(missing(r#"{"E03":"yes","E03#photo":["p1"]}"#), Vec::<String>::new());
    assert_eq!(missing(r#"{"E03":"no"}"#), Vec::<String>::new());
    assert_eq!(missing(r#"{"G06":"corto"}"#), ["/G06 min_chars"]);
}

#[test]
fn an_empty_answer_is_a_missing_one_at_submit() {
    let checklist = bank();
    let answers = parse_answers(&checklist, r#"{"D05":[],"Z02":[],"G06":"  "}"#).unwrap();
    let problems = completeness(&checklist, &answers).unwrap();
    for field in ["/D05", "/Z02", "/G06"] {
        assert!(problems.iter().any(|it| it.field == field && it.code == "required"), "{field}");
    }
}

#[test]
fn the_order_of_the_members_changes_nothing() {
    let checklist = bank();
    let one = parse_answers(&checklist, r#"{"A01":"yes","B02":12,"A04":"na"}"#).unwrap();
    let other = parse_answers(&checklist, r#"{"A04":"na","B02":12.0,"A01":"yes"}"#).unwrap();
    assert_eq!(one, other);
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(
        text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\]{0,10}",
        value in -2_000_000_i64..20_000_000,
        step in 1..=5_u8,
    ) {
        let checklist = bank();
        let number = domain::Exact::scaled(value.rem_euclid(20_000_000), 6);
        let answers = domain::answer::Answers::from([
            ("G06".to_string(), Answer::Text(text.clone())),
            ("A04".to_string(), Answer::Number(number)),
            ("C04".to_string(), Answer::Scale(step)),
            ("C04#comment".to_string(), Answer::Text(text)),
            ("A01".to_string(), Answer::No),
            ("Z02".to_string(), Answer::Photos(vec!["p1".to_string(), "p2".to_string()])),
        ]);
        prop_assert_eq!(parse_answers(&checklist, &answers_to_json(&answers)).unwrap(), answers);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", item in prop::sample::select(vec!["A01", "A04", "C04", "D05", "Z01", "Z02", "G06"])) {
        let checklist = bank();
        let _ = parse_answers(&checklist, &text);
        let _ = parse_field(&checklist, &text, &text);
        let _ = parse_answer(checklist.item(item).unwrap(), &text);
    }
}
