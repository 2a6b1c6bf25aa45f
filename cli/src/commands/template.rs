//! `veedor template`: lists, checks and exports content.

use std::path::PathBuf;

use audit_templates::{TemplateProblem, catalogue, catalogue::Entry, check_file};
use clap::{Subcommand, ValueEnum};
use domain::{FieldProblem, Problem};
use serde_json::json;

use super::score::{split_version, unknown_template};
use crate::console;

/// List, check and export content.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the released content: kind, id, version, hash
    List,
    /// Check files and print every problem with file, line, path and how to mend it; of sound ones what is unwise
    Check {
        /// Content files, YAML or JSON
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print a released checklist, standard or plan
    Export {
        /// Its id, with a version if wanted: `ms-banco-sucursal@1`
        id: String,
        /// The file as people wrote it, or the canonical JSON that is hashed
        #[arg(long, value_enum, default_value_t = Format::Yaml)]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The file as people wrote it
    Yaml,
    /// Canonical JSON, without a final newline
    Json,
}

/// Runs the command.
///
/// # Errors
/// `unknown_template`, `invalid_template`, `unreadable_input`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    match &arguments.action {
        Action::List => list(),
        Action::Check { files } => check(files),
        Action::Export { id, format } => export(id, *format),
    }
}

fn list() -> Result<(), Problem> {
    let lines: String = catalogue().iter().map(|it| format!("{}\n", it.lock_line())).collect();
    console::print_text(&lines)
}

fn check(files: &[PathBuf]) -> Result<(), Problem> {
    let mut problems: Vec<FieldProblem> = Vec::new();
    let mut checked = Vec::new();
    for path in files {
        let name = path.display().to_string();
        match console::read_input(path) {
            Err(unreadable) => problems.extend(unreadable.errors),
            Ok(text) => match check_file(&name, &text) {
                Ok(content) => checked.push(json!({ "file": name, "content": content })),
                Err(found) => problems.extend(found.iter().map(TemplateProblem::to_field_problem)),
            },
        }
    }
    if problems.is_empty() {
        console::print(&checked)
    } else {
        Err(Problem::invalid("invalid_template", "The files have problems", problems))
    }
}

fn export(name: &str, format: Format) -> Result<(), Problem> {
    let (id, version) = split_version(name);
    let fits = |it: &Entry| {
        it.id == id && version.is_some_and(|wanted| wanted.is_none_or(|wanted| it.version == wanted))
    };
    let found = catalogue().into_iter().filter(fits).max_by_key(|it| it.version).ok_or_else(|| {
        let known = catalogue().into_iter().map(|it| format!("{}@{}", it.id, it.version));
        unknown_template(name, &known.collect::<Vec<_>>())
    })?;
    console::print_text(match format {
        Format::Yaml => found.source_yaml,
        Format::Json => found.canonical_json,
    })
}
