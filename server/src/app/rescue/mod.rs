//! Rescue files (`sync_core::rescue`): what a phone had that never reached the office, brought by hand. All of a file is read and
//! proved before anything of it is taken in; then every run and photo goes the way of what phones send, so that a file that is
//! brought twice, or a phone that sends the same later, changes nothing.

mod records;
mod sealed;

pub use sealed::Sealer;

use crate::{
    app::{
        App,
        incidents::{NewIncident, Reporter, hand_in},
    },
    error::ApiError,
    exchange::{Bearer, Brought},
    zone::instant,
};
use db::{Micros, Tx};
use domain::ids::{OrgId, UserId};
use p256::SecretKey;
use records::Records;
use ring::aead::LessSafeKey;
use sealed::{For, Head, Opened};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Seek},
};
use sync_core::{
    Algorithm, Bytes, Hash, Hasher, PublicKey,
    codec::Nested,
    exchange::{Ending, Run},
    incident::IncidentRequest,
    payload::BlobRef,
    rescue::{Begin, PhotoPart, Record},
};
use uuid::Uuid;

/// What was taken in of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Short name of the organization.
    pub organization: String,
    /// Login of whose device it is.
    pub person: String,
    /// The device, hexadecimal.
    pub device: String,
    /// When the file was made, by the device's clock, RFC 3339.
    pub made_at: String,
    /// Whether it was picked out of a damaged store, so that something may be missing.
    pub salvaged: bool,
    /// Why what the device wrote waits for a person (`device_unknown`, `device_revoked`, `user_ended`); absent where it was taken as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<&'static str>,
    /// The device's own ops, by visit.
    pub visits: BTreeMap<Uuid, TakenVisit>,
    /// Runs of ops that fit no log here: they are kept beside it for people to look at.
    pub beside: u64,
    /// Reports of incidents that the office has from now on or had; those that it refused are counted by reason.
    pub incidents: TakenIncidents,
    /// Photos.
    pub photos: TakenPhotos,
    /// Records that only a later version understands.
    pub unread: u64,
}

/// Ops of one visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TakenVisit {
    /// Those that the office has from now on.
    pub new: u64,
    /// Those that it had.
    pub before: u64,
    /// Those that do not go on from what is here: they are kept beside the log, or what goes before is missing.
    pub apart: u64,
}

/// Reports of incidents of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TakenIncidents {
    /// Those that the office has.
    pub here: u64,
    /// Those that were not taken, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
}

/// Photos of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TakenPhotos {
    /// Those that the office has from now on.
    pub new: u64,
    /// Those that it had.
    pub before: u64,
    /// Those whose bytes are not what their name says, or are not all there.
    pub damaged: u64,
    /// Those that were not taken, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
}

/// The public rescue key of an organization, for its phones.
///
/// # Errors
/// Those of the database.
pub(crate) fn key_of(tx: &mut Tx<'_>, org: OrgId) -> Result<PublicKey, ApiError> {
    let point = sealed::point_of(&secret_of(tx, org)?);
    Ok(PublicKey { alg: Algorithm::Es256, key: Bytes::from(point) })
}

fn secret_of(tx: &mut Tx<'_>, org: OrgId) -> Result<SecretKey, ApiError> {
    let keys = db::organizations::list_server_keys(tx, org)?;
    let first =
        keys.first().ok_or_else(|| ApiError::internal("the organization has no key of the server"))?;
    sealed::office_secret(&first.secret_key.0).ok_or_else(|| ApiError::internal("no rescue key"))
}

/// Takes a rescue file in. For the operator. Blocks.
///
/// - **Shape**: `code` is what the phone showed, for a file that is sealed for a code.
///
/// # Errors
/// `not_a_rescue_file`, `rescue_damaged`, `rescue_of_another_office`, `rescue_code_wanted`, `rescue_code_wrong`,
/// `rescue_person_unknown`, `rescue_not_genuine`: then nothing was taken. Those of the database and the file system; then what was
/// taken stands, and the rest comes when the file is brought again.
pub fn import<F: Read + Seek>(app: &App, file: &mut F, code: Option<&str>) -> Result<Taken, ApiError> {
    let key = opening_key(app, file, code)?;
    let survey = survey(open(file, &key)?)?;
    let begin = &survey.begin;
    let (org, named) = (OrgId(begin.org), UserId(begin.user));
    let found = app.db.read(|tx| -> Result<_, ApiError> {
        let Some(organization) = db::organizations::find(tx, org)? else { return Ok(None) };
        let bearer = Bearer::find(tx, org, begin.dev, named)?.ok_or_else(person_unknown)?;
        Ok(Some((organization.slug, bearer)))
    })?;
    let (organization, bearer) = found.ok_or_else(another_office)?;
    let before = standing(app, &bearer)?;
    let (photos, incidents) = take_in(app, &bearer, &survey, open(file, &key)?)?;
    let after = standing(app, &bearer)?;
    let person =
        app.db.read(|tx| db::users::find(tx, org, bearer.user))?.map_or_else(String::new, |it| it.login);
    let taken = Taken {
        organization,
        person,
        device: begin.dev.to_string(),
        made_at: instant(Micros(i64::try_from(begin.made_ms.saturating_mul(1_000)).unwrap_or(0))),
        salvaged: begin.salvaged,
        waits: bearer.ended.map(|it| it.name()),
        visits: survey.visits(before.head, after.head),
        beside: after.beside.saturating_sub(before.beside),
        incidents,
        photos,
        unread: survey.unread,
    };
    record(app, &bearer, &taken)?;
    Ok(taken)
}

/// Notes in the audit log what the operator brought.
fn record(app: &App, bearer: &Bearer, taken: &Taken) -> Result<(), ApiError> {
    let (dev, taken) = (bearer.dev, taken.clone());
    app.act_as("operator", bearer.org, move |_, office| {
        office.record("rescue_imported", "device", dev, &taken)
    })
}

// ---- opening ----

fn opening_key<F: Read + Seek>(app: &App, file: &mut F, code: Option<&str>) -> Result<LessSafeKey, ApiError> {
    file.rewind().map_err(unreadable)?;
    let head = Head::read(file).map_err(|_| not_a_rescue_file())?;
    let For::Office { name, .. } = head.is_for() else {
        let code = code.ok_or_else(code_wanted)?;
        let key = head.key_for_code(code).map_err(ApiError::internal)?.ok_or_else(code_wrong)?;
        // Before the file is called damaged: whether the code is the one.
        let mut first = [0];
        let opened = Opened::of(&mut *file, key).read(&mut first).map_err(|_| code_wrong());
        let key = head.key_for_code(code).map_err(ApiError::internal)?.ok_or_else(code_wrong)?;
        return opened.map(|_| key);
    };
    let secret = app.db.read(|tx| -> Result<_, ApiError> {
        for organization in db::organizations::list(tx)? {
            let secret = secret_of(tx, organization.org_id)?;
            if sealed::name_of(&sealed::point_of(&secret)) == name {
                return Ok(Some(secret));
            }
        }
        Ok(None)
    })?;
    head.key_for(&secret.ok_or_else(another_office)?).map_err(|_| damaged())
}

/// The records of a file, from its beginning.
fn open<'a, F: Read + Seek>(
    file: &'a mut F,
    key: &LessSafeKey,
) -> Result<Records<Opened<&'a mut F>>, ApiError> {
    file.rewind().map_err(unreadable)?;
    Head::read(file).map_err(unreadable)?;
    Ok(Records::of(Opened::of(file, key.clone())))
}

// ---- what is in it ----

/// What a first reading found, which proved everything that can be.
struct Survey {
    begin: Begin,
    /// Own ops: the visit of each position.
    ops: BTreeMap<u64, Uuid>,
    whole: BTreeSet<BlobRef>,
    seen: BTreeSet<BlobRef>,
    unread: u64,
}

impl Survey {
    fn visits(&self, before: u64, after: u64) -> BTreeMap<Uuid, TakenVisit> {
        let mut visits: BTreeMap<Uuid, TakenVisit> = BTreeMap::new();
        for (dseq, visit) in &self.ops {
            let of = visits.entry(*visit).or_default();
            let counted = if *dseq <= before {
                &mut of.before
            } else if *dseq <= after {
                &mut of.new
            } else {
                &mut of.apart
            };
            *counted = counted.saturating_add(1);
        }
        visits
    }

    fn note_run(&mut self, run: &Run) -> Result<(), ApiError> {
        if run.dev != self.begin.dev {
            // What is not proved of others is left out where it is taken in, as from a phone.
            return Ok(());
        }
        let verified = run.verify_as_kept(&self.begin.org).map_err(|it| not_genuine().because(it))?;
        self.ops.extend(verified.ops.iter().map(|op| (op.dseq, op.audit)));
        Ok(())
    }
}

/// A photo that comes part by part.
struct Coming {
    blob: BlobRef,
    hasher: Hasher,
    at: u64,
}

impl Coming {
    /// Adds a part of the photo, or begins with the next one.
    fn add(coming: &mut Option<Self>, part: &PhotoPart) -> Option<BlobRef> {
        if part.offset == 0 {
            *coming = Some(Self { blob: part.blob, hasher: Hasher::default(), at: 0 });
        }
        let it = coming.as_mut().filter(|it| it.blob == part.blob && it.at == part.offset)?;
        it.hasher.update(&part.bytes);
        it.at = it.at.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(u64::MAX));
        if it.at < it.blob.size {
            return None;
        }
        let done = coming.take()?;
        (done.at == done.blob.size && done.hasher.finish() == done.blob.id).then_some(done.blob)
    }
}

fn survey<R: Read>(mut records: Records<R>) -> Result<Survey, ApiError> {
    let Some(Nested::Known(Record::Begin(begin))) = records.next()? else { return Err(damaged()) };
    let (ops, whole, seen) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut survey = Survey { begin, ops, whole, seen, unread: 0 };
    let (mut coming, mut is_whole) = (None, false);
    while let Some(record) = records.next()? {
        if is_whole {
            return Err(damaged());
        }
        match record {
            Nested::Known(Record::Begin(_)) => return Err(damaged()),
            Nested::Known(Record::Run(run)) => survey.note_run(&run)?,
            Nested::Known(Record::Photo(part)) => {
                survey.seen.insert(part.blob);
                survey.whole.extend(Coming::add(&mut coming, &part));
            }
            Nested::Known(Record::End(_)) => is_whole = true,
            Nested::Known(Record::Incident(_)) => {}
            Nested::Unknown(_) => survey.unread = survey.unread.saturating_add(1),
        }
    }
    if is_whole { Ok(survey) } else { Err(damaged()) }
}

/// How the office stands to the device.
struct Standing {
    head: u64,
    beside: u64,
}

fn standing(app: &App, bearer: &Bearer) -> Result<Standing, ApiError> {
    let (org, dev) = (bearer.org, bearer.dev);
    app.db.read(|tx| {
        let head = db::devices::find_head(tx, org, dev)?.unwrap_or_default().head.head.dseq;
        Ok(Standing { head, beside: db::former::count_runs(tx, org, dev)? })
    })
}

fn take_in<R: Read>(
    app: &App,
    bearer: &Bearer,
    survey: &Survey,
    mut records: Records<R>,
) -> Result<(TakenPhotos, TakenIncidents), ApiError> {
    let (mut photos, mut incidents) = (TakenPhotos::default(), TakenIncidents::default());
    let damaged = survey.seen.difference(&survey.whole).count();
    photos.damaged = u64::try_from(damaged).unwrap_or(u64::MAX);
    // A photo that was dealt with: the rest of its parts, and the same photo once more, change nothing.
    let mut done: BTreeSet<Hash> = BTreeSet::new();
    while let Some(record) = records.next()? {
        match record {
            Nested::Known(Record::Run(run)) => bearer.take_run(app, &run, survey.begin.salvaged)?,
            Nested::Known(Record::Photo(part)) if survey.whole.contains(&part.blob) => {
                if done.contains(&part.blob.id) {
                    continue;
                }
                take_part(app, bearer, &part, &mut photos, &mut done)?;
            }
            Nested::Known(Record::Incident(request)) => {
                take_incident(app, bearer, *request, &mut incidents)?;
            }
            _ => {}
        }
    }
    Ok((photos, incidents))
}

/// As if the device had handed it in.
fn take_incident(
    app: &App,
    bearer: &Bearer,
    request: IncidentRequest,
    incidents: &mut TakenIncidents,
) -> Result<(), ApiError> {
    let IncidentRequest { id, dev, key, body, sig } = request;
    let new = NewIncident { id, dev, key, body, sig };
    let (inside, bearer) = (app.clone(), *bearer);
    let done = app.db.write(move |tx| {
        let Some(reporter) = Reporter::of_file(tx, bearer.org, bearer.dev)? else { return Ok(false) };
        hand_in(tx, &inside, &reporter, &new).map(|_| true)
    });
    let reason = match done {
        Ok(true) => {
            incidents.here = incidents.here.saturating_add(1);
            return Ok(());
        }
        Ok(false) => Ending::DeviceUnknown.name().to_owned(),
        Err(error) if error.problem().status >= 500 => return Err(error),
        Err(error) => error.problem().code.to_string(),
    };
    let count = incidents.refused.entry(reason).or_default();
    *count = count.saturating_add(1);
    Ok(())
}

fn take_part(
    app: &App,
    bearer: &Bearer,
    part: &PhotoPart,
    photos: &mut TakenPhotos,
    done: &mut BTreeSet<Hash>,
) -> Result<(), ApiError> {
    let is_here = |tx: &mut Tx<'_>| db::blobs::find(tx, bearer.org, part.blob.id).map(|it| it.is_some());
    if part.offset == 0 && app.db.read(is_here)? {
        photos.before = photos.before.saturating_add(1);
        done.insert(part.blob.id);
        return Ok(());
    }
    match bearer.take_part(app, part)? {
        Brought::Held => {}
        Brought::Stored => {
            photos.new = photos.new.saturating_add(1);
            done.insert(part.blob.id);
        }
        Brought::Refused(reason) => {
            let count = photos.refused.entry(reason).or_default();
            *count = count.saturating_add(1);
            done.insert(part.blob.id);
        }
    }
    Ok(())
}

// ---- how it ends ----

fn unreadable(cause: std::io::Error) -> ApiError {
    ApiError::malformed("", "No se puede leer el archivo de rescate", "cannot read the rescue file")
        .because(cause)
}

fn refused(code: &str, es: &str, en: &str) -> ApiError {
    ApiError::conflict(code, es, en)
}

fn not_a_rescue_file() -> ApiError {
    refused(
        "not_a_rescue_file",
        "No es un archivo de rescate de Veedor; pida el que guardó el teléfono, que termina en «.rescate»",
        "this is no rescue file of Veedor; ask for the one that the phone saved, which ends in \".rescate\"",
    )
}

pub(super) fn damaged() -> ApiError {
    refused(
        "rescue_damaged",
        "El archivo de rescate está incompleto o dañado; no se tomó nada de él. Pida que lo guarden y lo envíen otra vez, como archivo",
        "the rescue file is incomplete or damaged, and nothing of it was taken; ask for it to be saved and sent again, as a file",
    )
}

fn another_office() -> ApiError {
    refused(
        "rescue_of_another_office",
        "El archivo de rescate es de una organización que no está en esta instalación; no se tomó nada de él",
        "the rescue file is of an organization that is not in this installation; nothing of it was taken",
    )
}

fn person_unknown() -> ApiError {
    refused(
        "rescue_person_unknown",
        "El archivo de rescate es de una persona que esta organización no conoce; dé de alta a la persona o use la instalación correcta",
        "the rescue file is of a person whom this organization does not know; nothing of it was taken",
    )
}

fn not_genuine() -> ApiError {
    refused(
        "rescue_not_genuine",
        "Las firmas del archivo de rescate no son las del dispositivo; no se tomó nada de él",
        "the rescue file is not signed by its device; nothing of it was taken",
    )
}

fn code_wanted() -> ApiError {
    refused(
        "rescue_code_wanted",
        "El archivo se abre con el código que mostró el teléfono: indíquelo con --code-file",
        "the file opens with the code that the phone showed: give it with --code-file",
    )
}

fn code_wrong() -> ApiError {
    refused(
        "rescue_code_wrong",
        "El código no abre el archivo; revise sus 24 letras y cifras",
        "the code does not open the file; check its 24 letters and digits",
    )
}
