//! Redaction: which ops lost their value, and how ops go on without the seed by which it could be guessed (SYNC.md 2.4). The
//! chain, the signatures and the content root hold as before, since they cover commitments. Owns the rule by which an op is
//! redacted; who may ask for it is not known here.

use alloc::string::String;
use ordered::{BTreeMap, BTreeSet};
use uuid::Uuid;

use crate::{
    DeviceId, Kind, Op, OpId, Seed,
    chain::{Blinds, commitment},
    op::Opening,
    packed::{PackError, PackedOps},
};

impl Kind {
    /// Whether a redaction takes the value of such an op. Of an attachment it takes the bytes: its value, which a submit counts
    /// on, says nothing of what they show.
    pub fn loses_value(self) -> bool {
        matches!(self, Self::Set | Self::Resolve | Self::Note)
    }
}

/// The ops that redactions name: by identity, each in a field of an audit. Two logs may claim one position, so that an identity
/// alone could mean another op.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redactions(BTreeMap<OpId, BTreeSet<(Uuid, String)>>);

impl Redactions {
    /// Whether nothing is redacted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an op.
    pub fn add(&mut self, id: OpId, audit: Uuid, field: &str) {
        self.0.entry(id).or_default().insert((audit, String::from(field)));
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: &Self) {
        for (id, named) in &other.0 {
            self.0.entry(*id).or_default().extend(named.iter().cloned());
        }
    }

    /// Adds what an op of the server's log redacts; nothing if it is another kind of op.
    pub fn add_named(&mut self, op: &Op) {
        if op.kind == Kind::Redact {
            op.base.iter().for_each(|id| self.add(*id, op.audit, &op.field));
        }
    }

    /// Whether an identity is named in a field of an audit.
    pub fn contains(&self, id: &OpId, audit: &Uuid, field: &str) -> bool {
        self.0.get(id).is_some_and(|it| it.iter().any(|named| named.0 == *audit && named.1 == field))
    }

    /// Whether an op, or the one that it says again, is named.
    pub fn names(&self, id: &OpId, op: &Op) -> bool {
        let of = |id: &OpId| self.contains(id, &op.audit, &op.field);
        of(id) || op.origin.is_some_and(|it| of(&it))
    }

    /// Whether an op loses its value.
    pub fn takes(&self, id: &OpId, op: &Op) -> bool {
        op.kind.loses_value() && self.names(id, op)
    }

    /// Whether an op of a device in an audit is named by its own identity: then no seed of that device opens the audit.
    pub fn closes(&self, dev: &DeviceId, audit: &Uuid) -> bool {
        let own = OpId::new(*dev, 0)..=OpId::new(*dev, u64::MAX);
        self.0.range(own).any(|it| it.1.iter().any(|named| named.0 == *audit))
    }

    /// Packed ops of one author without what is redacted; none where that is what they are.
    ///
    /// - **Shape**: `first` is the position of the first op.
    /// - **Errors**: of ops that do not hang together.
    pub fn applied_to(
        &self,
        dev: DeviceId,
        first: u64,
        packed: &PackedOps,
    ) -> Result<Option<PackedOps>, PackError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut ops = packed.unpack_any_clock(first)?;
        let names = |op: &Op| self.names(&OpId::new(dev, op.dseq), op);
        let mut closed: BTreeSet<Uuid> = ops.iter().filter(|op| names(op)).map(|op| op.audit).collect();
        closed.extend(packed.audits.iter().map(|it| it.0).filter(|it| self.closes(&dev, it)));
        let (before, seed) = (ops.clone(), |audit: &Uuid| packed.seed(audit));
        for audit in &closed {
            let own = ops.iter_mut().filter(|it| it.audit == *audit);
            self.apply(dev, seed(audit).as_ref(), own);
        }
        let is_open = packed.audits.iter().any(|it| it.1.is_some() && closed.contains(&it.0));
        if !is_open && ops == before {
            return Ok(None);
        }
        Ok(Some(PackedOps::pack(dev, &ops, |it| seed(it).filter(|_| !closed.contains(it)))))
    }

    /// Takes the values out of ops of one author in one audit, and opens those that stay without the seed. An op whose seed
    /// is not given stays as it is.
    pub fn apply<'a>(&self, dev: DeviceId, seed: Option<&Seed>, ops: impl IntoIterator<Item = &'a mut Op>) {
        let blinds = seed.and_then(Blinds::of_seed);
        for op in ops.into_iter().filter(|it| !it.is_redacted()) {
            if self.takes(&OpId::new(dev, op.dseq), op) {
                if let Some(vhash) = commitment(blinds.as_ref(), op) {
                    (op.value, op.opening) = (None, Opening::Redacted(vhash));
                }
            } else if let (Opening::Seeded, Some(blinds)) = (op.opening, &blinds) {
                op.opening = Opening::Blind(blinds.blind(op.dseq, op.kind, &op.field));
            }
        }
    }
}
