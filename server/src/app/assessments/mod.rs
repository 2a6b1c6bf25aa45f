//! Assessments of a branch against a standard: filled from visits, observations and hand ratings, rated by
//! `domain::standard`, stored with everything that went in.

mod fill;
mod gather;
mod sheet;
#[cfg(test)]
mod tests;
mod visits;

pub use fill::Source;
pub(crate) use gather::planned;
pub(crate) use sheet::{StandardSheet, sheet};

use crate::{
    app::{App, period::Period},
    error::ApiError,
    office::Office,
    principal::{Principal, branch_target},
};
use db::{
    Page, Tx,
    content::{self, ContentKind},
    observations::{self, StandardAssessment},
};
use domain::{
    access::{Permission, Target},
    ids::{AssessmentId, BranchId, UserId},
    standard::{CriterionInput, Inputs, Rating, Standard, rate},
    visit_score::Percent,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::Hash;
use utoipa::ToSchema;
use validator::Validate;

/// A standard or a plan by id, and by version where not the newest is meant.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentRef {
    /// Its id: `cem-1000`.
    #[validate(length(min = 1, max = 100))]
    pub id: String,
    /// Its version; the newest released one where it is left out.
    #[serde(default)]
    pub version: Option<u32>,
}

/// An assessment to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssessment {
    /// Against which standard.
    #[validate(nested)]
    pub standard: ContentRef,
    /// Of which period.
    pub period: Period,
    /// What people rated, in the shape of `veedor standard`: every enabler with its dimensions; of results what visits
    /// and observations do not give, or trend, coverage and confirmed cases where they are known better.
    #[validate(length(max = 200))]
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub criteria: Vec<CriterionInput>,
}

/// An assessment as stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Assessment {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AssessmentId,
    /// The branch.
    #[schema(value_type = uuid::Uuid)]
    pub branch: BranchId,
    /// The period.
    pub period: Period,
    /// Hash of the standard's content.
    #[schema(value_type = String)]
    pub standard_hash: Hash,
    /// What went in, criterion by criterion, as `veedor standard` reads it.
    #[schema(value_type = Object)]
    pub inputs: Inputs,
    /// Where each input comes from.
    pub sources: Vec<Source>,
    /// Points, bands, gates and what would lift them.
    #[schema(value_type = Object)]
    pub rating: Rating,
    /// Who assessed.
    #[schema(value_type = uuid::Uuid)]
    pub assessed_by: UserId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub assessed_at: Timestamp,
}

/// An assessment in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AssessmentSummary {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AssessmentId,
    /// The branch.
    #[schema(value_type = uuid::Uuid)]
    pub branch: BranchId,
    /// The standard.
    pub standard: String,
    /// Its version.
    pub version: u32,
    /// The period.
    pub period: Period,
    /// Total after gates, in points.
    pub total: String,
    /// The band.
    pub band: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub assessed_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredInputs {
    inputs: Inputs,
    sources: Vec<Source>,
}

/// Assesses a branch and stores the result.
///
/// # Errors
/// `forbidden`, `not_found`, `unknown_standard` (422), `incomplete_assessment` (422) with what to enter for each
/// criterion that cannot be rated yet.
pub fn assess(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    branch: BranchId,
    new: &NewAssessment,
) -> Result<Assessment, ApiError> {
    office.require(Permission::AssessStandard, &Target::Own)?;
    office.require_at(tx, Permission::AssessStandard, branch)?;
    let period = new.period.checked("/period")?;
    let (standard, standard_hash) = standard(tx, office, &new.standard)?;
    let material = gather::material(tx, app, office.org(), branch, period, new.criteria.clone())?;
    let (inputs, sources) = fill::fill(&standard, &material)?;
    let rating = rate(&standard, &inputs)?;
    let assessment = Assessment {
        id: AssessmentId(office.new_id()),
        branch,
        period,
        standard_hash,
        inputs,
        sources,
        rating,
        assessed_by: office.user().unwrap_or(UserId(office.org().0)),
        assessed_at: Timestamp::from_microsecond(office.now().0).map_err(ApiError::internal)?,
    };
    observations::append_assessment(tx, office.org(), &row(&assessment, office)?)?;
    let rating = &assessment.rating;
    let detail =
        json!({"branch": branch, "standard": standard.id, "total": rating.total, "band": rating.band});
    office.record("standard_assessed", "assessment", assessment.id, &detail)?;
    Ok(assessment)
}

fn standard(tx: &mut Tx<'_>, office: &Office, wanted: &ContentRef) -> Result<(Standard, Hash), ApiError> {
    let found = match wanted.version {
        Some(version) => content::find(tx, office.org(), ContentKind::Standard, &wanted.id, version)?,
        None => content::find_released(tx, office.org(), ContentKind::Standard, &wanted.id)?,
    };
    let found = found.ok_or_else(|| {
        ApiError::field(
            "/standard/id",
            "unknown_standard",
            format!("La organización no tiene el estándar «{}» en esa versión.", wanted.id),
            format!("the organization has no standard \"{}\" of that version", wanted.id),
        )
    })?;
    let standard = serde_json::from_str(&found.canonical_json).map_err(ApiError::internal)?;
    Ok((standard, found.hash))
}

fn row(assessment: &Assessment, office: &Office) -> Result<StandardAssessment, ApiError> {
    let rating = &assessment.rating;
    let inputs = StoredInputs { inputs: assessment.inputs.clone(), sources: assessment.sources.clone() };
    let total = rating.total.value().to_scaled(2);
    Ok(StandardAssessment {
        assessment_id: assessment.id,
        branch_id: assessment.branch,
        standard_id: rating.standard.clone(),
        standard_version: rating.version,
        standard_hash: assessment.standard_hash,
        period_from: assessment.period.from,
        period_to: assessment.period.to,
        inputs: serde_json::to_string(&inputs).map_err(ApiError::internal)?,
        result: serde_json::to_string(rating).map_err(ApiError::internal)?,
        total_hundredths: total.ok_or_else(|| ApiError::internal("a total that does not fit"))?,
        band: rating.band.clone(),
        assessed_by: assessment.assessed_by,
        assessed_at: office.now(),
    })
}

/// One assessment with its inputs and result.
///
/// # Errors
/// `not_found`, `forbidden`.
pub(crate) fn find(tx: &mut Tx<'_>, principal: &Principal, id: AssessmentId) -> Result<Assessment, ApiError> {
    principal.require(Permission::ReadScorecards, &Target::Own)?;
    let nowhere = || ApiError::not_found("la evaluación", "the assessment");
    let found = observations::find_assessment(tx, principal.org, id)?.ok_or_else(nowhere)?;
    let target = branch_target(tx, principal.org, found.branch_id)?;
    principal.require(Permission::ReadScorecards, &target)?;
    let stored: StoredInputs = serde_json::from_str(&found.inputs).map_err(ApiError::internal)?;
    Ok(Assessment {
        id: found.assessment_id,
        branch: found.branch_id,
        period: Period { from: found.period_from, to: found.period_to },
        standard_hash: found.standard_hash,
        inputs: stored.inputs,
        sources: stored.sources,
        rating: serde_json::from_str(&found.result).map_err(ApiError::internal)?,
        assessed_by: found.assessed_by,
        assessed_at: Timestamp::from_microsecond(found.assessed_at.0).map_err(ApiError::internal)?,
    })
}

/// A page of the assessments of a branch, by id.
///
/// # Errors
/// `not_found`, `forbidden`.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    branch: BranchId,
    after: Option<AssessmentId>,
    limit: u32,
) -> Result<Page<AssessmentSummary, AssessmentId>, ApiError> {
    principal.require(Permission::ReadScorecards, &Target::Own)?;
    let target = branch_target(tx, principal.org, branch)?;
    principal.require(Permission::ReadScorecards, &target)?;
    let page = observations::list_assessments(tx, principal.org, Some(branch), after, limit)?;
    Ok(Page { items: page.items.into_iter().map(summary).collect(), next: page.next })
}

fn summary(it: StandardAssessment) -> AssessmentSummary {
    AssessmentSummary {
        id: it.assessment_id,
        branch: it.branch_id,
        standard: it.standard_id,
        version: it.standard_version,
        period: Period { from: it.period_from, to: it.period_to },
        total: Percent::from_units(it.total_hundredths).to_string(),
        band: it.band,
        assessed_at: Timestamp::from_microsecond(it.assessed_at.0).unwrap_or_default(),
    }
}
