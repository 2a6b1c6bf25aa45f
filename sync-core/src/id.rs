//! Identities of sync: devices, ops, hashes and the seeds of commitments. Owns how they print and how they travel
//! (hexadecimal in JSON, bytes in CBOR).

use alloc::{format, string::String};
use core::{cmp::Ordering, fmt, str::FromStr};
use hmac::{Hmac, KeyInit, Mac};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Reads exactly `N` bytes from hexadecimal text.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let mut out = [0_u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(*pair.first()?).to_digit(16)?;
        let low = char::from(*pair.last()?).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(out)
}

struct Fixed<const N: usize>;

impl<const N: usize> Visitor<'_> for Fixed<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; N], E> {
        from_hex(text).ok_or_else(|| E::custom(format!("{N} bytes as hexadecimal expected")))
    }
}

macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident, $len:literal);* $(;)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                from_hex(text).map(Self).ok_or_else(|| format!("not {} bytes as hexadecimal", $len))
            }
        }
        impl TryFrom<&[u8]> for $name {
            type Error = core::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() { to.collect_str(self) } else { to.serialize_bytes(&self.0) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if from.is_human_readable() {
                    from.deserialize_str(Fixed::<$len>).map(Self)
                } else {
                    from.deserialize_bytes(Fixed::<$len>).map(Self)
                }
            }
        }
    )*};
}

fixed_bytes! {
    /// A device: the first 16 bytes of the SHA-256 of its public key, so that it certifies itself. A new installation,
    /// a lost key or a detected clone is a new device.
    DeviceId, 16;
    /// A SHA-256.
    Hash, 32;
}

/// What hides the values of one device in one audit: from it comes the blind of each op (SYNC.md 2.4). Not shown in
/// debug output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(***)")
    }
}

impl Seed {
    /// The seed of an audit from a secret of the device, so that it needs no store and no random: it is the same
    /// however often an audit is started anew.
    pub fn derive(secret: &[u8; 32], audit: &Uuid) -> Option<Self> {
        // HMAC takes a key of any length, so this is always Some.
        let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        Some(Self(
            mac.chain_update(b"veedor-seed-1").chain_update(audit.as_bytes()).finalize().into_bytes().into(),
        ))
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Hash(self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Hash::deserialize(from).map(|it| Self(it.0))
    }
}

impl DeviceId {
    /// The device of a public key, given as the bytes that the algorithm defines.
    pub fn of_key(public_key: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(public_key).into();
        let mut id = [0_u8; 16];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self(id)
    }
}

impl Hash {
    /// Before the first op of a chain and the first entry of a feed.
    pub const ZERO: Self = Self([0; 32]);

    /// The SHA-256 of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A [`struct@Hash`] of bytes that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes taken.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

/// An op: which device wrote it and where it stands in that device's log; ordered by these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// The author.
    pub dev: DeviceId,
    /// Position in the author's log: 1, 2, 3... without gaps.
    pub dseq: u64,
}

impl OpId {
    /// The op at a position of a device's log.
    pub fn new(dev: DeviceId, dseq: u64) -> Self {
        Self { dev, dseq }
    }
}

impl Ord for OpId {
    fn cmp(&self, other: &Self) -> Ordering {
        // Two numbers instead of bytes: every look into the ops of an audit compares a handful of these.
        let number = |it: &Self| (u128::from_be_bytes(it.dev.0), it.dseq);
        number(self).cmp(&number(other))
    }
}

impl PartialOrd for OpId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dev, self.dseq)
    }
}

impl FromStr for OpId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once(':').and_then(|(dev, dseq)| Some((dev.parse().ok()?, dseq.parse().ok()?)));
        let (dev, dseq) =
            parts.ok_or_else(|| String::from("not an op: device and position with a colon between"))?;
        Ok(Self { dev, dseq })
    }
}
