//! The commands, one file each: arguments in, a call to the library, a result out.

pub(crate) mod admin;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod field;
pub(crate) mod import;
pub(crate) mod incident;
pub(crate) mod openapi;
pub(crate) mod payout;
pub(crate) mod rescue;
pub(crate) mod score;
pub(crate) mod serve;
pub(crate) mod standard;
pub(crate) mod template;
pub(crate) mod verify;
pub(crate) mod verify_visit;
