//! What passes between the lane and whoever executes it. Owns these shapes; what follows from what is in the parent.

use alloc::{boxed::Box, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    Hash,
    blob::{BlobQuery, BlobReply},
    exchange::RefusalCode,
    payload::{BlobRef, LossCause},
};

/// Why no blob is sent for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// A person asked for it.
    ByHand,
    /// The network is paid by the byte.
    Metered,
    /// The battery is low.
    LowBattery,
    /// The server asked for it.
    Server,
    /// What may be sent today is used up.
    Quota,
}

impl Pause {
    /// Stable machine code, snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::ByHand => "paused_by_hand",
            Self::Metered => "paused_metered",
            Self::LowBattery => "paused_low_battery",
            Self::Server => "paused_by_server",
            Self::Quota => "paused_quota",
        }
    }
}

/// What the store holds, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The server's epoch; none before the first exchange, and then nothing is sent.
    pub epoch: Option<u64>,
    /// The size of parts that the last run came down to.
    pub chunk: Option<u32>,
    /// Blobs that the server has not confirmed in this epoch, the smallest first, after the one asked for.
    pub blobs: Vec<BlobRef>,
    /// Whether there are more of them.
    pub more: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// The bytes that the blob's id names.
    Intact,
    /// Something else, or nothing.
    Lost(LossCause),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Send now what is not sent. `jitter` is a random number, for waits that do not fall together.
    Begin {
        /// Any random number.
        jitter: u32,
        /// Why nothing is to be sent after all.
        pause: Option<Pause>,
    },
    /// Stop at the next rest; a part under way is finished.
    Pause(Pause),
    /// [`Effect::Load`] is done.
    Loaded(Loaded),
    /// [`Effect::Query`] or [`Effect::Send`] was answered.
    Answered(Box<BlobReply>),
    /// [`Effect::Query`] or [`Effect::Send`] failed, or what came back was not a reply.
    Unreachable,
    /// [`Effect::Check`] is done; or [`Effect::Send`] found that the file is not what it was.
    Checked(FileState),
    /// [`Effect::Keep`] is done, durably.
    Kept,
}

/// A part of a blob to be read from its file and sent with its own hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Of which blob.
    pub blob: BlobRef,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read the store: blobs that the server has not confirmed, in the order of [`order`], after this one.
    Load {
        /// Where the last page ended.
        after: Option<BlobRef>,
        /// At most so many.
        limit: usize,
    },
    /// Ask the server.
    Query(BlobQuery),
    /// Hash the file of a blob.
    Check(BlobRef),
    /// Send a part.
    Send(Part),
    /// Store this in one durable transaction.
    Keep(Keep),
    /// The run is over.
    Finish(Finish),
}

/// The order in which blobs are sent: smallest first, so that one large blob delays few.
pub fn order(blob: &BlobRef) -> (u64, Hash) {
    (blob.size, blob.id)
}

/// What a run learned; it goes into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// The size of parts to begin the next run with.
    pub chunk: u32,
    /// What became of blobs.
    pub marks: Vec<(Hash, Mark)>,
}

/// What became of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The server holds so many bytes of it.
    Sent(u64),
    /// The server has it.
    Stored {
        /// In this epoch of the server.
        epoch: u64,
    },
    /// Its bytes are not here any more.
    Lost(LossCause),
    /// The server will never take it.
    Refused(String),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Every blob was offered and sent, but for those that the summary counts.
    Done(Summary),
    /// Blobs rest; ops go on.
    Paused {
        /// Why.
        cause: Pause,
        /// Come again after this time, milliseconds; 0 for when the cause is gone.
        wait_ms: u64,
    },
    /// Come again after this time.
    Backoff {
        /// How long to wait, milliseconds.
        wait_ms: u64,
        /// Stable machine code.
        reason: String,
    },
    /// The server was restored, or nothing is known of it: an exchange comes first.
    ExchangeFirst,
    /// The device must be enrolled again.
    AuthNeeded {
        /// Stable machine code.
        reason: String,
    },
    /// The server refuses what the device asks, and would again.
    Refused {
        /// What kind.
        code: RefusalCode,
        /// Stable machine code.
        reason: String,
    },
}

/// What a run did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Requests that were answered.
    pub requests: u64,
    /// Blobs that were sent and are stored.
    pub stored: u64,
    /// Blobs that the server had already.
    pub had: u64,
    /// Bytes of parts that the server took.
    pub bytes: u64,
    /// Blobs that were found lost.
    pub lost: u64,
    /// Blobs that the server will never take.
    pub refused: u64,
    /// Blobs left for the next run, since they would not go through.
    pub left: u64,
}
