//! The server's half of the blob lane in memory, as strict as the real one: a part is taken only where it begins where the
//! server is, with its own hash, and the whole only where it hashes to its id. Holds no test.
use std::collections::BTreeMap;

use sync_core::{
    Hash,
    blob::{BlobAnswer, BlobProgress, BlobQuery, BlobRefusal, BlobReply, BlobState},
    exchange::{Limits, RefusalCode},
    payload::BlobRef,
};

#[derive(Clone)]
pub(crate) struct BlobServer {
    pub(crate) epoch: u64,
    pub(crate) limits: Limits,
    pub(crate) stored: BTreeMap<Hash, Vec<u8>>,
    pub(crate) partial: BTreeMap<Hash, Vec<u8>>,
    /// Bytes of parts that came over the line, taken or not.
    pub(crate) received: u64,
    /// The next answers are these.
    pub(crate) refusals: Vec<BlobRefusal>,
    /// The order in which blobs were finished.
    pub(crate) finished: Vec<Hash>,
    pub(crate) largest_part: u64,
}

fn refused(code: RefusalCode, reason: &str, offset: Option<u64>) -> BlobReply {
    BlobReply::Refused(BlobRefusal { offset, ..BlobRefusal::new(code, reason) })
}

impl BlobServer {
    pub(crate) fn new(epoch: u64, chunk_bytes: u32) -> Self {
        Self {
            epoch,
            limits: Limits { chunk_bytes, ..Limits::default() },
            stored: BTreeMap::new(),
            partial: BTreeMap::new(),
            received: 0,
            refusals: Vec::new(),
            finished: Vec::new(),
            largest_part: 0,
        }
    }

    pub(crate) fn query(&mut self, query: &BlobQuery) -> BlobReply {
        if let Some(refusal) = self.refusals.pop() {
            return BlobReply::Refused(refusal);
        }
        if let Err(refusal) = query.check_bounds() {
            return BlobReply::Refused(refusal);
        }
        if query.epoch != self.epoch {
            return refused(RefusalCode::Epoch, "epoch", None);
        }
        let states = query.blobs.iter().map(|it| (it.id, self.state(it))).collect();
        BlobReply::Done(BlobAnswer { epoch: self.epoch, states, limits: self.limits.clone() })
    }

    fn state(&self, blob: &BlobRef) -> BlobState {
        if self.stored.contains_key(&blob.id) {
            BlobState::Have
        } else if blob.size > self.limits.blob_bytes {
            BlobState::Refused { reason: "blob_too_large".into() }
        } else {
            match self.partial.get(&blob.id) {
                Some(bytes) => BlobState::Partial { offset: bytes.len() as u64 },
                None => BlobState::Want,
            }
        }
    }

    pub(crate) fn part(&mut self, blob: &BlobRef, offset: u64, hash: &Hash, bytes: &[u8]) -> BlobReply {
        self.received += bytes.len() as u64;
        self.largest_part = self.largest_part.max(bytes.len() as u64);
        if let Some(refusal) = self.refusals.pop() {
            return BlobReply::Refused(refusal);
        }
        let limits = self.limits.clone();
        if self.stored.contains_key(&blob.id) {
            return BlobReply::Progress(BlobProgress { offset: blob.size, stored: true, limits });
        }
        if blob.size > self.limits.blob_bytes {
            return refused(RefusalCode::TooLarge, "blob_too_large", None);
        }
        if bytes.len() > self.limits.chunk_bytes as usize {
            return refused(RefusalCode::TooLarge, "chunk_too_large", None);
        }
        let held = self.partial.get(&blob.id).map_or(0, |it| it.len() as u64);
        if offset != held {
            return refused(RefusalCode::Offset, "offset", Some(held));
        }
        if Hash::of(bytes) != *hash {
            return refused(RefusalCode::BadHash, "bad_chunk_hash", Some(held));
        }
        let partial = self.partial.entry(blob.id).or_default();
        partial.extend_from_slice(bytes);
        let offset = partial.len() as u64;
        if offset < blob.size {
            return BlobReply::Progress(BlobProgress { offset, stored: false, limits });
        }
        let whole = self.partial.remove(&blob.id).unwrap();
        if Hash::of(&whole) != blob.id {
            return refused(RefusalCode::BadHash, "bad_blob_hash", Some(0));
        }
        self.stored.insert(blob.id, whole);
        self.finished.push(blob.id);
        BlobReply::Progress(BlobProgress { offset, stored: true, limits })
    }
}
