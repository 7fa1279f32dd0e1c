//! `reduceByKeyAndWindow` with compiled functions: from one window to the next by what left and what entered.
//!
//! The window is a table that shares what did not change with the one before, so a slide costs the keys that left or
//! entered. A partition in which native code leaves anything to CPython is the worker's as a whole, and comes back
//! typed if it can: native calls have no effects, so that is no more than slower.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use tidemill::Result;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill_udf::{Call, Function, Reason, Records, Rows, Site, Type, pair_of};

use crate::groups::{Collect, Groups, MOST_SLOTS};
use crate::native::{Counts, InWorker, Input, MOST_TYPES, Part, Redone, redone};
use crate::report::{Counted, InputReport, Report};
use crate::state::{Change, StateBlock};

/// Why a slide is CPython's, for people; nothing if no place is known.
type Why = Option<String>;

/// The functions of a window.
#[derive(Deserialize)]
pub struct SlidePlan {
    reduce: Function,
    inverse: Function,
    keep: Option<Function>,
}

/// A window's functions, compiled for each type of records that they meet.
pub struct Slide {
    plan: SlidePlan,
    /// Names the functions and all that they capture.
    name: Arc<str>,
    compiled: Lock<HashMap<Type, Option<Arc<Compiled>>>>,
}

/// They, compiled for one type of `(key, value)` records.
struct Compiled {
    ty: Type,
    reduce: Call,
    inverse: Call,
    keep: Option<Call>,
    /// Slides of partitions, and those left to CPython.
    counts: Arc<Counts>,
}

impl Slide {
    /// Functions that are not compiled yet.
    pub fn new(plan: SlidePlan, name: &str) -> Slide {
        Slide { plan, name: name.into(), compiled: Lock::default() }
    }

    /// Runs it on partitions of the window before, of what left and of what entered; `None` if that is CPython's as
    /// a whole. Tells why, the first time.
    pub fn run(
        &self,
        inputs: &[Partition],
        report: &Report,
        made: &mut Option<InputReport>,
        worker: &mut InWorker<'_>,
    ) -> Option<Result<Vec<Partition>, TaskError>> {
        let is_empty = |blocks: &Partition| blocks.iter().all(|block| block.is_empty());
        if inputs.iter().all(is_empty) {
            return Some(Ok(vec![Vec::new()]));
        }
        // The window's type; else that of what entered, which says more of what is to come than what left.
        let [before, slices @ ..] = inputs else { return None };
        let mut by_weight = std::iter::once(before).chain(slices.iter().rev());
        let ty = by_weight.find_map(|blocks| Input::of(blocks))?.ty();
        let compiled = self.compiled(&ty, report, made)?;
        let (next, why) = match compiled.next(inputs, &self.name) {
            Ok(table) => (Ok(vec![vec![Arc::new(table) as BlockRef]]), None),
            Err(why) => (compiled.in_worker(inputs, worker), Some(why)),
        };
        // A slide that fails is made again, and counted then.
        if next.is_ok() {
            compiled.counts.add(1, usize::from(why.is_some()));
            why.flatten().into_iter().for_each(|why| compiled.counts.add_site(why, 1));
        }
        Some(next)
    }

    fn compiled(
        &self,
        ty: &Type,
        report: &Report,
        made: &mut Option<InputReport>,
    ) -> Option<Arc<Compiled>> {
        let mut known = self.compiled.lock();
        if known.len() >= MOST_TYPES && !known.contains_key(ty) {
            return None;
        }
        let known = known.entry(ty.clone()).or_insert_with(|| {
            let compiled = report.time(|| Compiled::new(&self.plan, ty));
            let reason = compiled.as_ref().err().map(Reason::to_string);
            let counts = compiled.as_ref().ok().map(|compiled| compiled.counts.clone());
            *made = Some(InputReport {
                input: ty.to_string(),
                rest: reason.as_ref().map(|_| 0),
                reason,
                chains: std::iter::once(0..1).collect(),
                counted: counts.map(Counted::Slides),
                ..InputReport::interpreted()
            });
            compiled.map(Arc::new).ok()
        });
        known.clone()
    }
}

impl Compiled {
    fn new(plan: &SlidePlan, ty: &Type) -> std::result::Result<Compiled, Reason> {
        let refused = || Reason::types_of("a window", ty);
        let (key, value) = pair_of(ty).ok_or_else(refused)?;
        if !key.is_key() || value.slots() > MOST_SLOTS {
            return Err(refused());
        }
        let two = [value.clone(), value.clone()];
        let keep = |keep| Call::new(keep, std::slice::from_ref(ty), Some(&Type::Bool));
        Ok(Compiled {
            ty: ty.clone(),
            reduce: Call::new(&plan.reduce, &two, Some(value))?,
            inverse: Call::new(&plan.inverse, &two, Some(value))?,
            keep: plan.keep.as_ref().map(keep).transpose()?,
            counts: Arc::default(),
        })
    }

    /// The next window; why part of it is CPython's, if so.
    fn next(&self, inputs: &[Partition], name: &Arc<str>) -> std::result::Result<StateBlock, Why> {
        let [before, leaving, entering @ ..] = inputs else { return Err(unlike()) };
        let left = self.reduced(leaving)?;
        let entering = entering.iter().map(|blocks| self.reduced(blocks));
        let entered = entering.collect::<std::result::Result<Vec<_>, _>>()?;
        let made;
        let before = match self.input(before).ok_or_else(unlike)? {
            Some(Input::State(table)) => table,
            Some(records) => {
                made = StateBlock::of(&self.ty, &records).ok_or_else(unlike)?;
                &made
            }
            None => {
                made = StateBlock::new(&self.ty);
                &made
            }
        };
        let mut run = Run {
            compiled: self,
            change: Change::from(before),
            calls: Rows::for_calls(),
            touched: Vec::new(),
        };
        run.take_out(&left)?;
        for records in &entered {
            run.put_in(records)?;
        }
        match entered.is_empty() {
            // What left is still to be filtered.
            true => run.change.settle(Vec::new(), &"".into()),
            false => run.filter(name)?,
        }
        Ok(run.change.finish())
    }

    /// Records of the compiled type, none if there is no record; `None` for records of another.
    fn input<'a>(&self, blocks: &'a Partition) -> Option<Option<Input<'a>>> {
        if blocks.iter().all(|block| block.is_empty()) {
            return Some(None);
        }
        let input = Input::of(blocks)?;
        (input.ty() == self.ty).then_some(Some(input))
    }

    /// Each key once, as first seen, with its values of all slices reduced.
    fn reduced(&self, slices: &Partition) -> std::result::Result<Records, Why> {
        let input = self.input(slices).ok_or_else(unlike)?;
        let Some(input) = input else { return Ok(Records::new(&self.ty)) };
        let fold = Collect::Fold { create: None, merge: &self.reduce };
        let mut groups = Groups::new(&self.ty, fold, 1).ok_or_else(unlike)?;
        let flow = input.each(|record| {
            // SAFETY: records of the type, in blocks that are alive; no key's memory changes.
            match unsafe { groups.add(record) } {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        if flow.is_break() {
            return Err(groups.stuck_at().map(Site::to_string));
        }
        groups.finish().pop().ok_or_else(unlike)
    }

    /// All of it in CPython.
    fn in_worker(
        &self,
        inputs: &[Partition],
        worker: &mut InWorker<'_>,
    ) -> Result<Vec<Partition>, TaskError> {
        let reply = worker(&Part::Whole { code: self.ty.code() }, inputs)?;
        if reply.iter().all(Vec::is_empty) {
            return Ok(vec![Vec::new()]);
        }
        let (rows, _heap, block) = match redone(reply, &self.ty)? {
            Redone::Typed(rows, heap, block) => (rows, heap, block),
            Redone::Other(block) => return Ok(vec![vec![block]]),
        };
        let mut records = Records::new(&self.ty);
        for record in rows.iter().flatten() {
            // SAFETY: a record of the type; its memory is beside it and in the block.
            unsafe { records.push(record) };
        }
        drop(block);
        Ok(vec![vec![Arc::new(crate::block::TypedBlock(records)) as BlockRef]])
    }
}

fn unlike() -> Why {
    Some("records of another type than the window".to_owned())
}

fn given_up(function: &Call, calls: &Rows<'_>) -> Why {
    let site = calls.gave_up_at().and_then(|at| function.sites().get(at));
    site.map(Site::to_string)
}

/// One slide of a partition.
struct Run<'r> {
    compiled: &'r Compiled,
    change: Change,
    calls: Rows<'static>,
    /// Positions of keys with another value.
    touched: Vec<usize>,
}

impl Run<'_> {
    fn take_out(&mut self, left: &Records) -> std::result::Result<(), Why> {
        let compiled = self.compiled;
        for record in left.iter() {
            let (key, gone) = self.split(record);
            // SAFETY: a key of the table's type.
            let position = unsafe { self.change.find(key) };
            if let Some(position) = position.filter(|_| !self.is_none(gone)) {
                self.replace(&compiled.inverse, position, gone)?;
            }
        }
        Ok(())
    }

    fn put_in(&mut self, entered: &Records) -> std::result::Result<(), Why> {
        let compiled = self.compiled;
        for record in entered.iter() {
            let (key, new) = self.split(record);
            // SAFETY: a key of the table's type.
            match unsafe { self.change.find(key) } {
                Some(position) => self.replace(&compiled.reduce, position, new)?,
                None => {
                    // SAFETY: a key and a value of the table's types.
                    let position = unsafe { self.change.add(key, new) };
                    self.touched.push(position);
                }
            }
        }
        Ok(())
    }

    fn replace(
        &mut self,
        function: &Call,
        position: usize,
        other: &[u64],
    ) -> std::result::Result<(), Why> {
        let mut out = vec![0; other.len()];
        let value = self.change.table().state(position).ok_or_else(unlike)?;
        // SAFETY: values of the compiled type, alive in the table and in records.
        if !unsafe { function.run(&mut self.calls, value, other, &mut out) } {
            return Err(given_up(function, &self.calls));
        }
        // SAFETY: a value of the table's type, which is kept before its memory goes.
        unsafe { self.change.set(position, &out) };
        self.calls.clear(false);
        self.touched.push(position);
        Ok(())
    }

    /// Drops the keys that are not kept. What has not changed was kept by the same function before.
    fn filter(&mut self, name: &Arc<str>) -> std::result::Result<(), Why> {
        let table = self.change.table();
        let mut positions = std::mem::take(&mut self.touched);
        if *table.settled_by != **name {
            positions = (0..table.positions()).collect();
        }
        positions.sort_unstable();
        positions.dedup();
        let mut dropped = Vec::new();
        for position in positions {
            let Some(keep) = &self.compiled.keep else { break };
            let Some(value) = table.state(position) else { continue };
            let pair = [&table.key(position), value].concat();
            let mut out = [0];
            // SAFETY: a record of the compiled type, alive in the table.
            if !unsafe { keep.run(&mut self.calls, &pair, &[], &mut out) } {
                return Err(given_up(keep, &self.calls));
            }
            self.calls.clear(false);
            if out == [0] {
                dropped.push(position);
            }
        }
        dropped.into_iter().for_each(|position| self.change.drop_key(position));
        self.change.settle(Vec::new(), name);
        Ok(())
    }

    fn split<'a>(&self, record: &'a [u64]) -> (&'a [u64], &'a [u64]) {
        let value = self.change.table().pair().1.slots();
        record.split_at(record.len() - value)
    }

    /// Whether a value is `None`, which says that nothing left.
    fn is_none(&self, value: &[u64]) -> bool {
        match self.change.table().pair().1 {
            Type::None => true,
            Type::Option(_) => value[0] == 0,
            _ => false,
        }
    }
}
