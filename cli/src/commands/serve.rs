//! `veedor serve`: opens the office and serves until it is told to stop.

use crate::{console, settings::SettingsArguments};
use domain::Problem;
use server::{App, Config, Environment, config::LogFormat};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Serve the office: HTTP API, sync, pages.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
}

/// Runs the command; ends with SIGINT or SIGTERM, after the requests under way.
///
/// # Errors
/// `bad_settings`, and whatever keeps the office from opening.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let config = arguments.settings.read()?;
    write_logs(&config)?;
    tracing::info!(?config, "settings");
    let scheme = if config.is_tls() { "https" } else { "http" };
    let app = App::open(config, Environment::default()).map_err(|it| it.for_operator())?;
    let setup = server::app::setup::begin(&app).map_err(|it| it.for_operator())?;
    server::serve::run(app, |addresses| {
        for address in addresses {
            // Scripts read the port from here; where standard output is gone nobody does.
            let _ = console::print_text(&format!("listening at {scheme}://{address}\n"));
        }
        if let (Some(code), Some(address)) = (setup, addresses.first()) {
            let _ = console::print_text(&format!("set up at {scheme}://{address}/setup?code={code}\n"));
        }
    })
    .map_err(|it| it.for_operator())
}

/// Writes log lines to standard error, as the settings say.
///
/// # Errors
/// `bad_settings` for a filter that cannot be read.
pub(crate) fn write_logs(config: &Config) -> Result<(), Problem> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        let text = error.to_string();
        let error = domain::FieldProblem::new("/log", "bad_setting", format!("No vale: {text}"), text);
        Problem::invalid("bad_settings", "the settings cannot be used", vec![error])
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second call in one process keeps the first choice.
    let _ = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
