//! The laws of the blob lane, over a model of the server: whatever is cut, killed, repeated or restored, the right bytes end
//! there, and a cut costs one part at most.
#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "a test may stop where it stands")]

#[path = "model/blobs.rs"]
mod blobs;

use std::collections::{BTreeMap, VecDeque};

use blobs::BlobServer;
use proptest::prelude::*;
use sync_core::{
    DeviceId, Hash,
    blob::BlobRefusal,
    exchange::RefusalCode,
    lane::{
        Effect, Event, FileState, Finish, Lane, Loaded, MIN_CHUNK_BYTES, Mark, Pause, Summary, order, step,
    },
    payload::{BlobRef, LossCause},
};

const DEV: DeviceId = DeviceId([3; 16]);
const CHUNK: u32 = 64 * 1024;

/// What the network does to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    LoseRequest,
    LoseReply,
    Twice,
    /// A bit of the part turns over.
    Damage,
    /// The process dies once the request was answered.
    Kill,
}

#[derive(Debug, Clone)]
struct Photo {
    blob: BlobRef,
    /// What its file holds; none where it is gone.
    file: Option<Vec<u8>>,
    confirmed: Option<u64>,
    off: u64,
    /// Whether its file was ever spoilt.
    spoilt: bool,
    lost: bool,
    refused: bool,
}

struct Phone {
    photos: BTreeMap<(u64, Hash), Photo>,
    epoch: u64,
    chunk: Option<u32>,
    lane: Lane,
    faults: VecDeque<Fault>,
    cuts: u64,
}

fn bytes_of(number: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add(number)).collect()
}

impl Phone {
    fn new(epoch: u64) -> Self {
        let (photos, faults) = (BTreeMap::new(), VecDeque::new());
        Self { photos, epoch, chunk: None, lane: Lane::new(DEV), faults, cuts: 0 }
    }

    fn take(&mut self, number: u8, len: usize) -> BlobRef {
        let bytes = bytes_of(number, len);
        let blob = BlobRef { id: Hash::of(&bytes), size: len as u64 };
        let photo = Photo {
            blob,
            file: Some(bytes),
            confirmed: None,
            off: 0,
            spoilt: false,
            lost: false,
            refused: false,
        };
        self.photos.entry(order(&blob)).or_insert(photo);
        blob
    }

    fn photo(&mut self, id: Hash) -> &mut Photo {
        self.photos.values_mut().find(|it| it.blob.id == id).unwrap()
    }

    fn load(&self, after: Option<BlobRef>, limit: usize) -> Loaded {
        let open = |it: &&Photo| it.confirmed != Some(self.epoch) && !it.lost && !it.refused;
        let after = after.map(|it| order(&it));
        let later = self.photos.iter().filter(|it| after.is_none_or(|after| *it.0 > after));
        let mut blobs: Vec<BlobRef> = later.map(|it| it.1).filter(open).map(|it| it.blob).collect();
        let more = blobs.len() > limit;
        blobs.truncate(limit);
        Loaded { epoch: Some(self.epoch), chunk: self.chunk, blobs, more }
    }

    fn state(&mut self, id: Hash) -> FileState {
        match &self.photo(id).file {
            None => FileState::Lost(LossCause::Missing),
            Some(bytes) if Hash::of(bytes) != id => FileState::Lost(LossCause::Changed),
            Some(_) => FileState::Intact,
        }
    }

    /// The event of an effect; none where the process died.
    fn execute(&mut self, server: &mut BlobServer, effect: Effect) -> Option<Event> {
        Some(match effect {
            Effect::Load { after, limit } => Event::Loaded(self.load(after, limit)),
            Effect::Check(blob) => Event::Checked(self.state(blob.id)),
            Effect::Keep(keep) => {
                self.chunk = Some(keep.chunk);
                for (id, mark) in keep.marks {
                    let photo = self.photo(id);
                    match mark {
                        Mark::Sent(off) => photo.off = off,
                        Mark::Stored { epoch } => photo.confirmed = Some(epoch),
                        Mark::Lost(_) => photo.lost = true,
                        Mark::Refused(_) => photo.refused = true,
                    }
                }
                Event::Kept
            }
            Effect::Query(query) => return self.deliver(|_| server.query(&query)),
            Effect::Send(part) => {
                let bytes = self.photo(part.blob.id).file.clone().unwrap_or_default();
                let end = (part.offset + part.len) as usize;
                let Some(bytes) = bytes.get(part.offset as usize..end) else {
                    return Some(Event::Checked(FileState::Lost(LossCause::Missing)));
                };
                let hash = Hash::of(bytes);
                return self.deliver(|damaged| {
                    let mut bytes = bytes.to_vec();
                    if damaged && let Some(first) = bytes.first_mut() {
                        *first ^= 1;
                    }
                    server.part(&part.blob, part.offset, &hash, &bytes)
                });
            }
            Effect::Finish(_) => unreachable!(),
        })
    }

    fn deliver(&mut self, mut send: impl FnMut(bool) -> sync_core::blob::BlobReply) -> Option<Event> {
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        self.cuts += u64::from(fault != Fault::None);
        if fault == Fault::LoseRequest {
            return Some(Event::Unreachable);
        }
        let mut reply = send(fault == Fault::Damage);
        match fault {
            Fault::Kill => return None,
            Fault::LoseReply => return Some(Event::Unreachable),
            Fault::Twice => reply = send(false),
            _ => {}
        }
        Some(Event::Answered(Box::new(reply)))
    }

    /// One run; none where the process died in it.
    fn run(&mut self, server: &mut BlobServer) -> Option<Finish> {
        self.run_until(server, |_| None)
    }

    fn run_until(
        &mut self,
        server: &mut BlobServer,
        mut pause: impl FnMut(&Summary) -> Option<Pause>,
    ) -> Option<Finish> {
        let mut next = step(&mut self.lane, Event::Begin { jitter: u32::MAX, pause: None });
        for _ in 0..100_000 {
            if let Some(cause) = pause(self.lane.summary()) {
                assert_eq!(step(&mut self.lane, Event::Pause(cause)), []);
            }
            let effect = next.pop().expect("an effect");
            assert!(next.is_empty());
            if let Effect::Finish(finish) = effect {
                return Some(finish);
            }
            let Some(event) = self.execute(server, effect) else {
                self.lane = Lane::new(DEV);
                return None;
            };
            next = step(&mut self.lane, event);
        }
        unreachable!("the run does not end");
    }
}

fn world() -> (BlobServer, Phone) {
    (BlobServer::new(1, CHUNK), Phone::new(1))
}

#[test]
fn blobs_go_smallest_first_and_what_the_server_has_is_not_sent() {
    let (mut server, mut phone) = world();
    let large = phone.take(1, 300_000);
    let small = phone.take(2, 100);
    let known = phone.take(3, 200_000);
    server.stored.insert(known.id, bytes_of(3, 200_000));
    let Some(Finish::Done(summary)) = phone.run(&mut server) else { panic!() };
    assert_eq!(server.finished, [small.id, large.id]);
    assert_eq!((summary.stored, summary.had, summary.bytes, summary.left), (2, 1, 300_100, 0));
    assert_eq!(server.received, 300_100);
    // Confirmed is confirmed: nothing is asked again.
    assert_eq!(phone.run(&mut server), Some(Finish::Done(Summary::default())));
}

#[test]
fn a_blob_whose_file_is_gone_or_edited_or_too_large_delays_no_other() {
    let (mut server, mut phone) = world();
    server.limits.blob_bytes = 400_000;
    let [gone, edited, large, fine] =
        [(1, 10), (2, 20), (3, 500_000), (4, 90_000)].map(|(number, len)| phone.take(number, len));
    phone.photo(gone.id).file = None;
    phone.photo(edited.id).file.as_mut().unwrap()[7] ^= 1;
    let Some(Finish::Done(summary)) = phone.run(&mut server) else { panic!() };
    assert_eq!((summary.lost, summary.refused, summary.stored), (2, 1, 1));
    assert_eq!(server.finished, [fine.id]);
    // No byte of what is not the photo left the phone.
    assert_eq!(server.received, 90_000);
    assert!(phone.photo(gone.id).lost && phone.photo(edited.id).lost && phone.photo(large.id).refused);
}

#[test]
fn a_blob_that_is_edited_while_it_is_sent_is_lost_and_never_stored() {
    let (mut server, mut phone) = world();
    let blob = phone.take(1, 200_000);
    let mut next = step(&mut phone.lane, Event::Begin { jitter: 0, pause: None });
    while server.received < u64::from(CHUNK) {
        let event = phone.execute(&mut server, next.pop().unwrap()).unwrap();
        next = step(&mut phone.lane, event);
    }
    phone.photo(blob.id).file.as_mut().unwrap()[190_000] ^= 1;
    loop {
        let effect = next.pop().unwrap();
        if let Effect::Finish(finish) = effect {
            assert!(matches!(finish, Finish::Done(it) if it.lost == 1));
            break;
        }
        let event = phone.execute(&mut server, effect).unwrap();
        next = step(&mut phone.lane, event);
    }
    assert!(phone.photo(blob.id).lost && server.stored.is_empty());
}

#[test]
fn a_program_that_was_killed_goes_on_where_the_server_is_and_sends_nothing_twice() {
    let (mut server, mut phone) = world();
    phone.take(1, 300_000);
    for _ in 0..3 {
        phone.faults = [Fault::None, Fault::Kill].into();
        assert!(phone.run(&mut server).is_none());
    }
    assert!(matches!(phone.run(&mut server), Some(Finish::Done(_))));
    assert_eq!(server.received, 300_000);
}

#[test]
fn a_failure_halves_the_part_also_for_the_next_program_and_successes_double_it_again() {
    let (mut server, mut phone) = world();
    phone.take(1, 1_000_000);
    for part in [CHUNK / 2, CHUNK / 4, MIN_CHUNK_BYTES, MIN_CHUNK_BYTES] {
        phone.faults = [Fault::None, Fault::LoseRequest].into();
        let Some(Finish::Backoff { reason, .. }) = phone.run(&mut server) else { panic!() };
        assert_eq!((reason.as_str(), phone.chunk), ("unreachable", Some(part)));
        phone.lane = Lane::new(DEV);
    }
    phone.faults = [Fault::None, Fault::None, Fault::Kill].into();
    assert!(phone.run(&mut server).is_none());
    assert_eq!(server.largest_part, u64::from(2 * MIN_CHUNK_BYTES));
    assert!(matches!(phone.run(&mut server), Some(Finish::Done(_))));
    assert_eq!((phone.chunk, server.largest_part), (Some(CHUNK), u64::from(CHUNK)));
}

#[test]
fn waits_are_jittered_and_grow_and_follow_what_the_server_asks() {
    let (mut server, mut phone) = world();
    phone.take(1, 10);
    let mut waits = Vec::new();
    for _ in 0..3 {
        server.refusals.push(BlobRefusal {
            retry_after_ms: Some(5_000),
            ..BlobRefusal::new(RefusalCode::TooMany, "busy")
        });
        let Some(Finish::Backoff { wait_ms, reason }) = phone.run(&mut server) else { panic!() };
        assert_eq!(reason, "busy");
        waits.push(wait_ms);
    }
    // The jitter here is the largest there is.
    assert_eq!(waits, [5_999, 6_999, 8_999]);
    let mut next = step(&mut phone.lane, Event::Begin { jitter: 0, pause: None });
    server.refusals.push(BlobRefusal::new(RefusalCode::Unavailable, "busy"));
    loop {
        let effect = next.pop().unwrap();
        if let Effect::Finish(finish) = effect {
            assert!(matches!(finish, Finish::Backoff { wait_ms: 0, .. }));
            break;
        }
        let event = phone.execute(&mut server, effect).unwrap();
        next = step(&mut phone.lane, event);
    }
}

#[test]
fn the_lane_rests_when_a_person_the_server_or_the_quota_says_so_and_loses_nothing() {
    let (mut server, mut phone) = world();
    let (small, large) = (phone.take(1, 10), phone.take(2, 200_000));
    let none = step(&mut phone.lane, Event::Begin { jitter: 0, pause: Some(Pause::Metered) });
    let paused = |cause, wait_ms| Finish::Paused { cause, wait_ms };
    assert_eq!(none, [Effect::Finish(paused(Pause::Metered, 0))]);
    let low = |it: &Summary| (it.stored == 1).then_some(Pause::LowBattery);
    assert_eq!(phone.run_until(&mut server, low), Some(paused(Pause::LowBattery, 0)));
    assert_eq!(server.finished, [small.id]);
    server.limits.pause.push("blobs".into());
    assert_eq!(phone.run(&mut server), Some(paused(Pause::Server, 0)));
    server.limits.quota_left = 0;
    assert_eq!(phone.run(&mut server), Some(paused(Pause::Quota, 0)));
    server.limits.pause.clear();
    server.refusals.push(BlobRefusal {
        retry_after_ms: Some(60_000),
        ..BlobRefusal::new(RefusalCode::Quota, "daily_quota")
    });
    assert_eq!(phone.run(&mut server), Some(paused(Pause::Quota, 60_000)));
    // The server's pause and the person's do not outlast their run.
    phone.lane = Lane::new(DEV);
    assert!(matches!(phone.run(&mut server), Some(Finish::Done(_))));
    assert_eq!(server.finished, [small.id, large.id]);
}

#[test]
fn a_restored_server_is_met_with_an_exchange_and_then_offered_everything_again() {
    let (mut server, mut phone) = world();
    let blobs = [phone.take(1, 10), phone.take(2, 100_000)];
    let empty = server.clone();
    phone.run(&mut server);
    server = BlobServer { epoch: 2, ..empty };
    phone.take(3, 5);
    assert_eq!(phone.run(&mut server), Some(Finish::ExchangeFirst));
    assert!(server.stored.is_empty());
    phone.epoch = 2;
    assert!(matches!(phone.run(&mut server), Some(Finish::Done(it)) if it.stored == 3));
    assert!(blobs.iter().all(|it| server.stored.contains_key(&it.id)));
}

#[test]
fn a_server_that_answers_nonsense_does_not_hold_the_lane() {
    let (mut server, mut phone) = world();
    let (first, second) = (phone.take(1, 10), phone.take(2, 20));
    // Always another offset, never further; then something unheard of.
    for offset in [7, 3, 7, 3, 7] {
        server
            .refusals
            .push(BlobRefusal { offset: Some(offset), ..BlobRefusal::new(RefusalCode::Offset, "offset") });
    }
    let mut next = step(&mut phone.lane, Event::Begin { jitter: 0, pause: None });
    let refusals = core::mem::take(&mut server.refusals);
    let mut asked = 0;
    let finish = loop {
        let effect = next.pop().unwrap();
        if let Effect::Finish(finish) = effect {
            break finish;
        }
        if matches!(effect, Effect::Send(_)) && asked == 0 {
            asked += 1;
            server.refusals = refusals.clone();
        }
        let event = phone.execute(&mut server, effect).unwrap();
        next = step(&mut phone.lane, event);
    };
    assert!(matches!(finish, Finish::Done(it) if it.left == 1 && it.stored == 1), "{finish:?}");
    assert_eq!(server.finished, [second.id]);
    assert!(matches!(phone.run(&mut server), Some(Finish::Done(_))));
    assert_eq!(server.finished, [second.id, first.id]);
}

#[derive(Debug, Clone)]
enum Step {
    Take { number: u8, len: usize },
    Run(Vec<Fault>),
    Vanish(usize),
    Edit(usize),
    Backup,
    Restore,
    Busy,
}

fn any_step() -> impl Strategy<Value = Step> {
    let fault = prop::sample::select(vec![
        Fault::None,
        Fault::None,
        Fault::LoseRequest,
        Fault::LoseReply,
        Fault::Twice,
        Fault::Damage,
        Fault::Kill,
    ]);
    prop_oneof![
        4 => (0..4_u8, prop::sample::select(vec![1, 900, 65_536, 65_537, 200_000]))
            .prop_map(|(number, len)| Step::Take { number, len }),
        4 => prop::collection::vec(fault, 0..12).prop_map(Step::Run),
        1 => (0..8_usize).prop_map(Step::Vanish),
        1 => (0..8_usize).prop_map(Step::Edit),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
        1 => Just(Step::Busy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// I1, I13 and I14 for blobs: whatever is cut, killed, repeated, spoilt or restored, every photo whose file was never
    /// spoilt ends on the server with its bytes, and every other is there too or known to be lost.
    #[test]
    fn the_right_bytes_end_on_the_server(steps in prop::collection::vec(any_step(), 1..24)) {
        let (mut server, mut phone) = world();
        let mut backup = server.clone();
        for it in steps {
            match it {
                Step::Take { number, len } => drop(phone.take(number, len)),
                Step::Run(faults) => {
                    phone.faults = faults.into();
                    phone.run(&mut server);
                    phone.faults.clear();
                }
                Step::Vanish(at) => {
                    if let Some(photo) = phone.photos.values_mut().nth(at) {
                        (photo.file, photo.spoilt) = (None, true);
                    }
                }
                Step::Edit(at) => {
                    if let Some(photo) = phone.photos.values_mut().nth(at) {
                        photo.file.iter_mut().for_each(|it| it[0] ^= 1);
                        photo.spoilt = true;
                    }
                }
                Step::Backup => backup = server.clone(),
                Step::Restore => {
                    let epoch = server.epoch + 1;
                    server = BlobServer { epoch, received: server.received, ..backup.clone() };
                    phone.epoch = epoch;
                }
                Step::Busy => server.refusals.push(BlobRefusal::new(RefusalCode::Unavailable, "busy")),
            }
        }
        server.refusals.clear();
        let finish = phone.run(&mut server);
        prop_assert!(matches!(finish, Some(Finish::Done(it)) if it.left == 0), "{finish:?}");
        for (id, bytes) in &server.stored {
            prop_assert_eq!(&Hash::of(bytes), id);
        }
        for photo in phone.photos.values() {
            prop_assert!(photo.spoilt || !photo.lost);
            let is_there = server.stored.contains_key(&photo.blob.id);
            prop_assert!(photo.lost || is_there && photo.confirmed == Some(server.epoch));
        }
    }

    /// A cut costs one part at most, however often the line is cut or the program is killed.
    #[test]
    fn a_cut_costs_one_part_at_most(
        lens in prop::collection::vec(1..400_000_usize, 1..4),
        faults in prop::collection::vec(
            prop::sample::select(vec![Fault::None, Fault::None, Fault::LoseReply, Fault::Twice, Fault::Damage, Fault::Kill]),
            0..40,
        ),
    ) {
        let (mut server, mut phone) = world();
        let total: u64 = lens.iter().zip(0..).map(|(len, number)| phone.take(number, *len).size).sum();
        phone.faults = faults.into();
        let mut runs = 0;
        while !matches!(phone.run(&mut server), Some(Finish::Done(it)) if it.left == 0) {
            runs += 1;
            prop_assert!(runs < 100);
        }
        let sent: u64 = server.stored.values().map(|it| it.len() as u64).sum();
        prop_assert_eq!(sent, phone.photos.values().map(|it| it.blob.size).sum::<u64>());
        prop_assert!(sent <= total);
        prop_assert!(server.received <= sent + phone.cuts * u64::from(CHUNK), "{} of {sent}", server.received);
    }
}
