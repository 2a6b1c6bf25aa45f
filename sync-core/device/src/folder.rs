//! A device's place on an ordinary file system: a folder with the database, the key and the files of photos. Owns the names in it,
//! who may read it, and what makes a file durable.

use std::{
    any::Any,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use rusqlite::{Connection, OpenFlags};
use sync_core::{DeviceId, Hash, Hasher, payload::BlobRef};

use crate::{
    DeviceError, DeviceKey, Files, Place, PlatformKey,
    place::{self, READ_BYTES},
};

const DATABASE_FILE: &str = "device.db";
/// Locked while a device is open.
const LOCK_FILE: &str = "device.lock";
const KEY_FILE: &str = "device.key";
/// A key that takes the place of the other once the database is its own.
const NEXT_KEY_FILE: &str = "device.key.next";
/// The one that was in use before: it signs until the server knows its successor.
const FORMER_KEY_FILE: &str = "device.key.former";
const BLOBS: &str = "blobs";
/// A file that is being written; what an interrupted capture leaves.
const INCOMING: &str = "incoming";

fn file_error(what: &'static str) -> impl Fn(io::Error) -> DeviceError {
    move |source| DeviceError::File { what, source }
}

/// How a new file is made that nobody else may read.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// How a new folder is made that nobody else may read.
#[cfg(unix)]
fn private_folder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn private_folder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// Locks a file, or says who else has it.
#[cfg(unix)]
fn try_lock(file: &File) -> Result<(), TryLockError> {
    use rustix::{fs, io::Errno};
    // The standard library's own does not know Android before Rust 1.98, where it always fails.
    fs::flock(file, fs::FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        Errno::WOULDBLOCK => TryLockError::WouldBlock,
        other => TryLockError::Error(other.into()),
    })
}

#[cfg(not(unix))]
fn try_lock(file: &File) -> Result<(), TryLockError> {
    file.try_lock()
}

/// Makes what was created or renamed in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and its entries are durable with the file.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes a file; that it is not there is as good.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that is there or not.
    pub fn at(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// A folder that is made if needed.
    ///
    /// - **Errors**: files.
    pub fn make(dir: &Path) -> Result<Self, DeviceError> {
        fs::create_dir_all(dir).map_err(file_error("cannot create the device's folder"))?;
        Ok(Self::at(dir))
    }

    /// The key that a device here has, or was about to have, whatever became of its database; none where it is lost.
    ///
    /// - **Errors**: `device_key_damaged`; files.
    pub fn newest_key(&self) -> Result<Option<DeviceKey>, DeviceError> {
        Ok(match Self::read_key(&self.0.join(KEY_FILE))? {
            Some(key) => Some(key),
            None => Self::read_key(&self.0.join(NEXT_KEY_FILE))?,
        })
    }

    fn read_key(path: &Path) -> Result<Option<DeviceKey>, DeviceError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let secret: Hash = text.trim().parse().map_err(|_| {
                    DeviceError::problem(
                        500,
                        "device_key_damaged",
                        "El archivo de la clave del dispositivo está dañado; hay que volver a enrolarlo",
                        "the device's key file is damaged; the device must be enrolled anew",
                    )
                })?;
                Ok(Some(DeviceKey::software(secret.0)))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error("cannot read the device's key file")(e)),
        }
    }
}

/// Makes the database's file where there is none, and keeps others from reading it: it holds the token of the session.
/// SQLite gives the files beside it the same rights. What an earlier version made for all to read is tightened; nobody
/// chose that.
fn keep_private(path: &Path) -> Result<(), DeviceError> {
    let file = file_error("cannot keep the device's database private");
    match private().open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(file(error)),
    }
    #[cfg(unix)]
    for beside in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mut path = path.as_os_str().to_owned();
        path.push(beside);
        // Not by opening it: closing it would take back the locks of whoever has it open in this process.
        match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
            // Whose it is decides, and some file systems know no rights.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Err(file(error));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Place for Folder {
    fn lock(&self) -> Result<Box<dyn Any + Send>, DeviceError> {
        let file = file_error("cannot lock the device's folder");
        let lock = File::options().create(true).append(true).open(self.0.join(LOCK_FILE)).map_err(&file)?;
        match try_lock(&lock) {
            // Given back by the system when it, or its process, is gone.
            Ok(()) => Ok(Box::new(lock)),
            Err(TryLockError::WouldBlock) => Err(DeviceError::problem(
                409,
                "device_in_use",
                "Otro programa tiene abierto este dispositivo; espere a que termine",
                "another program has this device open; wait until it ends",
            )),
            Err(TryLockError::Error(source)) => Err(file(source)),
        }
    }

    fn has_database(&self) -> bool {
        self.0.join(DATABASE_FILE).exists()
    }

    fn connect(&self) -> Result<Connection, DeviceError> {
        let path = self.0.join(DATABASE_FILE);
        keep_private(&path)?;
        Ok(Connection::open(path)?)
    }

    fn connect_to_read(&self) -> Result<Connection, DeviceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Connection::open_with_flags(self.0.join(DATABASE_FILE), flags)?)
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::new(BlobFolder(self.0.join(BLOBS)))
    }

    fn prepare_key(&self, key: &DeviceKey) -> Result<(), DeviceError> {
        let path = self.0.join(NEXT_KEY_FILE);
        // One that was never settled belongs to no database.
        remove(&path).map_err(file_error("cannot replace the device's next key file"))?;
        let mut file = private().open(path).map_err(file_error("cannot create the device's key file"))?;
        let text = format!("{}\n", Hash(key.secret));
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(file_error("cannot write the device's key file"))
    }

    fn settle_key(&self) -> Result<(), DeviceError> {
        let in_place = file_error("cannot put the device's key file in place");
        match fs::rename(self.0.join(KEY_FILE), self.0.join(FORMER_KEY_FILE)) {
            // Lost, or put aside before a crash.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(in_place(error)),
            _ => {}
        }
        fs::rename(self.0.join(NEXT_KEY_FILE), self.0.join(KEY_FILE)).map_err(in_place)?;
        sync_folder(&self.0).map_err(file_error("cannot sync the device's folder"))
    }

    fn find_key(&self, dev: DeviceId) -> Result<Option<DeviceKey>, DeviceError> {
        let next = Self::read_key(&self.0.join(NEXT_KEY_FILE)).ok().flatten().filter(|it| it.dev() == dev);
        if next.is_some() {
            self.settle_key()?;
            return Ok(next);
        }
        let found = Self::read_key(&self.0.join(KEY_FILE))?.filter(|it| it.dev() == dev);
        // One that is put aside tells nothing of a key that is lost.
        let former = || Self::read_key(&self.0.join(FORMER_KEY_FILE)).ok().flatten();
        Ok(found.or_else(|| former().filter(|it| it.dev() == dev)))
    }
}

/// A folder whose key the platform keeps, where no program can read it (Android's Keystore, iOS' Secure Enclave).
pub struct KeyedFolder {
    folder: Folder,
    keys: Vec<PlatformKey>,
}

impl KeyedFolder {
    /// A folder with every key that the platform keeps for it.
    pub fn over(folder: Folder, keys: Vec<PlatformKey>) -> Self {
        Self { folder, keys }
    }
}

impl Place for KeyedFolder {
    fn lock(&self) -> Result<Box<dyn Any + Send>, DeviceError> {
        self.folder.lock()
    }

    fn has_database(&self) -> bool {
        self.folder.has_database()
    }

    fn connect(&self) -> Result<Connection, DeviceError> {
        self.folder.connect()
    }

    fn connect_to_read(&self) -> Result<Connection, DeviceError> {
        self.folder.connect_to_read()
    }

    fn files(&self) -> Arc<dyn Files> {
        self.folder.files()
    }

    fn prepare_key(&self, _: &DeviceKey) -> Result<(), DeviceError> {
        // The platform kept it before it was told here.
        Ok(())
    }

    fn settle_key(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    fn find_key(&self, dev: DeviceId) -> Result<Option<DeviceKey>, DeviceError> {
        Ok(self.keys.iter().map(PlatformKey::key).find(|it| it.dev() == dev))
    }
}

/// The folder of the files.
struct BlobFolder(PathBuf);

impl BlobFolder {
    fn path(&self, id: &Hash) -> PathBuf {
        self.0.join(id.to_string())
    }

    fn create(&self) -> io::Result<()> {
        match private_folder().create(&self.0) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.0.parent().map_or(Ok(()), sync_folder),
        }
    }

    fn write(&self, from: &mut dyn Read, most: u64, incoming: &Path) -> Result<BlobRef, DeviceError> {
        let failed = file_error("cannot keep the photo");
        let mut file = private().open(incoming).map_err(&failed)?;
        let blob = copy(&mut from.take(most.saturating_add(1)), &mut file).map_err(&failed)?;
        place::check_size(blob.size, most)?;
        file.sync_all().map_err(&failed)?;
        drop(file);
        fs::rename(incoming, self.path(&blob.id)).map_err(&failed)?;
        sync_folder(&self.0).map_err(&failed)?;
        Ok(blob)
    }
}

/// Copies until the end; gives the number of bytes and their hash.
fn copy(from: &mut dyn Read, to: &mut File) -> io::Result<BlobRef> {
    let (mut hasher, mut size, mut buffer) = (Hasher::default(), 0_u64, vec![0; READ_BYTES]);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(BlobRef { id: hasher.finish(), size }),
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(read);
        size = size.saturating_add(u64::try_from(read.len()).unwrap_or(u64::MAX));
        to.write_all(read)?;
    }
}

impl Files for BlobFolder {
    fn take_in(&self, from: &mut dyn Read, most: u64) -> Result<BlobRef, DeviceError> {
        let failed = file_error("cannot keep the photo");
        self.create().map_err(&failed)?;
        let incoming = self.0.join(INCOMING);
        remove(&incoming).map_err(&failed)?;
        let result = self.write(from, most, &incoming);
        if result.is_err() {
            // What cannot be removed now is removed when the device is opened.
            let _ = remove(&incoming);
        }
        result
    }

    fn read(&self, id: &Hash, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(id))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, id: &Hash) -> Option<u64> {
        fs::metadata(self.path(id)).ok().filter(fs::Metadata::is_file).map(|it| it.len())
    }

    fn list(&self) -> io::Result<Vec<(Hash, u64)>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(id) = entry.file_name().to_str().and_then(|it| it.parse().ok()) {
                let modified = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH);
                let modified = modified.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
                files.push((id, modified));
            }
        }
        Ok(files)
    }

    fn remove(&self, id: &Hash) -> io::Result<()> {
        remove(&self.path(id))
    }

    fn tidy(&self) {
        let _ = remove(&self.0.join(INCOMING));
    }
}
