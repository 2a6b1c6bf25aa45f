//! `/api/v1/sessions/current/second-factor`: one's own second factor; and taking away that of somebody who lost it.

use crate::{
    app::{
        App,
        second_factor::{self, Offer, RecoveryCodes, Standing},
    },
    auth::Secret,
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::body::Body,
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use domain::ids::UserId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(offer).service(confirm).service(prove).service(reset);
}

/// A code of the second factor.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// Six digits of the authenticator app, or a recovery code.
    #[schema(value_type = String, write_only)]
    pub(crate) code: Secret,
}

/// How one's own second factor stands.
#[utoipa::path(tag = "sessions", responses((status = 200, body = Standing)))]
#[get("/sessions/current/second-factor")]
pub(crate) async fn show(app: web::Data<App>, principal: Principal) -> Result<web::Json<Standing>, ApiError> {
    read(&app, principal, second_factor::standing).await
}

/// Asks for a secret to put into an authenticator app. One that counts goes on counting until the new one is confirmed.
///
/// Refusals: `second_factor_not_fresh` (403).
#[utoipa::path(tag = "sessions", responses((status = 201, body = Offer)))]
#[post("/sessions/current/second-factor")]
pub(crate) async fn offer(app: web::Data<App>, command: Command<Nothing>) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, |tx, office, _| second_factor::offer(tx, office)).await
}

/// Confirms it with a first code; one's other sessions end. The answer has the recovery codes, once.
///
/// Refusals: `second_factor_not_offered` (409), `wrong_second_factor` (422).
#[utoipa::path(tag = "sessions", request_body = Code, responses((status = 200, body = RecoveryCodes)))]
#[post("/sessions/current/second-factor/confirm")]
pub(crate) async fn confirm(app: web::Data<App>, command: Command<Code>) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::OK, |tx, office, it| second_factor::confirm(tx, office, &it.code))
        .await
}

/// Gives a code anew: what asks for a fresh proof is open for five minutes.
///
/// Refusals: `second_factor_not_set_up` (403), `wrong_second_factor` (422), `locked_out` (429).
#[utoipa::path(tag = "sessions", request_body = Code, responses((status = 204, description = "proved")))]
#[post("/sessions/current/second-factor/prove")]
pub(crate) async fn prove(
    app: web::Data<App>,
    principal: Principal,
    body: Body<Code>,
) -> Result<HttpResponse, ApiError> {
    second_factor::prove(&app, &principal, body.0.code).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes away the second factor of somebody who lost it; their sessions end. Nobody does so for themselves.
///
/// Refusals: `own_second_factor` (422).
#[utoipa::path(tag = "users", responses((status = 204, description = "taken away")))]
#[post("/users/{user}/second-factor/reset")]
pub(crate) async fn reset(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::NO_CONTENT, move |tx, office, _| {
        second_factor::reset(tx, office, user)
    })
    .await
}
