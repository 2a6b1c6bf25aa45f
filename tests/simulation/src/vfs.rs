//! The one place that hands `Disk`s to SQLite: a file system of SQLite that becomes the default of this process. A path
//! below a folder that was mounted lies on that folder's disk, every other path on the machine's own file system, so the
//! product opens its files as it always does. The only unsafe code of the project: SQLite's interface is C.
#![expect(unsafe_code, reason = "sqlite3_vfs and sqlite3_io_methods are tables of C functions")]

use crate::disk::{Disk, Handle, Refused};
use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_vfs};
use std::{
    collections::BTreeMap,
    ffi::{CStr, c_char, c_int, c_void},
    fs,
    path::{Path, PathBuf},
    ptr, slice,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicPtr, AtomicU64, Ordering},
    },
    time::Duration,
};

static DISKS: Mutex<BTreeMap<PathBuf, Disk>> = Mutex::new(BTreeMap::new());
static MACHINE: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());
static REGISTERED: OnceLock<()> = OnceLock::new();

/// Words of a region of shared memory: SQLite asks for 32 KiB at a time.
const REGION_WORDS: usize = 4_096;

type Region = [AtomicU64; REGION_WORDS];

/// The shared memory beside one write-ahead log.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Vec<Box<Region>>>);

impl Memory {
    /// Where a region begins; it is made where there is none and `make` says so.
    fn region(&self, number: usize, make: bool) -> Option<*mut c_void> {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while make && regions.len() <= number {
            regions.push(Box::new([const { AtomicU64::new(0) }; REGION_WORDS]));
        }
        // Shared and changed by all who map it; atomics may be.
        regions.get(number).map(|it| it.as_ptr().cast_mut().cast())
    }
}

/// Shared memory by the disk it belongs to and the file's name; it goes when nobody maps it.
pub(crate) type Memories = BTreeMap<String, Weak<Memory>>;

/// A file that is open on a disk.
struct Open {
    disk: Disk,
    handle: Handle,
    memory: Option<Arc<Memory>>,
}

/// What SQLite allocates for a file.
#[repr(C)]
struct SimulatedFile {
    base: sqlite3_file,
    open: *mut Open,
}

/// Mounts a disk: from here on what SQLite opens in this folder lies on it.
pub fn mount(folder: &Path, disk: &Disk) {
    REGISTERED.get_or_init(register);
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.insert(canonical(folder), disk.clone());
}

/// Unmounts the disk of a folder.
pub fn unmount(folder: &Path) {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.remove(&canonical(folder));
}

fn canonical(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

fn register() {
    // SAFETY: SQLite is initialised by finding; the table and what it points to live as long as the process.
    unsafe {
        let machine = ffi::sqlite3_vfs_find(ptr::null());
        MACHINE.store(machine, Ordering::SeqCst);
        let size = c_int::try_from(size_of::<SimulatedFile>()).unwrap_or(c_int::MAX);
        let table = Box::new(sqlite3_vfs {
            szOsFile: (*machine).szOsFile.max(size),
            pNext: ptr::null_mut(),
            zName: c"simulated".as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xSleep: Some(sleep),
            ..*machine
        });
        ffi::sqlite3_vfs_register(Box::leak(table), 1);
    }
}

/// The disk that a path lies on, with the file's name there.
///
/// # Safety
/// `path` is null or ends with a zero byte.
unsafe fn place(path: *const c_char) -> Option<(Disk, String, PathBuf)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    let path = PathBuf::from(unsafe { CStr::from_ptr(path) }.to_str().ok()?);
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    let disk = disks.get(path.parent()?)?.clone();
    let name = path.file_name()?.to_str()?.to_owned();
    Some((disk, name, path))
}

fn code(refused: Refused, otherwise: c_int) -> c_int {
    match refused {
        Refused::Off => otherwise,
        Refused::Full => ffi::SQLITE_FULL,
        Refused::Locked => ffi::SQLITE_BUSY,
    }
}

fn done(result: Result<(), Refused>, otherwise: c_int) -> c_int {
    result.map_or_else(|it| code(it, otherwise), |()| ffi::SQLITE_OK)
}

// ---- the file system ----

// SAFETY of all that follows: SQLite calls these as its documentation of `sqlite3_vfs` and `sqlite3_io_methods` says, with
// pointers that are valid for the call, and a file's methods only between its xOpen and its xClose.

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let machine = MACHINE.load(Ordering::SeqCst);
    unsafe {
        let Some((disk, name, path_on_machine)) = place(path) else {
            let Some(machine_open) = (*machine).xOpen else { return ffi::SQLITE_CANTOPEN };
            return machine_open(machine, path, file, flags, out_flags);
        };
        let simulated: *mut SimulatedFile = file.cast();
        (*simulated).base.pMethods = ptr::null();
        // A database that the product copied to this place with other means than SQLite.
        let is_new = flags & ffi::SQLITE_OPEN_MAIN_DB != 0 && !disk.exists(&name);
        let copied = if is_new { fs::read(&path_on_machine).ok().filter(|it| !it.is_empty()) } else { None };
        match disk.open(&name, flags & ffi::SQLITE_OPEN_CREATE != 0, copied) {
            Ok(handle) => {
                (*simulated).open = Box::into_raw(Box::new(Open { disk, handle, memory: None }));
                (*simulated).base.pMethods = &raw const METHODS;
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
                ffi::SQLITE_OK
            }
            Err(_) => ffi::SQLITE_CANTOPEN,
        }
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    let machine = MACHINE.load(Ordering::SeqCst);
    unsafe {
        let Some((disk, name, _)) = place(path) else {
            let Some(machine_delete) = (*machine).xDelete else { return ffi::SQLITE_IOERR_DELETE };
            return machine_delete(machine, path, sync);
        };
        match disk.delete(&name) {
            Ok(true) => ffi::SQLITE_OK,
            Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
            Err(refused) => code(refused, ffi::SQLITE_IOERR_DELETE),
        }
    }
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    let machine = MACHINE.load(Ordering::SeqCst);
    unsafe {
        let Some((disk, name, _)) = place(path) else {
            let Some(machine_access) = (*machine).xAccess else { return ffi::SQLITE_IOERR_ACCESS };
            return machine_access(machine, path, flags, result);
        };
        *result = c_int::from(disk.exists(&name));
        ffi::SQLITE_OK
    }
}

/// Waiting for a lock: another thread may have to run, but nobody waits by a real clock.
unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, micros: c_int) -> c_int {
    std::thread::sleep(Duration::from_micros(20));
    micros
}

// ---- a file ----

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(map_shared_memory),
    xShmLock: Some(lock_shared_memory),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap_shared_memory),
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `file` was opened by [`open`] on a disk and is not closed.
unsafe fn opened<'a>(file: *mut sqlite3_file) -> &'a mut Open {
    unsafe { &mut *(*file.cast::<SimulatedFile>()).open }
}

/// A number of SQLite, which is never negative.
fn position(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    unsafe {
        let simulated: *mut SimulatedFile = file.cast();
        let open = Box::from_raw((*simulated).open);
        open.disk.close(&open.handle);
        (*simulated).open = ptr::null_mut();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let (open, to) = unsafe { (opened(file), slice::from_raw_parts_mut(to.cast::<u8>(), position(count))) };
    match open.disk.read(&open.handle, position(at), to) {
        Ok(read) if read == to.len() => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(refused) => code(refused, ffi::SQLITE_IOERR_READ),
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let (open, from) = unsafe { (opened(file), slice::from_raw_parts(from.cast::<u8>(), position(count))) };
    done(open.disk.write(&open.handle, position(at), from), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let open = unsafe { opened(file) };
    done(open.disk.truncate(&open.handle, position(size)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    let open = unsafe { opened(file) };
    done(open.disk.sync(&open.handle), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    let open = unsafe { opened(file) };
    match open.disk.length(&open.handle) {
        Ok(length) => {
            unsafe { *size = sqlite3_int64::try_from(length).unwrap_or(sqlite3_int64::MAX) };
            ffi::SQLITE_OK
        }
        Err(refused) => code(refused, ffi::SQLITE_IOERR_FSTAT),
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    let open = unsafe { opened(file) };
    done(open.disk.lock(&open.handle, level), ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    let open = unsafe { opened(file) };
    open.disk.unlock(&open.handle, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, result: *mut c_int) -> c_int {
    let open = unsafe { opened(file) };
    unsafe { *result = c_int::from(open.disk.is_reserved(&open.handle)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    4_096
}

unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn map_shared_memory(
    file: *mut sqlite3_file,
    region: c_int,
    _size: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    let open = unsafe { opened(file) };
    let memory = open.memory.get_or_insert_with(|| open.disk.memory(&open.handle));
    match memory.region(position(region), extend != 0) {
        Some(begin) => unsafe { *to = begin },
        None => unsafe { *to = ptr::null_mut() },
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock_shared_memory(
    file: *mut sqlite3_file,
    from: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let open = unsafe { opened(file) };
    let places = position(from)..position(from.saturating_add(count));
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        open.disk.unlock_shared_memory(&open.handle, places);
        return ffi::SQLITE_OK;
    }
    let alone = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    done(open.disk.lock_shared_memory(&open.handle, places, alone), ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(Ordering::SeqCst);
}

unsafe extern "C" fn unmap_shared_memory(file: *mut sqlite3_file, _: c_int) -> c_int {
    let open = unsafe { opened(file) };
    open.memory = None;
    ffi::SQLITE_OK
}
