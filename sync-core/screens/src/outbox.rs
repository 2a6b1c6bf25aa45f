//! What is not on the server yet, by visit.

use device::{Device, DeviceError};
use domain::LocalText;
use serde::{Deserialize, Serialize};

use crate::home::{BranchFacts, LISTED, Names, SyncState};

/// What is not on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outbox {
    /// Visits of which something is not on the server, those with the most bytes last.
    pub visits: Vec<Waiting>,
    /// All together.
    pub sync: SyncState,
}

/// A visit of which something is not on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waiting {
    /// The visit.
    pub visit: String,
    /// Where.
    pub branch: Option<BranchFacts>,
    /// The checklist's name.
    pub title: Option<LocalText>,
    /// `draft`, `submitted`, ...
    pub phase: String,
    /// Edits that are not on the server.
    pub edits: u64,
    /// Photos that are not on the server.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos that are lost, or that the server refused.
    pub lost: u64,
    /// Own edits that wait for a person in the office, with the reasons.
    pub set_aside: Vec<String>,
}

/// Fills the outbox.
///
/// - **Errors**: storage.
pub(crate) fn fill(device: &mut Device) -> Result<Outbox, DeviceError> {
    let audits = device.list(None, LISTED)?;
    let edits = device.unsent_edits()?;
    let aside = device.set_aside()?;
    let names = Names::of(device, audits.iter().filter_map(|it| it.content_hash))?;
    let waiting = audits.iter().map(|it| Waiting {
        visit: it.audit.to_string(),
        branch: names.branch(it.branch),
        title: names.title(it.content_hash),
        phase: it.phase.clone(),
        edits: edits.get(&it.audit).copied().unwrap_or(0),
        photos: it.unsent.photos,
        bytes: it.unsent.bytes,
        lost: it.unsent.lost,
        set_aside: aside.get(&it.audit).cloned().unwrap_or_default(),
    });
    let waits = |it: &Waiting| it.edits + it.photos + it.lost > 0 || !it.set_aside.is_empty();
    let mut visits: Vec<Waiting> = waiting.filter(waits).collect();
    visits.sort_by_key(|it| (it.bytes, it.visit.clone()));
    Ok(Outbox { visits, sync: SyncState::of(&device.status()?) })
}
