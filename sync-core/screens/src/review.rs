//! What is handed in, to be looked at before: the demands that are not met, and the hash of what was seen.

use device::{Device, DeviceError};
use domain::{FieldProblem, LocalText, problem::Problem, visit_facts::OUTCOME};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::visit;

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
    /// What grave answers say in plain words: whoever hands the visit in confirms them.
    pub grave: Vec<Grave>,
    /// Whether it can be handed in.
    pub ready: bool,
    /// What it would score as it stands, as [`crate::State::preview`].
    pub preview: Option<String>,
}

/// What a grave answer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grave {
    /// The question.
    pub item: String,
    /// What its answer says.
    pub says: LocalText,
}

/// Fills the review of a visit.
///
/// - **Errors**: `unknown_audit`; storage.
pub(crate) fn fill(device: &mut Device, visit: Uuid) -> Result<Review, DeviceError> {
    let seen = device.seen(visit)?;
    let filled = device.filled(visit)?;
    let template = filled.checklist.as_ref();
    let mut asked = template.map(|it| visit::asked(&filled, it)).unwrap_or_default();
    asked.retain(|it| it.visible);
    // A visit that could not happen is handed in without its answers.
    let could_happen = filled.detail.answers.get(OUTCOME).is_none_or(|it| it.value.is_none());
    let grave = asked.iter().filter(|_| could_happen).filter_map(|it| Some((it.item, it.grave?)));
    let grave = grave.map(|(item, says)| Grave { item: item.id.clone(), says: says.clone() }).collect();
    let preview = template.and_then(|it| visit::preview(&filled, it));
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
        asked: asked.len(),
        answered: asked.iter().filter(|it| filled.answers.contains_key(&it.item.id)).count(),
        photos: filled.detail.attachments.values().map(Vec::len).sum(),
        grave,
        ready: missing.is_empty(),
        missing,
        conflicts,
        preview: preview.map(|it| it.final_score.to_string()),
    })
}
