"""Operations of a DStream of (key, value) pairs, each batch on its own.

Invariant: every method is the RDD method of the same name applied to each batch's RDD, with
the context's default parallelism where no number of partitions is given. Mixed into `DStream`
(hence `self: Any`: a type checker takes no mix-in's self as the class it is mixed into).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from tidemill.rdd import portable_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidemill.resultiterable import ResultIterable
    from tidemill.streaming.dstream import DStream


class PairOperations:
    """The pair methods of `DStream`."""

    def mapValues(self: Any, f: Callable[[Any], Any]) -> DStream[tuple[Any, Any]]:
        """Return a stream with `f` applied to each pair's value, keys and partitions kept.

        Parameters
        ----------
        f : callable
            Value to value.

        Returns
        -------
        DStream of (key, value)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1)]])
        >>> collect_batches(stream.mapValues(lambda n: -n), 1)
        [[('a', -1)]]
        """
        return self.transform(lambda rdd: rdd.mapValues(f))

    def flatMapValues(self: Any, f: Callable[[Any], Iterable[Any]]) -> DStream[tuple[Any, Any]]:
        """Return a stream with a pair for each element of `f(value)`, keys kept.

        Parameters
        ----------
        f : callable
            Value to an iterable of values.

        Returns
        -------
        DStream of (key, value)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", "xy")]])
        >>> collect_batches(stream.flatMapValues(list), 1)
        [[('a', 'x'), ('a', 'y')]]
        """
        return self.transform(lambda rdd: rdd.flatMapValues(f))

    def reduceByKey(
        self: Any, func: Callable[[Any, Any], Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, Any]]:
        """Return a stream with each batch's values reduced per key.

        Parameters
        ----------
        func : callable
            Associative and commutative reduction of two values.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, value)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1), ("a", 2)], [("a", 3)]])
        >>> collect_batches(stream.reduceByKey(lambda a, b: a + b), 2)
        [[('a', 3)], [('a', 3)]]
        """
        n = self._partitions(numPartitions)
        return self.transform(lambda rdd: rdd.reduceByKey(func, n))

    def combineByKey(
        self: Any,
        createCombiner: Callable[[Any], Any],
        mergeValue: Callable[[Any, Any], Any],
        mergeCombiners: Callable[[Any, Any], Any],
        numPartitions: int | None = None,
    ) -> DStream[tuple[Any, Any]]:
        """Return a stream with each batch's values combined per key.

        Parameters
        ----------
        createCombiner : callable
            First value of a key to a combiner.
        mergeValue : callable
            Combiner and value to combiner.
        mergeCombiners : callable
            Two combiners to one.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, combiner)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1), ("a", 2)]])
        >>> digits = stream.combineByKey(str, lambda s, n: s + str(n), lambda s, t: s + t)
        >>> collect_batches(digits, 1)
        [[('a', '12')]]
        """
        n = self._partitions(numPartitions)
        return self.transform(
            lambda rdd: rdd.combineByKey(createCombiner, mergeValue, mergeCombiners, n)
        )

    def groupByKey(
        self: Any, numPartitions: int | None = None
    ) -> DStream[tuple[Any, ResultIterable]]:
        """Return a stream with each batch's values grouped per key.

        Parameters
        ----------
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, ResultIterable)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1), ("a", 2)]])
        >>> collect_batches(stream.groupByKey().mapValues(list), 1)
        [[('a', [1, 2])]]
        """
        n = self._partitions(numPartitions)
        return self.transform(lambda rdd: rdd.groupByKey(n))

    def partitionBy(
        self: Any, numPartitions: int, partitionFunc: Callable[[Any], int] = portable_hash
    ) -> DStream[tuple[Any, Any]]:
        """Return a stream with each pair in the partition that its key belongs to.

        Parameters
        ----------
        numPartitions : int
            Partitions of the result.
        partitionFunc : callable, optional
            Key to an int; the partition is that modulo `numPartitions`.

        Returns
        -------
        DStream of (key, value)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[(1, "a"), (2, "b")]])
        >>> collect_batches(stream.partitionBy(2).glom(), 1)
        [[[(2, 'b')], [(1, 'a')]]]
        """
        return self.transform(lambda rdd: rdd.partitionBy(numPartitions, partitionFunc))

    def cogroup(
        self: Any, other: DStream[Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, tuple[ResultIterable, ResultIterable]]]:
        """Return a stream of (key, (values here, values in `other`)).

        Parameters
        ----------
        other : DStream
            Stream of pairs with the same slide duration.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, (ResultIterable, ResultIterable))

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[("a", 1)]]), ssc.queueStream([[("a", 2)]])
        >>> groups = one.cogroup(two).mapValues(lambda sides: [list(side) for side in sides])
        >>> collect_batches(groups, 1)
        [[('a', [[1], [2]])]]
        """
        n = self._partitions(numPartitions)
        return self.transformWith(lambda a, b: a.cogroup(b, n), other)

    def join(
        self: Any, other: DStream[Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, tuple[Any, Any]]]:
        """Return a stream of (key, (value here, value in `other`)) for keys on both sides.

        Parameters
        ----------
        other : DStream
            Stream of pairs with the same slide duration.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, (value, value))

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[("a", 1)]]), ssc.queueStream([[("a", 2)]])
        >>> collect_batches(one.join(two), 1)
        [[('a', (1, 2))]]
        """
        n = self._partitions(numPartitions)
        return self.transformWith(lambda a, b: a.join(b, n), other)

    def leftOuterJoin(
        self: Any, other: DStream[Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, tuple[Any, Any]]]:
        """Return the join that keeps every key of this stream; a missing value is None.

        Parameters
        ----------
        other : DStream
            Stream of pairs with the same slide duration.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, (value, value or None))

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[("a", 1)]]), ssc.queueStream([[("b", 2)]])
        >>> collect_batches(one.leftOuterJoin(two), 1)
        [[('a', (1, None))]]
        """
        n = self._partitions(numPartitions)
        return self.transformWith(lambda a, b: a.leftOuterJoin(b, n), other)

    def rightOuterJoin(
        self: Any, other: DStream[Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, tuple[Any, Any]]]:
        """Return the join that keeps every key of `other`; a missing value is None.

        Parameters
        ----------
        other : DStream
            Stream of pairs with the same slide duration.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, (value or None, value))

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[("a", 1)]]), ssc.queueStream([[("b", 2)]])
        >>> collect_batches(one.rightOuterJoin(two), 1)
        [[('b', (None, 2))]]
        """
        n = self._partitions(numPartitions)
        return self.transformWith(lambda a, b: a.rightOuterJoin(b, n), other)

    def fullOuterJoin(
        self: Any, other: DStream[Any], numPartitions: int | None = None
    ) -> DStream[tuple[Any, tuple[Any, Any]]]:
        """Return the join that keeps every key of both; a missing value is None.

        Parameters
        ----------
        other : DStream
            Stream of pairs with the same slide duration.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, (value or None, value or None))

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> one, two = ssc.queueStream([[("a", 1)]]), ssc.queueStream([[("b", 2)]])
        >>> [sorted(batch) for batch in collect_batches(one.fullOuterJoin(two), 1)]
        [[('a', (1, None)), ('b', (None, 2))]]
        """
        n = self._partitions(numPartitions)
        return self.transformWith(lambda a, b: a.fullOuterJoin(b, n), other)
