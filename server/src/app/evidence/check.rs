//! Whether what is stored is still what it says: for whoever verifies a whole office, and for an office made from a copy.

use crate::{app::App, error::ApiError};
use domain::ids::OrgId;
use sync_core::Hash;

/// How a stored blob was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobCheck {
    /// Its bytes hash to its id.
    Good,
    /// The database counts on it, and it is not in the store.
    Missing,
    /// Other bytes lie in its place.
    OtherBytes,
}

impl App {
    /// Reads one stored blob and checks it against its id. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub fn check_blob(&self, org: OrgId, blob: Hash) -> Result<BlobCheck, ApiError> {
        Ok(match self.blobs.digest(org, blob)? {
            None => BlobCheck::Missing,
            Some((hash, _)) if hash == blob => BlobCheck::Good,
            Some(_) => BlobCheck::OtherBytes,
        })
    }
}
