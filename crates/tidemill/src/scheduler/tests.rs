//! The scheduler against a fake cluster: named cases, then random events with the invariants checked.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn stage(id: u64, partitions: usize, parents: &[u64]) -> StageSpec {
    StageSpec {
        stage: StageId(id),
        shuffle: Some(ShuffleId(id)),
        partitions: (0..partitions).collect(),
        parents: parents.iter().map(|&id| StageId(id)).collect(),
    }
}

fn launches(actions: &[Action]) -> Vec<Launch> {
    let launch = |action: &Action| match action {
        Action::LaunchTask(launch) => Some(*launch),
        _ => None,
    };
    actions.iter().filter_map(launch).collect()
}

fn submit(scheduler: &mut Scheduler, stages: Vec<StageSpec>) -> Vec<Launch> {
    launches(&scheduler.handle(Event::JobSubmitted { job: JobId(1), stages }))
}

fn scheduler(slots: usize) -> Scheduler {
    Scheduler::new(Config { slots, max_attempts: 4 })
}

#[test]
fn children_wait_for_parents() {
    let mut s = scheduler(4);
    let first = submit(&mut s, vec![stage(0, 2, &[]), stage(1, 1, &[0])]);
    assert_eq!(first.len(), 2);
    assert!(s.handle(Event::TaskFinished { task: first[0].task }).is_empty());
    let next = launches(&s.handle(Event::TaskFinished { task: first[1].task }));
    assert_eq!(next[0].stage, StageId(1));
    let end = s.handle(Event::TaskFinished { task: next[0].task });
    assert_eq!(end, [Action::FinishJob { job: JobId(1) }]);
}

#[test]
fn a_job_without_partitions_finishes_at_once() {
    let mut s = scheduler(1);
    let actions = s.handle(Event::JobSubmitted { job: JobId(1), stages: vec![stage(0, 0, &[])] });
    assert_eq!(actions, [Action::FinishJob { job: JobId(1) }]);
}

#[test]
fn a_repeating_exception_fails_on_the_second_attempt() {
    let mut s = scheduler(1);
    let task = submit(&mut s, vec![stage(0, 1, &[])])[0].task;
    let failure = Failure::User("ValueError: x".into());
    let again = launches(&s.handle(Event::TaskFailed { task, failure: failure.clone() }));
    assert_eq!(again[0].attempt, 1);
    let end = s.handle(Event::TaskFailed { task: again[0].task, failure });
    let expected = Action::FailJob { job: JobId(1), task: again[0].task, attempts: 2 };
    assert_eq!(end, [expected]);
}

#[test]
fn lost_executors_are_tried_four_times() {
    let mut s = scheduler(1);
    let mut task = submit(&mut s, vec![stage(0, 1, &[])])[0].task;
    for attempt in 1..4 {
        let failure = Failure::ExecutorLost;
        let next = launches(&s.handle(Event::TaskFailed { task, failure }));
        assert_eq!(next[0].attempt, attempt);
        task = next[0].task;
    }
    let end = s.handle(Event::TaskFailed { task, failure: Failure::ExecutorLost });
    assert_eq!(end, [Action::FailJob { job: JobId(1), task, attempts: 4 }]);
}

#[test]
fn a_lost_map_output_is_computed_again_first() {
    let mut s = scheduler(2);
    let maps = submit(&mut s, vec![stage(0, 2, &[]), stage(1, 1, &[0])]);
    s.handle(Event::TaskFinished { task: maps[0].task });
    let reduce = launches(&s.handle(Event::TaskFinished { task: maps[1].task }));
    let failure = Failure::FetchFailed { shuffle: ShuffleId(0), map: 1 };
    let redo = launches(&s.handle(Event::TaskFailed { task: reduce[0].task, failure }));
    assert_eq!((redo.len(), redo[0].stage, redo[0].partition), (1, StageId(0), 1));
    let reduce = launches(&s.handle(Event::TaskFinished { task: redo[0].task }));
    assert_eq!((reduce[0].stage, reduce[0].attempt), (StageId(1), 1));
}

proptest! {
    /// Whatever happens to its tasks, a job ends, once, and never uses more slots than there are.
    #[test]
    fn every_job_ends(slots in 1_usize..4, sizes in prop::collection::vec(0_usize..5, 1..4),
                      dice in prop::collection::vec(0_u8..10, 200)) {
        let mut s = scheduler(slots);
        let stages: Vec<StageSpec> = sizes
            .iter()
            .enumerate()
            .map(|(i, &n)| stage(i as u64, n, &if i > 0 { vec![i as u64 - 1] } else { vec![] }))
            .collect();
        let mut actions = s.handle(Event::JobSubmitted { job: JobId(1), stages });
        let mut open: Vec<Launch> = Vec::new();
        let mut live: HashSet<(StageId, usize)> = HashSet::new();
        let mut ended = 0;
        let mut dice = dice.into_iter().cycle();
        for _ in 0..1000 {
            for launch in launches(&actions) {
                prop_assert!(live.insert((launch.stage, launch.partition)), "ran twice at a time");
                open.push(launch);
            }
            ended += actions.iter().filter(|a| !matches!(a, Action::LaunchTask(_))).count();
            prop_assert!(s.running() <= slots);
            let Some(launch) = open.pop() else { break };
            live.remove(&(launch.stage, launch.partition));
            let task = launch.task;
            actions = s.handle(match dice.next() {
                Some(0) => Event::TaskFailed { task, failure: Failure::ExecutorLost },
                Some(1) => Event::TaskFailed { task, failure: Failure::User("E".into()) },
                Some(2) if launch.stage.0 > 0 => Event::TaskFailed {
                    task,
                    failure: Failure::FetchFailed { shuffle: ShuffleId(launch.stage.0 - 1), map: 0 },
                },
                _ => Event::TaskFinished { task },
            });
        }
        prop_assert_eq!(ended, 1);
        prop_assert_eq!(s.running(), 0);
    }
}
