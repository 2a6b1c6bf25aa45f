//! Every input that is checked in keeps the promises of its target, and every target has its folder and its program.

use fuzz::TARGETS;
use serde::de::DeserializeOwned;
use std::{collections::BTreeSet, fs, path::Path};
use sync_core::{
    codec::{self, Nested},
    exchange::{Body, Reply, Request, Run},
    packed::PackedOps,
};

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

/// The messages of a target's corpus that can be read; after a change of the wire `examples/seeds.rs` makes them anew.
fn messages<T: DeserializeOwned>(target: &str) -> Vec<T> {
    let inputs = fs::read_dir(folder("corpus").join(target)).expect("its folder");
    let bytes = inputs.map(|it| fs::read(it.expect("an entry").path()).expect("an input"));
    bytes.filter_map(|it| codec::from_cbor(&it).or_else(|_| codec::from_json(&it)).ok()).collect()
}

#[test]
fn the_corpora_of_messages_have_ones_that_todays_form_can_read_whole() {
    let unpack = |it: &PackedOps| it.unpack(1).is_ok_and(|ops| ops.len() > 3);
    assert!(messages("ops").iter().any(unpack));
    assert!(messages::<Run>("relayed").iter().any(|it| unpack(&it.ops) && it.proof.is_some()));
    for target in ["request_cbor", "request_json"] {
        let requests = messages::<Request>(target);
        assert!(
            requests.iter().flat_map(|it| &it.push).any(|it| it.open().is_ok_and(|it| unpack(&it.ops))),
            "{target}"
        );
        assert!(requests.iter().any(|it| !it.relay.is_empty()), "{target}");
    }
    for target in ["reply_cbor", "reply_json"] {
        let replies = messages::<Reply>(target);
        let pages =
            replies.iter().filter_map(|it| if let Reply::Done(it) = it { Some(&it.pull) } else { None });
        let mut bodies = pages.flatten().flat_map(|it| &it.items).map(|it| &it.body);
        let has_ops = |it: &Nested<Body>| match it {
            Nested::Known(body) => matches!(body.clone().opened(), Ok(Body::Ops(run)) if unpack(&run.ops)),
            Nested::Unknown(_) => false,
        };
        assert!(bodies.any(has_ops), "{target}");
    }
}
