//! Byte strings in messages. Owns how they look: a byte string in CBOR; in the JSON of debugging, text with `t:` in
//! front where they are text (an answer is), else hexadecimal with `x:`.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::{fmt, fmt::Write, marker::PhantomData, ops::Deref};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// Bytes that sync carries without looking inside. Clones share them: an op is copied from a message into its log, its audit and
/// what is read of that, and its value is by far the most of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(Arc<[u8]>);

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

/// Bytes that are still being put together, in the form of [`Bytes`].
#[derive(Default)]
pub(crate) struct Buffer(pub(crate) Vec<u8>);

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

fn readable(bytes: &[u8]) -> String {
    if let Ok(text) = core::str::from_utf8(bytes) {
        return format!("t:{text}");
    }
    let mut out = String::from("x:");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn from_readable(text: &str) -> Option<Vec<u8>> {
    if let Some(plain) = text.strip_prefix("t:") {
        return Some(plain.as_bytes().to_vec());
    }
    let digits = text.strip_prefix("x:")?.as_bytes();
    if digits.len() % 2 != 0 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(*pair.first()?).to_digit(16)?;
            let low = char::from(*pair.last()?).to_digit(16)?;
            u8::try_from(high << 4 | low).ok()
        })
        .collect()
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&readable(&self.0))
    }
}

fn write<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() { to.serialize_str(&readable(bytes)) } else { to.serialize_bytes(bytes) }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        write(&self.0, to)
    }
}

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        write(&self.0, to)
    }
}

struct BytesVisitor<T>(PhantomData<T>);

impl<T: for<'a> From<&'a [u8]>> Visitor<'_> for BytesVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        Ok(T::from(bytes))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let bytes = from_readable(text);
        let bytes = bytes.ok_or_else(|| E::custom("`t:` with text or `x:` with hexadecimal expected"))?;
        Ok(T::from(&bytes))
    }
}

fn read<'de, D: Deserializer<'de>, T: for<'a> From<&'a [u8]>>(from: D) -> Result<T, D::Error> {
    let visitor = BytesVisitor(PhantomData);
    if from.is_human_readable() { from.deserialize_str(visitor) } else { from.deserialize_bytes(visitor) }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from)
    }
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from)
    }
}
