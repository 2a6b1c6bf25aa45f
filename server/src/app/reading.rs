//! Who may read reference data, and what all of its use cases share: codes, rows that were put, problems by row.

use crate::{
    error::ApiError,
    principal::{Principal, Reach},
};
use db::{Tx, reference};
use domain::access::{Permission, Target};
use domain::ids::{OrgId, RegionId};
use domain::{FieldProblem, problem::pointer};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::ValidationError;

/// Any of these lets a person read regions, branches and content.
const READING: &[Permission] = &[
    Permission::ManageUsers,
    Permission::ManageReference,
    Permission::ManageContent,
    Permission::ManageProgrammes,
    Permission::ReadVisits,
    Permission::ReadPublishedVisits,
    Permission::ReviewVisits,
    Permission::EnterKpis,
    Permission::AssessStandard,
    Permission::ReadScorecards,
    Permission::CalculatePay,
    Permission::ApprovePay,
    Permission::ReadPay,
];

/// Refuses who may read nothing of the organization's.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn require_reader(principal: &Principal) -> Result<(), ApiError> {
    require_any(principal, READING)
}

/// Refuses who has none of the permissions anywhere; the first one is named.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn require_any(principal: &Principal, permissions: &[Permission]) -> Result<(), ApiError> {
    if permissions.iter().any(|it| principal.may(*it, &Target::Own)) {
        return Ok(());
    }
    Err(ApiError::forbidden(permissions.first().map_or("none", |it| it.as_str())))
}

/// Refuses who has none of the permissions on the whole organization; the first one is named.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn require_everywhere(principal: &Principal, permissions: &[Permission]) -> Result<(), ApiError> {
    if permissions.iter().any(|it| principal.may(*it, &Target::Organization)) {
        return Ok(());
    }
    Err(ApiError::forbidden(permissions.first().map_or("none", |it| it.as_str())))
}

/// How far a reader of reference data sees.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn reader_reach(tx: &mut Tx<'_>, principal: &Principal) -> Result<Reach, ApiError> {
    reach_of_any(tx, principal, READING)
}

/// How far any of the permissions reaches.
///
/// # Errors
/// `forbidden` (403) where no role gives one of them anywhere.
pub(crate) fn reach_of_any(
    tx: &mut Tx<'_>,
    principal: &Principal,
    permissions: &[Permission],
) -> Result<Reach, ApiError> {
    require_any(principal, permissions)?;
    let (mut regions, mut branches) = (BTreeSet::new(), BTreeSet::new());
    for permission in permissions.iter().filter(|it| principal.may(**it, &Target::Own)) {
        match principal.reach(tx, *permission)? {
            Reach::Everywhere => return Ok(Reach::Everywhere),
            Reach::Within { regions: more_regions, branches: more_branches } => {
                regions.extend(more_regions);
                branches.extend(more_branches);
            }
        }
    }
    Ok(Reach::Within { regions, branches })
}

/// A row that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PutRow {
    /// Its id.
    pub id: Uuid,
    /// The code that it came with; of staff, the employee number.
    pub code: String,
}

/// What became of many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Put {
    /// Rows that were not there before.
    pub created: usize,
    /// Rows that were.
    pub updated: usize,
    /// All of them, in the order of the request.
    pub items: Vec<PutRow>,
}

/// Problems of the rows of a request, each with its place.
#[derive(Debug, Default)]
pub(crate) struct RowProblems(Vec<FieldProblem>);

impl RowProblems {
    /// Tells a problem of a field of a row.
    pub(crate) fn tell(
        &mut self,
        row: usize,
        field: &str,
        code: &str,
        es: impl Into<String>,
        en: impl Into<String>,
    ) {
        let place = pointer(&pointer("", row), field);
        self.0.push(FieldProblem::new(place, code, es, en));
    }

    /// Tells every key that stands in more than one row.
    pub(crate) fn tell_repeated<'a>(&mut self, field: &str, keys: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeMap::new();
        for (row, key) in keys.enumerate() {
            if let Some(first) = seen.insert(key, row) {
                let es = format!("«{key}» ya está en la fila {first}; deje una sola.");
                self.tell(
                    row,
                    field,
                    "repeated",
                    es,
                    format!("'{key}' is in row {first} already; leave one"),
                );
            }
        }
    }

    /// All that were told, each under `/row/field`.
    pub(crate) fn into_all(self) -> Vec<FieldProblem> {
        self.0
    }

    /// Goes on where there were none.
    ///
    /// # Errors
    /// All that were told (422).
    pub(crate) fn refuse(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0)) }
    }
}

/// The problem details of a single row, put as one of many: the pointers lose the number of the row.
pub(crate) fn of_one_row(error: ApiError) -> ApiError {
    let mut problem = error.problem().clone();
    let mut is_of_row = false;
    for it in &mut problem.errors {
        if let Some(field) = it.field.strip_prefix("/0/") {
            (it.field, is_of_row) = (format!("/{field}"), true);
        }
    }
    if is_of_row { problem.into() } else { error }
}

/// Refuses codes that a person could not tell apart or type, for `validator`.
pub(crate) fn check_code(code: &str) -> Result<(), ValidationError> {
    let is_good = code.trim() == code && !code.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    let text = "Quite los espacios de los extremos y los saltos de línea. / leave out spaces at the ends and line breaks";
    Err(ValidationError::new("bad_code").with_message(text.into()))
}

/// Refuses a text of blanks only, for `validator`; an empty one is the business of `length`.
pub(crate) fn check_text(text: &str) -> Result<(), ValidationError> {
    if text.is_empty() || !text.trim().is_empty() {
        return Ok(());
    }
    Err(ValidationError::new("blank").with_message("Escriba un texto. / write a text".into()))
}

/// The regions of an organization as a tree.
#[derive(Debug)]
pub(crate) struct Regions(pub(crate) Vec<reference::Region>);

impl Regions {
    /// Reads them.
    pub(crate) fn read(tx: &mut Tx<'_>, org: OrgId) -> Result<Self, ApiError> {
        Ok(Self(reference::list_regions(tx, org)?))
    }

    /// By code.
    pub(crate) fn by_code(&self) -> BTreeMap<&str, RegionId> {
        self.0.iter().map(|it| (it.code.as_str(), it.region_id)).collect()
    }

    /// By id.
    pub(crate) fn by_id(&self) -> BTreeMap<RegionId, &reference::Region> {
        self.0.iter().map(|it| (it.region_id, it)).collect()
    }

    /// A region and all above it, nearest first.
    pub(crate) fn and_above(&self, region: Option<RegionId>) -> Vec<RegionId> {
        let all = self.by_id();
        let mut found = Vec::new();
        let mut next = region;
        while let Some(region) = next.filter(|it| !found.contains(it)) {
            found.push(region);
            next = all.get(&region).and_then(|it| it.parent_id);
        }
        found
    }

    /// A region, named by id or by code, and all below it.
    pub(crate) fn and_below(&self, named: &str) -> Option<Vec<RegionId>> {
        let top = self.0.iter().find(|it| it.code == named || it.region_id.to_string() == named)?.region_id;
        let below = self.0.iter().map(|it| it.region_id);
        Some(below.filter(|it| self.and_above(Some(*it)).contains(&top)).collect())
    }
}
