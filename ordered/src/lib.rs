//! Maps and sets in the order of their keys. They are those of the standard library, save in a browser: there they are sorted vectors
//! with the same names, of which each kind is an eighth of the code (`sync-core/wasm/README.md` says what that weighs). What a phone holds at
//! once is small, and comes mostly in order. Owns that form; knows nothing of what is kept in it.
#![no_std]

extern crate alloc;

pub mod map;
pub mod set;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use alloc::collections::{BTreeMap, BTreeSet, btree_map::Entry};
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use {
    map::{Entry, SortedMap as BTreeMap},
    set::SortedSet as BTreeSet,
};
