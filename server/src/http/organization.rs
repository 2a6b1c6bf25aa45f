//! `/api/v1/organization`: the organization of the one who asks.

use crate::{
    app::{
        App,
        organizations::{self, Organization, OrganizationChange},
    },
    command::{Command, execute, read},
    error::ApiError,
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(change);
}

/// The organization of the one who asks.
#[utoipa::path(tag = "organization", responses((status = 200, body = Organization)))]
#[get("/organization")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
) -> Result<web::Json<Organization>, ApiError> {
    read(&app, principal, organizations::read).await
}

/// Changes its name, language and time zone.
#[utoipa::path(tag = "organization", request_body = OrganizationChange, responses((status = 200, body = Organization)))]
#[put("/organization")]
pub(crate) async fn change(
    app: web::Data<App>,
    command: Command<OrganizationChange>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::OK, organizations::change).await
}
