//! The `veedor` binary: reads the command line and calls one command. Owns the exit codes; each command is a file of
//! `commands/`.

mod client;
mod command_line;
mod commands;
mod console;
mod demo;
mod devices;
mod import;
mod incidents;
mod office;
mod phone_link;
mod photos;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Reading an audit is many small allocations, some freed on another core than the one that made them: with the
/// system's allocator a push took an eighth longer, and two hundred phones at once a third.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Audits of experience, from the answer to the incentive.
#[derive(Debug, Parser)]
#[command(name = "veedor", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the office: HTTP API, sync, pages
    Serve(commands::serve::Arguments),
    /// Print the settings in force, secrets hidden
    Config(commands::config::Arguments),
    /// The whole line on real audits, then a server to look at it
    Demo(demo::Arguments),
    /// Administer the installation: organizations, people, audit log
    Admin(commands::admin::Arguments),
    /// Print the OpenAPI document of the HTTP interface
    Openapi(commands::openapi::Arguments),
    /// Score the answers of a visit: JSON in, explained JSON out
    Score(commands::score::Arguments),
    /// Rate a branch against a standard: JSON in, explained JSON out
    Standard(commands::standard::Arguments),
    /// Calculate what an incentive plan pays: JSON in, explained JSON out
    Payout(commands::payout::Arguments),
    /// List, check and export checklists, standards and plans
    Template(commands::template::Arguments),
    /// A phone in the terminal: fills checklists without a network, and synchronises
    Field(commands::field::Arguments),
    /// Check a visit that was exported as evidence: no server, no network
    VerifyVisit(commands::verify_visit::Arguments),
    /// Handle reports of incidents, as their custodian
    Incident(commands::incident::Arguments),
    /// Bring in records of another system
    Import(commands::import::Arguments),
}

fn main() -> ExitCode {
    let arguments: Arguments = match command_line::read(std::env::args_os().collect()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(problem) => return console::report(&problem),
    };
    let result = match arguments.command {
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Admin(arguments) => commands::admin::run(&arguments),
        Command::Openapi(arguments) => commands::openapi::run(&arguments),
        Command::Score(arguments) => commands::score::run(&arguments),
        Command::Standard(arguments) => commands::standard::run(&arguments),
        Command::Payout(arguments) => commands::payout::run(&arguments),
        Command::Template(arguments) => commands::template::run(&arguments),
        Command::Field(arguments) => commands::field::run(&arguments),
        Command::VerifyVisit(arguments) => commands::verify_visit::run(&arguments),
        Command::Incident(arguments) => commands::incident::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => console::report(&problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// Every command without commands of its own, as it is typed.
    fn leaves(command: &clap::Command, path: &[&str]) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for inner in command.get_subcommands() {
            let path = [path, &[inner.get_name()]].concat();
            if inner.has_subcommands() {
                found.extend(leaves(inner, &path));
            } else {
                found.push(path.iter().map(|it| (*it).to_owned()).collect());
            }
        }
        found
    }

    #[test]
    fn the_command_line_is_well_formed_and_every_command_names_a_flag_that_it_does_not_have() {
        Arguments::command().debug_assert();
        let leaves = leaves(&Arguments::command(), &["veedor"]);
        assert!(leaves.len() > 15, "{leaves:?}");
        for mut words in leaves {
            words.push("--no-such-flag=1".to_owned());
            let refused =
                command_line::read::<Arguments>(words.iter().map(Into::into).collect()).unwrap_err();
            let fields: Vec<&str> = refused.errors.iter().map(|it| it.field.as_str()).collect();
            assert_eq!(fields, ["/--no-such-flag"], "{words:?}");
        }
    }
}
