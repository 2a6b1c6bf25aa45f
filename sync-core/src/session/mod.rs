//! The device's half of the protocol as a state machine: events in, effects out. Owns what is sent next, what an answer
//! means and when to stop; reads and writes nothing itself. `device` executes the effects, each in its own transaction.
//!
//! ```text
//! Begin -> Load -> Loaded -> Sign* -> Send -> Answered -> FindHashes? -> Commit -> Committed -> (Load ... | Finish)
//! ```
//! A process may die between any two of these: nothing but what [`Effect::Commit`] stored is remembered, and every step
//! before it can be repeated.

mod event;
mod feed;

use alloc::{boxed::Box, collections::VecDeque, string::String, vec, vec::Vec};
use core::cmp::Reverse;
use ordered::BTreeMap;
use uuid::Uuid;

use crate::{
    Hash, Seed,
    bytes::Bytes,
    chain::Head,
    codec,
    exchange::{
        ClockReading, Ending, FORK_BEFORE_ACKED, Hello, Limits, MAX_PULL_BYTES, MAX_PUSHED_SEGMENTS, PROTO,
        Pull, Refusal, RefusalCode, Reply, Request, Response, Run, RunId,
    },
    packed::PackError,
    sealed::{Effort, SEALED_BYTES, SEALED_OPS, SealedSegment},
    segment::{self, Segment, SegmentError},
};

pub use event::{
    Commit, Cursor, Effect, Event, Finish, Identity, Link, Loaded, RecoverCause, Sealed, Summary, marks,
};

/// The least that a request is cut down to, in bytes before compression.
pub const MIN_BUDGET_BYTES: usize = 64 * 1024;
/// The longest wait between attempts, in milliseconds.
pub const MAX_WAIT_MS: u64 = 15 * 60 * 1_000;
const FIRST_WAIT_MS: u64 = 1_000;
const SEGMENTS_PER_REQUEST: usize = 16;
/// Bytes of ops that come to at least one byte on the line: what zstd makes of answers of pseudo-words is a quarter.
const PACKED_TO: usize = 4;
/// How often in one run a server may turn out to hold less than was agreed.
const MAX_REWINDS: u32 = 4;

#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    Resting,
    Loading,
    Signing {
        loaded: Box<Loaded>,
        waiting: VecDeque<(SealedSegment, Head)>,
        ready: Vec<SealedSegment>,
        last: Head,
    },
    Sending {
        loaded: Box<Loaded>,
        last: Head,
    },
    Checking {
        loaded: Box<Loaded>,
        expected: Vec<(u64, Hash)>,
        commit: Box<Commit>,
        rewind: bool,
    },
    Committing {
        more: bool,
    },
}

/// How long to wait after so many failures: anywhere up to a ceiling that doubles (full jitter), so that phones that failed
/// together do not return together.
pub(crate) fn jittered_wait_ms(attempt: u32, jitter: u32) -> u64 {
    let ceiling = FIRST_WAIT_MS.saturating_mul(1 << attempt.min(20)).min(MAX_WAIT_MS);
    ceiling.saturating_mul(u64::from(jitter)) >> 32
}

/// Bytes of ops, before compression, that fit a request.
fn most_bytes(limits: &Limits) -> usize {
    let packed = usize::try_from(limits.body_bytes).unwrap_or(MIN_BUDGET_BYTES);
    packed.saturating_mul(PACKED_TO).max(MIN_BUDGET_BYTES)
}

/// One device's link to its server.
#[derive(Debug, Clone)]
pub struct Session {
    identity: Identity,
    link: Link,
    stage: Stage,
    limits: Limits,
    /// Bytes of ops that a request may carry now.
    budget: usize,
    attempt: u32,
    rewinds: u32,
    /// A server that did not know where a stream stood is told earlier positions next time.
    with_marks: bool,
    push_only: bool,
    /// Runs of others that were too large for whatever lies between, even with nothing else in the request.
    too_large: Vec<RunId>,
    /// Why the device may read no longer.
    ended: Option<Ending>,
    clock: ClockReading,
    jitter: u32,
    summary: Summary,
}

impl Session {
    /// A link at rest.
    pub fn new(identity: Identity) -> Self {
        let limits = Limits::default();
        let budget = most_bytes(&limits);
        Self {
            identity,
            link: Link::Idle,
            stage: Stage::Resting,
            limits,
            budget,
            attempt: 0,
            rewinds: 0,
            with_marks: false,
            push_only: false,
            too_large: Vec::new(),
            ended: None,
            clock: ClockReading::default(),
            jitter: 0,
            summary: Summary::default(),
        }
    }

    /// Where the link stands.
    pub fn link(&self) -> Link {
        self.link
    }

    /// What the server last announced.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn load(&mut self) -> Vec<Effect> {
        self.stage = Stage::Loading;
        let seg_ops = usize::try_from(self.limits.seg_ops).unwrap_or(1).max(1);
        let max_ops = seg_ops.saturating_mul(SEGMENTS_PER_REQUEST);
        let seg_bytes = usize::try_from(self.limits.seg_bytes).unwrap_or(0);
        let sealed = seg_ops >= SEALED_OPS && seg_bytes >= SEALED_BYTES;
        let without = self.too_large.clone();
        vec![Effect::Load { max_ops, max_bytes: self.budget, marks: self.with_marks, sealed, without }]
    }

    fn finish(&mut self, link: Link, finish: Finish) -> Vec<Effect> {
        self.stage = Stage::Resting;
        self.link = link;
        vec![Effect::Finish(finish)]
    }

    fn recover(&mut self, cause: RecoverCause) -> Vec<Effect> {
        self.finish(Link::Recover, Finish::Recover(cause))
    }

    fn back_off(&mut self, least_ms: u64, reason: &str) -> Vec<Effect> {
        let wait_ms = jittered_wait_ms(self.attempt, self.jitter);
        self.attempt = self.attempt.saturating_add(1);
        let wait_ms = wait_ms.saturating_add(least_ms);
        self.finish(Link::Backoff, Finish::Backoff { wait_ms, reason: String::from(reason) })
    }

    /// The segments for loaded ops, unsigned, each with the head after it.
    fn cut(&self, loaded: &Loaded) -> Result<VecDeque<(SealedSegment, Head)>, SegmentError> {
        let seeds: BTreeMap<Uuid, Seed> = loaded.seeds.iter().copied().collect();
        let max_ops = usize::try_from(self.limits.seg_ops).unwrap_or(1).clamp(1, segment::MAX_SEGMENT_OPS);
        let max_bytes = usize::try_from(self.limits.seg_bytes).unwrap_or(MIN_BUDGET_BYTES).min(self.budget);
        let mut segments: VecDeque<(SealedSegment, Head)> =
            loaded.sealed.iter().map(|it| (it.segment.clone(), it.last)).collect();
        let mut prev = loaded.sealed.last().map_or(loaded.acked, |it| it.last);
        let mut rest = loaded.ops.as_slice();
        while !rest.is_empty() && segments.len() < MAX_PUSHED_SEGMENTS {
            let mut bytes = 0_usize;
            // Never across a receipt: each part has arrived when its receipt says.
            let receipt = loaded.receipts.iter().map(|it| it.head.dseq).find(|it| *it > prev.dseq);
            let fits = rest.iter().take(max_ops).take_while(|op| {
                bytes = bytes.saturating_add(op.approximate_bytes());
                bytes <= max_bytes && receipt.is_none_or(|end| op.dseq <= end)
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            let seed_of = |audit: &Uuid| seeds.get(audit).copied();
            let (segment, last) =
                Segment::unsigned(self.identity.dev, prev, now, self.identity.alg, seed_of)?;
            let sealed = SealedSegment::of(&segment, Effort::Quick)
                .map_err(|_| SegmentError::Packed(PackError::Opened))?;
            segments.push_back((sealed, last));
            (prev, rest) = (last, later);
        }
        Ok(segments)
    }

    fn loaded(&mut self, loaded: Box<Loaded>) -> Vec<Effect> {
        // Without the server's epoch nothing can be signed: the first contact only learns it.
        if loaded.epoch.is_none() {
            let last = loaded.acked;
            return self.send(Box::new(Loaded { relay: Vec::new(), ..*loaded }), Vec::new(), last);
        }
        match self.cut(&loaded) {
            Ok(waiting) => {
                let last = loaded.acked;
                self.sign_next(loaded, waiting, Vec::new(), last)
            }
            Err(e) => {
                let reason = String::from(e.code());
                self.finish(Link::Idle, Finish::Refused { code: RefusalCode::Invalid, reason })
            }
        }
    }

    fn sign_next(
        &mut self,
        loaded: Box<Loaded>,
        waiting: VecDeque<(SealedSegment, Head)>,
        ready: Vec<SealedSegment>,
        last: Head,
    ) -> Vec<Effect> {
        let Some((segment, head)) = waiting.front() else { return self.send(loaded, ready, last) };
        let epoch = loaded.epoch.unwrap_or_default();
        let bytes =
            segment::signing_bytes(&self.identity.org, &self.identity.dev, epoch, segment.first, head);
        self.stage = Stage::Signing { loaded, waiting, ready, last };
        vec![Effect::Sign(bytes)]
    }

    fn send(&mut self, loaded: Box<Loaded>, push: Vec<SealedSegment>, last: Head) -> Vec<Effect> {
        let limit_bytes = u64::try_from(self.budget).unwrap_or(MAX_PULL_BYTES).min(MAX_PULL_BYTES);
        let push_only = self.push_only || self.ended.is_some();
        let pull = |it: &Cursor| Pull {
            stream: it.stream,
            after: it.after,
            f: it.f,
            limit_bytes,
            marks: it.marks.clone(),
        };
        let request = Request {
            proto: PROTO,
            app_build: self.identity.app_build,
            dev: self.identity.dev,
            epoch: loaded.epoch,
            hello: Hello {
                head: loaded.head,
                acked: loaded.acked,
                clock: self.clock,
                pending: loaded.pending,
            },
            push,
            pull: if push_only { Vec::new() } else { loaded.cursors.iter().map(pull).collect() },
            relay: self.relayed(&loaded).cloned().collect(),
            receipts: loaded.receipts.iter().filter(|it| it.head.dseq <= last.dseq).cloned().collect(),
        };
        self.stage = Stage::Sending { loaded, last };
        vec![Effect::Send(Box::new(request))]
    }

    /// What is brought of others: of a device that was taken out only what proves its own log.
    fn relayed<'a>(&self, loaded: &'a Loaded) -> impl Iterator<Item = &'a Run> + use<'a> {
        let ended = self.ended.is_some();
        loaded.relay.iter().filter(move |it| !ended || it.only_redacts())
    }

    /// Leaves out the larger half of what was brought of others; whether there was any that is not left out already.
    fn leave_out(&mut self, loaded: &Loaded) -> bool {
        let size = |run: &Run| codec::to_cbor(run).map_or(usize::MAX, |it| it.len());
        let mut found: Vec<(usize, RunId)> = self.relayed(loaded).map(|it| (size(it), it.id())).collect();
        found.retain(|it| !self.too_large.contains(&it.1));
        found.sort_unstable_by_key(|it| Reverse(it.0));
        let half = found.len().div_ceil(2);
        self.too_large.extend(found.iter().take(half).map(|it| it.1));
        half > 0
    }

    fn answered(&mut self, loaded: Box<Loaded>, last: Head, response: Response) -> Vec<Effect> {
        self.attempt = 0;
        self.summary.exchanges = self.summary.exchanges.saturating_add(1);
        self.budget = self.budget.saturating_mul(2).min(most_bytes(&response.limits));
        self.limits = response.limits.clone();
        if loaded.epoch.is_some_and(|known| known != response.epoch) {
            return self.recover(RecoverCause::Epoch);
        }
        if !self.is_receipted(&loaded, &response) {
            return self.recover(RecoverCause::Receipt);
        }
        let read = match feed::check_pages(&loaded.cursors, response.pull) {
            Ok(read) => read,
            Err(cause) => return self.recover(cause),
        };
        self.with_marks = read.unknown;
        self.ended = response.ended;
        let commit = Commit {
            acked: response.dev_head,
            epoch: Some(response.epoch),
            server_key: None,
            server_ms: Some(response.server_ms),
            durable_through: response.durable_through,
            receipt: response.receipt,
            outcomes: response.outcomes,
            rewinds: read.rewinds,
            offered: self.relayed(&loaded).map(Run::id).collect(),
            pages: read.pages,
            ended: response.ended,
        };
        self.check(loaded, read.own, Box::new(commit), last)
    }

    /// Whether the server's key signed what it says it holds. Nothing more than before is taken for stored without.
    fn is_receipted(&self, loaded: &Loaded, response: &Response) -> bool {
        let Some(key) = &loaded.server_key else { return true };
        let Some(receipt) = &response.receipt else {
            // Beyond the own log stands a fork, which shows by its hash.
            return response.dev_head.dseq <= loaded.acked.dseq || response.dev_head.dseq > loaded.head.dseq;
        };
        let said = (receipt.epoch, receipt.dev, receipt.head);
        said == (response.epoch, self.identity.dev, response.dev_head)
            && receipt.verify(&self.identity.org, key).is_ok()
    }

    /// Compares what the server says of the own log with the own log, where that is not plain already.
    fn check(
        &mut self,
        loaded: Box<Loaded>,
        own: Vec<(u64, Hash)>,
        commit: Box<Commit>,
        last: Head,
    ) -> Vec<Effect> {
        let mut claims = own;
        let rewind = commit.acked.dseq < loaded.acked.dseq || !commit.rewinds.is_empty();
        if commit.acked != last {
            claims.push((commit.acked.dseq, commit.acked.h));
        }
        claims.retain(|it| *it != (last.dseq, last.h));
        if claims.is_empty() {
            return self.commit(&loaded, commit, rewind);
        }
        let positions = claims.iter().map(|it| it.0).collect();
        self.stage = Stage::Checking { loaded, expected: claims, commit, rewind };
        vec![Effect::FindHashes(positions)]
    }

    fn commit(&mut self, loaded: &Loaded, commit: Box<Commit>, rewind: bool) -> Vec<Effect> {
        if rewind || self.with_marks {
            self.rewinds = self.rewinds.saturating_add(1);
            if self.rewinds > MAX_REWINDS {
                return self.recover(RecoverCause::Rewind);
            }
        }
        let items: usize = commit.pages.iter().map(|it| it.items.len()).sum();
        let pushed = commit.acked.dseq.saturating_sub(loaded.acked.dseq);
        self.summary.pushed = self.summary.pushed.saturating_add(pushed);
        self.summary.pulled = self.summary.pulled.saturating_add(u64::try_from(items).unwrap_or(0));
        let moved = rewind
            || self.with_marks
            || !commit.offered.is_empty()
            || pushed > 0
            || items > 0
            || loaded.epoch.is_none();
        let unsent = commit.acked.dseq < loaded.head.dseq;
        let unread = !commit.rewinds.is_empty() || commit.pages.iter().any(|it| it.more);
        // What was relayed comes back with the next page.
        let wanted = unsent || unread || self.with_marks || !commit.offered.is_empty() || loaded.more_relay;
        let wanted = if self.ended.is_some() { unsent } else { wanted };
        if wanted && !moved {
            return self.back_off(FIRST_WAIT_MS, "no_progress");
        }
        self.stage = Stage::Committing { more: wanted };
        vec![Effect::Commit(commit)]
    }

    fn refused(&mut self, loaded: Box<Loaded>, last: Head, refusal: Refusal) -> Vec<Effect> {
        let reason = refusal.reason;
        match (refusal.code, refusal.dev_head) {
            (RefusalCode::Unauthorized, dev_head) if Ending::of_name(&reason).is_some() => {
                self.ended = Ending::of_name(&reason);
                self.ended_at(loaded, dev_head)
            }
            (RefusalCode::Unauthorized, _) => self.finish(Link::AuthNeeded, Finish::AuthNeeded { reason }),
            // A refusal is no receipt: it never acknowledges more.
            (RefusalCode::Gap | RefusalCode::Fork | RefusalCode::PrevMismatch, Some(dev_head))
                if dev_head.dseq > loaded.acked.dseq =>
            {
                // Told apart by the server: it was asked about `acked` too.
                let before = reason == FORK_BEFORE_ACKED;
                self.recover(if before { RecoverCause::ForkBeforeAcked } else { RecoverCause::Fork })
            }
            (RefusalCode::Gap | RefusalCode::Fork | RefusalCode::PrevMismatch, Some(dev_head)) => {
                let commit = Commit { acked: dev_head, epoch: loaded.epoch, ..Commit::default() };
                // Where the own log agrees at that position, sending goes on from there; else it is a fork.
                self.stage = Stage::Checking {
                    loaded,
                    expected: vec![(dev_head.dseq, dev_head.h)],
                    commit: Box::new(commit),
                    rewind: true,
                };
                vec![Effect::FindHashes(vec![dev_head.dseq])]
            }
            (RefusalCode::Epoch, _) => {
                // Restored: what it holds now shows in its next answers. A server that changes its mind is not followed.
                self.rewinds = self.rewinds.saturating_add(1);
                let epoch =
                    refusal.epoch.filter(|it| loaded.epoch != Some(*it) && self.rewinds <= MAX_REWINDS);
                if epoch.is_none() {
                    return self.recover(RecoverCause::Epoch);
                }
                let succession = refusal.succession.filter(|it| Some(it.epoch) == epoch);
                if let Some(known) = &loaded.server_key
                    && succession.as_ref().is_none_or(|it| it.verify(&self.identity.org, known).is_err())
                {
                    return self.recover(RecoverCause::Key);
                }
                let server_key = succession.map(|it| it.key);
                self.stage = Stage::Committing { more: true };
                let commit = Commit { acked: loaded.acked, epoch, server_key, ..Commit::default() };
                vec![Effect::Commit(Box::new(commit))]
            }
            (RefusalCode::TooLarge, _)
                if self.budget > MIN_BUDGET_BYTES && (last != loaded.acked || !loaded.relay.is_empty()) =>
            {
                self.budget = (self.budget / 2).max(MIN_BUDGET_BYTES);
                self.load()
            }
            // Nobody's own work waits for what cannot be brought of others.
            (RefusalCode::TooLarge, _) if self.leave_out(&loaded) => self.load(),
            (RefusalCode::Upgrade, _) if !self.push_only => {
                self.push_only = true;
                self.load()
            }
            (RefusalCode::TooMany | RefusalCode::Unavailable, _) => {
                self.back_off(refusal.retry_after_ms.unwrap_or_default(), &reason)
            }
            (code, _) => self.finish(Link::Idle, Finish::Refused { code, reason }),
        }
    }

    /// The end of the right to read: what was mirrored goes, and what a restored server lacks of the own log is sent again.
    fn ended_at(&mut self, loaded: Box<Loaded>, dev_head: Option<Head>) -> Vec<Effect> {
        let (acked, epoch) = (loaded.acked, loaded.epoch);
        let commit = Commit { acked, epoch, ended: self.ended, ..Commit::default() };
        let Some(head) = dev_head.filter(|it| it.dseq < acked.dseq && self.rewinds < MAX_REWINDS) else {
            self.stage = Stage::Committing { more: false };
            return vec![Effect::Commit(Box::new(commit))];
        };
        let (expected, commit) = (vec![(head.dseq, head.h)], Box::new(Commit { acked: head, ..commit }));
        self.stage = Stage::Checking { loaded, expected, commit, rewind: true };
        vec![Effect::FindHashes(vec![head.dseq])]
    }

    fn found(&mut self, found: &[Option<Hash>]) -> Vec<Effect> {
        let Stage::Checking { loaded, expected, commit, rewind } = core::mem::take(&mut self.stage) else {
            return Vec::new();
        };
        let agrees = |(at, claim): (usize, &(u64, Hash))| found.get(at) == Some(&Some(claim.1));
        let mut wrong = expected.iter().enumerate().filter(|it| !agrees(*it)).map(|it| it.1.0).peekable();
        if wrong.peek().is_none() {
            self.commit(&loaded, commit, rewind)
        } else if commit.ended.is_some() {
            // Another log than the server's: nothing of it can be sent, and nothing of others stays.
            self.ended_at(loaded, None)
        } else if wrong.any(|dseq| dseq <= loaded.acked.dseq) {
            self.recover(RecoverCause::ForkBeforeAcked)
        } else {
            self.recover(RecoverCause::Fork)
        }
    }

    fn committed(&mut self, more: bool) -> Vec<Effect> {
        if more {
            return self.load();
        }
        if let Some(ending) = self.ended.take() {
            let reason = String::from(ending.name());
            return self.finish(Link::AuthNeeded, Finish::AuthNeeded { reason });
        }
        self.summary.push_only = self.push_only;
        let link = if self.push_only { Link::PushOnly } else { Link::Idle };
        let summary = self.summary;
        self.finish(link, Finish::Done(summary))
    }
}

/// Moves a session by one event. An event that does not belong to where the session stands (a late answer after a new
/// [`Event::Begin`], say) changes nothing.
pub fn step(session: &mut Session, event: Event) -> Vec<Effect> {
    match (core::mem::take(&mut session.stage), event) {
        (_, Event::Begin { clock, jitter }) => {
            session.link = Link::Exchange;
            (session.clock, session.jitter) = (clock, jitter);
            (session.summary, session.rewinds) = (Summary::default(), 0);
            (session.with_marks, session.push_only, session.ended) = (false, false, None);
            session.too_large.clear();
            session.load()
        }
        (Stage::Loading, Event::Loaded(loaded)) => session.loaded(loaded),
        (Stage::Signing { loaded, mut waiting, mut ready, mut last }, Event::Signed(sig)) => {
            if let Some((mut segment, head)) = waiting.pop_front() {
                segment.sig = Bytes::from(sig);
                ready.push(segment);
                last = head;
            }
            session.sign_next(loaded, waiting, ready, last)
        }
        (Stage::Sending { loaded, last }, Event::Answered(reply)) => match *reply {
            Reply::Done(response) => session.answered(loaded, last, response),
            Reply::Refused(refusal) => session.refused(loaded, last, refusal),
        },
        (Stage::Sending { .. }, Event::Unreachable) => {
            session.budget = (session.budget / 2).max(MIN_BUDGET_BYTES);
            session.back_off(0, "unreachable")
        }
        (stage @ Stage::Checking { .. }, Event::HashesFound(found)) => {
            session.stage = stage;
            session.found(&found)
        }
        (Stage::Committing { more }, Event::Committed) => session.committed(more),
        (stage, _) => {
            session.stage = stage;
            Vec::new()
        }
    }
}
