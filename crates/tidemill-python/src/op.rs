//! A Python function as an operator of the engine.

use std::any::Any;
use std::sync::Arc;

use pyo3::prelude::*;
use tidemill::rdd::{OpRef, Operator};

/// A callable that a worker will run; what its arguments are depends on where it stands
/// (`python/tidemill/ops.py`).
pub struct PyOp {
    label: String,
    pub function: Py<PyAny>,
}

impl PyOp {
    pub fn shared(function: Py<PyAny>, label: &str) -> OpRef {
        Arc::new(PyOp { label: label.to_owned(), function })
    }
}

impl Operator for PyOp {
    fn label(&self) -> &str {
        &self.label
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
