//! What an auditor is asked and what each answer is worth: the shape of a checklist. Owns the types and their
//! canonical JSON; reading YAML and judging content is the work of `audit-templates`, scoring of `visit_score`.

pub mod condition;
mod item;
mod scoring;
mod visit;
mod wording;

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::LocalText;
pub use item::{
    Anchors, CommentRule, Confirmation, Credit, CreditBand, CreditMode, Evidence, Item, ItemOption, ItemType,
    PhotoLimits, PhotoRule,
};
pub use scoring::{
    Band, CriticalMode, CriticalRule, Pooling, Rounding, RoundingMode, ScaleCredit, Scoring, ScoringMode,
};
pub use visit::{Recording, RecordingAllowed, RecordingStore, TimeWindow, VisitRules, Weekday};

/// The only value of [`Checklist::schema`] that this program reads.
pub const CHECKLIST_SCHEMA: &str = "cem-checklist/1";

/// Most items of a checklist.
pub const MAX_ITEMS: usize = 2_000;
/// Largest weight of an item or a section.
pub const MAX_WEIGHT: u32 = 10_000;
/// Most decimals of a credit.
pub const CREDIT_DECIMALS: u32 = 4;

/// A checklist: the questions of one kind of visit, in the order in which they are asked, and how they score.
///
/// Its canonical JSON is `serde_json` of this type: fields in this order, no whitespace, absent where empty or false.
/// A released version never changes; it is addressed by the SHA-256 of that JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// Version of this shape; always [`CHECKLIST_SCHEMA`].
    pub schema: String,
    /// Stable id, kebab case: `ms-banco-sucursal`.
    pub id: String,
    /// Version of the content, from 1.
    pub version: u32,
    /// Who visits, and as what.
    pub kind: ChecklistKind,
    /// Channels that the visit goes through, snake case: `presencial`, `telefonico`.
    pub channel: String,
    /// Name shown to people.
    pub title: LocalText,
    /// What the visit is for.
    pub purpose: LocalText,
    /// What the auditor asks for and how they behave.
    pub scenario: LocalText,
    /// Locale in which it is shown first: `es-MX`.
    pub default_locale: String,
    /// Rules of the visit itself: duration, place, time, rotation, deadline.
    pub visit: VisitRules,
    /// How large and how fine photos are sent; as usual where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<PhotoLimits>,
    /// How answers become a score.
    pub scoring: Scoring,
    /// Sections, in the order of the visit.
    pub sections: Vec<Section>,
}

/// Who visits, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChecklistKind {
    /// An incognito customer in person.
    MysteryShopper,
    /// An incognito citizen before a public office.
    MysteryCitizen,
    /// An incognito call.
    MysteryCall,
    /// An unannounced inspection by someone who says who they are.
    Inspection,
}

/// A section: the items of one touchpoint, with its weight in the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// One capital letter.
    pub id: String,
    /// Weight in the visit; all add up to 100 in `section_weighted` mode, unused in `points_pooled`.
    pub weight: u32,
    /// Touchpoint that its items observe, snake case.
    pub touchpoint: String,
    /// Name shown to people.
    pub title: LocalText,
    /// Criteria of the standard that it gives evidence for: `["3.2"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standard: Vec<String>,
    /// Items, in the order in which they are asked.
    pub items: Vec<Item>,
}

impl Checklist {
    /// Every item in template order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|it| &it.items)
    }

    /// How large and how fine photos are sent, where an item says nothing else.
    pub fn photo_limits(&self) -> PhotoLimits {
        self.photo.unwrap_or(PhotoLimits::USUAL)
    }

    /// The item of that id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items().find(|it| it.id == id)
    }
}

/// Whether a flag is off, so that canonical JSON leaves it out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
