//! What devices say of themselves, for people to see one that went silent with work on it. Owns how often it is noted, and when a
//! device is flagged for how much it sends; its ops are taken all the same.

use super::ingest::Caller;
use crate::{
    app::{App, upkeep::DAY_MICROS},
    error::ApiError,
};
use db::{
    Micros, Tx,
    reports::{self, DeviceReport},
};
use sync_core::exchange::Hello;

/// How often a device is noted that only reads and has nothing new to say, in microseconds.
const EVERY_MICROS: i64 = 15 * 60 * 1_000_000;
/// The largest number that is kept of what a device says: any it may say, no more than a column holds.
const MOST: u64 = u64::MAX >> 1;

/// Notes what a device says with `new_ops` ops, after which `head` is the end of its log here. Of a device whose log another one
/// brings there is nothing to note.
///
/// # Errors
/// Those of the database.
pub(super) fn note(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (new_ops, head): (u64, u64),
    day_quota: u64,
    now: Micros,
) -> Result<(), ApiError> {
    let Some(hello) = &caller.hello else { return Ok(()) };
    let before = reports::find(tx, caller.org, caller.dev)?;
    let day = u64::try_from(now.0.div_euclid(DAY_MICROS)).unwrap_or(0);
    let counted = before.as_ref().filter(|it| it.day == day).map_or(0, |it| it.day_ops);
    let day_ops = counted.saturating_add(new_ops);
    let mut over_quota_at = before.and_then(|it| it.over_quota_at);
    if !caller.is_import && new_ops > 0 && day_ops > day_quota {
        if counted <= day_quota {
            tracing::warn!(dev = %caller.dev, day_ops, "a device sends more ops than a phone does in a day");
        }
        over_quota_at = Some(now);
    }
    let [pending_ops, pending_blobs, pending_bytes] = pending(hello, head);
    let report = DeviceReport {
        dev: caller.dev,
        seen_at: now,
        wall_ms: hello.clock.wall_ms.min(MOST),
        pending_ops,
        pending_blobs,
        pending_bytes,
        day,
        day_ops,
        over_quota_at,
    };
    Ok(reports::upsert(tx, caller.org, &report)?)
}

/// Notes what a device says that sends nothing, where it is something new or was not noted for a while. That it could not be
/// noted is no reason to keep an answer from it.
pub(super) fn note_reader(app: &App, caller: &Caller, head: u64, now: Micros) {
    let Some(hello) = caller.hello else { return };
    let is_known = |it: DeviceReport| {
        now.0.saturating_sub(it.seen_at.0) < EVERY_MICROS
            && [it.pending_ops, it.pending_blobs, it.pending_bytes] == pending(&hello, head)
    };
    let before = app.db.read(|tx| reports::find(tx, caller.org, caller.dev));
    let quota = app.config.phone_day_ops;
    let speaker = caller.clone();
    let done = match before.map(|it| it.is_some_and(is_known)) {
        Ok(true) => return,
        Ok(false) => app.db.write(move |tx| note(tx, &speaker, (0, head), quota, now)),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = done {
        tracing::warn!(dev = %caller.dev, %error, "what a device says of itself was not noted");
    }
}

/// What a device has not sent: ops, blobs and their bytes. Of ops the two ends of its log tell, since it spoke before they came.
fn pending(hello: &Hello, head: u64) -> [u64; 3] {
    let ops = hello.head.dseq.saturating_sub(head);
    [ops, hello.pending.blobs, hello.pending.bytes].map(|it| it.min(MOST))
}
