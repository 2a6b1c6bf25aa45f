//! What encryption at rest costs a phone's store, measured on this machine with the SQLite of browsers. Owns how that is found and
//! compiled; what is measured is in `tests/bench/encryption.c`.

use crate::steps::{Failed, Steps};
use std::{fs, path::PathBuf};

const BENCH: &str = "tests/bench/encryption.c";
/// The crate that brings SQLite with its encryption, and where in it.
const CRATE: &str = "sqlite-wasm-rs-";
const SOURCE: &str = "sqlite3mc";

/// Compiles it and measures.
///
/// # Errors
/// Where there is no C compiler, or the source is not where it was.
pub(crate) fn measure(steps: &mut Steps) -> Result<(), Failed> {
    let source = source(steps)?;
    let folder = steps.root().join("target/encryption");
    fs::create_dir_all(&folder).map_err(|it| Failed(format!("{} cannot be made: {it}", folder.display())))?;
    let (program, store) =
        (folder.join("bench").display().to_string(), folder.join("store.db").display().to_string());
    let (include, all) =
        (format!("-I{}", source.display()), source.join("sqlite3mc_amalgamation.c").display().to_string());
    let settings =
        ["-O2", "-w", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DARGON2_NO_THREADS"];
    let mut arguments = settings.to_vec();
    arguments.extend([include.as_str(), BENCH, &all, "-lm", "-o", &program]);
    steps.run("SQLite with encryption, for this machine", "cc", &arguments, &[])?;
    steps.run("what encryption at rest costs", &program, &[&store], &[])
}

fn source(steps: &mut Steps) -> Result<PathBuf, Failed> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let metadata = steps.cargo_output("the crates of the workspace", &arguments)?;
    let metadata = String::from_utf8_lossy(&metadata);
    let manifests = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|it| it.split('"').next());
    let mut folders = manifests.filter_map(|it| it.strip_suffix("/Cargo.toml"));
    let found = folders.find(|it| it.rsplit('/').next().is_some_and(|name| name.starts_with(CRATE)));
    found
        .map(|it| PathBuf::from(it).join(SOURCE))
        .ok_or_else(|| Failed(format!("no crate {CRATE}* is in Cargo.lock")))
}
