//! The server's half of sync (`sync_core::ingest` says in which order what is checked). Stores what devices push,
//! acknowledges after the commit, folds the audits it touches, serves the feeds, and writes the server's own log.
//! Business rules never block an op: they decide afterwards whether it is applied, in conflict, late or quarantined.

mod adopt;
mod author;
pub(crate) mod blobs;
pub(crate) mod feed;
mod ingest;
mod offers;
mod project;
mod pull;
mod receipts;
pub(crate) mod redaction;
pub(crate) mod relay;
mod report;
mod rescued;

pub(crate) use adopt::{APPROVED_VISIT, SetAsideOp, adopt, read_ops};
pub(crate) use author::{Draft, append_server_ops, signing_key};
pub(crate) use feed::{AGAIN, OPS, RETURNED, RIGHT, ROW};
pub(crate) use ingest::{Sender, exchange};
pub(crate) use rescued::{Bearer, Brought};

use crate::error::ApiError;
use db::{Micros, Tx, devices::StoredSegment};
use sync_core::{SealedSegment, Segment, codec, sealed::Effort};

/// Level of zstd for answers: segments in them are compressed already.
pub(crate) const ZSTD_LEVEL: i32 = 3;
/// Why a session of one device may not speak for another.
pub(crate) const FOREIGN_DEVICE: &str = "foreign_device";
/// Where the installation keeps its epoch.
const EPOCH: &str = "epoch";

/// Milliseconds since 1970 of an instant.
pub(crate) fn millis(instant: Micros) -> u64 {
    u64::try_from(instant.0 / 1_000).unwrap_or(0)
}

/// The installation's epoch: 1 at first, another one after a restore.
///
/// # Errors
/// Those of the database.
pub(crate) fn epoch(tx: &mut Tx<'_>) -> Result<u64, ApiError> {
    match db::organizations::find_meta(tx, EPOCH)? {
        None => Ok(1),
        Some(bytes) => {
            let bytes = bytes
                .as_slice()
                .try_into()
                .map_err(|_| ApiError::internal("the stored epoch is not 8 bytes"))?;
            Ok(u64::from_be_bytes(bytes))
        }
    }
}

/// Begins another epoch: of a server that was restored. It is later than every one before, also of a server restored from
/// the same copy at another time.
///
/// # Errors
/// Those of the database.
pub(crate) fn raise_epoch(tx: &mut Tx<'_>, now: Micros) -> Result<u64, ApiError> {
    let next = epoch(tx)?.saturating_add(1).max(millis(now));
    db::organizations::put_meta(tx, EPOCH, &next.to_be_bytes())?;
    Ok(next)
}

/// A segment as it is stored, which is as it travels.
fn packed(segment: &Segment) -> Result<Vec<u8>, ApiError> {
    let sealed = SealedSegment::of(segment, Effort::Quick).map_err(ApiError::internal)?;
    codec::to_cbor(&sealed).map_err(ApiError::internal)
}

/// Reads a stored segment again.
///
/// # Errors
/// Bytes that are none.
pub(crate) fn read_segment(stored: &StoredSegment) -> Result<Segment, ApiError> {
    unpacked(&stored.bytes)
}

fn unpacked(bytes: &[u8]) -> Result<Segment, ApiError> {
    sealed(bytes)?.open().map_err(ApiError::internal)
}

fn sealed(bytes: &[u8]) -> Result<SealedSegment, ApiError> {
    codec::from_cbor(bytes).map_err(ApiError::internal)
}
