//! Blocks of Python records: pickled lists, text as it came, and typed records, which workers get as Arrow columns.

use std::any::Any;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_buffer::Buffer;
use bumpalo::Bump;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use tidemill::block::{Block, BlockRef, Codec, Part};
use tidemill::text::TextBlock;
use tidemill::{Error, Result};
use tidemill_udf::{Others, Records, Type, packed, pickle};

use crate::arrow::{self, Form, LEAST_ROWS, Writer};
use crate::state::{StateBlock, StatePart};

/// The kinds of blocks on the wire and in checkpoints.
pub const TEXT: u8 = 0;
/// A pickled list.
pub const PICKLE: u8 = 1;

/// What the worker made of rows that native code gave up; never leaves the task.
pub const SLOTS: u8 = 2;

/// One stream of Arrow's IPC format.
pub const ARROW: u8 = 4;

/// Typed records: the length of their type's code, the code, the packed records. In checkpoints only.
const TYPED: u8 = 3;

/// Typed records in the format of `tidemill.compiler.rows`.
pub struct SlotsBlock {
    rows: usize,
    pub data: Vec<u8>,
}

/// Typed records, as compiled code makes and reads them.
pub struct TypedBlock(pub Records);

impl Block for TypedBlock {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn size_bytes(&self) -> usize {
        self.0.size_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Typed records and a few others among them, for compiled code, beside the block that they were read from, for all else.
pub struct MixedBlock {
    pub typed: Records,
    pub others: Others,
    pub whole: BlockRef,
}

impl Block for MixedBlock {
    fn len(&self) -> usize {
        self.whole.len()
    }

    fn size_bytes(&self) -> usize {
        self.typed.size_bytes() + self.others.size_bytes() + self.whole.size_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
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

/// Records as Arrow columns, in one stream of the IPC format: what a worker gave back.
pub struct ColumnsBlock {
    records: usize,
    stream: Buffer,
}

impl ColumnsBlock {
    /// The records, for compiled code, of type `like` if they are; `None` if it has no type for them.
    pub fn typed(&self, like: Option<&Type>) -> Option<Records> {
        let batches = arrow::read(&self.stream).ok()?;
        let form = Form::of_batch(batches.first()?).filter(Form::is_for_compiled_code)?;
        arrow::records(&form, &batches, like)
    }
}

impl Block for ColumnsBlock {
    fn len(&self) -> usize {
        self.records
    }

    fn size_bytes(&self) -> usize {
        self.stream.capacity()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `range`: to compiled code its numbers, to a worker the pickled list of the one object.
pub struct RangeBlock {
    /// The first number.
    pub start: i64,
    /// From each number to the next.
    pub step: i64,
    /// How many there are.
    pub numbers: usize,
    data: Vec<u8>,
}

impl Block for RangeBlock {
    fn len(&self) -> usize {
        1
    }

    fn size_bytes(&self) -> usize {
        self.data.capacity()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The block of a `range` whose numbers are within 64 bits, from its pickle within a list.
#[pyfunction]
pub fn range_block(start: i64, step: i64, numbers: usize, data: Vec<u8>) -> PyBlock {
    PyBlock(Arc::new(RangeBlock { start, step, numbers, data }))
}

/// The kind of a block for a worker.
pub fn wire_kind(block: &BlockRef) -> u8 {
    let any = block.as_any();
    match () {
        () if any.is::<TextBlock>() => TEXT,
        () if any.is::<SlotsBlock>() => SLOTS,
        () if any.is::<ColumnsBlock>() => ARROW,
        () => PICKLE,
    }
}

/// A block's bytes for a worker or a checkpoint, as its [`wire_kind`] says: typed records are a pickled list. A task gets
/// those that are many as columns, from [`handed_over`].
pub fn wire_form(block: &BlockRef) -> Result<Cow<'_, [u8]>> {
    let any = block.as_any();
    if let Some(mixed) = any.downcast_ref::<MixedBlock>() {
        return wire_form(&mixed.whole);
    }
    if let Some(data) = any.downcast_ref::<DataBlock>() {
        return Ok(Cow::Borrowed(&data.data));
    }
    if let Some(columns) = any.downcast_ref::<ColumnsBlock>() {
        return Ok(Cow::Borrowed(&columns.stream));
    }
    if let Some(range) = any.downcast_ref::<RangeBlock>() {
        return Ok(Cow::Borrowed(&range.data));
    }
    if let Some(text) = any.downcast_ref::<TextBlock>() {
        return Ok(Cow::Borrowed(text.as_str().as_bytes()));
    }
    if let Some(slots) = any.downcast_ref::<SlotsBlock>() {
        return Ok(Cow::Borrowed(&slots.data));
    }
    let mut data = Vec::new();
    pickle::begin_list(&mut data);
    let ty = each_typed(block, |ty, record| {
        // SAFETY: a record of the type, alive in its block.
        unsafe { pickle::write(&mut data, ty, record) };
    });
    pickle::end_list(&mut data);
    match ty {
        Some(_) => Ok(Cow::Owned(data)),
        None => Err(Error::Internal("a block that is neither text nor a pickle nor typed".into())),
    }
}

/// A block's kind and bytes for a worker: typed records are handed over as Arrow columns, if they have the form.
pub fn handed_over(block: &BlockRef) -> Result<(u8, Cow<'_, [u8]>)> {
    match (block.len() >= LEAST_ROWS).then(|| columns(block)).flatten() {
        Some(stream) => Ok((ARROW, Cow::Owned(stream))),
        None => Ok((wire_kind(block), wire_form(block)?)),
    }
}

/// Typed records as an IPC stream; `None` if a reader would not get the very same values from it.
fn columns(block: &BlockRef) -> Option<Vec<u8>> {
    let any = block.as_any();
    let ty = match any.downcast_ref() {
        Some(TypedBlock(records)) => records.ty(),
        None => any.downcast_ref::<StateBlock>()?.ty(),
    };
    let form = Form::of_records(ty).filter(Form::is_exact)?;
    let mut writer = Writer::new(form).ok()?;
    let mut fits = Some(());
    each_typed(block, |ty, record| {
        // SAFETY: a record of the type, alive in its block.
        fits = fits.and_then(|()| unsafe { writer.push(ty, record) });
    });
    fits.and_then(|()| writer.finish().ok())
}

/// Whether compiled code can read some of a block's records, and leave the rest.
pub fn is_typed(block: &BlockRef) -> bool {
    block.as_any().is::<TypedBlock>() || block.as_any().is::<StateBlock>()
}

/// Calls `f` with each record of a typed block or a state; its type.
fn each_typed(block: &BlockRef, mut f: impl FnMut(&Type, &[u64])) -> Option<Type> {
    if let Some(TypedBlock(records)) = block.as_any().downcast_ref() {
        records.iter().for_each(|record| f(records.ty(), record));
        return Some(records.ty().clone());
    }
    if let Some(part) = block.as_any().downcast_ref::<StatePart>() {
        let _ = part.each(&mut |record: &[u64]| {
            f(part.ty(), record);
            ControlFlow::Continue(())
        });
        return Some(part.ty().clone());
    }
    let state = block.as_any().downcast_ref::<StateBlock>()?;
    let _ = state.each(|record| {
        f(state.ty(), record);
        ControlFlow::Continue(())
    });
    Some(state.ty().clone())
}

/// The block of some bytes.
pub fn from_wire(kind: u8, records: usize, data: Vec<u8>) -> Result<BlockRef> {
    match kind {
        TEXT => Ok(Arc::new(TextBlock::from_bytes(data))),
        PICKLE => Ok(Arc::new(DataBlock { records, data })),
        SLOTS => Ok(Arc::new(SlotsBlock { rows: records, data })),
        ARROW => Ok(Arc::new(ColumnsBlock { records, stream: data.into() })),
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
        let records = (block.len() as u64).to_le_bytes();
        Ok(match typed_form(block) {
            Some(data) => [&[TYPED][..], &records, &data].concat(),
            None => [&[wire_kind(block)][..], &records, &wire_form(block)?].concat(),
        })
    }

    fn decode(&self, bytes: &[u8]) -> Result<BlockRef> {
        let damaged = || Error::Checkpoint("a state block in the checkpoint is too short".into());
        let (&kind, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (records, data) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let records = u64::from_le_bytes(*records) as usize;
        if kind == TYPED {
            return typed(records, data).ok_or_else(damaged);
        }
        from_wire(kind, records, data.to_vec())
    }

    /// Typed keys and those of columns do; others may be objects that CPython hashes by their address.
    fn hashes_alike(&self, block: &BlockRef) -> bool {
        !(block.as_any().is::<DataBlock>() || block.as_any().is::<MixedBlock>())
    }

    fn parts(&self, block: &BlockRef) -> Vec<Part> {
        match block.as_any().downcast_ref::<StateBlock>() {
            Some(state) => state.parts(),
            None => vec![Part { block: block.clone(), version: None }],
        }
    }
}

/// The code of a typed block's records and their packed form.
fn typed_form(block: &BlockRef) -> Option<Vec<u8>> {
    let mut packed = Vec::new();
    let ty = each_typed(block, |ty, record| {
        // SAFETY: a record of the type, alive in its block.
        unsafe { packed::write(&mut packed, ty, record) };
    });
    let code = ty?.code();
    let length = (code.len() as u32).to_le_bytes();
    Some([&length, code.as_bytes(), &packed].concat())
}

/// Typed records from their code and packed form; `None` if they are damaged.
fn typed(len: usize, data: &[u8]) -> Option<BlockRef> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let (code, data) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let ty = Type::from_code(std::str::from_utf8(code).ok()?)?;
    let heap = Bump::new();
    let mut reader = packed::Reader::new(data, &heap);
    let (mut records, mut record) = (Records::new(&ty), Vec::new());
    for _ in 0..len {
        record.clear();
        reader.value(&ty, &mut record)?;
        // SAFETY: a value of the type was read; it is copied before its bytes go.
        unsafe { records.push(&record) };
    }
    reader.is_at_end().then(|| Arc::new(TypedBlock(records)) as BlockRef)
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
    fn kind(&self) -> u8 {
        wire_kind(&self.0)
    }

    #[getter]
    fn count(&self) -> usize {
        self.0.len()
    }

    /// The records, if they are columns.
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let columns: Option<&ColumnsBlock> = self.0.as_any().downcast_ref();
        columns.map(|columns| arrow::objects(py, &columns.stream)).transpose()
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let data = wire_form(&self.0).map_err(crate::errors::to_python)?;
        Ok(PyBytes::new(py, &data))
    }
}
