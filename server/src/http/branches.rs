//! `/api/v1/branches`: branches, one by one and thousands at a time.

use crate::{
    app::{
        App,
        branches::{self, Branch, BranchRow, MAX_ROWS},
        reading::{Put, PutRow},
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
        rows::Rows,
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, put, web};
use domain::ids::BranchId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(create).service(put_many);
}

/// Which branches.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BranchQuery {
    /// A region's id or code; its sub-regions count too.
    pub(crate) region: Option<String>,
    /// `next` of the page before; none for the first page.
    pub(crate) after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    pub(crate) limit: Option<u32>,
}

/// The branches that the caller sees.
///
/// Refusals: `unknown_region` (422).
#[utoipa::path(tag = "reference", params(BranchQuery), responses((status = 200, body = PageOf<Branch>)))]
#[get("/branches")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<BranchQuery>,
) -> Result<web::Json<PageOf<Branch>>, ApiError> {
    let BranchQuery { region, after, limit } = query.0;
    let (after, limit) = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(branches::list(tx, principal, region.as_deref(), after, limit)?, |it| it))
    })
    .await
}

/// One branch.
#[utoipa::path(tag = "reference", responses((status = 200, body = Branch)))]
#[get("/branches/{branch}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    branch: web::Path<Uuid>,
) -> Result<web::Json<Branch>, ApiError> {
    let branch = BranchId(branch.into_inner());
    read(&app, principal, move |tx, principal| branches::read(tx, principal, branch)).await
}

/// Creates a branch.
///
/// Refusals: `code_taken` (409), `unknown_region`, `out_of_range`, `coordinate_missing` (422).
#[utoipa::path(tag = "reference", request_body = BranchRow, responses((status = 201, body = PutRow)))]
#[post("/branches")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<BranchRow>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, branches::create).await
}

/// Creates or changes branches by code, up to 5,000, all or none; an optional field that is left out stays as it is.
///
/// Refusals: `repeated`, `unknown_region`, `out_of_range`, `coordinate_missing` (422).
#[utoipa::path(tag = "reference", request_body = Vec<BranchRow>, responses((status = 200, body = Put)))]
#[put("/branches")]
pub(crate) async fn put_many(
    app: web::Data<App>,
    command: Command<Rows<BranchRow, MAX_ROWS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::OK, |tx, office, rows| branches::put(tx, office, rows)).await
}
