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
use machine::Node;
use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
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
/// What of the C code a phone does without.
const LEFT_OUT: &str = "sync-core/wasm/small.h";
/// The standard library is compiled with the rest, so that it is small too: its sorts and searches in the form that takes less room.
const STANDARD_LIBRARY: [&str; 2] = ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];
/// Panics stop at once, without the texts that nobody on a phone reads; SHA-2 is a loop and not written out.
const RUST_FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none \
                          --cfg sha2_backend=\"soft\" --cfg sha2_backend_soft=\"compact\"";
/// Of these options the compiler says that they are of tomorrow; it takes them where this is set.
const AS_OF_TOMORROW: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");
/// How the Rust part is made smaller. Inlined, it would be smaller still, but not once it is compressed: measured with brotli, 636,686
/// bytes against 684,551. The lowest addresses are the end of the stack, which nothing else lies in, so that `wasm-opt` may take them
/// for unused. Functions go by their names, as the compiler writes them: what was made of one piece of generic code for many types
/// stands together, where brotli finds what is alike.
const SMALLER: [&str; 10] = [
    "-Oz",
    "--one-caller-inline-max-function-size=0",
    "--always-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--skip-pass=local-cse",
    "--skip-pass=simplify-locals",
    "--low-memory-unused",
    "--reorder-functions-by-name",
    "--strip-debug",
    "--strip-producers",
];
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

/// What the pages' types of messages are made of; a test of `screens` holds it against the Rust types.
const SCHEMA: &str = "phone/src/core/messages.schema.json";

/// What building the phone needs.
pub(crate) struct Tools {
    toolchain: Toolchain,
    node: Node,
}

/// What building the phone needs, found or installed.
///
/// # Errors
/// Everything that is missing, a line each.
pub(crate) fn set_up(steps: &mut Steps) -> Result<Tools, Failed> {
    let node = machine::set_up_node(steps);
    let toolchain = wasm::set_up(steps);
    match (node, toolchain) {
        (Ok(node), Ok(toolchain)) => Ok(Tools { toolchain, node }),
        (Err(one), Ok(_)) | (Ok(_), Err(one)) => Err(one),
        (Err(node), Err(toolchain)) => Err(Failed(format!("{}\n{}", node.0, toolchain.0))),
    }
}

/// Also what trying it needs: a browser, whose program it gives.
pub(crate) fn set_up_browser(steps: &mut Steps) -> Result<PathBuf, Failed> {
    machine::set_up_chromium(steps)
}

/// Builds whatever is not up to date and gives the folder that the office serves.
pub(crate) fn build(steps: &mut Steps) -> Result<PathBuf, Failed> {
    let tools = set_up(steps)?;
    build_with(steps, &tools)
}

fn build_with(steps: &mut Steps, tools: &Tools) -> Result<PathBuf, Failed> {
    let root = steps.root().clone();
    machine::install_packages(steps, &tools.node, &root.join(FOLDER))?;
    compile(steps, &tools.toolchain)?;
    ready(steps, &tools.node)?;
    put_together(steps, &tools.node)?;
    let served = root.join(SERVED);
    sizes::print(&served)?;
    Ok(served)
}

/// Builds the phone, checks the types of its pages, and runs its journeys in a browser against a debug build of the office.
pub(crate) fn test(steps: &mut Steps) -> Result<(), Failed> {
    let tools = set_up(steps)?;
    let served = build_with(steps, &tools)?;
    let chromium = set_up_browser(steps)?;
    let npm = |steps: &Steps, arguments: &[&str]| {
        let mut command = tools.node.command("npm");
        command.args(arguments).current_dir(steps.root().join(FOLDER));
        command
    };
    steps.start("types of the phone's pages", npm(steps, &["run", "check"]))?;
    // With the features that the workspace's tests were built with, so that nothing is compiled twice.
    steps.cargo("debug build of veedor", &["build", "--workspace", "--locked", "--bin", "veedor"])?;
    let mut journeys = npm(steps, &["test"]);
    journeys.env("VEEDOR_BIN", target(steps.root()).join("debug/veedor"));
    journeys.env("VEEDOR_PHONE", served).env("CHROMIUM", chromium);
    steps.start("journeys of the phone in a browser", journeys)
}

/// Writes the types of the messages between the Rust part and the pages, as Rust has them.
pub(crate) fn write_messages(steps: &mut Steps) -> Result<(), Failed> {
    let node = machine::set_up_node(steps)?;
    let root = steps.root().clone();
    machine::install_packages(steps, &node, &root.join(FOLDER))?;
    let print =
        ["run", "--quiet", "--locked", "-p", "screens", "--features", "schema", "--example", "schema"];
    let schema = steps.cargo_output("the schema of the phone's messages", &print)?;
    fs::write(root.join(SCHEMA), schema).map_err(|it| Failed(format!("{SCHEMA} cannot be written: {it}")))?;
    let mut types = node.command("npm");
    types.args(["run", "messages"]).current_dir(root.join(FOLDER));
    steps.start("the types of the phone's messages", types)
}

/// Cargo knows best what is up to date.
fn compile(steps: &mut Steps, toolchain: &Toolchain) -> Result<(), Failed> {
    let mut build = Command::new(cargo());
    build.args(["build", "--quiet", "--locked", "-p", CRATE, "--lib"]);
    build.args(["--profile", "wasm-release", "--target", wasm::TARGET]).args(STANDARD_LIBRARY);
    build.env("RUSTFLAGS", RUST_FLAGS).env(AS_OF_TOMORROW.0, AS_OF_TOMORROW.1);
    let left_out = steps.root().join(LEFT_OUT);
    // The variable names what the file holds, so that a change of it compiles the C anew.
    let mut hasher = DefaultHasher::new();
    fs::read(&left_out)
        .map_err(|error| Failed(format!("{LEFT_OUT} cannot be read: {error}")))?
        .hash(&mut hasher);
    let flags = format!("-include '{}' -DVEEDOR_LEFT_OUT=0x{:016x}", left_out.display(), hasher.finish());
    build.env("CC_SHELL_ESCAPED_FLAGS", "1").env("CFLAGS_wasm32_unknown_unknown", flags);
    build.envs(toolchain.variables()).current_dir(steps.root());
    steps.start("the phone's Rust part for browsers", build)
}

/// Puts the Rust part, with what JavaScript calls it by, where the pages look for it, as small as it gets.
fn ready(steps: &mut Steps, node: &Node) -> Result<(), Failed> {
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
    let mut smaller = node.command(root.join(FOLDER).join("node_modules/.bin/wasm-opt"));
    smaller.args(SMALLER).args(FEATURES);
    smaller.arg(&small).arg("-o").arg(&small).current_dir(&root);
    steps.start("the Rust part made smaller", smaller)?;
    stamp.write()
}

/// The pages, and beside each file what browsers take packed.
fn put_together(steps: &mut Steps, node: &Node) -> Result<(), Failed> {
    let root = steps.root().clone();
    let pack = root.join("xtask/src/phone/pack.mjs");
    let stamp = Stamp::of(target(&root).join("phone/served.stamp"), &[root.join(FOLDER), pack.clone()])?;
    let served = root.join(SERVED);
    if stamp.holds() && served.join("index.html").exists() {
        return Ok(());
    }
    let mut build = node.command("npm");
    build.args(["run", "build"]).current_dir(root.join(FOLDER));
    steps.start("the phone's pages", build)?;
    let mut packing = node.command("node");
    packing.arg(pack).arg(served).current_dir(&root);
    steps.start("the phone's files packed", packing)?;
    stamp.write()
}

/// Where cargo puts what it builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |it| root.join(it))
}
