//! The queue of the review: the visits that wait for somebody, or stand in a state, with what a reviewer picks the next one by.

use crate::{
    app::visits::branches,
    error::ApiError,
    principal::{Principal, Reach},
};
use db::{
    Micros, Page, Tx,
    audits::{self, Audit},
    queue::{self, QueueFilter, QueueKey},
    reference::Branch,
};
use domain::{
    access::{Permission, Target},
    ids::{AuditId, BranchId, UserId, WaveId},
    lifecycle::State,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// States in which a visit waits for a reviewer.
pub(crate) const WAITING: [State; 3] = [State::Submitted, State::InReview, State::OnHold];

/// Which visits the queue shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueueAsked {
    /// In this state; none for those that wait.
    pub(crate) state: Option<State>,
    /// Of the branch with this code.
    pub(crate) branch: Option<String>,
    /// Of this wave.
    pub(crate) wave: Option<WaveId>,
    /// In the hands of whoever asks.
    pub(crate) mine: bool,
    /// Handed in this many hours ago or longer.
    pub(crate) hours: Option<u32>,
    /// With an open conflict or with answers that came too late.
    pub(crate) needs_a_look: bool,
}

/// A page of the queue.
#[derive(Debug, Clone)]
pub(crate) struct QueuePage {
    pub(crate) rows: Vec<QueueRow>,
    pub(crate) next: Option<QueuePlace>,
    /// When it was read.
    pub(crate) now: Micros,
}

/// A visit in the queue.
#[derive(Debug, Clone)]
pub(crate) struct QueueRow {
    pub(crate) visit: Audit,
    pub(crate) branch: String,
    pub(crate) branch_code: String,
    /// Name of whoever visited.
    pub(crate) auditor: String,
    /// Name of whoever has it.
    pub(crate) reviewer: Option<String>,
    /// Whether whoever asks visited.
    pub(crate) is_own: bool,
}

/// Where a page begins, as addresses say it: `MICROSECONDS.VISIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueuePlace(QueueKey);

impl fmt::Display for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", (self.0).0.0, (self.0).1)
    }
}

impl FromStr for QueuePlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, visit) = text.split_once('.').ok_or(())?;
        Ok(Self((Micros(at.parse().map_err(|_| ())?), visit.parse().map_err(|_| ())?)))
    }
}

/// A page of the queue: who waits longest first, and of the states after a decision what was handed in last.
///
/// # Errors
/// `forbidden` (403) for somebody who reads no visits or not those of the branch, `unknown_branch` (422).
pub(crate) fn queue(
    tx: &mut Tx<'_>,
    principal: &Principal,
    asked: &QueueAsked,
    now: Micros,
    after: Option<QueuePlace>,
    limit: u32,
) -> Result<QueuePage, ApiError> {
    principal.require(Permission::ReadVisits, &Target::Own)?;
    principal.require(Permission::SeeAuditors, &Target::Own)?;
    let reach = principal.reach(tx, Permission::ReadVisits)?;
    let branches = covered(tx, principal, &reach, asked.branch.as_deref())?;
    let states = asked.state.map_or_else(|| WAITING.to_vec(), |it| vec![it]);
    let filter = QueueFilter {
        newest_first: !states.iter().any(|it| WAITING.contains(it) || *it == State::Returned),
        states,
        branches,
        wave: asked.wave,
        claimed_by: asked.mine.then_some(principal.user),
        handed_in_by: asked.hours.map(|it| hours_before(now, it)),
        needs_a_look: asked.needs_a_look,
    };
    let page = queue::list(tx, principal.org, &filter, after.map(|it| it.0), limit)?;
    let Page { items, next } = page;
    let of: BTreeSet<BranchId> = items.iter().map(|it| it.branch_id).collect();
    let found = db::reference::find_branches(tx, principal.org, &Vec::from_iter(of))?;
    let found: BTreeMap<BranchId, Branch> = found.into_iter().map(|it| (it.branch_id, it)).collect();
    let people: BTreeSet<UserId> =
        items.iter().flat_map(|it| [Some(it.auditor_id), it.claimed_by]).flatten().collect();
    let names = db::users::names(tx, principal.org, &Vec::from_iter(people))?;
    let rows = items.into_iter().map(|visit| {
        let branch = found.get(&visit.branch_id);
        QueueRow {
            branch: branch.map(|it| it.name.clone()).unwrap_or_default(),
            branch_code: branch.map(|it| it.code.clone()).unwrap_or_default(),
            auditor: names.get(&visit.auditor_id).cloned().unwrap_or_default(),
            reviewer: visit.claimed_by.and_then(|it| names.get(&it).cloned()),
            is_own: visit.auditor_id == principal.user,
            visit,
        }
    });
    Ok(QueuePage { rows: rows.collect(), next: next.map(QueuePlace), now })
}

/// What people call visits: the branch and the day. Those out of reach are left out.
///
/// # Errors
/// `forbidden` (403) for somebody who reads no visits; those of the database.
pub(crate) fn labels(
    tx: &mut Tx<'_>,
    principal: &Principal,
    ids: &[AuditId],
) -> Result<BTreeMap<AuditId, String>, ApiError> {
    let reach = principal.reach(tx, Permission::ReadVisits)?;
    let visits = audits::find_many(tx, principal.org, ids)?;
    let of: BTreeSet<BranchId> = visits.iter().map(|it| it.branch_id).collect();
    let found = db::reference::find_branches(tx, principal.org, &Vec::from_iter(of))?;
    let within: BTreeMap<BranchId, &str> = found
        .iter()
        .filter(|it| reach.holds(it.branch_id, it.region_id))
        .map(|it| (it.branch_id, it.name.as_str()))
        .collect();
    let label = |it: &Audit| {
        let day = it.visit_date.map(|it| format!(" · {it}")).unwrap_or_default();
        Some((it.audit_id, format!("{}{day}", within.get(&it.branch_id)?)))
    };
    Ok(visits.iter().filter_map(label).collect())
}

const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

fn hours_before(now: Micros, hours: u32) -> Micros {
    Micros(now.0.saturating_sub(i64::from(hours).saturating_mul(MICROS_OF_AN_HOUR)))
}

fn covered(
    tx: &mut Tx<'_>,
    principal: &Principal,
    reach: &Reach,
    code: Option<&str>,
) -> Result<Option<Vec<BranchId>>, ApiError> {
    let branch = match code {
        None => None,
        Some(code) => {
            let found = db::reference::find_branch_by_code(tx, principal.org, code)?;
            Some(found.ok_or_else(|| unknown_branch(code))?.branch_id)
        }
    };
    branches::covered(tx, principal, reach, branch, None)
}

fn unknown_branch(code: &str) -> ApiError {
    ApiError::field(
        "/branch",
        "unknown_branch",
        format!("No hay sucursal con el código «{code}»."),
        format!("there is no branch with the code '{code}'"),
    )
}
