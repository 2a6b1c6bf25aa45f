//! Laws that are checked while a run goes on: of the office after each step, of a phone whenever it has spoken with the office or
//! written on. Owns up to where all was looked at, so that a step costs what it changed.

use crate::{
    check::segment_of,
    office::Held,
    oracle::{Checked, broken},
    phone::Phone,
    world::World,
};
use device::Device;
use domain::ids::AuditId;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{AuditOps, DeviceId, Hash, Kind, OpId, chain::feed_hash, exchange::StreamId};
use uuid::Uuid;

/// Up to where a stream of the office was looked at.
#[derive(Default, Clone)]
struct Seen {
    last: u64,
    f: Hash,
    /// The ops that it told.
    told: BTreeSet<OpId>,
}

/// Up to where an office was looked at; one that is made from a copy is looked at anew.
#[derive(Default)]
pub struct Watch {
    logs: BTreeMap<DeviceId, u64>,
    feeds: BTreeMap<StreamId, Seen>,
}

impl World {
    /// I2 and I11: what is new in the office follows what was there, and visits stay with the checklist that they pin.
    pub(crate) fn check_office_step(&mut self, held: &BTreeMap<DeviceId, Held>) -> Checked {
        let mut watch = std::mem::take(&mut self.watch);
        let touched = self.check_new_segments(&mut watch, held)?;
        self.check_new_entries(&mut watch)?;
        self.watch = watch;
        touched.into_iter().try_for_each(|it| self.check_pin(it))
    }

    /// Which visits the new segments are of.
    fn check_new_segments(
        &self,
        watch: &mut Watch,
        held: &BTreeMap<DeviceId, Held>,
    ) -> Result<BTreeSet<Uuid>, crate::oracle::Violation> {
        let mut touched = BTreeSet::new();
        for (dev, it) in held {
            let known = watch.logs.insert(*dev, it.head.dseq).unwrap_or(0);
            if known == it.head.dseq {
                continue;
            }
            let after = if known < it.head.dseq { known } else { 0 };
            let new = self.office.read(|tx, org| db::devices::list_segments(tx, org, *dev, after, 10_000));
            let mut last = after;
            for segment in new.items {
                if segment.first_dseq != last + 1 {
                    let what = format!("{dev}: a segment at {} after {last}", segment.first_dseq);
                    return broken("I2 exactly once", what);
                }
                last = segment.last_dseq;
                let opened =
                    segment_of(&segment).or_else(|it| broken("I7 tamper", format!("{dev}: {it}")))?;
                touched.extend(opened.ops.audits.iter().map(|it| it.0));
            }
            if last != it.head.dseq {
                let what = format!("{dev}: segments to {last}, a head at {}", it.head.dseq);
                return broken("I2 exactly once", what);
            }
        }
        Ok(touched)
    }

    fn check_new_entries(&self, watch: &mut Watch) -> Checked {
        let ends = self.office.read(|tx, org| db::feed::list_ends(tx, org, None, 500)).items;
        for (stream, end) in ends {
            let seen = watch.feeds.entry(stream).or_default();
            if seen.last == end.last {
                continue;
            }
            let new = self.office.read(|tx, org| db::feed::list(tx, org, stream, seen.last, 10_000)).items;
            for entry in new {
                let ms = u64::try_from(entry.received_at.0 / 1_000).unwrap_or(0);
                let f = feed_hash(&seen.f, &entry.h, entry.sseq_last, ms);
                let is_next = entry.sseq_first == seen.last + 1 && entry.sseq_last >= entry.sseq_first;
                if !is_next || f != entry.f {
                    let what = format!("{stream}: {} after {}", entry.sseq_first, seen.last);
                    return broken("I2 exactly once", what);
                }
                (seen.last, seen.f) = (entry.sseq_last, f);
                let (Some(dev), Some(first), Some(last)) = (entry.dev, entry.dseq_first, entry.dseq_last)
                else {
                    continue;
                };
                if entry.kind == "ops"
                    && let Some(dseq) = (first..=last).find(|it| !seen.told.insert(OpId::new(dev, *it)))
                {
                    return broken("I2 exactly once", format!("{dev} {dseq} is told twice"));
                }
            }
            if (seen.last, seen.f) != (end.last, end.f) {
                return broken("I2 exactly once", format!("{stream} does not end where it says"));
            }
        }
        Ok(())
    }

    /// I11: a visit stays with the checklist that it pins.
    ///
    /// # Errors
    /// Where its row says another.
    pub(crate) fn check_pin(&self, audit: Uuid) -> Checked {
        let row = self.office.read(|tx, org| db::audits::find(tx, org, AuditId(audit)));
        let Some((row, ops)) = row.and_then(|it| Some((it, self.server_ops(audit)?))) else { return Ok(()) };
        let pin = ops.view().pin().map(|it| it.content_hash);
        if Some(row.template_hash) == pin {
            return Ok(());
        }
        // Handed in by a phone whose beginning of it waits for a person, and which had not seen another's.
        let waiting = self.with_set_aside(audit, AuditOps::new());
        let mut begun = waiting.iter().filter(|it| it.1.op.kind == Kind::Create);
        if pin.is_none() && begun.any(|it| ops.get(it.0).is_none()) {
            return Ok(());
        }
        self.tell(&ops);
        broken("I11 pin", format!("{audit} is pinned to {pin:?}, its row says {}", row.template_hash))
    }

    /// I6 and I12: a phone has what its cursors count, and no visit that is another person's.
    pub(crate) fn check_phone_step(&self, at: usize) -> Checked {
        let phone = &self.phones[at];
        let Some(device) = phone.device.as_ref().filter(|_| !phone.is_damaged) else { return Ok(()) };
        self.check_visits(phone, device)?;
        let cursors = match cursors(phone) {
            Ok(cursors) => cursors,
            Err(error) => return broken("a store can be read", error.to_string()),
        };
        for Cursor { stream, last, f, entries } in cursors {
            let mut reached = 0;
            for (first, to) in entries {
                if first != reached + 1 {
                    return broken(
                        "I6 cursor",
                        format!("{}: {stream} has {first} after {reached}", phone.dev),
                    );
                }
                reached = to;
            }
            if reached != last {
                let what = format!("{}: {stream} counts {last}, and ends at {reached}", phone.dev);
                return broken("I6 cursor", what);
            }
            if phone.has_read && last > 0 {
                self.check_cursor(phone, &stream, last, f)?;
            }
        }
        Ok(())
    }

    /// Where the office was not made anew since, it says the same at a cursor.
    fn check_cursor(&self, phone: &Phone, stream: &str, last: u64, f: Hash) -> Checked {
        let Ok(stream) = stream.parse::<StreamId>() else {
            return broken("I6 cursor", format!("{}: a stream {stream}", phone.dev));
        };
        let there = self.office.read(|tx, org| db::feed::list(tx, org, stream, last - 1, 1)).items;
        match there.first() {
            Some(entry) if entry.sseq_last > last || entry.f == f => Ok(()),
            other => {
                let what = other.map(|it| (it.sseq_first, it.sseq_last));
                broken("I6 cursor", format!("{}: {stream} at {last}, the office has {what:?}", phone.dev))
            }
        }
    }

    fn check_visits(&self, phone: &Phone, device: &Device) -> Checked {
        let list = device.list(None, 1_000).or_else(|it| broken("a store can be read", it.to_string()))?;
        let is_own = |audit: &Uuid| self.oracle.owners.get(audit).is_none_or(|it| *it == phone.auditor);
        for audit in list.into_iter().map(|it| it.audit).filter(|it| !is_own(it)) {
            let ops = device.ops(audit).or_else(|it| broken("a store can be read", it.to_string()))?;
            if !self.is_rogues(&ops) {
                let what = format!("{audit} is another's, and {} has it", phone.dev);
                return broken("I12 permission", what);
            }
        }
        Ok(())
    }
}

/// I9: the clock of a log rises, from a position on.
///
/// # Errors
/// Where it does not, and those of the store.
pub(crate) fn check_clock(phone: &Phone, from: u64) -> Checked {
    let sinks = "SELECT count(*) FROM oplog AS one JOIN oplog AS next ON next.dseq = one.dseq + 1 \
                 WHERE one.dseq >= ?1 AND next.hlc <= one.hlc";
    let count =
        Connection::open(phone.database()).and_then(|it| it.query_row(sinks, [from], |row| row.get(0)));
    match count {
        Ok(0_u64) => Ok(()),
        Ok(_) => broken("I9 clock", format!("the log of {} goes back after {from}", phone.dev)),
        Err(_) if phone.is_damaged => Ok(()),
        Err(error) => broken("a store can be read", error.to_string()),
    }
}

/// Where a phone stands in a stream, and the entries of it that the phone has: the numbers of their first and last items.
struct Cursor {
    stream: String,
    last: u64,
    f: Hash,
    entries: Vec<(u64, u64)>,
}

fn cursors(phone: &Phone) -> Result<Vec<Cursor>, rusqlite::Error> {
    let store = Connection::open(phone.database())?;
    let mut entries = store.prepare("SELECT first, last FROM feed WHERE stream = ?1 ORDER BY first")?;
    let mut streams = store.prepare("SELECT id, cursor, f FROM stream")?;
    let streams = streams.query_map([], |row| Ok((row.get(0)?, row.get(1)?, Hash(row.get(2)?))))?;
    let mut all = Vec::new();
    for stream in streams {
        let (stream, last, f): (String, u64, Hash) = stream?;
        let entries = entries.query_map([&stream], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let entries = entries.collect::<Result<_, _>>()?;
        all.push(Cursor { stream, last, f, entries });
    }
    Ok(all)
}
