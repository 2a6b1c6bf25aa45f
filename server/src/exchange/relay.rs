//! Runs of others that a device relays after this server was restored: a lost phone's ops, and the server's own commands. Each
//! carries the proof that it is its author's; what cannot be taken changes nothing and is not asked for again, since the phone
//! that relays it keeps it.

use super::{
    feed,
    ingest::{Caller, MAX_WAITING_OPS, Opened, Stop, Vouched, push, stored_hash},
    project, pull, redaction,
};
use crate::{
    app::{App, rights},
    error::ApiError,
};
use db::{
    Micros, Tx,
    devices::{Device, DeviceKind, DeviceState},
    former::FormerRun,
};
use domain::ids::{AuditId, OrgId, UserId};
use std::collections::BTreeSet;
use sync_core::{
    Bytes, DeviceId, Head, Kind, Op, PublicKey, Segment, VerifiedSegment, codec,
    exchange::{Ending, RefusalCode, Run, StreamId},
    ingest::{self, Accepted, DeviceHead, redacted_by_the_server},
    packed::PackedOps,
    redaction::Redactions,
    reference::KeptRow,
    relay::{Proof, server_secret},
    signature::SigningKey,
};

/// Devices of a person beyond which no other one is made known by a phone.
const MAX_DEVICES: u32 = 100;
/// Runs of a second log that are kept of one device.
const MAX_RUNS: u64 = 1_000;
/// How often a run is tried anew because its author's log grew in the meantime.
const ATTEMPTS: u32 = 4;

/// Takes back what stands by itself and continues what is here.
///
/// # Errors
/// Those of the database.
pub(super) fn take_back(
    app: &App,
    caller: &Caller,
    runs: &[Run],
    redacted: &Redactions,
    now: Micros,
) -> Result<(), ApiError> {
    let (mut forged, mut has_redacted) = (Vec::new(), false);
    // What the office said of a visit comes after those who made it.
    let mut ordered = runs.iter().filter(|it| !it.server).chain(runs.iter().filter(|it| it.server));
    let taken = ordered.try_for_each(|run| -> Result<(), ApiError> {
        let kept = run.verify_as_kept(&caller.org.0);
        match (kept.and_then(|it| redacted_by_the_server(it, Some(redacted))), &run.proof) {
            (Ok(verified), Some(proof)) if run.server => {
                has_redacted |= of_the_server(app, caller, run, proof, verified, now)?;
            }
            (Ok(verified), Some(_)) if run.evidence => keep(app, caller, run, verified.last(), now)?,
            (Ok(verified), Some(proof)) => {
                let fits = of_a_device(app, caller, run, proof, redacted, now)?;
                if fits == Fits::Not || (fits == Fits::Gap && goes_on_beside(app, caller, run, proof)?) {
                    // Another log of the device stands here. What this one says its author signed no less: a person can see it.
                    let run = Run { evidence: true, ..run.clone() };
                    keep(app, caller, &run, verified.last(), now)?;
                }
            }
            (Err(reason), _) => forged.push((run.dev, reason)),
            (Ok(_), None) => {}
        }
        Ok(())
    });
    // As where a person asks for it, and also where a later run failed: nothing of the values stays on pages that are free.
    if has_redacted && let Err(error) = app.db.clear_free_pages() {
        tracing::warn!(%error, "what failed commands wrote is still there");
    }
    if let Some((author, reason)) = forged.first() {
        let (count, reason) = (forged.len(), reason.code());
        tracing::warn!(dev = %caller.dev, forged = count, %author, reason, "a device relays runs that are not what they say");
    }
    taken
}

/// What a renewed device of the same person gave up of its former log, or what somebody read of a log that goes on otherwise here;
/// what stands in the log is no evidence of a second one.
fn keep(app: &App, caller: &Caller, run: &Run, last: Head, now: Micros) -> Result<(), ApiError> {
    let (org, user, brought_by) = (caller.org, caller.user, caller.dev);
    let kept = FormerRun {
        dev: run.dev,
        first_dseq: run.dseq_first,
        last_dseq: last.dseq,
        h: last.h,
        brought_by,
        received_at: now,
        bytes: codec::to_cbor(run).map_err(ApiError::internal)?,
    };
    let run = run.clone();
    app.db.write(move |tx| {
        // What the office itself said to redact may come at the same time from another phone.
        rights::lock(tx, org, user)?;
        // A redaction holds the logs that it cleans: either it finds this run, or it is known here.
        db::devices::lock_head(tx, org, run.dev)?;
        let known = author(tx, org, user, &run, now)?;
        if known.is_none() || stands(tx, org, kept.dev, last)? {
            return Ok(());
        }
        if db::former::count_runs(tx, org, kept.dev)? >= MAX_RUNS {
            tracing::warn!(dev = %kept.dev, "more of a second log than is looked at; its phone keeps the rest");
            return Ok(());
        }
        let known = redaction::known(tx, org, audits(&run.ops))?;
        let mut kept = kept.clone();
        if let Some(cleaned) = redaction::cleaned_run(&known, &run)? {
            kept.bytes = codec::to_cbor(&cleaned).map_err(ApiError::internal)?;
        }
        if db::former::keep_run(tx, org, &kept)? {
            let row = KeptRow { dev: run.dev, through: last.dseq, h: last.h };
            feed::publish_kept(tx, org, user, &row, true, now)?;
        }
        Ok(())
    })
}

/// Whether a run fits the log of its author as it stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    /// It is there now, or it is none that can be looked at.
    Yes,
    /// What goes before is not here.
    Gap,
    /// The log goes on otherwise.
    Not,
}

/// Whether a run follows on one that is kept beside the log.
fn goes_on_beside(app: &App, caller: &Caller, run: &Run, proof: &Proof) -> Result<bool, ApiError> {
    let (org, dev, before) = (caller.org, run.dev, run.dseq_first.saturating_sub(1));
    Ok(app.db.read(|tx| db::former::ends_at(tx, org, dev, before, proof.prev_h))?)
}

/// As if the author had pushed it; whether it fits.
fn of_a_device(
    app: &App,
    caller: &Caller,
    run: &Run,
    proof: &Proof,
    redacted: &Redactions,
    now: Micros,
) -> Result<Fits, ApiError> {
    let (org, user, dev) = (caller.org, caller.user, run.dev);
    let found = app.db.read(|tx| db::devices::find(tx, org, dev))?;
    let device = match found {
        // The caller's stream holds the ops of the caller's own devices only.
        Some(known) => Some(known).filter(|it| it.user_id == Some(user)),
        None => {
            let run = run.clone();
            app.db.write(move |tx| author(tx, org, user, &run, now))?
        }
    };
    let Some(device) = device else { return Ok(Fits::Yes) };
    // That it is this person's is only said by another phone: somebody looks at what it wrote.
    let ended = match device.is_enrolled() {
        true => caller.ended.filter(|_| caller.dev == dev),
        false => Some(Ending::DeviceUnknown),
    };
    if ended.is_some() && !may_wait(app, caller, run)? {
        tracing::warn!(by = %caller.dev, %dev, "more of an unknown device than is looked at; its phone keeps the rest");
        return Ok(Fits::Yes);
    }
    let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key) };
    let reach = caller.reach.clone();
    let is_import = device.kind == DeviceKind::Import;
    let author = Caller { org, user, dev, key, epoch: proof.epoch, reach, ended, hello: None, is_import };
    let Some(segment) = signed_segment(app, &author, run, proof)? else { return Ok(Fits::Yes) };
    // What of the segment is here already was vouched for then.
    let mut known = app.db.read(|tx| redaction::known(tx, org, audits(&segment.ops)))?;
    known.extend(redacted);
    let vouched = Vouched { honoured: &[], redacted: &known };
    let pushed = [Opened::of(segment)?];
    for _ in 0..ATTEMPTS {
        match push(app, &author, &pushed, &vouched, now) {
            Err(Stop::Moved) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Refused(refusal)) => {
                tracing::warn!(by = %caller.dev, %dev, reason = &refusal.reason, "a relayed run does not fit");
                return Ok(match refusal.code {
                    RefusalCode::Fork | RefusalCode::PrevMismatch => Fits::Not,
                    RefusalCode::Gap => Fits::Gap,
                    _ => Fits::Yes,
                });
            }
            Ok(_) => return Ok(Fits::Yes),
        }
    }
    Ok(Fits::Yes)
}

/// The device of the caller's person that wrote a run; none where it is somebody else's. An office made from a copy may not know
/// it, since it was enrolled later: whoever brings its log makes it known, as one that was never enrolled here.
fn author(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    run: &Run,
    now: Micros,
) -> Result<Option<Device>, ApiError> {
    if let Some(known) = db::devices::find(tx, org, run.dev)? {
        return Ok(Some(known).filter(|it| it.user_id == Some(user)));
    }
    let Some(key) = &run.key else { return Ok(None) };
    let others = db::devices::list(tx, org, Some(user), None, MAX_DEVICES)?;
    if others.next.is_some() {
        tracing::warn!(dev = %run.dev, "a run of an unknown device of somebody who has very many");
        return Ok(None);
    }
    tracing::warn!(dev = %run.dev, at = now.0, "a run of a device that was never enrolled here");
    let device = Device {
        dev: run.dev,
        user_id: Some(user),
        kind: DeviceKind::Phone,
        alg: key.alg,
        public_key: key.key.to_vec(),
        name: DeviceKind::Phone.as_str().to_owned(),
        state: DeviceState::Active,
        enrolled_at: Device::NEVER,
        revoked_at: None,
    };
    db::devices::append(tx, org, &device)?;
    Ok(Some(device))
}

/// Whether what a device wrote that was never enrolled here may wait for a person.
fn may_wait(app: &App, caller: &Caller, run: &Run) -> Result<bool, ApiError> {
    let waiting = app.db.read(|tx| db::quarantine::count_open(tx, caller.org, run.dev))?;
    let brought = u64::try_from(run.ops.ops.len()).unwrap_or(u64::MAX);
    Ok(waiting.saturating_add(brought) <= MAX_WAITING_OPS)
}

/// The segment that the author signed; none where its beginning is neither in the run nor here.
fn signed_segment(app: &App, author: &Caller, run: &Run, proof: &Proof) -> Result<Option<Segment>, ApiError> {
    let before = proof.first.saturating_sub(1);
    let last_earlier = run.dseq_first.saturating_sub(1);
    if last_earlier == before {
        let prev = Head { dseq: before, h: proof.prev_h };
        return Ok(run.signed_segment(prev, &[], |_| None).ok());
    }
    let Some(h) = stored_hash(app, author, before)? else { return Ok(None) };
    let earlier = app.db.read(|tx| {
        let head = db::devices::find_head(tx, author.org, author.dev)?.unwrap_or_default();
        if head.head.head.dseq < last_earlier {
            return Ok(None);
        }
        pull::run(tx, author.org, author.dev, (proof.first, last_earlier)).map(Some)
    })?;
    let Some(earlier) = earlier else { return Ok(None) };
    let ops = earlier.ops.unpack(proof.first).map_err(ApiError::internal)?;
    let seed_of = |audit: &uuid::Uuid| earlier.ops.seed(audit);
    Ok(run.signed_segment(Head { dseq: before, h }, &ops, seed_of).ok())
}

/// What the server itself had written: it keeps its place in the auditor's stream and in the audits, not in the log, which
/// since then went on without it or was closed. Whether something was redacted by it.
fn of_the_server(
    app: &App,
    caller: &Caller,
    run: &Run,
    proof: &Proof,
    verified: VerifiedSegment,
    now: Micros,
) -> Result<bool, ApiError> {
    let (inside, run, epoch) = (app.clone(), run.clone(), proof.epoch);
    let (org, user) = (caller.org, caller.user);
    let hlc = verified.ops.last().map_or(0, |it| it.hlc);
    let head = DeviceHead { head: verified.last(), hlc };
    let accepted = Accepted { from: run.dseq_first, skip: 0, head, segment: verified };
    app.db.write(move |tx| {
        let stream = StreamId::User(user.0);
        // Whoever begins a visit meanwhile waits for this, or this for them.
        rights::lock(tx, org, user)?;
        // So does whoever redacts something of these.
        let named: Vec<AuditId> = audits(&run.ops).map(AuditId).collect();
        for part in named.chunks(usize::try_from(db::MAX_PAGE).unwrap_or(1)) {
            db::audits::lock_many(tx, org, part)?;
        }
        if !is_own(tx, org, &run, epoch, now)? || is_held(tx, org, stream, &run, head.head)? {
            return Ok(false);
        }
        let redacted = redaction::note(tx, org, &accepted.segment.ops)?;
        let known = redaction::known(tx, org, audits(&run.ops))?;
        let cleaned = redaction::cleaned_run(&known, &run)?;
        let run = cleaned.as_ref().unwrap_or(&run);
        let segment = run.verify_as_kept(&org.0).map_err(ApiError::internal)?;
        let accepted = Accepted { segment, ..accepted.clone() };
        feed::publish_returned(tx, org, stream, run, head.head.h, now)?;
        let trust = project::Trust::Server;
        let source = project::Source { org, user, dev: run.dev, now, received: now, trust };
        project::project(tx, &inside, &source, &[&accepted], |_| Ok(()))?;
        let has_redacted = !redacted.is_empty();
        redacted.into_iter().try_for_each(|audit| redaction::settle(tx, org, audit, now))?;
        Ok(has_redacted)
    })
}

/// Takes up what the office had said of audits that are begun only now: a phone brought it back before they were here.
///
/// # Errors
/// Those of the database, and stored data that cannot be read.
pub(super) fn take_up(
    tx: &mut Tx<'_>,
    app: &App,
    source: &project::Source<'_>,
    begun: &[AuditId],
) -> Result<(), ApiError> {
    if begun.is_empty() {
        return Ok(());
    }
    let (org, stream) = (source.org, StreamId::User(source.user.0));
    let (new, mut redacted): (BTreeSet<AuditId>, _) = (begun.iter().copied().collect(), BTreeSet::new());
    for entry in db::feed::list_returned(tx, org, stream, begun)? {
        let payload = entry.payload.as_deref().unwrap_or_default();
        let run: Run = codec::from_cbor(payload).map_err(ApiError::internal)?;
        let ops = run.ops.unpack(run.dseq_first).map_err(ApiError::internal)?;
        let ops: Vec<&Op> = ops.iter().filter(|it| new.contains(&AuditId(it.audit))).collect();
        redacted.extend(ops.iter().filter(|it| it.kind == Kind::Redact).map(|it| AuditId(it.audit)));
        let seeds = run.ops.audits.iter().filter_map(|it| Some((it.0, it.1?))).collect();
        let (received, trust) = (entry.received_at, project::Trust::Server);
        let source = project::Source { dev: run.dev, received, trust, ..*source };
        project::apply(tx, app, &source, ingest::by_audit(ops), &seeds, |_| Ok(()))?;
    }
    redacted.into_iter().try_for_each(|audit| redaction::let_go_of_blobs(tx, org, audit, source.now))
}

fn audits(ops: &PackedOps) -> impl Iterator<Item = uuid::Uuid> {
    ops.audits.iter().map(|it| it.0)
}

/// What this server redacted of the audits of which somebody hands in ops without their value: as it knows, and as the request
/// itself brings it under the server's own signature, since a copy may not know what phones do.
///
/// # Errors
/// Those of the database.
pub(super) fn redacted(
    tx: &mut Tx<'_>,
    org: OrgId,
    pushed: &[Opened],
    relayed: &[Run],
) -> Result<Redactions, ApiError> {
    let all = pushed.iter().map(|it| &it.segment.ops).chain(relayed.iter().map(|it| &it.ops));
    let without: Vec<uuid::Uuid> = all.filter(|it| it.has_redacted()).flat_map(audits).collect();
    if without.is_empty() {
        return Ok(Redactions::default());
    }
    let mut redacted = redaction::known(tx, org, without)?;
    for run in relayed.iter().filter(|it| it.server) {
        let (Ok(verified), Some(proof)) = (run.verify_as_kept(&org.0), &run.proof) else { continue };
        if !matches!(own_key(tx, org, run, proof.epoch)?, OwnKey::No) {
            verified.ops.iter().for_each(|it| redacted.add_named(it));
        }
    }
    Ok(redacted)
}

/// Whether a key is the server's own.
enum OwnKey {
    Known,
    /// It is the one of a restore that this copy does not know.
    New(PublicKey),
    No,
}

fn own_key(tx: &mut Tx<'_>, org: OrgId, run: &Run, epoch: u64) -> Result<OwnKey, ApiError> {
    if let Some(device) = db::devices::find(tx, org, run.dev)? {
        return Ok(if device.kind == DeviceKind::Server { OwnKey::Known } else { OwnKey::No });
    }
    let keys = db::organizations::list_server_keys(tx, org)?;
    let Some(first) = keys.first() else { return Ok(OwnKey::No) };
    let key = SigningKey::from_secret(&server_secret_of(&first.secret_key.0, epoch)?).public_key();
    Ok(if key.device() == run.dev { OwnKey::New(key) } else { OwnKey::No })
}

/// Whether the server signed it, perhaps after a restore that this copy does not know; then that key is made known.
fn is_own(tx: &mut Tx<'_>, org: OrgId, run: &Run, epoch: u64, now: Micros) -> Result<bool, ApiError> {
    let key = match own_key(tx, org, run, epoch)? {
        OwnKey::Known => return Ok(true),
        OwnKey::New(key) => key,
        OwnKey::No => {
            tracing::warn!(dev = %run.dev, "a relayed run is signed by no key of this server");
            return Ok(false);
        }
    };
    let device = Device {
        dev: run.dev,
        user_id: None,
        kind: DeviceKind::Server,
        alg: key.alg,
        public_key: key.key.to_vec(),
        name: "server".to_owned(),
        state: DeviceState::Revoked,
        enrolled_at: now,
        revoked_at: Some(now),
    };
    db::devices::append(tx, org, &device)?;
    Ok(true)
}

/// The secret with which the server signs from an epoch on, out of the organization's first one.
///
/// # Errors
/// A stored key that is none.
pub(crate) fn server_secret_of(first: &[u8], epoch: u64) -> Result<[u8; 32], ApiError> {
    let first: &[u8; 32] =
        first.try_into().map_err(|_| ApiError::internal("the server key is not 32 bytes"))?;
    server_secret(first, epoch).ok_or_else(|| ApiError::internal("no key for an epoch"))
}

/// Whether the run stands in the server's log or in the stream already.
fn is_held(tx: &mut Tx<'_>, org: OrgId, stream: StreamId, run: &Run, last: Head) -> Result<bool, ApiError> {
    if db::feed::holds(tx, org, stream, run.dev, last.h)? {
        return Ok(true);
    }
    stands(tx, org, run.dev, last)
}

/// Whether a device's log here goes through this head.
fn stands(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, last: Head) -> Result<bool, ApiError> {
    let Some(stored) = db::devices::find_segment(tx, org, dev, last.dseq)? else { return Ok(false) };
    let chained = super::read_segment(&stored)?.chained_as_kept(dev).map_err(ApiError::internal)?;
    Ok(chained.hash_at(last.dseq) == Some(last.h))
}
