//! One's own account: the password, and the second factor with its recovery codes.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    session::code_field,
    shell::{Shell, Visitor},
    status_of,
    ui::{Field, Form, Kind, Qr},
    words::Words,
};
use crate::{
    app::{
        second_factor::{self, Offer, Standing},
        sessions, users,
    },
    auth,
    error::ApiError,
    http::{second_factor::Code, sessions::PasswordChange},
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

/// Where a second factor is set up; who has to goes there first.
pub(super) const SECOND_FACTOR: &str = "/account/second-factor";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/account", |it| it.route(web::get().to(show)));
    place(config, "/account/password", |it| it.route(web::post().to(password)));
    place(config, SECOND_FACTOR, |it| it.route(web::get().to(set_up)).route(web::post().to(offer)));
    place(config, "/account/second-factor/confirm", |it| it.route(web::post().to(confirm)));
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    login: String,
    standing: Standing,
    password: Form,
}

fn password_form(words: &Words, csrf: &str) -> Form {
    let secret = |name, label: &str, autocomplete| {
        Field::line(name, words.say(label)).kind(Kind::Line("password")).autocomplete(autocomplete)
    };
    let fields = vec![
        secret("current", "account-password-current", "current-password"),
        secret("new", "password-new", "new-password").hint(words.say("password-new-hint")),
    ];
    Form::new(words, "/account/password", csrf, "account-password-change", fields)
}

async fn account(visitor: &Visitor) -> Result<AccountPage, ApiError> {
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| {
        let person = db::users::find(tx, principal.org, principal.user)?;
        Ok((person.map(|it| it.login).unwrap_or_default(), second_factor::standing(tx, &principal)?))
    });
    let (login, standing) = found.await?;
    let shell = visitor.shell("/account");
    let password = password_form(&visitor.words, &shell.csrf);
    Ok(AccountPage { shell, login, standing, password })
}

async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    page(StatusCode::OK, &account(&visitor).await?)
}

async fn password(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    match change_password(&visitor, &typed).await {
        Ok(()) => Ok(done("/account", "password-changed")),
        Err(error) => {
            let mut shown = account(&visitor).await?;
            shown.password = shown.password.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &shown)
        }
    }
}

async fn change_password(visitor: &Visitor, typed: &Typed) -> Result<(), ApiError> {
    let change: PasswordChange = typed.read(&[("current", Shape::EmptyText), ("new", Shape::EmptyText)])?;
    sessions::verify_own_password(&visitor.app, &visitor.principal, change.current).await?;
    let new = change.new;
    let hash = visitor.app.with_passwords(move || auth::hash_password(&new).map_err(ApiError::internal));
    let hash = hash.await?;
    visitor.change(move |tx, office| users::change_password(tx, office, &hash)).await
}

// ---- the second factor ----

/// A secret that waits to be confirmed.
struct Shown {
    qr: Option<Qr>,
    secret: String,
    uri: String,
    confirm: Form,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    standing: Standing,
    shown: Option<Shown>,
    begin: Form,
}

fn begin_form(words: &Words, csrf: &str, standing: &Standing) -> Form {
    let fields = if standing.since.is_some() { vec![code_field(words, "code")] } else { Vec::new() };
    Form::new(words, SECOND_FACTOR, csrf, "second-factor-begin", fields)
}

fn shown(words: &Words, csrf: &str, offer: &Offer) -> Shown {
    let field = code_field(words, "code").hint(words.say("second-factor-first-hint"));
    Shown {
        qr: Qr::of(&offer.uri, words.say("second-factor-qr")),
        secret: grouped(&offer.secret),
        uri: offer.uri.clone(),
        confirm: Form::new(
            words,
            "/account/second-factor/confirm",
            csrf,
            "second-factor-confirm",
            vec![field],
        ),
    }
}

/// In groups of four, to be typed.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|it| it.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn factor_page(visitor: &Visitor) -> Result<SecondFactorPage, ApiError> {
    let (principal, now) = (visitor.principal.clone(), visitor.app.now());
    let found = visitor.app.read(move |tx| {
        Ok((second_factor::standing(tx, &principal)?, second_factor::offered(tx, &principal, now)?))
    });
    let (standing, offered) = found.await?;
    let shell = visitor.shell("/account");
    let shown = offered.map(|it| shown(&visitor.words, &shell.csrf, &it));
    let begin = begin_form(&visitor.words, &shell.csrf, &standing);
    Ok(SecondFactorPage { shell, standing, shown, begin })
}

async fn set_up(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    page(StatusCode::OK, &factor_page(&visitor).await?)
}

/// Shows a secret; one in place of another asks for a code of that other first.
async fn offer(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let principal = visitor.principal.clone();
    let standing = visitor.app.read(move |tx| second_factor::standing(tx, &principal)).await?;
    let offered = async {
        let mut visitor = visitor.clone();
        if standing.since.is_some() {
            let Code { code } = typed.read(&[("code", Shape::EmptyText)])?;
            second_factor::prove(&visitor.app, &visitor.principal, code).await?;
            visitor.principal.proved_at = Some(visitor.app.now());
        }
        visitor.change(second_factor::offer).await
    };
    match offered.await {
        Ok(_) => Ok(HttpResponse::SeeOther().insert_header(("Location", SECOND_FACTOR)).finish()),
        Err(error) => {
            let mut shown = factor_page(&visitor).await?;
            shown.begin = shown.begin.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &shown)
        }
    }
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
}

async fn confirm(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let confirmed = match typed.read::<Code>(&[("code", Shape::EmptyText)]) {
        Ok(it) => visitor.change(move |tx, office| second_factor::confirm(tx, office, &it.code)).await,
        Err(error) => Err(error),
    };
    match confirmed {
        Ok(codes) => {
            let shell = visitor.shell("/account");
            page(StatusCode::CREATED, &CodesPage { shell, codes: codes.recovery_codes })
        }
        Err(error) => {
            let mut shown = factor_page(&visitor).await?;
            if let Some(waiting) = &mut shown.shown {
                let form = waiting.confirm.clone();
                waiting.confirm = form.again(&typed, &Faults::of(&error), visitor.words.lang);
            }
            page(status_of(&error), &shown)
        }
    }
}
