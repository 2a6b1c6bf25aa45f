//! The benches of the crates: finding them and running the ones asked for. Measures nothing itself.

use crate::steps::{Failed, Steps};
use std::path::Path;

/// Folders that hold a crate with benches, and the crate's name.
const CRATES: [(&str, &str); 7] = [
    ("audit-templates", "audit-templates"),
    ("cli", "cli"),
    ("domain", "domain"),
    ("server", "server"),
    ("server/db", "db"),
    ("sync-core", "sync-core"),
    ("sync-core/device", "device"),
];

/// Runs every bench, or those whose crate or bench name contains `wanted`.
///
/// # Errors
/// Where none matches, or one fails.
pub(crate) fn run(steps: &mut Steps, wanted: Option<&str>) -> Result<(), Failed> {
    let root = steps.root().clone();
    let found = CRATES.iter().flat_map(|(folder, name)| {
        bench_names(&root.join(folder).join("benches")).into_iter().map(move |bench| (*name, bench))
    });
    let chosen: Vec<_> = found
        .filter(|(name, bench)| wanted.is_none_or(|it| name.contains(it) || bench.contains(it)))
        .collect();
    if chosen.is_empty() {
        return Err(Failed(format!("no bench matches {:?}", wanted.unwrap_or_default())));
    }
    for (name, bench) in chosen {
        steps
            .cargo(&format!("bench {name}/{bench}"), &["bench", "--locked", "-p", name, "--bench", &bench])?;
    }
    Ok(())
}

fn bench_names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .map(|it| it.path())
        .filter(|it| it.extension().is_some_and(|it| it == "rs"))
        .filter_map(|it| Some(it.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}
