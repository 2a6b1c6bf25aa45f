//! All branches of a period at once: who stands where, how sure that is, and how hard each group of auditors judges.

use super::{rows, span, without_points};
use crate::{
    app::{
        period::Period,
        visits::branches::{all, covered},
    },
    error::ApiError,
    principal::Principal,
};
use db::{
    Tx,
    content::{self, ContentKind},
    reference::{Branch, Region},
    scores::ScoredVisit as Row,
};
use domain::{
    LocalText, Rounded,
    access::{Permission, Target},
    checklist::Checklist,
    ids::{BranchId, OrgId, RegionId, UserId},
    scorecard::{
        Figure, Index, League, ScoredVisit, Settings, Severity, Shrinkage, Standing, league, scorecard,
        severity,
    },
    visit_score::Percent,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use utoipa::ToSchema;

/// The login under which an import keeps visits whose auditor nobody knows; left out of severity (SYNC.md 2.12).
const UNASSIGNED: &str = "unassigned";

/// The network in a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NetworkScorecard {
    /// The period.
    pub period: Period,
    /// The region that it was narrowed to.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub region: Option<RegionId>,
    /// Visits counted.
    pub n: u32,
    /// Mean of all visits with its interval.
    #[schema(value_type = Option<Object>)]
    pub index: Option<Index>,
    /// Visits with a critical failure, with the Wilson interval.
    #[schema(value_type = Option<Object>)]
    pub critical_rate: Option<Figure>,
    /// Standard deviation between visits.
    #[schema(value_type = Option<Object>)]
    pub consistency: Option<Figure>,
    /// What the shrinkage rests on.
    #[schema(value_type = Option<Object>)]
    pub shrinkage: Option<Shrinkage>,
    /// Visits by band, lowest band first.
    pub bands: Vec<BandCount>,
    /// The regions from the top down to the one that it was narrowed to.
    pub within: Vec<RegionName>,
    /// Regions with visits directly below, by name; each with all that lies below it.
    pub regions: Vec<RegionRow>,
    /// Branches with visits, best first by shrunken score.
    pub branches: Vec<BranchRow>,
    /// Each auditor or group against the others in the same branches; only for those who may see auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Vec<AuditorSeverity>>,
}

/// How many visits fell into a band.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BandCount {
    /// The band.
    pub id: String,
    /// Its name.
    #[schema(value_type = Object)]
    pub title: LocalText,
    /// Visits.
    pub visits: u32,
}

/// A region by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegionName {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: RegionId,
    /// Its name.
    pub name: String,
}

/// A region with what the visits below it come to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegionRow {
    /// The region.
    #[serde(flatten)]
    pub region: RegionName,
    /// Visits counted.
    pub n: u32,
    /// Branches with visits.
    pub branches: u32,
    /// Mean of the visits with its interval.
    #[schema(value_type = Object)]
    pub index: Index,
    /// Visits with a critical failure.
    pub critical_visits: u32,
}

/// A branch in the network.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BranchRow {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: BranchId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Visits counted.
    pub n: u32,
    /// Mean of its visits.
    #[schema(value_type = String)]
    pub index: Rounded,
    /// The 95 % interval of the mean; none for a single visit.
    #[schema(value_type = Option<Vec<String>>)]
    pub interval: Option<[Rounded; 2]>,
    /// Whether it rests on a single visit.
    pub single_visit: bool,
    /// Its index, drawn towards the mean of all as far as it rests on few visits.
    #[schema(value_type = String)]
    pub shrunken: Rounded,
    /// Its rank on the shrunken score; hidden below the least number of visits.
    pub rank: Option<u32>,
    /// Visits with a critical failure.
    pub critical_visits: u32,
}

/// How one auditor or group judges.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditorSeverity {
    /// Their name.
    pub name: String,
    /// The figures; below 0 is harsher than the others in the same branches.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub severity: Severity,
}

/// The network in a period, within what the person reaches.
///
/// # Errors
/// `forbidden` for somebody who reads no scorecards; `not_found` for an unknown region.
pub fn network(
    tx: &mut Tx<'_>,
    principal: &Principal,
    period: Period,
    region: Option<RegionId>,
) -> Result<NetworkScorecard, ApiError> {
    let reach = principal.reach(tx, Permission::ReadScorecards)?;
    let branches = covered(tx, principal, &reach, None, region)?;
    let rows = rows(tx, principal.org, branches.as_deref(), period)?;
    let visits: Vec<ScoredVisit> = rows.iter().map(without_points).collect();
    let settings = Settings::over(span(period));
    let found = league(&visits, &settings);
    let sees_auditors = principal.may(Permission::SeeAuditors, &Target::Organization);
    let severity = if sees_auditors { Some(severities(tx, principal.org, &rows, &settings)?) } else { None };
    let names = all(tx, principal.org)?;
    let tree = db::reference::list_regions(tx, principal.org)?;
    let regions = regions(&tree, region, (&names, &rows), &settings);
    let table = table(&names, &rows, &found);
    let League { network, shrinkage, .. } = found;
    Ok(NetworkScorecard {
        period,
        region,
        n: network.n,
        index: network.index,
        critical_rate: network.critical_rate,
        consistency: network.consistency,
        shrinkage,
        bands: bands(tx, principal.org, &rows)?,
        within: path(&tree, region),
        regions,
        branches: table,
        severity,
    })
}

/// The branches in the order of their standing; without one (fewer than two branches) by id.
fn table(all: &[Branch], rows: &[Row], found: &League) -> Vec<BranchRow> {
    let names: BTreeMap<String, &Branch> = all.iter().map(|it| (it.branch_id.to_string(), it)).collect();
    let critical = critical_visits(rows);
    let row = |branch: &str, index: &Index, standing: Option<&Standing>| {
        let branch = names.get(branch)?;
        Some(BranchRow {
            id: branch.branch_id,
            code: branch.code.clone(),
            name: branch.name.clone(),
            n: index.figure.n,
            index: index.figure.value.clone(),
            interval: index.figure.interval.clone(),
            single_visit: index.single_visit,
            shrunken: standing.map_or_else(|| index.figure.value.clone(), |it| it.shrunken.clone()),
            rank: standing.and_then(|it| it.rank),
            critical_visits: critical.get(&branch.branch_id).copied().unwrap_or_default(),
        })
    };
    if found.standings.is_empty() {
        return found.indexes.iter().filter_map(|(branch, it)| row(branch, it, None)).collect();
    }
    let ranked = found.standings.iter();
    ranked.filter_map(|it| row(&it.branch, found.indexes.get(&it.branch)?, Some(it))).collect()
}

/// The regions from the top down to one.
fn path(tree: &[Region], of: Option<RegionId>) -> Vec<RegionName> {
    let (mut path, mut next) = (Vec::new(), of);
    // A region is never below itself; the bound is for a database that says so.
    while let Some(found) = next.and_then(|id| tree.iter().find(|it| it.region_id == id)) {
        if path.len() > tree.len() {
            break;
        }
        path.push(RegionName { id: found.region_id, name: found.name.clone() });
        next = found.parent_id;
    }
    path.reverse();
    path
}

/// The child of a region (or of the top) that each region lies in.
fn children(tree: &[Region], of: Option<RegionId>) -> BTreeMap<RegionId, RegionId> {
    let mut child_of: BTreeMap<RegionId, RegionId> =
        tree.iter().filter(|it| it.parent_id == of).map(|it| (it.region_id, it.region_id)).collect();
    loop {
        let below = tree.iter().filter(|it| !child_of.contains_key(&it.region_id)).filter_map(|it| {
            let child = child_of.get(&it.parent_id?)?;
            Some((it.region_id, *child))
        });
        let below: Vec<(RegionId, RegionId)> = below.collect();
        if below.is_empty() {
            return child_of;
        }
        child_of.extend(below);
    }
}

fn regions(
    tree: &[Region],
    of: Option<RegionId>,
    (all, rows): (&[Branch], &[Row]),
    settings: &Settings,
) -> Vec<RegionRow> {
    let child_of = children(tree, of);
    let lies_in: BTreeMap<BranchId, RegionId> =
        all.iter().filter_map(|it| Some((it.branch_id, *child_of.get(&it.region_id?)?))).collect();
    let mut held: BTreeMap<RegionId, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(child) = lies_in.get(&row.branch_id) {
            held.entry(*child).or_default().push(row);
        }
    }
    let row = |region: &Region| {
        let rows = held.get(&region.region_id)?;
        let visits: Vec<ScoredVisit> = rows.iter().map(|it| without_points(it)).collect();
        let card = scorecard(&region.code, &visits.iter().collect::<Vec<_>>(), settings);
        let branches: BTreeSet<BranchId> = rows.iter().map(|it| it.branch_id).collect();
        let critical = rows.iter().filter(|it| it.critical_failed > 0).count();
        Some(RegionRow {
            region: RegionName { id: region.region_id, name: region.name.clone() },
            n: card.n,
            branches: u32::try_from(branches.len()).unwrap_or(u32::MAX),
            index: card.index?,
            critical_visits: u32::try_from(critical).unwrap_or(u32::MAX),
        })
    };
    let mut found: Vec<RegionRow> = tree.iter().filter_map(row).collect();
    found.sort_by(|one, other| (&one.region.name, one.region.id).cmp(&(&other.region.name, other.region.id)));
    found
}

fn critical_visits(rows: &[Row]) -> BTreeMap<BranchId, u32> {
    let mut counted: BTreeMap<BranchId, u32> = BTreeMap::new();
    for row in rows.iter().filter(|it| it.critical_failed > 0) {
        let count = counted.entry(row.branch_id).or_default();
        *count = count.saturating_add(1);
    }
    counted
}

fn bands(tx: &mut Tx<'_>, org: OrgId, rows: &[Row]) -> Result<Vec<BandCount>, ApiError> {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for band in rows.iter().filter_map(|it| it.band.as_deref()) {
        let count = counted.entry(band).or_default();
        *count = count.saturating_add(1);
    }
    let templates: BTreeSet<(&str, u32)> =
        rows.iter().map(|it| (it.template_id.as_str(), it.template_version)).collect();
    let mut titles: BTreeMap<String, (Percent, LocalText)> = BTreeMap::new();
    for (id, version) in templates {
        let Some(stored) = content::find(tx, org, ContentKind::Checklist, id, version)? else { continue };
        let checklist: Checklist =
            serde_json::from_str(&stored.canonical_json).map_err(ApiError::internal)?;
        for band in checklist.scoring.bands {
            let min = Percent::from_units(band.min.to_scaled(2).unwrap_or_default());
            titles.entry(band.id).or_insert((min, LocalText::new(band.es, band.en)));
        }
    }
    let mut bands: Vec<(Percent, BandCount)> = counted
        .into_iter()
        .map(|(id, visits)| {
            let (min, title) = titles.get(id).cloned().unwrap_or_default();
            (min, BandCount { id: id.to_owned(), title, visits })
        })
        .collect();
    bands.sort_by_key(|it| it.0);
    Ok(bands.into_iter().map(|(_, it)| it).collect())
}

fn severities(
    tx: &mut Tx<'_>,
    org: OrgId,
    rows: &[Row],
    settings: &Settings,
) -> Result<Vec<AuditorSeverity>, ApiError> {
    let mut names: BTreeMap<UserId, Option<String>> = BTreeMap::new();
    for row in rows {
        if let Entry::Vacant(unread) = names.entry(row.auditor_id) {
            let user = db::users::find(tx, org, row.auditor_id)?;
            unread.insert(user.filter(|it| it.login != UNASSIGNED).map(|it| it.name));
        }
    }
    let known = |row: &Row| names.get(&row.auditor_id).is_some_and(Option::is_some);
    let visits: Vec<ScoredVisit> = rows
        .iter()
        .map(|row| ScoredVisit {
            auditor: known(row).then(|| row.auditor_id.to_string()),
            ..without_points(row)
        })
        .collect();
    let by_id: BTreeMap<String, String> =
        names.into_iter().filter_map(|(id, name)| Some((id.to_string(), name?))).collect();
    let found = severity(&visits, &settings.level).into_iter().map(|severity| AuditorSeverity {
        name: by_id.get(&severity.auditor).cloned().unwrap_or_default(),
        severity,
    });
    Ok(found.collect())
}
