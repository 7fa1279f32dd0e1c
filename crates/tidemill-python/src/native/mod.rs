//! Runs the compiled part of a stage on blocks of text or of typed records.
//!
//! A stage is cut into phases: a chain of operators that compiled code fuses, then a sink that takes all its
//! records before the next phase begins (a grouping, a reduction, a count). How the data are typed is known when they
//! are there, so a stage is compiled when its first block comes, once per type of input. What is not
//! compiled follows in the worker, which gets the records of the last compiled phase.

mod counts;
mod input;
mod join;
mod phase;
mod plan;
mod redo;
mod sink;

use std::sync::Arc;

use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill_udf::{Records, Type};

pub use counts::{Counts, Sites};
pub use input::Input;
use join::Join;
pub use join::Sides;
use phase::{Ended, Phase};
pub use plan::{Part, Plan};
pub use redo::{Redone, redone};

use crate::block::TypedBlock;
use crate::groups::bucket_of;
use crate::report::{Counted, InputReport};

/// Types of input for which the functions of one stage are compiled.
pub const MOST_TYPES: usize = 64;
/// Rows that are looked at before a chain is compiled.
const SAMPLES: usize = 256;

/// Runs a part of the stage in the worker.
pub type InWorker<'w> = dyn FnMut(&Part, &[Partition]) -> Result<Vec<Partition>, TaskError> + 'w;

/// The compiled part of a stage, for one type of input.
pub struct Native {
    join: Option<Join>,
    phases: Vec<Phase>,
    /// The operator that the worker goes on with; `None` if nothing is left.
    rest: Option<usize>,
    counts: Arc<Counts>,
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

    fn samples(&self, from: Sampled) -> Vec<Vec<u64>> {
        match (self, from) {
            (Source::Rows(rows), Sampled::First) => rows.first(SAMPLES),
            (Source::Rows(rows), Sampled::Everywhere) => rows.spread(SAMPLES),
            (Source::Sides(_), _) => Vec::new(),
        }
    }
}

/// Which rows show what documents look like.
#[derive(Clone, Copy)]
pub enum Sampled {
    /// The first ones.
    First,
    /// Some from all over the input.
    Everywhere,
}

impl Native {
    /// Compiles as many phases of a plan as can be, for an input some of whose rows show what documents look like;
    /// tells what became of it.
    pub fn compile(
        plan: &Plan,
        input: &Source<'_>,
        from: Sampled,
    ) -> (InputReport, Option<Arc<Native>>) {
        let mut phases: Vec<Phase> = Vec::new();
        let mut made = InputReport {
            input: input.describe(),
            rest: plan.rest,
            reason: None,
            ..InputReport::interpreted()
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
                    return (made, None);
                }
            }
        }
        let first = input.samples(from);
        let mut samples: Vec<&[u64]> = first.iter().map(Vec::as_slice).collect();
        let mut made_of_samples: Vec<Records>;
        if let (Some(join), Source::Sides(sides)) = (&join, input) {
            made_of_samples = join.run(sides, SAMPLES).into_iter().collect();
            samples = rows_of(&made_of_samples);
        }
        for planned in &plan.phases {
            let (phase, stopped) = Phase::new(planned, &ty, &samples);
            if let Some(phase) = &phase {
                // SAFETY: the samples are of the phase's input, or of the phase before.
                made_of_samples = unsafe { phase.sample(&samples) }.unwrap_or_default();
                samples = rows_of(&made_of_samples);
            }
            if let Some(phase) = phase {
                ty = phase.result().clone();
                made.left.extend(phase.left_out());
                made.chains.push(phase.chain());
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
        if join.is_none() && phases.is_empty() && (rest.is_some() || !plan.splits) {
            return (made, None);
        }
        let counts = Arc::new(Counts::default());
        made.counted = Some(Counted::Rows(counts.clone()));
        (made, Some(Arc::new(Native { join, phases, rest, counts })))
    }

    /// Whether it still pays.
    pub fn is_worth_it(&self) -> bool {
        self.counts.is_worth_it()
    }

    /// Whether other documents may make better code of it.
    pub fn has_looked(&self) -> bool {
        self.phases.iter().any(Phase::has_looked)
    }

    /// Whether both were made for documents that look the same.
    pub fn saw_the_same(&self, other: &Native) -> bool {
        let pairs = self.phases.iter().zip(&other.phases);
        self.phases.len() == other.phases.len() && pairs.into_iter().all(|(a, b)| a.saw_the_same(b))
    }

    /// Says that it was made again.
    pub fn is_replaced(&self) {
        self.counts.is_replaced();
    }

    /// Runs it on a partition, then the rest of the stage in the worker; `buckets` is 0 for a stage that does
    /// not split its records. `None` if a join has too many pairs for it.
    pub fn run(
        &self,
        input: Partition,
        buckets: usize,
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        let joined = match &self.join {
            Some(join) => joined(join, &input),
            None => Some(input),
        };
        let Some(input) = joined else { return Ok(None) };
        let counts = Counts::default();
        let result = self.run_phases(input, buckets, &counts, worker)?;
        self.counts.add_run(counts);
        Ok(Some(result))
    }

    fn run_phases(
        &self,
        input: Partition,
        buckets: usize,
        counts: &Counts,
        worker: &mut InWorker<'_>,
    ) -> Result<Vec<Partition>, TaskError> {
        let mut current = input;
        let last = self.phases.len().saturating_sub(1);
        for (at, phase) in self.phases.iter().enumerate() {
            let finish = if at == last && self.rest.is_none() { buckets } else { 0 };
            match phase.run(&current, finish, counts, worker)? {
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
            None => match split(&current, buckets) {
                Some(buckets) => Ok(buckets),
                // No phase has taken the records of other types.
                None => worker(&Part::From { operator: 0 }, &[current]),
            },
        }
    }
}

/// The records of a join, if they are not too many.
fn joined(join: &Join, blocks: &Partition) -> Option<Partition> {
    let records = Sides::of(blocks).and_then(|sides| join.run(&sides, usize::MAX))?;
    Some(vec![typed(records)])
}

fn rows_of(runs: &[Records]) -> Vec<&[u64]> {
    runs.iter().flat_map(Records::iter).take(SAMPLES).collect()
}

fn typed(records: Records) -> BlockRef {
    Arc::new(TypedBlock(records))
}

fn splits(ty: &Type) -> bool {
    tidemill_udf::pair_of(ty).is_some_and(|(key, _)| key.is_key())
}

/// Deals the records of blocks out by key, where there is no compiled phase before; `None` if they are not of one type.
fn split(blocks: &[BlockRef], buckets: usize) -> Option<Vec<Partition>> {
    if blocks.iter().all(|block| block.is_empty()) {
        return Some(vec![Vec::new(); buckets]);
    }
    let input = Input::of(blocks)?;
    let mut dealt = Deal::new(&input.ty(), buckets);
    let _ = input.each(|record| {
        // SAFETY: records of the input's type, which is alive.
        unsafe { dealt.push(record) };
        std::ops::ControlFlow::Continue(())
    });
    Some(dealt.runs.into_iter().map(|run| vec![typed(run)]).collect())
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
