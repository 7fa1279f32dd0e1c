//! The crate's one error type. It carries what a caller needs to act (ids, the user's record and
//! traceback) and is never flattened to a string on its way to the user.
//!
//! Texts say what was expected, what came, and what to do.

use std::sync::Arc;

use crate::streaming::BatchTime;

/// What every fallible function of the crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An exception or panic raised by the user's own function on a record.
#[derive(Debug, Clone, Default)]
pub struct UserError {
    /// The exception's type, `panic` for a Rust panic.
    pub kind: String,
    /// The exception's message.
    pub message: String,
    /// The user's traceback, innermost call last; empty if there is none.
    pub traceback: String,
    /// The offending record as its `repr`, where it is known.
    pub record: Option<String>,
    /// The front end's own form of the exception (a pickle, for Python).
    pub payload: Option<Arc<[u8]>>,
}

/// Everything that can go wrong in the engine.
///
/// ```
/// let sc = tidemill::SparkContext::local(2)?;
/// let error = sc.parallelize(vec![1, 0], 1).map(|x| 10 / x).collect().unwrap_err();
/// assert!(error.to_string().contains("attempt to divide by zero"));
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The user's function failed on a record.
    #[error("{}: {} (partition {partition}, {attempts} attempt(s){})", error.kind, error.message, record_note(error))]
    User {
        /// The exception.
        error: Arc<UserError>,
        /// The partition whose task failed.
        partition: usize,
        /// How often it was tried.
        attempts: u32,
    },
    /// A task's executor died each time the task ran on it.
    #[error("the executor of partition {partition} was lost {attempts} time(s), last: {message}")]
    ExecutorLost {
        /// The partition whose task failed.
        partition: usize,
        /// How often it was tried.
        attempts: u32,
        /// How the executor ended.
        message: String,
    },
    /// All executors were lost, and keys may have other hashes in those started since: what was computed and what is
    /// still to be computed do not belong together. Said of a job that was under way, and of what needs several jobs.
    #[error(
        "{how}. Workers that are started now may hash keys otherwise that hold None, functions or classes: {again} again"
    )]
    Rehashed {
        /// How the executors ended.
        how: String,
        /// What is to be done again: `run the job`.
        again: String,
    },
    /// Calls in the wrong order.
    #[error("{0}")]
    IllegalState(String),
    /// An argument that cannot be used.
    #[error("{0}")]
    IllegalArgument(String),
    /// An input path that does not exist.
    #[error("Input path does not exist: {0}")]
    PathMissing(String),
    /// A file or socket failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path or address.
        what: String,
        /// The system's error.
        source: Arc<std::io::Error>,
    },
    /// A checkpoint that cannot be written or read.
    #[error("{0}")]
    Checkpoint(String),
    /// An output operation of a batch failed.
    #[error("batch {time}, output operation {output}: {cause}")]
    Batch {
        /// The batch.
        time: BatchTime,
        /// The output operation's number, in order of definition.
        output: usize,
        /// What failed.
        cause: Box<Error>,
    },
    /// An error of a front end, carried through untouched (a Python exception).
    #[error("{0}")]
    Foreign(Arc<dyn std::error::Error + Send + Sync>),
    /// The job was cancelled because its context was stopped.
    #[error("the job was cancelled: its SparkContext was stopped")]
    Cancelled,
    /// A defect of Tidemill itself.
    #[error("internal error (please report it): {0}")]
    Internal(String),
}

impl Error {
    /// An I/O error with what was being done.
    ///
    /// ```
    /// let error = tidemill::Error::io("reading x.txt", std::io::ErrorKind::NotFound.into());
    /// assert_eq!(error.to_string(), "reading x.txt: entity not found");
    /// ```
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Error::Io { what: what.into(), source: Arc::new(source) }
    }
}

fn record_note(error: &UserError) -> String {
    error.record.as_ref().map(|r| format!(", record: {r}")).unwrap_or_default()
}
