//! A wave as those who plan it see it: its assignments with the names of branches and auditors, and how many visits each branch has in
//! each week. Offering and withdrawing them is of `assignments`.

use crate::{
    app::{
        assignments::{self, Assignment, Filter, TemplateRef},
        branches,
        period::Period,
        programmes::{self, Programme, Wave},
        reading, rights,
    },
    error::ApiError,
    principal::Principal,
};
use db::{Tx, audits::VisitKind, content, programmes as stored, reference, users};
use domain::access::Permission;
use domain::date::Date;
use domain::ids::{AssignmentId, BranchId, OrgId, ProgrammeId, UserId, WaveId};
use domain::lifecycle::{State, VersionState};
use std::collections::BTreeMap;

/// Most weeks that are told apart; what comes later counts in the last one.
pub(crate) const MAX_WEEKS: u32 = 60;
/// Branches of one page of the coverage.
const BRANCHES_OF_A_PAGE: u32 = 100;
const DAYS_OF_A_WEEK: u32 = 7;

/// A wave with what is shown of it.
pub(crate) struct WaveSheet {
    pub(crate) wave: Wave,
    pub(crate) programme: Programme,
    /// Released versions of checklists, each piece of content with its newest first.
    pub(crate) checklists: Vec<TemplateRef>,
}

/// An assignment with the names that people know.
pub(crate) struct NamedAssignment {
    pub(crate) assignment: Assignment,
    pub(crate) branch_code: String,
    pub(crate) branch_name: String,
    pub(crate) auditor: String,
}

/// Visits of a branch in a week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Those that auditors have handed in.
    pub(crate) made: u32,
    /// Those that are still to be made.
    pub(crate) open: u32,
}

/// A branch with a cell for each week.
pub(crate) struct CoveredBranch {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) cells: Vec<Cell>,
}

/// Which branch has visits in which week.
pub(crate) struct Coverage {
    /// The first day of each week, counted from the first day of the wave.
    pub(crate) weeks: Vec<Date>,
    pub(crate) branches: Vec<CoveredBranch>,
    pub(crate) next: Option<BranchId>,
}

fn unknown_wave() -> ApiError {
    ApiError::not_found("la oleada", "the wave")
}

/// A wave of the organization.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn read(tx: &mut Tx<'_>, principal: &Principal, wave: WaveId) -> Result<WaveSheet, ApiError> {
    reading::require_any(principal, &[Permission::ManageProgrammes])?;
    let org = principal.org;
    let wave: Wave = stored::find_wave(tx, org, wave)?.ok_or_else(unknown_wave)?.into();
    let programme: ProgrammeId = wave.programme_id;
    let programme = programmes::read(tx, principal, programme)?;
    let mut checklists: Vec<TemplateRef> = content::list(tx, org, content::ContentKind::Checklist)?
        .into_iter()
        .filter(|it| it.state == VersionState::Released)
        .map(|it| TemplateRef { id: it.content_id, version: it.version })
        .collect();
    checklists.sort_by(|one, other| one.id.cmp(&other.id).then(other.version.cmp(&one.version)));
    Ok(WaveSheet { wave, programme, checklists })
}

/// The assignments of a wave that somebody sees, by id.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    wave: WaveId,
    after: Option<AssignmentId>,
    limit: u32,
) -> Result<db::Page<NamedAssignment, AssignmentId>, ApiError> {
    let filter = Filter { wave: Some(wave), ..Filter::default() };
    let page = assignments::list(tx, principal, filter, after, limit)?;
    Ok(db::Page { items: named(tx, principal.org, page.items)?, next: page.next })
}

/// One assignment of a wave, for whoever plans visits of its branch.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn find(
    tx: &mut Tx<'_>,
    principal: &Principal,
    wave: WaveId,
    id: AssignmentId,
) -> Result<NamedAssignment, ApiError> {
    let reach = principal.reach(tx, Permission::ManageProgrammes)?;
    let unknown = || ApiError::not_found("la asignación", "the assignment");
    let found = stored::find_assignment(tx, principal.org, id)?.filter(|it| it.wave_id == Some(wave));
    let found = found.ok_or_else(unknown)?;
    let branch = reference::find_branch(tx, principal.org, found.branch_id)?;
    branch.filter(|it| reach.holds(it.branch_id, it.region_id)).ok_or_else(unknown)?;
    named(tx, principal.org, vec![found.into()])?.pop().ok_or_else(unknown)
}

fn named(
    tx: &mut Tx<'_>,
    org: OrgId,
    assignments: Vec<Assignment>,
) -> Result<Vec<NamedAssignment>, ApiError> {
    let mut branches: Vec<BranchId> = assignments.iter().map(|it| it.branch_id).collect();
    branches.sort();
    branches.dedup();
    let mut auditors: Vec<UserId> = assignments.iter().map(|it| it.auditor_id).collect();
    auditors.sort();
    auditors.dedup();
    let branches: BTreeMap<BranchId, reference::Branch> =
        reference::find_branches(tx, org, &branches)?.into_iter().map(|it| (it.branch_id, it)).collect();
    let auditors = users::names(tx, org, &auditors)?;
    let named = assignments.into_iter().map(|assignment| {
        let branch = branches.get(&assignment.branch_id);
        NamedAssignment {
            branch_code: branch.map(|it| it.code.clone()).unwrap_or_default(),
            branch_name: branch.map(|it| it.name.clone()).unwrap_or_default(),
            auditor: auditors.get(&assignment.auditor_id).cloned().unwrap_or_default(),
            assignment,
        }
    });
    Ok(named.collect())
}

/// How many visits the branches that somebody plans have in each week of a wave, a page of branches at a time. A visit that was made
/// counts in the week of its day, one that is still to be made in the week in which its window ends.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn coverage(
    tx: &mut Tx<'_>,
    principal: &Principal,
    wave: WaveId,
    after: Option<BranchId>,
) -> Result<Coverage, ApiError> {
    let org = principal.org;
    let reach = principal.reach(tx, Permission::ManageProgrammes)?;
    let found = stored::find_wave(tx, org, wave)?.ok_or_else(unknown_wave)?;
    let page = branches::page(tx, org, &reach, None, after, BRANCHES_OF_A_PAGE)?;
    let ids = page.items.iter().map(|it| it.branch_id).collect();
    let filter = stored::AssignmentFilter { wave: Some(wave), branches: Some(ids), ..Default::default() };
    let planned = rights::all_assignments(tx, org, &filter)?;
    let audits: Vec<_> = planned.iter().map(|it| it.audit_id).collect();
    let visits: BTreeMap<_, _> =
        db::audits::find_many(tx, org, &audits)?.into_iter().map(|it| (it.audit_id, it)).collect();
    let weeks = weeks(found.window_from, found.window_to);
    let mut cells: BTreeMap<BranchId, Vec<Cell>> = BTreeMap::new();
    for it in &planned {
        let visit = visits.get(&it.audit_id);
        let has_failed = visit.is_some_and(|it| it.kind != VisitKind::Visit);
        let counted = counts_as(visit.map_or(it.state, |it| it.state)).filter(|_| !has_failed);
        let Some(is_made) = counted else { continue };
        let day = visit.and_then(|it| it.visit_date).unwrap_or(it.window_to);
        let of_branch = cells.entry(it.branch_id).or_insert_with(|| vec![Cell::default(); weeks.len()]);
        if let Some(cell) = of_branch.get_mut(week_of(found.window_from, weeks.len(), day)) {
            cell.made += u32::from(is_made);
            cell.open += u32::from(!is_made);
        }
    }
    // A closed branch is shown for what it has, and asked for nothing.
    let shown = page.items.into_iter().filter(|it| it.active || cells.contains_key(&it.branch_id));
    let branches: Vec<CoveredBranch> = shown
        .map(|it| CoveredBranch {
            cells: cells.get(&it.branch_id).cloned().unwrap_or_else(|| vec![Cell::default(); weeks.len()]),
            code: it.code,
            name: it.name,
        })
        .collect();
    Ok(Coverage { weeks, branches, next: page.next })
}

/// Whether a visit in a state counts as made or as open; none for one that covers nothing.
fn counts_as(state: State) -> Option<bool> {
    match state {
        State::Offered | State::Accepted | State::InProgress => Some(false),
        State::Submitted
        | State::InReview
        | State::Returned
        | State::OnHold
        | State::Approved
        | State::Published
        | State::Appealed
        | State::Locked => Some(true),
        State::Declined
        | State::Expired
        | State::Rejected
        | State::Excluded
        | State::Void
        | State::Superseded => None,
    }
}

/// The first day of each week of a window.
fn weeks(from: Date, to: Date) -> Vec<Date> {
    let count = from.days_through(to).div_ceil(DAYS_OF_A_WEEK).clamp(1, MAX_WEEKS);
    (0..count).map(|it| Period::days_after(from, it * DAYS_OF_A_WEEK)).collect()
}

/// The place of the week that a day lies in: the first for what is earlier than all, the last for what is later.
fn week_of(from: Date, weeks: usize, day: Date) -> usize {
    let passed = from.days_through(day).saturating_sub(1) / DAYS_OF_A_WEEK;
    usize::try_from(passed).unwrap_or(usize::MAX).min(weeks.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn weeks_begin_with_the_wave_and_every_day_lies_in_one() {
        let from = day("2026-11-03");
        assert_eq!(weeks(from, day("2026-11-09")), [from]);
        let three = weeks(from, day("2026-11-18"));
        assert_eq!(three, [from, day("2026-11-10"), day("2026-11-17")]);
        let at = |text| week_of(from, three.len(), day(text));
        assert_eq!(["2026-11-03", "2026-11-09", "2026-11-10", "2026-11-18"].map(at), [0, 0, 1, 2]);
        assert_eq!(["2026-10-01", "2026-12-31"].map(at), [0, 2]);
        assert_eq!(weeks(day("2020-01-01"), day("2030-01-01")).len(), 60);
    }
}
