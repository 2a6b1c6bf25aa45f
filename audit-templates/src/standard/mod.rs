//! Standards as content: the embedded ones, and the reader of standard files. Owns which are released.

mod reader;

use std::sync::OnceLock;

use domain::standard::Standard;

use crate::{
    TemplateProblem, figures, ids,
    read::{Report, read},
    released::{Released, find},
};

/// The embedded files.
const FILES: [(&str, &str); 1] = [("cem_1000.yaml", include_str!("../../content/standards/cem_1000.yaml"))];

/// Every released standard.
pub fn standards() -> &'static [Released<Standard>] {
    static RELEASED: OnceLock<Vec<Released<Standard>>> = OnceLock::new();
    RELEASED.get_or_init(|| {
        FILES.iter().map(|(name, text)| Released::embedded(name, text, read_standard)).collect()
    })
}

/// The released standard of that id, in a version or in its newest one.
pub fn find_standard(id: &str, version: Option<u32>) -> Option<&'static Released<Standard>> {
    find(standards(), id, version)
}

/// Reads and judges a standard file, YAML or JSON.
///
/// # Errors
/// Every problem, by line.
pub fn read_standard(file_name: &str, text: &str) -> Result<Standard, Vec<TemplateProblem>> {
    read(file_name, text, reader::standard, validate)
}

fn validate(standard: &Standard, report: &Report) {
    ids::kebab(report, "id", &standard.id);
    for (index, band) in standard.bands.iter().enumerate() {
        ids::snake(report, &format!("bands[{index}].id"), &band.id);
    }
    for (index, gate) in standard.gates.iter().enumerate() {
        ids::snake(report, &format!("gates[{index}].id"), &gate.id);
    }
    figures::tell(report, standard.problems(), figures::path);
}

#[cfg(test)]
mod tests;
