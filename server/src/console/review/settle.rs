//! Conflicts that wait for a person: what each phone said, with a form to let one of it stand or to take note.

use super::{
    super::{
        ui::{Choice, Field, Form, Kind},
        words::Words,
    },
    answers::{answer_text, field_name},
    visit::Failure,
    when,
};
use crate::app::{
    review::look::Looked,
    visits::sheet::{ConflictEntry, ConflictValue},
};
use db::Micros;
use domain::answer::AnswerField;
use jiff::Timestamp;

/// An open conflict.
pub(super) struct ConflictView {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) blocks: bool,
    /// What each side says, with who said it when.
    pub(super) sides: Vec<String>,
    pub(super) forms: Vec<Form>,
}

/// The open conflicts; forms only for who may settle them.
pub(super) fn conflicts(
    words: &Words,
    looked: &Looked,
    csrf: &str,
    failed: Option<&Failure>,
) -> Vec<ConflictView> {
    let open = looked.detail.conflicts.iter().flatten().filter(|it| it.open);
    let views = open.enumerate().map(|(at, it)| {
        let sides = it.values.iter().map(|value| side(words, looked, it, value)).collect();
        let forms = if looked.may_settle { forms(words, looked, csrf, at, it, failed) } else { Vec::new() };
        let on = field_name(words, looked, &it.field);
        ConflictView {
            title: if it.field.is_empty() && it.kind != "field" {
                words.name_of("review-conflict", &it.kind)
            } else {
                format!("{}: {on}", words.name_of("review-conflict", &it.kind))
            },
            text: words.name_of("review-conflict-why", &it.kind),
            blocks: it.blocks_approval,
            sides,
            forms,
        }
    });
    views.collect()
}

fn side(words: &Words, looked: &Looked, conflict: &ConflictEntry, it: &ConflictValue) -> String {
    let item = AnswerField::parse(&conflict.field).map_or("", |it| it.item);
    let item = looked.checklist.checklist().item(item);
    let value = answer_text(words, item, &it.value);
    let value = match it.kind.as_str() {
        "set" | "resolve" if !value.is_empty() => value,
        "set" | "clear" | "resolve" => words.say("review-unanswered"),
        _ => words.name_of("review-op", &it.kind),
    };
    let at = it.written_at.parse::<Timestamp>().map_or(0, Timestamp::as_microsecond);
    let at = when::wall(Micros(at), &looked.visit.zone);
    let who = looked.name_of(it.author);
    let by: Vec<&str> =
        [who.as_str(), it.device.as_str(), at.as_str()].into_iter().filter(|it| !it.is_empty()).collect();
    format!("{value} ({})", by.join(", "))
}

fn forms(
    words: &Words,
    looked: &Looked,
    csrf: &str,
    at: usize,
    it: &ConflictEntry,
    failed: Option<&Failure>,
) -> Vec<Form> {
    let base = format!("/visits/{}", looked.visit.audit_id);
    let reason = || {
        let field = Field::line("reason", words.say("review-reason")).kind(Kind::Area).most(2_000);
        field.id(&format!("settle-{at}-reason"))
    };
    let mut forms = Vec::new();
    let writes = |it: &&ConflictValue| matches!(it.kind.as_str(), "set" | "clear" | "resolve" | "create");
    let values: Vec<&ConflictValue> = it.values.iter().filter(writes).collect();
    let is_field = it.kind == "field";
    if (is_field || it.kind == "late") && !values.is_empty() {
        let choices = values.iter().map(|value| Choice {
            value: value.op.clone(),
            label: side(words, looked, it, value),
            is_chosen: false,
        });
        let stands = Field::line("stands", words.say("review-stands")).kind(Kind::Radio(choices.collect()));
        let stands = stands.id(&format!("settle-{at}-stands"));
        let form =
            Form::new(words, &format!("{base}/resolve"), csrf, "review-resolve", vec![stands, reason()]);
        forms.push(form.with_hidden("field", it.field.clone()));
    }
    if !is_field {
        let reason = reason().id(&format!("note-{at}-reason"));
        let form = Form::new(words, &format!("{base}/acknowledge"), csrf, "review-acknowledge", vec![reason]);
        forms.push(it.ops.iter().fold(form, |form, op| form.with_hidden("ops", op.clone())));
    }
    let marked = forms.into_iter().map(|form| {
        let form = form.with_hidden("mark", looked.mark.clone());
        match failed.filter(|failed| failed.is_of(&form)) {
            Some(failed) => form.again(&failed.typed, &failed.faults(), words.lang),
            None => form,
        }
    });
    marked.collect()
}
