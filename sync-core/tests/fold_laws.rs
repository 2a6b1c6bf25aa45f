//! Laws of the fold: I4, I5, I10, I11 and the rules of rounds and conflicts (SYNC.md 2.1, 2.3, 2.7, 2.12). Devices, fields
//! and clocks are drawn from few values, since ties are where merges go wrong.
#![expect(clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sync_core::{
    AuditOps, AuditView, Bytes, DeviceId, Hash, Kind, Op, OpId, Seed,
    content::{self, Obstacle},
    fold::{Arrival, ConflictKind, Phase},
    op::Opening,
    payload::{self, ApproveValue, AttachValue, CreateValue, LossCause, LostValue, ReasonValue, ReturnValue},
};
use uuid::Uuid;

const AUDIT: Uuid = Uuid::from_u128(42);
const SERVER: u8 = 9;
const RECV_MS: u64 = 1_000_000;

fn dev(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

fn id(number: u8, dseq: u64) -> OpId {
    OpId::new(dev(number), dseq)
}

#[derive(Debug, Clone)]
struct Arrived {
    from: u8,
    op: Op,
    arrival: Arrival,
}

fn op(kind: Kind, dseq: u64, round: u32, field: &str, base: Vec<OpId>, value: Option<Bytes>) -> Op {
    let field = field.to_owned();
    let hlc = (RECV_MS << 16) + dseq;
    Op { dseq, hlc, kind, audit: AUDIT, round, field, base, value, opening: Opening::Seeded, origin: None }
}

fn put(set: &mut AuditOps, from: u8, op: Op) -> OpId {
    let dseq = op.dseq;
    set.set_seed(dev(from), Seed([from; 32]));
    set.insert(dev(from), op, Arrival { recv_ms: Some(RECV_MS), server: from == SERVER });
    id(from, dseq)
}

fn gather(list: &[Arrived]) -> AuditOps {
    let mut set = AuditOps::new();
    for it in list {
        set.set_seed(dev(it.from), Seed([it.from; 32]));
        set.insert(dev(it.from), it.op.clone(), it.arrival);
    }
    set
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        12 => Just(Kind::Set),
        1 => Just(Kind::Clear),
        1 => Just(Kind::Resolve),
        1 => Just(Kind::Create),
        1 => Just(Kind::Attach),
        1 => Just(Kind::Detach),
        2 => Just(Kind::Submit),
        1 => Just(Kind::Void),
        1 => Just(Kind::Note),
        1 => Just(Kind::Lost),
        1 => Just(Kind::Return),
        1 => Just(Kind::Approve),
        1 => Just(Kind::Reject),
        1 => Just(Kind::Reopen),
        1 => Just(Kind::AckConflict),
        1 => Just(Kind::Unknown(700)),
    ]
}

fn any_id() -> impl Strategy<Value = OpId> {
    (prop_oneof![4 => 0..3_u8, 1 => Just(SERVER)], 1..4_u64).prop_map(|(from, dseq)| id(from, dseq))
}

fn value_of(kind: Kind, small: u8, named: OpId) -> Option<Bytes> {
    match kind {
        Kind::Clear | Kind::Detach | Kind::AckConflict => None,
        Kind::Create => payload::to_value(&CreateValue {
            template: "t".into(),
            version: 1,
            content_hash: Hash([small % 2; 32]),
            branch: Uuid::nil(),
            assignment: None,
            source: None,
            visited_at: None,
        })
        .ok(),
        Kind::Attach => payload::to_value(&AttachValue {
            blob: Hash([small; 32]),
            size: 1,
            mime: "image/jpeg".into(),
            captured_at_ms: None,
            gps: None,
            source: None,
            original: None,
        })
        .ok(),
        Kind::Submit => payload::to_value(&payload::SubmitValue {
            frontier: [(dev(small % 3), u64::from(small / 3)), (named.dev, named.dseq)].into(),
            content_root: Hash::ZERO,
            blobs: vec![],
        })
        .ok(),
        Kind::Lost => payload::to_value(&LostValue {
            blob: Hash([small; 32]),
            cause: (small > 2).then_some(LossCause::Missing),
        })
        .ok(),
        Kind::Approve => payload::to_value(&ApproveValue { submit: named }).ok(),
        Kind::Return => {
            let value = ReturnValue { submit: Some(named), items: vec![], reasons: vec![], due_ms: None };
            payload::to_value(&value).ok()
        }
        Kind::Reject | Kind::Reopen => payload::to_value(&ReasonValue { reason: "r".into() }).ok(),
        _ => Some(Bytes::from(vec![b'0' + small % 3])),
    }
}

/// Any op at all, honest or not: bases in circles, server kinds from devices, rounds out of turn, forks.
fn any_arrived() -> impl Strategy<Value = Arrived> {
    let who = (prop_oneof![4 => 0..3_u8, 1 => Just(SERVER)], 1..4_u64, 0..4_u64, 0..3_u64);
    let what = (any_kind(), 1..3_u32, 0..2_u8, prop::collection::vec(any_id(), 0..3), 0..9_u8, any_id());
    (who, what).prop_map(|((from, dseq, hlc, late), (kind, round, field, base, small, named))| {
        let field =
            if matches!(kind, Kind::Create | Kind::Submit) { String::new() } else { format!("f{field}") };
        let hlc = ((RECV_MS + hlc * 4 * 60_000) << 16) + dseq;
        let value = value_of(kind, small, named);
        let op = Op {
            dseq,
            hlc,
            kind,
            audit: AUDIT,
            round,
            field,
            base,
            value,
            opening: Opening::Seeded,
            origin: None,
        };
        let recv_ms = (late > 0).then(|| RECV_MS + late * 4 * 60_000);
        Arrived { from, op, arrival: Arrival { recv_ms, server: from == SERVER } }
    })
}

fn any_ops() -> impl Strategy<Value = Vec<Arrived>> {
    prop::collection::vec(any_arrived(), 0..14)
}

/// Every value ever set is shown: as a head, as seen by someone who wrote later, or as a conflict.
fn unseen(set: &AuditOps, view: &AuditView) -> Vec<OpId> {
    let mut shown: BTreeSet<OpId> = view.late.iter().map(|it| it.id).collect();
    for (field, register) in &view.fields {
        let mut todo = register.base();
        while let Some(next) = todo.pop() {
            let stored = set.get(&next).filter(|it| it.op.field == *field && it.op.kind.writes_field());
            if let Some(stored) = stored.filter(|_| shown.insert(next)) {
                todo.extend(stored.op.base.iter().copied());
            }
        }
    }
    shown.extend(set.forks());
    let writes = set.iter().filter(|it| it.1.op.kind.writes_field());
    writes.map(|it| *it.0).filter(|it| !shown.contains(it)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// I4: order, repeats and batches of delivery do not matter, for what is stored and for what is seen.
    #[test]
    fn delivery_order_never_matters(
        (sent, received, cut) in any_ops().prop_flat_map(|it| {
            (Just(it.clone()), Just([it.clone(), it].concat()).prop_shuffle(), any::<prop::sample::Index>())
        }),
    ) {
        let once = gather(&sent);
        let shuffled = gather(&received);
        prop_assert_eq!(once.encode().unwrap(), shuffled.encode().unwrap());
        prop_assert_eq!(once.view(), shuffled.view());
        let cut = cut.index(received.len() + 1);
        let mut merged = gather(&received[cut..]);
        merged.merge(gather(&received[..cut]));
        prop_assert_eq!(&merged, &once);
        prop_assert_eq!(AuditOps::decode(&once.encode().unwrap()).unwrap(), once);
    }

    /// Ops that come together do what they do one by one, whether the audit was known and whatever stands where.
    #[test]
    fn ops_that_come_together_do_what_they_do_one_by_one(
        (before, mut ops, rises) in (any_ops(), any_ops(), any::<bool>()),
        (before_any, by_server) in (any::<bool>(), any::<bool>()),
    ) {
        let mut one_by_one = if before_any { gather(&before) } else { AuditOps::new() };
        let mut together = one_by_one.clone();
        if rises {
            (1..).zip(&mut ops).for_each(|(dseq, it)| it.op.dseq = dseq);
        }
        let arrival = Arrival { recv_ms: Some(RECV_MS), server: by_server };
        for it in &ops {
            one_by_one.insert(dev(1), it.op.clone(), arrival);
        }
        together.insert_all(dev(1), ops.iter().map(|it| it.op.clone()), arrival);
        prop_assert_eq!(&together, &one_by_one);
        prop_assert_eq!(together.redactions(), one_by_one.redactions());
        prop_assert_eq!(together.view(), one_by_one.view());
    }

    /// I5: nothing that was set disappears without somebody having seen it.
    #[test]
    fn no_value_vanishes_silently(ops in any_ops()) {
        let set = gather(&ops);
        let view = set.view();
        prop_assert_eq!(unseen(&set, &view), vec![]);
        for (field, register) in &view.fields {
            prop_assert!(!register.heads.is_empty());
            let listed = view.open_conflicts().any(|it| it.kind == ConflictKind::Field && it.field == *field);
            prop_assert_eq!(listed, register.heads.len() > 1);
        }
        for late in &view.late {
            prop_assert!(view.conflicts.iter().any(|it| it.kind == ConflictKind::Late && it.ops == [late.id]));
        }
    }

    /// One field read by itself is what the whole view shows of it.
    #[test]
    fn a_register_by_itself_is_the_one_of_the_view(ops in any_ops()) {
        let set = gather(&ops);
        let view = set.view();
        for field in ["f0", "f1", "f2"] {
            prop_assert_eq!(set.register(&view.rounds, field), view.fields.get(field).cloned());
        }
    }

    /// I10: once a submit is approved with all that it had seen, no device can change what the audit says.
    #[test]
    fn an_approved_audit_is_frozen(before in honest_ops(), after in any_ops()) {
        let mut set = before;
        let submit_dseq = set.frontier().get(&dev(0)).copied().unwrap_or(0) + 1;
        let value = content::submit_value(&set, &set.view());
        let submit = put(&mut set, 0, op(Kind::Submit, submit_dseq, 1, "", vec![], payload::to_value(&value).ok()));
        // The root holds whatever comes after it.
        let approve = op(Kind::Approve, 50, 1, "", vec![], payload::to_value(&ApproveValue { submit }).ok());
        put(&mut set, SERVER, approve);
        let frozen = set.view();
        prop_assert_eq!(frozen.phase, Phase::Approved);
        for mut it in after {
            // What the submitter had seen is on the server, so only later positions can still arrive.
            it.op.dseq += 100;
            it.op.hlc += 1 << 20;
            let decides = matches!(it.op.kind, Kind::Reopen | Kind::Return | Kind::Reject);
            if !(it.arrival.server && decides) {
                set.insert(dev(it.from), it.op, it.arrival);
            }
        }
        let later = set.view();
        prop_assert_eq!(&later.fields, &frozen.fields);
        prop_assert_eq!(&later.attachments, &frozen.attachments);
        prop_assert_eq!(later.pin(), frozen.pin());
        prop_assert_eq!(later.phase, Phase::Approved);
        let obstacles = content::obstacles_to_approval(&set, &submit, |_| u64::MAX);
        prop_assert!(!obstacles.contains(&Obstacle::ContentRoot), "the root does not hold after later ops");
        // I11: what is scored comes from answers and pin alone.
        let seen = set.seen_by(&value.frontier);
        prop_assert_eq!(content::content_root(&seen, &seen.view()), value.content_root);
    }
}

/// An audit of two devices that saw each other's work now and then, before any submit.
fn honest_ops() -> impl Strategy<Value = AuditOps> {
    prop::collection::vec((0..2_u8, 0..3_u8, 0..3_u8, any::<bool>()), 0..12).prop_map(|edits| {
        let mut held = [AuditOps::new(), AuditOps::new()];
        let mut dseq = [0_u64; 2];
        for (who, field, value, meet) in edits {
            let at = usize::from(who);
            let view = held[at].view();
            let field = format!("f{field}");
            let base = view.fields.get(&field).map(|it| it.base()).unwrap_or_default();
            dseq[at] += 1;
            put(&mut held[at], who, op(Kind::Set, dseq[at], 1, &field, base, Some(Bytes::from(vec![value]))));
            if meet {
                let other = held[1 - at].clone();
                held[at].merge(other);
            }
        }
        let [mut one, other] = held;
        one.merge(other);
        one
    })
}

fn set_value(set: &mut AuditOps, from: u8, dseq: u64, base: Vec<OpId>, value: &str) -> OpId {
    put(set, from, op(Kind::Set, dseq, 1, "q", base, Some(Bytes::from(value))))
}

fn submit(set: &mut AuditOps, from: u8, dseq: u64, round: u32) -> OpId {
    let value = content::submit_value(set, &set.view());
    put(set, from, op(Kind::Submit, dseq, round, "", vec![], payload::to_value(&value).ok()))
}

fn open_kinds(set: &AuditOps) -> Vec<ConflictKind> {
    set.view().open_conflicts().map(|it| it.kind).collect()
}

#[test]
fn a_later_writer_who_saw_the_value_replaces_it_without_a_conflict() {
    let mut set = AuditOps::new();
    // The one who saw arrives first.
    set_value(&mut set, 1, 1, vec![id(0, 1)], "new");
    set_value(&mut set, 0, 1, vec![], "old");
    let view = set.view();
    assert_eq!(view.answer("q"), Some(&b"new"[..]));
    assert!(view.conflicts.is_empty());
}

#[test]
fn two_who_did_not_see_each_other_are_a_conflict_until_somebody_settles_it() {
    let mut set = AuditOps::new();
    let a = set_value(&mut set, 0, 1, vec![], "yes");
    let b = set_value(&mut set, 1, 1, vec![], "no");
    assert_eq!(open_kinds(&set), [ConflictKind::Field]);
    let settled = put(&mut set, 0, op(Kind::Resolve, 2, 1, "q", vec![a, b], Some(Bytes::from("no"))));
    let view = set.view();
    assert_eq!(view.answer("q"), Some(&b"no"[..]));
    assert_eq!(view.conflicts.len(), 1);
    assert_eq!(view.conflicts[0].resolved_by, Some(settled));
}

#[test]
fn forged_ops_that_name_each_other_in_a_circle_all_stand() {
    let mut set = AuditOps::new();
    set_value(&mut set, 0, 1, vec![id(1, 1)], "yes");
    set_value(&mut set, 1, 1, vec![id(0, 1)], "no");
    set_value(&mut set, 2, 1, vec![], "third");
    assert_eq!(set.view().fields["q"].heads.len(), 3);
    // Somebody who saw all of them ends it.
    put(
        &mut set,
        0,
        op(Kind::Resolve, 2, 1, "q", vec![id(0, 1), id(1, 1), id(2, 1)], Some(Bytes::from("no"))),
    );
    assert_eq!(open_kinds(&set), []);
}

#[test]
fn what_a_submit_had_not_seen_is_late_however_it_arrives() {
    let mut seen = AuditOps::new();
    set_value(&mut seen, 0, 1, vec![], "yes");
    let mut set = seen.clone();
    submit(&mut set, 0, 2, 1);
    let late = set_value(&mut set, 1, 1, vec![], "no");
    let view = set.view();
    assert_eq!(view.answer("q"), Some(&b"yes"[..]));
    assert_eq!(view.late.iter().map(|it| it.id).collect::<Vec<_>>(), [late]);
    assert_eq!(open_kinds(&set), [ConflictKind::Late]);
    assert_eq!(view.phase, Phase::Submitted);
    // An editor looks at it and leaves the answer as it is.
    put(&mut set, SERVER, op(Kind::AckConflict, 1, 1, "q", vec![late], None));
    assert_eq!(open_kinds(&set), []);
}

#[test]
fn a_returned_audit_goes_on_in_the_next_round_from_the_answers_it_has() {
    let mut set = AuditOps::new();
    let first = set_value(&mut set, 0, 1, vec![], "yes");
    let sent = submit(&mut set, 0, 2, 1);
    let value =
        ReturnValue { submit: Some(sent), items: vec![], reasons: vec!["look again".into()], due_ms: None };
    put(&mut set, SERVER, op(Kind::Return, 1, 2, "", vec![], payload::to_value(&value).ok()));
    assert_eq!((set.view().phase, set.view().rounds.current), (Phase::Returned, 2));
    let again = op(Kind::Set, 3, 2, "q", vec![first], Some(Bytes::from("no")));
    put(&mut set, 0, again);
    let view = set.view();
    assert_eq!((view.phase, view.answer("q")), (Phase::Draft, Some(&b"no"[..])));
    assert!(view.conflicts.is_empty());
    let sent = submit(&mut set, 0, 4, 2);
    assert_eq!(content::obstacles_to_approval(&set, &sent, |_| 99), []);
}

#[test]
fn a_device_cannot_approve_or_open_a_round() {
    let mut set = AuditOps::new();
    set_value(&mut set, 0, 1, vec![], "yes");
    let sent = submit(&mut set, 0, 2, 1);
    put(
        &mut set,
        1,
        op(Kind::Approve, 1, 1, "", vec![], payload::to_value(&ApproveValue { submit: sent }).ok()),
    );
    put(&mut set, 1, op(Kind::Return, 2, 2, "", vec![], None));
    put(&mut set, 1, op(Kind::Set, 3, 7, "q", vec![], Some(Bytes::from("no"))));
    let view = set.view();
    assert_eq!((view.phase, view.rounds.current), (Phase::Submitted, 1));
    assert_eq!(view.answer("q"), Some(&b"yes"[..]));
    assert_eq!(view.late.len(), 1);
}

#[test]
fn two_submits_that_did_not_see_each_other_are_a_conflict_and_approving_one_settles_it() {
    let mut one = AuditOps::new();
    let base = set_value(&mut one, 0, 1, vec![], "yes");
    let mut other = one.clone();
    let mine = submit(&mut one, 0, 2, 1);
    set_value(&mut other, 1, 1, vec![base], "no");
    submit(&mut other, 1, 2, 1);
    one.merge(other);
    assert!(open_kinds(&one).contains(&ConflictKind::Submit));
    // Covered by one of the two, so not late.
    assert_eq!(one.view().answer("q"), Some(&b"no"[..]));
    put(
        &mut one,
        SERVER,
        op(Kind::Approve, 1, 1, "", vec![], payload::to_value(&ApproveValue { submit: mine }).ok()),
    );
    assert_eq!(one.view().answer("q"), Some(&b"yes"[..]));
    assert_eq!(open_kinds(&one), [ConflictKind::Late]);
}

#[test]
fn a_clock_far_ahead_wins_nothing_for_long_and_is_shown() {
    let mut set = AuditOps::new();
    let mut ahead = op(Kind::Set, 1, 1, "q", vec![], Some(Bytes::from("ahead")));
    ahead.hlc = (RECV_MS + 4 * 365 * 86_400_000) << 16;
    put(&mut set, 0, ahead);
    let mut later = op(Kind::Set, 1, 1, "q", vec![], Some(Bytes::from("later")));
    later.hlc = (RECV_MS + 6 * 60_000) << 16;
    set.insert(dev(1), later, Arrival::device(RECV_MS + 6 * 60_000));
    assert_eq!(set.view().answer("q"), Some(&b"later"[..]));
    assert_eq!(open_kinds(&set), [ConflictKind::Field, ConflictKind::Clock]);
}

#[test]
fn a_submit_is_not_approved_with_open_conflicts_or_without_what_it_saw() {
    let mut set = AuditOps::new();
    set_value(&mut set, 0, 1, vec![], "yes");
    set_value(&mut set, 1, 1, vec![], "no");
    let sent = submit(&mut set, 0, 2, 1);
    assert_eq!(content::obstacles_to_approval(&set, &sent, |_| 99), [Obstacle::OpenConflict]);
    let short = |it: &DeviceId| if *it == dev(1) { 0 } else { 99 };
    let both = [Obstacle::FrontierIncomplete, Obstacle::OpenConflict];
    assert_eq!(content::obstacles_to_approval(&set, &sent, short), both);
    assert_eq!(content::obstacles_to_approval(&set, &id(0, 1), |_| 99), [Obstacle::NoSubmit]);
    let mut forged = set.clone();
    let value = payload::SubmitValue { content_root: Hash::ZERO, ..content::submit_value(&set, &set.view()) };
    let forged_id = put(&mut forged, 1, op(Kind::Submit, 2, 1, "", vec![], payload::to_value(&value).ok()));
    assert!(content::obstacles_to_approval(&forged, &forged_id, |_| 99).contains(&Obstacle::ContentRoot));
}

#[test]
fn a_redaction_takes_the_value_and_leaves_the_root() {
    let mut set = AuditOps::new();
    let secret = set_value(&mut set, 0, 1, vec![], "a name");
    let root = content::content_root(&set, &set.view());
    let vhash = set.commitment(&secret).unwrap();
    let mut redacted = set.get(&secret).unwrap().op.clone();
    (redacted.value, redacted.opening) = (None, Opening::Redacted(vhash));
    set.insert(dev(0), redacted, Arrival::device(RECV_MS));
    assert_eq!(set.view().answer("q"), None);
    assert_eq!(content::content_root(&set, &set.view()), root);
    assert_eq!(set.forks().count(), 0);
}

fn lost(set: &mut AuditOps, dseq: u64, base: Vec<OpId>, cause: Option<LossCause>) -> OpId {
    let value = payload::to_value(&LostValue { blob: Hash([1; 32]), cause }).ok();
    put(set, 0, op(Kind::Lost, dseq, 1, "p", base, value))
}

#[test]
fn a_lost_photo_blocks_approval_until_it_turns_up_or_is_taken_away_or_a_person_closes_it() {
    let mut set = AuditOps::new();
    let photo = value_of(Kind::Attach, 1, id(0, 1));
    let attach = put(&mut set, 0, op(Kind::Attach, 1, 1, "p", vec![], photo));
    let handed_in = submit(&mut set, 0, 2, 1);
    // Written after the submit, and still no late op: it says what became of bytes, not what was answered.
    let loss = lost(&mut set, 3, vec![attach], Some(LossCause::Missing));
    let view = set.view();
    let conflict = view.open_conflicts().next().unwrap();
    assert_eq!((conflict.kind, conflict.field.as_str()), (ConflictKind::BlobLost, "p"));
    assert_eq!((&conflict.ops, view.late.len(), view.phase), (&vec![attach], 0, Phase::Submitted));
    assert_eq!(content::obstacles_to_approval(&set, &handed_in, |_| 3), [Obstacle::OpenConflict]);

    let mut here_again = set.clone();
    let back = lost(&mut here_again, 4, vec![loss], None);
    let mut closed = set.clone();
    let by_person = put(&mut closed, SERVER, op(Kind::AckConflict, 1, 1, "", vec![loss], None));
    let mut returned = set.clone();
    let value = ReturnValue { submit: Some(handed_in), items: vec![], reasons: vec![], due_ms: None };
    put(&mut returned, SERVER, op(Kind::Return, 1, 2, "", vec![], payload::to_value(&value).ok()));
    assert_eq!(open_kinds(&returned), [ConflictKind::BlobLost]);
    assert_eq!(returned.view().phase, Phase::Returned);
    let detach = put(&mut returned, 0, op(Kind::Detach, 5, 2, "p", vec![attach], None));
    for (set, by) in [(here_again, back), (closed, by_person), (returned, detach)] {
        assert_eq!(set.view().conflicts[0].resolved_by, Some(by));
    }

    let approve = payload::to_value(&ApproveValue { submit: handed_in }).ok();
    let mut approved = AuditOps::new();
    let photo = value_of(Kind::Attach, 1, id(0, 1));
    put(&mut approved, 0, op(Kind::Attach, 1, 1, "p", vec![], photo));
    submit(&mut approved, 0, 2, 1);
    put(&mut approved, SERVER, op(Kind::Approve, 1, 1, "", vec![], approve));
    lost(&mut approved, 3, vec![attach], Some(LossCause::Evicted));
    assert_eq!(open_kinds(&approved), [ConflictKind::Late]);
}
