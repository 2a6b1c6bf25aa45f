//! The office of Veedor: HTTP, use cases and the server's half of sync, as a library that the `veedor` binary starts.
//! Handlers translate, use cases decide inside one transaction, `db` stores; each calls only the next.

pub mod auth;
pub mod environment;
pub mod error;
mod http;
