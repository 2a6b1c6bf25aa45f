//! Imports of spreadsheets: branches, people, staff, shifts and KPI observations, from CSV or XLSX. The one place for them: a file
//! is read ([`Prepared::read`]), tried ([`check`]), applied ([`apply`]) and taken back ([`undo::undo`]). The rules are those of the use
//! cases that store the same things one by one; here is what a file adds to them: headers, cells, rows, and what it changed.

mod cells;
mod columns;
mod delimited;
mod journal;
mod of_branches;
mod of_kpis;
mod of_staff;
mod of_users;
mod planning;
mod report;
mod table;
pub mod undo;
pub(crate) mod waiting;
mod workbook;

pub(crate) use columns::column_name;
pub use columns::{Kind, template};
pub use report::{Action, ColumnChange, MAX_TOLD, Note, Report, RowChange, RowProblem};
pub use table::{MAX_BYTES, MAX_ROWS};

use crate::{
    app::{reading, regions},
    error::ApiError,
    office::Office,
    principal::Principal,
    zone::instant,
};
use cells::Sheet;
use columns::Layout;
use db::{
    Page, Tx,
    imports::{self, ImportKind, ImportedRow},
};
use domain::{
    Problem,
    access::{Permission, Target},
    ids::UserId,
};
use planning::{Stored, Understood};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use std::collections::BTreeSet;
use sync_core::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most rows of a file of people: each person who is new gets a code and entries of the audit log.
const MAX_USERS: usize = 5_000;
/// Longest name of a file, in characters.
const MAX_NAME_CHARS: usize = 200;

/// Which rows of a file with refused ones are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All of them, so that one that is refused refuses the file.
    #[default]
    All,
    /// Those that are good; the others are left out.
    Good,
}

/// A file as it came.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// What it is of.
    pub kind: Kind,
    /// What it is called.
    pub file_name: &'a str,
    /// The sheet to read; the first one that is visible where it is left out.
    pub sheet: Option<&'a str>,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Rows as they were understood, by kind.
#[derive(Debug)]
enum Rows {
    Branches(Vec<of_branches::BranchLine>),
    Users(Vec<of_users::UserLine>),
    Staff(Vec<of_staff::StaffLine>),
    Shifts(Vec<of_staff::ShiftLine>),
    Kpis(Vec<of_kpis::KpiLine>),
}

/// What is to be stored, by kind.
enum Work {
    Branches(of_branches::Work),
    Users(<of_users::UserLine as Understood>::Work),
    Staff(<of_staff::StaffLine as Understood>::Work),
    Shifts(<of_staff::ShiftLine as Understood>::Work),
    Kpis(<of_kpis::KpiLine as Understood>::Work),
}

/// A file that was read, without the database so far.
#[derive(Debug)]
pub struct Prepared {
    kind: Kind,
    file_name: String,
    file_hash: Hash,
    sheet: Option<String>,
    layout: Layout,
    count: usize,
    rows: Rows,
    problems: Vec<RowProblem>,
    notes: Vec<Note>,
}

impl Prepared {
    /// Reads a file: nothing of it is lost, everything wrong with a row is kept for the report. Takes a while for a large one.
    ///
    /// # Errors
    /// A file that cannot be read as a table of its kind, or is too large: `body_too_large` (413); `empty_file`, `old_workbook`,
    /// `not_a_table`, `unreadable_file`, `too_large_inside`, `unknown_sheet`, `bad_encoding`, `too_many_rows`, `too_many_columns`,
    /// `cell_too_long`, `missing_column`, `repeated_column` (422).
    pub fn read(upload: Upload<'_>) -> Result<Self, ApiError> {
        let Upload { kind, file_name, sheet, bytes } = upload;
        let mut table = table::read(bytes, kind, sheet)?;
        if kind == Kind::Users && table.rows.len() > MAX_USERS {
            return Err(table::refused(
                "too_many_rows",
                format!("Un archivo de personas tiene como máximo {MAX_USERS} filas; divídalo."),
                format!("a file of people has at most {MAX_USERS} rows; split it"),
            ));
        }
        let mut notes = std::mem::take(&mut table.notes);
        let layout = Layout::of(kind, &table, &mut notes)?;
        let sheet = Sheet::new(table, layout, &mut notes);
        let mut problems = Vec::new();
        let rows = match kind {
            Kind::Branches => Rows::Branches(of_branches::read(&sheet, &mut problems)),
            Kind::Users => Rows::Users(of_users::read(&sheet, &mut problems)),
            Kind::Staff => Rows::Staff(of_staff::read_staff(&sheet, &mut problems)),
            Kind::Shifts => Rows::Shifts(of_staff::read_shifts(&sheet, &mut problems)),
            Kind::Kpis => Rows::Kpis(of_kpis::read(&sheet, &mut problems)),
        };
        let name = file_name.chars().filter(|it| !it.is_control()).take(MAX_NAME_CHARS).collect();
        Ok(Self {
            kind,
            file_name: name,
            file_hash: Hash::of(bytes),
            count: sheet.table.rows.len(),
            sheet: sheet.table.sheet,
            layout: sheet.layout,
            rows,
            problems,
            notes,
        })
    }

    /// What is wrong with rows whatever is stored, in no order.
    pub fn problems(&self) -> &[RowProblem] {
        &self.problems
    }

    /// What the good rows would change.
    fn plan(&self, tx: &mut Tx<'_>, office: &Office) -> Result<(Report, Work), ApiError> {
        let mut problems = self.problems.clone();
        let layout = &self.layout;
        let mut regions = (0, 0);
        let (changes, work) = match &self.rows {
            Rows::Branches(rows) => {
                let (changes, work) = planning::plan(tx, office, rows, layout, &mut problems)?;
                regions = work.count_regions();
                (changes, Work::Branches(work))
            }
            Rows::Users(rows) => {
                let (changes, work) = planning::plan(tx, office, rows, layout, &mut problems)?;
                (changes, Work::Users(work))
            }
            Rows::Staff(rows) => {
                let (changes, work) = planning::plan(tx, office, rows, layout, &mut problems)?;
                (changes, Work::Staff(work))
            }
            Rows::Shifts(rows) => {
                let (changes, work) = planning::plan(tx, office, rows, layout, &mut problems)?;
                (changes, Work::Shifts(work))
            }
            Rows::Kpis(rows) => {
                let (changes, work) = planning::plan(tx, office, rows, layout, &mut problems)?;
                (changes, Work::Kpis(work))
            }
        };
        let mut report = self.report(changes, problems);
        (report.regions_added, report.regions_changed) = regions;
        Ok((report, work))
    }

    fn report(&self, mut changes: Vec<RowChange>, mut problems: Vec<RowProblem>) -> Report {
        let refused: BTreeSet<u32> = problems.iter().map(|it| it.row).collect();
        let of = |action: Action| changes.iter().filter(|it| it.action == action).count();
        let (added, changed, unchanged) = (of(Action::Added), of(Action::Changed), of(Action::Unchanged));
        changes.retain(|it| it.action != Action::Unchanged);
        changes.truncate(MAX_TOLD);
        problems.sort();
        let problems_total = problems.len();
        problems.truncate(MAX_TOLD);
        Report {
            file: self.file_name.clone(),
            file_hash: self.file_hash.to_string(),
            sheet: self.sheet.clone(),
            rows: self.count,
            added,
            changed,
            unchanged,
            refused: refused.len(),
            regions_added: 0,
            regions_changed: 0,
            changes,
            problems,
            problems_total,
            notes: self.notes.clone(),
        }
    }
}

impl Work {
    fn store(self, tx: &mut Tx<'_>, office: &mut Office) -> Result<Stored, ApiError> {
        match self {
            Self::Branches(work) => of_branches::BranchLine::store(tx, office, work),
            Self::Users(work) => of_users::UserLine::store(tx, office, work),
            Self::Staff(work) => of_staff::StaffLine::store(tx, office, work),
            Self::Shifts(work) => of_staff::ShiftLine::store(tx, office, work),
            Self::Kpis(work) => of_kpis::KpiLine::store(tx, office, work),
        }
    }
}

/// The permission that a kind asks for, and on what: what its rows touch is asked row by row.
fn permission(kind: Kind) -> (Permission, Target) {
    match kind {
        Kind::Branches | Kind::Staff | Kind::Shifts => (Permission::ManageReference, Target::Organization),
        Kind::Users => (Permission::ManageUsers, Target::Organization),
        Kind::Kpis => (Permission::EnterKpis, Target::Own),
    }
}

/// Refuses who may not import a kind, before anybody reads their file.
///
/// # Errors
/// `forbidden` (403).
pub fn require(principal: &Principal, kind: Kind) -> Result<(), ApiError> {
    let (permission, target) = permission(kind);
    principal.require(permission, &target)
}

fn require_office(office: &Office, kind: Kind) -> Result<(), ApiError> {
    let (permission, target) = permission(kind);
    office.require(permission, &target)
}

/// Tries a file: what it would do and what is refused. Stores nothing, in a transaction that only reads.
///
/// # Errors
/// `forbidden` (403), `too_many_regions` (409).
pub fn check(tx: &mut Tx<'_>, office: &Office, prepared: &Prepared) -> Result<Report, ApiError> {
    require_office(office, prepared.kind)?;
    Ok(prepared.plan(tx, office)?.0)
}

/// A code that was issued to a person who was created; told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserCode {
    /// What they sign in with.
    pub login: String,
    /// The code with which they set their password.
    pub code: String,
    /// When it ends, RFC 3339.
    pub expires_at: String,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// Of what.
    pub kind: Kind,
    /// What the file was called.
    pub file: String,
    /// The SHA-256 of the file, hexadecimal.
    pub file_hash: String,
    /// Who imported it.
    #[schema(value_type = Uuid)]
    pub imported_by: UserId,
    /// When, RFC 3339.
    pub imported_at: String,
    /// Rows that added something.
    pub added: u32,
    /// Rows that changed something.
    pub changed: u32,
    /// Rows that said what was so already.
    pub unchanged: u32,
    /// Rows that were refused and left out.
    pub refused: u32,
    /// `applied` or `undone`.
    pub state: &'static str,
    /// Who took it back.
    #[schema(value_type = Option<Uuid>)]
    pub undone_by: Option<UserId>,
    /// When, RFC 3339.
    pub undone_at: Option<String>,
}

impl From<imports::Import> for Import {
    fn from(it: imports::Import) -> Self {
        Self {
            id: it.import_id,
            kind: it.kind.into(),
            file: it.file_name,
            file_hash: it.file_hash.to_string(),
            imported_by: it.imported_by,
            imported_at: instant(it.imported_at),
            added: it.added,
            changed: it.changed,
            unchanged: it.unchanged,
            refused: it.refused,
            state: if it.undone_at.is_some() { "undone" } else { "applied" },
            undone_by: it.undone_by,
            undone_at: it.undone_at.map(instant),
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Applied {
    /// The import, by which it can be taken back.
    pub import: Import,
    /// Which rows were applied: `all`, or `good` where refused ones were left out.
    pub rows: Which,
    /// Row by row.
    pub report: Report,
    /// Of a file of people: the codes of those who were created. Told once; others are issued one by one.
    pub codes: Vec<UserCode>,
}

/// Applies a file in one transaction: every row, or by choice the good ones.
///
/// # Errors
/// `rows_refused` (422) with the first problems where rows are refused and all were asked for, or none is good; `forbidden` (403),
/// `too_many_regions` (409).
pub fn apply(
    tx: &mut Tx<'_>,
    office: &mut Office,
    prepared: &Prepared,
    which: Which,
) -> Result<Applied, ApiError> {
    require_office(office, prepared.kind)?;
    let (org, user, now) = (office.org(), office.person()?.user, office.now());
    // What one import plans no other may change before it is stored.
    tx.lock(org, "imports")?;
    regions::lock(tx, org)?;
    let (report, work) = prepared.plan(tx, office)?;
    let nothing_good = report.added + report.changed + report.unchanged == 0;
    if report.refused > 0 && (which == Which::All || nothing_good) {
        return Err(rows_refused(&report));
    }
    let Stored { entries, codes } = work.store(tx, office)?;
    let count = |it: usize| u32::try_from(it).map_err(ApiError::internal);
    let import = imports::Import {
        import_id: office.new_id(),
        kind: prepared.kind.into(),
        file_name: prepared.file_name.clone(),
        file_hash: prepared.file_hash,
        imported_by: user,
        imported_at: now,
        added: count(report.added)?,
        changed: count(report.changed)?,
        unchanged: count(report.unchanged)?,
        refused: count(report.refused)?,
        undone_by: None,
        undone_at: None,
    };
    imports::append(tx, org, &import)?;
    let rows: Vec<ImportedRow> =
        entries.into_iter().zip(1..).map(|(it, seq)| it.into_row(import.import_id, seq)).collect();
    imports::append_rows(tx, org, &rows)?;
    let detail = json!({
        "kind": prepared.kind, "file": prepared.file_name, "file_hash": prepared.file_hash, "rows": which,
        "added": report.added, "changed": report.changed, "unchanged": report.unchanged, "refused": report.refused,
    });
    office.record("import_applied", "import", import.import_id, &detail)?;
    let code = |(login, it): (String, crate::app::codes::IssuedCode)| UserCode {
        login,
        code: it.code,
        expires_at: it.expires_at,
    };
    let codes = codes.into_iter().map(code).collect();
    Ok(Applied { import: import.into(), rows: which, report, codes })
}

fn rows_refused(report: &Report) -> ApiError {
    let errors = report.problems.iter().map(RowProblem::to_field_problem).collect();
    Problem::with_status(422, "rows_refused", "some rows of the file are refused; nothing was stored", errors)
        .into()
}

/// The kinds whose imports somebody sees, and whether only their own: figures may be entered by people of one branch.
fn seen(principal: &Principal) -> Result<(Vec<ImportKind>, Option<UserId>), ApiError> {
    const ANY: &[Permission] = &[Permission::ManageReference, Permission::ManageUsers, Permission::EnterKpis];
    reading::require_any(principal, ANY)?;
    let may_everywhere = |kind: &Kind| principal.may(permission(*kind).0, &Target::Organization);
    let kinds: Vec<ImportKind> =
        Kind::ALL.iter().filter(|it| may_everywhere(it)).map(|it| (*it).into()).collect();
    if kinds.is_empty() {
        return Ok((vec![ImportKind::Kpis], Some(principal.user)));
    }
    Ok((kinds, None))
}

/// The imports that somebody sees, the newest first; those before an id where it is given.
///
/// # Errors
/// `forbidden` (403).
pub fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Page<Import, Uuid>, ApiError> {
    let (kinds, by) = seen(principal)?;
    let page = imports::list(tx, principal.org, (&kinds, by), before, limit)?;
    Ok(Page { items: page.items.into_iter().map(Import::from).collect(), next: page.next })
}

/// Something that an import changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportChange {
    /// The row of the file.
    pub row: u32,
    /// `region`, `branch`, `user`, `role`, `staff`, `shift` or `kpi`.
    pub subject: &'static str,
    /// The key by which people know it.
    pub key: String,
    /// What it was; none for what was not there.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Box<RawValue>>,
    /// What it became.
    #[schema(value_type = Object)]
    pub after: Box<RawValue>,
    /// Why taking the import back left this as it is.
    pub kept: Option<String>,
}

/// An import with a page of what it changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportDetail {
    /// The import.
    #[serde(flatten)]
    pub import: Import,
    /// What it changed, in the order in which it was done.
    pub changes: Vec<ImportChange>,
    /// Where the next page begins; none after the last.
    pub next: Option<u32>,
}

/// One import with what it changed.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub fn read(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: Uuid,
    (after, limit): (Option<u32>, u32),
) -> Result<ImportDetail, ApiError> {
    let (kinds, by) = seen(principal)?;
    let import = find(tx, principal.org, id)?;
    let is_seen = kinds.contains(&import.kind) && by.is_none_or(|it| it == import.imported_by);
    if !is_seen {
        return Err(not_found());
    }
    let page = imports::list_rows(tx, principal.org, id, after, limit)?;
    let changes = page.items.into_iter().map(shown).collect::<Result<_, ApiError>>()?;
    Ok(ImportDetail { import: import.into(), changes, next: page.next })
}

fn shown(it: ImportedRow) -> Result<ImportChange, ApiError> {
    let raw = |it: String| RawValue::from_string(it).map_err(ApiError::internal);
    Ok(ImportChange {
        row: it.file_row,
        subject: it.subject.as_str(),
        key: it.key,
        before: it.was.map(raw).transpose()?,
        after: raw(it.became)?,
        kept: it.kept,
    })
}

fn find(tx: &mut Tx<'_>, org: domain::ids::OrgId, id: Uuid) -> Result<imports::Import, ApiError> {
    imports::find(tx, org, id)?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("la importación", "the import")
}
