//! What can be recomputed: the ops of each visit from the logs, its state from its events, and its score from its ops and the
//! checklist that it pins.

use super::{
    Place, Stop, Walk,
    buckets::{Buckets, Record},
    fault,
};
use crate::{
    app::{
        appeals::corrections,
        review::FrozenScore,
        scores::{
            document,
            scoring::{self, Corrections},
        },
        visits::facts,
    },
    exchange::redaction,
};
use db::{
    MAX_PAGE, appeals,
    audits::{self, Audit, VisitKind},
    content::{self, ContentKind},
    quarantine,
    scores::{self, ScoreVersion},
};
use domain::{
    ids::AuditId,
    lifecycle::State,
    visit_score::{Explanation, SCORER_VERSION},
};
use std::collections::BTreeMap;
use sync_core::{AuditOps, AuditView, Bytes, Hash, OpId, fold::Arrival, fold::Phase, op::Opening};

/// An audit in a bucket.
#[derive(Default)]
struct Rebuilt {
    ops: AuditOps,
    stored: Option<Bytes>,
}

impl Walk<'_, '_> {
    /// Makes every audit anew out of the ops of the logs.
    pub(super) fn projections(&mut self, mut buckets: Buckets) -> Result<(), Stop> {
        self.contents()?;
        self.mark_stored(&mut buckets)?;
        for records in buckets.read() {
            let mut rebuilt: BTreeMap<AuditId, Rebuilt> = BTreeMap::new();
            for record in records? {
                take_in(&mut rebuilt, record)?;
            }
            let ids: Vec<AuditId> = rebuilt.keys().copied().collect();
            for part in ids.chunks(usize::try_from(MAX_PAGE).unwrap_or(1)) {
                let rows = audits::find_many(self.tx, self.org, part)?;
                let mut rows: BTreeMap<AuditId, Audit> =
                    rows.into_iter().map(|it| (it.audit_id, it)).collect();
                for id in part {
                    if let Some(found) = rebuilt.remove(id) {
                        self.audit(*id, &found, rows.remove(id))?;
                    }
                }
                self.tell();
            }
        }
        Ok(())
    }

    fn mark_stored(&mut self, buckets: &mut Buckets) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = audits::list_ops(self.tx, self.org, after, MAX_PAGE)?;
            for stored in &page.items {
                buckets.put(&Record::stored(stored.audit_id.0, &stored.ops))?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Content stands under its hash.
    fn contents(&mut self) -> Result<(), Stop> {
        let mut all = Vec::new();
        for kind in [ContentKind::Checklist, ContentKind::Standard, ContentKind::Plan] {
            all.extend(content::list(self.tx, self.org, kind)?);
        }
        for version in all {
            if Hash::of(version.canonical_json.as_bytes()) != version.hash {
                let (id, number) = (&version.content_id, version.version);
                return Err(fault(
                    "content",
                    Place { position: Some(u64::from(number)), ..Place::default() },
                    format!("el contenido {id} no es lo que su huella dice"),
                    format!("content {id} is not what its hash says"),
                ));
            }
        }
        Ok(())
    }

    fn audit(&mut self, id: AuditId, found: &Rebuilt, row: Option<Audit>) -> Result<(), Stop> {
        let bytes = found.ops.encode().map_err(crate::error::ApiError::internal)?;
        let same = found.stored.as_ref().is_some_and(|it| **it == Hash::of(&bytes).0);
        if !same {
            let (es, en) = (
                "las respuestas guardadas no son las de los registros firmados",
                "the stored answers are not those of the signed logs",
            );
            return Err(fault("projection", Place::audit(id), es, en));
        }
        let view = found.ops.view();
        self.report.audits += 1;
        let wrong = |es: &str, en: &str| fault("audit_row", Place::audit(id), es, en);
        let row = row.ok_or_else(|| wrong("falta la visita", "the visit is missing"))?;
        let is_pinned = match view.pin() {
            Some(pin) => pin.content_hash == row.template_hash,
            // Its beginning may wait for a person, or have been dismissed, when it was handed in: then the row is all that pins it.
            None => !quarantine::positions_of_audits(self.tx, self.org, &[id])?.is_empty(),
        };
        if !is_pinned || !self.has_checklist(row.template_hash)? {
            return Err(wrong(
                "el cuestionario no es el que la visita fija",
                "the checklist is not the one that the visit pins",
            ));
        }
        let events = audits::list_events(self.tx, self.org, id)?;
        let mut state = events.first().and_then(|it| it.from_state);
        for event in &events {
            if event.from_state != state {
                return Err(wrong(
                    "la historia de la visita no es continua",
                    "the history of the visit has a hole",
                ));
            }
            state = Some(event.to_state);
        }
        if state.is_some_and(|it| it != row.state) {
            return Err(wrong(
                "el estado no es el de su historia",
                "the state is not the one of its history",
            ));
        }
        if row.state == State::Appealed && appeals::find_open(self.tx, self.org, id)?.is_none() {
            return Err(wrong(
                "la visita está apelada y no tiene una apelación abierta",
                "the visit is appealed, and no appeal of it is open",
            ));
        }
        if facts::kind_of(&view, row.kind) != row.kind {
            return Err(wrong(
                "la visita no es lo que se envió: si pudo hacerse o no",
                "the visit is not what was handed in: whether it could happen",
            ));
        }
        let redacted = found.ops.iter().any(|it| matches!(it.1.op.opening, Opening::Redacted(_)));
        self.scores(&row, (&found.ops, &view), redacted)
    }

    fn scores(
        &mut self,
        row: &Audit,
        (ops, view): (&AuditOps, &AuditView),
        redacted: bool,
    ) -> Result<(), Stop> {
        let versions = scores::list_versions(self.tx, self.org, row.audit_id)?;
        let mut expected = 0;
        for version in &versions {
            expected += 1;
            let known = self.has_checklist(version.template_hash)?;
            let holds = figures_hold(version) && redactions_hold(version, ops);
            if version.version != expected || !known || !holds {
                return Err(self.wrong_score(row, expected));
            }
            self.report.scores += 1;
        }
        let Some(current) = versions.last() else { return Ok(()) };
        // What an older scorer froze stays as it was, and only what an approval froze can be read again.
        let is_current = current.scorer_version == SCORER_VERSION && view.phase == Phase::Approved;
        if !is_current || row.kind != VisitKind::Visit || current.template_hash != row.template_hash {
            return Ok(());
        }
        let Some(checklist) = self.app.checklist(self.tx, self.org, row.template_hash)? else {
            return Err(self.wrong_score(row, expected));
        };
        // A first version was frozen before anybody could appeal.
        let corrections =
            if expected > 1 { corrections(self.tx, self.org, row.audit_id)? } else { Corrections::new() };
        let again = scoring::score_corrected(&checklist, view, &corrections).and_then(FrozenScore::of);
        match again {
            Ok(again) if same_document(&again.document, &current.doc) => Ok(()),
            // A redacted answer cannot be scored again; what was frozen stays.
            _ if redacted => Ok(()),
            _ => Err(self.wrong_score(row, expected)),
        }
    }

    /// Whether the content of a hash is here; asked of the database once for each.
    fn has_checklist(&mut self, hash: Hash) -> Result<bool, Stop> {
        if self.checklists.contains(&hash) {
            return Ok(true);
        }
        let found = content::find_by_hash(self.tx, self.org, ContentKind::Checklist, hash)?.is_some();
        if found {
            self.checklists.insert(hash);
        }
        Ok(found)
    }

    fn wrong_score(&self, row: &Audit, version: u32) -> Stop {
        let place = Place { position: Some(u64::from(version)), ..Place::audit(row.audit_id) };
        let es = "la puntuación guardada no es la de sus respuestas";
        fault("score", place, es, "the stored score is not the one of its answers")
    }
}

fn take_in(rebuilt: &mut BTreeMap<AuditId, Rebuilt>, record: Record) -> Result<(), Stop> {
    match record {
        Record::Stored { audit, hash } => rebuilt.entry(AuditId(audit)).or_default().stored = Some(hash),
        Record::Ops { audit, dev, first, ops, recv_ms, server } => {
            let found = &mut rebuilt.entry(AuditId(audit)).or_default().ops;
            for op in ops.unpack(first).map_err(crate::error::ApiError::internal)? {
                found.insert(dev, op, Arrival { recv_ms: Some(recv_ms), server });
            }
            if let Some(seed) = ops.audits.first().and_then(|it| it.1) {
                found.set_seed(dev, seed);
            }
        }
    }
    Ok(())
}

/// Whether the columns of a score are those of its document.
fn figures_hold(version: &ScoreVersion) -> bool {
    let Ok(score) = document::thaw(&version.doc) else { return false };
    let critical = u32::try_from(score.critical_failed.len()).unwrap_or(u32::MAX);
    let columns =
        (version.raw_hundredths, version.final_hundredths, version.band.as_deref(), version.critical_failed);
    columns == (Some(score.raw.units()), Some(score.final_score.units()), Some(score.band.as_str()), critical)
}

/// Whether a score explains every answer that it was made of, save those that were redacted.
fn redactions_hold(version: &ScoreVersion, ops: &AuditOps) -> bool {
    let Ok(score) = document::thaw(&version.doc) else { return false };
    let gone = redaction::redacted_answers(ops, &OpId::new(version.submit_dev, version.submit_dseq));
    score.explain.iter().all(|step| match step {
        Explanation::Item(it) if gone.contains(&it.item) => it.answer.is_none(),
        Explanation::Item(it) => it.rule != redaction::REDACTED,
        _ => true,
    })
}

/// Whether two documents say the same; another build may pack the explanation otherwise.
fn same_document(one: &str, other: &str) -> bool {
    let read = |it| document::thaw(it).ok().and_then(|it| serde_json::to_value(it).ok());
    one == other || (read(one).is_some() && read(one) == read(other))
}
