//! The branches that somebody manages, with what their visits come to, and why the newest one lost points.

use super::{branch::counted, rows, span, without_points};
use crate::{
    app::{
        App,
        period::Period,
        scorecards::CountedVisit,
        visits::{VisitResult, branches::covered, result},
    },
    error::ApiError,
    principal::Principal,
};
use db::{Tx, scores::ScoredVisit as Row};
use domain::{
    access::Permission,
    ids::BranchId,
    scorecard::{Index, ScoredVisit, Settings, scorecard},
};

/// Most branches that are shown; who manages more reads the network.
const MOST_BRANCHES: usize = 50;
/// Most visits that are shown, newest first.
const MOST_VISITS: usize = 30;

/// A branch with its figures.
#[derive(Debug, Clone)]
pub(crate) struct OwnBranch {
    pub(crate) id: BranchId,
    pub(crate) code: String,
    pub(crate) name: String,
    /// None without visits in the period.
    pub(crate) index: Option<Index>,
    pub(crate) critical_visits: u32,
}

/// What somebody manages.
#[derive(Debug, Clone)]
pub(crate) struct Mine {
    /// By name.
    pub(crate) branches: Vec<OwnBranch>,
    /// Whether there are more branches than are shown.
    pub(crate) has_more: bool,
    /// Newest first, each with its branch.
    pub(crate) visits: Vec<(BranchId, CountedVisit)>,
    pub(crate) newest: Option<VisitResult>,
}

/// The branches that somebody manages in a period.
///
/// # Errors
/// `forbidden` (403) for somebody who manages none.
pub(crate) fn mine(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    period: Period,
) -> Result<Mine, ApiError> {
    let reach = principal.reach(tx, Permission::AppealVisits)?;
    let mut own = match covered(tx, principal, &reach, None, None)? {
        Some(ids) => db::reference::find_branches(tx, principal.org, &ids)?,
        None => crate::app::visits::branches::all(tx, principal.org)?,
    };
    own.sort_by(|one, other| (&one.name, one.branch_id).cmp(&(&other.name, other.branch_id)));
    let has_more = own.len() > MOST_BRANCHES;
    own.truncate(MOST_BRANCHES);
    let ids: Vec<BranchId> = own.iter().map(|it| it.branch_id).collect();
    let mut found = rows(tx, principal.org, Some(&ids), period)?;
    found.sort_by_key(|it| std::cmp::Reverse((it.visit_date, it.audit_id)));
    let settings = Settings::over(span(period));
    let branches = own.into_iter().map(|it| OwnBranch {
        index: index(it.branch_id, &found, &settings),
        critical_visits: critical(it.branch_id, &found),
        id: it.branch_id,
        code: it.code,
        name: it.name,
    });
    let branches = branches.collect();
    let newest = found.first().map(|it| result(tx, app, principal, it.audit_id)).transpose()?;
    let visits = found.iter().take(MOST_VISITS).map(|it| (it.branch_id, counted(it))).collect();
    Ok(Mine { branches, has_more, visits, newest })
}

fn index(branch: BranchId, all: &[Row], settings: &Settings) -> Option<Index> {
    let of_branch: Vec<ScoredVisit> =
        all.iter().filter(|it| it.branch_id == branch).map(without_points).collect();
    scorecard(&branch.to_string(), &of_branch.iter().collect::<Vec<_>>(), settings).index
}

fn critical(branch: BranchId, all: &[Row]) -> u32 {
    let failed = all.iter().filter(|it| it.branch_id == branch && it.critical_failed > 0);
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}
