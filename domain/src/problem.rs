//! What is wrong with an input, said so that a person can mend it and a program can act on it. Owns the shape
//! (DOMAIN.md 11, RFC 9457); every module makes its own codes.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// One offending field of an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldProblem {
    /// JSON Pointer into the input (RFC 6901); empty for the whole document.
    pub field: String,
    /// Stable machine code, snake case.
    pub code: String,
    /// What is wrong and how to mend it, in Spanish.
    pub message_es: String,
    /// What is wrong and how to mend it, in English.
    pub message_en: String,
}

impl FieldProblem {
    /// A problem at a JSON Pointer.
    pub fn new(
        field: impl Into<String>,
        code: &str,
        message_es: impl Into<String>,
        message_en: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.to_string(),
            message_es: message_es.into(),
            message_en: message_en.into(),
        }
    }
}

/// A refused input: problem details with every offending field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:veedor:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short English title; the texts in both languages are in `errors`.
    pub title: String,
    /// HTTP status that fits the problem.
    pub status: u16,
    /// Stable machine code, snake case.
    pub code: String,
    /// Every offending field; never empty.
    pub errors: Vec<FieldProblem>,
}

impl Problem {
    /// An input that breaks rules, status 422.
    pub fn invalid(code: &str, title: &str, errors: Vec<FieldProblem>) -> Self {
        Self::with_status(422, code, title, errors)
    }

    /// A problem with its own status.
    pub fn with_status(status: u16, code: &str, title: &str, errors: Vec<FieldProblem>) -> Self {
        Self {
            kind: format!("urn:veedor:problem:{code}"),
            title: title.to_string(),
            status,
            code: code.to_string(),
            errors,
        }
    }

    /// A problem of the whole input, told once.
    pub fn single(
        status: u16,
        code: &str,
        message_es: impl Into<String>,
        message_en: impl Into<String>,
    ) -> Self {
        let message_en = message_en.into();
        let error = FieldProblem::new("", code, message_es, message_en.clone());
        Self::with_status(status, code, &message_en, vec![error])
    }
}

/// Appends a step to a JSON Pointer, escaping `~` and `/` (RFC 6901).
pub fn pointer(parent: &str, step: impl core::fmt::Display) -> String {
    let step = step.to_string().replace('~', "~0").replace('/', "~1");
    format!("{parent}/{step}")
}
