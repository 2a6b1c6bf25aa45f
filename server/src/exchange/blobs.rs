//! The server's half of the blob lane (`sync_core::blob`): what it has of the blobs that a device would send, and the parts
//! that it takes. Nothing is told as stored before its bytes hash to its id, lie durably in the store, and are committed.

use crate::{
    app::{App, upkeep::DAY_MICROS},
    blob_store::{BlobFile, Part, PartKey},
    error::ApiError,
    exchange::Sender,
    principal::Principal,
};
use db::{
    DbError, Micros, Tx,
    blobs::{self, Blob, Picture},
    devices::{DeviceKind, DeviceState},
    redactions::{self, RedactedBlob},
};
use domain::{
    access::{Permission, Target},
    ids::{OrgId, UserId},
};
use std::io;
use sync_core::{
    DeviceId, Hash,
    blob::{BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState},
    exchange::{Limits, PROTO, RefusalCode},
    payload::BlobRef,
};

/// When somebody comes again where the disk is full.
pub(crate) const FULL_RETRY_SECONDS: u32 = 15 * 60;
/// What is left to a device that has no quota.
const UNLIMITED: u64 = u64::MAX >> 1;
/// Bytes that a device which was taken out may send in a day: a phone in foreign hands fills no disk.
const ENDED_DAY_BYTES: u64 = 200_000_000;
/// What [`Limits::pause`] says to hold blobs back.
const PAUSE: &str = "blobs";

/// A part of a blob, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'a> {
    pub(crate) blob: BlobRef,
    pub(crate) offset: u64,
    /// The hash that came with it.
    pub(crate) hash: Hash,
    pub(crate) bytes: &'a [u8],
}

/// Why a request of the lane ends early.
enum Stop {
    Refused(BlobRefusal),
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

fn refused<T>(code: RefusalCode, reason: &str) -> Result<T, Stop> {
    Err(Stop::Refused(BlobRefusal::new(code, reason)))
}

fn at_offset<T>(code: RefusalCode, reason: &str, offset: u64) -> Result<T, Stop> {
    Err(Stop::Refused(BlobRefusal { offset: Some(offset), ..BlobRefusal::new(code, reason) }))
}

fn reply(outcome: Result<BlobReply, Stop>) -> Result<BlobReply, ApiError> {
    match outcome {
        Ok(reply) => Ok(reply),
        Err(Stop::Refused(refusal)) => Ok(BlobReply::Refused(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Tells what is stored of the blobs that a device would send. Blocks.
///
/// # Errors
/// Only what is the server's fault.
pub(crate) fn query(app: &App, sender: &Sender, query: &BlobQuery) -> Result<BlobReply, ApiError> {
    reply(answer(app, sender, query))
}

fn answer(app: &App, sender: &Sender, query: &BlobQuery) -> Result<BlobReply, Stop> {
    if query.proto != PROTO {
        return refused(RefusalCode::Upgrade, "unknown_protocol");
    }
    let caller = caller(app, sender)?;
    let (org, dev) = (caller.org, caller.dev);
    if dev != query.dev {
        return refused(RefusalCode::Unauthorized, super::FOREIGN_DEVICE);
    }
    query.check_bounds().map_err(Stop::Refused)?;
    let now = app.now();
    let ids: Vec<Hash> = query.blobs.iter().map(|it| it.id).collect();
    let (epoch, stored, unwanted, limits) = app.db.read(|tx| -> Result<_, ApiError> {
        let mut unwanted = Vec::new();
        for id in &ids {
            if !caller.may_send(tx, *id)? {
                unwanted.push(*id);
            }
        }
        let mut stored = blobs::stored(tx, org, &ids)?;
        // Nobody is asked for what was redacted.
        stored.extend(redactions::blobs_among(tx, org, &ids)?);
        Ok((super::epoch(tx)?, stored, unwanted, limits(tx, app, &caller, now)?))
    })?;
    if query.epoch != epoch {
        return Err(Stop::Refused(BlobRefusal {
            epoch: Some(epoch),
            ..BlobRefusal::new(RefusalCode::Epoch, "other_epoch")
        }));
    }
    let mut states = Vec::with_capacity(ids.len());
    for blob in &query.blobs {
        let state = if unwanted.contains(&blob.id) {
            BlobState::Refused { reason: NOT_AWAITED.to_owned() }
        } else if stored.contains(&blob.id) {
            BlobState::Have
        } else if blob.size > limits.blob_bytes {
            BlobState::Refused { reason: "blob_too_large".to_owned() }
        } else {
            let key = PartKey { org, dev, blob: *blob };
            // All of it may be here and not yet be stored, after a crash: the device sends an empty last part.
            match app.blobs.parts().held(&key).map_err(ApiError::internal)? {
                Some(offset) if offset > 0 => BlobState::Partial { offset },
                _ => BlobState::Want,
            }
        };
        states.push((blob.id, state));
    }
    Ok(BlobReply::Done(BlobAnswer { epoch, states, limits }))
}

/// Takes a part of a blob, and stores the blob with its last part. Blocks.
///
/// # Errors
/// Only what is the server's fault.
pub(crate) fn take(app: &App, sender: &Sender, chunk: &Chunk<'_>) -> Result<BlobReply, ApiError> {
    reply(take_chunk(app, sender, chunk))
}

fn take_chunk(app: &App, sender: &Sender, chunk: &Chunk<'_>) -> Result<BlobReply, Stop> {
    take_of(app, &caller(app, sender)?, chunk)
}

/// Takes a part of a blob that the operator brings in a file, as if its device had sent it; what a part of before held is put aside.
///
/// # Errors
/// Only what is the server's fault.
pub(super) fn bring(app: &App, caller: &BlobCaller, chunk: &Chunk<'_>) -> Result<BlobReply, ApiError> {
    let key = PartKey { org: caller.org, dev: caller.dev, blob: chunk.blob };
    let parts = app.blobs.parts();
    if chunk.offset == 0 && parts.held(&key).map_err(ApiError::internal)?.is_some() {
        parts.open(&key).and_then(Part::remove).map_err(ApiError::internal)?;
    }
    reply(take_of(app, caller, chunk))
}

fn take_of(app: &App, caller: &BlobCaller, chunk: &Chunk<'_>) -> Result<BlobReply, Stop> {
    let (org, dev, now, size) = (caller.org, caller.dev, app.now(), chunk.blob.size);
    let (wanted, stored, limits) = app.db.read(|tx| -> Result<_, ApiError> {
        let wanted = caller.may_send(tx, chunk.blob.id)?;
        let stored = blobs::find(tx, org, chunk.blob.id)?.map(|it| it.size);
        let is_redacted = stored.is_none() && is_redacted(tx, org, chunk.blob.id)?;
        Ok((wanted, stored.or(is_redacted.then_some(size)), limits(tx, app, caller, now)?))
    })?;
    if !wanted {
        return refused(RefusalCode::NotFound, NOT_AWAITED);
    }
    if let Some(stored) = stored {
        return Ok(progress(stored, true, limits));
    }
    let added = check_chunk(chunk, &limits)?;
    let key = PartKey { org, dev, blob: chunk.blob };
    // Of what adds nothing no file is made.
    if app.blobs.parts().held(&key).map_err(ApiError::internal)?.is_none() && size > 0 {
        check_addition(app, chunk, (0, added), &limits, now)?;
        if added == 0 {
            return Ok(progress(0, false, limits));
        }
    }
    let mut part = app.blobs.parts().open(&key).map_err(no_room)?;
    let held = part.held();
    // What is here whole, and was not stored before a crash, is stored whatever comes.
    if held < size {
        check_addition(app, chunk, (held, added), &limits, now)?;
        part.append(chunk.bytes, now.0).map_err(no_room)?;
        app.db.write(move |tx| blobs::add_usage(tx, org, dev, day(now), added))?;
    }
    let held = part.held();
    let stored = held == size;
    if stored {
        store(app, &key, part, now)?;
    }
    let limits = app.db.read(|tx| self::limits(tx, app, caller, now))?;
    Ok(progress(held, stored, limits))
}

fn is_redacted(tx: &mut Tx<'_>, org: OrgId, blob: Hash) -> Result<bool, ApiError> {
    Ok(!redactions::blobs_among(tx, org, &[blob])?.is_empty())
}

fn progress(offset: u64, stored: bool, limits: Limits) -> BlobReply {
    BlobReply::Progress(BlobProgress { offset, stored, limits })
}

/// Checks what needs no look at what is held; how many bytes the part has.
fn check_chunk(chunk: &Chunk<'_>, limits: &Limits) -> Result<u64, Stop> {
    let added = u64::try_from(chunk.bytes.len()).unwrap_or(u64::MAX);
    if chunk.blob.size > limits.blob_bytes {
        return refused(RefusalCode::TooLarge, "blob_too_large");
    }
    if added > u64::from(limits.chunk_bytes) {
        return refused(RefusalCode::TooLarge, "chunk_too_large");
    }
    if chunk.offset.checked_add(added).is_none_or(|end| end > chunk.blob.size) {
        return refused(RefusalCode::Invalid, "beyond_size");
    }
    Ok(added)
}

/// Refuses what does not continue what is held, and what there is no room for.
fn check_addition(
    app: &App,
    chunk: &Chunk<'_>,
    (held, added): (u64, u64),
    limits: &Limits,
    now: Micros,
) -> Result<(), Stop> {
    if chunk.offset != held {
        return at_offset(RefusalCode::Offset, "offset", held);
    }
    if Hash::of(chunk.bytes) != chunk.hash {
        return at_offset(RefusalCode::BadHash, "bad_chunk_hash", held);
    }
    check_room(app, added, limits, now)
}

/// Refuses what the disk or the device's day has no room for.
fn check_room(app: &App, added: u64, limits: &Limits, now: Micros) -> Result<(), Stop> {
    if !has_room(app)? {
        return Err(Stop::Refused(full()));
    }
    if added > limits.quota_left {
        let left = DAY_MICROS.saturating_sub(now.0.rem_euclid(DAY_MICROS));
        let retry_after_ms = u64::try_from(left / 1_000).ok();
        return Err(Stop::Refused(BlobRefusal {
            retry_after_ms,
            ..BlobRefusal::new(RefusalCode::Quota, "quota_used_up")
        }));
    }
    Ok(())
}

/// Stores a blob whose parts are all here. A crash anywhere in between is mended by the next part or query: the bytes are
/// verified again and put in place of what lies there, and only the committed row says that they are stored.
fn store(app: &App, key: &PartKey, part: Part, now: Micros) -> Result<(), Stop> {
    app.blobs.alone(key.org, key.blob.id, || store_alone(app, key, part, now))
}

fn store_alone(app: &App, key: &PartKey, mut part: Part, now: Micros) -> Result<(), Stop> {
    let blob = key.blob;
    let verified = app.blobs.in_turn(|| {
        let bytes = part.bytes().map_err(ApiError::internal)?;
        if Hash::of(&bytes) != blob.id {
            return Ok(false);
        }
        app.blobs.put(key.org, blob.id, BlobFile::Original, bytes)?;
        Ok(true)
    })?;
    if !verified {
        part.remove().map_err(ApiError::internal)?;
        return at_offset(RefusalCode::BadHash, "bad_blob_hash", 0);
    }
    let org = key.org;
    let new = Blob {
        blob: blob.id,
        size: blob.size,
        dev: key.dev,
        stored_at: now,
        picture: Picture::Pending,
        attempts: 0,
        reason: None,
        mime: None,
        width: None,
        height: None,
        taken_at: None,
        latitude_e7: None,
        longitude_e7: None,
        look: None,
    };
    let is_redacted = app.db.write(move |tx| -> Result<_, ApiError> {
        let is_redacted = is_redacted(tx, org, new.blob)?;
        if is_redacted {
            let again = RedactedBlob { blob: new.blob, redacted_at: now, purged: false };
            redactions::append_blobs(tx, org, &[again])?;
        } else {
            blobs::append(tx, org, &new)?;
        }
        Ok(is_redacted)
    })?;
    part.remove().map_err(ApiError::internal)?;
    if is_redacted {
        app.purge_redacted(org)?;
    }
    app.photos.notify_one();
    Ok(())
}

/// What a device is told that it may send now.
///
/// # Errors
/// Those of the database and the file system.
pub(super) fn limits(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &BlobCaller,
    now: Micros,
) -> Result<Limits, ApiError> {
    let BlobCaller { org, dev, ended, by_operator, .. } = *caller;
    let most = if ended { ENDED_DAY_BYTES } else { u64::MAX };
    let allowed = app.config.blob_day_bytes.min(most);
    let is_import =
        db::devices::find(tx, org, dev)?.is_some_and(|it| it.kind == DeviceKind::Import && !ended);
    let quota_left = match is_import || by_operator {
        true => UNLIMITED,
        false => allowed.saturating_sub(blobs::find_usage(tx, org, dev, day(now))?),
    };
    let pause = if quota_left == 0 || !has_room(app)? { vec![PAUSE.to_owned()] } else { Vec::new() };
    Ok(Limits { blob_bytes: app.config.blob_max_bytes, quota_left, pause, ..Limits::default() })
}

/// Whether the disk has more room than what is kept free on it.
///
/// # Errors
/// Where the file system does not tell.
pub(crate) fn has_room(app: &App) -> Result<bool, ApiError> {
    Ok(app.blobs.free_bytes()? >= app.config.blob_reserve_bytes)
}

fn day(now: Micros) -> i64 {
    now.0.div_euclid(DAY_MICROS)
}

fn full() -> BlobRefusal {
    BlobRefusal {
        retry_after_ms: Some(u64::from(FULL_RETRY_SECONDS) * 1_000),
        ..BlobRefusal::new(RefusalCode::Unavailable, "storage_full")
    }
}

fn no_room(error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Stop::Refused(full()),
        io::ErrorKind::ResourceBusy => Stop::Refused(BlobRefusal {
            retry_after_ms: Some(1_000),
            ..BlobRefusal::new(RefusalCode::Unavailable, "blob_is_moving")
        }),
        _ => Stop::Failed(ApiError::internal(error)),
    }
}

/// What is said of a blob that nothing of a device which was taken out names.
const NOT_AWAITED: &str = "blob_not_awaited";

/// The device that sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobCaller {
    pub(super) org: OrgId,
    pub(super) user: UserId,
    pub(super) dev: DeviceId,
    /// Whether it was taken out, or its person was ended: then it sends what its ops name and no more.
    pub(super) ended: bool,
    /// Whether the operator brings what it has: that has no quota.
    pub(super) by_operator: bool,
}

impl BlobCaller {
    fn may_send(&self, tx: &mut Tx<'_>, blob: Hash) -> Result<bool, DbError> {
        Ok(!self.ended || blobs::is_awaited(tx, self.org, (self.user, self.dev), blob)?)
    }
}

fn caller(app: &App, sender: &Sender) -> Result<BlobCaller, Stop> {
    match sender {
        Sender::Principal(it) => Ok(BlobCaller {
            org: it.org,
            user: it.user,
            dev: device(app, it)?,
            ended: false,
            by_operator: false,
        }),
        Sender::Ended(it) => {
            Ok(BlobCaller { org: it.org, user: it.user, dev: it.dev, ended: true, by_operator: false })
        }
    }
}

/// The device that asks.
fn device(app: &App, principal: &Principal) -> Result<DeviceId, Stop> {
    let Some(dev) = principal.dev else { return refused(RefusalCode::Unauthorized, "not_a_device") };
    let device = app.db.read(|tx| db::devices::find(tx, principal.org, dev))?;
    if device.is_none_or(|it| it.state != DeviceState::Active) {
        return refused(RefusalCode::Unauthorized, "device_revoked");
    }
    Ok(dev)
}

/// The size of a blob that a device may read: one that an audit of its person counts on.
///
/// # Errors
/// Only what is the server's fault; the refusal is a value.
pub(crate) fn readable(
    app: &App,
    principal: &Principal,
    blob: Hash,
) -> Result<Result<u64, BlobRefusal>, ApiError> {
    let find = || -> Result<u64, Stop> {
        device(app, principal)?;
        if !principal.may(Permission::FieldWork, &Target::Own) {
            return refused(RefusalCode::NotFound, "no_such_blob");
        }
        let found = app.db.read(|tx| -> Result<_, ApiError> {
            let is_own = blobs::is_of_auditor(tx, principal.org, principal.user, blob)?;
            if is_own { Ok(blobs::find(tx, principal.org, blob)?) } else { Ok(None) }
        })?;
        match found {
            Some(found) => Ok(found.size),
            None => refused(RefusalCode::NotFound, "no_such_blob"),
        }
    };
    match find() {
        Ok(size) => Ok(Ok(size)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}
