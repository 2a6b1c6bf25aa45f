//! `/api/v1/payout-runs`: created, calculated, approved and locked; and each person's statement.

use crate::{
    app::{
        App,
        payouts::{self, Bundle, LineCursor, LineEntry, NewRun, Run, RunStep, Statement},
    },
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use domain::{ids::RunId, lifecycle::RunCommand};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create)
        .service(list)
        .service(show)
        .service(inputs)
        .service(bundle)
        .service(lines)
        .service(calculate)
        .service(submit)
        .service(approve)
        .service(lock)
        .service(back_to_draft)
        .service(statements)
        .service(statement);
}

/// Creates a run over a unit and a period.
///
/// Refusals: `unknown_plan`, `plan_not_released`, `unit_ids` (422).
#[utoipa::path(tag = "payouts", request_body = NewRun, responses((status = 201, body = Run)))]
#[post("/payout-runs")]
pub(crate) async fn create(app: web::Data<App>, command: Command<NewRun>) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, payouts::create).await
}

/// Runs, by id.
#[utoipa::path(tag = "payouts", params(Paging), responses((status = 200, body = PageOf<Run>)))]
#[get("/payout-runs")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<Run>>, ApiError> {
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(payouts::list(tx, principal, after, limit)?, |it| it))
    })
    .await
}

/// One run: totals, those with exceptions first, and the visits and observations that it counts.
#[utoipa::path(tag = "payouts", responses((status = 200, body = Run)))]
#[get("/payout-runs/{run}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    run: web::Path<Uuid>,
) -> Result<web::Json<Run>, ApiError> {
    let run = RunId(run.into_inner());
    read(&app, principal, move |tx, principal| payouts::find(tx, principal, run)).await
}

/// The frozen inputs, byte for byte: what `inputs_hash` is of; each calculation as `veedor payout` reads it.
#[utoipa::path(tag = "payouts", responses((status = 200, body = Object)))]
#[get("/payout-runs/{run}/inputs")]
pub(crate) async fn inputs(
    app: web::Data<App>,
    principal: Principal,
    run: web::Path<Uuid>,
) -> Result<web::Json<Box<RawValue>>, ApiError> {
    let run = RunId(run.into_inner());
    read(&app, principal, move |tx, principal| payouts::inputs(tx, principal, run)).await
}

/// The plan and the frozen inputs, byte for byte, from which anyone can calculate the run again.
///
/// Refusals: `not_calculated` (409).
#[utoipa::path(tag = "payouts", responses((status = 200, body = Bundle)))]
#[get("/payout-runs/{run}/bundle")]
pub(crate) async fn bundle(
    app: web::Data<App>,
    principal: Principal,
    run: web::Path<Uuid>,
) -> Result<web::Json<Bundle>, ApiError> {
    let run = RunId(run.into_inner());
    read(&app, principal, move |tx, principal| payouts::bundle(tx, principal, run)).await
}

/// Which lines of a run.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LineQuery {
    /// Those of this employee number.
    #[validate(length(min = 1, max = 200))]
    person: Option<String>,
    /// `next` of the page before; none for the first page.
    after: Option<String>,
    /// Lines of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The lines of a run: each with every step of its calculation and every visit behind it.
#[utoipa::path(tag = "payouts", params(LineQuery), responses((status = 200, body = PageOf<LineEntry>)))]
#[get("/payout-runs/{run}/lines")]
pub(crate) async fn lines(
    app: web::Data<App>,
    principal: Principal,
    run: web::Path<Uuid>,
    query: Query<LineQuery>,
) -> Result<web::Json<PageOf<LineEntry>>, ApiError> {
    let (run, query) = (RunId(run.into_inner()), query.0);
    let (after, limit) = Paging { after: query.after, limit: query.limit }.page::<LineCursor>()?;
    read(&app, principal, move |tx, principal| {
        let page = payouts::lines(tx, principal, run, query.person.as_deref(), after, limit)?;
        Ok(PageOf::of(page, |it| it))
    })
    .await
}

/// Freezes the inputs and calculates every line.
///
/// Refusals: `missing_result`, `missing_visits`, `missing_band`, `nobody_to_pay`, `unknown_unit` (422).
#[utoipa::path(tag = "payouts", responses((status = 200, body = Run)))]
#[post("/payout-runs/{run}/calculate")]
pub(crate) async fn calculate(
    app: web::Data<App>,
    run: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let run = RunId(run.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, _| payouts::calculate_run(tx, office, run)).await
}

async fn advance(
    app: &App,
    run: web::Path<Uuid>,
    command: Command<RunStep>,
    step: RunCommand,
) -> Result<HttpResponse, ApiError> {
    let run = RunId(run.into_inner());
    execute(app, command, StatusCode::OK, move |tx, office, body| {
        payouts::advance(tx, office, run, step, body)
    })
    .await
}

/// Hands a calculated run to the approver.
#[utoipa::path(tag = "payouts", request_body = RunStep, responses((status = 200, body = Run)))]
#[post("/payout-runs/{run}/submit")]
pub(crate) async fn submit(
    app: web::Data<App>,
    run: web::Path<Uuid>,
    command: Command<RunStep>,
) -> Result<HttpResponse, ApiError> {
    advance(&app, run, command, RunCommand::RequestApproval).await
}

/// Approves a run; never by the person who calculated it or gave its bands by hand.
///
/// Refusals: `own_calculation` (422).
#[utoipa::path(tag = "payouts", request_body = RunStep, responses((status = 200, body = Run)))]
#[post("/payout-runs/{run}/approve")]
pub(crate) async fn approve(
    app: web::Data<App>,
    run: web::Path<Uuid>,
    command: Command<RunStep>,
) -> Result<HttpResponse, ApiError> {
    advance(&app, run, command, RunCommand::Approve).await
}

/// Locks a run for good, after calculating its frozen inputs again; never by the person who calculated it or gave its
/// bands by hand.
///
/// Refusals: `own_calculation` (422), `result_differs` (409), `paid_in_another_run` (409) with each person whom a locked
/// live run of the same plan pays for some of the same days.
#[utoipa::path(tag = "payouts", request_body = RunStep, responses((status = 200, body = Run)))]
#[post("/payout-runs/{run}/lock")]
pub(crate) async fn lock(
    app: web::Data<App>,
    run: web::Path<Uuid>,
    command: Command<RunStep>,
) -> Result<HttpResponse, ApiError> {
    advance(&app, run, command, RunCommand::Lock).await
}

/// Takes a run back to be calculated again, with a reason.
#[utoipa::path(tag = "payouts", request_body = RunStep, responses((status = 200, body = Run)))]
#[post("/payout-runs/{run}/back-to-draft")]
pub(crate) async fn back_to_draft(
    app: web::Data<App>,
    run: web::Path<Uuid>,
    command: Command<RunStep>,
) -> Result<HttpResponse, ApiError> {
    advance(&app, run, command, RunCommand::BackToDraft).await
}

/// The statements of a run, by employee number: lines with every step and the visits behind them.
#[utoipa::path(tag = "payouts", params(Paging), responses((status = 200, body = PageOf<Statement>)))]
#[get("/payout-runs/{run}/statements")]
pub(crate) async fn statements(
    app: web::Data<App>,
    principal: Principal,
    run: web::Path<Uuid>,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<Statement>>, ApiError> {
    let run = RunId(run.into_inner());
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(payouts::statements(tx, principal, run, after, limit)?, |it| it))
    })
    .await
}

/// The statement of one person.
#[utoipa::path(tag = "payouts", responses((status = 200, body = Statement)))]
#[get("/payout-runs/{run}/statements/{person}")]
pub(crate) async fn statement(
    app: web::Data<App>,
    principal: Principal,
    path: web::Path<(Uuid, String)>,
) -> Result<web::Json<Statement>, ApiError> {
    let (run, person) = path.into_inner();
    read(&app, principal, move |tx, principal| payouts::statement_of(tx, principal, RunId(run), &person))
        .await
}
