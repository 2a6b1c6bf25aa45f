//! Laws of the exchange over a network that loses and repeats, with crashes between any two effects: I1, I2, I3, I6, I9
//! (SYNC.md 2.8). The server is the model in `model`, the device is the session of this crate.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

mod model;
#[path = "model/phone.rs"]
mod phone;

use std::collections::BTreeMap;

use model::Server;
use phone::{Network, Phone};
use proptest::prelude::*;
use sync_core::{
    AuditOps, Bytes, Kind, Op, OpId,
    codec::Nested,
    exchange::{Body, Mark, RefRow, StreamId},
    op::Opening,
    payload::{self, ReturnValue},
    session::{Finish, RecoverCause},
};
use uuid::Uuid;

#[derive(Debug, Clone)]
enum Step {
    Set { phone: usize, field: u8, value: u8 },
    Submit { phone: usize },
    Sync { phone: usize, network: Vec<Network>, crash_after: usize },
    Publish,
    Return,
    WallJump { phone: usize, forward: bool },
}

impl Step {
    fn phone(&self) -> Option<usize> {
        match self {
            Self::Set { phone, .. }
            | Self::Submit { phone }
            | Self::Sync { phone, .. }
            | Self::WallJump { phone, .. } => Some(*phone),
            Self::Publish | Self::Return => None,
        }
    }
}

fn any_network() -> impl Strategy<Value = Network> {
    prop_oneof![
        Just(Network::Fine),
        Just(Network::LoseRequest),
        Just(Network::LoseReply),
        Just(Network::Duplicate)
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let phone = 0..3_usize;
    let sync = (phone.clone(), prop::collection::vec(any_network(), 0..4), 1..40_usize);
    prop_oneof![
        6 => (phone.clone(), 0..2_u8, 0..3_u8).prop_map(|(phone, field, value)| Step::Set { phone, field, value }),
        1 => phone.clone().prop_map(|phone| Step::Submit { phone }),
        4 => sync.prop_map(|(phone, network, crash_after)| Step::Sync { phone, network, crash_after }),
        1 => Just(Step::Publish),
        1 => Just(Step::Return),
        1 => (phone, any::<bool>()).prop_map(|(phone, forward)| Step::WallJump { phone, forward }),
    ]
}

const USER: Uuid = Uuid::from_u128(11);
const AUDITS: [Uuid; 2] = [Uuid::from_u128(101), Uuid::from_u128(102)];

fn audit_of(field: u8) -> Uuid {
    AUDITS[usize::from(field) % 2]
}

struct World {
    server: Server,
    phones: Vec<Phone>,
    /// The longest log that each phone ever had acknowledged.
    acked: Vec<u64>,
    /// The server was set back since all last agreed: cursors may lie beyond what it has.
    restored: bool,
}

impl World {
    fn new() -> Self {
        let mut server = Server::new();
        // Phones of one user, who share a stream.
        let phones = (0..3).map(|n| Phone::new(n, USER, &mut server)).collect();
        Self { server, phones, acked: vec![0; 3], restored: false }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Set { phone, field, value } => {
                self.phones[*phone].set(audit_of(*field), &format!("f{field}"), &format!("\"v{value}\""));
            }
            Step::Submit { phone } => {
                self.phones[*phone].submit(AUDITS[0]);
            }
            Step::Sync { phone, network, crash_after } => {
                let mut network = network.iter().copied();
                let mut next = || network.next().unwrap_or(Network::Fine);
                self.phones[*phone].sync(&mut self.server, &mut next, *crash_after);
            }
            Step::Publish => {
                let id = format!("{}", self.server.now_ms);
                let row = RefRow { kind: "note".into(), id, json: Some(Bytes::from("{}")) };
                let org = self.server.org;
                self.server.publish(StreamId::Reference(org), row);
            }
            Step::Return => {
                let round = self.server.audits.get(&AUDITS[0]).map_or(1, |it| it.view().rounds.current) + 1;
                self.server.command(USER, returned(AUDITS[0], round));
            }
            Step::WallJump { phone, forward } => {
                let year = 365 * 86_400_000;
                let wall = &mut self.phones[*phone].wall_ms;
                *wall = if *forward { *wall + year } else { *wall - year };
            }
        }
        self.check_always();
    }

    /// I1 (an acknowledged op never leaves), I2, I3, I6 and I9, after every step.
    fn check_always(&mut self) {
        for (phone, acked) in self.phones.iter().zip(&mut self.acked) {
            let row = &self.server.devices[&phone.dev()];
            *acked = if self.restored { 0 } else { (*acked).max(phone.acked.dseq) };
            assert!(row.head.head.dseq >= *acked, "an acknowledged op left the server");
            let stored: Vec<_> = row.ops.values().cloned().collect();
            assert_eq!(stored, phone.log[..stored.len()], "the server's log is not a prefix of the device's");
            for (stream, (after, _)) in phone.cursors.iter().filter(|_| !self.restored) {
                let held: Vec<_> =
                    phone.items.iter().filter(|it| it.0 == *stream).map(|it| it.1.first).collect();
                let feed = self.server.feeds.get(stream).map_or(&[][..], Vec::as_slice);
                let due: Vec<_> = feed.iter().filter(|it| it.last <= *after).map(|it| it.first).collect();
                assert_eq!(held, due, "the device lacks or repeats an entry before its cursor");
            }
            assert!(phone.log.windows(2).all(|it| it[0].0.hlc < it[1].0.hlc), "the clock does not rise");
        }
        for set in self.server.audits.values() {
            let limit = sync_core::hlc::effective(u64::MAX, self.server.now_ms);
            assert!(set.iter().all(|it| it.1.eff_hlc <= limit), "an op is ranked in the future");
        }
    }

    fn settle(&mut self) {
        for _ in 0..2 {
            for phone in &mut self.phones {
                let finish = phone.sync(&mut self.server, &mut || Network::Fine, 10_000);
                assert!(matches!(finish, Some(Finish::Done(_))), "{finish:?}");
            }
        }
        self.restored = false;
        self.check_always();
    }
}

impl World {
    /// Every op is on the server once, and devices that read one stream see the same audits as the server.
    fn assert_agreed(&self) {
        for phone in &self.phones {
            let row = &self.server.devices[&phone.dev()];
            assert_eq!(row.ops.len(), phone.log.len());
            assert_eq!(phone.acked, phone.head());
        }
        for audit in AUDITS {
            let brief = |set: &AuditOps| set.iter().map(|it| (*it.0, it.1.eff_hlc)).collect::<Vec<_>>();
            for phone in &self.phones {
                let own = phone.audits.get(&audit).map(brief);
                assert_eq!(own, self.server.audits.get(&audit).map(brief));
            }
            let held = self.server.audits.get(&audit).map(|it| (it.encode().unwrap(), it.view()));
            for phone in &self.phones {
                let own = phone.audits.get(&audit).map(|it| (it.encode().unwrap(), it.view()));
                assert_eq!(&own, &held);
            }
        }
        // The server holds exactly the union of all logs, as if each op had been inserted by itself.
        let mut union: BTreeMap<Uuid, Vec<OpId>> = BTreeMap::new();
        for row in self.server.devices.values() {
            for (op, _) in row.ops.values() {
                union.entry(op.audit).or_default().push(OpId::new(row.key.device(), op.dseq));
            }
        }
        for entry in self.server.feeds.values().flatten() {
            if let model::Entry::Returned(run) = &entry.entry {
                for op in run.ops.unpack(run.dseq_first).unwrap() {
                    union.entry(op.audit).or_default().push(OpId::new(run.dev, op.dseq));
                }
            }
        }
        for (audit, mut ids) in union {
            ids.sort();
            ids.dedup();
            let held: Vec<OpId> = self.server.audits[&audit].iter().map(|it| *it.0).collect();
            assert_eq!(held, ids);
        }
    }
}

fn returned(audit: Uuid, round: u32) -> Op {
    let value = ReturnValue { submit: None, items: Vec::new(), reasons: Vec::new(), due_ms: None };
    Op {
        dseq: 0,
        hlc: 0,
        kind: Kind::Return,
        audit,
        round,
        field: String::new(),
        base: Vec::new(),
        value: Some(payload::to_value(&value).unwrap()),
        opening: Opening::Seeded,
        origin: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// I1, I2, I3, I4, I6, I9: whatever the network and crashes do, in the end every op is on the server once, and
    /// devices that read one stream see the same audits as the server.
    #[test]
    fn everything_written_arrives_once_and_everyone_agrees(steps in prop::collection::vec(any_step(), 1..30)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.settle();
        world.assert_agreed();
    }
}

fn done(finish: Option<Finish>) -> sync_core::session::Summary {
    match finish {
        Some(Finish::Done(summary)) => summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_answer_is_made_good_by_the_next_exchange_without_a_second_copy() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "a", "1");
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    world.phones[0].set(AUDITS[0], "a", "2");
    world.phones[0].sync(&mut world.server, &mut || Network::LoseReply, 100);
    assert_eq!(world.phones[0].acked.dseq, 1);
    world.phones[0].set(AUDITS[0], "a", "3");
    let summary = done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    assert_eq!(summary.pushed, 2);
    assert_eq!(world.server.devices[&world.phones[0].dev()].ops.len(), 3);
}

#[test]
fn a_copied_database_is_told_as_a_fork_and_loses_nothing_on_the_phone() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "a", "1");
    let mut copy = Phone::new(0, USER, &mut Server::new());
    copy.set(AUDITS[0], "a", "2");
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    let finish = copy.sync(&mut world.server, &mut || Network::Fine, 100);
    assert_eq!(finish, Some(Finish::Recover(RecoverCause::Fork)));
    assert_eq!(copy.log.len(), 1);
}

#[test]
fn a_server_that_lost_the_tail_of_a_log_is_sent_it_again() {
    let mut world = World::new();
    for value in ["1", "2", "3"] {
        world.phones[0].set(AUDITS[0], "a", value);
        done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    }
    let dev = world.phones[0].dev();
    // The log went back, the stream did not: only the gap is looked at here.
    let row = world.server.devices.get_mut(&dev).unwrap();
    row.ops.retain(|dseq, _| *dseq <= 1);
    let (op, h) = row.ops[&1].clone();
    row.head = sync_core::ingest::DeviceHead { head: sync_core::Head { dseq: 1, h }, hlc: op.hlc };
    world.phones[0].set(AUDITS[0], "a", "4");
    world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100);
    assert_eq!(world.server.devices[&dev].ops.len(), 4);
}

/// What happens to a world whose server is restored.
#[derive(Debug, Clone)]
enum Fate {
    Live(Step),
    Backup,
    Restore {
        bump: bool,
    },
    /// The last phone falls into a river; what others have read of it is all there is.
    LosePhone,
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => any_step().prop_map(Fate::Live),
        1 => Just(Fate::Backup),
        1 => any::<bool>().prop_map(|bump| Fate::Restore { bump }),
        1 => Just(Fate::LosePhone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// I8: a server set back to any past point, with its epoch raised or not, grown again or not, gets every op back from
    /// the phones that have it, once, and everyone agrees.
    #[test]
    fn a_restored_server_gets_everything_back(fates in prop::collection::vec(any_fate(), 1..40)) {
        let mut world = World::new();
        let mut backup = world.server.clone();
        for fate in &fates {
            match fate {
                Fate::Live(step) if step.phone().is_some_and(|it| it >= world.phones.len()) => {}
                Fate::Live(step) => world.run(step),
                Fate::LosePhone => world.phones.truncate(2),
                Fate::Backup => backup = world.server.clone(),
                Fate::Restore { bump } => {
                    world.server.restore(&backup, *bump);
                    world.restored = true;
                }
            }
        }
        world.settle();
        world.assert_agreed();
    }
}

#[test]
fn another_epoch_alone_costs_one_more_exchange() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "a", "1");
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    world.server.epoch = 8;
    world.phones[0].set(AUDITS[0], "a", "2");
    let summary = done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    assert_eq!((summary.pushed, summary.exchanges, world.phones[0].epoch), (1, 1, Some(8)));
}

#[test]
fn a_server_whose_epoch_never_settles_is_left_alone() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "a", "1");
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    world.server.epoch_rises = true;
    world.phones[0].set(AUDITS[0], "a", "2");
    let finish = world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100);
    assert_eq!(finish, Some(Finish::Recover(RecoverCause::Epoch)));
}

#[test]
fn a_stream_that_was_rewritten_is_read_again_from_where_both_agree() {
    let mut world = World::new();
    let stream = StreamId::Reference(world.server.org);
    let row = |id: &str| RefRow { kind: "note".into(), id: id.into(), json: Some(Bytes::from("{}")) };
    for id in ["1", "2", "3", "4"] {
        world.server.publish(stream, row(id));
    }
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    world.server.feeds.get_mut(&stream).unwrap().truncate(2);
    for id in ["other", "more", "and more"] {
        world.server.publish(stream, row(id));
    }
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    let held: Vec<_> = world.phones[0].items.iter().map(|it| (it.1.last, it.1.h)).collect();
    let feed: Vec<_> = world.server.feeds[&stream].iter().map(|it| (it.last, it.h)).collect();
    assert_eq!(held, feed);
}

#[test]
fn a_stream_that_is_gone_is_read_again_from_its_beginning() {
    let mut world = World::new();
    let stream = StreamId::Reference(world.server.org);
    let row = |id: &str| RefRow { kind: "note".into(), id: id.into(), json: None };
    world.server.publish(stream, row("1"));
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    world.server.feeds.clear();
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    assert!(world.phones[0].items.is_empty());
    world.server.publish(stream, row("2"));
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    assert_eq!(world.phones[0].items.len(), 1);
}

#[test]
fn a_server_that_sends_a_reader_to_a_place_it_never_was_is_not_followed() {
    let mut world = World::new();
    let stream = StreamId::Reference(world.server.org);
    let row = RefRow { kind: "note".into(), id: "1".into(), json: None };
    world.server.publish(stream, row);
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    for (after, f) in [(1, sync_core::Hash::of(b"x")), (2, sync_core::Hash::of(b"x"))] {
        world.server.rewind_to = Some(Mark { after, f });
        let finish = world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100);
        assert_eq!(finish, Some(Finish::Recover(RecoverCause::Feed)));
        assert_eq!(world.phones[0].items.len(), 1);
    }
}

#[test]
fn an_entry_of_a_later_version_moves_the_cursor() {
    let mut world = World::new();
    let stream = StreamId::Reference(world.server.org);
    let unknown = Nested::Unknown(Bytes::from(&[0xa1, 0x61, 0x78, 0x01][..]));
    world.server.append(stream, 1, sync_core::Hash::of(b"x"), model::Entry::Raw(unknown.clone()));
    let row = RefRow { kind: "note".into(), id: "1".into(), json: None };
    world.server.publish(stream, row.clone());
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 100));
    let bodies: Vec<_> = world.phones[0].items.iter().map(|it| it.1.body.clone()).collect();
    assert_eq!(bodies, [unknown, Nested::Known(Body::RefRow(row))]);
}

#[test]
fn a_large_backlog_goes_in_several_signed_segments() {
    let mut world = World::new();
    world.server.limits.seg_ops = 7;
    world.phones[0].max_ops = 1_000;
    for value in 0..100 {
        world.phones[0].set(AUDITS[value % 2], "a", &value.to_string());
    }
    let summary = done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, 1_000));
    assert_eq!(summary.pushed, 100);
    let row = &world.server.devices[&world.phones[0].dev()];
    // The first contact does not know the server's limit yet.
    assert!(
        row.segments.iter().skip(1).all(|it| it.1.first % 7 == 1 || it.1.first > 1),
        "{:?}",
        row.segments.len()
    );
    assert_eq!(row.ops.len(), 100);
}

#[test]
fn nothing_is_acknowledged_on_a_receipt_of_another_key() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "A01", "\"yes\"");
    assert_eq!(done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX)).pushed, 1);
    let acked = world.phones[0].acked;
    world.phones[0].set(AUDITS[0], "A01", "\"no\"");
    world.server.forges = true;
    let forged = world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX);
    assert_eq!(forged, Some(Finish::Recover(RecoverCause::Receipt)));
    assert_eq!(world.phones[0].acked, acked);
    // The true server holds it by now and says so.
    world.server.forges = false;
    assert_eq!(done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX)).pushed, 1);
}

#[test]
fn a_restored_server_is_followed_only_where_the_key_that_was_known_vouches_for_its_new_one() {
    let mut world = World::new();
    world.phones[0].set(AUDITS[0], "A01", "\"yes\"");
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX));
    let copy = world.server.clone();
    world.server.restore(&copy, true);
    world.server.forges = true;
    let unproven = world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX);
    assert_eq!(unproven, Some(Finish::Recover(RecoverCause::Key)));
    let known = world.phones[0].server_key.clone();
    assert_eq!(known, copy.key.public_key());
    world.server.forges = false;
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX));
    assert_eq!(world.phones[0].server_key, world.server.key.public_key());
    assert_ne!(world.phones[0].server_key, known);
}

#[test]
fn what_a_restored_server_is_sent_again_has_arrived_when_it_first_did() {
    let mut world = World::new();
    let copy = world.server.clone();
    for field in ["A01", "A02", "A03"] {
        world.phones[0].set(AUDITS[0], field, "\"yes\"");
        done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX));
    }
    let dev = world.phones[0].dev();
    let times = |world: &World| {
        let received = &world.server.devices[&dev].received;
        received.iter().map(|(dseq, it)| (*dseq, it.1)).collect::<Vec<_>>()
    };
    let before = times(&world);
    assert_eq!(before.len(), 3);
    world.server.restore(&copy, true);
    world.server.now_ms += 1_000_000;
    done(world.phones[0].sync(&mut world.server, &mut || Network::Fine, usize::MAX));
    assert_eq!(times(&world), before);
}
