//! The SQLite file: opening, migrations and the small values. Owns the settings that make a commit durable.

use ordered::BTreeMap;
use std::{any::Any, path::Path, sync::Arc};

use domain::visit_score::PreparedChecklist;
use rusqlite::{Connection, OptionalExtension};
use sync_core::{DeviceId, Hash, PublicKey, chain::Head, hlc::Clock, sealed::SEALED_OPS};

use crate::{
    DeviceError, DeviceKey, Files, Folder, Place,
    identity::{DeviceKind, NewDevice},
    writer::OpenAudits,
};

/// Migrations in order; they are never edited. The database's `user_version` is [`BEFORE`] and how many of them it has.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/device/0001_store.sql")];
/// The last version of the stores that were written while this was tried out, before there was a first release. They are not read.
const BEFORE: usize = 16;

/// A device: a place with a database, a key and the bytes of photos.
pub struct Device {
    pub(crate) place: Box<dyn Place>,
    pub(crate) conn: Connection,
    pub(crate) key: DeviceKey,
    pub(crate) kind: DeviceKind,
    /// The end of the own log, as in the database.
    pub(crate) head: Head,
    pub(crate) clock: Clock,
    /// Audits in memory, as in the database.
    pub(crate) open: OpenAudits,
    pub(crate) templates: BTreeMap<Hash, Arc<PreparedChecklist>>,
    pub(crate) blobs: Arc<dyn Files>,
    /// Room where the folder lies, as last told.
    pub(crate) free_bytes: Option<u64>,
    pub(crate) seal_from: usize,
    /// The place is this device's alone until it is gone.
    _lock: Box<dyn Any + Send>,
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

/// How many of the migrations a database has.
///
/// - **Errors**: `newer_store` and `trial_store`, of which nothing is written; storage.
fn migrated(conn: &Connection) -> Result<usize, DeviceError> {
    let version: usize = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version.saturating_sub(BEFORE) {
        known if known > MIGRATIONS.len() => Err(DeviceError::problem(
            409,
            "newer_store",
            "Una versión más nueva de la aplicación escribió estos datos; actualícela",
            "a newer version of the app wrote this data; update the app",
        )),
        known if known > 0 || version == 0 => Ok(known),
        _ => Err(DeviceError::problem(
            409,
            "trial_store",
            "Una versión de prueba de la aplicación escribió estos datos, y esta versión no los lee; quedan como están",
            "a trial version of the app wrote this data, and this version does not read it; it stays as it is",
        )),
    }
}

fn connect(place: &dyn Place) -> Result<Connection, DeviceError> {
    let mut conn = place.connect()?;
    // Before anything that writes: what is of another version stays as it lies.
    let known = migrated(&conn)?;
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
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(known) {
        let tx = conn.transaction()?;
        tx.execute_batch(migration)?;
        let version = BEFORE.saturating_add(number).saturating_add(1);
        tx.execute_batch(&format!("PRAGMA user_version = {version}"))?;
        tx.commit()?;
    }
    Ok(conn)
}

fn no_device() -> DeviceError {
    DeviceError::problem(
        404,
        "no_device",
        "La carpeta no contiene un dispositivo; inicie sesión primero",
        "the folder holds no device; log in first",
    )
}

impl Device {
    /// Makes a device in a folder, which is created if needed.
    ///
    /// - **Errors**: `device_exists` if the folder holds one; `device_in_use`; file and storage errors.
    pub fn create(dir: &Path, new: &NewDevice) -> Result<Self, DeviceError> {
        Self::create_in(Box::new(Folder::make(dir)?), DeviceKey::software(new.secret), new.kind)
    }

    /// Makes a device in a place.
    ///
    /// - **Errors**: as of [`Self::create`].
    pub fn create_in(place: Box<dyn Place>, key: DeviceKey, kind: DeviceKind) -> Result<Self, DeviceError> {
        if Self::is_in(&*place)? {
            return Err(DeviceError::problem(
                409,
                "device_exists",
                "La carpeta ya contiene un dispositivo",
                "the folder already holds a device",
            ));
        }
        // A key without a database may have written a log that is lost with it, so it is never used again.
        place.prepare_key(&key)?;
        place.settle_key()?;
        let mut conn = connect(&*place)?;
        let tx = conn.transaction()?;
        put_meta(&tx, "kind", kind.name().as_bytes())?;
        put_meta(&tx, "dev", &key.dev().0)?;
        tx.commit()?;
        Self::over(place, conn, key)
    }

    fn is_in(place: &dyn Place) -> Result<bool, DeviceError> {
        Ok(place.has_database() && get_meta(&connect(place)?, "dev")?.is_some())
    }

    /// Opens the device of a place, or makes a phone with a new key where there is none and one is given.
    ///
    /// - **Errors**: as of [`Self::open`] and [`Self::create_in`].
    pub fn open_or_create_in(place: Box<dyn Place>, new: Option<DeviceKey>) -> Result<Self, DeviceError> {
        match new {
            Some(key) if !Self::is_in(&*place)? => Self::create_in(place, key, DeviceKind::Phone),
            _ => Self::open_in(place),
        }
    }

    /// Opens the device of a folder.
    ///
    /// - **Errors**: `no_device`, `device_without_key` (the data was copied without its key: it must not be used under the
    ///   old identity), `device_in_use` (another program has it open), `newer_store`, `trial_store`; storage.
    pub fn open(dir: &Path) -> Result<Self, DeviceError> {
        Self::open_in(Box::new(Folder::at(dir)))
    }

    /// Opens the device of a place.
    ///
    /// - **Errors**: as of [`Self::open`].
    pub fn open_in(place: Box<dyn Place>) -> Result<Self, DeviceError> {
        let (conn, dev) = Self::database_of(&*place)?;
        let key = place.find_key(dev)?.ok_or_else(|| {
            DeviceError::problem(
                409,
                "device_without_key",
                "Los datos están sin su clave: son una copia. Enrole un dispositivo nuevo",
                "the data is here without its key, so it is a copy: enrol a new device",
            )
        })?;
        Self::over(place, conn, key)
    }

    /// The database of a place and whose it is.
    pub(crate) fn database_of(place: &dyn Place) -> Result<(Connection, DeviceId), DeviceError> {
        if !place.has_database() {
            return Err(no_device());
        }
        let conn = connect(place)?;
        let dev = get_meta(&conn, "dev")?.ok_or_else(no_device)?;
        let dev =
            <[u8; 16]>::try_from(dev).map_err(|_| DeviceError::corrupt("the device's name is damaged"))?;
        Ok((conn, DeviceId(dev)))
    }

    pub(crate) fn over(place: Box<dyn Place>, conn: Connection, key: DeviceKey) -> Result<Self, DeviceError> {
        let lock = place.lock()?;
        let kind = match get_meta(&conn, "kind")?.as_deref() {
            Some(b"import") => DeviceKind::Import,
            _ => DeviceKind::Phone,
        };
        let mut device = Self {
            blobs: place.files(),
            place,
            conn,
            key,
            kind,
            head: Head::EMPTY,
            clock: Clock::default(),
            open: OpenAudits::default(),
            templates: BTreeMap::new(),
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
        self.key.dev()
    }

    /// The public half of its key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
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
