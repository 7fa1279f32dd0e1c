//! What the benchmark's programs share: the lines that are sent, the quadrant of a point, and the record
//! of progress that `bench/run.py` reads. A program that is compared with another one uses the same
//! `quadrant::of_line`, so that a ratio compares the loops around it and not two number parsers.

pub mod arguments;
pub mod lines;
pub mod progress;
pub mod quadrant;
mod random;
