//! What JavaScript calls. Every error is thrown as the JSON text of a problem (`domain::Problem`).

use std::rc::Rc;

use device::{Device, DeviceError, PlatformKey, Rescue, TransportError};
use domain::Problem;
use screens::{Phone, Salvage, ToSign};
use serde::Serialize;
use sync_core::{ingest::Enrolment, lane::Pause};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::pool::{self, BrowserPlace, Pool};

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
}

/// Keys as the page keeps them: 32 bytes of secret and 65 of public key, one after the other.
fn keys(bytes: &[u8]) -> Result<Vec<PlatformKey>, String> {
    let keys =
        bytes.chunks(97).map(|it| it.split_first_chunk::<32>().and_then(|(s, p)| PlatformKey::parse(*s, p)));
    keys.collect::<Option<_>>().ok_or_else(|| malformed("keys"))
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
        Ok(Self { phone: Some(phone?), pool })
    }

    fn phone_of(pool: &Pool, cipher: &str, keys: &[PlatformKey], make: bool) -> Result<Phone, DeviceError> {
        let new = keys.last().filter(|_| make).map(PlatformKey::key);
        let place = BrowserPlace::of(pool, cipher, keys.to_vec())?;
        Device::open_or_create_in(Box::new(place), new).map(Phone::over)
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
        self.phone()?.tell_free_space(bytes).map_err(|error| thrown(&error))
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
            domain::json::read(json.as_bytes()).map_err(|error| malformed(&error.to_string()))?;
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
        self.phone()?.sync_begin(now_ms, jitter).map_err(|error| thrown(&error))
    }

    /// What synchronising comes to next.
    pub fn sync_next(&mut self) -> Result<Step, String> {
        Step::of(self.phone()?.sync_next())
    }

    /// Goes on with a signature.
    pub fn sync_signed(&mut self, signature: Vec<u8>) {
        if let Some(phone) = self.phone.as_mut() {
            phone.sync_signed(signature);
        }
    }

    /// Goes on with the body of a reply.
    pub fn sync_answered(&mut self, body: Vec<u8>) {
        if let Some(phone) = self.phone.as_mut() {
            phone.sync_answered(Ok(body));
        }
    }

    /// Goes on without a reply.
    pub fn sync_unreachable(&mut self, why: String) {
        if let Some(phone) = self.phone.as_mut() {
            phone.sync_answered(Err(TransportError(why)));
        }
    }

    /// Begins to hand in reports of incidents.
    pub fn incidents_begin(&mut self) -> Result<(), String> {
        self.phone()?.incidents_begin().map_err(|error| thrown(&error))
    }

    /// What handing them in comes to next.
    pub fn incidents_next(&mut self) -> Result<Step, String> {
        Step::of(self.phone()?.incidents_next())
    }

    /// Goes on with a signature.
    pub fn incidents_signed(&mut self, signature: Vec<u8>) {
        if let Some(phone) = self.phone.as_mut() {
            phone.incidents_signed(signature);
        }
    }

    /// Goes on with the HTTP status of the answer, 0 where none came, and the code of a refusal.
    pub fn incidents_answered(&mut self, status: u16, code: String) {
        if let Some(phone) = self.phone.as_mut() {
            phone.incidents_answered(status, code);
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
        self.phone()?.upload_begin(originals, pause, now_ms, jitter).map_err(|error| thrown(&error))
    }

    /// What sending photos comes to next.
    pub fn upload_next(&mut self) -> Result<Step, String> {
        Step::of(self.phone()?.upload_next())
    }

    /// Goes on with the body of a reply.
    pub fn upload_answered(&mut self, body: Vec<u8>) {
        if let Some(phone) = self.phone.as_mut() {
            phone.upload_answered(Ok(body));
        }
    }

    /// Goes on without a reply.
    pub fn upload_unreachable(&mut self, why: String) {
        if let Some(phone) = self.phone.as_mut() {
            phone.upload_answered(Err(TransportError(why)));
        }
    }

    /// Goes on as a new device after the outcome `recover`, with the newest key, which the page has kept: what is to be signed for it
    /// comes one by one as `sign` (with the device whose key is asked for), and then `done`.
    pub fn renew(&mut self, key_bytes: &[u8], signature: Option<Vec<u8>>) -> Result<Step, String> {
        let keys = keys(key_bytes)?;
        let new = keys.last().ok_or_else(|| malformed("keys"))?;
        let wanted = self.phone()?.renew(new.key(), signature).map_err(|error| thrown(&error))?;
        Ok(Step::to_sign(wanted, None))
    }

    /// The JSON of what the server is to be told before the next exchange after a renewal, and after reports; none if nothing.
    pub fn succession(&mut self) -> Result<Option<String>, String> {
        let succession = self.phone()?.device().succession().map_err(|error| thrown(&error))?;
        Ok(succession.map(|it| to_json(&it)))
    }

    /// The point of P-256 that the rescue file is sealed for, once it is begun; none where the office gave none.
    pub fn rescue_key(&self) -> Option<Vec<u8>> {
        sealed_for(self.phone.as_ref().and_then(Phone::rescue))
    }

    /// What of the enrolment the page remembers beside the store, as JSON: whose it is and what rescue files are sealed for.
    pub fn remembered(&mut self) -> Result<Option<String>, String> {
        let remembered = self.phone()?.remembered().map_err(|error| thrown(&error))?;
        Ok(remembered.map(|it| to_json(&it)))
    }

    /// Begins a rescue file: what is to be signed for it comes one by one as `sign`, and then `done` with the JSON of what it holds.
    pub fn rescue_begin(&mut self, now_ms: u64, signature: Option<Vec<u8>>) -> Result<Step, String> {
        let phone = self.phone()?;
        let wanted = phone.rescue_begin(now_ms, signature).map_err(|error| thrown(&error))?;
        Ok(Step::to_sign(wanted, phone.rescue()))
    }

    /// The next bytes of the rescue file, to be sealed; none once it is whole.
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, String> {
        self.phone()?.rescue_next().map_err(|error| thrown(&error))
    }

    /// Clears photos that are not needed here any more.
    pub fn evict(&mut self, now_ms: u64) -> Result<u32, String> {
        let cleared = self.phone()?.device().evict(now_ms).map_err(|error| thrown(&error))?;
        Ok(u32::try_from(cleared).unwrap_or(u32::MAX))
    }

    /// Closes the phone and gives its files back, for another tab or person.
    pub fn close(&mut self) -> Result<(), String> {
        self.phone = None;
        self.pool.give_back().map_err(|error| failed(&error))
    }
}

/// What can still be read of a store that does not open.
#[wasm_bindgen]
pub struct BrowserSalvage {
    pool: Rc<Pool>,
    salvage: Option<Salvage>,
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
        let remembered = domain::json::read(remembered.as_bytes()).ok();
        let keys = keys(&key_bytes)?;
        let key = keys.last().map(PlatformKey::key).ok_or_else(|| malformed("keys"))?;
        let pool = pool::pool(&name).await.map_err(|error| failed(&error))?;
        let place = BrowserPlace::to_read(&pool, &cipher, keys);
        let salvage = place.and_then(|it| Salvage::of(Box::new(it), key, remembered));
        if salvage.is_err() {
            let _ = pool.give_back();
        }
        Ok(Self { salvage: Some(salvage.map_err(|error| thrown(&error))?), pool })
    }

    fn salvage(&mut self) -> Result<&mut Salvage, String> {
        self.salvage.as_mut().ok_or_else(|| failed("closed"))
    }

    /// As [`BrowserPhone::rescue_begin`].
    pub fn rescue_begin(&mut self, now_ms: u64, signature: Option<Vec<u8>>) -> Result<Step, String> {
        let salvage = self.salvage()?;
        let wanted = salvage.rescue_begin(now_ms, signature).map_err(|error| thrown(&error))?;
        Ok(Step::to_sign(wanted, salvage.rescue()))
    }

    /// As [`BrowserPhone::rescue_next`].
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, String> {
        self.salvage()?.rescue_next().map_err(|error| thrown(&error))
    }

    /// As [`BrowserPhone::rescue_key`], once it is begun.
    pub fn rescue_key(&self) -> Option<Vec<u8>> {
        sealed_for(self.salvage.as_ref().and_then(Salvage::rescue))
    }

    /// Gives the files back.
    pub fn close(&mut self) -> Result<(), String> {
        self.salvage = None;
        self.pool.give_back().map_err(|error| failed(&error))
    }
}

fn sealed_for(rescue: Option<&Rescue>) -> Option<Vec<u8>> {
    rescue.and_then(Rescue::key).map(|it| it.key.to_vec())
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

    /// What is to be signed next, or that all is; `rescue` is the file that then stands.
    fn to_sign(wanted: Option<ToSign>, rescue: Option<&Rescue>) -> Self {
        match wanted {
            Some((dev, bytes)) => Self::with("sign", dev.to_string(), bytes),
            None => Self::with("done", rescue.map(|it| to_json(&it.facts())).unwrap_or_default(), Vec::new()),
        }
    }

    fn of(step: Result<screens::Step, DeviceError>) -> Result<Self, String> {
        Ok(match step.map_err(|error| thrown(&error))? {
            screens::Step::Sign { dev, bytes } => Self::with("sign", dev.to_string(), bytes),
            screens::Step::Send(bytes) => Self::with("send", String::new(), bytes),
            screens::Step::Query(bytes) => Self::with("query", String::new(), bytes),
            screens::Step::Part { blob, offset, hash, bytes } => {
                let part =
                    Part { blob: blob.id.to_string(), size: blob.size, offset, hash: hash.to_string() };
                Self::with("part", to_json(&part), bytes)
            }
            screens::Step::Done(ended) => Self::with("done", to_json(&*ended), Vec::new()),
        })
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
