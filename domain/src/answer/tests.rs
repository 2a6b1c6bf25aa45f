//! Answers: how times, texts and fields are read and printed.

use alloc::string::ToString;

use super::*;

#[test]
fn a_time_is_two_digits_a_colon_and_two_digits() {
    assert_eq!(TimeOfDay::parse("09:05").unwrap().to_string(), "09:05");
    assert_eq!(TimeOfDay::parse("23:59").unwrap().minutes(), 1439);
    for text in ["9:05", "24:00", "12:60", "12:5", "12:005", "+1:00", "12-30", "", ":", "12:30:00"] {
        assert!(TimeOfDay::parse(text).is_none(), "{text}");
    }
}

#[test]
fn a_text_is_escaped_as_json() {
    let text = "a \"quote\", a \\ and\na \u{1} control; ñ";
    let json = Answer::Text(text.to_string()).to_json();
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
}

#[test]
fn a_field_names_an_item_and_a_part() {
    let part = |field| AnswerField::parse(field).map(|it| (it.item, it.part));
    assert_eq!(part("B02"), Some(("B02", AnswerPart::Value)));
    assert_eq!(part("B02#comment"), Some(("B02", AnswerPart::Comment)));
    assert_eq!(part("B02#photo"), Some(("B02", AnswerPart::Photos)));
    assert_eq!(part("B02#other"), None);
}
