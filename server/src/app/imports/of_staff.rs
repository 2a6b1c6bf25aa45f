//! Files of staff, and of the shifts that it worked.

use super::{
    cells::{Line, Sheet},
    columns::Layout,
    journal::{Entry, ShiftState, StaffState, staff_values},
    planning::{self, Plan, Stored, Understood},
    report::{Action, RowChange, RowProblem},
};
use crate::{
    app::staff::{self, ShiftRow, StaffRow},
    error::ApiError,
    office::Office,
};
use db::{Tx, imports::Subject, reference};
use domain::{
    Date,
    ids::{BranchId, StaffId},
};
use std::collections::{BTreeMap, BTreeSet};

/// A row of a file of staff.
#[derive(Debug, Clone)]
pub(super) struct StaffLine {
    number: u32,
    row: StaffRow,
}

pub(super) fn read_staff(sheet: &Sheet, problems: &mut Vec<RowProblem>) -> Vec<StaffLine> {
    let rows = planning::understand(sheet, problems, staff_line);
    planning::refuse_repeated(
        rows,
        &sheet.layout,
        ("employee_no", |it: &StaffLine| it.row.employee_no.clone()),
        problems,
    )
}

fn staff_line(line: &mut Line<'_>) -> StaffLine {
    let row = StaffRow {
        employee_no: line.required("employee_no"),
        name: line.required("name"),
        position: line.required("position"),
        role_factor: line.decimal("role_factor", false),
        branch_code: line.required("branch_code"),
        employed_from: line.required_day("employed_from"),
        employed_to: line.day("employed_to"),
        target: line.decimal("target", false),
        target_decimals: line.whole("target_decimals"),
    };
    if line.is_good() {
        line.check(&row);
    }
    StaffLine { number: line.number(), row }
}

impl Understood for StaffLine {
    type Work = Vec<(u32, staff::Change)>;

    fn number(&self) -> u32 {
        self.number
    }

    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Self::Work>, ApiError> {
        let all: Vec<StaffRow> = rows.iter().map(|it| it.row.clone()).collect();
        let (changes, problems) = staff::plan(tx, office, &all)?;
        let problems = planning::at_rows(problems, layout, |it| rows.get(it).map(|it| it.number));
        let ids: BTreeSet<BranchId> = changes
            .iter()
            .flat_map(|it| it.before.iter().chain([&it.after]).map(|it| it.branch_id))
            .collect();
        let ids: Vec<BranchId> = ids.into_iter().collect();
        let codes: BTreeMap<BranchId, String> = reference::find_branches(tx, office.org(), &ids)?
            .into_iter()
            .map(|it| (it.branch_id, it.code))
            .collect();
        let code_of = |it: &reference::Staff| codes.get(&it.branch_id).map(String::as_str);
        let (mut told, mut work) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, change) in rows.iter().zip(changes) {
            let before = change.before.as_ref().map(|it| staff_values(it, code_of(it)));
            let after = staff_values(&change.after, code_of(&change.after));
            let one = planning::change(row.number, &row.row.employee_no, before.as_ref(), &after);
            if one.action != Action::Unchanged {
                work.push((row.number, change));
            }
            told.push(one);
        }
        Ok((told, work, problems))
    }

    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Self::Work) -> Result<Stored, ApiError> {
        let changed: Vec<reference::Staff> = work.iter().map(|it| it.1.after.clone()).collect();
        reference::upsert_staff(tx, office.org(), &changed)?;
        let mut entries = Vec::with_capacity(work.len());
        for (number, it) in &work {
            let states = (it.before.as_ref().map(StaffState::from), StaffState::from(&it.after));
            let (key, id) = (it.after.employee_no.clone(), it.after.staff_id.0);
            let states = (states.0.as_ref(), &states.1);
            entries.push(Entry::new((*number, Subject::Staff), key, id, states)?);
        }
        Ok(Stored { entries, codes: Vec::new() })
    }
}

/// A row of a file of shifts.
#[derive(Debug, Clone)]
pub(super) struct ShiftLine {
    number: u32,
    row: ShiftRow,
}

impl ShiftLine {
    /// By what people know a shift.
    fn key(&self) -> String {
        format!("{} {} {}", self.row.employee_no, self.row.date, self.row.begins)
    }
}

pub(super) fn read_shifts(sheet: &Sheet, problems: &mut Vec<RowProblem>) -> Vec<ShiftLine> {
    let rows = planning::understand(sheet, problems, shift_line);
    planning::refuse_repeated(rows, &sheet.layout, ("begins", ShiftLine::key), problems)
}

fn shift_line(line: &mut Line<'_>) -> ShiftLine {
    let row = ShiftRow {
        employee_no: line.required("employee_no"),
        date: line.required_day("date"),
        begins: line.required_time("begins"),
        ends: line.required_time("ends"),
        branch_code: line.text("branch_code"),
    };
    if line.is_good() {
        line.check(&row);
    }
    ShiftLine { number: line.number(), row }
}

impl Understood for ShiftLine {
    /// The row of the file, the employee number and the shift.
    type Work = Vec<(u32, String, reference::Shift)>;

    fn number(&self) -> u32 {
        self.number
    }

    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Self::Work>, ApiError> {
        let all: Vec<ShiftRow> = rows.iter().map(|it| it.row.clone()).collect();
        let (new, problems) = staff::plan_shifts(tx, office.org(), &all)?;
        let mut problems = planning::at_rows(problems, layout, |it| rows.get(it).map(|it| it.number));
        let stored = stored_shifts(tx, office, &new)?;
        let (mut told, mut work) = (Vec::with_capacity(rows.len()), Vec::new());
        for (index, shift) in new {
            let Some(row) = rows.get(index) else { continue };
            let action = match stored.get(&(shift.staff_id, shift.work_date, shift.begins.clone())) {
                None => Action::Added,
                Some(it) if *it == shift => Action::Unchanged,
                Some(it) => {
                    let es = format!(
                        "Ya hay un turno de esa persona que empieza entonces y termina a las {}.",
                        it.ends
                    );
                    let en =
                        format!("the person has a shift that begins then already, which ends at {}", it.ends);
                    let column = layout.header("begins");
                    problems.push(RowProblem::new(row.number, column, "already_exists", es, en));
                    continue;
                }
            };
            told.push(RowChange { row: row.number, key: row.key(), action, columns: Vec::new() });
            if action == Action::Added {
                work.push((row.number, row.row.employee_no.clone(), shift));
            }
        }
        Ok((told, work, problems))
    }

    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Self::Work) -> Result<Stored, ApiError> {
        let new: Vec<reference::Shift> = work.iter().map(|it| it.2.clone()).collect();
        reference::append_shifts(tx, office.org(), &new)?;
        let mut entries = Vec::with_capacity(work.len());
        for (number, employee_no, shift) in &work {
            let key = format!("{employee_no} {} {}", shift.work_date, shift.begins);
            let became = ShiftState::new(employee_no, shift);
            entries.push(Entry::new((*number, Subject::Shift), key, shift.staff_id.0, (None, &became))?);
        }
        Ok(Stored { entries, codes: Vec::new() })
    }
}

/// The shifts that the same people have on the same days.
fn stored_shifts(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &[(usize, reference::Shift)],
) -> Result<BTreeMap<(StaffId, Date, String), reference::Shift>, ApiError> {
    let people: BTreeSet<StaffId> = new.iter().map(|it| it.1.staff_id).collect();
    let people: Vec<StaffId> = people.into_iter().collect();
    let days = || new.iter().map(|it| it.1.work_date);
    let (Some(from), Some(to)) = (days().min(), days().max()) else { return Ok(BTreeMap::new()) };
    let found = reference::find_shifts(tx, office.org(), &people, (from, to))?;
    Ok(found.into_iter().map(|it| ((it.staff_id, it.work_date, it.begins.clone()), it)).collect())
}
