//! The organization as its administrators set it: its name, its language and its clock.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    setup::locale_choices,
    shell::{Shell, Visitor},
    status_of,
    ui::{Field, Form, Kind},
    words::Words,
};
use crate::{
    app::organizations::{self, Organization, OrganizationChange},
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::access::{Permission, Target};

const ADDRESS: &str = "/organization";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, ADDRESS, |it| it.route(web::get().to(show)).route(web::post().to(change)));
}

#[derive(Template)]
#[template(path = "organization.html")]
struct OrganizationPage {
    shell: Shell,
    slug: String,
    form: Form,
}

fn form(words: &Words, csrf: &str, it: &Organization) -> Form {
    let line = |name: &str, key: &str| Field::line(name, words.say(key));
    let fields = vec![
        Field { value: it.name.clone(), ..line("name", "setup-name") },
        line("locale", "setup-locale").kind(Kind::Select(locale_choices(words, &it.locale))),
        Field { value: it.zone.clone(), ..line("zone", "setup-zone") }.hint(words.say("setup-zone-hint")),
    ];
    Form::new(words, ADDRESS, csrf, "organization-change", fields)
}

async fn organization_page(visitor: &Visitor) -> Result<OrganizationPage, ApiError> {
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| organizations::read(tx, &principal)).await?;
    let shell = visitor.shell(ADDRESS);
    let form = form(&visitor.words, &shell.csrf, &found);
    Ok(OrganizationPage { shell, slug: found.slug, form })
}

async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    page(StatusCode::OK, &organization_page(&visitor).await?)
}

async fn change(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    match changed(&visitor, &typed).await {
        Ok(_) => Ok(done(ADDRESS, "organization-changed")),
        Err(error) if error.problem().status != 422 => Err(error),
        Err(error) => {
            let mut shown = organization_page(&visitor).await?;
            shown.form = shown.form.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &shown)
        }
    }
}

async fn changed(visitor: &Visitor, typed: &Typed) -> Result<Organization, ApiError> {
    let shapes = [("name", Shape::EmptyText), ("locale", Shape::EmptyText), ("zone", Shape::EmptyText)];
    let wanted: OrganizationChange = typed.read(&shapes)?;
    visitor.change(move |tx, office| organizations::change(tx, office, &wanted)).await
}
