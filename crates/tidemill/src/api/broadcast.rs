//! Shared variables of the typed front end: broadcasts and accumulators.

use std::ops::{AddAssign, Deref};
use std::sync::Arc;

use crate::api::native::Data;
use crate::lock::Lock;

/// A read-only value that every task sees. On threads of one process, a shared pointer.
///
/// ```
/// use tidemill::{Broadcast, SparkContext};
/// let sc = SparkContext::local(2)?;
/// let stop_words = Broadcast::new(vec!["the", "a"]);
/// let words = sc.parallelize(vec!["the", "fox"], 1).filter(move |word| !stop_words.contains(word));
/// assert_eq!(words.collect()?, ["fox"]);
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Debug)]
pub struct Broadcast<T>(Arc<T>);

impl<T> Broadcast<T> {
    /// Wraps a value.
    ///
    /// ```
    /// assert_eq!(*tidemill::Broadcast::new(7), 7);
    /// ```
    pub fn new(value: T) -> Self {
        Broadcast(Arc::new(value))
    }
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Broadcast(self.0.clone())
    }
}

impl<T> Deref for Broadcast<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A sum that tasks add to and the driver reads. What a failed attempt added counts too, as it may in
/// Spark's transformations.
///
/// ```
/// use tidemill::{Accumulator, SparkContext};
/// let sc = SparkContext::local(2)?;
/// let (seen, counter) = (Accumulator::new(0), Accumulator::new(0));
/// let inside = counter.clone();
/// sc.parallelize(1..=4, 2).foreach(move |x| inside.add(x))?;
/// assert_eq!((counter.value(), seen.value()), (10, 0));
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Debug)]
pub struct Accumulator<T>(Arc<Lock<T>>);

impl<T: Data + AddAssign> Accumulator<T> {
    /// Starts at `zero`.
    ///
    /// ```
    /// assert_eq!(tidemill::Accumulator::new(1.5).value(), 1.5);
    /// ```
    pub fn new(zero: T) -> Self {
        Accumulator(Arc::new(Lock::new(zero)))
    }

    /// Adds.
    ///
    /// ```
    /// let total = tidemill::Accumulator::new(0);
    /// total.add(2);
    /// total.add(3);
    /// assert_eq!(total.value(), 5);
    /// ```
    pub fn add(&self, value: T) {
        *self.0.lock() += value;
    }

    /// The sum so far.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(2)?;
    /// let lines = tidemill::Accumulator::new(0);
    /// let inside = lines.clone();
    /// sc.parallelize(["a", "b", "c"], 2).foreach(move |_| inside.add(1))?;
    /// assert_eq!(lines.value(), 3);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn value(&self) -> T {
        self.0.lock().clone()
    }
}

impl<T> Clone for Accumulator<T> {
    fn clone(&self) -> Self {
        Accumulator(self.0.clone())
    }
}
