//! What a run comes to next, as shells in other languages read it.

use screens::Step as Inside;
use sync_core::lane::Pause;

use crate::Problem;

/// Where reports of incidents are handed in.
const INCIDENTS_PATH: &str = "/api/v1/incidents";

/// What the shell does next; then it asks again.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Step {
    /// Sign these bytes (ECDSA with SHA-256) with the key of this device.
    Sign {
        /// Whose key, as `device_id` tells it.
        device: String,
        /// What is to be signed.
        bytes: Vec<u8>,
    },
    /// Send these bytes with POST and the media type `application/cbor`; the answer is of that type, whatever its status.
    Send {
        /// Where, after the office's address.
        path: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Hand in this report of an incident with POST and the media type `application/json`; it comes before all else.
    HandIn {
        /// Where, after the office's address.
        path: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Send a part of a photo as it is with PATCH and the media type `application/octet-stream`; the answer as of `Send`.
    SendPart {
        /// Where, after the office's address.
        path: String,
        /// The header `Chunk-SHA256`.
        hash: String,
        /// The body.
        body: Vec<u8>,
    },
    /// The run is over.
    Done {
        /// How it ended.
        ended: Ended,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Ended {
    /// How.
    pub how: How,
    /// The cause of a recovery, or why photos rest; a stable code.
    pub cause: Option<String>,
    /// Milliseconds to wait before the next try.
    pub wait_ms: Option<u64>,
    /// Whether trying again later can help.
    pub temporary: bool,
    /// Of an exchange: whether something came. Of reports: whether one arrived. Of photos: whether the office has to hear of them in
    /// an exchange.
    pub news: bool,
    /// Whether the app is too old to read.
    pub push_only: bool,
    /// What happened, for people; none if all is well.
    pub problem: Option<Problem>,
}

/// The ways in which a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum How {
    /// Nothing is left to do.
    Done,
    /// The office could not be reached, or asks to be asked later.
    Backoff,
    /// The office does not take the session: enrol again with a new code.
    AuthNeeded,
    /// The office holds something else: `renew` where `cause` is `recover_fork`.
    Recover,
    /// The office refuses.
    Refused,
    /// Photos rest.
    Paused,
    /// Photos wait for an exchange.
    ExchangeFirst,
}

/// What a rescue file will hold.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Holds {
    /// Own edits.
    pub edits: u64,
    /// Reports of incidents.
    pub incidents: u64,
    /// Photos.
    pub photos: u64,
    /// Bytes of the photos.
    pub bytes: u64,
    /// What it is to be sealed for: a point of P-256, 65 bytes uncompressed; none where the office gave none, and then for a code.
    pub sealed_for: Option<Vec<u8>>,
}

/// Why photos are to rest now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Rest {
    /// The person wants it.
    ByHand,
    /// The network costs money.
    Metered,
    /// The battery is low.
    LowBattery,
}

impl From<Rest> for Pause {
    fn from(it: Rest) -> Self {
        match it {
            Rest::ByHand => Self::ByHand,
            Rest::Metered => Self::Metered,
            Rest::LowBattery => Self::LowBattery,
        }
    }
}

impl From<screens::How> for How {
    fn from(it: screens::How) -> Self {
        match it {
            screens::How::Done => Self::Done,
            screens::How::Backoff => Self::Backoff,
            screens::How::AuthNeeded => Self::AuthNeeded,
            screens::How::Recover => Self::Recover,
            screens::How::Refused => Self::Refused,
            screens::How::Paused => Self::Paused,
            screens::How::ExchangeFirst => Self::ExchangeFirst,
        }
    }
}

impl From<screens::Ended> for Ended {
    fn from(it: screens::Ended) -> Self {
        let screens::Ended { how, cause, wait_ms, temporary, news, push_only, problem } = it;
        let problem = problem.map(Problem::from);
        Self { how: how.into(), cause, wait_ms, temporary, news, push_only, problem }
    }
}

impl From<&device::Rescue> for Holds {
    fn from(it: &device::Rescue) -> Self {
        let device::RescueFacts { edits, incidents, photos, bytes } = it.facts();
        Self { edits, incidents, photos, bytes, sealed_for: it.key().map(|it| it.key.to_vec()) }
    }
}

/// A step of work that needs several signatures.
pub(crate) fn to_sign((dev, bytes): screens::ToSign) -> Step {
    Step::Sign { device: dev.to_string(), bytes }
}

/// A step of handing in reports, whose body is none of an exchange.
pub(crate) fn of_incidents(step: Inside) -> Step {
    match step {
        Inside::Send(body) => Step::HandIn { path: INCIDENTS_PATH.to_owned(), body },
        other => other.into(),
    }
}

impl From<Inside> for Step {
    fn from(it: Inside) -> Self {
        match it {
            Inside::Sign { dev, bytes } => to_sign((dev, bytes)),
            Inside::Send(body) => Self::Send { path: sync_core::exchange::EXCHANGE_PATH.to_owned(), body },
            Inside::Query(body) => Self::Send { path: sync_core::blob::QUERY_PATH.to_owned(), body },
            Inside::Part { blob, offset, hash, bytes } => Self::SendPart {
                path: sync_core::blob::part_path(&blob, offset),
                hash: hash.to_string(),
                body: bytes,
            },
            Inside::Done(ended) => Self::Done { ended: (*ended).into() },
        }
    }
}
