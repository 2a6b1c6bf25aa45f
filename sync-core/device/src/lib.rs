//! The phone's half of Veedor: one SQLite file, and the one API that a phone app, the terminal's `field` and the importer
//! call. One edit is one durable transaction. Owns no rule: what an answer may be is `domain`'s, how ops merge and
//! what is sent is `sync-core`'s. Reads no clock and draws no random; both are arguments.

mod answers;
mod audits;
mod author;
mod blobs;
mod ended;
mod error;
mod export;
mod floor;
mod folder;
mod identity;
mod incidents;
mod migrate;
mod mirror;
mod offers;
mod originals;
mod packed_files;
mod photos;
mod place;
mod reasons;
mod rebuild;
mod receipts;
mod recover;
mod redact;
mod renew;
mod rescue;
mod salvage;
mod seal;
mod store;
mod sync;
mod upload;
mod writer;

pub use audits::{
    AnswerEntry, AttachmentEntry, AuditDetail, AuditSummary, Author, ConflictEntry, ConflictValue, Filled,
    OpenConflict, Status, Unplaced, WayOut,
};
pub use author::{Batch, Start, SubmitRule};
pub use blobs::{Captured, KEEP_MS, PhotoState, ROOM_FOR_AUDIT, ROOM_FOR_PHOTO, Unsent};
pub use error::DeviceError;
pub use export::{Export, ExportedOp};
pub use floor::Floor;
pub use folder::{Folder, KeyedFolder};
pub use identity::{DeviceKind, NewDevice};
pub use incidents::{IncidentAnswer, IncidentEntry, IncidentTransport, Incidents, IncidentsEnd};
pub use migrate::{MigrationReport, TemplateVersion};
pub use mirror::MirroredTemplate;
pub use offers::{Offer, OfferWord, Refused};
pub use originals::{Originals, ROOM_FOR_ORIGINAL};
pub use packed_files::PackedFiles;
pub use photos::PhotoFacts;
pub use place::{DeviceKey, Files, Place, PlatformKey, Signatures};
pub use reasons::why_not_applied;
pub use rescue::{Rescue, RescueFacts};
pub use salvage::{Remembered, salvage};
pub use store::Device;
pub use sync::{Next, Outcome, Sync, Transport, TransportError};
pub use upload::{BlobTransport, NextPart, Upload};
