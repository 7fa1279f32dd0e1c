//! Arrow: how typed records and lines are handed to Python, and how workers' records come back.
//!
//! Inside the engine typed records are rows of slots. Columns are made where other programs read them: a block on its
//! way to a worker is one stream of Arrow's IPC format, which pyarrow reads where it lies.

mod cells;
mod columns;
mod form;
mod gather;
mod intake;
mod memory;
mod objects;
mod records;
mod shape;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use tidemill_udf::Type;

pub use form::Form;
pub use gather::{LEAST_ROWS, columns_of};
pub use intake::{Intake, arrow_of_text};
pub use memory::{Lent, arrow_records_at};
pub use objects::{arrow_records, objects};
pub use records::records;

use columns::Column;

/// Batches end when an offset is as large as this; the format ends at 2 GiB.
const FULL: usize = 256 << 20;
/// Rows after which that is looked at.
const LOOK: usize = 64;

/// Writes records of one form as an IPC stream.
pub struct Writer {
    form: Form,
    column: Column,
    stream: StreamWriter<Vec<u8>>,
}

impl Writer {
    /// Begins a stream.
    pub fn new(form: Form) -> Result<Writer, ArrowError> {
        let stream = StreamWriter::try_new(Vec::new(), &form.schema())?;
        Ok(Writer { column: Column::new(&form), form, stream })
    }

    /// Adds a compiled record; `None` if there is no room for it.
    ///
    /// # Safety
    /// The slots must be those of a value of `ty`, whose form is the stream's, and what they point to alive.
    pub unsafe fn push(&mut self, ty: &Type, slots: &[u64]) -> Option<()> {
        // SAFETY: the caller's promise.
        unsafe { self.column.push(ty, slots)? };
        self.end_row().ok()
    }

    /// Goes on to the next batch if this one is full.
    fn end_row(&mut self) -> Result<(), ArrowError> {
        if is_full(&self.column) { self.end_batch() } else { Ok(()) }
    }

    fn end_batch(&mut self) -> Result<(), ArrowError> {
        let column = std::mem::replace(&mut self.column, Column::new(&self.form));
        self.stream.write(&columns::batch(column, &self.form)?)
    }

    /// The stream.
    pub fn finish(mut self) -> Result<Vec<u8>, ArrowError> {
        if self.column.len() > 0 {
            self.end_batch()?;
        }
        self.stream.into_inner()
    }
}

/// Whether a batch should end here.
fn is_full(column: &Column) -> bool {
    column.len().is_multiple_of(LOOK) && column.fullness() >= FULL
}

/// Batches as a stream.
pub fn stream(schema: &Schema, batches: Vec<RecordBatch>) -> Result<Vec<u8>, ArrowError> {
    let mut stream = StreamWriter::try_new(Vec::new(), schema)?;
    batches.into_iter().try_for_each(|batch| stream.write(&batch))?;
    stream.into_inner()
}

/// The batches of a stream, which lie in it where they can.
pub fn read(stream: &Buffer) -> Result<Vec<RecordBatch>, ArrowError> {
    let (mut rest, mut decoder, mut batches) = (stream.clone(), StreamDecoder::new(), Vec::new());
    while !rest.is_empty() {
        batches.extend(decoder.decode(&mut rest)?);
    }
    decoder.finish()?;
    Ok(batches)
}
