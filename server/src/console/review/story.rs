//! What happened to a visit, as one list in plain words: what its phones recorded and what was decided in the office.

use super::{super::words::Words, when};
use crate::app::{
    review::{
        look::Looked,
        timeline::{Done, Line},
    },
    visits::EventEntry,
};
use db::Micros;
use domain::lifecycle::Command;
use fluent_bundle::FluentValue;

/// Lines that are shown, the latest ones.
const MOST: usize = 120;

/// A line of the story.
pub(super) struct StoryLine {
    pub(super) at: String,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) reason: String,
    pub(super) is_suspect: bool,
    /// Whether the auditor did it, whose name or device `who` then is.
    pub(super) is_of_auditor: bool,
}

/// The story, oldest first, and how many lines before it are left out.
pub(super) fn story(words: &Words, looked: &Looked) -> (Vec<StoryLine>, usize) {
    let lines = looked.lines.iter().map(|it| (millis(it.from_ms), line(words, looked, it)));
    let events = looked.detail.events.iter().flatten().filter(|it| it.command != Command::Start);
    let events = events.map(|it| (it.at.as_millisecond(), event(words, looked, it)));
    let mut all: Vec<(i64, StoryLine)> = lines.chain(events).collect();
    all.sort_by_key(|it| it.0);
    let left_out = all.len().saturating_sub(MOST);
    (all.into_iter().skip(left_out).map(|it| it.1).collect(), left_out)
}

fn millis(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn line(words: &Words, looked: &Looked, it: &Line) -> StoryLine {
    let zone = &looked.visit.zone;
    let wall = |ms| when::wall(Micros(millis(ms).saturating_mul(1_000)), zone);
    let (from, to) = (wall(it.from_ms), wall(it.to_ms));
    let at = match to.split_once(' ') {
        _ if from == to => from,
        Some((day, time)) if from.starts_with(day) => format!("{from}–{time}"),
        _ => format!("{from} – {to}"),
    };
    let section = it.section.as_deref().and_then(|id| looked.detail.sections.iter().find(|it| it.id == id));
    let section = section.map(|it| words.lang.text(&it.title).to_owned());
    let key = match it.done {
        Done::Began => "review-did-began",
        Done::Moved => "review-did-moved",
        Done::Arrived => "review-did-arrived",
        Done::Left => "review-did-left",
        Done::CouldNotHappen => "review-did-could-not",
        Done::Answered => "review-did-answered",
        Done::Changed => "review-did-changed",
        Done::Commented => "review-did-commented",
        Done::Attached => "review-did-attached",
        Done::Detached => "review-did-detached",
        Done::Lost => "review-did-lost",
        Done::Remarked => "review-did-remarked",
        Done::HandedIn => "review-did-handed-in",
        Done::Settled => "review-did-settled",
        Done::Redacted => "review-did-redacted",
        Done::Other => "review-did-other",
    };
    let mut what = words.with(key, &[("n", FluentValue::Number(it.count.into()))]);
    if let Some(section) = section {
        what = format!("{what} · {section}");
    }
    if it.round > 1 {
        what = format!("{what} · {}", words.count("review-round", it.round));
    }
    let device = it.dev.and_then(|dev| looked.devices.get(&dev).cloned());
    StoryLine {
        at,
        who: device.unwrap_or_else(|| words.say("review-office")),
        what,
        reason: String::new(),
        is_suspect: it.is_suspect,
        is_of_auditor: it.dev.is_some(),
    }
}

fn event(words: &Words, looked: &Looked, it: &EventEntry) -> StoryLine {
    let by_phone = matches!(it.command, Command::Submit | Command::NotCompleted);
    let asked = it.from == Some(it.to);
    let what = if by_phone {
        words.say("review-did-received")
    } else if asked {
        words.naming("review-did-asked", words.lang.text(&it.command.label()))
    } else {
        let to = words.lang.text(&it.to.label()).to_owned();
        let command = words.lang.text(&it.command.label()).to_owned();
        words.with("review-did-step", &[("it", FluentValue::from(command)), ("to", FluentValue::from(to))])
    };
    let who = match it.actor_id {
        Some(_) if !by_phone => looked.name_of(it.actor_id),
        _ => words.say("review-office"),
    };
    StoryLine {
        at: when::wall(Micros(it.at.as_microsecond()), &looked.visit.zone),
        who,
        what,
        reason: it.reason.clone().filter(|_| !by_phone).unwrap_or_default(),
        is_suspect: false,
        is_of_auditor: it.actor_id == Some(looked.visit.auditor_id.0),
    }
}
