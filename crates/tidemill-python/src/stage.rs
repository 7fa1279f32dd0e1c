//! A stage of Python operators, and what of it is compiled.
//!
//! Which operators may be compiled is known when a job is submitted, from their functions; for which types when
//! the first block comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyList;
use tidemill::block::Partition;
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill::{Error, Result};
use tidemill_udf::{Function, Type};

use crate::errors::to_python;
use crate::native::{InWorker, Input, Native, Plan};
use crate::report::{InputReport, Operator, Report, StageReport, UNTYPED};
use crate::slide::{Slide, SlidePlan};
use crate::update::Update;
use crate::worker::Payload;

/// Types of input for which one stage is compiled.
const MOST_TYPES: usize = 64;

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

/// The operators of a stage.
pub struct Stage {
    plan: Option<Plan>,
    update: Option<Update>,
    slide: Option<Slide>,
    strict: bool,
    native: Lock<HashMap<Type, Option<Arc<Native>>>>,
    report: Arc<Report>,
    own_report: Arc<StageReport>,
    untyped: AtomicBool,
}

impl Stage {
    /// Reads the functions of operators.
    pub fn new(
        ops: &Bound<'_, PyList>,
        payload: &Payload,
        mode: CompileMode,
        report: &Arc<Report>,
    ) -> PyResult<Stage> {
        report.time(|| {
            let chain = ops.py().import("tidemill.compiler.chain")?;
            let shape = (ops, payload.has_head, payload.buckets > 0);
            let found = chain.getattr("plan")?.call1(shape)?;
            let functions: Vec<String> = found.get_item("functions")?.extract()?;
            let refused = functions.iter().find(|line| line.contains(": not compiled")).cloned();
            report.tell(functions);
            if let (CompileMode::Strict, Some(line)) = (mode, refused) {
                return Err(to_python(refusal(&line)));
            }
            let operators: Vec<(String, Option<String>, Option<String>)> =
                found.get_item("operators")?.extract()?;
            let operators = operators.into_iter();
            let operators =
                operators.map(|(name, refused, left)| Operator { name, refused, left }).collect();
            let plan: Option<Plan> = read(&found.get_item("plan")?)?;
            let update: Option<Function> = read(&found.get_item("update")?)?;
            let slide: Option<SlidePlan> = read(&found.get_item("slide")?)?;
            let own_report = report.add(operators);
            if plan.is_none() && update.is_none() && slide.is_none() {
                own_report.add(InputReport::interpreted());
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
            })
        })
    }

    /// Runs it on the partitions of its inputs; `None` if it is the worker's as a whole.
    pub fn run(
        &self,
        inputs: &[Partition],
        buckets: usize,
        worker: &mut InWorker<'_>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        let mut made = None;
        if let Some(update) = &self.update {
            let ran = update.run(inputs, &self.report, &mut made, worker);
            return self.ran(ran, made);
        }
        if let Some(slide) = &self.slide {
            let ran = slide.run(inputs, &self.report, &mut made, worker);
            return self.ran(ran, made);
        }
        let (Some(plan), [input]) = (&self.plan, inputs) else { return Ok(None) };
        if input.iter().all(|block| block.is_empty()) {
            return Ok(plan.keeps_empty().then(|| vec![Vec::new(); buckets.max(1)]));
        }
        let Some(rows) = Input::of(input) else { return self.untyped().map(|()| None) };
        match self.native(plan, &rows)? {
            Some(native) if native.is_worth_it() => {
                native.run(input.clone(), buckets, worker).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What an operator of several inputs gave, told what was made for their types.
    fn ran(
        &self,
        ran: Option<Result<Vec<Partition>, TaskError>>,
        made: Option<InputReport>,
    ) -> Result<Option<Vec<Partition>>, TaskError> {
        match (ran, made.and_then(|made| self.tell(made))) {
            (None, Some(reason)) if self.strict => Err(refusal(&reason).into()),
            (ran, _) => ran.transpose(),
        }
    }

    /// The stage compiled for a type of input.
    fn native(&self, plan: &Plan, input: &Input<'_>) -> Result<Option<Arc<Native>>, TaskError> {
        let ty = input.ty();
        if let Some(known) = self.native.lock().get(&ty) {
            return Ok(known.clone());
        }
        if self.native.lock().len() >= MOST_TYPES {
            return Ok(None);
        }
        let made = self.report.time(|| Native::compile(plan, input));
        let native = made.native.clone();
        if let (Some(reason), true) = (self.tell(made), self.strict) {
            return Err(refusal(&reason).into());
        }
        self.native.lock().insert(ty, native.clone());
        Ok(native)
    }

    /// Reports, once, that compiled code cannot read the records.
    fn untyped(&self) -> Result<(), TaskError> {
        if !self.untyped.swap(true, Ordering::Relaxed) {
            self.own_report.add(InputReport::untyped());
        }
        match self.strict {
            true => Err(refusal(UNTYPED).into()),
            false => Ok(()),
        }
    }

    /// Reports what was made for a type of input; why not all of it, if so.
    fn tell(&self, made: InputReport) -> Option<String> {
        let reason = made.reason.clone();
        let lines = reason.iter().map(|reason| format!("  not compiled after all: {reason}"));
        self.report.tell(lines.collect());
        self.own_report.add(made);
        reason
    }
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
