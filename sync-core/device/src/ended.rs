//! What is left on a device of what it may no longer see: of everything when it was taken out or its person was ended, of one
//! audit when that was taken from it. Its own log is its own and stays; what of it was not sent is still sent.

use rusqlite::Connection;
use sync_core::{
    Hash, Op, codec,
    exchange::{Body, Run},
    packed::PackedOps,
};
use uuid::Uuid;

use crate::{DeviceError, rebuild::replay, store, writer::Writer};

/// Where the store remembers why its device may read no longer.
pub(crate) const ENDED: &str = "ended";

/// Lets everything go that was read from the server: streams begin anew, should the device ever be enrolled again.
pub(crate) fn purge(writer: &mut Writer<'_>, reason: &str) -> Result<(), DeviceError> {
    let conn = writer.conn;
    if store::get_meta(conn, ENDED)?.is_some() {
        return writer.flush();
    }
    overwrite_what_is_deleted(conn)?;
    for table in ["feed", "quarantine", "reference", "unplaced", "revoked"] {
        conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    conn.execute("UPDATE stream SET cursor = 0, f = ?1", [Hash::ZERO.0])?;
    store::put_meta(conn, ENDED, reason.as_bytes())?;
    replay(writer)
}

/// From here on what is deleted is overwritten in the file too.
fn overwrite_what_is_deleted(conn: &Connection) -> Result<(), DeviceError> {
    Ok(conn.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?)
}

/// Takes the ops of an audit out of the entries that were read and leaves the rest of each in its place: numbers and hashes of
/// a stream do not depend on what is kept of it.
pub(crate) fn forget_ops(conn: &Connection, audit: Uuid) -> Result<(), DeviceError> {
    overwrite_what_is_deleted(conn)?;
    let mut list = conn.prepare("SELECT stream, first, body FROM feed")?;
    let mut found: Vec<(String, u64, Run)> = Vec::new();
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(run) = run_on(&row.get::<_, Vec<u8>>(2)?, audit) {
            found.push((row.get(0)?, row.get(1)?, run));
        }
    }
    let mut keep = conn.prepare("UPDATE feed SET body = ?3 WHERE stream = ?1 AND first = ?2")?;
    for (stream, first, run) in found {
        let rest =
            without(run, audit)?.map_or_else(|| Ok(Vec::new()), |it| codec::to_cbor(&Body::Ops(it)))?;
        keep.execute((stream, first, rest))?;
    }
    let mut list = conn.prepare("SELECT dev, first, last, body FROM unplaced")?;
    let mut gone: Vec<([u8; 16], u64, u64)> = Vec::new();
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        // A run of which a part were missing would no longer stand by its signature: one that others need too stays whole.
        if run_on(&row.get::<_, Vec<u8>>(3)?, audit).is_some_and(|it| it.ops.audits.len() == 1) {
            gone.push((row.get(0)?, row.get(1)?, row.get(2)?));
        }
    }
    let mut forget = conn.prepare("DELETE FROM unplaced WHERE dev = ?1 AND first = ?2 AND last = ?3")?;
    for key in gone {
        forget.execute(key)?;
    }
    Ok(())
}

/// The run of an entry that touches an audit.
fn run_on(body: &[u8], audit: Uuid) -> Option<Run> {
    let Ok(Body::Ops(run)) = codec::from_cbor(body) else { return None };
    run.ops.audits.iter().any(|it| it.0 == audit).then_some(run)
}

fn without(run: Run, audit: Uuid) -> Result<Option<Run>, DeviceError> {
    let mut ops = run.ops.unpack_any_clock(run.dseq_first).map_err(DeviceError::corrupt)?;
    ops.retain(|it: &Op| it.audit != audit);
    let Some(dseq_first) = ops.first().map(|it| it.dseq) else { return Ok(None) };
    let seed_of = |audit: &Uuid| run.ops.audits.iter().find(|it| it.0 == *audit).and_then(|it| it.1);
    let ops = PackedOps::pack(run.dev, &ops, seed_of);
    Ok(Some(Run { dseq_first, ops, proof: None, ..run }))
}
