//! Every SQL statement of the server, over SQLite and PostgreSQL through one code path.
//!
//! A use case opens one transaction with [`Db::read`] or [`Db::write`] and calls the functions of the modules below
//! with its [`Tx`]; nothing outside this crate can name a table or reach a connection. Every function takes the
//! organization, so that no query crosses organizations; the few that cannot know it yet (a session's token, an
//! enrolment code, an organization's slug) say so.

#[macro_use]
mod column;
#[macro_use]
mod record;

mod backup;
mod connection;
mod error;
mod migration;
mod page;
mod private;
mod schema;
mod writer;

pub mod appeals;
pub mod audit_log;
pub mod audits;
pub mod blobs;
pub mod content;
pub mod devices;
pub mod feed;
pub mod former;
pub mod idempotency;
pub mod imports;
pub mod incidents;
pub mod observations;
pub mod organizations;
pub mod payouts;
pub mod programmes;
pub mod quarantine;
pub mod queue;
pub mod redactions;
pub mod reference;
pub mod reports;
pub mod rights;
pub mod scores;
pub mod second_factors;
pub mod sessions;
pub mod users;

pub use column::{Hidden, Micros};
pub use connection::{Db, DbOptions, Tx, check_address};
pub use error::DbError;
pub use page::{MAX_PAGE, Page};
