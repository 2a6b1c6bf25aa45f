//! A fresh, migrated database for a test, and a few rows that most tests need.

use db::organizations::{self, Organization};
use db::users::{self, User};
use db::{Db, DbError, DbOptions, Hidden, Micros, Tx};
use domain::ids::{OrgId, UserId};
use tempfile::TempDir;
use uuid::Uuid;

/// The database of one test; its file goes with it.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    // Dropped after the database that lies in it.
    _folder: Option<TempDir>,
}

impl std::ops::Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

pub(crate) fn options() -> DbOptions {
    DbOptions { connections: 4, ..DbOptions::default() }
}

pub(crate) fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("veedor.db").display()), &options()).unwrap();
    db.migrate().unwrap();
    TestDb { db, _folder: Some(folder) }
}

pub(crate) fn postgres() -> TestDb {
    let url = test_postgres::cluster().database(|template| {
        Db::open(template, &DbOptions { connections: 1, ..options() }).unwrap().migrate().unwrap();
    });
    TestDb { db: Db::open(&url, &options()).unwrap(), _folder: None }
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
