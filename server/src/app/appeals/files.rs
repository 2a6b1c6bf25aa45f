//! Files that a branch attaches to an item of its open appeal: pictures and documents, few and small, told by their own bytes. Their bytes
//! are blobs like any evidence, kept under their hash; the same file again changes nothing. Of what is refused no byte stays but those that
//! something else in the organization counts on.

use super::{closed, no_such_appeal, read};
use crate::{
    app::App,
    blob_store::BlobFile,
    error::ApiError,
    evidence::mime_of,
    exchange::{
        blobs::{FULL_RETRY_SECONDS, has_room},
        signing_key,
    },
    office::Office,
    principal::{Principal, branch_target},
    zone::instant,
};
use db::{
    Micros, Tx,
    appeals::{self, Appeal, AppealFile},
    audits,
    blobs::{self, Blob, Picture},
    redactions,
};
use domain::{
    access::{Permission, Target},
    appeal::{AppealState, MAX_FILE_BYTES, MAX_FILES},
    attachment,
    ids::{AppealId, OrgId},
};
use serde::Serialize;
use serde_json::json;
use sync_core::{DeviceId, Hash};
use utoipa::ToSchema;

/// A file that was attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AppealFileEntry {
    /// SHA-256 of its bytes, by which it is read.
    #[schema(value_type = String)]
    blob: Hash,
    /// Its media type, as its bytes show it.
    mime: String,
    /// Its length in bytes.
    size: u64,
    /// When it was attached, RFC 3339.
    added_at: String,
}

/// Refuses who may not attach to an item of an appeal, before any byte of the file is read.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `appeal_closed` (409), `item_not_appealed` (422).
pub(crate) fn may_attach(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: AppealId,
    item: &str,
) -> Result<(), ApiError> {
    let found = may_attach_any(tx, principal, id)?;
    check_item(tx, principal, &found, item)
}

/// The appeal, for somebody who may attach to it whatever item it is.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `appeal_closed` (409).
pub(crate) fn may_attach_any(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: AppealId,
) -> Result<Appeal, ApiError> {
    principal.require(Permission::AppealVisits, &Target::Own)?;
    let (found, _, _) = read::find(tx, principal, id)?;
    // A reviewer of the branch sees the appeal, and is not who brings evidence to it.
    let at = branch_target(tx, principal.org, found.branch_id)?;
    if !principal.may(Permission::AppealVisits, &at) {
        return Err(no_such_appeal());
    }
    if found.state == AppealState::Open { Ok(found) } else { Err(closed(found.state)) }
}

/// That more files come at once than there are places for.
pub(crate) fn too_many_at_once() -> ApiError {
    ApiError::later(
        503,
        "busy",
        "Se reciben demasiados archivos a la vez; intente de nuevo en unos segundos.",
        "too many files come at once; try again in a few seconds",
    )
}

fn check_item(tx: &mut Tx<'_>, principal: &Principal, found: &Appeal, item: &str) -> Result<(), ApiError> {
    let named = appeals::list_items(tx, principal.org, &[found.appeal_id])?;
    if !named.iter().any(|it| it.item == item) {
        let (es, en) = ("La apelación no nombra esa pregunta.", "the appeal does not name this item");
        return Err(ApiError::field("/item", "item_not_appealed", es, en));
    }
    Ok(())
}

/// Whether a file may be attached now: the same one where it was attached before, which changes nothing, else none.
///
/// # Errors
/// As [`may_attach`]; `too_many_files`, `redacted` (409).
fn check_open(
    tx: &mut Tx<'_>,
    principal: &Principal,
    (id, item): (AppealId, &str),
    blob: Hash,
) -> Result<Option<AppealFile>, ApiError> {
    may_attach(tx, principal, id, item)?;
    refuse_redacted(tx, principal, blob)?;
    let mut held = appeals::list_files(tx, principal.org, id)?;
    if let Some(place) = held.iter().position(|it| it.item == item && it.blob == blob) {
        return Ok(Some(held.swap_remove(place)));
    }
    if u64::try_from(held.len()).unwrap_or(u64::MAX) >= MAX_FILES {
        return Err(ApiError::conflict(
            "too_many_files",
            format!("Una apelación lleva {MAX_FILES} archivos a lo más."),
            format!("an appeal has {MAX_FILES} files at most"),
        ));
    }
    Ok(None)
}

fn refuse(code: &str, es: &str, en: &str) -> ApiError {
    ApiError::field("", code, es, en)
}

/// Attaches a file. Blocks.
///
/// # Errors
/// As [`may_attach`]; `too_many_files` (409), `empty_file`, `file_too_large`, `media_type` (422), `redacted` (409) for bytes that were taken
/// out of this office for good, `storage_full` (503).
pub(crate) fn attach(
    app: &App,
    principal: &Principal,
    id: AppealId,
    item: &str,
    bytes: Vec<u8>,
) -> Result<AppealFileEntry, ApiError> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size == 0 {
        return Err(refuse("empty_file", "El archivo está vacío.", "the file is empty"));
    }
    if size > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let mime = mime_of(&bytes).filter(|it| attachment::is_of_appeal(it)).ok_or_else(|| {
        let es = "El archivo debe ser una foto (JPEG, PNG o WebP) o un PDF.";
        refuse("media_type", es, "the file must be a photo (JPEG, PNG or WebP) or a PDF")
    })?;
    let (org, blob) = (principal.org, Hash::of(&bytes));
    if let Some(known) = app.db.read(|tx| check_open(tx, principal, (id, item), blob))? {
        return Ok(entry(&known));
    }
    if !has_room(app)? {
        return Err(full());
    }
    let (inside, by, item) = (app.clone(), principal.clone(), item.to_owned());
    let stored = app.blobs.alone(org, blob, || {
        let put = app.blobs.in_turn(|| app.blobs.put(org, blob, BlobFile::Original, bytes));
        let row = move |tx: &mut Tx<'_>| {
            let mut office = Office::of_principal(&inside, by.clone());
            let entry = store(tx, &mut office, &by, (id, &item), (blob, mime, size))?;
            office.close(tx)?;
            Ok::<_, ApiError>(entry)
        };
        let stored = put.and_then(|()| app.db.write(row));
        if stored.is_err() {
            remove_stray(app, org, blob);
        }
        stored
    })?;
    app.photos.notify_one();
    Ok(stored)
}

/// Takes the bytes of what was refused away, where no row names them. A row may have come by an answer that was lost, or be another's.
fn remove_stray(app: &App, org: OrgId, blob: Hash) {
    let removed = app
        .db
        .read(|tx| blobs::find(tx, org, blob))
        .map_err(ApiError::from)
        .and_then(|row| if row.is_none() { app.blobs.remove_stray(org, blob) } else { Ok(()) });
    if let Err(error) = removed {
        // Why the file was refused is what its sender is told.
        tracing::warn!(%org, %blob, %error, "bytes of a refused file stay in the store");
    }
}

/// That the disk takes no more.
fn full() -> ApiError {
    ApiError::later(
        503,
        "storage_full",
        "El almacén de evidencia está lleno; avise a quien lo administra e intente más tarde.",
        "the store of evidence is full; tell whoever runs it and try again later",
    )
    .retry_after(FULL_RETRY_SECONDS)
}

/// That a file is larger than it may be.
pub(crate) fn too_large() -> ApiError {
    let most = MAX_FILE_BYTES / 1_000_000;
    ApiError::field(
        "",
        "file_too_large",
        format!("El archivo pasa de {most} MB."),
        format!("the file is larger than {most} MB"),
    )
}

fn refuse_redacted(tx: &mut Tx<'_>, principal: &Principal, blob: Hash) -> Result<(), ApiError> {
    if redactions::blobs_among(tx, principal.org, &[blob])?.is_empty() {
        return Ok(());
    }
    let es = "Ese archivo se suprimió por contener datos personales.";
    Err(ApiError::conflict("redacted", es, "this file was redacted, since it held personal data"))
}

fn store(
    tx: &mut Tx<'_>,
    office: &mut Office,
    principal: &Principal,
    (id, item): (AppealId, &str),
    (blob, mime, size): (Hash, &str, u64),
) -> Result<AppealFileEntry, ApiError> {
    let (org, now) = (office.org(), office.now());
    let found = appeals::find(tx, org, id)?.ok_or_else(no_such_appeal)?;
    // Whoever decides, or attaches at the same time, waits.
    audits::lock(tx, org, found.audit_id)?;
    if let Some(known) = check_open(tx, principal, (id, item), blob)? {
        return Ok(entry(&known));
    }
    // What came to the office by no device is the office's own.
    let dev = signing_key(tx, org)?.public_key().device();
    blobs::append(tx, org, &row(dev, (blob, size), now))?;
    let file = AppealFile {
        appeal_id: id,
        item: item.to_owned(),
        blob,
        mime: mime.to_owned(),
        size,
        added_by: principal.user,
        added_at: now,
    };
    appeals::append_file(tx, org, &file)?;
    let detail = json!({"item": item, "blob": blob, "mime": mime, "size": size});
    office.record("appeal_file_attached", "appeal", id, &detail)?;
    Ok(entry(&file))
}

fn row(dev: DeviceId, (blob, size): (Hash, u64), now: Micros) -> Blob {
    Blob {
        blob,
        size,
        dev,
        stored_at: now,
        picture: Picture::Pending,
        attempts: 0,
        reason: None,
        mime: None,
        width: None,
        height: None,
        taken_at: None,
        latitude_e7: None,
        longitude_e7: None,
        look: None,
    }
}

fn entry(it: &AppealFile) -> AppealFileEntry {
    AppealFileEntry { blob: it.blob, mime: it.mime.clone(), size: it.size, added_at: instant(it.added_at) }
}

/// A file of an appeal, for either side.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `own_visit` (403).
pub(crate) fn find_file(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: AppealId,
    blob: &str,
) -> Result<AppealFile, ApiError> {
    let (found, _, _) = read::find(tx, principal, id)?;
    let nowhere = || ApiError::not_found("la evidencia", "the evidence");
    let blob: Hash = blob.parse().map_err(|_| nowhere())?;
    let files = appeals::list_files(tx, principal.org, found.appeal_id)?;
    files.into_iter().find(|it| it.blob == blob).ok_or_else(nowhere)
}
