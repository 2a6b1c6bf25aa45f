//! From the fields of an audit to the answers and facts that `domain` judges. Owns how attachments stand for photos.

use domain::{
    FieldProblem,
    answer::{Answer, Answers, FieldParser},
    attachment::{self, Permitted},
    checklist::Checklist,
    visit_facts::{OUTCOME_PHOTOS, PhotoProvenance, VisitFacts, is_reserved},
    visit_score::PreparedChecklist,
};
use sync_core::{AuditView, payload::PhotoSource};

/// The answers of an audit by field; a field that the checklist does not know, or cannot read, is left out. Attachments of a
/// field that has no answer of its own are its photos.
pub(crate) fn answers_of(checklist: &Checklist, view: &AuditView) -> Answers {
    let mut answers = Answers::new();
    let fields = FieldParser::of(checklist);
    for (field, register) in view.fields.iter().filter(|it| !is_reserved(it.0)) {
        let json = register.value().and_then(|it| std::str::from_utf8(it).ok());
        if let Some(Ok(Some(answer))) = json.map(|it| fields.parse(field, it)) {
            answers.insert(field.clone(), answer);
        }
    }
    for (field, photos) in view.photos().filter(|it| !is_reserved(it.0)) {
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

/// What an audit states beside its answers. A redacted outcome is one.
pub(crate) fn facts_of(view: &AuditView) -> VisitFacts {
    VisitFacts::read(|field| {
        let register = view.fields.get(field)?;
        register.value().or_else(|| register.is_redacted().then_some(&[][..]))
    })
}

/// What is known of where the photos of an audit come from.
pub(crate) fn provenance_of(view: &AuditView) -> Vec<PhotoProvenance> {
    let pictures = view.attachments.iter().flat_map(|(field, list)| {
        // What is attached beside an answer, or as proof, is to be a picture whatever it is.
        list.iter().filter(|it| field.contains('#') || !attachment::is_no_picture(&it.value.mime))
    });
    let standing = pictures.filter(|it| !it.redacted);
    let provenance = standing.map(|it| PhotoProvenance {
        by_camera: match it.value.source {
            Some(PhotoSource::Camera) => Some(true),
            Some(PhotoSource::File) => Some(false),
            Some(PhotoSource::Other) | None => None,
        },
        has_position: it.value.gps.is_some(),
        is_mocked: it.value.gps.as_ref().is_some_and(|it| it.mocked == Some(true)),
    });
    provenance.collect()
}

/// What a submit would still demand.
///
/// - **Shape**: `answers` are those of [`answers_of`].
pub(crate) fn demands(
    template: &PreparedChecklist,
    view: &AuditView,
    answers: &Answers,
    permitted: Permitted,
) -> Vec<FieldProblem> {
    let facts = facts_of(view);
    if facts.is_not_completed() {
        let proofs = view.attachments.get(OUTCOME_PHOTOS).map_or(0, Vec::len);
        return facts.outcome_demands(proofs);
    }
    template.demands(answers, permitted)
}
