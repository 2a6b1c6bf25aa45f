//! A disk in memory under SQLite: what was written and what would survive a power cut are two things. Owns the faults of a
//! disk; how SQLite reaches it is `vfs`'s.

use crate::{
    dice::Dice,
    vfs::{Memories, Memory},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// The least that a power cut leaves whole.
const SECTOR: usize = 4_096;

/// A temporary folder, in memory where the machine has room for files there: what is synced there costs nothing.
///
/// # Panics
/// Where none can be made.
#[must_use]
pub fn temporary_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    folder.expect("a temporary folder can be made")
}

/// A change that was not made durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => to.truncate(*length),
        }
    }
}

/// A file: as programs see it, and as it would be after a power cut.
#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Content {
    fn of(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), now: bytes, unsynced: Vec::new() }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Loses what was not synced, or parts of it.
    fn lose(&mut self, dice: &mut Dice) -> u64 {
        let unsynced = std::mem::take(&mut self.unsynced);
        let lost = unsynced.len() as u64;
        // Wholly, or as the disk happened to have got round to it.
        let wholly = dice.once_in(2);
        for change in unsynced {
            if wholly || dice.once_in(2) {
                continue;
            }
            match change {
                Change::Write(at, bytes) if dice.once_in(3) => {
                    let kept = dice.place(bytes.len() / SECTOR + 1) * SECTOR;
                    Change::Write(at, bytes[..kept.min(bytes.len())].to_vec()).apply(&mut self.durable);
                }
                whole => whole.apply(&mut self.durable),
            }
        }
        self.now.clone_from(&self.durable);
        lost
    }
}

/// Which file a fault waits at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Any.
    Any,
    /// The write-ahead log: where an edit goes.
    Log,
    /// The database itself: where a checkpoint writes.
    Database,
}

/// What a disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The machine goes off at this change.
    Off,
    /// There is no room for this change or any later one.
    Full,
}

/// How a disk cheats on durability, for the mutants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Honesty {
    /// It does not.
    #[default]
    Honest,
    /// As `synchronous=NORMAL`: the log is synced when a checkpoint begins, not at each commit.
    LogAtCheckpoints,
    /// It says that it synced and did not.
    Never,
}

/// Locks of one file, by the handle that holds them.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    /// SQLite's lock levels, 1 to 4.
    levels: BTreeMap<u64, i32>,
    shared: BTreeMap<(u64, usize), ()>,
    exclusive: BTreeMap<usize, u64>,
}

/// What `Disk` holds.
#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    locks: BTreeMap<String, Locks>,
    memories: Memories,
    /// Rises when everybody who has files open is gone.
    generation: u64,
    handles: u64,
    off: bool,
    full: bool,
    locked_by_another: bool,
    trouble: Option<(Trouble, At, u64)>,
    happened: u64,
    honesty: Honesty,
    log_waits: bool,
}

/// A disk; clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

/// Everything on a disk, as it was once.
#[derive(Clone, Default)]
pub struct Image(BTreeMap<String, Vec<u8>>);

impl Image {
    /// One file of it.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Puts a file in.
    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes);
    }
}

/// Why the disk refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Off,
    Full,
    Locked,
}

/// A file that is open: its name, who opened it, and in which life of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) generation: u64,
}

fn is_log(name: &str) -> bool {
    name.ends_with("-wal")
}

impl State {
    fn alive(&self, handle: &Handle) -> Result<(), Refused> {
        if self.off || handle.generation != self.generation { Err(Refused::Off) } else { Ok(()) }
    }

    /// Whoever had files open is gone, and so is what lay in memory.
    fn forget_programs(&mut self) {
        self.generation += 1;
        self.locks.clear();
        self.memories.clear();
        (self.off, self.full, self.locked_by_another, self.trouble) = (false, false, false, None);
    }

    /// Before each change: is it the one that a trouble waits for?
    fn before_change(&mut self, name: &str) -> Result<(), Refused> {
        let here = |at| match at {
            At::Any => true,
            At::Log => is_log(name),
            At::Database => !name.contains('-'),
        };
        if let Some((trouble, at, left)) = self.trouble
            && here(at)
        {
            if left > 0 {
                self.trouble = Some((trouble, at, left - 1));
            } else {
                self.happened += 1;
                match trouble {
                    Trouble::Off => (self.off, self.trouble) = (true, None),
                    Trouble::Full => self.full = true,
                }
            }
        }
        match (self.off, self.full) {
            (true, _) => Err(Refused::Off),
            (_, true) => Err(Refused::Full),
            _ => Ok(()),
        }
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disk that holds what an image holds.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let disk = Self::default();
        disk.put_back(image);
        disk
    }

    // ---- what the world does to it ----

    /// Begins to wait for the change after the next `after` ones.
    pub fn expect(&self, trouble: Trouble, at: At, after: u64) {
        self.state().trouble = Some((trouble, at, after));
    }

    /// Another program holds the lock that a writer needs, or no longer.
    pub fn lock_out(&self, locked: bool) {
        self.state().locked_by_another = locked;
    }

    /// Takes every trouble away, and tells whether one had happened since the last time.
    pub fn calm(&self) -> bool {
        let mut state = self.state();
        (state.trouble, state.full, state.locked_by_another) = (None, false, false);
        std::mem::take(&mut state.happened) > 0
    }

    /// Whether the machine is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// From here on nobody who has a file open can do anything with it.
    pub fn switch_off(&self) {
        self.state().off = true;
    }

    /// The program was killed; the system, and with it everything written, lives on.
    pub fn revive(&self) {
        let mut state = self.state();
        state.forget_programs();
    }

    /// The power was cut: what was not synced is lost, wholly or in parts. How many changes were not.
    pub fn lose_power(&self, dice: &mut Dice) -> u64 {
        let lost = self.state().files.values_mut().map(|it| it.lose(dice)).sum();
        self.revive();
        lost
    }

    /// Turns a bit in each of a few places of a file, if there is one long enough; whether there was.
    pub fn flip(&self, name: &str, dice: &mut Dice) -> bool {
        let mut state = self.state();
        let Some(file) = state.files.get_mut(name) else { return false };
        file.sync();
        // The first page is how SQLite knows the file at all.
        if file.now.len() <= SECTOR {
            return false;
        }
        for _ in 0..=dice.below(6) {
            // Where something is written: most of a page may be empty.
            let from = SECTOR + dice.place(file.now.len() - SECTOR);
            let at = (from..file.now.len()).find(|it| file.now[*it] != 0).unwrap_or(from);
            file.now[at] ^= 1 << dice.below(8);
            file.durable[at] = file.now[at];
        }
        true
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        self.state().files.remove(name);
    }

    /// Everything as programs see it.
    #[must_use]
    pub fn image(&self) -> Image {
        let state = self.state();
        Image(state.files.iter().map(|(name, file)| (name.clone(), file.now.clone())).collect())
    }

    /// Replaces everything.
    pub fn put_back(&self, image: &Image) {
        let mut state = self.state();
        state.files = image.0.iter().map(|(name, it)| (name.clone(), Content::of(it.clone()))).collect();
        state.forget_programs();
    }

    /// Whether the write-ahead log has changes that a power cut would undo.
    #[must_use]
    pub fn has_unsynced_log(&self) -> bool {
        self.state().files.iter().any(|(name, it)| is_log(name) && !it.unsynced.is_empty())
    }

    /// Makes it cheat.
    pub fn cheat(&self, honesty: Honesty) {
        self.state().honesty = honesty;
    }

    // ---- what SQLite does with it ----

    pub(crate) fn open(
        &self,
        name: &str,
        create: bool,
        overlaid: Option<Vec<u8>>,
    ) -> Result<Handle, Refused> {
        let mut state = self.state();
        if state.off {
            return Err(Refused::Off);
        }
        if !state.files.contains_key(name) {
            if !create && overlaid.is_none() {
                return Err(Refused::Off);
            }
            state.files.insert(name.to_owned(), Content::of(overlaid.unwrap_or_default()));
        }
        state.handles += 1;
        Ok(Handle { name: name.to_owned(), number: state.handles, generation: state.generation })
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool, Refused> {
        let mut state = self.state();
        if state.off {
            return Err(Refused::Off);
        }
        state.before_change(name)?;
        Ok(state.files.remove(name).is_some())
    }

    /// Reads what there is; how many bytes that was.
    pub(crate) fn read(&self, handle: &Handle, at: usize, to: &mut [u8]) -> Result<usize, Refused> {
        let state = self.state();
        state.alive(handle)?;
        let file = state.files.get(&handle.name).ok_or(Refused::Off)?;
        let from = file.now.get(at..).unwrap_or_default();
        let count = from.len().min(to.len());
        to[..count].copy_from_slice(&from[..count]);
        to[count..].fill(0);
        Ok(count)
    }

    pub(crate) fn write(&self, handle: &Handle, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        self.change(handle, Change::Write(at, bytes.to_vec()))
    }

    pub(crate) fn truncate(&self, handle: &Handle, length: usize) -> Result<(), Refused> {
        self.change(handle, Change::Truncate(length))
    }

    fn change(&self, handle: &Handle, change: Change) -> Result<(), Refused> {
        let mut state = self.state();
        state.alive(handle)?;
        state.before_change(&handle.name)?;
        if state.log_waits && !is_log(&handle.name) {
            state.log_waits = false;
            state.files.iter_mut().filter(|it| is_log(it.0)).for_each(|it| it.1.sync());
        }
        state.files.get_mut(&handle.name).ok_or(Refused::Off)?.change(change);
        Ok(())
    }

    pub(crate) fn sync(&self, handle: &Handle) -> Result<(), Refused> {
        let mut state = self.state();
        state.alive(handle)?;
        // A machine may also go off between a write and its sync.
        if matches!(state.trouble, Some((Trouble::Off, ..))) {
            state.before_change(&handle.name)?;
        }
        match state.honesty {
            Honesty::Never => return Ok(()),
            Honesty::LogAtCheckpoints if is_log(&handle.name) => {
                state.log_waits = true;
                return Ok(());
            }
            _ => {}
        }
        state.files.get_mut(&handle.name).ok_or(Refused::Off)?.sync();
        Ok(())
    }

    pub(crate) fn length(&self, handle: &Handle) -> Result<usize, Refused> {
        let state = self.state();
        state.alive(handle)?;
        state.files.get(&handle.name).map(|it| it.now.len()).ok_or(Refused::Off)
    }

    /// Moves a handle's lock on the whole file to a level, as `sqlite3_io_methods` says.
    pub(crate) fn lock(&self, handle: &Handle, level: i32) -> Result<(), Refused> {
        let mut state = self.state();
        state.alive(handle)?;
        let locks = state.locks.entry(handle.name.clone()).or_default();
        let highest = locks.levels.iter().filter(|it| *it.0 != handle.number).map(|it| *it.1).max();
        let highest = highest.unwrap_or(0);
        let own = locks.levels.get(&handle.number).copied().unwrap_or(0);
        if own >= level {
            return Ok(());
        }
        let free = match level {
            1 => highest < 3,
            2 => highest < 2,
            _ => highest == 0,
        };
        if free {
            locks.levels.insert(handle.number, level);
            Ok(())
        } else {
            Err(Refused::Locked)
        }
    }

    pub(crate) fn unlock(&self, handle: &Handle, level: i32) {
        let mut state = self.state();
        if state.alive(handle).is_ok()
            && let Some(locks) = state.locks.get_mut(&handle.name)
        {
            if level == 0 {
                locks.levels.remove(&handle.number);
            } else {
                locks.levels.insert(handle.number, level);
            }
        }
    }

    pub(crate) fn is_reserved(&self, handle: &Handle) -> bool {
        let state = self.state();
        state.locks.get(&handle.name).is_some_and(|it| it.levels.values().any(|level| *level >= 2))
    }

    /// Locks of the shared memory beside the log: some of its places, shared or alone.
    pub(crate) fn lock_shared_memory(
        &self,
        handle: &Handle,
        places: std::ops::Range<usize>,
        alone: bool,
    ) -> Result<(), Refused> {
        let mut state = self.state();
        state.alive(handle)?;
        // Place 0 is the writer's.
        if alone && state.locked_by_another && places.contains(&0) {
            state.happened += 1;
            return Err(Refused::Locked);
        }
        let locks = state.locks.entry(handle.name.clone()).or_default();
        for place in places.clone() {
            let by_another = locks.exclusive.get(&place).is_some_and(|it| *it != handle.number);
            let shared = locks.shared.keys().any(|it| it.1 == place && it.0 != handle.number);
            if by_another || (alone && shared) {
                return Err(Refused::Locked);
            }
        }
        for place in places {
            if alone {
                locks.exclusive.insert(place, handle.number);
            } else {
                locks.shared.insert((handle.number, place), ());
            }
        }
        Ok(())
    }

    pub(crate) fn unlock_shared_memory(&self, handle: &Handle, places: std::ops::Range<usize>) {
        let mut state = self.state();
        if state.alive(handle).is_err() {
            return;
        }
        if let Some(locks) = state.locks.get_mut(&handle.name) {
            locks.exclusive.retain(|place, by| !(places.contains(place) && *by == handle.number));
            locks.shared.retain(|(by, place), ()| !(places.contains(place) && *by == handle.number));
        }
    }

    /// The shared memory beside a file, as everybody who has it open maps it; of the gone, whoever still looks sees their own.
    pub(crate) fn memory(&self, handle: &Handle) -> Arc<Memory> {
        let mut state = self.state();
        if state.alive(handle).is_err() {
            return Arc::default();
        }
        if let Some(mapped) = state.memories.get(&handle.name).and_then(Weak::upgrade) {
            return mapped;
        }
        let memory = Arc::default();
        state.memories.insert(handle.name.clone(), Arc::downgrade(&memory));
        memory
    }

    pub(crate) fn close(&self, handle: &Handle) {
        self.unlock(handle, 0);
        self.unlock_shared_memory(handle, 0..8);
    }
}
