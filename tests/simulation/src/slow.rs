//! Bodies that come without end: they hold places until their time is up, and nobody else waits for them. The office's own places
//! and its own patience; only the time of its sockets is moved on, since nobody waits half a minute for a test.

use crate::{
    dice::Dice,
    fault::Fault,
    office::Office,
    oracle::{Checked, broken},
    world::World,
};
use server::testing::Answer;
use std::time::Duration;
use sync_core::{
    DeviceId, Hash,
    blob::{CHUNK_HASH_HEADER, part_path},
    payload::BlobRef,
    session::Finish,
};
use tokio::task::JoinHandle;

/// Places of one device.
const OF_A_DEVICE: u32 = 4;
/// Longer than the office waits for the next piece of a body.
const PATIENCE: Duration = Duration::from_secs(31);
/// What whoever finds no place is told.
const NO_PLACE: &str = "too_many_exchanges";

/// Calls whose bodies do not end.
type Slow = Vec<JoinHandle<Answer>>;

impl Office {
    /// Sends what does not end under a session, until its device has no place left and one more was told so; none where the session
    /// does not hold.
    fn begin_slow(&self, token: &str, dev: DeviceId, photo: bool, dice: &mut Dice) -> Option<Slow> {
        let mut slow = Slow::new();
        for number in 1..=OF_A_DEVICE {
            let begun = dice.bytes32()[..dice.place(32)].to_vec();
            slow.push(self.send_slowly(token, photo, begun));
            while self.places(photo).values().sum::<u32>() < number {
                if slow.last().is_none_or(JoinHandle::is_finished) {
                    return None;
                }
                self.go_on();
            }
            // A phone that lost its key has its former session until it is given a code.
            if !self.places(photo).contains_key(&dev) {
                slow.iter().for_each(JoinHandle::abort);
                self.go_on();
                return None;
            }
        }
        Some(slow)
    }

    fn send_slowly(&self, token: &str, photo: bool, begun: Vec<u8>) -> JoinHandle<Answer> {
        self.begin(|it| {
            let call = if photo {
                let blob = BlobRef { id: Hash::of(&begun), size: 1_000 };
                it.patch(&part_path(&blob, 0)).header(CHUNK_HASH_HEADER, &blob.id.to_string())
            } else {
                it.post("/sync/v1/exchange").header("Content-Type", "application/cbor")
            };
            call.bearer(token).header("Accept", "application/cbor").send_without_end(begun)
        })
    }
}

impl World {
    /// Somebody sends under the session of a phone what does not end.
    ///
    /// # Errors
    /// Where somebody else has to wait for it, or it holds its places for ever.
    pub(crate) fn bodies_come_slowly(&mut self, dice: &mut Dice) -> Checked {
        let Some(at) = self.some_phone(dice) else { return Ok(()) };
        let phone = &self.phones[at];
        let device = phone.device.as_ref();
        // The session of one that goes on for another is still the other's.
        let device = device.filter(|it| it.succession().is_ok_and(|it| it.is_none()));
        let enrolment = device.and_then(|it| it.enrolment().ok().flatten());
        let Some(token) = enrolment.map(|it| it.token) else { return Ok(()) };
        let (dev, photo) = (phone.dev, self.mixture.photos && dice.once_in(2));
        // A second instance has places of its own.
        self.mail.replica = None;
        self.office.stop_sockets();
        let Some(slow) = self.office.begin_slow(&token, dev, photo, dice) else {
            self.office.run_sockets();
            return Ok(());
        };
        let held = self.while_held(at, photo, &token, dice);
        let ended = slow.into_iter().map(|it| self.office.after(PATIENCE, it)).collect::<Vec<_>>();
        self.office.run_sockets();
        held?;
        if let Some(it) = ended.iter().find(|it| ![400, 413].contains(&it.status.as_u16())) {
            return broken("I15 bounds", format!("a body without end is answered {:?}", it.outcome()));
        }
        if !self.office.places(photo).is_empty() {
            return broken("I15 bounds", format!("{:?} are held for ever", self.office.places(photo)));
        }
        self.fired.note(if photo { Fault::SlowParts } else { Fault::SlowBodies });
        if !photo && dice.once_in(3) {
            self.crowd_comes_slowly(at, dice)?;
        }
        self.comes_and_is_let_in(at, dice)
    }

    /// While a device has no place left: it is told to come later, and the others are let in.
    fn while_held(&mut self, at: usize, photo: bool, token: &str, dice: &mut Dice) -> Checked {
        let fifth = self.office.after(Duration::ZERO, self.office.send_slowly(token, photo, vec![1]));
        if ![429, 503].contains(&fifth.status.as_u16()) {
            return broken("I15 bounds", format!("a device has a fifth place: {:?}", fifth.outcome()));
        }
        // A copy that lost its key goes on under the session that it was copied with.
        let has_other_session = |it: &usize| {
            let device = self.phones[*it].device.as_ref();
            let enrolment = device.and_then(|it| it.enrolment().ok().flatten());
            enrolment.is_some_and(|it| it.token != token)
        };
        let others: Vec<usize> = self.working(None).into_iter().filter(has_other_session).collect();
        if let Some(other) = others.get(dice.place(others.len())).copied()
            && self.phones[other].dev != self.phones[at].dev
        {
            self.comes_and_is_let_in(other, dice)?;
        }
        if photo { Ok(()) } else { self.comes_and_is_told_to_wait(at, dice) }
    }

    /// Every place is taken: whoever comes is told to come later.
    fn crowd_comes_slowly(&mut self, at: usize, dice: &mut Dice) -> Checked {
        let crowd = self.office.take_every_place();
        let told = self.comes_and_is_told_to_wait(at, dice);
        drop(crowd);
        self.fired.note(Fault::SlowCrowd);
        told
    }

    fn comes_and_is_let_in(&mut self, at: usize, dice: &mut Dice) -> Checked {
        self.sync(at, usize::MAX, 0, dice)?;
        match &self.phones[at].ended {
            Some(Finish::Backoff { reason, .. }) if reason == NO_PLACE => broken(
                "I14 progress",
                format!("{} finds no place, and is not who holds them", self.phones[at].dev),
            ),
            _ => Ok(()),
        }
    }

    /// I14: it comes again later, and what it had acknowledged stays.
    fn comes_and_is_told_to_wait(&mut self, at: usize, dice: &mut Dice) -> Checked {
        // What was under way may have had its answer.
        (self.phones[at].ended, self.phones[at].sync) = (None, None);
        self.office.is_crowded.set(true);
        let done = self.sync(at, usize::MAX, 0, dice);
        self.office.is_crowded.set(false);
        done?;
        match &self.phones[at].ended {
            Some(Finish::Done(_)) => {
                broken("I15 bounds", format!("{} is let in where every place is taken", self.phones[at].dev))
            }
            // Or something between it and the office was quicker.
            Some(Finish::Backoff { reason, .. })
                if ![NO_PLACE, "unreachable", "busy"].contains(&reason.as_str()) =>
            {
                broken("I14 progress", format!("{} is told {reason}", self.phones[at].dev))
            }
            _ => Ok(()),
        }
    }
}
