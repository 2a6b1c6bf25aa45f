//! Reading audits of others: from CSV files and a mapping to visits and answers that fit a checklist. Owns what is
//! accepted and how a refused row is told; who feeds them to a device is the command.

pub(crate) mod mapping;
pub(crate) mod refusals;
pub(crate) mod rows;
pub(crate) mod run;
mod source;
