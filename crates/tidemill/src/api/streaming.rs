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
    /// ```
    /// use std::time::Duration;
    /// use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(1)?;
    /// assert!(StreamingContext::new(&sc, Duration::from_millis(1)).is_ok());
    /// assert!(StreamingContext::new(&sc, Duration::from_micros(1)).is_err());
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the interval is shorter than a millisecond.
    pub fn new(sc: &SparkContext, interval: Duration) -> Result<Self> {
        StreamingContext::with_config(sc, interval, StreamingConfig::default())
    }

    /// As [`StreamingContext::new`], with other settings than Spark's defaults.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidemill::streaming::StreamingConfig;
    /// use tidemill::{SparkContext, StreamingContext};
    ///
    /// let sc = SparkContext::local(1)?;
    /// let config = StreamingConfig { max_batches: Some(3), ..StreamingConfig::default() };
    /// let ssc = StreamingContext::with_config(&sc, Duration::from_millis(20), config)?;
    /// ssc.queue_stream(vec![sc.parallelize([1], 1)]).foreach_rdd(|_time, _rdd| Ok(()));
    /// ssc.start()?;
    /// ssc.await_termination()?;
    /// assert_eq!(ssc.summary().batches, 3);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the interval is shorter than a millisecond.
    pub fn with_config(
        sc: &SparkContext,
        interval: Duration,
        config: StreamingConfig,
    ) -> Result<Self> {
        let app_name = sc.app_name().to_owned();
        let config = StreamingConfig { app_name, ..config };
        let streaming = Arc::new(Streaming::new(sc.engine().clone(), interval, config)?);
        Ok(StreamingContext { sc: sc.clone(), streaming, misuse: Arc::default() })
    }

    /// Builds a context with `setup`; if `directory` holds a checkpoint, the start goes on from its state.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("tidemill-again-{}", std::process::id()));
    /// # let folder = folder.to_string_lossy().into_owned();
    /// use std::time::Duration;
    /// use tidemill::{SparkContext, StreamingContext};
    ///
    /// let (sender, results) = std::sync::mpsc::channel();
    /// let setup = || {
    ///     let sc = SparkContext::local(1)?;
    ///     let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    ///     let sender = sender.clone();
    ///     ssc.queue_stream(vec![sc.parallelize([("a".to_owned(), 1)], 1)])
    ///         .update_state_by_key(|new, sum| Some(sum.unwrap_or(0) + new.iter().sum::<i32>()))
    ///         .foreach_rdd(move |_time, rdd| {
    ///             let _ = sender.send(rdd.collect()?);
    ///             Ok(())
    ///         });
    ///     Ok(ssc)
    /// };
    /// for sum in [1, 2] {
    ///     let ssc = StreamingContext::get_or_create(&folder, setup)?;
    ///     ssc.start()?;
    ///     assert!(results.iter().any(|state| state == [("a".to_owned(), sum)]));
    ///     ssc.stop(true);
    /// }
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
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
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// assert_eq!(ssc.spark_context().app_name(), sc.app_name());
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn spark_context(&self) -> &SparkContext {
        &self.sc
    }

    /// Writes the state of the stream to `directory`, now and then and at a graceful stop.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("tidemill-checkpoint-{}", std::process::id()));
    /// # let folder = folder.to_string_lossy().into_owned();
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.checkpoint(&folder);
    /// ssc.queue_stream(vec![sc.parallelize([("a".to_owned(), 1)], 1)])
    ///     .update_state_by_key(|new, count| Some(count.unwrap_or(0) + new.len()))
    ///     .foreach_rdd(|_time, _rdd| Ok(()));
    /// ssc.start()?;
    /// ssc.stop(true);
    /// assert!(std::path::Path::new(&folder).is_dir());
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn checkpoint(&self, directory: &str) {
        self.streaming.set_checkpoint(Some(directory.to_owned()));
    }

    /// Keeps the RDDs of every stream at least this long.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.remember(Duration::from_secs(1));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn remember(&self, duration: Duration) {
        self.build(|graph| {
            graph.remember_all(duration);
            Ok(())
        });
    }

    /// Lines from a TCP server.
    ///
    /// ```
    /// # use std::io::Write;
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let (sender, results) = std::sync::mpsc::channel();
    /// ssc.socket_text_stream("127.0.0.1", server.local_addr().unwrap().port())
    ///     .foreach_rdd(move |_time, rdd| {
    ///         rdd.collect()?.iter().for_each(|line| sender.send(line.to_string()).unwrap());
    ///         Ok(())
    ///     });
    /// ssc.start()?;
    /// let (mut client, _) = server.accept().unwrap();
    /// client.write_all(b"3 -4\n").unwrap();
    /// assert_eq!(results.recv().unwrap(), "3 -4");
    /// ssc.stop(false);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn socket_text_stream(&self, host: &str, port: u16) -> DStream<Line> {
        let source = SocketSource::new(host, i64::from(port));
        self.input(source.map(|source| Arc::new(source) as _))
    }

    /// The lines of files that appear in a folder.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("tidemill-files-{}", std::process::id()));
    /// # let folder = folder.to_string_lossy().into_owned();
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// let (sender, results) = std::sync::mpsc::channel();
    /// ssc.text_file_stream(&folder).foreach_rdd(move |_time, rdd| {
    ///     rdd.collect()?.iter().for_each(|line| sender.send(line.to_string()).unwrap());
    ///     Ok(())
    /// });
    /// ssc.start()?;
    /// // Moved in when complete, so that no batch sees half of it.
    /// std::fs::write(format!("{folder}/.new"), "3 -4\n").unwrap();
    /// std::fs::rename(format!("{folder}/.new"), format!("{folder}/points.txt")).unwrap();
    /// assert_eq!(results.recv().unwrap(), "3 -4");
    /// ssc.stop(false);
    /// # let _ = std::fs::remove_dir_all(folder);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn text_file_stream(&self, directory: &str) -> DStream<Line> {
        self.input(Ok(Arc::new(FileSource::new(directory))))
    }

    /// One RDD per batch, then empty ones.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// let (sender, results) = std::sync::mpsc::channel();
    /// let queue = vec![sc.parallelize([1, 2], 1), sc.parallelize([3], 1)];
    /// ssc.queue_stream(queue).foreach_rdd(move |_time, rdd| {
    ///     let _ = sender.send(rdd.collect()?);
    ///     Ok(())
    /// });
    /// ssc.start()?;
    /// assert_eq!(results.iter().take(3).collect::<Vec<_>>(), [vec![1, 2], vec![3], vec![]]);
    /// ssc.stop(false);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
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
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// let numbers = ssc.queue_stream(vec![sc.parallelize([1], 1)]);
    /// numbers.window(Duration::from_millis(30), Duration::from_millis(20)).print();
    /// let error = ssc.start().unwrap_err();
    /// assert!(error.to_string().contains("window"), "{error}");
    /// # Ok::<(), tidemill::Error>(())
    /// ```
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
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.queue_stream(vec![sc.parallelize([0], 1)]).map(|x| 1 / x).print();
    /// ssc.start()?;
    /// let error = ssc.await_termination().unwrap_err();
    /// assert!(error.to_string().contains("attempt to divide by zero"));
    /// # Ok::<(), tidemill::Error>(())
    /// ```
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
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.queue_stream(vec![sc.parallelize([1], 1)]).foreach_rdd(|_time, _rdd| Ok(()));
    /// ssc.start()?;
    /// assert!(!ssc.await_termination_or_timeout(Duration::from_millis(50))?);
    /// ssc.stop(true);
    /// assert!(ssc.await_termination_or_timeout(Duration::from_millis(50))?);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first error of a batch.
    pub fn await_termination_or_timeout(&self, timeout: Duration) -> Result<bool> {
        self.check_misuse()?;
        self.streaming.await_termination(Some(timeout), &mut || Ok(()))
    }

    /// Stops the stream; graceful: after all received data are processed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.queue_stream(vec![sc.parallelize([1], 1)]).foreach_rdd(|_time, _rdd| Ok(()));
    /// ssc.start()?;
    /// ssc.stop(true);
    /// assert!(ssc.start().is_err(), "stopped for good");
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn stop(&self, graceful: bool) {
        self.streaming.stop(graceful);
    }

    /// Totals so far.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// assert_eq!(ssc.summary().batches, 0);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn summary(&self) -> Summary {
        self.streaming.summary()
    }

    /// The graph of streams as text.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tidemill::{SparkContext, StreamingContext};
    /// let sc = SparkContext::local(2)?;
    /// let ssc = StreamingContext::new(&sc, Duration::from_millis(20))?;
    /// ssc.queue_stream(vec![sc.parallelize([1], 1)]).map(|x| x + 1).print();
    /// let graph = "\
    /// #0 queueStream every 20ms
    /// #1 map of #0 every 20ms
    /// output 0: print of #1";
    /// assert_eq!(ssc.explain(), graph);
    /// # Ok::<(), tidemill::Error>(())
    /// ```
    pub fn explain(&self) -> String {
        self.streaming.explain()
    }
}
