//! `/api/v1/programmes`, `/api/v1/waves`: programmes and their waves.

use crate::{
    app::{
        App,
        programmes::{self, AppealWindow, Grounds, NewProgramme, NewWave, OnPhones, Programme, Wave},
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, put, web};
use domain::ids::ProgrammeId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(set_on_phones).service(set_appeal_window);
    config.service(set_grounds).service(create_wave).service(list_waves);
}

/// The programmes.
#[utoipa::path(tag = "programmes", params(Paging), responses((status = 200, body = PageOf<Programme>)))]
#[get("/programmes")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<Programme>>, ApiError> {
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(programmes::list(tx, principal, after, limit)?, |it| it))
    })
    .await
}

/// Creates a programme.
///
/// Refusals: `code_taken` (409).
#[utoipa::path(tag = "programmes", request_body = NewProgramme, responses((status = 201, body = Programme)))]
#[post("/programmes")]
pub(crate) async fn create(
    app: web::Data<App>,
    command: Command<NewProgramme>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::CREATED, programmes::create).await
}

/// Replaces what a programme allows on phones; the phones of its open visits are told.
#[utoipa::path(tag = "programmes", request_body = OnPhones, responses((status = 200, body = Programme)))]
#[put("/programmes/{programme}/on-phones")]
pub(crate) async fn set_on_phones(
    app: web::Data<App>,
    programme: web::Path<Uuid>,
    command: Command<OnPhones>,
) -> Result<HttpResponse, ApiError> {
    let programme = ProgrammeId(programme.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, new| {
        programmes::set_on_phones(tx, office, programme, new)
    })
    .await
}

/// Replaces how many days branches have to appeal after a publication.
#[utoipa::path(tag = "programmes", request_body = AppealWindow, responses((status = 200, body = Programme)))]
#[put("/programmes/{programme}/appeal-window")]
pub(crate) async fn set_appeal_window(
    app: web::Data<App>,
    programme: web::Path<Uuid>,
    command: Command<AppealWindow>,
) -> Result<HttpResponse, ApiError> {
    let programme = ProgrammeId(programme.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, new| {
        programmes::set_appeal_days(tx, office, programme, new)
    })
    .await
}

/// Replaces why a programme is run, what staff were told and when, and how long it is meant to be kept.
#[utoipa::path(tag = "programmes", request_body = Grounds, responses((status = 200, body = Programme)))]
#[put("/programmes/{programme}/grounds")]
pub(crate) async fn set_grounds(
    app: web::Data<App>,
    programme: web::Path<Uuid>,
    command: Command<Grounds>,
) -> Result<HttpResponse, ApiError> {
    let programme = ProgrammeId(programme.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, new| {
        programmes::set_grounds(tx, office, programme, new)
    })
    .await
}

/// Creates a wave of a programme.
///
/// Refusals: `ends_before_it_begins` (422), `programme_over` (409).
#[utoipa::path(tag = "programmes", request_body = NewWave, responses((status = 201, body = Wave)))]
#[post("/programmes/{programme}/waves")]
pub(crate) async fn create_wave(
    app: web::Data<App>,
    programme: web::Path<Uuid>,
    command: Command<NewWave>,
) -> Result<HttpResponse, ApiError> {
    let programme = ProgrammeId(programme.into_inner());
    execute(&app, command, StatusCode::CREATED, move |tx, office, new| {
        programmes::create_wave(tx, office, programme, new)
    })
    .await
}

/// Which waves.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaveQuery {
    /// The id of a programme.
    pub(crate) programme: Option<Uuid>,
    /// `next` of the page before; none for the first page.
    pub(crate) after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    pub(crate) limit: Option<u32>,
}

/// The waves.
#[utoipa::path(tag = "programmes", params(WaveQuery), responses((status = 200, body = PageOf<Wave>)))]
#[get("/waves")]
pub(crate) async fn list_waves(
    app: web::Data<App>,
    principal: Principal,
    query: Query<WaveQuery>,
) -> Result<web::Json<PageOf<Wave>>, ApiError> {
    let WaveQuery { programme, after, limit } = query.0;
    let (after, limit) = Paging { after, limit }.page()?;
    read(&app, principal, move |tx, principal| {
        let page = programmes::list_waves(tx, principal, programme.map(ProgrammeId), after, limit)?;
        Ok(PageOf::of(page, |it| it))
    })
    .await
}
