//! Conditions: what they hold for, where an error is told, and their bounds.

use alloc::format;
use ordered::BTreeMap;
use proptest::prelude::*;

use super::*;

fn holds(condition: &str, answers: &[(&str, Answer)]) -> bool {
    let answers: BTreeMap<String, Answer> =
        answers.iter().map(|(id, it)| (id.to_string(), it.clone())).collect();
    Condition::parse(condition).unwrap().holds(&|id: &String| answers.get(id))
}

fn number(text: &str) -> Answer {
    Answer::Number(Exact::parse(text).unwrap())
}

#[test]
fn or_binds_weaker_than_and_and_weaker_than_not() {
    let answers = [("A01", Answer::Yes), ("A02", Answer::No)];
    assert!(holds("A01 == 'yes' or A01 == 'no' and A02 == 'yes'", &answers));
    assert!(!holds("(A01 == 'yes' or A01 == 'no') and A02 == 'yes'", &answers));
    assert!(holds("not A01 == 'no' and A02 == 'no'", &answers));
    assert!(!holds("not (A01 == 'no' or A02 == 'no')", &answers));
    assert!(holds("not not A01 == 'yes'", &answers));
}

#[test]
fn numbers_compare_exactly() {
    let answers = [("B02", number("10.0000000000000000001"))];
    assert!(holds("B02 > 10", &answers));
    assert!(!holds("B02 <= 10", &answers));
    assert!(holds("B02 >= -3 and B02 != 10 and B02 < 10.1", &answers));
    assert!(holds("B02 == 12.50", &[("B02", number("12.5"))]));
    assert!(holds("C04 in [1, 2]", &[("C04", Answer::Scale(2))]));
}

#[test]
fn times_options_and_several_options_compare() {
    assert!(holds("Z01 >= '09:30'", &[("Z01", Answer::Time(TimeOfDay::parse("10:00").unwrap()))]));
    assert!(holds("Z03 in ['cuenta', \"ambos\"]", &[("Z03", Answer::Option("ambos".to_string()))]));
    let chosen = [("D05", Answer::Options(vec!["a".to_string(), "b".to_string()]))];
    assert!(holds("D05 == 'b'", &chosen));
    assert!(!holds("D05 != 'b'", &chosen));
    assert!(holds("D05 in ['c', 'a']", &chosen));
    assert!(!holds("D05 < 'c'", &chosen));
}

#[test]
fn a_comparison_without_a_usable_answer_is_false_whatever_the_operator() {
    for operator in ["== 'na'", "!= 'yes'", "> 0", "<= 0", "in ['na']"] {
        assert!(!holds(&format!("A01 {operator}"), &[]), "{operator}");
        assert!(!holds(&format!("A01 {operator}"), &[("A01", Answer::NotApplicable)]), "{operator}");
    }
    assert!(holds("not A01 == 'yes'", &[]));
}

#[test]
fn an_error_says_where_and_what() {
    for (text, at, kind) in [
        ("", 1, ConditionErrorKind::Expected("an item such as B02")),
        ("A01", 4, ConditionErrorKind::Expected("== != < <= > >= or in")),
        ("A01 == yes", 8, ConditionErrorKind::Expected("a number or a text in quotes")),
        ("A01 = 'yes'", 5, ConditionErrorKind::UnexpectedCharacter('=')),
        ("A01 == 'yes", 8, ConditionErrorKind::OpenQuote),
        ("A01 > 1.", 7, ConditionErrorKind::BadNumber),
        ("A01 in 'yes'", 8, ConditionErrorKind::Expected("a list such as ['a', 'b']")),
        ("A01 in ['a' 'b']", 13, ConditionErrorKind::Expected("a comma or ]")),
        ("(A01 == 'ñ'", 12, ConditionErrorKind::Expected("a closing bracket")),
        ("A01 == 1 A02 == 1", 10, ConditionErrorKind::Expected("and, or, or the end")),
        ("A01 == 1 or", 12, ConditionErrorKind::Expected("an item such as B02")),
        ("and == 1", 1, ConditionErrorKind::Expected("an item such as B02")),
    ] {
        assert_eq!(Condition::parse(text), Err(ConditionError { at, kind }), "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}A01 == 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Condition::parse(&nested(MAX_CONDITION_DEPTH)).is_ok());
    let error = Condition::parse(&nested(MAX_CONDITION_DEPTH + 1)).unwrap_err();
    assert_eq!(error.kind, ConditionErrorKind::TooDeep);
    let error = Condition::parse(&"not ".repeat(MAX_CONDITION_BYTES)).unwrap_err();
    assert_eq!(error.kind, ConditionErrorKind::TooLong);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = Condition::parse(&text);
    }

    #[test]
    fn no_text_made_of_condition_parts_panics(
        parts in prop::collection::vec(
            prop::sample::select(vec!["A01", "==", "in", "[", "]", "(", ")", "not", "and", "or", "'x'", "3", ",", "<"]), 0..40),
    ) {
        let _ = Condition::parse(&parts.join(" "));
    }

    #[test]
    fn a_comparison_and_its_opposite_never_both_hold(value in -50_i64..50, limit in -50_i64..50) {
        let answers = [("A01", Answer::Number(Exact::from(value)))];
        for (one, other) in [("<", ">="), (">", "<="), ("==", "!=")] {
            let first = holds(&format!("A01 {one} {limit}"), &answers);
            let second = holds(&format!("A01 {other} {limit}"), &answers);
            prop_assert!(first != second);
        }
    }
}
