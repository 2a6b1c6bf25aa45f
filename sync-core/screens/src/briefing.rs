//! What an auditor reads before a visit: scenario, rules of the visit, the branch.

use device::{Device, DeviceError};
use domain::{
    LocalText, Problem,
    checklist::{ChecklistKind, Item, ItemType, Section, VisitRules},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{home::BranchFacts, visit::Allows};

/// What an auditor reads before a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Briefing {
    /// The assignment.
    pub assignment: String,
    /// Where.
    pub branch: Option<BranchFacts>,
    /// `offered`, `accepted`, ...
    pub state: String,
    /// First local date of the window.
    pub from: Option<String>,
    /// Last local date of the window.
    pub to: Option<String>,
    /// Instructions for people.
    pub notes: Option<String>,
    /// Who visits, and as what.
    pub kind: ChecklistKind,
    /// The checklist's name.
    pub title: LocalText,
    /// What the visit is for.
    pub purpose: LocalText,
    /// What the auditor asks for and how they behave.
    pub scenario: LocalText,
    /// How long, where, when, by when.
    pub rules: VisitRules,
    /// Sections with their questions, for whoever has to remember what to look at.
    pub sections: Vec<SectionCard>,
    /// What the programme allows on the phone.
    pub allowed: Allows,
}

/// A section of a checklist at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SectionCard {
    /// Its name.
    pub title: LocalText,
    /// Its questions, asked in every visit or not.
    pub questions: Vec<QuestionCard>,
}

/// A question at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuestionCard {
    /// The question.
    pub q: LocalText,
    /// Whether a photo is its answer, or may be demanded beside it.
    pub photo: bool,
}

impl From<&Item> for QuestionCard {
    fn from(it: &Item) -> Self {
        let beside = it.evidence.as_ref().and_then(|it| it.photo.as_ref());
        let photo = it.kind == ItemType::Photo || beside.is_some_and(|it| it.min > 0);
        Self { q: it.q.clone(), photo }
    }
}

fn section(it: &Section) -> SectionCard {
    SectionCard { title: it.title.clone(), questions: it.items.iter().map(QuestionCard::from).collect() }
}

/// Fills the briefing of an assignment.
///
/// - **Errors**: `unknown_assignment`, `unknown_template`; storage.
pub(crate) fn fill(device: &mut Device, id: Uuid) -> Result<Briefing, DeviceError> {
    let row = device.assignments()?.into_iter().find(|it| it.id == id).ok_or_else(|| {
        DeviceError::from(Problem::single(
            404,
            "unknown_assignment",
            format!("Asignación desconocida: {id}"),
            format!("unknown assignment: {id}"),
        ))
    })?;
    let branch = device.branches()?.iter().find(|it| it.id == row.branch).map(BranchFacts::from);
    let template = device.template(&row.content_hash)?;
    let checklist = template.checklist();
    let sections = checklist.sections.iter();
    Ok(Briefing {
        assignment: row.id.to_string(),
        branch,
        allowed: Allows::from(row.allowed),
        state: row.state,
        from: row.from,
        to: row.to,
        notes: row.notes,
        kind: checklist.kind,
        title: checklist.title.clone(),
        purpose: checklist.purpose.clone(),
        scenario: checklist.scenario.clone(),
        rules: checklist.visit.clone(),
        sections: sections.map(section).collect(),
    })
}
