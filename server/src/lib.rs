//! The office of Veedor: HTTP, use cases and the server's half of sync, as a library that the `veedor` binary starts.
//! Handlers translate, use cases decide inside one transaction, `db` stores; each calls only the next.

pub mod app;
pub mod auth;
mod blob_store;
pub(crate) mod command;
pub mod config;
mod console;
mod decimal;
pub mod environment;
pub mod error;
mod evidence;
pub(crate) mod exchange;
mod http;
pub mod office;
pub(crate) mod phone;
pub mod principal;
pub(crate) mod rate_limit;
pub mod serve;
#[cfg(feature = "testing")]
pub mod testing;
mod zone;

pub use app::App;
pub use config::{Config, SecondFactor};
pub use environment::Environment;
pub use error::ApiError;
pub use http::openapi;
pub use office::Office;
pub use principal::{Principal, Reach};
pub use serve::serve;
