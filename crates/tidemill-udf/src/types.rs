//! The types of compiled values, and how many 64-bit slots each takes.

use std::fmt;
use std::sync::Arc;

use crate::pattern::Pattern;

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
    /// `None` or a value of a type: a slot that is 0 for `None` and 1 otherwise, then the type's slots.
    Option(Box<Type>),
    /// `datetime.datetime` without `fold`, with a fixed offset from UTC or none; two slots, microseconds of its
    /// own clock since 1970 and of the offset (the least number for none).
    DateTime,
    /// A match of a regular expression: one slot, the address of what it found, in memory of the row.
    Match(Arc<Pattern>),
    /// The item of a list of which no item is known yet, so that code which has one is not reached; no slot.
    Never,
}

impl Type {
    /// Number of slots.
    pub fn slots(&self) -> usize {
        match self {
            Type::None | Type::Never => 0,
            Type::Bool | Type::Int | Type::Float | Type::List(_) | Type::Match(_) => 1,
            Type::Str | Type::DateTime => 2,
            Type::Tuple(items) => items.iter().map(Type::slots).sum(),
            Type::Option(value) => 1 + value.slots(),
        }
    }

    /// The type that holds the values of both; `None` if there is none. Numbers are never converted: `1` is
    /// not `1.0`.
    ///
    /// ```
    /// use tidemill_udf::Type;
    /// let maybe = Type::Option(Box::new(Type::Int));
    /// assert_eq!(Type::Int.unify(&Type::None), Some(maybe));
    /// assert_eq!(Type::Int.unify(&Type::Float), None);
    /// ```
    pub fn unify(&self, other: &Type) -> Option<Type> {
        let optional = |ty: &Type| Some(Type::Option(Box::new(ty.clone())));
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Type::Never, ty) | (ty, Type::Never) => Some(ty.clone()),
            (Type::Option(a), Type::Option(b)) => optional(&a.unify(b)?),
            (Type::Option(_), Type::None) => Some(self.clone()),
            (Type::None, Type::Option(_)) => Some(other.clone()),
            (Type::Option(a), b) | (b, Type::Option(a)) => optional(&a.unify(b)?),
            (Type::None, ty) | (ty, Type::None) => optional(ty),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(b).map(|(a, b)| a.unify(b)).collect::<Option<_>>().map(Type::Tuple)
            }
            (Type::List(a), Type::List(b)) => a.refine(b).map(|item| Type::List(Box::new(item))),
            _ => None,
        }
    }

    /// The type of the items of lists of both, if their slots are the same: they differ at most in items that
    /// are not known.
    fn refine(&self, other: &Type) -> Option<Type> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Type::Never, ty) | (ty, Type::Never) => Some(ty.clone()),
            (Type::List(a), Type::List(b)) => a.refine(b).map(|item| Type::List(Box::new(item))),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(b).map(|(a, b)| a.refine(b)).collect::<Option<_>>().map(Type::Tuple)
            }
            (Type::Option(a), Type::Option(b)) => a.refine(b).map(|ty| Type::Option(Box::new(ty))),
            _ => None,
        }
    }

    /// Whether code that has a value of it is not reached.
    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Type::Never => true,
            Type::Tuple(items) => items.iter().any(Type::is_unreachable),
            _ => false,
        }
    }

    /// Whether there is a list in it, or a match: what a call makes of them lives until the next call.
    pub fn has_lists(&self) -> bool {
        match self {
            Type::List(_) | Type::Match(_) => true,
            Type::Tuple(items) => items.iter().any(Type::has_lists),
            Type::Option(value) => value.has_lists(),
            _ => false,
        }
    }

    /// Whether there is a list in it whose items' type is not known.
    pub(crate) fn has_unknown_items(&self) -> bool {
        match self {
            Type::Never => true,
            Type::List(item) | Type::Option(item) => item.has_unknown_items(),
            Type::Tuple(items) => items.iter().any(Type::has_unknown_items),
            _ => false,
        }
    }

    /// Whether values may be keys: hashable in Python, and compared here as there.
    pub fn is_key(&self) -> bool {
        match self {
            Type::None | Type::Bool | Type::Int | Type::Str => true,
            // -0.0 == 0.0, nan != nan: left to CPython.
            Type::Float | Type::DateTime | Type::List(_) | Type::Match(_) | Type::Never => false,
            Type::Option(value) => value.is_key(),
            Type::Tuple(items) => items.iter().all(Type::is_key),
        }
    }

    /// The type of a code.
    ///
    /// ```
    /// use tidemill_udf::Type;
    /// let ty = Type::from_code("(s?[i])");
    /// assert_eq!(ty.map(|ty| ty.to_string()), Some("tuple[str, list[int] or None]".to_owned()));
    /// assert_eq!(Type::from_code("(s"), None);
    /// ```
    pub fn from_code(code: &str) -> Option<Type> {
        let mut rest = code.as_bytes();
        let ty = parse(&mut rest)?;
        rest.is_empty().then_some(ty)
    }

    /// Slots of a value of the type that means nothing, but may be looked at.
    pub fn absent(&self) -> Vec<u64> {
        match self {
            Type::Str => vec![std::ptr::NonNull::<u8>::dangling().as_ptr() as u64, 0],
            Type::Tuple(items) => items.iter().flat_map(Type::absent).collect(),
            Type::Option(value) => [vec![0], value.absent()].concat(),
            Type::List(_) => vec![crate::runtime::empty_list()],
            _ => vec![0; self.slots()],
        }
    }

    /// A compact spelling for the Python side: `i`, `f`, `b`, `n`, `s`, `(..)`, `[.]`, `?.`.
    pub fn code(&self) -> String {
        match self {
            Type::None => "n".into(),
            Type::Bool => "b".into(),
            Type::Int => "i".into(),
            Type::Float => "f".into(),
            Type::Str => "s".into(),
            Type::Tuple(items) => format!("({})", items.iter().map(Type::code).collect::<String>()),
            Type::List(item) => format!("[{}]", item.code()),
            Type::Option(value) => format!("?{}", value.code()),
            Type::DateTime => "d".into(),
            Type::Match(_) => "m".into(),
            Type::Never => "!".into(),
        }
    }
}

fn parse(rest: &mut &[u8]) -> Option<Type> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(match first {
        b'n' => Type::None,
        b'b' => Type::Bool,
        b'i' => Type::Int,
        b'f' => Type::Float,
        b's' => Type::Str,
        b'd' => Type::DateTime,
        b'!' => Type::Never,
        b'?' => Type::Option(Box::new(parse(rest)?)),
        b'[' => {
            let item = parse(rest)?;
            *rest = rest.strip_prefix(b"]")?;
            Type::List(Box::new(item))
        }
        b'(' => {
            let mut items = Vec::new();
            while rest.first() != Some(&b')') {
                items.push(parse(rest)?);
            }
            *rest = &rest[1..];
            Type::Tuple(items)
        }
        _ => return None,
    })
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
            Type::List(item) if **item == Type::Never => f.write_str("list"),
            Type::List(item) => write!(f, "list[{item}]"),
            Type::Option(value) => write!(f, "{value} or None"),
            Type::DateTime => f.write_str("datetime"),
            Type::Match(_) => f.write_str("re.Match"),
            Type::Never => f.write_str("nothing"),
        }
    }
}
