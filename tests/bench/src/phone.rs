//! A phone of the bench: the device crate over HTTP as the command line has it, with every request counted. Owns the transport
//! and what is authored.

use crate::{
    Outcome,
    office::{ITEMS, Office, PHOTO, SCORED},
    words::Words,
};
use device::{
    Batch, BlobTransport, Device, DeviceError, DeviceKind, NewDevice, PhotoFacts, Start, SubmitRule, Sync,
    Transport, TransportError, Upload,
};
use serde_json::json;
use std::{
    fmt,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use sync_core::{
    Hash,
    blob::{CHUNK_HASH_HEADER, QUERY_PATH, part_path},
    exchange::ClockReading,
    ingest::Enrolment,
    payload::BlobRef,
};
use uuid::Uuid;

const ZSTD_LEVEL: i32 = 3;
/// Audits of one transaction of authoring.
const BATCH: usize = 500;

/// A device with its connection.
pub(crate) struct Phone {
    pub(crate) device: Device,
    line: Line,
}

struct Line {
    agent: ureq::Agent,
    base: String,
    token: String,
    requests: u32,
    /// Answers that told to come later: HTTP 429 and 503.
    pushed_back: u32,
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_secs(600))).build().into()
}

fn failed(cause: impl fmt::Display) -> TransportError {
    TransportError(cause.to_string())
}

impl Line {
    fn send(
        &mut self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &[u8],
    ) -> Result<Vec<u8>, TransportError> {
        self.requests += 1;
        request = request.header("Accept", "application/cbor").header("Authorization", &self.token);
        let mut answer = request.send(body).map_err(failed)?;
        self.pushed_back += u32::from(matches!(answer.status().as_u16(), 429 | 503));
        let is_packed = answer.headers().get("Content-Encoding").is_some_and(|it| it == "zstd");
        let body = answer.body_mut().with_config().limit(256 << 20).read_to_vec().map_err(failed)?;
        if is_packed { zstd::stream::decode_all(body.as_slice()).map_err(failed) } else { Ok(body) }
    }
}

impl Transport for Line {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let packed = zstd::bulk::compress(request, ZSTD_LEVEL).map_err(failed)?;
        let call = self
            .agent
            .post(format!("{}/sync/v1/exchange", self.base))
            .header("Content-Type", "application/cbor")
            .header("Content-Encoding", "zstd")
            .header("Accept-Encoding", "zstd");
        self.send(call, &packed)
    }
}

impl BlobTransport for Line {
    fn query(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let call = self.agent.post(format!("{}{QUERY_PATH}", self.base));
        self.send(call.header("Content-Type", "application/cbor"), request)
    }

    fn part(
        &mut self,
        blob: &BlobRef,
        offset: u64,
        hash: &Hash,
        bytes: &[u8],
    ) -> Result<Vec<u8>, TransportError> {
        let call = self
            .agent
            .patch(format!("{}{}", self.base, part_path(blob, offset)))
            .header("Content-Type", "application/octet-stream")
            .header(CHUNK_HASH_HEADER, hash.to_string());
        self.send(call, bytes)
    }
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Answers everything, in the transaction of `batch`.
pub(crate) fn fill(batch: &mut Batch<'_>, audit: Uuid, words: &mut Words) -> Result<(), DeviceError> {
    for item in 0..ITEMS {
        batch.answer(audit, &format!("A{item:02}"), &words.answer(), now_ms())?;
    }
    batch.answer(audit, SCORED, "\"yes\"", now_ms()).map(drop)
}

impl Phone {
    /// A new device of an auditor in an empty folder; it has not synced yet. Its traffic goes to `host`.
    pub(crate) fn enrol(office: &mut Office, auditor: Uuid, folder: &Path, host: &str) -> Outcome<Self> {
        let code = office.code(auditor)?;
        let secret = *Uuid::new_v5(&auditor, folder.to_string_lossy().as_bytes()).as_bytes();
        let secret = Hash::of(&secret).0;
        let mut device = Device::create(folder, &NewDevice { secret, kind: DeviceKind::Phone })?;
        let mut request = serde_json::to_value(device.enrolment_request(&code)?)?;
        request["name"] = json!("bench");
        let answer = office.call("POST", "/api/v1/devices/enrol", &request)?;
        let enrolment: Enrolment = serde_json::from_value(answer)?;
        device.enrolled(&enrolment)?;
        let token = format!("Bearer {}", enrolment.token);
        let line =
            Line { agent: agent(), base: format!("http://{host}"), token, requests: 0, pushed_back: 0 };
        Ok(Self { device, line })
    }

    /// Its connections are gone.
    pub(crate) fn reconnect(&mut self) {
        self.line.agent = agent();
    }

    /// Its traffic goes to another host from now on.
    pub(crate) fn move_to(&mut self, host: &str) {
        self.line.base = format!("http://{host}");
        self.reconnect();
    }

    /// Requests since the last call, and how many of them were told to come later.
    pub(crate) fn take_requests(&mut self) -> (u32, u32) {
        (std::mem::take(&mut self.line.requests), std::mem::take(&mut self.line.pushed_back))
    }

    /// One run of exchanges, which may have to come again later; gives how long that is to be.
    pub(crate) fn try_sync(&mut self) -> Outcome<Option<Duration>> {
        let clock = ClockReading { wall_ms: now_ms(), mono_ms: None, boot: None };
        let mut sync = Sync::new(&self.device)?;
        let outcome = sync.run(&mut self.device, &mut self.line, clock, 1 << 31)?;
        match (&outcome, Sync::problem(&outcome)) {
            (_, None) => Ok(None),
            (device::Outcome::Backoff { wait_ms, .. }, _) if sync.failure().is_none() => {
                Ok(Some(Duration::from_millis(*wait_ms)))
            }
            (_, Some(problem)) => Err(format!("{problem:?} {:?}", sync.failure()).into()),
        }
    }

    /// Exchanges until both sides have nothing more.
    pub(crate) fn sync(&mut self) -> Outcome<Duration> {
        let begun = Instant::now();
        match self.try_sync()? {
            None => Ok(begun.elapsed()),
            Some(_) => Err("the office told a lone phone to come later".into()),
        }
    }

    /// Sends every photo.
    pub(crate) fn send_photos(&mut self) -> Outcome<Duration> {
        let begun = Instant::now();
        let mut upload = Upload::new(&self.device)?;
        let finish = upload.run(&mut self.device, &mut self.line, None, 1 << 31, now_ms())?;
        match Upload::problem(&finish) {
            None => Ok(begun.elapsed()),
            Some(problem) => Err(format!("{problem:?} {:?}", upload.failure()).into()),
        }
    }

    /// Fetches a blob as a second device of the same person does.
    pub(crate) fn fetch_photo(&mut self, id: &Hash) -> Outcome<Vec<u8>> {
        self.line.requests += 1;
        let call = self.line.agent.get(format!("{}/sync/v1/blobs/{id}", self.line.base));
        let mut answer = call.header("Authorization", &self.line.token).call()?;
        let bytes = answer.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        if Hash::of(&bytes) == *id { Ok(bytes) } else { Err("the blob is another than was asked for".into()) }
    }

    /// The only checklist here.
    pub(crate) fn template(&self) -> Outcome<Hash> {
        let text = self.device.templates()?;
        let found = text.iter().find(|it| it.id == "bench").ok_or("the checklist did not come")?;
        Ok(found.content_hash)
    }

    /// Makes audits of [`ITEMS`] answers each and hands them in; gives their ids.
    pub(crate) fn make_audits(
        &mut self,
        branch: Uuid,
        words: &mut Words,
        count: usize,
    ) -> Outcome<Vec<Uuid>> {
        let content_hash = self.template()?;
        let mut audits = Vec::with_capacity(count);
        for _ in 0..count.div_ceil(BATCH) {
            self.device.batch(|batch| {
                for _ in 0..BATCH.min(count - audits.len()) {
                    let audit = words.audit();
                    let start = Start::AdHoc { audit, branch, content_hash, source: None, visited_at: None };
                    batch.start(&start, now_ms())?;
                    fill(batch, audit, words)?;
                    batch.submit(audit, SubmitRule::ScoredItemsAnswered, now_ms())?;
                    audits.push(audit);
                }
                Ok(())
            })?;
        }
        Ok(audits)
    }

    /// Begins one audit, which stays open, with photos.
    pub(crate) fn begin_audit(&mut self, branch: Uuid, words: &mut Words) -> Outcome<Uuid> {
        let content_hash = self.template()?;
        let audit = words.audit();
        let start = Start::AdHoc { audit, branch, content_hash, source: None, visited_at: None };
        Ok(self.device.start(&start, now_ms())?)
    }

    /// Takes a photo; gives its hash.
    pub(crate) fn take_photo(&mut self, audit: Uuid, bytes: &[u8]) -> Outcome<Hash> {
        let captured = self.device.capture(&mut &bytes[..])?;
        let facts = PhotoFacts {
            mime: "image/jpeg".to_owned(),
            captured_at_ms: Some(now_ms()),
            ..PhotoFacts::default()
        };
        self.device.batch(|it| it.attach(audit, PHOTO, &captured, &facts, now_ms()))?;
        Ok(captured.blob().id)
    }
}
