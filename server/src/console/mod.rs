//! The console: pages for people with a browser, rendered on the server. Every form works without a script; what the scripts add is
//! comfort. Reads and writes through the same use cases as the API, so a page never shows or does what the API would not.

mod account;
mod appeal_forms;
mod appeals;
mod assets;
mod branches;
mod form;
mod gallery;
mod home;
mod imports;
mod lang;
mod organization;
mod pay;
mod people;
mod printed;
mod programmes;
mod proof;
mod review;
mod scorecards;
mod session;
mod setup;
mod shell;
mod standard;
mod ui;
mod upload;
mod waves;
mod when;
mod words;

use crate::error::ApiError;
use actix_web::{
    HttpRequest, HttpResponse, Resource,
    body::{EitherBody, MessageBody},
    cookie::{Cookie, SameSite, time::Duration},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode, header,
        header::{HeaderMap, HeaderValue},
    },
    middleware::{Next, from_fn},
    web,
};
use askama::Template;
use lang::{LANG_COOKIE, Lang};
use shell::{Shell, nonce_of, query_of};
use std::fmt;
use words::Words;

/// How long a browser remembers the language that was chosen.
const LANG_DAYS: i64 = 365;

/// The addresses of the console.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.app_data(web::QueryConfig::default().error_handler(unreadable)).configure(assets::routes);
    place(config, "/", |it| it.route(web::get().to(home::show)));
    session::routes(config);
    setup::routes(config);
    account::routes(config);
    printed::routes(config);
    branches::routes(config);
    standard::routes(config);
    appeals::routes(config);
    scorecards::routes(config);
    pay::routes(config);
    programmes::routes(config);
    waves::routes(config);
    people::routes(config);
    imports::routes(config);
    organization::routes(config);
    review::routes(config);
    gallery::routes(config);
}

/// The addresses that were placed, for the test that tries them all.
#[cfg(any(test, feature = "testing"))]
pub(crate) static PLACED: std::sync::Mutex<std::collections::BTreeSet<String>> =
    std::sync::Mutex::new(std::collections::BTreeSet::new());

/// An address whose answers are pages, refusals too.
fn place(config: &mut web::ServiceConfig, path: &str, routes: impl FnOnce(Resource) -> Resource) {
    #[cfg(any(test, feature = "testing"))]
    PLACED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.to_owned());
    let at_path = web::PathConfig::default().error_handler(|error, request| {
        let refused = ApiError::not_found("la página", "the page");
        InternalError::from_response(error, refusal(request, &refused)).into()
    });
    config.service(routes(web::resource(path).app_data(at_path)).wrap(from_fn(as_pages)));
}

/// Makes pages of refusals, and gives each page the headers that it goes by.
async fn as_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, actix_web::Error> {
    let response = next.call(request).await?;
    let refused = response.response().error().and_then(|it| it.as_error::<ApiError>());
    let page = refused.map(|error| refusal(response.request(), error));
    let mut response = match page {
        Some(page) => response.into_response(page).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    dress(&mut response);
    Ok(response)
}

fn dress<B>(response: &mut ServiceResponse<B>) {
    let request = response.request().clone();
    dress_headers(&request, response.headers_mut());
}

fn dress_headers(request: &HttpRequest, headers: &mut HeaderMap) {
    let policy = HeaderValue::from_str(&policy(&nonce_of(request)));
    let asked = query_of(request, "lang").and_then(|it| Lang::named(&it));
    let cookie = asked.and_then(|it| HeaderValue::from_str(&lang_cookie(it).to_string()).ok());
    if let Ok(policy) = policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // With the `no-referrer` of other answers a browser says that its forms come from nowhere (`Origin: null`).
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// The page of an address that there is not, where a browser asks for one: it says so in what it accepts. None for a program.
pub(crate) fn missing(request: &HttpRequest) -> Option<HttpResponse> {
    let accepted = request.headers().get(header::ACCEPT).and_then(|it| it.to_str().ok())?;
    if request.method() != Method::GET
        || !accepted.contains("text/html")
        || request.path().starts_with("/api/")
    {
        return None;
    }
    let mut page = refusal(request, &ApiError::not_found("la página", "the page"));
    dress_headers(request, page.headers_mut());
    Some(page)
}

/// What a page may load: its own styles, pictures and answers, and the scripts that bear its nonce.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; script-src 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

fn lang_cookie(lang: Lang) -> Cookie<'static> {
    Cookie::build(LANG_COOKIE, lang.to_string())
        .path("/")
        .same_site(SameSite::Lax)
        .max_age(Duration::days(LANG_DAYS))
        .finish()
}

/// An address that cannot be read.
fn unreadable(error: impl fmt::Debug + fmt::Display + 'static, request: &HttpRequest) -> actix_web::Error {
    let es = "No se entiende la dirección; vuelva a la página anterior.";
    let refused = ApiError::malformed("", es, "the address is not understood; go back to the page before");
    InternalError::from_response(error, refusal(request, &refused)).into()
}

/// A refusal.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    shell: Shell,
    heading: String,
    texts: Vec<String>,
}

/// A refusal as a page, with the texts of its problem; the form to sign in where nobody is.
fn refusal(request: &HttpRequest, error: &ApiError) -> HttpResponse {
    let words = Words::of(Lang::of(request), None);
    let problem = error.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    tracing::info!(%error, "a page was refused");
    let shell = Shell::bare(request, words.clone());
    if problem.code == "second_factor_not_set_up" && request.method() == Method::GET {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, account::SECOND_FACTOR)).finish();
    }
    if status == StatusCode::UNAUTHORIZED && request.method() == Method::GET {
        let app = shell::app_of(request).ok();
        if request.path() == "/" && app.is_some_and(|it| crate::app::setup::is_open(&it)) {
            return HttpResponse::SeeOther().insert_header((header::LOCATION, setup::ADDRESS)).finish();
        }
        // The start page is the door.
        let status = if request.path() == "/" { StatusCode::OK } else { status };
        return answer(session::page(shell, status, request));
    }
    if let Some(page) = proof::asked(request, error) {
        return answer(page);
    }
    let heading = match problem.status {
        403 => words.say("refused-forbidden"),
        404 => words.say("refused-not-found"),
        409 => words.say("refused-conflict"),
        413 => words.say("refused-too-large"),
        400..=499 => words.say("refused-not-understood"),
        _ => words.say("refused-ours"),
    };
    answer(page(status, &ProblemPage { shell, heading, texts: words.lang.problem(problem) }))
}

fn answer(page: Result<HttpResponse, ApiError>) -> HttpResponse {
    page.unwrap_or_else(|_| HttpResponse::InternalServerError().finish())
}

/// A page.
fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, ApiError> {
    let html = template.render().map_err(ApiError::internal)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
}

/// Goes to another page after something was done; 303, so that the form is not sent again.
fn done(address: &str, said: &str) -> HttpResponse {
    let mark = if address.contains('?') { '&' } else { '?' };
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("{address}{mark}said={said}"))).finish()
}

/// The status of a form that is shown again.
fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
