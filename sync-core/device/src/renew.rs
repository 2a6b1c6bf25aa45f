//! Going on as a new device: the log forked, since the folder was copied or set back, or the key is lost. Owns the table
//! `former_run` and the order of steps in which neither key nor database is ever without the other.

use std::path::Path;

use rusqlite::Connection;
use sync_core::{
    DeviceId, Hash, Head, Kind, Op, Seed,
    codec::{self, Nested},
    exchange::{Body, Mark, Run, StreamId},
    packed::PackedOps,
    payload::{self, SubmitValue},
    relay::Proof,
    renew::{Renewal, SuccessionRequest, succession_bytes},
    session::RecoverCause,
};
use uuid::Uuid;

use crate::{
    DeviceError, DeviceKey, Folder, Place, Signatures, blobs,
    rebuild::replay,
    recover, seal,
    store::{self, Device},
    sync::{TakeIn, take_in_run},
    writer::Writer,
};

/// Ops of one run of a former log.
const RUN_OPS: usize = 1_000;
/// For ops of which it is not known when the server received them; what is learned later is always less.
const NOT_KNOWN_MS: u64 = 1 << 46;
const SUCCESSION: &str = "succession";
const FORMER: &str = "former";

impl RenewedFrom<'_> {
    fn seed(&self, device: &Device, audit: Uuid) -> Result<Option<Seed>, DeviceError> {
        match self.key {
            Some(key) => Ok(Seed::derive(&key.secret, &audit)),
            // Without the key the seed is where the audit was made from it.
            None => Ok(device.ops(audit).ok().and_then(|it| it.seed(&self.dev).copied())),
        }
    }
}

/// What a device was before.
struct RenewedFrom<'a> {
    dev: DeviceId,
    key: Option<&'a DeviceKey>,
}

impl Device {
    /// Goes on as a new device after the server told that its log forked: what it may lack is said again, the former log is
    /// kept, and sent as evidence. Ask the server with [`Self::succession`] before anything else but reports of incidents.
    ///
    /// - **Shape**: `secret` is 32 bytes from a good random source.
    /// - **Errors**: file and storage errors; then all is as before, or as after when the device is opened again.
    pub fn renew(&mut self, cause: RecoverCause, secret: [u8; 32]) -> Result<(), DeviceError> {
        let mut signatures = Signatures::default();
        self.renew_with(cause, DeviceKey::software(secret), &mut signatures)?;
        signatures.refuse_wanted()
    }

    /// As [`Self::renew`], where the platform signs: it is done once nothing is wanted of it, and until then nothing is.
    ///
    /// - **Errors**: as there.
    pub fn renew_with(
        &mut self,
        cause: RecoverCause,
        key: DeviceKey,
        signatures: &mut Signatures,
    ) -> Result<(), DeviceError> {
        let agreed = match cause {
            RecoverCause::ForkBeforeAcked => Head::EMPTY,
            _ => store::get_head(&self.conn, "acked")?,
        };
        let former = self.dev();
        let signed = succession_bytes(&former, &key.dev());
        let request = SuccessionRequest {
            former,
            key: key.public(),
            sig: key.sign_with(&signed, signatures).into(),
            former_sig: self.key.sign_with(&signed, signatures).into(),
        };
        let was = RenewedFrom { dev: former, key: Some(&self.key) };
        let runs = self.former_runs(&was, agreed.dseq, signatures)?;
        if !signatures.is_enough() {
            return Ok(());
        }
        self.place.prepare_key(&key)?;
        self.become_new(key, former, agreed.dseq, &runs, Some(&request))
    }

    /// Opens the folder of a device whose key is lost as a new device, which is to be enrolled with a code
    /// ([`Self::enrolment_request`]). Its log is said again.
    ///
    /// - **Shape**: `secret` is 32 bytes from a good random source.
    /// - **Errors**: as of [`Self::open`], and `device_has_key` where nothing is lost.
    pub fn open_without_key(dir: &Path, secret: [u8; 32]) -> Result<Self, DeviceError> {
        Self::open_in_without_key(Box::new(Folder::at(dir)), || DeviceKey::software(secret))
    }

    /// As [`Self::open_without_key`], of a place.
    ///
    /// - **Shape**: `key` gives the same new key each time.
    /// - **Errors**: as there.
    pub fn open_in_without_key(
        place: Box<dyn Place>,
        key: impl Fn() -> DeviceKey,
    ) -> Result<Self, DeviceError> {
        let (conn, former) = Self::database_of(&*place)?;
        if place.find_key(former)?.is_some() {
            return Err(DeviceError::problem(
                409,
                "device_has_key",
                "El dispositivo tiene su clave; ábralo sin renovarlo",
                "the device has its key; open it as it is",
            ));
        }
        place.prepare_key(&key())?;
        // Until the database is the new device's this handle does nothing under that name.
        let mut device = Self::over(place, conn, key())?;
        // Nobody can sign the former log any more, should the server lose it: all of it is said again.
        let was = RenewedFrom { dev: former, key: None };
        let runs = device.former_runs(&was, 0, &mut Signatures::default())?;
        device.become_new(key(), former, 0, &runs, None)?;
        Ok(device)
    }

    /// What is to be told to the server before the next exchange, with the session of the former device; none if nothing is.
    ///
    /// - **Errors**: storage.
    pub fn succession(&self) -> Result<Option<SuccessionRequest>, DeviceError> {
        Ok(store::get_meta(&self.conn, SUCCESSION)?.map(|it| codec::from_cbor(&it)).transpose()?)
    }

    /// The key of the device whose session this one still has, as long as the server was not told of it; none where it is not here.
    pub(crate) fn former_key(&self) -> Result<Option<DeviceKey>, DeviceError> {
        self.succession()?.map_or(Ok(None), |it| self.place.find_key(it.former))
    }

    /// The device that this one goes on for, as long as the server was not told.
    pub(crate) fn not_succeeded(&self) -> Result<Option<DeviceId>, DeviceError> {
        let former = store::get_meta(&self.conn, FORMER)?;
        let former = former.map(|it| <[u8; 16]>::try_from(it).map(DeviceId));
        former.transpose().map_err(|_| DeviceError::corrupt("the former device's name is damaged"))
    }

    /// The devices that this one was.
    pub(crate) fn former(&self) -> Result<Vec<DeviceId>, DeviceError> {
        let mut list = self.conn.prepare("SELECT DISTINCT dev FROM former_run ORDER BY dev")?;
        let rows = list.query_map([], |row| Ok(DeviceId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The own log in runs, none across what is agreed or across entries that the server received at different times.
    fn former_runs(
        &self,
        was: &RenewedFrom<'_>,
        agreed: u64,
        signatures: &mut Signatures,
    ) -> Result<Vec<FormerRun>, DeviceError> {
        let received = self.received()?;
        let org = self.enrolment()?.map_or(Uuid::nil(), |it| it.org);
        let epoch = store::get_number(&self.conn, "epoch")?.unwrap_or(0);
        let (mut runs, mut at) = (Vec::new(), 0_u64);
        while at < self.head.dseq {
            let entry = received.iter().find(|it| it.0 <= at.saturating_add(1) && at < it.1);
            let entry_ends = entry
                .map(|it| it.1)
                .or_else(|| received.iter().map(|it| it.0.saturating_sub(1)).filter(|it| *it > at).min());
            let end = [entry_ends, Some(agreed), Some(self.head.dseq)].into_iter().flatten();
            let end = end.filter(|it| *it > at).min().unwrap_or(self.head.dseq);
            let limit = usize::try_from(end.saturating_sub(at)).unwrap_or(RUN_OPS).min(RUN_OPS);
            let ops = self.log_after(at, limit)?;
            let Some(last) = ops.last().map(|it| it.dseq) else { break };
            let recv_ms = entry.map_or(NOT_KNOWN_MS, |it| it.2);
            let evidence = at >= agreed;
            let run = self.former_run(was, (at, &ops), (&org, epoch), evidence, signatures)?;
            runs.push(FormerRun { run, recv_ms });
            at = last;
        }
        Ok(runs)
    }

    /// Parts of the own log as the streams told them: first, last, when received.
    fn received(&self) -> Result<Vec<(u64, u64, u64)>, DeviceError> {
        let mut list =
            self.conn.prepare("SELECT first, last, recv_ms, body FROM feed WHERE owner IS NULL")?;
        let mut rows = list.query([])?;
        let mut received = Vec::new();
        while let Some(row) = rows.next()? {
            if let Ok(Body::Own { dseq_first }) = Body::read(&row.get::<_, Vec<u8>>(3)?) {
                let steps = row.get::<_, u64>(1)?.saturating_sub(row.get(0)?);
                received.push((dseq_first, dseq_first.saturating_add(steps), row.get(2)?));
            }
        }
        received.sort_unstable();
        Ok(received)
    }

    fn former_run(
        &self,
        was: &RenewedFrom<'_>,
        (before, ops): (u64, &[Op]),
        (org, epoch): (&Uuid, u64),
        evidence: bool,
        signatures: &mut Signatures,
    ) -> Result<Run, DeviceError> {
        let dseq_first = before.saturating_add(1);
        let Some(former_key) = was.key else {
            let mut failed = None;
            let seed_of = |audit: &Uuid| {
                was.seed(self, *audit).unwrap_or_else(|error| {
                    failed = Some(error);
                    None
                })
            };
            let ops = PackedOps::pack(was.dev, ops, seed_of);
            let run = Run { dev: was.dev, key: None, server: false, dseq_first, ops, proof: None, evidence };
            return failed.map_or(Ok(run), Err);
        };
        let prev = Head { dseq: before, h: self.hash_at(before)?.unwrap_or(Hash::ZERO) };
        let segment = self.signed_segment(prev, ops, (org, epoch), signatures)?;
        let proof =
            Proof { prev_h: segment.prev_h, first: segment.first, epoch, alg: segment.alg, sig: segment.sig };
        let key = Some(former_key.public());
        Ok(Run {
            dev: was.dev,
            key,
            server: false,
            dseq_first,
            ops: segment.ops,
            proof: Some(proof),
            evidence,
        })
    }

    /// One transaction: from here on the database is the new device's.
    fn become_new(
        &mut self,
        key: DeviceKey,
        former: DeviceId,
        agreed: u64,
        runs: &[FormerRun],
        request: Option<&SuccessionRequest>,
    ) -> Result<(), DeviceError> {
        let renewal = Renewal { former, agreed, dev: key.dev() };
        let tail = self.log_after(agreed, usize::MAX >> 1)?;
        // The streams count on the log for what they told as the device's own, and the log is given up from there on: a server that
        // was behind had taken back what it had acknowledged.
        let is_read_beyond = self.received()?.last().is_some_and(|it| it.1 > agreed);
        let was = std::mem::replace(&mut self.key, key);
        let done = self.transact(|mut writer, _| {
            put_aside(&writer, former, runs, request)?;
            if agreed == 0 || is_read_beyond {
                read_anew(&writer)?;
            }
            *writer.head = Head::EMPTY;
            replay(&mut writer)?;
            for op in &tail {
                say_again(&mut writer, &renewal, op)?;
            }
            // From the facts alone, as any rebuild will make it.
            replay(&mut writer)
        });
        if let Err(error) = done {
            self.key = was;
            return Err(error);
        }
        self.place.settle_key()
    }
}

/// What the server holds of the former log comes with the streams again: these named it without its ops.
fn read_anew(writer: &Writer<'_>) -> Result<(), DeviceError> {
    let mut list = writer.conn.prepare("SELECT id FROM stream")?;
    let ids: Vec<String> = list.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in ids {
        let stream: StreamId = id.parse().map_err(DeviceError::Corrupt)?;
        recover::rewind(writer.conn, stream, &Mark::START)?;
    }
    Ok(())
}

struct FormerRun {
    run: Run,
    recv_ms: u64,
}

fn put_aside(
    writer: &Writer<'_>,
    former: DeviceId,
    runs: &[FormerRun],
    request: Option<&SuccessionRequest>,
) -> Result<(), DeviceError> {
    let conn = writer.conn;
    let mut keep = conn.prepare(
        "INSERT INTO former_run (dev, first, last, evidence, offered, recv_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for FormerRun { run, recv_ms } in runs {
        let body = codec::to_cbor(&Body::Ops(run.clone()))?;
        // What is agreed the server has; should it lose that, all is offered anew.
        let (evidence, offered) = (run.evidence, !run.evidence);
        keep.execute((former.0, run.dseq_first, run.last(), evidence, offered, recv_ms, body))?;
    }
    conn.execute("UPDATE feed SET owner = ?1 WHERE owner IS NULL", [former.0])?;
    // These speak of positions in the former log.
    for table in ["oplog", "outcome", "receipt"] {
        conn.execute(&format!("DELETE FROM {table}"), [])?;
    }
    // What the server said to that device it may not hold any more.
    blobs::doubt_all(conn)?;
    seal::forget(conn)?;
    store::put_head(conn, "acked", &Head::EMPTY)?;
    store::put_meta(conn, "dev", &writer.dev.0)?;
    // A device that lost its key before the server heard of it is nobody there: the one it went on for is.
    if request.is_some() || store::get_meta(conn, FORMER)?.is_none() {
        store::put_meta(conn, FORMER, &former.0)?;
    }
    match request {
        Some(request) => store::put_meta(conn, SUCCESSION, &codec::to_cbor(request)?),
        // What the lost key signed says nothing of this device.
        None => Ok(conn.execute("DELETE FROM meta WHERE key = ?1", [SUCCESSION]).map(drop)?),
    }
}

/// The server knows the new device.
pub(crate) fn forget_succession(conn: &Connection) -> Result<(), DeviceError> {
    conn.execute("DELETE FROM meta WHERE key IN (?1, ?2)", [SUCCESSION, FORMER])?;
    Ok(())
}

fn say_again(writer: &mut Writer<'_>, renewal: &Renewal, op: &Op) -> Result<(), DeviceError> {
    let mut said = renewal.again(op);
    if said.kind == Kind::Submit
        && let Ok(value) = payload::of_op::<SubmitValue>(&said)
    {
        let value = renewal.submit(&writer.audit(said.audit)?.ops, &value, said.dseq);
        said.value = Some(payload::to_value(&value)?);
    }
    writer.say(said).map(drop)
}

/// Whether an entry brings of a former log what is kept of it here: from then on the entry says when the server received it.
pub(crate) fn is_former(conn: &Connection, body: &Nested<Body>) -> Result<bool, DeviceError> {
    let dev = match body {
        Nested::Known(Body::Ops(run)) => run.dev,
        _ => return Ok(false),
    };
    let mut find = conn.prepare_cached("SELECT 1 FROM former_run WHERE dev = ?1 AND evidence = 0")?;
    Ok(find.exists([dev.0])?)
}

/// Applies what of former logs is part of the audits and no entry of a stream has brought.
pub(crate) fn replay_former(writer: &mut Writer<'_>) -> Result<(), DeviceError> {
    let conn = writer.conn;
    let mut list =
        conn.prepare("SELECT recv_ms, body FROM former_run WHERE evidence = 0 ORDER BY dev, first")?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        if let Ok(Body::Ops(run)) = Body::read(&row.get::<_, Vec<u8>>(1)?) {
            take_in_run(writer, &run, row.get(0)?, TakeIn::Missing)?.map_err(DeviceError::corrupt)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_receipt_never_ranks_an_op_lower() {
        let far = sync_core::hlc::at_ms(NOT_KNOWN_MS);
        assert_eq!(sync_core::hlc::effective(far, NOT_KNOWN_MS), far);
    }
}
