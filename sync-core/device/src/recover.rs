//! Following a server that was restored: which positions of a stream the device offers, going back to one of them, and what
//! of others was read beyond it. Owns the tables `unplaced` and `placed`; nothing in them is lost until the stream brings it again.

use ordered::BTreeMap;
use rusqlite::{Connection, OptionalExtension};
use sync_core::{
    DeviceId, Hash, Op,
    chain::feed_hash,
    codec::Nested,
    exchange::{Body, Item, Mark, Run, RunId, StreamId, may_relay},
    reference::{KEPT, KeptRow},
    session::{Commit, Cursor, Loaded, marks},
};

use crate::{
    DeviceError,
    audits::Unplaced,
    ended::takes_away,
    renew::is_former,
    store,
    sync::{TakeIn, take_in_run},
    upload::ASK_AGAIN_MS,
    writer::Writer,
};

/// Gives cursors their earlier positions.
pub(crate) fn add_marks(conn: &Connection, cursors: &mut [Cursor]) -> Result<(), DeviceError> {
    let mut list = conn.prepare("SELECT last, recv_ms, h FROM feed WHERE stream = ?1 ORDER BY first")?;
    for cursor in cursors {
        let mut f = Hash::ZERO;
        let rows = list.query_map([cursor.stream.to_string()], |row| {
            let after = row.get(0)?;
            f = feed_hash(&f, &Hash(row.get(2)?), after, row.get(1)?);
            Ok(Mark { after, f })
        })?;
        cursor.marks = marks(&rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(())
}

/// Whether an entry beyond a position took something away. Then what came before it is no longer whole here, and only the whole
/// stream brings it again.
fn takes_back_a_loss(conn: &Connection, stream: &str, to: &Mark) -> Result<bool, DeviceError> {
    let mut beyond = conn.prepare("SELECT body FROM feed WHERE stream = ?1 AND last > ?2")?;
    let mut rows = beyond.query((stream, to.after))?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(0)?.as_blob().map_err(DeviceError::corrupt)?;
        if Body::read(body).is_ok_and(|it| takes_away(&it)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Goes back in a stream.
pub(crate) fn rewind(conn: &Connection, stream: StreamId, to: &Mark) -> Result<(), DeviceError> {
    let id = stream.to_string();
    let to = if takes_back_a_loss(conn, &id, to)? { &Mark::START } else { to };
    let mut beyond = conn.prepare("SELECT recv_ms, body FROM feed WHERE stream = ?1 AND last > ?2")?;
    let mut keep = conn.prepare(
        "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) \
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    let mut rows = beyond.query((&id, to.after))?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(1)?;
        // Of some runs this device may read nothing: there is nothing to keep.
        if let Ok(Body::Ops(run)) = Body::read(&body)
            && !run.ops.ops.is_empty()
        {
            let before = run.dseq_first.saturating_sub(1);
            keep.execute((run.dev.0, run.dseq_first, run.last(), before, row.get::<_, u64>(0)?, &body))?;
        }
    }
    for table in ["feed", "quarantine"] {
        conn.execute(&format!("DELETE FROM {table} WHERE stream = ?1 AND first > ?2"), (&id, to.after))?;
    }
    conn.execute("UPDATE stream SET cursor = ?2, f = ?3 WHERE id = ?1", (&id, to.after, to.f.0))?;
    Ok(())
}

/// Whether an entry of a stream changes what is shown of runs that wait here or of former logs; of the first it forgets what the
/// entry brings again.
pub(crate) fn is_told_anew(conn: &Connection, item: &Item) -> Result<bool, DeviceError> {
    Ok(place(conn, item)? || is_former(conn, &item.body)? || is_kept_as_evidence(conn, item)?)
}

/// Forgets what an entry of a stream brings again; whether there was such a run.
fn place(conn: &Connection, item: &Item) -> Result<bool, DeviceError> {
    let Nested::Known(Body::Ops(run)) = &item.body else { return Ok(false) };
    let (first, last) = (run.dseq_first, run.last());
    if run.server {
        // Its log may have gone on with other ops at these positions: only the run itself is the run.
        let key = (run.dev.0, first, last);
        let mut find =
            conn.prepare_cached("SELECT body FROM unplaced WHERE dev = ?1 AND first = ?2 AND last = ?3")?;
        let kept: Option<Vec<u8>> = find.query_row(key, |row| row.get(0)).optional()?;
        let Some(Body::Ops(kept)) = kept.and_then(|it| Body::read(&it).ok()) else { return Ok(false) };
        // A value of it may be redacted meanwhile, here or there: the chain is the same.
        if kept != *run && kept.last_hash().is_none_or(|it| Some(it) != run.last_hash()) {
            return Ok(false);
        }
        let same = "DELETE FROM unplaced WHERE dev = ?1 AND first = ?2 AND last = ?3";
        return Ok(conn.prepare_cached(same)?.execute(key)? > 0);
    }
    if run.ops.ops.is_empty() {
        // Of it this device may read nothing.
        return Ok(false);
    }
    let reached = "SELECT first, last, body FROM unplaced WHERE dev = ?1 AND first <= ?3 AND last >= ?2 AND placed < ?3";
    let mut reached = conn.prepare_cached(reached)?;
    let rows = reached.query_map((run.dev.0, first, last), |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    let (mut same, mut is_other) = (Vec::new(), false);
    for row in rows {
        let (from, to, body) = row?;
        let kept = Body::read(&body).ok();
        if matches!(kept, Some(Body::Ops(kept)) if is_of_one_log(&kept, run)) {
            same.push((from, to));
        } else {
            is_other = true;
        }
    }
    if same.is_empty() {
        return Ok(false);
    }
    if is_other {
        // Of two logs at one place each is told by itself.
        let reach = "UPDATE unplaced SET placed = ?4 WHERE dev = ?1 AND first = ?2 AND last = ?3 AND placed BETWEEN ?5 - 1 AND ?4 - 1";
        for (from, to) in same {
            conn.prepare_cached(reach)?.execute((run.dev.0, from, to, last, first))?;
        }
        conn.execute("DELETE FROM unplaced WHERE placed >= last", [])?;
        return Ok(true);
    }
    let came = "INSERT INTO placed (dev, first, last) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    conn.execute(came, (run.dev.0, first, last))?;
    settle_placed(conn, run.dev)?;
    Ok(true)
}

/// Whether two runs of a device say the same wherever both say something; its log may have gone on otherwise. A value may be
/// redacted in one of them.
fn is_of_one_log(kept: &Run, told: &Run) -> bool {
    let read = |run: &Run| -> Option<BTreeMap<u64, Op>> {
        Some(run.ops.unpack(run.dseq_first).ok()?.into_iter().map(|op| (op.dseq, op)).collect())
    };
    let (Some(kept), Some(told)) = (read(kept), read(told)) else { return false };
    let says_the_same = |a: &Op, b: &Op| {
        let rest =
            (a.hlc, a.kind, a.audit, a.round) == (b.hlc, b.kind, b.audit, b.round) && a.field == b.field;
        rest && (a.value == b.value || a.is_redacted() || b.is_redacted())
    };
    told.iter().all(|(dseq, op)| kept.get(dseq).is_none_or(|it| says_the_same(it, op)))
}

/// Moves on what a stream brought again of a device's runs by all parts that follow on it, and forgets what that completes.
fn settle_placed(conn: &Connection, dev: DeviceId) -> Result<(), DeviceError> {
    let mut reach = conn.prepare_cached(
        "UPDATE unplaced SET placed = part.last FROM (SELECT first, max(last) AS last FROM placed WHERE dev = ?1 GROUP BY first) \
         AS part WHERE dev = ?1 AND unplaced.placed BETWEEN part.first - 1 AND part.last - 1",
    )?;
    while reach.execute([dev.0])? > 0 {}
    conn.execute("DELETE FROM unplaced WHERE placed >= last", [])?;
    conn.execute(
        "DELETE FROM placed WHERE NOT EXISTS (SELECT 1 FROM unplaced AS run WHERE run.dev = placed.dev \
         AND run.first <= placed.last AND run.last >= placed.first AND run.placed < placed.last)",
        [],
    )?;
    Ok(())
}

/// When what waits here was last offered anew, by the clock of the phone.
const OFFERED_MS: &str = "offered_ms";

/// What the office itself said to redact, runs of others, and of the logs that this device had before it was renewed. An office that
/// forgot a redaction takes no op without its value before it knows of it again, so these go first.
const OFFERED: &str = "SELECT 1, dev, first, body FROM proofs WHERE offered = 0 \
    UNION ALL SELECT 2, dev, first, body FROM unplaced WHERE offered = 0 \
    UNION ALL SELECT 2, dev, first, body FROM former_run WHERE offered = 0 ORDER BY 1, 2, 3";

/// Gives what a session loads the runs to offer, as many as fit into `room` bytes, but one where nothing else is sent; none of
/// those `without` which it is to go on.
pub(crate) fn add_relay(
    conn: &Connection,
    loaded: &mut Loaded,
    room: usize,
    without: &[RunId],
) -> Result<(), DeviceError> {
    let mut list = conn.prepare_cached(OFFERED)?;
    let mut rows = list.query([])?;
    let mut bytes = 0_usize;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(3)?;
        // What a server sent without its proof it would not take back.
        let Ok(Body::Ops(run)) = Body::read(&body) else { continue };
        if run.proof.is_none() || without.contains(&run.id()) || loaded.relay.contains(&run) {
            continue;
        }
        bytes = bytes.saturating_add(body.len());
        let alone = loaded.ops.is_empty() && loaded.relay.is_empty();
        if (bytes > room && !alone) || !may_relay(loaded.relay.iter().chain([&run])) {
            loaded.more_relay = true;
            break;
        }
        loaded.relay.push(run);
    }
    Ok(())
}

/// Takes note of what the server was offered; after a rewind or under another epoch everything is offered anew.
pub(crate) fn note_offers(conn: &Connection, commit: &Commit) -> Result<(), DeviceError> {
    if !commit.rewinds.is_empty() || store::get_number(conn, "epoch")? != commit.epoch {
        for table in ["unplaced", "former_run", "proofs"] {
            conn.execute(&format!("UPDATE {table} SET offered = 0 WHERE offered = 1"), [])?;
        }
    }
    for table in ["unplaced", "former_run"] {
        let note = format!("UPDATE {table} SET offered = 1 WHERE dev = ?1 AND first = ?2 AND last = ?3");
        let mut note = conn.prepare_cached(&note)?;
        for run in &commit.offered {
            note.execute((run.dev.0, run.first, run.last))?;
        }
    }
    let mut note = conn.prepare_cached("UPDATE proofs SET offered = 1 WHERE dev = ?1 AND first = ?2")?;
    for run in &commit.offered {
        note.execute((run.dev.0, run.first))?;
    }
    Ok(())
}

/// What the office was shown long ago and has told nobody since it is shown again: it may have had no room for it, or lacked what
/// goes before. What it says that it keeps it has.
pub(crate) fn offer_again(conn: &Connection, wall_ms: u64) -> Result<(), DeviceError> {
    if store::get_number(conn, OFFERED_MS)?.unwrap_or(0).abs_diff(wall_ms) < ASK_AGAIN_MS {
        return Ok(());
    }
    store::put_meta(conn, OFFERED_MS, &wall_ms.to_be_bytes())?;
    let told = told(conn)?;
    let shown = shown(conn)?;
    let mut again =
        conn.prepare("UPDATE unplaced SET offered = 0 WHERE dev = ?1 AND first = ?2 AND last = ?3")?;
    for (run, body) in &shown {
        if !is_kept(&told, run, body) {
            again.execute((run.dev.0, run.first, run.last))?;
        }
    }
    Ok(())
}

/// What the office says that it keeps of logs: the name of each such row, and up to where.
fn told(conn: &Connection) -> Result<Vec<(String, u64)>, DeviceError> {
    let mut list = conn.prepare("SELECT id, json FROM reference WHERE kind = ?1")?;
    let mut rows = list.query([KEPT])?;
    let mut told = Vec::new();
    while let Some(row) = rows.next()? {
        let json: Vec<u8> = row.get(1)?;
        if let Ok(kept) = domain::json::read::<KeptRow>(&json) {
            told.push((row.get(0)?, kept.through));
        }
    }
    Ok(told)
}

/// The runs that wait here and were offered, with what they are.
fn shown(conn: &Connection) -> Result<Vec<(RunId, Vec<u8>)>, DeviceError> {
    let mut list = conn.prepare("SELECT dev, first, last, body FROM unplaced WHERE offered = 1")?;
    let rows = list.query_map([], |row| {
        let run = RunId { dev: DeviceId(row.get(0)?), first: row.get(1)?, last: row.get(2)? };
        Ok((run, row.get(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the office says that it has a run, in its log or beside it.
fn is_kept(told: &[(String, u64)], run: &RunId, body: &[u8]) -> bool {
    let dev = run.dev.to_string();
    if told.iter().any(|(id, through)| *id == dev && *through >= run.last) {
        return true;
    }
    let ends_here = |(id, through): &&(String, u64)| *through == run.last && id.starts_with(&dev);
    // Only what ends where something is kept is read, which takes longer.
    told.iter().any(|it| ends_here(&it))
        && matches!(Body::read(body), Ok(Body::Ops(run)) if run.last_hash().is_some_and(|h| {
            told.iter().filter(ends_here).any(|(id, _)| *id == format!("{}/{h}", run.dev))
        }))
}

/// What waits here until a stream brings it again.
pub(crate) fn waiting(conn: &Connection) -> Result<Unplaced, DeviceError> {
    let sql =
        "SELECT count(*), coalesce(sum(last - first + 1), 0), coalesce(sum(offered = 0), 0) FROM unplaced";
    Ok(conn.query_row(sql, [], |row| {
        Ok(Unplaced { runs: row.get(0)?, ops: row.get(1)?, to_offer: row.get(2)? })
    })?)
}

/// What an entry says that the office keeps beside a log, since the log goes on otherwise there: it is part of no audit.
pub(crate) fn evidence_of(body: &Body) -> Option<KeptRow> {
    let Body::RefRow(row) = body else { return None };
    let is_evidence = row.kind == KEPT && row.id.contains('/');
    row.json.as_deref().filter(|_| is_evidence).and_then(|it| domain::json::read(it).ok())
}

/// Whether an entry says that the office keeps a run that waits here as evidence.
fn is_kept_as_evidence(conn: &Connection, item: &Item) -> Result<bool, DeviceError> {
    let Nested::Known(body) = &item.body else { return Ok(false) };
    let Some(kept) = evidence_of(body) else { return Ok(false) };
    let mut find = conn.prepare_cached("SELECT 1 FROM unplaced WHERE dev = ?1 AND last = ?2")?;
    Ok(find.exists((kept.dev.0, kept.through))?)
}

/// Applies the runs that no stream holds any more, after everything that one does: what one brought again of them ranks by that.
///
/// - `evidence` is what streams say that the office keeps beside logs.
pub(crate) fn replay_unplaced(writer: &mut Writer<'_>, evidence: &[KeptRow]) -> Result<(), DeviceError> {
    let conn = writer.conn;
    let mut list = conn.prepare("SELECT recv_ms, body FROM unplaced ORDER BY dev, first, last")?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(1)?;
        if let Ok(Body::Ops(run)) = Body::read(&body) {
            let (last, h) = (run.last(), run.last_hash());
            if evidence.iter().any(|it| it.dev == run.dev && it.through == last && Some(it.h) == h) {
                continue;
            }
            // A run that cannot be applied was in quarantine before.
            let _ = take_in_run(writer, &run, row.get(0)?, TakeIn::Missing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, DeviceKind, NewDevice};
    use sync_core::{
        Bytes, Kind, Op, OpId, Seed, codec,
        exchange::{RefRow, Run},
        hlc,
        op::Opening,
        packed::PackedOps,
        relay::Proof,
        signature::Algorithm,
    };
    use uuid::Uuid;

    fn said_by_the_server(audit: u128) -> Item {
        let (dev, audit) = (DeviceId([7; 16]), Uuid::from_u128(audit));
        let op = Op {
            dseq: 1,
            hlc: 1,
            kind: Kind::Return,
            audit,
            round: 2,
            field: String::new(),
            base: Vec::new(),
            value: Some(Bytes::from("")),
            opening: Opening::Seeded,
            origin: None,
        };
        let ops = PackedOps::pack(dev, &[op], |_| Some(Seed([1; 32])));
        let run = Run { dev, key: None, server: true, dseq_first: 1, ops, proof: None, evidence: false };
        let body = Nested::Known(Body::Ops(run));
        Item { first: 1, last: 1, recv_ms: 5, h: Hash::of(audit.as_bytes()), body }
    }

    #[test]
    fn other_ops_of_the_server_at_the_same_position_do_not_stand_for_what_it_had_said() {
        let dir = tempfile::tempdir().unwrap();
        let new = NewDevice { secret: [3; 32], kind: DeviceKind::Phone };
        let device = Device::create(dir.path(), &new).unwrap();
        let (lost, other) = (said_by_the_server(1), said_by_the_server(2));
        let Nested::Known(body) = &lost.body else { unreachable!() };
        let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 1, 1, 0, 0, 5, ?2)";
        device.conn.execute(keep, ([7_u8; 16], codec::to_cbor(body).unwrap())).unwrap();
        let left = || {
            device.conn.query_row("SELECT count(*) FROM unplaced", [], |row| row.get::<_, u64>(0)).unwrap()
        };
        assert!(!place(&device.conn, &other).unwrap());
        assert_eq!(left(), 1);
        assert!(place(&device.conn, &lost).unwrap());
        assert_eq!(left(), 0);
    }

    /// Answers of one push, each in a visit of its own, by a clock that nobody believes.
    fn visits(dev: DeviceId, all: std::ops::RangeInclusive<u64>) -> Run {
        let ops: Vec<Op> = all
            .map(|dseq| Op {
                dseq,
                hlc: hlc::at_ms(1 << 40) + dseq,
                kind: Kind::Set,
                audit: Uuid::from_u128(dseq.into()),
                round: 1,
                field: "A01".to_owned(),
                base: Vec::new(),
                value: Some(Bytes::from("\"yes\"")),
                opening: Opening::Seeded,
                origin: None,
            })
            .collect();
        let dseq_first = ops[0].dseq;
        let ops = PackedOps::pack(dev, &ops, |_| Some(Seed([1; 32])));
        Run { dev, key: None, server: false, dseq_first, ops, proof: None, evidence: false }
    }

    #[test]
    fn visits_of_one_push_that_are_taken_in_again_in_any_order_rank_by_that_and_wait_no_longer() {
        let (before, again) = (5, 2_000_000);
        for order in [[1, 2, 3], [2, 1, 3], [3, 2, 1], [2, 3, 1]] {
            let (_dir, mut device) = device();
            let dev = DeviceId([8; 16]);
            let body = codec::to_cbor(&Body::Ops(visits(dev, 1..=3))).unwrap();
            let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 1, 3, 0, 0, ?2, ?3)";
            device.conn.execute(keep, (dev.0, before, body)).unwrap();
            let stream = "INSERT INTO stream (id, cursor, f) VALUES ('u', 0, ?1)";
            device.conn.execute(stream, [[0_u8; 32]]).unwrap();
            let mut came = Vec::new();
            for (at, dseq) in (1_u64..).zip(order) {
                let body = Nested::Known(Body::Ops(visits(dev, dseq..=dseq)));
                let item = Item { first: at, last: at, recv_ms: again, h: Hash::ZERO, body };
                let Nested::Known(body) = &item.body else { unreachable!() };
                let add = "INSERT INTO feed (stream, first, last, recv_ms, h, body) VALUES ('u', ?1, ?1, ?2, ?3, ?4)";
                let raw = codec::to_cbor(body).unwrap();
                device.conn.execute(add, (at, again, [0_u8; 32], raw)).unwrap();
                assert!(place(&device.conn, &item).unwrap());
                came.push(dseq);
                let ranks = device.transact(|mut writer, _| {
                    crate::rebuild::replay(&mut writer)?;
                    let rank = |dseq: u64| {
                        let audit = writer.audit(Uuid::from_u128(dseq.into()))?;
                        Ok(audit.ops.get(&OpId::new(dev, dseq)).map(|it| it.eff_hlc))
                    };
                    (1..=3).map(rank).collect::<Result<Vec<_>, DeviceError>>()
                });
                let expected = (1..=3).map(|dseq| {
                    let recv_ms = if came.contains(&dseq) { again } else { before };
                    Some(hlc::effective(u64::MAX, recv_ms))
                });
                assert_eq!(ranks.unwrap(), expected.collect::<Vec<_>>(), "{came:?}");
            }
            for table in ["unplaced", "placed"] {
                let left = format!("SELECT count(*) FROM {table}");
                assert_eq!(
                    device.conn.query_row(&left, [], |row| row.get(0)),
                    Ok(0_u64),
                    "{table} {order:?}"
                );
            }
        }
    }

    #[test]
    fn an_entry_of_which_nothing_may_be_read_brings_nothing_again() {
        let (_dir, device) = device();
        let dev = DeviceId([8; 16]);
        let body = codec::to_cbor(&Body::Ops(visits(dev, 1..=3))).unwrap();
        let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 1, 3, 0, 0, 5, ?2)";
        device.conn.execute(keep, (dev.0, body)).unwrap();
        // The office tells the taken-in visit at position 2, which this person may no longer read: pull::without leaves an empty run.
        let whole = visits(dev, 2..=2);
        let ops = PackedOps::pack(dev, &[], |_| None);
        let run = Run { dseq_first: 2, ops, proof: None, ..whole };
        let item = Item { first: 1, last: 1, recv_ms: 9, h: Hash::ZERO, body: Nested::Known(Body::Ops(run)) };
        assert!(!place(&device.conn, &item).unwrap());
    }

    #[test]
    fn another_log_at_the_same_positions_takes_no_run_away_that_waits_here() {
        let (_dir, device) = device();
        let dev = DeviceId([8; 16]);
        let other = |all: std::ops::RangeInclusive<u64>| {
            let first = *all.start();
            let ops: Vec<Op> = visits(dev, all).ops.unpack(first).unwrap();
            let ops: Vec<Op> =
                ops.into_iter().map(|op| Op { value: Some(Bytes::from("\"no\"")), ..op }).collect();
            let ops = PackedOps::pack(dev, &ops, |_| Some(Seed([1; 32])));
            Run { ops, ..visits(dev, first..=first) }
        };
        // Offered once, when the office's log of it was shorter: a gap, which is not kept as evidence.
        let body = codec::to_cbor(&Body::Ops(visits(dev, 6..=10))).unwrap();
        let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 6, 10, 5, 1, 5, ?2)";
        device.conn.execute(keep, (dev.0, body)).unwrap();
        let body = Nested::Known(Body::Ops(other(5..=10)));
        let item = Item { first: 1, last: 6, recv_ms: 9, h: Hash::ZERO, body };
        place(&device.conn, &item).unwrap();
        let left: u64 = device.conn.query_row("SELECT count(*) FROM unplaced", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 1, "what the auditor typed is gone from the only phone that had it");
    }

    #[test]
    fn evidence_of_another_run_keeps_no_run_from_being_offered() {
        let (_dir, device) = device();
        let dev = DeviceId([8; 16]);
        let body = codec::to_cbor(&Body::Ops(visits(dev, 6..=10))).unwrap();
        let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 6, 10, 5, 1, 5, ?2)";
        device.conn.execute(keep, (dev.0, body)).unwrap();
        let json = serde_json::to_vec(&KeptRow { dev, through: 10, h: Hash::of(b"another log") }).unwrap();
        let id = format!("{dev}/{}", Hash::of(b"another log"));
        device
            .conn
            .execute("INSERT INTO reference (kind, id, json) VALUES (?1, ?2, ?3)", (KEPT, id, json))
            .unwrap();
        offer_again(&device.conn, 1 << 41).unwrap();
        let to_offer: u64 = device
            .conn
            .query_row("SELECT count(*) FROM unplaced WHERE offered = 0", [], |row| row.get(0))
            .unwrap();
        assert_eq!(to_offer, 1);
    }

    fn device() -> (tempfile::TempDir, Device) {
        let dir = tempfile::tempdir().unwrap();
        let new = NewDevice { secret: [3; 32], kind: DeviceKind::Phone };
        let device = Device::create(dir.path(), &new).unwrap();
        (dir, device)
    }

    #[test]
    fn what_the_office_keeps_beside_a_log_is_part_of_no_visit_here_and_stays_to_be_offered() {
        let (_dir, mut device) = device();
        let (dev, other) = (DeviceId([8; 16]), DeviceId([9; 16]));
        let proven = |dev| Run { proof: run_of(1).proof, ..visits(dev, 1..=3) };
        for dev in [dev, other] {
            let body = codec::to_cbor(&Body::Ops(proven(dev))).unwrap();
            let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 1, 3, 0, 1, 5, ?2)";
            device.conn.execute(keep, (dev.0, body)).unwrap();
        }
        let h = proven(dev).last_hash().unwrap();
        let stream = "INSERT INTO stream (id, cursor, f) VALUES ('u', 0, ?1)";
        device.conn.execute(stream, [[0_u8; 32]]).unwrap();
        let held = |device: &mut Device| {
            let found = device.transact(|mut writer, _| {
                crate::rebuild::replay(&mut writer)?;
                let audit = writer.audit(Uuid::from_u128(1))?;
                Ok([dev, other].map(|it| audit.ops.get(&OpId::new(it, 1)).is_some()))
            });
            found.unwrap()
        };
        assert_eq!(held(&mut device), [true, true]);
        for (at, hash, is_it) in [(1, Hash::of(b"another log"), true), (2, h, true), (3, h, false)] {
            let dev = if at == 3 { DeviceId([7; 16]) } else { dev };
            let json = Bytes::from(serde_json::to_vec(&KeptRow { dev, through: 3, h: hash }).unwrap());
            let row = RefRow { kind: KEPT.to_owned(), id: format!("{dev}/{hash}"), json: Some(json) };
            let body = Nested::Known(Body::RefRow(row));
            let item = Item { first: at, last: at, recv_ms: 5, h: Hash::ZERO, body };
            assert_eq!(is_kept_as_evidence(&device.conn, &item).unwrap(), is_it);
            let Nested::Known(body) = &item.body else { unreachable!() };
            let add =
                "INSERT INTO feed (stream, first, last, recv_ms, h, body) VALUES ('u', ?1, ?1, 5, ?2, ?3)";
            device.conn.execute(add, (at, [0_u8; 32], codec::to_cbor(body).unwrap())).unwrap();
            assert_eq!(held(&mut device), [at == 1, true], "after {at}");
        }
        // An office that forgot it says nothing of it, and it is shown again.
        device.conn.execute("DELETE FROM feed", []).unwrap();
        assert_eq!(held(&mut device), [true, true]);
    }

    /// A run with a proof, which nobody verifies here.
    fn run_of(dev: u8) -> Run {
        let Nested::Known(Body::Ops(run)) = said_by_the_server(1).body else { unreachable!() };
        let proof =
            Proof { prev_h: Hash::ZERO, first: 1, epoch: 1, alg: Algorithm::Ed25519, sig: Bytes::default() };
        Run { dev: DeviceId([dev; 16]), proof: Some(proof), ..run }
    }

    fn keep(device: &Device, dev: u8) {
        let keep = "INSERT INTO unplaced (dev, first, last, placed, offered, recv_ms, body) VALUES (?1, 1, 1, 0, 0, 5, ?2)";
        let body = codec::to_cbor(&Body::Ops(run_of(dev))).unwrap();
        device.conn.execute(keep, ([dev; 16], body)).unwrap();
    }

    fn offered(device: &Device, room: usize) -> Vec<DeviceId> {
        device.load(1, room, false, &[]).unwrap().relay.iter().map(|it| it.dev).collect()
    }

    #[test]
    fn what_the_office_said_to_redact_is_offered_before_all_else() {
        let (_dir, device) = device();
        keep(&device, 1);
        let proof = codec::to_cbor(&Body::Ops(run_of(9))).unwrap();
        let said = "INSERT INTO proofs (dev, first, body, offered) VALUES (?1, 1, ?2, 0)";
        device.conn.execute(said, ([9_u8; 16], proof)).unwrap();
        assert_eq!(offered(&device, 0), [DeviceId([9; 16])]);
        assert_eq!(offered(&device, 1 << 20), [9, 1].map(|it| DeviceId([it; 16])));
    }

    #[test]
    fn what_the_office_had_no_room_for_is_offered_again_and_what_it_says_that_it_keeps_is_not() {
        let (_dir, device) = device();
        (1..=3).for_each(|it| keep(&device, it));
        device.conn.execute("UPDATE unplaced SET offered = 1", []).unwrap();
        for (dev, through) in [(2, 1), (3, 0)] {
            let dev = DeviceId([dev; 16]);
            let row = serde_json::to_vec(&KeptRow { dev, through, h: Hash::ZERO }).unwrap();
            crate::mirror::put(&device.conn, KEPT, &dev.to_string(), &row).unwrap();
        }
        let now = ASK_AGAIN_MS * 10;
        offer_again(&device.conn, now).unwrap();
        assert_eq!(offered(&device, 1 << 20), [1, 3].map(|it| DeviceId([it; 16])));
        device.conn.execute("UPDATE unplaced SET offered = 1", []).unwrap();
        offer_again(&device.conn, now + ASK_AGAIN_MS - 1).unwrap();
        assert_eq!(offered(&device, 1 << 20), []);
        offer_again(&device.conn, now + ASK_AGAIN_MS).unwrap();
        assert_eq!(offered(&device, 1 << 20).len(), 2);
    }
}
