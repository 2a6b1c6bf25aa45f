//! Every input that is checked in keeps the promises of its target, and every target has its folder and its program.

use fuzz::TARGETS;
use std::{collections::BTreeSet, fs, path::Path};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder of ours").map(|it| it.expect("an entry"));
    entries.map(|it| it.path().file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

/// One test, since each input's memory is counted.
#[test]
fn every_input_that_is_checked_in_keeps_the_promises_of_its_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(names(&folder("corpus")), targets);
    assert_eq!(names(&folder("fuzz_targets")), targets);
    for (name, target) in TARGETS {
        let inputs = fs::read_dir(folder("corpus").join(name)).expect("its folder");
        let mut count = 0;
        for input in inputs.map(|it| it.expect("an entry").path()) {
            println!("{}", input.display());
            target(&fs::read(&input).expect("an input"));
            count += 1;
        }
        target(&[]);
        assert!(count > 0, "{name} has no input");
    }
}
