//! `/api/v1/branches/{branch}/assessments` and `/api/v1/assessments/{assessment}`: branches against a standard.

use crate::{
    app::{
        App,
        assessments::{self, Assessment, AssessmentSummary, NewAssessment},
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
use domain::ids::{AssessmentId, BranchId};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(assess).service(list).service(show);
}

/// Rates a branch against a standard and keeps the result with everything that went in.
///
/// Refusals: `unknown_standard` (422), `incomplete_assessment` (422): what was given that is unknown, repeated or out of
/// range, and one entry for each criterion that cannot be rated yet, with what to enter.
#[utoipa::path(tag = "assessments", request_body = NewAssessment, responses((status = 201, body = Assessment)))]
#[post("/branches/{branch}/assessments")]
pub(crate) async fn assess(
    app: web::Data<App>,
    branch: web::Path<Uuid>,
    command: Command<NewAssessment>,
) -> Result<HttpResponse, ApiError> {
    let (branch, inside) = (BranchId(branch.into_inner()), app.clone());
    execute(&app, command, StatusCode::CREATED, move |tx, office, body| {
        assessments::assess(tx, &inside, office, branch, body)
    })
    .await
}

/// The assessments of a branch, by id.
#[utoipa::path(tag = "assessments", params(Paging), responses((status = 200, body = PageOf<AssessmentSummary>)))]
#[get("/branches/{branch}/assessments")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    branch: web::Path<Uuid>,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<AssessmentSummary>>, ApiError> {
    let branch = BranchId(branch.into_inner());
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(assessments::list(tx, principal, branch, after, limit)?, |it| it))
    })
    .await
}

/// One assessment: inputs with their sources, points, gates and what would lift them.
#[utoipa::path(tag = "assessments", responses((status = 200, body = Assessment)))]
#[get("/assessments/{assessment}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    assessment: web::Path<Uuid>,
) -> Result<web::Json<Assessment>, ApiError> {
    let id = AssessmentId(assessment.into_inner());
    read(&app, principal, move |tx, principal| assessments::find(tx, principal, id)).await
}
