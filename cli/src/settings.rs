//! Where the settings of the office come from: defaults, then a TOML file, then `VEEDOR_*` of the environment, then the
//! command line; each overrides the ones before. A key that nobody knows stops the start.

use clap::Args;
use domain::{FieldProblem, Problem, problem::pointer};
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use serde::Serialize;
use server::Config;
use std::path::{Path, PathBuf};

/// The file that is read where none is named and it exists.
const DEFAULT_FILE: &str = "veedor.toml";
/// Begins every variable of the environment that is a setting.
const PREFIX: &str = "VEEDOR_";

/// Variables of that beginning which others read: commands, and the tests of the phone.
const NOT_SETTINGS: &[&str] = &["password_file", "bin"];
/// The folder beside the binary that is served as the phone app where no other is named.
const PHONE_BESIDE: &str = "phone";

/// Settings on the command line.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct SettingsArguments {
    /// Settings file; `veedor.toml` of this folder where it exists
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    /// `sqlite:FILE` or `postgres://...`
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// PEM file with the certificate chain; with --tls-key it turns HTTPS on
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file with the private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Threads that serve requests; one per core where it is left out
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<usize>,
    /// Folder of the phone app; `phone` beside this program where there is one
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<PathBuf>,
}

impl SettingsArguments {
    /// The settings in force.
    ///
    /// # Errors
    /// `bad_settings` with every key that is unknown or has a value of another type, and where it comes from;
    /// `unreadable_input` for a named file that is not there.
    pub(crate) fn read(&self) -> Result<Config, Problem> {
        let mut sources = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = self.file()? {
            sources = sources.merge(Toml::file_exact(file));
        }
        let mut config: Config = sources
            .merge(Env::prefixed(PREFIX).ignore(NOT_SETTINGS))
            .merge(Serialized::defaults(self))
            .extract()
            .map_err(bad_settings)?;
        config.phone = config.phone.or_else(phone_beside);
        checked(config)
    }

    fn file(&self) -> Result<Option<&Path>, Problem> {
        match &self.config {
            Some(file) if file.is_file() => Ok(Some(file)),
            Some(file) => Err(Problem::single(
                400,
                "unreadable_input",
                format!("No está el archivo {}", file.display()),
                format!("There is no file {}", file.display()),
            )),
            None => Ok(Some(Path::new(DEFAULT_FILE)).filter(|it| it.is_file())),
        }
    }
}

/// The phone app that was put beside this program.
pub(crate) fn phone_beside() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.join(PHONE_BESIDE);
    folder.join("index.html").is_file().then_some(folder)
}

/// Settings that can be used.
///
/// # Errors
/// `bad_settings` with every one that cannot.
pub(crate) fn checked(config: Config) -> Result<Config, Problem> {
    let errors = config.problems();
    if errors.is_empty() { Ok(config) } else { Err(unusable(errors)) }
}

fn unusable(errors: Vec<FieldProblem>) -> Problem {
    Problem::invalid("bad_settings", "the settings cannot be used", errors)
}

fn bad_settings(errors: figment::Error) -> Problem {
    let errors = errors
        .into_iter()
        .map(|error| {
            let field = error.path.iter().fold(String::new(), |parent, key| pointer(&parent, key));
            let source = error.metadata.as_ref().map_or_else(String::new, |it| format!(" ({})", it.name));
            let text = format!("{}{source}", error.kind);
            FieldProblem::new(field, "bad_setting", format!("No vale: {text}"), format!("Not valid: {text}"))
        })
        .collect();
    unusable(errors)
}
