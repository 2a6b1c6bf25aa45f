//! Photos: what is taken, how it goes to the office, and what goes wrong with it on phones and in the office. Owns I13; that a
//! photo is durable before an op names it lies below this world, since files of photos lie on the machine's own disk.

use crate::{
    dice::Dice,
    fault::Fault,
    mutant::Mutant,
    oracle::{Checked, Violation, broken},
    people::{arm, note_trouble},
    wire::{Address, Letter, Wire, deliver},
    world::World,
};
use device::{DeviceError, KEEP_MS, PhotoState, Upload};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    time::{Duration, SystemTime},
};
use sync_core::{
    Hash, Kind, OpId,
    blob::BlobReply,
    codec,
    exchange::RefusalCode,
    fold::ConflictKind,
    lane::{Finish, Pause},
    payload::{self, AttachValue, BlobRef, LossCause, LostValue},
    session::MAX_WAIT_MS,
};
use uuid::Uuid;

/// How many photos there are in a run: few, so that one is taken for several visits.
pub const PICTURES: u64 = 8;
/// How long each is: less than a part, a part to the byte, more than one.
const LENGTHS: [usize; PICTURES as usize] = [1, 300, 5_000, 16_384, 16_385, 20_000, 40_000, 60_000];
/// What a phone may send in a day where little is allowed.
pub const LITTLE: u64 = 45_000;
/// For parts to be thrown away.
const LONG_MS: u64 = 15 * 86_400_000;

/// The bytes of a photo of a run.
#[must_use]
pub fn picture(seed: u64, number: u64) -> Vec<u8> {
    let mut dice = Dice::part(seed, (1 << 41) + number);
    let length = LENGTHS[usize::try_from(number % PICTURES).unwrap_or(0)];
    let mut bytes = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        bytes.extend(dice.bytes32());
    }
    bytes.truncate(length);
    bytes
}

impl World {
    /// A photo is in the folder of a phone and in its log.
    pub(crate) fn photo_taken(&mut self, at: usize, audit: Uuid, id: Hash) {
        let audits = self.oracle.photos.entry(id).or_default();
        if audits.insert(audit) && audits.len() > 1 {
            self.fired.note(Fault::SamePhotoTwice);
        }
        // The machine's clock has no place in a run.
        let then = SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms);
        if let Ok(file) = File::options().append(true).open(self.phones[at].photo(&id)) {
            file.set_modified(then).expect("a file can be dated");
        }
    }

    /// Something happens to a photo on a phone.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn photo_goes_wrong(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let ids: Vec<Hash> = self.oracle.photos.keys().copied().collect();
        let here = ids.into_iter().map(|it| self.phones[at].photo(&it)).filter(|it| it.exists());
        let here: Vec<_> = here.collect();
        let Some(path) = here.get(dice.place(here.len())) else { return Ok(()) };
        if dice.once_in(2) {
            fs::remove_file(path).expect("a photo can be removed");
            self.fired.note(Fault::PhotoDeleted);
        } else {
            let mut bytes = fs::read(path).expect("a photo can be read");
            let place = dice.place(bytes.len());
            bytes[place] ^= 1 << dice.below(8);
            fs::write(path, bytes).expect("a photo can be edited");
            self.fired.note(Fault::PhotoEdited);
        }
        Ok(())
    }

    /// A phone goes on with its photos, or begins to send them; ops go first.
    ///
    /// # Errors
    /// A law that does not hold.
    pub fn upload(&mut self, at: usize, effects: usize, fault_once_in: u64, dice: &mut Dice) -> Checked {
        let phone = &mut self.phones[at];
        let wall = phone.wall(self.now_ms);
        phone.is_sent = false;
        let database = phone.database();
        let Some(device) = phone.device.as_mut() else { return Ok(()) };
        let enrolment = match device.enrolment().and_then(|it| Ok((it, device.succession()?))) {
            Ok((Some(enrolment), None)) => enrolment,
            Ok(_) => return Ok(()),
            Err(error) => return self.store_failed(at, &error, dice),
        };
        if phone.upload.is_none() {
            let mut upload = Upload::new(device).or_else(|it| broken("photos begin", it.to_string()))?;
            let metered = fault_once_in > 0 && dice.once_in(10);
            let jitter = u32::try_from(dice.below(1 << 32)).unwrap_or(u32::MAX);
            upload.begin(metered.then_some(Pause::Metered), jitter, wall);
            phone.upload = Some(upload);
        }
        let Some(mut upload) = phone.upload.take() else { return Ok(()) };
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
        let armed = arm(&phone.disk, if fault_once_in == 0 { 0 } else { self.mixture.disk * 2 }, dice);
        let mut ended = Ok(None);
        for _ in 0..effects {
            ended = upload.advance(device, &mut wire);
            if !matches!(ended, Ok(None)) {
                break;
            }
        }
        let (violation, told) = (wire.violation.take(), std::mem::take(&mut wire.stored));
        if let Some(violation) = violation {
            return Err(violation);
        }
        if phone.disk.calm() || phone.disk.is_off() {
            note_trouble(&mut self.fired, armed, true);
        }
        self.say(|| format!("  phone {at} sends photos: {ended:?}, its disk {armed:?}"));
        match ended {
            Err(error) => self.store_failed(at, &error, dice)?,
            Ok(None) => self.phones[at].upload = Some(upload),
            Ok(Some(finish)) => self.upload_ended(at, &finish)?,
        }
        self.learn(at)?;
        self.clear_photos(at, dice)?;
        self.check_stored(&told)
    }

    fn upload_ended(&mut self, at: usize, finish: &Finish) -> Checked {
        let phone = &mut self.phones[at];
        match finish {
            Finish::Done(summary) => phone.is_sent = summary.left == 0,
            Finish::Paused { cause: Pause::Quota | Pause::Server, .. } => {
                self.fired.note(Fault::QuotaReached);
            }
            Finish::Paused { .. } => self.fired.note(Fault::PhotosPaused),
            Finish::Backoff { wait_ms, reason } if *wait_ms > MAX_WAIT_MS + 3_600_000 => {
                return broken("I15 bounds", format!("a wait of {wait_ms} ms after {reason}"));
            }
            Finish::Backoff { .. } | Finish::ExchangeFirst => {}
            Finish::AuthNeeded { .. } => return self.sign_in_again(at),
            Finish::Refused { reason, .. } if reason == "body_too_large" || phone.is_damaged => {}
            Finish::Refused { code, reason } => {
                return broken("I14 progress", format!("photos are refused: {code:?} {reason}"));
            }
        }
        Ok(())
    }

    // ---- the office ----

    /// What was not finished for long is thrown away, and photos are looked at.
    pub fn tidy_up(&mut self, dice: &mut Dice) {
        if dice.once_in(2) {
            self.now_ms += LONG_MS;
            self.office.set_time(self.now_ms);
        }
        let before = self.office.parts();
        self.office.app().tidy().expect("an office can be tidied");
        self.office.app().read_photos().expect("photos can be looked at");
        if self.office.parts() < before {
            self.fired.note(Fault::PartExpired);
        }
    }

    /// The photos that the office says it has.
    #[must_use]
    pub fn stored_photos(&self) -> BTreeSet<Hash> {
        let page = self.office.read(|tx, org| db::blobs::list(tx, org, None, db::MAX_PAGE));
        page.items.iter().map(|it| it.blob).collect()
    }

    /// I13: what a phone was told is stored, is.
    fn check_stored(&mut self, told: &[Hash]) -> Checked {
        if told.is_empty() {
            return Ok(());
        }
        let stored = self.stored_photos();
        // Of a photo that was redacted a phone is told so, and asks no more.
        let told = told.iter().filter(|it| !self.oracle.redacted.has_photo(it));
        match told.clone().find(|it| !stored.contains(it)) {
            Some(id) => broken("I13 blob", format!("{id} was told to be stored, and is not")),
            None => self.check_bytes(told),
        }
    }

    /// I13: what is stored hashes to its id.
    fn check_bytes<'a>(&self, mut ids: impl Iterator<Item = &'a Hash>) -> Checked {
        let check =
            |id: &Hash| self.office.app().check_blob(self.office.org, *id).expect("photos can be read");
        match ids.find(|it| check(it) != server::app::evidence::BlobCheck::Good) {
            Some(id) => broken("I13 blob", format!("{id} is stored, and is {:?}", check(id))),
            None => Ok(()),
        }
    }

    /// I13: what an approved visit counts on is stored.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check_approved(&self, audit: Uuid) -> Checked {
        let Some(ops) = self.server_ops(audit) else { return Ok(()) };
        let view = ops.view();
        let attached = view.attachments.values().flatten().map(|it| it.value.blob);
        let mut counted: BTreeSet<Hash> = attached.collect();
        // Of several submits of a round an approval names one.
        if let Some((_, submits)) = view.rounds.submits.last_key_value()
            && let [submit] = submits.as_slice()
        {
            counted.extend(submit.value.blobs.iter().map(|it| it.id));
        }
        let stored = self.stored_photos();
        counted.retain(|it| !self.oracle.redacted.has_photo(it));
        match counted.iter().find(|it| !stored.contains(*it)) {
            Some(id) => broken("I13 blob", format!("{audit} is approved without {id}")),
            None => self.check_bytes(counted.iter()),
        }
    }

    // ---- copies that phones rest on ----

    /// A copy is made that is kept elsewhere with its photos: what was copied before takes nobody's place any more.
    pub(crate) fn keep_a_copy(&mut self) {
        let Some(copy) = self.office.back_up_for_good() else { return };
        if self.mutant == Some(Mutant::RestOnNoCopy) {
            return;
        }
        self.copies.drain(..self.copies.len().saturating_sub(1));
        (self.backups, self.is_kept) = (vec![copy], true);
    }

    /// Sometimes phones let go of photos that are in a copy, and then the office is lost.
    ///
    /// # Errors
    /// A law that does not hold.
    pub(crate) fn rest_on_a_copy(&mut self, dice: &mut Dice) -> Checked {
        if !(self.mixture.photos && self.mixture.restores && dice.once_in(2)) {
            return Ok(());
        }
        // What is written after a photo is what tells that the photo is in the copy.
        for _ in 0..4 {
            self.edits(dice)?;
        }
        self.until_quiet(dice)?;
        self.keep_a_copy();
        self.until_quiet(dice)?;
        self.now_ms += KEEP_MS;
        self.office.set_time(self.now_ms);
        self.until_quiet(dice)?;
        if self.has_cleared()? {
            self.lose_the_office(dice)?;
            self.until_quiet(dice)?;
        }
        Ok(())
    }

    /// Days pass, or a month where there are photos; phones do what they do when they are idle.
    ///
    /// # Errors
    /// A law that does not hold.
    pub(crate) fn time_passes(&mut self, dice: &mut Dice) -> Checked {
        self.now_ms += dice.below(3 * 86_400_000);
        if self.is_kept || (self.mixture.photos && dice.once_in(2)) {
            self.now_ms += KEEP_MS;
        }
        self.office.set_time(self.now_ms);
        self.working(None).into_iter().try_for_each(|at| self.clear_photos(at, dice))?;
        // What is only in a copy now is worth losing the office for.
        if self.mixture.restores && dice.once_in(2) && self.has_cleared()? {
            self.lose_the_office(dice)?;
        }
        Ok(())
    }

    /// A phone lets go of what it need not keep.
    fn clear_photos(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let phone = &mut self.phones[at];
        let wall = phone.wall(self.now_ms);
        let Some(device) = phone.device.as_mut() else { return Ok(()) };
        match device.evict(wall) {
            Ok(0) => Ok(()),
            Ok(_) => {
                if self.has_cleared()? {
                    self.fired.note(Fault::PhotoCleared);
                }
                Ok(())
            }
            Err(error) => self.store_failed(at, &error, dice),
        }
    }

    /// Whether a phone has let go of a photo that stands on it.
    pub(crate) fn has_cleared(&mut self) -> Result<bool, Violation> {
        for at in self.working(None) {
            let phone = &mut self.phones[at];
            let Some(device) = phone.device.as_mut().filter(|_| !phone.is_damaged) else { continue };
            // One whose disk is off says nothing now.
            let Ok(photos) = photos_of(device) else { continue };
            if photos.iter().any(|it| it.state == PhotoState::Evicted) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    // ---- at the end ----

    /// I13 and I1 for photos: whatever a phone still has is stored, and what nobody has any more is said to be lost.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn check_photos(&mut self) -> Checked {
        let stored = self.stored_photos();
        self.check_bytes(stored.iter())?;
        for at in self.working(None) {
            let phone = &mut self.phones[at];
            let Some(device) = phone.device.as_mut().filter(|_| !phone.is_damaged) else { continue };
            let photos = photos_of(device).or_else(|it| broken("a store can be read", it.to_string()))?;
            for Photo { audit, id, blob, is_lost, was_cleared, state } in photos {
                let is_whole = fs::read(phone.photo(&blob)).is_ok_and(|it| Hash::of(&it) == blob);
                let is_stored = stored.contains(&blob);
                let (dev, mine) = (phone.dev, id.dev == phone.dev);
                if self.oracle.redacted.has_photo(&blob) {
                    continue;
                }
                if is_whole && !is_stored {
                    return broken(
                        "I13 blob",
                        format!("{blob} of {audit} is on {dev} ({state:?}), and nowhere else"),
                    );
                }
                if mine && !is_whole && !is_stored && !is_lost {
                    return broken(
                        "I13 blob",
                        format!("{blob} of {audit} is lost on {dev}, and nobody says so"),
                    );
                }
                if is_lost && was_cleared {
                    return broken(
                        "I13 blob",
                        format!("{blob} of {audit} was cleared from {dev}, and is lost"),
                    );
                }
                if is_lost && is_stored && mine {
                    return broken("I13 blob", format!("{blob} of {audit} is stored, and said to be lost"));
                }
            }
        }
        Ok(())
    }

    // ---- somebody who means harm ----

    /// Bytes under the name of others: of a photo that a phone has yet to send, or of nobody's.
    ///
    /// # Errors
    /// Where they are taken.
    pub(crate) fn other_bytes(&mut self, rogue: &Letter, dice: &mut Dice) -> Checked {
        // Of a redacted photo nothing is taken any more, whoever brings it: it counts as stored.
        let mut known: Vec<Hash> = self.oracle.photos.keys().copied().collect();
        known.retain(|it| !self.oracle.redacted.has_photo(it));
        let wanted = known.get(dice.place(known.len())).copied();
        let (id, fault) = match wanted.filter(|it| !self.stored_photos().contains(it)) {
            Some(id) => (id, Fault::SwappedPhoto),
            None => (Hash::of(&dice.bytes32()), Fault::BlobOfAnotherHash),
        };
        let body = dice.bytes32().to_vec();
        let blob = BlobRef { id, size: body.len() as u64 };
        let to = Address::Part(blob, 0, Hash::of(&body));
        let answer = deliver(&self.office, &Letter { to, body, ..rogue.clone() }, false);
        self.fired.note(fault);
        match codec::from_cbor::<BlobReply>(&answer.body) {
            Ok(BlobReply::Refused(it)) if it.code == RefusalCode::BadHash => {}
            // It had sent so much today that it may send no more.
            Ok(BlobReply::Refused(it)) if it.code == RefusalCode::Quota => {}
            other => return broken("I13 blob", format!("{}: {other:?}", fault.name())),
        }
        if self.stored_photos().contains(&id) {
            return broken("I13 blob", format!("{} is stored", fault.name()));
        }
        Ok(())
    }

    /// I12: nobody reads the photos of others.
    ///
    /// # Errors
    /// Where somebody does.
    pub(crate) fn read_of_others(&self, token: &str, auditor: usize) -> Checked {
        let owner = |audit: &Uuid| self.oracle.owners.get(audit) == Some(&auditor);
        let others = self.oracle.photos.iter().find(|it| !it.1.iter().any(owner));
        let Some((id, _)) = others else { return Ok(()) };
        let answer = self.office.send(|it| it.get(&sync_core::blob::blob_path(id)).bearer(token));
        if answer.status.is_success() {
            return broken("I12 permission", format!("{id} is another's, and was read"));
        }
        Ok(())
    }
}

/// A photo that stands, as a phone has it.
struct Photo {
    audit: Uuid,
    id: OpId,
    blob: Hash,
    is_lost: bool,
    /// Its phone says that it was lost after it had been cleared there.
    was_cleared: bool,
    state: PhotoState,
}

fn photos_of(device: &mut device::Device) -> Result<Vec<Photo>, DeviceError> {
    let mut photos = Vec::new();
    for audit in device.list(None, 1_000)?.into_iter().map(|it| it.audit) {
        let ops = device.ops(audit)?;
        let said = ops.iter().filter(|it| it.1.op.kind == Kind::Lost);
        let said = said.filter_map(|it| payload::of_op::<LostValue>(&it.1.op).ok());
        // What was taken away before is nobody's loss who meant it.
        let detached: BTreeSet<Hash> = ops
            .iter()
            .filter(|it| it.1.op.kind == Kind::Detach)
            .flat_map(|it| &it.1.op.base)
            .filter_map(|it| payload::of_op::<AttachValue>(&ops.get(it)?.op).ok())
            .map(|it| it.blob)
            .collect();
        let cleared = said.filter(|it| it.cause == Some(LossCause::Evicted)).map(|it| it.blob);
        let cleared = cleared.filter(|it| !detached.contains(it));
        let (view, cleared): (_, BTreeSet<Hash>) = (ops.view(), cleared.collect());
        let lost: BTreeSet<OpId> = view
            .open_conflicts()
            .filter(|it| it.kind == ConflictKind::BlobLost)
            .flat_map(|it| it.ops.iter().copied())
            .collect();
        for it in device.view(audit)?.attachments.into_values().flatten() {
            let (id, blob, is_lost) = (it.id, it.value.blob, lost.contains(&it.id));
            let was_cleared = cleared.contains(&blob);
            photos.push(Photo { audit, id, blob, is_lost, was_cleared, state: it.state });
        }
    }
    Ok(photos)
}
