//! The Python front end's backend: each executor thread has a worker process of its own, started with the
//! engine and again after it dies.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use siphasher::sip128::{Hasher128, SipHasher13};
use tidemill::block::Partition;
use tidemill::exec::{Backend, Prepared, TaskContext, TaskError, Update};
use tidemill::lock::Lock;
use tidemill::rdd::{OpRef, Segment};
use tidemill::{Error, Result};

use crate::errors::from_python;
use crate::op::PyOp;
use crate::worker::{Broadcasts, Payload, Process, Worker};

/// Runs segments in worker processes.
pub struct PythonBackend {
    python: String,
    environment: BTreeMap<String, String>,
    serialize: Py<PyAny>,
    on_accumulators: Py<PyAny>,
    broadcasts: RwLock<Arc<Broadcasts>>,
    slots: Vec<Slot>,
    stopped: AtomicBool,
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
    ) -> Self {
        PythonBackend {
            python,
            environment,
            serialize,
            on_accumulators,
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
        self.slots
            .iter()
            .filter_map(|slot| slot.process.lock().as_ref().map(Process::id))
            .collect()
    }

    fn start_worker(&self, slot: &Slot) -> Result<Worker, TaskError> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(TaskError::Fatal(Error::Cancelled));
        }
        let started = Worker::start(&self.python, &self.environment);
        let (worker, process) = started.map_err(|e| {
            TaskError::Fatal(Error::io(
                format!("starting the worker process {}", self.python),
                e,
            ))
        })?;
        *slot.process.lock() = Some(process);
        Ok(worker)
    }

    fn payload(&self, segment: &Segment) -> PyResult<Payload> {
        let tail = segment.tail.as_ref().map(|(op, _)| op);
        let ops: Vec<&OpRef> = segment
            .head
            .iter()
            .chain(&segment.pipes)
            .chain(tail)
            .collect();
        let (bytes, broadcasts) = Python::attach(|py| {
            let function = |op: &&OpRef| {
                op.as_any()
                    .downcast_ref::<PyOp>()
                    .map(|op| op.function.clone_ref(py))
            };
            let list = PyList::new(py, ops.iter().filter_map(function))?;
            let pair = self.serialize.bind(py).call1((list,))?;
            pair.extract::<(Vec<u8>, Vec<u64>)>()
        })?;
        let mut hasher = SipHasher13::new();
        hasher.write(&bytes);
        let hash = hasher.finish128();
        Ok(Payload {
            hash: format!("{:016x}{:016x}", hash.h1, hash.h2),
            bytes,
            broadcasts,
            has_head: segment.head.is_some(),
            buckets: segment.tail.as_ref().map_or(0, |(_, buckets)| *buckets),
        })
    }
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
        Ok(Arc::new(self.payload(segment).map_err(from_python)?))
    }

    fn run(
        &self,
        prepared: &Prepared,
        inputs: Vec<Partition>,
        cx: &TaskContext,
    ) -> Result<Vec<Partition>, TaskError> {
        let payload = prepared.downcast_ref::<Payload>();
        let payload =
            payload.ok_or_else(|| Error::Internal("a segment of another backend".into()))?;
        let slot = &self.slots[cx.slot];
        let mut worker = match slot.worker.lock().take() {
            Some(worker) => worker,
            None => self.start_worker(slot)?,
        };
        let broadcasts = self
            .broadcasts
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .clone();
        match worker.run(payload, &inputs, &broadcasts, cx) {
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

    fn apply(&self, updates: Vec<Update>) {
        let bytes = updates
            .into_iter()
            .filter_map(|update| update.downcast::<Vec<u8>>().ok());
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
        let processes = self
            .slots
            .iter()
            .filter_map(|slot| slot.process.lock().take());
        let threads: Vec<_> = processes
            .map(|process| std::thread::spawn(move || process.stop()))
            .collect();
        for thread in threads {
            // Ending a process does not panic.
            let _ = thread.join();
        }
    }
}
