//! Laws of redaction (SYNC.md 2.4): it commutes with everything, leaves nothing by which a value could be guessed, and changes
//! nothing of what chain, signature and content root say.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop where it stands")]

use proptest::{collection::vec, prelude::*, sample::Index};
use sync_core::{
    Algorithm, AuditOps, Bytes, DeviceId, Hash, Head, Kind, Op, OpId, Seed, Segment,
    chain::Blinds,
    content::{content_root, submit_value},
    exchange::RefusalCode,
    fold::Arrival,
    ingest::{DeviceHead, Enrolled, Push, check_push},
    op::Opening,
    payload::{self, AttachValue},
    redaction::Redactions,
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

const AUDIT: Uuid = Uuid::from_u128(42);
const ORG: Uuid = Uuid::from_u128(7);
const SERVER: u8 = 9;
const RECV_MS: u64 = 1_000_000;

fn dev(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

fn id(number: u8, dseq: u64) -> OpId {
    OpId::new(dev(number), dseq)
}

fn seed(number: u8) -> Seed {
    Seed([number.wrapping_add(100); 32])
}

fn op(kind: Kind, dseq: u64, field: &str, base: Vec<OpId>, value: Option<Bytes>) -> Op {
    let (field, hlc) = (field.to_owned(), (RECV_MS << 16) + dseq);
    Op { dseq, hlc, kind, audit: AUDIT, round: 1, field, base, value, opening: Opening::Seeded, origin: None }
}

fn said(number: u8, dseq: u64) -> String {
    format!("{{said by {number} at {dseq}}}")
}

/// An op as it arrives: from whom, with its seed.
type Arrived = (u8, Op);

fn put(set: &mut AuditOps, (from, op): &Arrived) {
    // Before its op or after it.
    if op.dseq % 2 == 0 {
        set.set_seed(dev(*from), seed(*from));
    }
    set.insert(dev(*from), op.clone(), Arrival { recv_ms: Some(RECV_MS), server: *from == SERVER });
    set.set_seed(dev(*from), seed(*from));
}

fn gather<'a>(list: impl IntoIterator<Item = &'a Arrived>) -> AuditOps {
    let mut set = AuditOps::new();
    list.into_iter().for_each(|it| put(&mut set, it));
    set
}

fn redact(dseq: u64, field: &str, base: Vec<OpId>) -> Arrived {
    (SERVER, op(Kind::Redact, dseq, field, base, None))
}

/// Logs of three devices, of which the third says ops of the first again, and what the server redacts.
fn any_audit() -> impl Strategy<Value = Vec<Arrived>> {
    let field = || prop_oneof![Just("p"), Just("q")];
    let kind = || prop_oneof![4 => Just(Kind::Set), 1 => Just(Kind::Note), 1 => Just(Kind::Resolve), 1 => Just(Kind::Clear)];
    let logs = vec((0_u8..3, field(), kind(), any::<bool>()), 1..16);
    let redactions = vec((field(), vec((0_u8..3, 1_u64..8), 1..4)), 1..4);
    (logs, redactions).prop_map(|(logs, redactions)| {
        let (mut all, mut next) = (Vec::<Arrived>::new(), [0_u64; 3]);
        for (from, field, kind, again) in logs {
            let place = &mut next[usize::from(from)];
            *place += 1;
            let first = all.iter().find(|it| it.0 == 0 && it.1.dseq == *place).map(|it| it.1.clone());
            let value = Some(Bytes::from(said(from, *place).as_str())).filter(|_| kind != Kind::Clear);
            let own = op(kind, *place, field, Vec::new(), value);
            all.push(match first.filter(|_| from == 2 && again) {
                Some(first) => (2, Op { origin: Some(id(0, *place)), ..first }),
                None => (from, own),
            });
        }
        for (index, (field, named)) in (1..).zip(redactions) {
            let base = named.into_iter().map(|(from, dseq)| id(from, dseq)).collect();
            all.push(redact(index, field, base));
        }
        all
    })
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

proptest! {
    #[test]
    fn a_redaction_commutes_with_every_order_repeat_and_merge(
        all in any_audit(),
        order in vec(any::<Index>(), 0..30),
        cut in any::<Index>(),
    ) {
        let whole = gather(&all);
        let mut shuffled: Vec<Arrived> = order.iter().map(|it| all[it.index(all.len())].clone()).collect();
        shuffled.extend(all.iter().rev().cloned());
        let cut = cut.index(shuffled.len());
        // As a store does it: written and read again between any two ops.
        let mut other = AuditOps::new();
        for it in &shuffled[..cut] {
            put(&mut other, it);
            other = AuditOps::decode(&other.encode().unwrap()).unwrap();
        }
        other.merge(gather(&shuffled[cut..]));
        prop_assert_eq!(other.encode().unwrap(), whole.encode().unwrap());
        prop_assert_eq!(other.view(), whole.view());
        prop_assert_eq!(AuditOps::decode(&whole.encode().unwrap()).unwrap(), whole);
    }

    #[test]
    fn nothing_is_left_by_which_a_redacted_value_could_be_guessed(all in any_audit()) {
        let (before, after) = (gather(all.iter().filter(|it| it.0 != SERVER)), gather(&all));
        let bytes = after.encode().unwrap();
        for (id, stored) in before.iter() {
            let now = after.get(id).unwrap();
            let names = |it: &&Arrived| {
                let named = |id: &OpId| it.1.base.contains(id);
                it.0 == SERVER && it.1.field == stored.op.field && (named(id) || stored.op.origin.is_some_and(|o| named(&o)))
            };
            let is_named = all.iter().find(names).is_some() && stored.op.kind.loses_value();
            prop_assert_eq!(now.op.is_redacted(), is_named, "{:?}", id);
            // The commitment is the one that was signed, whatever opens it now.
            prop_assert_eq!(after.commitment(id), before.commitment(id));
            if is_named {
                prop_assert_eq!(&now.op.value, &None);
                prop_assert!(after.seed(&id.dev).is_none() && !holds(&bytes, &seed(id.dev.0[0]).0));
                let mut twins = before.iter().filter(|it| it.1.op.value == stored.op.value);
                if twins.all(|it| after.get(it.0).unwrap().op.is_redacted()) && stored.op.value.is_some() {
                    prop_assert!(!holds(&bytes, stored.op.value.as_deref().unwrap()));
                }
            } else {
                prop_assert_eq!(&now.op.value, &stored.op.value);
            }
        }
        let named: Vec<_> = before.iter().map(|it| it.0.dev).collect();
        prop_assert!(named.iter().all(|it| after.seed(it).is_some() != after.is_closed(it)));
    }

    #[test]
    fn what_was_handed_in_keeps_its_root(all in any_audit()) {
        let mut set = gather(all.iter().filter(|it| it.0 != SERVER));
        let value = submit_value(&set, &set.view());
        all.iter().filter(|it| it.0 == SERVER).for_each(|it| put(&mut set, it));
        let seen = set.seen_by(&value.frontier);
        prop_assert_eq!(content_root(&seen, &seen.view()), value.content_root);
    }
}

#[test]
fn only_the_server_redacts_and_only_in_the_field_that_it_names() {
    let answer = (0, op(Kind::Set, 1, "q", vec![], Some(Bytes::from("\"yes\""))));
    let value = |set: &AuditOps| set.view().answer("q").map(<[u8]>::to_vec);
    let (_, by_a_phone) = redact(2, "q", vec![id(0, 1)]);
    let set = gather(&[answer.clone(), (1, by_a_phone)]);
    assert_eq!((value(&set), set.is_closed(&dev(0))), (Some(b"\"yes\"".to_vec()), false));
    // Another op may stand at that position of a log that forked.
    let set = gather(&[answer.clone(), redact(1, "p", vec![id(0, 1)])]);
    assert_eq!(value(&set), Some(b"\"yes\"".to_vec()));
    let set = gather(&[answer, redact(1, "q", vec![id(0, 1)])]);
    assert_eq!(value(&set), None);
    assert!(set.view().fields["q"].is_redacted());
}

#[test]
fn a_photo_is_said_to_be_redacted_and_still_counts_in_the_root() {
    let value = AttachValue {
        blob: Hash([3; 32]),
        size: 5,
        mime: "image/jpeg".into(),
        captured_at_ms: None,
        gps: None,
        source: None,
        original: None,
    };
    let photo = (0, op(Kind::Attach, 1, "p", vec![], payload::to_value(&value).ok()));
    let before = gather(std::slice::from_ref(&photo));
    let after = gather(&[photo, redact(1, "p", vec![id(0, 1)])]);
    assert!(after.view().attachments["p"][0].redacted && !before.view().attachments["p"][0].redacted);
    assert_eq!(content_root(&after, &after.view()), content_root(&before, &before.view()));
}

fn key() -> SigningKey {
    SigningKey::from_secret(&[5; 32])
}

fn pushed(ops: &[Op], seeded: bool) -> Segment {
    let dev = key().public_key().device();
    let seed_of = |_: &Uuid| seeded.then_some(seed(1));
    let (mut segment, last) = Segment::unsigned(dev, Head::EMPTY, ops, Algorithm::Ed25519, seed_of).unwrap();
    segment.sig = key().sign(&signing_bytes(&ORG, &dev, 1, 1, &last)).into();
    segment
}

/// A log of which the second op is redacted, as it was signed and as it is kept, with what was redacted.
fn log() -> (Segment, Segment, Redactions) {
    let dev = key().public_key().device();
    let value = |it| Some(Bytes::from(it));
    let ops = [
        op(Kind::Set, 1, "a", vec![], value("1")),
        op(Kind::Set, 2, "q", vec![], value("\"no\"")),
        op(Kind::Set, 3, "b", vec![], value("3")),
    ];
    let signed = pushed(&ops, true);
    let mut redactions = Redactions::default();
    redactions.add(OpId::new(dev, 2), AUDIT, "q");
    let ops = redactions.applied_to(dev, 1, &signed.ops).unwrap().unwrap();
    assert_eq!(redactions.applied_to(dev, 1, &ops), Ok(None), "doing it again changes nothing");
    (signed.clone(), Segment { ops, ..signed }, redactions)
}

#[test]
fn the_chain_and_the_signature_hold_over_what_is_left() {
    let (signed, kept, _) = log();
    let key = key().public_key();
    let (before, after) =
        (signed.verify(&key, &ORG, 1).unwrap(), kept.verify_as_kept(&key, &ORG, 1).unwrap());
    assert_eq!(before.hashes, after.hashes);
    assert_eq!(after.seeds, []);
    assert_eq!(after.ops.iter().map(Op::is_redacted).collect::<Vec<_>>(), [false, true, false]);
    let bytes = sync_core::codec::to_cbor(&kept).unwrap();
    assert!(!holds(&bytes, b"\"no\"") && !holds(&bytes, &seed(1).0));
    // One bit of what is left, of a commitment or of a blind is caught like any other.
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let Ok(segment) = sync_core::codec::from_cbor::<Segment>(&flipped) else { continue };
        let ops = |it: &Segment| it.ops.unpack(it.first).ok();
        let says_the_same =
            (ops(&segment), segment.prev_h) == (ops(&kept), kept.prev_h) && segment.sig == kept.sig;
        assert!(segment.verify_as_kept(&key, &ORG, 1).is_err() || says_the_same, "byte {at}");
    }
}

#[test]
fn an_op_without_its_value_is_taken_only_where_the_server_redacted_it() {
    let (signed, kept, redactions) = log();
    let key = key().public_key();
    let check = |segment: &Segment, redactions| {
        let enrolled = Enrolled { key: &key, org: ORG, epoch: 1, redactions };
        check_push::<()>(&DeviceHead::default(), segment, &enrolled, |_| Ok(None)).unwrap()
    };
    let refused = |push| matches!(push, Push::Refused(it) if (it.code, it.reason.as_str()) == (RefusalCode::Invalid, "segment_redacted"));
    assert!(refused(check(&kept, None)));
    let nothing = Redactions::default();
    assert!(refused(check(&kept, Some(&nothing))));
    let mut other = Redactions::default();
    other.add(OpId::new(key.device(), 2), AUDIT, "a");
    other.add(OpId::new(key.device(), 3), AUDIT, "q");
    other.add(OpId::new(key.device(), 2), Uuid::from_u128(1), "q");
    assert!(refused(check(&kept, Some(&other))));
    assert!(matches!(check(&kept, Some(&redactions)), Push::Accepted(it) if it.segment.ops[1].is_redacted()));
    assert!(matches!(check(&signed, Some(&redactions)), Push::Accepted(_)));
    // What a lifecycle op says is never taken away, so it never comes without.
    let dev = key.device();
    let mut bare = op(Kind::Create, 1, "", vec![], None);
    bare.opening = Opening::Redacted(Hash([1; 32]));
    let mut named = Redactions::default();
    named.add(OpId::new(dev, 1), AUDIT, "");
    assert!(refused(check(&pushed(&[bare], false), Some(&named))));
}

#[test]
fn two_ops_that_copies_of_a_device_wrote_at_one_position_have_blinds_of_their_own() {
    let blinds = Blinds::of_seed(&Seed([5; 32])).unwrap();
    let of = |dseq, kind, field| blinds.blind(dseq, kind, field);
    let all = [
        of(7, Kind::Set, "A01"),
        of(7, Kind::Set, "A02"),
        of(7, Kind::Note, "A01"),
        of(8, Kind::Set, "A01"),
        of(7, Kind::Set, ""),
    ];
    let different: std::collections::BTreeSet<Hash> = all.into_iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn an_op_beside_a_redacted_one_is_pushed_with_its_own_blind() {
    let mut later = op(Kind::Set, 1, "a", vec![], Some(Bytes::from("1")));
    later.opening = Opening::Blind(Hash([8; 32]));
    let segment = pushed(std::slice::from_ref(&later), false);
    assert_eq!(segment.verify(&key().public_key(), &ORG, 1).unwrap().ops, [later]);
}
