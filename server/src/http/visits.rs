//! `/api/v1/visits`: what of a visit a person may read.

use crate::{
    app::{
        App, blocking,
        visits::{self, Explained, ListFilter, VisitDetail, VisitSummary, evidence},
    },
    command::read,
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::header, web};
use domain::{
    Date, FieldProblem,
    ids::{AuditId, BranchId, RegionId, UserId},
    lifecycle::State,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(scores).service(proof);
}

/// Which visits.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VisitQuery {
    /// In one of these states, by commas: `submitted,in_review`.
    state: Option<String>,
    /// Of this branch.
    branch: Option<Uuid>,
    /// Of this region and those below it.
    region: Option<Uuid>,
    /// By this auditor; only for those who may see auditors.
    auditor: Option<Uuid>,
    /// Visited on this day or later.
    #[param(value_type = Option<String>)]
    from: Option<Date>,
    /// Visited on this day or earlier.
    #[param(value_type = Option<String>)]
    to: Option<Date>,
    /// `true` for only those with open conflicts: what waits for somebody to settle it.
    #[serde(default)]
    in_conflict: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

fn states(text: Option<&str>) -> Result<Vec<State>, ApiError> {
    let names = text.unwrap_or_default().split(',').map(str::trim).filter(|it| !it.is_empty());
    names
        .map(|it| {
            it.parse().map_err(|problem: FieldProblem| {
                ApiError::from(FieldProblem { field: "/state".to_owned(), ..problem })
            })
        })
        .collect()
}

/// The visits within the caller's scope, by id; somebody who reads only published ones gets only those.
///
/// Refusals: `unknown_name` (422) for a state that does not exist.
#[utoipa::path(tag = "visits", params(VisitQuery), responses((status = 200, body = PageOf<VisitSummary>)))]
#[get("/visits")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<VisitQuery>,
) -> Result<web::Json<PageOf<VisitSummary>>, ApiError> {
    let query = query.0;
    let (after, limit) = Paging { after: query.after, limit: query.limit }.page()?;
    let filter = ListFilter {
        states: states(query.state.as_deref())?,
        branch: query.branch.map(BranchId),
        region: query.region.map(RegionId),
        auditor: query.auditor.map(UserId),
        from: query.from,
        to: query.to,
        in_conflict: query.in_conflict,
    };
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(visits::list(tx, principal, filter, after.map(AuditId), limit)?, |it| it))
    })
    .await
}

/// One visit: answers in checklist order, conflicts, events and scores, as far as the caller may see them.
#[utoipa::path(tag = "visits", responses((status = 200, body = VisitDetail)))]
#[get("/visits/{visit}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    visit: web::Path<Uuid>,
) -> Result<web::Json<VisitDetail>, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    read(&app, principal, move |tx, principal| visits::detail(tx, &inside, principal, visit)).await
}

/// Every version of a visit's score with its explanation.
#[utoipa::path(tag = "visits", responses((status = 200, body = Vec<Explained>)))]
#[get("/visits/{visit}/scores")]
pub(crate) async fn scores(
    app: web::Data<App>,
    principal: Principal,
    visit: web::Path<Uuid>,
) -> Result<web::Json<Vec<Explained>>, ApiError> {
    let visit = AuditId(visit.into_inner());
    read(&app, principal, move |tx, principal| visits::scores(tx, principal, visit)).await
}

/// The evidence of a visit as one file, by which anybody can check without this server which keys recorded what and when
/// (`veedor verify-visit`). Devices are told by their keys, which tell visits of one auditor apart from others': only for those
/// who may see auditors.
#[utoipa::path(tag = "visits", responses((status = 200, content_type = "application/json", body = String)))]
#[get("/visits/{visit}/proof")]
pub(crate) async fn proof(
    app: web::Data<App>,
    principal: Principal,
    visit: web::Path<Uuid>,
) -> Result<HttpResponse, ApiError> {
    let (visit, org, inside) = (AuditId(visit.into_inner()), principal.org, app.get_ref().clone());
    app.read(move |tx| visits::require_proof(tx, &principal, visit)).await?;
    let text = blocking(move || evidence::export(&inside, org, visit)).await?;
    let name = format!("attachment; filename=\"visit-{visit}.json\"");
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header((header::CONTENT_DISPOSITION, name));
    Ok(response.body(text))
}
