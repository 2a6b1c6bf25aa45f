//! Reads what a run is calculated from: visits with the versions of their scores, staff and days, the period before.

use super::{
    frozen::{Unit, UnitKind},
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
    reference::{Branch, Staff, list_absences, list_staff},
    scores::{ScoreFilter, ScoredVisit, list_current},
};
use domain::{
    Date,
    appeal::AppealState,
    ids::{AuditId, BranchId, OrgId, RegionId},
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
    Ok(Read {
        groups,
        branches: branches.into_iter().map(|it| (it.branch_id, it)).collect(),
        due: due_dates(tx, org, visits.values().chain(rolling.values()).flatten())?,
        visits,
        rolling,
        staff: staff(tx, org, &within, period)?,
        previous: previous::read(tx, org, run, plan)?,
        retro: retro::read(tx, org, run, plan)?,
    })
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
