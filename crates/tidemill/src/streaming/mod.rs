//! Layer 5: streaming. A live stream is cut into batches by a clock; each batch is an RDD.
//!
//! [`context::Streaming`] owns the graph ([`graph`]), the clock and the driver thread; sources are in [`socket`],
//! [`files`], [`queue`]; the life of batches is a pure state machine ([`batches`]).

pub mod batches;
pub mod checkpoint;
pub mod context;
pub mod files;
pub mod graph;
mod line_buffer;
pub mod queue;
mod rate;
pub mod reduced;
pub mod socket;
pub mod source;
pub mod state;
pub mod time;

pub use batches::{BatchInfo, Summary};
pub use context::{Status, Streaming, StreamingConfig};
pub use time::BatchTime;
