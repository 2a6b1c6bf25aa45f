//! What passes between the session and whoever executes it. Owns these shapes; what follows from what is in the parent.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use uuid::Uuid;

use crate::{
    Algorithm, DeviceId, Hash, Op, SealedSegment, Seed,
    chain::Head,
    exchange::{
        ClockReading, Ending, Mark, Outcome, Page, Pending, RefusalCode, Reply, Request, Run, RunId, StreamId,
    },
    receipt::Receipt,
    signature::PublicKey,
};

/// Who synchronises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The device.
    pub dev: DeviceId,
    /// Its organization.
    pub org: Uuid,
    /// How it signs.
    pub alg: Algorithm,
    /// Build number of the app.
    pub app_build: u32,
}

/// Where the link stands between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// Nothing to do, or not begun.
    #[default]
    Idle,
    /// An exchange is under way.
    Exchange,
    /// The server could not be reached or asked to wait.
    Backoff,
    /// Server and device disagree about what was agreed before.
    Recover,
    /// The device must be enrolled again.
    AuthNeeded,
    /// The app is too old to pull; it goes on pushing.
    PushOnly,
}

/// A stream and where the device stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which.
    pub stream: StreamId,
    /// The last number held.
    pub after: u64,
    /// The feed's hash there.
    pub f: Hash,
    /// Earlier positions, latest first, where [`Effect::Load`] asked for them; closer together near the end, and the first
    /// one that the device holds at the last.
    pub marks: Vec<Mark>,
}

/// A segment that lacks its signature, and the end of the log after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The segment.
    pub segment: SealedSegment,
    /// The end of the log after it.
    pub last: Head,
}

/// What the store holds, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The server's epoch; none before the first contact.
    pub epoch: Option<u64>,
    /// What is known to be on the server.
    pub acked: Head,
    /// The end of the own log.
    pub head: Head,
    /// Streams to read.
    pub cursors: Vec<Cursor>,
    /// Segments that were made of the ops after `acked` before, in order.
    pub sealed: Vec<Sealed>,
    /// The ops after those, in order, as many as the bounds of [`Effect::Load`] allow; at least one where there is any and none
    /// is sealed.
    pub ops: Vec<Op>,
    /// The own seed in each audit of `ops`.
    pub seeds: Vec<(Uuid, Seed)>,
    /// What is not sent.
    pub pending: Pending,
    /// Runs of others that the server may lack and that were not offered to it, in the order of their authors' logs, as many
    /// as fit beside `ops`.
    pub relay: Vec<Run>,
    /// Whether there are more of them.
    pub more_relay: bool,
    /// The key with which the server signs, as the device knows it.
    pub server_key: Option<PublicKey>,
    /// Receipts for positions after `acked` and up to the last of `ops`, in order, one for a position: from before the
    /// server was restored.
    pub receipts: Vec<Receipt>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Synchronise now. `jitter` is a random number, for waits that do not fall together.
    Begin {
        /// The device's clocks, told to the server.
        clock: ClockReading,
        /// Any random number.
        jitter: u32,
    },
    /// [`Effect::Load`] is done.
    Loaded(Box<Loaded>),
    /// [`Effect::Sign`] is done.
    Signed(Vec<u8>),
    /// [`Effect::Send`] was answered.
    Answered(Box<Reply>),
    /// [`Effect::Send`] failed, or what came back was not a reply.
    Unreachable,
    /// [`Effect::FindHashes`] is done: one place per position asked for.
    HashesFound(Vec<Option<Hash>>),
    /// [`Effect::Commit`] is done, durably.
    Committed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read the store.
    Load {
        /// At most so many ops.
        max_ops: usize,
        /// At most so many bytes of ops by [`Op::approximate_bytes`], but always one op.
        max_bytes: usize,
        /// Whether the cursors come with their earlier positions ([`marks`]).
        marks: bool,
        /// Whether the server takes segments as they were sealed.
        sealed: bool,
        /// Runs of others that no request can carry to the server today: they stay here.
        without: Vec<RunId>,
    },
    /// Sign these bytes with the device's key.
    Sign(Vec<u8>),
    /// Send this.
    Send(Box<Request>),
    /// Read the chain hash of the own log at each position (zero hash at 0; none beyond the log).
    FindHashes(Vec<u64>),
    /// Store this in one durable transaction.
    Commit(Box<Commit>),
    /// The run is over.
    Finish(Finish),
}

/// What an exchange brought; cursor and data go into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// What is on the server now.
    pub acked: Head,
    /// The server's epoch.
    pub epoch: Option<u64>,
    /// The server's new key, vouched for by the one that was known.
    pub server_key: Option<PublicKey>,
    /// The server's clock when it answered, milliseconds since 1970; none after a refusal.
    pub server_ms: Option<u64>,
    /// The log up to here is on a backup.
    pub durable_through: u64,
    /// The server's signature on `acked`.
    pub receipt: Option<Receipt>,
    /// Pushed ops that were stored but not simply applied.
    pub outcomes: Vec<Outcome>,
    /// Streams that the server holds only up to an earlier position: the cursor goes back there. What was read beyond it
    /// stays true and is kept, but no longer counts as held by the server.
    pub rewinds: Vec<(StreamId, Mark)>,
    /// Runs of others that the server was offered now: it has what it could take of them.
    pub offered: Vec<RunId>,
    /// Pages whose feed hashes hold, each continuing its cursor.
    pub pages: Vec<Page>,
    /// The device may read no longer, and why: everything that it mirrors of others goes, its own log stays.
    pub ended: Option<Ending>,
}

/// The positions of a stream that are offered to a restored server: the last, then at twice the distance each time, and
/// the first, so that a long stream is found again at the cost of a few dozen hashes and of re-reading at most as much
/// as was lost.
///
/// - **Shape**: `all` are the ends of the held entries, earliest first.
pub fn marks(all: &[Mark]) -> Vec<Mark> {
    let mut chosen = Vec::new();
    let (mut back, mut step) = (1_usize, 1_usize);
    while let Some(mark) = all.len().checked_sub(back).and_then(|at| all.get(at)) {
        chosen.push(*mark);
        back = back.saturating_add(step);
        step = step.saturating_mul(2);
    }
    if chosen.last() != all.first() {
        chosen.extend(all.first());
    }
    chosen
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Both sides have nothing more.
    Done(Summary),
    /// Come again after this time.
    Backoff {
        /// How long to wait, milliseconds.
        wait_ms: u64,
        /// Stable machine code.
        reason: String,
    },
    /// The device must be enrolled again; where it was taken out, all that it had is sent.
    AuthNeeded {
        /// Stable machine code.
        reason: String,
    },
    /// Server and device disagree; local work is untouched.
    Recover(RecoverCause),
    /// The server refuses what the device sends, and would again.
    Refused {
        /// What kind.
        code: RefusalCode,
        /// Stable machine code.
        reason: String,
    },
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Requests that were answered.
    pub exchanges: u32,
    /// Ops that the server acknowledged.
    pub pushed: u64,
    /// Entries of feeds that were stored.
    pub pulled: u64,
    /// Whether the app is too old to pull.
    pub push_only: bool,
}

/// Why server and device disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoverCause {
    /// The server's epoch changed: it was restored.
    Epoch,
    /// The server holds other ops under this device's identity, after what was acknowledged: the device goes on as a new
    /// one and says again what comes after that.
    Fork,
    /// As [`Self::Fork`], and also in place of what it had acknowledged: all of the log is said again.
    ForkBeforeAcked,
    /// A stream does not continue what the device holds of it.
    Feed,
    /// The server asks for a log to be sent again and again.
    Rewind,
    /// What is acknowledged comes without the server's signature, or with one that does not hold.
    Receipt,
    /// A server of another epoch cannot prove that it is the one that was known.
    Key,
}

impl RecoverCause {
    /// Stable machine code, snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Epoch => "recover_epoch",
            Self::Fork | Self::ForkBeforeAcked => "recover_fork",
            Self::Feed => "recover_feed",
            Self::Rewind => "recover_rewind",
            Self::Receipt => "forged_receipt",
            Self::Key => "unproven_server_key",
        }
    }
}

impl fmt::Display for RecoverCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch => "the server was restored: its epoch is another than the one this device knows",
            Self::Fork | Self::ForkBeforeAcked => {
                "the server holds other work under this device's identity: the device's data was copied"
            }
            Self::Feed => "the server's stream does not continue what this device has read of it",
            Self::Rewind => "the server asks for the same work again and again",
            Self::Receipt => {
                "what the server says it has stored is not signed with the key of this device's enrolment"
            }
            Self::Key => {
                "the server says it was restored and cannot prove that it is the same: enrol again if it is"
            }
        })
    }
}
