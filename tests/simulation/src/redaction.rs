//! Redactions: the office takes a value or a photo out of a visit at any moment, whatever phones do with it meanwhile. Owns what is
//! known of them, and their law: what an office or a phone knows to be redacted stands in none of its bytes, nor does what it could
//! be guessed with, and nothing else loses its value.

use crate::{
    check::{runs_given_up, segment_of},
    dice::Dice,
    disk::{At, Image, Trouble},
    fault::Fault,
    mutant::{Kept, Mutant, Setting},
    oracle::{Checked, broken},
    phone::DATABASE_FILE,
    world::World,
};
use domain::ids::AuditId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use sync_core::{
    AuditOps, DeviceId, Hash, Kind, Op, OpId, Seed,
    chain::Blinds,
    fold::Arrival,
    payload::{self, AttachValue},
    redaction::Redactions,
};
use uuid::Uuid;

/// What every text of a run carries before its own number, so that it can be found in whatever holds it.
pub const MARK: &str = "said-";
const MARK_LENGTH: usize = MARK.len() + 16;

/// What the office said once: a `redact` op of its log.
#[derive(Debug, Clone)]
struct Said {
    id: OpId,
    op: Op,
    /// Bytes that stand nowhere any more where this is known.
    gone: BTreeSet<Vec<u8>>,
    /// Whether an office that was made from an older copy did not know it any more.
    is_undone: bool,
}

/// What was redacted in a run, by the simulator's own account.
#[derive(Default)]
pub struct Redacted {
    said: Vec<Said>,
    /// What was named, ever.
    named: Redactions,
    /// Photos that were named.
    photos: BTreeSet<Hash>,
}

impl Redacted {
    /// Whether an op may be without its value.
    #[must_use]
    pub fn names(&self, origin: &OpId, audit: &Uuid, field: &str) -> bool {
        self.named.contains(origin, audit, field)
    }

    /// Whether the bytes of a photo may be gone.
    #[must_use]
    pub fn has_photo(&self, id: &Hash) -> bool {
        self.photos.contains(id)
    }

    /// What of it an audit's ops tell.
    fn known(&self, audit: Uuid, ops: &AuditOps) -> Vec<&Said> {
        self.said.iter().filter(|it| it.op.audit == audit && it.is_in(ops)).collect()
    }
}

impl Said {
    /// Whether an audit's ops tell it; another op may stand at its place after a restore.
    fn is_in(&self, ops: &AuditOps) -> bool {
        ops.get(&self.id)
            .is_some_and(|it| it.server && (it.op.kind, &it.op.base) == (Kind::Redact, &self.op.base))
    }
}

/// What of these ops would give a redacted value away: its text, the seed of its author, its blind.
fn telling(before: &AuditOps, redact: &Op) -> BTreeSet<Vec<u8>> {
    let mut gone = BTreeSet::new();
    for id in &redact.base {
        let seed = before.seed(&id.dev);
        gone.extend(seed.map(|it| it.0.to_vec()));
        if let Some(op) = before.get(id).map(|it| &it.op).filter(|it| it.field == redact.field) {
            gone.extend(op.value.as_deref().filter(|_| op.kind.loses_value()).and_then(mark_of));
            let blinds = seed.and_then(Blinds::of_seed).filter(|_| op.kind.loses_value());
            gone.extend(blinds.map(|it| it.blind(id.dseq, op.kind, &op.field).0.to_vec()));
        }
    }
    gone
}

/// The mark of a text, and the number after it.
fn mark_of(value: &[u8]) -> Option<Vec<u8>> {
    let at = value.windows(MARK.len()).position(|it| it == MARK.as_bytes())?;
    value.get(at..at + MARK_LENGTH).map(<[u8]>::to_vec)
}

fn can_be_redacted(op: &Op) -> bool {
    op.kind.loses_value() || op.kind == Kind::Attach
}

/// The first of these that stands in some bytes.
fn find<'a>(sought: &BTreeSet<&'a [u8]>, bytes: &[u8]) -> Option<&'a [u8]> {
    let mut by_beginning: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for it in sought {
        by_beginning.entry(&it[..8]).or_default().push(it);
    }
    let mut places = bytes.windows(8).enumerate();
    places.find_map(|(at, it)| by_beginning.get(it)?.iter().find(|it| bytes[at..].starts_with(it)).copied())
}

impl World {
    /// Somebody asks that something is taken out of a visit.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn redact(&mut self, dice: &mut Dice) -> Checked {
        let audits: Vec<Uuid> = self.oracle.owners.keys().copied().collect();
        let racing: Vec<Uuid> = audits.iter().copied().filter(|it| self.has_unsent(*it)).collect();
        let among = if racing.is_empty() || dice.once_in(2) { &audits } else { &racing };
        let Some(audit) = among.get(dice.place(among.len())).copied() else { return Ok(()) };
        let Some(before) = self.server_ops(audit) else { return Ok(()) };
        let can = before.iter().filter(|(id, it)| {
            can_be_redacted(&it.op) && !it.server && !before.redactions().names(id, &it.op)
        });
        let can: Vec<(OpId, Op)> = can.map(|(id, it)| (*id, it.op.clone())).collect();
        let Some((id, op)) = can.get(dice.place(can.len())) else { return Ok(()) };
        let order = if dice.once_in(2) {
            json!({"fields": [op.field], "reason": "asked for"})
        } else {
            json!({"ops": [id.to_string()], "reason": "asked for"})
        };
        let unsent = self.has_unsent(audit);
        let before = self.with_set_aside(audit, before);
        let kept = self
            .mutant
            .filter(|it| it.setting() == Setting::Redaction)
            .map(|_| Kept::of(&self.office, audit));
        let done = self.order(audit, &order, dice);
        let new = self.note_redactions(audit, &before);
        self.say(|| format!("  {order} of {audit}: {done}, {new} redactions"));
        if new == 0 && done {
            return broken("the office answers", format!("a redaction of {audit} is done and not said"));
        }
        if new > 0 {
            let fault = if op.kind == Kind::Attach { Fault::RedactionOfPhoto } else { Fault::Redaction };
            self.fired.note(fault);
            if unsent {
                self.fired.note(Fault::RedactionRaces);
            }
            if op.origin.is_some() {
                self.fired.note(Fault::RedactedSaidAgain);
            }
            match (self.mutant, kept) {
                (Some(Mutant::LogKeepsRedacted), Some(kept)) => kept.put_logs_back(&self.office),
                (Some(Mutant::LatePushBringsBack), kept) => self.mail.kept = kept,
                _ => {}
            }
        }
        self.check_office_redacted()
    }

    /// Gives an order, in the middle of which the office may go off; whether it is done.
    fn order(&mut self, audit: Uuid, order: &Value, dice: &mut Dice) -> bool {
        let token = self.office.session(&self.office.people.reviewer);
        let crash = self.mixture.network > 0 && dice.once_in(3);
        if crash {
            let after = dice.below(60);
            self.office.disk.expect(Trouble::Off, At::Any, after);
        }
        let address = format!("/api/v1/visits/{audit}/redact");
        let answer = self.office.send(|it| it.post(&address).bearer(&token).json(order));
        if crash {
            self.office.disk.switch_off();
            self.fired.note(Fault::CrashInRedaction);
            self.office.restart(dice);
            self.mail.unstored.clear();
            return false;
        }
        answer.status.is_success()
    }

    /// What the office holds of an audit, with what waits for a person: a redaction of a field is of that too.
    pub(crate) fn with_set_aside(&self, audit: Uuid, mut held: AuditOps) -> AuditOps {
        let found = self.office.read(|tx, org| db::quarantine::list(tx, org, false, None, 5_000)).items;
        for it in found.iter().filter(|it| it.audit_id.0 == audit) {
            let stored = self.office.read(|tx, org| db::devices::find_segment(tx, org, it.dev, it.dseq));
            let segment = stored.and_then(|stored| segment_of(&stored).ok()?.chained_as_kept(it.dev).ok());
            let Some(segment) = segment else { continue };
            if let Some(op) = segment.ops.iter().find(|op| op.dseq == it.dseq) {
                held.insert(it.dev, op.clone(), Arrival::LOCAL);
            }
            segment
                .seeds
                .iter()
                .filter(|seed| seed.0 == audit)
                .for_each(|seed| held.set_seed(it.dev, seed.1));
        }
        held
    }

    /// Takes note of what the office said on an audit and had not said before; how many.
    fn note_redactions(&mut self, audit: Uuid, before: &AuditOps) -> usize {
        let Some(ops) = self.server_ops(audit) else { return 0 };
        let said = ops.iter().filter(|(id, it)| {
            it.server && it.op.kind == Kind::Redact && before.get(id).is_none_or(|old| old.op != it.op)
        });
        let mut count = 0;
        for (id, stored) in said {
            let redacted = &mut self.oracle.redacted;
            redacted.named.add_named(&stored.op);
            let named = stored.op.base.iter().filter_map(|it| before.get(it));
            let photos = named.filter(|it| it.op.kind == Kind::Attach);
            let photos = photos.filter_map(|it| payload::of_op::<AttachValue>(&it.op).ok());
            redacted.photos.extend(photos.map(|it| it.blob));
            let gone = telling(before, &stored.op);
            redacted.said.push(Said { id: *id, op: stored.op.clone(), gone, is_undone: false });
            count += 1;
        }
        count
    }

    fn is_known_to_the_office(&self, said: &Said) -> bool {
        self.server_ops(said.op.audit).is_some_and(|ops| said.is_in(&ops))
    }

    /// The office was made from a copy: what it said since then it may not know. Whether there is such.
    pub(crate) fn undo_redactions(&mut self) -> bool {
        let mut all = std::mem::take(&mut self.oracle.redacted.said);
        let mut is_lost = false;
        for said in &mut all {
            let is_unknown = !self.is_known_to_the_office(said);
            (said.is_undone, is_lost) = (said.is_undone || is_unknown, is_lost || is_unknown);
        }
        self.oracle.redacted.said = all;
        is_lost
    }

    /// What the office knows to be redacted, and the bytes that give it away.
    fn known_to_the_office(&self) -> (Redactions, BTreeSet<&[u8]>) {
        let (mut known, mut gone) = (Redactions::default(), BTreeSet::new());
        let audits: BTreeSet<Uuid> = self.oracle.redacted.said.iter().map(|it| it.op.audit).collect();
        for (audit, ops) in audits.into_iter().filter_map(|it| Some((it, self.server_ops(it)?))) {
            for said in self.oracle.redacted.known(audit, &ops) {
                known.add_named(&said.op);
                gone.extend(said.gone.iter().map(Vec::as_slice));
            }
        }
        (known, gone)
    }

    /// What the office knows to be redacted stands in nothing that it stores.
    ///
    /// # Errors
    /// Where it does.
    pub fn check_office_redacted(&self) -> Checked {
        if self.oracle.redacted.said.is_empty() {
            return Ok(());
        }
        let (known, gone) = self.known_to_the_office();
        let law = "a redaction is for good";
        let mut owed = self.oracle.redacted.said.iter().filter(|it| !it.is_undone);
        if let Some(forgotten) = owed.find(|it| !self.is_known_to_the_office(it)) {
            return broken(law, format!("the office knows nothing of {:?} any more", forgotten.id));
        }
        for audit in self.oracle.redacted.said.iter().map(|it| it.op.audit).collect::<BTreeSet<_>>() {
            let stored = self.office.read(|tx, org| db::audits::find_ops(tx, org, AuditId(audit)));
            let Some(stored) = stored else { continue };
            let read = AuditOps::decode(&stored).ok().and_then(|it| it.encode().ok());
            if read.as_ref() != Some(&stored) || find(&gone, &stored).is_some() {
                return broken(law, format!("the office's visit {audit} holds what was redacted"));
            }
        }
        let devices = self.office.read(|tx, org| db::devices::list(tx, org, None, None, 500)).items;
        for dev in devices.into_iter().map(|it| it.dev) {
            self.check_log_redacted(dev, &known, &gone)?;
            for (run, bytes) in runs_given_up(&self.office, dev) {
                if find(&gone, &bytes).is_some() {
                    return broken(law, format!("what {dev} gave up at {run} holds what was redacted"));
                }
            }
            let carried = self.office.read(|tx, org| db::feed::list_carried(tx, org, dev));
            let mut carried = carried.iter().filter_map(|it| it.payload.as_deref());
            if carried.any(|it| find(&gone, it).is_some()) {
                return broken(law, format!("a stream holds of {dev} what was redacted"));
            }
        }
        let told = self.office.read(|tx, org| db::audit_log::list(tx, org, None, 0, 5_000)).items;
        match told.iter().any(|it| find(&gone, it.detail.as_bytes()).is_some()) {
            true => broken(law, "the office's own log tells what was redacted"),
            false => Ok(()),
        }
    }

    fn check_log_redacted(&self, dev: DeviceId, known: &Redactions, gone: &BTreeSet<&[u8]>) -> Checked {
        let law = "a redaction is for good";
        for stored in self.office.read(|tx, org| db::devices::list_segments(tx, org, dev, 0, 10_000)).items {
            let at = || format!("the log of {dev} at {} holds what was redacted", stored.first_dseq);
            let segment = segment_of(&stored).or_else(|it| broken(law, it))?;
            let ops = segment.ops.unpack(segment.first).or_else(|it| broken(law, it.to_string()))?;
            let is_left = |op: &Op| known.takes(&OpId::new(dev, op.dseq), op) && !op.is_redacted();
            let is_open = |audit: &Uuid| known.closes(&dev, audit) && segment.ops.seed(audit).is_some();
            let texts: Vec<&[u8]> = ops.iter().filter_map(|it| it.value.as_deref()).collect();
            if ops.iter().any(is_left)
                || segment.ops.audits.iter().any(|it| is_open(&it.0))
                || texts.iter().any(|it| find(gone, it).is_some())
            {
                return broken(law, at());
            }
        }
        Ok(())
    }

    /// What a phone knows to be redacted stands in none of its bytes.
    ///
    /// # Errors
    /// Where it does.
    pub fn check_phone_redacted(&self, at: usize) -> Checked {
        let phone = &self.phones[at];
        let Some(device) = phone.device.as_ref().filter(|_| !phone.is_damaged) else { return Ok(()) };
        let mut gone: BTreeSet<&[u8]> = BTreeSet::new();
        let mut own: Vec<Seed> = Vec::new();
        for audit in self.oracle.redacted.said.iter().map(|it| it.op.audit).collect::<BTreeSet<_>>() {
            let Ok(ops) = device.ops(audit) else { continue };
            let known = self.oracle.redacted.known(audit, &ops);
            gone.extend(known.into_iter().flat_map(|it| it.gone.iter().map(Vec::as_slice)));
            if ops.is_closed(&phone.dev) {
                own.extend(phone.read_secret().and_then(|it| Seed::derive(&it, &audit)));
            }
        }
        gone.extend(own.iter().map(|it| it.0.as_slice()));
        if gone.is_empty() {
            return Ok(());
        }
        let image = phone.disk.image();
        match files_of(&image).find_map(|(name, bytes)| Some((name, find(&gone, bytes)?))) {
            Some((name, part)) => {
                let what = String::from_utf8_lossy(part).into_owned();
                broken("a redaction is for good", format!("{} holds {what:?} in {name}", phone.dev))
            }
            None => match compressed(&phone.database()).iter().find_map(|it| find(&gone, it)) {
                Some(part) => {
                    let what = String::from_utf8_lossy(part).into_owned();
                    broken("a redaction is for good", format!("{} holds {what:?}, compressed", phone.dev))
                }
                None => Ok(()),
            },
        }
    }

    /// At the end: nothing of what is redacted is in any byte of anybody who knows that it is, and photos are gone too.
    ///
    /// # Errors
    /// Where something is.
    pub fn check_redacted(&mut self) -> Checked {
        if self.oracle.redacted.said.is_empty() {
            return Ok(());
        }
        self.check_office_redacted()?;
        self.office.gather();
        let (known, gone) = self.known_to_the_office();
        if let Some(part) = find(&gone, &self.office.database_bytes()) {
            let what = String::from_utf8_lossy(part).into_owned();
            return broken("a redaction is for good", format!("the office's file holds {what:?}"));
        }
        for at in self.working(None) {
            self.check_phone_redacted(at)?;
        }
        self.check_photos_redacted(&known)
    }

    /// The bytes of a photo of which every attachment is redacted are gone from the office.
    fn check_photos_redacted(&self, known: &Redactions) -> Checked {
        let (mut gone, mut needed) = (BTreeSet::new(), BTreeSet::new());
        for ops in self.oracle.owners.keys().filter_map(|it| self.server_ops(*it)) {
            for (id, stored) in ops.iter().filter(|it| it.1.op.kind == Kind::Attach) {
                let Ok(value) = payload::of_op::<AttachValue>(&stored.op) else { continue };
                let side = if known.names(id, &stored.op) { &mut gone } else { &mut needed };
                side.insert(value.blob);
            }
        }
        self.office.app().purge_redacted(self.office.org).expect("photos can be purged");
        let stored = self.stored_photos();
        match gone.difference(&needed).find(|it| stored.contains(it) || self.office.has_photo(it)) {
            Some(id) => broken("a redaction is for good", format!("the photo {id} is still in the office")),
            None => Ok(()),
        }
    }
}

fn files_of(image: &Image) -> impl Iterator<Item = (&'static str, &[u8])> {
    const WAL: &str = "device.db-wal";
    [DATABASE_FILE, WAL].into_iter().filter_map(|it| Some((it, image.file(it)?)))
}

/// What a phone keeps compressed, opened.
fn compressed(database: &std::path::Path) -> Vec<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let Ok(store) = rusqlite::Connection::open(database) else { return Vec::new() };
    let all = "SELECT ops FROM sealed UNION ALL SELECT body FROM feed UNION ALL SELECT body FROM unplaced \
               UNION ALL SELECT body FROM former_run";
    let read = || -> Result<Vec<Vec<u8>>, rusqlite::Error> {
        let mut list = store.prepare(all)?;
        list.query_map([], |row| row.get(0))?.collect()
    };
    let rows = read().unwrap_or_default();
    let frames = rows.iter().filter_map(|row| row.get(row.windows(4).position(|it| it == MAGIC)?..));
    frames
        .filter_map(|frame| {
            let mut opened = Vec::new();
            let mut from = zstd::stream::read::Decoder::new(frame).ok()?.single_frame();
            from.read_to_end(&mut opened).ok().map(|_| opened)
        })
        .collect()
}
