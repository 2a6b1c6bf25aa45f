//! Segments as they travel and are kept: compressed once, by whoever built them or by the server where that is a phone in a browser,
//! and passed on as they are kept. Owns that form and the bounds of opening it.

use alloc::{string::String, vec, vec::Vec};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use sha2::Sha256;

use crate::{
    Bytes, DeviceId, Hash, Head,
    codec::{self, CodecError},
    exchange::Run,
    packed::{PackError, PackedOps},
    relay::Proof,
    segment::{MAX_SEGMENT_OPS, Segment, SegmentError},
    signature::{Algorithm, PublicKey},
};

/// The most that the ops of one segment come to when they are opened, in bytes of CBOR.
pub const MAX_OPENED_BYTES: u64 = 8 << 20;
/// Most parts of that CBOR ([`codec::count_items`]): the most ops fit, were each of a visit, a field, a device and an origin of its
/// own; an empty name takes a byte there and dozens in memory.
pub const MAX_OPENED_ITEMS: usize = 16 * MAX_SEGMENT_OPS;

/// How hard ops are compressed, which is done once: bytes that are saved here are saved on every way after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// While somebody waits.
    Quick,
    /// Long before there is a network.
    Thorough,
}

impl Effort {
    /// The level of zstd. Measured on 41,000 short answers: 16 takes 25 times as long as 3, 8 microseconds an op, and saves a
    /// ninth of the bytes; the levels between save half of that.
    fn level(self) -> i32 {
        match self {
            Self::Quick => 3,
            Self::Thorough => 16,
        }
    }
}

/// From so many ops on a device seals a segment: as many as a server takes, unless it announces another number.
pub const SEALED_OPS: usize = 4_096;
/// About the most bytes of such a segment, before compression, likewise.
pub const SEALED_BYTES: usize = 1 << 20;

/// What a device puts beside a segment that it sealed and did not sign yet: only it could have, so that it can sign later without
/// reading the ops again. None never comes: HMAC takes a key of any length.
///
/// - **Shape**: `secret` is the device's; `last` is the end of its log after the segment.
pub fn mac(secret: &[u8; 32], segment: &SealedSegment, last: &Head) -> Option<Hash> {
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    let mac = mac.chain_update(b"veedor-sealed-1").chain_update(segment.first.to_be_bytes());
    let mac = mac.chain_update(segment.prev_h.0).chain_update(last.dseq.to_be_bytes());
    Some(Hash(mac.chain_update(last.h.0).chain_update(&*segment.ops).finalize().into_bytes().into()))
}

/// A segment whose ops are CBOR under zstd. In the JSON of debugging it is a [`Segment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSegment {
    /// Position of the first op, from 1.
    pub first: u64,
    /// Chain hash before it.
    pub prev_h: Hash,
    /// The ops.
    pub ops: Bytes,
    /// How it is signed.
    pub alg: Algorithm,
    /// The signature, as of [`Segment::sig`].
    pub sig: Bytes,
}

impl SealedSegment {
    /// Compresses a segment; in a browser it stays as it is. The compressor would be 17 KB of what a browser loads before it shows
    /// anything, and a browser compresses whole requests by itself.
    ///
    /// - **Errors**: none of ours fails to compress; the compressor's signature has an error.
    pub fn of(segment: &Segment, effort: Effort) -> Result<Self, CodecError> {
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return Self::uncompressed(segment);
        }
        Ok(Self::with(segment, squeezed(&codec::to_cbor(&segment.ops)?, effort)?))
    }

    /// The same in the same form, where nothing is compressed.
    ///
    /// - **Errors**: more than 4 GiB.
    pub fn uncompressed(segment: &Segment) -> Result<Self, CodecError> {
        Ok(Self::with(segment, framed(&codec::to_cbor(&segment.ops)?)?))
    }

    fn with(segment: &Segment, ops: Vec<u8>) -> Self {
        let Segment { first, prev_h, alg, sig, .. } = segment;
        Self { first: *first, prev_h: *prev_h, ops: Bytes::from(ops), alg: *alg, sig: sig.clone() }
    }

    /// The segment.
    ///
    /// - **Errors**: [`PackError::Opened`] for bytes that are no ops, or come to more than [`MAX_OPENED_BYTES`] or
    ///   [`MAX_OPENED_ITEMS`].
    pub fn open(&self) -> Result<Segment, SegmentError> {
        let ops = opened(&self.ops).ok_or(SegmentError::Packed(PackError::Opened))?;
        let Self { first, prev_h, alg, sig, .. } = self;
        Ok(Segment { first: *first, prev_h: *prev_h, ops, alg: *alg, sig: sig.clone() })
    }

    /// Whether the ops are in it as they are, as of a phone in a browser.
    pub fn is_uncompressed(&self) -> bool {
        let packed = u64::try_from(self.ops.len()).unwrap_or(u64::MAX);
        self.opened_bytes().is_some_and(|opened| packed >= opened)
    }

    /// How many bytes opening takes, as the compressed bytes say; none where they do not, and then they are never opened.
    pub fn opened_bytes(&self) -> Option<u64> {
        zstd_safe::get_frame_content_size(&self.ops).ok().flatten().filter(|it| *it <= MAX_OPENED_BYTES)
    }
}

fn squeezed(bytes: &[u8], effort: Effort) -> Result<Vec<u8>, CodecError> {
    let mut packed = vec![0; zstd_safe::compress_bound(bytes.len())];
    let failed = |code| CodecError(String::from(zstd_safe::get_error_name(code)));
    let length = zstd_safe::compress(&mut packed[..], bytes, effort.level()).map_err(failed)?;
    packed.truncate(length);
    packed.shrink_to_fit();
    Ok(packed)
}

/// Most bytes of a block in a frame of zstd (RFC 8878, 3.1.1.2.4).
const BLOCK_BYTES: usize = 128 << 10;

/// A frame of zstd whose blocks are the bytes as they are.
fn framed(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let size = u32::try_from(bytes.len()).map_err(|_| CodecError(String::from("too large for a segment")))?;
    // Magic number; a frame of one segment that says its size in four bytes.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000];
    frame.extend(size.to_le_bytes());
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(BLOCK_BYTES));
        // Three bytes: whether it is the last, that it is as it is (0), and its length.
        let length = u32::try_from(block.len()).unwrap_or_default();
        let [one, two, three, _] = (length << 3 | u32::from(after.is_empty())).to_le_bytes();
        frame.extend([one, two, three]);
        frame.extend(block);
        if after.is_empty() {
            return Ok(frame);
        }
        rest = after;
    }
}

/// Memory is bounded by what the frame says of its content, before anything is unpacked.
fn opened(packed: &[u8]) -> Option<PackedOps> {
    let size = zstd_safe::get_frame_content_size(packed).ok()??;
    let mut bytes = vec![0; usize::try_from(size).ok().filter(|_| size <= MAX_OPENED_BYTES)?];
    let length = zstd_safe::decompress(&mut bytes[..], packed).ok()?;
    bytes.truncate(length);
    if codec::count_items(&bytes) > MAX_OPENED_ITEMS {
        return None;
    }
    codec::from_cbor(&bytes).ok()
}

#[derive(Serialize, Deserialize)]
struct Form(u64, Hash, Bytes, Algorithm, Bytes);

impl Serialize for SealedSegment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if codec::JSON && to.is_human_readable() {
            return self.open().map_err(ser::Error::custom)?.serialize(to);
        }
        let Self { first, prev_h, ops, alg, sig } = self.clone();
        Form(first, prev_h, ops, alg, sig).serialize(to)
    }
}

impl<'de> Deserialize<'de> for SealedSegment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if codec::JSON && from.is_human_readable() {
            return Self::of(&Segment::deserialize(from)?, Effort::Quick).map_err(de::Error::custom);
        }
        let Form(first, prev_h, ops, alg, sig) = Form::deserialize(from)?;
        Ok(Self { first, prev_h, ops, alg, sig })
    }
}

/// A run that is a whole segment, as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRun {
    /// The author.
    pub dev: DeviceId,
    /// The author's key.
    pub key: PublicKey,
    /// Whether it is the server's own log.
    pub server: bool,
    /// The epoch that the signature names.
    pub epoch: u64,
    /// The segment.
    pub segment: SealedSegment,
}

impl SealedRun {
    /// The run.
    ///
    /// - **Errors**: as of [`SealedSegment::open`].
    pub fn open(&self) -> Result<Run, SegmentError> {
        let Segment { first, prev_h, ops, alg, sig } = self.segment.open()?;
        let proof = Some(Proof { prev_h, first, epoch: self.epoch, alg, sig });
        let key = Some(self.key.clone());
        Ok(Run { dev: self.dev, key, server: self.server, dseq_first: first, ops, proof, evidence: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Op, OpId, Seed, op::Opening};
    use alloc::{format, string::ToString};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn segment(count: u64) -> Segment {
        let op = |dseq: u64| Op {
            dseq,
            hlc: dseq,
            kind: Kind::Set,
            audit: Uuid::from_u128(u128::from(dseq % 7)),
            round: 1,
            field: format!("A{:02}", dseq % 40),
            base: Vec::new(),
            value: Some(Bytes::from(dseq.to_string().as_str())),
            opening: Opening::Seeded,
            origin: None,
        };
        let ops: Vec<Op> = (1..=count).map(op).collect();
        let seeds = |_: &Uuid| Some(Seed([3; 32]));
        Segment::unsigned(DeviceId([1; 16]), Head::EMPTY, &ops, Algorithm::Ed25519, seeds).unwrap().0
    }

    #[test]
    fn a_segment_comes_back_from_its_seal_in_both_forms() {
        let segment = Segment { sig: Bytes::from("signed"), ..segment(300) };
        let sealed = SealedSegment::of(&segment, Effort::Quick).unwrap();
        assert_eq!(sealed.open(), Ok(segment));
        let cbor = codec::to_cbor(&sealed).unwrap();
        assert_eq!(codec::from_cbor::<SealedSegment>(&cbor), Ok(sealed.clone()));
        let json = codec::to_json(&sealed).unwrap();
        assert_eq!(codec::from_json::<SealedSegment>(&json), Ok(sealed));
    }

    #[test]
    fn ops_that_are_not_compressed_are_opened_like_others() {
        let sealed = SealedSegment::of(&segment(300), Effort::Quick).unwrap();
        let plain = SealedSegment::uncompressed(&segment(300)).unwrap();
        assert_eq!(plain.open(), sealed.open());
        assert_eq!(plain.opened_bytes(), sealed.opened_bytes());
        assert_eq!((plain.is_uncompressed(), sealed.is_uncompressed()), (true, false));
    }

    #[test]
    fn a_frame_of_any_length_holds_what_was_put_into_it() {
        for length in [0, 1, 255, 256, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let frame = framed(&bytes).unwrap();
            assert_eq!(zstd_safe::get_frame_content_size(&frame).unwrap(), u64::try_from(length).ok());
            let mut back = vec![0; length];
            assert_eq!(zstd_safe::decompress(&mut back[..], &frame), Ok(length));
            assert_eq!(back, bytes, "{length}");
        }
    }

    #[test]
    fn what_says_to_be_larger_than_a_segment_may_be_is_never_unpacked() {
        let zeroes = vec![0; usize::try_from(MAX_OPENED_BYTES).unwrap() + 1];
        let mut bomb = vec![0; 1 << 16];
        let length = zstd_safe::compress(&mut bomb[..], &zeroes, 3).unwrap();
        bomb.truncate(length);
        let bomb = SealedSegment {
            ops: Bytes::from(bomb),
            ..SealedSegment::of(&segment(1), Effort::Quick).unwrap()
        };
        assert_eq!(bomb.opened_bytes(), None);
        assert_eq!(bomb.open(), Err(SegmentError::Packed(PackError::Opened)));
    }

    #[test]
    fn a_crowd_of_empty_names_is_not_read_and_the_most_ops_of_a_segment_are() {
        let names = |count: usize| {
            let ops = PackedOps { fields: vec![String::new(); count], ..PackedOps::default() };
            SealedSegment::of(&Segment { ops, ..segment(1) }, Effort::Quick).unwrap()
        };
        assert!(names(1_000).open().is_ok());
        assert!(names(MAX_OPENED_ITEMS).opened_bytes().is_some());
        assert_eq!(names(MAX_OPENED_ITEMS).open(), Err(SegmentError::Packed(PackError::Opened)));
        let apart = |it: &mut Op| {
            it.audit = Uuid::from_u128(it.dseq.into());
            it.field = it.dseq.to_string();
            it.origin = Some(OpId::new(DeviceId(*it.audit.as_bytes()), 1));
        };
        let whole = segment(u64::try_from(MAX_SEGMENT_OPS).unwrap());
        let mut ops = whole.ops.unpack(1).unwrap();
        ops.iter_mut().for_each(apart);
        let ops = PackedOps::pack(DeviceId([1; 16]), &ops, |_| Some(Seed([3; 32])));
        let whole = Segment { ops, ..whole };
        assert_eq!(SealedSegment::of(&whole, Effort::Quick).unwrap().open(), Ok(whole));
    }

    #[test]
    fn a_frame_that_does_not_say_its_size_or_has_something_behind_it_is_refused() {
        let sealed = SealedSegment::of(&segment(2), Effort::Quick).unwrap();
        let refused = Err(SegmentError::Packed(PackError::Opened));
        let mut longer = sealed.clone();
        longer.ops = Bytes::from([&*sealed.ops, &[0]].concat());
        assert_eq!(longer.open(), refused);
        let mut twice = sealed.clone();
        twice.ops = Bytes::from(sealed.ops.repeat(2));
        assert_eq!(twice.open(), refused);
        // Magic number; a header without the content's size; an empty last block.
        let silent = Bytes::from(vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x58, 1, 0, 0]);
        let silent = SealedSegment { ops: silent, ..sealed };
        assert_eq!((silent.opened_bytes(), silent.open()), (None, refused));
    }

    proptest! {
        #[test]
        fn any_bytes_open_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, flip in 1_u8..) {
            let sealed = SealedSegment::of(&segment(20), Effort::Quick).unwrap();
            let _ = SealedSegment { ops: Bytes::from(bytes), ..sealed.clone() }.open();
            let mut turned = sealed;
            let mut bytes = turned.ops.to_vec();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            turned.ops = Bytes::from(bytes);
            let _ = turned.open();
        }
    }
}
