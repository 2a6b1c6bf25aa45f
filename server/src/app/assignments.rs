//! Assignments: visits offered to auditors, many at a time, each told to the devices of its auditor in the same
//! transaction; withdrawn while nobody has begun.

use crate::{
    app::{
        branches,
        programmes::{AllowedByWave, allowed},
        reading::{self, Regions, RowProblems, check_text},
        rights, users,
    },
    error::ApiError,
    exchange::feed,
    office::Office,
    principal::{Principal, Reach},
    zone::instant,
};
use db::{
    Tx,
    content::{self, ContentKind},
    programmes, reference,
};
use domain::access::{Permission, Target, allows};
use domain::date::Date;
use domain::ids::{AssignmentId, AuditId, BranchId, OrgId, UserId, WaveId, audit_of_assignment};
use domain::lifecycle::{self, Actor, Command, Facts, State, VersionState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    Hash,
    reference::{Allowed, AssignmentRow, BranchRow},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// Rows of one request, at most.
pub(crate) const MAX_ROWS: usize = 500;

/// Who sees assignments, with their auditors.
const READING: &[Permission] = &[Permission::ManageProgrammes, Permission::ReadVisits];

/// A version of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateRef {
    /// Its id.
    pub(crate) id: String,
    /// Its version.
    pub(crate) version: u32,
}

/// A visit to offer.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignment {
    /// Where.
    pub(crate) branch_id: Uuid,
    /// To whom.
    pub(crate) auditor_id: Uuid,
    /// The checklist, released.
    pub(crate) template: TemplateRef,
    /// The first day of the visit's window, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    pub(crate) window_from: Date,
    /// The last.
    #[schema(value_type = String)]
    pub(crate) window_to: Date,
    /// The wave; none for a visit outside any.
    #[serde(default)]
    pub(crate) wave_id: Option<Uuid>,
}

/// Why an assignment is withdrawn.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// The reason.
    #[validate(length(min = 1, max = 1000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Assignment {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub(crate) id: AssignmentId,
    /// The audit that it becomes.
    #[schema(value_type = Uuid)]
    pub(crate) audit_id: AuditId,
    /// The wave.
    #[schema(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wave_id: Option<WaveId>,
    /// Where.
    #[schema(value_type = Uuid)]
    pub(crate) branch_id: BranchId,
    /// Who.
    #[schema(value_type = Uuid)]
    pub(crate) auditor_id: UserId,
    /// The checklist.
    pub(crate) template: TemplateRef,
    /// The hash of its content, 64 hexadecimal digits.
    pub(crate) template_hash: String,
    /// The first day of the visit's window.
    #[schema(value_type = String)]
    pub(crate) window_from: Date,
    /// The last.
    #[schema(value_type = String)]
    pub(crate) window_to: Date,
    /// Where it stands: `offered`, `accepted`...
    pub(crate) state: &'static str,
    /// When it was created, RFC 3339.
    pub(crate) created_at: String,
    /// Why its auditor declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) declined_for: Option<String>,
}

impl From<programmes::Assignment> for Assignment {
    fn from(it: programmes::Assignment) -> Self {
        Self {
            id: it.assignment_id,
            audit_id: it.audit_id,
            wave_id: it.wave_id,
            branch_id: it.branch_id,
            auditor_id: it.auditor_id,
            template: TemplateRef { id: it.template_id, version: it.template_version },
            template_hash: it.template_hash.to_string(),
            window_from: it.window_from,
            window_to: it.window_to,
            state: it.state.as_str(),
            created_at: instant(it.created_at),
            declined_for: it.declined_for,
        }
    }
}

/// Which assignments a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// At this branch.
    pub(crate) branch: Option<BranchId>,
    /// Of this auditor.
    pub(crate) auditor: Option<UserId>,
    /// Of this wave.
    pub(crate) wave: Option<WaveId>,
    /// In this state.
    pub(crate) state: Option<State>,
}

/// The assignments that somebody sees, by id.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    filter: Filter,
    after: Option<AssignmentId>,
    limit: u32,
) -> Result<db::Page<Assignment, AssignmentId>, ApiError> {
    let reach = reading::reach_of_any(tx, principal, READING)?;
    let org = principal.org;
    let branches = match (&reach, filter.branch) {
        (Reach::Everywhere, None) => None,
        (Reach::Everywhere, Some(branch)) => Some(vec![branch]),
        (Reach::Within { .. }, wanted) => Some(branches_within(tx, org, &reach, wanted)?),
    };
    let filter = programmes::AssignmentFilter {
        auditor: filter.auditor,
        wave: filter.wave,
        branches,
        states: filter.state.into_iter().collect(),
    };
    let page = programmes::list_assignments(tx, org, &filter, after, limit)?;
    Ok(db::Page { items: page.items.into_iter().map(Assignment::from).collect(), next: page.next })
}

/// The branches within reach, or the one wanted where it is.
fn branches_within(
    tx: &mut Tx<'_>,
    org: OrgId,
    reach: &Reach,
    wanted: Option<BranchId>,
) -> Result<Vec<BranchId>, ApiError> {
    if let Some(branch) = wanted {
        let found = reference::find_branch(tx, org, branch)?;
        return Ok(found
            .filter(|it| reach.holds(it.branch_id, it.region_id))
            .map(|it| it.branch_id)
            .into_iter()
            .collect());
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = branches::page(tx, org, reach, None, after, db::MAX_PAGE)?;
        found.extend(page.items.into_iter().map(|it| it.branch_id));
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// What the rows of a request refer to, read at once.
struct Background {
    reach: Reach,
    regions: Regions,
    branches: BTreeMap<BranchId, reference::Branch>,
    /// The grants of those who may sign in.
    auditors: BTreeMap<UserId, Vec<domain::access::Grant>>,
    /// Released checklists.
    templates: BTreeMap<TemplateRef, Hash>,
    waves: BTreeMap<WaveId, (programmes::Wave, bool)>,
}

impl Background {
    fn load(tx: &mut Tx<'_>, office: &Office, rows: &[NewAssignment]) -> Result<Self, ApiError> {
        let org = office.org();
        let reach = match office.principal() {
            Some(principal) => principal.reach(tx, Permission::ManageProgrammes)?,
            None => Reach::Everywhere,
        };
        let wanted: BTreeSet<BranchId> = rows.iter().map(|it| BranchId(it.branch_id)).collect();
        let wanted: Vec<BranchId> = wanted.into_iter().collect();
        let branches = reference::find_branches(tx, org, &wanted)?;
        let mut auditors = BTreeMap::new();
        for auditor in rows.iter().map(|it| UserId(it.auditor_id)).collect::<BTreeSet<_>>() {
            if db::users::find(tx, org, auditor)?.is_some_and(|it| it.active) {
                auditors.insert(auditor, users::grants(tx, org, auditor)?);
            }
        }
        let mut templates = BTreeMap::new();
        for template in rows.iter().map(|it| &it.template).collect::<BTreeSet<_>>() {
            let found = content::find(tx, org, ContentKind::Checklist, &template.id, template.version)?;
            if let Some(found) = found.filter(|it| it.state == VersionState::Released) {
                templates.insert(template.clone(), found.hash);
            }
        }
        let mut waves = BTreeMap::new();
        for wave in rows.iter().filter_map(|it| it.wave_id.map(WaveId)).collect::<BTreeSet<_>>() {
            if let Some(found) = programmes::find_wave(tx, org, wave)? {
                let programme = programmes::find_programme(tx, org, found.programme_id)?;
                waves.insert(wave, (found, programme.is_some_and(|it| it.active)));
            }
        }
        Ok(Self {
            reach,
            regions: Regions::read(tx, org)?,
            branches: branches.into_iter().map(|it| (it.branch_id, it)).collect(),
            auditors,
            templates,
            waves,
        })
    }

    /// Tells what is wrong with a row and gives the hash of its checklist.
    fn check(&self, index: usize, row: &NewAssignment, problems: &mut RowProblems) -> Option<Hash> {
        let branch = self.branches.get(&BranchId(row.branch_id));
        let branch = branch.filter(|it| self.reach.holds(it.branch_id, it.region_id));
        match branch {
            None => problems.tell(
                index,
                "branch_id",
                "unknown_branch",
                "No existe esa sucursal entre las suyas.",
                "there is no such branch among yours",
            ),
            Some(branch) if !branch.active => {
                problems.tell(
                    index,
                    "branch_id",
                    "branch_closed",
                    "La sucursal está cerrada.",
                    "the branch is closed",
                );
            }
            Some(branch) => self.check_auditor(index, row, branch, problems),
        }
        if row.window_to < row.window_from {
            let es = "Termina antes de empezar.";
            problems.tell(index, "window_to", "ends_before_it_begins", es, "it ends before it begins");
        }
        self.check_wave(index, row, problems);
        let hash = self.templates.get(&row.template).copied();
        if hash.is_none() {
            let (es, en) = (
                "No hay un cuestionario liberado con ese id y versión.",
                "no released checklist has this id and version",
            );
            problems.tell(index, "template", "unknown_template", es, en);
        }
        hash
    }

    fn check_auditor(
        &self,
        index: usize,
        row: &NewAssignment,
        branch: &reference::Branch,
        problems: &mut RowProblems,
    ) {
        let regions = self.regions.and_above(branch.region_id);
        let target = Target::Branch { branch: branch.branch_id, regions };
        let grants = self.auditors.get(&UserId(row.auditor_id));
        if !grants.is_some_and(|it| allows(it, Permission::FieldWork, &target)) {
            problems.tell(
                index,
                "auditor_id",
                "no_auditor",
                "Esa persona no es auditora en esa sucursal.",
                "this person is no auditor at this branch",
            );
        }
    }

    fn check_wave(&self, index: usize, row: &NewAssignment, problems: &mut RowProblems) {
        let Some(wave) = row.wave_id.map(WaveId) else { return };
        let (es, en, field, code) = match self.waves.get(&wave) {
            None => ("No existe esa oleada.", "there is no such wave", "wave_id", "unknown_wave"),
            Some((_, false)) => {
                ("El programa ya terminó.", "the programme is over", "wave_id", "programme_over")
            }
            Some((it, _)) if row.window_from < it.window_from => {
                ("Empieza antes que la oleada.", "it begins before the wave", "window_from", "outside_wave")
            }
            Some((it, _)) if row.window_to > it.window_to => {
                ("Termina después que la oleada.", "it ends after the wave", "window_to", "outside_wave")
            }
            Some(_) => return,
        };
        problems.tell(index, field, code, es, en);
    }
}

/// Offers visits: all of them or none.
///
/// # Errors
/// `unknown_branch`, `branch_closed`, `no_auditor`, `unknown_template`, `unknown_wave`, `programme_over`,
/// `outside_wave`, `ends_before_it_begins` by row (422), `forbidden` (403).
pub(crate) fn create(
    tx: &mut Tx<'_>,
    office: &mut Office,
    rows: &[NewAssignment],
) -> Result<Vec<Assignment>, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Own)?;
    let background = Background::load(tx, office, rows)?;
    let mut problems = RowProblems::default();
    let hashes: Vec<Option<Hash>> =
        rows.iter().enumerate().map(|(index, row)| background.check(index, row, &mut problems)).collect();
    problems.refuse()?;
    // The rules of a wave are its programme and its window, which every row was held against.
    let facts = Facts { wave_rules_hold: true, ..Facts::default() };
    let state = lifecycle::apply(None, Command::Offer, Actor::Manager, &facts)?;
    let new: Vec<programmes::Assignment> =
        rows.iter().zip(hashes).filter_map(|(row, hash)| Some(offered(office, row, hash?, state))).collect();
    programmes::append_assignments(tx, office.org(), &new)?;
    publish_all(tx, office, &new, &background.branches)?;
    for it in &new {
        let detail = json!({"branch": it.branch_id, "auditor": it.auditor_id, "audit": it.audit_id});
        office.record("assignment_offered", "assignment", it.assignment_id, &detail)?;
    }
    Ok(new.into_iter().map(Assignment::from).collect())
}

fn offered(
    office: &Office,
    row: &NewAssignment,
    template_hash: Hash,
    state: State,
) -> programmes::Assignment {
    let assignment_id = AssignmentId(office.new_id());
    programmes::Assignment {
        assignment_id,
        wave_id: row.wave_id.map(WaveId),
        branch_id: BranchId(row.branch_id),
        auditor_id: UserId(row.auditor_id),
        template_id: row.template.id.clone(),
        template_version: row.template.version,
        template_hash,
        window_from: row.window_from,
        window_to: row.window_to,
        state,
        audit_id: audit_of_assignment(assignment_id),
        created_at: office.now(),
        declined_for: None,
    }
}

/// Tells each auditor's devices, each branch once.
fn publish_all(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &[programmes::Assignment],
    branches: &BTreeMap<BranchId, reference::Branch>,
) -> Result<(), ApiError> {
    let (mut told, mut allowed) = (BTreeSet::new(), AllowedByWave::default());
    for it in new {
        let allowed = allowed.of(tx, office.org(), it.wave_id)?;
        let is_news = told.insert((it.auditor_id, it.branch_id));
        let branch = branches.get(&it.branch_id).filter(|_| is_news).map(branch_row);
        feed::publish_assignment(
            tx,
            office.org(),
            it.auditor_id,
            &row_of(it, allowed),
            branch.as_ref(),
            office.now(),
        )?;
    }
    Ok(())
}

/// A branch as devices mirror it.
pub(super) fn branch_row(it: &reference::Branch) -> BranchRow {
    BranchRow {
        id: it.branch_id.0,
        code: it.code.clone(),
        name: it.name.clone(),
        zone: Some(it.zone.clone()),
        address: None,
        lat_e7: it.latitude_e7,
        lon_e7: it.longitude_e7,
    }
}

/// An assignment as devices mirror it.
pub(crate) fn row_of(it: &programmes::Assignment, allowed: Allowed) -> AssignmentRow {
    AssignmentRow {
        id: it.assignment_id.0,
        branch: it.branch_id.0,
        template: it.template_id.clone(),
        version: it.template_version,
        content_hash: it.template_hash,
        state: it.state.as_str().to_owned(),
        from: Some(it.window_from.to_string()),
        to: Some(it.window_to.to_string()),
        notes: None,
        allowed,
    }
}

/// Withdraws an assignment that nobody has begun.
///
/// # Errors
/// `not_found` (404), `visit_begun` (409) once the visit began or ended, `forbidden` (403).
pub(crate) fn cancel(
    tx: &mut Tx<'_>,
    office: &mut Office,
    id: AssignmentId,
    why: &Cancellation,
) -> Result<Assignment, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Own)?;
    let org = office.org();
    let unknown = || ApiError::not_found("la asignación", "the assignment");
    let found = programmes::find_assignment(tx, org, id)?.ok_or_else(unknown)?;
    office.require_at(tx, Permission::ManageProgrammes, found.branch_id)?;
    rights::lock(tx, org, found.auditor_id)?;
    // A phone may have answered meanwhile.
    let mut found = programmes::find_assignment(tx, org, id)?.ok_or_else(unknown)?;
    let is_open = matches!(found.state, State::Offered | State::Accepted);
    if !is_open || db::audits::find(tx, org, found.audit_id)?.is_some() {
        return Err(ApiError::conflict(
            "visit_begun",
            format!("La visita está «{}» y la asignación ya no se retira.", found.state.label().es),
            format!("the visit is \"{}\" and its assignment cannot be withdrawn", found.state.label().en),
        ));
    }
    // The second person of the table stands for the evidence of a visit: here no visit exists, as was just checked.
    let facts = Facts { has_reason: true, second_person: true, ..Facts::default() };
    let to = lifecycle::apply(Some(found.state), Command::Void, Actor::Manager, &facts)?;
    programmes::set_assignment_state(tx, org, id, (found.state, to))?;
    let from = std::mem::replace(&mut found.state, to);
    rights::settle(tx, org, found.auditor_id, rights::What::Audits(&[found.audit_id]), office.now())?;
    let row = row_of(&found, allowed(tx, org, found.wave_id)?);
    feed::publish_assignment(tx, org, found.auditor_id, &row, None, office.now())?;
    let detail = json!({"reason": why.reason, "from": from, "to": to});
    office.record("assignment_cancelled", "assignment", id, &detail)?;
    Ok(found.into())
}
