"""`DStream`: a continuous stream as a sequence of RDDs, one per batch interval.

Invariant: a DStream only describes; nothing runs before `StreamingContext.start`. Each is one
node of the engine's graph. A `TransformedDStream` takes its node when it is first needed, so a
chain of transformations becomes one callback per batch. Made by StreamingContext's methods.
Pair operations are in `pairs`, windows in `windows`.
"""

from __future__ import annotations

import operator
import pickle
import sys
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Generic, NoReturn, TypeVar

from tidemill import columns, ops
from tidemill.errors import JobError
from tidemill.rdd import RDD
from tidemill.storagelevel import StorageLevel
from tidemill.streaming.callbacks import batch_datetime
from tidemill.streaming.durations import instant, milliseconds
from tidemill.streaming.pairs import PairOperations
from tidemill.streaming.windows import WindowOperations

if TYPE_CHECKING:
    from tidemill.streaming.context import StreamingContext

T = TypeVar("T")
RULE = "-" * 43


class DStream(PairOperations, WindowOperations, Generic[T]):
    """A stream of elements, cut into one RDD per batch interval.

    Not made directly: a StreamingContext's methods and other streams' methods return it.

    Parameters
    ----------
    node : int
        The stream's node in the engine's graph.
    ssc : StreamingContext
        The context it belongs to.

    Examples
    --------
    >>> from tidemill.testing import collect_batches
    >>> ssc = StreamingContext(sc, 0.1)
    >>> words = ssc.queueStream([["to be or", "not to be"]]).flatMap(str.split)
    >>> sorted(collect_batches(words.countByValue(), 1)[0])
    [('be', 2), ('not', 1), ('or', 1), ('to', 2)]
    """

    def __init__(self, node: int, ssc: StreamingContext) -> None:
        self._init(ssc)
        self._node_value: int | None = node

    def _init(self, ssc: StreamingContext) -> None:
        self._ssc = ssc
        self._sc = ssc._sc
        self.is_cached = False
        self.is_checkpointed = False

    @property
    def _node(self) -> int:
        assert self._node_value is not None
        return self._node_value

    @property
    def _slide_ms(self) -> int:
        return self._ssc._streaming.slide_ms(self._node)

    @property
    def _slideDuration(self) -> float:
        return self._slide_ms / 1000.0

    def _derived(self, node: int) -> DStream[Any]:
        return DStream(node, self._ssc)

    def _partitions(self, given: int | None) -> int:
        return self._sc.defaultParallelism if given is None else given

    def __reduce__(self) -> NoReturn:
        raise pickle.PicklingError(
            "Object of DStream is being serialized possibly as a part of closure of an RDD "
            "operation. A DStream lives on the driver only: use it outside of functions that run "
            "on records, or work with the RDD that transform() and foreachRDD() hand over."
        )

    def context(self) -> StreamingContext:
        """Return the StreamingContext of this stream.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.queueStream([[1]]).context() is ssc
        True
        """
        return self._ssc

    def map(self, f: Callable[[T], Any], preservesPartitioning: bool = False) -> DStream[Any]:
        """Return a stream with `f` applied to each element.

        Parameters
        ----------
        f : callable
            Element to element.
        preservesPartitioning : bool, optional
            True if `f` keeps the keys of pairs.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 2], [3]]).map(lambda n: n * 10), 2)
        [[10, 20], [30]]
        """
        return self.transform(lambda rdd: rdd.map(f, preservesPartitioning))

    def flatMap(
        self, f: Callable[[T], Iterable[Any]], preservesPartitioning: bool = False
    ) -> DStream[Any]:
        """Return a stream of all elements of `f(element)`.

        Parameters
        ----------
        f : callable
            Element to an iterable of elements.
        preservesPartitioning : bool, optional
            True if `f` keeps the keys of pairs.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([["a b", "c"]]).flatMap(str.split), 1)
        [['a', 'b', 'c']]
        """
        return self.transform(lambda rdd: rdd.flatMap(f, preservesPartitioning))

    def filter(self, f: Callable[[T], Any]) -> DStream[T]:
        """Return a stream of the elements for which `f` is true.

        Parameters
        ----------
        f : callable
            Element to a truth value.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 2, 3]]).filter(lambda n: n % 2), 1)
        [[1, 3]]
        """
        return self.transform(lambda rdd: rdd.filter(f))

    def mapPartitions(
        self, f: Callable[[Iterable[T]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> DStream[Any]:
        """Return a stream with `f` applied to each partition of each batch.

        Parameters
        ----------
        f : callable
            Iterator over a partition's elements to an iterable of elements.
        preservesPartitioning : bool, optional
            True if `f` keeps the keys of pairs.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([sc.parallelize([1, 2, 3], 1)])
        >>> collect_batches(stream.mapPartitions(lambda part: [sum(part)]), 1)
        [[6]]
        """
        return self.transform(lambda rdd: rdd.mapPartitions(f, preservesPartitioning))

    def mapPartitionsWithIndex(
        self, f: Callable[[int, Iterable[T]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> DStream[Any]:
        """Return a stream with `f` applied to each partition's index and elements.

        Parameters
        ----------
        f : callable
            Index and iterator over a partition's elements to an iterable of elements.
        preservesPartitioning : bool, optional
            True if `f` keeps the keys of pairs.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([sc.parallelize([1, 2, 3], 2)])
        >>> collect_batches(stream.mapPartitionsWithIndex(lambda i, part: [(i, sum(part))]), 1)
        [[(0, 1), (1, 5)]]
        """
        return self.transform(lambda rdd: rdd.mapPartitionsWithIndex(f, preservesPartitioning))

    def mapArrow(
        self, f: Callable[[Any], Any], preservesPartitioning: bool = False
    ) -> DStream[Any]:
        """Return a stream with `f` applied to whole columns: Arrow batches in and out.

        Parameters
        ----------
        f : callable
            From a `pyarrow.RecordBatch` to a `pyarrow.RecordBatch` or `pyarrow.Table`; which
            columns records have is said at `RDD.mapArrow`.
        preservesPartitioning : bool, optional
            True if `f` keeps the keys of pairs.

        Returns
        -------
        DStream

        Raises
        ------
        ImportError
            When pyarrow is not installed.

        Examples
        --------
        >>> import pyarrow as pa, pyarrow.compute as pc
        >>> from tidemill.testing import collect_batches
        >>> def lengths(batch):
        ...     return pa.RecordBatch.from_arrays([pc.utf8_length(batch["value"])], ["value"])
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([["a", "bcd"]]).mapArrow(lengths), 1)
        [[1, 3]]
        """
        columns.require()
        return self.transform(lambda rdd: rdd.mapArrow(f, preservesPartitioning))

    def glom(self) -> DStream[list[T]]:
        """Return a stream with one list per partition.

        Returns
        -------
        DStream of list

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([sc.parallelize([1, 2, 3], 2)]).glom(), 1)
        [[[1], [2, 3]]]
        """
        return self.transform(lambda rdd: rdd.glom())

    def count(self) -> DStream[int]:
        """Return a stream with one element a batch: its number of elements, 0 for an empty one.

        Returns
        -------
        DStream of int

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 2, 3], []]).count(), 2)
        [[3], [0]]
        """
        counts = self.transform(lambda rdd: rdd._pipe(ops.count_records, "count"))
        # One partition also for a batch without partitions: that is where its 0 comes from.
        keyed = counts.map(lambda count: (None, count)).partitionBy(1)
        return keyed.transform(lambda rdd: rdd.values()._pipe(ops.sum_records, "count"))

    def countByValue(self) -> DStream[tuple[T, int]]:
        """Return a stream of (value, number of times it is in the batch).

        Returns
        -------
        DStream of (value, int)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[2, 2, 4]]).countByValue(), 1)
        [[(2, 2), (4, 1)]]
        """
        return self.map(lambda value: (value, 1)).reduceByKey(operator.add)

    def reduce(self, func: Callable[[T, T], T]) -> DStream[T]:
        """Return a stream with one element a batch, its elements reduced; none for an empty one.

        Parameters
        ----------
        func : callable
            Associative and commutative reduction of two elements.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 5, 3], []]).reduce(max), 2)
        [[5], []]
        """
        keyed = self.map(lambda value: (None, value))
        return keyed.reduceByKey(func, 1).map(lambda pair: pair[1])

    def union(self, other: DStream[Any]) -> DStream[Any]:
        """Return a stream of this stream's elements and then those of `other`.

        Parameters
        ----------
        other : DStream
            A stream with the same slide duration.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1]]).union(ssc.queueStream([[2]])), 1)
        [[1, 2]]
        """
        if self._slideDuration != other._slideDuration:
            raise ValueError("the two DStream should have same slide duration")
        return self.transformWith(lambda a, b: a.union(b), other, True)

    def repartition(self, numPartitions: int) -> DStream[T]:
        """Return a stream with each batch spread over `numPartitions` partitions.

        Parameters
        ----------
        numPartitions : int
            Partitions of the result.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> collect_batches(ssc.queueStream([[1, 2]]).repartition(1).glom(), 1)
        [[[1, 2]]]
        """
        return self.transform(lambda rdd: rdd.repartition(numPartitions))

    def cache(self) -> DStream[T]:
        """Keep each batch's RDD in memory while it may be needed; return this stream.

        Examples
        --------
        >>> StreamingContext(sc, 0.1).queueStream([[1]]).cache().is_cached
        True
        """
        return self.persist(StorageLevel.MEMORY_ONLY)

    def persist(self, storageLevel: StorageLevel = StorageLevel.MEMORY_ONLY) -> DStream[T]:
        """Keep each batch's RDD at a storage level while it may be needed; return this stream.

        Parameters
        ----------
        storageLevel : StorageLevel, optional
            Where to keep it.

        Returns
        -------
        DStream
            This stream.

        Examples
        --------
        >>> from tidemill import StorageLevel
        >>> stream = StreamingContext(sc, 0.1).queueStream([[1]])
        >>> stream.persist(StorageLevel.MEMORY_AND_DISK) is stream
        True
        """
        self.is_cached = True
        self._ssc._streaming.persist(self._node, storageLevel._name)
        return self

    def checkpoint(self, interval: float) -> DStream[T]:
        """Write this stream's RDDs to the checkpoint directory every `interval` seconds.

        Parameters
        ----------
        interval : float
            Seconds; a multiple of the slide duration.

        Returns
        -------
        DStream
            This stream.

        Examples
        --------
        >>> StreamingContext(sc, 0.1).queueStream([[1]]).checkpoint(1).is_checkpointed
        True
        """
        self.is_checkpointed = True
        self._ssc._streaming.checkpoint_interval(self._node, milliseconds(interval))
        return self

    def foreachRDD(self, func: Callable[[RDD], Any] | Callable[[datetime, RDD], Any]) -> None:
        """Run a function on the driver for each batch's RDD.

        Parameters
        ----------
        func : callable
            `func(rdd)` or `func(time, rdd)`, told apart by the number of its parameters; `time`
            is the batch time, a naive local datetime. What it returns is ignored.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> def show(rdd):
        ...     print(rdd.collect())
        ...     ssc.stop(stopSparkContext=False)
        >>> ssc.queueStream([[1, 2]]).foreachRDD(show)
        >>> ssc.start()
        >>> ssc.awaitTermination()
        [1, 2]
        """
        if _arity(func) == 1:
            self._output(lambda _, rdd: func(rdd), "foreachRDD")  # type: ignore[call-arg, arg-type]
        else:
            self._output(lambda time, rdd: func(batch_datetime(time), rdd), "foreachRDD")  # type: ignore[call-arg, arg-type]

    def pprint(self, num: int = 10) -> None:
        """Print the batch time and the first `num` elements of each batch.

        Parameters
        ----------
        num : int, optional
            Number of elements; ``...`` follows them if there are more.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.queueStream([[1, 2, 3]]).pprint(2)
        """
        self._output(lambda time, rdd: _print_batch(time, rdd.take(num + 1), num), "pprint")

    def saveAsTextFiles(self, prefix: str, suffix: str | None = None) -> None:
        """Write each batch as text files into the directory ``prefix-<ms>[.suffix]``.

        A directory that is there already was written by an earlier run of the same batch and is
        left as it is.

        Parameters
        ----------
        prefix : str
            Path up to the time.
        suffix : str, optional
            What follows the time and a dot.

        Examples
        --------
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.queueStream([[1, 2, 3]]).saveAsTextFiles("counts", "txt")
        """
        self._output(
            lambda time, rdd: _save_once(rdd, batch_path(prefix, suffix, time)), "saveAsTextFiles"
        )

    def transform(
        self, func: Callable[[RDD], Any] | Callable[[datetime, RDD], Any]
    ) -> TransformedDStream[Any]:
        """Return a stream of the RDDs that `func` makes of each batch's RDD, on the driver.

        Parameters
        ----------
        func : callable
            `func(rdd)` or `func(time, rdd)`, told apart by the number of its parameters; returns
            an RDD, or None for no RDD (and no output) in this batch.

        Returns
        -------
        TransformedDStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[3, 1, 2]])
        >>> collect_batches(stream.transform(lambda rdd: rdd.map(str)), 1)
        [['3', '1', '2']]
        """
        arity = _arity(func)
        assert arity in (1, 2), "func should take one or two arguments"
        if arity == 1:
            return TransformedDStream(self, lambda _, rdd: func(rdd))  # type: ignore[call-arg, arg-type]
        return TransformedDStream(self, func)  # type: ignore[arg-type]

    def transformWith(
        self,
        func: Callable[[RDD, RDD], Any] | Callable[[datetime, RDD, RDD], Any],
        other: DStream[Any],
        keepSerializer: bool = False,
    ) -> DStream[Any]:
        """Return a stream of the RDDs that `func` makes of this and another stream's RDDs.

        Parameters
        ----------
        func : callable
            `func(a, b)` or `func(time, a, b)`; a side that has no RDD in this batch is an empty
            one. Returns an RDD or None, as for `transform`.
        other : DStream
            The other stream.
        keepSerializer : bool, optional
            Accepted for compatibility; has no meaning here.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[1]]), ssc.queueStream([[2]])
        >>> collect_batches(one.transformWith(lambda a, b: b.union(a), two), 1)
        [[2, 1]]
        """
        arity = _arity(func)
        assert arity in (2, 3), "func should take two or three arguments"
        timed = func if arity == 3 else lambda _, a, b: func(a, b)  # type: ignore[call-arg]
        return self._ssc._transform([self, other], timed, "transformWith")

    def updateStateByKey(
        self,
        updateFunc: Callable[[list[Any], Any], Any],
        numPartitions: int | None = None,
        initialRDD: RDD | Iterable[tuple[Any, Any]] | None = None,
    ) -> DStream[tuple[Any, Any]]:
        """Return a stream of (key, state), the whole state in every batch.

        Needs a checkpoint directory (`StreamingContext.checkpoint`).

        Parameters
        ----------
        updateFunc : callable
            `updateFunc(new_values, state)`: the batch's values of a key, and its state or None;
            returns the new state, or None to drop the key. Called for every key that has state
            or new values, in every batch.
        numPartitions : int, optional
            Partitions of the state; the context's default parallelism if not given.
        initialRDD : RDD or iterable of (key, state), optional
            The state before the first batch.

        Returns
        -------
        DStream of (key, state)

        Examples
        --------
        >>> import tempfile
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> ssc.checkpoint(tempfile.mkdtemp())
        >>> stream = ssc.queueStream([[("a", 1)], [("a", 2)]])
        >>> totals = stream.updateStateByKey(lambda new, total: sum(new) + (total or 0))
        >>> collect_batches(totals, 3)
        [[('a', 1)], [('a', 3)], [('a', 3)]]
        """
        n = self._partitions(numPartitions)
        if initialRDD and not isinstance(initialRDD, RDD):
            initialRDD = self._sc.parallelize(initialRDD)
        node = self._ssc._streaming.state(
            self._node,
            self._grouping(n),
            self._partitioning(n),
            partial(ops.update_state, updateFunc),
            n,
            initialRDD._handle if isinstance(initialRDD, RDD) else None,
        )
        return self._derived(node)

    def _grouping(self, n: int) -> Callable[[Any], Any]:
        """Return what brings a batch's values, grouped, to the partitions of the state."""

        def prepare(handle: Any) -> Any:
            grouped = RDD(handle, self._sc)._pipe(ops.group_for_update, "groupByKey", True)
            return grouped.partitionBy(n)._handle

        return prepare

    def _partitioning(self, n: int) -> Callable[[Any], Any]:
        """Return what brings (key, state) pairs to the partitions of the state."""
        return lambda handle: RDD(handle, self._sc).partitionBy(n)._handle

    def explain(self) -> None:
        """Print the context's streams, and operator by operator what runs as machine code.

        What is compiled is known once a batch with data has run; not every operator needs to be:
        what is not runs in CPython with the same results.

        Examples
        --------
        >>> stream = StreamingContext(sc, 0.1).queueStream([["a b"]])
        >>> stream.flatMap(str.split).explain()
        #0 queueStream every 100ms
        #1 transform of #0 every 100ms
        ...
        """
        _ = self._node  # a transform is added to the graph when it is first used
        print(self._ssc._streaming.explain())
        for line in self._sc._engine.explain():
            print(line)

    def slice(self, begin: datetime | float, end: datetime | float) -> list[RDD]:
        """Return the RDDs of the batches from `begin` to `end`, both included.

        Parameters
        ----------
        begin, end : datetime or float
            Local datetime, or seconds since the epoch; cut down to a batch time.

        Returns
        -------
        list of RDD

        Examples
        --------
        >>> import time
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[1]], default=[2])
        >>> stream.foreachRDD(lambda rdd: None)
        >>> ssc.remember(60)
        >>> ssc.start()
        >>> ssc.awaitTerminationOrTimeout(0.5)
        False
        >>> len(stream.slice(time.time() - 0.2, time.time() - 0.1)) in (1, 2)
        True
        >>> ssc.stop(stopSparkContext=False)
        """
        handles = self._ssc._streaming.slice(self._node, instant(begin), instant(end))
        return [RDD(handle, self._sc) for handle in handles]

    def _output(self, func: Callable[[int, RDD], Any], label: str) -> None:
        self._ssc._output(self, func, label)


class TransformedDStream(DStream[T]):
    """A stream made by a driver-side function of each batch's RDD.

    Parameters
    ----------
    prev : DStream
        The stream it is made from. If that is a TransformedDStream which is neither cached nor
        checkpointed, the two functions become one callback.
    func : callable
        `func(time, rdd)`, returning an RDD or None.

    Examples
    --------
    >>> stream = StreamingContext(sc, 0.1).queueStream([[1]])
    >>> type(stream.map(str)) is TransformedDStream
    True
    """

    def __init__(self, prev: DStream[Any], func: Callable[[datetime, RDD], Any]) -> None:
        self._init(prev._ssc)
        self._node_value = None
        self.prev = prev
        self.func = func
        if type(prev) is TransformedDStream and not prev.is_cached and not prev.is_checkpointed:
            self.prev = prev.prev
            self.func = _chain(prev.func, func)

    @property
    def _node(self) -> int:
        if self._node_value is None:
            streaming = self._ssc._streaming
            call = self._ssc._callbacks.transform(self.func, "transform")
            self._node_value = streaming.transform([self.prev._node], call, "transform")
        return self._node_value


def batch_path(prefix: str, suffix: str | None, timestamp: datetime | int) -> str:
    """Return the path of a batch's text files.

    Parameters
    ----------
    prefix : str
        Path up to the time.
    suffix : str or None
        What follows the time and a dot.
    timestamp : datetime or int
        The batch time; an int is in milliseconds.

    Examples
    --------
    >>> batch_path("counts", "txt", 12345678910)
    'counts-12345678910.txt'
    """
    if isinstance(timestamp, datetime):
        timestamp = instant(timestamp)
    return f"{prefix}-{timestamp}" + ("" if suffix is None else f".{suffix}")


def _arity(func: Callable[..., Any]) -> int:
    """Return the number of parameters as PySpark counts it (defaults and `self` included)."""
    return func.__code__.co_argcount


def _chain(
    first: Callable[[datetime, RDD], Any], second: Callable[[datetime, RDD], Any]
) -> Callable[[datetime, RDD], Any]:
    def chained(time: datetime, rdd: RDD) -> Any:
        middle = first(time, rdd)
        return second(time, middle) if middle else None

    return chained


def _print_batch(time_ms: int, taken: list[Any], num: int) -> None:
    lines = [RULE, f"Time: {batch_datetime(time_ms)}", RULE, *map(str, taken[:num])]
    if len(taken) > num:
        lines.append("...")
    # One write: lines of other threads and of stderr cannot get in between.
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _save_once(rdd: RDD, path: str) -> None:
    try:
        rdd.saveAsTextFile(path)
    except JobError as error:
        if "already exists" not in str(error):
            raise
