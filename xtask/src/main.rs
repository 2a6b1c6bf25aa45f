//! The habits of the project, each a command: `setup`, `test`, `demo`, `phone`, `messages`, `bindings`, `ci`, `bench`, `openapi`,
//! `simulate`, `fuzz`. Owns the order of the steps and what is told about them; holds no rule of the product and links nothing that must
//! be set up first.

mod benches;
mod encryption;
mod fuzzing;
mod machine;
mod phone;
mod steps;
mod wasm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use steps::{Failed, Steps};

/// What the project does by habit. Every command says what it runs and how long that took.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets the machine up for building and testing, and does nothing else.
    Setup,
    /// Sets the machine up and runs every test: of the workspace, then of the phone in a browser.
    Test {
        /// Passed on to `cargo test`, after `--`; the phone is not tried then.
        #[arg(last = true)]
        passed_on: Vec<String>,
    },
    /// Builds the phone, for `veedor serve --phone phone/dist`, as far as it is not up to date.
    Phone,
    /// Writes the types of the messages between the phone's Rust part and its pages, as Rust has them.
    Messages,
    /// Makes what shells in Kotlin and Swift, and Python, call the phone's core by, into `target/shells`.
    Bindings,
    /// Builds the phone and the release binary and runs `veedor demo`.
    Demo {
        /// Passed on to `veedor demo`, after `--`.
        #[arg(last = true)]
        passed_on: Vec<String>,
    },
    /// Runs what continuous integration runs: formatting, lints, documentation, tests.
    Ci,
    /// Runs the benches, or those whose crate or name contains the given text. `bench sync` measures syncing as a whole, against
    /// a floor of the same run; `--help` after it tells how. `bench encryption` measures what encryption costs a phone's store.
    Bench {
        /// `sync`, `encryption`, or part of a crate's or a bench's name.
        name: Option<String>,
        /// Passed on to the bench of syncing: `--parts w,day`, `--peers`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        passed_on: Vec<String>,
    },
    /// Runs phones and an office in one process with everything going wrong on purpose; `--help` after `--` tells how.
    Simulate {
        /// Passed on to the simulator: `--seeds N`, `--seed S [--keep I,J]`, `--minutes M`, `--mutants`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        passed_on: Vec<String>,
    },
    /// Gives every reader of strangers' bytes, or one of them, whatever libFuzzer thinks of.
    Fuzz {
        /// One of those below `tests/fuzz/fuzz_targets`.
        target: Option<String>,
        /// How long for each.
        #[arg(long, default_value_t = 10)]
        minutes: u32,
    },
    /// Writes `server/openapi.json` as the routes make it.
    Openapi {
        /// Write nothing, and fail where the file is not what the routes make.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut steps = Steps::new(machine::workspace_root());
    let done = match arguments.command {
        Command::Setup => set_up(&mut steps),
        Command::Test { passed_on } => test(&mut steps, &passed_on),
        Command::Phone => phone(&mut steps),
        Command::Messages => phone::write_messages(&mut steps),
        Command::Bindings => write_bindings(&mut steps),
        Command::Demo { passed_on } => demo(&mut steps, &passed_on),
        Command::Ci => ci(&mut steps),
        Command::Bench { name, passed_on } if name.as_deref() == Some("sync") => {
            bench_sync(&mut steps, &passed_on)
        }
        Command::Bench { name, .. } if name.as_deref() == Some("encryption") => {
            encryption::measure(&mut steps)
        }
        Command::Bench { name, .. } => benches::run(&mut steps, name.as_deref()),
        Command::Simulate { passed_on } => simulate(&mut steps, &passed_on),
        Command::Fuzz { target, minutes } => fuzzing::run(&mut steps, target.as_deref(), minutes),
        Command::Openapi { check: true } => check_openapi(&mut steps),
        Command::Openapi { check: false } => write_openapi(&mut steps),
    };
    steps.print_times();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(what)) => {
            what.lines().for_each(|it| eprintln!("xtask: {it}"));
            ExitCode::FAILURE
        }
    }
}

fn set_up(steps: &mut Steps) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Tests)?;
    phone::set_up(steps)?;
    phone::set_up_browser(steps).map(drop)
}

fn phone(steps: &mut Steps) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    phone::build(steps).map(drop)
}

fn test(steps: &mut Steps, passed_on: &[String]) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Tests)?;
    let mut arguments = vec!["test", "--workspace", "--locked"];
    arguments.extend(passed_on.iter().map(String::as_str));
    steps.cargo("all tests of the workspace", &arguments)?;
    pure_crates(steps)?;
    // Who passes something on asks for some of the tests above.
    if passed_on.is_empty() { phone::test(steps) } else { Ok(()) }
}

/// The pure crates must also build where there is no standard library.
fn pure_crates(steps: &mut Steps) -> Result<(), Failed> {
    let arguments = ["check", "--locked", "-p", "no-std", "--features", "proof"];
    steps.cargo("the pure crates without a standard library", &arguments)
}

/// They come out of the library as it was built for this machine, and are the same for every other.
fn write_bindings(steps: &mut Steps) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    steps.cargo("the phone's core as a library", &["build", "--locked", "-p", "phone-ffi", "--lib"])?;
    let target = phone::target(steps.root());
    let name = format!("debug/{}phone_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let (library, folder) = (target.join(name).display().to_string(), target.join("shells"));
    let folder = folder.display().to_string();
    let make = ["run", "--quiet", "--locked", "-p", "phone-ffi", "--example", "bindings", "--"];
    let make = [&make[..], &[library.as_str(), folder.as_str()]].concat();
    steps.cargo("what shells call it by", &make)?;
    println!("xtask: {folder} has the folders kotlin, swift and python");
    Ok(())
}

fn demo(steps: &mut Steps, passed_on: &[String]) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    let phone = phone_of_demo(steps);
    steps.cargo("release build of veedor", &["build", "--release", "--locked", "--bin", "veedor"])?;
    let mut arguments = vec!["run", "--quiet", "--release", "--locked", "--bin", "veedor", "--", "demo"];
    arguments.extend(passed_on.iter().map(String::as_str));
    let phone = phone.as_ref().map(|it| ("VEEDOR_PHONE", it.as_str()));
    steps.cargo_with("veedor demo", &arguments, phone.as_slice())
}

/// The folder of the phone; none where it cannot be built, which keeps nothing else from being shown.
fn phone_of_demo(steps: &mut Steps) -> Option<String> {
    match phone::build(steps) {
        Ok(folder) => Some(folder.display().to_string()),
        Err(Failed(what)) => {
            what.lines().for_each(|it| eprintln!("xtask: the demo goes without the phone: {it}"));
            None
        }
    }
}

fn simulate(steps: &mut Steps, passed_on: &[String]) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    let mut arguments = vec!["run", "--quiet", "--locked", "-p", "simulation", "--"];
    arguments.extend(passed_on.iter().map(String::as_str));
    steps.cargo("the simulator", &arguments)
}

fn bench_sync(steps: &mut Steps, passed_on: &[String]) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    let build = ["build", "--release", "--locked", "--bin", "veedor", "--bin", "bench-sync"];
    steps.cargo("release build of veedor and of the bench", &build)?;
    let mut arguments = vec!["run", "--quiet", "--release", "--locked", "-p", "bench-sync", "--"];
    arguments.extend(passed_on.iter().map(String::as_str));
    steps.cargo("what syncing costs", &arguments)
}

fn write_openapi(steps: &mut Steps) -> Result<(), Failed> {
    const FILE: &str = "server/openapi.json";
    machine::set_up(steps, machine::Needs::Build)?;
    let print = ["run", "--quiet", "--locked", "--bin", "veedor", "--", "openapi"];
    let document = steps.cargo_output("the OpenAPI document of the routes", &print)?;
    let path = steps.root().join(FILE);
    let is_new = std::fs::read(&path).unwrap_or_default() != document;
    std::fs::write(&path, document).map_err(|it| Failed(format!("{FILE} cannot be written: {it}")))?;
    println!("xtask: {FILE} is {}", if is_new { "written anew" } else { "as it was" });
    Ok(())
}

/// The comparison itself is a test of the server, so that `cargo test` makes it too.
fn check_openapi(steps: &mut Steps) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    let arguments = ["test", "--locked", "-p", "server", "--test", "it", "openapi::"];
    steps.cargo("the OpenAPI document that is checked in", &arguments)
}

fn ci(steps: &mut Steps) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Tests)?;
    steps.cargo("formatting", &["fmt", "--all", "--check"])?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.cargo("lints", &clippy)?;
    let documentation = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
    steps.cargo_with("documentation", &documentation, &[("RUSTDOCFLAGS", "-D warnings")])?;
    dependencies(steps)?;
    test(steps, &[])
}

/// Licences, sources and bans of `deny.toml`. Advisories need a database from the network: `cargo deny check` by hand.
fn dependencies(steps: &mut Steps) -> Result<(), Failed> {
    if !machine::has_cargo_deny() {
        println!(
            "xtask: cargo-deny is not installed, so deny.toml is not checked (cargo install cargo-deny --locked)"
        );
        return Ok(());
    }
    let arguments = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
    steps.cargo("licences and sources of the dependencies", &arguments)
}
