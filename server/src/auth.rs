//! Secrets of people and devices: argon2id password hashes and opaque random tokens that are stored only as hashes.

use crate::environment::Environment;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use std::ops::Deref;
use sync_core::Hash;

/// Shortest password that is accepted; length is the only rule, as NIST SP 800-63B advises.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Longest password: argon2 would take more, an attacker would send more.
pub const MAX_PASSWORD_CHARS: usize = 256;
/// Letters of one-time codes: no 0/O, 1/I/L, so that they can be read aloud.
const CODE_LETTERS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// A secret as somebody sent it: read, never printed and never written out again.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("***")
    }
}

impl Deref for Secret {
    type Target = SecretString;
    fn deref(&self) -> &SecretString {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// OWASP minimum for argon2id: 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    let params =
        Params::new(19 * 1024, 2, 1, None).expect("the parameters are constants inside argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password for storage (PHC string). Takes tens of milliseconds: never call it inside a transaction.
///
/// # Errors
/// Only where argon2 itself fails, which a password within the limits cannot cause.
pub fn hash_password(password: &SecretString) -> Result<String, String> {
    hasher()
        .hash_password(password.expose_secret().as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether the password is the one that was hashed.
pub fn verify_password(password: &SecretString, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|hash| hasher().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
}

/// Spends the time of one verification, so that an unknown login answers as slowly as a wrong password.
pub fn spend_verification(password: &SecretString) {
    let _ = hash_password(password);
}

/// A new bearer token: 256 random bits, and the hash under which it is stored.
pub fn new_token(environment: &Environment) -> (SecretString, Hash) {
    let token = URL_SAFE_NO_PAD.encode(environment.bytes::<32>());
    let hash = token_hash(&token);
    (token.into(), hash)
}

/// The hash under which a token is stored.
pub fn token_hash(token: &str) -> Hash {
    Hash::of(token.as_bytes())
}

/// A one-time code such as `7K4M-9XQ2-TB3H` (about 59 bits), and the hash under which it is stored.
pub fn new_code(environment: &Environment, purpose: &str) -> (String, Hash) {
    let mut letters = String::new();
    while letters.len() < 12 {
        for byte in environment.bytes::<16>() {
            // 248 = 8 x 31: bytes above would favour the first letters.
            if byte < 248 && letters.len() < 12 {
                letters.extend(CODE_LETTERS.get(usize::from(byte % 31)).map(|it| char::from(*it)));
            }
        }
    }
    let hash = code_hash(&letters, purpose);
    let groups: Vec<String> =
        letters.as_bytes().chunks(4).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    (groups.join("-"), hash)
}

/// The hash of a code as typed: case, spaces and dashes do not matter. The purpose is hashed with it, so that a code
/// opens nothing but what it was issued for.
pub fn code_hash(typed: &str, purpose: &str) -> Hash {
    let letters: String =
        typed.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_uppercase()).collect();
    token_hash(&format!("{purpose}:{letters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_and_another_is_not() {
        let stored = hash_password(&"correct horse battery".into()).unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify_password(&"correct horse battery".into(), &stored));
        assert!(!verify_password(&"correct horse batterY".into(), &stored));
        assert!(!verify_password(&"anything".into(), "not a hash"));
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let (code, hash) = new_code(&Environment::default(), "phone");
        assert_eq!(code.len(), 14);
        assert_eq!(code_hash(&code, "phone"), hash);
        assert_eq!(code_hash(&code.to_lowercase().replace('-', " "), "phone"), hash);
        assert_ne!(code_hash(&code, "password"), hash);
    }
}
