//! Reads stored photos once, beside all other work: makes the smaller copies and keeps what was found. A photo that cannot
//! be read is never tried again, and neither is one that ended its reader.

use crate::{
    app::App,
    blob_store::BlobFile,
    error::ApiError,
    evidence::{self, Photo},
};
use db::{
    DbError,
    blobs::{self, Blob, Picture},
};
use domain::ids::OrgId;
use std::{collections::VecDeque, thread};
use sync_core::Hash;

/// Photos that are read at the same time: each may take some hundred megabytes.
const AT_ONCE: usize = 2;
/// Photos of an organization before the next one has its turn.
const BATCH: u32 = 32;
/// Batches in vain after which the store counts as out.
const MAX_FAILED: u32 = 3;
/// How often a photo may end the process that reads it.
const MAX_ATTEMPTS: u32 = 3;
/// How long reading a photo may take.
const MAX_MICROS: i64 = 20_000_000;

impl App {
    /// Reads photos that nobody looked at yet; how many. Blocks.
    ///
    /// # Errors
    /// Those of the database and the store.
    pub fn read_photos(&self) -> Result<usize, ApiError> {
        let mut turns: VecDeque<Turn> =
            self.db.read(db::organizations::list)?.iter().map(|it| Turn::of(it.org_id)).collect();
        let (mut count, mut failed) = (0, None);
        while let Some(mut turn) = turns.pop_front() {
            match turn.take(self) {
                Ok(read) => count += read,
                Err(error) => drop(failed.get_or_insert(error)),
            }
            if !turn.is_over() {
                turns.push_back(turn);
            }
        }
        failed.map_or(Ok(count), Err)
    }
}

/// Where the photos of one organization are read. One that the store fails at is tried again the next time, and the others go on.
struct Turn {
    org: OrgId,
    after: Option<Hash>,
    is_last: bool,
    /// Batches one after the other of which no photo could be read.
    failed: u32,
}

impl Turn {
    fn of(org: OrgId) -> Self {
        Self { org, after: None, is_last: false, failed: 0 }
    }

    /// Whether all were tried, or so many in vain that the store is out.
    fn is_over(&self) -> bool {
        self.is_last || self.failed >= MAX_FAILED
    }

    /// Reads the next batch; how many it had, or the first failure among them.
    fn take(&mut self, app: &App) -> Result<usize, ApiError> {
        let (org, after) = (self.org, self.after);
        let page = app
            .db
            .read(|tx| blobs::list_pending(tx, org, after, BATCH))
            .inspect_err(|_| self.is_last = true)?;
        (self.after, self.is_last) = (page.next, page.next.is_none());
        let share = page.items.len().div_ceil(AT_ONCE).max(1);
        let failures: Vec<ApiError> = thread::scope(|scope| {
            let read = |share: &[Blob]| -> Vec<ApiError> {
                share.iter().filter_map(|it| read_photo(app, org, it).err()).collect()
            };
            let running: Vec<_> =
                page.items.chunks(share).map(|share| scope.spawn(move || read(share))).collect();
            let ended = running.into_iter().map(|it| {
                it.join().unwrap_or_else(|_| vec![ApiError::internal("a reader of photos panicked")])
            });
            ended.flatten().collect()
        });
        self.failed = if failures.len() < page.items.len() { 0 } else { self.failed + 1 };
        failures.into_iter().next().map_or(Ok(page.items.len()), Err)
    }
}

fn read_photo(app: &App, org: OrgId, waiting: &Blob) -> Result<(), ApiError> {
    let blob = waiting.blob;
    if waiting.attempts >= MAX_ATTEMPTS {
        return keep(app, org, refused(waiting, None, "reader_ended"), Vec::new());
    }
    app.db.write(move |tx| blobs::begin_reading(tx, org, blob))?;
    let read = read_begun(app, org, waiting);
    if read.is_err() {
        // The store or the database did not answer: the photo is as good as before. What ends this process counts.
        match app.db.write(move |tx| blobs::end_reading(tx, org, blob)) {
            // It was redacted meanwhile: there is nothing to read.
            Err(DbError::NotFound) => return Ok(()),
            ended => ended?,
        }
    }
    read
}

fn read_begun(app: &App, org: OrgId, waiting: &Blob) -> Result<(), ApiError> {
    let blob = waiting.blob;
    let Some(bytes) = app.blobs.get(org, blob, BlobFile::Original)? else {
        tracing::error!(%org, %blob, "a stored blob is missing");
        return keep(app, org, refused(waiting, None, "bytes_missing"), Vec::new());
    };
    match read_in_time(app, &bytes) {
        Ok(photo) => {
            let bands = evidence::bands(photo.look);
            let row = ready(waiting, &photo);
            if store_copies(app, org, blob, photo)? { keep(app, org, row, bands) } else { Ok(()) }
        }
        Err(reason) => {
            tracing::warn!(%org, %blob, reason = reason.code(), "evidence is no photo that can be shown");
            keep(app, org, refused(waiting, evidence::mime_of(&bytes), reason.code()), Vec::new())
        }
    }
}

fn read_in_time(app: &App, bytes: &[u8]) -> Result<Photo, evidence::Unreadable> {
    let begun = app.now().0;
    evidence::read(bytes, &|| app.now().0.saturating_sub(begun) > MAX_MICROS)
}

/// Stores the smaller copies; whether they stay: a photo may be redacted while it is read, and then nothing of it does.
fn store_copies(app: &App, org: OrgId, blob: Hash, photo: Photo) -> Result<bool, ApiError> {
    app.blobs.put(org, blob, BlobFile::Thumbnail, photo.thumbnail)?;
    app.blobs.put(org, blob, BlobFile::View, photo.view)?;
    // Files are taken away after it is written that the blob is: that is seen here, or these copies are seen there.
    let is_stored = app.db.read(|tx| blobs::find(tx, org, blob))?.is_some();
    if !is_stored {
        app.blobs.remove_copies(org, blob)?;
    }
    Ok(is_stored)
}

fn ready(waiting: &Blob, photo: &Photo) -> Blob {
    Blob {
        picture: Picture::Ready,
        reason: None,
        mime: Some(photo.mime.to_owned()),
        width: Some(photo.width),
        height: Some(photo.height),
        taken_at: photo.camera.taken_at.clone(),
        latitude_e7: photo.camera.place.map(|it| it.0),
        longitude_e7: photo.camera.place.map(|it| it.1),
        look: Some(photo.look),
        ..waiting.clone()
    }
}

fn refused(waiting: &Blob, mime: Option<&str>, reason: &str) -> Blob {
    Blob {
        picture: Picture::Refused,
        reason: Some(reason.to_owned()),
        mime: mime.map(str::to_owned),
        ..waiting.clone()
    }
}

fn keep(app: &App, org: OrgId, row: Blob, bands: Vec<u32>) -> Result<(), ApiError> {
    Ok(app.db.write(move |tx| blobs::set_picture(tx, org, &row, &bands))?)
}

/// A smaller copy of a photo that was read; made again where it is lost. None where the photo itself is. Blocks.
///
/// # Errors
/// Those of the store.
pub(crate) fn copy(app: &App, org: OrgId, blob: Hash, file: BlobFile) -> Result<Option<Vec<u8>>, ApiError> {
    if let Some(found) = app.blobs.get(org, blob, file)? {
        return Ok(Some(found));
    }
    app.blobs.in_turn(|| {
        let Some(bytes) = app.blobs.get(org, blob, BlobFile::Original)? else { return Ok(None) };
        let Ok(photo) = read_in_time(app, &bytes) else { return Ok(None) };
        if store_copies(app, org, blob, photo)? { app.blobs.get(org, blob, file) } else { Ok(None) }
    })
}
