//! A segment: consecutive ops of one device's log, chained and signed once. Owns building, signing bytes and
//! verification. What a verified segment means for a store is [`crate::ingest`]'s.

use alloc::vec::Vec;
use core::fmt;
use ordered::BTreeSet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Bytes, DeviceId, Hash, Op, Seed,
    chain::{Chain, Head},
    op::Opening,
    packed::{PackError, PackedOps},
    signature::{Algorithm, PublicKey, SignatureError},
};

/// The most ops of a segment, whatever a server announces.
pub const MAX_SEGMENT_OPS: usize = 16_384;

/// A segment; [`crate::sealed`] has the form in which it travels and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Position of the first op, from 1.
    pub first: u64,
    /// Chain hash before it.
    pub prev_h: Hash,
    /// The ops.
    pub ops: PackedOps,
    /// How it is signed.
    pub alg: Algorithm,
    /// Signature over [`signing_bytes`].
    pub sig: Bytes,
}

/// Why a segment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentError {
    /// No op, or more than [`MAX_SEGMENT_OPS`].
    Length,
    /// Positions start at 0 or jump.
    Gap,
    /// The ops do not hang together or break a limit.
    Packed(PackError),
    /// A device pushed a redacted op that no redaction names, or one with a value.
    Redacted,
    /// An op's audit comes without the author's seed.
    NoSeed,
    /// The algorithm is not the enrolled key's.
    Algorithm,
    /// The key or the signature does not hold.
    Signature(SignatureError),
}

impl SegmentError {
    /// Stable machine code, snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Length => "segment_length",
            Self::Gap => "segment_gap",
            Self::Packed(PackError::Index | PackError::Opened) => "segment_malformed",
            Self::Packed(PackError::Clock) => "segment_clock",
            Self::Packed(PackError::Size(_)) => "op_too_large",
            Self::Redacted => "segment_redacted",
            Self::NoSeed => "segment_without_seed",
            Self::Algorithm => "wrong_algorithm",
            Self::Signature(SignatureError::BadKey) => "bad_key",
            Self::Signature(SignatureError::BadSignature) => "bad_signature",
        }
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "a segment holds 1 to {MAX_SEGMENT_OPS} ops"),
            Self::Gap => f.write_str("the positions of a segment start at 1 or later and do not jump"),
            Self::Packed(e) => fmt::Display::fmt(e, f),
            Self::Redacted => f.write_str("an op lacks its value, and no redaction names it"),
            Self::NoSeed => f.write_str("an audit of the segment comes without its seed"),
            Self::Algorithm => {
                f.write_str("the segment is signed with another algorithm than the enrolled key's")
            }
            Self::Signature(e) => fmt::Display::fmt(e, f),
        }
    }
}

impl core::error::Error for SegmentError {}

/// A segment whose chain, limits and signature hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSegment {
    /// The author.
    pub dev: DeviceId,
    /// Chain before the first op.
    pub prev: Head,
    /// The ops.
    pub ops: Vec<Op>,
    /// Chain hash after each op.
    pub hashes: Vec<Hash>,
    /// The author's seed in each audit of the segment.
    pub seeds: Vec<(Uuid, Seed)>,
}

impl VerifiedSegment {
    /// Chain after the last op.
    pub fn last(&self) -> Head {
        match (self.ops.last(), self.hashes.last()) {
            (Some(op), Some(h)) => Head { dseq: op.dseq, h: *h },
            _ => self.prev,
        }
    }

    /// The chain hash at a position of this segment or just before it.
    pub fn hash_at(&self, dseq: u64) -> Option<Hash> {
        match dseq.checked_sub(self.prev.dseq)? {
            0 => Some(self.prev.h),
            steps => self.hashes.get(usize::try_from(steps).ok()?.checked_sub(1)?).copied(),
        }
    }
}

/// What a device signs: `"veedor-seg-1" || org || dev || epoch || first || last || h`, numbers as 8 bytes big-endian.
pub fn signing_bytes(org: &Uuid, dev: &DeviceId, epoch: u64, first: u64, last: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(100);
    out.extend_from_slice(b"veedor-seg-1");
    out.extend_from_slice(org.as_bytes());
    out.extend_from_slice(&dev.0);
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&last.dseq.to_be_bytes());
    out.extend_from_slice(&last.h.0);
    out
}

impl Segment {
    /// A segment that still lacks its signature, and the chain after it. Put the signature over
    /// [`signing_bytes`]`(org, dev, epoch, prev.dseq + 1, &last)` into `sig`.
    ///
    /// - **Shape**: `ops` are the positions after `prev`, in order; `seed_of` gives the author's seed in an audit.
    /// - **Errors**: what [`Segment::verify`] would refuse, save the signature.
    pub fn unsigned(
        dev: DeviceId,
        prev: Head,
        ops: &[Op],
        alg: Algorithm,
        seed_of: impl FnMut(&Uuid) -> Option<Seed>,
    ) -> Result<(Self, Head), SegmentError> {
        let packed = PackedOps::pack(dev, ops, seed_of);
        let first = prev.dseq.checked_add(1).ok_or(SegmentError::Gap)?;
        let segment = Self { first, prev_h: prev.h, ops: packed, alg, sig: Bytes::default() };
        let last = segment.chained_as_kept(dev)?.last();
        Ok((segment, last))
    }

    /// Recomputes commitments and chain, and checks limits, without looking at the signature.
    ///
    /// - **Errors**: all of [`SegmentError`] but the last two.
    pub fn chained(&self, dev: DeviceId) -> Result<VerifiedSegment, SegmentError> {
        let verified = self.chained_as_kept(dev)?;
        if verified.ops.iter().any(Op::is_redacted) { Err(SegmentError::Redacted) } else { Ok(verified) }
    }

    /// As [`Self::chained`], for a segment out of a store or an export: values may be redacted since it was signed, which the
    /// chain does not notice, and the seeds of their audits are gone.
    ///
    /// - **Errors**: as [`Self::chained`]; [`SegmentError::Redacted`] only where a redacted op has a value.
    pub fn chained_as_kept(&self, dev: DeviceId) -> Result<VerifiedSegment, SegmentError> {
        if self.ops.ops.is_empty() || self.ops.ops.len() > MAX_SEGMENT_OPS {
            return Err(SegmentError::Length);
        }
        let before = self.first.checked_sub(1).ok_or(SegmentError::Gap)?;
        if !self.ops.skips.is_empty() {
            return Err(SegmentError::Gap);
        }
        let ops = self.ops.unpack(self.first).map_err(SegmentError::Packed)?;
        let mut chain = Chain::new();
        let mut seeds = Vec::with_capacity(self.ops.audits.len());
        let mut listed = BTreeSet::new();
        for entry in &self.ops.audits {
            if !listed.insert(entry.0) {
                return Err(SegmentError::Packed(PackError::Index));
            }
            if let Some(seed) = entry.1 {
                chain.set_seed(entry.0, &seed);
                seeds.push((entry.0, seed));
            }
        }
        let prev = Head { dseq: before, h: self.prev_h };
        let mut hashes = Vec::with_capacity(ops.len());
        let mut h = prev.h;
        for op in &ops {
            if matches!(op.opening, Opening::Redacted(_)) && op.value.is_some() {
                return Err(SegmentError::Redacted);
            }
            h = chain.link(&h, op).ok_or(SegmentError::NoSeed)?;
            hashes.push(h);
        }
        Ok(VerifiedSegment { dev, prev, ops, hashes, seeds })
    }

    /// Verifies chain, limits and signature against an enrolled key.
    ///
    /// - **Errors**: [`SegmentError`]. That it continues what the server holds is for
    ///   [`crate::ingest::check_push`].
    pub fn verify(&self, key: &PublicKey, org: &Uuid, epoch: u64) -> Result<VerifiedSegment, SegmentError> {
        self.chained(key.device())?;
        self.verify_as_kept(key, org, epoch)
    }

    /// As [`Self::verify`], for a segment of which values may be redacted.
    ///
    /// - **Errors**: as there, but as of [`Self::chained_as_kept`].
    pub fn verify_as_kept(
        &self,
        key: &PublicKey,
        org: &Uuid,
        epoch: u64,
    ) -> Result<VerifiedSegment, SegmentError> {
        if self.alg != key.alg {
            return Err(SegmentError::Algorithm);
        }
        let verified = self.chained_as_kept(key.device())?;
        let signed = signing_bytes(org, &verified.dev, epoch, self.first, &verified.last());
        key.verify(&signed, &self.sig).map_err(SegmentError::Signature)?;
        Ok(verified)
    }
}
