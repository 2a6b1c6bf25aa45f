//! The forms in which platforms give keys and signatures.

use device::{DeviceKey, Folder, KeyedFolder, Place, PlatformKey as Kept};

use crate::error::PhoneError;

/// A key that the platform keeps (Android Keystore, Secure Enclave): P-256, for signatures over SHA-256.
#[derive(Clone, uniffi::Record)]
pub struct PlatformKey {
    /// 32 bytes from a good random source, another one for every key: what of visits must be hard to guess is made of it. The
    /// shell keeps it, encrypted.
    pub secret: Vec<u8>,
    /// The public half, 65 bytes uncompressed: the last 65 of what Android's `getEncoded` gives, `x963Representation` on iOS.
    pub public_key: Vec<u8>,
}

/// Who keeps the keys of a phone.
#[derive(Clone, uniffi::Enum)]
pub enum Keys {
    /// The core, in the folder, where no platform keeps one: Ed25519.
    InFolder {
        /// 32 bytes from a good random source, new at every call: of them a key is made where one is needed.
        random: Vec<u8>,
    },
    /// The platform.
    OfPlatform {
        /// All that it keeps for this folder, the newest last.
        keys: Vec<PlatformKey>,
        /// No phone was ever opened with them, so that one is made with the newest: a key whose database is lost is not used again.
        make: bool,
    },
}

fn secret(bytes: &[u8]) -> Result<[u8; 32], PhoneError> {
    bytes.try_into().map_err(|_| PhoneError::malformed("32 random bytes"))
}

impl PlatformKey {
    fn kept(&self) -> Result<Kept, PhoneError> {
        Kept::parse(secret(&self.secret)?, &self.public_key)
            .ok_or_else(|| PhoneError::malformed("public key"))
    }
}

impl Keys {
    /// What the platform keeps; none where the folder has the key.
    pub(crate) fn kept(&self) -> Result<Option<Vec<Kept>>, PhoneError> {
        match self {
            Self::InFolder { .. } => Ok(None),
            Self::OfPlatform { keys, .. } => {
                keys.iter().map(PlatformKey::kept).collect::<Result<_, _>>().map(Some)
            }
        }
    }

    /// The key that a phone is renewed with.
    pub(crate) fn newest(&self) -> Result<DeviceKey, PhoneError> {
        match self {
            Self::InFolder { random } => Ok(DeviceKey::software(secret(random)?)),
            Self::OfPlatform { keys, .. } => {
                let newest = keys.last().ok_or_else(|| PhoneError::malformed("keys"))?;
                Ok(newest.kept()?.key())
            }
        }
    }

    /// The key that a phone is made with where there is none; none where none may be made.
    pub(crate) fn for_a_new_phone(&self) -> Result<Option<DeviceKey>, PhoneError> {
        match self {
            Self::OfPlatform { make: false, .. } => Ok(None),
            _ => self.newest().map(Some),
        }
    }
}

/// A folder with whoever keeps its keys.
pub(crate) fn place(folder: Folder, kept: Option<Vec<Kept>>) -> Box<dyn Place> {
    match kept {
        None => Box::new(folder),
        Some(kept) => Box::new(KeyedFolder::over(folder, kept)),
    }
}

/// The id of the device that a key is, for shells that keep several: `Sign` names the key by it.
#[uniffi::export]
pub fn device_of(key: PlatformKey) -> Result<String, PhoneError> {
    Ok(key.kept()?.key().dev().to_string())
}

/// A signature as it travels (64 bytes, r and s), of one that may be in DER, as Android gives it.
pub(crate) fn signature(bytes: Vec<u8>) -> Result<Vec<u8>, PhoneError> {
    if bytes.len() == 64 {
        return Ok(bytes);
    }
    let read = p256::ecdsa::Signature::from_der(&bytes).map_err(|_| PhoneError::malformed("signature"))?;
    Ok(read.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_in_der_is_the_same_signature() {
        // r has a leading zero byte that DER leaves out, s one that DER adds.
        let mut flat = [0x11; 64];
        (flat[0], flat[32]) = (0, 0x81);
        let read = p256::ecdsa::Signature::from_slice(&flat).unwrap();
        let der = read.to_der();
        assert_eq!(der.as_bytes().len(), 70);
        assert_eq!(signature(der.as_bytes().to_vec()).unwrap(), flat);
        assert_eq!(signature(flat.to_vec()).unwrap(), flat);
        assert!(signature(vec![0x30; 71]).is_err());
        assert!(signature(Vec::new()).is_err());
    }

    #[test]
    fn a_key_that_is_none_is_refused_before_anything_is_made_with_it() {
        let key = |secret: usize, public: usize| PlatformKey {
            secret: vec![1; secret],
            public_key: vec![4; public],
        };
        assert!(key(31, 65).kept().is_err());
        assert!(key(32, 65).kept().is_err(), "no point of the curve");
        assert!(Keys::OfPlatform { keys: Vec::new(), make: true }.newest().is_err());
        assert!(Keys::InFolder { random: vec![1; 33] }.newest().is_err());
    }
}
