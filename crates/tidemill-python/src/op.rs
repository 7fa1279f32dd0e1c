//! A Python function as an operator of the engine.

use std::any::Any;
use std::sync::Arc;

use pyo3::prelude::*;
use tidemill::rdd::{OpRef, Operator};

/// A callable that a worker will run; what its arguments are depends on where it stands
/// (`python/tidemill/ops.py`).
pub struct PyOp {
    label: String,
    hashing: Option<u64>,
    pub function: Py<PyAny>,
}

impl PyOp {
    pub fn shared(function: Py<PyAny>, label: &str) -> OpRef {
        PyOp::made_for(None, function, label)
    }

    /// One that depends on which records are in which partition, as they are if keys are hashed in that way.
    pub fn made_for(hashing: Option<u64>, function: Py<PyAny>, label: &str) -> OpRef {
        Arc::new(PyOp { label: label.to_owned(), hashing, function })
    }
}

impl Operator for PyOp {
    fn label(&self) -> &str {
        &self.label
    }

    fn hashing(&self) -> Option<u64> {
        self.hashing
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
