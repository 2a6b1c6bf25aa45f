//! Records out of an opened rescue file, one by one, none larger than its bound.

use super::damaged;
use crate::error::ApiError;
use std::io::Read;
use sync_core::{
    Bytes,
    codec::{self, Nested},
    rescue::{MAX_RECORD_BYTES, Record},
    sealed::MAX_OPENED_ITEMS,
};

/// Records that come.
pub(super) struct Records<R>(R);

impl<R: Read> Records<R> {
    pub(super) fn of(from: R) -> Self {
        Self(from)
    }

    /// The next record; none at the end.
    ///
    /// # Errors
    /// `rescue_damaged`.
    pub(super) fn next(&mut self) -> Result<Option<Nested<Record>>, ApiError> {
        let mut length = Vec::new();
        self.0.by_ref().take(4).read_to_end(&mut length).map_err(|it| damaged().because(it))?;
        if length.is_empty() {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length.try_into().map_err(|_| damaged())?);
        if length > MAX_RECORD_BYTES {
            return Err(damaged());
        }
        let mut bytes = Vec::new();
        self.0.by_ref().take(length.into()).read_to_end(&mut bytes).map_err(|it| damaged().because(it))?;
        if u32::try_from(bytes.len()) != Ok(length) {
            return Err(damaged());
        }
        // A crowd of small parts takes many times its bytes in memory.
        if codec::count_items(&bytes) > MAX_OPENED_ITEMS {
            return Err(damaged());
        }
        Ok(Some(match codec::from_cbor(&bytes) {
            Ok(record) => Nested::Known(record),
            Err(_) => Nested::Unknown(Bytes::from(bytes)),
        }))
    }
}
