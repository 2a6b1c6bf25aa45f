//! What is kept beside the log of a device, for a person to read: of a former log what it gave up, and what another phone had read of a
//! log that goes on otherwise here. It is part of no visit.

use super::require_reader;
use crate::{app::devices, error::ApiError, principal::Principal, zone::instant};
use db::{Micros, Tx, former};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{fmt, str::FromStr};
use sync_core::{Hash, Op, codec, exchange::Run, hlc};
use utoipa::ToSchema;
use uuid::Uuid;

/// Runs of a page at most; one is at most about a megabyte.
const RUNS: u32 = 16;

/// A run of ops that is kept beside the log of its device, as it was signed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeptRun {
    /// Position of the first op.
    first: u64,
    /// Position of the last.
    last: u64,
    /// The device that brought it, hexadecimal.
    brought_by: String,
    /// When it came, RFC 3339.
    received_at: String,
    /// What it says.
    ops: Vec<KeptOp>,
}

/// An op of such a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeptOp {
    /// Its position.
    dseq: u64,
    /// The visit that it names, which may not exist.
    audit: Uuid,
    /// `set`, `clear`, `submit`...
    kind: String,
    /// The field, or empty.
    field: String,
    /// What it says, where that is JSON.
    #[schema(value_type = Option<Object>)]
    value: Option<Box<RawValue>>,
    /// When it was written, by the clock of the device, RFC 3339.
    written_at: String,
}

/// Where a page begins: after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct After(u64, Hash);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl FromStr for After {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, h) = text.split_once('-').ok_or("no hash")?;
        Ok(Self(first.parse().map_err(|_| "no number")?, h.parse().map_err(|_| "no hash")?))
    }
}

/// What is kept beside the log of a device, in its order; at most 16 runs at once.
///
/// # Errors
/// `not_found` (404) for a device that is not the organization's, `wrong_shape` (422), `forbidden` (403) as for what was set aside.
pub(crate) fn beside(
    tx: &mut Tx<'_>,
    principal: &Principal,
    dev: &str,
    (after, limit): (Option<After>, u32),
) -> Result<db::Page<KeptRun, After>, ApiError> {
    require_reader(principal)?;
    let dev = devices::of_text(dev)?;
    if db::devices::find(tx, principal.org, dev)?.is_none() {
        return Err(ApiError::not_found("el dispositivo", "the device"));
    }
    let page = former::list_runs(tx, principal.org, dev, after.map(|it| (it.0, it.1)), limit.min(RUNS))?;
    let items = page.items.iter().map(run_of).collect::<Result<_, _>>()?;
    Ok(db::Page { items, next: page.next.map(|(first, h)| After(first, h)) })
}

fn run_of(kept: &former::FormerRun) -> Result<KeptRun, ApiError> {
    let run: Run = codec::from_cbor(&kept.bytes).map_err(ApiError::internal)?;
    let ops = run.ops.unpack(run.dseq_first).map_err(ApiError::internal)?;
    Ok(KeptRun {
        first: kept.first_dseq,
        last: kept.last_dseq,
        brought_by: kept.brought_by.to_string(),
        received_at: instant(kept.received_at),
        ops: ops.iter().map(op_of).collect(),
    })
}

fn op_of(op: &Op) -> KeptOp {
    let written_ms = i64::try_from(hlc::ms_of(op.hlc)).unwrap_or(i64::MAX);
    KeptOp {
        dseq: op.dseq,
        audit: op.audit,
        kind: op.kind.to_string(),
        field: op.field.clone(),
        value: op.value.as_deref().and_then(|it| serde_json::from_slice(it).ok()),
        written_at: instant(Micros(written_ms.saturating_mul(1_000))),
    }
}
