//! The hash chain of a device's log (SYNC.md 2.4). Values are committed to, not hashed raw, so that one can be redacted
//! and the chain still verifies. Owns the canonical form of an op.

use alloc::vec::Vec;
use hmac::{Hmac, KeyInit, Mac};
use ordered::BTreeMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Hash, Kind, Op, Seed, op::Opening};

/// The end of a device's log, or of the part of it that someone holds: `h` covers ops 1 to `dseq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Head {
    /// Position of the last op, 0 for an empty log.
    pub dseq: u64,
    /// Chain hash there, zero for an empty log.
    pub h: Hash,
}

impl Head {
    /// The empty log.
    pub const EMPTY: Self = Self { dseq: 0, h: Hash::ZERO };
}

/// The blinds of one device in one audit, ready to compute.
#[derive(Clone)]
pub struct Blinds(Hmac<Sha256>);

impl Blinds {
    /// The blinds that come from a seed.
    pub fn of_seed(seed: &Seed) -> Option<Self> {
        // HMAC takes a key of any length, so this is always Some.
        Hmac::new_from_slice(&seed.0).ok().map(Self)
    }

    /// The blind of an op: `HMAC-SHA-256(seed, dseq || kind || field)`, numbers big-endian. Two copies of one device may write two
    /// ops at one position: where one is redacted, the blind of the other, which stays, must not open it.
    pub fn blind(&self, dseq: u64, kind: Kind, field: &str) -> Hash {
        let mac = self.0.clone().chain_update(dseq.to_be_bytes()).chain_update(kind.number().to_be_bytes());
        Hash(mac.chain_update(field.as_bytes()).finalize().into_bytes().into())
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    // Parts are far below 4 GiB; a longer one would only change the hash.
    let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(part);
}

/// The commitment to an op's value: `SHA-256` over blind, field and value, each with its length in front; none if the op is
/// seeded and the blinds of its author in its audit are not given.
pub fn commitment(blinds: Option<&Blinds>, op: &Op) -> Option<Hash> {
    commit(blinds, op, &mut Vec::new())
}

fn commit(blinds: Option<&Blinds>, op: &Op, buffer: &mut Vec<u8>) -> Option<Hash> {
    let blind = match op.opening {
        Opening::Redacted(vhash) => return Some(vhash),
        Opening::Blind(blind) => blind,
        Opening::Seeded => blinds?.blind(op.dseq, op.kind, &op.field),
    };
    buffer.clear();
    put(buffer, &blind.0);
    put(buffer, op.field.as_bytes());
    // An absent value has one part less, so it differs from an empty one.
    if let Some(value) = &op.value {
        put(buffer, value);
    }
    Some(Hash::of(buffer))
}

/// Computes chain hashes op by op, reusing its buffer and the blinds of each audit.
#[derive(Clone, Default)]
pub struct Chain {
    seeds: BTreeMap<Uuid, Blinds>,
    latest: Option<(Uuid, Blinds)>,
    buffer: Vec<u8>,
}

impl Chain {
    /// A chain computer that knows no seed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the seed of the author in an audit; a later one replaces it.
    pub fn set_seed(&mut self, audit: Uuid, seed: &Seed) {
        if let Some(blinds) = Blinds::of_seed(seed) {
            self.latest = Some((audit, blinds.clone()));
            self.seeds.insert(audit, blinds);
        }
    }

    /// Tells the seed of the audit that the next ops are on, and forgets those of others: for a writer that goes from
    /// audit to audit without end.
    pub fn switch_to(&mut self, audit: Uuid, seed: &Seed) {
        if self.latest.as_ref().is_none_or(|it| it.0 != audit) {
            self.seeds.clear();
            self.latest = Blinds::of_seed(seed).map(|it| (audit, it));
        }
    }

    /// The chain hash after an op: `SHA-256("op1" || previous || canonical(op with its commitment))`; none if the op is
    /// seeded and the seed was not told.
    pub fn link(&mut self, previous: &Hash, op: &Op) -> Option<Hash> {
        if self.latest.as_ref().is_none_or(|it| it.0 != op.audit) {
            self.latest = self.seeds.get(&op.audit).map(|it| (op.audit, it.clone()));
        }
        let vhash = commit(self.latest.as_ref().map(|it| &it.1), op, &mut self.buffer)?;
        let out = &mut self.buffer;
        out.clear();
        out.extend_from_slice(b"op1");
        out.extend_from_slice(&previous.0);
        out.extend_from_slice(&op.dseq.to_be_bytes());
        out.extend_from_slice(&op.hlc.to_be_bytes());
        out.extend_from_slice(&op.kind.number().to_be_bytes());
        out.extend_from_slice(op.audit.as_bytes());
        out.extend_from_slice(&op.round.to_be_bytes());
        put(out, op.field.as_bytes());
        let named = u32::try_from(op.base.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&named.to_be_bytes());
        for id in &op.base {
            out.extend_from_slice(&id.dev.0);
            out.extend_from_slice(&id.dseq.to_be_bytes());
        }
        out.extend_from_slice(&vhash.0);
        // All before has a length of its own, so a twin's bytes are never those of another op.
        if let Some(origin) = op.origin {
            out.extend_from_slice(&origin.dev.0);
            out.extend_from_slice(&origin.dseq.to_be_bytes());
        }
        Some(Hash(Sha256::digest(out).into()))
    }
}

/// The feed hash after an entry: `SHA-256(previous || h || sseq || recv_ms)`, where an entry is a run of ops of one
/// device stored at once, or one row, and `sseq` is its last number.
pub fn feed_hash(previous: &Hash, h: &Hash, sseq: u64, recv_ms: u64) -> Hash {
    let mut digest = Sha256::new();
    digest.update(previous.0);
    digest.update(h.0);
    digest.update(sseq.to_be_bytes());
    digest.update(recv_ms.to_be_bytes());
    Hash(digest.finalize().into())
}
