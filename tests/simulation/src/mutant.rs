//! Broken variants of the product, each of which a run must notice. All of them stand outside the product: on the wire, on the
//! disk, or in SQL beside a store.

use crate::{
    disk::Honesty,
    office::{FIRST_SECRET, Office},
    oracle::{Violation, broken},
    phone::Phone,
    wire::{Address, Letter, Wire},
};
use clap::ValueEnum;
use device::TransportError;
use domain::ids::AuditId;
use rusqlite::Connection;
use std::fmt;
use sync_core::{
    AuditOps, Bytes, DeviceId, Hash, Head, Op, OpId, Seed,
    blob::{BlobProgress, BlobReply},
    chain::Chain,
    codec,
    exchange::{Limits, RefusalCode, Reply, Request, Response, StreamId},
    fold::Arrival,
    payload::BlobRef,
    receipt::Receipt,
    relay::server_secret,
    signature::SigningKey,
};
use uuid::Uuid;

/// What goes wrong around a mutant, which has to be found where it matters and not through other trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Setting {
    /// Nothing but what always may.
    Plain,
    /// Phones are copied, set back or without their key.
    Renewal,
    /// Photos are taken.
    Photos,
    /// Values are redacted.
    Redaction,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Renewal, Self::Photos, Self::Redaction];
}

/// A broken variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// The server acknowledges a push and stores it later.
    AcknowledgeBeforeStore,
    /// The server takes the highest position for what it holds, whatever is missing before it.
    HighestInsteadOfPrefix,
    /// The phone moves its cursor before it stores what the cursor counts.
    CursorBeforeData,
    /// The phone's commits are not durable.
    SynchronousNormal,
    /// The phone does not say which ops its person had seen.
    NoBase,
    /// The server answers before its disk has what it says.
    ServerNeverSyncs,
    /// What a phone relays to a restored server is thrown away.
    RelayDropped,
    /// What a phone holds and a restored server has not brought again is thrown away by the phone.
    UnplacedDropped,
    /// A run of ops is published twice.
    PublishedTwice,
    /// The server says that a photo is stored before it looked at its bytes.
    StoredBeforeChecked,
    /// The phone does not offer its photos again to a server that was restored.
    PhotosNotDoubted,
    /// A renewed phone says its ops again and names as seen the ops of its former log.
    BasesNotMapped,
    /// A renewed phone does not say again what was not acknowledged.
    NotSaidAgain,
    /// A redaction forgets the log: it takes the value out of the visit alone.
    LogKeepsRedacted,
    /// What comes after a redaction brings the visit back as it was.
    LatePushBringsBack,
    /// A phone that is told of a redaction keeps the value in its log.
    PhoneKeepsRedacted,
    /// Phones are told to rest on a copy, and an older one takes the place of the office.
    RestOnNoCopy,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::AcknowledgeBeforeStore,
        Self::HighestInsteadOfPrefix,
        Self::CursorBeforeData,
        Self::SynchronousNormal,
        Self::NoBase,
        Self::ServerNeverSyncs,
        Self::RelayDropped,
        Self::UnplacedDropped,
        Self::PublishedTwice,
        Self::StoredBeforeChecked,
        Self::PhotosNotDoubted,
        Self::BasesNotMapped,
        Self::NotSaidAgain,
        Self::LogKeepsRedacted,
        Self::LatePushBringsBack,
        Self::PhoneKeepsRedacted,
        Self::RestOnNoCopy,
    ];

    /// Where it matters.
    #[must_use]
    pub fn setting(self) -> Setting {
        match self {
            Self::BasesNotMapped | Self::NotSaidAgain => Setting::Renewal,
            Self::StoredBeforeChecked | Self::PhotosNotDoubted | Self::RestOnNoCopy => Setting::Photos,
            Self::LogKeepsRedacted | Self::LatePushBringsBack | Self::PhoneKeepsRedacted => {
                Setting::Redaction
            }
            _ => Setting::Plain,
        }
    }

    /// The laws one of which it must break before any other: that it is noticed through something else proves nothing.
    #[must_use]
    pub fn laws(self) -> &'static [&'static str] {
        match self {
            Self::AcknowledgeBeforeStore | Self::NotSaidAgain => &["I1 no loss"],
            // The one says that there is nothing to read, the other forgets what it told: phones are ahead of the office.
            Self::HighestInsteadOfPrefix | Self::ServerNeverSyncs => &["I1 no loss", "I6 cursor"],
            Self::CursorBeforeData => &["I6 cursor"],
            // What one phone holds and another, which reads anew, cannot get any more is the same loss.
            Self::RelayDropped | Self::UnplacedDropped => &["I8 restore", "I4 convergence"],
            Self::SynchronousNormal => &["I16 durable before send", "I1 no loss"],
            Self::NoBase | Self::BasesNotMapped => &["I5 no silent loss"],
            Self::PublishedTwice => &["I2 exactly once"],
            Self::StoredBeforeChecked | Self::PhotosNotDoubted | Self::RestOnNoCopy => &["I13 blob"],
            Self::LogKeepsRedacted | Self::LatePushBringsBack | Self::PhoneKeepsRedacted => {
                &["a redaction is for good"]
            }
        }
    }

    /// How the disks of phones behave.
    #[must_use]
    pub fn of_phones(mutant: Option<Self>) -> Honesty {
        if mutant == Some(Self::SynchronousNormal) { Honesty::LogAtCheckpoints } else { Honesty::Honest }
    }

    /// How the disk of the office behaves.
    #[must_use]
    pub fn of_the_office(mutant: Option<Self>) -> Honesty {
        if mutant == Some(Self::ServerNeverSyncs) { Honesty::Never } else { Honesty::Honest }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AcknowledgeBeforeStore => "acknowledge before store",
            Self::HighestInsteadOfPrefix => "highest position instead of contiguous prefix",
            Self::CursorBeforeData => "cursor before data",
            Self::SynchronousNormal => "synchronous=NORMAL",
            Self::NoBase => "no base in set",
            Self::ServerNeverSyncs => "the server never syncs",
            Self::RelayDropped => "relayed runs thrown away",
            Self::UnplacedDropped => "what a restored server lacks thrown away by phones",
            Self::PublishedTwice => "a run published twice",
            Self::StoredBeforeChecked => "a photo told to be stored before its bytes are checked",
            Self::PhotosNotDoubted => "photos not offered again to a restored server",
            Self::BasesNotMapped => "bases not mapped in a renewal",
            Self::NotSaidAgain => "nothing said again in a renewal",
            Self::LogKeepsRedacted => "a redaction that forgets the log",
            Self::LatePushBringsBack => "a redacted value brought back by a late push",
            Self::PhoneKeepsRedacted => "a phone that keeps what was redacted",
            Self::RestOnNoCopy => "phones rest on a copy that nobody kept",
        })
    }
}

fn read(letter: &Letter) -> Option<Request> {
    codec::from_cbor(&letter.body).ok()
}

/// Where a push would leave the log.
fn end_of(dev: DeviceId, request: &Request) -> Option<Head> {
    Some(request.push.last()?.open().ok()?.chained(dev).ok()?.last())
}

/// An answer that says, under the server's signature, that a log is stored up to a head.
fn claimed(wire: &Wire<'_>, request: &Request, head: Head) -> Vec<u8> {
    let (epoch, org) = (request.epoch.unwrap_or_default(), wire.office.org.0);
    let secret = if epoch == 1 { Some(FIRST_SECRET) } else { server_secret(&FIRST_SECRET, epoch) };
    let key = SigningKey::from_secret(&secret.unwrap_or(FIRST_SECRET));
    let recv_ms = request.hello.clock.wall_ms;
    let (alg, sig) = (key.public_key().alg, Bytes::default());
    let receipt = Receipt { epoch, dev: request.dev, head, sseq: head.dseq, recv_ms, alg, sig };
    let response = Response {
        epoch,
        server_ms: recv_ms,
        dev_head: head,
        receipt: Some(receipt.signed(&org, &key)),
        outcomes: Vec::new(),
        pull: Vec::new(),
        limits: Limits::default(),
        durable_through: 0,
        min_pull_build: 0,
        ended: None,
    };
    codec::to_cbor(&Reply::Done(response)).unwrap_or_default()
}

/// An answer that says that the whole of a photo is stored.
fn told_to_be_stored(blob: &BlobRef) -> Vec<u8> {
    let (offset, limits) = (blob.size, Limits::default());
    let told = BlobReply::Progress(BlobProgress { offset, stored: true, limits });
    codec::to_cbor(&told).unwrap_or_default()
}

/// The office as a mutant of it answers.
///
/// # Errors
/// Those of the wire.
pub(crate) fn beyond(
    mutant: Mutant,
    wire: &mut Wire<'_>,
    letter: &Letter,
) -> Result<Vec<u8>, TransportError> {
    if let (Mutant::StoredBeforeChecked, Address::Part(blob, offset, _)) = (mutant, letter.to)
        && offset + letter.body.len() as u64 == blob.size
    {
        return Ok(told_to_be_stored(&blob));
    }
    let Some(request) = read(letter) else { return wire.ask_the_real_one(letter) };
    match mutant {
        Mutant::AcknowledgeBeforeStore => {
            for waiting in std::mem::take(&mut wire.mail.unstored) {
                wire.ask_the_real_one(&waiting)?;
            }
            match end_of(letter.dev, &request) {
                Some(head) => {
                    wire.mail.unstored.push(letter.clone());
                    Ok(claimed(wire, &request, head))
                }
                None => wire.ask_the_real_one(letter),
            }
        }
        Mutant::HighestInsteadOfPrefix => {
            let answer = wire.ask_the_real_one(letter)?;
            let refused = matches!(
                codec::from_cbor::<Reply>(&answer),
                Ok(Reply::Refused(it)) if it.code == RefusalCode::Gap
            );
            Ok(match end_of(letter.dev, &request).filter(|_| refused) {
                Some(head) => claimed(wire, &request, head),
                None => answer,
            })
        }
        Mutant::CursorBeforeData => {
            let answer = wire.ask_the_real_one(letter)?;
            move_cursors(wire, &answer);
            Ok(answer)
        }
        Mutant::RelayDropped | Mutant::UnplacedDropped => without_relay(mutant, wire, letter, request),
        Mutant::PublishedTwice => {
            let answer = wire.ask_the_real_one(letter)?;
            if !request.push.is_empty() {
                publish_again(wire);
            }
            Ok(answer)
        }
        Mutant::PhotosNotDoubted => {
            let answer = wire.ask_the_real_one(letter)?;
            trust_photos(wire, request.hello.clock.wall_ms);
            Ok(answer)
        }
        Mutant::LatePushBringsBack => {
            let answer = wire.ask_the_real_one(letter)?;
            if let Some(kept) = &wire.mail.kept {
                kept.put_visit_back(wire.office);
            }
            Ok(answer)
        }
        Mutant::PhoneKeepsRedacted => {
            keep_values(wire);
            wire.ask_the_real_one(letter)
        }
        Mutant::LogKeepsRedacted
        | Mutant::SynchronousNormal
        | Mutant::NoBase
        | Mutant::ServerNeverSyncs
        | Mutant::StoredBeforeChecked
        | Mutant::BasesNotMapped
        | Mutant::NotSaidAgain
        | Mutant::RestOnNoCopy => wire.ask_the_real_one(letter),
    }
}

fn without_relay(
    mutant: Mutant,
    wire: &mut Wire<'_>,
    letter: &Letter,
    request: Request,
) -> Result<Vec<u8>, TransportError> {
    if mutant == Mutant::UnplacedDropped {
        forget_unplaced(wire);
    }
    let body = codec::to_cbor(&Request { relay: Vec::new(), ..request }).unwrap_or_default();
    wire.ask_the_real_one(&Letter { body, ..letter.clone() })
}

/// What the phone holds and a restored server has not brought again is gone.
fn forget_unplaced(wire: &Wire<'_>) {
    let Ok(store) = Connection::open(&wire.database) else { return };
    // A disk that is full or locked keeps it from doing wrong.
    let _ = store.execute("DELETE FROM unplaced", []);
}

/// Cursors go where the pages end, before the pages are stored.
fn move_cursors(wire: &Wire<'_>, answer: &[u8]) {
    let Ok(Reply::Done(response)) = codec::from_cbor::<Reply>(answer) else { return };
    let Ok(store) = Connection::open(&wire.database) else { return };
    for page in response.pull.iter().filter(|it| it.rewind.is_none() && !it.items.is_empty()) {
        let to = (page.stream.to_string(), page.next, page.f.0);
        // A disk that is full or locked keeps it from doing wrong.
        let _ = store.execute("UPDATE stream SET cursor = ?2, f = ?3 WHERE id = ?1", to);
    }
}

/// The last entry of the caller's stream once more.
fn publish_again(wire: &Wire<'_>) {
    let Some(user) = wire.office.devices().get(&wire.dev).and_then(|it| it.user) else { return };
    let stream = StreamId::User(user);
    wire.office.write(move |tx, org| {
        let all = db::feed::list(tx, org, stream, 0, 500)?.items;
        let Some(last) = all.last().filter(|it| it.kind == "ops").cloned() else { return Ok(()) };
        let count = last.sseq_last - last.sseq_first + 1;
        let end = db::feed::advance(tx, org, stream, count)?;
        let (sseq_first, sseq_last) = (end.last + 1, end.last + count);
        let ms = u64::try_from(last.received_at.0 / 1_000).unwrap_or(0);
        let f = sync_core::chain::feed_hash(&end.f, &last.h, sseq_last, ms);
        db::feed::append(tx, org, &[db::feed::FeedEntry { sseq_first, sseq_last, f, ..last }])?;
        db::feed::set_hash(tx, org, stream, f)
    });
}

/// Every value that the phone ever had in its log is there, in a table of its own.
fn keep_values(wire: &Wire<'_>) {
    let Ok(store) = Connection::open(&wire.database) else { return };
    // A disk that is full or locked keeps it from doing wrong.
    let _ = store.execute_batch(
        "CREATE TABLE IF NOT EXISTS kept (dseq INTEGER PRIMARY KEY, value BLOB);
         INSERT OR IGNORE INTO kept SELECT dseq, value FROM oplog WHERE value IS NOT NULL;",
    );
}

/// What the office had of a visit before something of it was redacted.
pub(crate) struct Kept {
    audit: AuditId,
    ops: Vec<u8>,
    segments: Vec<db::devices::StoredSegment>,
}

impl Kept {
    /// What the office has of a visit.
    pub(crate) fn of(office: &Office, audit: Uuid) -> Self {
        let audit = AuditId(audit);
        let (ops, segments) = office.read(|tx, org| {
            let mut segments = Vec::new();
            for device in db::devices::list(tx, org, None, None, 500)?.items {
                segments.extend(db::devices::list_segments(tx, org, device.dev, 0, 10_000)?.items);
            }
            Ok((db::audits::find_ops(tx, org, audit)?.unwrap_or_default(), segments))
        });
        Self { audit, ops, segments }
    }

    /// Puts the logs back.
    pub(crate) fn put_logs_back(self, office: &Office) {
        office.write(move |tx, org| {
            let mut all = self.segments.iter();
            all.try_for_each(|it| db::devices::rewrite_segment(tx, org, it.dev, it.first_dseq, &it.bytes))
        });
    }

    /// Puts the visit back.
    fn put_visit_back(&self, office: &Office) {
        let (audit_id, ops) = (self.audit, self.ops.clone());
        office.write(move |tx, org| {
            let is_there = db::audits::find_ops(tx, org, audit_id)?.is_some();
            let back = db::audits::AuditOps { audit_id, ops: ops.clone() };
            if is_there { db::audits::upsert_ops(tx, org, &[back]) } else { Ok(()) }
        });
    }
}

/// What was stored once counts as stored, whatever became of the server.
fn trust_photos(wire: &Wire<'_>, wall_ms: u64) {
    let Ok(store) = Connection::open(&wire.database) else { return };
    let epoch =
        store.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get::<_, [u8; 8]>(0));
    let epoch = epoch.map_or(1, u64::from_be_bytes);
    let trust = "UPDATE blobs SET confirmed = ?1, asked_ms = ?2 WHERE stored_ms IS NOT NULL";
    let _ = store.execute(trust, [epoch, wall_ms]);
}

/// Takes the base out of the op that a phone wrote last, as if it had never been there.
///
/// # Errors
/// Where the store is not what it should be.
pub fn forget_base(phone: &mut Phone) -> Result<(), Violation> {
    let known = phone.log.len() as u64;
    change_log(phone, |op| {
        if op.dseq > known && op.kind.writes_field() {
            op.base.clear();
        }
    })
}

/// The log of a renewed phone names as seen what its former log named, as if nothing had been said again.
///
/// # Errors
/// Where the store is not what it should be.
pub fn keep_former_bases(phone: &mut Phone) -> Result<(), Violation> {
    let dev = phone.device.as_ref().map(device::Device::dev);
    let mut former: Vec<(u64, OpId)> = Vec::new();
    change_log(phone, |op| {
        former.extend(op.origin.map(|it| (op.dseq, it)));
        for seen in op.base.iter_mut().filter(|it| Some(it.dev) == dev) {
            if let Some((_, origin)) = former.iter().find(|it| it.0 == seen.dseq) {
                *seen = *origin;
            }
        }
    })
}

/// Nothing is said again.
///
/// # Errors
/// Where the store is not what it should be.
pub fn say_nothing_again(phone: &mut Phone) -> Result<(), Violation> {
    phone.kill();
    let forget = || -> Result<(), rusqlite::Error> {
        let store = Connection::open(phone.database())?;
        store.execute_batch("DELETE FROM oplog; DELETE FROM sealed;")
    };
    forget().or_else(|it| broken("a mutant works", it.to_string()))?;
    let started = phone.start().and_then(|()| phone.device.as_mut().map_or(Ok(()), device::Device::rebuild));
    started.or_else(|it| broken("a mutant works", it.to_string()))
}

/// Writes the log of a phone anew, each op as `change` leaves it.
fn change_log(phone: &mut Phone, change: impl FnMut(&mut Op)) -> Result<(), Violation> {
    let Some(dev) = phone.device.as_ref().map(device::Device::dev) else { return Ok(()) };
    phone.kill();
    let secret = phone.read_secret().unwrap_or_default();
    let done = rewrite(&phone.database(), dev, &secret, change);
    done.or_else(|it| broken("a mutant works", it.to_string()))?;
    phone.start().or_else(|it| broken("a mutant works", it.to_string()))
}

fn rewrite(
    path: &std::path::Path,
    dev: DeviceId,
    secret: &[u8; 32],
    mut change: impl FnMut(&mut Op),
) -> Result<(), rusqlite::Error> {
    let mut store = Connection::open(path)?;
    let tx = store.transaction()?;
    // What was made ready of the log says what it was.
    tx.execute("DELETE FROM sealed", [])?;
    let (mut chain, mut h) = (Chain::new(), Hash::ZERO);
    for (dseq, audit) in positions(&tx)? {
        let bytes: Vec<u8> =
            tx.query_row("SELECT ops FROM audits WHERE audit = ?1", [audit.as_bytes()], |row| row.get(0))?;
        let (Ok(held), Some(seed)) = (AuditOps::decode(&bytes), Seed::derive(secret, &audit)) else {
            return Ok(());
        };
        let id = OpId::new(dev, dseq);
        let Some(mut op) = held.get(&id).map(|it| it.op.clone()) else { return Ok(()) };
        let before = op.clone();
        change(&mut op);
        chain.switch_to(audit, &seed);
        let Some(next) = chain.link(&h, &op) else { return Ok(()) };
        h = next;
        let base: Vec<u8> =
            op.base.iter().flat_map(|it| it.dev.0.into_iter().chain(it.dseq.to_be_bytes())).collect();
        tx.execute("UPDATE oplog SET base = ?2, h = ?3 WHERE dseq = ?1", (dseq, base, h.0))?;
        if op != before {
            let encoded = with(&held, &id, &op).encode().unwrap_or_default();
            tx.execute("UPDATE audits SET ops = ?2 WHERE audit = ?1", (audit.as_bytes(), encoded))?;
        }
    }
    tx.commit()
}

fn positions(store: &Connection) -> Result<Vec<(u64, Uuid)>, rusqlite::Error> {
    let mut list = store.prepare("SELECT dseq, audit FROM oplog ORDER BY dseq")?;
    list.query_map([], |row| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?))))?.collect()
}

/// The same ops, but for one.
fn with(held: &AuditOps, id: &OpId, op: &Op) -> AuditOps {
    let mut all = AuditOps::new();
    for (other, stored) in held.iter() {
        if let Some(seed) = held.seed(&other.dev) {
            all.set_seed(other.dev, *seed);
        }
        let op = if other == id { op.clone() } else { stored.op.clone() };
        all.insert(other.dev, op, Arrival { recv_ms: None, server: stored.server });
    }
    all
}
