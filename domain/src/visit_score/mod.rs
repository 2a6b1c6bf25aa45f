//! What a visit scores and why (DOMAIN.md 2.2 and 11). Owns the rule from answers to a score, its bands and its
//! explanation; which answers are admissible is the work of `answer`, which visits count that of the review.

mod amounts;
mod completeness;
mod explain;
mod losses;
mod migration;
mod prepare;
mod rule;
mod score;

use alloc::{string::String, vec::Vec};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Exact, FieldProblem, Problem, answer::Answers, checklist::Checklist};
pub use amounts::{Percent, Points};
pub use completeness::Asked;
pub use explain::{
    BandStep, CriticalStep, Explanation, ItemState, ItemStep, RoundingStep, SectionStep, VisitStep,
};
pub use losses::{Loss, Losses, losses};
pub use migration::{Migration, migration};
pub use prepare::PreparedChecklist;

/// Version of the rule in this module; stored with every frozen score and changed with every change of a result.
pub const SCORER_VERSION: &str = "visit-score/1";

/// The score of a visit with everything that led to it.
///
/// In JSON, percentages are strings with 2 decimals and points strings with 4. Sections, touchpoints and pillars
/// without a possible point are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VisitScore {
    /// Score before the critical rule.
    pub raw: Percent,
    /// The same without rounding, as a fraction in lowest terms.
    #[serde(serialize_with = "as_fraction")]
    pub raw_exact: Exact,
    /// Score after the critical rule.
    #[serde(rename = "final")]
    pub final_score: Percent,
    /// Id of the band of the final score.
    pub band: String,
    /// Critical items with credit 0, template order.
    pub critical_failed: Vec<String>,
    /// Sections by id.
    pub sections: BTreeMap<String, SectionScore>,
    /// Pooled percentage by pillar, bonuses out.
    pub pillars: BTreeMap<String, Percent>,
    /// Pooled percentage by touchpoint, bonuses out.
    pub touchpoints: BTreeMap<String, Percent>,
    /// Items whose condition is false, template order.
    pub hidden: Vec<String>,
    /// Visible items with weight that are not applicable or unanswered, template order.
    pub excluded: Vec<String>,
    /// What a submit would refuse: missing answers, short texts, missing evidence. It never changes the score.
    pub incomplete: Vec<FieldProblem>,
    /// Fields that were answered but belong to hidden items.
    pub ignored: Vec<String>,
    /// Points by pillar, to be pooled over visits.
    pub pillar_points: BTreeMap<String, PooledPoints>,
    /// Points by touchpoint, to be pooled over visits.
    pub touchpoint_points: BTreeMap<String, PooledPoints>,
    /// Every step of the sum, enough to redo it by hand: items in template order, then sections, then the visit.
    /// Empty where nobody asked for it.
    pub explain: Vec<Explanation>,
}

/// The score of one section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SectionScore {
    /// Weight in the visit.
    pub weight: u32,
    /// Points earned, bonuses out.
    pub earned: Points,
    /// Points that could be earned.
    pub possible: Points,
    /// Points that bonus items add.
    pub bonus: Points,
    /// Percentage with bonuses, capped; before the critical rule.
    pub score: Percent,
}

/// Points of items that share a touchpoint or a pillar, bonuses out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PooledPoints {
    /// Points earned.
    pub earned: Points,
    /// Points that could be earned.
    pub possible: Points,
}

/// Scores the answers of a visit, with its explanation.
///
/// - **Units**: weights in points; credits in ten-thousandths; rationals inside, rounded half up once.
/// - **Shape**: answers by field, any order; answers to hidden items are ignored and listed.
/// - **Errors**: `invalid_checklist` where the checklist breaks a rule that scoring needs; `invalid_answers` where an
///   answer is of no item or does not fit it; `nothing_to_score` where no point is possible.
/// - **Source**: DOMAIN.md 2.2 and 11.
///
/// Who scores many visits prepares the checklist once ([`PreparedChecklist`]).
///
/// # Errors
/// As above; every offending field is named.
pub fn score_visit(checklist: &Checklist, answers: &Answers) -> Result<VisitScore, Problem> {
    PreparedChecklist::new(checklist)?.score_explained(answers)
}

/// What keeps a visit from being submitted: missing answers, short texts, missing evidence (DOMAIN.md 11).
///
/// Codes: `required`, `min_chars`, `photo_required`, `comment_required`; the field is the pointer of the answer,
/// the comment (`/B02#comment`) or the photos (`/B02#photo`). Sound and files are demanded of whoever hands in, where the programme
/// permits them ([`PreparedChecklist::demands`]), and never held against a visit that came without.
///
/// # Errors
/// `invalid_checklist` where the checklist breaks a rule that scoring needs.
pub fn completeness(checklist: &Checklist, answers: &Answers) -> Result<Vec<FieldProblem>, Problem> {
    Ok(PreparedChecklist::new(checklist)?.completeness(answers))
}

fn as_fraction<S: Serializer>(number: &Exact, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_fraction())
}
