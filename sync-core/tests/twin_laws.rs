//! Laws of ops that were said twice: whichever of them came, and in whatever order, the audit says the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test"
)]

use proptest::prelude::*;
use sync_core::{
    AuditOps, AuditView, Bytes, DeviceId, Kind, Op, OpId, Seed,
    content::{obstacles_to_approval, submit_value},
    fold::Arrival,
    op::Opening,
    payload::{self, SubmitValue},
    renew::Renewal,
};
use uuid::Uuid;

const AUDIT: Uuid = Uuid::from_u128(5);
const FORMER: DeviceId = DeviceId([1; 16]);
const NEW: DeviceId = DeviceId([9; 16]);
/// Sorts before the former one.
const THIRD: DeviceId = DeviceId([0; 16]);
const RECV: u64 = 1_800_000_000_000;
const FIELDS: [&str; 2] = ["A01", "A02"];

#[derive(Debug, Clone, Copy)]
enum Tap {
    Answer(usize, u8),
    Clear(usize),
    Remark(u8),
    Submit,
}

fn any_tap() -> impl Strategy<Value = Tap> {
    prop_oneof![
        4 => (0..2_usize, 0..4_u8).prop_map(|(field, value)| Tap::Answer(field, value)),
        1 => (0..2_usize).prop_map(Tap::Clear),
        1 => (0..3_u8).prop_map(Tap::Remark),
        1 => Just(Tap::Submit),
    ]
}

fn insert(set: &mut AuditOps, dev: DeviceId, ops: &[Op]) {
    for op in ops {
        set.set_seed(dev, Seed([dev.0[0]; 32]));
        set.insert(dev, op.clone(), Arrival::device(RECV));
    }
}

/// The log of one device that taps.
fn log(taps: &[Tap]) -> Vec<Op> {
    let mut set = AuditOps::new();
    let mut log = Vec::new();
    for (dseq, tap) in (1_u64..).zip(taps) {
        let view = set.view();
        let base = |field: &str| view.fields.get(field).map(|it| it.base()).unwrap_or_default();
        let (kind, field, base, value) = match tap {
            Tap::Answer(field, value) => {
                (Kind::Set, FIELDS[*field], base(FIELDS[*field]), Some(Bytes::from(vec![*value])))
            }
            Tap::Clear(field) => (Kind::Clear, FIELDS[*field], base(FIELDS[*field]), None),
            Tap::Remark(value) => (Kind::Note, "", vec![], Some(Bytes::from(vec![*value]))),
            Tap::Submit => {
                let value = payload::to_value(&submit_value(&set, &view)).unwrap();
                (Kind::Submit, "", vec![], Some(value))
            }
        };
        let op = Op {
            dseq,
            hlc: 1_000 + dseq,
            kind,
            audit: AUDIT,
            round: 1,
            field: field.to_owned(),
            base,
            value,
            opening: Opening::Seeded,
            origin: None,
        };
        insert(&mut set, FORMER, std::slice::from_ref(&op));
        log.push(op);
    }
    log
}

/// What `dev` says again of the log of `former`, of which it holds all, beside what else is known.
fn again(known: &AuditOps, former: DeviceId, log: &[Op], agreed: usize, dev: DeviceId) -> Vec<Op> {
    let renewal = Renewal { former, agreed: agreed as u64, dev };
    let mut set = known.clone();
    insert(&mut set, former, &log[..agreed]);
    let mut said = Vec::new();
    for op in &log[agreed..] {
        let mut op = renewal.again(op);
        if op.kind == Kind::Submit {
            let value: SubmitValue = payload::of_op(&op).unwrap();
            op.value = Some(payload::to_value(&renewal.submit(&set, &value, op.dseq)).unwrap());
        }
        insert(&mut set, dev, std::slice::from_ref(&op));
        said.push(op);
    }
    said
}

type Said = (Vec<(String, Vec<Option<Bytes>>)>, Vec<Bytes>, sync_core::fold::Phase, usize, usize);

/// What people read, without identities.
fn said(view: &AuditView) -> Said {
    let values = |field: &str| view.fields[field].heads.iter().map(|it| it.value.clone()).collect();
    let fields = view.fields.keys().map(|it| (it.clone(), values(it))).collect();
    let mut remarks: Vec<Bytes> = view.remarks.iter().map(|it| it.value.clone()).collect();
    remarks.sort();
    (fields, remarks, view.phase, view.late.len(), view.open_conflicts().count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_op_that_was_said_twice_stands_once_whichever_of_the_two_came(
        taps in prop::collection::vec(any_tap(), 1..12),
        agreed in 0..12_usize,
        second in 0..12_usize,
    ) {
        let log = log(&taps);
        let (agreed, second) = (agreed.min(log.len()), second.min(log.len()));
        let nothing = AuditOps::new();
        let renewed = again(&nothing, FORMER, &log, agreed, NEW);
        // The log was copied before it was renewed: the copy says the same again from elsewhere.
        let other = again(&nothing, FORMER, &log, second, THIRD);
        let mut original = AuditOps::new();
        insert(&mut original, FORMER, &log);
        let expected = said(&original.view());
        let lists: [&[(DeviceId, &[Op])]; 4] = [
            &[(FORMER, &log[..agreed]), (NEW, &renewed)],
            &[(FORMER, &log), (NEW, &renewed)],
            &[(FORMER, &log[..agreed.max(second)]), (NEW, &renewed), (THIRD, &other)],
            &[(THIRD, &other), (NEW, &renewed), (FORMER, &log)],
        ];
        for list in lists {
            let mut set = AuditOps::new();
            list.iter().for_each(|(dev, ops)| insert(&mut set, *dev, ops));
            prop_assert_eq!(said(&set.view()), expected.clone());
            prop_assert_eq!(&AuditOps::decode(&set.encode().unwrap()).unwrap(), &set);
            for field in FIELDS {
                prop_assert_eq!(set.register(&set.view().rounds, field), set.view().fields.get(field).cloned());
            }
        }
    }

    #[test]
    fn a_renewed_device_that_is_renewed_again_still_says_everything_once(
        taps in prop::collection::vec(any_tap(), 1..12),
        agreed in 0..12_usize,
        agreed_again in 0..12_usize,
    ) {
        let log = log(&taps);
        let agreed = agreed.min(log.len());
        let mut known = AuditOps::new();
        insert(&mut known, FORMER, &log[..agreed]);
        let renewed = again(&AuditOps::new(), FORMER, &log, agreed, NEW);
        let third = again(&known, NEW, &renewed, agreed_again.min(renewed.len()), THIRD);
        prop_assert!(third.iter().all(|it| it.origin.unwrap().dev == FORMER));
        let mut set = known.clone();
        insert(&mut set, NEW, &renewed[..agreed_again.min(renewed.len())]);
        insert(&mut set, THIRD, &third);
        let mut original = AuditOps::new();
        insert(&mut original, FORMER, &log);
        prop_assert_eq!(said(&set.view()), said(&original.view()));
        insert(&mut set, NEW, &renewed);
        prop_assert_eq!(said(&set.view()), said(&original.view()));
    }

    #[test]
    fn a_submit_that_was_said_again_can_be_approved_with_and_without_its_origin(
        taps in prop::collection::vec(any_tap().prop_filter("before the submit", |it| !matches!(it, Tap::Submit)), 1..8),
        agreed in 0..9_usize,
    ) {
        let taps: Vec<Tap> = taps.into_iter().chain([Tap::Submit]).collect();
        let log = log(&taps);
        let agreed = agreed.min(log.len() - 1);
        let renewed = again(&AuditOps::new(), FORMER, &log, agreed, NEW);
        let submit = OpId::new(NEW, renewed.len() as u64);
        let mut set = AuditOps::new();
        insert(&mut set, FORMER, &log[..agreed]);
        insert(&mut set, NEW, &renewed);
        let held = |dev: &DeviceId| if *dev == NEW { renewed.len() as u64 } else { agreed as u64 };
        prop_assert_eq!(obstacles_to_approval(&set, &submit, held), vec![]);
        // The origin comes after all: the same submit, under its first name.
        insert(&mut set, FORMER, &log);
        prop_assert_eq!(set.standing(&submit), OpId::new(FORMER, log.len() as u64));
        prop_assert_eq!(obstacles_to_approval(&set, &submit, |_| log.len() as u64), vec![]);
    }
}

#[test]
fn an_op_that_says_something_else_than_the_origin_it_names_hides_nothing() {
    let log = log(&[Tap::Answer(0, 1)]);
    let mut forged = again(&AuditOps::new(), FORMER, &log, 0, NEW);
    forged[0].value = Some(Bytes::from(vec![2]));
    let mut set = AuditOps::new();
    insert(&mut set, FORMER, &log);
    insert(&mut set, NEW, &forged);
    let view = set.view();
    assert_eq!(view.fields["A01"].heads.len(), 2);
    assert_eq!(view.open_conflicts().count(), 1);
}
