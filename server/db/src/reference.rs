//! Reference data: regions, branches, staff, and when staff was at work.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::date::Date;
use domain::ids::{BranchId, OrgId, RegionId, StaffId};

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all, read_one, rows};
use crate::schema::{branches, regions, shifts, staff, staff_absences};
use crate::{DbError, Page, Tx};

record! {
    /// A region of an organization's tree.
    Region as RegionRow in regions {
        /// Its id.
        region_id: RegionId,
        /// The region above it.
        parent_id: Option<RegionId>,
        /// Its code, unique in the organization.
        code: String,
        /// Its name.
        name: String,
    }
}

record! {
    /// A branch, office or contact centre.
    Branch as BranchRow in branches {
        /// Its id.
        branch_id: BranchId,
        /// Its region.
        region_id: Option<RegionId>,
        /// Its code, unique in the organization.
        code: String,
        /// Its name.
        name: String,
        /// Degrees north times 10,000,000.
        latitude_e7: Option<i64>,
        /// Degrees east times 10,000,000.
        longitude_e7: Option<i64>,
        /// Its time zone (IANA).
        zone: String,
        /// The score it should reach, in hundredths.
        target_hundredths: Option<i64>,
        /// False for one that is closed.
        active: bool,
    }
}

record! {
    /// A member of staff.
    Staff as StaffRow in staff {
        /// Their id.
        staff_id: StaffId,
        /// Their employee number, unique in the organization.
        employee_no: String,
        /// Their name.
        name: String,
        /// Their position.
        position: String,
        /// Their share in a team's pool, a decimal.
        role_factor: Option<String>,
        /// Where they work.
        branch_id: BranchId,
        /// Since when.
        employed_from: Date,
        /// Until when, that day included.
        employed_to: Option<Date>,
        /// Their target incentive for a period, in minor units of the plan's currency.
        target_minor: Option<i64>,
    }
}

record! {
    /// Days on which a member of staff was away.
    StaffAbsence as StaffAbsenceRow in staff_absences {
        /// Who.
        staff_id: StaffId,
        /// The first day.
        absent_from: Date,
        /// The last day.
        absent_to: Date,
        /// Why, such as `vacation`.
        kind: String,
    }
}

record! {
    /// A shift that a member of staff worked.
    Shift as ShiftRow in shifts {
        /// Who.
        staff_id: StaffId,
        /// The day on the branch's calendar.
        work_date: Date,
        /// When it began on the branch's clock, `HH:MM`.
        begins: String,
        /// When it ended; earlier than `begins` means on the next day.
        ends: String,
        /// Where.
        branch_id: BranchId,
    }
}

/// Stores regions as they now are, in statements of many; of two with one id the later stands. A region above stands
/// before or in the same five hundred as those below it.
///
/// - **Errors**: [`DbError::Duplicate`] for a code that another region has, [`DbError::Refused`] for a region above that
///   is not stored.
pub fn upsert_regions(tx: &mut Tx<'_>, org: OrgId, changed: &[Region]) -> Result<(), DbError> {
    for batch in changed.chunks(BATCH) {
        let last: BTreeMap<RegionId, &Region> = batch.iter().map(|it| (it.region_id, it)).collect();
        let batch: Vec<RegionRow> = last.values().map(|it| it.row(org)).collect();
        on_db!(tx, |c| diesel::insert_into(regions::table)
            .values(&batch)
            .on_conflict((regions::org_id, regions::region_id))
            .do_update()
            .set(excluded!(regions: parent_id, code, name))
            .execute(c))?;
    }
    Ok(())
}

/// The regions of an organization, by code, at most [`crate::MAX_PAGE`].
pub fn list_regions(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Region>, DbError> {
    let found: Vec<RegionRow> = on_db!(tx, |c| regions::table
        .filter(regions::org_id.eq(org.store()))
        .order(regions::code)
        .limit(i64::from(crate::MAX_PAGE))
        .select(RegionRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The region of an id.
pub fn find_region(tx: &mut Tx<'_>, org: OrgId, region: RegionId) -> Result<Option<Region>, DbError> {
    let row: Option<RegionRow> = on_db!(tx, |c| regions::table
        .find((org.store(), region.store()))
        .select(RegionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Stores branches as they now are, in statements of many; of two with one id the later stands.
///
/// - **Errors**: [`DbError::Duplicate`] for a code that another branch has, [`DbError::Refused`] for a region that is
///   not stored.
pub fn upsert_branches(tx: &mut Tx<'_>, org: OrgId, changed: &[Branch]) -> Result<(), DbError> {
    for batch in changed.chunks(BATCH) {
        let last: BTreeMap<BranchId, &Branch> = batch.iter().map(|it| (it.branch_id, it)).collect();
        let batch: Vec<BranchRow> = last.values().map(|it| it.row(org)).collect();
        on_db!(tx, |c| diesel::insert_into(branches::table)
            .values(&batch)
            .on_conflict((branches::org_id, branches::branch_id))
            .do_update()
            .set(excluded!(branches:
                region_id, code, name, latitude_e7, longitude_e7, zone, target_hundredths, active
            ))
            .execute(c))?;
    }
    Ok(())
}

/// The branch of an id.
pub fn find_branch(tx: &mut Tx<'_>, org: OrgId, branch: BranchId) -> Result<Option<Branch>, DbError> {
    let row: Option<BranchRow> = on_db!(tx, |c| branches::table
        .find((org.store(), branch.store()))
        .select(BranchRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The branches of many ids, in no order; those that are not stored are left out.
pub fn find_branches(tx: &mut Tx<'_>, org: OrgId, ids: &[BranchId]) -> Result<Vec<Branch>, DbError> {
    let mut found: Vec<BranchRow> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        let batch: Vec<BranchRow> = on_db!(tx, |c| branches::table
            .filter(branches::org_id.eq(org.store()))
            .filter(branches::branch_id.eq_any(&ids))
            .select(BranchRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// The branch of a code.
pub fn find_branch_by_code(tx: &mut Tx<'_>, org: OrgId, code: &str) -> Result<Option<Branch>, DbError> {
    let row: Option<BranchRow> = on_db!(tx, |c| branches::table
        .filter(branches::org_id.eq(org.store()))
        .filter(branches::code.eq(code))
        .select(BranchRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The branches of many codes, in no order; those that are not stored are left out.
pub fn find_branches_by_codes(tx: &mut Tx<'_>, org: OrgId, codes: &[&str]) -> Result<Vec<Branch>, DbError> {
    let mut found: Vec<BranchRow> = Vec::with_capacity(codes.len());
    for codes in codes.chunks(BATCH) {
        let batch: Vec<BranchRow> = on_db!(tx, |c| branches::table
            .filter(branches::org_id.eq(org.store()))
            .filter(branches::code.eq_any(codes))
            .select(BranchRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// How far somebody sees: the branches of some regions, and some branches one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchScope {
    /// All branches of these regions.
    pub regions: Vec<RegionId>,
    /// These branches, wherever they are.
    pub branches: Vec<BranchId>,
}

/// The branches in a scope by id; those of some regions where `regions_of` is given.
pub fn list_branches_within(
    tx: &mut Tx<'_>,
    org: OrgId,
    scope: &BranchScope,
    regions_of: Option<&[RegionId]>,
    after: Option<BranchId>,
    limit: u32,
) -> Result<Page<Branch, BranchId>, DbError> {
    let ids: Vec<_> = scope.branches.iter().map(Stored::store).collect();
    let regions: Vec<_> = scope.regions.iter().map(|id| Some(id.store())).collect();
    let found: Vec<BranchRow> = on_db!(tx, |c| {
        let mut query = branches::table
            .filter(branches::org_id.eq(org.store()))
            .filter(branches::branch_id.eq_any(&ids).or(branches::region_id.eq_any(&regions)))
            .into_boxed();
        if let Some(ids) = regions_of {
            let ids: Vec<_> = ids.iter().map(|id| Some(id.store())).collect();
            query = query.filter(branches::region_id.eq_any(ids));
        }
        if let Some(after) = after {
            query = query.filter(branches::branch_id.gt(after.store()));
        }
        query.order(branches::branch_id).limit(rows_to_read(limit)).select(BranchRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |branch: &Branch| branch.branch_id))
}

/// The branches by id; those of some regions where `regions_of` is given.
pub fn list_branches(
    tx: &mut Tx<'_>,
    org: OrgId,
    regions_of: Option<&[RegionId]>,
    after: Option<BranchId>,
    limit: u32,
) -> Result<Page<Branch, BranchId>, DbError> {
    let found: Vec<BranchRow> = on_db!(tx, |c| {
        let mut query = branches::table.filter(branches::org_id.eq(org.store())).into_boxed();
        if let Some(ids) = regions_of {
            let ids: Vec<_> = ids.iter().map(|id| Some(id.store())).collect();
            query = query.filter(branches::region_id.eq_any(ids));
        }
        if let Some(after) = after {
            query = query.filter(branches::branch_id.gt(after.store()));
        }
        query.order(branches::branch_id).limit(rows_to_read(limit)).select(BranchRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |branch: &Branch| branch.branch_id))
}

/// Stores staff as they now are, in statements of many; of two with one id the later stands.
///
/// - **Errors**: [`DbError::Duplicate`] for an employee number that somebody else has, [`DbError::Refused`] for a
///   branch that is not stored.
pub fn upsert_staff(tx: &mut Tx<'_>, org: OrgId, changed: &[Staff]) -> Result<(), DbError> {
    for batch in changed.chunks(BATCH) {
        let last: BTreeMap<StaffId, &Staff> = batch.iter().map(|it| (it.staff_id, it)).collect();
        let batch: Vec<StaffRow> = last.values().map(|it| it.row(org)).collect();
        on_db!(tx, |c| diesel::insert_into(staff::table)
            .values(&batch)
            .on_conflict((staff::org_id, staff::staff_id))
            .do_update()
            .set(excluded!(staff:
                employee_no, name, position, role_factor, branch_id, employed_from, employed_to, target_minor
            ))
            .execute(c))?;
    }
    Ok(())
}

/// The member of staff of an id.
pub fn find_staff(tx: &mut Tx<'_>, org: OrgId, id: StaffId) -> Result<Option<Staff>, DbError> {
    let row: Option<StaffRow> = on_db!(tx, |c| staff::table
        .find((org.store(), id.store()))
        .select(StaffRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The member of staff of an employee number.
pub fn find_staff_by_employee_no(
    tx: &mut Tx<'_>,
    org: OrgId,
    employee_no: &str,
) -> Result<Option<Staff>, DbError> {
    let row: Option<StaffRow> = on_db!(tx, |c| staff::table
        .filter(staff::org_id.eq(org.store()))
        .filter(staff::employee_no.eq(employee_no))
        .select(StaffRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The staff of many employee numbers, in no order; those that are not stored are left out.
pub fn find_staff_by_employee_nos(
    tx: &mut Tx<'_>,
    org: OrgId,
    employee_nos: &[&str],
) -> Result<Vec<Staff>, DbError> {
    let mut found: Vec<StaffRow> = Vec::with_capacity(employee_nos.len());
    for employee_nos in employee_nos.chunks(BATCH) {
        let batch: Vec<StaffRow> = on_db!(tx, |c| staff::table
            .filter(staff::org_id.eq(org.store()))
            .filter(staff::employee_no.eq_any(employee_nos))
            .select(StaffRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// The staff by id; those of one branch where `branch` is given.
pub fn list_staff(
    tx: &mut Tx<'_>,
    org: OrgId,
    branch: Option<BranchId>,
    after: Option<StaffId>,
    limit: u32,
) -> Result<Page<Staff, StaffId>, DbError> {
    let found: Vec<StaffRow> = on_db!(tx, |c| {
        let mut query = staff::table.filter(staff::org_id.eq(org.store())).into_boxed();
        if let Some(branch) = branch {
            query = query.filter(staff::branch_id.eq(branch.store()));
        }
        if let Some(after) = after {
            query = query.filter(staff::staff_id.gt(after.store()));
        }
        query.order(staff::staff_id).limit(rows_to_read(limit)).select(StaffRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &Staff| it.staff_id))
}

/// Appends absences.
///
/// - **Errors**: [`DbError::Duplicate`] where one of the person begins on that day.
pub fn append_absences(tx: &mut Tx<'_>, org: OrgId, new: &[StaffAbsence]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(staff_absences::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// The absences of a person that touch the days `from` to `to`, by day, at most [`crate::MAX_PAGE`].
pub fn list_absences(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: StaffId,
    (from, to): (Date, Date),
) -> Result<Vec<StaffAbsence>, DbError> {
    let found: Vec<StaffAbsenceRow> = on_db!(tx, |c| staff_absences::table
        .filter(staff_absences::org_id.eq(org.store()))
        .filter(staff_absences::staff_id.eq(id.store()))
        .filter(staff_absences::absent_from.le(to.store()))
        .filter(staff_absences::absent_to.ge(from.store()))
        .order(staff_absences::absent_from)
        .limit(i64::from(crate::MAX_PAGE))
        .select(StaffAbsenceRow::as_select())
        .load(c))?;
    read_all(found)
}

/// Appends shifts.
///
/// - **Errors**: [`DbError::Duplicate`] where one of the person begins then.
pub fn append_shifts(tx: &mut Tx<'_>, org: OrgId, new: &[Shift]) -> Result<(), DbError> {
    for batch in new.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(tx, |c| diesel::insert_into(shifts::table).values(&batch).execute(c))?;
    }
    Ok(())
}

/// Who worked at a branch on a day, by person and beginning, at most [`crate::MAX_PAGE`].
pub fn list_shifts(tx: &mut Tx<'_>, org: OrgId, branch: BranchId, day: Date) -> Result<Vec<Shift>, DbError> {
    let found: Vec<ShiftRow> = on_db!(tx, |c| shifts::table
        .filter(shifts::org_id.eq(org.store()))
        .filter(shifts::branch_id.eq(branch.store()))
        .filter(shifts::work_date.eq(day.store()))
        .order((shifts::staff_id, shifts::begins))
        .limit(i64::from(crate::MAX_PAGE))
        .select(ShiftRow::as_select())
        .load(c))?;
    read_all(found)
}

/// The shifts of many people on the days `from` to `to`, in no order.
pub fn find_shifts(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[StaffId],
    (from, to): (Date, Date),
) -> Result<Vec<Shift>, DbError> {
    let mut found: Vec<ShiftRow> = Vec::new();
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        let batch: Vec<ShiftRow> = on_db!(tx, |c| shifts::table
            .filter(shifts::org_id.eq(org.store()))
            .filter(shifts::staff_id.eq_any(&ids))
            .filter(shifts::work_date.ge(from.store()))
            .filter(shifts::work_date.le(to.store()))
            .select(ShiftRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}

/// The staff of many ids, in no order; those that are not stored are left out.
pub fn find_staff_of_ids(tx: &mut Tx<'_>, org: OrgId, ids: &[StaffId]) -> Result<Vec<Staff>, DbError> {
    let mut found: Vec<StaffRow> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        let ids: Vec<_> = ids.iter().map(Stored::store).collect();
        let batch: Vec<StaffRow> = on_db!(tx, |c| staff::table
            .filter(staff::org_id.eq(org.store()))
            .filter(staff::staff_id.eq_any(&ids))
            .select(StaffRow::as_select())
            .load(c))?;
        found.extend(batch);
    }
    read_all(found)
}
