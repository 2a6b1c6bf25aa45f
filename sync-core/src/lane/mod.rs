//! The device's half of the blob lane as a state machine beside the session: events in, effects out. Owns which blob is
//! sent next, in which parts, and what an answer means; reads and writes nothing itself.
//!
//! ```text
//! Begin -> Load -> Query -> Keep -> { Check -> (Send -> Keep)* }* -> Load ... -> Finish
//! ```
//! A process may die between any two of these: where a blob goes on is what the server holds of it, and nothing but what
//! [`Effect::Keep`] stored is remembered. A blob that does not go through is left for the next run and delays no other.

mod event;

use alloc::{collections::VecDeque, string::String, vec, vec::Vec};
use ordered::BTreeMap;

use crate::{
    DeviceId, Hash,
    blob::{BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState, MAX_QUERIED_BLOBS},
    exchange::{Limits, PROTO, RefusalCode},
    payload::{BlobRef, LossCause},
    session::jittered_wait_ms,
};

pub use event::{Effect, Event, FileState, Finish, Keep, Loaded, Mark, Part, Pause, Summary, order};

/// The least that a part is cut down to, in bytes.
pub const MIN_CHUNK_BYTES: u32 = 16 * 1024;
/// How often a part is sent again in one run before its blob is left for the next.
const MAX_TRIES: u32 = 4;
/// What [`Limits::pause`] says to hold blobs back.
const BLOBS: &str = "blobs";

/// A blob on its way.
#[derive(Debug, Clone, Copy)]
struct Item {
    blob: BlobRef,
    offset: u64,
    /// Parts in a row that moved nothing.
    tries: u32,
}

/// What follows once something is kept.
#[derive(Debug, Clone)]
enum After {
    Next,
    Part(Item),
    Finish(Finish),
}

#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    Resting,
    Loading,
    Querying {
        epoch: u64,
        page: Vec<BlobRef>,
    },
    Checking(Item),
    Sending(Item),
    Keeping(After),
}

/// One device's blobs on their way to its server.
#[derive(Debug, Clone)]
pub struct Lane {
    dev: DeviceId,
    stage: Stage,
    limits: Limits,
    /// Bytes that a part may have now.
    chunk: u32,
    attempt: u32,
    jitter: u32,
    pause: Option<Pause>,
    epoch: u64,
    queue: VecDeque<Item>,
    /// Where the last page of the store ended, while there is another.
    more_after: Option<BlobRef>,
    summary: Summary,
}

impl Lane {
    /// A lane at rest.
    pub fn new(dev: DeviceId) -> Self {
        let limits = Limits::default();
        Self {
            dev,
            stage: Stage::Resting,
            chunk: limits.chunk_bytes,
            limits,
            attempt: 0,
            jitter: 0,
            pause: None,
            epoch: 0,
            queue: VecDeque::new(),
            more_after: None,
            summary: Summary::default(),
        }
    }

    /// What the run did so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the server last announced.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn begin(&mut self, jitter: u32, pause: Option<Pause>) -> Vec<Effect> {
        (self.jitter, self.pause) = (jitter, pause);
        (self.queue, self.more_after) = (VecDeque::new(), None);
        self.summary = Summary::default();
        self.load(None)
    }

    /// The end of the run where somebody asked for a rest.
    fn rest(&mut self) -> Option<Vec<Effect>> {
        let cause = self.pause?;
        Some(self.finish(Finish::Paused { cause, wait_ms: 0 }))
    }

    fn finish(&mut self, finish: Finish) -> Vec<Effect> {
        self.stage = Stage::Resting;
        vec![Effect::Finish(finish)]
    }

    fn load(&mut self, after: Option<BlobRef>) -> Vec<Effect> {
        if let Some(rest) = self.rest() {
            return rest;
        }
        self.stage = Stage::Loading;
        vec![Effect::Load { after, limit: MAX_QUERIED_BLOBS }]
    }

    fn loaded(&mut self, loaded: Loaded) -> Vec<Effect> {
        let Some(epoch) = loaded.epoch else { return self.finish(Finish::ExchangeFirst) };
        if self.summary.requests == 0 {
            let most = self.most_chunk();
            self.chunk = loaded.chunk.unwrap_or(most).clamp(MIN_CHUNK_BYTES.min(most), most);
        }
        self.epoch = epoch;
        self.more_after = loaded.blobs.last().copied().filter(|_| loaded.more);
        if loaded.blobs.is_empty() {
            let summary = self.summary;
            return self.finish(Finish::Done(summary));
        }
        let query = BlobQuery { proto: PROTO, dev: self.dev, epoch, blobs: loaded.blobs.clone() };
        self.stage = Stage::Querying { epoch, page: loaded.blobs };
        vec![Effect::Query(query)]
    }

    /// The largest part that the server takes.
    fn most_chunk(&self) -> u32 {
        self.limits.chunk_bytes.max(1)
    }

    fn took(&mut self, limits: Limits) {
        self.attempt = 0;
        self.summary.requests = self.summary.requests.saturating_add(1);
        self.limits = limits;
        self.chunk = self.chunk.min(self.most_chunk());
        if self.pause.is_none() && self.limits.pause.iter().any(|it| it == BLOBS) {
            let is_used_up = self.limits.quota_left == 0;
            self.pause = Some(if is_used_up { Pause::Quota } else { Pause::Server });
        }
    }

    fn keep(&mut self, marks: Vec<(Hash, Mark)>, after: After) -> Vec<Effect> {
        self.stage = Stage::Keeping(after);
        vec![Effect::Keep(Keep { chunk: self.chunk, marks })]
    }

    fn queried(&mut self, epoch: u64, page: &[BlobRef], answer: BlobAnswer) -> Vec<Effect> {
        self.took(answer.limits);
        if answer.epoch != epoch {
            return self.finish(Finish::ExchangeFirst);
        }
        let states: BTreeMap<Hash, BlobState> = answer.states.into_iter().collect();
        let mut marks = Vec::new();
        for blob in page {
            match states.get(&blob.id) {
                Some(BlobState::Have) => {
                    self.summary.had = self.summary.had.saturating_add(1);
                    marks.push((blob.id, Mark::Stored { epoch }));
                }
                Some(BlobState::Refused { reason }) => {
                    self.summary.refused = self.summary.refused.saturating_add(1);
                    marks.push((blob.id, Mark::Refused(reason.clone())));
                }
                Some(BlobState::Want) => self.queue.push_back(Item { blob: *blob, offset: 0, tries: 0 }),
                Some(BlobState::Partial { offset }) if *offset <= blob.size => {
                    self.queue.push_back(Item { blob: *blob, offset: *offset, tries: 0 });
                }
                // Not answered, or with nonsense: next time.
                Some(BlobState::Partial { .. }) | None => {
                    self.summary.left = self.summary.left.saturating_add(1)
                }
            }
        }
        self.keep(marks, After::Next)
    }

    /// The next blob, or the next page of them.
    fn next(&mut self) -> Vec<Effect> {
        if !self.queue.is_empty()
            && let Some(rest) = self.rest()
        {
            return rest;
        }
        match (self.queue.pop_front(), self.more_after) {
            (Some(item), _) => self.check(item),
            (None, Some(after)) => self.load(Some(after)),
            (None, None) => {
                let summary = self.summary;
                self.finish(Finish::Done(summary))
            }
        }
    }

    fn check(&mut self, item: Item) -> Vec<Effect> {
        self.stage = Stage::Checking(item);
        vec![Effect::Check(item.blob)]
    }

    fn part(&mut self, item: Item) -> Vec<Effect> {
        if let Some(rest) = self.rest() {
            return rest;
        }
        let len = item.blob.size.saturating_sub(item.offset).min(u64::from(self.chunk));
        self.stage = Stage::Sending(item);
        vec![Effect::Send(Part { blob: item.blob, offset: item.offset, len })]
    }

    fn checked(&mut self, item: Item, state: FileState) -> Vec<Effect> {
        match state {
            FileState::Intact => self.part(item),
            FileState::Lost(cause) => self.lose(&item, cause),
        }
    }

    fn lose(&mut self, item: &Item, cause: LossCause) -> Vec<Effect> {
        self.summary.lost = self.summary.lost.saturating_add(1);
        self.keep(vec![(item.blob.id, Mark::Lost(cause))], After::Next)
    }

    /// Leaves a blob for the next run.
    fn leave(&mut self) -> Vec<Effect> {
        self.summary.left = self.summary.left.saturating_add(1);
        self.keep(Vec::new(), After::Next)
    }

    fn progressed(&mut self, item: Item, progress: BlobProgress) -> Vec<Effect> {
        let moved = progress.offset.saturating_sub(item.offset);
        self.took(progress.limits);
        self.chunk = self.chunk.saturating_mul(2).min(self.most_chunk());
        let id = item.blob.id;
        if progress.stored {
            self.summary.stored = self.summary.stored.saturating_add(1);
            let rest = item.blob.size.saturating_sub(item.offset);
            self.summary.bytes = self.summary.bytes.saturating_add(rest);
            return self.keep(vec![(id, Mark::Stored { epoch: self.epoch })], After::Next);
        }
        if progress.offset > item.blob.size {
            return self.leave();
        }
        if moved == 0 {
            return self.again(item, progress.offset);
        }
        self.summary.bytes = self.summary.bytes.saturating_add(moved);
        let item = Item { offset: progress.offset, tries: 0, ..item };
        self.keep(vec![(id, Mark::Sent(progress.offset))], After::Part(item))
    }

    /// Sends from where the server is, or leaves the blob where that was tried often enough.
    fn again(&mut self, item: Item, offset: u64) -> Vec<Effect> {
        if item.tries >= MAX_TRIES || offset > item.blob.size {
            return self.leave();
        }
        self.part(Item { offset, tries: item.tries.saturating_add(1), ..item })
    }

    fn halve(&mut self) {
        self.chunk = (self.chunk / 2).max(MIN_CHUNK_BYTES).min(self.most_chunk());
    }

    fn back_off(&mut self, least_ms: u64, reason: &str) -> Vec<Effect> {
        let wait_ms = jittered_wait_ms(self.attempt, self.jitter).saturating_add(least_ms);
        self.attempt = self.attempt.saturating_add(1);
        let finish = Finish::Backoff { wait_ms, reason: String::from(reason) };
        // A link that carries only small parts is met with small parts by the next program too.
        self.keep(Vec::new(), After::Finish(finish))
    }

    /// What a refusal means for the whole run; none where it is about one blob.
    fn refused(&mut self, refusal: &BlobRefusal) -> Option<Vec<Effect>> {
        let least_ms = refusal.retry_after_ms.unwrap_or_default();
        let reason = refusal.reason.clone();
        let finish = match refusal.code {
            RefusalCode::Epoch => Finish::ExchangeFirst,
            RefusalCode::Unauthorized => Finish::AuthNeeded { reason },
            RefusalCode::Quota => Finish::Paused { cause: Pause::Quota, wait_ms: least_ms },
            RefusalCode::TooMany | RefusalCode::Unavailable => return Some(self.back_off(least_ms, &reason)),
            _ => return None,
        };
        Some(self.finish(finish))
    }

    fn part_refused(&mut self, item: Item, refusal: BlobRefusal) -> Vec<Effect> {
        if let Some(end) = self.refused(&refusal) {
            return end;
        }
        self.summary.requests = self.summary.requests.saturating_add(1);
        match (refusal.code, refusal.offset) {
            (RefusalCode::Offset, Some(offset)) => self.again(item, offset),
            (RefusalCode::BadHash, offset) => {
                let offset = offset.unwrap_or(0);
                if item.tries >= MAX_TRIES || offset > item.blob.size {
                    return self.leave();
                }
                // The bytes may have been spoilt on the line, on the server or here: only the file tells.
                self.check(Item { offset, tries: item.tries.saturating_add(1), ..item })
            }
            // The line was cut, and somebody between could still say so.
            (RefusalCode::Malformed, _) if refusal.reason == "body_broke_off" => self.unreachable(),
            (RefusalCode::TooLarge, _) if refusal.reason == "blob_too_large" => {
                self.summary.refused = self.summary.refused.saturating_add(1);
                self.keep(vec![(item.blob.id, Mark::Refused(refusal.reason))], After::Next)
            }
            (RefusalCode::TooLarge, _) if self.chunk > MIN_CHUNK_BYTES => {
                self.halve();
                self.part(item)
            }
            _ => self.leave(),
        }
    }

    fn unreachable(&mut self) -> Vec<Effect> {
        self.halve();
        self.back_off(0, "unreachable")
    }
}

/// Moves a lane by one event. An event that does not belong to where the lane stands changes nothing.
pub fn step(lane: &mut Lane, event: Event) -> Vec<Effect> {
    match (core::mem::take(&mut lane.stage), event) {
        (_, Event::Begin { jitter, pause }) => lane.begin(jitter, pause),
        (stage, Event::Pause(cause)) => {
            (lane.stage, lane.pause) = (stage, Some(cause));
            Vec::new()
        }
        (Stage::Loading, Event::Loaded(loaded)) => lane.loaded(loaded),
        (Stage::Querying { epoch, page }, Event::Answered(reply)) => match *reply {
            BlobReply::Done(answer) => lane.queried(epoch, &page, answer),
            BlobReply::Refused(refusal) => match lane.refused(&refusal) {
                Some(end) => end,
                None => lane.finish(Finish::Refused { code: refusal.code, reason: refusal.reason }),
            },
            BlobReply::Progress(_) => lane.unreachable(),
        },
        (Stage::Checking(item) | Stage::Sending(item), Event::Checked(state)) => lane.checked(item, state),
        (Stage::Sending(item), Event::Answered(reply)) => match *reply {
            BlobReply::Progress(progress) => lane.progressed(item, progress),
            BlobReply::Refused(refusal) => lane.part_refused(item, refusal),
            BlobReply::Done(_) => lane.unreachable(),
        },
        (Stage::Querying { .. } | Stage::Sending(_), Event::Unreachable) => lane.unreachable(),
        (Stage::Keeping(after), Event::Kept) => match after {
            After::Next => lane.next(),
            After::Part(item) => lane.part(item),
            After::Finish(finish) => lane.finish(finish),
        },
        (stage, _) => {
            lane.stage = stage;
            Vec::new()
        }
    }
}
