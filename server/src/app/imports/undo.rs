//! Taking an import back: everything that nobody changed or used since becomes what it was. What somebody did is told with the
//! reason, and then nothing is taken back, or by choice the rest.

use super::{
    RowProblem, find,
    journal::{self, BranchState, KpiState, RegionState, ShiftState, StaffState, UserState, figure},
    of_users, require_office,
};
use crate::{
    app::{branches, kpis, regions, users},
    error::ApiError,
    office::Office,
};
use db::{
    Tx,
    imports::{self, Import, ImportedRow, Subject, Use},
    observations, reference,
};
use domain::{
    Problem,
    ids::{BranchId, KpiId, RegionId, StaffId, UserId},
};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// What taking an import back did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Undone {
    /// The import.
    pub import: super::Import,
    /// Things that are as they were before it.
    pub undone: usize,
    /// Things that were left as they are, each with the reason: at most 500.
    pub kept: Vec<RowProblem>,
    /// How many were left.
    pub kept_total: usize,
}

/// Takes an import back; `rest` where what was changed or used since is to be left and the rest taken back. Once for an import.
///
/// # Errors
/// `undo_blocked` (409) with each reason, after which nothing is taken back; `already_undone` (409), `not_found` (404),
/// `forbidden` (403), `last_admin` (409).
pub fn undo(tx: &mut Tx<'_>, office: &mut Office, id: Uuid, rest: bool) -> Result<Undone, ApiError> {
    let org = office.org();
    let user = office.person()?.user;
    super::seen(office.person()?)?;
    tx.lock(org, "imports")?;
    regions::lock(tx, org)?;
    let import = find(tx, org, id)?;
    require_office(office, import.kind.into())?;
    if import.undone_at.is_some() {
        return Err(ApiError::conflict(
            "already_undone",
            "Esta importación ya se deshizo.",
            "this import was undone already",
        ));
    }
    let rows = all_rows(tx, office, id)?;
    let total = rows.len();
    let mut back = Back { import: &import, kept: Vec::new() };
    back.take(tx, office, rows)?;
    let kept = back.kept;
    let told: Vec<RowProblem> = kept.iter().take(super::MAX_TOLD).map(|it| told(&it.0, it.1)).collect();
    if !kept.is_empty() && !rest {
        let errors = told.iter().map(RowProblem::to_field_problem).collect();
        let title = "some of it was changed or used since; nothing was undone";
        return Err(Problem::with_status(409, "undo_blocked", title, errors).into());
    }
    for (row, why) in &kept {
        imports::set_kept(tx, org, id, row.seq, why.code())?;
    }
    imports::set_undone(tx, org, id, (user, office.now()))?;
    let undone = total - kept.len();
    let detail = json!({"kind": import.kind.as_str(), "undone": undone, "kept": kept.len()});
    office.record("import_undone", "import", id, &detail)?;
    Ok(Undone { import: find(tx, org, id)?.into(), undone, kept: told, kept_total: kept.len() })
}

fn all_rows(tx: &mut Tx<'_>, office: &Office, id: Uuid) -> Result<Vec<ImportedRow>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = imports::list_rows(tx, office.org(), id, after, db::MAX_PAGE)?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Why something stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Changed,
    Used(Use),
}

impl Why {
    fn code(self) -> &'static str {
        match self {
            Self::Changed => "changed_since",
            Self::Used(it) => it.as_str(),
        }
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Changed => ("cambió desde la importación", "it changed since the import"),
            Self::Used(it) => match it {
                Use::Visits => ("ya tiene visitas", "it has visits"),
                Use::Assignments => ("ya tiene asignaciones", "it has assignments"),
                Use::Assessments => ("ya tiene evaluaciones", "it has assessments"),
                Use::Kpis => ("ya tiene indicadores", "it has figures"),
                Use::Roles => ("alguien tiene un rol ahí", "somebody has a role there"),
                Use::Staff => ("ya tiene personal", "it has staff"),
                Use::Shifts => ("ya tiene turnos", "there are shifts"),
                Use::Absences => ("ya tiene ausencias", "there are absences"),
                Use::Branches => ("ya tiene sucursales", "it has branches"),
                Use::Regions => ("ya tiene regiones debajo", "there are regions below it"),
                Use::Payouts => ("ya entró en un cálculo de pagos", "a payout run counted it"),
                Use::SignedIn => ("la persona ya entró", "the person has signed in"),
                Use::Devices => ("la persona ya tiene un dispositivo", "the person has a device"),
            },
        }
    }
}

/// Why something was kept, in Spanish and English, by the code that is stored with it.
pub(crate) fn reason(code: &str) -> Option<(&'static str, &'static str)> {
    let why =
        if code == Why::Changed.code() { Some(Why::Changed) } else { Use::from_word(code).map(Why::Used) };
    why.map(Why::texts)
}

fn told(row: &ImportedRow, why: Why) -> RowProblem {
    let ((es, en), key) = (why.texts(), &row.key);
    RowProblem::new(row.file_row, "", why.code(), format!("«{key}»: {es}."), format!("'{key}': {en}"))
}

/// An import being taken back.
struct Back<'a> {
    import: &'a Import,
    kept: Vec<(ImportedRow, Why)>,
}

impl Back<'_> {
    fn take(&mut self, tx: &mut Tx<'_>, office: &mut Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let mut of: BTreeMap<Subject, Vec<ImportedRow>> = BTreeMap::new();
        for row in rows {
            of.entry(row.subject).or_default().push(row);
        }
        let mut of = |it: Subject| of.remove(&it).unwrap_or_default();
        self.kpis(tx, office, of(Subject::Kpi))?;
        self.shifts(tx, office, of(Subject::Shift))?;
        self.staff(tx, office, of(Subject::Staff))?;
        self.roles(tx, office, of(Subject::Role))?;
        self.users(tx, office, of(Subject::User))?;
        self.branches(tx, office, of(Subject::Branch))?;
        self.regions(tx, office, of(Subject::Region))
    }

    fn keep(&mut self, row: ImportedRow, why: Why) {
        self.kept.push((row, why));
    }

    fn branches(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let ids: Vec<BranchId> = rows.iter().map(|it| BranchId(it.subject_id)).collect();
        let found = reference::find_branches(tx, org, &ids)?.into_iter();
        let mut current: BTreeMap<Uuid, reference::Branch> = found.map(|it| (it.branch_id.0, it)).collect();
        let uses = imports::branches_in_use(tx, org, &ids)?;
        let (mut gone, mut changes) = (Vec::new(), Vec::new());
        for row in rows {
            let became: BranchState = journal::read(&row.became)?;
            let now = current.remove(&row.subject_id).filter(|it| BranchState::from(it) == became);
            let Some(now) = now else {
                self.keep(row, Why::Changed);
                continue;
            };
            match (&row.was, uses.get(&row.subject_id)) {
                (Some(was), _) => {
                    let after = journal::read::<BranchState>(was)?.into();
                    changes.push(branches::Change { before: Some(now), after });
                }
                (None, Some(why)) => self.keep(row, Why::Used(*why)),
                (None, None) => gone.push(now.branch_id),
            }
        }
        branches::store(tx, office, &changes)?;
        Ok(imports::remove_branches(tx, org, &gone)?)
    }

    /// After the branches, from the newest, so that what hung on a region may be gone.
    fn regions(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let found = reference::list_regions(tx, org)?.into_iter();
        let mut current: BTreeMap<Uuid, reference::Region> = found.map(|it| (it.region_id.0, it)).collect();
        let (mut new, mut changes) = (Vec::new(), Vec::new());
        for row in rows {
            let became: RegionState = journal::read(&row.became)?;
            let now = current.remove(&row.subject_id).filter(|it| RegionState::from(it) == became);
            let Some(now) = now else {
                self.keep(row, Why::Changed);
                continue;
            };
            match &row.was {
                Some(was) => {
                    let after = journal::read::<RegionState>(was)?.into();
                    changes.push(regions::Change { before: Some(now), after });
                }
                None => new.push(row),
            }
        }
        let plan = regions::plan_back(tx, org, &changes)?;
        regions::store(tx, office, &plan, &changes)?;
        // Those below first: whatever goes may free the one above.
        loop {
            let ids: Vec<RegionId> = new.iter().map(|it| RegionId(it.subject_id)).collect();
            let uses = imports::regions_in_use(tx, org, &ids)?;
            let (free, used): (Vec<_>, Vec<_>) =
                new.into_iter().partition(|it| !uses.contains_key(&it.subject_id));
            if free.is_empty() {
                for row in used {
                    let why = uses.get(&row.subject_id).copied().unwrap_or(Use::Regions);
                    self.keep(row, Why::Used(why));
                }
                return Ok(());
            }
            for row in free {
                imports::remove_region(tx, org, RegionId(row.subject_id))?;
            }
            new = used;
        }
    }

    fn staff(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let ids: Vec<StaffId> = rows.iter().map(|it| StaffId(it.subject_id)).collect();
        let found = reference::find_staff_of_ids(tx, org, &ids)?.into_iter();
        let mut current: BTreeMap<Uuid, reference::Staff> = found.map(|it| (it.staff_id.0, it)).collect();
        let uses = imports::staff_in_use(tx, org, &ids)?;
        let numbers: Vec<&str> = rows.iter().map(|it| it.key.as_str()).collect();
        let paid: BTreeSet<String> =
            imports::paid_since(tx, org, &numbers, self.import.imported_at)?.into_iter().collect();
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for row in rows {
            let became: StaffState = journal::read(&row.became)?;
            let now = current.remove(&row.subject_id).filter(|it| StaffState::from(it) == became);
            let Some(now) = now else {
                self.keep(row, Why::Changed);
                continue;
            };
            // What somebody was paid by has to stay what it was then.
            if paid.contains(&became.employee_no) {
                self.keep(row, Why::Used(Use::Payouts));
                continue;
            }
            match (&row.was, uses.get(&row.subject_id)) {
                (Some(was), _) => changed.push(journal::read::<StaffState>(was)?.into()),
                (None, Some(why)) => self.keep(row, Why::Used(*why)),
                (None, None) => gone.push(now.staff_id),
            }
        }
        reference::upsert_staff(tx, org, &changed)?;
        Ok(imports::remove_staff(tx, org, &gone)?)
    }

    fn shifts(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let states: Vec<ShiftState> =
            rows.iter().map(|it| journal::read(&it.became)).collect::<Result<_, _>>()?;
        let people: BTreeSet<StaffId> = states.iter().map(|it| it.staff_id).collect();
        let people: Vec<StaffId> = people.into_iter().collect();
        let numbers: BTreeSet<&str> = states.iter().map(|it| it.employee_no.as_str()).collect();
        let numbers: Vec<&str> = numbers.into_iter().collect();
        let days = || states.iter().map(|it| it.date);
        let (Some(from), Some(to)) = (days().min(), days().max()) else { return Ok(()) };
        let found = reference::find_shifts(tx, org, &people, (from, to))?.into_iter();
        let current: BTreeMap<_, _> =
            found.map(|it| ((it.staff_id, it.work_date, it.begins.clone()), it)).collect();
        let paid: BTreeSet<String> =
            imports::paid_since(tx, org, &numbers, self.import.imported_at)?.into_iter().collect();
        for (row, became) in rows.into_iter().zip(states) {
            let now = current.get(&(became.staff_id, became.date, became.begins.clone()));
            if now.is_none_or(|it| ShiftState::new(&became.employee_no, it) != became) {
                self.keep(row, Why::Changed);
            } else if paid.contains(&became.employee_no) {
                self.keep(row, Why::Used(Use::Payouts));
            } else {
                imports::remove_shift(tx, org, became.staff_id, (became.date, &became.begins))?;
            }
        }
        Ok(())
    }

    fn roles(
        &mut self,
        tx: &mut Tx<'_>,
        office: &mut Office,
        rows: Vec<ImportedRow>,
    ) -> Result<(), ApiError> {
        for row in rows {
            let user = UserId(row.subject_id);
            let given: users::RoleGrant = journal::read(&row.became)?;
            let has = users::grants(tx, office.org(), user)?.into_iter().map(users::shown_grant);
            if has.into_iter().any(|it| it == given) {
                users::revoke(tx, office, user, &given)?;
            } else {
                self.keep(row, Why::Changed);
            }
        }
        Ok(())
    }

    fn users(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let ids: Vec<UserId> = rows.iter().map(|it| UserId(it.subject_id)).collect();
        let uses = imports::users_in_use(tx, org, &ids)?;
        let mut gone = Vec::new();
        for row in rows {
            let became: UserState = journal::read(&row.became)?;
            let user = db::users::find(tx, org, became.id)?.filter(|it| it.active);
            let mut roles: Vec<users::RoleGrant> =
                users::grants(tx, org, became.id)?.into_iter().map(users::shown_grant).collect();
            roles.sort_by_key(of_users::sorted);
            if let Some(why) = uses.get(&row.subject_id) {
                self.keep(row, Why::Used(*why));
            } else if user.is_none_or(|it| (it.login, it.name) != (became.login, became.name))
                || roles != became.roles
            {
                self.keep(row, Why::Changed);
            } else {
                gone.push(became.id);
            }
        }
        Ok(imports::remove_users(tx, org, &gone)?)
    }

    fn kpis(&mut self, tx: &mut Tx<'_>, office: &Office, rows: Vec<ImportedRow>) -> Result<(), ApiError> {
        let org = office.org();
        let states: Vec<KpiState> =
            rows.iter().map(|it| journal::read(&it.became)).collect::<Result<_, _>>()?;
        let scopes: BTreeSet<kpis::Scope> = states.iter().map(|it| it.scope).collect();
        for scope in &scopes {
            // Who may no longer enter figures of a branch takes none of it back.
            kpis::require(tx, office, *scope, "", &mut Vec::new())?;
        }
        let scopes: Vec<observations::KpiScope> = scopes.into_iter().map(Into::into).collect();
        let (from, to) = (states.iter().map(|it| it.from).min(), states.iter().map(|it| it.to).max());
        let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
        let found = observations::find_kpis_of_scopes(tx, org, &scopes, (from, to))?;
        let last: BTreeMap<_, KpiId> = found.iter().map(|it| (figure(it), it.kpi_id)).collect();
        let since = self.import.imported_at;
        let (mut gone, mut in_payouts) = (Vec::new(), BTreeMap::new());
        for (row, became) in rows.into_iter().zip(states) {
            let period = (became.from, became.to);
            let is_paid = match in_payouts.get(&period) {
                Some(known) => *known,
                None => {
                    let asked = imports::is_in_payouts_since(tx, org, period, since)?;
                    in_payouts.insert(period, asked);
                    asked
                }
            };
            let key = (became.scope.into(), became.metric, became.from, became.to);
            if last.get(&key) != Some(&became.id) {
                self.keep(row, Why::Changed);
            } else if is_paid {
                self.keep(row, Why::Used(Use::Payouts));
            } else {
                gone.push(became.id);
            }
        }
        Ok(imports::retract_kpis(tx, org, &gone, (self.import.import_id, office.now()))?)
    }
}
