//! `/api/v1/incidents`: reports of incidents, handed in by devices and handled by custodians.

use crate::{
    app::{
        App,
        incidents::{
            self, CustodyLine, Handled, IncidentSummary, NewIncident, OpenedIncident, ReceivedIncident,
            Reporter, WhyOpened,
        },
    },
    command::{Command, execute},
    error::ApiError,
    http::{
        body::{Body, Query},
        page::{PageOf, Paging},
    },
    office::Office,
    principal::{Principal, no_session, token},
    rate_limit,
};
use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use db::Tx;
use domain::{ids::IncidentId, incident::IncidentState, problem::pointer};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(hand_in).service(list).service(open).service(handle).service(custody);
}

/// Hands in a report of an incident: a device's session is asked for, whatever became of it since, and the device's signature proves
/// the rest. The same again is answered the same.
///
/// Refusals: `session_unknown` (401), `forbidden` (403) for a person's session, `bad_proof`, `invalid_incident`, `not_uuid_v7`,
/// `incident_too_large` (422), `incident_differs` (409), `too_many_requests`, `too_many_incidents` (429).
#[utoipa::path(
    tag = "incidents",
    request_body = NewIncident,
    responses((status = 200, body = ReceivedIncident))
)]
#[post("/incidents")]
pub(crate) async fn hand_in(
    request: HttpRequest,
    app: web::Data<App>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let token = token(&request).ok_or_else(no_session)?;
    let now = app.now();
    let reporter = app.read(move |tx| Reporter::find(tx, &token, now)).await?;
    if !reporter.is_at_work {
        rate_limit::admit(&request, &app)?;
    }
    let mut body = body.into_inner();
    let Body(new) = <Body<NewIncident> as actix_web::FromRequest>::from_request(&request, &mut body).await?;
    let inside = app.get_ref().clone();
    let received = app.write(move |tx| incidents::hand_in(tx, &inside, &reporter, &new)).await?;
    Ok(HttpResponse::Ok().json(received))
}

/// Which reports.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `received`, `in_hand` or `closed`; all where it is left out.
    state: Option<String>,
    /// `next` of the page before; none for the first page.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// Reports of incidents, oldest first, without what they say and whose they are. That they were listed stands in the log of custody of
/// each.
#[utoipa::path(tag = "incidents", params(Which), responses((status = 200, body = PageOf<IncidentSummary>)))]
#[get("/incidents")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    which: Query<Which>,
) -> Result<web::Json<PageOf<IncidentSummary>>, ApiError> {
    let Which { state, after, limit } = which.0;
    let page = Paging { after, limit }.page()?;
    let state = state.map(|it| it.parse::<IncidentState>()).transpose().map_err(|mut error| {
        error.field = pointer("", "state");
        ApiError::from(error)
    })?;
    logged(&app, principal, move |tx, office| {
        Ok(PageOf::of(incidents::list(tx, office, state, page)?, |it| it))
    })
    .await
}

/// One report whole: sealed still, where it is sealed. The reason stands in its log of custody.
#[utoipa::path(tag = "incidents", request_body = WhyOpened, responses((status = 200, body = OpenedIncident)))]
#[post("/incidents/{incident}/open")]
pub(crate) async fn open(
    app: web::Data<App>,
    incident: web::Path<Uuid>,
    command: Command<WhyOpened>,
) -> Result<HttpResponse, ApiError> {
    let id = IncidentId(incident.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, why| incidents::open(tx, office, id, why)).await
}

/// Takes a report in hand, or closes it. The note stands in its log of custody.
///
/// Refusals: `not_now` (409).
#[utoipa::path(tag = "incidents", request_body = Handled, responses((status = 200, body = IncidentSummary)))]
#[post("/incidents/{incident}/state")]
pub(crate) async fn handle(
    app: web::Data<App>,
    incident: web::Path<Uuid>,
    command: Command<Handled>,
) -> Result<HttpResponse, ApiError> {
    let id = IncidentId(incident.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, handled| {
        incidents::handle(tx, office, id, handled)
    })
    .await
}

/// Who saw or did what of a report, when and why.
#[utoipa::path(tag = "incidents", params(Paging), responses((status = 200, body = PageOf<CustodyLine>)))]
#[get("/incidents/{incident}/custody")]
pub(crate) async fn custody(
    app: web::Data<App>,
    principal: Principal,
    incident: web::Path<Uuid>,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<CustodyLine>>, ApiError> {
    let (id, page) = (IncidentId(incident.into_inner()), paging.0.page()?);
    logged(&app, principal, move |tx, office| {
        Ok(PageOf::of(incidents::custody(tx, office, id, page)?, |it| it))
    })
    .await
}

/// Reads in a transaction that also notes who read.
async fn logged<T, F>(
    app: &web::Data<App>,
    principal: Principal,
    mut job: F,
) -> Result<web::Json<T>, ApiError>
where
    T: Send + 'static,
    F: FnMut(&mut Tx<'_>, &mut Office) -> Result<T, ApiError> + Send + 'static,
{
    let inside = app.get_ref().clone();
    app.write(move |tx| {
        let mut office = Office::of_principal(&inside, principal.clone());
        let read = job(tx, &mut office)?;
        office.close(tx)?;
        Ok(read)
    })
    .await
    .map(web::Json)
}
