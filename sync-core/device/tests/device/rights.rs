//! Audits that are taken from a phone and given back: nothing of others stays in its files meanwhile, its own work goes on, and what
//! is given back is whole.

use std::{collections::BTreeSet, fs};

use device::SubmitRule;
use proptest::prelude::*;
use sync_core::{
    Bytes, DeviceId, Hash, Kind, OpId,
    codec::Nested,
    exchange::{AuditRight, Body, Ending, RefRow, Run, StreamId},
    packed::PackedOps,
    session::Finish,
};
use uuid::Uuid;

use crate::{
    NOW, Phone, USER, ad_hoc, assign, code, fill,
    model::{Entry, Server},
    server_op, world,
};

const STREAM: StreamId = StreamId::User(USER);

fn tell(server: &mut Server, body: Body) {
    server.append(STREAM, 1, Hash::of(b"right"), Entry::Raw(Nested::Known(body)));
}

/// Whether a text stands anywhere in the files of a phone's store, which is open.
fn is_written(phone: &Phone, text: &str) -> bool {
    ["device.db", "device.db-wal"].iter().any(|file| {
        let bytes = fs::read(phone.dir.path().join(file)).unwrap_or_default();
        bytes.windows(text.len()).any(|it| it == text.as_bytes())
    })
}

/// Tells the stream an audit's ops of a device once more, each run of them.
fn tell_again(server: &mut Server, audit: Uuid, dev: DeviceId) {
    let Some(ops) = server.audits.get(&audit) else { return };
    let at: Vec<u64> =
        ops.iter().map(|it| *it.0).filter(|it| it.dev == dev).map(|it: OpId| it.dseq).collect();
    for run in at.chunk_by(|one, next| one + 1 == *next) {
        let (first, last) = (run[0], run[run.len() - 1]);
        let h = server.devices[&dev].ops[&last].1;
        server.append(STREAM, last - first + 1, h, Entry::Ops { dev, first, last, server: false });
    }
}

#[test]
fn of_an_audit_that_is_taken_nothing_of_others_stays_in_the_files_and_own_work_still_goes_up() {
    let (mut server, hash) = world();
    let (mut phone, mut other) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    let (assignment, own) = (Uuid::from_u128(31), Uuid::from_u128(32));
    assign(&mut server, assignment, hash, "accepted");
    for it in [&mut phone, &mut other] {
        it.sync(&mut server);
    }
    let audit = other.device().start(&device::Start::Assignment(assignment), NOW).unwrap();
    for number in 0..40 {
        let text = format!("\"they wrote this {number} {}\"", "long ".repeat(200));
        other.device().answer(audit, "A03", &text, NOW).unwrap();
    }
    other.sync(&mut server);
    phone.sync(&mut server);
    phone.device().answer(audit, "A02", "4", NOW).unwrap();
    let mine = phone.device().start(&ad_hoc(9, hash), NOW).unwrap();
    phone.device().answer(mine, "A03", "\"mine\"", NOW).unwrap();
    assert!(is_written(&phone, "they wrote this 7 ") && is_written(&phone, &assignment.to_string()));
    tell(&mut server, Body::Revoke(AuditRight { audit }));
    let gone = |id: Uuid| RefRow { kind: "assignment".into(), id: id.to_string(), json: None };
    server.publish(STREAM, gone(assignment));
    server.publish(STREAM, gone(own));
    phone.sync(&mut server);
    assert!(!is_written(&phone, "they wrote this"));
    // Of the assignment only that it was withdrawn, in the own op that began nothing.
    let contents = format!("\"id\":\"{assignment}\",\"branch\"");
    assert!(!is_written(&phone, &contents));
    assert_eq!(code(phone.device().view(audit)), "unknown_audit");
    assert!(phone.device().assignments().unwrap().is_empty());
    assert_eq!(code(phone.device().start(&device::Start::Assignment(assignment), NOW)), "unknown_assignment");
    assert_eq!(server.audits[&audit].view().answer("A02"), Some(&b"4"[..]));
    assert_eq!(phone.device().view(mine).unwrap().answers.len(), 1);
    phone.kill();
    phone.device().verify_log().unwrap();
    // A run that comes while it is taken is not kept either.
    other.device().answer(audit, "A03", "\"they wrote this too\"", NOW).unwrap();
    other.sync(&mut server);
    phone.sync(&mut server);
    assert!(!is_written(&phone, "they wrote this"));
    tell(&mut server, Body::Grant(AuditRight { audit }));
    tell_again(&mut server, audit, other.device().dev());
    phone.sync(&mut server);
    assert_eq!(phone.device().ops(audit).unwrap(), server.audits[&audit]);
}

#[test]
fn a_phone_that_was_taken_out_sends_again_what_a_restored_server_lacks() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    let copy = server.clone();
    fill(phone.device(), audit);
    phone.device().batch(|it| it.submit(audit, SubmitRule::Complete, NOW)).unwrap();
    phone.sync(&mut server);
    let dev = phone.device().dev();
    for by_command in [true, false] {
        server.restore(&copy, by_command);
        server.ended.insert(dev, Ending::DeviceRevoked);
        assert_eq!(server.devices[&dev].ops.len(), 1);
        for _ in 0..2 {
            let finish = phone.sync_with(&mut server, &[]);
            assert_eq!(finish, Finish::AuthNeeded { reason: "device_revoked".into() });
        }
        assert_eq!(server.devices[&dev].ops.len(), 5);
        assert_eq!(phone.device().status().unwrap().pending_ops, 0);
    }
    // A server with another log under its name gets nothing, and the phone still lets go of what was others'.
    server.restore(&copy, false);
    server.ended.insert(dev, Ending::DeviceRevoked);
    server.devices.get_mut(&dev).unwrap().head.head.h = Hash::of(b"another");
    let finish = phone.sync_with(&mut server, &[]);
    assert_eq!(finish, Finish::AuthNeeded { reason: "device_revoked".into() });
    assert_eq!(server.devices[&dev].ops.len(), 1);
    assert_eq!(phone.device().head().dseq, 5);
}

#[test]
fn what_a_restored_server_has_not_brought_again_goes_too() {
    let (mut server, hash) = world();
    let (mut phone, mut other) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    phone.sync(&mut server);
    other.sync(&mut server);
    let audit = other.device().start(&ad_hoc(1, hash), NOW).unwrap();
    other.sync(&mut server);
    let mut copy = server.clone();
    // A run of another server's, which this one does not take back.
    let mut theirs = server_op(Kind::Return, audit, 2, None);
    theirs.value = Some(Bytes::from("they wrote this in the office"));
    server.command(USER, theirs);
    phone.sync(&mut server);
    copy.key = std::rc::Rc::new(sync_core::signature::SigningKey::from_secret(&[5; 32]));
    server = copy;
    tell(&mut server, Body::Revoke(AuditRight { audit }));
    phone.sync(&mut server);
    assert!(!is_written(&phone, "they wrote this in the office"));
    assert_eq!(phone.device().status().unwrap().unplaced, device::Unplaced::default());
}

/// What a step of a sequence does, and to which of three audits.
#[derive(Debug, Clone, Copy)]
enum Step {
    Other(usize),
    Own(usize),
    Take(usize),
    GiveBack(usize),
    Sync,
    SyncOther,
    Kill,
    Copy,
    Restore(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..3_usize;
    prop_oneof![
        3 => at.clone().prop_map(Step::Other),
        1 => at.clone().prop_map(Step::Own),
        2 => at.clone().prop_map(Step::Take),
        2 => at.prop_map(Step::GiveBack),
        3 => Just(Step::Sync),
        2 => Just(Step::SyncOther),
        1 => Just(Step::Kill),
        1 => Just(Step::Copy),
        1 => any::<bool>().prop_map(Step::Restore),
    ]
}

/// Lives through the steps, and sees that the phone then holds of the other one what was not taken and nothing else. What it read by a
/// right that the server lost when it was put back waits there to be offered to it, and is shown to nobody, until the server speaks of
/// that right again.
fn live(steps: Vec<Step>) -> proptest::test_runner::TestCaseResult {
    let (mut server, hash) = world();
    let (mut phone, mut other) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    phone.sync(&mut server);
    other.sync(&mut server);
    let audits: Vec<Uuid> =
        (1..=3).map(|number| other.device().start(&ad_hoc(number, hash), NOW).unwrap()).collect();
    other.sync(&mut server);
    let dev = other.device().dev();
    let mut taken: BTreeSet<Uuid> = BTreeSet::new();
    let mut lost_rights: BTreeSet<Uuid> = BTreeSet::new();
    let mut copy = (server.clone(), taken.clone());
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Other(at) => {
                let text = format!("\"of {at} they wrote {number}\"");
                // It is a phone of the same person: what it has read is taken from it too.
                drop(other.device().answer(audits[at], "A03", &text, NOW));
            }
            Step::Own(at) => drop(phone.device().answer(audits[at], "A02", "4", NOW)),
            Step::Take(at) => {
                if taken.insert(audits[at]) {
                    lost_rights.remove(&audits[at]);
                    tell(&mut server, Body::Revoke(AuditRight { audit: audits[at] }));
                }
            }
            Step::GiveBack(at) => {
                if taken.remove(&audits[at]) {
                    tell(&mut server, Body::Grant(AuditRight { audit: audits[at] }));
                    tell_again(&mut server, audits[at], dev);
                }
            }
            Step::Sync => phone.sync(&mut server),
            Step::SyncOther => other.sync(&mut server),
            Step::Kill => phone.kill(),
            Step::Copy => copy = (server.clone(), taken.clone()),
            Step::Restore(by_command) => {
                server.restore(&copy.0, by_command);
                lost_rights.extend(copy.1.difference(&taken));
                taken.clone_from(&copy.1);
            }
        }
    }
    for _ in 0..3 {
        other.sync(&mut server);
        phone.sync(&mut server);
    }
    for (at, audit) in audits.iter().enumerate() {
        let held = phone.device().ops(*audit).ok();
        let expected = (!taken.contains(audit)).then(|| server.audits[audit].clone());
        prop_assert_eq!(held, expected);
        let is_there = is_written(&phone, &format!("of {at} they wrote"));
        prop_assert!(!is_there || !taken.contains(audit) || lost_rights.contains(audit));
    }
    let before = phone.device().projection_hash().unwrap();
    phone.device().rebuild().unwrap();
    prop_assert_eq!(phone.device().projection_hash().unwrap(), before);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_sequence_a_phone_holds_of_others_what_was_not_taken_and_nothing_else(
        steps in proptest::collection::vec(step(), 1..30),
    ) {
        live(steps)?;
    }
}

#[test]
fn what_a_phone_read_by_a_right_that_the_server_lost_is_gone_once_the_right_is_given_and_taken_anew() {
    use Step::*;
    let lost =
        || vec![Other(2), Take(2), Copy, SyncOther, Other(0), SyncOther, GiveBack(2), Sync, Restore(false)];
    for after in [
        vec![SyncOther],
        vec![SyncOther, GiveBack(2), Take(2)],
        vec![Sync, SyncOther, GiveBack(2), Sync, Take(2)],
    ] {
        live([lost(), after].concat()).unwrap();
    }
}

#[test]
fn a_run_of_which_nothing_may_be_read_stops_no_phone_that_follows_a_server_back() {
    for by_command in [true, false] {
        let (mut server, hash) = world();
        let mut phone = Phone::new(1, &mut server);
        phone.sync(&mut server);
        let copy = server.clone();
        let (dev, key) = (DeviceId([7; 16]), None);
        let nothing = Run {
            dev,
            key,
            server: false,
            dseq_first: 1,
            ops: PackedOps { devices: vec![dev], ..PackedOps::default() },
            proof: None,
            evidence: false,
        };
        tell(&mut server, Body::Ops(nothing));
        phone.sync(&mut server);
        server.restore(&copy, by_command);
        // It grows past where the phone stood, so that only the stream tells.
        assign(&mut server, Uuid::from_u128(31), hash, "accepted");
        assign(&mut server, Uuid::from_u128(32), hash, "accepted");
        phone.sync(&mut server);
        assert_eq!(phone.device().assignments().unwrap().len(), 2);
    }
}
