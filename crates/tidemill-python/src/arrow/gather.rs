//! Arrow columns from Python objects, in one pass: a column takes the form of the first value that is not `None`.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::columns::{Column, Values, batch};
use super::form::{DEEPEST, Form};
use super::objects::damaged;
use super::{is_full, stream};

/// Fewer records are pickled: the head of a stream would cost more than they do.
pub const LEAST_ROWS: usize = 100;
/// A longer text that others refer to as well, in bytes, is one object in a pickle, however often it is there.
const LONG: usize = 256;
/// And so is a tuple of more items.
const WIDE: usize = 16;

/// Which objects have columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Those of which the very same come back: dicts with their keys in one order, and nothing that a pickle
    /// would keep as one object, because of a change that all would see or because of its size.
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
    pub fn stream(&self) -> Result<Vec<u8>, ArrowError> {
        stream(&self.form.schema(), &self.batches)
    }
}

/// A task's result as an IPC stream; `None` if its records are too few, or have no columns.
#[pyfunction]
pub fn columns_of<'py>(records: &Bound<'py, PyList>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if records.len() < LEAST_ROWS {
        return Ok(None);
    }
    let Ok(found) = gather(records, &Form::Null, Rule::Same) else { return Ok(None) };
    if found.none.is_some() && found.form.parts().is_some() || !found.form.is_exact() {
        return Ok(None);
    }
    let stream = found.stream().map_err(damaged)?;
    Ok(Some(PyBytes::new(records.py(), &stream)))
}

/// The items of a list, the records before which were of a form. An error is the place of the first that is of
/// another one, or too large.
pub fn gather(items: &Bound<'_, PyList>, form: &Form, rule: Rule) -> Result<Gathered, usize> {
    let mut shape = Shape::of_form(items.py(), form);
    let (mut none, mut batches) = (None, Vec::new());
    let mut column = Column::new(form);
    let mut written = None;
    for at in 0..items.len() {
        // SAFETY: the place is within the list, which holds the item: nothing here runs Python code.
        let item = unsafe { borrowed(items, ffi::PyList_GetItem(items.as_ptr(), at as isize)) };
        if none.is_none() && item.is_none() {
            none = Some(at);
        }
        let taker = Taker { rule, shared: false, depth: 0 };
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

/// A [`Form`] with the keys as objects.
enum Shape<'py> {
    Null,
    Bool,
    Int,
    Float,
    Text,
    Tuple(Vec<Shape<'py>>),
    Record(Vec<(Bound<'py, PyString>, Shape<'py>)>),
    List(Box<Shape<'py>>),
}

impl<'py> Shape<'py> {
    fn of_form(py: Python<'py>, form: &Form) -> Shape<'py> {
        let of_form = |form: &Form| Shape::of_form(py, form);
        match form {
            Form::Null => Shape::Null,
            Form::Bool => Shape::Bool,
            Form::Int => Shape::Int,
            Form::Float => Shape::Float,
            Form::Text => Shape::Text,
            Form::Tuple(items) => Shape::Tuple(items.iter().map(of_form).collect()),
            Form::Record(fields) => {
                let field = |(key, form): &(String, Form)| (PyString::new(py, key), of_form(form));
                Shape::Record(fields.iter().map(field).collect())
            }
            Form::List(item) => Shape::List(Box::new(of_form(item))),
        }
    }

    /// That of a value, but for the values within it, whose turn is still to come.
    fn of(value: &Bound<'py, PyAny>) -> Option<Shape<'py>> {
        Some(if value.is_exact_instance_of::<PyBool>() {
            Shape::Bool
        } else if value.is_exact_instance_of::<PyInt>() {
            Shape::Int
        } else if value.is_exact_instance_of::<PyFloat>() {
            Shape::Float
        } else if value.is_exact_instance_of::<PyString>() {
            Shape::Text
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            let items: Vec<_> = (0..tuple.len()).map(|_| Shape::Null).collect();
            (!items.is_empty()).then_some(Shape::Tuple(items))?
        } else if let Ok(dict) = value.cast_exact::<PyDict>() {
            let key = |key: Bound<'py, PyAny>| {
                let key = key.cast_into_exact::<PyString>().ok()?;
                key.encode_utf8().is_ok().then_some((key, Shape::Null))
            };
            let fields: Vec<_> = dict.iter().map(|(name, _)| key(name)).collect::<Option<_>>()?;
            (!fields.is_empty()).then_some(Shape::Record(fields))?
        } else if value.is_exact_instance_of::<PyList>() {
            Shape::List(Box::new(Shape::Null))
        } else {
            return None;
        })
    }

    fn form(&self) -> Form {
        match self {
            Shape::Null => Form::Null,
            Shape::Bool => Form::Bool,
            Shape::Int => Form::Int,
            Shape::Float => Form::Float,
            Shape::Text => Form::Text,
            Shape::Tuple(items) => Form::Tuple(items.iter().map(Shape::form).collect()),
            Shape::Record(fields) => {
                let field = |(key, shape): &(Bound<'_, PyString>, Shape<'_>)| {
                    (key.to_string_lossy().into_owned(), shape.form())
                };
                Form::Record(fields.iter().map(field).collect())
            }
            Shape::List(item) => Form::List(Box::new(item.form())),
        }
    }
}

/// Adds values to columns.
#[derive(Clone, Copy)]
struct Taker {
    rule: Rule,
    /// Whether they are in a tuple that is elsewhere too.
    shared: bool,
    depth: usize,
}

impl Taker {
    /// Adds a value; `None` if it is of another form or too large, and then the column is of no more use.
    #[inline]
    fn push<'py>(
        self,
        column: &mut Column,
        shape: &mut Shape<'py>,
        value: Borrowed<'_, 'py, PyAny>,
    ) -> Option<()> {
        if value.is_none() {
            column.push_null();
            return Some(());
        }
        if let Shape::Null = shape {
            *shape = Shape::of(&value)?;
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
                numbers.push(value.cast_exact::<PyFloat>().ok()?.value())
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
                match self.rule {
                    Rule::Same => within.push_in_order(parts, fields, &dict)?,
                    Rule::Equal => {
                        for (part, (key, shape)) in parts.iter_mut().zip(fields) {
                            let value = dict.get_item(&*key).ok()??;
                            within.push(part, shape, value.as_borrowed())?;
                        }
                    }
                }
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

    /// Adds the values of a dict whose keys must be in the order of the first.
    fn push_in_order<'py>(
        self,
        parts: &mut [Column],
        fields: &mut [(Bound<'py, PyString>, Shape<'py>)],
        dict: &Bound<'py, PyDict>,
    ) -> Option<()> {
        let (mut place, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        for (part, (name, shape)) in parts.iter_mut().zip(fields) {
            // SAFETY: a dict, and places for what it gives, which it holds.
            let (key, value) = unsafe {
                if ffi::PyDict_Next(dict.as_ptr(), &mut place, &mut key, &mut value) == 0 {
                    return None;
                }
                (borrowed(dict, key), borrowed(dict, value))
            };
            let is_same = key.as_ptr() == name.as_ptr()
                || key.is_exact_instance_of::<PyString>() && name.as_any().eq(key).unwrap_or(false);
            if !is_same {
                return None;
            }
            self.push(part, shape, value)?;
        }
        Some(())
    }

    /// For what is within a list or a dict; `None` if it has no columns.
    fn within(self, value: Borrowed<'_, '_, PyAny>) -> Option<Taker> {
        let is_refused = self.depth == DEEPEST || self.is_shared(value);
        (!is_refused).then_some(Taker { depth: self.depth + 1, ..self })
    }

    /// For what is within a tuple: a small one whose items nobody can change is any other like it.
    fn within_tuple(self, value: Borrowed<'_, '_, PyAny>, len: usize) -> Option<Taker> {
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
