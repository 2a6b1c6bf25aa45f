//! People with a login, what they may do and where, and how often somebody failed to be one of them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::access::{Role, Scope};
use domain::ids::{BranchId, OrgId, RegionId, UserId};
use uuid::Uuid;

use crate::column::{Stored, TsColumn, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{login_failures, role_grants, users};
use crate::{DbError, Hidden, Micros, Page, Tx};

record! {
    /// A person with a login.
    User as UserRow in users {
        /// Their id.
        user_id: UserId,
        /// What they log in with, unique in the organization; kept in lower case.
        login: String,
        /// Their name.
        name: String,
        /// The PHC string of their password.
        password_hash: Hidden<String>,
        /// False for somebody who may no longer log in.
        active: bool,
        /// When the user was created.
        created_at: Micros,
    }
}

/// The word and the id that keep a scope; the organization's id is its own.
fn scope_parts(org: OrgId, scope: Scope) -> (&'static str, Uuid) {
    match scope {
        Scope::Organization => ("organization", org.0),
        Scope::Region(id) => ("region", id.0),
        Scope::Branch(id) => ("branch", id.0),
    }
}

fn read_scope(kind: &str, id: Uuid) -> Result<Scope, DbError> {
    match kind {
        "organization" => Ok(Scope::Organization),
        "region" => Ok(Scope::Region(RegionId(id))),
        "branch" => Ok(Scope::Branch(BranchId(id))),
        _ => Err(DbError::Corrupt("unknown scope")),
    }
}

/// A role that a user has somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant {
    /// Who has it.
    pub user_id: UserId,
    /// The role.
    pub role: Role,
    /// Where: the organization, a region or a branch.
    pub scope: Scope,
    /// Who granted it; none for the installation itself.
    pub granted_by: Option<UserId>,
    /// When.
    pub granted_at: Micros,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = role_grants)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct RoleGrantRow {
    org_id: UidColumn,
    user_id: UidColumn,
    role: String,
    scope_kind: String,
    scope_id: UidColumn,
    granted_by: Option<UidColumn>,
    granted_at: TsColumn,
}

impl Record for RoleGrant {
    type Row = RoleGrantRow;

    fn row(&self, org: OrgId) -> RoleGrantRow {
        let (scope_kind, scope_id) = scope_parts(org, self.scope);
        RoleGrantRow {
            org_id: org.store(),
            user_id: self.user_id.store(),
            role: self.role.store(),
            scope_kind: scope_kind.to_owned(),
            scope_id: scope_id.store(),
            granted_by: self.granted_by.store(),
            granted_at: self.granted_at.store(),
        }
    }

    fn from_row(row: RoleGrantRow) -> Result<Self, DbError> {
        Ok(Self {
            user_id: Stored::read(row.user_id)?,
            role: Stored::read(row.role)?,
            scope: read_scope(&row.scope_kind, row.scope_id.0)?,
            granted_by: Stored::read(row.granted_by)?,
            granted_at: Stored::read(row.granted_at)?,
        })
    }
}

record! {
    /// The failed attempts to log in under a name since the last that succeeded, whether or not the name exists.
    LoginFailures as LoginFailuresRow in login_failures {
        /// The name, in lower case.
        login: String,
        /// How many.
        failures: u32,
        /// When the first was.
        first_at: Micros,
        /// When the last was.
        last_at: Micros,
        /// Until when no attempt counts.
        locked_until: Option<Micros>,
    }
}

/// Appends a user; the login is put in lower case.
///
/// - **Errors**: [`DbError::Duplicate`] for a login that is taken.
pub fn append(tx: &mut Tx<'_>, org: OrgId, user: &User) -> Result<(), DbError> {
    append_many(tx, org, std::slice::from_ref(user))
}

/// Appends users in statements of many; logins are put in lower case.
pub fn append_many(tx: &mut Tx<'_>, org: OrgId, new: &[User]) -> Result<(), DbError> {
    for batch in new.chunks(crate::record::BATCH) {
        let mut batch = rows(org, batch);
        for row in &mut batch {
            row.login = row.login.to_lowercase();
        }
        on_db!(tx, |c| diesel::insert_into(users::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The user of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<Option<User>, DbError> {
    let row: Option<UserRow> = on_db!(tx, |c| users::table
        .find((org.store(), user.store()))
        .select(UserRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The names of many users, by id; those that are not stored are left out.
pub fn names(tx: &mut Tx<'_>, org: OrgId, ids: &[UserId]) -> Result<BTreeMap<UserId, String>, DbError> {
    let mut names = BTreeMap::new();
    for ids in ids.chunks(BATCH) {
        let ids: Vec<UidColumn> = ids.iter().map(Stored::store).collect();
        let found: Vec<(UidColumn, String)> = on_db!(tx, |c| users::table
            .filter(users::org_id.eq(org.store()))
            .filter(users::user_id.eq_any(&ids))
            .select((users::user_id, users::name))
            .load(c))?;
        for (id, name) in found {
            names.insert(UserId::read(id)?, name);
        }
    }
    Ok(names)
}

/// The user of a login, in whatever case it is written.
pub fn find_by_login(tx: &mut Tx<'_>, org: OrgId, login: &str) -> Result<Option<User>, DbError> {
    let row: Option<UserRow> = on_db!(tx, |c| users::table
        .filter(users::org_id.eq(org.store()))
        .filter(users::login.eq(login.to_lowercase()))
        .select(UserRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The users by id.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Page<User, UserId>, DbError> {
    let found: Vec<UserRow> = on_db!(tx, |c| {
        let mut query = users::table.filter(users::org_id.eq(org.store())).into_boxed();
        if let Some(after) = after {
            query = query.filter(users::user_id.gt(after.store()));
        }
        query.order(users::user_id).limit(rows_to_read(limit)).select(UserRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |user: &User| user.user_id))
}

/// Sets a user's password.
///
/// - **Errors**: [`DbError::NotFound`].
pub fn set_password(tx: &mut Tx<'_>, org: OrgId, user: UserId, hash: &Hidden<String>) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(users::table.find((org.store(), user.store())))
        .set(users::password_hash.eq(&hash.0))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Lets a user log in or no longer.
///
/// - **Errors**: [`DbError::NotFound`].
pub fn set_active(tx: &mut Tx<'_>, org: OrgId, user: UserId, active: bool) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(users::table.find((org.store(), user.store())))
        .set(users::active.eq(active))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Gives a role.
///
/// - **Errors**: [`DbError::Duplicate`] where the user has it there already; [`DbError::Refused`] for a user of no
///   such id.
pub fn grant_role(tx: &mut Tx<'_>, org: OrgId, grant: &RoleGrant) -> Result<(), DbError> {
    let row = grant.row(org);
    on_db!(tx, |c| diesel::insert_into(role_grants::table).values(&row).execute(c))?;
    Ok(())
}

/// Takes a role; false where the user did not have it there.
pub fn revoke_role(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    role: Role,
    scope: Scope,
) -> Result<bool, DbError> {
    let (scope_kind, scope_id) = scope_parts(org, scope);
    let key = (org.store(), user.store(), role.store(), scope_kind, scope_id.store());
    let taken = on_db!(tx, |c| diesel::delete(role_grants::table.find(key.clone())).execute(c))?;
    Ok(taken > 0)
}

/// What a user may do, by role and scope, at most [`crate::MAX_PAGE`].
pub fn list_roles(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<Vec<RoleGrant>, DbError> {
    let found: Vec<RoleGrantRow> = on_db!(tx, |c| role_grants::table
        .filter(role_grants::org_id.eq(org.store()))
        .filter(role_grants::user_id.eq(user.store()))
        .order((role_grants::role, role_grants::scope_kind, role_grants::scope_id))
        .limit(i64::from(crate::MAX_PAGE))
        .select(RoleGrantRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The grants of many users at once, by user and then as [`list_roles`] orders them.
pub fn list_roles_of(tx: &mut Tx<'_>, org: OrgId, users: &[UserId]) -> Result<Vec<RoleGrant>, DbError> {
    let users: Vec<_> = users.iter().map(Stored::store).collect();
    let found: Vec<RoleGrantRow> = on_db!(tx, |c| role_grants::table
        .filter(role_grants::org_id.eq(org.store()))
        .filter(role_grants::user_id.eq_any(&users))
        .order((role_grants::user_id, role_grants::role, role_grants::scope_kind, role_grants::scope_id))
        .select(RoleGrantRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The users who have one of these roles in a part of the organization only, by id.
pub fn list_with_scoped_role(tx: &mut Tx<'_>, org: OrgId, roles: &[Role]) -> Result<Vec<UserId>, DbError> {
    let roles: Vec<_> = roles.iter().map(Stored::store).collect();
    let found: Vec<UidColumn> = on_db!(tx, |c| role_grants::table
        .filter(role_grants::org_id.eq(org.store()))
        .filter(role_grants::role.eq_any(&roles))
        .filter(role_grants::scope_kind.ne("organization"))
        .select(role_grants::user_id)
        .distinct()
        .order(role_grants::user_id)
        .load(c))?;
    found.into_iter().map(UserId::read).collect()
}

/// Counts a failed attempt to log in and returns the count as it now stands.
pub fn append_login_failure(
    tx: &mut Tx<'_>,
    org: OrgId,
    login: &str,
    at: Micros,
) -> Result<LoginFailures, DbError> {
    let first = LoginFailures {
        login: login.to_lowercase(),
        failures: 1,
        first_at: at,
        last_at: at,
        locked_until: None,
    };
    let row = first.row(org);
    let stands: LoginFailuresRow = on_db!(tx, |c| diesel::insert_into(login_failures::table)
        .values(&row)
        .on_conflict((login_failures::org_id, login_failures::login))
        .do_update()
        .set((
            login_failures::failures.eq(login_failures::failures + 1),
            login_failures::last_at.eq(at.store())
        ))
        .returning(LoginFailuresRow::as_returning())
        .get_result(c))?;
    LoginFailures::from_row(stands)
}

/// The failed attempts under a name, if any.
pub fn find_login_failures(
    tx: &mut Tx<'_>,
    org: OrgId,
    login: &str,
) -> Result<Option<LoginFailures>, DbError> {
    let row: Option<LoginFailuresRow> = on_db!(tx, |c| login_failures::table
        .find((org.store(), login.to_lowercase()))
        .select(LoginFailuresRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Locks a name that has failed, until `until`.
///
/// - **Errors**: [`DbError::NotFound`] where nothing failed under this name.
pub fn lock_login(tx: &mut Tx<'_>, org: OrgId, login: &str, until: Micros) -> Result<(), DbError> {
    let key = (org.store(), login.to_lowercase());
    let changed = on_db!(tx, |c| diesel::update(login_failures::table.find(key.clone()))
        .set(login_failures::locked_until.eq(until.store()))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Forgets the failed attempts under a name, after one that succeeded.
pub fn clear_login_failures(tx: &mut Tx<'_>, org: OrgId, login: &str) -> Result<(), DbError> {
    let key = (org.store(), login.to_lowercase());
    on_db!(tx, |c| diesel::delete(login_failures::table.find(key.clone())).execute(c))?;
    Ok(())
}

/// How many people who may log in have a role over the whole organization.
pub fn count_active_with_role(tx: &mut Tx<'_>, org: OrgId, role: Role) -> Result<u64, DbError> {
    let count: i64 = on_db!(tx, |c| role_grants::table
        .inner_join(
            users::table
                .on(users::org_id.eq(role_grants::org_id).and(users::user_id.eq(role_grants::user_id)))
        )
        .filter(role_grants::org_id.eq(org.store()))
        .filter(role_grants::role.eq(role.store()))
        .filter(role_grants::scope_kind.eq("organization"))
        .filter(users::active.eq(true))
        .count()
        .get_result(c))?;
    u64::try_from(count).map_err(|_| DbError::Corrupt("a negative count"))
}
