//! The phone's half of Veedor: one SQLite file, and the one API that a phone app, the terminal's `field` and the importer
//! call. One edit is one durable transaction. Owns no rule: what an answer may be is `domain`'s, how ops merge and
//! what is sent is `sync-core`'s. Reads no clock and draws no random; both are arguments.

mod answers;
mod audits;
mod author;
mod error;
mod export;
mod floor;
mod identity;
mod mirror;
mod rebuild;
mod recover;
mod store;
mod sync;
mod writer;

pub use audits::{
    AnswerEntry, AuditDetail, AuditSummary, ConflictEntry, ConflictValue, OpenConflict, Status,
};
pub use author::{Batch, Start, SubmitRule};
pub use error::DeviceError;
pub use export::{Export, ExportedOp};
pub use floor::Floor;
pub use identity::{DeviceKind, NewDevice};
pub use mirror::MirroredTemplate;
pub use store::Device;
pub use sync::{Outcome, Sync, Transport, TransportError};
