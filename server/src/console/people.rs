//! People of the organization: who may sign in, with which roles where, and the codes with which they set a password.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    shell::{Shell, Visitor},
    status_of,
    ui::{Choice, Empty, Field, Form, Kind, Pager, Qr},
    when::wall_of,
    words::Words,
};
use crate::{
    app::{
        codes::IssuedCode,
        devices::{self, EnrolledKind, NewCode},
        second_factor,
        users::{self, GrantScope, NewUser, RoleGrant, User},
    },
    error::ApiError,
    http::page::{PageOf, Paging},
    office::Office,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use db::Tx;
use domain::{
    access::{Permission, Role, Target},
    ids::{BranchId, OrgId, RegionId, UserId},
};
use serde::Deserialize;
use std::collections::BTreeMap;
use uuid::Uuid;
use validator::Validate;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/people", |it| it.route(web::get().to(list)));
    place(config, "/people/new", |it| it.route(web::get().to(blank)).route(web::post().to(create)));
    place(config, "/people/{user}", |it| it.route(web::get().to(show)));
    place(config, "/people/{user}/roles", |it| it.route(web::post().to(grant)));
    place(config, "/people/{user}/roles/take", |it| it.route(web::post().to(take)));
    place(config, "/people/{user}/access", |it| it.route(web::post().to(access)));
    place(config, "/people/{user}/code", |it| it.route(web::post().to(code)));
    place(config, "/people/{user}/device", |it| it.route(web::post().to(device)));
    place(config, "/people/{user}/second-factor/reset", |it| it.route(web::post().to(reset_factor)));
}

/// A person in the list.
struct Row {
    href: String,
    name: String,
    login: String,
    roles: Vec<String>,
    is_active: bool,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    shell: Shell,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

/// Which page of the list.
#[derive(Debug, Deserialize)]
struct Asked {
    after: Option<String>,
}

async fn list(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let asked = asked.into_inner().after;
    let is_first = asked.is_none();
    let (after, limit) = Paging { after: asked, limit: None }.page()?;
    let principal = visitor.principal.clone();
    let found =
        visitor.app.read(move |tx| Ok(PageOf::of(users::list(tx, &principal, after, limit)?, |it| it)));
    let found = found.await?;
    let words = &visitor.words;
    let add = ("/people/new".to_owned(), words.say("people-add"));
    let shown = PeoplePage {
        shell: visitor.shell("/people"),
        rows: found.items.iter().map(|it| row(words, it)).collect(),
        empty: Empty {
            title: words.say("people-empty"),
            text: words.say("people-empty-text"),
            action: Some(add),
        },
        pager: Pager {
            label: words.say("pager"),
            next: found.next.map(|it| (format!("/people?after={it}"), words.say("pager-next"))),
            first: (!is_first).then(|| ("/people".to_owned(), words.say("pager-first"))),
        },
    };
    page(StatusCode::OK, &shown)
}

fn row(words: &Words, it: &User) -> Row {
    let mut roles: Vec<String> = it.roles.iter().map(|it| words.name_of("role", it.role.as_str())).collect();
    roles.dedup();
    Row {
        href: format!("/people/{}", it.id),
        name: it.name.clone(),
        login: it.login.clone(),
        roles,
        is_active: it.active,
    }
}

// ---- a new person ----

#[derive(Template)]
#[template(path = "person_new.html")]
struct NewPage {
    shell: Shell,
    form: Form,
}

fn new_form(words: &Words, csrf: &str) -> Form {
    let mut fields = vec![
        Field::line("name", words.say("people-name")).autocomplete("off"),
        Field::line("login", words.say("people-login")).hint(words.say("people-login-hint")).most(100),
    ];
    fields.extend(grant_fields(words));
    Form::new(words, "/people/new", csrf, "people-create", fields)
}

fn grant_fields(words: &Words) -> [Field; 2] {
    let choices = Role::ALL.iter().map(|it| Choice {
        value: it.as_str().to_owned(),
        label: words.name_of("role", it.as_str()),
        is_chosen: false,
    });
    let role = Field::line("role", words.say("people-role")).kind(Kind::Select(choices.collect()));
    let scope = Field::line("scope", words.say("people-scope")).hint(words.say("people-scope-hint"));
    [role, scope.optional().most(100)]
}

async fn blank(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let shell = visitor.shell("/people");
    let form = new_form(&visitor.words, &shell.csrf);
    page(StatusCode::OK, &NewPage { shell, form })
}

/// A role as a form gives it.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Granted {
    role: Role,
    /// Code of a branch or a region; the whole organization where it is left out.
    #[validate(length(max = 100))]
    scope: Option<String>,
}

impl Granted {
    fn read(typed: &Typed) -> Result<Self, ApiError> {
        typed.read(&[("role", Shape::Text), ("scope", Shape::Text)])
    }

    fn find(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<RoleGrant, ApiError> {
        let Some(code) = &self.scope else {
            return Ok(RoleGrant { role: self.role, scope: GrantScope::Organization });
        };
        let branch = db::reference::find_branch_by_code(tx, org, code)?;
        let scope = match branch {
            Some(it) => GrantScope::Branch(it.branch_id.0),
            None => {
                let regions = db::reference::list_regions(tx, org)?;
                let region = regions.iter().find(|it| it.code == *code);
                GrantScope::Region(region.ok_or_else(|| unknown_place(code))?.region_id.0)
            }
        };
        Ok(RoleGrant { role: self.role, scope })
    }
}

fn unknown_place(code: &str) -> ApiError {
    ApiError::field(
        "/scope",
        "unknown_scope",
        format!("No hay sucursal ni región con el código «{code}»."),
        format!("there is no branch or region with the code '{code}'"),
    )
}

async fn create(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let created = match (
        Granted::read(&typed),
        typed.read::<NewUser>(&[("name", Shape::EmptyText), ("login", Shape::EmptyText)]),
    ) {
        (Ok(granted), Ok(new)) => {
            let change = move |tx: &mut Tx<'_>, office: &mut Office| {
                let new = NewUser { roles: vec![granted.find(tx, office.org())?], ..new.clone() };
                users::create(tx, office, &new, None)
            };
            visitor.change(change).await
        }
        (granted, new) => Err(both(granted.err(), new.err())),
    };
    let shell = visitor.shell("/people");
    match created {
        Ok(created) => {
            let shown = code_page(&visitor, &created.user, created.code.as_ref());
            page(StatusCode::CREATED, &shown)
        }
        Err(error) if error.problem().status == 403 => Err(error),
        Err(error) => {
            let form = new_form(&visitor.words, &shell.csrf);
            let form = form.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &NewPage { shell, form })
        }
    }
}

/// What is wrong in two parts of a form, told at once.
fn both(one: Option<ApiError>, other: Option<ApiError>) -> ApiError {
    let errors = one.iter().chain(&other).flat_map(|it| it.problem().errors.clone());
    ApiError::invalid(errors.collect())
}

// ---- a code ----

#[derive(Template)]
#[template(path = "person_code.html")]
struct CodePage {
    shell: Shell,
    person: String,
    href: String,
    code: String,
    until: String,
    /// Of a code for a phone: how the phone comes to it.
    phone: Option<PhoneLink>,
}

/// A link that logs a phone in: where the app is, and the code behind `#`, which browsers send to nobody.
struct PhoneLink {
    href: String,
    qr: Option<Qr>,
    /// Whether a phone's browser keeps the app from there: only over TLS, or on the very machine.
    is_secure: bool,
}

impl PhoneLink {
    fn of(request: &HttpRequest, words: &Words, code: &str) -> Self {
        let connection = request.connection_info();
        let (scheme, host) = (connection.scheme(), connection.host());
        let name = host.rsplit_once(':').map_or(host, |it| it.0);
        let href = format!("{scheme}://{host}/app/#code={code}");
        Self {
            qr: Qr::of(&href, words.say("people-device-qr")),
            is_secure: scheme == "https" || ["localhost", "127.0.0.1", "[::1]"].contains(&name),
            href,
        }
    }
}

fn code_page(visitor: &Visitor, user: &User, code: Option<&IssuedCode>) -> CodePage {
    CodePage {
        person: user.name.clone(),
        href: format!("/people/{}", user.id),
        code: code.map(|it| it.code.clone()).unwrap_or_default(),
        until: code.map(|it| wall_of(&it.expires_at, &visitor.zone)).unwrap_or_default(),
        phone: None,
        shell: visitor.shell("/people"),
    }
}

/// A code with which the person's phone logs in.
async fn device(
    request: HttpRequest,
    posted: Posted,
    user: web::Path<Uuid>,
) -> Result<HttpResponse, ApiError> {
    let (visitor, user) = (posted.visitor, user.into_inner());
    let issued = visitor.change(move |tx, office| {
        let code = devices::issue_code(tx, office, &NewCode { user, kind: EnrolledKind::Phone })?;
        Ok((users::read(tx, office.person()?, UserId(user))?, code))
    });
    let (user, code) = issued.await?;
    let phone = Some(PhoneLink::of(&request, &visitor.words, &code.code));
    let shown = code_page(&visitor, &user, Some(&code));
    page(StatusCode::CREATED, &CodePage { phone, ..shown })
}

async fn code(posted: Posted, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let (visitor, user) = (posted.visitor, UserId(user.into_inner()));
    let issued = visitor.change(move |tx, office| {
        let code = users::issue_password_code(tx, office, user)?;
        Ok((users::read(tx, office.person()?, user)?, code))
    });
    let (user, code) = issued.await?;
    page(StatusCode::CREATED, &code_page(&visitor, &user, Some(&code)))
}

// ---- one person ----

/// A role that a person has.
struct Held {
    label: String,
    scope: String,
    take: Form,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    shell: Shell,
    name: String,
    login: String,
    is_active: bool,
    roles: Vec<Held>,
    give: Form,
    code: Form,
    /// To log a phone in; none where they visit nobody, or no app is served.
    device: Option<Form>,
    /// To take their second factor away; none where they have none.
    factor: Option<Form>,
    access: Form,
}

/// Names of places, by their id.
type Places = BTreeMap<Uuid, String>;

fn places_of(tx: &mut Tx<'_>, org: OrgId, user: &User) -> Result<Places, ApiError> {
    let mut places = Places::new();
    for role in &user.roles {
        let found = match role.scope {
            GrantScope::Organization => None,
            GrantScope::Region(id) => {
                db::reference::find_region(tx, org, RegionId(id))?.map(|it| (id, it.name))
            }
            GrantScope::Branch(id) => {
                db::reference::find_branch(tx, org, BranchId(id))?.map(|it| (id, it.name))
            }
        };
        places.extend(found);
    }
    Ok(places)
}

fn scope_text(words: &Words, places: &Places, scope: GrantScope) -> String {
    let name = |id: &Uuid| places.get(id).map_or("", String::as_str);
    match scope {
        GrantScope::Organization => words.say("people-scope-organization"),
        GrantScope::Region(id) => words.naming("people-scope-region", name(&id)),
        GrantScope::Branch(id) => words.naming("people-scope-branch", name(&id)),
    }
}

async fn show(visitor: Visitor, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let user = UserId(user.into_inner());
    let shown = person(&visitor, user).await?;
    page(StatusCode::OK, &shown)
}

async fn person(visitor: &Visitor, user: UserId) -> Result<PersonPage, ApiError> {
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| {
        let user = users::read(tx, &principal, user)?;
        let places = places_of(tx, principal.org, &user)?;
        let has_factor = principal.user != user.id && second_factor::has(tx, principal.org, user.id)?;
        Ok((user, places, has_factor))
    });
    let (user, places, has_factor) = found.await?;
    let shell = visitor.shell("/people");
    let words = &visitor.words;
    let at = format!("/people/{}", user.id);
    let form = |step: &str, submit: &str, fields| {
        Form::new(words, &format!("{at}/{step}"), &shell.csrf, submit, fields)
    };
    let roles = user.roles.iter().map(|it| {
        let label = words.name_of("role", it.role.as_str());
        let mut take = form("roles/take", "people-take", Vec::new()).danger();
        take.submit = words.naming("people-take", &label);
        let (kind, id) = match it.scope {
            GrantScope::Organization => ("organization", None),
            GrantScope::Region(id) => ("region", Some(id)),
            GrantScope::Branch(id) => ("branch", Some(id)),
        };
        take = take.with_hidden("role", it.role.to_string()).with_hidden("scope/kind", kind.to_owned());
        let take = id.into_iter().fold(take, |take, id| take.with_hidden("scope/id", id.to_string()));
        Held { label, scope: scope_text(words, &places, it.scope), take }
    });
    let has_app = !visitor.app.phone.files.is_empty();
    let is_auditor = has_app && user.active && user.roles.iter().any(|it| it.role == Role::Auditor);
    let access = if user.active {
        form("access", "people-end", Vec::new()).danger()
    } else {
        form("access", "people-back", Vec::new()).with_hidden("active", "yes".to_owned())
    };
    Ok(PersonPage {
        name: user.name.clone(),
        login: user.login.clone(),
        is_active: user.active,
        roles: roles.collect(),
        give: form("roles", "people-grant", grant_fields(words).into()),
        code: form("code", "people-code-new", Vec::new()),
        device: is_auditor.then(|| form("device", "people-device", Vec::new())),
        factor: has_factor.then(|| form("second-factor/reset", "people-factor-reset", Vec::new()).danger()),
        access,
        shell,
    })
}

async fn grant(posted: Posted, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let user = UserId(user.into_inner());
    let given = match Granted::read(&typed) {
        Ok(granted) => {
            let change = move |tx: &mut Tx<'_>, office: &mut Office| {
                let role = granted.find(tx, office.org())?;
                users::grant(tx, office, user, &role)
            };
            visitor.change(change).await
        }
        Err(error) => Err(error),
    };
    match given {
        Ok(_) => Ok(done(&format!("/people/{user}"), "role-given")),
        Err(error) if error.problem().status != 422 => Err(error),
        Err(error) => {
            let mut shown = person(&visitor, user).await?;
            shown.give = shown.give.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &shown)
        }
    }
}

async fn take(posted: Posted, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    posted.visitor.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let user = UserId(user.into_inner());
    let shapes = [("role", Shape::Text), ("scope/kind", Shape::Text), ("scope/id", Shape::Text)];
    let role: RoleGrant = posted.typed.read(&shapes)?;
    posted.visitor.change(move |tx, office| users::revoke(tx, office, user, &role)).await?;
    Ok(done(&format!("/people/{user}"), "role-taken"))
}

async fn access(posted: Posted, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    let active = !posted.typed.get("active").is_empty();
    posted.visitor.change(move |tx, office| users::set_active(tx, office, user, active)).await?;
    Ok(done(&format!("/people/{user}"), if active { "person-back" } else { "person-ended" }))
}

async fn reset_factor(posted: Posted, user: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    posted.visitor.change(move |tx, office| second_factor::reset(tx, office, user)).await?;
    Ok(done(&format!("/people/{user}"), "factor-reset"))
}
