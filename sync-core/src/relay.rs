//! Ops that come by way of somebody else than their author: a run carries what makes it stand by itself, so that a mirror can
//! give a restored server back what the author cannot (a lost phone's answers, the server's own decisions). Owns that proof.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::{
    Algorithm, Bytes, Hash, Op, Seed,
    chain::Head,
    exchange::Run,
    segment::{Segment, SegmentError, VerifiedSegment, signing_bytes},
    signature::SignatureError,
};

/// What proves a run without the rest of its author's log: the chain hash before it leads over its ops to the hash that the
/// author signed, and no other ops do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Chain hash before the run's first op.
    pub prev_h: Hash,
    /// Position of the first op of the segment that was signed; the run is its end.
    pub first: u64,
    /// The epoch that the signature names.
    pub epoch: u64,
    /// How it is signed.
    pub alg: Algorithm,
    /// The author's signature over [`signing_bytes`] of the segment.
    pub sig: Bytes,
}

/// The secret with which a restored server signs from an epoch on, out of the one that it first had: whoever has a copy of the
/// office can tell the server's own ops of every later epoch, also those of a restore that the copy does not know.
pub fn server_secret(first: &[u8; 32], epoch: u64) -> Option<[u8; 32]> {
    // HMAC takes a key of any length, so this is always Some.
    let mac = Hmac::<Sha256>::new_from_slice(first).ok()?;
    let mac = mac.chain_update(b"veedor-server-key-1").chain_update(epoch.to_be_bytes());
    Some(mac.finalize().into_bytes().into())
}

impl Run {
    /// Verifies the run for an organization against the key that it carries, which must be the key of its author.
    ///
    /// - **Errors**: as of a segment; `Signature` also where the key or the proof is missing.
    pub fn verify(&self, org: &Uuid) -> Result<VerifiedSegment, SegmentError> {
        self.alone()?.chained(self.dev)?;
        self.verify_as_kept(org)
    }

    /// As [`Self::verify`], for a run out of a store or an export, of which values may be redacted.
    ///
    /// - **Errors**: as [`Self::verify`].
    pub fn verify_as_kept(&self, org: &Uuid) -> Result<VerifiedSegment, SegmentError> {
        let alone = self.alone()?;
        let bad_key = SegmentError::Signature(SignatureError::BadKey);
        let (Some(key), Some(proof)) = (&self.key, &self.proof) else { return Err(bad_key) };
        if key.device() != self.dev {
            return Err(bad_key);
        }
        if proof.alg != key.alg {
            return Err(SegmentError::Algorithm);
        }
        if proof.first == 0 || proof.first > self.dseq_first {
            return Err(SegmentError::Gap);
        }
        let verified = alone.chained_as_kept(self.dev)?;
        let signed = signing_bytes(org, &self.dev, proof.epoch, proof.first, &verified.last());
        key.verify(&signed, &proof.sig).map_err(SegmentError::Signature)?;
        Ok(verified)
    }

    /// The chain hash after the run; none without its proof, or where it does not hang together.
    pub fn last_hash(&self) -> Option<Hash> {
        Some(self.alone().ok()?.chained_as_kept(self.dev).ok()?.last().h)
    }

    /// The run as a segment; its signature is the one of the whole segment that it ends.
    fn alone(&self) -> Result<Segment, SegmentError> {
        let proof = self.proof.as_ref().ok_or(SegmentError::Signature(SignatureError::BadKey))?;
        Ok(Segment {
            first: self.dseq_first,
            prev_h: proof.prev_h,
            ops: self.ops.clone(),
            alg: proof.alg,
            sig: proof.sig.clone(),
        })
    }

    /// The segment that the author signed and pushed, out of the run and the ops of the segment that lie before it.
    ///
    /// - **Shape**: `prev` is the author's chain before the segment, `earlier` its ops from there to the run, none where the run
    ///   is the whole segment; `seed_of` gives the author's seeds for them.
    /// - **Errors**: as of a segment; `Signature` where the proof is missing.
    pub fn signed_segment(
        &self,
        prev: Head,
        earlier: &[Op],
        mut seed_of: impl FnMut(&Uuid) -> Option<Seed>,
    ) -> Result<Segment, SegmentError> {
        let proof = self.proof.as_ref().ok_or(SegmentError::Signature(SignatureError::BadSignature))?;
        let mut ops = earlier.to_vec();
        ops.extend(self.ops.unpack(self.dseq_first).map_err(SegmentError::Packed)?);
        let seeds = |audit: &Uuid| self.ops.seed(audit).or_else(|| seed_of(audit));
        let (segment, _) = Segment::unsigned(self.dev, prev, &ops, proof.alg, seeds)?;
        Ok(Segment { sig: proof.sig.clone(), ..segment })
    }
}
