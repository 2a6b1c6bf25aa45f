//! Files of people and their roles: one role a row. Who is not known yet is created without a password and gets a one-time code.

use super::{
    cells::{Line, Sheet},
    columns::{Layout, plain},
    journal::{Entry, UserState, Values},
    planning::{self, Plan, Stored, Understood},
    report::{Action, RowChange, RowProblem, brief},
};
use crate::{
    app::users::{self, GrantScope, NewUser, RoleGrant},
    error::ApiError,
    office::Office,
};
use db::{Tx, imports::Subject, reference};
use domain::access::Role;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What roles are called beside their stable names, in their plain form.
const ROLES: [(&str, Role); 22] = [
    ("auditora", Role::Auditor),
    ("comprador", Role::Auditor),
    ("compradora", Role::Auditor),
    ("revisor", Role::Reviewer),
    ("revisora", Role::Reviewer),
    ("responsable_de_programa", Role::ProgrammeManager),
    ("gerente_de_programa", Role::ProgrammeManager),
    ("responsable_de_sucursal", Role::BranchManager),
    ("gerente_de_sucursal", Role::BranchManager),
    ("gerente", Role::BranchManager),
    ("analista_de_rh", Role::HrAnalyst),
    ("analista_rh", Role::HrAnalyst),
    ("aprobador_de_rh", Role::HrApprover),
    ("aprobadora_de_rh", Role::HrApprover),
    ("aprobador_rh", Role::HrApprover),
    ("administrador", Role::Admin),
    ("administradora", Role::Admin),
    ("administrator", Role::Admin),
    ("analista", Role::Analyst),
    ("custodio_de_incidentes", Role::IncidentCustodian),
    ("custodia_de_incidentes", Role::IncidentCustodian),
    ("programme_responsible", Role::ProgrammeManager),
];

/// Where a role holds, by code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Organization,
    Region(String),
    Branch(String),
}

/// A row of the file.
#[derive(Debug, Clone)]
pub(super) struct UserLine {
    number: u32,
    login: String,
    name: String,
    role: Role,
    place: Place,
}

pub(super) fn read(sheet: &Sheet, problems: &mut Vec<RowProblem>) -> Vec<UserLine> {
    let rows = planning::understand(sheet, problems, line).into_iter().flatten().collect();
    let key = |it: &UserLine| match &it.place {
        Place::Organization => format!("{} {}", it.login, it.role),
        Place::Region(code) | Place::Branch(code) => format!("{} {} {code}", it.login, it.role),
    };
    planning::refuse_repeated(rows, &sheet.layout, ("login", key), problems)
}

fn line(line: &mut Line<'_>) -> Option<UserLine> {
    let (login, name) = (line.required("login"), line.required("name"));
    let role = line.required("role");
    let role = if role.is_empty() { None } else { known_role(line, &role) };
    let place = match (line.text("region_code"), line.text("branch_code")) {
        (None, None) => Place::Organization,
        (Some(code), None) => Place::Region(code),
        (None, Some(code)) => Place::Branch(code),
        (Some(_), Some(_)) => {
            let es =
                "Ponga la región o la sucursal, no ambas; sin ninguna, el rol vale en toda la organización.";
            let en = "give the region or the branch, not both; without either, the role holds everywhere";
            line.tell("branch_code", "two_scopes", es, en);
            Place::Organization
        }
    };
    if line.is_good() {
        line.check(&NewUser { login: login.clone(), name: name.clone(), password: None, roles: Vec::new() });
    }
    Some(UserLine { number: line.number(), login: login.to_lowercase(), name, role: role?, place })
}

fn known_role(line: &mut Line<'_>, text: &str) -> Option<Role> {
    let wanted = plain(text);
    let known = Role::ALL.iter().find(|it| it.as_str() == wanted).copied();
    let known = known.or_else(|| ROLES.iter().find(|it| it.0 == wanted).map(|it| it.1));
    if known.is_none() {
        let all = Role::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
        let text = brief(text);
        let es = format!("No existe el rol «{text}»; los hay: {all}.");
        line.tell("role", "unknown_role", es, format!("no role '{text}'; there are: {all}"));
    }
    known
}

/// What is to be done for one person.
#[derive(Debug)]
pub(super) struct Person {
    /// The first row of theirs.
    number: u32,
    login: String,
    name: String,
    /// None for somebody who is to be created.
    user: Option<domain::ids::UserId>,
    /// The roles to give, each with its row.
    roles: Vec<(u32, RoleGrant)>,
}

impl Understood for UserLine {
    type Work = Vec<Person>;

    fn number(&self) -> u32 {
        self.number
    }

    fn plan(
        tx: &mut Tx<'_>,
        office: &Office,
        rows: &[Self],
        layout: &Layout,
    ) -> Result<Plan<Self::Work>, ApiError> {
        let org = office.org();
        let scopes = scopes(tx, office, rows)?;
        let mut people: BTreeMap<&str, (Person, Vec<RoleGrant>)> = BTreeMap::new();
        let (mut told, mut problems) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let Some(scope) = scopes.get(&row.place) else {
                problems.push(unknown_place(row, layout));
                continue;
            };
            if !people.contains_key(row.login.as_str()) {
                let known = db::users::find_by_login(tx, org, &row.login)?;
                let name = known.as_ref().map_or(&row.name, |it| &it.name).clone();
                let user = known.map(|it| it.user_id);
                let has = user.map(|it| users::grants(tx, org, it)).transpose()?.unwrap_or_default();
                let has = has.into_iter().map(users::shown_grant).collect();
                let (number, login) = (row.number, row.login.clone());
                people.insert(&row.login, (Person { number, login, name, user, roles: Vec::new() }, has));
            }
            let Some((person, has)) = people.get_mut(row.login.as_str()) else { continue };
            if person.name != row.name {
                problems.push(other_name(row, person, layout));
                continue;
            }
            let grant = RoleGrant { role: row.role, scope: *scope };
            let is_there = has.contains(&grant);
            if !is_there {
                person.roles.push((row.number, grant));
            }
            told.push(told_of(row, person.user.is_some(), is_there));
        }
        let people = people.into_values().map(|it| it.0).filter(|it| !it.roles.is_empty()).collect();
        Ok((told, people, problems))
    }

    fn store(tx: &mut Tx<'_>, office: &mut Office, work: Self::Work) -> Result<Stored, ApiError> {
        let mut stored = Stored::default();
        for Person { number, login, name, user, roles } in work {
            if let Some(user) = user {
                for (number, grant) in roles {
                    users::grant(tx, office, user, &grant)?;
                    let (row, key) = ((number, Subject::Role), format!("{login} {}", grant.role));
                    stored.entries.push(Entry::new(row, key, user.0, (None, &grant))?);
                }
                continue;
            }
            let roles: Vec<RoleGrant> = roles.into_iter().map(|it| it.1).collect();
            let new = NewUser { login: login.clone(), name, password: None, roles };
            let created = users::create(tx, office, &new, None)?;
            let NewUser { name, mut roles, .. } = new;
            roles.sort_by_key(sorted);
            let became = UserState { id: created.user.id, login: login.clone(), name, roles };
            let row = (number, Subject::User);
            stored.entries.push(Entry::new(row, login.clone(), created.user.id.0, (None, &became))?);
            stored.codes.extend(created.code.map(|it| (login, it)));
        }
        Ok(stored)
    }
}

/// An order of roles, so that the same ones are equal.
pub(super) fn sorted(it: &RoleGrant) -> (Role, Option<Uuid>) {
    let id = match it.scope {
        GrantScope::Organization => None,
        GrantScope::Region(id) | GrantScope::Branch(id) => Some(id),
    };
    (it.role, id)
}

fn told_of(row: &UserLine, is_known: bool, is_there: bool) -> RowChange {
    let place = match &row.place {
        Place::Organization => String::new(),
        Place::Region(code) | Place::Branch(code) => format!(" {code}"),
    };
    let role: Values = vec![("role", Some(format!("{}{place}", row.role)))];
    let name: Values = vec![("name", Some(row.name.clone()))];
    let mut told = match (is_known, is_there) {
        (_, true) => planning::change(row.number, &row.login, Some(&role), &role),
        (true, false) => planning::change(row.number, &row.login, Some(&Values::new()), &role),
        (false, false) => planning::change(row.number, &row.login, None, &[name, role].concat()),
    };
    if is_there {
        told.action = Action::Unchanged;
    }
    told
}

/// The scope of each place that the rows name, where there is one.
fn scopes(
    tx: &mut Tx<'_>,
    office: &Office,
    rows: &[UserLine],
) -> Result<BTreeMap<Place, GrantScope>, ApiError> {
    let org = office.org();
    let codes: BTreeSet<&str> = rows
        .iter()
        .filter_map(|it| if let Place::Branch(code) = &it.place { Some(code.as_str()) } else { None })
        .collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let branches = reference::find_branches_by_codes(tx, org, &codes)?.into_iter();
    let branches = branches.map(|it| (Place::Branch(it.code), GrantScope::Branch(it.branch_id.0)));
    let regions = reference::list_regions(tx, org)?.into_iter();
    let regions = regions.map(|it| (Place::Region(it.code), GrantScope::Region(it.region_id.0)));
    Ok(branches.chain(regions).chain([(Place::Organization, GrantScope::Organization)]).collect())
}

fn unknown_place(row: &UserLine, layout: &Layout) -> RowProblem {
    match &row.place {
        Place::Region(code) => RowProblem::new(
            row.number,
            layout.header("region_code"),
            "unknown_region",
            format!("No existe la región «{code}»."),
            format!("no region '{code}'"),
        ),
        Place::Branch(code) => RowProblem::new(
            row.number,
            layout.header("branch_code"),
            "unknown_branch",
            format!("No existe la sucursal «{code}»."),
            format!("no branch '{code}'"),
        ),
        Place::Organization => RowProblem::new(row.number, "", "unknown_scope", "Sin alcance.", "no scope"),
    }
}

/// A login under another name may be somebody else's: nobody gets roles by a slip.
fn other_name(row: &UserLine, person: &Person, layout: &Layout) -> RowProblem {
    let (login, name) = (&row.login, &person.name);
    RowProblem::new(
        row.number,
        layout.header("name"),
        "name_differs",
        format!(
            "El usuario «{login}» es de «{name}»; corrija el nombre, o use otro usuario si es otra persona."
        ),
        format!(
            "the login '{login}' is that of '{name}'; correct the name, or take another login for somebody else"
        ),
    )
}
