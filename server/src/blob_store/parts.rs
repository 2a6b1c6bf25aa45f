//! Blobs that are still coming, each a file that grows: the length of the file is what is held. Each device has its own, so
//! that none can spoil another's; a part that several requests write to at once is locked.

use super::make_private;
use domain::ids::OrgId;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use sync_core::{DeviceId, Hash, payload::BlobRef};

/// How often a part is opened again because somebody finished it meanwhile.
const ATTEMPTS: u32 = 8;

/// The folder of parts.
#[derive(Debug)]
pub(crate) struct Parts(PathBuf);

/// Whose part of which blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartKey {
    pub(crate) org: OrgId,
    pub(crate) dev: DeviceId,
    pub(crate) blob: BlobRef,
}

/// A part that nobody else writes to.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    held: u64,
}

impl Parts {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, key: &PartKey) -> PathBuf {
        let folder = self.0.join(key.org.to_string()).join(key.dev.to_string());
        folder.join(format!("{}-{}", key.blob.id, key.blob.size))
    }

    /// How many bytes are held; none where nothing came yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn held(&self, key: &PartKey) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(key)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a part, once nobody else has it; makes it where nothing came yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn open(&self, key: &PartKey) -> io::Result<Part> {
        let path = self.path(key);
        for _ in 0..ATTEMPTS {
            if let Some(folder) = path.parent() {
                make_private(folder)?;
            }
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = match options.open(&path) {
                // Its folder was empty and is thrown away at this moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            file.lock()?;
            let opened = file.metadata()?;
            // Who had it may have finished it: then this is a file without a name.
            if fs::metadata(&path).is_ok_and(|it| (it.dev(), it.ino()) == (opened.dev(), opened.ino())) {
                return Ok(Part { held: opened.len(), file, path });
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Throws away what came of a blob from any device; who is adding to it adds to a file without a name.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn forget(&self, org: OrgId, blob: Hash) -> io::Result<()> {
        let prefix = format!("{blob}-");
        for dev in entries(&self.0.join(org.to_string()))? {
            for path in entries(&dev)? {
                if path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&prefix)) {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Throws away what nobody added to since `before`; how many parts that were.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn expire(&self, before_micros: i64) -> io::Result<usize> {
        let before = instant(before_micros);
        let mut expired = 0;
        for org in entries(&self.0)? {
            for dev in entries(&org)? {
                for path in entries(&dev)? {
                    let file = OpenOptions::new().write(true).open(&path)?;
                    // Somebody who has it is adding to it.
                    if file.try_lock().is_ok() && file.metadata()?.modified()? < before {
                        fs::remove_file(&path)?;
                        expired += 1;
                    }
                }
                // Only an empty folder can be removed.
                let _ = fs::remove_dir(&dev);
            }
            let _ = fs::remove_dir(&org);
        }
        Ok(expired)
    }
}

impl Part {
    /// How many bytes are held.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Adds bytes at the end; they are durable when this returns. What cannot be added whole is not added at all.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn append(&mut self, bytes: &[u8], now_micros: i64) -> io::Result<()> {
        let added = (|| {
            self.file.seek(SeekFrom::Start(self.held))?;
            self.file.write_all(bytes)?;
            self.file.set_modified(instant(now_micros))?;
            self.file.sync_all()
        })();
        if added.is_err() {
            self.file.set_len(self.held)?;
        } else {
            self.held = self.held.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        added
    }

    /// All bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.held).unwrap_or(0));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Throws it away.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn instant(micros: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// What lies in a folder; nothing where there is none.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(found) => found.map(|it| Ok(it?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
