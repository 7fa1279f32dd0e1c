//! `queueStream`: a list of RDDs, one (or all) per batch. For tests and examples.

use std::collections::VecDeque;

use crate::error::Result;
use crate::exec::Engine;
use crate::lock::Lock;
use crate::rdd::RddRef;
use crate::streaming::BatchTime;
use crate::streaming::source::{Input, InputSource};

/// RDDs waiting for their batch.
pub struct QueueSource {
    queue: Lock<VecDeque<RddRef>>,
    one_at_a_time: bool,
    default: Option<RddRef>,
}

impl QueueSource {
    /// One RDD per batch, or all in the first; `default` for the batches after.
    pub fn new(queue: Vec<RddRef>, one_at_a_time: bool, default: Option<RddRef>) -> Self {
        QueueSource { queue: Lock::new(queue.into()), one_at_a_time, default }
    }
}

impl InputSource for QueueSource {
    fn label(&self) -> String {
        "queueStream".to_owned()
    }

    fn rdd(&self, engine: &Engine, _time: BatchTime) -> Result<Input> {
        let mut queue = self.queue.lock();
        let next: Vec<RddRef> = match self.one_at_a_time {
            true => queue.pop_front().into_iter().collect(),
            false => queue.drain(..).collect(),
        };
        drop(queue);
        let rdd = match (next.len(), &self.default) {
            (0, Some(default)) => default.clone(),
            (0, None) => engine.from_blocks("empty", vec![Vec::new()]),
            (1, _) => next[0].clone(),
            _ => engine.union(next)?,
        };
        // Spark does not count the records of a queue either.
        Ok(Input { rdd, records: 0 })
    }
}
