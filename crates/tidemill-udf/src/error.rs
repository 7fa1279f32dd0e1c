//! Why a function, or a part of it, is not compiled: a closed list.

use crate::types::Type;

/// The result of compiling.
pub type Result<T> = std::result::Result<T, Reason>;

/// Why something runs in CPython.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A construct outside the covered subset.
    #[error("{}{what} is not compiled", place(*line))]
    Unsupported {
        /// What it is.
        what: String,
        /// Where.
        line: u32,
    },
    /// An operation on types it is not compiled for.
    #[error("{}{what} is not compiled for {types}", place(*line))]
    Types {
        /// The operation.
        what: String,
        /// The types, as Python names them.
        types: String,
        /// Where.
        line: u32,
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

/// A line's number in front of a text; nothing where there is none to name.
fn place(line: u32) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

impl Reason {
    pub(crate) fn unsupported(what: impl Into<String>, line: u32) -> Reason {
        Reason::Unsupported { what: what.into(), line }
    }

    /// An operation that is not compiled for a type, wherever it is.
    pub fn types_of(what: &str, ty: &Type) -> Reason {
        Reason::types(what, &[ty], 0)
    }

    pub(crate) fn types(what: impl Into<String>, types: &[&Type], line: u32) -> Reason {
        let names: Vec<String> = types.iter().map(|t| t.to_string()).collect();
        Reason::Types { what: what.into(), types: names.join(" and "), line }
    }
}
