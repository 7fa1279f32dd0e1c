//! The Python front end's backend: each executor thread has a worker process of its own, started with the
//! engine and again after it dies.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use siphasher::sip128::{Hasher128, SipHasher13};
use tidemill::block::{BlockRef, Partition};
use tidemill::exec::{Backend, Prepared, TaskContext, TaskError, Update};
use tidemill::lock::Lock;
use tidemill::rdd::{OpRef, Segment};
use tidemill::text::TextBlock;
use tidemill::{Error, Result};

use crate::errors::{from_python, to_python};
use crate::native::{Native, Plan};
use crate::op::PyOp;
use crate::worker::{Broadcasts, Payload, Process, Worker};

/// The hash of a stage's operators and its number of buckets, which their pickle does not say.
type StageKey = (String, usize);

/// Runs segments in worker processes.
pub struct PythonBackend {
    python: String,
    environment: BTreeMap<String, String>,
    serialize: Py<PyAny>,
    on_accumulators: Py<PyAny>,
    mode: CompileMode,
    compiled: Lock<HashMap<StageKey, Option<Arc<Native>>>>,
    report: Lock<Vec<String>>,
    broadcasts: RwLock<Arc<Broadcasts>>,
    slots: Vec<Slot>,
    stopped: AtomicBool,
}

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

/// Stages whose compiled form is kept.
const MOST_COMPILED: usize = 256;

/// A segment made ready: for the worker, and for native code if it is compiled.
struct Ready {
    payload: Payload,
    native: Option<Arc<Native>>,
}

/// One executor's worker. The executor thread alone talks to it; others may only end it.
#[derive(Default)]
struct Slot {
    worker: Lock<Option<Worker>>,
    process: Lock<Option<Process>>,
}

impl PythonBackend {
    pub fn new(
        slots: usize,
        python: String,
        environment: BTreeMap<String, String>,
        serialize: Py<PyAny>,
        on_accumulators: Py<PyAny>,
        mode: CompileMode,
    ) -> Self {
        PythonBackend {
            python,
            environment,
            serialize,
            on_accumulators,
            mode,
            compiled: Lock::default(),
            report: Lock::default(),
            broadcasts: RwLock::default(),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Sets or removes a shared value.
    pub fn set_broadcast(&self, id: u64, value: Option<&[u8]>) {
        let mut broadcasts = self.broadcasts.write().unwrap_or_else(|e| e.into_inner());
        let map = Arc::make_mut(&mut broadcasts);
        match value {
            Some(value) => map.insert(id, value.into()),
            None => map.remove(&id),
        };
    }

    /// Ids of the worker processes that run now.
    pub fn worker_ids(&self) -> Vec<u32> {
        self.slots.iter().filter_map(|slot| slot.process.lock().as_ref().map(Process::id)).collect()
    }

    fn start_worker(&self, slot: &Slot) -> Result<Worker, TaskError> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(TaskError::Fatal(Error::Cancelled));
        }
        let started = Worker::start(&self.python, &self.environment);
        let (worker, process) = started.map_err(|e| {
            TaskError::Fatal(Error::io(format!("starting the worker process {}", self.python), e))
        })?;
        let mut held = slot.process.lock();
        if self.stopped.load(Ordering::Acquire) {
            // The stop has already looked here.
            drop(held);
            process.stop();
            return Err(TaskError::Fatal(Error::Cancelled));
        }
        *held = Some(process);
        Ok(worker)
    }

    /// What was compiled and what was not, one line per function.
    pub fn report(&self) -> Vec<String> {
        self.report.lock().clone()
    }

    /// Pickles operators for the worker.
    fn payload(
        &self,
        ops: &Bound<'_, PyList>,
        has_head: bool,
        buckets: usize,
    ) -> PyResult<Payload> {
        let pair = self.serialize.bind(ops.py()).call1((ops,))?;
        let (bytes, broadcasts) = pair.extract::<(Vec<u8>, Vec<u64>)>()?;
        let mut hasher = SipHasher13::new();
        hasher.write(&bytes);
        let hash = hasher.finish128();
        let hash = format!("{:016x}{:016x}", hash.h1, hash.h2);
        Ok(Payload { hash, bytes, broadcasts, has_head, buckets })
    }

    fn ready(&self, segment: &Segment) -> PyResult<Ready> {
        let tail = segment.tail.as_ref().map(|(op, _)| op);
        let ops: Vec<&OpRef> = segment.head.iter().chain(&segment.pipes).chain(tail).collect();
        let buckets = segment.tail.as_ref().map_or(0, |(_, buckets)| *buckets);
        Python::attach(|py| {
            let function = |op: &&OpRef| {
                op.as_any().downcast_ref::<PyOp>().map(|op| op.function.clone_ref(py))
            };
            let ops = PyList::new(py, ops.iter().filter_map(function))?;
            let payload = self.payload(&ops, segment.head.is_some(), buckets)?;
            let compilable = segment.head.is_none() && !segment.pipes.is_empty();
            let wanted = self.mode != CompileMode::Off && compilable && segment.reads_text();
            let native = if wanted { self.native(&ops, &payload)? } else { None };
            Ok(Ready { payload, native })
        })
    }

    /// The compiled form of a stage, from before if its functions are the same to the byte (their
    /// pickles hold all that they capture).
    fn native(&self, ops: &Bound<'_, PyList>, payload: &Payload) -> PyResult<Option<Arc<Native>>> {
        let key = (payload.hash.clone(), payload.buckets);
        if let Some(known) = self.compiled.lock().get(&key) {
            return Ok(known.clone());
        }
        let native = self.compile(ops, payload)?.map(Arc::new);
        let mut compiled = self.compiled.lock();
        if compiled.len() >= MOST_COMPILED {
            compiled.clear();
        }
        compiled.insert(key, native.clone());
        Ok(native)
    }

    fn compile(&self, ops: &Bound<'_, PyList>, payload: &Payload) -> PyResult<Option<Native>> {
        let py = ops.py();
        let chain = py.import("tidemill.compiler.chain")?;
        let found = chain.getattr("plan")?.call1((ops, payload.buckets > 0))?;
        let functions: Vec<String> = found.get_item("functions")?.extract()?;
        let json: Option<String> = found.get_item("plan")?.extract()?;
        let refused = functions.iter().find(|line| line.contains(": not compiled")).cloned();
        self.tell(functions);
        if let (CompileMode::Strict, Some(line)) = (self.mode, refused) {
            return Err(to_python(strict(&line)));
        }
        let Some(json) = json else { return Ok(None) };
        let plan: Plan = serde_json::from_str(&json)
            .map_err(|e| to_python(Error::Internal(format!("the plan of a stage: {e}"))))?;
        let payloads = |code: &str| {
            let make = || {
                let rows = found.get_item("rows")?.call1((code,))?;
                let rows = self.payload(rows.cast::<PyList>()?, false, 0)?;
                let after = found.get_item("after")?;
                let after = self.payload(after.cast::<PyList>()?, true, payload.buckets)?;
                Ok((rows, after))
            };
            make().map_err(from_python)
        };
        match Native::new(&plan, payloads).map_err(to_python)? {
            Ok(native) => {
                let left = native.left_out().iter();
                self.tell(
                    left.map(|reason| format!("  left to CPython, row by row: {reason}")).collect(),
                );
                Ok(Some(native))
            }
            Err(reason) => {
                let line = format!("  not compiled after all: {reason}");
                self.tell(vec![line.clone()]);
                match self.mode {
                    CompileMode::Strict => Err(to_python(strict(&line))),
                    _ => Ok(None),
                }
            }
        }
    }

    fn tell(&self, lines: Vec<String>) {
        let mut report = self.report.lock();
        for line in lines {
            if report.len() < 4 * MOST_COMPILED && !report.contains(&line) {
                report.push(line);
            }
        }
    }

    /// Runs a payload in the slot's worker.
    fn in_worker(
        &self,
        payload: &Payload,
        inputs: &[Partition],
        split: usize,
        cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError> {
        let slot = &self.slots[cx.slot];
        let mut worker = match slot.worker.lock().take() {
            Some(worker) => worker,
            None => self.start_worker(slot)?,
        };
        let broadcasts = self.broadcasts.read().unwrap_or_else(|e| e.into_inner()).clone();
        match worker.run(payload, inputs, &broadcasts, split, cx) {
            Ok(result) => {
                *slot.worker.lock() = Some(worker);
                result
            }
            Err(error) => {
                drop(worker);
                let process = slot.process.lock().take();
                let message = process.map_or_else(|| error.to_string(), Process::obituary);
                Err(TaskError::ExecutorLost(message))
            }
        }
    }
}

fn strict(line: &str) -> Error {
    Error::IllegalArgument(format!(
        "tidemill.python.compile=strict expects every function over text to compile, but {}; change \
         the function or use auto",
        line.trim()
    ))
}

impl Backend for PythonBackend {
    /// Starts the worker while the program is still building its graph.
    fn executor_started(&self, slot: usize) {
        // A failure comes again, and is reported, when the first task needs the worker.
        if let Ok(worker) = self.start_worker(&self.slots[slot]) {
            *self.slots[slot].worker.lock() = Some(worker);
        }
    }

    fn prepare(&self, segment: &Segment) -> Result<Prepared> {
        Ok(Arc::new(self.ready(segment).map_err(from_python)?))
    }

    fn run(
        &self,
        prepared: &Prepared,
        inputs: Vec<Partition>,
        split: usize,
        cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError> {
        let ready = prepared.downcast_ref::<Ready>();
        let ready = ready.ok_or_else(|| Error::Internal("a segment of another backend".into()))?;
        if let (Some(native), [input]) = (&ready.native, inputs.as_slice())
            && native.is_worth_it()
        {
            let text = |block: &'_ BlockRef| block.as_any().is::<TextBlock>();
            if input.iter().all(text) {
                let blocks: Vec<&TextBlock> =
                    input.iter().filter_map(|block| block.as_any().downcast_ref()).collect();
                let worker = |payload: &Payload, inputs: &[Partition]| {
                    self.in_worker(payload, inputs, split, cx)
                };
                return native.run(&blocks, ready.payload.buckets, worker);
            }
        }
        self.in_worker(&ready.payload, &inputs, split, cx)
    }

    fn apply(&self, updates: Vec<Update>) {
        let bytes = updates.into_iter().filter_map(|update| update.downcast::<Vec<u8>>().ok());
        let bytes: Vec<Box<Vec<u8>>> = bytes.collect();
        Python::attach(|py| {
            let list = PyList::new(py, bytes.iter().map(|data| PyBytes::new(py, data)));
            let result = list.and_then(|list| self.on_accumulators.bind(py).call1((list,)));
            if let Err(error) = result {
                error.write_unraisable(py, None);
            }
        });
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let processes = self.slots.iter().filter_map(|slot| slot.process.lock().take());
        let threads: Vec<_> =
            processes.map(|process| std::thread::spawn(move || process.stop())).collect();
        for thread in threads {
            // Ending a process does not panic.
            let _ = thread.join();
        }
    }
}
