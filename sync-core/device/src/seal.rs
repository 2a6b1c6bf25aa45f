//! Segments made while the log grows: once there are enough ops for one, they are chained, compressed and kept beside the log, so
//! that a phone that was long without a network sends at once what it has. Owns that copy; the log alone is the truth.

use rusqlite::Connection;
use sync_core::{
    Bytes, Hash, Head, SealedSegment,
    sealed::{Effort, SEALED_BYTES, SEALED_OPS, mac},
    session::Sealed,
};

use crate::{
    DeviceError,
    store::{self, Device},
};

impl Device {
    /// Tells from how many ops on a segment is made ready, at least 1 and at most [`SEALED_OPS`], which is meant untold.
    pub fn seal_from(&mut self, ops: usize) {
        self.seal_from = ops.clamp(1, SEALED_OPS);
    }

    /// Seals what has grown long enough. Whatever fails, the log stands without it.
    pub(crate) fn seal(&self) -> Result<(), DeviceError> {
        let acked = store::get_head(&self.conn, "acked")?.dseq;
        let mut last = self.conn.prepare_cached("SELECT max(last) FROM sealed")?;
        let sealed: Option<u64> = last.query_row([], |row| row.get(0))?;
        let mut before = acked.max(sealed.unwrap_or(0));
        let enough = u64::try_from(self.seal_from).unwrap_or(u64::MAX);
        while self.head.dseq.saturating_sub(before) >= enough {
            let Some(last) = self.seal_after(before, acked)? else { return Ok(()) };
            before = last;
        }
        Ok(())
    }

    /// Seals one segment; none where the log does not hang together there, which is for an exchange to tell.
    fn seal_after(&self, before: u64, acked: u64) -> Result<Option<u64>, DeviceError> {
        let mut ops = self.log_after(before, self.seal_from)?;
        let (mut bytes, mut next) = (0_usize, 0_usize);
        let fits = ops.iter().take_while(|op| {
            next = bytes.saturating_add(op.approximate_bytes());
            let fits = next <= SEALED_BYTES && !op.is_redacted();
            bytes = if fits { next } else { bytes };
            fits
        });
        ops.truncate(fits.count());
        let (Some(prev_h), Some(op)) = (self.hash_at(before)?, ops.last()) else { return Ok(None) };
        let stored = self.hash_at(op.dseq)?;
        let Ok((segment, last)) = self.unsigned_segment(Head { dseq: before, h: prev_h }, &ops) else {
            return Ok(None);
        };
        if stored != Some(last.h) {
            return Ok(None);
        }
        let sealed = SealedSegment::of(&segment, Effort::Thorough)?;
        let mac = mac(&self.key.secret, &sealed, &last);
        let tx = self.conn.unchecked_transaction()?;
        tx.prepare_cached("DELETE FROM sealed WHERE last <= ?1")?.execute([acked])?;
        tx.prepare_cached(
            "INSERT INTO sealed (first, last, prev_h, h, bytes, ops, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((sealed.first, last.dseq, prev_h.0, last.h.0, bytes, &*sealed.ops, mac.map(|it| it.0)))?;
        tx.commit()?;
        Ok(Some(last.dseq))
    }

    /// The sealed segments that go on from what is acknowledged, as many as fit, which makes less of the room (ops, bytes). What
    /// the disk changed is not among them.
    pub(crate) fn sealed(
        &self,
        acked: Head,
        (ops, bytes): (&mut usize, &mut usize),
    ) -> Result<Vec<Sealed>, DeviceError> {
        let mut list = self.conn.prepare_cached(
            "SELECT first, last, prev_h, h, bytes, ops, mac FROM sealed WHERE first > ?1 ORDER BY first",
        )?;
        let mut rows = list.query([acked.dseq])?;
        let (mut prev, mut found) = (acked, Vec::new());
        while let Some(row) = rows.next()? {
            let last = Head { dseq: row.get(1)?, h: Hash(row.get(3)?) };
            let segment = SealedSegment {
                first: row.get(0)?,
                prev_h: Hash(row.get(2)?),
                ops: Bytes::from(row.get::<_, Vec<u8>>(5)?),
                alg: self.key.public().alg,
                sig: Bytes::default(),
            };
            let count = last.dseq.saturating_sub(prev.dseq);
            let (Some(ops_left), Some(bytes_left)) = (
                ops.checked_sub(usize::try_from(count).unwrap_or(usize::MAX)),
                bytes.checked_sub(row.get(4)?),
            ) else {
                break;
            };
            let goes_on = segment.first == prev.dseq.saturating_add(1) && segment.prev_h == prev.h;
            let mac = mac(&self.key.secret, &segment, &last).map(|it| it.0);
            if !goes_on || mac != row.get::<_, Option<[u8; 32]>>(6)? {
                break;
            }
            (*ops, *bytes, prev) = (ops_left, bytes_left, last);
            found.push(Sealed { segment, last });
        }
        Ok(found)
    }
}

/// The log is another now, or lacks values: what was sealed of it goes.
pub(crate) fn forget(conn: &Connection) -> Result<(), DeviceError> {
    conn.execute("DELETE FROM sealed", []).map(drop)?;
    Ok(())
}
