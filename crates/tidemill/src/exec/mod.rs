//! Layer 4: executors. Threads of this process run tasks by the scheduler's actions; the front end's
//! [`Backend`] knows how to run its operators (in the thread itself, or in a worker process).

pub mod backend;
pub mod engine;
pub mod storage;
mod task;
pub mod text_file;

pub use backend::{Backend, Prepared, TaskContext, TaskError, Update, rehashed};
pub use engine::{Engine, EngineConfig};
