//! Reading: values out of bytes. Nothing is believed of a length before the bytes are there.

use alloc::{vec, vec::Vec};
use core::str;
use serde::{
    de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    ARRAY, BREAK, BYTES, Error, FALSE, MAP, NEGATIVE, NULL, SIMPLE, TAG, TEXT, TRUE, UNSIGNED, UNTIL_BREAK,
};

/// Bytes of which values are read, one after the other.
pub(crate) struct Reader<'de> {
    /// What is not read yet.
    rest: &'de [u8],
}

impl<'de> Reader<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything is read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn first(&self) -> Result<u8, Error> {
        self.rest.first().copied().ok_or_else(|| Error::new("the bytes end too early"))
    }

    fn next(&mut self) -> Result<u8, Error> {
        let first = self.first()?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(first)
    }

    fn take(&mut self, length: u64) -> Result<&'de [u8], Error> {
        let split = usize::try_from(length).ok().and_then(|it| self.rest.split_at_checked(it));
        let (taken, rest) = split.ok_or_else(|| Error::new("the bytes end too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The kind of the next item and its number, a length or the value itself; no number where it goes on until a break.
    fn head(&mut self) -> Result<(u8, Option<u64>), Error> {
        let first = self.next()?;
        let number = match first & 0x1f {
            short @ 0..24 => Some(u64::from(short)),
            long @ 24..28 => {
                let bytes = self.take(1 << (long - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            UNTIL_BREAK => None,
            _ => return Err(Error::new("no CBOR")),
        };
        Ok((first >> 5, number))
    }

    /// The number of the next item, which is of a kind.
    fn number(&mut self, kind: u8) -> Result<u64, Error> {
        match self.head()? {
            (found, Some(number)) if found == kind => Ok(number),
            _ => Err(Error::new("another kind of value than expected")),
        }
    }

    /// How many items a list or map has; none where they go on until a break.
    fn length(&mut self, kind: u8) -> Result<Option<u64>, Error> {
        match self.head()? {
            (found, length) if found == kind => Ok(length),
            _ => Err(Error::new("another kind of value than expected")),
        }
    }

    fn signed(&mut self) -> Result<i64, Error> {
        let (kind, number) = self.head()?;
        let number = number.and_then(|it| i64::try_from(it).ok());
        match (kind, number) {
            (UNSIGNED, Some(number)) => Ok(number),
            // -1 - number.
            (NEGATIVE, Some(number)) => Ok(!number),
            _ => Err(Error::new("no number of 64 bits")),
        }
    }

    fn bytes(&mut self) -> Result<&'de [u8], Error> {
        let length = self.number(BYTES)?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'de str, Error> {
        let length = self.number(TEXT)?;
        str::from_utf8(self.take(length)?).map_err(|_| Error::new("a text that is not UTF-8"))
    }

    fn truth(&mut self) -> Result<bool, Error> {
        match self.next()? {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(Error::new("neither true nor false")),
        }
    }

    fn items(&mut self, length: Option<u64>) -> Items<'_, 'de> {
        Items { reader: self, length }
    }

    /// A list of so many items.
    fn tuple(&mut self, length: usize) -> Result<Items<'_, 'de>, Error> {
        let found = self.length(ARRAY)?;
        if found.and_then(|it| usize::try_from(it).ok()) != Some(length) {
            return Err(Error::new("a list of another length than expected"));
        }
        Ok(self.items(found))
    }

    fn map(&mut self) -> Result<Items<'_, 'de>, Error> {
        let length = self.length(MAP)?;
        Ok(self.items(length))
    }

    /// Passes over a value, however deep it is.
    fn skip(&mut self) -> Result<(), Error> {
        // How many items are still to come, from the outermost to the innermost; none where they go on until a break. Lists in lists
        // need no place of their own as long as they say how long they are.
        let mut open: Vec<Option<u64>> = vec![Some(1)];
        while let Some(expected) = open.last_mut() {
            match expected {
                Some(0) => {
                    open.pop();
                    continue;
                }
                Some(number) => *number -= 1,
                None if self.first()? == BREAK => {
                    self.next()?;
                    open.pop();
                    continue;
                }
                None => {}
            }
            match (open.last_mut(), self.skip_one()?) {
                (Some(Some(number)), Some(Some(inside))) => *number = number.saturating_add(inside),
                (_, Some(inside)) => open.push(inside),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Passes over an item and says how many are inside it.
    fn skip_one(&mut self) -> Result<Option<Option<u64>>, Error> {
        let before = self.rest;
        match self.head()? {
            (UNSIGNED | NEGATIVE | SIMPLE, Some(_)) => Ok(None),
            (TAG, Some(_)) => Ok(Some(Some(1))),
            (ARRAY, length) => Ok(Some(length)),
            (MAP, length) => Ok(Some(length.map(|it| it.saturating_mul(2)))),
            (kind @ (BYTES | TEXT), Some(_)) => {
                self.rest = before;
                if kind == BYTES { self.bytes().map(drop) } else { self.text().map(drop) }.map(|()| None)
            }
            (kind @ (BYTES | TEXT), None) => {
                while self.first()? != BREAK {
                    if kind == BYTES { self.bytes().map(drop) } else { self.text().map(drop) }?;
                }
                self.next().map(|_| None)
            }
            _ => Err(Error::new("no CBOR")),
        }
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    forward_to_deserialize_any! { i128 u128 f32 f64 char unit unit_struct }

    /// What says itself what it is we have none of.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::new("a kind of value that is not read"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.truth()?)
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.signed()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    /// The visitor sees to it that the number is not too large for it.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.number(UNSIGNED)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.first()? == NULL {
            self.next()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length(ARRAY)?;
        visitor.visit_seq(self.items(length))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.tuple(length)?)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.map()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.first()? >> 5 == MAP && self.length(MAP)? != Some(1) {
            return Err(Error::new("more than one variant"));
        }
        visitor.visit_enum(self)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// What is inside a list or map.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many items, or pairs, are still to come; none where they go on until a break.
    length: Option<u64>,
}

impl Items<'_, '_> {
    /// Whether there is one more, which is then counted as read.
    fn has_next(&mut self) -> Result<bool, Error> {
        match &mut self.length {
            Some(0) => Ok(false),
            Some(length) => {
                *length -= 1;
                Ok(true)
            }
            None if self.reader.first()? == BREAK => {
                self.length = Some(0);
                self.reader.next().map(|_| false)
            }
            None => Ok(true),
        }
    }

    fn size(&self) -> Option<usize> {
        self.length.and_then(|it| usize::try_from(it).ok())
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.has_next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        self.size()
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        self.size()
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        seed.deserialize(&mut *self).map(|name| (name, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }
}
