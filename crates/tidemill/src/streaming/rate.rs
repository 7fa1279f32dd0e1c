//! Back-pressure: how much a receiver may take in for one batch, from how fast batches were processed.
//!
//! Spark's `spark.streaming.backpressure.enabled`, always on and without loss, because TCP makes the
//! sender wait. A pure estimator; the socket receiver asks it.

use std::time::Duration;

/// Before anything is known.
const FIRST_LIMIT: usize = 16 << 20;
/// However slow processing is, so much may come per batch.
const LEAST_LIMIT: usize = 64 << 10;
/// Smaller batches say nothing about the rate: their fixed costs outweigh it.
const TELLING: usize = 64 << 10;
/// Part of the batch interval that processing should fill, so that a delay is worked off.
const FILL: f64 = 0.95;
/// Weight of the newest batch in the estimate.
const NEWEST: f64 = 0.5;

/// Bytes per second that processing manages, and what follows.
#[derive(Debug, Default)]
pub(crate) struct RateEstimate {
    bytes_per_second: Option<f64>,
}

impl RateEstimate {
    /// A batch of `bytes` took `processing`.
    pub(crate) fn observe(&mut self, bytes: usize, processing: Duration) {
        if bytes < TELLING || processing.is_zero() {
            return;
        }
        let rate = bytes as f64 / processing.as_secs_f64();
        let before = self.bytes_per_second.unwrap_or(rate);
        self.bytes_per_second = Some(before + NEWEST * (rate - before));
    }

    /// Most bytes to take in for one batch.
    pub(crate) fn limit(&self, interval: Duration) -> usize {
        let Some(rate) = self.bytes_per_second else {
            return FIRST_LIMIT;
        };
        ((rate * interval.as_secs_f64() * FILL) as usize).max(LEAST_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_to_fill_the_interval() {
        let (interval, speed) = (Duration::from_secs(1), 20e6);
        let mut estimate = RateEstimate::default();
        for _ in 0..20 {
            let bytes = estimate.limit(interval);
            estimate.observe(bytes, Duration::from_secs_f64(bytes as f64 / speed));
        }
        let filled = estimate.limit(interval) as f64 / speed;
        assert!((0.9..1.0).contains(&filled), "{filled}");
    }

    #[test]
    fn small_batches_change_nothing() {
        let mut estimate = RateEstimate::default();
        estimate.observe(100, Duration::from_secs(5));
        assert_eq!(estimate.limit(Duration::from_secs(1)), FIRST_LIMIT);
        estimate.observe(TELLING, Duration::from_secs(3600));
        assert_eq!(estimate.limit(Duration::from_millis(5)), LEAST_LIMIT);
    }
}
