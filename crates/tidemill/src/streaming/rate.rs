//! Back-pressure: how much a receiver may take in for one batch, from how fast batches were processed.
//!
//! Spark's `spark.streaming.backpressure.enabled`, always on and without loss, because TCP makes the
//! sender wait. A pure estimator; the socket receiver asks it.

use std::time::Duration;

/// Before anything is known.
const FIRST_LIMIT: f64 = (16 << 20) as f64;
/// However slow processing is, so much may come per batch.
const LEAST_LIMIT: f64 = (64 << 10) as f64;
/// Smaller batches say nothing about the rate: their fixed costs outweigh it.
const TELLING: usize = 64 << 10;
/// Part of the batch interval that processing should fill, so that a delay is worked off.
const FILL: f64 = 0.95;
/// Weight of the newest batch in the limit.
const NEWEST: f64 = 0.5;
/// A batch smaller by this factor should take less time by about as much; if not, its cost is fixed.
const SMALLER: f64 = 0.8;

/// The limit, and the batch it was last learnt from.
#[derive(Debug)]
pub(crate) struct RateEstimate {
    interval: Duration,
    limit: f64,
    last: Option<(f64, f64)>,
}

impl RateEstimate {
    /// For a batch every `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        RateEstimate { interval, limit: FIRST_LIMIT, last: None }
    }

    /// A batch of `bytes` took `processing`.
    pub(crate) fn observe(&mut self, bytes: usize, processing: Duration) {
        if bytes < TELLING || processing.is_zero() {
            return;
        }
        let (bytes, seconds) = (bytes as f64, processing.as_secs_f64());
        let fitting = bytes / seconds * self.interval.as_secs_f64() * FILL;
        let fixed = self
            .last
            .is_some_and(|(before, took)| bytes < before * SMALLER && seconds > took * SMALLER);
        self.limit = match self.last {
            // Less data did not help: the cost is per batch, and only larger batches catch up.
            Some((before, _)) if fixed => 2.0 * self.limit.max(before),
            Some(_) => self.limit + NEWEST * (fitting - self.limit),
            None => fitting,
        };
        self.last = Some((bytes, seconds));
    }

    /// Most bytes to take in for one batch.
    pub(crate) fn limit(&self) -> usize {
        self.limit.max(LEAST_LIMIT) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    /// Limits over time when a batch costs `fixed` seconds and its bytes at `speed`.
    fn limits(fixed: f64, speed: f64) -> Vec<f64> {
        let mut estimate = RateEstimate::new(INTERVAL);
        let mut step = || {
            let bytes = estimate.limit();
            let seconds = fixed + bytes as f64 / speed;
            estimate.observe(bytes, Duration::from_secs_f64(seconds));
            bytes as f64
        };
        (0..40).map(|_| step()).collect()
    }

    #[test]
    fn batches_come_to_fill_the_interval() {
        let filled = limits(0.0, 20e6)[39] / 20e6;
        assert!((0.9..1.0).contains(&filled), "{filled}");
    }

    #[test]
    fn a_fixed_cost_above_the_interval_does_not_starve_the_stream() {
        let least = limits(2.0, 200e6).into_iter().skip(5).fold(f64::MAX, f64::min);
        assert!(least > 1e6, "{least}");
    }

    #[test]
    fn small_batches_change_nothing() {
        let mut estimate = RateEstimate::new(INTERVAL);
        estimate.observe(100, Duration::from_secs(5));
        assert_eq!(estimate.limit(), FIRST_LIMIT as usize);
        estimate.observe(TELLING, Duration::from_secs(3600));
        assert_eq!(estimate.limit(), LEAST_LIMIT as usize);
    }
}
