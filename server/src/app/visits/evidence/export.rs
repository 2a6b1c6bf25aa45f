//! Writing the evidence of a visit out of the stored segments.

use super::{Body, DeviceFacts, FORMAT, Part, Score, Sealed, Template, sealed_bytes};
use crate::{
    app::{App, appeals::corrections, scores::document, visits::content},
    error::ApiError,
    exchange::{epoch, millis, read_segment, signing_key},
    zone::instant,
};
use db::{
    Tx,
    audits::VisitKind,
    content::{self as contents, ContentKind},
    devices::{self, DeviceKind, StoredSegment},
};
use domain::ids::{AuditId, OrgId};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    Algorithm, AuditOps, Bytes, DeviceId, Op, OpId, PublicKey,
    chain::{Blinds, commitment},
    exchange::Run,
    op::Opening,
    packed::PackedOps,
    receipt::Receipt,
    relay::Proof,
    signature::SigningKey,
};
use uuid::Uuid;

/// The evidence of a visit, as the text of a file. Blocks.
///
/// # Errors
/// `not_found` (404) for a visit that the organization does not have; those of the database.
pub fn export(app: &App, org: OrgId, audit: AuditId) -> Result<String, ApiError> {
    let at = instant(app.now());
    let (body, key) = app.db.read(|tx| -> Result<_, ApiError> {
        let key = signing_key(tx, org)?;
        Ok((body(tx, org, audit, at, &key)?, key))
    })?;
    let body = serde_json::to_string(&body).map_err(ApiError::internal)?;
    let sig = Bytes::from(key.sign(&sealed_bytes(&body)));
    let body = RawValue::from_string(body).map_err(ApiError::internal)?;
    let sealed = Sealed { format: FORMAT.to_owned(), body, key: key.public_key(), sig };
    serde_json::to_string(&sealed).map_err(ApiError::internal)
}

fn body(tx: &mut Tx<'_>, org: OrgId, id: AuditId, at: String, key: &SigningKey) -> Result<Body, ApiError> {
    let unknown = || ApiError::not_found("la visita", "the visit");
    let row = db::audits::find(tx, org, id)?.ok_or_else(unknown)?;
    let ops = content::ops(tx, org, id)?;
    let (parts, proven) = parts(tx, org, id.0, &ops, key)?;
    let ids: BTreeSet<DeviceId> = parts.iter().map(|it| it.run.dev).collect();
    let mut facts = Vec::new();
    for dev in ids {
        facts.push(device(tx, org, dev)?);
    }
    let template = contents::find_by_hash(tx, org, ContentKind::Checklist, row.template_hash)?
        .ok_or_else(|| ApiError::internal("the visit pins a checklist that is not here"))?;
    let score = db::scores::find_current(tx, org, id)?.filter(|_| row.kind == VisitKind::Visit);
    let corrections = corrections(tx, org, id)?;
    let score = score.map(|it| -> Result<Score, ApiError> {
        let document = serde_json::to_value(document::thaw(&it.doc)?).map_err(ApiError::internal)?;
        let submit = OpId::new(it.submit_dev, it.submit_dseq);
        Ok(Score { version: it.version, scorer_version: it.scorer_version, submit, document, corrections })
    });
    Ok(Body {
        organization: org.0,
        audit: id.0,
        exported_at: at,
        template: Template { hash: template.hash, json: template.canonical_json },
        devices: facts,
        parts,
        unproven: ops.iter().map(|it| *it.0).filter(|it| !proven.contains(it)).collect(),
        score: score.transpose()?,
    })
}

fn device(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<DeviceFacts, ApiError> {
    let found =
        devices::find(tx, org, dev)?.ok_or_else(|| ApiError::internal("an author is not enrolled"))?;
    Ok(DeviceFacts {
        dev,
        kind: found.kind.as_str().to_owned(),
        key: PublicKey { alg: found.alg, key: Bytes::from(found.public_key) },
        enrolled_at: instant(found.enrolled_at),
        revoked_at: found.revoked_at.map(instant),
    })
}

/// The signed parts that hold the visit's ops, and which ops those are.
fn parts(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: Uuid,
    ops: &AuditOps,
    key: &SigningKey,
) -> Result<(Vec<Part>, BTreeSet<OpId>), ApiError> {
    let (mut parts, mut proven) = (Vec::new(), BTreeSet::new());
    for (id, stored) in ops.iter() {
        if proven.contains(id) {
            continue;
        }
        let Some(segment) = devices::find_segment(tx, org, id.dev, id.dseq)? else { continue };
        let part = part(tx, org, audit, &segment, key)?;
        let own = part.run.ops.unpack(part.run.dseq_first).map_err(ApiError::internal)?;
        // The server's log may have gone on with other ops where one came back from a phone.
        let same = |op: &Op| op.dseq == id.dseq && op.audit == audit && op.hlc == stored.op.hlc;
        if own.iter().any(same) {
            let of_visit = own.iter().filter(|it| it.audit == audit);
            proven.extend(of_visit.map(|it| OpId::new(id.dev, it.dseq)));
            parts.push(part);
        }
    }
    proven.retain(|it| ops.get(it).is_some());
    Ok((parts, proven))
}

/// A stored segment from its first op on the visit to its end, without what others' ops say.
fn part(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: Uuid,
    stored: &StoredSegment,
    key: &SigningKey,
) -> Result<Part, ApiError> {
    let dev = stored.dev;
    let segment = read_segment(stored)?;
    let chained = segment.chained_as_kept(dev).map_err(ApiError::internal)?;
    let blinds: BTreeMap<Uuid, Option<Blinds>> =
        chained.seeds.iter().map(|(audit, seed)| (*audit, Blinds::of_seed(seed))).collect();
    let mut ops: Vec<Op> = chained.ops.iter().skip_while(|it| it.audit != audit).cloned().collect();
    for op in ops.iter_mut().filter(|it| it.audit != audit) {
        let known = blinds.get(&op.audit).and_then(Option::as_ref);
        let vhash = commitment(known, op).ok_or_else(|| ApiError::internal("an op without its seed"))?;
        (op.value, op.opening) = (None, Opening::Redacted(vhash));
    }
    let first = ops.first().map_or(segment.first, |it| it.dseq);
    let seed = chained.seeds.iter().find(|it| it.0 == audit).map(|it| it.1);
    let packed = PackedOps::pack(dev, &ops, |it| seed.filter(|_| *it == audit));
    let device =
        devices::find(tx, org, dev)?.ok_or_else(|| ApiError::internal("an author is not enrolled"))?;
    let proof = Proof {
        prev_h: chained.hash_at(first.saturating_sub(1)).unwrap_or_default(),
        first: segment.first,
        epoch: stored.epoch,
        alg: segment.alg,
        sig: segment.sig,
    };
    let run = Run {
        dev,
        key: Some(PublicKey { alg: device.alg, key: Bytes::from(device.public_key) }),
        server: device.kind == DeviceKind::Server,
        dseq_first: first,
        ops: packed,
        proof: Some(proof),
        evidence: false,
    };
    let receipt = Receipt {
        epoch: epoch(tx)?,
        dev,
        head: chained.last(),
        sseq: stored.sseq,
        recv_ms: millis(stored.received_at),
        alg: Algorithm::Ed25519,
        sig: Bytes::default(),
    };
    Ok(Part { run, receipt: receipt.signed(&org.0, key) })
}
