//! All released content in one list, whatever its kind, and the check of a file of any kind. Owns which kinds there
//! are: a new kind adds its line to each function here.

use domain::{
    incentive::{PLAN_SCHEMA, Warning},
    standard::STANDARD_SCHEMA,
};
use serde::Serialize;

use crate::{
    TemplateProblem, checklists, plans,
    read::schema_of,
    read_checklist, read_plans, read_standard,
    released::{Released, Versioned, canonical_json, sha256_hex},
    standards,
};

/// A piece of released content, its kind aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// `checklist`, and so on.
    pub kind: &'static str,
    /// Stable id.
    pub id: &'static str,
    /// Version, from 1.
    pub version: u32,
    /// SHA-256 of the canonical JSON, 64 hexadecimal digits.
    pub sha256_hex: &'static str,
    /// The canonical JSON.
    pub canonical_json: &'static str,
    /// Name of its file.
    pub file_name: &'static str,
    /// The file, as people wrote it.
    pub source_yaml: &'static str,
}

impl Entry {
    fn of<T: Versioned>(released: &'static Released<T>) -> Self {
        Self {
            kind: T::KIND,
            id: released.content.id(),
            version: released.content.version(),
            sha256_hex: &released.sha256_hex,
            canonical_json: &released.canonical_json,
            file_name: released.file_name,
            source_yaml: released.source_yaml,
        }
    }

    /// Its line of `released.lock`: kind, id, version and hash.
    pub fn lock_line(&self) -> String {
        format!("{} {} {} {}", self.kind, self.id, self.version, self.sha256_hex)
    }
}

/// Every piece of released content, by kind, then in the order of release.
pub fn catalogue() -> Vec<Entry> {
    let checklists = checklists().iter().map(Entry::of);
    let standards = standards().iter().map(Entry::of);
    checklists.chain(standards).chain(plans().iter().map(Entry::of)).collect()
}

/// What a file without problems contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// `checklist`, and so on.
    pub kind: &'static str,
    /// Stable id.
    pub id: String,
    /// Version, from 1.
    pub version: u32,
    /// SHA-256 of its canonical JSON: the hash that it would be released under.
    pub sha256: String,
    /// What is allowed but unwise, at JSON Pointers into it.
    pub warnings: Vec<Warning>,
}

impl Checked {
    fn of<T: Versioned + Serialize>(content: &T) -> Self {
        Self {
            kind: T::KIND,
            id: content.id().to_string(),
            version: content.version(),
            sha256: sha256_hex(canonical_json(content).as_bytes()),
            warnings: content.warnings(),
        }
    }
}

/// Checks a file of any kind; `read::schema_of` tells the kinds apart.
///
/// # Errors
/// Every problem, by line.
pub fn check_file(file_name: &str, text: &str) -> Result<Vec<Checked>, Vec<TemplateProblem>> {
    match schema_of(text).as_deref() {
        Some(STANDARD_SCHEMA) => read_standard(file_name, text).map(|it| vec![Checked::of(&it)]),
        Some(PLAN_SCHEMA) => read_plans(file_name, text).map(|it| it.iter().map(Checked::of).collect()),
        _ => read_checklist(file_name, text).map(|it| vec![Checked::of(&it)]),
    }
}
