//! What a change of rights means for the phones of a person: a visit that goes out of their reach is taken from them, one that
//! comes back into it is given back whole. Told as entries of the person's stream, in the transaction of the change.
//!
//! A person's phones may see the visits that the person makes, where they do field work now; an assignment stands for its
//! visit. Reviewers read in the office, which asks for their rights each time, so that nothing is told to phones of theirs.

use super::{
    assignments::{branch_row, row_of},
    programmes::AllowedByWave,
};
use crate::{
    error::ApiError,
    exchange::{
        OPS, RETURNED,
        feed::{self, Carried},
    },
    principal::{Reach, reach_of},
};
use db::{
    Micros, Tx,
    audits::{self, AuditFilter},
    programmes::{self, Assignment, AssignmentFilter},
    quarantine, reference, rights, users,
};
use domain::{
    access::{Permission, Role},
    ids::{AuditId, BranchId, OrgId, UserId},
    lifecycle::State,
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId,
    exchange::{AuditRight, Body, StreamId},
    reference::{ASSIGNMENT, BRANCH},
};

/// Which visits a change may concern.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What<'a> {
    /// All of the person's.
    Everything,
    /// Those at these branches.
    At(&'a [BranchId]),
    /// These.
    Audits(&'a [AuditId]),
}

/// A visit that a person's phones may hold.
struct Visit {
    /// Where; none where nobody knows.
    branch: Option<BranchId>,
    assignment: Option<Assignment>,
    /// Whether it is the person's to make, and was not withdrawn.
    is_theirs: bool,
}

/// Tells a person's phones what they may no longer see, and gives them what they may see again; nothing where that is what
/// they were told last.
///
/// # Errors
/// Those of the database, and stored ops that cannot be read.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    what: What<'_>,
    now: Micros,
) -> Result<(), ApiError> {
    lock(tx, org, user)?;
    let reach = field_reach(tx, org, user)?;
    let revoked = rights::list(tx, org, user)?;
    let visits = visits(tx, org, user, what)?;
    let branches: BTreeSet<BranchId> = visits.values().filter_map(|it| it.branch).collect();
    let branches: Vec<BranchId> = branches.into_iter().collect();
    let mut found = Vec::new();
    for branches in branches.chunks(PAGE) {
        found.extend(reference::find_branches(tx, org, branches)?);
    }
    let branches: BTreeMap<BranchId, reference::Branch> =
        found.into_iter().map(|it| (it.branch_id, it)).collect();
    let settling = Settling { org, user, now, reach, branches };
    let differs = |it: &(&AuditId, &Visit)| settling.may_see(it.1) == revoked.contains(it.0);
    let (given, taken) = visits.iter().filter(differs).partition(|it| settling.may_see(it.1));
    settling.take(tx, &taken)?;
    settling.give_back(tx, &given)
}

/// As [`settle`], for everybody whose field work is bounded to a part of the organization.
///
/// # Errors
/// As [`settle`].
pub(crate) fn settle_everybody(
    tx: &mut Tx<'_>,
    org: OrgId,
    what: What<'_>,
    now: Micros,
) -> Result<(), ApiError> {
    let works = |it: &Role| it.permissions().contains(&Permission::FieldWork);
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(works).collect();
    for user in users::list_with_scoped_role(tx, org, &roles)? {
        settle(tx, org, user, what, now)?;
    }
    Ok(())
}

/// States in which the phones of an auditor need what the office knows of the branch.
const ON_THE_PHONE: [State; 7] = [
    State::Offered,
    State::Accepted,
    State::InProgress,
    State::Submitted,
    State::InReview,
    State::OnHold,
    State::Returned,
];

/// Tells branches anew that changed: to everybody who has a visit to make there and may see it.
///
/// # Errors
/// Those of the database.
pub(crate) fn tell_branches(
    tx: &mut Tx<'_>,
    org: OrgId,
    changed: &[BranchId],
    now: Micros,
) -> Result<(), ApiError> {
    let mut concerned: BTreeMap<UserId, BTreeMap<AuditId, BranchId>> = BTreeMap::new();
    for branches in changed.chunks(PAGE) {
        let states = ON_THE_PHONE.to_vec();
        let filter =
            AssignmentFilter { branches: Some(branches.to_vec()), states, ..AssignmentFilter::default() };
        for it in all_assignments(tx, org, &filter)? {
            concerned.entry(it.auditor_id).or_default().insert(it.audit_id, it.branch_id);
        }
    }
    for (user, visits) in concerned {
        lock(tx, org, user)?;
        let revoked = rights::list(tx, org, user)?;
        let seen = visits.iter().filter(|it| !revoked.contains(it.0)).map(|it| *it.1);
        let seen: Vec<BranchId> = seen.collect::<BTreeSet<_>>().into_iter().collect();
        let mut rows = Vec::with_capacity(seen.len());
        for branches in seen.chunks(PAGE) {
            for it in reference::find_branches(tx, org, branches)? {
                rows.push(feed::branch_row(&branch_row(&it))?);
            }
        }
        if !rows.is_empty() {
            feed::append_all(tx, org, StreamId::User(user.0), rows, now)?;
        }
    }
    Ok(())
}

/// The assignments that a filter shows, of every page.
///
/// # Errors
/// Those of the database.
pub(super) fn all_assignments(
    tx: &mut Tx<'_>,
    org: OrgId,
    filter: &AssignmentFilter,
) -> Result<Vec<Assignment>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = programmes::list_assignments(tx, org, filter, after, db::MAX_PAGE)?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Lets what a person's phones bring, and what is settled for them, come one after the other: nothing that is brought on the
/// strength of a right is overlooked by who takes it.
///
/// # Errors
/// Those of the database.
pub(crate) fn lock(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<(), ApiError> {
    Ok(tx.lock(org, &format!("rights of {user}"))?)
}

/// Where a person does field work now.
///
/// # Errors
/// Those of the database.
pub(crate) fn field_reach(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<Reach, ApiError> {
    let grants = super::users::grants(tx, org, user)?;
    reach_of(tx, org, &grants, Permission::FieldWork)
}

/// As many as one statement reads.
const PAGE: usize = 500;

/// The visits that a change may concern, each with its assignment.
fn visits(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    what: What<'_>,
) -> Result<BTreeMap<AuditId, Visit>, ApiError> {
    let mut assignments = Vec::new();
    let mut rows = Vec::new();
    if let What::Audits(ids) = what {
        for ids in ids.chunks(PAGE) {
            assignments.extend(programmes::find_assignments_of_audits(tx, org, ids)?);
            rows.extend(audits::find_many(tx, org, ids)?);
        }
    } else {
        let branches = match what {
            What::At(branches) => Some(branches.to_vec()),
            _ => None,
        };
        let auditor = Some(user);
        let filter = AssignmentFilter { auditor, branches: branches.clone(), ..AssignmentFilter::default() };
        assignments.extend(all_assignments(tx, org, &filter)?);
        let filter = AuditFilter { auditor, branches, ..AuditFilter::default() };
        let mut after = None;
        loop {
            let page = audits::list(tx, org, &filter, after, db::MAX_PAGE)?;
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let asked = match what {
        What::Audits(ids) => ids,
        _ => &[],
    };
    let nobodys = |id: &AuditId| (*id, Visit { branch: None, assignment: None, is_theirs: false });
    let mut visits: BTreeMap<AuditId, Visit> = asked.iter().map(nobodys).collect();
    for it in assignments.into_iter().filter(|it| it.auditor_id == user) {
        let is_theirs = !is_withdrawn(it.state);
        visits.insert(it.audit_id, Visit { branch: Some(it.branch_id), assignment: Some(it), is_theirs });
    }
    for row in rows {
        let is_theirs = row.auditor_id == user;
        let assignment = visits.remove(&row.audit_id).and_then(|it| it.assignment);
        visits.insert(row.audit_id, Visit { branch: Some(row.branch_id), assignment, is_theirs });
    }
    Ok(visits)
}

/// States of an assignment whose visit nobody is to make any more; one that was begun all the same is a visit of its own.
pub(crate) const WITHDRAWN: [State; 4] = [State::Void, State::Declined, State::Expired, State::Superseded];

/// Whether nobody is to make this visit any more.
pub(crate) fn is_withdrawn(state: State) -> bool {
    WITHDRAWN.contains(&state)
}

/// What is being told to one person's phones.
struct Settling {
    org: OrgId,
    user: UserId,
    now: Micros,
    reach: Reach,
    branches: BTreeMap<BranchId, reference::Branch>,
}

impl Settling {
    fn branch(&self, visit: &Visit) -> Option<&reference::Branch> {
        visit.branch.and_then(|it| self.branches.get(&it))
    }

    fn may_see(&self, visit: &Visit) -> bool {
        let branch = self.branch(visit);
        visit.is_theirs && branch.is_some_and(|it| self.reach.holds(it.branch_id, it.region_id))
    }

    fn stream(&self) -> StreamId {
        StreamId::User(self.user.0)
    }

    fn take(&self, tx: &mut Tx<'_>, taken: &BTreeMap<&AuditId, &Visit>) -> Result<(), ApiError> {
        if taken.is_empty() {
            return Ok(());
        }
        let right = |it: &&AuditId| Carried::Right(Body::Revoke(AuditRight { audit: it.0 }));
        let mut entries: Vec<Carried<'_>> = taken.keys().map(right).collect();
        let mut left = BTreeSet::new();
        for visit in taken.values() {
            // One that was withdrawn is told with its state.
            let Some(it) = visit.assignment.as_ref().filter(|it| !is_withdrawn(it.state)) else { continue };
            entries.push(feed::withdrawn_row(ASSIGNMENT, it.assignment_id.0));
            left.insert(it.branch_id);
        }
        entries.extend(left.into_iter().map(|it| feed::withdrawn_row(BRANCH, it.0)));
        feed::append_all(tx, self.org, self.stream(), entries, self.now)?;
        let ids: Vec<AuditId> = taken.keys().map(|it| **it).collect();
        Ok(rights::take(tx, self.org, self.user, &ids)?)
    }

    fn give_back(&self, tx: &mut Tx<'_>, given: &BTreeMap<&AuditId, &Visit>) -> Result<(), ApiError> {
        if given.is_empty() {
            return Ok(());
        }
        let ids: Vec<AuditId> = given.keys().map(|it| **it).collect();
        let right = |it: &AuditId| Carried::Right(Body::Grant(AuditRight { audit: it.0 }));
        let mut entries: Vec<Carried<'_>> = ids.iter().map(right).collect();
        entries.extend(self.runs_of(tx, &ids)?);
        let (mut told, mut allowed) = (BTreeSet::new(), AllowedByWave::default());
        for visit in given.values() {
            let Some(it) = visit.assignment.as_ref().filter(|it| !is_withdrawn(it.state)) else { continue };
            if let Some(branch) = self.branch(visit).filter(|it| told.insert(it.branch_id)) {
                entries.push(feed::branch_row(&branch_row(branch))?);
            }
            let allowed = allowed.of(tx, self.org, it.wave_id)?;
            entries.push(feed::assignment_row(&row_of(it, allowed))?);
        }
        feed::append_all(tx, self.org, self.stream(), entries, self.now)?;
        Ok(rights::give_back(tx, self.org, self.user, &ids)?)
    }

    /// Every run of the stream with an op on one of these visits, whole, as it first came: so that each still stands by its
    /// author's signature.
    fn runs_of(&self, tx: &mut Tx<'_>, audits: &[AuditId]) -> Result<Vec<Carried<'static>>, ApiError> {
        let mut positions: BTreeMap<DeviceId, BTreeSet<u64>> = BTreeMap::new();
        for audits in audits.chunks(PAGE) {
            for stored in audits::find_ops_of_many(tx, self.org, audits)? {
                let ops = AuditOps::decode(&stored.ops).map_err(ApiError::internal)?;
                for (id, _) in ops.iter() {
                    positions.entry(id.dev).or_default().insert(id.dseq);
                }
            }
            // What was set aside stands in the stream too; once it is taken in, nobody tells it again.
            for (dev, dseq) in quarantine::positions_of_audits(tx, self.org, audits)? {
                positions.entry(dev).or_default().insert(dseq);
            }
            // So does what the office had said of visits that are not begun here again.
            for it in db::feed::list_returned(tx, self.org, self.stream(), audits)? {
                if let (Some(dev), Some(last)) = (it.dev, it.dseq_last) {
                    positions.entry(dev).or_default().insert(last);
                }
            }
        }
        let carries = |it: &db::feed::FeedEntry| {
            let (Some(dev), Some(first), Some(last)) = (it.dev, it.dseq_first, it.dseq_last) else {
                return false;
            };
            positions.get(&dev).is_some_and(|at| at.range(first..=last).next().is_some())
        };
        let runs = db::feed::list_of_kinds(tx, self.org, self.stream(), &[OPS, RETURNED])?;
        Ok(runs.into_iter().filter(carries).map(Carried::Again).collect())
    }
}
