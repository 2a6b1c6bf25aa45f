//! The evidence of a visit, for whoever may review it: what is stored and what is missing, what the auditor's phone and the
//! camera say, and what looks odd. Never who the auditor was.

use super::twins::{self, Twin, Twins};
use crate::{
    app::{programmes::allowed, visits::content},
    decimal,
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{
    Tx, audits,
    blobs::{self, Blob, Picture},
    programmes, redactions,
};
use domain::{
    access::{Permission, Target},
    answer::AnswerField,
    attachment,
    ids::AuditId,
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, Hash, Kind,
    payload::{self, AttachValue, Gps, PhotoSource},
    reference::Allowed,
};
use utoipa::ToSchema;

const DEGREE_DECIMALS: u32 = 7;

/// The evidence of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VisitEvidence {
    /// The visit.
    #[schema(value_type = uuid::Uuid)]
    pub visit: AuditId,
    /// Whether all that stands is stored; without it the visit cannot be approved.
    pub complete: bool,
    /// What is attached, by field.
    pub photos: Vec<PhotoEvidence>,
}

/// A photo, or whatever else was attached, in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PhotoEvidence {
    /// SHA-256 of its bytes.
    #[schema(value_type = String)]
    pub blob: Hash,
    /// The field that it is attached to, `A01` or `A01#photo`.
    pub field: String,
    /// The item of that field.
    pub item: String,
    /// `stored`, `missing`, or `redacted` where its bytes were taken out for good.
    pub state: &'static str,
    /// `pending` until it was looked at, `ready` with smaller copies, `refused` where it is no photo that can be shown; none
    /// while it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<&'static str>,
    /// What a person should look at: `not_permitted` for sound, or a file that is no picture, which the programme does not permit,
    /// `mime_differs`, `size_differs`, `seen_before`, `looks_alike`, or why it was refused
    /// (`truncated`, `too_many_pixels`, `not_an_image`, ...).
    pub flags: Vec<String>,
    /// Length in bytes, as the phone said.
    pub size: u64,
    /// Media type, as the phone said.
    pub declared_mime: String,
    /// Media type, as the bytes say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Upright, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Upright, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// When it was captured, by the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub captured_at: Option<Timestamp>,
    /// Where it was captured, by the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_where: Option<Position>,
    /// Where the picture comes from, by the phone: `camera` or `file`; absent where the phone did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// The picture as the camera gave it, where what is attached is a smaller copy of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalPhoto>,
    /// When it was taken, by the camera's own clock and in its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_at: Option<String>,
    /// Where it was taken, by the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_where: Option<Position>,
    /// Photos like it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Twin>,
    /// How many photos like it there are in visits that the caller may not review.
    #[serde(skip_serializing_if = "is_none")]
    pub twins_elsewhere: usize,
}

/// A picture before the phone scaled it down; its bytes are on the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OriginalPhoto {
    /// SHA-256 of its bytes.
    #[schema(value_type = String)]
    pub hash: Hash,
    /// Its length in bytes.
    pub size: u64,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    /// Degrees north.
    pub latitude: String,
    /// Degrees east.
    pub longitude: String,
    /// Radius of uncertainty in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<String>,
    /// Whether the platform says that it is simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mocked: Option<bool>,
    /// When it was fixed, by the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The visit of somebody who may review it, with its ops.
fn find_visit(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<AuditOps, ApiError> {
    principal.require(Permission::ReviewVisits, &Target::Own)?;
    let nowhere = || ApiError::not_found("la visita", "the visit");
    let found = audits::find(tx, principal.org, visit)?.ok_or_else(nowhere)?;
    let at = branch_target(tx, principal.org, found.branch_id)?;
    principal.require(Permission::ReviewVisits, &at).map_err(|_| nowhere())?;
    content::ops(tx, principal.org, visit)
}

/// The evidence of a visit.
///
/// # Errors
/// `not_found` (404) for a visit that the person may not review, `forbidden` (403) for somebody who reviews nowhere.
pub(crate) fn report(
    tx: &mut Tx<'_>,
    principal: &Principal,
    visit: AuditId,
) -> Result<VisitEvidence, ApiError> {
    let view = find_visit(tx, principal, visit)?.view();
    let assignment = audits::find(tx, principal.org, visit)?.and_then(|it| it.assignment_id);
    let assignment =
        assignment.map(|it| programmes::find_assignment(tx, principal.org, it)).transpose()?.flatten();
    let allowed = allowed(tx, principal.org, assignment.and_then(|it| it.wave_id))?;
    let declared = view.current_submit().map(|it| it.value.blobs.as_slice()).unwrap_or_default();
    let attached = view.attachments.values().flatten().map(|it| it.value.blob);
    let ids: BTreeSet<Hash> = attached.chain(declared.iter().map(|it| it.id)).collect();
    let stored = blobs::find_many(tx, principal.org, &Vec::from_iter(ids.clone()))?;
    let redacted = redactions::blobs_among(tx, principal.org, &Vec::from_iter(ids.clone()))?;
    let mut twins = twins::find(tx, principal, visit, &ids, &stored)?;
    let stored: BTreeMap<Hash, &Blob> = stored.iter().map(|it| (it.blob, it)).collect();
    let mut photos = Vec::new();
    for (field, list) in &view.attachments {
        for attachment in list {
            let blob = attachment.value.blob;
            let twins = twins.get_mut(&blob).map(std::mem::take).unwrap_or_default();
            // What another visit still counts on is gone from this one all the same.
            let is_redacted = attachment.redacted || redacted.contains(&blob);
            let found = stored.get(&blob).copied().filter(|_| !is_redacted);
            let state = match found {
                _ if is_redacted => "redacted",
                Some(_) => "stored",
                None => "missing",
            };
            photos.push(photo(field, &attachment.value, found, state, twins, allowed));
        }
    }
    let complete = ids.iter().all(|it| stored.contains_key(it) || redacted.contains(it));
    Ok(VisitEvidence { visit, complete, photos })
}

fn photo(
    field: &str,
    attached: &AttachValue,
    stored: Option<&Blob>,
    state: &'static str,
    twins: Twins,
    allowed: Allowed,
) -> PhotoEvidence {
    let item = AnswerField::parse(field).map_or(field, |it| it.item);
    let captured_at = attached.captured_at_ms.and_then(|it| i64::try_from(it).ok());
    let camera_where = stored.and_then(|it| Some(position(it.latitude_e7?, it.longitude_e7?)));
    PhotoEvidence {
        blob: attached.blob,
        field: field.to_owned(),
        item: item.to_owned(),
        state,
        picture: stored.map(|it| it.picture.as_str()),
        flags: flags(attached, stored, &twins, allowed),
        size: attached.size,
        declared_mime: attached.mime.clone(),
        mime: stored.and_then(|it| it.mime.clone()),
        width: stored.and_then(|it| it.width),
        height: stored.and_then(|it| it.height),
        captured_at: captured_at.and_then(|it| Timestamp::from_millisecond(it).ok()),
        captured_where: attached.gps.as_ref().map(captured_where),
        source: attached.source.map(PhotoSource::name),
        original: attached.original.map(|it| OriginalPhoto { hash: it.hash, size: it.size }),
        camera_at: stored.and_then(|it| it.taken_at.clone()),
        camera_where,
        twins: twins.told,
        twins_elsewhere: twins.elsewhere,
    }
}

fn flags(attached: &AttachValue, stored: Option<&Blob>, twins: &Twins, allowed: Allowed) -> Vec<String> {
    let mut flags = Vec::new();
    let mime = &attached.mime;
    let is_permitted = if attachment::is_sound(mime) { allowed.audio } else { allowed.files };
    if attachment::is_no_picture(mime) && !is_permitted {
        flags.push("not_permitted".to_owned());
    }
    if let Some(stored) = stored {
        let is_looked_at = stored.picture != Picture::Pending;
        let found = stored.mime.as_deref();
        let is_no_picture = attachment::is_no_picture(&attached.mime);
        // Sound and files are told by how they begin; a table begins as text does.
        let is_same = found == Some(attached.mime.as_str())
            || (is_no_picture && found == Some("text/plain") && attached.mime.starts_with("text/"));
        if is_looked_at && !is_same {
            flags.push("mime_differs".to_owned());
        }
        if stored.size != attached.size {
            flags.push("size_differs".to_owned());
        }
        // What is not said to be a picture need not be one.
        let is_picture_wanted = !is_no_picture || !is_same;
        flags.extend(stored.reason.clone().filter(|it| is_picture_wanted || it != "not_an_image"));
    }
    let is_same = |it: &&Twin| it.blob == attached.blob;
    if twins.told.iter().any(|it| is_same(&it)) {
        flags.push("seen_before".to_owned());
    }
    if twins.elsewhere > 0 || !twins.told.iter().all(|it| is_same(&it)) {
        flags.push("looks_alike".to_owned());
    }
    flags
}

fn position(latitude_e7: i64, longitude_e7: i64) -> Position {
    Position {
        latitude: decimal::shown(latitude_e7, DEGREE_DECIMALS),
        longitude: decimal::shown(longitude_e7, DEGREE_DECIMALS),
        accuracy: None,
        mocked: None,
        at: None,
    }
}

fn captured_where(gps: &Gps) -> Position {
    Position::stated((gps.lat_e7, gps.lon_e7), gps.accuracy_mm, gps.mocked, gps.at_ms)
}

impl Position {
    /// A position as a phone stated it: degrees times 10,000,000, millimetres, and milliseconds since 1970.
    pub(crate) fn stated(
        (lat_e7, lon_e7): (i64, i64),
        accuracy_mm: Option<u64>,
        mocked: Option<bool>,
        at_ms: Option<u64>,
    ) -> Self {
        let accuracy = accuracy_mm.and_then(|it| i64::try_from(it).ok()).map(|it| decimal::shown(it, 3));
        let at = at_ms.and_then(|it| i64::try_from(it).ok());
        let at = at.and_then(|it| Timestamp::from_millisecond(it).ok());
        Self { accuracy, mocked, at, ..position(lat_e7, lon_e7) }
    }
}

/// A stored blob that was ever attached to a visit, for somebody who may review the visit.
///
/// # Errors
/// As [`report`]; `not_found` for a blob, or a picture as the camera gave it, that is not of this visit or not stored.
pub(crate) fn find_blob(
    tx: &mut Tx<'_>,
    principal: &Principal,
    visit: AuditId,
    blob: &str,
) -> Result<Blob, ApiError> {
    let ops = find_visit(tx, principal, visit)?;
    let nowhere = || ApiError::not_found("la evidencia", "the evidence");
    let blob: Hash = blob.parse().map_err(|_| nowhere())?;
    let attaches =
        |value: AttachValue| value.blob == blob || value.original.is_some_and(|it| it.hash == blob);
    let attached =
        ops.iter().filter(|(_, it)| it.op.kind == Kind::Attach && payload::of_op(&it.op).is_ok_and(attaches));
    let mut attached = attached.map(|(id, it)| ops.redactions().names(id, &it.op)).peekable();
    if attached.peek().is_none() {
        return Err(nowhere());
    }
    if attached.all(|is_redacted| is_redacted) {
        let (es, en) = ("La foto se suprimió.", "the photo was redacted");
        return Err(domain::Problem::single(410, "redacted", es, en).into());
    }
    blobs::find(tx, principal.org, blob)?.ok_or_else(nowhere)
}
