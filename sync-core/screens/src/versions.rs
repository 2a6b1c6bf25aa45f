//! Other versions of a visit's checklist that are on the phone, each with what a move to it would do: a visit keeps its version until
//! its author says otherwise.

use device::{Device, DeviceError, MigrationReport};
use domain::{FieldProblem, LocalText, visit_score::PreparedChecklist};
use serde::{Deserialize, Serialize};
use sync_core::Hash;
use uuid::Uuid;

use crate::visit::{item_of, too_new};

/// The versions that a visit may be moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Versions {
    /// The one that it has.
    pub has: u32,
    /// Whether two phones stand for two versions, so that one has to be chosen; the one that it has is then among the others.
    pub split: bool,
    /// Those it may be moved to, the newest first.
    pub others: Vec<OtherVersion>,
}

/// A version, and what a move to it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OtherVersion {
    /// Hash of its content.
    pub hash: String,
    /// Its number.
    pub version: u32,
    /// Answers that stay.
    pub kept: usize,
    /// Answers that it does not take: they leave the visit and stay in its history.
    pub dropped: Vec<Affected>,
    /// What it demands and the version before did not.
    pub wanted: Vec<Affected>,
}

/// A question that a move concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Affected {
    /// The question; none where neither version has it.
    pub q: Option<LocalText>,
    /// What does not fit, or is demanded.
    pub problem: FieldProblem,
}

fn affected(problem: &FieldProblem, checklist: &PreparedChecklist) -> Affected {
    let item = checklist.checklist().item(item_of(&problem.field));
    Affected { q: item.map(|it| it.q.clone()), problem: problem.clone() }
}

/// Versions of a checklist on the phone, the newest first.
fn versions_of(device: &mut Device, id: &str) -> Result<Vec<(u32, Hash)>, DeviceError> {
    let mut found: Vec<(u32, Hash)> = Vec::new();
    for hash in device.template_hashes()? {
        // One that this app cannot read is not offered.
        if let Ok(it) = device.template(&hash)
            && it.checklist().id == id
        {
            found.push((it.checklist().version, hash));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The newest version on the phone above one.
///
/// - **Errors**: storage.
pub(crate) fn newer(device: &mut Device, id: &str, than: u32) -> Result<Option<u32>, DeviceError> {
    Ok(versions_of(device, id)?.first().map(|it| it.0).filter(|it| *it > than))
}

/// Fills the screen of versions.
///
/// - **Errors**: `unknown_audit`, `audit_not_editable`, `unknown_template`, `checklist_not_readable`; storage.
pub(crate) fn fill(device: &mut Device, visit: Uuid) -> Result<Versions, DeviceError> {
    let detail = device.filled(visit)?.detail;
    let pin = detail.pin.ok_or_else(too_new)?;
    let before = device.template(&pin.content_hash)?;
    let mut versions = Versions { has: pin.version, split: false, others: Vec::new() };
    for (version, hash) in versions_of(device, &pin.template)? {
        let report = match device.migration(visit, &hash) {
            Ok(report) => report,
            Err(error) if error.code() == "same_version" => continue,
            Err(error) => return Err(error),
        };
        versions.split |= hash == pin.content_hash;
        let MigrationReport { answered, misfits, newly_required, .. } = report;
        let after = device.template(&hash)?;
        versions.others.push(OtherVersion {
            hash: hash.to_string(),
            version,
            kept: answered.saturating_sub(misfits.len()),
            dropped: misfits.iter().map(|it| affected(it, &before)).collect(),
            wanted: newly_required.iter().map(|it| affected(it, &after)).collect(),
        });
    }
    Ok(versions)
}
