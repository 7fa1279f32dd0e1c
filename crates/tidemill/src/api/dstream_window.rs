//! Windows of pairs, reduced by what enters and what leaves.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::dstream::DStream;
use crate::api::dstream_pair::PostcardCodec;
use crate::api::native::{self, Data, Key, OrderedMap};
use crate::api::rdd::Rdd;
use crate::api::records::Records;
use crate::block::Partition;
use crate::error::Result;
use crate::streaming::reduced::WindowOp;

impl<K, V> DStream<(K, V)>
where
    K: Key + Serialize + DeserializeOwned,
    V: Data + Serialize + DeserializeOwned,
{
    /// The values of each key in the last `length`, put together two by two, every `slide`. A window is made
    /// from the one before: `inverse` takes out of a key's value what left, `f` puts in what entered. So a
    /// key stays until `keep` is false of its pair. With a checkpoint folder the window goes on after a restart.
    ///
    /// ```
    /// use tidemill::testing::{INTERVAL, run_batches};
    /// let key = |n: i32| ("a".to_owned(), n);
    /// let batches = [vec![key(1)], vec![key(2)], vec![], vec![]];
    /// let sums = run_batches(batches, |pairs| {
    ///     let (add, subtract) = (|a, b| a + b, |a, b| a - b);
    ///     pairs.reduce_by_key_and_window(add, subtract, 2 * INTERVAL, INTERVAL, |_, sum| *sum > 0)
    /// })?;
    /// assert_eq!(sums, [vec![key(1)], vec![key(3)], vec![key(2)], vec![]]);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// As for [`DStream::window`], durations that are not multiples of the slide make the start fail.
    pub fn reduce_by_key_and_window(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        length: Duration,
        slide: Duration,
        keep: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> DStream<(K, V)> {
        let f = Arc::new(f);
        let reduce = f.clone();
        let reduced = self.reduce_by_key(move |a, b| reduce(a, b));
        let sc = self.ssc.spark_context().clone();
        let partitions = sc.default_parallelism();
        let op = WindowOp {
            length,
            partition: Arc::new(move |node| {
                let window: Rdd<(K, V)> = Rdd::new(sc.clone(), node.clone());
                Ok(window.partition_by(partitions).node)
            }),
            update: native::head("reduceByKeyAndWindow", move |inputs| {
                slide_window(inputs, &*f, &inverse, &keep)
            }),
            partitions,
            codec: Arc::new(PostcardCodec::<(K, V)>(PhantomData)),
        };
        let id = self.ssc.build(|graph| graph.reduced(reduced.id, slide, op));
        DStream::new(self.ssc.clone(), id.unwrap_or(self.id))
    }
}

/// One partition of the window: keys that were there first, in their order, then new ones.
fn slide_window<K: Key, V: Data>(
    inputs: &[Partition],
    f: &impl Fn(V, V) -> V,
    inverse: &impl Fn(V, V) -> V,
    keep: &impl Fn(&K, &V) -> bool,
) -> Result<Records<(K, V)>> {
    let mut window: OrderedMap<K, V> = native::records::<(K, V)>(&inputs[0])?.collect();
    for (key, left) in reduced(&inputs[1], f)? {
        replace(&mut window, key, |value| value.map(|value| inverse(value, left)));
    }
    let Some(entering) = inputs.get(2) else {
        return Ok(Records::new(window.into_iter().collect::<Vec<_>>()));
    };
    for (key, new) in reduced(entering, f)? {
        replace(&mut window, key, |value| match value {
            Some(value) => Some(f(value, new)),
            None => Some(new),
        });
    }
    window.retain(|key, value| keep(key, value));
    Ok(Records::new(window.into_iter().collect::<Vec<_>>()))
}

/// The values of each key in the slices of a partition.
fn reduced<K: Key, V: Data>(
    slices: &Partition,
    f: &impl Fn(V, V) -> V,
) -> Result<OrderedMap<K, V>> {
    let mut all = OrderedMap::default();
    for (key, new) in native::records::<(K, V)>(slices)? {
        replace(&mut all, key, |value| match value {
            Some(value) => Some(f(value, new)),
            None => Some(new),
        });
    }
    Ok(all)
}

/// Gives a key another value; nothing happens to one that has none and gets none.
fn replace<K: Key, V: Data>(
    values: &mut OrderedMap<K, V>,
    key: K,
    change: impl FnOnce(Option<V>) -> Option<V>,
) {
    let before = values.get(&key).cloned();
    if let Some(after) = change(before) {
        values.insert(key, after);
    }
}
