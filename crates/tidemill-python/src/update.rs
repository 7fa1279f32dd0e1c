//! `updateStateByKey` with a compiled function: from the state and a batch's values to the next state.
//!
//! Called for kept keys in their order, then for new keys as first seen. What native code leaves to CPython is run
//! by the worker in the same order; that can do no more than be slower, since native calls have no effects.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill::{Error, Result};
use tidemill_udf::{
    Call, Function, Heap, Reason, Records, Rows, Type, pair_of, pickle, same_value,
};

use crate::block::DataBlock;
use crate::groups::{Collect, Groups, MOST_SLOTS};
use crate::native::{InWorker, Input, Part, Redone, redone};
use crate::report::{InputReport, Report};
use crate::state::{Change, StateBlock};

/// How often the type of the state may turn out to be wider than it seemed.
const WIDENINGS: usize = 4;

/// Types of values and states for which one function is compiled.
const MOST_TYPES: usize = 64;

/// An update function, compiled for each type of values and states that it meets.
pub struct Update {
    function: Function,
    /// Names the function and all that it captures.
    name: Arc<str>,
    compiled: Lock<Compiled>,
}

/// By the types of values and states that a partition came with; nothing where it does not compile.
type Compiled = HashMap<(Type, Option<Type>), Option<Arc<Updater>>>;

/// It, compiled for one type of each.
struct Updater {
    call: Call,
    /// The type of the states.
    state: Type,
}

/// Inputs that compiled code can read.
struct Inputs<'a> {
    before: Option<Input<'a>>,
    /// Each key once, with the list of its values.
    fresh: Option<Records>,
    key: Type,
    value: Type,
    state: Option<Type>,
}

impl Update {
    /// A function, not compiled yet.
    pub fn new(function: Function, name: &str) -> Update {
        Update { function, name: name.into(), compiled: Lock::default() }
    }

    /// Runs it on a partition of the state and one of the batch; `None` if that is CPython's as a whole. Tells
    /// why, the first time.
    pub fn run(
        &self,
        inputs: &[Partition],
        report: &Report,
        made: &mut Option<InputReport>,
        worker: &mut InWorker<'_>,
    ) -> Option<Result<Vec<Partition>, TaskError>> {
        let [before, fresh] = inputs else { return None };
        let inputs = Inputs::of(before, fresh)?;
        let Some(inputs) = inputs else {
            return Some(Ok(vec![before.clone()]));
        };
        let updater = self.updater(&inputs, report, made)?;
        let ty = Type::Tuple(vec![inputs.key.clone(), updater.state.clone()]);
        let made;
        let before = match &inputs.before {
            Some(Input::State(state)) if *state.ty() == ty => state,
            Some(before) => {
                made = StateBlock::of(&ty, before)?;
                &made
            }
            _ => {
                made = StateBlock::new(&ty);
                &made
            }
        };
        Some(Run::new(self, &updater, before, inputs.fresh.as_ref()).run(worker))
    }

    fn updater(
        &self,
        inputs: &Inputs<'_>,
        report: &Report,
        made: &mut Option<InputReport>,
    ) -> Option<Arc<Updater>> {
        let key = (inputs.value.clone(), inputs.state.clone());
        let mut compiled = self.compiled.lock();
        if inputs.fresh.is_none() {
            // No values are values of any type.
            let same = |updater: &&Arc<Updater>| Some(&updater.state) == inputs.state.as_ref();
            if let Some(known) = compiled.values().flatten().find(same) {
                return Some(known.clone());
            }
        }
        if compiled.len() >= MOST_TYPES && !compiled.contains_key(&key) {
            return None;
        }
        let known = compiled.entry(key).or_insert_with(|| {
            let state = inputs.state.as_ref();
            let updater = report.time(|| compile(&self.function, &inputs.value, state));
            let state = match (&updater, state) {
                (Ok(updater), _) => updater.state.to_string(),
                (Err(_), Some(state)) => state.to_string(),
                (Err(_), None) => "any type".to_owned(),
            };
            let reason = updater.as_ref().err().map(Reason::to_string);
            *made = Some(InputReport {
                input: format!("values of {} and state of {state}", inputs.value),
                rest: reason.as_ref().map(|_| 0),
                reason,
                left: Vec::new(),
                native: None,
            });
            updater.map(Arc::new).ok()
        });
        known.clone()
    }
}

/// Finds the type of the states: that of the first result, or a wider one that the function keeps to.
fn compile(
    function: &Function,
    value: &Type,
    state: Option<&Type>,
) -> std::result::Result<Updater, Reason> {
    let values = Type::List(Box::new(value.clone()));
    let of = |state: &Type, wanted: Option<&Type>| {
        Call::new(function, &[values.clone(), state.clone()], wanted)
    };
    let mut state = match state {
        Some(state) => state.clone(),
        None => there(of(&Type::None, None)?.result()).clone(),
    };
    for _ in 0..WIDENINGS {
        let maybe = Type::Option(Box::new(state.clone()));
        if state == Type::None || state.slots() + 1 > MOST_SLOTS {
            break;
        }
        match of(&maybe, Some(&maybe)) {
            Ok(call) => return Ok(Updater { call, state }),
            Err(reason) => {
                let found = of(&maybe, None)?;
                match state.unify(there(found.result())) {
                    Some(wider) if wider != state => state = wider,
                    _ => return Err(reason),
                }
            }
        }
    }
    Err(Reason::types_of("a state", &state))
}

/// What an option holds.
fn there(ty: &Type) -> &Type {
    match ty {
        Type::Option(value) => value,
        other => other,
    }
}

impl<'a> Inputs<'a> {
    /// `None` if compiled code cannot read them, and no inputs if there is nothing.
    fn of(before: &'a Partition, fresh: &'a Partition) -> Option<Option<Inputs<'a>>> {
        let is_empty = |blocks: &Partition| blocks.iter().all(|block| block.is_empty());
        let before = if is_empty(before) { None } else { Some(Input::of(before)?) };
        let fresh = if is_empty(fresh) { None } else { Some(joined(&Input::of(fresh)?)?) };
        if before.is_none() && fresh.is_none() {
            return Some(None);
        }
        let (mut key, mut state, mut value) = (None, None, Type::Never);
        if let Some(before) = &before {
            let ty = before.ty();
            let (its, kept) = pair_of(&ty)?;
            (key, state) = (Some(its.clone()), Some(kept.clone()));
        }
        if let Some(fresh) = &fresh {
            let (its, Type::List(item)) = pair_of(fresh.ty())? else { return None };
            if key.get_or_insert_with(|| its.clone()) != its {
                return None;
            }
            value = (**item).clone();
        }
        let key = key.filter(Type::is_key)?;
        Some(Some(Inputs { before, fresh, key, value, state }))
    }
}

/// The values of each key, from all map partitions.
fn joined(fresh: &Input<'_>) -> Option<Records> {
    let ty = fresh.ty();
    let mut groups = Groups::new(&ty, Collect::Join, 1)?;
    let flow = fresh.each(|record| {
        // SAFETY: records of the type, in blocks that are alive; no key's memory changes.
        match unsafe { groups.add(record) } {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    flow.is_continue().then(|| groups.finish().pop())?
}

/// One call that is to be made.
#[derive(Clone, Copy)]
struct Visit {
    /// The key's position, if it is kept.
    position: Option<usize>,
    /// Its record among the fresh ones, if something came.
    fresh: Option<usize>,
}

/// One run on a partition.
struct Run<'r> {
    update: &'r Update,
    updater: &'r Updater,
    fresh: Option<&'r Records>,
    change: Change,
    calls: Rows<'static>,
    /// What native code left to CPython.
    given_up: Vec<Visit>,
    dropped: Vec<usize>,
    /// Fresh records of new keys, with their states, and whether those are native code's.
    added: Vec<(usize, Vec<u64>, bool)>,
    kept: Heap,
    unsettled: Vec<u32>,
}

impl<'r> Run<'r> {
    fn new(
        update: &'r Update,
        updater: &'r Updater,
        before: &StateBlock,
        fresh: Option<&'r Records>,
    ) -> Run<'r> {
        Run {
            update,
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

    fn run(mut self, worker: &mut InWorker<'_>) -> Result<Vec<Partition>, TaskError> {
        let width = self.updater.state.slots() + 1;
        for visit in self.visits() {
            let mut out = vec![0; width];
            match self.call(visit, &mut out) {
                true => self.take(visit, &out, true),
                false => self.given_up.push(visit),
            }
            self.calls.clear(false);
        }
        if !self.given_up.is_empty() {
            match self.redo(worker)? {
                Redone::Typed(states, _heap, _block) => {
                    for (visit, state) in std::mem::take(&mut self.given_up).into_iter().zip(states)
                    {
                        let absent = Type::Option(Box::new(self.updater.state.clone())).absent();
                        self.take(visit, state.first().unwrap_or(&absent), false);
                    }
                }
                Redone::Other(states) => return self.untyped(states, worker),
            }
        }
        self.apply_new();
        self.unsettled.sort_unstable();
        self.change.settle(self.unsettled, &self.update.name);
        Ok(vec![vec![Arc::new(self.change.finish()) as BlockRef]])
    }

    /// The calls to make, in the order in which PySpark makes them.
    fn visits(&self) -> Vec<Visit> {
        let table = self.change.table();
        let (mut touched, mut new) = (Vec::new(), Vec::new());
        for (at, record) in self.fresh.iter().flat_map(|fresh| fresh.iter()).enumerate() {
            // SAFETY: a key of the table's type.
            match unsafe { self.change.find(&record[..record.len() - 1]) } {
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
        let is_settled = *table.settled_by == *self.update.name;
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

    /// Calls the function; false if the call is CPython's.
    fn call(&mut self, visit: Visit, out: &mut [u64]) -> bool {
        let values = match (visit.fresh, self.fresh) {
            (Some(at), Some(fresh)) => fresh.get(at).last().copied(),
            _ => None,
        };
        let state = visit.position.and_then(|position| self.change.table().state(position));
        let state = match state {
            Some(state) => [&[1], state].concat(),
            None => Type::Option(Box::new(self.updater.state.clone())).absent(),
        };
        self.call_on(values, &state, out)
    }

    fn call_on(&mut self, values: Option<u64>, state: &[u64], out: &mut [u64]) -> bool {
        let none = || Type::List(Box::new(Type::Never)).absent();
        let values = values.map_or_else(none, |list| vec![list]);
        // SAFETY: a list of the compiled type, or one without items; a state of the compiled type or none.
        unsafe { self.updater.call.run(&mut self.calls, &values, state, out) }
    }

    /// Takes what the function gave: 0 for `None`, or 1 and the state.
    fn take(&mut self, visit: Visit, out: &[u64], native: bool) {
        match (out[0] != 0, visit.position, visit.fresh) {
            (true, Some(position), fresh) => {
                let state = &out[1..];
                let ty = &self.updater.state;
                // SAFETY: states of the compiled type.
                let same = self
                    .change
                    .table()
                    .state(position)
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
                let mut state = out[1..].to_vec();
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
        let mut out = vec![0; state.len() + 1];
        let before = [&[1], state].concat();
        let done = self.call_on(None, &before, &mut out);
        // SAFETY: states of the compiled type.
        done && out[0] != 0 && unsafe { same_value(&self.updater.state, state, &out[1..]) }
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
            let record = fresh.get(at);
            // SAFETY: a key and a state of the table's types.
            let position = unsafe { self.change.add(&record[..record.len() - 1], &state) };
            if !(native && self.settles(&state)) {
                self.unsettled.push(position as u32);
            }
            self.calls.clear(false);
        }
    }

    /// Has the worker make the calls that native code left to it.
    fn redo(&mut self, worker: &mut InWorker<'_>) -> Result<Redone, TaskError> {
        let state = Type::Option(Box::new(self.updater.state.clone()));
        let (key, values) = match self.fresh.and_then(|fresh| pair_of(fresh.ty())) {
            Some((key, values)) => (key.clone(), values.clone()),
            None => (self.change.table().pair().0.clone(), Type::List(Box::new(Type::Never))),
        };
        let ty = Type::Tuple(vec![key, values, state.clone()]);
        let mut data = Vec::new();
        pickle::begin_list(&mut data);
        for visit in &self.given_up {
            let record = self.arguments(*visit);
            // SAFETY: a key, a list of values and a state of their types.
            unsafe { pickle::write(&mut data, &ty, &record) };
        }
        pickle::end_list(&mut data);
        let block: BlockRef = Arc::new(DataBlock { records: self.given_up.len(), data });
        let part = Part::Updates { code: state.code() };
        let mut reply = worker(&part, &[vec![block]])?;
        let block = reply.pop().and_then(|mut partition| partition.pop());
        redone(block.ok_or_else(|| Error::Internal("no states came back".into()))?, &state)
    }

    /// Key, values and state of a call, as the slots of a tuple.
    fn arguments(&self, visit: Visit) -> Vec<u64> {
        let fresh = self.fresh.zip(visit.fresh).map(|(fresh, at)| fresh.get(at));
        let table = self.change.table();
        let mut record = match (fresh, visit.position) {
            (Some(fresh), _) => fresh.to_vec(),
            (None, position) => {
                let mut slots = table.key(position.unwrap_or_default());
                slots.extend(Type::List(Box::new(Type::Never)).absent());
                slots
            }
        };
        match visit.position.and_then(|position| table.state(position)) {
            Some(state) => {
                record.push(1);
                record.extend_from_slice(state);
            }
            None => record.extend(Type::Option(Box::new(self.updater.state.clone())).absent()),
        }
        record
    }

    /// The next state as pickled records: CPython's states are not all of the compiled type.
    fn untyped(
        mut self,
        states: BlockRef,
        worker: &mut InWorker<'_>,
    ) -> Result<Vec<Partition>, TaskError> {
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
        let mut own = |at: (usize, Option<usize>), key: Vec<u64>, state: &[u64]| {
            while theirs_next < theirs.len() && theirs[theirs_next] < at {
                pickle::write_int(&mut places, count);
                theirs_next += 1;
            }
            count += 1;
            // SAFETY: a key and a state of the types.
            unsafe { pickle::write(&mut native, &pair, &[&key[..], state].concat()) };
        };
        let dropped: std::collections::HashSet<usize> = self.dropped.iter().copied().collect();
        let by_cpython: std::collections::HashSet<usize> =
            given_up.iter().filter_map(|visit| visit.position).collect();
        for (at, key, state) in ours {
            if !by_cpython.contains(&at.0) && !dropped.contains(&at.0) {
                own(at, key, state.unwrap_or_default());
            }
        }
        for (at, state, _) in added.iter() {
            let record = self.fresh.map(|fresh| fresh.get(*at)).unwrap_or_default();
            own((usize::MAX, Some(*at)), record[..record.len().saturating_sub(1)].to_vec(), state);
        }
        for _ in theirs_next..theirs.len() {
            pickle::write_int(&mut places, count);
        }
        for visit in &given_up {
            let arguments = self.arguments(*visit);
            // SAFETY: the first slots are the key's.
            unsafe { pickle::write(&mut keys, &key_type, &arguments[..key_type.slots()]) };
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
        worker(&Part::States, &inputs)
    }
}
