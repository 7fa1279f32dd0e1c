//! The handle of a lineage node.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use tidemill::exec::Engine;
use tidemill::rdd::explain::explain;
use tidemill::rdd::{Kind, RddRef};

use crate::block::is_typed;
use crate::errors::to_python;
use crate::op::PyOp;

/// A node and the engine it belongs to.
#[pyclass(name = "Rdd", module = "tidemill._engine", frozen)]
pub struct PyRdd {
    pub engine: Arc<Engine>,
    pub node: RddRef,
}

impl PyRdd {
    pub fn new(engine: &Arc<Engine>, node: RddRef) -> Self {
        PyRdd { engine: engine.clone(), node }
    }
}

/// A Python object kept with a node.
struct Tag(Py<PyAny>);

#[pymethods]
impl PyRdd {
    #[getter]
    fn id(&self) -> u64 {
        self.node.id.0
    }

    #[getter]
    fn name(&self) -> Option<String> {
        self.node.name()
    }

    #[setter]
    fn set_name(&self, name: Option<String>) {
        self.node.set_name(name);
    }

    #[getter]
    fn tag(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let note = self.node.note()?;
        note.downcast_ref::<Tag>().map(|tag| tag.0.clone_ref(py))
    }

    #[setter]
    fn set_tag(&self, tag: Option<Py<PyAny>>) {
        self.node.set_note(tag.map(|tag| Arc::new(Tag(tag)) as Arc<dyn Any + Send + Sync>));
    }

    #[getter]
    fn num_partitions(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| self.node.num_partitions()).map_err(to_python)
    }

    #[getter]
    fn is_persisted(&self) -> bool {
        self.node.is_persisted()
    }

    /// Whether the partitions are blocks in memory that can only be read as a whole.
    #[getter]
    fn in_memory(&self) -> bool {
        let Kind::Source(source) = &self.node.kind else { return false };
        let whole = |partition| {
            let blocks = source.read(partition).unwrap_or_default();
            !blocks.iter().any(is_typed)
        };
        source.in_memory() && (0..source.partitions().unwrap_or(0)).all(whole)
    }

    /// How keys are hashed at the moment; `None` if the partitions are the same ones however they are.
    #[getter]
    fn hashing(&self) -> Option<u64> {
        has_shuffle(&self.node).then(|| self.engine.hashing())
    }

    #[pyo3(signature = (op, label, hashing = None))]
    fn pipe(&self, op: Py<PyAny>, label: &str, hashing: Option<u64>) -> PyRdd {
        let op = PyOp::made_for(hashing, op, label);
        let node = self.engine.pipe(&self.node, op);
        PyRdd::new(&self.engine, node)
    }

    fn shuffle(&self, op: Py<PyAny>, n: usize, label: &str) -> PyRdd {
        let node = self.engine.shuffle(&self.node, PyOp::shared(op, label), n.max(1));
        PyRdd::new(&self.engine, node)
    }

    fn coalesce(&self, py: Python<'_>, groups: Vec<Vec<usize>>) -> PyResult<PyRdd> {
        let count = self.num_partitions(py)?;
        if let Some(wrong) = groups.iter().flatten().find(|&&partition| partition >= count) {
            let text = format!("partition {wrong} of an RDD with {count} partitions");
            return Err(PyIndexError::new_err(text));
        }
        let group = |group: Vec<usize>| group.into_iter().map(|partition| (0, partition)).collect();
        let groups = groups.into_iter().map(group).collect();
        Ok(PyRdd::new(&self.engine, self.engine.gather(vec![self.node.clone()], groups)))
    }

    #[allow(unused_variables)]
    fn persist(&self, level: &str) {
        // Every level means memory, as docs/compatibility.md says.
        self.node.persist();
    }

    fn unpersist(&self) {
        self.node.unpersist();
    }

    fn explain(&self, py: Python<'_>) -> String {
        py.detach(|| explain(&self.node))
    }
}

/// Whether there is an exchange by key somewhere below.
fn has_shuffle(node: &RddRef) -> bool {
    let (mut left, mut seen) = (vec![node], HashSet::new());
    while let Some(node) = left.pop() {
        if matches!(node.kind, Kind::Shuffled(_)) {
            return true;
        }
        if seen.insert(node.id) {
            left.extend(node.parents());
        }
    }
    false
}
