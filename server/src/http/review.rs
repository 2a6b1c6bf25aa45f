//! What is done with a visit after it was handed in. Refusals of all commands: `wrong_state` (409), `wrong_actor`,
//! `own_visit` (403), `guard_failed` (422) with one entry for each condition that does not hold.

use crate::{
    app::{
        App,
        review::{
            self, Approved, BulkReport, Rescored, Standing,
            approve::{Approval, approve},
            bulk::BulkApproval,
            commands::{Because, ReturnOrder, claim, manage, plain, reject, send_back},
            conflicts::{Acknowledgement, Choice, Settled, acknowledge, resolve},
            rescore::{Rescoring, rescore},
        },
    },
    command::{Command, Nothing, execute},
    error::ApiError,
    office::Office,
};
use actix_web::{HttpResponse, http::StatusCode, post, web};
use db::Tx;
use domain::{
    access::{Permission, Target},
    ids::AuditId,
    lifecycle::Command as Step,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(approve_many)
        .service(claim_visit)
        .service(resolve_conflict)
        .service(acknowledge_conflicts)
        .service(hold_visit)
        .service(release_visit)
        .service(return_visit)
        .service(approve_visit)
        .service(reject_visit)
        .service(publish_visit)
        .service(exclude_visit)
        .service(include_visit)
        .service(void_visit)
        .service(rescore_visit);
}

/// Claims, approves and publishes up to 500 clean visits in one transaction; tells what became of each.
///
/// A visit in conflict, not completed, late, incomplete or of the caller's own is left where it stands.
#[utoipa::path(tag = "review", request_body = BulkApproval, responses((status = 200, body = BulkReport)))]
#[post("/visits/approve")]
pub(crate) async fn approve_many(
    app: web::Data<App>,
    command: Command<BulkApproval>,
) -> Result<HttpResponse, ApiError> {
    command.principal.require(Permission::ReviewVisits, &Target::Own)?;
    let (org, ids, inside) = (command.principal.org, command.body.visits.clone(), app.clone());
    let prepared = app.read(move |tx| review::prepare(tx, &inside, org, &ids)).await?;
    execute(&app, command, StatusCode::OK, move |tx, office, _| {
        review::approve_prepared(tx, office, &prepared)
    })
    .await
}

/// Takes a submitted visit for review.
#[utoipa::path(tag = "review", responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/claim")]
pub(crate) async fn claim_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let visit = AuditId(visit.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, _| claim(tx, office, visit)).await
}

async fn because(
    app: &App,
    visit: web::Path<Uuid>,
    command: Command<Because>,
    step: impl Fn(&mut Tx<'_>, &mut Office, AuditId, &Because) -> Result<Standing, ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let visit = AuditId(visit.into_inner());
    execute(app, command, StatusCode::OK, move |tx, office, body| step(tx, office, visit, body)).await
}

/// Puts a review on hold, with a reason.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/hold")]
pub(crate) async fn hold_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| plain(tx, office, visit, Step::Hold, body)).await
}

/// Takes a review up again.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/release")]
pub(crate) async fn release_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| plain(tx, office, visit, Step::Release, body))
        .await
}

/// Sends a visit back to its auditor, item by item, with a deadline.
#[utoipa::path(tag = "review", request_body = ReturnOrder, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/return")]
pub(crate) async fn return_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<ReturnOrder>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, order| {
        send_back(tx, &inside, office, visit, order)
    })
    .await
}

/// Settles a field in conflict: one of the values that were recorded stands, also in place of late answers.
///
/// Refusals: `wrong_state`, `no_conflict` (409), `unknown_choice` (422).
#[utoipa::path(tag = "review", request_body = Choice, responses((status = 200, body = Settled)))]
#[post("/visits/{visit}/resolve")]
pub(crate) async fn resolve_conflict(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Choice>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, choice| {
        resolve(tx, &inside, office, visit, choice)
    })
    .await
}

/// Takes note of conflicts that change no answer: late ops, clocks, forks, a round handed in twice.
///
/// Refusals: `wrong_state` (409), `no_conflict`, `needs_resolution` (422).
#[utoipa::path(tag = "review", request_body = Acknowledgement, responses((status = 200, body = Settled)))]
#[post("/visits/{visit}/acknowledge")]
pub(crate) async fn acknowledge_conflicts(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Acknowledgement>,
) -> Result<HttpResponse, ApiError> {
    let visit = AuditId(visit.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, note| acknowledge(tx, office, visit, note)).await
}

/// Approves a visit: freezes its score and tells the auditor's phone.
///
/// Refusals: `conflicts_open`, `blobs_missing`, `frontier_incomplete`, `content_root_mismatch` (422),
/// `several_submissions`, `no_submission` (409).
#[utoipa::path(tag = "review", request_body = Approval, responses((status = 200, body = Approved)))]
#[post("/visits/{visit}/approve")]
pub(crate) async fn approve_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Approval>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, body| approve(tx, &inside, office, visit, body))
        .await
}

/// Rejects a visit, with a reason; takes effect once a second reviewer sends the same.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/reject")]
pub(crate) async fn reject_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, reject).await
}

/// Shows an approved visit to its branch.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/publish")]
pub(crate) async fn publish_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| plain(tx, office, visit, Step::Publish, body))
        .await
}

/// Takes a visit out of the scores; takes effect once a second manager, who does not see pay, sends the same.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/exclude")]
pub(crate) async fn exclude_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| manage(tx, office, visit, Step::Exclude, body))
        .await
}

/// Takes an excluded visit back into the scores; takes effect once a second manager sends the same.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/include")]
pub(crate) async fn include_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| manage(tx, office, visit, Step::Include, body))
        .await
}

/// Annuls a visit for fraud or error; its evidence is kept; takes effect once a second manager sends the same.
#[utoipa::path(tag = "review", request_body = Because, responses((status = 200, body = Standing)))]
#[post("/visits/{visit}/void")]
pub(crate) async fn void_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Because>,
) -> Result<HttpResponse, ApiError> {
    because(&app, visit, command, |tx, office, visit, body| manage(tx, office, visit, Step::Void, body)).await
}

/// Scores a visit again, as a new version with its reason.
///
/// Refusals: `same_score` (409), `second_person_missing`, `second_person_sees_pay` (422) where the band changes.
#[utoipa::path(tag = "review", request_body = Rescoring, responses((status = 200, body = Rescored)))]
#[post("/visits/{visit}/rescore")]
pub(crate) async fn rescore_visit(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<Rescoring>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, body| rescore(tx, &inside, office, visit, body))
        .await
}
