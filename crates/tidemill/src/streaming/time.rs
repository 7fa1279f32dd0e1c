//! Batch times: milliseconds since the epoch, printed as Python prints a local `datetime`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{Local, TimeZone};

/// When a batch is due: a multiple of the batch interval since the epoch, in milliseconds.
///
/// ```
/// use std::time::Duration;
/// use tidemill::streaming::BatchTime;
/// let first = BatchTime::after(BatchTime(1_795_343_873_100), Duration::from_millis(500));
/// assert_eq!(first, BatchTime(1_795_343_873_500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchTime(pub i64);

impl BatchTime {
    /// The wall clock, in milliseconds.
    pub fn now() -> BatchTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        BatchTime(since.as_millis() as i64)
    }

    /// The first multiple of `interval` after `time`.
    pub fn after(time: BatchTime, interval: Duration) -> BatchTime {
        let step = millis(interval).max(1);
        BatchTime((time.0.div_euclid(step) + 1) * step)
    }

    /// This time and `interval` more.
    pub fn plus(self, interval: Duration) -> BatchTime {
        BatchTime(self.0 + millis(interval))
    }

    /// This time less `interval`.
    pub fn minus(self, interval: Duration) -> BatchTime {
        BatchTime(self.0 - millis(interval))
    }

    /// How long until this time, zero if it is past. Finer than a millisecond.
    pub fn wait(self) -> Duration {
        let due = UNIX_EPOCH + Duration::from_millis(self.0.max(0) as u64);
        due.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> i64 {
    duration.as_millis() as i64
}

impl fmt::Display for BatchTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Local.timestamp_millis_opt(self.0).earliest() {
            Some(time) if self.0 % 1000 == 0 => write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S")),
            Some(time) => write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S%.6f")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_aligned_to_the_epoch() {
        let interval = Duration::from_millis(2000);
        assert_eq!(BatchTime::after(BatchTime(4000), interval), BatchTime(6000));
        assert_eq!(BatchTime::after(BatchTime(5999), interval), BatchTime(6000));
    }

    #[test]
    fn fractions_are_printed_as_microseconds() {
        assert!(BatchTime(1_795_343_873_500).to_string().ends_with(":53.500000"));
        assert!(BatchTime(1_795_343_873_000).to_string().ends_with(":53"));
    }
}
