//! What JavaScript calls. Every error is thrown as the JSON text of a problem (`domain::Problem`).

use std::rc::Rc;

use device::{
    Device, DeviceError, DeviceKind, IncidentAnswer, Incidents, IncidentsEnd, Next, NextPart, Place as _,
    Remembered, Rescue, Signatures, Sync, TransportError, Upload,
};
use domain::Problem;
use screens::Phone;
use serde::Serialize;
use sync_core::{
    Algorithm, DeviceId, PublicKey,
    exchange::ClockReading,
    ingest::Enrolment,
    lane::{self, Pause},
    session::{Finish, RecoverCause},
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::pool::{self, BrowserPlace, KeyParts, Pool};

fn thrown(error: &DeviceError) -> String {
    serde_json::to_string(&error.to_problem()).unwrap_or_else(|error| error.to_string())
}

fn failed(what: &str) -> String {
    let problem = Problem::single(
        500,
        "browser_storage_failed",
        format!("Falló el almacén de este navegador: {what}"),
        format!("this browser's storage failed: {what}"),
    );
    serde_json::to_string(&problem).unwrap_or_else(|error| error.to_string())
}

fn malformed(what: &str) -> String {
    let problem =
        Problem::single(400, "malformed", format!("No se entiende: {what}"), format!("malformed: {what}"));
    serde_json::to_string(&problem).unwrap_or_else(|error| error.to_string())
}

/// One person's phone in this browser.
#[wasm_bindgen]
pub struct BrowserPhone {
    pool: Rc<Pool>,
    phone: Option<Phone>,
    sync: Option<Sync>,
    upload: Option<Upload>,
    incidents: Option<Incidents>,
    signatures: Signatures,
    signing: Option<(DeviceId, Vec<u8>)>,
    recover: Option<RecoverCause>,
    rescue: Option<Rescue>,
}

fn key(secret: &[u8], public: &[u8]) -> Result<KeyParts, String> {
    let secret = secret.try_into().map_err(|_| malformed("secret"))?;
    let public = PublicKey::parse(Algorithm::Es256, public).map_err(|_| malformed("public key"))?;
    Ok(KeyParts { secret, public })
}

/// Keys as the page keeps them: 32 bytes of secret and 65 of public key, one after the other.
fn keys(bytes: &[u8]) -> Result<Vec<KeyParts>, String> {
    bytes
        .chunks(97)
        .map(|it| it.split_first_chunk::<32>().ok_or_else(|| malformed("keys")).and_then(|(s, p)| key(s, p)))
        .collect()
}

#[wasm_bindgen]
impl BrowserPhone {
    /// Opens the phone of a person, or makes it with the last of the keys.
    ///
    /// - **Shape**: `cipher` is 32 bytes in hexadecimal; `key_bytes` are the keys that the page keeps (secret, public key), the
    ///   newest last; `make` says that no phone was ever opened with them: a key whose database is lost is not used again.
    pub async fn open(
        name: String,
        cipher: String,
        key_bytes: Vec<u8>,
        make: bool,
    ) -> Result<BrowserPhone, String> {
        let pool = pool::pool(&name).await.map_err(|error| failed(&error))?;
        let keys = keys(&key_bytes)?;
        let phone = Self::phone_of(&pool, &cipher, &keys, make).map_err(|error| thrown(&error));
        if phone.is_err() {
            // Whoever tries again, or salvages, finds the files free.
            let _ = pool.give_back();
        }
        Ok(Self {
            phone: Some(phone?),
            pool,
            sync: None,
            upload: None,
            incidents: None,
            signatures: Signatures::default(),
            signing: None,
            recover: None,
            rescue: None,
        })
    }

    fn phone_of(pool: &Pool, cipher: &str, keys: &[KeyParts], make: bool) -> Result<Phone, DeviceError> {
        let place = || BrowserPlace::of(pool, cipher, keys.to_vec());
        let newest = || keys.last().filter(|_| make).map(KeyParts::key);
        let opened = match Device::open_in(Box::new(place()?)) {
            Err(error) if error.code() == "no_device" => match newest() {
                Some(key) => Device::create_in(Box::new(place()?), key, DeviceKind::Phone),
                None => Err(error),
            },
            other => other,
        };
        Ok(Phone::over(opened?))
    }

    fn phone(&mut self) -> Result<&mut Phone, String> {
        self.phone.as_mut().ok_or_else(|| failed("closed"))
    }

    /// Answers one JSON message with one.
    pub fn handle(&mut self, json: &str) -> Result<String, String> {
        Ok(self.phone()?.handle(json))
    }

    /// The JSON of whether all is on the server.
    pub fn sync_state(&mut self) -> Result<String, String> {
        self.phone()?.sync_state().map(|it| to_json(&it)).map_err(|error| thrown(&error))
    }

    /// Keeps a photo, and the picture as the camera gave it where the bytes are a smaller copy of it.
    pub fn attach(&mut self, json: &str, bytes: &[u8], original: Option<Vec<u8>>) -> Result<String, String> {
        Ok(self.phone()?.attach(json, bytes, original.as_deref()))
    }

    /// The bytes of a photo.
    pub fn photo(&mut self, blob: &str) -> Result<Vec<u8>, String> {
        self.phone()?.photo(blob).map_err(|error| thrown(&error))
    }

    /// How much room there is, in bytes.
    pub fn tell_free_space(&mut self, bytes: f64) -> Result<(), String> {
        #[expect(clippy::as_conversions, reason = "JavaScript has no other number; what is no number is 0")]
        let bytes = bytes as u64;
        let device = self.phone()?.device();
        device.tell_free_space(bytes);
        device.make_room().map(drop).map_err(|error| thrown(&error))
    }

    /// The device's id.
    pub fn device_id(&mut self) -> Result<String, String> {
        Ok(self.phone()?.device().dev().to_string())
    }

    /// What the page has to sign to enrol with a one-time code.
    pub fn enrolment_bytes(&mut self, code: &str) -> Result<Vec<u8>, String> {
        Ok(self.phone()?.device().enrolment_bytes(code))
    }

    /// The JSON of the request that enrols, with that signature.
    pub fn enrolment_request(&mut self, code: &str, signature: Vec<u8>) -> Result<String, String> {
        let request = self.phone()?.device().signed_enrolment(code, signature);
        let request = request.map_err(|error| thrown(&error))?;
        serde_json::to_string(&request).map_err(|error| malformed(&error.to_string()))
    }

    /// Keeps the JSON that the server answered.
    pub fn enrolled(&mut self, json: &str) -> Result<(), String> {
        let enrolment: Enrolment =
            serde_json::from_str(json).map_err(|error| malformed(&error.to_string()))?;
        self.phone()?.device().enrolled(&enrolment).map_err(|error| thrown(&error))
    }

    /// The JSON of what the server answered when this device was enrolled; none before.
    pub fn enrolment(&mut self) -> Result<Option<String>, String> {
        let enrolment = self.phone()?.device().enrolment().map_err(|error| thrown(&error))?;
        enrolment
            .map(|it| serde_json::to_string(&it).map_err(|error| malformed(&error.to_string())))
            .transpose()
    }

    /// Begins to synchronise: instants in milliseconds, any random number.
    pub fn sync_begin(&mut self, now_ms: u64, jitter: u32) -> Result<(), String> {
        let device = self.phone()?.device();
        let mut sync = Sync::new(device).map_err(|error| thrown(&error))?;
        sync.begin(ClockReading { wall_ms: now_ms, mono_ms: None, boot: None }, jitter);
        self.sync = Some(sync);
        Ok(())
    }

    /// What synchronising comes to next.
    pub fn sync_next(&mut self) -> Result<Step, String> {
        let (Some(phone), Some(sync)) = (self.phone.as_mut(), self.sync.as_mut()) else {
            return Err(failed("not synchronising"));
        };
        loop {
            match sync.next(phone.device()).map_err(|error| thrown(&error))? {
                Next::GoOn => {}
                Next::Sign(bytes) => {
                    let dev = phone.device().dev();
                    return Ok(Step::with("sign", dev.to_string(), bytes));
                }
                Next::Send(bytes) => return Ok(Step::with("send", String::new(), bytes)),
                Next::Finished(outcome) => {
                    if let Finish::Recover(cause) = outcome {
                        self.recover = Some(cause);
                    }
                    return Ok(Step::with("done", Ended::of(&outcome).json(), Vec::new()));
                }
            }
        }
    }

    /// Goes on with a signature.
    pub fn sync_signed(&mut self, signature: Vec<u8>) {
        if let Some(sync) = self.sync.as_mut() {
            sync.signed(signature);
        }
    }

    /// Goes on with the body of a reply.
    pub fn sync_answered(&mut self, body: Vec<u8>) {
        if let Some(sync) = self.sync.as_mut() {
            sync.answered(Ok(body));
        }
    }

    /// Goes on without a reply.
    pub fn sync_unreachable(&mut self, why: String) {
        if let Some(sync) = self.sync.as_mut() {
            sync.answered(Err(TransportError(why)));
        }
    }

    /// Begins to hand in reports of incidents.
    pub fn incidents_begin(&mut self) -> Result<(), String> {
        let device = self.phone()?.device();
        self.incidents = Some(Incidents::new(device).map_err(|error| thrown(&error))?);
        Ok(())
    }

    /// What handing them in comes to next.
    pub fn incidents_next(&mut self) -> Result<Step, String> {
        let (Some(phone), Some(incidents)) = (self.phone.as_mut(), self.incidents.as_mut()) else {
            return Err(failed("not handing in reports"));
        };
        loop {
            match incidents.next(phone.device()).map_err(|error| thrown(&error))? {
                Next::GoOn => {}
                Next::Sign(bytes) => {
                    let dev = phone.device().dev();
                    return Ok(Step::with("sign", dev.to_string(), bytes));
                }
                Next::Send(bytes) => return Ok(Step::with("send", String::new(), bytes)),
                Next::Finished(end) => {
                    return Ok(Step::with("done", Ended::of_incidents(&end).json(), Vec::new()));
                }
            }
        }
    }

    /// Goes on with a signature.
    pub fn incidents_signed(&mut self, signature: Vec<u8>) {
        if let Some(incidents) = self.incidents.as_mut() {
            incidents.signed(signature);
        }
    }

    /// Goes on with the HTTP status of the answer, 0 where none came, and the code of a refusal.
    pub fn incidents_answered(&mut self, status: u16, code: String) {
        if let Some(incidents) = self.incidents.as_mut() {
            incidents.answered(match status {
                0 => IncidentAnswer::Unreachable(TransportError(code)),
                200..300 => IncidentAnswer::Stored,
                _ => IncidentAnswer::Refused(status, code),
            });
        }
    }

    /// Begins to send photos, or pictures as the camera gave them: `pause` is empty, `by_hand`, `metered` or `low_battery`.
    pub fn upload_begin(
        &mut self,
        originals: bool,
        pause: &str,
        now_ms: u64,
        jitter: u32,
    ) -> Result<(), String> {
        let pause = match pause {
            "" => None,
            "metered" => Some(Pause::Metered),
            "low_battery" => Some(Pause::LowBattery),
            _ => Some(Pause::ByHand),
        };
        let device = self.phone()?.device();
        let upload = if originals { Upload::of_originals(device) } else { Upload::new(device) };
        let mut upload = upload.map_err(|error| thrown(&error))?;
        upload.begin(pause, jitter, now_ms);
        self.upload = Some(upload);
        Ok(())
    }

    /// What sending photos comes to next.
    pub fn upload_next(&mut self) -> Result<Step, String> {
        let (Some(phone), Some(upload)) = (self.phone.as_mut(), self.upload.as_mut()) else {
            return Err(failed("not sending photos"));
        };
        loop {
            match upload.next(phone.device()).map_err(|error| thrown(&error))? {
                NextPart::GoOn => {}
                NextPart::Query(bytes) => return Ok(Step::with("query", String::new(), bytes)),
                NextPart::Send { blob, offset, hash, bytes } => {
                    let part =
                        Part { blob: blob.id.to_string(), size: blob.size, offset, hash: hash.to_string() };
                    return Ok(Step::with("part", to_json(&part), bytes));
                }
                NextPart::Finished(finish) => {
                    return Ok(Step::with(
                        "done",
                        Ended::of_photos(&finish, upload.summary()).json(),
                        Vec::new(),
                    ));
                }
            }
        }
    }

    /// Goes on with the body of a reply.
    pub fn upload_answered(&mut self, body: Vec<u8>) {
        if let Some(upload) = self.upload.as_mut() {
            upload.answered(Ok(body));
        }
    }

    /// Goes on without a reply.
    pub fn upload_unreachable(&mut self, why: String) {
        if let Some(upload) = self.upload.as_mut() {
            upload.answered(Err(TransportError(why)));
        }
    }

    /// Goes on as a new device after the outcome `recover`, with the newest key, which the page has kept: what is to be signed for it
    /// comes one by one as `sign` (with the device whose key is asked for), and then `done`.
    pub fn renew(&mut self, key_bytes: &[u8], signature: Option<Vec<u8>>) -> Result<Step, String> {
        let keys = keys(key_bytes)?;
        let new = keys.last().ok_or_else(|| malformed("keys"))?;
        let cause = self.recover.ok_or_else(|| failed("nothing to recover from"))?;
        let phone = self.phone.as_mut().ok_or_else(|| failed("closed"))?;
        if let (Some((dev, bytes)), Some(signature)) = (self.signing.take(), signature) {
            self.signatures.hold(dev, bytes, signature);
        }
        let renewed = phone.device().renew_with(cause, new.key(), &mut self.signatures);
        renewed.map_err(|error| thrown(&error))?;
        let Some((dev, bytes)) = self.signatures.take_wanted().into_iter().next() else {
            (self.signatures, self.recover) = (Signatures::default(), None);
            return Ok(Step::with("done", String::new(), Vec::new()));
        };
        self.signing = Some((dev, bytes.clone()));
        Ok(Step::with("sign", dev.to_string(), bytes))
    }

    /// The JSON of what the server is to be told before the next exchange after a renewal; none if nothing.
    pub fn succession(&mut self) -> Result<Option<String>, String> {
        let succession = self.phone()?.device().succession().map_err(|error| thrown(&error))?;
        Ok(succession.map(|it| to_json(&it)))
    }

    /// The point of P-256 that the rescue file is sealed for, once it is begun; none where the office gave none.
    pub fn rescue_key(&self) -> Option<Vec<u8>> {
        self.rescue.as_ref().and_then(Rescue::key).map(|it| it.key.to_vec())
    }

    /// What of the enrolment the page remembers beside the store, as JSON: whose it is and what rescue files are sealed for.
    pub fn remembered(&mut self) -> Result<Option<String>, String> {
        let enrolment = self.phone()?.device().enrolment().map_err(|error| thrown(&error))?;
        Ok(enrolment.map(|it| {
            let (org, user, rescue_key) = (it.org, it.user, it.rescue_key);
            to_json(&Remembered { org, user, rescue_key })
        }))
    }

    /// Begins a rescue file: what is to be signed for it comes one by one as `sign`, and then `done` with the JSON of what it holds.
    pub fn rescue_begin(&mut self, now_ms: u64, signature: Option<Vec<u8>>) -> Result<Step, String> {
        let phone = self.phone.as_mut().ok_or_else(|| failed("closed"))?;
        if let (Some((dev, bytes)), Some(signature)) = (self.signing.take(), signature) {
            self.signatures.hold(dev, bytes, signature);
        }
        let rescue = phone.device().rescue(now_ms, &mut self.signatures).map_err(|error| thrown(&error))?;
        Ok(begun(rescue, &mut self.signatures, &mut self.signing, &mut self.rescue))
    }

    /// The next bytes of the rescue file, to be sealed; none once it is whole.
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let (Some(phone), Some(rescue)) = (self.phone.as_mut(), self.rescue.as_mut()) else {
            return Err(failed("no rescue file"));
        };
        phone.device().rescue_next(rescue).map_err(|error| thrown(&error))
    }

    /// Clears photos that are not needed here any more.
    pub fn evict(&mut self, now_ms: u64) -> Result<u32, String> {
        let cleared = self.phone()?.device().evict(now_ms).map_err(|error| thrown(&error))?;
        Ok(u32::try_from(cleared).unwrap_or(u32::MAX))
    }

    /// Closes the phone and gives its files back, for another tab or person.
    pub fn close(&mut self) -> Result<(), String> {
        (self.sync, self.upload, self.incidents, self.phone) = (None, None, None, None);
        self.pool.give_back().map_err(|error| failed(&error))
    }
}

/// What can still be read of a store that does not open.
#[wasm_bindgen]
pub struct BrowserSalvage {
    pool: Rc<Pool>,
    place: Option<BrowserPlace>,
    keys: Vec<KeyParts>,
    remembered: Option<Remembered>,
    signatures: Signatures,
    signing: Option<(DeviceId, Vec<u8>)>,
    rescue: Option<Rescue>,
}

#[wasm_bindgen]
impl BrowserSalvage {
    /// Opens the files of a person to read them, and for nothing else.
    ///
    /// - **Shape**: as of [`BrowserPhone::open`]; `remembered` is the JSON of whose store it is; empty where nobody knows.
    pub async fn open(
        name: String,
        cipher: String,
        key_bytes: Vec<u8>,
        remembered: &str,
    ) -> Result<BrowserSalvage, String> {
        let remembered = serde_json::from_str(remembered).ok();
        let keys = keys(&key_bytes)?;
        let pool = pool::pool(&name).await.map_err(|error| failed(&error))?;
        let place = BrowserPlace::to_read(&pool, &cipher, keys.clone()).map_err(|error| thrown(&error));
        if place.is_err() {
            let _ = pool.give_back();
        }
        let (signatures, signing) = (Signatures::default(), None);
        Ok(Self { place: Some(place?), pool, keys, remembered, signatures, signing, rescue: None })
    }

    /// As [`BrowserPhone::rescue_begin`].
    pub fn rescue_begin(&mut self, now_ms: u64, signature: Option<Vec<u8>>) -> Result<Step, String> {
        let place = self.place.as_ref().ok_or_else(|| failed("closed"))?;
        let key = self.keys.last().map(KeyParts::key).ok_or_else(|| malformed("keys"))?;
        if let (Some((dev, bytes)), Some(signature)) = (self.signing.take(), signature) {
            self.signatures.hold(dev, bytes, signature);
        }
        let remembered = self.remembered.clone();
        let rescue = device::salvage(place, &key, remembered, now_ms, &mut self.signatures);
        let rescue = rescue.map_err(|error| thrown(&error))?;
        Ok(begun(rescue, &mut self.signatures, &mut self.signing, &mut self.rescue))
    }

    /// As [`BrowserPhone::rescue_next`].
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let (Some(place), Some(rescue)) = (&self.place, self.rescue.as_mut()) else {
            return Err(failed("no rescue file"));
        };
        rescue.next(&*place.files()).map_err(|error| thrown(&error))
    }

    /// As [`BrowserPhone::rescue_key`], once it is begun.
    pub fn rescue_key(&self) -> Option<Vec<u8>> {
        self.rescue.as_ref().and_then(Rescue::key).map(|it| it.key.to_vec())
    }

    /// Gives the files back.
    pub fn close(&mut self) -> Result<(), String> {
        (self.place, self.rescue) = (None, None);
        self.pool.give_back().map_err(|error| failed(&error))
    }
}

/// What is to be signed next for a rescue file, or that it stands.
fn begun(
    rescue: Rescue,
    signatures: &mut Signatures,
    signing: &mut Option<(DeviceId, Vec<u8>)>,
    held: &mut Option<Rescue>,
) -> Step {
    if let Some((dev, bytes)) = signatures.take_wanted().into_iter().next() {
        *signing = Some((dev, bytes.clone()));
        return Step::with("sign", dev.to_string(), bytes);
    }
    *signatures = Signatures::default();
    let holds = to_json(&rescue.facts());
    *held = Some(rescue);
    Step::with("done", holds, Vec::new())
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What is to be done outside: `kind` says what, `text` and `bytes` with what.
#[wasm_bindgen]
pub struct Step {
    kind: &'static str,
    text: String,
    bytes: Vec<u8>,
}

impl Step {
    fn with(kind: &'static str, text: String, bytes: Vec<u8>) -> Self {
        Self { kind, text, bytes }
    }
}

#[wasm_bindgen]
impl Step {
    /// `sign`, `send`, `query`, `part` or `done`.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        self.kind.to_owned()
    }

    /// The device whose key is asked for; the JSON of a part; the JSON of how it ended.
    #[wasm_bindgen(getter)]
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// What is to be signed or sent.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

#[derive(Serialize)]
struct Part {
    blob: String,
    size: u64,
    offset: u64,
    hash: String,
}

/// How a run ended.
#[derive(Serialize)]
struct Ended {
    /// `done`, `backoff`, `auth_needed`, `recover`, `refused`, `paused` or `exchange_first`.
    how: &'static str,
    /// The cause of a recovery, or why photos rest.
    cause: Option<String>,
    /// Milliseconds to wait before the next try.
    wait_ms: Option<u64>,
    /// Whether trying again later can help.
    temporary: bool,
    /// Of an exchange: whether something came. Of photos: whether the server has to hear of them in an exchange.
    news: bool,
    /// Whether the app is too old to read.
    push_only: bool,
    /// What happened, for people; none if all is well.
    problem: Option<Problem>,
}

impl Ended {
    fn of(outcome: &Finish) -> Self {
        let (how, cause, wait_ms) = match outcome {
            Finish::Done(_) => ("done", None, None),
            Finish::Backoff { wait_ms, .. } => ("backoff", None, Some(*wait_ms)),
            Finish::AuthNeeded { reason } => ("auth_needed", Some(reason.clone()), None),
            Finish::Recover(cause) => ("recover", Some(cause.code().to_owned()), None),
            Finish::Refused { reason, .. } => ("refused", Some(reason.clone()), None),
        };
        let (news, push_only) = match outcome {
            Finish::Done(summary) => (summary.pulled > 0, summary.push_only),
            _ => (false, false),
        };
        let (temporary, problem) = (Sync::is_temporary(outcome), Sync::problem(outcome));
        Self { how, cause, wait_ms, temporary, news, push_only, problem }
    }

    fn of_photos(finish: &lane::Finish, summary: &lane::Summary) -> Self {
        let (how, cause, wait_ms) = match finish {
            lane::Finish::Done(_) => ("done", None, None),
            lane::Finish::Paused { cause, wait_ms } => {
                ("paused", Some(cause.code().to_owned()), Some(*wait_ms))
            }
            lane::Finish::Backoff { wait_ms, .. } => ("backoff", None, Some(*wait_ms)),
            lane::Finish::ExchangeFirst => ("exchange_first", None, None),
            lane::Finish::AuthNeeded { reason } => ("auth_needed", Some(reason.clone()), None),
            lane::Finish::Refused { reason, .. } => ("refused", Some(reason.clone()), None),
        };
        let news = summary.stored.saturating_add(summary.had).saturating_add(summary.lost) > 0;
        let (temporary, problem) = (Upload::is_temporary(finish), Upload::problem(finish));
        Self { how, cause, wait_ms, temporary, news, push_only: false, problem }
    }

    fn of_incidents(end: &IncidentsEnd) -> Self {
        let problem = end.problem();
        let how = if problem.is_some() { "backoff" } else { "done" };
        let (temporary, news) = (problem.is_some(), end.sent > 0);
        Self { how, cause: None, wait_ms: None, temporary, news, push_only: false, problem }
    }

    fn json(&self) -> String {
        to_json(self)
    }
}
