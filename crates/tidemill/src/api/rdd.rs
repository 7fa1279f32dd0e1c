//! `Rdd<T>`: transformations and actions on any record type. Pairs have more, in [`super::pair`].

use std::fmt::{Debug, Display};
use std::fs;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use crate::api::context::SparkContext;
use crate::api::native::{self, Data, Key, OrderedMap};
use crate::api::records::Records;
use crate::block::Partition;
use crate::error::{Error, Result};
use crate::exec::text_file::local_path;
use crate::rdd::RddRef;
use crate::rdd::explain::explain;

/// A resilient distributed dataset: a lazy recipe for records in partitions. Cheap to clone.
///
/// ```
/// let sc = tidemill::SparkContext::local(2)?;
/// let even = sc.parallelize(1..=6, 2).filter(|x| x % 2 == 0);
/// assert_eq!(even.collect()?, [2, 4, 6]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub struct Rdd<T> {
    pub(crate) sc: SparkContext,
    pub(crate) node: RddRef,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Self {
        Rdd { sc: self.sc.clone(), node: self.node.clone(), record: PhantomData }
    }
}

impl<T: Data> Rdd<T> {
    pub(crate) fn new(sc: SparkContext, node: RddRef) -> Self {
        Rdd { sc, node, record: PhantomData }
    }

    /// A narrow operator: `f` turns a partition's records into others.
    pub(crate) fn pipe<U: Data>(
        &self,
        label: &'static str,
        f: impl Fn(usize, Records<T>) -> Records<U> + Send + Sync + 'static,
    ) -> Rdd<U> {
        let op = native::pipe(label, f);
        Rdd::new(self.sc.clone(), self.sc.engine().pipe(&self.node, op))
    }

    /// Applies `f` to each record.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let squares = sc.parallelize([1, 2, 3], 2).map(|x| x * x);
    /// assert_eq!(squares.collect()?, [1, 4, 9]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map<U: Data>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Rdd<U> {
        let f = Arc::new(f);
        self.pipe("map", move |_, records| {
            let f = f.clone();
            Records::new(records.map(move |record| f(record)))
        })
    }

    /// Applies `f` to each record and puts the results in a row.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let words = sc.parallelize(vec!["a b", "c"], 1).flat_map(|line| line.split(' '));
    /// assert_eq!(words.collect()?, ["a", "b", "c"]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn flat_map<U: Data, I>(&self, f: impl Fn(T) -> I + Send + Sync + 'static) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        let f = Arc::new(f);
        self.pipe("flatMap", move |_, records| {
            let f = f.clone();
            Records::new(records.flat_map(move |record| f(record)))
        })
    }

    /// Keeps the records for which `f` is true.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let even = sc.parallelize(1..=6, 2).filter(|x| x % 2 == 0);
    /// assert_eq!(even.collect()?, [2, 4, 6]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> Rdd<T> {
        let f = Arc::new(f);
        self.pipe("filter", move |_, records| {
            let f = f.clone();
            Records::new(records.filter(move |record| f(record)))
        })
    }

    /// Applies `f` to each partition as a whole.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let sums = sc.parallelize(1..=4, 2).map_partitions(|records| [records.sum::<i32>()]);
    /// assert_eq!(sums.collect()?, [3, 7]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map_partitions<U: Data, I>(
        &self,
        f: impl Fn(Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        self.pipe("mapPartitions", move |_, records| Records::new(f(records)))
    }

    /// As [`Rdd::map_partitions`], with the partition's index.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let sizes = sc.parallelize(1..=4, 3).map_partitions_with_index(|i, records| [(i, records.count())]);
    /// assert_eq!(sizes.collect()?, [(0, 1), (1, 1), (2, 2)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map_partitions_with_index<U: Data, I>(
        &self,
        f: impl Fn(usize, Records<T>) -> I + Send + Sync + 'static,
    ) -> Rdd<U>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        self.pipe("mapPartitionsWithIndex", move |i, records| Records::new(f(i, records)))
    }

    /// One list per partition.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize([1, 2, 3], 2).glom().collect()?, [vec![1], vec![2, 3]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn glom(&self) -> Rdd<Vec<T>> {
        self.pipe("glom", |_, records| Records::new([records.collect()]))
    }

    /// The records of both; this one's partitions first.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let (a, b) = (sc.parallelize([1, 2], 1), sc.parallelize([2, 3], 1));
    /// assert_eq!(a.union(&b)?.collect()?, [1, 2, 2, 3]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the number of partitions of a file source cannot be found out.
    pub fn union(&self, other: &Rdd<T>) -> Result<Rdd<T>> {
        let node = self.sc.engine().union(vec![self.node.clone(), other.node.clone()])?;
        Ok(Rdd::new(self.sc.clone(), node))
    }

    /// As many partitions as asked for, with the records dealt out in turn.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let dealt = sc.parallelize(0..5, 1).repartition(2);
    /// assert_eq!(dealt.glom().collect()?, [vec![0, 2, 4], vec![1, 3]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn repartition(&self, partitions: usize) -> Rdd<T> {
        let op = native::tail("repartition", |index, _: &T, buckets| index % buckets);
        let node = self.sc.engine().shuffle(&self.node, op, partitions.max(1));
        Rdd::new(self.sc.clone(), node)
    }

    /// At most `partitions` partitions, by putting neighbours together, without a shuffle.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let joined = sc.parallelize([1, 2, 3, 4], 4).coalesce(2)?;
    /// assert_eq!(joined.glom().collect()?, [[1, 2], [3, 4]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the number of partitions of a file source cannot be found out.
    pub fn coalesce(&self, partitions: usize) -> Result<Rdd<T>> {
        let (have, want) = (self.num_partitions()?, partitions.max(1));
        if want >= have {
            return Ok(self.clone());
        }
        let group = |i: usize| (i * have / want..(i + 1) * have / want).map(|p| (0, p)).collect();
        let groups = (0..want).map(group).collect();
        let node = self.sc.engine().gather(vec![self.node.clone()], groups);
        Ok(Rdd::new(self.sc.clone(), node))
    }

    /// Keeps the computed partitions in memory.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let computed = tidemill::Accumulator::new(0);
    /// let inside = computed.clone();
    /// let numbers = sc.parallelize([1, 2], 1).map(move |x| { inside.add(1); x });
    /// numbers.persist();
    /// assert_eq!((numbers.count()?, numbers.count()?, computed.value()), (2, 2, 2));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn persist(&self) -> &Self {
        self.node.persist();
        self
    }

    /// Forgets the kept partitions.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let numbers = sc.parallelize([1, 2], 1).map(|x| x + 1);
    /// assert!(numbers.persist().explain().contains("(persisted)"));
    /// assert!(!numbers.unpersist().explain().contains("(persisted)"));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn unpersist(&self) -> &Self {
        self.node.unpersist();
        self
    }

    /// Number of partitions.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize(0..10, 4).filter(|x| *x > 5).num_partitions()?, 4);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a file source cannot be looked at.
    pub fn num_partitions(&self) -> Result<usize> {
        self.node.num_partitions()
    }

    /// The plan as text: stages from the result down, one fused segment a line.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let words = sc.parallelize(["a", "b"], 2).map(|word| word.len()).filter(|n| *n > 0);
    /// assert_eq!(words.explain(), "(2) parallelize -> map -> filter\n");
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn explain(&self) -> String {
        explain(&self.node)
    }

    pub(crate) fn run(&self, partitions: Option<Vec<usize>>) -> Result<Vec<Partition>> {
        self.sc.engine().run_job(&self.node, partitions, Arc::default(), None, &mut || Ok(()))
    }

    /// Every record, in order.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize(0..4, 3).collect()?, [0, 1, 2, 3]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// As every action: if a task fails for good.
    pub fn collect(&self) -> Result<Vec<T>> {
        let partitions = self.run(None)?;
        let mut all = Vec::new();
        for partition in &partitions {
            all.extend(native::records::<T>(partition)?);
        }
        Ok(all)
    }

    /// Number of records.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize(0..10, 3).count()?, 10);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn count(&self) -> Result<usize> {
        let counts = self.pipe("count", |_, records| Records::new([records.count()]));
        Ok(counts.collect()?.into_iter().sum())
    }

    /// The first `n` records; later partitions are computed only if they are needed.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize(0..10, 3).take(4)?, [0, 1, 2, 3]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn take(&self, n: usize) -> Result<Vec<T>> {
        let head = self.pipe("take", move |_, records| Records::new(records.take(n)));
        let (total, mut next, mut wave) = (self.num_partitions()?, 0, 1);
        let mut taken = Vec::new();
        while taken.len() < n && next < total {
            let partitions: Vec<usize> = (next..total.min(next + wave)).collect();
            next += wave;
            wave *= 4;
            for partition in &head.run(Some(partitions))? {
                taken.extend(native::records::<T>(partition)?.take(n - taken.len()));
            }
        }
        Ok(taken)
    }

    /// The first record.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize([7, 8], 2).first()?, Some(7));
    /// assert_eq!(sc.empty_rdd::<i32>().first()?, None);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn first(&self) -> Result<Option<T>> {
        Ok(self.take(1)?.pop())
    }

    /// All records put together two by two; `None` if there is none.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// assert_eq!(sc.parallelize(1..=4, 2).reduce(|a, b| a * b)?, Some(24));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Result<Option<T>> {
        let f = Arc::new(f);
        let inside = f.clone();
        let parts = self.pipe("reduce", move |_, records| Records::new(records.reduce(&*inside)));
        Ok(parts.collect()?.into_iter().reduce(&*f))
    }

    /// How often each record occurs, in first-seen order.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let counts = sc.parallelize(["b", "a", "b"], 2).count_by_value()?;
    /// assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("b", 2), ("a", 1)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn count_by_value(&self) -> Result<OrderedMap<T, usize>>
    where
        T: Key,
    {
        let mut counts = OrderedMap::default();
        for (record, count) in self.pipe("countByValue", |_, r| count_values(r)).collect()? {
            *counts.entry(record).or_insert(0) += count;
        }
        Ok(counts)
    }

    /// Runs `f` on each record, where the record is.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let total = tidemill::Accumulator::new(0);
    /// let inside = total.clone();
    /// sc.parallelize(1..=4, 2).foreach(move |x| inside.add(x))?;
    /// assert_eq!(total.value(), 10);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn foreach(&self, f: impl Fn(T) + Send + Sync + 'static) -> Result<()> {
        self.foreach_partition(move |records| records.for_each(&f))
    }

    /// Runs `f` on each partition, where the partition is.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let records_seen = tidemill::Accumulator::new(0);
    /// let inside = records_seen.clone();
    /// sc.parallelize(1..=5, 2).foreach_partition(move |records| inside.add(records.count()))?;
    /// assert_eq!(records_seen.value(), 5);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a task fails for good.
    pub fn foreach_partition(&self, f: impl Fn(Records<T>) + Send + Sync + 'static) -> Result<()> {
        let run = self.pipe("foreachPartition", move |_, records| -> Records<()> {
            f(records);
            Records::new([])
        });
        run.run(None).map(drop)
    }

    /// Writes a folder of `part-0000N` files, one per partition, and `_SUCCESS` when all are there.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("tidemill-save-{}", std::process::id()));
    /// # let folder = folder.to_string_lossy().into_owned();
    /// let sc = tidemill::SparkContext::local(1)?;
    /// sc.parallelize(["a", "b", "c"], 2).save_as_text_file(&folder)?;
    /// assert_eq!(sc.text_file(&folder, 1).map(|line| line.to_string()).collect()?, ["a", "b", "c"]);
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the folder exists, or a file cannot be written.
    pub fn save_as_text_file(&self, path: &str) -> Result<()>
    where
        T: Display,
    {
        let folder = Path::new(local_path(path)).to_owned();
        if folder.exists() {
            return Err(Error::IllegalArgument(format!(
                "Output directory {} already exists; choose another or remove it",
                folder.display()
            )));
        }
        let failed = |e| Error::io(format!("writing {}", folder.display()), e);
        fs::create_dir_all(&folder).map_err(failed)?;
        let parts = folder.clone();
        let written = self.pipe("saveAsTextFile", move |index, records| {
            let text: String = records.map(|record| format!("{record}\n")).collect();
            let part = parts.join(format!("part-{index:05}"));
            let result = fs::write(part, text).map_err(|e| e.to_string());
            Records::new([result])
        });
        for result in written.collect()? {
            result.map_err(|text| failed(std::io::Error::other(text)))?;
        }
        fs::write(folder.join("_SUCCESS"), "").map_err(failed)
    }
}

/// Counts equal records.
pub(crate) fn count_values<T: Key>(records: Records<T>) -> Records<(T, usize)> {
    let mut counts = OrderedMap::default();
    records.for_each(|record| *counts.entry(record).or_insert(0) += 1);
    Records::new(counts)
}

impl<T> Debug for Rdd<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rdd[{}]", self.node.id)
    }
}
