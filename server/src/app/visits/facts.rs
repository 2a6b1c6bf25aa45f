//! What a visit states beside its answers, as a reviewer reads it: arrival and departure, the platform, that it could not happen
//! with its proof, and what all that is worth as evidence. Never shown to a branch.

use crate::{app::evidence::Position, zone::instant};
use db::{Micros, audits::VisitKind};
use domain::{
    LocalText, attachment,
    visit_facts::{self, MIN_EXPLANATION_CHARS, Moment, OUTCOME_PHOTOS, PhotoProvenance, Reason, VisitFacts},
};
use serde::Serialize;
use sync_core::{
    fold::{AuditView, Phase},
    payload::PhotoSource,
};
use utoipa::ToSchema;

/// What a visit states beside its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatedFacts {
    /// When and where its auditor arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<StatedMoment>,
    /// When and where they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departure: Option<StatedMoment>,
    /// What it was recorded with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<StatedPlatform>,
    /// That it could not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<StatedOutcome>,
    /// `low`, `medium` or `high`: what the platform could prove.
    #[schema(value_type = String)]
    pub evidence_grade: visit_facts::EvidenceGrade,
    /// Why the grade is not higher.
    pub evidence_reasons: Vec<StatedReason>,
}

/// When and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatedMoment {
    /// By the phone's clock, RFC 3339.
    pub at: String,
    /// On the wall clock of the branch, `YYYY-MM-DDTHH:MM`.
    pub local: String,
    /// The branch's time zone (IANA), as the phone knew it.
    pub zone: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// `live` where the phone found the position, `typed` where a person wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_source: Option<&'static str>,
}

/// What a visit was recorded with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatedPlatform {
    /// `browser` or `native`.
    pub kind: &'static str,
    /// Whether the key that signs cannot leave the phone's hardware.
    pub hardware_key: bool,
    /// Whether the app takes photos itself.
    pub camera: bool,
    /// Whether the app takes files that a person picks.
    pub file_picker: bool,
}

/// That a visit could not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatedOutcome {
    /// `not_completed`.
    pub kind: &'static str,
    /// Why: `closed_in_hours`, `no_system`, `service_refused`, `unsafe`, `wrong_address` or `other`; absent where it was redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<StatedReason>,
    /// What happened, in the auditor's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub explanation: String,
    /// Ids of the photos that prove it.
    pub photos: Vec<String>,
    /// Whether there is proof: a photo, or a live position on arrival.
    pub proven: bool,
}

/// A code with what people read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatedReason {
    /// Stable.
    pub code: &'static str,
    /// In both languages.
    #[schema(value_type = Object)]
    pub label: LocalText,
}

/// The facts of a visit, as they stand. A redacted outcome is one.
pub(crate) fn facts_of(view: &AuditView) -> VisitFacts {
    VisitFacts::read(|field| {
        let register = view.fields.get(field)?;
        register.value().or_else(|| register.is_redacted().then_some(&[][..]))
    })
}

/// How many photos stand as proof of an outcome.
pub(crate) fn proofs(view: &AuditView) -> usize {
    view.attachments.get(OUTCOME_PHOTOS).map_or(0, Vec::len)
}

/// What a visit is, as it was handed in; what it was before where it is not.
pub(crate) fn kind_of(view: &AuditView, before: VisitKind) -> VisitKind {
    match view.phase {
        Phase::Submitted | Phase::Approved if facts_of(view).is_not_completed() => VisitKind::NotCompleted,
        Phase::Submitted | Phase::Approved => VisitKind::Visit,
        _ => before,
    }
}

/// What guards the arrow of a visit that could not happen: whether its reason is given in words, and whether there is proof.
pub(crate) fn outcome_guards(view: &AuditView) -> (bool, bool) {
    let facts = facts_of(view);
    let explained = |it: &visit_facts::Outcome| {
        it.reason.is_some() && it.explanation.trim().chars().count() >= MIN_EXPLANATION_CHARS
    };
    (facts.outcome.as_ref().is_some_and(explained), facts.has_proof(proofs(view)))
}

/// What a visit states, for whoever reviews it; none where it states nothing.
pub(crate) fn stated(view: &AuditView) -> Option<StatedFacts> {
    let facts = facts_of(view);
    if facts == VisitFacts::default() {
        return None;
    }
    let graded = visit_facts::grade(&facts, &provenance(view));
    let proven = facts.has_proof(proofs(view));
    Some(StatedFacts {
        arrival: facts.arrival.as_ref().map(moment),
        departure: facts.departure.as_ref().map(moment),
        platform: facts.platform.map(|it| StatedPlatform {
            kind: it.kind.as_str(),
            hardware_key: it.hardware_key,
            camera: it.camera,
            file_picker: it.file_picker,
        }),
        outcome: facts.outcome.map(|it| StatedOutcome {
            kind: it.kind.as_str(),
            reason: it.reason.map(|it: Reason| StatedReason { code: it.as_str(), label: it.label() }),
            explanation: it.explanation,
            photos: view
                .attachments
                .get(OUTCOME_PHOTOS)
                .into_iter()
                .flatten()
                .map(|it| it.value.blob.to_string())
                .collect(),
            proven,
        }),
        evidence_grade: graded.grade,
        evidence_reasons: graded
            .reasons
            .into_iter()
            .map(|it| StatedReason { code: it.as_str(), label: it.label() })
            .collect(),
    })
}

fn moment(it: &Moment) -> StatedMoment {
    let at = i64::try_from(it.at_ms).unwrap_or(i64::MAX);
    let position = it.position.as_ref();
    StatedMoment {
        at: instant(Micros(at.saturating_mul(1_000))),
        local: it.local.to_string(),
        zone: it.zone.clone(),
        position: position
            .map(|it| Position::stated((it.lat_e7, it.lon_e7), it.accuracy_mm, it.mocked, it.at_ms)),
        position_source: position.map(|it| it.source.as_str()),
    }
}

fn provenance(view: &AuditView) -> Vec<PhotoProvenance> {
    let pictures = view.attachments.iter().flat_map(|(field, list)| {
        // What is attached beside an answer, or as proof, is to be a picture whatever it is.
        list.iter().filter(|it| field.contains('#') || !attachment::is_no_picture(&it.value.mime))
    });
    let standing = pictures.filter(|it| !it.redacted);
    let provenance = standing.map(|it| PhotoProvenance {
        by_camera: match it.value.source {
            Some(PhotoSource::Camera) => Some(true),
            Some(PhotoSource::File) => Some(false),
            Some(PhotoSource::Other) | None => None,
        },
        has_position: it.value.gps.is_some(),
        is_mocked: it.value.gps.as_ref().is_some_and(|it| it.mocked == Some(true)),
    });
    provenance.collect()
}
