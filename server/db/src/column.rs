//! Column types that mean the same on both databases, and how the values of the rules are kept in them.

use std::fmt;
use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, SqlType};
use diesel::sqlite::Sqlite;
use domain::access::Role;
use domain::appeal::{AppealState, ItemDecision};
use domain::date::Date;
use domain::ids::{
    AppealId, AssessmentId, AssignmentId, AuditId, BranchId, IncidentId, KpiId, OrgId, ProgrammeId, RegionId,
    RunId, StaffId, UserId, WaveId,
};
use domain::incident::IncidentState;
use domain::lifecycle::{Actor, Command, RunState, State, VersionState};
use sync_core::exchange::StreamId;
use sync_core::{Algorithm, DeviceId, Hash};
use uuid::Uuid;

use crate::DbError;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

/// A secret: stored as it is, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// SQL type of identifiers: `uuid` in PostgreSQL, a blob of 16 bytes in SQLite.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Uid;

/// SQL type of instants: `timestamptz` in PostgreSQL, microseconds since 1970 in SQLite.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Ts;

/// An identifier as it is bound and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Uid)]
pub struct UidColumn(pub Uuid);

/// An instant as it is bound and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Ts)]
pub struct TsColumn(pub i64);

/// PostgreSQL counts from 2000-01-01T00:00:00Z.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Uid, Pg> for UidColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Uid, Pg> for UidColumn {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<Uid, Sqlite> for UidColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        let bytes: &[u8] = self.0.as_bytes();
        out.set_value(bytes);
        Ok(IsNull::No)
    }
}

impl FromSql<Uid, Sqlite> for UidColumn {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

impl ToSql<Ts, Pg> for TsColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.checked_sub(POSTGRES_EPOCH).ok_or("instant out of range")?;
        out.write_all(&micros.to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Ts, Pg> for TsColumn {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        Ok(Self(micros.checked_add(POSTGRES_EPOCH).ok_or("instant out of range")?))
    }
}

impl ToSql<Ts, Sqlite> for TsColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(IsNull::No)
    }
}

impl FromSql<Ts, Sqlite> for TsColumn {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?))
    }
}

/// A value and the column that keeps it.
pub(crate) trait Stored: Sized {
    /// What diesel binds and reads.
    type Column;

    /// The value as it is bound.
    fn store(&self) -> Self::Column;

    /// The value as it was read.
    ///
    /// - **Errors**: [`DbError::Corrupt`] where the column holds what this type cannot.
    fn read(column: Self::Column) -> Result<Self, DbError>;
}

macro_rules! stored_ids {
    ($($id:ident),* $(,)?) => {$(
        impl Stored for $id {
            type Column = UidColumn;

            fn store(&self) -> UidColumn {
                UidColumn(self.0)
            }

            fn read(column: UidColumn) -> Result<Self, DbError> {
                Ok(Self(column.0))
            }
        }
    )*};
}

stored_ids!(
    AppealId,
    AssessmentId,
    AssignmentId,
    AuditId,
    BranchId,
    IncidentId,
    KpiId,
    OrgId,
    ProgrammeId,
    RegionId,
    RunId,
    StaffId,
    UserId,
    WaveId,
);

macro_rules! stored_as_is {
    ($($plain:ty),* $(,)?) => {$(
        impl Stored for $plain {
            type Column = $plain;

            fn store(&self) -> $plain {
                self.clone()
            }

            fn read(column: $plain) -> Result<Self, DbError> {
                Ok(column)
            }
        }
    )*};
}

stored_as_is!(String, i64, bool, Vec<u8>);

impl Stored for Uuid {
    type Column = UidColumn;

    fn store(&self) -> UidColumn {
        UidColumn(*self)
    }

    fn read(column: UidColumn) -> Result<Self, DbError> {
        Ok(column.0)
    }
}

impl Stored for Micros {
    type Column = TsColumn;

    fn store(&self) -> TsColumn {
        TsColumn(self.0)
    }

    fn read(column: TsColumn) -> Result<Self, DbError> {
        Ok(Self(column.0))
    }
}

impl Stored for u32 {
    type Column = i64;

    fn store(&self) -> i64 {
        i64::from(*self)
    }

    fn read(column: i64) -> Result<Self, DbError> {
        Self::try_from(column).map_err(|_| DbError::Corrupt("a number above 32 bits"))
    }
}

/// Kept bit by bit, since clocks and epochs may use the highest one: from 2^63 on they are negative in the database.
/// Sequence numbers never get there, and their CHECKs refuse it.
impl Stored for u64 {
    type Column = i64;

    fn store(&self) -> i64 {
        i64::from_ne_bytes(self.to_ne_bytes())
    }

    fn read(column: i64) -> Result<Self, DbError> {
        Ok(Self::from_ne_bytes(column.to_ne_bytes()))
    }
}

macro_rules! stored_bytes {
    ($($bytes:ident),* $(,)?) => {$(
        impl Stored for $bytes {
            type Column = Vec<u8>;

            fn store(&self) -> Vec<u8> {
                self.0.to_vec()
            }

            fn read(column: Vec<u8>) -> Result<Self, DbError> {
                Self::try_from(column.as_slice())
                    .map_err(|_| DbError::Corrupt(concat!("another length than a ", stringify!($bytes))))
            }
        }
    )*};
}

stored_bytes!(DeviceId, Hash);

macro_rules! stored_words {
    ($($words:ident),* $(,)?) => {$(
        impl Stored for $words {
            type Column = String;

            fn store(&self) -> String {
                self.to_string()
            }

            fn read(column: String) -> Result<Self, DbError> {
                column.parse().map_err(|_| DbError::Corrupt(concat!("unknown ", stringify!($words))))
            }
        }
    )*};
}

stored_words!(
    Actor,
    AppealState,
    Command,
    IncidentState,
    ItemDecision,
    Role,
    RunState,
    State,
    StreamId,
    VersionState
);

impl Stored for Date {
    type Column = String;

    fn store(&self) -> String {
        self.to_string()
    }

    fn read(column: String) -> Result<Self, DbError> {
        Self::parse(&column).ok_or(DbError::Corrupt("not a date"))
    }
}

impl Stored for Algorithm {
    type Column = i64;

    fn store(&self) -> i64 {
        i64::from(self.number())
    }

    fn read(column: i64) -> Result<Self, DbError> {
        let number = u8::try_from(column).map_err(|_| DbError::Corrupt("unknown Algorithm"))?;
        Self::try_from(number).map_err(|_| DbError::Corrupt("unknown Algorithm"))
    }
}

impl<T: Stored> Stored for Option<T> {
    type Column = Option<T::Column>;

    fn store(&self) -> Self::Column {
        self.as_ref().map(T::store)
    }

    fn read(column: Self::Column) -> Result<Self, DbError> {
        column.map(T::read).transpose()
    }
}

impl<T: Stored> Stored for Hidden<T> {
    type Column = T::Column;

    fn store(&self) -> Self::Column {
        self.0.store()
    }

    fn read(column: Self::Column) -> Result<Self, DbError> {
        T::read(column).map(Self)
    }
}

/// Declares an enum that is kept as one of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$word_meta:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_meta])* $variant,)*
        }

        impl $name {
            /// The word that is stored and shown in the interfaces.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word; none for a word that is not known.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl $crate::column::Stored for $name {
            type Column = String;

            fn store(&self) -> String {
                self.as_str().to_owned()
            }

            fn read(column: String) -> Result<Self, $crate::DbError> {
                Self::from_word(&column).ok_or($crate::DbError::Corrupt(concat!("unknown ", stringify!($name))))
            }
        }
    };
}
