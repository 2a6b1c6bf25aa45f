//! The main line over both databases: one body of a test, run over SQLite and over PostgreSQL.

use db::{Db, DbOptions};
use server::testing::TestOffice;

/// Over which database a test runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// An office over a database of its own.
    pub(crate) async fn office(self) -> TestOffice {
        match self {
            Self::Sqlite => TestOffice::open().await,
            Self::Postgres => {
                let url = test_postgres::cluster().database(|template| {
                    let options = DbOptions { connections: 1, ..DbOptions::default() };
                    Db::open(template, &options).unwrap().migrate().unwrap();
                });
                TestOffice::open_at(url).await
            }
        }
    }
}

/// Makes a test for each database out of functions that are told which one.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use $crate::databases::Database;

            #[actix_web::test]
            async fn sqlite() {
                super::$name(Database::Sqlite).await;
            }

            #[actix_web::test]
            async fn postgres() {
                super::$name(Database::Postgres).await;
            }
        }
    )*};
}
