//! KPI observations: figures of service and of what customers said, entered with their definition, their sample and
//! their source. Appended, never edited: a correction is a later observation of the same scope, metric and period.

pub(crate) mod metrics;

use crate::{
    app::period::Period,
    error::ApiError,
    office::Office,
    principal::{Principal, branch_target},
};
use db::{
    Page, Tx,
    observations::{self, KpiFilter, KpiObservation, KpiScope},
};
use domain::{
    Exact, FieldProblem,
    access::{Permission, Target},
    ids::{BranchId, KpiId, OrgId, RegionId, StaffId},
    problem::pointer,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use validator::Validate;

/// Of what something was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Scope {
    /// The whole organization.
    Organization,
    /// A region.
    #[schema(value_type = uuid::Uuid)]
    Region(RegionId),
    /// A branch.
    #[schema(value_type = uuid::Uuid)]
    Branch(BranchId),
    /// A member of staff.
    #[schema(value_type = uuid::Uuid)]
    Staff(StaffId),
}

impl From<Scope> for KpiScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Organization => Self::Organization,
            Scope::Region(id) => Self::Region(id),
            Scope::Branch(id) => Self::Branch(id),
            Scope::Staff(id) => Self::Staff(id),
        }
    }
}

impl From<KpiScope> for Scope {
    fn from(scope: KpiScope) -> Self {
        match scope {
            KpiScope::Organization => Self::Organization,
            KpiScope::Region(id) => Self::Region(id),
            KpiScope::Branch(id) => Self::Branch(id),
            KpiScope::Staff(id) => Self::Staff(id),
        }
    }
}

/// An observation to be entered.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObservation {
    /// Of what.
    pub scope: Scope,
    /// What: `csat_t2b`, `fcr`, `nps`...
    #[validate(length(min = 1, max = 60))]
    pub metric: String,
    /// How it was measured, in words: question, scale, filter.
    #[validate(length(min = 1, max = 1000))]
    pub definition: String,
    /// When.
    pub period: Period,
    /// Its value, a decimal; left out where numerator and denominator give it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub value: Option<Exact>,
    /// How many answers or cases it counts.
    #[serde(default)]
    pub n: Option<u32>,
    /// Cases that count, of a share.
    #[serde(default)]
    pub numerator: Option<u32>,
    /// All cases, of a share.
    #[serde(default)]
    pub denominator: Option<u32>,
    /// Who measured it: the system, the survey.
    #[validate(length(min = 1, max = 300))]
    pub source: String,
}

/// Observations to be entered together: all or none.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObservations {
    /// Up to 1000.
    #[validate(length(min = 1, max = 1000), nested)]
    pub observations: Vec<NewObservation>,
}

/// Their ids, in the order given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Entered {
    /// One for each.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub ids: Vec<KpiId>,
}

/// An observation as entered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Observation {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: KpiId,
    /// Of what.
    pub scope: Scope,
    /// What.
    pub metric: String,
    /// How it was measured.
    pub definition: String,
    /// When.
    pub period: Period,
    /// Its value.
    pub value: String,
    /// How many it counts.
    pub n: Option<u32>,
    /// Cases that count.
    pub numerator: Option<String>,
    /// All cases.
    pub denominator: Option<String>,
    /// Who measured it.
    pub source: String,
    /// When it was entered.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
}

/// Enters observations.
///
/// # Errors
/// `forbidden`, `invalid_input` with every offending field.
pub fn enter(tx: &mut Tx<'_>, office: &mut Office, new: &NewObservations) -> Result<Entered, ApiError> {
    office.require(Permission::EnterKpis, &Target::Own)?;
    let mut problems = Vec::new();
    let mut rows = Vec::with_capacity(new.observations.len());
    for (index, it) in new.observations.iter().enumerate() {
        let at = pointer("/observations", index);
        require(tx, office, it.scope, &at, &mut problems)?;
        if let Some(row) = checked(office, it, &at, &mut problems) {
            rows.push(row);
        }
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    observations::append_kpis(tx, office.org(), &rows)?;
    let ids: Vec<KpiId> = rows.iter().map(|it| it.kpi_id).collect();
    let metrics: Vec<_> =
        rows.iter().map(|it| json!({"id": it.kpi_id, "metric": it.metric, "value": it.value})).collect();
    office.record("kpis_entered", "organization", office.org(), &json!({"observations": metrics}))?;
    Ok(Entered { ids })
}

/// Whether the person may enter observations of a scope; one that the organization does not have is told under `at`.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn require(
    tx: &mut Tx<'_>,
    office: &Office,
    scope: Scope,
    at: &str,
    problems: &mut Vec<FieldProblem>,
) -> Result<(), ApiError> {
    let org = office.org();
    let branch = match scope {
        Scope::Organization => return office.require(Permission::EnterKpis, &Target::Organization),
        Scope::Region(region) => {
            if db::reference::find_region(tx, org, region)?.is_none() {
                problems.push(unknown_scope(at));
            }
            return office.require(Permission::EnterKpis, &Target::Organization);
        }
        Scope::Branch(branch) => db::reference::find_branch(tx, org, branch)?.map(|it| it.branch_id),
        Scope::Staff(staff) => db::reference::find_staff(tx, org, staff)?.map(|it| it.branch_id),
    };
    match branch {
        None => problems.push(unknown_scope(at)),
        Some(branch) => office.require_at(tx, Permission::EnterKpis, branch)?,
    }
    Ok(())
}

fn unknown_scope(at: &str) -> FieldProblem {
    FieldProblem::new(
        format!("{at}/scope/id"),
        "unknown_scope",
        "La organización no tiene esa región, sucursal o persona.",
        "the organization has no such region, branch or member of staff",
    )
}

/// An observation as it is stored; what is wrong with it is told under `at`.
pub(crate) fn checked(
    office: &Office,
    new: &NewObservation,
    at: &str,
    problems: &mut Vec<FieldProblem>,
) -> Option<KpiObservation> {
    if let Err(error) = new.period.checked(&format!("{at}/period")) {
        problems.extend(error.problem().errors.clone());
    }
    let value = match value(new) {
        Ok(value) => value,
        Err((field, es, en)) => {
            problems.push(FieldProblem::new(format!("{at}/{field}"), "value_and_ratio", es, en));
            return None;
        }
    };
    problems.extend(metrics::problems(at, &new.metric, &value));
    Some(KpiObservation {
        kpi_id: KpiId(office.new_id()),
        scope: new.scope.into(),
        metric: new.metric.clone(),
        definition: new.definition.clone(),
        period_from: new.period.from,
        period_to: new.period.to,
        value: value.to_string(),
        n: new.n.or(new.denominator),
        numerator: new.numerator.map(|it| it.to_string()),
        denominator: new.denominator.map(|it| it.to_string()),
        source: new.source.clone(),
        observed_at: office.now(),
        entered_by: office.user().unwrap_or(domain::ids::UserId(office.org().0)),
    })
}

/// The value as given, or the quotient of a share; both together have to agree to 4 decimals.
fn value(new: &NewObservation) -> Result<Exact, (&'static str, &'static str, &'static str)> {
    let quotient = match (new.numerator, new.denominator) {
        (Some(part), Some(whole)) if part <= whole => Exact::from(part).checked_div(&Exact::from(whole)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(("numerator", "No puede pasar del denominador.", "cannot exceed the denominator"));
        }
        _ => {
            return Err((
                "denominator",
                "Numerador y denominador van juntos.",
                "numerator and denominator go together",
            ));
        }
    };
    match (&new.value, quotient) {
        (Some(value), Some(quotient)) if value.round_half_up(4) != quotient.round_half_up(4) => {
            Err(("value", "No es numerador entre denominador.", "is not numerator over denominator"))
        }
        (_, Some(quotient)) => Ok(quotient),
        (Some(value), None) => Ok(value.clone()),
        (None, None) => Err((
            "value",
            "Falta el valor, o numerador y denominador.",
            "the value, or numerator and denominator, is missing",
        )),
    }
}

/// A page of the observations that a person may see, by id.
///
/// # Errors
/// `forbidden`; somebody who reads only some branches has to ask for one of them.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    filter: KpiFilter,
    after: Option<KpiId>,
    limit: u32,
) -> Result<Page<Observation, KpiId>, ApiError> {
    let target = match filter.scope {
        Some(KpiScope::Branch(branch)) => branch_target(tx, principal.org, branch)?,
        _ => Target::Organization,
    };
    principal
        .require(Permission::ReadScorecards, &target)
        .or_else(|error| principal.require(Permission::EnterKpis, &target).map_err(|_| error))?;
    let page = observations::list_kpis(tx, principal.org, &filter, after, limit)?;
    Ok(Page { items: page.items.into_iter().map(shown).collect(), next: page.next })
}

fn shown(it: KpiObservation) -> Observation {
    Observation {
        id: it.kpi_id,
        scope: it.scope.into(),
        metric: it.metric,
        definition: it.definition,
        period: Period { from: it.period_from, to: it.period_to },
        value: it.value,
        n: it.n,
        numerator: it.numerator,
        denominator: it.denominator,
        source: it.source,
        observed_at: Timestamp::from_microsecond(it.observed_at.0).unwrap_or_default(),
    }
}

/// The observations of a scope whose period lies within the one asked, by metric: of each period the last one entered,
/// since a correction is a later observation. What is of the whole period comes before what is of part of it.
///
/// # Errors
/// Those of the database.
pub(crate) fn of_period(
    tx: &mut Tx<'_>,
    org: OrgId,
    scope: Scope,
    period: Period,
) -> Result<BTreeMap<String, KpiObservation>, ApiError> {
    let filter =
        KpiFilter { scope: Some(scope.into()), metric: None, from: Some(period.from), to: Some(period.to) };
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let page = observations::list_kpis(tx, org, &filter, after, db::MAX_PAGE)?;
        for it in
            page.items.into_iter().filter(|it| it.period_from >= period.from && it.period_to <= period.to)
        {
            let better = |other: &KpiObservation| rank(&it) >= rank(other);
            if found.get(&it.metric).is_none_or(better) {
                found.insert(it.metric.clone(), it);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn rank(it: &KpiObservation) -> (u32, domain::Date, db::Micros, KpiId) {
    (it.period_from.days_through(it.period_to), it.period_to, it.observed_at, it.kpi_id)
}
