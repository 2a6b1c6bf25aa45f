//! What the command line asks of a server in a person's name: sign in, make branches and auditors known, enrol devices.

use crate::{client::Client, import::rows::ImportedAuditor};
use clap::Args;
use device::{Device, DeviceKind, NewDevice};
use domain::Problem;
use serde::Deserialize;
use serde_json::json;
use server::environment::Environment;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use sync_core::{Hash, ingest::Enrolment};
use uuid::Uuid;

/// Rows of one bulk request.
const ROWS_PER_REQUEST: usize = 2_000;
/// Login of the auditor of visits whose auditor the source does not name; left out of severity.
const UNASSIGNED: &str = "unassigned";

/// Who signs in
#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// Short name of the organization
    #[arg(long)]
    pub(crate) organization: String,
    /// Login of a person who may manage users and branches
    #[arg(long)]
    pub(crate) login: String,
    /// File with the password on its first line
    #[arg(long, value_name = "FILE", env = "VEEDOR_PASSWORD_FILE")]
    pub(crate) password_file: PathBuf,
}

/// A branch to be made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewBranch {
    /// Its code.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// Its time zone.
    pub(crate) zone: String,
    /// Latitude and longitude in millionths of a degree.
    pub(crate) position: Option<(i64, i64)>,
}

/// A signed-in person at a server.
pub(crate) struct Office {
    client: Client,
    org: Uuid,
    branches: BTreeMap<String, Uuid>,
    areas: BTreeSet<String>,
    /// Side of the squares that branches are grouped into as regions, in millionths of a degree; none for no regions.
    area_side: Option<i64>,
}

#[derive(Deserialize)]
struct Session {
    token: String,
    organization: Uuid,
}

#[derive(Deserialize)]
struct Upserted {
    items: Vec<UpsertedItem>,
}

#[derive(Deserialize)]
struct UpsertedItem {
    id: Uuid,
    code: String,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    id: Uuid,
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct IssuedCode {
    code: String,
}

impl Office {
    /// Signs in with the login's password file.
    ///
    /// # Errors
    /// `no_password` where the file cannot be read, and what the server refuses.
    pub(crate) fn sign_in(client: &Client, login: &Login) -> Result<Self, Problem> {
        let password = std::fs::read_to_string(&login.password_file).map_err(|error| {
            let path = login.password_file.display();
            Problem::single(
                400,
                "no_password",
                format!("No se puede leer {path}: {error}"),
                format!("cannot read {path}: {error}"),
            )
        })?;
        let password = password.lines().next().unwrap_or_default();
        Self::sign_in_with(client, &login.organization, &login.login, password)
    }

    /// Signs in with a password.
    ///
    /// # Errors
    /// What the server refuses.
    pub(crate) fn sign_in_with(
        client: &Client,
        organization: &str,
        login: &str,
        password: &str,
    ) -> Result<Self, Problem> {
        let body = json!({ "organization": organization, "login": login, "password": password });
        let session: Session = client.post("/api/v1/sessions", &body)?;
        Ok(Self {
            // What an office asks for may be asked for twice, so an import outlives a server that starts again.
            client: client.with_token(&session.token).patient(),
            org: session.organization,
            branches: BTreeMap::new(),
            areas: BTreeSet::new(),
            area_side: None,
        })
    }

    /// Groups the branches that are made known from now on into regions: squares of this side, in millionths of a degree.
    pub(crate) fn group_by_area(&mut self, side: i64) {
        self.area_side = Some(side).filter(|it| *it > 0);
    }

    /// The organization.
    pub(crate) fn org(&self) -> Uuid {
        self.org
    }

    /// The connection in this person's name.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Makes branches known to the server; those that this session knows already cost nothing.
    ///
    /// # Errors
    /// What the server refuses.
    pub(crate) fn know_branches(&mut self, branches: impl Iterator<Item = NewBranch>) -> Result<(), Problem> {
        let mut new: BTreeMap<String, NewBranch> = BTreeMap::new();
        for branch in branches.filter(|it| !self.branches.contains_key(&it.code)) {
            new.entry(branch.code.clone()).or_insert(branch);
        }
        let new: Vec<NewBranch> = new.into_values().collect();
        for rows in new.chunks(ROWS_PER_REQUEST) {
            self.know_areas(rows)?;
            let body: Vec<_> = rows.iter().map(|it| self.branch_row(it)).collect();
            let done: Upserted = self.client.put("/api/v1/branches", &body)?;
            self.branches.extend(done.items.into_iter().map(|it| (it.code, it.id)));
        }
        Ok(())
    }

    fn area(&self, branch: &NewBranch) -> Option<String> {
        let side = self.area_side?;
        let (latitude, longitude) = branch.position?;
        let corner = |micros: i64| degrees(micros.div_euclid(side).saturating_mul(side));
        Some(format!("{} {}", corner(latitude), corner(longitude)))
    }

    fn know_areas(&mut self, rows: &[NewBranch]) -> Result<(), Problem> {
        let new: BTreeSet<String> =
            rows.iter().filter_map(|it| self.area(it)).filter(|it| !self.areas.contains(it)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let body: Vec<_> = new.iter().map(|it| json!({ "code": it, "name": format!("Área {it}") })).collect();
        let _: serde_json::Value = self.client.put("/api/v1/regions", &body)?;
        self.areas.extend(new);
        Ok(())
    }

    fn branch_row(&self, branch: &NewBranch) -> serde_json::Value {
        let mut row = json!({ "code": branch.code, "name": branch.name, "zone": branch.zone });
        if let (Some(row), Some((latitude, longitude))) = (row.as_object_mut(), branch.position) {
            row.insert("latitude".into(), degrees(latitude).into());
            row.insert("longitude".into(), degrees(longitude).into());
            if let Some(area) = self.area(branch) {
                row.insert("region_code".into(), area.into());
            }
        }
        row
    }

    /// The id of a branch that was made known.
    ///
    /// # Errors
    /// `unknown_branch` for another one.
    pub(crate) fn branch(&self, code: &str) -> Result<Uuid, Problem> {
        self.branches.get(code).copied().ok_or_else(|| {
            Problem::single(
                500,
                "unknown_branch",
                format!("El servidor no devolvió la sucursal {code}"),
                format!("the server did not return the branch {code}"),
            )
        })
    }

    /// The import device of an auditor in a folder, made and enrolled where it is not there yet.
    ///
    /// # Errors
    /// The store's and the server's.
    pub(crate) fn import_device(
        &mut self,
        dir: &Path,
        auditor: &ImportedAuditor,
        environment: &Environment,
    ) -> Result<Device, Problem> {
        let mut device = match Device::open(dir) {
            Ok(device) => device,
            Err(error) if error.code() == "no_device" => {
                Device::create(dir, &NewDevice { secret: environment.bytes(), kind: DeviceKind::Import })?
            }
            Err(error) => return Err(error.into()),
        };
        if device.enrolment()?.is_none() {
            let login = if auditor.is_unassigned { UNASSIGNED.to_owned() } else { login_of(&auditor.name) };
            let user = self.auditor(&login, &auditor.name)?;
            let body = json!({ "user": user, "kind": "import" });
            let mut once = || -> Result<(), Problem> {
                let issued: IssuedCode = self.client.post("/api/v1/devices/codes", &body)?;
                enrol(&self.client, &mut device, &issued.code, &format!("import {}", auditor.name))
            };
            // Where the answer was lost the code is spent; the same device may be enrolled again with another.
            match once() {
                Err(problem) if problem.code == "code_not_valid" => once()?,
                other => other?,
            }
        }
        Ok(device)
    }

    /// The auditor of a login, made where nobody has it.
    ///
    /// # Errors
    /// What the server refuses.
    pub(crate) fn auditor(&self, login: &str, name: &str) -> Result<Uuid, Problem> {
        let body = json!({ "login": login, "name": name, "roles": [{ "role": "auditor" }] });
        match self.client.post::<Person>("/api/v1/users", &body).map_err(Problem::from) {
            Ok(person) => Ok(person.id),
            Err(problem) if problem.code == "login_taken" => self.find_user(login),
            Err(problem) => Err(problem),
        }
    }

    fn find_user(&self, login: &str) -> Result<Uuid, Problem> {
        let mut after = None;
        loop {
            let query = after.map(|it: String| format!("?after={it}")).unwrap_or_default();
            let page: Page<Person> = self.client.get(&format!("/api/v1/users{query}"))?;
            if let Some(found) = page.items.into_iter().find(|it| it.login.eq_ignore_ascii_case(login)) {
                return Ok(found.id);
            }
            after = page.next;
            if after.is_none() {
                return Err(Problem::single(
                    404,
                    "unknown_user",
                    format!("No existe la persona «{login}»"),
                    format!("there is no user \"{login}\""),
                ));
            }
        }
    }
}

/// Enrols a device with a one-time code.
///
/// # Errors
/// What the server refuses, and the store's.
pub(crate) fn enrol(client: &Client, device: &mut Device, code: &str, name: &str) -> Result<(), Problem> {
    let mut request = serde_json::to_value(device.enrolment_request(code)?).map_err(|error| {
        Problem::single(500, "internal", "No se pudo preparar la solicitud.", error.to_string())
    })?;
    if let Some(request) = request.as_object_mut() {
        request.insert("name".into(), name.into());
    }
    let enrolment: Enrolment = client.post("/api/v1/devices/enrol", &request)?;
    Ok(device.enrolled(&enrolment)?)
}

/// A login for a person's or group's name: its letters and digits, with a short hash where something was lost.
fn login_of(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    if plain == name {
        return plain.to_lowercase();
    }
    let hash = Hash::of(name.as_bytes()).to_string();
    format!("{}-{}", plain.to_lowercase(), hash.chars().take(8).collect::<String>())
}

/// Millionths of a degree as a decimal without a tail of zeros.
fn degrees(micros: i64) -> String {
    domain::Exact::scaled(micros, 6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_lies_in_the_square_whose_corner_is_south_west_of_it() {
        let client = Client::new("http://localhost");
        let mut office = Office {
            client,
            org: Uuid::nil(),
            branches: BTreeMap::new(),
            areas: BTreeSet::new(),
            area_side: None,
        };
        let at =
            |position| NewBranch { code: String::new(), name: String::new(), zone: String::new(), position };
        assert_eq!(office.area(&at(Some((41_943_359, -87_644_998)))), None);
        office.group_by_area(20_000);
        assert_eq!(office.area(&at(Some((41_943_359, -87_644_998)))).unwrap(), "41.94 -87.66");
        assert_eq!(office.area(&at(Some((41_940_000, -87_640_000)))).unwrap(), "41.94 -87.64");
        assert_eq!(office.area(&at(None)), None);
    }

    #[test]
    fn names_that_look_alike_get_different_logins() {
        assert_eq!(login_of("green"), "green");
        assert_ne!(login_of("Team 1"), login_of("Team-1"));
    }
}
