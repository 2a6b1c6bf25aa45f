//! Evidence: the photos of a visit as a reviewer sees them, the smaller copies that are made of them, and the check that
//! what is stored is what it says.

mod check;
mod photos;
mod read;
mod twins;

pub use check::BlobCheck;
pub use read::{OriginalPhoto, PhotoEvidence, Position, VisitEvidence};
pub use twins::Twin;

pub(crate) use photos::copy;
pub(crate) use read::{find_blob, report};
