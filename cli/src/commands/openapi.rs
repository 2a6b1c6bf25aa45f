//! `veedor openapi`: prints the description of the HTTP interface.

use crate::console;
use domain::Problem;

/// Print the OpenAPI 3.1 document of the HTTP interface.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Runs the command.
///
/// # Errors
/// `output_failed`.
pub(crate) fn run(_: &Arguments) -> Result<(), Problem> {
    console::print_text(&server::openapi::document_text())
}
