//! The DStream graph: nodes that give one RDD per batch, and output operations.
//!
//! Built by the front ends before the start, walked by the driver thread once per batch. User code
//! (`transform` functions, output operations) is never called with the graph's lock held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::exec::Engine;
use crate::ids::StreamId;
use crate::lock::Lock;
use crate::panics;
use crate::rdd::RddRef;
use crate::streaming::BatchTime;
use crate::streaming::checkpoint::{Checkpoint, Snapshot};
use crate::streaming::reduced::{WindowOp, WindowStore};
use crate::streaming::source::InputSource;
use crate::streaming::state::{StateOp, StateStore};
use crate::streaming::time::millis;

/// Makes a batch's RDD from the parents'; `None` means no RDD in this batch.
pub type Transform =
    Arc<dyn Fn(BatchTime, &[Option<RddRef>]) -> Result<Option<RddRef>> + Send + Sync>;

/// What is done with a batch's RDD.
pub type Output = Arc<dyn Fn(BatchTime, &RddRef) -> Result<()> + Send + Sync>;

/// How a stream's RDDs come about.
#[derive(Clone)]
pub enum StreamKind {
    /// From outside.
    Input(Arc<dyn InputSource>),
    /// By a function of the parents' RDDs.
    Transform {
        /// The parents.
        parents: Vec<StreamId>,
        /// The function.
        function: Transform,
    },
    /// The union of the parent's RDDs of the last `length`.
    Window {
        /// The parent.
        parent: StreamId,
        /// The window duration.
        length: Duration,
    },
    /// The parent's values of each key, reduced over a window that slides by what enters and leaves it.
    Reduced(Arc<WindowStore>),
    /// Keyed state, updated by each batch of the parent.
    State(Arc<StateStore>),
}

impl StreamKind {
    /// Whether it is carried from batch to batch, and so in checkpoints.
    fn is_kept(&self) -> bool {
        matches!(self, StreamKind::State(_) | StreamKind::Reduced(_))
    }
}

struct Stream {
    label: String,
    kind: StreamKind,
    slide: Duration,
    persisted: bool,
    remember: Duration,
    checkpoint_interval: Option<Duration>,
    /// What each batch gave, failures too: nothing is asked for twice.
    generated: BTreeMap<BatchTime, Result<Option<RddRef>>>,
}

struct OutputOp {
    parent: StreamId,
    label: String,
    function: Output,
}

/// Streams and outputs of one StreamingContext.
pub struct Graph {
    interval: Duration,
    inner: Lock<Inner>,
}

#[derive(Default)]
struct Inner {
    streams: Vec<Stream>,
    outputs: Vec<Arc<OutputOp>>,
    zero_time: Option<BatchTime>,
    records: u64,
}

impl Graph {
    /// An empty graph.
    pub fn new(interval: Duration) -> Self {
        Graph { interval, inner: Lock::default() }
    }

    /// A source's stream.
    pub fn input(&self, source: Arc<dyn InputSource>) -> StreamId {
        self.add(source.label(), StreamKind::Input(source), self.interval)
    }

    /// A function of the parents' RDDs; all must have the same slide duration.
    ///
    /// # Errors
    /// If the parents' slide durations differ or there is none.
    pub fn transform(
        &self,
        label: &str,
        parents: &[StreamId],
        function: Transform,
    ) -> Result<StreamId> {
        let slides: Vec<Duration> = parents.iter().map(|&id| self.slide(id)).collect();
        let Some(&slide) = slides.first() else {
            return Err(Error::IllegalArgument("transform expects at least one stream".into()));
        };
        if slides.iter().any(|&other| other != slide) {
            return Err(Error::IllegalArgument(format!(
                "the streams should have the same slide duration, got {slides:?}"
            )));
        }
        let kind = StreamKind::Transform { parents: parents.to_vec(), function };
        Ok(self.add(label.to_owned(), kind, slide))
    }

    /// The last `length` of `parent`, every `slide`.
    ///
    /// # Errors
    /// If a duration is not a positive multiple of the parent's slide duration.
    pub fn window(&self, parent: StreamId, length: Duration, slide: Duration) -> Result<StreamId> {
        self.check_window(parent, length, slide)?;
        self.persist(parent);
        self.remember_at_least(parent, length + slide);
        Ok(self.add(format!("window {length:?}"), StreamKind::Window { parent, length }, slide))
    }

    /// The values of each key of `parent`, which has each key once in a batch, reduced over a window, every
    /// `slide`.
    ///
    /// # Errors
    /// If a duration is not a positive multiple of the parent's slide duration.
    pub fn reduced(&self, parent: StreamId, slide: Duration, op: WindowOp) -> Result<StreamId> {
        self.check_window(parent, op.length, slide)?;
        let ordinal = self.windows().len();
        let label = format!("reduced window {ordinal} of {:?}", op.length);
        let store = Arc::new(WindowStore::new(parent, ordinal, slide, op));
        Ok(self.add(label, StreamKind::Reduced(store), slide))
    }

    fn check_window(&self, parent: StreamId, length: Duration, slide: Duration) -> Result<()> {
        let unit = millis(self.slide(parent)).max(1);
        for (name, duration) in [("windowDuration", length), ("slideDuration", slide)] {
            if duration.is_zero() || millis(duration) % unit != 0 {
                return Err(Error::IllegalArgument(format!(
                    "{name} must be multiple of the parent dstream's slide (batch) duration \
                     ({unit} ms), got {} ms",
                    millis(duration)
                )));
            }
        }
        Ok(())
    }

    /// Keyed state over `parent`; its RDD of each batch is the whole state.
    pub fn state(&self, parent: StreamId, op: StateOp) -> StreamId {
        let slide = self.slide(parent);
        let ordinal = self.states().len();
        let label = format!("state {ordinal}");
        let store = Arc::new(StateStore::new(parent, ordinal, op));
        self.add(label, StreamKind::State(store), slide)
    }

    /// An output operation on `parent`; its number.
    pub fn output(&self, label: &str, parent: StreamId, function: Output) -> usize {
        let mut inner = self.inner.lock();
        inner.outputs.push(Arc::new(OutputOp { parent, label: label.to_owned(), function }));
        inner.outputs.len() - 1
    }

    fn add(&self, label: String, kind: StreamKind, slide: Duration) -> StreamId {
        let mut inner = self.inner.lock();
        inner.streams.push(Stream {
            label,
            kind,
            slide,
            persisted: false,
            remember: slide,
            checkpoint_interval: None,
            generated: BTreeMap::new(),
        });
        StreamId(inner.streams.len() as u64 - 1)
    }

    /// How often a stream gives an RDD.
    pub fn slide(&self, id: StreamId) -> Duration {
        self.with(id, |stream| stream.slide).unwrap_or(self.interval)
    }

    /// Persists every RDD of a stream until it is forgotten.
    pub fn persist(&self, id: StreamId) {
        self.with(id, |stream| stream.persisted = true);
    }

    /// Sets how often a stream's data are checkpointed.
    pub fn set_checkpoint_interval(&self, id: StreamId, interval: Duration) {
        self.with(id, |stream| stream.checkpoint_interval = Some(interval));
    }

    /// Keeps RDDs of every stream at least this long.
    pub fn remember_all(&self, duration: Duration) {
        for stream in &mut self.inner.lock().streams {
            stream.remember = stream.remember.max(duration);
        }
    }

    fn remember_at_least(&self, id: StreamId, duration: Duration) {
        self.with(id, |stream| stream.remember = stream.remember.max(duration));
    }

    fn with<T>(&self, id: StreamId, f: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        self.inner.lock().streams.get_mut(id.0 as usize).map(f)
    }

    /// The sources, in order of definition.
    pub fn sources(&self) -> Vec<Arc<dyn InputSource>> {
        let source = |stream: &Stream| match &stream.kind {
            StreamKind::Input(source) => Some(source.clone()),
            _ => None,
        };
        self.inner.lock().streams.iter().filter_map(source).collect()
    }

    /// The keyed states, in order of definition.
    pub fn states(&self) -> Vec<Arc<StateStore>> {
        let state = |stream: &Stream| match &stream.kind {
            StreamKind::State(state) => Some(state.clone()),
            _ => None,
        };
        self.inner.lock().streams.iter().filter_map(state).collect()
    }

    /// The reduced windows, in order of definition.
    pub fn windows(&self) -> Vec<Arc<WindowStore>> {
        let window = |stream: &Stream| match &stream.kind {
            StreamKind::Reduced(window) => Some(window.clone()),
            _ => None,
        };
        self.inner.lock().streams.iter().filter_map(window).collect()
    }

    /// States and windows as they are; `None` if one of them is not known.
    pub fn snapshots(&self) -> Option<Vec<Snapshot>> {
        let (states, windows) = (self.states(), self.windows());
        let states = states.iter().map(|state| state.snapshot());
        states.chain(windows.iter().map(|window| window.snapshot())).collect()
    }

    /// Starts from a checkpoint.
    ///
    /// # Errors
    /// If it is not of this program's kind.
    pub fn restore(&self, engine: &Engine, checkpoint: &Checkpoint) -> Result<()> {
        for store in self.states() {
            let saved = checkpoint.states.iter().find(|state| state.ordinal == store.ordinal);
            saved.map_or(Ok(()), |saved| store.restore(engine, saved))?;
        }
        for store in self.windows() {
            let mut saved = checkpoint.windows.iter();
            let saved = saved.find(|window| window.reduced.ordinal == store.ordinal);
            saved.map_or(Ok(()), |saved| store.restore(engine, saved))?;
        }
        Ok(())
    }

    /// How often state is checkpointed: the smallest interval asked for, else Spark's default (the
    /// smallest multiple of the slide duration that is at least ten seconds).
    pub fn checkpoint_interval(&self) -> Duration {
        let inner = self.inner.lock();
        let stateful = inner.streams.iter().filter(|s| s.kind.is_kept());
        let interval = |stream: &Stream| {
            stream.checkpoint_interval.unwrap_or_else(|| {
                let slide = millis(stream.slide).max(1);
                Duration::from_millis((slide * (10_000 + slide - 1).div_euclid(slide)) as u64)
            })
        };
        stateful.map(interval).min().unwrap_or(Duration::from_secs(10))
    }

    /// Checks what can only be checked when the graph is whole.
    ///
    /// # Errors
    /// With Spark's texts.
    pub fn validate(&self, has_checkpoint: bool) -> Result<()> {
        let inner = self.inner.lock();
        let failed =
            |text: String| Err(Error::IllegalArgument(format!("requirement failed: {text}")));
        if inner.outputs.is_empty() {
            return failed("No output operations registered, so nothing to execute".into());
        }
        let stateful = inner.streams.iter().any(|s| matches!(s.kind, StreamKind::State(_)));
        if stateful && !has_checkpoint {
            let text = "The checkpoint directory has not been set. Please set it by \
                        StreamingContext.checkpoint().";
            return failed(text.into());
        }
        for stream in &inner.streams {
            let Some(interval) = stream.checkpoint_interval else {
                continue;
            };
            let (interval, slide) = (millis(interval), millis(stream.slide).max(1));
            let label = &stream.label;
            if interval < slide {
                return failed(format!(
                    "The checkpoint interval for {label} has been set to {interval} ms which is \
                     lower than its slide time ({slide} ms). Please set it to at least {slide} ms."
                ));
            }
            if interval % slide != 0 {
                return failed(format!(
                    "The checkpoint interval for {label} has been set to  {interval} ms which not \
                     a multiple of its slide time ({slide} ms). Please set it to a multiple of \
                     {slide} ms."
                ));
            }
        }
        Ok(())
    }

    /// Records that the inputs received since the last call.
    pub fn take_records(&self) -> u64 {
        std::mem::take(&mut self.inner.lock().records)
    }

    /// The batch before the first; windows are counted from it.
    pub fn set_zero_time(&self, time: BatchTime) {
        self.inner.lock().zero_time = Some(time);
    }

    /// Runs the batch's output operations in order of definition. One that fails does not keep the
    /// later ones from running. The first error, with its output's number.
    pub fn run_outputs(&self, engine: &Engine, time: BatchTime) -> Option<Error> {
        self.generate_ahead(engine, time);
        let outputs = self.inner.lock().outputs.clone();
        let mut first = None;
        for (number, output) in outputs.iter().enumerate() {
            let run = || match self.rdd(engine, output.parent, time)? {
                Some(rdd) => (output.function)(time, &rdd),
                None => Ok(()),
            };
            let result = panics::catch(run).unwrap_or_else(|panic| {
                Err(Error::User { error: Arc::new(panic), partition: 0, attempts: 1 })
            });
            if let Err(cause) = result {
                first.get_or_insert(Error::Batch { time, output: number, cause: Box::new(cause) });
            }
        }
        first
    }

    /// Generates what must exist in every batch, whoever asks for it later: the inputs' RDDs, and those a
    /// window will look back at, reduced if it slides by them. A failure is kept and comes again with whoever asks.
    fn generate_ahead(&self, engine: &Engine, time: BatchTime) {
        let kinds: Vec<StreamKind> =
            self.inner.lock().streams.iter().map(|stream| stream.kind.clone()).collect();
        for (id, kind) in kinds.iter().enumerate() {
            match kind {
                StreamKind::Input(_) => drop(self.rdd(engine, StreamId(id as u64), time)),
                StreamKind::Window { parent, .. } => drop(self.rdd(engine, *parent, time)),
                StreamKind::Reduced(store) => self.take_slice(engine, store, time),
                _ => {}
            }
        }
    }

    /// Hands the batch's slice to a window, once.
    fn take_slice(&self, engine: &Engine, store: &WindowStore, time: BatchTime) {
        if store.is_asked_for(time) {
            store.take(engine, time, self.rdd(engine, store.parent, time));
        }
    }

    /// A stream's RDD of a batch, generated the first time it is asked for.
    pub fn rdd(&self, engine: &Engine, id: StreamId, time: BatchTime) -> Result<Option<RddRef>> {
        let inner = self.inner.lock();
        let zero = inner.zero_time.unwrap_or(BatchTime(0));
        let Some(stream) = inner.streams.get(id.0 as usize) else {
            return Ok(None);
        };
        if let Some(known) = stream.generated.get(&time) {
            return known.clone();
        }
        if time <= zero || (time.0 - zero.0) % millis(stream.slide).max(1) != 0 {
            return Ok(None);
        }
        let (kind, persisted) = (stream.kind.clone(), stream.persisted);
        drop(inner);
        let rdd = self.generate(engine, &kind, time);
        if let (Ok(Some(rdd)), true) = (&rdd, persisted) {
            rdd.persist();
        }
        self.with(id, |stream| stream.generated.insert(time, rdd.clone()));
        rdd
    }

    /// A stream's RDD of a batch, if the batch has run and the stream still remembers it.
    pub fn remembered(&self, id: StreamId, time: BatchTime) -> Option<RddRef> {
        self.with(id, |stream| stream.generated.get(&time)?.clone().ok()?)?
    }

    fn generate(
        &self,
        engine: &Engine,
        kind: &StreamKind,
        time: BatchTime,
    ) -> Result<Option<RddRef>> {
        match kind {
            StreamKind::Input(source) => {
                let input = source.rdd(engine, time)?;
                self.inner.lock().records += input.records;
                Ok(Some(input.rdd))
            }
            StreamKind::Transform { parents, function } => {
                let rdds = parents.iter().map(|&parent| self.rdd(engine, parent, time));
                function(time, &rdds.collect::<Result<Vec<_>>>()?)
            }
            StreamKind::Window { parent, length } => {
                self.window_rdd(engine, *parent, *length, time).map(Some)
            }
            StreamKind::Reduced(store) => {
                self.take_slice(engine, store, time);
                store.slide(engine, time)
            }
            StreamKind::State(store) => {
                let rdd = self.rdd(engine, store.parent, time)?;
                store.update(engine, time, rdd.as_ref()).map(Some)
            }
        }
    }

    fn window_rdd(
        &self,
        engine: &Engine,
        parent: StreamId,
        length: Duration,
        time: BatchTime,
    ) -> Result<RddRef> {
        let step = self.slide(parent);
        let mut at = time.minus(length).plus(step);
        let mut rdds = Vec::new();
        // Oldest first: a queue gives its RDDs in the order in which it is asked.
        while at <= time {
            rdds.extend(self.rdd(engine, parent, at)?);
            at = at.plus(step);
        }
        engine.union(rdds)
    }

    /// Runs every keyed state and window that no output has asked for, so that it misses no batch. One that fails
    /// does not keep the others from running. The first error.
    pub fn update_states(&self, engine: &Engine, time: BatchTime) -> Option<Error> {
        let states: Vec<u64> = {
            let inner = self.inner.lock();
            let all = inner.streams.iter().enumerate().filter(|(_, stream)| stream.kind.is_kept());
            all.map(|(id, _)| id as u64).collect()
        };
        let run = |id| self.rdd(engine, StreamId(id), time).err();
        // All of them run: `next` would end with the first that fails.
        let cause = states.into_iter().filter_map(run).reduce(|first, _| first)?;
        Some(Error::Batch { time, output: 0, cause: Box::new(cause) })
    }

    /// Forgets RDDs that are older than their stream remembers, as of batch `time`.
    pub fn forget(&self, time: BatchTime) {
        let mut old = Vec::new();
        for stream in &mut self.inner.lock().streams {
            let keep = stream.generated.split_off(&BatchTime(time.minus(stream.remember).0 + 1));
            let gone = std::mem::replace(&mut stream.generated, keep);
            if stream.persisted {
                old.extend(gone.into_values().flatten().flatten());
            }
        }
        for rdd in old {
            rdd.unpersist();
        }
    }

    /// The graph as text, one stream a line.
    pub fn explain(&self) -> String {
        let inner = self.inner.lock();
        let mut lines = Vec::new();
        for (id, stream) in inner.streams.iter().enumerate() {
            let parents: Vec<String> = stream.parents().iter().map(|id| format!("#{id}")).collect();
            let from = if parents.is_empty() {
                String::new()
            } else {
                format!(" of {}", parents.join(", "))
            };
            lines.push(format!("#{id} {}{from} every {:?}", stream.label, stream.slide));
        }
        for (number, output) in inner.outputs.iter().enumerate() {
            lines.push(format!("output {number}: {} of #{}", output.label, output.parent));
        }
        lines.join("\n")
    }
}

impl Stream {
    fn parents(&self) -> Vec<StreamId> {
        match &self.kind {
            StreamKind::Input(_) => Vec::new(),
            StreamKind::Transform { parents, .. } => parents.clone(),
            StreamKind::Window { parent, .. } => vec![*parent],
            StreamKind::Reduced(store) => vec![store.parent],
            StreamKind::State(store) => vec![store.parent],
        }
    }
}
