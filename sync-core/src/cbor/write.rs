//! Writing: values into bytes, each length and number in the shortest form.

use alloc::vec::Vec;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{ARRAY, BREAK, BYTES, Error, FALSE, MAP, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED, UNTIL_BREAK};

/// Bytes that values are written to, one after the other.
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    fn head(&mut self, kind: u8, number: u64) {
        let kind = kind << 5;
        let bytes = number.to_be_bytes();
        let (first, width) = match number {
            0..24 => (bytes[7], 0),
            24..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.bytes.push(kind | first);
        self.bytes.extend_from_slice(bytes.get(8 - width..).unwrap_or_default());
    }

    fn length(&mut self, kind: u8, length: usize) {
        self.head(kind, u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// Begins a list or map of so many items or pairs; where nobody knows how many, it goes on until a break.
    fn begin(&mut self, kind: u8, length: Option<usize>) -> Items<'_> {
        match length {
            Some(length) => self.length(kind, length),
            None => self.bytes.push(kind << 5 | UNTIL_BREAK),
        }
        Items { writer: self, until_break: length.is_none() }
    }

    fn signed(&mut self, number: i64) {
        match u64::try_from(number) {
            Ok(number) => self.head(UNSIGNED, number),
            // -1 - number.
            Err(_) => self.head(NEGATIVE, (!number).cast_unsigned()),
        }
    }

    fn string(&mut self, kind: u8, bytes: &[u8]) {
        self.length(kind, bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Begins a map of the name of a variant and what it holds.
    fn variant(&mut self, name: &str) {
        self.head(MAP, 1);
        self.string(TEXT, name.as_bytes());
    }
}

/// Methods of numbers, as whole ones of 64 bits.
macro_rules! numbers {
    ($($method:ident: $type:ty => $as:ident),*) => {$(
        fn $method(self, number: $type) -> Result<(), Error> {
            self.$as(number.into())
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    numbers! {
        serialize_i8: i8 => serialize_i64, serialize_i16: i16 => serialize_i64, serialize_i32: i32 => serialize_i64,
        serialize_u8: u8 => serialize_u64, serialize_u16: u16 => serialize_u64, serialize_u32: u32 => serialize_u64
    }

    fn serialize_bool(self, truth: bool) -> Result<(), Error> {
        self.bytes.push(if truth { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_i64(self, number: i64) -> Result<(), Error> {
        self.signed(number);
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Error> {
        self.head(UNSIGNED, number);
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_char(self, _: char) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.string(TEXT, text.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.string(BYTES, bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.bytes.push(NULL);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    /// What none of our types holds has no form.
    fn serialize_unit(self) -> Result<(), Error> {
        Err(Error::new("a kind of value that is not written"))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Error> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(name);
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(self.begin(ARRAY, length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, Error> {
        Ok(self.begin(ARRAY, Some(length)))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, Error> {
        Ok(self.begin(ARRAY, Some(length)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(name);
        Ok(self.begin(ARRAY, Some(length)))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(self.begin(MAP, length))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, Error> {
        Ok(self.begin(MAP, Some(length)))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(name);
        Ok(self.begin(MAP, Some(length)))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A list or map that is being written.
pub(crate) struct Items<'a> {
    writer: &'a mut Writer,
    until_break: bool,
}

impl Items<'_> {
    fn finish(self) -> Result<(), Error> {
        if self.until_break {
            self.writer.bytes.push(BREAK);
        }
        Ok(())
    }
}

/// Lists, each of whose items is written by a method.
macro_rules! lists {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
                item.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    )*};
}
lists! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
}

/// Structs, whose fields go by their names.
macro_rules! structs {
    ($($trait:ident),*) => {$(
        impl $trait for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.writer.string(TEXT, name.as_bytes());
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    )*};
}
structs! { SerializeStruct, SerializeStructVariant }

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
