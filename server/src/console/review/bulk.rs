//! Many clean visits approved at once: first what would become of each, then, once somebody says so, what did.

use super::super::{
    form::Posted,
    page,
    shell::{Shell, Visitor},
};
use crate::{
    app::review::{self, BulkOutcome, MAX_VISITS, queue::labels},
    error::ApiError,
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use domain::{
    access::{Permission, Target},
    ids::AuditId,
};
use std::collections::BTreeMap;

/// A visit with what becomes of it.
struct Row {
    id: String,
    label: String,
    /// Its score; empty where it is left.
    score: String,
    /// Why it is left.
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "visits_approve.html")]
struct BulkView {
    shell: Shell,
    /// Whether it is done, or asked first.
    is_done: bool,
    /// How many are approved.
    good: usize,
    title: String,
    confirm: String,
    rows: Vec<Row>,
}

/// Where somebody comes to with an address that only forms are sent to.
pub(super) async fn back(_: Visitor) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/visits")).finish()
}

pub(super) async fn approve(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { mut visitor, typed } = posted;
    visitor.principal.require(Permission::ReviewVisits, &Target::Own)?;
    visitor.address = "/visits".to_owned();
    let ids = ticked(typed.all("visit"))?;
    let is_done = typed.get("confirm") == "yes";
    let (inside, principal, of) = (visitor.app.clone(), visitor.principal.clone(), ids.clone());
    let outcomes = if is_done {
        let prepared = visitor.app.read(move |tx| review::prepare(tx, &inside, principal.org, &of)).await?;
        let done = visitor.change(move |tx, office| review::approve_prepared(tx, office, &prepared));
        done.await?.outcomes
    } else {
        visitor.app.read(move |tx| review::bulk::outlook(tx, &inside, &principal, &of)).await?
    };
    let principal = visitor.principal.clone();
    let labels = visitor.app.read(move |tx| labels(tx, &principal, &ids)).await?;
    page(StatusCode::OK, &view(&visitor, is_done, &outcomes, &labels))
}

fn view(
    visitor: &Visitor,
    is_done: bool,
    outcomes: &[BulkOutcome],
    labels: &BTreeMap<AuditId, String>,
) -> BulkView {
    let words = &visitor.words;
    let good = outcomes.iter().filter(|it| it.problem.is_none()).count();
    let rows = outcomes.iter().map(|it| Row {
        id: it.visit.to_string(),
        label: labels.get(&it.visit).cloned().unwrap_or_else(|| it.visit.to_string()),
        score: it.final_score.map(|it| it.to_string()).unwrap_or_default(),
        reasons: it.problem.as_ref().map(|it| words.lang.problem(it)).unwrap_or_default(),
    });
    let title = if is_done { "review-bulk-done" } else { "review-bulk-title" };
    BulkView {
        is_done,
        good,
        title: words.count(title, i64::try_from(good).unwrap_or(i64::MAX)),
        confirm: words.count("review-bulk-confirm", i64::try_from(good).unwrap_or(i64::MAX)),
        rows: rows.collect(),
        shell: visitor.shell("/visits"),
    }
}

fn ticked(ids: &[String]) -> Result<Vec<AuditId>, ApiError> {
    if ids.is_empty() {
        let (es, en) = ("Marque al menos una visita.", "tick at least one visit");
        return Err(ApiError::field("/visit", "none_ticked", es, en));
    }
    if ids.len() > MAX_VISITS {
        let (es, en) = ("Marque menos visitas a la vez.", "tick fewer visits at once");
        return Err(ApiError::field("/visit", "too_many", es, en));
    }
    let parsed: Result<Vec<AuditId>, _> = ids.iter().map(|it| it.parse()).collect();
    parsed.map_err(|_| ApiError::not_found("la visita", "the visit"))
}
