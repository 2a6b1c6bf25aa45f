//! What a screen asks and what it is answered: one JSON message each way, the same for the browser and for native shells. Owns the
//! envelope; the shapes of each screen stand beside what fills them.

use domain::Problem;
use serde::{Deserialize, Serialize};

use crate::{
    briefing::Briefing,
    conflicts::Conflicts,
    home::Home,
    incident::Incidents,
    outbox::Outbox,
    phone::Position,
    review::Review,
    versions::Versions,
    visit::{Visit, VisitChange},
};

/// A message to the phone's core. Instants are milliseconds since 1970 on the phone's clock; ids are UUIDs; answers are JSON
/// texts, so that no decimal goes through a float.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Now.
    pub now_ms: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "ask", rename_all = "snake_case", try_from = "Flat")]
pub enum Ask {
    /// Assignments and visits. Answer: `home`.
    Home {},
    /// What an auditor reads before a visit. Answer: `briefing`.
    Briefing {
        /// The assignment.
        assignment: String,
    },
    /// Takes an offer; also without a network. Answer: `home`.
    Accept {
        /// The assignment.
        assignment: String,
    },
    /// Refuses an offer. Answer: `home`.
    Decline {
        /// The assignment.
        assignment: String,
        /// Why, for whoever plans.
        reason: String,
    },
    /// Begins the visit of an assignment; begun already, it is opened. Answer: `visit`.
    Start {
        /// The assignment.
        assignment: String,
    },
    /// Begins a visit that nobody planned. Answer: `visit`.
    StartAdHoc {
        /// A new UUIDv7.
        visit: String,
        /// The branch.
        branch: String,
        /// The hash of the checklist.
        checklist: String,
    },
    /// Opens a visit. Answer: `visit`.
    Open {
        /// The visit.
        visit: String,
    },
    /// Answers a field (`B02`, `B02#comment`), or states a fact of the visit (`@arrival`, `@departure`, `@platform`, `@outcome`);
    /// `null` takes it back. Answer: `change`.
    Answer {
        /// The visit.
        visit: String,
        /// The field.
        field: String,
        /// The answer as JSON text.
        json: String,
    },
    /// Takes a photo away. Answer: `change`.
    Detach {
        /// The visit.
        visit: String,
        /// Its id, as the visit shows it.
        photo: String,
    },
    /// Settles a conflict with the value that stands. Answer: `change`.
    Resolve {
        /// The visit.
        visit: String,
        /// The field.
        field: String,
        /// The answer as JSON text; `null` for none.
        json: String,
    },
    /// Other versions of the visit's checklist, with what a move to each would do. Answer: `versions`.
    Versions {
        /// The visit.
        visit: String,
    },
    /// Moves the visit to another version of its checklist. Answer: `visit`.
    Migrate {
        /// The visit.
        visit: String,
        /// The hash of the version.
        checklist: String,
    },
    /// What is handed in, with what is missing. Answer: `review`.
    Review {
        /// The visit.
        visit: String,
    },
    /// Hands the visit in as it was reviewed. Answer: `visit`.
    Submit {
        /// The visit.
        visit: String,
        /// `seen` of the review.
        seen: String,
    },
    /// What is not on the server. Answer: `outbox`.
    Outbox {},
    /// Open conflicts. Answer: `conflicts`.
    Conflicts {},
    /// Reports an incident: kept at once, and the first thing to be sent. Answer: `incidents`.
    Report {
        /// A new UUIDv7; the same one again changes nothing.
        incident: String,
        /// 32 fresh random bytes, hexadecimal: of them the seal is made.
        seed: String,
        /// `bribe`, `violence`, `discrimination`, `danger` or `other`.
        kind: String,
        /// Whether its author left for safety.
        left: bool,
        /// In its author's words; empty for none.
        text: String,
        /// The phone's time zone (IANA).
        zone: String,
        /// Where its author is, as far as the platform could tell at once.
        position: Option<Position>,
        /// The visit in which it happened.
        visit: Option<String>,
    },
    /// The reports of this phone. Answer: `incidents`.
    Incidents {},
}

/// The names of what is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Name {
    Home,
    Briefing,
    Accept,
    Decline,
    Start,
    StartAdHoc,
    Open,
    Answer,
    Detach,
    Resolve,
    Versions,
    Migrate,
    Review,
    Submit,
    Outbox,
    Conflicts,
    Report,
    Incidents,
}

/// Every member that something asked may have: read as one, since a reader for each is 15 KB of what a phone downloads.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Flat {
    ask: Name,
    assignment: Option<String>,
    visit: Option<String>,
    branch: Option<String>,
    checklist: Option<String>,
    field: Option<String>,
    json: Option<String>,
    photo: Option<String>,
    reason: Option<String>,
    seen: Option<String>,
    incident: Option<String>,
    seed: Option<String>,
    kind: Option<String>,
    left: Option<bool>,
    text: Option<String>,
    zone: Option<String>,
    position: Option<Position>,
}

impl TryFrom<Flat> for Ask {
    type Error = String;

    fn try_from(it: Flat) -> Result<Self, String> {
        let there = |member: Option<String>, name: &str| member.ok_or_else(|| format!("`{name}` is missing"));
        let visit = || there(it.visit.clone(), "visit");
        let assignment = || there(it.assignment.clone(), "assignment");
        Ok(match it.ask {
            Name::Home => Self::Home {},
            Name::Briefing => Self::Briefing { assignment: assignment()? },
            Name::Accept => Self::Accept { assignment: assignment()? },
            Name::Decline => Self::Decline { assignment: assignment()?, reason: there(it.reason, "reason")? },
            Name::Start => Self::Start { assignment: assignment()? },
            Name::StartAdHoc => Self::StartAdHoc {
                visit: visit()?,
                branch: there(it.branch, "branch")?,
                checklist: there(it.checklist, "checklist")?,
            },
            Name::Open => Self::Open { visit: visit()? },
            Name::Answer => Self::Answer {
                visit: visit()?,
                field: there(it.field, "field")?,
                json: there(it.json, "json")?,
            },
            Name::Detach => Self::Detach { visit: visit()?, photo: there(it.photo, "photo")? },
            Name::Resolve => Self::Resolve {
                visit: visit()?,
                field: there(it.field, "field")?,
                json: there(it.json, "json")?,
            },
            Name::Versions => Self::Versions { visit: visit()? },
            Name::Migrate => Self::Migrate { visit: visit()?, checklist: there(it.checklist, "checklist")? },
            Name::Review => Self::Review { visit: visit()? },
            Name::Submit => Self::Submit { visit: visit()?, seen: there(it.seen, "seen")? },
            Name::Outbox => Self::Outbox {},
            Name::Conflicts => Self::Conflicts {},
            Name::Report => Self::Report {
                incident: there(it.incident, "incident")?,
                seed: there(it.seed, "seed")?,
                kind: there(it.kind, "kind")?,
                left: it.left.unwrap_or_default(),
                text: it.text.unwrap_or_default(),
                zone: there(it.zone, "zone")?,
                position: it.position,
                visit: it.visit,
            },
            Name::Incidents => Self::Incidents {},
        })
    }
}

/// What a screen is answered.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Assignments and visits.
    Home(Home),
    /// What an auditor reads before a visit.
    Briefing(Box<Briefing>),
    /// A visit whole.
    Visit(Box<Visit>),
    /// What changed in a visit since it was last answered.
    Change(Box<VisitChange>),
    /// Versions of a visit's checklist.
    Versions(Versions),
    /// What is handed in.
    Review(Review),
    /// What is not on the server.
    Outbox(Outbox),
    /// Open conflicts.
    Conflicts(Conflicts),
    /// The reports of this phone.
    Incidents(Incidents),
    /// The message was refused; nothing was written.
    Refused(Refused),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refused {
    /// Why, in both languages, and how to mend it.
    pub problem: Problem,
}
