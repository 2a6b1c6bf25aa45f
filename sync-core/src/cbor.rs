//! CBOR for serde, as little code as reads and writes our types: an error is one pointer, so that the code of each type does not carry
//! it about. Owns which bytes a value becomes (the shortest, a struct a map by name, an enum its name or a map of one) and which bytes
//! are read. It has no tags, no floating numbers and no numbers above 64 bits, which none of our types holds.

mod read;
mod write;

use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::fmt;

pub(crate) use read::Reader;
pub(crate) use write::Writer;

/// The kind of an item, in the upper three bits of its first byte.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// The rest of a first byte: of what goes on until a [`BREAK`].
const UNTIL_BREAK: u8 = 31;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const BREAK: u8 = 0xff;

/// Why a value cannot be read or written.
#[derive(Debug)]
pub(crate) struct Error(Box<Text>);

/// A text of three words behind a pointer of one.
#[derive(Debug)]
struct Text(String);

impl Error {
    #[cold]
    fn new(text: &str) -> Self {
        Self(Box::new(Text(String::from(text))))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl core::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(Box::new(Text(text.to_string())))
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        <Self as serde::de::Error>::custom(text)
    }
}

#[cfg(test)]
mod tests;
