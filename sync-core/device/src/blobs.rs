//! The files of photos, each named by the hash of its bytes, and the table that says how far each has come:
//! captured (a file), hashed (named by an op), uploading, stored, durable, evictable. Owns the table; the bytes are the place's,
//! what is sent when is `sync-core`'s lane.

use ordered::BTreeMap;
use std::io::Read;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use sync_core::{
    AuditView, Hash,
    exchange::{Limits, Pending},
    payload::BlobRef,
};
use uuid::Uuid;

use crate::{
    DeviceError, originals, place,
    store::{self, Device},
};

/// How long a file stays after the server and a backup have it, or after nothing needs it any more.
pub const KEEP_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Free space below which no new photo is taken, in bytes.
pub const ROOM_FOR_PHOTO: u64 = 200_000_000;
/// Free space below which no new audit is begun, in bytes.
pub const ROOM_FOR_AUDIT: u64 = 50_000_000;

/// Where a photo stands. Whether a durable one may be cleared depends on the time and is [`Device::evict`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PhotoState {
    /// On this device, nothing sent.
    Hashed,
    /// The server holds a part of it.
    Uploading {
        /// So many bytes.
        sent: u64,
    },
    /// The server has it.
    Stored,
    /// The server has it, and so has a backup.
    Durable,
    /// As durable, and cleared from this device.
    Evicted,
    /// The bytes are gone or edited, and the server does not have them.
    Lost {
        /// `missing`, `changed` or `evicted`.
        cause: String,
    },
    /// The server will not take it.
    Refused {
        /// Stable machine code.
        reason: String,
    },
    /// Taken on another device.
    Elsewhere,
    /// Taken out for good by the office.
    Redacted,
}

/// Photos of an audit, or of all, that the server does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Unsent {
    /// To be sent.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lost, or refused by the server: not to be sent.
    pub lost: u64,
}

/// A file in the device's folder that no op names yet; without one it is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    pub(crate) blob: BlobRef,
}

impl Captured {
    /// What was captured.
    pub fn blob(&self) -> BlobRef {
        self.blob
    }
}

fn file_error(what: &'static str) -> impl Fn(std::io::Error) -> DeviceError {
    move |source| DeviceError::File { what, source }
}

/// Writes which blobs an audit needs.
pub(crate) fn note_needed(conn: &Connection, audit: Uuid, view: &AuditView) -> Result<(), DeviceError> {
    let audit = audit.into_bytes();
    conn.prepare_cached("DELETE FROM needed WHERE audit = ?1")?.execute([audit])?;
    let (redacted, standing): (Vec<_>, Vec<_>) =
        view.attachments.values().flatten().partition(|it| it.redacted);
    let standing = standing.into_iter().map(|it| BlobRef { id: it.value.blob, size: it.value.size });
    let counted_on = view.rounds.submits.values().flatten().flat_map(|it| it.value.blobs.iter().copied());
    let counted_on = counted_on.filter(|blob| redacted.iter().all(|it| it.value.blob != blob.id));
    let mut put = conn.prepare_cached(
        "INSERT INTO needed (audit, blob, size) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for blob in standing.chain(counted_on) {
        // What another device says of sizes may not fit a column.
        put.execute((audit, blob.id.0, i64::try_from(blob.size).unwrap_or(i64::MAX)))?;
    }
    originals::note(conn, Uuid::from_bytes(audit), view)
}

/// Writes that a file is here.
pub(crate) fn note_file(conn: &Connection, blob: &BlobRef, captured_ms: u64) -> Result<(), DeviceError> {
    conn.prepare_cached(
        "INSERT INTO blobs (id, size, captured_ms) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE \
         SET captured_ms = excluded.captured_ms, evicted = 0, lost = NULL, refused = NULL",
    )?
    .execute((blob.id.0, blob.size, captured_ms))?;
    Ok(())
}

/// After a server was set back, every blob is offered to it again.
pub(crate) fn doubt_all(conn: &Connection) -> Result<(), DeviceError> {
    conn.execute("UPDATE blobs SET confirmed = NULL", [])?;
    Ok(())
}

/// What was said of the photos of an audit while it was away could not be written on it: the server is asked again.
pub(crate) fn ask_again(conn: &Connection, audit: Uuid) -> Result<(), DeviceError> {
    let ask = "UPDATE blobs SET asked_ms = 0 WHERE id IN (SELECT blob FROM needed WHERE audit = ?1)";
    conn.prepare_cached(ask)?.execute([audit.into_bytes()])?;
    Ok(())
}

/// Where the photo of this hash stands.
pub(crate) fn photo_state(conn: &Connection, id: &Hash) -> Result<PhotoState, DeviceError> {
    let epoch = store::get_number(conn, "epoch")?;
    let mut find = conn.prepare_cached(
        "SELECT off, confirmed IS NOT NULL AND confirmed IS ?2, coalesce(stored_dseq < had_durable, 0), evicted, lost, refused \
         FROM blobs WHERE id = ?1",
    )?;
    let found = find.query_row((id.0, epoch), |row| {
        let (off, is_stored, is_durable): (u64, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (lost, refused): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        Ok(match (is_stored, lost, refused) {
            (true, ..) if row.get(3)? => PhotoState::Evicted,
            (true, ..) if is_durable => PhotoState::Durable,
            (true, ..) => PhotoState::Stored,
            (_, Some(cause), _) => PhotoState::Lost { cause },
            (_, None, Some(reason)) => PhotoState::Refused { reason },
            (_, None, None) if off > 0 => PhotoState::Uploading { sent: off },
            _ => PhotoState::Hashed,
        })
    });
    Ok(found.optional()?.unwrap_or(PhotoState::Elsewhere))
}

/// Whether the file of a blob must be here: the server does not have it.
pub(crate) fn is_waiting(conn: &Connection, id: &Hash) -> Result<bool, DeviceError> {
    let here = [PhotoState::Stored, PhotoState::Durable, PhotoState::Evicted, PhotoState::Elsewhere];
    Ok(!here.contains(&photo_state(conn, id)?))
}

/// The audits that need a blob.
pub(crate) fn audits_of(conn: &Connection, id: &Hash) -> Result<Vec<Uuid>, DeviceError> {
    let mut list = conn.prepare_cached("SELECT audit FROM needed WHERE blob = ?1 ORDER BY audit")?;
    let rows = list.query_map([id.0], |row| row.get(0).map(Uuid::from_bytes))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The own files that an audit needs and that the server has not confirmed in this epoch, as (audit, id, size, to_send).
const UNCONFIRMED: &str = "SELECT needed.audit, blobs.id, blobs.size, lost IS NULL AND refused IS NULL AS to_send \
     FROM blobs JOIN needed ON needed.blob = blobs.id WHERE (confirmed IS NULL OR confirmed IS NOT ?1)";
const SUMS: &str =
    "coalesce(sum(to_send), 0), coalesce(sum(to_send * size), 0), coalesce(sum(1 - to_send), 0)";

fn read_unsent(row: &Row<'_>, first: usize) -> rusqlite::Result<Unsent> {
    let (bytes, lost) = (first.saturating_add(1), first.saturating_add(2));
    Ok(Unsent { photos: row.get(first)?, bytes: row.get(bytes)?, lost: row.get(lost)? })
}

/// What is not on the server; a photo of two audits counts once.
pub(crate) fn unsent(conn: &Connection) -> Result<Unsent, DeviceError> {
    let epoch = store::get_number(conn, "epoch")?;
    let sql = format!("SELECT {SUMS} FROM (SELECT DISTINCT id, size, to_send FROM ({UNCONFIRMED}))");
    Ok(conn.prepare_cached(&sql)?.query_row([epoch], |row| read_unsent(row, 0))?)
}

/// What of one audit is not on the server.
pub(crate) fn unsent_of(conn: &Connection, audit: Uuid) -> Result<Unsent, DeviceError> {
    let epoch = store::get_number(conn, "epoch")?;
    let sql = format!("SELECT {SUMS} FROM ({UNCONFIRMED} AND needed.audit = ?2)");
    let mut sum = conn.prepare_cached(&sql)?;
    Ok(sum.query_row((epoch, audit.into_bytes()), |row| read_unsent(row, 0))?)
}

/// What is not on the server by audit, where there is any.
pub(crate) fn unsent_by_audit(conn: &Connection) -> Result<BTreeMap<Uuid, Unsent>, DeviceError> {
    let epoch = store::get_number(conn, "epoch")?;
    let mut sums =
        conn.prepare_cached(&format!("SELECT audit, {SUMS} FROM ({UNCONFIRMED}) GROUP BY audit"))?;
    let rows = sums.query_map([epoch], |row| Ok((Uuid::from_bytes(row.get(0)?), read_unsent(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the server is told of photos that wait here.
pub(crate) fn add_pending(conn: &Connection, pending: &mut Pending) -> Result<(), DeviceError> {
    let unsent = unsent(conn)?;
    (pending.blobs, pending.bytes) = (unsent.photos, unsent.bytes);
    Ok(())
}

impl Device {
    /// Tells how much room there is where the device's folder lies, in bytes: below [`ROOM_FOR_PHOTO`] no new photo is taken,
    /// below [`ROOM_FOR_AUDIT`] no new audit is begun. Answers always go in. Untold, there is room.
    pub fn tell_free_space(&mut self, bytes: u64) {
        self.free_bytes = Some(bytes);
    }

    /// Copies a photo into the device's folder, durably, for an op to name it ([`crate::Batch::attach`]).
    ///
    /// - **Errors**: `no_room_for_photo`, `empty_photo`, `photo_too_large`; the file could not be read or written.
    pub fn capture(&mut self, from: &mut dyn Read) -> Result<Captured, DeviceError> {
        if self.free_bytes.is_some_and(|it| it < ROOM_FOR_PHOTO) {
            return Err(DeviceError::problem(
                507,
                "no_room_for_photo",
                "Queda poco espacio en el dispositivo y no se toman más fotos; libere espacio. Las respuestas se siguen guardando",
                "the device is almost full and takes no more photos; free some space. Answers are still kept",
            ));
        }
        Ok(Captured { blob: self.blobs.take_in(from, Limits::default().blob_bytes)? })
    }

    /// The bytes of a photo.
    ///
    /// - **Errors**: `no_such_photo` where they are not on this device.
    pub fn photo_bytes(&self, id: &Hash) -> Result<Vec<u8>, DeviceError> {
        let size = self.blobs.size(id);
        let bytes = size.and_then(|it| self.blobs.read(id, 0, it).ok());
        bytes.ok_or_else(|| {
            DeviceError::problem(
                404,
                "no_such_photo",
                "La foto no está en este dispositivo",
                "the photo is not on this device",
            )
        })
    }

    /// Removes the file of a capture that no op came to name.
    ///
    /// - **Errors**: storage; the file could not be removed.
    pub fn discard(&mut self, captured: &Captured) -> Result<(), DeviceError> {
        let id = captured.blob.id;
        let mut find = self.conn.prepare_cached("SELECT 1 FROM blobs WHERE id = ?1")?;
        if find.query_row([id.0], |_| Ok(())).optional()?.is_none() {
            self.blobs.remove(&id).map_err(file_error("cannot remove a photo that was not taken"))?;
        }
        Ok(())
    }

    /// After a crash: a half-written file goes, and so does one that was about to be cleared. A whole file that no op names
    /// stays until [`Device::evict`] finds it too old: where the database was set back, an op that names it may come again.
    pub(crate) fn tidy_blobs(&self) -> Result<(), DeviceError> {
        self.blobs.tidy();
        let mut list = self.conn.prepare("SELECT id FROM blobs WHERE evicted")?;
        let evicted = list.query_map([], |row| row.get(0).map(Hash))?;
        for id in evicted {
            // What cannot be removed now keeps nobody from answering.
            let _ = self.blobs.remove(&id?);
        }
        Ok(())
    }

    /// Takes on the files that an audit needs and no row names: what a crash, or a database that was set back, left behind.
    pub(crate) fn adopt_blobs(&self, now_ms: u64) -> Result<(), DeviceError> {
        let mut list = self.conn.prepare_cached(
            "SELECT DISTINCT blob, size FROM needed WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE id = needed.blob)",
        )?;
        let rows = list.query_map([], |row| Ok(BlobRef { id: Hash(row.get(0)?), size: row.get(1)? }))?;
        for blob in rows.collect::<Result<Vec<_>, _>>()? {
            if place::seems_whole(&*self.blobs, &blob) {
                note_file(&self.conn, &blob, now_ms)?;
            }
        }
        Ok(())
    }

    /// Clears files that are not needed here any more: stored on the server for [`KEEP_MS`] and on a backup, of which the server was
    /// asked since whether it still had them; or taken that long
    /// ago and needed by no audit once the server knows all that was done here. Gives how many.
    ///
    /// - **Errors**: storage; the folder could not be read. A file that cannot be removed now is tried again.
    pub fn evict(&mut self, now_ms: u64) -> Result<u64, DeviceError> {
        let failed = file_error("cannot clear a photo");
        let old_ms = now_ms.saturating_sub(KEEP_MS);
        let epoch = store::get_number(&self.conn, "epoch")?;
        let tx = self.conn.transaction()?;
        tx.execute(
            "UPDATE blobs SET evicted = 1 WHERE NOT evicted AND confirmed IS NOT NULL AND confirmed IS ?1 \
             AND stored_dseq < had_durable AND stored_ms <= ?2",
            (epoch, old_ms),
        )?;
        // That a photo was taken away may come to the server after the visit was handed in elsewhere: then it is needed after all.
        // Where that happens later still, its row is here for its loss to be told.
        if store::get_head(&tx, "acked")? == self.head {
            tx.execute(
                "UPDATE blobs SET evicted = 1 WHERE NOT evicted AND captured_ms <= ?1 \
                 AND NOT EXISTS (SELECT 1 FROM needed WHERE blob = blobs.id) \
                 AND NOT EXISTS (SELECT 1 FROM originals WHERE blob = blobs.id AND wanted)",
                [old_ms],
            )?;
        }
        originals::mark_done(&tx, epoch)?;
        tx.commit()?;
        let mut cleared = 0;
        for (id, modified_ms) in self.blobs.list().map_err(&failed)? {
            let mut find = self.conn.prepare_cached(
                "SELECT (SELECT evicted FROM blobs WHERE id = ?1), EXISTS (SELECT 1 FROM needed WHERE blob = ?1)",
            )?;
            let (row, is_needed): (Option<bool>, bool) =
                find.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let is_stray = row.is_none() && !is_needed && modified_ms <= old_ms;
            if (row == Some(true) || is_stray) && self.blobs.remove(&id).is_ok() {
                cleared += 1;
            }
        }
        Ok(cleared)
    }
}
