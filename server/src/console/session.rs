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
    if is_foreign(request, app.config.is_tls()) {
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
    if is_foreign(&request, app.config.is_tls()) {
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
