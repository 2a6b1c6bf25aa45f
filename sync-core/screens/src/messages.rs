//! What a screen asks and what it is answered: one JSON message each way, the same for the browser and for native shells. Owns the
//! envelope; the shapes of each screen stand beside what fills them.

use domain::Problem;
use serde::{Deserialize, Serialize};

use crate::{
    briefing::Briefing,
    conflicts::Conflicts,
    home::Home,
    outbox::Outbox,
    review::Review,
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
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Assignments and visits. Answer: `home`.
    Home {},
    /// What an auditor reads before a visit. Answer: `briefing`.
    Briefing {
        /// The assignment.
        assignment: String,
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
    /// Answers a field (`B02`, `B02#comment`); `null` takes the answer back. Answer: `change`.
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
    /// What is handed in.
    Review(Review),
    /// What is not on the server.
    Outbox(Outbox),
    /// Open conflicts.
    Conflicts(Conflicts),
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
