//! Content that people send in, and answers to it.

use crate::{fair, read_json, within};
use audit_templates::{
    TemplateProblem, checklists, read_checklist, read_plans, read_standard, released::canonical_json,
};
use domain::{
    FieldProblem,
    answer::{Answers, answers_to_json, parse_answers, parse_field},
    checklist::Checklist,
    visit_score::PreparedChecklist,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use std::sync::OnceLock;
use sync_core::reference::{AssignmentRow, BranchRow};

/// A checklist, a standard or plans in YAML or JSON, as the first byte says.
pub fn content(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    match choice % 3 {
        0 => {
            if let Some(checklist) = told(text, read_checklist) {
                let prepared =
                    PreparedChecklist::new(&checklist).expect("a checklist that was taken can be scored");
                drop(prepared.score_explained(&Answers::new()));
                kept(&checklist);
            }
        }
        1 => {
            if let Some(standard) = told(text, read_standard) {
                kept(&standard);
            }
        }
        _ => {
            for plan in told(text, read_plans).unwrap_or_default() {
                drop(plan.warnings());
                kept(&plan);
            }
        }
    }
}

/// Content is read, or it is told what is wrong with it, in both languages.
fn told<T>(text: &str, read: impl Fn(&str, &str) -> Result<T, Vec<TemplateProblem>>) -> Option<T> {
    match within(fair(text.as_bytes()), || read("content.yaml", text)) {
        Ok(content) => Some(content),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused for no reason");
            for it in problems {
                let whole = !it.code.is_empty() && !it.message_es.is_empty() && !it.message_en.is_empty();
                assert!(whole, "{it:?}");
            }
            None
        }
    }
}

/// Content that was taken is held as canonical JSON, from which the same content is read.
fn kept<T: Serialize + DeserializeOwned + PartialEq + Debug>(content: &T) {
    let json = canonical_json(content);
    let again: T = serde_json::from_str(&json).expect("canonical JSON can be read");
    assert_eq!(*content, again);
    assert_eq!(canonical_json(&again), json);
}

/// A row of reference content, as a phone takes it in: a branch, an assignment, or a checklist, which nobody looked at since the
/// office did, and answers to it. What can be prepared can be answered and scored.
pub fn rows(bytes: &[u8]) {
    let Some((choice, json)) = bytes.split_first() else { return };
    match choice % 3 {
        0 => drop(read_json::<BranchRow>(json)),
        1 => drop(read_json::<AssignmentRow>(json)),
        _ => {
            let Ok(checklist) = within(fair(json), || serde_json::from_slice::<Checklist>(json)) else {
                return;
            };
            let Ok(prepared) = within(fair(json), || PreparedChecklist::new(&checklist)) else { return };
            drop(prepared.completeness(&Answers::new()));
            for item in checklist.sections.iter().flat_map(|it| &it.items).take(20) {
                for answer in ["null", "\"yes\"", "3", "[\"a\"]", "{}"] {
                    drop(parse_field(&checklist, &item.id, answer));
                }
            }
            drop(prepared.score_explained(&Answers::new()));
        }
    }
}

fn prepared() -> &'static [PreparedChecklist] {
    static PREPARED: OnceLock<Vec<PreparedChecklist>> = OnceLock::new();
    let prepare = |it: &Checklist| PreparedChecklist::new(it).expect("released content");
    PREPARED.get_or_init(|| checklists().iter().map(|it| prepare(&it.content)).collect())
}

/// The answers of a visit in JSON, to the checklist that the first byte says; or, after a line with a field, one answer.
pub fn answers(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let all = prepared();
    let Some(prepared) = all.get(usize::from(*choice) % all.len().max(1)) else { return };
    let checklist = prepared.checklist();
    match within(fair(text.as_bytes()), || parse_answers(checklist, text)) {
        Ok(answers) => {
            let again = parse_answers(checklist, &answers_to_json(&answers));
            assert_eq!(again.as_ref(), Ok(&answers));
            if let Ok(score) = prepared.score_explained(&answers) {
                let plain = prepared.score(&answers).expect("a visit that is explained is scored");
                assert_eq!(plain.final_score, score.final_score);
            }
            prepared.completeness(&answers).iter().for_each(whole);
        }
        Err(problem) => {
            assert!(!problem.errors.is_empty());
            problem.errors.iter().for_each(whole);
        }
    }
    if let Some((field, json)) = text.split_once('\n') {
        match parse_field(checklist, field, json) {
            Ok(Some(answer)) => {
                assert_eq!(parse_field(checklist, field, &answer.to_json()), Ok(Some(answer)));
            }
            Ok(None) => {}
            Err(problem) => whole(&problem),
        }
    }
}

/// A problem says what it is in both languages.
fn whole(problem: &FieldProblem) {
    let FieldProblem { code, message_es, message_en, .. } = problem;
    assert!(!code.is_empty() && !message_es.is_empty() && !message_en.is_empty(), "{problem:?}");
}
