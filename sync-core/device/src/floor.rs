//! The floor that an import is measured against: the ops of a device, written raw into a fresh SQLite file under the same
//! durability, with nothing checked, chained, folded or sent. Owns no part of the product's work.

use std::path::Path;

use rusqlite::Connection;

use crate::{DeviceError, store::Device};

/// Rows of one transaction: as many as a device writes at once.
const ROWS_PER_TRANSACTION: usize = 4_096;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Floor {
    /// Rows, one an op.
    pub rows: u64,
    /// Bytes of their columns.
    pub bytes: u64,
}

impl Device {
    /// Writes every op of this device's log as a bare row into the SQLite file `to`, made if needed.
    ///
    /// - **Errors**: storage.
    pub fn write_raw(&self, to: &Path) -> Result<Floor, DeviceError> {
        let mut raw = Connection::open(to)?;
        raw.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             CREATE TABLE IF NOT EXISTS raw (dev BLOB NOT NULL, dseq INTEGER NOT NULL, hlc INTEGER NOT NULL, \
             kind INTEGER NOT NULL, audit BLOB NOT NULL, round INTEGER NOT NULL, field TEXT NOT NULL, value BLOB, \
             PRIMARY KEY (dev, dseq)) STRICT, WITHOUT ROWID;",
        )?;
        let dev = self.dev().0;
        let mut read = self
            .conn
            .prepare("SELECT dseq, hlc, kind, audit, round, field, value FROM oplog ORDER BY dseq")?;
        let mut rows = read.query([])?;
        let mut floor = Floor::default();
        loop {
            let tx = raw.transaction()?;
            let mut written = 0;
            {
                let mut insert =
                    tx.prepare_cached("INSERT INTO raw VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
                while written < ROWS_PER_TRANSACTION {
                    let Some(row) = rows.next()? else { break };
                    let audit = row.get_ref(3)?.as_blob().unwrap_or_default();
                    let field = row.get_ref(5)?.as_str().unwrap_or_default();
                    let value = row.get_ref(6)?.as_blob_or_null().unwrap_or_default();
                    let (dseq, hlc, kind, round): (i64, i64, i64, i64) =
                        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?);
                    insert.execute((dev, dseq, hlc, kind, audit, round, field, value))?;
                    let bytes = 16 + 4 * 8 + audit.len() + field.len() + value.map_or(0, <[u8]>::len);
                    floor.bytes += u64::try_from(bytes).unwrap_or(0);
                    written += 1;
                }
            }
            tx.commit()?;
            floor.rows += u64::try_from(written).unwrap_or(0);
            if written < ROWS_PER_TRANSACTION {
                return Ok(floor);
            }
        }
    }
}
