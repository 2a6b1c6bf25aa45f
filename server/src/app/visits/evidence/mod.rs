//! A visit as evidence: one file from which anybody can check, without this server and without a network, which keys recorded
//! what and when. Owns the form of the file; `export` writes it, `check` reads it.
//!
//! It holds the signed segments from the visit's first op in each to the segment's end. Ops of other visits that lie between
//! are there as the chain needs them, with the commitment to their value in the value's place. Devices are told by their keys,
//! never by the names of people.

mod check;
mod export;
pub(crate) mod print;

pub use check::{EvidenceFault, Proved, ProvedDevice, ProvedOp, check};
pub use export::export;
pub use print::{Printed, PrintedScore, ProvedPrint, check_print};

use crate::app::scores::scoring::Corrections;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sync_core::{Bytes, DeviceId, Hash, OpId, PublicKey, exchange::Run, receipt::Receipt};
use uuid::Uuid;

/// The name of the form.
const FORMAT: &str = "veedor-visit-1";

/// The file: a body and the server's signature over its very bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    format: String,
    body: Box<RawValue>,
    key: PublicKey,
    sig: Bytes,
}

/// What is signed of the file.
fn sealed_bytes(body: &str) -> Vec<u8> {
    let mut out = Vec::from(*b"veedor-visit-1");
    out.extend_from_slice(&Hash::of(body.as_bytes()).0);
    out
}

/// What the file says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    organization: Uuid,
    audit: Uuid,
    exported_at: String,
    template: Template,
    devices: Vec<DeviceFacts>,
    parts: Vec<Part>,
    /// Ops of the visit that no signed part here has.
    unproven: Vec<OpId>,
    score: Option<Score>,
}

/// The checklist that the visit pins.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    hash: Hash,
    json: String,
}

/// A device, as it was enrolled.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFacts {
    dev: DeviceId,
    kind: String,
    key: PublicKey,
    enrolled_at: String,
    revoked_at: Option<String>,
}

/// The end of a signed segment, with the server's receipt for it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    run: Run,
    receipt: Receipt,
}

/// The score that was frozen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Score {
    version: u32,
    scorer_version: String,
    submit: OpId,
    document: serde_json::Value,
    /// What upheld appeals put in place of answers, by the office's word.
    #[serde(default, skip_serializing_if = "Corrections::is_empty")]
    corrections: Corrections,
}
