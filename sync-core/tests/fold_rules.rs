//! The rules of the fold one by one, where drawn ops meet them too seldom to tell: what becomes of two forms of one op, of ranks,
//! rounds, decisions and twins.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use sync_core::{
    AuditOps, Bytes, DeviceId, Hash, Kind, Op, OpId, Seed,
    chain::Blinds,
    fold::{Arrival, ConflictKind, Inserted, Phase},
    hlc,
    op::Opening,
    payload::{
        self, ApproveValue, AttachValue, CreateValue, Frontier, LossCause, LostValue, ReasonValue,
        ReturnValue, SubmitValue,
    },
};
use uuid::Uuid;

const AUDIT: Uuid = Uuid::from_u128(42);
const SERVER: u8 = 9;
const RECV_MS: u64 = 1_000_000;
const MINUTE: u64 = 60_000;

fn dev(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

fn id(number: u8, dseq: u64) -> OpId {
    OpId::new(dev(number), dseq)
}

fn op(kind: Kind, dseq: u64, field: &str, value: Option<Bytes>) -> Op {
    Op {
        dseq,
        hlc: hlc::at_ms(RECV_MS) + dseq,
        kind,
        audit: AUDIT,
        round: 1,
        field: field.to_owned(),
        base: Vec::new(),
        value,
        opening: Opening::Seeded,
        origin: None,
    }
}

fn set(dseq: u64, value: &str) -> Op {
    op(Kind::Set, dseq, "A01", Some(Bytes::from(value)))
}

fn arrival(from: u8) -> Arrival {
    Arrival { recv_ms: Some(RECV_MS), server: from == SERVER }
}

fn put(audit: &mut AuditOps, from: u8, op: Op) -> OpId {
    let dseq = op.dseq;
    audit.set_seed(dev(from), Seed([from; 32]));
    audit.insert(dev(from), op, arrival(from));
    id(from, dseq)
}

fn submit(dseq: u64, round: u32, frontier: &[OpId]) -> Op {
    let frontier: Frontier = frontier.iter().map(|it| (it.dev, it.dseq)).collect();
    let value = SubmitValue { frontier, content_root: Hash::ZERO, blobs: Vec::new() };
    Op { round, ..op(Kind::Submit, dseq, "", payload::to_value(&value).ok()) }
}

/// A decision of the server, so many minutes after everything else.
fn decision(dseq: u64, minutes: u64, kind: Kind, round: u32, value: Option<Bytes>) -> Op {
    Op { hlc: hlc::at_ms(RECV_MS + minutes * MINUTE), round, ..op(kind, dseq, "", value) }
}

fn decide(audit: &mut AuditOps, op: Op) {
    let recv_ms = Some(hlc::ms_of(op.hlc));
    audit.set_seed(dev(SERVER), Seed([SERVER; 32]));
    audit.insert(dev(SERVER), op, Arrival { recv_ms, server: true });
}

fn approve(submit: OpId) -> Option<Bytes> {
    payload::to_value(&ApproveValue { submit }).ok()
}

fn why() -> Option<Bytes> {
    payload::to_value(&ReasonValue { reason: "r".into() }).ok()
}

fn returned() -> Option<Bytes> {
    payload::to_value(&ReturnValue { submit: None, items: vec![], reasons: vec![], due_ms: None }).ok()
}

fn redact(dseq: u64, base: Vec<OpId>) -> Op {
    Op { base, field: "A01".into(), ..op(Kind::Redact, dseq, "A01", why()) }
}

/// Each order of two things done to an audit that is otherwise empty.
fn both_ways(one: impl Fn(&mut AuditOps), other: impl Fn(&mut AuditOps)) -> [AuditOps; 2] {
    let (mut first, mut second) = (AuditOps::new(), AuditOps::new());
    one(&mut first);
    other(&mut first);
    other(&mut second);
    one(&mut second);
    assert_eq!(first, second);
    assert_eq!(first.encode(), second.encode());
    assert_eq!(AuditOps::decode(&first.encode().unwrap()).unwrap(), first);
    [first, second]
}

// ---- forms of one op ----

#[test]
fn of_two_seeds_of_one_device_every_replica_keeps_the_same() {
    let told = |number: u8| {
        move |it: &mut AuditOps| {
            it.set_seed(dev(1), Seed([number; 32]));
            it.insert(dev(1), set(1, "a"), arrival(1));
        }
    };
    for audit in both_ways(told(3), told(2)) {
        assert_eq!(audit.seed(&dev(1)), Some(&Seed([2; 32])));
    }
}

#[test]
fn a_rank_is_the_lowest_that_was_ever_seen() {
    let ahead = Op { hlc: hlc::at_ms(RECV_MS + 60 * MINUTE), ..set(1, "a") };
    let at = |recv_ms: Option<u64>| {
        let ahead = ahead.clone();
        move |it: &mut AuditOps| {
            it.insert(dev(1), ahead.clone(), Arrival { recv_ms, server: false });
        }
    };
    let lowest = hlc::effective(ahead.hlc, RECV_MS);
    for pair in [(Some(RECV_MS), Some(RECV_MS + MINUTE)), (None, Some(RECV_MS))] {
        for mut audit in both_ways(at(pair.0), at(pair.1)) {
            assert_eq!(audit.get(&id(1, 1)).unwrap().eff_hlc, lowest);
            audit.acknowledge(&id(1, 1), RECV_MS + 9 * MINUTE);
            assert_eq!(audit.get(&id(1, 1)).unwrap().eff_hlc, lowest);
        }
    }
}

#[test]
fn an_op_of_the_servers_log_stays_one_whoever_brings_it() {
    let by = |server: bool| {
        move |it: &mut AuditOps| {
            let said = decision(1, 0, Kind::Reject, 1, why());
            it.insert(dev(SERVER), said, Arrival { recv_ms: Some(RECV_MS), server });
        }
    };
    for audit in both_ways(by(true), by(false)) {
        assert!(audit.get(&id(SERVER, 1)).unwrap().server);
        assert_eq!(audit.view().phase, Phase::Rejected);
    }
}

#[test]
fn two_ops_at_one_place_are_a_fork_also_where_only_what_they_saw_differs() {
    let seen = |base: Vec<OpId>| {
        move |it: &mut AuditOps| {
            it.insert(dev(1), Op { base: base.clone(), ..set(2, "a") }, arrival(1));
        }
    };
    let of = |value: &'static str| {
        move |it: &mut AuditOps| {
            it.insert(dev(1), set(2, value), arrival(1));
        }
    };
    let forks = [both_ways(seen(vec![]), seen(vec![id(1, 1)])), both_ways(of("a"), of("b"))];
    for audit in forks.iter().flatten() {
        assert_eq!(audit.forks().collect::<Vec<_>>(), [&id(1, 2)]);
        let view = audit.view();
        let fork = view.conflicts.iter().find(|it| it.kind == ConflictKind::Fork).unwrap();
        assert!(fork.is_open() && fork.kind.blocks_approval());
    }
    let mut audit = AuditOps::new();
    assert_eq!(audit.insert(dev(1), set(2, "a"), arrival(1)), Inserted::New);
    assert_eq!(audit.insert(dev(1), set(2, "a"), arrival(1)), Inserted::Known);
    assert_eq!(audit.insert(dev(1), set(2, "b"), arrival(1)), Inserted::Fork);
    let mut other = AuditOps::new();
    other.insert(dev(1), set(2, "a"), arrival(1));
    other.merge(audit);
    assert_eq!(other.forks().count(), 1);
}

#[test]
fn of_an_op_the_form_stands_of_which_less_is_left() {
    let seed = Seed([1; 32]);
    let blind = Blinds::of_seed(&seed).unwrap().blind(1, Kind::Set, "A01");
    let opened = Op { opening: Opening::Blind(blind), ..set(1, "a") };
    let vhash = sync_core::chain::commitment(None, &opened).unwrap();
    let gone = Op { value: None, opening: Opening::Redacted(vhash), ..set(1, "a") };
    let of = |it: &Op| {
        let it = it.clone();
        move |audit: &mut AuditOps| {
            audit.insert(dev(1), it.clone(), arrival(1));
        }
    };
    for audit in both_ways(of(&opened), of(&gone)) {
        assert_eq!(audit.get(&id(1, 1)).unwrap().op, gone);
        assert_eq!(audit.forks().count(), 0);
    }
    for audit in both_ways(of(&set(1, "a")), of(&opened)) {
        assert_eq!(audit.get(&id(1, 1)).unwrap().op, opened);
    }
}

#[test]
fn a_redaction_closes_a_device_of_which_the_named_op_is_not_here_and_reaches_what_comes_later() {
    let other = Op { field: "A02".into(), ..set(1, "b") };
    let [mut audit, _] = both_ways(
        |it| {
            put(it, SERVER, redact(1, vec![id(1, 2)]));
        },
        |it| {
            put(it, 1, other.clone());
        },
    );
    assert_eq!((audit.seed(&dev(1)), audit.is_closed(&dev(1))), (None, true));
    // The seed is not told again with what it opens.
    audit.insert(dev(1), set(2, "a"), arrival(1));
    assert!(audit.get(&id(1, 2)).unwrap().op.is_redacted());
    assert_eq!(audit.get(&id(1, 1)).unwrap().op.value, other.value);
}

// ---- rounds ----

#[test]
fn a_submit_covers_what_its_own_device_wrote_before_it_whatever_it_says_to_have_seen() {
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    put(&mut audit, 2, Op { field: "A02".into(), ..set(1, "b") });
    put(&mut audit, 1, submit(2, 1, &[]));
    put(&mut audit, 1, set(3, "late"));
    let view = audit.view();
    assert_eq!((view.answer("A01"), view.answer("A02")), (Some(&b"a"[..]), None));
    assert_eq!(view.late.iter().map(|it| it.id).collect::<Vec<_>>(), [id(1, 3), id(2, 1)]);
}

#[test]
fn the_highest_round_that_the_server_returned_to_is_the_current_one() {
    for rounds in [[3, 2], [2, 3]] {
        let mut audit = AuditOps::new();
        for (dseq, round) in (1..).zip(rounds) {
            decide(&mut audit, decision(dseq, dseq, Kind::Return, round, returned()));
        }
        assert_eq!(audit.view().rounds.current, 3);
    }
}

/// An audit with two submits of its first round that had not seen each other.
fn handed_in_twice() -> (AuditOps, OpId, OpId) {
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    put(&mut audit, 2, set(1, "b"));
    let one = put(&mut audit, 1, submit(2, 1, &[]));
    let other = put(&mut audit, 2, submit(2, 1, &[]));
    (audit, one, other)
}

#[test]
fn the_first_approval_holds_until_the_audit_is_opened_again() {
    let (mut audit, one, other) = handed_in_twice();
    decide(&mut audit, decision(1, 1, Kind::Approve, 1, approve(one)));
    decide(&mut audit, decision(2, 2, Kind::Approve, 1, approve(other)));
    assert_eq!(audit.view().rounds.approved.unwrap().1, one);
    assert_eq!(audit.view().answer("A01"), Some(&b"a"[..]));
    decide(&mut audit, decision(3, 3, Kind::Reopen, 1, why()));
    assert_eq!((audit.view().phase, audit.view().rounds.approved), (Phase::Submitted, None));
    decide(&mut audit, decision(4, 4, Kind::Approve, 1, approve(other)));
    assert_eq!(audit.view().answer("A01"), Some(&b"b"[..]));
}

#[test]
fn decisions_count_in_the_order_of_their_ranks_and_not_of_their_places() {
    // A restored server signs with another key: its later decisions may stand before the earlier ones.
    let (mut audit, one, other) = handed_in_twice();
    decide(&mut audit, decision(1, 5, Kind::Approve, 1, approve(one)));
    decide(&mut audit, decision(2, 4, Kind::Reject, 1, why()));
    decide(&mut audit, decision(3, 3, Kind::Approve, 1, approve(other)));
    let view = audit.view();
    assert_eq!((view.phase, view.rounds.approved.unwrap().1), (Phase::Approved, one));
    assert_eq!(view.lifecycle.iter().map(|it| it.id.dseq).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn each_decision_undoes_the_one_before_it() {
    let steps = [
        (Kind::Reject, Phase::Rejected),
        (Kind::Approve, Phase::Approved),
        (Kind::Reject, Phase::Rejected),
        (Kind::Reopen, Phase::Submitted),
        (Kind::Reject, Phase::Rejected),
        (Kind::Return, Phase::Returned),
    ];
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    let handed_in = put(&mut audit, 1, submit(2, 1, &[]));
    for (number, (kind, phase)) in (1..).zip(steps) {
        let value = match kind {
            Kind::Approve => approve(handed_in),
            Kind::Return => returned(),
            _ => why(),
        };
        let round = if kind == Kind::Return { 2 } else { 1 };
        decide(&mut audit, decision(number, number, kind, round, value));
        let view = audit.view();
        assert_eq!((view.phase, view.rounds.approved.is_some()), (phase, phase == Phase::Approved), "{kind}");
        assert_eq!(view.rounds.rejected, phase == Phase::Rejected, "{kind}");
    }
}

#[test]
fn an_approval_of_one_round_leaves_the_submits_of_another_deciding() {
    let (mut audit, one, _) = handed_in_twice();
    decide(&mut audit, decision(1, 1, Kind::Return, 2, returned()));
    let again = Op { round: 2, base: vec![id(1, 1), id(2, 1)], ..set(3, "c") };
    put(&mut audit, 1, again);
    let second = put(&mut audit, 1, submit(4, 2, &[id(2, 2)]));
    decide(&mut audit, decision(2, 2, Kind::Approve, 2, approve(second)));
    let view = audit.view();
    assert_eq!(view.answer("A01"), Some(&b"c"[..]));
    // What no submit of the first round covers is late there still.
    put(&mut audit, 1, Op { field: "A02".into(), ..set(5, "too late") });
    assert_eq!(audit.view().answer("A02"), None);
    assert_ne!(second, one);
}

#[test]
fn a_submit_of_an_earlier_round_brings_nothing_into_what_is_approved() {
    for seen in [vec![], vec![id(2, 1)]] {
        let mut audit = AuditOps::new();
        put(&mut audit, 1, set(1, "a"));
        put(&mut audit, 1, submit(2, 1, &[]));
        decide(&mut audit, decision(1, 1, Kind::Return, 2, returned()));
        let named = put(&mut audit, 1, submit(3, 2, &seen));
        put(&mut audit, 2, Op { field: "A02".into(), ..set(1, "b") });
        let late = |it: &AuditOps| it.view().late.iter().map(|it| it.id).collect::<Vec<_>>();
        assert_eq!(late(&audit), [id(2, 1)]);
        // Whoever wrote it hands the first round in too, without having heard of the rest.
        let mut both = audit.clone();
        put(&mut both, 2, submit(2, 1, &[]));
        assert_eq!((both.view().answer("A02"), late(&both)), (Some(&b"b"[..]), vec![]));
        decide(&mut audit, decision(2, 2, Kind::Approve, 2, approve(named)));
        put(&mut audit, 2, submit(2, 1, &[]));
        assert_eq!((audit.view().answer("A02"), late(&audit)), (None, vec![id(2, 1)]), "{seen:?}");
        assert_eq!(audit.view().answer("A01"), Some(&b"a"[..]));
    }
}

#[test]
fn a_loss_that_is_said_after_the_approval_changes_nothing() {
    let (mut audit, one, _) = handed_in_twice();
    let value = LostValue { blob: Hash([1; 32]), cause: Some(LossCause::Missing) };
    let lost = Op { base: vec![id(1, 1)], ..op(Kind::Lost, 3, "A01", payload::to_value(&value).ok()) };
    let mut before = audit.clone();
    put(&mut before, 1, lost.clone());
    let is_lost = |it: &AuditOps| it.view().conflicts.iter().any(|it| it.kind == ConflictKind::BlobLost);
    assert!(is_lost(&before));
    decide(&mut audit, decision(1, 1, Kind::Approve, 1, approve(one)));
    put(&mut audit, 1, lost);
    assert!(!is_lost(&audit) && audit.view().late.iter().any(|it| it.kind == Kind::Lost));
}

#[test]
fn a_submit_that_says_to_have_seen_itself_stands() {
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    let handed_in = put(&mut audit, 1, submit(2, 1, &[id(1, 7)]));
    let view = audit.view();
    assert_eq!(view.current_submit().map(|it| it.id), Some(handed_in));
}

// ---- what was said twice ----

/// What a device with a former log says again.
fn again(op: &Op, dseq: u64) -> Op {
    Op { dseq, origin: Some(id(1, op.dseq)), ..op.clone() }
}

#[test]
fn only_what_says_the_same_at_the_same_time_in_the_same_place_is_said_twice() {
    let first = set(1, "a");
    let others = [
        Op { hlc: first.hlc + 1, ..first.clone() },
        Op { round: 2, ..first.clone() },
        Op { field: "A02".into(), ..first.clone() },
        Op { kind: Kind::Note, ..first.clone() },
        Op { value: Some(Bytes::from("b")), ..first.clone() },
    ];
    for other in others {
        let mut audit = AuditOps::new();
        put(&mut audit, 1, first.clone());
        let copy = put(&mut audit, 2, again(&other, 1));
        assert_eq!(audit.standing(&copy), copy, "{other:?}");
    }
    let mut audit = AuditOps::new();
    put(&mut audit, 1, first.clone());
    let copy = put(&mut audit, 2, again(&first, 1));
    assert_eq!((audit.standing(&copy), audit.view().fields["A01"].heads.len()), (id(1, 1), 1));
}

#[test]
fn an_approval_of_a_submit_that_stands_under_another_name_is_one_of_that() {
    let mut audit = AuditOps::new();
    let first = submit(2, 1, &[]);
    put(&mut audit, 3, set(1, "a"));
    let copy = put(&mut audit, 3, again(&first, 2));
    decide(&mut audit, decision(1, 1, Kind::Approve, 1, approve(id(1, 2))));
    assert_eq!(audit.view().rounds.approved.unwrap().1, copy);
    // Where its origin comes, that is the one.
    put(&mut audit, 1, first);
    assert_eq!(audit.view().rounds.approved.unwrap().1, id(1, 2));
}

#[test]
fn who_handed_in_saw_what_was_said_again_of_a_lost_log_and_nothing_of_a_second_log_of_the_same_name() {
    // Device 1 wrote its second op in another visit; a copy of the phone wrote one here, and says it again.
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    let handed_in = put(&mut audit, 1, submit(3, 1, &[id(1, 1)]));
    decide(&mut audit, decision(1, 1, Kind::Approve, 1, approve(handed_in)));
    let approved = audit.view();
    let other = put(&mut audit, 2, again(&set(2, "b"), 2));
    let view = audit.view();
    assert_eq!(
        (view.fields, view.late.iter().map(|it| it.id).collect::<Vec<_>>()),
        (approved.fields, vec![other])
    );
    // Where nothing of the former log is here beyond it, what was said again is what was seen.
    let mut audit = AuditOps::new();
    put(&mut audit, 2, again(&set(2, "b"), 2));
    let handed_in = put(&mut audit, 3, submit(1, 1, &[id(1, 2)]));
    decide(&mut audit, decision(1, 1, Kind::Approve, 1, approve(handed_in)));
    assert_eq!((audit.view().answer("A01"), audit.view().late.len()), (Some(&b"b"[..]), 0));
}

#[test]
fn an_op_that_names_itself_and_one_of_the_server_are_nobodys_twins() {
    let mut audit = AuditOps::new();
    let itself = Op { origin: Some(id(1, 1)), ..set(1, "a") };
    put(&mut audit, 1, itself.clone());
    let copy = put(&mut audit, 2, again(&itself, 1));
    assert_eq!((audit.standing(&id(1, 1)), audit.standing(&copy)), (id(1, 1), copy));
    let mut audit = AuditOps::new();
    put(&mut audit, 1, set(1, "a"));
    let of_the_server = put(&mut audit, SERVER, again(&set(1, "a"), 1));
    assert_eq!(audit.standing(&of_the_server), of_the_server);
}

#[test]
fn what_is_no_first_word_of_a_device_has_no_copies() {
    // A copy of a copy, which no honest device says: it names the first word.
    let mut audit = AuditOps::new();
    let one = put(&mut audit, 1, Op { origin: Some(id(7, 1)), ..set(1, "a") });
    let other = put(&mut audit, 2, again(&set(1, "a"), 1));
    assert_eq!((audit.standing(&one), audit.standing(&other)), (one, other));
    // A device that says again what the server said.
    let mut audit = AuditOps::new();
    let said = put(&mut audit, SERVER, set(1, "a"));
    let copy = put(&mut audit, 2, Op { origin: Some(said), ..set(1, "a") });
    assert_eq!((audit.standing(&said), audit.standing(&copy)), (said, copy));
}

#[test]
fn whoever_saw_an_op_and_its_copy_saw_one() {
    let mut audit = AuditOps::new();
    let first = put(&mut audit, 1, set(1, "a"));
    let copy = put(&mut audit, 2, again(&set(1, "a"), 1));
    put(&mut audit, 3, Op { base: vec![first, copy], ..set(2, "b") });
    let view = audit.view();
    assert_eq!((view.answer("A01"), view.conflicts.len()), (Some(&b"b"[..]), 0));
}

#[test]
fn an_op_and_its_copies_have_the_lowest_rank_of_all() {
    let ahead = Op { hlc: hlc::at_ms(RECV_MS + 60 * MINUTE), ..set(1, "a") };
    for (one, other) in [(RECV_MS, RECV_MS + 50 * MINUTE), (RECV_MS + 50 * MINUTE, RECV_MS)] {
        let mut audit = AuditOps::new();
        audit.insert(dev(1), ahead.clone(), Arrival::device(one));
        audit.insert(dev(2), again(&ahead, 1), Arrival::device(other));
        let heads = &audit.view().fields.remove("A01").unwrap().heads;
        let ranks: Vec<u64> = heads.iter().map(|it| it.eff_hlc).collect();
        assert_eq!(ranks, [hlc::effective(ahead.hlc, RECV_MS)]);
    }
}

#[test]
fn of_two_submits_that_stand_the_later_one_is_shown() {
    let (audit, _, other) = handed_in_twice();
    assert_eq!(audit.view().current_submit().map(|it| it.id), Some(other));
}

#[test]
fn the_servers_words_in_a_devices_log_are_shown_nowhere_and_settle_nothing() {
    let (mut audit, one, _) = handed_in_twice();
    let seen = vec![id(1, 1), id(2, 1), id(1, 2), id(2, 2)];
    put(&mut audit, 1, op(Kind::Approve, 3, "", approve(one)));
    put(&mut audit, 1, Op { base: seen.clone(), ..op(Kind::AckConflict, 4, "", None) });
    let view = audit.view();
    assert_eq!((view.lifecycle, view.phase), (Vec::new(), Phase::Submitted));
    let open =
        |it: &AuditOps| it.view().open_conflicts().filter(|it| it.kind == ConflictKind::Submit).count();
    assert_eq!(open(&audit), 1);
    put(&mut audit, SERVER, Op { base: seen, ..op(Kind::AckConflict, 1, "", None) });
    assert_eq!(open(&audit), 0);
}

#[test]
fn a_redacted_remark_and_the_value_of_a_clear_are_shown_nowhere() {
    let mut audit = AuditOps::new();
    let vhash = Hash([3; 32]);
    let gone = Op { opening: Opening::Redacted(vhash), ..op(Kind::Note, 1, "", None) };
    put(&mut audit, 1, gone);
    put(&mut audit, 1, op(Kind::Note, 2, "", Some(Bytes::from("seen"))));
    // No honest device writes a value into it.
    put(&mut audit, 1, op(Kind::Clear, 3, "A01", Some(Bytes::from("a"))));
    let view = audit.view();
    assert_eq!(view.remarks.iter().map(|it| it.id).collect::<Vec<_>>(), [id(1, 2)]);
    assert_eq!((view.answer("A01"), view.fields["A01"].heads.len()), (None, 1));
}

#[test]
fn one_other_pin_among_several_is_a_conflict() {
    let create = |dseq: u64, version: u32| {
        let value = CreateValue {
            template: "t".into(),
            version,
            content_hash: Hash([9; 32]),
            branch: Uuid::nil(),
            assignment: None,
            source: None,
            visited_at: None,
        };
        op(Kind::Create, dseq, "", payload::to_value(&value).ok())
    };
    let conflicts = |versions: [u32; 3]| {
        let mut audit = AuditOps::new();
        for (from, version) in (1..).zip(versions) {
            put(&mut audit, from, create(1, version));
        }
        audit.view().conflicts.len()
    };
    assert_eq!([[1, 1, 1], [1, 1, 2], [2, 1, 1], [1, 2, 1]].map(conflicts), [0, 1, 1, 1]);
}

#[test]
fn what_a_detach_names_does_not_stand() {
    let value = AttachValue {
        blob: Hash([1; 32]),
        size: 1,
        mime: "image/jpeg".into(),
        captured_at_ms: None,
        gps: None,
        source: None,
        original: None,
    };
    let mut audit = AuditOps::new();
    let photo = put(&mut audit, 1, op(Kind::Attach, 1, "A01#photo", payload::to_value(&value).ok()));
    assert_eq!(audit.view().attachments.len(), 1);
    put(&mut audit, 2, Op { base: vec![photo], ..op(Kind::Detach, 1, "A01#photo", None) });
    assert!(audit.view().attachments.is_empty());
}

#[test]
fn a_clock_that_was_not_believed_is_looked_at_once() {
    let mut audit = AuditOps::new();
    let ahead = put(&mut audit, 1, Op { hlc: hlc::at_ms(RECV_MS + 60 * MINUTE), ..set(1, "a") });
    let open = |it: &AuditOps| it.view().open_conflicts().filter(|it| it.kind == ConflictKind::Clock).count();
    assert_eq!(open(&audit), 1);
    put(&mut audit, SERVER, Op { base: vec![ahead], ..op(Kind::AckConflict, 1, "", None) });
    assert_eq!(open(&audit), 0);
}

#[test]
fn only_a_return_to_a_later_round_settles_two_submits() {
    let (audit, ..) = handed_in_twice();
    let open = |round: u32| {
        let mut audit = audit.clone();
        decide(&mut audit, decision(1, 1, Kind::Return, round, returned()));
        audit.view().open_conflicts().any(|it| it.kind == ConflictKind::Submit)
    };
    assert_eq!([1, 2].map(open), [true, false]);
}
