//! Where blobs lie: whole ones in an object store (a folder, or a bucket), and what is still coming in a folder of parts.
//! Owns keys and durability; knows nothing of who may send or read what.
//!
//! Every key begins with the organization, so that one organization's blob is never another's.

mod parts;

pub(crate) use parts::{Part, PartKey};

use crate::{config::Config, error::ApiError};
use domain::ids::OrgId;
use object_store::{
    GetOptions, GetResult, ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path as Key, prefix::PrefixStore,
};
use parts::Parts;
use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    thread,
};
use sync_core::Hash;
use tokio::{
    runtime::{Builder, Handle},
    sync::{Semaphore, oneshot},
};

/// Blobs that are held in memory at once to be put together or read, at most.
const WHOLE_AT_ONCE: usize = 4;
/// Of the folder: whole blobs.
const OBJECTS: &str = "objects";
/// Of the folder: what is still coming.
const PARTS: &str = "parts";

/// A file of a blob: the blob itself, or a smaller copy of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobFile {
    Original,
    Thumbnail,
    View,
}

impl BlobFile {
    /// The smaller copies of a photo.
    const COPIES: [Self; 2] = [Self::View, Self::Thumbnail];

    fn suffix(self) -> &'static str {
        match self {
            Self::Original => "",
            Self::Thumbnail => ".thumbnail.jpg",
            Self::View => ".view.jpg",
        }
    }
}

/// The blobs of an installation; opened without touching anything.
pub(crate) struct BlobStore {
    place: Place,
    opened: Mutex<Option<Arc<dyn ObjectStore>>>,
    parts: Parts,
    folder: PathBuf,
    /// The object store is asynchronous, its callers are not: this is the thread that drives it.
    runtime: Handle,
    /// Gone with this value, and the thread with it.
    _stop: oneshot::Sender<()>,
    whole: Arc<Semaphore>,
    /// Blobs that somebody stores with their row, or takes away for want of one.
    alone: Mutex<BTreeSet<(OrgId, Hash)>>,
    /// One of them was let go.
    let_go: Condvar,
}

/// Lets a blob go, however the job ended.
struct Alone<'a> {
    store: &'a BlobStore,
    blob: (OrgId, Hash),
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.store.alone.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.blob);
        self.store.let_go.notify_all();
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    Bucket { name: String, prefix: String },
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStore {:?}", self.place)
    }
}

impl BlobStore {
    /// The store that the settings name.
    ///
    /// # Errors
    /// Where the machine has no thread for it.
    pub(crate) fn open(config: &Config) -> Result<Self, ApiError> {
        let folder = config.blob_folder();
        let place = match config.bucket() {
            Some((name, prefix)) => Place::Bucket { name, prefix },
            None => Place::Folder(folder.join(OBJECTS)),
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ApiError::internal)?;
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel::<()>());
        let drive = move || drop(runtime.block_on(stopped));
        thread::Builder::new().name("blobs".to_owned()).spawn(drive).map_err(ApiError::internal)?;
        Ok(Self {
            place,
            opened: Mutex::new(None),
            parts: Parts::new(folder.join(PARTS)),
            folder,
            runtime: handle,
            _stop: stop,
            whole: Arc::new(Semaphore::new(WHOLE_AT_ONCE)),
            alone: Mutex::new(BTreeSet::new()),
            let_go: Condvar::new(),
        })
    }

    /// Whether blobs lie in a bucket and not in a folder.
    pub(crate) fn is_bucket(&self) -> bool {
        matches!(self.place, Place::Bucket { .. })
    }

    /// What is still coming.
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Bytes that the disk of the parts, and of the blobs where they lie beside them, still takes.
    ///
    /// # Errors
    /// Where the file system does not tell.
    pub(crate) fn free_bytes(&self) -> Result<u64, ApiError> {
        let folder = std::path::absolute(&self.folder).map_err(ApiError::internal)?;
        let there = folder.ancestors().find(|it| it.exists()).unwrap_or(Path::new("/"));
        let disk = rustix::fs::statvfs(there).map_err(ApiError::internal)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>, ApiError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = opened.as_ref() {
            return Ok(Arc::clone(objects));
        }
        let objects = self.place.open()?;
        *opened = Some(Arc::clone(&objects));
        Ok(objects)
    }

    /// Waits for the object store; blocks, and is never called on a thread that serves requests.
    fn wait<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (done, awaited) = mpsc::channel();
        // Nobody listens any more only where the thread that waited panicked.
        self.runtime.spawn(async move { drop(done.send(work.await)) });
        awaited.recv().map_err(|_| ApiError::internal("the blob store stopped"))
    }

    /// Does what holds a whole blob in memory, a few at a time.
    ///
    /// # Errors
    /// Those of the job.
    pub(crate) fn in_turn<T>(&self, job: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
        let _turn = self.wait(Arc::clone(&self.whole).acquire_owned())?.map_err(ApiError::internal)?;
        job()
    }

    /// Does a job on a blob while nobody else does one on the same: bytes lie here before the row that names them, and whoever takes bytes
    /// without a row away must not meet somebody in between. Blocks; never asked for within [`Self::in_turn`] or a transaction.
    pub(crate) fn alone<T>(&self, org: OrgId, blob: Hash, job: impl FnOnce() -> T) -> T {
        let mut taken = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        while !taken.insert((org, blob)) {
            taken = self.let_go.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        drop(taken);
        let _alone = Alone { store: self, blob: (org, blob) };
        job()
    }

    /// Takes the bytes of a blob away that no row names; what is still coming of it from devices stays. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn remove_stray(&self, org: OrgId, blob: Hash) -> Result<(), ApiError> {
        self.remove_file(org, blob, BlobFile::Original)
    }

    /// Stores a file of a blob in place of what is there; it is durable when this returns. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn put(&self, org: OrgId, blob: Hash, file: BlobFile, bytes: Vec<u8>) -> Result<(), ApiError> {
        let (objects, key) = (self.objects()?, key(org, blob, file));
        self.wait(async move { objects.put(&key, PutPayload::from(bytes)).await })?.map_err(failed)?;
        Ok(())
    }

    /// Reads a file of a blob; none where it is not there. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn get(&self, org: OrgId, blob: Hash, file: BlobFile) -> Result<Option<Vec<u8>>, ApiError> {
        let (objects, key) = (self.objects()?, key(org, blob, file));
        let read = async move {
            match objects.get(&key).await {
                Ok(found) => found.bytes().await.map(|it| Some(it.to_vec())),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.wait(read)?.map_err(failed)
    }

    /// Takes a blob and the smaller copies of it away, for good; nothing where it is not there. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn remove(&self, org: OrgId, blob: Hash) -> Result<(), ApiError> {
        self.remove_copies(org, blob)?;
        self.remove_file(org, blob, BlobFile::Original)?;
        self.parts.forget(org, blob).map_err(ApiError::internal)
    }

    /// Takes the smaller copies of a photo away; nothing where they are not there. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn remove_copies(&self, org: OrgId, blob: Hash) -> Result<(), ApiError> {
        BlobFile::COPIES.into_iter().try_for_each(|file| self.remove_file(org, blob, file))
    }

    fn remove_file(&self, org: OrgId, blob: Hash, file: BlobFile) -> Result<(), ApiError> {
        let (objects, key) = (self.objects()?, key(org, blob, file));
        match self.wait(async move { objects.delete(&key).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether a smaller copy of a photo lies there. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn has_copy(&self, org: OrgId, blob: Hash) -> Result<bool, ApiError> {
        for file in BlobFile::COPIES {
            let (objects, key) = (self.objects()?, key(org, blob, file));
            match self.wait(async move { objects.head(&key).await })? {
                Ok(_) => return Ok(true),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(false)
    }

    /// Begins to read a blob, or a range of it; none where it is not there.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn read(
        &self,
        org: OrgId,
        blob: Hash,
        range: Option<Range<u64>>,
    ) -> Result<Option<GetResult>, ApiError> {
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        match self.objects()?.get_opts(&key(org, blob, BlobFile::Original), options).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The SHA-256 and the length of a blob as it lies there, read piece by piece; none where it is not there. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn digest(&self, org: OrgId, blob: Hash) -> Result<Option<(Hash, u64)>, ApiError> {
        use sha2::{Digest as _, Sha256};
        const PIECE: u64 = 1 << 20;
        let (objects, key) = (self.objects()?, key(org, blob, BlobFile::Original));
        let read = async move {
            let size = match objects.head(&key).await {
                Ok(found) => found.size,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let (mut digest, mut at) = (Sha256::new(), 0);
            while at < size {
                let end = at.saturating_add(PIECE).min(size);
                digest.update(objects.get_range(&key, at..end).await?);
                at = end;
            }
            Ok(Some((Hash(digest.finalize().into()), size)))
        };
        self.wait(read)?.map_err(failed)
    }

    /// The blobs of an organization that lie there whole. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn list(&self, org: OrgId) -> Result<BTreeSet<Hash>, ApiError> {
        let (objects, prefix) = (self.objects()?, Key::from(org.to_string()));
        let list = async move {
            let mut found = BTreeSet::new();
            for folder in objects.list_with_delimiter(Some(&prefix)).await?.common_prefixes {
                let files = objects.list_with_delimiter(Some(&folder)).await?.objects;
                // Names of smaller copies are longer and no hashes.
                found.extend(files.iter().filter_map(|it| it.location.filename()?.parse::<Hash>().ok()));
            }
            Ok(found)
        };
        self.wait(list)?.map_err(failed)
    }
}

impl Place {
    fn open(&self) -> Result<Arc<dyn ObjectStore>, ApiError> {
        match self {
            Self::Folder(path) => {
                make_private(path).map_err(|it| cannot_write(path, &it))?;
                // Without it neither the bytes nor the name of a new file would survive a power cut.
                let folder = LocalFileSystem::new_with_prefix(path).map_err(failed)?.with_fsync(true);
                Ok(Arc::new(folder))
            }
            Self::Bucket { name, prefix } => {
                // The client of the bucket takes the provider of the process; who set one before is right too.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let bucket = AmazonS3Builder::from_env().with_bucket_name(name).build().map_err(failed)?;
                Ok(Arc::new(PrefixStore::new(bucket, prefix.as_str())))
            }
        }
    }
}

fn key(org: OrgId, blob: Hash, file: BlobFile) -> Key {
    let name = blob.to_string();
    // A folder with a hundred thousand files is slow to list.
    let folder = name.get(..2).unwrap_or_default();
    Key::from(format!("{org}/{folder}/{name}{}", file.suffix()))
}

/// A folder that only its owner reads, with those above it.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn cannot_write(path: &Path, cause: &io::Error) -> ApiError {
    ApiError::internal(format!("cannot write to {}: {cause}", path.display()))
}

fn failed(error: object_store::Error) -> ApiError {
    ApiError::later(
        503,
        "blob_store_unavailable",
        "El almacén de evidencia no responde; intente de nuevo más tarde.",
        "the store of evidence does not answer; try again later",
    )
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use uuid::Uuid;

    #[test]
    fn on_one_blob_of_an_organization_one_job_is_done_at_a_time_and_on_others_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { blob_folder: Some(folder.path().to_owned()), ..Config::default() };
        let store = BlobStore::open(&config).unwrap();
        let org = |it: u128| OrgId(Uuid::from_u128(it));
        let (blob, within) = (Hash::of(b"blob"), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        store.alone(org(1), blob, || {
                            assert_eq!(within.fetch_add(1, Ordering::SeqCst), 0);
                            // Whoever would not have to wait comes in here.
                            thread::yield_now();
                            within.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        let both = store.alone(org(1), blob, || {
            store.alone(org(2), blob, || store.alone(org(1), Hash::of(b"another"), || 7))
        });
        assert_eq!(both, 7);
        assert!(store.alone.lock().unwrap().is_empty());
    }
}
