//! Text that people read, in both languages. Owns the pair, not the catalogue of screens.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// A text in Spanish and English. Both are always present; neither is empty in released content.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocalText {
    /// Spanish, the neutral base.
    pub es: String,
    /// English.
    pub en: String,
}

impl LocalText {
    /// Joins two texts into a pair.
    pub fn new(es: impl Into<String>, en: impl Into<String>) -> Self {
        Self { es: es.into(), en: en.into() }
    }
}
