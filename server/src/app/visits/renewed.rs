//! What a reviewer sees of devices that went on in place of a former one: how much of a visit was said again, and how much of
//! what the former log gave up is kept as evidence; and of a second log of a device that another phone brought.

use crate::error::ApiError;
use db::Tx;
use domain::ids::{AuditId, OrgId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{AuditOps, DeviceId, codec, exchange::Run};
use utoipa::ToSchema;

/// Runs of a former log that are looked through; a phone gives up a few.
const RUNS: u32 = 1_000;

/// A device that went on with a visit in place of a former one, or of which a second log is kept: then it is its own former one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RenewedLog {
    /// The device, hexadecimal.
    pub device: String,
    /// The former one, hexadecimal.
    pub former: String,
    /// Ops of the visit that it said again.
    pub said_again: u64,
    /// Ops on the visit that the former log gave up, kept as they were signed.
    pub evidence: u64,
}

/// The devices that went on with a visit.
pub(super) fn logs(
    tx: &mut Tx<'_>,
    org: OrgId,
    visit: AuditId,
    ops: &AuditOps,
) -> Result<Vec<RenewedLog>, ApiError> {
    let mut said: BTreeMap<(DeviceId, DeviceId), u64> = BTreeMap::new();
    for (id, stored) in ops.iter() {
        if let Some(origin) = stored.op.origin {
            let count = said.entry((id.dev, origin.dev)).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut logs = Vec::with_capacity(said.len());
    let renewed: BTreeSet<DeviceId> = said.keys().map(|it| it.1).collect();
    let authors: BTreeSet<DeviceId> = ops.iter().filter(|it| !it.1.server).map(|it| it.0.dev).collect();
    let alone: Vec<DeviceId> = authors.difference(&renewed).copied().collect();
    for ((device, former), said_again) in said {
        let evidence = evidence_of(tx, org, visit, former)?;
        logs.push(RenewedLog::of(device, former, said_again, evidence));
    }
    for dev in alone {
        let evidence = evidence_of(tx, org, visit, dev)?;
        if evidence > 0 {
            logs.push(RenewedLog::of(dev, dev, 0, evidence));
        }
    }
    Ok(logs)
}

impl RenewedLog {
    fn of(device: DeviceId, former: DeviceId, said_again: u64, evidence: u64) -> Self {
        Self { device: device.to_string(), former: former.to_string(), said_again, evidence }
    }
}

/// Ops on a visit that are kept beside a device's log.
fn evidence_of(tx: &mut Tx<'_>, org: OrgId, visit: AuditId, dev: DeviceId) -> Result<u64, ApiError> {
    let mut evidence = 0_u64;
    if db::former::count_runs(tx, org, dev)? == 0 {
        return Ok(evidence);
    }
    for kept in db::former::list_runs(tx, org, dev, None, RUNS)?.items {
        let run: Run = codec::from_cbor(&kept.bytes).map_err(ApiError::internal)?;
        let given_up = run.ops.unpack(run.dseq_first).map_err(ApiError::internal)?;
        let here = given_up.iter().filter(|it| it.audit == visit.0).count();
        evidence = evidence.saturating_add(u64::try_from(here).unwrap_or(u64::MAX));
    }
    Ok(evidence)
}
