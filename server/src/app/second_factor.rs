//! The second factor: a code of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 seconds, one step of tolerance), or one
//! of eight recovery codes. A code is taken once. Attempts are counted as those of passwords are, under a name of their own: a right
//! password does not forget wrong codes.

use crate::{
    app::{
        App,
        sessions::{clear_failures, count_failure},
    },
    auth::{self, Secret},
    config::SecondFactor as Policy,
    error::ApiError,
    office::Office,
    principal::Principal,
    zone::instant,
};
use db::{Hidden, Micros, Tx, second_factors, users};
use domain::{
    access::{Permission, Target},
    ids::{OrgId, UserId},
};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;
use totp_rs::{Builder, Totp};
use utoipa::ToSchema;

/// How long a proof counts where one is asked for again, in microseconds: five minutes.
const FRESH_MICROS: i64 = 5 * 60 * 1_000_000;
/// How long a secret that was shown waits to be confirmed, in microseconds: a quarter of an hour.
const OFFER_MICROS: i64 = 15 * 60 * 1_000_000;
/// How many recovery codes are given.
const RECOVERY_CODES: usize = 8;
/// What recovery codes are hashed with.
const RECOVERY: &str = "recovery";
/// Bytes of a secret, as RFC 4226 advises.
const SECRET_BYTES: usize = 20;

/// How somebody stands with their second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    /// Whether one of their roles asks for it.
    pub is_asked: bool,
    /// Since when they have one, RFC 3339; none where they have not.
    pub since: Option<String>,
    /// Recovery codes that are left.
    pub recovery_codes: u64,
}

/// A secret to be put into an authenticator app; told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Offer {
    /// The secret in base 32, to be typed.
    pub secret: String,
    /// The same as an address (`otpauth://totp/…`), to be shown as a QR.
    pub uri: String,
}

/// Recovery codes; told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each opens one session, in place of a code of the app.
    pub recovery_codes: Vec<String>,
}

/// How the person who asks stands.
pub(crate) fn standing(tx: &mut Tx<'_>, principal: &Principal) -> Result<Standing, ApiError> {
    let (org, user) = (principal.org, principal.user);
    let since = second_factors::find(tx, org, user)?.and_then(|it| it.confirmed_at);
    Ok(Standing {
        is_asked: is_asked(principal),
        since: since.map(instant),
        recovery_codes: second_factors::count_recovery_codes(tx, org, user)?,
    })
}

/// Whether one of somebody's roles asks for a second factor.
fn is_asked(principal: &Principal) -> bool {
    principal.grants.iter().any(|it| it.role.asks_second_factor())
}

/// Whether the person gave a code in this session in the last five minutes.
fn is_fresh(principal: &Principal, now: Micros) -> bool {
    principal.proved_at.is_some_and(|at| now.0.saturating_sub(at.0) <= FRESH_MICROS)
}

/// Refuses the session of a device: what a phone holds opens nothing of the account behind it.
///
/// # Errors
/// `not_by_device` (403).
fn refuse_device(principal: &Principal) -> Result<(), ApiError> {
    if principal.dev.is_none() {
        return Ok(());
    }
    Err(ApiError::refused(
        "not_by_device",
        "Eso se hace en la consola, con usuario y contraseña; no desde la sesión de un teléfono.",
        "this is done in the console, with login and password; not by the session of a phone",
    ))
}

/// Whether a person has one.
pub(crate) fn has(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<bool, ApiError> {
    Ok(second_factors::find(tx, org, user)?.is_some_and(|it| it.secret.is_some()))
}

/// Refuses people whose role asks for a second factor and who have none yet.
///
/// # Errors
/// `second_factor_not_set_up` (403).
pub(crate) fn refuse_without(tx: &mut Tx<'_>, principal: &Principal, policy: Policy) -> Result<(), ApiError> {
    if policy == Policy::Offered || !is_asked(principal) || has(tx, principal.org, principal.user)? {
        return Ok(());
    }
    Err(ApiError::refused(
        "second_factor_not_set_up",
        "Su rol pide un segundo factor: configure primero una aplicación de códigos.",
        "your role asks for a second factor: set an authenticator app up first",
    ))
}

/// Refuses what needs a proof of the last five minutes.
///
/// # Errors
/// `not_by_device`, `second_factor_not_set_up`, `second_factor_not_fresh` (403).
pub(crate) fn require_fresh(tx: &mut Tx<'_>, office: &Office) -> Result<(), ApiError> {
    let Some(principal) = office.principal() else { return Ok(()) };
    refuse_device(principal)?;
    refuse_without(tx, principal, office.config().second_factor)?;
    if is_fresh(principal, office.now()) || !has(tx, principal.org, principal.user)? {
        return Ok(());
    }
    Err(ApiError::refused(
        "second_factor_not_fresh",
        "Dé primero un código de su aplicación: esto lo pide de los últimos cinco minutos.",
        "give a code of your app first: this asks for one of the last five minutes",
    ))
}

/// Shows a new secret. One that counts goes on counting until the new one is confirmed.
///
/// # Errors
/// `not_by_device` (403); `second_factor_not_fresh` (403) where there is one and no code of it was given in the last five minutes.
pub(crate) fn offer(tx: &mut Tx<'_>, office: &mut Office) -> Result<Offer, ApiError> {
    let (org, user) = (office.org(), office.person()?.user);
    require_own(tx, office)?;
    let secret = Hidden(office.environment().bytes::<SECRET_BYTES>().to_vec());
    second_factors::offer(tx, org, user, &secret, office.now())?;
    office.record("second_factor_offered", "user", user, &json!({}))?;
    office.reply_is_secret();
    shown(tx, (org, user), &secret)
}

/// The first second factor is set up with the password alone; one in its place with a code of the one that counts.
fn require_own(tx: &mut Tx<'_>, office: &Office) -> Result<(), ApiError> {
    let principal = office.person()?;
    refuse_device(principal)?;
    if has(tx, principal.org, principal.user)? { require_fresh(tx, office) } else { Ok(()) }
}

/// The secret that was shown last and waits to be confirmed, for the page to be shown again to whom it was shown.
pub(crate) fn offered(
    tx: &mut Tx<'_>,
    principal: &Principal,
    now: Micros,
) -> Result<Option<Offer>, ApiError> {
    let (org, user) = (principal.org, principal.user);
    if principal.dev.is_some() || (has(tx, org, user)? && !is_fresh(principal, now)) {
        return Ok(None);
    }
    let secret = waiting(tx, (org, user), now)?;
    secret.map(|it| shown(tx, (org, user), &it)).transpose()
}

/// The secret that was shown last, while it waits.
fn waiting(
    tx: &mut Tx<'_>,
    (org, user): (OrgId, UserId),
    now: Micros,
) -> Result<Option<Hidden<Vec<u8>>>, ApiError> {
    let found = second_factors::find(tx, org, user)?;
    let waits = |at: Micros| now.0.saturating_sub(at.0) <= OFFER_MICROS;
    Ok(found.filter(|it| it.offered_at.is_some_and(waits)).and_then(|it| it.offered))
}

fn shown(tx: &mut Tx<'_>, (org, user): (OrgId, UserId), secret: &Hidden<Vec<u8>>) -> Result<Offer, ApiError> {
    let person = users::find(tx, org, user)?.ok_or_else(|| ApiError::internal("the person is gone"))?;
    let organization = db::organizations::find(tx, org)?;
    let slug = organization.map(|it| it.slug).unwrap_or_default();
    // A colon parts the two names of a label.
    let totp = totp(secret, &person.login.replace(':', " "), &format!("Veedor {slug}"))?;
    let uri = totp.to_url().map_err(ApiError::internal)?;
    Ok(Offer { secret: totp.secret().to_base32(), uri })
}

fn totp(secret: &Hidden<Vec<u8>>, account: &str, issuer: &str) -> Result<Totp, ApiError> {
    let bytes: [u8; SECRET_BYTES] =
        secret.0.as_slice().try_into().map_err(|_| ApiError::internal("a secret of another length"))?;
    let builder = Builder::new().with_secret(totp_rs::Secret::new_stack(bytes)).with_skew(1);
    let builder = builder.with_account_name(account.to_owned()).with_issuer(Some(issuer.to_owned()));
    builder.build().map_err(ApiError::internal)
}

/// The step of a code, where it is one of these minutes.
fn step_of(secret: &Hidden<Vec<u8>>, code: &Secret, now: Micros) -> Result<Option<u64>, ApiError> {
    let digits: String = code.expose_secret().chars().filter(char::is_ascii_digit).collect();
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
    Ok(totp(secret, "veedor", "Veedor")?.check(&digits, seconds))
}

/// Makes the secret that was shown the one that counts, proved by a first code of it. Other sessions of the person end.
///
/// # Errors
/// As [`offer`]; `second_factor_not_offered` (409) where none was shown in the last quarter of an hour, `wrong_second_factor` (422).
pub(crate) fn confirm(
    tx: &mut Tx<'_>,
    office: &mut Office,
    code: &Secret,
) -> Result<RecoveryCodes, ApiError> {
    let (org, user, session) = {
        let it = office.person()?;
        (it.org, it.user, it.session)
    };
    require_own(tx, office)?;
    let secret = waiting(tx, (org, user), office.now())?.ok_or_else(|| {
        ApiError::conflict(
            "second_factor_not_offered",
            "Pida primero un secreto nuevo.",
            "ask for a new secret first",
        )
    })?;
    let step = step_of(&secret, code, office.now())?.ok_or_else(wrong_code)?;
    second_factors::confirm(tx, org, user, &secret, step, office.now())?;
    let codes: Vec<(String, sync_core::Hash)> =
        (0..RECOVERY_CODES).map(|_| auth::new_code(office.environment(), RECOVERY)).collect();
    let hashes: Vec<_> = codes.iter().map(|(_, hash)| *hash).collect();
    second_factors::replace_recovery_codes(tx, org, user, &hashes)?;
    db::sessions::revoke_others_of_user(tx, org, user, session, office.now())?;
    db::sessions::set_proved(tx, org, session, office.now())?;
    office.record("second_factor_confirmed", "user", user, &json!({}))?;
    office.reply_is_secret();
    Ok(RecoveryCodes { recovery_codes: codes.into_iter().map(|(code, _)| code).collect() })
}

/// Takes a code of a person: of their app, or a recovery code. None where they have no second factor.
///
/// # Errors
/// `wrong_second_factor` (422) for a code that is not theirs, is of another time or was taken before.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    (org, user): (OrgId, UserId),
    code: &Secret,
    now: Micros,
) -> Result<Option<&'static str>, ApiError> {
    let found = second_factors::find(tx, org, user)?.and_then(|it| it.secret);
    let Some(secret) = found else { return Ok(None) };
    if let Some(step) = step_of(&secret, code, now)?
        && second_factors::take_step(tx, org, user, step)?
    {
        return Ok(Some("app"));
    }
    let hash = auth::code_hash(code.expose_secret(), RECOVERY);
    if second_factors::use_recovery_code(tx, org, user, hash, now)? {
        return Ok(Some("recovery_code"));
    }
    Err(wrong_code())
}

/// Proves a person anew in their session: what asks for a fresh proof is open for five minutes. Counts the attempt as at the door.
///
/// # Errors
/// `not_by_device`, `second_factor_not_set_up` (403), `wrong_second_factor` (422), `locked_out` (429).
pub(crate) async fn prove(app: &App, principal: &Principal, code: Secret) -> Result<(), ApiError> {
    refuse_device(principal)?;
    let (org, user, session, now) = (principal.org, principal.user, principal.session, app.now());
    let counted = count_attempt(app, (org, user)).await?;
    let (inside, principal) = (app.clone(), principal.clone());
    app.write(move |tx| {
        let Some(by) = take(tx, (org, user), &code, now)? else { return Err(not_set_up()) };
        clear_failures(tx, org, &counted)?;
        db::sessions::set_proved(tx, org, session, now)?;
        let mut office = Office::of_principal(&inside, principal.clone());
        office.record("second_factor_proved", "user", user, &json!({"by": by}))?;
        office.close(tx)
    })
    .await
}

/// Counts an attempt as failed until it succeeds; tells the name that it is counted under.
///
/// # Errors
/// `locked_out` (429).
pub(crate) async fn count_attempt(app: &App, (org, user): (OrgId, UserId)) -> Result<String, ApiError> {
    let now = app.now();
    app.write(move |tx| {
        // A name that is nobody's login, and that no attempt at the door is counted under.
        let name = format!("code {user}");
        count_failure(tx, org, &name, now)?;
        Ok(name)
    })
    .await
}

/// Forgets the second factor of somebody who lost phone and recovery codes; they set one up anew. Nobody does so for themselves.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `own_second_factor` (422); as [`require_fresh`].
pub(crate) fn reset(tx: &mut Tx<'_>, office: &mut Office, user: UserId) -> Result<(), ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    require_fresh(tx, office)?;
    if office.user() == Some(user) {
        return Err(ApiError::field(
            "/user",
            "own_second_factor",
            "El segundo factor propio lo quita otra persona que administre.",
            "another administrator takes your own second factor away",
        ));
    }
    let org = office.org();
    users::find(tx, org, user)?.ok_or_else(|| ApiError::not_found("la persona", "the person"))?;
    second_factors::remove(tx, org, user)?;
    db::sessions::revoke_all_of_user(tx, org, user, office.now())?;
    office.record("second_factor_reset", "user", user, &json!({}))
}

/// As [`reset`], by login. For the operator.
///
/// # Errors
/// `not_found` for a login that the organization does not have.
pub fn reset_by_login(tx: &mut Tx<'_>, office: &mut Office, login: &str) -> Result<(), ApiError> {
    let user = users::find_by_login(tx, office.org(), login)?
        .ok_or_else(|| ApiError::not_found("la persona", "the person"))?;
    reset(tx, office, user.user_id)
}

fn wrong_code() -> ApiError {
    ApiError::field(
        "/code",
        "wrong_second_factor",
        "El código no es el de ahora o ya se usó; espere el siguiente.",
        "the code is not the one of now, or was used; wait for the next",
    )
}

fn not_set_up() -> ApiError {
    ApiError::refused(
        "second_factor_not_set_up",
        "Todavía no tiene un segundo factor.",
        "you have no second factor yet",
    )
}
