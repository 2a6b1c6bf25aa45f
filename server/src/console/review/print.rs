//! A visit on paper for the office: what its page shows, without its photos and without who recorded it, since papers travel.

use super::{
    super::{
        printed::{Wanted, code, facts, hand_out, record, sheet},
        shell::Visitor,
    },
    answers::{ItemView, sections},
    score::{self, ScoreView},
    story::{StoryLine, story},
    visit::read,
};
use crate::{
    app::{review::look::Looked, visits::evidence::Printed},
    error::ApiError,
};
use actix_web::{HttpResponse, web};
use domain::ids::AuditId;
use paper::{Block, Column, Level, Numbering, Table, Tone};
use uuid::Uuid;

pub(super) async fn pdf(visitor: Visitor, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    give(&visitor, AuditId(visit.into_inner()), Wanted::File).await
}

pub(super) async fn seal(visitor: Visitor, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    give(&visitor, AuditId(visit.into_inner()), Wanted::Seal).await
}

async fn give(visitor: &Visitor, visit: AuditId, wanted: Wanted) -> Result<HttpResponse, ApiError> {
    let looked = read(visitor, visit).await?;
    let record = record(visitor, visit).await?;
    let blocks = blocks(visitor, &looked, &record)?;
    let day = looked.visit.visit_date.map(|it| it.to_string()).unwrap_or_default();
    let title = format!("{} {day}", looked.branch.name);
    hand_out(visitor, record, sheet(visitor, title, blocks), wanted).await
}

fn blocks(visitor: &Visitor, looked: &Looked, record: &Printed) -> Result<Vec<Block>, ApiError> {
    let words = &visitor.words;
    let part = |key: &str| Block::Heading(Level::Part, words.say(key));
    let figures = score::figures(words, looked).into_iter();
    let figures = figures.map(|it| {
        let said = [it.value, it.note].into_iter().filter(|it| !it.is_empty());
        (it.label, said.collect::<Vec<_>>().join(" · "))
    });
    let checklist = words.lang.text(&looked.checklist.checklist().title);
    let head = [
        (words.say("printed-branch"), format!("{} · {}", looked.branch.code, looked.branch.name)),
        (words.say("printed-checklist"), format!("{checklist} {}", looked.visit.template_version)),
        (words.say("printed-state"), words.lang.text(&looked.visit.state.label()).to_owned()),
    ];
    let mut blocks = vec![facts(head.into_iter().chain(figures))];
    if !looked.flags.is_empty() {
        blocks.push(part("review-flags"));
        blocks.push(Block::Paragraph(Tone::Quiet, words.say("review-flags-why")));
        let flag = |it: &domain::flags::Flag| {
            format!("{}: {}", words.lang.text(&it.kind.label()), words.lang.text(&it.explanation()))
        };
        blocks.push(Block::List(Numbering::Dots, looked.flags.iter().map(flag).collect()));
    }
    blocks.push(part("review-answers"));
    for section in sections(words, looked, |_| None) {
        let title = [section.title, section.score].into_iter().filter(|it| !it.is_empty());
        blocks.push(Block::Heading(Level::Section, title.collect::<Vec<_>>().join(" · ")));
        blocks.push(Block::Table(Table {
            caption: String::new(),
            columns: vec![
                Column::text(words.say("review-item"), 5),
                Column::text(words.say("printed-answer"), 4),
                Column::text(words.say("printed-points"), 2),
            ],
            rows: section.items.iter().map(|it| item(visitor, it)).collect(),
        }));
    }
    if let Some(score) = score::score(words, looked) {
        blocks.push(part("review-versions"));
        versions(visitor, &score, &mut blocks);
    }
    let (lines, left_out) = story(words, looked);
    blocks.push(part("review-story"));
    if left_out > 0 {
        let count = i64::try_from(left_out).unwrap_or(i64::MAX);
        blocks.push(Block::Paragraph(Tone::Quiet, words.count("review-story-left-out", count)));
    }
    blocks.push(Block::Table(Table {
        caption: String::new(),
        columns: vec![
            Column::text(words.say("review-when"), 3),
            Column::text(words.say("printed-who"), 3),
            Column::text(words.say("printed-what"), 7),
        ],
        rows: lines.into_iter().map(|it| happened(visitor, it)).collect(),
    }));
    blocks.push(code(words, record)?);
    Ok(blocks)
}

fn item(visitor: &Visitor, it: &ItemView) -> Vec<String> {
    let words = &visitor.words;
    let critical = if it.is_critical { words.say("review-critical") } else { String::new() };
    let answer = if it.is_unanswered { words.say("review-unanswered") } else { it.answer.clone() };
    let comment = if it.comment.is_empty() { String::new() } else { format!("“{}”", it.comment) };
    let said = [answer, comment, it.photos.clone()].into_iter().chain(it.notes.iter().cloned());
    let said = said.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n");
    vec![format!("{} {}\n{critical}", it.id, it.question), said, it.points.clone()]
}

fn versions(visitor: &Visitor, score: &ScoreView, blocks: &mut Vec<Block>) {
    let words = &visitor.words;
    let row = |it: &score::VersionView| {
        vec![
            it.number.to_string(),
            it.at.clone(),
            it.raw.clone(),
            it.figure.clone(),
            it.band.clone(),
            it.reason.clone(),
        ]
    };
    blocks.push(Block::Table(Table {
        caption: words.say("review-versions-caption"),
        columns: vec![
            Column::text(words.say("review-version"), 2),
            Column::text(words.say("review-when"), 4),
            Column::number(words.say("review-raw"), 3),
            Column::number(words.say("review-score"), 3),
            Column::text(words.say("review-band"), 3),
            Column::text(words.say("review-reason"), 5),
        ],
        rows: score.versions.iter().map(row).collect(),
    }));
    for it in score.versions.iter().filter(|it| !it.changes.is_empty()) {
        blocks.push(Block::Table(Table {
            caption: it.title.clone(),
            columns: vec![
                Column::text(words.say("review-item"), 3),
                Column::text(words.say("review-before"), 2),
                Column::text(words.say("review-after"), 2),
            ],
            rows: it
                .changes
                .iter()
                .map(|(item, before, after)| vec![item.clone(), before.clone(), after.clone()])
                .collect(),
        }));
    }
}

fn happened(visitor: &Visitor, it: StoryLine) -> Vec<String> {
    let words = &visitor.words;
    let who = if it.is_of_auditor { words.say("printed-phone") } else { it.who };
    let suspect = if it.is_suspect { words.say("review-suspect") } else { String::new() };
    let reason = if it.reason.is_empty() { String::new() } else { format!("“{}”", it.reason) };
    let what = [it.what, reason, suspect].into_iter().filter(|it| !it.is_empty());
    vec![it.at, who, what.collect::<Vec<_>>().join("\n")]
}
