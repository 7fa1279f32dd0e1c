//! The Python front end's backend: each executor thread has a worker process of its own, started with the
//! engine and again after it dies. All are forks of one daemon; a job ends with the daemon that it was made ready for,
//! because the next one's workers may hash its keys otherwise.

use std::collections::{HashMap, VecDeque};
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use siphasher::sip128::{Hasher128, SipHasher13};
use tidemill::block::Partition;
use tidemill::exec::{Backend, Prepared, TaskContext, TaskError, Update, rehashed};
use tidemill::lock::Lock;
use tidemill::rdd::{OpRef, Segment};
use tidemill::{Error, Result};

use crate::daemon::{Daemon, Environment};
use crate::errors::from_python;
use crate::native::Part;
use crate::op::PyOp;
use crate::report::Report;
use crate::stage::{CompileMode, Stage};
use crate::worker::{Broadcasts, Payload, Process, Worker};

/// The hash of a stage's operators and its number of buckets, which their pickle does not say.
type StageKey = (String, usize);

/// Runs segments in worker processes.
pub struct PythonBackend {
    daemon: Daemon,
    serialize: Py<PyAny>,
    on_accumulators: Py<PyAny>,
    mode: CompileMode,
    stages: Lock<Stages>,
    report: Arc<Report>,
    broadcasts: RwLock<Arc<Broadcasts>>,
    slots: Vec<Slot>,
    stopped: AtomicBool,
}

/// Stages whose compiled form is kept.
const MOST_STAGES: usize = 256;

/// Compiled stages, the oldest first to go.
#[derive(Default)]
struct Stages {
    known: HashMap<StageKey, Arc<Stage>>,
    order: VecDeque<StageKey>,
}

/// A segment made ready: for the worker, and for native code if it may be compiled.
struct Ready {
    payload: Payload,
    stage: Option<Arc<Stage>>,
}

/// One executor's worker. The executor thread alone talks to it; others may only end it.
#[derive(Default)]
struct Slot {
    worker: Lock<Option<Worker>>,
    process: Lock<Option<Process>>,
}

impl Slot {
    /// Ends the process. Others may look at the slot meanwhile.
    fn stop(&self) {
        let process = self.process.lock().take();
        if let Some(process) = process {
            process.stop();
        }
    }
}

impl PythonBackend {
    pub fn new(
        slots: usize,
        python: String,
        environment: Environment,
        serialize: Py<PyAny>,
        on_accumulators: Py<PyAny>,
        mode: CompileMode,
    ) -> Self {
        PythonBackend {
            daemon: Daemon::new(python, environment),
            serialize,
            on_accumulators,
            mode,
            stages: Lock::default(),
            report: Arc::default(),
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
        let (worker, process) = Worker::start(&self.daemon).map_err(|e| {
            let what = format!("starting the worker process {}", self.daemon.python);
            TaskError::Fatal(Error::io(what, e))
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

    /// The slot's worker, or a new one if it has none of the daemon that runs now.
    fn worker(&self, slot: &Slot) -> Result<Worker, TaskError> {
        let held = slot.worker.lock().take();
        if let Some(worker) = held {
            if worker.layout == self.daemon.layout() {
                return Ok(worker);
            }
            drop(worker);
            slot.stop();
        }
        self.start_worker(slot)
    }

    /// The slot's worker, if keys have the hashes in it that they have in the other tasks of the job.
    fn worker_for(&self, cx: &TaskContext) -> Result<Worker, TaskError> {
        let slot = &self.slots[cx.slot];
        let worker = self.worker(slot);
        let layout = worker.as_ref().map_or_else(|_| self.daemon.layout(), |worker| worker.layout);
        if layout == cx.hashing || self.stopped.load(Ordering::Acquire) {
            return worker;
        }
        if let Ok(worker) = worker {
            self.keep(slot, worker);
        }
        Err(TaskError::Fatal(rehashed(self, "run the job")))
    }

    /// Keeps a worker for the next task. One that is kept has memory, so none is after the stop.
    fn keep(&self, slot: &Slot, worker: Worker) {
        let mut held = slot.worker.lock();
        if !self.stopped.load(Ordering::Acquire) {
            *held = Some(worker);
        }
    }

    /// What was compiled and what was not.
    pub fn report(&self) -> &Report {
        &self.report
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
        let ops: Vec<&OpRef> = segment.operators().collect();
        let buckets = segment.tail.as_ref().map_or(0, |(_, buckets)| *buckets);
        Python::attach(|py| {
            let function = |op: &&OpRef| {
                op.as_any().downcast_ref::<PyOp>().map(|op| op.function.clone_ref(py))
            };
            let labels: Vec<&str> = ops.iter().map(|op| op.label()).collect();
            let ops = PyList::new(py, ops.iter().filter_map(function))?;
            let payload = self.payload(&ops, segment.head.is_some(), buckets)?;
            let stage = match self.mode {
                CompileMode::Off => None,
                _ => Some(self.stage(&ops, &labels, &payload)?),
            };
            Ok(Ready { payload, stage })
        })
    }

    /// A stage, from before if its functions are the same to the byte (their pickles hold all that they
    /// capture).
    fn stage(
        &self,
        ops: &Bound<'_, PyList>,
        labels: &[&str],
        payload: &Payload,
    ) -> PyResult<Arc<Stage>> {
        let key = (payload.hash.clone(), payload.buckets);
        if let Some(known) = self.stages.lock().known.get(&key) {
            return Ok(known.clone());
        }
        let stage = Arc::new(Stage::new(ops, labels, payload, self.mode, &self.report)?);
        let mut stages = self.stages.lock();
        if stages.order.len() >= MOST_STAGES
            && let Some(oldest) = stages.order.pop_front()
        {
            stages.known.remove(&oldest);
        }
        stages.order.push_back(key.clone());
        stages.known.insert(key, stage.clone());
        Ok(stage)
    }

    /// Runs a payload, or a part of it, in the slot's worker.
    fn in_worker(
        &self,
        payload: &Payload,
        part: Option<&Part>,
        inputs: &[Partition],
        split: usize,
        cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError> {
        let slot = &self.slots[cx.slot];
        let mut worker = self.worker_for(cx)?;
        let broadcasts = self.broadcasts.read().unwrap_or_else(|e| e.into_inner()).clone();
        match worker.run(payload, part, inputs, &broadcasts, split, cx) {
            Ok(result) if worker.leaves => {
                drop(worker);
                slot.stop();
                result
            }
            Ok(result) => {
                self.keep(slot, worker);
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

impl Backend for PythonBackend {
    /// Starts the worker while the program is still building its graph.
    fn executor_started(&self, slot: usize) {
        // A failure comes again, and is reported, when the first task needs the worker.
        if let Ok(worker) = self.start_worker(&self.slots[slot]) {
            self.keep(&self.slots[slot], worker);
        }
    }

    /// What CPython hashes by its address has another hash after another daemon was started.
    fn hashing(&self) -> u64 {
        self.daemon.layout()
    }

    fn loss(&self) -> String {
        self.daemon.obituary()
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
        let mut worker = |part: &Part, inputs: &[Partition]| {
            self.in_worker(&ready.payload, Some(part), inputs, split, cx)
        };
        if let Some(stage) = &ready.stage
            && let Some(result) = stage.run(&inputs, ready.payload.buckets, &mut worker)?
        {
            return Ok(result);
        }
        self.in_worker(&ready.payload, None, &inputs, split, cx)
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
        self.daemon.stop();
        for slot in &self.slots {
            slot.worker.lock().take();
        }
    }
}
