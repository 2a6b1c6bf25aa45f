//! Pseudo-words from a seed: what the answers of the workload say. The same seed gives the same text on every machine.

const SYLLABLES: [&str; 32] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve",
    "xi", "yo", "zu", "bra", "cle", "dri", "flo", "gru", "pla", "que", "tri", "cho", "llu", "sta", "nes",
];
/// Bytes of an answer, about.
const ANSWER_BYTES: usize = 60;

/// A stream of words and numbers: xorshift64*, Vigna 2016.
pub(crate) struct Words(u64);

impl Words {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number that does not come twice.
    pub(crate) fn number(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
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
