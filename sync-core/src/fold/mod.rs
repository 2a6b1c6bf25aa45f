//! The merge: the ops of one audit as a set, and the one function that reads an audit out of that set. Because a view
//! depends on the set alone, the order of arrival, repeats and rebuilds cannot matter (I4). Owns no rule of the
//! business: which visit may be approved by whom is not decided here.

mod rounds;
mod twins;
mod view;

use alloc::vec::Vec;
use ordered::{BTreeMap, BTreeSet, Entry};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    DeviceId, Hash, Kind, Op, OpId, Seed,
    chain::Blinds,
    codec::{self, CodecError},
    hlc,
    op::Opening,
    packed::{PackError, PackedOps},
    payload::Frontier,
    redaction::Redactions,
};

use twins::Twins;

pub use rounds::{Rounds, Submission};
pub use view::{
    Attachment, AuditView, Conflict, ConflictKind, Creation, LateOp, LifecycleOp, Phase, Register,
    RegisterHead, Remark,
};

/// How an op came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrival {
    /// When the server stored it, milliseconds since 1970; none for an own op that is not acknowledged.
    pub recv_ms: Option<u64>,
    /// Whether it stands in the server's own log.
    pub server: bool,
}

impl Arrival {
    /// Of an op that this device just wrote.
    pub const LOCAL: Self = Self { recv_ms: None, server: false };

    /// Of a device's op that the server stored.
    pub fn device(recv_ms: u64) -> Self {
        Self { recv_ms: Some(recv_ms), server: false }
    }

    /// Of an op of the server's own log.
    pub fn server(recv_ms: u64) -> Self {
        Self { recv_ms: Some(recv_ms), server: true }
    }
}

/// An op of an audit with what the server added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOp {
    /// The op.
    pub op: Op,
    /// The clock by which it is ranked ([`hlc::effective`]).
    pub eff_hlc: u64,
    /// Whether it stands in the server's own log.
    pub server: bool,
}

impl StoredOp {
    fn arrived(dev: DeviceId, op: Op, arrival: Arrival) -> (OpId, Self) {
        let eff_hlc = arrival.recv_ms.map_or(op.hlc, |recv_ms| hlc::effective(op.hlc, recv_ms));
        (OpId::new(dev, op.dseq), Self { op, eff_hlc, server: arrival.server })
    }

    /// Whether the author's clock ran too far ahead to be believed.
    pub fn is_clock_suspect(&self) -> bool {
        self.eff_hlc < self.op.hlc
    }
}

/// What an insert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The op is new.
    New,
    /// It was there already, and its rank may have been settled; or it is a word on an offer ([`Kind::is_of_offer`]), which is none of
    /// the visit.
    Known,
    /// Another op stands under the same identity: the device's log forked. Both are remembered as a conflict.
    Fork,
}

/// The ops of one audit, as a set. Encodes to the same bytes however it was filled.
#[derive(Debug, Clone, Default)]
pub struct AuditOps {
    ops: BTreeMap<OpId, StoredOp>,
    /// Also of devices of which something was redacted, for ops that are still to come in the same breath: told to nobody, and
    /// not kept ([`Self::seed`]).
    seeds: BTreeMap<DeviceId, Seed>,
    forks: BTreeSet<OpId>,
    /// What the server's `redact` ops here name; it follows from `ops`.
    redactions: Redactions,
}

impl PartialEq for AuditOps {
    fn eq(&self, other: &Self) -> bool {
        let told =
            |it: &Self| it.seeds.keys().filter_map(|dev| Some((*dev, *it.seed(dev)?))).collect::<Vec<_>>();
        (&self.ops, &self.forks) == (&other.ops, &other.forks) && told(self) == told(other)
    }
}

impl Eq for AuditOps {}

impl AuditOps {
    /// An audit of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no op.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// How many ops there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// The op of an identity.
    pub fn get(&self, id: &OpId) -> Option<&StoredOp> {
        self.ops.get(id)
    }

    /// All ops, by device and position.
    pub fn iter(&self) -> impl Iterator<Item = (&OpId, &StoredOp)> {
        self.ops.iter()
    }

    /// Identities under which two different ops were seen.
    pub fn forks(&self) -> impl Iterator<Item = &OpId> {
        self.forks.iter()
    }

    /// The seed of a device in this audit; none where something of the device was redacted.
    pub fn seed(&self, dev: &DeviceId) -> Option<&Seed> {
        self.seeds.get(dev).filter(|_| !self.is_closed(dev))
    }

    /// Tells the seed of a device in this audit, before or after the ops that came with it: where something of the device was
    /// redacted they are opened one by one, and the seed is not kept.
    pub fn set_seed(&mut self, dev: DeviceId, seed: Seed) {
        // A device has one seed per audit; should it ever tell two, every replica keeps the same.
        self.seeds.entry(dev).and_modify(|held| *held = (*held).min(seed)).or_insert(seed);
        self.redact(&dev);
    }

    /// Lets the seed of a device go, of which every op here is opened by itself.
    pub fn forget_seed(&mut self, dev: &DeviceId) {
        self.seeds.remove(dev);
    }

    /// What was redacted here.
    pub fn redactions(&self) -> &Redactions {
        &self.redactions
    }

    /// Whether something of a device was redacted here, so that no seed of it is kept.
    pub fn is_closed(&self, dev: &DeviceId) -> bool {
        let closes = |(id, it): (&OpId, &StoredOp)| {
            self.redactions.names(id, &it.op) || self.redactions.closes(dev, &it.op.audit)
        };
        !self.redactions.is_empty() && self.own(dev).any(closes)
    }

    fn own(&self, dev: &DeviceId) -> impl DoubleEndedIterator<Item = (&OpId, &StoredOp)> {
        self.ops.range(OpId::new(*dev, 0)..=OpId::new(*dev, u64::MAX))
    }

    /// Carries out what was redacted of a device, as far as its seed is known.
    fn redact(&mut self, dev: &DeviceId) {
        if !self.is_closed(dev) {
            return;
        }
        let seed = self.seeds.get(dev).copied();
        let own = self.ops.range_mut(OpId::new(*dev, 0)..=OpId::new(*dev, u64::MAX));
        self.redactions.apply(*dev, seed.as_ref(), own.map(|it| &mut it.1.op));
    }

    fn redact_all(&mut self) {
        let devices: BTreeSet<DeviceId> = self.ops.keys().map(|it| it.dev).collect();
        devices.iter().for_each(|dev| self.redact(dev));
    }

    /// After an op came: a redaction reaches all that is here, and what is redacted reaches what comes.
    fn redact_with(&mut self, id: &OpId) {
        let Some(stored) = self.ops.get(id) else { return };
        if stored.server && stored.op.kind == Kind::Redact {
            self.redactions.add_named(&stored.op);
            self.redact_all();
        } else if !self.redactions.is_empty() {
            self.redact(&id.dev);
        }
    }

    /// Adds one op. Order and repeats do not matter.
    pub fn insert(&mut self, dev: DeviceId, op: Op, arrival: Arrival) -> Inserted {
        let (id, stored) = StoredOp::arrived(dev, op, arrival);
        self.insert_stored(id, stored)
    }

    /// Adds ops of one device that came together, as [`Self::insert`] does one by one.
    pub fn insert_all(&mut self, dev: DeviceId, ops: impl IntoIterator<Item = Op>, arrival: Arrival) {
        let of_visit = ops.into_iter().filter(|op| !op.kind.is_of_offer());
        let ops = of_visit.map(|op| StoredOp::arrived(dev, op, arrival));
        if !(self.ops.is_empty() && self.redactions.is_empty()) || arrival.server {
            for (id, stored) in ops {
                self.insert_stored(id, stored);
            }
            return;
        }
        // An audit that was not known is built at once: nothing is there yet for an op to meet.
        let ops: Vec<(OpId, StoredOp)> = ops.collect();
        if ops.is_sorted_by(|a, b| a.0 < b.0) {
            self.ops = ops.into_iter().collect();
            return;
        }
        for (id, stored) in ops {
            self.insert_stored(id, stored);
        }
    }

    fn insert_stored(&mut self, id: OpId, new: StoredOp) -> Inserted {
        let may_redact = new.server && new.op.kind == Kind::Redact;
        let inserted = self.put(id, new);
        // Most audits are never redacted, and are not looked into once more for each op.
        if may_redact || !self.redactions.is_empty() {
            self.redact_with(&id);
        }
        inserted
    }

    fn put(&mut self, id: OpId, new: StoredOp) -> Inserted {
        if new.op.kind.is_of_offer() {
            return Inserted::Known;
        }
        match self.ops.entry(id) {
            Entry::Vacant(place) => {
                place.insert(new);
                Inserted::New
            }
            Entry::Occupied(mut place) => {
                let held = place.get_mut();
                // The server only ever lowers a rank, so the lowest seen is the settled one.
                let eff_hlc = held.eff_hlc.min(new.eff_hlc);
                let server = held.server || new.server;
                let fork = !same_op(&held.op, &new.op);
                if (openness(&new.op), &new.op) > (openness(&held.op), &held.op) {
                    *held = new;
                }
                held.eff_hlc = eff_hlc;
                held.server = server;
                if fork {
                    self.forks.insert(id);
                    return Inserted::Fork;
                }
                Inserted::Known
            }
        }
    }

    /// Settles the rank of an op that the server acknowledged; nothing if the op is not here.
    pub fn acknowledge(&mut self, id: &OpId, recv_ms: u64) {
        if let Some(stored) = self.ops.get_mut(id) {
            stored.eff_hlc = stored.eff_hlc.min(hlc::effective(stored.op.hlc, recv_ms));
        }
    }

    /// Adds all of another set of the same audit.
    pub fn merge(&mut self, other: Self) {
        for (id, stored) in other.ops {
            self.insert_stored(id, stored);
        }
        for (dev, seed) in other.seeds {
            self.set_seed(dev, seed);
        }
        self.forks.extend(other.forks);
    }

    /// The last op of each device here: what someone who holds this set has seen.
    pub fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::new();
        for id in self.ops.keys() {
            // Keys rise by device and position, so the last one stands.
            frontier.insert(id.dev, id.dseq);
        }
        frontier
    }

    /// What a submit with this frontier had seen.
    pub fn seen_by(&self, frontier: &Frontier) -> Self {
        let covered = |id: &OpId| frontier.get(&id.dev).is_some_and(|last| id.dseq <= *last);
        Self {
            ops: self.ops.iter().filter(|(id, _)| covered(id)).map(|(id, op)| (*id, op.clone())).collect(),
            seeds: self.seeds.clone(),
            forks: self.forks.iter().filter(|id| covered(id)).copied().collect(),
            redactions: self.redactions.clone(),
        }
    }

    /// Reads the audit: a pure function of this set.
    pub fn view(&self) -> AuditView {
        self.with_each_op_once(view::fold)
    }

    /// Reads something out of the set in which every op that was said twice ([`Op::origin`]) stands once.
    fn with_each_op_once<T>(&self, read: impl FnOnce(&Self, &Twins) -> T) -> T {
        let twins = Twins::of(self);
        if twins.is_empty() { read(self, &twins) } else { read(&twins.once(self), &twins) }
    }

    /// The op that stands for one that was said twice: the op itself in nearly every case.
    pub fn standing(&self, id: &OpId) -> OpId {
        Twins::of(self).resolve(id)
    }

    /// One field of the audit, as [`Self::view`] has it, without reading the others.
    ///
    /// - **Shape**: `rounds` are those of [`Self::view`].
    pub fn register(&self, rounds: &Rounds, field: &str) -> Option<Register> {
        self.with_each_op_once(|audit, _| view::register(audit, rounds, field))
    }

    /// The commitment to an op's value; none if the op or its seed is not here.
    pub fn commitment(&self, id: &OpId) -> Option<Hash> {
        let blinds = self.seeds.get(&id.dev).and_then(Blinds::of_seed);
        crate::chain::commitment(blinds.as_ref(), &self.ops.get(id)?.op)
    }

    /// Encodes the set; equal sets give equal bytes.
    ///
    /// - **Errors**: as [`codec::to_cbor`].
    pub fn encode(&self) -> Result<alloc::vec::Vec<u8>, CodecError> {
        let mut logs = Vec::new();
        let mut rest = self.ops.iter().peekable();
        while let Some((id, _)) = rest.peek() {
            let dev = id.dev;
            let mut log: Vec<&StoredOp> = Vec::with_capacity(rest.len());
            while let Some((_, stored)) = rest.next_if(|it| it.0.dev == dev) {
                log.push(stored);
            }
            logs.push(EncodedLog::of(dev, &log, self.seed(&dev)));
        }
        codec::to_cbor(&EncodedAudit { logs, forks: self.forks.iter().copied().collect() })
    }

    /// Decodes what [`Self::encode`] wrote.
    ///
    /// - **Errors**: other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let encoded: EncodedAudit = codec::from_cbor(bytes)?;
        let mut audit = Self::new();
        for log in encoded.logs {
            log.into_audit(&mut audit).map_err(|e| CodecError(alloc::format!("{e}")))?;
        }
        for stored in audit.ops.values().filter(|it| it.server) {
            audit.redactions.add_named(&stored.op);
        }
        if !audit.redactions.is_empty() {
            audit.redact_all();
        }
        audit.forks.extend(encoded.forks);
        Ok(audit)
    }
}

/// Of two forms of one op the one stands of which less is left.
fn openness(op: &Op) -> u8 {
    match op.opening {
        Opening::Seeded => 0,
        Opening::Blind(_) => 1,
        Opening::Redacted(_) => 2,
    }
}

/// Whether two ops under one identity are the same, where a redaction takes nothing from what was recorded.
fn same_op(a: &Op, b: &Op) -> bool {
    let rest = |op: &Op| (op.dseq, op.hlc, op.kind, op.audit, op.round);
    let equal = rest(a) == rest(b) && a.field == b.field && a.base == b.base && a.origin == b.origin;
    equal && (a.is_redacted() || b.is_redacted() || a.value == b.value)
}

#[derive(Serialize, Deserialize)]
struct EncodedAudit {
    logs: Vec<EncodedLog>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forks: Vec<OpId>,
}

#[derive(Serialize, Deserialize)]
struct EncodedLog {
    first: u64,
    ops: PackedOps,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    server: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clamped: Vec<(u32, u64)>,
}

impl EncodedLog {
    fn of(dev: DeviceId, log: &[&StoredOp], seed: Option<&Seed>) -> Self {
        let numbered = || (0_u32..).zip(log);
        Self {
            first: log.first().map_or(1, |it| it.op.dseq),
            ops: PackedOps::pack(dev, log.iter().map(|it| &it.op), |_: &Uuid| seed.copied()),
            server: numbered().filter(|it| it.1.server).map(|it| it.0).collect(),
            clamped: numbered().filter(|it| it.1.is_clock_suspect()).map(|it| (it.0, it.1.eff_hlc)).collect(),
        }
    }

    fn into_audit(self, audit: &mut AuditOps) -> Result<(), PackError> {
        let dev = *self.ops.devices.first().ok_or(PackError::Index)?;
        let server: BTreeSet<u32> = self.server.into_iter().collect();
        let clamped: BTreeMap<u32, u64> = self.clamped.into_iter().collect();
        let seed = self.ops.audits.first().and_then(|it| it.1);
        for (index, op) in (0_u32..).zip(self.ops.unpack_any_clock(self.first)?) {
            let eff_hlc = clamped.get(&index).copied().unwrap_or(op.hlc);
            audit.put(OpId::new(dev, op.dseq), StoredOp { op, eff_hlc, server: server.contains(&index) });
        }
        seed.into_iter().for_each(|it| audit.set_seed(dev, it));
        Ok(())
    }
}
