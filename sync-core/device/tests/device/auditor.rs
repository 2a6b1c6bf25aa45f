//! What an auditor says beside the answers: to an offer, of the visit as a whole, and of conflicts.

#[path = "attachments.rs"]
mod attachments;
#[path = "incidents.rs"]
mod incidents;
#[path = "offers.rs"]
mod offers;
#[path = "settled.rs"]
mod settled;
#[path = "visit_facts.rs"]
mod visit_facts;
