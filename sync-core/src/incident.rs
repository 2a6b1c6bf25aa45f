//! Reports of incidents on their way: sealed to the organization's incident key, if it has one, signed by the device, and sent before
//! and apart from everything else. Owns the seal and what is signed; what a report says is `domain`'s, and nobody here reads it.
//!
//! The seal is HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. `info` is
//! `"veedor-incident-1" || org`, `aad` is `id || dev`; the sealed bytes are the encapsulated key (32 bytes) and the ciphertext. Before
//! it is sealed a report is filled up with spaces, so that its length tells nearly nothing of it.

use alloc::vec::Vec;
use core::{convert::Infallible, fmt};
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable,
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Bytes, DeviceId, Hash};

type PrivateKey = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;
type SealingKey = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

/// Begins `info`, and what is signed.
const FORMAT: &[u8] = b"veedor-incident-1";
/// A sealed report is as long as a multiple of this, in bytes, and what the seal adds.
const STEP: usize = 1_024;
/// What the seal adds: the encapsulated key and the tag, in bytes.
const SEAL_BYTES: usize = 32 + 16;
/// Most bytes of a report as it travels: the longest text with every character escaped, and the rest of it.
pub const MAX_BODY_BYTES: usize = 72 * STEP + SEAL_BYTES;

/// A key, a seal or a secret that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// The bytes are no key of X25519.
    BadKey,
    /// It was not sealed so to this key, or it was changed.
    DoesNotOpen,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadKey => "not a key of X25519",
            Self::DoesNotOpen => "not sealed to this key, or changed since",
        })
    }
}

impl core::error::Error for SealError {}

/// The one piece of randomness of a seal: 32 bytes that the caller drew from a good source, given out once.
struct Drawn([u8; 32]);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in into.iter_mut().zip(self.0) {
            *to = from;
        }
        // Should more ever be asked for, it is not the same again.
        self.0 = Hash::of(&self.0).0;
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

/// Which report is sealed: what cannot be changed without breaking the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedFor {
    /// The organization.
    pub org: Uuid,
    /// The report.
    pub id: Uuid,
    /// The device on which it was written.
    pub dev: DeviceId,
}

impl SealedFor {
    fn info(&self) -> Vec<u8> {
        [FORMAT, self.org.as_bytes()].concat()
    }

    fn aad(&self) -> Vec<u8> {
        [self.id.as_bytes().as_slice(), &self.dev.0].concat()
    }

    /// Seals a report to a public key, after which only the holder of the secret can read it.
    ///
    /// - **Shape**: `seed` is 32 bytes from a good random source, never used again.
    /// - **Errors**: [`SealError::BadKey`].
    pub fn seal(&self, key: &[u8; 32], report: &[u8], seed: [u8; 32]) -> Result<Vec<u8>, SealError> {
        let mut filled = report.to_vec();
        filled.resize(report.len().next_multiple_of(STEP), b' ');
        seal(key, &self.info(), &self.aad(), &filled, seed)
    }

    /// Opens a sealed report; behind it may be spaces.
    ///
    /// - **Errors**: [`SealError::DoesNotOpen`]; [`SealError::BadKey`] for a secret that is none.
    pub fn open(&self, secret: &[u8; 32], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let secret = PrivateKey::from_bytes(secret).map_err(|_| SealError::BadKey)?;
        let (key, text) = sealed.split_first_chunk::<32>().ok_or(SealError::DoesNotOpen)?;
        let key = Encapsulated::from_bytes(key).map_err(|_| SealError::DoesNotOpen)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret,
            &key,
            &self.info(),
            text,
            &self.aad(),
        )
        .map_err(|_| SealError::DoesNotOpen)
    }
}

fn seal(key: &[u8; 32], info: &[u8], aad: &[u8], text: &[u8], seed: [u8; 32]) -> Result<Vec<u8>, SealError> {
    let key = SealingKey::from_bytes(key).map_err(|_| SealError::BadKey)?;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &key, info, text, aad, &mut Drawn(seed))
    .map_err(|_| SealError::BadKey)?;
    Ok([encapsulated.to_bytes().as_slice(), &sealed].concat())
}

/// The pair of an organization: its secret, which is the custodian's alone, and its public key.
///
/// - **Shape**: `seed` is 32 bytes from a good random source; the same seed gives the same pair.
pub fn key_pair(seed: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let (secret, public) = X25519HkdfSha256::derive_keypair(seed);
    (secret.to_bytes().into(), public.to_bytes().into())
}

/// The public key of a secret.
///
/// - **Errors**: [`SealError::BadKey`].
pub fn public_key(secret: &[u8; 32]) -> Result<[u8; 32], SealError> {
    let secret = PrivateKey::from_bytes(secret).map_err(|_| SealError::BadKey)?;
    Ok(X25519HkdfSha256::sk_to_pk(&secret).to_bytes().into())
}

/// The name of a public key: its SHA-256.
pub fn key_id(public: &[u8; 32]) -> Hash {
    Hash::of(public)
}

/// A report as it is handed in: `POST /api/v1/incidents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRequest {
    /// The report's id.
    pub id: Uuid,
    /// The device on which it was written; another one may hand it in, after the first was renewed.
    pub dev: DeviceId,
    /// The key that it is sealed to; none where it is as its author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Hash>,
    /// The sealed bytes, or the report's canonical JSON.
    pub body: Bytes,
    /// Signature of the device that hands it in over [`Self::signed_bytes`].
    #[serde(default)]
    pub sig: Bytes,
}

impl IncidentRequest {
    /// What the device that hands it in signs: `"veedor-incident-1" || org || sender || id || dev || key || SHA-256(body)`, where a
    /// key that is not there is zero.
    pub fn signed_bytes(&self, org: &Uuid, sender: &DeviceId) -> Vec<u8> {
        let key = self.key.unwrap_or(Hash::ZERO);
        let body = Hash::of(&self.body);
        let (id, dev) = (self.id.as_bytes(), &self.dev.0);
        [FORMAT, org.as_bytes(), &sender.0, id, dev, &key.0, &body.0].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        core::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    const OF: SealedFor =
        SealedFor { org: Uuid::from_u128(1), id: Uuid::from_u128(2), dev: DeviceId([3; 16]) };

    /// RFC 9180, appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode, sequence 0.
    #[test]
    fn the_vector_of_the_rfc_is_sealed_byte_by_byte() {
        let seed = bytes("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let of_receiver = bytes("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df");
        // The RFC writes the secret as it is drawn, whose two ends no multiplication looks at.
        let secret = bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let public = bytes("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        assert_eq!((public_key(&secret), key_pair(&of_receiver).1), (Ok(public), public));
        let sealed =
            seal(&public, b"Ode on a Grecian Urn", b"Count-0", b"Beauty is truth, truth beauty", seed);
        let expected: [u8; 77] = bytes(concat!(
            "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
        ));
        assert_eq!(sealed.unwrap(), expected);
    }

    #[test]
    fn what_is_sealed_opens_for_the_custodian_and_its_length_tells_nothing_of_a_few_words() {
        let (secret, public) = key_pair(&[7; 32]);
        let sealed = OF.seal(&public, b"{\"text\":\"\"}", [9; 32]).unwrap();
        assert_eq!(sealed.len(), OF.seal(&public, &[b'x'; 1_000], [9; 32]).unwrap().len());
        assert!(!sealed.windows(6).any(|it| it == b"\"text\""));
        let opened = OF.open(&secret, &sealed).unwrap();
        assert_eq!(opened.trim_ascii_end(), b"{\"text\":\"\"}");
        assert_ne!(sealed, OF.seal(&public, b"{\"text\":\"\"}", [8; 32]).unwrap());
    }

    #[test]
    fn a_flipped_bit_another_key_and_another_report_do_not_open() {
        let (secret, public) = key_pair(&[7; 32]);
        let sealed = OF.seal(&public, b"{}", [9; 32]).unwrap();
        for at in [0, 31, 32, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(OF.open(&secret, &changed), Err(SealError::DoesNotOpen), "{at}");
        }
        let other = key_pair(&[8; 32]).0;
        assert_eq!(OF.open(&other, &sealed), Err(SealError::DoesNotOpen));
        let elsewhere = [
            SealedFor { org: Uuid::nil(), ..OF },
            SealedFor { id: Uuid::nil(), ..OF },
            SealedFor { dev: DeviceId([4; 16]), ..OF },
        ];
        for it in elsewhere {
            assert_eq!(it.open(&secret, &sealed), Err(SealError::DoesNotOpen), "{it:?}");
        }
        for short in [0, 31, 32, 47] {
            assert_eq!(OF.open(&secret, &sealed[..short]), Err(SealError::DoesNotOpen), "{short}");
        }
    }

    #[test]
    fn a_key_that_gives_everybody_the_same_secret_is_none() {
        assert_eq!(OF.seal(&[0; 32], b"{}", [9; 32]), Err(SealError::BadKey));
    }

    #[test]
    fn every_part_of_a_request_is_signed() {
        let request = IncidentRequest {
            id: OF.id,
            dev: OF.dev,
            key: None,
            body: Bytes::from("{}"),
            sig: Bytes::default(),
        };
        let signed = |it: &IncidentRequest| it.signed_bytes(&OF.org, &OF.dev);
        let others = [
            IncidentRequest { id: Uuid::nil(), ..request.clone() },
            IncidentRequest { dev: DeviceId([4; 16]), ..request.clone() },
            IncidentRequest { key: Some(Hash::of(b"key")), ..request.clone() },
            IncidentRequest { body: Bytes::from("{ }"), ..request.clone() },
        ];
        for other in others {
            assert_ne!(signed(&other), signed(&request));
        }
        assert_ne!(request.signed_bytes(&Uuid::nil(), &OF.dev), signed(&request));
        assert_ne!(request.signed_bytes(&OF.org, &DeviceId([4; 16])), signed(&request));
    }
}
