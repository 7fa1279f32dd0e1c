//! Why a function, or a part of it, is not compiled: a closed list.

use std::fmt;

use crate::types::Type;

/// The result of compiling.
pub type Result<T> = std::result::Result<T, Reason>;

/// Why something runs in CPython.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A construct outside the covered subset.
    #[error("{what} is not compiled{place}")]
    Unsupported {
        /// What it is.
        what: String,
        /// Where.
        place: Place,
    },
    /// An operation on types it is not compiled for.
    #[error("{what} is not compiled for {types}{place}")]
    Types {
        /// The operation.
        what: String,
        /// The types, as Python names them.
        types: String,
        /// Where.
        place: Place,
    },
    /// Values of several types where all must be of one.
    #[error("{what} of more than one type ({types}){place}")]
    Mixed {
        /// What they are.
        what: String,
        /// The types, as Python names them.
        types: String,
        /// Where.
        place: Place,
    },
    /// Every path ends in something only CPython can do.
    #[error("every path of it needs CPython ({0})")]
    NothingLeft(String),
    /// It calls so many functions that their code outgrows any use.
    #[error("it calls too many functions")]
    TooLarge,
    /// The code generator failed; a defect, but never a wrong answer.
    #[error("the code generator failed: {0}")]
    Codegen(String),
}

/// A place in the user's program, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    file: Option<String>,
    /// 0 if there is none to name.
    line: u32,
}

impl Place {
    pub(crate) fn new(file: Option<&str>, line: u32) -> Place {
        Place { file: file.map(str::to_owned), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (_, 0) => Ok(()),
            (None, line) => write!(f, ", line {line}"),
            (Some(file), line) => write!(f, ", {file}:{line}"),
        }
    }
}

impl Reason {
    pub(crate) fn unsupported(what: impl Into<String>, line: u32) -> Reason {
        Reason::Unsupported { what: what.into(), place: Place { file: None, line } }
    }

    /// An operation that is not compiled for a type, wherever it is.
    pub fn types_of(what: &str, ty: &Type) -> Reason {
        Reason::types(what, &[ty], 0)
    }

    pub(crate) fn types(what: impl Into<String>, types: &[&Type], line: u32) -> Reason {
        let place = Place { file: None, line };
        Reason::Types { what: what.into(), types: names(types), place }
    }

    pub(crate) fn mixed(what: impl Into<String>, types: &[&Type], line: u32) -> Reason {
        let place = Place { file: None, line };
        Reason::Mixed { what: what.into(), types: names(types), place }
    }

    /// Says in which file it was met, if that is not known already; the innermost one counts.
    pub(crate) fn in_file(mut self, name: Option<&str>) -> Reason {
        if let Reason::Unsupported { place, .. }
        | Reason::Types { place, .. }
        | Reason::Mixed { place, .. } = &mut self
            && place.file.is_none()
        {
            place.file = name.map(str::to_owned);
        }
        self
    }
}

fn names(types: &[&Type]) -> String {
    let names: Vec<String> = types.iter().map(|ty| ty.to_string()).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_say_what_and_where() {
        let plus = Reason::types("the operator +", &[&Type::Str, &Type::Int], 3);
        let said = plus.clone().in_file(Some("job.py")).in_file(Some("caller.py")).to_string();
        assert_eq!(said, "the operator + is not compiled for str and int, job.py:3");
        assert_eq!(plus.to_string(), "the operator + is not compiled for str and int, line 3");
        let items = Reason::mixed("a list with items", &[&Type::Str, &Type::None], 0);
        assert_eq!(
            items.in_file(Some("a.py")).to_string(),
            "a list with items of more than one type (str and None)"
        );
    }
}
