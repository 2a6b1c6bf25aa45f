//! Appending to the own log and keeping each audit's set of ops beside it, inside one transaction. Owns the form of a log
//! row and the audits held in memory; knows no rule of an audit.

use ordered::BTreeMap;
use std::sync::Arc;

use domain::{visit_facts::is_reserved, visit_score::PreparedChecklist};
use rusqlite::{Connection, OptionalExtension, Row};
use sync_core::{
    AuditOps, AuditView, Bytes, DeviceId, Hash, Kind, Op, OpId, Seed,
    chain::{Chain, Head},
    fold::{Arrival, Phase, Register, Rounds},
    hlc::Clock,
    op::Opening,
};
use uuid::Uuid;

use crate::{DeviceError, blobs, redact};

/// Audits held in memory at once; more are written back first, so that memory does not grow with their number.
const MAX_OPEN: usize = 64;

/// An audit in memory.
#[derive(Clone)]
pub(crate) struct OpenAudit {
    pub(crate) ops: AuditOps,
    pub(crate) rounds: Rounds,
    pub(crate) phase: Phase,
    pub(crate) pin: Option<Hash>,
    pub(crate) template: Option<Arc<PreparedChecklist>>,
    seed: Seed,
    dirty: bool,
}

impl OpenAudit {
    fn of(ops: AuditOps, seed: Seed) -> Self {
        let mut audit = Self {
            ops,
            seed,
            rounds: Rounds::default(),
            phase: Phase::Empty,
            pin: None,
            template: None,
            dirty: false,
        };
        audit.reread();
        audit
    }

    fn reread(&mut self) -> AuditView {
        let view = self.ops.view();
        self.rounds = view.rounds.clone();
        self.phase = view.phase;
        let pin = view.pin().map(|it| it.content_hash);
        if pin != self.pin {
            self.template = None;
        }
        self.pin = pin;
        view
    }
}

/// The audits in memory.
#[derive(Default)]
pub(crate) struct OpenAudits {
    audits: BTreeMap<Uuid, OpenAudit>,
}

/// One transaction's view of a device: what is appended here is durable when the transaction is.
pub(crate) struct Writer<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) dev: DeviceId,
    pub(crate) secret: &'a [u8; 32],
    pub(crate) head: &'a mut Head,
    pub(crate) clock: &'a mut Clock,
    pub(crate) open: &'a mut OpenAudits,
    pub(crate) chain: Chain,
    pub(crate) offset_ms: i64,
}

/// What is appended; the rest of an op follows from where it is appended.
pub(crate) struct Draft<'a> {
    pub(crate) kind: Kind,
    pub(crate) audit: Uuid,
    pub(crate) field: &'a str,
    pub(crate) base: Vec<OpId>,
    pub(crate) value: Option<Bytes>,
}

pub(crate) fn encode_base(base: &[OpId]) -> Vec<u8> {
    base.iter().flat_map(|it| it.dev.0.into_iter().chain(it.dseq.to_be_bytes())).collect()
}

fn decode_base(bytes: &[u8]) -> Vec<OpId> {
    let id = |part: &[u8]| {
        let (dev, dseq) = part.split_first_chunk::<16>()?;
        Some(OpId::new(DeviceId(*dev), u64::from_be_bytes(dseq.try_into().ok()?)))
    };
    bytes.chunks(24).filter_map(id).collect()
}

/// The columns of the log, in the order of [`read_op`].
pub(crate) const LOG_COLUMNS: &str = "dseq, hlc, kind, audit, round, field, base, value, h, origin, opening";

pub(crate) fn read_op(row: &Row<'_>) -> rusqlite::Result<(Op, Hash)> {
    let op = Op {
        dseq: row.get(0)?,
        hlc: row.get(1)?,
        kind: Kind::from_number(row.get(2)?),
        audit: Uuid::from_bytes(row.get(3)?),
        round: row.get(4)?,
        field: row.get(5)?,
        base: decode_base(row.get_ref(6)?.as_blob()?),
        value: row.get::<_, Option<Vec<u8>>>(7)?.map(Bytes::from),
        opening: redact::decode_opening(row.get_ref(10)?.as_blob_or_null()?),
        origin: row.get_ref(9)?.as_blob_or_null()?.and_then(|it| decode_base(it).first().copied()),
    };
    Ok((op, Hash(row.get(8)?)))
}

impl Writer<'_> {
    /// An audit, from memory or the database; an empty one if nothing is known of it.
    pub(crate) fn audit(&mut self, id: Uuid) -> Result<&mut OpenAudit, DeviceError> {
        if !self.open.audits.contains_key(&id) {
            if self.open.audits.len() >= MAX_OPEN {
                self.flush()?;
                self.open.audits.clear();
            }
            let mut find = self.conn.prepare_cached("SELECT ops FROM audits WHERE audit = ?1")?;
            let bytes: Option<Vec<u8>> = find.query_row([id.into_bytes()], |row| row.get(0)).optional()?;
            let ops = bytes.map_or_else(|| Ok(AuditOps::new()), |it| AuditOps::decode(&it))?;
            let seed = self.seed(&id)?;
            self.open.audits.insert(id, OpenAudit::of(ops, seed));
        }
        self.open.audits.get_mut(&id).ok_or_else(|| DeviceError::corrupt("an open audit vanished"))
    }

    /// This device's seed in an audit.
    pub(crate) fn seed(&self, audit: &Uuid) -> Result<Seed, DeviceError> {
        Seed::derive(self.secret, audit).ok_or_else(|| DeviceError::corrupt("no seed for an audit"))
    }

    /// Appends one op to the own log and to its audit.
    pub(crate) fn append(&mut self, draft: Draft<'_>, now_ms: u64) -> Result<OpId, DeviceError> {
        let offset_ms = self.offset_ms;
        let round = self.audit(draft.audit)?.rounds.current.max(1);
        let dseq = self.head.dseq.saturating_add(1);
        let op = Op {
            dseq,
            hlc: self.clock.next(now_ms, offset_ms),
            kind: draft.kind,
            audit: draft.audit,
            round,
            field: draft.field.to_owned(),
            base: draft.base,
            value: draft.value,
            opening: Opening::Seeded,
            origin: None,
        };
        self.say(op)
    }

    /// Appends an op that stands at the end of the own log to it and to its audit.
    pub(crate) fn say(&mut self, mut op: Op) -> Result<OpId, DeviceError> {
        let (dev, dseq, kind, id) = (self.dev, op.dseq, op.kind, op.audit);
        let secret = self.secret;
        let audit = self.audit(id)?;
        let seed = audit.seed;
        if op.opening == Opening::Seeded && audit.ops.is_closed(&dev) {
            let blind = redact::later_blind(secret, &op);
            op.opening = Opening::Blind(blind.ok_or_else(|| DeviceError::corrupt("no blind for an op"))?);
        }
        let is_seeded = op.opening == Opening::Seeded;
        op.check_size().map_err(|e| {
            DeviceError::problem(
                422,
                "op_too_large",
                format!("Demasiado grande para guardarse: {e}"),
                e.to_string(),
            )
        })?;
        self.chain.switch_to(id, &seed);
        let h =
            self.chain.link(&self.head.h, &op).ok_or_else(|| DeviceError::corrupt("no seed for an op"))?;
        self.insert_row(&op, &h)?;
        *self.head = Head { dseq, h };
        if kind.is_of_offer() {
            return Ok(OpId::new(dev, dseq));
        }
        let audit = self.audit(id)?;
        audit.ops.insert(dev, op, Arrival::LOCAL);
        if is_seeded {
            audit.ops.set_seed(dev, seed);
        }
        audit.dirty = true;
        match kind {
            // These cannot change rounds or pin; all else is read anew.
            Kind::Set | Kind::Clear | Kind::Attach | Kind::Detach | Kind::Note | Kind::Resolve => {
                if matches!(audit.phase, Phase::Empty | Phase::Returned) {
                    audit.phase = Phase::Draft;
                }
            }
            _ => drop(audit.reread()),
        }
        Ok(OpId::new(dev, dseq))
    }

    fn insert_row(&self, op: &Op, h: &Hash) -> Result<(), DeviceError> {
        self.conn
            .prepare_cached(
                "INSERT INTO oplog (dseq, hlc, kind, audit, round, field, base, value, h, origin, opening) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                op.dseq,
                op.hlc,
                op.kind.number(),
                op.audit.as_bytes(),
                op.round,
                &op.field,
                encode_base(&op.base),
                op.value.as_deref(),
                h.0,
                op.origin.map(|it| encode_base(&[it])),
                redact::encode_opening(&op.opening),
            ))?;
        Ok(())
    }

    /// Takes an op into its audit that is in the log already or came from elsewhere.
    pub(crate) fn take_in(
        &mut self,
        dev: DeviceId,
        op: Op,
        seed: Option<Seed>,
        arrival: Arrival,
    ) -> Result<(), DeviceError> {
        // Nobody has begun an audit by taking its offer.
        if op.kind.is_of_offer() {
            return Ok(());
        }
        let audit = self.audit(op.audit)?;
        audit.ops.insert(dev, op, arrival);
        if let Some(seed) = seed {
            audit.ops.set_seed(dev, seed);
        }
        audit.dirty = true;
        Ok(())
    }

    /// Settles the rank of an own op.
    pub(crate) fn acknowledge(&mut self, audit: Uuid, dseq: u64, recv_ms: u64) -> Result<(), DeviceError> {
        let id = OpId::new(self.dev, dseq);
        let audit = self.audit(audit)?;
        // An audit that was taken away is not shown again by this.
        if audit.ops.get(&id).is_some() {
            audit.ops.acknowledge(&id, recv_ms);
            audit.dirty = true;
        }
        Ok(())
    }

    /// Drops an audit from the projection.
    pub(crate) fn forget(&mut self, audit: Uuid) -> Result<(), DeviceError> {
        // What it needs of photos stays: own ops that are not sent go on, and so do their photos.
        let held = self.audit(audit)?;
        if !held.ops.is_empty() {
            let view = held.ops.view();
            blobs::note_needed(self.conn, audit, &view)?;
        }
        self.open.audits.remove(&audit);
        self.conn.execute("DELETE FROM audits WHERE audit = ?1", [audit.into_bytes()])?;
        Ok(())
    }

    /// Writes changed audits to the projection.
    pub(crate) fn flush(&mut self) -> Result<(), DeviceError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO audits (audit, ops, phase, round, answered, conflicts, content_hash, branch, assignment, changed_hlc) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (audit) DO UPDATE SET ops = excluded.ops, phase = excluded.phase, round = excluded.round, \
               answered = excluded.answered, conflicts = excluded.conflicts, content_hash = excluded.content_hash, \
               branch = excluded.branch, assignment = excluded.assignment, changed_hlc = excluded.changed_hlc",
        )?;
        for (id, audit) in self.open.audits.iter_mut().filter(|it| it.1.dirty) {
            let view = audit.reread();
            let pin = view.pin();
            let is_answer = |it: &(&String, &Register)| !is_reserved(it.0) && it.1.value().is_some();
            let answered = view.fields.iter().filter(is_answer).count();
            let changed = audit.ops.iter().map(|it| it.1.eff_hlc).max().unwrap_or(0);
            put.execute((
                id.as_bytes(),
                audit.ops.encode()?,
                view.phase.name(),
                view.rounds.current,
                answered,
                view.open_conflicts().count(),
                pin.map(|it| it.content_hash.0),
                pin.map(|it| it.branch.into_bytes()),
                pin.and_then(|it| it.assignment).map(Uuid::into_bytes),
                changed,
            ))?;
            blobs::note_needed(self.conn, *id, &view)?;
            audit.dirty = false;
        }
        Ok(())
    }
}
