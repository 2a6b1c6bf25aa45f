//! Where a device lives: what a platform gives it to keep its database, its key and the bytes of its photos. Owns that boundary;
//! [`crate::Folder`] is the one of ordinary file systems, the browser's stands in `sync-core/wasm`.

use ordered::BTreeMap;
use std::{
    any::Any,
    fmt,
    io::{self, Read},
    sync::Arc,
};

use rusqlite::Connection;
use sync_core::{
    Algorithm, DeviceId, Hash, Hasher, PublicKey,
    lane::FileState,
    payload::{BlobRef, LossCause},
    signature::SigningKey,
};

use crate::DeviceError;

/// Who signs in a device's name.
enum Signer {
    /// This program, with the device's secret.
    Software(SigningKey),
    /// The platform, with a key that it gives to nobody: whoever drives the device asks it.
    Platform(PublicKey),
}

/// What makes a device that device. It never leaves the place where it was made.
pub struct DeviceKey {
    pub(crate) secret: [u8; 32],
    signer: Signer,
    dev: DeviceId,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is printed ends in logs.
        write!(f, "DeviceKey({}, ***)", self.dev)
    }
}

impl DeviceKey {
    /// A key in software.
    ///
    /// - **Shape**: `secret` is 32 bytes from a good random source.
    pub fn software(secret: [u8; 32]) -> Self {
        let key = SigningKey::from_secret(&secret);
        Self { secret, dev: key.public_key().device(), signer: Signer::Software(key) }
    }

    /// A key that the platform keeps, beside a secret of which the seeds of visits are made.
    ///
    /// - **Shape**: `secret` is 32 bytes from a good random source, another one for every key.
    pub fn of_platform(secret: [u8; 32], public: PublicKey) -> Self {
        Self { secret, dev: public.device(), signer: Signer::Platform(public) }
    }

    /// The device that this key is.
    pub fn dev(&self) -> DeviceId {
        self.dev
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        match &self.signer {
            Signer::Software(key) => key.public_key(),
            Signer::Platform(public) => public.clone(),
        }
    }

    /// Whether this program signs with it, and not the platform.
    pub(crate) fn is_software(&self) -> bool {
        matches!(self.signer, Signer::Software(_))
    }

    /// Signs, where this program can.
    ///
    /// - **Errors**: `key_of_platform` where only the platform can.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, DeviceError> {
        match &self.signer {
            Signer::Software(key) => Ok(key.sign(bytes)),
            Signer::Platform(_) => Err(key_of_platform()),
        }
    }

    /// Signs, or notes what the platform has to sign; then the signature is empty, and nothing may come of it.
    pub(crate) fn sign_with(&self, bytes: &[u8], signatures: &mut Signatures) -> Vec<u8> {
        match &self.signer {
            Signer::Software(key) => key.sign(bytes),
            Signer::Platform(_) => signatures.of(self.dev, bytes),
        }
    }
}

/// What is kept of a key that the platform keeps, to tell the device by it: whoever opens the device has it.
#[derive(Clone)]
pub struct PlatformKey {
    secret: [u8; 32],
    public: PublicKey,
}

impl PlatformKey {
    /// Reads one: a secret as of [`DeviceKey::of_platform`] and the public half, 65 bytes; none where these are no key.
    pub fn parse(secret: [u8; 32], public: &[u8]) -> Option<Self> {
        let public = PublicKey::parse(Algorithm::Es256, public).ok()?;
        Some(Self { secret, public })
    }

    /// The key of a device.
    pub fn key(&self) -> DeviceKey {
        DeviceKey::of_platform(self.secret, self.public.clone())
    }
}

fn key_of_platform() -> DeviceError {
    DeviceError::problem(
        409,
        "key_of_platform",
        "La clave de este dispositivo la guarda la plataforma, que debe firmar",
        "the platform keeps this device's key and has to sign",
    )
}

/// What a platform has to sign, and what it signed. Work that needs signatures is begun with none; where some are wanted nothing was
/// done, and it is begun again with them.
#[derive(Debug, Default)]
pub struct Signatures {
    held: BTreeMap<(DeviceId, Vec<u8>), Vec<u8>>,
    wanted: Vec<(DeviceId, Vec<u8>)>,
}

impl Signatures {
    /// What is still to be signed, each with the device whose key is asked for.
    pub fn take_wanted(&mut self) -> Vec<(DeviceId, Vec<u8>)> {
        std::mem::take(&mut self.wanted)
    }

    /// Takes note of a signature.
    pub fn hold(&mut self, dev: DeviceId, bytes: Vec<u8>, signature: Vec<u8>) {
        self.held.insert((dev, bytes), signature);
    }

    fn of(&mut self, dev: DeviceId, bytes: &[u8]) -> Vec<u8> {
        let key = (dev, bytes.to_vec());
        let held = self.held.get(&key).cloned();
        if held.is_none() {
            self.wanted.push(key);
        }
        held.unwrap_or_default()
    }

    /// Whether nothing is wanted.
    pub(crate) fn is_enough(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Refuses work that only this program's own key may sign.
    pub(crate) fn refuse_wanted(&self) -> Result<(), DeviceError> {
        if self.is_enough() { Ok(()) } else { Err(key_of_platform()) }
    }
}

/// Where a device lives.
pub trait Place: Send {
    /// Takes the place for this program alone, until what it gives is dropped: two programs that append to one log would make a
    /// fork of it.
    ///
    /// # Errors
    /// `device_in_use`; files.
    fn lock(&self) -> Result<Box<dyn Any + Send>, DeviceError>;

    /// Whether a database is here.
    fn has_database(&self) -> bool;

    /// Opens the database, or makes it, readable by nobody else. Its settings are the store's.
    ///
    /// # Errors
    /// Storage and files.
    fn connect(&self) -> Result<Connection, DeviceError>;

    /// Opens the database of a store that may be damaged, to read it and for nothing else: nothing is made, mended or moved.
    ///
    /// # Errors
    /// Storage and files.
    fn connect_to_read(&self) -> Result<Connection, DeviceError>;

    /// The bytes of photos.
    fn files(&self) -> Arc<dyn Files>;

    /// Keeps a new key beside the one that is in use, durably, for [`Self::settle_key`].
    ///
    /// # Errors
    /// Files.
    fn prepare_key(&self, key: &DeviceKey) -> Result<(), DeviceError>;

    /// Puts the prepared key in the place of the one that was in use, which is found until the next takes this one's.
    ///
    /// # Errors
    /// Files.
    fn settle_key(&self) -> Result<(), DeviceError>;

    /// The key of a device, also one that was prepared and not put in place before a crash; none if it is lost.
    ///
    /// # Errors
    /// `device_key_damaged`; files.
    fn find_key(&self, dev: DeviceId) -> Result<Option<DeviceKey>, DeviceError>;
}

/// The bytes of photos, each under the hash of its bytes.
pub trait Files: Send + Sync {
    /// Keeps bytes durably, at most `most`: only then may an op name them. The same bytes twice are one file; one that was spoilt
    /// is whole again.
    ///
    /// # Errors
    /// `empty_photo`, `photo_too_large`; files.
    fn take_in(&self, from: &mut dyn Read, most: u64) -> Result<BlobRef, DeviceError>;

    /// A part of a file.
    ///
    /// # Errors
    /// Where it is not there, or shorter.
    fn read(&self, id: &Hash, offset: u64, len: u64) -> io::Result<Vec<u8>>;

    /// How long a file is; none if it is not there.
    fn size(&self, id: &Hash) -> Option<u64>;

    /// Every file, with when it was last written, milliseconds since 1970; 0 where that is not known.
    ///
    /// # Errors
    /// Where they cannot be listed.
    fn list(&self) -> io::Result<Vec<(Hash, u64)>>;

    /// Removes a file; that it is not there is as good.
    ///
    /// # Errors
    /// Where it cannot be removed.
    fn remove(&self, id: &Hash) -> io::Result<()>;

    /// Removes what a crash left half-written. What cannot be removed now keeps nobody from answering.
    fn tidy(&self);
}

/// Bytes read at once.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// What the file of a blob holds.
pub(crate) fn state_of(files: &dyn Files, blob: &BlobRef) -> FileState {
    let Some(size) = files.size(&blob.id) else { return FileState::Lost(LossCause::Missing) };
    let (mut hasher, mut at) = (Hasher::default(), 0_u64);
    while at < size {
        let len = size.saturating_sub(at).min(u64::try_from(READ_BYTES).unwrap_or(u64::MAX));
        let Ok(bytes) = files.read(&blob.id, at, len) else { return FileState::Lost(LossCause::Missing) };
        hasher.update(&bytes);
        at = at.saturating_add(len);
    }
    match (BlobRef { id: hasher.finish(), size }) == *blob {
        true => FileState::Intact,
        false => FileState::Lost(LossCause::Changed),
    }
}

/// Whether the bytes of a blob are here and what its name says.
pub(crate) fn is_intact(files: &dyn Files, blob: &BlobRef) -> bool {
    matches!(state_of(files, blob), FileState::Intact)
}

/// Whether there is a file of the right length.
pub(crate) fn seems_whole(files: &dyn Files, blob: &BlobRef) -> bool {
    files.size(&blob.id) == Some(blob.size)
}

/// Refuses what is no photo by its length alone.
pub(crate) fn check_size(size: u64, most: u64) -> Result<(), DeviceError> {
    if size == 0 {
        return Err(DeviceError::problem(422, "empty_photo", "La foto está vacía", "the photo is empty"));
    }
    if size > most {
        return Err(DeviceError::problem(
            413,
            "photo_too_large",
            format!("La foto pasa de {most} bytes"),
            format!("the photo is larger than {most} bytes"),
        ));
    }
    Ok(())
}
