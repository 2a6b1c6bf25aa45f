//! The device's end of an exchange: executes the effects of the session, each in its own durable transaction, over any
//! transport. Owns how entries of streams enter the store; an entry that cannot be understood is set aside and the cursor
//! moves.

use domain::Problem;
use ordered::BTreeSet;
use rusqlite::{Connection, OptionalExtension as _};
use sync_core::{
    Bytes, Hash, OpId, Seed, codec,
    codec::Nested,
    exchange::{
        self, Body, ClockReading, Ending, Item, Page, Pending, RefRow, RefusalCode, Reply, Run, RunId,
    },
    fold::Arrival,
    hlc,
    op::Opening,
    packed::AuditEntry,
    reference::{ASSIGNMENT, AssignmentRow, BRANCH, BranchRow, INCIDENT_KEY, TEMPLATE},
    session::{Commit, Cursor, Effect, Event, Finish, Identity, Link, Loaded, Session, step},
};
use uuid::Uuid;

use crate::{
    DeviceError, blobs,
    ended::{self, Taken},
    incidents, mirror,
    rebuild::replay,
    receipts, recover, redact,
    store::{self, Device},
    writer::Writer,
};

/// Build number of this crate as it is told to servers.
const APP_BUILD: u32 = 1;

/// Why a request brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Carries one request to the server and its reply back, whatever the HTTP status; compression and the session's token are
/// the transport's. Anything but the server's reply (no connection, a captive portal) is an error.
pub trait Transport {
    /// Sends the CBOR of a [`sync_core::exchange::Request`] and gives the CBOR of the [`Reply`].
    ///
    /// # Errors
    /// If no body came back.
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError>;
}

pub(crate) fn not_enrolled() -> DeviceError {
    DeviceError::problem(
        409,
        "not_enrolled",
        "El dispositivo no está enrolado; inicie sesión primero",
        "the device is not enrolled; log in first",
    )
}

/// How a run ended.
pub type Outcome = Finish;

/// A device's link to its server; it may be dropped at any moment and made anew.
pub struct Sync {
    session: Session,
    next: Vec<Effect>,
    wall_ms: u64,
    failure: Option<TransportError>,
}

impl Sync {
    /// The link of a device that is enrolled.
    ///
    /// - **Errors**: `not_enrolled`; storage.
    pub fn new(device: &Device) -> Result<Self, DeviceError> {
        let enrolment = device.enrolment()?.ok_or_else(not_enrolled)?;
        let identity = Identity {
            dev: device.dev(),
            org: enrolment.org,
            alg: device.key.public().alg,
            app_build: APP_BUILD,
        };
        Ok(Self { session: Session::new(identity), next: Vec::new(), wall_ms: 0, failure: None })
    }

    /// Where the link stands.
    pub fn link(&self) -> Link {
        self.session.link()
    }

    /// Why the last request brought no reply.
    pub fn failure(&self) -> Option<&TransportError> {
        self.failure.as_ref()
    }

    /// Synchronises until both sides have nothing more, or something stops it.
    ///
    /// - **Shape**: `clock` is read by the caller; `jitter` is any random number.
    /// - **Errors**: storage only; what the server or the network does is in the outcome.
    pub fn run(
        &mut self,
        device: &mut Device,
        transport: &mut dyn Transport,
        clock: ClockReading,
        jitter: u32,
    ) -> Result<Outcome, DeviceError> {
        self.begin(clock, jitter);
        loop {
            if let Some(outcome) = self.advance(device, transport)? {
                return Ok(outcome);
            }
        }
    }

    /// Begins a run without executing anything.
    pub fn begin(&mut self, clock: ClockReading, jitter: u32) {
        self.wall_ms = clock.wall_ms;
        self.next = step(&mut self.session, Event::Begin { clock, jitter });
    }

    /// Executes one effect of the run; the outcome, once it is over.
    ///
    /// - **Errors**: `key_of_platform`; storage.
    pub fn advance(
        &mut self,
        device: &mut Device,
        transport: &mut dyn Transport,
    ) -> Result<Option<Outcome>, DeviceError> {
        match self.next(device)? {
            Next::Finished(outcome) => return Ok(Some(outcome)),
            Next::GoOn => {}
            Next::Sign(bytes) => self.signed(device.key.sign(&bytes)?),
            Next::Send(body) => self.answered(transport.exchange(&body)),
        }
        Ok(None)
    }

    /// Executes one effect of the run, for whoever waits for signatures and replies without holding the device: it goes on with
    /// [`Self::signed`] or [`Self::answered`].
    ///
    /// - **Errors**: storage.
    pub fn next(&mut self, device: &mut Device) -> Result<Next<Outcome>, DeviceError> {
        let Some(effect) = self.next.pop() else {
            return Err(DeviceError::corrupt("the session stopped without an end"));
        };
        let event = match effect {
            Effect::Finish(outcome) => return Ok(Next::Finished(outcome)),
            Effect::Load { max_ops, max_bytes, marks, sealed, without } => {
                let mut loaded = device.load(max_ops, max_bytes, sealed, &without)?;
                if marks {
                    recover::add_marks(&device.conn, &mut loaded.cursors)?;
                }
                Event::Loaded(Box::new(loaded))
            }
            Effect::Sign(bytes) => {
                device.check_signing(&bytes)?;
                return Ok(Next::Sign(bytes));
            }
            Effect::Send(request) => return Ok(Next::Send(codec::to_cbor(&*request)?)),
            Effect::FindHashes(positions) => {
                let found = positions.iter().map(|dseq| device.hash_at(*dseq));
                Event::HashesFound(found.collect::<Result<_, _>>()?)
            }
            Effect::Commit(commit) => {
                device.commit(*commit, self.wall_ms)?;
                Event::Committed
            }
        };
        self.next = step(&mut self.session, event);
        Ok(Next::GoOn)
    }

    /// Goes on after [`Next::Sign`].
    pub fn signed(&mut self, signature: Vec<u8>) {
        self.next = step(&mut self.session, Event::Signed(signature));
    }

    /// Goes on after [`Next::Send`], with the CBOR of the [`Reply`], or why none came.
    pub fn answered(&mut self, reply: Result<Vec<u8>, TransportError>) {
        let reply = reply
            .and_then(|reply| codec::from_cbor::<Reply>(&reply).map_err(|e| TransportError(e.to_string())));
        let event = match reply {
            Ok(reply) => Event::Answered(Box::new(reply)),
            Err(failure) => {
                self.failure = Some(failure);
                Event::Unreachable
            }
        };
        self.next = step(&mut self.session, event);
    }
}

/// What a run comes to next.
#[derive(Debug)]
pub enum Next<T> {
    /// There is more to do here.
    GoOn,
    /// These bytes are to be signed with the device's key.
    Sign(Vec<u8>),
    /// This CBOR of a [`sync_core::exchange::Request`] is to be sent.
    Send(Vec<u8>),
    /// The run is over.
    Finished(T),
}

/// The outcome of a run as a problem for people; none if all is well.
pub(crate) fn problem_of(outcome: &Outcome) -> Option<Problem> {
    let single = |status, code: &str, es: &str, en: &str| Some(Problem::single(status, code, es, en));
    match outcome {
        Finish::Done(_) => None,
        Finish::Backoff { reason, .. } => single(
            503,
            reason,
            "No se pudo llegar al servidor; lo guardado sigue en el dispositivo y se enviará después",
            "the server could not be reached; the work is safe on the device and will be sent later",
        ),
        Finish::AuthNeeded { reason } if Ending::of_name(reason).is_some() => single(
            401,
            reason,
            "Este dispositivo o su persona fue dado de baja; lo que faltaba por enviar ya se envió y lo revisará una persona",
            "this device or its person was taken out; what had not been sent is sent, and a person will look at it",
        ),
        Finish::AuthNeeded { reason } => single(
            401,
            reason,
            "El servidor no reconoce la sesión de este dispositivo; inicie sesión otra vez",
            "the server does not accept this device's session; log in again",
        ),
        Finish::Recover(cause) => single(
            409,
            cause.code(),
            "El servidor y este dispositivo no coinciden en lo ya enviado; nada se perdió aquí. Avise a soporte",
            &format!("{cause}; nothing on this device is lost. Tell support"),
        ),
        Finish::Refused { code, reason } => single(
            code.status(),
            reason,
            "El servidor rechaza lo que envía este dispositivo; nada se perdió aquí. Avise a soporte",
            "the server refuses what this device sends; nothing on this device is lost. Tell support",
        ),
    }
}

impl Sync {
    /// An outcome as a problem for people; none if all is well.
    pub fn problem(outcome: &Outcome) -> Option<Problem> {
        problem_of(outcome)
    }

    /// Whether trying again later can help.
    pub fn is_temporary(outcome: &Outcome) -> bool {
        matches!(outcome, Finish::Backoff { .. } | Finish::Refused { code: RefusalCode::Unavailable, .. })
    }
}

impl Device {
    /// What the session needs to know, in one read.
    pub(crate) fn load(
        &self,
        mut max_ops: usize,
        mut max_bytes: usize,
        sealed: bool,
        without: &[RunId],
    ) -> Result<Loaded, DeviceError> {
        let acked = store::get_head(&self.conn, "acked")?;
        // A segment never goes across a receipt: each part has arrived when its receipt says.
        let sealed = match sealed && self.receipts(acked.dseq, self.head.dseq)?.is_empty() {
            true => self.sealed(acked, (&mut max_ops, &mut max_bytes))?,
            false => Vec::new(),
        };
        let mut bytes = 0_usize;
        let before = sealed.last().map_or(acked.dseq, |it| it.last.dseq);
        let mut ops = self.log_after(before, max_ops)?;
        let fits = ops.iter().take_while(|op| {
            bytes = bytes.saturating_add(op.approximate_bytes());
            bytes <= max_bytes
        });
        ops.truncate(fits.count().max(usize::from(sealed.is_empty())));
        let mut seeds: Vec<(Uuid, Seed)> = Vec::new();
        for op in ops.iter().filter(|it| it.opening == Opening::Seeded) {
            if seeds.last().is_none_or(|it| it.0 != op.audit) {
                seeds.extend(Seed::derive(&self.key.secret, &op.audit).map(|it| (op.audit, it)));
            }
        }
        let mut list = self.conn.prepare_cached("SELECT id, cursor, f FROM stream ORDER BY id")?;
        let rows =
            list.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, Hash(row.get(2)?))))?;
        let cursors = rows.map(|row| {
            let (id, after, f) = row?;
            let stream = id.parse().map_err(DeviceError::Corrupt)?;
            Ok(Cursor { stream, after, f, marks: Vec::new() })
        });
        let mut pending = Pending { ops: self.head.dseq.saturating_sub(acked.dseq), blobs: 0, bytes: 0 };
        blobs::add_pending(&self.conn, &mut pending)?;
        let last = ops.last().map_or(acked.dseq, |it| it.dseq);
        let receipts = self.receipts(acked.dseq, last)?;
        let mut loaded = Loaded {
            epoch: store::get_number(&self.conn, "epoch")?,
            acked,
            head: self.head,
            cursors: cursors.collect::<Result<_, DeviceError>>()?,
            sealed,
            ops,
            seeds,
            pending,
            relay: Vec::new(),
            more_relay: false,
            server_key: self.server_key()?,
            receipts,
        };
        bytes = bytes.saturating_add(redact::add_proofs(
            &self.conn,
            self.dev(),
            &mut loaded,
            max_bytes,
            without,
        )?);
        recover::add_relay(&self.conn, &mut loaded, max_bytes.saturating_sub(bytes), without)?;
        Ok(loaded)
    }

    /// Stores what an exchange brought: data, cursors and the acknowledged head in one transaction.
    fn commit(&mut self, mut commit: Commit, wall_ms: u64) -> Result<(), DeviceError> {
        let kept = open_pages(&mut commit.pages)?;
        let (cleared, redacted) = self.transact(|mut writer, templates| {
            recover::offer_again(writer.conn, wall_ms)?;
            recover::note_offers(writer.conn, &commit)?;
            if !commit.rewinds.is_empty() || commit.acked.dseq < store::get_head(writer.conn, "acked")?.dseq {
                blobs::doubt_all(writer.conn)?;
            }
            store::put_head(writer.conn, "acked", &commit.acked)?;
            if let Some(epoch) = commit.epoch {
                store::put_meta(writer.conn, "epoch", &epoch.to_be_bytes())?;
            }
            if let Some(key) = &commit.server_key {
                receipts::put_server_key(writer.conn, key)?;
            }
            if let Some(server_ms) = commit.server_ms {
                writer.offset_ms = server_ms.cast_signed().saturating_sub(wall_ms.cast_signed());
                store::put_meta(writer.conn, "clock_offset", &writer.offset_ms.to_be_bytes())?;
            }
            if let Some(receipt) = &commit.receipt {
                receipts::put(writer.conn, receipt)?;
            }
            store::put_meta(writer.conn, "durable_through", &commit.durable_through.to_be_bytes())?;
            let forgotten = incidents::forget_durable(writer.conn, commit.durable_through)?;
            put_outcomes(writer.conn, &commit.outcomes)?;
            for (stream, to) in &commit.rewinds {
                recover::rewind(writer.conn, *stream, to)?;
            }
            if let Some(ending) = commit.ended {
                templates.clear();
                return Ok((ended::purge(&mut writer, ending.name())? || forgotten, false));
            }
            let mut taken = Taken::default();
            // What a server says anew of ops that it had lost replaces what it had said of them.
            let mut anew = !commit.rewinds.is_empty();
            let mut given_back = Vec::new();
            let mut kept = kept.into_iter();
            for page in &commit.pages {
                let stream = page.stream.to_string();
                for item in &page.items {
                    let raw = kept.next().unwrap_or_default();
                    store_item(&mut writer, &stream, (item, raw), wall_ms)?;
                    anew |= recover::is_told_anew(writer.conn, item)?;
                    // What the log and earlier entries hold of an audit that is given back is shown again.
                    if let Nested::Known(Body::Grant(right)) = &item.body {
                        given_back.push(right.audit);
                    }
                    taken.note(&item.body);
                }
                writer
                    .conn
                    .prepare_cached("UPDATE stream SET cursor = ?2, f = ?3 WHERE id = ?1")?
                    .execute((&stream, page.next, page.f.0))?;
            }
            store::put_meta(writer.conn, "observed_hlc", &writer.clock.last().to_be_bytes())?;
            let redacted = redact::note(writer.conn, &commit.pages)?;
            redact::settle(&writer, &redacted)?;
            anew |= taken.has_revoked() || !given_back.is_empty();
            let cleared = taken.forget(writer.conn)?;
            if anew {
                replay(&mut writer)?
            } else {
                writer.flush()?
            }
            given_back.into_iter().try_for_each(|it| blobs::ask_again(writer.conn, it))?;
            redact::let_photos_go(&mut writer, &redacted)?;
            writer.flush()?;
            Ok((cleared || forgotten, !redacted.is_empty()))
        })?;
        if cleared || redacted {
            ended::clear_journal(&self.conn)?;
        }
        if redacted { self.tidy_blobs() } else { Ok(()) }
    }
}

fn put_outcomes(conn: &Connection, outcomes: &[exchange::Outcome]) -> Result<(), DeviceError> {
    let mut put =
        conn.prepare_cached("INSERT OR REPLACE INTO outcome (dseq, kind, reason) VALUES (?1, ?2, ?3)")?;
    for outcome in outcomes {
        put.execute((outcome.dseq, outcome.kind.name(), &outcome.reason))?;
    }
    Ok(())
}

/// Opens what came compressed; gives what is kept of each entry, which is what came.
fn open_pages(pages: &mut [Page]) -> Result<Vec<Vec<u8>>, DeviceError> {
    let mut kept = Vec::new();
    for item in pages.iter_mut().flat_map(|it| &mut it.items) {
        let raw = match &item.body {
            Nested::Known(body) => codec::to_cbor(body)?,
            Nested::Unknown(raw) => raw.to_vec(),
        };
        if let Nested::Known(Body::Segment(sealed)) = &item.body {
            // One that does not open is set aside like one of a kind that nobody knows.
            item.body = match sealed.open() {
                Ok(run) => Nested::Known(Body::Ops(run)),
                Err(_) => Nested::Unknown(Bytes::from(raw.clone())),
            };
        }
        kept.push(raw);
    }
    Ok(kept)
}

fn store_item(
    writer: &mut Writer<'_>,
    stream: &str,
    (item, raw): (&Item, Vec<u8>),
    wall_ms: u64,
) -> Result<(), DeviceError> {
    writer
        .conn
        .prepare_cached(
            "INSERT INTO feed (stream, first, last, recv_ms, h, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((stream, item.first, item.last, item.recv_ms, item.h.0, raw))?;
    match take_in_body(writer, (item.first, item.last), item.recv_ms, &item.body)? {
        // What is set aside does not move the clock.
        Ok(()) => observe(writer, &item.body, wall_ms),
        Err(error) => {
            writer.conn.execute(
                "INSERT INTO quarantine (stream, first, error) VALUES (?1, ?2, ?3)",
                (stream, item.first, error),
            )?;
        }
    }
    Ok(())
}

fn observe(writer: &mut Writer<'_>, body: &Nested<Body>, wall_ms: u64) {
    if let Nested::Known(Body::Ops(run)) = body
        && let Some(last) = run.ops.last_hlc()
    {
        writer.clock.observe(last, wall_ms, writer.offset_ms);
    }
}

/// Applies one entry of a stream, of which `sseq` are the first and last numbers; the inner error is why it is set aside.
pub(crate) fn take_in_body(
    writer: &mut Writer<'_>,
    sseq: (u64, u64),
    recv_ms: u64,
    body: &Nested<Body>,
) -> Result<Result<(), String>, DeviceError> {
    match body {
        Nested::Unknown(_) => return Ok(Err(String::from("unknown kind of entry"))),
        Nested::Known(Body::Own { dseq_first }) => {
            let count = sseq.1.saturating_sub(sseq.0);
            acknowledge(writer, *dseq_first, dseq_first.saturating_add(count), recv_ms)?;
        }
        Nested::Known(Body::Ops(run)) => return take_in_run(writer, run, recv_ms, TakeIn::All),
        Nested::Known(Body::Segment(sealed)) => {
            return match sealed.open() {
                Ok(run) => take_in_run(writer, &run, recv_ms, TakeIn::All),
                Err(error) => Ok(Err(error.to_string())),
            };
        }
        Nested::Known(Body::RefRow(row)) => return mirror_row(writer, row),
        Nested::Known(Body::Grant(right)) => {
            writer.conn.execute("DELETE FROM revoked WHERE audit = ?1", [right.audit.into_bytes()])?;
        }
        Nested::Known(Body::Revoke(right)) => {
            let audit = right.audit.into_bytes();
            writer.conn.execute("INSERT INTO revoked (audit) VALUES (?1) ON CONFLICT DO NOTHING", [audit])?;
        }
    }
    Ok(Ok(()))
}

/// Only ops whose clock the server did not believe change their rank.
fn acknowledge(writer: &mut Writer<'_>, first: u64, last: u64, recv_ms: u64) -> Result<(), DeviceError> {
    let believable = hlc::effective(u64::MAX, recv_ms).min(hlc::MAX);
    // The clock rises along the log: where it is believed at the end, it is before.
    let mut end = writer.conn.prepare_cached("SELECT hlc FROM oplog WHERE dseq = ?1")?;
    let latest: Option<u64> = end.query_row([last.min(hlc::MAX)], |row| row.get(0)).optional()?;
    if latest.is_some_and(|it| it <= believable) {
        return Ok(());
    }
    let clamped: Vec<(u64, [u8; 16])> = {
        let mut list = writer
            .conn
            .prepare_cached("SELECT dseq, audit FROM oplog WHERE dseq BETWEEN ?1 AND ?2 AND hlc > ?3")?;
        let rows =
            list.query_map((first, last.min(hlc::MAX), believable), |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (dseq, audit) in clamped {
        writer.acknowledge(Uuid::from_bytes(audit), dseq, recv_ms)?;
    }
    Ok(())
}

/// Which ops of a run are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeIn {
    /// All.
    All,
    /// Those that are not there: of the others is known when the server received them.
    Missing,
}

/// Applies a run of another's ops; the inner error is why it is set aside.
pub(crate) fn take_in_run(
    writer: &mut Writer<'_>,
    run: &Run,
    recv_ms: u64,
    which: TakeIn,
) -> Result<Result<(), String>, DeviceError> {
    let ops = match run.ops.unpack(run.dseq_first) {
        Ok(ops) => ops,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let arrival = Arrival { recv_ms: Some(recv_ms), server: run.server };
    let mut revoked = BTreeSet::new();
    for AuditEntry(audit, _) in &run.ops.audits {
        let mut find = writer.conn.prepare_cached("SELECT 1 FROM revoked WHERE audit = ?1")?;
        if find.exists([audit.into_bytes()])? {
            revoked.insert(*audit);
        }
    }
    for op in ops {
        let is_there = |writer: &mut Writer<'_>| {
            Ok::<_, DeviceError>(writer.audit(op.audit)?.ops.get(&OpId::new(run.dev, op.dseq)).is_some())
        };
        if revoked.contains(&op.audit) || (which == TakeIn::Missing && is_there(writer)?) {
            continue;
        }
        let seed = run.ops.seed(&op.audit);
        writer.take_in(run.dev, op, seed, arrival)?;
    }
    Ok(Ok(()))
}

fn mirror_row(writer: &Writer<'_>, row: &RefRow) -> Result<Result<(), String>, DeviceError> {
    if row.kind == INCIDENT_KEY {
        return incidents::take_key(writer.conn, row.json.as_deref());
    }
    let Some(json) = &row.json else {
        // A withdrawn template stays for the audits that pin it.
        if row.kind != TEMPLATE {
            writer.conn.execute("DELETE FROM reference WHERE kind = ?1 AND id = ?2", (&row.kind, &row.id))?;
        }
        return Ok(Ok(()));
    };
    let checked = match row.kind.as_str() {
        TEMPLATE if row.id != Hash::of(json).to_string() => {
            Err(String::from("the template is not what its hash says"))
        }
        TEMPLATE => mirror::keeps_template(json),
        BRANCH => domain::json::read::<BranchRow>(json).map(drop).map_err(|e| e.to_string()),
        ASSIGNMENT => domain::json::read::<AssignmentRow>(json).map(drop).map_err(|e| e.to_string()),
        _ => Ok(()),
    };
    if checked.is_ok() {
        mirror::put(writer.conn, &row.kind, &row.id, json)?;
    }
    Ok(checked)
}

/// Ids of ops as they are printed.
impl Device {
    /// The identity of the own op at a position.
    pub fn op_id(&self, dseq: u64) -> OpId {
        OpId::new(self.dev(), dseq)
    }
}
