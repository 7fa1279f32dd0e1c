//! Arrow columns from Python objects, in one pass: a column takes the form of the first value that is not `None`.

use std::cell::Cell;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use tidemill_udf::MOST_PARTS;

use super::columns::{Column, Values, batch};
use super::form::{DEEPEST, Form};
use super::shape::Shape;
use super::{is_full, stream};

/// Fewer records are pickled: the head of a stream would cost more than they do.
pub const LEAST_ROWS: usize = 100;
/// A longer text that others refer to as well, in bytes, is one object in a pickle, however often it is there.
const LONG: usize = 32;
/// And so is a tuple of more items.
const WIDE: usize = 4;
/// Cells below values that are not there, beyond twice those of values that are: a pickle has none of them.
const MOST_EMPTY: isize = 8192;

/// Which objects have columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Those of which the very same come back, and which take no more room than a pickle: dicts with their keys in
    /// one order, and nothing that a pickle would keep as one object, because of a change that all would see, of
    /// its size, or of a NaN in it, which is equal to itself alone.
    Same,
    /// Those whose values come back.
    Equal,
}

/// Records as columns.
pub struct Gathered {
    /// What they all are.
    pub form: Form,
    /// Where the first `None` among the records is.
    pub none: Option<usize>,
    batches: Vec<RecordBatch>,
}

impl Gathered {
    /// The columns as an IPC stream.
    pub fn stream(self) -> Result<Vec<u8>, ArrowError> {
        stream(&self.form.schema(), self.batches)
    }
}

/// A task's result as an IPC stream; `None` if its records are too few, or have no columns.
#[pyfunction]
pub fn columns_of<'py>(records: &Bound<'py, PyList>) -> Option<Bound<'py, PyBytes>> {
    if records.len() < LEAST_ROWS {
        return None;
    }
    let found = gather(records, &Form::Null, Rule::Same).ok()?;
    if found.none.is_some() && found.form.parts().is_some() || !found.form.is_exact() {
        return None;
    }
    let stream = found.stream().ok()?;
    Some(PyBytes::new(records.py(), &stream))
}

/// The items of a list, the records before which were of a form. An error is the place of the first that is of
/// another one, or too large.
pub fn gather(items: &Bound<'_, PyList>, form: &Form, rule: Rule) -> Result<Gathered, usize> {
    let mut shape = Shape::of_form(items.py(), form);
    let (mut none, mut batches) = (None, Vec::new());
    let mut column = Column::new(form);
    let mut written = None;
    let bounds = Bounds { parts: Cell::new(MOST_PARTS), empty: Cell::new(MOST_EMPTY) };
    let taker = Taker { rule, bounds: &bounds, shared: false, depth: 0 };
    for at in 0..items.len() {
        // SAFETY: the place is within the list, which holds the item: nothing here runs Python code.
        let item = unsafe { borrowed(items, ffi::PyList_GetItem(items.as_ptr(), at as isize)) };
        if none.is_none() && item.is_none() {
            none = Some(at);
        }
        taker.push(&mut column, &mut shape, item).ok_or(at)?;
        if is_full(&column) {
            let form = written.insert(shape.form());
            let full = std::mem::replace(&mut column, Column::new(form));
            batches.push(batch(full, form).map_err(|_| at)?);
        }
    }
    let form = shape.form();
    if written.is_some_and(|written| written != form) {
        // A later batch has a form where the first had only None.
        return gather(items, &form, rule);
    }
    if column.len() > 0 {
        batches.push(batch(column, &form).map_err(|_| items.len() - 1)?);
    }
    Ok(Gathered { form, none, batches })
}

/// What columns may still take, where a pickle would take less.
struct Bounds {
    /// Parts of records.
    parts: Cell<usize>,
    /// Cells of values that are not there; each that is there makes room for two.
    empty: Cell<isize>,
}

/// Adds values to columns.
#[derive(Clone, Copy)]
struct Taker<'b> {
    rule: Rule,
    bounds: &'b Bounds,
    /// Whether they are in a tuple that is elsewhere too.
    shared: bool,
    depth: usize,
}

impl Taker<'_> {
    /// Adds a value; `None` if it is of another form or too large, and then the column is of no more use.
    #[inline]
    fn push<'py>(
        self,
        column: &mut Column,
        shape: &mut Shape<'py>,
        value: Borrowed<'_, 'py, PyAny>,
    ) -> Option<()> {
        if value.is_none() {
            self.take_empty(shape.cells() - 1)?;
            column.push_null();
            return Some(());
        }
        self.bounds.empty.set(self.bounds.empty.get() + 2);
        if let Shape::Null = shape {
            *shape = Shape::of(&value)?;
            self.admit(shape.parts())?;
            self.take_empty(column.len().checked_mul(shape.cells())?)?;
            *column = column.of_nulls(&shape.form());
        }
        column.fill(|values| self.push_there(values, shape, value))
    }

    fn push_there<'py>(
        self,
        values: &mut Values,
        shape: &mut Shape<'py>,
        value: Borrowed<'_, 'py, PyAny>,
    ) -> Option<()> {
        match (values, shape) {
            (Values::Bool(flags), _) => flags.append(value.cast_exact::<PyBool>().ok()?.is_true()),
            (Values::Int(numbers), _) => numbers.push(short(value)?),
            (Values::Float(numbers), _) => {
                let number = value.cast_exact::<PyFloat>().ok()?.value();
                if self.shared && number.is_nan() {
                    return None;
                }
                numbers.push(number);
            }
            (values @ Values::Text(..), _) => {
                let text = value.cast_exact::<PyString>().ok()?.encode_utf8().ok()?;
                let text = text.as_bytes();
                if text.len() > LONG && self.is_shared(value) {
                    return None;
                }
                return values.push_text(text);
            }
            (Values::Parts(parts), Shape::Tuple(shapes)) => {
                let tuple = value.cast_exact::<PyTuple>().ok()?;
                let within = self.within_tuple(value, tuple.len())?;
                if tuple.len() != shapes.len() {
                    return None;
                }
                for ((part, shape), item) in parts.iter_mut().zip(shapes).zip(tuple.iter_borrowed())
                {
                    within.push(part, shape, item)?;
                }
            }
            (Values::Parts(parts), Shape::Record(fields)) => {
                let dict = value.cast_exact::<PyDict>().ok()?;
                let within = self.within(value)?;
                if dict.len() != fields.len() {
                    return None;
                }
                within.push_entries(parts, fields, &dict)?;
            }
            (values @ Values::List(..), Shape::List(shape)) => {
                let list = value.cast_exact::<PyList>().ok()?;
                let within = self.within(value)?;
                for at in 0..list.len() {
                    let Values::List(_, items) = &mut *values else { return None };
                    // SAFETY: as for the records.
                    let item =
                        unsafe { borrowed(&list, ffi::PyList_GetItem(list.as_ptr(), at as isize)) };
                    within.push(items, shape, item)?;
                }
                return values.end_list();
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds the values of a dict of as many keys as there are fields.
    fn push_entries<'py>(
        self,
        parts: &mut [Column],
        fields: &mut [(Bound<'py, PyString>, Shape<'py>)],
        dict: &Bound<'py, PyDict>,
    ) -> Option<()> {
        let (mut place, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        for at in 0..fields.len() {
            // SAFETY: a dict, and places for what it gives, which it holds.
            let (key, value) = unsafe {
                if ffi::PyDict_Next(dict.as_ptr(), &mut place, &mut key, &mut value) == 0 {
                    return None;
                }
                (borrowed(dict, key), borrowed(dict, value))
            };
            // Of an exact `str`, so that no comparison runs Python code.
            let is_text = key.is_exact_instance_of::<PyString>();
            let names = |(name, _): &(Bound<'py, PyString>, _)| {
                key.as_ptr() == name.as_ptr() || is_text && name.as_any().eq(key).unwrap_or(false)
            };
            let field = match self.rule {
                _ if names(&fields[at]) => at,
                Rule::Same => return None,
                Rule::Equal => fields.iter().position(names)?,
            };
            self.push(&mut parts[field], &mut fields[field].1, value)?;
        }
        Some(())
    }

    /// Takes new parts of records, if there are not too many.
    fn admit(self, parts: usize) -> Option<()> {
        let left = self.bounds.parts.get().checked_sub(parts);
        self.bounds.parts.set(left.or((self.rule == Rule::Equal).then_some(0))?);
        Some(())
    }

    /// Takes the cells of values that are not there, if there are not too many.
    fn take_empty(self, cells: usize) -> Option<()> {
        let left = self.bounds.empty.get().checked_sub_unsigned(cells)?;
        self.bounds.empty.set(left);
        (left >= 0 || self.rule == Rule::Equal).then_some(())
    }

    /// For what is within a list or a dict; `None` if it has no columns.
    fn within(self, value: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        let is_refused = self.depth == DEEPEST || self.is_shared(value);
        (!is_refused).then_some(Taker { depth: self.depth + 1, ..self })
    }

    /// For what is within a tuple: a small one whose items nobody can change is any other like it.
    fn within_tuple(self, value: Borrowed<'_, '_, PyAny>, len: usize) -> Option<Self> {
        let shared = self.is_shared(value);
        let is_refused = self.depth == DEEPEST || self.shared || shared && len > WIDE;
        (!is_refused).then_some(Taker { depth: self.depth + 1, shared, ..self })
    }

    /// Whether others may refer to a value that is in a list, dict or tuple.
    fn is_shared(self, value: Borrowed<'_, '_, PyAny>) -> bool {
        // SAFETY: an object that is alive.
        let references = || unsafe { ffi::Py_REFCNT(value.as_ptr()) };
        self.rule == Rule::Same && (self.shared || references() != 1)
    }
}

/// An `int` of at most 64 bits.
#[inline]
fn short(value: Borrowed<'_, '_, PyAny>) -> Option<i64> {
    if !value.is_exact_instance_of::<PyInt>() {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: an int, and a place for what is said of its size.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(number)
}

/// An object that another one holds.
///
/// # Safety
/// It must be held as long as the holder is borrowed.
unsafe fn borrowed<'a, 'py, T>(
    holder: &'a Bound<'py, T>,
    object: *mut ffi::PyObject,
) -> Borrowed<'a, 'py, PyAny> {
    // SAFETY: the caller's promise.
    unsafe { Borrowed::from_ptr(holder.py(), object) }
}
