//! Ops that were stored and acknowledged but not applied, each with its reason.

use diesel::prelude::*;
use domain::ids::{AuditId, OrgId};
use sync_core::DeviceId;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, read_all, rows};
use crate::schema::quarantined_ops;
use crate::{DbError, Micros, Page, Tx};

record! {
    /// An op that was set aside.
    QuarantinedOp as QuarantinedOpRow in quarantined_ops {
        /// Whose log it stands in.
        dev: DeviceId,
        /// Its position there.
        dseq: u64,
        /// The audit that it names; nil for none.
        audit_id: AuditId,
        /// Why, as a stable machine code.
        reason: String,
        /// When it came.
        received_at: Micros,
    }
}

/// Appends ops that were set aside.
///
/// - **Errors**: [`DbError::Duplicate`] for one that is there.
pub fn append(tx: &mut Tx<'_>, org: OrgId, new: &[QuarantinedOp]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(quarantined_ops::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// What was set aside, by device and position; the key of the next page is the last row of this one.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<(DeviceId, u64)>,
    limit: u32,
) -> Result<Page<QuarantinedOp, (DeviceId, u64)>, DbError> {
    let found: Vec<QuarantinedOpRow> = on_db!(tx, |c| {
        let mut query = quarantined_ops::table.filter(quarantined_ops::org_id.eq(org.store())).into_boxed();
        if let Some((dev, dseq)) = after {
            let later = quarantined_ops::dev.eq(dev.store()).and(quarantined_ops::dseq.gt(dseq.store()));
            query = query.filter(quarantined_ops::dev.gt(dev.store()).or(later));
        }
        query
            .order((quarantined_ops::dev, quarantined_ops::dseq))
            .limit(rows_to_read(limit))
            .select(QuarantinedOpRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &QuarantinedOp| (it.dev, it.dseq)))
}
