//! `veedor admin export-visit` and `veedor verify-visit`: a visit as one file, and what that file proves by itself; a printed visit, and
//! what its signature proves of it.

use crate::console;
use domain::{Problem, ids::AuditId};
use server::{
    App,
    app::{
        organizations,
        visits::evidence::{EvidenceFault, check, check_print, export},
    },
};
use std::path::PathBuf;
use uuid::Uuid;

/// What `veedor verify-visit` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file that `veedor admin export-visit` wrote; with `--signature` the PDF, which may be left out where only paper is at hand
    #[arg(required_unless_present = "signature")]
    file: Option<PathBuf>,
    /// The signature of a printed visit, as the console hands it out beside the PDF
    #[arg(long)]
    signature: Option<PathBuf>,
    /// The hash as it stands on the paper
    #[arg(long, requires = "signature")]
    hash: Option<String>,
}

/// Prints the evidence of a visit.
///
/// # Errors
/// `not_found` for an organization or a visit that is not there; those of the database.
pub(crate) fn export_visit(app: &App, org: &str, visit: Uuid) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, org).map_err(|it| it.for_operator())?;
    let text = export(app, org, AuditId(visit)).map_err(|it| it.for_operator())?;
    console::print_text(&format!("{text}\n"))
}

/// Checks a file, or a printed visit against its signature, and prints what is proved.
///
/// # Errors
/// The first thing that does not hold; `nothing_to_check` for a signature alone.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let refused = |fault: EvidenceFault| Problem::single(422, fault.code, fault.es, fault.en);
    match (&arguments.signature, &arguments.file) {
        (Some(_), None) if arguments.hash.is_none() => Err(Problem::single(
            422,
            "nothing_to_check",
            "Falta qué comprobar: dé el PDF, o la huella del papel con --hash.",
            "There is nothing to check: give the PDF, or the hash on the paper with --hash.",
        )),
        (Some(signature), file) => {
            let signature = console::read_input(signature)?;
            let bytes = file.as_deref().map(console::read_bytes).transpose()?;
            let proved = check_print(&signature, bytes.as_deref(), arguments.hash.as_deref());
            console::print(&proved.map_err(refused)?)
        }
        (None, Some(file)) => console::print(&check(&console::read_input(file)?).map_err(refused)?),
        // The parser of flags asks for one of them.
        (None, None) => Ok(()),
    }
}
