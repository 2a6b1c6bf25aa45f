//! Which branches a list or a figure covers: what was asked for, within what the person reaches.

use crate::{
    error::ApiError,
    principal::{Principal, Reach},
};
use db::{Tx, reference::Branch};
use domain::{
    access::Permission,
    ids::{BranchId, OrgId, RegionId},
};
use std::collections::BTreeSet;

/// Every branch of an organization, by id.
///
/// # Errors
/// Those of the database.
pub(crate) fn all(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Branch>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = db::reference::list_branches(tx, org, None, after, db::MAX_PAGE)?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// A region and every region below it.
///
/// # Errors
/// `not_found` for a region that the organization does not have.
pub(crate) fn regions_from(
    tx: &mut Tx<'_>,
    org: OrgId,
    region: RegionId,
) -> Result<BTreeSet<RegionId>, ApiError> {
    let regions = db::reference::list_regions(tx, org)?;
    if !regions.iter().any(|it| it.region_id == region) {
        return Err(ApiError::not_found("la región", "the region"));
    }
    let mut within = BTreeSet::from([region]);
    loop {
        let below = regions.iter().filter(|it| it.parent_id.is_some_and(|it| within.contains(&it)));
        let below: Vec<RegionId> = below.map(|it| it.region_id).filter(|it| !within.contains(it)).collect();
        if below.is_empty() {
            return Ok(within);
        }
        within.extend(below);
    }
}

/// The branches within reach, of one region where it is given; none for all of the organization.
///
/// # Errors
/// `forbidden` for a branch that the person does not reach; `not_found` for one that is not there.
pub(crate) fn covered(
    tx: &mut Tx<'_>,
    principal: &Principal,
    reach: &Reach,
    branch: Option<BranchId>,
    region: Option<RegionId>,
) -> Result<Option<Vec<BranchId>>, ApiError> {
    if let Some(branch) = branch {
        let found = db::reference::find_branch(tx, principal.org, branch)?
            .ok_or_else(|| ApiError::not_found("la sucursal", "the branch"))?;
        if !reach.holds(branch, found.region_id) {
            return Err(ApiError::forbidden(Permission::ReadPublishedVisits.as_str()));
        }
        return Ok(Some(vec![branch]));
    }
    if *reach == Reach::Everywhere && region.is_none() {
        return Ok(None);
    }
    let regions = region.map(|it| regions_from(tx, principal.org, it)).transpose()?;
    let asked =
        |it: Option<RegionId>| regions.as_ref().is_none_or(|all| it.is_some_and(|it| all.contains(&it)));
    let all = all(tx, principal.org)?;
    let within = all.into_iter().filter(|it| reach.holds(it.branch_id, it.region_id) && asked(it.region_id));
    Ok(Some(within.map(|it| it.branch_id).collect()))
}
