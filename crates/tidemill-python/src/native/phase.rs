//! One phase: a compiled chain and the sink that takes its records.
//!
//! A row that native code gives up is run by the worker with the user's own functions; its records come back
//! and take the row's place, so order, values and side effects are Python's. Records go to the sink in
//! runs while no row is given up; from the first one on they wait for the worker's. Where the sink leaves something
//! to CPython, the worker gets what the sink holds as if it were the first records, then the others. Where it
//! could print or fail, the worker runs the given-up rows in step with it, because in CPython the rows'
//! effects and errors take turns with those of what follows.

use std::ops::ControlFlow;
use std::sync::Arc;

use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::{Error, Result};
use tidemill_udf::{Call, Compiled, Reason, Records, RowOutcome, Rows, Step, Type, has_pointers};
use tidemill_udf::{pair_of, pickle};

use super::input::{GivenUp, Input};
use super::plan::{Part, PhasePlan, SinkPlan};
use super::redo::{Redone, redone};
use super::{Counts, Deal, InWorker, Sites};
use crate::block::DataBlock;
use crate::groups::{Collect, Groups, MOST_SLOTS};

/// Records that go to the sink at a time.
const RUN: usize = 512;

/// What takes the records of a chain.
enum Sink {
    None,
    Group,
    Runs,
    Merge,
    Reduce(Call),
    Combine(Box<(Call, Call)>),
    Take(usize),
    Count,
    Total(Call),
}

/// A compiled phase.
pub struct Phase {
    first: usize,
    end: usize,
    /// Nothing if the sink takes the input as it is.
    chain: Option<Compiled>,
    record: Type,
    sink: Sink,
    result: Type,
    /// Whether the worker follows without a sink in between.
    followed: bool,
    /// Whether a given-up row may have effects after its first record.
    effects: bool,
}

/// How a phase ended.
pub enum Ended {
    /// With records, a run per bucket.
    Records(Vec<Records>),
    /// In the worker, which has done the rest of the stage too.
    Partitions(Vec<Partition>),
}

impl Phase {
    /// Compiles what can be of a planned phase, for records of type `input`; and the operator that is the
    /// worker's, if one is, with the reason.
    pub fn new(
        planned: &PhasePlan,
        input: &Type,
        samples: &[&[u64]],
    ) -> (Option<Phase>, Option<(usize, Reason)>) {
        let first = planned.first;
        let mut steps = planned.steps.clone();
        if planned.sink.as_ref().is_some_and(SinkPlan::takes_pairs) && !steps.is_empty() {
            steps.push(Step::Pair);
        }
        let whole = planned.steps.len();
        let mut phase = Phase {
            first,
            end: first + whole,
            chain: None,
            record: input.clone(),
            sink: Sink::None,
            result: input.clone(),
            followed: true,
            effects: planned.effects,
        };
        if whole > 0 {
            let (chain, steps, reason) = longest(&steps, input, samples);
            let Some(chain) = chain else { return (None, reason.map(|reason| (first, reason))) };
            phase.end = first + steps.min(whole);
            phase.record = chain.record().clone();
            phase.result = phase.record.clone();
            phase.chain = Some(chain);
            if let Some(reason) = reason {
                let end = phase.end;
                return (Some(phase), Some((end, reason)));
            }
        }
        let Some(sink) = &planned.sink else { return (Some(phase), None) };
        match compile_sink(sink, &phase.record) {
            Ok((sink, result)) => {
                (phase.sink, phase.result) = (sink, result);
                (Some(phase), None)
            }
            Err(reason) => {
                let end = phase.end;
                (phase.chain.is_some().then_some(phase), Some((end, reason)))
            }
        }
    }

    /// What of its chain is left to CPython, row by row.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        self.chain.iter().flat_map(|chain| chain.left_out().iter().map(Reason::to_string))
    }

    /// The type of its records.
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// What becomes of rows, as far as native code does them: so that the next phase can be compiled for what its
    /// documents look like.
    ///
    /// # Safety
    /// The rows must be of the input's type, and alive.
    pub unsafe fn sample(&self, rows: &[&[u64]]) -> Result<Vec<Records>> {
        let mut taken = Taken::new(self, 0)?;
        let mut done = self.begin();
        for row in rows {
            match &self.chain {
                // SAFETY: the caller's promise.
                Some(chain) => _ = unsafe { chain.row(&mut done, row) },
                None => done.push(row),
            }
        }
        taken.drain_all(&mut done);
        Ok(taken.finish())
    }

    fn begin(&self) -> Rows<'static> {
        match &self.chain {
            Some(chain) => chain.begin(),
            None => Rows::of_width(self.record.slots()),
        }
    }

    /// Whether it was made for what documents looked like.
    pub fn has_looked(&self) -> bool {
        self.chain.as_ref().is_some_and(Compiled::has_looked)
    }

    /// Whether both were made for documents that look the same.
    pub fn saw_the_same(&self, other: &Phase) -> bool {
        match (&self.chain, &other.chain) {
            (Some(one), Some(other)) => one.saw_the_same(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// Nothing follows it in the stage.
    pub fn is_last(&mut self) {
        self.followed = false;
    }

    /// Whether what follows may have effects or errors of its own.
    fn is_in_step(&self) -> bool {
        let alone = matches!(self.sink, Sink::None) && !self.followed;
        if self.effects && !alone {
            return true;
        }
        match &self.sink {
            Sink::None => self.followed,
            Sink::Reduce(merge) | Sink::Total(merge) => merge.may_raise(),
            Sink::Combine(both) => both.0.may_raise() || both.1.may_raise(),
            Sink::Group | Sink::Runs | Sink::Merge | Sink::Take(_) | Sink::Count => false,
        }
    }

    /// Runs it on blocks that compiled code can read.
    pub fn run(
        &self,
        blocks: &Partition,
        buckets: usize,
        counts: &Counts,
        worker: &mut InWorker<'_>,
    ) -> Result<Ended, TaskError> {
        let mut rows = self.begin();
        let mut taken = Taken::new(self, buckets)?;
        let Some(input) = Input::of(blocks) else { return Ok(Ended::Records(taken.finish())) };
        let mut given_up = input.given_up();
        let (mut seen, mut sites) = (0, Sites::default());
        let _ = input.each(|row| {
            seen += 1;
            match &self.chain {
                // SAFETY: rows of the type that the chain was compiled for; the blocks outlive this run.
                Some(chain) => match unsafe { chain.row(&mut rows, row) } {
                    RowOutcome::Done => {}
                    // SAFETY: as above.
                    RowOutcome::GivenUp => unsafe {
                        sites.add(&rows);
                        given_up.push(row);
                    },
                },
                None => rows.push(row),
            }
            if rows.len() >= RUN && given_up.len() == 0 {
                taken.drain(&mut rows);
            }
            match self.sink {
                Sink::Take(count) if given_up.len() > 0 || rows.len() >= count => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        });
        counts.add(seen, given_up.len());
        counts.add_sites(self.chain.as_ref().map_or(&[], Compiled::sites), &sites);
        if matches!(self.sink, Sink::Take(_)) && given_up.len() > 0 {
            // CPython would not look at what comes after the last that is taken: it does all of it.
            let part = Part::From { operator: if input.is_expanded() { 0 } else { self.first } };
            return worker(&part, std::slice::from_ref(blocks)).map(Ended::Partitions);
        }
        self.finish(rows, taken, given_up, worker)
    }

    /// The end of a run: what waits goes to the sink, with the given-up rows' records in their places.
    fn finish(
        &self,
        mut rows: Rows<'_>,
        mut taken: Taken<'_>,
        given_up: GivenUp,
        worker: &mut InWorker<'_>,
    ) -> Result<Ended, TaskError> {
        if given_up.len() == 0 {
            taken.drain_all(&mut rows);
            if !taken.stuck {
                return Ok(Ended::Records(taken.finish()));
            }
        }
        let (first, end) = (self.first, self.end);
        if taken.stuck || self.is_in_step() {
            let inputs = self.waiting(taken, &rows, given_up.into_block());
            let part = Part::After { first, end, unrun: true };
            return worker(&part, &inputs).map(Ended::Partitions);
        }
        let part = Part::Rows { first, end, code: self.record.code() };
        match redone(worker(&part, &[vec![given_up.into_block()]])?, &self.record)? {
            Redone::Typed(extra, _heap, _block) => {
                let all = in_order(&rows, &extra);
                let done = all.iter().take_while(|record| taken.add(record)).count();
                if done == all.len() {
                    return Ok(Ended::Records(taken.finish()));
                }
                let told_again = if taken.replays() { done } else { 0 };
                let native = self.pickled(taken.replay(), all[told_again..].iter().copied());
                let part = Part::After { first, end, unrun: false };
                let inputs = [vec![native], Vec::new(), Vec::new()];
                worker(&part, &inputs).map(Ended::Partitions)
            }
            Redone::Other(block) => {
                let inputs = self.waiting(taken, &rows, block);
                let part = Part::After { first, end, unrun: false };
                worker(&part, &inputs).map(Ended::Partitions)
            }
        }
    }

    /// The inputs of what follows: native records, given-up rows or their records, and their places.
    fn waiting(&self, taken: Taken<'_>, rows: &Rows<'_>, redone: BlockRef) -> [Partition; 3] {
        let before = taken.replay();
        let shift = before.as_ref().map_or(0, Records::len);
        let mut places = Vec::new();
        pickle::begin_list(&mut places);
        for &place in rows.given_up() {
            pickle::write_int(&mut places, (shift + place) as i64);
        }
        pickle::end_list(&mut places);
        let places: BlockRef = Arc::new(DataBlock { records: rows.given_up().len(), data: places });
        let native = self.pickled(before, (0..rows.len()).map(|index| rows.record(index)));
        [vec![native], vec![redone], vec![places]]
    }

    /// Records of the chain as a block for the worker.
    fn pickled<'r>(
        &self,
        before: Option<Records>,
        rest: impl Iterator<Item = &'r [u64]>,
    ) -> BlockRef {
        let (mut data, mut records) = (Vec::new(), 0);
        pickle::begin_list(&mut data);
        let mut write = |ty: &Type, record: &[u64]| {
            records += 1;
            // SAFETY: records of their type; what they point to is alive.
            unsafe { pickle::write(&mut data, ty, record) };
        };
        if let Some(before) = &before {
            before.iter().for_each(|record| write(before.ty(), record));
        }
        rest.for_each(|record| write(&self.record, record));
        pickle::end_list(&mut data);
        Arc::new(DataBlock { records, data })
    }
}

impl SinkPlan {
    fn takes_pairs(&self) -> bool {
        !matches!(self, SinkPlan::Take { .. } | SinkPlan::Count | SinkPlan::Total { .. })
    }
}

/// The most of the first steps that compile, their number, and why not one more.
fn longest(
    steps: &[Step],
    input: &Type,
    samples: &[&[u64]],
) -> (Option<Compiled>, usize, Option<Reason>) {
    let mut stopped = None;
    for count in (1..=steps.len()).rev() {
        // SAFETY: the samples are rows of the input.
        match unsafe { Compiled::with_samples(&steps[..count], input, samples) } {
            Ok(chain) => return (Some(chain), count, stopped),
            Err(reason) => stopped = Some(reason),
        }
    }
    (None, 0, stopped)
}

fn compile_sink(sink: &SinkPlan, record: &Type) -> std::result::Result<(Sink, Type), Reason> {
    let pair = || {
        let keyed = pair_of(record).filter(|(key, _)| key.is_key());
        keyed.ok_or_else(|| Reason::types_of("a grouping by key", record))
    };
    let keyed = |key: &Type, value: Type| Type::Tuple(vec![key.clone(), value]);
    Ok(match sink {
        SinkPlan::Group { for_update } => {
            let (key, value) = pair()?;
            if *for_update && *value == Type::Int {
                return Ok((Sink::Runs, keyed(key, Type::Runs)));
            }
            (Sink::Group, keyed(key, Type::List(Box::new(value.clone()))))
        }
        SinkPlan::Merge => {
            let (_, value) = pair()?;
            if !matches!(value, Type::List(_)) {
                return Err(Reason::types_of("groupByKey", record));
            }
            (Sink::Merge, record.clone())
        }
        SinkPlan::Reduce { merge } => {
            let (_, value) = pair()?;
            let merge = fold(merge, &[value.clone(), value.clone()], value)?;
            (Sink::Reduce(merge), record.clone())
        }
        SinkPlan::Combine { create, merge } => {
            let (key, value) = pair()?;
            let create = Call::new(create, std::slice::from_ref(value), None)?;
            let combiner = create.result().clone();
            let merge = fold(merge, &[combiner.clone(), value.clone()], &combiner)?;
            (Sink::Combine(Box::new((create, merge))), keyed(key, combiner))
        }
        SinkPlan::Take { count } => (Sink::Take(*count), record.clone()),
        SinkPlan::Count => (Sink::Count, Type::Int),
        SinkPlan::Total { merge } => {
            let merge = fold(merge, &[record.clone(), record.clone()], record)?;
            (Sink::Total(merge), record.clone())
        }
    })
}

fn fold(
    function: &tidemill_udf::Function,
    args: &[Type],
    result: &Type,
) -> std::result::Result<Call, Reason> {
    if result.slots() > MOST_SLOTS {
        return Err(Reason::types_of("a reduction", result));
    }
    Call::new(function, args, Some(result))
}

/// What a sink has taken so far.
struct Taken<'p> {
    phase: &'p Phase,
    so_far: SoFar<'p>,
    /// Whether it has left a record to CPython: it takes no more.
    stuck: bool,
}

enum SoFar<'p> {
    Dealt(Deal),
    Groups(Box<Groups<'p>>),
    Counted(u64),
    Total(Option<Vec<u64>>, Box<Rows<'static>>),
}

impl<'p> Taken<'p> {
    fn new(phase: &'p Phase, buckets: usize) -> Result<Taken<'p>> {
        let collect = match &phase.sink {
            Sink::Group => Some(Collect::List),
            Sink::Runs => Some(Collect::Runs),
            Sink::Merge => Some(Collect::Join),
            Sink::Reduce(merge) => Some(Collect::Fold { create: None, merge }),
            Sink::Combine(both) => Some(Collect::Fold { create: Some(&both.0), merge: &both.1 }),
            _ => None,
        };
        let so_far = match (&phase.sink, collect) {
            (_, Some(collect)) => {
                let groups = Groups::new(&phase.record, collect, buckets);
                let groups = groups.ok_or_else(|| Error::Internal("groups without keys".into()))?;
                SoFar::Groups(Box::new(groups))
            }
            (Sink::Count, _) => SoFar::Counted(0),
            (Sink::Total(_), _) => SoFar::Total(None, Box::new(Rows::for_calls())),
            _ => SoFar::Dealt(Deal::new(&phase.record, buckets)),
        };
        Ok(Taken { phase, so_far, stuck: false })
    }

    /// Takes a record; false if it is CPython's.
    fn add(&mut self, record: &[u64]) -> bool {
        // SAFETY, for all below: records of the chain's type, and what they point to is alive: the blocks, the
        // constants, the chain's strings, which `drain` keeps where it must.
        match (&mut self.so_far, &self.phase.sink) {
            (SoFar::Dealt(dealt), Sink::Take(count)) if dealt.runs[0].len() == *count => true,
            (SoFar::Dealt(dealt), _) => {
                // SAFETY: as above.
                unsafe { dealt.push(record) };
                true
            }
            // SAFETY: as above.
            (SoFar::Groups(groups), _) => unsafe { groups.add(record) },
            (SoFar::Counted(count), _) => {
                *count += 1;
                true
            }
            (SoFar::Total(total @ None, _), _) => {
                *total = Some(record.to_vec());
                true
            }
            (SoFar::Total(Some(total), calls), Sink::Total(merge)) => {
                let mut out = [0; MOST_SLOTS];
                let width = total.len();
                // SAFETY: as above; the total is one of the function's results or the first record.
                let done = unsafe { merge.run(calls, total, record, &mut out[..width]) };
                if done {
                    total.copy_from_slice(&out[..width]);
                }
                done
            }
            (SoFar::Total(Some(_), _), _) => false,
        }
    }

    /// Whether what it has taken can be told again. If not, nothing that it takes may be forgotten.
    fn replays(&self) -> bool {
        match &self.so_far {
            SoFar::Groups(groups) => groups.can_replay(),
            SoFar::Counted(_) | SoFar::Total(..) => true,
            SoFar::Dealt(_) => false,
        }
    }

    /// Takes a run of records, if that can be told again.
    fn drain(&mut self, rows: &mut Rows<'_>) {
        if self.replays() && !self.stuck {
            self.drain_all(rows);
        }
    }

    fn drain_all(&mut self, rows: &mut Rows<'_>) {
        let done = match &mut self.so_far {
            // SAFETY: as for `add`.
            SoFar::Groups(groups) => unsafe {
                groups.add_run(rows.len(), |index| rows.record(index))
            },
            _ => (0..rows.len()).take_while(|&index| self.add(rows.record(index))).count(),
        };
        if done < rows.len() {
            self.stuck = true;
            if self.replays() {
                rows.drop_first(done);
            }
            return;
        }
        let keeps = match (&self.phase.sink, pair_of(&self.phase.record)) {
            (Sink::Count, _) => false,
            // Keys are copied.
            (Sink::Group | Sink::Runs | Sink::Merge | Sink::Reduce(_), Some((_, value))) => {
                has_pointers(value)
            }
            _ => has_pointers(&self.phase.record),
        };
        rows.clear(keeps);
        if let SoFar::Groups(groups) = &mut self.so_far
            && !keeps
        {
            groups.forget_recent();
        }
    }

    fn finish(self) -> Vec<Records> {
        match self.so_far {
            SoFar::Dealt(dealt) => dealt.runs,
            SoFar::Groups(groups) => groups.finish(),
            SoFar::Counted(count) => {
                let mut records = Records::new(&Type::Int);
                // SAFETY: the slots of an integer.
                unsafe { records.push(&[count]) };
                vec![records]
            }
            SoFar::Total(total, _calls) => vec![one(&self.phase.record, total)],
        }
    }

    /// What it has taken, as records that would have the same effect as the first ones.
    fn replay(self) -> Option<Records> {
        match self.so_far {
            SoFar::Dealt(_) => None,
            SoFar::Groups(groups) => groups.replay(),
            SoFar::Counted(count) => {
                // Any records will do.
                let (len, slots) = (count as usize, Vec::new());
                // SAFETY: no slots are those of any number of nothing.
                Some(unsafe { Records::from_parts(&Type::None, len, slots, Arc::default()) })
            }
            SoFar::Total(total, _calls) => Some(one(&self.phase.record, total)),
        }
    }
}

fn one(ty: &Type, record: Option<Vec<u64>>) -> Records {
    let mut records = Records::new(ty);
    if let Some(record) = record {
        // SAFETY: a record of the type; what it points to is alive while it is copied.
        unsafe { records.push(&record) };
    }
    records
}

/// All records, given-up rows' records in their places.
fn in_order<'r>(rows: &'r Rows<'_>, extra: &'r [Vec<Vec<u64>>]) -> Vec<&'r [u64]> {
    let mut all = Vec::with_capacity(rows.len() + extra.len());
    let mut next = 0;
    for (&place, records) in rows.given_up().iter().zip(extra) {
        all.extend((next..place).map(|index| rows.record(index)));
        next = place;
        all.extend(records.iter().map(Vec::as_slice));
    }
    all.extend((next..rows.len()).map(|index| rows.record(index)));
    all
}
