//! What devices last said of themselves, one row a device.

use diesel::prelude::*;
use domain::ids::OrgId;
use sync_core::DeviceId;

use crate::column::Stored;
use crate::record::{Record, read_one};
use crate::schema::device_reports;
use crate::{DbError, Micros, Tx};

record! {
    /// What a device said of itself, and how much it sends. Numbers of the device are its own word: at most [`i64::MAX`].
    DeviceReport as DeviceReportRow in device_reports {
        /// Whose report.
        dev: DeviceId,
        /// When it spoke, by the server's clock.
        seen_at: Micros,
        /// Its own clock then, in milliseconds since 1970.
        wall_ms: u64,
        /// Ops that it had not sent.
        pending_ops: u64,
        /// Blobs that it had not sent.
        pending_blobs: u64,
        /// Bytes of those blobs.
        pending_bytes: u64,
        /// The day that is counted, in days since 1970 (UTC).
        day: u64,
        /// Ops that it sent on that day.
        day_ops: u64,
        /// When it last sent more ops than a phone sends in a day; none where it never did.
        over_quota_at: Option<Micros>,
    }
}

/// The report of a device; none before it first spoke.
pub fn find(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<DeviceReport>, DbError> {
    let row: Option<DeviceReportRow> = on_db!(tx, |c| device_reports::table
        .find((org.store(), dev.store()))
        .select(DeviceReportRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Puts a report in place of the one before.
///
/// - **Errors**: [`DbError::Refused`] for a device that is not known.
pub fn upsert(tx: &mut Tx<'_>, org: OrgId, report: &DeviceReport) -> Result<(), DbError> {
    let row = report.row(org);
    on_db!(tx, |c| diesel::insert_into(device_reports::table)
        .values(&row)
        .on_conflict((device_reports::org_id, device_reports::dev))
        .do_update()
        .set(excluded!(device_reports:
            seen_at, wall_ms, pending_ops, pending_blobs, pending_bytes, day, day_ops, over_quota_at
        ))
        .execute(c))?;
    Ok(())
}
