//! Pseudo-words from a seed: what the answers of the workload say. The same seed gives the same text on every machine.

use uuid::Uuid;

const SYLLABLES: [&str; 32] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve",
    "xi", "yo", "zu", "bra", "cle", "dri", "flo", "gru", "pla", "que", "tri", "cho", "llu", "sta", "nes",
];
/// Bytes of an answer, about.
const ANSWER_BYTES: usize = 60;

/// When the first audit is begun, in Unix milliseconds; the next ones a minute apart.
const BEGUN_MS: u64 = 1_800_000_000_000;

/// A stream of words and ids: xorshift64*, Vigna 2016; and how many ids it gave.
pub(crate) struct Words(u64, u64);

impl Words {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1, 0)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// The id of an audit as a phone makes it, a UUIDv7: those of one phone rise with the time.
    pub(crate) fn audit(&mut self) -> Uuid {
        let at = BEGUN_MS + self.1 * 60_000;
        self.1 += 1;
        let mut random = [0; 10];
        let bytes = self.next().to_be_bytes().into_iter().chain(self.next().to_be_bytes());
        random.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        uuid::Builder::from_unix_timestamp_millis(at, &random).into_uuid()
    }

    /// An answer of about 60 bytes.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::with_capacity(ANSWER_BYTES + 8);
        while text.len() < ANSWER_BYTES {
            if !text.is_empty() {
                text.push(' ');
            }
            for _ in 0..self.next() % 3 + 1 {
                let at = usize::try_from(self.next() >> 59).unwrap_or(0);
                text.push_str(SYLLABLES.get(at).copied().unwrap_or_default());
            }
        }
        text.truncate(ANSWER_BYTES);
        text
    }

    /// The same as JSON.
    pub(crate) fn answer(&mut self) -> String {
        format!("\"{}\"", self.text())
    }

    /// Bytes that do not compress, behind the first bytes of a JPEG.
    pub(crate) fn photo(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = b"\xFF\xD8\xFF\xE0".to_vec();
        while bytes.len() < size {
            bytes.extend_from_slice(&self.next().to_be_bytes());
        }
        bytes.truncate(size);
        bytes
    }
}
