//! Photos that were seen before: the same bytes, or nearly the same look, in this visit or another. Tells a reviewer of the
//! visits that they may review, and only how many others there are.

use crate::{
    error::ApiError,
    evidence::{MAX_DISTANCE, distance, probes},
    principal::{Principal, Reach},
};
use db::{
    Tx, audits,
    blobs::{self, Blob},
    reference,
};
use domain::{access::Permission, ids::AuditId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::Hash;
use utoipa::ToSchema;

/// Most twins of a photo that are told, the nearest first.
const MAX_TWINS: usize = 50;

/// A photo like another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Twin {
    /// By how many of 64 bits their looks differ; 0 for the same bytes too.
    pub distance: u32,
    /// The visit that it is evidence of.
    #[schema(value_type = uuid::Uuid)]
    pub visit: AuditId,
    /// The photo.
    #[schema(value_type = String)]
    pub blob: Hash,
}

/// The twins of a photo.
#[derive(Debug, Clone, Default)]
pub(super) struct Twins {
    pub(super) told: Vec<Twin>,
    /// In visits that the reviewer may not review.
    pub(super) elsewhere: usize,
}

/// The twins of each blob of a visit.
///
/// # Errors
/// Those of the database.
pub(super) fn find(
    tx: &mut Tx<'_>,
    principal: &Principal,
    visit: AuditId,
    attached: &BTreeSet<Hash>,
    stored: &[Blob],
) -> Result<BTreeMap<Hash, Twins>, ApiError> {
    let mut alike: BTreeMap<Hash, Vec<(Hash, u32)>> =
        attached.iter().map(|blob| (*blob, vec![(*blob, 0)])).collect();
    let looks: Vec<(Hash, u64)> = stored.iter().filter_map(|it| Some((it.blob, it.look?))).collect();
    for other in near(tx, principal, &looks)? {
        for (blob, look) in looks.iter().copied() {
            let apart = other.look.map_or(u32::MAX, |it| distance(look, it));
            if other.blob != blob && apart <= MAX_DISTANCE {
                alike.entry(blob).or_default().push((other.blob, apart));
            }
        }
    }
    let named: BTreeSet<Hash> = alike.values().flatten().map(|it| it.0).collect();
    let mut of_blob: BTreeMap<Hash, Vec<AuditId>> = BTreeMap::new();
    for it in blobs::list_audits_of(tx, principal.org, &Vec::from_iter(named))? {
        of_blob.entry(it.blob).or_default().push(it.audit_id);
    }
    let shown = reviewable(tx, principal, of_blob.values().flatten().copied().collect())?;
    let twins = |(blob, likes): (Hash, Vec<(Hash, u32)>)| {
        let mut twins = Twins::default();
        for (other, distance) in likes {
            for audit in of_blob.get(&other).into_iter().flatten().copied() {
                if (audit, other) == (visit, blob) {
                    continue;
                }
                match shown.contains(&audit) {
                    true => twins.told.push(Twin { distance, visit: audit, blob: other }),
                    false => twins.elsewhere += 1,
                }
            }
        }
        twins.told.sort_unstable();
        twins.told.truncate(MAX_TWINS);
        (blob, twins)
    };
    Ok(alike.into_iter().map(twins).collect())
}

/// Photos that may look like some of these, found for all of them at once.
fn near(tx: &mut Tx<'_>, principal: &Principal, looks: &[(Hash, u64)]) -> Result<Vec<Blob>, ApiError> {
    let bands: BTreeSet<u32> = looks.iter().flat_map(|it| probes(it.1)).collect();
    // So many for each of them as a page has.
    let most = u32::try_from(looks.len()).unwrap_or(u32::MAX).saturating_mul(db::MAX_PAGE);
    match bands.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(blobs::find_by_bands(tx, principal.org, &Vec::from_iter(bands), most)?),
    }
}

/// Which of these visits the person may review.
fn reviewable(
    tx: &mut Tx<'_>,
    principal: &Principal,
    visits: BTreeSet<AuditId>,
) -> Result<BTreeSet<AuditId>, ApiError> {
    let reach = principal.reach(tx, Permission::ReviewVisits)?;
    if reach == Reach::Everywhere {
        return Ok(visits);
    }
    let mut shown = BTreeSet::new();
    let visits = Vec::from_iter(visits);
    for ids in visits.chunks(usize::try_from(db::MAX_PAGE).unwrap_or(1)) {
        let rows = audits::find_many(tx, principal.org, ids)?;
        let branches: BTreeSet<_> = rows.iter().map(|it| it.branch_id).collect();
        let regions: BTreeMap<_, _> = reference::find_branches(tx, principal.org, &Vec::from_iter(branches))?
            .into_iter()
            .map(|it| (it.branch_id, it.region_id))
            .collect();
        let holds = |it: &&audits::Audit| {
            regions.get(&it.branch_id).is_some_and(|region| reach.holds(it.branch_id, *region))
        };
        shown.extend(rows.iter().filter(holds).map(|it| it.audit_id));
    }
    Ok(shown)
}
