//! `DStream<T>`: a sequence of RDDs, one per batch. Each operator is the RDD operator, applied to
//! every batch. Pairs have more, in [`super::dstream_pair`].

use std::fmt::{Debug, Display, Write as _};
use std::io::Write as _;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::api::native::{Data, Key};
use crate::api::rdd::{Rdd, count_values};
use crate::api::records::Records;
use crate::api::streaming::StreamingContext;
use crate::error::{Error, Result};
use crate::ids::StreamId;
use crate::streaming::BatchTime;

/// Records that [`DStream::print`] shows of a batch.
const SHOWN: usize = 10;

/// A discretized stream. Cheap to clone. Made by a [`StreamingContext`], or for a test by
/// [`run_batches`](crate::testing::run_batches).
///
/// ```
/// use tidemill::DStream;
/// use tidemill::testing::run_batches;
///
/// fn word_counts(lines: &DStream<&'static str>) -> DStream<(&'static str, i32)> {
///     lines.flat_map(|line| line.split(' ')).map(|word| (word, 1)).reduce_by_key(|a, b| a + b)
/// }
/// assert_eq!(run_batches([["a a"], ["b"]], word_counts)?, [[("a", 2)], [("b", 1)]]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub struct DStream<T> {
    pub(crate) ssc: StreamingContext,
    pub(crate) id: StreamId,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for DStream<T> {
    fn clone(&self) -> Self {
        DStream { ssc: self.ssc.clone(), id: self.id, record: PhantomData }
    }
}

impl<T: Data> DStream<T> {
    pub(crate) fn new(ssc: StreamingContext, id: StreamId) -> Self {
        DStream { ssc, id, record: PhantomData }
    }

    /// The context it belongs to.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let labelled = run_batches([["a"], ["b"]], |letters| {
    ///     let labels = letters.context().spark_context().parallelize(["label"], 1);
    ///     letters.transform(move |rdd| labels.union(&rdd))
    /// })?;
    /// assert_eq!(labelled, [["label", "a"], ["label", "b"]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn context(&self) -> &StreamingContext {
        &self.ssc
    }

    /// Applies `f` to each batch's RDD.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let joined = run_batches([[3, 1]], |numbers| numbers.transform(|rdd| rdd.coalesce(1)).glom())?;
    /// assert_eq!(joined, [[[3, 1]]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn transform<U: Data>(
        &self,
        f: impl Fn(Rdd<T>) -> Result<Rdd<U>> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.lift("transform", f)
    }

    pub(crate) fn lift<U: Data>(
        &self,
        label: &'static str,
        f: impl Fn(Rdd<T>) -> Result<Rdd<U>> + Send + Sync + 'static,
    ) -> DStream<U> {
        let sc = self.ssc.spark_context().clone();
        let id = self.ssc.build(|graph| {
            let function = Arc::new(move |_: BatchTime, parents: &[Option<_>]| {
                let Some(Some(node)) = parents.first() else {
                    return Ok(None);
                };
                f(Rdd::new(sc.clone(), Arc::clone(node))).map(|rdd| Some(rdd.node))
            });
            graph.transform(label, &[self.id], function)
        });
        DStream::new(self.ssc.clone(), id.unwrap_or(self.id))
    }

    /// Applies `f` to each batch's RDDs of both streams.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let both = run_batches([[("a", 1)], [("b", 2)]], |pairs| {
    ///     let negative = pairs.map_values(|n| -n);
    ///     pairs.transform_with(&negative, |a, b| a.cogroup(&b, 1))
    /// })?;
    /// assert_eq!(both[1], [("b", (vec![2], vec![-2]))]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn transform_with<U: Data, V: Data>(
        &self,
        other: &DStream<U>,
        f: impl Fn(Rdd<T>, Rdd<U>) -> Result<Rdd<V>> + Send + Sync + 'static,
    ) -> DStream<V> {
        let sc = self.ssc.spark_context().clone();
        let id = self.ssc.build(|graph| {
            let function = Arc::new(move |_: BatchTime, parents: &[Option<_>]| {
                let [Some(a), Some(b)] = parents else {
                    return Ok(None);
                };
                let (a, b) = (Arc::clone(a), Arc::clone(b));
                f(Rdd::new(sc.clone(), a), Rdd::new(sc.clone(), b)).map(|rdd| Some(rdd.node))
            });
            graph.transform("transformWith", &[self.id, other.id], function)
        });
        DStream::new(self.ssc.clone(), id.unwrap_or(self.id))
    }

    /// Applies `f` to each record.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let squares = run_batches([vec![1, 2], vec![3]], |numbers| numbers.map(|x| x * x))?;
    /// assert_eq!(squares, [vec![1, 4], vec![9]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map<U: Data>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> DStream<U> {
        let f = Arc::new(f);
        self.lift("map", move |rdd| {
            let f = f.clone();
            Ok(rdd.map(move |record| f(record)))
        })
    }

    /// Applies `f` to each record and puts the results in a row.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let words = run_batches([["a b"], ["c d"]], |lines| lines.flat_map(|line| line.split(' ')))?;
    /// assert_eq!(words, [["a", "b"], ["c", "d"]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn flat_map<U: Data, I>(&self, f: impl Fn(T) -> I + Send + Sync + 'static) -> DStream<U>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        let f = Arc::new(f);
        self.lift("flatMap", move |rdd| {
            let f = f.clone();
            Ok(rdd.flat_map(move |record| f(record)))
        })
    }

    /// Keeps the records for which `f` is true.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let even = run_batches([vec![1, 2], vec![4]], |numbers| numbers.filter(|x| x % 2 == 0))?;
    /// assert_eq!(even, [[2], [4]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> DStream<T> {
        let f = Arc::new(f);
        self.lift("filter", move |rdd| {
            let f = f.clone();
            Ok(rdd.filter(move |record| f(record)))
        })
    }

    /// Applies `f` to each partition of each batch.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// // `run_batches` gives each batch in two partitions.
    /// let sizes = run_batches([1..=5], |numbers| numbers.map_partitions(|records| [records.count()]))?;
    /// assert_eq!(sizes, [[2, 3]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map_partitions<U: Data, I>(
        &self,
        f: impl Fn(Records<T>) -> I + Send + Sync + 'static,
    ) -> DStream<U>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        let f = Arc::new(f);
        self.lift("mapPartitions", move |rdd| {
            let f = f.clone();
            Ok(rdd.map_partitions(move |records| f(records)))
        })
    }

    /// One list per partition of each batch.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// // `run_batches` gives each batch in two partitions.
    /// let partitions = run_batches([1..=4], |numbers| numbers.glom())?;
    /// assert_eq!(partitions, [[[1, 2], [3, 4]]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn glom(&self) -> DStream<Vec<T>> {
        self.lift("glom", |rdd| Ok(rdd.glom()))
    }

    /// The number of records of each batch, also of an empty one.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let counts = run_batches([vec!["a", "b"], vec![]], |letters| letters.count())?;
    /// assert_eq!(counts, [[2], [0]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn count(&self) -> DStream<usize> {
        self.lift("count", |rdd| {
            let counts = rdd.pipe("count", |_, records| Records::new([records.count()]));
            let zero = rdd.sc.parallelize([((), 0)], 1);
            Ok(counts.map(|n| ((), n)).union(&zero)?.reduce_by_key(|a, b| a + b, 1).map(|(_, n)| n))
        })
    }

    /// All records of each batch put together two by two; none for an empty batch.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let largest = run_batches([vec![1, 9, 4], vec![]], |numbers| numbers.reduce(|a, b| a.max(b)))?;
    /// assert_eq!(largest, [vec![9], vec![]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DStream<T> {
        let f = Arc::new(f);
        self.lift("reduce", move |rdd| {
            let f = f.clone();
            let pairs = rdd.map(|record| ((), record));
            Ok(pairs.reduce_by_key(move |a, b| f(a, b), 1).map(|(_, record)| record))
        })
    }

    /// How often each record occurs in each batch.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let counts = run_batches([["a", "a"], ["b", "b"]], |letters| letters.count_by_value())?;
    /// assert_eq!(counts, [[("a", 2)], [("b", 2)]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn count_by_value(&self) -> DStream<(T, usize)>
    where
        T: Key,
    {
        self.lift("countByValue", |rdd| {
            let partitions = rdd.sc.default_parallelism();
            let counts = rdd.pipe("countByValue", |_, records| count_values(records));
            Ok(counts.reduce_by_key(|a, b| a + b, partitions))
        })
    }

    /// The records of both streams.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let both = run_batches([[1], [2]], |numbers| numbers.union(&numbers.map(|x| -x)))?;
    /// assert_eq!(both, [[1, -1], [2, -2]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn union(&self, other: &DStream<T>) -> DStream<T> {
        self.transform_with(other, |a, b| a.union(&b))
    }

    /// As many partitions in each batch as asked for.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let dealt = run_batches([0..3], |numbers| numbers.repartition(3).glom())?;
    /// assert_eq!(dealt[0].len(), 3);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn repartition(&self, partitions: usize) -> DStream<T> {
        self.lift("repartition", move |rdd| Ok(rdd.repartition(partitions)))
    }

    /// The records of the last `length`, every `slide`; both multiples of the stream's own slide.
    ///
    /// ```
    /// use tidemill::testing::{INTERVAL, run_batches};
    /// let sums = run_batches([[1], [2], [4], [8]], |numbers| {
    ///     numbers.window(3 * INTERVAL, 2 * INTERVAL).reduce(|a, b| a + b)
    /// })?;
    /// assert_eq!(sums, [[1 + 2], [2 + 4 + 8]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn window(&self, length: Duration, slide: Duration) -> DStream<T> {
        let id = self.ssc.build(|graph| graph.window(self.id, length, slide));
        DStream::new(self.ssc.clone(), id.unwrap_or(self.id))
    }

    /// Keeps each batch's RDD in memory, so that several outputs do not compute it again.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let both = run_batches([[1], [2]], |numbers| {
    ///     let squares = numbers.map(|x| x * x);
    ///     squares.persist().union(&squares.map(|x| -x))
    /// })?;
    /// assert_eq!(both, [[1, -1], [4, -4]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn persist(&self) -> &Self {
        self.ssc.build(|graph| {
            graph.persist(self.id);
            Ok(())
        });
        self
    }

    /// An output operation: runs `f` on each batch's RDD.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// use tidemill::Accumulator;
    /// let total = Accumulator::new(0);
    /// let inside = total.clone();
    /// run_batches([[1, 2], [3, 4]], |numbers| {
    ///     numbers.foreach_rdd(move |_time, rdd| {
    ///         rdd.collect()?.into_iter().for_each(|x| inside.add(x));
    ///         Ok(())
    ///     });
    ///     numbers.clone()
    /// })?;
    /// assert_eq!(total.value(), 10);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn foreach_rdd(&self, f: impl Fn(BatchTime, Rdd<T>) -> Result<()> + Send + Sync + 'static) {
        self.output("foreachRDD", f);
    }

    fn output(
        &self,
        label: &'static str,
        f: impl Fn(BatchTime, Rdd<T>) -> Result<()> + Send + Sync + 'static,
    ) {
        let sc = self.ssc.spark_context().clone();
        self.ssc.build(|graph| {
            let function = Arc::new(move |time: BatchTime, node: &_| {
                f(time, Rdd::new(sc.clone(), Arc::clone(node)))
            });
            Ok(graph.output(label, self.id, function))
        });
    }

    /// An output operation: prints the first ten records of each batch under its time.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// run_batches([[1, 2], [3, 4]], |numbers| {
    ///     numbers.print(); // -----, "Time: 2026-11-23 09:37:53.500000", -----, then the records
    ///     numbers.clone()
    /// })?;
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn print(&self)
    where
        T: Debug,
    {
        self.output("print", |time, rdd| {
            let records = rdd.take(SHOWN + 1)?;
            // One write, so that other threads' lines do not cut the batch in two.
            let mut stdout = std::io::stdout().lock();
            let written = stdout.write_all(batch_text(time, &records).as_bytes());
            written.and_then(|()| stdout.flush()).map_err(|e| Error::io("printing a batch", e))
        });
    }

    /// An output operation: writes each batch to the folder `prefix-<ms>[.suffix]`.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// # let folder = std::env::temp_dir().join(format!("tidemill-batches-{}", std::process::id()));
    /// # let folder = folder.to_string_lossy().into_owned();
    /// run_batches([["a", "b"]], |letters| {
    ///     letters.save_as_text_files(&format!("{folder}/letters"), Some("txt"));
    ///     letters.clone()
    /// })?;
    /// let saved = format!("{folder}/letters-*.txt");
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.text_file(&saved, 1).map(|line| line.to_string()).collect()?, ["a", "b"]);
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn save_as_text_files(&self, prefix: &str, suffix: Option<&str>)
    where
        T: Display,
    {
        let prefix = prefix.to_owned();
        let suffix = suffix.map(|suffix| format!(".{suffix}")).unwrap_or_default();
        self.output("saveAsTextFiles", move |time, rdd| {
            rdd.save_as_text_file(&format!("{prefix}-{}{suffix}", time.0))
        });
    }
}

/// A batch as PySpark's `pprint` shows it.
fn batch_text<T: Debug>(time: BatchTime, records: &[T]) -> String {
    let dashes = "-".repeat(43);
    let mut text = format!("{dashes}\nTime: {time}\n{dashes}\n");
    for record in records.iter().take(SHOWN) {
        let _ = writeln!(text, "{record:?}");
    }
    text + if records.len() > SHOWN { "...\n\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_records_then_dots() {
        let text = batch_text(BatchTime(0), &[7; 11]);
        assert_eq!(text.lines().filter(|line| *line == "7").count(), 10);
        assert!(text.ends_with("7\n...\n\n"));
        assert!(batch_text::<i32>(BatchTime(0), &[]).ends_with("-\n\n"));
    }
}
