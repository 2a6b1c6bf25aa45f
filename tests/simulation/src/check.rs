//! What must hold at the end of a run, when all faults have stopped and everybody has spoken with the office until nobody
//! has anything new.

use crate::{
    dice::Dice,
    fault::Fault,
    oracle::{Checked, Said, Violation, broken},
    phone::{Phone, Standing},
    world::World,
};
use device::DeviceError;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId, OpId, PublicKey, SealedSegment, Segment, VerifiedSegment, codec,
    content::content_root,
    exchange::{Run, StreamId},
    fold::{AuditView, Conflict, ConflictKind, StoredOp},
    hlc::{MAX_AHEAD_MS, at_ms},
    payload::{self, SubmitValue},
};
use uuid::Uuid;

/// Rounds after which everybody must have everything.
const ROUNDS: usize = 14;

/// What the office holds, read once.
struct Office {
    /// Ops by audit, whose bytes are what phones must have too.
    audits: BTreeMap<Uuid, AuditOps>,
    /// Ops that were set aside.
    set_aside: BTreeSet<OpId>,
    /// Those of them that were not taken in, and what nobody can prove any more and its author said again, by audit: some phones
    /// have them, and nobody else.
    left_out: BTreeMap<Uuid, BTreeSet<OpId>>,
}

impl World {
    /// Stops all faults and lets everybody sync until nobody has anything new; then every law is checked.
    ///
    /// # Errors
    /// The first law that does not hold.
    pub fn settle(&mut self) -> Checked {
        let mut dice = Dice::part(self.seed, u64::MAX - 1);
        self.calm()?;
        self.until_quiet(&mut dice)?;
        self.give_roles_back();
        self.until_quiet(&mut dice)?;
        self.rest_on_a_copy(&mut dice)?;
        self.hand_in_what_is_left(&mut dice)?;
        // What was set aside is taken in by a person, and then it is everybody's.
        self.adopt_everything();
        self.until_quiet(&mut dice)?;
        // Two that have read nothing yet: what they read is what everybody must have.
        let fresh = self.phones.len();
        for auditor in 0..2 {
            self.new_phone(auditor, &mut dice)?;
        }
        self.round(&mut dice)?;
        self.check_everything(fresh)
    }

    pub(crate) fn until_quiet(&mut self, dice: &mut Dice) -> Checked {
        for _ in 0..ROUNDS {
            if self.round(dice)? {
                return Ok(());
            }
        }
        broken("I14 progress", format!("not everything is settled after {ROUNDS} rounds"))
    }

    /// I12: what a revoked phone had not sent still arrives.
    fn hand_in_what_is_left(&mut self, dice: &mut Dice) -> Checked {
        for at in 0..self.phones.len() {
            let phone = &mut self.phones[at];
            let is_whole = !phone.is_copy && !phone.is_damaged;
            if phone.standing != Standing::Revoked || !is_whole {
                continue;
            }
            self.restart(at)?;
            let dev = self.phones[at].dev;
            // An office made from a copy forgot that it was taken out, or never knew it: it is let in with a code.
            if self.office.devices().get(&dev).is_none_or(|it| it.active) {
                self.phones[at].standing = Standing::Working;
                self.sign_in_again(at)?;
            }
            self.sync(at, usize::MAX, 0, dice)?;
            let phone = &self.phones[at];
            let held = self.office.devices().get(&phone.dev).map_or(0, |it| it.head.dseq);
            if held < phone.log.len() as u64 {
                let what = format!(
                    "{} was revoked with {} ops, the server holds {held}",
                    phone.dev,
                    phone.log.len()
                );
                return broken("I12 permission", what);
            }
        }
        Ok(())
    }

    fn calm(&mut self) -> Checked {
        self.now_ms += 86_400_000;
        self.office.set_time(self.now_ms);
        self.mail.storm = None;
        (self.mail.lagging, self.mail.replica) = (None, None);
        self.office.allow(server::Config::default().blob_day_bytes);
        self.late_mail_arrives(&mut Dice::of(self.seed));
        self.let_everybody_in();
        for at in self.working(None) {
            let phone = &mut self.phones[at];
            phone.clock.frozen_at = None;
            // Its person sees that nobody is reached, and sets it right.
            if phone.clock.is_refused(self.now_ms) {
                phone.clock.offset_ms = 0;
            }
            phone.disk.calm();
            if phone.disk.is_off() {
                phone.kill();
            }
            self.restart(at)?;
        }
        Ok(())
    }

    /// Everybody syncs once; true where nobody had anything new.
    fn round(&mut self, dice: &mut Dice) -> Result<bool, Violation> {
        self.now_ms += 60_000;
        self.office.set_time(self.now_ms);
        let before = self.state();
        for at in self.working(None) {
            if self.phones[at].works() {
                self.sync(at, usize::MAX, 0, dice)?;
            }
            // It had to sign in first; of two copies of one phone each ends the other's session.
            if self.phones[at].works() && !self.phones[at].is_done {
                self.sync(at, usize::MAX, 0, dice)?;
            }
            if self.phones[at].works() && self.mixture.photos {
                self.upload(at, usize::MAX, 0, dice)?;
            }
        }
        let is_done = |it: &Phone| it.is_done && (it.is_sent || !self.mixture.photos);
        let all_done = self.working(None).into_iter().all(|it| is_done(&self.phones[it]));
        Ok(all_done && self.state() == before)
    }

    /// All that changes while anybody has anything new.
    fn state(&self) -> String {
        let phones = self.working(None).into_iter().map(|at| {
            let status = self.phones[at].device.as_ref().and_then(|it| it.status().ok());
            status.map(|it| (it.dev, it.pending_ops, it.acked, it.streams, it.epoch, it.unsent))
        });
        format!("{:?} {:?}", self.office.devices(), phones.collect::<Vec<_>>())
    }

    fn check_everything(&mut self, fresh: usize) -> Checked {
        self.office.check_answered()?;
        self.check_set_aside()?;
        self.oracle.check_held(&self.office.devices())?;
        self.check_frozen()?;
        self.check_all_sent()?;
        self.check_stopped()?;
        let office = self.read_office();
        let said = self.check_logs(&office)?;
        self.check_typed(&office, &said)?;
        self.check_mirrors(&office, &said)?;
        self.check_convergence(fresh, &office)?;
        self.check_feeds(&office)?;
        self.check_pins(&office)?;
        self.check_photos()?;
        self.check_redacted()?;
        self.check_rebuild()?;
        if self.office.read(db::audit_log::verify).is_some() {
            return broken("the office's own log holds", "it is broken");
        }
        self.check_verified()
    }

    /// I7: the office finds no fault with itself, but for photos that are gone with everything that had them.
    fn check_verified(&self) -> Checked {
        match server::app::verify::verify(self.office.app(), None, &mut |_| ()) {
            Ok(report) if report.fault.is_none() => Ok(()),
            Ok(report) => broken("the office verifies", format!("{:?}", report.fault)),
            Err(error) => broken("the office verifies", error.to_string()),
        }
    }

    /// I1: whatever was committed on a phone that works is on the server.
    fn check_all_sent(&self) -> Checked {
        let held = self.office.devices();
        for at in self.working(None) {
            let phone = &self.phones[at];
            let Some(device) = &phone.device else { continue };
            let head = held.get(&phone.dev).map(|it| it.head);
            if head != Some(device.head()) && !phone.is_damaged {
                let what = format!("{} ends at {:?}, the server holds {head:?}", phone.dev, device.head());
                return broken("I1 no loss", what);
            }
        }
        Ok(())
    }

    /// I8: what a phone held of others before the office was made from a copy is in the office again, or another op at its place,
    /// or kept beside a log that goes on otherwise, or its author said it again under another name.
    fn check_mirrors(&self, office: &Office, said: &BTreeMap<Said, Vec<OpId>>) -> Checked {
        let in_logs: BTreeSet<&OpId> = said.values().flatten().collect();
        let beside: BTreeSet<OpId> = self.kept_beside_logs();
        for at in self.working(None) {
            let phone = &self.phones[at];
            let is_there = |it: &(&OpId, &Uuid)| {
                in_logs.contains(it.0)
                    || beside.contains(it.0)
                    || office.audits.get(it.1).is_some_and(|ops| ops.get(&ops.standing(it.0)).is_some())
            };
            let mut owed = phone.mirror.iter().filter(|_| !phone.is_damaged);
            if let Some((id, audit)) = owed.find(|it| !is_there(it)) {
                return broken(
                    "I8 restore",
                    format!("{} held {id:?} of {audit}, and nobody has it", phone.dev),
                );
            }
        }
        Ok(())
    }

    fn kept_beside_logs(&self) -> BTreeSet<OpId> {
        let devices = self.office.devices();
        let runs = devices.keys().flat_map(|dev| runs_given_up(&self.office, *dev));
        let runs = runs.filter_map(|(_, bytes)| codec::from_cbor::<Run>(&bytes).ok());
        runs.flat_map(|run| (run.dseq_first..=run.last()).map(move |it| OpId::new(run.dev, it))).collect()
    }

    /// I1: a phone that had to stop still has on its disk what it could not send.
    fn check_stopped(&mut self) -> Checked {
        for phone in &mut self.phones {
            if phone.standing != Standing::Revoked || phone.is_damaged {
                continue;
            }
            let whole = phone.start().and_then(|()| match &phone.device {
                Some(device) => device.verify_log().map(|()| device.head().dseq),
                None => Ok(0),
            });
            match whole {
                Ok(last) if last >= phone.log.len() as u64 => {}
                other => return broken("I1 no loss", format!("a stopped phone holds {other:?}")),
            }
        }
        Ok(())
    }

    /// What waits for a person was written by a device; every visit of which something was set aside can be looked at.
    fn check_set_aside(&self) -> Checked {
        let found = self.office.read(|tx, org| db::quarantine::list(tx, org, false, None, 5_000)).items;
        let devices = self.office.devices();
        let is_own = |it: &DeviceId| devices.get(it).is_none_or(|it| it.user.is_none());
        if let Some(row) = found.iter().find(|it| is_own(&it.dev)) {
            return broken("only what devices wrote waits", format!("{row:?}"));
        }
        let token = self.office.session(&self.office.people.reviewer);
        for audit in found.iter().map(|it| it.audit_id).collect::<BTreeSet<_>>() {
            let address = format!("/api/v1/quarantine/{audit}");
            let answer = self.office.send(|it| it.get(&address).bearer(&token));
            if !answer.status.is_success() {
                return broken("the office answers", format!("{:?} to {address}", answer.outcome()));
            }
        }
        Ok(())
    }

    fn read_office(&self) -> Office {
        let audits: Vec<Uuid> = self.oracle.owners.keys().copied().collect();
        let held = audits.iter().filter_map(|it| Some((*it, self.server_ops(*it)?))).collect();
        let found = self.office.read(|tx, org| db::quarantine::list(tx, org, false, None, 5_000)).items;
        let mut left_out: BTreeMap<Uuid, BTreeSet<OpId>> = BTreeMap::new();
        for it in found.iter().filter(|it| it.decision != Some(db::quarantine::Decision::Adopted)) {
            left_out.entry(it.audit_id.0).or_default().insert(OpId::new(it.dev, it.dseq));
        }
        let set_aside = found.iter().map(|it| OpId::new(it.dev, it.dseq)).collect();
        let mut office = Office { audits: held, set_aside, left_out };
        self.leave_out_unproven(&mut office);
        office
    }

    /// Who lost the key can sign the former log no more: where an office made from a copy lacks its beginning, it takes nothing of
    /// the rest, which another phone may have. All of it was said again.
    fn leave_out_unproven(&self, office: &mut Office) {
        let keyless: BTreeSet<DeviceId> =
            self.phones.iter().flat_map(|it| it.keyless.iter().copied()).collect();
        for (audit, held) in
            self.working(None).iter().filter_map(|it| audits_of(&self.phones[*it]).ok()).flatten()
        {
            let Some(there) = office.audits.get(&audit) else { continue };
            let said_again = |id: &&OpId| {
                keyless.contains(&id.dev) && there.get(id).is_none() && there.standing(id) != **id
            };
            let unproven: Vec<OpId> = held.iter().map(|it| it.0).filter(said_again).copied().collect();
            if !unproven.is_empty() {
                office.left_out.entry(audit).or_default().extend(unproven);
            }
        }
    }

    /// Audits that somebody wrote on from a disk that lied: these are for people to settle.
    fn is_contested(&self, ops: &AuditOps) -> bool {
        ops.iter().any(|(id, _)| self.oracle.damaged.contains(&id.dev))
    }

    /// I4, I6, I8 and I12: all phones of a person have what one has that read everything anew, which is what the office has.
    fn check_convergence(&self, fresh: usize, office: &Office) -> Checked {
        for at in self.working(None) {
            let phone = &self.phones[at];
            if phone.is_damaged {
                continue;
            }
            let own = audits_of(phone)?;
            let new = audits_of(&self.phones[fresh + phone.auditor])?;
            let all: BTreeSet<&Uuid> = own.keys().chain(new.keys()).collect();
            for audit in all {
                let (held, read) = (own.get(audit), new.get(audit));
                let contested = [held, read].into_iter().flatten().any(|it| self.is_contested(it))
                    || [held, read].into_iter().flatten().all(|it| self.is_of_two_logs_of_the_rogue(it));
                let differ = |one, other| office.differ(audit, one, other);
                if !contested && differ(held, read) {
                    let what = format!("{audit}: {} and a new phone: {}", phone.dev, difference(held, read));
                    return broken("I4 convergence", what);
                }
                if self.oracle.owners.get(audit).is_some_and(|it| *it != phone.auditor)
                    && ![held, read].into_iter().flatten().all(|it| self.is_rogues(it))
                {
                    return broken(
                        "I12 permission",
                        format!("{audit} is another's, and {} has it", phone.dev),
                    );
                }
                let server = office.audits.get(audit);
                let is_own = self.oracle.owners.get(audit) == Some(&phone.auditor);
                if is_own && !contested && differ(held, server) {
                    let what = format!("{audit}: {} and the server: {}", phone.dev, difference(held, server));
                    return broken("I4 convergence", what);
                }
            }
        }
        Ok(())
    }

    /// Of two logs under the name of whoever means harm an office that was set back takes one.
    fn is_of_two_logs_of_the_rogue(&self, ops: &AuditOps) -> bool {
        let is_set_back = self.rogue.as_ref().is_some_and(|it| self.oracle.set_back.contains_key(&it.dev()));
        is_set_back && self.is_rogues(ops)
    }

    /// Whether somebody who means harm wrote all of it; what they write comes back to the phones of the auditor they are.
    pub(crate) fn is_rogues(&self, ops: &AuditOps) -> bool {
        let rogue = self.rogue.as_ref().map(crate::adversary::Rogue::dev);
        ops.iter().all(|(id, _)| Some(id.dev) == rogue)
    }

    /// I1 and I5: everything that was recorded on a phone that works is on the server, under whatever name, and stands, or was
    /// replaced by somebody who had seen it, or is in a record that people look at.
    fn check_typed(&mut self, office: &Office, said: &BTreeMap<Said, Vec<OpId>>) -> Checked {
        for at in self.working(None) {
            let phone = &self.phones[at];
            if phone.is_damaged {
                continue;
            }
            for typed in phone.made.iter().map(|it| &self.oracle.typed[*it]) {
                let what = || format!("{:?} on {} of {}", typed.said, typed.audit, phone.dev);
                let ways = self.oracle.ways_to_say(typed);
                let ids: Vec<&OpId> = ways.iter().filter_map(|it| said.get(it)).flatten().collect();
                if ids.is_empty() {
                    return broken("I1 no loss", what());
                }
                let ops = office.audits.get(&typed.audit);
                let is_there = |id: &OpId| {
                    let held = ops.and_then(|it| it.get(id));
                    held.is_some_and(|it| ways.contains(&Said::of(id, &it.op)))
                        || office.set_aside.contains(id)
                };
                if !ids.into_iter().any(is_there) {
                    return broken("I5 no silent loss", what());
                }
            }
        }
        let mut conflicts = 0_u64;
        for (audit, ops) in &office.audits {
            let view = ops.view();
            let of_a_field = |it: &&Conflict| it.kind == ConflictKind::Field && !it.field.is_empty();
            conflicts += view.conflicts.iter().filter(of_a_field).count() as u64;
            if let Some(id) = unseen(ops, &view).first() {
                return broken("I5 no silent loss", format!("{audit}: {id:?} is shown nowhere"));
            }
            // Where all that was written applies, who had seen what decides what stands.
            let is_known = |id: &OpId, it: &StoredOp| {
                it.server || (self.find(id, it).is_some() && !self.oracle.damaged.contains(&id.dev))
            };
            let simple = view.late.is_empty()
                && view.lifecycle.is_empty()
                && !office.left_out.contains_key(audit)
                && ops.iter().all(|(id, it)| is_known(id, it));
            if simple {
                self.check_heads(*audit, ops)?;
            }
        }
        if conflicts > 0 {
            self.fired.note(Fault::TwoDevicesOneField);
        }
        Ok(())
    }

    fn find(&self, id: &OpId, stored: &StoredOp) -> Option<usize> {
        self.oracle.find(&Said::of(id, &stored.op))
    }

    /// The heads of each field, by the oracle's own account: what nobody who wrote later had seen.
    fn check_heads(&self, audit: Uuid, ops: &AuditOps) -> Checked {
        let mut fields: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        // What was lost with its phone was never seen by anybody else.
        for (id, stored) in ops.iter().filter(|it| it.1.op.kind.writes_field()) {
            fields.entry(&stored.op.field).or_default().extend(self.find(id, stored));
        }
        let view = ops.view();
        for (field, all) in fields {
            let replaced: BTreeSet<usize> =
                all.iter().flat_map(|it| self.oracle.typed[*it].seen.iter().copied()).collect();
            let expected: BTreeSet<usize> = all.difference(&replaced).copied().collect();
            let heads = view.fields.get(field).map(|it| it.base()).unwrap_or_default();
            let found = heads.iter().filter_map(|id| self.find(id, ops.get(id)?)).collect::<BTreeSet<_>>();
            if found != expected {
                let what = format!("{audit} {field}: {heads:?} stand, and should {expected:?} of {all:?}");
                return broken("I5 no silent loss", what);
            }
        }
        Ok(())
    }

    /// I2: each op takes one number of its author's stream, once.
    fn check_feeds(&self, office: &Office) -> Checked {
        let held = self.office.devices();
        for auditor in &self.office.people.auditors {
            let stream = StreamId::User(auditor.id.0);
            let entries = self.office.read(|tx, org| db::feed::list(tx, org, stream, 0, 10_000)).items;
            let mut told: BTreeMap<DeviceId, BTreeSet<u64>> = BTreeMap::new();
            for entry in entries.iter().filter(|it| it.kind == "ops") {
                let (Some(dev), Some(first), Some(last)) = (entry.dev, entry.dseq_first, entry.dseq_last)
                else {
                    return broken("I2 exactly once", "an entry without ops");
                };
                let told = told.entry(dev).or_default();
                for dseq in first..=last {
                    if !told.insert(dseq) {
                        return broken("I2 exactly once", format!("{dev} {dseq} is told twice"));
                    }
                }
            }
            for (dev, it) in held.iter().filter(|it| it.1.user == Some(auditor.id.0)) {
                let told = told.get(dev);
                let is_told = |dseq: &u64| told.is_some_and(|it| it.contains(dseq));
                let is_aside = |dseq: &u64| office.set_aside.contains(&OpId::new(*dev, *dseq));
                if let Some(dseq) = (1..=it.head.dseq).find(|it| !is_told(it) && !is_aside(it)) {
                    return broken("I6 cursor", format!("{dev} {dseq} is stored and told to nobody"));
                }
                if told.and_then(|it| it.last()).is_some_and(|last| *last > it.head.dseq) {
                    return broken("I2 exactly once", format!("more of {dev} is told than is stored"));
                }
            }
        }
        Ok(())
    }

    /// I2, I7 and I9: every log of a device chains, is signed, and its clock rises; no rank is far ahead of its arrival. Gives
    /// what all logs say.
    fn check_logs(&mut self, office: &Office) -> Result<BTreeMap<Said, Vec<OpId>>, Violation> {
        let devices = self.office.read(|tx, org| db::devices::list(tx, org, None, None, 500)).items;
        for _ in devices.iter().filter(|it| it.user_id.is_some() && !it.is_enrolled()) {
            self.fired.note(Fault::UnknownDevice);
        }
        let mut arrived: BTreeMap<OpId, u64> = BTreeMap::new();
        let mut said: BTreeMap<Said, Vec<OpId>> = BTreeMap::new();
        for device in devices {
            let dev = device.dev;
            let key = PublicKey { alg: device.alg, key: sync_core::Bytes::from(device.public_key) };
            let stored =
                self.office.read(|tx, org| db::devices::list_segments(tx, org, dev, 0, 10_000)).items;
            let (mut next, mut hlc) = (1, 0);
            for it in stored {
                if it.first_dseq != next {
                    return broken(
                        "I2 exactly once",
                        format!("{dev}: a segment at {} after {next}", it.first_dseq),
                    );
                }
                next = it.last_dseq + 1;
                let verified = verified(&it, &key, self.office.org.0);
                let verified = verified.or_else(|what| broken("I7 tamper", format!("{dev}: {what}")))?;
                for op in verified.ops.iter().filter(|op| op.dseq >= it.first_dseq) {
                    if op.hlc <= hlc {
                        return broken("I9 clock", format!("{dev} goes back at {}", op.dseq));
                    }
                    hlc = op.hlc;
                    let recv_ms = u64::try_from(it.received_at.0 / 1_000).unwrap_or(0);
                    let id = OpId::new(dev, op.dseq);
                    arrived.insert(id, recv_ms);
                    said.entry(Said::of(&id, op)).or_default().push(id);
                }
            }
        }
        for (id, stored) in office.audits.values().flat_map(|it| it.iter()) {
            let latest = arrived.get(id).map(|it| at_ms(it + MAX_AHEAD_MS));
            if latest.is_some_and(|it| stored.eff_hlc > it) {
                return broken("I9 clock", format!("{id:?} ranks more than five minutes after its arrival"));
            }
        }
        Ok(said)
    }

    /// I10 and I11: a submit says what its author saw, and an audit stays with the checklist that it pins.
    fn check_pins(&self, office: &Office) -> Checked {
        let held = self.office.devices();
        for (audit, ops) in &office.audits {
            let view = ops.view();
            self.check_pin(*audit)?;
            let left_out = office.left_out.get(audit);
            for submit in view.rounds.submits.values().flatten() {
                let whole = submit.value.frontier.iter().all(|(dev, last)| {
                    held.get(dev).is_some_and(|it| it.head.dseq >= *last)
                        && ops.iter().any(|it| it.0.dev == *dev && it.0.dseq == *last)
                });
                let seen = ops.seen_by(&submit.value.frontier);
                // What its author saw and the office left out is not there to compare.
                let covers =
                    |it: &OpId| submit.value.frontier.get(&it.dev).is_some_and(|last| it.dseq <= *last);
                let is_replaced =
                    submit.value.frontier.iter().any(|it| self.oracle.may_be_replaced(it.0, *it.1));
                // Nor is what was taken in since then: a frontier counts positions, and cannot tell that one waited for a person.
                let is_there = !left_out.is_some_and(|it| it.iter().any(covers))
                    && !office.set_aside.iter().any(|it| covers(it) && ops.get(it).is_some())
                    && !is_replaced
                    && !self.is_contested(ops);
                if whole && is_there && content_root(&seen, &seen.view()) != submit.value.content_root {
                    self.tell(ops);
                    return broken(
                        "I10 frozen",
                        format!("{audit}: a submit does not say what its author saw"),
                    );
                }
            }
        }
        Ok(())
    }

    /// I4: made anew from the facts, what a phone shows is the same to the byte.
    fn check_rebuild(&mut self) -> Checked {
        for at in self.working(None) {
            let phone = &mut self.phones[at];
            let Some(device) = phone.device.as_mut().filter(|_| !phone.is_damaged) else { continue };
            let rebuilt = (|| -> Result<bool, DeviceError> {
                device.verify_log()?;
                let before = device.projection_hash()?;
                device.rebuild()?;
                Ok(device.projection_hash()? == before)
            })();
            match rebuilt {
                Ok(true) => {}
                other => return broken("I4 convergence", format!("{} rebuilt: {other:?}", phone.dev)),
            }
        }
        Ok(())
    }
}

fn audits_of(phone: &Phone) -> Result<BTreeMap<Uuid, AuditOps>, Violation> {
    let Some(device) = &phone.device else { return Ok(BTreeMap::new()) };
    let read = || -> Result<_, DeviceError> {
        let list = device.list(None, 1_000)?;
        list.iter().map(|it| Ok((it.audit, device.ops(it.audit)?))).collect()
    };
    read().or_else(|it| broken("a store can be read", it.to_string()))
}

impl Office {
    /// Whether two hold something else of an audit, apart from what only its author has.
    fn differ(&self, audit: &Uuid, one: Option<&AuditOps>, other: Option<&AuditOps>) -> bool {
        let Some(left_out) = self.left_out.get(audit) else { return one != other };
        let rest = |ops: Option<&AuditOps>| -> Vec<(OpId, StoredOp)> {
            let all = ops.into_iter().flat_map(|it| it.iter());
            all.filter(|it| !left_out.contains(it.0)).map(|(id, it)| (*id, it.clone())).collect()
        };
        rest(one) != rest(other)
    }
}

/// What was written and is shown nowhere: not as a head, nor as seen by somebody who wrote later, nor as late or in a fork. What
/// was said twice is shown once.
fn unseen(ops: &AuditOps, view: &AuditView) -> Vec<OpId> {
    let mut shown: BTreeSet<OpId> = view.late.iter().map(|it| it.id).chain(ops.forks().copied()).collect();
    for (field, register) in &view.fields {
        let mut todo = register.base();
        while let Some(next) = todo.pop() {
            let stored = ops.get(&next).filter(|it| it.op.field == *field && it.op.kind.writes_field());
            if let Some(stored) = stored.filter(|_| shown.insert(next)) {
                todo.extend(stored.op.base.iter().map(|it| ops.standing(it)));
            }
        }
    }
    let writes = ops.iter().filter(|it| it.1.op.kind.writes_field());
    writes.map(|it| *it.0).filter(|it| !shown.contains(it) && !shown.contains(&ops.standing(it))).collect()
}

impl World {
    /// Prints the ops of an audit, where a run is traced.
    pub(crate) fn tell(&self, ops: &AuditOps) {
        for (id, it) in ops.iter() {
            self.say(|| {
                let op = &it.op;
                let seen = payload::of_op::<SubmitValue>(op).map(|it| it.frontier).unwrap_or_default();
                let (server, redacted) = (it.server, op.is_redacted());
                let (base, origin) = (&op.base, &op.origin);
                format!(
                    "    {id:?} {} round {} {:?} at {} server {server} redacted {redacted} base {base:?} origin {origin:?} seen {seen:?}",
                    op.kind, op.round, op.field, it.eff_hlc
                )
            });
        }
    }
}

/// What one holds of an audit and another does not, or otherwise.
pub(crate) fn difference(one: Option<&AuditOps>, other: Option<&AuditOps>) -> String {
    let list = |ops: Option<&AuditOps>| -> BTreeSet<String> {
        let all = ops.into_iter().flat_map(|it| it.iter());
        all.map(|(id, it)| {
            let server = if it.server { " server" } else { "" };
            format!("{} {} {}{server} at {}", id.dev, id.dseq, it.op.kind, it.eff_hlc)
        })
        .collect()
    };
    let all = (one, other);
    let (one, other) = (list(one), list(other));
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>| -> Vec<String> {
        here.difference(there).cloned().collect()
    };
    let same = one.intersection(&other).count();
    if one == other {
        return format!("{same} ops in both, otherwise {all:?}");
    }
    format!("{same} ops in both, only here {:?}, only there {:?}", only(&one, &other), only(&other, &one))
}

fn verified(
    stored: &db::devices::StoredSegment,
    key: &PublicKey,
    org: Uuid,
) -> Result<VerifiedSegment, String> {
    // That nothing is without its value but what was redacted is another law.
    segment_of(stored)?.verify_as_kept(key, &org, stored.epoch).map_err(|it| it.to_string())
}

/// A segment as the office keeps it.
///
/// # Errors
/// A text of why it cannot be read.
pub(crate) fn segment_of(stored: &db::devices::StoredSegment) -> Result<Segment, String> {
    let sealed: SealedSegment = codec::from_cbor(&stored.bytes).map_err(|it| it.to_string())?;
    sealed.open().map_err(|it| it.to_string())
}

/// What the office keeps of a log that its device gave up, by where it begins.
pub(crate) fn runs_given_up(office: &crate::office::Office, dev: DeviceId) -> Vec<(u64, Vec<u8>)> {
    let kept = office.read(|tx, org| db::former::list_runs(tx, org, dev, None, 1_000)).items;
    kept.into_iter().map(|it| (it.first_dseq, it.bytes)).collect()
}
