//! SIGKILL at any moment: no acknowledged op is lost, the import goes on where it stopped, and the results are the same.
#![cfg(unix)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Visits of the demo here: a few transactions of each device.
const VISITS: &str = "700";

fn demo(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veedor"));
    command.args(["demo", "--no-serve", "--listen", "127.0.0.1:0", "--visits", VISITS, "--data"]).arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Bytes of everything that the demo has written.
fn written(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| {
        let path = entry.path();
        if path.is_dir() { written(&path) } else { entry.metadata().map_or(0, |it| it.len()) }
    };
    entries.flatten().map(size).sum()
}

/// Kills the demo once it has written so much; false where it ended by itself before.
fn killed_at(mut child: Child, data: &Path, bytes: u64) -> bool {
    while written(data) < bytes {
        if child.try_wait().expect("the child can be asked").is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    child.kill().expect("the child can be killed");
    child.wait().expect("the child is gone");
    true
}

/// The part of the summary that depends on the visits alone: scores, bands, variances, severity.
fn results(data: &Path) -> Vec<String> {
    let output = demo(data).output().expect("the demo runs");
    let text = String::from_utf8(output.stdout).expect("the summary is UTF-8");
    assert!(output.status.success(), "the demo failed");
    let telling = |line: &&str| {
        ["Scores ", "           ", "Severity "].iter().any(|it| line.starts_with(it))
            && (line.contains("index ")
                || line.contains("variance")
                || line.contains("with a critical failure"))
    };
    let lines: Vec<String> = text.lines().filter(telling).map(str::to_owned).collect();
    assert!(lines.len() >= 3, "{text}");
    lines
}

#[test]
fn a_killed_import_goes_on_and_ends_with_the_same_scores() {
    let undisturbed = tempfile::tempdir().unwrap();
    let expected = results(undisturbed.path());
    let whole = written(undisturbed.path());

    let disturbed = tempfile::tempdir().unwrap();
    let mut kills = 0;
    for part in 1..8 {
        let child = demo(disturbed.path()).spawn().expect("the demo starts");
        // The input files come first; what follows is the database and the devices, in step with the import.
        if killed_at(child, disturbed.path(), whole * part / 8) {
            kills += 1;
        }
    }
    assert!(kills >= 3, "only {kills} of the runs could be killed under way");
    assert_eq!(results(disturbed.path()), expected);
}
