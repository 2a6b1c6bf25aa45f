//! The messages of the blob lane (SYNC.md 2.5): photos and other evidence, beside the exchange and after it. Owns their
//! shapes; which blob is sent when is the device's, what is stored is the server's.
//!
//! ```text
//! POST  /sync/v1/blobs/query                      BlobQuery -> Done | Refused
//! PATCH /sync/v1/blobs/{id}?offset=N&size=TOTAL   raw bytes, header Chunk-SHA256 (hexadecimal) -> Progress | Refused
//! GET   /sync/v1/blobs/{id}                       the bytes, with Range; what is wrong with the request -> Refused
//! ```
//!
//! A blob's id is the SHA-256 of its bytes, so that a retry, two devices and two audits cost nothing. A part is taken only
//! where it begins at the offset that the server holds for this device; [`BlobRefusal::offset`] tells it where it does not.

use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, Hash,
    exchange::{Limits, RefusalCode},
    payload::BlobRef,
};

/// Where blobs are asked for.
pub const QUERY_PATH: &str = "/sync/v1/blobs/query";
/// The header with the SHA-256 of a part.
pub const CHUNK_HASH_HEADER: &str = "Chunk-SHA256";
/// Most blobs of one query.
pub const MAX_QUERIED_BLOBS: usize = 256;

/// Where a part of a blob goes.
pub fn part_path(blob: &BlobRef, offset: u64) -> String {
    format!("{}?offset={offset}&size={}", blob_path(&blob.id), blob.size)
}

/// Where a blob is read.
pub fn blob_path(id: &Hash) -> String {
    format!("/sync/v1/blobs/{id}")
}

/// What a device asks before it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobQuery {
    /// [`crate::exchange::PROTO`].
    pub proto: u16,
    /// The device.
    pub dev: DeviceId,
    /// The server's epoch as the device knows it from an exchange: ops go before blobs.
    pub epoch: u64,
    /// Blobs that the device would send; at most [`MAX_QUERIED_BLOBS`].
    pub blobs: Vec<BlobRef>,
}

impl BlobQuery {
    /// Whether what is asked stays within what one answer may cost (I15).
    ///
    /// - **Errors**: [`RefusalCode::TooLarge`] with `too_many_blobs`.
    pub fn check_bounds(&self) -> Result<(), BlobRefusal> {
        if self.blobs.len() > MAX_QUERIED_BLOBS {
            return Err(BlobRefusal::new(RefusalCode::TooLarge, "too_many_blobs"));
        }
        Ok(())
    }
}

/// What the server answers: one message whatever the HTTP status, so that a page of a captive portal is never taken for
/// an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobReply {
    /// To a query.
    Done(BlobAnswer),
    /// To a part that was taken.
    Progress(BlobProgress),
    /// Nothing of the request is stored.
    ///
    /// | code | what the device does |
    /// |---|---|
    /// | `offset` | goes on at [`BlobRefusal::offset`] |
    /// | `bad_hash` | goes on at [`BlobRefusal::offset`]: of `bad_chunk_hash` the part came damaged; of `bad_blob_hash` the whole is something else and must be read anew from the disk |
    /// | `quota` | rests the lane for [`BlobRefusal::retry_after_ms`] and tells the auditor |
    /// | `too_large` | of `chunk_too_large` sends smaller parts; of `blob_too_large` gives this blob up |
    /// | `too_many`, `unavailable` | comes again, as in the exchange |
    /// | `epoch` | has an exchange first |
    Refused(BlobRefusal),
}

/// Where the blobs of a query stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobAnswer {
    /// The server's epoch.
    pub epoch: u64,
    /// One for each blob asked for, in the same order.
    pub states: Vec<(Hash, BlobState)>,
    /// What the server takes.
    pub limits: Limits,
}

/// Where a blob stands on the server, for the device that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobState {
    /// Stored: its bytes hash to its id, and it is durable.
    Have,
    /// Begun by this device; the next part begins at `offset`.
    Partial {
        /// Bytes held.
        offset: u64,
    },
    /// Not there.
    Want,
    /// It will never be taken as it is.
    Refused {
        /// Stable machine code: `blob_too_large`.
        reason: String,
    },
}

/// A part was taken, or was not needed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobProgress {
    /// Where the next part begins.
    pub offset: u64,
    /// The whole is stored: its bytes hash to its id, and it is durable.
    pub stored: bool,
    /// What the server takes.
    pub limits: Limits,
}

/// Why a request of the lane is refused: a refusal of the exchange, but of a blob instead of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRefusal {
    /// What to act on.
    pub code: RefusalCode,
    /// Stable machine code of the detail.
    pub reason: String,
    /// For a part: where the next one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// For another epoch: the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// When to come again, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl BlobRefusal {
    /// A refusal without particulars.
    pub fn new(code: RefusalCode, reason: &str) -> Self {
        Self { code, reason: String::from(reason), offset: None, epoch: None, retry_after_ms: None }
    }
}
