//! Layer 2: lineage and planning. Pure code: no I/O, no clock, no threads.
//!
//! [`lineage`] is the graph a program builds, [`segment`] says which operators run as one fused
//! unit, [`plan`] cuts the graph into stages, [`explain`] prints it.

pub mod explain;
pub mod lineage;
pub mod plan;
pub mod segment;

pub use lineage::{Kind, OpRef, Operator, RddNode, RddRef, ShuffleDep, Source};
pub use plan::{Availability, JobPlan, Stage, StageOutput};
pub use segment::Segment;
