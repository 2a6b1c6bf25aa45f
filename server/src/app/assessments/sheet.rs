//! The assessment of a branch as a page lays it out: the standard with its words, what it was rated, and the assessments before.

use super::{Assessment, AssessmentSummary, find, summary};
use crate::{
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{
    Tx,
    content::{self, ContentKind},
    observations,
    reference::Branch,
};
use domain::{
    access::{Permission, Target},
    ids::{AssessmentId, BranchId, OrgId},
    lifecycle::VersionState,
    standard::Standard,
};

/// A branch against a standard.
#[derive(Debug, Clone)]
pub(crate) struct StandardSheet {
    pub(crate) branch: Branch,
    /// The standard that it was assessed by, else the newest released one; none where there is none.
    pub(crate) standard: Option<Standard>,
    /// The assessment asked for, else the newest; none before the first.
    pub(crate) shown: Option<Assessment>,
    /// Every assessment, newest first.
    pub(crate) all: Vec<AssessmentSummary>,
    /// Whether the reader may assess the branch.
    pub(crate) may_assess: bool,
}

/// A branch against a standard, for somebody who reads its figures.
///
/// # Errors
/// `not_found` (404) for a branch or an assessment that is not there, `forbidden` (403).
pub(crate) fn sheet(
    tx: &mut Tx<'_>,
    principal: &Principal,
    branch: BranchId,
    asked: Option<AssessmentId>,
) -> Result<StandardSheet, ApiError> {
    principal.require(Permission::ReadScorecards, &Target::Own)?;
    let org = principal.org;
    let at = branch_target(tx, org, branch)?;
    principal.require(Permission::ReadScorecards, &at)?;
    let nowhere = || ApiError::not_found("la sucursal", "the branch");
    let found = db::reference::find_branch(tx, org, branch)?.ok_or_else(nowhere)?;
    let all = assessments_of(tx, org, branch)?;
    let shown = asked.or_else(|| all.first().map(|it| it.id));
    let shown = shown.map(|id| find(tx, principal, id)).transpose()?;
    if shown.as_ref().is_some_and(|it| it.branch != branch) {
        return Err(ApiError::not_found("la evaluación", "the assessment"));
    }
    let standard = match &shown {
        Some(it) => content::find(tx, org, ContentKind::Standard, &it.rating.standard, it.rating.version)?,
        None => {
            let mut released = content::list(tx, org, ContentKind::Standard)?.into_iter();
            released.rfind(|it| it.state == VersionState::Released)
        }
    };
    let standard = standard
        .map(|it| serde_json::from_str(&it.canonical_json))
        .transpose()
        .map_err(ApiError::internal)?;
    let may_assess = principal.may(Permission::AssessStandard, &at);
    Ok(StandardSheet { branch: found, standard, shown, all, may_assess })
}

fn assessments_of(tx: &mut Tx<'_>, org: OrgId, branch: BranchId) -> Result<Vec<AssessmentSummary>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = observations::list_assessments(tx, org, Some(branch), after, db::MAX_PAGE)?;
        all.extend(page.items.into_iter().map(summary));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    all.reverse();
    Ok(all)
}
