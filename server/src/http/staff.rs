//! `/api/v1/staff`, `/api/v1/shifts`, `/api/v1/absences`: staff and when it was at work.

use crate::{
    app::{
        App,
        branches::MAX_ROWS,
        reading::{Put, PutRow},
        staff::{self, AbsenceRow, Appended, ShiftRow, Staff, StaffRow},
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
    config.service(list).service(create).service(put_many).service(append_shifts).service(append_absences);
}

/// Which staff.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StaffQuery {
    /// The id of a branch; needed where the caller does not reach the whole organization.
    pub(crate) branch: Option<Uuid>,
    /// `next` of the page before; none for the first page.
    pub(crate) after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    pub(crate) limit: Option<u32>,
}

/// The staff of the organization or of one branch.
#[utoipa::path(tag = "reference", params(StaffQuery), responses((status = 200, body = PageOf<Staff>)))]
#[get("/staff")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<StaffQuery>,
) -> Result<web::Json<PageOf<Staff>>, ApiError> {
    let StaffQuery { branch, after, limit } = query.0;
    let (after, limit) = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(staff::list(tx, principal, branch.map(BranchId), after, limit)?, |it| it))
    })
    .await
}

/// Creates a member of staff.
///
/// Refusals: `employee_no_taken` (409), `unknown_branch`, `ends_before_it_begins`, `out_of_range` (422).
#[utoipa::path(tag = "reference", request_body = StaffRow, responses((status = 201, body = PutRow)))]
#[post("/staff")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<StaffRow>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, staff::create).await
}

/// Creates or changes staff by employee number, up to 5,000, all or none; an optional field left out stays as it is.
///
/// Refusals: `repeated`, `unknown_branch`, `ends_before_it_begins`, `out_of_range` (422).
#[utoipa::path(tag = "reference", request_body = Vec<StaffRow>, responses((status = 200, body = Put)))]
#[put("/staff")]
pub(crate) async fn put_many(
    app: web::Data<App>,
    command: Command<Rows<StaffRow, MAX_ROWS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::OK, |tx, office, rows| staff::put(tx, office, rows)).await
}

/// Appends shifts, up to 5,000, all or none.
///
/// Refusals: `unknown_staff`, `unknown_branch`, `repeated` (422), `already_exists` (409).
#[utoipa::path(tag = "reference", request_body = Vec<ShiftRow>, responses((status = 201, body = Appended)))]
#[post("/shifts")]
pub(crate) async fn append_shifts(
    app: web::Data<App>,
    command: Command<Rows<ShiftRow, MAX_ROWS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::CREATED, |tx, office, rows| staff::append_shifts(tx, office, rows))
        .await
}

/// Appends absences, up to 5,000, all or none.
///
/// Refusals: `unknown_staff`, `ends_before_it_begins`, `repeated` (422), `already_exists` (409).
#[utoipa::path(tag = "reference", request_body = Vec<AbsenceRow>, responses((status = 201, body = Appended)))]
#[post("/absences")]
pub(crate) async fn append_absences(
    app: web::Data<App>,
    command: Command<Rows<AbsenceRow, MAX_ROWS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::CREATED, |tx, office, rows| staff::append_absences(tx, office, rows))
        .await
}
