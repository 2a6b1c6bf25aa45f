//! The office through its real routes: every status and code, over SQLite.
#![allow(missing_docs)]

mod assignments;
mod audit_log;
mod content;
mod devices;
mod foundation;
mod openapi;
mod payouts;
mod postgres;
mod reference;
mod rights;
mod sessions;
mod users;
