//! The feeds: each entry follows the one before, carries what its hash says, and the stream ends where it says.

use super::{
    Place, Stop, Walk,
    buckets::{Buckets, Record},
    fault,
};
use crate::{
    error::ApiError,
    exchange::{AGAIN, OPS, RETURNED, RIGHT, ROW, millis, read_segment},
};
use db::{
    MAX_PAGE, audits,
    devices::{self, DeviceKind},
    feed::{self, FeedEntry, StreamEnd},
};
use domain::ids::{AuditId, UserId};
use std::collections::BTreeSet;
use sync_core::{
    DeviceId, Hash,
    chain::feed_hash,
    codec,
    exchange::{Body, RefRow, Run, StreamId},
    ingest,
};

/// Entries read at once; reference rows are some kilobytes each.
const ENTRIES: u32 = 200;

impl Walk<'_, '_> {
    /// Checks every stream; runs of the server that a phone brought back are handed on, since no log has them.
    pub(super) fn feeds(&mut self, buckets: &mut Buckets) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = feed::list_ends(self.tx, self.org, after, MAX_PAGE)?;
            for (stream, end) in &page.items {
                self.stream(*stream, end, buckets)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn stream(&mut self, stream: StreamId, end: &StreamEnd, buckets: &mut Buckets) -> Result<(), Stop> {
        let (mut last, mut f) = (0_u64, Hash::ZERO);
        self.revoked.clear();
        loop {
            let page = feed::list(self.tx, self.org, stream, last, ENTRIES)?;
            for entry in &page.items {
                let place = || Place::stream(stream, entry.sseq_last);
                let next = feed_hash(&f, &entry.h, entry.sseq_last, millis(entry.received_at));
                if entry.sseq_first != last.saturating_add(1) || entry.f != next {
                    return Err(fault(
                        "feed_chain",
                        place(),
                        "la cadena del flujo se rompe",
                        "the stream's chain breaks",
                    ));
                }
                if !self.carries(entry, buckets)? {
                    let es = "la entrada no lleva lo que su huella dice";
                    return Err(fault(
                        "feed_entry",
                        place(),
                        es,
                        "the entry does not carry what its hash says",
                    ));
                }
                (last, f) = (entry.sseq_last, next);
                self.report.entries += 1;
            }
            self.tell();
            if page.next.is_none() {
                break;
            }
        }
        if (end.last, end.f) != (last, f) {
            let (es, en) = ("el flujo no termina donde dice", "the stream does not end where it says");
            return Err(fault("stream_end", Place::stream(stream, last), es, en));
        }
        let StreamId::User(user) = stream else { return Ok(()) };
        if db::rights::list(self.tx, self.org, UserId(user))? == self.revoked {
            return Ok(());
        }
        let es = "las visitas que el flujo retira no son las que el servidor deja de contar";
        let en = "the audits that the stream takes away are not those that the server holds back";
        Err(fault("rights", Place::stream(stream, last), es, en))
    }

    /// Takes note of what a right says.
    fn right(&mut self, payload: &[u8]) -> bool {
        match codec::from_cbor::<Body>(payload) {
            Ok(Body::Revoke(it)) => drop(self.revoked.insert(AuditId(it.audit))),
            Ok(Body::Grant(it)) => drop(self.revoked.remove(&AuditId(it.audit))),
            _ => return false,
        }
        true
    }

    /// Whether an entry is what its hash covers.
    fn carries(&mut self, entry: &FeedEntry, buckets: &mut Buckets) -> Result<bool, Stop> {
        let payload = entry.payload.as_deref().unwrap_or_default();
        let count = entry.sseq_last.saturating_sub(entry.sseq_first);
        match (entry.kind.as_str(), entry.dev, entry.dseq_first, entry.dseq_last) {
            (OPS, Some(dev), Some(first), Some(last)) | (AGAIN, Some(dev), Some(first), Some(last))
                if entry.payload.is_none() =>
            {
                let Some(arrival) = devices::find_arrival(self.tx, self.org, dev, last)? else {
                    return Ok(false);
                };
                let came_then = millis(arrival.received_at) == millis(entry.received_at);
                // A whole segment, or the part of one that a person adopted.
                let h = if last == arrival.last { Some(arrival.h) } else { self.hash_inside(dev, last)? };
                let is_run = h == Some(entry.h) && first >= arrival.first;
                Ok(came_then && is_run && last.checked_sub(first) == Some(count))
            }
            (ROW, None, None, None) => {
                let row = codec::from_cbor::<RefRow>(payload);
                Ok(count == 0 && row.is_ok_and(|it| it.hash() == entry.h))
            }
            (RIGHT, None, None, None) => {
                Ok(count == 0 && Hash::of(payload) == entry.h && self.right(payload))
            }
            (RETURNED | AGAIN, Some(dev), Some(first), Some(last)) => {
                let Ok(run) = codec::from_cbor::<Run>(payload) else { return Ok(false) };
                if (run.dev, run.dseq_first, run.last()) != (dev, first, last) {
                    return Ok(false);
                }
                self.returned(entry, &run, buckets)
            }
            _ => Ok(false),
        }
    }

    fn hash_inside(&mut self, dev: DeviceId, dseq: u64) -> Result<Option<Hash>, Stop> {
        let Some(stored) = devices::find_segment(self.tx, self.org, dev, dseq)? else { return Ok(None) };
        let chained = read_segment(&stored)?.chained_as_kept(dev).map_err(ApiError::internal)?;
        Ok(chained.hash_at(dseq))
    }

    fn returned(&mut self, entry: &FeedEntry, run: &Run, buckets: &mut Buckets) -> Result<bool, Stop> {
        let device = devices::find(self.tx, self.org, run.dev)?;
        let is_own = device.is_some_and(|it| it.kind == DeviceKind::Server);
        let Ok(verified) = run.verify_as_kept(&self.org.0) else { return Ok(false) };
        if !is_own || verified.last().h != entry.h {
            return Ok(false);
        }
        if entry.kind == AGAIN {
            return Ok(true);
        }
        // Of a visit that nobody began here since, it waits for it.
        let named: BTreeSet<AuditId> = verified.ops.iter().map(|it| AuditId(it.audit)).collect();
        let mut begun = BTreeSet::new();
        for part in Vec::from_iter(named).chunks(usize::try_from(MAX_PAGE).unwrap_or(1)) {
            let found = audits::find_many(self.tx, self.org, part)?.into_iter();
            let own = found.filter(|it| StreamId::User(it.auditor_id.0) == entry.stream);
            begun.extend(own.map(|it| it.audit_id));
        }
        let applied: Vec<_> =
            verified.ops.iter().filter(|it| begun.contains(&AuditId(it.audit))).cloned().collect();
        for (audit, ops) in ingest::by_audit(&applied) {
            let seed = verified.seeds.iter().find(|it| it.0 == audit).map(|it| it.1);
            buckets.put(&Record::of(run.dev, audit, &ops, seed, (millis(entry.received_at), true)))?;
        }
        Ok(true)
    }
}
