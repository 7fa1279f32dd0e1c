//! The life of batches as a pure state machine: due, started, finished. Time is an argument.
//!
//! Invariant: batches start in order, one at a time, and none is skipped. A late batch waits in the
//! queue, which is a range of times and so takes no memory however long it grows.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::{BatchTime, millis};
use crate::error::Error;

/// Finished batches that are remembered.
const RECENT: usize = 1000;

/// What is known of a finished batch.
#[derive(Debug, Clone)]
pub struct BatchInfo {
    /// When it was due.
    pub time: BatchTime,
    /// Records its inputs received.
    pub records: u64,
    /// From due to started.
    pub scheduling_delay: Duration,
    /// From started to finished.
    pub processing_time: Duration,
    /// The first error of its output operations.
    pub error: Option<Error>,
}

/// Totals over a stream's life.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Finished batches.
    pub batches: u64,
    /// Records received.
    pub records: u64,
    /// Median of the recent batches' processing times.
    pub median_processing: Duration,
    /// Largest scheduling delay of all batches.
    pub max_scheduling_delay: Duration,
    /// Batches with an error.
    pub failed: u64,
}

/// Queue and history of batches.
///
/// ```
/// use std::time::Duration;
/// use tidemill::streaming::BatchTime;
/// use tidemill::streaming::batches::Batches;
///
/// let mut batches = Batches::new(BatchTime(100), Duration::from_millis(100));
/// batches.due(BatchTime(200));
/// assert_eq!(batches.start(BatchTime(205)), Some(BatchTime(100)));
/// assert_eq!(batches.waiting(), 1);
/// batches.finish(Duration::from_millis(3), 0, None);
/// assert_eq!(batches.start(BatchTime(210)), Some(BatchTime(200)));
/// ```
#[derive(Debug)]
pub struct Batches {
    interval: Duration,
    next: BatchTime,
    due_until: Option<BatchTime>,
    running: Option<(BatchTime, Duration)>,
    recent: VecDeque<BatchInfo>,
    totals: Summary,
}

impl Batches {
    /// No batch yet; the first will be `first`.
    pub fn new(first: BatchTime, interval: Duration) -> Self {
        Batches {
            interval,
            next: first,
            due_until: None,
            running: None,
            recent: VecDeque::new(),
            totals: Summary::default(),
        }
    }

    /// The clock has reached `time`.
    pub fn due(&mut self, time: BatchTime) {
        self.due_until = Some(time);
    }

    /// The batch that starts next.
    pub fn next(&self) -> BatchTime {
        self.next
    }

    /// The batch that finished last.
    pub fn last(&self) -> Option<BatchTime> {
        self.recent.back().map(|info| info.time)
    }

    /// How many batches have finished.
    pub fn finished(&self) -> u64 {
        self.totals.batches
    }

    /// Number of batches that are due and not started.
    pub fn waiting(&self) -> u64 {
        let Some(until) = self.due_until else {
            return 0;
        };
        ((until.0 - self.next.0) / millis(self.interval).max(1) + 1).max(0) as u64
    }

    /// Forgets what is due and not started.
    pub fn drop_waiting(&mut self) {
        self.due_until = None;
    }

    /// Starts the next batch that is due, if none runs.
    pub fn start(&mut self, now: BatchTime) -> Option<BatchTime> {
        if self.running.is_some() || self.waiting() == 0 {
            return None;
        }
        let time = self.next;
        self.next = time.plus(self.interval);
        let delay = Duration::from_millis((now.0 - time.0).max(0) as u64);
        self.running = Some((time, delay));
        Some(time)
    }

    /// The running batch has ended.
    pub fn finish(&mut self, processing_time: Duration, records: u64, error: Option<Error>) {
        let Some((time, scheduling_delay)) = self.running.take() else {
            return;
        };
        self.totals.batches += 1;
        self.totals.records += records;
        self.totals.failed += u64::from(error.is_some());
        self.totals.max_scheduling_delay = self.totals.max_scheduling_delay.max(scheduling_delay);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        let info = BatchInfo { time, records, scheduling_delay, processing_time, error };
        self.recent.push_back(info);
    }

    /// The last batches, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &BatchInfo> {
        self.recent.iter()
    }

    /// Totals so far.
    pub fn summary(&self) -> Summary {
        let mut times: Vec<Duration> = self.recent.iter().map(|b| b.processing_time).collect();
        times.sort();
        let median_processing = times.get(times.len() / 2).copied().unwrap_or_default();
        Summary { median_processing, ..self.totals.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_batches_queue_in_order_and_none_is_skipped() {
        let mut batches = Batches::new(BatchTime(100), Duration::from_millis(100));
        assert_eq!(batches.start(BatchTime(100)), None);
        batches.due(BatchTime(100));
        assert_eq!(batches.start(BatchTime(103)), Some(BatchTime(100)));
        batches.due(BatchTime(300));
        assert_eq!(batches.start(BatchTime(300)), None, "one at a time");
        batches.finish(Duration::from_millis(250), 5, None);
        assert_eq!(batches.waiting(), 2);
        for expected in [200, 300] {
            assert_eq!(batches.start(BatchTime(350)), Some(BatchTime(expected)));
            batches.finish(Duration::from_millis(1), 0, None);
        }
        assert_eq!(batches.start(BatchTime(350)), None);
        let summary = batches.summary();
        assert_eq!((summary.batches, summary.records), (3, 5));
        assert_eq!(summary.max_scheduling_delay, Duration::from_millis(150));
    }

    #[test]
    fn history_is_bounded() {
        let mut batches = Batches::new(BatchTime(0), Duration::from_millis(1));
        for t in 0..(2 * RECENT as i64) {
            batches.due(BatchTime(t));
            batches.start(BatchTime(t));
            batches.finish(Duration::ZERO, 1, None);
        }
        assert_eq!(batches.recent().count(), RECENT);
        assert_eq!(batches.summary().batches, 2 * RECENT as u64);
    }
}
