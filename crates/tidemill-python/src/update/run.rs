//! One update of a partition.
//!
//! The function is called for kept keys in their order, then for new keys as first seen.

use std::collections::HashSet;
use std::sync::Arc;

use tidemill::Result;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill_udf::{Heap, Rows, Type, pickle, same_value};

use super::Updater;
use super::arrivals::Arrivals;
use crate::block::DataBlock;
use crate::groups::MOST_SLOTS;
use crate::native::{InWorker, Part, Redone, Sites, redone};
use crate::state::{Change, StateBlock};

/// One call that is to be made.
#[derive(Clone, Copy)]
struct Visit {
    /// The key's position, if it is kept.
    position: Option<usize>,
    /// Its place among those for which something came.
    fresh: Option<usize>,
}

/// One run on a partition.
pub(super) struct Run<'r> {
    /// Names the function.
    name: &'r Arc<str>,
    updater: &'r Updater,
    fresh: Option<&'r Arrivals<'r>>,
    change: Change,
    calls: Rows<'static>,
    /// What native code left to CPython.
    given_up: Vec<Visit>,
    dropped: Vec<usize>,
    /// Places of new keys, with their states, and whether those are native code's.
    added: Vec<(usize, Vec<u64>, bool)>,
    kept: Heap,
    unsettled: Vec<u32>,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        name: &'r Arc<str>,
        updater: &'r Updater,
        before: &StateBlock,
        fresh: Option<&'r Arrivals<'r>>,
    ) -> Run<'r> {
        Run {
            name,
            updater,
            fresh,
            change: Change::from(before),
            calls: Rows::for_calls(),
            given_up: Vec::new(),
            dropped: Vec::new(),
            added: Vec::new(),
            kept: Heap::default(),
            unsettled: Vec::new(),
        }
    }

    /// The next state: a table, or pickled records.
    pub(super) fn run(mut self, worker: &mut InWorker<'_>) -> Result<Partition, TaskError> {
        let (updater, visits) = (self.updater, self.visits());
        let sites = self.call_all(&visits);
        let (calls, given_up) = (visits.len(), self.given_up.len());
        let next = self.finish(worker)?;
        // A run that fails is made again, and counted then.
        updater.counts.add(calls, given_up);
        updater.counts.add_sites(updater.call.sites(), &sites);
        Ok(next)
    }

    /// Makes the calls; where some were given up.
    fn call_all(&mut self, visits: &[Visit]) -> Sites {
        let (mut out, mut sites) = ([0; MOST_SLOTS], Sites::default());
        for &visit in visits {
            match self.call(visit, &mut out) {
                true => self.take(visit, &out, true),
                false => {
                    sites.add(&self.calls);
                    self.given_up.push(visit);
                }
            }
            self.calls.clear(false);
        }
        sites
    }

    /// The next state, once CPython has made the calls that were given up.
    fn finish(mut self, worker: &mut InWorker<'_>) -> Result<Partition, TaskError> {
        if !self.given_up.is_empty() {
            match self.redo(worker)? {
                Redone::Typed(states, _heap, _block) => {
                    let given_up = std::mem::take(&mut self.given_up);
                    for (visit, state) in given_up.into_iter().zip(states) {
                        let state = state.first().unwrap_or(&self.updater.absent);
                        self.take(visit, state, false);
                    }
                }
                Redone::Other(states) => return self.untyped(states, worker),
            }
        }
        self.apply_new();
        self.unsettled.sort_unstable();
        self.change.settle(self.unsettled, self.name);
        Ok(vec![Arc::new(self.change.finish()) as BlockRef])
    }

    /// The calls to make, in the order in which PySpark makes them.
    fn visits(&self) -> Vec<Visit> {
        let table = self.change.table();
        let (mut touched, mut new) = (Vec::new(), Vec::new());
        for (at, key) in self.fresh.iter().flat_map(|fresh| fresh.keys()).enumerate() {
            // SAFETY: a key of the table's type.
            match unsafe { self.change.find(key) } {
                Some(position) => touched.push((position, at)),
                None => new.push(Visit { position: None, fresh: Some(at) }),
            }
        }
        touched.sort_unstable();
        let mut touched = touched.into_iter().peekable();
        let mut visits = Vec::new();
        let mut visit = |position: usize, fresh| {
            visits.push(Visit { position: Some(position), fresh });
        };
        let is_settled = *table.settled_by == **self.name;
        let all = 0..if is_settled { 0 } else { table.positions() };
        let some = table.unsettled.iter().filter(|_| is_settled).map(|&position| position as usize);
        for position in all.chain(some).filter(|&position| table.state(position).is_some()) {
            while let Some((before, at)) = touched.next_if(|(other, _)| *other < position) {
                visit(before, Some(at));
            }
            visit(position, touched.next_if(|(other, _)| *other == position).map(|(_, at)| at));
        }
        touched.for_each(|(position, at)| visit(position, Some(at)));
        visits.extend(new);
        visits
    }

    /// The lists of values that came for a key.
    fn lists(&self, visit: Visit) -> &'r [u64] {
        self.fresh.zip(visit.fresh).map_or(&[], |(fresh, at)| fresh.lists(at))
    }

    /// The state of a key.
    fn state(&self, visit: Visit) -> Option<&[u64]> {
        visit.position.and_then(|position| self.change.table().state(position))
    }

    /// The slots of a key.
    fn key(&self, visit: Visit) -> Vec<u64> {
        match (visit.position, self.fresh.zip(visit.fresh)) {
            (_, Some((fresh, at))) => fresh.key(at).to_vec(),
            (position, None) => self.change.table().key(position.unwrap_or_default()),
        }
    }

    /// Calls the function; false if the call is CPython's.
    fn call(&mut self, visit: Visit, out: &mut [u64]) -> bool {
        let lists = self.lists(visit);
        let table = self.change.table();
        let state = visit.position.and_then(|position| table.state(position));
        // SAFETY: lists of the compiled type, of blocks that are alive; a state of the compiled type.
        unsafe { self.updater.call(&mut self.calls, lists, state, out) }
    }

    /// Takes what the function gave: 0 for `None`, or 1 and the state.
    fn take(&mut self, visit: Visit, out: &[u64], native: bool) {
        let state = &out[1..self.updater.absent.len()];
        match (out[0] != 0, visit.position, visit.fresh) {
            (true, Some(position), fresh) => {
                let ty = &self.updater.state;
                // SAFETY: states of the compiled type.
                let same = self
                    .state(visit)
                    .is_some_and(|before| unsafe { same_value(ty, before, state) });
                if !same {
                    // SAFETY: as above.
                    unsafe { self.change.set(position, state) };
                }
                let settled = native && ((same && fresh.is_none()) || self.settles(state));
                if !settled {
                    self.unsettled.push(position as u32);
                }
            }
            (true, None, Some(at)) => {
                let mut state = state.to_vec();
                // SAFETY: as above.
                unsafe { self.kept.keep(&self.updater.state, &mut state) };
                self.added.push((at, state, native));
            }
            // Once all calls are made: no position may change before.
            (false, Some(position), _) => self.dropped.push(position),
            _ => {}
        }
    }

    /// Whether the function, called with no values, leaves a state as it is.
    fn settles(&mut self, state: &[u64]) -> bool {
        let mut out = [0; MOST_SLOTS];
        // SAFETY: no lists, and a state of the compiled type.
        let done = unsafe { self.updater.call(&mut self.calls, &[], Some(state), &mut out) };
        // SAFETY: states of the compiled type.
        done && out[0] != 0
            && unsafe { same_value(&self.updater.state, state, &out[1..=state.len()]) }
    }

    /// Drops and adds keys.
    fn apply_new(&mut self) {
        for position in std::mem::take(&mut self.dropped) {
            self.change.drop_key(position);
        }
        let Some(fresh) = self.fresh else { return };
        let mut added = std::mem::take(&mut self.added);
        added.sort_unstable_by_key(|(at, _, _)| *at);
        for (at, state, native) in added {
            // SAFETY: a key and a state of the table's types.
            let position = unsafe { self.change.add(fresh.key(at), &state) };
            if !(native && self.settles(&state)) {
                self.unsettled.push(position as u32);
            }
            self.calls.clear(false);
        }
    }

    /// Has the worker make the calls that native code left to it.
    fn redo(&mut self, worker: &mut InWorker<'_>) -> Result<Redone, TaskError> {
        let maybe = &self.updater.maybe;
        let key = self.change.table().pair().0.clone();
        let value = self.fresh.map_or(&Type::Never, Arrivals::value_type);
        let values = Type::List(Box::new(value.clone()));
        let ty = Type::Tuple(vec![key, values, maybe.clone()]);
        let mut data = Vec::new();
        pickle::begin_list(&mut data);
        for &visit in &self.given_up {
            let mut record = self.key(visit);
            let list = record.len();
            record.push(0);
            match self.state(visit) {
                Some(state) => {
                    record.push(1);
                    record.extend_from_slice(state);
                }
                None => record.extend_from_slice(&self.updater.absent),
            }
            // SAFETY: a key, a list of values and a state of their types; all that they point to is alive.
            unsafe {
                self.updater.as_list(self.lists(visit), |values| {
                    record[list] = values;
                    pickle::write(&mut data, &ty, &record);
                });
            }
        }
        pickle::end_list(&mut data);
        let block: BlockRef = Arc::new(DataBlock { records: self.given_up.len(), data });
        let part = Part::Updates { code: maybe.code() };
        redone(worker(&part, &[vec![block]])?, maybe)
    }

    /// The next state as pickled records: CPython's states are not all of the compiled type.
    fn untyped(
        mut self,
        states: BlockRef,
        worker: &mut InWorker<'_>,
    ) -> Result<Partition, TaskError> {
        let given_up = std::mem::take(&mut self.given_up);
        // A key whose call CPython made has a place among the others, kept keys first.
        let place = |visit: &Visit| (visit.position.unwrap_or(usize::MAX), visit.fresh);
        let theirs: Vec<_> = given_up.iter().map(place).collect();
        let (table, added) = (self.change.table(), &mut self.added);
        added.sort_unstable_by_key(|(at, _, _)| *at);
        let ours = (0..table.positions())
            .filter(|position| table.state(*position).is_some())
            .map(|position| ((position, None), table.key(position), table.state(position)));
        let (mut native, mut keys, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for list in [&mut native, &mut keys, &mut places] {
            pickle::begin_list(list);
        }
        let mut count = 0;
        let mut theirs_next = 0;
        let (key_type, state_type) = (table.pair().0.clone(), self.updater.state.clone());
        let pair = Type::Tuple(vec![key_type.clone(), state_type]);
        let mut own = |at: (usize, Option<usize>), key: &[u64], state: &[u64]| {
            while theirs_next < theirs.len() && theirs[theirs_next] < at {
                pickle::write_int(&mut places, count);
                theirs_next += 1;
            }
            count += 1;
            // SAFETY: a key and a state of the types.
            unsafe { pickle::write(&mut native, &pair, &[key, state].concat()) };
        };
        let dropped: HashSet<usize> = self.dropped.iter().copied().collect();
        let by_cpython: HashSet<usize> =
            given_up.iter().filter_map(|visit| visit.position).collect();
        for (at, key, state) in ours {
            if !by_cpython.contains(&at.0) && !dropped.contains(&at.0) {
                own(at, &key, state.unwrap_or_default());
            }
        }
        for (at, state, _) in added.iter() {
            let key = self.fresh.map(|fresh| fresh.key(*at)).unwrap_or_default();
            own((usize::MAX, Some(*at)), key, state);
        }
        for _ in theirs_next..theirs.len() {
            pickle::write_int(&mut places, count);
        }
        for visit in &given_up {
            // SAFETY: a key of the type.
            unsafe { pickle::write(&mut keys, &key_type, &self.key(*visit)) };
        }
        let block = |records: usize, mut data: Vec<u8>| {
            pickle::end_list(&mut data);
            vec![Arc::new(DataBlock { records, data }) as BlockRef]
        };
        let theirs = given_up.len();
        let inputs = [
            block(count as usize, native),
            block(theirs, keys),
            vec![states],
            block(theirs, places),
        ];
        Ok(worker(&Part::States, &inputs)?.pop().unwrap_or_default())
    }
}
