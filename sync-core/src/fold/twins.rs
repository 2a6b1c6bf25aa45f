//! Ops that were said twice: a device whose log forked, or that lost its key, goes on as a new one and says its unsent ops
//! again, each with its origin in the former log. Where both came here, or several copies of one, they are one op. Owns
//! which are twins and which of them stands.

use alloc::vec::Vec;
use ordered::{BTreeMap, BTreeSet};

use super::{AuditOps, StoredOp};
use crate::{Kind, OpId};

/// Which ops of an audit are told by another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Twins {
    /// The op that stands for each that does not, and for each origin that is not known yet.
    standing: BTreeMap<OpId, OpId>,
}

/// Whether two ops of one origin say the same, so that one of them can stand for both. What a person recorded, and when,
/// must be equal; a submit names the log that it stands in, so its value is not compared.
fn same(a: &StoredOp, b: &StoredOp) -> bool {
    let (a, b) = (&a.op, &b.op);
    let rest = (a.hlc, a.kind, a.round) == (b.hlc, b.kind, b.round) && a.field == b.field;
    let open = a.kind == Kind::Submit || a.is_redacted() || b.is_redacted();
    rest && (open || a.value == b.value)
}

/// Whether it is known what stands at a position of a log, and that it is none of the copies' origin: an op of this audit, or, where
/// the log went on here after it, one of another audit. Logs come without gaps, so whoever saw what is later there saw that op, and
/// not the one that a second log told at its place. One that is set aside for a person is not here either: until it is adopted its
/// copies stand by themselves, which shows as late or as a conflict.
fn is_told_without(audit: &AuditOps, origin: &OpId) -> bool {
    audit.own(&origin.dev).next_back().is_some_and(|last| last.0.dseq >= origin.dseq)
}

impl Twins {
    /// Finds them.
    pub(super) fn of(audit: &AuditOps) -> Self {
        let mut families: BTreeMap<OpId, BTreeSet<OpId>> = BTreeMap::new();
        for (id, stored) in audit.iter().filter(|it| !it.1.server) {
            if let Some(origin) = stored.op.origin.filter(|it| it != id) {
                families.entry(origin).or_default().insert(*id);
            }
        }
        let mut twins = Self::default();
        for (origin, copies) in families {
            twins.settle(audit, origin, &copies);
        }
        twins
    }

    /// Of one family: the origin stands for its copies where it is here and says the same, else the first copy does. A copy
    /// that says something else, since the origin's log went on otherwise, stands by itself.
    fn settle(&mut self, audit: &AuditOps, origin: OpId, copies: &BTreeSet<OpId>) {
        let held = audit.get(&origin).filter(|it| !it.server && it.op.origin.is_none());
        let mut standing: Vec<(OpId, &StoredOp)> = held.map(|it| (origin, it)).into_iter().collect();
        for id in copies {
            let Some(copy) = audit.get(id) else { continue };
            match standing.iter().find(|it| same(it.1, copy)) {
                Some((first, _)) => drop(self.standing.insert(*id, *first)),
                None => standing.push((*id, copy)),
            }
        }
        if !is_told_without(audit, &origin)
            && let Some((first, _)) = standing.first()
        {
            self.standing.insert(origin, *first);
        }
    }

    /// Whether there are none, as in nearly every audit.
    pub(super) fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// The op that stands for an op; itself where it is nobody's twin.
    pub(super) fn resolve(&self, id: &OpId) -> OpId {
        self.standing.get(id).copied().unwrap_or(*id)
    }

    /// Ops that do not stand, each with the one that does.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&OpId, &OpId)> {
        self.standing.iter()
    }

    /// The audit with each op once, naming as seen the ops that stand.
    pub(super) fn once(&self, audit: &AuditOps) -> AuditOps {
        let mut once = AuditOps {
            seeds: audit.seeds.clone(),
            forks: audit.forks.clone(),
            redactions: audit.redactions.clone(),
            ..AuditOps::new()
        };
        for (id, stored) in audit.iter() {
            let own = self.resolve(id);
            if own != *id {
                continue;
            }
            let mut kept = stored.clone();
            let mut seen: Vec<OpId> = kept.op.base.iter().map(|it| self.resolve(it)).collect();
            seen.dedup();
            kept.op.base = seen;
            once.ops.insert(*id, kept);
        }
        // A clock that was not believed once is not believed in a copy.
        for (twin, own) in &self.standing {
            let rank = audit.get(twin).map(|it| it.eff_hlc);
            if let (Some(rank), Some(kept)) = (rank, once.ops.get_mut(own)) {
                kept.eff_hlc = kept.eff_hlc.min(rank);
            }
        }
        once
    }
}
