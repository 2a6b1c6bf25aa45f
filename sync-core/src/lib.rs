//! The facts of Veedor's sync, pure: ops, hash chain, signatures, fold, exchange messages, the session's state
//! machine and the checks of the server's ingest. The same code runs on phone, server and simulator. No clock, random,
//! socket, file or thread, and no knowledge of what an answer means: values are bytes.
#![no_std]

extern crate alloc;

pub mod blob;
pub mod bytes;
mod cbor;
pub mod chain;
pub mod codec;
pub mod content;
pub mod exchange;
pub mod fold;
pub mod hlc;
pub mod id;
pub mod incident;
pub mod ingest;
pub mod lane;
pub mod op;
pub mod packed;
pub mod payload;
pub mod receipt;
pub mod redaction;
pub mod reference;
pub mod relay;
pub mod renew;
pub mod rescue;
pub mod sealed;
pub mod segment;
pub mod session;
pub mod signature;

pub use bytes::Bytes;
pub use chain::Head;
pub use fold::{AuditOps, AuditView};
pub use id::{DeviceId, Hash, Hasher, OpId, Seed};
pub use op::{Kind, Op};
pub use sealed::{SealedRun, SealedSegment};
pub use segment::{Segment, SegmentError, VerifiedSegment};
pub use signature::{Algorithm, PublicKey};
