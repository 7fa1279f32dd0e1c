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
}

impl Raised {
    /// The names of its class and bases, as `except` clauses write them.
    fn names(self) -> &'static [&'static str] {
        match self {
            Raised::Value => &["ValueError", "Exception", "BaseException"],
            Raised::JsonDecode => &["JSONDecodeError", "ValueError", "Exception", "BaseException"],
            Raised::Key => &["KeyError", "LookupError", "Exception", "BaseException"],
            Raised::Index => &["IndexError", "LookupError", "Exception", "BaseException"],
            Raised::Attribute => &["AttributeError", "Exception", "BaseException"],
            Raised::ZeroDivision => {
                &["ZeroDivisionError", "ArithmeticError", "Exception", "BaseException"]
            }
        }
    }

    /// Whether `except types` catches it.
    pub(crate) fn is_caught_by(self, types: Option<&[String]>) -> bool {
        types.is_none_or(|types| types.iter().any(|name| self.names().contains(&name.as_str())))
    }
}
