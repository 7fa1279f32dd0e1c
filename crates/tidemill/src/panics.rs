//! Turns a panic of user code into an error with its message.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::UserError;

/// Runs `f`; a panic comes back as an error.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, UserError> {
    // The callers drop whatever `f` touched, so a broken invariant cannot be seen.
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| error_of(&*panic))
}

fn error_of(panic: &(dyn Any + Send)) -> UserError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = text.unwrap_or_else(|| "a panic without a message".to_owned());
    UserError { kind: "panic".to_owned(), message, ..UserError::default() }
}
