//! Pictures as the camera gave them: kept here until the server and a backup have them, or their visit is settled, sent after
//! everything else on lines that cost nothing, and the first to go where room is short. Owns the table `originals`; the photo that
//! counts as evidence is the smaller copy, which names its original whether that is kept or not.

use std::io::Read;

use rusqlite::Connection;
use serde::Serialize;
use sync_core::{
    AuditView, Hash, OpId,
    exchange::Limits,
    fold::Phase,
    payload::{BlobRef, Original},
};
use uuid::Uuid;

use crate::{
    DeviceError, PhotoFacts,
    blobs::{self, ROOM_FOR_PHOTO},
    store::{self, Device},
};

/// Free space that a further original leaves for photos and answers, in bytes. Those that are kept go, the oldest first, only below
/// [`crate::ROOM_FOR_PHOTO`]: where no photo could be taken any more.
pub const ROOM_FOR_ORIGINAL: u64 = 500_000_000;

/// What is said of an original that went to make room.
const NO_ROOM: &str = "no_room";

/// Originals that are here and not on the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Originals {
    /// How many wait.
    pub waiting: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many did not fit or went to make room, of visits that are not settled, and were not sent.
    pub let_go: u64,
}

/// Which rows of `blobs` are originals and nothing else; an audit that is not settled names them.
pub(crate) const IS_WANTED: &str = "NOT evicted AND lost IS NULL AND refused IS NULL \
     AND NOT EXISTS (SELECT 1 FROM needed WHERE blob = blobs.id) \
     AND EXISTS (SELECT 1 FROM originals WHERE blob = blobs.id AND wanted)";

/// Writes which originals an audit names.
pub(crate) fn note(conn: &Connection, audit: Uuid, view: &AuditView) -> Result<(), DeviceError> {
    let audit = audit.into_bytes();
    conn.prepare_cached("DELETE FROM originals WHERE audit = ?1")?.execute([audit])?;
    let is_wanted = !matches!(view.phase, Phase::Approved | Phase::Rejected | Phase::Void);
    let standing = view.attachments.values().flatten().filter(|it| !it.redacted);
    let mut put = conn.prepare_cached(
        "INSERT INTO originals (audit, blob, wanted) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for original in standing.filter_map(|it| it.value.original) {
        put.execute((audit, original.hash.0, is_wanted))?;
    }
    Ok(())
}

/// Marks the originals that may go: the server and a backup have them, or every visit that names them is settled.
pub(crate) fn mark_done(conn: &Connection, epoch: Option<u64>) -> Result<(), DeviceError> {
    conn.execute(
        "UPDATE blobs SET evicted = 1 WHERE NOT evicted AND NOT EXISTS (SELECT 1 FROM needed WHERE blob = blobs.id) \
         AND EXISTS (SELECT 1 FROM originals WHERE blob = blobs.id) \
         AND ((confirmed IS NOT NULL AND confirmed IS ?1 AND stored_dseq < had_durable) \
         OR NOT EXISTS (SELECT 1 FROM originals WHERE blob = blobs.id AND wanted))",
        [epoch],
    )?;
    Ok(())
}

/// What waits here of originals.
pub(crate) fn waiting(conn: &Connection) -> Result<Originals, DeviceError> {
    let epoch = store::get_number(conn, "epoch")?;
    let sql = format!(
        "SELECT count(*), coalesce(sum(size), 0), (SELECT count(*) FROM blobs WHERE lost = ?2 \
         AND EXISTS (SELECT 1 FROM originals WHERE blob = blobs.id AND wanted)) FROM blobs WHERE {IS_WANTED} AND (confirmed IS NULL OR confirmed IS NOT ?1)"
    );
    Ok(conn.query_row(&sql, (epoch, NO_ROOM), |row| {
        Ok(Originals { waiting: row.get(0)?, bytes: row.get(1)?, let_go: row.get(2)? })
    })?)
}

impl Device {
    /// As [`Device::photo`], with the picture that the camera gave, of which the photo is a smaller copy. The photo names it; its bytes
    /// are kept where there is room for them. Not to be called for a picture in which something was covered.
    ///
    /// - **Errors**: as [`Device::photo`]; that an original could not be kept is no error.
    pub fn photo_of(
        &mut self,
        (audit, field): (Uuid, &str),
        from: &mut dyn Read,
        original: &[u8],
        facts: &PhotoFacts,
        now_ms: u64,
    ) -> Result<OpId, DeviceError> {
        let (hash, size) = (Hash::of(original), u64::try_from(original.len()).unwrap_or(u64::MAX));
        let has_room = self.free_bytes.is_none_or(|it| it >= ROOM_FOR_ORIGINAL.saturating_add(size));
        // The photo comes first: whatever becomes of the original, it is kept.
        let facts = PhotoFacts { original: Some(Original { hash, size }), ..facts.clone() };
        let attached = self.photo(audit, field, from, &facts, now_ms)?;
        let mut bytes = original;
        let is_kept = has_room && self.blobs.take_in(&mut bytes, Limits::default().blob_bytes).is_ok();
        self.note_original(&BlobRef { id: hash, size }, is_kept, now_ms)?;
        Ok(attached)
    }

    fn note_original(&mut self, blob: &BlobRef, is_kept: bool, now_ms: u64) -> Result<(), DeviceError> {
        let tx = self.conn.transaction()?;
        if is_kept {
            blobs::note_file(&tx, blob, now_ms)?;
        } else if blob.size > 0 {
            tx.execute(
                "INSERT INTO blobs (id, size, captured_ms, evicted, lost) VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT DO NOTHING",
                (blob.id.0, blob.size, now_ms, NO_ROOM),
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Lets go of originals, the oldest first, as long as there is no room for a photo ([`Device::tell_free_space`]); how many.
    /// That they were here, and are not sent, stays known.
    ///
    /// - **Errors**: storage. A file that cannot be removed now is tried again.
    pub fn make_room(&mut self) -> Result<u64, DeviceError> {
        let Some(mut free) = self.free_bytes.filter(|it| *it < ROOM_FOR_PHOTO) else { return Ok(0) };
        let mut going: Vec<Hash> = Vec::new();
        {
            let sql = format!("SELECT id, size FROM blobs WHERE {IS_WANTED} ORDER BY captured_ms, id");
            let mut list = self.conn.prepare(&sql)?;
            let mut rows = list.query([])?;
            while let Some(row) = rows.next()?.filter(|_| free < ROOM_FOR_PHOTO) {
                going.push(Hash(row.get(0)?));
                free = free.saturating_add(row.get(1)?);
            }
        }
        let epoch = store::get_number(&self.conn, "epoch")?;
        let tx = self.conn.transaction()?;
        for id in &going {
            // What the server has is not lost.
            let let_go = "UPDATE blobs SET evicted = 1, \
                 lost = CASE WHEN confirmed IS NOT NULL AND confirmed IS ?2 THEN NULL ELSE ?3 END WHERE id = ?1";
            tx.execute(let_go, (id.0, epoch, NO_ROOM))?;
        }
        tx.commit()?;
        self.free_bytes = Some(free);
        // What cannot be removed now goes when the device is opened, or with what `evict` clears.
        let gone = going.iter().filter(|id| self.blobs.remove(id).is_ok()).count();
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}
