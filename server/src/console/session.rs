//! Signing in and out with forms. The cookie opens only pages that are read; it is strictly same-site, and a form that
//! another site sends is refused.

use super::{
    form::{Faults, Shape, Typed, typed},
    lang::Lang,
    page as render, place,
    shell::{Shell, app_of, query_of, session_token},
    ui::{Field, Form, Kind},
    words::Words,
};
use crate::{
    app::{
        App,
        sessions::{self, Door, Opened},
        users,
    },
    auth::Secret,
    error::ApiError,
    office::Office,
    principal::{SESSION_COOKIE, find_principal},
    rate_limit,
};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    http::{StatusCode, header},
    web,
};
use askama::Template;
use secrecy::ExposeSecret;
use serde::Deserialize;
use validator::Validate;

/// Longest field of the form.
const MAX_CHARS: usize = 200;

/// Largest form, in bytes.
pub(super) const MOST_BYTES: usize = 16 * 1024;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/sign-in", |it| it.route(web::get().to(show)).route(web::post().to(sign_in)));
    place(config, "/sign-in/step", |it| it.route(web::get().to(step)).route(web::post().to(take_step)));
    place(config, "/sign-in/password", |it| {
        it.route(web::get().to(password)).route(web::post().to(set_password))
    });
    place(config, "/sign-out", |it| it.route(web::post().to(sign_out)));
}

/// The form to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    problems: Vec<String>,
    organization: String,
    login: String,
    /// Where to go then.
    next: String,
}

/// Nobody is signed in.
pub(super) fn none() -> ApiError {
    ApiError::unauthenticated("no_session", "Inicie sesión.", "sign in")
}

/// The form to sign in, in place of a page that is for people who are.
pub(super) fn page(
    shell: Shell,
    status: StatusCode,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let next = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let (problems, organization, login) = (Vec::new(), String::new(), String::new());
    render(status, &SignInPage { shell, problems, organization, login, next })
}

async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let shell = Shell::bare(&request, Words::of(Lang::of(&request), None));
    let next = own_address(query_of(&request, "next").unwrap_or_default());
    let (problems, organization, login) = (Vec::new(), String::new(), String::new());
    render(StatusCode::OK, &SignInPage { shell, problems, organization, login, next })
}

/// An address of this console; the start page for any other.
fn own_address(next: String) -> String {
    // A browser takes tabs and ends of lines out of an address, and a `\` for a `/`.
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
    if is_own && !next.starts_with("/sign-") { next } else { "/".to_owned() }
}

/// Refuses what another site sent.
///
/// # Errors
/// `forbidden` (403).
pub(super) fn refuse_foreign(request: &HttpRequest, app: &App) -> Result<(), ApiError> {
    if is_foreign(request, app.config.is_tls()) { Err(ApiError::forbidden("same_origin")) } else { Ok(()) }
}

/// Whether another site sent this form, as Go's `net/http.CrossOriginProtection` decides it: a browser of today says so
/// itself (`Sec-Fetch-Site`); an older one sends `Origin`, which has to be this server's own, scheme, host and port. Who
/// sends neither is no browser that another site could use, and is let in.
///
/// Stricter than Go in one point: an `Origin` is compared even where `Sec-Fetch-Site` calls the form the site's own, and
/// with its scheme where this server knows that it is `https`; behind a proxy that ends TLS it does not know.
fn is_foreign(request: &HttpRequest, is_tls: bool) -> bool {
    let header = |name: &str| request.headers().get(name).map(|it| it.to_str().unwrap_or("null"));
    if header("sec-fetch-site").is_some_and(|it| it != "same-origin" && it != "none") {
        return true;
    }
    let Some(origin) = header("origin") else { return false };
    let connection = request.connection_info();
    !is_same_origin(origin, connection.host(), is_tls)
}

/// Whether an origin is that of a host as a browser writes both: without the port where the scheme implies it.
fn is_same_origin(origin: &str, host: &str, is_tls: bool) -> bool {
    let Some((scheme, named)) = origin.split_once("://") else { return false };
    let implied = match scheme {
        "https" => ":443",
        "http" if !is_tls => ":80",
        _ => return false,
    };
    let bare = |it: &str| it.strip_suffix(implied).unwrap_or(it).to_ascii_lowercase();
    bare(named) == bare(host)
}

/// Opens a session and goes to where somebody wanted to go.
async fn sign_in(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let app = app_of(&request)?;
    let typed = typed(payload.into_inner(), MOST_BYTES).await?;
    let next = own_address(typed.get("next").to_owned());
    match open(&request, &app, &typed).await {
        Ok(Door::Open(opened)) => Ok(redirect(&next, Some(session_cookie(&app, &opened)))),
        Ok(Door::Half(token)) => {
            let token = step_cookie(&app, token.expose_secret().to_owned());
            Ok(redirect(&format!("/sign-in/step?next={}", encoded(&next)), Some(token)))
        }
        Err(error) => {
            let words = Words::of(Lang::of(&request), None);
            let problems = words.lang.problem(error.problem());
            let (organization, login) = (typed.get("organization").to_owned(), typed.get("login").to_owned());
            let shell = Shell::bare(&request, words);
            let shown = SignInPage { shell, problems, organization, login, next };
            render(super::status_of(&error), &shown)
        }
    }
}

async fn open(request: &HttpRequest, app: &web::Data<App>, typed: &Typed) -> Result<Door, ApiError> {
    rate_limit::admit(request, app)?;
    refuse_foreign(request, app)?;
    let (organization, login) = (typed.get("organization").to_owned(), typed.get("login").to_owned());
    if organization.len() > MAX_CHARS || login.len() > MAX_CHARS {
        return Err(ApiError::field(
            "/login",
            "length",
            "Organización y usuario tienen a lo más 200 caracteres.",
            "organization and user have at most 200 characters",
        ));
    }
    let password = Secret::from(typed.get("password"));
    sessions::sign_in(app, organization, login, password).await
}

/// The cookie of a session that was opened.
pub(super) fn session_cookie(app: &App, opened: &Opened) -> Cookie<'static> {
    cookie(app, opened.token.expose_secret().to_owned())
}

/// An address as the value of a parameter.
pub(super) fn encoded(address: &str) -> String {
    address.bytes().fold(String::new(), |mut to, it| {
        if it.is_ascii_alphanumeric() || b"/-._~".contains(&it) {
            to.push(char::from(it));
        } else {
            to.push_str(&format!("%{it:02X}"));
        }
        to
    })
}

/// The cookie of the way between password and code; it goes to the pages of signing in only.
const STEP_COOKIE: &str = "veedor_step";

fn step_cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build(STEP_COOKIE, token)
        .path("/sign-in")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.config.is_tls())
        .finish()
}

/// A page with one form, for who is not signed in yet.
#[derive(Template)]
#[template(path = "sign_in_form.html")]
struct FormPage {
    shell: Shell,
    title: String,
    text: String,
    form: Form,
}

/// Shows a form of somebody who is not signed in yet; with what is wrong, where it was sent.
fn form_page(
    request: &HttpRequest,
    (title, text): (&str, &str),
    form: impl FnOnce(&Words) -> Form,
    sent: Option<(&Typed, &ApiError)>,
) -> Result<HttpResponse, ApiError> {
    let words = Words::of(Lang::of(request), None);
    let (title, text) = (words.say(title), words.say(text));
    let mut form = form(&words);
    let mut status = StatusCode::OK;
    if let Some((typed, error)) = sent {
        form = form.again(typed, &Faults::of(error), words.lang);
        status = super::status_of(error);
    }
    let shell = Shell::bare(request, words);
    render(status, &FormPage { shell, title, text, form })
}

/// The field of a code of the second factor.
pub(super) fn code_field(words: &Words, name: &str) -> Field {
    let hint = words.say("second-factor-code-hint");
    Field::line(name, words.say("second-factor-code")).hint(hint).autocomplete("one-time-code").most(20)
}

fn step_form(words: &Words, next: &str) -> Form {
    Form::new(words, "/sign-in/step", "", "sign-in", vec![code_field(words, "code")])
        .with_hidden("next", next.to_owned())
}

/// What the page of the second step says.
const STEP: (&str, &str) = ("second-factor-title", "second-factor-why");

async fn step(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    if request.cookie(STEP_COOKIE).is_none() {
        return Ok(redirect("/sign-in", None));
    }
    let next = own_address(query_of(&request, "next").unwrap_or_default());
    form_page(&request, STEP, |words| step_form(words, &next), None)
}

/// Takes the code of the second factor.
async fn take_step(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let app = app_of(&request)?;
    rate_limit::admit(&request, &app)?;
    refuse_foreign(&request, &app)?;
    let typed = typed(payload.into_inner(), MOST_BYTES).await?;
    let next = own_address(typed.get("next").to_owned());
    let Some(token) = request.cookie(STEP_COOKIE).map(|it| it.value().to_owned()) else {
        return Ok(redirect("/sign-in", None));
    };
    match sessions::complete(&app, token.into(), Secret::from(typed.get("code"))).await {
        Ok(opened) => {
            let mut response = redirect(&next, Some(session_cookie(&app, &opened)));
            let mut gone = step_cookie(&app, String::new());
            gone.make_removal();
            drop(response.add_cookie(&gone));
            Ok(response)
        }
        Err(error) if error.problem().status == 401 => Ok(redirect("/sign-in", None)),
        Err(error) => form_page(&request, STEP, |words| step_form(words, &next), Some((&typed, &error))),
    }
}

/// What somebody types who sets a password with a one-time code.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct ByCode {
    #[validate(length(min = 1, max = 200))]
    organization: String,
    #[validate(length(min = 1, max = 100))]
    code: String,
    #[validate(custom(function = "users::check_password"))]
    password: Secret,
    #[validate(length(max = 100))]
    second_factor: Option<String>,
}

fn password_form(words: &Words) -> Form {
    let fields = vec![
        Field::line("organization", words.say("sign-in-organization")).autocomplete("organization"),
        Field::line("code", words.say("password-code")).hint(words.say("password-code-hint")).most(100),
        Field::line("password", words.say("password-new"))
            .kind(Kind::Line("password"))
            .hint(words.say("password-new-hint"))
            .autocomplete("new-password"),
        code_field(words, "second_factor").optional(),
    ];
    Form::new(words, "/sign-in/password", "", "password-set", fields)
}

/// What the page of a new password says.
const PASSWORD: (&str, &str) = ("password-title", "password-why");

async fn password(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    form_page(&request, PASSWORD, password_form, None)
}

/// Sets a password with a one-time code and signs in.
async fn set_password(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let app = app_of(&request)?;
    rate_limit::admit(&request, &app)?;
    refuse_foreign(&request, &app)?;
    let typed = typed(payload.into_inner(), MOST_BYTES).await?;
    let shapes = [
        ("organization", Shape::EmptyText),
        ("code", Shape::EmptyText),
        ("password", Shape::EmptyText),
        ("second_factor", Shape::Text),
    ];
    let opened = match typed.read::<ByCode>(&shapes) {
        Ok(it) => {
            let codes = (Secret::from(it.code.as_str()), it.second_factor.as_deref().map(Secret::from));
            sessions::sign_in_by_code(&app, it.organization, codes, it.password).await
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => Ok(redirect("/", Some(session_cookie(&app, &opened)))),
        Err(error) => form_page(&request, PASSWORD, password_form, Some((&typed, &error))),
    }
}

fn cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build(SESSION_COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.config.is_tls())
        .finish()
}

/// Goes to a page; 303, so that the form is not sent again.
pub(super) fn redirect(address: &str, cookie: Option<Cookie<'_>>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, address));
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    response.finish()
}

/// Closes the session of the cookie.
async fn sign_out(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let app = app_of(&request)?;
    refuse_foreign(&request, &app)?;
    let Some(token) = session_token(&request) else { return Ok(redirect("/", None)) };
    let inside = app.clone();
    app.write(move |tx| {
        let principal = match find_principal(tx, &token, inside.now()) {
            Err(error) if error.problem().status == 401 => return Ok(()),
            other => other?,
        };
        let mut office = Office::of_principal(&inside, principal);
        sessions::sign_out(tx, &mut office)?;
        office.close(tx)
    })
    .await?;
    let mut gone = cookie(&app, String::new());
    gone.make_removal();
    Ok(redirect("/", Some(gone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_only_with_the_same_host_and_port_and_no_lesser_scheme() {
        for (origin, host, is_tls, expected) in [
            ("https://audit.example", "audit.example", true, true),
            ("https://audit.example", "AUDIT.example:443", true, true),
            ("https://audit.example:8443", "audit.example:8443", true, true),
            ("http://localhost:8080", "localhost:8080", false, true),
            ("https://audit.example", "audit.example", false, true),
            ("http://audit.example", "audit.example", true, false),
            ("https://audit.example:8443", "audit.example", true, false),
            ("https://audit.example:80", "audit.example", false, false),
            ("https://evil.example", "audit.example", true, false),
            ("https://audit.example.evil.example", "audit.example", true, false),
            ("null", "audit.example", true, false),
            ("", "audit.example", false, false),
            ("ftp://audit.example", "audit.example", false, false),
        ] {
            assert_eq!(is_same_origin(origin, host, is_tls), expected, "{origin} {host} {is_tls}");
        }
    }
}
