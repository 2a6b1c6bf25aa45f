//! The schema's versions, embedded: the same numbers and the same result on both databases.

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::DbError;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Lets one of several servers that start at once migrate while the others wait ("veedor" in ASCII).
const LOCK: &str = "SELECT pg_advisory_lock(130304430239602)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(130304430239602)";

/// Brings a SQLite file to the newest schema.
pub(crate) fn migrate_sqlite(connection: &mut SqliteConnection) -> Result<(), DbError> {
    connection.run_pending_migrations(SQLITE).map(drop).map_err(DbError::Unavailable)
}

/// Brings a PostgreSQL database to the newest schema.
pub(crate) fn migrate_postgres(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.batch_execute(LOCK)?;
    let migrated = connection.run_pending_migrations(POSTGRES).map(drop).map_err(DbError::Unavailable);
    connection.batch_execute(UNLOCK)?;
    migrated
}

/// Takes every migration back, newest first.
pub(crate) fn revert_sqlite(connection: &mut SqliteConnection) -> Result<(), DbError> {
    connection.revert_all_migrations(SQLITE).map(drop).map_err(DbError::Unavailable)
}

/// Takes every migration back, newest first.
pub(crate) fn revert_postgres(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.revert_all_migrations(POSTGRES).map(drop).map_err(DbError::Unavailable)
}
