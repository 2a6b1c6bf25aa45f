//! The first start: one form for the organization and whoever administers it, then straight in.

use super::{
    form::{Faults, Shape, Typed, typed},
    lang::Lang,
    page, place,
    session::{MOST_BYTES, redirect, refuse_foreign, session_cookie},
    shell::{Shell, app_of, query_of},
    status_of,
    ui::{Choice, Field, Form, Kind},
    words::Words,
};
use crate::{
    app::{
        App,
        organizations::LOCALES,
        setup::{self, Setup},
    },
    error::ApiError,
    rate_limit,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

/// Where the first organization is created.
pub(super) const ADDRESS: &str = "/setup";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, ADDRESS, |it| it.route(web::get().to(show)).route(web::post().to(carry_out)));
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    form: Form,
}

/// The languages that an organization may have.
pub(super) fn locale_choices(words: &Words, chosen: &str) -> Vec<Choice> {
    let choice = |it: &&str| Choice {
        value: (*it).to_owned(),
        label: words.name_of("locale", &it.to_lowercase()),
        is_chosen: *it == chosen,
    };
    LOCALES.iter().map(choice).collect()
}

fn form(words: &Words, code: &str) -> Form {
    let line = |name: &str, key: &str| Field::line(name, words.say(key));
    let zone = Field { value: "America/Mexico_City".to_owned(), ..line("organization/zone", "setup-zone") };
    let code = Field { value: code.to_owned(), ..line("code", "setup-code") };
    let fields = vec![
        code.hint(words.say("setup-code-hint")).most(100),
        line("organization/name", "setup-name")
            .hint(words.say("setup-name-hint"))
            .autocomplete("organization"),
        line("organization/slug", "setup-slug").hint(words.say("setup-slug-hint")).most(40),
        line("organization/locale", "setup-locale")
            .kind(Kind::Select(locale_choices(words, words.lang.choose("es", "en")))),
        zone.hint(words.say("setup-zone-hint")),
        line("person/name", "setup-person").autocomplete("name"),
        line("person/login", "people-login")
            .hint(words.say("people-login-hint"))
            .autocomplete("username")
            .most(100),
        line("person/password", "setup-password")
            .kind(Kind::Line("password"))
            .hint(words.say("password-new-hint"))
            .autocomplete("new-password"),
        line("does_all", "setup-does-all").hint(words.say("setup-does-all-hint")).kind(Kind::Tick).optional(),
    ];
    Form::new(words, ADDRESS, "", "setup-begin", fields)
}

/// Refuses where nothing waits to be set up.
fn open_app(request: &HttpRequest) -> Result<web::Data<App>, ApiError> {
    let app = app_of(request)?;
    if setup::is_open(&app) { Ok(app) } else { Err(ApiError::not_found("la página", "the page")) }
}

async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    open_app(&request)?;
    let words = Words::of(Lang::of(&request), None);
    let form = form(&words, &query_of(&request, "code").unwrap_or_default());
    page(StatusCode::OK, &SetupPage { shell: Shell::bare(&request, words), form })
}

async fn carry_out(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let app = open_app(&request)?;
    rate_limit::admit(&request, &app)?;
    refuse_foreign(&request, &app)?;
    let typed = typed(payload.into_inner(), MOST_BYTES).await?;
    match set_up(&app, &typed).await {
        Ok(response) => Ok(response),
        Err(error) if error.problem().status == 404 => Err(error),
        Err(error) => {
            let words = Words::of(Lang::of(&request), None);
            let form = form(&words, "").again(&typed, &Faults::of(&error), words.lang);
            page(status_of(&error), &SetupPage { shell: Shell::bare(&request, words), form })
        }
    }
}

async fn set_up(app: &App, typed: &Typed) -> Result<HttpResponse, ApiError> {
    let told: Setup = typed.read(&[
        ("code", Shape::EmptyText),
        ("organization/name", Shape::EmptyText),
        ("organization/slug", Shape::EmptyText),
        ("organization/locale", Shape::EmptyText),
        ("organization/zone", Shape::EmptyText),
        ("person/name", Shape::EmptyText),
        ("person/login", Shape::EmptyText),
        ("person/password", Shape::EmptyText),
        ("does_all", Shape::Text),
    ])?;
    let opened = setup::carry_out(app, told).await?;
    Ok(redirect("/", Some(session_cookie(app, &opened))))
}
