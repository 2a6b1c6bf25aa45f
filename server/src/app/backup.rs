//! A copy of the whole office, and what changes when one takes the place of an office that is lost.

pub use crate::app::blob_copies::BlobCopies;
use crate::{
    app::{App, blob_copies::Shelf, evidence::BlobCheck, organizations},
    blob_store::BlobFile,
    config::Config,
    environment::Environment,
    error::ApiError,
    exchange,
};
use domain::ids::OrgId;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use sync_core::{DeviceId, Hash};

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// The epoch of the office that was copied.
    pub epoch: u64,
    /// Its organizations.
    pub organizations: usize,
    /// Its evidence.
    pub blobs: CopiedBlobs,
}

/// What became of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CopiedBlobs {
    /// Blobs that were copied now.
    pub copied: u64,
    /// Blobs that were there already.
    pub already: u64,
    /// Blobs that are nowhere, or damaged. After a restore phones are asked for them again.
    pub missing: u64,
    /// Whether they lie in a bucket, whose own copies its keeper has to make.
    pub left_to_the_bucket: bool,
}

/// How far the logs of devices are at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends(Vec<(OrgId, Vec<(DeviceId, u64)>)>);

impl Ends {
    /// As they are now: a copy that is begun after this holds all of it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn now(app: &App) -> Result<Self, ApiError> {
        let mut all = Vec::new();
        for organization in app.db.read(db::organizations::list)? {
            let (org, mut ends, mut after) = (organization.org_id, Vec::new(), None);
            loop {
                let page = app.db.read(|tx| db::devices::list_ends(tx, org, after, db::MAX_PAGE))?;
                ends.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            all.push((org, ends));
        }
        Ok(Self(all))
    }

    /// Tells phones from now on that all of it is in a copy which is kept elsewhere, with its photos: they may let go of theirs.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_durable(self, app: &App) -> Result<(), ApiError> {
        for (org, ends) in self.0 {
            app.act_as("operator", org, move |tx, office| {
                db::devices::set_durable(tx, org, &ends)?;
                let devices = ends.len();
                office.record("copy_kept_elsewhere", "organization", org, &json!({ "devices": devices }))
            })?;
        }
        Ok(())
    }
}

/// Copies everything that is committed now into a new file, without stopping anybody. The file holds the office's keys and
/// password hashes. Then copies the evidence, where it is said to where, so that all
/// that the file counts on is there; evidence in a bucket stays there, and what the bucket lacks is counted.
///
/// # Errors
/// Those of the database and the file system.
pub fn back_up(app: &App, to: &Path, copies: Option<BlobCopies<'_>>) -> Result<Copied, ApiError> {
    app.db.back_up(to)?;
    let blobs = match copies {
        _ if app.blobs.is_bucket() => count_in_the_bucket(app)?,
        Some(copies) => copy_blobs(app, copies)?,
        None => CopiedBlobs::default(),
    };
    count(app, blobs)
}

fn copy_blobs(app: &App, copies: BlobCopies<'_>) -> Result<CopiedBlobs, ApiError> {
    let (mut counted, mut shelf) = (CopiedBlobs::default(), Shelf::of(copies));
    each_blob(app, |org, blob| {
        if shelf.has(org, blob).map_err(ApiError::internal)? {
            counted.already += 1;
            return Ok(());
        }
        match app.blobs.get(org, blob, BlobFile::Original)?.filter(|it| Hash::of(it) == blob) {
            Some(bytes) => {
                shelf.add(org, blob, &bytes).map_err(ApiError::internal)?;
                counted.copied += 1;
            }
            None if is_redacted_since(app, org, blob)? => {}
            None => counted.missing += 1,
        }
        Ok(())
    })?;
    Ok(counted)
}

/// Whether a blob that was counted on is not any more: it was redacted while others were copied.
fn is_redacted_since(app: &App, org: OrgId, blob: Hash) -> Result<bool, ApiError> {
    Ok(app.db.read(|tx| db::blobs::find(tx, org, blob))?.is_none())
}

fn count_in_the_bucket(app: &App) -> Result<CopiedBlobs, ApiError> {
    let mut counted = CopiedBlobs { left_to_the_bucket: true, ..CopiedBlobs::default() };
    let there = listed(app)?;
    each_blob(app, |org, blob| {
        let place =
            if is_good(app, &there, (org, blob))? { &mut counted.already } else { &mut counted.missing };
        *place += 1;
        Ok(())
    })?;
    Ok(counted)
}

/// Whether a blob is in the store and whole. A bucket checks what it holds; to read all of it would cost its owner.
fn is_good(
    app: &App,
    listed: &BTreeSet<(OrgId, Hash)>,
    (org, blob): (OrgId, Hash),
) -> Result<bool, ApiError> {
    Ok(listed.contains(&(org, blob)) || app.check_blob(org, blob)? == BlobCheck::Good)
}

/// What lies in a bucket; nothing where the store is none, whose files are read instead.
fn listed(app: &App) -> Result<BTreeSet<(OrgId, Hash)>, ApiError> {
    let mut there = BTreeSet::new();
    if !app.blobs.is_bucket() {
        return Ok(there);
    }
    for organization in app.db.read(db::organizations::list)? {
        let org = organization.org_id;
        there.extend(app.blobs.list(org)?.into_iter().map(|blob| (org, blob)));
    }
    Ok(there)
}

fn each_blob(app: &App, mut each: impl FnMut(OrgId, Hash) -> Result<(), ApiError>) -> Result<(), ApiError> {
    for organization in app.db.read(db::organizations::list)? {
        let (org, mut after) = (organization.org_id, None);
        loop {
            let page = app.db.read(|tx| db::blobs::list(tx, org, after, db::MAX_PAGE))?;
            page.items.iter().try_for_each(|it| each(org, it.blob))?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// What becomes of evidence that is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It is only counted.
    Counted,
    /// Phones are asked for it again: those that still have it bring it.
    AskedFor,
}

/// Puts evidence that is not in the store, or damaged there, back out of copies.
///
/// # Errors
/// Those of the database, the store and the file system.
pub fn bring_evidence(
    app: &App,
    copies: Option<BlobCopies<'_>>,
    lost: Lost,
) -> Result<CopiedBlobs, ApiError> {
    let mut counted = CopiedBlobs { left_to_the_bucket: app.blobs.is_bucket(), ..CopiedBlobs::default() };
    let (there, mut shelf) = (listed(app)?, copies.map(Shelf::of));
    let mut missing: BTreeMap<OrgId, Vec<Hash>> = BTreeMap::new();
    each_blob(app, |org, blob| {
        let is_good = is_good(app, &there, (org, blob))?;
        if is_good {
            counted.already += 1;
            return Ok(());
        }
        let found = shelf.as_mut().map(|it| it.find(org, blob)).transpose().map_err(ApiError::internal)?;
        match found.flatten() {
            _ if is_redacted_since(app, org, blob)? => {}
            Some(bytes) => {
                app.blobs.put(org, blob, BlobFile::Original, bytes)?;
                if is_redacted_since(app, org, blob)? {
                    app.blobs.remove(org, blob)?;
                } else {
                    counted.copied += 1;
                }
            }
            None => {
                missing.entry(org).or_default().push(blob);
                counted.missing += 1;
            }
        }
        Ok(())
    })?;
    if lost == Lost::AskedFor {
        for (org, blobs) in missing {
            app.act_as("operator", org, move |tx, office| {
                let forgotten = db::blobs::forget(tx, org, &blobs)?;
                office.record("evidence_asked_again", "organization", org, &json!({ "blobs": forgotten }))
            })?;
        }
    }
    Ok(counted)
}

/// Makes an office from a copy where there is none yet. Devices notice by its new epoch that it may have lost what they sent
/// last, and send it again; from here on it signs with new keys, since under the old ones there may be ops that the copy
/// does not know. Evidence comes from the copies, where there are any, and from the store itself.
///
/// # Errors
/// Those of the database and the file system.
pub fn restore(
    config: Config,
    environment: Environment,
    from: &Path,
    copies: Option<BlobCopies<'_>>,
) -> Result<Copied, ApiError> {
    db::Db::restore(&config.database_url, from)?;
    let db = db::Db::open(&config.database_url, &db::DbOptions::default())?;
    let app = App::over(db, config, environment)?;
    let now = app.now();
    let epoch = app.db.write(move |tx| exchange::raise_epoch(tx, now))?;
    for organization in app.db.read(db::organizations::list)? {
        app.act_as("operator", organization.org_id, move |tx, office| {
            let first = db::organizations::list_server_keys(tx, office.org())?.into_iter().next();
            let first =
                first.ok_or_else(|| ApiError::internal("the organization has no key of the server"))?;
            let secret = exchange::relay::server_secret_of(&first.secret_key.0, epoch)?;
            organizations::append_server_key(tx, office, secret)?;
            office.record("office_restored", "organization", office.org(), &json!({ "epoch": epoch }))
        })?;
    }
    let blobs = bring_evidence(&app, copies, Lost::AskedFor)?;
    app.db.gather()?;
    // Last: what was interrupted before is done again, which only takes a further epoch and further keys.
    app.db.finish_restore()?;
    count(&app, blobs)
}

fn count(app: &App, blobs: CopiedBlobs) -> Result<Copied, ApiError> {
    app.db.read(|tx| {
        let (epoch, organizations) = (exchange::epoch(tx)?, db::organizations::list(tx)?.len());
        Ok(Copied { epoch, organizations, blobs })
    })
}
