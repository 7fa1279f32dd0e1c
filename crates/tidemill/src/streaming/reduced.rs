//! A window's values reduced by key, carried from one window to the next by an inverse function.
//!
//! What is kept: the reduced values of the newest window, and the reduced values of each batch that has not
//! left it (a slice). A slide reduces in what entered and takes out what left; the window is never reduced
//! anew. All of it is blocks without lineage, so nothing grows with time, and all of it is in checkpoints:
//! without its slices a window could never forget what is in it. If a slide fails, the window cannot be known any
//! more: every later one fails with that first error, and nothing is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::block::{Codec, Partition};
use crate::error::{Error, Result};
use crate::exec::Engine;
use crate::ids::StreamId;
use crate::lock::Lock;
use crate::rdd::{OpRef, RddRef};
use crate::streaming::BatchTime;
use crate::streaming::checkpoint::{EncodedState, EncodedWindow, Snapshot, Span, WindowSnapshot};
use crate::streaming::state::{Rewrite, are_in_place, decoded, hashed_alike, run_hashing};

/// What a front end says of a reduced window.
pub struct WindowOp {
    /// The window duration.
    pub length: Duration,
    /// Puts `(key, value)` records into the partitions of their keys.
    pub partition: Rewrite,
    /// From the window before, what left and what entered to the window; zips the three. Without the third if no
    /// batch entered.
    pub update: OpRef,
    /// Number of partitions, of the parent's RDDs too.
    pub partitions: usize,
    /// For checkpoints.
    pub codec: Arc<dyn Codec>,
}

/// The window as it is now.
pub struct WindowStore {
    /// The stream of each batch's reduced values.
    pub parent: StreamId,
    /// Counts the reduced windows of a program in order of definition; a checkpoint knows it by this.
    pub ordinal: usize,
    span: Span,
    op: WindowOp,
    current: Lock<Current>,
}

type Slices = BTreeMap<BatchTime, Vec<Partition>>;

#[derive(Default)]
struct Current {
    /// The newest window and the batch that it ends with.
    window: Option<(BatchTime, Vec<Partition>)>,
    slices: Slices,
    /// How keys were hashed when window and slices were made.
    hashing: u64,
    /// The last batch that was asked for its slice.
    asked: Option<BatchTime>,
    /// Why a batch since the last slide has no slice.
    missed: Option<Error>,
    failed: Option<Error>,
}

impl Current {
    /// Gives the window up, and with it all that it would have been made of.
    fn fail(&mut self, error: Error) {
        *self = Current { failed: Some(error), asked: self.asked, ..Current::default() };
    }
}

impl WindowStore {
    /// A window before its first batch.
    pub fn new(parent: StreamId, ordinal: usize, slide: Duration, op: WindowOp) -> Self {
        let span = Span { length: op.length, slide };
        WindowStore { parent, ordinal, span, op, current: Lock::default() }
    }

    /// Whether a batch's slice is still to be taken.
    pub fn is_asked_for(&self, time: BatchTime) -> bool {
        self.current.lock().asked.is_none_or(|last| last < time)
    }

    /// Takes the slice of a batch, given the parent's RDD of it.
    pub fn take(&self, engine: &Engine, time: BatchTime, batch: Result<Option<RddRef>>) {
        let mut current = self.current.lock();
        current.asked = Some(time);
        if current.failed.is_some() {
            return;
        }
        drop(current);
        let slice = match batch {
            Ok(None) => return,
            Ok(Some(rdd)) => hashed_alike(engine, |hashing| {
                self.settle(engine, hashing)?;
                run_hashing(engine, &rdd, time, hashing)
            }),
            Err(error) => {
                self.current.lock().missed.get_or_insert(error);
                return;
            }
        };
        let mut current = self.current.lock();
        match slice {
            Ok(slice) => {
                current.slices.insert(time, slice);
            }
            Err(error) => current.fail(error),
        }
    }

    /// The window that ends with batch `time`, of the slices taken; none while there were none.
    pub fn slide(&self, engine: &Engine, time: BatchTime) -> Result<Option<RddRef>> {
        if let Some(error) = &self.current.lock().failed {
            return Err(error.clone());
        }
        let result = hashed_alike(engine, |hashing| {
            self.settle(engine, hashing)?;
            self.next(engine, time, hashing)
        });
        let mut current = self.current.lock();
        match result {
            Ok(None) => Ok(None),
            Ok(Some(window)) => {
                current.window = Some((time, window.clone()));
                let left = time.minus(self.op.length);
                current.slices = current.slices.split_off(&BatchTime(left.0 + 1));
                match current.missed.take() {
                    Some(error) => Err(error),
                    None => Ok(Some(engine.from_blocks(&self.label(), window))),
                }
            }
            Err(error) => {
                current.fail(error.clone());
                Err(error)
            }
        }
    }

    fn label(&self) -> String {
        format!("reduced window {}", self.ordinal)
    }

    /// Puts window and slices into the partitions that their keys have if they are hashed in that way.
    fn settle(&self, engine: &Engine, hashing: u64) -> Result<()> {
        let current = self.current.lock();
        if current.hashing == hashing {
            return Ok(());
        }
        let (window, slices) = (current.window.clone(), current.slices.clone());
        drop(current);
        let moved = |blocks| self.moved(engine, blocks, hashing);
        let window = window.map(|(end, blocks)| Ok((end, moved(blocks)?)));
        let slices = slices.into_iter().map(|(at, blocks)| Ok((at, moved(blocks)?)));
        let (window, slices) = (window.transpose()?, slices.collect::<Result<Slices>>()?);
        let mut current = self.current.lock();
        (current.window, current.slices, current.hashing) = (window, slices, hashing);
        Ok(())
    }

    fn moved(
        &self,
        engine: &Engine,
        blocks: Vec<Partition>,
        hashing: u64,
    ) -> Result<Vec<Partition>> {
        let moved = (self.op.partition)(&engine.from_blocks(&self.label(), blocks))?;
        engine.run_job(&moved, None, Arc::default(), Some(hashing), &mut || Ok(()))
    }

    fn next(
        &self,
        engine: &Engine,
        time: BatchTime,
        hashing: u64,
    ) -> Result<Option<Vec<Partition>>> {
        let current = self.current.lock();
        let before = current.window.clone();
        let after = before.as_ref().map_or(BatchTime(i64::MIN), |(end, _)| *end);
        let left = time.minus(self.op.length);
        let of = |wanted: &dyn Fn(BatchTime) -> bool| -> Vec<Vec<Partition>> {
            let slices = current.slices.iter().filter(|(at, _)| wanted(**at));
            slices.map(|(_, slice)| slice.clone()).collect()
        };
        let leaving = of(&|at| at <= left && at <= after);
        let entering = of(&|at| at > left && at > after);
        drop(current);
        if before.is_none() && entering.is_empty() {
            return Ok(None);
        }
        let empty = || vec![Vec::new(); self.op.partitions];
        let before = before.map_or_else(empty, |(_, blocks)| blocks);
        let mut inputs = vec![before, self.joined(leaving)];
        if !entering.is_empty() {
            inputs.push(self.joined(entering));
        }
        let node = |blocks| engine.from_blocks(&self.label(), blocks);
        let window =
            engine.zip(inputs.into_iter().map(node).collect(), Some(self.op.update.clone()))?;
        run_hashing(engine, &window, time, hashing).map(Some)
    }

    /// The slices' blocks partition by partition, oldest first.
    fn joined(&self, slices: Vec<Vec<Partition>>) -> Vec<Partition> {
        let mut joined = vec![Vec::new(); self.op.partitions];
        for slice in slices {
            for (all, blocks) in joined.iter_mut().zip(slice) {
                all.extend(blocks.into_iter().filter(|block| !block.is_empty()));
            }
        }
        joined
    }

    /// Window and slices as they are; `None` after a failure.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let current = self.current.lock();
        if current.failed.is_some() {
            return None;
        }
        let (end, partitions) = current.window.clone().unzip();
        let slices = current.slices.iter().map(|(at, slice)| (*at, slice.clone())).collect();
        Some(Snapshot {
            ordinal: self.ordinal,
            codec: self.op.codec.clone(),
            partitions: partitions.unwrap_or_default(),
            window: Some(WindowSnapshot { span: self.span, end, slices }),
        })
    }

    /// Starts from a checkpoint's window, whose number of partitions may differ from today's.
    ///
    /// # Errors
    /// If another front end wrote it, it is another window's, or a block cannot be read.
    pub fn restore(&self, engine: &Engine, saved: &EncodedWindow) -> Result<()> {
        self.check_span(saved)?;
        let current = hashed_alike(engine, |hashing| self.restored(engine, saved, hashing))?;
        *self.current.lock() = current;
        Ok(())
    }

    fn restored(&self, engine: &Engine, saved: &EncodedWindow, hashing: u64) -> Result<Current> {
        let blocks = |saved: &EncodedState| {
            let blocks = decoded(&*self.op.codec, saved)?;
            if are_in_place(&*self.op.codec, &blocks, self.op.partitions) {
                return Ok(blocks);
            }
            self.moved(engine, blocks, hashing)
        };
        let slice = |(at, slice): &(BatchTime, EncodedState)| Ok((*at, blocks(slice)?));
        let slices: Slices = saved.slices.iter().map(slice).collect::<Result<_>>()?;
        let window = saved.end.map(|end| Ok((end, blocks(&saved.reduced)?))).transpose()?;
        Ok(Current { window, slices, hashing, ..Current::default() })
    }

    /// Windows are known by their order; one of other durations is not the same window.
    fn check_span(&self, saved: &EncodedWindow) -> Result<()> {
        let Some(saved) = saved.span.filter(|saved| *saved != self.span) else { return Ok(()) };
        let said = |span: Span| format!("of {:?} every {:?}", span.length, span.slide);
        Err(Error::Checkpoint(format!(
            "reduced window {} of this program is one {}, the checkpoint's is one {}: windows with an inverse \
             function must keep their order and durations; give them back, or start afresh in another folder",
            self.ordinal,
            said(self.span),
            said(saved)
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    use crate::api::{Records, SparkContext, native};
    use crate::streaming::graph::Graph;
    use crate::streaming::queue::QueueSource;
    use crate::streaming::state::StateOp;

    const INTERVAL: Duration = Duration::from_millis(10);

    struct NoCodec;

    impl Codec for NoCodec {
        fn format(&self) -> &'static str {
            "none"
        }

        fn encode(&self, _: &crate::block::BlockRef) -> Result<Vec<u8>> {
            Err(broken())
        }

        fn decode(&self, _: &[u8]) -> Result<crate::block::BlockRef> {
            Err(broken())
        }
    }

    fn broken() -> Error {
        Error::Internal("broken".into())
    }

    /// A function of slides or states that fails while `fails`.
    fn update(fails: &Arc<AtomicBool>) -> OpRef {
        let fails = fails.clone();
        native::head("update", move |_| match fails.load(Ordering::Relaxed) {
            true => Err(broken()),
            false => Ok(Records::new(vec![1])),
        })
    }

    fn window(fails: &Arc<AtomicBool>) -> WindowOp {
        WindowOp {
            length: 3 * INTERVAL,
            partition: Arc::new(|rdd| Ok(rdd.clone())),
            update: update(fails),
            partitions: 1,
            codec: Arc::new(NoCodec),
        }
    }

    /// Batches of one number, and their stream.
    fn numbers(sc: &SparkContext, fails: &Arc<AtomicBool>) -> (Graph, StreamId) {
        let fails = fails.clone();
        let batch = sc.parallelize([1], 1).map(move |x| {
            assert!(!fails.load(Ordering::Relaxed), "broken");
            x
        });
        let graph = Graph::new(INTERVAL);
        graph.set_zero_time(BatchTime(0));
        let input = graph.input(Arc::new(QueueSource::new(vec![], true, Some(batch.node.clone()))));
        (graph, input)
    }

    /// Runs a batch; the slices that the window keeps after it.
    fn slices_after(graph: &Graph, sc: &SparkContext, batch: i64) -> usize {
        let time = BatchTime(batch * 10);
        graph.run_outputs(sc.engine(), time);
        graph.update_states(sc.engine(), time);
        graph.forget(time);
        graph.windows().iter().map(|store| store.current.lock().slices.len()).sum()
    }

    #[test]
    fn a_window_that_failed_keeps_no_slices() -> Result<()> {
        let sc = SparkContext::local(1)?;
        let (slide_fails, batch_fails) = (Arc::default(), Arc::default());
        for fails in [&slide_fails, &batch_fails] {
            let (graph, input) = numbers(&sc, &batch_fails);
            graph.reduced(input, INTERVAL, window(&slide_fails))?;
            let kept: Vec<usize> = (1..=5).map(|n| slices_after(&graph, &sc, n)).collect();
            assert_eq!(kept, [1, 2, 3, 3, 3]);
            fails.store(true, Ordering::Relaxed);
            assert_eq!(slices_after(&graph, &sc, 6), 0);
            fails.store(false, Ordering::Relaxed);
            // What it says stays.
            assert!((7..50).all(|n| slices_after(&graph, &sc, n) == 0));
            let error = graph.windows()[0].slide(sc.engine(), BatchTime(500)).map(drop);
            assert!(error.is_err_and(|error| error.to_string().contains("broken")));
        }
        sc.stop();
        Ok(())
    }

    #[test]
    fn a_state_that_fails_keeps_no_window_from_sliding() -> Result<()> {
        let sc = SparkContext::local(1)?;
        let (graph, input) = numbers(&sc, &Arc::default());
        graph.state(
            input,
            StateOp {
                prepare: Arc::new(|rdd| Ok(rdd.clone())),
                partition: Arc::new(|rdd| Ok(rdd.clone())),
                update: update(&Arc::new(AtomicBool::new(true))),
                partitions: 1,
                initial: None,
                codec: Arc::new(NoCodec),
            },
        );
        graph.reduced(input, INTERVAL, window(&Arc::default()))?;
        let kept: Vec<usize> = (1..=6).map(|n| slices_after(&graph, &sc, n)).collect();
        assert_eq!(kept, [1, 2, 3, 3, 3, 3]);
        assert!(graph.update_states(sc.engine(), BatchTime(70)).is_some());
        sc.stop();
        Ok(())
    }
}
