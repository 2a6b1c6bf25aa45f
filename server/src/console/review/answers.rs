//! Answers in plain words, with the points that they earned.

use super::super::words::Words;
use crate::app::{
    review::{changes::steps, look::Looked},
    visits::sheet::ItemAnswer,
};
use domain::{
    checklist::{Item, ItemType},
    visit_score::{ItemState, ItemStep, VisitScore},
};
use fluent_bundle::FluentValue;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Characters of a text that a line shows of an answer.
const SHOWN_CHARS: usize = 4_000;

/// A section of the checklist with what was answered.
pub(super) struct SectionView {
    pub(super) title: String,
    /// Its score; empty where it has none.
    pub(super) score: String,
    pub(super) items: Vec<ItemView>,
}

/// An item with what was answered.
pub(super) struct ItemView {
    pub(super) id: String,
    pub(super) question: String,
    pub(super) answer: String,
    pub(super) is_unanswered: bool,
    pub(super) comment: String,
    /// What it earned of what it is worth.
    pub(super) points: String,
    pub(super) is_critical: bool,
    pub(super) has_failed: bool,
    pub(super) is_conflict: bool,
    /// How many pieces of evidence it has, in words; empty for none.
    pub(super) photos: String,
    /// What else is to be known: taken out, corrected.
    pub(super) notes: Vec<String>,
    pub(super) fix: Option<Fix>,
}

/// The part of a return that is about one item.
pub(super) struct Fix {
    pub(super) is_ticked: bool,
    pub(super) reason: String,
    pub(super) errors: Vec<String>,
}

/// The score that items are shown with: what was frozen last, else what they would score now.
pub(super) fn current_score(looked: &Looked) -> Option<&VisitScore> {
    looked.scores.last().map(|it| &it.score).or(looked.preview.as_ref())
}

/// The answers, in the order of the checklist; `fix` makes the part of a return of an item.
pub(super) fn sections(
    words: &Words,
    looked: &Looked,
    fix: impl Fn(&str) -> Option<Fix>,
) -> Vec<SectionView> {
    let checklist = looked.checklist.checklist();
    let score = current_score(looked);
    let steps: BTreeMap<&str, &ItemStep> =
        score.into_iter().flat_map(steps).map(|it| (it.item.as_str(), it)).collect();
    let mut views = Vec::new();
    for section in &looked.detail.sections {
        let items = section.items.iter().map(|it| {
            let item = checklist.item(&it.id);
            let step = steps.get(it.id.as_str()).copied();
            item_view(words, looked, item, it, step, fix(&it.id))
        });
        let figure = score.and_then(|it| it.sections.get(&section.id));
        views.push(SectionView {
            title: words.lang.text(&section.title).to_owned(),
            score: figure.map(|it| it.score.to_string()).unwrap_or_default(),
            items: items.collect(),
        });
    }
    views
}

fn item_view(
    words: &Words,
    looked: &Looked,
    item: Option<&Item>,
    it: &ItemAnswer,
    step: Option<&ItemStep>,
    fix: Option<Fix>,
) -> ItemView {
    let answer = answer_text(words, item, &it.answer);
    let mut notes: Vec<String> = it.redacted.iter().map(|it| words.name_of("review-redacted", it)).collect();
    if let Some(counts) = looked.corrections.get(&it.id) {
        let counts = counts.as_deref().and_then(|it| RawValue::from_string(it.to_owned()).ok());
        let counts = counts.map_or_else(|| words.say("review-left-out"), |it| answer_text(words, item, &it));
        notes.push(words.naming("review-corrected", counts));
    }
    let photos = it.photos.len();
    ItemView {
        id: it.id.clone(),
        question: words.lang.text(&it.q).to_owned(),
        is_unanswered: answer.is_empty(),
        answer,
        comment: it.comment.as_ref().map(|it| plain(it)).unwrap_or_default(),
        points: step.map(|it| points(words, it)).unwrap_or_default(),
        is_critical: it.critical,
        has_failed: step.is_some_and(|it| it.critical_failed),
        is_conflict: !it.heads.is_empty(),
        photos: if photos > 0 { words.count("review-photos-of-item", count(photos)) } else { String::new() },
        notes,
        fix,
    }
}

/// What an item earned, in words.
pub(super) fn points(words: &Words, step: &ItemStep) -> String {
    match step.state {
        ItemState::Excluded => words.say("review-points-excluded"),
        ItemState::Hidden => words.say("review-points-hidden"),
        ItemState::Unscored => words.say("review-points-none"),
        ItemState::Scored if step.bonus.units() != 0 => {
            words.naming("review-points-bonus", short(&step.bonus.to_string()))
        }
        ItemState::Scored => {
            let (earned, possible) = (short(&step.earned.to_string()), short(&step.possible.to_string()));
            words.with(
                "review-points",
                &[("it", FluentValue::from(earned)), ("of", FluentValue::from(possible))],
            )
        }
    }
}

/// A decimal without zeros at its end.
fn short(decimal: &str) -> String {
    match decimal.split_once('.') {
        Some(_) => decimal.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => decimal.to_owned(),
    }
}

fn count(it: usize) -> i64 {
    i64::try_from(it).unwrap_or(i64::MAX)
}

/// An answer in plain words; empty where there is none.
pub(super) fn answer_text(words: &Words, item: Option<&Item>, answer: &RawValue) -> String {
    let json = answer.get();
    if json == "null" {
        return String::new();
    }
    let option = |id: &str| {
        let found = item.and_then(|it| it.option(id));
        found.map_or_else(|| id.to_owned(), |it| words.lang.choose(&it.es, &it.en).to_owned())
    };
    if let Ok(list) = serde_json::from_str::<Vec<String>>(json) {
        if item.is_some_and(|it| it.kind.holds_blobs()) {
            return words.count("review-photos-of-item", count(list.len()));
        }
        return list.iter().map(|it| option(it)).collect::<Vec<_>>().join(", ");
    }
    if let Ok(text) = serde_json::from_str::<String>(json) {
        let is_choice = item.is_some_and(|it| it.kind.is_choice());
        let is_text = item.is_some_and(|it| it.kind == ItemType::Text);
        return match text.as_str() {
            _ if is_text => text.chars().take(SHOWN_CHARS).collect(),
            _ if is_choice => option(&text),
            "yes" => words.say("review-yes"),
            "no" => words.say("review-no"),
            "na" => words.say("review-na"),
            _ => text.chars().take(SHOWN_CHARS).collect(),
        };
    }
    match item {
        Some(it) if it.kind == ItemType::Scale => words.naming("review-scale", json),
        Some(it) => it.unit.as_ref().map_or_else(|| json.to_owned(), |unit| format!("{json} {unit}")),
        None => json.chars().take(SHOWN_CHARS).collect(),
    }
}

/// A text as it was written.
pub(super) fn plain(json: &RawValue) -> String {
    let text = serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned());
    text.chars().take(SHOWN_CHARS).collect()
}

/// What people call a field: the question of its item, or what it states.
pub(super) fn field_name(words: &Words, looked: &Looked, field: &str) -> String {
    if field.is_empty() {
        return words.say("review-field-checklist");
    }
    if let Some(fact) = field.strip_prefix('@') {
        return words.name_of("review-fact", fact.split('#').next().unwrap_or_default());
    }
    let id = field.split('#').next().unwrap_or_default();
    let item = looked.checklist.checklist().item(id);
    item.map_or_else(|| field.to_owned(), |it| format!("{id} · {}", words.lang.text(&it.q)))
}
