//! Whether a visit can be appealed, by whom is asking, until when and in which items: what pages say before anybody tries. The rules are
//! those of `open`, which checks them again.

use super::open::{day_of, last_day};
use crate::{
    app::visits::SHOWN,
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{
    Micros, Tx,
    appeals::{self, Appeal},
    audits::Audit,
};
use domain::{
    Date,
    access::Permission,
    appeal::{AppealState, is_appealable},
    ids::{AppealId, OrgId},
    lifecycle::State,
    visit_score::Explanation,
};
use std::collections::BTreeSet;

/// Whether a visit can be appealed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It can, until the end of the day.
    Open,
    /// An appeal waits for its decision already.
    Waiting(AppealId),
    /// The last day has passed.
    TooLate,
    /// The period was closed, or the visit is not published.
    Closed,
    /// Whoever asks does not manage the branch, or visited it.
    NotTheirs,
}

/// What can be appealed of a visit.
#[derive(Debug, Clone)]
pub(crate) struct Appealing {
    pub(crate) standing: Standing,
    /// The last day, by the branch's calendar; none where it is not known.
    pub(crate) until: Option<Date>,
    /// Items that counted and were not decided before.
    pub(crate) items: BTreeSet<String>,
    /// The appeals so far, oldest first; none for somebody who does not read them.
    pub(crate) appeals: Vec<Appeal>,
}

/// What of a visit that is shown to its branch somebody may appeal.
///
/// # Errors
/// Those of the database.
pub(crate) fn appealing(
    tx: &mut Tx<'_>,
    principal: &Principal,
    (visit, explain): (&Audit, &[Explanation]),
    now: Micros,
) -> Result<Appealing, ApiError> {
    let org = principal.org;
    let found = appeals::of_audits(tx, org, &[visit.audit_id])?;
    let decided = decided_items(tx, org, &found)?;
    let until = last_day(tx, org, visit)?;
    let at = branch_target(tx, org, visit.branch_id)?;
    let may_appeal = principal.may(Permission::AppealVisits, &at);
    let reads = may_appeal || principal.may(Permission::ReviewVisits, &at);
    let is_own = visit.auditor_id == principal.user;
    let waiting = found.iter().find(|it| it.state == AppealState::Open).map(|it| it.appeal_id);
    let is_inside = until.zip(day_of(now, &visit.zone)).is_some_and(|(last, today)| today <= last);
    let standing = match (waiting, visit.state) {
        _ if !may_appeal || is_own => Standing::NotTheirs,
        (Some(id), _) => Standing::Waiting(id),
        (None, state) if state != State::Published || !SHOWN.contains(&state) => Standing::Closed,
        (None, _) if is_inside => Standing::Open,
        (None, _) => Standing::TooLate,
    };
    let counted = explain.iter().filter_map(|it| match it {
        Explanation::Item(step) if is_appealable(explain, &step.item) => Some(step.item.clone()),
        _ => None,
    });
    let items = counted.filter(|it| !decided.contains(it)).collect();
    let appeals = if reads && !is_own { found } else { Vec::new() };
    Ok(Appealing { standing, until, items, appeals })
}

/// The items that appeals of a visit decided.
pub(super) fn decided_items(
    tx: &mut Tx<'_>,
    org: OrgId,
    all: &[Appeal],
) -> Result<BTreeSet<String>, ApiError> {
    let ended = all.iter().filter(|it| matches!(it.state, AppealState::Upheld | AppealState::Dismissed));
    let ended: Vec<AppealId> = ended.map(|it| it.appeal_id).collect();
    Ok(appeals::list_items(tx, org, &ended)?.into_iter().map(|it| it.item).collect())
}
