//! What an auditor reports of an incident: bribe, violence, discrimination, danger. Owns what a report holds and its bounds, and how
//! one is handled; how it travels is `sync-core`'s. A report is part of no visit and of no score, and no branch ever sees it.

use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    FieldProblem, Problem,
    ids::{AssignmentId, AuditId, BranchId, IncidentId},
    lifecycle::named,
    visit_facts::{Position, is_instant, is_on_earth, is_zone},
};

/// Longest text of a report, in characters.
pub const MAX_TEXT_CHARS: usize = 10_000;
/// Longest note of whoever handles it, in characters.
pub const MAX_NOTE_CHARS: usize = 2_000;

named! {
    /// What happened (DOMAIN.md 10.2).
    IncidentKind {
        /// Money or a favour was asked for or offered.
        Bribe = "bribe", "soborno", "bribe";
        /// Violence or a threat of it.
        Violence = "violence", "violencia", "violence";
        /// Somebody was treated worse for what they are.
        Discrimination = "discrimination", "discriminación", "discrimination";
        /// The place is dangerous.
        Danger = "danger", "peligro", "danger";
        /// Something else.
        Other = "other", "otro", "other";
    }
}

named! {
    /// How far it is handled.
    IncidentState {
        /// Nobody has taken it in hand.
        Received = "received", "recibido", "received";
        /// Somebody is at it.
        InHand = "in_hand", "en atención", "in hand";
        /// It is settled.
        Closed = "closed", "cerrado", "closed";
    }
}

impl IncidentState {
    /// Whether it may go on to another state: received, in hand, closed, each once.
    pub fn may_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Received, Self::InHand) | (Self::InHand, Self::Closed))
    }
}

/// A report, as its author's phone made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id, a UUIDv7 of the phone.
    pub id: IncidentId,
    /// What happened.
    pub kind: IncidentKind,
    /// Whether its author left for safety.
    pub left: bool,
    /// In its author's words; empty where there was no time for any.
    pub text: String,
    /// When it was written, milliseconds since 1970 on the phone's clock.
    pub at_ms: u64,
    /// The phone's time zone (IANA).
    pub zone: String,
    /// Where its author was, as far as the phone could tell at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The visit in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<AuditId>,
    /// Its assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// Its branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<BranchId>,
}

impl Report {
    /// What does not fit, all of it.
    ///
    /// # Errors
    /// `invalid_incident`: `not_uuid_v7`, `too_long`, `out_of_range`, `unknown_zone`.
    pub fn check(&self) -> Result<(), Problem> {
        let mut problems = Vec::new();
        let mut expect = |fits: bool, field: &str, code: &str, es: &str, en: &str| {
            if !fits {
                problems.push(FieldProblem::new(field, code, es, en));
            }
        };
        let is_v7 = self.id.0.get_version_num() == 7;
        expect(is_v7, "/id", "not_uuid_v7", "debe ser un UUIDv7", "must be a UUIDv7");
        expect(
            self.text.chars().count() <= MAX_TEXT_CHARS,
            "/text",
            "too_long",
            &format!("El relato es demasiado largo: a lo más {MAX_TEXT_CHARS} caracteres"),
            &format!("the text is too long: at most {MAX_TEXT_CHARS} characters"),
        );
        let (es, en) =
            ("debe ser un instante anterior al año 10000", "must be an instant before the year 10000");
        expect(is_instant(self.at_ms), "/at_ms", "out_of_range", es, en);
        let (es, en) = ("debe ser una zona horaria IANA", "must be an IANA time zone");
        expect(is_zone(&self.zone), "/zone", "unknown_zone", es, en);
        let (es, en) = ("no es un lugar de la Tierra", "is no place on earth");
        expect(self.position.as_ref().is_none_or(is_on_earth), "/position", "out_of_range", es, en);
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid("invalid_incident", "the report does not fit", problems))
    }

    /// Its canonical JSON text: what is sealed, and what is kept, are these bytes.
    pub fn to_json(&self) -> String {
        // Texts, integers and truth values under fixed names can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads and checks a report; members of a later version are passed over, and so is space after its end.
    ///
    /// # Errors
    /// `invalid_incident`, also with `not_json` for what is no report; as [`Self::check`].
    pub fn parse(json: &[u8]) -> Result<Self, Problem> {
        let report: Self = crate::json::read(json).map_err(|error| {
            let es = format!("No es un informe de incidente: {error}");
            let problem =
                FieldProblem::new("", "not_json", es, format!("not a report of an incident: {error}"));
            Problem::invalid("invalid_incident", "the report does not fit", alloc::vec![problem])
        })?;
        report.check()?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit_facts::PositionSource;
    use alloc::string::ToString;
    use uuid::Uuid;

    fn report() -> Report {
        Report {
            id: IncidentId(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057)),
            kind: IncidentKind::Bribe,
            left: true,
            text: "Me pidieron dinero en la ventanilla 3".to_string(),
            at_ms: 1_795_262_400_000,
            zone: "America/Mexico_City".to_string(),
            position: None,
            visit: Some(AuditId(Uuid::from_u128(1))),
            assignment: None,
            branch: None,
        }
    }

    fn told(report: &Report) -> Vec<(String, String)> {
        let problem = report.check().unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_incident"));
        problem.errors.into_iter().map(|it| (it.field, it.code)).collect()
    }

    #[test]
    fn a_report_is_read_as_it_was_written_also_with_space_after_its_end() {
        let json = report().to_json();
        assert_eq!(
            json,
            "{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"kind\":\"bribe\",\"left\":true,\
             \"text\":\"Me pidieron dinero en la ventanilla 3\",\"at_ms\":1795262400000,\
             \"zone\":\"America/Mexico_City\",\"visit\":\"00000000-0000-0000-0000-000000000001\"}"
        );
        assert_eq!(Report::parse(format!("{json}   ").as_bytes()), Ok(report()));
        let later = json.replace("\"left\"", "\"of_a_later_version\":1,\"left\"");
        assert_eq!(Report::parse(later.as_bytes()), Ok(report()));
    }

    #[test]
    fn everything_that_does_not_fit_is_named_at_once() {
        let position = Position {
            source: PositionSource::Live,
            lat_e7: 900_000_001,
            lon_e7: 0,
            accuracy_mm: None,
            at_ms: None,
            mocked: None,
        };
        let wrong = Report {
            id: IncidentId(Uuid::from_u128(1)),
            text: "ñ".repeat(MAX_TEXT_CHARS + 1),
            at_ms: u64::MAX,
            zone: "América".to_string(),
            position: Some(position),
            ..report()
        };
        let fields: Vec<String> = told(&wrong).into_iter().map(|it| it.0).collect();
        assert_eq!(fields, ["/id", "/text", "/at_ms", "/zone", "/position"]);
        assert_eq!(Report { text: "ñ".repeat(MAX_TEXT_CHARS), ..report() }.check(), Ok(()));
        assert_eq!(Report::parse(b"{}").unwrap_err().code, "invalid_incident");
    }

    #[test]
    fn it_is_taken_in_hand_once_and_then_closed_for_good() {
        for from in IncidentState::ALL {
            let next: Vec<_> = IncidentState::ALL.iter().filter(|it| from.may_become(**it)).collect();
            let expected: &[&IncidentState] = match from {
                IncidentState::Received => &[&IncidentState::InHand],
                IncidentState::InHand => &[&IncidentState::Closed],
                IncidentState::Closed => &[],
            };
            assert_eq!(next, expected, "{from}");
        }
    }
}
