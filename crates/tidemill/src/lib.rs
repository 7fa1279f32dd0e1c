#![doc = include_str!("../README.md")]

pub mod api;
pub mod block;
mod error;
pub mod exec;
pub mod ids;
pub mod lock;
mod memory;
mod panics;
pub mod rdd;
pub mod scheduler;
pub mod streaming;
pub mod testing;
pub mod text;

pub use api::{
    Accumulator, Broadcast, DStream, Rdd, Records, SparkContext, StreamingContext, Values,
};
pub use error::{Error, Result, UserError};
pub use text::Line;
