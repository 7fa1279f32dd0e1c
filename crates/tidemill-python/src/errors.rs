//! The engine's errors as Python exceptions. The texts and classes are Python's business
//! (`tidemill.errors.from_engine`); here only the facts are handed over.

use std::fmt;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tidemill::Error;

/// A Python exception on its way through the engine.
#[derive(Debug)]
struct Raised(PyErr);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Raised {}

/// Carries an exception through the engine, untouched.
pub fn from_python(error: PyErr) -> Error {
    Error::Foreign(Arc::new(Raised(error)))
}

/// The exception for an engine's error.
pub fn to_python(error: Error) -> PyErr {
    Python::attach(|py| make(py, &error).unwrap_or_else(|failure| failure))
}

fn make(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    if let Error::Foreign(foreign) = error
        && let Some(Raised(original)) = foreign.downcast_ref::<Raised>()
    {
        return Ok(original.clone_ref(py));
    }
    let details = PyDict::new(py);
    let kind = describe(py, error, &details)?;
    let factory = py.import("tidemill.errors")?.getattr("from_engine")?;
    Ok(PyErr::from_value(factory.call1((kind, details))?))
}

/// Fills in the facts; the error's kind.
fn describe(py: Python<'_>, error: &Error, details: &Bound<'_, PyDict>) -> PyResult<&'static str> {
    details.set_item("message", error.to_string())?;
    match error {
        Error::User { error, partition, attempts } => {
            details.set_item("type", &error.kind)?;
            details.set_item("message", &error.message)?;
            details.set_item("traceback", &error.traceback)?;
            details.set_item("record", &error.record)?;
            details.set_item("partition", partition)?;
            details.set_item("attempts", attempts)?;
            let payload = error.payload.as_ref().map(|bytes| PyBytes::new(py, bytes));
            details.set_item("exception", payload)?;
            Ok("user_function")
        }
        Error::ExecutorLost { partition, attempts, message } => {
            details.set_item("message", message)?;
            details.set_item("partition", partition)?;
            details.set_item("attempts", attempts)?;
            Ok("worker_lost")
        }
        Error::Batch { time, output, cause } => {
            details.set_item("time_ms", time.0)?;
            details.set_item("output", output)?;
            details.set_item("cause", make(py, cause)?.into_value(py))?;
            Ok("batch_failed")
        }
        Error::PathMissing(path) => {
            details.set_item("path", path)?;
            Ok("path_missing")
        }
        Error::Rehashed { .. } => Ok("all_workers_lost"),
        Error::IllegalState(_) | Error::Cancelled => Ok("illegal_state"),
        Error::IllegalArgument(_) => Ok("illegal_argument"),
        Error::Io { .. } => Ok("io"),
        Error::Checkpoint(_) => Ok("checkpoint"),
        Error::Foreign(_) | Error::Internal(_) => Ok("internal"),
    }
}
