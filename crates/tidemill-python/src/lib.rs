//! `tidemill._engine`: the engine for the Python package. The only crate that knows Python.
//!
//! Thin: it turns Python objects into the engine's (functions become [`op::PyOp`], pickles become
//! [`block::DataBlock`]), runs functions in worker processes ([`worker`], [`daemon`]) and turns errors into exceptions.
//! The GIL is taken to call back into the driver's Python code, never on the clock or an executor thread.

mod arrow;
mod backend;
mod block;
mod conf;
mod daemon;
mod engine;
mod errors;
mod groups;
mod hash;
mod keys;
mod native;
mod op;
mod rdd;
mod recent;
mod report;
mod shared;
mod slide;
mod stage;
mod state;
mod streaming;
mod update;
mod values;
mod worker;

use pyo3::prelude::*;

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<block::PyBlock>()?;
    module.add_class::<rdd::PyRdd>()?;
    module.add_class::<engine::PyEngine>()?;
    module.add_class::<streaming::PyStreaming>()?;
    module.add_class::<arrow::Intake>()?;
    module.add_class::<arrow::Lent>()?;
    module.add_function(wrap_pyfunction!(arrow::arrow_of_text, module)?)?;
    module.add_function(wrap_pyfunction!(arrow::arrow_records, module)?)?;
    module.add_function(wrap_pyfunction!(arrow::arrow_records_at, module)?)?;
    module.add_function(wrap_pyfunction!(arrow::columns_of, module)?)?;
    module.add_function(wrap_pyfunction!(values::typed_block, module)?)?;
    module.add_function(wrap_pyfunction!(block::range_block, module)?)?;
    module.add_function(wrap_pyfunction!(daemon::tie_to_parent, module)?)?;
    module.add_function(wrap_pyfunction!(hash::portable_hash, module)?)
}
