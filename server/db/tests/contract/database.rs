//! A fresh, migrated database for a test, and a few rows that most tests need.

use db::organizations::{self, Organization};
use db::reference::{self, Branch};
use db::users::{self, User};
use db::{Db, DbError, DbOptions, Hidden, Micros, Tx};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use domain::date::Date;
use domain::ids::{BranchId, OrgId, UserId};
use sync_core::Hash;
use tempfile::TempDir;
use uuid::Uuid;

/// The database of one test; its file goes with it.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    url: String,
    // Dropped after the database that lies in it.
    _folder: Option<TempDir>,
}

impl std::ops::Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// A line that a raw query of a test returns.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

impl TestDb {
    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// Its file, where it is one.
    pub(crate) fn path(&self) -> Option<&str> {
        self.url.strip_prefix("sqlite:")
    }

    /// The address of a place for another database of the same kind.
    pub(crate) fn another_place(&self) -> String {
        if self.is_sqlite() {
            format!("{}.other", self.url)
        } else {
            test_postgres::cluster().empty_database()
        }
    }

    /// Runs SQL behind the crate's back, as somebody with the database's password could.
    pub(crate) fn execute(&self, sql: &str) -> Result<(), String> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(sql),
            None => PgConnection::establish(&self.url).unwrap().batch_execute(sql),
        }
        .map_err(|error| error.to_string())
    }

    /// The column `line` of a query, sorted.
    pub(crate) fn lines(&self, sql: &str) -> Vec<String> {
        let found: Vec<Line> = match self.url.strip_prefix("sqlite:") {
            Some(path) => diesel::sql_query(sql).load(&mut SqliteConnection::establish(path).unwrap()),
            None => diesel::sql_query(sql).load(&mut PgConnection::establish(&self.url).unwrap()),
        }
        .unwrap();
        let mut lines: Vec<String> = found.into_iter().map(|it| it.line).collect();
        lines.sort();
        lines
    }
}

pub(crate) fn options() -> DbOptions {
    DbOptions { connections: 4, ..DbOptions::default() }
}

pub(crate) fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("veedor.db").display());
    let db = Db::open(&url, &options()).unwrap();
    db.migrate().unwrap();
    TestDb { db, url, _folder: Some(folder) }
}

pub(crate) fn postgres() -> TestDb {
    let url = test_postgres::cluster().database(|template| {
        Db::open(template, &DbOptions { connections: 1, ..options() }).unwrap().migrate().unwrap();
    });
    TestDb { db: Db::open(&url, &options()).unwrap(), url, _folder: None }
}

/// Declares a test for each database: the body is a function of the database.
#[macro_export]
macro_rules! on_both {
    ($(fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn contract($db: &$crate::database::TestDb) $body

            #[test]
            fn sqlite() {
                contract(&$crate::database::sqlite());
            }

            #[test]
            fn postgres() {
                contract(&$crate::database::postgres());
            }
        }
    )*};
}

pub(crate) fn uuid(number: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

pub(crate) fn org(number: u32) -> OrgId {
    OrgId(uuid(number))
}

pub(crate) fn user(number: u32) -> UserId {
    UserId(uuid(number))
}

/// Runs a write that returns this crate's own error.
pub(crate) fn write<T: Send + 'static>(
    db: &Db,
    job: impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    db.write(job)
}

/// Runs a read that returns this crate's own error.
pub(crate) fn read<T>(db: &Db, job: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError>) -> T {
    db.read(job).unwrap()
}

pub(crate) fn organization(number: u32) -> Organization {
    Organization {
        org_id: org(number),
        slug: format!("org-{number}"),
        name: format!("Organización {number}"),
        locale: "es-MX".to_owned(),
        zone: "America/Mexico_City".to_owned(),
        created_at: Micros(1_700_000_000_123_456),
    }
}

pub(crate) fn person(number: u32, login: &str) -> User {
    User {
        user_id: user(number),
        login: login.to_owned(),
        name: format!("Persona {number}"),
        password_hash: Hidden("$argon2id$…".to_owned()),
        active: true,
        created_at: Micros(-1),
    }
}

/// Two organizations, 1 and 2, with one user each, 11 and 21.
pub(crate) fn two_organizations(db: &Db) {
    write(db, |tx| {
        for number in [1, 2] {
            organizations::append(tx, &organization(number))?;
            users::append(tx, org(number), &person(number * 10 + 1, "ana"))?;
        }
        Ok(())
    })
    .unwrap();
}

pub(crate) fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub(crate) fn hash(number: u8) -> Hash {
    Hash([number; 32])
}

pub(crate) fn branch_id(number: u32) -> BranchId {
    BranchId(uuid(number))
}

pub(crate) fn branch(number: u32) -> Branch {
    Branch {
        branch_id: branch_id(number),
        region_id: None,
        code: format!("B{number:04}"),
        name: format!("Sucursal {number}"),
        latitude_e7: Some(-899_999_999),
        longitude_e7: Some(1_799_999_999),
        zone: "America/Mexico_City".to_owned(),
        target_hundredths: Some(8_500),
        active: true,
    }
}

/// Two organizations with branches 1 and 2 in the first.
pub(crate) fn two_organizations_with_branches(db: &Db) {
    two_organizations(db);
    write(db, |tx| reference::upsert_branches(tx, org(1), &[branch(1), branch(2)])).unwrap();
}

pub(crate) fn is_duplicate<T: std::fmt::Debug>(outcome: &Result<T, DbError>) -> bool {
    matches!(outcome, Err(DbError::Duplicate { .. }))
}

pub(crate) fn is_refused<T: std::fmt::Debug>(outcome: &Result<T, DbError>) -> bool {
    matches!(outcome, Err(DbError::Refused { .. }))
}

pub(crate) fn is_stale<T: std::fmt::Debug>(outcome: &Result<T, DbError>) -> bool {
    matches!(outcome, Err(DbError::Stale))
}
