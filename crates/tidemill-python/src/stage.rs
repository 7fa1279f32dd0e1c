//! A stage of Python operators, and what of it is compiled.
//!
//! Which operators may be compiled is known when a job is submitted, from their functions; for which types when
//! the first block comes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyList;
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill::{Error, Result};
use tidemill_udf::{Function, Type};

use crate::block::{ColumnsBlock, DataBlock};
use crate::errors::to_python;
use crate::native::{InWorker, Input, MOST_TYPES, Native, Plan, Sampled, Sides, Source};
use crate::report::{InputReport, Operator, Report, StageReport, UNTYPED};
use crate::slide::{Slide, SlidePlan};
use crate::update::Update;
use crate::values::Typing;
use crate::worker::Payload;

const MANY_TYPES: &str = "its input has had too many types";
const MANY_PAIRS: &str = "a join of so many pairs that CPython makes them one by one";

/// Times that a stage is compiled again for what its documents look like later.
const MOST_AGAIN: usize = 3;

/// `tidemill.python.compile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileMode {
    /// Everything in CPython.
    Off,
    /// What can be compiled is.
    Auto,
    /// A function that cannot be compiled is an error.
    Strict,
}

/// What is compiled for a type of input. Whoever compiles holds it: others wait for that, and do not compile too.
type Slot = Lock<Made>;

#[derive(Default)]
struct Made {
    /// Nothing if that was not tried yet; no code if nothing compiles.
    native: Option<Option<Arc<Native>>>,
    /// How often code was made again.
    again: usize,
}

/// The operators of a stage.
pub struct Stage {
    plan: Option<Plan>,
    update: Option<Update>,
    slide: Option<Slide>,
    strict: bool,
    native: Lock<HashMap<Type, Arc<Slot>>>,
    report: Arc<Report>,
    own_report: Arc<StageReport>,
    untyped: AtomicBool,
    /// For each input.
    typing: [Typing; 2],
}

impl Stage {
    /// Reads the functions of operators.
    pub fn new(
        ops: &Bound<'_, PyList>,
        labels: &[&str],
        payload: &Payload,
        mode: CompileMode,
        report: &Arc<Report>,
    ) -> PyResult<Stage> {
        report.time(|| {
            let chain = ops.py().import("tidemill.compiler.chain")?;
            let shape = (ops, payload.has_head, payload.buckets > 0, labels);
            let found = chain.getattr("plan")?.call1(shape)?;
            report.tell(found.get_item("functions")?.extract()?);
            let operators: Vec<(String, Option<String>, Option<String>, bool)> =
                found.get_item("operators")?.extract()?;
            let operators = operators.into_iter().map(|(name, refused, left, users)| Operator {
                name,
                refused,
                left,
                users,
            });
            let operators = operators.collect();
            let plan: Option<Plan> = read(&found.get_item("plan")?)?;
            let update: Option<Function> = read(&found.get_item("update")?)?;
            let slide: Option<SlidePlan> = read(&found.get_item("slide")?)?;
            let own_report = report.add(operators);
            let rest = match &plan {
                Some(plan) => plan.rest,
                None => (update.is_none() && slide.is_none()).then_some(0),
            };
            let planned = InputReport { rest, ..InputReport::interpreted() };
            let refused = own_report.interpreted(&planned);
            if rest == Some(0) {
                own_report.add(planned);
            }
            if let (CompileMode::Strict, Some(line)) = (mode, refused) {
                return Err(to_python(refusal(&line)));
            }
            Ok(Stage {
                plan,
                update: update.map(|function| Update::new(function, &payload.hash)),
                slide: slide.map(|plan| Slide::new(plan, &payload.hash)),
                strict: mode == CompileMode::Strict,
                native: Lock::default(),
                report: report.clone(),
                own_report,
                untyped: AtomicBool::new(false),
                typing: Default::default(),
            })
        })
    }

    /// Runs it on a partition of each of its inputs; `None` if it is the worker's as a whole.
    pub fn run(
        &self,
        inputs: &[Partition],
        buckets: usize,
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        match (&self.update, &self.slide, &self.plan, inputs) {
            (Some(update), _, _, [before, fresh]) => self.run_update(update, before, fresh, worker),
            (_, Some(slide), _, inputs) => self.run_slide(slide, inputs, worker),
            (None, None, Some(plan), [input]) => self.run_plan(plan, input, buckets, worker),
            _ => Ok(None),
        }
    }

    fn run_update(
        &self,
        update: &Update,
        before: &Partition,
        fresh: &Partition,
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        let [before_typing, fresh_typing] = &self.typing;
        let (before, fresh) = (readable(before, before_typing), readable(fresh, fresh_typing));
        let (Some(before), Some(fresh)) = (before, fresh) else {
            return self.away(UNTYPED).map(|()| None);
        };
        let typed = [&before, &fresh].map(|input| matches!(input, Cow::Owned(_)));
        let mut made = None;
        let inputs = [before.into_owned(), fresh.into_owned()];
        let ran = update.run(&inputs, &self.report, &mut made, worker);
        if typed[0] {
            let is_back = |states: &Vec<Partition>| !states.iter().any(is_cpythons);
            before_typing.was_of_use_if(matches!(&ran, Some(Ok(states)) if is_back(states)));
        }
        if typed[1] {
            fresh_typing.was_of_use_if(ran.is_some());
        }
        self.ran(ran, made)
    }

    /// Slices that CPython has may be some for compiled code, if they are of the window's type. A window that it has
    /// comes back by itself, with the type of what entered.
    fn run_slide(
        &self,
        slide: &Slide,
        inputs: &[Partition],
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        let mut inputs = inputs.to_vec();
        let mut ty = inputs.first().and_then(|before| Some(Input::of(before)?.ty()));
        let mut typed = Vec::new();
        // What entered says more of what is to come than what left.
        for (slices, typing) in inputs.iter_mut().skip(1).zip(&self.typing).rev() {
            let Some(found) = readable(slices, typing) else { continue };
            let of_type = Input::of(&found).map(|input| input.ty());
            match found {
                Cow::Borrowed(_) => ty = ty.or(of_type),
                Cow::Owned(found) if ty.is_none() || ty == of_type => {
                    (*slices, ty) = (found, of_type);
                    typed.push(typing);
                }
                Cow::Owned(_) => typing.was_of_use_if(false),
            }
        }
        let mut made = None;
        let ran = slide.run(&inputs, &self.report, &mut made, worker);
        let is_compiled = |window: &Vec<Partition>| !window.iter().any(is_cpythons);
        let useful = matches!(&ran, Some(Ok(window)) if is_compiled(window));
        typed.into_iter().for_each(|typing| typing.was_of_use_if(useful));
        let mut slices = inputs.iter().skip(1).flatten();
        match (&ran, slices.all(|block| block.is_empty())) {
            // No function has anything to do, whoever has the window.
            (None, true) => Ok(None),
            _ => self.ran(ran, made),
        }
    }

    /// What an operator of several inputs gave, told what was made for their types.
    fn ran(
        &self,
        ran: Option<Result<Vec<Partition>, TaskError>>,
        made: Option<InputReport>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        if let Some(made) = made {
            self.tell(made)?;
        }
        let Some(result) = ran.transpose()? else { return self.away(UNTYPED).map(|()| None) };
        self.check_worth()?;
        Ok(Some(result))
    }

    fn run_plan(
        &self,
        plan: &Plan,
        input: &Partition,
        buckets: usize,
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        if input.iter().all(|block| block.is_empty()) {
            return Ok(plan.keeps_empty().then(|| vec![Vec::new(); buckets.max(1)]));
        }
        let [typing, _] = &self.typing;
        let readable = match plan.join {
            Some(_) => joinable(input, typing),
            None => readable_rows(input, typing),
        };
        let source = readable.as_ref().and_then(|blocks| source(plan, blocks));
        let (Some(readable), Some(source)) = (&readable, source) else {
            return self.untyped().map(|()| None);
        };
        let native = match self.native(plan, &source)? {
            Some(native) if !native.is_worth_it() => self.compile_again(plan, &source, &native)?,
            native => native,
        };
        if let Cow::Owned(_) = readable {
            typing.was_of_use_if(native.is_some());
        }
        let Some(native) = native else { return self.away(MANY_TYPES).map(|()| None) };
        let Some(result) = native.run(readable.to_vec(), buckets, worker)? else {
            return self.away(MANY_PAIRS).map(|()| None);
        };
        if !native.has_looked() {
            self.check_worth()?;
        }
        Ok(Some(result))
    }

    /// The stage compiled for a type of input.
    fn native(&self, plan: &Plan, input: &Source<'_>) -> Result<Option<Arc<Native>>, TaskError> {
        let Some(slot) = self.slot(input.ty()) else { return Ok(None) };
        let mut slot = slot.lock();
        if let Some(known) = &slot.native {
            return Ok(known.clone());
        }
        let (made, native) = self.report.time(|| Native::compile(plan, input, Sampled::First));
        self.tell(made)?;
        slot.native = Some(native.clone());
        Ok(native)
    }

    /// Where code for a type is; `None` if there are too many types.
    fn slot(&self, ty: Type) -> Option<Arc<Slot>> {
        let mut known = self.native.lock();
        let has_room = known.len() < MOST_TYPES || known.contains_key(&ty);
        has_room.then(|| known.entry(ty).or_default().clone())
    }

    /// The stage compiled for what the rows look like now, instead of code that gives too many of them up; `None`
    /// if that is no help.
    fn compile_again(
        &self,
        plan: &Plan,
        input: &Source<'_>,
        before: &Arc<Native>,
    ) -> Result<Option<Arc<Native>>, TaskError> {
        let again = self.compile_later(plan, input, before);
        if again.is_none() {
            self.check_worth()?;
        }
        Ok(again)
    }

    fn compile_later(
        &self,
        plan: &Plan,
        input: &Source<'_>,
        before: &Arc<Native>,
    ) -> Option<Arc<Native>> {
        if !before.has_looked() {
            return None;
        }
        let slot = self.slot(input.ty())?;
        let mut slot = slot.lock();
        if let Some(Some(known)) = &slot.native
            && !Arc::ptr_eq(known, before)
        {
            return Some(known.clone());
        }
        if slot.again >= MOST_AGAIN {
            return None;
        }
        slot.again += 1;
        let again = || Native::compile(plan, input, Sampled::Everywhere);
        let (made, native) = self.report.time(again);
        let native = native.filter(|native| !native.saw_the_same(before))?;
        before.is_replaced();
        self.own_report.add(made);
        slot.native = Some(Some(native.clone()));
        Some(native)
    }

    /// Reports, once, that compiled code cannot read the records.
    fn untyped(&self) -> Result<(), TaskError> {
        if !self.untyped.swap(true, Ordering::Relaxed) {
            self.own_report.add(InputReport::untyped());
        }
        self.away(UNTYPED)
    }

    /// All of it is CPython's for an input: an error if it may not be.
    fn away(&self, why: &str) -> Result<(), TaskError> {
        let input = InputReport { reason: Some(why.to_owned()), ..InputReport::interpreted() };
        self.refuse(self.own_report.interpreted(&input))
    }

    /// CPython has run more than it is worth to compile: an error if it may not.
    fn check_worth(&self) -> Result<(), TaskError> {
        match self.strict {
            true => self.refuse(self.own_report.in_vain()),
            false => Ok(()),
        }
    }

    /// Reports what was made for a type of input.
    fn tell(&self, made: InputReport) -> Result<(), TaskError> {
        let lines = made.reason.iter().map(|reason| format!("  not compiled after all: {reason}"));
        self.report.tell(lines.collect());
        let refused = self.own_report.interpreted(&made);
        self.own_report.add(made);
        self.refuse(refused)
    }

    /// A function of the user's that is CPython's is an error if none may be.
    fn refuse(&self, interpreted: Option<String>) -> Result<(), TaskError> {
        match interpreted.filter(|_| self.strict) {
            Some(line) => Err(refusal(&line).into()),
            None => Ok(()),
        }
    }
}

/// Whether there are records that a worker made.
fn is_cpythons(blocks: &Partition) -> bool {
    let mut kinds = blocks.iter().map(|block| block.as_any());
    kinds.any(|block| block.is::<DataBlock>() || block.is::<ColumnsBlock>())
}

/// The blocks of an input as compiled code can read nearly all of their rows; `None` if it cannot.
fn readable_rows<'a>(input: &'a Partition, typing: &Typing) -> Option<Cow<'a, Partition>> {
    match Input::mixed(input) {
        Some(_) => Some(Cow::Borrowed(input)),
        None => typing.alike(input).map(Cow::Owned),
    }
}

/// The blocks of an input as compiled code can read all of their records; `None` if it cannot.
fn readable<'a>(input: &'a Partition, typing: &Typing) -> Option<Cow<'a, Partition>> {
    let is_empty = input.iter().all(|block| block.is_empty());
    match is_empty || Input::of(input).is_some() {
        true => Some(Cow::Borrowed(input)),
        false => typing.alike(input).map(Cow::Owned),
    }
}

/// The blocks of two sides as compiled code can join them; `None` if it cannot.
fn joinable<'a>(input: &'a Partition, typing: &Typing) -> Option<Cow<'a, Partition>> {
    match Sides::of(input) {
        Some(_) => Some(Cow::Borrowed(input)),
        None => typing.each(input).map(Cow::Owned),
    }
}

/// What the blocks are to a plan.
fn source<'a>(plan: &Plan, blocks: &'a [BlockRef]) -> Option<Source<'a>> {
    if plan.join.is_some() {
        return Sides::of(blocks).map(Source::Sides);
    }
    let rows = Input::mixed(blocks)?;
    (rows.is_expanded() == plan.expands).then_some(Source::Rows(rows))
}

fn read<T: serde::de::DeserializeOwned>(json: &Bound<'_, PyAny>) -> PyResult<Option<T>> {
    let Some(json) = json.extract::<Option<String>>()? else { return Ok(None) };
    let read = serde_json::from_str(&json);
    read.map(Some).map_err(|e| to_python(Error::Internal(format!("the plan of a stage: {e}"))))
}

fn refusal(line: &str) -> Error {
    Error::IllegalArgument(format!(
        "tidemill.python.compile=strict expects every function of an operator to compile, but {}; change \
         the function or use auto",
        line.trim()
    ))
}
