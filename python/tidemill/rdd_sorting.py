"""`SortingRDD`: sorting by range partitions, indexing, sampling.

Sorting samples the keys first (a job), as PySpark does, so that the partitions hold ranges of about
equal size; the sample and so the ranges are PySpark's.
"""

from __future__ import annotations

import random
import sys
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from tidemill import ops, sampling
from tidemill._engine import portable_hash
from tidemill.rdd_pairs import PairRDD, PartitionFunc

if TYPE_CHECKING:
    from tidemill.rdd import RDD

T = TypeVar("T")


def identity(x: Any) -> Any:
    """Return the argument."""
    return x


class SortingRDD(PairRDD[T]):
    """Sorting, indexing and sampling."""

    def sortByKey(
        self,
        ascending: bool = True,
        numPartitions: int | None = None,
        keyfunc: Callable[[Any], Any] = identity,
    ) -> RDD[Any]:
        """Sort pairs by key.

        Parameters
        ----------
        ascending : bool, optional
        numPartitions : int, optional
        keyfunc : callable, optional
            From a key to what is compared.

        Examples
        --------
        >>> sc.parallelize([("b", 2), ("a", 1), ("c", 3)]).sortByKey().collect()
        [('a', 1), ('b', 2), ('c', 3)]
        """
        n = self._default_partitions() if numPartitions is None else numPartitions
        sort = partial(ops.sort_records, keyfunc, not ascending)
        if n == 1:
            return self.coalesce(1)._pipe(sort, "sortByKey", True)
        size = self.count()
        if not size:
            return self  # type: ignore[return-value]
        sample = self.sample(False, min(n * 20.0 / size, 1.0), 1).keys().collect()
        keys = sorted(map(keyfunc, sample))
        bounds = [keys[len(keys) * (i + 1) // n] for i in range(n - 1)] if keys else []
        ranges = partial(_range_of, bounds, keyfunc, None if ascending else n - 1)
        return self.partitionBy(n, ranges)._pipe(sort, "sortByKey", True)

    def sortBy(
        self,
        keyfunc: Callable[[T], Any],
        ascending: bool = True,
        numPartitions: int | None = None,
    ) -> RDD[T]:
        """Sort by what a function returns for each record.

        Examples
        --------
        >>> sc.parallelize([3, 1, 2]).sortBy(lambda x: x, ascending=False).collect()
        [3, 2, 1]
        """
        return self.keyBy(keyfunc).sortByKey(ascending, numPartitions).values()

    def repartitionAndSortWithinPartitions(
        self,
        numPartitions: int | None = None,
        partitionFunc: PartitionFunc = portable_hash,
        ascending: bool = True,
        keyfunc: Callable[[Any], Any] = identity,
    ) -> RDD[Any]:
        """Send pairs to the partitions of their keys and sort each partition by key.

        Examples
        --------
        >>> rdd = sc.parallelize([(0, 5), (3, 8), (2, 6), (0, 8), (3, 8), (1, 3)])
        >>> rdd.repartitionAndSortWithinPartitions(2).glom().collect()
        [[(0, 5), (0, 8), (2, 6)], [(1, 3), (3, 8), (3, 8)]]
        """
        shuffled = self.partitionBy(numPartitions, partitionFunc)
        sort = partial(ops.sort_records, keyfunc, not ascending)
        return shuffled._pipe(sort, "repartitionAndSortWithinPartitions", True)

    def zipWithIndex(self) -> RDD[tuple[T, int]]:
        """Pair each record with its position in the RDD; a job counts the partitions first.

        Examples
        --------
        >>> sc.parallelize(["a", "b", "c", "d"], 3).zipWithIndex().collect()
        [('a', 0), ('b', 1), ('c', 2), ('d', 3)]
        """
        hashing = self._handle.hashing
        counts = self._pipe(ops.count_records, "zipWithIndex", hashing=hashing)
        starts = [0, *accumulate(self._collected(counts))]
        op = partial(
            ops.map_indexed,
            lambda index, records: ((x, starts[index] + i) for i, x in enumerate(records)),
        )
        return self._pipe(op, "zipWithIndex", hashing=hashing)

    def zipWithUniqueId(self) -> RDD[tuple[T, int]]:
        """Pair each record with an id that no other has, without a job.

        Examples
        --------
        >>> sc.parallelize(["a", "b", "c", "d", "e"], 3).zipWithUniqueId().collect()
        [('a', 0), ('b', 1), ('c', 4), ('d', 2), ('e', 5)]
        """
        n = self.getNumPartitions()
        return self.mapPartitionsWithIndex(
            lambda index, records: ((x, i * n + index) for i, x in enumerate(records))
        )

    def sample(self, withReplacement: bool, fraction: float, seed: int | None = None) -> RDD[T]:
        """Keep a random part of the records.

        Parameters
        ----------
        withReplacement : bool
            Whether a record may come several times.
        fraction : float
            Expected size of the sample as a fraction; at least 0.
        seed : int, optional

        Examples
        --------
        >>> sc.parallelize(range(20), 2).sample(False, 0.3, 7).collect()
        [0, 2, 4, 9, 10, 16, 19]
        """
        if not fraction >= 0:
            raise ValueError(f"Fraction must be nonnegative, got {fraction!r}")
        if withReplacement:
            op = partial(sampling.repeated, fraction, _seed(seed))
        else:
            op = partial(sampling.between, 0.0, fraction, _seed(seed))
        return self._pipe(op, "sample", True)

    def sampleByKey(
        self, withReplacement: bool, fractions: dict[Any, float], seed: int | None = None
    ) -> RDD[Any]:
        """Keep a random part of the pairs, with a fraction for each key.

        Examples
        --------
        >>> sc.parallelize([("a", 1), ("b", 2)]).sampleByKey(False, {"a": 1.0, "b": 0.0}).collect()
        [('a', 1)]
        """
        for fraction in fractions.values():
            if fraction < 0:
                raise ValueError(f"Negative fraction value: {fraction}")
        op = partial(sampling.by_key, withReplacement, fractions, _seed(seed))
        return self._pipe(op, "sampleByKey", True)

    def randomSplit(self, weights: list[float], seed: int | None = None) -> list[RDD[T]]:
        """Split at random into RDDs whose sizes follow the weights.

        Examples
        --------
        >>> one, rest = sc.parallelize(range(10), 2).randomSplit([1, 1], 3)
        >>> sorted(one.collect() + rest.collect()) == list(range(10))
        True
        """
        if any(weight < 0 for weight in weights):
            raise ValueError("Weights must be nonnegative")
        total = float(sum(weights))
        if total <= 0:
            raise ValueError("Sum of weights must be positive")
        steps = [0.0, *accumulate(weight / total for weight in weights)]
        chosen = random.randint(0, 2**32 - 1) if seed is None else seed
        hashing = self._handle.hashing
        return [
            self._pipe(partial(sampling.between, low, high, chosen), "randomSplit", True, hashing)
            for low, high in zip(steps, steps[1:])
        ]

    def takeSample(self, withReplacement: bool, num: int, seed: int | None = None) -> list[T]:
        """Return `num` records picked at random.

        Examples
        --------
        >>> sc.parallelize(range(20), 2).takeSample(False, 4, 7)
        [17, 15, 11, 18]
        """
        if num < 0:
            raise ValueError("Sample size cannot be negative.")
        size = self.count() if num else 0
        if not size:
            return []
        rand = random.Random(seed)
        if not withReplacement and num >= size:
            samples = self.collect()
        else:
            fraction = sampling.fraction_for(num, size, withReplacement)
            samples = self.sample(withReplacement, fraction, seed).collect()
            while len(samples) < num:
                again = rand.randint(0, sys.maxsize)
                samples = self.sample(withReplacement, fraction, again).collect()
        rand.shuffle(samples)
        return samples[:num]


def _seed(seed: int | None) -> int:
    return random.randint(0, sys.maxsize) if seed is None else seed


def _range_of(bounds: list[Any], keyfunc: Callable[[Any], Any], last: int | None, key: Any) -> int:
    """The partition of a key; counted from `last` downwards when descending."""
    place = bisect_left(bounds, keyfunc(key))
    return place if last is None else last - place
