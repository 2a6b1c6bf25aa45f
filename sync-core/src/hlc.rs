//! Hybrid logical clock: 48 bits of milliseconds since 1970 and 16 bits of counter in one number that strictly rises on
//! a device. Owns the clamp of clocks that run ahead. Reads no clock.

/// How far a device's clock may run ahead of the moment of receipt, and the server's of a device's own estimate, in
/// milliseconds.
pub const MAX_AHEAD_MS: u64 = 5 * 60 * 1_000;

const COUNTER_BITS: u32 = 16;
/// One bit less than there is, so that a clock value fits the signed integers of databases.
const MAX_MS: u64 = (1 << 47) - 1;
/// The greatest clock value, and the greatest position, that databases can keep.
pub const MAX: u64 = i64::MAX.cast_unsigned();

/// The first clock value of a millisecond.
pub fn at_ms(ms: u64) -> u64 {
    ms.min(MAX_MS) << COUNTER_BITS
}

/// The milliseconds of a clock value.
pub fn ms_of(hlc: u64) -> u64 {
    hlc >> COUNTER_BITS
}

/// The clock value by which every replica ranks an op: the author's, but at most five minutes after its receipt.
///
/// - **Units**: `hlc` as in [`Clock::next`]; `recv_ms` milliseconds since 1970 on the server's clock.
/// - **Source**: SYNC.md 2.3. It is a pure function of what travels, so it is computed and never sent.
pub fn effective(hlc: u64, recv_ms: u64) -> u64 {
    hlc.min(at_ms(recv_ms.saturating_add(MAX_AHEAD_MS)))
}

/// The clock of one device's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    last: u64,
}

impl Clock {
    /// A clock that goes on after the last op of a log (0 for an empty one).
    pub fn after(last: u64) -> Self {
        Self { last }
    }

    /// The last value given out.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The next value: strictly greater than every one before, at least the estimated time.
    ///
    /// - **Units**: `wall_ms` milliseconds since 1970 on the device; `estimated_offset_ms` is what to add to it to come
    ///   to the server's clock, 0 if unknown.
    pub fn next(&mut self, wall_ms: u64, estimated_offset_ms: i64) -> u64 {
        let now = at_ms(wall_ms.saturating_add_signed(estimated_offset_ms));
        self.last = now.max(self.last.saturating_add(1));
        self.last
    }

    /// Adopts a value seen from elsewhere, so that an op that saw another comes after it; not beyond five minutes from
    /// the device's own estimate.
    pub fn observe(&mut self, seen: u64, wall_ms: u64, estimated_offset_ms: i64) {
        let now = wall_ms.saturating_add_signed(estimated_offset_ms);
        if ms_of(seen) <= now.saturating_add(MAX_AHEAD_MS) {
            self.last = self.last.max(seen);
        }
    }
}
