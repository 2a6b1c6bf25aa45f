//! What each person was paid by protected components in the period before, whichever run holds their line.

use super::{frozen::Frozen, others::runs};
use crate::{app::period::Period, error::ApiError};
use db::{
    Tx,
    payouts::{PayoutLine, PayoutRun, list_lines},
};
use domain::{
    ids::OrgId,
    incentive::{self, Component, Line, Plan, Previous},
    lifecycle::RunState,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the components of a person paid, by employee number and component.
pub(super) type PreviousPay = BTreeMap<String, BTreeMap<String, Previous>>;

/// What is looked at of the inputs of a calculation.
#[derive(Deserialize)]
struct Calculated {
    #[serde(default)]
    previous: BTreeMap<String, Streak>,
}

/// What a component had paid before the run that is looked at.
#[derive(Deserialize)]
struct Streak {
    protected: bool,
    consecutive: Option<u32>,
}

/// Reads the locked runs of the same plan and mode over the period just before: there may be one for each branch. Where
/// shadow runs repeat a period, the last one that was locked tells.
///
/// # Errors
/// Those of the database; our fault (500) where a stored line cannot be read.
pub(super) fn read(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    plan: &Plan,
) -> Result<PreviousPay, ApiError> {
    let components = plan.components.iter().filter(|it| it.protect_band_by_ci.is_some());
    let protected: BTreeMap<&str, &Component> = components.map(|it| (it.id.as_str(), it)).collect();
    if protected.is_empty() {
        return Ok(PreviousPay::new());
    }
    let period = Period { from: run.period_from, to: run.period_to };
    let (last, same_length) = (Period::days_before(run.period_from, 1), period.previous());
    let was_before = |it: &PayoutRun| {
        let whole = plan.is_whole_period(incentive::Period { from: it.period_from, to: it.period_to });
        it.period_to == last && (whole || it.period_from == same_length.from)
    };
    let mut locked = runs(tx, org, |it| {
        it.plan_id == run.plan_id
            && it.mode == run.mode
            && was_before(it)
            && matches!(it.state, RunState::Locked | RunState::Exported | RunState::Paid)
    })?;
    locked.sort_by_key(|it| (it.locked_at, it.run_id));
    let mut previous = PreviousPay::new();
    for run in locked {
        let streaks = streaks(&run)?;
        for it in lines(tx, org, &run)? {
            let Some(component) = protected.get(it.component.as_str()) else { continue };
            let line: Line = serde_json::from_str(&it.doc).map_err(ApiError::internal)?;
            // What the plan no longer pays, or paid by another rule than its table, is no band to keep.
            if !plan.has_band(component, line.payout_pct.value()) {
                continue;
            }
            let protected = line.protected.unwrap_or(false);
            let streak = streaks.get(&it.person).and_then(|them| them.get(&it.component));
            let before = streak.map_or(0, |it| it.consecutive.unwrap_or(u32::from(it.protected)));
            let was = Previous {
                payout_pct: line.payout_pct.value().clone(),
                protected,
                consecutive: Some(if protected { before.saturating_add(1) } else { 0 }),
            };
            previous.entry(it.person).or_default().insert(it.component, was);
        }
    }
    Ok(previous)
}

/// How long each person had been protected before a run, by component.
fn streaks(run: &PayoutRun) -> Result<BTreeMap<String, BTreeMap<String, Streak>>, ApiError> {
    let read = |inputs: &str| serde_json::from_str::<Calculated>(inputs).map_err(ApiError::internal);
    let calculations = Frozen::read(&run.inputs)?.calculations.into_iter();
    calculations.map(|it| Ok((it.of, read(it.inputs.get())?.previous))).collect()
}

/// Every line of a run.
///
/// # Errors
/// Those of the database.
pub(super) fn lines(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<Vec<PayoutLine>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list_lines(tx, org, run.run_id, None, after.as_ref(), db::MAX_PAGE)?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}
