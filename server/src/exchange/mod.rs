//! The server's half of sync (design: `sync-core::ingest` says in which order what is checked). Stores what devices
//! push, acknowledges after the commit, folds the audits it touches, serves the feeds, and writes the server's own log.
//! Business rules never block an op: they decide afterwards whether it is applied, in conflict, late or quarantined.

mod author;
mod feed;
mod ingest;
mod project;
mod pull;

pub(crate) use author::{Draft, append_server_ops};
pub(crate) use feed::{publish_assignment, publish_ref_row};
pub(crate) use ingest::exchange;
