//! The office through its real routes: every status and code, over SQLite.
#![allow(missing_docs)]

mod audit_log;
mod devices;
mod foundation;
mod openapi;
mod postgres;
mod rights;
mod sessions;
mod users;
