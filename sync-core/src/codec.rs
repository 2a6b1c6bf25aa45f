//! Encoding and decoding of messages: CBOR on the wire and in stores, JSON with the same types for debugging. Owns the
//! bounds; decoding arbitrary bytes gives an error, never a panic, and its memory is bounded by the input's length.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    Bytes,
    cbor::{Reader, Writer},
};

/// Whether messages can be read and written as JSON too, for debugging. Ids, keys and rows are JSON anyway.
pub(crate) const JSON: bool = cfg!(feature = "json");

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError(pub String);

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for CodecError {}

/// Where a buffer begins that is written in small pieces, in bytes: most of what is encoded are audits and larger.
const USUAL_BYTES: usize = 1_024;

/// Encodes as CBOR; the same value always gives the same bytes.
///
/// - **Errors**: none of our types fails to encode; the error is there since the encoder's signature has one.
pub fn to_cbor<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut to = Writer { bytes: Vec::with_capacity(USUAL_BYTES) };
    value.serialize(&mut to).map_err(|e| CodecError(format!("cannot encode: {e}")))?;
    Ok(to.bytes)
}

/// Decodes one CBOR value that fills `bytes` exactly.
///
/// - **Errors**: malformed, truncated or trailing bytes, or another shape.
pub fn from_cbor<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut from = Reader::new(bytes);
    let value = T::deserialize(&mut from).map_err(|e| CodecError(format!("not the expected CBOR: {e}")))?;
    if !from.is_at_end() {
        return Err(CodecError(String::from("bytes after the end of the CBOR value")));
    }
    Ok(value)
}

/// How many parts CBOR bytes are made of, told without taking them apart: each costs memory, however short it is, and one of
/// a byte some dozens of bytes. What lies in a byte string is one part.
pub fn count_items(bytes: &[u8]) -> usize {
    let (mut rest, mut count) = (bytes, 0_usize);
    while let Some((first, after)) = rest.split_first() {
        count = count.saturating_add(1);
        let (kind, short) = (first >> 5, first & 0x1f);
        let (short, width) = match short {
            0..24 => (u64::from(short), 0),
            24..28 => (0, 1_usize << (short - 24)),
            _ => (0, 0),
        };
        let Some((number, after)) = after.split_at_checked(width) else { break };
        // Of byte strings and texts the number is a length; else what is inside follows by itself.
        let length = match kind {
            2 | 3 => number.iter().fold(short, |sum, it| sum << 8 | u64::from(*it)),
            _ => 0,
        };
        let inside = usize::try_from(length).unwrap_or(usize::MAX);
        rest = after.get(inside..).unwrap_or_default();
    }
    count
}

/// Encodes as JSON, for debugging.
///
/// - **Errors**: as [`to_cbor`].
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    serde_json::to_vec(value).map_err(|e| CodecError(format!("cannot encode: {e}")))
}

/// Decodes JSON, for debugging.
///
/// - **Errors**: malformed text or another shape.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(|e| CodecError(format!("not the expected JSON: {e}")))
}

/// A part of a message that may be newer than this program: it is a byte string of CBOR inside CBOR, so that a part that
/// cannot be decoded leaves the message readable and can be kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nested<T> {
    /// Decoded.
    Known(T),
    /// Not decoded: the bytes as they came (JSON text in the JSON mode).
    Unknown(Bytes),
}

impl<T: Serialize> Serialize for Nested<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) if JSON && to.is_human_readable() => value.serialize(to),
            Self::Known(value) => {
                Bytes::from(to_cbor(value).map_err(serde::ser::Error::custom)?).serialize(to)
            }
            Self::Unknown(raw) => raw.serialize(to),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if JSON && from.is_human_readable() {
            let raw = <&serde_json::value::RawValue>::deserialize(from)?;
            return Ok(match serde_json::from_str(raw.get()) {
                Ok(value) => Self::Known(value),
                Err(_) => Self::Unknown(Bytes::from(raw.get())),
            });
        }
        let raw = Bytes::deserialize(from)?;
        Ok(match from_cbor(&raw) {
            Ok(value) => Self::Known(value),
            Err(_) => Self::Unknown(raw),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Part = (u64, String, Bytes, Option<bool>, Vec<u16>);

    fn part() -> impl Strategy<Value = Part> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
        (
            any::<u64>(),
            ".{0,80}",
            bytes,
            any::<Option<bool>>(),
            proptest::collection::vec(any::<u16>(), 0..30),
        )
    }

    proptest! {
        #[test]
        fn each_place_of_a_message_is_counted_and_what_lies_in_bytes_and_texts_is_not(
            parts in proptest::collection::vec(part(), 0..40),
        ) {
            let places: usize = parts.iter().map(|it| 6 + it.4.len()).sum();
            prop_assert_eq!(count_items(&to_cbor(&parts).unwrap()), 1 + places);
        }

        #[test]
        fn any_bytes_are_counted_as_no_more_than_they_are(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let count = count_items(&bytes);
            prop_assert!(count <= bytes.len() && (count > 0 || bytes.is_empty()));
        }
    }

    #[test]
    fn the_shortest_parts_are_counted_also_where_no_length_is_told() {
        assert_eq!(count_items(&[0x9f, 0x60, 0x60, 0x60, 0xff]), 5);
        assert_eq!(count_items(&[0x7f, 0x61, b'a', 0x61, b'b', 0xff]), 4);
        // A length beyond the end leaves nothing to count.
        assert_eq!(count_items(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]), 1);
    }
}
