//! `cargo xtask fuzz`: what `cargo fuzz` needs, and one run for each target. New inputs go below `target`, so that the corpora
//! that are checked in stay as small as they are.

use crate::{
    machine,
    steps::{Failed, Steps},
};
use std::{fs, path::Path};

/// Where the targets are.
const FOLDER: &str = "tests/fuzz";
/// The most memory of a run, in megabytes; above it a target's input is told as a finding.
const MAX_MEGABYTES: &str = "-rss_limit_mb=4096";
/// The longest that one input may take, in seconds.
const MAX_SECONDS: &str = "-timeout=60";

/// Runs one target, or all of them one after the other, so many minutes each.
pub(crate) fn run(steps: &mut Steps, only: Option<&str>, minutes: u32) -> Result<(), Failed> {
    machine::set_up(steps, machine::Needs::Build)?;
    machine::set_up_fuzzing(steps)?;
    let targets = targets(steps.root())?;
    let chosen: Vec<&String> = targets.iter().filter(|it| only.is_none_or(|only| only == *it)).collect();
    if chosen.is_empty() {
        return Err(Failed(format!("no such target; there are {}", targets.join(", "))));
    }
    for target in chosen {
        run_one(steps, target, minutes)?;
    }
    Ok(())
}

/// The names of the targets, in order.
fn targets(root: &Path) -> Result<Vec<String>, Failed> {
    let folder = root.join(FOLDER).join("fuzz_targets");
    let unreadable = |error| Failed(format!("{} cannot be read: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        names.extend(path.file_stem().map(|it| it.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn run_one(steps: &mut Steps, target: &str, minutes: u32) -> Result<(), Failed> {
    let (found, known) = (format!("target/fuzz/{target}"), format!("{FOLDER}/corpus/{target}"));
    let made = fs::create_dir_all(steps.root().join(&found));
    made.map_err(|error| Failed(format!("{found} cannot be made: {error}")))?;
    let time = format!("-max_total_time={}", u64::from(minutes).saturating_mul(60));
    // Ours has no unsafe code, and without a sanitizer the stable toolchain will do.
    let fuzz = ["fuzz", "run", "--fuzz-dir", FOLDER, "--sanitizer", "none", target, &found, &known];
    let library = ["--", &time, MAX_MEGABYTES, MAX_SECONDS, "-print_final_stats=1"];
    steps.cargo(&format!("fuzzing {target}"), &[&fuzz[..], &library[..]].concat())
}
