//! Debian's compiler for the web, unpacked into a folder of ours: no root, and nothing that the system's packages know of. Owns that
//! folder.

use super::{TARGET, Toolchain};
use crate::{
    machine::{can_install, output_of},
    steps::{Failed, Steps},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The package with the compiler.
const COMPILER: &str = "rustc-web";
/// Below this rusqlite does not compile.
const OLDEST: (u32, u32) = (1, 89);
/// Written last: what is in the folder is whole. Its text changes with the way that the folder is made.
const STAMP: &str = "whole-2";
/// What was made before.
pub(super) fn found(folder: &Path) -> Option<Toolchain> {
    folder.join(STAMP).exists().then(|| toolchain(folder)).flatten()
}

/// Makes it.
pub(super) fn install(steps: &mut Steps, folder: &Path) -> Result<Toolchain, Failed> {
    if ["apt-get", "apt-cache", "dpkg"].iter().any(|it| output_of(it, &["--version"]).is_none()) {
        return Err(Failed(format!(
            "no compiler for browsers: rustup target add {TARGET}, and a clang that knows it (macOS: brew install llvm)"
        )));
    }
    let packages = packages(&version(steps)?)?;
    let (prefix, archives) = (folder.join("prefix"), folder.join("archives"));
    for it in [&prefix, &archives] {
        // Where it cannot be emptied it cannot be made either.
        let _ = fs::remove_dir_all(it);
        fs::create_dir_all(it).map_err(|error| unwritable(it, &error))?;
    }
    let mut download = Command::new("apt-get");
    download.args(["download", "-qq"]).args(&packages).current_dir(&archives);
    steps.start("download of Debian's compiler for browsers, 150 MB", download)?;
    for archive in entries(&archives)? {
        unpack(&archive, &prefix)?;
    }
    let _ = fs::remove_dir_all(&archives);
    let toolchain = toolchain(folder).ok_or_else(|| {
        Failed(format!("Debian's packages do not have what is needed: {}", packages.join(" ")))
    })?;
    fs::write(folder.join(STAMP), "").map_err(|error| unwritable(folder, &error))?;
    Ok(toolchain)
}

/// The version that can be had; the lists are read anew where they know none, or one that is too old.
fn version(steps: &mut Steps) -> Result<String, Failed> {
    if let Some(version) = candidate() {
        return Ok(version);
    }
    if can_install() {
        steps.run("package lists", "apt-get", &["update", "-qq"], &[])?;
    }
    let (major, minor) = OLDEST;
    candidate().ok_or_else(|| {
        Failed(format!("no Debian package {COMPILER} of {major}.{minor} or later: run apt-get update (security updates are needed)"))
    })
}

fn candidate() -> Option<String> {
    let policy = output_of("apt-cache", &["policy", COMPILER])?;
    let version = policy.lines().find_map(|it| it.trim().strip_prefix("Candidate: "))?.to_owned();
    let mut numbers = version.split(['.', '+', '~']).map_while(|it| it.parse::<u32>().ok());
    let release = (numbers.next()?, numbers.next()?);
    (release >= OLDEST).then_some(version)
}

/// What is downloaded: two names carry a number that only the dependencies tell.
fn packages(version: &str) -> Result<Vec<String>, Failed> {
    let library = dependency("libstd-rust-web-dev", version, "libstd-rust-web-")?;
    let llvm = dependency(&library, version, "libllvm")?;
    let number = llvm.trim_start_matches("libllvm").to_owned();
    let numbered = ["lld-", "clang-", "libclang-cpp"].map(|it| format!("{it}{number}"));
    let mut all = vec![COMPILER.to_owned(), "libstd-rust-web-dev".to_owned(), "rust-web-src".to_owned()];
    all.extend([library, llvm, format!("libclang-common-{number}-dev")]);
    all.extend(numbered);
    Ok(all)
}

/// The package that another depends on, by the beginning of its name.
fn dependency(of: &str, version: &str, begins: &str) -> Result<String, Failed> {
    let shown = output_of("apt-cache", &["show", &format!("{of}={version}")]).unwrap_or_default();
    let line = shown.lines().find_map(|it| it.strip_prefix("Depends: ")).unwrap_or_default();
    let names = line.split([',', '|']).filter_map(|it| it.split_whitespace().next());
    let is_it = |name: &&str| {
        name.strip_prefix(begins).is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()))
    };
    let found = names.map(str::to_owned).find(|it| is_it(&it.as_str()));
    found.ok_or_else(|| {
        Failed(format!("the Debian package {of} {version} does not say which {begins}* it needs"))
    })
}

/// Unpacks a package; of the compiler's source only what the standard library is made of.
fn unpack(archive: &Path, prefix: &Path) -> Result<(), Failed> {
    let failed = |why: String| Failed(format!("{} cannot be unpacked: {why}", archive.display()));
    let is_source = archive.file_name().is_some_and(|it| it.to_string_lossy().starts_with("rust-web-src_"));
    let wanted: &[&str] =
        if is_source { &["--wildcards", "./usr/src/*/library", "./usr/lib/rustlib"] } else { &[] };
    let mut reading = Command::new("dpkg");
    reading.arg("--fsys-tarfile").arg(archive).stdout(Stdio::piped());
    let mut reading = reading.spawn().map_err(|error| failed(error.to_string()))?;
    let bytes = reading.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let mut writing = Command::new("tar");
    writing.args(["-x", "-C"]).arg(prefix).args(wanted).stdin(bytes);
    let written = writing.status().map_err(|error| failed(error.to_string()))?;
    let read = reading.wait().map_err(|error| failed(error.to_string()))?;
    if written.success() && read.success() {
        Ok(())
    } else {
        Err(failed(format!("tar {written}, dpkg {read}")))
    }
}

/// The variables for what lies in the folder; none where a part is missing.
fn toolchain(folder: &Path) -> Option<Toolchain> {
    let usr = folder.join("prefix/usr");
    let libraries = entries(&usr.join("lib")).ok()?;
    let named = |begins: &str, ends: &str| {
        let name = |it: &PathBuf| it.file_name().map(|it| it.to_string_lossy().into_owned());
        libraries
            .iter()
            .find(|it| name(it).is_some_and(|it| it.starts_with(begins) && it.ends_with(ends)))
            .cloned()
    };
    let shared = named("", "-linux-gnu")?;
    let llvm = named("llvm-", "")?.join("bin");
    let rustc = usr.join("bin/rustc");
    let (clang, linker) = (llvm.join("clang"), llvm.join("wasm-ld"));
    if ![&rustc, &clang, &linker].iter().all(|it| it.exists()) {
        return None;
    }
    // Cargo has put the libraries of its own compiler there.
    let before = std::env::var("LD_LIBRARY_PATH").map_or_else(|_| String::new(), |it| format!(":{it}"));
    Some(Toolchain {
        variables: vec![
            ("LD_LIBRARY_PATH", format!("{}{before}", shared.display())),
            ("RUSTC", rustc.display().to_string()),
            ("RUSTDOC", usr.join("bin/rustdoc").display().to_string()),
            ("CC_wasm32_unknown_unknown", clang.display().to_string()),
            ("AR_wasm32_unknown_unknown", "ar".to_owned()),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.display().to_string()),
        ],
    })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let unreadable = |error| Failed(format!("{} cannot be read: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
    }
    found.sort();
    Ok(found)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failed {
    Failed(format!("{} cannot be written: {error}", path.display()))
}
