//! How a plain struct of this crate's interface becomes a row of a table, and one query text both databases.

/// Runs a diesel query on whichever database the transaction is on; the body is compiled once for each.
///
/// The value is a `Result<_, DbError>`.
macro_rules! on_db {
    ($tx:expr, |$c:ident| $body:expr) => {{
        let tx: &mut $crate::Tx<'_> = $tx;
        let result: diesel::QueryResult<_> = match &mut tx.connection {
            $crate::connection::Connection::Pg($c) => {
                let $c: &mut diesel::PgConnection = $c;
                $body
            }
            $crate::connection::Connection::Sqlite($c) => {
                let $c: &mut diesel::SqliteConnection = $c;
                $body
            }
        };
        tx.check(result)
    }};
    ($tx:expr, pg |$p:ident| $pg:expr, sqlite |$s:ident| $lite:expr $(,)?) => {{
        let tx: &mut $crate::Tx<'_> = $tx;
        let result: diesel::QueryResult<_> = match &mut tx.connection {
            $crate::connection::Connection::Pg($p) => {
                let $p: &mut diesel::PgConnection = $p;
                $pg
            }
            $crate::connection::Connection::Sqlite($s) => {
                let $s: &mut diesel::SqliteConnection = $s;
                $lite
            }
        };
        tx.check(result)
    }};
}

/// Inserts many rows; the body makes the statement of what it is given.
///
/// PostgreSQL takes all in one statement, since there the way is what costs. On SQLite a statement of as many rows as there are
/// would be prepared anew each time, which costs as much as to run it: those of one length are prepared once.
macro_rules! insert_all {
    ($tx:expr, $rows:expr, |$values:ident| $insert:expr) => {{
        let rows = $rows;
        on_db!(
            $tx,
            pg | c | {
                let $values = &rows;
                $insert.execute(c).map(drop)
            },
            sqlite | c | {
                let (parts, rest) = rows.as_chunks::<{ $crate::record::PREPARED }>();
                let parts = parts.iter().try_for_each(|$values| $insert.execute(c).map(drop));
                parts.and_then(|()| {
                    let $values = rest;
                    if $values.is_empty() { Ok(()) } else { $insert.execute(c).map(drop) }
                })
            },
        )
    }};
}

/// Declares a public struct and the private row that keeps it: the same columns, after the organization's.
///
/// `treat_none_as_default_value = false` is what makes SQLite take many rows in one statement.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident as $row:ident in $table:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        #[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
        #[diesel(table_name = crate::schema::$table)]
        #[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
        #[diesel(treat_none_as_default_value = false)]
        pub(crate) struct $row {
            org_id: $crate::column::UidColumn,
            $($field: <$type as $crate::column::Stored>::Column,)*
        }

        impl $crate::record::Record for $name {
            type Row = $row;

            fn row(&self, org: domain::ids::OrgId) -> $row {
                $row {
                    org_id: $crate::column::Stored::store(&org),
                    $($field: $crate::column::Stored::store(&self.$field),)*
                }
            }

            fn from_row(row: $row) -> Result<Self, $crate::DbError> {
                Ok(Self { $($field: $crate::column::Stored::read(row.$field)?,)* })
            }
        }
    };
}

/// The `SET` of an upsert that takes the listed columns from the row that came.
macro_rules! excluded {
    ($table:ident: $($column:ident),+ $(,)?) => {
        ($($crate::schema::$table::$column.eq(diesel::upsert::excluded($crate::schema::$table::$column)),)+)
    };
}

use domain::ids::OrgId;

use crate::DbError;

/// The most rows of one statement: more brings nothing, and the databases limit the bound values.
pub(crate) const BATCH: usize = 500;

/// Rows of a statement that SQLite keeps prepared.
pub(crate) const PREPARED: usize = 32;

/// A plain struct with a row behind it.
pub(crate) trait Record: Sized {
    /// The row of the table.
    type Row;

    /// The row of this struct in the organization `org`.
    fn row(&self, org: OrgId) -> Self::Row;

    /// The struct of a row that was read.
    fn from_row(row: Self::Row) -> Result<Self, DbError>;
}

/// The rows of many structs.
pub(crate) fn rows<T: Record>(org: OrgId, items: &[T]) -> Vec<T::Row> {
    items.iter().map(|item| item.row(org)).collect()
}

/// The structs of many rows.
pub(crate) fn read_all<T: Record>(rows: Vec<T::Row>) -> Result<Vec<T>, DbError> {
    rows.into_iter().map(T::from_row).collect()
}

/// The struct of a row that may be absent.
pub(crate) fn read_one<T: Record>(row: Option<T::Row>) -> Result<Option<T>, DbError> {
    row.map(T::from_row).transpose()
}
