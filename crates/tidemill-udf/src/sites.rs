//! Where compiled code gives a row up, and why: for people.

use std::fmt;

use crate::error::Place;

/// Why a row is CPython's from some place on: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It raises that, and nothing in compiled code catches it.
    Raises(&'static str),
    /// A result beyond 64 bits.
    Overflow,
    /// A dynamic value of another kind than those that the code was made for.
    Kind,
    /// `None` where another value is needed.
    None,
    /// A statement that is not compiled.
    Left,
    /// So many passes of loops that somebody may want to interrupt them.
    Passes,
    /// A value for which CPython's answer is not certain.
    Unsure,
}

/// A place where rows are given up.
///
/// ```
/// # use tidemill_udf::{Compiled, RowOutcome, Type, tree};
/// # let plus = r#"{"e": "bin", "op": "+", "a": {"e": "name", "id": "n"}, "b": {"e": "const", "t": "int", "v": 1}, "l": 7}"#;
/// # let step = format!(r#"{{"op": "map", "params": ["n"], "file": "app.py", "body": [{{"s": "return", "v": {plus}}}]}}"#);
/// let steps: Vec<tree::Step> = vec![serde_json::from_str(&step)?];  // map(lambda n: n + 1), in line 7
/// let code = Compiled::new(&steps, &Type::Int)?;
/// let mut rows = code.begin();
/// // SAFETY: the slots of an int.
/// let outcome = unsafe { code.row(&mut rows, &[i64::MAX as u64]) };
/// assert_eq!(outcome, RowOutcome::GivenUp);
/// let site = code.sites()[rows.gave_up_at().expect("there is one")].to_string();
/// assert_eq!(site, "an int of more than 64 bits, app.py:7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    why: Cause,
    place: Place,
}

impl Site {
    pub(crate) fn new(why: Cause, file: Option<&str>, line: u32) -> Site {
        Site { why, place: Place::new(file, line) }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Cause::Raises(class) => f.write_str(class)?,
            Cause::Overflow => f.write_str("an int of more than 64 bits")?,
            Cause::Kind => f.write_str("a value of another type than those before")?,
            Cause::None => f.write_str("None where another value is needed")?,
            Cause::Left => f.write_str("a statement that is not compiled")?,
            Cause::Passes => f.write_str("many passes of loops")?,
            Cause::Unsure => f.write_str("a value of which only CPython is sure")?,
        }
        self.place.fmt(f)
    }
}
