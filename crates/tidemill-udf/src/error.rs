//! Why a function, or a part of it, is not compiled: a closed list.

use std::fmt;

use crate::tree::Function;
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
    file: Option<Box<str>>,
    /// 0 if there is none to name.
    line: u32,
    /// The name of a function that is in no file.
    function: Option<Box<str>>,
}

impl Place {
    pub(crate) fn new(file: Option<&str>, line: u32) -> Place {
        Place { file: file.map(Box::from), line, function: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (_, 0) => self.function.iter().try_for_each(|name| write!(f, ", in {name}")),
            (None, line) => write!(f, ", line {line}"),
            (Some(file), line) => write!(f, ", {file}:{line}"),
        }
    }
}

impl Reason {
    pub(crate) fn unsupported(what: impl Into<String>, line: u32) -> Reason {
        Reason::Unsupported { what: what.into(), place: Place::new(None, line) }
    }

    /// An operation that is not compiled for a type, wherever it is.
    pub fn types_of(what: &str, ty: &Type) -> Reason {
        Reason::types(what, &[ty], 0)
    }

    pub(crate) fn types(what: impl Into<String>, types: &[&Type], line: u32) -> Reason {
        let place = Place::new(None, line);
        Reason::Types { what: what.into(), types: names(types), place }
    }

    pub(crate) fn mixed(what: impl Into<String>, types: &[&Type], line: u32) -> Reason {
        let place = Place::new(None, line);
        Reason::Mixed { what: what.into(), types: names(types), place }
    }

    /// Says in which file it was met, if that is not known already, and in which line; the innermost one counts.
    pub(crate) fn at(mut self, file: Option<&str>, line: u32) -> Reason {
        if let (Some(place), Some(file)) = (self.unplaced(), file) {
            place.file = Some(file.into());
            if place.line == 0 {
                place.line = line;
            }
        }
        self
    }

    /// Says that it lies in what a function gives, if no place is known.
    pub(crate) fn made_by(mut self, function: Option<&Function>) -> Reason {
        let Some(function) = function else { return self };
        if let (Some(place), None) = (self.unplaced(), &function.file) {
            place.function = Some(function.name.as_str().into());
        }
        self.at(function.file.as_deref(), function.line)
    }

    /// Its place, if that is not known yet.
    fn unplaced(&mut self) -> Option<&mut Place> {
        match self {
            Reason::Unsupported { place, .. }
            | Reason::Types { place, .. }
            | Reason::Mixed { place, .. } => {
                Some(place).filter(|place| place.file.is_none() && place.function.is_none())
            }
            Reason::NothingLeft(_) | Reason::TooLarge | Reason::Codegen(_) => None,
        }
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
        let said = plus.clone().at(Some("job.py"), 2).at(Some("caller.py"), 9).to_string();
        assert_eq!(said, "the operator + is not compiled for str and int, job.py:3");
        assert_eq!(plus.to_string(), "the operator + is not compiled for str and int, line 3");
        let items = Reason::mixed("a list with items", &[&Type::Str, &Type::None], 0);
        assert_eq!(
            items.clone().at(Some("a.py"), 0).to_string(),
            "a list with items of more than one type (str and None)"
        );
        let placed = items.at(None, 4).at(Some("a.py"), 7).to_string();
        assert_eq!(placed, "a list with items of more than one type (str and None), a.py:7");
    }
}
