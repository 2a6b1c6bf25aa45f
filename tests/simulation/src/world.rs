//! One run: phones, an office, and a schedule of steps each of which follows from the seed and its own number, so that steps
//! can be left out without changing the others. Owns the order of things; what is done in a step is the other files'.

use crate::{
    adversary::Rogue,
    dice::Dice,
    disk::{At, Trouble},
    fault::{Fault, Fired},
    mutant::{Mutant, Setting},
    office::{BEGIN_MS, Copied, Held, Office},
    oracle::{Checked, Oracle, Violation, broken},
    phone::{Phone, Standing},
    photos::LITTLE,
    watch::Watch,
    wire::{CLOCK_REFUSED, Mail, Wire},
};
use device::{DeviceError, Sync};
use std::collections::BTreeMap;
use sync_core::{
    DeviceId, Hash,
    session::{Finish, MAX_WAIT_MS, RecoverCause},
};

/// How much of what goes wrong in a run; each seed has its own mixture.
#[derive(Debug, Clone, Copy)]
pub struct Mixture {
    /// Once in so many requests the network does something wrong.
    pub network: u64,
    /// Once in so many edits the disk does.
    pub disk: u64,
    /// Whether phones are copied, restored, damaged and lost.
    pub phones: bool,
    /// Whether the office is restored from copies.
    pub restores: bool,
    /// Whether clocks are wrong.
    pub clocks: bool,
    /// Whether somebody means harm.
    pub adversary: bool,
    /// Whether photos are taken.
    pub photos: bool,
    /// Whether little may be sent of them in a day.
    pub quota: bool,
    /// Whether values and photos are taken out of visits.
    pub redactions: bool,
}

impl Mixture {
    fn of(dice: &mut Dice, setting: Option<Setting>) -> Self {
        let mixture = Self {
            network: *dice.pick(&[0, 3, 5, 8]),
            disk: *dice.pick(&[0, 5, 10]),
            phones: dice.once_in(2),
            restores: dice.once_in(2),
            clocks: dice.once_in(2),
            adversary: dice.once_in(2),
            photos: dice.once_in(2),
            quota: dice.once_in(3),
            redactions: dice.once_in(2),
        };
        match setting {
            None => mixture,
            Some(setting) => Self {
                restores: true,
                adversary: false,
                phones: setting == Setting::Renewal,
                photos: setting == Setting::Photos,
                redactions: setting == Setting::Redaction,
                ..mixture
            },
        }
    }
}

/// A run that is under way.
pub struct World {
    /// Its seed.
    pub seed: u64,
    /// The true time.
    pub now_ms: u64,
    /// The office.
    pub office: Office,
    /// Every phone there ever was.
    pub phones: Vec<Phone>,
    /// What is known apart from the product.
    pub oracle: Oracle,
    /// What went wrong.
    pub fired: Fired,
    /// What lies about on the network.
    pub mail: Mail,
    /// Copies of the office's files.
    pub copies: Vec<Copied>,
    /// Copies that the office made.
    pub backups: Vec<Vec<u8>>,
    /// Phones rest on the first of these, which is kept elsewhere with its photos.
    pub is_kept: bool,
    /// A device in bad hands.
    pub rogue: Option<Rogue>,
    /// Auditors who are taken out.
    pub disabled: [bool; 2],
    /// The last released version of the checklist.
    pub version: u32,
    /// Its versions by number.
    pub templates: BTreeMap<u32, Hash>,
    /// What goes wrong in this run.
    pub mixture: Mixture,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
    /// Up to where the office was looked at.
    pub(crate) watch: Watch,
    /// How many keys were made.
    keys: u64,
    /// Follows from everything that happened.
    pub digest: Hash,
    /// Whether what happens is printed.
    pub trace: bool,
}

/// How long an app may go on in the background.
const BACKGROUND_MS: u64 = 30_000;

/// How many phones each auditor begins with.
const PHONES: [usize; 2] = [2, 1];

impl World {
    /// The beginning of a run.
    ///
    /// # Errors
    /// A law that does not hold already.
    pub fn begin(seed: u64, setting: Option<Setting>, mutant: Option<Mutant>) -> Result<Self, Violation> {
        let mut dice = Dice::part(seed, u64::MAX);
        let mixture = Mixture::of(&mut dice, setting);
        let mut office = Office::open(seed);
        if mixture.photos && mixture.quota {
            office.allow(LITTLE);
        }
        office.disk.cheat(Mutant::of_the_office(mutant));
        let mut world = Self {
            seed,
            now_ms: BEGIN_MS,
            office,
            phones: Vec::new(),
            oracle: Oracle::default(),
            fired: Fired::default(),
            mail: Mail::default(),
            copies: Vec::new(),
            backups: Vec::new(),
            is_kept: false,
            rogue: None,
            disabled: [false; 2],
            version: 1,
            templates: BTreeMap::new(),
            mixture,
            mutant,
            watch: Watch::default(),
            keys: 0,
            digest: Hash::ZERO,
            trace: false,
        };
        world.templates.insert(1, world.office.people.template);
        for (auditor, count) in PHONES.iter().enumerate() {
            world.assign(auditor, 0);
            for _ in 0..*count {
                world.new_phone(auditor, &mut dice)?;
            }
        }
        Ok(world)
    }

    /// Gives an auditor another phone; it knows what the office told so far.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn new_phone(&mut self, auditor: usize, dice: &mut Dice) -> Checked {
        let secret = self.new_secret();
        let mut phone =
            Phone::new(auditor, secret, dice).or_else(|it| broken("a phone is made", it.to_string()))?;
        phone.disk.cheat(Mutant::of_phones(self.mutant));
        if phone.enrol(&self.office).is_err() && !self.disabled[auditor] {
            return broken("a phone is enrolled", format!("of auditor {auditor}"));
        }
        self.phones.push(phone);
        let last = self.phones.len() - 1;
        self.sync(last, usize::MAX, 0, dice)
    }

    /// One step of the schedule.
    ///
    /// # Errors
    /// The law that does not hold after it.
    pub fn step(&mut self, number: usize) -> Checked {
        let mut dice = Dice::part(self.seed, number as u64);
        self.now_ms += 1_000 + dice.below(60_000);
        self.office.set_time(self.now_ms);
        let what = dice.below(100);
        self.say(|| format!("step {number}: {what}"));
        if dice.once_in(4) {
            self.office.app().db.lose_next_write(u32::try_from(dice.below(60)).unwrap_or(0));
        }
        match what {
            0..=37 => self.edits(&mut dice)?,
            38..=60 => self.some_phone_syncs(&mut dice)?,
            61..=63 => self.time_passes(&mut dice)?,
            64..=67 => self.clock_goes_wrong(&mut dice),
            68..=74 => self.phone_goes_wrong(&mut dice)?,
            75..=81 => self.office_goes_wrong(&mut dice)?,
            82..=93 => self.staff_works(&mut dice)?,
            94..=96 => self.somebody_means_harm(&mut dice)?,
            97 => self.bodies_come_slowly(&mut dice)?,
            _ => self.late_mail_arrives(&mut dice),
        }
        for _ in 0..self.office.app().db.lost_writes() {
            self.fired.note(Fault::RunAgain);
        }
        self.after(what)
    }

    /// The laws that are cheap enough to be checked after every step.
    fn after(&mut self, what: u64) -> Checked {
        let held = self.office.devices();
        self.oracle.check_held(&held)?;
        self.office.check_answered()?;
        self.check_office_step(&held)?;
        self.check_frozen()?;
        if what.is_multiple_of(4) {
            self.check_office_redacted()?;
        }
        self.note(what, &held);
        Ok(())
    }

    /// Prints what happens, where that was asked for.
    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{}", what());
        }
    }

    fn note(&mut self, what: u64, held: &BTreeMap<DeviceId, Held>) {
        let mut all = self.digest.0.to_vec();
        all.extend(what.to_be_bytes());
        all.extend(self.now_ms.to_be_bytes());
        for (dev, it) in held {
            all.extend(dev.0);
            all.extend(it.head.dseq.to_be_bytes());
            all.extend(it.head.h.0);
        }
        all.extend(self.office.heard().0);
        self.digest = Hash::of(&all);
    }

    /// The phones that are in use, of one auditor or of all.
    #[must_use]
    pub fn working(&self, auditor: Option<usize>) -> Vec<usize> {
        let is = |it: &Phone| it.works() && auditor.is_none_or(|of| of == it.auditor);
        self.phones.iter().enumerate().filter(|it| is(it.1)).map(|it| it.0).collect()
    }

    /// One of the phones that are in use.
    pub fn some_phone(&self, dice: &mut Dice) -> Option<usize> {
        let working = self.working(None);
        working.get(dice.place(working.len())).copied()
    }

    fn some_phone_syncs(&mut self, dice: &mut Dice) -> Checked {
        let Some(at) = self.some_phone(dice) else { return Ok(()) };
        let phone = &self.phones[at];
        if self.now_ms < phone.wait_until && !dice.once_in(3) {
            return Ok(());
        }
        let effects = if dice.once_in(3) { 1 + dice.place(8) } else { usize::MAX };
        self.sync(at, effects, self.mixture.network, dice)?;
        if self.mixture.photos && self.phones[at].sync.is_none() && self.phones[at].works() && dice.once_in(2)
        {
            self.some_phone_sends_photos(at, dice)?;
        }
        // Killed between two effects: nothing but what a commit stored is remembered.
        if self.phones[at].sync.is_some() && dice.once_in(2) {
            self.fired.note(Fault::KillBetweenEffects);
            self.phones[at].kill();
            self.restart(at)?;
        }
        Ok(())
    }

    /// The app goes to the background while it speaks with the office. The system lets it go on for 30 seconds; then it is stopped
    /// in the middle of whatever it does, or stands, and comes back much later.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn goes_to_the_background(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let sends_photos = self.mixture.photos && dice.once_in(2);
        let (mut left_ms, mut effects) = (BACKGROUND_MS, 0);
        // An exchange on a bad line takes seconds.
        while left_ms > 0 {
            left_ms = left_ms.saturating_sub(1_000 + dice.below(9_000));
            effects += 1;
        }
        self.go_on(at, sends_photos, effects, self.mixture.network, dice)?;
        if !self.phones[at].works() || !self.phones[at].is_under_way() {
            return Ok(());
        }
        let is_stopped = dice.once_in(2);
        if is_stopped {
            self.phones[at].is_stopped = true;
            self.phones[at].disk.expect(Trouble::Off, At::Any, dice.below(6));
            let going_on = self.go_on(at, sends_photos, 1, 0, dice);
            self.phones[at].is_stopped = false;
            going_on?;
            self.phones[at].kill();
            self.restart(at)?;
        }
        let fault = if is_stopped { Fault::StoppedInBackground } else { Fault::FrozenInBackground };
        self.fired.note(fault);
        self.now_ms += 3_600_000 + dice.below(3 * 86_400_000);
        self.office.set_time(self.now_ms);
        Ok(())
    }

    fn go_on(&mut self, at: usize, photos: bool, effects: usize, network: u64, dice: &mut Dice) -> Checked {
        if photos { self.upload(at, effects, network, dice) } else { self.sync(at, effects, network, dice) }
    }

    fn some_phone_sends_photos(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let effects = if dice.once_in(3) { 1 + dice.place(10) } else { usize::MAX };
        self.upload(at, effects, self.mixture.network, dice)?;
        if self.phones[at].upload.is_some() && dice.once_in(2) {
            self.fired.note(Fault::KillBetweenParts);
            self.phones[at].kill();
            self.restart(at)?;
        }
        Ok(())
    }

    /// A phone goes on with its exchange, or begins one.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn sync(&mut self, at: usize, effects: usize, fault_once_in: u64, dice: &mut Dice) -> Checked {
        self.phones[at].is_done = false;
        if !self.succeed(at, fault_once_in, dice)? {
            return Ok(());
        }
        let phone = &mut self.phones[at];
        let (now, clock) = (self.now_ms, phone.reading(self.now_ms));
        let database = phone.database();
        let Some(device) = phone.device.as_mut() else { return Ok(()) };
        let enrolment = match device.enrolment() {
            Ok(Some(enrolment)) => enrolment,
            // Its person was taken out when it was new.
            Ok(None) => return self.sign_in_again(at),
            Err(error) => return self.store_failed(at, &error, dice),
        };
        let begins = phone.sync.is_none();
        if begins {
            let mut sync = Sync::new(device).or_else(|it| broken("an exchange begins", it.to_string()))?;
            let jitter = u32::try_from(dice.below(1 << 32)).unwrap_or(u32::MAX);
            sync.begin(clock, jitter);
            (phone.sync, phone.has_old_answer, phone.has_forged) = (Some(sync), false, false);
            phone.has_read_stale = false;
        }
        let Some(mut sync) = phone.sync.take() else { return Ok(()) };
        let mut wire = Wire {
            office: &mut self.office,
            mail: &mut self.mail,
            fired: &mut self.fired,
            dice: Dice::of(dice.number()),
            dev: phone.dev,
            token: enrolment.token,
            disk: phone.disk.clone(),
            database,
            has_leavings: phone.has_leavings,
            fault_once_in,
            mutant: self.mutant,
            clock_is_refused: phone.clock.is_refused(self.now_ms),
            has_read_stale: false,
            adversary: self.mixture.adversary,
            forged: false,
            stored: Vec::new(),
            violation: None,
        };
        let trouble =
            crate::people::arm(&phone.disk, if fault_once_in == 0 { 0 } else { self.mixture.disk * 2 }, dice);
        let mut advance = (0..effects).map(|_| sync.advance(device, &mut wire));
        let ended = advance.find(|it| !matches!(it, Ok(None))).unwrap_or(Ok(None));
        let (violation, is_refused) = (wire.violation.take(), wire.clock_is_refused);
        // It may be looked at much later.
        phone.has_forged |= wire.forged;
        phone.has_read_stale |= wire.has_read_stale;
        phone.ended = ended.as_ref().ok().cloned().flatten();
        if let Some(violation) = violation {
            return Err(violation);
        }
        if phone.disk.calm() || phone.disk.is_off() {
            crate::people::note_trouble(&mut self.fired, trouble, true);
        }
        let (dev, now_ms) = (self.phones[at].dev, self.now_ms);
        self.say(|| format!("  phone {at}, {dev}, syncs at {now_ms}: {ended:?}, its disk {trouble:?}"));
        if is_refused && ended.is_ok() {
            self.check_unreached(at, &sync, begins)?;
        }
        match ended {
            Err(error) => self.store_failed(at, &error, dice)?,
            Ok(None) => self.phones[at].sync = Some(sync),
            // What nobody signed is believed by nobody: the next exchange begins where this one did.
            Ok(Some(Finish::Recover(RecoverCause::Receipt))) if self.phones[at].has_forged => {}
            Ok(Some(finish)) => self.exchange_ended(at, &finish, now, dice)?,
        }
        self.has_spoken(at, begins)
    }

    /// The laws of a phone that spoke with the office.
    fn has_spoken(&mut self, at: usize, begins: bool) -> Checked {
        self.learn(at)?;
        // What a replica told that lags behind is taken back by the next who does not.
        if begins && self.phones[at].is_done && !self.phones[at].has_read_stale {
            self.check_reach(at)?;
        }
        self.check_phone_step(at)
    }

    /// I14: a phone that takes the certificate of nobody says so, and how much it has not sent, and comes again.
    fn check_unreached(&self, at: usize, sync: &Sync, begins: bool) -> Checked {
        let phone = &self.phones[at];
        let Some(device) = phone.device.as_ref().filter(|_| !phone.is_damaged) else { return Ok(()) };
        let status = device.status().or_else(|it| broken("a store can be read", it.to_string()))?;
        let unsent = device.head().dseq.saturating_sub(status.acked.dseq);
        let is_told = |it: &Finish| match it {
            Finish::Backoff { reason, .. } if reason == "unreachable" => {
                sync.failure().is_some_and(|it| it.0 == CLOCK_REFUSED)
            }
            // What was under way had its answer before the clock was wrong.
            _ => !begins,
        };
        match &phone.ended {
            Some(it) if !is_told(it) => {
                broken("I14 progress", format!("a phone whose clock is wrong ends with {it:?}"))
            }
            _ if status.pending_ops != unsent => {
                broken("I14 progress", format!("{unsent} unsent, and it says {}", status.pending_ops))
            }
            _ => Ok(()),
        }
    }

    /// What a phone believes after it spoke with the office.
    pub(crate) fn learn(&mut self, at: usize) -> Checked {
        self.note_log(at, &BTreeMap::new())?;
        let phone = &mut self.phones[at];
        let Some(device) = &phone.device else { return Ok(()) };
        match device.status() {
            Ok(status) => self.oracle.acknowledge(phone, status.acked),
            Err(_) if phone.is_damaged => phone.standing = Standing::Damaged,
            Err(error) => return broken("a phone tells its status", error.to_string()),
        }
        Ok(())
    }

    /// The store of a phone refused in the middle of something: its power is gone, its disk is full or locked, or it is
    /// damaged.
    ///
    /// # Errors
    /// Where none of these is so.
    pub fn store_failed(&mut self, at: usize, error: &DeviceError, dice: &mut Dice) -> Checked {
        let phone = &mut self.phones[at];
        phone.has_leavings = true;
        if phone.disk.is_off() {
            if phone.is_stopped {
                phone.kill();
            } else {
                phone.lose_power(dice);
            }
            return self.restart(at);
        }
        match error {
            _ if phone.is_damaged => phone.standing = Standing::Damaged,
            DeviceError::Storage(_) => {}
            other => return broken("a store fails cleanly", other.to_string()),
        }
        phone.sync = None;
        Ok(())
    }

    /// The app of a phone is started again: what was committed is there (I1).
    ///
    /// # Errors
    /// Where something is lost.
    pub fn restart(&mut self, at: usize) -> Checked {
        let phone = &mut self.phones[at];
        if let Err(error) = phone.start() {
            if error.code() == "device_without_key" && phone.lacks_key() {
                return self.go_on_without_key(at);
            }
            if phone.is_damaged {
                phone.standing = Standing::Damaged;
                return Ok(());
            }
            return broken("I1 no loss", format!("the store does not open again: {error}"));
        }
        let Some(device) = &phone.device else { return Ok(()) };
        if device.dev() != phone.dev {
            return self.renewed(at);
        }
        let head = device.head();
        let known = phone.log.len() as u64;
        let last = phone.log.last().copied().unwrap_or(Hash::ZERO);
        if !phone.is_damaged && (head.dseq < known || (head.dseq == known && head.h != last)) {
            let what = format!("{} had committed {known} ops, and holds {}", phone.dev, head.dseq);
            return broken("I1 no loss", what);
        }
        Ok(())
    }

    fn exchange_ended(&mut self, at: usize, finish: &Finish, now_ms: u64, dice: &mut Dice) -> Checked {
        let phone = &mut self.phones[at];
        match finish {
            Finish::Done(_) => {
                (phone.wait_until, phone.is_done) = (0, true);
                phone.has_read = !phone.has_old_answer;
                if dice.once_in(3) {
                    self.check_phone_redacted(at)?;
                }
            }
            Finish::Backoff { wait_ms, reason } => {
                if *wait_ms > MAX_WAIT_MS + 60_000 {
                    return broken("I15 bounds", format!("a wait of {wait_ms} ms after {reason}"));
                }
                phone.wait_until = now_ms + wait_ms;
            }
            Finish::AuthNeeded { .. } => {
                let phone = &mut self.phones[at];
                // A phone that was told so lets go of what others wrote, and so has nothing to bring back.
                if phone.is_ended() {
                    phone.mirror.clear();
                }
                return self.sign_in_again(at);
            }
            Finish::Recover(cause @ (RecoverCause::Fork | RecoverCause::ForkBeforeAcked))
                if phone.is_copy && !phone.is_damaged =>
            {
                return self.renew(at, *cause, dice);
            }
            Finish::Recover(_) | Finish::Refused { .. } if phone.is_damaged => {
                phone.standing = Standing::Damaged;
                return self.replace(at, dice);
            }
            Finish::Recover(RecoverCause::Rewind) => {}
            Finish::Recover(cause) => {
                return broken("I14 progress", format!("an honest phone stops: {cause}"));
            }
            Finish::Refused { code, reason } => {
                let by_a_proxy = reason == "body_too_large";
                if !by_a_proxy {
                    return broken("I14 progress", format!("an honest phone is refused: {code:?} {reason}"));
                }
            }
        }
        Ok(())
    }

    /// The session of a phone ended, or a restored office does not know it.
    ///
    /// # Errors
    /// Where it cannot sign in again.
    pub fn sign_in_again(&mut self, at: usize) -> Checked {
        let phone = &mut self.phones[at];
        if self.disabled[phone.auditor] || phone.standing == Standing::Revoked {
            return Ok(());
        }
        match phone.enrol(&self.office) {
            Ok(()) => Ok(()),
            Err(_) if self.office.devices().get(&phone.dev).is_some_and(|it| !it.active) => {
                phone.standing = Standing::Revoked;
                let auditor = phone.auditor;
                let mut dice = Dice::part(self.seed, self.now_ms);
                self.new_phone(auditor, &mut dice)
            }
            Err(_) if self.phones[at].is_damaged => {
                self.phones[at].standing = Standing::Damaged;
                let mut dice = Dice::part(self.seed, self.now_ms);
                self.replace(at, &mut dice)
            }
            Err(what) => broken("I14 progress", format!("a phone cannot sign in again: {what}")),
        }
    }

    /// The secret of a key that was never there before.
    pub fn new_secret(&mut self) -> [u8; 32] {
        self.keys += 1;
        Dice::part(self.seed, (1 << 40) + self.keys).bytes32()
    }

    /// A phone that is of no more use is replaced by a new one.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn replace(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let auditor = self.phones[at].auditor;
        (self.phones[at].sync, self.phones[at].upload) = (None, None);
        if self.working(Some(auditor)).len() < 3 {
            self.new_phone(auditor, dice)?;
        }
        Ok(())
    }
}
