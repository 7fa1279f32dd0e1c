//! The record of progress: one JSON line a batch, appended to the file that the variable `BENCH_OUT` names,
//! with the batch time, the time now (both in seconds) and the points counted so far, in all and by quadrant.
//! Every job writes these lines, in whatever language, and `bench/measure.py` reads them.

use crate::quadrant::{Counts, Quadrant};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where and how often progress is written; nothing is written without `BENCH_OUT`.
pub struct Progress {
    out: Option<File>,
    every: Duration,
    reported: Instant,
}

impl Progress {
    /// Opens the file that `BENCH_OUT` names, if it names one; `BENCH_EVERY` (0.25) is in seconds.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn from_environment() -> io::Result<Self> {
        let out = match std::env::var_os("BENCH_OUT") {
            None => None,
            Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
        };
        let every = std::env::var("BENCH_EVERY").ok().and_then(|seconds| seconds.parse().ok());
        let every = Duration::from_secs_f64(every.unwrap_or(0.25));
        Ok(Self { out, every, reported: Instant::now() })
    }

    /// Whether a program that has no batches should write a line at `clock`.
    #[must_use]
    pub fn is_due(&self, clock: Instant) -> bool {
        clock - self.reported >= self.every
    }

    /// Writes one line for the batch of `batch_seconds` (seconds since 1970), which is complete now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&mut self, batch_seconds: f64, counts: &Counts) -> io::Result<()> {
        self.reported = Instant::now();
        let Some(file) = &mut self.out else {
            return Ok(());
        };
        file.write_all(json(batch_seconds, now(), counts).as_bytes())
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn json(batch: f64, now: f64, counts: &Counts) -> String {
    let seen = Quadrant::ALL.iter().filter(|quadrant| counts.of(**quadrant) > 0);
    let pairs: Vec<String> =
        seen.map(|quadrant| format!("{:?}: {}", quadrant.name(), counts.of(*quadrant))).collect();
    let total = counts.total();
    format!(
        "{{\"time\": {batch:.3}, \"now\": {now:.6}, \"total\": {total}, \"counts\": {{{}}}}}\n",
        pairs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{Counts, Quadrant, json};

    #[test]
    fn a_line_is_json() {
        let mut counts = Counts::default();
        counts.add(Quadrant::OnX, 2);
        let expected = "{\"time\": 1.500, \"now\": 1.600000, \"total\": 2, \"counts\": {\"Lies on X axis\": 2}}\n";
        assert_eq!(json(1.5, 1.6, &counts), expected);
    }
}
