//! Signing in and out with forms. The cookie opens only pages that are read; it is strictly same-site, and a form that
//! another site sends is refused.

use super::{Asked, answer, lang::Lang, pages::SignInPage, refusal, sign_in_page};
use crate::{
    app::{App, sessions},
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
use secrecy::ExposeSecret;
use serde::Deserialize;

/// Longest field of the form.
const MAX_CHARS: usize = 200;

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    organization: String,
    login: String,
    password: Secret,
}

/// Whether the browser says that another site sent this form.
fn is_foreign(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|it| it.to_str().ok());
    site.is_some_and(|it| it != "same-origin" && it != "none")
}

/// Opens a session and goes to the start page.
pub(crate) async fn sign_in(
    request: HttpRequest,
    app: web::Data<App>,
    asked: web::Query<Asked>,
    form: web::Form<Form>,
) -> HttpResponse {
    let lang = Lang::of(&request, asked.lang.as_deref());
    let Form { organization, login, password } = form.into_inner();
    let page = SignInPage::again(lang, &organization, &login);
    match open(&request, &app, organization, login, password).await {
        Ok(token) => redirect(lang, Some(cookie(&app, token))),
        Err(error) => {
            let problem = error.problem();
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            sign_in_page(lang, status, &page.with(lang.problem(problem)))
        }
    }
}

async fn open(
    request: &HttpRequest,
    app: &web::Data<App>,
    organization: String,
    login: String,
    password: Secret,
) -> Result<String, ApiError> {
    rate_limit::admit(request, app)?;
    if is_foreign(request) {
        return Err(ApiError::forbidden("same_origin"));
    }
    if organization.len() > MAX_CHARS || login.len() > MAX_CHARS {
        return Err(ApiError::field(
            "/login",
            "length",
            "Organización y usuario tienen a lo más 200 caracteres.",
            "organization and user have at most 200 characters",
        ));
    }
    let opened = sessions::sign_in(app, organization, login, password).await?;
    Ok(opened.token.expose_secret().to_owned())
}

fn cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build(SESSION_COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.config.is_tls())
        .finish()
}

/// Goes to the start page; 303, so that the form is not sent again.
fn redirect(lang: Lang, cookie: Option<Cookie<'_>>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, format!("/?lang={lang}")));
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    response.finish()
}

/// Closes the session of the cookie.
pub(crate) async fn sign_out(
    request: HttpRequest,
    app: web::Data<App>,
    asked: web::Query<Asked>,
) -> HttpResponse {
    let lang = Lang::of(&request, asked.lang.as_deref());
    if is_foreign(&request) {
        return refusal(lang, &ApiError::forbidden("same_origin"));
    }
    let Some(token) = request.cookie(SESSION_COOKIE).map(|it| it.value().to_owned()) else {
        return redirect(lang, None);
    };
    let inside = app.clone();
    let closed = app
        .write(move |tx| {
            let principal = match find_principal(tx, &token, inside.now()) {
                Err(error) if error.problem().status == 401 => return Ok(()),
                other => other?,
            };
            let mut office = Office::of_principal(&inside, principal);
            sessions::sign_out(tx, &mut office)?;
            office.close(tx)
        })
        .await;
    let mut gone = cookie(&app, String::new());
    gone.make_removal();
    answer(lang, closed.map(|()| redirect(lang, Some(gone))))
}
