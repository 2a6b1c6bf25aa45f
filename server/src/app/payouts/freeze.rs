//! Makes of what was read the inputs of each calculation, and freezes them: of one person, or of one pool. What is
//! missing is told person by person and component by component, with what to enter.

use super::{
    frozen::{Calculation, Frozen, FrozenKpi, FrozenStaff, FrozenVisit, Unit, UnitKind},
    gather::{self, DueDates, Read},
    others::paid_elsewhere,
};
use crate::{
    app::{
        kpis::{self, Scope},
        period::Period,
    },
    error::ApiError,
};
use db::{
    Tx,
    observations::{KpiObservation, list_assessments},
    payouts::PayoutRun,
    reference::{Staff, list_shifts},
    scores::ScoredVisit,
};
use domain::{
    Exact, FieldProblem,
    ids::{BranchId, KpiId, OrgId, StaffId},
    incentive::{
        self, Adjustment, Component, Inputs, Payee, Person, Plan, ResultInput, ResultLevel, ShiftVisit,
        VisitScore,
    },
    lifecycle::{RunState, State},
    visit_score::Percent,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What a run is made from, and what was found missing on the way.
struct Material<'a> {
    org: OrgId,
    plan: &'a Plan,
    period: Period,
    read: Read,
    kpis: BTreeMap<Scope, BTreeMap<String, KpiObservation>>,
    used: BTreeMap<KpiId, FrozenKpi>,
    problems: Vec<FieldProblem>,
}

/// Freezes the inputs of a run.
///
/// # Errors
/// `unknown_unit`, `nobody_to_pay`, and `missing_result`, `missing_visits`, `missing_band` with what to enter.
pub(super) fn freeze(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: &PayoutRun,
    plan: &Plan,
    unit: Unit,
) -> Result<Frozen, ApiError> {
    let read = gather::read(tx, org, run, plan, &unit)?;
    if read.staff.is_empty() && read.left.is_empty() {
        return Err(ApiError::field(
            "/unit/ids",
            "nobody_to_pay",
            "Nadie del personal de estas unidades tiene días en el periodo; registre personal primero.",
            "nobody of the staff of these units has days in the period; enter staff first",
        ));
    }
    let mut material = Material {
        org,
        plan,
        period: Period { from: run.period_from, to: run.period_to },
        read,
        kpis: BTreeMap::new(),
        used: BTreeMap::new(),
        problems: Vec::new(),
    };
    let calculations = if plan.is_pool() { material.pools(tx, &unit)? } else { material.people(tx)? };
    if !material.problems.is_empty() {
        return Err(ApiError::invalid(material.problems));
    }
    let mut frozen = material.frozen(unit, calculations);
    frozen.paid_elsewhere = paid_elsewhere(tx, org, run, &frozen.staff, |it| it != RunState::Draft)?;
    Ok(frozen)
}

impl Material<'_> {
    fn period(&self) -> incentive::Period {
        incentive::Period { from: self.period.from, to: self.period.to }
    }

    /// The visits of the period to a branch.
    fn at(&self, branch: BranchId) -> &[ScoredVisit] {
        self.read.visits.get(&branch).map_or(&[], Vec::as_slice)
    }

    fn people(&mut self, tx: &mut Tx<'_>) -> Result<Vec<Calculation>, ApiError> {
        let mut calculations = Vec::with_capacity(self.read.staff.len());
        for (staff, days) in self.read.staff.clone() {
            let mut results = BTreeMap::new();
            for component in &self.plan.components {
                if let Some(result) = self.result(tx, &staff, component)? {
                    results.insert(component.id.clone(), result);
                }
            }
            let inputs = Inputs {
                period: self.period(),
                person: Some(self.person(&staff, days)),
                results,
                previous: self.read.previous.get(&staff.employee_no).cloned().unwrap_or_default(),
                band: None,
                visits: self.shift_visits(tx, &[staff.branch_id])?,
                people: Vec::new(),
                adjustments: self.adjustments(&staff.employee_no),
            };
            calculations.push(Calculation::new(staff.employee_no.clone(), &inputs)?);
        }
        for it in &self.read.left {
            calculations.push(Calculation::new(it.person.clone(), &self.only_adjusted(&it.person))?);
        }
        Ok(calculations)
    }

    /// The inputs of somebody who has no day in the period.
    fn only_adjusted(&self, person: &str) -> Inputs {
        let person = Person {
            id: person.to_owned(),
            eligible_from: None,
            eligible_to: None,
            target: None,
            only_adjustments: true,
        };
        Inputs {
            period: self.period(),
            adjustments: self.adjustments(&person.id),
            person: Some(person),
            results: BTreeMap::new(),
            previous: BTreeMap::new(),
            band: None,
            visits: Vec::new(),
            people: Vec::new(),
        }
    }

    /// What a person is due, or owes, of earlier periods.
    fn adjustments(&self, person: &str) -> Vec<Adjustment> {
        self.read.retro.of(person).iter().map(|it| it.adjustment.clone()).collect()
    }

    /// Absences shorten the stretch of eligible days from its end, so that its length is the days that count: the same
    /// rule for every kind of leave.
    fn person(&self, staff: &Staff, days: u32) -> Person {
        let from = staff.employed_from.max(self.period.from);
        let to = staff.employed_to.unwrap_or(self.period.to).min(self.period.to);
        let away = from.days_through(to).saturating_sub(days);
        let last = if away > 0 { Period::days_before(to, away) } else { to };
        Person {
            id: staff.employee_no.clone(),
            eligible_from: Some(staff.employed_from).filter(|it| *it > self.period.from),
            eligible_to: Some(last).filter(|it| *it < self.period.to),
            target: staff.target_minor.map(|it| Exact::scaled(it, self.plan.money.minor_units)),
            only_adjustments: false,
        }
    }

    fn result(
        &mut self,
        tx: &mut Tx<'_>,
        staff: &Staff,
        component: &Component,
    ) -> Result<Option<ResultInput>, ApiError> {
        if component.is_of_visits() {
            return Ok(self.visit_result(staff, component));
        }
        for scope in self.scopes(staff, component.level) {
            if let Some(found) = self.kpi(tx, scope, &component.id)? {
                let result = kpi_result(&found)?;
                let frozen = FrozenKpi { kpi: found.kpi_id, metric: found.metric, value: found.value };
                self.used.insert(found.kpi_id, frozen);
                return Ok(Some(result));
            }
        }
        if component.min_n.is_some() && self.plan.insufficient_sample.is_some() {
            // An empty sample: the plan's own rule says what it pays.
            let nothing = ResultInput { value: Some(Exact::zero()), n: Some(0), ..ResultInput::default() };
            return Ok(Some(nothing));
        }
        self.missing(staff, component, "capture una observación KPI", "enter a KPI observation");
        Ok(None)
    }

    /// The scopes in which a component's observation is looked for, nearest first.
    fn scopes(&self, staff: &Staff, level: Option<ResultLevel>) -> Vec<Scope> {
        let region = self.read.branches.get(&staff.branch_id).and_then(|it| it.region_id).map(Scope::Region);
        let (own, branch) = (Scope::Staff(staff.staff_id), Scope::Branch(staff.branch_id));
        match level {
            Some(ResultLevel::Individual) => vec![own],
            Some(ResultLevel::Branch) => vec![branch],
            Some(ResultLevel::Region) => region.into_iter().collect(),
            Some(ResultLevel::Organization) => vec![Scope::Organization],
            None => vec![own, branch],
        }
    }

    fn kpi(
        &mut self,
        tx: &mut Tx<'_>,
        scope: Scope,
        metric: &str,
    ) -> Result<Option<KpiObservation>, ApiError> {
        if !self.kpis.contains_key(&scope) {
            let found = kpis::of_period(tx, self.org, scope, self.period)?;
            self.kpis.insert(scope, found);
        }
        Ok(self.kpis.get(&scope).and_then(|it| it.get(metric)).cloned())
    }

    /// Visits are the branch's: without a roster by the hour nobody's own visit is known.
    fn visit_result(&mut self, staff: &Staff, component: &Component) -> Option<ResultInput> {
        let visits = self.at(staff.branch_id);
        let rule_decides = component.min_n.is_some() && self.plan.insufficient_sample.is_some();
        if visits.is_empty() && !rule_decides {
            self.missing(staff, component, "apruebe visitas de su sucursal", "approve visits to the branch");
            return None;
        }
        let mut result = of_visits(visits, &self.read.due);
        let rolling = self.read.rolling.get(&staff.branch_id);
        result.rolling = rolling.map(|it| Box::new(of_visits(it, &self.read.due)));
        Some(result)
    }

    fn missing(&mut self, staff: &Staff, component: &Component, es: &str, en: &str) {
        let (person, id) = (&staff.employee_no, &component.id);
        let (from, to) = (self.period.from, self.period.to);
        self.problems.push(FieldProblem::new(
            format!("/people/{person}/results/{id}"),
            "missing_result",
            format!("{person}, «{id}»: sin dato del {from} al {to}; {es}."),
            format!("{person}, \"{id}\": nothing from {from} to {to}; {en}"),
        ));
    }

    fn pools(&mut self, tx: &mut Tx<'_>, unit: &Unit) -> Result<Vec<Calculation>, ApiError> {
        let groups = self.read.groups.clone();
        let mut calculations = Vec::with_capacity(groups.len());
        for (index, (id, within)) in groups.iter().enumerate() {
            let inside = self.read.staff.iter().filter(|(it, _)| within.contains(&it.branch_id));
            let mut people: Vec<Payee> =
                inside.map(|(it, days)| payee(it, *days)).collect::<Result<_, _>>()?;
            let (band, visits) = self.decides(tx, unit, (index, *id), within, &people)?;
            let left = self.read.left.iter().filter(|it| within.contains(&it.branch));
            people.extend(left.map(payee_who_left));
            if people.is_empty() {
                continue;
            }
            let adjustments = people.iter().flat_map(|it| self.adjustments(&it.id)).collect();
            let inputs = Inputs {
                period: self.period(),
                person: None,
                results: BTreeMap::new(),
                previous: BTreeMap::new(),
                band,
                visits,
                people,
                adjustments,
            };
            calculations.push(Calculation::new(id.to_string(), &inputs)?);
        }
        Ok(calculations)
    }

    /// The band and the visits that decide what a pool holds; none for nobody.
    fn decides(
        &mut self,
        tx: &mut Tx<'_>,
        unit: &Unit,
        (index, id): (usize, Uuid),
        within: &BTreeSet<BranchId>,
        team: &[Payee],
    ) -> Result<(Option<String>, Vec<ShiftVisit>), ApiError> {
        if team.is_empty() {
            return Ok((None, Vec::new()));
        }
        let ids: Vec<BranchId> = within.iter().copied().collect();
        let band = self.band(tx, unit, index, id)?;
        let visits = self.pool_visits(tx, &ids, team)?;
        if visits.is_empty() && self.plan.min_n.is_none() {
            self.problems.push(FieldProblem::new(
                format!("/unit/ids/{index}"),
                "missing_visits",
                "La unidad no tiene visitas aprobadas en el periodo.",
                "the unit has no approved visits in the period",
            ));
        }
        Ok((band, visits))
    }

    fn pool_visits(
        &self,
        tx: &mut Tx<'_>,
        ids: &[BranchId],
        people: &[Payee],
    ) -> Result<Vec<ShiftVisit>, ApiError> {
        if self.plan.recognitions.is_empty() {
            let visits = ids.iter().flat_map(|it| self.at(*it));
            return Ok(visits.map(|it| shift_visit(it, Vec::new(), &self.read.due)).collect());
        }
        let mut visits = self.shift_visits(tx, ids)?;
        for visit in &mut visits {
            visit.on_shift.retain(|it| people.iter().any(|payee| payee.id == *it));
        }
        Ok(visits)
    }

    /// The visits with who worked at the branch that day; only for plans that recognise single visits.
    fn shift_visits(&self, tx: &mut Tx<'_>, ids: &[BranchId]) -> Result<Vec<ShiftVisit>, ApiError> {
        if self.plan.recognitions.is_empty() {
            return Ok(Vec::new());
        }
        let staff = self.read.staff.iter();
        let numbers: BTreeMap<StaffId, &str> =
            staff.map(|(it, _)| (it.staff_id, it.employee_no.as_str())).collect();
        let mut visits = Vec::new();
        for visit in ids.iter().flat_map(|it| self.at(*it)) {
            let shifts = list_shifts(tx, self.org, visit.branch_id, visit.visit_date)?;
            let on_shift: BTreeSet<&str> =
                shifts.iter().filter_map(|it| numbers.get(&it.staff_id).copied()).collect();
            let on_shift = on_shift.into_iter().map(str::to_owned).collect();
            visits.push(shift_visit(visit, on_shift, &self.read.due));
        }
        Ok(visits)
    }

    /// The band of a unit: as given, else of the last assessment of the branch that ends in the period or before it.
    fn band(
        &mut self,
        tx: &mut Tx<'_>,
        unit: &Unit,
        index: usize,
        id: Uuid,
    ) -> Result<Option<String>, ApiError> {
        if self.plan.band_multiplier.is_empty() {
            return Ok(None);
        }
        if let Some(band) = unit.bands.get(&id) {
            return Ok(Some(band.clone()));
        }
        let mut band = None;
        if unit.kind == UnitKind::Branch {
            let page = list_assessments(tx, self.org, Some(BranchId(id)), None, db::MAX_PAGE)?;
            let ended = page.items.into_iter().filter(|it| it.period_to <= self.period.to);
            band = ended.max_by_key(|it| (it.period_to, it.assessed_at)).map(|it| it.band);
        }
        if band.is_none() {
            self.problems.push(FieldProblem::new(
                format!("/unit/ids/{index}"),
                "missing_band",
                "El plan usa la categoría del estándar: evalúe la sucursal, o indíquela en «bands».",
                "the plan uses the band of the standard: assess the branch, or give it in \"bands\"",
            ));
        }
        Ok(band)
    }

    fn frozen(self, unit: Unit, calculations: Vec<Calculation>) -> Frozen {
        let staff = self.read.staff.iter().map(|(it, days)| FrozenStaff {
            staff: it.staff_id,
            person: it.employee_no.clone(),
            branch: it.branch_id,
            days: *days,
        });
        let here = self.read.staff.iter().map(|it| &it.0.employee_no);
        let everybody = here.chain(self.read.left.iter().map(|it| &it.person));
        let retro = &self.read.retro;
        Frozen {
            settled: everybody.flat_map(|it| retro.of(it)).map(|it| it.settled.clone()).collect(),
            stands: retro.stands.clone(),
            unit,
            period: Some(self.period),
            visits: self.read.visits.values().flatten().map(frozen_visit).collect(),
            kpis: self.used.into_values().collect(),
            staff: staff.chain(self.read.left.iter().cloned()).collect(),
            calculations,
            paid_elsewhere: Vec::new(),
        }
    }
}

fn score(visit: &ScoredVisit) -> Percent {
    Percent::from_units(visit.final_hundredths.unwrap_or_default())
}

fn frozen_visit(visit: &ScoredVisit) -> FrozenVisit {
    FrozenVisit {
        visit: visit.audit_id,
        version: visit.version,
        branch: visit.branch_id,
        date: visit.visit_date,
        score: score(visit),
        critical_failed: visit.critical_failed,
        disputed: visit.state == State::Appealed,
    }
}

fn shift_visit(visit: &ScoredVisit, on_shift: Vec<String>, due: &DueDates) -> ShiftVisit {
    ShiftVisit {
        id: visit.audit_id.to_string(),
        score: score(visit).to_exact(),
        on_shift,
        disputed: visit.state == State::Appealed,
        decision_due: due.get(&visit.audit_id).copied(),
    }
}

fn payee(staff: &Staff, days: u32) -> Result<Payee, ApiError> {
    let role_factor =
        staff.role_factor.as_deref().map(Exact::parse).transpose().map_err(ApiError::internal)?;
    Ok(Payee {
        id: staff.employee_no.clone(),
        role: Some(staff.position.clone()),
        role_factor,
        days: Some(days),
        only_adjustments: false,
    })
}

/// Somebody who has no day in the period.
fn payee_who_left(it: &FrozenStaff) -> Payee {
    Payee { id: it.person.clone(), role: None, role_factor: None, days: None, only_adjustments: true }
}

/// A failure counts as confirmed, since a reviewer approved the visit that shows it. One of a disputed visit counts too until that is
/// decided: questioning it never raises pay.
fn of_visits(visits: &[ScoredVisit], due: &DueDates) -> ResultInput {
    let scores = visits.iter().map(|it| VisitScore {
        id: Some(it.audit_id.to_string()),
        score: score(it).to_exact(),
        critical: it.critical_failed > 0,
        disputed: it.state == State::Appealed,
        decision_due: due.get(&it.audit_id).copied(),
    });
    let confirmed = visits.iter().filter(|it| it.critical_failed > 0).count();
    ResultInput {
        visits: Some(scores.collect()),
        confirmed_critical: Some(u32::try_from(confirmed).unwrap_or(u32::MAX)),
        ..ResultInput::default()
    }
}

fn kpi_result(found: &KpiObservation) -> Result<ResultInput, ApiError> {
    let count = |it: &Option<String>| it.as_deref().and_then(|it| it.parse::<u32>().ok());
    if let (Some(numerator), Some(denominator)) = (count(&found.numerator), count(&found.denominator)) {
        return Ok(ResultInput {
            numerator: Some(numerator),
            denominator: Some(denominator),
            ..ResultInput::default()
        });
    }
    let value = Exact::parse(&found.value).map_err(ApiError::internal)?;
    Ok(ResultInput { value: Some(value), n: found.n, ..ResultInput::default() })
}
