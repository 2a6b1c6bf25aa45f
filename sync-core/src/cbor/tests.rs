//! What is read and written, held against `minicbor-serde`, which read and wrote before.

use super::*;
use crate::{Bytes, codec};
use alloc::{collections::BTreeMap, format, vec, vec::Vec};
use proptest::{prelude::*, sample::Index};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    Of(i32),
    Two(u8, bool),
    With { text: String, part: Option<i64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Whole {
    number: u64,
    signed: (i8, i16, i64),
    unsigned: (u8, u16, u32),
    truth: Option<bool>,
    kinds: Vec<Kind>,
    bytes: Bytes,
    unit: Unit,
    by_name: BTreeMap<String, Vec<u16>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pairs: Vec<(u32, Option<Bytes>)>,
}

/// Of all that is in it, this one looks at two fields and passes over the rest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Part {
    number: u64,
    unit: Unit,
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Plain),
        any::<i32>().prop_map(Kind::Of),
        any::<(u8, bool)>().prop_map(|it| Kind::Two(it.0, it.1)),
        (".{0,30}", any::<Option<i64>>()).prop_map(|(text, part)| Kind::With { text, part }),
    ]
}

prop_compose! {
    fn whole()(
        (number, shift, signed) in any::<(u64, u8, (i8, i16, i64))>(),
        (unsigned, truth) in any::<((u8, u16, u32), Option<bool>)>(),
        kinds in proptest::collection::vec(kind(), 0..30),
        bytes in bytes(),
        by_name in proptest::collection::btree_map(".{0,5}", proptest::collection::vec(any::<u16>(), 0..4), 0..4),
        pairs in proptest::collection::vec((any::<u32>(), proptest::option::of(super::tests::bytes())), 0..4),
    ) -> Whole {
        // Of every length, not nearly always of the longest.
        let number = number >> (shift % 64);
        Whole { number, signed, unsigned, truth, kinds, bytes, unit: Unit(number), by_name, pairs }
    }
}

/// As `minicbor-serde` reads them, which was what read before.
fn as_before<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut from = minicbor_serde::Deserializer::new(bytes);
    let value = T::deserialize(&mut from).ok()?;
    (from.decoder().position() == bytes.len()).then_some(value)
}

/// What is read is what was read before. Of what it passed over, the reader before took a break that ends nothing for an item.
fn reads_as_before<T: DeserializeOwned + PartialEq + fmt::Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (now, before) = (codec::from_cbor::<T>(bytes).ok(), as_before::<T>(bytes));
    if now.is_some() || !bytes.contains(&BREAK) {
        prop_assert_eq!(now, before, "{:02x?}", bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_value_becomes_the_bytes_that_it_became_before_and_is_read_from_them(value in whole()) {
        let bytes = codec::to_cbor(&value).unwrap();
        prop_assert_eq!(&bytes, &minicbor_serde::to_vec(&value).unwrap());
        prop_assert_eq!(codec::from_cbor::<Whole>(&bytes).unwrap(), value);
        reads_as_before::<Part>(&bytes)?;
    }

    #[test]
    fn bytes_that_were_damaged_are_read_or_refused_as_before(
        value in whole(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        end in proptest::option::of(any::<Index>()),
    ) {
        let mut bytes = codec::to_cbor(&value).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(end.map_or(bytes.len(), |it| it.index(bytes.len())));
        reads_as_before::<Whole>(&bytes)?;
        reads_as_before::<Part>(&bytes)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused_as_before(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        reads_as_before::<u8>(&bytes)?;
        reads_as_before::<i64>(&bytes)?;
        reads_as_before::<Option<Kind>>(&bytes)?;
        reads_as_before::<Vec<Bytes>>(&bytes)?;
        reads_as_before::<BTreeMap<u64, String>>(&bytes)?;
        let ignored = [&[0xa3, 0x66][..], b"number", &[1, 0x64], b"unit", &[2, 0x61, b'x'], &bytes].concat();
        reads_as_before::<Part>(&ignored)?;
    }
}

#[test]
fn numbers_at_the_edge_of_each_length_are_written_as_short_as_they_are() {
    for (number, written) in [
        (0, vec![0]),
        (23, vec![23]),
        (24, vec![24, 24]),
        (255, vec![24, 255]),
        (256, vec![25, 1, 0]),
        (65_536, vec![26, 0, 1, 0, 0]),
        (1 << 32, vec![27, 0, 0, 0, 1, 0, 0, 0, 0]),
        (-1, vec![0x20]),
        (-257, vec![0x39, 1, 0]),
        (i64::MIN, [&[0x3b, 0x7f][..], &[0xff; 7]].concat()),
    ] {
        assert_eq!(codec::to_cbor(&number).unwrap(), written, "{number}");
        assert_eq!(codec::from_cbor::<i64>(&written), Ok(number));
    }
    assert!(codec::from_cbor::<u8>(&[25, 1, 0]).is_err());
    assert!(codec::from_cbor::<i64>(&[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0]).is_err());
}

#[test]
fn what_goes_on_until_a_break_is_read_up_to_it() {
    assert_eq!(codec::from_cbor::<Vec<u8>>(&[0x9f, 1, 2, BREAK]), Ok(vec![1, 2]));
    let map = codec::from_cbor::<BTreeMap<u8, u8>>(&[0xbf, 1, 2, BREAK]);
    assert_eq!(map, Ok(BTreeMap::from([(1, 2)])));
    assert!(codec::from_cbor::<Vec<u8>>(&[0x9f, 1, 2]).is_err());
    // A text has to say how long it is.
    assert!(codec::from_cbor::<String>(&[0x7f, 0x61, b'a', BREAK]).is_err());
    let part = [&[0xa3, 0x66][..], b"number", &[1, 0x64], b"unit", &[2, 0x61, b'x']].concat();
    for ignored in [
        &[0x7f, 0x61, b'a', BREAK][..],
        &[0x9f, 0x82, 1, 0x9f, BREAK, BREAK],
        &[0xc1, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let bytes = [&part[..], ignored].concat();
        assert_eq!(codec::from_cbor::<Part>(&bytes), Ok(Part { number: 1, unit: Unit(2) }), "{ignored:02x?}");
    }
    // A break that ends nothing is no item.
    assert!(codec::from_cbor::<Part>(&[&part[..], &[0x81, BREAK]].concat()).is_err());
}

/// Each of these would be read to its end by whoever did not look at the length.
#[test]
fn a_list_or_variant_of_another_length_is_refused() {
    let lists = [0x82, 0x83, 1, 2, 0x82, 3, 4];
    assert!(codec::from_cbor::<Vec<(u8, u8)>>(&lists).is_err());
    assert_eq!(as_before::<Vec<(u8, u8)>>(&lists), None);
    let variants = [&[0x82, 0xa2, 0x62][..], b"of", &[5, 0x65], b"plain"].concat();
    assert!(codec::from_cbor::<Vec<Kind>>(&variants).is_err());
    assert_eq!(as_before::<Vec<Kind>>(&variants), None);
}

#[test]
fn what_is_passed_over_may_be_of_any_depth() {
    let part = [&[0xa3, 0x66][..], b"number", &[1, 0x64], b"unit", &[2, 0x61, b'x']].concat();
    for open in [0x81, 0x9f, 0xc1] {
        let deep = [&part[..], &[open; 1_000_000]].concat();
        assert!(codec::from_cbor::<Part>(&deep).is_err());
    }
    let deep = [&part[..], &[0x81; 1_000_000], &[0]].concat();
    assert!(codec::from_cbor::<Part>(&deep).is_ok());
}

#[test]
fn a_length_beyond_the_end_costs_no_memory() {
    for kind in [0x5b, 0x7b, 0x9b, 0xbb] {
        let bytes = [&[kind][..], &[0xff; 8]].concat();
        assert!(codec::from_cbor::<Bytes>(&bytes).is_err());
        assert!(codec::from_cbor::<Vec<u64>>(&bytes).is_err());
        assert!(codec::from_cbor::<BTreeMap<u8, u8>>(&bytes).is_err());
    }
}

#[test]
fn why_bytes_are_refused_is_told() {
    let told = |bytes: &[u8]| format!("{}", codec::from_cbor::<Part>(bytes).unwrap_err());
    assert_eq!(told(&[0xa0]), "not the expected CBOR: missing field `number`");
    assert_eq!(told(&[]), "not the expected CBOR: the bytes end too early");
    assert_eq!(told(&[0x80]), "not the expected CBOR: another kind of value than expected");
}
