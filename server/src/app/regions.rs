//! The region tree: put by code, at most a thousand regions, never with a region above itself.

use crate::{
    app::{
        reading::{self, Put, PutRow, Regions, RowProblems, check_code, check_text},
        rights,
    },
    error::ApiError,
    office::Office,
    principal::{Principal, Reach},
};
use db::{Tx, reference};
use domain::access::{Permission, Target};
use domain::ids::{OrgId, RegionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use validator::Validate;

/// Regions of an organization, at most; also the rows of one request.
pub(crate) const MAX_REGIONS: usize = 1_000;

/// A region as it is to be.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionRow {
    /// Its code, by which it is known: unique in the organization.
    #[validate(length(min = 1, max = 60), custom(function = "check_code"))]
    pub code: String,
    /// Its name.
    #[validate(length(min = 1, max = 200), custom(function = "check_text"))]
    pub name: String,
    /// The code of the region above, stored or in the same request; left out, it stays as it is.
    #[serde(default)]
    pub parent_code: Option<String>,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Region {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RegionId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The region above it.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<RegionId>,
}

impl From<reference::Region> for Region {
    fn from(it: reference::Region) -> Self {
        Self { id: it.region_id, code: it.code, name: it.name, parent_id: it.parent_id }
    }
}

/// The regions that somebody sees, by code.
pub(crate) fn list(tx: &mut Tx<'_>, principal: &Principal) -> Result<Vec<Region>, ApiError> {
    let reach = reading::reader_reach(tx, principal)?;
    let all = reference::list_regions(tx, principal.org)?;
    let seen = all.into_iter().filter(|it| match &reach {
        Reach::Everywhere => true,
        Reach::Within { regions, .. } => regions.contains(&it.region_id),
    });
    Ok(seen.map(Region::from).collect())
}

/// Creates one region.
///
/// # Errors
/// `code_taken` (409), those of [`put`].
pub(crate) fn create(tx: &mut Tx<'_>, office: &mut Office, new: &RegionRow) -> Result<PutRow, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    if reference::list_regions(tx, office.org())?.iter().any(|it| it.code == new.code) {
        return Err(ApiError::taken(
            "/code",
            "code_taken",
            format!("Ya hay una región «{}».", new.code),
            format!("there is a region '{}' already", new.code),
        ));
    }
    let done = put(tx, office, std::slice::from_ref(new)).map_err(reading::of_one_row)?;
    done.items.into_iter().next().ok_or_else(|| ApiError::internal("a region that was put is missing"))
}

/// Creates or changes regions by code: all of them or none.
///
/// # Errors
/// `repeated`, `unknown_region`, `region_above_itself` by row (422), `too_many_regions` (409), `forbidden` (403).
pub(crate) fn put(tx: &mut Tx<'_>, office: &mut Office, rows: &[RegionRow]) -> Result<Put, ApiError> {
    office.require(Permission::ManageReference, &Target::Organization)?;
    let org = office.org();
    lock(tx, org)?;
    let (plan, problems) = plan(tx, office, rows)?;
    problems.refuse()?;
    let changes = plan.changes(rows);
    store(tx, office, &plan, &changes)?;
    let created = changes.iter().filter(|it| it.before.is_none()).count();
    let items =
        changes.iter().map(|it| PutRow { id: it.after.region_id.0, code: it.after.code.clone() }).collect();
    let codes: Vec<&str> = rows.iter().map(|it| it.code.as_str()).collect();
    office.record("regions_put", "organization", org, &json!({"created": created, "codes": codes}))?;
    Ok(Put { created, updated: rows.len() - created, items })
}

/// Lets changes of the tree come one after the other: two at once could close a ring that neither sees.
///
/// # Errors
/// Those of the database.
pub(crate) fn lock(tx: &mut Tx<'_>, org: OrgId) -> Result<(), ApiError> {
    Ok(tx.lock(org, "regions")?)
}

/// A region as it is and as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// None for one that is new.
    pub(crate) before: Option<reference::Region>,
    pub(crate) after: reference::Region,
}

/// The whole tree as it would be.
#[derive(Debug)]
pub(crate) struct Plan {
    before: BTreeMap<String, reference::Region>,
    tree: BTreeMap<String, reference::Region>,
}

impl Plan {
    /// What becomes of the regions of these rows.
    pub(crate) fn changes(&self, rows: &[RegionRow]) -> Vec<Change> {
        let of_code = |code: &String| {
            let after = self.tree.get(code)?.clone();
            Some(Change { before: self.before.get(code).cloned(), after })
        };
        rows.iter().filter_map(|it| of_code(&it.code)).collect()
    }

    /// The ids of all regions by code, the new ones among them.
    pub(crate) fn by_code(&self) -> BTreeMap<&str, RegionId> {
        self.tree.values().map(|it| (it.code.as_str(), it.region_id)).collect()
    }
}

/// What rows would make of the tree, and what is wrong with them; stores nothing.
///
/// # Errors
/// `too_many_regions` (409).
pub(crate) fn plan(
    tx: &mut Tx<'_>,
    office: &Office,
    rows: &[RegionRow],
) -> Result<(Plan, RowProblems), ApiError> {
    let before: BTreeMap<String, reference::Region> =
        reference::list_regions(tx, office.org())?.into_iter().map(|it| (it.code.clone(), it)).collect();
    let mut tree = before.clone();
    let mut problems = RowProblems::default();
    problems.tell_repeated("code", rows.iter().map(|it| it.code.as_str()));
    for row in rows {
        let region = tree.entry(row.code.clone()).or_insert_with(|| reference::Region {
            region_id: RegionId(office.new_id()),
            parent_id: None,
            code: row.code.clone(),
            name: String::new(),
        });
        region.name.clone_from(&row.name);
    }
    if tree.len() > MAX_REGIONS {
        return Err(ApiError::conflict(
            "too_many_regions",
            format!("Una organización tiene como máximo {MAX_REGIONS} regiones."),
            format!("an organization has at most {MAX_REGIONS} regions"),
        ));
    }
    place(&mut tree, rows, &mut problems);
    Ok((Plan { before, tree }, problems))
}

/// The tree as it is, with changes that put regions back; refuses none of them.
///
/// # Errors
/// Those of the database.
pub(crate) fn plan_back(tx: &mut Tx<'_>, org: OrgId, changes: &[Change]) -> Result<Plan, ApiError> {
    let before: BTreeMap<String, reference::Region> =
        reference::list_regions(tx, org)?.into_iter().map(|it| (it.code.clone(), it)).collect();
    let mut tree = before.clone();
    tree.extend(changes.iter().map(|it| (it.after.code.clone(), it.after.clone())));
    Ok(Plan { before, tree })
}

/// Hangs every row below its parent and refuses rings.
fn place(tree: &mut BTreeMap<String, reference::Region>, rows: &[RegionRow], problems: &mut RowProblems) {
    for (index, row) in rows.iter().enumerate() {
        let Some(parent) = &row.parent_code else { continue };
        let Some(parent) = tree.get(parent).map(|it| it.region_id) else {
            let es = format!("No existe la región «{parent}».");
            problems.tell(index, "parent_code", "unknown_region", es, format!("no region '{parent}'"));
            continue;
        };
        if let Some(region) = tree.get_mut(&row.code) {
            region.parent_id = Some(parent);
        }
    }
    let parents: BTreeMap<RegionId, Option<RegionId>> =
        tree.values().map(|it| (it.region_id, it.parent_id)).collect();
    for (index, row) in rows.iter().enumerate() {
        if tree.get(&row.code).is_some_and(|it| depth(&parents, it.region_id).is_none()) {
            problems.tell(
                index,
                "parent_code",
                "region_above_itself",
                "La región quedaría por encima de sí misma.",
                "the region would lie above itself",
            );
        }
    }
}

/// Regions above a region; none where they form a ring.
fn depth(parents: &BTreeMap<RegionId, Option<RegionId>>, region: RegionId) -> Option<usize> {
    let above = std::iter::successors(Some(region), |it| parents.get(it).copied().flatten());
    let count = above.take(parents.len() + 1).count();
    (count <= parents.len()).then_some(count)
}

/// Stores regions as they are to be, and tells phones what that means for them.
///
/// # Errors
/// Those of the database.
pub(crate) fn store(
    tx: &mut Tx<'_>,
    office: &Office,
    plan: &Plan,
    changes: &[Change],
) -> Result<(), ApiError> {
    let parents: BTreeMap<RegionId, Option<RegionId>> =
        plan.tree.values().map(|it| (it.region_id, it.parent_id)).collect();
    let mut after: Vec<reference::Region> = changes.iter().map(|it| it.after.clone()).collect();
    // Those above first: the database refuses a region whose parent is not there yet.
    after.sort_by_key(|it| depth(&parents, it.region_id));
    reference::upsert_regions(tx, office.org(), &after)?;
    let is_moved =
        |it: &Change| it.before.as_ref().is_some_and(|before| before.parent_id != it.after.parent_id);
    if changes.iter().any(is_moved) {
        // A role over a region reaches what hangs below it.
        rights::settle_everybody(tx, office.org(), rights::What::Everything, office.now())?;
    }
    Ok(())
}

/// The code of each region, for showing branches.
pub(crate) fn codes(regions: &Regions) -> BTreeMap<RegionId, String> {
    regions.0.iter().map(|it| (it.region_id, it.code.clone())).collect()
}
