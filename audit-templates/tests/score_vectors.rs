//! The scoring vectors hold to the last digit, on the released checklists.

use audit_templates::{checklists, find_checklist};
use domain::{answer::parse_answers, checklist::Checklist, visit_score::score_visit};
use serde_json::{Map, Value};

const VECTORS: &str = include_str!("vectors/score_vectors.json");

fn vectors() -> Map<String, Value> {
    serde_json::from_str(VECTORS).expect("the vectors are a JSON object")
}

/// The checklist that a vector such as `ms_banco_sucursal/normal` is of, in the version that it was made with.
fn checklist_of(vector: &str) -> &'static Checklist {
    let (file, _) = vector.split_once('/').expect("a vector is named file/case");
    &find_checklist(&file.replace('_', "-"), Some(1)).expect("each vector is of a released checklist").content
}

/// Every released version of that checklist: none so far changed what answers are worth.
fn versions_of(vector: &str) -> impl Iterator<Item = &'static Checklist> {
    let first = checklist_of(vector);
    checklists().iter().map(|it| &it.content).filter(move |it| it.id == first.id)
}

#[test]
fn every_vector_holds_to_the_last_digit() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 7);
    for (name, vector) in &vectors {
        for checklist in versions_of(name) {
            let answers = parse_answers(checklist, &vector["answers"].to_string()).unwrap();
            let score = serde_json::to_value(score_visit(checklist, &answers).unwrap()).unwrap();
            for (key, expected) in vector["expected"].as_object().unwrap() {
                assert_eq!(&score[key], expected, "{name}, version {}: {key}", checklist.version);
            }
        }
    }
}

#[test]
fn a_score_reads_back_from_its_json() {
    for (name, vector) in &vectors() {
        let checklist = checklist_of(name);
        let answers = parse_answers(checklist, &vector["answers"].to_string()).unwrap();
        let score = score_visit(checklist, &answers).unwrap();
        let json = serde_json::to_string(&score).unwrap();
        assert_eq!(serde_json::from_str::<domain::visit_score::VisitScore>(&json).unwrap(), score, "{name}");
    }
}

#[test]
fn the_touchpoints_of_a_visit_are_those_of_its_sections() {
    let vectors = vectors();
    let vector = &vectors["ms_banco_sucursal/normal"];
    let checklist = checklist_of("ms_banco_sucursal/normal");
    let answers = parse_answers(checklist, &vector["answers"].to_string()).unwrap();
    let score = score_visit(checklist, &answers).unwrap();
    let told = serde_json::to_value(&score.touchpoints).unwrap();
    let expected = serde_json::json!({
        "ambiente": "50.00", "asesoria": "57.20", "bienvenida": "92.50", "cierre": "54.55",
        "espera": "60.00", "llegada": "50.00", "transparencia": "75.00",
    });
    assert_eq!(told, expected);
}

#[test]
fn the_fixture_of_the_domain_tests_is_the_released_checklist() {
    let fixture = include_str!("../../domain/tests/fixtures/ms_banco_sucursal.json");
    let released = find_checklist("ms-banco-sucursal", Some(1)).map(|it| it.canonical_json.as_str());
    assert_eq!(released, Some(fixture));
}
