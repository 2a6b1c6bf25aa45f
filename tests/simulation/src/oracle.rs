//! What the simulator knows apart from the product: what each person typed and had before their eyes, what was committed,
//! what was acknowledged. Owns the laws that are checked after every step.

use crate::{office::Held, phone::Phone};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use sync_core::{DeviceId, Hash, Head, Kind, OpId};
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

/// An op that a person made.
#[derive(Debug, Clone)]
pub struct Typed {
    /// Its identity.
    pub id: OpId,
    /// Its kind.
    pub kind: Kind,
    /// Its audit.
    pub audit: Uuid,
    /// Its field, or empty.
    pub field: String,
    /// The ops on the field that stood before the person's eyes, or had been replaced by one that did.
    pub seen: Vec<OpId>,
}

/// What is known of a run.
#[derive(Default)]
pub struct Oracle {
    /// Everything that was typed, in order.
    pub typed: Vec<Typed>,
    /// Every position of every log that was ever committed on some disk.
    pub committed: BTreeMap<DeviceId, BTreeSet<(u64, Hash)>>,
    /// Up to where each log was acknowledged, and not lost by a restore since.
    pub acked: BTreeMap<DeviceId, u64>,
    /// Logs that were copied, so that two may stand under one name.
    pub copied: BTreeSet<DeviceId>,
    /// Devices whose disk may have changed what they say.
    pub damaged: BTreeSet<DeviceId>,
    /// Whose an audit is.
    pub owners: BTreeMap<Uuid, usize>,
    /// What approved audits say.
    pub frozen: BTreeMap<Uuid, Hash>,
}

impl Oracle {
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
    pub fn restored(&mut self, held: &BTreeMap<DeviceId, Held>) {
        for (dev, acked) in &mut self.acked {
            *acked = (*acked).min(held.get(dev).map_or(0, |it| it.head.dseq));
        }
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
