//! One exchange: checks the caller and the pushed segments, stores them durably, then answers with outcomes and pages.
//! What is costly (signatures, chains, packing) happens before the write transaction, against a head that the
//! transaction checks again.

use super::{
    blobs,
    feed::{self, Run},
    millis, project,
    pull::{self, Reader},
    receipts, redaction, relay, report,
};
use crate::{
    app::{App, rights},
    error::ApiError,
    principal::{Ended, Principal, Reach},
};
use db::{
    DbError, Micros, Tx,
    devices::{DeviceKind, DeviceState, StoredHead, StoredSegment},
};
use domain::ids::{OrgId, UserId};
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};
use sync_core::{
    Bytes, DeviceId, Hash, Head, PublicKey, SealedSegment, Segment, SegmentError, VerifiedSegment, codec,
    exchange::{
        Ending, FORK_BEFORE_ACKED, Hello, MAX_PUSHED_OPS, Outcome, PROTO, Refusal, RefusalCode, Reply,
        Request, Response, StreamId,
    },
    ingest::{self, Accepted, Enrolled, Push},
    receipt::Receipt,
    redaction::Redactions,
    reference::KeptRow,
};

/// How often a push is checked anew because the device's log grew in the meantime.
const ATTEMPTS: u32 = 4;

/// A device that may speak, as the server knows it.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) org: OrgId,
    pub(super) user: UserId,
    pub(super) dev: DeviceId,
    pub(super) key: PublicKey,
    pub(super) epoch: u64,
    /// Where the person may do field work.
    pub(super) reach: Arc<Reach>,
    /// Why the device may only hand in what it had left.
    pub(super) ended: Option<Ending>,
    /// What it says of itself; none where another device brings its log.
    pub(super) hello: Option<Hello>,
    /// Whether it brings in audits of others, and so more than a person records.
    pub(super) is_import: bool,
}

/// Who speaks.
#[derive(Debug, Clone)]
pub(crate) enum Sender {
    /// Somebody with an open session.
    Principal(Principal),
    /// A device that was taken out, or whose person was ended.
    Ended(Ended),
}

impl Sender {
    /// The device that speaks; none for a person with a browser.
    pub(crate) fn dev(&self) -> Option<DeviceId> {
        match self {
            Self::Principal(it) => it.dev,
            Self::Ended(it) => Some(it.dev),
        }
    }
}

/// Most ops of a device that was taken out, or was never enrolled here, that wait for a person: a phone in foreign hands fills no disk.
pub(super) const MAX_WAITING_OPS: u64 = 20_000;
/// When it may come again, in milliseconds.
const WAITING_RETRY_MS: u64 = 60 * 60 * 1_000;

/// Why an exchange ends early.
pub(super) enum Stop {
    /// Said to the device.
    Refused(Refusal),
    /// The head moved between check and commit: check again.
    Moved,
    Failed(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Carries out one exchange of the device behind `sender`. Blocks.
///
/// # Errors
/// Only what is the server's fault; what is wrong with the request is a [`Reply::Refused`].
pub(crate) fn exchange(app: &App, sender: &Sender, request: &Request) -> Result<Reply, ApiError> {
    match answer(app, sender, request) {
        Ok(response) => Ok(Reply::Done(response)),
        Err(Stop::Refused(refusal)) => Ok(Reply::Refused(refusal)),
        Err(Stop::Moved) => Ok(Reply::Refused(Refusal {
            retry_after_ms: Some(1_000),
            ..Refusal::new(RefusalCode::Unavailable, "log_is_moving")
        })),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn answer(app: &App, sender: &Sender, request: &Request) -> Result<Response, Stop> {
    let caller = caller(app, sender, request)?;
    request.check_bounds().map_err(Stop::Refused)?;
    // Nothing is stored with this, and the device asks again without what it is too old to read.
    if request.app_build < app.config.min_pull_build && !request.pull.is_empty() {
        return Err(Stop::Refused(Refusal::new(RefusalCode::Upgrade, "app_too_old")));
    }
    let pushed = opened(&request.push)?;
    let now = app.now();
    let redacted = app.db.read(|tx| relay::redacted(tx, caller.org, &pushed, &request.relay))?;
    // From a device that was taken out nothing of others is taken but what this office itself had redacted: nobody else may have it.
    let proofs = || -> Vec<_> { request.relay.iter().filter(|it| it.only_redacts()).cloned().collect() };
    if let Some(ending) = caller.ended {
        if pushed.is_empty() {
            relay::take_back(app, &caller, &proofs(), &redacted, now)?;
        }
        admit_ended(app, &caller, &pushed, ending)?;
    }
    let honoured = app.db.read(|tx| receipts::honoured(tx, &caller, &request.receipts))?;
    let vouched = Vouched { honoured: &honoured, redacted: &redacted };
    agrees(app, &caller, request.hello.acked)?;
    let mut attempt = 0;
    let outcomes = loop {
        attempt += 1;
        match push(app, &caller, &pushed, &vouched, now) {
            Err(Stop::Moved) if attempt < ATTEMPTS => {}
            other => break other?,
        }
    };
    // To a device that was taken out nothing is told but what became of its own log.
    let (relayed, pulls) = match caller.ended {
        None => (Cow::Borrowed(request.relay.as_slice()), request.pull.as_slice()),
        Some(_) => (Cow::Owned(proofs()), &[][..]),
    };
    relay::take_back(app, &caller, &relayed, &redacted, now)?;
    let works = !caller.reach.is_nowhere();
    let reader = Reader { org: caller.org, user: caller.user, dev: caller.dev, works };
    let (org, user, dev, ended) = (caller.org, caller.user, caller.dev, caller.ended.is_some());
    let sends = blobs::BlobCaller { org, user, dev, ended, by_operator: false };
    let (head, held, durable_through, pages, limits) = app.db.read(|tx| -> Result<_, ApiError> {
        let head = db::devices::find_head(tx, caller.org, caller.dev)?.unwrap_or_default().head.head;
        let held = if request.push.is_empty() { None } else { receipts::held(tx, &caller, head)? };
        let limits = blobs::limits(tx, app, &sends, now)?;
        let durable_through = db::devices::find_durable(tx, caller.org, caller.dev)?;
        Ok((head, held, durable_through, pull::pages(tx, &reader, pulls)?, limits))
    })?;
    if request.push.is_empty() {
        report::note_reader(app, &caller, head.dseq, now);
    }
    Ok(Response {
        epoch: caller.epoch,
        server_ms: millis(now),
        dev_head: head,
        receipt: held.map(|it| it.sign(&caller)),
        outcomes,
        pull: pages,
        limits,
        durable_through,
        min_pull_build: app.config.min_pull_build,
        ended: caller.ended,
    })
}

/// A device must be right about what it was acknowledged, as far as the server still holds that; else its log forked before.
fn agrees(app: &App, caller: &Caller, acked: Head) -> Result<(), Stop> {
    let head = app.db.read(|tx| db::devices::find_head(tx, caller.org, caller.dev))?.unwrap_or_default();
    let dev_head = head.head.head;
    if acked.dseq > dev_head.dseq
        || acked == dev_head
        || stored_hash(app, caller, acked.dseq)? == Some(acked.h)
    {
        return Ok(());
    }
    let refusal = Refusal::new(RefusalCode::Fork, FORK_BEFORE_ACKED);
    Err(Stop::Refused(Refusal { dev_head: Some(dev_head), ..refusal }))
}

fn unauthorized(reason: &str) -> Stop {
    Stop::Refused(Refusal::new(RefusalCode::Unauthorized, reason))
}

/// A pushed segment, opened, with the bytes that are stored of it: as it came.
pub(super) struct Opened {
    pub(super) segment: Segment,
    bytes: Vec<u8>,
}

impl Opened {
    /// A segment that did not come in one piece.
    ///
    /// # Errors
    /// None: every segment can be packed.
    pub(super) fn of(segment: Segment) -> Result<Self, ApiError> {
        Ok(Self { bytes: super::packed(&segment)?, segment })
    }
}

/// What comes of each, in order. They are handed out one by one by the thread that waits for them: where a worker wakes the next,
/// as an iterator of rayon does, the kernel may leave both on one core for ten milliseconds.
fn on_all_cores<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let mut done: Vec<Option<R>> = items.iter().map(|_| None).collect();
    rayon::in_place_scope(|scope| {
        for (item, place) in items.iter().zip(&mut done) {
            let each = &each;
            scope.spawn(move |_| *place = Some(each(item)));
        }
    });
    done.into_iter().flatten().collect()
}

/// Opens what is pushed, on all cores.
fn opened(push: &[SealedSegment]) -> Result<Vec<Opened>, Stop> {
    let open = |it: &SealedSegment| -> Result<Opened, Stop> {
        let refused = |error: SegmentError| Stop::Refused(Refusal::new(RefusalCode::Invalid, error.code()));
        let segment = it.open().map_err(refused)?;
        // A browser leaves it to the office to compress what is kept and relayed.
        let bytes = if it.is_uncompressed() {
            super::packed(&segment)?
        } else {
            codec::to_cbor(it).map_err(ApiError::internal)?
        };
        Ok(Opened { segment, bytes })
    };
    let all = on_all_cores(push, open).into_iter().collect::<Result<Vec<Opened>, Stop>>()?;
    let ops: usize = all.iter().map(|it| it.segment.ops.ops.len()).sum();
    if ops > MAX_PUSHED_OPS {
        return Err(Stop::Refused(Refusal::new(RefusalCode::TooLarge, "too_many_pushed")));
    }
    Ok(all)
}

/// Whether a device that was taken out may hand this in: something of its own, and not without end.
fn admit_ended(app: &App, caller: &Caller, push: &[Opened], ending: Ending) -> Result<(), Stop> {
    if push.is_empty() {
        // How far its log is here, so that it sends again what a restored server lacks; its token alone gets no receipt.
        let head = app.db.read(|tx| db::devices::find_head(tx, caller.org, caller.dev))?.unwrap_or_default();
        let refusal = Refusal::new(RefusalCode::Unauthorized, ending.name());
        return Err(Stop::Refused(Refusal { dev_head: Some(head.head.head), ..refusal }));
    }
    let waiting = app.db.read(|tx| db::quarantine::count_open(tx, caller.org, caller.dev))?;
    let pushed = push.iter().map(|it| it.segment.ops.ops.len()).sum::<usize>();
    if waiting.saturating_add(u64::try_from(pushed).unwrap_or(u64::MAX)) > MAX_WAITING_OPS {
        tracing::warn!(dev = %caller.dev, waiting, "a device that was taken out hands in more than is looked at");
        let retry_after_ms = Some(WAITING_RETRY_MS);
        let refusal = Refusal::new(RefusalCode::TooMany, "too_many_waiting");
        return Err(Stop::Refused(Refusal { retry_after_ms, ..refusal }));
    }
    Ok(())
}

fn caller(app: &App, sender: &Sender, request: &Request) -> Result<Caller, Stop> {
    if request.proto != PROTO {
        return Err(Stop::Refused(Refusal::new(RefusalCode::Upgrade, "unknown_protocol")));
    }
    let (org, user, dev, ended) = match sender {
        Sender::Principal(it) => (it.org, it.user, it.dev, None),
        Sender::Ended(it) => (it.org, it.user, Some(it.dev), Some(it.reason)),
    };
    let Some(dev) = dev else { return Err(unauthorized("not_a_device")) };
    if dev != request.dev {
        return Err(unauthorized(super::FOREIGN_DEVICE));
    }
    let (device, epoch, reach) = app.db.read(|tx| -> Result<_, ApiError> {
        let reach = match sender {
            Sender::Principal(it) => it.field_reach(tx)?,
            Sender::Ended(_) => Reach::NOWHERE,
        };
        Ok((db::devices::find(tx, org, dev)?, super::epoch(tx)?, reach))
    })?;
    let is_open = |it: &db::devices::Device| it.state == DeviceState::Active || ended.is_some();
    let Some(device) = device.filter(is_open) else {
        return Err(unauthorized(Ending::DeviceRevoked.name()));
    };
    if request.epoch.is_some_and(|it| it != epoch) {
        let known = request.epoch.unwrap_or_default();
        let succession = app.db.read(|tx| receipts::succession(tx, org, known, epoch))?;
        return Err(Stop::Refused(Refusal {
            epoch: Some(epoch),
            succession: Some(Box::new(succession)),
            ..Refusal::new(RefusalCode::Epoch, "other_epoch")
        }));
    }
    if request.epoch.is_none() && !request.push.is_empty() {
        return Err(Stop::Refused(Refusal::new(RefusalCode::Invalid, "push_without_epoch")));
    }
    let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key) };
    let is_import = device.kind == DeviceKind::Import;
    Ok(Caller {
        org,
        user,
        dev,
        key,
        epoch,
        reach: Arc::new(reach),
        ended,
        hello: Some(request.hello),
        is_import,
    })
}

/// A segment that was checked and packed, waiting for its transaction.
struct Checked {
    accepted: Accepted,
    bytes: Vec<u8>,
    received: Micros,
}

/// What this server says itself of ops that are handed in.
pub(super) struct Vouched<'a> {
    /// Its receipts for the device.
    pub(super) honoured: &'a [Receipt],
    /// What it redacted of the audits of ops that come without a value.
    pub(super) redacted: &'a Redactions,
}

/// Checks and stores what is pushed; the outcomes of ops that were not simply applied.
pub(super) fn push(
    app: &App,
    caller: &Caller,
    segments: &[Opened],
    vouched: &Vouched<'_>,
    now: Micros,
) -> Result<Vec<Outcome>, Stop> {
    if segments.is_empty() {
        return Ok(Vec::new());
    }
    let before = app.db.read(|tx| db::devices::find_head(tx, caller.org, caller.dev))?.unwrap_or_default();
    let mut checked = check(app, caller, &before, segments, vouched.redacted, now)?;
    if checked.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<&VerifiedSegment> = checked.iter().map(|it| &it.accepted.segment).collect();
    let received: Vec<Micros> =
        all.iter().map(|it| receipts::received(&all, it, vouched.honoured, now)).collect();
    for (segment, received) in checked.iter_mut().zip(received) {
        segment.received = received;
    }
    let checked = Arc::new(checked);
    let (inside, caller, stored) = (app.clone(), caller.clone(), checked.clone());
    let outcomes = app.db.write(move |tx| store(tx, &inside, &caller, &before, &stored, now));
    // Freeing so many small things takes a while, for which nobody waits.
    rayon::spawn(move || drop(checked));
    outcomes
}

fn check(
    app: &App,
    caller: &Caller,
    before: &StoredHead,
    segments: &[Opened],
    redacted: &Redactions,
    now: Micros,
) -> Result<Vec<Checked>, Stop> {
    let (key, org, epoch) = (&caller.key, caller.org.0, caller.epoch);
    let enrolled = Enrolled { key, org, epoch, redactions: Some(redacted) };
    let mut head = before.head;
    let mut checked: Vec<Checked> = Vec::with_capacity(segments.len());
    let verified = on_all_cores(segments, |it| ingest::verify_pushed(&it.segment, &enrolled));
    for (it, verified) in segments.iter().zip(verified) {
        let verified = verified.map_err(|it| Stop::Refused(Refusal::new(RefusalCode::Invalid, it.code())))?;
        let pending = |dseq| checked.iter().rev().find_map(|it| it.accepted.segment.hash_at(dseq));
        let stored = |dseq| match pending(dseq) {
            Some(h) => Ok(Some(h)),
            None => stored_hash(app, caller, dseq),
        };
        match ingest::place(&head, verified, stored)? {
            Push::Refused(refusal) => return Err(Stop::Refused(refusal)),
            Push::Duplicate => {}
            Push::Accepted(accepted) => {
                head = accepted.head;
                checked.push(Checked { accepted, bytes: it.bytes.clone(), received: now });
            }
        }
    }
    Ok(checked)
}

/// The chain hash that the server holds at a position of the device's log.
///
/// # Errors
/// Those of the database.
pub(super) fn stored_hash(app: &App, caller: &Caller, dseq: u64) -> Result<Option<Hash>, ApiError> {
    if dseq == 0 {
        return Ok(Some(Hash::ZERO));
    }
    let found = app.db.read(|tx| db::devices::find_segment(tx, caller.org, caller.dev, dseq))?;
    let Some(stored) = found else { return Ok(None) };
    let chained = super::read_segment(&stored)?.chained_as_kept(caller.dev).map_err(ApiError::internal)?;
    Ok(chained.hash_at(dseq))
}

fn store(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    before: &StoredHead,
    checked: &[Checked],
    now: Micros,
) -> Result<Vec<Outcome>, Stop> {
    let held = db::devices::lock_head(tx, caller.org, caller.dev)?.unwrap_or_default();
    if held != *before {
        return Err(Stop::Moved);
    }
    let Caller { org, user, dev, ended, .. } = *caller;
    // As the person's rights stand now: whoever takes them waits for this, or this for them.
    rights::lock(tx, org, user)?;
    let reach = rights::field_reach(tx, org, user)?;
    let trust = match ended {
        None => project::Trust::Author(&reach),
        Some(ending) => project::Trust::Nobody(ending.name()),
    };
    let touched = || checked.iter().flat_map(|it| it.accepted.segment.ops.iter().map(|op| op.audit));
    let redactions = redaction::known(tx, org, touched())?;
    let cleaned: Vec<Option<Checked>> =
        checked.iter().map(|it| cleaned(dev, &redactions, it)).collect::<Result<_, _>>()?;
    let kept: Vec<&Checked> =
        checked.iter().zip(&cleaned).map(|(it, cleaned)| cleaned.as_ref().unwrap_or(it)).collect();
    let (mut outcomes, mut said_again) = (Vec::new(), BTreeSet::new());
    // What a device says again after a restore has arrived when it first did; all else arrives at once.
    for together in kept.chunk_by(|a, b| a.received == b.received) {
        let Some(received) = together.first().map(|it| it.received) else { continue };
        let accepted: Vec<&Accepted> = together.iter().map(|it| &it.accepted).collect();
        for it in &accepted {
            said_again.extend(redaction::said_again(dev, &redactions, &it.segment.ops));
        }
        let source = project::Source { org, user, dev, now, received, trust };
        let append = |tx: &mut Tx<'_>| append(tx, caller, together, received);
        outcomes.extend(project::project(tx, app, &source, &accepted, append)?);
    }
    if let Some(last) = checked.last() {
        let head = StoredHead { head: last.accepted.head, forked: held.forked };
        db::devices::set_head(tx, caller.org, caller.dev, &head)?;
        let new_ops = checked.iter().map(|it| it.accepted.new_ops().len()).sum::<usize>();
        let told = (u64::try_from(new_ops).unwrap_or(u64::MAX), head.head.head.dseq);
        report::note(tx, caller, told, app.config.phone_day_ops, now)?;
    }
    // The visits are locked by now: a redaction that came in between is seen here.
    if redaction::known(tx, org, touched())? != redactions {
        return Err(Stop::Moved);
    }
    for audit in said_again {
        redaction::settle(tx, org, audit, now)?;
    }
    Ok(outcomes)
}

/// Appends segments to the device's log and to the stream of its user.
fn append(tx: &mut Tx<'_>, caller: &Caller, segments: &[&Checked], received: Micros) -> Result<(), ApiError> {
    let Caller { org, user, dev, ended, epoch, .. } = *caller;
    let run = |it: &&Checked| {
        let last = it.accepted.head.head;
        Run { dev, first: it.accepted.from, last: last.dseq, h: last.h }
    };
    let runs: Vec<Run> = segments.iter().map(run).collect();
    // What a device that was taken out hands in stands in no stream before a person takes it in.
    let numbers = match ended {
        None => feed::publish_all(tx, org, StreamId::User(user.0), &runs, received)?,
        Some(_) => vec![0; runs.len()],
    };
    // Such a device learns from its own head what is here; who brings the log of another one has only its stream.
    if let (Some(Ending::DeviceUnknown), Some(last)) = (ended, runs.last()) {
        let kept = KeptRow { dev, through: last.last, h: last.h };
        feed::publish_kept(tx, org, user, &kept, false, received)?;
    }
    let rows = runs.iter().zip(segments).zip(numbers).map(|((run, it), sseq)| StoredSegment {
        dev,
        first_dseq: run.first,
        last_dseq: run.last,
        h: run.h,
        epoch,
        received_at: received,
        bytes: it.bytes.clone(),
        sseq,
    });
    Ok(db::devices::append_segments(tx, org, &rows.collect::<Vec<_>>())?)
}

/// A segment without what was redacted; none where it may be stored as it came.
fn cleaned(dev: DeviceId, redactions: &Redactions, checked: &Checked) -> Result<Option<Checked>, ApiError> {
    let cleaned = redaction::cleaned(dev, redactions, &checked.bytes)?;
    Ok(cleaned.map(|(bytes, segment)| {
        let accepted = Accepted { segment, ..checked.accepted.clone() };
        Checked { accepted, bytes, received: checked.received }
    }))
}
