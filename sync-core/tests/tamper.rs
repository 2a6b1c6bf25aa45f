//! I7: nothing in a signed segment can be changed unseen.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

use proptest::prelude::*;
use sync_core::{
    Algorithm, Bytes, Hash, Head, Kind, Op, OpId, PublicKey, Seed, Segment, SegmentError,
    codec::{from_cbor, from_json, to_cbor, to_json},
    exchange::Refusal,
    ingest::{DeviceHead, Enrolled, Push, check_push},
    op::Opening,
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

const ORG: Uuid = Uuid::from_u128(1);
const EPOCH: u64 = 3;

fn key() -> SigningKey {
    SigningKey::from_secret(&[1; 32])
}

fn ops(count: u64, prev: u64, values: &[u8]) -> Vec<Op> {
    let dev = key().public_key().device();
    (0..count)
        .map(|n| {
            let value = values[usize::try_from(n).unwrap() % values.len()];
            Op {
                dseq: prev + n + 1,
                hlc: 1_000 + (prev + n) * 3,
                kind: if value == 0 { Kind::Unknown(900) } else { Kind::Set },
                audit: Uuid::from_u128(u128::from(value % 2)),
                round: 1,
                field: format!("f{}", value % 3),
                base: if n == 0 { vec![] } else { vec![OpId::new(dev, prev + n)] },
                value: (value > 1).then(|| Bytes::from(vec![value; usize::from(value % 5)])),
                opening: Opening::Seeded,
                origin: None,
            }
        })
        .collect()
}

fn seed_of(audit: &Uuid) -> Option<Seed> {
    Seed::derive(&[5; 32], audit)
}

fn signed_after(prev: Head, ops: &[Op], by: &SigningKey) -> (Segment, Head) {
    let dev = by.public_key().device();
    let (mut segment, last) = Segment::unsigned(dev, prev, ops, Algorithm::Ed25519, seed_of).unwrap();
    segment.sig = Bytes::from(by.sign(&signing_bytes(&ORG, &dev, EPOCH, segment.first, &last)));
    (segment, last)
}

fn verify(segment: &Segment) -> Result<Vec<Op>, SegmentError> {
    segment.verify(&key().public_key(), &ORG, EPOCH).map(|it| it.ops)
}

proptest! {
    /// One flipped bit anywhere gives no segment, or the same one, or one that is refused.
    #[test]
    fn a_flipped_bit_is_noticed(values in prop::collection::vec(any::<u8>(), 1..6), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let (segment, _) = signed_after(Head::EMPTY, &ops(6, 0, &values), &key());
        let mut bytes = to_cbor(&segment).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(changed) = from_cbor::<Segment>(&bytes) {
            prop_assert!(changed == segment || verify(&changed).is_err());
        }
    }

    /// Ops that are swapped, left out, repeated or put in are noticed, with the signature that was made over the others.
    #[test]
    fn a_changed_order_is_noticed(values in prop::collection::vec(any::<u8>(), 1..6), at in 0..5_usize, how in 0..4_u8) {
        let list = ops(6, 0, &values);
        let (segment, _) = signed_after(Head::EMPTY, &list, &key());
        let mut other = list.clone();
        match how {
            0 => other.swap(at, at + 1),
            1 => drop(other.remove(at)),
            2 => other.insert(at, list[at].clone()),
            _ => other.insert(at, ops(1, 50, &[77])[0].clone()),
        }
        for (index, op) in other.iter_mut().enumerate() {
            op.dseq = index as u64 + 1;
            op.hlc = 1_000 + index as u64 * 3;
        }
        if other != list {
            let dev = key().public_key().device();
            let (mut forged, _) = Segment::unsigned(dev, Head::EMPTY, &other, Algorithm::Ed25519, seed_of).unwrap();
            forged.sig = segment.sig.clone();
            prop_assert!(verify(&forged).is_err());
        }
    }

    /// Packing and both codecs give the same ops back.
    #[test]
    fn a_segment_travels_unchanged(values in prop::collection::vec(any::<u8>(), 1..9), prev in 0..3_u64) {
        let list = ops(9, prev, &values);
        let (segment, last) = signed_after(Head { dseq: prev, h: Hash::of(b"before") }, &list, &key());
        let by_cbor: Segment = from_cbor(&to_cbor(&segment).unwrap()).unwrap();
        let by_json: Segment = from_json(&to_json(&segment).unwrap()).unwrap();
        prop_assert_eq!(&by_cbor, &segment);
        prop_assert_eq!(&by_json, &segment);
        prop_assert_eq!(verify(&by_cbor).unwrap(), list);
        prop_assert_eq!(by_cbor.chained(key().public_key().device()).unwrap().last(), last);
    }

    /// Arbitrary bytes are never more than an error.
    #[test]
    fn no_bytes_make_the_decoders_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_cbor::<Segment>(&bytes);
        let _ = from_cbor::<sync_core::exchange::Request>(&bytes);
        let _ = from_cbor::<sync_core::exchange::Reply>(&bytes);
        let _ = from_json::<sync_core::exchange::Reply>(&bytes);
        let _ = sync_core::AuditOps::decode(&bytes);
    }
}

#[test]
fn another_key_organization_or_epoch_is_noticed() {
    let (segment, _) = signed_after(Head::EMPTY, &ops(3, 0, &[7]), &key());
    let other = SigningKey::from_secret(&[2; 32]).public_key();
    assert!(segment.verify(&other, &ORG, EPOCH).is_err());
    assert!(segment.verify(&key().public_key(), &Uuid::from_u128(2), EPOCH).is_err());
    assert!(segment.verify(&key().public_key(), &ORG, EPOCH + 1).is_err());
    assert!(verify(&segment).is_ok());
}

#[test]
fn a_hardware_key_of_the_other_algorithm_verifies_too() {
    use p256::ecdsa::{Signature, SigningKey as Hardware, signature::Signer};
    let hardware = Hardware::from_slice(&[3; 32]).unwrap();
    let point = hardware.verifying_key().to_sec1_point(false);
    let public = PublicKey::parse(Algorithm::Es256, point.as_bytes()).unwrap();
    let dev = public.device();
    let (mut segment, last) =
        Segment::unsigned(dev, Head::EMPTY, &ops(3, 0, &[7]), Algorithm::Es256, seed_of).unwrap();
    let signature: Signature = hardware.sign(&signing_bytes(&ORG, &dev, EPOCH, 1, &last));
    segment.sig = Bytes::from(signature.to_bytes().to_vec());
    assert!(segment.verify(&public, &ORG, EPOCH).is_ok());
    let mut turned = segment.sig.to_vec();
    turned[5] ^= 1;
    segment.sig = Bytes::from(turned);
    assert!(segment.verify(&public, &ORG, EPOCH).is_err());
    segment.alg = Algorithm::Ed25519;
    assert_eq!(segment.verify(&public, &ORG, EPOCH), Err(SegmentError::Algorithm));
}

#[test]
fn a_hardware_key_is_both_coordinates_of_a_point_and_nothing_else() {
    use p256::ecdsa::{SigningKey as Hardware, VerifyingKey};
    let is_key = |bytes: &[u8]| PublicKey::parse(Algorithm::Es256, bytes).is_ok();
    for secret in 1..20 {
        let point = Hardware::from_slice(&[secret; 32]).unwrap().verifying_key().to_sec1_point(false);
        let whole = point.as_bytes().to_vec();
        assert!(is_key(&whole));
        let turned = (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, 1_u8 << bit)));
        for (at, bit) in turned.filter(|it| it.0 == 0 || it.0 % 9 == usize::from(secret % 9)) {
            let mut other = whole.clone();
            other[at] ^= bit;
            // What reads every form of a key takes none of this length that is not this form.
            assert_eq!(is_key(&other), VerifyingKey::from_sec1_bytes(&other).is_ok(), "{at} {bit}");
            assert!(!is_key(&other));
        }
        assert!(!is_key(&whole[..64]) && !is_key(&[&whole[..], &[0]].concat()));
        let short = Hardware::from_slice(&[secret; 32]).unwrap().verifying_key().to_sec1_point(true);
        assert!(!is_key(short.as_bytes()));
    }
    assert!(!is_key(&[0; 65]) && !is_key(&[4; 65]) && !is_key(&[0]) && !is_key(&[]));
    // A coordinate that is not below the field's prime.
    assert!(!is_key(&[&[4_u8][..], &[0xff; 64]].concat()));
}

fn check(head: &DeviceHead, held: &[Hash], segment: &Segment) -> Push {
    let key = key().public_key();
    let enrolled = Enrolled { key: &key, org: ORG, epoch: EPOCH, redactions: None };
    let stored = |dseq: u64| {
        let at = usize::try_from(dseq).unwrap();
        Ok::<_, ()>(if at == 0 { Some(Hash::ZERO) } else { held.get(at - 1).copied() })
    };
    check_push(head, segment, &enrolled, stored).unwrap()
}

fn refusal(push: Push) -> Refusal {
    match push {
        Push::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_is_accepted_skipped_or_refused_by_the_log_it_continues() {
    let list = ops(10, 0, &[7, 8, 9]);
    let (whole, last) = signed_after(Head::EMPTY, &list, &key());
    let held = whole.chained(key().public_key().device()).unwrap().hashes;
    let at = |n: usize| DeviceHead { head: Head { dseq: n as u64, h: held[n - 1] }, hlc: list[n - 1].hlc };
    let Push::Accepted(all) = check(&DeviceHead::default(), &held, &whole) else { panic!() };
    assert_eq!((all.from, all.skip, all.head.head), (1, 0, last));
    let Push::Accepted(rest) = check(&at(4), &held, &whole) else { panic!() };
    assert_eq!((rest.from, rest.skip, rest.new_ops()), (5, 4, &list[4..]));
    assert_eq!(check(&at(10), &held, &whole), Push::Duplicate);
    let (later, _) = signed_after(Head { dseq: 6, h: held[5] }, &list[6..], &key());
    assert_eq!(refusal(check(&at(4), &held, &later)).reason, "gap");
    assert_eq!(refusal(check(&at(4), &held, &later)).dev_head, Some(at(4).head));
    let (stranger, _) = signed_after(Head { dseq: 4, h: Hash::of(b"?") }, &list[4..], &key());
    assert_eq!(refusal(check(&at(4), &held, &stranger)).reason, "prev_mismatch");
    assert_eq!(refusal(check(&at(6), &held, &stranger)).reason, "fork");
    let (fork, _) = signed_after(Head::EMPTY, &ops(10, 0, &[8, 8, 9]), &key());
    assert_eq!(refusal(check(&at(4), &held, &fork)).reason, "fork");
    let stale = DeviceHead { hlc: u64::MAX >> 1, ..at(4) };
    assert_eq!(refusal(check(&stale, &held, &whole)).reason, "segment_clock");
    let mut unsigned = whole.clone();
    let mut turned = unsigned.sig.to_vec();
    turned[0] ^= 1;
    unsigned.sig = Bytes::from(turned);
    assert_eq!(refusal(check(&at(4), &held, &unsigned)).reason, "bad_signature");
}

#[test]
fn a_value_above_the_limit_is_no_segment() {
    let mut list = ops(1, 0, &[7]);
    list[0].value = Some(Bytes::from(vec![0; 32 * 1024 + 1]));
    let dev = key().public_key().device();
    let error = Segment::unsigned(dev, Head::EMPTY, &list, Algorithm::Ed25519, seed_of).unwrap_err();
    assert_eq!(error.code(), "op_too_large");
}
