//! A visit scored again: after an error in its score was found, or with a newer version of the rules. Always a new
//! version with its reason, never an edit; where the band changes it takes another person than who approved, one who
//! does not see pay.

use super::{
    approve::FrozenScore,
    step::{lock_visit, sees_pay},
};
use crate::{
    app::{App, appeals::corrections, scores::scoring, visits::content},
    error::ApiError,
    exchange::redaction::answered_item,
    office::Office,
};
use db::{
    Tx,
    audits::Audit,
    scores::{self, ScoreVersion},
};
use domain::{
    ids::AuditId,
    lifecycle::{Actor, State},
    visit_score::{Percent, SCORER_VERSION},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{AuditView, OpId, fold::Register};
use utoipa::ToSchema;
use validator::Validate;

/// Why a visit is scored again.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rescoring {
    /// In the words of the person who asks.
    #[validate(length(min = 1, max = 2000))]
    pub(crate) reason: String,
}

/// The new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rescored {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    pub visit: AuditId,
    /// The version that counts now.
    pub version: u32,
    /// Its score.
    #[serde(rename = "final")]
    #[schema(value_type = String)]
    pub final_score: Percent,
}

/// Scores a visit again from its ops, which an approval froze.
///
/// # Errors
/// `wrong_state` (409) unless it is approved or published, `same_score` (409) where nothing would change, `answer_redacted`
/// (409) where an answer is no longer there to be read,
/// `second_person_missing` and `second_person_sees_pay` (422) where the band would change.
pub(crate) fn rescore(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    visit: AuditId,
    rescoring: &Rescoring,
) -> Result<Rescored, ApiError> {
    let visit = lock_visit(tx, office, visit, Actor::Reviewer)?;
    let Some(current) = scores::find_current(tx, office.org(), visit.audit_id)? else {
        return Err(not_scored());
    };
    if !matches!(visit.state, State::Approved | State::Published) {
        return Err(not_scored());
    }
    let ops = content::ops(tx, office.org(), visit.audit_id)?;
    let view = ops.view();
    refuse_redacted(&view)?;
    let checklist = content::checklist(tx, app, office.org(), visit.template_hash)?;
    let corrections = corrections(tx, office.org(), visit.audit_id)?;
    let score = FrozenScore::of(scoring::score_corrected(&checklist, &view, &corrections)?)?;
    if current.scorer_version == SCORER_VERSION && current.doc == score.document {
        return Err(ApiError::conflict(
            "same_score",
            "La visita ya tiene esa calificación con esta versión de las reglas.",
            "the visit has that score already, by this version of the rules",
        ));
    }
    if current.band.as_deref() != Some(score.band.as_str()) {
        check_second_person(office, &visit)?;
    }
    let submit = OpId::new(current.submit_dev, current.submit_dseq);
    let version = current.version.saturating_add(1);
    let row = score.version(&visit, submit, version, office.now(), &rescoring.reason);
    scores::append(tx, office.org(), std::slice::from_ref(&row))?;
    record(office, &current, &row)?;
    Ok(Rescored { visit: visit.audit_id, version, final_score: score.last })
}

fn record(office: &mut Office, before: &ScoreVersion, after: &ScoreVersion) -> Result<(), ApiError> {
    let figures = |it: &ScoreVersion| json!({"version": it.version, "final_hundredths": it.final_hundredths, "band": it.band});
    let detail = json!({"before": figures(before), "after": figures(after), "reason": after.reason});
    office.record("visit_rescored", "visit", after.audit_id, &detail)
}

fn check_second_person(office: &Office, visit: &Audit) -> Result<(), ApiError> {
    if office.user().is_some() && office.user() == visit.decided_by {
        return Err(ApiError::field(
            "",
            "second_person_missing",
            "Cambia la categoría: debe pedirlo otra persona que quien aprobó.",
            "the band changes: another person than who approved has to ask",
        ));
    }
    check_blind_to_pay(office)
}

/// Refuses to change a band where who asks sees what people are paid by it.
///
/// # Errors
/// `second_person_sees_pay` (422).
pub(crate) fn check_blind_to_pay(office: &Office) -> Result<(), ApiError> {
    if sees_pay(office) {
        return Err(ApiError::field(
            "",
            "second_person_sees_pay",
            "Cambia la categoría: quien lo pide no debe ver los incentivos.",
            "the band changes: who asks must not see pay",
        ));
    }
    Ok(())
}

/// Refuses to score a visit again of which an answer is no longer there to be read.
///
/// # Errors
/// `answer_redacted` (409).
pub(crate) fn refuse_redacted(view: &AuditView) -> Result<(), ApiError> {
    let is_gone = |(field, it): (&String, &Register)| it.is_redacted() && answered_item(field).is_some();
    if !view.fields.iter().any(is_gone) {
        return Ok(());
    }
    Err(ApiError::conflict(
        "answer_redacted",
        "Se suprimió una respuesta de la visita: su calificación queda como está.",
        "an answer of the visit was redacted: its score stays as it is",
    ))
}

fn not_scored() -> ApiError {
    ApiError::conflict(
        "wrong_state",
        "Sólo una visita aprobada o publicada, con calificación, se califica de nuevo.",
        "only an approved or published visit with a score is scored again",
    )
}
