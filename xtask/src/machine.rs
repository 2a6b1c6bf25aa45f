//! The machine: what must be on it before the workspace can be built and tested, and installing that where it is
//! allowed. Starts and stops no service: the tests run a PostgreSQL of their own from its programs.

use crate::steps::{Failed, Steps};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a command needs on the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A C compiler, `make` for the allocator, and the PostgreSQL client library, which the server links.
    Build,
    /// Also the programs of a PostgreSQL server, and Python, in which a native shell is tried.
    Tests,
}

/// The root of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Whether the dependencies can be judged by `deny.toml`.
pub(crate) fn has_cargo_deny() -> bool {
    output_of("cargo-deny", &["--version"]).is_some()
}

/// Adds what `cargo fuzz` needs: the command itself, and a C++ compiler for libFuzzer.
pub(crate) fn set_up_fuzzing(steps: &mut Steps) -> Result<(), Failed> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if output_of(&compiler, &["--version"]).is_none() {
        if can_install() {
            let arguments = ["install", "-y", "-qq", "--no-install-recommends", "g++"];
            steps.run("C++ compiler", "apt-get", &arguments, &[("DEBIAN_FRONTEND", "noninteractive")])?;
        } else {
            return Err(Failed("no C++ compiler: install one (Debian: apt-get install g++)".to_owned()));
        }
    }
    if output_of("cargo-fuzz", &["--version"]).is_some() {
        return Ok(());
    }
    steps.cargo("cargo-fuzz", &["install", "cargo-fuzz", "--locked"])
}

/// Installs packages of the distribution, without what they merely recommend.
pub(crate) fn install_packages(steps: &mut Steps, what: &str, packages: &[&str]) -> Result<(), Failed> {
    let quietly = [("DEBIAN_FRONTEND", "noninteractive")];
    steps.run("package lists", "apt-get", &["update", "-qq"], &quietly)?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    steps.run(what, "apt-get", &[&install[..], packages].concat(), &quietly)
}

/// Checks what is there, installs what is missing where that is possible, else says in one line what to install.
pub(crate) fn set_up(steps: &mut Steps, needs: Needs) -> Result<(), Failed> {
    if !links("") {
        return Err(Failed("no C compiler: install one (Debian: apt-get install gcc libc6-dev)".to_owned()));
    }
    let make_missing = !has_make();
    let library_missing = !links("-lpq");
    let programs_missing = needs == Needs::Tests && postgres_programs().is_none();
    let python_missing = needs == Needs::Tests && !has_python();
    if !make_missing && !library_missing && !programs_missing && !python_missing {
        println!("xtask: the machine has what is needed");
        return Ok(());
    }
    if can_install() {
        install(steps, needs)?;
    }
    let mut missing = Vec::new();
    if !has_make() {
        missing.push("make (Debian: make)");
    }
    if !links("-lpq") {
        missing.push("the PostgreSQL client library (Debian: libpq-dev)");
    }
    if needs == Needs::Tests && postgres_programs().is_none() {
        missing.push("the PostgreSQL server programs (Debian: postgresql)");
    }
    if needs == Needs::Tests && !has_python() {
        missing.push("Python 3.9 or later as python3 (Debian: python3)");
    }
    if missing.is_empty() { Ok(()) } else { Err(Failed(format!("please install {}", missing.join(" and ")))) }
}

fn has_make() -> bool {
    output_of("make", &["--version"]).is_some()
}

/// Whether there is a Python that runs the bindings of `phone-ffi`.
fn has_python() -> bool {
    output_of("python3", &["-c", "import ctypes, sys; sys.exit(sys.version_info < (3, 9))"]).is_some()
}

/// The folder with `initdb` and `postgres`, where the tests look for it too.
fn postgres_programs() -> Option<PathBuf> {
    let named = std::env::var_os("PGBIN").map(PathBuf::from);
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = named.into_iter().chain(std::env::split_paths(&on_path)).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|it| it.path().join("bin")));
    folders.into_iter().find(|it| it.join("initdb").exists() && it.join("postgres").exists())
}

/// Installs from the distribution, without letting the package make or start a database of its own.
fn install(steps: &mut Steps, needs: Needs) -> Result<(), Failed> {
    const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";
    let quietly = [("DEBIAN_FRONTEND", "noninteractive")];
    let mut apt = |what: &str, arguments: &[&str]| steps.run(what, "apt-get", arguments, &quietly);
    apt("package lists", &["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt("make, PostgreSQL client library", &[&install[..], &["make", "libpq-dev"]].concat())?;
    if needs == Needs::Tests && !has_python() {
        apt("Python", &[&install[..], &["python3"]].concat())?;
    }
    if needs == Needs::Build || postgres_programs().is_some() {
        return Ok(());
    }
    apt("PostgreSQL package settings", &[&install[..], &["postgresql-common"]].concat())?;
    let setting = |arguments: &[&str]| {
        let arguments = [&[CLUSTER_SETTINGS], arguments].concat();
        Command::new("pg_conftool").args(arguments).status().is_ok_and(|it| it.success())
    };
    let was_set = setting(&["set", "create_main_cluster", "false"]);
    let installed = apt("PostgreSQL server programs", &[&install[..], &["postgresql"]].concat());
    if was_set {
        setting(&["remove", "create_main_cluster"]);
    }
    installed
}

/// Whether packages of the distribution may be installed.
pub(crate) fn can_install() -> bool {
    let is_root = output_of("id", &["-u"]).is_some_and(|it| it.trim() == "0");
    is_root && output_of("apt-get", &["--version"]).is_some()
}

/// Whether a program of one line compiles and links with `library` (`-lpq`, or nothing).
fn links(library: &str) -> bool {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-x", "c", "-", "-o", "/dev/null"]);
    if !library.is_empty() {
        if let Some(folder) = output_of("pg_config", &["--libdir"]) {
            command.arg(format!("-L{}", folder.trim()));
        }
        command.arg(library);
    }
    let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    let written =
        child.stdin.take().is_some_and(|mut it| it.write_all(b"int main(void) { return 0; }\n").is_ok());
    child.wait().is_ok_and(|it| it.success()) && written
}

/// What a program prints; none where it is not there or does not end well.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    if output.status.success() { String::from_utf8(output.stdout).ok() } else { None }
}
