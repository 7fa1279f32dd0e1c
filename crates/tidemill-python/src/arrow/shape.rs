//! What the objects that columns are being made of look like, as far as that is known.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::form::Form;

/// A [`Form`] with the keys as objects.
pub enum Shape<'py> {
    /// `None` only, so far.
    Null,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `float`.
    Float,
    /// `str`.
    Text,
    /// `tuple`.
    Tuple(Vec<Shape<'py>>),
    /// `dict`.
    Record(Vec<(Bound<'py, PyString>, Shape<'py>)>),
    /// `list`.
    List(Box<Shape<'py>>),
}

impl<'py> Shape<'py> {
    /// A form's.
    pub fn of_form(py: Python<'py>, form: &Form) -> Shape<'py> {
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
    pub fn of(value: &Bound<'py, PyAny>) -> Option<Shape<'py>> {
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

    /// Its form.
    pub fn form(&self) -> Form {
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

    /// How many parts it has itself.
    pub fn parts(&self) -> usize {
        match self {
            Shape::Tuple(items) => items.len(),
            Shape::Record(fields) => fields.len(),
            Shape::List(_) => 1,
            _ => 0,
        }
    }

    /// The cells of a value, of which a missing one takes as many.
    pub fn cells(&self) -> usize {
        match self {
            Shape::Tuple(items) => items.iter().map(Shape::cells).sum(),
            Shape::Record(fields) => fields.iter().map(|(_, shape)| shape.cells()).sum(),
            _ => 1,
        }
    }
}
