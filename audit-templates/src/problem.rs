//! What is wrong with a content file, where, and how to mend it. Owns the shape; the readers and validators make the
//! codes.

use std::fmt;

use domain::{FieldProblem, Problem};
use serde::{Deserialize, Serialize};

/// One thing wrong with a content file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TemplateProblem {
    /// Name of the file, as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Where in the content: `sections[2].items[4].when`; empty for the whole file.
    pub path: String,
    /// Stable machine code, snake case.
    pub code: String,
    /// What is wrong and how to mend it, in Spanish.
    pub message_es: String,
    /// What is wrong and how to mend it, in English.
    pub message_en: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, path, code, message_en, .. } = self;
        write!(f, "{file}:{line}: {path}: {message_en} [{code}]")
    }
}

impl TemplateProblem {
    /// As a field of a problem: the path becomes a JSON Pointer too; file, line and path lead the message.
    pub fn to_field_problem(&self) -> FieldProblem {
        let pointer: String = self
            .path
            .split(['.', '[', ']'])
            .filter(|it| !it.is_empty())
            .fold(String::new(), |pointer, step| domain::problem::pointer(&pointer, step));
        let Self { file, line, path, .. } = self;
        FieldProblem::new(
            pointer,
            &self.code,
            format!("{file}:{line}: {path}: {}", self.message_es),
            format!("{file}:{line}: {path}: {}", self.message_en),
        )
    }
}

/// Every problem of a content file as one problem, code `invalid_template`.
pub fn to_problem(problems: &[TemplateProblem]) -> Problem {
    let errors = problems.iter().map(TemplateProblem::to_field_problem).collect();
    Problem::invalid("invalid_template", "The template has problems", errors)
}
