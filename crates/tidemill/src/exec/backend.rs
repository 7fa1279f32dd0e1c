//! What the engine asks of a front end: prepare a fused segment once per job, run it on a partition.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::Partition;
use crate::error::{Error, Result, UserError};
use crate::ids::{ShuffleId, StageId, TaskId};
use crate::lock::Lock;
use crate::rdd::Segment;

/// A segment made ready to run: for Python, the pickled functions.
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// Something a successful task hands to the driver besides its output: accumulator updates.
pub type Update = Box<dyn Any + Send>;

/// Runs the operators of one front end.
pub trait Backend: Send + Sync {
    /// Executor `slot` is there; called once, on its thread, which lives as long as the engine.
    fn executor_started(&self, _slot: usize) {}

    /// The number of the way that keys are hashed in at the moment. A job keeps to the one that it began with (its
    /// tasks find it in their context, and fail if they cannot), and nothing is used again that was kept under
    /// another: its records may be in other partitions than theirs.
    fn hashing(&self) -> u64 {
        0
    }

    /// How the executors ended that hashed keys in the way before.
    fn loss(&self) -> String {
        "all workers were lost".to_owned()
    }

    /// Makes a segment ready; called once per job, on the thread that submits it.
    fn prepare(&self, segment: &Segment) -> Result<Prepared>;

    /// Runs a segment on its inputs: one result, or one per bucket of its tail. `split` is the partition
    /// of the segment's own RDD, which under a union is not the task's. Called on the thread of executor
    /// `cx.slot`.
    fn run(
        &self,
        prepared: &Prepared,
        inputs: Vec<Partition>,
        split: usize,
        cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError>;

    /// Takes the updates of a job's successful tasks; called on the thread that waits for the job.
    fn apply(&self, updates: Vec<Update>);

    /// Ends whatever runs, soon; `run` then fails. Called when the engine is stopped.
    fn stop(&self);
}

/// Facts about a task for the code it runs.
pub struct TaskContext {
    /// Which executor runs it, counting from 0.
    pub slot: usize,
    /// Its id.
    pub task: TaskId,
    /// Its stage.
    pub stage: StageId,
    /// The partition it computes.
    pub partition: usize,
    /// How often the partition was tried before.
    pub attempt: u32,
    /// How keys were hashed when its job began: [`Backend::hashing`].
    pub hashing: u64,
    /// The local properties of the thread that submitted the job.
    pub properties: Arc<BTreeMap<String, String>>,
    pub(crate) updates: Lock<Vec<Update>>,
}

impl TaskContext {
    /// Hands an update to the driver if the task succeeds.
    pub fn update(&self, update: Update) {
        self.updates.lock().push(update);
    }
}

/// The error of what was computed while keys were hashed otherwise, and has to be done `again`.
pub fn rehashed(backend: &dyn Backend, again: &str) -> Error {
    Error::Rehashed { how: backend.loss(), again: again.to_owned() }
}

/// Why a task ended without a result.
#[derive(Debug)]
pub enum TaskError {
    /// The user's function raised.
    User(Arc<UserError>),
    /// The executor (a worker process) died.
    ExecutorLost(String),
    /// A map output is not there any more.
    FetchFailed {
        /// The shuffle.
        shuffle: ShuffleId,
        /// The map partition.
        map: usize,
    },
    /// Anything that a retry does not mend.
    Fatal(Error),
}

impl From<Error> for TaskError {
    fn from(error: Error) -> Self {
        TaskError::Fatal(error)
    }
}
