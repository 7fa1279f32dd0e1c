"""`StreamingContext`: makes streams, starts and stops them.

Invariant: a context goes from initialized to active to stopped and never back; at most one is
active in a process. The engine's `Streaming` owns that state. Whatever stops it (the program, a
signal, a batch limit, the end of the program), `_finish` runs once afterwards. The entry point of
user programs.
"""

from __future__ import annotations

import atexit
import os
import pickle
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, ClassVar, NoReturn

from tidemill._engine import Streaming
from tidemill.conf import SUMMARY, switch
from tidemill.errors import IllegalArgumentError, IllegalStateError
from tidemill.parts import local_path
from tidemill.rdd import RDD
from tidemill.storagelevel import StorageLevel
from tidemill.streaming.callbacks import Callbacks
from tidemill.streaming.dstream import DStream
from tidemill.streaming.durations import batch_interval, milliseconds
from tidemill.streaming.signals import GracefulSignals, in_main_thread
from tidemill.streaming.summary import summary_line

if TYPE_CHECKING:
    from tidemill.context import SparkContext

EXIT_WAIT = 3.0
CHECKPOINT_DIRECTORY = "spark.streaming.checkpoint.directory"


class StreamingContext:
    """The entry point of a streaming program.

    Parameters
    ----------
    sparkContext : SparkContext
        The context that runs the jobs.
    batchDuration : float
        The batch interval in seconds, at least 0.001.
    jssc : None
        PySpark's third parameter; has no meaning here.

    Raises
    ------
    AssertionError
        Without a batch interval.
    IllegalArgumentError
        For a batch interval below a millisecond.

    Examples
    --------
    >>> from tidemill.testing import collect_batches
    >>> ssc = StreamingContext(sc, 0.1)
    >>> lines = ssc.queueStream([["a b", "b"]])
    >>> counts = lines.flatMap(str.split).map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b)
    >>> sorted(collect_batches(counts, 1)[0])
    [('a', 1), ('b', 2)]
    """

    _activeContext: ClassVar[StreamingContext | None] = None

    def __init__(
        self,
        sparkContext: SparkContext,
        batchDuration: float | None = None,
        jssc: None = None,
    ) -> None:
        self._sc = sparkContext
        self._conf = dict(sparkContext.getConf().getAll())
        self._tells_summary = switch(self._conf, SUMMARY)
        self._streaming = Streaming(sparkContext._engine, batch_interval(batchDuration), self._conf)
        self._callbacks = Callbacks(sparkContext)
        self._signals = GracefulSignals(self)
        self._lock = threading.Lock()
        self._stopping = False
        self._stops_spark_context = False
        self._finished = False
        self._started_at = ""
        if CHECKPOINT_DIRECTORY in self._conf:
            self.checkpoint(self._conf[CHECKPOINT_DIRECTORY])

    def __reduce__(self) -> NoReturn:
        raise pickle.PicklingError(
            "a StreamingContext is used in a function that runs on records; it lives on the "
            "driver only: take out of the function what it does with the context"
        )

    @classmethod
    def getOrCreate(
        cls, checkpointPath: str, setupFunc: Callable[[], StreamingContext]
    ) -> StreamingContext:
        """Return a context that goes on from a checkpoint, or a new one if there is none.

        In both cases `setupFunc` makes the context and its streams; if there is a checkpoint, its
        state is attached to them. So a program can be changed and go on from its old checkpoint.

        Parameters
        ----------
        checkpointPath : str
            Checkpoint directory.
        setupFunc : callable
            Makes a StreamingContext with all its streams and outputs, and returns it.

        Returns
        -------
        StreamingContext
            Not started yet.

        Examples
        --------
        >>> import tempfile
        >>> def setup():
        ...     ssc = StreamingContext(sc, 0.1)
        ...     ssc.queueStream([[1]]).pprint()
        ...     return ssc
        >>> ssc = StreamingContext.getOrCreate(tempfile.mkdtemp(), setup)
        >>> type(ssc).__name__
        'StreamingContext'
        """
        path = str(checkpointPath)
        recovers = Streaming.checkpoint_exists(path)
        ssc = setupFunc()
        if not isinstance(ssc, StreamingContext):
            raise TypeError(
                f"setupFunc should return a StreamingContext, but it returned "
                f"{type(ssc).__name__}: {ssc!r:.80}"
            )
        ssc.checkpoint(path)
        if recovers:
            ssc._streaming.restore()
        return ssc

    @classmethod
    def getActive(cls) -> StreamingContext | None:
        """Return the context that is started and not stopped, or None.

        Examples
        --------
        >>> StreamingContext.getActive() is None
        True
        """
        active = StreamingContext._activeContext
        if active is not None and active._streaming.status == "stopped":
            StreamingContext._activeContext = active = None
        return active

    @classmethod
    def getActiveOrCreate(
        cls, checkpointPath: str | None, setupFunc: Callable[[], StreamingContext]
    ) -> StreamingContext:
        """Return the active context, else what `getOrCreate` (or `setupFunc`) gives.

        Parameters
        ----------
        checkpointPath : str or None
            Checkpoint directory; None to go without.
        setupFunc : callable
            As for `getOrCreate`.

        Returns
        -------
        StreamingContext

        Examples
        --------
        >>> ssc = StreamingContext.getActiveOrCreate(None, lambda: StreamingContext(sc, 0.1))
        >>> ssc.sparkContext is sc
        True
        """
        if not callable(setupFunc):
            raise TypeError("setupFunc should be callable.")
        active = cls.getActive()
        if active is not None:
            return active
        return setupFunc() if checkpointPath is None else cls.getOrCreate(checkpointPath, setupFunc)

    @property
    def sparkContext(self) -> SparkContext:
        """Return the SparkContext that this context was made with.

        Examples
        --------
        >>> StreamingContext(sc, 0.1).sparkContext is sc
        True
        """
        return self._sc

    def start(self) -> None:
        """Start the receivers and the batch clock.

        The first batch is at the next multiple of the batch interval. A second call does nothing
        but warn.

        Raises
        ------
        IllegalStateError
            If this context has been stopped, or another one is active.
        IllegalArgumentError
            If there is no output operation, or state without a checkpoint directory. The context
            is stopped then.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.queueStream([[1]]).foreachRDD(lambda rdd: None)
        >>> ssc.start()
        >>> StreamingContext.getActive() is ssc
        True
        >>> ssc.stop(stopSparkContext=False)
        """
        status = self._streaming.status
        if status == "active":
            warnings.warn("StreamingContext has already been started", stacklevel=2)
            return
        if status == "stopped":
            raise IllegalStateError(
                "StreamingContext has already been stopped; make a new one to start again"
            )
        self._check_only_one()
        caller = sys._getframe(1)
        self._started_at = f"{caller.f_code.co_filename}:{caller.f_lineno}"
        self._begin()

    def _check_only_one(self) -> None:
        running = StreamingContext.getActive()
        if running is not None:
            raise IllegalStateError(
                "Only one StreamingContext may be started in this process. Currently running "
                f"StreamingContext was started at {running._started_at}; stop it first"
            )

    def _begin(self) -> None:
        StreamingContext._activeContext = self
        self._signals.install()
        try:
            self._streaming.start()
        except BaseException:
            StreamingContext._activeContext = None
            self._signals.remove()
            raise
        atexit.register(self._stop_at_exit)

    def awaitTermination(self, timeout: float | None = None) -> None:
        """Wait until the context has stopped.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; without it, until the end.

        Raises
        ------
        JobError
            The first error of a batch, as soon as there is one. The stream itself goes on.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.queueStream([[1]]).foreachRDD(lambda rdd: ssc.stop(stopSparkContext=False))
        >>> ssc.start()
        >>> ssc.awaitTermination()
        """
        self._await(timeout)

    def awaitTerminationOrTimeout(self, timeout: float) -> bool:
        """Wait until the context has stopped, at most `timeout` seconds.

        Parameters
        ----------
        timeout : float
            Seconds.

        Returns
        -------
        bool
            True if it has stopped, False if the time was over first.

        Raises
        ------
        JobError
            The first error of a batch.

        Examples
        --------
        >>> StreamingContext(sc, 0.1).awaitTerminationOrTimeout(0.01)
        False
        """
        return self._await(timeout)

    def _await(self, timeout: float | None) -> bool:
        self._signals.main_sees_the_stop()
        stopped = self._streaming.await_termination(timeout)
        if stopped:
            self._finish()
        else:
            self._signals.main_goes_on()
        return stopped

    def stop(self, stopSparkContext: bool = True, stopGraceFully: bool = False) -> None:
        """Stop the streams, and the SparkContext unless told otherwise.

        May be called from a function of a batch too; it then returns at once, and the stop is
        complete when `awaitTermination` returns.

        Parameters
        ----------
        stopSparkContext : bool, optional
            Stop the SparkContext as well.
        stopGraceFully : bool, optional
            First process all data that has been received. Otherwise queued batches are dropped.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.stop(stopSparkContext=False)
        >>> ssc.start()
        Traceback (most recent call last):
            ...
        tidemill.errors.IllegalStateError: StreamingContext has already been stopped; ...
        """
        self._stops_spark_context |= stopSparkContext
        self._stopping = True
        self._signals.main_sees_the_stop()
        if self._callbacks.inside():
            self._streaming.stop(stopGraceFully)
            threading.Thread(target=self._finish_later, daemon=True).start()
            return
        _interruptible(lambda: self._streaming.stop(stopGraceFully))
        self._finish()

    def remember(self, duration: float) -> None:
        """Keep each stream's RDDs for at least `duration` seconds, for `DStream.slice`.

        Parameters
        ----------
        duration : float
            Seconds.

        Examples
        --------
        >>> StreamingContext(sc, 0.1).remember(60)
        """
        self._streaming.remember(milliseconds(duration))

    def checkpoint(self, directory: str | None) -> None:
        """Write state and progress into a directory, so that `getOrCreate` can go on from it.

        Parameters
        ----------
        directory : str or None
            The directory; made if it is not there. None switches checkpoints off.

        Raises
        ------
        CheckpointError
            By `start`, if it cannot be written or holds something else.

        Examples
        --------
        >>> import tempfile
        >>> StreamingContext(sc, 0.1).checkpoint(tempfile.mkdtemp())
        """
        path = None if directory is None else str(directory)
        self._streaming.set_checkpoint(path)
        if path is not None:
            # Where RDD.checkpoint writes; made when it does.
            folder = os.path.join(os.path.abspath(local_path(path)), f"rdds-{uuid.uuid4()}")
            self._sc._checkpoint_dir = folder

    def socketTextStream(
        self,
        hostname: str,
        port: int,
        storageLevel: StorageLevel = StorageLevel.MEMORY_AND_DISK_2,
    ) -> DStream[str]:
        """Return a stream of the lines that a TCP server sends.

        UTF-8; bytes that are not become U+FFFD. A newline, a carriage return or both end a line,
        as in PySpark. If the server cannot be reached or closes, the receiver says so and tries
        again.

        Parameters
        ----------
        hostname : str
            Name or address of the server.
        port : int
            Its port, 1 to 65535.
        storageLevel : StorageLevel, optional
            Accepted for compatibility.

        Returns
        -------
        DStream of str

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.socketTextStream("localhost", 9999).pprint()
        """
        return DStream(self._streaming.socket(hostname, _port(port)), self)

    def textFileStream(self, directory: str) -> DStream[str]:
        """Return a stream of the lines of files that appear in a directory.

        Parameters
        ----------
        directory : str
            The directory; it may contain wild cards. Move files into it in one step.

        Returns
        -------
        DStream of str

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.textFileStream("/var/spool/points").pprint()
        """
        return DStream(self._streaming.text_files(str(directory)), self)

    def queueStream(
        self,
        rdds: Sequence[RDD | Iterable[Any]],
        oneAtATime: bool = True,
        default: RDD | Iterable[Any] | None = None,
    ) -> DStream[Any]:
        """Return a stream of given RDDs, one a batch; made for trying things out and for tests.

        Parameters
        ----------
        rdds : list of RDD or of iterable
            The RDDs, in order. Later changes of the list have no effect.
        oneAtATime : bool, optional
            False puts all of them into the first batch.
        default : RDD or iterable, optional
            The RDD of every batch after the last one; otherwise an empty one.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 2], [3]], default=[0]), 4)
        [[1, 2], [3], [0], [0]]
        """
        rest = None if default is None else self._rdd(default)
        if not rdds and rest is None:
            raise IndexError("queueStream needs at least one RDD, or a default")
        queue = [self._rdd(rdd) for rdd in rdds] or [self._sc.parallelize([])]
        node = self._streaming.queue(
            [rdd._handle for rdd in queue], oneAtATime, None if rest is None else rest._handle
        )
        return DStream(node, self)

    def _rdd(self, source: RDD | Iterable[Any]) -> RDD:
        return source if isinstance(source, RDD) else self._sc.parallelize(source)

    def transform(
        self, dstreams: Sequence[DStream[Any]], transformFunc: Callable[[Sequence[RDD]], Any]
    ) -> DStream[Any]:
        """Return a stream of the RDDs that a function makes of several streams' RDDs.

        Parameters
        ----------
        dstreams : list of DStream
            The streams.
        transformFunc : callable
            Gets one sequence with an RDD per stream, in the order of `dstreams`; returns an RDD,
            or None for no RDD in this batch.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> streams = [ssc.queueStream([[1]]), ssc.queueStream([[2]])]
        >>> collect_batches(ssc.transform(streams, lambda rdds: rdds[1].union(rdds[0])), 1)
        [[2, 1]]
        """
        return self._transform(dstreams, lambda _, *rdds: transformFunc(rdds), "transform")

    def union(self, *dstreams: DStream[Any]) -> DStream[Any]:
        """Return a stream of the elements of all given streams.

        Parameters
        ----------
        *dstreams : DStream
            Streams with the same slide duration.

        Returns
        -------
        DStream

        Raises
        ------
        ValueError
            Without a stream, or if the slide durations differ.

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.union(ssc.queueStream([[1]]), ssc.queueStream([[2]])), 1)
        [[1, 2]]
        """
        if not dstreams:
            raise ValueError("should have at least one DStream to union")
        if len(dstreams) == 1:
            return dstreams[0]
        if len({dstream._slideDuration for dstream in dstreams}) > 1:
            raise ValueError("All DStreams should have same slide duration")
        return self._transform(dstreams, lambda _, *rdds: self._sc.union(list(rdds)), "union")

    def _transform(
        self, dstreams: Sequence[DStream[Any]], func: Callable[..., Any], label: str
    ) -> DStream[Any]:
        """Add a node for `func(time, *rdds)`; a missing RDD is handed over as an empty one."""

        def filled(batch_time: datetime, *rdds: RDD | None) -> Any:
            return func(batch_time, *(self._sc.emptyRDD() if rdd is None else rdd for rdd in rdds))

        parents = [dstream._node for dstream in dstreams]
        call = self._callbacks.transform(filled, label)
        return DStream(self._streaming.transform(parents, call, label), self)

    def _output(self, dstream: DStream[Any], func: Callable[[int, RDD], Any], label: str) -> None:
        self._streaming.output(dstream._node, self._callbacks.output(func), label)

    def _stop_at_exit(self) -> None:
        """Stop at the end of the program, without waiting for a function that does not end."""
        stop = partial(self.stop, stopSparkContext=False, stopGraceFully=False)
        thread = threading.Thread(target=stop, name="tidemill-stop", daemon=True)
        thread.start()
        thread.join(EXIT_WAIT)

    def _finish_later(self) -> None:
        while self._streaming.status != "stopped":
            time.sleep(0.005)
        self._finish()

    def _finish(self) -> None:
        """Do what is left once the engine has stopped; may be called from several threads."""
        with self._lock:
            first, self._finished = not self._finished, True
            stops_spark_context, self._stops_spark_context = self._stops_spark_context, False
            if StreamingContext._activeContext is self:
                StreamingContext._activeContext = None
            if first and self._tells_summary:
                print(summary_line(self._streaming.summary()), file=sys.stderr, flush=True)
            if stops_spark_context:
                self._sc.stop()
        self._signals.remove()
        atexit.unregister(self._stop_at_exit)


def _interruptible(call: Callable[[], None]) -> None:
    """Run a blocking call of the engine so that the main thread still gets its signals."""
    if not in_main_thread():
        call()
        return
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="tidemill-stop", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)
    if errors:
        raise errors[0]


def _port(port: int) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"the port should be an int, but it is {type(port).__name__}: {port!r:.80}")
    if not 0 < port < 65536:
        raise IllegalArgumentError(f"the port should be from 1 to 65535, but it is {port}")
    return port
