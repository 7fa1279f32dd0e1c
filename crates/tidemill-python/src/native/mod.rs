//! Runs the compiled part of a stage on blocks of text or of typed records.
//!
//! A stage is cut into phases: a chain of operators that compiled code fuses, then a sink that takes all its
//! records before the next phase begins (a grouping, a reduction, a count). How the data are typed is known when they
//! are there, so a stage is compiled when its first block comes, once per type of input. What is not
//! compiled follows in the worker, which gets the records of the last compiled phase.

mod input;
mod join;
mod phase;
mod plan;
mod redo;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidemill::block::{BlockRef, Partition};
use tidemill::Error;
use tidemill::exec::TaskError;
use tidemill_udf::{Records, Type};

pub use input::Input;
pub use join::Sides;
use join::Join;
use phase::{Ended, Phase};
pub use plan::{Part, Plan};
pub use redo::{Redone, redone};

use crate::block::TypedBlock;
use crate::groups::bucket_of;
use crate::report::InputReport;

/// A chain that gives up more than one row in this many is not worth it.
const WORTH: usize = 2;
/// Rows that are looked at before a chain is compiled.
const SAMPLES: usize = 256;
/// Rows after which that is judged.
const JUDGED: usize = 1000;

/// Runs a part of the stage in the worker.
pub type InWorker<'w> = dyn FnMut(&Part, &[Partition]) -> Result<Vec<Partition>, TaskError> + 'w;

/// The compiled part of a stage, for one type of input.
pub struct Native {
    join: Option<Join>,
    phases: Vec<Phase>,
    /// The operator that the worker goes on with; `None` if nothing is left.
    rest: Option<usize>,
    counts: Counts,
}

/// What a stage reads.
pub enum Source<'a> {
    /// Rows of one type.
    Rows(Input<'a>),
    /// Two sides to be joined.
    Sides(Sides<'a>),
}

impl Source<'_> {
    /// What code is made for.
    pub fn ty(&self) -> Type {
        match self {
            Source::Rows(rows) => rows.ty(),
            Source::Sides(sides) => sides.ty(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Source::Rows(rows) => rows.ty().to_string(),
            Source::Sides(sides) => sides.describe(),
        }
    }

    fn first(&self, count: usize) -> Vec<Vec<u64>> {
        match self {
            Source::Rows(rows) => rows.first(count),
            Source::Sides(_) => Vec::new(),
        }
    }
}

/// Rows so far, and those given up.
#[derive(Default)]
pub struct Counts {
    seen: AtomicUsize,
    given_up: AtomicUsize,
}

impl Counts {
    fn add(&self, seen: usize, given_up: usize) {
        self.seen.fetch_add(seen, Ordering::Relaxed);
        self.given_up.fetch_add(given_up, Ordering::Relaxed);
    }
}

impl Native {
    /// Compiles as many phases of a plan as can be, for an input whose first rows show what documents
    /// look like.
    pub fn compile(plan: &Plan, input: &Source<'_>) -> InputReport {
        let mut phases: Vec<Phase> = Vec::new();
        let mut made = InputReport {
            input: input.describe(),
            rest: plan.rest,
            reason: None,
            left: Vec::new(),
            native: None,
        };
        let (mut ty, mut join) = (input.ty(), None);
        if let (Some(planned), Source::Sides(sides)) = (&plan.join, input) {
            match Join::new(planned, sides) {
                Ok(made) => {
                    ty = made.result().clone();
                    join = Some(made);
                }
                Err(reason) => {
                    (made.rest, made.reason) = (Some(0), Some(reason.to_string()));
                    return made;
                }
            }
        }
        let first = input.first(SAMPLES);
        let mut samples: Vec<&[u64]> = first.iter().map(Vec::as_slice).collect();
        for planned in &plan.phases {
            let (phase, stopped) = Phase::new(planned, &ty, &samples);
            // Those of the phases that follow are not there yet.
            samples.clear();
            if let Some(phase) = phase {
                ty = phase.result().clone();
                made.left.extend(phase.left_out());
                phases.push(phase);
            }
            if let Some((operator, reason)) = stopped {
                (made.rest, made.reason) = (Some(operator), Some(reason.to_string()));
                break;
            }
        }
        if made.rest.is_none() && plan.splits && !splits(&ty) {
            made.reason = Some(format!("records of type {ty} are not split by key"));
            made.rest = Some(plan.operators);
        }
        if let (Some(last), None) = (phases.last_mut(), made.rest) {
            last.is_last();
        }
        let rest = made.rest;
        if join.is_some() || !phases.is_empty() || (rest.is_none() && plan.splits) {
            made.native = Some(Arc::new(Native { join, phases, rest, counts: Counts::default() }));
        }
        made
    }

    /// Rows so far, and those that were given up.
    pub fn counts(&self) -> (usize, usize) {
        let Counts { seen, given_up } = &self.counts;
        (seen.load(Ordering::Relaxed), given_up.load(Ordering::Relaxed))
    }

    /// Whether it still pays.
    pub fn is_worth_it(&self) -> bool {
        let (seen, given_up) = self.counts();
        seen < JUDGED || given_up * WORTH <= seen
    }

    /// Runs it on a partition, then the rest of the stage in the worker; `buckets` is 0 for a stage that does
    /// not split its records.
    pub fn run(
        &self,
        input: Partition,
        buckets: usize,
        worker: &mut InWorker<'_>,
    ) -> Result<Vec<Partition>, TaskError> {
        let mut current = match &self.join {
            Some(join) => joined(join, &input)?,
            None => input,
        };
        let last = self.phases.len().saturating_sub(1);
        for (at, phase) in self.phases.iter().enumerate() {
            let finish = if at == last && self.rest.is_none() { buckets } else { 0 };
            match phase.run(&current, finish, &self.counts, worker)? {
                Ended::Records(runs) if at == last && self.rest.is_none() => {
                    return Ok(runs.into_iter().map(|run| vec![typed(run)]).collect());
                }
                Ended::Records(runs) => current = runs.into_iter().map(typed).collect(),
                Ended::Partitions(result) => return Ok(result),
            }
        }
        match self.rest {
            Some(operator) => worker(&Part::From { operator }, &[current]),
            None if buckets == 0 => Ok(vec![current]),
            None => Ok(split(&current, buckets)),
        }
    }
}

/// The records of a join.
fn joined(join: &Join, blocks: &Partition) -> Result<Partition, TaskError> {
    let records = Sides::of(blocks).and_then(|sides| join.run(&sides));
    let records = records.ok_or_else(|| Error::Internal("sides of another type".into()))?;
    Ok(vec![typed(records)])
}

fn typed(records: Records) -> BlockRef {
    Arc::new(TypedBlock(records))
}

fn splits(ty: &Type) -> bool {
    tidemill_udf::pair_of(ty).is_some_and(|(key, _)| key.is_key())
}

/// Deals the records of blocks out by key, where there is no compiled phase before.
fn split(blocks: &[BlockRef], buckets: usize) -> Vec<Partition> {
    let Some(input) = Input::of(blocks) else { return vec![Vec::new(); buckets] };
    let mut dealt = Deal::new(&input.ty(), buckets);
    let _ = input.each(|record| {
        // SAFETY: records of the input's type, which is alive.
        unsafe { dealt.push(record) };
        std::ops::ControlFlow::Continue(())
    });
    dealt.runs.into_iter().map(|run| vec![typed(run)]).collect()
}

/// Records by the bucket of their key; one bucket takes records of any type.
pub(crate) struct Deal {
    key: Type,
    pub(crate) runs: Vec<Records>,
}

impl Deal {
    pub(crate) fn new(ty: &Type, buckets: usize) -> Deal {
        let key = tidemill_udf::pair_of(ty).map_or(Type::None, |(key, _)| key.clone());
        Deal { key, runs: (0..buckets.max(1)).map(|_| Records::new(ty)).collect() }
    }

    /// # Safety
    /// The record must be one of the type, and what it points to alive.
    pub(crate) unsafe fn push(&mut self, record: &[u64]) {
        let bucket = match self.runs.len() {
            1 => 0,
            buckets => bucket_of(&self.key, &record[..self.key.slots()], buckets),
        };
        // SAFETY: the caller's promise.
        unsafe { self.runs[bucket].push(record) };
    }
}
