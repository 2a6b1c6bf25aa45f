//! Visits as people read them: lists, one visit with its answers, its scores. Owns what of a visit each role sees;
//! `content` reads its ops, `sheet` lays out its answers, `facts` what stands beside them, `pins` the versions of its checklist.

pub(crate) mod branches;
pub(crate) mod content;
pub mod evidence;
pub(crate) mod facts;
mod pins;
mod read;
mod renewed;
mod result;
pub(crate) mod sheet;

pub use facts::{StatedFacts, StatedMoment, StatedOutcome, StatedPlatform, StatedReason};
pub use pins::PinEntry;
pub use read::{EventEntry, Explained, ScoreEntry, VisitDetail, VisitSummary};
pub(crate) use read::{ListFilter, SHOWN, detail, list, require_proof, scores};
pub use renewed::RenewedLog;
pub(crate) use result::{VisitResult, result};
