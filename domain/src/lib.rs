//! The rules of Veedor: what a checklist means, what a visit scores, how a branch rates against a standard, what a
//! scorecard shows and what an incentive plan pays. Pure: no clock, no input or output, no async, and no knowledge
//! of sync, SQL or HTTP. Time, ids and content are arguments.
#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod access;
pub mod answer;
pub mod appeal;
pub mod attachment;
pub mod checklist;
pub mod date;
pub mod exact;
pub mod flags;
pub mod ids;
pub mod incentive;
pub mod incident;
pub mod input;
pub mod json;
pub mod lifecycle;
pub mod place;
pub mod problem;
pub mod rotation;
pub mod rounded;
pub mod rule;
pub mod scorecard;
pub mod standard;
pub mod statistics;
pub mod text;
pub mod visit_facts;
pub mod visit_score;

pub use date::Date;
pub use exact::Exact;
pub use problem::{FieldProblem, Problem};
pub use rounded::Rounded;
pub use rule::Rule;
pub use text::LocalText;
