//! Signing in and out. An unknown name, a wrong password and a name without a password are told alike and take the
//! same time; a name that fails too often is locked for a while.

use crate::{
    app::{
        App,
        codes::{self, Purpose},
    },
    auth::{self, Secret},
    error::ApiError,
    office::Office,
    principal::{Principal, find_principal},
};
use db::{Hidden, Micros, Tx, users};
use domain::ids::{OrgId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Failures in a row after which a name is locked.
pub(crate) const FAILURES_BEFORE_LOCK: u32 = 5;
/// How long it is locked.
pub(crate) const LOCK_MICROS: i64 = 15 * 60 * 1_000_000;
pub(crate) const HOUR_MICROS: i64 = 3_600_000_000;

/// A session that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The token, told once.
    pub(crate) token: SecretString,
    /// When it ends.
    pub(crate) expires_at: Micros,
    /// Whose it is, with their roles.
    pub(crate) principal: Principal,
}

/// What the first step of signing in found.
#[derive(Debug, Clone)]
struct Attempt {
    org: OrgId,
    user: Option<(UserId, Hidden<String>)>,
}

/// Opens a session for a login and its password.
///
/// The attempt is counted before the password is looked at, so that many attempts at once do not get around the lock.
///
/// # Errors
/// `wrong_credentials` (401), `locked_out` (429).
pub(crate) async fn sign_in(
    app: &App,
    organization: String,
    login: String,
    password: Secret,
) -> Result<Opened, ApiError> {
    let (now, name) = (app.now(), login.clone());
    let attempt = app.write(move |tx| count_attempt(tx, &organization, &name, now)).await?;
    let stored = attempt.as_ref().and_then(|it| it.user.clone());
    let user = app
        .with_passwords(move || match stored {
            Some((user, hash)) if !hash.0.is_empty() => {
                Ok(auth::verify_password(&password, &hash.0).then_some(user))
            }
            _ => {
                auth::spend_verification(&password);
                Ok(None)
            }
        })
        .await?;
    let (Some(attempt), Some(user)) = (attempt, user) else { return Err(wrong_credentials()) };
    let (app_inside, org) = (app.clone(), attempt.org);
    app.write(move |tx| {
        users::clear_login_failures(tx, org, &login)?;
        open_session(tx, &app_inside, org, user, "signed_in")
    })
    .await
}

/// Proves a person's own password, counting the attempt as at the door.
///
/// # Errors
/// `wrong_password` (422), `locked_out` (429).
pub(crate) async fn verify_own_password(
    app: &App,
    principal: &Principal,
    password: Secret,
) -> Result<(), ApiError> {
    let (org, user, now) = (principal.org, principal.user, app.now());
    let person = app
        .write(move |tx| {
            let person = users::find(tx, org, user)?.ok_or_else(wrong_credentials)?;
            count_failure(tx, org, &person.login, now)?;
            Ok::<_, ApiError>(person)
        })
        .await?;
    let login = person.login;
    let is_right =
        app.with_passwords(move || Ok(auth::verify_password(&password, &person.password_hash.0))).await?;
    if is_right {
        return app.write(move |tx| Ok(users::clear_login_failures(tx, org, &login)?)).await;
    }
    Err(ApiError::field(
        "/current",
        "wrong_password",
        "No es la contraseña actual.",
        "this is not the current password",
    ))
}

fn count_attempt(
    tx: &mut Tx<'_>,
    organization: &str,
    login: &str,
    now: Micros,
) -> Result<Option<Attempt>, ApiError> {
    let Some(found) = db::organizations::find_by_slug(tx, organization)? else { return Ok(None) };
    let org = found.org_id;
    count_failure(tx, org, login, now)?;
    let user = users::find_by_login(tx, org, login)?.filter(|it| it.active);
    Ok(Some(Attempt { org, user: user.map(|it| (it.user_id, it.password_hash)) }))
}

/// Counts an attempt as failed until it succeeds, and locks the name at the last one allowed.
fn count_failure(tx: &mut Tx<'_>, org: OrgId, login: &str, now: Micros) -> Result<(), ApiError> {
    if let Some(failures) = users::find_login_failures(tx, org, login)? {
        match failures.locked_until {
            Some(until) if until > now => return Err(locked_out()),
            None if now.0.saturating_sub(failures.last_at.0) < LOCK_MICROS => {}
            _ => users::clear_login_failures(tx, org, login)?,
        }
    }
    let failures = users::append_login_failure(tx, org, login, now)?;
    if failures.failures >= FAILURES_BEFORE_LOCK {
        users::lock_login(tx, org, login, Micros(now.0.saturating_add(LOCK_MICROS)))?;
    }
    Ok(())
}

/// Opens a session with a one-time code and sets the password with it: for the first time, or after it was forgotten.
///
/// # Errors
/// `code_not_valid` (401) for a code that is not there, was used or is too old.
pub(crate) async fn sign_in_by_code(
    app: &App,
    organization: String,
    code: Secret,
    password: Secret,
) -> Result<Opened, ApiError> {
    let hash = app.with_passwords(move || auth::hash_password(&password).map_err(ApiError::internal)).await?;
    let app_inside = app.clone();
    app.write(move |tx| {
        let now = app_inside.now();
        let (org, user) = codes::take(tx, &organization, &code, Purpose::Password, now)?;
        users::set_password(tx, org, user, &Hidden(hash.clone()))?;
        db::sessions::revoke_all_of_user(tx, org, user, now)?;
        open_session(tx, &app_inside, org, user, "password_set_by_code")
    })
    .await
}

/// Opens the session of a user whose identity is proven.
pub(crate) fn open_session(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    user: UserId,
    action: &'static str,
) -> Result<Opened, ApiError> {
    let now = app.now();
    users::find(tx, org, user)?.filter(|it| it.active).ok_or_else(wrong_credentials)?;
    let (token, token_hash) = auth::new_token(&app.environment);
    let lasts = i64::from(app.config.session_hours).saturating_mul(HOUR_MICROS);
    let expires_at = Micros(now.0.saturating_add(lasts));
    let session = db::sessions::Session {
        token_hash,
        user_id: user,
        dev: None,
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    db::sessions::append(tx, org, &session)?;
    let principal = find_principal(tx, token.expose_secret(), now)?;
    let mut office = Office::of_principal(app, principal.clone());
    office.record(action, "user", user, &json!({}))?;
    office.close(tx)?;
    Ok(Opened { token, expires_at, principal })
}

/// Closes the session of the request.
pub(crate) fn sign_out(tx: &mut Tx<'_>, office: &mut Office) -> Result<(), ApiError> {
    let (session, user) = {
        let it = office.person()?;
        (it.session, it.user)
    };
    db::sessions::revoke(tx, office.org(), session, office.now())?;
    office.record("signed_out", "user", user, &json!({}))
}

fn wrong_credentials() -> ApiError {
    ApiError::unauthenticated(
        "wrong_credentials",
        "La organización, el usuario o la contraseña no son correctos.",
        "the organization, the login or the password is not right",
    )
}

fn locked_out() -> ApiError {
    ApiError::later(
        429,
        "locked_out",
        "Demasiados intentos fallidos; espere 15 minutos o pida un código a quien administra.",
        "too many failed attempts; wait 15 minutes or ask your administrator for a code",
    )
    .retry_after(15 * 60)
}
