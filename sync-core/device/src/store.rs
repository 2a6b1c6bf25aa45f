//! The SQLite file: opening, migrations and the small values. Owns the settings that make a commit durable.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::visit_score::PreparedChecklist;
use rusqlite::{Connection, OptionalExtension};
use sync_core::{DeviceId, Hash, chain::Head, hlc::Clock, sealed::SEALED_OPS};

use crate::{
    DeviceError,
    blobs::BlobFolder,
    identity::{self, DeviceKind, Keys, NewDevice},
    writer::OpenAudits,
};

const DATABASE_FILE: &str = "device.db";
/// Locked while a device is open: two programs that append to one log would make a fork of it.
const LOCK_FILE: &str = "device.lock";

/// Migrations in order; the database's `user_version` is how many of them it has. They are never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/device/0001_store.sql"),
    include_str!("../../../migrations/device/0002_unplaced.sql"),
    include_str!("../../../migrations/device/0003_blobs.sql"),
    include_str!("../../../migrations/device/0004_receipts.sql"),
    include_str!("../../../migrations/device/0005_renewed.sql"),
    include_str!("../../../migrations/device/0006_redacted.sql"),
    include_str!("../../../migrations/device/0007_rows.sql"),
    include_str!("../../../migrations/device/0008_asked.sql"),
    include_str!("../../../migrations/device/0009_sealed.sql"),
    include_str!("../../../migrations/device/0010_proofs.sql"),
    include_str!("../../../migrations/device/0011_proofs_offered.sql"),
    include_str!("../../../migrations/device/0012_rests.sql"),
    include_str!("../../../migrations/device/0013_placed.sql"),
    include_str!("../../../migrations/device/0014_offers.sql"),
];

/// A device: a folder with a database, a key and the files of photos.
pub struct Device {
    pub(crate) dir: PathBuf,
    pub(crate) conn: Connection,
    pub(crate) keys: Keys,
    pub(crate) kind: DeviceKind,
    /// The end of the own log, as in the database.
    pub(crate) head: Head,
    pub(crate) clock: Clock,
    /// Audits in memory, as in the database.
    pub(crate) open: OpenAudits,
    pub(crate) templates: BTreeMap<Hash, Arc<PreparedChecklist>>,
    pub(crate) blobs: BlobFolder,
    /// Room where the folder lies, as last told.
    pub(crate) free_bytes: Option<u64>,
    pub(crate) seal_from: usize,
    /// Given back by the system when the device, or its process, is gone.
    _lock: File,
}

/// Takes the folder for this device alone.
fn lock(dir: &Path) -> Result<File, DeviceError> {
    let file = |source| DeviceError::File { what: "cannot lock the device's folder", source };
    let lock = File::options().create(true).append(true).open(dir.join(LOCK_FILE)).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DeviceError::problem(
            409,
            "device_in_use",
            "Otro programa tiene abierto este dispositivo; espere a que termine",
            "another program has this device open; wait until it ends",
        )),
        Err(TryLockError::Error(source)) => Err(file(source)),
    }
}

pub(crate) fn get_meta(conn: &Connection, key: &str) -> Result<Option<Vec<u8>>, DeviceError> {
    let mut find = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(find.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn put_meta(conn: &Connection, key: &str, value: &[u8]) -> Result<(), DeviceError> {
    conn.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute((key, value))?;
    Ok(())
}

/// A number of `meta`; none if it is not there.
pub(crate) fn get_number(conn: &Connection, key: &str) -> Result<Option<u64>, DeviceError> {
    get_meta(conn, key)?
        .map(|bytes| bytes.as_slice().try_into().map(u64::from_be_bytes).map_err(DeviceError::corrupt))
        .transpose()
}

/// A head of `meta`; the empty log if it is not there.
pub(crate) fn get_head(conn: &Connection, key: &str) -> Result<Head, DeviceError> {
    get_meta(conn, key)?.map_or(Ok(Head::EMPTY), |bytes| Ok(sync_core::codec::from_cbor(&bytes)?))
}

pub(crate) fn put_head(conn: &Connection, key: &str, head: &Head) -> Result<(), DeviceError> {
    put_meta(conn, key, &sync_core::codec::to_cbor(head)?)
}

/// Makes the database's file where there is none, and keeps others from reading it: it holds the token of the session.
/// SQLite gives the files beside it the same rights. What an earlier version made for all to read is tightened; nobody
/// chose that.
fn keep_private(path: &Path) -> Result<(), DeviceError> {
    let file = |source| DeviceError::File { what: "cannot keep the device's database private", source };
    match identity::private().open(path) {
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

fn connect(path: &Path) -> Result<Connection, DeviceError> {
    keep_private(path)?;
    let mut conn = Connection::open(path)?;
    // What is deleted is overwritten in the file too: a phone keeps nothing of what was taken from it, and no earlier copy of what
    // is redacted one day lies on in a free page.
    // The journal is taken over into the file every 16 MiB: with SQLite's 4, whoever waits for a sync after a long time without a
    // network waits for that too.
    // FULL: with less, a power cut could undo an op that was already sent, and the next op under its number would be
    // a fork (SYNC.md 2.6).
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
         PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8192; \
         PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    conn.set_prepared_statement_cache_capacity(64);
    let version: usize = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > MIGRATIONS.len() {
        return Err(DeviceError::problem(
            409,
            "newer_store",
            "Una versión más nueva de la aplicación escribió estos datos; actualícela",
            "a newer version of the app wrote this data; update the app",
        ));
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let tx = conn.transaction()?;
        tx.execute_batch(migration)?;
        tx.execute_batch(&format!("PRAGMA user_version = {}", number.saturating_add(1)))?;
        tx.commit()?;
    }
    Ok(conn)
}

impl Device {
    /// Makes a device in a folder, which is created if needed.
    ///
    /// - **Errors**: `device_exists` if the folder holds one; `device_in_use`; file and storage errors.
    pub fn create(dir: &Path, new: &NewDevice) -> Result<Self, DeviceError> {
        let file = |source| DeviceError::File { what: "cannot create the device's folder", source };
        fs::create_dir_all(dir).map_err(file)?;
        if dir.join(DATABASE_FILE).exists() && Self::is_complete(dir)? {
            return Err(DeviceError::problem(
                409,
                "device_exists",
                "La carpeta ya contiene un dispositivo",
                "the folder already holds a device",
            ));
        }
        // A key without a database may have written a log that is lost with it, so it is never used again.
        let keys = Keys::prepare(dir, new.secret)?;
        Keys::settle(dir)?;
        let mut conn = connect(&dir.join(DATABASE_FILE))?;
        let tx = conn.transaction()?;
        put_meta(&tx, "kind", new.kind.name().as_bytes())?;
        put_meta(&tx, "dev", &keys.dev().0)?;
        tx.commit()?;
        Self::over(dir, conn, keys)
    }

    fn is_complete(dir: &Path) -> Result<bool, DeviceError> {
        let conn = connect(&dir.join(DATABASE_FILE))?;
        Ok(get_meta(&conn, "dev")?.is_some())
    }

    /// Opens the device of a folder.
    ///
    /// - **Errors**: `no_device`, `device_without_key` (the data was copied without its key: it must not be used under the
    ///   old identity), `device_in_use` (another program has it open), `newer_store`; storage.
    pub fn open(dir: &Path) -> Result<Self, DeviceError> {
        let (conn, dev) = Self::database_of(dir)?;
        let keys = Keys::find(dir, dev)?.ok_or_else(|| {
            DeviceError::problem(
                409,
                "device_without_key",
                "Los datos están sin su clave: son una copia. Enrole un dispositivo nuevo",
                "the data is here without its key, so it is a copy: enrol a new device",
            )
        })?;
        Self::over(dir, conn, keys)
    }

    /// The database of a folder and whose it is.
    pub(crate) fn database_of(dir: &Path) -> Result<(Connection, DeviceId), DeviceError> {
        let path = dir.join(DATABASE_FILE);
        let no_device = || {
            DeviceError::problem(
                404,
                "no_device",
                "La carpeta no contiene un dispositivo; inicie sesión primero",
                "the folder holds no device; log in first",
            )
        };
        if !path.exists() {
            return Err(no_device());
        }
        let conn = connect(&path)?;
        let dev = get_meta(&conn, "dev")?.ok_or_else(no_device)?;
        let dev =
            <[u8; 16]>::try_from(dev).map_err(|_| DeviceError::corrupt("the device's name is damaged"))?;
        Ok((conn, DeviceId(dev)))
    }

    pub(crate) fn over(dir: &Path, conn: Connection, keys: Keys) -> Result<Self, DeviceError> {
        let lock = lock(dir)?;
        let kind = match get_meta(&conn, "kind")?.as_deref() {
            Some(b"import") => DeviceKind::Import,
            _ => DeviceKind::Phone,
        };
        let mut device = Self {
            dir: dir.to_owned(),
            conn,
            keys,
            kind,
            head: Head::EMPTY,
            clock: Clock::default(),
            open: OpenAudits::default(),
            templates: BTreeMap::new(),
            blobs: BlobFolder::of(dir),
            free_bytes: None,
            seal_from: SEALED_OPS,
            _lock: lock,
        };
        device.reload()?;
        device.tidy_blobs()?;
        device.purge_redacted()?;
        Ok(device)
    }

    /// Takes everything in memory from the database again.
    pub(crate) fn reload(&mut self) -> Result<(), DeviceError> {
        let last = "SELECT dseq, hlc, h FROM oplog ORDER BY dseq DESC LIMIT 1";
        let row = self.conn.query_row(last, [], |row| Ok((row.get(0)?, row.get::<_, u64>(1)?, row.get(2)?)));
        let (dseq, hlc, h) = row.optional()?.unwrap_or((0, 0, Hash::ZERO.0));
        let observed = get_number(&self.conn, "observed_hlc")?.unwrap_or(0);
        self.head = Head { dseq, h: Hash(h) };
        self.clock = Clock::after(hlc.max(observed));
        self.open = OpenAudits::default();
        Ok(())
    }

    /// This device's identity.
    pub fn dev(&self) -> DeviceId {
        self.keys.dev()
    }

    /// What it is used for.
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// The end of its log.
    pub fn head(&self) -> Head {
        self.head
    }

    /// What to add to the device's clock to come to the server's, as last seen, in milliseconds.
    pub(crate) fn clock_offset(conn: &Connection) -> Result<i64, DeviceError> {
        Ok(get_number(conn, "clock_offset")?.map_or(0, u64::cast_signed))
    }
}
