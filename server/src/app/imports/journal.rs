//! What an import changed, as it is kept: each thing whole as it was and as it became, so that it can be put back exactly; and
//! its values as people read them.

use crate::{app::users::RoleGrant, decimal, error::ApiError};
use db::{
    imports::{ImportedRow, Subject},
    observations::{KpiObservation, KpiScope},
    reference,
};
use domain::{
    Date,
    ids::{BranchId, KpiId, RegionId, StaffId, UserId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The values of a thing, by our name of their column.
pub(super) type Values = Vec<(&'static str, Option<String>)>;

/// Something that an import changed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file_row: u32,
    pub(super) subject: Subject,
    pub(super) key: String,
    pub(super) id: Uuid,
    was: Option<String>,
    became: String,
}

impl Entry {
    pub(super) fn new<T: Serialize>(
        (file_row, subject): (u32, Subject),
        key: impl Into<String>,
        id: Uuid,
        (was, became): (Option<&T>, &T),
    ) -> Result<Self, ApiError> {
        let json = |it: &T| serde_json::to_string(it).map_err(ApiError::internal);
        let was = was.map(json).transpose()?;
        Ok(Self { file_row, subject, key: key.into(), id, was, became: json(became)? })
    }

    pub(super) fn into_row(self, import_id: Uuid, seq: u32) -> ImportedRow {
        let Self { file_row, subject, key, id, was, became } = self;
        ImportedRow { import_id, seq, file_row, subject, key, subject_id: id, was, became, kept: None }
    }
}

/// Reads what was kept.
///
/// # Errors
/// Our fault (500) where it is not what was written.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    serde_json::from_str(json).map_err(ApiError::internal)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RegionState {
    id: RegionId,
    parent_id: Option<RegionId>,
    code: String,
    name: String,
}

impl From<&reference::Region> for RegionState {
    fn from(it: &reference::Region) -> Self {
        let (code, name) = (it.code.clone(), it.name.clone());
        Self { id: it.region_id, parent_id: it.parent_id, code, name }
    }
}

impl From<RegionState> for reference::Region {
    fn from(it: RegionState) -> Self {
        Self { region_id: it.id, parent_id: it.parent_id, code: it.code, name: it.name }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BranchState {
    id: BranchId,
    region_id: Option<RegionId>,
    code: String,
    name: String,
    latitude_e7: Option<i64>,
    longitude_e7: Option<i64>,
    zone: String,
    target_hundredths: Option<i64>,
    active: bool,
}

impl From<&reference::Branch> for BranchState {
    fn from(it: &reference::Branch) -> Self {
        Self {
            id: it.branch_id,
            region_id: it.region_id,
            code: it.code.clone(),
            name: it.name.clone(),
            latitude_e7: it.latitude_e7,
            longitude_e7: it.longitude_e7,
            zone: it.zone.clone(),
            target_hundredths: it.target_hundredths,
            active: it.active,
        }
    }
}

impl From<BranchState> for reference::Branch {
    fn from(it: BranchState) -> Self {
        Self {
            branch_id: it.id,
            region_id: it.region_id,
            code: it.code,
            name: it.name,
            latitude_e7: it.latitude_e7,
            longitude_e7: it.longitude_e7,
            zone: it.zone,
            target_hundredths: it.target_hundredths,
            active: it.active,
        }
    }
}

/// The values of a branch; `region` tells the code of its region.
pub(super) fn branch_values(it: &reference::Branch, region: Option<&str>) -> Values {
    let degrees = |it: Option<i64>| it.map(|it| decimal::shown(it, 7));
    vec![
        ("name", Some(it.name.clone())),
        ("zone", Some(it.zone.clone())),
        ("region_code", region.map(str::to_owned)),
        ("latitude", degrees(it.latitude_e7)),
        ("longitude", degrees(it.longitude_e7)),
        ("target", it.target_hundredths.map(|it| decimal::shown(it, 2))),
        ("active", Some(it.active.to_string())),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StaffState {
    id: StaffId,
    pub(super) employee_no: String,
    name: String,
    position: String,
    role_factor: Option<String>,
    branch_id: BranchId,
    employed_from: Date,
    employed_to: Option<Date>,
    target_minor: Option<i64>,
}

impl From<&reference::Staff> for StaffState {
    fn from(it: &reference::Staff) -> Self {
        Self {
            id: it.staff_id,
            employee_no: it.employee_no.clone(),
            name: it.name.clone(),
            position: it.position.clone(),
            role_factor: it.role_factor.clone(),
            branch_id: it.branch_id,
            employed_from: it.employed_from,
            employed_to: it.employed_to,
            target_minor: it.target_minor,
        }
    }
}

impl From<StaffState> for reference::Staff {
    fn from(it: StaffState) -> Self {
        Self {
            staff_id: it.id,
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

/// The values of a member of staff; `branch` tells the code of their branch.
pub(super) fn staff_values(it: &reference::Staff, branch: Option<&str>) -> Values {
    vec![
        ("name", Some(it.name.clone())),
        ("position", Some(it.position.clone())),
        ("branch_code", branch.map(str::to_owned)),
        ("employed_from", Some(it.employed_from.to_string())),
        ("employed_to", it.employed_to.map(|it| it.to_string())),
        ("role_factor", it.role_factor.clone()),
        // In minor units, since how many decimals the currency has is the plan's.
        ("target", it.target_minor.map(|it| it.to_string())),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShiftState {
    pub(super) employee_no: String,
    pub(super) staff_id: StaffId,
    pub(super) date: Date,
    pub(super) begins: String,
    ends: String,
    branch_id: BranchId,
}

impl ShiftState {
    pub(super) fn new(employee_no: &str, it: &reference::Shift) -> Self {
        Self {
            employee_no: employee_no.to_owned(),
            staff_id: it.staff_id,
            date: it.work_date,
            begins: it.begins.clone(),
            ends: it.ends.clone(),
            branch_id: it.branch_id,
        }
    }
}

/// A person who was created, with their roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserState {
    pub(super) id: UserId,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) roles: Vec<RoleGrant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KpiState {
    pub(super) id: KpiId,
    pub(super) scope: crate::app::kpis::Scope,
    pub(super) metric: String,
    pub(super) from: Date,
    pub(super) to: Date,
    value: String,
    n: Option<u32>,
    numerator: Option<String>,
    denominator: Option<String>,
    definition: String,
    source: String,
}

impl From<&KpiObservation> for KpiState {
    fn from(it: &KpiObservation) -> Self {
        Self {
            id: it.kpi_id,
            scope: it.scope.into(),
            metric: it.metric.clone(),
            from: it.period_from,
            to: it.period_to,
            value: it.value.clone(),
            n: it.n,
            numerator: it.numerator.clone(),
            denominator: it.denominator.clone(),
            definition: it.definition.clone(),
            source: it.source.clone(),
        }
    }
}

/// Of what, which metric, from when to when.
pub(super) type Figure = (KpiScope, String, Date, Date);

/// What makes two observations one figure: of two, the later is a correction.
pub(super) fn figure(it: &KpiObservation) -> Figure {
    (it.scope, it.metric.clone(), it.period_from, it.period_to)
}

/// The values of an observation.
pub(super) fn kpi_values(it: &KpiObservation) -> Values {
    vec![
        ("value", Some(it.value.clone())),
        ("n", it.n.map(|it| it.to_string())),
        ("numerator", it.numerator.clone()),
        ("denominator", it.denominator.clone()),
        ("definition", Some(it.definition.clone())),
        ("source", Some(it.source.clone())),
    ]
}
