//! `veedor admin export-visit` and `veedor verify-visit`: a visit as one file, and what that file proves by itself.

use crate::console;
use domain::{Problem, ids::AuditId};
use server::{
    App,
    app::{
        organizations,
        visits::evidence::{check, export},
    },
};
use std::path::PathBuf;
use uuid::Uuid;

/// What `veedor verify-visit` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file that `veedor admin export-visit` wrote
    file: PathBuf,
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

/// Checks a file and prints what it proves.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let text = console::read_input(&arguments.file)?;
    match check(&text) {
        Ok(proved) => console::print(&proved),
        Err(fault) => Err(Problem::single(422, fault.code, fault.es, fault.en)),
    }
}
