//! Where a phone lives in a browser: one pool of files in OPFS for each person, whose SQLite files are encrypted.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    ffi::CString,
    rc::Rc,
    sync::Arc,
};

use device::{DeviceError, DeviceKey, Files, PackedFiles, Place, PlatformKey};
use rusqlite::{Connection, OpenFlags};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};
use sync_core::DeviceId;
use wasm_bindgen::prelude::wasm_bindgen;

const DATABASE: &str = "/device.db";
const PHOTOS: &str = "/photos.db";
/// The two databases and their journals, and room for the temporary files of a large sort.
const FILES: u32 = 6;

/// One person's pool of files.
pub(crate) struct Pool {
    util: OpfsSAHPoolUtil,
    vfs: String,
}

impl Pool {
    /// Takes the pool of a name, made if needed.
    pub(crate) async fn take(name: &str) -> Result<Self, String> {
        let vfs = format!("veedor-{name}");
        let settings = OpfsSAHPoolCfgBuilder::new()
            .vfs_name(&vfs)
            .directory(&format!(".veedor-{name}"))
            .initial_capacity(FILES)
            .build();
        let util = install::<WasmOsCallback>(&settings, false).await.map_err(|error| error.to_string())?;
        if util.is_paused() {
            util.unpause_vfs().await.map_err(|error| error.to_string())?;
        }
        encrypting(&vfs)?;
        Ok(Self { util, vfs })
    }

    /// Gives the files back, once no database of it is open.
    pub(crate) fn give_back(&self) -> Result<(), String> {
        self.util.pause_vfs().map_err(|error| error.to_string())
    }

    /// Whether there is a database.
    pub(crate) fn has_database(&self) -> bool {
        self.util.exists(DATABASE).unwrap_or(false)
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date)]
    fn now() -> f64;
}

/// The browser's clock, in milliseconds since 1970.
fn now_ms() -> u64 {
    #[expect(
        clippy::as_conversions,
        reason = "JavaScript has no other number, and counts whole milliseconds in it"
    )]
    let now = now() as u64;
    now
}

/// Puts encryption over the files of a pool.
fn encrypting(vfs: &str) -> Result<(), String> {
    let name = CString::new(vfs).map_err(|error| error.to_string())?;
    // SAFETY: the name is a C string that lives through the call, which copies it; the files of that name are registered, since
    // the pool was installed.
    #[expect(unsafe_code, reason = "SQLite3 Multiple Ciphers has no safe binding")]
    let code = unsafe { sqlite_wasm_rs::sqlite3mc_vfs_create(name.as_ptr(), 0) };
    if code == sqlite_wasm_rs::SQLITE_OK { Ok(()) } else { Err(format!("no encryption: code {code}")) }
}

/// The place of one device in a pool.
pub(crate) struct BrowserPlace {
    vfs: String,
    has_database: Cell<bool>,
    cipher: String,
    keys: Vec<PlatformKey>,
    photos: Arc<dyn Files>,
}

fn open(vfs: &str, file: &str, cipher: &str) -> Result<Connection, DeviceError> {
    let conn = open_as_it_lies(vfs, file, cipher)?;
    // A journal that stays is not made and taken away at each edit.
    conn.execute_batch("PRAGMA journal_mode = TRUNCATE; PRAGMA temp_store = MEMORY;")?;
    Ok(conn)
}

fn open_as_it_lies(vfs: &str, file: &str, cipher: &str) -> Result<Connection, DeviceError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let vfs = format!("multipleciphers-{vfs}");
    let conn = Connection::open_with_flags_and_vfs(file, flags, vfs.as_str())?;
    // ChaCha20-Poly1305 with the key as it is: it is random, so that nothing has to be derived at each start.
    conn.execute_batch(&format!("PRAGMA cipher = 'chacha20'; PRAGMA key = 'raw:{cipher}';"))?;
    Ok(conn)
}

impl BrowserPlace {
    /// The place in a pool.
    ///
    /// - **Shape**: `cipher` is 32 bytes in hexadecimal; `keys` are those that the page keeps, the newest last.
    pub(crate) fn of(pool: &Pool, cipher: &str, keys: Vec<PlatformKey>) -> Result<Self, DeviceError> {
        let photos = Arc::new(PackedFiles::over(open(&pool.vfs, PHOTOS, cipher)?, now_ms)?);
        Ok(Self {
            vfs: pool.vfs.clone(),
            has_database: Cell::new(pool.has_database()),
            cipher: cipher.to_owned(),
            keys,
            photos,
        })
    }

    /// As [`Self::of`], of files that may be damaged, which are only read.
    pub(crate) fn to_read(pool: &Pool, cipher: &str, keys: Vec<PlatformKey>) -> Result<Self, DeviceError> {
        let photos = Arc::new(PackedFiles::to_read(read_only(&pool.vfs, PHOTOS, cipher)?));
        let has_database = Cell::new(pool.has_database());
        Ok(Self { vfs: pool.vfs.clone(), has_database, cipher: cipher.to_owned(), keys, photos })
    }
}

fn read_only(vfs: &str, file: &str, cipher: &str) -> Result<Connection, DeviceError> {
    let conn = open_as_it_lies(vfs, file, cipher)?;
    conn.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;")?;
    Ok(conn)
}

impl Place for BrowserPlace {
    fn lock(&self) -> Result<Box<dyn Any + Send>, DeviceError> {
        // The files of the pool are open in one worker only; the page holds a Web Lock besides.
        Ok(Box::new(()))
    }

    fn has_database(&self) -> bool {
        self.has_database.get()
    }

    fn connect(&self) -> Result<Connection, DeviceError> {
        let conn = open(&self.vfs, DATABASE, &self.cipher)?;
        self.has_database.set(true);
        Ok(conn)
    }

    fn connect_to_read(&self) -> Result<Connection, DeviceError> {
        read_only(&self.vfs, DATABASE, &self.cipher)
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.photos)
    }

    fn prepare_key(&self, _: &DeviceKey) -> Result<(), DeviceError> {
        // The page kept it before it was told here.
        Ok(())
    }

    fn settle_key(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    fn find_key(&self, dev: DeviceId) -> Result<Option<DeviceKey>, DeviceError> {
        Ok(self.keys.iter().map(PlatformKey::key).find(|it| it.dev() == dev))
    }
}

thread_local! {
    static TAKEN: RefCell<Vec<(String, Rc<Pool>)>> = const { RefCell::new(Vec::new()) };
}

/// The pool of a name, taken once in this worker.
pub(crate) async fn pool(name: &str) -> Result<Rc<Pool>, String> {
    let known = TAKEN.with_borrow(|it| it.iter().find(|it| it.0 == name).map(|it| Rc::clone(&it.1)));
    if let Some(pool) = known {
        if pool.util.is_paused() {
            pool.util.unpause_vfs().await.map_err(|error| error.to_string())?;
            encrypting(&pool.vfs)?;
        }
        return Ok(pool);
    }
    let pool = Rc::new(Pool::take(name).await?);
    TAKEN.with_borrow_mut(|it| it.push((name.to_owned(), Rc::clone(&pool))));
    Ok(pool)
}
