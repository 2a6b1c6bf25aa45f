//! What Veedor asks and what it is worth: checklists, standards and incentive plans as embedded, versioned content,
//! with the reader and validator of their files. Owns the content and its format; the types and rules are in
//! `domain`.

pub mod catalogue;
pub mod checklist;
mod figures;
pub mod ids;
pub mod plan;
pub mod problem;
pub mod read;
pub mod released;
pub mod schema;
pub mod standard;

pub use catalogue::{catalogue, check_file};
pub use checklist::{checklists, find_checklist, read_checklist};
pub use plan::{find_plan, plans, read_plans};
pub use problem::{TemplateProblem, to_problem};
pub use released::Released;
pub use standard::{find_standard, read_standard, standards};
