//! An audit as it leaves a device in plain sight: its own ops as signed segments that any server of the organization can take in, and all its ops in
//! plain sight. Owns that file's shape.

use serde::Serialize;
use sync_core::{
    DeviceId, Hash, Op, OpId, PublicKey, Seed, Segment, SegmentError,
    chain::Head,
    op::Opening,
    segment::{MAX_SEGMENT_OPS, signing_bytes},
};
use uuid::Uuid;

use crate::{
    DeviceError, Signatures,
    store::{self, Device},
    writer::{LOG_COLUMNS, read_op},
};

/// One op in an export.
#[derive(Debug, Clone, Serialize)]
pub struct ExportedOp {
    /// Its identity.
    pub id: OpId,
    /// Whether it is the server's.
    pub server: bool,
    /// The clock by which it is ranked.
    pub eff_hlc: u64,
    /// What it says.
    #[serde(flatten)]
    pub op: Op,
    /// The commitment to its value.
    pub vhash: Option<Hash>,
    /// The chain hash after it, for an own op.
    pub h: Option<Hash>,
}

/// An audit as it leaves a device.
#[derive(Debug, Clone, Serialize)]
pub struct Export {
    /// `veedor-export-1`.
    pub format: &'static str,
    /// The organization; nil before the device is enrolled.
    pub org: Uuid,
    /// The device.
    pub dev: DeviceId,
    /// Its key.
    pub key: PublicKey,
    /// The epoch that the signatures name.
    pub epoch: u64,
    /// The audit.
    pub audit: Uuid,
    /// All its ops.
    pub ops: Vec<ExportedOp>,
    /// The device's log from its first op on the audit to its last, chained and signed; other audits' ops may lie between.
    pub segments: Vec<Segment>,
}

impl Device {
    /// Exports an audit.
    ///
    /// - **Errors**: `unknown_audit`, `key_of_platform`; storage.
    pub fn export(&self, audit: Uuid) -> Result<Export, DeviceError> {
        let mut signatures = Signatures::default();
        let export = self.export_with(audit, &mut signatures)?;
        signatures.refuse_wanted()?;
        Ok(export)
    }

    /// As [`Self::export`], where the platform signs: it stands once nothing is wanted of it.
    ///
    /// - **Errors**: `unknown_audit`; storage.
    pub fn export_with(&self, audit: Uuid, signatures: &mut Signatures) -> Result<Export, DeviceError> {
        let ops = self.ops(audit)?;
        let dev = self.dev();
        let own = || ops.iter().map(|it| it.0).filter(|it| it.dev == dev).map(|it| it.dseq);
        let org = self.enrolment()?.map_or(Uuid::nil(), |it| it.org);
        let epoch = store::get_number(&self.conn, "epoch")?.unwrap_or(0);
        let segments = match (own().min(), own().max()) {
            (Some(first), Some(last)) => self.signed((first, last), (&org, epoch), signatures)?,
            _ => Vec::new(),
        };
        let exported = ops.iter().map(|(id, stored)| {
            Ok(ExportedOp {
                id: *id,
                server: stored.server,
                eff_hlc: stored.eff_hlc,
                op: stored.op.clone(),
                vhash: ops.commitment(id),
                h: if id.dev == dev { self.hash_at(id.dseq)? } else { None },
            })
        });
        Ok(Export {
            format: "veedor-export-1",
            org,
            dev,
            key: self.key.public(),
            epoch,
            audit,
            ops: exported.collect::<Result<_, DeviceError>>()?,
            segments,
        })
    }

    fn signed(
        &self,
        (first, last): (u64, u64),
        scope: (&Uuid, u64),
        signatures: &mut Signatures,
    ) -> Result<Vec<Segment>, DeviceError> {
        let mut segments = Vec::new();
        let mut at = first.saturating_sub(1);
        while at < last {
            let limit =
                usize::try_from(last.saturating_sub(at)).unwrap_or(MAX_SEGMENT_OPS).min(MAX_SEGMENT_OPS);
            let ops = self.log_after(at, limit)?;
            let prev = Head { dseq: at, h: self.hash_at(at)?.unwrap_or(Hash::ZERO) };
            segments.push(self.signed_segment(prev, &ops, scope, signatures)?);
            at = ops.last().map_or(last, |it| it.dseq);
        }
        Ok(segments)
    }

    /// Refuses to have the bytes of a segment signed unless the head that ends them ([`signing_bytes`]) is one of the own log: what
    /// a disk changed after it was written is not said in its author's name.
    pub(crate) fn check_signing(&self, bytes: &[u8]) -> Result<(), DeviceError> {
        let head = bytes.last_chunk::<40>().and_then(|it| it.split_first_chunk::<8>());
        let (dseq, h) = head.ok_or_else(|| DeviceError::corrupt("nothing to sign"))?;
        let dseq = u64::from_be_bytes(*dseq);
        if self.hash_at(dseq)?.is_none_or(|it| it.0 != h) {
            return Err(DeviceError::corrupt(format!(
                "the log is not what was written, at op {dseq} or before"
            )));
        }
        Ok(())
    }

    /// Own ops that come after `prev`, chained; with the head after them.
    pub(crate) fn unsigned_segment(&self, prev: Head, ops: &[Op]) -> Result<(Segment, Head), SegmentError> {
        let is_seeded =
            |audit: &Uuid| ops.iter().any(|it| it.audit == *audit && it.opening == Opening::Seeded);
        let seed_of = |audit: &Uuid| Seed::derive(&self.key.secret, audit).filter(|_| is_seeded(audit));
        Segment::unsigned(self.dev(), prev, ops, self.key.public().alg, seed_of)
    }

    /// Own ops that come after `prev`, chained and signed.
    pub(crate) fn signed_segment(
        &self,
        prev: Head,
        ops: &[Op],
        (org, epoch): (&Uuid, u64),
        signatures: &mut Signatures,
    ) -> Result<Segment, DeviceError> {
        let (mut segment, head) = self.unsigned_segment(prev, ops)?;
        let bytes = signing_bytes(org, &self.dev(), epoch, segment.first, &head);
        self.check_signing(&bytes)?;
        segment.sig = self.key.sign_with(&bytes, signatures).into();
        Ok(segment)
    }

    /// Own ops after a position, at most `limit`.
    pub(crate) fn log_after(&self, after: u64, limit: usize) -> Result<Vec<Op>, DeviceError> {
        let sql = format!("SELECT {LOG_COLUMNS} FROM oplog WHERE dseq > ?1 ORDER BY dseq LIMIT ?2");
        let mut list = self.conn.prepare_cached(&sql)?;
        let rows = list.query_map((after, limit), |row| Ok(read_op(row)?.0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The chain hash of the own log at a position: zero at 0, none beyond its end.
    pub(crate) fn hash_at(&self, dseq: u64) -> Result<Option<Hash>, DeviceError> {
        if dseq == 0 {
            return Ok(Some(Hash::ZERO));
        }
        let mut find = self.conn.prepare_cached("SELECT h FROM oplog WHERE dseq = ?1")?;
        let mut rows = find.query([dseq])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Hash))
    }
}
