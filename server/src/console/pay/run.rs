//! One run: exceptions first, then totals, people, history, and what this person may do next. A form that failed is shown again on the
//! page as it is then.

use super::{
    super::{
        done,
        form::{Faults, Posted, Shape, Typed},
        page,
        session::encoded,
        shell::{Shell, Visitor},
        status_of,
        ui::{Fault, Field, Form, Kind, Pager},
        when,
        words::Words,
    },
    Piece, linked, mode_text, money, plan_text, statement_at, unit_text,
};
use crate::{
    app::payouts::{self, Deed, Mode, Part, PayException, PersonRow, RunSheet, RunStep},
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{FieldProblem, ids::RunId, lifecycle::RunCommand};
use serde::Deserialize;
use uuid::Uuid;

/// Rows of each table.
const ROWS: u32 = 50;
/// Problems that are told of one refusal: a plan over thousands of people may miss a figure of each.
const TOLD: usize = 50;

/// Somebody with exceptions.
struct Troubled {
    href: String,
    person: String,
    name: String,
    amount: String,
    texts: Vec<Vec<Piece>>,
}

/// Somebody in the table of amounts.
struct Paid {
    href: String,
    person: String,
    name: String,
    amount: String,
    exceptions: usize,
}

/// A line of the history.
struct Past {
    at: String,
    who: String,
    what: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "pay_run.html")]
struct RunPage {
    shell: Shell,
    id: String,
    plan: String,
    period: String,
    unit: String,
    mode: String,
    is_live: bool,
    state: String,
    total: Option<String>,
    people_count: usize,
    /// How many people have exceptions, in words; none where nobody has.
    with_exceptions: Option<String>,
    whole: Vec<Vec<Piece>>,
    troubled: Vec<Troubled>,
    troubled_pager: Pager,
    people: Vec<Paid>,
    pager: Pager,
    history: Vec<Past>,
    is_own: bool,
    forms: Vec<Action>,
}

/// A form with what it does, in words.
struct Action {
    title: String,
    why: String,
    form: Form,
}

/// Which part of the people.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    after: Option<String>,
    exceptions: Option<usize>,
}

/// A form that was refused.
struct Failure {
    command: RunCommand,
    typed: Typed,
    error: ApiError,
}

pub(super) async fn show(
    visitor: Visitor,
    run: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let sheet = sheet_of(&visitor, RunId(run.into_inner()), &asked).await?;
    page(StatusCode::OK, &RunPage::of(&visitor, &sheet, &asked, None))
}

async fn sheet_of(visitor: &Visitor, run: RunId, asked: &Asked) -> Result<RunSheet, ApiError> {
    let principal = visitor.principal.clone();
    let part = Part { after: asked.after.clone(), skipped: asked.exceptions.unwrap_or_default(), rows: ROWS };
    visitor.app.read(move |tx| payouts::run_sheet(tx, &principal, run, &part)).await
}

impl RunPage {
    fn of(visitor: &Visitor, sheet: &RunSheet, asked: &Asked, failure: Option<&Failure>) -> Self {
        let (words, run) = (&visitor.words, &sheet.run);
        let shell = visitor.shell("/pay");
        let text =
            |it: &PayException| linked(words.lang.choose(&it.message_es, &it.message_en), &sheet.links);
        let troubled = sheet.troubled.iter().map(|it| Troubled {
            href: statement_at(run.id, &it.total.person),
            person: it.total.person.clone(),
            name: it.name.clone(),
            amount: money(words, &it.total.payable, &run.currency),
            texts: it.total.exceptions.iter().map(text).collect(),
        });
        let paid = |it: &PersonRow| Paid {
            href: statement_at(run.id, &it.total.person),
            person: it.total.person.clone(),
            name: it.name.clone(),
            amount: money(words, &it.total.payable, &run.currency),
            exceptions: it.total.exceptions.len(),
        };
        let forms = sheet.possible.iter().map(|it| action(words, &shell.csrf, sheet, *it, failure));
        Self {
            id: run.id.to_string(),
            plan: plan_text(words, sheet.title.as_ref(), &run.plan, run.version),
            period: format!("{} – {}", run.period.from, run.period.to),
            unit: unit_text(words, &run.unit, &sheet.units),
            mode: mode_text(words, run.mode),
            is_live: run.mode == Mode::Live,
            state: words.lang.text(&run.state.label()).to_owned(),
            total: run.payable.as_deref().map(|it| money(words, it, &run.currency)),
            people_count: run.people.unwrap_or_default(),
            with_exceptions: run
                .with_exceptions
                .filter(|it| *it > 0)
                .map(|it| words.count("pay-exceptions-people", i64::try_from(it).unwrap_or(i64::MAX))),
            whole: run.exceptions.iter().map(text).collect(),
            troubled: troubled.collect(),
            troubled_pager: troubled_pager(words, sheet, asked),
            people: sheet.people.items.iter().map(paid).collect(),
            pager: pager(words, sheet, asked),
            history: sheet.history.iter().map(|it| past(words, &visitor.zone, it)).collect(),
            is_own: sheet.is_own,
            forms: forms.collect(),
            shell,
        }
    }
}

fn past(words: &Words, zone: &str, it: &Deed) -> Past {
    Past {
        at: when::wall(it.at, zone),
        who: it.who.clone(),
        what: words.name_of("pay-did", &it.what),
        reason: it.reason.clone().unwrap_or_default(),
    }
}

fn pager(words: &Words, sheet: &RunSheet, asked: &Asked) -> Pager {
    let at = format!("/pay/{}", sheet.run.id);
    let next = sheet.people.next.as_ref().map(|it| format!("{at}?after={}#amounts", encoded(it)));
    Pager {
        label: words.say("pager"),
        next: next.map(|it| (it, words.say("pager-next"))),
        first: asked.after.as_ref().map(|_| (format!("{at}#amounts"), words.say("pager-first"))),
    }
}

fn troubled_pager(words: &Words, sheet: &RunSheet, asked: &Asked) -> Pager {
    let at = format!("/pay/{}", sheet.run.id);
    let skipped = asked.exceptions.unwrap_or_default();
    let shown = skipped.saturating_add(sheet.troubled.len());
    let all = sheet.run.with_exceptions.unwrap_or_default();
    Pager {
        label: words.say("pay-exceptions-pages"),
        next: (shown < all).then(|| (format!("{at}?exceptions={shown}"), words.say("pager-next"))),
        first: (skipped > 0).then(|| (at, words.say("pager-first"))),
    }
}

/// The step of an address, what its button says, and what it does.
fn texts(command: RunCommand) -> (&'static str, &'static str, &'static str) {
    match command {
        RunCommand::RequestApproval => ("submit", "pay-submit", "pay-submit-why"),
        RunCommand::Approve => ("approve", "pay-approve", "pay-approve-why"),
        RunCommand::Lock => ("lock", "pay-lock", "pay-lock-why"),
        RunCommand::BackToDraft => ("back-to-draft", "pay-back", "pay-back-why"),
        RunCommand::Calculate | RunCommand::Export | RunCommand::MarkPaid => {
            ("calculate", "pay-calculate", "pay-calculate-why")
        }
    }
}

fn action(
    words: &Words,
    csrf: &str,
    sheet: &RunSheet,
    command: RunCommand,
    failure: Option<&Failure>,
) -> Action {
    let (step, submit, why) = texts(command);
    let fields = if command == RunCommand::BackToDraft {
        vec![Field::line("reason", words.say("pay-back-reason")).kind(Kind::Area).most(2_000)]
    } else {
        Vec::new()
    };
    let mut form = Form::new(words, &format!("/pay/{}/{step}", sheet.run.id), csrf, submit, fields);
    if command == RunCommand::Lock || command == RunCommand::BackToDraft {
        form = form.danger();
    }
    if let Some(hash) = sheet.run.result_hash.filter(|_| command != RunCommand::Calculate) {
        form = form.with_hidden("result_hash", hash.to_string());
    }
    if let Some(failure) = failure.filter(|it| it.command == command) {
        form = form.again(&failure.typed, &faults(&failure.error), words.lang);
        let more = form.faults.len().saturating_sub(TOLD);
        if more > 0 {
            form.faults.truncate(TOLD);
            form.faults.push(Fault {
                field: None,
                text: words.count("pay-more-problems", i64::try_from(more).unwrap_or(i64::MAX)),
            });
        }
    }
    Action { title: words.say(submit), why: words.say(why), form }
}

/// What is wrong, with a missing reason at its field.
fn faults(error: &ApiError) -> Faults {
    let placed = error.problem().errors.iter().cloned().map(|it| {
        let field = if it.code == "reason_missing" { "/reason".to_owned() } else { it.field.clone() };
        FieldProblem { field, ..it }
    });
    Faults::of(&ApiError::invalid(placed.collect()))
}

// ---- what is sent ----

pub(super) async fn calculate(posted: Posted, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    take(posted, run, RunCommand::Calculate, "pay-calculated").await
}

pub(super) async fn submit(posted: Posted, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    take(posted, run, RunCommand::RequestApproval, "pay-submitted").await
}

pub(super) async fn approve(posted: Posted, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    take(posted, run, RunCommand::Approve, "pay-approved").await
}

pub(super) async fn lock(posted: Posted, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    take(posted, run, RunCommand::Lock, "pay-locked").await
}

pub(super) async fn back_to_draft(posted: Posted, run: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    take(posted, run, RunCommand::BackToDraft, "pay-back-in-draft").await
}

async fn take(
    posted: Posted,
    run: web::Path<Uuid>,
    command: RunCommand,
    said: &str,
) -> Result<HttpResponse, ApiError> {
    let (Posted { visitor, typed }, id) = (posted, RunId(run.into_inner()));
    let taken = match typed.read::<RunStep>(&[("reason", Shape::Text), ("result_hash", Shape::Text)]) {
        Ok(told) => {
            let change = move |tx: &mut db::Tx<'_>, office: &mut crate::office::Office| match command {
                RunCommand::Calculate => payouts::calculate_run(tx, office, id),
                _ => payouts::advance(tx, office, id, command, &told),
            };
            visitor.change(change).await
        }
        Err(error) => Err(error),
    };
    let error = match taken {
        Ok(_) => return Ok(done(&format!("/pay/{id}"), said)),
        Err(error) => error,
    };
    if ![409, 422].contains(&error.problem().status) {
        return Err(error);
    }
    let asked = Asked::default();
    let sheet = sheet_of(&visitor, id, &asked).await?;
    // What is not offered has no form to come back with.
    if !sheet.possible.contains(&command) {
        return Err(error);
    }
    let failure = Failure { command, typed, error };
    page(status_of(&failure.error), &RunPage::of(&visitor, &sheet, &asked, Some(&failure)))
}
