//! Encoding and decoding of messages: CBOR on the wire and in stores, JSON with the same types for debugging. Owns the
//! bounds; decoding arbitrary bytes gives an error, never a panic, and its memory is bounded by the input's length.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::Bytes;

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError(pub String);

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for CodecError {}

/// Encodes as CBOR; the same value always gives the same bytes.
///
/// - **Errors**: none of our types fails to encode; the error is there since the encoder's signature has one.
pub fn to_cbor<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    minicbor_serde::to_vec(value).map_err(|e| CodecError(format!("cannot encode: {e}")))
}

/// Decodes one CBOR value that fills `bytes` exactly.
///
/// - **Errors**: malformed, truncated or trailing bytes, or another shape.
pub fn from_cbor<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut from = minicbor_serde::Deserializer::new(bytes);
    let value = T::deserialize(&mut from).map_err(|e| CodecError(format!("not the expected CBOR: {e}")))?;
    if from.decoder().position() != bytes.len() {
        return Err(CodecError(String::from("bytes after the end of the CBOR value")));
    }
    Ok(value)
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
            Self::Known(value) if to.is_human_readable() => value.serialize(to),
            Self::Known(value) => Bytes(to_cbor(value).map_err(serde::ser::Error::custom)?).serialize(to),
            Self::Unknown(raw) => raw.serialize(to),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
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
