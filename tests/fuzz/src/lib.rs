//! Everything that reads what a stranger sent, each as a function of bytes: `tests/corpus.rs` runs what is checked in
//! through it, libFuzzer whatever it thinks of. Owns what each reader promises beyond not to panic: what it reads it writes
//! again, what it lets through keeps the limits, what it takes in memory follows from the input's length, and nothing that
//! was signed can be changed. Holds no code of the product.

mod content;
mod exchange;
mod incident;
#[cfg(feature = "office")]
mod lane;
mod log;
#[cfg(feature = "office")]
mod office;
mod rescue;

pub use content::{answers, content, rows};
pub use exchange::{reply_cbor, reply_json, request_cbor, request_json};
pub use incident::incident;
#[cfg(feature = "office")]
pub use lane::{blob_lane, body, photo};
pub use log::{ops, relayed, sealed, signed};
#[cfg(feature = "office")]
pub use office::{api_json, evidence_file, spreadsheet};
pub use rescue::rescue;

use peak_alloc::PeakAlloc;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use sync_core::{
    DeviceId, Hash, PublicKey,
    codec::{self, CodecError},
    signature::SigningKey,
};
use uuid::Uuid;

/// A reader with its promises.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder below `corpus` and of its program.
pub const TARGETS: &[(&str, Target)] = &[
    ("answers", answers),
    #[cfg(feature = "office")]
    ("api_json", api_json),
    #[cfg(feature = "office")]
    ("blob_lane", blob_lane),
    #[cfg(feature = "office")]
    ("body", body),
    ("content", content),
    #[cfg(feature = "office")]
    ("evidence_file", evidence_file),
    ("incident", incident),
    ("ops", ops),
    #[cfg(feature = "office")]
    ("photo", photo),
    ("relayed", relayed),
    ("reply_cbor", reply_cbor),
    ("reply_json", reply_json),
    ("request_cbor", request_cbor),
    ("request_json", request_json),
    ("rescue", rescue),
    ("rows", rows),
    ("sealed", sealed),
    ("signed", signed),
    #[cfg(feature = "office")]
    ("spreadsheet", spreadsheet),
];

/// The program that gives a target to libFuzzer; nothing where cargo builds it by the way.
#[macro_export]
macro_rules! program {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::$target(bytes));
        #[cfg(not(fuzzing))]
        fn main() {}
    };
}

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that a reader of a short message may take.
const SMALL: usize = 4 << 20;
/// Bytes that a reader may take for each byte of its input: a list of the shortest parts that there are, while it grows.
const PER_BYTE: usize = 256;

/// The organization of all that is signed here.
const ORG: Uuid = Uuid::from_u128(1);
/// The epoch of all that is signed here.
const EPOCH: u64 = 1;

/// Reads something, and checks that it took no more memory than it may.
fn within<T>(most: usize, read: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let done = read();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    assert!(taken <= most, "{taken} bytes were taken where {most} may be");
    done
}

/// What reading a message may take.
fn fair(bytes: &[u8]) -> usize {
    bytes.len().saturating_mul(PER_BYTE).saturating_add(SMALL)
}

/// Reads a message in CBOR: what is read says the same when it is written and read again.
fn read_cbor<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = within(fair(bytes), || codec::from_cbor(bytes)).ok()?;
    let again = codec::to_cbor(&value).expect("what was read can be written");
    assert!(same(codec::from_cbor(&again), &value), "written again it is another one: {value:?}");
    Some(value)
}

/// As [`read_cbor`], in JSON.
fn read_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = within(fair(bytes), || codec::from_json(bytes)).ok()?;
    let again = codec::to_json(&value).expect("what was read can be written");
    assert!(same(codec::from_json(&again), &value), "written again it is another one: {value:?}");
    Some(value)
}

fn same<T: PartialEq>(read: Result<T, CodecError>, value: &T) -> bool {
    read.is_ok_and(|it| it == *value)
}

/// The key of the one who signs here.
fn key() -> SigningKey {
    SigningKey::from_secret(&[7; 32])
}

fn public_key() -> PublicKey {
    key().public_key()
}

fn dev() -> DeviceId {
    public_key().device()
}

/// The same bytes with one bit flipped, another one for other bytes.
fn flipped(bytes: &[u8]) -> Vec<u8> {
    let choice = Hash::of(bytes).0;
    let place = choice.iter().take(6).fold(0_usize, |sum, it| sum << 8 | usize::from(*it));
    let mut flipped = bytes.to_vec();
    let length = flipped.len().max(1);
    if let (Some(byte), Some(bit)) = (flipped.get_mut(place % length), choice.last()) {
        *byte ^= 1 << (bit % 8);
    }
    flipped
}
