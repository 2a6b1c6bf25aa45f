//! What is handed in, to be looked at before: the demands that are not met, and the hash of what was seen.

use device::{Device, DeviceError};
use domain::{FieldProblem, problem::Problem};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Review {
    /// The visit.
    pub visit: String,
    /// The hash of what is seen; a submit states it.
    pub seen: String,
    /// Questions that are asked.
    pub asked: usize,
    /// Those that have an answer.
    pub answered: usize,
    /// Photos that stand.
    pub photos: usize,
    /// What is missing, each with its field.
    pub missing: Vec<FieldProblem>,
    /// Open conflicts.
    pub conflicts: usize,
    /// Whether it can be handed in.
    pub ready: bool,
}

/// Fills the review of a visit.
///
/// - **Errors**: `unknown_audit`; storage.
pub(crate) fn fill(device: &mut Device, visit: Uuid) -> Result<Review, DeviceError> {
    let seen = device.seen(visit)?;
    let filled = device.filled(visit)?;
    let template = filled.checklist.as_ref();
    let visible = template.map(|it| it.visible_items(&filled.answers)).unwrap_or_default();
    let mut missing = filled.detail.missing.clone();
    if let Err(DeviceError::Problem(problem)) = device.check_submit(visit) {
        let Problem { errors, .. } = *problem;
        let new: Vec<FieldProblem> = errors.into_iter().filter(|it| !missing.contains(it)).collect();
        missing.extend(new);
    }
    let conflicts = filled.detail.conflicts.iter().filter(|it| it.resolved_by.is_none()).count();
    Ok(Review {
        visit: visit.to_string(),
        seen: seen.to_string(),
        asked: visible.len(),
        answered: visible.iter().filter(|it| filled.answers.contains_key(&it.id)).count(),
        photos: filled.detail.attachments.values().map(Vec::len).sum(),
        ready: missing.is_empty(),
        missing,
        conflicts,
    })
}
