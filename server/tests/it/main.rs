//! The office through its real routes: every status and code, over SQLite.
#![allow(missing_docs)]

mod assessments;
mod assignments;
mod audit_log;
mod console;
mod content;
mod devices;
mod field;
mod foundation;
mod openapi;
mod payouts;
mod postgres;
mod reference;
mod review;
mod rights;
mod scorecards;
mod sessions;
mod users;
