//! Released content never changes: its hashes are those of `content/released.lock`. And the checked-in schemas are
//! those of the types.

use std::{collections::BTreeSet, fs, path::Path};

use audit_templates::{catalogue, released::sha256_hex, schema::schemas};

/// A line for each piece of released content.
fn released() -> BTreeSet<String> {
    catalogue().iter().map(|it| it.lock_line()).collect()
}

#[test]
fn released_content_is_locked_and_unchanged() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("content/released.lock");
    let lock = fs::read_to_string(path).unwrap();
    let locked: BTreeSet<String> =
        lock.lines().filter(|it| !it.is_empty() && !it.starts_with('#')).map(str::to_string).collect();
    let released = released();
    let changed: Vec<&String> = released.difference(&locked).collect();
    let missing: Vec<&String> = locked.difference(&released).collect();
    assert!(
        changed.is_empty() && missing.is_empty(),
        "released content is immutable: give changed content a new version. In content but not in released.lock: \
         {changed:#?}. In released.lock but not in content: {missing:#?}"
    );
}

#[test]
fn an_id_and_version_is_released_once() {
    let mut seen = BTreeSet::new();
    for line in released() {
        let name: Vec<&str> = line.split(' ').take(3).collect();
        assert!(seen.insert(name.join(" ")), "{line}");
    }
}

#[test]
fn the_hash_is_that_of_the_canonical_json() {
    for it in catalogue() {
        assert_eq!(it.sha256_hex, sha256_hex(it.canonical_json.as_bytes()));
        assert_eq!(it.sha256_hex.len(), 64);
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256_hex(b""), empty);
}

#[test]
fn the_checked_in_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for (name, text) in schemas() {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(found == text, "{name} is stale: run `cargo run -p audit-templates --example schemas`");
    }
}
