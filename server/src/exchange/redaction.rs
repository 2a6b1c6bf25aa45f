//! Redaction in everything that is stored (`sync_core::redaction`): what is told at the door of a log, and what is done to the
//! logs, the evidence beside them, the feeds, the folded visit and its frozen scores once the server's `redact` ops name
//! something. Decides nothing: who asked, and for what, is `app::redaction`'s.

use super::{
    adopt::{SetAsideOp, read_ops},
    packed, read_segment,
};
use crate::{app::scores::document, app::visits::content, error::ApiError};
use db::{
    MAX_PAGE, Micros, Tx, appeals, audits, blobs,
    devices::{self, DeviceKind, StoredSegment},
    feed, former, quarantine,
    redactions::{self, RedactedBlob, Redaction},
    scores,
};
use domain::{
    answer::{AnswerField, AnswerPart},
    ids::{AppealId, AuditId, OrgId},
    visit_facts::is_reserved,
    visit_score::Explanation,
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId, Hash, Kind, Op, OpId, Segment, VerifiedSegment, codec,
    exchange::Run,
    fold::Arrival,
    payload::{self, AttachValue, SubmitValue},
    redaction::Redactions,
};
use uuid::Uuid;

/// Segments read at once; one is at most about a megabyte.
const SEGMENTS: u32 = 16;
/// What the explanation of a score says of an answer that was redacted.
pub(crate) const REDACTED: &str = "redacted";

/// What is redacted of these audits.
///
/// # Errors
/// Those of the database.
pub(crate) fn known(
    tx: &mut Tx<'_>,
    org: OrgId,
    audits: impl IntoIterator<Item = Uuid>,
) -> Result<Redactions, ApiError> {
    let mut known = Redactions::default();
    if redactions::any(tx, org)? {
        let audits: BTreeSet<AuditId> = audits.into_iter().map(AuditId).collect();
        for row in redactions::of_audits(tx, org, &Vec::from_iter(audits))? {
            known.add(OpId::new(row.dev, row.dseq), row.audit_id.0, &row.field);
        }
    }
    Ok(known)
}

/// A packed segment as it may be stored; none where it may be as it is.
///
/// # Errors
/// Bytes that are no segment.
pub(super) fn cleaned(
    dev: DeviceId,
    redactions: &Redactions,
    bytes: &[u8],
) -> Result<Option<(Vec<u8>, VerifiedSegment)>, ApiError> {
    if redactions.is_empty() {
        return Ok(None);
    }
    let segment = super::unpacked(bytes)?;
    let Some(segment) = clean_segment(dev, redactions, segment)? else { return Ok(None) };
    let verified = segment.chained_as_kept(dev).map_err(ApiError::internal)?;
    Ok(Some((packed(&segment)?, verified)))
}

fn clean_segment(
    dev: DeviceId,
    redactions: &Redactions,
    segment: Segment,
) -> Result<Option<Segment>, ApiError> {
    let cleaned = redactions.applied_to(dev, segment.first, &segment.ops).map_err(ApiError::internal)?;
    Ok(cleaned.map(|ops| Segment { ops, ..segment }))
}

/// A run as it may be kept; none where it may be as it is.
///
/// # Errors
/// A run whose ops do not hang together.
pub(super) fn cleaned_run(redactions: &Redactions, run: &Run) -> Result<Option<Run>, ApiError> {
    let cleaned = redactions.applied_to(run.dev, run.dseq_first, &run.ops).map_err(ApiError::internal)?;
    Ok(cleaned.map(|ops| Run { ops, ..run.clone() }))
}

/// Audits in which ops are redacted for the one that they say again: their authors' earlier segments are not clean yet.
pub(super) fn said_again(dev: DeviceId, redactions: &Redactions, ops: &[Op]) -> BTreeSet<AuditId> {
    let news = ops.iter().filter(|op| redactions.names(&OpId::new(dev, op.dseq), op));
    news.filter(|op| !redactions.closes(&dev, &op.audit)).map(|op| AuditId(op.audit)).collect()
}

/// Takes note of what ops of the server's log redact; the audits that they are of.
///
/// # Errors
/// Those of the database.
pub(super) fn note(tx: &mut Tx<'_>, org: OrgId, ops: &[Op]) -> Result<BTreeSet<AuditId>, ApiError> {
    let (mut rows, mut touched) = (Vec::new(), BTreeSet::new());
    for op in ops.iter().filter(|it| it.kind == Kind::Redact) {
        let (audit_id, field) = (AuditId(op.audit), &op.field);
        touched.insert(audit_id);
        rows.extend(op.base.iter().map(|it| Redaction {
            audit_id,
            dev: it.dev,
            dseq: it.dseq,
            field: field.clone(),
        }));
    }
    redactions::append(tx, org, &rows)?;
    Ok(touched)
}

/// Takes out of everything that is stored what is redacted of an audit. Doing it again changes nothing.
///
/// # Errors
/// Those of the database, and stored data that cannot be read.
pub(crate) fn settle(tx: &mut Tx<'_>, org: OrgId, audit: AuditId, now: Micros) -> Result<(), ApiError> {
    let mut ops = content::ops(tx, org, audit)?;
    let redactions = with_twins(tx, org, audit, &ops)?;
    if redactions.is_empty() {
        return Ok(());
    }
    let rows = redactions::of_audits(tx, org, &[audit])?;
    let authors: BTreeSet<DeviceId> = rows.iter().map(|it| it.dev).collect();
    for dev in authors {
        let mut clean = clean_log(tx, org, dev, audit, &redactions, &ops)?;
        clean.extend(clean_carried(tx, org, dev, audit, &redactions)?);
        clean_evidence(tx, org, dev, &redactions)?;
        for op in clean {
            let id = OpId::new(dev, op.dseq);
            // Where the log went on with another op in its place, that one is not meant.
            if ops.get(&id).is_some_and(|it| (it.op.hlc, it.op.kind) == (op.hlc, op.kind)) {
                ops.insert(dev, op, Arrival::LOCAL);
            }
        }
        ops.forget_seed(&dev);
    }
    if ops.is_empty() {
        return Ok(());
    }
    content::store_ops(tx, org, audit, &ops)?;
    clean_scores(tx, org, audit, &ops)?;
    clean_appeals(tx, org, audit, &ops)?;
    let_go(tx, org, audit, (&ops, &redactions), now)
}

/// Takes the blobs of redacted attachments away: of an audit that was begun after the office had said so.
///
/// # Errors
/// As [`settle`].
pub(super) fn let_go_of_blobs(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    now: Micros,
) -> Result<(), ApiError> {
    let (ops, redactions) = (content::ops(tx, org, audit)?, known(tx, org, [audit.0])?);
    let_go(tx, org, audit, (&ops, &redactions), now)
}

fn let_go(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    (ops, redactions): (&AuditOps, &Redactions),
    now: Micros,
) -> Result<(), ApiError> {
    let gone = unneeded_blobs(tx, org, audit, ops, redactions)?;
    blobs::forget(tx, org, &gone)?;
    let gone: Vec<RedactedBlob> =
        gone.into_iter().map(|blob| RedactedBlob { blob, redacted_at: now, purged: false }).collect();
    Ok(redactions::append_blobs(tx, org, &gone)?)
}

/// What people's devices recorded on an audit and was set aside.
///
/// # Errors
/// Those of the database.
pub(crate) fn set_aside(tx: &mut Tx<'_>, org: OrgId, audit: AuditId) -> Result<Vec<SetAsideOp>, ApiError> {
    let (mut ops, mut after) = (Vec::new(), None);
    loop {
        let page = quarantine::list_of_audit(tx, org, audit, after, MAX_PAGE)?;
        ops.extend(read_ops(tx, org, &page.items)?);
        after = page.next;
        if after.is_none() {
            return Ok(ops);
        }
    }
}

/// What is redacted of an audit, with the ops that say a redacted one again.
fn with_twins(tx: &mut Tx<'_>, org: OrgId, audit: AuditId, ops: &AuditOps) -> Result<Redactions, ApiError> {
    let known = known(tx, org, [audit.0])?;
    if known.is_empty() {
        return Ok(known);
    }
    let aside = set_aside(tx, org, audit)?;
    let all = ops.iter().map(|(id, it)| (*id, &it.op)).chain(aside.iter().map(|it| (it.id, &it.op)));
    let again = all.filter(|(id, op)| op.audit == audit.0 && known.names(id, op));
    let row = |(id, op): (OpId, &Op)| Redaction {
        audit_id: audit,
        dev: id.dev,
        dseq: id.dseq,
        field: op.field.clone(),
    };
    let rows: Vec<Redaction> = again.map(row).collect();
    redactions::append(tx, org, &rows)?;
    self::known(tx, org, [audit.0])
}

/// Cleans the segments of a log; the ops of the audit as they now stand.
fn clean_log(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    audit: AuditId,
    redactions: &Redactions,
    ops: &AuditOps,
) -> Result<Vec<Op>, ApiError> {
    let Some(device) = devices::find(tx, org, dev)? else { return Ok(Vec::new()) };
    let mut clean = Vec::new();
    if device.kind == DeviceKind::Server {
        // The office's own log holds ops of every visit, so it is not read from end to end.
        let own: Vec<u64> = ops.iter().filter(|it| it.0.dev == dev).map(|it| it.0.dseq).collect();
        let mut done = 0;
        for dseq in own {
            if let Some(stored) = devices::find_segment(tx, org, dev, dseq)?.filter(|it| it.last_dseq > done)
            {
                done = stored.last_dseq;
                clean.extend(clean_stored(tx, org, &stored, audit, redactions)?);
            }
        }
        return Ok(clean);
    }
    let mut after = 0;
    loop {
        let page = devices::list_segments(tx, org, dev, after, SEGMENTS)?;
        for stored in &page.items {
            clean.extend(clean_stored(tx, org, stored, audit, redactions)?);
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(clean),
        }
    }
}

fn clean_stored(
    tx: &mut Tx<'_>,
    org: OrgId,
    stored: &StoredSegment,
    audit: AuditId,
    redactions: &Redactions,
) -> Result<Vec<Op>, ApiError> {
    let segment = read_segment(stored)?;
    if !segment.ops.audits.iter().any(|it| it.0 == audit.0) {
        return Ok(Vec::new());
    }
    let cleaned = clean_segment(stored.dev, redactions, segment.clone())?;
    let now = cleaned.as_ref().unwrap_or(&segment);
    let chained = now.chained_as_kept(stored.dev).map_err(ApiError::internal)?;
    if chained.last().h != stored.h {
        return Err(ApiError::internal("a redaction would change what was signed"));
    }
    if cleaned.is_some() {
        devices::rewrite_segment(tx, org, stored.dev, stored.first_dseq, &packed(now)?)?;
    }
    Ok(chained.ops.into_iter().filter(|it| it.audit == audit.0).collect())
}

/// Cleans the runs that the feeds carry themselves: of the server's own log, after a restore.
fn clean_carried(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    audit: AuditId,
    redactions: &Redactions,
) -> Result<Vec<Op>, ApiError> {
    let mut clean = Vec::new();
    for entry in feed::list_carried(tx, org, dev)? {
        let payload = entry.payload.as_deref().unwrap_or_default();
        let run: Run = codec::from_cbor(payload).map_err(ApiError::internal)?;
        let cleaned = cleaned_run(redactions, &run)?;
        if let Some(cleaned) = &cleaned {
            let payload = codec::to_cbor(cleaned).map_err(ApiError::internal)?;
            feed::rewrite_payload(tx, org, entry.stream, entry.sseq_last, &payload)?;
        }
        let run = cleaned.unwrap_or(run);
        let ops = run.ops.unpack(run.dseq_first).map_err(ApiError::internal)?;
        clean.extend(ops.into_iter().filter(|it| it.audit == audit.0));
    }
    Ok(clean)
}

/// The ops that were given up of a log.
///
/// # Errors
/// Those of the database, and a stored run that cannot be read.
pub(crate) fn given_up(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Vec<(OpId, Op)>, ApiError> {
    let (mut ops, mut after) = (Vec::new(), None);
    loop {
        let page = former::list_runs(tx, org, dev, after, SEGMENTS)?;
        for kept in &page.items {
            let run: Run = codec::from_cbor(&kept.bytes).map_err(ApiError::internal)?;
            let own = run.ops.unpack(run.dseq_first).map_err(ApiError::internal)?;
            ops.extend(own.into_iter().map(|op| (OpId::new(dev, op.dseq), op)));
        }
        after = page.next;
        if after.is_none() {
            return Ok(ops);
        }
    }
}

/// Cleans what was given up of a log.
fn clean_evidence(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    redactions: &Redactions,
) -> Result<(), ApiError> {
    let mut after = None;
    loop {
        let page = former::list_runs(tx, org, dev, after, SEGMENTS)?;
        for kept in &page.items {
            let run: Run = codec::from_cbor(&kept.bytes).map_err(ApiError::internal)?;
            if let Some(cleaned) = cleaned_run(redactions, &run)? {
                let bytes = codec::to_cbor(&cleaned).map_err(ApiError::internal)?;
                former::rewrite_run(tx, org, kept, &bytes)?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Takes the answers out of the explanations of frozen scores; every figure stays.
fn clean_scores(tx: &mut Tx<'_>, org: OrgId, audit: AuditId, ops: &AuditOps) -> Result<(), ApiError> {
    for version in scores::list_versions(tx, org, audit)? {
        let gone = redacted_answers(ops, &OpId::new(version.submit_dev, version.submit_dseq));
        if gone.is_empty() {
            continue;
        }
        let mut score = document::thaw(&version.doc)?;
        let mut changed = false;
        for step in &mut score.explain {
            if let Explanation::Item(step) = step
                && gone.contains(step.item.as_str())
                && step.answer.is_some()
            {
                (step.answer, step.rule) = (None, REDACTED.to_owned());
                changed = true;
            }
        }
        if changed {
            let document = document::freeze(score)?;
            scores::rewrite_document(tx, org, audit, version.version, &document)?;
        }
    }
    Ok(())
}

/// Takes the answers out that appeals put in place of redacted ones: they tell what had been answered. What branch and office said
/// in their own words stays, as do the figures.
fn clean_appeals(tx: &mut Tx<'_>, org: OrgId, audit: AuditId, ops: &AuditOps) -> Result<(), ApiError> {
    let Some(version) = scores::find_current(tx, org, audit)? else { return Ok(()) };
    let gone = redacted_answers(ops, &OpId::new(version.submit_dev, version.submit_dseq));
    if gone.is_empty() {
        return Ok(());
    }
    let all: Vec<AppealId> = appeals::of_audits(tx, org, &[audit])?.iter().map(|it| it.appeal_id).collect();
    for it in appeals::list_items(tx, org, &all)? {
        if it.answer.is_some() && gone.contains(&it.item) {
            appeals::redact_answer(tx, org, it.appeal_id, &it.item)?;
        }
    }
    Ok(())
}

/// The items whose answer was redacted as it stood when a visit was handed in: what was answered anew before that counts, and
/// what was answered anew after it does not.
pub(crate) fn redacted_answers(ops: &AuditOps, submit: &OpId) -> BTreeSet<String> {
    let is_answer = |field: &str| answered_item(field).map(str::to_owned);
    let value = ops.get(submit).map(|it| payload::of_op::<SubmitValue>(&it.op));
    let Some(Ok(SubmitValue { mut frontier, .. })) = value else {
        let gone = ops.iter().filter(|it| it.1.op.is_redacted());
        return gone.filter_map(|it| is_answer(&it.1.op.field)).collect();
    };
    frontier.insert(submit.dev, submit.dseq);
    let view = ops.seen_by(&frontier).view();
    view.fields.iter().filter(|it| it.1.is_redacted()).filter_map(|it| is_answer(it.0)).collect()
}

/// The item that a field answers.
pub(crate) fn answered_item(field: &str) -> Option<&str> {
    let answered = AnswerField::parse(field).filter(|it| it.part == AnswerPart::Value);
    answered.filter(|_| !is_reserved(field)).map(|it| it.item)
}

/// Blobs of redacted attachments that nothing else counts on; the audit no longer counts on them.
fn unneeded_blobs(
    tx: &mut Tx<'_>,
    org: OrgId,
    audit: AuditId,
    ops: &AuditOps,
    redactions: &Redactions,
) -> Result<Vec<Hash>, ApiError> {
    let (mut gone, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for (id, stored) in ops.iter().filter(|it| it.1.op.kind == Kind::Attach) {
        let Ok(value) = payload::of_op::<AttachValue>(&stored.op) else { continue };
        let side = if redactions.names(id, &stored.op) { &mut gone } else { &mut needed };
        // The picture as the camera gave it shows what its smaller copy shows.
        side.extend([Some(value.blob), value.original.map(|it| it.hash)].into_iter().flatten());
    }
    gone.retain(|it| !needed.contains(it));
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    if audits::find(tx, org, audit)?.is_some() {
        let counted = blobs::list_of_audits(tx, org, &[audit])?.into_iter().map(|it| it.blob);
        let counted: BTreeSet<Hash> = counted.filter(|it| !gone.contains(it)).collect();
        blobs::set_of_audits(tx, org, &BTreeMap::from([(audit, counted)]))?;
    }
    let gone = Vec::from_iter(gone);
    let mut elsewhere: BTreeSet<Hash> =
        blobs::list_audits_of(tx, org, &gone)?.into_iter().map(|it| it.blob).collect();
    elsewhere.extend(appeals::blobs_among(tx, org, &gone)?);
    Ok(gone.into_iter().filter(|it| !elsewhere.contains(it)).collect())
}
