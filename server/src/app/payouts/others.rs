//! The other runs of an organization, and who is paid by one of them already: nobody is paid twice for the same days.

use super::frozen::{Frozen, FrozenStaff};
use crate::error::ApiError;
use db::{
    Tx,
    payouts::{PayoutRun, RunMode, list_runs},
};
use domain::{
    FieldProblem, Problem,
    ids::{OrgId, RunId, StaffId},
    lifecycle::RunState,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody whom another live run of the same plan pays for some of the same days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaidElsewhere {
    /// The person, by employee number.
    pub(super) person: String,
    /// The other run.
    pub(super) run: RunId,
}

/// The runs that fit, by id.
///
/// # Errors
/// Those of the database.
pub(super) fn runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    fits: impl Fn(&PayoutRun) -> bool,
) -> Result<Vec<PayoutRun>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list_runs(tx, org, after, db::MAX_PAGE)?;
        found.extend(page.items.into_iter().filter(&fits));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Who of a live run's staff is paid for days by another live run of the same plan that shares days with it and stands in
/// one of these states. Shadow runs pay nobody, nor does being in a run for adjustments only.
///
/// # Errors
/// Those of the database.
pub(super) fn paid_elsewhere(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    staff: &[FrozenStaff],
    counts: impl Fn(RunState) -> bool,
) -> Result<Vec<PaidElsewhere>, ApiError> {
    let here: BTreeMap<StaffId, &str> =
        staff.iter().filter(|it| it.days > 0).map(|it| (it.staff, it.person.as_str())).collect();
    let mut found = Vec::new();
    for (other, there) in paid_there(tx, org, run, counts)? {
        let shared = there.iter().filter_map(|it| here.get(it));
        found.extend(shared.map(|it| PaidElsewhere { person: (*it).to_owned(), run: other }));
    }
    found.sort_by(|one, next| (&one.person, one.run).cmp(&(&next.person, next.run)));
    Ok(found)
}

/// Who of these has days in another live run of the plan that shares days with this one and is calculated: there they get
/// their adjustments.
///
/// # Errors
/// Those of the database.
pub(super) fn held_elsewhere(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    left: &[FrozenStaff],
) -> Result<BTreeSet<StaffId>, ApiError> {
    if left.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: BTreeSet<StaffId> = left.iter().map(|it| it.staff).collect();
    let there = paid_there(tx, org, run, |it| it != RunState::Draft)?;
    Ok(there.into_iter().flat_map(|it| it.1).filter(|it| wanted.contains(it)).collect())
}

/// Whom other live runs of the plan that share days with a live one pay for days, by run.
fn paid_there(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    counts: impl Fn(RunState) -> bool,
) -> Result<Vec<(RunId, Vec<StaffId>)>, ApiError> {
    if run.mode != RunMode::Live {
        return Ok(Vec::new());
    }
    let others = runs(tx, org, |it| {
        it.run_id != run.run_id
            && it.mode == RunMode::Live
            && it.plan_id == run.plan_id
            && it.period_from <= run.period_to
            && run.period_from <= it.period_to
            && counts(it.state)
    })?;
    let mut found = Vec::with_capacity(others.len());
    for other in others {
        let there = Frozen::read(&other.inputs)?.staff;
        found.push((other.run_id, there.iter().filter(|it| it.days > 0).map(|it| it.staff).collect()));
    }
    Ok(found)
}

/// Refuses to approve or close a run that would pay somebody again. Both freeze a run for good, so it is refused while it
/// can still be taken back to draft; approvals and locks of one plan wait for each other, so that of two at once the
/// later one sees the earlier.
///
/// # Errors
/// `paid_in_another_run` (409) with each person and the run that pays them.
pub(super) fn refuse_paid_twice(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<(), ApiError> {
    tx.lock(org, &format!("payout locks {}", run.plan_id))?;
    let staff = Frozen::read(&run.inputs)?.staff;
    let closed =
        |it| matches!(it, RunState::Approved | RunState::Locked | RunState::Exported | RunState::Paid);
    let twice = paid_elsewhere(tx, org, run, &staff, closed)?;
    if twice.is_empty() {
        return Ok(());
    }
    let told = twice.iter().map(|PaidElsewhere { person, run }| {
        FieldProblem::new(
            format!("/people/{person}"),
            "paid_in_another_run",
            format!(
                "El cálculo {run}, aprobado o cerrado, ya paga a «{person}» días de este periodo; calcule sin esa unidad."
            ),
            format!(
                "the run {run}, approved or locked, pays \"{person}\" days of this period; calculate without that unit"
            ),
        )
    });
    let title = "another run pays these people for days of this period";
    Err(Problem::with_status(409, "paid_in_another_run", title, told.collect()).into())
}
