//! What a rescue file says: all that a device holds and its office may lack, as records one after the other, so that neither side
//! ever holds the whole in memory. Owns the form of the records and how the file around them is sealed; who reads and writes the
//! bytes is the driver's.
//!
//! The file, from its first byte:
//!
//! 1. [`MAGIC`].
//! 2. One byte that says for whom it is sealed. [`FOR_OFFICE`]: the first 8 bytes of the SHA-256 of the office's rescue key, then an
//!    ephemeral public key; both keys are points of P-256, uncompressed, 65 bytes. [`FOR_CODE`]: 16 random bytes.
//! 3. Parts of [`PART_BYTES`] each, the last one shorter or as long, each under AES-256-GCM with its tag behind it. The key is
//!    HKDF-SHA-256 of the shared secret (ECDH), or of the code that people pass on, as its [`CODE_LENGTH`] letters and digits; the
//!    salt is all that stands before the parts, the info [`KEY_INFO`]. The nonce is the number of the part from 0, 11 bytes, big-endian, then 1 in the last part and
//!    0 in every other (the STREAM construction): parts that are left out, exchanged or cut off do not open.
//!
//! Inside: records, each with its length in front, 4 bytes, big-endian. The first is [`Record::Begin`], the last [`Record::End`].

use alloc::{boxed::Box, vec::Vec};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Bytes, DeviceId,
    codec::{self, CodecError},
    exchange::Run,
    incident::IncidentRequest,
    payload::BlobRef,
};

/// How a rescue file begins.
pub const MAGIC: &[u8; 16] = b"VEEDOR-RESCUE-1\n";
/// Sealed for the holder of the office's rescue key.
pub const FOR_OFFICE: u8 = 1;
/// Sealed for whoever has the code that the device showed.
pub const FOR_CODE: u8 = 2;
/// Characters of such a code: digits and capital letters without I, L, O and U, so that each carries 5 bits.
pub const CODE_LENGTH: usize = 24;
/// Bytes of one part before it is sealed.
pub const PART_BYTES: usize = 256 * 1024;
/// Bytes that sealing adds to a part.
pub const TAG_BYTES: usize = 16;
/// What the key of the parts is derived for.
pub const KEY_INFO: &[u8] = b"veedor-rescue-1";
/// Longest record, in bytes: the largest run and all around it fits.
pub const MAX_RECORD_BYTES: u32 = 16 << 20;
/// Most bytes of a photo in one record.
pub const PHOTO_BYTES: u64 = 256 * 1024;

/// The nonce of a part.
pub fn nonce(part: u64, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(number) = nonce.get_mut(3..11) {
        number.copy_from_slice(&part.to_be_bytes());
    }
    if let Some(last) = nonce.last_mut() {
        *last = u8::from(is_last);
    }
    nonce
}

/// One record. What a later version adds here is read as [`codec::Nested::Unknown`] and told to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Whose file it is.
    Begin(Begin),
    /// Ops with the proof that their author signed them.
    Run(Box<Run>),
    /// A report of an incident, signed by the device whose file it is.
    Incident(Box<IncidentRequest>),
    /// A part of a photo; the parts of one photo follow each other.
    Photo(PhotoPart),
    /// That it is whole.
    End(End),
}

/// Whose file it is. Nothing rests on it that is not proved by what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The organization that it is for.
    pub org: Uuid,
    /// The person whom the device works for.
    pub user: Uuid,
    /// The device.
    pub dev: DeviceId,
    /// When it was made, milliseconds since 1970 on the device's clock.
    pub made_ms: u64,
    /// Whether it was picked out of a damaged store, so that something may be missing in it.
    pub salvaged: bool,
}

/// A part of a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoPart {
    /// The photo.
    pub blob: BlobRef,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// The part, at most [`PHOTO_BYTES`].
    pub bytes: Bytes,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Runs.
    pub runs: u64,
    /// Photos of which all bytes were there.
    pub photos: u64,
    /// Photos of which they were not.
    pub lost: u64,
}

/// A record as it stands in the file: with its length in front.
///
/// - **Errors**: none of ours fails to be written; the codec's signature has an error.
pub fn framed(record: &Record) -> Result<Vec<u8>, CodecError> {
    let bytes = codec::to_cbor(record)?;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    Ok(length.into_iter().chain(bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn no_two_parts_have_one_nonce_and_the_last_one_is_told() {
        let all: BTreeSet<[u8; 12]> =
            (0..300).flat_map(|part| [nonce(part, false), nonce(part, true)]).collect();
        assert_eq!(all.len(), 600);
        assert_eq!(nonce(258, true), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
    }
}
