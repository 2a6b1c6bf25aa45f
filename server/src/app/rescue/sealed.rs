//! How a rescue file is sealed and opened (`sync_core::rescue` says its form): for the key of an organization, or for a code that
//! people pass on. A phone in a browser seals with the same means of its platform.

use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToSec1Point as _};
use ring::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};
use std::io::{self, ErrorKind, Read, Write};
use sync_core::{
    Hash,
    rescue::{CODE_LENGTH, FOR_CODE, FOR_OFFICE, KEY_INFO, MAGIC, PART_BYTES, TAG_BYTES, nonce},
};

/// Bytes of a point of P-256, uncompressed.
const POINT_BYTES: usize = 65;
/// How much of the hash of a key names it.
const NAME_BYTES: usize = 8;
/// Random bytes of a file that is sealed for a code.
const SALT_BYTES: usize = 16;
/// What an organization's rescue key is derived for.
const KEY_LABEL: &[u8] = b"veedor-rescue-key-1";

/// The secret rescue key of an organization, out of the first secret of its server: whoever has a copy of the office has it too, and
/// nothing else has to be kept.
///
/// # Errors
/// None that ever comes: of 256 candidates each is a key but for one in four thousand million.
pub(super) fn office_secret(first: &[u8]) -> Option<SecretKey> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, first);
    (0..=u8::MAX).find_map(|count| {
        let candidate = hmac::sign(&key, &[KEY_LABEL, &[count]].concat());
        SecretKey::from_slice(candidate.as_ref()).ok()
    })
}

/// The public half of a key, uncompressed.
pub(super) fn point_of(secret: &SecretKey) -> Vec<u8> {
    secret.public_key().to_sec1_point(false).as_bytes().to_vec()
}

/// What names a public key in a file.
pub(super) fn name_of(point: &[u8]) -> [u8; NAME_BYTES] {
    Hash::of(point).0.first_chunk().copied().unwrap_or_default()
}

/// What stands before the parts.
pub(super) struct Head {
    bytes: Vec<u8>,
}

/// Whom a file is sealed for.
pub(super) enum For<'a> {
    /// The holder of the key of this name; with the point that the file brings.
    Office { name: &'a [u8], point: &'a [u8] },
    /// Whoever has the code.
    Code,
}

impl Head {
    /// Reads the head.
    ///
    /// # Errors
    /// `InvalidData` for what is no rescue file; those of the reader.
    pub(super) fn read(from: &mut dyn Read) -> io::Result<Self> {
        let mut bytes = vec![0; MAGIC.len().saturating_add(1)];
        from.read_exact(&mut bytes)?;
        let length = match bytes.split_last() {
            Some((&FOR_OFFICE, magic)) if magic == MAGIC => NAME_BYTES.saturating_add(POINT_BYTES),
            Some((&FOR_CODE, magic)) if magic == MAGIC => SALT_BYTES,
            _ => return Err(ErrorKind::InvalidData.into()),
        };
        let mut rest = vec![0; length];
        from.read_exact(&mut rest)?;
        bytes.append(&mut rest);
        Ok(Self { bytes })
    }

    fn new(kind: u8, rest: &[&[u8]]) -> Self {
        Self { bytes: [&MAGIC[..], &[kind], &rest.concat()].concat() }
    }

    /// Whom it is sealed for.
    pub(super) fn is_for(&self) -> For<'_> {
        let rest = self.bytes.get(MAGIC.len().saturating_add(1)..).unwrap_or_default();
        match rest.split_at_checked(NAME_BYTES) {
            Some((name, point)) if point.len() == POINT_BYTES => For::Office { name, point },
            _ => For::Code,
        }
    }

    /// The key of the parts, out of what only both sides know.
    fn key(&self, shared: &[u8]) -> io::Result<LessSafeKey> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &self.bytes).extract(shared);
        let expanded = extracted.expand(&[KEY_INFO], &aead::AES_256_GCM).map_err(unusable)?;
        Ok(LessSafeKey::new(UnboundKey::from(expanded)))
    }

    /// The key for the holder of an organization's key.
    ///
    /// # Errors
    /// `InvalidData` where the file brings no point of the curve.
    pub(super) fn key_for(&self, secret: &SecretKey) -> io::Result<LessSafeKey> {
        let For::Office { point, .. } = self.is_for() else { return Err(ErrorKind::InvalidData.into()) };
        let point = PublicKey::from_sec1_bytes(point).map_err(io::Error::other)?;
        self.key(diffie_hellman(secret.to_nonzero_scalar(), point.as_affine()).raw_secret_bytes())
    }

    /// The key for whoever has the code; none for what is no code.
    pub(super) fn key_for_code(&self, code: &str) -> io::Result<Option<LessSafeKey>> {
        plain_code(code).map(|code| self.key(code.as_bytes())).transpose()
    }
}

fn unusable(_: ring::error::Unspecified) -> io::Error {
    ErrorKind::InvalidData.into()
}

/// A code as it is meant, however it was typed: without dashes and spaces, letters that look like digits as those. None for what
/// has another length.
fn plain_code(typed: &str) -> Option<String> {
    let meant = typed.chars().filter(char::is_ascii_alphanumeric).map(|it| match it.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    });
    let code: String = meant.collect();
    (code.len() == CODE_LENGTH).then_some(code)
}

fn nonce_of(part: u64, is_last: bool) -> Nonce {
    Nonce::assume_unique_for_key(nonce(part, is_last))
}

/// What is inside a sealed file, part by part.
pub(super) struct Opened<R> {
    from: R,
    key: LessSafeKey,
    part: u64,
    /// What was read of the next part.
    ahead: Vec<u8>,
    clear: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl<R: Read> Opened<R> {
    /// Opens what stands behind a head.
    pub(super) fn of(from: R, key: LessSafeKey) -> Self {
        Self { from, key, part: 0, ahead: Vec::new(), clear: Vec::new(), at: 0, is_over: false }
    }

    /// Opens the next part. One byte more than a part is read, so that the last one is known to be that.
    fn open_part(&mut self) -> io::Result<()> {
        let whole = PART_BYTES.saturating_add(TAG_BYTES);
        let wanted = whole.saturating_add(1).saturating_sub(self.ahead.len());
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        self.from.by_ref().take(wanted).read_to_end(&mut self.ahead)?;
        let is_last = self.ahead.len() <= whole;
        let rest = self.ahead.split_off(self.ahead.len().min(whole));
        let mut sealed = std::mem::replace(&mut self.ahead, rest);
        let opened = self.key.open_in_place(nonce_of(self.part, is_last), Aad::empty(), &mut sealed);
        let length = opened.map_err(unusable)?.len();
        sealed.truncate(length);
        (self.clear, self.at, self.is_over) = (sealed, 0, is_last);
        self.part = self.part.saturating_add(1);
        Ok(())
    }
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.clear.len() && !self.is_over {
            self.open_part()?;
        }
        let rest = self.clear.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(from), Some(to)) = (rest.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}

/// Seals a file, for devices of this program that have no browser.
pub struct Sealer<W> {
    to: W,
    key: LessSafeKey,
    part: u64,
    clear: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins a file for the holder of a rescue key.
    ///
    /// - **Shape**: `point` is the public key, uncompressed; `random` is 32 bytes from a good random source, never used again.
    ///
    /// # Errors
    /// `InvalidData` for what is no point of the curve; those of the writer.
    pub fn for_office(mut to: W, point: &[u8], random: &[u8; 32]) -> io::Result<Self> {
        let office = PublicKey::from_sec1_bytes(point).map_err(io::Error::other)?;
        let ephemeral = office_secret(random).ok_or(ErrorKind::InvalidData)?;
        let head = Head::new(FOR_OFFICE, &[&name_of(point), &point_of(&ephemeral)]);
        let shared = diffie_hellman(ephemeral.to_nonzero_scalar(), office.as_affine());
        to.write_all(&head.bytes)?;
        let key = head.key(shared.raw_secret_bytes())?;
        Ok(Self { to, key, part: 0, clear: Vec::new() })
    }

    /// Begins a file for whoever has a code.
    ///
    /// # Errors
    /// `InvalidData` for what is no code; those of the writer.
    pub fn for_code(mut to: W, code: &str, salt: &[u8; SALT_BYTES]) -> io::Result<Self> {
        let head = Head::new(FOR_CODE, &[salt]);
        let key = head.key_for_code(code)?.ok_or(ErrorKind::InvalidData)?;
        to.write_all(&head.bytes)?;
        Ok(Self { to, key, part: 0, clear: Vec::new() })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.clear.extend_from_slice(bytes);
        // What may be the last part waits for more.
        while self.clear.len() > PART_BYTES {
            let rest = self.clear.split_off(PART_BYTES);
            self.seal(false)?;
            self.clear = rest;
        }
        Ok(())
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let mut sealed = std::mem::take(&mut self.clear);
        let nonce = nonce_of(self.part, is_last);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).map_err(unusable)?;
        self.part = self.part.saturating_add(1);
        self.to.write_all(&sealed)
    }

    /// Seals the last part; gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODE: &str = "7KQ2M-9XVDT-0ZC4H-8RWPA-B3NE";

    fn sealed(parts: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let mut sealer = Sealer::for_code(Vec::new(), CODE, &[5; SALT_BYTES]).unwrap();
        let mut clear = Vec::new();
        for (number, length) in parts.iter().enumerate() {
            let bytes: Vec<u8> = (0..*length).map(|it| u8::try_from((it + number) % 251).unwrap()).collect();
            sealer.write(&bytes).unwrap();
            clear.extend(bytes);
        }
        (sealer.finish().unwrap(), clear)
    }

    fn opened(mut file: &[u8], code: &str) -> io::Result<Vec<u8>> {
        let head = Head::read(&mut file)?;
        let key = head.key_for_code(code)?.ok_or(ErrorKind::NotFound)?;
        let mut clear = Vec::new();
        Opened::of(file, key).read_to_end(&mut clear)?;
        Ok(clear)
    }

    #[test]
    fn what_is_sealed_comes_back_whatever_its_length() {
        for parts in [&[][..], &[1], &[PART_BYTES], &[PART_BYTES, 1], &[3, 2 * PART_BYTES - 3], &[700_001, 9]]
        {
            let (file, clear) = sealed(parts);
            assert!(opened(&file, CODE).unwrap() == clear, "{parts:?}");
        }
    }

    #[test]
    fn a_file_that_was_cut_off_or_whose_parts_were_exchanged_does_not_open() {
        let (file, _) = sealed(&[3 * PART_BYTES]);
        let whole = PART_BYTES + TAG_BYTES;
        let head = file.len() - 3 * whole;
        for end in [head, head + whole, head + 2 * whole, file.len() - 1] {
            assert!(opened(&file[..end], CODE).is_err(), "{end}");
        }
        let exchanged = [&file[..head], &file[head + whole..head + 2 * whole], &file[head..head + whole]];
        let exchanged = [exchanged.concat(), file[head + 2 * whole..].to_vec()].concat();
        assert!(opened(&exchanged, CODE).is_err());
    }

    #[test]
    fn a_code_is_read_as_people_type_it_and_another_opens_nothing() {
        let (file, clear) = sealed(&[10]);
        assert_eq!(opened(&file, " 7kq2m 9xvdt oZC4H8RWPA-b3ne\n").unwrap(), clear);
        assert!(opened(&file, "7KQ2M-9XVDT-0ZC4H-8RWPA-B3NF").is_err());
        assert!(opened(&file, "7KQ2M").is_err());
    }

    #[test]
    fn only_the_office_whose_key_it_is_opens_a_file() {
        let office = office_secret(b"first secret").unwrap();
        let mut sealer = Sealer::for_office(Vec::new(), &point_of(&office), &[9; 32]).unwrap();
        sealer.write(b"all that is here").unwrap();
        let file = sealer.finish().unwrap();
        let open = |secret: &SecretKey| {
            let mut from = &file[..];
            let head = Head::read(&mut from).unwrap();
            let mut clear = String::new();
            Opened::of(from, head.key_for(secret).unwrap()).read_to_string(&mut clear).map(|_| clear)
        };
        assert_eq!(open(&office).unwrap(), "all that is here");
        assert!(open(&office_secret(b"another secret").unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_seen(at in 0usize..4_000, bit in 0u8..8) {
            let (mut file, _) = sealed(&[4_000]);
            file[at] ^= 1 << bit;
            prop_assert!(opened(&file, CODE).is_err());
        }
    }
}
