//! What auditors do on their phones, what the staff does in the office, and what goes wrong with phones, clocks and the office.

use crate::{
    check::difference,
    dice::Dice,
    disk::{At, Disk, Trouble},
    fault::{Fault, Fired},
    mutant::{self, Mutant},
    office::{Evidence, Held},
    oracle::{Checked, broken},
    phone::{Phone, Standing},
    photos,
    redaction::MARK,
    versions::{FIELDS, answer_to, question, questions, version_of},
    watch::Watch,
    world::World,
};
use device::{Device, DeviceError, PhotoFacts, Start};
use domain::ids::AuditId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, DeviceId, Hash, OpId,
    fold::{Attachment, Phase, Register},
};
use uuid::Uuid;

/// Fields that have photos.
const PHOTO_FIELDS: [&str; 2] = ["A01#photo", "A02#photo"];

/// What a disk is told to do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Armed {
    /// Nothing.
    None,
    /// To go off.
    Off,
    /// To be full.
    Full,
    /// To be locked by another program.
    Busy,
}

/// Tells a disk to do something wrong, once in so many times; never at 0.
pub fn arm(disk: &Disk, once_in: u64, dice: &mut Dice) -> Armed {
    if once_in == 0 || !dice.once_in(once_in) {
        return Armed::None;
    }
    match dice.below(3) {
        0 => {
            disk.expect(Trouble::Off, At::Any, dice.below(8));
            Armed::Off
        }
        1 => {
            disk.expect(Trouble::Full, At::Log, dice.below(3));
            Armed::Full
        }
        _ => {
            disk.lock_out(true);
            Armed::Busy
        }
    }
}

/// Takes note of what a disk did wrong.
pub fn note_trouble(fired: &mut Fired, armed: Armed, in_sync: bool) {
    match (armed, in_sync) {
        (Armed::None, _) => {}
        (Armed::Off, false) => fired.note(Fault::PowerCutInEdit),
        (Armed::Off, true) => fired.note(Fault::PowerCutInSync),
        (Armed::Full, false) => fired.note(Fault::DiskFullInEdit),
        (Armed::Full, true) => fired.note(Fault::DiskFullInSync),
        (Armed::Busy, _) => fired.note(Fault::Busy),
    }
}

/// Something that a person does on a phone.
#[derive(Debug, Clone)]
enum Action {
    Start(Start),
    Answer { audit: Uuid, field: &'static str, json: String },
    Resolve { audit: Uuid, field: String, json: String },
    Note { audit: Uuid, text: String },
    Submit { audit: Uuid },
    Void { audit: Uuid },
    Photo { audit: Uuid, field: &'static str, bytes: Vec<u8> },
    Detach { audit: Uuid, attachment: OpId },
    Move { audit: Uuid, to: Hash },
}

impl Action {
    fn audit(&self) -> Option<Uuid> {
        match self {
            Self::Start(_) => None,
            Self::Answer { audit, .. }
            | Self::Resolve { audit, .. }
            | Self::Note { audit, .. }
            | Self::Submit { audit }
            | Self::Void { audit }
            | Self::Photo { audit, .. }
            | Self::Detach { audit, .. }
            | Self::Move { audit, .. } => Some(*audit),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::Answer { field, .. } => field,
            Self::Resolve { field, .. } => field,
            _ => "",
        }
    }

    /// Whether it may find that nothing is to be done.
    fn may_be_nothing(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Start(_) | Self::Photo { .. })
    }

    fn perform(&self, device: &mut Device, now: u64) -> Result<(), DeviceError> {
        match self {
            Self::Start(start) => device.start(start, now).map(drop),
            Self::Answer { audit, field, json } => device.answer(*audit, field, json, now).map(drop),
            Self::Resolve { audit, field, json } => device.resolve(*audit, field, json, now).map(drop),
            Self::Note { audit, text } => device.batch(|it| it.note(*audit, "", text, now)).map(drop),
            Self::Submit { audit } => device.submit(*audit, now).map(drop),
            Self::Void { audit } => device.void(*audit, "by mistake", now).map(drop),
            Self::Photo { audit, field, bytes } => {
                let facts = PhotoFacts {
                    mime: "image/jpeg".to_owned(),
                    captured_at_ms: Some(now),
                    ..PhotoFacts::default()
                };
                device.photo(*audit, field, &mut bytes.as_slice(), &facts, now).map(drop)
            }
            Self::Detach { audit, attachment } => device.detach(*audit, *attachment, now).map(drop),
            Self::Move { audit, to } => device.migrate(*audit, to, now).map(drop),
        }
    }
}

/// What a person may be told by a store that is well.
const EXPECTED: [&str; 10] = [
    "same_version",
    "assignment_not_accepted",
    "unknown_branch",
    "unknown_template",
    "unknown_assignment",
    "audit_not_editable",
    "incomplete",
    "no_conflict",
    "unknown_audit",
    "unknown_attachment",
];

impl World {
    // ---- auditors ----

    /// A person works on a phone for a while.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn edits(&mut self, dice: &mut Dice) -> Checked {
        let Some(at) = self.some_phone(dice) else { return Ok(()) };
        for _ in 0..=dice.below(4) {
            if !self.phones[at].works() {
                break;
            }
            if let Some(action) = self.next_action(at, dice)? {
                self.act(at, &action, dice)?;
            }
            if self.mixture.clocks && dice.once_in(20) {
                self.fired.note(Fault::ClockBackInEdit);
                self.phones[at].clock.offset_ms -= 1 + i64::try_from(dice.below(600_000)).unwrap_or(0);
            }
        }
        Ok(())
    }

    fn next_action(
        &mut self,
        at: usize,
        dice: &mut Dice,
    ) -> Result<Option<Action>, crate::oracle::Violation> {
        let template = self.office.people.template;
        let branch = *dice.pick(&self.office.people.branches);
        let phone = &mut self.phones[at];
        let Some(device) = phone.device.as_mut() else { return Ok(None) };
        let read = device.list(None, 50).and_then(|list| Ok((list, device.assignments()?)));
        let (list, assignments) = match read {
            Ok(read) => read,
            Err(_) if phone.is_damaged => {
                phone.standing = Standing::Damaged;
                return Ok(None);
            }
            Err(error) => return broken("a store can be read", error.to_string()),
        };
        if list.is_empty() || (list.len() < 6 && dice.once_in(6)) {
            let start = match assignments.get(dice.place(assignments.len())) {
                Some(it) if dice.once_in(2) => Start::Assignment(it.id),
                _ => {
                    let audit =
                        Uuid::from_u128((u128::from(dice.number()) << 64) | u128::from(dice.number()));
                    Start::AdHoc { audit, branch, content_hash: template, source: None, visited_at: None }
                }
            };
            return Ok(Some(Action::Start(start)));
        }
        let it = &list[dice.place(list.len())];
        let audit = it.audit;
        let version = version_of(&self.templates, it.content_hash);
        let field = dice.pick(&questions(version)).id;
        if it.conflicts > 0
            && dice.once_in(2)
            && let Ok(view) = device.view(audit)
            && let Some(conflict) = view
                .conflicts
                .iter()
                .find(|it| it.resolved_by.is_none() && FIELDS.contains(&it.field.as_str()))
        {
            let field = conflict.field.clone();
            // What its version asks no more can only be taken back.
            let asked = question(version, &field);
            let json = if asked.is_some() { answer_to(asked, dice) } else { "null".to_owned() };
            return Ok(Some(Action::Resolve { audit, field, json }));
        }
        let photos = if self.mixture.photos { 4 } else { 0 };
        Ok(Some(match dice.below(12 + photos) {
            12..=14 => self.take_photo(audit, version, dice),
            15 => {
                match device.view(audit).ok().and_then(|it| it.attachments.into_values().flatten().next()) {
                    Some(photo) => Action::Detach { audit, attachment: photo.id },
                    None => self.take_photo(audit, version, dice),
                }
            }
            0 => Action::Note { audit, text: format!("a remark {}", mark(dice)) },
            1 | 2 => Action::Submit { audit },
            3 if dice.once_in(4) => Action::Void { audit },
            3 if self.templates.len() > 1 => Action::Move { audit, to: self.some_version(dice) },
            4..=6 => {
                // Whoever visits means to hand in.
                let missing = device.view(audit).map(|it| it.missing).unwrap_or_default();
                let is_missing = |it: &&&str| missing.iter().any(|problem| problem.field.ends_with(**it));
                match FIELDS.iter().find(is_missing) {
                    Some(field) => {
                        Action::Answer { audit, field, json: answer_to(question(version, field), dice) }
                    }
                    None => Action::Submit { audit },
                }
            }
            _ => Action::Answer { audit, field, json: answer_to(question(version, field), dice) },
        }))
    }

    fn take_photo(&self, audit: Uuid, version: u32, dice: &mut Dice) -> Action {
        let field = *dice.pick(&PHOTO_FIELDS);
        let field = if question(version, field).is_some() { field } else { PHOTO_FIELDS[0] };
        Action::Photo { audit, field, bytes: photos::picture(self.seed, dice.below(photos::PICTURES)) }
    }

    /// Does something on a phone, whose disk may fail: then it was done wholly or not at all.
    fn act(&mut self, at: usize, action: &Action, dice: &mut Dice) -> Checked {
        let races = self.races(at, action);
        let seen = self.before_their_eyes(at, action);
        let moving = match action {
            Action::Move { audit, to } => self.moving(at, *audit, *to),
            _ => None,
        };
        let phone = &mut self.phones[at];
        let wall = phone.wall(self.now_ms);
        let Some(device) = phone.device.as_mut() else { return Ok(()) };
        let before = device.head();
        let armed = arm(&phone.disk, self.mixture.disk, dice);
        // The files of photos lie on the machine's own disk, which is never full.
        let is_full = matches!(action, Action::Photo { .. }) && dice.once_in(12);
        device.tell_free_space(if is_full { device::ROOM_FOR_PHOTO - 1 } else { u64::MAX });
        let result = action.perform(device, wall);
        if phone.disk.is_off() || phone.disk.calm() {
            note_trouble(&mut self.fired, armed, false);
        }
        match &result {
            Ok(()) => {}
            Err(DeviceError::Problem(it)) if is_full && it.code == "no_room_for_photo" => {
                self.fired.note(Fault::DiskFullInPhoto);
            }
            Err(DeviceError::Problem(it)) if EXPECTED.contains(&it.code.as_str()) || phone.is_damaged => {}
            Err(DeviceError::Problem(it)) => return broken("a person is understood", it.code.clone()),
            Err(error) => self.store_failed(at, error, dice)?,
        }
        let phone = &mut self.phones[at];
        if phone.disk.is_off() {
            phone.lose_power(dice);
            self.restart(at)?;
        }
        self.say(|| format!("  phone {at}: {action:?}: {result:?}, its disk {armed:?}"));
        let phone = &mut self.phones[at];
        let Some(device) = phone.device.as_ref() else { return Ok(()) };
        let after = device.head();
        if result.is_ok() && after == before && !action.may_be_nothing() {
            return broken("an edit is an op", format!("{action:?}"));
        }
        if after.dseq > before.dseq {
            self.phones[at].has_leavings = false;
            if let Some(fault) = races {
                self.fired.note(fault);
            }
            self.committed(at, action, &seen)?;
            if let (Action::Move { audit, .. }, Some(moving)) = (action, moving) {
                self.check_moved(at, *audit, &moving)?;
            }
        } else if after != before && !self.phones[at].is_damaged {
            return broken("I1 no loss", format!("the log went from {} to {}", before.dseq, after.dseq));
        }
        Ok(())
    }

    /// What on the fields that an action writes stood before the person's eyes.
    fn before_their_eyes(&self, at: usize, action: &Action) -> BTreeMap<String, BTreeSet<usize>> {
        let Some(audit) = action.audit() else { return BTreeMap::new() };
        let fields: Vec<&str> =
            if let Action::Move { .. } = action { FIELDS.to_vec() } else { vec![action.field()] };
        fields.into_iter().map(|it| (it.to_owned(), self.seen(at, audit, it))).collect()
    }

    /// An edit that another device of the auditor does not know of makes a race of a void, and of a move.
    fn races(&self, at: usize, action: &Action) -> Option<Fault> {
        let audit = action.audit()?;
        let fault = match action {
            Action::Void { .. } => Fault::VoidAndEdit,
            Action::Move { .. } => Fault::MoveRaces,
            _ => return None,
        };
        let others = self.working(Some(self.phones[at].auditor));
        let device = |it: &usize| self.phones[*it].device.as_ref();
        let unsent = |device: &Device| {
            let Ok(ops) = device.ops(audit) else { return false };
            let acked = device.status().map_or(0, |it| it.acked.dseq);
            ops.iter().any(|it| it.0.dev == device.dev() && it.0.dseq > acked)
        };
        let races = others.iter().filter(|it| **it != at).filter_map(device).any(unsent);
        races.then_some(fault)
    }

    /// An op is on the disk of a phone.
    fn committed(&mut self, at: usize, action: &Action, seen: &BTreeMap<String, BTreeSet<usize>>) -> Checked {
        let phone = &mut self.phones[at];
        if self.mutant == Some(Mutant::NoBase) && matches!(action, Action::Answer { .. }) {
            mutant::forget_base(phone)?;
        }
        self.note_log(at, seen)?;
        if let Action::Photo { audit, bytes, .. } = action {
            self.photo_taken(at, *audit, Hash::of(bytes));
        }
        Ok(())
    }

    // ---- phones and clocks ----

    /// Something happens to a clock.
    pub fn clock_goes_wrong(&mut self, dice: &mut Dice) {
        const TEN_YEARS: i64 = 10 * 365 * 86_400_000;
        let Some(at) = self.some_phone(dice).filter(|_| self.mixture.clocks) else { return };
        let wall = self.phones[at].wall(self.now_ms);
        let clock = &mut self.phones[at].clock;
        let fault = match dice.below(8) {
            0 => {
                clock.offset_ms += TEN_YEARS;
                clock.is_looked_at = dice.once_in(3);
                Fault::ClockAhead
            }
            1 => {
                clock.offset_ms -= TEN_YEARS;
                clock.is_looked_at = dice.once_in(3);
                Fault::ClockBehind
            }
            2 => {
                clock.offset_ms += if dice.once_in(2) { 3_600_000 } else { -3_600_000 };
                Fault::DaylightSaving
            }
            3 => {
                clock.frozen_at = if clock.frozen_at.is_some() { None } else { Some(wall) };
                Fault::ClockFrozen
            }
            4 => {
                clock.drift = if dice.once_in(2) { 100 } else { -100 };
                Fault::ClockDrift
            }
            5 => {
                clock.offset_ms += if dice.once_in(2) { 1_000 } else { -1_000 };
                Fault::LeapSecond
            }
            6 => {
                clock.boot = dice.number();
                Fault::NewBoot
            }
            _ => {
                (clock.offset_ms, clock.frozen_at) = (0, None);
                return;
            }
        };
        self.fired.note(fault);
    }

    /// Something happens to a phone.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn phone_goes_wrong(&mut self, dice: &mut Dice) -> Checked {
        let Some(at) = self.some_phone(dice) else { return Ok(()) };
        let what = dice.below(if self.mixture.phones { 17 } else { 7 });
        self.say(|| format!("  phone {at}: trouble {what}"));
        match what {
            0 | 1 => {
                self.fired.note(Fault::PowerCut);
                self.phones[at].lose_power(dice);
                self.restart(at)
            }
            2 | 3 => {
                self.phones[at].disk.expect(Trouble::Full, At::Database, dice.below(4));
                self.phones[at].close();
                if self.phones[at].disk.calm() {
                    self.fired.note(Fault::DiskFullInCheckpoint);
                }
                self.restart(at)
            }
            4 => self.downgrade(at),
            5 => {
                self.phones[at].kill();
                self.restart(at)
            }
            6 => self.goes_to_the_background(at, dice),
            7 => {
                // Closed well, so that all of it is in the database and not in its log.
                self.phones[at].close();
                if self.phones[at].disk.flip(crate::phone::DATABASE_FILE, dice) {
                    self.fired.note(Fault::CorruptPage);
                    self.phones[at].is_damaged = true;
                    self.oracle.damaged.insert(self.phones[at].dev);
                }
                self.restart(at)
            }
            8 => self.lose(at, Fault::DatabaseDeleted, Phone::lose_database, dice),
            9 => {
                let everything = |it: &mut Phone| {
                    it.lose_key();
                    it.lose_database();
                    it.lose_photos();
                };
                self.lose(at, Fault::StorageEviction, everything, dice)
            }
            10 => {
                self.fired.note(Fault::KeyLost);
                self.phones[at].lose_key();
                self.restart(at)
            }
            11 | 12 => self.clone_phone(at),
            13 | 14 if self.mixture.photos => self.photo_goes_wrong(at, dice),
            _ => self.restore_phone(at),
        }
    }

    /// Bits of the store that an older app does not know.
    fn downgrade(&mut self, at: usize) -> Checked {
        self.fired.note(Fault::AppDowngrade);
        let phone = &mut self.phones[at];
        phone.kill();
        let path = phone.folder().join(crate::phone::DATABASE_FILE);
        let known: u32 = user_version(&path, None);
        user_version(&path, Some(99));
        let refused = phone.start().map_err(|it| it.code().to_owned());
        let is_right = refused == Err("newer_store".to_owned()) || phone.is_damaged;
        user_version(&path, Some(known));
        if !is_right {
            return broken("an older app leaves a newer store alone", format!("{refused:?}"));
        }
        self.restart(at)
    }

    /// A phone loses its database, and with it whatever was not sent; the app is installed anew. A key that was left is never
    /// used again: nobody knows what the lost log said under its name.
    fn lose(&mut self, at: usize, fault: Fault, how: impl Fn(&mut Phone), dice: &mut Dice) -> Checked {
        let secret = self.new_secret();
        let phone = &mut self.phones[at];
        how(phone);
        let was = phone.dev;
        if phone.start().is_ok() {
            return broken("a copy is not used", format!("{was} opens after: {}", fault.name()));
        }
        phone.is_damaged = false;
        phone.install(secret).or_else(|it| broken("a phone is made", it.to_string()))?;
        if phone.dev == was {
            return broken("a copy is not used", format!("{was} goes on after: {}", fault.name()));
        }
        phone.disk.cheat(Mutant::of_phones(self.mutant));
        self.fired.note(fault);
        self.sign_in_again(at)?;
        if self.phones[at].saved.is_some() && self.phones[at].works() && dice.once_in(2) {
            // The system puts back what it had copied; a key is never in such a copy.
            return self.restore_phone(at);
        }
        Ok(())
    }

    fn clone_phone(&mut self, at: usize) -> Checked {
        if self.phones.len() > 7 {
            return Ok(());
        }
        match self.phones[at].copy() {
            Ok(copy) => self.phones.push(copy),
            Err(_) if self.phones[at].is_damaged => {
                self.phones[at].standing = Standing::Damaged;
                return Ok(());
            }
            Err(error) => return broken("a copied store opens", error.to_string()),
        }
        self.fired.note(Fault::DatabaseCloned);
        Ok(())
    }

    /// An older copy of the database is put back: at first what is there now is kept as that copy.
    fn restore_phone(&mut self, at: usize) -> Checked {
        let phone = &mut self.phones[at];
        phone.kill();
        if phone.set_back() {
            self.fired.note(Fault::DatabaseRestored);
            let phone = &mut self.phones[at];
            if phone.lacks_key() {
                self.fired.note(Fault::BackupWithoutKey);
                phone.keyless.insert(phone.dev);
            }
        } else {
            phone.save();
        }
        self.restart(at)
    }

    // ---- the office ----

    /// Something happens to the office.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn office_goes_wrong(&mut self, dice: &mut Dice) -> Checked {
        let what = dice.below(if self.mixture.photos { 12 } else { 10 });
        self.say(|| format!("  office: trouble {what}"));
        if self.office.parts() > 0 && dice.once_in(2) {
            self.tidy_up(dice);
            return Ok(());
        }
        match what {
            0 | 1 => {
                self.fired.note(Fault::CrashIdle);
                self.office.restart(dice);
                self.mail.unstored.clear();
            }
            10 | 11 => self.tidy_up(dice),
            2..=4 => {
                let copy = self.office.copy_files();
                self.mail.lagging = Some(copy.clone());
                self.copies.push(copy);
                if self.mixture.photos && !dice.once_in(3) {
                    self.keep_a_copy();
                } else {
                    let copy = self.office.back_up().0;
                    self.backups.push(copy);
                }
            }
            5 | 6 if self.mixture.restores => {
                self.phone_comes_and_goes(dice)?;
                if let Some(copy) = self.copies.get(dice.place(self.copies.len())).cloned() {
                    self.fired.note(Fault::RestoreSameEpoch);
                    self.note_mirrors();
                    let before = self.office.devices();
                    self.office.put_back(&copy);
                    self.after_restore(&before, dice);
                }
            }
            7 | 8 if self.mixture.restores => self.lose_the_office(dice)?,
            _ => {
                let released = self.office.release(self.version + 1);
                if let Some(hash) = released {
                    self.fired.note(Fault::TemplatePublished);
                    (self.version, self.office.people.template) = (self.version + 1, hash);
                    self.templates.insert(self.version, hash);
                }
            }
        }
        Ok(())
    }

    /// The office is made anew from a copy, by its own command.
    pub(crate) fn lose_the_office(&mut self, dice: &mut Dice) -> Checked {
        self.phone_comes_and_goes(dice)?;
        let Some(copy) = self.backups.get(dice.place(self.backups.len())).cloned() else { return Ok(()) };
        self.fired.note(Fault::RestoreNewEpoch);
        self.note_mirrors();
        let mut evidence = *dice.pick(&[Evidence::Kept, Evidence::Copied, Evidence::Lost]);
        if !self.stored_photos().is_empty() && dice.once_in(2) {
            evidence = Evidence::Lost;
        }
        if self.is_kept {
            // Whoever says that a copy is kept elsewhere has it when the office is lost.
            evidence = if evidence == Evidence::Lost { Evidence::Copied } else { evidence };
            if self.has_cleared()? {
                self.fired.note(Fault::RestoredAfterCleared);
            }
        }
        if evidence == Evidence::Lost && !self.stored_photos().is_empty() {
            self.fired.note(Fault::EvidenceLost);
        }
        let before = self.office.devices();
        self.office.restore(&copy, evidence);
        self.after_restore(&before, dice);
        Ok(())
    }

    /// Now and then a phone that is younger than every copy is lost, after others read what it wrote.
    fn phone_comes_and_goes(&mut self, dice: &mut Dice) -> Checked {
        if !self.mixture.phones || self.disabled[0] || !dice.once_in(2) {
            return Ok(());
        }
        self.new_phone(0, dice)?;
        let at = self.phones.len() - 1;
        for _ in 0..3 {
            if let Some(action) = self.next_action(at, dice)? {
                self.act(at, &action, dice)?;
            }
        }
        self.sync(at, usize::MAX, 0, dice)?;
        for other in self.working(Some(0)).into_iter().filter(|it| *it != at) {
            self.sync(other, usize::MAX, 0, dice)?;
        }
        self.phones[at].close();
        self.phones[at].standing = Standing::Lost;
        Ok(())
    }

    fn after_restore(&mut self, before: &BTreeMap<DeviceId, Held>, dice: &mut Dice) {
        let held = self.office.devices();
        self.oracle.restored(before, &held);
        self.mail.unstored.clear();
        (self.mail.lagging, self.mail.replica) = (None, None);
        if self.undo_redactions() {
            self.fired.note(Fault::RedactionUndone);
        }
        for phone in &mut self.phones {
            phone.has_old_answer |= phone.sync.is_some();
            phone.has_read = false;
        }
        self.watch = Watch::default();
        self.forget_thawed();
        if let Some(rogue) = &mut self.rogue {
            rogue.restored(&held);
        }
        // What it had released since is released again at once: the process keeps checklists for all offices in it, so that one
        // which lacks what another had would take visits by chance.
        for version in 2..=self.version {
            self.office.release(version);
        }
        // Who was taken out since, or not yet, is as it was then.
        self.read_who_is_out();
        if dice.once_in(2) {
            self.fired.note(Fault::RestoreAndGrow);
            for _ in 0..=dice.below(4) {
                let auditor = dice.place(2);
                let branch = dice.place(3);
                self.assign(auditor, branch);
            }
        }
    }

    fn read_who_is_out(&mut self) {
        for (at, auditor) in self.office.people.auditors.clone().into_iter().enumerate() {
            let found = self.office.read(|tx, org| db::users::find(tx, org, auditor.id));
            self.disabled[at] = found.is_none_or(|it| !it.active);
        }
    }

    /// Approved audits that a restored office has not approved are not frozen any more.
    fn forget_thawed(&mut self) {
        let audits: Vec<Uuid> = self.oracle.frozen.keys().copied().collect();
        for audit in audits {
            if self.server_ops(audit).is_none_or(|it| it.view().phase != Phase::Approved) {
                self.oracle.frozen.remove(&audit);
            }
        }
    }

    /// What the office holds of an audit.
    #[must_use]
    pub fn server_ops(&self, audit: Uuid) -> Option<AuditOps> {
        let found = self.office.read(|tx, org| db::audits::find_ops(tx, org, AuditId(audit)))?;
        AuditOps::decode(&found).ok()
    }

    /// I10: what is approved stays as it is.
    ///
    /// # Errors
    /// Where it did not.
    pub fn check_frozen(&self) -> Checked {
        for (audit, approved) in &self.oracle.frozen {
            let now = self.server_ops(*audit).unwrap_or_default();
            if Shown::of(&now, &now) != Shown::of(approved, &now) {
                let what = difference(Some(approved), Some(&now));
                self.tell(&now);
                return broken("I10 frozen", format!("{audit} was approved and changed: {what}"));
            }
        }
        Ok(())
    }

    // ---- the staff ----

    /// Offers an auditor a visit; its id.
    pub fn assign(&mut self, auditor: usize, branch: usize) -> Option<Uuid> {
        let people = &self.office.people;
        let rows = json!([{
            "branch_id": people.branches[branch], "auditor_id": people.auditors[auditor].id,
            "template": {"id": "small", "version": 1},
            "window_from": "2026-11-20", "window_to": "2027-11-30",
        }]);
        let answer = self.office.ask(&people.manager, "/api/v1/assignments", &rows);
        answer.json()["items"][0]["id"].as_str().and_then(|it| it.parse().ok())
    }

    /// Somebody in the office does their work.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn staff_works(&mut self, dice: &mut Dice) -> Checked {
        match dice.below(20) {
            0 | 1 => {
                let (auditor, branch) = (dice.place(2), dice.place(3));
                self.assign(auditor, branch);
            }
            2 => self.reassign(dice),
            3 => self.take_out_or_back(dice),
            4 => self.move_branch(dice),
            11 => self.change_role(dice),
            5 if self.mixture.phones => self.revoke(dice),
            7..=10 if self.mixture.redactions => self.redact(dice)?,
            6 => {
                if let Some(audit) = self.set_aside().first().copied() {
                    let fault =
                        if dice.once_in(2) { Fault::SetAsideAdopted } else { Fault::SetAsideDismissed };
                    self.decide(audit, fault);
                }
            }
            _ => self.review(dice)?,
        }
        Ok(())
    }

    fn take_out_or_back(&mut self, dice: &mut Dice) {
        let auditor = dice.place(2);
        let id = self.office.people.auditors[auditor].id;
        let verb = if self.disabled[auditor] { "activate" } else { "deactivate" };
        let admin = self.office.people.admin.clone();
        let answer = self.office.ask(&admin, &format!("/api/v1/users/{id}/{verb}"), &Value::Null);
        if answer.status.is_success() {
            self.disabled[auditor] = !self.disabled[auditor];
            self.fired.note(Fault::UserDisabled);
        }
    }

    /// Audits on which something waits for a decision.
    fn set_aside(&self) -> Vec<Uuid> {
        let found = self.office.read(|tx, org| db::quarantine::list(tx, org, true, None, 5_000)).items;
        let audits: BTreeSet<Uuid> = found.iter().map(|it| it.audit_id.0).collect();
        audits.into_iter().collect()
    }

    fn decide(&mut self, audit: Uuid, fault: Fault) {
        let verdict = if fault == Fault::SetAsideAdopted { "adopt" } else { "dismiss" };
        let address = format!("/api/v1/quarantine/{audit}/{verdict}");
        let answer = self.office.ask(&self.office.people.reviewer, &address, &json!({"reason": "seen"}));
        self.say(|| format!("  what was set aside on {audit}: {verdict}: {:?}", answer.outcome()));
        if answer.status.is_success() {
            self.fired.note(fault);
        }
    }

    /// Takes in whatever was set aside and can be taken in.
    pub fn adopt_everything(&mut self) {
        for audit in self.set_aside() {
            self.decide(audit, Fault::SetAsideAdopted);
        }
    }

    /// Lets everybody in again.
    pub fn let_everybody_in(&mut self) {
        let admin = self.office.people.admin.clone();
        for auditor in self.office.people.auditors.clone() {
            self.office.ask(&admin, &format!("/api/v1/users/{}/activate", auditor.id), &Value::Null);
        }
        self.disabled = [false; 2];
    }

    fn revoke(&mut self, dice: &mut Dice) {
        let Some(at) = self.some_phone(dice).filter(|_| dice.once_in(2)) else { return };
        let address = format!("/api/v1/devices/{}/revoke", self.phones[at].dev);
        let admin = self.office.people.admin.clone();
        if self.office.ask(&admin, &address, &Value::Null).status.is_success() {
            self.fired.note(Fault::DeviceRevoked);
        }
    }

    /// The reviewer takes a visit a step further.
    fn review(&mut self, dice: &mut Dice) -> Checked {
        let audits: Vec<Uuid> = self.oracle.owners.keys().copied().collect();
        let racing: Vec<Uuid> = audits.iter().copied().filter(|it| self.has_unsent(*it)).collect();
        // Where somebody has something on its way is where it matters.
        let among = if racing.is_empty() || dice.once_in(2) { &audits } else { &racing };
        let Some(audit) = among.get(dice.place(among.len())).copied() else { return Ok(()) };
        let ask = |world: &Self, verb: &str, body: &Value| {
            let address = format!("/api/v1/visits/{audit}/{verb}");
            world.office.ask(&world.office.people.reviewer, &address, body).status
        };
        ask(self, "claim", &json!({}));
        let unsent = self.has_unsent(audit);
        match dice.below(5) {
            0 | 1 => {
                let deadline = "2099-01-01T00:00:00Z";
                let order = json!({"items": [{"item": "A01", "reason": "not clear"}], "deadline": deadline});
                let status = ask(self, "return", &order);
                if status.is_success() && unsent {
                    self.fired.note(Fault::ReturnRaces);
                }
            }
            2 | 3 => {
                let status = ask(self, "approve", &json!({}));
                if status.is_success() {
                    if unsent {
                        self.fired.note(Fault::ApproveRaces);
                    }
                    if let Some(ops) = self.server_ops(audit) {
                        self.oracle.frozen.insert(audit, ops);
                    }
                    self.check_approved(audit)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether some phone has something on an audit that the office has not.
    pub(crate) fn has_unsent(&self, audit: Uuid) -> bool {
        self.phones.iter().filter_map(|it| it.device.as_ref()).any(|device| {
            let Ok(ops) = device.ops(audit) else { return false };
            let acked = device.status().map_or(0, |it| it.acked.dseq);
            ops.iter().any(|it| it.0.dev == device.dev() && it.0.dseq > acked)
        })
    }
}

/// What an audit shows.
#[derive(PartialEq)]
struct Shown {
    heads: BTreeMap<String, BTreeSet<OpId>>,
    photos: BTreeSet<(String, Hash)>,
    pin: Option<Hash>,
}

impl Shown {
    /// What was said twice counts as what stands for it in `now`.
    fn of(ops: &AuditOps, now: &AuditOps) -> Self {
        let view = ops.view();
        let heads = |it: &Register| it.base().iter().map(|id| now.standing(id)).collect();
        let photos = |(field, all): (&String, &Vec<Attachment>)| -> Vec<(String, Hash)> {
            all.iter().map(|it| (field.clone(), it.value.blob)).collect()
        };
        Self {
            heads: view.fields.iter().map(|(field, it)| (field.clone(), heads(it))).collect(),
            photos: view.attachments.iter().flat_map(photos).collect(),
            pin: view.pin().map(|it| it.content_hash),
        }
    }
}

/// Text that stands nowhere else.
pub(crate) fn mark(dice: &mut Dice) -> String {
    format!("{MARK}{:016x}", dice.number())
}

/// Reads, or writes, which version a store says it is of.
fn user_version(path: &std::path::Path, to: Option<u32>) -> u32 {
    let store = rusqlite::Connection::open(path).expect("a store opens");
    if let Some(to) = to {
        store.pragma_update(None, "user_version", to).expect("a version can be written");
    }
    store.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap_or(0)
}
