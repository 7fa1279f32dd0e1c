//! What DStreams of pairs can do more: aggregations by key, by window, and keyed state.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::dstream::DStream;
use crate::api::native::{self, Data, Key, OrderedMap};
use crate::api::rdd::Rdd;
use crate::api::records::Records;
use crate::api::values::Values;
use crate::block::{BlockRef, Codec, Partition, VecBlock};
use crate::error::{Error, Result};
use crate::streaming::state::StateOp;

impl<K: Key, V: Data> DStream<(K, V)> {
    /// Applies `f` to each value.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let doubled = run_batches([[("a", 1)], [("b", 2)]], |pairs| pairs.map_values(|n| n * 2))?;
    /// assert_eq!(doubled, [[("a", 2)], [("b", 4)]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn map_values<U: Data>(
        &self,
        f: impl Fn(V) -> U + Send + Sync + 'static,
    ) -> DStream<(K, U)> {
        let f = Arc::new(f);
        self.lift("mapValues", move |rdd| {
            let f = f.clone();
            Ok(rdd.map_values(move |value| f(value)))
        })
    }

    /// Applies `f` to each value and pairs each result with the key.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let pairs = run_batches([[("a", 2)]], |pairs| pairs.flat_map_values(|n| 0..n))?;
    /// assert_eq!(pairs, [[("a", 0), ("a", 1)]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn flat_map_values<U: Data, I>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> DStream<(K, U)>
    where
        I: IntoIterator<Item = U> + 'static,
        I::IntoIter: 'static,
    {
        let f = Arc::new(f);
        self.lift("flatMapValues", move |rdd| {
            let f = f.clone();
            Ok(rdd.flat_map_values(move |value| f(value)))
        })
    }

    /// Puts the values of each key in each batch together two by two.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let sums = run_batches([[("a", 1), ("a", 2)]], |pairs| pairs.reduce_by_key(|a, b| a + b))?;
    /// assert_eq!(sums, [[("a", 3)]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> DStream<(K, V)> {
        let f = Arc::new(f);
        self.lift("reduceByKey", move |rdd| {
            let f = f.clone();
            Ok(rdd.reduce_by_key(move |a, b| f(a, b), rdd.sc.default_parallelism()))
        })
    }

    /// The general aggregation by key; see [`Rdd::combine_by_key`].
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let sums = run_batches([[("a", 1.0), ("a", 3.0)]], |pairs| {
    ///     pairs.combine_by_key(|v| (v, 1), |c, v| (c.0 + v, c.1 + 1), |a, b| (a.0 + b.0, a.1 + b.1))
    /// })?;
    /// assert_eq!(sums, [[("a", (4.0, 2))]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn combine_by_key<C: Data>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> DStream<(K, C)> {
        let f = Arc::new((create, merge_value, merge_combiners));
        self.lift("combineByKey", move |rdd| {
            let (create, value, both) = (f.clone(), f.clone(), f.clone());
            Ok(rdd.combine_by_key(
                move |v| create.0(v),
                move |c, v| value.1(c, v),
                move |a, b| both.2(a, b),
                rdd.sc.default_parallelism(),
            ))
        })
    }

    /// The values of each key in each batch.
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    /// let groups = run_batches([[("a", 1), ("a", 2)]], |pairs| pairs.group_by_key())?;
    /// assert_eq!(groups, [[("a", vec![1, 2])]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn group_by_key(&self) -> DStream<(K, Vec<V>)> {
        self.lift("groupByKey", |rdd| Ok(rdd.group_by_key(rdd.sc.default_parallelism())))
    }

    /// Keyed state: `f` gets the batch's values of a key (none, for a key without new ones) and its state,
    /// and gives the next state; `None` drops the key. The stream's RDD of each batch is the whole state.
    /// Needs a checkpoint folder.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidemill::{SparkContext, StreamingContext};
    ///
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// # let folder = std::env::temp_dir().join(format!("tidemill-doc-{}", std::process::id()));
    /// ssc.checkpoint(&folder.to_string_lossy());
    /// let (sender, results) = std::sync::mpsc::channel();
    /// ssc.queue_stream(vec![sc.parallelize([("a".to_owned(), 1)], 1); 2])
    ///     .update_state_by_key(|new, count| Some(count.unwrap_or(0) + new.iter().sum::<i32>()))
    ///     .foreach_rdd(move |_time, rdd| {
    ///         let _ = sender.send(rdd.collect()?);
    ///         Ok(())
    ///     });
    /// ssc.start()?;
    /// assert_eq!(results.recv(), Ok(vec![("a".to_owned(), 1)]));
    /// assert_eq!(results.recv(), Ok(vec![("a".to_owned(), 2)]));
    /// ssc.stop(false);
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn update_state_by_key<S>(
        &self,
        f: impl Fn(Values<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)>
    where
        K: Serialize + DeserializeOwned,
        S: Data + Serialize + DeserializeOwned,
    {
        self.update_state_by_key_from(None, None, f)
    }

    /// As [`DStream::update_state_by_key`], with the state before the first batch and the number of
    /// partitions (for `None`: no state, and the default parallelism).
    ///
    /// ```
    /// use tidemill::testing::run_batches;
    ///
    /// # let folder = std::env::temp_dir().join(format!("tidemill-from-{}", std::process::id()));
    /// # let path = folder.to_string_lossy().into_owned();
    /// let batches = run_batches(vec![vec![("a".to_owned(), 1)]], move |pairs| {
    ///     let ssc = pairs.context();
    ///     ssc.checkpoint(&path);
    ///     let before = ssc.spark_context().parallelize([("a".to_owned(), 10)], 1);
    ///     pairs.update_state_by_key_from(Some(&before), Some(1), |new, sum| {
    ///         Some(sum.unwrap_or(0) + new.iter().sum::<i32>())
    ///     })
    /// })?;
    /// assert_eq!(batches, [vec![("a".to_owned(), 11)]]);
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn update_state_by_key_from<S>(
        &self,
        initial: Option<&Rdd<(K, S)>>,
        partitions: Option<usize>,
        f: impl Fn(Values<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)>
    where
        K: Serialize + DeserializeOwned,
        S: Data + Serialize + DeserializeOwned,
    {
        let sc = self.ssc.spark_context().clone();
        let partitions = partitions.unwrap_or_else(|| sc.default_parallelism()).max(1);
        let (for_new, for_old) = (sc.clone(), sc);
        let op = StateOp {
            prepare: Arc::new(move |node| {
                let batch: Rdd<(K, V)> = Rdd::new(for_new.clone(), node.clone());
                Ok(batch.group_locally().partition_by(partitions).node)
            }),
            partition: Arc::new(move |node| {
                let state: Rdd<(K, S)> = Rdd::new(for_old.clone(), node.clone());
                Ok(state.partition_by(partitions).node)
            }),
            update: native::head("updateStateByKey", move |inputs| update::<K, V, S>(inputs, &f)),
            partitions,
            initial: initial.map(|rdd| rdd.node.clone()),
            codec: Arc::new(PostcardCodec::<(K, S)>(PhantomData)),
        };
        let id = self.ssc.build(|graph| Ok(graph.state(self.id, op)));
        DStream::new(self.ssc.clone(), id.unwrap_or(self.id))
    }
}

/// The next state of one partition: keys with state first, in their order, then new ones.
fn update<K: Key, V: Data, S: Data>(
    inputs: &[Partition],
    f: &impl Fn(Values<V>, Option<S>) -> Option<S>,
) -> Result<Records<(K, S)>> {
    let mut keys: OrderedMap<K, (Option<S>, Values<V>)> = OrderedMap::default();
    for (key, state) in native::records::<(K, S)>(&inputs[0])? {
        keys.insert(key, (Some(state), Values::default()));
    }
    for (key, new) in native::records::<(K, Vec<V>)>(&inputs[1])? {
        keys.entry(key).or_default().1.push_piece(new);
    }
    let next = |(key, (state, new))| f(new, state).map(|state| (key, state));
    // Here and now: `f` is borrowed.
    let states: Vec<(K, S)> = keys.into_iter().filter_map(next).collect();
    Ok(Records::new(states))
}

/// State blocks in checkpoints, in postcard's format.
pub(super) struct PostcardCodec<T>(pub(super) PhantomData<fn() -> T>);

impl<T: Data + Serialize + DeserializeOwned> Codec for PostcardCodec<T> {
    fn format(&self) -> &'static str {
        "postcard"
    }

    fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
        let records = block.as_any().downcast_ref::<VecBlock<T>>();
        let records = records.ok_or_else(|| Error::Internal("state of another type".into()))?;
        let failed = |e| Error::Checkpoint(format!("the state cannot be written: {e}"));
        postcard::to_stdvec(records.records()).map_err(failed)
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        let records: Vec<T> = postcard::from_bytes(bytes).map_err(|e| {
            Error::Checkpoint(format!(
                "the state in the checkpoint is not of this program's types: {e}; use another \
                 checkpoint folder, or the program that wrote it"
            ))
        })?;
        Ok(native::block(records))
    }
}
