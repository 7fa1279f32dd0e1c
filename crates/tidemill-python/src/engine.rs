//! `Engine`: the engine of one SparkContext, with worker processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use tidemill::block::Partition;
use tidemill::exec::Engine;
use tidemill::exec::text_file::TextFiles;

use crate::backend::PythonBackend;
use crate::block::PyBlock;
use crate::conf::{Conf, compile_mode, engine_config};
use crate::daemon::Environment;
use crate::errors::{from_python, to_python};
use crate::op::PyOp;
use crate::rdd::PyRdd;

/// Settings with this prefix are environment variables of the workers.
const ENVIRONMENT: &str = "spark.executorEnv.";

#[pyclass(name = "Engine", module = "tidemill._engine", frozen)]
pub struct PyEngine {
    pub engine: Arc<Engine>,
    backend: Arc<PythonBackend>,
}

#[pymethods]
impl PyEngine {
    #[new]
    fn new(
        py: Python<'_>,
        slots: usize,
        conf: Conf,
        python: String,
        serialize: Py<PyAny>,
        on_accumulators: Py<PyAny>,
    ) -> PyResult<Self> {
        let config = engine_config(slots, &conf).map_err(to_python)?;
        let mode = compile_mode(&conf).map_err(to_python)?;
        let environment = environment(py, &conf)?;
        let backend = Arc::new(PythonBackend::new(
            slots,
            python,
            environment,
            serialize,
            on_accumulators,
            mode,
        ));
        let engine = py.detach(|| Engine::new(config, backend.clone())).map_err(to_python)?;
        Ok(PyEngine { engine: Arc::new(engine), backend })
    }

    #[pyo3(name = "from_blocks")]
    fn blocks(&self, partitions: Vec<Vec<Py<PyBlock>>>) -> PyRdd {
        let blocks = |blocks: &Vec<Py<PyBlock>>| blocks.iter().map(|b| b.get().0.clone()).collect();
        let partitions: Vec<Partition> = partitions.iter().map(blocks).collect();
        PyRdd::new(&self.engine, self.engine.from_blocks("parallelize", partitions))
    }

    fn text_file(&self, path: &str, min_partitions: usize) -> PyRdd {
        let source = Arc::new(TextFiles::new(path, min_partitions));
        PyRdd::new(&self.engine, self.engine.source(source))
    }

    fn union(&self, py: Python<'_>, rdds: Vec<Py<PyRdd>>) -> PyResult<PyRdd> {
        let inputs = rdds.iter().map(|rdd| rdd.get().node.clone()).collect();
        let node = py.detach(|| self.engine.union(inputs)).map_err(to_python)?;
        Ok(PyRdd::new(&self.engine, node))
    }

    fn zip_partitions(
        &self,
        py: Python<'_>,
        rdds: Vec<Py<PyRdd>>,
        op: Option<Py<PyAny>>,
        label: &str,
    ) -> PyResult<PyRdd> {
        let inputs = rdds.iter().map(|rdd| rdd.get().node.clone()).collect();
        let op = op.map(|op| PyOp::shared(op, label));
        let node = py.detach(|| self.engine.zip(inputs, op)).map_err(to_python)?;
        Ok(PyRdd::new(&self.engine, node))
    }

    fn run_job(
        &self,
        py: Python<'_>,
        rdd: &Bound<'_, PyRdd>,
        partitions: Option<Vec<usize>>,
        properties: BTreeMap<String, String>,
        hashing: Option<u64>,
    ) -> PyResult<Vec<Vec<PyBlock>>> {
        let node = rdd.get().node.clone();
        let properties = Arc::new(properties);
        let run =
            || self.engine.run_job(&node, partitions, properties, hashing, &mut check_signals);
        let parts = py.detach(run).map_err(to_python)?;
        Ok(parts.into_iter().map(|part| part.into_iter().map(PyBlock).collect()).collect())
    }

    fn add_broadcast(&self, id: u64, data: &[u8]) {
        self.backend.set_broadcast(id, Some(data));
    }

    fn remove_broadcast(&self, id: u64) {
        self.backend.set_broadcast(id, None);
    }

    /// What was compiled and what was not, one line per function.
    #[getter]
    fn compile_report(&self) -> Vec<String> {
        self.backend.report().lines()
    }

    /// What was compiled and what was not, operator by operator.
    fn explain(&self) -> Vec<String> {
        self.backend.report().explain()
    }

    /// Seconds spent on reading functions and making machine code of them.
    #[getter]
    fn compile_seconds(&self) -> f64 {
        self.backend.report().compile_time().as_secs_f64()
    }

    /// Ids of the worker processes.
    #[getter]
    fn worker_ids(&self) -> Vec<u32> {
        self.backend.worker_ids()
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.engine.stop());
    }
}

/// The environment that the workers start with: the driver's, as Python has it (the system's own list may be changing),
/// and what the settings say.
fn environment(py: Python<'_>, conf: &Conf) -> PyResult<Environment> {
    let own = py.import("os")?.getattr("environ")?.call_method0("copy")?;
    let mut environment: Environment = own.extract()?;
    environment.insert("PYTHONHASHSEED".into(), "0".into());
    let set = conf.iter().filter_map(|(key, value)| Some((key.strip_prefix(ENVIRONMENT)?, value)));
    environment.extend(set.map(|(key, value)| (key.into(), value.into())));
    Ok(environment)
}

/// Lets Ctrl-C interrupt a wait; on the main thread only, as Python has it.
pub fn check_signals() -> tidemill::Result<()> {
    Python::attach(|py| py.check_signals()).map_err(from_python)
}
