//! The content root: one hash over what an auditor saw when handing in, without any clock (SYNC.md 2.4). Owns its bytes.

use alloc::vec::Vec;
use ordered::BTreeMap;

use crate::{
    AuditOps, AuditView, DeviceId, Hash, OpId,
    chain::{self, Blinds},
    payload::{BlobRef, SubmitValue},
};

fn count(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes());
}

/// The root of what an audit says: for each field in order its head ops by identity with their commitments, then
/// the blobs of each field in order, then the pinned template.
///
/// - **Shape**: `view` is the view of `audit`. An op whose seed is not known counts with a zero commitment.
pub fn content_root(audit: &AuditOps, view: &AuditView) -> Hash {
    let mut blinds: BTreeMap<DeviceId, Option<Blinds>> = BTreeMap::new();
    let mut out = Vec::from(*b"veedor-content-1");
    count(&mut out, view.fields.len());
    for (field, register) in &view.fields {
        count(&mut out, field.len());
        out.extend_from_slice(field.as_bytes());
        let base = register.base();
        count(&mut out, base.len());
        for id in base {
            let own = blinds.entry(id.dev).or_insert_with(|| audit.seed(&id.dev).and_then(Blinds::of_seed));
            let stored = audit.get(&id);
            let vhash = stored.and_then(|it| chain::commitment(own.as_ref(), &it.op)).unwrap_or(Hash::ZERO);
            out.extend_from_slice(&id.dev.0);
            out.extend_from_slice(&id.dseq.to_be_bytes());
            out.extend_from_slice(&vhash.0);
        }
    }
    count(&mut out, view.attachments.len());
    for (field, list) in &view.attachments {
        count(&mut out, field.len());
        out.extend_from_slice(field.as_bytes());
        let mut blobs: Vec<Hash> = list.iter().map(|it| it.value.blob).collect();
        blobs.sort_unstable();
        count(&mut out, blobs.len());
        blobs.iter().for_each(|it| out.extend_from_slice(&it.0));
    }
    out.extend_from_slice(&view.pin().map_or(Hash::ZERO, |it| it.content_hash).0);
    Hash::of(&out)
}

/// What a submit written now, on everything in `audit`, says.
///
/// - **Shape**: `view` is the view of `audit`.
pub fn submit_value(audit: &AuditOps, view: &AuditView) -> SubmitValue {
    let mut blobs: Vec<BlobRef> = view
        .attachments
        .values()
        .flatten()
        .map(|it| BlobRef { id: it.value.blob, size: it.value.size })
        .collect();
    blobs.sort_unstable();
    blobs.dedup();
    SubmitValue { frontier: audit.frontier(), content_root: content_root(audit, view), blobs }
}

/// Something that stands between a submit and its approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// The op is no submit of this audit.
    NoSubmit,
    /// It was handed in again, or returned, since: it is not a submit of the current round.
    OtherRound,
    /// The server does not hold all that the submitter had seen (a device must sync first).
    FrontierIncomplete,
    /// What the submit covers does not hash to what it says.
    ContentRoot,
    /// A conflict that blocks approval is open.
    OpenConflict,
}

impl Obstacle {
    /// Stable machine code, snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSubmit => "no_such_submit",
            Self::OtherRound => "submit_of_other_round",
            Self::FrontierIncomplete => "frontier_incomplete",
            Self::ContentRoot => "content_root_mismatch",
            Self::OpenConflict => "open_conflict",
        }
    }
}

/// Why a submit cannot be approved, as far as the ops tell (roles and blobs are for others to check).
///
/// - **Shape**: `held` is the last position of a device's log that the server holds.
pub fn obstacles_to_approval(
    audit: &AuditOps,
    submit: &OpId,
    mut held: impl FnMut(&DeviceId) -> u64,
) -> Vec<Obstacle> {
    let view = audit.view();
    let submit = audit.standing(submit);
    let Some(submission) = view.rounds.submits.values().flatten().find(|it| it.id == submit) else {
        return Vec::from([Obstacle::NoSubmit]);
    };
    let mut obstacles = Vec::new();
    if submission.round != view.rounds.current {
        obstacles.push(Obstacle::OtherRound);
    }
    if submission.value.frontier.iter().any(|(dev, last)| held(dev) < *last) {
        obstacles.push(Obstacle::FrontierIncomplete);
    }
    let seen = audit.seen_by(&submission.value.frontier);
    if content_root(&seen, &seen.view()) != submission.value.content_root {
        obstacles.push(Obstacle::ContentRoot);
    }
    if view.open_conflicts().any(|it| it.kind.blocks_approval()) {
        obstacles.push(Obstacle::OpenConflict);
    }
    obstacles
}
