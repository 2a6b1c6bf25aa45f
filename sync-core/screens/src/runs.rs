//! Runs to the office, as whoever carries them does it: what is to be signed or sent next, and how a run ended. The same for the browser
//! and for native shells. Holds no rule: what is said is `sync-core`'s, what is kept is `device`'s.

use device::{
    DeviceError, DeviceKey, IncidentAnswer, Incidents, IncidentsEnd, Next, NextPart, Rescue, Sync,
    TransportError, Upload,
};
use domain::Problem;
use serde::{Serialize, Serializer};
use sync_core::{
    DeviceId, Hash,
    exchange::ClockReading,
    lane::{self, Pause},
    payload::BlobRef,
    session::{Finish, RecoverCause},
};

use crate::{
    Phone,
    rescue::{Signing, ToSign},
};

/// What is under way to the office.
#[derive(Default)]
pub(crate) struct Runs {
    sync: Option<Sync>,
    upload: Option<Upload>,
    incidents: Option<Incidents>,
    recover: Option<RecoverCause>,
    pub(crate) signing: Signing,
    pub(crate) rescue: Option<Rescue>,
}

/// What is to be done outside; then the run is asked again.
#[derive(Debug)]
pub enum Step {
    /// These bytes are to be signed with the key of the device that is named.
    Sign {
        /// The device: this one, or the one that it goes on for.
        dev: DeviceId,
        /// What is signed.
        bytes: Vec<u8>,
    },
    /// This exchange, or this report of an incident, is to be sent.
    Send(Vec<u8>),
    /// The server is to be asked where photos stand.
    Query(Vec<u8>),
    /// A part of a photo is to be sent.
    Part {
        /// The photo.
        blob: BlobRef,
        /// Where the part begins, in bytes.
        offset: u64,
        /// Hash of the part.
        hash: Hash,
        /// The part.
        bytes: Vec<u8>,
    },
    /// The run is over.
    Done(Box<Ended>),
}

/// The ways in which a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing is left to do.
    Done,
    /// The server could not be reached, or asks to be asked later.
    Backoff,
    /// The server does not take the session.
    AuthNeeded,
    /// Server and device disagree.
    Recover,
    /// The server refuses.
    Refused,
    /// Photos rest.
    Paused,
    /// Photos wait for an exchange.
    ExchangeFirst,
}

impl How {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Backoff => "backoff",
            Self::AuthNeeded => "auth_needed",
            Self::Recover => "recover",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::ExchangeFirst => "exchange_first",
        }
    }
}

/// By its name; derived, it would weigh more in browsers.
impl Serialize for How {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Serialize)]
pub struct Ended {
    /// How.
    pub how: How,
    /// The cause of a recovery, or why photos rest.
    pub cause: Option<String>,
    /// Milliseconds to wait before the next try.
    pub wait_ms: Option<u64>,
    /// Whether trying again later can help.
    pub temporary: bool,
    /// Of an exchange: whether something came. Of reports: whether one arrived. Of photos: whether the server has to hear of them in
    /// an exchange.
    pub news: bool,
    /// Whether the app is too old to read.
    pub push_only: bool,
    /// What happened, for people; none if all is well.
    pub problem: Option<Problem>,
}

impl Ended {
    fn of(outcome: &Finish) -> Self {
        let (how, cause, wait_ms) = match outcome {
            Finish::Done(_) => (How::Done, None, None),
            Finish::Backoff { wait_ms, .. } => (How::Backoff, None, Some(*wait_ms)),
            Finish::AuthNeeded { reason } => (How::AuthNeeded, Some(reason.clone()), None),
            Finish::Recover(cause) => (How::Recover, Some(cause.code().to_owned()), None),
            Finish::Refused { reason, .. } => (How::Refused, Some(reason.clone()), None),
        };
        let (news, push_only) = match outcome {
            Finish::Done(summary) => (summary.pulled > 0, summary.push_only),
            _ => (false, false),
        };
        let (temporary, problem) = (Sync::is_temporary(outcome), Sync::problem(outcome));
        Self { how, cause, wait_ms, temporary, news, push_only, problem }
    }

    fn of_incidents(end: &IncidentsEnd) -> Self {
        let problem = end.problem();
        let how = if problem.is_some() { How::Backoff } else { How::Done };
        let (temporary, news) = (problem.is_some(), end.sent > 0);
        Self { how, cause: None, wait_ms: None, temporary, news, push_only: false, problem }
    }

    fn of_photos(finish: &lane::Finish, summary: &lane::Summary) -> Self {
        let (how, cause, wait_ms) = match finish {
            lane::Finish::Done(_) => (How::Done, None, None),
            lane::Finish::Paused { cause, wait_ms } => {
                (How::Paused, Some(cause.code().to_owned()), Some(*wait_ms))
            }
            lane::Finish::Backoff { wait_ms, .. } => (How::Backoff, None, Some(*wait_ms)),
            lane::Finish::ExchangeFirst => (How::ExchangeFirst, None, None),
            lane::Finish::AuthNeeded { reason } => (How::AuthNeeded, Some(reason.clone()), None),
            lane::Finish::Refused { reason, .. } => (How::Refused, Some(reason.clone()), None),
        };
        let news = summary.stored.saturating_add(summary.had).saturating_add(summary.lost) > 0;
        let (temporary, problem) = (Upload::is_temporary(finish), Upload::problem(finish));
        Self { how, cause, wait_ms, temporary, news, push_only: false, problem }
    }
}

pub(crate) fn none_under_way() -> DeviceError {
    DeviceError::from(Problem::single(409, "no_run", "No hay ningún envío en curso", "no run is under way"))
}

impl Phone {
    /// How much room there is, in bytes; where it is short, pictures as the camera gave them go.
    ///
    /// - **Errors**: storage.
    pub fn tell_free_space(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.device.tell_free_space(bytes);
        self.device.make_room().map(drop)
    }

    /// Begins to synchronise.
    ///
    /// - **Shape**: milliseconds since 1970; `jitter` is any random number.
    /// - **Errors**: `not_enrolled`; storage.
    pub fn sync_begin(&mut self, now_ms: u64, jitter: u32) -> Result<(), DeviceError> {
        let mut sync = Sync::new(self.device())?;
        sync.begin(ClockReading { wall_ms: now_ms, mono_ms: None, boot: None }, jitter);
        self.runs.sync = Some(sync);
        Ok(())
    }

    /// What synchronising comes to next: [`Step::Sign`], [`Step::Send`] or [`Step::Done`].
    ///
    /// - **Errors**: `no_run`; storage.
    pub fn sync_next(&mut self) -> Result<Step, DeviceError> {
        let sync = self.runs.sync.as_mut().ok_or_else(none_under_way)?;
        loop {
            match sync.next(&mut self.device)? {
                Next::GoOn => {}
                Next::Sign(bytes) => return Ok(Step::Sign { dev: self.device.dev(), bytes }),
                Next::Send(bytes) => return Ok(Step::Send(bytes)),
                Next::Finished(outcome) => {
                    if let Finish::Recover(cause) = outcome {
                        self.runs.recover = Some(cause);
                    }
                    return Ok(Step::Done(Box::new(Ended::of(&outcome))));
                }
            }
        }
    }

    /// Goes on after [`Step::Sign`].
    pub fn sync_signed(&mut self, signature: Vec<u8>) {
        if let Some(sync) = self.runs.sync.as_mut() {
            sync.signed(signature);
        }
    }

    /// Goes on after [`Step::Send`], with the body of the reply, or why none came.
    pub fn sync_answered(&mut self, reply: Result<Vec<u8>, TransportError>) {
        if let Some(sync) = self.runs.sync.as_mut() {
            sync.answered(reply);
        }
    }

    /// Begins to hand in reports of incidents, before all else.
    ///
    /// - **Errors**: as of [`Self::sync_begin`].
    pub fn incidents_begin(&mut self) -> Result<(), DeviceError> {
        self.runs.incidents = Some(Incidents::new(&self.device)?);
        Ok(())
    }

    /// What handing them in comes to next: [`Step::Sign`], [`Step::Send`] or [`Step::Done`].
    ///
    /// - **Errors**: `no_run`; storage.
    pub fn incidents_next(&mut self) -> Result<Step, DeviceError> {
        let incidents = self.runs.incidents.as_mut().ok_or_else(none_under_way)?;
        loop {
            match incidents.next(&mut self.device)? {
                Next::GoOn => {}
                Next::Sign(bytes) => return Ok(Step::Sign { dev: incidents.sender(&self.device), bytes }),
                Next::Send(bytes) => return Ok(Step::Send(bytes)),
                Next::Finished(end) => return Ok(Step::Done(Box::new(Ended::of_incidents(&end)))),
            }
        }
    }

    /// Goes on after [`Step::Sign`].
    pub fn incidents_signed(&mut self, signature: Vec<u8>) {
        if let Some(incidents) = self.runs.incidents.as_mut() {
            incidents.signed(signature);
        }
    }

    /// Goes on after [`Step::Send`], with the HTTP status of the answer, 0 where none came, and the code of a refusal.
    pub fn incidents_answered(&mut self, status: u16, code: String) {
        if let Some(incidents) = self.runs.incidents.as_mut() {
            incidents.answered(match status {
                0 => IncidentAnswer::Unreachable(TransportError(code)),
                200..300 => IncidentAnswer::Stored,
                _ => IncidentAnswer::Refused(status, code),
            });
        }
    }

    /// Begins to send photos, or pictures as the camera gave them, or to say that they rest.
    ///
    /// - **Errors**: as of [`Self::sync_begin`].
    pub fn upload_begin(
        &mut self,
        originals: bool,
        pause: Option<Pause>,
        now_ms: u64,
        jitter: u32,
    ) -> Result<(), DeviceError> {
        let upload = if originals { Upload::of_originals(&self.device) } else { Upload::new(&self.device) };
        let mut upload = upload?;
        upload.begin(pause, jitter, now_ms);
        self.runs.upload = Some(upload);
        Ok(())
    }

    /// What sending photos comes to next: [`Step::Query`], [`Step::Part`] or [`Step::Done`].
    ///
    /// - **Errors**: `no_run`; storage.
    pub fn upload_next(&mut self) -> Result<Step, DeviceError> {
        let upload = self.runs.upload.as_mut().ok_or_else(none_under_way)?;
        loop {
            match upload.next(&mut self.device)? {
                NextPart::GoOn => {}
                NextPart::Query(bytes) => return Ok(Step::Query(bytes)),
                NextPart::Send { blob, offset, hash, bytes } => {
                    return Ok(Step::Part { blob, offset, hash, bytes });
                }
                NextPart::Finished(finish) => {
                    let ended = Ended::of_photos(&finish, upload.summary());
                    return Ok(Step::Done(Box::new(ended)));
                }
            }
        }
    }

    /// Goes on after [`Step::Query`] or [`Step::Part`], with the body of the reply, or why none came.
    pub fn upload_answered(&mut self, reply: Result<Vec<u8>, TransportError>) {
        if let Some(upload) = self.runs.upload.as_mut() {
            upload.answered(reply);
        }
    }

    /// Goes on as a new device after a run that ended as [`How::Recover`], with a key that is kept already: what is to be signed comes
    /// one by one, each with the device whose key is asked for; once none comes it is done.
    ///
    /// - **Shape**: the same key each time; `signature` is of what came last.
    /// - **Errors**: `no_run` where nothing is to be recovered from; files and storage, and then all is as before.
    pub fn renew(
        &mut self,
        key: DeviceKey,
        signature: Option<Vec<u8>>,
    ) -> Result<Option<ToSign>, DeviceError> {
        let Self { device, runs, .. } = self;
        let cause = runs.recover.ok_or_else(none_under_way)?;
        device.renew_with(cause, key, runs.signing.signed(signature))?;
        let wanted = runs.signing.next();
        if wanted.is_none() {
            // What was under way was the former device's. Of a rescue file nothing is: it is made of what was there.
            *runs = Runs { rescue: runs.rescue.take(), ..Runs::default() };
        }
        Ok(wanted)
    }
}
