//! Byte strings in messages. Owns how they look: a byte string in CBOR; in the JSON of debugging, text with `t:` in
//! front where they are text (an answer is), else hexadecimal with `x:`.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, fmt::Write, ops::Deref};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// Bytes that sync carries without looking inside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
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

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(&readable(&self.0))
        } else {
            to.serialize_bytes(&self.0)
        }
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        from_readable(text)
            .map(Bytes)
            .ok_or_else(|| E::custom("`t:` with text or `x:` with hexadecimal expected"))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            from.deserialize_str(BytesVisitor)
        } else {
            from.deserialize_bytes(BytesVisitor)
        }
    }
}
