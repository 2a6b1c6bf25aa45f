//! What the server redacted goes from this device too: out of the own log, the entries of streams, the runs that are kept beside
//! them, the projection, and the file itself; and so does the seed by which it could be guessed. Owns the tables `redacted` and
//! `proofs`.

use ordered::{BTreeMap, BTreeSet};
use rusqlite::{Connection, types::Value};
use sync_core::{
    DeviceId, Hash, Kind, Op, OpId, Seed,
    chain::Blinds,
    codec::{self, Nested},
    exchange::{Body, Page, Run, RunId, may_relay},
    op::Opening,
    redaction::Redactions,
    session::Loaded,
};
use uuid::Uuid;

use crate::{
    DeviceError,
    ended::clear_journal,
    seal,
    store::Device,
    writer::{LOG_COLUMNS, Writer, read_op},
};

const BLIND: u8 = 1;
const REDACTED: u8 = 2;

/// An opening as the log keeps it; none for the seed.
pub(crate) fn encode_opening(opening: &Opening) -> Option<Vec<u8>> {
    let tagged = |tag: u8, hash: &Hash| [&[tag], hash.0.as_slice()].concat();
    match opening {
        Opening::Seeded => None,
        Opening::Blind(blind) => Some(tagged(BLIND, blind)),
        Opening::Redacted(vhash) => Some(tagged(REDACTED, vhash)),
    }
}

pub(crate) fn decode_opening(bytes: Option<&[u8]>) -> Opening {
    let parts = bytes.and_then(|it| it.split_first_chunk::<1>());
    let hash = |it: &[u8]| it.try_into().map(Hash).ok();
    match parts.and_then(|(tag, rest)| Some((*tag, hash(rest)?))) {
        Some(([BLIND], blind)) => Opening::Blind(blind),
        Some(([REDACTED], vhash)) => Opening::Redacted(vhash),
        _ => Opening::Seeded,
    }
}

/// The blind of an own op in an audit of which something of this device was redacted: from another secret than the seed that
/// others may have kept.
pub(crate) fn later_blind(secret: &[u8; 32], op: &Op) -> Option<Hash> {
    let later = Seed::derive(secret, &op.audit).map(|it| it.0)?;
    let later = Seed::derive(secret, &Uuid::from_bytes(Hash::of(&later).0.first_chunk().copied()?))?;
    Blinds::of_seed(&later).map(|it| it.blind(op.dseq, op.kind, &op.field))
}

/// Takes note of what pages of streams redact; the audits that it is of, and those redacted before that they bring more of.
pub(crate) fn note(conn: &Connection, pages: &[Page]) -> Result<BTreeSet<Uuid>, DeviceError> {
    let mut touched = BTreeSet::new();
    for item in pages.iter().flat_map(|it| &it.items) {
        let Nested::Known(Body::Ops(run)) = &item.body else { continue };
        keep_proof(conn, run)?;
        for op in redactions_of(run) {
            touched.insert(op.audit);
            for id in &op.base {
                conn.prepare_cached(
                    "INSERT INTO redacted (audit, dev, dseq, field) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                )?
                .execute((op.audit.into_bytes(), id.dev.0, id.dseq, &op.field))?;
            }
        }
    }
    if is_any(conn)? {
        let mut find = conn.prepare_cached("SELECT 1 FROM redacted WHERE audit = ?1")?;
        for item in pages.iter().flat_map(|it| &it.items) {
            let Nested::Known(Body::Ops(run)) = &item.body else { continue };
            for audit in run.ops.audits.iter().map(|it| it.0) {
                if find.exists([audit.into_bytes()])? {
                    touched.insert(audit);
                }
            }
        }
    }
    Ok(touched)
}

/// The entry of the stream goes with a visit that is taken away, and all entries with a device that is; the own log stays, and an
/// office made from an earlier copy takes what was redacted of it only with this.
fn keep_proof(conn: &Connection, run: &Run) -> Result<(), DeviceError> {
    if run.proof.is_some() && run.only_redacts() {
        let body = codec::to_cbor(&Body::Ops(run.clone()))?;
        conn.prepare_cached(
            "INSERT INTO proofs (dev, first, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute((run.dev.0, run.dseq_first, body))?;
    }
    Ok(())
}

fn is_any(conn: &Connection) -> Result<bool, DeviceError> {
    Ok(conn.prepare_cached("SELECT 1 FROM redacted")?.exists([])?)
}

/// The `redact` ops of a run of the server's log.
fn redactions_of(run: &Run) -> Vec<Op> {
    let ops = if run.server { run.ops.unpack(run.dseq_first).unwrap_or_default() } else { Vec::new() };
    ops.into_iter().filter(|it| it.kind == Kind::Redact).collect()
}

fn known(conn: &Connection, audit: Uuid) -> Result<Redactions, DeviceError> {
    let mut known = Redactions::default();
    let mut list = conn.prepare_cached("SELECT dev, dseq, field FROM redacted WHERE audit = ?1")?;
    let mut rows = list.query([audit.into_bytes()])?;
    while let Some(row) = rows.next()? {
        let id = OpId::new(DeviceId(row.get(0)?), row.get(1)?);
        known.add(id, audit, &row.get::<_, String>(2)?);
    }
    Ok(known)
}

/// Takes out of the facts what is redacted of audits; the projection follows from its ops.
pub(crate) fn settle(writer: &Writer<'_>, audits: &BTreeSet<Uuid>) -> Result<(), DeviceError> {
    for audit in audits {
        let redactions = known(writer.conn, *audit)?;
        clean_log(writer, *audit, &redactions)?;
        for (table, key) in
            [("feed", "stream, first"), ("unplaced", "dev, first, last"), ("former_run", "dev, first")]
        {
            clean_runs(writer.conn, table, key, *audit, &redactions)?;
        }
    }
    Ok(())
}

fn clean_log(writer: &Writer<'_>, audit: Uuid, redactions: &Redactions) -> Result<(), DeviceError> {
    let (conn, dev) = (writer.conn, writer.dev);
    let mut list = conn.prepare(&format!("SELECT {LOG_COLUMNS} FROM oplog WHERE audit = ?1"))?;
    let rows = list.query_map([audit.into_bytes()], |row| Ok(read_op(row)?.0))?;
    let mut ops: Vec<Op> = rows.collect::<Result<_, _>>()?;
    let is_named = ops.iter().any(|op| redactions.names(&OpId::new(dev, op.dseq), op));
    if !is_named && !redactions.closes(&dev, &audit) {
        return Ok(());
    }
    let before = ops.clone();
    redactions.apply(dev, Some(&writer.seed(&audit)?), &mut ops);
    seal::forget(conn)?;
    let mut put = conn.prepare("UPDATE oplog SET value = ?2, opening = ?3 WHERE dseq = ?1")?;
    for op in ops.iter().zip(before).filter(|(now, before)| *now != before).map(|it| it.0) {
        put.execute((op.dseq, op.value.as_deref(), encode_opening(&op.opening)))?;
    }
    Ok(())
}

/// Numbers, hashes and signatures of what is kept do not depend on the values in it.
fn clean_runs(
    conn: &Connection,
    table: &str,
    key: &str,
    audit: Uuid,
    redactions: &Redactions,
) -> Result<(), DeviceError> {
    let keys = key.split(',').count();
    let places: Vec<String> = (2..keys.saturating_add(2)).map(|it| format!("?{it}")).collect();
    let mut put =
        conn.prepare(&format!("UPDATE {table} SET body = ?1 WHERE ({key}) = ({})", places.join(", ")))?;
    let mut list = conn.prepare(&format!("SELECT body, {key} FROM {table}"))?;
    let mut changed: Vec<Vec<Value>> = Vec::new();
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let Ok(Body::Ops(run)) = Body::read(&row.get::<_, Vec<u8>>(0)?) else { continue };
        if !run.ops.audits.iter().any(|it| it.0 == audit) {
            continue;
        }
        let cleaned =
            redactions.applied_to(run.dev, run.dseq_first, &run.ops).map_err(DeviceError::corrupt)?;
        if let Some(ops) = cleaned {
            let body = codec::to_cbor(&Body::Ops(Run { ops, ..run }))?;
            let mut values = vec![Value::Blob(body)];
            for column in 1..=keys {
                values.push(row.get(column)?);
            }
            changed.push(values);
        }
    }
    drop(rows);
    for values in changed {
        put.execute(rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

/// Lets the files of redacted photos go that no other visit needs; they are removed once this is committed.
pub(crate) fn let_photos_go(writer: &mut Writer<'_>, audits: &BTreeSet<Uuid>) -> Result<(), DeviceError> {
    for audit in audits {
        let view = writer.audit(*audit)?.ops.view();
        for photo in view.attachments.values().flatten().filter(|it| it.redacted) {
            let gone = "UPDATE blobs SET evicted = 1, lost = NULL WHERE id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM needed WHERE blob = ?1) \
                 AND NOT EXISTS (SELECT 1 FROM originals WHERE blob = ?1)";
            let original = photo.value.original.map(|it| it.hash);
            for blob in [Some(photo.value.blob), original].into_iter().flatten() {
                writer.conn.execute(gone, [blob.0])?;
            }
        }
    }
    Ok(())
}

/// A server that lacks a redacted op may lack the word that redacted it too: it goes along, under the server's own signature. Ops
/// whose word does not fit into one request, or into its `room` in bytes, wait for the next. None of those `without` which it is to
/// go on: the server may have them already. Gives the bytes that they take.
pub(crate) fn add_proofs(
    conn: &Connection,
    dev: DeviceId,
    loaded: &mut Loaded,
    room: usize,
    without: &[RunId],
) -> Result<usize, DeviceError> {
    let mut bare: BTreeMap<OpId, usize> = BTreeMap::new();
    for (at, op) in loaded.ops.iter().enumerate().filter(|it| it.1.is_redacted()) {
        for id in [OpId::new(dev, op.dseq)].into_iter().chain(op.origin) {
            bare.entry(id).or_insert(at);
        }
    }
    if bare.is_empty() {
        return Ok(0);
    }
    let mut proofs = Vec::new();
    let mut list = conn.prepare(
        "SELECT body FROM proofs UNION ALL SELECT body FROM feed UNION ALL SELECT body FROM unplaced",
    )?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let raw = row.get_ref(0)?.as_blob().map_err(DeviceError::corrupt)?;
        let Ok(Body::Ops(run)) = Body::read(raw) else { continue };
        let named = redactions_of(&run).into_iter().flat_map(|it| it.base);
        let needed = named.filter_map(|it| bare.get(&it).copied()).min();
        if let Some(at) = needed.filter(|_| run.proof.is_some() && !without.contains(&run.id())) {
            proofs.push((at, raw.len(), run));
        }
    }
    proofs.sort_by_key(|it| it.0);
    let mut bytes = 0_usize;
    for (at, size, run) in proofs {
        if loaded.relay.iter().any(|it| it.id() == run.id()) {
            continue;
        }
        let is_too_much = bytes.saturating_add(size) > room && !loaded.relay.is_empty();
        if is_too_much || !may_relay(loaded.relay.iter().chain([&run])) {
            loaded.ops.truncate(at.max(1));
            break;
        }
        bytes = bytes.saturating_add(size);
        loaded.relay.push(run);
    }
    Ok(bytes)
}

impl Device {
    /// After a crash: what was overwritten goes from the file that is written first, too.
    pub(crate) fn purge_redacted(&self) -> Result<(), DeviceError> {
        if is_any(&self.conn)? { clear_journal(&self.conn) } else { Ok(()) }
    }
}
