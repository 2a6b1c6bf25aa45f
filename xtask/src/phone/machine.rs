//! The machine for the phone: Node with the packages of its pages, and a browser to try them in. Finds or installs them; builds nothing.

use super::fresh::Stamp;
use crate::{
    machine::{can_install, install_packages as install_on_machine, output_of},
    steps::{Failed, Steps},
};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Node that the tools of the pages run on.
const OLDEST_NODE: u32 = 18;
/// Names of the browser, as systems have them.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Finds Node and npm, or installs them.
pub(super) fn set_up_node(steps: &mut Steps) -> Result<(), Failed> {
    let missing = missing_node();
    if !missing.is_empty() && can_install() {
        install_on_machine(steps, "Node", &missing)?;
    }
    if missing_node().is_empty() {
        return Ok(());
    }
    Err(Failed(format!(
        "no Node {OLDEST_NODE} or later with npm: install them (Debian: apt-get install nodejs npm)"
    )))
}

fn missing_node() -> Vec<&'static str> {
    let version = output_of("node", &["--version"]).unwrap_or_default();
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|it| it.parse::<u32>().ok());
    let mut missing = Vec::new();
    if major.is_none_or(|it| it < OLDEST_NODE) {
        missing.push("nodejs");
    }
    if output_of("npm", &["--version"]).is_none() {
        missing.push("npm");
    }
    missing
}

/// Installs the packages that the lock file names, where it is another one than they were installed by. Runs nothing of theirs.
pub(super) fn install_packages(steps: &mut Steps, folder: &Path) -> Result<(), Failed> {
    let named = ["package.json", "package-lock.json"].map(|it| folder.join(it));
    let stamp = Stamp::of(folder.join("node_modules/.veedor-stamp"), &named)?;
    if stamp.holds() {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
    steps.start("packages of the phone's pages", install)?;
    stamp.write()
}

/// Finds Chromium or installs it; gives its program.
pub(super) fn set_up_chromium(steps: &mut Steps) -> Result<PathBuf, Failed> {
    if let Some(named) = env::var_os("CHROMIUM") {
        let named = PathBuf::from(named);
        return if named.exists() {
            Ok(named)
        } else {
            Err(Failed(format!("CHROMIUM is {}, which is not there", named.display())))
        };
    }
    if let Some(found) = chromium() {
        return Ok(found);
    }
    if can_install() {
        install_on_machine(steps, "Chromium", &["chromium"])?;
    }
    chromium().ok_or_else(|| {
        Failed(
            "no Chromium: install it (Debian: apt-get install chromium), or name its program in CHROMIUM"
                .to_owned(),
        )
    })
}

fn chromium() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&on_path).collect();
    BROWSERS.iter().find_map(|name| folders.iter().map(|it| it.join(name)).find(|it| it.is_file()))
}
