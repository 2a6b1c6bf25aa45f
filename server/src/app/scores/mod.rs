//! Visit scores: computed from the ops by `scoring`, frozen as `document`.

mod checklists;
pub(crate) mod document;
pub(crate) mod scoring;
