//! Files of KPI observations. An observation of the same figure that is there already is corrected by a later one, as by hand.

use super::{
    cells::{Line, Sheet},
    columns::{Layout, plain},
    journal::{Entry, Figure, KpiState, figure, kpi_values},
    planning::{self, Plan, Stored, Understood},
    report::{Action, RowProblem},
};
use crate::{
    app::{
        kpis::{self, NewObservation, Scope},
        period::Period,
    },
    error::ApiError,
    office::Office,
};
use db::{
    Tx,
    imports::Subject,
    observations::{self, KpiObservation, KpiScope},
    reference,
};
use std::collections::{BTreeMap, BTreeSet};

/// Of what, by code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Organization,
    Region(String),
    Branch(String),
    Staff(String),
}

impl Of {
    /// The column that says it, and the code.
    fn column_and_code(&self) -> (&'static str, &str) {
        match self {
            Self::Organization => ("scope", "organization"),
            Self::Region(code) => ("region_code", code),
            Self::Branch(code) => ("branch_code", code),
            Self::Staff(code) => ("employee_no", code),
        }
    }
}

/// A row of the file.
#[derive(Debug, Clone)]
pub(super) struct KpiLine {
    number: u32,
    of: Of,
    /// With the organization as its scope until the codes are looked up.
    new: NewObservation,
}

impl KpiLine {
    fn key(&self) -> String {
        let NewObservation { metric, period, .. } = &self.new;
        format!("{metric} {} {} {}", self.of.column_and_code().1, period.from, period.to)
    }
}

pub(super) fn read(sheet: &Sheet, problems: &mut Vec<RowProblem>) -> Vec<KpiLine> {
    let rows = planning::understand(sheet, problems, line);
    planning::refuse_repeated(rows, &sheet.layout, ("metric", KpiLine::key), problems)
}

fn line(line: &mut Line<'_>) -> KpiLine {
    let of = of(line);
    let new = NewObservation {
        scope: Scope::Organization,
        metric: line.required("metric"),
        definition: line.required("definition"),
        period: Period { from: line.required_day("period_from"), to: line.required_day("period_to") },
        value: line.decimal("value", false).map(|it| it.0),
        n: line.whole("n"),
        numerator: line.whole("numerator"),
        denominator: line.whole("denominator"),
        source: line.required("source"),
    };
    if line.is_good() {
        line.check(&new);
    }
    KpiLine { number: line.number(), of, new }
}

/// Of what a row is: a forgotten code must not make a figure of a branch one of the whole organization.
fn of(line: &mut Line<'_>) -> Of {
    let scope = line.text("scope").map(|it| plain(&it));
    let codes = [
        line.text("region_code").map(Of::Region),
        line.text("branch_code").map(Of::Branch),
        line.text("employee_no").map(Of::Staff),
    ];
    let mut given: Vec<Of> = codes.into_iter().flatten().collect();
    let is_of_all = matches!(scope.as_deref(), Some("organization" | "organizacion" | "red" | "network"));
    match (given.pop(), given.is_empty(), is_of_all) {
        (Some(of), true, false) => of,
        (None, _, true) => Of::Organization,
        (None, _, false) => {
            let es = "Diga de qué es: código de sucursal, de región o número de empleado; de todo, ponga «organización» en «alcance».";
            let en = "say of what: the code of a branch or region, or an employee number; of everything, put 'organization' as scope";
            line.tell("scope", "scope_missing", es, en);
            Of::Organization
        }
        _ => {
            let es = "Diga una sola cosa: sucursal, región, empleado o toda la organización.";
            let en = "say one thing only: branch, region, employee or the whole organization";
            line.tell("scope", "two_scopes", es, en);
            Of::Organization
        }
    }
}

impl Understood for KpiLine {
    /// The row of the file, its key, the observation before and the new one.
    type Work = Vec<(u32, String, Option<KpiObservation>, KpiObservation)>;

    fn number(&self) -> u32 {
        self.number
    }

    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Self::Work>, ApiError> {
        let scopes = scopes(tx, office, rows)?;
        let mut found = Vec::with_capacity(rows.len());
        let mut problems = Vec::new();
        for row in rows {
            let scope = match scopes.get(&row.of) {
                Some(Ok(scope)) => *scope,
                Some(Err(why)) => {
                    problems.push(layout.problem(row.number, why));
                    continue;
                }
                None => {
                    problems.push(unknown(row, layout));
                    continue;
                }
            };
            let new = NewObservation { scope, ..row.new.clone() };
            let mut told = Vec::new();
            if let Some(observation) = kpis::checked(office, &new, "", &mut told) {
                found.push((row, observation));
            }
            problems.extend(told.iter().map(|it| layout.problem(row.number, it)));
        }
        let stored = stored(tx, office, &found)?;
        let (mut told, mut work) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, new) in found {
            let before = stored.get(&figure(&new)).cloned();
            let values = before.as_ref().map(kpi_values);
            let one = planning::change(row.number, row.key(), values.as_ref(), &kpi_values(&new));
            if one.action != Action::Unchanged {
                work.push((row.number, row.key(), before, new));
            }
            told.push(one);
        }
        Ok((told, work, problems))
    }

    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Self::Work) -> Result<Stored, ApiError> {
        let new: Vec<KpiObservation> = work.iter().map(|it| it.3.clone()).collect();
        observations::append_kpis(tx, office.org(), &new)?;
        let mut entries = Vec::with_capacity(work.len());
        for (number, key, before, new) in work {
            let states = (before.as_ref().map(KpiState::from), KpiState::from(&new));
            let states = (states.0.as_ref(), &states.1);
            entries.push(Entry::new((number, Subject::Kpi), key, new.kpi_id.0, states)?);
        }
        Ok(Stored { entries, codes: Vec::new() })
    }
}

fn unknown(row: &KpiLine, layout: &Layout) -> RowProblem {
    let (column, code) = row.of.column_and_code();
    RowProblem::new(
        row.number,
        layout.header(column),
        "unknown_scope",
        format!("La organización no tiene «{code}»."),
        format!("the organization has no '{code}'"),
    )
}

type Scopes = BTreeMap<Of, Result<Scope, domain::FieldProblem>>;

/// What each code stands for, and whether the person may enter observations of it; asked once for each.
fn scopes(tx: &mut Tx<'_>, office: &Office, rows: &[KpiLine]) -> Result<Scopes, ApiError> {
    let org = office.org();
    let named: BTreeSet<&Of> = rows.iter().map(|it| &it.of).collect();
    let codes_of = |wanted: fn(&Of) -> bool| {
        let named = named.iter().filter(|it| wanted(it));
        named.map(|it| it.column_and_code().1).collect::<Vec<&str>>()
    };
    let branches = codes_of(|it| matches!(it, Of::Branch(_)));
    let staff = codes_of(|it| matches!(it, Of::Staff(_)));
    let branches = reference::find_branches_by_codes(tx, org, &branches)?.into_iter();
    let staff = reference::find_staff_by_employee_nos(tx, org, &staff)?.into_iter();
    let regions = reference::list_regions(tx, org)?.into_iter();
    let all = branches
        .map(|it| (Of::Branch(it.code), Scope::Branch(it.branch_id)))
        .chain(staff.map(|it| (Of::Staff(it.employee_no), Scope::Staff(it.staff_id))))
        .chain(regions.map(|it| (Of::Region(it.code), Scope::Region(it.region_id))))
        .chain([(Of::Organization, Scope::Organization)]);
    let mut scopes = Scopes::new();
    for (of, scope) in all.filter(|it| named.contains(&it.0)) {
        let mut told = Vec::new();
        let asked = match kpis::require(tx, office, scope, "", &mut told) {
            Ok(()) => Ok(scope),
            Err(error) if error.problem().status == 403 => {
                let column = of.column_and_code().0;
                let first = error.problem().errors.first().cloned();
                Err(first
                    .map(|it| domain::FieldProblem { field: format!("/{column}"), ..it })
                    .ok_or(error)?)
            }
            Err(error) => return Err(error),
        };
        scopes.insert(of, asked);
    }
    Ok(scopes)
}

/// The last observation of each figure that the rows are about.
fn stored(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &[(&KpiLine, KpiObservation)],
) -> Result<BTreeMap<Figure, KpiObservation>, ApiError> {
    let scopes: BTreeSet<KpiScope> = new.iter().map(|it| it.1.scope).collect();
    let scopes: Vec<KpiScope> = scopes.into_iter().collect();
    let from = new.iter().map(|it| it.1.period_from).min();
    let to = new.iter().map(|it| it.1.period_to).max();
    let (Some(from), Some(to)) = (from, to) else { return Ok(BTreeMap::new()) };
    let found = observations::find_kpis_of_scopes(tx, office.org(), &scopes, (from, to))?;
    // In the order of time, so that of two the later stays.
    Ok(found.into_iter().map(|it| (figure(&it), it)).collect())
}
