//! `/api/v1/devices`: enrolling phones and importers, and taking them out.

use crate::{
    app::{
        App,
        codes::IssuedCode,
        devices::{self, Device, EnrolledDevice, NewCode, NewDevice},
        quarantine::{self, After, KeptRun},
        successions::{self, NewSuccession},
    },
    command::{Command, Nothing, execute, read},
    error::ApiError,
    exchange::Sender,
    http::{
        body::{Body, Query},
        page::{PageOf, Paging},
    },
    principal::{Principal, find_ended, token},
    rate_limit,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, get, http::StatusCode, post, web};
use domain::ids::UserId;
use serde::Deserialize;
use std::pin::Pin;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(issue_code).service(enrol).service(go_on).service(list).service(beside).service(revoke);
}

/// Issues a one-time code with which a person's device is enrolled; told once.
///
/// Refusals: `not_an_auditor` (422).
#[utoipa::path(tag = "devices", request_body = NewCode, responses((status = 201, body = IssuedCode)))]
#[post("/devices/codes")]
pub(crate) async fn issue_code(
    app: web::Data<App>,
    command: Command<NewCode>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, devices::issue_code).await
}

/// Enrols a device with a one-time code. Needs no session; the code is the proof.
///
/// Refusals: `code_not_valid` (401), `device_known` (409), `bad_public_key`, `bad_proof` (422), `too_many_requests` (429).
#[utoipa::path(tag = "devices", request_body = NewDevice, responses((status = 201, body = EnrolledDevice)))]
#[post("/devices/enrol")]
pub(crate) async fn enrol(
    request: HttpRequest,
    app: web::Data<App>,
    body: Body<NewDevice>,
) -> Result<HttpResponse, ApiError> {
    rate_limit::admit(&request, &app)?;
    body.0.check()?;
    let inside = app.get_ref().clone();
    let enrolled = app.write(move |tx| devices::enrol(tx, &inside, &body.0)).await?;
    Ok(HttpResponse::Created().json(enrolled))
}

/// Who asks to be gone on for: also a device whose token opens nothing any more.
pub(crate) struct Former(Sender);

impl FromRequest for Former {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (principal, request) = (Principal::from_request(request, payload), request.clone());
        Box::pin(async move {
            let refused = match principal.await {
                Ok(principal) => return Ok(Self(Sender::Principal(principal))),
                Err(refused) => refused,
            };
            let app = request.app_data::<web::Data<App>>().cloned();
            let (Some(app), Some(token), 401) = (app, token(&request), refused.problem().status) else {
                return Err(refused);
            };
            rate_limit::admit(&request, &app)?;
            let ended = app.read(move |tx| find_ended(tx, &token)).await?;
            ended.map(|it| Self(Sender::Ended(it))).ok_or(refused)
        })
    }
}

/// Lets a new device go on in place of the one whose session this is, after its log forked: its folder was copied or set
/// back. Both keys sign it. Of a device that was taken out, or whose person was ended, the new one may hand in what it has left,
/// and no more.
///
/// Refusals: `forbidden` (403) for a person's session, `device_known` (409), `bad_public_key`, `bad_proof` (422),
/// `too_many_requests`, `too_many_successions` (429).
#[utoipa::path(tag = "devices", request_body = NewSuccession, responses((status = 201, body = EnrolledDevice)))]
#[post("/devices/succession")]
pub(crate) async fn go_on(
    app: web::Data<App>,
    former: Former,
    body: Body<NewSuccession>,
) -> Result<HttpResponse, ApiError> {
    let Former(sender) = former;
    let inside = app.get_ref().clone();
    let enrolled = app.write(move |tx| successions::go_on(tx, &inside, &sender, &body.0)).await?;
    Ok(HttpResponse::Created().json(enrolled))
}

/// Which devices.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of this person only.
    user: Option<Uuid>,
    /// `next` of the page before; none for the first page.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The devices of the organization, or of one person; one's own without any right.
#[utoipa::path(tag = "devices", params(Which), responses((status = 200, body = PageOf<Device>)))]
#[get("/devices")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    which: Query<Which>,
) -> Result<web::Json<PageOf<Device>>, ApiError> {
    let Which { user, after, limit } = which.0;
    let page = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(devices::list(tx, principal, user.map(UserId), page)?, |it| it))
    })
    .await
}

/// Which runs.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichRuns {
    /// `next` of the page before; none for the first page.
    after: Option<String>,
    /// Runs of the page; at most 16 come.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// What is kept beside the log of a device and is part of no visit: what a former log gave up, and what another phone had read of a
/// log that goes on otherwise here.
#[utoipa::path(
    tag = "devices",
    params(("dev" = String, Path, description = "hexadecimal"), WhichRuns),
    responses((status = 200, body = PageOf<KeptRun>))
)]
#[get("/devices/{dev}/beside")]
pub(crate) async fn beside(
    app: web::Data<App>,
    principal: Principal,
    dev: web::Path<String>,
    which: Query<WhichRuns>,
) -> Result<web::Json<PageOf<KeptRun>>, ApiError> {
    let dev = dev.into_inner();
    let WhichRuns { after, limit } = which.0;
    let page: (Option<After>, u32) = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(quarantine::beside(tx, principal, &dev, page)?, |it| it))
    })
    .await
}

/// Takes a device out: its token ends at once; what it sent stays.
#[utoipa::path(tag = "devices", params(("dev" = String, Path, description = "hexadecimal")), responses((status = 200, body = Device)))]
#[post("/devices/{dev}/revoke")]
pub(crate) async fn revoke(
    app: web::Data<App>,
    dev: web::Path<String>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let dev = devices::of_text(&dev)?;
    execute(&app, command, StatusCode::OK, move |tx, office, _| devices::revoke(tx, office, dev)).await
}
