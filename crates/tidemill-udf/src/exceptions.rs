//! Which handler catches which built-in exception: the part of CPython's hierarchy that native code raises.

/// An exception that native code is sure about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raised {
    Value,
    JsonDecode,
    Index,
    Key,
    ZeroDivision,
    Attribute,
    /// What a `raise` statement names, from [`HIERARCHY`].
    Named(&'static str),
}

/// Each class with its base. Only classes that any arguments make: `OSError` turns into a subclass by its
/// arguments, and those of Unicode and of syntax want certain ones. And not `StopIteration`, which ends a `map` that
/// calls what raises it, and becomes another exception where it leaves a generator.
const HIERARCHY: &[(&str, &str)] = &[
    ("Exception", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("FloatingPointError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("BufferError", "Exception"),
    ("EOFError", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("MemoryError", "Exception"),
    ("NameError", "Exception"),
    ("ReferenceError", "Exception"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    (JSON_DECODE, "ValueError"),
];

/// Raised by `json.loads`; a `raise` statement would have to give it its three arguments.
const JSON_DECODE: &str = "JSONDecodeError";

impl Raised {
    /// The exception of a `raise` statement, if native code knows it.
    pub(crate) fn named(name: &str) -> Option<Raised> {
        let found = HIERARCHY.iter().find(|(class, _)| *class == name && name != JSON_DECODE);
        found.map(|(class, _)| Raised::Named(class))
    }

    /// The name of its class.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Raised::Value => "ValueError",
            Raised::JsonDecode => JSON_DECODE,
            Raised::Index => "IndexError",
            Raised::Attribute => "AttributeError",
            Raised::Key => "KeyError",
            Raised::ZeroDivision => "ZeroDivisionError",
            Raised::Named(name) => name,
        }
    }

    /// Whether `except types` catches it.
    pub(crate) fn is_caught_by(self, types: Option<&[String]>) -> bool {
        let Some(types) = types else { return true };
        let mut class = Some(self.name());
        while let Some(name) = class {
            if types.iter().any(|caught| caught == name) {
                return true;
            }
            class = HIERARCHY.iter().find(|(known, _)| *known == name).map(|(_, base)| *base);
        }
        false
    }
}
