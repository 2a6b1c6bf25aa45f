//! The statement of a person on paper: what its page says, to be handed out and signed, with the hash of the run that it came out of.

use super::{
    super::{
        printed::{facts, file, printed, sheet},
        shell::Visitor,
    },
    statement::{LineView, StatementPage},
};
use crate::{
    app::{blocking, payouts},
    error::ApiError,
};
use actix_web::{HttpResponse, web};
use domain::ids::RunId;
use paper::{Block, Column, Level, Numbering, Table, Tone};
use uuid::Uuid;

pub(super) async fn pdf(visitor: Visitor, at: web::Path<(Uuid, String)>) -> Result<HttpResponse, ApiError> {
    let (run, person) = at.into_inner();
    let principal = visitor.principal.clone();
    let found =
        visitor.app.read(move |tx| payouts::statement_sheet(tx, &principal, RunId(run), &person)).await?;
    let result = found.result.map(|it| it.to_string()).unwrap_or_default();
    let page = StatementPage::of(visitor.shell("/pay"), &found)?;
    let title = format!("{} · {}", visitor.words.say("pay-statement"), page.name);
    let blocks = blocks(&visitor, &page, &result);
    let sheet = sheet(&visitor, title, blocks);
    let bytes = blocking(move || printed(&sheet)).await?;
    // The name of a file is seen where its content is not: it names nobody.
    Ok(file("application/pdf", &format!("statement-{run}.pdf"), bytes))
}

fn blocks(visitor: &Visitor, page: &StatementPage, result: &str) -> Vec<Block> {
    let words = &visitor.words;
    let mut blocks = Vec::new();
    if !page.is_live {
        blocks.push(Block::Paragraph(Tone::Strong, words.say("pay-shadow-note")));
    }
    blocks.push(facts([
        (words.say("pay-person"), page.person.clone()),
        (words.say("pay-branch"), page.branch.clone()),
        (words.say("pay-period"), page.period.clone()),
        (words.say("pay-plan"), page.plan.clone()),
        (words.say("pay-state"), page.state.clone()),
        (words.say("pay-amount"), page.payable.clone()),
    ]));
    blocks.extend(page.notes.iter().map(|it| Block::Paragraph(Tone::Strong, it.clone())));
    blocks.push(Block::Heading(Level::Part, words.say("pay-lines")));
    blocks.push(Block::Table(Table {
        caption: words.say("pay-lines-caption"),
        columns: vec![Column::text(words.say("pay-line"), 4), Column::number(words.say("pay-amount"), 1)],
        rows: page.lines.iter().map(|it| vec![it.title.clone(), it.amount.clone()]).collect(),
    }));
    for it in &page.lines {
        line(visitor, it, &mut blocks);
    }
    if !page.steps.is_empty() {
        blocks.push(Block::Heading(Level::Part, words.say("pay-whole")));
        blocks.push(Block::List(Numbering::Numbers, page.steps.clone()));
    }
    blocks.push(Block::Paragraph(Tone::Quiet, words.naming("printed-result", result)));
    blocks.push(Block::Signatures(vec![words.say("pay-sign"), words.say("pay-sign-date")]));
    blocks
}

fn line(visitor: &Visitor, it: &LineView, blocks: &mut Vec<Block>) {
    let words = &visitor.words;
    blocks.push(Block::Heading(Level::Section, format!("{} · {}", it.title, it.amount)));
    for fact in &it.facts {
        let text = fact.iter().map(|it| it.text.as_str()).collect();
        blocks.push(Block::Paragraph(Tone::Plain, text));
    }
    if !it.steps.is_empty() {
        blocks.push(Block::List(Numbering::Numbers, it.steps.clone()));
    }
    if !it.visits.is_empty() {
        let row = |it: &super::statement::VisitRow| {
            let disputed = if it.is_disputed { words.say("pay-disputed") } else { String::new() };
            vec![it.date.clone(), it.score.clone(), disputed]
        };
        blocks.push(Block::Table(Table {
            caption: words.naming("pay-visits-caption", &it.title),
            columns: vec![
                Column::text(words.say("pay-date"), 2),
                Column::number(words.say("pay-score"), 1),
                Column::text(String::new(), 2),
            ],
            rows: it.visits.iter().map(row).collect(),
        }));
    }
}
