//! `/api/v1/sessions` and the password of the person who is signed in.

use crate::{
    app::{
        App,
        sessions::{self, Door},
        users,
    },
    auth::{self, Secret},
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::body::Body,
    principal::{Principal, SESSION_COOKIE},
    rate_limit,
    zone::instant,
};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    delete, get,
    http::StatusCode,
    post, put, web,
};
use domain::ids::{OrgId, UserId};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(sign_in)
        .service(sign_in_by_code)
        .service(current)
        .service(sign_out)
        .service(change_password);
}

/// Who wants to sign in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The organization's name in addresses.
    #[validate(length(max = 200))]
    organization: String,
    /// The person's login.
    #[validate(length(max = 200))]
    login: String,
    /// The password.
    #[schema(value_type = String, write_only)]
    password: Secret,
    /// A code of the second factor, for who has one: six digits of the authenticator app, or a recovery code.
    #[schema(value_type = Option<String>, write_only)]
    code: Option<Secret>,
    /// Whether the answer also sets the cookie with which pages are read.
    #[serde(default)]
    cookie: bool,
}

/// Who sets a password with a one-time code.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInByCode {
    /// The organization's name in addresses.
    #[validate(length(max = 200))]
    organization: String,
    /// The code; case, spaces and dashes do not matter.
    #[schema(value_type = String, write_only)]
    code: Secret,
    /// The new password.
    #[validate(custom(function = "users::check_password"))]
    #[schema(value_type = String, write_only)]
    password: Secret,
    /// A code of the second factor, for who has one.
    #[schema(value_type = Option<String>, write_only)]
    second_factor: Option<Secret>,
}

/// A session that was opened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenedSession {
    /// The bearer token, told once.
    token: String,
    /// When it ends, RFC 3339.
    expires_at: String,
    #[serde(flatten)]
    session: Session,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// The organization.
    #[schema(value_type = uuid::Uuid)]
    organization: OrgId,
    /// The person.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// The device, where the session is a device's.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Their roles.
    roles: Vec<users::RoleGrant>,
}

impl From<&Principal> for Session {
    fn from(it: &Principal) -> Self {
        Self {
            organization: it.org,
            user: it.user,
            device: it.dev.map(|dev| dev.to_string()),
            roles: it.grants.iter().copied().map(users::shown_grant).collect(),
        }
    }
}

fn answer(app: &App, opened: &sessions::Opened, sets_cookie: bool) -> HttpResponse {
    let token = opened.token.expose_secret().to_owned();
    let mut response = HttpResponse::Created();
    if sets_cookie {
        let cookie = Cookie::build(SESSION_COOKIE, token.clone())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(app.config.is_tls())
            .finish();
        response.cookie(cookie);
    }
    let expires_at = instant(opened.expires_at);
    response.json(OpenedSession { token, expires_at, session: (&opened.principal).into() })
}

/// Signs in.
///
/// Refusals: `wrong_credentials` and `second_factor_needed` (401), `wrong_second_factor` (422), `locked_out` and `too_many_requests`
/// (429).
#[utoipa::path(tag = "sessions", request_body = SignIn, responses((status = 201, body = OpenedSession)))]
#[post("/sessions")]
pub(crate) async fn sign_in(
    request: HttpRequest,
    app: web::Data<App>,
    body: Body<SignIn>,
) -> Result<HttpResponse, ApiError> {
    rate_limit::admit(&request, &app)?;
    let SignIn { organization, login, password, code, cookie } = body.0;
    let opened = match (sessions::sign_in(&app, organization, login, password).await?, code) {
        (Door::Open(opened), _) => opened,
        (Door::Half(token), Some(code)) => sessions::complete(&app, token, code).await?,
        (Door::Half(_), None) => return Err(sessions::second_factor_needed()),
    };
    Ok(answer(&app, &opened, cookie))
}

/// Sets the password with a one-time code and signs in.
///
/// Refusals: `code_not_valid` and `second_factor_needed` (401), `wrong_second_factor` (422), `locked_out` and `too_many_requests` (429).
#[utoipa::path(tag = "sessions", request_body = SignInByCode, responses((status = 201, body = OpenedSession)))]
#[post("/sessions/by-code")]
pub(crate) async fn sign_in_by_code(
    request: HttpRequest,
    app: web::Data<App>,
    body: Body<SignInByCode>,
) -> Result<HttpResponse, ApiError> {
    rate_limit::admit(&request, &app)?;
    let SignInByCode { organization, code, password, second_factor } = body.0;
    let opened = sessions::sign_in_by_code(&app, organization, (code, second_factor), password).await?;
    Ok(answer(&app, &opened, false))
}

/// Who is signed in, with which roles.
#[utoipa::path(tag = "sessions", responses((status = 200, body = Session)))]
#[get("/sessions/current")]
pub(crate) async fn current(
    app: web::Data<App>,
    principal: Principal,
) -> Result<web::Json<Session>, ApiError> {
    read(&app, principal, |_, principal| Ok(principal.into())).await
}

/// Signs out: the token ends.
#[utoipa::path(tag = "sessions", responses((status = 204, description = "signed out")))]
#[delete("/sessions/current")]
pub(crate) async fn sign_out(
    app: web::Data<App>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    execute(&app, command, StatusCode::NO_CONTENT, |tx, office, _| sessions::sign_out(tx, office)).await
}

/// A new password in place of the old one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password until now.
    #[schema(value_type = String, write_only)]
    pub(crate) current: Secret,
    /// The password from now on.
    #[validate(custom(function = "users::check_password"))]
    #[schema(value_type = String, write_only)]
    pub(crate) new: Secret,
}

/// Changes one's own password; the person's other sessions end.
///
/// Refusals: `wrong_password` (422), `locked_out` (429).
#[utoipa::path(tag = "sessions", request_body = PasswordChange, responses((status = 204, description = "changed")))]
#[put("/sessions/current/password")]
pub(crate) async fn change_password(
    app: web::Data<App>,
    command: Command<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    let (old, new) = (command.body.current.clone(), command.body.new.clone());
    sessions::verify_own_password(&app, &command.principal, old).await?;
    let hash = app.with_passwords(move || auth::hash_password(&new).map_err(ApiError::internal)).await?;
    let command = command.with(|_| hash);
    execute(&app, command, StatusCode::NO_CONTENT, |tx, office, hash| {
        users::change_password(tx, office, hash)
    })
    .await
}
