//! Folders that were copied, set back or lost their key: nothing that was typed is lost or stands twice, whoever synchronises
//! first.

use std::collections::BTreeSet;

use sync_core::{DeviceId, OpId, exchange::Ending, ingest::EnrolmentRequest, renew::SuccessionRequest};

use super::*;

const FILES: [&str; 3] = ["device.db", "device.db-wal", "device.key"];

/// What somebody typed, by its clock, which no other op of the test has.
type Typed = BTreeSet<(Uuid, u64, String)>;

/// A phone and what was typed on it, as far as its folder can know.
struct Used {
    phone: Phone,
    typed: Typed,
}

struct World {
    server: Server,
    template: Hash,
    used: Vec<Used>,
    /// Typed and acknowledged.
    safe: Typed,
    now: u64,
    keys: u8,
}

pub(super) fn copy_of(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for file in FILES.iter().filter(|it| folder.join(it).exists()) {
        std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// As if the server had answered: the new device works for the person of the former one.
pub(super) fn succeed(device: &mut Device, server: &mut Server) {
    let request: SuccessionRequest = device.succession().unwrap().unwrap();
    let former = server.devices[&request.former].key.clone();
    assert_eq!(request.check(&former).unwrap(), device.dev());
    enrol(device, server);
    assert_eq!(device.succession().unwrap(), None);
}

/// As [`succeed`], of a device whose platform signs.
pub(super) fn succeed_signed(device: &mut Device, server: &mut Server, sign: impl Fn(&[u8]) -> Vec<u8>) {
    let request: SuccessionRequest = device.succession().unwrap().unwrap();
    let former = server.devices[&request.former].key.clone();
    assert_eq!(request.check(&former).unwrap(), device.dev());
    let request = device.signed_enrolment("code", sign(&device.enrolment_bytes("code"))).unwrap();
    enrol_by(device, server, request);
}

fn enrol(device: &mut Device, server: &mut Server) {
    let request = device.enrolment_request("code").unwrap();
    enrol_by(device, server, request);
}

fn enrol_by(device: &mut Device, server: &mut Server, request: EnrolmentRequest) {
    server.enrol(request.key, USER);
    let enrolment = device.enrolment().unwrap().unwrap();
    let (epoch, server_key) = (server.epoch, server.key.public_key());
    device.enrolled(&Enrolment { epoch, server_key, ..enrolment }).unwrap();
}

impl World {
    fn new(phones: u8) -> Self {
        let (mut server, template) = world();
        let mut used = Vec::new();
        for number in 1..=phones {
            let mut phone = Phone::new(number, &mut server);
            phone.sync(&mut server);
            used.push(Used { phone, typed: Typed::new() });
        }
        Self { server, template, used, safe: Typed::new(), now: NOW, keys: 100 }
    }

    fn secret(&mut self) -> [u8; 32] {
        self.keys += 1;
        [self.keys; 32]
    }

    fn answer(&mut self, phone: usize, audit: u128, value: &str) {
        // Clocks are set by whole seconds, so these parts of a second are nobody else's.
        self.now += 1_001;
        let used = &mut self.used[phone];
        let device = used.phone.device.as_mut().unwrap();
        let audit = device.start(&ad_hoc(audit, self.template), self.now).unwrap();
        device.answer(audit, "A02", value, self.now).unwrap();
        used.typed.insert((
            audit,
            device.ops(audit).unwrap().iter().map(|it| it.1.op.hlc).max().unwrap(),
            value.into(),
        ));
    }

    /// Synchronises as a phone does: goes on as a new device where it must.
    fn sync(&mut self, phone: usize) {
        for _ in 0..4 {
            let used = &mut self.used[phone];
            let finish = used.phone.sync_with(&mut self.server, &[]);
            match finish {
                Finish::Done(_) => {
                    self.safe.extend(used.typed.iter().cloned());
                    return;
                }
                Finish::Recover(cause @ (RecoverCause::Fork | RecoverCause::ForkBeforeAcked)) => {
                    let secret = self.secret();
                    let device = self.used[phone].phone.device.as_mut().unwrap();
                    device.renew(cause, secret).unwrap();
                    succeed(device, &mut self.server);
                }
                other => unreachable!("{other:?}"),
            }
        }
        unreachable!("a phone is renewed again and again");
    }

    fn copy(&mut self, phone: usize) -> (TempDir, Typed) {
        let used = &mut self.used[phone];
        used.phone.device = None;
        let copy = copy_of(used.phone.dir.path());
        used.phone.kill();
        (copy, used.typed.clone())
    }

    fn open(dir: TempDir, typed: Typed) -> Used {
        let device = Some(Device::open(dir.path()).unwrap());
        Used { phone: Phone { dir, device }, typed }
    }

    fn lose_key(&mut self, phone: usize) {
        let secret = self.secret();
        let used = &mut self.used[phone];
        used.phone.device = None;
        std::fs::remove_file(used.phone.dir.path().join("device.key")).unwrap();
        assert_eq!(Device::open(used.phone.dir.path()).err().unwrap().code(), "device_without_key");
        let mut device = Device::open_without_key(used.phone.dir.path(), secret).unwrap();
        assert!(device.enrolment_request("code").unwrap().former.is_some());
        enrol(&mut device, &mut self.server);
        used.phone.device = Some(device);
    }

    /// All synchronise until nothing is new; then everything must hold.
    fn check(&mut self) {
        for _ in 0..3 {
            (0..self.used.len()).for_each(|it| self.sync(it));
        }
        for (audit, hlc, value) in &self.safe {
            let set = &self.server.audits[audit];
            let says = |op: &Op| op.hlc == *hlc && op.value.as_deref() == Some(value.as_bytes());
            let said: Vec<OpId> = set.iter().filter(|it| says(&it.1.op)).map(|it| *it.0).collect();
            assert!(!said.is_empty(), "{value} of {audit} is lost");
            let standing: BTreeSet<OpId> = said.iter().map(|it| set.standing(it)).collect();
            assert_eq!(standing.len(), 1, "{value} of {audit} stands twice");
        }
        for used in &mut self.used {
            let device = used.phone.device();
            device.verify_log().unwrap();
            for (audit, set) in &self.server.audits {
                assert_eq!(&device.ops(*audit).unwrap(), set);
            }
            let hash = device.projection_hash().unwrap();
            device.rebuild().unwrap();
            assert_eq!(device.projection_hash().unwrap(), hash);
        }
    }

    fn devs(&mut self) -> Vec<DeviceId> {
        self.used.iter_mut().map(|it| it.phone.device().dev()).collect()
    }
}

#[test]
fn of_two_copies_of_a_phone_the_second_becomes_a_new_device_and_both_lose_nothing() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    world.sync(0);
    world.answer(0, 1, "2");
    let (dir, typed) = world.copy(0);
    world.used.push(World::open(dir, typed));
    let before = world.devs();
    world.answer(0, 1, "3");
    world.answer(1, 1, "4");
    world.check();
    let after = world.devs();
    assert_eq!(before[0], before[1]);
    assert_eq!((after[0], after[1] == before[1]), (before[0], false));
    // Both wrote after the same answer: people decide between the two, and the answer before stands once.
    let set = &world.server.audits[&Uuid::from_u128(1)];
    let view = set.view();
    assert_eq!(view.fields["A02"].heads.len(), 2);
    assert_eq!(view.open_conflicts().count(), 1);
    assert_eq!(world.used[1].phone.device().status().unwrap().former, before[..1]);
    // What the second had under the first's name is kept as evidence, signed with the name's key.
    let kept: Vec<u64> = world.server.evidence.iter().map(|it| it.dseq_first).collect();
    assert_eq!(kept, [3]);
}

#[test]
fn what_one_copy_wrote_after_its_own_answer_does_not_hide_the_other_copys_answer() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    world.sync(0);
    let (dir, typed) = world.copy(0);
    world.used.push(World::open(dir, typed));
    world.answer(0, 1, "2");
    // The second answer names the first as seen, under the number that is the other copy's answer at the office.
    world.answer(1, 1, "3");
    world.answer(1, 1, "4");
    world.check();
    let view = world.server.audits[&Uuid::from_u128(1)].view();
    let mut standing: Vec<_> = view.fields["A02"].heads.iter().map(|it| it.value.clone().unwrap()).collect();
    standing.sort();
    assert_eq!(standing, [Bytes::from("2"), Bytes::from("4")]);
}

#[test]
fn a_phone_whose_acknowledged_work_was_taken_by_its_copy_says_all_of_it_again() {
    let mut world = World::new(1);
    let empty = world.server.clone();
    world.answer(0, 1, "1");
    let (dir, typed) = world.copy(0);
    world.answer(0, 1, "2");
    world.sync(0);
    // The office is lost, and the copy is the first to send it its log.
    world.server.restore(&empty, true);
    world.safe.clear();
    world.used.insert(0, World::open(dir, typed));
    for value in ["3", "4", "5"] {
        world.answer(0, 1, value);
    }
    world.check();
    let set = &world.server.audits[&Uuid::from_u128(1)];
    assert!(set.iter().any(|it| it.1.op.value == Some(Bytes::from("2"))));
}

/// What a server that lags behind said of the log is not what the streams had told of it.
#[test]
fn a_copy_that_heard_a_server_which_lags_behind_has_all_of_its_former_log_once_it_is_renewed() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    world.sync(0);
    let mut behind = world.server.clone();
    world.answer(0, 1, "2");
    world.sync(0);
    let (dir, typed) = world.copy(0);
    world.used.push(World::open(dir, typed));
    world.answer(0, 1, "3");
    world.sync(0);
    let copied = world.used[1].phone.sync_with(&mut behind, &[Fault::None, Fault::Offline]);
    assert!(matches!(copied, Finish::Backoff { .. }), "{copied:?}");
    let device = world.used[1].phone.device();
    assert!(device.status().unwrap().acked.dseq < 3);
    world.check();
    assert_eq!(world.used[1].phone.device().status().unwrap().former.len(), 1);
}

/// An office that was put back learns anew when ops came, and a phone that went on under a new name learns it too.
#[test]
fn ops_of_a_former_log_rank_on_a_renewed_phone_as_the_office_says_after_it_was_put_back() {
    let mut world = World::new(2);
    let empty = world.server.clone();
    // A clock that nobody believes: what counts is when the server received it.
    world.now += 400 * 86_400_000;
    world.answer(0, 1, "1");
    world.sync(0);
    let (dir, typed) = world.copy(0);
    world.used.push(World::open(dir, typed));
    world.answer(0, 1, "2");
    world.sync(0);
    world.answer(2, 1, "3");
    world.sync(2);
    // Put back by hand; the log comes again later, from whom the receipts are lost.
    world.used[0].phone.device = None;
    let database = rusqlite::Connection::open(world.used[0].phone.dir.path().join("device.db")).unwrap();
    database.execute("DELETE FROM receipt", []).unwrap();
    drop(database);
    world.used[0].phone.kill();
    world.server.restore(&empty, false);
    world.server.now_ms += 86_400_000;
    enrol(world.used[2].phone.device(), &mut world.server);
    world.check();
}

#[test]
fn a_phone_that_was_set_back_gets_its_later_work_again_and_keeps_what_it_does_since() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    let (dir, typed) = world.copy(0);
    world.answer(0, 1, "2");
    world.answer(0, 2, "3");
    world.sync(0);
    world.used = vec![World::open(dir, typed)];
    world.check();
    let device = world.used[0].phone.device();
    assert_eq!(device.view(Uuid::from_u128(2)).unwrap().answers["A02"].value.as_ref().unwrap().get(), "3");
    assert_eq!(device.status().unwrap().conflicts, 0);
}

#[test]
fn a_phone_that_is_killed_while_it_becomes_new_is_the_one_or_the_other() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    let secret = world.secret();
    let used = &mut world.used[0];
    let device = used.phone.device.as_mut().unwrap();
    let former = device.dev();
    // The key was written, the database was not.
    std::fs::write(used.phone.dir.path().join("device.key.next"), format!("{}\n", Hash([77; 32]))).unwrap();
    used.phone.kill();
    assert_eq!(used.phone.device().dev(), former);
    let old_key = std::fs::read(used.phone.dir.path().join("device.key")).unwrap();
    used.phone.device().renew(RecoverCause::Fork, secret).unwrap();
    let new = used.phone.device().dev();
    // The database was written, the key was not put in place.
    let new_key = std::fs::read(used.phone.dir.path().join("device.key")).unwrap();
    std::fs::write(used.phone.dir.path().join("device.key.next"), new_key).unwrap();
    std::fs::write(used.phone.dir.path().join("device.key"), old_key).unwrap();
    used.phone.kill();
    assert_eq!(used.phone.device().dev(), new);
    assert!(!used.phone.dir.path().join("device.key.next").exists());
    let finish = used.phone.sync_with(&mut world.server, &[]);
    assert!(matches!(finish, Finish::AuthNeeded { .. }));
    succeed(used.phone.device(), &mut world.server);
    world.check();
}

#[test]
fn a_submit_that_was_not_sent_is_handed_in_by_the_new_device_and_can_be_approved() {
    let mut world = World::new(1);
    world.sync(0);
    let (dir, typed) = world.copy(0);
    let hash = world.template;
    let audit = world.used[0].phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(world.used[0].phone.device(), audit);
    world.used[0].phone.device().submit(audit, NOW).unwrap();
    world.used.push(World::open(dir, typed));
    world.answer(1, 2, "5");
    world.sync(1);
    world.check();
    let set = &world.server.audits[&audit];
    let submit = set.view().current_submit().unwrap().id;
    assert_eq!(set.view().phase, Phase::Submitted);
    assert_eq!(submit.dev, world.used[0].phone.device().dev());
    let held = |dev: &DeviceId| world.server.devices.get(dev).map_or(0, |it| it.head.head.dseq);
    assert_eq!(sync_core::content::obstacles_to_approval(set, &submit, held), vec![]);
}

#[derive(Debug, Clone)]
enum Mishap {
    Answer {
        phone: usize,
        audit: u128,
        value: u8,
    },
    Sync {
        phone: usize,
    },
    Copy {
        phone: usize,
    },
    /// The folder is what it was at the last copy.
    SetBack {
        phone: usize,
    },
    /// The last copy is used as a phone of its own.
    UseCopy,
    LoseKey {
        phone: usize,
    },
    Backup,
    /// By the command. By hand, from before an earlier restore, the keys of phones enrolled since would be unproven.
    Restore,
}

fn any_mishap() -> impl Strategy<Value = Mishap> {
    let phone = 0..4_usize;
    prop_oneof![
        6 => (phone.clone(), 0..2_u128, 1..6_u8).prop_map(|(phone, audit, value)| Mishap::Answer { phone, audit, value }),
        4 => phone.clone().prop_map(|phone| Mishap::Sync { phone }),
        2 => phone.clone().prop_map(|phone| Mishap::Copy { phone }),
        1 => phone.clone().prop_map(|phone| Mishap::SetBack { phone }),
        2 => Just(Mishap::UseCopy),
        1 => phone.prop_map(|phone| Mishap::LoseKey { phone }),
        1 => Just(Mishap::Backup),
        1 => Just(Mishap::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn copied_set_back_and_keyless_phones_converge_and_nothing_typed_is_lost_or_doubled(
        mishaps in prop::collection::vec(any_mishap(), 1..24),
    ) {
        let mut world = World::new(2);
        let mut copy: Option<(usize, TempDir, Typed)> = None;
        let mut backup = world.server.clone();
        for mishap in mishaps {
            let at = |phone: usize| phone % world.used.len();
            match mishap {
                Mishap::Answer { phone, audit, value } => {
                    let phone = at(phone);
                    world.answer(phone, audit, &value.to_string());
                }
                Mishap::Sync { phone } => {
                    let phone = at(phone);
                    world.sync(phone);
                }
                Mishap::Copy { phone } => {
                    let phone = at(phone);
                    let (dir, typed) = world.copy(phone);
                    copy = Some((phone, dir, typed));
                }
                Mishap::SetBack { phone } => {
                    let phone = at(phone);
                    if let Some((_, dir, typed)) = copy.take_if(|it| it.0 == phone) {
                        world.used[phone].phone.device = None;
                        world.used[phone] = World::open(dir, typed);
                    }
                }
                Mishap::UseCopy => {
                    if let Some((_, dir, typed)) = copy.take().filter(|_| world.used.len() < 4) {
                        world.used.push(World::open(dir, typed));
                    }
                }
                Mishap::LoseKey { phone } => {
                    let phone = at(phone);
                    world.lose_key(phone);
                }
                Mishap::Backup => backup = world.server.clone(),
                Mishap::Restore => {
                    // What is on no phone any more is lost with the office; that is not what is tried here.
                    let devices = world.server.devices.clone();
                    world.server.restore(&backup, true);
                    for (_, device) in devices {
                        if !world.server.devices.contains_key(&device.key.device()) {
                            world.server.enrol(device.key, device.user);
                        }
                    }
                    // What a phone has is safe again once it is sent.
                    world.safe.clear();
                }
            }
        }
        world.check();
    }
}

/// The office lets the new device in as what the former one is, so that what it holds comes to a person.
#[test]
fn a_phone_that_was_copied_and_taken_out_hands_in_what_it_has_as_the_new_device_that_may_do_nothing_else() {
    let mut world = World::new(1);
    world.answer(0, 1, "1");
    world.sync(0);
    let (dir, typed) = world.copy(0);
    world.answer(0, 1, "2");
    world.sync(0);
    world.used.push(World::open(dir, typed));
    world.answer(1, 2, "3");
    let former = world.devs()[1];
    world.server.ended.insert(former, Ending::DeviceRevoked);
    let finish = world.used[1].phone.sync_with(&mut world.server, &[]);
    assert_eq!(finish, Finish::Recover(RecoverCause::Fork));
    let device = world.used[1].phone.device();
    device.renew(RecoverCause::Fork, [77; 32]).unwrap();
    succeed(device, &mut world.server);
    let new = device.dev();
    world.server.ended.insert(new, Ending::DeviceRevoked);
    for _ in 0..2 {
        let finish = world.used[1].phone.sync_with(&mut world.server, &[]);
        assert_eq!(finish, Finish::AuthNeeded { reason: "device_revoked".into() });
    }
    let status = world.used[1].phone.device().status().unwrap();
    assert_eq!((status.pending_ops, status.ended.as_deref()), (0, Some("device_revoked")));
    let held: Vec<_> = world.server.devices[&new].ops.values().filter_map(|it| it.0.value.clone()).collect();
    assert!(held.contains(&Bytes::from("3")), "{held:?}");
}

/// The key of a folder is gone, and the office does not hear of it yet.
fn without_key(folder: &Path, secret: u8) -> Device {
    std::fs::remove_file(folder.join("device.key")).unwrap();
    Device::open_without_key(folder, [secret; 32]).unwrap()
}

#[test]
fn a_phone_that_is_renewed_again_before_the_office_heard_of_it_goes_on_for_the_device_that_the_office_knows()
{
    let mut world = World::new(2);
    let known = world.devs();
    for phone in 0..2 {
        world.answer(phone, 1, "1");
        world.sync(phone);
        world.answer(phone, 1, "2");
    }
    let folder = world.used[0].phone.dir.path().to_owned();
    world.used[0].phone.device = None;
    drop(without_key(&folder, 201));
    let twice = without_key(&folder, 202);
    assert_eq!(twice.enrolment_request("code").unwrap().former, Some(known[0]));
    // A succession that the lost key was to sign for is nobody's.
    let folder = world.used[1].phone.dir.path().to_owned();
    world.used[1].phone.device().renew(RecoverCause::Fork, [203; 32]).unwrap();
    assert!(world.used[1].phone.device().succession().unwrap().is_some());
    world.used[1].phone.device = None;
    let renewed = without_key(&folder, 204);
    assert_eq!(renewed.succession().unwrap(), None);
    assert_eq!(renewed.enrolment_request("code").unwrap().former, Some(known[1]));
    for (phone, mut device) in [twice, renewed].into_iter().enumerate() {
        enrol(&mut device, &mut world.server);
        world.used[phone].phone.device = Some(device);
    }
    world.check();
}
