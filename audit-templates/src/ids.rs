//! Which ids content may use. Owns their form, for every kind of content.

use crate::read::Report;

/// Longest id, in characters.
pub const MAX_ID_CHARS: usize = 64;

/// Words that YAML 1.1 readers take for a truth value, and the answer `na`: never an id.
const RESERVED: [&str; 9] = ["yes", "no", "on", "off", "y", "n", "na", "true", "false"];

/// Whether a word cannot be an id, whatever its case.
pub fn is_reserved(id: &str) -> bool {
    RESERVED.contains(&id.to_ascii_lowercase().as_str())
}

/// Reports an id that is not of the form `sin_resolver`.
pub fn snake(report: &Report, at: &str, id: &str) {
    check(report, at, id, '_', "sin_resolver");
}

/// Reports an id that is not of the form `ms-banco-sucursal`.
pub fn kebab(report: &Report, at: &str, id: &str) {
    check(report, at, id, '-', "ms-banco-sucursal");
}

fn check(report: &Report, at: &str, id: &str, joint: char, example: &str) {
    let letters =
        |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let is_formed = id.len() <= MAX_ID_CHARS
        && id.starts_with(|it: char| it.is_ascii_lowercase())
        && id.split(joint).all(letters);
    if !is_formed || is_reserved(id) {
        report.refuse(
            at,
            "bad_id",
            format!(
                "Un id lleva minúsculas y cifras unidas con «{joint}», como {example}; no puede ser yes, no, on, off, y, n, na, true ni false"
            ),
            format!(
                "An id has lower-case letters and digits joined by `{joint}`, such as {example}; it cannot be yes, no, on, off, y, n, na, true or false"
            ),
        );
    }
}
