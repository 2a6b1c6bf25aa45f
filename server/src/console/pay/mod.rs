//! Incentives as pages: the runs, a new one, one run with its exceptions first and what may be done next, a person's statement, and the
//! lines for payroll. Only who reads pay comes here.

mod explain;
mod new;
mod print;
mod run;
mod statement;

use super::{
    page, place,
    session::encoded,
    shell::{Shell, Visitor},
    ui::{Empty, Pager},
    words::Words,
};
use crate::{
    app::payouts::{self, Linked, Links, Listed, Mode, Unit, UnitKind},
    error::ApiError,
    http::page::Paging,
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use domain::{
    LocalText,
    access::{Permission, Target},
    ids::RunId,
};
use serde::Deserialize;
use uuid::Uuid;

/// Runs of a page.
const RUNS: u32 = 20;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/pay", |it| it.route(web::get().to(list)));
    place(config, "/pay/new", |it| it.route(web::get().to(new::blank)).route(web::post().to(new::create)));
    place(config, "/pay/{run}", |it| it.route(web::get().to(run::show)));
    place(config, "/pay/{run}/lines.csv", |it| it.route(web::get().to(export)));
    place(config, "/pay/{run}/calculate", |it| it.route(web::post().to(run::calculate)));
    place(config, "/pay/{run}/submit", |it| it.route(web::post().to(run::submit)));
    place(config, "/pay/{run}/approve", |it| it.route(web::post().to(run::approve)));
    place(config, "/pay/{run}/lock", |it| it.route(web::post().to(run::lock)));
    place(config, "/pay/{run}/back-to-draft", |it| it.route(web::post().to(run::back_to_draft)));
    place(config, "/pay/{run}/people/{person}", |it| it.route(web::get().to(statement::show)));
    place(config, "/pay/{run}/people/{person}/print.pdf", |it| it.route(web::get().to(print::pdf)));
}

// ---- the runs ----

/// A run in the list.
struct Row {
    href: String,
    period: String,
    plan: String,
    unit: String,
    mode: String,
    state: String,
    total: String,
    calculated_by: String,
    approved_by: String,
}

#[derive(Template)]
#[template(path = "pay.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<Row>,
    may_calculate: bool,
    empty: Empty,
    pager: Pager,
}

/// Which page of the list.
#[derive(Debug, Deserialize)]
struct Asked {
    after: Option<String>,
}

async fn list(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let asked = asked.into_inner().after;
    let is_first = asked.is_none();
    let (before, limit) = Paging { after: asked, limit: Some(RUNS) }.page()?;
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| payouts::newest(tx, &principal, before, limit)).await?;
    let words = &visitor.words;
    let may_calculate = visitor.principal.may(Permission::CalculatePay, &Target::Organization);
    let new = ("/pay/new".to_owned(), words.say("pay-new"));
    let shown = ListPage {
        shell: visitor.shell("/pay"),
        rows: found.items.iter().map(|it| row(words, it)).collect(),
        empty: Empty {
            title: words.say("pay-empty"),
            text: words.say("pay-empty-text"),
            action: may_calculate.then_some(new),
        },
        may_calculate,
        pager: Pager {
            label: words.say("pager"),
            next: found.next.map(|it| (format!("/pay?after={it}"), words.say("pager-next"))),
            first: (!is_first).then(|| ("/pay".to_owned(), words.say("pager-first"))),
        },
    };
    page(StatusCode::OK, &shown)
}

fn row(words: &Words, it: &Listed) -> Row {
    let run = &it.run;
    Row {
        href: format!("/pay/{}", run.id),
        period: format!("{} – {}", run.period.from, run.period.to),
        plan: format!("{} {}", run.plan, run.version),
        unit: unit_text(words, &run.unit, &it.units),
        mode: mode_text(words, run.mode),
        state: words.lang.text(&run.state.label()).to_owned(),
        total: run.payable.as_deref().map(|it| money(words, it, &run.currency)).unwrap_or_default(),
        calculated_by: it.calculated_by.clone(),
        approved_by: it.approved_by.clone(),
    }
}

fn mode_text(words: &Words, mode: Mode) -> String {
    words.say(if mode == Mode::Live { "pay-mode-live" } else { "pay-mode-shadow" })
}

fn unit_text(words: &Words, unit: &Unit, units: &[String]) -> String {
    let kind = match unit.kind {
        UnitKind::Organization => return words.say("pay-unit-organization"),
        UnitKind::Branch => "pay-unit-branches",
        UnitKind::Region => "pay-unit-regions",
    };
    format!("{}: {}", words.say(kind), units.join(", "))
}

/// An amount with its currency, as the use case gives it.
fn money(words: &Words, amount: &str, currency: &str) -> String {
    format!("{} {currency}", words.figure(amount))
}

/// The title of a plan with its id and version.
fn plan_text(words: &Words, title: Option<&LocalText>, id: &str, version: u32) -> String {
    let title = title.map(|it| words.lang.text(it)).filter(|it| !it.is_empty());
    title.map_or_else(|| format!("{id} {version}"), |it| format!("{it} ({id} {version})"))
}

/// The statement of a person in a run.
fn statement_at(run: RunId, person: &str) -> String {
    format!("/pay/{run}/people/{}", encoded(person).replace('/', "%2F"))
}

/// A piece of a text, with where it leads.
struct Piece {
    text: String,
    href: Option<String>,
}

/// A text whose ids lead to what they are of, where the reader may go there.
fn linked(text: &str, links: &Links) -> Vec<Piece> {
    let piece = |(text, id): (&str, Option<Uuid>)| Piece {
        text: text.to_owned(),
        href: id.and_then(|id| href(links, id)),
    };
    payouts::pieces(text).into_iter().map(piece).collect()
}

fn href(links: &Links, id: Uuid) -> Option<String> {
    links.get(&id).map(|it| match it {
        Linked::Run => format!("/pay/{id}"),
        Linked::Visit => format!("/visits/{id}"),
    })
}

/// The lines as a file.
async fn export(visitor: Visitor, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let (run, principal) = (RunId(run.into_inner()), visitor.principal.clone());
    let text = visitor.app.read(move |tx| payouts::export(tx, &principal, run)).await?;
    let disposition = format!("attachment; filename=\"pay-{run}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(text))
}
