//! The toolchain of builds for a browser: the compiler in use with the source of its standard library, which is built with the phone,
//! and a clang that knows the target; else Debian's compiler for the web in a folder of ours. Owns which of the two it is and the
//! variables of such a build; builds nothing of the product.

mod debian;

use crate::{
    machine::output_of,
    steps::{Failed, Steps},
};
use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// What a browser runs.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Keeps rustup out of it: where its server cannot be reached, as on some machines of continuous integration.
const FORCE_DEBIAN: &str = "WASM_FORCE_DEBIAN";
/// How long rustup may take to bring the source, in seconds: behind a wall it may wait forever.
const RUSTUP_SECONDS: u32 = 300;
/// Where a clang that knows the target may be beside `PATH`: Apple's own does not.
const OTHER_CLANGS: [&str; 2] = ["/opt/homebrew/opt/llvm/bin/clang", "/usr/local/opt/llvm/bin/clang"];

/// Variables with which cargo builds for a browser, and with which it builds nothing else.
pub(crate) struct Toolchain {
    variables: Vec<(&'static str, String)>,
}

impl Toolchain {
    /// Name and value of each.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Finds the toolchain or makes it; the second time costs nothing.
///
/// # Errors
/// Where neither way is open, with what to install.
pub(crate) fn set_up(steps: &mut Steps) -> Result<Toolchain, Failed> {
    let is_forced = env::var(FORCE_DEBIAN).is_ok_and(|it| it == "1");
    let clang = if is_forced { None } else { clang() };
    if let Some(clang) = &clang
        && has_own_library()
    {
        return Ok(own(clang));
    }
    let folder = cache()?.join("veedor-wasm");
    // Another worktree may be at it.
    let _alone = lock(&folder)?;
    if let Some(found) = debian::found(&folder) {
        return Ok(found);
    }
    match clang {
        Some(clang) if add_own_library() => Ok(own(&clang)),
        _ => debian::install(steps, &folder),
    }
}

fn own(clang: &Path) -> Toolchain {
    let beside = clang.with_file_name("llvm-ar");
    let ar = if beside.exists() { beside.display().to_string() } else { "ar".to_owned() };
    Toolchain {
        variables: vec![
            ("CC_wasm32_unknown_unknown", clang.display().to_string()),
            ("AR_wasm32_unknown_unknown", ar),
        ],
    }
}

/// Whether the source of the standard library is beside the compiler in use.
fn has_own_library() -> bool {
    let root = output_of("rustc", &["--print", "sysroot"]);
    root.is_some_and(|it| Path::new(it.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists())
}

/// Asks rustup for it, not forever.
fn add_own_library() -> bool {
    println!("xtask: asking rustup for the source of the standard library");
    let mut command = Command::new("rustup");
    command
        .args(["component", "add", "rust-src"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    for _ in 0..RUSTUP_SECONDS {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_secs(1)),
            Ok(Some(status)) => return status.success() && has_own_library(),
            Err(_) => break,
        }
    }
    // What it left half done it takes up again the next time.
    drop((child.kill(), child.wait()));
    false
}

/// A clang that compiles for the target.
fn clang() -> Option<PathBuf> {
    let named = env::var_os("CC_wasm32_unknown_unknown").map(PathBuf::from);
    let on_path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&on_path).map(|it| it.join("clang"));
    let others = OTHER_CLANGS.iter().map(PathBuf::from);
    named.into_iter().chain(found.chain(others).filter(|it| it.exists())).find(|it| knows_target(it))
}

fn knows_target(clang: &Path) -> bool {
    let mut command = Command::new(clang);
    command.arg(format!("--target={TARGET}")).args(["-c", "-x", "c", "-", "-o", "/dev/null"]);
    let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    let written =
        child.stdin.take().is_some_and(|mut it| it.write_all(b"int one(void) { return 1; }\n").is_ok());
    child.wait().is_ok_and(|it| it.success()) && written
}

/// Where programs keep what they can make again.
pub(crate) fn cache() -> Result<PathBuf, Failed> {
    let named = |name| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|it| it.join(".cache")))
        .ok_or_else(|| Failed("neither HOME nor XDG_CACHE_HOME is set".to_owned()))
}

fn lock(folder: &Path) -> Result<File, Failed> {
    let locked = fs::create_dir_all(folder).and_then(|()| {
        let file = File::create(folder.join("lock"))?;
        file.lock().map(|()| file)
    });
    locked.map_err(|error| Failed(format!("{} cannot be used: {error}", folder.display())))
}
