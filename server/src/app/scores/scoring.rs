//! From the folded ops of a visit to its score: which answers count, read by the checklist that the visit pins.
//! Pure: reads no database and no clock.

use domain::{
    FieldProblem, Problem,
    answer::{Answer, Answers, FieldParser, parse_field, photo_field},
    checklist::Checklist,
    problem::pointer,
    visit_facts::is_reserved,
    visit_score::{PreparedChecklist, VisitScore},
};
use std::collections::BTreeMap;
use sync_core::fold::AuditView;

/// What upheld appeals put in place of answers, by item: the JSON of the answer that counts, or none where the item counts no more.
pub(crate) type Corrections = BTreeMap<String, Option<String>>;

/// The answers of a visit as the rules read them: what was set, and what was attached as photos of its item.
///
/// # Errors
/// `invalid_answers` with every field that the checklist does not accept.
pub(crate) fn answers(checklist: &Checklist, view: &AuditView) -> Result<Answers, Problem> {
    let (mut answers, mut problems) = (Answers::new(), Vec::new());
    let fields = FieldParser::of(checklist);
    // What a visit states beside its answers is none of them.
    for (field, register) in view.fields.iter().filter(|it| !is_reserved(it.0)) {
        let Some(value) = register.value() else { continue };
        match std::str::from_utf8(value) {
            Ok(json) => match fields.parse(field, json) {
                Ok(Some(answer)) => {
                    answers.insert(field.clone(), answer);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            },
            Err(_) => problems.push(FieldProblem::new(
                pointer("", field),
                "not_text",
                "La respuesta no es texto UTF-8",
                "The answer is not UTF-8 text",
            )),
        }
    }
    for (field, photos) in view.photos().filter(|it| !is_reserved(it.0)) {
        let ids = photos.iter().map(ToString::to_string);
        let place = photo_place(checklist, field);
        match answers.entry(place).or_insert_with(|| Answer::Photos(Vec::new())) {
            Answer::Photos(known) => {
                for id in ids {
                    if !known.contains(&id) {
                        known.push(id);
                    }
                }
            }
            _ => continue,
        }
    }
    if problems.is_empty() {
        Ok(answers)
    } else {
        Err(Problem::invalid("invalid_answers", "the answers do not fit the checklist", problems))
    }
}

/// Where what is attached to a field belongs: an item of photos, sound or files answers by them, any other item has them beside its answer.
fn photo_place(checklist: &Checklist, field: &str) -> String {
    match checklist.item(field) {
        Some(item) if !item.kind.holds_blobs() => photo_field(field),
        _ => field.to_owned(),
    }
}

/// The score of a visit, with its explanation.
///
/// # Errors
/// As [`answers`], and those of [`domain::visit_score::score_visit`].
pub(crate) fn score(checklist: &PreparedChecklist, view: &AuditView) -> Result<VisitScore, Problem> {
    checklist.score_explained(&answers(checklist.checklist(), view)?)
}

/// The answers of a visit as they count: as recorded, with what upheld appeals put in their place.
///
/// # Errors
/// As [`answers`]; those of a correction that the checklist does not accept.
pub(crate) fn corrected_answers(
    checklist: &Checklist,
    view: &AuditView,
    corrections: &Corrections,
) -> Result<Answers, Problem> {
    let mut counted = answers(checklist, view)?;
    for (item, answer) in corrections {
        let answer = answer.as_deref().map(|json| parse_field(checklist, item, json)).transpose();
        match answer {
            Ok(Some(Some(answer))) => drop(counted.insert(item.clone(), answer)),
            Ok(Some(None) | None) => drop(counted.remove(item.as_str())),
            Err(problem) => {
                let title = "a correction does not fit the checklist";
                return Err(Problem::invalid("invalid_answers", title, vec![problem]));
            }
        }
    }
    Ok(counted)
}

/// The score of a visit with what upheld appeals put in place of its answers.
///
/// # Errors
/// As [`corrected_answers`] and [`score`].
pub(crate) fn score_corrected(
    checklist: &PreparedChecklist,
    view: &AuditView,
    corrections: &Corrections,
) -> Result<VisitScore, Problem> {
    checklist.score_explained(&corrected_answers(checklist.checklist(), view, corrections)?)
}
