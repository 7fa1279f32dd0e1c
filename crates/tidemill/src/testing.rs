//! What a test of a streaming program needs: given batches go in, what a stream makes of them comes out.
//!
//! Used by the examples in the documentation and by users' tests.

use std::sync::mpsc;
use std::time::Duration;

use crate::api::{DStream, Data, SparkContext, StreamingContext};
use crate::error::Result;
use crate::streaming::StreamingConfig;

/// The batch interval of [`run_batches`], for windows.
///
/// ```
/// use tidemill::testing::{INTERVAL, run_batches};
/// let last_two = run_batches([[1], [2], [3]], |numbers| numbers.window(2 * INTERVAL, INTERVAL))?;
/// assert_eq!(last_two, [vec![1], vec![1, 2], vec![2, 3]]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub const INTERVAL: Duration = Duration::from_millis(10);

/// Runs a stream that gives `batches`, in two partitions each, through `program`, on two threads, and
/// returns the records of each batch that comes out.
///
/// ```
/// use tidemill::testing::run_batches;
/// let batches = [vec![1, 2], vec![3]];
/// let squares = run_batches(batches, |numbers| numbers.map(|x| x * x))?;
/// assert_eq!(squares, [vec![1, 4], vec![9]]);
/// # Ok::<(), tidemill::Error>(())
/// ```
///
/// # Errors
/// If `program` was built wrongly, or the first error of a batch.
pub fn run_batches<T: Data, U: Data, B: IntoIterator<Item = T>>(
    batches: impl IntoIterator<Item = B>,
    program: impl FnOnce(&DStream<T>) -> DStream<U>,
) -> Result<Vec<Vec<U>>> {
    let sc = SparkContext::local(2)?;
    let rdds: Vec<_> = batches.into_iter().map(|batch| sc.parallelize(batch, 2)).collect();
    let count = rdds.len();
    let config = StreamingConfig { max_batches: Some(count as u64), ..StreamingConfig::default() };
    let ssc = StreamingContext::with_config(&sc, INTERVAL, config)?;
    let (sender, results) = mpsc::channel();
    program(&ssc.queue_stream(rdds)).foreach_rdd(move |_time, rdd| {
        // Not received only once this function has returned.
        let _ = sender.send(rdd.collect()?);
        Ok(())
    });
    let ended = ssc.start().and_then(|()| ssc.await_termination_or_timeout(Duration::MAX));
    ssc.stop(false);
    sc.stop();
    // The stream has one batch even if none was given.
    ended.map(|_| results.try_iter().take(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn no_batches_give_none_and_empty_ones_give_empty_ones() {
        let run = |batches: Vec<Vec<i32>>| run_batches(batches, |numbers| numbers.map(|x| x));
        assert!(run(vec![]).is_ok_and(|batches| batches.is_empty()));
        assert_eq!(run(vec![vec![], vec![]]).ok(), Some(vec![vec![], vec![]]));
    }

    #[test]
    fn errors_of_building_and_of_batches_are_returned() {
        let wrong = run_batches([[1]], |numbers| numbers.window(INTERVAL / 2, INTERVAL));
        assert!(matches!(wrong, Err(Error::IllegalArgument(_))), "{wrong:?}");
        let failed = run_batches([[1], [0]], |numbers| numbers.map(|x| 1 / x));
        assert!(matches!(failed, Err(Error::Batch { .. })), "{failed:?}");
    }
}
