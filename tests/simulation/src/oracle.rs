//! What the simulator knows apart from the product: what each person typed and had before their eyes, what was committed,
//! what was acknowledged. Owns the laws that are checked after every step.

use crate::{office::Held, phone::Phone, redaction::Redacted};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use sync_core::{AuditOps, Bytes, DeviceId, Hash, Head, Kind, Op, OpId};
use uuid::Uuid;

/// A law that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one, as in the table of `lib.rs`.
    pub law: &'static str,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}

/// Nothing is wrong, or the first thing that is.
pub type Checked = Result<(), Violation>;

/// A law that is broken.
///
/// # Errors
/// Always.
pub fn broken<T>(law: &'static str, what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation { law, what: what.into() })
}

/// What was recorded, whichever log says it: an op that a renewed device says again is the same, and of two logs under one
/// name each may say something else at one position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// Where it was said first.
    pub origin: OpId,
    /// What.
    pub kind: Kind,
    hlc: u64,
    round: u32,
    field: String,
    value: Option<Bytes>,
}

impl Said {
    /// What an op says.
    #[must_use]
    pub fn of(id: &OpId, op: &Op) -> Self {
        // A submit names the log that it stands in.
        let value = if op.kind == Kind::Submit { None } else { op.value.clone() };
        let field = op.field.clone();
        Self { origin: op.origin.unwrap_or(*id), kind: op.kind, hlc: op.hlc, round: op.round, field, value }
    }

    /// The same without what it says.
    fn redacted(&self) -> Self {
        Self { value: None, ..self.clone() }
    }
}

/// Something that was recorded on a phone.
#[derive(Debug, Clone)]
pub struct Typed {
    /// What.
    pub said: Said,
    /// Its audit.
    pub audit: Uuid,
    /// Its field, or empty.
    pub field: String,
    /// What on the field stood before the person's eyes, or had been replaced by something that did.
    pub seen: BTreeSet<usize>,
}

/// What is known of a run.
#[derive(Default)]
pub struct Oracle {
    /// Everything that was recorded, in order.
    pub typed: Vec<Typed>,
    /// The same by what it says.
    by_said: BTreeMap<Said, usize>,
    /// The same by all but the value, where that is enough to tell it.
    by_rest: BTreeMap<Said, Option<usize>>,
    /// What was redacted.
    pub redacted: Redacted,
    /// Every position of every log that was ever committed on some disk.
    pub committed: BTreeMap<DeviceId, BTreeSet<(u64, Hash)>>,
    /// Up to where each log was acknowledged, and not lost by a restore since.
    pub acked: BTreeMap<DeviceId, u64>,
    /// Devices of whose log a restore took something, with the last position that it left of it.
    pub set_back: BTreeMap<DeviceId, u64>,
    /// Devices whose disk may have changed what they say.
    pub damaged: BTreeSet<DeviceId>,
    /// Whose an audit is.
    pub owners: BTreeMap<Uuid, usize>,
    /// What approved audits say.
    pub frozen: BTreeMap<Uuid, AuditOps>,
    /// Which audits each photo was taken for.
    pub photos: BTreeMap<Hash, BTreeSet<Uuid>>,
}

impl Oracle {
    /// Takes note of what was recorded; its number. Two copies of a phone may record the same at the same time: that is one.
    pub fn record(&mut self, typed: Typed) -> usize {
        if let Some(known) = self.find(&typed.said) {
            self.typed[known].seen.extend(typed.seen);
            return known;
        }
        let number = self.typed.len();
        self.by_said.insert(typed.said.clone(), number);
        self.by_rest.entry(typed.said.redacted()).and_modify(|it| *it = None).or_insert(Some(number));
        self.typed.push(typed);
        number
    }

    /// The number of what was recorded, also where its value is redacted.
    #[must_use]
    pub fn find(&self, said: &Said) -> Option<usize> {
        let rest =
            || self.by_rest.get(said).copied().flatten().filter(|it| self.is_redacted(&self.typed[*it]));
        self.by_said.get(said).copied().or_else(rest)
    }

    /// Whether the office ever redacted something that was recorded.
    #[must_use]
    pub fn is_redacted(&self, typed: &Typed) -> bool {
        self.redacted.names(&typed.said.origin, &typed.audit, &typed.field)
    }

    /// How something that was recorded may be said: with its value, or without it once that is redacted.
    #[must_use]
    pub fn ways_to_say(&self, typed: &Typed) -> Vec<Said> {
        let redacted = self.is_redacted(typed).then(|| typed.said.redacted());
        [typed.said.clone()].into_iter().chain(redacted).collect()
    }

    /// Takes note of a committed op.
    pub fn commit(&mut self, dev: DeviceId, head: Head) {
        self.committed.entry(dev).or_default().insert((head.dseq, head.h));
    }

    /// Takes note of what a phone believes to be on the server after it spoke with it.
    pub fn acknowledge(&mut self, phone: &mut Phone, acked: Head) {
        if acked == phone.acked {
            return;
        }
        phone.acked = acked;
        if !phone.has_old_answer {
            let known = self.acked.entry(phone.dev).or_default();
            *known = (*known).max(acked.dseq);
        }
    }

    /// The server was restored: it owes what it holds now, and the rest again once somebody brought it.
    pub fn restored(&mut self, before: &BTreeMap<DeviceId, Held>, held: &BTreeMap<DeviceId, Held>) {
        for (dev, was) in before {
            let left = held.get(dev).map_or(0, |it| it.head.dseq);
            if left < was.head.dseq {
                self.set_back.entry(*dev).and_modify(|it| *it = left.min(*it)).or_insert(left);
            }
        }
        for (dev, acked) in &mut self.acked {
            *acked = (*acked).min(held.get(dev).map_or(0, |it| it.head.dseq));
        }
    }

    /// Whether the server may hold, up to a position, another log of a device than the one that others had read from it: a second one
    /// was written under its name, and a restore made room for it.
    #[must_use]
    pub fn may_be_replaced(&self, dev: &DeviceId, last: u64) -> bool {
        let (Some(left), Some(committed)) = (self.set_back.get(dev), self.committed.get(dev)) else {
            return false;
        };
        let mut places = BTreeSet::new();
        committed.iter().filter(|it| it.0 > *left && it.0 <= last).any(|it| !places.insert(it.0))
    }

    /// I1 and I3: what was acknowledged is there, and what is there is what was committed.
    ///
    /// # Errors
    /// The law that does not hold.
    pub fn check_held(&self, held: &BTreeMap<DeviceId, Held>) -> Checked {
        for (dev, acked) in &self.acked {
            let head = held.get(dev).map_or(0, |it| it.head.dseq);
            if head < *acked {
                return broken("I1 no loss", format!("{dev} was told {acked}, the server holds {head}"));
            }
        }
        for (dev, committed) in &self.committed {
            let Some(it) = held.get(dev).filter(|it| it.head.dseq > 0) else { continue };
            if !committed.contains(&(it.head.dseq, it.head.h)) {
                let head = it.head.dseq;
                return broken("I3 prefix", format!("the server's log of {dev} to {head} was never written"));
            }
        }
        Ok(())
    }
}
