//! What appeals that were decided since change of earlier periods: what was held is paid or not, and what a granted one is worth. A locked run
//! is never edited: it is calculated again with its visits as they were decided, and the difference, less what other runs adjusted already,
//! goes into the next one. What cannot be calculated again stands as it was paid, and is told until a person decides.

use super::{
    frozen::{Frozen, FrozenStaff},
    gather::COUNTED,
    others::runs,
    plan_of,
    previous::lines,
};
use crate::{app::period::Period, error::ApiError};
use db::{
    Tx,
    appeals::{self, Appeal},
    audits,
    payouts::{PayoutRun, RunMode},
    scores,
};
use domain::{
    Date, Exact, FieldProblem, LocalText, Problem,
    appeal::AppealState,
    ids::{AppealId, AuditId, OrgId, RunId},
    incentive::{
        Adjustment, DecidedVisit, Inputs, Payout, Plan, RetroDifference, compute, decided_inputs,
        read_inputs, retro_differences,
    },
    lifecycle::{RunState, State},
    visit_score::Percent,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How the frozen inputs mark a disputed visit.
const DISPUTED: &str = "\"disputed\":true";

/// What a run adjusts of an earlier one, as it was calculated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// The person, by employee number.
    pub(super) person: String,
    /// The earlier run.
    pub(super) run: RunId,
    /// The appeals that were decided since.
    pub(super) appeals: Vec<AppealId>,
    /// What other runs had adjusted of it by then, in minor units.
    pub(super) adjusted_before_minor: i64,
}

/// An adjustment that a run proposes.
#[derive(Debug, Clone)]
pub(super) struct Proposed {
    pub(super) adjustment: Adjustment,
    pub(super) settled: Settled,
}

/// What a locked run paid and stands, since it cannot be calculated without visits that count no more. Told to the approver; nothing is
/// calculated from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stands {
    /// The earlier run.
    pub(super) run: RunId,
    /// Its period.
    pub(super) period: Period,
    /// The people, by employee number.
    pub(super) people: Vec<String>,
    /// The visits.
    pub(super) visits: Vec<AuditId>,
    /// The appeals that were decided since.
    pub(super) appeals: Vec<AppealId>,
    /// Why it cannot be calculated.
    pub(super) reason: LocalText,
}

/// What decided appeals change of earlier periods.
#[derive(Debug, Default)]
pub(super) struct Retro {
    /// Adjustments by person, in the order of the periods that they mend.
    pub(super) proposed: BTreeMap<String, Vec<Proposed>>,
    /// What cannot be calculated again.
    pub(super) stands: Vec<Stands>,
    /// Everybody of these, as the last earlier run had them.
    pub(super) people: BTreeMap<String, FrozenStaff>,
}

impl Retro {
    /// The adjustments of a person.
    pub(super) fn of(&self, person: &str) -> &[Proposed] {
        self.proposed.get(person).map_or(&[], Vec::as_slice)
    }
}

/// What was adjusted of earlier runs, in minor units, by person and earlier run.
type Adjusted = BTreeMap<(String, RunId), i64>;

/// What counts once among the runs that adjust: each live run, and each period of shadow runs.
type Counted = (Date, Option<RunId>);

/// Proposes what decided appeals change of the locked runs of the same plan and mode over earlier periods. Where shadow runs repeat a
/// period, the last one that was locked tells.
///
/// # Errors
/// Those of the database.
pub(super) fn read(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun, plan: &Plan) -> Result<Retro, ApiError> {
    let others = others(tx, org, run)?;
    let is_locked = |it: &RunState| matches!(it, RunState::Locked | RunState::Exported | RunState::Paid);
    let is_earlier = |it: &&PayoutRun| is_locked(&it.state) && it.period_to < run.period_from;
    let mut earlier: Vec<&PayoutRun> = others.iter().filter(is_earlier).collect();
    earlier.sort_by_key(|it| (it.locked_at, it.run_id));
    let mut found: BTreeMap<(Date, Date, String), (FrozenStaff, Found)> = BTreeMap::new();
    for it in earlier {
        let frozen = Frozen::read(&it.inputs)?;
        let key = |person: &str| (it.period_from, it.period_to, person.to_owned());
        // Who was in a run for adjustments only is told of by the one that paid their days.
        let paid: BTreeMap<&str, &FrozenStaff> =
            frozen.staff.iter().filter(|it| it.days > 0).map(|it| (it.person.as_str(), it)).collect();
        paid.keys().for_each(|person| drop(found.remove(&key(person))));
        for (person, change) in changes(tx, org, it, &frozen)? {
            let Some(staff) = paid.get(person.as_str()) else { continue };
            found.insert(key(&person), ((*staff).clone(), change));
        }
    }
    if found.is_empty() {
        return Ok(Retro::default());
    }
    let adjusted = adjusted(tx, org, run, &others)?;
    let mut retro = Retro::default();
    for ((from, _, person), (staff, change)) in found {
        match change {
            Found::Stands(it) => retro.told(&person, it),
            Found::Change(it) => {
                let before = adjusted.get(&(person.clone(), it.run)).copied().unwrap_or(0);
                let Some(proposed) = proposed(plan, &person, from, it, before) else { continue };
                retro.proposed.entry(person.clone()).or_default().push(proposed);
            }
        }
        retro.people.insert(person, staff);
    }
    Ok(retro)
}

/// What is left of a change once `before` was adjusted already.
fn proposed(plan: &Plan, person: &str, from: Date, change: Change, before: i64) -> Option<Proposed> {
    let left = change.difference.remaining(&Exact::scaled(before, plan.money.minor_units))?;
    let (month, run) = (from.to_string(), change.run);
    let reason = format!("{}; cálculo / run {run}", change.reason);
    let adjustment = left.adjustment(month.get(..7).unwrap_or_default(), &reason, plan.is_pool());
    let (person, appeals) = (person.to_owned(), change.appeals);
    Some(Proposed { adjustment, settled: Settled { person, run, appeals, adjusted_before_minor: before } })
}

impl Retro {
    /// Adds what stands of a person; people for whom the same holds are told of together.
    fn told(&mut self, person: &str, stands: Stands) {
        let is_same = |it: &&mut Stands| {
            it.run == stands.run && it.visits == stands.visits && it.reason == stands.reason
        };
        match self.stands.iter_mut().find(is_same) {
            Some(it) => it.people.push(person.to_owned()),
            None => self.stands.push(Stands { people: vec![person.to_owned()], ..stands }),
        }
    }
}

/// The other runs of the plan and mode whose amounts stand. Shadow runs repeat a period: one does not count against the other.
fn others(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<Vec<PayoutRun>, ApiError> {
    runs(tx, org, |it| {
        let stands =
            matches!(it.state, RunState::Approved | RunState::Locked | RunState::Exported | RunState::Paid);
        let repeats = it.mode == RunMode::Shadow && it.period_from == run.period_from;
        stands && !repeats && it.run_id != run.run_id && it.plan_id == run.plan_id && it.mode == run.mode
    })
}

/// What a locked run would have paid one person, and why it is another amount.
struct Change {
    run: RunId,
    difference: RetroDifference,
    reason: String,
    appeals: Vec<AppealId>,
}

/// What calculating a locked run again tells of one person.
enum Found {
    Change(Change),
    Stands(Stands),
}

/// How a visit of a run was decided.
struct Decision {
    id: AuditId,
    visit: DecidedVisit,
    told: String,
    appeals: Vec<AppealId>,
}

/// What decided appeals change of a locked run, person by person.
fn changes(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    frozen: &Frozen,
) -> Result<Vec<(String, Found)>, ApiError> {
    let plan = plan_of(tx, org, run)?;
    let mut visits: BTreeSet<AuditId> = frozen.visits.iter().map(|it| it.visit).collect();
    for it in frozen.calculations.iter().filter(|it| it.inputs.get().contains(DISPUTED)) {
        // Those of the rolling year are of no period of this run.
        visits.extend(disputed(&read_inputs(&plan, it.inputs.get())?));
    }
    let decisions = decisions(tx, org, frozen, &Vec::from_iter(visits))?;
    let mut changes = Vec::new();
    for it in &frozen.calculations {
        let touched = decisions.iter().filter(|(id, _)| it.inputs.get().contains(id.as_str()));
        let touched: Vec<&Decision> = touched.map(|it| it.1).collect();
        if touched.is_empty() {
            continue;
        }
        let inputs = read_inputs(&plan, it.inputs.get())?;
        let locked = compute(&plan, &inputs)?;
        let corrected = decided_inputs(&inputs, |id| decisions.get(id).map(|it| it.visit.clone()));
        match retro_differences(&plan, &locked, &corrected) {
            Ok(differences) => changes.extend(changed(run, &touched, differences)),
            // As a first calculation: the plan does not say what an empty sample pays.
            Err(problem) => changes.extend(standing(run, &touched, &locked, &problem)),
        }
    }
    Ok(changes)
}

fn appeals_of(touched: &[&Decision]) -> Vec<AppealId> {
    touched.iter().flat_map(|it| it.appeals.iter().copied()).collect()
}

fn changed(
    run: &PayoutRun,
    touched: &[&Decision],
    differences: Vec<RetroDifference>,
) -> impl Iterator<Item = (String, Found)> {
    let told: Vec<&str> = touched.iter().map(|it| it.told.as_str()).collect();
    let reason = format!("apelación resuelta / appeal decided: {}", told.join(", "));
    let (run, appeals) = (run.run_id, appeals_of(touched));
    differences.into_iter().map(move |difference| {
        let person = difference.person.clone();
        (person, Found::Change(Change { run, difference, reason: reason.clone(), appeals: appeals.clone() }))
    })
}

/// Everybody of a calculation that cannot be repeated.
fn standing(
    run: &PayoutRun,
    touched: &[&Decision],
    locked: &Payout,
    problem: &Problem,
) -> impl Iterator<Item = (String, Found)> {
    let gone = |it: &&&Decision| it.visit == DecidedVisit::Gone;
    let place =
        |it: &FieldProblem| it.field.trim_start_matches("/results").trim_start_matches('/').to_owned();
    let told = |text: fn(&FieldProblem) -> &str| -> String {
        let all: Vec<String> =
            problem.errors.iter().map(|it| format!("{}: {}", place(it), text(it))).collect();
        all.join("; ")
    };
    let stands = Stands {
        run: run.run_id,
        period: Period { from: run.period_from, to: run.period_to },
        people: Vec::new(),
        visits: touched.iter().filter(gone).map(|it| it.id).collect(),
        appeals: appeals_of(touched),
        reason: LocalText::new(told(|it| &it.message_es), told(|it| &it.message_en)),
    };
    locked.payments().into_iter().map(move |it| (it.person, Found::Stands(stands.clone())))
}

fn disputed(inputs: &Inputs) -> Vec<AuditId> {
    let of_results = inputs.results.values().flat_map(|it| {
        let rolling = it.rolling.iter().flat_map(|it| it.visits.iter().flatten());
        it.visits.iter().flatten().chain(rolling)
    });
    let of_results = of_results.filter(|it| it.disputed).filter_map(|it| it.id.as_deref());
    let on_shift = inputs.visits.iter().filter(|it| it.disputed).map(|it| it.id.as_str());
    of_results.chain(on_shift).filter_map(|it| it.parse().ok()).collect()
}

/// The visits of a run that changed with an appeal since it was frozen, by id: those that were disputed then and are not any more, those
/// whose appeal was granted later, and those that were appealed and annulled.
fn decisions(
    tx: &mut Tx<'_>,
    org: OrgId,
    frozen: &Frozen,
    visits: &[AuditId],
) -> Result<BTreeMap<String, Decision>, ApiError> {
    let mut by_visit: BTreeMap<AuditId, Vec<Appeal>> = BTreeMap::new();
    for it in appeals::of_audits(tx, org, visits)? {
        by_visit.entry(it.audit_id).or_default().push(it);
    }
    by_visit.retain(|_, all| all.iter().all(|it| it.state != AppealState::Open));
    let mut found = BTreeMap::new();
    for (id, all) in by_visit {
        let then = frozen.visits.iter().find(|it| it.visit == id);
        let was_disputed = then.is_none_or(|it| it.disputed);
        let version = then.map_or(0, |it| it.version);
        let state = audits::find(tx, org, id)?.map(|it| it.state);
        let counts = state.is_some_and(|it| COUNTED.contains(&it));
        // For good, unlike one that is excluded.
        let annulled = state == Some(State::Void);
        let is_since =
            |it: &&Appeal| was_disputed || annulled || it.new_version.is_some_and(|it| it > version);
        let appeals: Vec<AppealId> = all.iter().filter(is_since).map(|it| it.appeal_id).collect();
        if appeals.is_empty() {
            continue;
        }
        let now = scores::find_current(tx, org, id)?.filter(|_| counts);
        let score = now.as_ref().and_then(|it| it.final_hundredths).map(Percent::from_units);
        let before = then.map_or_else(|| "?".to_owned(), |it| it.score.to_string());
        let (visit, after) = match (now, score) {
            (Some(now), Some(score)) => {
                let critical = now.critical_failed > 0;
                (DecidedVisit::Counts { score: score.to_exact(), critical }, score.to_string())
            }
            _ => (DecidedVisit::Gone, "-".to_owned()),
        };
        let told = format!("visita / visit {id}: {before} -> {after}");
        found.insert(id.to_string(), Decision { id, visit, told, appeals });
    }
    Ok(found)
}

/// What runs whose amounts stand adjusted of earlier ones: as paid or taken, not as proposed, since recovery has its limit. Where shadow
/// runs repeat a period, the last one that was locked tells.
fn adjusted(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    others: &[PayoutRun],
) -> Result<Adjusted, ApiError> {
    let mut by_run: BTreeMap<(String, RunId), BTreeMap<Counted, i64>> = BTreeMap::new();
    let mut others: Vec<&PayoutRun> = others.iter().filter(|it| it.run_id != run.run_id).collect();
    others.sort_by_key(|it| (it.locked_at, it.run_id));
    for other in others {
        let repeated = (other.period_from, (other.mode == RunMode::Live).then_some(other.run_id));
        let settled = Frozen::read(&other.inputs)?.settled;
        if settled.is_empty() {
            continue;
        }
        let mut paid: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for line in lines(tx, org, other)?.into_iter().filter(|it| it.component == "adjustment:retro") {
            paid.entry(line.person).or_default().push(line.amount_minor);
        }
        // The lines of a person are in the order in which they were proposed.
        let mut next: BTreeMap<&str, usize> = BTreeMap::new();
        for it in &settled {
            let place = next.entry(&it.person).or_default();
            let amount = paid.get(&it.person).and_then(|them| them.get(*place)).copied().unwrap_or(0);
            *place = place.saturating_add(1);
            by_run.entry((it.person.clone(), it.run)).or_default().insert(repeated, amount);
        }
    }
    Ok(by_run.into_iter().map(|(of, them)| (of, them.into_values().sum())).collect())
}

/// Refuses to approve or close a run whose adjustments another one made meanwhile; under the lock of the plan.
///
/// # Errors
/// `adjusted_in_another_run` (409) with each person.
pub(super) fn refuse_adjusted_twice(tx: &mut Tx<'_>, org: OrgId, run: &PayoutRun) -> Result<(), ApiError> {
    let settled = Frozen::read(&run.inputs)?.settled;
    if settled.is_empty() {
        return Ok(());
    }
    let others = others(tx, org, run)?;
    let now = adjusted(tx, org, run, &others)?;
    let is_other = |it: &&Settled| {
        now.get(&(it.person.clone(), it.run)).copied().unwrap_or(0) != it.adjusted_before_minor
    };
    let told: Vec<FieldProblem> = settled.iter().filter(is_other).map(meanwhile).collect();
    if told.is_empty() {
        return Ok(());
    }
    let title = "another run adjusted the same meanwhile";
    Err(Problem::with_status(409, "adjusted_in_another_run", title, told).into())
}

fn meanwhile(it: &Settled) -> FieldProblem {
    let (person, run) = (&it.person, it.run);
    FieldProblem::new(
        format!("/people/{person}"),
        "adjusted_in_another_run",
        format!(
            "Otro cálculo ya ajustó a «{person}» lo del cálculo {run}; devuelva este a borrador y calcule de nuevo."
        ),
        format!(
            "another run adjusted what \"{person}\" is due of the run {run}; take this one back to draft and calculate again"
        ),
    )
}
