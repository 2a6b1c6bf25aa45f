//! Who may decide an appeal: a reviewer of the branch who made no part of the visit, changed nothing of it or of its review, appealed
//! nothing of it, and does not manage the branch. Who decided a former appeal of the visit may decide the next. The one place of that rule:
//! whoever decides is held to it, and lists and pages tell by it.

use crate::{
    error::ApiError,
    office::user_of,
    principal::{Principal, reach_of},
};
use db::{
    Tx,
    appeals::Appeal,
    audit_log,
    audits::{self, Audit},
    quarantine,
    reference::find_branches,
};
use domain::{
    access::Permission,
    appeal::AppealState,
    ids::{AuditId, BranchId, OrgId, UserId},
    lifecycle::State,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the log calls the decisions of appeals.
const DECISIONS: [&str; 2] = ["visit_uphold", "visit_dismiss"];

/// What tells who may decide some appeals.
pub(super) struct Deciders {
    visits: BTreeMap<AuditId, Audit>,
    /// Who had a hand in each visit.
    hands: BTreeMap<AuditId, BTreeSet<UserId>>,
    /// Branches where the reader reviews.
    reviewed: BTreeSet<BranchId>,
    /// Branches that the reader manages.
    managed: BTreeSet<BranchId>,
}

impl Deciders {
    /// Reads what tells it of these appeals, at most [`db::MAX_PAGE`] of them, for one reader.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn read(tx: &mut Tx<'_>, reader: &Principal, of: &[Appeal]) -> Result<Self, ApiError> {
        let org = reader.org;
        let ids: BTreeSet<AuditId> = of.iter().map(|it| it.audit_id).collect();
        let ids = Vec::from_iter(ids);
        let branches: BTreeSet<BranchId> = of.iter().map(|it| it.branch_id).collect();
        let branches = find_branches(tx, org, &Vec::from_iter(branches))?;
        let mut within = |permission: Permission| -> Result<BTreeSet<BranchId>, ApiError> {
            let reach = reach_of(tx, org, &reader.grants, permission)?;
            let held = branches.iter().filter(|it| reach.holds(it.branch_id, it.region_id));
            Ok(held.map(|it| it.branch_id).collect())
        };
        let (reviewed, managed) = (within(Permission::ReviewVisits)?, within(Permission::AppealVisits)?);
        let found = audits::find_many(tx, org, &ids)?;
        let visits = found.into_iter().map(|it| (it.audit_id, it)).collect();
        Ok(Self { visits, hands: hands(tx, org, &ids)?, reviewed, managed })
    }

    /// Whether the reader is free to decide an appeal: of its visit and of its branch.
    pub(super) fn is_free(&self, reader: &Principal, it: &Appeal) -> bool {
        let user = reader.user;
        let had_a_hand = self.hands.get(&it.audit_id).is_some_and(|all| all.contains(&user));
        let of_visit =
            |visit: &Audit| visit.auditor_id == user || visit.decided_by == Some(user) || had_a_hand;
        let is_of_visit = self.visits.get(&it.audit_id).is_none_or(of_visit);
        !is_of_visit && it.appellant != user && !self.managed.contains(&it.branch_id)
    }

    /// Whether the reader may decide an open appeal; none where that is not theirs to ask.
    pub(super) fn may_decide(&self, reader: &Principal, it: &Appeal) -> Option<bool> {
        if it.state != AppealState::Open || !self.reviewed.contains(&it.branch_id) {
            return None;
        }
        let visit = self.visits.get(&it.audit_id)?;
        Some(visit.state == State::Appealed && self.is_free(reader, it))
    }
}

/// Who had a hand in each visit: took a step with it, did something to it that only the log tells, or recorded what was taken into it.
fn hands(
    tx: &mut Tx<'_>,
    org: OrgId,
    ids: &[AuditId],
) -> Result<BTreeMap<AuditId, BTreeSet<UserId>>, ApiError> {
    let mut all = quarantine::authors_of_many(tx, org, ids)?;
    for (visit, users) in audits::actors_of_many(tx, org, ids)? {
        all.entry(visit).or_default().extend(users.into_iter().map(UserId));
    }
    let subjects: BTreeMap<String, AuditId> = ids.iter().map(|it| (it.to_string(), *it)).collect();
    let named = Vec::from_iter(subjects.keys().cloned());
    for (subject, actors) in audit_log::actors_of_many(tx, org, ("visit", &named), &DECISIONS)? {
        if let Some(visit) = subjects.get(&subject) {
            all.entry(*visit).or_default().extend(actors.iter().filter_map(|it| user_of(it)));
        }
    }
    Ok(all)
}
