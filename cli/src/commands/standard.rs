//! `veedor standard`: how a branch rates against a standard, explained.

use std::path::{Path, PathBuf};

use audit_templates::{find_standard, read_standard, standards, to_problem};
use domain::{
    Problem,
    standard::{Standard, rate, read_inputs},
};

use super::score::{is_file_name, split_version, unknown_template};
use crate::console;

/// Rate a branch against a standard.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Id of a released standard, with a version if wanted (`cem-1000@1`), or a standard file
    #[arg(long, value_name = "ID|FILE")]
    standard: String,
    /// File with the inputs, a JSON object with one entry for each criterion, or `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    inputs: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// `unknown_template`, `invalid_template`, `malformed_json`, `invalid_inputs`, `unreadable_input`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let standard = load(&arguments.standard)?;
    let json = console::read_input(&arguments.inputs)?;
    let inputs = read_inputs(&standard, &json)?;
    console::print(&rate(&standard, &inputs)?)
}

/// A standard by id, `id@version` or path of a file.
fn load(name: &str) -> Result<Standard, Problem> {
    if is_file_name(name) {
        let text = console::read_input(Path::new(name))?;
        return read_standard(name, &text).map_err(|problems| to_problem(&problems));
    }
    let (id, version) = split_version(name);
    let found = version.and_then(|version| find_standard(id, version));
    found.map(|it| it.content.clone()).ok_or_else(|| {
        let known = standards().iter().map(|it| format!("{}@{}", it.content.id, it.content.version));
        unknown_template(name, &known.collect::<Vec<_>>())
    })
}
