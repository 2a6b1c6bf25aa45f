//! A store that does not open: what can still be read of it goes into a rescue file, and nothing of it is written to. Owns how a
//! damaged log is read around its holes, and what of it proves itself: ops that the chain of hashes holds together, photos whose
//! bytes are what their name says.

use ordered::{BTreeMap, BTreeSet};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use sync_core::{
    Hash, Head, Kind, Op, PublicKey, Seed, Segment,
    chain::Chain,
    exchange::{Body, Run},
    ingest::Enrolment,
    payload::{self, AttachValue, BlobRef},
    relay::Proof,
    rescue::Begin,
    segment::{MAX_SEGMENT_OPS, signing_bytes},
};
use uuid::Uuid;

use crate::{
    DeviceError, DeviceKey, Files, Place, Rescue, Signatures, incidents,
    rescue::fit,
    store,
    writer::{LOG_COLUMNS, read_op},
};

/// How many positions in a row may be unreadable before the rest of the log is taken to be gone, where its end cannot be read.
const LONGEST_HOLE: u64 = 20_000;

/// Whose store it is, as the platform remembers it beside the store: said where the store itself cannot say it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The organization.
    pub org: Uuid,
    /// The person.
    pub user: Uuid,
    /// The point of P-256 that rescue files are sealed for; absent where the office gave none.
    #[serde(default)]
    pub rescue_key: Option<PublicKey>,
}

/// An op with the chain hash after it, as it stands in a log.
type Link = (Op, Hash);

/// What a damaged log still holds.
struct Pieces {
    /// Ops that follow each other, each run with the head before it.
    pieces: Vec<(Head, Vec<Op>)>,
}

/// Begins a rescue file of what can be read in a place whose store does not open, where the platform signs as where this program does:
/// it stands once nothing is wanted of `signatures`. The place is only read.
///
/// - **Shape**: `key` is the device's; `made_ms` is now, milliseconds since 1970.
/// - **Errors**: `not_enrolled` where nobody can say whose store it is. What cannot be read is left out.
pub fn salvage(
    place: &dyn Place,
    key: &DeviceKey,
    remembered: Option<Remembered>,
    made_ms: u64,
    signatures: &mut Signatures,
) -> Result<Rescue, DeviceError> {
    let conn = place.connect_to_read().ok();
    if let Some(conn) = &conn {
        // A file that is shorter than it says is read as far as it goes; nothing is written all the same.
        conn.execute_batch("PRAGMA query_only = ON; PRAGMA writable_schema = ON;")?;
    }
    let said = conn.as_ref().and_then(enrolment);
    let said = said.map(|Enrolment { org, user, rescue_key, .. }| Remembered { org, user, rescue_key });
    let Remembered { org, user, rescue_key } = said.or(remembered).ok_or_else(crate::sync::not_enrolled)?;
    let epoch = conn.as_ref().and_then(|it| store::get_number(it, "epoch").ok().flatten()).unwrap_or(1);
    let links = conn.as_ref().map(links).unwrap_or_default();
    let Pieces { pieces } = Pieces::of(&links, key);
    let mut runs = conn.as_ref().map(|it| others(it, "proofs")).unwrap_or_default();
    for (before, ops) in &pieces {
        runs.extend(signed(key, *before, ops, (&org, epoch), signatures)?);
    }
    for table in ["former_run", "unplaced"] {
        runs.extend(conn.as_ref().map(|it| others(it, table)).unwrap_or_default());
    }
    let stored = conn.as_ref().map(|it| stored(it, epoch)).unwrap_or_default();
    let photos = photos(&*place.files(), &links, &stored);
    let begin = Begin { org, user, dev: key.dev(), made_ms, salvaged: true };
    let incidents =
        conn.as_ref().map(|it| incidents::to_rescue(it, key, &org, signatures)).unwrap_or_default();
    Ok(Rescue::of(rescue_key, begin, runs, incidents, photos))
}

fn enrolment(conn: &Connection) -> Option<Enrolment> {
    let json = store::get_meta(conn, "enrolment").ok().flatten()?;
    domain::json::read(&json).ok()
}

// ---- the log ----

fn read_link(row: &Row<'_>) -> rusqlite::Result<Link> {
    read_op(row)
}

/// All ops that can be read, in order, with holes: as far as a scan goes, then position by position until it goes on.
fn links(conn: &Connection) -> BTreeMap<u64, Link> {
    let mut found = BTreeMap::new();
    let end = last(conn);
    let mut after = 0_u64;
    loop {
        scan(conn, after, &mut found);
        after = found.last_key_value().map_or(after, |it| (*it.0).max(after));
        let most = end.unwrap_or_else(|| after.saturating_add(LONGEST_HOLE));
        let beyond = (after.saturating_add(1)..=most).find_map(|dseq| Some((dseq, one(conn, dseq)?)));
        let Some((dseq, link)) = beyond else { return found };
        found.insert(dseq, link);
        after = dseq;
    }
}

fn last(conn: &Connection) -> Option<u64> {
    conn.query_row("SELECT max(dseq) FROM oplog", [], |row| row.get(0)).ok()
}

/// Reads on until the end, or until something cannot be read.
fn scan(conn: &Connection, after: u64, found: &mut BTreeMap<u64, Link>) {
    let sql = format!("SELECT {LOG_COLUMNS} FROM oplog WHERE dseq > ?1 ORDER BY dseq");
    let Ok(mut list) = conn.prepare(&sql) else { return };
    let Ok(rows) = list.query_map([after], read_link) else { return };
    found.extend(rows.map_while(Result::ok).map(|it| (it.0.dseq, it)));
}

fn one(conn: &Connection, dseq: u64) -> Option<Link> {
    let sql = format!("SELECT {LOG_COLUMNS} FROM oplog WHERE dseq = ?1");
    conn.prepare_cached(&sql).ok()?.query_row([dseq], read_link).ok()
}

impl Pieces {
    /// What of the ops is proved by the chain: each by the hash before it and the hash after it. The first op behind a hole only
    /// gives the hash that the next one begins with.
    fn of(links: &BTreeMap<u64, Link>, key: &DeviceKey) -> Self {
        let mut pieces: Vec<(Head, Vec<Op>)> = Vec::new();
        let mut chain = Chain::new();
        let mut before = Head::EMPTY;
        let mut goes_on = false;
        for (dseq, (op, h)) in links {
            let follows = before.dseq.saturating_add(1) == *dseq;
            let seed = Seed::derive(&key.secret, &op.audit);
            if let Some(seed) = &seed {
                chain.switch_to(op.audit, seed);
            }
            let is_proved = follows && seed.is_some() && chain.link(&before.h, op) == Some(*h);
            match pieces.last_mut() {
                Some(piece) if is_proved && goes_on => piece.1.push(op.clone()),
                _ if is_proved => pieces.push((before, vec![op.clone()])),
                _ => {}
            }
            goes_on = is_proved;
            before = Head { dseq: *dseq, h: *h };
        }
        Self { pieces }
    }
}

/// Ops as runs that stand by themselves.
fn signed(
    key: &DeviceKey,
    mut before: Head,
    mut ops: &[Op],
    (org, epoch): (&Uuid, u64),
    signatures: &mut Signatures,
) -> Result<Vec<Run>, DeviceError> {
    let mut runs = Vec::new();
    while !ops.is_empty() {
        let mut part: Vec<Op> = ops.iter().take(MAX_SEGMENT_OPS).cloned().collect();
        fit(&mut part);
        ops = ops.get(part.len()..).unwrap_or_default();
        let seed_of = |audit: &Uuid| Seed::derive(&key.secret, audit);
        let (segment, last) = Segment::unsigned(key.dev(), before, &part, key.public().alg, seed_of)?;
        let sig = key.sign_with(&signing_bytes(org, &key.dev(), epoch, segment.first, &last), signatures);
        let (prev_h, first, alg) = (segment.prev_h, segment.first, segment.alg);
        runs.push(Run {
            dev: key.dev(),
            key: Some(key.public()),
            server: false,
            dseq_first: first,
            ops: segment.ops,
            proof: Some(Proof { prev_h, first, epoch, alg, sig: sig.into() }),
            evidence: false,
        });
        before = last;
    }
    Ok(runs)
}

/// Runs of others that are kept, as far as they can be read.
fn others(conn: &Connection, table: &str) -> Vec<Run> {
    let Ok(mut list) = conn.prepare(&format!("SELECT body FROM {table}")) else { return Vec::new() };
    let Ok(rows) = list.query_map([], |row| row.get::<_, Vec<u8>>(0)) else { return Vec::new() };
    let runs = rows.map_while(Result::ok).filter_map(|body| match Body::read(&body) {
        Ok(Body::Ops(run)) if run.proof.is_some() => Some(run),
        _ => None,
    });
    runs.collect()
}

// ---- photos ----

/// Photos that the office said to have; none where that cannot be read, and then all are taken along.
fn stored(conn: &Connection, epoch: u64) -> BTreeSet<Hash> {
    let sql = "SELECT id FROM blobs WHERE confirmed = ?1";
    let Ok(mut list) = conn.prepare(sql) else { return BTreeSet::new() };
    let Ok(rows) = list.query_map([epoch], |row| row.get(0).map(Hash)) else { return BTreeSet::new() };
    rows.map_while(Result::ok).collect()
}

/// Photos whose bytes may be here: those that the files name, and those that the log does.
fn photos(files: &dyn Files, links: &BTreeMap<u64, Link>, stored: &BTreeSet<Hash>) -> Vec<BlobRef> {
    let listed = files.list().unwrap_or_default().into_iter().map(|it| it.0);
    let attached = links.values().filter(|it| it.0.kind == Kind::Attach);
    let named = attached.filter_map(|it| payload::of_op::<AttachValue>(&it.0).ok()).map(|it| it.blob);
    let all: BTreeSet<Hash> = listed.chain(named).filter(|it| !stored.contains(it)).collect();
    let sized = all.into_iter().filter_map(|id| Some(BlobRef { id, size: files.size(&id)? }));
    sized.filter(|it| crate::place::is_intact(files, it)).collect()
}
