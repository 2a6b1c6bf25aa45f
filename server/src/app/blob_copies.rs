//! The folder of copies of evidence: what a copy is called there, and whether it is whole. Several copies of an office share one
//! folder, and each adds only what is new.

use domain::ids::OrgId;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};
use sync_core::Hash;

/// How the name of a sealed copy ends.
const SEALED: &str = ".age";

/// A folder of copies of blobs.
#[derive(Clone, Copy)]
pub struct BlobCopies<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// For whom new copies are sealed, as it goes into their names; none where they lie in the clear. What was sealed for somebody
    /// else is no copy for this one.
    pub sealed_for: Option<&'a str>,
    /// What is done to the bytes on their way: sealing them, or opening them again.
    pub pass: &'a dyn Fn(&[u8]) -> io::Result<Vec<u8>>,
}

/// Looks copies up in the order of their ids, reading each folder once.
pub(super) struct Shelf<'a> {
    copies: BlobCopies<'a>,
    /// The folder that was read last, and its files by the blob that their names begin with.
    read: Option<(PathBuf, BTreeMap<String, Vec<PathBuf>>)>,
}

impl<'a> Shelf<'a> {
    pub(super) fn of(copies: BlobCopies<'a>) -> Self {
        Self { copies, read: None }
    }

    fn folder(&self, org: OrgId, blob: Hash) -> PathBuf {
        let name = blob.to_string();
        self.copies.folder.join(org.to_string()).join(name.get(..2).unwrap_or_default())
    }

    /// The files that are copies of a blob by their names, for whomever they are sealed.
    fn files(&mut self, org: OrgId, blob: Hash) -> io::Result<Vec<PathBuf>> {
        let folder = self.folder(org, blob);
        if self.read.as_ref().is_none_or(|it| it.0 != folder) {
            let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
            match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(entries) => {
                    for entry in entries {
                        let path = entry?.path();
                        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
                        let blob = name.split('.').next().unwrap_or_default().to_owned();
                        if !name.ends_with(UNFINISHED) {
                            files.entry(blob).or_default().push(path);
                        }
                    }
                }
            }
            self.read = Some((folder, files));
        }
        let found = self.read.as_ref().and_then(|it| it.1.get(&blob.to_string()));
        Ok(found.cloned().unwrap_or_default())
    }

    /// Those of [`Self::files`] that are sealed for whom these are, or in the clear as these are, by their names.
    fn own_files(&mut self, org: OrgId, blob: Hash) -> io::Result<Vec<(String, PathBuf)>> {
        let sealed_for = self.copies.sealed_for;
        let name = |path: PathBuf| {
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default().to_owned();
            let is_own = match sealed_for {
                None => name == blob.to_string(),
                Some(key) => name.starts_with(&format!("{blob}.{key}.")),
            };
            is_own.then_some((name, path))
        };
        Ok(self.files(org, blob)?.into_iter().filter_map(name).collect())
    }

    /// Whether a whole copy of a blob is there for whom these are sealed. Every byte of it is read: phones let go of what is in it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn has(&mut self, org: OrgId, blob: Hash) -> io::Result<bool> {
        for (name, path) in self.own_files(org, blob)? {
            let Some(bytes) = readable(&path) else { continue };
            let is_whole = match self.copies.sealed_for {
                None => Hash::of(&bytes) == blob,
                Some(key) => name == sealed_name(blob, key, &bytes),
            };
            if is_whole {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds a copy of a blob that has none, or damaged ones, whose place it takes.
    ///
    /// # Errors
    /// Those of the file system, and of sealing.
    pub(super) fn add(&mut self, org: OrgId, blob: Hash, bytes: &[u8]) -> io::Result<()> {
        let bytes = (self.copies.pass)(bytes)?;
        let name = match self.copies.sealed_for {
            None => blob.to_string(),
            Some(key) => sealed_name(blob, key, &bytes),
        };
        put_durably(&self.folder(org, blob).join(&name), &bytes)?;
        let damaged = self.own_files(org, blob)?.into_iter().filter(|it| it.0 != name);
        damaged.map(|it| it.1).try_for_each(fs::remove_file)
    }

    /// A blob out of the first of its copies that opens to it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn find(&mut self, org: OrgId, blob: Hash) -> io::Result<Option<Vec<u8>>> {
        for path in self.files(org, blob)? {
            let opened = readable(&path).and_then(|it| (self.copies.pass)(&it).ok());
            if let Some(bytes) = opened.filter(|it| Hash::of(it) == blob) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// The name of a sealed copy: the blob, for whom, and what the sealed bytes hash to, since only who holds the key can open them.
fn sealed_name(blob: Hash, key: &str, sealed: &[u8]) -> String {
    format!("{blob}.{key}.{}{SEALED}", Hash::of(sealed))
}

/// A copy that cannot be read is none: another may be good, and a new one can be made.
fn readable(path: &Path) -> Option<Vec<u8>> {
    fs::read(path)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a copy cannot be read"))
        .ok()
}

const UNFINISHED: &str = ".unfinished";

/// Writes a file that is there whole or not at all, and only for its owner.
fn put_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut unfinished = path.as_os_str().to_owned();
    // Two commands may copy into one folder at once.
    unfinished.push(format!(".{}{UNFINISHED}", std::process::id()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use uuid::Uuid;

    const ORG: OrgId = OrgId(Uuid::nil());
    const PHOTO: &[u8] = b"a photo";

    /// Sealing that differs each time, as that of age does.
    fn seal(bytes: &[u8]) -> io::Result<Vec<u8>> {
        static SEALED: AtomicU64 = AtomicU64::new(0);
        Ok([SEALED.fetch_add(1, Ordering::Relaxed).to_be_bytes().as_slice(), bytes].concat())
    }

    fn open(bytes: &[u8]) -> io::Result<Vec<u8>> {
        Ok(bytes.get(8..).unwrap_or_default().to_vec())
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
    }

    #[test]
    fn a_damaged_copy_is_none_and_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let blob = Hash::of(PHOTO);
        let clear = |bytes: &[u8]| Ok(bytes.to_vec());
        let (near, far) = (folder.path().join("near"), folder.path().join("far"));
        let ways = [
            BlobCopies { folder: &near, sealed_for: None, pass: &clear },
            BlobCopies { folder: &far, sealed_for: Some("ana"), pass: &seal },
        ];
        for copies in ways {
            let (folder, shelf) = (copies.folder, || Shelf::of(copies));
            assert!(!shelf().has(ORG, blob).unwrap());
            shelf().add(ORG, blob, PHOTO).unwrap();
            assert!(shelf().has(ORG, blob).unwrap());
            let file = files(folder).pop().unwrap();
            let mut bytes = fs::read(&file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&file, bytes).unwrap();
            assert!(!shelf().has(ORG, blob).unwrap());
            shelf().add(ORG, blob, PHOTO).unwrap();
            assert!(shelf().has(ORG, blob).unwrap());
            assert_eq!(files(folder).len(), 1);
        }
    }

    #[test]
    fn what_is_sealed_for_another_key_is_no_copy_and_stays_for_who_holds_that_key() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, blob) = (folder.path(), Hash::of(PHOTO));
        let of = |key| Shelf::of(BlobCopies { folder, sealed_for: Some(key), pass: &seal });
        of("old").add(ORG, blob, PHOTO).unwrap();
        assert!(!of("new").has(ORG, blob).unwrap());
        of("new").add(ORG, blob, PHOTO).unwrap();
        assert!(of("new").has(ORG, blob).unwrap() && of("old").has(ORG, blob).unwrap());
        let mut opening = Shelf::of(BlobCopies { folder, sealed_for: None, pass: &open });
        assert_eq!(opening.find(ORG, blob).unwrap().as_deref(), Some(PHOTO));
        let fails = |_: &[u8]| Err(io::Error::other("another key"));
        let mut stranger = Shelf::of(BlobCopies { folder, sealed_for: None, pass: &fails });
        assert_eq!(stranger.find(ORG, blob).unwrap(), None);
    }
}
