//! An audit as people see it, read out of its ops: answers, attachments, conflicts, rounds. Owns the multi-value register:
//! the heads of a field are the ops that nobody who wrote later had seen.

use alloc::{format, string::String, vec::Vec};
use ordered::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

use super::{AuditOps, Rounds, StoredOp, Submission, Twins, rounds::rank};
use crate::{
    Bytes, Hash, Kind, OpId,
    payload::{self, AttachValue, CreateValue, LostValue},
};

/// One value that stands in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterHead {
    /// The op that wrote it.
    pub id: OpId,
    /// Its rank.
    pub eff_hlc: u64,
    /// The round it was written in.
    pub round: u32,
    /// The value; none for a clear and for one that was redacted.
    pub value: Option<Bytes>,
    /// Whether there was a value that was redacted.
    pub redacted: bool,
}

/// A field: its heads, the highest rank first. One head is a clean field; several are a conflict, and then the first is
/// only what is displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// At least one.
    pub heads: Vec<RegisterHead>,
}

impl Register {
    /// The value that is displayed; none when cleared.
    pub fn value(&self) -> Option<&[u8]> {
        self.heads.first()?.value.as_deref()
    }

    /// Whether what would be displayed was redacted.
    pub fn is_redacted(&self) -> bool {
        self.heads.first().is_some_and(|it| it.redacted)
    }

    /// Whether several values stand.
    pub fn is_conflict(&self) -> bool {
        self.heads.len() > 1
    }

    /// What the next op on the field names as seen.
    pub fn base(&self) -> Vec<OpId> {
        let mut ids: Vec<OpId> = self.heads.iter().map(|it| it.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// A `create` that stands, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The op.
    pub id: OpId,
    /// Its rank.
    pub eff_hlc: u64,
    /// What it pins.
    pub value: CreateValue,
}

/// An attachment that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The op that added it; a detach names it.
    pub id: OpId,
    /// What it is.
    pub value: AttachValue,
    /// Whether its bytes were redacted.
    pub redacted: bool,
}

/// An op that is kept but not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateOp {
    /// The op.
    pub id: OpId,
    /// Its kind.
    pub kind: Kind,
    /// Its round.
    pub round: u32,
    /// Its field.
    pub field: String,
    /// What it would have said.
    pub value: Option<Bytes>,
}

/// A lifecycle op of the server, or a void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleOp {
    /// The op.
    pub id: OpId,
    /// `assign`, `return`, `approve`, `reject`, `reopen`, `revoke` or `void`.
    pub kind: Kind,
    /// Its rank.
    pub eff_hlc: u64,
    /// Its round.
    pub round: u32,
    /// Its payload, to be decoded by [`crate::payload`].
    pub value: Option<Bytes>,
}

/// A remark of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The op.
    pub id: OpId,
    /// The field, or empty for the audit.
    pub field: String,
    /// The text's bytes.
    pub value: Bytes,
}

/// Kinds of [`Conflict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Several values stand in a field (or several differing pins, field empty).
    Field,
    /// An op was written in a round that was handed in without it.
    Late,
    /// A round was handed in twice by people who had not seen each other's submit.
    Submit,
    /// Two different ops stand under one identity: the log of a device was copied.
    Fork,
    /// The bytes of an attachment were lost on the device that took it, before the server had them.
    BlobLost,
    /// A clock ran too far ahead; the op is ranked by its receipt.
    Clock,
}

impl ConflictKind {
    /// Its name, as it travels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Late => "late",
            Self::Submit => "submit",
            Self::Fork => "fork",
            Self::BlobLost => "blob_lost",
            Self::Clock => "clock",
        }
    }

    /// Whether an audit with such an open conflict may not be approved.
    pub fn blocks_approval(self) -> bool {
        matches!(self, Self::Field | Self::Fork | Self::BlobLost)
    }
}

/// Something that a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    /// What kind.
    pub kind: ConflictKind,
    /// The field, or empty.
    pub field: String,
    /// The ops in question, by identity.
    pub ops: Vec<OpId>,
    /// The op that settled it; none while it is open.
    pub resolved_by: Option<OpId>,
}

impl Conflict {
    /// Whether it waits for a person.
    pub fn is_open(&self) -> bool {
        self.resolved_by.is_none()
    }
}

/// Where an audit stands, as far as its ops tell (that a reviewer has claimed it is the server's own knowledge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing was written.
    Empty,
    /// Being filled in.
    Draft,
    /// Handed in.
    Submitted,
    /// Returned, nothing written since.
    Returned,
    /// Approved: frozen.
    Approved,
    /// Rejected.
    Rejected,
    /// Voided.
    Void,
}

impl Phase {
    /// Its name, in stores and for screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Void => "void",
        }
    }
}

/// An audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditView {
    /// Creations that stand, the highest rank first; the first is the pin.
    pub creations: Vec<Creation>,
    /// Fields that were ever answered.
    pub fields: BTreeMap<String, Register>,
    /// Attachments that stand, by field.
    pub attachments: BTreeMap<String, Vec<Attachment>>,
    /// Remarks.
    pub remarks: Vec<Remark>,
    /// Ops that are not applied.
    pub late: Vec<LateOp>,
    /// Lifecycle ops in the order of the server's log.
    pub lifecycle: Vec<LifecycleOp>,
    /// Submits, current round and decisions.
    pub rounds: Rounds,
    /// Conflicts, open and settled.
    pub conflicts: Vec<Conflict>,
    /// Where the audit stands.
    pub phase: Phase,
    /// Ops whose payload is not what its kind asks for; not applied.
    pub malformed: Vec<OpId>,
}

impl AuditView {
    /// The ops that make up what is shown of the audit: what stands in its fields, its photos, remarks and creations.
    pub fn shown(&self) -> BTreeSet<OpId> {
        let fields = self.fields.values().flat_map(|it| &it.heads).map(|it| it.id);
        let photos = self.attachments.values().flatten().map(|it| it.id);
        let begun = self.creations.iter().map(|it| it.id);
        fields.chain(photos).chain(begun).chain(self.remarks.iter().map(|it| it.id)).collect()
    }

    /// What the audit is of and which template it pins.
    pub fn pin(&self) -> Option<&CreateValue> {
        self.creations.first().map(|it| &it.value)
    }

    /// The answer that is displayed in a field, as its bytes.
    pub fn answer(&self, field: &str) -> Option<&[u8]> {
        self.fields.get(field)?.value()
    }

    /// The photos of each field that has some, in the order of their ops; each once, though two devices attached the same.
    pub fn photos(&self) -> impl Iterator<Item = (&str, Vec<Hash>)> {
        self.attachments.iter().map(|(field, list)| {
            let mut seen = BTreeSet::new();
            let blobs = list.iter().map(|it| it.value.blob);
            (field.as_str(), blobs.filter(|it| seen.insert(*it)).collect())
        })
    }

    /// What was recorded, as JSON by field; photos of a field that has no answer count as a list of their ids.
    ///
    /// - **Range**: no more than `most_photos` of a field are told: two devices that could not know of each other may have
    ///   attached more than a checklist takes, which is no reason to take them all back.
    pub fn recorded(&self, most_photos: usize) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let answers = self.fields.iter().filter_map(|(field, it)| Some((field.clone(), text(it.value()?))));
        let mut recorded: BTreeMap<String, String> = answers.collect();
        for (field, photos) in self.photos() {
            let ids: Vec<String> = photos.iter().take(most_photos).map(|it| format!("\"{it}\"")).collect();
            recorded.entry(String::from(field)).or_insert_with(|| format!("[{}]", ids.join(",")));
        }
        recorded
    }

    /// Open conflicts.
    pub fn open_conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.iter().filter(|it| it.is_open())
    }

    /// The submit of the current round that stands with the highest rank.
    pub fn current_submit(&self) -> Option<&Submission> {
        let standing = self.rounds.standing_submits(self.rounds.current);
        standing.into_iter().max_by_key(|it| (it.eff_hlc, it.id))
    }
}

type Entry<'a> = (OpId, &'a StoredOp);

/// Ops of one field sorted by kind of effect.
#[derive(Default)]
struct Groups<'a> {
    creates: Vec<Entry<'a>>,
    /// Answers, by field and then by op once all are read.
    answers: Vec<(&'a str, Entry<'a>)>,
    attaches: Vec<Entry<'a>>,
    /// Attachments that were taken away, with the op that did.
    detached: BTreeMap<OpId, OpId>,
    losses: Vec<Entry<'a>>,
    /// Conflicts that a person closed, with the op that did.
    settled: BTreeMap<OpId, OpId>,
    voided: bool,
    written: BTreeSet<u32>,
}

/// The heads among the ops of one field: those that no other names as seen. Ops that only name each other in a circle,
/// which no honest device writes, all stand, so that nothing vanishes.
fn heads<'a>(ops: &[Entry<'a>]) -> Vec<Entry<'a>> {
    if ops.len() < 2 {
        return ops.to_vec();
    }
    let by_id: BTreeMap<OpId, &StoredOp> = ops.iter().copied().collect();
    let named: BTreeSet<OpId> = ops
        .iter()
        .flat_map(|(id, stored)| stored.op.base.iter().filter(move |seen| *seen != id).copied())
        .collect();
    let mut heads: Vec<Entry<'_>> = ops.iter().filter(|it| !named.contains(&it.0)).copied().collect();
    let mut reached = BTreeSet::new();
    let mut todo: Vec<OpId> = heads.iter().map(|it| it.0).collect();
    while let Some(id) = todo.pop() {
        if let Some(stored) = by_id.get(&id).filter(|_| reached.insert(id)) {
            todo.extend(stored.op.base.iter().copied());
        }
    }
    heads.extend(ops.iter().filter(|it| !reached.contains(&it.0)).copied());
    heads.sort_unstable_by_key(|it| core::cmp::Reverse(rank(&it.0, it.1)));
    heads
}

fn ids(entries: &[Entry<'_>]) -> Vec<OpId> {
    let mut ids: Vec<OpId> = entries.iter().map(|it| it.0).collect();
    ids.sort_unstable();
    ids
}

pub(super) fn fold(audit: &AuditOps, twins: &Twins) -> AuditView {
    let rounds = Rounds::of(audit, twins);
    let mut view = AuditView {
        creations: Vec::new(),
        fields: BTreeMap::new(),
        attachments: BTreeMap::new(),
        remarks: Vec::new(),
        late: Vec::new(),
        lifecycle: Vec::new(),
        malformed: rounds.malformed.clone(),
        rounds,
        conflicts: Vec::new(),
        phase: Phase::Empty,
    };
    let mut groups = Groups::default();
    for (id, stored) in audit.iter() {
        sort_in(&mut view, &mut groups, (*id, stored));
    }
    // Those of one field stay in the order of the ops.
    groups.answers.sort_by_key(|it| it.0);
    view.lifecycle.sort_by_key(|it| (it.eff_hlc, it.id));
    read_creations(&mut view, &groups);
    read_registers(&mut view, &groups);
    read_attachments(&mut view, &groups, audit);
    read_other_conflicts(&mut view, &groups, audit);
    view.conflicts.sort();
    view.phase = phase(&view, &groups);
    view
}

fn sort_in<'a>(view: &mut AuditView, groups: &mut Groups<'a>, entry: Entry<'a>) {
    let (id, stored) = entry;
    let op = &stored.op;
    match op.kind {
        Kind::Unknown(_) | Kind::Submit | Kind::Redact => return,
        kind if kind.is_server() && kind != Kind::AckConflict => {
            // From a device's log a server's command means nothing.
            if stored.server {
                view.lifecycle.push(lifecycle(entry));
            }
            return;
        }
        Kind::AckConflict if !stored.server => return,
        _ => {}
    }
    // What became of bytes is no answer of a round; but nothing touches what is approved.
    let is_fact = op.kind == Kind::Lost && view.rounds.approved.is_none();
    if !is_fact && !view.rounds.applies(&id, stored) {
        let (kind, round, field, value) = (op.kind, op.round, op.field.clone(), op.value.clone());
        view.late.push(LateOp { id, kind, round, field, value });
        return;
    }
    if op.kind == Kind::Lost {
        groups.losses.push(entry);
        return;
    }
    groups.written.insert(op.round);
    match op.kind {
        Kind::Create => groups.creates.push(entry),
        Kind::Set | Kind::Clear => groups.answers.push((&op.field, entry)),
        Kind::Resolve => {
            groups.settled.extend(op.base.iter().map(|seen| (*seen, id)));
            groups.answers.push((&op.field, entry));
        }
        Kind::AckConflict => groups.settled.extend(op.base.iter().map(|seen| (*seen, id))),
        Kind::Attach => groups.attaches.push(entry),
        Kind::Detach => groups.detached.extend(op.base.iter().map(|seen| (*seen, id))),
        Kind::Note if !op.is_redacted() => {
            let value = op.value.clone().unwrap_or_default();
            view.remarks.push(Remark { id, field: op.field.clone(), value });
        }
        Kind::Void => {
            groups.voided = true;
            view.lifecycle.push(lifecycle(entry));
        }
        _ => {}
    }
}

fn lifecycle((id, stored): Entry<'_>) -> LifecycleOp {
    let op = &stored.op;
    LifecycleOp { id, kind: op.kind, eff_hlc: stored.eff_hlc, round: op.round, value: op.value.clone() }
}

fn read_creations(view: &mut AuditView, groups: &Groups<'_>) {
    let standing = heads(&groups.creates);
    for (id, stored) in &standing {
        match payload::of_op::<CreateValue>(&stored.op) {
            Ok(value) => view.creations.push(Creation { id: *id, eff_hlc: stored.eff_hlc, value }),
            Err(_) => view.malformed.push(*id),
        }
    }
    // Two phones that start one assignment pin the same; only a difference is for people to settle.
    let mut pins = view.creations.iter().map(|it| &it.value);
    if pins.next().is_some_and(|first| pins.any(|other| other != first)) {
        let kind = ConflictKind::Field;
        view.conflicts.push(Conflict { kind, field: String::new(), ops: ids(&standing), resolved_by: None });
    }
}

fn read_registers(view: &mut AuditView, groups: &Groups<'_>) {
    let of_a_field = groups.answers.chunk_by(|a, b| a.0 == b.0);
    let registers = of_a_field.filter_map(|answers| {
        let field = answers.first()?.0;
        let kind = ConflictKind::Field;
        if let [(_, alone)] = answers
            && alone.1.op.base.len() < 2
        {
            return Some((String::from(field), register_of(&[*alone])));
        }
        let ops: Vec<Entry<'_>> = answers.iter().map(|it| it.1).collect();
        let standing = heads(&ops);
        if standing.len() > 1 {
            let (field, ops) = (String::from(field), ids(&standing));
            view.conflicts.push(Conflict { kind, field, ops, resolved_by: None });
        }
        for (id, stored) in ops.iter().filter(|it| it.1.op.base.len() > 1) {
            let mut seen = stored.op.base.clone();
            seen.sort_unstable();
            let resolved_by = Some(*id);
            view.conflicts.push(Conflict { kind, field: String::from(field), ops: seen, resolved_by });
        }
        Some((String::from(field), register_of(&standing)))
    });
    view.fields = registers.collect();
}

fn register_of(standing: &[Entry<'_>]) -> Register {
    let head = |(id, stored): &Entry<'_>| RegisterHead {
        id: *id,
        eff_hlc: stored.eff_hlc,
        round: stored.op.round,
        value: if stored.op.kind == Kind::Clear { None } else { stored.op.value.clone() },
        redacted: stored.op.is_redacted(),
    };
    Register { heads: standing.iter().map(head).collect() }
}

pub(super) fn register(audit: &AuditOps, rounds: &Rounds, field: &str) -> Option<Register> {
    let writes = |it: &(&OpId, &StoredOp)| it.1.op.kind.writes_field() && it.1.op.field == field;
    let ops: Vec<Entry<'_>> = audit
        .iter()
        .filter(|it| writes(it) && rounds.applies(it.0, it.1))
        .map(|(id, stored)| (*id, stored))
        .collect();
    if ops.is_empty() { None } else { Some(register_of(&heads(&ops))) }
}

fn read_attachments(view: &mut AuditView, groups: &Groups<'_>, audit: &AuditOps) {
    for (id, stored) in groups.attaches.iter().filter(|it| !groups.detached.contains_key(&it.0)) {
        match payload::of_op::<AttachValue>(&stored.op) {
            Ok(value) => {
                let list = view.attachments.entry(stored.op.field.clone()).or_default();
                let redacted = audit.redactions.names(id, &stored.op);
                list.push(Attachment { id: *id, value, redacted });
            }
            Err(_) => view.malformed.push(*id),
        }
    }
}

fn read_other_conflicts(view: &mut AuditView, groups: &Groups<'_>, audit: &AuditOps) {
    let settled = |id: &OpId| groups.settled.get(id).copied();
    for late in &view.late {
        let (field, ops) = (late.field.clone(), alloc::vec![late.id]);
        let resolved_by = settled(&late.id);
        view.conflicts.push(Conflict { kind: ConflictKind::Late, field, ops, resolved_by });
    }
    for (id, _) in audit.iter().filter(|it| it.1.is_clock_suspect()) {
        let (field, ops) = (String::new(), alloc::vec![*id]);
        view.conflicts.push(Conflict { kind: ConflictKind::Clock, field, ops, resolved_by: settled(id) });
    }
    for id in audit.forks() {
        let (field, ops) = (String::new(), alloc::vec![*id]);
        view.conflicts.push(Conflict { kind: ConflictKind::Fork, field, ops, resolved_by: settled(id) });
    }
    read_losses(view, groups);
    for round in view.rounds.submits.keys() {
        let mut ops: Vec<OpId> = view.rounds.standing_submits(*round).iter().map(|it| it.id).collect();
        ops.sort_unstable();
        if ops.len() > 1 {
            let decision = view.lifecycle.iter().find(|it| match it.kind {
                Kind::Return => it.round > *round,
                Kind::Approve => view.rounds.approved.is_some_and(|held| held.0.1 == it.id),
                _ => false,
            });
            let resolved_by = decision.map(|it| it.id).or_else(|| ops.iter().find_map(settled));
            view.conflicts.push(Conflict {
                kind: ConflictKind::Submit,
                field: String::new(),
                ops,
                resolved_by,
            });
        }
    }
}

/// Lost blobs wait for a person until their device takes it back, they are taken away, or somebody closes the record.
fn read_losses(view: &mut AuditView, groups: &Groups<'_>) {
    let mut taken_back = BTreeMap::new();
    let mut losses = Vec::new();
    for (id, stored) in &groups.losses {
        match payload::of_op::<LostValue>(&stored.op) {
            Ok(LostValue { cause: None, .. }) => {
                taken_back.extend(stored.op.base.iter().map(|seen| (*seen, *id)));
            }
            Ok(_) => losses.push((*id, *stored)),
            Err(_) => view.malformed.push(*id),
        }
    }
    for (id, stored) in losses {
        let closed = |it: &OpId| groups.settled.get(it).or_else(|| groups.detached.get(it)).copied();
        let gone = || {
            let closed: Option<Vec<OpId>> = stored.op.base.iter().map(closed).collect();
            closed?.into_iter().max()
        };
        let resolved_by = taken_back.get(&id).copied().or_else(|| closed(&id)).or_else(gone);
        let (field, ops) = (stored.op.field.clone(), stored.op.base.clone());
        view.conflicts.push(Conflict { kind: ConflictKind::BlobLost, field, ops, resolved_by });
    }
}

fn phase(view: &AuditView, groups: &Groups<'_>) -> Phase {
    let current = view.rounds.current;
    if groups.voided {
        Phase::Void
    } else if view.rounds.approved.is_some() {
        Phase::Approved
    } else if view.rounds.rejected {
        Phase::Rejected
    } else if view.rounds.submits.contains_key(&current) {
        Phase::Submitted
    } else if groups.written.contains(&current) {
        Phase::Draft
    } else if current > 1 {
        Phase::Returned
    } else {
        Phase::Empty
    }
}
