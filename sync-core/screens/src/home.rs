//! The first screen: what is to be visited, what was begun, and whether all of it is safe.

use device::{AuditSummary, Device, DeviceError, Offer, Status};
use domain::{
    LocalText,
    ids::{AssignmentId, audit_of_assignment},
};
use ordered::{BTreeMap, Entry};
use serde::{Deserialize, Serialize};
use sync_core::{
    Hash,
    reference::{AssignmentRow, BranchRow},
};
use uuid::Uuid;

/// Most visits that one screen lists.
pub(crate) const LISTED: u32 = 2_000;

/// The first screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Home {
    /// What is offered or accepted and not begun, by the last day of its window.
    pub assignments: Vec<AssignmentCard>,
    /// What was begun, the newest first; what is returned before all others.
    pub visits: Vec<VisitCard>,
    /// Branches on this phone, which can be visited unplanned too.
    pub branches: Vec<BranchFacts>,
    /// Checklists on this phone.
    pub checklists: Vec<ChecklistCard>,
    /// Whether all is on the server.
    pub sync: SyncState,
}

/// Whether what this phone holds is on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SyncState {
    /// Edits that are not on the server.
    pub edits: u64,
    /// Photos that are not on the server.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Reports of incidents that are not on the server.
    pub incidents: u64,
    /// Photos that are lost, or that the server refused.
    pub lost: u64,
    /// Pictures as the camera gave them that wait for a line that costs nothing; they are not among the photos.
    pub originals: u64,
    /// Their bytes.
    pub original_bytes: u64,
    /// Such pictures that did not fit on this phone, or went to make room for photos, of visits that are not settled.
    pub originals_let_go: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// Own edits that wait for a person in the office, by reason.
    pub set_aside: BTreeMap<String, u64>,
    /// Why this phone may read no longer (`device_revoked`, `user_ended`); none where it may.
    pub ended: Option<String>,
}

impl SyncState {
    pub(crate) fn of(status: &Status) -> Self {
        Self {
            edits: status.pending_ops,
            photos: status.unsent.photos,
            bytes: status.unsent.bytes,
            incidents: status.pending_incidents,
            lost: status.unsent.lost,
            originals: status.originals.waiting,
            original_bytes: status.originals.bytes,
            originals_let_go: status.originals.let_go,
            conflicts: status.conflicts,
            set_aside: status.set_aside.clone(),
            ended: status.ended.clone(),
        }
    }
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BranchFacts {
    /// Its id.
    pub id: String,
    /// Its code in the organization.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its address for people.
    pub address: Option<String>,
    /// IANA time zone.
    pub zone: Option<String>,
    /// Latitude in 1e-7 degrees.
    pub lat_e7: Option<i64>,
    /// Longitude in 1e-7 degrees.
    pub lon_e7: Option<i64>,
}

impl From<&BranchRow> for BranchFacts {
    fn from(row: &BranchRow) -> Self {
        Self {
            id: row.id.to_string(),
            code: row.code.clone(),
            name: row.name.clone(),
            address: row.address.clone(),
            zone: row.zone.clone(),
            lat_e7: row.lat_e7,
            lon_e7: row.lon_e7,
        }
    }
}

/// A checklist in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChecklistCard {
    /// The hash of its content.
    pub hash: String,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// Its name; none where this version of the app cannot read it.
    pub title: Option<LocalText>,
}

/// An assignment in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssignmentCard {
    /// Its id.
    pub id: String,
    /// Where; none where the branch is not on this phone yet.
    pub branch: Option<BranchFacts>,
    /// The checklist's name; none where it is not on this phone, or too new for this version of the app.
    pub title: Option<LocalText>,
    /// Whether the checklist is on this phone but of a later version of the app.
    pub too_new: bool,
    /// `offered`, `accepted`, ...
    pub state: String,
    /// First local date of the window.
    pub from: Option<String>,
    /// Last local date of the window.
    pub to: Option<String>,
    /// Instructions for people.
    pub notes: Option<String>,
    /// What was answered to the offer on this phone: `accepted` or `declined`.
    pub word: Option<String>,
    /// Whether the office has heard it.
    pub sent: bool,
    /// Why it did not stand: somebody else was faster, or the office took the offer back.
    pub refused: Option<LocalText>,
}

/// A visit in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VisitCard {
    /// Its id.
    pub visit: String,
    /// Where.
    pub branch: Option<BranchFacts>,
    /// The checklist's name.
    pub title: Option<LocalText>,
    /// `draft`, `submitted`, `returned`, `approved`, `rejected` or `void`.
    pub phase: String,
    /// Round, from 1.
    pub round: u32,
    /// Fields with an answer.
    pub answered: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// Photos that are not on the server.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos that are lost, or that the server refused.
    pub lost: u64,
    /// Last local date of its window.
    pub to: Option<String>,
}

/// What lists name: branches and titles, read once.
pub(crate) struct Names {
    branches: BTreeMap<Uuid, BranchFacts>,
    titles: BTreeMap<Hash, Option<LocalText>>,
}

impl Names {
    pub(crate) fn of(device: &mut Device, hashes: impl Iterator<Item = Hash>) -> Result<Self, DeviceError> {
        let branches = device.branches()?.iter().map(|it| (it.id, BranchFacts::from(it))).collect();
        let mut titles = BTreeMap::new();
        for hash in hashes {
            if let Entry::Vacant(place) = titles.entry(hash) {
                place.insert(title(device, &hash)?);
            }
        }
        Ok(Self { branches, titles })
    }

    pub(crate) fn branch(&self, id: Option<Uuid>) -> Option<BranchFacts> {
        self.branches.get(&id?).cloned()
    }

    pub(crate) fn title(&self, hash: Option<Hash>) -> Option<LocalText> {
        self.titles.get(&hash?).cloned().flatten()
    }
}

/// The name of a checklist; none where it is not here, or not readable by this version of the app.
fn title(device: &mut Device, hash: &Hash) -> Result<Option<LocalText>, DeviceError> {
    match device.template(hash) {
        Ok(template) => Ok(Some(template.checklist().title.clone())),
        Err(DeviceError::Problem(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

fn assignment(offer: &Offer, names: &Names, here: &[Hash]) -> AssignmentCard {
    let row = &offer.assignment;
    let title = names.title(Some(row.content_hash));
    AssignmentCard {
        id: row.id.to_string(),
        branch: names.branch(Some(row.branch)),
        too_new: title.is_none() && here.contains(&row.content_hash),
        title,
        state: row.state.clone(),
        from: row.from.clone(),
        to: row.to.clone(),
        notes: row.notes.clone(),
        word: offer.word.map(|it| it.name().to_owned()),
        sent: offer.sent,
        refused: offer.refused.as_ref().map(|it| it.text.clone()),
    }
}

fn visit(it: &AuditSummary, names: &Names, to: Option<String>) -> VisitCard {
    VisitCard {
        visit: it.audit.to_string(),
        branch: names.branch(it.branch),
        title: names.title(it.content_hash),
        phase: it.phase.clone(),
        round: it.round,
        answered: it.answered,
        conflicts: it.conflicts,
        photos: it.unsent.photos,
        bytes: it.unsent.bytes,
        lost: it.unsent.lost,
        to,
    }
}

/// Fills the first screen.
///
/// - **Errors**: storage.
pub(crate) fn fill(device: &mut Device) -> Result<Home, DeviceError> {
    let offers = device.offers()?;
    let rows: Vec<&AssignmentRow> = offers.iter().map(|it| &it.assignment).collect();
    let mut audits = device.list(None, LISTED)?;
    audits.retain(|it| it.phase != "empty");
    let here: Vec<Hash> = device.template_hashes()?;
    let pinned = audits.iter().filter_map(|it| it.content_hash);
    let hashes: Vec<Hash> =
        rows.iter().map(|it| it.content_hash).chain(pinned).chain(here.iter().copied()).collect();
    let names = Names::of(device, hashes.into_iter())?;
    let begun: Vec<Uuid> = audits.iter().map(|it| it.audit).collect();
    // What was said and did not stand is shown with the reason, until the office's row goes.
    let is_open = |it: &&Offer| {
        let state = it.assignment.state.as_str();
        (matches!(state, "offered" | "accepted" | "in_progress" | "returned") || it.refused.is_some())
            && !begun.contains(&it.audit)
    };
    let mut assignments: Vec<AssignmentCard> =
        offers.iter().filter(is_open).map(|it| assignment(it, &names, &here)).collect();
    assignments.sort_by(|a, b| (&a.to, &a.id).cmp(&(&b.to, &b.id)));
    let ends: BTreeMap<Uuid, String> = rows
        .iter()
        .filter_map(|it| Some((audit_of_assignment(AssignmentId(it.id)).0, it.to.clone()?)))
        .collect();
    let card = |it: &AuditSummary| visit(it, &names, ends.get(&it.audit).cloned());
    audits.sort_by_key(|it| (it.phase != "returned", std::cmp::Reverse(it.audit)));
    let checklists = here.iter().map(|hash| {
        let known = device.template(hash).ok();
        let (id, version) =
            known.map(|it| (it.checklist().id.clone(), it.checklist().version)).unwrap_or_default();
        ChecklistCard { hash: hash.to_string(), id, version, title: names.title(Some(*hash)) }
    });
    Ok(Home {
        assignments,
        visits: audits.iter().map(card).collect(),
        checklists: checklists.collect(),
        branches: names.branches.values().cloned().collect(),
        sync: SyncState::of(&device.status()?),
    })
}
