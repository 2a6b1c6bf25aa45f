//! A copy of the whole office, and what changes when one takes the place of an office that is lost.

use crate::{
    app::{App, organizations},
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
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
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

/// A folder of copies of blobs. Several copies of an office share one, and each adds only what is new.
#[derive(Clone, Copy)]
pub struct BlobCopies<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// What the names end with, for instance `.age`.
    pub suffix: &'a str,
    /// What is done to the bytes on their way: sealing them, or opening them again.
    pub pass: &'a dyn Fn(&[u8]) -> io::Result<Vec<u8>>,
}

impl BlobCopies<'_> {
    fn path(&self, org: OrgId, blob: Hash) -> PathBuf {
        let name = blob.to_string();
        let folder = name.get(..2).unwrap_or_default();
        self.folder.join(org.to_string()).join(folder).join(format!("{name}{}", self.suffix))
    }
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
/// that the file counts on is there.
///
/// # Errors
/// Those of the database and the file system.
pub fn back_up(app: &App, to: &Path, copies: Option<BlobCopies<'_>>) -> Result<Copied, ApiError> {
    app.db.back_up(to)?;
    let left_to_the_bucket = app.blobs.is_bucket();
    let blobs = match copies.filter(|_| !left_to_the_bucket) {
        Some(copies) => copy_blobs(app, &copies)?,
        None => CopiedBlobs { left_to_the_bucket, ..CopiedBlobs::default() },
    };
    count(app, blobs)
}

fn copy_blobs(app: &App, copies: &BlobCopies<'_>) -> Result<CopiedBlobs, ApiError> {
    let mut counted = CopiedBlobs::default();
    each_blob(app, |org, blob| {
        let path = copies.path(org, blob);
        if path.exists() {
            counted.already += 1;
            return Ok(());
        }
        match app.blobs.get(org, blob, BlobFile::Original)?.filter(|it| Hash::of(it) == blob) {
            Some(bytes) => {
                (copies.pass)(&bytes).and_then(|it| put_durably(&path, &it)).map_err(ApiError::internal)?;
                counted.copied += 1;
            }
            None => counted.missing += 1,
        }
        Ok(())
    })?;
    Ok(counted)
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

/// Writes a file that is there whole or not at all, and only for its owner.
fn put_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    // The name of the file, and the folders that may be new, three deep.
    folder
        .ancestors()
        .take(3)
        .filter(|it| !it.as_os_str().is_empty())
        .try_for_each(|it| File::open(it)?.sync_all())
}

/// Puts the evidence that the copy counts on into the store, and forgets what is nowhere: phones are asked for it again.
fn bring_blobs(app: &App, copies: Option<&BlobCopies<'_>>) -> Result<CopiedBlobs, ApiError> {
    let mut counted = CopiedBlobs { left_to_the_bucket: app.blobs.is_bucket(), ..CopiedBlobs::default() };
    let mut there = std::collections::BTreeSet::new();
    for organization in app.db.read(db::organizations::list)? {
        let org = organization.org_id;
        there.extend(app.blobs.list(org)?.into_iter().map(|blob| (org, blob)));
    }
    each_blob(app, |org, blob| {
        if there.contains(&(org, blob)) {
            counted.already += 1;
        } else if let Some(bytes) = copies.map(|it| opened(it, org, blob)).transpose()?.flatten() {
            app.blobs.put(org, blob, BlobFile::Original, bytes)?;
            counted.copied += 1;
        }
        Ok(())
    })?;
    for organization in app.db.read(db::organizations::list)? {
        let forgotten = app.forget_lost_blobs(organization.org_id)?;
        counted.missing += u64::try_from(forgotten).unwrap_or(u64::MAX);
    }
    Ok(counted)
}

/// A blob out of its copy; none where there is none, or another one.
fn opened(copies: &BlobCopies<'_>, org: OrgId, blob: Hash) -> Result<Option<Vec<u8>>, ApiError> {
    match fs::read(copies.path(org, blob)) {
        Ok(bytes) => Ok((copies.pass)(&bytes).ok().filter(|it| Hash::of(it) == blob)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::internal(error)),
    }
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
    let blobs = bring_blobs(&app, copies.as_ref())?;
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
