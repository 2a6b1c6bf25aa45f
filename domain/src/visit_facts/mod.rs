//! What a visit states beside its answers: when and where its auditor arrived and left, what the platform could prove, and
//! that it could not happen. Owns the reserved fields under which these are kept, their values and what they must hold; what
//! they are worth as evidence is in `grade`. Nothing here takes part in a score.

mod grade;
mod read;

use alloc::{format, string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Date, FieldProblem, answer::TimeOfDay, problem::pointer};

pub use grade::{EvidenceGrade, GradeReason, Graded, PhotoProvenance, grade};
pub use read::parse_fact;
pub(crate) use read::{is_instant, is_on_earth, is_zone};

/// Field of the arrival, a [`Moment`].
pub const ARRIVAL: &str = "@arrival";
/// Field of the departure, a [`Moment`].
pub const DEPARTURE: &str = "@departure";
/// Field of the platform, a [`Platform`].
pub const PLATFORM: &str = "@platform";
/// Field of the outcome, an [`Outcome`]; while it stands, the visit could not happen.
pub const OUTCOME: &str = "@outcome";
/// Field of the photos that prove an outcome.
pub const OUTCOME_PHOTOS: &str = "@outcome#photo";

/// Every field that has a [`Fact`].
pub const FACTS: [&str; 4] = [ARRIVAL, DEPARTURE, PLATFORM, OUTCOME];

/// Fewest characters of an explanation, when a visit that could not happen is handed in.
pub const MIN_EXPLANATION_CHARS: usize = 20;
/// Longest explanation, in characters.
pub const MAX_EXPLANATION_CHARS: usize = 2_000;

/// Whether a field is reserved for what a visit states beside its answers: no item of a checklist has such an id.
pub fn is_reserved(field: &str) -> bool {
    field.starts_with('@')
}

/// When and where somebody arrived or left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// By the device's clock, milliseconds since 1970.
    pub at_ms: u64,
    /// On the wall clock of the branch.
    pub local: LocalTime,
    /// The branch's time zone (IANA).
    pub zone: String,
    /// Where, if it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// A position of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Whether a device found it or a person typed it.
    pub source: PositionSource,
    /// Degrees north times 10,000,000.
    pub lat_e7: i64,
    /// Degrees east times 10,000,000.
    pub lon_e7: i64,
    /// Radius of uncertainty in millimetres; only of a live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_mm: Option<u64>,
    /// When it was fixed, milliseconds since 1970 on the device's clock; only of a live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Whether the platform says that it is simulated; absent where the platform cannot know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mocked: Option<bool>,
}

impl Position {
    /// Whether a device found it, as far as its platform says.
    pub fn is_live(&self) -> bool {
        self.source == PositionSource::Live && self.mocked != Some(true)
    }
}

crate::lifecycle::named! {
    /// Where a position comes from.
    PositionSource {
        /// The device found it.
        Live = "live", "del dispositivo", "live";
        /// A person typed it.
        Typed = "typed", "escrita a mano", "typed";
    }
}

crate::lifecycle::named! {
    /// What the app runs on.
    PlatformKind {
        /// A browser, which cannot know a mocked position or that the device was restarted.
        Browser = "browser", "navegador", "browser";
        /// An app of the device.
        Native = "native", "aplicación", "native app";
    }
}

crate::lifecycle::named! {
    /// Why a visit could not happen (DOMAIN.md 10.1).
    Reason {
        /// Closed although it should have been open.
        ClosedInHours = "closed_in_hours", "cerrada en su horario", "closed in its hours";
        /// The system was down.
        NoSystem = "no_system", "sin sistema", "no system";
        /// The service was refused.
        ServiceRefused = "service_refused", "negaron el servicio", "service refused";
        /// It was not safe.
        Unsafe = "unsafe", "no era seguro", "unsafe";
        /// Nothing of the kind is at this address.
        WrongAddress = "wrong_address", "la dirección es otra", "wrong address";
        /// Something else.
        Other = "other", "otro motivo", "another reason";
    }
}

crate::lifecycle::named! {
    /// What became of a visit instead of its answers.
    OutcomeKind {
        /// It could not happen.
        NotCompleted = "not_completed", "no realizada", "not completed";
    }
}

/// What the device and its app could prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// What the app runs on.
    pub kind: PlatformKind,
    /// Whether the key that signs cannot leave the device's hardware.
    pub hardware_key: bool,
    /// Whether the app takes photos itself.
    pub camera: bool,
    /// Whether the app takes files that a person picks.
    pub file_picker: bool,
}

/// That a visit could not happen. What is missing is demanded when it is handed in ([`outcome_demands`]), not while it is
/// written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What became of it.
    pub kind: OutcomeKind,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What happened, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub explanation: String,
}

/// The value of a reserved field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// Of [`ARRIVAL`] or [`DEPARTURE`].
    Moment(Moment),
    /// Of [`PLATFORM`].
    Platform(Platform),
    /// Of [`OUTCOME`].
    Outcome(Outcome),
}

impl Fact {
    /// The canonical JSON text: the value of a `set` operation is these bytes.
    pub fn to_json(&self) -> String {
        // These shapes have only texts, integers and truth values under fixed names, which can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A date and time on the wall clock of a branch, `YYYY-MM-DDTHH:MM` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    /// The day.
    pub date: Date,
    /// The time of day.
    pub time: TimeOfDay,
}

impl LocalTime {
    /// Reads `YYYY-MM-DDTHH:MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        Some(Self { date: Date::parse(date)?, time: TimeOfDay::parse(time)? })
    }

    /// Minutes since 1970, as if it were UTC; none before.
    fn minutes(self) -> Option<u64> {
        let days = Date::new(1970, 1, 1)?.days_through(self.date).checked_sub(1)?;
        Some(u64::from(days) * 24 * 60 + u64::from(self.time.minutes()))
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

impl FromStr for LocalTime {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("not a local time such as 2026-11-21T10:30: {text}"))
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Everything that a visit states beside its answers, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VisitFacts {
    /// When and where its auditor arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Moment>,
    /// When and where they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departure: Option<Moment>,
    /// What the platform could prove.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// That it could not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl VisitFacts {
    /// Reads the facts of a visit, whose standing values `value` gives by field. Members of a later version are passed over, and a
    /// value that cannot be read is none: but an outcome that stands is one, whatever else it says.
    pub fn read<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let text = |field: &str| value(field).and_then(|it| core::str::from_utf8(it).ok());
        let moment = |field: &str| match text(field).and_then(|it| read::read_fact(field, it)) {
            Some(Fact::Moment(it)) => Some(it),
            _ => None,
        };
        let platform = match text(PLATFORM).and_then(|it| read::read_fact(PLATFORM, it)) {
            Some(Fact::Platform(it)) => Some(it),
            _ => None,
        };
        let unread = || Outcome { kind: OutcomeKind::NotCompleted, reason: None, explanation: String::new() };
        let outcome =
            value(OUTCOME).map(|_| match text(OUTCOME).and_then(|it| read::read_fact(OUTCOME, it)) {
                Some(Fact::Outcome(it)) => it,
                _ => unread(),
            });
        Self { arrival: moment(ARRIVAL), departure: moment(DEPARTURE), platform, outcome }
    }

    /// Whether its auditor says that the visit could not happen.
    pub fn is_not_completed(&self) -> bool {
        self.outcome.is_some()
    }

    /// What keeps a visit that could not happen from being handed in: a reason, an explanation, and proof of it, which is a photo or
    /// a live position on arrival. `reason_missing`, `min_chars`, `proof_missing`.
    ///
    /// - **Shape**: `photos` is how many stand in [`OUTCOME_PHOTOS`].
    pub fn outcome_demands(&self, photos: usize) -> Vec<FieldProblem> {
        let Some(outcome) = &self.outcome else { return Vec::new() };
        let mut problems = Vec::new();
        if outcome.reason.is_none() {
            problems.push(FieldProblem::new(
                pointer(&pointer("", OUTCOME), "reason"),
                "reason_missing",
                "Indique por qué no pudo hacerse la visita",
                "Say why the visit could not happen",
            ));
        }
        let found = outcome.explanation.trim().chars().count();
        if found < MIN_EXPLANATION_CHARS {
            problems.push(FieldProblem::new(
                pointer(&pointer("", OUTCOME), "explanation"),
                "min_chars",
                format!("La explicación tiene {found} caracteres; escriba al menos {MIN_EXPLANATION_CHARS}"),
                format!("The explanation has {found} characters; write at least {MIN_EXPLANATION_CHARS}"),
            ));
        }
        if !self.has_proof(photos) {
            problems.push(FieldProblem::new(
                pointer("", OUTCOME_PHOTOS),
                "proof_missing",
                "Tome una foto que lo pruebe, o registre la llegada con la ubicación del dispositivo",
                "Take a photo that proves it, or record the arrival with the position of the device",
            ));
        }
        problems
    }

    /// Whether there is proof that the visit could not happen: a photo of it, or a live position on arrival.
    pub fn has_proof(&self, photos: usize) -> bool {
        let arrived = self.arrival.as_ref().and_then(|it| it.position.as_ref());
        photos > 0 || arrived.is_some_and(Position::is_live)
    }
}

/// What reserved fields of a checklist's answers are not: a text for whoever reads an unknown one.
pub(crate) fn unknown_fact(field: &str) -> FieldProblem {
    let known = FACTS.join(", ");
    FieldProblem::new(
        pointer("", field),
        "unknown_fact",
        format!("«{field}» no es un dato de la visita; use uno de: {known}"),
        format!("`{field}` is no fact of a visit; use one of: {known}"),
    )
}

#[cfg(test)]
mod tests;
