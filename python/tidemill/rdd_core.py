"""`CoreRDD`: a handle on the engine's lineage, the narrow operators, persistence, and the running
of jobs.

The base of the chain CoreRDD - PairRDD - SortingRDD - ActionRDD - `RDD`: each class knows
those before it. An RDD object is cheap and immutable but for its name, persistence and
checkpoint; its partitioner is kept in the handle's tag, so that it is not lost when the engine
hands the same node back. Everything here is lazy but `collect`, `count`, `take`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tidemill import columns, ops
from tidemill.errors import IllegalStateError
from tidemill.serializers import collect_blocks
from tidemill.storagelevel import StorageLevel

if TYPE_CHECKING:
    from tidemill._engine import Block, Rdd
    from tidemill.context import SparkContext
    from tidemill.rdd import RDD

T = TypeVar("T")
U = TypeVar("U")


class Partitioner:
    """How keys are sent to partitions; two are equal when they send every key alike."""

    def __init__(self, numPartitions: int, partitionFunc: Callable[[Any], int]):
        self.numPartitions = numPartitions
        self.partitionFunc = partitionFunc

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Partitioner)
            and self.numPartitions == other.numPartitions
            and self.partitionFunc == other.partitionFunc
        )

    def __hash__(self) -> int:
        return hash((self.numPartitions, self.partitionFunc))

    def __call__(self, key: Any) -> int:
        return self.partitionFunc(key) % self.numPartitions


class CoreRDD(Generic[T]):
    """The part of `RDD` that everything else is composed from."""

    def __init__(self, handle: Rdd, ctx: SparkContext):
        self._handle = handle
        self.ctx = ctx
        self._level: StorageLevel | None = None
        self._checkpoint_file: str | None = None
        self._checkpoint_pending = False

    def __getnewargs__(self) -> Any:
        raise RuntimeError(
            "[RDD_TRANSFORM_ONLY_VALID_ON_DRIVER] It appears that you are attempting to broadcast "
            "an RDD or "
            "reference an RDD from an action or transformation. RDD transformations and actions "
            "can only be invoked "
            "by the driver, not inside of other transformations; for example, rdd1.map(lambda x: "
            "rdd2.values.count() * x) "
            "is invalid because the values transformation and count action cannot be performed "
            "inside of the rdd1.map "
            "transformation. For more information, see SPARK-5063."
        )

    def __repr__(self) -> str:
        name = self.name()
        return (
            f"{name + ' ' if name else ''}RDD[{self.id()}] ({self.getNumPartitions()} partitions)"
        )

    # How other files derive RDDs ------------------------------------------------------------

    def _derive(self, handle: Rdd, partitioner: Partitioner | None = None) -> RDD[Any]:
        from tidemill.rdd import RDD

        if partitioner is not None:
            handle.tag = partitioner
        return RDD(handle, self.ctx)

    def _pipe(
        self, op: Any, label: str, preserves: bool = False, hashing: int | None = None
    ) -> RDD[Any]:
        """Add a narrow operator; `preserves` when it leaves the keys as they are, `hashing` of the
        handle when what it does is right for the partitions as they are now."""
        handle = self._handle.pipe(op, label, hashing)
        return self._derive(handle, self.partitioner if preserves else None)

    @property
    def partitioner(self) -> Partitioner | None:
        """How the keys of this RDD were sent to its partitions, if they were."""
        tag = self._handle.tag
        return tag if isinstance(tag, Partitioner) else None

    def _run(
        self, partitions: list[int] | None = None, hashing: int | None = None
    ) -> list[list[Block]]:
        """Run a job; an action of several jobs hands over what `hashing` of the handle was before
        the first one, so that all of them see the same records in the same partitions."""
        properties = self.ctx._job_properties()
        blocks = self.ctx._engine.run_job(self._handle, partitions, properties, hashing)
        if self._checkpoint_pending:
            self._checkpoint_pending = False
            self._write_checkpoint()
        return blocks

    def _write_checkpoint(self) -> None:
        raise NotImplementedError

    def _default_partitions(self) -> int:
        """How many partitions a shuffle makes when the program does not say."""
        if self.ctx._conf.contains("spark.default.parallelism"):
            return self.ctx.defaultParallelism
        return self.getNumPartitions()

    # Identity and persistence ---------------------------------------------------------------

    def id(self) -> int:
        """Return the id of this RDD, unique within its SparkContext.

        Examples
        --------
        >>> rdd = sc.range(5)
        >>> rdd.id() == rdd.id()
        True
        """
        return self._handle.id

    @property
    def context(self) -> SparkContext:
        """The SparkContext that this RDD was created on.

        Examples
        --------
        >>> sc.range(5).context is sc
        True
        """
        return self.ctx

    def name(self) -> str | None:
        """Return the name of this RDD, None if it has none.

        Examples
        --------
        >>> sc.range(5).setName("five").name()
        'five'
        """
        return self._handle.name

    def setName(self, name: str) -> RDD[T]:
        """Give this RDD a name.

        Examples
        --------
        >>> sc.range(5).setName("five").name()
        'five'
        """
        self._handle.name = name
        return self  # type: ignore[return-value]

    def getNumPartitions(self) -> int:
        """Return the number of partitions.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4], 2).getNumPartitions()
        2
        """
        return self._handle.num_partitions

    def toDebugString(self) -> bytes:
        """Describe this RDD and what it is computed from.

        Examples
        --------
        >>> isinstance(sc.range(5).toDebugString(), bytes)
        True
        """
        return self._handle.explain().encode("utf-8")

    @property
    def is_cached(self) -> bool:
        """Whether partitions are kept after the first computation.

        Examples
        --------
        >>> sc.range(5).cache().is_cached
        True
        """
        return self._handle.is_persisted

    def cache(self) -> RDD[T]:
        """Keep the partitions in memory after the first computation.

        Examples
        --------
        >>> rdd = sc.range(5).cache()
        >>> rdd.count(), rdd.count()
        (5, 5)
        """
        return self.persist(StorageLevel.MEMORY_ONLY)

    def persist(self, storageLevel: StorageLevel = StorageLevel.MEMORY_ONLY) -> RDD[T]:
        """Keep the partitions after the first computation.

        Parameters
        ----------
        storageLevel : StorageLevel, optional
            MEMORY_ONLY by default.

        Raises
        ------
        IllegalStateError
            When another level was set before.

        Examples
        --------
        >>> sc.range(5).persist().is_cached
        True
        """
        if self.is_cached and self.getStorageLevel() != storageLevel:
            raise IllegalStateError(
                "Cannot change storage level of an RDD after it was already assigned a level; "
                f"it has {self.getStorageLevel()}. Call unpersist() first"
            )
        self._level = storageLevel
        self._handle.persist(storageLevel._name)
        return self  # type: ignore[return-value]

    def unpersist(self, blocking: bool = False) -> RDD[T]:
        """Give the kept partitions up.

        Examples
        --------
        >>> sc.range(5).cache().unpersist().is_cached
        False
        """
        self._level = None
        self._handle.unpersist()
        return self  # type: ignore[return-value]

    def getStorageLevel(self) -> StorageLevel:
        """Return the storage level.

        Examples
        --------
        >>> print(sc.range(5).getStorageLevel())
        Serialized 1x Replicated
        """
        if self._level is not None:
            return self._level
        return StorageLevel.MEMORY_ONLY if self.is_cached else StorageLevel.NONE

    # Narrow operators -----------------------------------------------------------------------

    def map(self, f: Callable[[T], U], preservesPartitioning: bool = False) -> RDD[U]:
        """Apply a function to each record.

        Parameters
        ----------
        f : callable
            From a record to a record.
        preservesPartitioning : bool, optional
            True only if `f` leaves the key of each pair as it is.

        Examples
        --------
        >>> sc.parallelize(["b", "a"]).map(lambda x: (x, 1)).collect()
        [('b', 1), ('a', 1)]
        """
        return self._pipe(partial(ops.map_records, f), "map", preservesPartitioning)

    def flatMap(self, f: Callable[[T], Iterable[U]], preservesPartitioning: bool = False) -> RDD[U]:
        """Apply a function to each record and chain what it returns.

        Examples
        --------
        >>> sc.parallelize(["a b", "c"]).flatMap(str.split).collect()
        ['a', 'b', 'c']
        """
        return self._pipe(partial(ops.flat_map, f), "flatMap", preservesPartitioning)

    def filter(self, f: Callable[[T], Any]) -> RDD[T]:
        """Keep the records for which a function is true.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4, 5]).filter(lambda x: x % 2 == 0).collect()
        [2, 4]
        """
        return self._pipe(partial(ops.filter_records, f), "filter", True)

    def mapPartitions(
        self, f: Callable[[Iterable[T]], Iterable[U]], preservesPartitioning: bool = False
    ) -> RDD[U]:
        """Apply a function to the iterator of each partition.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4], 2).mapPartitions(lambda it: [sum(it)]).collect()
        [3, 7]
        """
        return self._pipe(partial(ops.map_partition, f), "mapPartitions", preservesPartitioning)

    def mapPartitionsWithIndex(
        self, f: Callable[[int, Iterable[T]], Iterable[U]], preservesPartitioning: bool = False
    ) -> RDD[U]:
        """Apply a function to the index and the iterator of each partition.

        Examples
        --------
        >>> rdd = sc.parallelize([1, 2, 3, 4], 4)
        >>> rdd.mapPartitionsWithIndex(lambda i, it: [i]).sum()
        6
        """
        op = partial(ops.map_indexed, f)
        return self._pipe(op, "mapPartitionsWithIndex", preservesPartitioning)

    def mapArrow(self, f: Callable[[Any], Any], preservesPartitioning: bool = False) -> RDD[Any]:
        """Apply a function to whole columns: to Arrow batches of the records, in and out.

        A partition is given as batches of at most 10,000 records (the setting
        ``spark.sql.execution.arrow.maxRecordsPerBatch``), in order; for one without records the
        function is not called. Needs pyarrow: ``pip install 'tidemill[arrow]'``.

        Parameters
        ----------
        f : callable
            From a `pyarrow.RecordBatch` to a `pyarrow.RecordBatch` or `pyarrow.Table`, of any
            length. One column ``value`` holds records that are None, bool, int of 64 bits, float,
            str or list; columns ``_1``, ``_2``, ... the items of tuples; others the values of
            dicts, by key; so dicts of those names have no columns. Records must be of one type.
        preservesPartitioning : bool, optional
            True only if `f` leaves the key of each pair as it is.

        Raises
        ------
        ImportError
            When pyarrow is not installed.
        JobError
            From an action, when a record has no columns or `f` fails.

        Examples
        --------
        >>> import pyarrow as pa, pyarrow.compute as pc
        >>> def double(batch):
        ...     return pa.RecordBatch.from_arrays([pc.multiply(batch["value"], 2)], ["value"])
        >>> sc.parallelize([1, 2, 3], 2).mapArrow(double).collect()
        [2, 4, 6]
        """
        columns.require()
        rows = columns.rows_of(self.ctx._conf.get(columns.ROWS_KEY))
        piped = self._handle.pipe(partial(columns.map_arrow, f, rows), "mapArrow")
        # What it gives is typed. A boundary here makes what follows a stage of its own, which can
        # be compiled for that type.
        handle = self.ctx._engine.zip_partitions([piped], None, "mapArrow")
        return self._derive(handle, self.partitioner if preservesPartitioning else None)

    def mapValues(self, f: Callable[[Any], Any]) -> RDD[Any]:
        """Apply a function to each value of pairs; the keys stay where they are.

        Examples
        --------
        >>> sc.parallelize([("a", [1, 2]), ("b", [3])]).mapValues(len).collect()
        [('a', 2), ('b', 1)]
        """
        return self._pipe(partial(ops.map_values, f), "mapValues", True)

    def flatMapValues(self, f: Callable[[Any], Iterable[Any]]) -> RDD[Any]:
        """Apply a function to each value of pairs and pair each item with the key.

        Examples
        --------
        >>> sc.parallelize([("a", "xy"), ("b", "z")]).flatMapValues(list).collect()
        [('a', 'x'), ('a', 'y'), ('b', 'z')]
        """
        return self._pipe(partial(ops.flat_map_values, f), "flatMapValues", True)

    def glom(self) -> RDD[list[T]]:
        """Make one list of each partition.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4], 2).glom().collect()
        [[1, 2], [3, 4]]
        """
        return self._pipe(ops.glom, "glom")

    def keys(self) -> RDD[Any]:
        """Return the first item of each pair.

        Examples
        --------
        >>> sc.parallelize([(1, 2), (3, 4)]).keys().collect()
        [1, 3]
        """
        return self._pipe(ops.first_of_pair, "keys")

    def values(self) -> RDD[Any]:
        """Return the second item of each pair.

        Examples
        --------
        >>> sc.parallelize([(1, 2), (3, 4)]).values().collect()
        [2, 4]
        """
        return self._pipe(ops.second_of_pair, "values")

    def keyBy(self, f: Callable[[T], U]) -> RDD[tuple[U, T]]:
        """Pair each record with ``f(record)`` as its key.

        Examples
        --------
        >>> sc.parallelize([1, 2]).keyBy(lambda x: x * x).collect()
        [(1, 1), (4, 2)]
        """
        return self._pipe(partial(ops.map_records, lambda x: (f(x), x)), "keyBy")

    def union(self, other: RDD[Any]) -> RDD[Any]:
        """Put the partitions of another RDD after those of this one.

        Two RDDs partitioned alike stay so: their partitions are joined pairwise.

        Examples
        --------
        >>> sc.parallelize([1, 1]).union(sc.parallelize([2])).collect()
        [1, 1, 2]
        """
        return self.ctx.union([self, other])  # type: ignore[list-item]

    def __add__(self, other: RDD[Any]) -> RDD[Any]:
        if not isinstance(other, CoreRDD):
            raise TypeError(f"Expected an RDD to add, got {type(other).__name__}")
        return self.union(other)

    def coalesce(self, numPartitions: int, shuffle: bool = False) -> RDD[T]:
        """Join neighbouring partitions until there are `numPartitions`.

        Parameters
        ----------
        numPartitions : int
            Without a shuffle a greater number than there are changes nothing.
        shuffle : bool, optional
            Deal the records out anew, as `repartition` does.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4, 5], 3).coalesce(1).glom().collect()
        [[1, 2, 3, 4, 5]]
        """
        _check_partitions(numPartitions)
        if shuffle:
            op = partial(ops.scatter, 10)
            return self._derive(self._handle.shuffle(op, numPartitions, "repartition"))
        have = self.getNumPartitions()
        n = min(numPartitions, have)
        if n == have:
            return self._derive(self._handle.coalesce([[i] for i in range(have)]))
        groups = [list(range(i * have // n, (i + 1) * have // n)) for i in range(n)]
        return self._derive(self._handle.coalesce(groups))

    def repartition(self, numPartitions: int) -> RDD[T]:
        """Deal the records out to `numPartitions` partitions, ten at a time as PySpark does.

        Examples
        --------
        >>> sc.parallelize(range(40), 4).repartition(2).getNumPartitions()
        2
        """
        return self.coalesce(numPartitions, shuffle=True)

    def zip(self, other: RDD[U]) -> RDD[tuple[T, U]]:
        """Pair the records with those of another RDD, of the same partitions and lengths.

        Raises
        ------
        ValueError
            When the partition counts differ; different lengths fail the job.

        Examples
        --------
        >>> sc.range(3).zip(sc.range(10, 13)).collect()
        [(0, 10), (1, 11), (2, 12)]
        """
        if self.getNumPartitions() != other.getNumPartitions():
            raise ValueError("Can only zip with RDD which has the same number of partitions")
        return self._zip_partitions(other, ops.zip_records, "zip")

    def cartesian(self, other: RDD[U]) -> RDD[tuple[T, U]]:
        """Pair each record with each record of another RDD.

        Examples
        --------
        >>> rdd = sc.parallelize([1, 2])
        >>> sorted(rdd.cartesian(rdd).collect())
        [(1, 1), (1, 2), (2, 1), (2, 2)]
        """
        n, m = self.getNumPartitions(), other.getNumPartitions()
        left = self._derive(self._handle.coalesce([[i] for i in range(n) for _ in range(m)]))
        right = other._derive(other._handle.coalesce([[j] for _ in range(n) for j in range(m)]))
        return left._zip_partitions(right, ops.cross_records, "cartesian")

    def _zip_partitions(self, other: CoreRDD[Any], op: Any, label: str) -> RDD[Any]:
        engine = self.ctx._engine
        return self._derive(engine.zip_partitions([self._handle, other._handle], op, label))

    # The basic actions ----------------------------------------------------------------------

    def collect(self) -> list[T]:
        """Return all records as a list.

        Examples
        --------
        >>> sc.range(5).collect()
        [0, 1, 2, 3, 4]
        """
        return [record for blocks in self._run() for record in collect_blocks(blocks)]

    def count(self) -> int:
        """Return the number of records.

        Examples
        --------
        >>> sc.parallelize([2, 3, 4]).count()
        3
        """
        return sum(self._collect_through(ops.count_records, "count"))

    def _collect_through(self, op: Any, label: str) -> list[Any]:
        """Run one more operator and collect; one job on this RDD, for its checkpoint."""
        return self._collected(self._pipe(op, label))

    def _collected(self, piped: RDD[Any]) -> list[Any]:
        """Collect from an operator on this RDD."""
        found = piped.collect()
        if self._checkpoint_pending:
            self._checkpoint_pending = False
            self._write_checkpoint()
        return found

    def take(self, num: int) -> list[T]:
        """Return the first `num` records, computing no more partitions than needed.

        Examples
        --------
        >>> sc.range(100, numSlices=100).filter(lambda x: x > 90).take(3)
        [91, 92, 93]
        """
        items: list[T] = []
        total, scanned, hashing = self.getNumPartitions(), 0, self._handle.hashing
        while len(items) < num and scanned < total:
            tries = _partitions_to_try(num, len(items), scanned)
            wanted = list(range(scanned, min(scanned + tries, total)))
            for blocks in self._head(num - len(items))._run(wanted, hashing):
                items += collect_blocks(blocks)
            scanned += len(wanted)
        return items[: max(num, 0)]

    def _head(self, num: int) -> RDD[T]:
        """The first `num` records of each partition; blocks in memory as they are, for no worker
        could do with less than all of a block either."""
        if self._handle.in_memory:
            return self._derive(self._handle)
        return self._pipe(partial(ops.take_first, num), "take")

    def first(self) -> T:
        """Return the first record.

        Raises
        ------
        ValueError
            When there is none.

        Examples
        --------
        >>> sc.parallelize([2, 3, 4]).first()
        2
        """
        found = self.take(1)
        if not found:
            raise ValueError("RDD is empty")
        return found[0]

    def isEmpty(self) -> bool:
        """Tell whether there is no record.

        Examples
        --------
        >>> sc.parallelize(range(0)).isEmpty()
        True
        """
        return self.getNumPartitions() == 0 or not self.take(1)

    def foreach(self, f: Callable[[T], Any]) -> None:
        """Call a function with each record, in the workers.

        Examples
        --------
        >>> seen = sc.accumulator(0)
        >>> sc.parallelize([1, 2]).foreach(lambda x: seen.add(x))
        >>> seen.value
        3
        """
        self._collect_through(partial(ops.foreach, f), "foreach")

    def foreachPartition(self, f: Callable[[Iterable[T]], Any]) -> None:
        """Call a function with the iterator of each partition, in the workers.

        Examples
        --------
        >>> seen = sc.accumulator(0)
        >>> sc.parallelize([1, 2], 2).foreachPartition(lambda it: seen.add(len(list(it))))
        >>> seen.value
        2
        """
        self._collect_through(partial(ops.foreach_partition, f), "foreachPartition")

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[T]:
        """Iterate over all records, computing one partition at a time.

        Examples
        --------
        >>> list(sc.range(3).toLocalIterator())
        [0, 1, 2]
        """
        hashing = self._handle.hashing
        for index in range(self.getNumPartitions()):
            for blocks in self._run([index], hashing):
                yield from collect_blocks(blocks)


def _partitions_to_try(num: int, found: int, scanned: int) -> int:
    """One partition first; then by the yield so far, at most four times as many again."""
    if scanned == 0:
        return 1
    if found == 0:
        return scanned * 4
    return min(max(int(1.5 * num * scanned / found) - scanned, 1), scanned * 4)


def _check_partitions(n: int) -> None:
    if not isinstance(n, int) or n <= 0:
        raise ValueError(f"Number of partitions must be a positive int, got {n!r}")
