//! Layer 6: plain Python functions over typed records, compiled to machine code, with Python's answers.
//!
//! The Python front end turns a function's own source into a tree ([`tree`]); [`codegen`] gives the tree types,
//! which flow from the type of the input, and machine code. Dual mode, row by row: wherever the code is not
//! sure to do what CPython would do (a string that is not ASCII where that matters, an overflow of 64 bits, a side
//! effect, an exception that is not caught inside), it gives the row up, and the caller runs the user's own
//! function on it. So the code may be incomplete, but it is never wrong.

mod builtins;
mod call;
mod codegen;
mod consume;
mod dates;
mod dicts;
pub mod digest;
mod dynamic;
mod emit;
mod error;
mod exceptions;
mod expr;
mod formatting;
mod function;
mod indexing;
mod json;
mod lists;
mod loops;
mod matches;
mod methods;
mod numbers;
mod operators;
pub mod packed;
mod parts;
pub mod pattern;
pub mod pickle;
mod pieces;
mod record;
mod records;
mod runtime;
mod scope;
mod shape;
mod sites;
mod spec;
mod tables;
mod text;
pub mod tree;
mod tries;
mod types;
mod unify;
mod unpickle;
mod whole;

pub use call::Call;
pub use error::{Reason, Result};
pub use function::{Compiled, RowOutcome};
pub use parts::{as_list, in_one_part, in_parts};
pub use records::{Heap, Records, has_pointers, list_items, list_of, pair_of, same_value, widen};
pub use runtime::Rows;
pub use shape::{Kind, Shape};
pub use sites::Site;
pub use tree::{Function, Step};
pub use types::Type;
pub use unpickle::{DEEPEST, MOST_PARTS, Others, Unpickled, unpickle};
