//! What a stream reads from: receivers (sockets) and replayable sources (files, queues).
//!
//! A batch is decided before it runs: [`InputSource::cut`] is called at the tick and closes what the batch
//! will hold; [`InputSource::rdd`] then gives the same data however often it is asked for that batch.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::exec::Engine;
use crate::rdd::RddRef;
use crate::streaming::BatchTime;

/// Says one line to the operator of the program (standard error by default).
pub type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// What a source needs to know when the stream starts.
#[derive(Clone)]
pub struct SourceContext {
    /// The batch before the first.
    pub zero_time: BatchTime,
    /// The batch interval.
    pub interval: Duration,
    /// Data that come within one block interval make one partition.
    pub block_interval: Duration,
    /// Executors that the data are shared among.
    pub slots: usize,
    /// Most bytes received and not yet processed, per source.
    pub max_buffered_bytes: usize,
    /// Longest record.
    pub max_line_bytes: usize,
    /// Longest pause between attempts to connect.
    pub max_reconnect_delay: Duration,
    /// How long a new file is looked for.
    pub file_remember: Duration,
    /// Says one line.
    pub report: Report,
}

/// A batch's data from one source.
pub struct Input {
    /// The data.
    pub rdd: RddRef,
    /// Number of records received; 0 where the source does not count.
    pub records: u64,
}

/// A source of a stream's data.
pub trait InputSource: Send + Sync {
    /// What `explain` and messages show.
    fn label(&self) -> String;

    /// The stream starts; called once.
    fn start(&self, _context: &SourceContext) -> Result<()> {
        Ok(())
    }

    /// What came before now belongs to batch `time`. Called at each tick, and must be quick.
    fn cut(&self, _time: BatchTime) {}

    /// The data of a batch that was cut.
    fn rdd(&self, engine: &Engine, time: BatchTime) -> Result<Input>;

    /// The batch is done, after so long: its data may go.
    fn done(&self, _time: BatchTime, _processing: Duration) {}

    /// Takes no more data from outside. What came before stays for the next cut.
    fn stop(&self) {}

    /// Whether there is data that no batch holds yet.
    fn has_uncut(&self) -> bool {
        false
    }
}
