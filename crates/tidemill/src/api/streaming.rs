//! `StreamingContext` of the typed front end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::api::context::SparkContext;
use crate::api::dstream::DStream;
use crate::api::native::Data;
use crate::api::rdd::Rdd;
use crate::error::{Error, Result};
use crate::ids::StreamId;
use crate::lock::Lock;
use crate::streaming::checkpoint::CheckpointFolder;
use crate::streaming::files::FileSource;
use crate::streaming::graph::Graph;
use crate::streaming::queue::QueueSource;
use crate::streaming::socket::SocketSource;
use crate::streaming::source::InputSource;
use crate::streaming::{Streaming, StreamingConfig, Summary};
use crate::text::Line;

/// The entry point of a streaming program: makes DStreams, starts and stops the stream. Cheap to clone.
///
/// Building never fails on the spot: a wrong argument, or an operator added after the start, is
/// reported by [`StreamingContext::start`] or [`StreamingContext::await_termination`].
///
/// ```
/// use std::time::Duration;
/// use tidemill::{SparkContext, StreamingContext};
///
/// let sc = SparkContext::local(2)?;
/// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
/// let (sender, results) = std::sync::mpsc::channel();
/// ssc.queue_stream(vec![sc.parallelize(1..=3, 1)])
///     .map(|x| x * 2)
///     .foreach_rdd(move |_time, rdd| {
///         let _ = sender.send(rdd.collect()?);
///         Ok(())
///     });
/// ssc.start()?;
/// assert_eq!(results.recv(), Ok(vec![2, 4, 6]));
/// ssc.stop(true);
/// # Ok::<(), tidemill::Error>(())
/// ```
#[derive(Clone)]
pub struct StreamingContext {
    sc: SparkContext,
    streaming: Arc<Streaming>,
    misuse: Arc<Lock<Option<Error>>>,
}

impl StreamingContext {
    /// A context with a batch every `interval`.
    ///
    /// # Errors
    /// If the interval is shorter than a millisecond.
    pub fn new(sc: &SparkContext, interval: Duration) -> Result<Self> {
        StreamingContext::with_config(sc, interval, StreamingConfig::default())
    }

    /// As [`StreamingContext::new`], with other settings than Spark's defaults.
    ///
    /// # Errors
    /// If the interval is shorter than a millisecond.
    pub fn with_config(
        sc: &SparkContext,
        interval: Duration,
        config: StreamingConfig,
    ) -> Result<Self> {
        let streaming = Arc::new(Streaming::new(sc.engine().clone(), interval, config)?);
        Ok(StreamingContext { sc: sc.clone(), streaming, misuse: Arc::default() })
    }

    /// Builds a context with `setup`; if `directory` holds a checkpoint, the start goes on from its state.
    ///
    /// # Errors
    /// If `setup` fails, or the folder holds something else than a checkpoint.
    pub fn get_or_create(
        directory: &str,
        setup: impl FnOnce() -> Result<StreamingContext>,
    ) -> Result<Self> {
        let exists = CheckpointFolder::exists(directory)?;
        let ssc = setup()?;
        ssc.checkpoint(directory);
        if exists {
            ssc.streaming.restore();
        }
        Ok(ssc)
    }

    /// The context that runs the batches' jobs.
    pub fn spark_context(&self) -> &SparkContext {
        &self.sc
    }

    /// Writes the state of the stream to `directory`, now and then and at a graceful stop.
    pub fn checkpoint(&self, directory: &str) {
        self.streaming.set_checkpoint(Some(directory.to_owned()));
    }

    /// Keeps the RDDs of every stream at least this long.
    pub fn remember(&self, duration: Duration) {
        self.build(|graph| {
            graph.remember_all(duration);
            Ok(())
        });
    }

    /// Lines from a TCP server.
    pub fn socket_text_stream(&self, host: &str, port: u16) -> DStream<Line> {
        let source = SocketSource::new(host, i64::from(port));
        self.input(source.map(|source| Arc::new(source) as _))
    }

    /// The lines of files that appear in a folder.
    pub fn text_file_stream(&self, directory: &str) -> DStream<Line> {
        self.input(Ok(Arc::new(FileSource::new(directory))))
    }

    /// One RDD per batch, then empty ones.
    pub fn queue_stream<T: Data>(&self, rdds: Vec<Rdd<T>>) -> DStream<T> {
        let nodes = rdds.into_iter().map(|rdd| rdd.node).collect();
        self.input(Ok(Arc::new(QueueSource::new(nodes, true, None))))
    }

    fn input<T: Data>(&self, source: Result<Arc<dyn InputSource>>) -> DStream<T> {
        let id = self.build(|graph| Ok(graph.input(source?)));
        DStream::new(self.clone(), id.unwrap_or(StreamId(u64::MAX)))
    }

    /// Changes the graph; a failure is kept for the start.
    pub(crate) fn build<T>(&self, f: impl FnOnce(&Graph) -> Result<T>) -> Option<T> {
        match self.streaming.graph().and_then(f) {
            Ok(value) => Some(value),
            Err(error) => {
                self.misuse.lock().get_or_insert(error);
                None
            }
        }
    }

    /// Starts the receivers and the batch clock.
    ///
    /// # Errors
    /// If the program was built wrongly, or the checkpoint folder cannot be used.
    pub fn start(&self) -> Result<()> {
        self.check_misuse()?;
        self.streaming.start()
    }

    fn check_misuse(&self) -> Result<()> {
        self.misuse.lock().clone().map_or(Ok(()), Err)
    }

    /// Waits until the stream is stopped. Ctrl-C and SIGTERM stop it gracefully; a second one at once.
    ///
    /// # Errors
    /// The first error of a batch.
    pub fn await_termination(&self) -> Result<()> {
        self.check_misuse()?;
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, signalled.clone())
                .map_err(|e| Error::io("installing a signal handler", e))?;
        }
        let mut stopping = false;
        let mut on_signal = || {
            if signalled.swap(false, Ordering::AcqRel) {
                self.streaming.request_stop(!stopping);
                stopping = true;
            }
            Ok(())
        };
        self.streaming.await_termination(None, &mut on_signal).map(drop)
    }

    /// Waits at most `timeout`; whether the stream is stopped.
    ///
    /// # Errors
    /// The first error of a batch.
    pub fn await_termination_or_timeout(&self, timeout: Duration) -> Result<bool> {
        self.check_misuse()?;
        self.streaming.await_termination(Some(timeout), &mut || Ok(()))
    }

    /// Stops the stream; graceful: after all received data are processed.
    pub fn stop(&self, graceful: bool) {
        self.streaming.stop(graceful);
    }

    /// Totals so far.
    pub fn summary(&self) -> Summary {
        self.streaming.summary()
    }

    /// The graph of streams as text.
    pub fn explain(&self) -> String {
        self.streaming.explain()
    }
}
