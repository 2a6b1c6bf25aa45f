//! A visit as a reviewer reads it: the checklist in its order, each item with what was answered, and whatever else the
//! ops say. Pure; owns the shape, not who may see it.

use crate::zone::instant;
use db::Micros;
use domain::{
    LocalText,
    answer::{AnswerField, AnswerPart, comment_field, photo_field},
    checklist::{Checklist, Item},
    visit_facts::{FACTS, OUTCOME_PHOTOS},
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId, OpId,
    fold::{AuditView, Conflict, Register},
    hlc,
};
use utoipa::ToSchema;

/// For whom a visit is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody who may read any visit of the branch.
    Office,
    /// Its branch, of a visit that is shown to it.
    Branch,
}

/// A section with its items.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SectionAnswers {
    /// Id of the section.
    pub id: String,
    /// Touchpoint that it observes.
    pub touchpoint: String,
    /// Its name.
    #[schema(value_type = Object)]
    pub title: LocalText,
    /// Items in the order of the checklist.
    pub items: Vec<ItemAnswer>,
}

/// An item with what was answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemAnswer {
    /// Id of the item.
    pub id: String,
    /// The question.
    #[schema(value_type = Object)]
    pub q: LocalText,
    /// Type of the answer, as in the checklist.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Points that it is worth.
    pub weight: u32,
    /// Whether its failure is critical.
    pub critical: bool,
    /// The answer; null where unanswered.
    #[schema(value_type = Object)]
    pub answer: Box<RawValue>,
    /// The comment beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub comment: Option<Box<RawValue>>,
    /// Ids of the photos beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
    /// What of it a branch is not told, since it could show who visited: `answer`, `comment`, `photos`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<&'static str>,
    /// What of it was redacted: `answer`, `comment`, `photos`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<&'static str>,
    /// Every value that stands, where several do: the item is in conflict and the first is only displayed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub heads: Vec<Box<RawValue>>,
}

/// Something that a person has to look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictEntry {
    /// `field`, `late`, `submit`, `fork`, `blob_lost` or `clock`.
    pub kind: String,
    /// The field in question, or empty.
    pub field: String,
    /// The ops in question, as `device:position`.
    pub ops: Vec<String>,
    /// Whether it waits for a person.
    pub open: bool,
    /// Whether the visit cannot be approved while it is open.
    pub blocks_approval: bool,
    /// What each op says, and who wrote it when.
    pub values: Vec<ConflictValue>,
    /// The op that settled it, as `device:position`; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
}

/// One side of a conflict.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictValue {
    /// The op, as `device:position`.
    pub op: String,
    /// What it did: `set`, `clear`, `attach`...
    pub kind: String,
    /// The round in which it was written.
    pub round: u32,
    /// Who wrote it; absent for the office itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<uuid::Uuid>,
    /// What people call the device.
    pub device: String,
    /// When it was written, by the clock of the device, RFC 3339.
    pub written_at: String,
    /// Whether that clock ran too far ahead to be believed.
    pub clock_suspect: bool,
    /// What it says; null for no answer.
    #[schema(value_type = Object)]
    pub value: Box<RawValue>,
}

/// Whose a device is and what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Writer {
    pub(crate) user: Option<uuid::Uuid>,
    pub(crate) name: String,
}

/// An op that came too late for its round: kept and shown, never applied.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LateEntry {
    /// The op, as `device:position`.
    pub op: String,
    /// Its kind.
    pub kind: String,
    /// Its round.
    pub round: u32,
    /// Its field.
    pub field: String,
    /// What it would have said.
    #[schema(value_type = Object)]
    pub value: Box<RawValue>,
}

/// The answers of a visit in checklist order; for a branch without what could show who visited.
pub(crate) fn sections(checklist: &Checklist, view: &AuditView, reader: Reader) -> Vec<SectionAnswers> {
    checklist
        .sections
        .iter()
        .map(|section| SectionAnswers {
            id: section.id.clone(),
            touchpoint: section.touchpoint.clone(),
            title: section.title.clone(),
            items: section.items.iter().map(|item| answer(item, view, reader)).collect(),
        })
        .collect()
}

/// Fields that are of no item of the checklist, so that nothing that was recorded is out of sight.
pub(crate) fn unknown_fields(checklist: &Checklist, view: &AuditView) -> Vec<String> {
    let known: BTreeSet<&str> = checklist.items().map(|it| it.id.as_str()).collect();
    let of_item = |field: &str| AnswerField::parse(field).is_some_and(|it| known.contains(it.item));
    let is_known = |field: &str| of_item(field) || FACTS.contains(&field) || field == OUTCOME_PHOTOS;
    view.fields.keys().chain(view.attachments.keys()).filter(|it| !is_known(it)).cloned().collect()
}

/// Conflicts, open and settled.
pub(crate) fn conflicts(
    ops: &AuditOps,
    view: &AuditView,
    writers: &BTreeMap<DeviceId, Writer>,
) -> Vec<ConflictEntry> {
    view.conflicts.iter().map(|it| conflict(ops, it, writers)).collect()
}

fn side(ops: &AuditOps, id: &OpId, writers: &BTreeMap<DeviceId, Writer>) -> Option<ConflictValue> {
    let stored = ops.get(id)?;
    let writer = writers.get(&id.dev).cloned().unwrap_or_default();
    let clock = i64::try_from(hlc::ms_of(stored.op.hlc)).unwrap_or(i64::MAX);
    Some(ConflictValue {
        op: id.to_string(),
        kind: stored.op.kind.to_string(),
        round: stored.op.round,
        author: writer.user,
        device: writer.name,
        written_at: instant(Micros(clock.saturating_mul(1_000))),
        clock_suspect: stored.is_clock_suspect(),
        value: json_or_null(stored.op.value.as_deref().filter(|_| stored.op.kind.writes_field())),
    })
}

/// Ops that were not applied.
pub(crate) fn late(view: &AuditView) -> Vec<LateEntry> {
    view.late
        .iter()
        .map(|it| LateEntry {
            op: it.id.to_string(),
            kind: it.kind.to_string(),
            round: it.round,
            field: it.field.clone(),
            value: json_or_null(it.value.as_deref()),
        })
        .collect()
}

fn conflict(ops: &AuditOps, conflict: &Conflict, writers: &BTreeMap<DeviceId, Writer>) -> ConflictEntry {
    let kind = serde_json::to_value(conflict.kind).ok();
    ConflictEntry {
        kind: kind.as_ref().and_then(|it| it.as_str()).unwrap_or_default().to_owned(),
        field: conflict.field.clone(),
        ops: conflict.ops.iter().map(ToString::to_string).collect(),
        open: conflict.is_open(),
        blocks_approval: conflict.kind.blocks_approval(),
        values: conflict.ops.iter().filter_map(|it| side(ops, it, writers)).collect(),
        resolved_by: conflict.resolved_by.map(|it| it.to_string()),
    }
}

fn answer(item: &Item, view: &AuditView, reader: Reader) -> ItemAnswer {
    let register = view.fields.get(&item.id);
    let conflicting = register.filter(|it| it.is_conflict());
    let whole = ItemAnswer {
        id: item.id.clone(),
        q: item.q.clone(),
        kind: item.kind.name(),
        weight: item.weight,
        critical: item.critical,
        answer: json_or_null(register.and_then(Register::value)),
        comment: view.answer(&comment_field(&item.id)).map(json),
        photos: photos(item, view),
        withheld: Vec::new(),
        redacted: redacted(item, view),
        heads: conflicting.map(heads).unwrap_or_default(),
    };
    match reader {
        Reader::Office => whole,
        Reader::Branch => for_branch(item, whole),
    }
}

/// What a branch is told of an item: what was answered where it counted, and no word or picture of whoever visited.
fn for_branch(item: &Item, whole: ItemAnswer) -> ItemAnswer {
    let hides_answer = !item.is_told_to_branch() && whole.answer.get() != "null";
    let parts = [
        ("answer", hides_answer),
        ("comment", whole.comment.is_some()),
        ("photos", !whole.photos.is_empty()),
    ];
    ItemAnswer {
        withheld: parts.into_iter().filter(|it| it.1).map(|it| it.0).collect(),
        answer: if hides_answer { RawValue::NULL.to_owned() } else { whole.answer },
        comment: None,
        photos: Vec::new(),
        heads: Vec::new(),
        ..whole
    }
}

fn redacted(item: &Item, view: &AuditView) -> Vec<&'static str> {
    let is_gone = |field: &str| view.fields.get(field).is_some_and(Register::is_redacted);
    let shows = |field: &String| AnswerField::parse(field).is_some_and(|it| it.item == item.id);
    let mut attached = view.attachments.iter().filter(|it| shows(it.0)).flat_map(|it| it.1);
    let parts = [
        ("answer", is_gone(&item.id)),
        ("comment", is_gone(&comment_field(&item.id))),
        ("photos", attached.any(|it| it.redacted)),
    ];
    parts.into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

fn heads(register: &Register) -> Vec<Box<RawValue>> {
    register.heads.iter().map(|it| json_or_null(it.value.as_deref())).collect()
}

fn photos(item: &Item, view: &AuditView) -> Vec<String> {
    let beside = photo_field(&item.id);
    let of_item = |field: &str| {
        AnswerField::parse(field)
            .is_some_and(|it| it.item == item.id && matches!(it.part, AnswerPart::Value | AnswerPart::Photos))
    };
    let attached = view.attachments.iter().filter(|(field, _)| of_item(field));
    let mut photos: Vec<String> =
        attached.flat_map(|(_, list)| list.iter().map(|it| it.value.blob.to_string())).collect();
    let listed = view.answer(&beside).and_then(|it| serde_json::from_slice::<Vec<String>>(it).ok());
    photos.extend(listed.unwrap_or_default());
    photos.sort_unstable();
    photos.dedup();
    photos
}

/// The answer as it was written, no digit changed; what is not JSON is shown as text rather than hidden.
fn json(bytes: &[u8]) -> Box<RawValue> {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        serde_json::value::to_raw_value(&String::from_utf8_lossy(bytes))
            .unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}

fn json_or_null(bytes: Option<&[u8]>) -> Box<RawValue> {
    bytes.map_or_else(|| RawValue::NULL.to_owned(), json)
}
