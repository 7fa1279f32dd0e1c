//! `Streaming`: the engine side of one StreamingContext. Streams are numbers to Python.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tidemill::ids::StreamId;
use tidemill::rdd::RddRef;
use tidemill::streaming::checkpoint::CheckpointFolder;
use tidemill::streaming::files::FileSource;
use tidemill::streaming::queue::QueueSource;
use tidemill::streaming::reduced::WindowOp;
use tidemill::streaming::socket::SocketSource;
use tidemill::streaming::state::{Rewrite, StateOp};
use tidemill::streaming::{BatchTime, Status, Streaming};

use crate::block::WireCodec;
use crate::conf::{Conf, streaming_config};
use crate::engine::{PyEngine, check_signals};
use crate::errors::{from_python, to_python};
use crate::op::PyOp;
use crate::rdd::PyRdd;

#[pyclass(name = "Streaming", module = "tidemill._engine", frozen)]
pub struct PyStreaming {
    streaming: Arc<Streaming>,
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0) as u64)
}

#[pymethods]
impl PyStreaming {
    #[new]
    fn new(engine: &Bound<'_, PyEngine>, interval_ms: i64, conf: Conf) -> PyResult<Self> {
        let config = streaming_config(&conf).map_err(to_python)?;
        let engine = engine.get().engine.clone();
        let streaming = Streaming::new(engine, millis(interval_ms), config).map_err(to_python)?;
        Ok(PyStreaming { streaming: Arc::new(streaming) })
    }

    fn socket(&self, host: &str, port: i64) -> PyResult<u64> {
        let source = SocketSource::new(host, port).map_err(to_python)?;
        self.graph(|graph| Ok(graph.input(Arc::new(source))))
    }

    fn text_files(&self, directory: &str) -> PyResult<u64> {
        self.graph(|graph| Ok(graph.input(Arc::new(FileSource::new(directory)))))
    }

    fn queue(
        &self,
        rdds: Vec<Py<PyRdd>>,
        one_at_a_time: bool,
        default: Option<Py<PyRdd>>,
    ) -> PyResult<u64> {
        let queue = rdds.iter().map(|rdd| rdd.get().node.clone()).collect();
        let default = default.map(|rdd| rdd.get().node.clone());
        self.graph(|graph| {
            Ok(graph.input(Arc::new(QueueSource::new(queue, one_at_a_time, default))))
        })
    }

    fn transform(&self, parents: Vec<u64>, func: Py<PyAny>, label: &str) -> PyResult<u64> {
        let parents: Vec<StreamId> = parents.into_iter().map(StreamId).collect();
        let engine = self.streaming.engine().clone();
        let call = move |time: BatchTime, rdds: &[Option<RddRef>]| {
            if let [None] = rdds {
                return Ok(None);
            }
            let handle = |rdd: &Option<RddRef>| Some(PyRdd::new(&engine, rdd.clone()?));
            let handles: Vec<Option<PyRdd>> = rdds.iter().map(handle).collect();
            let result = Python::attach(|py| {
                let result = func.bind(py).call1((time.0, handles))?;
                result.extract::<Option<Py<PyRdd>>>().map_err(PyErr::from)
            });
            Ok(result.map_err(from_python)?.map(|rdd| rdd.get().node.clone()))
        };
        self.graph(|graph| graph.transform(label, &parents, Arc::new(call)))
    }

    fn window(&self, parent: u64, window_ms: i64, slide_ms: i64) -> PyResult<u64> {
        let (window, slide) = (millis(window_ms), millis(slide_ms));
        self.graph(|graph| graph.window(StreamId(parent), window, slide))
    }

    fn state(
        &self,
        parent: u64,
        prepare: Py<PyAny>,
        partition: Py<PyAny>,
        update_op: Py<PyAny>,
        num_partitions: usize,
        initial: Option<Py<PyRdd>>,
    ) -> PyResult<u64> {
        let op = StateOp {
            prepare: self.rewrite(prepare),
            partition: self.rewrite(partition),
            update: PyOp::shared(update_op, "updateStateByKey"),
            partitions: num_partitions.max(1),
            initial: initial.map(|rdd| rdd.get().node.clone()),
            codec: Arc::new(WireCodec),
        };
        self.graph(|graph| Ok(graph.state(StreamId(parent), op)))
    }

    fn reduced(
        &self,
        parent: u64,
        partition: Py<PyAny>,
        slide_op: Py<PyAny>,
        num_partitions: usize,
        window_ms: i64,
        slide_ms: i64,
    ) -> PyResult<u64> {
        let op = WindowOp {
            length: millis(window_ms),
            partition: self.rewrite(partition),
            update: PyOp::shared(slide_op, "reduceByKeyAndWindow"),
            partitions: num_partitions.max(1),
            codec: Arc::new(WireCodec),
        };
        self.graph(|graph| graph.reduced(StreamId(parent), millis(slide_ms), op))
    }

    fn output(&self, parent: u64, func: Py<PyAny>, label: &str) -> PyResult<usize> {
        let engine = self.streaming.engine().clone();
        let call = move |time: BatchTime, rdd: &RddRef| {
            let handle = PyRdd::new(&engine, rdd.clone());
            Python::attach(|py| func.bind(py).call1((time.0, handle)).map(drop))
                .map_err(from_python)
        };
        let graph = self.streaming.graph().map_err(to_python)?;
        Ok(graph.output(label, StreamId(parent), Arc::new(call)))
    }

    #[allow(unused_variables)]
    fn persist(&self, node: u64, level: &str) -> PyResult<()> {
        // Every level means memory, as docs/compatibility.md says.
        let graph = self.streaming.graph().map_err(to_python)?;
        graph.persist(StreamId(node));
        Ok(())
    }

    fn checkpoint_interval(&self, node: u64, interval_ms: i64) -> PyResult<()> {
        let graph = self.streaming.graph().map_err(to_python)?;
        graph.set_checkpoint_interval(StreamId(node), millis(interval_ms));
        Ok(())
    }

    fn slide_ms(&self, node: u64) -> i64 {
        self.streaming.slide(StreamId(node)).as_millis() as i64
    }

    fn remember(&self, ms: i64) {
        // After the start Spark ignores it too.
        if let Ok(graph) = self.streaming.graph() {
            graph.remember_all(millis(ms));
        }
    }

    fn set_checkpoint(&self, directory: Option<String>) {
        self.streaming.set_checkpoint(directory);
    }

    fn slice(&self, py: Python<'_>, node: u64, begin_ms: i64, end_ms: i64) -> PyResult<Vec<PyRdd>> {
        let (begin, end) = (BatchTime(begin_ms), BatchTime(end_ms));
        let slice = || self.streaming.slice(StreamId(node), begin, end);
        let rdds = py.detach(slice).map_err(to_python)?;
        Ok(rdds.into_iter().map(|rdd| PyRdd::new(self.streaming.engine(), rdd)).collect())
    }

    #[staticmethod]
    fn checkpoint_exists(directory: &str) -> PyResult<bool> {
        CheckpointFolder::exists(directory).map_err(to_python)
    }

    fn restore(&self) {
        self.streaming.restore();
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.streaming.start()).map_err(to_python)
    }

    fn stop(&self, py: Python<'_>, graceful: bool) {
        py.detach(|| self.streaming.stop(graceful));
    }

    fn request_stop(&self, graceful: bool) {
        self.streaming.request_stop(graceful);
    }

    fn await_termination(&self, py: Python<'_>, timeout_s: Option<f64>) -> PyResult<bool> {
        let timeout = timeout_s
            .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
        py.detach(|| self.streaming.await_termination(timeout, &mut check_signals))
            .map_err(to_python)
    }

    #[getter]
    fn status(&self) -> &'static str {
        match self.streaming.status() {
            Status::Initialized => "initialized",
            Status::Active => "active",
            Status::Stopped => "stopped",
        }
    }

    fn explain(&self) -> String {
        self.streaming.explain()
    }

    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let summary = self.streaming.summary();
        let dict = PyDict::new(py);
        dict.set_item("batches", summary.batches)?;
        dict.set_item("records", summary.records)?;
        dict.set_item("failed_batches", summary.failed)?;
        dict.set_item("median_processing_ms", to_ms(summary.median_processing))?;
        dict.set_item("max_scheduling_delay_ms", to_ms(summary.max_scheduling_delay))?;
        Ok(dict)
    }

    fn batches<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let batches = self.streaming.recent_batches();
        let entry = |batch: &tidemill::streaming::BatchInfo| {
            let dict = PyDict::new(py);
            dict.set_item("time_ms", batch.time.0)?;
            dict.set_item("records", batch.records)?;
            dict.set_item("scheduling_delay_ms", to_ms(batch.scheduling_delay))?;
            dict.set_item("processing_ms", to_ms(batch.processing_time))?;
            dict.set_item("error", batch.error.as_ref().map(ToString::to_string))?;
            Ok(dict)
        };
        batches.iter().map(entry).collect()
    }
}

impl PyStreaming {
    fn graph(
        &self,
        add: impl FnOnce(&tidemill::streaming::graph::Graph) -> tidemill::Result<StreamId>,
    ) -> PyResult<u64> {
        self.streaming.graph().and_then(add).map(|id| id.0).map_err(to_python)
    }

    /// A Python function from one RDD to another.
    fn rewrite(&self, function: Py<PyAny>) -> Rewrite {
        let engine = self.streaming.engine().clone();
        Arc::new(move |rdd: &RddRef| {
            let handle = PyRdd::new(&engine, rdd.clone());
            let result = Python::attach(|py| {
                let result = function.bind(py).call1((handle,))?;
                result.extract::<Py<PyRdd>>().map_err(PyErr::from)
            });
            Ok(result.map_err(from_python)?.get().node.clone())
        })
    }
}

fn to_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
