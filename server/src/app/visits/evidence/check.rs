//! Checking the evidence of a visit from its file alone: every commitment, chain, signature and receipt, what was handed in, and
//! the score. Pure: knows no database, no clock and no network.

use super::{Body, DeviceFacts, FORMAT, Part, Sealed, sealed_bytes};
use crate::app::scores::scoring;
use domain::{
    checklist::Checklist,
    visit_score::{PreparedChecklist, SCORER_VERSION},
};
use serde::Serialize;
use std::collections::BTreeMap;
use sync_core::{
    AuditOps, DeviceId, Hash, Kind, OpId, VerifiedSegment,
    content::{Obstacle, obstacles_to_approval},
    fold::Arrival,
};
use uuid::Uuid;

/// What the file proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// The organization.
    pub organization: Uuid,
    /// The visit.
    pub audit: Uuid,
    /// When the file was written, as the server says.
    pub exported_at: String,
    /// The key of the server, which has to be compared with the one that is known from elsewhere.
    pub server: DeviceId,
    /// The checklist.
    pub checklist: Hash,
    /// Who recorded.
    pub devices: Vec<ProvedDevice>,
    /// What was recorded, in the order of each log.
    pub ops: Vec<ProvedOp>,
    /// Ops of the visit that the file names and does not prove.
    pub unproven: Vec<OpId>,
    /// Whether the score came out the same; none where it cannot be computed here (an older scorer, a redacted answer).
    pub score_recomputed: Option<bool>,
    /// The final score, as it was frozen.
    pub final_score: Option<String>,
    /// What this proves, in Spanish and English.
    pub proves: [&'static str; 2],
    /// What it does not, in Spanish and English.
    pub proves_not: [&'static str; 2],
}

/// A device that recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvedDevice {
    /// The first half of the hash of its key.
    pub dev: DeviceId,
    /// `phone`, `import` or `server`.
    pub kind: String,
    /// When it was enrolled, as the server says.
    pub enrolled_at: String,
    /// When it was taken out.
    pub revoked_at: Option<String>,
}

/// Something that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvedOp {
    /// Device and position.
    pub id: OpId,
    /// What it did.
    pub kind: String,
    /// On which field.
    pub field: String,
    /// The value as text; none where it has none, is binary or was redacted.
    pub value: Option<String>,
    /// Whether the value was redacted since.
    pub redacted: bool,
    /// When, by the device's clock, milliseconds since 1970.
    pub written_ms: u64,
    /// When the server had it, milliseconds since 1970.
    pub received_ms: u64,
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFault {
    /// Stable machine code.
    pub code: &'static str,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
}

const PROVES: [&str; 2] = [
    "Desde que se registró, nada de esta visita se alteró, reordenó, quitó de en medio ni se fechó antes de su último acuse; y con qué clave se registró.",
    "Since it was recorded nothing of this visit was altered, reordered, removed from the middle or dated back past its last receipt; and which key recorded it.",
];
const PROVES_NOT: [&str; 2] = [
    "Que lo respondido sea cierto, que un teléfono manipulado no lo haya inventado antes de firmar, que la ubicación sea real, ni quién sostenía el teléfono.",
    "That an answer is true, that a tampered phone did not make it up before signing, that the place is real, or who held the phone.",
];

pub(super) fn fault(code: &'static str, es: &str, en: &str) -> EvidenceFault {
    EvidenceFault { code, es: es.to_owned(), en: en.to_owned() }
}

/// Checks a file.
///
/// # Errors
/// The first thing that does not hold.
pub fn check(text: &str) -> Result<Proved, EvidenceFault> {
    let (body, server) = opened(text)?;
    if Hash::of(body.template.json.as_bytes()) != body.template.hash {
        return Err(fault(
            "checklist",
            "el cuestionario no es el de su huella",
            "the checklist is not the one of its hash",
        ));
    }
    let known: BTreeMap<DeviceId, &DeviceFacts> = body.devices.iter().map(|it| (it.dev, it)).collect();
    let (mut ops, mut proved) = (AuditOps::new(), Vec::new());
    for part in &body.parts {
        let verified = verified(&body, part, &known, &server)?;
        take_in(&body, part, &verified, &mut ops, &mut proved);
    }
    let view = ops.view();
    if view.pin().is_none_or(|it| it.content_hash != body.template.hash) {
        return Err(fault(
            "checklist",
            "la visita fija otro cuestionario",
            "the visit pins another checklist",
        ));
    }
    for submit in view.rounds.submits.values().flatten().filter(|_| body.unproven.is_empty()) {
        if obstacles_to_approval(&ops, &submit.id, |_| u64::MAX).contains(&Obstacle::ContentRoot) {
            let es = "lo enviado no es lo que firmó quien envió";
            return Err(fault("content_root", es, "what was handed in is not what its author signed"));
        }
    }
    let redacted = proved.iter().any(|it| it.redacted);
    let (score_recomputed, final_score) = score(&body, &view, redacted)?;
    Ok(Proved {
        organization: body.organization,
        audit: body.audit,
        exported_at: body.exported_at,
        server: server.device(),
        checklist: body.template.hash,
        devices: body
            .devices
            .into_iter()
            .map(|it| ProvedDevice {
                dev: it.dev,
                kind: it.kind,
                enrolled_at: it.enrolled_at,
                revoked_at: it.revoked_at,
            })
            .collect(),
        ops: proved,
        unproven: body.unproven,
        score_recomputed,
        final_score,
        proves: PROVES,
        proves_not: PROVES_NOT,
    })
}

/// The body, if the server's key signed these very bytes.
fn opened(text: &str) -> Result<(Body, sync_core::PublicKey), EvidenceFault> {
    let unreadable = |cause: &serde_json::Error| EvidenceFault {
        code: "unreadable",
        es: format!("no es la evidencia de una visita: {cause}"),
        en: format!("it is not the evidence of a visit: {cause}"),
    };
    let text = text.trim_end_matches('\n');
    let sealed: Sealed = serde_json::from_str(text).map_err(|it| unreadable(&it))?;
    let again = serde_json::to_string(&sealed).map_err(|it| unreadable(&it))?;
    let holds = sealed.key.verify(&sealed_bytes(sealed.body.get()), &sealed.sig).is_ok();
    // Written in one way only, so that not even the case of a digit can be changed.
    if again != text || sealed.format != FORMAT || !holds {
        return Err(fault(
            "seal",
            "el archivo fue alterado después de exportarse",
            "the file was changed after it was exported",
        ));
    }
    let body = serde_json::from_str(sealed.body.get()).map_err(|it| unreadable(&it))?;
    Ok((body, sealed.key))
}

fn verified(
    body: &Body,
    part: &Part,
    known: &BTreeMap<DeviceId, &DeviceFacts>,
    server: &sync_core::PublicKey,
) -> Result<VerifiedSegment, EvidenceFault> {
    let device = known.get(&part.run.dev);
    let is_known = device.is_some_and(|it| {
        it.key.device() == it.dev
            && Some(&it.key) == part.run.key.as_ref()
            && (it.kind == "server") == part.run.server
    });
    if !is_known {
        return Err(fault(
            "device",
            "un dispositivo no es el que se inscribió",
            "a device is not the one that was enrolled",
        ));
    }
    let broken =
        || fault("signature", "una cadena o una firma no es válida", "a chain or a signature does not hold");
    let verified = part.run.verify_as_kept(&body.organization).map_err(|_| broken())?;
    let receipt = &part.receipt;
    let said = (receipt.dev, receipt.head) == (part.run.dev, verified.last());
    if !said || receipt.verify(&body.organization, server).is_err() {
        return Err(fault("receipt", "un acuse no es válido", "a receipt does not hold"));
    }
    Ok(verified)
}

fn take_in(
    body: &Body,
    part: &Part,
    verified: &VerifiedSegment,
    ops: &mut AuditOps,
    proved: &mut Vec<ProvedOp>,
) {
    let dev = part.run.dev;
    let unproven = |dseq| body.unproven.contains(&OpId::new(dev, dseq));
    for op in verified.ops.iter().filter(|it| it.audit == body.audit && !unproven(it.dseq)) {
        let received_ms = part.receipt.recv_ms;
        let text = |it: &sync_core::Bytes| String::from_utf8(it.to_vec()).ok();
        let is_text = op.kind.writes_field() || op.kind == Kind::Note;
        proved.push(ProvedOp {
            id: OpId::new(dev, op.dseq),
            kind: op.kind.to_string(),
            field: op.field.clone(),
            value: op.value.as_ref().filter(|_| is_text).and_then(text),
            redacted: op.is_redacted(),
            written_ms: sync_core::hlc::ms_of(op.hlc),
            received_ms,
        });
        ops.insert(dev, op.clone(), Arrival { recv_ms: Some(received_ms), server: part.run.server });
    }
    if let Some((_, seed)) = verified.seeds.iter().find(|it| it.0 == body.audit) {
        ops.set_seed(dev, *seed);
    }
}

/// Whether the score comes out the same, and what it was.
fn score(
    body: &Body,
    view: &sync_core::AuditView,
    redacted: bool,
) -> Result<(Option<bool>, Option<String>), EvidenceFault> {
    let Some(frozen) = &body.score else { return Ok((None, None)) };
    let final_score = frozen.document.get("final");
    let final_score = final_score.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
    let wrong = || {
        fault(
            "score",
            "la puntuación no es la de estas respuestas",
            "the score is not the one of these answers",
        )
    };
    if redacted || frozen.scorer_version != SCORER_VERSION || !body.unproven.is_empty() {
        return Ok((None, final_score));
    }
    let checklist: Checklist = serde_json::from_str(&body.template.json).map_err(|_| wrong())?;
    let prepared = PreparedChecklist::new(&checklist).map_err(|_| wrong())?;
    let again = scoring::score_corrected(&prepared, view, &frozen.corrections).map_err(|_| wrong())?;
    if serde_json::to_value(again).ok().as_ref() == Some(&frozen.document) {
        Ok((Some(true), final_score))
    } else {
        Err(wrong())
    }
}
