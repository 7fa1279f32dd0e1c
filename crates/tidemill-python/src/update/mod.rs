//! `updateStateByKey` with a compiled function: from the state and a batch's values to the next state.
//!
//! A function that only reads its values gets them where they came ([`arrivals`]); for another one they are put
//! into a list, key by key. What native code leaves to CPython is run by the worker in the same order; that
//! can do no more than be slower, since native calls have no effects.

mod arrivals;
mod run;

use std::collections::HashMap;
use std::sync::Arc;

use tidemill::block::Partition;
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill_udf::{Call, Function, Reason, Rows, Type, as_list, digest, in_parts, pair_of};

use arrivals::Arrivals;
use run::Run;

use crate::groups::MOST_SLOTS;
use crate::native::{Counts, InWorker, Input, MOST_TYPES};
use crate::report::{Counted, InputReport, Report};
use crate::state::StateBlock;

/// How often the type of the state may turn out to be wider than it seemed.
const WIDENINGS: usize = 4;

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
    /// The type of the values.
    value: Type,
    /// How it takes them.
    takes: Takes,
    /// The type of the states.
    state: Type,
    /// The type of what it takes and gives: a state or none.
    maybe: Type,
    /// The slots of no state.
    absent: Vec<u64>,
    counts: Arc<Counts>,
}

/// How a function takes its new values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// As what `len`, `sum`, `min` and `max` tell of them.
    Digest,
    /// In parts.
    Parts,
    /// As a list.
    List,
}

/// Inputs that compiled code can read.
struct Inputs<'a> {
    before: Option<Input<'a>>,
    /// The batch's values, if there are any.
    fresh: Option<Arrivals<'a>>,
    key: Type,
    value: Type,
    state: Option<Type>,
}

/// What a partition is for compiled code.
enum Readable<'a> {
    /// Neither state nor values.
    Empty,
    /// State, values or both.
    Inputs(Box<Inputs<'a>>),
    /// It is CPython's.
    Unreadable,
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
        match Inputs::of(before, fresh) {
            Readable::Empty => Some(Ok(vec![before.clone()])),
            Readable::Inputs(readable) => self.native(&readable, report, made, worker),
            Readable::Unreadable => None,
        }
    }

    /// The next state.
    fn native(
        &self,
        inputs: &Inputs<'_>,
        report: &Report,
        made: &mut Option<InputReport>,
        worker: &mut InWorker<'_>,
    ) -> Option<Result<Vec<Partition>, TaskError>> {
        let updater = self.updater(inputs, report, made)?;
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
        let run = Run::new(&self.name, &updater, before, inputs.fresh.as_ref());
        Some(run.run(worker).map(|state| vec![state]))
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
        if let Some(known) = compiled.get(&key) {
            return known.clone();
        }
        let state = inputs.state.as_ref();
        let updater = report.time(|| Updater::new(&self.function, &inputs.value, state));
        let updater = updater.map(Arc::new);
        *made = Some(tell(&updater, inputs));
        let updater = updater.ok();
        if let Some(updater) = &updater {
            // The states that it gives come back with the next batch.
            let next = (inputs.value.clone(), Some(updater.state.clone()));
            compiled.entry(next).or_insert_with(|| Some(updater.clone()));
        }
        compiled.insert(key, updater.clone());
        updater
    }
}

/// What the report says of a type of input.
fn tell(updater: &Result<Arc<Updater>, Reason>, inputs: &Inputs<'_>) -> InputReport {
    let state = match (updater, &inputs.state) {
        (Ok(updater), _) => updater.state.to_string(),
        (Err(_), Some(state)) => state.to_string(),
        (Err(_), None) => "any type".to_owned(),
    };
    let reason = updater.as_ref().err().map(Reason::to_string);
    let folds = updater.as_ref().is_ok_and(|updater| updater.folds());
    InputReport {
        input: format!("values of {} and state of {state}", inputs.value),
        rest: reason.as_ref().map(|_| 0),
        reason,
        chains: std::iter::once(0..1).collect(),
        left: updater.iter().flat_map(|updater| updater.left_out()).collect(),
        note: folds.then_some("folds values as they come"),
        counted: updater.as_ref().ok().map(|updater| Counted::Calls(updater.counts.clone())),
    }
}

impl Updater {
    /// Finds the type of the states: that of the first result, or a wider one that the function keeps to.
    fn new(function: &Function, value: &Type, state: Option<&Type>) -> Result<Updater, Reason> {
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
            let reason = match of(&maybe, Some(&maybe)) {
                Ok(call) => {
                    return Ok(Updater::of(value, state, call, |values, maybe| {
                        Call::new(function, &[values, maybe.clone()], Some(maybe))
                    }));
                }
                Err(reason) => reason,
            };
            let found = of(&maybe, None).ok();
            let wider = found.and_then(|found| state.unify(there(found.result())));
            match wider.filter(|wider| *wider != state) {
                Some(wider) => state = wider,
                None => {
                    // Another type is returned first, if rarely.
                    let giving = |values: Type, maybe: &Type| {
                        Call::giving(function, &[values, maybe.clone()], maybe)
                    };
                    let call = giving(values, &maybe).map_err(|_| reason)?;
                    return Ok(Updater::of(value, state, call, giving));
                }
            }
        }
        Err(Reason::types_of("a state", &state))
    }

    /// With a digest of the values or with their parts, if as much of the function compiles for that as for the list
    /// of them.
    fn of(
        value: &Type,
        state: Type,
        listing: Call,
        compile: impl Fn(Type, &Type) -> Result<Call, Reason>,
    ) -> Updater {
        let maybe = Type::Option(Box::new(state.clone()));
        let as_much =
            |call: &Call| call.left_out().iter().all(|reason| listing.left_out().contains(reason));
        let ways =
            [(Takes::Digest, Type::Digest), (Takes::Parts, Type::Parts(Box::new(value.clone())))];
        let mut ways =
            ways.into_iter().filter(|(takes, _)| *takes != Takes::Digest || *value == Type::Int);
        let reading = ways.find_map(|(takes, values)| {
            let call = compile(values, &maybe).ok().filter(as_much)?;
            Some((takes, call))
        });
        let (takes, call) = reading.unwrap_or((Takes::List, listing));
        let (absent, counts) = (maybe.absent(), Arc::default());
        Updater { call, value: value.clone(), takes, state, maybe, absent, counts }
    }

    /// What of it is left to CPython.
    fn left_out(&self) -> impl Iterator<Item = String> {
        self.call.left_out().iter().map(Reason::to_string)
    }

    /// Whether no list is made of the values.
    fn folds(&self) -> bool {
        self.takes != Takes::List && !self.call.makes_lists()
    }

    /// Calls it with the values in some lists, none of them empty; false if the call is CPython's.
    ///
    /// # Safety
    /// The slots must be those of lists of its values, alive, and of one of its states; `out` must have room for
    /// what it gives.
    unsafe fn call(
        &self,
        calls: &mut Rows<'static>,
        lists: &[u64],
        state: Option<&[u64]>,
        out: &mut [u64],
    ) -> bool {
        let mut before = [0; MOST_SLOTS];
        match state {
            Some(state) => {
                before[0] = 1;
                before[1..=state.len()].copy_from_slice(state);
            }
            None => before[..self.absent.len()].copy_from_slice(&self.absent),
        }
        // SAFETY: the caller's promise.
        let mut run = |values: &[u64]| unsafe { self.call.run(calls, values, &before, out) };
        // SAFETY: the caller's promise.
        unsafe {
            match self.takes {
                Takes::Digest => run(&digest::of(lists.iter().copied())),
                Takes::Parts => self.listed(lists, |lists| in_parts(lists, |list| run(&[list]))),
                Takes::List => self.as_list(lists, |list| run(&[list])),
            }
        }
    }

    /// Calls `f` with the slots of lists, none of which is in runs.
    ///
    /// # Safety
    /// The slots must be those of lists of its values, alive.
    unsafe fn listed<T>(&self, lists: &[u64], f: impl FnOnce(&[u64]) -> T) -> T {
        match self.value {
            // SAFETY: the caller's promise.
            Type::Int => unsafe { digest::listed(lists, f) },
            _ => f(lists),
        }
    }

    /// Calls `f` with the slot of one list of all values.
    ///
    /// # Safety
    /// As for [`Updater::listed`].
    unsafe fn as_list<T>(&self, lists: &[u64], f: impl FnOnce(u64) -> T) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.listed(lists, |lists| as_list(&self.value, lists, f)) }
    }
}

/// What an option holds.
fn there(ty: &Type) -> &Type {
    match ty {
        Type::Option(value) => value,
        other => other,
    }
}

impl<'a> Inputs<'a> {
    fn of(before: &'a Partition, fresh: &'a Partition) -> Readable<'a> {
        let is_empty = |blocks: &Partition| blocks.iter().all(|block| block.is_empty());
        let values = match is_empty(fresh) {
            true => None,
            false => match Input::of(fresh).and_then(|fresh| Arrivals::of(&fresh)) {
                Some(values) => Some(values),
                None => return Readable::Unreadable,
            },
        };
        if is_empty(before) {
            return match values {
                None => Readable::Empty,
                some => Inputs::with(None, some),
            };
        }
        let before = Input::of(before);
        before.map_or(Readable::Unreadable, |before| Inputs::with(Some(before), values))
    }

    /// Both, if compiled code can read them together.
    fn with(before: Option<Input<'a>>, fresh: Option<Arrivals<'a>>) -> Readable<'a> {
        let inputs = Inputs::together(before, fresh);
        inputs.map_or(Readable::Unreadable, |inputs| Readable::Inputs(Box::new(inputs)))
    }

    fn together(before: Option<Input<'a>>, fresh: Option<Arrivals<'a>>) -> Option<Inputs<'a>> {
        let (mut key, mut state) = (None, None);
        if let Some(before) = &before {
            let ty = before.ty();
            let (its, kept) = pair_of(&ty)?;
            (key, state) = (Some(its.clone()), Some(kept.clone()));
        }
        let mut value = Type::Never;
        if let Some(fresh) = &fresh {
            if key.get_or_insert_with(|| fresh.key_type().clone()) != fresh.key_type() {
                return None;
            }
            value = fresh.value_type().clone();
        }
        let key = key.filter(Type::is_key)?;
        Some(Inputs { before, fresh, key, value, state })
    }
}
