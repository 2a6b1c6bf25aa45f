//! The states of a version of a checklist, standard or plan: a draft may change, a released one never does.

use super::{named, wrong_state};
use crate::{LocalText, Problem};

named! {
    /// Where a version of content stands.
    VersionState {
        /// May change.
        Draft = "draft", "borrador", "draft";
        /// Frozen: its content hash is locked.
        Released = "released", "liberada", "released";
    }
}

/// Releases a version.
///
/// # Errors
/// `wrong_state` (409) where it is released already.
pub fn release(from: VersionState) -> Result<VersionState, Problem> {
    match from {
        VersionState::Draft => Ok(VersionState::Released),
        VersionState::Released => Err(wrong_state(Some(from.label()), LocalText::new("liberar", "release"))),
    }
}
