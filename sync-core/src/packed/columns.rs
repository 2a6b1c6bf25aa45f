//! Packed ops by column: all kinds, then all clock steps, and so on to the values one behind the other. What is alike stands
//! together, so that it compresses to nearly nothing, and a reader takes a handful of byte strings instead of seven items an op.
//! Owns this form; in the JSON of debugging ops are arrays.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::PackedOp;
use crate::{Bytes, Kind, bytes::Buffer, codec::JSON, op::Opening};

/// The columns, each of varints (LEB128) save the last two.
#[derive(Serialize, Deserialize, Default)]
struct Columns(
    /// Kinds.
    Buffer,
    /// Clock steps.
    Buffer,
    /// Audits, each as its distance from the one before.
    Buffer,
    /// Rounds, likewise.
    Buffer,
    /// Fields, likewise.
    Buffer,
    /// How many numbers the base has, and the numbers.
    Buffer,
    /// Lengths of the values, one more than the length; 0 for none.
    Buffer,
    /// The values.
    Buffer,
    /// Openings that are not seeded, each with the index of its op.
    Vec<(u32, Opening)>,
);

pub(super) fn serialize<S: Serializer>(ops: &[PackedOp], to: S) -> Result<S::Ok, S::Error> {
    if JSON && to.is_human_readable() { ops.serialize(to) } else { Columns::of(ops).serialize(to) }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PackedOp>, D::Error> {
    if JSON && from.is_human_readable() {
        return Vec::deserialize(from);
    }
    let columns = Columns::deserialize(from)?;
    columns.ops().ok_or_else(|| de::Error::custom(String::from("columns of ops that do not fit together")))
}

fn put(column: &mut Buffer, mut number: u64) {
    while number >= 0x80 {
        column.0.push(u8::try_from(number & 0x7F).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    column.0.push(u8::try_from(number).unwrap_or_default());
}

/// The distance between two numbers; small for near ones, whichever is the larger (zigzag).
fn distance(before: u32, now: u32) -> u64 {
    let step = i64::from(now) - i64::from(before);
    (step << 1 ^ step >> 63).cast_unsigned()
}

fn after(before: u32, distance: u64) -> Option<u32> {
    let step = (distance >> 1).cast_signed() ^ -(distance & 1).cast_signed();
    u32::try_from(i64::from(before).checked_add(step)?).ok()
}

/// A column that is being read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let part = u64::from(byte & 0x7F);
            let shifted = part.checked_shl(shift)?;
            // Bits that fall off the end are no number.
            if shifted >> shift != part {
                return None;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

impl Columns {
    fn of(ops: &[PackedOp]) -> Self {
        let mut columns = Self::default();
        let values: usize = ops.iter().filter_map(|it| it.value.as_ref()).map(|it| it.len()).sum();
        columns.7.0.reserve(values);
        // Clocks step by some seconds, which take five bytes; the other numbers mostly one.
        columns.1.0.reserve(ops.len().saturating_mul(5));
        let small =
            [&mut columns.0, &mut columns.2, &mut columns.3, &mut columns.4, &mut columns.5, &mut columns.6];
        small.into_iter().for_each(|it| it.0.reserve(ops.len()));
        let (mut audit, mut round, mut field) = (0, 0, 0);
        for (index, op) in (0_u32..).zip(ops) {
            put(&mut columns.0, u64::from(op.kind.number()));
            put(&mut columns.1, op.hlc_step);
            put(&mut columns.2, distance(audit, op.audit));
            put(&mut columns.3, distance(round, op.round));
            put(&mut columns.4, distance(field, op.field));
            (audit, round, field) = (op.audit, op.round, op.field);
            put(&mut columns.5, u64::try_from(op.base.len()).unwrap_or(u64::MAX));
            op.base.iter().for_each(|it| put(&mut columns.5, *it));
            match &op.value {
                None => put(&mut columns.6, 0),
                Some(value) => {
                    put(&mut columns.6, u64::try_from(value.len()).unwrap_or(u64::MAX).saturating_add(1));
                    columns.7.0.extend_from_slice(value);
                }
            }
            if op.opening != Opening::Seeded {
                columns.8.push((index, op.opening));
            }
        }
        columns
    }

    /// The ops; none where the columns do not fit together. Each op takes a byte of every column at least, so that memory is
    /// bounded by what came.
    fn ops(&self) -> Option<Vec<PackedOp>> {
        let [mut kinds, mut steps, mut audits, mut rounds, mut fields, mut bases, mut lengths, mut values] =
            [&self.0, &self.1, &self.2, &self.3, &self.4, &self.5, &self.6, &self.7].map(|it| Reader(&it.0));
        let mut openings = self.8.iter().peekable();
        let (mut audit, mut round, mut field) = (0, 0, 0);
        let most = [&self.0, &self.1, &self.2].map(|it| it.0.len()).into_iter().min().unwrap_or_default();
        let mut ops = Vec::with_capacity(most);
        while !kinds.0.is_empty() {
            let kind = Kind::from_number(kinds.next()?.try_into().ok()?);
            let hlc_step = steps.next()?;
            audit = after(audit, audits.next()?)?;
            round = after(round, rounds.next()?)?;
            field = after(field, fields.next()?)?;
            let named = usize::try_from(bases.next()?).ok()?;
            if named > bases.0.len() {
                return None;
            }
            let base = (0..named).map(|_| bases.next()).collect::<Option<Vec<u64>>>()?;
            let value = match lengths.next()?.checked_sub(1) {
                None => None,
                Some(length) => Some(Bytes::from(values.take(usize::try_from(length).ok()?)?)),
            };
            let here = u32::try_from(ops.len()).ok()?;
            let opening = openings.next_if(|it| it.0 == here).map(|it| it.1).unwrap_or_default();
            ops.push(PackedOp { kind, hlc_step, audit, round, field, base, value, opening });
        }
        let is_over =
            [steps, audits, rounds, fields, bases, lengths, values].iter().all(|it| it.0.is_empty());
        (is_over && openings.next().is_none()).then_some(ops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;
    use alloc::vec;
    use proptest::prelude::*;

    fn op() -> impl Strategy<Value = PackedOp> {
        let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40));
        let opening = prop_oneof![
            4 => Just(Opening::Seeded),
            1 => any::<[u8; 32]>().prop_map(|it| Opening::Redacted(Hash(it))),
        ];
        let numbers = (any::<u16>(), any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>());
        (numbers, proptest::collection::vec(any::<u64>(), 0..6), value, opening).prop_map(
            |((kind, hlc_step, audit, round, field), base, value, opening)| {
                let (kind, value) = (Kind::from_number(kind), value.map(Bytes::from));
                PackedOp { kind, hlc_step, audit, round, field, base, value, opening }
            },
        )
    }

    fn each(columns: &mut Columns) -> [&mut Buffer; 8] {
        let Columns(a, b, c, d, e, f, g, h, _) = columns;
        [a, b, c, d, e, f, g, h]
    }

    proptest! {
        #[test]
        fn ops_come_back_from_their_columns(ops in proptest::collection::vec(op(), 0..20)) {
            prop_assert_eq!(Columns::of(&ops).ops(), Some(ops));
        }

        #[test]
        fn a_column_that_is_longer_or_shorter_than_the_others_is_refused(
            ops in proptest::collection::vec(op(), 1..10),
            at in 0_usize..8,
        ) {
            let mut columns = Columns::of(&ops);
            each(&mut columns)[at].0.push(0);
            prop_assert_eq!(columns.ops(), None);
            let mut columns = Columns::of(&ops);
            if each(&mut columns)[at].0.pop().is_some() {
                prop_assert_eq!(columns.ops(), None);
            }
        }

        #[test]
        fn any_bytes_are_ops_or_refused(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 8)) {
            let mut columns = Columns::default();
            for (column, part) in each(&mut columns).into_iter().zip(parts) {
                column.0 = part;
            }
            let most = columns.0.0.len();
            prop_assert!(columns.ops().is_none_or(|it| it.len() <= most));
        }
    }

    #[test]
    fn a_number_that_does_not_fit_and_an_opening_of_no_op_are_refused() {
        let mut number = Buffer(vec![0xFF; 9]);
        number.0.push(1);
        assert_eq!(Reader(&number.0).next(), Some(u64::MAX));
        number.0[9] = 2;
        assert_eq!(Reader(&number.0).next(), None);
        let eleven = [0x80_u8; 11];
        assert_eq!(Reader(&eleven).next(), None);
        let mut columns = Columns::of(&[]);
        columns.8.push((0, Opening::Redacted(Hash::ZERO)));
        assert_eq!(columns.ops(), None);
        assert_eq!(after(3, distance(3, u32::MAX)), Some(u32::MAX));
        assert_eq!(after(0, distance(1, 0)), None);
    }
}
