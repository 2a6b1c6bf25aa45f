//! Pictures as the camera gave them: kept beside the photo, sent last of all, let go of first.

use super::*;
use device::{Originals, ROOM_FOR_ORIGINAL};
use sync_core::payload::{self, ReasonValue};

const ORIGINAL: usize = 90_000;

impl World {
    /// Takes a photo whose original is kept; the hashes of both.
    fn take_with_original(&mut self, number: u8) -> (Hash, Hash) {
        let (audit, small, whole) = (self.audit, bytes(number, 2_000), bytes(number, ORIGINAL));
        let now_ms = NOW + u64::from(number);
        self.device().photo_of((audit, PHOTOS), &mut small.as_slice(), &whole, &facts(), now_ms).unwrap();
        (Hash::of(&small), Hash::of(&whole))
    }

    fn originals(&mut self) -> Originals {
        self.device().status().unwrap().originals
    }

    fn upload_originals(&mut self) -> Summary {
        let mut wire = BlobWire { server: &mut self.blobs, cuts: VecDeque::new() };
        let device = self.phone.device.as_mut().unwrap();
        let finish = Upload::of_originals(device).unwrap().run(device, &mut wire, None, 1 << 31, NOW);
        let Ok(Finish::Done(summary)) = finish else { unreachable!("{finish:?}") };
        summary
    }
}

fn waiting(count: u64) -> Originals {
    Originals { waiting: count, bytes: count * ORIGINAL as u64, let_go: 0 }
}

#[test]
fn the_original_of_a_photo_is_kept_and_named_and_sent_only_where_it_is_asked_for() {
    let mut world = World::new();
    let (photo, original) = world.take_with_original(1);
    assert!(world.file(original).exists());
    let audit = world.audit;
    let named = world.device().view(audit).unwrap().attachments[PHOTOS][0].value.original;
    assert_eq!(named, Some(Original { hash: original, size: ORIGINAL as u64 }));
    assert_eq!((world.unsent().photos, world.originals()), (1, waiting(1)));
    world.synchronise();
    // All that counts is sent, and the original is not among it.
    assert_eq!((world.unsent(), world.originals()), (Unsent::default(), waiting(1)));
    assert!(world.blobs.stored.contains_key(&photo) && !world.blobs.stored.contains_key(&original));
    assert_eq!(world.upload_originals().stored, 1);
    assert!(world.blobs.stored.contains_key(&original));
    assert_eq!(world.originals(), waiting(0));
    world.phone.kill();
    assert!(world.file(original).exists());
}

#[test]
fn an_original_goes_once_the_server_and_a_backup_have_it_or_its_visit_is_settled() {
    let mut world = World::new();
    let (_, sent) = world.take_with_original(1);
    world.synchronise();
    world.upload_originals();
    let late = NOW + 10 * KEEP_MS;
    world.device().evict(late).unwrap();
    assert!(world.file(sent).exists(), "no backup has it");
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    world.server.durable_through = world.device().head().dseq;
    world.exchange();
    world.upload_originals();
    let (_, unsent) = world.take_with_original(2);
    world.device().evict(NOW).unwrap();
    assert!(!world.file(sent).exists());
    assert!(world.file(unsent).exists());
    world.device().evict(late).unwrap();
    assert!(world.file(unsent).exists(), "a visit that is open may still need it");

    world.exchange();
    let reason = payload::to_value(&ReasonValue { reason: "closed for good".into() }).unwrap();
    world.server.command(USER, server_op(Kind::Void, world.audit, 1, Some(reason)));
    world.exchange();
    world.device().evict(NOW).unwrap();
    assert!(!world.file(unsent).exists());
    assert_eq!(world.originals(), Originals::default());
}

#[test]
fn where_room_is_short_originals_go_first_the_oldest_before_the_others_and_that_they_went_is_known() {
    let mut world = World::new();
    let (photo, oldest) = world.take_with_original(1);
    let (_, newest) = world.take_with_original(2);
    world.device().tell_free_space(ROOM_FOR_PHOTO);
    assert_eq!(world.device().make_room().unwrap(), 0, "photos find room");
    world.device().tell_free_space(ROOM_FOR_PHOTO - 1);
    assert_eq!(world.device().make_room().unwrap(), 1);
    assert!(!world.file(oldest).exists() && world.file(newest).exists() && world.file(photo).exists());
    assert_eq!(world.originals(), Originals { let_go: 1, ..waiting(1) });
    world.device().tell_free_space(1_000);
    assert_eq!(world.device().make_room().unwrap(), 1);
    // A further photo is taken, and only its original is not kept.
    world.device().tell_free_space(ROOM_FOR_ORIGINAL);
    let (photo, original) = world.take_with_original(3);
    assert!(world.file(photo).exists() && !world.file(original).exists());
    assert_eq!(world.originals(), Originals { let_go: 3, ..Originals::default() });
    world.synchronise();
    assert_eq!(world.upload_originals().stored, 0);
    // Nobody is told that evidence is lost.
    assert_eq!(world.conflicts(), []);
}

#[test]
fn the_original_of_a_photo_that_was_taken_away_waits_no_more() {
    let mut world = World::new();
    world.take_with_original(1);
    let audit = world.audit;
    let id = world.device().view(audit).unwrap().attachments[PHOTOS][0].id;
    world.device().detach(audit, id, NOW).unwrap();
    assert_eq!(world.originals(), Originals::default());
}
