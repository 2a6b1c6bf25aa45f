//! `/api/v1/users`: the people of the organization and their roles.

use crate::{
    app::{
        App,
        codes::IssuedCode,
        users::{self, CreatedUser, NewUser, RoleGrant, User},
    },
    auth,
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use domain::access::{Permission, Target};
use domain::ids::UserId;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create)
        .service(list)
        .service(show)
        .service(activate)
        .service(deactivate)
        .service(grant)
        .service(revoke)
        .service(issue_code);
}

/// Creates a person, with a password or with a one-time code to set one.
///
/// Refusals: `login_taken` (409), `unknown_scope` (422).
#[utoipa::path(tag = "users", request_body = NewUser, responses((status = 201, body = CreatedUser)))]
#[post("/users")]
pub(crate) async fn create(app: web::Data<App>, command: Command<NewUser>) -> Result<HttpResponse, ApiError> {
    // Asked again inside the transaction; here so that nobody else makes us hash.
    command.principal.require(Permission::ManageUsers, &Target::Organization)?;
    let hash = match command.body.password.clone() {
        Some(password) => Some(
            app.with_passwords(move || auth::hash_password(&password).map_err(ApiError::internal)).await?,
        ),
        None => None,
    };
    let command = command.with(|new| (new, hash));
    execute(&app, command, StatusCode::CREATED, |tx, office, (new, hash)| {
        users::create(tx, office, new, hash.as_deref())
    })
    .await
}

/// The people of the organization.
#[utoipa::path(tag = "users", params(Paging), responses((status = 200, body = PageOf<User>)))]
#[get("/users")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<User>>, ApiError> {
    let (after, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(users::list(tx, principal, after, limit)?, |it| it))
    })
    .await
}

/// One person; one's own always.
#[utoipa::path(tag = "users", responses((status = 200, body = User)))]
#[get("/users/{user}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    user: web::Path<Uuid>,
) -> Result<web::Json<User>, ApiError> {
    let user = UserId(user.into_inner());
    read(&app, principal, move |tx, principal| users::read(tx, principal, user)).await
}

/// Lets a person sign in again.
#[utoipa::path(tag = "users", responses((status = 200, body = User)))]
#[post("/users/{user}/activate")]
pub(crate) async fn activate(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, _| users::set_active(tx, office, user, true))
        .await
}

/// Takes a person out: sessions and devices' tokens end at once.
///
/// Refusals: `last_admin` (409).
#[utoipa::path(tag = "users", responses((status = 200, body = User)))]
#[post("/users/{user}/deactivate")]
pub(crate) async fn deactivate(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, _| users::set_active(tx, office, user, false))
        .await
}

/// Gives a role; giving it again changes nothing.
///
/// Refusals: `unknown_scope` (422).
#[utoipa::path(tag = "users", request_body = RoleGrant, responses((status = 200, body = User)))]
#[post("/users/{user}/roles")]
pub(crate) async fn grant(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<RoleGrant>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, wanted| users::grant(tx, office, user, wanted))
        .await
}

/// Takes a role.
///
/// Refusals: `last_admin` (409).
#[utoipa::path(tag = "users", request_body = RoleGrant, responses((status = 200, body = User)))]
#[post("/users/{user}/roles/revoke")]
pub(crate) async fn revoke(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<RoleGrant>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::OK, move |tx, office, unwanted| {
        users::revoke(tx, office, user, unwanted)
    })
    .await
}

/// Issues a one-time code with which the person sets a new password; told once.
#[utoipa::path(tag = "users", responses((status = 201, body = IssuedCode)))]
#[post("/users/{user}/code")]
pub(crate) async fn issue_code(
    app: web::Data<App>,
    user: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let user = UserId(user.into_inner());
    execute(&app, command, StatusCode::CREATED, move |tx, office, _| {
        users::issue_password_code(tx, office, user)
    })
    .await
}
