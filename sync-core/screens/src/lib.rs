//! What each screen of the phone shows and takes, as data: a message in, the next view out; and what a run carries to the office, step by
//! step. The same for the browser (`sync-core/wasm`) and for native shells (`sync-core/ffi`). Owns no rule: what is asked, missing or
//! worth is `domain`'s, what is kept and sent is `device`'s.

mod briefing;
mod conflicts;
mod home;
mod incident;
mod messages;
mod outbox;
mod phone;
mod rescue;
mod review;
mod runs;
#[cfg(feature = "schema")]
mod schema;
mod versions;
mod visit;

pub use briefing::{Briefing, QuestionCard, SectionCard};
pub use conflicts::{Conflict, Conflicts, Value};
pub use home::{AssignmentCard, BranchFacts, ChecklistCard, Home, SyncState, VisitCard};
pub use incident::{IncidentCard, Incidents};
pub use messages::{Ask, Message, Refused, Reply};
pub use outbox::{Outbox, Waiting};
pub use phone::{Phone, Photo, Position};
pub use rescue::{Salvage, ToSign};
pub use review::Review;
pub use runs::{Ended, How, Step};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use versions::{Affected, OtherVersion, Versions};
pub use visit::{
    Allows, Evidence, Facts, Form, FormItem, FormOption, FormSection, ItemState, PhotoCard, Progress, State,
    Visit, VisitChange,
};
