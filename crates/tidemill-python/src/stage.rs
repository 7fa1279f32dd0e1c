//! A stage of Python operators, and what of it is compiled.
//!
//! Which operators may be compiled is known when a job is submitted, from their functions; for which types when
//! the first block comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyList;
use tidemill::block::Partition;
use tidemill::exec::TaskError;
use tidemill::lock::Lock;
use tidemill::{Error, Result};
use tidemill_udf::{Function, Type};

use crate::errors::to_python;
use crate::native::{InWorker, Input, Native, Plan};
use crate::update::Update;
use crate::worker::Payload;

/// Lines that are kept of what was compiled.
const MOST_TOLD: usize = 1024;

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

/// What was compiled, what was not and why, and the time that it took.
#[derive(Default)]
pub struct StageReport {
    lines: Lock<Vec<String>>,
    nanoseconds: AtomicU64,
}

impl StageReport {
    /// A line for each function.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// Time spent on reading functions and making code.
    pub fn compile_time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    fn tell(&self, lines: Vec<String>) {
        let mut told = self.lines.lock();
        for line in lines {
            if told.len() < MOST_TOLD && !told.contains(&line) {
                told.push(line);
            }
        }
    }

    /// Counts the time that `f` takes.
    pub fn time<T>(&self, f: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = f();
        let taken = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(taken, Ordering::Relaxed);
        result
    }
}

/// The operators of a stage.
pub struct Stage {
    plan: Option<Plan>,
    update: Option<Update>,
    strict: bool,
    native: Lock<HashMap<Type, Option<Arc<Native>>>>,
    report: Arc<StageReport>,
}

impl Stage {
    /// Reads the functions of operators.
    pub fn new(
        ops: &Bound<'_, PyList>,
        payload: &Payload,
        mode: CompileMode,
        report: &Arc<StageReport>,
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
            let plan: Option<Plan> = read(&found.get_item("plan")?)?;
            let update: Option<Function> = read(&found.get_item("update")?)?;
            Ok(Stage {
                plan,
                update: update.map(|function| Update::new(function, &payload.hash)),
                strict: mode == CompileMode::Strict,
                native: Lock::default(),
                report: report.clone(),
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
        if let Some(update) = &self.update {
            let mut told = Vec::new();
            let ran = update.run(inputs, &self.report, &mut told, worker);
            let refused = told.first().cloned();
            self.report.tell(told);
            return match (ran, refused) {
                (None, Some(line)) if self.strict => Err(refusal(&line).into()),
                (ran, _) => ran.transpose(),
            };
        }
        let (Some(plan), [input]) = (&self.plan, inputs) else { return Ok(None) };
        if input.iter().all(|block| block.is_empty()) && plan.keeps_empty() {
            return Ok(Some(vec![Vec::new(); buckets.max(1)]));
        }
        let Some(rows) = Input::of(input) else { return Ok(None) };
        match self.native(plan, &rows.ty())? {
            Some(native) if native.is_worth_it() => {
                native.run(input.clone(), buckets, worker).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The stage compiled for a type of input.
    fn native(&self, plan: &Plan, input: &Type) -> Result<Option<Arc<Native>>, TaskError> {
        if let Some(known) = self.native.lock().get(input) {
            return Ok(known.clone());
        }
        let (native, told) = self.report.time(|| Native::new(plan, input));
        let refused = told.iter().find(|line| line.contains("not compiled")).cloned();
        self.report.tell(told);
        if let (true, Some(line)) = (self.strict, refused) {
            return Err(refusal(&line).into());
        }
        let native = native.map(Arc::new);
        self.native.lock().insert(input.clone(), native.clone());
        Ok(native)
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
