//! Review: what is done with a visit after it was handed in. `step` takes one arrow, `commands` are the single ones,
//! `look` is what a reviewer decides by, `queue` what waits; `conflicts` settles what devices disagree about, `approve` freezes the score, `bulk` does it for many, `rescore` makes a new version of it.

pub(crate) mod approve;
pub(crate) mod bulk;
pub(crate) mod changes;
pub(crate) mod commands;
pub(crate) mod conflicts;
pub(crate) mod look;
pub(crate) mod queue;
pub(crate) mod rescore;
pub(crate) mod step;
pub(crate) mod timeline;

pub use approve::Approved;
pub(crate) use approve::FrozenScore;
pub use bulk::{BulkOutcome, BulkReport, MAX_VISITS, Prepared, approve_prepared, prepare};
pub(crate) use conflicts::parse_op_id;
pub use rescore::Rescored;
pub use step::Standing;
pub(crate) use step::{no_such_visit, own_visit, permission};
