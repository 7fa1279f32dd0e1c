//! Blocks of Python records: pickled lists, and text as it came.

use std::any::Any;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tidemill::block::{Block, BlockRef, Codec};
use tidemill::text::TextBlock;
use tidemill::{Error, Result};

/// The kinds of blocks on the wire and in checkpoints.
pub const TEXT: u8 = 0;
/// A pickled list.
pub const PICKLE: u8 = 1;

/// What the worker made of rows that native code gave up; never leaves the task.
pub const SLOTS: u8 = 2;

/// Typed records in the format of `tidemill.compiler.rows`.
struct SlotsBlock {
    rows: usize,
    data: Vec<u8>,
}

impl Block for SlotsBlock {
    fn len(&self) -> usize {
        self.rows
    }

    fn size_bytes(&self) -> usize {
        self.data.capacity()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Records as one pickled list.
pub struct DataBlock {
    pub records: usize,
    pub data: Vec<u8>,
}

impl Block for DataBlock {
    fn len(&self) -> usize {
        self.records
    }

    fn size_bytes(&self) -> usize {
        self.data.capacity()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A block's kind and bytes, for a worker or a checkpoint.
pub fn wire_form(block: &BlockRef) -> Result<(u8, &[u8])> {
    if let Some(data) = block.as_any().downcast_ref::<DataBlock>() {
        return Ok((PICKLE, &data.data));
    }
    if let Some(text) = block.as_any().downcast_ref::<TextBlock>() {
        return Ok((TEXT, text.as_str().as_bytes()));
    }
    if let Some(slots) = block.as_any().downcast_ref::<SlotsBlock>() {
        return Ok((SLOTS, &slots.data));
    }
    Err(Error::Internal("a block that is neither text nor a pickle".into()))
}

/// The block of some bytes.
pub fn from_wire(kind: u8, records: usize, data: Vec<u8>) -> Result<BlockRef> {
    match kind {
        TEXT => Ok(Arc::new(TextBlock::from_bytes(data))),
        PICKLE => Ok(Arc::new(DataBlock { records, data })),
        SLOTS => Ok(Arc::new(SlotsBlock { rows: records, data })),
        other => Err(Error::Internal(format!("a block of unknown kind {other}"))),
    }
}

/// Blocks in checkpoints: kind, number of records, bytes.
pub struct WireCodec;

impl Codec for WireCodec {
    fn format(&self) -> &'static str {
        "python"
    }

    fn encode(&self, block: &BlockRef) -> Result<Vec<u8>> {
        let (kind, data) = wire_form(block)?;
        let mut bytes = Vec::with_capacity(data.len() + 9);
        bytes.push(kind);
        bytes.extend((block.len() as u64).to_le_bytes());
        bytes.extend(data);
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        let damaged = || Error::Checkpoint("a state block in the checkpoint is too short".into());
        let (&kind, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (records, data) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        from_wire(kind, u64::from_le_bytes(*records) as usize, data.to_vec())
    }
}

/// A block as Python sees it.
#[pyclass(name = "Block", module = "tidemill._engine", frozen)]
pub struct PyBlock(pub BlockRef);

#[pymethods]
impl PyBlock {
    #[new]
    fn new(kind: u8, count: usize, data: &[u8]) -> PyResult<Self> {
        from_wire(kind, count, data.to_vec()).map(PyBlock).map_err(crate::errors::to_python)
    }

    #[getter]
    fn kind(&self) -> PyResult<u8> {
        wire_form(&self.0).map(|(kind, _)| kind).map_err(crate::errors::to_python)
    }

    #[getter]
    fn count(&self) -> usize {
        self.0.len()
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let (_, data) = wire_form(&self.0).map_err(crate::errors::to_python)?;
        Ok(PyBytes::new(py, data))
    }
}
