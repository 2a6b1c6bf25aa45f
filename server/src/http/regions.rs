//! `/api/v1/regions`: the region tree.

use crate::{
    app::{
        App,
        reading::{Put, PutRow},
        regions::{self, MAX_REGIONS, Region, RegionRow},
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{page::PageOf, rows::Rows},
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(put_many);
}

/// The regions that the caller sees, by code: all on one page.
#[utoipa::path(tag = "reference", responses((status = 200, body = PageOf<Region>)))]
#[get("/regions")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
) -> Result<web::Json<PageOf<Region>>, ApiError> {
    read(&app, principal, |tx, principal| Ok(PageOf { items: regions::list(tx, principal)?, next: None }))
        .await
}

/// Creates a region.
///
/// Refusals: `code_taken` (409), `unknown_region` (422).
#[utoipa::path(tag = "reference", request_body = RegionRow, responses((status = 201, body = PutRow)))]
#[post("/regions")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<RegionRow>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, regions::create).await
}

/// Creates or changes regions by code, up to 1,000, all or none.
///
/// Refusals: `repeated`, `unknown_region`, `region_above_itself` (422), `too_many_regions` (409).
#[utoipa::path(tag = "reference", request_body = Vec<RegionRow>, responses((status = 200, body = Put)))]
#[put("/regions")]
pub(crate) async fn put_many(
    app: web::Data<App>,
    command: Command<Rows<RegionRow, MAX_REGIONS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::OK, |tx, office, rows| regions::put(tx, office, rows)).await
}
