//! The phone: its Rust part compiled for browsers, its pages around it, and the folder that the office serves. Owns the order of these
//! steps and the flags of the compilers; what a machine needs for them is in `machine`, what may be skipped in `fresh`.

mod fresh;
mod machine;
mod sizes;

use crate::{
    steps::{Failed, Steps, cargo},
    wasm::{self, Toolchain},
};
use fresh::Stamp;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The pages, and where everything of the phone is put together.
const FOLDER: &str = "phone";
/// What the office serves.
const SERVED: &str = "phone/dist";
/// Where the pages find the Rust part.
const BINDINGS: &str = "phone/pkg";
/// The crate of the Rust part, and the names of what is made of it.
const CRATE: &str = "phone-wasm";
const NAME: &str = "phone_wasm";
/// What decides how the Rust part is made ready, beside itself.
const READIED_BY: [&str; 4] =
    ["xtask/src/phone/mod.rs", "xtask/src/bin/bindings.rs", "Cargo.lock", "phone/package-lock.json"];
/// What Rust's compiler uses that `wasm-opt` does not take for granted.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-call-indirect-overlong",
];

/// Whether there is a phone to build.
pub(crate) fn is_here(root: &Path) -> bool {
    root.join(FOLDER).join("package.json").exists()
}

/// What building the phone needs, found or installed.
///
/// # Errors
/// Everything that is missing, a line each.
pub(crate) fn set_up(steps: &mut Steps) -> Result<Toolchain, Failed> {
    let node = machine::set_up_node(steps);
    let toolchain = wasm::set_up(steps);
    match (node, toolchain) {
        (Ok(()), toolchain) => toolchain,
        (Err(node), Ok(_)) => Err(node),
        (Err(node), Err(toolchain)) => Err(Failed(format!("{}\n{}", node.0, toolchain.0))),
    }
}

/// Also what trying it needs: a browser, whose program it gives.
pub(crate) fn set_up_browser(steps: &mut Steps) -> Result<PathBuf, Failed> {
    machine::set_up_chromium(steps)
}

/// Builds whatever is not up to date and gives the folder that the office serves.
pub(crate) fn build(steps: &mut Steps) -> Result<PathBuf, Failed> {
    let root = steps.root().clone();
    if !is_here(&root) {
        return Err(Failed(format!("there is no phone in this tree: {FOLDER}/package.json is missing")));
    }
    let toolchain = set_up(steps)?;
    machine::install_packages(steps, &root.join(FOLDER))?;
    compile(steps, &toolchain)?;
    ready(steps)?;
    put_together(steps)?;
    let served = root.join(SERVED);
    sizes::print(&served)?;
    Ok(served)
}

/// Builds the phone, checks the types of its pages, and runs its journeys in a browser against a debug build of the office.
pub(crate) fn test(steps: &mut Steps) -> Result<(), Failed> {
    let served = build(steps)?;
    let chromium = set_up_browser(steps)?;
    let npm = |steps: &Steps, arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.args(arguments).current_dir(steps.root().join(FOLDER));
        command
    };
    steps.start("types of the phone's pages", npm(steps, &["run", "check"]))?;
    steps.cargo("debug build of veedor", &["build", "--locked", "--bin", "veedor"])?;
    let mut journeys = npm(steps, &["test"]);
    journeys.env("VEEDOR_BIN", target(steps.root()).join("debug/veedor"));
    journeys.env("VEEDOR_PHONE", served).env("CHROMIUM", chromium);
    steps.start("journeys of the phone in a browser", journeys)
}

/// Cargo knows best what is up to date.
fn compile(steps: &mut Steps, toolchain: &Toolchain) -> Result<(), Failed> {
    let mut build = Command::new(cargo());
    build.args(["build", "--quiet", "--locked", "-p", CRATE, "--lib"]);
    build.args(["--profile", "wasm-release", "--target", wasm::TARGET]);
    build.envs(toolchain.variables()).current_dir(steps.root());
    steps.start("the phone's Rust part for browsers", build)
}

/// Puts the Rust part, with what JavaScript calls it by, where the pages look for it, as small as it gets.
fn ready(steps: &mut Steps) -> Result<(), Failed> {
    let root = steps.root().clone();
    let module = target(&root).join(wasm::TARGET).join("wasm-release").join(format!("{NAME}.wasm"));
    let made_by: Vec<PathBuf> =
        [module.clone()].into_iter().chain(READIED_BY.iter().map(|it| root.join(it))).collect();
    let stamp = Stamp::of(target(&root).join("phone/bindings.stamp"), &made_by)?;
    let small = root.join(BINDINGS).join(format!("{NAME}_bg.wasm"));
    if stamp.holds() && small.exists() {
        return Ok(());
    }
    let mut bindings = Command::new(cargo());
    // Not built with the workspace: it would bring forty crates that nothing else needs.
    bindings.args([
        "run",
        "--quiet",
        "--locked",
        "-p",
        "xtask",
        "--features",
        "bindings",
        "--bin",
        "bindings",
    ]);
    bindings.args(["--profile", "bindings", "--"]).arg(&module).args([BINDINGS, NAME]).current_dir(&root);
    steps.start("what JavaScript calls the Rust part by", bindings)?;
    let mut smaller = Command::new(root.join(FOLDER).join("node_modules/.bin/wasm-opt"));
    smaller.args(["-Oz", "--strip-debug", "--strip-producers"]).args(FEATURES);
    smaller.arg(&small).arg("-o").arg(&small).current_dir(&root);
    steps.start("the Rust part made smaller", smaller)?;
    stamp.write()
}

/// The pages, and beside each file what browsers take packed.
fn put_together(steps: &mut Steps) -> Result<(), Failed> {
    let root = steps.root().clone();
    let pack = root.join("xtask/src/phone/pack.mjs");
    let stamp = Stamp::of(target(&root).join("phone/served.stamp"), &[root.join(FOLDER), pack.clone()])?;
    let served = root.join(SERVED);
    if stamp.holds() && served.join("index.html").exists() {
        return Ok(());
    }
    let mut build = Command::new("npm");
    build.args(["run", "build"]).current_dir(root.join(FOLDER));
    steps.start("the phone's pages", build)?;
    let mut packing = Command::new("node");
    packing.arg(pack).arg(served).current_dir(&root);
    steps.start("the phone's files packed", packing)?;
    stamp.write()
}

/// Where cargo puts what it builds.
fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |it| root.join(it))
}
