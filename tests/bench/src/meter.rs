//! What a process has cost: processor time and memory, as the kernel counts them.

use crate::Outcome;
use std::{fs, thread, time::Duration};

/// How long nothing is to happen until a process is at rest, and how often that is looked at.
const REST: Duration = Duration::from_millis(30);
const MOST_LOOKS: usize = 200;
/// What a process at rest takes in that time.
const NOTHING: Duration = Duration::from_micros(500);

/// What a process has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Time on a processor, of threads that still live: those of the server live as long as it does.
    pub(crate) cpu: Duration,
    /// The most memory that it ever held, in KiB.
    pub(crate) peak_kib: u64,
}

impl Usage {
    /// Of a process.
    pub(crate) fn of_process(id: u32) -> Outcome<Self> {
        let mut cpu = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{id}/task"))? {
            // A thread may end while it is looked at.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanos = text.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0);
            cpu += Duration::from_nanos(nanos);
        }
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let peak = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let peak_kib = peak.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0);
        Ok(Self { cpu, peak_kib })
    }

    /// Of a process that has come to rest: what it does after its last answer is told is its cost too.
    pub(crate) fn at_rest(id: u32) -> Outcome<Self> {
        let mut usage = Self::of_process(id)?;
        for _ in 0..MOST_LOOKS {
            thread::sleep(REST);
            let later = Self::of_process(id)?;
            if later.cpu.saturating_sub(usage.cpu) < NOTHING {
                return Ok(later);
            }
            usage = later;
        }
        Ok(usage)
    }

    /// Of this process.
    pub(crate) fn own() -> Outcome<Self> {
        Self::of_process(std::process::id())
    }
}

/// Load of the machine over the last minute, as it is told with every figure.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// The middle of some figures.
pub(crate) fn median<T: Ord + Copy>(figures: &[T]) -> Option<T> {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}
