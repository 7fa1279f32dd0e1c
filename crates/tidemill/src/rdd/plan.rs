//! Cuts a lineage graph into stages at its shuffles.
//!
//! A stage is a set of partitions of one RDD (or of a shuffle's map side) that can be computed without
//! another exchange. Parts that are already there (persisted partitions, finished map outputs) are left out.

use std::collections::HashMap;
use std::sync::Arc;

use super::lineage::{Kind, RddRef, ShuffleDep};
use super::segment::Segment;
use crate::error::Result;
use crate::ids::{Counter, RddId, ShuffleId, StageId};

/// What has been computed before; the planner asks, it never computes.
pub trait Availability {
    /// Map partitions of the shuffle whose output is not there, of `maps` in all.
    fn missing_maps(&self, shuffle: ShuffleId, maps: usize) -> Vec<usize>;

    /// Whether all `partitions` of a persisted RDD are there.
    fn is_cached(&self, rdd: RddId, partitions: usize) -> bool;
}

/// Where a stage's result goes.
pub enum StageOutput {
    /// To the caller of the action.
    Result,
    /// Into the buckets of a shuffle.
    Shuffle(Arc<ShuffleDep>),
}

/// A stage of a job.
pub struct Stage {
    /// Unique within the engine.
    pub id: StageId,
    /// The RDD whose partitions its tasks compute.
    pub rdd: RddRef,
    /// Where they go.
    pub output: StageOutput,
    /// The partitions to compute, one task each.
    pub partitions: Vec<usize>,
    /// Stages that must be complete before.
    pub parents: Vec<StageId>,
}

impl Stage {
    /// The segment its tasks run last.
    pub fn top_segment(&self) -> Segment {
        match &self.output {
            StageOutput::Result => Segment::of(&self.rdd),
            StageOutput::Shuffle(shuffle) => Segment::of_shuffle(shuffle),
        }
    }
}

/// The stages of a job, parents before children; the last gives the result.
///
/// ```
/// # use std::sync::Arc;
/// # use tidemill::block::Partition;
/// # use tidemill::exec::{Engine, EngineConfig, Prepared, TaskContext, TaskError, Update};
/// use tidemill::ids::Counter;
/// use tidemill::rdd::{JobPlan, Operator};
/// # struct NoOps;
/// # impl tidemill::exec::Backend for NoOps {
/// #     fn prepare(&self, _: &tidemill::rdd::Segment) -> tidemill::Result<Prepared> {
/// #         Ok(Arc::new(()))
/// #     }
/// #     fn run(
/// #         &self,
/// #         _: &Prepared,
/// #         inputs: Vec<Partition>,
/// #         _split: usize,
/// #         _: &TaskContext,
/// #     ) -> Result<Vec<Partition>, TaskError> {
/// #         Ok(inputs)
/// #     }
/// #     fn apply(&self, _: Vec<Update>) {}
/// #     fn stop(&self) {}
/// # }
/// # let config = EngineConfig { slots: 1, max_attempts: 1, storage_bytes: 0 };
/// # let engine = Engine::new(config, Arc::new(NoOps))?;
///
/// struct Split;
/// impl Operator for Split {
///     fn label(&self) -> &str {
///         "split"
///     }
///     fn as_any(&self) -> &dyn std::any::Any {
///         self
///     }
/// }
/// // A shuffle of three partitions into two: a stage for each side.
/// let source = engine.from_blocks("numbers", vec![vec![], vec![], vec![]]);
/// let shuffled = engine.shuffle(&source, Arc::new(Split), 2);
/// let plan = JobPlan::new(&shuffled, None, engine.storage().as_ref(), &Counter::default())?;
/// let tasks: Vec<usize> = plan.stages.iter().map(|stage| stage.partitions.len()).collect();
/// assert_eq!(tasks, [3, 2]);
/// assert_eq!(plan.stages[1].parents, [plan.stages[0].id]);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub struct JobPlan {
    /// All stages.
    pub stages: Vec<Stage>,
}

impl JobPlan {
    /// Plans the computation of `partitions` of `rdd` (all of them for `None`).
    ///
    /// # Errors
    /// If the number of partitions of a source cannot be found out.
    pub fn new(
        rdd: &RddRef,
        partitions: Option<Vec<usize>>,
        available: &dyn Availability,
        ids: &Counter,
    ) -> Result<JobPlan> {
        let partitions = match partitions {
            Some(list) => list,
            None => (0..rdd.num_partitions()?).collect(),
        };
        let mut planner =
            Planner { available, ids, stages: Vec::new(), by_shuffle: HashMap::new() };
        let mut parents = Vec::new();
        if !partitions.is_empty() {
            planner.visit(rdd, &mut parents)?;
        }
        let id = StageId(ids.next());
        let output = StageOutput::Result;
        planner.stages.push(Stage { id, rdd: rdd.clone(), output, partitions, parents });
        Ok(JobPlan { stages: planner.stages })
    }
}

struct Planner<'a> {
    available: &'a dyn Availability,
    ids: &'a Counter,
    stages: Vec<Stage>,
    by_shuffle: HashMap<ShuffleId, StageId>,
}

impl Planner<'_> {
    /// Adds the stages that `node` needs first, and their ids to `parents`.
    fn visit(&mut self, node: &RddRef, parents: &mut Vec<StageId>) -> Result<()> {
        let mut at = node;
        loop {
            if at.is_persisted() && self.available.is_cached(at.id, at.num_partitions()?) {
                return Ok(());
            }
            match &at.kind {
                Kind::Pipe { parent, .. } => at = parent,
                Kind::Source(_) => return Ok(()),
                Kind::Gather { inputs, .. } | Kind::Zip { inputs, .. } => {
                    for input in inputs {
                        self.visit(input, parents)?;
                    }
                    return Ok(());
                }
                Kind::Shuffled(shuffle) => return self.visit_shuffle(shuffle, parents),
            }
        }
    }

    fn visit_shuffle(
        &mut self,
        shuffle: &Arc<ShuffleDep>,
        parents: &mut Vec<StageId>,
    ) -> Result<()> {
        if let Some(&stage) = self.by_shuffle.get(&shuffle.id) {
            if !parents.contains(&stage) {
                parents.push(stage);
            }
            return Ok(());
        }
        let partitions = self.available.missing_maps(shuffle.id, shuffle.parent.num_partitions()?);
        if partitions.is_empty() {
            return Ok(());
        }
        let mut above = Vec::new();
        self.visit(&shuffle.parent, &mut above)?;
        let id = StageId(self.ids.next());
        self.by_shuffle.insert(shuffle.id, id);
        self.stages.push(Stage {
            id,
            rdd: shuffle.parent.clone(),
            output: StageOutput::Shuffle(shuffle.clone()),
            partitions,
            parents: above,
        });
        parents.push(id);
        Ok(())
    }
}
