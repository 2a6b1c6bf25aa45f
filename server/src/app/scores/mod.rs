//! Visit scores: computed from the ops by `scoring`, frozen as `document`; `change` says why a version was.

pub(crate) mod change;
pub(crate) mod checklists;
pub(crate) mod document;
pub(crate) mod scoring;
