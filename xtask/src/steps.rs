//! Steps: running one command at a time, saying which, and keeping how long each took. Decides nothing.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Why a command of this tool stopped, in one line.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

/// The steps taken so far, in order.
pub(crate) struct Steps {
    root: PathBuf,
    taken: Vec<(String, Duration)>,
}

impl Steps {
    /// No step yet; commands will run in `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, taken: Vec::new() }
    }

    /// The folder that commands run in.
    pub(crate) fn root(&self) -> &PathBuf {
        &self.root
    }

    /// Runs cargo.
    pub(crate) fn cargo(&mut self, what: &str, arguments: &[&str]) -> Result<(), Failed> {
        self.cargo_with(what, arguments, &[])
    }

    /// Runs cargo with further environment variables.
    pub(crate) fn cargo_with(
        &mut self,
        what: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<(), Failed> {
        self.run(what, &cargo(), arguments, variables)
    }

    /// Runs cargo and gives what it prints on standard output.
    pub(crate) fn cargo_output(&mut self, what: &str, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut command = Command::new(cargo());
        command.args(arguments).stderr(Stdio::inherit()).current_dir(&self.root);
        self.take(what, command, |command| command.output().map(|it| (it.status, it.stdout)))
    }

    /// Runs a program and waits for it.
    ///
    /// # Errors
    /// Where it cannot be started or does not end well.
    pub(crate) fn run(
        &mut self,
        what: &str,
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<(), Failed> {
        let mut command = Command::new(program);
        command.args(arguments).envs(variables.iter().copied()).current_dir(&self.root);
        self.start(what, command)
    }

    /// Runs a command that is put together already, where it says, and waits for it.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn start(&mut self, what: &str, command: Command) -> Result<(), Failed> {
        self.take(what, command, |command| command.status().map(|it| (it, ())))
    }

    fn take<T>(
        &mut self,
        what: &str,
        mut command: Command,
        run: impl FnOnce(&mut Command) -> std::io::Result<(ExitStatus, T)>,
    ) -> Result<T, Failed> {
        let name =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words: Vec<_> = command.get_args().map(|it| it.to_string_lossy()).collect();
        println!("xtask: {what}: {name} {}", words.join(" "));
        let started = now();
        let run = run(&mut command);
        let (status, output) = run.map_err(|it| Failed(format!("{name} cannot be started: {it}")))?;
        let took = started.elapsed();
        self.taken.push((what.to_owned(), took));
        if status.success() {
            println!("xtask: {what}: done in {:.1} s", took.as_secs_f64());
            return Ok(output);
        }
        Err(Failed(format!("{what}: failed ({status}) after {:.1} s", took.as_secs_f64())))
    }

    /// Prints every step with its time.
    pub(crate) fn print_times(&self) {
        if self.taken.len() < 2 {
            return;
        }
        println!("xtask: time per step");
        for (what, took) in &self.taken {
            println!("{:>9.1} s  {what}", took.as_secs_f64());
        }
        let total: Duration = self.taken.iter().map(|(_, took)| *took).sum();
        println!("{:>9.1} s  in all", total.as_secs_f64());
    }
}

/// The cargo that started this tool, so that a chosen toolchain stays chosen.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "telling how long a step took is this file's task")]
fn now() -> Instant {
    Instant::now()
}
