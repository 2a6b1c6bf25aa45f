//! The logs of devices: each continues from its first op to its head, and the enrolled key signed every part.

use super::{
    Place, Stop, Walk,
    buckets::{Buckets, Record},
    fault,
};
use crate::exchange::{millis, read_segment};
use db::{
    MAX_PAGE,
    devices::{self, Device, DeviceKind, StoredSegment},
    quarantine,
};
use sync_core::{Bytes, Head, PublicKey, VerifiedSegment, ingest, segment::signing_bytes};

/// Segments read at once; one is at most about a megabyte.
const SEGMENTS: u32 = 16;

impl Walk<'_, '_> {
    /// Checks every log of the organization and hands its ops on.
    pub(super) fn logs(&mut self, buckets: &mut Buckets) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = devices::list(self.tx, self.org, None, after, MAX_PAGE)?;
            for device in &page.items {
                self.log(device, buckets)?;
                self.report.devices += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn log(&mut self, device: &Device, buckets: &mut Buckets) -> Result<(), Stop> {
        let dev = device.dev;
        let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key.clone()) };
        if key.device() != dev {
            let (es, en) = ("la clave no es la del dispositivo", "the key is not the device's");
            return Err(fault("device_key", Place::log(dev, 0), es, en));
        }
        let (mut at, mut hlc) = (Head::EMPTY, 0);
        loop {
            let page = devices::list_segments(self.tx, self.org, dev, at.dseq, SEGMENTS)?;
            for stored in &page.items {
                let verified = self.segment(&key, at, stored)?;
                if verified.ops.iter().find(|it| it.dseq > at.dseq).is_none_or(|it| it.hlc <= hlc) {
                    let place = Place::log(dev, stored.first_dseq);
                    return Err(fault(
                        "segment_clock",
                        place,
                        "el reloj no avanza",
                        "the clock does not rise",
                    ));
                }
                hlc = verified.ops.last().map_or(hlc, |it| it.hlc);
                self.hand_on(device, at, stored, &verified, buckets)?;
                at = verified.last();
                self.report.segments += 1;
            }
            self.tell();
            if page.next.is_none() {
                break;
            }
        }
        let head = devices::find_head(self.tx, self.org, dev)?.unwrap_or_default().head;
        if (head.head, head.hlc) != (at, hlc) {
            let (es, en) = ("la cadena no termina donde dice", "the log does not end where it says");
            return Err(fault("device_head", Place::log(dev, at.dseq), es, en));
        }
        Ok(())
    }

    /// A stored segment that continues the log at `at`, with everything that it claims checked.
    fn segment(
        &mut self,
        key: &PublicKey,
        at: Head,
        stored: &StoredSegment,
    ) -> Result<VerifiedSegment, Stop> {
        let place = || Place::log(stored.dev, stored.first_dseq);
        let broken = |code, es: &str, en: &str| fault(code, place(), es, en);
        if stored.first_dseq != at.dseq.saturating_add(1) {
            return Err(broken("segment_missing", "falta un segmento", "a segment is missing"));
        }
        let unreadable = |cause: &dyn std::fmt::Display| {
            let es = format!("el segmento no se puede leer: {cause}");
            fault("segment_bytes", place(), es, format!("the segment cannot be read: {cause}"))
        };
        let segment = read_segment(stored).map_err(|it| unreadable(&it))?;
        let verified = segment.chained_as_kept(stored.dev).map_err(|it| unreadable(&it))?;
        let last = Head { dseq: stored.last_dseq, h: stored.h };
        if verified.hash_at(at.dseq) != Some(at.h) || verified.last() != last {
            return Err(broken("segment_chain", "la cadena se rompe", "the chain breaks"));
        }
        let signed = signing_bytes(&self.org.0, &stored.dev, stored.epoch, segment.first, &last);
        if segment.alg != key.alg || key.verify(&signed, &segment.sig).is_err() {
            return Err(broken("segment_signature", "la firma no es válida", "the signature does not hold"));
        }
        Ok(verified)
    }

    /// Gives the ops of a segment to the audits that they belong to; those that were set aside, and words on offers, belong to none.
    fn hand_on(
        &mut self,
        device: &Device,
        at: Head,
        stored: &StoredSegment,
        verified: &VerifiedSegment,
        buckets: &mut Buckets,
    ) -> Result<(), Stop> {
        let (first, last) = (stored.first_dseq, stored.last_dseq);
        let aside = quarantine::positions(self.tx, self.org, device.dev, first, last)?;
        // A word on an offer is none of a visit.
        let new = verified.ops.iter().filter(|it| it.dseq > at.dseq && !it.kind.is_of_offer());
        let applied: Vec<_> = new.filter(|it| !aside.contains(&it.dseq)).cloned().collect();
        let arrival = (millis(stored.received_at), device.kind == DeviceKind::Server);
        for (audit, ops) in ingest::by_audit(&applied) {
            let seed = verified.seeds.iter().find(|it| it.0 == audit).map(|it| it.1);
            buckets.put(&Record::of(device.dev, audit, &ops, seed, arrival))?;
        }
        self.report.ops += last.saturating_sub(first).saturating_add(1);
        Ok(())
    }
}
