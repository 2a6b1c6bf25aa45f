//! The installation itself, its organizations and the keys with which the server signs for each.

use diesel::prelude::*;
use domain::ids::OrgId;
use sync_core::{Algorithm, DeviceId};

use crate::column::Stored;
use crate::record::{Record, read_all, read_one};
use crate::schema::{meta, organizations, server_keys};
use crate::{DbError, Hidden, Micros, Tx};

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id, with which every row of it begins.
    pub org_id: OrgId,
    /// Its name in addresses, unique in the installation.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its language, such as `es-MX`.
    pub locale: String,
    /// Its time zone (IANA).
    pub zone: String,
    /// When it was created.
    pub created_at: Micros,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
#[diesel(treat_none_as_default_value = false)]
struct OrganizationRow {
    org_id: crate::column::UidColumn,
    slug: String,
    name: String,
    locale: String,
    zone: String,
    created_at: crate::column::TsColumn,
}

impl OrganizationRow {
    fn read(self) -> Result<Organization, DbError> {
        Ok(Organization {
            org_id: OrgId::read(self.org_id)?,
            slug: self.slug,
            name: self.name,
            locale: self.locale,
            zone: self.zone,
            created_at: Micros::read(self.created_at)?,
        })
    }
}

record! {
    /// A key of the server for one organization: the server is a device of it, and signs as one.
    ServerKey as ServerKeyRow in server_keys {
        /// The device that the public key makes.
        dev: DeviceId,
        /// How it signs.
        alg: Algorithm,
        /// The secret key.
        secret_key: Hidden<Vec<u8>>,
        /// The public key.
        public_key: Vec<u8>,
        /// When it was made.
        created_at: Micros,
    }
}

/// Appends an organization.
///
/// - **Errors**: [`DbError::Duplicate`] for a slug or an id that is taken.
pub fn append(tx: &mut Tx<'_>, organization: &Organization) -> Result<(), DbError> {
    let row = OrganizationRow {
        org_id: organization.org_id.store(),
        slug: organization.slug.clone(),
        name: organization.name.clone(),
        locale: organization.locale.clone(),
        zone: organization.zone.clone(),
        created_at: organization.created_at.store(),
    };
    on_db!(tx, |c| diesel::insert_into(organizations::table).values(&row).execute(c))?;
    Ok(())
}

/// The organization of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Organization>, DbError> {
    let row: Option<OrganizationRow> = on_db!(tx, |c| organizations::table
        .find(org.store())
        .select(OrganizationRow::as_select())
        .first(c)
        .optional())?;
    row.map(OrganizationRow::read).transpose()
}

/// The organization of a slug; for those who do not know its id yet.
pub fn find_by_slug(tx: &mut Tx<'_>, slug: &str) -> Result<Option<Organization>, DbError> {
    let row: Option<OrganizationRow> = on_db!(tx, |c| organizations::table
        .filter(organizations::slug.eq(slug))
        .select(OrganizationRow::as_select())
        .first(c)
        .optional())?;
    row.map(OrganizationRow::read).transpose()
}

/// The organizations of the installation by slug, at most [`crate::MAX_PAGE`]; for its administration.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Organization>, DbError> {
    let rows: Vec<OrganizationRow> = on_db!(tx, |c| organizations::table
        .order(organizations::slug)
        .limit(i64::from(crate::MAX_PAGE))
        .select(OrganizationRow::as_select())
        .load(c))?;
    rows.into_iter().map(OrganizationRow::read).collect()
}

/// Appends a key of the server.
pub fn append_server_key(tx: &mut Tx<'_>, org: OrgId, key: &ServerKey) -> Result<(), DbError> {
    let row = key.row(org);
    on_db!(tx, |c| diesel::insert_into(server_keys::table).values(&row).execute(c))?;
    Ok(())
}

/// The newest key of the server: the one that signs.
pub fn find_server_key(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<ServerKey>, DbError> {
    let row: Option<ServerKeyRow> = on_db!(tx, |c| server_keys::table
        .filter(server_keys::org_id.eq(org.store()))
        .order((server_keys::created_at.desc(), server_keys::dev.desc()))
        .select(ServerKeyRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Every key the server ever had for the organization, oldest first: old receipts stay provable.
pub fn list_server_keys(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<ServerKey>, DbError> {
    let rows: Vec<ServerKeyRow> = on_db!(tx, |c| server_keys::table
        .filter(server_keys::org_id.eq(org.store()))
        .order((server_keys::created_at, server_keys::dev))
        .limit(i64::from(crate::MAX_PAGE))
        .select(ServerKeyRow::as_select())
        .load(c))?;
    read_all(rows)
}

/// A value of the installation, such as its epoch.
pub fn find_meta(tx: &mut Tx<'_>, key: &str) -> Result<Option<Vec<u8>>, DbError> {
    on_db!(tx, |c| meta::table.find(key).select(meta::value).first(c).optional())
}

/// Sets a value of the installation.
pub fn put_meta(tx: &mut Tx<'_>, key: &str, value: &[u8]) -> Result<(), DbError> {
    on_db!(tx, |c| diesel::insert_into(meta::table)
        .values((meta::key.eq(key), meta::value.eq(value)))
        .on_conflict(meta::key)
        .do_update()
        .set(meta::value.eq(value))
        .execute(c))?;
    Ok(())
}

/// Sets a value of the installation unless there is one, and returns the one that stands.
pub fn put_meta_once(tx: &mut Tx<'_>, key: &str, value: &[u8]) -> Result<Vec<u8>, DbError> {
    on_db!(tx, |c| diesel::insert_into(meta::table)
        .values((meta::key.eq(key), meta::value.eq(value)))
        .on_conflict_do_nothing()
        .execute(c))?;
    find_meta(tx, key)?.ok_or(DbError::NotFound)
}

/// Changes an organization's name, language and time zone.
///
/// - **Errors**: [`DbError::NotFound`].
pub fn update(tx: &mut Tx<'_>, organization: &Organization) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(organizations::table.find(organization.org_id.store()))
        .set((
            organizations::name.eq(&organization.name),
            organizations::locale.eq(&organization.locale),
            organizations::zone.eq(&organization.zone),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}
