//! The statement of a person: what is paid, line by line with every step in words and the visits behind it, what earlier periods add or
//! take, and what is held. Made to be printed and signed.

use super::{
    super::{
        page,
        shell::{Shell, Visitor},
        words::Words,
    },
    Piece,
    explain::{figure, words_of},
    href, linked, money, plan_text, statement_at,
};
use crate::{
    app::payouts::{self, FrozenVisit, LineEntry, StatementSheet},
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    ids::RunId,
    incentive::{CalculationStep, ExcludedComponent, Note},
};
use serde::Deserialize;
use uuid::Uuid;

/// A visit behind a line.
pub(super) struct VisitRow {
    pub(super) date: String,
    pub(super) score: String,
    pub(super) is_disputed: bool,
    href: Option<String>,
}

/// A line with what stands behind it.
pub(super) struct LineView {
    pub(super) title: String,
    pub(super) amount: String,
    /// What it is about, in words, where it has no steps or more than steps.
    pub(super) facts: Vec<Vec<Piece>>,
    pub(super) steps: Vec<String>,
    pub(super) visits: Vec<VisitRow>,
}

#[derive(Template)]
#[template(path = "pay_statement.html")]
pub(super) struct StatementPage {
    shell: Shell,
    run: String,
    /// Where it is as a PDF.
    print: String,
    pub(super) person: String,
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) period: String,
    pub(super) plan: String,
    pub(super) is_live: bool,
    pub(super) state: String,
    pub(super) payable: String,
    pub(super) lines: Vec<LineView>,
    pub(super) notes: Vec<String>,
    /// The calculation before and after the lines.
    pub(super) steps: Vec<String>,
}

pub(super) async fn show(visitor: Visitor, at: web::Path<(Uuid, String)>) -> Result<HttpResponse, ApiError> {
    let (run, person) = at.into_inner();
    let principal = visitor.principal.clone();
    let sheet =
        visitor.app.read(move |tx| payouts::statement_sheet(tx, &principal, RunId(run), &person)).await?;
    page(StatusCode::OK, &StatementPage::of(visitor.shell("/pay"), &sheet)?)
}

/// What is looked at of a whole calculation: of a person, or of a pool with a share in it.
#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    pool: Option<Parts>,
    #[serde(flatten)]
    own: Parts,
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    excluded_components: Vec<ExcludedComponent>,
    #[serde(default)]
    steps: Vec<CalculationStep>,
}

impl StatementPage {
    pub(super) fn of(shell: Shell, sheet: &StatementSheet) -> Result<Self, ApiError> {
        let words = shell.words.clone();
        let (words, it) = (&words, &sheet.statement);
        let whole: Whole = serde_json::from_str(it.calculation.get()).map_err(ApiError::internal)?;
        let parts: Vec<&Parts> = whole.pool.iter().chain([&whole.own]).collect();
        let notes = parts.iter().flat_map(|it| &it.notes).map(|it| words.lang.text(&it.text).to_owned());
        let excluded = parts.iter().flat_map(|it| &it.excluded_components).map(|it| {
            words.with(
                "pay-excluded",
                &[
                    ("component", it.component.clone().into()),
                    ("n", it.n.to_string().into()),
                    ("min", it.min_n.to_string().into()),
                    ("weight", it.weight.to_string().into()),
                ],
            )
        });
        let lines = it.lines.iter().map(|it| line(words, sheet, it)).collect::<Result<_, _>>()?;
        Ok(Self {
            run: it.run.to_string(),
            print: format!("{}/print.pdf", statement_at(it.run, &it.person)),
            person: it.person.clone(),
            name: sheet.name.clone(),
            branch: sheet.branch.clone(),
            period: format!("{} – {}", it.period.from, it.period.to),
            plan: plan_text(words, sheet.title.as_ref(), &sheet.plan, sheet.version),
            is_live: sheet.is_live,
            state: words.lang.text(&sheet.state.label()).to_owned(),
            payable: money(words, &it.payable, &it.currency),
            lines,
            notes: notes.chain(excluded).collect(),
            steps: parts.iter().flat_map(|it| &it.steps).map(|it| words_of(words, it)).collect(),
            shell,
        })
    }
}

/// What is looked at of the explanation of a line, whatever it is of.
#[derive(Default, Deserialize)]
struct Explained {
    #[serde(default)]
    steps: Vec<CalculationStep>,
    // Of an adjustment.
    period: Option<String>,
    reason: Option<String>,
    method: Option<String>,
    limit: Option<String>,
    carried_forward: Option<String>,
    // Of what is held.
    with: Option<String>,
    without: Option<String>,
    amount: Option<String>,
    decision_due: Option<String>,
}

/// One explanation, or several: the awards of a pool.
#[derive(Deserialize)]
#[serde(untagged)]
enum Explanation {
    One(Box<Explained>),
    Several(Vec<Explained>),
}

fn line(words: &Words, sheet: &StatementSheet, it: &LineEntry) -> Result<LineView, ApiError> {
    let explained = match serde_json::from_str(it.explanation.get()).map_err(ApiError::internal)? {
        Explanation::One(one) => vec![*one],
        Explanation::Several(all) => all,
    };
    let facts = explained.iter().flat_map(|one| facts(words, &it.component, one));
    Ok(LineView {
        title: title(words, &it.component),
        amount: money(words, &it.amount, &sheet.statement.currency),
        facts: facts.map(|text| linked(&text, &sheet.links)).collect(),
        steps: explained.iter().flat_map(|it| &it.steps).map(|it| words_of(words, it)).collect(),
        visits: it.visits.iter().map(|it| visit(sheet, it)).collect(),
    })
}

fn visit(sheet: &StatementSheet, it: &FrozenVisit) -> VisitRow {
    VisitRow {
        date: it.date.to_string(),
        score: it.score.to_string(),
        is_disputed: it.disputed,
        href: href(&sheet.links, it.visit.0),
    }
}

/// The name of a line; a component of the plan goes by its id.
fn title(words: &Words, component: &str) -> String {
    match component.split_once(':') {
        Some(("recognition", id)) => words.naming("pay-line-recognition-of", id),
        Some(("adjustment", "recovery")) => words.say("pay-line-recovery"),
        Some(("adjustment", _)) => words.say("pay-line-retro"),
        _ if component == "pool_share" => words.say("pay-line-pool-share"),
        _ if component == "recognition" => words.say("pay-line-recognition"),
        _ if component == "held" => words.say("pay-line-held"),
        _ => words.naming("pay-line-component", component),
    }
}

fn facts(words: &Words, component: &str, it: &Explained) -> Vec<String> {
    let named =
        |key: &str, text: &Option<String>| text.as_ref().map(|it| words.naming(key, figure(words, it)));
    let told = |key: &str, text: &Option<String>| text.as_ref().map(|it| words.naming(key, it));
    if component == "held" {
        let found = [
            named("pay-held-amount", &it.amount),
            named("pay-held-with", &it.with),
            named("pay-held-without", &it.without),
            told("pay-held-due", &it.decision_due),
        ];
        return found.into_iter().flatten().collect();
    }
    if !component.starts_with("adjustment:") {
        return Vec::new();
    }
    let method = it.method.as_deref().map(|it| words.name_of("pay-method", it));
    let found = [
        told("pay-adjusts", &it.period),
        told("pay-reason", &it.reason),
        method,
        named("pay-limit", &it.limit),
        named("pay-carried", &it.carried_forward),
    ];
    found.into_iter().flatten().collect()
}
