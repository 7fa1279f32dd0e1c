//! One phase: a compiled chain and the sink that takes its records.
//!
//! A row that native code gives up is run by the worker with the user's own functions; its records come back
//! and take the row's place, so order, values and side effects are Python's. Records go to the sink in
//! runs while no row is given up; from the first one on they wait for the worker's. Where the sink leaves something
//! to CPython, the worker gets what the sink holds as if it were the first records, then the others. Where it
//! could print or fail, the worker runs the given-up rows in step with it, because in CPython the rows'
//! effects and errors take turns with those of what follows.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use tidemill::Result;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill_udf::{Compiled, Reason, Records, RowOutcome, Rows, Step, Type, pickle};

use super::input::{GivenUp, Input, Row};
use super::plan::{Part, PhasePlan, SinkPlan};
use super::redo::{Redone, redone};
use super::sink::{Sink, Taken, compile_sink};
use super::{Counts, InWorker, Sites};
use crate::block::DataBlock;

/// Records that go to the sink at a time.
const RUN: usize = 512;
/// Why rows are CPython's that compiled code did not get.
const OTHER_TYPE: &str = "a record of another type than most";

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

    /// The places of the operators that its chain is made of.
    pub fn chain(&self) -> Range<usize> {
        self.first..self.end
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
        let mut taken = Taken::new(&self.sink, &self.record, 0)?;
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
            sink => sink.is_in_step(),
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
        let mut taken = Taken::new(&self.sink, &self.record, buckets)?;
        let Some(input) = Input::mixed(blocks) else {
            taken.drain_all(&mut rows);
            if taken.stuck {
                let part = Part::From { operator: self.first };
                return worker(&part, std::slice::from_ref(blocks)).map(Ended::Partitions);
            }
            return Ok(Ended::Records(taken.finish()));
        };
        let mut given_up = input.given_up();
        let (mut seen, mut others, mut sites) = (0, 0, Sites::default());
        let _ = input.each_row(|row| {
            seen += 1;
            match (row, &self.chain) {
                // SAFETY: rows of the type that the chain was compiled for; the blocks outlive this run.
                (Row::Slots(row), Some(chain)) => match unsafe { chain.row(&mut rows, row) } {
                    RowOutcome::Done => {}
                    // SAFETY: as above.
                    RowOutcome::GivenUp => unsafe {
                        sites.add(&rows);
                        given_up.push(row);
                    },
                },
                (Row::Slots(row), None) => rows.push(row),
                (Row::Other(pickled), _) => {
                    others += 1;
                    rows.leave_row();
                    given_up.push_other(pickled);
                }
            }
            if rows.len() >= RUN && given_up.len() == 0 {
                taken.drain(&mut rows);
            }
            match self.sink {
                Sink::Take(_) if given_up.len() > 0 || taken.is_full(rows.len()) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        });
        counts.add(seen, given_up.len());
        counts.add_sites(self.chain.as_ref().map_or(&[], Compiled::sites), &sites);
        if others > 0 {
            counts.add_site(OTHER_TYPE.to_owned(), others);
        }
        if matches!(self.sink, Sink::Take(_)) && given_up.len() > 0 {
            // CPython would not look at what comes after the last that is taken: it does all of it.
            let part = Part::From { operator: if input.is_expanded() { 0 } else { self.first } };
            return worker(&part, std::slice::from_ref(blocks)).map(Ended::Partitions);
        }
        self.finish(rows, taken, given_up, seen, counts, worker)
    }

    /// The end of a run: what waits goes to the sink, with the given-up rows' records in their places.
    fn finish(
        &self,
        mut rows: Rows<'_>,
        mut taken: Taken<'_>,
        given_up: GivenUp,
        seen: usize,
        counts: &Counts,
        worker: &mut InWorker<'_>,
    ) -> Result<Ended, TaskError> {
        if given_up.len() == 0 {
            taken.drain_all(&mut rows);
            if !taken.stuck {
                return Ok(Ended::Records(taken.finish()));
            }
            counts.add_stuck(rows.len().min(seen), taken.stuck_at());
        }
        let (first, end) = (self.first, self.end);
        if taken.stuck || self.is_in_step() {
            let inputs = self.waiting(taken, &rows, given_up.into_block());
            let part = Part::After { first, end, unrun: true };
            return worker(&part, &inputs).map(Ended::Partitions);
        }
        let part = Part::Rows { first, end, code: self.record.code() };
        let given_up_rows = given_up.len();
        match redone(worker(&part, &[vec![given_up.into_block()]])?, &self.record)? {
            Redone::Typed(extra, _heap, _block) => {
                let all = in_order(&rows, &extra);
                let done = taken.add_all(&all);
                if done == all.len() {
                    return Ok(Ended::Records(taken.finish()));
                }
                let left = (all.len() - done).min(seen - given_up_rows);
                counts.add_stuck(left, taken.stuck_at());
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
