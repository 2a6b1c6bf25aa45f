//! The rescue file of a device: all of its log that is in no backup of the office, what it read of others and still offers, and the
//! photos that the office does not have. Owns what goes in; the form is `sync_core::rescue`'s, sealing and writing the driver's.

use std::collections::VecDeque;

use serde::Serialize;
use sync_core::{
    Bytes, Hash, Head, Op, PublicKey,
    exchange::{Body, Run},
    incident::IncidentRequest,
    payload::BlobRef,
    relay::Proof,
    rescue::{Begin, End, PHOTO_BYTES, PhotoPart, Record, framed},
    segment::MAX_SEGMENT_OPS,
};
use uuid::Uuid;

use crate::{
    DeviceError, Files, Signatures, incidents,
    store::{self, Device},
    sync::not_enrolled,
};

/// About the most bytes of ops in one run.
const RUN_BYTES: usize = 1 << 20;

/// What a rescue file will hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RescueFacts {
    /// Own ops.
    pub edits: u64,
    /// Reports of incidents.
    pub incidents: u64,
    /// Photos, and their bytes.
    pub photos: u64,
    /// Bytes of the photos.
    pub bytes: u64,
}

/// A rescue file on its way: its records one by one, each small. Taps may be answered in between; what is begun after it is not in it.
#[derive(Debug)]
pub struct Rescue {
    key: Option<PublicKey>,
    facts: RescueFacts,
    records: VecDeque<Record>,
    photos: VecDeque<BlobRef>,
    /// Bytes of the first photo that are written.
    written: u64,
    end: Option<End>,
}

impl Rescue {
    /// The file of what is to be said, sealed for a key if there is one: runs first, which make the device known, photos last.
    pub(crate) fn of(
        key: Option<PublicKey>,
        begin: Begin,
        runs: Vec<Run>,
        incidents: Vec<IncidentRequest>,
        photos: Vec<BlobRef>,
    ) -> Self {
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        let edits = runs.iter().filter(|it| it.dev == begin.dev).map(|it| count(it.ops.ops.len())).sum();
        let bytes = photos.iter().fold(0_u64, |sum, it| sum.saturating_add(it.size));
        let facts =
            RescueFacts { edits, incidents: count(incidents.len()), photos: count(photos.len()), bytes };
        let end = Some(End { runs: count(runs.len()), ..End::default() });
        let runs = runs.into_iter().map(|it| Record::Run(Box::new(it)));
        let incidents = incidents.into_iter().map(|it| Record::Incident(Box::new(it)));
        let records = std::iter::once(Record::Begin(begin)).chain(runs).chain(incidents).collect();
        Self { key, facts, records, photos: photos.into(), written: 0, end }
    }

    /// The point of P-256 that it is to be sealed for; none where the office gave none.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// What it will hold.
    pub fn facts(&self) -> RescueFacts {
        self.facts
    }

    /// The next bytes of the file before they are sealed; none once it is whole.
    ///
    /// - **Errors**: of a record that cannot be written, which none of ours is. A photo that cannot be read is counted and left out.
    pub fn next(&mut self, files: &dyn Files) -> Result<Option<Vec<u8>>, DeviceError> {
        if let Some(record) = self.records.pop_front() {
            return Ok(Some(framed(&record)?));
        }
        while let Some(blob) = self.photos.front().copied() {
            if let Some(part) = self.photo_part(files, blob) {
                return Ok(Some(framed(&Record::Photo(part))?));
            }
        }
        Ok(self.end.take().map(|end| framed(&Record::End(end))).transpose()?)
    }

    /// The next part of the first photo; none where it is done with.
    fn photo_part(&mut self, files: &dyn Files, blob: BlobRef) -> Option<PhotoPart> {
        let offset = self.written;
        let len = blob.size.saturating_sub(offset).min(PHOTO_BYTES);
        let read = if len == 0 { None } else { Some(files.read(&blob.id, offset, len)) };
        if let Some(Ok(bytes)) = read {
            self.written = offset.saturating_add(len);
            return Some(PhotoPart { blob, offset, bytes: Bytes::from(bytes) });
        }
        if let Some(end) = &mut self.end {
            let counted = if read.is_none() { &mut end.photos } else { &mut end.lost };
            *counted = counted.saturating_add(1);
        }
        self.written = 0;
        self.photos.pop_front();
        None
    }
}

impl Device {
    /// Begins a rescue file, where the platform signs as where this program does: it stands once nothing is wanted of `signatures`.
    ///
    /// - **Shape**: `made_ms` is now, milliseconds since 1970.
    /// - **Errors**: `not_enrolled`, since the file is sealed for an office; storage.
    pub fn rescue(&self, made_ms: u64, signatures: &mut Signatures) -> Result<Rescue, DeviceError> {
        let enrolment = self.enrolment()?.ok_or_else(not_enrolled)?;
        let epoch = store::get_number(&self.conn, "epoch")?.unwrap_or(enrolment.epoch);
        let durable = store::get_number(&self.conn, "durable_through")?.unwrap_or(0);
        // What the office itself redacted goes first: it takes no op without its value before it knows of that.
        let mut runs = self.runs_of("SELECT body FROM proofs ORDER BY dev, first")?;
        let mut at = Head { dseq: durable, h: self.hash_at(durable)?.unwrap_or(Hash::ZERO) };
        while at.dseq < self.head.dseq {
            let mut ops = self.log_after(at.dseq, MAX_SEGMENT_OPS)?;
            fit(&mut ops);
            let Some(last) = ops.last().map(|it| it.dseq) else { break };
            runs.push(self.rescue_run((at, &ops), (&enrolment.org, epoch), signatures)?);
            at = Head { dseq: last, h: self.hash_at(last)?.unwrap_or(Hash::ZERO) };
        }
        runs.extend(self.runs_of("SELECT body FROM former_run ORDER BY dev, first")?);
        runs.extend(self.runs_of("SELECT body FROM unplaced ORDER BY dev, first")?);
        let (org, user, dev) = (enrolment.org, enrolment.user, self.dev());
        let begin = Begin { org, user, dev, made_ms, salvaged: false };
        let incidents = incidents::to_rescue(&self.conn, &self.key, &enrolment.org, signatures);
        Ok(Rescue::of(enrolment.rescue_key, begin, runs, incidents, self.photos_to_rescue(epoch)?))
    }

    /// The next bytes of a rescue file before they are sealed; none once it is whole.
    ///
    /// - **Errors**: as of [`Rescue::next`].
    pub fn rescue_next(&self, rescue: &mut Rescue) -> Result<Option<Vec<u8>>, DeviceError> {
        rescue.next(&*self.blobs)
    }

    /// Own ops as a run that stands by itself.
    pub(crate) fn rescue_run(
        &self,
        (prev, ops): (Head, &[Op]),
        (org, epoch): (&Uuid, u64),
        signatures: &mut Signatures,
    ) -> Result<Run, DeviceError> {
        let segment = self.signed_segment(prev, ops, (org, epoch), signatures)?;
        let (prev_h, first, alg, sig) = (segment.prev_h, segment.first, segment.alg, segment.sig);
        Ok(Run {
            dev: self.dev(),
            key: Some(self.public_key()),
            server: false,
            dseq_first: first,
            ops: segment.ops,
            proof: Some(Proof { prev_h, first, epoch, alg, sig }),
            evidence: false,
        })
    }

    /// Runs that are kept as they came; those without a proof nobody would take.
    fn runs_of(&self, sql: &str) -> Result<Vec<Run>, DeviceError> {
        let mut list = self.conn.prepare(sql)?;
        let mut rows = list.query([])?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(DeviceError::corrupt)?;
            runs.extend(Body::read(body).ok().and_then(|body| match body {
                Body::Ops(run) if run.proof.is_some() => Some(run),
                _ => None,
            }));
        }
        Ok(runs)
    }

    /// Photos that the office has not said to have, also those that it refused or that once seemed lost.
    fn photos_to_rescue(&self, epoch: u64) -> Result<Vec<BlobRef>, DeviceError> {
        let mut list = self.conn.prepare(
            "SELECT id, size FROM blobs WHERE (confirmed IS NULL OR confirmed IS NOT ?1) \
             AND EXISTS (SELECT 1 FROM needed WHERE blob = blobs.id) ORDER BY captured_ms, id",
        )?;
        let rows = list.query_map([epoch], |row| Ok(BlobRef { id: Hash(row.get(0)?), size: row.get(1)? }))?;
        let all: Vec<BlobRef> = rows.collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter(|it| self.blobs.size(&it.id) == Some(it.size)).collect())
    }
}

/// Cuts ops where they come to more than one run carries.
pub(crate) fn fit(ops: &mut Vec<Op>) {
    let mut bytes = 0_usize;
    let fits = ops.iter().take_while(|op| {
        bytes = bytes.saturating_add(op.approximate_bytes());
        bytes <= RUN_BYTES
    });
    let fits = fits.count().max(1);
    ops.truncate(fits);
}
