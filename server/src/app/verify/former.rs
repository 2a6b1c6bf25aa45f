//! What devices gave up of their logs: each run stands by its author's signature, and is what its row says.

use super::{Place, Stop, Walk, fault};
use db::{
    MAX_PAGE,
    devices::{self, Device},
    former::{self, FormerRun},
};
use sync_core::{Bytes, Head, PublicKey, codec, exchange::Run};

/// Runs read at once; one is at most about a megabyte.
const RUNS: u32 = 16;

impl Walk<'_, '_> {
    /// Checks every run that is kept beside a log.
    ///
    /// # Errors
    /// `former_run`.
    pub(super) fn former_logs(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = devices::list(self.tx, self.org, None, after, MAX_PAGE)?;
            for device in &page.items {
                self.former_log(device)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn former_log(&mut self, device: &Device) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = former::list_runs(self.tx, self.org, device.dev, after, RUNS)?;
            for kept in &page.items {
                if !self.stands(device, kept) {
                    let (es, en) = (
                        "lo que el dispositivo dejó de su registro ya no es lo que firmó",
                        "what the device gave up of its log is not what it signed",
                    );
                    return Err(fault("former_run", Place::log(device.dev, kept.first_dseq), es, en));
                }
                self.report.former_runs += 1;
            }
            self.tell();
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn stands(&self, device: &Device, kept: &FormerRun) -> bool {
        let Ok(run) = codec::from_cbor::<Run>(&kept.bytes) else { return false };
        let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key.clone()) };
        let Ok(verified) = run.verify_as_kept(&self.org.0) else { return false };
        run.key.as_ref() == Some(&key)
            && run.evidence
            && run.dev == kept.dev
            && run.dseq_first == kept.first_dseq
            && verified.last() == Head { dseq: kept.last_dseq, h: kept.h }
    }
}
