//! What a process has cost: processor time and memory, as the kernel counts them.

use crate::Outcome;
use std::{fs, time::Duration};

/// What a process has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Time on a processor, of threads that still live.
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
