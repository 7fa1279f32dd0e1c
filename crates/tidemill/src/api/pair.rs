//! What RDDs of pairs can do more: everything by key.
//!
//! Keys go to partitions by a hash that is the same in every process; within a partition they keep
//! first-seen order.

use std::sync::Arc;

use crate::api::native::{self, Data, Key, OrderedMap};
use crate::api::rdd::Rdd;
use crate::api::records::Records;
use crate::block::Partition;
use crate::error::Result;

impl<K: Key, V: Data> Rdd<(K, V)> {
    /// Applies `f` to each value.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let doubled = sc.parallelize([("a", 1), ("b", 2)], 1).map_values(|n| n * 2);
    /// assert_eq!(doubled.collect()?, [("a", 2), ("b", 4)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map_values<U: Data>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> Rdd<(K, U)> {
        self.map(move |(key, value)| (key, f(value)))
    }

    /// Applies `f` to each value and pairs each result with the key.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let pairs = sc.parallelize(vec![("a", 2), ("b", 0)], 1).flat_map_values(|n| 0..n);
    /// assert_eq!(pairs.collect()?, [("a", 0), ("a", 1)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn flat_map_values<U: Data, I>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> Rdd<(K, U)>
    where
        I: IntoIterator<Item = U>,
        I::IntoIter: 'static,
    {
        self.flat_map(move |(key, value)| f(value).into_iter().map(move |item| (key.clone(), item)))
    }

    /// Puts the records of a key into one of `partitions` partitions.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let pairs = sc.parallelize([("a", 1), ("b", 2), ("a", 3)], 3).partition_by(2);
    /// let is_with_a = |partition: &Vec<(&str, i32)>| partition.contains(&("a", 1));
    /// assert!(pairs.glom().collect()?.iter().any(|p| is_with_a(p) && p.contains(&("a", 3))));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn partition_by(&self, partitions: usize) -> Rdd<(K, V)> {
        let choose = |_, (key, _): &(K, V), buckets| native::bucket_of(key, buckets);
        let op = native::tail("partitionBy", choose);
        Rdd::new(self.sc.clone(), self.sc.engine().shuffle(&self.node, op, partitions.max(1)))
    }

    /// Puts the values of each key together two by two, before and after the shuffle.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(2)?;
    /// let words = sc.parallelize(vec!["a", "b", "a"], 2).map(|word| (word, 1));
    /// let mut counts = words.reduce_by_key(|a, b| a + b, 2).collect()?;
    /// counts.sort();
    /// assert_eq!(counts, [("a", 2), ("b", 1)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn reduce_by_key(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        partitions: usize,
    ) -> Rdd<(K, V)> {
        let f = Arc::new(f);
        let merge = f.clone();
        self.combine_by_key(|value| value, move |a, b| f(a, b), move |a, b| merge(a, b), partitions)
    }

    /// The general aggregation by key: `create` starts a combiner from a value, `merge_value` adds
    /// one, `merge_combiners` puts two together after the shuffle.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let pairs = sc.parallelize(vec![("a", 1.0), ("a", 3.0)], 2);
    /// let sums = pairs.combine_by_key(|v| (v, 1), |c, v| (c.0 + v, c.1 + 1), |a, b| (a.0 + b.0, a.1 + b.1), 1);
    /// assert_eq!(sums.map_values(|(sum, n)| sum / n as f64).collect()?, [("a", 2.0)]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn combine_by_key<C: Data>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
        partitions: usize,
    ) -> Rdd<(K, C)> {
        let local = self.pipe("combine", move |_, records| fold(records, &create, &merge_value));
        local
            .partition_by(partitions)
            .pipe("merge", move |_, records| fold(records, |first| first, &merge_combiners))
    }

    /// The values of each key as a list.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let pairs = sc.parallelize([("a", 1), ("b", 2), ("a", 3)], 2);
    /// assert_eq!(pairs.group_by_key(1).collect()?, [("a", vec![1, 3]), ("b", vec![2])]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn group_by_key(&self, partitions: usize) -> Rdd<(K, Vec<V>)> {
        self.group_locally().partition_by(partitions).pipe("group", |_, records| {
            let extend = |mut all: Vec<V>, more| {
                all.extend(more);
                all
            };
            fold(records, |first| first, extend)
        })
    }

    /// The values of each key within each partition.
    pub(crate) fn group_locally(&self) -> Rdd<(K, Vec<V>)> {
        self.pipe("group", |_, records| {
            let mut groups: OrderedMap<K, Vec<V>> = OrderedMap::default();
            records.for_each(|(key, value)| groups.entry(key).or_default().push(value));
            Records::new(groups)
        })
    }

    /// For each key of either side, its values on both.
    ///
    /// ```
    /// let sc = tidemill::SparkContext::local(1)?;
    /// let (a, b) = (sc.parallelize(vec![(1, "x")], 1), sc.parallelize(vec![(1, 2.5), (3, 4.0)], 1));
    /// let both = a.cogroup(&b, 1)?.collect()?;
    /// assert_eq!(both, [(1, (vec!["x"], vec![2.5])), (3, (vec![], vec![4.0]))]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the number of partitions of a file source cannot be found out.
    #[allow(clippy::type_complexity)]
    pub fn cogroup<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Result<Rdd<(K, (Vec<V>, Vec<W>))>> {
        let op = native::head("cogroup", |inputs: &[Partition]| {
            let mut groups: OrderedMap<K, (Vec<V>, Vec<W>)> = OrderedMap::default();
            for (key, value) in native::records::<(K, V)>(&inputs[0])? {
                groups.entry(key).or_default().0.push(value);
            }
            for (key, value) in native::records::<(K, W)>(&inputs[1])? {
                groups.entry(key).or_default().1.push(value);
            }
            Ok(Records::new(groups))
        });
        let sides = vec![self.partition_by(partitions).node, other.partition_by(partitions).node];
        Ok(Rdd::new(self.sc.clone(), self.sc.engine().zip(sides, Some(op))?))
    }
}

/// One combiner per key, in first-seen order.
fn fold<K: Key, V, C: Data>(
    records: Records<(K, V)>,
    create: impl Fn(V) -> C,
    merge: impl Fn(C, V) -> C,
) -> Records<(K, C)> {
    // The combiner is taken out while it is merged, because `merge` takes it by value.
    let mut combiners: OrderedMap<K, Option<C>> = OrderedMap::default();
    records.for_each(|(key, value)| {
        let slot = combiners.entry(key).or_insert(None);
        *slot = Some(match slot.take() {
            Some(combiner) => merge(combiner, value),
            None => create(value),
        });
    });
    Records::new(combiners.into_iter().filter_map(|(key, combiner)| Some((key, combiner?))))
}
