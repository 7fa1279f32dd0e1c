"""`ActionRDD`: the actions that bring one answer to the driver, as short compositions over partial
answers.

Each partition's part is computed in a worker; the driver merges the parts in partition order. A
StopIteration of a user's function on the driver becomes an error, as it does in the workers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial, reduce
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeVar

from tidemill import ops
from tidemill._engine import portable_hash
from tidemill.rdd_sorting import SortingRDD
from tidemill.serializers import collect_blocks
from tidemill.statcounter import StatCounter

if TYPE_CHECKING:
    from tidemill.rdd import RDD

T = TypeVar("T")
Merge = Callable[[Any, Any], Any]


class ActionRDD(SortingRDD[T]):
    """The actions beyond collect, count and take."""

    def reduce(self, f: Callable[[T, T], T]) -> T:
        """Reduce all records to one.

        Raises
        ------
        ValueError
            When there is no record.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4, 5]).reduce(lambda a, b: a + b)
        15
        """
        return self._reduced(f, "reduce")

    def _reduced(self, f: Callable[[T, T], T], label: str) -> T:
        parts = self._collect_through(partial(ops.reduce_records, f), label)
        if not parts:
            raise ValueError("Can not reduce() empty RDD")
        return reduce(_no_stop(f), parts)

    def fold(self, zeroValue: T, op: Callable[[T, T], T]) -> T:
        """Fold each partition, then their results, into a zero.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3, 4, 5]).fold(0, lambda a, b: a + b)
        15
        """
        parts = self._collect_through(partial(ops.fold_records, zeroValue, op), "fold")
        return reduce(_no_stop(op), parts, zeroValue)

    def aggregate(self, zeroValue: Any, seqOp: Merge, combOp: Merge) -> Any:
        """Aggregate each partition into a zero, then combine the results.

        Examples
        --------
        >>> seq = lambda acc, x: (acc[0] + x, acc[1] + 1)
        >>> comb = lambda a, b: (a[0] + b[0], a[1] + b[1])
        >>> sc.parallelize([1, 2, 3, 4]).aggregate((0, 0), seq, comb)
        (10, 4)
        """
        parts = self._collect_through(partial(ops.fold_records, zeroValue, seqOp), "aggregate")
        return reduce(_no_stop(combOp), parts, zeroValue)

    def treeReduce(self, f: Callable[[T, T], T], depth: int = 2) -> T:
        """Reduce in a tree of shuffles, for many partitions.

        Examples
        --------
        >>> sc.parallelize([-5, -4, 1, 2, 3], 10).treeReduce(lambda a, b: a + b)
        -3
        """
        parts = self._pipe(partial(ops.reduce_records, f), "treeReduce")
        return _tree(parts, f, depth).reduce(f)

    def treeAggregate(self, zeroValue: Any, seqOp: Merge, combOp: Merge, depth: int = 2) -> Any:
        """Aggregate in a tree of shuffles, for many partitions.

        Examples
        --------
        >>> add = lambda a, b: a + b
        >>> sc.parallelize([-5, -4, 1, 2, 3], 10).treeAggregate(0, add, add)
        -3
        """
        if self.getNumPartitions() == 0:
            return zeroValue
        parts = self._pipe(partial(ops.fold_records, zeroValue, seqOp), "treeAggregate")
        return _tree(parts, combOp, depth).reduce(combOp)

    # Numbers --------------------------------------------------------------------------------

    def sum(self) -> Any:
        """Add the records up.

        Examples
        --------
        >>> sc.parallelize([1.0, 2.0, 3.0]).sum()
        6.0
        """
        return sum(self._collect_through(ops.sum_records, "sum"))

    def max(self, key: Callable[[T], Any] | None = None) -> T:
        """Return the greatest record, by itself or by a key.

        Examples
        --------
        >>> sc.parallelize([1.0, 5.0, 43.0, 10.0]).max()
        43.0
        """
        return self._reduced(max if key is None else _greater(key), "max")

    def min(self, key: Callable[[T], Any] | None = None) -> T:
        """Return the least record, by itself or by a key.

        Examples
        --------
        >>> sc.parallelize([2.0, 5.0, 43.0, 10.0]).min()
        2.0
        """
        return self._reduced(min if key is None else _less(key), "min")

    def stats(self) -> StatCounter:
        """Return count, mean, deviation and extremes, in one job.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3]).stats().mean()
        2.0
        """
        parts = self._collect_through(ops.summarize_records, "stats")
        return reduce(StatCounter.mergeStats, starmap(StatCounter.of, parts), StatCounter())

    def mean(self) -> float:
        """Return the mean; 0.0 of nothing.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3]).mean()
        2.0
        """
        return self.stats().mean()

    def variance(self) -> float:
        """Return the population variance.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3]).variance()
        0.6666666666666666
        """
        return self.stats().variance()

    def stdev(self) -> float:
        """Return the population standard deviation.

        Examples
        --------
        >>> round(sc.parallelize([1, 2, 3]).stdev(), 3)
        0.816
        """
        return self.stats().stdev()

    def sampleVariance(self) -> float:
        """Return the sample variance.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3]).sampleVariance()
        1.0
        """
        return self.stats().sampleVariance()

    def sampleStdev(self) -> float:
        """Return the sample standard deviation.

        Examples
        --------
        >>> sc.parallelize([1, 2, 3]).sampleStdev()
        1.0
        """
        return self.stats().sampleStdev()

    # Ordered --------------------------------------------------------------------------------

    def top(self, num: int, key: Callable[[T], Any] | None = None) -> list[T]:
        """Return the `num` greatest records, greatest first.

        Examples
        --------
        >>> sc.parallelize([2, 3, 4, 5, 6], 2).top(2)
        [6, 5]
        """
        return self._extreme("top", num, key, True)

    def takeOrdered(self, num: int, key: Callable[[T], Any] | None = None) -> list[T]:
        """Return the `num` least records, least first.

        Examples
        --------
        >>> sc.parallelize([10, 1, 2, 9, 3, 4, 5, 6, 7]).takeOrdered(3)
        [1, 2, 3]
        """
        return self._extreme("takeOrdered", num, key, False)

    def _extreme(self, label: str, num: int, key: Any, greatest: bool) -> list[T]:
        op = partial(ops.extreme_records, num, key, greatest)
        return list(op(0, self._collect_through(op, label)))

    # By key or value ------------------------------------------------------------------------

    def countByValue(self) -> dict[T, int]:
        """Return how often each record comes.

        Examples
        --------
        >>> sorted(sc.parallelize([1, 2, 1, 2, 2], 2).countByValue().items())
        [(1, 2), (2, 3)]
        """
        counts: dict[T, int] = defaultdict(int)
        for value, count in self._collect_through(ops.count_values, "countByValue"):
            counts[value] += count
        return counts

    def countByKey(self) -> dict[Any, int]:
        """Return how often each key comes.

        Examples
        --------
        >>> sorted(sc.parallelize([("a", 1), ("b", 1), ("a", 1)]).countByKey().items())
        [('a', 2), ('b', 1)]
        """
        return self.keys().countByValue()

    def collectAsMap(self) -> dict[Any, Any]:
        """Return the pairs as a dict; the last value of a key wins.

        Examples
        --------
        >>> sc.parallelize([(1, 2), (3, 4)]).collectAsMap()
        {1: 2, 3: 4}
        """
        return dict(self.collect())  # type: ignore[arg-type]

    def reduceByKeyLocally(self, func: Merge) -> dict[Any, Any]:
        """Reduce the values of each key and return a dict.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 1)])
        >>> sorted(pairs.reduceByKeyLocally(lambda a, b: a + b).items())
        [('a', 2), ('b', 1)]
        """
        parts = self._collect_through(partial(ops.reduce_by_key, func), "reduceByKeyLocally")
        return dict(ops.reduce_by_key(func, 0, parts))

    def lookup(self, key: Any) -> list[Any]:
        """Return the values of a key, from its partition alone where that is known.

        Examples
        --------
        >>> rdd = sc.parallelize(zip(range(100), range(100)), 10)
        >>> rdd.lookup(42), rdd.sortByKey().lookup(42)
        ([42], [42])
        """
        values = self.filter(partial(_has_key, key)).values()
        if self.partitioner is None:
            return values.collect()
        hashing = self._handle.hashing
        found = values._run([self._partition_of(key, hashing)], hashing)
        return [value for blocks in found for value in collect_blocks(blocks)]

    def _partition_of(self, key: Any, hashing: int | None) -> int:
        """Where the records of a key are; a worker is asked where this process cannot tell."""
        to = self.partitioner
        assert to is not None, "an RDD without a partitioner"
        if to.partitionFunc is portable_hash and _is_hashed_everywhere(key):
            return to(key)
        asked = self.ctx.parallelize([key], 1)._pipe(partial(ops.partition_of, to), "lookup")
        ((block,),) = asked._run(None, hashing)
        return int(collect_blocks([block])[0])

    def histogram(self, buckets: Any) -> tuple[Any, list[int]]:
        """Count the records that fall between boundaries.

        Parameters
        ----------
        buckets : int or sorted list
            A number of equal buckets between the least and the greatest record, or the boundaries.
            Each bucket is open to the right but the last, which is closed.

        Examples
        --------
        >>> sc.parallelize(range(51)).histogram(2)
        ([0, 25, 50], [25, 26])
        """
        bounds = self._even_buckets(buckets) if isinstance(buckets, int) else buckets
        if len(bounds) < 2:
            raise ValueError("buckets should have more than one value")
        if any(a > b for a, b in zip(bounds, bounds[1:])):
            raise ValueError("buckets should be sorted")
        if len(set(bounds)) != len(bounds) and not isinstance(buckets, int):
            raise ValueError("buckets should not contain duplicated values")
        parts = self._collect_through(partial(ops.histogram_records, bounds), "histogram")
        return bounds, [sum(counts) for counts in zip(*parts)] or [0] * (len(bounds) - 1)

    def _even_buckets(self, n: int) -> list[Any]:
        if n < 1:
            raise ValueError("number of buckets must be >= 1")
        found = self.stats()
        if not found.count():
            raise ValueError("can not generate buckets from empty RDD")
        low, high = found.min(), found.max()
        if math.isinf(low) or math.isinf(high) or math.isnan(low) or math.isnan(high):
            raise ValueError("can not generate buckets with infinite or nan value")
        if low == high or n == 1:
            return [low, high]
        step = (high - low) / n
        if isinstance(low, int) and isinstance(high, int) and step == int(step):
            step = int(step)
        return [low + step * i for i in range(n)] + [high]

    # Approximations: the exact answer is also an approximate one ----------------------------

    def countApprox(self, timeout: int, confidence: float = 0.95) -> int:
        """Return the number of records; the exact answer, whatever the timeout.

        Examples
        --------
        >>> sc.parallelize(range(1000), 10).countApprox(1000, 1.0)
        1000
        """
        return self.count()

    def sumApprox(self, timeout: int, confidence: float = 0.95) -> float:
        """Return the sum; the exact answer, whatever the timeout.

        Examples
        --------
        >>> sc.parallelize(range(5)).sumApprox(1000)
        10.0
        """
        return float(self.sum())

    def meanApprox(self, timeout: int, confidence: float = 0.95) -> float:
        """Return the mean; the exact answer, whatever the timeout.

        Examples
        --------
        >>> sc.parallelize(range(5)).meanApprox(1000)
        2.0
        """
        return self.mean()

    def countApproxDistinct(self, relativeSD: float = 0.05) -> int:
        """Return the number of distinct records; the exact answer, whatever the deviation.

        Examples
        --------
        >>> sc.parallelize([1, 2, 2]).countApproxDistinct()
        2
        """
        return self.distinct().count()


def _no_stop(f: Merge) -> Merge:
    def call(a: Any, b: Any) -> Any:
        try:
            return f(a, b)
        except StopIteration as error:
            text = "Caught StopIteration thrown from user's code; failing the task"
            raise RuntimeError(text) from error

    return call


def _tree(parts: RDD[Any], f: Merge, depth: int) -> RDD[Any]:
    if depth < 1:
        raise ValueError(f"Depth cannot be smaller than 1 but got {depth}.")
    n = parts.getNumPartitions()
    scale = max(math.ceil(n ** (1.0 / depth)), 2)
    while n > scale + n / scale:
        n = int(n / scale)
        spread = parts.mapPartitionsWithIndex(partial(_to_index, n))
        parts = spread.reduceByKey(f, n).values()
    return parts


def _to_index(n: int, index: int, records: Iterable[Any]) -> Iterable[Any]:
    return ((index % n, record) for record in records)


def _greater(key: Callable[[Any], Any]) -> Merge:
    """Return ``max`` of two by a key, as it calls the key and compares."""

    def greater(a: Any, b: Any) -> Any:
        first, second = key(a), key(b)
        return b if second > first else a

    return greater


def _less(key: Callable[[Any], Any]) -> Merge:
    """Return ``min`` of two by a key."""

    def less(a: Any, b: Any) -> Any:
        first, second = key(a), key(b)
        return b if second < first else a

    return less


def _is_hashed_everywhere(key: Any) -> bool:
    """Whether `portable_hash` of a key is the same in all processes: not seeded, of no address.

    Examples
    --------
    >>> _is_hashed_everywhere(("a", 1, None, (2.5, b"c")))
    True
    >>> _is_hashed_everywhere(("a", frozenset("b"))), _is_hashed_everywhere(float("nan"))
    (False, False)
    """
    if type(key) is tuple:
        return all(map(_is_hashed_everywhere, key))
    if type(key) is float:
        return key == key
    return key is None or type(key) in (bool, int, str, bytes)


def _has_key(key: Any, pair: Any) -> bool:
    return bool(pair[0] == key)
