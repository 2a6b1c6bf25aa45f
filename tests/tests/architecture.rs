//! Holds the architecture: who may import whom, which crate owns which library, and what every file of the workspace
//! promises. Each rule is a function from facts to breaches, tried on the workspace and on a workspace that breaks it.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Who may import whom. A crate that is not named here may not exist; a new arrow is a decision, made here.
const ALLOWED: [(&str, &[&str]); 19] = [
    ("ordered", &[]),
    ("domain", &["ordered"]),
    ("sync-core", &["ordered"]),
    ("audit-templates", &["domain"]),
    ("device", &["sync-core", "domain", "ordered"]),
    ("screens", &["device", "domain", "sync-core", "ordered"]),
    ("phone-wasm", &["screens", "device", "domain", "sync-core"]),
    ("phone-ffi", &["screens", "device", "domain", "sync-core"]),
    ("db", &["domain", "sync-core"]),
    ("paper", &[]),
    ("server", &["domain", "audit-templates", "sync-core", "db", "paper"]),
    ("cli", &["server", "device", "audit-templates", "domain", "sync-core"]),
    ("veedor-tests", &["server", "device", "audit-templates", "domain", "sync-core", "db"]),
    ("no-std", &["domain", "sync-core"]),
    ("test-postgres", &[]),
    ("fuzz", &["server", "audit-templates", "domain", "sync-core"]),
    ("simulation", &["server", "db", "device", "domain", "sync-core"]),
    ("bench-sync", &["device", "sync-core"]),
    ("xtask", &[]),
];

/// Crates of ours that any test may import, and nothing else.
const FOR_TESTS: [&str; 1] = ["test-postgres"];

/// Arrows that only tests may take: a shell's visit is tried against a real office.
const IN_TESTS: [(&str, &str); 1] = [("phone-ffi", "server")];

/// Libraries with an owner: only these crates may name them, in tests too.
const OWNED: [(&str, &[&str]); 30] = [
    ("diesel", &["db"]),
    ("diesel_migrations", &["db"]),
    ("diesel-async", &[]),
    ("pq-sys", &["db"]),
    ("libsqlite3-sys", &["db"]),
    // The simulator puts a disk that loses power under SQLite, and damages stores; the bench measures what rows cost.
    // The browser's files come to SQLite in the phone's bindings.
    ("rusqlite", &["device", "simulation", "bench-sync", "phone-wasm"]),
    ("sqlite-wasm-rs", &["phone-wasm"]),
    ("wasm-bindgen", &["phone-wasm"]),
    ("uniffi", &["phone-ffi"]),
    ("uniffi_bindgen", &["phone-ffi"]),
    ("actix-web", &["server"]),
    ("askama", &["server"]),
    ("argon2", &["server"]),
    // What seals rescue files, which TLS brings along.
    ("ring", &["server"]),
    ("utoipa", &["server"]),
    // What reads the spreadsheets of strangers, under the bounds of imports; and what writes them.
    ("calamine", &["server"]),
    ("encoding_rs", &["server"]),
    ("rust_xlsxwriter", &["server"]),
    ("strsim", &["server"]),
    ("zip", &["server"]),
    ("ureq", &["cli", "veedor-tests", "bench-sync"]),
    // libFuzzer is built for `cargo fuzz` alone, and memory is counted where promises about it are tried.
    ("libfuzzer-sys", &["fuzz"]),
    ("peak_alloc", &["fuzz"]),
    ("qrcode", &["cli", "server", "paper"]),
    // What writes documents to be printed, and what reads them in tests.
    ("krilla", &["paper"]),
    ("rustybuzz", &["paper"]),
    ("lopdf", &["paper", "server"]),
    ("rqrr", &["cli"]),
    ("totp-rs", &["server"]),
    // Forty crates that only the phone's build compiles.
    ("wasm-bindgen-cli-support", &["xtask"]),
];

/// Every library that the pure crates may use outside their tests: none reads a clock, a file or a socket.
const PURE: [(&str, &[&str]); 3] = [
    ("ordered", &["serde"]),
    (
        "domain",
        &[
            "libm",
            "num-bigint",
            "num-integer",
            "num-rational",
            "num-traits",
            "ordered",
            "schemars",
            "serde",
            "serde_json",
            "uuid",
        ],
    ),
    (
        "sync-core",
        // zstd is C, but does nothing except with the bytes that it is given; it needs no standard library.
        &[
            "ed25519-dalek",
            "hmac",
            "hpke",
            "ordered",
            "p256",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "uuid",
            "zstd-safe",
        ],
    ),
];

/// Longest Rust file, tests included.
const MAX_LINES: usize = 900;
/// Documents about the whole repository, whose paths must exist.
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// A crate as its manifest tells it.
struct Crate {
    name: String,
    root_file: String,
    uses: Vec<Use>,
}

/// One dependency of a crate.
struct Use {
    name: String,
    only_in_tests: bool,
    optional: bool,
    features: Vec<String>,
}

// ---- the rules ----

fn forbidden_arrows(crates: &[Crate]) -> Vec<String> {
    let names: BTreeSet<&str> = crates.iter().map(|it| it.name.as_str()).collect();
    let allowed = BTreeMap::from(ALLOWED);
    let mut breaches = Vec::new();
    for it in crates {
        let Some(may) = allowed.get(it.name.as_str()) else {
            breaches.push(format!("{}: not in the list of crates", it.name));
            continue;
        };
        let ours = it.uses.iter().filter(|to| names.contains(to.name.as_str()));
        let wrong = ours.filter(|to| {
            // A crate may name itself in its tests: that is how it switches a feature on for them.
            let (from, to_name) = (it.name.as_str(), to.name.as_str());
            let is_for_tests =
                FOR_TESTS.contains(&to_name) || to_name == from || IN_TESTS.contains(&(from, to_name));
            let for_tests = to.only_in_tests && is_for_tests;
            !for_tests && !may.contains(&to.name.as_str())
        });
        breaches.extend(wrong.map(|to| format!("{} -> {}", it.name, to.name)));
    }
    breaches
}

fn libraries_outside_their_owner(crates: &[Crate]) -> Vec<String> {
    let owned = BTreeMap::from(OWNED);
    let all = crates.iter().flat_map(|it| it.uses.iter().map(move |to| (it, to)));
    all.filter(|(it, to)| owned.get(to.name.as_str()).is_some_and(|may| !may.contains(&it.name.as_str())))
        .map(|(it, to)| format!("{} names {}", it.name, to.name))
        .collect()
}

fn impurities(crates: &[Crate]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, may) in PURE {
        let Some(it) = crates.iter().find(|it| it.name == name) else {
            breaches.push(format!("{name}: no such crate"));
            continue;
        };
        if !it.root_file.lines().any(|line| line == "#![no_std]") {
            breaches.push(format!("{name}: lib.rs does not say #![no_std]"));
        }
        for to in it.uses.iter().filter(|to| !to.only_in_tests) {
            if !may.contains(&to.name.as_str()) {
                breaches.push(format!("{name} names {}", to.name));
            }
            if !to.optional && to.features.iter().any(|it| it == "std" || it == "default") {
                breaches.push(format!("{name} asks {} for the standard library", to.name));
            }
        }
    }
    breaches
}

fn opening_lines_missing(files: &[(String, String)]) -> Vec<String> {
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    rust.filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path.clone()).collect()
}

fn outside_paths(files: &[(String, String)]) -> Vec<String> {
    // Written in two parts so that this file passes.
    let forbidden = [concat!("..", "/shared"), concat!("/work", "/"), concat!("crates", ".io")];
    let mut breaches = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path != "Cargo.lock") {
        let found = forbidden.iter().filter(|it| text.contains(**it));
        breaches.extend(found.map(|it| format!("{path} mentions {it}")));
    }
    breaches
}

fn overlong_files(files: &[(String, String)]) -> Vec<String> {
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let counted = rust.map(|(path, text)| (path, text.lines().count()));
    counted.filter(|(_, n)| *n > MAX_LINES).map(|(path, n)| format!("{path}: {n} lines")).collect()
}

/// The crates whose manifests repeat the lints, so that one file of each can be unsafe: `(manifest, file)`.
const UNSAFE: [(&str, &str); 2] = [
    ("tests/simulation/Cargo.toml", "tests/simulation/src/vfs.rs"),
    ("sync-core/wasm/Cargo.toml", "sync-core/wasm/src/pool.rs"),
];

fn lints_not_shared(manifests: &[(String, String)], root: &str) -> Vec<String> {
    let of_rust = |text: &str, level: &str| {
        let lints = text.split("lints.rust]\n").nth(1).unwrap_or_default();
        let lints =
            lints.split("\n\n[profile").next().unwrap_or_default().replace("workspace.lints.", "lints.");
        let lints = lints.split("\n\n[dependencies").next().unwrap_or_default();
        let lints = lints.split("\n\n[target").next().unwrap_or_default();
        lints.trim().replace(level, "unsafe_code")
    };
    let repeated = of_rust(root, "unsafe_code = \"forbid\"");
    let shares = |(path, text): &&(String, String)| {
        let may = UNSAFE.iter().any(|it| path == it.0);
        let same = may && of_rust(text, "unsafe_code = \"deny\"") == repeated;
        same || text.contains("[lints]\nworkspace = true\n")
    };
    manifests.iter().filter(|it| !shares(it)).map(|(path, _)| path.clone()).collect()
}

fn unsafe_files(files: &[(String, String)]) -> Vec<String> {
    // Written in two parts so that this file passes.
    let marks = [concat!("unsafe", "_code, reason"), concat!("allow(unsafe", "_code")];
    let marked = |(path, text): &&(String, String)| {
        path.ends_with(".rs")
            && UNSAFE.iter().all(|it| path != it.1)
            && marks.iter().any(|it| text.contains(it))
    };
    files.iter().filter(marked).map(|(path, _)| path.clone()).collect()
}

/// What the SQLite of browsers does not know (`sync-core/wasm/small.h`), as it would stand in the phone's SQL.
const NOT_IN_BROWSERS: [&str; 31] = [
    "json_",
    "->>",
    "unixepoch(",
    "datetime(",
    "julianday(",
    "strftime(",
    "CURRENT_TIME",
    "AUTOINCREMENT",
    "TRIGGER",
    "CREATE VIEW",
    "CREATE VIRTUAL",
    "GENERATED",
    "ON DELETE",
    "ALTER TABLE",
    "ANALYZE",
    "ATTACH ",
    "DETACH ",
    "EXPLAIN",
    "REINDEX",
    "RETURNING",
    "VACUUM",
    "WITH RECURSIVE",
    " OVER ",
    " LIKE ",
    " GLOB ",
    "PRAGMA table_",
    "PRAGMA index_",
    "PRAGMA integrity_check",
    "PRAGMA quick_check",
    "PRAGMA rekey",
    "pragma_",
];

/// Functions of SQL that it does not know.
const FUNCTIONS_NOT_IN_BROWSERS: [&str; 25] = [
    "char",
    "concat",
    "concat_ws",
    "format",
    "group_concat",
    "hex",
    "instr",
    "lower",
    "ltrim",
    "printf",
    "quote",
    "randomblob",
    "replace",
    "round",
    "rtrim",
    "sign",
    "string_agg",
    "substr",
    "substring",
    "trim",
    "unhex",
    "unicode",
    "unistr",
    "upper",
    "zeroblob",
];

/// Whether a line calls a function of SQL: no method, path or macro of Rust, and no definition.
fn calls_in_sql(line: &str, function: &str) -> bool {
    line.match_indices(&format!("{function}(")).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        !before.ends_with(|it: char| it.is_alphanumeric() || "_.:!".contains(it)) && !before.ends_with("fn ")
    })
}

/// Uses of them by what a phone runs: its migrations and the literals of its crates.
fn sql_not_in_browsers(files: &[(String, String)]) -> Vec<String> {
    let of_phones = |path: &str| {
        let of_crates = ["sync-core/device/src/", "sync-core/screens/src/", "sync-core/wasm/src/"];
        path.starts_with("migrations/device/") || of_crates.iter().any(|it| path.starts_with(it))
    };
    let mut breaches = Vec::new();
    for (path, text) in files.iter().filter(|it| of_phones(&it.0)) {
        let code = text
            .lines()
            .map(|it| it.trim_start())
            .filter(|it| !it.starts_with("//") && !it.starts_with("--"));
        for line in code {
            let used = NOT_IN_BROWSERS.iter().filter(|it| line.contains(**it));
            breaches.extend(used.map(|it| format!("{path}: {it}")));
            let called = FUNCTIONS_NOT_IN_BROWSERS.iter().filter(|it| calls_in_sql(line, it));
            breaches.extend(called.map(|it| format!("{path}: {it}()")));
        }
    }
    breaches
}

/// Code spans with a slash and link targets must be paths of the repository; routes, wildcards, media types and
/// addresses are not paths.
fn dead_paths(document: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut in_fence = false;
    let mut breaches = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            let spans = line.split('`').skip(1).step_by(2).filter(|it| it.contains('/'));
            let links = line.split("](").skip(1).filter_map(|it| it.split(')').next());
            let named = spans.chain(links).filter(|it| looks_like_path(it));
            let dead = named.map(|it| it.split('#').next().unwrap_or(it)).filter(|it| !exists(it));
            breaches.extend(dead.map(|it| format!("{document}: {it}")));
        }
    }
    breaches
}

fn looks_like_path(text: &str) -> bool {
    let plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-./#".contains(&it));
    let media_type = ["application/", "text/", "image/"].iter().any(|it| text.starts_with(it));
    plain && !media_type && !text.starts_with('/') && !text.starts_with('#') && !text.is_empty()
}

fn unpaired_migrations(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>) -> Vec<String> {
    let mut breaches: Vec<String> =
        sqlite.symmetric_difference(postgres).map(|it| format!("{it}: in one folder only")).collect();
    if sqlite.is_empty() {
        breaches.push("no migration found".to_owned());
    }
    breaches
}

// ---- the facts ----

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the root").to_owned()
}

fn crates() -> Vec<Crate> {
    let metadata =
        MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata answers");
    let members = metadata.packages.iter().map(|package| {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
        let uses = package.dependencies.iter().map(|it| Use {
            name: it.name.clone(),
            only_in_tests: it.kind == DependencyKind::Development,
            optional: it.optional,
            features: it
                .features
                .iter()
                .cloned()
                .chain(it.uses_default_features.then(|| "default".to_owned()))
                .collect(),
        });
        Crate {
            name: package.name.to_string(),
            root_file: fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default(),
            uses: uses.collect(),
        }
    });
    members.collect()
}

/// Every text file of the repository with its path from the root; not what a build or a tool leaves there.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours").map(|it| it.expect("an entry")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().expect("a file type").is_dir() {
                let is_made = ["phone/dist", "phone/pkg"].iter().any(|it| entry.path() == root().join(it));
                if !is_made && !["target", ".git", "node_modules", "demo-data"].contains(&name.as_str()) {
                    folders.push(entry.path());
                }
            } else if name != ".git"
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                let path =
                    entry.path().strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The numbers of the migrations in a folder, `00000000000001` of `00000000000001_create`.
fn migrations(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).into_iter().flatten().map(|it| it.expect("an entry"));
    let names = entries.map(|it| it.file_name().to_string_lossy().into_owned());
    names.map(|it| it.split('_').next().unwrap_or_default().to_owned()).collect()
}

const NONE: [String; 0] = [];

// ---- the workspace keeps them ----

#[test]
fn crates_import_only_whom_they_may() {
    assert_eq!(forbidden_arrows(&crates()), NONE);
    assert_eq!(crates().len(), ALLOWED.len());
}

#[test]
fn libraries_stay_with_their_owner() {
    assert_eq!(libraries_outside_their_owner(&crates()), NONE);
}

#[test]
fn the_pure_crates_cannot_reach_a_clock_or_a_file() {
    assert_eq!(impurities(&crates()), NONE);
}

#[test]
fn every_rust_file_says_what_it_owns() {
    assert_eq!(opening_lines_missing(&files()), NONE);
}

#[test]
fn no_file_names_a_path_outside_the_repository() {
    assert_eq!(outside_paths(&files()), NONE);
}

#[test]
fn no_rust_file_is_overlong() {
    assert_eq!(overlong_files(&files()), NONE);
}

#[test]
fn every_crate_shares_the_lints() {
    let manifests: Vec<_> = files().into_iter().filter(|(path, _)| path.ends_with("/Cargo.toml")).collect();
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    assert_eq!(lints_not_shared(&manifests, &workspace), NONE);
    assert_eq!(manifests.len(), ALLOWED.len());
}

#[test]
fn only_two_files_are_unsafe() {
    assert_eq!(unsafe_files(&files()), NONE);
}

#[test]
fn phones_ask_sqlite_for_nothing_that_it_lacks_in_browsers() {
    assert_eq!(sql_not_in_browsers(&files()), NONE);
}

#[test]
fn documents_name_only_paths_that_exist() {
    for document in DOCUMENTS {
        if let Ok(text) = fs::read_to_string(root().join(document)) {
            assert_eq!(dead_paths(document, &text, |it| root().join(it).exists()), NONE);
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    assert_eq!(
        unpaired_migrations(&migrations("migrations/sqlite"), &migrations("migrations/postgres")),
        NONE
    );
}

// ---- and a workspace that breaks them is noticed ----

fn broken(name: &str, to: &str, only_in_tests: bool) -> Vec<Crate> {
    let mut all = crates();
    let it = all.iter_mut().find(|it| it.name == name).expect("a crate of ours");
    it.uses.push(Use { name: to.to_owned(), only_in_tests, optional: false, features: Vec::new() });
    all
}

fn file(path: &str, text: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), text.to_owned())]
}

#[test]
fn an_arrow_that_is_not_allowed_is_noticed() {
    assert_eq!(forbidden_arrows(&broken("domain", "sync-core", false)), ["domain -> sync-core"]);
    assert_eq!(forbidden_arrows(&broken("device", "server", true)), ["device -> server"]);
    assert_eq!(forbidden_arrows(&broken("phone-ffi", "server", true)), NONE);
    assert_eq!(forbidden_arrows(&broken("phone-ffi", "server", false)), ["phone-ffi -> server"]);
    assert_eq!(forbidden_arrows(&broken("server", "test-postgres", true)), NONE);
    assert_eq!(forbidden_arrows(&broken("server", "test-postgres", false)), ["server -> test-postgres"]);
    let stranger = Crate { name: "common".to_owned(), root_file: String::new(), uses: Vec::new() };
    assert_eq!(forbidden_arrows(&[stranger]), ["common: not in the list of crates"]);
}

#[test]
fn a_library_outside_its_owner_is_noticed() {
    for (name, library) in
        [("server", "diesel"), ("server", "rusqlite"), ("server", "libsqlite3-sys"), ("cli", "rusqlite")]
    {
        let breaches = libraries_outside_their_owner(&broken(name, library, true));
        assert_eq!(breaches, [format!("{name} names {library}")]);
    }
}

#[test]
fn an_impure_crate_is_noticed() {
    assert_eq!(impurities(&broken("domain", "tokio", false)), ["domain names tokio"]);
    assert_eq!(impurities(&broken("sync-core", "jiff", false)), ["sync-core names jiff"]);
    assert_eq!(impurities(&broken("domain", "proptest", true)), NONE);
    let mut all = crates();
    all.iter_mut().find(|it| it.name == "domain").unwrap().root_file = "//! Rules.\n".to_owned();
    assert_eq!(impurities(&all), ["domain: lib.rs does not say #![no_std]"]);
    let mut all = broken("domain", "serde", false);
    let it = all.iter_mut().find(|it| it.name == "domain").unwrap();
    it.uses.last_mut().unwrap().features.push("std".to_owned());
    assert_eq!(impurities(&all), ["domain asks serde for the standard library"]);
}

#[test]
fn a_file_that_breaks_its_promises_is_noticed() {
    assert_eq!(opening_lines_missing(&file("a.rs", "use std;\n")), ["a.rs"]);
    assert_eq!(opening_lines_missing(&file("a.rs", "//! Owns a.\n")), NONE);
    assert_eq!(outside_paths(&file("a.md", concat!("see ..", "/shared/design"))).len(), 1);
    assert_eq!(overlong_files(&file("a.rs", &"\n".repeat(MAX_LINES + 1))), ["a.rs: 901 lines"]);
    let workspace = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    assert_eq!(lints_not_shared(&file("a/Cargo.toml", "[package]\n"), workspace), ["a/Cargo.toml"]);
    let laxer = file(UNSAFE[0].0, "[lints.rust]\nunsafe_code = \"deny\"\nmissing_docs = \"allow\"\n");
    assert_eq!(lints_not_shared(&laxer, workspace), [UNSAFE[0].0]);
    let unsafe_code = concat!("#![expect(unsafe", "_code, reason = \"fast\")]");
    assert_eq!(unsafe_files(&file("a.rs", unsafe_code)), ["a.rs"]);
}

#[test]
fn sql_that_browsers_lack_is_noticed() {
    let text = "  // json_extract is gone\n  conn.execute(\"SELECT json_extract(a, '$') FROM t\")\n";
    assert_eq!(
        sql_not_in_browsers(&file("sync-core/device/src/a.rs", text)),
        ["sync-core/device/src/a.rs: json_"]
    );
    assert_eq!(sql_not_in_browsers(&file("server/src/a.rs", text)), NONE);
    let migration = "-- A TRIGGER\nCREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT);\n";
    let path = "migrations/device/0099_a.sql";
    assert_eq!(sql_not_in_browsers(&file(path, migration)), [format!("{path}: AUTOINCREMENT")]);
    let altered = "ALTER TABLE a ADD COLUMN c TEXT DEFAULT (hex(1));\n";
    let both = [format!("{path}: ALTER TABLE"), format!("{path}: hex()")];
    assert_eq!(sql_not_in_browsers(&file(path, altered)), both);
    let of_rust =
        "    pub fn sign(&self) { self.name.replace('a', \"b\"); crate::hex(&[]); format!(\"{a}\"); }\n";
    assert_eq!(sql_not_in_browsers(&file("sync-core/device/src/a.rs", of_rust)), NONE);
}

#[test]
fn a_dead_path_in_a_document_is_noticed() {
    let text =
        "Run `cargo x` and read `domain/src/gone.rs`, `/api/v1` or [this](GONE.md).\n```\n`a/b`\n```\n";
    assert_eq!(dead_paths("D", text, |_| false), ["D: domain/src/gone.rs", "D: GONE.md"]);
    assert_eq!(dead_paths("D", text, |_| true), NONE);
}

#[test]
fn a_migration_for_one_database_only_is_noticed() {
    let one = BTreeSet::from(["0001".to_owned()]);
    let two = BTreeSet::from(["0001".to_owned(), "0002".to_owned()]);
    assert_eq!(unpaired_migrations(&one, &two), ["0002: in one folder only"]);
    assert_eq!(unpaired_migrations(&BTreeSet::new(), &BTreeSet::new()), ["no migration found"]);
}
