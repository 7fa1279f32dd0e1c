//! Reads Arrow columns, value by value: columns with their types known, so that a value costs no look-up of a type.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};

use arrow_buffer::NullBuffer;

use super::form::{Form, whole};

/// A column of a form.
pub enum Cells<'a> {
    /// `None` only.
    Null,
    /// `bool`.
    Bool(&'a BooleanArray),
    /// `int`.
    Int(&'a Int64Array),
    /// `float`.
    Float(&'a Float64Array),
    /// `str`.
    Text(&'a StringArray),
    /// Tuples or dicts; no array if they are the records of a batch, which are all there.
    Parts(Option<&'a StructArray>, Vec<Cells<'a>>),
    /// Lists, and the items of all.
    List(&'a ListArray, Box<Cells<'a>>),
}

impl<'a> Cells<'a> {
    /// The records of a batch of that form.
    pub fn of_batch(batch: &'a RecordBatch, form: &Form) -> Option<Cells<'a>> {
        if let Some(whole) = whole(batch) {
            return Cells::of(whole.as_ref(), form);
        }
        let parts = batch.columns().iter().zip(form.parts()?);
        let parts = parts.map(|(column, form)| Cells::of(column.as_ref(), form));
        Some(Cells::Parts(None, parts.collect::<Option<_>>()?))
    }

    fn of(column: &'a dyn Array, form: &Form) -> Option<Cells<'a>> {
        Some(match form {
            Form::Null => Cells::Null,
            Form::Bool => Cells::Bool(column.as_boolean_opt()?),
            Form::Int => Cells::Int(column.as_primitive_opt::<Int64Type>()?),
            Form::Float => Cells::Float(column.as_primitive_opt::<Float64Type>()?),
            Form::Text => Cells::Text(column.as_string_opt()?),
            Form::List(item) => {
                let lists: &ListArray = column.as_list_opt()?;
                Cells::List(lists, Box::new(Cells::of(lists.values().as_ref(), item)?))
            }
            Form::Tuple(_) | Form::Record(_) => {
                let structs = column.as_struct_opt()?;
                let parts = structs.columns().iter().zip(form.parts()?);
                let parts = parts.map(|(part, form)| Cells::of(part.as_ref(), form));
                Cells::Parts(Some(structs), parts.collect::<Option<_>>()?)
            }
        })
    }

    /// Whether a value is `None`.
    pub fn is_none(&self, row: usize) -> bool {
        match self {
            Cells::Null => true,
            Cells::Parts(None, _) => false,
            Cells::Bool(column) => column.is_null(row),
            Cells::Int(column) => column.is_null(row),
            Cells::Float(column) => column.is_null(row),
            Cells::Text(column) => column.is_null(row),
            Cells::Parts(Some(column), _) => column.is_null(row),
            Cells::List(column, _) => column.is_null(row),
        }
    }

    /// Whether some value is `None`, of those that are within one that is not.
    pub fn has_none(&self, within: Option<&NullBuffer>) -> bool {
        match (self.nulls(), within) {
            _ if matches!(self, Cells::Null) => {
                within.is_none_or(|there| there.null_count() < there.len())
            }
            (None, _) => false,
            (Some(nulls), None) => nulls.null_count() > 0,
            (Some(nulls), Some(there)) => {
                nulls.null_count() > 0
                    && nulls.iter().zip(there).any(|(is_here, is_there)| is_there && !is_here)
            }
        }
    }

    /// Which values are there; nothing if all are.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Cells::Null | Cells::Parts(None, _) => None,
            Cells::Bool(column) => column.nulls(),
            Cells::Int(column) => column.nulls(),
            Cells::Float(column) => column.nulls(),
            Cells::Text(column) => column.nulls(),
            Cells::Parts(Some(column), _) => column.nulls(),
            Cells::List(column, _) => column.nulls(),
        }
    }
}
