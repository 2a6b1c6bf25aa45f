//! The phone: one device and the visit that its screen shows. Owns the way from a message to its answer.

use std::str::FromStr;

use device::{Device, DeviceError, PhotoFacts, Start};
use domain::Problem;
use serde::{Deserialize, Serialize};
use sync_core::{
    Hash, OpId,
    payload::{Gps, PhotoSource},
};
use uuid::Uuid;

use crate::{
    briefing, conflicts,
    home::{self, SyncState},
    incident,
    messages::{Ask, Message, Refused, Reply},
    outbox, review,
    runs::Runs,
    versions,
    visit::{self, Shown},
};

/// A photo to be kept, beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// Now.
    pub now_ms: u64,
    /// The visit.
    pub visit: String,
    /// The field: a photo item (`A01`), or beside an answer (`B02#photo`).
    pub field: String,
    /// Media type.
    pub mime: String,
    /// When it was taken.
    pub captured_at_ms: Option<u64>,
    /// Where it was taken, as far as the platform knows.
    pub position: Option<Position>,
    /// `camera`: the app's own; `file`: picked by a person; none where nobody says.
    pub source: Option<String>,
}

/// A position as the platform reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Latitude in 1e-7 degrees.
    pub lat_e7: i64,
    /// Longitude in 1e-7 degrees.
    pub lon_e7: i64,
    /// Radius of uncertainty in millimetres.
    pub accuracy_mm: Option<u64>,
    /// When it was fixed, milliseconds since 1970.
    pub at_ms: Option<u64>,
}

/// One device and what its screen shows.
pub struct Phone {
    pub(crate) device: Device,
    shown: Option<Shown>,
    pub(crate) runs: Runs,
}

fn read<T: FromStr>(text: &str, what: &str) -> Result<T, DeviceError> {
    text.parse().map_err(|_| {
        DeviceError::from(Problem::single(
            400,
            "malformed",
            format!("«{text}» no es {what}"),
            format!("\"{text}\" is no {what}"),
        ))
    })
}

fn refused(error: &DeviceError) -> Reply {
    Reply::Refused(Refused { problem: error.to_problem() })
}

impl Phone {
    /// The phone of a device.
    pub fn over(device: Device) -> Self {
        Self { device, shown: None, runs: Runs::default() }
    }

    /// The device, for what has no screen: enrolment and synchronisation.
    pub fn device(&mut self) -> &mut Device {
        &mut self.device
    }

    /// Answers one JSON message ([`Message`]) with one ([`Reply`]).
    pub fn handle(&mut self, json: &str) -> String {
        let reply = match domain::json::read::<Message>(json.as_bytes()) {
            Ok(message) => self.answer(&message),
            Err(error) => refused(&DeviceError::from(Problem::single(
                400,
                "malformed",
                format!("El mensaje no se entiende: {error}"),
                format!("the message cannot be understood: {error}"),
            ))),
        };
        told(&reply)
    }

    /// Answers one message.
    pub fn answer(&mut self, message: &Message) -> Reply {
        self.dispatch(&message.ask, message.now_ms).unwrap_or_else(|error| refused(&error))
    }

    fn dispatch(&mut self, ask: &Ask, now_ms: u64) -> Result<Reply, DeviceError> {
        let device = &mut self.device;
        Ok(match ask {
            Ask::Home {} => Reply::Home(home::fill(device)?),
            Ask::Briefing { assignment } => {
                Reply::Briefing(Box::new(briefing::fill(device, read(assignment, "id")?)?))
            }
            Ask::Accept { assignment } => {
                device.accept(read(assignment, "id")?, now_ms)?;
                Reply::Home(home::fill(device)?)
            }
            Ask::Decline { assignment, reason } => {
                device.decline(read(assignment, "id")?, reason, now_ms)?;
                Reply::Home(home::fill(device)?)
            }
            Ask::Start { assignment } => {
                let visit = device.start(&Start::Assignment(read(assignment, "id")?), now_ms)?;
                self.show(visit)?
            }
            Ask::StartAdHoc { visit, branch, checklist } => {
                let start = Start::AdHoc {
                    audit: read(visit, "id")?,
                    branch: read(branch, "id")?,
                    content_hash: read(checklist, "hash")?,
                    source: None,
                    visited_at: None,
                };
                let visit = device.start(&start, now_ms)?;
                self.show(visit)?
            }
            Ask::Open { visit } => self.show(read(visit, "id")?)?,
            Ask::Answer { visit, field, json } => {
                let visit = read(visit, "id")?;
                device.answer(visit, field, json, now_ms)?;
                self.changed(visit)?
            }
            Ask::Detach { visit, photo } => {
                let visit = read(visit, "id")?;
                device.detach(visit, read::<OpId>(photo, "id")?, now_ms)?;
                self.changed(visit)?
            }
            Ask::Resolve { visit, field, json } => {
                let visit = read(visit, "id")?;
                device.resolve(visit, field, json, now_ms)?;
                self.changed(visit)?
            }
            Ask::Versions { visit } => Reply::Versions(versions::fill(device, read(visit, "id")?)?),
            Ask::Migrate { visit, checklist } => {
                let visit = read(visit, "id")?;
                device.migrate(visit, &read(checklist, "hash")?, now_ms)?;
                self.show(visit)?
            }
            Ask::Review { visit } => Reply::Review(review::fill(device, read(visit, "id")?)?),
            Ask::Submit { visit, seen } => {
                let visit = read(visit, "id")?;
                device.submit_seen(visit, read::<Hash>(seen, "hash")?, now_ms)?;
                self.show(visit)?
            }
            Ask::Outbox {} => Reply::Outbox(outbox::fill(device)?),
            Ask::Conflicts {} => Reply::Conflicts(conflicts::fill(device)?),
            Ask::Report { incident, seed, kind, left, text, zone, position, visit } => {
                let id = read(incident, "id")?;
                let visit = visit.as_deref().map(|it| read(it, "id")).transpose()?;
                let seed = read::<Hash>(seed, "seed")?.0;
                let said =
                    incident::Said { id, kind, left: *left, text, zone, position: position.as_ref(), visit };
                incident::report(device, &said, seed, now_ms)?;
                Reply::Incidents(incident::fill(device)?)
            }
            Ask::Incidents {} => Reply::Incidents(incident::fill(device)?),
        })
    }

    /// Whether all is on the server.
    ///
    /// - **Errors**: storage.
    pub fn sync_state(&self) -> Result<SyncState, DeviceError> {
        Ok(SyncState::of(&self.device.status()?))
    }

    /// Keeps a photo, as JSON ([`Photo`]) beside its bytes, and the picture as the camera gave it, where those are a smaller copy of it;
    /// answers as [`Self::handle`], with `change`.
    pub fn attach(&mut self, json: &str, bytes: &[u8], original: Option<&[u8]>) -> String {
        told(&self.try_attach(json, bytes, original).unwrap_or_else(|error| refused(&error)))
    }

    fn try_attach(
        &mut self,
        json: &str,
        mut bytes: &[u8],
        original: Option<&[u8]>,
    ) -> Result<Reply, DeviceError> {
        let photo: Photo = domain::json::read(json.as_bytes()).map_err(|error| {
            Problem::single(
                400,
                "malformed",
                format!("La foto no se entiende: {error}"),
                format!("the photo cannot be understood: {error}"),
            )
        })?;
        let visit = read(&photo.visit, "id")?;
        let gps = photo.position.map(|it| Gps {
            lat_e7: it.lat_e7,
            lon_e7: it.lon_e7,
            accuracy_mm: it.accuracy_mm,
            mocked: None,
            at_ms: it.at_ms,
        });
        let source = photo.source.as_deref().map(|it| match it {
            "camera" => PhotoSource::Camera,
            "file" => PhotoSource::File,
            _ => PhotoSource::Other,
        });
        let facts = PhotoFacts {
            mime: photo.mime,
            captured_at_ms: photo.captured_at_ms,
            gps,
            source,
            original: None,
        };
        let (field, now_ms) = (photo.field.as_str(), photo.now_ms);
        match original {
            Some(original) => {
                self.device.photo_of((visit, field), &mut bytes, original, &facts, now_ms)?;
            }
            None => {
                self.device.photo(visit, field, &mut bytes, &facts, now_ms)?;
            }
        }
        self.changed(visit)
    }

    /// The bytes of a photo that is on this phone, by its hash.
    ///
    /// - **Errors**: `no_such_photo` where they are not here; storage.
    pub fn photo(&self, blob: &str) -> Result<Vec<u8>, DeviceError> {
        self.device.photo_bytes(&read(blob, "hash")?)
    }

    fn show(&mut self, visit: Uuid) -> Result<Reply, DeviceError> {
        let (view, shown) = visit::fill(&mut self.device, visit)?;
        self.shown = Some(shown);
        Ok(Reply::Visit(Box::new(view)))
    }

    /// What changed, where the screen shows this visit; else the visit whole.
    fn changed(&mut self, visit: Uuid) -> Result<Reply, DeviceError> {
        match self.shown.as_mut().filter(|it| it.visit == visit) {
            Some(shown) => Ok(Reply::Change(Box::new(visit::change(&mut self.device, shown)?))),
            None => self.show(visit),
        }
    }
}

fn told(reply: &Reply) -> String {
    serde_json::to_string(reply).unwrap_or_else(|error| {
        // Nothing of ours fails to be told; the words are there since the encoder's signature has an error.
        format!(r#"{{"reply":"refused","problem":{{"title":"{error}","code":"internal"}}}}"#)
    })
}
