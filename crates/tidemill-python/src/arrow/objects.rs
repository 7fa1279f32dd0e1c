//! Python objects from Arrow columns, in workers and in the driver.

use arrow_array::{Array, ListArray, RecordBatch, StructArray};
use arrow_buffer::Buffer;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use super::cells::Cells;
use super::form::Form;
use crate::errors::to_python;

/// The records of an IPC stream.
#[pyfunction]
pub fn arrow_records<'py>(py: Python<'py>, stream: &[u8]) -> PyResult<Bound<'py, PyList>> {
    objects(py, &Buffer::from(stream))
}

/// The records of a stream in memory that it may share.
pub fn objects<'py>(py: Python<'py>, stream: &Buffer) -> PyResult<Bound<'py, PyList>> {
    let batches = super::read(stream).map_err(damaged)?;
    let mut records = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in &batches {
        let form = Form::of_batch(batch).ok_or_else(|| damaged("a column of another type"))?;
        let maker = Cells::of_batch(batch, &form).and_then(|cells| Maker::new(py, &form, cells));
        let maker = maker.ok_or_else(|| damaged("columns of another form"))?;
        for row in 0..batch.num_rows() {
            records.push(maker.object(py, row)?);
        }
    }
    PyList::new(py, records)
}

/// The error for a block that cannot be what it was made as.
pub fn damaged(why: impl std::fmt::Display) -> PyErr {
    to_python(tidemill::Error::Internal(format!("a block of Arrow columns: {why}")))
}

/// Makes the objects of a column.
enum Maker<'py, 'a> {
    /// Those without parts.
    Plain(Cells<'a>),
    Tuple(Option<&'a StructArray>, Vec<Maker<'py, 'a>>),
    /// The keys are the same objects in all dicts.
    Dict(Option<&'a StructArray>, Vec<(Bound<'py, PyString>, Maker<'py, 'a>)>),
    List(&'a ListArray, Box<Maker<'py, 'a>>),
}

impl<'py, 'a> Maker<'py, 'a> {
    fn new(py: Python<'py>, form: &Form, cells: Cells<'a>) -> Option<Maker<'py, 'a>> {
        Some(match (form, cells) {
            (Form::Tuple(items), Cells::Parts(array, parts)) => {
                let makers =
                    items.iter().zip(parts).map(|(form, cells)| Maker::new(py, form, cells));
                Maker::Tuple(array, makers.collect::<Option<_>>()?)
            }
            (Form::Record(fields), Cells::Parts(array, parts)) => {
                let makers = fields.iter().zip(parts).map(|((key, form), cells)| {
                    Some((PyString::intern(py, key), Maker::new(py, form, cells)?))
                });
                Maker::Dict(array, makers.collect::<Option<_>>()?)
            }
            (Form::List(item), Cells::List(lists, items)) => {
                Maker::List(lists, Box::new(Maker::new(py, item, *items)?))
            }
            (_, plain) => Maker::Plain(plain),
        })
    }

    fn object(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Maker::Plain(cells) => Ok(plain(py, cells, row)),
            Maker::Tuple(array, _) | Maker::Dict(array, _)
                if array.is_some_and(|a| a.is_null(row)) =>
            {
                Ok(py.None().into_bound(py))
            }
            Maker::Tuple(_, items) => tuple(py, items, row),
            Maker::Dict(_, fields) => {
                let dict = PyDict::new(py);
                for (key, maker) in fields {
                    dict.set_item(key, maker.object(py, row)?)?;
                }
                Ok(dict.into_any())
            }
            Maker::List(lists, _) if lists.is_null(row) => Ok(py.None().into_bound(py)),
            Maker::List(lists, item) => {
                let ends = lists.value_offsets();
                let items = ends[row] as usize..ends[row + 1] as usize;
                let items: Vec<_> = items.map(|at| item.object(py, at)).collect::<PyResult<_>>()?;
                Ok(PyList::new(py, items)?.into_any())
            }
        }
    }
}

/// A tuple whose items go right where they belong: most records are tuples.
fn tuple<'py>(
    py: Python<'py>,
    items: &[Maker<'py, '_>],
    row: usize,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the new tuple is this function's alone until it is full; with an error it goes as it is.
    let tuple = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(items.len() as ffi::Py_ssize_t))?
    };
    for (at, item) in (0..).zip(items) {
        let object = item.object(py, row)?.into_ptr();
        // SAFETY: the place is within the tuple and empty; the object is handed over.
        unsafe { ffi::PyTuple_SetItem(tuple.as_ptr(), at, object) };
    }
    Ok(tuple)
}

#[inline]
fn plain<'py>(py: Python<'py>, cells: &Cells<'_>, row: usize) -> Bound<'py, PyAny> {
    match cells {
        _ if cells.is_none(row) => py.None().into_bound(py),
        Cells::Bool(flags) => PyBool::new(py, flags.value(row)).to_owned().into_any(),
        Cells::Int(numbers) => PyInt::new(py, numbers.value(row)).into_any(),
        Cells::Float(numbers) => PyFloat::new(py, numbers.value(row)).into_any(),
        Cells::Text(texts) => PyString::new(py, texts.value(row)).into_any(),
        Cells::Null | Cells::Parts(..) | Cells::List(..) => py.None().into_bound(py),
    }
}
