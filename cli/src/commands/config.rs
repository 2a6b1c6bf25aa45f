//! `veedor config`: prints the settings in force, secrets hidden.

use crate::{console, settings::SettingsArguments};
use domain::Problem;

/// Print the settings in force, secrets hidden.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
}

/// Runs the command.
///
/// # Errors
/// `bad_settings`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    console::print(&arguments.settings.read()?.without_secrets())
}
