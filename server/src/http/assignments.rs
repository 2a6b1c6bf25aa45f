//! `/api/v1/assignments`: visits offered to auditors.

use crate::{
    app::{
        App,
        assignments::{self, Assignment, Cancellation, Filter, MAX_ROWS, NewAssignment},
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
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use domain::ids::{AssignmentId, BranchId, UserId, WaveId};
use domain::lifecycle::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(cancel);
}

/// Which assignments.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssignmentQuery {
    /// The id of a branch.
    pub(crate) branch: Option<Uuid>,
    /// The id of an auditor.
    pub(crate) auditor: Option<Uuid>,
    /// The id of a wave.
    pub(crate) wave: Option<Uuid>,
    /// `offered`, `accepted`, `declined`, `in_progress`...
    #[param(value_type = Option<String>)]
    pub(crate) state: Option<State>,
    /// `next` of the page before; none for the first page.
    pub(crate) after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    pub(crate) limit: Option<u32>,
}

/// The assignments that the caller sees.
#[utoipa::path(tag = "programmes", params(AssignmentQuery), responses((status = 200, body = PageOf<Assignment>)))]
#[get("/assignments")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    query: Query<AssignmentQuery>,
) -> Result<web::Json<PageOf<Assignment>>, ApiError> {
    let it = query.0;
    let (after, limit) = Paging { after: it.after, limit: it.limit }.page()?;
    let filter = Filter {
        branch: it.branch.map(BranchId),
        auditor: it.auditor.map(UserId),
        wave: it.wave.map(WaveId),
        state: it.state,
    };
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(assignments::list(tx, principal, filter, after, limit)?, |it| it))
    })
    .await
}

/// Offers visits, up to 500, all or none; the devices of each auditor are told.
///
/// Refusals: `unknown_branch`, `branch_closed`, `no_auditor`, `unknown_template`, `unknown_wave`, `programme_over`,
/// `outside_wave`, `ends_before_it_begins` (422).
#[utoipa::path(tag = "programmes", request_body = Vec<NewAssignment>, responses((status = 201, body = PageOf<Assignment>)))]
#[post("/assignments")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<Rows<NewAssignment, MAX_ROWS>>,
) -> Result<HttpResponse, ApiError> {
    let command = command.with(Rows::into_rows);
    execute(&app, command, StatusCode::CREATED, |tx, office, rows| {
        Ok(PageOf { items: assignments::create(tx, office, rows)?, next: None })
    })
    .await
}

/// Withdraws an assignment that nobody has begun; the auditor's devices are told.
///
/// Refusals: `visit_begun` (409).
#[utoipa::path(tag = "programmes", request_body = Cancellation, responses((status = 200, body = Assignment)))]
#[post("/assignments/{assignment}/cancel")]
pub(crate) async fn cancel(
    app: web::Data<App>,
    assignment: web::Path<Uuid>,
    command: Command<Cancellation>,
) -> Result<HttpResponse, ApiError> {
    let assignment = AssignmentId(assignment.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, why| {
        assignments::cancel(tx, office, assignment, why)
    })
    .await
}
