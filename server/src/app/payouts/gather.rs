//! Reads what a run is calculated from: visits with the versions of their scores, staff and days, the period before.

use super::{
    frozen::{FrozenStaff, Unit, UnitKind},
    others::held_elsewhere,
    previous::{self, PreviousPay},
    retro::{self, Retro},
};
use crate::{
    app::{period::Period, visits::branches},
    error::ApiError,
};
use db::{
    Tx, appeals,
    payouts::PayoutRun,
    reference::{Branch, Staff, find_staff_of_ids, list_absences, list_staff},
    scores::{ScoreFilter, ScoredVisit, list_current},
};
use domain::{
    Date,
    appeal::AppealState,
    ids::{AuditId, BranchId, OrgId, RegionId, StaffId},
    incentive::{InsufficientSample, Plan},
    lifecycle::State,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The states of visits that pay may rest on; an appealed one is disputed until it is decided.
pub(super) const COUNTED: [State; 4] = [State::Approved, State::Published, State::Appealed, State::Locked];

/// Branches asked for in one statement.
const BRANCHES_AT_ONCE: usize = 2_000;

/// Visits by branch.
pub(super) type Visits = BTreeMap<BranchId, Vec<ScoredVisit>>;

/// The branches of each unit.
pub(super) type Groups = Vec<(Uuid, BTreeSet<BranchId>)>;

/// The days by which the appeals of disputed visits are to be decided.
pub(super) type DueDates = BTreeMap<AuditId, Date>;

/// Everything of the units of a run, read once.
pub(super) struct Read {
    pub(super) groups: Groups,
    pub(super) branches: BTreeMap<BranchId, Branch>,
    pub(super) visits: Visits,
    /// Visits of the rolling year, for plans that carry forward.
    pub(super) rolling: Visits,
    /// By when the disputed ones of all these are decided.
    pub(super) due: DueDates,
    /// People with days in the period, by employee number.
    pub(super) staff: Vec<(Staff, u32)>,
    /// People without a day in the period whom an adjustment waits for, by employee number; each at the branch of these
    /// units where they are or were.
    pub(super) left: Vec<FrozenStaff>,
    /// What protected components paid in the period before.
    pub(super) previous: PreviousPay,
    /// What decided appeals change of earlier periods.
    pub(super) retro: Retro,
}

/// Reads the units of a run.
///
/// # Errors
/// `unknown_unit` (422), those of the database.
pub(super) fn read(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    plan: &Plan,
    unit: &Unit,
) -> Result<Read, ApiError> {
    let period = Period { from: run.period_from, to: run.period_to };
    let groups = groups(tx, org, unit)?;
    let within: BTreeSet<BranchId> = groups.iter().flat_map(|(_, it)| it.iter().copied()).collect();
    let ids: Vec<BranchId> = within.iter().copied().collect();
    let branches = db::reference::find_branches(tx, org, &ids)?;
    let carries = plan.insufficient_sample == Some(InsufficientSample::CarryForward);
    let rolling = if carries { visits(tx, org, &ids, period.year_before())? } else { Visits::new() };
    let visits = visits(tx, org, &ids, period)?;
    let staff = staff(tx, org, &within, period)?;
    let mut retro = retro::read(tx, org, run, plan)?;
    let left = left(tx, org, run, &within, &staff, &mut retro)?;
    Ok(Read {
        groups,
        branches: branches.into_iter().map(|it| (it.branch_id, it)).collect(),
        due: due_dates(tx, org, visits.values().chain(rolling.values()).flatten())?,
        visits,
        rolling,
        staff,
        left,
        previous: previous::read(tx, org, run, plan)?,
        retro,
    })
}

/// People of earlier runs who have no day in this one: at the branch where they are now, or else were then. Whoever another
/// run of these days pays gets their adjustment there. What stands is kept where it is about somebody of these units.
fn left(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    within: &BTreeSet<BranchId>,
    staff: &[(Staff, u32)],
    retro: &mut Retro,
) -> Result<Vec<FrozenStaff>, ApiError> {
    let here: BTreeSet<&str> = staff.iter().map(|(it, _)| it.employee_no.as_str()).collect();
    let absent: Vec<&FrozenStaff> =
        retro.people.values().filter(|it| !here.contains(it.person.as_str())).collect();
    let ids: Vec<StaffId> = absent.iter().map(|it| it.staff).collect();
    let rows = find_staff_of_ids(tx, org, &ids)?;
    let now: BTreeMap<StaffId, BranchId> = rows.iter().map(|it| (it.staff_id, it.branch_id)).collect();
    let at_home = |it: &FrozenStaff| {
        let branch = now.get(&it.staff).copied().filter(|it| within.contains(it)).unwrap_or(it.branch);
        within.contains(&branch).then(|| FrozenStaff { branch, days: 0, ..it.clone() })
    };
    let mut left: Vec<FrozenStaff> = absent.into_iter().filter_map(at_home).collect();
    let near: BTreeSet<&str> = here.into_iter().chain(left.iter().map(|it| it.person.as_str())).collect();
    retro.stands.retain_mut(|it| {
        it.people.retain(|it| near.contains(it.as_str()));
        !it.people.is_empty()
    });
    let elsewhere = held_elsewhere(tx, org, run, &left)?;
    left.retain(|it| !retro.of(&it.person).is_empty() && !elsewhere.contains(&it.staff));
    Ok(left)
}

fn due_dates<'a>(
    tx: &mut Tx<'_>,
    org: OrgId,
    visits: impl Iterator<Item = &'a ScoredVisit>,
) -> Result<DueDates, ApiError> {
    let disputed: BTreeSet<AuditId> =
        visits.filter(|it| it.state == State::Appealed).map(|it| it.audit_id).collect();
    let found = appeals::of_audits(tx, org, &Vec::from_iter(disputed))?;
    let open = found.into_iter().filter(|it| it.state == AppealState::Open);
    Ok(open.map(|it| (it.audit_id, it.decide_by)).collect())
}

fn groups(tx: &mut Tx<'_>, org: OrgId, unit: &Unit) -> Result<Groups, ApiError> {
    let all = branches::all(tx, org)?;
    if unit.kind == UnitKind::Organization {
        return Ok(vec![(org.0, all.iter().map(|it| it.branch_id).collect())]);
    }
    let mut groups = Vec::with_capacity(unit.ids.len());
    for (index, id) in unit.ids.iter().enumerate() {
        let within: BTreeSet<BranchId> = if unit.kind == UnitKind::Branch {
            all.iter().map(|it| it.branch_id).filter(|it| it.0 == *id).collect()
        } else {
            let regions = branches::regions_from(tx, org, RegionId(*id))
                .map_err(|error| if error.problem().status == 404 { unknown_unit(index) } else { error })?;
            let inside = |it: &&Branch| it.region_id.is_some_and(|it| regions.contains(&it));
            all.iter().filter(inside).map(|it| it.branch_id).collect()
        };
        if within.is_empty() {
            return Err(unknown_unit(index));
        }
        groups.push((*id, within));
    }
    Ok(groups)
}

fn unknown_unit(index: usize) -> ApiError {
    ApiError::field(
        &format!("/unit/ids/{index}"),
        "unknown_unit",
        "La organización no tiene esa sucursal o región, o la región no tiene sucursales.",
        "the organization has no such branch or region, or the region has no branches",
    )
}

fn visits(tx: &mut Tx<'_>, org: OrgId, ids: &[BranchId], period: Period) -> Result<Visits, ApiError> {
    let mut found = Visits::new();
    for ids in ids.chunks(BRANCHES_AT_ONCE) {
        let filter = ScoreFilter {
            branches: Some(ids.to_vec()),
            auditor: None,
            template_id: None,
            states: COUNTED.to_vec(),
            from: period.from,
            to: period.to,
        };
        let mut after = None;
        loop {
            let page = list_current(tx, org, &filter, after, db::MAX_PAGE)?;
            for it in page.items.into_iter().filter(|it| it.final_hundredths.is_some()) {
                found.entry(it.branch_id).or_default().push(it);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(found)
}

/// Staff of the branches with the days on which they were employed and not absent; those without a day are left out.
fn staff(
    tx: &mut Tx<'_>,
    org: OrgId,
    within: &BTreeSet<BranchId>,
    period: Period,
) -> Result<Vec<(Staff, u32)>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    // One branch is asked for by itself; of many, everybody is read once.
    let only = if within.len() == 1 { within.first().copied() } else { None };
    loop {
        let page = list_staff(tx, org, only, after, db::MAX_PAGE)?;
        for it in page.items.into_iter().filter(|it| within.contains(&it.branch_id)) {
            let employed = period.days_within(Some(it.employed_from), it.employed_to);
            if employed == 0 {
                continue;
            }
            let days = employed.saturating_sub(absent(tx, org, &it, period)?);
            if days > 0 {
                found.push((it, days));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    found.sort_by(|(one, _), (next, _)| one.employee_no.cmp(&next.employee_no));
    Ok(found)
}

fn absent(tx: &mut Tx<'_>, org: OrgId, staff: &Staff, period: Period) -> Result<u32, ApiError> {
    let absences = list_absences(tx, org, staff.staff_id, (period.from, period.to))?;
    let mut counted = 0_u32;
    let mut next = period.from.max(staff.employed_from);
    // Absences come by their first day; what an earlier one covered is not counted twice.
    for it in absences {
        let to = it.absent_to.min(period.to).min(staff.employed_to.unwrap_or(period.to));
        counted = counted.saturating_add(it.absent_from.max(next).days_through(to));
        next = next.max(Period::day_after(it.absent_to));
    }
    Ok(counted)
}
