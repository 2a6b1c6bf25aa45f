//! Reports of incidents: the keys that they are sealed to, the reports as they came, and who saw or did what of each.

use diesel::prelude::*;
use domain::ids::{IncidentId, OrgId, UserId};
use domain::incident::IncidentState;
use sync_core::{DeviceId, Hash};
use uuid::Uuid;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{incident_custody, incident_keys, incidents};
use crate::{DbError, Micros, Page, Tx};

record! {
    /// A public key that reports are sealed to; its secret is the custodian's alone.
    IncidentKey as IncidentKeyRow in incident_keys {
        /// Its SHA-256.
        key_id: Hash,
        /// The key, 32 bytes of X25519.
        public_key: Vec<u8>,
        /// When it was set.
        created_at: Micros,
        /// When another took its place; what was sealed to it still opens with its secret.
        retired_at: Option<Micros>,
    }
}

record! {
    /// A report as it came.
    Incident as IncidentRow in incidents {
        /// Its id, a UUIDv7 of the phone.
        incident_id: IncidentId,
        /// Who reported it.
        user_id: UserId,
        /// The device that handed it in.
        dev: DeviceId,
        /// The device that it was written on.
        author_dev: DeviceId,
        /// The key that it is sealed to; none where it is as it was written.
        key_id: Option<Hash>,
        /// The sealed bytes, or the report's canonical JSON.
        body: Vec<u8>,
        /// The signature of the device that handed it in.
        sig: Vec<u8>,
        /// When it came.
        received_at: Micros,
        /// How far it is handled.
        state: IncidentState,
    }
}

record! {
    /// Who saw or did what of a report.
    CustodyEntry as CustodyEntryRow in incident_custody {
        /// Its id, a UUIDv7: entries are in the order of time.
        entry_id: Uuid,
        /// Of which report.
        incident_id: IncidentId,
        /// When.
        at: Micros,
        /// Who, such as `user:<id>`.
        actor: String,
        /// What: `received`, `listed`, `opened`, or the state that it was put into.
        action: String,
        /// Why, in their words; none where nobody is asked.
        reason: Option<String>,
    }
}

/// Sets a key in place of the one before, which is retired.
///
/// - **Errors**: [`DbError::Duplicate`] for a key that the organization had before.
pub fn set_key(tx: &mut Tx<'_>, org: OrgId, key: &IncidentKey) -> Result<(), DbError> {
    let row = key.row(org);
    on_db!(tx, |c| diesel::update(incident_keys::table)
        .filter(incident_keys::org_id.eq(org.store()))
        .filter(incident_keys::retired_at.is_null())
        .set(incident_keys::retired_at.eq(Some(key.created_at.store())))
        .execute(c))?;
    on_db!(tx, |c| diesel::insert_into(incident_keys::table).values(&row).execute(c))?;
    Ok(())
}

/// Every key that the organization ever had, oldest first.
pub fn list_keys(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<IncidentKey>, DbError> {
    let found: Vec<IncidentKeyRow> = on_db!(tx, |c| incident_keys::table
        .filter(incident_keys::org_id.eq(org.store()))
        .order((incident_keys::created_at, incident_keys::key_id))
        .limit(i64::from(crate::MAX_PAGE))
        .select(IncidentKeyRow::as_select())
        .load(c))?;
    read_all(found)
}

/// Appends a report.
///
/// - **Errors**: [`DbError::Duplicate`] for an id that is there, [`DbError::Refused`] for a device or person that is not known.
pub fn append(tx: &mut Tx<'_>, org: OrgId, incident: &Incident) -> Result<(), DbError> {
    let row = incident.row(org);
    on_db!(tx, |c| diesel::insert_into(incidents::table).values(&row).execute(c))?;
    Ok(())
}

/// The report of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: IncidentId) -> Result<Option<Incident>, DbError> {
    let row: Option<IncidentRow> = on_db!(tx, |c| incidents::table
        .find((org.store(), id.store()))
        .select(IncidentRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The reports after an id, oldest first; those in one state where it is given.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    state: Option<IncidentState>,
    after: Option<IncidentId>,
    limit: u32,
) -> Result<Page<Incident, IncidentId>, DbError> {
    let found: Vec<IncidentRow> = on_db!(tx, |c| {
        let mut query = incidents::table.filter(incidents::org_id.eq(org.store())).into_boxed();
        if let Some(state) = state {
            query = query.filter(incidents::state.eq(state.as_str()));
        }
        if let Some(after) = after {
            query = query.filter(incidents::incident_id.gt(after.store()));
        }
        query
            .order(incidents::incident_id)
            .limit(rows_to_read(limit))
            .select(IncidentRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Incident| it.incident_id))
}

/// How many reports of a person came since an instant.
pub fn count_since(tx: &mut Tx<'_>, org: OrgId, user: UserId, since: Micros) -> Result<u64, DbError> {
    let count: i64 = on_db!(tx, |c| incidents::table
        .filter(incidents::org_id.eq(org.store()))
        .filter(incidents::user_id.eq(user.store()))
        .filter(incidents::received_at.ge(since.store()))
        .count()
        .get_result(c))?;
    u64::try_from(count).map_err(|_| DbError::Corrupt("a negative count"))
}

/// Puts a report from one state into another.
///
/// - **Errors**: [`DbError::Stale`] where it is in another one, or not there.
pub fn set_state(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IncidentId,
    (from, to): (IncidentState, IncidentState),
) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(incidents::table.find((org.store(), id.store())))
        .filter(incidents::state.eq(from.as_str()))
        .set(incidents::state.eq(to.as_str()))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Notes who saw or did what.
///
/// - **Errors**: [`DbError::Refused`] for a report that is not there.
pub fn append_custody(tx: &mut Tx<'_>, org: OrgId, entries: &[CustodyEntry]) -> Result<(), DbError> {
    for batch in entries.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(incident_custody::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Who saw or did what of a report, oldest first.
pub fn list_custody(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IncidentId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<CustodyEntry, Uuid>, DbError> {
    let found: Vec<CustodyEntryRow> = on_db!(tx, |c| {
        let mut query = incident_custody::table
            .filter(incident_custody::org_id.eq(org.store()))
            .filter(incident_custody::incident_id.eq(id.store()))
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(incident_custody::entry_id.gt(after.store()));
        }
        query
            .order(incident_custody::entry_id)
            .limit(rows_to_read(limit))
            .select(CustodyEntryRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &CustodyEntry| it.entry_id))
}
