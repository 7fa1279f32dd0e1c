//! The scheduler's state and its one entry point, [`Scheduler::handle`].
//!
//! Invariants: never more than `slots` tasks run; a stage's tasks start when its parents are
//! complete; a partition has at most one running attempt; attempts are bounded.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::{Action, Config, Event, Failure, Launch, StageSpec};
use crate::ids::{JobId, ShuffleId, StageId, TaskId};

/// The state machine. See the [module](super).
///
/// ```
/// use tidemill::ids::{JobId, StageId};
/// use tidemill::scheduler::{Action, Config, Event, Scheduler, StageSpec};
///
/// let mut scheduler = Scheduler::new(Config { slots: 1, max_attempts: 4 });
/// let stage = StageSpec { stage: StageId(0), shuffle: None, partitions: vec![0], parents: vec![] };
/// let actions = scheduler.handle(Event::JobSubmitted { job: JobId(0), stages: vec![stage] });
/// let Action::LaunchTask(launch) = &actions[0] else { unreachable!() };
/// let actions = scheduler.handle(Event::TaskFinished { task: launch.task });
/// assert_eq!(actions, [Action::FinishJob { job: JobId(0) }]);
/// ```
#[derive(Debug)]
pub struct Scheduler {
    config: Config,
    jobs: BTreeMap<JobId, Job>,
    running: HashMap<TaskId, Launch>,
    ready: VecDeque<(JobId, StageId, usize)>,
    next_task: u64,
}

#[derive(Debug)]
struct Job {
    stages: HashMap<StageId, StageState>,
    order: Vec<StageId>,
    tries: HashMap<(StageId, usize), Tries>,
}

#[derive(Debug)]
struct StageState {
    spec: StageSpec,
    pending: HashSet<usize>,
    queued: HashSet<usize>,
}

#[derive(Debug, Default)]
struct Tries {
    attempts: u32,
    last_exception: Option<String>,
}

impl Scheduler {
    /// An idle scheduler.
    pub fn new(config: Config) -> Self {
        Scheduler {
            config,
            jobs: BTreeMap::new(),
            running: HashMap::new(),
            ready: VecDeque::new(),
            next_task: 0,
        }
    }

    /// Takes one event and says what is to be done now.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::JobSubmitted { job, stages } => self.submit(job, stages, &mut actions),
            Event::TaskFinished { task } => self.finished(task, &mut actions),
            Event::TaskFailed { task, failure } => self.failed(task, failure, &mut actions),
            Event::JobCancelled { job } => self.forget(job),
        }
        self.fill_slots(&mut actions);
        actions
    }

    /// Number of tasks that run now.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn submit(&mut self, id: JobId, specs: Vec<StageSpec>, actions: &mut Vec<Action>) {
        let order = specs.iter().map(|spec| spec.stage).collect();
        let stages = specs.into_iter().map(|spec| (spec.stage, StageState::new(spec))).collect();
        self.jobs.insert(id, Job { stages, order, tries: HashMap::new() });
        self.advance(id, actions);
    }

    fn finished(&mut self, task: TaskId, actions: &mut Vec<Action>) {
        let Some(launch) = self.running.remove(&task) else {
            return;
        };
        if let Some(stage) = self.stage_of(&launch) {
            stage.pending.remove(&launch.partition);
            stage.queued.remove(&launch.partition);
            self.advance(launch.job, actions);
        }
    }

    fn failed(&mut self, task: TaskId, failure: Failure, actions: &mut Vec<Action>) {
        let Some(launch) = self.running.remove(&task) else {
            return;
        };
        let max_attempts = self.config.max_attempts;
        let Some(job) = self.jobs.get_mut(&launch.job) else {
            return;
        };
        let tries = job.tries.entry((launch.stage, launch.partition)).or_default();
        tries.attempts += 1;
        let attempts = tries.attempts;
        let hopeless = match &failure {
            Failure::User(text) => {
                tries.last_exception.replace(text.clone()).as_ref() == Some(text)
            }
            Failure::Fatal => true,
            Failure::ExecutorLost | Failure::FetchFailed { .. } => false,
        };
        if hopeless || attempts >= max_attempts {
            self.forget(launch.job);
            actions.push(Action::FailJob { job: launch.job, task, attempts });
            return;
        }
        if let Failure::FetchFailed { shuffle, map } = failure {
            job.recompute(shuffle, map);
        }
        if let Some(stage) = self.stage_of(&launch) {
            stage.queued.remove(&launch.partition);
        }
        self.advance(launch.job, actions);
    }

    /// Queues what can run now; finishes the job when its last stage is complete.
    fn advance(&mut self, id: JobId, actions: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        if job.is_complete() {
            self.forget(id);
            actions.push(Action::FinishJob { job: id });
            return;
        }
        for (stage, partition) in job.runnable() {
            self.ready.push_back((id, stage, partition));
        }
    }

    fn fill_slots(&mut self, actions: &mut Vec<Action>) {
        while self.running.len() < self.config.slots {
            let Some((job, stage, partition)) = self.ready.pop_front() else {
                return;
            };
            let Some(state) = self.jobs.get(&job) else {
                continue;
            };
            let attempt = state.tries.get(&(stage, partition)).map_or(0, |tries| tries.attempts);
            let task = TaskId(self.next_task);
            self.next_task += 1;
            let launch = Launch { task, job, stage, partition, attempt };
            self.running.insert(task, launch);
            actions.push(Action::LaunchTask(launch));
        }
    }

    /// Drops a job; its running tasks keep their slots until they end.
    fn forget(&mut self, id: JobId) {
        self.jobs.remove(&id);
        self.ready.retain(|(job, _, _)| *job != id);
    }

    fn stage_of(&mut self, launch: &Launch) -> Option<&mut StageState> {
        self.jobs.get_mut(&launch.job)?.stages.get_mut(&launch.stage)
    }
}

impl Job {
    fn is_complete(&self) -> bool {
        self.order.last().is_none_or(|last| self.stages[last].pending.is_empty())
    }

    /// Partitions whose stage's parents are complete and that are not queued yet; marks them queued.
    fn runnable(&mut self) -> Vec<(StageId, usize)> {
        let complete: HashSet<StageId> = self
            .stages
            .values()
            .filter(|stage| stage.pending.is_empty())
            .map(|stage| stage.spec.stage)
            .collect();
        let mut found = Vec::new();
        for id in &self.order {
            let Some(stage) = self.stages.get_mut(id) else {
                continue;
            };
            if stage.spec.parents.iter().all(|parent| complete.contains(parent)) {
                found.extend(stage.take_runnable().into_iter().map(|partition| (*id, partition)));
            }
        }
        found
    }

    /// A lost map output: its partition is pending again, in the stage that makes it.
    fn recompute(&mut self, shuffle: ShuffleId, map: usize) {
        let maker = self.stages.values_mut().find(|stage| stage.spec.shuffle == Some(shuffle));
        if let Some(stage) = maker
            && stage.pending.insert(map)
        {
            stage.queued.remove(&map);
            if !stage.spec.partitions.contains(&map) {
                stage.spec.partitions.push(map);
            }
        }
    }
}

impl StageState {
    fn new(spec: StageSpec) -> Self {
        let pending = spec.partitions.iter().copied().collect();
        StageState { spec, pending, queued: HashSet::new() }
    }

    fn take_runnable(&mut self) -> Vec<usize> {
        let free: Vec<usize> = self
            .spec
            .partitions
            .iter()
            .copied()
            .filter(|p| self.pending.contains(p) && !self.queued.contains(p))
            .collect();
        self.queued.extend(&free);
        free
    }
}
