//! Facts of a visit: what is read, what is refused and why, what an outcome demands, and the grade of evidence.

use super::{read::told, *};
use alloc::vec;
use proptest::prelude::*;

/// 2026-11-21 11:59:50 UTC.
const AT: &str = "1795262390000";

fn arrival(position: &str) -> String {
    let position = if position.is_empty() { String::new() } else { format!(",\"position\":{position}") };
    format!(r#"{{"at_ms":{AT},"local":"2026-11-21T06:59","zone":"America/Bogota"{position}}}"#)
}

const LIVE: &str =
    r#"{"source":"live","lat_e7":46097100,"lon_e7":-740817500,"accuracy_mm":12000,"at_ms":1795262386000}"#;
const TYPED: &str = r#"{"source":"typed","lat_e7":46097100,"lon_e7":-740817500}"#;
const BROWSER: &str = r#"{"kind":"browser","hardware_key":false,"camera":true,"file_picker":true}"#;
const NATIVE: &str = r#"{"kind":"native","hardware_key":true,"camera":true,"file_picker":false}"#;
const CLOSED: &str = r#"{"kind":"not_completed","reason":"closed_in_hours","explanation":"The door was locked at ten past nine."}"#;

fn refused(field: &str, json: &str) -> Vec<(String, String)> {
    let problem = parse_fact(field, json).unwrap_err();
    assert_eq!(problem.code, "invalid_answers");
    assert!(problem.errors.iter().all(|it| !it.message_es.is_empty() && !it.message_en.is_empty()));
    told(&problem).into_iter().map(|it| (it.0.into(), it.1.into())).collect()
}

fn facts(values: &[(&str, &str)]) -> VisitFacts {
    VisitFacts::read(|field| values.iter().find(|it| it.0 == field).map(|it| it.1.as_bytes()))
}

#[test]
fn what_is_canonical_reads_to_the_same_text_and_any_order_and_spaces_read_to_it() {
    for (field, json) in [(ARRIVAL, arrival(LIVE)), (DEPARTURE, arrival(TYPED)), (DEPARTURE, arrival(""))] {
        assert_eq!(parse_fact(field, &json).unwrap().unwrap().to_json(), json);
    }
    for (field, json) in [(PLATFORM, BROWSER), (PLATFORM, NATIVE), (OUTCOME, CLOSED)] {
        assert_eq!(parse_fact(field, json).unwrap().unwrap().to_json(), json);
    }
    let other = r#" { "explanation" : "", "reason":null, "kind":"not_completed" } "#;
    assert_eq!(parse_fact(OUTCOME, other).unwrap().unwrap().to_json(), r#"{"kind":"not_completed"}"#);
    assert_eq!(parse_fact(OUTCOME, " null ").unwrap(), None);
}

#[test]
fn every_member_that_does_not_fit_is_named_at_its_place() {
    type Case<'a> = (&'a str, String, &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 15] = [
        ("@mood", "1".into(), &[("/@mood", "unknown_fact")]),
        ("@outcome#photo", "[]".into(), &[("/@outcome#photo", "unknown_fact")]),
        (ARRIVAL, "{".into(), &[("/@arrival", "not_json")]),
        (ARRIVAL, "7".into(), &[("/@arrival", "wrong_type")]),
        (
            ARRIVAL,
            "{}".into(),
            &[("/@arrival/at_ms", "missing"), ("/@arrival/local", "missing"), ("/@arrival/zone", "missing")],
        ),
        (ARRIVAL, arrival(LIVE).replace(AT, "1.5"), &[("/@arrival/at_ms", "wrong_type")]),
        (ARRIVAL, arrival(LIVE).replace(AT, "-1"), &[("/@arrival/at_ms", "out_of_range")]),
        (ARRIVAL, arrival("").replace("T06:59", " 06:59"), &[("/@arrival/local", "wrong_type")]),
        (ARRIVAL, arrival("").replace("21T06", "23T06"), &[("/@arrival/local", "local_time_off")]),
        (ARRIVAL, arrival("").replace("/Bogota", " <b>"), &[("/@arrival/zone", "unknown_zone")]),
        (
            DEPARTURE,
            arrival(&LIVE.replace("46097100", "900000001")),
            &[("/@departure/position/lat_e7", "out_of_range")],
        ),
        (
            DEPARTURE,
            arrival(&LIVE.replace("live", "typed")),
            &[
                ("/@departure/position/accuracy_mm", "only_when_live"),
                ("/@departure/position/at_ms", "only_when_live"),
            ],
        ),
        (
            ARRIVAL,
            arrival(&TYPED.replace("typed", "live")),
            &[("/@arrival/position/accuracy_mm", "missing"), ("/@arrival/position/at_ms", "missing")],
        ),
        (PLATFORM, BROWSER.replace("browser", "fridge"), &[("/@platform/kind", "unknown_name")]),
        (
            PLATFORM,
            BROWSER.replace("camera", "boot"),
            &[("/@platform/camera", "missing"), ("/@platform/boot", "unknown_field")],
        ),
    ];
    for (field, json, expected) in cases {
        let expected: Vec<(String, String)> = expected.iter().map(|it| (it.0.into(), it.1.into())).collect();
        assert_eq!(refused(field, &json), expected, "{field} {json}");
    }
    let long = CLOSED.replace("locked", &"x".repeat(MAX_EXPLANATION_CHARS));
    assert_eq!(refused(OUTCOME, &long), [("/@outcome/explanation".into(), "too_long".into())]);
    let unknown = CLOSED.replace("closed_in_hours", "rain");
    assert_eq!(refused(OUTCOME, &unknown), [("/@outcome/reason".into(), "unknown_name".into())]);
}

#[test]
fn whoever_reads_passes_over_what_a_later_version_adds_and_an_outcome_that_stands_is_one() {
    let later = CLOSED.replace('{', r#"{"severity":3,"#).replace("closed_in_hours", "flooded");
    let read = facts(&[(OUTCOME, &later), (PLATFORM, "{}"), (ARRIVAL, &arrival(LIVE))]);
    let outcome = read.outcome.clone().unwrap();
    assert_eq!((outcome.reason, outcome.explanation.len()), (None, 37));
    assert!(read.platform.is_none() && read.arrival.is_some());
    assert!(facts(&[(OUTCOME, "what?")]).is_not_completed());
    assert!(!facts(&[(PLATFORM, NATIVE)]).is_not_completed());
}

#[test]
fn a_visit_that_could_not_happen_demands_a_reason_an_explanation_and_proof_of_one_kind() {
    let codes = |values: &[(&str, &str)], photos| {
        let problems = facts(values).outcome_demands(photos);
        problems.into_iter().map(|it| it.code).collect::<Vec<_>>()
    };
    let (live, typed) = (arrival(LIVE), arrival(TYPED));
    let mocked = live.replace("\"accuracy", "\"mocked\":true,\"accuracy");
    assert_eq!(codes(&[], 0), Vec::<String>::new());
    let bare = r#"{"kind":"not_completed"}"#;
    assert_eq!(codes(&[(OUTCOME, bare)], 0), ["reason_missing", "min_chars", "proof_missing"]);
    let short = CLOSED.replace("The door was locked at ten past nine.", "  20 characters it is.  ");
    assert_eq!(codes(&[(OUTCOME, &short)], 1), Vec::<String>::new());
    let shorter = short.replace("it is.", "it is");
    assert_eq!(codes(&[(OUTCOME, &shorter)], 1), ["min_chars"]);
    assert_eq!(codes(&[(OUTCOME, CLOSED)], 1), Vec::<String>::new());
    assert_eq!(codes(&[(OUTCOME, CLOSED), (ARRIVAL, &live)], 0), Vec::<String>::new());
    for arrived in [&typed, &mocked, &arrival("")] {
        assert_eq!(codes(&[(OUTCOME, CLOSED), (ARRIVAL, arrived)], 0), ["proof_missing"]);
    }
    assert_eq!(codes(&[(OUTCOME, CLOSED), (DEPARTURE, &live)], 0), ["proof_missing"]);
}

#[test]
fn the_grade_is_what_the_weakest_fact_allows_and_names_every_reason() {
    use GradeReason as R;
    let live = arrival(LIVE);
    let taken = PhotoProvenance { by_camera: Some(true), has_position: true, is_mocked: false };
    let graded = |values: &[(&str, &str)], photos: &[PhotoProvenance]| {
        let Graded { grade, reasons } = grade(&facts(values), photos);
        (grade, reasons)
    };
    let all = [(PLATFORM, NATIVE), (ARRIVAL, live.as_str()), (DEPARTURE, live.as_str())];
    assert_eq!(graded(&all, &[taken]), (EvidenceGrade::High, vec![]));
    let in_browser = [(PLATFORM, BROWSER), all[1], all[2]];
    let expected = (EvidenceGrade::Medium, vec![R::Browser, R::NoHardwareKey]);
    assert_eq!(graded(&in_browser, &[taken]), expected);
    let picked = PhotoProvenance { by_camera: Some(false), has_position: false, is_mocked: false };
    let unknown = PhotoProvenance { by_camera: None, ..taken };
    let expected = vec![R::PhotoFromFile, R::PhotoSourceUnknown, R::PhotoWithoutPosition];
    assert_eq!(graded(&all, &[taken, picked, unknown]), (EvidenceGrade::Medium, expected));
    let mocked = PhotoProvenance { is_mocked: true, ..taken };
    assert_eq!(graded(&all, &[mocked]), (EvidenceGrade::Low, vec![R::MockedPosition]));
    let typed = arrival(TYPED);
    let by_hand = [all[0], (ARRIVAL, typed.as_str()), (DEPARTURE, typed.as_str())];
    assert_eq!(graded(&by_hand, &[]), (EvidenceGrade::Low, vec![R::ArrivalTyped, R::DepartureTyped]));
    assert_eq!(
        graded(&[], &[]),
        (EvidenceGrade::Low, vec![R::PlatformUnknown, R::NoArrival, R::NoDeparture])
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_written_the_same(
        field in prop::sample::select(vec![ARRIVAL, DEPARTURE, PLATFORM, OUTCOME]),
        json in prop_oneof![
            "\\PC{0,80}",
            (0_u64..3_000_000_000_000, "[a-z_\"{}:,0-9]{0,20}").prop_map(|(at, more)| {
                format!(r#"{{"at_ms":{at},"kind":"not_completed","explanation":"{more}"}}"#)
            }),
        ],
    ) {
        if let Ok(Some(fact)) = parse_fact(field, &json) {
            let text = fact.to_json();
            prop_assert_eq!(parse_fact(field, &text).unwrap().unwrap().to_json(), text);
        }
    }
}
