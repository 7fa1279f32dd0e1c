"""`PairRDD`: the operators by key - reduce, combine, group, cogroup, joins, set operations - as
compositions.

All go through one shuffle (`partitionBy`) with combining before and after it. Keys keep first-seen
order inside a partition, and `portable_hash` decides the partition, so results come in PySpark's
order. A side that is already partitioned alike is not shuffled again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tidemill import ops
from tidemill._engine import portable_hash
from tidemill.rdd_core import CoreRDD, Partitioner, _check_partitions

if TYPE_CHECKING:
    from tidemill.rdd import RDD

T = TypeVar("T")
PartitionFunc = Callable[[Any], int]


class PairRDD(CoreRDD[T]):
    """The operators on RDDs of (key, value) pairs."""

    def partitionBy(
        self, numPartitions: int | None, partitionFunc: PartitionFunc = portable_hash
    ) -> RDD[Any]:
        """Send each pair to the partition of its key.

        Parameters
        ----------
        numPartitions : int or None
            None for the number of partitions there are.
        partitionFunc : callable, optional
            From a key to an int; the partition is its remainder.

        Examples
        --------
        >>> pairs = sc.parallelize([1, 2, 3, 4, 2, 4, 1]).map(lambda x: (x, x))
        >>> [len(part) for part in pairs.partitionBy(2).glom().collect()]
        [4, 3]
        """
        n = self._default_partitions() if numPartitions is None else numPartitions
        if n == 0 and numPartitions is None:
            return self  # type: ignore[return-value]  # no partition, no record
        _check_partitions(n)
        partitioner = Partitioner(n, partitionFunc)
        if self.partitioner == partitioner:
            return self  # type: ignore[return-value]
        op = partial(ops.bucket_by_key, partitionFunc)
        return self._derive(self._handle.shuffle(op, n, "partitionBy"), partitioner)

    def _combine(
        self,
        before: Any,
        after: Any,
        label: str,
        numPartitions: int | None,
        partitionFunc: PartitionFunc,
    ) -> RDD[Any]:
        """Combine in each partition, shuffle, combine what came together."""
        local = self._pipe(before, label, True)
        # The count is this RDD's, as PySpark takes it.
        n = (self._default_partitions() or None) if numPartitions is None else numPartitions
        return local.partitionBy(n, partitionFunc)._pipe(after, label, True)

    def reduceByKey(
        self,
        func: Callable[[Any, Any], Any],
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
    ) -> RDD[Any]:
        """Reduce the values of each key, within partitions before they are shuffled.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 1)])
        >>> sorted(pairs.reduceByKey(lambda a, b: a + b).collect())
        [('a', 2), ('b', 1)]
        """
        op = partial(ops.reduce_by_key, func)
        return self._combine(op, op, "reduceByKey", numPartitions, partitionFunc)

    def combineByKey(
        self,
        createCombiner: Callable[[Any], Any],
        mergeValue: Callable[[Any, Any], Any],
        mergeCombiners: Callable[[Any, Any], Any],
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
    ) -> RDD[Any]:
        """Combine the values of each key into another type.

        Parameters
        ----------
        createCombiner : callable
            From a first value to a combiner.
        mergeValue : callable
            From a combiner and a value to a combiner.
        mergeCombiners : callable
            From two combiners of different partitions to one.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 2)], 1)
        >>> lists = pairs.combineByKey(lambda v: [v], lambda c, v: c + [v], lambda a, b: a + b)
        >>> sorted(lists.collect())
        [('a', [1, 2]), ('b', [1])]
        """
        before = partial(ops.combine_by_key, createCombiner, mergeValue)
        after = partial(ops.reduce_by_key, mergeCombiners)
        return self._combine(before, after, "combineByKey", numPartitions, partitionFunc)

    def aggregateByKey(
        self,
        zeroValue: Any,
        seqFunc: Callable[[Any, Any], Any],
        combFunc: Callable[[Any, Any], Any],
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
    ) -> RDD[Any]:
        """Aggregate the values of each key from a zero, copied for each key.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 2)])
        >>> count_sum = lambda x, y: (x[0] + 1, x[1] + y)
        >>> add = lambda x, y: (x[0] + y[0], x[1] + y[1])
        >>> sorted(pairs.aggregateByKey((0, 0), count_sum, add).collect())
        [('a', (2, 3)), ('b', (1, 1))]
        """

        def start(value: Any) -> Any:
            return seqFunc(zeroValue, value)

        def start_with_copy(value: Any) -> Any:
            from copy import deepcopy

            return seqFunc(deepcopy(zeroValue), value)

        first = start if _never_changes(zeroValue) else start_with_copy
        return self.combineByKey(first, seqFunc, combFunc, numPartitions, partitionFunc)

    def foldByKey(
        self,
        zeroValue: Any,
        func: Callable[[Any, Any], Any],
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
    ) -> RDD[Any]:
        """Fold the values of each key into a zero.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 1)])
        >>> sorted(pairs.foldByKey(0, lambda a, b: a + b).collect())
        [('a', 2), ('b', 1)]
        """
        return self.aggregateByKey(zeroValue, func, func, numPartitions, partitionFunc)

    def _group_lists(
        self,
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
        label: str = "groupByKey",
    ) -> RDD[Any]:
        """Group into ``(key, [values])``, one record per key."""
        before, after = ops.group_by_key, ops.merge_groups
        return self._combine(before, after, label, numPartitions, partitionFunc)

    def groupByKey(
        self, numPartitions: int | None = None, partitionFunc: PartitionFunc = portable_hash
    ) -> RDD[Any]:
        """Group the values of each key into a `ResultIterable`.

        Examples
        --------
        >>> pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 2)])
        >>> sorted(pairs.groupByKey().mapValues(list).collect())
        [('a', [1, 2]), ('b', [1])]
        """
        lists = self._group_lists(numPartitions, partitionFunc)
        return lists._pipe(ops.wrap_groups, "groupByKey", True)

    def groupBy(
        self,
        f: Callable[[T], Any],
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
    ) -> RDD[Any]:
        """Group the records by what a function returns for them.

        Examples
        --------
        >>> groups = sc.parallelize([1, 1, 2, 3, 5, 8]).groupBy(lambda x: x % 2)
        >>> sorted((key, sorted(values)) for key, values in groups.collect())
        [(0, [2, 8]), (1, [1, 1, 3, 5])]
        """
        return self.map(lambda x: (f(x), x)).groupByKey(numPartitions, partitionFunc)

    def distinct(self, numPartitions: int | None = None) -> RDD[T]:
        """Return each record once.

        Examples
        --------
        >>> sorted(sc.parallelize([1, 1, 2, 3]).distinct().collect())
        [1, 2, 3]
        """
        pairs = self._pipe(ops.pair_with_none, "distinct")
        return pairs.reduceByKey(_first, numPartitions).keys()

    # Several RDDs ---------------------------------------------------------------------------

    def cogroup(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Group the values of each key of this and another RDD, side by side.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1), ("b", 4)])
        >>> y = sc.parallelize([("a", 2)])
        >>> sorted((k, tuple(map(list, v))) for k, v in x.cogroup(y).collect())
        [('a', ([1], [2])), ('b', ([4], []))]
        """
        return self.groupWith(other, numPartitions=numPartitions)

    def groupWith(
        self, other: RDD[Any], *others: RDD[Any], numPartitions: int | None = None
    ) -> RDD[Any]:
        """Group the values of each key of several RDDs, side by side.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1)])
        >>> [(k, tuple(map(list, v))) for k, v in x.groupWith(x, x).collect()]
        [('a', ([1], [1], [1]))]
        """
        sides = 2 + len(others)
        tagged = self._tagged((other, *others), numPartitions, "cogroup")
        return tagged._pipe(partial(ops.split_sides, sides), "cogroup", True)

    def _tagged(
        self, others: Iterable[RDD[Any]], numPartitions: int | None, label: str
    ) -> RDD[Any]:
        """Group ``(side, value)`` by key over this RDD and others."""
        sides: list[Any] = [self, *others]
        tagged = [
            rdd._pipe(partial(ops.tag_values, side), label, True) for side, rdd in enumerate(sides)
        ]
        joined = tagged[0]
        for rdd in tagged[1:]:
            joined = joined.union(rdd)
        return joined._group_lists(numPartitions, label=label)

    def _join(
        self,
        other: RDD[Any],
        numPartitions: int | None,
        keep_left: bool,
        keep_right: bool,
        label: str,
    ) -> RDD[Any]:
        op = partial(ops.join_sides, keep_left, keep_right)
        return self._tagged([other], numPartitions, label)._pipe(op, label, True)

    def join(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Pair the values of the keys that both RDDs have.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1), ("b", 4)])
        >>> y = sc.parallelize([("a", 2), ("a", 3)])
        >>> sorted(x.join(y).collect())
        [('a', (1, 2)), ('a', (1, 3))]
        """
        return self._join(other, numPartitions, False, False, "join")

    def leftOuterJoin(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Join, keeping the keys of this RDD; None stands for a missing value.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1), ("b", 4)])
        >>> sorted(x.leftOuterJoin(sc.parallelize([("a", 2)])).collect())
        [('a', (1, 2)), ('b', (4, None))]
        """
        return self._join(other, numPartitions, True, False, "leftOuterJoin")

    def rightOuterJoin(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Join, keeping the keys of the other RDD; None stands for a missing value.

        Examples
        --------
        >>> x = sc.parallelize([("a", 2)])
        >>> sorted(x.rightOuterJoin(sc.parallelize([("a", 1), ("b", 4)])).collect())
        [('a', (2, 1)), ('b', (None, 4))]
        """
        return self._join(other, numPartitions, False, True, "rightOuterJoin")

    def fullOuterJoin(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Join, keeping all keys; None stands for a missing value.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1), ("b", 4)])
        >>> sorted(x.fullOuterJoin(sc.parallelize([("a", 2), ("c", 8)])).collect())
        [('a', (1, 2)), ('b', (4, None)), ('c', (None, 8))]
        """
        return self._join(other, numPartitions, True, True, "fullOuterJoin")

    def subtractByKey(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Keep the pairs whose key another RDD has not got.

        Examples
        --------
        >>> x = sc.parallelize([("a", 1), ("b", 4), ("b", 5)])
        >>> sorted(x.subtractByKey(sc.parallelize([("a", 3)])).collect())
        [('b', 4), ('b', 5)]
        """
        tagged = self._tagged([other], numPartitions, "subtractByKey")
        return tagged._pipe(ops.left_sides, "subtractByKey", True)

    def subtract(self, other: RDD[Any], numPartitions: int | None = None) -> RDD[T]:
        """Keep the records that another RDD has not got.

        Examples
        --------
        >>> sorted(sc.parallelize([1, 1, 2, 3]).subtract(sc.parallelize([3])).collect())
        [1, 1, 2]
        """
        left = self._pipe(ops.pair_with_none, "subtract")
        right = other._pipe(ops.pair_with_none, "subtract")
        return left.subtractByKey(right, numPartitions).keys()

    def intersection(self, other: RDD[Any]) -> RDD[T]:
        """Return, once each, the records that both RDDs have.

        Examples
        --------
        >>> sorted(sc.parallelize([1, 1, 2, 3]).intersection(sc.parallelize([1, 3, 4])).collect())
        [1, 3]
        """
        left = self._pipe(ops.pair_with_none, "intersection")
        right = other._pipe(ops.pair_with_none, "intersection")
        tagged = left._tagged([right], None, "intersection")
        return tagged._pipe(ops.common_keys, "intersection")


def _first(a: Any, _: Any) -> Any:
    return a


def _never_changes(value: Any) -> bool:
    """Whether a value need not be copied for each key: nothing can change it."""
    if type(value) is tuple:
        return all(map(_never_changes, value))
    return value is None or type(value) in (bool, int, float, str, bytes)
