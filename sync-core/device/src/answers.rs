//! From the fields of an audit to the answers that `domain` judges. Owns how attachments stand for photos.

use domain::{
    FieldProblem,
    answer::{Answer, Answers, FieldParser},
    checklist::Checklist,
};
use sync_core::AuditView;

/// The answers of an audit by field; a field that the checklist does not know, or cannot read, is left out. Attachments of a
/// field that has no answer of its own are its photos.
pub(crate) fn answers_of(checklist: &Checklist, view: &AuditView) -> Answers {
    let mut answers = Answers::new();
    let fields = FieldParser::of(checklist);
    for (field, register) in &view.fields {
        let json = register.value().and_then(|it| std::str::from_utf8(it).ok());
        if let Some(Ok(Some(answer))) = json.map(|it| fields.parse(field, it)) {
            answers.insert(field.clone(), answer);
        }
    }
    for (field, photos) in view.photos() {
        let ids = || Answer::Photos(photos.iter().map(ToString::to_string).collect());
        answers.entry(field.to_owned()).or_insert_with(ids);
    }
    answers
}

/// Those of the problems of completeness that keep an import back: scored items without an answer.
pub(crate) fn unscored(checklist: &Checklist, problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let is_scored = |it: &FieldProblem| {
        let id = it.field.trim_start_matches('/');
        it.code == "required" && checklist.item(id).is_some_and(domain::checklist::Item::is_scored)
    };
    problems.into_iter().filter(is_scored).collect()
}
