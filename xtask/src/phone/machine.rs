//! The machine for the phone: Node with the packages of its pages, and a browser to try them in. Finds or installs them; builds nothing.

use super::fresh::Stamp;
use crate::{
    machine::{can_install, install_packages as install_on_machine, output_of},
    steps::{Failed, Steps},
};
use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Node that the tools of the pages run on: major and minor.
const OLDEST_NODE: (u32, u32) = (20, 19);
/// What brings a newer Node where the system's is too old, as Debian's is: npm has it as a package for each system.
const NEWER_NODE: &str = "22.23.3";
/// Names of the browser, as systems have them.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Node and npm, as the steps of the pages call them.
pub(super) struct Node {
    /// The folder of a Node that is newer than the system's.
    newer: Option<PathBuf>,
}

impl Node {
    /// A command of theirs: `node`, `npm`, or a program of a package, which finds this Node too.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some(newer) = &self.newer {
            let before = env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(newer.clone()).chain(env::split_paths(&before));
            if let Ok(path) = env::join_paths(folders) {
                command.env("PATH", path);
            }
        }
        command
    }
}

/// Finds Node and npm, or installs them.
pub(super) fn set_up_node(steps: &mut Steps) -> Result<Node, Failed> {
    let has_npm = || output_of("npm", &["--version"]).is_some();
    if !has_npm() && can_install() {
        install_on_machine(steps, "Node", &["nodejs", "npm"])?;
    }
    if has_npm() && is_new_enough("node") {
        return Ok(Node { newer: None });
    }
    let (major, minor) = OLDEST_NODE;
    let missing = || {
        Failed(format!(
            "no Node {major}.{minor} or later with npm: install them (Debian: apt-get install nodejs npm)"
        ))
    };
    if !has_npm() {
        return Err(missing());
    }
    let system = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "aarch64") => "darwin-arm64",
        _ => return Err(missing()),
    };
    let folder = crate::wasm::cache()?.join("veedor-node");
    let newer = folder.join("node_modules").join(format!("node-{system}")).join("bin");
    if !is_new_enough(newer.join("node")) {
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| Failed(format!("{} cannot be made: {error}", folder.display())))?;
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder);
        install.arg(format!("node-{system}@{NEWER_NODE}"));
        steps.start("a newer Node", install)?;
    }
    if is_new_enough(newer.join("node")) { Ok(Node { newer: Some(newer) }) } else { Err(missing()) }
}

fn is_new_enough(node: impl AsRef<OsStr>) -> bool {
    let output = Command::new(node).arg("--version").output();
    let version = output.ok().and_then(|it| String::from_utf8(it.stdout).ok()).unwrap_or_default();
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|it| it.parse().ok());
    numbers.next().zip(numbers.next()).is_some_and(|it| it >= OLDEST_NODE)
}

/// Installs the packages that the lock file names, where it is another one than they were installed by. Runs nothing of theirs.
pub(super) fn install_packages(steps: &mut Steps, node: &Node, folder: &Path) -> Result<(), Failed> {
    let named = ["package.json", "package-lock.json"].map(|it| folder.join(it));
    let stamp = Stamp::of(folder.join("node_modules/.veedor-stamp"), &named)?;
    if stamp.holds() {
        return Ok(());
    }
    let mut install = node.command("npm");
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
