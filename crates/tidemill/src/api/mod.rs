//! Layer 7 in Rust: the typed front end, with Spark's words. Thin: every operator is a short
//! composition of the engine's five kinds of lineage nodes.

mod broadcast;
mod context;
mod dstream;
mod dstream_pair;
mod dstream_window;
pub(crate) mod native;
mod pair;
mod rdd;
mod records;
mod streaming;
mod values;

pub use broadcast::{Accumulator, Broadcast};
pub use context::SparkContext;
pub use dstream::DStream;
pub use native::{Data, Key};
pub use rdd::Rdd;
pub use records::Records;
pub use streaming::StreamingContext;
pub use values::Values;
