//! Runs the compiled front part of a segment on blocks of text, and puts together what native code and
//! CPython made of the rows.
//!
//! A row that native code gives up is run by the worker with the user's own functions; its records come back
//! and take the row's place, so order, values and side effects are Python's. What follows the compiled
//! part (grouping, reducing, bucketing by key) is done here if all records have the compiled type, else by
//! the worker on all records. Where that could print or fail, the worker runs the given-up rows in step
//! with it, because in CPython the rows' effects and errors take turns with those of what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::text::TextBlock;
use tidemill::{Error, Result};
use tidemill_udf::{Compiled, Function, Reason, Reducer, RowOutcome, Rows, Step, Type, pickle};

use crate::block::{DataBlock, SLOTS, wire_form};
use crate::groups::Groups;
use crate::worker::Payload;

/// A chain that gives up more than one row in this many is not worth it.
const WORTH: usize = 2;
/// Rows after which that is judged.
const JUDGED: usize = 1000;

/// What `tidemill.compiler.chain` says of a segment.
#[derive(Deserialize)]
pub struct Plan {
    /// The operators to compile, in order.
    pub steps: Vec<Step>,
    /// What follows them: nothing, `group` or `reduce`.
    #[serde(default)]
    pub sink: Option<String>,
    /// The function of `reduce`.
    #[serde(default)]
    pub reduce: Option<Function>,
    /// Whether anything follows that is the worker's.
    #[serde(default)]
    pub rest: bool,
}

/// A segment's compiled part.
pub struct Native {
    compiled: Compiled,
    sink: Sink,
    rest: bool,
    /// Runs the given-up rows: one list of records each.
    pub rows: Payload,
    /// Everything after the compiled part, from (records, given-up rows or their records, their
    /// places).
    pub after: Payload,
    seen: AtomicUsize,
    given_up: AtomicUsize,
}

enum Sink {
    None,
    Group,
    Reduce(Box<Reducer>),
}

/// Records of given-up rows as the worker returns them.
pub enum Redone {
    /// All have the compiled type; the slots of each row's records.
    Typed(Vec<Vec<Vec<u64>>>),
    /// Each row as a list of its records, or as a line that was not run yet.
    Other(BlockRef),
}

impl Native {
    /// Compiles a plan; `payloads` makes the worker's parts, given the records' type.
    pub fn new(
        plan: &Plan,
        payloads: impl FnOnce(&str) -> Result<(Payload, Payload)>,
    ) -> Result<Result<Native, Reason>> {
        let compiled = match Compiled::new(&plan.steps, &Type::Str) {
            Ok(compiled) => compiled,
            Err(reason) => return Ok(Err(reason)),
        };
        let sink = sink_for(plan, compiled.record());
        let (rows, after) = payloads(&compiled.record().code())?;
        Ok(Ok(Native {
            sink: sink.unwrap_or(Sink::None),
            rest: plan.rest,
            rows,
            after,
            compiled,
            seen: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
        }))
    }

    /// What native code leaves to CPython, row by row.
    pub fn left_out(&self) -> &[Reason] {
        self.compiled.left_out()
    }

    /// Whether it still pays.
    pub fn is_worth_it(&self) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        seen < JUDGED || self.given_up.load(Ordering::Relaxed) * WORTH <= seen
    }

    /// Runs the compiled part on text blocks; `worker` runs a payload on inputs.
    pub fn run(
        &self,
        input: &[&TextBlock],
        buckets: usize,
        mut worker: impl FnMut(&Payload, &[Partition]) -> Result<Vec<Partition>, TaskError>,
    ) -> Result<Vec<Partition>, TaskError> {
        let mut rows = self.compiled.begin();
        let mut given_up = Vec::new();
        let mut seen = 0;
        for block in input {
            // Every record ends in a newline, so the last piece is none.
            let text = block.as_str();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
                seen += 1;
                let line = &text[start..end];
                if self.compiled.line(&mut rows, line) == RowOutcome::GivenUp {
                    given_up.extend_from_slice(&text.as_bytes()[start..=end]);
                }
                start = end + 1;
            }
        }
        self.seen.fetch_add(seen, Ordering::Relaxed);
        self.given_up.fetch_add(rows.given_up().len(), Ordering::Relaxed);
        let mut held = None;
        let text = || -> BlockRef { Arc::new(TextBlock::from_bytes(given_up)) };
        let redone = match rows.given_up().is_empty() {
            true => Redone::Typed(Vec::new()),
            false if self.is_in_step() => Redone::Other(text()),
            false => {
                let mut result = worker(&self.rows, &[vec![text()]])?;
                let block = result.pop().and_then(|mut partition| partition.pop());
                let block = block.ok_or_else(|| Error::Internal("no rows came back".into()))?;
                // Typed records point into the block.
                held = Some(block.clone());
                redone(&block, self.compiled.record())?
            }
        };
        let result = self.finish(&mut rows, &redone, buckets);
        let result = match result {
            Some(result) => Ok(result),
            None => worker(&self.after, &self.materialise(&rows, redone)),
        };
        drop(held);
        result
    }

    /// Whether what follows may have effects or errors of its own.
    fn is_in_step(&self) -> bool {
        match &self.sink {
            Sink::None => self.rest,
            Sink::Group => false,
            Sink::Reduce(reducer) => reducer.may_raise(),
        }
    }

    /// The result without the worker; `None` if what follows is the worker's.
    fn finish(
        &self,
        rows: &mut Rows<'_>,
        redone: &Redone,
        buckets: usize,
    ) -> Option<Vec<Partition>> {
        let Redone::Typed(extra) = redone else {
            return None;
        };
        let record = self.compiled.record();
        match &self.sink {
            Sink::None if self.rest => None,
            Sink::None => Some(vec![vec![pickled(rows, extra, record)]]),
            Sink::Group => {
                let mut groups = Groups::new(record, None)?;
                // SAFETY: the groups were made for this type; the caller holds what records point into.
                in_order(rows, extra, |slots| unsafe { groups.add(slots, None) })?;
                Some(groups.into_buckets(buckets))
            }
            Sink::Reduce(reducer) => {
                let mut groups = Groups::new(record, Some(reducer))?;
                // Results of the reducer may live in an arena of their own.
                let mut arena = self.compiled.begin();
                // SAFETY: as above; the arena lives until the groups are written out.
                in_order(rows, extra, |slots| unsafe { groups.add(slots, Some(&mut arena)) })?;
                Some(groups.into_buckets(buckets))
            }
        }
    }

    /// The inputs of what follows: native records, given-up rows' records, and their places.
    fn materialise(&self, rows: &Rows<'_>, redone: Redone) -> Vec<Partition> {
        let record = self.compiled.record();
        match redone {
            Redone::Typed(extra) => vec![vec![pickled(rows, &extra, record)], vec![], vec![]],
            Redone::Other(block) => {
                let mut places = Vec::new();
                pickle::begin_list(&mut places);
                for &place in rows.given_up() {
                    pickle::write_int(&mut places, place as i64);
                }
                pickle::end_list(&mut places);
                let places: BlockRef =
                    Arc::new(DataBlock { records: rows.given_up().len(), data: places });
                vec![vec![pickled(rows, &[], record)], vec![block], vec![places]]
            }
        }
    }
}

fn sink_for(plan: &Plan, record: &Type) -> Option<Sink> {
    let Type::Tuple(items) = record else {
        return None;
    };
    let [key, value] = items.as_slice() else {
        return None;
    };
    if !key.is_key() {
        return None;
    }
    match plan.sink.as_deref() {
        Some("group") => Some(Sink::Group),
        Some("reduce") => Reducer::new(plan.reduce.as_ref()?, value)
            .ok()
            .map(|reducer| Sink::Reduce(Box::new(reducer))),
        _ => None,
    }
}

/// Calls `f` with every record, given-up rows' records in their places; `None` if it ever fails.
fn in_order(
    rows: &Rows<'_>,
    extra: &[Vec<Vec<u64>>],
    mut f: impl FnMut(&[u64]) -> Option<()>,
) -> Option<()> {
    let mut next = 0;
    for (place, records) in rows.given_up().iter().zip(extra) {
        for index in next..*place {
            f(rows.record(index))?;
        }
        next = *place;
        for record in records {
            f(record)?;
        }
    }
    for index in next..rows.len() {
        f(rows.record(index))?;
    }
    Some(())
}

fn pickled(rows: &Rows<'_>, extra: &[Vec<Vec<u64>>], record: &Type) -> BlockRef {
    let mut data = Vec::new();
    let mut records = 0;
    pickle::begin_list(&mut data);
    // Never fails.
    let _ = in_order(rows, extra, |slots| {
        records += 1;
        // SAFETY: records of the compiled type; the blocks they point into are held by the caller.
        unsafe { pickle::write(&mut data, record, slots) };
        Some(())
    });
    pickle::end_list(&mut data);
    Arc::new(DataBlock { records, data })
}

/// Reads what the worker made of given-up rows (`tidemill.compiler.rows` writes it).
fn redone(block: &BlockRef, record: &Type) -> Result<Redone, TaskError> {
    let (kind, data) = wire_form(block)?;
    if kind != SLOTS {
        return Ok(Redone::Other(block.clone()));
    }
    let mut reader = Reader { data };
    let mut rows = Vec::with_capacity(block.len());
    for _ in 0..block.len() {
        let count = reader.number::<4>()? as usize;
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            let mut slots = Vec::with_capacity(record.slots());
            reader.value(record, &mut slots)?;
            records.push(slots);
        }
        rows.push(records);
    }
    Ok(Redone::Typed(rows))
}

struct Reader<'a> {
    data: &'a [u8],
}

impl Reader<'_> {
    fn number<const N: usize>(&mut self) -> Result<u64, TaskError> {
        let short = || Error::Internal("a short reply of rows".into());
        let (bytes, rest) = self.data.split_first_chunk::<N>().ok_or_else(short)?;
        self.data = rest;
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(bytes);
        Ok(u64::from_le_bytes(wide))
    }

    fn value(&mut self, ty: &Type, slots: &mut Vec<u64>) -> Result<(), TaskError> {
        match ty {
            Type::None | Type::Never => {}
            Type::Option(inner) => match self.number::<8>()? {
                0 => slots.resize(slots.len() + ty.slots(), 0),
                there => {
                    slots.push(there);
                    self.value(inner, slots)?;
                }
            },
            Type::Bool | Type::Int | Type::Float => slots.push(self.number::<8>()?),
            Type::Str => {
                let length = self.number::<4>()? as usize;
                let short = || Error::Internal("a short reply of rows".into());
                let (text, rest) = self.data.split_at_checked(length).ok_or_else(short)?;
                slots.extend([text.as_ptr() as u64, length as u64]);
                self.data = rest;
            }
            Type::Tuple(items) => {
                for item in items {
                    self.value(item, slots)?;
                }
            }
            Type::List(_) => return Err(Error::Internal("a list in a record".into()).into()),
        }
        Ok(())
    }
}
