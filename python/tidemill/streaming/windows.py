"""Window operations of a DStream: what they compute over the batches of the last seconds.

Invariant: a window is a union of the parent's RDDs in (time - window, time]. A reduction reduces
each batch first, so a window costs what its batches' keys cost, not what their records cost; with
an inverse function a long window is made from the one before, so it costs what enters and leaves.
Mixed into `DStream` (hence `self: Any`: a type checker takes no mix-in's self as the class it is
mixed into).
"""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from tidemill import ops
from tidemill.resultiterable import ResultIterable
from tidemill.streaming.durations import milliseconds

if TYPE_CHECKING:
    from tidemill.streaming.dstream import DStream


# A window of fewer slides is reduced from its batches: that is cheaper than to reduce twice.
_FEWEST_SLIDES = 5


class WindowOperations:
    """The window methods of `DStream`."""

    def window(
        self: Any, windowDuration: float, slideDuration: float | None = None
    ) -> DStream[Any]:
        """Return a stream of the elements of the last `windowDuration` seconds.

        Parameters
        ----------
        windowDuration : float
            Length of the window in seconds; a multiple of this stream's slide.
        slideDuration : float, optional
            Seconds between two results; a multiple of this stream's slide, which is the default.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[1], [2], [3]])
        >>> collect_batches(stream.window(0.2), 3)
        [[1], [1, 2], [2, 3]]
        """
        self._check_window(windowDuration, slideDuration)
        slide = self._slide_ms if slideDuration is None else milliseconds(slideDuration)
        if slide <= 0:
            raise ValueError(
                f"slideDuration must be a positive multiple of {self._slide_ms} ms, "
                f"but it is {slideDuration} s"
            )
        node = self._ssc._streaming.window(self._node, milliseconds(windowDuration), slide)
        return self._derived(node)

    def reduceByWindow(
        self: Any,
        reduceFunc: Callable[[Any, Any], Any],
        invReduceFunc: Callable[[Any, Any], Any] | None,
        windowDuration: float,
        slideDuration: float | None,
    ) -> DStream[Any]:
        """Return a stream with one element: the window's elements reduced.

        Parameters
        ----------
        reduceFunc : callable
            Associative and commutative reduction of two elements.
        invReduceFunc : callable or None
            Its inverse, with which long windows are made from the one before.
        windowDuration, slideDuration : float
            Seconds, as for `window`.

        Returns
        -------
        DStream

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[1, 2], [3], [4]])
        >>> collect_batches(stream.reduceByWindow(max, None, 0.2, 0.1), 3)
        [[2], [3], [4]]
        """
        keyed = self.map(lambda value: (1, value))
        reduced = keyed.reduceByKeyAndWindow(
            reduceFunc, invReduceFunc, windowDuration, slideDuration, 1
        )
        return reduced.map(lambda pair: pair[1])

    def countByWindow(self: Any, windowDuration: float, slideDuration: float) -> DStream[int]:
        """Return a stream with one element: the number of elements in the window.

        There is none before the first element came.

        Parameters
        ----------
        windowDuration, slideDuration : float
            Seconds, as for `window`.

        Returns
        -------
        DStream of int

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[1, 2], [3], [4]])
        >>> collect_batches(stream.countByWindow(0.2, 0.1), 3)
        [[2], [3], [2]]
        """
        ones = self.map(lambda _: 1)
        return ones.reduceByWindow(operator.add, operator.sub, windowDuration, slideDuration)

    def countByValueAndWindow(
        self: Any,
        windowDuration: float,
        slideDuration: float,
        numPartitions: int | None = None,
    ) -> DStream[tuple[Any, int]]:
        """Return a stream of (value, count) pairs over the window.

        Parameters
        ----------
        windowDuration, slideDuration : float
            Seconds, as for `window`.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (value, int)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[1, 1], [1]])
        >>> collect_batches(stream.countByValueAndWindow(0.2, 0.1), 2)
        [[(1, 2)], [(1, 3)]]
        """
        pairs = self.map(lambda value: (value, 1))
        counted = pairs.reduceByKeyAndWindow(
            operator.add, operator.sub, windowDuration, slideDuration, numPartitions
        )
        return counted.filter(lambda pair: pair[1] > 0)

    def groupByKeyAndWindow(
        self: Any,
        windowDuration: float,
        slideDuration: float,
        numPartitions: int | None = None,
    ) -> DStream[tuple[Any, ResultIterable]]:
        """Return a stream of (key, values of the window in order of arrival).

        Parameters
        ----------
        windowDuration, slideDuration : float
            Seconds, as for `window`.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.

        Returns
        -------
        DStream of (key, ResultIterable)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1)], [("a", 2)]])
        >>> collect_batches(stream.groupByKeyAndWindow(0.2, 0.1).mapValues(list), 2)
        [[('a', [1])], [('a', [1, 2])]]
        """
        lists = self.mapValues(lambda value: [value])
        grouped = lists.reduceByKeyAndWindow(
            operator.add,
            lambda values, gone: values[len(gone) :],
            windowDuration,
            slideDuration,
            numPartitions,
        )
        return grouped.mapValues(ResultIterable)

    def reduceByKeyAndWindow(
        self: Any,
        func: Callable[[Any, Any], Any],
        invFunc: Callable[[Any, Any], Any] | None,
        windowDuration: float,
        slideDuration: float | None = None,
        numPartitions: int | None = None,
        filterFunc: Callable[[tuple[Any, Any]], bool] | None = None,
    ) -> DStream[tuple[Any, Any]]:
        """Return a stream of (key, the window's values reduced).

        Parameters
        ----------
        func : callable
            Associative and commutative reduction of two values.
        invFunc : callable or None
            Its inverse: `invFunc(value, gone)` takes out of a key's value what left the window.
            With it a window of at least five slides is made from the one before, and a key
            without values in the window stays until `filterFunc` drops it. The window goes on
            after a restart if there is a checkpoint directory.
        windowDuration, slideDuration : float
            Seconds, as for `window`.
        numPartitions : int, optional
            Partitions of the result; the context's default parallelism if not given.
        filterFunc : callable, optional
            Keeps the (key, value) pairs for which it is true; only with `invFunc`, as in PySpark.

        Returns
        -------
        DStream of (key, value)

        Examples
        --------
        >>> from tidemill.testing import collect_batches
        >>> ssc = StreamingContext(sc, 0.1)
        >>> stream = ssc.queueStream([[("a", 1)], [("a", 2)], [("a", 3)]])
        >>> collect_batches(stream.reduceByKeyAndWindow(max, None, 0.2, 0.1), 3)
        [[('a', 1)], [('a', 2)], [('a', 3)]]
        """
        self._check_window(windowDuration, slideDuration)
        slices = self.reduceByKey(func, numPartitions)
        slide = self._slide_ms if slideDuration is None else milliseconds(slideDuration)
        if invFunc and milliseconds(windowDuration) >= _FEWEST_SLIDES * slide > 0:
            op = partial(ops.slide_window, func, invFunc, filterFunc or None)
            return slices._slide_window(op, windowDuration, slide, self._partitions(numPartitions))
        windows = slices.window(windowDuration, slideDuration)
        reduced = windows.reduceByKey(func, numPartitions)
        return reduced.filter(filterFunc) if invFunc and filterFunc else reduced

    def _slide_window(self: Any, op: Any, window: float, slide_ms: int, n: int) -> DStream[Any]:
        """Return the stream of windows that `op` makes one from the other, over this one's RDDs."""
        node = self._ssc._streaming.reduced(
            self._node, self._partitioning(n), op, n, milliseconds(window), slide_ms
        )
        return self._derived(node)

    def _check_window(self: Any, window: float, slide: float | None) -> None:
        step = self._slide_ms
        for name, seconds in (("windowDuration", window), ("slideDuration", slide)):
            if seconds and milliseconds(seconds) % step != 0:
                raise ValueError(
                    f"{name} must be multiple of the parent dstream's slide (batch) duration "
                    f"({step} ms)"
                )
