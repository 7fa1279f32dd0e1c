//! Typed records from Python objects: what `parallelize` and queues hold, typed from its values.

use std::collections::HashSet;
use std::sync::Arc;

use bumpalo::Bump;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};
use tidemill_udf::{Records, Type, list_of};

use crate::block::{PyBlock, TypedBlock};

/// Deeper values are pickled.
const DEEPEST: usize = 16;
/// Values of more parts are pickled.
const MOST_PARTS: usize = 4096;

/// The block of a list's items if they are all of one type that compiled code knows, else `None`.
///
/// Only the built-in types themselves count, and no list may be there twice: a function that changes one would change
/// the other.
#[pyfunction]
pub fn typed_block(items: &Bound<'_, PyList>) -> Option<PyBlock> {
    let mut ty = type_of(&items.iter().next()?, 0, &mut MOST_PARTS.clone())?;
    // Each round meets a wider type than the one before, or gives up.
    loop {
        match records(items, &ty) {
            Ok(records) => return Some(PyBlock(Arc::new(TypedBlock(records)))),
            Err(index) => {
                let other = type_of(&items.get_item(index).ok()?, 0, &mut MOST_PARTS.clone())?;
                let wider = ty.unify(&other).filter(|wider| *wider != ty)?;
                ty = wider;
            }
        }
    }
}

/// The type of a value of at most `parts` parts.
fn type_of(value: &Bound<'_, PyAny>, depth: usize, parts: &mut usize) -> Option<Type> {
    *parts = parts.checked_sub(1)?;
    if depth > DEEPEST {
        return None;
    }
    if value.is_none() {
        return Some(Type::None);
    }
    if value.is_exact_instance_of::<PyBool>() {
        return Some(Type::Bool);
    }
    if value.is_exact_instance_of::<PyInt>() {
        return Some(Type::Int);
    }
    if value.is_exact_instance_of::<PyFloat>() {
        return Some(Type::Float);
    }
    if value.is_exact_instance_of::<PyString>() {
        return Some(Type::Str);
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let items: Option<Vec<Type>> =
            tuple.iter().map(|item| type_of(&item, depth + 1, parts)).collect();
        return items.map(Type::Tuple);
    }
    let list = value.cast_exact::<PyList>().ok()?;
    let mut item = Type::Never;
    for each in list.iter() {
        let ty = type_of(&each, depth + 1, parts)?;
        item = if item == Type::Never { ty } else { item.unify(&ty)? };
    }
    Some(Type::List(Box::new(item)))
}

/// The items as records of a type, or the index of the first that is none.
fn records(items: &Bound<'_, PyList>, ty: &Type) -> Result<Records, usize> {
    let mut records = Records::new(ty);
    let mut reading = Reading { heap: Bump::new(), texts: Vec::new(), lists: HashSet::new() };
    let mut slots = Vec::with_capacity(ty.slots());
    for (index, item) in items.iter().enumerate() {
        slots.clear();
        reading.texts.clear();
        reading.value(&item, ty, &mut slots).ok_or(index)?;
        // SAFETY: the slots of a value of the type; its texts are held until the next one.
        unsafe { records.push(&slots) };
        reading.heap.reset();
    }
    Ok(records)
}

/// What the record in hand points to.
struct Reading<'py> {
    heap: Bump,
    texts: Vec<Bound<'py, PyBytes>>,
    /// The lists so far, by address.
    lists: HashSet<usize>,
}

impl<'py> Reading<'py> {
    /// Appends the slots of a value; `None` if it is not of the type.
    fn value(&mut self, value: &Bound<'py, PyAny>, ty: &Type, slots: &mut Vec<u64>) -> Option<()> {
        match ty {
            Type::None => value.is_none().then_some(()),
            Type::Bool => {
                let flag = value.cast_exact::<PyBool>().ok()?.is_true();
                slots.push(u64::from(flag));
                Some(())
            }
            Type::Int => {
                let number = value.cast_exact::<PyInt>().ok()?;
                slots.push(number.extract::<i64>().ok()? as u64);
                Some(())
            }
            Type::Float => {
                slots.push(value.cast_exact::<PyFloat>().ok()?.value().to_bits());
                Some(())
            }
            Type::Str => {
                // Fails for lone surrogates.
                let text = value.cast_exact::<PyString>().ok()?.encode_utf8().ok()?;
                let bytes = text.as_bytes();
                slots.extend([bytes.as_ptr() as u64, bytes.len() as u64]);
                self.texts.push(text);
                Some(())
            }
            Type::Tuple(types) => {
                let tuple = value.cast_exact::<PyTuple>().ok()?;
                if tuple.len() != types.len() {
                    return None;
                }
                tuple.iter().zip(types).try_for_each(|(item, ty)| self.value(&item, ty, slots))
            }
            Type::Option(_) if value.is_none() => {
                slots.extend(ty.absent());
                Some(())
            }
            Type::Option(inner) => {
                slots.push(1);
                self.value(value, inner, slots)
            }
            Type::List(item) => {
                let list = value.cast_exact::<PyList>().ok()?;
                if !self.lists.insert(list.as_ptr() as usize) {
                    return None;
                }
                let mut items = Vec::new();
                for each in list.iter() {
                    self.value(&each, item, &mut items)?;
                }
                slots.push(list_of(&self.heap, item, list.len(), &items));
                Some(())
            }
            _ => None,
        }
    }
}
