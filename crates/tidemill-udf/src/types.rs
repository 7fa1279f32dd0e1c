//! The types of compiled values, and how many 64-bit slots each takes.

use std::fmt;

/// A Python type that native code can hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `None`; no slot.
    None,
    /// `bool`; one slot, 0 or 1.
    Bool,
    /// `int` within 64 bits; one slot.
    Int,
    /// `float`; one slot, its bits.
    Float,
    /// `str`; two slots, address and length of UTF-8 bytes.
    Str,
    /// `tuple`; the slots of its items.
    Tuple(Vec<Type>),
    /// `list` of one type; one slot, the address of a runtime list.
    List(Box<Type>),
}

impl Type {
    /// Number of slots.
    pub fn slots(&self) -> usize {
        match self {
            Type::None => 0,
            Type::Bool | Type::Int | Type::Float | Type::List(_) => 1,
            Type::Str => 2,
            Type::Tuple(items) => items.iter().map(Type::slots).sum(),
        }
    }

    /// Whether values may be keys: hashable in Python, and compared here as there.
    pub fn is_key(&self) -> bool {
        match self {
            Type::None | Type::Bool | Type::Int | Type::Str => true,
            // -0.0 == 0.0, nan != nan: left to CPython.
            Type::Float | Type::List(_) => false,
            Type::Tuple(items) => items.iter().all(Type::is_key),
        }
    }

    /// A compact spelling for the Python side: `i`, `f`, `b`, `n`, `s`, `(..)`, `[.]`.
    pub fn code(&self) -> String {
        match self {
            Type::None => "n".into(),
            Type::Bool => "b".into(),
            Type::Int => "i".into(),
            Type::Float => "f".into(),
            Type::Str => "s".into(),
            Type::Tuple(items) => format!("({})", items.iter().map(Type::code).collect::<String>()),
            Type::List(item) => format!("[{}]", item.code()),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::None => f.write_str("None"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Float => f.write_str("float"),
            Type::Str => f.write_str("str"),
            Type::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Type::to_string).collect();
                write!(f, "tuple[{}]", items.join(", "))
            }
            Type::List(item) => write!(f, "list[{item}]"),
        }
    }
}
