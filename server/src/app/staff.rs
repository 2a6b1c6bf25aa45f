//! Staff whose pay may depend on scores: put by employee number; their shifts and absences, appended.

use crate::{
    app::reading::{self, Put, PutRow, RowProblems, check_code, check_text},
    decimal::Decimal,
    error::ApiError,
    office::Office,
    principal::Principal,
};
use db::{Tx, reference};
use domain::Exact;
use domain::access::{Permission, Target};
use domain::date::Date;
use domain::ids::{BranchId, OrgId, StaffId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

/// Any of these lets a person read staff, where it reaches.
const READING: &[Permission] =
    &[Permission::ManageReference, Permission::ReadPay, Permission::CalculatePay, Permission::ApprovePay];

/// Decimals of money where a row does not say.
const MONEY_DECIMALS: u32 = 2;

/// A member of staff as they are to be; an optional field that is left out stays as it is.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaffRow {
    /// Their employee number, by which they are known: unique in the organization.
    #[validate(length(min = 1, max = 60), custom(function = "check_code"))]
    pub employee_no: String,
    /// Their name.
    #[validate(length(min = 1, max = 200), custom(function = "check_text"))]
    pub name: String,
    /// Their position.
    #[validate(length(min = 1, max = 100), custom(function = "check_text"))]
    pub position: String,
    /// Their share in a team's pool.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub role_factor: Option<Decimal>,
    /// The code of the branch where they work.
    pub branch_code: String,
    /// Since when, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    pub employed_from: Date,
    /// Until when, that day included.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub employed_to: Option<Date>,
    /// Their target incentive for a period, in the plan's currency: `"1500.00"`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub target: Option<Decimal>,
    /// Decimals of that currency, which make its minor unit; 2 where it is left out, 0 for one without cents.
    #[serde(default)]
    #[validate(range(min = 0, max = 4))]
    pub target_decimals: Option<u32>,
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Staff {
    /// Their id.
    #[schema(value_type = uuid::Uuid)]
    pub id: StaffId,
    /// Their employee number.
    pub employee_no: String,
    /// Their name.
    pub name: String,
    /// Their position.
    pub position: String,
    /// Their share in a team's pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_factor: Option<String>,
    /// Where they work.
    #[schema(value_type = uuid::Uuid)]
    pub branch_id: BranchId,
    /// Since when.
    #[schema(value_type = String)]
    pub employed_from: Date,
    /// Until when, that day included.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employed_to: Option<Date>,
    /// Their target incentive for a period, in minor units of the plan's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_minor: Option<i64>,
}

impl From<reference::Staff> for Staff {
    fn from(it: reference::Staff) -> Self {
        Self {
            id: it.staff_id,
            employee_no: it.employee_no,
            name: it.name,
            position: it.position,
            role_factor: it.role_factor,
            branch_id: it.branch_id,
            employed_from: it.employed_from,
            employed_to: it.employed_to,
            target_minor: it.target_minor,
        }
    }
}

/// A shift that somebody worked.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShiftRow {
    /// Who.
    pub employee_no: String,
    /// The day on the branch's calendar.
    #[schema(value_type = String)]
    pub date: Date,
    /// When it began on the branch's clock, `HH:MM`.
    #[validate(custom(function = "check_time"))]
    pub begins: String,
    /// When it ended; earlier than `begins` means on the next day.
    #[validate(custom(function = "check_time"))]
    pub ends: String,
    /// The code of the branch; their own where it is left out.
    #[serde(default)]
    pub branch_code: Option<String>,
}

/// Days on which somebody was away.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AbsenceRow {
    /// Who.
    pub employee_no: String,
    /// The first day.
    #[schema(value_type = String)]
    pub from: Date,
    /// The last day.
    #[schema(value_type = String)]
    pub to: Date,
    /// Why, such as `vacation`.
    #[validate(length(min = 1, max = 60), custom(function = "check_text"))]
    pub kind: String,
}

/// How many rows were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Appended {
    /// New rows.
    pub created: usize,
}

fn check_time(time: &str) -> Result<(), ValidationError> {
    let is_good = time.len() == 5
        && time.split_once(':').is_some_and(|(hour, minute)| {
            let below = |text: &str, most: u8| {
                text.len() == 2
                    && text.bytes().all(|it| it.is_ascii_digit())
                    && text.parse::<u8>().is_ok_and(|it| it < most)
            };
            below(hour, 24) && below(minute, 60)
        });
    if is_good {
        return Ok(());
    }
    let text = "Escriba la hora como HH:MM, de 00:00 a 23:59. / write the time as HH:MM, 00:00 to 23:59";
    Err(ValidationError::new("bad_time").with_message(text.into()))
}

/// The staff that somebody sees, by id; those of one branch where it is given.
///
/// # Errors
/// `not_found` (404) for a branch that the organization does not have or the person does not reach, `forbidden`.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    branch: Option<BranchId>,
    after: Option<StaffId>,
    limit: u32,
) -> Result<db::Page<Staff, StaffId>, ApiError> {
    reading::require_any(principal, READING)?;
    match branch {
        None => reading::require_everywhere(principal, READING)?,
        Some(branch) => {
            let reach = reading::reach_of_any(tx, principal, READING)?;
            reference::find_branch(tx, principal.org, branch)?
                .filter(|it| reach.holds(it.branch_id, it.region_id))
                .ok_or_else(|| ApiError::not_found("la sucursal", "the branch"))?;
        }
    }
    let page = reference::list_staff(tx, principal.org, branch, after, limit)?;
    Ok(db::Page { items: page.items.into_iter().map(Staff::from).collect(), next: page.next })
}

/// Creates one member of staff.
///
/// # Errors
/// `employee_no_taken` (409), those of [`put`].
pub(crate) fn create(tx: &mut Tx<'_>, office: &mut Office, new: &StaffRow) -> Result<PutRow, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    if reference::find_staff_by_employee_no(tx, office.org(), &new.employee_no)?.is_some() {
        return Err(ApiError::taken(
            "/employee_no",
            "employee_no_taken",
            format!("Ya hay una persona con el número «{}».", new.employee_no),
            format!("there is somebody with the employee number '{}' already", new.employee_no),
        ));
    }
    let done = put(tx, office, std::slice::from_ref(new)).map_err(reading::of_one_row)?;
    done.items.into_iter().next().ok_or_else(|| ApiError::internal("a row that was put is missing"))
}

/// Creates or changes staff by employee number: all of them or none.
///
/// # Errors
/// `repeated`, `unknown_branch`, `ends_before_it_begins`, `out_of_range` by row (422), `forbidden` (403).
pub(crate) fn put(tx: &mut Tx<'_>, office: &mut Office, rows: &[StaffRow]) -> Result<Put, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    let org = office.org();
    let numbers: Vec<&str> = rows.iter().map(|it| it.employee_no.as_str()).collect();
    let (changes, problems) = plan(tx, office, rows)?;
    problems.refuse()?;
    let created = changes.iter().filter(|it| it.before.is_none()).count();
    let changed: Vec<reference::Staff> = changes.into_iter().map(|it| it.after).collect();
    reference::upsert_staff(tx, org, &changed)?;
    office.record("staff_put", "organization", org, &json!({"created": created, "employee_nos": numbers}))?;
    let items = changed.into_iter().map(|it| PutRow { id: it.staff_id.0, code: it.employee_no }).collect();
    Ok(Put { created, updated: rows.len() - created, items })
}

/// A member of staff as they are and as they are to be.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// None for one who is new.
    pub(crate) before: Option<reference::Staff>,
    pub(crate) after: reference::Staff,
}

/// What rows would make of the staff, one change for each row, and what is wrong with them; stores nothing.
///
/// # Errors
/// Those of the database.
pub(crate) fn plan(
    tx: &mut Tx<'_>,
    office: &Office,
    rows: &[StaffRow],
) -> Result<(Vec<Change>, RowProblems), ApiError> {
    let org = office.org();
    let mut problems = RowProblems::default();
    problems.tell_repeated("employee_no", rows.iter().map(|it| it.employee_no.as_str()));
    let branches = branches_by_code(tx, org, rows.iter().map(|it| it.branch_code.as_str()))?;
    let mut stored = staff_by_number(tx, org, rows.iter().map(|it| it.employee_no.as_str()))?;
    let mut changes = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let branch = branches.get(&row.branch_code).copied();
        if branch.is_none() {
            tell_unknown_branch(&mut problems, index, &row.branch_code);
        }
        let before = stored.remove(&row.employee_no);
        let mut after = before.clone().unwrap_or_else(|| reference::Staff {
            staff_id: StaffId(office.new_id()),
            employee_no: row.employee_no.clone(),
            name: String::new(),
            position: String::new(),
            role_factor: None,
            branch_id: BranchId(uuid::Uuid::nil()),
            employed_from: row.employed_from,
            employed_to: None,
            target_minor: None,
        });
        after.branch_id = branch.unwrap_or(after.branch_id);
        set(&mut after, row, index, &mut problems);
        changes.push(Change { before, after });
    }
    Ok((changes, problems))
}

fn set(staff: &mut reference::Staff, row: &StaffRow, index: usize, problems: &mut RowProblems) {
    staff.name.clone_from(&row.name);
    staff.position.clone_from(&row.position);
    staff.employed_from = row.employed_from;
    staff.employed_to = row.employed_to.or(staff.employed_to);
    if staff.employed_to.is_some_and(|it| it < staff.employed_from) {
        tell_backwards(problems, index, "employed_to");
    }
    if let Some(factor) = &row.role_factor {
        if factor.0.is_negative() || factor.0 > Exact::from(1_000) {
            let es = "El factor va de 0 a 1000.";
            problems.tell(index, "role_factor", "out_of_range", es, "a role factor is 0 to 1000");
        }
        staff.role_factor = Some(factor.0.to_string());
    }
    if let Some(target) = &row.target {
        let decimals = row.target_decimals.unwrap_or(MONEY_DECIMALS);
        staff.target_minor = target.scaled(decimals).filter(|it| *it >= 0);
        if staff.target_minor.is_none() {
            let es = format!("El objetivo debe ser cero o más, con {decimals} decimales como máximo.");
            let en = format!("a target must be zero or more, with at most {decimals} decimals");
            problems.tell(index, "target", "out_of_range", es, en);
        }
    }
}

fn tell_backwards(problems: &mut RowProblems, index: usize, field: &str) {
    let es = "Termina antes de empezar.";
    problems.tell(index, field, "ends_before_it_begins", es, "it ends before it begins");
}

fn tell_unknown_branch(problems: &mut RowProblems, index: usize, code: &str) {
    let es = format!("No existe la sucursal «{code}».");
    problems.tell(index, "branch_code", "unknown_branch", es, format!("no branch '{code}'"));
}

fn tell_unknown_staff(problems: &mut RowProblems, index: usize, number: &str) {
    let es = format!("No hay nadie con el número «{number}».");
    let en = format!("nobody has the employee number '{number}'");
    problems.tell(index, "employee_no", "unknown_staff", es, en);
}

fn branches_by_code<'a>(
    tx: &mut Tx<'_>,
    org: OrgId,
    codes: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, BranchId>, ApiError> {
    let codes: Vec<&str> = codes.collect::<BTreeSet<_>>().into_iter().collect();
    let found = reference::find_branches_by_codes(tx, org, &codes)?;
    Ok(found.into_iter().map(|it| (it.code, it.branch_id)).collect())
}

fn staff_by_number<'a>(
    tx: &mut Tx<'_>,
    org: OrgId,
    numbers: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, reference::Staff>, ApiError> {
    let numbers: Vec<&str> = numbers.collect::<BTreeSet<_>>().into_iter().collect();
    let found = reference::find_staff_by_employee_nos(tx, org, &numbers)?;
    Ok(found.into_iter().map(|it| (it.employee_no.clone(), it)).collect())
}

/// Appends shifts: all of them or none.
///
/// # Errors
/// `unknown_staff`, `unknown_branch`, `repeated` by row (422), `already_exists` (409) where one of the person begins then.
pub(crate) fn append_shifts(
    tx: &mut Tx<'_>,
    office: &mut Office,
    rows: &[ShiftRow],
) -> Result<Appended, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    let org = office.org();
    let (new, problems) = plan_shifts(tx, org, rows)?;
    problems.refuse()?;
    let new: Vec<reference::Shift> = new.into_iter().map(|it| it.1).collect();
    reference::append_shifts(tx, org, &new)?;
    office.record("shifts_appended", "organization", org, &json!({"created": new.len()}))?;
    Ok(Appended { created: new.len() })
}

/// The shifts that rows say, each with the number of its row, and what is wrong with the others; stores nothing.
///
/// # Errors
/// Those of the database.
pub(crate) fn plan_shifts(
    tx: &mut Tx<'_>,
    org: OrgId,
    rows: &[ShiftRow],
) -> Result<(Vec<(usize, reference::Shift)>, RowProblems), ApiError> {
    let staff = staff_by_number(tx, org, rows.iter().map(|it| it.employee_no.as_str()))?;
    let branches = branches_by_code(tx, org, rows.iter().filter_map(|it| it.branch_code.as_deref()))?;
    let mut problems = RowProblems::default();
    let keys: Vec<String> =
        rows.iter().map(|it| format!("{} {} {}", it.employee_no, it.date, it.begins)).collect();
    problems.tell_repeated("begins", keys.iter().map(String::as_str));
    let mut new = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let Some(person) = staff.get(&row.employee_no) else {
            tell_unknown_staff(&mut problems, index, &row.employee_no);
            continue;
        };
        let branch = match &row.branch_code {
            None => Some(person.branch_id),
            Some(code) => branches.get(code).copied(),
        };
        let Some(branch_id) = branch else {
            tell_unknown_branch(&mut problems, index, row.branch_code.as_deref().unwrap_or_default());
            continue;
        };
        let shift = reference::Shift {
            staff_id: person.staff_id,
            work_date: row.date,
            begins: row.begins.clone(),
            ends: row.ends.clone(),
            branch_id,
        };
        new.push((index, shift));
    }
    Ok((new, problems))
}

/// Appends absences: all of them or none.
///
/// # Errors
/// `unknown_staff`, `ends_before_it_begins`, `repeated` by row (422), `already_exists` (409) where one of the person begins
/// on that day.
pub(crate) fn append_absences(
    tx: &mut Tx<'_>,
    office: &mut Office,
    rows: &[AbsenceRow],
) -> Result<Appended, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    let org = office.org();
    let staff = staff_by_number(tx, org, rows.iter().map(|it| it.employee_no.as_str()))?;
    let mut problems = RowProblems::default();
    let keys: Vec<String> = rows.iter().map(|it| format!("{} {}", it.employee_no, it.from)).collect();
    problems.tell_repeated("from", keys.iter().map(String::as_str));
    let mut new = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        if row.to < row.from {
            tell_backwards(&mut problems, index, "to");
        }
        let Some(person) = staff.get(&row.employee_no) else {
            tell_unknown_staff(&mut problems, index, &row.employee_no);
            continue;
        };
        new.push(reference::StaffAbsence {
            staff_id: person.staff_id,
            absent_from: row.from,
            absent_to: row.to,
            kind: row.kind.clone(),
        });
    }
    problems.refuse()?;
    reference::append_absences(tx, org, &new)?;
    office.record("absences_appended", "organization", org, &json!({"created": new.len()}))?;
    Ok(Appended { created: new.len() })
}
