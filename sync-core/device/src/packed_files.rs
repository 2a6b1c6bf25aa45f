//! The bytes of photos as rows of a second SQLite file, for platforms that give a program no files of its own. Owns that file's
//! shape; where it lies and whether it is encrypted is the platform's.

use std::{
    io::{self, Read},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Transaction};
use sync_core::{Hash, Hasher, payload::BlobRef};

use crate::{DeviceError, Files, place};

/// Bytes of one row: a part that is sent is read out of a few rows, and none of them is large in memory.
const ROW_BYTES: usize = 256 * 1024;

/// Photos in a SQLite file.
pub struct PackedFiles {
    conn: Mutex<Connection>,
    clock: fn() -> u64,
}

impl PackedFiles {
    /// The photos of an open file, which is made ready if it is new.
    ///
    /// - **Shape**: `clock` is the platform's, in milliseconds since 1970: when a photo came is noted as a file system would.
    /// - **Errors**: storage.
    pub fn over(conn: Connection, clock: fn() -> u64) -> Result<Self, DeviceError> {
        // Without foreign keys, as in a browser, so that whatever is tested holds there.
        conn.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -2048; \
             CREATE TABLE IF NOT EXISTS file (id BLOB PRIMARY KEY CHECK (length(id) = 32), size INTEGER NOT NULL, \
             written_ms INTEGER NOT NULL) STRICT; \
             CREATE TABLE IF NOT EXISTS part (id BLOB NOT NULL REFERENCES file (id), at INTEGER NOT NULL, \
             bytes BLOB NOT NULL, PRIMARY KEY (id, at)) STRICT;",
        )?;
        Ok(Self { conn: Mutex::new(conn), clock })
    }

    /// The photos of an open file that may be damaged, to be read as far as they can be.
    pub fn to_read(conn: Connection) -> Self {
        // Nothing is written, so that no clock is asked.
        Self { conn: Mutex::new(conn), clock: || 0 }
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        // A transaction that a panic interrupted was rolled back.
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a photo out, with its bytes.
fn delete(tx: &Transaction<'_>, id: &Hash) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM part WHERE id = ?1", [id.0])?;
    tx.execute("DELETE FROM file WHERE id = ?1", [id.0]).map(drop)
}

/// Fills a buffer as far as there is something.
fn read_row(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Files for PackedFiles {
    fn take_in(&self, from: &mut dyn Read, most: u64) -> Result<BlobRef, DeviceError> {
        let failed = |source| DeviceError::File { what: "cannot read the photo", source };
        let mut bytes = Vec::new();
        // The hash comes first, since it is the name of what is written.
        from.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        place::check_size(size, most)?;
        let mut hasher = Hasher::default();
        hasher.update(&bytes);
        let blob = BlobRef { id: hasher.finish(), size };
        let mut conn = self.conn();
        let tx = conn.transaction()?;
        delete(&tx, &blob.id)?;
        let add = "INSERT INTO file (id, size, written_ms) VALUES (?1, ?2, ?3)";
        tx.execute(add, (blob.id.0, size, (self.clock)()))?;
        let (mut rest, mut row) = (&*bytes, vec![0; ROW_BYTES]);
        let mut at = 0_u64;
        loop {
            let filled = read_row(&mut rest, &mut row).map_err(failed)?;
            let Some(part) = row.get(..filled).filter(|it| !it.is_empty()) else { break };
            tx.prepare_cached("INSERT INTO part (id, at, bytes) VALUES (?1, ?2, ?3)")?
                .execute((blob.id.0, at, part))?;
            at = at.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        }
        tx.commit()?;
        Ok(blob)
    }

    fn read(&self, id: &Hash, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let conn = self.conn();
        let end = offset.saturating_add(len);
        let read = || -> rusqlite::Result<Vec<u8>> {
            let mut found = Vec::new();
            let mut rows = conn.prepare_cached(
                "SELECT at, bytes FROM part WHERE id = ?1 AND at < ?3 AND at + length(bytes) > ?2 ORDER BY at",
            )?;
            let mut rows = rows.query((id.0, offset, end))?;
            while let Some(row) = rows.next()? {
                let at: u64 = row.get(0)?;
                let bytes = row.get_ref(1)?.as_blob()?;
                let from = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
                let to = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
                found.extend_from_slice(bytes.get(from..to).unwrap_or_default());
            }
            Ok(found)
        };
        let found = read().map_err(io::Error::other)?;
        if u64::try_from(found.len()) == Ok(len) {
            Ok(found)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn size(&self, id: &Hash) -> Option<u64> {
        let conn = self.conn();
        let mut find = conn.prepare_cached("SELECT size FROM file WHERE id = ?1").ok()?;
        find.query_row([id.0], |row| row.get(0)).optional().ok().flatten()
    }

    fn list(&self) -> io::Result<Vec<(Hash, u64)>> {
        let conn = self.conn();
        let list = || -> rusqlite::Result<Vec<(Hash, u64)>> {
            let mut list = conn.prepare_cached("SELECT id, written_ms FROM file ORDER BY id")?;
            let rows = list.query_map([], |row| Ok((Hash(row.get(0)?), row.get(1)?)))?;
            rows.collect()
        };
        list().map_err(io::Error::other)
    }

    fn remove(&self, id: &Hash) -> io::Result<()> {
        let mut conn = self.conn();
        let mut remove = || -> rusqlite::Result<()> {
            let tx = conn.transaction()?;
            delete(&tx, id)?;
            tx.commit()
        };
        remove().map_err(io::Error::other)
    }

    fn tidy(&self) {
        // What a crash interrupted was never committed.
    }
}
