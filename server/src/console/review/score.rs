//! The score of a visit with its versions and what changed between them, and the figures at the top of its page.

use super::{
    super::words::Words,
    answers::{current_score, field_name, points},
    visit::Told,
    when,
};
use crate::app::{
    review::{
        changes::{ItemChange, changes},
        look::Looked,
    },
    scores::change::Change,
    visits::Explained,
};
use db::Micros;
use domain::visit_score::ItemStep;

/// The versions of a score.
pub(super) struct ScoreView {
    pub(super) versions: Vec<VersionView>,
}

/// A version, the newest first.
pub(super) struct VersionView {
    pub(super) number: u32,
    /// What the table of its changes is called.
    pub(super) title: String,
    pub(super) at: String,
    pub(super) figure: String,
    pub(super) raw: String,
    pub(super) band: String,
    pub(super) reason: String,
    /// What counts otherwise than in the version before: item, before, after.
    pub(super) changes: Vec<(String, String, String)>,
}

/// The versions; none where nothing was scored yet.
pub(super) fn score(words: &Words, looked: &Looked) -> Option<ScoreView> {
    let before = std::iter::once(None).chain(looked.scores.iter().map(Some));
    let versions = looked.scores.iter().zip(before).map(|(it, before)| version(words, looked, it, before));
    let mut versions: Vec<VersionView> = versions.collect();
    versions.reverse();
    (!versions.is_empty()).then_some(ScoreView { versions })
}

fn version(words: &Words, looked: &Looked, it: &Explained, before: Option<&Explained>) -> VersionView {
    let changed = before.map(|before| changes(&before.score, &it.score)).unwrap_or_default();
    let entry = &it.entry;
    VersionView {
        number: entry.version,
        title: words.count("review-changes", entry.version),
        at: when::wall(Micros(entry.created_at.as_microsecond()), &looked.visit.zone),
        figure: entry.final_score.map(|it| it.to_string()).unwrap_or_default(),
        raw: entry.raw.map(|it| it.to_string()).unwrap_or_default(),
        band: entry.band.as_deref().map(|it| band(words, looked, it)).unwrap_or_default(),
        reason: match Change::of(&entry.reason) {
            Change::Approved => words.say("review-version-approved"),
            Change::Appeal => words.say("review-version-appeal"),
            Change::Rescored => entry.reason.clone(),
        },
        changes: changed.iter().map(|it| change(words, looked, it)).collect(),
    }
}

fn change(words: &Words, looked: &Looked, it: &ItemChange) -> (String, String, String) {
    let told = |step: &Option<ItemStep>| {
        step.as_ref().map_or_else(
            || words.say("review-points-hidden"),
            |it| {
                let answer = it.answer.clone().unwrap_or_else(|| words.say("review-unanswered"));
                format!("{answer} · {}", points(words, it))
            },
        )
    };
    (field_name(words, looked, &it.item), told(&it.before), told(&it.after))
}

fn band(words: &Words, looked: &Looked, id: &str) -> String {
    let bands = &looked.checklist.checklist().scoring.bands;
    let found = bands.iter().find(|it| it.id == id);
    found.map_or_else(|| id.to_owned(), |it| words.lang.choose(&it.es, &it.en).to_owned())
}

/// The figures at the top: score, evidence grade, receipts.
pub(super) fn figures(words: &Words, looked: &Looked) -> Vec<Told> {
    let mut told = Vec::new();
    if let Some(it) = current_score(looked) {
        let is_frozen = !looked.scores.is_empty();
        let failed = it.critical_failed.len();
        let critical = words.count("review-critical-failed", i64::try_from(failed).unwrap_or(i64::MAX));
        let frozen = words.say(if is_frozen { "review-frozen" } else { "review-preview" });
        told.push(Told {
            label: words.say("review-score"),
            value: it.final_score.to_string(),
            note: [band(words, looked, &it.band), frozen, if failed > 0 { critical } else { String::new() }]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect::<Vec<_>>()
                .join(" · "),
            is_bad: failed > 0,
        });
    }
    if let Some(facts) = &looked.detail.facts {
        let why = facts.evidence_reasons.iter().map(|it| words.lang.text(&it.label)).collect::<Vec<_>>();
        told.push(Told {
            label: words.say("review-grade"),
            value: words.lang.text(&facts.evidence_grade.label()).to_owned(),
            note: why.join("; "),
            is_bad: false,
        });
    }
    told.push(receipts(words, looked));
    told
}

fn receipts(words: &Words, looked: &Looked) -> Told {
    let it = &looked.receipts;
    let (value, is_bad) = match (it.is_whole, it.is_signed) {
        (Some(true), Some(true)) => ("review-proof-whole", false),
        (Some(false), _) => ("review-proof-missing", true),
        (_, Some(false)) => ("review-proof-differs", true),
        _ => ("review-proof-open", false),
    };
    let count = i64::try_from(it.ops).unwrap_or(i64::MAX);
    let mut note = words.count("review-proof-ops", count);
    if it.has_seen_all == Some(false) {
        note = format!("{note} {}", words.say("review-proof-unseen"));
    }
    Told { label: words.say("review-proof"), value: words.say(value), note, is_bad }
}
