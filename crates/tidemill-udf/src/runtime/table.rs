//! Captured containers of constants: what the front hands over, and how compiled code looks things up in it.
//!
//! Keys that are equal in Python are one key here: `1 == 1.0 == True`. Numbers within 64 bits are looked up as
//! integers, whatever their type; texts as they are; everything else by its spelling (`put_key`).

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::*;
use crate::types::Type;

/// A constant in a captured container.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// `True`, `False`.
    Bool(bool),
    /// An integer within 64 bits.
    Int(i64),
    /// A string.
    Str(String),
    /// A float, by its `repr`.
    Float {
        /// What `repr` gave.
        f: String,
    },
    /// A tuple.
    Tuple(Vec<Constant>),
    /// `None`.
    None(()),
}

impl Constant {
    /// Its type.
    pub(crate) fn ty(&self) -> Type {
        match self {
            Constant::None(()) => Type::None,
            Constant::Bool(_) => Type::Bool,
            Constant::Int(_) => Type::Int,
            Constant::Float { .. } => Type::Float,
            Constant::Str(_) => Type::Str,
            Constant::Tuple(items) => Type::Tuple(items.iter().map(Constant::ty).collect()),
        }
    }

    /// Its slots as a value of a type that holds it.
    fn put_slots(&self, ty: &Type, slots: &mut Vec<u64>) {
        match (self, ty) {
            (Constant::None(()), Type::Option(_)) => slots.extend(ty.absent()),
            (_, Type::Option(inner)) => {
                slots.push(1);
                self.put_slots(inner, slots);
            }
            (Constant::Tuple(items), Type::Tuple(types)) => {
                items.iter().zip(types).for_each(|(item, ty)| item.put_slots(ty, slots));
            }
            (Constant::Bool(value), _) => slots.push(u64::from(*value)),
            (Constant::Int(value), _) => slots.push(*value as u64),
            (Constant::Float { f }, _) => slots.push(number(f).to_bits()),
            (Constant::Str(text), _) => slots.extend([text.as_ptr() as u64, text.len() as u64]),
            _ => {}
        }
    }

    /// Its spelling as a key.
    fn put_key(&self, key: &mut Vec<u8>) {
        match self {
            Constant::None(()) => key.push(b'n'),
            Constant::Bool(value) => put_int_key(key, i64::from(*value)),
            Constant::Int(value) => put_int_key(key, *value),
            Constant::Float { f } => put_float_key(key, number(f)),
            Constant::Str(text) => put_str_key(key, text.as_bytes()),
            Constant::Tuple(items) => {
                put_tuple_key(key, items.len());
                items.iter().for_each(|item| item.put_key(key));
            }
        }
    }
}

fn number(spelled: &str) -> f64 {
    spelled.parse().unwrap_or(f64::NAN)
}

/// The integer that a float is equal to.
fn as_integer(value: f64) -> Option<i64> {
    let within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    (within && value.fract() == 0.0).then_some(value as i64)
}

fn put_int_key(key: &mut Vec<u8>, value: i64) {
    key.push(b'i');
    key.extend_from_slice(&value.to_le_bytes());
}

fn put_float_key(key: &mut Vec<u8>, value: f64) {
    match as_integer(value) {
        Some(value) => put_int_key(key, value),
        None => {
            key.push(b'f');
            key.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

fn put_str_key(key: &mut Vec<u8>, text: &[u8]) {
    key.push(b's');
    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
    key.extend_from_slice(text);
}

fn put_tuple_key(key: &mut Vec<u8>, items: usize) {
    key.push(b't');
    key.extend_from_slice(&(items as u64).to_le_bytes());
}

/// Appends the spelling of a value; false if it may be equal to itself alone, as nan is.
///
/// # Safety
/// The slots must be those of a value of `ty`, which is one that `is_looked_up`.
unsafe fn put_key(key: &mut Vec<u8>, ty: &Type, slots: &[u64]) -> bool {
    match ty {
        Type::Bool | Type::Int => put_int_key(key, slots[0] as i64),
        Type::Float => {
            let value = f64::from_bits(slots[0]);
            put_float_key(key, value);
            return !value.is_nan();
        }
        // SAFETY: the caller's promise.
        Type::Str => put_str_key(key, unsafe { bytes(slots[0] as *const u8, slots[1] as usize) }),
        Type::Option(inner) if slots[0] != 0 => {
            // SAFETY: the caller's promise holds for the value that is there.
            return unsafe { put_key(key, inner, &slots[1..]) };
        }
        Type::Tuple(items) => {
            put_tuple_key(key, items.len());
            let mut at = 0;
            for item in items {
                // SAFETY: the caller's promise holds for each item.
                if !unsafe { put_key(key, item, &slots[at..]) } {
                    return false;
                }
                at += item.slots();
            }
        }
        _ => key.push(b'n'),
    }
    true
}

/// Whether values of a type can be looked up.
pub(crate) fn is_looked_up(ty: &Type) -> bool {
    match ty {
        Type::None | Type::Bool | Type::Int | Type::Float | Type::Str => true,
        Type::Option(inner) => is_looked_up(inner),
        Type::Tuple(items) => items.iter().all(is_looked_up),
        _ => false,
    }
}

/// The keys of a captured set or dictionary, each with its place.
#[derive(Default)]
pub(crate) struct Table {
    texts: FxHashMap<Box<[u8]>, i64>,
    numbers: FxHashMap<i64, i64>,
    others: FxHashMap<Box<[u8]>, i64>,
}

impl Table {
    /// A table of keys, the place of each being its index.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = &'a Constant>) -> Table {
        let mut table = Table::default();
        for (key, at) in keys.zip(0..) {
            table.insert(key, at);
        }
        table
    }

    fn insert(&mut self, key: &Constant, at: i64) {
        let integer = match key {
            Constant::Bool(value) => Some(i64::from(*value)),
            Constant::Int(value) => Some(*value),
            Constant::Float { f } => as_integer(number(f)),
            _ => None,
        };
        match (key, integer) {
            (_, Some(value)) => self.numbers.insert(value, at),
            (Constant::Str(text), _) => self.texts.insert(text.as_bytes().into(), at),
            _ => {
                let mut spelled = Vec::new();
                key.put_key(&mut spelled);
                self.others.insert(spelled.into(), at)
            }
        };
    }
}

/// Constants of one type as compiled code reads them.
pub(crate) struct Captured {
    /// What the slots point into.
    _constants: Vec<Constant>,
    slots: Vec<u64>,
    /// A list's fields.
    header: Box<[u64; 4]>,
}

impl Captured {
    /// The constants, as values of a type that holds each.
    pub(crate) fn new(constants: Vec<Constant>, ty: &Type) -> Captured {
        // Before the first there is one that means nothing, so that a place of -1 may be read.
        let mut slots = ty.absent();
        for constant in &constants {
            constant.put_slots(ty, &mut slots);
        }
        let (length, width) = (constants.len() as u64, ty.slots());
        let header = Box::new([slots[width..].as_ptr() as u64, length, length, width as u64]);
        Captured { _constants: constants, slots, header }
    }

    /// The address of the value at place -1.
    pub(crate) fn values(&self) -> i64 {
        self.slots.as_ptr() as i64
    }

    /// The address of a list of the values, which nothing writes to.
    pub(crate) fn list(&self) -> i64 {
        // The header has a list's layout; `List` itself holds a pointer, which no thread may share.
        self.header.as_ptr() as i64
    }
}

// SAFETY for every block below: as in the module `calls`.
#[allow(clippy::undocumented_unsafe_blocks)]
mod calls {
    use super::*;

    helpers! {
        /// The place of a text in a table, or -1.
        fn place_of_text(table: *const Table, s: *const u8, n: usize) -> i64 {
            let (table, text) = unsafe { (&*table, bytes(s, n)) };
            table.texts.get(text).copied().unwrap_or(-1)
        }

        /// The place of an integer in a table, or -1.
        fn place_of_number(table: *const Table, value: i64) -> i64 {
            unsafe { &*table }.numbers.get(&value).copied().unwrap_or(-1)
        }

        /// The place of any value in a table, or -1.
        fn place_of(rows: *mut Rows<'_>, table: *const Table, ty: *const Type, slots: *const u64, out: *mut u64) -> u32 {
            let (rows, table, ty) = unsafe { (&mut *rows, &*table, &*ty) };
            let slots = unsafe { std::slice::from_raw_parts(slots, ty.slots()) };
            rows.scratch.clear();
            if !unsafe { put_key(&mut rows.scratch, ty, slots) } {
                return UNSURE;
            }
            let key = rows.scratch.as_slice();
            let found = match key {
                [b'i', number @ ..] => {
                    let number = number.try_into().map_or(0, i64::from_le_bytes);
                    table.numbers.get(&number)
                }
                [b's', ..] => table.texts.get(&key[9..]),
                _ => table.others.get(key),
            };
            unsafe { *out = found.copied().unwrap_or(-1) as u64 };
            DONE
        }
    }
}

pub(super) use calls::symbols;

#[cfg(test)]
mod tests {
    use super::calls::{place_of, place_of_number, place_of_text};
    use super::*;

    #[test]
    fn keys_that_python_finds_equal_are_one() {
        let keys: Vec<Constant> =
            serde_json::from_str(r#"["a", 1, {"f": "2.0"}, {"f": "0.5"}, null, ["a", 1]]"#)
                .unwrap_or_default();
        let table = Table::new(keys.iter());
        assert_eq!(place_of_text(&table, "a".as_ptr(), 1), 0);
        assert_eq!(place_of_number(&table, 1), 1);
        assert_eq!(place_of_number(&table, 2), 2);
        assert_eq!(place_of_number(&table, 0), -1);
        let place = |ty: Type, slots: &[u64]| {
            let (mut rows, mut out) = (Rows::default(), 0);
            let status = place_of(&mut rows, &table, &ty, slots.as_ptr(), &mut out);
            (status == DONE).then_some(out as i64)
        };
        assert_eq!(place(Type::Float, &[1.0_f64.to_bits()]), Some(1));
        assert_eq!(place(Type::Float, &[0.5_f64.to_bits()]), Some(3));
        assert_eq!(place(Type::Float, &[f64::NAN.to_bits()]), None);
        assert_eq!(place(Type::None, &[]), Some(4));
        let pair = Type::Tuple(vec![Type::Str, Type::Bool]);
        assert_eq!(place(pair, &["a".as_ptr() as u64, 1, 1]), Some(5));
    }
}
