//! Layer 3: scheduling as data. A pure state machine: events in, actions out, no thread, clock or I/O.
//!
//! The local runner interprets the actions today; any other runner (remote executors, the tests' fake
//! cluster) interprets the same ones. Every retry is bounded by [`Config::max_attempts`].

mod state;
#[cfg(test)]
mod tests;

pub use state::Scheduler;

use crate::ids::{JobId, ShuffleId, StageId, TaskId};

/// What a scheduler needs to know of a stage.
#[derive(Debug, Clone)]
pub struct StageSpec {
    /// Its id.
    pub stage: StageId,
    /// The shuffle its tasks write, if they do not write the job's result.
    pub shuffle: Option<ShuffleId>,
    /// The partitions to compute.
    pub partitions: Vec<usize>,
    /// Stages that come first.
    pub parents: Vec<StageId>,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The user's function raised; the text tells one exception from another. Retried once, to give
    /// a passing trouble a chance, but not when the same exception comes again.
    User(String),
    /// The executor died under the task.
    ExecutorLost,
    /// A map output that the task reads is gone.
    FetchFailed {
        /// The shuffle.
        shuffle: ShuffleId,
        /// The map partition to compute again.
        map: usize,
    },
    /// An error that a retry cannot mend.
    Fatal,
}

/// What has happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// An action wants these stages run, parents before children; the last gives the result.
    JobSubmitted {
        /// The job.
        job: JobId,
        /// Its stages.
        stages: Vec<StageSpec>,
    },
    /// A task's output is stored.
    TaskFinished {
        /// The task.
        task: TaskId,
    },
    /// A task ended without output.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Why.
        failure: Failure,
    },
    /// Nobody waits for the job any more.
    JobCancelled {
        /// The job.
        job: JobId,
    },
}

/// One attempt at one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The attempt's id.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Its stage.
    pub stage: StageId,
    /// The partition to compute.
    pub partition: usize,
    /// Counts from 0.
    pub attempt: u32,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run a task on a free slot.
    LaunchTask(Launch),
    /// Every result partition is there.
    FinishJob {
        /// The job.
        job: JobId,
    },
    /// The job cannot be done.
    FailJob {
        /// The job.
        job: JobId,
        /// The attempt whose failure decided it.
        task: TaskId,
        /// How often that partition was tried.
        attempts: u32,
    },
}

/// The scheduler's settings.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Tasks that run at the same time.
    pub slots: usize,
    /// Attempts at one partition before its job fails, at least 1.
    pub max_attempts: u32,
}
