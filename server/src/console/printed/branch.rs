//! A visit on paper as its branch reads it: the score, where its points went, and how the parts came out. Nothing of who visited.

use super::{
    super::{
        branches::{appeal_text, changed_by, costs, day, failed_criticals, groups, lost, result_of},
        shell::Visitor,
    },
    Wanted, code, facts, hand_out, record, sheet,
};
use crate::{
    app::visits::{VisitResult, evidence::Printed},
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
    let found = result_of(visitor, visit).await?;
    let record = record(visitor, visit).await?;
    let title = visitor.words.naming("branch-visit-of", day(&found));
    let blocks = blocks(visitor, &found, &record)?;
    hand_out(visitor, record, sheet(visitor, title, blocks), wanted).await
}

fn blocks(visitor: &Visitor, found: &VisitResult, record: &Printed) -> Result<Vec<Block>, ApiError> {
    let words = &visitor.words;
    let heading = |key: &str| Block::Heading(Level::Part, words.say(key));
    let before = found.before.map(|it| format!("{it} · {}", words.say(changed_by(found.change))));
    let mut blocks = vec![
        facts([
            (words.say("printed-branch"), format!("{} · {}", found.branch.code, found.branch.name)),
            (words.say("printed-checklist"), words.lang.text(&found.title).to_owned()),
            (
                words.say("scorecard-score"),
                format!("{} · {}", found.score.final_score, words.lang.text(&found.band)),
            ),
            (words.say("branch-lost"), lost(found)),
            (words.say("branch-before"), before.unwrap_or_default()),
        ]),
        heading("branch-why"),
    ];
    let costs = costs(words, found);
    if costs.is_empty() {
        blocks.push(Block::Paragraph(Tone::Plain, words.say("branch-nothing-lost")));
    } else {
        if let Some(it) = &found.losses.by_critical {
            blocks.push(Block::Paragraph(Tone::Strong, words.naming("branch-by-critical", it.to_string())));
        }
        let rows = costs.iter().map(|it| {
            let critical = if it.is_critical { words.say("branch-critical") } else { String::new() };
            let found = format!("{}: {}", words.say("branch-found"), it.answer);
            let expected = format!("{}: {}", words.say("branch-expected"), it.expected);
            let of = format!("{} · {} {critical}", it.section, it.item);
            vec![format!("{}\n{of}\n{found} · {expected}", it.q), format!("−{}", it.points)]
        });
        blocks.push(Block::Table(Table {
            caption: words.say("branch-why-caption"),
            columns: vec![
                Column::text(words.say("branch-question"), 6),
                Column::number(words.say("branch-points"), 1),
            ],
            rows: rows.collect(),
        }));
    }
    let critical: Vec<String> = failed_criticals(words, found);
    if !critical.is_empty() {
        blocks.push(heading("branch-criticals"));
        blocks.push(Block::List(Numbering::Dots, critical));
    }
    for group in groups(words, found) {
        blocks.push(Block::Heading(Level::Part, group.heading.clone()));
        let columns = vec![Column::text(group.heading, 5), Column::number(words.say("scorecard-score"), 1)];
        let rows = group.parts.into_iter().map(|it| vec![it.label, it.value]).collect();
        blocks.push(Block::Table(Table { caption: String::new(), columns, rows }));
    }
    blocks.push(heading("branch-appeal-title"));
    blocks.push(Block::Paragraph(Tone::Plain, appeal_text(words, found)));
    blocks.push(Block::Paragraph(Tone::Quiet, words.say("branch-withheld")));
    blocks.push(code(words, record)?);
    Ok(blocks)
}
