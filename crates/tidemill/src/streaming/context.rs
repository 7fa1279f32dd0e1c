//! The engine side of a StreamingContext: the batch clock, the driver thread, start and stop.
//!
//! Two threads: the clock decides at each tick which data belong to the batch and never waits for anything;
//! the driver generates the batch's RDDs and runs its outputs, one batch at a time, in order. User code runs on
//! the driver thread only. An error of a batch is kept for whoever waits, and the stream goes on.

use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::exec::Engine;
use crate::ids::StreamId;
use crate::lock::{Lock, Signal};
use crate::memory;
use crate::rdd::RddRef;
use crate::streaming::batches::{BatchInfo, Batches, Summary};
use crate::streaming::checkpoint::CheckpointFolder;
use crate::streaming::checkpoint::writer::CheckpointWriter;
use crate::streaming::graph::Graph;
use crate::streaming::source::{Report, SourceContext};
use crate::streaming::time::{BatchTime, millis};

/// How often a waiting thread looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);
/// How long a stop that is not graceful waits for the running batch, as in Spark.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// A stream's settings. `Default` has Spark's values where Spark has one.
///
/// ```
/// use tidemill::streaming::StreamingConfig;
/// let config = StreamingConfig { max_batches: Some(10), ..StreamingConfig::default() };
/// assert_eq!(config.block_interval.as_millis(), 200);
/// ```
#[derive(Clone)]
pub struct StreamingConfig {
    /// `spark.streaming.blockInterval`: data that come within it make one partition.
    pub block_interval: Duration,
    /// `tidemill.receiver.maxBufferedBytes`: received and unprocessed bytes per receiver. By default the streams
    /// share an eighth of the memory of the machine or of the container; 512 MiB where the system does not say.
    pub max_buffered_bytes: Option<usize>,
    /// `tidemill.receiver.maxLineBytes`.
    pub max_line_bytes: usize,
    /// `spark.streaming.receiverRestartDelay`: longest pause between attempts to connect.
    pub max_reconnect_delay: Duration,
    /// `spark.streaming.fileStream.minRememberDuration`.
    pub file_remember: Duration,
    /// `spark.app.name`: whose checkpoints these are.
    pub app_name: String,
    /// `TIDEMILL_LOG`: says one line per batch.
    pub log: bool,
    /// `tidemill.streaming.maxBatches`: stops gracefully after so many batches.
    pub max_batches: Option<u64>,
    /// Where one-line messages go.
    pub report: Report,
}

impl Default for StreamingConfig {
    fn default() -> Self {
        StreamingConfig {
            block_interval: Duration::from_millis(200),
            max_buffered_bytes: None,
            max_line_bytes: 64 << 20,
            max_reconnect_delay: Duration::from_secs(2),
            file_remember: Duration::from_secs(60),
            app_name: String::new(),
            log: std::env::var("TIDEMILL_LOG").is_ok_and(|level| !matches!(&*level, "" | "off")),
            max_batches: None,
            report: Arc::new(|line| eprintln!("tidemill: {line}")),
        }
    }
}

/// Where a stream is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Being built.
    Initialized,
    /// Started.
    Active,
    /// Stopped, for good.
    Stopped,
}

/// One StreamingContext's engine side.
pub struct Streaming {
    shared: Arc<Shared>,
    threads: Lock<Vec<JoinHandle<()>>>,
}

struct Shared {
    engine: Arc<Engine>,
    interval: Duration,
    config: StreamingConfig,
    graph: Graph,
    control: Lock<Control>,
    changed: Signal,
    checkpoints: Lock<Option<CheckpointWriter>>,
}

struct Control {
    status: Status,
    batches: Batches,
    stop: Option<Stop>,
    clock_stopped: bool,
    driver: Option<ThreadId>,
    first_error: Option<Error>,
    checkpoint_directory: Option<String>,
    restore: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Graceful,
    Now,
}

impl Streaming {
    /// A stream with a batch every `interval`, of at least a millisecond.
    ///
    /// # Errors
    /// If the interval is shorter.
    pub fn new(engine: Arc<Engine>, interval: Duration, config: StreamingConfig) -> Result<Self> {
        if interval < Duration::from_millis(1) {
            return Err(Error::IllegalArgument(format!(
                "the batch interval must be at least 1 ms, got {interval:?}"
            )));
        }
        let control = Control {
            status: Status::Initialized,
            batches: Batches::new(BatchTime(0), interval),
            stop: None,
            clock_stopped: false,
            driver: None,
            first_error: None,
            checkpoint_directory: None,
            restore: false,
        };
        let shared = Arc::new(Shared {
            engine,
            interval,
            config,
            graph: Graph::new(interval),
            control: Lock::new(control),
            changed: Signal::default(),
            checkpoints: Lock::new(None),
        });
        Ok(Streaming { shared, threads: Lock::default() })
    }

    /// The graph, to add to before the start.
    ///
    /// # Errors
    /// After the start, with Spark's texts.
    pub fn graph(&self) -> Result<&Graph> {
        let when = match self.status() {
            Status::Initialized => return Ok(&self.shared.graph),
            Status::Active => "starting",
            Status::Stopped => "stopping",
        };
        Err(Error::IllegalState(format!(
            "Adding new inputs, transformations, and output operations after {when} a context is \
             not supported"
        )))
    }

    /// The engine the batches run on.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// The batch interval.
    pub fn interval(&self) -> Duration {
        self.shared.interval
    }

    /// Where the stream is in its life.
    pub fn status(&self) -> Status {
        self.shared.control.lock().status
    }

    /// The graph as text.
    pub fn explain(&self) -> String {
        self.shared.graph.explain()
    }

    /// How often a stream gives an RDD.
    pub fn slide(&self, id: StreamId) -> Duration {
        self.shared.graph.slide(id)
    }

    /// Writes state to this folder from the start on; `None` for nowhere.
    pub fn set_checkpoint(&self, directory: Option<String>) {
        self.shared.control.lock().checkpoint_directory = directory;
    }

    /// The start will take the state of the checkpoint folder over.
    pub fn restore(&self) {
        self.shared.control.lock().restore = true;
    }

    /// Starts the receivers and the clock. The first batch is due at the next multiple of the interval.
    ///
    /// # Errors
    /// If the graph is not valid, the checkpoint folder cannot be used, or the stream was stopped. A start
    /// that fails leaves the stream stopped, as in Spark.
    pub fn start(&self) -> Result<()> {
        match self.status() {
            Status::Active => return Ok(()),
            Status::Stopped => {
                let text = "StreamingContext has already been stopped";
                return Err(Error::IllegalState(text.into()));
            }
            Status::Initialized => {}
        }
        let started = self.shared.prepare().and_then(|first| self.spawn(first));
        if started.is_err() {
            self.shared.set_stopped();
        }
        started
    }

    fn spawn(&self, first: BatchTime) -> Result<()> {
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = self.shared.clone();
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))
                .map_err(|error| Error::io(format!("starting the {name} thread"), error))
        };
        let mut control = self.shared.control.lock();
        control.status = Status::Active;
        control.batches = Batches::new(first, self.shared.interval);
        drop(control);
        let driver = spawn("driver", Shared::drive)?;
        self.shared.control.lock().driver = Some(driver.thread().id());
        let clock = spawn("clock", Shared::run_clock)?;
        self.threads.lock().extend([driver, clock]);
        Ok(())
    }

    /// Stops. Graceful: receivers first, then every batch that holds received data, then the last
    /// checkpoint. Otherwise batches that wait are dropped and the running one gets two seconds.
    /// Called on the driver thread (from an output operation) it returns at once and the stream stops
    /// after the batch.
    pub fn stop(&self, graceful: bool) {
        self.request_stop(graceful);
        let mut control = self.shared.control.lock();
        if control.driver == Some(std::thread::current().id()) {
            return;
        }
        let mut hurried: Option<Instant> = None;
        while control.status != Status::Stopped {
            control = self.shared.changed.wait_for(control, POLL);
            if control.stop != Some(Stop::Now) {
                continue;
            }
            let waited = hurried.get_or_insert_with(Instant::now).elapsed();
            if waited >= 2 * STOP_WAIT {
                // User code that does not return; its thread ends when it does.
                control.status = Status::Stopped;
                drop(control);
                for source in self.shared.graph.sources() {
                    source.stop();
                }
                return;
            }
            if waited >= STOP_WAIT {
                drop(control);
                self.shared.engine.cancel_all();
                control = self.shared.control.lock();
            }
        }
        drop(control);
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // The threads catch what they run; nothing is lost with a panic message already printed.
            let _ = thread.join();
        }
    }

    /// Asks for a stop and does not wait for it. A stop that is not graceful overrides one that is.
    pub fn request_stop(&self, graceful: bool) {
        let mut control = self.shared.control.lock();
        match control.status {
            Status::Initialized => control.status = Status::Stopped,
            Status::Active if !graceful => {
                control.stop = Some(Stop::Now);
                control.clock_stopped = true;
            }
            Status::Active => {
                control.stop.get_or_insert(Stop::Graceful);
            }
            Status::Stopped => {}
        }
        self.shared.changed.notify();
    }

    /// Waits for the stop: `true` once stopped, `false` when the time is over. `interrupted` is called now
    /// and then; its error is returned.
    ///
    /// # Errors
    /// The first error of a batch, also after the stop, and every time.
    pub fn await_termination(
        &self,
        timeout: Option<Duration>,
        interrupted: &mut dyn FnMut() -> Result<()>,
    ) -> Result<bool> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut control = self.shared.control.lock();
        loop {
            if let Some(error) = &control.first_error {
                return Err(error.clone());
            }
            if control.status == Status::Stopped {
                return Ok(true);
            }
            let left = until.map_or(POLL, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            control = self.shared.changed.wait_for(control, left.min(POLL));
            drop(control);
            interrupted()?;
            control = self.shared.control.lock();
        }
    }

    /// Totals so far.
    pub fn summary(&self) -> Summary {
        self.shared.control.lock().batches.summary()
    }

    /// The last batches, oldest first.
    pub fn recent_batches(&self) -> Vec<BatchInfo> {
        self.shared.control.lock().batches.recent().cloned().collect()
    }

    /// The RDDs of a stream for the batches within `begin` and `end`, both included, as far as they have
    /// run and are remembered ([`Graph::remember_all`]). Spark computes forgotten and future ones; that
    /// would take data from receivers and count a batch into the state twice.
    ///
    /// # Errors
    /// Before the start.
    pub fn slice(&self, id: StreamId, begin: BatchTime, end: BatchTime) -> Result<Vec<RddRef>> {
        if self.status() == Status::Initialized {
            return Err(Error::IllegalState("the DStream has not been initialized".into()));
        }
        let slide = millis(self.slide(id)).max(1);
        let last = end.min(self.shared.control.lock().batches.next());
        let (first, last) = (begin.0.div_euclid(slide), last.0.div_euclid(slide));
        let rdd = |n| self.shared.graph.remembered(id, BatchTime(n * slide));
        Ok((first..=last).filter_map(rdd).collect())
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.stop(false);
    }
}

impl Shared {
    /// Everything that may fail at the start; the time of the first batch.
    fn prepare(self: &Arc<Self>) -> Result<BatchTime> {
        let (directory, restore) = {
            let control = self.control.lock();
            (control.checkpoint_directory.clone(), control.restore)
        };
        self.graph.validate(directory.is_some())?;
        let folder = directory
            .map(|path| CheckpointFolder::open(&path, &self.config.app_name))
            .transpose()?;
        let restored = match &folder {
            Some(folder) if restore => folder.read()?,
            _ => None,
        };
        let mut zero = BatchTime::now();
        if let Some(checkpoint) = restored {
            self.graph.restore(&self.engine, &checkpoint)?;
            // A batch time is never used twice, even if the clock was set back.
            zero = zero.max(checkpoint.time);
        }
        *self.checkpoints.lock() = folder.map(|folder| self.writer(folder)).transpose()?;
        let first = BatchTime::after(zero, self.interval);
        let zero_time = first.minus(self.interval);
        self.graph.set_zero_time(zero_time);
        let context = self.source_context(zero_time);
        for source in self.graph.sources() {
            source.start(&context)?;
        }
        Ok(first)
    }

    /// What writes checkpoints; a failure is kept for whoever waits.
    fn writer(self: &Arc<Self>, folder: CheckpointFolder) -> Result<CheckpointWriter> {
        let shared = Arc::downgrade(self);
        let on_error = move |error| {
            if let Some(shared) = shared.upgrade() {
                shared.control.lock().first_error.get_or_insert(error);
                shared.changed.notify();
            }
        };
        CheckpointWriter::start(folder, Box::new(on_error))
    }

    fn source_context(&self, zero_time: BatchTime) -> SourceContext {
        let config = &self.config;
        SourceContext {
            zero_time,
            interval: self.interval,
            block_interval: config.block_interval,
            slots: self.engine.slots(),
            max_buffered_bytes: memory::buffered(
                config.max_buffered_bytes,
                self.graph.sources().len(),
            ),
            max_line_bytes: config.max_line_bytes,
            max_reconnect_delay: config.max_reconnect_delay,
            file_remember: config.file_remember,
            report: config.report.clone(),
        }
    }

    fn set_stopped(&self) {
        for source in self.graph.sources() {
            source.stop();
        }
        let mut control = self.control.lock();
        control.status = Status::Stopped;
        control.clock_stopped = true;
        drop(control);
        self.changed.notify();
    }

    /// The clock thread: at each tick, closes the batch's data and says that it is due.
    fn run_clock(&self) {
        let sources = self.graph.sources();
        let zero = self.first_batch();
        let mut next = zero;
        loop {
            let mut control = self.control.lock();
            while !control.clock_stopped && !next.wait().is_zero() {
                control = self.changed.wait_for(control, next.wait());
            }
            if control.clock_stopped {
                return;
            }
            // Under the lock: a stop must not see data that were cut and a batch that is not due.
            for source in &sources {
                source.cut(next);
            }
            control.batches.due(next);
            drop(control);
            self.changed.notify();
            next = next.plus(self.interval);
        }
    }

    fn first_batch(&self) -> BatchTime {
        self.control.lock().batches.next()
    }

    /// The driver thread: runs batches until the stop.
    fn drive(&self) {
        let mut receivers_stopped = false;
        loop {
            match self.wait_for_work(receivers_stopped) {
                Work::Batch(time) => self.run_batch(time),
                Work::StopReceivers => {
                    for source in self.graph.sources() {
                        source.stop();
                    }
                    receivers_stopped = true;
                }
                Work::Finish(stop) => {
                    if stop == Stop::Graceful {
                        self.write_checkpoint(None);
                    }
                    if let Some(writer) = &*self.checkpoints.lock() {
                        writer.finish();
                    }
                    return self.set_stopped();
                }
            }
        }
    }

    fn wait_for_work(&self, receivers_stopped: bool) -> Work {
        let mut control = self.control.lock();
        loop {
            match control.stop {
                Some(Stop::Now) => {
                    control.clock_stopped = true;
                    control.batches.drop_waiting();
                    return Work::Finish(Stop::Now);
                }
                Some(Stop::Graceful) if !receivers_stopped => return Work::StopReceivers,
                _ => {}
            }
            // What was received last waits for the next tick. After that none is due, though batches may still wait.
            let drained = || !self.graph.sources().iter().any(|source| source.has_uncut());
            if control.stop == Some(Stop::Graceful) && drained() {
                control.clock_stopped = true;
            }
            if let Some(time) = control.batches.start(BatchTime::now()) {
                return Work::Batch(time);
            }
            if control.stop == Some(Stop::Graceful) && control.clock_stopped {
                if control.batches.waiting() == 0 {
                    return Work::Finish(Stop::Graceful);
                }
                continue;
            }
            control = self.changed.wait_for(control, Duration::from_secs(1));
        }
    }

    fn run_batch(&self, time: BatchTime) {
        let started = Instant::now();
        let mut error = self.graph.run_outputs(&self.engine, time);
        error = error.or(self.graph.update_states(&self.engine, time));
        for source in self.graph.sources() {
            source.done(time, started.elapsed());
        }
        self.graph.forget(time);
        if self.checkpoint_is_due(time) {
            self.write_checkpoint(Some(time));
        }
        let records = self.graph.take_records();
        if self.config.log {
            let (took, failed) = (started.elapsed(), if error.is_some() { ", failed" } else { "" });
            let waiting = self.control.lock().batches.waiting();
            (self.config.report)(&format!(
                "batch {time}: {records} records in {took:.1?}, {waiting} waiting{failed}"
            ));
        }
        let mut control = self.control.lock();
        // A batch that was cut off by a stop is no error of the program.
        let cut_off = control.stop == Some(Stop::Now);
        if let Some(error) = &error
            && control.first_error.is_none()
            && !cut_off
        {
            control.first_error = Some(error.clone());
        }
        control.batches.finish(started.elapsed(), records, error);
        if self.config.max_batches.is_some_and(|most| control.batches.finished() >= most) {
            control.stop.get_or_insert(Stop::Graceful);
            control.clock_stopped = true;
            control.batches.drop_waiting();
        }
        drop(control);
        self.changed.notify();
    }

    fn checkpoint_is_due(&self, time: BatchTime) -> bool {
        let interval = millis(self.graph.checkpoint_interval()).max(1);
        time.0 % interval == 0
    }

    /// Has the state after batch `time` (the last one for `None`) written.
    fn write_checkpoint(&self, time: Option<BatchTime>) {
        let checkpoints = self.checkpoints.lock();
        let last = || self.control.lock().batches.last();
        let (Some(writer), Some(time)) = (&*checkpoints, time.or_else(last)) else {
            return;
        };
        let snapshots = self.graph.snapshots().filter(|snapshots| !snapshots.is_empty());
        if let Some(snapshots) = snapshots {
            writer.submit(time, snapshots);
        }
    }
}

enum Work {
    Batch(BatchTime),
    StopReceivers,
    Finish(Stop),
}
