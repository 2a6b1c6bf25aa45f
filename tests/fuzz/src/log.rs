//! Logs, and what is signed about them: ops in the form that travels, segments, runs by way of others, receipts, successions,
//! enrolments, and what the values of ops say.

use crate::{EPOCH, ORG, dev, fair, flipped, key, public_key, read_cbor, read_json, within};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug};
use sync_core::{
    Algorithm, AuditOps, Bytes, DeviceId, Hash, Head, Op, SealedRun, SealedSegment, Seed, Segment,
    VerifiedSegment, codec,
    content::{content_root, obstacles_to_approval, submit_value},
    exchange::Run,
    fold::Arrival,
    hlc,
    ingest::EnrolmentRequest,
    packed::PackedOps,
    payload::{
        ApproveValue, AttachValue, CreateValue, LostValue, ReasonValue, ReturnValue, SubmitValue, VoidValue,
    },
    receipt::{Receipt, Succession},
    relay::Proof,
    renew::SuccessionRequest,
    sealed::{Effort, MAX_OPENED_BYTES, MAX_OPENED_ITEMS},
    segment::signing_bytes,
};
use uuid::Uuid;

/// Ops in the form that travels, alone, as a signed segment, and folded into a visit.
pub fn ops(bytes: &[u8]) {
    let Some(packed) = read_cbor::<PackedOps>(bytes) else { return };
    let Ok(ops) = packed.unpack(1) else { return };
    assert!(ops.iter().all(|it| it.check_size().is_ok()), "a limit is broken");
    assert!(ops.is_sorted_by(|one, next| one.hlc < next.hlc && one.dseq < next.dseq));
    assert!(ops.iter().all(|it| it.hlc <= hlc::MAX && it.dseq <= hlc::MAX));
    let seeds: BTreeMap<Uuid, Option<Seed>> = packed.audits.iter().map(|it| (it.0, it.1)).collect();
    let seed_of = |audit: &Uuid| seeds.get(audit).copied().flatten();
    let again = PackedOps::pack(dev(), &ops, seed_of);
    let first = ops.first().map_or(1, |it| it.dseq);
    assert_eq!(again.unpack(first).as_ref(), Ok(&ops), "packed again they are others");
    in_a_segment(&ops, seed_of);
    in_a_visit(&packed, &ops, seed_of);
}

/// The ops signed by their author: they hold, and no other ones pass for them.
fn in_a_segment(ops: &[Op], seed_of: impl Fn(&Uuid) -> Option<Seed>) {
    let unsigned = Segment::unsigned(dev(), Head::EMPTY, ops, Algorithm::Ed25519, seed_of);
    let Ok((mut segment, last)) = unsigned else { return };
    segment.sig = Bytes::from(key().sign(&signing_bytes(&ORG, &dev(), EPOCH, segment.first, &last)));
    // A phone may keep and send ops of which values were redacted: those stand by their commitments.
    let is_whole = !ops.iter().any(Op::is_redacted);
    let holds = |it: &Segment| match is_whole {
        true => it.verify(&public_key(), &ORG, EPOCH),
        false => it.verify_as_kept(&public_key(), &ORG, EPOCH),
    };
    let signed = holds(&segment).expect("what was signed holds");
    assert_eq!(signed.ops, ops);
    assert!(segment.verify_as_kept(&public_key(), &ORG, EPOCH + 1).is_err());
    only_the_same_passes(&segment, &signed, |it| holds(it).ok());
}

/// With a bit of it flipped a signed message is refused, or says what it said.
fn only_the_same_passes<T>(
    message: &T,
    signed: &VerifiedSegment,
    verify: impl Fn(&T) -> Option<VerifiedSegment>,
) where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = codec::to_cbor(message).expect("a message can be written");
    let Ok(changed) = codec::from_cbor::<T>(&flipped(&bytes)) else { return };
    if let Some(passed) = verify(&changed) {
        let facts = |it: &VerifiedSegment| (it.dev, it.prev, it.ops.clone(), it.hashes.clone());
        assert_eq!(facts(&passed), facts(signed), "changed and taken: {changed:?}");
    }
}

/// The ops as the history of one visit, by several devices: their order does not matter, and what was folded is kept.
fn in_a_visit(packed: &PackedOps, ops: &[Op], seed_of: impl Fn(&Uuid) -> Option<Seed>) {
    let authors = [&[dev()], packed.devices.as_slice()].concat();
    let told: Vec<(DeviceId, Op, Arrival)> = ops
        .iter()
        .filter_map(|op| {
            let choice = usize::try_from(op.round).ok()?.checked_rem(authors.len())?;
            let author = *authors.get(choice)?;
            let server = op.kind.is_server() && op.round.is_multiple_of(2);
            Some((author, op.clone(), Arrival { recv_ms: Some(hlc::ms_of(op.hlc) / 2), server }))
        })
        .collect();
    let mut visit = AuditOps::new();
    let mut backwards = AuditOps::new();
    for it in authors.iter().zip(seed_of(&Uuid::nil())) {
        visit.set_seed(*it.0, it.1);
        backwards.set_seed(*it.0, it.1);
    }
    for (author, op, arrival) in told.iter().cloned() {
        visit.insert(author, op, arrival);
    }
    for (author, op, arrival) in told.into_iter().rev() {
        backwards.insert(author, op, arrival);
    }
    let view = visit.view();
    assert_eq!(view, backwards.view(), "another order gives another visit");
    let encoded = visit.encode().expect("a visit can be written");
    assert_eq!(Ok(&encoded), backwards.encode().as_ref());
    let decoded = AuditOps::decode(&encoded).expect("a visit can be read again");
    assert_eq!(decoded.view(), view);
    assert_eq!(content_root(&visit, &view), content_root(&backwards, &view));
    drop(submit_value(&visit, &view));
    for submit in view.rounds.submits.values().flatten() {
        drop(obstacles_to_approval(&visit, &submit.id, |_| 1));
    }
}

/// Bytes that are opened from a segment may take so many times as much, and so much the shortest parts that it may have.
const PER_OPENED_BYTE: usize = 32;
const SHORTEST_PARTS: usize = 64 * MAX_OPENED_ITEMS;

/// The ops of a segment as they travel, or, after a first byte that is even, what they are packed from.
pub fn sealed(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let packed = match choice % 2 {
        0 => zstd::bulk::compress(bytes, 1).expect("bytes can be packed"),
        _ => bytes.to_vec(),
    };
    let (alg, sig) = (Algorithm::Ed25519, Bytes::default());
    let sealed = SealedSegment { first: 1, prev_h: Hash::ZERO, ops: Bytes::from(packed), alg, sig };
    let told = sealed.opened_bytes();
    let size = told.map_or(0, |it| usize::try_from(it).unwrap_or(usize::MAX));
    let most = size.saturating_mul(PER_OPENED_BYTE).saturating_add(SHORTEST_PARTS);
    let Ok(segment) = within(most, || sealed.open()) else { return };
    assert!(told.is_some_and(|it| it <= MAX_OPENED_BYTES), "opened unbounded: {told:?}");
    let again = SealedSegment::of(&segment, Effort::Quick).expect("a segment can be sealed");
    assert_eq!(again.open().as_ref(), Ok(&segment));
    let travelled = codec::to_cbor(&sealed).expect("a sealed segment can be written");
    assert_eq!(codec::from_cbor(&travelled).as_ref(), Ok(&sealed));
    let read: SealedSegment =
        codec::to_json(&sealed).and_then(|it| codec::from_json(&it)).expect("in JSON too");
    assert_eq!(read.open().as_ref(), Ok(&segment));
    drop((segment.chained(dev()), segment.chained_as_kept(dev())));
    let run = SealedRun { dev: dev(), key: public_key(), server: false, epoch: EPOCH, segment: sealed };
    let run = run.open().expect("what opened once opens again");
    assert!(run.ops == segment.ops && run.verify(&ORG).is_err(), "nobody signed it");
}

/// A run of ops by way of somebody else than their author.
pub fn relayed(bytes: &[u8]) {
    let Some(run) = read_cbor::<Run>(bytes) else { return };
    drop((run.id(), run.verify(&ORG), run.verify_as_kept(&ORG)));
    drop(run.signed_segment(Head::EMPTY, &[], |_| None));
    let Ok(ops) = run.ops.unpack(1) else { return };
    let seeds: BTreeMap<Uuid, Option<Seed>> = run.ops.audits.iter().map(|it| (it.0, it.1)).collect();
    let seed_of = |audit: &Uuid| seeds.get(audit).copied().flatten();
    let unsigned = Segment::unsigned(dev(), Head::EMPTY, &ops, Algorithm::Ed25519, seed_of);
    let Ok((segment, last)) = unsigned else { return };
    let chained = segment.chained_as_kept(dev()).expect("what was chained holds");
    let sig = Bytes::from(key().sign(&signing_bytes(&ORG, &dev(), EPOCH, segment.first, &last)));
    // The end of the log, with the proof that it is.
    let from = ops.len() / 2;
    let (before, tail) = ops.split_at(from);
    let dseq_first = tail.first().map_or(1, |it| it.dseq);
    let prev_h = chained.hash_at(dseq_first.saturating_sub(1)).expect("the chain reaches there");
    let proof =
        Proof { prev_h, first: segment.first, epoch: EPOCH, alg: Algorithm::Ed25519, sig: sig.clone() };
    let tail = Run {
        dev: dev(),
        key: Some(public_key()),
        dseq_first,
        ops: PackedOps::pack(dev(), tail, seed_of),
        proof: Some(proof),
        ..run
    };
    let signed = tail.verify_as_kept(&ORG).expect("the end of what was signed holds");
    let is_whole = signed.ops.iter().all(|it| !it.is_redacted());
    assert_eq!(tail.verify(&ORG).is_ok(), is_whole, "only what nothing was taken from holds by itself");
    let whole = tail.signed_segment(Head::EMPTY, before, seed_of).expect("the whole can be put together");
    assert_eq!(whole, Segment { sig, ..segment });
    only_the_same_passes(&tail, &signed, |it| it.verify(&ORG).ok());
    only_the_same_passes(&tail, &signed, |it| it.verify_as_kept(&ORG).ok());
}

/// What is signed about logs, and what the values of ops say: the first byte tells which.
pub fn signed(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    match choice % 13 {
        0 => receipt(read_cbor(bytes)),
        1 => receipt(read_json(bytes)),
        2 => succession(read_cbor(bytes)),
        3 => succession(read_json(bytes)),
        4 => {
            if let Some(request) = read_json::<SuccessionRequest>(bytes) {
                let _ = request.check(&public_key());
            }
        }
        5 => {
            if let Some(request) = read_json::<EnrolmentRequest>(bytes) {
                let _ = request.check();
            }
        }
        6 => value::<CreateValue>(bytes),
        7 => value::<SubmitValue>(bytes),
        8 => value::<AttachValue>(bytes),
        9 => value::<LostValue>(bytes),
        10 => value::<ReturnValue>(bytes),
        11 => value::<ApproveValue>(bytes),
        _ => {
            value::<ReasonValue>(bytes);
            value::<VoidValue>(bytes);
        }
    }
}

fn value<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    drop(read_cbor::<T>(bytes));
    drop(within(fair(bytes), || codec::from_json::<T>(bytes)));
}

fn receipt(read: Option<Receipt>) {
    let Some(read) = read else { return };
    assert!(read.verify(&ORG, &public_key()).is_err(), "a receipt was made up");
    let signed = read.signed(&ORG, &key());
    assert_eq!(signed.verify(&ORG, &public_key()), Ok(()));
    assert!(signed.verify(&Uuid::from_u128(2), &public_key()).is_err());
    let bytes = codec::to_cbor(&signed).expect("a receipt can be written");
    if let Ok(changed) = codec::from_cbor::<Receipt>(&flipped(&bytes)) {
        assert!(changed == signed || changed.verify(&ORG, &public_key()).is_err(), "changed: {changed:?}");
    }
}

fn succession(read: Option<Succession>) {
    let Some(read) = read else { return };
    assert!(read.verify(&ORG, &public_key()).is_err(), "a succession was made up");
    let signed = Succession::of(&ORG, read.epoch, public_key(), [&key()]);
    assert_eq!(signed.verify(&ORG, &public_key()), Ok(()));
    let bytes = codec::to_cbor(&signed).expect("a succession can be written");
    if let Ok(changed) = codec::from_cbor::<Succession>(&flipped(&bytes)) {
        assert!(changed == signed || changed.verify(&ORG, &public_key()).is_err(), "changed: {changed:?}");
    }
}
