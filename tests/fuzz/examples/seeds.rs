//! Makes the corpora of messages anew from the latest recorded version of the wire, for when the form of messages changed:
//! `cargo run -p fuzz --example seeds`.

use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeSet, fs, path::Path};
use sync_core::{
    Hash,
    codec::{self, Nested},
    exchange::{Body, Item, RefRow, Reply, Request, Run},
    packed::PackedOps,
    reference::{ASSIGNMENT, BRANCH},
};

/// The most bytes of a target's corpus, so that all together stay small.
const MOST: usize = 22_000;

/// The inputs of each target whose form the wire decides.
#[derive(Default)]
struct Seeds {
    request_cbor: BTreeSet<Vec<u8>>,
    request_json: BTreeSet<Vec<u8>>,
    reply_cbor: BTreeSet<Vec<u8>>,
    reply_json: BTreeSet<Vec<u8>>,
    ops: BTreeSet<Vec<u8>>,
    relayed: BTreeSet<Vec<u8>>,
    sealed: BTreeSet<Vec<u8>>,
    rows: BTreeSet<Vec<u8>>,
    /// Requests and replies that carry nothing.
    empty: [usize; 2],
}

/// A few messages that carry nothing are enough: there are many, and they are the shortest.
const EMPTY: usize = 3;

/// Counts a message; whether there are enough that carry nothing.
fn enough(is_empty: bool, count: &mut usize) -> bool {
    *count += usize::from(is_empty);
    is_empty && *count > EMPTY
}

impl Seeds {
    fn add_request(&mut self, bytes: Vec<u8>) {
        let request: Request = codec::from_cbor(&bytes).expect("a recorded request");
        if enough(request.push.is_empty() && request.relay.is_empty(), &mut self.empty[0]) {
            return;
        }
        self.request_json.insert(codec::to_json(&request).expect("a request can be written"));
        self.request_cbor.insert(bytes);
        for segment in &request.push {
            let ops = segment.open().expect("a recorded segment").ops;
            self.sealed.insert([&[1], &*segment.ops].concat());
            self.sealed.insert([vec![0], cbor(&ops)].concat());
            self.add_ops(&ops);
        }
        request.relay.iter().for_each(|it| self.add_run(it));
    }

    fn add_reply(&mut self, bytes: Vec<u8>) {
        let reply: Reply = codec::from_cbor(&bytes).expect("a recorded reply");
        let carries =
            |it: &Item| matches!(it.body, Nested::Known(Body::Ops(_) | Body::Segment(_) | Body::RefRow(_)));
        let mut pages = match &reply {
            Reply::Done(it) => it.pull.iter(),
            Reply::Refused(_) => [].iter(),
        };
        let is_empty = matches!(&reply, Reply::Done(_)) && !pages.any(|it| it.items.iter().any(carries));
        if enough(is_empty, &mut self.empty[1]) {
            return;
        }
        self.reply_json.insert(codec::to_json(&reply).expect("a reply can be written"));
        self.reply_cbor.insert(bytes);
        let Reply::Done(response) = reply else { return };
        for item in response.pull.iter().flat_map(|it| &it.items) {
            if let Nested::Known(Body::RefRow(RefRow { kind, json: Some(json), .. })) = &item.body {
                let choice = [BRANCH, ASSIGNMENT].iter().position(|it| it == kind).unwrap_or(2);
                self.rows.insert([&[u8::try_from(choice).expect("one of three")], &**json].concat());
            }
            if let Nested::Known(body) = &item.body
                && let Ok(Body::Ops(run)) = body.clone().opened()
            {
                self.add_run(&run);
            }
        }
    }

    /// A run as it came, as evidence of a log that was given up, and without what proves it.
    fn add_run(&mut self, run: &Run) {
        self.relayed.insert(cbor(run));
        self.relayed.insert(cbor(&Run { evidence: !run.evidence, ..run.clone() }));
        self.relayed.insert(cbor(&Run { proof: None, key: None, ..run.clone() }));
        self.add_ops(&run.ops);
    }

    /// Short bytes that open to many, or to many empty names.
    fn add_bombs(&mut self) {
        let crowd = |count| cbor(&PackedOps { fields: vec![String::new(); count], ..PackedOps::default() });
        for bomb in [vec![0; 8 << 20], vec![0; 9 << 20], crowd(200_000), crowd(300_000)] {
            let packed = zstd::bulk::compress(&bomb, 19).expect("zeroes can be packed");
            self.sealed.insert([vec![1], packed].concat());
        }
    }

    /// Ops together and each by itself.
    fn add_ops(&mut self, ops: &PackedOps) {
        self.ops.insert(cbor(ops));
        let author = *ops.devices.first().expect("the author of recorded ops");
        for op in &ops.unpack(1).expect("recorded ops") {
            self.ops.insert(cbor(&PackedOps::pack(author, [op], |audit| ops.seed(audit))));
        }
    }
}

fn cbor(message: &impl Serialize) -> Vec<u8> {
    codec::to_cbor(message).expect("a message can be written")
}

fn reads<T: DeserializeOwned>(bytes: &[u8]) -> bool {
    codec::from_cbor::<T>(bytes).is_ok()
}

/// The names of a folder, in order.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder of ours").map(|it| it.expect("an entry"));
    entries.map(|it| it.file_name().into_string().expect("a name of ours")).collect()
}

/// Writes a target's corpus, the shortest first.
fn write(corpus: &Path, target: &str, seeds: BTreeSet<Vec<u8>>) {
    let folder = corpus.join(target);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("its folder");
    }
    fs::create_dir(&folder).expect("its folder");
    let mut seeds: Vec<_> = seeds.into_iter().collect();
    seeds.sort_by_key(Vec::len);
    let (mut count, mut bytes) = (0, 0);
    for seed in seeds {
        bytes += seed.len();
        if bytes > MOST {
            break;
        }
        let name: String = Hash::of(&seed).to_string().chars().take(12).collect();
        fs::write(folder.join(name), seed).expect("a file in its folder");
        count += 1;
    }
    println!("{target}: {count}");
}

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = here.join("../recorded");
    let mut versions = names(&recorded).into_iter().filter(|it| it.starts_with("wire-"));
    let latest = recorded.join(versions.next_back().expect("a recorded version"));
    let mut seeds = Seeds::default();
    for folder in ["exchange", "messages"].map(|it| latest.join(it)) {
        for name in names(&folder).iter().filter(|it| it.ends_with(".cbor")) {
            let bytes = fs::read(folder.join(name)).expect("a recorded message");
            if reads::<Request>(&bytes) {
                seeds.add_request(bytes);
            } else if reads::<Reply>(&bytes) {
                seeds.add_reply(bytes);
            }
        }
    }
    seeds.add_bombs();
    let Seeds { request_cbor, request_json, reply_cbor, reply_json, ops, relayed, sealed, rows, .. } = seeds;
    for (target, seeds) in [
        ("request_cbor", request_cbor),
        ("request_json", request_json),
        ("reply_cbor", reply_cbor),
        ("reply_json", reply_json),
        ("ops", ops),
        ("relayed", relayed),
        ("sealed", sealed),
        ("rows", rows),
    ] {
        write(&here.join("corpus"), target, seeds);
    }
}
