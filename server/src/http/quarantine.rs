//! `/api/v1/quarantine`: what exchanges stored and did not apply, and what a person decides of it.

use crate::{
    app::{
        App,
        quarantine::{self, Decided, SetAside, SetAsideVisit, Verdict},
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use domain::ids::AuditId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(adopt).service(dismiss);
}

/// Which of what was set aside.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `true` for only what waits for a person.
    #[serde(default)]
    open: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// Ops that devices sent and that were not applied, each with its reason and what was decided of it, by device and position.
#[utoipa::path(tag = "visits", params(Which), responses((status = 200, body = PageOf<SetAside>)))]
#[get("/quarantine")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    which: Query<Which>,
) -> Result<web::Json<PageOf<SetAside>>, ApiError> {
    let Which { open, after, limit } = which.0;
    let (after, limit) = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(quarantine::list(tx, principal, open, after, limit)?, |it| it))
    })
    .await
}

/// Everything that was set aside on one visit, with what it says.
#[utoipa::path(tag = "visits", responses((status = 200, body = SetAsideVisit)))]
#[get("/quarantine/{visit}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    visit: web::Path<Uuid>,
) -> Result<web::Json<SetAsideVisit>, ApiError> {
    let visit = AuditId(visit.into_inner());
    read(&app, principal, move |tx, principal| quarantine::show(tx, principal, visit)).await
}

/// Takes what waits on a visit into it, with a reason; the visit begins where there was none.
///
/// Refusals: `own_visit` (403), `cannot_be_adopted` (409).
#[utoipa::path(tag = "visits", request_body = Verdict, responses((status = 200, body = Decided)))]
#[post("/quarantine/{visit}/adopt")]
pub(crate) async fn adopt(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Verdict>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, verdict| {
        quarantine::adopt(tx, &inside, office, visit, verdict)
    })
    .await
}

/// Leaves what waits on a visit out of it, with a reason; it stays stored.
///
/// Refusals: `own_visit` (403).
#[utoipa::path(tag = "visits", request_body = Verdict, responses((status = 200, body = Decided)))]
#[post("/quarantine/{visit}/dismiss")]
pub(crate) async fn dismiss(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Verdict>,
) -> Result<HttpResponse, ApiError> {
    let visit = AuditId(visit.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, verdict| {
        quarantine::dismiss(tx, office, visit, verdict)
    })
    .await
}
