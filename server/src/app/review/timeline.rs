//! What happened to a visit on the phones and in the office's log, read out of its ops in their order: a line for each thing that was
//! done, and one for many answers of a section in a row. Pure; owns the order and what belongs together, not its words.

use domain::{
    answer::{AnswerField, AnswerPart},
    checklist::Checklist,
    visit_facts::{ARRIVAL, DEPARTURE, OUTCOME, OUTCOME_PHOTOS, PLATFORM},
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{AuditOps, DeviceId, Kind, OpId, fold::StoredOp, hlc};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Done {
    /// The visit was begun.
    Began,
    /// It was moved to another version of its checklist.
    Moved,
    /// The arrival was stated.
    Arrived,
    /// The departure was stated.
    Left,
    /// That it could not happen was stated.
    CouldNotHappen,
    /// Answers were given for the first time.
    Answered,
    /// Answers were given anew, or taken back.
    Changed,
    /// Comments were written.
    Commented,
    /// Evidence was attached.
    Attached,
    /// Evidence was taken away.
    Detached,
    /// The bytes of evidence were lost on the phone.
    Lost,
    /// A remark was written.
    Remarked,
    /// It was handed in.
    HandedIn,
    /// A conflict was settled.
    Settled,
    /// Something was taken out for good.
    Redacted,
    /// Something else that this version has no words for.
    Other,
}

/// A line of the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it began, in milliseconds since 1970: by the device's clock, as far as it can be believed.
    pub(crate) from_ms: u64,
    /// When it ended.
    pub(crate) to_ms: u64,
    pub(crate) done: Done,
    /// The section that it was done in; none for the whole visit.
    pub(crate) section: Option<String>,
    /// How many ops it stands for.
    pub(crate) count: u32,
    pub(crate) round: u32,
    /// The device; none for the office.
    pub(crate) dev: Option<DeviceId>,
    /// Whether the device's clock ran too far ahead to be believed.
    pub(crate) is_suspect: bool,
}

/// The lines, in the order in which things were done.
pub(crate) fn lines(checklist: &Checklist, ops: &AuditOps) -> Vec<Line> {
    let sections: BTreeMap<&str, &str> = checklist
        .sections
        .iter()
        .flat_map(|section| section.items.iter().map(|item| (item.id.as_str(), section.id.as_str())))
        .collect();
    // What a renewed device said again stands once.
    let mut ordered: Vec<(&OpId, &StoredOp)> =
        ops.iter().filter(|(id, _)| ops.standing(id) == **id).collect();
    ordered.sort_by_key(|(id, it)| (it.eff_hlc, **id));
    let (mut lines, mut answered): (Vec<Line>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
    for (id, stored) in ordered {
        let Some(done) = done(stored, &mut answered) else { continue };
        let at = hlc::ms_of(stored.eff_hlc);
        let item = AnswerField::parse(&stored.op.field).map(|it| it.item);
        let section = item.and_then(|it| sections.get(it)).map(|it| (*it).to_owned());
        let line = Line {
            from_ms: at,
            to_ms: at,
            done,
            section,
            count: 1,
            round: stored.op.round,
            dev: (!stored.server).then_some(id.dev),
            is_suspect: stored.is_clock_suspect(),
        };
        match lines.last_mut().filter(|it| it.is_like(&line)) {
            Some(last) => {
                last.to_ms = at;
                last.count = last.count.saturating_add(1);
            }
            None => lines.push(line),
        }
    }
    lines
}

impl Line {
    fn is_like(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.done, it.round, it.dev, it.is_suspect);
        parts(self) == parts(other) && self.section == other.section
    }
}

/// What an op did; none where an event of the visit tells it, or it says nothing to people.
fn done<'a>(stored: &'a StoredOp, answered: &mut BTreeSet<&'a str>) -> Option<Done> {
    let field = stored.op.field.as_str();
    match stored.op.kind {
        Kind::Create if stored.op.base.is_empty() => Some(Done::Began),
        Kind::Create => Some(Done::Moved),
        Kind::Set | Kind::Clear => match field {
            ARRIVAL => Some(Done::Arrived),
            DEPARTURE => Some(Done::Left),
            PLATFORM => None,
            OUTCOME => Some(Done::CouldNotHappen),
            _ if is_comment(field) => Some(Done::Commented),
            _ if answered.insert(field) => Some(Done::Answered),
            _ => Some(Done::Changed),
        },
        Kind::Attach => Some(Done::Attached),
        Kind::Detach => Some(Done::Detached),
        Kind::Lost => Some(Done::Lost),
        Kind::Note => Some(Done::Remarked),
        Kind::Submit => Some(Done::HandedIn),
        Kind::Resolve | Kind::AckConflict => Some(Done::Settled),
        Kind::Redact => Some(Done::Redacted),
        Kind::Accept
        | Kind::Decline
        | Kind::Assign
        | Kind::Return
        | Kind::Approve
        | Kind::Reject
        | Kind::Reopen
        | Kind::Revoke
        | Kind::Void => None,
        Kind::Unknown(_) => Some(Done::Other),
    }
}

fn is_comment(field: &str) -> bool {
    AnswerField::parse(field).is_some_and(|it| it.part == AnswerPart::Comment)
}

/// When each item was first answered, in milliseconds since 1970 by the device's clock.
pub(crate) fn first_answers(ops: &AuditOps) -> Vec<u64> {
    let mut first: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, stored) in ops.iter().filter(|it| it.1.op.kind == Kind::Set && !it.1.server) {
        let field = stored.op.field.as_str();
        if AnswerField::parse(field).is_some_and(|it| it.part == AnswerPart::Value) && field != OUTCOME_PHOTOS
        {
            let at = hlc::ms_of(stored.op.hlc);
            first.entry(field).and_modify(|it| *it = at.min(*it)).or_insert(at);
        }
    }
    first.into_values().collect()
}
