//! Reading: lists, one audit, open conflicts, the device's status. Owns the shapes that screens and the terminal show; all
//! of them serialise to JSON.

use ordered::BTreeMap;
use std::sync::Arc;

use domain::{
    FieldProblem,
    answer::Answers,
    visit_facts::{self, Graded, VisitFacts},
    visit_score::PreparedChecklist,
};
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;
use serde_json::value::RawValue;
use sync_core::{
    AuditOps, AuditView, DeviceId, Hash, Kind, OpId,
    chain::Head,
    content,
    fold::{Attachment, Conflict, ConflictKind, Phase},
    hlc,
    payload::{AttachValue, CreateValue, ReturnValue},
    reference::Allowed,
};
use uuid::Uuid;

use crate::{
    DeviceError,
    answers::{answers_of, demands, facts_of, provenance_of},
    blobs::{self, PhotoState, Unsent},
    ended::ENDED,
    identity::DeviceKind,
    incidents, mirror,
    originals::{self, Originals},
    recover,
    store::{self, Device},
};

/// An audit in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditSummary {
    /// Its id.
    pub audit: Uuid,
    /// `empty`, `draft`, `submitted`, `returned`, `approved`, `rejected` or `void`.
    pub phase: String,
    /// Current round, from 1.
    pub round: u32,
    /// Fields with an answer.
    pub answered: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// The pinned template.
    pub content_hash: Option<Hash>,
    /// The branch.
    pub branch: Option<Uuid>,
    /// The assignment; none for an ad-hoc audit.
    pub assignment: Option<Uuid>,
    /// Photos of this device that are not on the server.
    pub unsent: Unsent,
}

/// An answered field.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerEntry {
    /// The answer as JSON; null when it was taken back.
    pub value: Option<Box<RawValue>>,
    /// Whether other values stand beside it.
    pub conflict: bool,
    /// Whether the office took the value out for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// An attachment that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachmentEntry {
    /// The op that a detach names.
    pub id: OpId,
    /// What it is.
    #[serde(flatten)]
    pub value: AttachValue,
    /// Where its bytes are.
    #[serde(flatten)]
    pub state: PhotoState,
}

/// Who wrote an op, as far as a phone knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// This device.
    ThisDevice,
    /// Another device of the same person, or of whoever shares the visit.
    AnotherDevice,
    /// A person in the office.
    Office,
}

/// One of the values of a conflict.
#[derive(Debug, Clone, Serialize)]
pub struct ConflictValue {
    /// The op that wrote it: its device and its position there.
    pub op: OpId,
    /// Who wrote it.
    pub author: Author,
    /// What it did: `set`, `clear`, `resolve`, `attach`...
    pub kind: Kind,
    /// The round in which it was written.
    pub round: u32,
    /// When, by the clock of its author, milliseconds since 1970.
    pub written_ms: u64,
    /// The value as JSON; null for none.
    pub value: Option<Box<RawValue>>,
}

/// What can be done about a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WayOut {
    /// Settle the field with the value that stands, here.
    Resolve,
    /// Take one version of the checklist, here.
    Migrate,
    /// It is the reviewer's to settle or to take note of.
    Reviewer,
    /// Nothing: it is settled.
    None,
}

/// A conflict with what is at stake.
#[derive(Debug, Clone, Serialize)]
pub struct ConflictEntry {
    /// What kind.
    pub kind: ConflictKind,
    /// The field, or empty.
    pub field: String,
    /// The values in question.
    pub values: Vec<ConflictValue>,
    /// The op that settled it; null while it is open.
    pub resolved_by: Option<OpId>,
    /// What can be done about it.
    pub way_out: WayOut,
}

/// An open conflict of some audit.
#[derive(Debug, Clone, Serialize)]
pub struct OpenConflict {
    /// The audit.
    pub audit: Uuid,
    /// The conflict.
    #[serde(flatten)]
    pub conflict: ConflictEntry,
}

/// One audit.
#[derive(Debug, Clone, Serialize)]
pub struct AuditDetail {
    /// Its id.
    pub audit: Uuid,
    /// Where it stands.
    pub phase: Phase,
    /// Current round, from 1.
    pub round: u32,
    /// What it is of.
    pub pin: Option<CreateValue>,
    /// Answers by field.
    pub answers: BTreeMap<String, AnswerEntry>,
    /// What the visit states beside its answers, read; the same stands in `answers` under `@arrival`, `@departure`, `@platform` and
    /// `@outcome`.
    pub facts: VisitFacts,
    /// What that is worth as evidence.
    pub evidence: Graded,
    /// Attachments by field.
    pub attachments: BTreeMap<String, Vec<AttachmentEntry>>,
    /// Conflicts, open and settled.
    pub conflicts: Vec<ConflictEntry>,
    /// What a submit would still demand; empty if the template is not on this device.
    pub missing: Vec<FieldProblem>,
    /// The last return: what to correct.
    pub returned: Option<ReturnValue>,
    /// Photos of this device that are not on the server.
    pub unsent: Unsent,
    /// Ops on it.
    pub ops: usize,
}

/// One audit as rules read it.
#[derive(Debug, Clone)]
pub struct Filled {
    /// As people read it.
    pub detail: AuditDetail,
    /// The checklist that it pins; none where it is not on this device.
    pub checklist: Option<Arc<PreparedChecklist>>,
    /// The answers that the checklist knows.
    pub answers: Answers,
    /// What the programme of its assignment allows here.
    pub allowed: Allowed,
}

/// Runs of ops of others that no stream holds any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Unplaced {
    /// Runs.
    pub runs: u64,
    /// Ops in them.
    pub ops: u64,
    /// Runs that the server was not offered yet, since it last turned out to lack something.
    pub to_offer: u64,
}

/// A device at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Its identity.
    pub dev: DeviceId,
    /// Devices that this one was before its folder was copied or set back, or its key was lost.
    pub former: Vec<DeviceId>,
    /// What it is used for.
    pub kind: DeviceKind,
    /// Its organization; none before it is enrolled.
    pub org: Option<Uuid>,
    /// Its user; none before it is enrolled.
    pub user: Option<Uuid>,
    /// The server's epoch as last seen.
    pub epoch: Option<u64>,
    /// The end of its log.
    pub head: Head,
    /// What is on the server.
    pub acked: Head,
    /// Ops that are not on the server.
    pub pending_ops: u64,
    /// Reports of incidents that are not on the server.
    pub pending_incidents: u64,
    /// Photos that are not on the server.
    pub unsent: Unsent,
    /// Pictures as the camera gave them, beside the photos.
    pub originals: Originals,
    /// The photos that are not on the server by audit, where there are any.
    pub unsent_by_audit: BTreeMap<Uuid, Unsent>,
    /// Audits by phase.
    pub audits: BTreeMap<String, u64>,
    /// Open conflicts.
    pub conflicts: u64,
    /// Own ops that the server set aside for an editor, with its reasons.
    pub set_aside: BTreeMap<String, u64>,
    /// Entries of streams that could not be understood.
    pub quarantined: u64,
    /// What was read of others and a restored server has not brought again: kept here and offered to it.
    pub unplaced: Unplaced,
    /// Why this device may read no longer (`device_revoked`, `user_ended`); it still sends what it had not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Positions in streams.
    pub streams: BTreeMap<String, u64>,
}

fn raw(value: Option<&[u8]>) -> Option<Box<RawValue>> {
    let text = String::from_utf8(value?.to_vec()).ok()?;
    // A payload that is no JSON (of a lifecycle op) has nothing to show here.
    RawValue::from_string(text).ok()
}

fn conflict_entry(dev: DeviceId, audit: &AuditOps, phase: Phase, conflict: &Conflict) -> ConflictEntry {
    let value = |id: &OpId| {
        let stored = audit.get(id)?;
        let author = match (stored.server, id.dev == dev) {
            (true, _) => Author::Office,
            (false, true) => Author::ThisDevice,
            (false, false) => Author::AnotherDevice,
        };
        Some(ConflictValue {
            op: *id,
            author,
            kind: stored.op.kind,
            round: stored.op.round,
            written_ms: hlc::ms_of(stored.op.hlc),
            value: raw(stored.op.value.as_deref()),
        })
    };
    ConflictEntry {
        kind: conflict.kind,
        field: conflict.field.clone(),
        values: conflict.ops.iter().filter_map(value).collect(),
        resolved_by: conflict.resolved_by,
        way_out: way_out(audit, phase, conflict),
    }
}

fn way_out(audit: &AuditOps, phase: Phase, conflict: &Conflict) -> WayOut {
    let writes = |id: &OpId| audit.get(id).is_some_and(|it| it.op.kind.writes_field());
    let is_answer = !conflict.field.is_empty() && conflict.ops.iter().all(writes);
    match conflict.kind {
        _ if !conflict.is_open() => WayOut::None,
        _ if !matches!(phase, Phase::Draft | Phase::Returned) => WayOut::Reviewer,
        ConflictKind::Field if conflict.field.is_empty() => WayOut::Migrate,
        ConflictKind::Field => WayOut::Resolve,
        ConflictKind::Late if is_answer => WayOut::Resolve,
        _ => WayOut::Reviewer,
    }
}

fn summary(row: &Row<'_>) -> rusqlite::Result<AuditSummary> {
    Ok(AuditSummary {
        audit: Uuid::from_bytes(row.get(0)?),
        phase: row.get(1)?,
        round: row.get(2)?,
        answered: row.get(3)?,
        conflicts: row.get(4)?,
        content_hash: row.get::<_, Option<_>>(5)?.map(Hash),
        branch: row.get::<_, Option<_>>(6)?.map(Uuid::from_bytes),
        assignment: row.get::<_, Option<_>>(7)?.map(Uuid::from_bytes),
        unsent: Unsent::default(),
    })
}

fn returned(view: &AuditView) -> Option<ReturnValue> {
    let last = view.lifecycle.iter().rev().find(|it| it.kind == Kind::Return)?;
    sync_core::codec::from_cbor(last.value.as_deref()?).ok()
}

impl Device {
    /// Audits on this device, by id, after one (for paging), at most `limit`.
    ///
    /// - **Errors**: storage.
    pub fn list(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<AuditSummary>, DeviceError> {
        let mut list = self.conn.prepare_cached(
            "SELECT audit, phase, round, answered, conflicts, content_hash, branch, assignment FROM audits \
             WHERE audit > ?1 ORDER BY audit LIMIT ?2",
        )?;
        let after = after.map_or_else(Vec::new, |it| it.into_bytes().to_vec());
        let rows = list.query_map((after, limit), summary)?;
        let mut audits: Vec<AuditSummary> = rows.collect::<Result<_, _>>()?;
        let unsent = blobs::unsent_by_audit(&self.conn)?;
        for it in &mut audits {
            it.unsent = unsent.get(&it.audit).copied().unwrap_or_default();
        }
        Ok(audits)
    }

    /// The ops of an audit.
    ///
    /// - **Errors**: `unknown_audit`; storage.
    pub fn ops(&self, audit: Uuid) -> Result<AuditOps, DeviceError> {
        let mut find = self.conn.prepare_cached("SELECT ops FROM audits WHERE audit = ?1")?;
        let bytes: Option<Vec<u8>> = find.query_row([audit.into_bytes()], |row| row.get(0)).optional()?;
        let bytes = bytes.ok_or_else(|| {
            DeviceError::problem(
                404,
                "unknown_audit",
                format!("Visita desconocida: {audit}"),
                format!("unknown audit: {audit}"),
            )
        })?;
        Ok(AuditOps::decode(&bytes)?)
    }

    /// One audit.
    ///
    /// - **Errors**: `unknown_audit`; storage.
    pub fn view(&mut self, audit: Uuid) -> Result<AuditDetail, DeviceError> {
        Ok(self.filled(audit)?.detail)
    }

    /// One audit with the checklist that it pins and its answers, as rules read them.
    ///
    /// - **Errors**: `unknown_audit`; storage.
    pub fn filled(&mut self, audit: Uuid) -> Result<Filled, DeviceError> {
        let ops = self.ops(audit)?;
        let view = ops.view();
        let checklist = match view.pin().map(|it| self.template(&it.content_hash)) {
            Some(Ok(template)) => Some(template),
            Some(Err(DeviceError::Problem(_))) | None => None,
            Some(Err(other)) => return Err(other),
        };
        let allowed = mirror::allowed(&self.conn, view.pin().and_then(|it| it.assignment))?;
        let read = checklist.as_ref().map(|it| answers_of(it.checklist(), &view)).unwrap_or_default();
        let missing = checklist
            .as_ref()
            .map(|it| demands(it, &view, &read, mirror::permitted(allowed)))
            .unwrap_or_default();
        let facts = facts_of(&view);
        let answers = view.fields.iter().map(|(field, it)| {
            let (conflict, redacted) = (it.is_conflict(), it.is_redacted());
            (field.clone(), AnswerEntry { value: raw(it.value()), conflict, redacted })
        });
        let entry = |it: &Attachment| {
            let state = match it.redacted {
                true => PhotoState::Redacted,
                false => blobs::photo_state(&self.conn, &it.value.blob)?,
            };
            Ok(AttachmentEntry { id: it.id, value: it.value.clone(), state })
        };
        let attachments = view.attachments.iter().map(|(field, list)| {
            let entries = list.iter().map(entry).collect::<Result<_, DeviceError>>();
            Ok((field.clone(), entries?))
        });
        let detail = AuditDetail {
            audit,
            phase: view.phase,
            round: view.rounds.current,
            pin: view.pin().cloned(),
            answers: answers.collect(),
            evidence: visit_facts::grade(&facts, &provenance_of(&view)),
            facts,
            attachments: attachments.collect::<Result<_, DeviceError>>()?,
            conflicts: view
                .conflicts
                .iter()
                .map(|it| conflict_entry(self.dev(), &ops, view.phase, it))
                .collect(),
            missing,
            returned: returned(&view),
            unsent: blobs::unsent_of(&self.conn, audit)?,
            ops: ops.len(),
        };
        Ok(Filled { detail, checklist, answers: read, allowed })
    }

    /// What whoever looks at an audit now sees: the content root that a submit states ([`sync_core::content`]).
    ///
    /// - **Errors**: `unknown_audit`; storage.
    pub fn seen(&self, audit: Uuid) -> Result<Hash, DeviceError> {
        let ops = self.ops(audit)?;
        Ok(content::content_root(&ops, &ops.view()))
    }

    /// Own ops that are not on the server, by audit, where there are any.
    ///
    /// - **Errors**: storage.
    pub fn unsent_edits(&self) -> Result<BTreeMap<Uuid, u64>, DeviceError> {
        let acked = store::get_head(&self.conn, "acked")?;
        let mut list =
            self.conn.prepare_cached("SELECT audit, count(*) FROM oplog WHERE dseq > ?1 GROUP BY audit")?;
        let rows = list.query_map([acked.dseq], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Why own ops wait for a person in the office, by audit.
    ///
    /// - **Errors**: storage.
    pub fn set_aside(&self) -> Result<BTreeMap<Uuid, Vec<String>>, DeviceError> {
        let mut list = self.conn.prepare_cached(
            "SELECT DISTINCT oplog.audit, outcome.reason FROM outcome JOIN oplog ON oplog.dseq = outcome.dseq \
             WHERE outcome.kind = 'quarantined' ORDER BY 1, 2",
        )?;
        let rows = list.query_map([], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?)))?;
        let mut reasons: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
        for row in rows {
            let (audit, reason) = row?;
            reasons.entry(audit).or_default().push(reason);
        }
        Ok(reasons)
    }

    /// Open conflicts of all audits, at most `limit` audits.
    ///
    /// - **Errors**: storage.
    pub fn conflicts(&self, limit: u32) -> Result<Vec<OpenConflict>, DeviceError> {
        let mut list = self
            .conn
            .prepare_cached("SELECT audit, ops FROM audits WHERE conflicts > 0 ORDER BY audit LIMIT ?1")?;
        let rows =
            list.query_map([limit], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let mut open = Vec::new();
        for row in rows {
            let (id, bytes) = row?;
            let (audit, ops) = (Uuid::from_bytes(id), AuditOps::decode(&bytes)?);
            let view = ops.view();
            let entry = |it: &Conflict| {
                let conflict = conflict_entry(self.dev(), &ops, view.phase, it);
                OpenConflict { audit, conflict }
            };
            open.extend(view.open_conflicts().map(entry));
        }
        Ok(open)
    }

    /// The device at a glance.
    ///
    /// - **Errors**: storage.
    pub fn status(&self) -> Result<Status, DeviceError> {
        let enrolment = self.enrolment()?;
        let acked = store::get_head(&self.conn, "acked")?;
        let mut by_phase = self.conn.prepare_cached("SELECT phase, count(*) FROM audits GROUP BY phase")?;
        let audits = by_phase.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut cursors = self.conn.prepare_cached("SELECT id, cursor FROM stream")?;
        let streams = cursors.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut reasons = self.conn.prepare_cached(
            "SELECT reason, count(*) FROM outcome WHERE kind = 'quarantined' GROUP BY reason",
        )?;
        let set_aside = reasons.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let count = |sql: &str| self.conn.query_row(sql, [], |row| row.get(0));
        Ok(Status {
            dev: self.dev(),
            former: self.former()?,
            kind: self.kind,
            org: enrolment.as_ref().map(|it| it.org),
            user: enrolment.as_ref().map(|it| it.user),
            epoch: store::get_number(&self.conn, "epoch")?,
            head: self.head,
            acked,
            pending_ops: self.head.dseq.saturating_sub(acked.dseq),
            pending_incidents: incidents::waiting(&self.conn)?,
            unsent: blobs::unsent(&self.conn)?,
            originals: originals::waiting(&self.conn)?,
            unsent_by_audit: blobs::unsent_by_audit(&self.conn)?,
            audits: audits.collect::<Result<_, _>>()?,
            conflicts: count("SELECT coalesce(sum(conflicts), 0) FROM audits")?,
            set_aside: set_aside.collect::<Result<_, _>>()?,
            quarantined: count("SELECT count(*) FROM quarantine")?,
            unplaced: recover::waiting(&self.conn)?,
            ended: store::get_meta(&self.conn, ENDED)?.map(|it| String::from_utf8_lossy(&it).into_owned()),
            streams: streams.collect::<Result<_, _>>()?,
        })
    }
}
