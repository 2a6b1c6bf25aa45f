//! Phones that go on as new ones: their log forked, since the database was copied or set back, or their key is lost. Whatever
//! was recorded in the database is said again under the new name, and the office hears of it before anything else.

use crate::{
    dice::Dice,
    fault::Fault,
    mutant::{self, Mutant},
    oracle::{Checked, Said, Typed, Violation, broken},
    people::{Armed, arm},
    phone::{Phone, SEAL_FROM, Standing},
    watch::check_clock,
    world::World,
};
use device::{Device, DeviceError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{Head, ingest::Enrolment, renew::SuccessionRequest, session::RecoverCause};
use uuid::Uuid;

impl World {
    /// The log of a phone forked: it goes on as a new one.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn renew(&mut self, at: usize, cause: RecoverCause, dice: &mut Dice) -> Checked {
        let secret = self.new_secret();
        let phone = &mut self.phones[at];
        let fault = if phone.is_set_back { Fault::ForkBySetBack } else { Fault::ForkByClone };
        (phone.sync, phone.upload) = (None, None);
        let armed = arm(&phone.disk, self.mixture.disk, dice);
        let Some(device) = phone.device.as_mut() else { return Ok(()) };
        let done = device.renew(cause, secret);
        if let Err(error) = &done {
            self.failed_to_renew(at, armed, error, dice)?;
        } else {
            phone.disk.calm();
        }
        match self.mutant.filter(|_| done.is_ok()) {
            Some(Mutant::BasesNotMapped) => mutant::keep_former_bases(&mut self.phones[at])?,
            Some(Mutant::NotSaidAgain) => mutant::say_nothing_again(&mut self.phones[at])?,
            _ => {}
        }
        let phone = &self.phones[at];
        if phone.device.as_ref().is_some_and(|it| it.dev() != phone.dev) {
            self.renewed(at)?;
        }
        if done.is_ok() {
            self.fired.note(fault);
        }
        self.say(|| format!("  phone {at} is renewed after {cause}: {done:?}, its disk {armed:?}"));
        Ok(())
    }

    fn failed_to_renew(&mut self, at: usize, armed: Armed, error: &DeviceError, dice: &mut Dice) -> Checked {
        self.store_failed(at, error, dice)?;
        self.phones[at].disk.calm();
        if armed != Armed::None {
            self.fired.note(Fault::TroubleInRenewal);
        }
        Ok(())
    }

    /// The database of a phone is without its key: it goes on as a new one.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn go_on_without_key(&mut self, at: usize) -> Checked {
        let mut dice = Dice::part(self.seed, self.now_ms);
        for _ in 0..4 {
            let secret = self.new_secret();
            let phone = &mut self.phones[at];
            let armed = arm(&phone.disk, self.mixture.disk, &mut dice);
            match Device::open_without_key(phone.folder(), secret) {
                Ok(mut device) => {
                    phone.disk.calm();
                    device.seal_from(SEAL_FROM);
                    phone.device = Some(device);
                    return self.renewed(at);
                }
                Err(_) if armed != Armed::None => self.fired.note(Fault::TroubleInRenewal),
                Err(_) if phone.is_damaged => {
                    phone.standing = Standing::Damaged;
                    return Ok(());
                }
                Err(error) => return broken("I1 no loss", format!("a phone without a key: {error}")),
            }
            phone.lose_power(&mut dice);
            // The power may have gone after the commit.
            if phone.start().is_ok() {
                return self.renewed(at);
            }
        }
        broken("I14 progress", "a phone without a key cannot go on")
    }

    /// A phone goes on under a new name, and says again nothing but what was recorded on it.
    ///
    /// # Errors
    /// Where it says something else.
    pub fn renewed(&mut self, at: usize) -> Checked {
        let phone = &mut self.phones[at];
        phone.take_name();
        if phone.is_damaged {
            self.oracle.damaged.insert(phone.dev);
        }
        let made = phone.made.clone();
        self.note_log(at, &BTreeMap::new())?;
        let phone = &self.phones[at];
        if phone.is_damaged {
            return Ok(());
        }
        if phone.made != made {
            return broken("I5 no silent loss", format!("{} says again what nobody recorded", phone.dev));
        }
        match unheld_bases(phone) {
            Ok(0) => Ok(()),
            other => {
                broken("I5 no silent loss", format!("{} saw what it does not hold: {other:?}", phone.dev))
            }
        }
    }

    /// Takes note of what was appended to the log of a phone. `seen` is what its person had before their eyes.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn note_log(&mut self, at: usize, seen: &BTreeMap<String, BTreeSet<usize>>) -> Checked {
        let phone = &mut self.phones[at];
        let Some(device) = phone.device.as_ref() else { return Ok(()) };
        let head = device.head();
        let known = phone.log.len() as u64;
        if head.dseq <= known {
            return Ok(());
        }
        let appended = match phone.log_after(known) {
            Ok(appended) => appended,
            Err(_) if phone.is_damaged => return Ok(()),
            Err(error) => return broken("a store can be read", error.to_string()),
        };
        for (dseq, audit, h) in appended {
            phone.log.push(h);
            self.oracle.commit(phone.dev, Head { dseq, h });
            let id = device.op_id(dseq);
            let Some(op) = device.ops(audit).ok().and_then(|it| it.get(&id).map(|it| it.op.clone())) else {
                continue;
            };
            self.oracle.owners.entry(audit).or_insert(phone.auditor);
            let (said, field) = (Said::of(&id, &op), op.field.clone());
            let seen = seen.get(&field).cloned().unwrap_or_default();
            phone.made.insert(self.oracle.record(Typed { said, audit, field, seen }));
        }
        if phone.log.len() as u64 != head.dseq && !phone.is_damaged {
            return broken("an edit is one op", format!("{} at {}", phone.dev, head.dseq));
        }
        check_clock(phone, known)
    }

    /// What of a field of an audit stands on a phone, or was replaced by something that does.
    pub(crate) fn seen(&self, at: usize, audit: Uuid, field: &str) -> BTreeSet<usize> {
        let Some(ops) = self.phones[at].device.as_ref().and_then(|it| it.ops(audit).ok()) else {
            return BTreeSet::new();
        };
        let late: BTreeSet<_> = ops.view().late.iter().map(|it| it.id).collect();
        let on_field = ops.iter().filter(|it| it.1.op.field == field && it.1.op.kind.writes_field());
        on_field
            .filter(|it| !late.contains(&ops.standing(it.0)))
            .filter_map(|it| self.oracle.find(&Said::of(it.0, &it.1.op)))
            .collect()
    }

    /// Tells the office that a phone goes on for another one; whether an exchange may follow.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn succeed(&mut self, at: usize, fault_once_in: u64, dice: &mut Dice) -> Result<bool, Violation> {
        let phone = &self.phones[at];
        let Some(device) = &phone.device else { return Ok(false) };
        let (request, enrolment) = match device.succession().and_then(|it| Ok((it, device.enrolment()?))) {
            Ok((Some(request), Some(enrolment))) => (request, enrolment),
            Ok(_) => return Ok(true),
            Err(error) => {
                self.store_failed(at, &error, dice)?;
                return Ok(false);
            }
        };
        // There are few of these.
        let lost = fault_once_in > 0 && dice.once_in(2);
        let answer = self.ask_to_succeed(&enrolment.token, &request);
        if lost {
            self.fired.note(Fault::LostSuccession);
            return Ok(false);
        }
        match answer.status.as_u16() {
            201 => {}
            401 => {
                self.sign_in_again(at)?;
                return Ok(self.phones[at].works());
            }
            _ => {
                return broken("I14 progress", format!("a renewed phone is refused: {:?}", answer.outcome()));
            }
        }
        let Ok(enrolment) = serde_json::from_value::<Enrolment>(answer.json()) else {
            return broken("the office answers", "no enrolment after a succession");
        };
        let Some(device) = self.phones[at].device.as_mut() else { return Ok(false) };
        device.enrolled(&enrolment).or_else(|it| broken("a store can be written", it.to_string()))?;
        Ok(true)
    }

    fn ask_to_succeed(&self, token: &str, request: &SuccessionRequest) -> server::testing::Answer {
        let body = json!({ "key": request.key, "sig": request.sig, "former_sig": request.former_sig });
        self.office.send(|it| it.post("/api/v1/devices/succession").bearer(token).json(&body))
    }
}

/// How many ops of a renewed phone name as seen ops of a former log that it does not hold: whoever holds another op there would
/// take that one for seen.
fn unheld_bases(phone: &Phone) -> Result<usize, DeviceError> {
    let Some(device) = &phone.device else { return Ok(0) };
    let former = device.status()?.former;
    let mut unheld = 0;
    for (dseq, audit, _) in phone.log_after(0)? {
        let ops = match device.ops(audit) {
            Ok(ops) => ops,
            // Taken away from its person: nothing of it is shown.
            Err(error) if error.code() == "unknown_audit" => continue,
            Err(error) => return Err(error),
        };
        let base = ops.get(&device.op_id(dseq)).map(|it| it.op.base.clone()).unwrap_or_default();
        unheld += base.iter().filter(|it| former.contains(&it.dev) && ops.get(it).is_none()).count();
    }
    Ok(unheld)
}
