//! The office through its real routes: every status and code, over SQLite.
#![allow(missing_docs)]

mod foundation;
mod sessions;
mod users;
