//! Signing in and out. An unknown name, a wrong password and a name without a password are told alike and take the
//! same time; a name that fails too often is locked for a while.

use crate::{
    app::{
        App,
        codes::{self, Purpose},
        second_factor,
    },
    auth::{self, Secret},
    error::ApiError,
    office::Office,
    principal::{Principal, find_principal, session_unknown},
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

/// What a right password opened.
#[derive(Debug)]
pub(crate) enum Door {
    /// All of it.
    Open(Opened),
    /// Nothing yet: the token waits some minutes for a code of the second factor ([`complete`]).
    Half(SecretString),
}

/// How long the second step may take, in microseconds: ten minutes.
const STEP_MICROS: i64 = 10 * 60 * 1_000_000;

/// Opens a session for a login and its password, or the way to the second step.
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
) -> Result<Door, ApiError> {
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
        if second_factor::has(tx, org, user)? {
            return Ok(Door::Half(half_open(tx, &app_inside, org, user)?));
        }
        open_session(tx, &app_inside, org, user, "signed_in").map(Door::Open)
    })
    .await
}

/// A session that opens nothing but the second step.
fn half_open(tx: &mut Tx<'_>, app: &App, org: OrgId, user: UserId) -> Result<SecretString, ApiError> {
    let now = app.now();
    let (token, token_hash) = auth::new_token(&app.environment);
    let session = db::sessions::Session {
        token_hash,
        user_id: user,
        dev: None,
        created_at: now,
        expires_at: Micros(now.0.saturating_add(STEP_MICROS)),
        revoked_at: None,
        awaits_factor: true,
        proved_at: None,
    };
    db::sessions::append(tx, org, &session)?;
    Ok(token)
}

/// Takes the second step: opens a session for the token of [`Door::Half`] and a code.
///
/// # Errors
/// `session_unknown` (401) for a token that waits for nothing, `wrong_second_factor` (422), `locked_out` (429).
pub(crate) async fn complete(app: &App, token: SecretString, code: Secret) -> Result<Opened, ApiError> {
    let (hash, now) = (auth::token_hash(token.expose_secret()), app.now());
    let waiting = app.read(move |tx| {
        let found = db::sessions::find_by_token(tx, hash)?;
        let found =
            found.filter(|(_, it)| it.awaits_factor && it.revoked_at.is_none() && it.expires_at > now);
        found.map(|(org, it)| (org, it.user_id)).ok_or_else(session_unknown)
    });
    let (org, user) = waiting.await?;
    let counted = second_factor::count_attempt(app, (org, user)).await?;
    let inside = app.clone();
    app.write(move |tx| {
        second_factor::take(tx, (org, user), &code, now)?;
        if !db::sessions::revoke(tx, org, hash, now)? {
            return Err(session_unknown());
        }
        clear_failures(tx, org, &counted)?;
        let mut opened = open_session(tx, &inside, org, user, "signed_in")?;
        db::sessions::set_proved(tx, org, opened.principal.session, now)?;
        opened.principal.proved_at = Some(now);
        Ok(opened)
    })
    .await
}

/// Forgets the failed attempts under a login.
pub(crate) fn clear_failures(tx: &mut Tx<'_>, org: OrgId, login: &str) -> Result<(), ApiError> {
    Ok(users::clear_login_failures(tx, org, login)?)
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
    if !super::users::may_be_login(login) {
        return Ok(None);
    }
    count_failure(tx, org, login, now)?;
    let user = users::find_by_login(tx, org, login)?.filter(|it| it.active);
    Ok(Some(Attempt { org, user: user.map(|it| (it.user_id, it.password_hash)) }))
}

/// Counts an attempt as failed until it succeeds, and locks the name at the last one allowed.
///
/// # Errors
/// `locked_out` (429).
pub(crate) fn count_failure(tx: &mut Tx<'_>, org: OrgId, login: &str, now: Micros) -> Result<(), ApiError> {
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
/// Who has a second factor gives a code of it too.
///
/// # Errors
/// `code_not_valid` (401) for a code that is not there, was used or is too old; `second_factor_needed` (401),
/// `wrong_second_factor` (422), `locked_out` (429).
pub(crate) async fn sign_in_by_code(
    app: &App,
    organization: String,
    (code, second): (Secret, Option<Secret>),
    password: Secret,
) -> Result<Opened, ApiError> {
    let (now, looked_at) = (app.now(), code.clone());
    let whose = app.read(move |tx| {
        let Some((org, user)) = codes::find(tx, &looked_at, Purpose::Password, now)? else { return Ok(None) };
        Ok(second_factor::has(tx, org, user)?.then_some((org, user)))
    });
    let mut counted = None;
    if let Some(person) = whose.await? {
        if second.is_none() {
            return Err(second_factor_needed());
        }
        counted = Some(second_factor::count_attempt(app, person).await?);
    }
    let hash = app.with_passwords(move || auth::hash_password(&password).map_err(ApiError::internal)).await?;
    let app_inside = app.clone();
    app.write(move |tx| {
        let now = app_inside.now();
        let (org, user) = codes::take(tx, &organization, &code, Purpose::Password, now)?;
        let is_proved = match &second {
            Some(second) => second_factor::take(tx, (org, user), second, now)?.is_some(),
            None if second_factor::has(tx, org, user)? => return Err(second_factor_needed()),
            None => false,
        };
        users::set_password(tx, org, user, &Hidden(hash.clone()))?;
        db::sessions::revoke_all_of_user(tx, org, user, now)?;
        let mut opened = open_session(tx, &app_inside, org, user, "password_set_by_code")?;
        if is_proved {
            counted.iter().try_for_each(|it| clear_failures(tx, org, it))?;
            db::sessions::set_proved(tx, org, opened.principal.session, now)?;
            opened.principal.proved_at = Some(now);
        }
        Ok(opened)
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
        awaits_factor: false,
        proved_at: None,
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

/// The password was right, and is not enough.
pub(crate) fn second_factor_needed() -> ApiError {
    ApiError::unauthenticated(
        "second_factor_needed",
        "Falta el código de su aplicación.",
        "the code of your authenticator app is missing",
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
