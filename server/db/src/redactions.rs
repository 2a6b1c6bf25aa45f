//! What was redacted: the ops whose values were taken out for good, and the blobs whose bytes are taken from nobody any more.
//! The facts are the server's signed `redact` ops; these rows meet at the door what comes again.

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::ids::{AuditId, OrgId};
use sync_core::{DeviceId, Hash};

use crate::column::{Stored, UidColumn};
use crate::record::{BATCH, read_all, rows};
use crate::schema::{redacted_blobs, redactions};
use crate::{DbError, Micros, Tx};

record! {
    /// An op that was redacted.
    Redaction as RedactionRow in redactions {
        /// The audit.
        audit_id: AuditId,
        /// Whose log the op stands in.
        dev: DeviceId,
        /// Its position there.
        dseq: u64,
        /// Its field: another op at that position of another log is not meant.
        field: String,
    }
}

record! {
    /// A blob that was redacted.
    RedactedBlob as RedactedBlobRow in redacted_blobs {
        /// SHA-256 of the bytes that it had.
        blob: Hash,
        /// When.
        redacted_at: Micros,
        /// Whether its bytes are gone from the store.
        purged: bool,
    }
}

/// Adds ops that were redacted; nothing for those that are there already.
pub fn append(tx: &mut Tx<'_>, org: OrgId, new: &[Redaction]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(redactions::table)
            .values(&batch)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Whether anything of the organization was ever redacted.
pub fn any(tx: &mut Tx<'_>, org: OrgId) -> Result<bool, DbError> {
    let found: Option<UidColumn> = on_db!(tx, |c| redactions::table
        .filter(redactions::org_id.eq(org.store()))
        .select(redactions::audit_id)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}

/// What was redacted of these audits.
pub fn of_audits(tx: &mut Tx<'_>, org: OrgId, audits: &[AuditId]) -> Result<Vec<Redaction>, DbError> {
    let mut all = Vec::new();
    for batch in audits.chunks(BATCH) {
        let batch: Vec<UidColumn> = batch.iter().map(Stored::store).collect();
        let found: Vec<RedactionRow> = on_db!(tx, |c| redactions::table
            .filter(redactions::org_id.eq(org.store()))
            .filter(redactions::audit_id.eq_any(&batch))
            .order((redactions::audit_id, redactions::dev, redactions::dseq, redactions::field))
            .select(RedactionRow::as_select())
            .load(c))?;
        all.extend(read_all::<Redaction>(found)?);
    }
    Ok(all)
}

/// Adds blobs whose bytes are to go; one that is there is to go again.
pub fn append_blobs(tx: &mut Tx<'_>, org: OrgId, new: &[RedactedBlob]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(redacted_blobs::table)
            .values(&batch)
            .on_conflict((redacted_blobs::org_id, redacted_blobs::blob))
            .do_update()
            .set(redacted_blobs::purged.eq(false))
            .execute(c))?;
    }
    Ok(())
}

/// Which of these blobs were redacted.
pub fn blobs_among(tx: &mut Tx<'_>, org: OrgId, ids: &[Hash]) -> Result<BTreeSet<Hash>, DbError> {
    let mut all = BTreeSet::new();
    for batch in ids.chunks(BATCH) {
        let batch: Vec<Vec<u8>> = batch.iter().map(Stored::store).collect();
        let found: Vec<Vec<u8>> = on_db!(tx, |c| redacted_blobs::table
            .filter(redacted_blobs::org_id.eq(org.store()))
            .filter(redacted_blobs::blob.eq_any(&batch))
            .select(redacted_blobs::blob)
            .load(c))?;
        for id in found {
            all.insert(Hash::read(id)?);
        }
    }
    Ok(all)
}

/// Blobs that were redacted, by id: those whose bytes are gone, or those that wait for it.
pub fn list_blobs(
    tx: &mut Tx<'_>,
    org: OrgId,
    purged: bool,
    after: Option<Hash>,
    limit: u32,
) -> Result<Vec<RedactedBlob>, DbError> {
    let found: Vec<RedactedBlobRow> = on_db!(tx, |c| {
        let mut query = redacted_blobs::table
            .filter(redacted_blobs::org_id.eq(org.store()))
            .filter(redacted_blobs::purged.eq(purged))
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(redacted_blobs::blob.gt(after.store()));
        }
        query.order(redacted_blobs::blob).limit(i64::from(limit)).select(RedactedBlobRow::as_select()).load(c)
    })?;
    read_all(found)
}

/// Notes that the bytes of a blob are gone.
pub fn set_purged(tx: &mut Tx<'_>, org: OrgId, blob: Hash) -> Result<(), DbError> {
    on_db!(tx, |c| diesel::update(redacted_blobs::table.find((org.store(), blob.store())))
        .set(redacted_blobs::purged.eq(true))
        .execute(c))?;
    Ok(())
}
