//! Devices that go on in place of a former one, and what they gave up of its log: evidence beside the log that stands.

use diesel::prelude::*;
use domain::ids::{OrgId, UserId};
use sync_core::{DeviceId, Hash};

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{Record, read_all, read_one};
use crate::schema::{devices, former_runs, successions};
use crate::{DbError, Micros, Page, Tx};

record! {
    /// A device that goes on in place of a former one.
    Succession as SuccessionRow in successions {
        /// The device.
        dev: DeviceId,
        /// The one that it goes on for.
        former: DeviceId,
        /// Whether the former one's key signed it; else its person says so.
        proven: bool,
        /// When.
        at: Micros,
    }
}

record! {
    /// Ops of a log that its device gave up: signed by its key, and not what stands in the log.
    FormerRun as FormerRunRow in former_runs {
        /// Whose log.
        dev: DeviceId,
        /// Position of the first op.
        first_dseq: u64,
        /// Position of the last op.
        last_dseq: u64,
        /// Chain hash after it.
        h: Hash,
        /// Who brought it.
        brought_by: DeviceId,
        /// When.
        received_at: Micros,
        /// The run as it came, CBOR of `sync_core::exchange::Run`.
        bytes: Vec<u8>,
    }
}

/// Notes a succession; nothing where the device has one already.
pub fn append_succession(tx: &mut Tx<'_>, org: OrgId, new: &Succession) -> Result<(), DbError> {
    let row = new.row(org);
    on_db!(tx, |c| diesel::insert_into(successions::table).values(&row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// The device that a device goes on for.
pub fn find_succession(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<Succession>, DbError> {
    let row: Option<SuccessionRow> = on_db!(tx, |c| successions::table
        .find((org.store(), dev.store()))
        .select(SuccessionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// How many devices of a person go on for another.
pub fn count_successions(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<u64, DbError> {
    let count: i64 = on_db!(tx, |c| successions::table
        .filter(successions::org_id.eq(org.store()))
        .filter(
            successions::dev.eq_any(
                devices::table
                    .filter(devices::org_id.eq(org.store()))
                    .filter(devices::user_id.eq(user.store()))
                    .select(devices::dev)
            )
        )
        .count()
        .get_result(c))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many runs are kept beside a device's log.
pub fn count_runs(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<u64, DbError> {
    let count: i64 = on_db!(tx, |c| former_runs::table
        .filter(former_runs::org_id.eq(org.store()))
        .filter(former_runs::dev.eq(dev.store()))
        .count()
        .get_result(c))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Whether a run that is kept beside a device's log ends there.
pub fn ends_at(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId, last: u64, h: Hash) -> Result<bool, DbError> {
    let found: Option<i64> = on_db!(tx, |c| former_runs::table
        .filter(former_runs::org_id.eq(org.store()))
        .filter(former_runs::dev.eq(dev.store()))
        .filter(former_runs::last_dseq.eq(last.store()))
        .filter(former_runs::h.eq(h.store()))
        .select(former_runs::last_dseq)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}

/// Keeps a run of a former log; whether it was not kept before.
pub fn keep_run(tx: &mut Tx<'_>, org: OrgId, new: &FormerRun) -> Result<bool, DbError> {
    let row = new.row(org);
    let kept = on_db!(tx, |c| diesel::insert_into(former_runs::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(kept > 0)
}

/// Puts a run in place of itself from which values were taken; all else of it stands.
///
/// - **Errors**: [`DbError::NotFound`] for a run that is not kept.
pub fn rewrite_run(tx: &mut Tx<'_>, org: OrgId, run: &FormerRun, bytes: &[u8]) -> Result<(), DbError> {
    let rewritten = on_db!(tx, |c| diesel::update(former_runs::table.find((
        org.store(),
        run.dev.store(),
        run.first_dseq.store(),
        run.h.store()
    )))
    .set(former_runs::bytes.eq(bytes))
    .execute(c))?;
    if rewritten == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Where a page of runs begins: several may begin at one position.
pub type RunKey = (u64, Hash);

/// What was given up of a device's log, in its order, after a run.
pub fn list_runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    after: Option<RunKey>,
    limit: u32,
) -> Result<Page<FormerRun, RunKey>, DbError> {
    let found: Vec<FormerRunRow> = on_db!(tx, |c| {
        let mut query = former_runs::table
            .filter(former_runs::org_id.eq(org.store()))
            .filter(former_runs::dev.eq(dev.store()))
            .into_boxed();
        if let Some((first, h)) = after {
            let later = former_runs::first_dseq.eq(first.store()).and(former_runs::h.gt(h.store()));
            query = query.filter(former_runs::first_dseq.gt(first.store()).or(later));
        }
        query
            .order((former_runs::first_dseq, former_runs::h))
            .limit(rows_to_read(limit))
            .select(FormerRunRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |run: &FormerRun| (run.first_dseq, run.h)))
}
