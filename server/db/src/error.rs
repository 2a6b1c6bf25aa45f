//! What can go wrong in the database, as far as a caller acts differently on it; the cause stays for the log.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use thiserror::Error as ThisError;

/// Why a transaction or a statement failed.
#[derive(Debug, ThisError)]
pub enum DbError {
    /// A row that has to be there is not, or belongs to another organization.
    #[error("not found")]
    NotFound,
    /// A unique key already holds these values; the transaction must be left.
    #[error("duplicate of {constraint}")]
    Duplicate {
        /// The table and the columns of the key, the same text on both databases: `users(org_id, login)`.
        constraint: String,
    },
    /// The row is no longer in the state from which the caller wanted to change it.
    #[error("changed by somebody else in the meantime")]
    Stale,
    /// The database refuses the values: a CHECK, a missing parent row, or an append-only or frozen table.
    #[error("refused by the database: {constraint}")]
    Refused {
        /// What the database said of the rule that was broken.
        constraint: String,
    },
    /// Too much is queued, or a lock could not be had in time: try again later.
    #[error("the database is busy")]
    Busy,
    /// A stored value is not what this version can read.
    #[error("stored data is not readable: {0}")]
    Corrupt(&'static str),
    /// The address, the options or the use of this crate is wrong.
    #[error("{0}")]
    Usage(&'static str),
    /// The database cannot be reached or failed.
    #[error("the database failed")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    /// Wraps the cause of a failed database.
    pub(crate) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(kind, info) => from_database(kind, info),
            Error::DeserializationError(_) => Self::Corrupt("a column does not hold its type"),
            other => Self::unavailable(other),
        }
    }
}

/// Marks the messages that the triggers of the migrations raise.
const REFUSED: &str = "refused: ";

/// How PostgreSQL says that a text is no JSON, or holds a NUL: diesel knows no kind for either.
const UNSTORABLE: [&str; 2] = ["invalid input syntax for type json", "invalid byte sequence for encoding"];

fn from_database(kind: DatabaseErrorKind, info: Box<dyn DatabaseErrorInformation + Send + Sync>) -> DbError {
    let message = info.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => DbError::Duplicate { constraint: unique_key(info.as_ref()) },
        DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => {
            DbError::Refused { constraint: message.strip_prefix(REFUSED).unwrap_or(message).to_owned() }
        }
        _ if message.starts_with(REFUSED) || UNSTORABLE.iter().any(|it| message.starts_with(it)) => {
            DbError::Refused { constraint: message.strip_prefix(REFUSED).unwrap_or(message).to_owned() }
        }
        _ if is_contention(kind, message) || message.contains("database is locked") => DbError::Busy,
        _ => DbError::unavailable(Error::DatabaseError(kind, info)),
    }
}

/// True for a transaction that PostgreSQL gave up only because another one ran beside it.
///
/// diesel does not hand out the SQLSTATE of a deadlock, so its message has to do.
pub(crate) fn is_contention(kind: DatabaseErrorKind, message: &str) -> bool {
    matches!(kind, DatabaseErrorKind::SerializationFailure) || message.contains("deadlock detected")
}

/// `table(column, column)`: SQLite says `UNIQUE constraint failed: t.a, t.b`, PostgreSQL `Key (a, b)=(..) ..`.
fn unique_key(info: &dyn DatabaseErrorInformation) -> String {
    if let Some(columns) = info.message().strip_prefix("UNIQUE constraint failed: ") {
        let table = columns.split('.').next().unwrap_or_default();
        let names: Vec<&str> =
            columns.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column)).collect();
        return format!("{table}({})", names.join(", "));
    }
    let columns = info
        .details()
        .and_then(|details| details.split_once('('))
        .and_then(|(_, rest)| rest.split_once(")="))
        .map_or("?", |(columns, _)| columns);
    format!("{}({columns})", info.table_name().unwrap_or("?"))
}
