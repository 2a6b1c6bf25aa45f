//! Ops as they travel and are stored: arrays that point into dictionaries of devices, audits and fields, without
//! positions, hashes or commitments, which the receiver recomputes. Owns this form and the bounds of reading it.

mod columns;

use alloc::{string::String, vec::Vec};
use core::fmt;
use ordered::BTreeMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeTuple,
};
use uuid::Uuid;

use crate::{
    Bytes, DeviceId, Kind, Op, OpId, Seed, hlc,
    op::{Opening, SizeError},
};

/// An audit of the dictionary, with the author's seed there (none once a value was redacted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry(pub Uuid, pub Option<Seed>);

/// One op in dictionary form: `[kind, hlc step, audit, round, field, [device, dseq, ...], value]`, with an eighth place
/// for an opening that is not [`Opening::Seeded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedOp {
    kind: Kind,
    hlc_step: u64,
    audit: u32,
    round: u32,
    field: u32,
    base: Vec<u64>,
    value: Option<Bytes>,
    opening: Opening,
}

impl Serialize for PackedOp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let seeded = self.opening == Opening::Seeded;
        let mut array = to.serialize_tuple(if seeded { 7 } else { 8 })?;
        array.serialize_element(&self.kind)?;
        array.serialize_element(&self.hlc_step)?;
        array.serialize_element(&self.audit)?;
        array.serialize_element(&self.round)?;
        array.serialize_element(&self.field)?;
        array.serialize_element(&self.base)?;
        array.serialize_element(&self.value)?;
        if !seeded {
            array.serialize_element(&self.opening)?;
        }
        array.end()
    }
}

struct PackedOpVisitor;

impl<'de> Visitor<'de> for PackedOpVisitor {
    type Value = PackedOp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an op as an array of seven or eight")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PackedOp, A::Error> {
        let missing = || de::Error::custom("an op has fewer than seven places");
        let op = PackedOp {
            kind: seq.next_element()?.ok_or_else(missing)?,
            hlc_step: seq.next_element()?.ok_or_else(missing)?,
            audit: seq.next_element()?.ok_or_else(missing)?,
            round: seq.next_element()?.ok_or_else(missing)?,
            field: seq.next_element()?.ok_or_else(missing)?,
            base: seq.next_element()?.ok_or_else(missing)?,
            value: seq.next_element()?.ok_or_else(missing)?,
            opening: seq.next_element()?.unwrap_or_default(),
        };
        match seq.next_element::<de::IgnoredAny>()? {
            None => Ok(op),
            Some(_) => Err(de::Error::custom("an op has more than eight places")),
        }
    }
}

impl<'de> Deserialize<'de> for PackedOp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(PackedOpVisitor)
    }
}

/// Ops of one author in rising order of position.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackedOps {
    /// Devices that `base` and `origins` name; the author has index 0.
    pub devices: Vec<DeviceId>,
    /// Audits, each once.
    pub audits: Vec<AuditEntry>,
    /// Fields, each once.
    pub fields: Vec<String>,
    /// Where positions jump: before the op of this index, this many are left out (0 in a segment).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<(u32, u64)>,
    /// The ops.
    #[serde(with = "columns")]
    pub ops: Vec<PackedOp>,
    /// Ops that say one of a former log again: index here, index of the former device, position there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<(u32, u32, u64)>,
}

/// Packed ops that do not hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackError {
    /// An index points outside its dictionary, or positions overflow.
    Index,
    /// The clock does not strictly rise.
    Clock,
    /// A limit is broken.
    Size(SizeError),
    /// The compressed form cannot be opened, or is none of ops ([`crate::sealed`]).
    Opened,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index => f.write_str("an op points outside its dictionaries"),
            Self::Clock => f.write_str("the clock of the ops does not strictly rise"),
            Self::Size(e) => fmt::Display::fmt(e, f),
            Self::Opened => f.write_str("the compressed ops cannot be opened"),
        }
    }
}

impl core::error::Error for PackError {}

struct Dictionary<K> {
    index: BTreeMap<K, u32>,
}

impl<K: Ord + Copy> Dictionary<K> {
    fn new() -> Self {
        Self { index: BTreeMap::new() }
    }

    fn of(&mut self, key: K, add: impl FnOnce(K)) -> u32 {
        let next = u32::try_from(self.index.len()).unwrap_or(u32::MAX);
        *self.index.entry(key).or_insert_with(|| {
            add(key);
            next
        })
    }
}

impl PackedOps {
    /// Packs ops of one author, in rising order of position; `seed_of` gives the author's seed in an audit.
    pub fn pack<'a>(
        author: DeviceId,
        ops: impl IntoIterator<Item = &'a Op>,
        mut seed_of: impl FnMut(&Uuid) -> Option<Seed>,
    ) -> Self {
        let ops = ops.into_iter();
        let mut packed = Self { ops: Vec::with_capacity(ops.size_hint().0), ..Self::default() };
        let (mut devices, mut audits, mut fields) = (Dictionary::new(), Dictionary::new(), Dictionary::new());
        devices.of(author, |it| packed.devices.push(it));
        let (mut clock, mut expected) = (0_u64, None);
        for (index, op) in ops.enumerate() {
            if let Some(gap) = expected.and_then(|it| op.dseq.checked_sub(it)).filter(|it| *it > 0) {
                packed.skips.push((u32::try_from(index).unwrap_or(u32::MAX), gap));
            }
            expected = op.dseq.checked_add(1);
            let mut base = Vec::with_capacity(op.base.len().saturating_mul(2));
            for id in &op.base {
                base.push(u64::from(devices.of(id.dev, |it| packed.devices.push(it))));
                base.push(id.dseq);
            }
            packed.ops.push(PackedOp {
                kind: op.kind,
                hlc_step: op.hlc.wrapping_sub(clock),
                audit: audits.of(op.audit, |it| packed.audits.push(AuditEntry(it, seed_of(&it)))),
                round: op.round,
                field: fields.of(op.field.as_str(), |it| packed.fields.push(String::from(it))),
                base,
                value: op.value.clone(),
                opening: op.opening,
            });
            if let Some(origin) = op.origin {
                let former = devices.of(origin.dev, |it| packed.devices.push(it));
                packed.origins.push((u32::try_from(index).unwrap_or(u32::MAX), former, origin.dseq));
            }
            clock = op.hlc;
        }
        packed
    }

    /// The ops again, the first at position `first`.
    ///
    /// - **Errors**: [`PackError`]; what is returned keeps every limit of [`crate::op`].
    pub fn unpack(&self, first: u64) -> Result<Vec<Op>, PackError> {
        let ops = self.unpack_any_clock(first)?;
        // Steps that wrap around would make the clock fall.
        let believable = ops.last().is_none_or(|it| it.hlc <= hlc::MAX && it.dseq <= hlc::MAX);
        if believable && ops.is_sorted_by(|a, b| a.hlc < b.hlc) { Ok(ops) } else { Err(PackError::Clock) }
    }

    /// As [`Self::unpack`], for stored sets, which may hold forged ops under a forked log: the clock is not looked at.
    ///
    /// - **Errors**: [`PackError`], but not [`PackError::Clock`].
    pub fn unpack_any_clock(&self, first: u64) -> Result<Vec<Op>, PackError> {
        if self.fields.iter().any(|it| it.len() > crate::op::MAX_FIELD_BYTES) {
            return Err(PackError::Size(SizeError::Field));
        }
        let mut skips = self.skips.iter().peekable();
        let mut origins = self.origins.iter().peekable();
        let mut ops = Vec::with_capacity(self.ops.len());
        let (mut dseq, mut clock) = (first, 0_u64);
        for (index, packed) in self.ops.iter().enumerate() {
            if let Some((_, gap)) = skips.next_if(|it| usize::try_from(it.0) == Ok(index)) {
                dseq = dseq.checked_add(*gap).ok_or(PackError::Index)?;
            }
            clock = clock.wrapping_add(packed.hlc_step);
            let mut op = self.unpack_one(packed, dseq, clock)?;
            if let Some((_, former, origin)) = origins.next_if(|it| usize::try_from(it.0) == Ok(index)) {
                op.origin = Some(OpId::new(*self.device(u64::from(*former))?, *origin));
            }
            ops.push(op);
            dseq = dseq.checked_add(1).ok_or(PackError::Index)?;
        }
        if skips.next().is_some() || origins.next().is_some() { Err(PackError::Index) } else { Ok(ops) }
    }

    /// The author's seed in an audit.
    pub fn seed(&self, audit: &Uuid) -> Option<Seed> {
        self.audits.iter().find(|it| it.0 == *audit)?.1
    }

    /// The kinds of the ops.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.ops.iter().map(|it| it.kind)
    }

    /// Whether an op lacks its value since it was redacted.
    pub fn has_redacted(&self) -> bool {
        self.ops.iter().any(|it| matches!(it.opening, Opening::Redacted(_)))
    }

    /// The clock of the last op, as far as the steps tell; none without ops.
    pub fn last_hlc(&self) -> Option<u64> {
        self.ops.iter().map(|it| it.hlc_step).reduce(u64::wrapping_add)
    }

    fn device(&self, index: u64) -> Result<&DeviceId, PackError> {
        usize::try_from(index).ok().and_then(|it| self.devices.get(it)).ok_or(PackError::Index)
    }

    fn unpack_one(&self, packed: &PackedOp, dseq: u64, hlc: u64) -> Result<Op, PackError> {
        let base = packed.base.chunks(2).map(|pair| {
            let (Some(device), Some(seen)) = (pair.first(), pair.get(1)) else {
                return Err(PackError::Index);
            };
            Ok(OpId::new(*self.device(*device)?, *seen))
        });
        let audit = usize::try_from(packed.audit).ok().and_then(|it| self.audits.get(it));
        let field = usize::try_from(packed.field).ok().and_then(|it| self.fields.get(it));
        let op = Op {
            dseq,
            hlc,
            kind: packed.kind,
            audit: audit.ok_or(PackError::Index)?.0,
            round: packed.round,
            field: field.ok_or(PackError::Index)?.clone(),
            base: base.collect::<Result<_, _>>()?,
            value: packed.value.clone(),
            opening: packed.opening,
            origin: None,
        };
        op.check_size().map_err(PackError::Size)?;
        Ok(op)
    }
}
