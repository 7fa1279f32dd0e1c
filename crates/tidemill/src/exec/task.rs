//! Runs one task: finds the segment, gathers its input blocks, hands both to the backend, stores the
//! result. Called by the executor threads of [`super::engine`].

use std::collections::HashMap;
use std::sync::Arc;

use crate::block::Partition;
use crate::error::{Error, Result};
use crate::exec::backend::{Backend, Prepared, TaskContext, TaskError, rehashed};
use crate::exec::storage::Storage;
use crate::ids::RddId;
use crate::rdd::{Availability, Kind, OpRef, RddRef, Segment, Stage, StageOutput};

/// The segments of a job made ready, by the RDD they compute.
pub(super) struct Segments {
    hashing: u64,
    rdds: HashMap<RddId, Arc<Ready>>,
    shuffles: HashMap<crate::ids::ShuffleId, Arc<Ready>>,
}

/// A segment and what the backend made of it; nothing for an empty one.
pub(super) struct Ready {
    segment: Segment,
    prepared: Option<Prepared>,
}

impl Ready {
    fn new(segment: Segment, backend: &dyn Backend, hashing: u64) -> Result<Arc<Ready>> {
        let outlived = |op: &&OpRef| op.hashing().is_some_and(|made_for| made_for != hashing);
        if let Some(op) = segment.operators().find(outlived) {
            return Err(rehashed(backend, &format!("call {}", op.label())));
        }
        let prepared = match segment.is_empty() {
            true => None,
            false => Some(backend.prepare(&segment)?),
        };
        Ok(Arc::new(Ready { segment, prepared }))
    }
}

impl Segments {
    /// None yet, of a job for which keys are hashed in that way.
    pub(super) fn new(hashing: u64) -> Segments {
        Segments { hashing, rdds: HashMap::new(), shuffles: HashMap::new() }
    }

    /// Makes ready what the stage's tasks will run, but for parts that are already computed.
    pub(super) fn add_stage(
        &mut self,
        stage: &Stage,
        backend: &dyn Backend,
        storage: &Storage,
    ) -> Result<()> {
        match &stage.output {
            StageOutput::Result => self.add_rdd(&stage.rdd, backend, storage),
            StageOutput::Shuffle(shuffle) => {
                let ready = Ready::new(stage.top_segment(), backend, self.hashing)?;
                for input in ready.segment.inputs() {
                    self.add_rdd(input, backend, storage)?;
                }
                self.shuffles.insert(shuffle.id, ready);
                Ok(())
            }
        }
    }

    fn add_rdd(&mut self, rdd: &RddRef, backend: &dyn Backend, storage: &Storage) -> Result<()> {
        let known = self.rdds.contains_key(&rdd.id);
        if known || (rdd.is_persisted() && storage.is_cached(rdd.id, rdd.num_partitions()?)) {
            return Ok(());
        }
        let ready = Ready::new(Segment::of(rdd), backend, self.hashing)?;
        self.rdds.insert(rdd.id, ready.clone());
        for input in ready.segment.inputs() {
            self.add_rdd(input, backend, storage)?;
        }
        Ok(())
    }
}

/// What a task needs of its engine and job.
pub(super) struct TaskRun<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) storage: &'a Storage,
    pub(super) segments: &'a Segments,
    pub(super) cx: &'a TaskContext,
}

impl TaskRun<'_> {
    /// Runs the task; the result of a result stage, nothing for a shuffle's map stage.
    pub(super) fn run(&self, stage: &Stage) -> Result<Partition, TaskError> {
        let StageOutput::Shuffle(shuffle) = &stage.output else {
            return self.partition(&stage.rdd, self.cx.partition);
        };
        let ready = self.segments.shuffles.get(&shuffle.id);
        let ready = ready.ok_or_else(|| Error::Internal("a stage was not prepared".into()))?;
        let buckets = self.run_segment(ready, self.cx.partition)?;
        self.storage.put_map(shuffle.id, self.cx.partition, buckets, self.cx.hashing);
        Ok(Vec::new())
    }

    /// A partition of an RDD, from the store if it is kept there.
    fn partition(&self, rdd: &RddRef, partition: usize) -> Result<Partition, TaskError> {
        let persisted = rdd.is_persisted();
        if persisted && let Some(blocks) = self.storage.get(rdd.id, partition, self.cx.hashing) {
            return Ok(blocks);
        }
        let ready = match self.segments.rdds.get(&rdd.id) {
            Some(ready) => ready.clone(),
            // Evicted after the job was prepared.
            None => Ready::new(Segment::of(rdd), self.backend, self.cx.hashing)?,
        };
        let blocks = self.run_segment(&ready, partition)?.pop().unwrap_or_default();
        if persisted {
            self.storage.put(rdd.id, partition, &blocks, self.cx.hashing);
        }
        Ok(blocks)
    }

    fn run_segment(&self, ready: &Ready, partition: usize) -> Result<Vec<Partition>, TaskError> {
        let inputs = self.inputs(&ready.segment, partition)?;
        match &ready.prepared {
            Some(prepared) => self.backend.run(prepared, inputs, partition, self.cx),
            None => Ok(vec![inputs.concat()]),
        }
    }

    /// One partition per input of the head, or a single one.
    fn inputs(&self, segment: &Segment, partition: usize) -> Result<Vec<Partition>, TaskError> {
        let bottom = &segment.bottom;
        if segment.stored {
            return Ok(vec![self.partition(bottom, partition)?]);
        }
        match &bottom.kind {
            Kind::Source(source) => Ok(vec![source.read(partition)?]),
            Kind::Shuffled(shuffle) => {
                let maps = shuffle.parent.num_partitions()?;
                Ok(vec![self.storage.fetch(shuffle.id, maps, partition, self.cx.hashing)?])
            }
            Kind::Gather { inputs, groups } => {
                let group = groups.get(partition).into_iter().flatten();
                let parts = group.map(|&(input, p)| self.partition(&inputs[input], p));
                Ok(vec![parts.collect::<Result<Vec<_>, _>>()?.concat()])
            }
            Kind::Zip { inputs, op } => {
                let parts = inputs.iter().map(|input| self.partition(input, partition));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                Ok(if op.is_some() { parts } else { vec![parts.concat()] })
            }
            Kind::Pipe { .. } => Err(Error::Internal("a segment ends in a pipe".into()).into()),
        }
    }
}
