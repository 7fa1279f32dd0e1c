//! Builds Arrow columns, value by value.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, NullArray, RecordBatch,
    StringArray, StructArray,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};
use tidemill_udf::{Type, list_items};

use super::form::Form;

/// A column that is being made.
pub struct Column {
    len: usize,
    nulls: NullBufferBuilder,
    values: Values,
}

/// What is in a column, by its form; the parts of a struct are columns of the same length.
pub enum Values {
    /// Nothing but `None`.
    Null,
    /// `bool`.
    Bool(BooleanBufferBuilder),
    /// `int`.
    Int(Vec<i64>),
    /// `float`.
    Float(Vec<f64>),
    /// `str`: where each ends, and all of them.
    Text(Vec<i32>, Vec<u8>),
    /// A tuple's items, or a dict's values.
    Parts(Vec<Column>),
    /// Lists: where each ends, and the items of all.
    List(Vec<i32>, Box<Column>),
}

impl Column {
    /// An empty column.
    pub fn new(form: &Form) -> Column {
        let values = match form {
            Form::Null => Values::Null,
            Form::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            Form::Int => Values::Int(Vec::new()),
            Form::Float => Values::Float(Vec::new()),
            Form::Text => Values::Text(vec![0], Vec::new()),
            Form::Tuple(items) => Values::Parts(items.iter().map(Column::new).collect()),
            Form::Record(fields) => {
                Values::Parts(fields.iter().map(|(_, form)| Column::new(form)).collect())
            }
            Form::List(item) => Values::List(vec![0], Box::new(Column::new(item))),
        };
        Column { len: 0, nulls: NullBufferBuilder::new(0), values }
    }

    /// As many times `None` as are in this column, in one of a form.
    pub fn of_nulls(&self, form: &Form) -> Column {
        let mut column = Column::new(form);
        (0..self.len).for_each(|_| column.push_null());
        column
    }

    /// Adds a value that is there, by `fill`, which adds it to what the column holds; `None` if there is no room.
    pub fn fill(&mut self, fill: impl FnOnce(&mut Values) -> Option<()>) -> Option<()> {
        fill(&mut self.values)?;
        self.nulls.append_non_null();
        self.len += 1;
        Some(())
    }

    /// Adds `None`.
    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Null => {}
            Values::Bool(flags) => flags.append(false),
            Values::Int(numbers) => numbers.push(0),
            Values::Float(numbers) => numbers.push(0.0),
            Values::Text(ends, _) | Values::List(ends, _) => ends.extend(ends.last().copied()),
            Values::Parts(parts) => parts.iter_mut().for_each(Column::push_null),
        }
        self.nulls.append_null();
        self.len += 1;
    }

    /// Adds a compiled value. `None` if the column cannot hold so much.
    ///
    /// # Safety
    /// The slots must be those of a value of `ty`, whose form is the column's, and what they point to alive.
    pub unsafe fn push(&mut self, ty: &Type, slots: &[u64]) -> Option<()> {
        match ty {
            Type::None | Type::Never => self.push_null(),
            Type::Option(_) if slots[0] == 0 => self.push_null(),
            // SAFETY: the caller's promise holds for the value that is there.
            Type::Option(value) => unsafe { self.push(value, &slots[1..])? },
            // SAFETY: the caller's promise.
            _ => self.fill(|values| unsafe { values.push(ty, slots) })?,
        }
        Some(())
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The largest number that an offset in it has.
    pub fn fullness(&self) -> usize {
        match &self.values {
            Values::Text(_, bytes) => bytes.len(),
            Values::Parts(parts) => parts.iter().map(Column::fullness).max().unwrap_or(0),
            Values::List(_, items) => items.len.max(items.fullness()),
            _ => 0,
        }
    }

    /// The finished column.
    pub fn finish(self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let Column { len, mut nulls, values } = self;
        let nulls = nulls.finish();
        Ok(match values {
            Values::Null => Arc::new(NullArray::new(len)),
            Values::Bool(mut flags) => Arc::new(BooleanArray::new(flags.finish(), nulls)),
            Values::Int(numbers) => Arc::new(Int64Array::try_new(numbers.into(), nulls)?),
            Values::Float(numbers) => Arc::new(Float64Array::try_new(numbers.into(), nulls)?),
            Values::Text(ends, bytes) => {
                Arc::new(StringArray::try_new(offsets(ends), Buffer::from_vec(bytes), nulls)?)
            }
            Values::Parts(parts) => {
                let DataType::Struct(fields) = data_type else { return Err(mismatch()) };
                let parts = parts.into_iter().zip(fields);
                let parts = parts.map(|(part, field)| part.finish(field.data_type()));
                let parts = parts.collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new(fields.clone(), parts, nulls)?)
            }
            Values::List(ends, items) => {
                let DataType::List(field) = data_type else { return Err(mismatch()) };
                let items = items.finish(field.data_type())?;
                Arc::new(ListArray::try_new(field.clone(), offsets(ends), items, nulls)?)
            }
        })
    }
}

impl Values {
    /// # Safety
    /// As for [`Column::push`].
    unsafe fn push(&mut self, ty: &Type, slots: &[u64]) -> Option<()> {
        match (self, ty) {
            (Values::Bool(flags), _) => flags.append(slots[0] != 0),
            (Values::Int(numbers), _) => numbers.push(slots[0] as i64),
            (Values::Float(numbers), _) => numbers.push(f64::from_bits(slots[0])),
            (values @ Values::Text(..), _) => {
                let (start, length) = (slots[0] as *const u8, slots[1] as usize);
                // SAFETY: the caller's promise: a string's address and length.
                return values.push_text(unsafe { std::slice::from_raw_parts(start, length) });
            }
            (Values::Parts(parts), _) => {
                for ((part, span), column) in ty.spans().zip(parts) {
                    // SAFETY: the caller's promise holds for each part.
                    unsafe { column.push(part, &slots[span])? };
                }
            }
            (Values::List(ends, column), Type::List(item)) => {
                // SAFETY: the caller's promise.
                let (items, length) = unsafe { list_items(slots[0]) };
                let width = item.slots();
                for index in 0..length {
                    // SAFETY: the caller's promise holds for each item.
                    unsafe { column.push(item, &items[index * width..(index + 1) * width])? };
                }
                ends.push(i32::try_from(column.len).ok()?);
            }
            (Values::Null | Values::List(..), _) => return None,
        }
        Some(())
    }

    /// Adds text to a column of text.
    pub fn push_text(&mut self, text: &[u8]) -> Option<()> {
        let Values::Text(ends, bytes) = self else { return None };
        ends.push(i32::try_from(bytes.len() + text.len()).ok()?);
        bytes.extend_from_slice(text);
        Some(())
    }

    /// Ends a list whose items were added.
    pub fn end_list(&mut self) -> Option<()> {
        let Values::List(ends, items) = self else { return None };
        ends.push(i32::try_from(items.len).ok()?);
        Some(())
    }
}

/// Offsets of values that were counted when they were added, so that they never decrease.
fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(ends))
}

fn mismatch() -> ArrowError {
    ArrowError::SchemaError("a column of another type than its form".to_owned())
}

/// A batch of the records of a column: its columns are the parts of tuples or dicts, which are all there, or itself.
pub fn batch(column: Column, form: &Form) -> Result<RecordBatch, ArrowError> {
    let schema = Arc::new(form.schema());
    let columns = match column.values {
        Values::Parts(parts) => parts,
        _ => vec![column],
    };
    let columns = columns.into_iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| column.finish(field.data_type()));
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}
