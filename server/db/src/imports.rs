//! Imports of spreadsheets: each with what it changed row by row, what of that is in use since, and taking it back.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{BranchId, KpiId, OrgId, RegionId, StaffId, UserId};
use sync_core::Hash;
use uuid::Uuid;

use crate::column::{Stored, UidColumn};
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{
    assignments, audits, branches, devices, enrolment_codes, import_rows, imports, kpi_observations,
    kpi_retractions, payout_runs, payout_totals, regions, role_grants, sessions, shifts, staff,
    staff_absences, standard_assessments, users,
};
use crate::{DbError, Micros, Page, Tx};

words! {
    /// What an import is of.
    ImportKind {
        /// Branches, with their regions.
        Branches = "branches",
        /// People with their roles.
        Users = "users",
        /// Staff.
        Staff = "staff",
        /// Shifts of staff.
        Shifts = "shifts",
        /// KPI observations.
        Kpis = "kpis",
    }
}

words! {
    /// What a row of an import changed.
    Subject {
        /// A region.
        Region = "region",
        /// A branch.
        Branch = "branch",
        /// A person who did not exist.
        User = "user",
        /// A role of a person.
        Role = "role",
        /// A member of staff.
        Staff = "staff",
        /// A shift.
        Shift = "shift",
        /// An observation.
        Kpi = "kpi",
    }
}

words! {
    /// Why something cannot be taken back.
    Use {
        /// There are visits.
        Visits = "visits",
        /// There are assignments.
        Assignments = "assignments",
        /// There are assessments against a standard.
        Assessments = "assessments",
        /// There are observations of KPIs.
        Kpis = "kpis",
        /// Somebody has a role there.
        Roles = "roles",
        /// Staff works there.
        Staff = "staff",
        /// There are shifts.
        Shifts = "shifts",
        /// There are absences.
        Absences = "absences",
        /// There are branches in it.
        Branches = "branches",
        /// There are regions below it.
        Regions = "regions",
        /// A payout run counted it.
        Payouts = "payouts",
        /// The person has signed in or set a password.
        SignedIn = "signed_in",
        /// The person has a device.
        Devices = "devices",
    }
}

record! {
    /// One import.
    Import as ImportRow in imports {
        /// Its id, a UUIDv7.
        import_id: Uuid,
        /// Of what.
        kind: ImportKind,
        /// What the file was called.
        file_name: String,
        /// The SHA-256 of the file.
        file_hash: Hash,
        /// Who imported it.
        imported_by: UserId,
        /// When.
        imported_at: Micros,
        /// Rows of the file that added something.
        added: u32,
        /// Rows that changed something.
        changed: u32,
        /// Rows that said what was so already.
        unchanged: u32,
        /// Rows that were refused and left out.
        refused: u32,
        /// Who took it back; none where it stands.
        undone_by: Option<UserId>,
        /// When it was taken back.
        undone_at: Option<Micros>,
    }
}

record! {
    /// One thing that an import changed.
    ImportedRow as ImportedRowRow in import_rows {
        /// Of which import.
        import_id: Uuid,
        /// 1, 2, 3... in the order in which it was done.
        seq: u32,
        /// The row of the file that asked for it.
        file_row: u32,
        /// What it is.
        subject: Subject,
        /// The key by which people know it.
        key: String,
        /// Its id; of a shift and of a role, that of the person.
        subject_id: Uuid,
        /// What it was, JSON; none for what was not there.
        was: Option<String>,
        /// What it became, JSON.
        became: String,
        /// Why taking the import back left this as it is; none where it did not.
        kept: Option<String>,
    }
}

/// Appends an import.
///
/// - **Errors**: [`DbError::Refused`] for a person that the organization does not have.
pub fn append(tx: &mut Tx<'_>, org: OrgId, import: &Import) -> Result<(), DbError> {
    let row = import.row(org);
    on_db!(tx, |c| diesel::insert_into(imports::table).values(&row).execute(c))?;
    Ok(())
}

/// Appends what an import changed.
///
/// - **Errors**: [`DbError::Refused`] for an import that is not there.
pub fn append_rows(tx: &mut Tx<'_>, org: OrgId, new: &[ImportedRow]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        insert_all!(tx, batch, |values| diesel::insert_into(import_rows::table).values(values))?;
    }
    Ok(())
}

/// The import of an id.
pub fn find(tx: &mut Tx<'_>, org: OrgId, import: Uuid) -> Result<Option<Import>, DbError> {
    let row: Option<ImportRow> = on_db!(tx, |c| imports::table
        .find((org.store(), import.store()))
        .select(ImportRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Imports of some kinds, the newest first; those before an id where it is given, and of one person where one is given.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    (kinds, by): (&[ImportKind], Option<UserId>),
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<Import, Uuid>, DbError> {
    let kinds: Vec<String> = kinds.iter().map(Stored::store).collect();
    let found: Vec<ImportRow> = on_db!(tx, |c| {
        let mut query = imports::table
            .filter(imports::org_id.eq(org.store()))
            .filter(imports::kind.eq_any(&kinds))
            .into_boxed();
        if let Some(by) = by {
            query = query.filter(imports::imported_by.eq(by.store()));
        }
        if let Some(before) = before {
            query = query.filter(imports::import_id.lt(before.store()));
        }
        query
            .order(imports::import_id.desc())
            .limit(rows_to_read(limit))
            .select(ImportRow::as_select())
            .load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Import| it.import_id))
}

/// What an import changed, in the order in which it was done.
pub fn list_rows(
    tx: &mut Tx<'_>,
    org: OrgId,
    import: Uuid,
    after: Option<u32>,
    limit: u32,
) -> Result<Page<ImportedRow, u32>, DbError> {
    let found: Vec<ImportedRowRow> = on_db!(tx, |c| import_rows::table
        .filter(import_rows::org_id.eq(org.store()))
        .filter(import_rows::import_id.eq(import.store()))
        .filter(import_rows::seq.gt(after.unwrap_or_default().store()))
        .order(import_rows::seq)
        .limit(rows_to_read(limit))
        .select(ImportedRowRow::as_select())
        .load(c))?;
    Ok(Page::cut(read_all(found)?, limit, |it: &ImportedRow| it.seq))
}

/// Notes that an import was taken back.
///
/// - **Errors**: [`DbError::Stale`] where it was already, or is not there.
pub fn set_undone(
    tx: &mut Tx<'_>,
    org: OrgId,
    import: Uuid,
    (by, at): (UserId, Micros),
) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(imports::table.find((org.store(), import.store())))
        .filter(imports::undone_at.is_null())
        .set((imports::undone_by.eq(Some(by.store())), imports::undone_at.eq(Some(at.store()))))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Notes why taking an import back left one of its rows as it is.
///
/// - **Errors**: [`DbError::NotFound`].
pub fn set_kept(tx: &mut Tx<'_>, org: OrgId, import: Uuid, seq: u32, why: &str) -> Result<(), DbError> {
    let key = (org.store(), import.store(), seq.store());
    let changed = on_db!(tx, |c| diesel::update(import_rows::table.find(key))
        .set(import_rows::kept.eq(Some(why)))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Of many ids those that a table names: `ids_in!(tx, org, ids, table::column)`.
macro_rules! ids_in {
    ($tx:expr, $org:expr, $ids:expr, $table:ident :: $column:ident $(, $kind:expr)?) => {{
        let mut found: Vec<UidColumn> = Vec::new();
        for ids in $ids.chunks(BATCH) {
            let batch: Vec<UidColumn> = on_db!($tx, |c| $table::table
                .filter($table::org_id.eq($org.store()))
                .filter($table::$column.eq_any(ids))
                $(.filter($table::scope_kind.eq($kind)))?
                .select($table::$column)
                .distinct()
                .load(c))?;
            found.extend(batch);
        }
        found.into_iter().map(|it| it.0).collect::<Vec<Uuid>>()
    }};
}

/// The first reason for each id.
fn note(uses: &mut BTreeMap<Uuid, Use>, ids: Vec<Uuid>, why: Use) {
    for id in ids {
        uses.entry(id).or_insert(why);
    }
}

/// Which of these branches something hangs on, with the weightiest of it.
pub fn branches_in_use(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[BranchId],
) -> Result<BTreeMap<Uuid, Use>, DbError> {
    let ids: Vec<UidColumn> = ids.iter().map(Stored::store).collect();
    let mut uses = BTreeMap::new();
    note(&mut uses, ids_in!(tx, org, ids, audits::branch_id), Use::Visits);
    note(&mut uses, ids_in!(tx, org, ids, assignments::branch_id), Use::Assignments);
    note(&mut uses, ids_in!(tx, org, ids, standard_assessments::branch_id), Use::Assessments);
    note(&mut uses, ids_in!(tx, org, ids, kpi_observations::scope_id, "branch"), Use::Kpis);
    note(&mut uses, ids_in!(tx, org, ids, role_grants::scope_id, "branch"), Use::Roles);
    note(&mut uses, ids_in!(tx, org, ids, staff::branch_id), Use::Staff);
    note(&mut uses, ids_in!(tx, org, ids, shifts::branch_id), Use::Shifts);
    Ok(uses)
}

/// Which of these regions something hangs on.
pub fn regions_in_use(tx: &mut Tx<'_>, org: OrgId, ids: &[RegionId]) -> Result<BTreeMap<Uuid, Use>, DbError> {
    let ids: Vec<UidColumn> = ids.iter().map(Stored::store).collect();
    let above: Vec<Option<UidColumn>> = ids.iter().copied().map(Some).collect();
    let mut uses = BTreeMap::new();
    for above in above.chunks(BATCH) {
        let of_branches: Vec<Option<UidColumn>> = on_db!(tx, |c| branches::table
            .filter(branches::org_id.eq(org.store()))
            .filter(branches::region_id.eq_any(above))
            .select(branches::region_id)
            .distinct()
            .load(c))?;
        note(&mut uses, of_branches.into_iter().flatten().map(|it| it.0).collect(), Use::Branches);
        let of_regions: Vec<Option<UidColumn>> = on_db!(tx, |c| regions::table
            .filter(regions::org_id.eq(org.store()))
            .filter(regions::parent_id.eq_any(above))
            .select(regions::parent_id)
            .distinct()
            .load(c))?;
        note(&mut uses, of_regions.into_iter().flatten().map(|it| it.0).collect(), Use::Regions);
    }
    note(&mut uses, ids_in!(tx, org, ids, kpi_observations::scope_id, "region"), Use::Kpis);
    note(&mut uses, ids_in!(tx, org, ids, role_grants::scope_id, "region"), Use::Roles);
    Ok(uses)
}

/// Which of these members of staff something hangs on; payouts are asked for apart.
pub fn staff_in_use(tx: &mut Tx<'_>, org: OrgId, ids: &[StaffId]) -> Result<BTreeMap<Uuid, Use>, DbError> {
    let ids: Vec<UidColumn> = ids.iter().map(Stored::store).collect();
    let mut uses = BTreeMap::new();
    note(&mut uses, ids_in!(tx, org, ids, shifts::staff_id), Use::Shifts);
    note(&mut uses, ids_in!(tx, org, ids, staff_absences::staff_id), Use::Absences);
    note(&mut uses, ids_in!(tx, org, ids, kpi_observations::scope_id, "staff"), Use::Kpis);
    Ok(uses)
}

/// Which of these people are at work already.
pub fn users_in_use(tx: &mut Tx<'_>, org: OrgId, ids: &[UserId]) -> Result<BTreeMap<Uuid, Use>, DbError> {
    let ids: Vec<UidColumn> = ids.iter().map(Stored::store).collect();
    let mut uses = BTreeMap::new();
    for ids in ids.chunks(BATCH) {
        let with_password: Vec<UidColumn> = on_db!(tx, |c| users::table
            .filter(users::org_id.eq(org.store()))
            .filter(users::user_id.eq_any(ids))
            .filter(users::password_hash.ne(""))
            .select(users::user_id)
            .load(c))?;
        note(&mut uses, with_password.into_iter().map(|it| it.0).collect(), Use::SignedIn);
        let with_device: Vec<Option<UidColumn>> = on_db!(tx, |c| devices::table
            .filter(devices::org_id.eq(org.store()))
            .filter(devices::user_id.eq_any(ids.iter().copied().map(Some)))
            .select(devices::user_id)
            .distinct()
            .load(c))?;
        note(&mut uses, with_device.into_iter().flatten().map(|it| it.0).collect(), Use::Devices);
    }
    note(&mut uses, ids_in!(tx, org, ids, sessions::user_id), Use::SignedIn);
    note(&mut uses, ids_in!(tx, org, ids, assignments::auditor_id), Use::Assignments);
    note(&mut uses, ids_in!(tx, org, ids, audits::auditor_id), Use::Visits);
    Ok(uses)
}

/// The employee numbers, of these, that a payout run made since `since` has paid.
pub fn paid_since(
    tx: &mut Tx<'_>,
    org: OrgId,
    employee_nos: &[&str],
    since: Micros,
) -> Result<Vec<String>, DbError> {
    let mut found = Vec::new();
    for people in employee_nos.chunks(BATCH) {
        let batch: Vec<String> = on_db!(tx, |c| payout_totals::table
            .inner_join(
                payout_runs::table.on(payout_runs::org_id
                    .eq(payout_totals::org_id)
                    .and(payout_runs::run_id.eq(payout_totals::run_id)))
            )
            .filter(payout_totals::org_id.eq(org.store()))
            .filter(payout_totals::person.eq_any(people))
            .filter(payout_runs::created_at.ge(since.store()))
            .select(payout_totals::person)
            .distinct()
            .load(c))?;
        found.extend(batch);
    }
    Ok(found)
}

/// Whether a payout run made since `since` is about days from `from` to `to`.
pub fn is_in_payouts_since(
    tx: &mut Tx<'_>,
    org: OrgId,
    (from, to): (Date, Date),
    since: Micros,
) -> Result<bool, DbError> {
    let count: i64 = on_db!(tx, |c| payout_runs::table
        .filter(payout_runs::org_id.eq(org.store()))
        .filter(payout_runs::created_at.ge(since.store()))
        .filter(payout_runs::period_from.le(to.store()))
        .filter(payout_runs::period_to.ge(from.store()))
        .count()
        .get_result(c))?;
    Ok(count > 0)
}

/// Takes observations back: they stay stored and are listed no more.
///
/// - **Errors**: [`DbError::Duplicate`] for one that was taken back, [`DbError::Refused`] for one that is not there.
pub fn retract_kpis(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[KpiId],
    (import, at): (Uuid, Micros),
) -> Result<(), DbError> {
    for batch in ids.chunks(BATCH) {
        let batch: Vec<_> = batch
            .iter()
            .map(|it| {
                (
                    kpi_retractions::org_id.eq(org.store()),
                    kpi_retractions::kpi_id.eq(it.store()),
                    kpi_retractions::import_id.eq(import.store()),
                    kpi_retractions::retracted_at.eq(at.store()),
                )
            })
            .collect();
        on_db!(tx, |c| diesel::insert_into(kpi_retractions::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Removes branches on which nothing hangs.
///
/// - **Errors**: [`DbError::Refused`] for one on which something does.
pub fn remove_branches(tx: &mut Tx<'_>, org: OrgId, ids: &[BranchId]) -> Result<(), DbError> {
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        on_db!(tx, |c| diesel::delete(branches::table)
            .filter(branches::org_id.eq(org.store()))
            .filter(branches::branch_id.eq_any(&ids))
            .execute(c))?;
    }
    Ok(())
}

/// Removes a region on which nothing hangs.
///
/// - **Errors**: [`DbError::Refused`] for one on which something does.
pub fn remove_region(tx: &mut Tx<'_>, org: OrgId, id: RegionId) -> Result<(), DbError> {
    on_db!(tx, |c| diesel::delete(regions::table.find((org.store(), id.store()))).execute(c))?;
    Ok(())
}

/// Removes members of staff on whom nothing hangs.
///
/// - **Errors**: [`DbError::Refused`] for one on whom something does.
pub fn remove_staff(tx: &mut Tx<'_>, org: OrgId, ids: &[StaffId]) -> Result<(), DbError> {
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        on_db!(tx, |c| diesel::delete(staff::table)
            .filter(staff::org_id.eq(org.store()))
            .filter(staff::staff_id.eq_any(&ids))
            .execute(c))?;
    }
    Ok(())
}

/// Removes a shift; false where it is not there.
pub fn remove_shift(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: StaffId,
    (day, begins): (Date, &str),
) -> Result<bool, DbError> {
    let key = (org.store(), id.store(), day.store(), begins);
    let removed = on_db!(tx, |c| diesel::delete(shifts::table.find(key.clone())).execute(c))?;
    Ok(removed > 0)
}

/// Removes people who never were at work, with their roles and codes.
///
/// - **Errors**: [`DbError::Refused`] for one on whom something hangs.
pub fn remove_users(tx: &mut Tx<'_>, org: OrgId, ids: &[UserId]) -> Result<(), DbError> {
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        on_db!(tx, |c| diesel::delete(role_grants::table)
            .filter(role_grants::org_id.eq(org.store()))
            .filter(role_grants::user_id.eq_any(&ids))
            .execute(c))?;
        on_db!(tx, |c| diesel::delete(enrolment_codes::table)
            .filter(enrolment_codes::org_id.eq(org.store()))
            .filter(enrolment_codes::user_id.eq_any(&ids))
            .execute(c))?;
        on_db!(tx, |c| diesel::delete(users::table)
            .filter(users::org_id.eq(org.store()))
            .filter(users::user_id.eq_any(&ids))
            .execute(c))?;
    }
    Ok(())
}
