//! The messages of `POST /sync/v1/exchange` (SYNC.md 2.5). Owns their shapes; segments are compressed in them
//! ([`crate::sealed`]), whole messages around them; meaning is in
//! [`crate::session`] on the device and [`crate::ingest`] on the server.
//!
//! A **feed** is the numbered stream that one device may read. An entry is a run of ops of one device that the server
//! stored at once, or one row of reference content; a run takes one number (`sseq`) per op, a row takes one. The feed's
//! hash moves once per entry ([`crate::chain::feed_hash`]) and the client recomputes it.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::fmt;
use ordered::BTreeSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{
    Bytes, DeviceId, Hash, Kind,
    chain::Head,
    codec::{self, CodecError, Nested},
    packed::PackedOps,
    receipt::{MAX_RECEIPTS, Receipt, Succession},
    relay::Proof,
    sealed::{SealedRun, SealedSegment},
    segment::{MAX_SEGMENT_OPS, SegmentError},
    signature::PublicKey,
};

/// The protocol's number.
pub const PROTO: u16 = 1;
/// Where exchanges go.
pub const EXCHANGE_PATH: &str = "/sync/v1/exchange";

/// A stream that devices read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// What concerns one user: assignments, own audits, reviews. `u/<user>`.
    User(Uuid),
    /// Reference content of an organization: templates, branches. `ref/<organization>`.
    Reference(Uuid),
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "u/{id}"),
            Self::Reference(id) => write!(f, "ref/{id}"),
        }
    }
}

impl core::str::FromStr for StreamId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse =
            |id: &str| Uuid::parse_str(id).map_err(|_| format!("`{text}` is not the name of a stream"));
        if let Some(id) = text.strip_prefix("u/") {
            parse(id).map(Self::User)
        } else if let Some(id) = text.strip_prefix("ref/") {
            parse(id).map(Self::Reference)
        } else {
            Err(format!("`{text}` is not the name of a stream"))
        }
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // The encoder of CBOR writes only strings whose length it knows.
        to.serialize_str(&format!("{self}"))
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// What a device asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`PROTO`].
    pub proto: u16,
    /// Build number of the app.
    pub app_build: u32,
    /// The device.
    pub dev: DeviceId,
    /// The server's epoch as the device knows it; none on first contact, and then nothing is pushed.
    pub epoch: Option<u64>,
    /// Where the device stands.
    pub hello: Hello,
    /// Segments in order.
    #[serde(default)]
    pub push: Vec<SealedSegment>,
    /// Streams to read.
    #[serde(default)]
    pub pull: Vec<Pull>,
    /// Runs of others that a restored server does not have, in the order of their authors' logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relay: Vec<Run>,
    /// What the server had said of pushed ops before it was restored, each at the end of a segment of `push`: it honours
    /// its own signature, and the ops have arrived when they first did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
}

/// Most streams that a request may read: its user's and its organization's are all that a device has.
pub const MAX_STREAMS: usize = 2;
/// Most runs that a request may relay; each is checked by itself.
pub const MAX_RELAYED_RUNS: usize = 1_024;
/// Most ops in all runs that a request relays; a whole segment of the largest size always fits.
pub const MAX_RELAYED_OPS: usize = 2 * MAX_SEGMENT_OPS;
/// About the most bytes of items, with segments opened, in all pages of an answer together, whatever was asked for. Each page
/// has one entry at least, so that no stream waits for another.
pub const MAX_PULL_BYTES: u64 = 4 << 20;

/// Whether one request may relay these runs together.
pub fn may_relay<'a>(runs: impl IntoIterator<Item = &'a Run>) -> bool {
    let (mut count, mut ops) = (0_usize, 0_usize);
    for run in runs {
        count = count.saturating_add(1);
        ops = ops.saturating_add(run.ops.ops.len());
    }
    count <= MAX_RELAYED_RUNS && ops <= MAX_RELAYED_OPS
}

/// Most parts of a request in CBOR ([`crate::codec::count_items`]): a push and a relay of the most ops fit, were each op of a
/// visit, a field, a device and an origin of its own.
pub const MAX_ITEMS: usize = 1 << 21;
/// Most segments of a push: a session sends at most sixteen.
pub const MAX_PUSHED_SEGMENTS: usize = 64;
/// Most ops of a push.
pub const MAX_PUSHED_OPS: usize = 65_536;
/// The most that all segments of a push come to when they are opened, in bytes of CBOR.
pub const MAX_PUSHED_BYTES: u64 = 8 << 20;

impl Request {
    /// Whether what is asked stays within what one answer may cost (I15).
    ///
    /// - **Errors**: [`RefusalCode::TooLarge`] with `too_many_pushed`; [`RefusalCode::Invalid`] with `too_many_streams`,
    ///   `repeated_stream`, `too_many_receipts` or `too_many_relayed`.
    pub fn check_bounds(&self) -> Result<(), Refusal> {
        let refused = |reason| Err(Refusal::new(RefusalCode::Invalid, reason));
        // Each segment costs a check against the log, also one that is there already; what does not say its size is not opened.
        let sizes = self.push.iter().map(|it| it.opened_bytes().unwrap_or_default());
        let opened = sizes.fold(0, u64::saturating_add);
        if self.push.len() > MAX_PUSHED_SEGMENTS || opened > MAX_PUSHED_BYTES {
            return Err(Refusal::new(RefusalCode::TooLarge, "too_many_pushed"));
        }
        if self.receipts.len() > MAX_RECEIPTS {
            return refused("too_many_receipts");
        }
        if self.pull.len() > MAX_STREAMS {
            return refused("too_many_streams");
        }
        let streams: BTreeSet<StreamId> = self.pull.iter().map(|it| it.stream).collect();
        if streams.len() < self.pull.len() {
            return refused("repeated_stream");
        }
        if may_relay(&self.relay) { Ok(()) } else { refused("too_many_relayed") }
    }
}

/// Where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hello {
    /// The end of its log.
    pub head: Head,
    /// What it knows to be on the server.
    pub acked: Head,
    /// Its clocks.
    pub clock: ClockReading,
    /// What it has not sent.
    pub pending: Pending,
}

/// The clocks of a device, evidence only; what a platform cannot tell is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClockReading {
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// Milliseconds since boot.
    pub mono_ms: Option<u64>,
    /// Which boot.
    pub boot: Option<Uuid>,
}

/// What a device has not sent, for HR to see a phone that went silent with work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// Ops.
    pub ops: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of blobs.
    pub bytes: u64,
}

/// A stream to read, from where the device stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Which.
    pub stream: StreamId,
    /// The last number the device holds; 0 at first.
    pub after: u64,
    /// The feed's hash there.
    pub f: Hash,
    /// About how many bytes of items the answer may carry, uncompressed.
    pub limit_bytes: u64,
    /// Earlier positions of the device in the stream, latest first, sent after the server did not know `after`: the page
    /// goes on from the latest that the server knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// Most marks of a pull that are looked at; their distances double, so these reach across any stream.
pub const MAX_MARKS: usize = 64;

/// A position in a stream with the feed's hash there: two parties with the same mark agree on everything up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Number of an entry's last item; 0 at the beginning.
    pub after: u64,
    /// The feed's hash there; zero at the beginning.
    pub f: Hash,
}

impl Mark {
    /// The beginning of every stream.
    pub const START: Self = Self { after: 0, f: Hash::ZERO };
}

impl Pull {
    /// Where the page begins: at the latest position of the pull that the server knows, which is the one asked for unless
    /// the server was restored.
    ///
    /// - **Shape**: `known` tells whether the server's stream has this hash at this number.
    /// - **Errors**: of `known`.
    pub fn begin<E>(&self, mut known: impl FnMut(&Mark) -> Result<bool, E>) -> Result<Mark, E> {
        let asked = Mark { after: self.after, f: self.f };
        for mark in core::iter::once(&asked).chain(self.marks.iter().take(MAX_MARKS)) {
            if *mark == Mark::START || known(mark)? {
                return Ok(*mark);
            }
        }
        Ok(Mark::START)
    }
}

/// What the server answers: one message whatever the HTTP status, so that a page of a captive portal is never taken for
/// an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done: what was pushed is stored.
    Done(Response),
    /// Refused: nothing of the request is stored.
    Refused(Refusal),
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The server's epoch: a new one after a restore.
    pub epoch: u64,
    /// The server's clock, milliseconds since 1970.
    pub server_ms: u64,
    /// The end of the device's log on the server, after this push.
    pub dev_head: Head,
    /// The server's signature on it, where the request pushed.
    #[serde(default)]
    pub receipt: Option<Receipt>,
    /// Pushed ops that were stored but not applied.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// The streams asked for.
    #[serde(default)]
    pub pull: Vec<Page>,
    /// What the server takes.
    pub limits: Limits,
    /// The device's log up to here is on a verified backup; it may be pruned.
    #[serde(default)]
    pub durable_through: u64,
    /// Builds below this may only push.
    #[serde(default)]
    pub min_pull_build: u32,
    /// The device's right to read is over, and why: what it pushes is stored and set aside for a person, and nothing is told
    /// to it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ending>,
}

/// Why a device may only push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was taken out.
    DeviceRevoked,
    /// Its person was ended.
    UserEnded,
    /// It was never enrolled here: another device of its person brought its log after a restore.
    DeviceUnknown,
    /// A reason of a later version.
    #[serde(other)]
    Other,
}

impl Ending {
    /// Stable machine code, snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeviceRevoked => "device_revoked",
            Self::UserEnded => "user_ended",
            Self::DeviceUnknown => "device_unknown",
            Self::Other => "other",
        }
    }

    /// The ending that the reason of a refusal names.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::DeviceRevoked, Self::UserEnded, Self::DeviceUnknown].into_iter().find(|it| it.name() == name)
    }
}

/// What became of a pushed op that was stored but not simply applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The op.
    pub dseq: u64,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Stable machine code.
    pub reason: String,
}

/// Kinds of [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It stands beside another head.
    Conflict,
    /// It belongs to a round that was handed in without it.
    Late,
    /// It was set aside for an editor.
    Quarantined,
    /// A kind of a later version.
    #[serde(other)]
    Other,
}

/// What the server takes; announced in every answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Ops in a segment.
    pub seg_ops: u32,
    /// Bytes of a segment, uncompressed.
    pub seg_bytes: u32,
    /// Bytes of a request, compressed.
    pub body_bytes: u32,
    /// Bytes of a part of a blob.
    pub chunk_bytes: u32,
    /// Bytes of the largest blob.
    pub blob_bytes: u64,
    /// Bytes of blobs still allowed today.
    pub quota_left: u64,
    /// When to come again, 0 for whenever there is something.
    pub retry_after_ms: u64,
    /// What to hold back: `blobs`.
    pub pause: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seg_ops: 4_096,
            seg_bytes: 1 << 20,
            body_bytes: 1 << 20,
            chunk_bytes: 512 * 1024,
            blob_bytes: 64 << 20,
            quota_left: 2_000_000_000,
            retry_after_ms: 0,
            pause: Vec::new(),
        }
    }
}

impl OutcomeKind {
    /// Its name, as it travels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Late => "late",
            Self::Quarantined => "quarantined",
            Self::Other => "other",
        }
    }
}

/// A page of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Which stream.
    pub stream: StreamId,
    /// Entries after the number asked for, in order.
    pub items: Vec<Item>,
    /// The last number after this page.
    pub next: u64,
    /// The feed's hash there.
    pub f: Hash,
    /// Whether there is more.
    pub more: bool,
    /// Where a compacted state is to be fetched instead; then `items` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
    /// The server does not know the position that was asked for, since it was restored: the stream goes on from here, one
    /// of the marks of the pull or the beginning; then `items` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewind: Option<Mark>,
}

impl Page {
    /// A page that sends the reader back to an earlier position.
    pub fn rewound(stream: StreamId, to: Mark) -> Self {
        Self { stream, items: Vec::new(), next: to.after, f: to.f, more: true, reset: None, rewind: Some(to) }
    }
}

/// One entry of a feed. Only `body` may be newer than the reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its first number.
    pub first: u64,
    /// Its last number.
    pub last: u64,
    /// When the server stored it, milliseconds since 1970.
    pub recv_ms: u64,
    /// The author's chain hash after the last op of a run; the SHA-256 of the content of a row ([`RefRow::hash`]); of
    /// anything else the SHA-256 of what the server keeps.
    pub h: Hash,
    /// What it is.
    pub body: Nested<Body>,
}

/// What an entry of a feed is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The reader's own ops, without payload: `last - first + 1` positions of its log from here.
    Own {
        /// Position of the first.
        dseq_first: u64,
    },
    /// Ops of another device or of the server.
    Ops(Run),
    /// The same, where they are a whole segment; it is an [`Self::Ops`] once it is opened.
    Segment(SealedRun),
    /// Reference content.
    RefRow(RefRow),
    /// The reader may see an audit from here on.
    Grant(AuditRight),
    /// The reader may no longer see an audit: mirrored rows go, own unsent ops stay.
    Revoke(AuditRight),
}

impl Body {
    /// A body that was kept as CBOR, without the compressed form.
    ///
    /// - **Errors**: bytes that are none.
    pub fn read(kept: &[u8]) -> Result<Self, CodecError> {
        codec::from_cbor::<Self>(kept)?.opened().map_err(|error| CodecError(format!("{error}")))
    }

    /// The body as it is read: without the compressed form.
    ///
    /// - **Errors**: as of [`SealedSegment::open`].
    pub fn opened(self) -> Result<Self, SegmentError> {
        match self {
            Self::Segment(sealed) => sealed.open().map(Self::Ops),
            other => Ok(other),
        }
    }
}

/// Ops of one device, as relayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The author.
    pub dev: DeviceId,
    /// The author's key, so that a mirror can verify what it returns after a restore.
    #[serde(default)]
    pub key: Option<PublicKey>,
    /// Whether it is the server's own log.
    #[serde(default)]
    pub server: bool,
    /// Position of the first op.
    pub dseq_first: u64,
    /// The ops.
    pub ops: PackedOps,
    /// What makes the run stand by itself; absent from servers that do not send it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// From a log that its device gave up when it was renewed ([`crate::renew`]): kept beside the log that the server holds, for
    /// people to look at, and never part of it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub evidence: bool,
}

/// Which run: its author and its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The author.
    pub dev: DeviceId,
    /// Position of the first op.
    pub first: u64,
    /// Position of the last op.
    pub last: u64,
}

impl Run {
    /// Whether it is of the server's log and redacts, and does nothing else: what proves that an op may come without its value.
    pub fn only_redacts(&self) -> bool {
        self.server && !self.ops.ops.is_empty() && self.ops.kinds().all(|it| it == Kind::Redact)
    }

    /// Which run this is.
    pub fn id(&self) -> RunId {
        RunId { dev: self.dev, first: self.dseq_first, last: self.last() }
    }

    /// Position of the last op.
    pub fn last(&self) -> u64 {
        let count = u64::try_from(self.ops.ops.len()).unwrap_or(u64::MAX);
        self.dseq_first.saturating_add(count).saturating_sub(1)
    }
}

/// A row of reference content; [`crate::reference`] has the shapes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefRow {
    /// `template`, `branch`, `assignment`, ...
    pub kind: String,
    /// Its id: a UUID, or the content hash in hexadecimal for a template.
    pub id: String,
    /// Its content as JSON text; none where it was withdrawn.
    pub json: Option<Bytes>,
}

impl RefRow {
    /// What [`Item::h`] is for this row: SHA-256 over kind, id and content, each with its length in front.
    pub fn hash(&self) -> Hash {
        let mut out = Vec::new();
        for part in [self.kind.as_bytes(), self.id.as_bytes()].into_iter().chain(self.json.as_deref()) {
            out.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
        Hash::of(&out)
    }
}

/// An audit whose visibility changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRight {
    /// Which.
    pub audit: Uuid,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What to act on.
    pub code: RefusalCode,
    /// Stable machine code of the detail (`bad_signature`, `op_too_large`, ...).
    pub reason: String,
    /// For gap, fork and mismatch: the end of the device's log on the server.
    #[serde(default)]
    pub dev_head: Option<Head>,
    /// For another epoch: the server's.
    #[serde(default)]
    pub epoch: Option<u64>,
    /// When to come again, milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    /// For another epoch: the key with which the server signs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succession: Option<Box<Succession>>,
}

/// Reason of a [`RefusalCode::Fork`] where already the log up to `hello.acked` is another than the server's.
pub const FORK_BEFORE_ACKED: &str = "fork_before_acked";

/// Kinds of [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// 400: not a request.
    Malformed,
    /// 401: the device is not enrolled, revoked or its session ended.
    Unauthorized,
    /// 409: the first segment does not follow the log on the server.
    Gap,
    /// 409: the server holds other ops at these positions.
    Fork,
    /// 409: the segment follows another op than the server's.
    PrevMismatch,
    /// 410: the server was restored; see `epoch`.
    Epoch,
    /// 413: too large; send less.
    TooLarge,
    /// 422: a segment is malformed or its signature does not hold.
    Invalid,
    /// 409: a part of a blob begins elsewhere than the server holds; see `offset`.
    Offset,
    /// 422: a part of a blob, or the whole, has another hash than it says; see `offset`.
    BadHash,
    /// 507: what the device may send of blobs today is used up; ops stay open.
    Quota,
    /// 404: a blob that is not there, or not for the device's person to read.
    NotFound,
    /// 426: the app is too old to pull; it may push.
    Upgrade,
    /// 429: come later.
    TooMany,
    /// 503: come later.
    Unavailable,
    /// A code of a later version.
    #[serde(other)]
    Other,
}

impl RefusalCode {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::Other => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::Gap | Self::Fork | Self::PrevMismatch | Self::Offset => 409,
            Self::Epoch => 410,
            Self::TooLarge => 413,
            Self::Invalid | Self::BadHash => 422,
            Self::Upgrade => 426,
            Self::TooMany => 429,
            Self::Unavailable => 503,
            Self::Quota => 507,
        }
    }
}

impl Refusal {
    /// A refusal without particulars.
    pub fn new(code: RefusalCode, reason: &str) -> Self {
        Self {
            code,
            reason: String::from(reason),
            dev_head: None,
            epoch: None,
            retry_after_ms: None,
            succession: None,
        }
    }
}
