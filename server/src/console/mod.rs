//! The console: pages for people with a browser, rendered on the server, without any script. Reads through the same use
//! cases as the API, so a page never shows what the API would not tell.

mod lang;
mod pages;
mod session;

use crate::{
    app::{App, period::Period, scorecards},
    error::ApiError,
    principal::Principal,
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    error::InternalError,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use domain::{
    Date,
    ids::{BranchId, RegionId},
};
use lang::Lang;
use pages::{BranchPage, Frame, NetworkPage, ProblemPage, SignInPage};
use serde::Deserialize;
use std::fmt;
use uuid::Uuid;

/// What a page may load: its own stylesheet and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(unreadable))
        .app_data(web::FormConfig::default().error_handler(unreadable))
        .route("/", web::get().to(home))
        .route("/scorecard/{branch}", web::get().to(branch))
        .route("/sign-in", web::post().to(session::sign_in))
        .route("/sign-out", web::post().to(session::sign_out))
        .route("/console.css", web::get().to(stylesheet));
}

/// An address or a form that cannot be read, as a page.
fn unreadable(error: impl fmt::Debug + fmt::Display + 'static, request: &HttpRequest) -> actix_web::Error {
    let es = "No se entiende lo que se envió; vuelva a la página y envíelo de nuevo.";
    let refused = ApiError::malformed("", es, "what was sent is not understood; go back and send it again");
    InternalError::from_response(error, refusal(Lang::of(request, None), &refused)).into()
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "max-age=3600"))
        .body(include_str!("../../templates/console.css"))
}

/// What a page is asked with.
#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    from: Option<String>,
    to: Option<String>,
    region: Option<Uuid>,
    lang: Option<String>,
}

impl Asked {
    /// The period asked for; the year up to today where none is.
    fn period(&self, app: &App) -> Result<Period, ApiError> {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => Period::read("", from, to),
            _ => {
                let today = app.environment.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
                let today = Date::parse(&today).ok_or_else(|| ApiError::internal("no such day"))?;
                Ok(Period { from: today, to: today }.year_before())
            }
        }
    }
}

/// The network for somebody who is signed in, the form to sign in for everybody else.
async fn home(request: HttpRequest, app: web::Data<App>, asked: web::Query<Asked>) -> HttpResponse {
    let lang = Lang::of(&request, asked.lang.as_deref());
    match Principal::from_request(&request, &mut Payload::None).await {
        Ok(principal) => answer(lang, show_network(&app, principal, &asked, lang).await),
        Err(error) if error.problem().status == 401 => {
            sign_in_page(lang, StatusCode::OK, &SignInPage::empty(lang))
        }
        Err(error) => refusal(lang, &error),
    }
}

async fn show_network(
    app: &App,
    principal: Principal,
    asked: &Asked,
    lang: Lang,
) -> Result<HttpResponse, ApiError> {
    let period = asked.period(app)?;
    let region = asked.region.map(RegionId);
    let frame = frame(app, &principal, lang, period).await?;
    let network = app.read(move |tx| scorecards::network(tx, &principal, period, region)).await?;
    page(StatusCode::OK, &NetworkPage::of(frame, &network, period))
}

/// The scorecard of a branch.
async fn branch(
    request: HttpRequest,
    app: web::Data<App>,
    branch: web::Path<String>,
    asked: web::Query<Asked>,
) -> HttpResponse {
    let lang = Lang::of(&request, asked.lang.as_deref());
    let Ok(branch) = Uuid::try_parse(&branch) else {
        return refusal(lang, &ApiError::not_found("la sucursal", "the branch"));
    };
    match Principal::from_request(&request, &mut Payload::None).await {
        Ok(principal) => answer(lang, show_branch(&app, principal, BranchId(branch), &asked, lang).await),
        Err(error) if error.problem().status == 401 => {
            sign_in_page(lang, StatusCode::UNAUTHORIZED, &SignInPage::empty(lang))
        }
        Err(error) => refusal(lang, &error),
    }
}

async fn show_branch(
    app: &App,
    principal: Principal,
    branch: BranchId,
    asked: &Asked,
    lang: Lang,
) -> Result<HttpResponse, ApiError> {
    let period = asked.period(app)?;
    let frame = frame(app, &principal, lang, period).await?;
    let inside = app.clone();
    let found = app.read(move |tx| scorecards::branch(tx, &inside, &principal, branch, period)).await?;
    page(StatusCode::OK, &BranchPage::of(frame, &found))
}

async fn frame(app: &App, principal: &Principal, lang: Lang, period: Period) -> Result<Frame, ApiError> {
    let (org, user) = (principal.org, principal.user);
    let person = app.read(move |tx| Ok(db::users::find(tx, org, user)?)).await?;
    let query = format!("from={}&to={}&", period.from, period.to);
    Ok(Frame { lang, person: person.map(|it| it.name), query })
}

fn answer(lang: Lang, page: Result<HttpResponse, ApiError>) -> HttpResponse {
    page.unwrap_or_else(|error| refusal(lang, &error))
}

/// A refusal as a page, with the texts of its problem.
fn refusal(lang: Lang, error: &ApiError) -> HttpResponse {
    let problem = error.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    tracing::info!(%error, "a page was refused");
    let shown = page(status, &ProblemPage::of(lang, problem));
    shown.unwrap_or_else(|_| HttpResponse::InternalServerError().finish())
}

fn sign_in_page(lang: Lang, status: StatusCode, form: &SignInPage) -> HttpResponse {
    answer(lang, page(status, form))
}

fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, ApiError> {
    let html = template.render().map_err(ApiError::internal)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::VARY, "Accept-Language, Cookie"))
        .body(html))
}
