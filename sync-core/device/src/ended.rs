//! What is left on a device of what it may no longer see: of everything when it was taken out or its person was ended, of one
//! audit when that was taken from it. Its own log is its own and stays; what of it was not sent is still sent.

use ordered::BTreeSet;
use rusqlite::Connection;
use sync_core::{
    Hash, Op,
    codec::{self, Nested},
    exchange::{Body, RefRow, Run},
    packed::PackedOps,
    reference::TEMPLATE,
};
use uuid::Uuid;

use crate::{DeviceError, mirror, rebuild::replay, store, writer::Writer};

/// Where the store remembers why its device may read no longer.
pub(crate) const ENDED: &str = "ended";
/// How often something was taken from this device.
const CLEARED: &str = "cleared";

/// Lets everything go that was read from the server: streams begin anew, should the device ever be enrolled again. Whether there
/// was anything to let go.
pub(crate) fn purge(writer: &mut Writer<'_>, reason: &str) -> Result<bool, DeviceError> {
    let conn = writer.conn;
    if store::get_meta(conn, ENDED)?.is_some() {
        writer.flush()?;
        return Ok(false);
    }
    for table in ["feed", "quarantine", "reference", "unplaced", "placed", "revoked"] {
        conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    conn.execute("UPDATE stream SET cursor = 0, f = ?1", [Hash::ZERO.0])?;
    // Its streams do not tell any more whether the office that lets it in again is one that forgot these.
    conn.execute("UPDATE proofs SET offered = 0", [])?;
    store::put_meta(conn, ENDED, reason.as_bytes())?;
    replay(writer)?;
    Ok(true)
}

/// What entries of streams take from this device.
#[derive(Default)]
pub(crate) struct Taken {
    /// Audits that are taken away, and those that entries carry ops of.
    audits: BTreeSet<Uuid>,
    /// Rows that are withdrawn, by kind and id.
    rows: BTreeSet<(String, String)>,
    /// Whether an audit was taken away.
    revoked: bool,
}

impl Taken {
    /// Takes note of what an entry takes, or brings although it was taken before.
    pub(crate) fn note(&mut self, body: &Nested<Body>) {
        match body {
            Nested::Known(Body::Revoke(right)) => {
                self.audits.insert(right.audit);
                self.revoked = true;
            }
            Nested::Known(Body::Ops(run)) => self.audits.extend(run.ops.audits.iter().map(|it| it.0)),
            Nested::Known(Body::RefRow(row)) if is_withdrawal(row) => {
                self.rows.insert((row.kind.clone(), row.id.clone()));
            }
            _ => {}
        }
    }

    /// Whether an audit was taken away.
    pub(crate) fn has_revoked(&self) -> bool {
        self.revoked
    }

    /// Lets go of what this device may no longer see, in what it keeps of its streams too; whether there was such.
    pub(crate) fn forget(mut self, conn: &Connection) -> Result<bool, DeviceError> {
        let mut list = conn.prepare_cached("SELECT audit FROM revoked")?;
        let revoked = list.query_map([], |row| row.get(0).map(Uuid::from_bytes))?;
        let revoked: BTreeSet<Uuid> = revoked.collect::<Result<_, _>>()?;
        self.audits.retain(|it| revoked.contains(it));
        // A row that was told anew since then is there.
        for (kind, id) in std::mem::take(&mut self.rows) {
            if mirror::find(conn, &kind, &id)?.is_none() {
                self.rows.insert((kind, id));
            }
        }
        if self.audits.is_empty() && self.rows.is_empty() {
            return Ok(false);
        }
        self.clear_entries(conn)?;
        self.clear_unplaced(conn)?;
        Ok(true)
    }

    /// Leaves the rest of each entry in its place: numbers and hashes of a stream do not depend on what is kept of it.
    fn clear_entries(&self, conn: &Connection) -> Result<(), DeviceError> {
        let mut list = conn.prepare("SELECT stream, first, body FROM feed")?;
        let mut changed: Vec<(String, u64, Vec<u8>)> = Vec::new();
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            let rest = match Body::read(row.get_ref(2)?.as_blob().map_err(DeviceError::corrupt)?) {
                Ok(Body::Ops(run)) if self.touches(&run) => match self.rest_of(run)? {
                    Some(rest) => codec::to_cbor(&Body::Ops(rest))?,
                    None => Vec::new(),
                },
                Ok(Body::RefRow(it))
                    if it.json.is_some() && self.rows.contains(&(it.kind.clone(), it.id.clone())) =>
                {
                    Vec::new()
                }
                _ => continue,
            };
            changed.push((row.get(0)?, row.get(1)?, rest));
        }
        let mut keep = conn.prepare("UPDATE feed SET body = ?3 WHERE stream = ?1 AND first = ?2")?;
        for it in changed {
            keep.execute(it)?;
        }
        Ok(())
    }

    fn clear_unplaced(&self, conn: &Connection) -> Result<(), DeviceError> {
        let mut list = conn.prepare("SELECT dev, first, last, body FROM unplaced")?;
        let mut gone: Vec<([u8; 16], u64, u64)> = Vec::new();
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            // A run of which a part were missing would no longer stand by its signature: one that others need too stays whole.
            if let Ok(Body::Ops(run)) = Body::read(row.get_ref(3)?.as_blob().map_err(DeviceError::corrupt)?)
                && run.ops.audits.iter().all(|it| self.audits.contains(&it.0))
            {
                gone.push((row.get(0)?, row.get(1)?, row.get(2)?));
            }
        }
        let mut forget = conn.prepare("DELETE FROM unplaced WHERE dev = ?1 AND first = ?2 AND last = ?3")?;
        for key in gone {
            forget.execute(key)?;
        }
        Ok(())
    }

    fn touches(&self, run: &Run) -> bool {
        run.ops.audits.iter().any(|it| self.audits.contains(&it.0))
    }

    fn rest_of(&self, run: Run) -> Result<Option<Run>, DeviceError> {
        let mut ops = run.ops.unpack_any_clock(run.dseq_first).map_err(DeviceError::corrupt)?;
        ops.retain(|it: &Op| !self.audits.contains(&it.audit));
        let Some(dseq_first) = ops.first().map(|it| it.dseq) else { return Ok(None) };
        let seed_of = |audit: &Uuid| run.ops.audits.iter().find(|it| it.0 == *audit).and_then(|it| it.1);
        let ops = PackedOps::pack(run.dev, &ops, seed_of);
        Ok(Some(Run { dseq_first, ops, proof: None, ..run }))
    }
}

/// Whether a row is taken from this device. A template stays for the audits that pin it.
fn is_withdrawal(row: &RefRow) -> bool {
    row.json.is_none() && row.kind != TEMPLATE
}

/// Whether an entry takes something away, so that what came before it is no longer whole here.
pub(crate) fn takes_away(body: &Body) -> bool {
    match body {
        Body::Revoke(_) => true,
        Body::RefRow(row) => is_withdrawal(row),
        _ => false,
    }
}

/// Makes what was overwritten in the database overwritten on the disk: the file beside it still has the pages as they were.
pub(crate) fn clear_journal(conn: &Connection) -> Result<(), DeviceError> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    // That file is durable as it is now with the next commit, which must change something.
    let times = store::get_number(conn, CLEARED)?.unwrap_or(0).wrapping_add(1);
    store::put_meta(conn, CLEARED, &times.to_be_bytes())
}
