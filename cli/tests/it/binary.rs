//! The binary under test: starting it with nothing of this process's settings, and reading what it said. Holds no test.

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// The binary, to be run in a folder.
pub(crate) fn veedor(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veedor"));
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VEEDOR_")) {
        command.env_remove(name);
    }
    // What is tried here is not signing in.
    command.env("VEEDOR_SECOND_FACTOR", "offered");
    command
}

/// Runs the binary in a folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    veedor(folder).args(arguments).output().expect("the binary starts")
}

/// Runs the binary where the folder does not matter.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_in(Path::new(env!("CARGO_TARGET_TMPDIR")), arguments)
}

/// Runs the binary where the folder does not matter, with a text on its standard input.
pub(crate) fn run_with(arguments: &[&str], input: &str) -> Output {
    with_input(veedor(Path::new(env!("CARGO_TARGET_TMPDIR"))).args(arguments), input)
}

/// Runs a command with a text on its standard input.
pub(crate) fn with_input(command: &mut Command, text: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments may close its input before it is written.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

/// A new folder, removed with the value.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// What a run printed that went well.
#[track_caller]
pub(crate) fn printed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

/// The problem of a refused input: exit code 2, nothing on standard output, one JSON problem.
#[track_caller]
pub(crate) fn problem(output: &Output) -> Value {
    problem_with(output, 2)
}

/// The problem of a run that failed for no fault of its input.
#[track_caller]
pub(crate) fn failure(output: &Output) -> Value {
    problem_with(output, 1)
}

/// The problem of a run with an exit code, in the shape that all of them have.
#[track_caller]
fn problem_with(output: &Output, exit_code: i32) -> Value {
    assert_eq!(output.status.code(), Some(exit_code), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let problem: Value = serde_json::from_slice(&output.stderr).expect("standard error is one JSON problem");
    let code = problem["code"].as_str().expect("a problem has a code");
    assert_eq!(problem["type"], format!("urn:veedor:problem:{code}"));
    assert!(problem["title"].is_string() && problem["status"].is_u64(), "{problem}");
    let errors = problem["errors"].as_array().expect("a problem has errors");
    assert!(!errors.is_empty(), "{problem}");
    for key in ["field", "code", "message_es", "message_en"] {
        assert!(errors.iter().all(|it| it[key].is_string()), "{problem}");
    }
    problem
}

/// Code of a refused input, with its fields and their codes.
#[track_caller]
pub(crate) fn refused(output: &Output) -> (String, Vec<(String, String)>) {
    let problem = problem(output);
    (problem["code"].as_str().unwrap().to_owned(), fields(&problem["errors"]))
}

/// The fields of a list of errors, with their codes.
#[track_caller]
pub(crate) fn fields(errors: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = errors.as_array().expect("a list of what is wrong");
    errors.iter().map(|it| (text(&it["field"]), text(&it["code"]))).collect()
}

/// The fields of a problem, with their codes, sorted.
#[track_caller]
pub(crate) fn sorted_fields(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().expect("a problem has errors");
    let mut fields: Vec<(&str, &str)> =
        errors.iter().filter_map(|it| Some((it["field"].as_str()?, it["code"].as_str()?))).collect();
    fields.sort_unstable();
    fields
}

/// A server that runs until it is dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
}

impl Serving {
    /// Starts `veedor serve` in a folder on a free port.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = veedor(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"]).args(arguments);
        Self::spawn(&mut command)
    }

    /// Starts a command that serves.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening at ").expect("it says where it listens").to_owned();
        Self { child, address }
    }

    /// Asks it to stop and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
