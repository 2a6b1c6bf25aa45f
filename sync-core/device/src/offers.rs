//! What an auditor answers to an offer, also offline: the op, and the state that the assignment has on this device from then on.
//! Owns how the own word and what the office told are read together; the office decides which of them stands.

use domain::{
    FieldProblem, LocalText, Problem,
    ids::{AssignmentId, audit_of_assignment},
};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use sync_core::{
    Kind, OpId,
    payload::{self, ReasonValue},
    reference::{ASSIGNMENT, AssignmentRow},
};
use uuid::Uuid;

use crate::{
    DeviceError,
    author::{Batch, not_found},
    mirror,
    reasons::why_not_applied,
    store::{self, Device},
    writer::Draft,
};

/// State of an offer that nobody answered, as in the table of visits.
const OFFERED: &str = "offered";
/// Longest reason of a refusal, in characters.
const MAX_REASON_CHARS: usize = 1_000;

/// What an auditor said of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferWord {
    /// Taken.
    Accepted,
    /// Refused.
    Declined,
}

impl OfferWord {
    /// Its name, as it travels to screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
        }
    }

    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Accept => Some(Self::Accepted),
            Kind::Decline => Some(Self::Declined),
            _ => None,
        }
    }
}

/// Why an answer to an offer did not stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Stable: `assignment_withdrawn`, `assignment_expired`, `foreign_assignment`...
    pub reason: String,
    /// The same in words.
    #[serde(flatten)]
    pub text: LocalText,
}

/// An assignment with the answer that was given on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The assignment in the state that it has here.
    #[serde(flatten)]
    pub assignment: AssignmentRow,
    /// The audit that it becomes.
    pub audit: Uuid,
    /// The state that the office told last.
    pub told: String,
    /// What was answered on this device; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<OfferWord>,
    /// Whether the office has that answer.
    pub sent: bool,
    /// Why that answer does not stand: the race was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// The last word of this device on an assignment, with its position.
fn word(conn: &Connection, audit: Uuid) -> Result<Option<(OfferWord, u64)>, DeviceError> {
    let mut find = conn.prepare_cached(
        "SELECT kind, dseq FROM oplog WHERE audit = ?1 AND kind IN (11, 12) ORDER BY dseq DESC LIMIT 1",
    )?;
    let found: Option<(u16, u64)> =
        find.query_row([audit.into_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(kind, dseq)| Some((OfferWord::of(Kind::from_number(kind))?, dseq))))
}

/// Why the office did not carry out an op.
fn refusal(conn: &Connection, dseq: u64) -> Result<Option<Refused>, DeviceError> {
    let mut find =
        conn.prepare_cached("SELECT reason FROM outcome WHERE dseq = ?1 AND reason <> 'clock_suspect'")?;
    let reason: Option<String> = find.query_row([dseq], |row| row.get(0)).optional()?;
    Ok(reason.map(|reason| Refused { text: why_not_applied(&reason), reason }))
}

/// The audit of an assignment.
fn audit_of(assignment: Uuid) -> Uuid {
    audit_of_assignment(AssignmentId(assignment)).0
}

/// An assignment in the state that it has here: while the office says `offered`, what was answered on this device and was not refused.
pub(crate) fn with_word(conn: &Connection, mut row: AssignmentRow) -> Result<AssignmentRow, DeviceError> {
    if row.state == OFFERED
        && let Some((word, dseq)) = word(conn, audit_of(row.id))?
        && refusal(conn, dseq)?.is_none()
    {
        word.name().clone_into(&mut row.state);
    }
    Ok(row)
}

fn not_offered(state: &str) -> DeviceError {
    DeviceError::problem(
        409,
        "not_offered",
        format!("La asignación está en estado «{state}» y ya no se acepta ni se declina"),
        format!("the assignment is `{state}` and can no longer be accepted or declined"),
    )
}

fn bad_reason(code: &str, es: &str, en: String) -> DeviceError {
    let problem = FieldProblem::new("/reason", code, es, en);
    Problem::invalid("invalid_reason", "The reason does not fit", vec![problem]).into()
}

impl Batch<'_> {
    /// Takes an offer; taking again what is taken writes nothing.
    ///
    /// - **Errors**: `unknown_assignment`, `not_offered`; storage.
    pub fn accept(&mut self, assignment: Uuid, now_ms: u64) -> Result<Option<OpId>, DeviceError> {
        self.answer_offer(assignment, OfferWord::Accepted, None, now_ms)
    }

    /// Refuses an offer, with a reason; refusing again writes nothing. What was begun is not refused: it is submitted as not
    /// completed, or voided.
    ///
    /// - **Errors**: `unknown_assignment`, `not_offered`, `visit_begun`, `invalid_reason` with `reason_missing` or `too_long`;
    ///   storage.
    pub fn decline(
        &mut self,
        assignment: Uuid,
        reason: &str,
        now_ms: u64,
    ) -> Result<Option<OpId>, DeviceError> {
        let reason = reason.trim();
        if reason.is_empty() {
            let en = "Say why you decline it".to_owned();
            return Err(bad_reason("reason_missing", "Indique por qué la declina", en));
        }
        if reason.chars().count() > MAX_REASON_CHARS {
            let es = format!("El motivo tiene a lo más {MAX_REASON_CHARS} caracteres");
            let en = format!("A reason has at most {MAX_REASON_CHARS} characters");
            return Err(bad_reason("too_long", &es, en));
        }
        self.answer_offer(assignment, OfferWord::Declined, Some(reason), now_ms)
    }

    fn answer_offer(
        &mut self,
        assignment: Uuid,
        word: OfferWord,
        reason: Option<&str>,
        now_ms: u64,
    ) -> Result<Option<OpId>, DeviceError> {
        let row = mirror::assignment(self.writer.conn, assignment)?.ok_or_else(|| {
            not_found("unknown_assignment", "Asignación desconocida", "unknown assignment", assignment)
        })?;
        let row = with_word(self.writer.conn, row)?;
        let audit = audit_of(assignment);
        if word == OfferWord::Declined && self.writer.audit(audit)?.pin.is_some() {
            return Err(DeviceError::problem(
                409,
                "visit_begun",
                "La visita ya se empezó; envíela como no realizada o anúlela",
                "the visit has begun; submit it as not completed, or void it",
            ));
        }
        if row.state == word.name() {
            return Ok(None);
        }
        if row.state != OFFERED {
            return Err(not_offered(&row.state));
        }
        let (kind, value) = match reason {
            None => (Kind::Accept, None),
            Some(it) => (Kind::Decline, Some(payload::to_value(&ReasonValue { reason: it.to_owned() })?)),
        };
        self.writer.append(Draft { kind, audit, field: "", base: Vec::new(), value }, now_ms).map(Some)
    }
}

impl Device {
    /// [`Batch::accept`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn accept(&mut self, assignment: Uuid, now_ms: u64) -> Result<Option<OpId>, DeviceError> {
        self.batch(|it| it.accept(assignment, now_ms))
    }

    /// [`Batch::decline`] in a transaction of its own.
    ///
    /// - **Errors**: as there.
    pub fn decline(
        &mut self,
        assignment: Uuid,
        reason: &str,
        now_ms: u64,
    ) -> Result<Option<OpId>, DeviceError> {
        self.batch(|it| it.decline(assignment, reason, now_ms))
    }

    /// The assignments of the user with what was answered to their offers here, and what became of the answer.
    ///
    /// - **Errors**: storage.
    pub fn offers(&self) -> Result<Vec<Offer>, DeviceError> {
        let acked = store::get_head(&self.conn, "acked")?.dseq;
        let rows: Vec<AssignmentRow> = self.rows(ASSIGNMENT)?;
        let offer = |row: AssignmentRow| {
            let audit = audit_of(row.id);
            let (told, found) = (row.state.clone(), word(&self.conn, audit)?);
            // What the office carried out after all (a restored one may) was not refused.
            let refused = match found {
                Some((word, dseq)) if told != word.name() => refusal(&self.conn, dseq)?,
                _ => None,
            };
            Ok(Offer {
                assignment: with_word(&self.conn, row)?,
                audit,
                told,
                word: found.map(|it| it.0),
                sent: found.is_some_and(|it| it.1 <= acked),
                refused,
            })
        };
        rows.into_iter().map(offer).collect()
    }
}
