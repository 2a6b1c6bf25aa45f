//! One person's phone, as a shell holds it: every call takes the one lock, does its work and gives it back. Nothing in here waits for a
//! network or a signature.

use std::path::Path;

use device::{Device, DeviceError, Folder, TransportError};
use sync_core::ingest::Enrolment;

use crate::{
    PhoneError,
    keys::{self, Keys, place},
    shared::{Answer, Shared, to_json},
    steps::{Holds, Rest, Step, of_incidents, to_sign},
};

/// One person's phone.
#[derive(uniffi::Object)]
pub struct Phone(Shared<screens::Phone>);

impl Phone {
    fn with<T>(&self, work: impl FnOnce(&mut screens::Phone) -> Answer<T>) -> Answer<T> {
        self.0.with(work)
    }
}

/// The next step; signs as long as the core has the key itself.
fn signing(
    phone: &mut screens::Phone,
    next: fn(&mut screens::Phone) -> Result<screens::Step, DeviceError>,
    signed: fn(&mut screens::Phone, Vec<u8>),
) -> Answer<screens::Step> {
    loop {
        match next(phone)? {
            screens::Step::Sign { bytes, .. } if phone.device().signs_itself() => {
                let signature = phone.device().sign(&bytes)?;
                signed(phone, signature);
            }
            step => return Ok(step),
        }
    }
}

#[uniffi::export]
impl Phone {
    /// Opens the phone of a folder, or makes it. The folder is the app's own and in no backup: a copy of it is not this device.
    #[uniffi::constructor]
    pub fn open(folder: String, keys: Keys) -> Answer<Self> {
        let folder = Path::new(&folder);
        let (kept, new) = (keys.kept()?, keys.for_a_new_phone()?);
        let device = Device::open_or_create_in(place(Folder::make(folder)?, kept), new)?;
        Ok(Self(Shared::new(screens::Phone::over(device))))
    }

    /// Closes the phone and gives its folder back, for another process; whatever is asked of it later is refused.
    pub fn give_back(&self) {
        self.0.give_back();
    }

    /// Answers one message of a screen with the next view, both JSON (`phone/src/core/messages.schema.json`); what is refused is an
    /// answer too.
    pub fn handle(&self, message: String) -> Answer<String> {
        self.with(|phone| Ok(phone.handle(&message)))
    }

    /// Keeps a photo: its facts as JSON (`Photo` of the same schema), its bytes, and the picture as the camera gave it where they are a
    /// smaller copy of it. Answers as `handle`.
    pub fn attach(&self, photo: String, bytes: Vec<u8>, original: Option<Vec<u8>>) -> Answer<String> {
        self.with(|phone| Ok(phone.attach(&photo, &bytes, original.as_deref())))
    }

    /// The bytes of a photo that is on this phone, by its hash.
    pub fn photo(&self, blob: String) -> Answer<Vec<u8>> {
        self.with(|phone| Ok(phone.photo(&blob)?))
    }

    /// How much is not on the server, as JSON (`SyncState` of the same schema).
    pub fn sync_state(&self) -> Answer<String> {
        self.with(|phone| to_json(&phone.sync_state()?))
    }

    /// How much room there is where the folder lies, in bytes: it decides whether photos are taken; where it is short, pictures as the
    /// camera gave them go.
    pub fn tell_free_space(&self, bytes: u64) -> Answer<()> {
        self.with(|phone| Ok(phone.tell_free_space(bytes)?))
    }

    /// Clears photos that are not needed here any more; how many. For after a run, or a night.
    pub fn evict(&self, now_ms: u64) -> Answer<u32> {
        self.with(|phone| Ok(u32::try_from(phone.device().evict(now_ms)?).unwrap_or(u32::MAX)))
    }

    /// The device's id, whose key signs.
    pub fn device_id(&self) -> Answer<String> {
        self.with(|phone| Ok(phone.device().dev().to_string()))
    }

    /// What the platform's key signs to enrol with a one-time code.
    pub fn enrolment_bytes(&self, code: String) -> Answer<Vec<u8>> {
        self.with(|phone| Ok(phone.device().enrolment_bytes(&code)))
    }

    /// The JSON to POST to `/api/v1/devices/enrol`, with that signature; with none where the key is in the folder.
    pub fn enrolment_request(&self, code: String, signature: Option<Vec<u8>>) -> Answer<String> {
        let signature = signature.map(keys::signature).transpose()?;
        self.with(|phone| {
            to_json(&match signature {
                Some(signature) => phone.device().signed_enrolment(&code, signature)?,
                None => phone.device().enrolment_request(&code)?,
            })
        })
    }

    /// Keeps the JSON that the office answered to it, or to a succession.
    pub fn enrolled(&self, answer: String) -> Answer<()> {
        let enrolment: Enrolment =
            serde_json::from_str(&answer).map_err(|error| PhoneError::malformed(&error.to_string()))?;
        self.with(|phone| Ok(phone.device().enrolled(&enrolment)?))
    }

    /// The token of the session, for `Authorization: Bearer`; none before this phone is enrolled. A secret.
    pub fn token(&self) -> Answer<Option<String>> {
        self.with(|phone| Ok(phone.device().enrolment()?.map(|it| it.token)))
    }

    /// Begins to hand in reports of incidents: before all else.
    pub fn incidents_begin(&self) -> Answer<()> {
        self.with(|phone| Ok(phone.incidents_begin()?))
    }

    /// What handing them in comes to next: `Sign`, `HandIn` or `Done`.
    pub fn incidents_next(&self) -> Answer<Step> {
        self.with(|phone| {
            let step = signing(phone, screens::Phone::incidents_next, screens::Phone::incidents_signed)?;
            Ok(of_incidents(step))
        })
    }

    /// Goes on after `Sign`, with the signature: 64 bytes, or DER.
    pub fn incidents_signed(&self, signature: Vec<u8>) -> Answer<()> {
        let signature = keys::signature(signature)?;
        self.with(|phone| {
            phone.incidents_signed(signature);
            Ok(())
        })
    }

    /// Goes on after `HandIn`, with the HTTP status of the office's answer and the `code` of a refusal; 0 and why, where none came.
    pub fn incidents_answered(&self, status: u16, code: String) -> Answer<()> {
        self.with(|phone| {
            phone.incidents_answered(status, code);
            Ok(())
        })
    }

    /// Begins to synchronise edits: milliseconds since 1970, any random number.
    pub fn sync_begin(&self, now_ms: u64, jitter: u32) -> Answer<()> {
        self.with(|phone| Ok(phone.sync_begin(now_ms, jitter)?))
    }

    /// What synchronising comes to next: `Sign`, `Send` or `Done`.
    pub fn sync_next(&self) -> Answer<Step> {
        self.with(|phone| Ok(signing(phone, screens::Phone::sync_next, screens::Phone::sync_signed)?.into()))
    }

    /// Goes on after `Sign`, with the signature: 64 bytes, or DER.
    pub fn sync_signed(&self, signature: Vec<u8>) -> Answer<()> {
        let signature = keys::signature(signature)?;
        self.with(|phone| {
            phone.sync_signed(signature);
            Ok(())
        })
    }

    /// Goes on after `Send`, with the body of the answer.
    pub fn sync_answered(&self, body: Vec<u8>) -> Answer<()> {
        self.with(|phone| {
            phone.sync_answered(Ok(body));
            Ok(())
        })
    }

    /// Goes on after `Send` where no answer of the office came, with why, for the log.
    pub fn sync_unreachable(&self, why: String) -> Answer<()> {
        self.with(|phone| {
            phone.sync_answered(Err(TransportError(why)));
            Ok(())
        })
    }

    /// Begins to send photos, after edits, or to say why they rest.
    pub fn upload_begin(&self, rest: Option<Rest>, now_ms: u64, jitter: u32) -> Answer<()> {
        self.with(|phone| Ok(phone.upload_begin(false, rest.map(Into::into), now_ms, jitter)?))
    }

    /// Begins to send pictures as the camera gave them, after all else and on a network that costs nothing; it goes on as photos do.
    pub fn originals_begin(&self, now_ms: u64, jitter: u32) -> Answer<()> {
        self.with(|phone| Ok(phone.upload_begin(true, None, now_ms, jitter)?))
    }

    /// What sending photos comes to next: `Send`, `SendPart` or `Done`.
    pub fn upload_next(&self) -> Answer<Step> {
        self.with(|phone| Ok(phone.upload_next()?.into()))
    }

    /// Goes on after `Send` or `SendPart`, with the body of the answer.
    pub fn upload_answered(&self, body: Vec<u8>) -> Answer<()> {
        self.with(|phone| {
            phone.upload_answered(Ok(body));
            Ok(())
        })
    }

    /// Goes on where no answer of the office came, with why, for the log.
    pub fn upload_unreachable(&self, why: String) -> Answer<()> {
        self.with(|phone| {
            phone.upload_answered(Err(TransportError(why)));
            Ok(())
        })
    }

    /// Goes on as a new device after a run that ended as `Recover` with the cause `recover_fork`, with the newest of these keys, which
    /// the platform has kept before. Gives what is to be signed (`Sign`); call it again with the signature until it gives none.
    pub fn renew(&self, keys: Keys, signature: Option<Vec<u8>>) -> Answer<Option<Step>> {
        let key = keys.newest()?;
        let signature = signature.map(keys::signature).transpose()?;
        self.with(|phone| Ok(phone.renew(key, signature)?.map(to_sign)))
    }

    /// The JSON to POST to `/api/v1/devices/succession` with the token before the next exchange, after a renewal; its answer goes
    /// to `enrolled`. None if nothing is to be told. Reports of incidents do not wait for it.
    pub fn succession(&self) -> Answer<Option<String>> {
        self.with(|phone| phone.device().succession()?.map(|it| to_json(&it)).transpose())
    }

    /// What the shell remembers beside the folder, for `Salvage`, as JSON; none before this phone is enrolled. No secret.
    pub fn remembered(&self) -> Answer<Option<String>> {
        self.with(|phone| phone.remembered()?.map(|it| to_json(&it)).transpose())
    }

    /// Begins a rescue file of all that the office may lack. Gives what is to be signed (`Sign`); call it again with the signature until
    /// it gives none.
    pub fn rescue_begin(&self, now_ms: u64, signature: Option<Vec<u8>>) -> Answer<Option<Step>> {
        let signature = signature.map(keys::signature).transpose()?;
        self.with(|phone| Ok(phone.rescue_begin(now_ms, signature)?.map(to_sign)))
    }

    /// What the rescue file will hold, once it is begun.
    pub fn rescue_holds(&self) -> Answer<Option<Holds>> {
        self.with(|phone| Ok(phone.rescue().map(Into::into)))
    }

    /// The next bytes of the rescue file, to be sealed; none once it is whole.
    pub fn rescue_next(&self) -> Answer<Option<Vec<u8>>> {
        self.with(|phone| Ok(phone.rescue_next()?))
    }
}
