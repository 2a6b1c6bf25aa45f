//! Items that are answered with sound or a file: asked and demanded only where the programme permits them, worth nothing.
#![cfg(test)]

use domain::{
    answer::{Answer, Answers, parse_field},
    attachment::Permitted,
    checklist::Checklist,
    visit_score::PreparedChecklist,
};

/// The bank's checklist with its photo of the front made an item of this kind, required and demanding no photo.
fn with(kind: &str) -> PreparedChecklist {
    let bank = include_str!("fixtures/ms_banco_sucursal.json");
    let mut json: serde_json::Value = serde_json::from_str(bank).unwrap();
    let item = &mut json["sections"][0]["items"][1];
    assert_eq!(item["type"], "photo");
    item["type"] = kind.into();
    item.as_object_mut().unwrap().remove("evidence");
    let checklist: Checklist = serde_json::from_value(json).unwrap();
    PreparedChecklist::new(&checklist).unwrap()
}

#[test]
fn they_are_asked_and_demanded_where_they_are_permitted_and_what_is_there_is_shown_everywhere() {
    let none = Permitted::default();
    let (audio, files) = (Permitted { audio: true, files: false }, Permitted { audio: false, files: true });
    for (kind, permitted, other) in [("audio", audio, files), ("file", files, audio)] {
        let prepared = with(kind);
        let mut answers = Answers::new();
        let is_asked = |answers: &Answers, permitted| {
            prepared.asked(answers, permitted).iter().any(|it| it.item.id == "Z02" && it.visible)
        };
        let is_demanded = |answers: &Answers, permitted| {
            prepared.demands(answers, permitted).iter().any(|it| it.field == "/Z02")
        };
        for (permitted, expected) in [(permitted, true), (other, false), (none, false)] {
            assert_eq!(
                (is_asked(&answers, permitted), is_demanded(&answers, permitted)),
                (expected, expected)
            );
        }
        assert!(
            !prepared.completeness(&answers).iter().any(|it| it.field == "/Z02"),
            "nobody holds it against a visit"
        );
        let blob = "ab".repeat(32);
        let answer = parse_field(prepared.checklist(), "Z02", &format!("[\"{blob}\"]")).unwrap();
        assert_eq!(answer, Some(Answer::Photos(vec![blob])));
        answers.insert("Z02".to_owned(), answer.unwrap());
        assert!(is_asked(&answers, none) && !is_demanded(&answers, permitted));
        answers.insert("A01".to_owned(), Answer::Yes);
        assert_eq!(
            prepared.score(&answers).unwrap().final_score.to_string(),
            "100.00",
            "it is worth nothing"
        );
        assert!(parse_field(prepared.checklist(), "Z02", "\"yes\"").is_err());
    }
}
