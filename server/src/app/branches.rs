//! Branches: put by code, thousands at a time, all or none; read as far as somebody's roles reach.

use crate::{
    app::{
        assignments,
        reading::{self, Put, PutRow, Regions, RowProblems, check_code, check_text},
        regions, rights,
    },
    decimal::{self, Decimal},
    error::ApiError,
    office::Office,
    principal::{Principal, Reach},
    zone,
};
use db::{Tx, reference};
use domain::access::{Permission, Target};
use domain::ids::{BranchId, OrgId, RegionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use validator::Validate;

/// Rows of one request, at most.
pub(crate) const MAX_ROWS: usize = 5_000;
/// Decimals of stored degrees: about a centimetre.
const DEGREE_DECIMALS: u32 = 7;

/// A branch as it is to be; an optional field that is left out stays as it is.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BranchRow {
    /// Its code, by which it is known: unique in the organization.
    #[validate(length(min = 1, max = 60), custom(function = "check_code"))]
    pub code: String,
    /// Its name.
    #[validate(length(min = 1, max = 200), custom(function = "check_text"))]
    pub name: String,
    /// The code of its region.
    #[serde(default)]
    pub region_code: Option<String>,
    /// Degrees north, rounded to 7 decimals; goes with `longitude`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub latitude: Option<Decimal>,
    /// Degrees east, rounded to 7 decimals; goes with `latitude`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub longitude: Option<Decimal>,
    /// Its time zone (IANA).
    #[validate(custom(function = "zone::check"))]
    pub zone: String,
    /// The score that it should reach, 0 to 100 with two decimals.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub target: Option<Decimal>,
    /// False for one that is closed; a new one is open.
    #[serde(default)]
    pub active: Option<bool>,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Branch {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: BranchId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its region.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_id: Option<RegionId>,
    /// The code of its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_code: Option<String>,
    /// Degrees north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<String>,
    /// Degrees east.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<String>,
    /// Its time zone (IANA).
    pub zone: String,
    /// The score that it should reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// False for one that is closed.
    pub active: bool,
}

fn show(it: reference::Branch, region_codes: &BTreeMap<RegionId, String>) -> Branch {
    Branch {
        id: it.branch_id,
        code: it.code,
        name: it.name,
        region_id: it.region_id,
        region_code: it.region_id.and_then(|it| region_codes.get(&it).cloned()),
        latitude: it.latitude_e7.map(|it| decimal::shown(it, DEGREE_DECIMALS)),
        longitude: it.longitude_e7.map(|it| decimal::shown(it, DEGREE_DECIMALS)),
        zone: it.zone,
        target: it.target_hundredths.map(|it| decimal::shown(it, 2)),
        active: it.active,
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("la sucursal", "the branch")
}

/// The branches that somebody sees, by id; those of a region (its id or code) and all below it where one is named.
///
/// # Errors
/// `unknown_region` (422), `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    region: Option<&str>,
    after: Option<BranchId>,
    limit: u32,
) -> Result<db::Page<Branch, BranchId>, ApiError> {
    let reach = reading::reader_reach(tx, principal)?;
    let org = principal.org;
    let all = Regions::read(tx, org)?;
    let wanted = region.map(|it| all.and_below(it).ok_or_else(|| unknown_region(it))).transpose()?;
    let page = page(tx, org, &reach, wanted.as_deref(), after, limit)?;
    let codes = regions::codes(&all);
    Ok(db::Page { items: page.items.into_iter().map(|it| show(it, &codes)).collect(), next: page.next })
}

fn unknown_region(region: &str) -> ApiError {
    let es = format!("No existe la región «{region}».");
    ApiError::field("/region", "unknown_region", es, format!("no region '{region}'"))
}

/// A page of the branches within reach.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    org: OrgId,
    reach: &Reach,
    wanted: Option<&[RegionId]>,
    after: Option<BranchId>,
    limit: u32,
) -> Result<db::Page<reference::Branch, BranchId>, ApiError> {
    Ok(match reach {
        Reach::Everywhere => reference::list_branches(tx, org, wanted, after, limit)?,
        Reach::Within { regions, branches } => {
            let scope = reference::BranchScope {
                regions: regions.iter().copied().collect(),
                branches: branches.iter().copied().collect(),
            };
            reference::list_branches_within(tx, org, &scope, wanted, after, limit)?
        }
    })
}

/// One branch.
///
/// # Errors
/// `not_found` (404), also for one that no role of the person reaches.
pub(crate) fn read(tx: &mut Tx<'_>, principal: &Principal, branch: BranchId) -> Result<Branch, ApiError> {
    let reach = reading::reader_reach(tx, principal)?;
    let found = reference::find_branch(tx, principal.org, branch)?
        .filter(|it| reach.holds(it.branch_id, it.region_id))
        .ok_or_else(not_found)?;
    let codes = regions::codes(&Regions::read(tx, principal.org)?);
    Ok(show(found, &codes))
}

/// Creates one branch.
///
/// # Errors
/// `code_taken` (409), those of [`put`].
pub(crate) fn create(tx: &mut Tx<'_>, office: &mut Office, new: &BranchRow) -> Result<PutRow, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    if reference::find_branch_by_code(tx, office.org(), &new.code)?.is_some() {
        return Err(ApiError::taken(
            "/code",
            "code_taken",
            format!("Ya hay una sucursal «{}».", new.code),
            format!("there is a branch '{}' already", new.code),
        ));
    }
    let done = put(tx, office, std::slice::from_ref(new)).map_err(reading::of_one_row)?;
    done.items.into_iter().next().ok_or_else(|| ApiError::internal("a branch that was put is missing"))
}

/// Creates or changes branches by code: all of them or none.
///
/// # Errors
/// `repeated`, `unknown_region`, `out_of_range`, `coordinate_missing`, `too_many_decimals` by row (422), `forbidden`.
pub(crate) fn put(tx: &mut Tx<'_>, office: &mut Office, rows: &[BranchRow]) -> Result<Put, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    let codes: Vec<&str> = rows.iter().map(|it| it.code.as_str()).collect();
    let regions = Regions::read(tx, office.org())?;
    let (changes, problems) = plan(tx, office, rows, &regions.by_code())?;
    problems.refuse()?;
    store(tx, office, &changes)?;
    let created = changes.iter().filter(|it| it.before.is_none()).count();
    office.record(
        "branches_put",
        "organization",
        office.org(),
        &json!({"created": created, "codes": codes}),
    )?;
    let items =
        changes.into_iter().map(|it| PutRow { id: it.after.branch_id.0, code: it.after.code }).collect();
    Ok(Put { created, updated: rows.len() - created, items })
}

/// A branch as it is and as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// None for one that is new.
    pub(crate) before: Option<reference::Branch>,
    pub(crate) after: reference::Branch,
}

/// What rows would make of the branches, one change for each row, and what is wrong with them; stores nothing.
///
/// # Errors
/// Those of the database.
pub(crate) fn plan(
    tx: &mut Tx<'_>,
    office: &Office,
    rows: &[BranchRow],
    regions: &BTreeMap<&str, RegionId>,
) -> Result<(Vec<Change>, RowProblems), ApiError> {
    let codes: Vec<&str> = rows.iter().map(|it| it.code.as_str()).collect();
    let mut problems = RowProblems::default();
    problems.tell_repeated("code", codes.iter().copied());
    let mut stored: BTreeMap<String, reference::Branch> =
        reference::find_branches_by_codes(tx, office.org(), &codes)?
            .into_iter()
            .map(|it| (it.code.clone(), it))
            .collect();
    let mut changes = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let before = stored.remove(&row.code);
        let mut after = before.clone().unwrap_or_else(|| reference::Branch {
            branch_id: BranchId(office.new_id()),
            region_id: None,
            code: row.code.clone(),
            name: String::new(),
            latitude_e7: None,
            longitude_e7: None,
            zone: String::new(),
            target_hundredths: None,
            active: true,
        });
        set(&mut after, row, regions, index, &mut problems);
        changes.push(Change { before, after });
    }
    Ok((changes, problems))
}

/// Stores branches as they are to be, and tells phones what that means for them.
///
/// # Errors
/// Those of the database.
pub(crate) fn store(tx: &mut Tx<'_>, office: &Office, changes: &[Change]) -> Result<(), ApiError> {
    let org = office.org();
    let mut after: Vec<reference::Branch> = changes.iter().map(|it| it.after.clone()).collect();
    // In the order in which they lie: a database of less memory than branches would read and write each page many times.
    after.sort_by_key(|it| it.branch_id);
    reference::upsert_branches(tx, org, &after)?;
    let (mut moved, mut told_anew) = (Vec::new(), Vec::new());
    for Change { before, after } in changes {
        let Some(before) = before else { continue };
        if before.region_id != after.region_id {
            moved.push(after.branch_id);
        }
        if assignments::branch_row(before) != assignments::branch_row(after) {
            told_anew.push(after.branch_id);
        }
    }
    if !moved.is_empty() {
        rights::settle_everybody(tx, org, rights::What::At(&moved), office.now())?;
    }
    rights::tell_branches(tx, org, &told_anew, office.now())
}

fn set(
    branch: &mut reference::Branch,
    row: &BranchRow,
    regions: &BTreeMap<&str, RegionId>,
    index: usize,
    problems: &mut RowProblems,
) {
    branch.name.clone_from(&row.name);
    branch.zone.clone_from(&row.zone);
    branch.active = row.active.unwrap_or(branch.active);
    if let Some(code) = &row.region_code {
        branch.region_id = regions.get(code.as_str()).copied();
        if branch.region_id.is_none() {
            let es = format!("No existe la región «{code}».");
            problems.tell(index, "region_code", "unknown_region", es, format!("no region '{code}'"));
        }
    }
    if row.latitude.is_some() != row.longitude.is_some() {
        let missing = if row.latitude.is_some() { "longitude" } else { "latitude" };
        problems.tell(
            index,
            missing,
            "coordinate_missing",
            "La latitud y la longitud van juntas.",
            "latitude and longitude go together",
        );
    }
    if let Some(value) = &row.latitude {
        branch.latitude_e7 = degrees(value, 90, (index, "latitude"), problems);
    }
    if let Some(value) = &row.longitude {
        branch.longitude_e7 = degrees(value, 180, (index, "longitude"), problems);
    }
    if let Some(value) = &row.target {
        branch.target_hundredths = value.scaled(2).filter(|it| (0..=10_000).contains(it));
        if branch.target_hundredths.is_none() {
            let es = "La meta va de 0 a 100, con dos decimales.";
            problems.tell(index, "target", "out_of_range", es, "a target is 0 to 100, with two decimals");
        }
    }
}

/// Degrees times 10,000,000, rounded.
fn degrees(
    value: &Decimal,
    limit: i64,
    (index, field): (usize, &str),
    problems: &mut RowProblems,
) -> Option<i64> {
    let most = limit * 10_000_000;
    let units = value.0.to_scaled(DEGREE_DECIMALS).filter(|it| (-most..=most).contains(it));
    if units.is_none() {
        let es = format!("Debe estar entre -{limit} y {limit} grados.");
        problems.tell(
            index,
            field,
            "out_of_range",
            es,
            format!("must lie between -{limit} and {limit} degrees"),
        );
    }
    units
}
