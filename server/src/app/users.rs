//! People: created with a password or with a one-time code, given roles where they hold, taken out when they leave.

use crate::{
    app::{
        codes::{self, Purpose},
        rights, second_factor,
    },
    auth::Secret,
    error::ApiError,
    office::Office,
    principal::Principal,
    zone::instant,
};
use db::{Hidden, Tx, users};
use domain::access::{Grant, Permission, Role, Scope, Target};
use domain::ids::{BranchId, OrgId, RegionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// A person to create.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What they sign in with, unique in the organization; letters' case does not matter.
    #[validate(length(min = 1, max = 100), custom(function = "check_login"))]
    pub login: String,
    /// Their name.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// Their first password; left out, the reply carries a one-time code with which they set one.
    #[validate(custom(function = "check_password"))]
    #[schema(value_type = Option<String>, write_only)]
    pub password: Option<Secret>,
    /// Their roles.
    #[serde(default)]
    #[validate(length(max = 50), nested)]
    pub roles: Vec<RoleGrant>,
}

/// A role and where it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleGrant {
    /// `auditor`, `reviewer`, `programme_manager`, `branch_manager`, `hr_analyst`, `hr_approver`, `admin`, `analyst`,
    /// `incident_custodian`.
    #[schema(value_type = String)]
    pub role: Role,
    /// Where; the whole organization where it is left out.
    #[serde(default)]
    pub scope: GrantScope,
}

/// Where a role holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum GrantScope {
    /// Everywhere in the organization.
    #[default]
    Organization,
    /// One region and all below it.
    Region(Uuid),
    /// One branch.
    Branch(Uuid),
}

impl From<GrantScope> for Scope {
    fn from(it: GrantScope) -> Self {
        match it {
            GrantScope::Organization => Self::Organization,
            GrantScope::Region(id) => Self::Region(RegionId(id)),
            GrantScope::Branch(id) => Self::Branch(BranchId(id)),
        }
    }
}

/// A person as administrators see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    /// Their id.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// What they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// Whether they may sign in.
    pub active: bool,
    /// When they were created, RFC 3339.
    pub created_at: String,
    /// Their roles.
    pub roles: Vec<RoleGrant>,
}

/// A person just created.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedUser {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// The one-time code with which they set their password, where none was given; told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<codes::IssuedCode>,
}

/// Whether a login has no letter that none may have.
pub(crate) fn may_be_login(login: &str) -> bool {
    login.chars().all(|it| it.is_alphanumeric() || "._-@+".contains(it))
}

fn check_login(login: &str) -> Result<(), ValidationError> {
    if may_be_login(login) {
        return Ok(());
    }
    let text = "Use letras, dígitos y . _ - @ +. / use letters, digits and . _ - @ +";
    Err(ValidationError::new("bad_login").with_message(text.into()))
}

/// Refuses a password outside its limits, for `validator`.
///
/// # Errors
/// `password_length`.
pub fn check_password(password: &Secret) -> Result<(), ValidationError> {
    use crate::auth::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS};
    use secrecy::ExposeSecret as _;
    let length = password.expose_secret().chars().count();
    if (MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&length) {
        return Ok(());
    }
    let text = format!(
        "La contraseña debe tener de {MIN_PASSWORD_CHARS} a {MAX_PASSWORD_CHARS} caracteres. / the password must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"
    );
    Err(ValidationError::new("password_length").with_message(text.into()))
}

/// Applies the rules of a new person where it did not come as a body.
///
/// # Errors
/// `invalid_input` with every field that breaks a rule.
pub fn check(new: &NewUser) -> Result<(), ApiError> {
    crate::http::body::check(new)
}

/// Creates a person; `hash` is that of the password given, if one was.
///
/// # Errors
/// `login_taken` (409), `unknown_scope` (422), `forbidden` (403).
pub fn create(
    tx: &mut Tx<'_>,
    office: &mut Office,
    new: &NewUser,
    hash: Option<&str>,
) -> Result<CreatedUser, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    if users::find_by_login(tx, org, &new.login)?.is_some() {
        return Err(ApiError::taken(
            "/login",
            "login_taken",
            format!("Ya hay una persona con el usuario «{}».", new.login),
            format!("there is a person with the login '{}' already", new.login),
        ));
    }
    let user = users::User {
        user_id: UserId(office.new_id()),
        login: new.login.to_lowercase(),
        name: new.name.clone(),
        password_hash: Hidden(hash.unwrap_or_default().to_owned()),
        active: true,
        created_at: office.now(),
    };
    users::append(tx, org, &user)?;
    for (index, grant) in new.roles.iter().enumerate() {
        give(tx, office, user.user_id, grant, &format!("/roles/{index}"))?;
    }
    let detail = json!({"login": user.login, "name": user.name, "roles": new.roles});
    office.record("user_created", "user", user.user_id, &detail)?;
    let code = match hash {
        Some(_) => None,
        None => Some(codes::issue(tx, office, user.user_id, Purpose::Password)?),
    };
    Ok(CreatedUser { user: show(tx, org, user)?, code })
}

fn give(
    tx: &mut Tx<'_>,
    office: &Office,
    user: UserId,
    grant: &RoleGrant,
    field: &str,
) -> Result<(), ApiError> {
    if grant.role.is_given_with_proof() {
        second_factor::require_fresh(tx, office)?;
    }
    let org = office.org();
    let is_known = match grant.scope {
        GrantScope::Organization => true,
        GrantScope::Region(id) => db::reference::find_region(tx, org, RegionId(id))?.is_some(),
        GrantScope::Branch(id) => db::reference::find_branch(tx, org, BranchId(id))?.is_some(),
    };
    if !is_known {
        return Err(ApiError::field(
            &format!("{field}/scope/id"),
            "unknown_scope",
            "No existe esa región o sucursal.",
            "there is no such region or branch",
        ));
    }
    let row = users::RoleGrant {
        user_id: user,
        role: grant.role,
        scope: grant.scope.into(),
        granted_by: office.user(),
        granted_at: office.now(),
    };
    Ok(users::grant_role(tx, org, &row)?)
}

/// The grants of a user, as the rules read them.
///
/// # Errors
/// Those of the database.
pub fn grants(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<Vec<Grant>, ApiError> {
    let grants = users::list_roles(tx, org, user)?;
    Ok(grants.into_iter().map(|it| Grant { role: it.role, scope: it.scope }).collect())
}

/// A grant as the API writes it.
pub(crate) fn shown_grant(grant: Grant) -> RoleGrant {
    let scope = match grant.scope {
        Scope::Organization => GrantScope::Organization,
        Scope::Region(id) => GrantScope::Region(id.0),
        Scope::Branch(id) => GrantScope::Branch(id.0),
    };
    RoleGrant { role: grant.role, scope }
}

fn show(tx: &mut Tx<'_>, org: OrgId, user: users::User) -> Result<User, ApiError> {
    let roles = grants(tx, org, user.user_id)?;
    Ok(shown(user, roles))
}

fn shown(user: users::User, roles: Vec<Grant>) -> User {
    User {
        id: user.user_id,
        login: user.login,
        name: user.name,
        active: user.active,
        created_at: instant(user.created_at),
        roles: roles.into_iter().map(shown_grant).collect(),
    }
}

fn found(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<users::User, ApiError> {
    users::find(tx, org, user)?.ok_or_else(|| ApiError::not_found("la persona", "the person"))
}

/// One person.
pub(crate) fn read(tx: &mut Tx<'_>, principal: &Principal, user: UserId) -> Result<User, ApiError> {
    if user != principal.user {
        principal.require(Permission::ManageUsers, &Target::Organization)?;
    }
    let user = found(tx, principal.org, user)?;
    show(tx, principal.org, user)
}

/// The people of the organization, by id.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    after: Option<UserId>,
    limit: u32,
) -> Result<db::Page<User, UserId>, ApiError> {
    principal.require(Permission::ManageUsers, &Target::Organization)?;
    let page = users::list(tx, principal.org, after, limit)?;
    let ids: Vec<UserId> = page.items.iter().map(|it| it.user_id).collect();
    let mut roles: BTreeMap<UserId, Vec<Grant>> = BTreeMap::new();
    for it in users::list_roles_of(tx, principal.org, &ids)? {
        roles.entry(it.user_id).or_default().push(Grant { role: it.role, scope: it.scope });
    }
    let show = |it: users::User| {
        let roles = roles.remove(&it.user_id).unwrap_or_default();
        shown(it, roles)
    };
    Ok(db::Page { items: page.items.into_iter().map(show).collect(), next: page.next })
}

/// Gives a role; giving it again changes nothing.
pub(crate) fn grant(
    tx: &mut Tx<'_>,
    office: &mut Office,
    user: UserId,
    wanted: &RoleGrant,
) -> Result<User, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    let person = found(tx, org, user)?;
    if !grants(tx, org, user)?.into_iter().map(shown_grant).any(|it| it == *wanted) {
        give(tx, office, user, wanted, "")?;
        rights::settle(tx, org, user, rights::What::Everything, office.now())?;
        office.record("role_granted", "user", user, wanted)?;
    }
    show(tx, org, person)
}

/// Takes a role.
///
/// # Errors
/// `not_found` where the person does not have it there, `last_admin` (409) where nobody would be left.
pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    office: &mut Office,
    user: UserId,
    unwanted: &RoleGrant,
) -> Result<User, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    let person = found(tx, org, user)?;
    if !users::revoke_role(tx, org, user, unwanted.role, unwanted.scope.into())? {
        return Err(ApiError::not_found("ese rol de la persona", "this role of the person"));
    }
    refuse_without_admin(tx, org)?;
    rights::settle(tx, org, user, rights::What::Everything, office.now())?;
    office.record("role_revoked", "user", user, unwanted)?;
    show(tx, org, person)
}

/// Lets a person sign in, or no longer; their sessions and devices' tokens end at once.
///
/// # Errors
/// `last_admin` (409) where nobody would be left to administer.
pub(crate) fn set_active(
    tx: &mut Tx<'_>,
    office: &mut Office,
    user: UserId,
    active: bool,
) -> Result<User, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    let person = found(tx, org, user)?;
    if person.active != active {
        if active {
            second_factor::require_fresh(tx, office)?;
        }
        users::set_active(tx, org, user, active)?;
        if !active {
            db::sessions::revoke_all_of_user(tx, org, user, office.now())?;
            refuse_without_admin(tx, org)?;
        }
        let action = if active { "user_activated" } else { "user_deactivated" };
        office.record(action, "user", user, &json!({"login": person.login}))?;
    }
    let person = found(tx, org, user)?;
    show(tx, org, person)
}

fn refuse_without_admin(tx: &mut Tx<'_>, org: OrgId) -> Result<(), ApiError> {
    // One decision at a time: two administrators who take each other out must not both succeed.
    tx.lock(org, "administrators")?;
    if users::count_active_with_role(tx, org, Role::Admin)? > 0 {
        return Ok(());
    }
    Err(ApiError::conflict(
        "last_admin",
        "Es la última persona que administra la organización; nombre antes a otra.",
        "this is the last administrator of the organization; appoint another first",
    ))
}

/// Sets a person's own password; their other sessions end.
pub(crate) fn change_password(tx: &mut Tx<'_>, office: &mut Office, hash: &str) -> Result<(), ApiError> {
    let (org, user, session) = {
        let it = office.person()?;
        (it.org, it.user, it.session)
    };
    users::set_password(tx, org, user, &Hidden(hash.to_owned()))?;
    db::sessions::revoke_others_of_user(tx, org, user, session, office.now())?;
    office.record("password_changed", "user", user, &json!({}))
}

/// Sets somebody's password for them; all their sessions end. For the operator.
///
/// # Errors
/// `not_found` for a login that the organization does not have.
pub fn reset_password(tx: &mut Tx<'_>, office: &mut Office, login: &str, hash: &str) -> Result<(), ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    let user = users::find_by_login(tx, org, login)?
        .ok_or_else(|| ApiError::not_found("la persona", "the person"))?
        .user_id;
    users::set_password(tx, org, user, &Hidden(hash.to_owned()))?;
    users::clear_login_failures(tx, org, login)?;
    db::sessions::revoke_all_of_user(tx, org, user, office.now())?;
    office.record("password_reset", "user", user, &json!({}))
}

/// Issues a one-time code for a login. For the operator.
///
/// # Errors
/// `not_found` for a login that the organization does not have.
pub fn issue_code_by_login(
    tx: &mut Tx<'_>,
    office: &mut Office,
    login: &str,
) -> Result<codes::IssuedCode, ApiError> {
    let user = users::find_by_login(tx, office.org(), login)?
        .ok_or_else(|| ApiError::not_found("la persona", "the person"))?;
    issue_password_code(tx, office, user.user_id)
}

/// Issues a one-time code with which a person sets their password.
pub(crate) fn issue_password_code(
    tx: &mut Tx<'_>,
    office: &mut Office,
    user: UserId,
) -> Result<codes::IssuedCode, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    second_factor::require_fresh(tx, office)?;
    found(tx, office.org(), user)?;
    codes::issue(tx, office, user, Purpose::Password)
}
