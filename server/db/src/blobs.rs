//! Evidence: which blobs are stored whole, what was read of those that are photos, which audits count on them, and how
//! much each device sent on a day. The bytes themselves lie in the blob store.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use domain::ids::{AuditId, OrgId, UserId};
use sync_core::{DeviceId, Hash};

use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{audit_blobs, audits, awaited_blobs, blob_bands, blob_days, blobs};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// What became of a blob as a photo.
    Picture {
        /// It was not looked at yet.
        Pending = "pending",
        /// It was read, and smaller copies were made.
        Ready = "ready",
        /// It is kept as it came and never looked at again; the reason says why.
        Refused = "refused",
    }
}

record! {
    /// A blob that is stored: its bytes hash to its id and are durable.
    Blob as BlobRow in blobs {
        /// SHA-256 of its bytes.
        blob: Hash,
        /// Its length in bytes.
        size: u64,
        /// The device that brought it first.
        dev: DeviceId,
        /// When it was whole.
        stored_at: Micros,
        /// What became of it as a photo.
        picture: Picture,
        /// How often somebody began to read it as a photo.
        attempts: u32,
        /// Why it is no photo that can be shown, as a stable machine code.
        reason: Option<String>,
        /// Its media type by its own bytes.
        mime: Option<String>,
        /// Its width once it stands upright.
        width: Option<u32>,
        /// Its height once it stands upright.
        height: Option<u32>,
        /// When the camera says that it was taken, by the camera's own clock.
        taken_at: Option<String>,
        /// Where the camera says that it was taken, in 1e-7 degrees.
        latitude_e7: Option<i64>,
        /// Where the camera says that it was taken, in 1e-7 degrees.
        longitude_e7: Option<i64>,
        /// Its perceptual hash.
        look: Option<u64>,
    }
}

record! {
    /// A part of a photo's perceptual hash.
    Band as BandRow in blob_bands {
        /// Which part, with its bits.
        band: u32,
        /// The photo.
        blob: Hash,
    }
}

record! {
    /// A blob that an audit counts on, stored or not yet.
    AuditBlob as AuditBlobRow in audit_blobs {
        /// The audit.
        audit_id: AuditId,
        /// The blob.
        blob: Hash,
    }
}

/// Appends a blob; false where it is there already, and then nothing of it changes.
pub fn append(tx: &mut Tx<'_>, org: OrgId, new: &Blob) -> Result<bool, DbError> {
    let row = new.row(org);
    let appended = on_db!(tx, |c| diesel::insert_into(blobs::table)
        .values(&row)
        .on_conflict((blobs::org_id, blobs::blob))
        .do_nothing()
        .execute(c))?;
    Ok(appended > 0)
}

/// The stored blob of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, blob: Hash) -> Result<Option<Blob>, DbError> {
    let row: Option<BlobRow> = on_db!(tx, |c| blobs::table
        .find((org.store(), blob.store()))
        .select(BlobRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The stored blobs of many ids, by id; those that are not stored are left out.
pub fn find_many(tx: &mut Tx<'_>, org: OrgId, ids: &[Hash]) -> Result<Vec<Blob>, DbError> {
    let mut all = Vec::new();
    for batch in ids.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        let found: Vec<BlobRow> = on_db!(tx, |c| blobs::table
            .filter(blobs::org_id.eq(org.store()))
            .filter(blobs::blob.eq_any(&batch))
            .order(blobs::blob)
            .select(BlobRow::as_select())
            .load(c))?;
        all.extend(read_all::<Blob>(found)?);
    }
    Ok(all)
}

/// Which of many ids are stored.
pub fn stored(tx: &mut Tx<'_>, org: OrgId, ids: &[Hash]) -> Result<BTreeSet<Hash>, DbError> {
    let mut all = BTreeSet::new();
    for batch in ids.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        let found: Vec<Vec<u8>> = on_db!(tx, |c| blobs::table
            .filter(blobs::org_id.eq(org.store()))
            .filter(blobs::blob.eq_any(&batch))
            .select(blobs::blob)
            .load(c))?;
        for id in found {
            all.insert(Hash::read(id)?);
        }
    }
    Ok(all)
}

/// The stored blobs, by id; the key of the next page is the last row of this one.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<Hash>,
    limit: u32,
) -> Result<Page<Blob, Hash>, DbError> {
    page(tx, org, false, after, limit)
}

/// As [`list`], of those that nobody looked at yet.
pub fn list_pending(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<Hash>,
    limit: u32,
) -> Result<Page<Blob, Hash>, DbError> {
    page(tx, org, true, after, limit)
}

fn page(
    tx: &mut Tx<'_>,
    org: OrgId,
    only_pending: bool,
    after: Option<Hash>,
    limit: u32,
) -> Result<Page<Blob, Hash>, DbError> {
    let found: Vec<BlobRow> = on_db!(tx, |c| {
        let mut query = blobs::table.filter(blobs::org_id.eq(org.store())).into_boxed();
        if only_pending {
            query = query.filter(blobs::picture.eq(Picture::Pending.as_str()));
        }
        if let Some(after) = after {
            query = query.filter(blobs::blob.gt(after.store()));
        }
        query.order(blobs::blob).limit(rows_to_read(limit)).select(BlobRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Blob| it.blob))
}

/// Notes that somebody begins to read a blob as a photo, so that one that kills its reader is not read for ever.
///
/// - **Errors**: [`DbError::NotFound`] for a blob that is not stored.
pub fn begin_reading(tx: &mut Tx<'_>, org: OrgId, blob: Hash) -> Result<(), DbError> {
    let begun = on_db!(tx, |c| diesel::update(blobs::table.find((org.store(), blob.store())))
        .set(blobs::attempts.eq(blobs::attempts + 1))
        .execute(c))?;
    if begun == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Notes that reading ended without the photo being at fault: that time does not count.
///
/// - **Errors**: [`DbError::NotFound`] for a blob that is not stored, or that nobody began to read.
pub fn end_reading(tx: &mut Tx<'_>, org: OrgId, blob: Hash) -> Result<(), DbError> {
    let ended = on_db!(tx, |c| diesel::update(blobs::table.find((org.store(), blob.store())))
        .filter(blobs::attempts.gt(0))
        .set(blobs::attempts.eq(blobs::attempts - 1))
        .execute(c))?;
    if ended == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Stores what was read of a blob as a photo, with the parts of its perceptual hash.
///
/// - **Errors**: [`DbError::NotFound`] for a blob that is not stored.
pub fn set_picture(tx: &mut Tx<'_>, org: OrgId, read: &Blob, bands: &[u32]) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(blobs::table.find((org.store(), read.blob.store())))
        .set((
            blobs::picture.eq(read.picture.store()),
            blobs::reason.eq(read.reason.store()),
            blobs::mime.eq(read.mime.store()),
            blobs::width.eq(read.width.store()),
            blobs::height.eq(read.height.store()),
            blobs::taken_at.eq(read.taken_at.store()),
            blobs::latitude_e7.eq(read.latitude_e7.store()),
            blobs::longitude_e7.eq(read.longitude_e7.store()),
            blobs::look.eq(read.look.store()),
        ))
        .execute(c))?;
    if changed == 0 {
        return Err(DbError::NotFound);
    }
    let bands: Vec<Band> = bands.iter().map(|band| Band { band: *band, blob: read.blob }).collect();
    let batch = rows(org, &bands);
    on_db!(tx, |c| diesel::insert_into(blob_bands::table)
        .values(&batch)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Blobs with one of these parts of perceptual hashes, by id, at most `most`.
pub fn find_by_bands(tx: &mut Tx<'_>, org: OrgId, bands: &[u32], most: u32) -> Result<Vec<Blob>, DbError> {
    let bands: Vec<i64> = bands.iter().map(Stored::store).collect();
    let found: Vec<Vec<u8>> = on_db!(tx, |c| blob_bands::table
        .filter(blob_bands::org_id.eq(org.store()))
        .filter(blob_bands::band.eq_any(&bands))
        .select(blob_bands::blob)
        .distinct()
        .order(blob_bands::blob)
        .limit(i64::from(most))
        .load(c))?;
    let ids: Vec<Hash> = found.into_iter().map(Hash::read).collect::<Result<_, _>>()?;
    find_many(tx, org, &ids)
}

/// Forgets blobs whose bytes are lost: a device that has them is asked for them again.
pub fn forget(tx: &mut Tx<'_>, org: OrgId, lost: &[Hash]) -> Result<usize, DbError> {
    let mut forgotten = 0;
    for batch in lost.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        on_db!(tx, |c| diesel::delete(blob_bands::table)
            .filter(blob_bands::org_id.eq(org.store()))
            .filter(blob_bands::blob.eq_any(&batch))
            .execute(c))?;
        forgotten += on_db!(tx, |c| diesel::delete(blobs::table)
            .filter(blobs::org_id.eq(org.store()))
            .filter(blobs::blob.eq_any(&batch))
            .execute(c))?;
    }
    Ok(forgotten)
}

/// Stores which blobs each of these audits counts on, in place of what it counted on before.
///
/// - **Errors**: [`DbError::Refused`] for an audit that is not stored.
pub fn set_of_audits(
    tx: &mut Tx<'_>,
    org: OrgId,
    of_audits: &BTreeMap<AuditId, BTreeSet<Hash>>,
) -> Result<(), DbError> {
    let audits: Vec<AuditId> = of_audits.keys().copied().collect();
    let held: BTreeSet<(AuditId, Hash)> =
        list_of_audits(tx, org, &audits)?.into_iter().map(|it| (it.audit_id, it.blob)).collect();
    let wanted: BTreeSet<(AuditId, Hash)> =
        of_audits.iter().flat_map(|(audit, all)| all.iter().map(|blob| (*audit, *blob))).collect();
    for (audit, blob) in held.difference(&wanted) {
        let key = (org.store(), audit.store(), blob.store());
        on_db!(tx, |c| diesel::delete(audit_blobs::table.find(key)).execute(c))?;
    }
    let new: Vec<AuditBlob> = wanted
        .difference(&held)
        .map(|(audit_id, blob)| AuditBlob { audit_id: *audit_id, blob: *blob })
        .collect();
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(audit_blobs::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Which blobs these audits count on, by audit and blob.
pub fn list_of_audits(tx: &mut Tx<'_>, org: OrgId, of: &[AuditId]) -> Result<Vec<AuditBlob>, DbError> {
    let mut all = Vec::new();
    for batch in of.chunks(BATCH) {
        let batch: Vec<UidColumn> = batch.iter().map(Stored::store).collect();
        let found: Vec<AuditBlobRow> = on_db!(tx, |c| audit_blobs::table
            .filter(audit_blobs::org_id.eq(org.store()))
            .filter(audit_blobs::audit_id.eq_any(&batch))
            .order((audit_blobs::audit_id, audit_blobs::blob))
            .select(AuditBlobRow::as_select())
            .load(c))?;
        all.extend(read_all::<AuditBlob>(found)?);
    }
    Ok(all)
}

/// Which audits count on these blobs, by blob and audit, at most [`crate::MAX_PAGE`] for every batch of blobs.
pub fn list_audits_of(tx: &mut Tx<'_>, org: OrgId, of: &[Hash]) -> Result<Vec<AuditBlob>, DbError> {
    let mut all = Vec::new();
    for batch in of.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        let found: Vec<AuditBlobRow> = on_db!(tx, |c| audit_blobs::table
            .filter(audit_blobs::org_id.eq(org.store()))
            .filter(audit_blobs::blob.eq_any(&batch))
            .order((audit_blobs::blob, audit_blobs::audit_id))
            .limit(i64::from(crate::MAX_PAGE))
            .select(AuditBlobRow::as_select())
            .load(c))?;
        all.extend(read_all::<AuditBlob>(found)?);
    }
    Ok(all)
}

/// The audits of this auditor that count on a blob.
fn audits_with(tx: &mut Tx<'_>, org: OrgId, auditor: UserId, blob: Hash) -> Result<Vec<AuditId>, DbError> {
    let found: Vec<UidColumn> = on_db!(tx, |c| audit_blobs::table
        .inner_join(
            audits::table
                .on(audits::org_id.eq(audit_blobs::org_id).and(audits::audit_id.eq(audit_blobs::audit_id)))
        )
        .filter(audit_blobs::org_id.eq(org.store()))
        .filter(audit_blobs::blob.eq(blob.store()))
        .filter(audits::auditor_id.eq(auditor.store()))
        .select(audits::audit_id)
        .load(c))?;
    found.into_iter().map(AuditId::read).collect()
}

/// Whether an audit of this auditor counts on a blob, and the auditor's phones may see that audit.
pub fn is_of_auditor(tx: &mut Tx<'_>, org: OrgId, auditor: UserId, blob: Hash) -> Result<bool, DbError> {
    let found = audits_with(tx, org, auditor, blob)?;
    if found.is_empty() {
        return Ok(false);
    }
    let revoked = crate::rights::list(tx, org, auditor)?;
    Ok(found.iter().any(|it| !revoked.contains(it)))
}

record! {
    /// A blob that a device which was taken out may still send.
    AwaitedBlob as AwaitedBlobRow in awaited_blobs {
        /// Whose op names it.
        dev: DeviceId,
        /// The blob.
        blob: Hash,
    }
}

/// Notes blobs that ops of a device name which was taken out; nothing for one that is noted already.
pub fn await_of(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, named: &[Hash]) -> Result<(), DbError> {
    let named: Vec<AwaitedBlob> = named.iter().map(|blob| AwaitedBlob { dev, blob: *blob }).collect();
    for batch in named.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(
            tx,
            pg | c
                | diesel::insert_into(awaited_blobs::table)
                    .values(&batch)
                    .on_conflict_do_nothing()
                    .execute(c),
            sqlite | c | diesel::insert_or_ignore_into(awaited_blobs::table).values(&batch).execute(c)
        )?;
    }
    Ok(())
}

/// Whether a device that was taken out may send a blob: one of its ops names it, or an audit of its person counts on it.
pub fn is_awaited(
    tx: &mut Tx<'_>,
    org: OrgId,
    (user, dev): (UserId, DeviceId),
    blob: Hash,
) -> Result<bool, DbError> {
    let named: i64 = on_db!(tx, |c| awaited_blobs::table
        .find((org.store(), dev.store(), blob.store()))
        .count()
        .get_result(c))?;
    Ok(named > 0 || !audits_with(tx, org, user, blob)?.is_empty())
}

/// Counts bytes that a device sent on a day; how many it sent by now.
pub fn add_usage(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, day: i64, bytes: u64) -> Result<u64, DbError> {
    let (bytes, values) = (
        bytes.store(),
        (
            blob_days::org_id.eq(org.store()),
            blob_days::dev.eq(dev.store()),
            blob_days::day.eq(day),
            blob_days::bytes.eq(bytes.store()),
        ),
    );
    let total: i64 = on_db!(tx, |c| diesel::insert_into(blob_days::table)
        .values(&values)
        .on_conflict((blob_days::org_id, blob_days::dev, blob_days::day))
        .do_update()
        .set(blob_days::bytes.eq(blob_days::bytes + bytes))
        .returning(blob_days::bytes)
        .get_result(c))?;
    u64::read(total)
}

/// How many bytes a device sent on a day.
pub fn find_usage(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, day: i64) -> Result<u64, DbError> {
    let found: Option<i64> = on_db!(tx, |c| blob_days::table
        .find((org.store(), dev.store(), day))
        .select(blob_days::bytes)
        .first(c)
        .optional())?;
    u64::read(found.unwrap_or(0))
}

/// Throws away what was sent before a day.
pub fn remove_usage_before(tx: &mut Tx<'_>, org: OrgId, day: i64) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::delete(blob_days::table)
        .filter(blob_days::org_id.eq(org.store()))
        .filter(blob_days::day.lt(day))
        .execute(c))
}
