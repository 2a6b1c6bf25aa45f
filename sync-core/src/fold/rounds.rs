//! Rounds of an audit: which submits hand them in, which the server returned or approved, and so which ops count. Late is
//! decided by what a submit had seen, never by the order of arrival (SYNC.md 2.7 and 2.12).

use alloc::vec::Vec;
use ordered::{BTreeMap, BTreeSet};

use super::{AuditOps, StoredOp, Twins};
use crate::{
    Kind, OpId,
    payload::{self, ApproveValue, SubmitValue},
};

/// A submit with what it had seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The op.
    pub id: OpId,
    /// Its round.
    pub round: u32,
    /// Its rank.
    pub eff_hlc: u64,
    /// What it says.
    pub value: SubmitValue,
    /// Ops outside the frontier of which the submitter had seen a twin ([`crate::Op::origin`]).
    pub twins_seen: BTreeSet<OpId>,
}

impl Submission {
    /// Whether the submitter had seen an op.
    pub fn covers(&self, id: &OpId) -> bool {
        (id.dev == self.id.dev && id.dseq < self.id.dseq)
            || self.value.frontier.get(&id.dev).is_some_and(|last| id.dseq <= *last)
            || self.twins_seen.contains(id)
    }
}

/// The order of ranks; in the server's own log it is the order of the log.
pub(super) fn rank(id: &OpId, stored: &StoredOp) -> (u64, OpId) {
    (stored.eff_hlc, *id)
}

/// What the rounds of an audit come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rounds {
    /// Submits of each round, by identity.
    pub submits: BTreeMap<u32, Vec<Submission>>,
    /// The current round, from 1.
    pub current: u32,
    /// The approval that holds: its rank and the submit that it names.
    pub approved: Option<((u64, OpId), OpId)>,
    /// Whether the last decision is a rejection.
    pub rejected: bool,
    /// Lifecycle ops whose value is not what it should be.
    pub malformed: Vec<OpId>,
}

impl Rounds {
    /// Reads the rounds of an audit.
    ///
    /// - **Shape**: every op stands once in `audit`; `twins` tells which did not.
    pub(super) fn of(audit: &AuditOps, twins: &Twins) -> Self {
        let mut rounds = Self { current: 1, ..Self::default() };
        let mut decisions = Vec::new();
        for (id, stored) in audit.iter() {
            match stored.op.kind {
                Kind::Submit => match payload::of_op::<SubmitValue>(&stored.op) {
                    Ok(value) => {
                        let (round, eff_hlc) = (stored.op.round, stored.eff_hlc);
                        let list = rounds.submits.entry(round).or_default();
                        let twins_seen = BTreeSet::new();
                        let mut submission = Submission { id: *id, round, eff_hlc, value, twins_seen };
                        let seen = twins.iter().filter(|it| submission.covers(it.0)).map(|it| *it.1);
                        submission.twins_seen = seen.collect();
                        list.push(submission);
                    }
                    Err(_) => rounds.malformed.push(*id),
                },
                Kind::Return if stored.server => {
                    rounds.current = rounds.current.max(stored.op.round);
                    decisions.push((rank(id, stored), stored));
                }
                Kind::Approve | Kind::Reject | Kind::Reopen if stored.server => {
                    decisions.push((rank(id, stored), stored));
                }
                _ => {}
            }
        }
        decisions.sort_unstable_by_key(|it| it.0);
        for (rank, stored) in decisions {
            rounds.decide(rank, stored);
        }
        if let Some((_, submit)) = &mut rounds.approved {
            *submit = twins.resolve(submit);
        }
        rounds
    }

    fn decide(&mut self, rank: (u64, OpId), stored: &StoredOp) {
        match stored.op.kind {
            // A second approval changes nothing until the audit is opened again.
            Kind::Approve if self.approved.is_none() => match payload::of_op::<ApproveValue>(&stored.op) {
                Ok(value) => {
                    self.approved = Some((rank, value.submit));
                    self.rejected = false;
                }
                Err(_) => self.malformed.push(rank.1),
            },
            Kind::Reject => (self.approved, self.rejected) = (None, true),
            Kind::Return | Kind::Reopen => (self.approved, self.rejected) = (None, false),
            _ => {}
        }
    }

    /// The approved submit, where it is here.
    fn approved_submit(&self) -> Option<&Submission> {
        let (_, named) = self.approved?;
        self.submits.values().flatten().find(|it| it.id == named)
    }

    /// Whether an op counts. One that does not is late: kept, shown, never applied.
    ///
    /// What is approved is what the approved submit had seen, in its own round and in those before it: a submit of an earlier round that
    /// comes later brings nothing into it.
    pub fn applies(&self, id: &OpId, stored: &StoredOp) -> bool {
        if stored.server {
            // What the server writes after its approval waits for a reopening, so that an approved audit is frozen.
            return self.approved.is_none_or(|(approval, _)| rank(id, stored) < approval);
        }
        if stored.op.round > self.current {
            return false;
        }
        let approved = self.approved_submit();
        if approved.is_some_and(|it| !it.covers(id)) {
            return false;
        }
        let list = self.submits.get(&stored.op.round).map_or(&[][..], Vec::as_slice);
        let counts = |it: &&Submission| approved.is_none_or(|by| by.id == it.id || by.covers(&it.id));
        let mut submits = list.iter().filter(counts).peekable();
        submits.peek().is_none() || submits.any(|it| it.covers(id))
    }

    /// The submits of a round that no other submit of it had seen: several are a conflict.
    pub fn standing_submits(&self, round: u32) -> Vec<&Submission> {
        let list = self.submits.get(&round).map_or(&[][..], Vec::as_slice);
        let seen = |it: &Submission| list.iter().any(|other| other.id != it.id && other.covers(&it.id));
        list.iter().filter(|it| !seen(it)).collect()
    }
}
