//! Arrow columns from Python objects and from lines: what `mapArrow` gets where its input is not typed.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTupleMethods,
};

use super::Writer;
use super::form::{DEEPEST, Form};
use super::gather::{Gathered, Rule, gather};
use super::objects::damaged;

/// Characters of a record or a form in a message.
const SHOWN: usize = 200;

/// Makes columns of a partition's records, however many at a time: all are of one form.
#[pyclass(module = "tidemill._engine")]
pub struct Intake {
    /// The form of the records up to here.
    form: Form,
    /// The number of the first `None` among them.
    none: Option<usize>,
}

#[pymethods]
impl Intake {
    #[new]
    fn new() -> Intake {
        Intake { form: Form::Null, none: None }
    }

    /// A list's items as an IPC stream; `first` is the number of the first one, for messages.
    fn columns<'py>(
        &mut self,
        items: &Bound<'py, PyList>,
        first: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let found = match gather(items, &self.form, Rule::Equal) {
            Ok(found) if self.has_columns(&found) => found,
            found => return Err(self.refused(items, first, found.err())),
        };
        self.none = self.none.or(found.none.map(|at| first + at));
        self.form = found.form.clone();
        let stream = found.stream().map_err(damaged)?;
        Ok(PyBytes::new(items.py(), &stream))
    }
}

impl Intake {
    /// Whether records give the same ones back, and there is no `None` where the others have parts.
    fn has_columns(&self, found: &Gathered) -> bool {
        let has_none = self.none.is_some() || found.none.is_some();
        !(has_none && found.form.parts().is_some()) && found.form.mistaken().is_none()
    }

    /// Why the items have no columns; `at` is where that was seen, if it was one of them.
    fn refused(&mut self, items: &Bound<'_, PyList>, first: usize, at: Option<usize>) -> PyErr {
        for (number, item) in (first..).zip(items.iter()) {
            if let Err(refusal) = self.admit(&item, number) {
                return refusal;
            }
        }
        match at.and_then(|at| Some((at, items.get_item(at).ok()?))) {
            Some((at, item)) => refusal(&item, first + at, "too large: columns end at 2 GiB"),
            None => damaged("records that have no columns"),
        }
    }

    /// Makes the form one that the next record has too.
    fn admit(&mut self, record: &Bound<'_, PyAny>, number: usize) -> PyResult<()> {
        if !fits(&self.form, record) {
            let refused = |why: String| refusal(record, number, &why);
            let other = form_of(record, 0).map_err(refused)?;
            let merged = self.form.merge(&other).ok_or_else(|| {
                let (other, before) = (form_shown(&other), form_shown(&self.form));
                refused(format!(
                    "{other}, where those before are {before}; records must be of one type"
                ))
            })?;
            if let Some(why) = merged.mistaken() {
                return Err(refused(why.to_owned()));
            }
            self.form = merged;
        }
        if record.is_none() {
            self.none.get_or_insert(number);
        }
        match self.none {
            Some(number) if self.form.parts().is_some() => {
                let form = form_shown(&self.form);
                let why = format!("None, where others are {form}; a None may be within them only");
                Err(refusal(record.py().None().bind(record.py()), number, &why))
            }
            _ => Ok(()),
        }
    }
}

/// The lines of a text block as an IPC stream.
#[pyfunction]
pub fn arrow_of_text<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut writer = Writer::new(Form::Text).map_err(damaged)?;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        let pushed = writer.column.fill(|values| values.push_text(&text[start..end]));
        pushed.ok_or_else(|| damaged("a line of more than 2 GiB"))?;
        writer.end_row().map_err(damaged)?;
        start = end + 1;
    }
    Ok(PyBytes::new(py, &writer.finish().map_err(damaged)?))
}

/// Whether a value can be added to a column of the form.
fn fits(form: &Form, value: &Bound<'_, PyAny>) -> bool {
    match form {
        _ if value.is_none() => true,
        Form::Null => false,
        Form::Bool => value.is_exact_instance_of::<PyBool>(),
        Form::Int => is_short(value),
        Form::Float => value.is_exact_instance_of::<PyFloat>(),
        Form::Text => text_of(value).is_some(),
        Form::Tuple(items) => value.cast_exact::<PyTuple>().is_ok_and(|tuple| {
            tuple.len() == items.len()
                && tuple.iter().zip(items).all(|(value, form)| fits(form, &value))
        }),
        Form::Record(fields) => value.cast_exact::<PyDict>().is_ok_and(|dict| {
            let has = |(key, form): &(String, Form)| match dict.get_item(key) {
                Ok(Some(value)) => fits(form, &value),
                _ => false,
            };
            let is_text = |(key, _): (Bound<'_, PyAny>, _)| key.is_exact_instance_of::<PyString>();
            dict.len() == fields.len() && dict.iter().all(is_text) && fields.iter().all(has)
        }),
        Form::List(item) => value
            .cast_exact::<PyList>()
            .is_ok_and(|list| list.iter().all(|value| fits(item, &value))),
    }
}

/// The form of a value, or why it has none.
fn form_of(value: &Bound<'_, PyAny>, depth: usize) -> Result<Form, String> {
    if depth > DEEPEST {
        return Err(format!("nested deeper than {DEEPEST} levels"));
    }
    if value.is_none() {
        Ok(Form::Null)
    } else if value.is_exact_instance_of::<PyBool>() {
        Ok(Form::Bool)
    } else if value.is_exact_instance_of::<PyInt>() {
        is_short(value).then_some(Form::Int).ok_or_else(|| "an int of more than 64 bits".to_owned())
    } else if value.is_exact_instance_of::<PyFloat>() {
        Ok(Form::Float)
    } else if value.is_exact_instance_of::<PyString>() {
        text_of(value).map(|_| Form::Text).ok_or_else(|| "a str with a lone surrogate".to_owned())
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let items: Vec<Form> =
            tuple.iter().map(|item| form_of(&item, depth + 1)).collect::<Result<_, _>>()?;
        if items.is_empty() { Err("an empty tuple".to_owned()) } else { Ok(Form::Tuple(items)) }
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        record_form(dict, depth)
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        let mut item = Form::Null;
        for value in list.iter() {
            if !fits(&item, &value) {
                let other = form_of(&value, depth + 1)?;
                item = item.merge(&other).ok_or_else(|| both(&item, &other))?;
            }
        }
        Ok(Form::List(Box::new(item)))
    } else {
        let class = value.get_type().fully_qualified_name();
        Err(class
            .map_or_else(|_| "of an unknown class".to_owned(), |name| format!("of class {name}")))
    }
}

fn record_form(dict: &Bound<'_, PyDict>, depth: usize) -> Result<Form, String> {
    let mut fields = Vec::with_capacity(dict.len());
    for (key, value) in dict.iter() {
        let name = text_of(&key).and_then(|name| String::from_utf8(name.as_bytes().to_vec()).ok());
        let name = name.ok_or_else(|| format!("a dict with the key {}", shown(&key)))?;
        fields.push((name, form_of(&value, depth + 1)?));
    }
    if fields.is_empty() { Err("an empty dict".to_owned()) } else { Ok(Form::Record(fields)) }
}

/// Whether a value is an `int` of at most 64 bits.
fn is_short(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyInt>() && value.extract::<i64>().is_ok()
}

/// The UTF-8 of a `str`; `None` if it has none.
fn text_of<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    value.cast_exact::<PyString>().ok()?.encode_utf8().ok()
}

fn refusal(record: &Bound<'_, PyAny>, number: usize, why: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "mapArrow expects records that have Arrow columns: None, bool, int of 64 bits, float, str, and tuples, lists \
         and dicts with str keys of these, the same in every record. Record {number} of the partition, {}, is {why}. \
         Give them one such type, or keys of other names, for instance in a map before",
        shown(record)
    ))
}

/// A value for a message.
fn shown(value: &Bound<'_, PyAny>) -> String {
    shortened(value.repr().map_or_else(|_| "that has no repr".to_owned(), |text| text.to_string()))
}

/// A form for a message.
fn form_shown(form: &Form) -> String {
    shortened(form.to_string())
}

fn both(one: &Form, other: &Form) -> String {
    format!("a list with both {} and {}", form_shown(one), form_shown(other))
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
