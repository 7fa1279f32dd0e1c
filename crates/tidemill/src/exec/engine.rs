//! The local runner: executor threads that interpret the scheduler's actions.
//!
//! One `Engine` per SparkContext. Actions call [`Engine::run_job`] on their own thread and wait; tasks run on
//! `slots` executor threads. The scheduler is behind one lock that is never held while a task runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use crate::block::{BlockRef, Partition};
use crate::error::{Error, Result};
use crate::exec::backend::{Backend, TaskContext, TaskError, Update, rehashed};
use crate::exec::storage::Storage;
use crate::exec::task::{Segments, TaskRun};
use crate::ids::{Counter, JobId, RddId, ShuffleId, StageId, TaskId};
use crate::lock::{Lock, Signal};
use crate::panics;
use crate::rdd::{JobPlan, Kind, OpRef, RddNode, RddRef, ShuffleDep, Source, Stage, StageOutput};
use crate::scheduler::{Action, Config, Event, Failure, Launch, Scheduler, StageSpec};
use crate::text::TextBlock;

/// How often a waiting action looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// An engine's settings.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Executor threads, at least 1.
    pub slots: usize,
    /// Attempts at a task, at least 1.
    pub max_attempts: u32,
    /// Most bytes of persisted partitions kept in memory.
    pub storage_bytes: usize,
}

/// Lineage, storage and executors of one SparkContext.
///
/// ```
/// # use std::sync::Arc;
/// # use tidemill::block::{Partition, VecBlock, records_in};
/// # use tidemill::exec::{Engine, EngineConfig, Prepared, TaskContext, TaskError, Update};
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
/// let rdd = engine.from_blocks("numbers", vec![vec![Arc::new(VecBlock::new(vec![1, 2, 3]))]]);
/// let partitions = engine.run_job(&rdd, None, Arc::default(), None, &mut || Ok(()))?;
/// assert_eq!(records_in(&partitions[0]), 3);
/// # Ok::<(), tidemill::Error>(())
/// ```
pub struct Engine {
    core: Arc<Core>,
    threads: Lock<Vec<JoinHandle<()>>>,
    /// The process that has these threads.
    process: u32,
}

struct Core {
    config: EngineConfig,
    backend: Arc<dyn Backend>,
    storage: Arc<Storage>,
    state: Lock<State>,
    rdds: Counter,
    shuffles: Counter,
    stages: Counter,
    jobs: Counter,
}

struct State {
    scheduler: Scheduler,
    jobs: HashMap<JobId, Arc<Job>>,
    queue: Option<Sender<(Arc<Job>, Launch)>>,
}

struct Job {
    id: JobId,
    stages: HashMap<StageId, Stage>,
    segments: Segments,
    hashing: u64,
    properties: Arc<BTreeMap<String, String>>,
    progress: Lock<Progress>,
    ended: Signal,
}

#[derive(Default)]
struct Progress {
    results: HashMap<usize, Partition>,
    updates: Vec<Update>,
    failures: HashMap<TaskId, (usize, TaskError)>,
    end: Option<Result<()>>,
}

impl Engine {
    /// Starts the executor threads.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn new(config: EngineConfig, backend: Arc<dyn Backend>) -> Result<Engine> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let scheduling = Config { slots: config.slots, max_attempts: config.max_attempts };
        let core = Arc::new(Core {
            storage: Arc::new(Storage::new(config.storage_bytes)),
            state: Lock::new(State {
                scheduler: Scheduler::new(scheduling),
                jobs: HashMap::new(),
                queue: Some(sender),
            }),
            config,
            backend,
            rdds: Counter::default(),
            shuffles: Counter::default(),
            stages: Counter::default(),
            jobs: Counter::default(),
        });
        let threads = (0..core.config.slots).map(|slot| spawn_executor(&core, &receiver, slot));
        let threads = Lock::new(threads.collect::<Result<Vec<_>>>()?);
        Ok(Engine { core, threads, process: std::process::id() })
    }

    /// Number of executor threads.
    pub fn slots(&self) -> usize {
        self.core.config.slots
    }

    /// What the engine keeps between tasks.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.core.storage
    }

    /// A node over data from outside.
    pub fn source(&self, source: Arc<dyn Source>) -> RddRef {
        self.node(Kind::Source(source))
    }

    /// How keys are hashed at the moment: [`Backend::hashing`].
    pub fn hashing(&self) -> u64 {
        self.core.backend.hashing()
    }

    /// A node over blocks in memory.
    pub fn from_blocks(&self, label: &str, partitions: Vec<Partition>) -> RddRef {
        self.source(Arc::new(Blocks { label: label.to_owned(), partitions }))
    }

    /// A narrow operator on top of `parent`.
    pub fn pipe(&self, parent: &RddRef, op: OpRef) -> RddRef {
        self.node(Kind::Pipe { parent: parent.clone(), op })
    }

    /// The exchange of `parent`'s records among `partitions` partitions, as `op` splits them.
    pub fn shuffle(&self, parent: &RddRef, op: OpRef, partitions: usize) -> RddRef {
        self.node(Kind::Shuffled(Arc::new(ShuffleDep {
            id: ShuffleId(self.core.shuffles.next()),
            parent: parent.clone(),
            op,
            partitions,
            storage: Arc::downgrade(&self.core.storage),
        })))
    }

    /// Partitions of the inputs put together as `groups` says.
    pub fn gather(&self, inputs: Vec<RddRef>, groups: Vec<Vec<(usize, usize)>>) -> RddRef {
        self.node(Kind::Gather { inputs, groups })
    }

    /// All partitions of all inputs, one after the other.
    ///
    /// # Errors
    /// If the number of partitions of an input cannot be found out.
    pub fn union(&self, inputs: Vec<RddRef>) -> Result<RddRef> {
        let mut groups = Vec::new();
        for (i, input) in inputs.iter().enumerate() {
            groups.extend((0..input.num_partitions()?).map(|p| vec![(i, p)]));
        }
        Ok(self.gather(inputs, groups))
    }

    /// Partition `p` from partition `p` of each input.
    ///
    /// # Errors
    /// If the inputs differ in their numbers of partitions.
    pub fn zip(&self, inputs: Vec<RddRef>, op: Option<OpRef>) -> Result<RddRef> {
        let counts =
            inputs.iter().map(|input| input.num_partitions()).collect::<Result<Vec<_>>>()?;
        if counts.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(Error::IllegalArgument(format!(
                "Can only zip with RDD which has the same number of partitions, got {counts:?}"
            )));
        }
        Ok(self.node(Kind::Zip { inputs, op }))
    }

    fn node(&self, kind: Kind) -> RddRef {
        RddNode::new(RddId(self.core.rdds.next()), kind, &self.core.storage)
    }

    /// Computes partitions of an RDD (all for `None`) and waits. `interrupted` is called now and then
    /// while waiting; its error cancels the job and is returned. Accumulator updates of the tasks that
    /// succeeded count even if the job fails.
    ///
    /// What belongs together with what was computed before says how keys were hashed then (`hashing`, of
    /// [`Engine::hashing`]); the partitions are then those of that way of hashing, or there are none.
    ///
    /// # Errors
    /// The first failure that its retries could not mend, or the error of `interrupted`; [`Error::Rehashed`] if keys are
    /// hashed otherwise by now.
    pub fn run_job(
        &self,
        rdd: &RddRef,
        partitions: Option<Vec<usize>>,
        properties: Arc<BTreeMap<String, String>>,
        hashing: Option<u64>,
        interrupted: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Partition>> {
        let (job, wanted) = self.core.submit(rdd, partitions, properties, hashing)?;
        self.core.wait(&job, &wanted, interrupted)
    }

    /// Cancels every job; their callers get [`Error::Cancelled`]. Tasks that run end by themselves.
    pub fn cancel_all(&self) {
        let mut state = self.core.state.lock();
        let jobs = std::mem::take(&mut state.jobs);
        for &job in jobs.keys() {
            state.handle(Event::JobCancelled { job });
        }
        drop(state);
        for job in jobs.into_values() {
            job.end(Err(Error::Cancelled));
        }
    }

    /// Cancels every job and ends the executors. Waits for the executor threads. Does nothing in a fork of the
    /// process, which has neither.
    pub fn stop(&self) {
        if self.process != std::process::id() {
            return;
        }
        self.core.state.lock().queue = None;
        self.cancel_all();
        self.core.backend.stop();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // A panic of an executor thread was reported by its task.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Core {
    fn submit(
        &self,
        rdd: &RddRef,
        partitions: Option<Vec<usize>>,
        properties: Arc<BTreeMap<String, String>>,
        before: Option<u64>,
    ) -> Result<(Arc<Job>, Vec<usize>)> {
        let hashing = self.backend.hashing();
        if before.is_some_and(|before| before != hashing) {
            return Err(rehashed(&*self.backend, "run the job"));
        }
        self.storage.renew(hashing);
        let plan = JobPlan::new(rdd, partitions, &*self.storage, &self.stages)?;
        let mut segments = Segments::new(hashing);
        for stage in plan.stages.iter().filter(|stage| !stage.partitions.is_empty()) {
            segments.add_stage(stage, &*self.backend, &self.storage)?;
        }
        let specs = plan.stages.iter().map(spec_of).collect();
        let wanted = plan.stages.last().map(|stage| stage.partitions.clone()).unwrap_or_default();
        let job = Arc::new(Job {
            id: JobId(self.jobs.next()),
            stages: plan.stages.into_iter().map(|stage| (stage.id, stage)).collect(),
            segments,
            hashing,
            properties,
            progress: Lock::default(),
            ended: Signal::default(),
        });
        let mut state = self.state.lock();
        if state.queue.is_none() {
            return Err(Error::Cancelled);
        }
        state.jobs.insert(job.id, job.clone());
        state.handle(Event::JobSubmitted { job: job.id, stages: specs });
        drop(state);
        Ok((job, wanted))
    }

    fn wait(
        &self,
        job: &Arc<Job>,
        wanted: &[usize],
        interrupted: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Partition>> {
        let mut progress = job.progress.lock();
        while progress.end.is_none() {
            progress = job.ended.wait_for(progress, POLL);
            if progress.end.is_some() {
                break;
            }
            drop(progress);
            if let Err(error) = interrupted() {
                self.cancel(job, error);
            }
            progress = job.progress.lock();
        }
        let end = progress.end.take().unwrap_or(Err(Error::Cancelled));
        let results = std::mem::take(&mut progress.results);
        let updates = std::mem::take(&mut progress.updates);
        drop(progress);
        if !updates.is_empty() {
            self.backend.apply(updates);
        }
        end?;
        Ok(wanted.iter().map(|p| results.get(p).cloned().unwrap_or_default()).collect())
    }

    fn cancel(&self, job: &Job, error: Error) {
        let mut state = self.state.lock();
        state.jobs.remove(&job.id);
        state.handle(Event::JobCancelled { job: job.id });
        drop(state);
        job.end(Err(error));
    }

    /// Runs tasks until the queue is closed.
    fn execute(&self, slot: usize, queue: &Receiver<(Arc<Job>, Launch)>) {
        self.backend.executor_started(slot);
        for (job, launch) in queue {
            let event = self.run_task(slot, &job, launch);
            // Before the next wait, so that a finished job's data are not held by an idle executor.
            drop(job);
            self.state.lock().handle(event);
        }
    }

    /// What a job finds no more because keys are hashed otherwise by now, it would compute in vain.
    fn or_outlived(&self, error: TaskError, job: &Job) -> TaskError {
        let outlived = self.backend.hashing() != job.hashing;
        match error {
            TaskError::FetchFailed { .. } if outlived => {
                TaskError::Fatal(rehashed(&*self.backend, "run the job"))
            }
            other => other,
        }
    }

    fn run_task(&self, slot: usize, job: &Job, launch: Launch) -> Event {
        let task = launch.task;
        let Some(stage) = job.stages.get(&launch.stage) else {
            return Event::TaskFailed { task, failure: Failure::Fatal };
        };
        let cx = TaskContext {
            slot,
            task,
            stage: launch.stage,
            partition: launch.partition,
            attempt: launch.attempt,
            hashing: job.hashing,
            properties: job.properties.clone(),
            updates: Lock::default(),
        };
        let run = TaskRun {
            backend: &*self.backend,
            storage: &self.storage,
            segments: &job.segments,
            cx: &cx,
        };
        let outcome = panics::catch(|| run.run(stage))
            .unwrap_or_else(|panic| Err(TaskError::User(Arc::new(panic))))
            .map_err(|error| self.or_outlived(error, job));
        let mut progress = job.progress.lock();
        match outcome {
            Ok(blocks) => {
                progress.updates.append(&mut cx.updates.lock());
                if matches!(stage.output, StageOutput::Result) {
                    progress.results.insert(launch.partition, blocks);
                }
                Event::TaskFinished { task }
            }
            Err(error) => {
                let failure = failure_of(&error);
                progress.failures.insert(task, (launch.partition, error));
                Event::TaskFailed { task, failure }
            }
        }
    }
}

impl State {
    /// Feeds an event to the scheduler and carries its actions out.
    fn handle(&mut self, event: Event) {
        for action in self.scheduler.handle(event) {
            match action {
                Action::LaunchTask(launch) => {
                    if let (Some(job), Some(queue)) = (self.jobs.get(&launch.job), &self.queue) {
                        // Fails only when every executor is gone, and then nobody waits.
                        let _ = queue.send((job.clone(), launch));
                    }
                }
                Action::FinishJob { job } => {
                    if let Some(job) = self.jobs.remove(&job) {
                        job.end(Ok(()));
                    }
                }
                Action::FailJob { job, task, attempts } => {
                    if let Some(job) = self.jobs.remove(&job) {
                        let error = job.failure(task, attempts);
                        job.end(Err(error));
                    }
                }
            }
        }
    }
}

impl Job {
    fn end(&self, end: Result<()>) {
        let mut progress = self.progress.lock();
        if progress.end.is_none() {
            progress.end = Some(end);
        }
        drop(progress);
        self.ended.notify();
    }

    fn failure(&self, task: TaskId, attempts: u32) -> Error {
        let Some((partition, error)) = self.progress.lock().failures.remove(&task) else {
            return Error::Internal(format!("task {task} failed without a reason"));
        };
        match error {
            TaskError::Fatal(error) => error,
            TaskError::User(error) => Error::User { error, partition, attempts },
            TaskError::ExecutorLost(message) => {
                Error::ExecutorLost { partition, attempts, message }
            }
            TaskError::FetchFailed { shuffle, map } => Error::Internal(format!(
                "the output of map partition {map} of shuffle {shuffle} was lost {attempts} times"
            )),
        }
    }
}

fn spec_of(stage: &Stage) -> StageSpec {
    let shuffle = match &stage.output {
        StageOutput::Result => None,
        StageOutput::Shuffle(shuffle) => Some(shuffle.id),
    };
    let (partitions, parents) = (stage.partitions.clone(), stage.parents.clone());
    StageSpec { stage: stage.id, shuffle, partitions, parents }
}

fn failure_of(error: &TaskError) -> Failure {
    match error {
        TaskError::User(error) => Failure::User(format!("{}: {}", error.kind, error.message)),
        TaskError::ExecutorLost(_) => Failure::ExecutorLost,
        TaskError::FetchFailed { shuffle, map } => {
            Failure::FetchFailed { shuffle: *shuffle, map: *map }
        }
        TaskError::Fatal(_) => Failure::Fatal,
    }
}

fn spawn_executor(
    core: &Arc<Core>,
    queue: &Receiver<(Arc<Job>, Launch)>,
    slot: usize,
) -> Result<JoinHandle<()>> {
    let (core, queue) = (core.clone(), queue.clone());
    std::thread::Builder::new()
        .name(format!("executor-{slot}"))
        .spawn(move || core.execute(slot, &queue))
        .map_err(|error| Error::io("starting an executor thread", error))
}

/// Blocks in memory as a source.
struct Blocks {
    label: String,
    partitions: Vec<Partition>,
}

impl Source for Blocks {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn partitions(&self) -> Result<usize> {
        Ok(self.partitions.len())
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn is_text(&self) -> bool {
        let is_text = |block: &BlockRef| block.as_any().is::<TextBlock>();
        self.partitions.iter().flatten().next().is_some_and(is_text)
    }

    fn read(&self, partition: usize) -> Result<Partition> {
        Ok(self.partitions[partition].clone())
    }
}
