//! Reports of incidents: kept at once, sealed where the organization's incident key is known, and sent first and alone. Owns the
//! table `incidents` and the order of one sending; what a report says is `domain`'s, the seal `sync-core`'s.

use domain::{Problem, incident::Report};
use rusqlite::Connection;
use serde::Serialize;
use sync_core::{
    Bytes, DeviceId, Hash,
    incident::{IncidentRequest, SealedFor, key_id},
    reference::IncidentKeyRow,
};
use uuid::Uuid;

use crate::{
    DeviceError, DeviceKey, Signatures,
    store::{self, Device},
    sync::{Next, TransportError, not_enrolled},
};

/// The organization's incident key. Not among what is mirrored: a device that was taken out still seals what it reports.
const KEY: &str = "incident_key";
/// Those that are not on the server of this epoch, `?1`.
const WAITING: &str = "body IS NOT NULL AND sent_epoch IS NOT ?1";

/// A report as its phone still knows it: not a word of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentEntry {
    /// Its id.
    pub id: Uuid,
    /// When it was written, milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it is sealed.
    pub sealed: bool,
    /// `waiting`, `sent` or `refused`.
    pub state: &'static str,
    /// Why the server refused it; it is offered again each time.
    pub refused: Option<String>,
}

/// What came of handing one in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentAnswer {
    /// The server has it.
    Stored,
    /// The server says no: HTTP status and stable code.
    Refused(u16, String),
    /// Nobody answered who is the server.
    Unreachable(TransportError),
}

/// Carries one report to the server; the session's token is the transport's.
pub trait IncidentTransport {
    /// Sends the JSON of an [`IncidentRequest`] to `POST /api/v1/incidents`.
    fn hand_in(&mut self, request: &[u8]) -> IncidentAnswer;
}

/// How a sending ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentsEnd {
    /// How many the server took.
    pub sent: u64,
    /// The last that was in the way of one: HTTP status, 0 where nobody answered, and stable code.
    pub in_the_way: Option<(u16, String)>,
}

impl IncidentsEnd {
    /// What was in the way, as a problem for people.
    pub fn problem(&self) -> Option<Problem> {
        let (status, code) = self.in_the_way.as_ref()?;
        let status = if *status == 0 { 503 } else { *status };
        Some(Problem::single(
            status,
            code,
            "El aviso aún no llegó a la oficina; está guardado y será lo primero que se envíe",
            "the report has not reached the office; it is kept and will be the first thing to be sent",
        ))
    }
}

enum Step {
    Load,
    Sign(IncidentRequest),
    Send(IncidentRequest),
    Asked(Uuid),
    Keep(Uuid, Option<String>),
    End,
}

/// Reports on their way; it may be dropped at any moment and made anew.
pub struct Incidents {
    org: Uuid,
    /// Who hands them in where it is not this device.
    former: Option<DeviceKey>,
    step: Step,
    tried: Vec<Uuid>,
    end: IncidentsEnd,
}

impl Incidents {
    /// The sending of a device that is enrolled.
    ///
    /// - **Errors**: `not_enrolled`; storage and files.
    pub fn new(device: &Device) -> Result<Self, DeviceError> {
        let org = device.enrolment()?.ok_or_else(not_enrolled)?.org;
        let former = device.former_key()?;
        Ok(Self { org, former, step: Step::Load, tried: Vec::new(), end: IncidentsEnd::default() })
    }

    /// The device that hands them in and whose key signs: the former one as long as the server was not told of a renewal, since until
    /// then the session is that one's.
    pub fn sender(&self, device: &Device) -> DeviceId {
        self.former.as_ref().map_or_else(|| device.dev(), DeviceKey::dev)
    }

    /// Hands in every report that waits, each by itself, until nobody answers any more.
    ///
    /// - **Errors**: `key_of_platform`; storage. What the server or the network does is in the end.
    pub fn run(
        &mut self,
        device: &mut Device,
        transport: &mut dyn IncidentTransport,
    ) -> Result<IncidentsEnd, DeviceError> {
        loop {
            match self.next(device)? {
                Next::GoOn => {}
                Next::Sign(bytes) => self.signed(device.key.sign(&bytes)?),
                Next::Send(request) => self.answered(transport.hand_in(&request)),
                Next::Finished(end) => return Ok(end),
            }
        }
    }

    /// The next step, for whoever waits for signatures and replies without holding the device: it goes on with [`Self::signed`] or
    /// [`Self::answered`].
    ///
    /// - **Errors**: storage.
    pub fn next(&mut self, device: &mut Device) -> Result<Next<IncidentsEnd>, DeviceError> {
        Ok(match std::mem::replace(&mut self.step, Step::End) {
            Step::Load => match next_waiting(&device.conn, &self.tried)? {
                Some(request) => {
                    let bytes = request.signed_bytes(&self.org, &self.sender(device));
                    self.step = Step::Sign(request);
                    // Whoever signs for this device has not the former one's key, where no platform keeps both.
                    match self.former.as_ref().and_then(|it| it.sign(&bytes).ok()) {
                        Some(signature) => {
                            self.signed(signature);
                            Next::GoOn
                        }
                        None => Next::Sign(bytes),
                    }
                }
                None => Next::Finished(self.end.clone()),
            },
            Step::Send(request) => {
                let json = serde_json::to_vec(&request).map_err(DeviceError::corrupt)?;
                self.step = Step::Asked(request.id);
                Next::Send(json)
            }
            Step::Keep(id, refused) => {
                keep(device, id, refused.as_deref())?;
                self.tried.push(id);
                self.step = Step::Load;
                Next::GoOn
            }
            Step::End => Next::Finished(self.end.clone()),
            Step::Sign(_) | Step::Asked(_) => {
                return Err(DeviceError::corrupt("a report waits for a signature or a reply"));
            }
        })
    }

    /// Goes on after [`Next::Sign`].
    pub fn signed(&mut self, signature: Vec<u8>) {
        if let Step::Sign(request) = &mut self.step {
            request.sig = signature.into();
            let step = std::mem::replace(&mut self.step, Step::End);
            self.step = if let Step::Sign(request) = step { Step::Send(request) } else { step };
        }
    }

    /// Goes on after [`Next::Send`].
    pub fn answered(&mut self, answer: IncidentAnswer) {
        let Step::Asked(id) = self.step else { return };
        self.step = match answer {
            IncidentAnswer::Stored => {
                self.end.sent = self.end.sent.saturating_add(1);
                Step::Keep(id, None)
            }
            IncidentAnswer::Refused(status, code) => {
                self.end.in_the_way = Some((status, code.clone()));
                match status {
                    // Who this is, or how often it asks: that is the same for the next.
                    401 | 403 | 429 => Step::End,
                    // An office that lacks the lane, or fails at this one.
                    404 | 405 | 500.. => {
                        self.tried.push(id);
                        Step::Load
                    }
                    _ => Step::Keep(id, Some(code)),
                }
            }
            IncidentAnswer::Unreachable(_) => {
                self.end.in_the_way = Some((0, String::from("unreachable")));
                Step::End
            }
        };
    }
}

impl Device {
    /// Keeps a report, durably and, where the organization has an incident key, so that nobody can read it here any more. The same
    /// one again changes nothing.
    ///
    /// - **Shape**: `seed` is 32 bytes from a good random source, never used again.
    /// - **Errors**: `invalid_incident`, `not_enrolled`; storage.
    pub fn report(&mut self, report: &Report, seed: [u8; 32]) -> Result<IncidentEntry, DeviceError> {
        report.check()?;
        let org = self.enrolment()?.ok_or_else(not_enrolled)?.org;
        let (id, dev, json) = (report.id.0, self.dev(), report.to_json().into_bytes());
        let key = incident_key(&self.conn)?;
        let body = match &key {
            Some(key) => SealedFor { org, id, dev }.seal(key, &json, seed).map_err(DeviceError::corrupt)?,
            None => json,
        };
        let mut keep = self.conn.prepare_cached(
            "INSERT INTO incidents (id, at_ms, dev, key, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        let key = key.map(|it| key_id(&it).0);
        keep.execute((id.into_bytes(), report.at_ms, dev.0, key, body))?;
        let kept = self.incidents()?.into_iter().find(|it| it.id == id);
        kept.ok_or_else(|| DeviceError::corrupt("a report that was kept is not there"))
    }

    /// The reports of this device, newest first, at most 100.
    ///
    /// - **Errors**: storage.
    pub fn incidents(&self) -> Result<Vec<IncidentEntry>, DeviceError> {
        let epoch = epoch(&self.conn)?;
        let mut list = self.conn.prepare_cached(&format!(
            "SELECT id, at_ms, key IS NOT NULL, {WAITING}, refused FROM incidents ORDER BY id DESC LIMIT 100"
        ))?;
        let rows = list.query_map([epoch], |row| {
            let (waits, refused): (bool, Option<String>) = (row.get(3)?, row.get(4)?);
            let state = match (waits, &refused) {
                (false, _) => "sent",
                (true, None) => "waiting",
                (true, Some(_)) => "refused",
            };
            let (id, at_ms) = (Uuid::from_bytes(row.get(0)?), row.get(1)?);
            Ok(IncidentEntry { id, at_ms, sealed: row.get(2)?, state, refused })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// How many are not on the server.
pub(crate) fn waiting(conn: &Connection) -> Result<u64, DeviceError> {
    let mut count = conn.prepare_cached(&format!("SELECT count(*) FROM incidents WHERE {WAITING}"))?;
    Ok(count.query_row([epoch(conn)?], |row| row.get(0))?)
}

/// Takes note of the organization's key; the inner error is why it is set aside.
pub(crate) fn take_key(conn: &Connection, json: Option<&[u8]>) -> Result<Result<(), String>, DeviceError> {
    let Some(json) = json else {
        conn.execute("DELETE FROM meta WHERE key = ?1", [KEY])?;
        return Ok(Ok(()));
    };
    let row = domain::json::read::<IncidentKeyRow>(json).map_err(|error| error.to_string());
    match row.map(|it| <[u8; 32]>::try_from(&*it.key)) {
        Ok(Ok(key)) => Ok(Ok(store::put_meta(conn, KEY, &key)?)),
        Ok(Err(_)) => Ok(Err(String::from("the incident key is not 32 bytes"))),
        Err(error) => Ok(Err(error)),
    }
}

/// Lets go of what a backup of the server has: ops that were written after it was taken are in one. Whether there was any.
pub(crate) fn forget_durable(conn: &Connection, durable_through: u64) -> Result<bool, DeviceError> {
    let mut forget = conn.prepare_cached(
        "UPDATE incidents SET body = NULL WHERE body IS NOT NULL AND sent_epoch IS ?1 AND sent_dseq < ?2",
    )?;
    Ok(forget.execute((epoch(conn)?, durable_through))? > 0)
}

fn incident_key(conn: &Connection) -> Result<Option<[u8; 32]>, DeviceError> {
    let key = store::get_meta(conn, KEY)?;
    key.map(|it| it.try_into().map_err(|_| DeviceError::corrupt("the incident key is damaged"))).transpose()
}

fn epoch(conn: &Connection) -> Result<u64, DeviceError> {
    Ok(store::get_number(conn, "epoch")?.unwrap_or(0))
}

/// All that wait, as far as they can be read, signed by the device or by the platform that has its key.
pub(crate) fn to_rescue(
    conn: &Connection,
    key: &DeviceKey,
    org: &Uuid,
    signatures: &mut Signatures,
) -> Vec<IncidentRequest> {
    let (mut all, mut found) = (Vec::new(), Vec::new());
    while let Ok(Some(mut request)) = next_waiting(conn, &found) {
        found.push(request.id);
        request.sig = key.sign_with(&request.signed_bytes(org, &key.dev()), signatures).into();
        all.push(request);
    }
    all
}

/// The first that was not tried. Ids follow the phone's clock, which may have been put back since: a position among them would pass over
/// the ones that are written meanwhile.
fn next_waiting(conn: &Connection, tried: &[Uuid]) -> Result<Option<IncidentRequest>, DeviceError> {
    let mut find = conn
        .prepare_cached(&format!("SELECT id, dev, key, body FROM incidents WHERE {WAITING} ORDER BY id"))?;
    let mut rows = find.query([epoch(conn)?])?;
    while let Some(row) = rows.next()? {
        let id = Uuid::from_bytes(row.get(0)?);
        if !tried.contains(&id) {
            return Ok(Some(IncidentRequest {
                id,
                dev: DeviceId(row.get(1)?),
                key: row.get::<_, Option<[u8; 32]>>(2)?.map(Hash),
                body: Bytes::from(row.get::<_, Vec<u8>>(3)?),
                sig: Bytes::default(),
            }));
        }
    }
    Ok(None)
}

fn keep(device: &Device, id: Uuid, refused: Option<&str>) -> Result<(), DeviceError> {
    let (sent_epoch, sent_dseq) = match refused {
        None => (Some(epoch(&device.conn)?), Some(device.head.dseq)),
        Some(_) => (None, None),
    };
    let mut note = device
        .conn
        .prepare_cached("UPDATE incidents SET sent_epoch = ?2, sent_dseq = ?3, refused = ?4 WHERE id = ?1")?;
    note.execute((id.into_bytes(), sent_epoch, sent_dseq, refused))?;
    Ok(())
}
