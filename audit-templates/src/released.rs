//! Released content: embedded, versioned, immutable, addressed by the SHA-256 of its canonical JSON. Owns the form in
//! which content is handed out and found; which content there is, is listed by each kind's module.

use domain::{
    checklist::Checklist,
    incentive::{Plan, Warning},
    standard::Standard,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::TemplateProblem;

/// A released piece of content.
#[derive(Debug, Clone)]
pub struct Released<T> {
    /// The content.
    pub content: T,
    /// Name of its file.
    pub file_name: &'static str,
    /// The file, as people wrote it.
    pub source_yaml: &'static str,
    /// `serde_json` of the type: struct field order, no whitespace.
    pub canonical_json: String,
    /// SHA-256 of the canonical JSON, 64 hexadecimal digits.
    pub sha256_hex: String,
}

/// Content that is released in versions.
pub trait Versioned {
    /// Kind as written in `released.lock`.
    const KIND: &'static str;
    /// Stable id.
    fn id(&self) -> &str;
    /// Version, from 1.
    fn version(&self) -> u32;
    /// What is allowed but unwise, at JSON Pointers into it.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

impl Versioned for Checklist {
    const KIND: &'static str = "checklist";
    fn id(&self) -> &str {
        &self.id
    }
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for Standard {
    const KIND: &'static str = "standard";
    fn id(&self) -> &str {
        &self.id
    }
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for Plan {
    const KIND: &'static str = "plan";
    fn id(&self) -> &str {
        &self.id
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn warnings(&self) -> Vec<Warning> {
        Plan::warnings(self)
    }
}

impl<T: Versioned + Serialize> Released<T> {
    /// Reads an embedded file.
    ///
    /// # Panics
    /// Where the file has problems; the tests of this crate read every embedded file.
    pub fn embedded(
        file_name: &'static str,
        source_yaml: &'static str,
        read: impl FnOnce(&str, &str) -> Result<T, Vec<TemplateProblem>>,
    ) -> Self {
        let content =
            read(file_name, source_yaml).expect("embedded content is read by the tests before release");
        let canonical_json = canonical_json(&content);
        let sha256_hex = sha256_hex(canonical_json.as_bytes());
        Self { content, file_name, source_yaml, canonical_json, sha256_hex }
    }
}

/// Finds content by id, in a version or in its newest one.
pub fn find<'a, T: Versioned>(
    all: &'a [Released<T>],
    id: &str,
    version: Option<u32>,
) -> Option<&'a Released<T>> {
    all.iter()
        .filter(|it| it.content.id() == id && version.is_none_or(|wanted| it.content.version() == wanted))
        .max_by_key(|it| it.content.version())
}

/// The canonical JSON of a content type: how phones and the server's database hold it.
pub fn canonical_json(content: &impl Serialize) -> String {
    serde_json::to_string(content)
        .expect("content types are plain structs with text keys, which JSON can always say")
}

/// SHA-256 in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}
