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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::api::{SparkContext, StreamingContext};
    use crate::error::Error;
    use crate::testing::{INTERVAL, run_batches};

    fn pair(key: &str, value: i64) -> (String, i64) {
        (key.to_owned(), value)
    }

    #[test]
    fn a_window_of_several_batches_a_slide_takes_out_all_that_left() -> Result<()> {
        let batches: Vec<_> = (0..10).map(|n| vec![pair("a", 1 << n)]).collect();
        let windows = run_batches(batches, |pairs| {
            let (add, subtract) = (|a, b| a + b, |a, b| a - b);
            pairs.reduce_by_key_and_window(add, subtract, 4 * INTERVAL, 2 * INTERVAL, |_, _| true)
        })?;
        let sums: Vec<i64> = windows.iter().flatten().map(|(_, sum)| *sum).collect();
        assert_eq!(sums, [0b11, 0b1111, 0b11_1100, 0b1111_0000, 0b11_1100_0000]);
        Ok(())
    }

    #[test]
    fn keys_keep_their_places_until_they_are_dropped() -> Result<()> {
        let batches = [vec![pair("a", 1)], vec![pair("b", 1)], vec![], vec![pair("a", 1)]];
        let all = |keep: fn(&String, &i64) -> bool| {
            run_batches(batches.clone(), move |pairs| {
                let (add, subtract) = (|a, b| a + b, |a, b| a - b);
                pairs.reduce_by_key_and_window(add, subtract, 2 * INTERVAL, INTERVAL, keep)
            })
        };
        let mut last = all(|_, _| true)?.pop().unwrap_or_default();
        last.sort();
        assert_eq!(last, [pair("a", 1), pair("b", 0)]);
        assert_eq!(all(|_, value| *value > 0)?.pop(), Some(vec![pair("a", 1)]));
        Ok(())
    }

    #[test]
    fn a_window_goes_on_after_a_restart_with_what_is_to_leave() -> Result<()> {
        let guard = tempfile::tempdir().map_err(|e| Error::io("a folder".to_owned(), e))?;
        let path = guard.path().join("checkpoint").to_string_lossy().into_owned();
        let sc = SparkContext::local(2)?;
        let interval = Duration::from_millis(50);
        let run = |batch: Vec<(String, i64)>, until: &[i64]| -> Result<()> {
            let (sender, results) = mpsc::channel();
            let ssc = StreamingContext::get_or_create(&path, || {
                let ssc = StreamingContext::new(&sc, interval)?;
                let (add, subtract) = (|a, b| a + b, |a, b| a - b);
                ssc.queue_stream(vec![sc.parallelize(batch, 1)])
                    .reduce_by_key_and_window(add, subtract, 60 * interval, interval, |_, _| true)
                    .foreach_rdd(move |_time, rdd| {
                        let _ = sender.send(rdd.collect()?.iter().map(|(_, sum)| *sum).sum());
                        Ok(())
                    });
                Ok(ssc)
            })?;
            ssc.start()?;
            for wanted in until {
                while results.recv_timeout(Duration::from_secs(60)) != Ok(*wanted) {}
            }
            ssc.stop(true);
            Ok(())
        };
        run(vec![pair("a", 1)], &[1])?;
        run(vec![pair("a", 10)], &[11, 10, 0])?;
        sc.stop();
        Ok(())
    }
}
