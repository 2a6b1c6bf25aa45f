//! Photos over the real store: files and rows through crashes, the lane over its model server, losses, clearing.

#[path = "../../../tests/model/blobs.rs"]
pub(super) mod blobs;

mod originals;
mod salvaged;

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use device::{
    BlobTransport, Captured, Device, DeviceError, DeviceKind, KEEP_MS, PhotoFacts, PhotoState,
    ROOM_FOR_AUDIT, ROOM_FOR_PHOTO, Sync, Transport, TransportError, Unsent, Upload,
};
use proptest::prelude::*;
use sync_core::{
    Hash, Kind, OpId,
    codec::{self, Nested},
    exchange::{AuditRight, Body, Pending, Request, StreamId},
    fold::{ConflictKind, Phase},
    lane::{Finish, Pause, Summary},
    payload::{BlobRef, Gps, Original, PhotoSource},
};
use uuid::Uuid;

use crate::{
    NOW, Phone, USER, Wire, ad_hoc, clock, code, fill,
    model::{Entry, Server},
    server_op, world,
};
use blobs::BlobServer;

const PHOTOS: &str = "A04";
const CHUNK: u32 = 32 * 1024;

/// What happens to a request of the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    None,
    Before,
    After,
    Portal,
}

pub(super) struct BlobWire<'a> {
    pub(super) server: &'a mut BlobServer,
    pub(super) cuts: VecDeque<Cut>,
}

impl BlobWire<'_> {
    fn answer(
        &mut self,
        ask: impl FnOnce(&mut BlobServer) -> sync_core::blob::BlobReply,
    ) -> Result<Vec<u8>, TransportError> {
        let lost = || TransportError("connection lost".into());
        let cut = self.cuts.pop_front().unwrap_or(Cut::None);
        match cut {
            Cut::Before => return Err(lost()),
            Cut::Portal => return Ok(b"<html>Welcome to the hotel</html>".to_vec()),
            Cut::None | Cut::After => {}
        }
        let reply = ask(self.server);
        if cut == Cut::After { Err(lost()) } else { Ok(codec::to_cbor(&reply).unwrap()) }
    }
}

impl BlobTransport for BlobWire<'_> {
    fn query(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let request = codec::from_cbor(request).unwrap();
        self.answer(|it| it.query(&request))
    }

    fn part(
        &mut self,
        blob: &BlobRef,
        offset: u64,
        hash: &Hash,
        bytes: &[u8],
    ) -> Result<Vec<u8>, TransportError> {
        self.answer(|it| it.part(blob, offset, hash, bytes))
    }
}

/// A server of ops and a server of blobs that are one, and a phone with a visit begun.
struct World {
    server: Server,
    blobs: BlobServer,
    phone: Phone,
    template: Hash,
    audit: Uuid,
}

fn facts() -> PhotoFacts {
    PhotoFacts { mime: "image/jpeg".into(), ..PhotoFacts::default() }
}

fn bytes(number: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ number).collect()
}

impl World {
    fn new() -> Self {
        let (mut server, template) = world();
        let mut phone = Phone::new(1, &mut server);
        phone.sync(&mut server);
        let audit = phone.device().start(&ad_hoc(1, template), NOW).unwrap();
        let blobs = BlobServer::new(server.epoch, CHUNK);
        Self { server, blobs, phone, template, audit }
    }

    fn device(&mut self) -> &mut Device {
        self.phone.device()
    }

    fn take(&mut self, number: u8, len: usize) -> (OpId, Hash) {
        let (audit, bytes) = (self.audit, bytes(number, len));
        let op = self.device().photo(audit, PHOTOS, &mut bytes.as_slice(), &facts(), NOW).unwrap();
        (op, Hash::of(&bytes))
    }

    fn file(&self, id: Hash) -> PathBuf {
        self.phone.dir.path().join("blobs").join(id.to_string())
    }

    fn state(&mut self, id: Hash) -> PhotoState {
        let audit = self.audit;
        let detail = self.device().view(audit).unwrap();
        detail.attachments[PHOTOS].iter().find(|it| it.value.blob == id).unwrap().state.clone()
    }

    fn exchange(&mut self) {
        self.phone.sync(&mut self.server);
    }

    fn upload_with(&mut self, cuts: &[Cut]) -> Finish {
        self.upload_then(cuts, NOW)
    }

    fn upload_then(&mut self, cuts: &[Cut], now_ms: u64) -> Finish {
        let mut wire = BlobWire { server: &mut self.blobs, cuts: cuts.iter().copied().collect() };
        let device = self.phone.device.as_mut().unwrap();
        Upload::new(device).unwrap().run(device, &mut wire, None, 1 << 31, now_ms).unwrap()
    }

    fn upload(&mut self) -> Summary {
        self.upload_at(NOW)
    }

    fn upload_at(&mut self, now_ms: u64) -> Summary {
        let finish = self.upload_then(&[], now_ms);
        let Finish::Done(summary) = finish else { unreachable!("{finish:?}") };
        summary
    }

    /// Ops, then photos, then what was learned of photos.
    fn synchronise(&mut self) {
        self.exchange();
        self.upload();
        self.exchange();
    }

    fn conflicts(&self) -> Vec<(ConflictKind, bool)> {
        let view = self.server.audits[&self.audit].view();
        view.conflicts.iter().map(|it| (it.kind, it.is_open())).collect()
    }

    fn unsent(&mut self) -> Unsent {
        self.device().status().unwrap().unsent
    }

    /// Puts the servers back to a copy, by the command.
    fn restore(&mut self, copy: &(Server, BlobServer)) {
        self.server.restore(&copy.0, true);
        let received = self.blobs.received;
        self.blobs = BlobServer { epoch: self.server.epoch, received, ..copy.1.clone() };
    }
}

fn no_photo_yet(folder: &Path) -> bool {
    fs::read_dir(folder.join("blobs")).map_or(true, |mut it| it.next().is_none())
}

#[test]
fn a_photo_is_a_private_file_before_an_op_names_it_and_the_same_bytes_are_one_file_sent_once() {
    let mut world = World::new();
    let (op, id) = world.take(1, 70_000);
    assert_eq!(fs::read(world.file(id)).unwrap(), bytes(1, 70_000));
    #[cfg(unix)]
    for (path, mode) in [(world.file(id), 0o600), (world.phone.dir.path().join("blobs"), 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    // The same photo in the same field is the same attachment; in another visit it is another one of the same file.
    assert_eq!(world.take(1, 70_000).0, op);
    let template = world.template;
    let first = world.audit;
    world.audit = world.device().start(&ad_hoc(2, template), NOW).unwrap();
    assert_ne!(world.take(1, 70_000).0, op);
    assert_eq!(fs::read_dir(world.phone.dir.path().join("blobs")).unwrap().count(), 1);
    let status = world.device().status().unwrap();
    let one = Unsent { photos: 1, bytes: 70_000, lost: 0 };
    assert_eq!(status.unsent, one);
    assert_eq!(status.unsent_by_audit, [(first, one), (world.audit, one)].into());
    assert!(world.device().list(None, 9).unwrap().iter().all(|it| it.unsent == one));
    world.synchronise();
    assert_eq!((world.blobs.received, world.state(id)), (70_000, PhotoState::Stored));
    assert_eq!((world.unsent(), world.upload().requests), (Unsent::default(), 0));
    world.device().verify_log().unwrap();
}

#[test]
fn a_photo_that_is_refused_leaves_no_file_and_no_op() {
    let mut world = World::new();
    let (audit, head) = (world.audit, world.device().head());
    let photo = |device: &mut Device, audit, field, bytes: &[u8]| {
        let mut bytes = bytes;
        device.photo(audit, field, &mut bytes, &facts(), NOW)
    };
    let device = world.device();
    assert_eq!(code(photo(device, audit, PHOTOS, b"")), "empty_photo");
    assert_eq!(code(photo(device, Uuid::nil(), PHOTOS, b"x")), "unknown_audit");
    for field in ["A01", "A01#comment", "Z99"] {
        let Err(DeviceError::Problem(problem)) = photo(device, audit, field, b"x") else { panic!() };
        assert_eq!(
            (problem.code.as_str(), problem.errors[0].code.as_str()),
            ("invalid_answers", "no_photo_field")
        );
    }
    // Ids of photos are not typed.
    let Err(DeviceError::Problem(problem)) = device.answer(audit, PHOTOS, r#"["p1"]"#, NOW) else { panic!() };
    assert_eq!(problem.errors[0].code, "photos_are_attached");
    assert_eq!(device.head(), head);
    assert!(no_photo_yet(world.phone.dir.path()));
    for number in 0..100 {
        world.take(number, 300);
    }
    let Err(DeviceError::Problem(problem)) = photo(world.device(), audit, PHOTOS, b"x") else { panic!() };
    assert_eq!((problem.errors[0].code.as_str(), problem.errors[0].field.as_str()), ("too_long", "/A04"));
    assert!(!world.file(Hash::of(b"x")).exists());
}

#[test]
fn without_room_there_is_no_new_photo_and_no_new_visit_but_every_answer() {
    let mut world = World::new();
    let (audit, template) = (world.audit, world.template);
    let device = world.device();
    let photo = |device: &mut Device| device.photo(audit, PHOTOS, &mut &b"photo"[..], &facts(), NOW);
    device.tell_free_space(ROOM_FOR_PHOTO - 1);
    assert_eq!(code(photo(device)), "no_room_for_photo");
    device.start(&ad_hoc(2, template), NOW).unwrap();
    device.tell_free_space(ROOM_FOR_AUDIT - 1);
    assert_eq!(code(device.start(&ad_hoc(3, template), NOW)), "no_room_for_audit");
    // What is begun goes on to its end.
    assert_eq!(device.start(&ad_hoc(2, template), NOW).unwrap(), Uuid::from_u128(2));
    fill(device, audit);
    device.submit(audit, NOW).unwrap();
    device.tell_free_space(ROOM_FOR_PHOTO);
    let other = Uuid::from_u128(2);
    device.photo(other, PHOTOS, &mut &b"photo"[..], &facts(), NOW).unwrap();
}

#[test]
fn a_crash_before_the_op_leaves_a_stray_file_that_is_adopted_or_grows_old_and_goes() {
    let mut world = World::new();
    let captured: Captured = world.device().capture(&mut &b"stray"[..]).unwrap();
    let stray = world.file(captured.blob().id);
    let incoming = world.phone.dir.path().join("blobs/incoming");
    fs::write(&incoming, b"half of a pho").unwrap();
    world.phone.kill();
    let written = UNIX_EPOCH + Duration::from_millis(NOW);
    File::options().write(true).open(&stray).unwrap().set_modified(written).unwrap();
    assert!(stray.exists() && !incoming.exists());
    assert_eq!(world.unsent(), Unsent::default());
    assert_eq!(world.device().evict(NOW + KEEP_MS - 1).unwrap(), 0);
    assert!(stray.exists());
    assert_eq!(world.device().evict(NOW + KEEP_MS).unwrap(), 1);
    assert!(!stray.exists());

    // A database that was set back has ops that name a file and no row for it.
    let (_, id) = world.take(1, 100);
    world.phone.device = None;
    let database = rusqlite::Connection::open(world.phone.dir.path().join("device.db")).unwrap();
    database.execute("DELETE FROM blobs", []).unwrap();
    drop(database);
    world.phone.kill();
    assert_eq!(world.device().evict(NOW + KEEP_MS).unwrap(), 0);
    world.synchronise();
    assert_eq!(world.blobs.finished, [id]);
}

#[test]
fn what_waits_is_told_to_the_server_with_every_exchange() {
    struct Listening<'a>(Wire<'a>, Vec<Pending>);
    impl Transport for Listening<'_> {
        fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
            self.1.push(codec::from_cbor::<Request>(request).unwrap().hello.pending);
            self.0.exchange(request)
        }
    }
    let mut world = World::new();
    world.take(1, 500);
    world.take(2, 40_000);
    let told = |world: &mut World| {
        let wire = Wire { server: &mut world.server, faults: VecDeque::new() };
        let mut listening = Listening(wire, Vec::new());
        let device = world.phone.device.as_mut().unwrap();
        Sync::new(device).unwrap().run(device, &mut listening, clock(), 1).unwrap();
        listening.1[0]
    };
    let pending = told(&mut world);
    assert_eq!((pending.ops, pending.blobs, pending.bytes), (3, 2, 40_500));
    world.upload_with(&[Cut::None, Cut::None, Cut::None, Cut::Before]);
    assert_eq!(told(&mut world), Pending { ops: 0, blobs: 1, bytes: 40_000 });
    world.upload();
    assert_eq!(told(&mut world), Pending::default());
}

#[test]
fn an_upload_that_is_cut_goes_on_in_the_next_program_where_the_server_is() {
    let mut world = World::new();
    let (_, small) = world.take(1, 1_000);
    let (_, large) = world.take(2, 200_000);
    world.exchange();
    for cut in [Cut::Before, Cut::Portal] {
        assert!(matches!(world.upload_with(&[cut]), Finish::Backoff { .. }));
    }
    assert_eq!(world.blobs.received, 0);
    let cuts = [Cut::None, Cut::None, Cut::None, Cut::After];
    assert!(matches!(world.upload_with(&cuts), Finish::Backoff { .. }));
    assert_eq!(world.blobs.finished, [small]);
    assert!(matches!(world.state(large), PhotoState::Uploading { sent } if sent > 0));
    world.phone.kill();
    world.upload();
    assert_eq!(world.blobs.received, 201_000);
    assert_eq!(world.blobs.stored[&large], bytes(2, 200_000));
    // A rest that is asked for is no failure and moves nothing.
    world.take(3, 10);
    world.exchange();
    let mut wire = BlobWire { server: &mut world.blobs, cuts: VecDeque::new() };
    let device = world.phone.device.as_mut().unwrap();
    let rest = Upload::new(device).unwrap().run(device, &mut wire, Some(Pause::Metered), 1, NOW).unwrap();
    assert_eq!(rest, Finish::Paused { cause: Pause::Metered, wait_ms: 0 });
    assert_eq!((Upload::problem(&rest), world.unsent().photos), (None, 1));
}

#[test]
fn a_photo_that_vanished_or_was_edited_is_lost_and_everybody_is_told_until_it_is_back() {
    let mut world = World::new();
    let audit = world.audit;
    let [gone, edited, fine] = [1, 2, 3].map(|number| world.take(number, 2_000).1);
    let device = world.device();
    fill(device, audit);
    device.submit(audit, NOW).unwrap();
    fs::remove_file(world.file(gone)).unwrap();
    fs::write(world.file(edited), bytes(9, 2_000)).unwrap();
    world.exchange();
    let summary = world.upload();
    assert_eq!((summary.lost, summary.stored), (2, 1));
    assert_eq!(world.blobs.finished, [fine]);
    assert_eq!(world.state(gone), PhotoState::Lost { cause: "missing".into() });
    assert_eq!(world.state(edited), PhotoState::Lost { cause: "changed".into() });
    assert_eq!(world.unsent(), Unsent { photos: 0, bytes: 0, lost: 2 });
    world.exchange();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true), (ConflictKind::BlobLost, true)]);
    assert_eq!(world.device().conflicts(9).unwrap().len(), 2);
    let view = world.server.audits[&audit].view();
    assert_eq!((view.phase, view.late.len()), (Phase::Submitted, 0));

    // It is said once.
    let head = world.device().head();
    world.upload();
    assert_eq!(world.device().head(), head);

    // The same photos again make good what was lost, on a visit that is handed in too.
    world.take(1, 2_000);
    world.take(2, 2_000);
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, false), (ConflictKind::BlobLost, false)]);
    assert_eq!((world.unsent(), world.blobs.stored.len()), (Unsent::default(), 3));
    // Another photo cannot be added to it.
    let other = world.device().photo(audit, PHOTOS, &mut &b"other"[..], &facts(), NOW);
    assert_eq!(code(other), "audit_not_editable");
    let before = world.device().projection_hash().unwrap();
    world.device().rebuild().unwrap();
    assert_eq!(world.device().projection_hash().unwrap(), before);
}

#[test]
fn a_lost_photo_that_another_phone_brings_is_not_lost() {
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    fs::remove_file(world.file(id)).unwrap();
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
    world.blobs.stored.insert(id, bytes(1, 2_000));
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, false)]);
    assert_eq!(world.state(id), PhotoState::Stored);
}

/// Nothing can be written on a visit that is away.
#[test]
fn a_lost_photo_that_another_phone_brings_while_the_visit_is_taken_away_is_not_lost_once_it_is_given_back() {
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    fs::remove_file(world.file(id)).unwrap();
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
    let right = AuditRight { audit: world.audit };
    for body in [Body::Revoke(right), Body::Grant(right)] {
        let entry = Entry::Raw(Nested::Known(body));
        world.server.append(StreamId::User(USER), 1, Hash::of(b"right"), entry);
        world.exchange();
        world.blobs.stored.insert(id, bytes(1, 2_000));
        world.upload();
    }
    world.exchange();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, false)]);
}

/// The phone let go of it long ago: nothing else asks for it again.
#[test]
fn a_cleared_photo_that_another_phone_brings_while_the_visit_is_taken_away_is_not_lost_once_it_is_given_back()
{
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    let empty = (world.server.clone(), world.blobs.clone());
    world.synchronise();
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    world.server.durable_through = world.device().head().dseq;
    world.synchronise();
    assert_eq!(world.device().evict(NOW + KEEP_MS).unwrap(), 1);
    world.server.durable_through = 0;
    world.restore(&empty);
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
    let right = AuditRight { audit };
    for body in [Body::Revoke(right), Body::Grant(right)] {
        let entry = Entry::Raw(Nested::Known(body));
        world.server.append(StreamId::User(USER), 1, Hash::of(b"right"), entry);
        world.exchange();
        world.blobs.stored.insert(id, bytes(1, 2_000));
        world.upload();
    }
    world.exchange();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, false)]);
}

/// The office forgot that it had the photo, and then a copy of it counted as whole: that says nothing of the photo.
#[test]
fn the_last_copy_of_a_photo_that_the_office_lost_is_not_cleared() {
    const LATER: u64 = NOW + KEEP_MS + 1;
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    world.synchronise();
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    world.exchange();
    assert_eq!(world.upload_at(LATER).had, 1);
    world.blobs.stored.clear();
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    assert_eq!(world.device().evict(LATER).unwrap(), 0);
    assert_eq!(world.upload_at(LATER + 60_000).stored, 1);
    assert_eq!(world.device().evict(LATER + 60_000).unwrap(), 0);
    assert!(world.file(id).exists() && world.blobs.stored.contains_key(&id));
}

#[test]
fn a_visit_whose_photo_is_lost_is_handed_in_once_it_is_taken_again_or_away() {
    let mut world = World::new();
    let audit = world.audit;
    fill(world.device(), audit);
    let (op, id) = world.take(1, 2_000);
    let head = world.device().head();
    fs::write(world.file(id), b"cut short").unwrap();
    let Err(DeviceError::Problem(problem)) = world.device().submit(audit, NOW) else { panic!() };
    assert_eq!((problem.errors[0].code.as_str(), problem.errors[0].field.as_str()), ("photo_lost", "/A04"));
    assert_eq!(world.device().head(), head);
    world.synchronise();
    assert_eq!(code(world.device().submit(audit, NOW)), "incomplete");
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
    world.device().detach(audit, op, NOW).unwrap();
    assert_eq!(code(world.device().detach(audit, op, NOW)), "unknown_attachment");
    world.device().submit(audit, NOW).unwrap();
    world.synchronise();
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, false)]);
    assert_eq!(world.unsent(), Unsent::default());
}

#[test]
fn a_photo_that_is_taken_away_is_not_sent_unless_a_visit_was_handed_in_with_it() {
    let mut world = World::new();
    let audit = world.audit;
    let (wrong, wrong_id) = world.take(1, 100);
    let (handed_in, handed_in_id) = world.take(2, 200);
    let device = world.device();
    device.detach(audit, wrong, NOW).unwrap();
    fill(device, audit);
    device.submit(audit, NOW).unwrap();
    world.exchange();
    world.server.command(USER, server_op(Kind::Return, audit, 2, None));
    world.exchange();
    world.device().detach(audit, handed_in, NOW).unwrap();
    world.synchronise();
    assert_eq!(world.blobs.finished, [handed_in_id]);
    assert!(world.file(wrong_id).exists());
    assert_eq!(world.device().evict(NOW + KEEP_MS - 1).unwrap(), 0);
    assert_eq!(world.device().evict(NOW + KEEP_MS).unwrap(), 1);
    assert!(!world.file(wrong_id).exists() && world.file(handed_in_id).exists());
}

#[test]
fn a_photo_that_was_taken_away_stays_until_the_server_knows_and_is_said_to_be_lost_where_it_is_needed_after_all()
 {
    let mut world = World::new();
    let (op, id) = world.take(1, 2_000);
    let audit = world.audit;
    world.exchange();
    // Another phone of the auditor hands the visit in, and is not heard of for long.
    let mut other = Phone::new(2, &mut world.server);
    other.sync(&mut world.server);
    fill(other.device(), audit);
    other.device().submit(audit, NOW).unwrap();
    world.device().detach(audit, op, NOW).unwrap();
    assert_eq!((world.device().evict(NOW + KEEP_MS).unwrap(), world.file(id).exists()), (0, true));
    world.exchange();
    assert_eq!((world.device().evict(NOW + KEEP_MS).unwrap(), world.file(id).exists()), (1, false));
    other.sync(&mut world.server);
    world.synchronise();
    assert_eq!(world.state(id), PhotoState::Lost { cause: "evicted".into() });
    assert_eq!(world.conflicts(), [(ConflictKind::Late, true), (ConflictKind::BlobLost, true)]);
    // The same photo again makes it good.
    world.take(1, 2_000);
    world.synchronise();
    assert_eq!(world.state(id), PhotoState::Stored);
}

#[test]
fn a_photo_is_cleared_when_server_and_backup_have_it_for_thirty_days_and_not_before() {
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    let empty = (world.server.clone(), world.blobs.clone());
    world.synchronise();
    let late = NOW + 10 * KEEP_MS;
    assert_eq!((world.device().evict(late).unwrap(), world.state(id)), (0, PhotoState::Stored));
    // A backup as far as the log was when the photo was stored may be older than the photo.
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    assert_eq!((world.device().evict(late).unwrap(), world.state(id)), (0, PhotoState::Stored));
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    // The office may have lost it since: it is asked once more.
    assert_eq!((world.device().evict(late).unwrap(), world.state(id)), (0, PhotoState::Stored));
    assert_eq!((world.upload().had, world.upload().requests), (1, 0));
    assert_eq!(world.state(id), PhotoState::Durable);
    assert_eq!(world.device().evict(NOW + KEEP_MS - 1).unwrap(), 0);
    assert_eq!(world.device().evict(NOW + KEEP_MS).unwrap(), 1);
    assert_eq!((world.file(id).exists(), world.state(id)), (false, PhotoState::Evicted));
    assert_eq!(world.unsent(), Unsent::default());

    // Cleared, and then the server and its backup lose it after all: that is said, not hidden.
    world.server.durable_through = 0;
    world.restore(&empty);
    world.synchronise();
    assert_eq!(world.state(id), PhotoState::Lost { cause: "evicted".into() });
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
}

#[test]
fn a_backup_of_an_answer_that_was_there_before_the_photo_is_none_of_the_photo() {
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    world.exchange();
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    // It arrives, its answer is lost, and a backup is made before the photo is sent.
    world.server.durable_through = world.device().head().dseq;
    assert_eq!(world.upload_at(NOW).stored, 1);
    world.exchange();
    assert_eq!(world.state(id), PhotoState::Stored);
    assert_eq!(world.device().evict(NOW + 10 * KEEP_MS).unwrap(), 0);
}

#[test]
fn a_server_that_was_set_back_gets_the_photos_again_whether_it_says_so_or_not() {
    for by_command in [true, false] {
        let mut world = World::new();
        world.exchange();
        let (server, blobs) = (world.server.clone(), world.blobs.clone());
        let (_, id) = world.take(1, 70_000);
        world.synchronise();
        assert_eq!(world.state(id), PhotoState::Stored);
        world.server.restore(&server, by_command);
        world.blobs = BlobServer { epoch: world.server.epoch, ..blobs };
        world.exchange();
        assert_eq!((world.state(id), world.unsent().photos), (PhotoState::Uploading { sent: 70_000 }, 1));
        world.upload();
        assert_eq!(world.blobs.stored[&id], bytes(1, 70_000));
        assert_eq!((world.state(id), world.unsent()), (PhotoState::Stored, Unsent::default()));
    }
}

#[test]
fn what_the_server_said_of_a_photo_long_ago_it_is_asked_again() {
    const LATER: u64 = NOW + 13 * 60 * 60 * 1_000;
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    world.synchronise();
    // Asked of late, asked again later, and not twice.
    let asked = |it: Summary| (it.requests, it.had, it.stored);
    assert_eq!(asked(world.upload()), (0, 0, 0));
    assert_eq!(asked(world.upload_at(LATER)), (1, 1, 0));
    assert_eq!(asked(world.upload_at(LATER)), (0, 0, 0));
    // An old copy of the server's photos is put back by hand, and its log knows nothing of it.
    world.blobs.stored.clear();
    assert_eq!(asked(world.upload_at(2 * LATER - NOW)), (2, 0, 1));
    assert_eq!((world.blobs.stored[&id].clone(), world.state(id)), (bytes(1, 2_000), PhotoState::Stored));
    // Again, and the file is gone too: that is said. A clock that was set back is no excuse.
    world.blobs.stored.clear();
    fs::remove_file(world.file(id)).unwrap();
    world.upload_at(NOW);
    world.exchange();
    assert_eq!(world.state(id), PhotoState::Lost { cause: "missing".into() });
    assert_eq!(world.conflicts(), [(ConflictKind::BlobLost, true)]);
}

#[test]
fn a_photo_that_is_asked_for_again_and_again_is_cleared_no_later_and_one_sent_again_no_earlier() {
    let mut world = World::new();
    let (_, id) = world.take(1, 2_000);
    world.synchronise();
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    assert_eq!(world.upload_at(NOW + KEEP_MS - 1).had, 1);
    assert_eq!(world.state(id), PhotoState::Durable);
    // What the server asked for again no backup has.
    world.blobs.stored.clear();
    assert_eq!(world.upload_at(NOW + KEEP_MS / 2).stored, 1);
    assert_eq!((world.device().evict(NOW + 3 * KEEP_MS).unwrap(), world.state(id)), (0, PhotoState::Stored));
    world.device().answer(audit, "A01", "\"no\"", NOW).unwrap();
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    assert_eq!(world.upload_at(NOW + KEEP_MS).had, 1);
    assert_eq!(world.device().evict(NOW + KEEP_MS / 2 + KEEP_MS - 1).unwrap(), 0);
    assert_eq!(world.device().evict(NOW + KEEP_MS / 2 + KEEP_MS).unwrap(), 1);
}

#[test]
fn photos_of_a_visit_that_was_taken_from_the_phone_are_still_sent() {
    let mut world = World::new();
    let (_, id) = world.take(1, 500);
    let revoke = Nested::Known(Body::Revoke(AuditRight { audit: world.audit }));
    world.server.append(StreamId::User(USER), 1, Hash::of(b"revoked"), Entry::Raw(revoke));
    world.exchange();
    assert_eq!(world.device().list(None, 9).unwrap(), []);
    let waiting = Unsent { photos: 1, bytes: 500, lost: 0 };
    assert_eq!(world.unsent(), waiting);
    world.device().rebuild().unwrap();
    assert_eq!(world.unsent(), waiting);
    world.upload();
    assert_eq!(world.blobs.finished, [id]);
}

#[test]
fn a_second_phone_shows_where_photos_were_taken() {
    let mut world = World::new();
    let (_, id) = world.take(1, 500);
    world.synchronise();
    let mut other = Phone::of_kind(2, &mut world.server, DeviceKind::Phone);
    other.sync(&mut world.server);
    let detail = other.device().view(world.audit).unwrap();
    let photo = &detail.attachments[PHOTOS][0];
    assert_eq!((photo.value.blob, &photo.state), (id, &PhotoState::Elsewhere));
    assert_eq!(detail.unsent, Unsent::default());
}

#[derive(Debug, Clone)]
enum Step {
    Take(u8),
    Exchange,
    Upload(Vec<Cut>),
    /// The process dies after so many effects of a run.
    KillInUpload(usize),
    Spoil(u8),
    Backup,
    Restore,
    Rebuild,
}

fn any_step() -> impl Strategy<Value = Step> {
    let cut = prop::sample::select(vec![Cut::None, Cut::None, Cut::Before, Cut::After, Cut::Portal]);
    prop_oneof![
        3 => (0..4_u8).prop_map(Step::Take),
        2 => Just(Step::Exchange),
        2 => prop::collection::vec(cut, 0..8).prop_map(Step::Upload),
        3 => (0..24_usize).prop_map(Step::KillInUpload),
        1 => (0..4_u8).prop_map(Step::Spoil),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
        1 => Just(Step::Rebuild),
    ]
}

fn photo_of(number: u8) -> Vec<u8> {
    bytes(number, 20_000 * usize::from(number) + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// I1, I13 and I16 for photos over the real store: killed between any two effects, with a line that is cut and a server that
    /// is restored, every photo ends on the server with its bytes, or everybody knows that it is lost.
    #[test]
    fn killed_phones_and_restored_servers_end_with_every_photo(steps in prop::collection::vec(any_step(), 1..20)) {
        let mut world = World::new();
        let audit = world.audit;
        let mut backup = (world.server.clone(), world.blobs.clone());
        let mut spoilt = Vec::new();
        for step in steps {
            match step {
                Step::Take(number) => {
                    let photo = photo_of(number);
                    world.device().photo(audit, PHOTOS, &mut photo.as_slice(), &facts(), NOW).unwrap();
                    spoilt.retain(|it| *it != number);
                }
                Step::Exchange => world.exchange(),
                Step::Upload(cuts) => drop(world.upload_with(&cuts)),
                Step::KillInUpload(after) => {
                    let device = world.phone.device.as_mut().unwrap();
                    let mut wire = BlobWire { server: &mut world.blobs, cuts: VecDeque::new() };
                    let mut upload = Upload::new(device).unwrap();
                    upload.begin(None, 1, NOW);
                    for _ in 0..after {
                        if upload.advance(device, &mut wire).unwrap().is_some() {
                            break;
                        }
                    }
                    world.phone.kill();
                }
                Step::Spoil(number) => {
                    let file = world.file(Hash::of(&photo_of(number)));
                    if file.exists() {
                        fs::write(file, b"edited").unwrap();
                        spoilt.push(number);
                    }
                }
                Step::Backup => backup = (world.server.clone(), world.blobs.clone()),
                Step::Restore => world.restore(&backup),
                Step::Rebuild => world.device().rebuild().unwrap(),
            }
        }
        world.synchronise();
        let spoilt: Vec<Hash> = spoilt.into_iter().map(|it| Hash::of(&photo_of(it))).collect();
        let view = world.server.audits.get(&audit).map(sync_core::AuditOps::view);
        let attached = view.iter().flat_map(|it| it.attachments.values().flatten());
        for photo in attached.clone() {
            let is_there = world.blobs.stored.contains_key(&photo.value.blob);
            prop_assert!(is_there || spoilt.contains(&photo.value.blob));
            let is_said = view.as_ref().is_some_and(|it| it.open_conflicts().any(|it| it.ops.contains(&photo.id)));
            prop_assert_eq!(is_said, !is_there);
        }
        for (id, stored) in &world.blobs.stored {
            prop_assert_eq!(&Hash::of(stored), id);
        }
        let lost = attached.filter(|it| !world.blobs.stored.contains_key(&it.value.blob)).count() as u64;
        prop_assert_eq!(world.unsent(), Unsent { photos: 0, bytes: 0, lost });
        let hash = world.device().projection_hash().unwrap();
        world.device().rebuild().unwrap();
        prop_assert_eq!(world.device().projection_hash().unwrap(), hash);
        prop_assert_eq!(world.unsent().lost, lost);
        world.device().verify_log().unwrap();
    }
}

#[test]
fn what_the_phone_knows_of_a_photo_travels_with_it_and_what_it_does_not_know_takes_no_byte() {
    let mut world = World::new();
    let original = Original { hash: Hash::of(b"as the camera gave it"), size: 4_000_000 };
    let gps = Gps {
        lat_e7: 46_097_100,
        lon_e7: -740_817_500,
        accuracy_mm: Some(12_000),
        mocked: None,
        at_ms: Some(NOW - 4_000),
    };
    let told = PhotoFacts {
        mime: "image/jpeg".into(),
        captured_at_ms: Some(NOW),
        gps: Some(gps.clone()),
        source: Some(PhotoSource::Camera),
        original: Some(original),
    };
    let audit = world.audit;
    world.device().photo(audit, PHOTOS, &mut &bytes(1, 500)[..], &told, NOW).unwrap();
    world.take(2, 500);
    let (phone, server) = (&mut world.phone, &mut world.server);
    phone.sync(server);
    let view = server.audits[&audit].view();
    let [first, second] = &view.attachments[PHOTOS][..] else { panic!() };
    assert_eq!((&first.value.gps, first.value.source), (&Some(gps), Some(PhotoSource::Camera)));
    assert_eq!(first.value.original, Some(original));
    assert_eq!((second.value.source, second.value.original), (None, None));
    let shown = serde_json::to_value(phone.device().view(audit).unwrap()).unwrap();
    let shown = &shown["attachments"][PHOTOS];
    assert_eq!((&shown[0]["source"], &shown[0]["original"]["size"]), (&"camera".into(), &4_000_000.into()));
    assert_eq!(shown[1].get("source"), None);
}
