//! What is counted: times, shares of the work, memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How long each thing took.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Does one thing and remembers how long it took; a failure is passed on.
    pub async fn take<T>(&mut self, thing: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let started = Instant::now();
        let done = thing.await?;
        self.0.push(started.elapsed());
        Ok(done)
    }

    /// Adds another worker's.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Number, median and 99th percentile, in milliseconds.
    pub fn summary(mut self) -> (usize, f64, f64) {
        self.0.sort_unstable();
        let at = |share: f64| {
            let rank = (share * self.0.len() as f64).ceil() as usize;
            self.0
                .get(rank.max(1) - 1)
                .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        (self.0.len(), at(0.5), at(0.99))
    }
}

/// Work shared out among workers, up to a number and, where there is one, until a deadline.
#[derive(Debug, Clone)]
pub struct Shares {
    taken: Arc<AtomicU64>,
    number: u64,
    deadline: Option<Instant>,
}

impl Shares {
    pub fn new(number: u64, deadline: Option<Instant>) -> Self {
        Self {
            taken: Arc::default(),
            number,
            deadline,
        }
    }

    /// The number of the next piece; `None` when there is no more.
    pub fn take(&self) -> Option<u64> {
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() < deadline);
        let next = self.taken.fetch_add(1, Ordering::Relaxed);
        (in_time && next < self.number).then_some(next)
    }
}

/// A process's resident memory in MB (10⁶ bytes).
pub fn resident_memory(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the provider is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok(kilobytes.parse::<f64>()? * 1024.0 / 1e6)
}
