//! The device's end of the blob lane: executes the effects of `sync-core`'s lane, each in its own durable transaction, over any
//! transport. Owns how what a run learned enters the store, and how its end is told to people.

use domain::Problem;
use sync_core::{
    Hash,
    blob::BlobReply,
    codec,
    lane::{Effect, Event, FileState, Finish, Keep, Lane, Loaded, Mark, Part, Pause, Summary, step},
    payload::{BlobRef, LossCause},
};

use crate::{
    DeviceError, originals, photos, place,
    store::{self, Device},
    sync::{TransportError, not_enrolled},
};

/// What the server said this long ago it is asked again, as long as the file is here, in milliseconds.
pub(crate) const ASK_AGAIN_MS: u64 = 12 * 60 * 60 * 1_000;
/// The size of parts that the last run came down to.
const CHUNK: &str = "blob_chunk";

/// Carries one request of the lane to the server and its reply back, whatever the HTTP status; the session's token is the
/// transport's. Anything but the server's reply (no connection, a captive portal) is an error.
pub trait BlobTransport {
    /// Sends the CBOR of a [`sync_core::blob::BlobQuery`] and gives the CBOR of the [`BlobReply`].
    ///
    /// # Errors
    /// If no body came back.
    fn query(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError>;

    /// Sends a part of a blob with the hash of the part, and gives the CBOR of the [`BlobReply`].
    ///
    /// # Errors
    /// If no body came back.
    fn part(
        &mut self,
        blob: &BlobRef,
        offset: u64,
        hash: &Hash,
        bytes: &[u8],
    ) -> Result<Vec<u8>, TransportError>;
}

/// What a run of the lane comes to next.
#[derive(Debug)]
pub enum NextPart {
    /// There is more to do here.
    GoOn,
    /// This CBOR of a [`sync_core::blob::BlobQuery`] is to be sent.
    Query(Vec<u8>),
    /// A part of a photo is to be sent.
    Send {
        /// The photo.
        blob: BlobRef,
        /// Where the part begins, in bytes.
        offset: u64,
        /// Hash of the part.
        hash: Hash,
        /// The part.
        bytes: Vec<u8>,
    },
    /// The run is over.
    Finished(Finish),
}

/// A device's photos on their way; it may be dropped at any moment and made anew.
pub struct Upload {
    lane: Lane,
    next: Vec<Effect>,
    now_ms: u64,
    originals: bool,
    failure: Option<TransportError>,
}

impl Upload {
    /// The lane of a device that is enrolled.
    ///
    /// - **Errors**: `not_enrolled`; storage.
    pub fn new(device: &Device) -> Result<Self, DeviceError> {
        device.enrolment()?.ok_or_else(not_enrolled)?;
        Ok(Self {
            lane: Lane::new(device.dev()),
            next: Vec::new(),
            now_ms: 0,
            originals: false,
            failure: None,
        })
    }

    /// What the run did so far.
    pub fn summary(&self) -> &Summary {
        self.lane.summary()
    }

    /// Why the last request brought no reply.
    pub fn failure(&self) -> Option<&TransportError> {
        self.failure.as_ref()
    }

    /// The same lane for pictures as the camera gave them ([`Device::photo_of`]): for a line that costs nothing, once all else is sent.
    ///
    /// - **Errors**: `not_enrolled`; storage.
    pub fn of_originals(device: &Device) -> Result<Self, DeviceError> {
        Ok(Self { originals: true, ..Self::new(device)? })
    }

    /// Sends what is not sent, until nothing is left or something stops it. Ops go first: an exchange comes before.
    ///
    /// - **Shape**: `jitter` is any random number.
    /// - **Errors**: storage only; what the server, the network or a file does is in the outcome.
    pub fn run(
        &mut self,
        device: &mut Device,
        transport: &mut dyn BlobTransport,
        pause: Option<Pause>,
        jitter: u32,
        now_ms: u64,
    ) -> Result<Finish, DeviceError> {
        self.begin(pause, jitter, now_ms);
        loop {
            if let Some(finish) = self.advance(device, transport)? {
                return Ok(finish);
            }
        }
    }

    /// Begins a run without executing anything.
    pub fn begin(&mut self, pause: Option<Pause>, jitter: u32, now_ms: u64) {
        self.now_ms = now_ms;
        self.next = step(&mut self.lane, Event::Begin { jitter, pause });
    }

    /// Ends the run at its next rest.
    pub fn pause(&mut self, cause: Pause) {
        // It takes effect where the run next has to do something: there is nothing to execute.
        let _ = step(&mut self.lane, Event::Pause(cause));
    }

    /// Executes one effect of the run; how it ended, once it is over.
    ///
    /// - **Errors**: storage.
    pub fn advance(
        &mut self,
        device: &mut Device,
        transport: &mut dyn BlobTransport,
    ) -> Result<Option<Finish>, DeviceError> {
        match self.next(device)? {
            NextPart::Finished(finish) => return Ok(Some(finish)),
            NextPart::GoOn => {}
            NextPart::Query(request) => self.answered(transport.query(&request)),
            NextPart::Send { blob, offset, hash, bytes } => {
                self.answered(transport.part(&blob, offset, &hash, &bytes));
            }
        }
        Ok(None)
    }

    /// Executes one effect of the run, for whoever waits for replies without holding the device: it goes on with
    /// [`Self::answered`].
    ///
    /// - **Errors**: storage.
    pub fn next(&mut self, device: &mut Device) -> Result<NextPart, DeviceError> {
        let Some(effect) = self.next.pop() else {
            return Err(DeviceError::corrupt("the lane of photos stopped without an end"));
        };
        let event = match effect {
            Effect::Finish(finish) => return Ok(NextPart::Finished(finish)),
            Effect::Load { after, limit } => {
                if after.is_none() {
                    device.adopt_blobs(self.now_ms)?;
                }
                Event::Loaded(device.blobs_to_send(self.originals, after, limit, self.now_ms)?)
            }
            Effect::Query(query) => return Ok(NextPart::Query(codec::to_cbor(&query)?)),
            Effect::Check(blob) => Event::Checked(device.blob_state(&blob)?),
            Effect::Send(Part { blob, offset, len }) => match device.blobs.read(&blob.id, offset, len) {
                Ok(bytes) => return Ok(NextPart::Send { blob, offset, hash: Hash::of(&bytes), bytes }),
                Err(_) => Event::Checked(FileState::Lost(LossCause::Missing)),
            },
            Effect::Keep(keep) => {
                device.keep_blobs(&keep, self.now_ms)?;
                Event::Kept
            }
        };
        self.next = step(&mut self.lane, event);
        Ok(NextPart::GoOn)
    }

    /// Goes on after a request, with the CBOR of the [`BlobReply`], or why none came.
    pub fn answered(&mut self, reply: Result<Vec<u8>, TransportError>) {
        let event = self.event_of(reply);
        self.next = step(&mut self.lane, event);
    }

    fn event_of(&mut self, reply: Result<Vec<u8>, TransportError>) -> Event {
        let decoded = reply.and_then(|it| {
            codec::from_cbor::<BlobReply>(&it).map_err(|error| TransportError(error.to_string()))
        });
        match decoded {
            Ok(reply) => Event::Answered(Box::new(reply)),
            Err(failure) => {
                self.failure = Some(failure);
                Event::Unreachable
            }
        }
    }

    /// How a run ended as a problem for people; none if all is well or photos only rest.
    pub fn problem(finish: &Finish) -> Option<Problem> {
        let single = |status, code: &str, es: &str, en: &str| Some(Problem::single(status, code, es, en));
        match finish {
            Finish::Done(_) | Finish::Paused { .. } => None,
            Finish::Backoff { reason, .. } => single(
                503,
                reason,
                "No se enviaron todas las fotos; las que faltan siguen en el dispositivo y se enviarán después",
                "not all photos were sent; the rest are safe on the device and will be sent later",
            ),
            Finish::ExchangeFirst => single(
                409,
                "exchange_first",
                "El servidor fue restaurado: sincronice otra vez; las fotos siguen en el dispositivo",
                "the server was restored: synchronise again; the photos are safe on the device",
            ),
            Finish::AuthNeeded { reason } => single(
                401,
                reason,
                "El servidor no reconoce la sesión de este dispositivo; inicie sesión otra vez",
                "the server does not accept this device's session; log in again",
            ),
            Finish::Refused { code, reason } => single(
                code.status(),
                reason,
                "El servidor rechaza las fotos de este dispositivo; siguen aquí. Avise a soporte",
                "the server refuses the photos of this device; they are still here. Tell support",
            ),
        }
    }

    /// Whether trying again later, after an exchange, can help.
    pub fn is_temporary(finish: &Finish) -> bool {
        matches!(finish, Finish::Backoff { .. } | Finish::ExchangeFirst)
    }

    /// Why photos rest, in Spanish and in English.
    pub fn explain(cause: Pause) -> (&'static str, &'static str) {
        match cause {
            Pause::ByHand => ("Las fotos quedan para después", "photos are left for later"),
            Pause::Metered => (
                "Las fotos esperan una red que no se pague por datos",
                "photos wait for a network that is not paid by the byte",
            ),
            Pause::LowBattery => {
                ("Las fotos esperan a que haya batería", "photos wait until there is battery")
            }
            Pause::Server => (
                "El servidor pidió esperar con las fotos; las respuestas sí llegaron",
                "the server asked photos to wait; the answers have arrived",
            ),
            Pause::Quota => (
                "Se alcanzó lo que se puede enviar en fotos por hoy; las respuestas sí llegaron",
                "what may be sent of photos today is used up; the answers have arrived",
            ),
        }
    }
}

impl Device {
    /// What a file that is to be sent holds. The server asks for it, so what it said of it before holds no more.
    fn blob_state(&self, blob: &BlobRef) -> Result<FileState, DeviceError> {
        let wanted = "UPDATE blobs SET confirmed = NULL WHERE id = ?1 AND confirmed IS NOT NULL";
        self.conn.prepare_cached(wanted)?.execute([blob.id.0])?;
        let state = place::state_of(&*self.blobs, blob);
        let is_evicted = "SELECT evicted FROM blobs WHERE id = ?1";
        if state != FileState::Intact && self.conn.query_row(is_evicted, [blob.id.0], |row| row.get(0))? {
            return Ok(FileState::Lost(LossCause::Evicted));
        }
        Ok(state)
    }

    /// Blobs that some audit needs and the server has not confirmed in this epoch, nor of late, nor since a copy is said to hold them:
    /// also those that are lost here, since another phone may have brought them, and those that it refused, since its limits may have
    /// changed.
    fn blobs_to_send(
        &self,
        originals: bool,
        after: Option<BlobRef>,
        limit: usize,
        now_ms: u64,
    ) -> Result<Loaded, DeviceError> {
        let epoch = store::get_number(&self.conn, "epoch")?;
        let chunk = store::get_number(&self.conn, CHUNK)?.and_then(|it| u32::try_from(it).ok());
        let after = after.unwrap_or(BlobRef { id: Hash::ZERO, size: 0 });
        let which = match originals {
            true => originals::IS_WANTED,
            false => "EXISTS (SELECT 1 FROM needed WHERE blob = blobs.id)",
        };
        let mut list = self.conn.prepare_cached(&format!(
            "SELECT id, size FROM blobs WHERE (size, id) > (?1, ?2) AND (confirmed IS NULL OR confirmed IS NOT ?3 \
             OR asked_ms = 0 OR (NOT evicted AND (abs(coalesce(asked_ms, stored_ms, 0) - ?5) > ?6 \
             OR (stored_dseq < ?7 AND coalesce(had_durable, 0) <= stored_dseq)))) \
             AND {which} ORDER BY size, id LIMIT ?4",
        ))?;
        let durable_through = store::get_number(&self.conn, "durable_through")?.unwrap_or(0);
        let of_late = (now_ms.cast_signed(), ASK_AGAIN_MS);
        let bounds =
            (after.size, after.id.0, epoch, limit.saturating_add(1), of_late.0, of_late.1, durable_through);
        let rows = list.query_map(bounds, |row| Ok(BlobRef { id: Hash(row.get(0)?), size: row.get(1)? }))?;
        let mut blobs: Vec<BlobRef> = rows.collect::<Result<_, _>>()?;
        let more = blobs.len() > limit;
        blobs.truncate(limit);
        Ok(Loaded { epoch, chunk, blobs, more })
    }

    /// Stores what a run learned; where bytes are lost, or turned up again, the audits that count on them say so.
    fn keep_blobs(&mut self, keep: &Keep, now_ms: u64) -> Result<(), DeviceError> {
        self.transact(|mut writer, _| {
            store::put_meta(writer.conn, CHUNK, &u64::from(keep.chunk).to_be_bytes())?;
            // What is written later than this came to the server later than the photo, whichever of it is acknowledged by now.
            let written = writer.head.dseq;
            let durable_through = store::get_number(writer.conn, "durable_through")?.unwrap_or(0);
            for (id, mark) in &keep.marks {
                match mark {
                    Mark::Sent(off) => {
                        let mut note =
                            writer.conn.prepare_cached("UPDATE blobs SET off = ?2 WHERE id = ?1")?;
                        note.execute((id.0, off))?;
                    }
                    Mark::Stored { epoch } => {
                        let mut note = writer.conn.prepare_cached(
                            "UPDATE blobs SET off = size, confirmed = ?2, asked_ms = ?3, lost = NULL, refused = NULL, \
                             stored_ms = CASE WHEN confirmed IS ?2 THEN stored_ms ELSE ?3 END, \
                             stored_dseq = CASE WHEN confirmed IS ?2 THEN stored_dseq ELSE ?4 END, had_durable = ?5 WHERE id = ?1",
                        )?;
                        note.execute((id.0, epoch, now_ms, written, durable_through))?;
                        photos::take_back_loss(&mut writer, id, now_ms)?;
                    }
                    Mark::Lost(cause) => {
                        let mut note =
                            writer.conn.prepare_cached("UPDATE blobs SET lost = ?2 WHERE id = ?1")?;
                        note.execute((id.0, cause.name()))?;
                        photos::report_loss(&mut writer, id, *cause, now_ms)?;
                    }
                    Mark::Refused(reason) => {
                        let mut note =
                            writer.conn.prepare_cached("UPDATE blobs SET refused = ?2, confirmed = NULL WHERE id = ?1")?;
                        note.execute((id.0, reason))?;
                    }
                }
            }
            writer.flush()
        })
    }
}
