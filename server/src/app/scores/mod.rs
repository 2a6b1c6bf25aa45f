//! Visit scores: computed from the ops by `scoring`, frozen as `document`.

pub(crate) mod checklists;
pub(crate) mod document;
pub(crate) mod scoring;
