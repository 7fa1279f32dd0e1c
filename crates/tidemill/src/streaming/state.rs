//! Keyed state (`updateStateByKey`): the state after each batch, as blocks.
//!
//! The state of a batch is computed once, when the batch first asks for it, and its lineage ends there:
//! the next batch starts from blocks, so nothing grows with time. If an update fails, the state cannot be
//! known any more, and every later batch fails with that first error: never a wrong count. An update that failed
//! because all workers were lost is tried again first: the blocks and the batch's lineage are still there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::{Codec, Partition};
use crate::error::{Error, Result};
use crate::exec::Engine;
use crate::ids::StreamId;
use crate::lock::Lock;
use crate::rdd::{OpRef, RddRef};
use crate::streaming::BatchTime;
use crate::streaming::checkpoint::{EncodedState, Snapshot};

/// How often workers may be lost in the middle of one update.
const MOST_REPEATS: usize = 3;

/// A front end's function from one RDD to another.
pub type Rewrite = Arc<dyn Fn(&RddRef) -> Result<RddRef> + Send + Sync>;

/// What a front end says of a keyed state.
pub struct StateOp {
    /// From the parent's records to `(key, new values)`, by key in `partitions` partitions.
    pub prepare: Rewrite,
    /// Puts `(key, state)` records into the partitions of their keys.
    pub partition: Rewrite,
    /// From the previous state and the prepared records to the next state; zips the two.
    pub update: OpRef,
    /// Number of partitions.
    pub partitions: usize,
    /// The state before the first batch, in any partitions.
    pub initial: Option<RddRef>,
    /// For checkpoints.
    pub codec: Arc<dyn Codec>,
}

/// The state as it is now.
pub struct StateStore {
    /// The stream whose batches update it.
    pub parent: StreamId,
    /// Counts the states of a program in order of definition; a checkpoint knows it by this.
    pub ordinal: usize,
    op: StateOp,
    current: Lock<Current>,
}

#[derive(Default)]
struct Current {
    blocks: Option<Vec<Partition>>,
    /// How keys were hashed when the blocks were made.
    hashing: u64,
    restored: Option<RddRef>,
    failed: Option<Error>,
}

impl StateStore {
    /// A state before its first batch.
    pub fn new(parent: StreamId, ordinal: usize, op: StateOp) -> Self {
        StateStore { parent, ordinal, op, current: Lock::default() }
    }

    /// The state after batch `time`, given the parent's RDD of it.
    pub fn update(
        &self,
        engine: &Engine,
        time: BatchTime,
        batch: Option<&RddRef>,
    ) -> Result<RddRef> {
        if let Some(error) = &self.current.lock().failed {
            return Err(error.clone());
        }
        let label = format!("state {}", self.ordinal);
        let result =
            hashed_alike(engine, |hashing| Ok((self.next(engine, time, batch, hashing)?, hashing)));
        let mut current = self.current.lock();
        match result {
            Ok((blocks, hashing)) => {
                current.blocks = Some(blocks.clone());
                current.hashing = hashing;
                current.restored = None;
                Ok(engine.from_blocks(&label, blocks))
            }
            Err(error) => {
                current.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn next(
        &self,
        engine: &Engine,
        time: BatchTime,
        batch: Option<&RddRef>,
        hashing: u64,
    ) -> Result<Vec<Partition>> {
        let before = self.before(engine, hashing)?;
        let after = match batch {
            Some(batch) => {
                let new = (self.op.prepare)(batch)?;
                engine.zip(vec![before, new], Some(self.op.update.clone()))?
            }
            None => before,
        };
        run_hashing(engine, &after, time, hashing)
    }

    fn before(&self, engine: &Engine, hashing: u64) -> Result<RddRef> {
        let current = self.current.lock();
        if let Some(blocks) = &current.blocks {
            let rdd = engine.from_blocks("state", blocks.clone());
            let in_place = current.hashing == hashing;
            drop(current);
            return if in_place { Ok(rdd) } else { (self.op.partition)(&rdd) };
        }
        let start = current.restored.clone().or_else(|| self.op.initial.clone());
        drop(current);
        match start {
            Some(rdd) => (self.op.partition)(&rdd),
            None => Ok(engine.from_blocks("state", vec![Vec::new(); self.op.partitions])),
        }
    }

    /// The state as it is; `None` before the first batch and after a failure.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let current = self.current.lock();
        let (Some(blocks), None) = (&current.blocks, &current.failed) else {
            return None;
        };
        Some(Snapshot {
            ordinal: self.ordinal,
            codec: self.op.codec.clone(),
            partitions: blocks.clone(),
            window: None,
        })
    }

    /// Starts from a checkpoint's partitions, whose number may differ from today's.
    ///
    /// # Errors
    /// If another front end wrote it, or a block cannot be read.
    pub fn restore(&self, engine: &Engine, saved: &EncodedState) -> Result<()> {
        let blocks = decoded(&*self.op.codec, saved)?;
        let mut current = self.current.lock();
        if are_in_place(&*self.op.codec, &blocks, self.op.partitions) {
            current.blocks = Some(blocks);
            current.hashing = engine.hashing();
        } else {
            current.restored = Some(engine.from_blocks("restored state", blocks));
        }
        Ok(())
    }
}

/// Does what is right as long as keys are hashed in one way, which it is given; anew, and no more than so often, if they
/// are hashed otherwise when it fails.
pub(super) fn hashed_alike<T>(engine: &Engine, step: impl Fn(u64) -> Result<T>) -> Result<T> {
    for _ in 0..MOST_REPEATS {
        let hashing = engine.hashing();
        let result = step(hashing);
        if result.is_ok() || engine.hashing() == hashing {
            return result;
        }
    }
    step(engine.hashing())
}

/// Runs a job over blocks that are in the partitions of their keys as long as keys are hashed in that way.
pub(super) fn run_hashing(
    engine: &Engine,
    rdd: &RddRef,
    time: BatchTime,
    hashing: u64,
) -> Result<Vec<Partition>> {
    engine.run_job(rdd, None, batch_properties(time), Some(hashing), &mut || Ok(()))
}

/// Whether the keys of a checkpoint's blocks belong to the partitions that they were in.
pub(super) fn are_in_place(codec: &dyn Codec, blocks: &[Partition], partitions: usize) -> bool {
    blocks.len() == partitions && blocks.iter().flatten().all(|block| codec.hashes_alike(block))
}

/// What the tasks of a batch's jobs are told.
pub(super) fn batch_properties(time: BatchTime) -> Arc<BTreeMap<String, String>> {
    let name = "spark.streaming.internal.batchTime".to_owned();
    Arc::new(BTreeMap::from([(name, time.0.to_string())]))
}

/// The blocks of a checkpoint.
///
/// # Errors
/// If another front end wrote it, or a block cannot be read.
pub(super) fn decoded(codec: &dyn Codec, saved: &EncodedState) -> Result<Vec<Partition>> {
    if saved.format != codec.format() {
        return Err(Error::Checkpoint(format!(
            "the checkpoint's state is in the format {:?}, this program's is {:?}: use the \
             front end that wrote it, or another folder",
            saved.format,
            codec.format()
        )));
    }
    let partition = |blocks: &Vec<Vec<u8>>| blocks.iter().map(|b| codec.decode(b)).collect();
    saved.partitions.iter().map(partition).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::exec::{Backend, EngineConfig, Prepared, TaskContext, TaskError, Update};
    use crate::rdd::Segment;

    /// Hashes keys as it is told.
    #[derive(Default)]
    struct Told(AtomicU64);

    impl Backend for Told {
        fn hashing(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn prepare(&self, _: &Segment) -> Result<Prepared> {
            Ok(Arc::new(()))
        }

        fn run(
            &self,
            _: &Prepared,
            inputs: Vec<Partition>,
            _: usize,
            _: &TaskContext,
        ) -> Result<Vec<Partition>, TaskError> {
            Ok(inputs)
        }

        fn apply(&self, _: Vec<Update>) {}

        fn stop(&self) {}
    }

    /// Runs jobs for the first way of hashing after so many changes of it; the ways that were tried.
    fn tried(changes: u64) -> Result<(Vec<u64>, bool)> {
        let backend = Arc::new(Told::default());
        let config = EngineConfig { slots: 1, max_attempts: 1, storage_bytes: 0 };
        let engine = Engine::new(config, backend.clone())?;
        let rdd = engine.from_blocks("nothing", vec![Vec::new()]);
        let tried = Lock::new(Vec::new());
        let result = hashed_alike(&engine, |hashing| {
            tried.lock().push(hashing);
            if hashing < changes {
                backend.0.fetch_add(1, Ordering::Relaxed);
            }
            run_hashing(&engine, &rdd, BatchTime(0), hashing)
        });
        let refused = matches!(result, Err(Error::Rehashed { .. }));
        assert!(refused || result.is_ok());
        Ok((tried.lock().clone(), refused))
    }

    #[test]
    fn what_was_begun_with_other_hashes_is_begun_again() -> Result<()> {
        assert_eq!(tried(0)?, (vec![0], false));
        assert_eq!(tried(2)?, (vec![0, 1, 2], false));
        assert_eq!(tried(3)?, (vec![0, 1, 2, 3], false));
        assert_eq!(tried(100)?, (vec![0, 1, 2, 3], true));
        Ok(())
    }

    #[test]
    fn what_fails_for_another_reason_is_not_repeated() -> Result<()> {
        let config = EngineConfig { slots: 1, max_attempts: 1, storage_bytes: 0 };
        let engine = Engine::new(config, Arc::new(Told::default()))?;
        let tries = AtomicU64::new(0);
        let result = hashed_alike(&engine, |_| {
            tries.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Error::Cancelled)
        });
        assert!(matches!(result, Err(Error::Cancelled)));
        assert_eq!(tries.load(Ordering::Relaxed), 1);
        Ok(())
    }
}
