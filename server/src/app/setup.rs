//! The first organization and the person who administers it, created in a browser by whoever holds the code that the server printed when
//! it began with an empty database. Once there is an organization nothing here opens any more.

use crate::{
    app::{
        App,
        organizations::{self, NewOrganization},
        sessions::{self, Opened},
        users::{self, GrantScope, NewUser, RoleGrant},
    },
    auth::{self, Secret},
    error::ApiError,
    office::Office,
};
use domain::{access::Role, ids::OrgId};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use sync_core::Hash;
use validator::Validate;

/// What the code is hashed with.
const PURPOSE: &str = "set_up";

/// The code that the server printed; none where it began with an organization.
#[derive(Debug, Default)]
pub(crate) struct SetupCode(Mutex<Option<Hash>>);

/// What is told at the first start.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// The code that the server printed.
    pub(crate) code: Secret,
    /// The organization.
    #[validate(nested)]
    pub(crate) organization: NewOrganization,
    /// Who administers it.
    #[validate(nested)]
    pub(crate) person: NewUser,
    /// Whether they run programmes and review visits too, as in a small trial.
    #[serde(default)]
    pub(crate) does_all: Option<String>,
}

/// Makes the code of an empty database; none where there is an organization. The operator prints it: it is told nowhere else.
///
/// # Errors
/// Those of the database.
pub fn begin(app: &App) -> Result<Option<String>, ApiError> {
    if app.db.read(is_done)? {
        return Ok(None);
    }
    let (code, hash) = auth::new_code(&app.environment, PURPOSE);
    *app.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
    Ok(Some(code))
}

fn is_done(tx: &mut db::Tx<'_>) -> Result<bool, ApiError> {
    Ok(!db::organizations::list(tx)?.is_empty())
}

/// Whether a code was printed and waits. Asks the database as long as one does.
pub(crate) fn is_open(app: &App) -> bool {
    let mut code = app.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
    // The operator may have created one beside it; who cannot ask the database is told of it soon enough.
    if code.is_some() && app.db.read(is_done).unwrap_or(false) {
        *code = None;
    }
    code.is_some()
}

/// Creates the organization and the person, and signs them in.
///
/// # Errors
/// `not_found` (404) once it was done, `wrong_code` (422), and what is wrong with either.
pub(crate) async fn carry_out(app: &App, setup: Setup) -> Result<Opened, ApiError> {
    let typed = auth::code_hash(setup.code.expose_secret(), PURPOSE);
    let printed = *app.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
    let printed = printed.ok_or_else(|| ApiError::not_found("la página", "the page"))?;
    if typed != printed {
        return Err(ApiError::field(
            "/code",
            "wrong_code",
            "No es el código que el servidor mostró al arrancar.",
            "this is not the code that the server printed when it began",
        ));
    }
    let password = setup.person.password.clone().ok_or_else(no_password)?;
    let hash = app.with_passwords(move || auth::hash_password(&password).map_err(ApiError::internal)).await?;
    let (inside, org) = (app.clone(), OrgId(app.environment.new_id()));
    let opened = app
        .write(move |tx| {
            if is_done(tx)? {
                return Err(ApiError::not_found("la página", "the page"));
            }
            let mut office = Office::of_system(&inside, "setup", org);
            organizations::append(tx, &mut office, &setup.organization)?;
            let roles = roles(setup.does_all.is_some());
            let person = NewUser { roles, password: None, ..setup.person.clone() };
            let created = users::create(tx, &mut office, &person, Some(&hash))?;
            office.record("set_up", "organization", org, &json!({"by": created.user.id}))?;
            office.close(tx)?;
            sessions::open_session(tx, &inside, org, created.user.id, "signed_in")
        })
        .await?;
    *app.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    Ok(opened)
}

fn roles(does_all: bool) -> Vec<RoleGrant> {
    let others: &[Role] = if does_all { &[Role::ProgrammeManager, Role::Reviewer] } else { &[] };
    let all = [Role::Admin].iter().chain(others);
    all.map(|role| RoleGrant { role: *role, scope: GrantScope::Organization }).collect()
}

fn no_password() -> ApiError {
    ApiError::field("/person/password", "required", "Escriba una contraseña.", "type a password")
}
