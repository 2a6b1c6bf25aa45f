//! Reading standard files: the released one, and every kind of mistake at its place.

use super::*;

const TEXT: &str = include_str!("../../content/standards/cem_1000.yaml");

/// Path and code of every problem of a changed file, in order of lines.
#[track_caller]
fn problems(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut text = TEXT.to_string();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let told = read_standard("changed.yaml", &text).expect_err("the file has problems");
    told.into_iter().map(|it| (it.path, it.code)).collect()
}

#[test]
fn the_released_standard_has_the_sections_and_knock_outs_of_its_source() {
    let standard = &find_standard("cem-1000", Some(1)).unwrap().content;
    assert_eq!(standard.criteria().count(), 37);
    let knock_outs: Vec<&str> =
        standard.criteria().filter(|(_, it)| it.ko).map(|(_, it)| it.id.as_str()).collect();
    assert_eq!(knock_outs, ["1.4", "2.4", "3.3", "4.3", "6.3", "9.1", "9.2"]);
    assert!(find_standard("cem-1000", Some(2)).is_none());
}

#[test]
fn every_mistake_is_told_at_its_place_in_one_pass() {
    let found = problems(&[
        ("total_points: 1000", "total_points: 999"),
        ("round: floor_int", "round: half_up"),
        ("when: any_criterion_zero", "when: any_criterion_nil"),
        ("{id: \"1.1\", points: 20", "{id: \"1.1\", points: 21"),
        ("{id: \"1.2\", points: 25", "{id: \"1.1\", points: 25"),
        ("value > 0.05 and confirmed >= 2", "value > 0.05 und confirmed >= 2"),
        ("curve: [[50, 0], [75, 70]", "curve: [[75, 0], [50, 70]"),
        ("curve: [[40, 0]", "curve: [[40, 0, 1]"),
        ("value < 0.85 and", "rate < 0.85 and"),
        ("evidence: [politica", "evidencia: [politica"),
    ]);
    let expected = [
        ("total_points", "sum_differs"),
        ("rating.enablers.round", "unknown_value"),
        ("gates[1].when", "unknown_value"),
        ("sections[0].points", "sum_differs"),
        ("sections[0].criteria[1].id", "repeated_id"),
        ("sections[0].criteria[3].evidencia", "unknown_key"),
        ("sections[5].criteria[0].curve", "curve_not_ascending"),
        ("sections[5].criteria[1].curve[0]", "not_a_point"),
        ("sections[5].criteria[2].ko_rule", "bad_rule"),
        ("sections[8].criteria[0].ko_rule", "unknown_figure"),
    ];
    for (path, code) in expected {
        assert!(found.contains(&(path.to_string(), code.to_string())), "{path} {code}: {found:#?}");
    }
}

#[test]
fn a_problem_names_the_file_and_the_line_in_both_languages() {
    let told = read_standard("mine.yaml", &TEXT.replacen("total_points: 1000", "total_points: 999", 1))
        .expect_err("the file has problems");
    assert_eq!((told[0].file.as_str(), told[0].line), ("mine.yaml", 5));
    assert_eq!(told[0].message_es, "las partes suman 1000, no 999");
    assert_eq!(told[0].message_en, "the parts add up to 1000, not 999");
}

#[test]
fn the_canonical_json_reads_back_as_a_file_and_as_the_type() {
    let released = &standards()[0];
    assert_eq!(read_standard("canonical.json", &released.canonical_json).unwrap(), released.content);
    assert_eq!(serde_json::from_str::<Standard>(&released.canonical_json).unwrap(), released.content);
}

#[test]
fn a_file_that_is_no_standard_is_refused() {
    for text in ["", "[]", "id: x", "{", "schema: [cem-standard/1]"] {
        assert!(!read_standard("no.yaml", text).expect_err("the file has problems").is_empty(), "{text}");
    }
}
