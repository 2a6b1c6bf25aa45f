//! Signatures of devices and of the server. Owns the two algorithms and the form of their keys; keeps no secret.

use alloc::{string::String, vec::Vec};
use core::fmt;
use ed25519_dalek::Signer as _;
use p256::{ecdsa::signature::Verifier as _, elliptic_curve::point::AffineCoordinates as _};
use serde::{Deserialize, Serialize};

use crate::{Bytes, DeviceId};

/// How a device signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256, for keys in phone hardware: the public key is 65 bytes SEC1 (uncompressed, as
    /// WebCrypto exports it), the signature 64 bytes r || s.
    Es256,
    /// Ed25519, for software keys: the public key is 32 bytes, the signature 64.
    Ed25519,
}

impl Algorithm {
    /// The number that travels.
    pub fn number(self) -> u8 {
        match self {
            Self::Es256 => 1,
            Self::Ed25519 => 2,
        }
    }
}

impl From<Algorithm> for u8 {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.number()
    }
}

impl TryFrom<u8> for Algorithm {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Es256),
            2 => Ok(Self::Ed25519),
            _ => Err(String::from("unknown signature algorithm; 1 (ES256) and 2 (Ed25519) are known")),
        }
    }
}

/// A key, a signature or a message that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureError {
    /// The bytes are no public key of the algorithm.
    BadKey,
    /// The signature is not this key's over these bytes.
    BadSignature,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadKey => "not a public key of the algorithm",
            Self::BadSignature => "the signature does not hold",
        })
    }
}

impl core::error::Error for SignatureError {}

/// A public key with its algorithm, as it is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// How it signs.
    pub alg: Algorithm,
    /// The key in the form of its algorithm.
    pub key: Bytes,
}

impl PublicKey {
    /// Reads a key, so that a bad one is refused when it is enrolled and not at the first push.
    ///
    /// - **Errors**: [`SignatureError::BadKey`].
    pub fn parse(alg: Algorithm, key: &[u8]) -> Result<Self, SignatureError> {
        let parsed = Self { alg, key: Bytes::from(key) };
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), SignatureError> {
        match self.alg {
            Algorithm::Es256 => self.es256().map(drop),
            Algorithm::Ed25519 => self.ed25519().map(drop),
        }
    }

    fn es256(&self) -> Result<p256::ecdsa::VerifyingKey, SignatureError> {
        // One form only, as the device id is the hash of these bytes: both coordinates. What reads the other forms computes the
        // second one, which is much code for what is refused.
        let coordinates: Option<(&[u8; 32], &[u8; 32])> = self
            .key
            .strip_prefix(&[0x04])
            .and_then(|it| it.split_first_chunk())
            .and_then(|(x, y)| Some((x, y.try_into().ok()?)));
        let (x, y) = coordinates.ok_or(SignatureError::BadKey)?;
        let point = p256::AffinePoint::from_coordinates(&(*x).into(), &(*y).into());
        let point = point.into_option().ok_or(SignatureError::BadKey)?;
        p256::ecdsa::VerifyingKey::from_affine(point).map_err(|_| SignatureError::BadKey)
    }

    fn ed25519(&self) -> Result<ed25519_dalek::VerifyingKey, SignatureError> {
        let bytes: &[u8; 32] = (&*self.key).try_into().map_err(|_| SignatureError::BadKey)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError::BadKey)?;
        if key.is_weak() { Err(SignatureError::BadKey) } else { Ok(key) }
    }

    /// The device that this key is.
    pub fn device(&self) -> DeviceId {
        DeviceId::of_key(&self.key)
    }

    /// Checks a signature.
    ///
    /// - **Errors**: either of [`SignatureError`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match self.alg {
            Algorithm::Es256 => {
                let signature = p256::ecdsa::Signature::from_slice(signature)
                    .map_err(|_| SignatureError::BadSignature)?;
                self.es256()?.verify(message, &signature).map_err(|_| SignatureError::BadSignature)
            }
            Algorithm::Ed25519 => {
                let signature = ed25519_dalek::Signature::from_slice(signature)
                    .map_err(|_| SignatureError::BadSignature)?;
                self.ed25519()?.verify_strict(message, &signature).map_err(|_| SignatureError::BadSignature)
            }
        }
    }
}

/// A software key. It wipes its secret when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

impl SigningKey {
    /// The Ed25519 key of 32 secret bytes; the caller draws them from a good source.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// Its public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey { alg: Algorithm::Ed25519, key: Bytes::from(self.0.verifying_key().to_bytes().as_slice()) }
    }

    /// Signs bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).to_bytes().to_vec()
    }
}
