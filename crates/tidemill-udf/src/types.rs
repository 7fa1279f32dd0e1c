//! The types of compiled values, and how many 64-bit slots each takes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::pattern::Pattern;

use crate::record::holds_dict;
use crate::shape::{Kind, Shape};

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
    /// A `list` that is still in parts, and only read: what an update function gets as its new values, where they
    /// came. One slot, the address of a runtime list of lists, of which none is empty.
    Parts(Box<Type>),
    /// A `list` of `int` on its way to an update function, perhaps in runs ([`digest`](crate::digest)). One slot, the
    /// address of a runtime list of `int`, or of pairs of a value and how often it comes.
    Runs,
    /// What such a function gets for a `list` of `int` of which only `len`, `sum`, `min`, `max` and truth are asked: the slots of a
    /// [`digest`](crate::digest).
    Digest,
    /// `None` or a value of a type: a slot that is 0 for `None` and 1 otherwise, then the type's slots.
    Option(Box<Type>),
    /// `dict` whose keys are known; the slots of its values.
    Record(Vec<(String, Type)>),
    /// Any of `None`, `bool`, `int`, `float`, `str`, and of lists and dicts of these; two slots, and what the
    /// value looked like so far.
    Json(Shape),
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
            Type::Bool | Type::Int | Type::Float => 1,
            Type::List(_) | Type::Parts(_) | Type::Runs | Type::Match(_) => 1,
            Type::Str | Type::DateTime | Type::Json(_) => 2,
            Type::Digest => crate::digest::SLOTS,
            Type::Tuple(items) => items.iter().map(Type::slots).sum(),
            Type::Record(fields) => fields.iter().map(|(_, ty)| ty.slots()).sum(),
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
            (Type::Json(a), Type::Json(b)) => Some(Type::Json(a.merge(b))),
            (Type::Json(shape), ty) => Some(Type::Json(shape.merge(&ty.shape()?))),
            (ty, Type::Json(shape)) => Some(Type::Json(ty.shape()?.merge(shape))),
            (Type::Option(a), Type::Option(b)) => optional(&a.unify(b)?),
            (Type::Option(_), Type::None) => Some(self.clone()),
            (Type::None, Type::Option(_)) => Some(other.clone()),
            (Type::Option(a), b) | (b, Type::Option(a)) => optional(&a.unify(b)?),
            (Type::None, ty) | (ty, Type::None) => optional(ty),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(b).map(|(a, b)| a.unify(b)).collect::<Option<_>>().map(Type::Tuple)
            }
            (Type::List(a), Type::List(b)) => a.refine(b).map(|item| Type::List(Box::new(item))),
            (Type::Record(a), Type::Record(b)) if keys(a).eq(keys(b)) => {
                let fields = a.iter().zip(b);
                let unified = fields.map(|((key, a), (_, b))| Some((key.clone(), a.unify(b)?)));
                unified.collect::<Option<_>>().map(Type::Record)
            }
            // A dict of these keys or those: as literals, both can be made dynamic.
            (Type::Record(_), Type::Record(_)) => {
                Some(Type::Json(self.shape()?.merge(&other.shape()?)))
            }
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
            (Type::Record(a), Type::Record(b)) if keys(a).eq(keys(b)) => {
                let fields = a.iter().zip(b);
                let refined = fields.map(|((key, a), (_, b))| Some((key.clone(), a.refine(b)?)));
                refined.collect::<Option<_>>().map(Type::Record)
            }
            (Type::Json(a), Type::Json(b)) => Some(Type::Json(a.merge(b))),
            _ => None,
        }
    }

    /// Whether values of both are held alike, even as items of lists: at most it is known of one what its
    /// dynamic values look like.
    pub(crate) fn is_held_as(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Json(_), Type::Json(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Option(a), Type::Option(b)) => a.is_held_as(b),
            (Type::Tuple(a), Type::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_held_as(b))
            }
            (Type::Record(a), Type::Record(b)) => {
                keys(a).eq(keys(b)) && a.iter().zip(b).all(|((_, a), (_, b))| a.is_held_as(b))
            }
            (a, b) => a == b,
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

    /// A type that it is made of: an item of a tuple, a value of a dict, what an option or a list holds.
    fn part(&self, at: usize) -> Option<&Type> {
        match self {
            Type::Tuple(items) => items.get(at),
            Type::Record(fields) => fields.get(at).map(|(_, field)| field),
            Type::Option(held) | Type::List(held) | Type::Parts(held) => (at == 0).then_some(held),
            _ => None,
        }
    }

    /// Whether a test holds for it or for any type that it is made of, however deep.
    pub(crate) fn any(&self, test: &dyn Fn(&Type) -> bool) -> bool {
        test(self) || (0..).map_while(|at| self.part(at)).any(|part| part.any(test))
    }

    /// How deep it is: 1 for a type that is made of no other.
    pub(crate) fn depth(&self) -> usize {
        1 + (0..).map_while(|at| self.part(at)).map(Type::depth).max().unwrap_or(0)
    }

    /// The items of a tuple or the values of a dict, and where each has its slots.
    ///
    /// ```
    /// use tidemill_udf::Type;
    /// let pair = Type::Tuple(vec![Type::Str, Type::Int]);
    /// let spans: Vec<_> = pair.spans().map(|(_, span)| span).collect();
    /// assert_eq!(spans, [0..2, 2..3]);
    /// ```
    pub fn spans(&self) -> impl Iterator<Item = (&Type, Range<usize>)> {
        let side_by_side = matches!(self, Type::Tuple(_) | Type::Record(_));
        let mut end = 0;
        (0..).map_while(move |at| self.part(at).filter(|_| side_by_side)).map(move |part| {
            let start = end;
            end += part.slots();
            (part, start..end)
        })
    }

    /// Whether there is a list in it whose items' type is not known.
    pub(crate) fn has_unknown_items(&self) -> bool {
        self.any(&|ty| *ty == Type::Never)
    }

    /// The type of a list's items.
    pub(crate) fn item(&self) -> Option<&Type> {
        match self {
            Type::List(item) => Some(item),
            _ => None,
        }
    }

    /// Whether values are, or hold, lists or dicts that others may have too, which a dict made where it stands
    /// is not.
    pub(crate) fn may_change(&self) -> bool {
        self.any(&|ty| matches!(ty, Type::List(_) | Type::Json(_)))
    }

    /// Whether values are, or hold, what a function may change.
    pub fn is_mutable(&self) -> bool {
        self.any(&|ty| matches!(ty, Type::List(_) | Type::Json(_) | Type::Record(_)))
    }

    /// Whether values may be keys: hashable in Python, and compared here as there.
    pub fn is_key(&self) -> bool {
        match self {
            Type::None | Type::Bool | Type::Int | Type::Str => true,
            // -0.0 == 0.0, nan != nan: left to CPython.
            Type::Float | Type::DateTime | Type::List(_) | Type::Match(_) | Type::Never => false,
            Type::Record(_) | Type::Json(_) => false,
            Type::Parts(_) | Type::Runs | Type::Digest => false,
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
    /// let record = Type::Record(vec![("h\u{e9}:}".to_owned(), Type::Int)]);
    /// assert_eq!(Type::from_code(&record.code()), Some(record));
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
            Type::Record(fields) => fields.iter().flat_map(|(_, field)| field.absent()).collect(),
            Type::List(_) | Type::Parts(_) => vec![crate::runtime::empty_list()],
            _ => vec![0; self.slots()],
        }
    }

    /// Whether a value of this type, which unifies with the other to that, is one of it without a new dict
    /// being made: that would be another object than the one that it was made of.
    pub(crate) fn fits(&self, to: &Type) -> bool {
        match (self, to) {
            (Type::Option(a), Type::Option(b)) => a.fits(b),
            (a, Type::Option(b)) => a.fits(b),
            (Type::Tuple(a), Type::Tuple(b)) => a.iter().zip(b).all(|(a, b)| a.fits(b)),
            (Type::Record(a), Type::Record(b)) => a.iter().zip(b).all(|((_, a), (_, b))| a.fits(b)),
            (a, Type::Json(_)) => !holds_dict(a),
            _ => true,
        }
    }

    /// What values of this type look like as dynamic ones; `None` if they cannot be.
    pub(crate) fn shape(&self) -> Option<Shape> {
        Some(match self {
            Type::None => Shape::of(Kind::None),
            Type::Bool => Shape::of(Kind::Bool),
            Type::Int => Shape::of(Kind::Int),
            Type::Float => Shape::of(Kind::Float),
            Type::Str => Shape::of(Kind::Str),
            Type::Json(shape) => shape.clone(),
            Type::Option(value) => value.shape()?.merge(&Shape::of(Kind::None)),
            Type::List(item) => match &**item {
                Type::Json(shape) => Shape::list(shape.clone()),
                Type::Never => Shape::list(Shape::default()),
                _ => return None,
            },
            Type::Record(fields) => {
                fields.iter().try_fold(Shape::of(Kind::Dict), |shape, (key, ty)| {
                    Some(shape.with_field(key, &ty.shape()?))
                })?
            }
            Type::Tuple(_) | Type::DateTime | Type::Match(_) => return None,
            Type::Parts(_) | Type::Runs | Type::Digest | Type::Never => return None,
        })
    }

    /// A compact spelling for the Python side: `i`, `f`, `b`, `n`, `s`, `(..)`, `[.]`, `?.`; `j` and three
    /// digits for what a dynamic value looks like; and for a dict `{..}` with each key, by the number of its
    /// characters and a colon, before its value.
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
            Type::Json(shape) => format!("j{}", shape.code()),
            Type::Record(fields) => {
                let code = |(key, ty): &(String, Type)| {
                    format!("{}:{key}{}", key.chars().count(), ty.code())
                };
                format!("{{{}}}", fields.iter().map(code).collect::<String>())
            }
            Type::DateTime => "d".into(),
            Type::Match(_) => "m".into(),
            // Never leaves the process.
            Type::Parts(item) => format!("p[{}]", item.code()),
            Type::Runs | Type::Digest => "p".into(),
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
        b'j' => {
            let (shape, after) = rest.split_at_checked(3)?;
            *rest = after;
            Type::Json(Shape::from_code(std::str::from_utf8(shape).ok()?)?)
        }
        b'{' => {
            let mut fields = Vec::new();
            while rest.first() != Some(&b'}') {
                fields.push((parse_key(rest)?, parse(rest)?));
            }
            *rest = &rest[1..];
            Type::Record(fields)
        }
        _ => return None,
    })
}

fn parse_key(rest: &mut &[u8]) -> Option<String> {
    let text = std::str::from_utf8(rest).ok()?;
    let (count, text) = text.split_once(':')?;
    let count: usize = count.parse().ok()?;
    let end = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let key = text.get(..end)?;
    *rest = text.get(end..)?.as_bytes();
    (key.chars().count() == count).then(|| key.to_owned())
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
            Type::Record(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(key, ty)| format!("{key}: {ty}")).collect();
                write!(f, "dict[{}]", fields.join(", "))
            }
            Type::Json(_) => f.write_str("a dynamic value"),
            Type::DateTime => f.write_str("datetime"),
            Type::Match(_) => f.write_str("re.Match"),
            Type::Parts(item) => write!(f, "list[{item}]"),
            Type::Runs | Type::Digest => f.write_str("list[int]"),
            Type::Never => f.write_str("nothing"),
        }
    }
}

fn keys(fields: &[(String, Type)]) -> impl Iterator<Item = &String> {
    fields.iter().map(|(key, _)| key)
}
